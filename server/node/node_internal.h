/* What the node's rooms share. For server/node alone. */
#ifndef TAMGA_NODE_NODE_INTERNAL_H
#define TAMGA_NODE_NODE_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "net/gossip.h"
#include "net/mailbox.h"
#include "node/node.h"
#include "tamga/v1/block.pb-c.h"
#include "tamga/v1/gossip.pb-c.h"

#define LETTERS_MAX 16384 /* waiting for the loop */
#define BATCH_MAX   512   /* letters that share one flush */

/* Work for the loop. run changes the engine; done is called after the flush, whatever
 * run said, and releases the letter. */
struct letter {
    enum tamga_err (*run)(struct tamga_node *node, struct letter *letter, uint64_t now_ms);
    void (*done)(struct tamga_node *node, struct letter *letter);
    enum tamga_err err;
    struct tamga_detail detail;
};
/* Takes the letter on success; BUSY or STOPPING. */
enum tamga_err node_post(struct tamga_node *node, struct letter *letter);
/* Post a letter of the caller's stack and wait until the loop is done with it. */
enum tamga_err node_call(struct tamga_node *node, struct letter *letter);

struct miner {
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct tamga_block job;       /* under lock; count 0: none */
    atomic_uint_fast64_t current; /* number of the job that is still wanted */
    uint64_t job_number;
    bool stopping;
};

struct peer {
    struct tamga_node *node;
    struct tamga_peer_addr addr;
    struct tamga_channel *channel;
    pthread_t thread;
    bool running;
    uint64_t avoid_until_ms; /* after it lied or broke a rule */
    uint32_t faults;
    bool reachable;
};

#define PUBLISHERS_MAX 128

struct publisher_seen {
    uint64_t publisher;
    uint64_t number;
};

struct tamga_node {
    struct tamga_node_options options;
    const struct tamga_chain *chain;
    struct tamga_engine *engine; /* the loop's alone once started */
    struct tamga_address address;
    struct tamga_mailbox *mailbox;
    pthread_t loop;
    bool loop_running;
    atomic_bool stopping;
    atomic_uint_fast64_t pending_count; /* entries that wait, as of the last batch */

    struct miner miner;

    struct tamga_publisher *publisher; /* network broadcaster */
    uint8_t publisher_id[8];
    uint64_t gossip_number;

    struct tamga_subscriber *subscriber; /* network listener */
    struct publisher_seen seen[PUBLISHERS_MAX];
    size_t seen_count;

    struct peer peer[TAMGA_PEERS_MAX];
    size_t peer_count;
    pthread_mutex_t sync_lock; /* one peer at a time brings headers and bodies */
    pthread_mutex_t poke_lock;
    pthread_cond_t poke;
    uint64_t poke_number;
};

/* miner.c */
enum tamga_err miner_start(struct tamga_node *node);
void miner_stop(struct tamga_node *node);
/* On the loop: mine what is due, or stop mining what is not wanted any more. */
void miner_review(struct tamga_node *node, uint64_t now_ms, bool tip_changed);
bool miner_idle(struct tamga_node *node);

/* network_broadcaster.c: on the loop's thread */
void broadcast_payload(struct tamga_node *node, struct tamga_span payload);
void broadcast_tip(struct tamga_node *node);
void broadcast_status(struct tamga_node *node);

/* network_listener.c */
enum tamga_err listener_start(struct tamga_node *node, struct tamga_detail *detail);
void listener_stop(struct tamga_node *node);

/* status_handler.c: does a signed status claim a better chain than ours? */
enum tamga_err status_judge(struct tamga_node *node, const Tamga__V1__Signed *untrusted,
                            bool *better, struct tamga_u256 *work,
                            struct tamga_detail *detail);

/* chain_sync.c */
enum tamga_err sync_start(struct tamga_node *node, struct tamga_detail *detail);
void sync_stop(struct tamga_node *node);
/* Something is missing or better elsewhere: look now. Any thread. */
void sync_poke(struct tamga_node *node);

/* Is exactly this entry here already, pending or in a block? Any thread. */
bool node_knows(struct tamga_node *node, const struct tamga_entry_id *id);
/* Decode and verify a payload from a peer in the caller's thread. */
enum tamga_err node_open_payload(struct tamga_node *node, struct tamga_item *item,
                                 struct tamga_span untrusted, struct tamga_detail *detail);

#endif
