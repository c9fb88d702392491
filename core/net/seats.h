/*
 * Who is connected, and how much of each is in work: a table of fixed size, found by
 * the connection's number. Not safe for threads: its server holds a lock.
 */
#ifndef TAMGA_NET_SEATS_H
#define TAMGA_NET_SEATS_H

#include "crypto/tls.h"
#include "net/parties.h"

struct tamga_seat {
    uint32_t pipe;
    unsigned leaving; /* answers and refusals on their way out */
    struct tamga_account account; /* of this connection */
    struct tamga_bucket refusals; /* for asking too much */
    struct tamga_party *party;    /* who may have other connections, too; held */
    bool known;                   /* its member is: came through a gate */
    struct tamga_tls_identity member;
    struct tamga_seat *next;
};

struct tamga_seats {
    struct tamga_seat *seat;
    struct tamga_seat **bucket;
    struct tamga_seat *unused;
    size_t bucket_count;
    size_t taken;
};

/* Errors: NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_seats_open(struct tamga_seats *seats, size_t count_max);
void tamga_seats_close(struct tamga_seats *seats);
/* Errors: BUSY if all are taken. */
TAMGA_MUST_USE enum tamga_err tamga_seats_take(struct tamga_seats *seats, uint32_t pipe);
/* A pipe that has no seat may leave, too. */
void tamga_seats_leave(struct tamga_seats *seats, uint32_t pipe);
/* Borrowed until the pipe leaves; NULL if it has no seat. */
struct tamga_seat *tamga_seats_find(const struct tamga_seats *seats, uint32_t pipe);

#endif
