/*
 * What server.c (sockets, threads), admit.c (who enters, what is taken on) and call.c (one
 * request's life) share. Private to this folder.
 */
#ifndef TAMGA_NET_SERVER_H
#define TAMGA_NET_SERVER_H

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>

#include "net/dispatch.h"
#include "net/door.h"
#include "net/endpoint.h"
#include "net/parties.h"
#include "net/seats.h"

#define TAMGA_SERVER_THREADS_MAX  64
#define TAMGA_SERVER_CONTEXTS_MAX 1024
#define TAMGA_SERVER_PIPES_MAX    65536
/* Contexts beyond options.contexts: for answers on their way out, and to say BUSY. */
#define TAMGA_SERVER_LEAVING_MAX  512
/* A peer with this many answers on their way that asks for more does not read: cut off.
 * Well above what a connection may have in work: an answer counts until NNG tells that it
 * left, which is after a quick reader has asked again. */
#define TAMGA_SERVER_LEAVING_PER_PIPE_MAX 192
#define TAMGA_SERVER_ID_BUCKETS   1024

/*
 * A context of NNG and the one request that it carries. Exactly one party owns it at a
 * time: NNG (receiving, sending), a queue, a worker, or whoever completes the call.
 *
 *   receiving -> queue -> worker -> handler ... completion -> sending -> receiving
 *                `----> door (refusal) -----------------------'
 */
struct tamga_call {
    struct tamga_rpc_server *server;
    nng_ctx context;
    nng_aio *aio;
    bool sending;         /* which of its two operations the aio runs */
    bool leaving;         /* counted as an answer on its way, not as work */
    enum tamga_err why;   /* of a refusal */
    struct tamga_limit_hit hit; /* if that is RATE_LIMITED */
    struct tamga_party *party;  /* held while it is work */
    atomic_bool incomplete;
    bool listed;          /* its id is among those in work */
    uint32_t pipe;
    uint64_t received_ms, expires_ms;
    nng_msg *message; /* owned while it waits in a queue */
    struct tamga_request request;
    struct tamga_call *queue_next, *id_next;
};

struct tamga_call_queue {
    struct tamga_call *first, *last;
    pthread_cond_t arrived;
};

/* What happened since it was logged last. */
struct tamga_server_tally {
    unsigned cut_off, refused, dropped, turned_away, limited;
    char who[64]; /* who was cut off last */
    struct tamga_limit_hit hit; /* the last, and whose it was */
    char limited_name[TAMGA_TLS_DEVICE_MAX + 1];
};

struct tamga_rpc_server {
    struct tamga_rpc_server_options options;
    atomic_uint repeats; /* requests dropped because their id was in work */
    atomic_ullong role_denied;
    struct tamga_endpoint bound;
    char addr[TAMGA_ENDPOINT_TEXT_MAX];
    nng_socket socket;
    struct tamga_door door;
    struct tamga_dispatch dispatch;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t idle;  /* working, leaving or the seats taken have become fewer */
    struct tamga_call_queue work, refuse;
    struct tamga_seats seats;
    struct tamga_parties parties;
    struct tamga_rpc_counters counters;
    struct tamga_call *by_id[TAMGA_SERVER_ID_BUCKETS];
    unsigned working, leaving; /* requests admitted; answers on their way */
    bool stopping, closing;
    struct tamga_server_tally tally;

    struct tamga_call *call;
    size_t call_count;
    pthread_t thread[TAMGA_SERVER_THREADS_MAX + 1];
    unsigned thread_count;
};

/* call.c: a worker runs one admitted request; the door refuses one. Both take the call. */
void tamga_call_run(struct tamga_call *call, bool stopping);
void tamga_call_refuse(struct tamga_call *call);
/* admit.c, under the lock. A call that is TAKEN belongs to a queue from here on. */
enum tamga_verdict { TAMGA_VERDICT_TAKEN, TAMGA_VERDICT_DROP, TAMGA_VERDICT_CUT_OFF };
enum tamga_verdict tamga_server_admit(struct tamga_rpc_server *server, struct tamga_call *call);
/* A connection. Errors: STOPPING, NOT_MEMBER, BUSY. */
TAMGA_MUST_USE enum tamga_err tamga_server_enter(struct tamga_rpc_server *server, nng_pipe pipe,
                                                 uint32_t id);
void tamga_server_exit(struct tamga_rpc_server *server, uint32_t id);
/* admit.c: the work is over; then, in server.c, the answer is sent (or there is none to
 * send), and the next request may come. */
void tamga_call_leave(struct tamga_call *call, size_t answer_bytes);
void tamga_call_done(struct tamga_call *call);
/* admit.c: who asked; false if that is not known, or no longer. */
bool tamga_call_peer(struct tamga_call *call, struct tamga_tls_identity *out);

#endif
