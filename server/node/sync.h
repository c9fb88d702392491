/*
 * What the files of chain synchronization share: limits, the node's table of fetches, and
 * the window between what peers give and what the loop takes. For them alone.
 */
#ifndef TAMGA_NODE_SYNC_H
#define TAMGA_NODE_SYNC_H

#include "node/fetch_table.h"
#include "node/node_internal.h"
#include "node/verify_pool.h"

/* All limits of synchronization; docs/PROTOCOL.md, "Synchronization", has them too. */
#define SYNC_EVERY_MS     3000    /* between two rounds, unless something is poked */
#define SYNC_STATUS_MS    3000    /* for a status */
#define SYNC_CALL_MS      10000   /* for any other call, and besides: */
#define SYNC_BYTES_PER_MS 64      /* what a peer has to deliver of bodies, at least */
#define SYNC_CLAIM_MS     3000    /* then others may be asked too, and besides: the same */
#define SYNC_TURN_MS      3000    /* one peer at a time brings headers, while it brings any */
#define SYNC_IDLE_MS      5000    /* with nothing to ask for, waiting for what others bring */
#define SYNC_HEADERS_PAGE 2000
#define SYNC_HEADERS_AHEAD 8000   /* headers without bodies before bodies come first */
#define SYNC_HEADERS_PAGES 64     /* of one turn */
#define SYNC_BLOCKS_PAGE  64      /* asked of one peer at once, and no more than likely fit: */
#define SYNC_SLOW_MAX     6       /* time-outs in a row that halve what is asked for */
#define SYNC_ANSWER_BYTES 2097152 /* of bodies or payloads in one answer */
#define SYNC_PAYLOADS_PAGE 256    /* asked of one peer at once, for blocks that lack them */
#define SYNC_PENDING_PAGE 1024
#define SYNC_PENDING_PAGES 64
#define SYNC_WINDOW_BLOCKS 64       /* fetched and not in the engine yet, of all peers */
#define SYNC_WINDOW_BYTES  16777216 /* of bodies and payloads */

_Static_assert(TAMGA_PEERS_MAX <= TAMGA_FETCH_PEERS_MAX, "a peer is a bit in a fetch");
_Static_assert(SYNC_PENDING_PAGE <= TAMGA_FETCH_MAX, "a page of wanted payloads fits");

struct sync {
    struct tamga_node *node;
    struct verify_pool *pool;
    pthread_mutex_t lock;   /* over all below, and what of a peer is on its way */
    pthread_cond_t changed; /* by net/clock.h's clock */
    struct fetch_table block, payload;
    unsigned asking;           /* peers that just ask the loop what it wants */
    size_t blocks, bytes;      /* in the window */
    size_t body_bytes;         /* a body's usual size: moving average */
    const struct peer *turn;   /* who brings headers */
    uint64_t turn_until_ms;
};

static inline bool sync_stopping(const struct peer *peer)
{
    return atomic_load(&peer->node->stopping);
}

/* What a peer's status claims, and what came of it in this round. */
struct claim {
    bool better; /* than our chain, or with more votes */
    struct tamga_u256 work;
    struct tamga_block_id tip;
    struct tamga_block_id last; /* header that it showed; zero: none */
    struct tamga_u256 shown;    /* the most work of one */
    bool complete;           /* it has no more headers to show */
    bool cut;                /* more of them wait for bodies that say who may mine */
};

/* ---- window.c: what is under way between a peer and the engine -------------------- */

enum tamga_err sync_open(struct tamga_node *node);
void sync_close(struct tamga_node *node);

/* Wait for room in the window, and enter it. STOPPING. */
enum tamga_err sync_enter(struct peer *peer, size_t blocks, size_t bytes);
/* Leave it with the engine's verdict on what `peer` gave of `table`; any thread. */
void sync_leave(struct peer *peer, struct fetch_table *table, const struct tamga_hash *id,
                size_t blocks, size_t bytes, const struct letter *verdict);
/* What came could not be sent on: it is wanted as before. */
void sync_give_up(struct peer *peer, struct fetch_table *table, const struct tamga_hash *id);
/* Wait until nothing that this peer gave is under way; the first refusal becomes err. */
enum tamga_err sync_settle(struct peer *peer, enum tamga_err err, struct tamga_detail *detail);
/* Ask the loop what is wanted. */
enum tamga_err sync_ask_loop(struct tamga_node *node);
/* With nothing to ask this peer for: true if that may be different now. idle_ms is when
 * that began, 0: now. */
bool sync_wait(struct peer *peer, uint64_t *idle_ms, enum tamga_err *err);
/* A body's usual size; 0: none came yet. */
size_t sync_body_bytes(struct sync *sync);
/* What to ask a peer for now, and until when; `bytes`: what the answer may have. */
size_t sync_take(struct peer *peer, struct fetch_table *table, struct tamga_hash *out,
                 size_t max, size_t bytes);
/* An answer came, or none: `asked` in order, of which the ones in `gave` were given. What
 * was passed over for a later one, or all if none was given, the peer lacks. */
void sync_answered(struct peer *peer, struct fetch_table *table,
                   const struct tamga_hash *asked, size_t count, const bool *gave,
                   bool answered);

/* ---- requests --------------------------------------------------------------------- */

static inline ProtobufCBinaryData sync_chain(const struct peer *peer)
{
    return tamga_wire_bytes(tamga_hash_span(&peer->node->chain->id.hash));
}
/* Lend 32-byte ids to a request. */
static inline void sync_lend(ProtobufCBinaryData *out, const struct tamga_hash *id,
                             size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = tamga_wire_bytes(tamga_hash_span(&id[i]));
}
/* Where the id is in the list; count if it is not. */
static inline size_t sync_place(const struct tamga_hash *list, size_t count,
                                const struct tamga_hash *id)
{
    size_t i = 0;

    while (i < count && !tamga_hash_equal(&list[i], id))
        i++;
    return i;
}
ProtobufCService *sync_service(struct tamga_reply *reply);

/* ---- header_fetch.c, block_fetch.c, payload_fetch.c --------------------------------- */

/* Headers until the peer has no more (claim->complete), or enough to go on with bodies. */
enum tamga_err header_fetch(struct peer *peer, struct claim *claim,
                            struct tamga_detail *detail);
/* Cumulative work of a header that is in the store, if that is more than *work. */
void sync_more_work(const struct peer *peer, const struct tamga_block_id *id,
                    struct tamga_u256 *work);

/* One call for wanted bodies, if there are any to ask this peer for (*asked). What comes is
 * on its way to the loop on return; sync_settle has the end of it. */
enum tamga_err block_fetch(struct peer *peer, size_t *asked, struct tamga_detail *detail);
/* The same for payloads that blocks commit to. */
enum tamga_err payload_fetch(struct peer *peer, size_t *asked, struct tamga_detail *detail);
/* All entries that wait at the peer and are not here. */
enum tamga_err pending_fetch(struct peer *peer, struct tamga_detail *detail);

#endif
