/*
 * Moving to the best branch: straight on block by block, or, where it leaves the best
 * chain, all at once on an overlay, so that a switch happens whole or not at all.
 */
#include <stdlib.h>

#include "chain/engine_internal.h"

static void free_list(struct included_list *list)
{
    free(list->at);
}

/* *count becomes 0 if the branch's first blocks alone are not better than the tip. */
static enum tamga_err if_better(const struct tamga_engine *engine, const struct branch *branch,
                                size_t *count)
{
    struct tamga_stored_header stored;
    enum tamga_err err;

    if (*count == 0)
        return TAMGA_OK;
    err = tamga_query_header(&engine->pending.view, &branch->id[*count - 1], &stored);
    if (err == TAMGA_OK &&
        !engine_better(engine, branch, *count, &stored.work, &branch->id[*count - 1]))
        *count = 0;
    return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
}

/* How many blocks of the branch have their bodies here, or 0 if that is not better. */
static enum tamga_err usable(const struct tamga_engine *engine, const struct branch *branch,
                             size_t *count)
{
    bool straight = branch->fork_height == engine->tip.tip.height, has = true;
    size_t most = straight ? 1 : branch->count;
    enum tamga_err err = TAMGA_OK;

    for (*count = 0; err == TAMGA_OK && has && *count < most;) {
        err = engine_has_body(engine, &branch->id[*count], &has);
        *count += err == TAMGA_OK && has;
    }
    return err == TAMGA_OK ? if_better(engine, branch, count) : err;
}

static enum tamga_err condemn(struct tamga_engine *engine, const struct branch *branch,
                              size_t bad, enum tamga_err why,
                              const struct tamga_detail *detail)
{
    struct tamga_block_id id = branch->id[bad]; /* the branch may go */
    struct tamga_event event = {.kind = TAMGA_EVENT_INVALID,
                                .id = id.hash,
                                .height = branch->fork_height + 1 + bad,
                                .err = why,
                                .detail = *detail};
    enum tamga_err err = engine_condemn(engine, &id, event.height);

    if (err == TAMGA_OK)
        engine_tell(engine, &event);
    return err;
}

/* Back to where the branch leaves. *left names the abandoned blocks, newest first. */
static enum tamga_err leave(struct tamga_engine *engine, struct tamga_overlay *overlay,
                            uint64_t fork_height, struct tamga_block_id **left, size_t *count)
{
    size_t depth = (size_t)(engine->tip.tip.height - fork_height);
    enum tamga_err err = TAMGA_OK;

    *left = calloc(depth + 1, sizeof **left);
    if (*left == NULL)
        return TAMGA_E_NO_MEMORY;
    for (*count = 0; err == TAMGA_OK && *count < depth; ++*count) {
        struct tamga_block_id *id = *left + *count;

        err = tamga_query_id_at(&overlay->view, engine->tip.tip.height - *count, id);
        if (err == TAMGA_OK)
            err = engine_disconnect(engine, overlay, id);
    }
    /* A gap in our own chain is no peer's fault. */
    return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
}

/* An entry that waits, though the chain now has what it claims: the rules know why it
 * cannot follow. */
static enum tamga_err drop_rival(struct tamga_engine *engine, const struct tamga_item *rival,
                                 uint64_t now_ms)
{
    const struct tamga_chain *chain = engine->chain;
    struct tamga_moment next = {engine->tip.tip.height + 1, now_ms};
    enum tamga_err why =
        chain->rules->check(chain, &engine->pending.view, rival, &next, NULL);

    if (tamga_err_class(why) == TAMGA_CLASS_LOCAL)
        return why;
    return engine_drop_pending(engine, &rival->id,
                               why == TAMGA_OK ? TAMGA_E_DUPLICATE_ENTRY : why);
}

/* Connected entries leave the mempool, and so does what claimed the same. */
static enum tamga_err settle(struct tamga_engine *engine, const struct included_list *list,
                             uint64_t now_ms)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < list->count; i++) {
        const struct included *entry = &list->at[i];

        err = engine_drop_pending(engine, &entry->id, TAMGA_OK);
        for (size_t j = 0; err == TAMGA_OK && j < entry->claim_count; j++) {
            const struct tamga_item *rival =
                tamga_mempool_find_claim(&engine->mempool, &entry->claim[j]);

            if (rival != NULL)
                err = drop_rival(engine, rival, now_ms);
        }
    }
    return err;
}

/* Entries of abandoned blocks that the new chain does not have wait again. */
static enum tamga_err give_back(struct tamga_engine *engine,
                                const struct tamga_block_id *block_id, uint64_t now_ms)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    enum tamga_err err = tamga_query_block(&engine->pending.view, block_id, &block);

    for (size_t i = 0; err == TAMGA_OK && i < block.count; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
        struct tamga_entry_id id;
        struct tamga_place place;

        err = engine_load_item(engine, &engine->pending.view, block.entry[i], &item, NULL);
        if (err != TAMGA_OK)
            break;
        id = item.id;
        err = tamga_query_place(&engine->pending.view, &id, &place);
        if (err == TAMGA_OK || err != TAMGA_E_NOT_FOUND)
            continue;
        item.verified = true; /* as part of a block that was valid */
        err = engine_put_pending(engine, &item, now_ms, true, NULL);
        if (tamga_err_class(err) == TAMGA_CLASS_REJECT) {
            struct tamga_event event = {
                .kind = TAMGA_EVENT_DROPPED, .id = id.hash, .err = err};

            engine_tell(engine, &event); /* the new chain has what it conflicts with */
            err = TAMGA_OK;
        }
    }
    return err;
}

/* One switch: leave `depth` blocks, connect the branch's first `count`. */
struct move {
    struct tamga_overlay overlay;
    struct included_list list;
    struct tamga_block_id *left;
    size_t left_count;
    size_t bad; /* index of the block that could not be connected */
    struct tamga_detail detail;
};

static void clear_move(struct move *move)
{
    tamga_overlay_clear(&move->overlay);
    free_list(&move->list);
    free(move->left);
}

/* Ask for all that the blocks lack before any is judged: otherwise each payload that
 * arrives would have the same blocks judged again. *count becomes that of the first
 * blocks that lack nothing, or 0 if they are not better. */
static enum tamga_err look_for_payloads(struct tamga_engine *engine, struct move *move,
                                        const struct branch *branch, size_t *count)
{
    size_t before = engine->wanted_count, complete = 0;
    uint32_t by = engine->wanted_branches++;
    enum tamga_err err = TAMGA_OK;

    if (!engine->chain->rules->detached)
        return TAMGA_OK;
    for (move->bad = 0; move->bad < *count; move->bad++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};

        err = tamga_query_block(&engine->pending.view, &branch->id[move->bad], &block);
        if (err == TAMGA_E_NOT_FOUND)
            err = TAMGA_E_STORE_CORRUPT;
        if (err == TAMGA_OK)
            err = engine_want_payloads(engine, &block, by);
        if (err != TAMGA_OK)
            return err;
        complete += engine->wanted_count == before;
        if (engine->wanted_count == WANTED_PAYLOADS_MAX)
            break; /* what others lack fills the list: connecting finds out */
    }
    if (engine->wanted_count == before)
        return TAMGA_OK;
    *count = complete;
    return if_better(engine, branch, count);
}

/* Blocks whose anchors are not final here yet wait, with all above them: asked before a
 * switch begins, for it would be made and given up each time. A bad one is for connecting
 * to condemn. *count as above. */
static enum tamga_err look_for_anchors(struct tamga_engine *engine, const struct branch *branch,
                                       size_t *count)
{
    enum tamga_err err = TAMGA_OK;
    size_t good = 0;

    if (engine->upstream.view == NULL)
        return TAMGA_OK;
    while (err == TAMGA_OK && good < *count) {
        struct tamga_stored_header stored;
        uint64_t height;

        err = tamga_query_header(&engine->pending.view, &branch->id[good], &stored);
        if (err != TAMGA_OK)
            return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
        err = engine_check_anchor(engine, &engine->pending.view, &stored.sealed.header, &height,
                                  NULL);
        good += err == TAMGA_OK;
    }
    if (err != TAMGA_E_NEED_ANCHOR)
        return tamga_err_class(err) == TAMGA_CLASS_LOCAL ? err : TAMGA_OK;
    engine->waits = true; /* tamga_engine_retry goes on from here */
    *count = good;
    return if_better(engine, branch, count);
}

static enum tamga_err load_block(const struct tamga_view *view,
                                 const struct tamga_block_id *id, struct tamga_block *out)
{
    struct tamga_stored_header stored;
    enum tamga_err err = tamga_query_block(view, id, out);

    if (err == TAMGA_OK)
        err = tamga_query_header(view, id, &stored);
    if (err == TAMGA_OK)
        out->verified = (stored.flags & TAMGA_STORED_VERIFIED) != 0;
    return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
}

/* The block that this call brought: it need not be read back. NULL: another one. */
static const struct tamga_block *arriving(const struct tamga_engine *engine,
                                          const struct tamga_block_id *id)
{
    return engine->arriving != NULL && tamga_hash_equal(&engine->arriving_id.hash, &id->hash)
               ? engine->arriving
               : NULL;
}

static enum tamga_err try_move(struct tamga_engine *engine, struct move *move,
                               const struct branch *branch, size_t count)
{
    enum tamga_err err;

    tamga_overlay_init(&move->overlay, &engine->pending.view);
    err = leave(engine, &move->overlay, branch->fork_height, &move->left, &move->left_count);
    for (move->bad = 0; err == TAMGA_OK && move->bad < count; move->bad++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block loaded = {0};
        const struct tamga_block_id *id = &branch->id[move->bad];
        const struct tamga_block *block = arriving(engine, id);

        if (block == NULL) {
            block = &loaded;
            err = load_block(&move->overlay.view, id, &loaded);
        }
        if (err == TAMGA_OK)
            err = engine_connect(engine, &move->overlay, block, id, &move->list, &move->detail);
        if (err != TAMGA_OK)
            break;
    }
    return err;
}

static enum tamga_err finish_move(struct tamga_engine *engine, struct move *move,
                                  struct branch *branch, size_t count, uint64_t now_ms)
{
    struct tamga_event event = {.kind = TAMGA_EVENT_TIP, .depth = move->left_count};
    enum tamga_err err = tamga_overlay_merge(&engine->pending, &move->overlay);

    engine_drop_prepared(engine); /* it was for the former tip */
    if (err == TAMGA_OK)
        err = engine_load_trail(engine, &engine->pending.view, &branch->id[count - 1],
                                &engine->tip);
    if (err != TAMGA_OK)
        return err;
    engine->moved_ms = now_ms;
    event.id = engine->tip.tip_id.hash;
    event.height = engine->tip.tip.height;
    engine_tell(engine, &event);
    err = engine_learn(engine);
    if (err == TAMGA_OK)
        err = engine_restand(engine);
    if (err == TAMGA_OK)
        err = engine_finality_prune(engine);
    if (err == TAMGA_OK)
        err = settle(engine, &move->list, now_ms);
    for (size_t i = move->left_count; err == TAMGA_OK && i-- > 0;)
        err = give_back(engine, &move->left[i], now_ms);
    if (err != TAMGA_OK)
        return err;
    if (move->left_count > 0)
        return engine_rebase_branches(engine);
    engine_extend_branches(engine, &engine->tip.tip_id);
    return TAMGA_OK;
}

/* *changed: the tip moved or a block was condemned, so that all is to be seen anew. */
static enum tamga_err try_branch(struct tamga_engine *engine, struct branch *branch,
                                 uint64_t now_ms, bool *changed)
{
    TAMGA_CLEANUP(clear_move) struct move move = {0};
    size_t count;
    enum tamga_err err = usable(engine, branch, &count);

    *changed = false;
    if (err != TAMGA_OK || count == 0)
        return err;
    err = look_for_payloads(engine, &move, branch, &count);
    if (err == TAMGA_OK)
        err = look_for_anchors(engine, branch, &count);
    if (err == TAMGA_OK && count == 0)
        return TAMGA_OK;
    if (err == TAMGA_OK)
        err = try_move(engine, &move, branch, count);
    if (err == TAMGA_E_NEED_PAYLOAD)
        return TAMGA_OK; /* tamga_engine_wanted_payloads names what is missing */
    *changed = true;
    if (tamga_err_class(err) == TAMGA_CLASS_REJECT)
        return condemn(engine, branch, move.bad, err, &move.detail);
    return err == TAMGA_OK ? finish_move(engine, &move, branch, count, now_ms) : err;
}

static struct branch *start_over(struct tamga_engine *engine)
{
    engine->wanted_count = 0;
    engine->wanted_branches = 0;
    engine->waits = false;
    return engine_next_branch(engine, NULL);
}

enum tamga_err engine_advance(struct tamga_engine *engine, uint64_t now_ms)
{
    struct branch *branch = start_over(engine);

    /* A branch whose bodies somebody keeps back must not hold up the next best. Every
     * change connects a block or condemns one, so this ends. */
    while (branch != NULL) {
        bool changed;
        enum tamga_err err = try_branch(engine, branch, now_ms, &changed);

        if (err != TAMGA_OK)
            return err;
        branch = changed ? start_over(engine) : engine_next_branch(engine, branch);
    }
    return TAMGA_OK;
}

enum tamga_err tamga_engine_add_block(struct tamga_engine *engine,
                                      const struct tamga_block *block, uint64_t now_ms,
                                      struct tamga_detail *detail)
{
    TAMGA_BUF body = {0};
    struct tamga_stored_header stored;
    struct tamga_block_id id;
    size_t added;
    enum tamga_err err = tamga_block_check_body(block);

    if (err == TAMGA_OK)
        err = tamga_engine_add_headers(engine, &block->sealed, 1, now_ms, &added, detail);
    if (err != TAMGA_OK)
        return err;
    tamga_header_id(&id, &block->sealed.header);
    if (!engine_branch_wants(engine, &id))
        return TAMGA_OK;
    err = tamga_query_header(&engine->pending.view, &id, &stored);
    if (err != TAMGA_OK)
        return err;
    if ((stored.flags & TAMGA_STORED_BODY) == 0) {
        stored.flags |= TAMGA_STORED_BODY | (block->verified ? TAMGA_STORED_VERIFIED : 0);
        err = tamga_block_encode(&body, block, false);
        if (err == TAMGA_OK)
            err = tamga_overlay_put(&engine->pending, TAMGA_FAMILY_BODY,
                                    tamga_hash_span(&id.hash), tamga_buf_span(&body));
        if (err == TAMGA_OK)
            err = tamga_record_header(&engine->pending, &id, &stored);
    }
    if (err != TAMGA_OK)
        return err;
    engine->arriving = block;
    engine->arriving_id = id;
    err = engine_advance(engine, now_ms);
    engine->arriving = NULL;
    return err;
}

size_t tamga_engine_wanted_payloads(const struct tamga_engine *engine,
                                    struct tamga_entry_id *out, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < engine->wanted_count && count < max; i++) {
        size_t j = 0;

        while (j < count && !tamga_hash_equal(&out[j].hash, &engine->wanted[i].hash))
            j++;
        if (j == count) /* two blocks may want the same */
            out[count++] = engine->wanted[i];
    }
    return count;
}

static bool is_wanted(const struct tamga_engine *engine, const struct tamga_entry_id *id)
{
    for (size_t i = 0; i < engine->wanted_count; i++)
        if (tamga_hash_equal(&engine->wanted[i].hash, &id->hash))
            return true;
    return false;
}

/* Returns whether a branch has all that it wanted now. */
static bool no_longer_want(struct tamga_engine *engine, const struct tamga_entry_id *id)
{
    bool complete = false;

    for (size_t i = engine->wanted_count; i-- > 0;) {
        uint32_t by = engine->wanted_by[i];
        bool more = false;

        if (!tamga_hash_equal(&engine->wanted[i].hash, &id->hash))
            continue;
        engine->wanted[i] = engine->wanted[--engine->wanted_count];
        engine->wanted_by[i] = engine->wanted_by[engine->wanted_count];
        for (size_t j = 0; j < engine->wanted_count && !more; j++)
            more = engine->wanted_by[j] == by;
        complete = complete || !more;
    }
    return complete;
}

enum tamga_err tamga_engine_add_payload(struct tamga_engine *engine, struct tamga_item *item,
                                        uint64_t now_ms, struct tamga_detail *detail)
{
    struct tamga_entry_id id = item->id;
    enum tamga_err err = TAMGA_OK;

    if (!is_wanted(engine, &id)) {
        tamga_item_clear(item);
        return TAMGA_OK;
    }
    if (!item->verified)
        err = engine->chain->rules->verify(engine->chain, item, detail);
    if (err == TAMGA_OK)
        err = tamga_overlay_put(&engine->pending, TAMGA_FAMILY_PAYLOAD,
                                tamga_hash_span(&item->id.hash),
                                tamga_buf_span(&item->payload));
    if (err != TAMGA_OK)
        return err;
    tamga_item_clear(item);
    return no_longer_want(engine, &id) ? engine_advance(engine, now_ms) : TAMGA_OK;
}
