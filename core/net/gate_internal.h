/*
 * What gate.c (the thread, time), gate_accept.c (who comes), gate_conn.c (one connection),
 * gate_dial.c (on its way to a member) and gate_seats.c (who is counted, who is known) share.
 * Private to this folder.
 *
 * All belongs to the gate's thread, but what the lock guards.
 */
#ifndef TAMGA_NET_GATE_INTERNAL_H
#define TAMGA_NET_GATE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/gate.h"
#include "net/parties.h"
#include "net/resolve.h"

struct tamga_gate_conn;

/* One descriptor and what the poll is asked about it. */
struct tamga_gate_end {
    struct tamga_gate_conn *conn; /* NULL: the listener, or the one that wakes */
    int fd;                       /* -1: none */
    uint32_t events;
    bool polled;
};

/* Bytes of one direction that its far side did not take yet. */
struct tamga_gate_way {
    uint8_t *kept;
    size_t at, len;
    bool over; /* no more will come from its near side */
};

enum tamga_gate_state {
    TAMGA_GATE_LOOKUP,  /* dial: the name is looked up */
    TAMGA_GATE_CONNECT, /* dial: TCP to the member */
    TAMGA_GATE_SHAKE,   /* TLS */
    TAMGA_GATE_INNER,   /* serve: TCP to NNG */
    TAMGA_GATE_OPEN,
    TAMGA_GATE_DEAD,
};

struct tamga_gate_list {
    struct tamga_gate_conn *first, *last;
};

struct tamga_gate_conn {
    struct tamga_gate *gate;
    struct tamga_gate_conn *before, *next;
    struct tamga_gate_list *list;
    enum tamga_gate_state state;
    struct tamga_gate_end plain, secure;
    struct tamga_gate_way in, out; /* in: from TLS to NNG */
    struct tamga_tls_session *session;
    struct tamga_party *address; /* serve */
    struct tamga_lookup *lookup;        /* dial */
    struct tamga_resolved resolved;
    unsigned tried;
    uint16_t port; /* serve: the loopback port under which it is known, 0 none */
    struct tamga_tls_identity member; /* who is known there */
    bool again;    /* has more to carry than its turn allowed */
    bool heard;    /* a byte came from the member */
    bool reads_out; /* TLS wants to write before it can read on */
    uint64_t expires_ms, moved_ms;
};

struct tamga_gate {
    struct tamga_gate_options options;
    char want_name[TAMGA_TLS_NAME_MAX + 1];
    bool serves;
    struct tamga_endpoint remote;
    uint16_t inner_port;
    int poll;
    struct tamga_gate_end listener, wake;
    int accept_fd_max, inner_fd_max; /* serve: numbers from here on are set aside */
    bool deaf; /* out of descriptors: not listening until the next second */
    pthread_t thread;
    atomic_bool closing, hushed;

    struct tamga_gate_list waiting, open, dead; /* waiting: oldest first */
    unsigned count;
    bool again;
    unsigned generation;
    uint64_t tick_ms;
    struct tamga_tls_ticket ticket;
    struct tamga_lookup *lookup; /* dial: one that outlived who asked for it */
    struct tamga_parties parties; /* serve: addresses */
    uint8_t scratch[TAMGA_GATE_KEPT_BYTES_MAX];

    unsigned turned_away, refused, evicted; /* since it was logged last */
    struct tamga_detail newest;             /* why the newest one was refused */

    pthread_mutex_t lock;            /* guards what follows */
    struct tamga_gate_conn **by_port; /* serve: 65536 of them */
    unsigned all, judged;
    struct tamga_link_counters counters;
    enum tamga_err why;
    struct tamga_detail why_detail;
};

/* gate_seats.c. take: NULL if this address has as many as it may, or came too often. */
struct tamga_party *tamga_gate_seat_take(struct tamga_gate *gate,
                                         const struct sockaddr_storage *from);
void tamga_gate_seat_leave(struct tamga_gate *gate, struct tamga_party *party);
void tamga_gate_know(struct tamga_gate_conn *conn, uint16_t port);
void tamga_gate_forget(struct tamga_gate_conn *conn);
void tamga_gate_move(struct tamga_gate_conn *conn, struct tamga_gate_list *to);

/* gate_conn.c. Takes fd: the member's if it serves, NNG's if it dials. */
void tamga_gate_conn_begin(struct tamga_gate *gate, int fd, struct tamga_party *address);
/* Something happened, or it is its turn again. */
void tamga_gate_conn_turn(struct tamga_gate_conn *conn, struct tamga_gate_end *end,
                          uint32_t events);
/* Time, and what is trusted now. */
void tamga_gate_conn_check(struct tamga_gate_conn *conn, uint64_t now_ms, bool judge);
/* Ends it; released when the thread has no more events of this round. */
void tamga_gate_conn_end(struct tamga_gate_conn *conn, enum tamga_err why,
                         const struct tamga_detail *detail);
void tamga_gate_conn_free(struct tamga_gate_conn *conn);

/* What is for both ways of connecting: a socket's own limits; false if it cannot be (a
 * connection may be under way); the errno of one that is over, 0: it is there. */
void tamga_gate_socket_prepare(struct tamga_gate *gate, int fd);
bool tamga_gate_connect_to(int fd, const void *address, socklen_t len);
int tamga_gate_connect_failed(int fd);
void tamga_gate_shake_begin(struct tamga_gate_conn *conn);
void tamga_gate_secure_close(struct tamga_gate_conn *conn);

/* gate_dial.c: begin, and what follows an event in LOOKUP and CONNECT. leave: it has ended. */
void tamga_gate_dial_begin(struct tamga_gate_conn *conn);
void tamga_gate_turn_lookup(struct tamga_gate_conn *conn);
void tamga_gate_turn_connect(struct tamga_gate_conn *conn);
void tamga_gate_lookup_leave(struct tamga_gate_conn *conn);

/* gate_accept.c: some of those who wait at the listener. */
void tamga_gate_accept(struct tamga_gate *gate);

/* gate.c */
bool tamga_gate_poll(struct tamga_gate *gate, struct tamga_gate_end *end, uint32_t events);
void tamga_gate_unpoll(struct tamga_gate *gate, struct tamga_gate_end *end);

#endif
