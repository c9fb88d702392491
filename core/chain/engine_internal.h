/* What the engine's files share. For core/chain alone. */
#ifndef TAMGA_CHAIN_ENGINE_INTERNAL_H
#define TAMGA_CHAIN_ENGINE_INTERNAL_H

#include "chain/anchor.h"
#include "chain/engine.h"
#include "chain/finality.h"
#include "chain/query.h"

/* Headers beyond a point of the best chain. */
struct branch {
    struct tamga_block_id *id; /* ascending, the first at fork_height + 1 */
    size_t count;
    size_t cap;
    uint64_t fork_height;     /* the last block shared with the best chain */
    struct tamga_trail trail; /* at the branch's end */
};

#define WANTED_PAYLOADS_MAX 1024
#define VOTE_WINDOW         1024 /* heights below the tip whose votes are kept */
#define COSIGNED_MAX        8    /* checkpoints of one validator that wait for a quorum */

/* What a validator said, as far as it still matters. A member may have several seats: one
 * after the other, or those of branches that were left. It is one voter, so that what it said
 * from one binds it in all: kept with the first. */
struct voter {
    uint32_t first, next; /* its first seat; its next one after this, 0: none */
    struct tamga_link *at; /* ascending by target height, no height twice */
    size_t count, cap;
    struct tamga_link highest; /* of all it ever showed us; target height 0: none */
    uint64_t cosigned;         /* highest block that it called final, known to us or not */
    bool lied;                 /* there is evidence: it counts for every link */
    struct tamga_cosignature word[COSIGNED_MAX];
    size_t word_count;
};

struct finality {
    struct tamga_point justified, final;
    struct tamga_point *sources; /* justified blocks from the final one on, any order */
    size_t source_count, source_cap;
    struct tamga_checkpoint checkpoint; /* newest with a quorum; height 0: none */
    struct tamga_link last;             /* own last vote; target height 0: none */
    struct voter *voter;                /* one for each seat of the council */
    uint32_t voter_count;
    bool votes;                         /* we do, with the key of: */
    struct tamga_address self;
};

/* How much of what is justified and final a chain contains: nothing undoes the second,
 * and the first comes before work. */
enum standing { STANDS_APART, STANDS_ON_FINAL, STANDS_ON_JUSTIFIED };

/* What a connected block put into the chain: leaves the mempool. */
struct included {
    struct tamga_entry_id id;
    size_t claim_count;
    struct tamga_hash claim[TAMGA_CLAIMS_MAX];
};
struct included_list {
    struct included *at;
    size_t count, cap;
};

/* What entries read of the state below: each key once. */
struct memo {
    struct tamga_view fetch; /* first: the op casts back */
    const struct tamga_view *below;
    struct tamga_overlay seen; /* over fetch; its view is what entries read through */
};

/* What a block's entries leave behind on the state that they were judged on. Points into
 * itself: it stays where it was made. */
struct judgement {
    struct memo memo;
    struct tamga_overlay changes;
    struct included_list list;
    struct tamga_buf undo; /* once concluded */
};

/* The newest proposal of ours, judged when it was made: the block that comes of it is not
 * judged again. Of this tip and no other: gone when the tip moves. */
struct prepared {
    bool there;
    uint8_t head[TAMGA_HEADER_BYTES - 8]; /* all of the header but the nonce */
    struct tamga_upstream upstream;
    uint64_t known_above;
    struct judgement judgement;
};

struct tamga_engine {
    const struct tamga_chain *chain;
    struct tamga_store *store;
    struct tamga_overlay pending; /* not flushed yet, over the store */
    struct tamga_trail tip;
    struct tamga_mempool mempool;
    struct prepared prepared;
    const struct tamga_block *arriving; /* for the length of a call; its body fits its header */
    struct tamga_block_id arriving_id;
    struct finality finality;
    enum standing standing; /* of the best chain */
    struct tamga_learned learned;
    uint64_t moved_ms;      /* when tip or newest justified block changed last; 0: not yet */
    bool has_miner;         /* due times are those of this miner */
    struct tamga_address miner;
    struct tamga_upstream upstream;
    struct tamga_point tried; /* final above when what waits for it was last tried */
    bool waits;               /* a better branch waits for an anchor to become final */
    struct branch branch[TAMGA_BRANCHES_MAX];
    size_t branch_count;
    /* Payloads that branches with all bodies lack, the best branch's first. */
    struct tamga_entry_id wanted[WANTED_PAYLOADS_MAX];
    uint32_t wanted_by[WANTED_PAYLOADS_MAX]; /* which of those branches, 0, 1, ... */
    size_t wanted_count;
    uint32_t wanted_branches;
    struct tamga_event event[TAMGA_EVENTS_MAX];
    size_t event_first, event_count;
    uint64_t events_lost;
};

/* engine.c */
void engine_tell(struct tamga_engine *engine, const struct tamga_event *event);
enum tamga_err engine_drop_pending(struct tamga_engine *engine,
                                   const struct tamga_entry_id *id, enum tamga_err why);
enum tamga_err engine_put_pending(struct tamga_engine *engine, struct tamga_item *item,
                                  uint64_t arrival_ms, bool returned,
                                  struct tamga_detail *detail);

/* connect.c: entries, one after the other, on what lies below a judgement. Judging changes
 * nothing; what is applied was judged. */
void judgement_init(struct judgement *judgement, const struct tamga_view *below);
void judgement_clear(struct judgement *judgement);
enum tamga_err engine_judge(const struct tamga_engine *engine,
                            const struct judgement *judgement,
                            const struct tamga_header *header, uint64_t known_above,
                            const struct tamga_item *item, bool verified,
                            struct tamga_detail *detail);
enum tamga_err engine_apply(const struct tamga_engine *engine, struct judgement *judgement,
                            const struct tamga_header *header, const struct tamga_item *item);
/* After the last entry: the map, its root, and how to take all of it back. */
enum tamga_err engine_conclude(struct judgement *judgement, struct tamga_hash *state_root);
/* propose.c: what was judged when this very block was proposed on this very tip, or NULL. */
struct judgement *engine_prepared(struct tamga_engine *engine,
                                  const struct tamga_overlay *overlay,
                                  const struct tamga_header *header, uint64_t known_above);
void engine_drop_prepared(struct tamga_engine *engine);
/* connect.c: what the chain's parameters are at a height, and whether who mined a block may,
 * by the state before it. */
enum tamga_err engine_params(const struct tamga_engine *engine, const struct tamga_view *state,
                             uint64_t height, struct tamga_params *out);
enum tamga_err engine_check_miner(const struct tamga_engine *engine,
                                  const struct tamga_view *state,
                                  const struct tamga_header *header, uint64_t known_above,
                                  struct tamga_detail *detail);
/* connect.c: a block, on an overlay that the caller merges or gives up */
enum tamga_err engine_connect(struct tamga_engine *engine, struct tamga_overlay *overlay,
                              const struct tamga_block *block,
                              const struct tamga_block_id *id, struct included_list *list,
                              struct tamga_detail *detail);
/* Note what a block of a detached chain lacks, as wanted by one of the branches. */
enum tamga_err engine_want_payloads(struct tamga_engine *engine,
                                    const struct tamga_block *block, uint32_t by);
enum tamga_err engine_disconnect(struct tamga_engine *engine, struct tamga_overlay *overlay,
                                 const struct tamga_block_id *id);
/* The decoded payload of one leaf. NEED_PAYLOAD: not here. */
enum tamga_err engine_load_item(const struct tamga_engine *engine,
                                const struct tamga_view *view, struct tamga_span leaf,
                                struct tamga_item *item, struct tamga_detail *detail);

/* anchor.c: the header's, whose parent's header is in the view */
enum tamga_err engine_check_anchor(const struct tamga_engine *engine,
                                   const struct tamga_view *view,
                                   const struct tamga_header *header, uint64_t *height,
                                   struct tamga_detail *detail);
/* By the rules, up to a height above; nothing if no chain above is known. */
enum tamga_err engine_follow(const struct tamga_engine *engine, uint64_t height,
                             const struct tamga_item *item, struct tamga_detail *detail);
/* The same up to what is final above now. */
enum tamga_err engine_follow_now(const struct tamga_engine *engine,
                                 const struct tamga_item *item, struct tamga_detail *detail);

/* branch.c */
enum tamga_err engine_load_trail(const struct tamga_engine *engine,
                                 const struct tamga_view *view,
                                 const struct tamga_block_id *id, struct tamga_trail *out);
/* Branches that are better than the tip, the best first; after NULL: the first of all. */
struct branch *engine_next_branch(struct tamga_engine *engine, const struct branch *after);
bool engine_branch_wants(struct tamga_engine *engine, const struct tamga_block_id *id);
void engine_forget_branch(struct tamga_engine *engine, struct branch *branch);
enum tamga_err engine_has_body(const struct tamga_engine *engine,
                               const struct tamga_block_id *id, bool *has);
/* A block broke a rule: it and all above it, on whatever branch, are never tried again. */
enum tamga_err engine_condemn(struct tamga_engine *engine, const struct tamga_block_id *id,
                              uint64_t height);
/* The best chain grew by one block: branches that share it begin one later; those that
 * are not better any more are dropped. */
void engine_extend_branches(struct tamga_engine *engine, const struct tamga_block_id *tip);
/* After a switch: find all branches' forks again; drop those not better. */
enum tamga_err engine_rebase_branches(struct tamga_engine *engine);

/* advance.c: move to the best branch as far as bodies allow */
enum tamga_err engine_advance(struct tamga_engine *engine, uint64_t now_ms);

/* standing.c: is the point on the branch's first `count` blocks, or on what it shares with
 * the best chain, of which `shared` says whether that has it? */
bool engine_branch_contains(const struct branch *branch, size_t count,
                            const struct tamga_point *point, bool shared);
enum standing engine_standing(const struct tamga_engine *engine, const struct branch *branch,
                              size_t count);
/* Are the branch's first `count` blocks, which end in (work, id), better than the best
 * chain? What is final and justified first, then work, then the smaller id. */
bool engine_better(const struct tamga_engine *engine, const struct branch *branch,
                   size_t count, const struct tamga_u256 *work,
                   const struct tamga_block_id *id);
bool engine_branch_better(const struct tamga_engine *engine, const struct branch *branch);
/* After the best chain, or what is justified or final, changed. */
enum tamga_err engine_restand(struct tamga_engine *engine);
/* Drop the branches that are not better than the best chain any more. */
void engine_sift_branches(struct tamga_engine *engine);
/* Know the branch that ends in a header of the store, unless the best chain has it. */
enum tamga_err engine_know_branch(struct tamga_engine *engine,
                                  const struct tamga_point *end);

/* finality.c */
enum tamga_err engine_finality_load(struct tamga_engine *engine);
void engine_finality_clear(struct tamga_engine *engine);
/* The state changed: members and validators may have. */
enum tamga_err engine_learn(struct tamga_engine *engine);
/* By the decisions up to which height the seats at a block's height are those that they are.
 * UNKNOWN_BLOCK: that is not known yet. */
enum tamga_err engine_seats(const struct tamga_engine *engine, const struct tamga_point *block,
                            uint64_t *as_of, struct tamga_detail *detail);
/* Where what a member said is kept, whichever of its seats it was opened as; and whether one
 * of those held at a height, by the decisions up to another. */
struct voter *engine_voter(const struct tamga_engine *engine, uint32_t place);
bool engine_voter_held(const struct tamga_engine *engine, uint32_t place, uint64_t height,
                       uint64_t as_of);
/* Our own seat at a height. False: we have none, or do not vote. */
bool engine_own_seat(const struct tamga_engine *engine, uint64_t height, uint32_t *place);
/* The tip moved: votes far below it are forgotten. */
enum tamga_err engine_finality_prune(struct tamga_engine *engine);
/* A quorum says that the block, whose header is here, is final. */
enum tamga_err engine_finalize(struct tamga_engine *engine, const struct tamga_point *point);
/* Something else than a vote changed what counts: links held already may have a quorum. */
enum tamga_err engine_recount(struct tamga_engine *engine, uint64_t now_ms);
/* Does `end`, whose header is here, descend from `start`, or is it? */
enum tamga_err engine_descends(const struct tamga_engine *engine,
                               const struct tamga_point *start,
                               const struct tamga_point *end, bool *descends);
/* due.c: does the best chain have entries that are not final, and room for an empty block? */
bool engine_wants_empty(const struct tamga_engine *engine);
/* cosign.c */
enum tamga_err engine_checkpoint_load(struct tamga_engine *engine);
/* finality_query.c */
#define POINT_BYTES 40 /* u64 height, block id */
void engine_point_put(uint8_t out[POINT_BYTES], const struct tamga_point *point);
void engine_point_get(struct tamga_point *out, const uint8_t in[POINT_BYTES]);

#endif
