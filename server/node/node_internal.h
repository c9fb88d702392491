/* What the node's rooms share. For server/node alone. */
#ifndef TAMGA_NODE_NODE_INTERNAL_H
#define TAMGA_NODE_NODE_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "net/gossip.h"
#include "net/mailbox.h"
#include "node/node.h"
#include "node/peer_clock.h"
#include "node/peer_score.h"
#include "node/proof_reader.h"
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
    struct tamga_block job;       /* under lock; may be empty */
    bool has_job;
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
    bool reachable;
    uint32_t number; /* among the node's peers, from 0 */
    uint32_t slow;   /* its calls for bodies that ran out of time lately */
    /* Under the lock of node->sync: its standing, what it gave that is on its way into the
     * engine, how many the engine took in this round, and the first that it refused. */
    struct peer_score score;
    size_t under_way;
    uint64_t given;
    enum tamga_err late;
    struct tamga_detail late_detail;
    atomic_bool told_finality; /* since our start, all that it knows of votes */
};

/* ---- finality: what validators said, and what this one says ------------------------ */

#define HEARD_SLOTS       16384 /* of the messages taken last; a power of two */
#define SIGNED_MAX        8     /* votes and cosignatures of one batch, each */
#define WORDS_MAX         (8 * TAMGA_VALIDATORS_MAX)
#define PULL_VOTES_MAX    4096
#define PULL_PARTIALS_MAX 16
#define PULL_BYTES        2097152 /* of votes in one answer */
#define PULL_VOTE_BYTES   1024    /* an encoded vote is smaller */

/* Exact bytes that were judged and taken: no need to verify them again. */
struct heard {
    pthread_mutex_t lock;
    struct tamga_hash slot[HEARD_SLOTS];
};
bool heard_before(struct heard *heard, const struct tamga_hash *digest);
void heard_remember(struct heard *heard, const struct tamga_hash *digest);

/* The validator's room. */
struct finality_room {
    bool may_vote;   /* the loop's, as all that follows but the words */
    bool words_changed;
    uint64_t started_ms; /* when peers were waited for first; 0: not yet */
    uint64_t waiting_told_ms;
    struct tamga_vote vote[SIGNED_MAX]; /* signed in this batch: told after its flush */
    size_t vote_count;
    struct tamga_cosignature cosignature[SIGNED_MAX];
    size_t cosignature_count;
    pthread_mutex_t lock; /* over the words: cosignatures that wait for a quorum */
    struct tamga_cosignature *word;
    size_t word_count;
};

/* What others say about finality, opened and verified, for the loop. {0} is empty. */
struct told_vote {
    struct tamga_vote vote;
    struct tamga_hash digest; /* of the message that held it */
    bool news;
};
struct told_word {
    struct tamga_cosignature cosignature;
    struct tamga_hash digest;
    bool news;
};
struct told_conflict {
    struct tamga_vote first, second;
    struct tamga_hash digest;
};
struct tidings {
    struct letter letter;
    struct told_vote *vote;
    size_t vote_count, vote_cap;
    struct told_word *word;
    size_t word_count, word_cap;
    struct told_conflict *conflict;
    size_t conflict_count, conflict_cap;
    bool missing; /* something speaks of a block that is not here */
};

/* ---- proofs ------------------------------------------------------------------------- */

#define SNAPSHOTS_MAX 16

/* The chain at its last tips: one of them is what the next checkpoint speaks of. */
struct proofs {
    struct {
        struct tamga_point at;
        struct tamga_reader *reader;
    } recent[SNAPSHOTS_MAX]; /* the loop's; oldest first */
    size_t recent_count;
    struct tamga_block_id tip; /* of the last one taken */
    pthread_mutex_t lock;      /* over what follows, and all references */
    struct tamga_proof_reader *current;
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
    struct finality_room finality;
    struct heard heard;
    struct proofs proofs;
    struct peer_clocks clocks;

    struct tamga_publisher *publisher; /* network broadcaster */
    uint8_t publisher_id[8];
    uint64_t gossip_number;

    struct tamga_subscriber *subscriber; /* network listener */
    struct publisher_seen seen[PUBLISHERS_MAX];
    size_t seen_count;

    struct peer peer[TAMGA_PEERS_MAX];
    size_t peer_count;
    struct sync *sync; /* what their threads share; sync.h */
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
void broadcast_vote(struct tamga_node *node, struct tamga_span vote);
void broadcast_cosignature(struct tamga_node *node,
                           const struct tamga_cosignature *cosignature);
void broadcast_conflict(struct tamga_node *node, struct tamga_span conflict);

/* finality.c: the validator's room. On the loop's thread, but for the words. */
enum tamga_err finality_init(struct tamga_node *node);
void finality_clear(struct tamga_node *node);
/* Before the flush: sign what is due, and give it to the engine. */
enum tamga_err finality_sign(struct tamga_node *node, uint64_t now_ms);
/* After the flush: tell others what was signed. */
void finality_tell(struct tamga_node *node);
void finality_tell_conflict(struct tamga_node *node, const struct tamga_event *event);
/* Cosignatures that wait for a quorum, a copy of the caller's by free(). Any thread. */
enum tamga_err finality_words(struct tamga_node *node, struct tamga_cosignature **out,
                              size_t *count);

/* tidings.c: open and verify in the caller's thread; what was heard before is left out. */
enum tamga_err tidings_add_vote(struct tidings *tidings, struct tamga_node *node,
                                const Tamga__V1__Signed *untrusted,
                                struct tamga_detail *detail);
enum tamga_err tidings_add_checkpoint(struct tidings *tidings, struct tamga_node *node,
                                      const Tamga__V1__Checkpoint *untrusted,
                                      struct tamga_detail *detail);
enum tamga_err tidings_add_conflict(struct tidings *tidings, struct tamga_node *node,
                                    const Tamga__V1__VoteConflict *untrusted,
                                    struct tamga_detail *detail);
bool tidings_empty(const struct tidings *tidings);
/* The letter's run: gives all of it to the engine. Only a local failure is its error. */
enum tamga_err tidings_run(struct tamga_node *node, struct letter *letter, uint64_t now_ms);
/* After the flush, on the loop's thread: publish what was news. */
void tidings_pass_on(struct tamga_node *node, const struct tidings *tidings);
void tidings_clear(struct tidings *tidings);

/* finality_pull.c: what a peer knows of votes and checkpoints, into the loop. Errors:
 * those of a call; what it shows is judged as tamga_vote_open and _checkpoint_open do. */
enum tamga_err finality_pull(struct peer *peer, struct tamga_detail *detail);

/* proof_reader.c: after a flush, on the loop's thread */
void proofs_init(struct tamga_node *node);
void proofs_review(struct tamga_node *node);
void proofs_clear(struct tamga_node *node);

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
