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

/* How many blocks of the branch can be connected, or 0 if that would not be better. */
static size_t usable(struct tamga_engine *engine, const struct branch *branch)
{
    struct tamga_stored_header stored;
    size_t have = 0;

    if (branch->fork_height == engine->tip.tip.height)
        return branch->count > 0 && engine_has_body(engine, &branch->id[0]) ? 1 : 0;
    while (have < branch->count && engine_has_body(engine, &branch->id[have]))
        have++;
    if (have == 0 ||
        tamga_query_header(&engine->pending.view, &branch->id[have - 1], &stored) != TAMGA_OK)
        return 0;
    return engine_better(engine, &stored.work, &branch->id[have - 1]) ? have : 0;
}

/* A block that breaks a rule: it and all headers above it are never tried again. */
static enum tamga_err condemn(struct tamga_engine *engine, struct branch *branch, size_t bad,
                              enum tamga_err why, const struct tamga_detail *detail)
{
    struct tamga_event event = {.kind = TAMGA_EVENT_INVALID,
                                .id = branch->id[bad].hash,
                                .height = branch->fork_height + 1 + bad,
                                .err = why,
                                .detail = *detail};
    enum tamga_err err = TAMGA_OK;

    for (size_t i = bad; err == TAMGA_OK && i < branch->count; i++) {
        struct tamga_stored_header stored;

        err = tamga_query_header(&engine->pending.view, &branch->id[i], &stored);
        stored.flags |= TAMGA_STORED_INVALID;
        if (err == TAMGA_OK)
            err = tamga_record_header(&engine->pending, &branch->id[i], &stored);
    }
    if (err != TAMGA_OK)
        return err;
    engine_tell(engine, &event);
    branch->count = bad;
    if (bad == 0) {
        engine_forget_branch(engine, branch);
        return TAMGA_OK;
    }
    return engine_load_trail(engine, &engine->pending.view, &branch->id[bad - 1],
                             &branch->trail);
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
    return err;
}

/* Connected entries leave the mempool, and so does what claimed the same. */
static enum tamga_err settle(struct tamga_engine *engine, const struct included_list *list)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < list->count; i++) {
        const struct included *entry = &list->at[i];

        err = engine_drop_pending(engine, &entry->id, TAMGA_OK);
        for (size_t j = 0; err == TAMGA_OK && j < entry->claim_count; j++) {
            const struct tamga_item *rival =
                tamga_mempool_find_claim(&engine->mempool, &entry->claim[j]);

            if (rival != NULL)
                err = engine_drop_pending(engine, &rival->id, TAMGA_E_DUPLICATE_ENTRY);
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

static enum tamga_err try_move(struct tamga_engine *engine, struct move *move,
                               const struct branch *branch, size_t count)
{
    enum tamga_err err;

    tamga_overlay_init(&move->overlay, &engine->pending.view);
    err = leave(engine, &move->overlay, branch->fork_height, &move->left, &move->left_count);
    for (move->bad = 0; err == TAMGA_OK && move->bad < count; move->bad++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};

        err = tamga_query_block(&move->overlay.view, &branch->id[move->bad], &block);
        if (err == TAMGA_E_NOT_FOUND)
            err = TAMGA_E_STORE_CORRUPT;
        if (err == TAMGA_OK)
            err = engine_connect(engine, &move->overlay, &block, &branch->id[move->bad],
                                 &move->list, &move->detail);
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

    if (err == TAMGA_OK)
        err = engine_load_trail(engine, &engine->pending.view, &branch->id[count - 1],
                                &engine->tip);
    if (err != TAMGA_OK)
        return err;
    event.id = engine->tip.tip_id.hash;
    event.height = engine->tip.tip.height;
    engine_tell(engine, &event);
    engine->wanted_count = 0;
    err = settle(engine, &move->list);
    for (size_t i = move->left_count; err == TAMGA_OK && i-- > 0;)
        err = give_back(engine, &move->left[i], now_ms);
    if (err != TAMGA_OK)
        return err;
    if (move->left_count > 0)
        return engine_rebase_branches(engine);
    engine_extend_branches(engine, &engine->tip.tip_id);
    return TAMGA_OK;
}

enum tamga_err engine_advance(struct tamga_engine *engine, uint64_t now_ms)
{
    /* Every round connects a block or condemns one, so it ends. */
    for (;;) {
        TAMGA_CLEANUP(clear_move) struct move move = {0};
        struct branch *branch = engine_best_branch(engine);
        size_t count = branch == NULL ? 0 : usable(engine, branch);
        enum tamga_err err;

        if (count == 0)
            return TAMGA_OK;
        err = try_move(engine, &move, branch, count);
        if (err == TAMGA_E_NEED_PAYLOAD)
            return TAMGA_OK; /* tamga_engine_wanted_payloads names what is missing */
        if (tamga_err_class(err) == TAMGA_CLASS_REJECT)
            err = condemn(engine, branch, move.bad, err, &move.detail);
        else if (err == TAMGA_OK)
            err = finish_move(engine, &move, branch, count, now_ms);
        if (err != TAMGA_OK)
            return err;
    }
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
        stored.flags |= TAMGA_STORED_BODY;
        err = tamga_block_encode(&body, block, false);
        if (err == TAMGA_OK)
            err = tamga_overlay_put(&engine->pending, TAMGA_FAMILY_BODY,
                                    tamga_hash_span(&id.hash), tamga_buf_span(&body));
        if (err == TAMGA_OK)
            err = tamga_record_header(&engine->pending, &id, &stored);
    }
    return err == TAMGA_OK ? engine_advance(engine, now_ms) : err;
}

size_t tamga_engine_wanted_payloads(const struct tamga_engine *engine,
                                    struct tamga_entry_id *out, size_t max)
{
    size_t count = engine->wanted_count < max ? engine->wanted_count : max;

    memcpy(out, engine->wanted, count * sizeof *out);
    return count;
}

enum tamga_err tamga_engine_add_payload(struct tamga_engine *engine, struct tamga_item *item,
                                        uint64_t now_ms, struct tamga_detail *detail)
{
    size_t at = 0;
    enum tamga_err err = TAMGA_OK;

    while (at < engine->wanted_count &&
           !tamga_hash_equal(&engine->wanted[at].hash, &item->id.hash))
        at++;
    if (at == engine->wanted_count)
        return TAMGA_OK;
    if (!item->verified)
        err = engine->chain->rules->verify(engine->chain, item, detail);
    if (err == TAMGA_OK)
        err = tamga_overlay_put(&engine->pending, TAMGA_FAMILY_PAYLOAD,
                                tamga_hash_span(&item->id.hash),
                                tamga_buf_span(&item->payload));
    if (err != TAMGA_OK)
        return err;
    engine->wanted[at] = engine->wanted[--engine->wanted_count];
    tamga_item_clear(item);
    return engine->wanted_count == 0 ? engine_advance(engine, now_ms) : TAMGA_OK;
}
