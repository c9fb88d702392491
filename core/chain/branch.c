/*
 * Header chains beside the best one: judged by work and seal before a body is asked
 * for, bounded in number and length. Knows no body.
 */
#include <stdlib.h>

#include "chain/engine_internal.h"

static void clear_branch(struct branch *branch)
{
    free(branch->id);
    *branch = (struct branch){0};
}

void engine_forget_branch(struct tamga_engine *engine, struct branch *branch)
{
    size_t at = (size_t)(branch - engine->branch);

    clear_branch(branch);
    engine->branch[at] = engine->branch[--engine->branch_count];
    engine->branch[engine->branch_count] = (struct branch){0};
}

static enum tamga_err push_id(struct branch *branch, const struct tamga_block_id *id)
{
    if (branch->count == branch->cap) {
        size_t cap = branch->cap == 0 ? 16 : branch->cap * 2;
        struct tamga_block_id *grown = realloc(branch->id, cap * sizeof *grown);

        if (grown == NULL)
            return TAMGA_E_NO_MEMORY;
        branch->id = grown;
        branch->cap = cap;
    }
    branch->id[branch->count++] = *id;
    return TAMGA_OK;
}

/* One header further down is added to a trail; false once nothing older is needed. */
static bool trail_reach(struct tamga_trail *trail, bool *run_ended,
                        const struct tamga_header *header)
{
    /* Newest first, into the end of the window; moved to its front in the end. */
    if (trail->time_count < TAMGA_MEDIAN_COUNT)
        trail->time_ms[TAMGA_MEDIAN_COUNT - ++trail->time_count] = header->time_ms;
    if (header->entry_count > 0)
        *run_ended = true;
    if (!*run_ended)
        trail->empty_run = header->height == 0 ? TAMGA_EMPTY_RUN_MAX : trail->empty_run + 1;
    if (trail->empty_run == TAMGA_EMPTY_RUN_MAX)
        *run_ended = true;
    return header->height > 0 && (!*run_ended || trail->time_count < TAMGA_MEDIAN_COUNT);
}

enum tamga_err engine_load_trail(const struct tamga_engine *engine,
                                 const struct tamga_view *view,
                                 const struct tamga_block_id *id, struct tamga_trail *out)
{
    struct tamga_stored_header stored;
    struct tamga_trail trail = {.genesis_time_ms = engine->chain->genesis.time_ms};
    struct tamga_block_id at = *id;
    bool run_ended = false;
    enum tamga_err err = tamga_query_header(view, id, &stored);

    if (err != TAMGA_OK)
        return err;
    trail.tip = stored.sealed.header;
    trail.tip_id = *id;
    trail.work = stored.work;
    while (trail_reach(&trail, &run_ended, &stored.sealed.header)) {
        at = stored.sealed.header.parent;
        err = tamga_query_header(view, &at, &stored);
        if (err != TAMGA_OK)
            return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    }
    memmove(trail.time_ms, trail.time_ms + TAMGA_MEDIAN_COUNT - trail.time_count,
            trail.time_count * sizeof trail.time_ms[0]);
    *out = trail;
    return TAMGA_OK;
}

/* Where a branch may leave the best chain at the earliest, once that has what is final. */
static uint64_t lowest_fork(const struct tamga_engine *engine)
{
    return engine->standing == STANDS_APART ? 0 : engine->finality.final.height;
}

/* The ids from the best chain up to `end`, both ends known.
 * INVALID_ANCESTOR, BELOW_FINAL, TOO_MANY_BRANCHES. */
static enum tamga_err collect(const struct tamga_engine *engine, struct branch *branch,
                              const struct tamga_block_id *end)
{
    const struct tamga_view *view = &engine->pending.view;
    struct tamga_stored_header stored;
    struct tamga_block_id at = *end, best;

    for (;;) {
        enum tamga_err err = tamga_query_header(view, &at, &stored);

        if (err != TAMGA_OK)
            return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
        err = tamga_query_id_at(view, stored.sealed.header.height, &best);
        if (err == TAMGA_OK && tamga_hash_equal(&best.hash, &at.hash))
            break;
        if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND)
            return err;
        if ((stored.flags & TAMGA_STORED_INVALID) != 0)
            return TAMGA_E_INVALID_ANCESTOR;
        if (stored.sealed.header.height <= lowest_fork(engine))
            return TAMGA_E_BELOW_FINAL; /* no work brings us there */
        if (branch->count >= TAMGA_BRANCH_BLOCKS_MAX)
            return TAMGA_E_TOO_MANY_BRANCHES;
        err = push_id(branch, &at);
        if (err != TAMGA_OK)
            return err;
        at = stored.sealed.header.parent;
    }
    if (stored.sealed.header.height < lowest_fork(engine))
        return TAMGA_E_BELOW_FINAL;
    branch->fork_height = stored.sealed.header.height;
    for (size_t i = 0; i < branch->count / 2; i++) {
        struct tamga_block_id swap = branch->id[i];

        branch->id[i] = branch->id[branch->count - 1 - i];
        branch->id[branch->count - 1 - i] = swap;
    }
    return TAMGA_OK;
}

static bool precedes(const struct tamga_engine *engine, const struct branch *a,
                     const struct branch *b)
{
    int standing = (int)engine_standing(engine, a, a->count) -
                   (int)engine_standing(engine, b, b->count);
    int order = tamga_u256_compare(&a->trail.work, &b->trail.work);

    if (standing != 0)
        return standing > 0;
    return order > 0 || (order == 0 && memcmp(&a->trail.tip_id, &b->trail.tip_id,
                                              sizeof a->trail.tip_id) < 0);
}

/* Room for one more branch: the last in order goes. */
static struct branch *make_room(struct tamga_engine *engine)
{
    struct branch *least = &engine->branch[0];

    if (engine->branch_count < TAMGA_BRANCHES_MAX)
        return &engine->branch[engine->branch_count++];
    for (size_t i = 1; i < engine->branch_count; i++)
        if (precedes(engine, least, &engine->branch[i]))
            least = &engine->branch[i];
    clear_branch(least);
    return least;
}

/* A branch that ends in a header of the store; not among the engine's yet. */
static enum tamga_err open_branch(const struct tamga_engine *engine,
                                  const struct tamga_block_id *end, struct branch *out)
{
    struct branch branch = {0};
    enum tamga_err err =
        engine_load_trail(engine, &engine->pending.view, end, &branch.trail);

    if (err == TAMGA_OK)
        err = collect(engine, &branch, end);
    if (err != TAMGA_OK) {
        clear_branch(&branch);
        return err;
    }
    *out = branch;
    return TAMGA_OK;
}

static struct branch *branch_ending_in(struct tamga_engine *engine,
                                       const struct tamga_block_id *id)
{
    for (size_t i = 0; i < engine->branch_count; i++)
        if (tamga_hash_equal(&engine->branch[i].trail.tip_id.hash, &id->hash))
            return &engine->branch[i];
    return NULL;
}

/* A branch for the child of a header that no branch ends in. */
static enum tamga_err fork_at(const struct tamga_engine *engine,
                              const struct tamga_block_id *parent, struct branch *out)
{
    struct tamga_stored_header stored;
    enum tamga_err err = tamga_query_header(&engine->pending.view, parent, &stored);

    if (err == TAMGA_E_NOT_FOUND)
        return TAMGA_E_NO_PARENT;
    if (err != TAMGA_OK)
        return err;
    if ((stored.flags & TAMGA_STORED_INVALID) != 0)
        return TAMGA_E_INVALID_ANCESTOR;
    return open_branch(engine, parent, out);
}

static enum tamga_err judge_header(const struct tamga_engine *engine,
                                   const struct tamga_trail *trail,
                                   const struct tamga_sealed *sealed,
                                   const struct tamga_block_id *id, uint64_t now_ms,
                                   struct tamga_detail *detail)
{
    const struct tamga_chain *chain = engine->chain;
    const struct tamga_member *miner;
    enum tamga_err err =
        tamga_header_validate(&chain->params, trail, &sealed->header, id, now_ms, detail);

    if (err != TAMGA_OK)
        return err;
    /* Whether it may at this height is judged with the body, on the state before it. */
    miner = tamga_network_member(chain->network, &sealed->header.miner);
    if (miner == NULL)
        return TAMGA_E_NEED_MEMBER;
    err = chain->rules->miner(chain, NULL, 0, &sealed->header.miner, detail);
    return err == TAMGA_OK ? tamga_seal_check(sealed, id, miner->key) : err;
}

static enum tamga_err extend(struct tamga_engine *engine, struct branch *branch,
                             const struct tamga_sealed *sealed,
                             const struct tamga_block_id *id, uint64_t now_ms,
                             struct tamga_detail *detail)
{
    struct tamga_stored_header stored = {.sealed = *sealed, .received_ms = now_ms};
    enum tamga_err err = judge_header(engine, &branch->trail, sealed, id, now_ms, detail);

    if (err != TAMGA_OK)
        return err;
    if (branch->count >= TAMGA_BRANCH_BLOCKS_MAX)
        return TAMGA_E_TOO_MANY_BRANCHES;
    err = push_id(branch, id);
    if (err != TAMGA_OK)
        return err;
    tamga_trail_push(&branch->trail, &sealed->header, id);
    stored.work = branch->trail.work;
    return tamga_record_header(&engine->pending, id, &stored);
}

/* A header that is new to us. A branch takes a place among the others only once it has
 * a header that was found good: garbage pushes nobody out. */
static enum tamga_err take_header(struct tamga_engine *engine,
                                  const struct tamga_sealed *sealed,
                                  const struct tamga_block_id *id, uint64_t now_ms,
                                  struct tamga_detail *detail)
{
    struct branch *branch = branch_ending_in(engine, &sealed->header.parent), forked;
    enum tamga_err err;

    if (branch != NULL)
        return extend(engine, branch, sealed, id, now_ms, detail);
    err = fork_at(engine, &sealed->header.parent, &forked);
    if (err != TAMGA_OK)
        return err;
    err = extend(engine, &forked, sealed, id, now_ms, detail);
    if (err != TAMGA_OK)
        clear_branch(&forked);
    else
        *make_room(engine) = forked;
    return err;
}

/* A header that is in the store already, e.g. from before a restart: its branch may
 * have been forgotten since, and all that it needs may be here. */
static enum tamga_err recall(struct tamga_engine *engine,
                             const struct tamga_stored_header *stored,
                             const struct tamga_block_id *id, uint64_t now_ms)
{
    struct tamga_block_id best;
    struct branch branch;
    enum tamga_err err;

    if ((stored->flags & TAMGA_STORED_INVALID) != 0)
        return TAMGA_E_INVALID_ANCESTOR;
    if (engine_branch_wants(engine, id) ||
        (engine->standing == STANDS_ON_JUSTIFIED &&
         tamga_u256_compare(&stored->work, &engine->tip.work) < 0))
        return TAMGA_OK;
    err = tamga_query_id_at(&engine->pending.view, stored->sealed.header.height, &best);
    if (err == TAMGA_OK && tamga_hash_equal(&best.hash, &id->hash))
        return TAMGA_OK;
    if (err == TAMGA_OK || err == TAMGA_E_NOT_FOUND)
        err = open_branch(engine, id, &branch);
    if (err != TAMGA_OK)
        return err;
    if (!engine_branch_better(engine, &branch)) {
        clear_branch(&branch);
        return TAMGA_OK;
    }
    *make_room(engine) = branch;
    return engine_advance(engine, now_ms);
}

enum tamga_err engine_know_branch(struct tamga_engine *engine, const struct tamga_point *end)
{
    struct tamga_block_id best;
    struct branch branch;
    enum tamga_err err = tamga_query_id_at(&engine->pending.view, end->height, &best);

    if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND)
        return err;
    if (err == TAMGA_OK && tamga_hash_equal(&best.hash, &end->id.hash))
        return TAMGA_OK;
    for (size_t i = 0; i < engine->branch_count; i++)
        if (engine_branch_contains(&engine->branch[i], engine->branch[i].count, end, false))
            return TAMGA_OK;
    err = open_branch(engine, &end->id, &branch);
    if (err == TAMGA_OK)
        *make_room(engine) = branch;
    /* Invalid, or below what is final: a third of the validators have lied. */
    return tamga_err_class(err) == TAMGA_CLASS_REJECT ? TAMGA_OK : err;
}

/* Branches all of whose blocks are on the best chain now, or not worth keeping. */
static void forget_empty(struct tamga_engine *engine)
{
    for (size_t i = engine->branch_count; i-- > 0;)
        if (engine->branch[i].count == 0)
            engine_forget_branch(engine, &engine->branch[i]);
}

enum tamga_err tamga_engine_add_headers(struct tamga_engine *engine,
                                        const struct tamga_sealed *sealed, size_t count,
                                        uint64_t now_ms, size_t *added,
                                        struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_OK;

    *added = 0;
    for (size_t i = 0; err == TAMGA_OK && i < count; i++) {
        struct tamga_stored_header stored;
        struct tamga_block_id id;

        tamga_header_id(&id, &sealed[i].header);
        err = tamga_query_header(&engine->pending.view, &id, &stored);
        if (err == TAMGA_OK) {
            /* Only the last of a run of known ones can be the end of a branch. */
            err = i + 1 == count ? recall(engine, &stored, &id, now_ms) : TAMGA_OK;
            continue;
        }
        if (err == TAMGA_E_NOT_FOUND)
            err = take_header(engine, &sealed[i], &id, now_ms, detail);
        *added += err == TAMGA_OK;
    }
    return err;
}

struct branch *engine_next_branch(struct tamga_engine *engine, const struct branch *after)
{
    struct branch *next = NULL;

    for (size_t i = 0; i < engine->branch_count; i++) {
        struct branch *branch = &engine->branch[i];

        if (engine_branch_better(engine, branch) &&
            (after == NULL || precedes(engine, after, branch)) &&
            (next == NULL || precedes(engine, branch, next)))
            next = branch;
    }
    return next;
}

bool engine_branch_wants(struct tamga_engine *engine, const struct tamga_block_id *id)
{
    for (size_t i = 0; i < engine->branch_count; i++) {
        const struct branch *branch = &engine->branch[i];

        if (!engine_branch_better(engine, branch))
            continue;
        for (size_t j = 0; j < branch->count; j++)
            if (tamga_hash_equal(&branch->id[j].hash, &id->hash))
                return true;
    }
    return false;
}

enum tamga_err engine_rebase_branches(struct tamga_engine *engine)
{
    for (size_t i = engine->branch_count; i-- > 0;) {
        struct branch *branch = &engine->branch[i];
        struct branch again = {.trail = branch->trail};
        enum tamga_err err = collect(engine, &again, &branch->trail.tip_id);

        if (tamga_err_class(err) == TAMGA_CLASS_REJECT)
            again.count = 0; /* too long from where it leaves now, or below what is final */
        else if (err != TAMGA_OK) {
            clear_branch(&again);
            return err;
        }
        free(branch->id);
        *branch = again;
    }
    forget_empty(engine);
    engine_sift_branches(engine);
    return TAMGA_OK;
}

void engine_sift_branches(struct tamga_engine *engine)
{
    for (size_t i = 0; i < engine->branch_count; i++)
        if (!engine_branch_better(engine, &engine->branch[i]))
            engine->branch[i].count = 0;
    forget_empty(engine);
}

void engine_extend_branches(struct tamga_engine *engine, const struct tamga_block_id *tip)
{
    for (size_t i = engine->branch_count; i-- > 0;) {
        struct branch *branch = &engine->branch[i];

        if (tamga_hash_equal(&branch->id[0].hash, &tip->hash)) {
            memmove(branch->id, branch->id + 1, --branch->count * sizeof branch->id[0]);
            branch->fork_height++;
        }
    }
    engine_sift_branches(engine);
}

/* Where the branch has a block, or its count if it has not. */
static size_t place_on(const struct branch *branch, const struct tamga_block_id *id,
                       uint64_t height)
{
    size_t at = (size_t)(height - branch->fork_height - 1);

    if (height <= branch->fork_height || at >= branch->count ||
        !tamga_hash_equal(&branch->id[at].hash, &id->hash))
        return branch->count;
    return at;
}

/* The branch from `at` on is invalid: what lies before may still be worth having. */
static enum tamga_err cut(struct tamga_engine *engine, struct branch *branch, size_t at)
{
    for (size_t i = at; i < branch->count; i++) {
        struct tamga_stored_header stored;
        enum tamga_err err =
            tamga_query_header(&engine->pending.view, &branch->id[i], &stored);

        if (err != TAMGA_OK)
            return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
        stored.flags |= TAMGA_STORED_INVALID;
        err = tamga_record_header(&engine->pending, &branch->id[i], &stored);
        if (err != TAMGA_OK)
            return err;
    }
    branch->count = at;
    if (at == 0 || branch_ending_in(engine, &branch->id[at - 1]) != NULL) {
        engine_forget_branch(engine, branch);
        return TAMGA_OK;
    }
    return engine_load_trail(engine, &engine->pending.view, &branch->id[at - 1],
                             &branch->trail);
}

enum tamga_err engine_condemn(struct tamga_engine *engine, const struct tamga_block_id *id,
                              uint64_t height)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = engine->branch_count; err == TAMGA_OK && i-- > 0;) {
        struct branch *branch = &engine->branch[i];
        size_t at = place_on(branch, id, height);

        if (at < branch->count)
            err = cut(engine, branch, at);
    }
    return err;
}

enum tamga_err engine_has_body(const struct tamga_engine *engine,
                               const struct tamga_block_id *id, bool *has)
{
    struct tamga_stored_header stored;
    enum tamga_err err = tamga_query_header(&engine->pending.view, id, &stored);

    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    *has = (stored.flags & TAMGA_STORED_BODY) != 0;
    return TAMGA_OK;
}

static bool listed(const struct tamga_block_id *list, size_t count,
                   const struct tamga_block_id *id)
{
    for (size_t i = 0; i < count; i++)
        if (tamga_hash_equal(&list[i].hash, &id->hash))
            return true;
    return false;
}

size_t tamga_engine_wanted_blocks(struct tamga_engine *engine, struct tamga_block_id *out,
                                  size_t max)
{
    size_t count = 0;

    for (const struct branch *branch = engine_next_branch(engine, NULL); branch != NULL;
         branch = engine_next_branch(engine, branch)) {
        for (size_t i = 0; i < branch->count && count < max; i++) {
            bool has;

            /* What cannot be read is not asked for: the next call that reads it says so. */
            if (engine_has_body(engine, &branch->id[i], &has) == TAMGA_OK && !has &&
                !listed(out, count, &branch->id[i]))
                out[count++] = branch->id[i];
        }
    }
    return count;
}

enum tamga_err tamga_engine_locator(struct tamga_engine *engine, struct tamga_block_id *out,
                                    size_t *count)
{
    const struct branch *best = engine_next_branch(engine, NULL);
    uint64_t height = engine->tip.tip.height, step = 1;
    size_t n = 0;

    if (best != NULL)
        out[n++] = best->trail.tip_id;
    for (;;) {
        enum tamga_err err = tamga_query_id_at(&engine->pending.view, height, &out[n]);

        if (err != TAMGA_OK)
            return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
        n++;
        if (height == 0)
            break;
        if (n > 10)
            step *= 2;
        height = n == TAMGA_LOCATOR_MAX - 1 || step >= height ? 0 : height - step;
    }
    *count = n;
    return TAMGA_OK;
}
