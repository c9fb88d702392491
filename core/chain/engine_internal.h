/* What the engine's files share. For core/chain alone. */
#ifndef TAMGA_CHAIN_ENGINE_INTERNAL_H
#define TAMGA_CHAIN_ENGINE_INTERNAL_H

#include "chain/engine.h"
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

struct tamga_engine {
    const struct tamga_chain *chain;
    struct tamga_store *store;
    struct tamga_overlay pending; /* not flushed yet, over the store */
    struct tamga_trail tip;
    struct tamga_mempool mempool;
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

/* engine.c */
void engine_tell(struct tamga_engine *engine, const struct tamga_event *event);
enum tamga_err engine_drop_pending(struct tamga_engine *engine,
                                   const struct tamga_entry_id *id, enum tamga_err why);
enum tamga_err engine_put_pending(struct tamga_engine *engine, struct tamga_item *item,
                                  uint64_t arrival_ms, bool returned,
                                  struct tamga_detail *detail);

/* connect.c: on an overlay that the caller merges or gives up */
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

/* Is (work, id) better than the tip? More work, or the same and the smaller id. */
bool engine_better(const struct tamga_engine *engine, const struct tamga_u256 *work,
                   const struct tamga_block_id *id);

#endif
