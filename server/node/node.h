/*
 * One chain's node: a loop that owns the engine, with the paper's rooms around it:
 * network listener, status handler, chain synchronization, miner, network broadcaster.
 * A gateway runs two of them: its own chain, and the consortium chain that it follows.
 * Never asks which chain it is.
 */
#ifndef TAMGA_NODE_NODE_H
#define TAMGA_NODE_NODE_H

#include "chain/engine.h"
#include "chain/query.h"
#include "net/rpc.h"

#define TAMGA_PEERS_MAX 64

struct tamga_peer_addr {
    const char *rpc;
    const char *gossip;
};

struct tamga_node;

struct tamga_node_options {
    const char *name;               /* for the log */
    const struct tamga_chain *chain;
    struct tamga_store *store;
    const struct tamga_node *above; /* of the chain whose final blocks headers name; or NULL */
    const struct tamga_private_key *key; /* signs status and seals */
    bool mine;                      /* false: follow only; entries and blocks are never made */
    const char *gossip_listen;      /* NULL: publish nothing */
    const struct tamga_net_link *link;  /* for tls+tcp:// addresses; NULL: plain ones only */
    const struct tamga_peer_addr *peer;
    size_t peer_count;              /* at most TAMGA_PEERS_MAX */
    /* Asked by the miner between slices: true while something more urgent wants the
     * processor. May be NULL. */
    bool (*busy)(void *context);
    /* After the best chain changed, on the loop's thread; blocks from height - added + 1
     * on are new. May be NULL. */
    void (*tip_changed)(void *context, uint64_t height, uint64_t abandoned);
    /* The store failed: nothing can be promised any more, the process has to end. */
    void (*failed)(void *context, enum tamga_err err);
    void *context;
};

/* Borrows all of the options until close. Errors: the engine's, USAGE, SYSTEM. */
TAMGA_MUST_USE enum tamga_err tamga_node_open(struct tamga_node **out,
                                              const struct tamga_node_options *options,
                                              struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_node_start(struct tamga_node *node);
/* Phased: no new letters, loop drained and flushed, threads joined. */
void tamga_node_stop(struct tamga_node *node);
void tamga_node_close(struct tamga_node *node);

const struct tamga_chain *tamga_node_chain(const struct tamga_node *node);
/* For reads by any thread. */
struct tamga_store *tamga_node_store(const struct tamga_node *node);
/* Name that a gossip address really has, or NULL. */
const char *tamga_node_gossip_addr(const struct tamga_node *node);

/*
 * Give an entry to the loop. Verify it before, in the caller's thread.
 *
 * Owns:    takes the item on success. done is called once, on the loop's thread, after
 *          the batch is durable.
 * Errors:  BUSY: the loop has as much to do as it takes on; STOPPING.
 */
typedef void (*tamga_submitted)(void *context, enum tamga_err err, bool known,
                                const struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_node_submit(struct tamga_node *node,
                                                struct tamga_item *item,
                                                tamga_submitted done, void *context);

/* Pack the node's signed status as of a reader. */
TAMGA_MUST_USE enum tamga_err tamga_node_status(const struct tamga_node *node,
                                                struct tamga_buf *out);

/* Milliseconds since 1970-01-01 UTC, from the machine's clock. */
uint64_t tamga_wall_ms(void);

#endif
