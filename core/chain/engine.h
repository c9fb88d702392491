/*
 * The chain engine: one chain's mempool, headers, blocks and state, over a store.
 * Pure: no socket, thread, clock or randomness; time comes in with every call. It never
 * asks which chain it serves: that is the rules' to know.
 *
 * Nothing a call changes is in the store before tamga_engine_flush: callers batch, flush
 * once, and only then tell anybody. After STORE_IO or STORE_CORRUPT the engine must be
 * closed: what was flushed is whole.
 *
 * Threads: one owner. Readers use store snapshots and chain/query.h.
 */
#ifndef TAMGA_CHAIN_ENGINE_H
#define TAMGA_CHAIN_ENGINE_H

#include "chain/block.h"
#include "chain/mempool.h"
#include "chain/vote.h"

#define TAMGA_BRANCHES_MAX       8     /* header chains beside the best one */
#define TAMGA_BRANCH_BLOCKS_MAX  16384 /* headers on each: a long one takes no place of others */
#define TAMGA_LOCATOR_MAX        64
#define TAMGA_EVENTS_MAX         1024  /* waiting to be taken; more are counted and lost */

struct tamga_engine;

/* What happened, for the caller to log and to tell; taken after a flush. */
enum tamga_event_kind {
    TAMGA_EVENT_TIP,     /* new tip: id, height; depth blocks of the old chain abandoned;
                            steps straight on are one event */
    TAMGA_EVENT_DROPPED, /* a pending entry can never enter a block any more: id, err */
    TAMGA_EVENT_INVALID, /* a block with good work broke a rule: id, height, err, detail */
    TAMGA_EVENT_FINAL,   /* id, height and all before it are final */
    TAMGA_EVENT_CHECKPOINT, /* a quorum has cosigned: id, height */
    TAMGA_EVENT_CONFLICT,   /* a validator contradicted itself: id is its address, height of
                               the vote; or (CHECKPOINT_CONFLICT) a quorum contradicts us */
};
struct tamga_event {
    enum tamga_event_kind kind;
    struct tamga_hash id;
    uint64_t height;
    uint64_t depth;
    enum tamga_err err;
    struct tamga_detail detail;
};

/*
 * Open the chain in a store; an empty store starts at genesis. Reads the tip and the
 * pending entries only, whatever the chain's length.
 *
 * Owns:    chain and store are borrowed until close.
 * Errors:  STORE_FOREIGN (another genesis), STORE_CORRUPT, STORE_IO, NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_engine_open(struct tamga_engine **out,
                                                const struct tamga_chain *chain,
                                                struct tamga_store *store,
                                                struct tamga_detail *detail);
void tamga_engine_close(struct tamga_engine *engine);

/*
 * The chain above, for rules whose headers name its final blocks: borrowed until close. The
 * view is its store's own reader, or any that sees what is newest. Without it anchors are
 * zero, and what entries say of that chain is not judged.
 */
void tamga_engine_set_upstream(struct tamga_engine *engine, const struct tamga_chain *upstream,
                               const struct tamga_view *view);
/* Does a better branch wait for its anchor to become final above? Then retry now and again:
 * it costs two reads until something new is final there. Then as add_block. */
bool tamga_engine_waits(const struct tamga_engine *engine);
TAMGA_MUST_USE enum tamga_err tamga_engine_retry(struct tamga_engine *engine, uint64_t now_ms);

/* Write everything since the last flush in one synced batch. Errors: STORE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_engine_flush(struct tamga_engine *engine);
bool tamga_engine_next_event(struct tamga_engine *engine, struct tamga_event *event);
/* How many events found no room since this was asked last; dropped entries go first. */
uint64_t tamga_engine_take_lost(struct tamga_engine *engine);

/* The best chain's end; borrowed, changes with the next call that adds. */
const struct tamga_trail *tamga_engine_tip(const struct tamga_engine *engine);
const struct tamga_mempool *tamga_engine_mempool(const struct tamga_engine *engine);

/*
 * Take an entry into the mempool. Signatures are verified here unless item->verified. What
 * it says of the chain above is judged by what is final there now.
 *
 * Owns:    takes the item on success only.
 * Outputs: *known is true if exactly this entry waits already (success, nothing changes).
 * Errors:  DUPLICATE_ENTRY, the rules' codes, NEED_ANCHOR, DUPLICATE_PENDING, QUOTA,
 *          MEMPOOL_FULL.
 */
TAMGA_MUST_USE enum tamga_err tamga_engine_submit(struct tamga_engine *engine,
                                                  struct tamga_item *item, uint64_t now_ms,
                                                  bool *known, struct tamga_detail *detail);

/*
 * Judge headers, each extending one that is known. Those before the first bad one stay.
 * A known one, e.g. from before a restart, may be all that was missing for a better chain:
 * then as add_block.
 *
 * Outputs: *added counts headers that were new.
 * Errors:  NO_PARENT, INVALID_ANCESTOR, BELOW_FINAL, those of tamga_header_validate,
 *          NOT_MINER, BAD_SEAL, TOO_MANY_BRANCHES.
 */
TAMGA_MUST_USE enum tamga_err tamga_engine_add_headers(struct tamga_engine *engine,
                                                       const struct tamga_sealed *sealed,
                                                       size_t count, uint64_t now_ms,
                                                       size_t *added,
                                                       struct tamga_detail *detail);
/*
 * Take a block: its header as above if it is new, its body if a better branch wants it;
 * then move to the best chain whose bodies are all here and valid.
 *
 * Errors:  as add_headers; BAD_COUNT, BAD_ROOT, BLOCK_TOO_LARGE. Invalid entries are no
 *          error of this call: the block is remembered as invalid, see TAMGA_EVENT_INVALID.
 */
TAMGA_MUST_USE enum tamga_err tamga_engine_add_block(struct tamga_engine *engine,
                                                     const struct tamga_block *block,
                                                     uint64_t now_ms,
                                                     struct tamga_detail *detail);
/* Take a payload that a wanted block commits to (detached chains); others are ignored.
 * Then as add_block. Takes the item on success. */
TAMGA_MUST_USE enum tamga_err tamga_engine_add_payload(struct tamga_engine *engine,
                                                       struct tamga_item *item,
                                                       uint64_t now_ms,
                                                       struct tamga_detail *detail);

/* Bodies that the best branch lacks, in order, then those of the next best ones: whoever
 * keeps a body back must not stop the others. Returns how many, at most max. */
size_t tamga_engine_wanted_blocks(struct tamga_engine *engine, struct tamga_block_id *out,
                                  size_t max);
/* Payloads that blocks which could be next lack, the best branch's first. */
size_t tamga_engine_wanted_payloads(const struct tamga_engine *engine,
                                    struct tamga_entry_id *out, size_t max);
/* Ids of headers we have, newest first, ever sparser, genesis last; at most
 * TAMGA_LOCATOR_MAX. */
TAMGA_MUST_USE enum tamga_err tamga_engine_locator(struct tamga_engine *engine,
                                                   struct tamga_block_id *out, size_t *count);

/*
 * ---- finality ---------------------------------------------------------------------
 * Every block can be a source or target. A block is justified by a quorum of votes from a
 * justified one to it, and final once justified with a quorum from it to its child. The
 * best chain is sought among those that contain the newest justified block.
 * Source: docs/PROTOCOL.md, "Finality".
 */
const struct tamga_point *tamga_engine_justified(const struct tamga_engine *engine);
const struct tamga_point *tamga_engine_final(const struct tamga_engine *engine);
/* Newest checkpoint with a quorum; height 0: none yet. */
const struct tamga_checkpoint *tamga_engine_checkpoint(const struct tamga_engine *engine);

/*
 * Take a vote whose signature was verified (tamga_vote_open). The same vote again, or one
 * for a height that is final, is a success that changes nothing. An own vote from before
 * a loss of memory is remembered as the last one.
 *
 * Outputs: *news: worth passing on.
 * Errors:  UNKNOWN_BLOCK, VOTE_OFF_SOURCE, VOTE_TWICE, VOTE_SURROUNDS: the two votes are
 *          kept as evidence. Then as add_block.
 */
TAMGA_MUST_USE enum tamga_err tamga_engine_add_vote(struct tamga_engine *engine,
                                                    const struct tamga_vote *vote,
                                                    uint64_t now_ms, bool *news,
                                                    struct tamga_detail *detail);
/* A cosignature that was verified (tamga_checkpoint_open). A quorum of them makes a block
 * final here too, if its header is known. Errors: UNKNOWN_BLOCK, CHECKPOINT_CONFLICT. */
TAMGA_MUST_USE enum tamga_err tamga_engine_add_cosignature(
    struct tamga_engine *engine, const struct tamga_cosignature *cosignature, uint64_t now_ms,
    bool *news, struct tamga_detail *detail);
/* Cosignatures that wait for a quorum, of all checkpoints above the newest; returns how
 * many, at most max (8 a validator). */
size_t tamga_engine_words(const struct tamga_engine *engine, struct tamga_cosignature *out,
                          size_t max);
/* Two votes of one validator, verified both. Errors: BAD_VALUE: they do not conflict. */
TAMGA_MUST_USE enum tamga_err tamga_engine_add_conflict(struct tamga_engine *engine,
                                                        const struct tamga_vote *first,
                                                        const struct tamga_vote *second,
                                                        bool *news);
/*
 * What this validator should sign now, if anything: a vote for the tip, its word for the
 * newest final block. Sign, add, flush, and only then send: what was added here binds the
 * validator for ever. No vote is due before tamga_engine_may_vote was called: a node whose
 * store was restored asks others for its own votes first.
 */
void tamga_engine_may_vote(struct tamga_engine *engine, const struct tamga_address *validator);
bool tamga_engine_vote_due(const struct tamga_engine *engine, struct tamga_link *out);
bool tamga_engine_cosignature_due(const struct tamga_engine *engine,
                                  struct tamga_checkpoint *out);

/* Is it time to mine, and when will it be (UINT64_MAX: not without news)? Miners that would
 * all begin at once take turns, in an order that the tip draws anew: whoever asks as a miner
 * says so first. docs/PROTOCOL.md, "When a block is due". */
void tamga_engine_mine_as(struct tamga_engine *engine, const struct tamga_address *miner);
uint64_t tamga_engine_due_ms(const struct tamga_engine *engine);
bool tamga_engine_block_due(const struct tamga_engine *engine, uint64_t now_ms);
/*
 * A block on the tip from the mempool, complete but for nonce and seal. Entries that can
 * never be valid any more are dropped on the way.
 *
 * Errors:  NOT_FOUND: nothing to mine, or the tip's anchor is not known to be final.
 */
TAMGA_MUST_USE enum tamga_err tamga_engine_propose(struct tamga_engine *engine,
                                                   struct tamga_block *out,
                                                   const struct tamga_address *miner,
                                                   uint64_t now_ms);

/* Build the block of an announcement from pending entries. Errors: NOT_FOUND: some
 * are not here, ask for the whole block. */
TAMGA_MUST_USE enum tamga_err tamga_engine_assemble(const struct tamga_engine *engine,
                                                    struct tamga_block *out,
                                                    const struct tamga_sealed *sealed,
                                                    const struct tamga_entry_id *id,
                                                    size_t count);

#endif
