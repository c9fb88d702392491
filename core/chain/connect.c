/*
 * One block onto the state or off it again, on an overlay. Knows no branch and no
 * mempool policy; entries that wait in the mempool are not verified a second time.
 */
#include <stdlib.h>

#include "chain/engine_internal.h"
#include "wire/wire.h"

/* ---- undo: former values of the STATE and INDEX keys that a block writes --------
 * Each: u8 family, u8 key length, key, u8 was there, u32 value length, value. */

static enum tamga_err add_undo(struct tamga_buf *undo, const struct tamga_view *below,
                               const struct tamga_write *write)
{
    TAMGA_BUF former = {0};
    uint8_t head[2] = {(uint8_t)write->family, (uint8_t)write->key.len}, tail[5];
    enum tamga_err err = tamga_view_get(below, write->family, write->key, &former);

    if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND)
        return err;
    tail[0] = err == TAMGA_OK;
    tamga_put_u32(tail + 1, (uint32_t)former.len);
    err = tamga_buf_add(undo, tamga_span(head, sizeof head));
    if (err == TAMGA_OK)
        err = tamga_buf_add(undo, write->key);
    if (err == TAMGA_OK)
        err = tamga_buf_add(undo, tamga_span(tail, sizeof tail));
    return err == TAMGA_OK ? tamga_buf_add(undo, tamga_buf_span(&former)) : err;
}

static enum tamga_err make_undo(struct tamga_buf *undo, const struct tamga_overlay *state)
{
    struct tamga_write *write;
    size_t count;
    enum tamga_err err = tamga_overlay_writes(state, &write, &count);

    if (err != TAMGA_OK)
        return err;
    for (size_t i = 0; err == TAMGA_OK && i < count; i++)
        err = add_undo(undo, state->below, &write[i]);
    free(write);
    return err;
}

/* One former value from the front of undo. STORE_CORRUPT if it is cut short. */
static enum tamga_err take_undo(struct tamga_span *undo, struct tamga_overlay *overlay)
{
    struct tamga_span key, value;
    enum tamga_family family;
    bool was_there;

    if (undo->len < 2 || undo->len < 2u + undo->data[1] + 5u)
        return TAMGA_E_STORE_CORRUPT;
    family = (enum tamga_family)undo->data[0];
    key = tamga_span(undo->data + 2, undo->data[1]);
    was_there = undo->data[2 + key.len] != 0;
    value = tamga_span(undo->data + 2 + key.len + 5, tamga_get_u32(undo->data + 3 + key.len));
    if ((family != TAMGA_FAMILY_STATE && family != TAMGA_FAMILY_INDEX) ||
        value.len > undo->len - (7 + key.len))
        return TAMGA_E_STORE_CORRUPT;
    *undo = tamga_span(value.data + value.len, undo->len - (7 + key.len + value.len));
    return was_there ? tamga_overlay_put(overlay, family, key, value)
                     : tamga_overlay_erase(overlay, family, key);
}

/* ---- items of leaves ------------------------------------------------------------ */

enum tamga_err engine_load_item(const struct tamga_engine *engine,
                                const struct tamga_view *view, struct tamga_span leaf,
                                struct tamga_item *item, struct tamga_detail *detail)
{
    const struct tamga_chain *chain = engine->chain;
    const struct tamga_item *waiting;
    TAMGA_BUF payload = {0};
    struct tamga_entry_id id;
    enum tamga_err err;

    if (!chain->rules->detached)
        return chain->rules->decode(chain, item, leaf, detail);
    err = chain->rules->entry_id(&id, leaf);
    if (err != TAMGA_OK)
        return err;
    waiting = tamga_mempool_find(&engine->mempool, &id);
    if (waiting != NULL)
        return chain->rules->decode(chain, item, tamga_buf_span(&waiting->payload), detail);
    err = tamga_view_get(view, TAMGA_FAMILY_PAYLOAD, tamga_hash_span(&id.hash), &payload);
    if (err == TAMGA_E_NOT_FOUND)
        return TAMGA_E_NEED_PAYLOAD;
    return err == TAMGA_OK ? chain->rules->decode(chain, item, tamga_buf_span(&payload), detail)
                           : err;
}

/* Exactly these bytes were verified when they came into the mempool. */
static bool verified_before(const struct tamga_engine *engine, const struct tamga_item *item)
{
    const struct tamga_item *waiting = tamga_mempool_find(&engine->mempool, &item->id);

    return waiting != NULL && tamga_span_equal(tamga_buf_span(&waiting->payload),
                                               tamga_buf_span(&item->payload));
}

static enum tamga_err check_leaf(const struct tamga_engine *engine, struct tamga_span leaf,
                                 const struct tamga_item *item)
{
    TAMGA_BUF expected = {0};
    enum tamga_err err;

    if (!engine->chain->rules->detached)
        return TAMGA_OK; /* the leaf is what was decoded */
    err = engine->chain->rules->entry(item, &expected);
    if (err != TAMGA_OK)
        return err;
    return tamga_span_equal(tamga_buf_span(&expected), leaf) ? TAMGA_OK
                                                             : TAMGA_E_BAD_COMMITMENT;
}

static enum tamga_err check_new(const struct tamga_view *view, const struct tamga_item *item,
                                uint64_t height, struct tamga_detail *detail)
{
    struct tamga_place place;
    enum tamga_err err = tamga_query_place(view, &item->id, &place);

    if (err == TAMGA_E_NOT_FOUND)
        return TAMGA_OK;
    if (err != TAMGA_OK)
        return err;
    if (place.height == height)
        return TAMGA_E_ENTRY_TWICE;
    return tamga_refuse(detail, TAMGA_E_DUPLICATE_ENTRY, "it is in block %llu",
                        (unsigned long long)place.height);
}

static enum tamga_err include(struct included_list *list, const struct tamga_item *item)
{
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 64 : list->cap * 2;
        struct included *grown = realloc(list->at, cap * sizeof *grown);

        if (grown == NULL)
            return TAMGA_E_NO_MEMORY;
        list->at = grown;
        list->cap = cap;
    }
    list->at[list->count].id = item->id;
    list->at[list->count].claim_count = item->claim_count;
    memcpy(list->at[list->count].claim, item->claim, sizeof item->claim);
    list->count++;
    return TAMGA_OK;
}

/* One entry: judge it on the state that the entries before it left, then apply it.
 * `state` lies over `records`, so that undo sees the state keys alone. */
static enum tamga_err connect_entry(struct tamga_engine *engine, struct tamga_overlay *records,
                                    struct tamga_overlay *state,
                                    const struct tamga_block *block, uint32_t index,
                                    struct included_list *list, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    const struct tamga_chain *chain = engine->chain;
    const struct tamga_header *header = &block->sealed.header;
    struct tamga_place place = {.height = header->height, .index = index};
    enum tamga_err err =
        engine_load_item(engine, &state->view, block->entry[index], &item, detail);

    if (err == TAMGA_OK)
        err = check_leaf(engine, block->entry[index], &item);
    if (err == TAMGA_OK)
        err = check_new(&state->view, &item, header->height, detail);
    if (err == TAMGA_OK && !verified_before(engine, &item))
        err = chain->rules->verify(chain, &item, detail);
    if (err == TAMGA_OK)
        err = chain->rules->check(chain, &state->view, &item, header->time_ms, detail);
    if (err == TAMGA_OK)
        err = chain->rules->apply(chain, state, &item);
    if (err == TAMGA_OK)
        err = tamga_record_place(records, &item.id, &place);
    if (err == TAMGA_OK && chain->rules->detached)
        err = tamga_overlay_put(records, TAMGA_FAMILY_PAYLOAD, tamga_hash_span(&item.id.hash),
                                tamga_buf_span(&item.payload));
    return err == TAMGA_OK ? include(list, &item) : err;
}

enum tamga_err engine_want_payloads(struct tamga_engine *engine,
                                    const struct tamga_block *block, uint32_t by)
{
    for (size_t i = 0; i < block->count && engine->wanted_count < WANTED_PAYLOADS_MAX; i++) {
        TAMGA_BUF payload = {0};
        struct tamga_entry_id id;
        enum tamga_err err = engine->chain->rules->entry_id(&id, block->entry[i]);

        if (err != TAMGA_OK)
            return err;
        if (tamga_mempool_find(&engine->mempool, &id) != NULL)
            continue;
        err = tamga_view_get(&engine->pending.view, TAMGA_FAMILY_PAYLOAD,
                             tamga_hash_span(&id.hash), &payload);
        if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND)
            return err;
        if (err == TAMGA_OK)
            continue;
        engine->wanted_by[engine->wanted_count] = by;
        engine->wanted[engine->wanted_count++] = id;
    }
    return TAMGA_OK;
}

static enum tamga_err finish(struct tamga_overlay *records, struct tamga_overlay *state,
                             const struct tamga_header *header,
                             const struct tamga_block_id *id)
{
    TAMGA_BUF undo = {0};
    struct tamga_span id_span = tamga_hash_span(&id->hash);
    uint8_t height[8];
    enum tamga_err err = make_undo(&undo, state);

    if (err == TAMGA_OK)
        err = tamga_overlay_put(records, TAMGA_FAMILY_UNDO, id_span, tamga_buf_span(&undo));
    tamga_height_key(height, header->height);
    if (err == TAMGA_OK)
        err = tamga_overlay_put(records, TAMGA_FAMILY_HEIGHT, tamga_span(height, 8), id_span);
    if (err == TAMGA_OK)
        err = tamga_overlay_put(records, TAMGA_FAMILY_META, tamga_span_text("tip"), id_span);
    return err == TAMGA_OK ? tamga_overlay_merge(records, state) : err;
}

enum tamga_err engine_connect(struct tamga_engine *engine, struct tamga_overlay *overlay,
                              const struct tamga_block *block,
                              const struct tamga_block_id *id, struct included_list *list,
                              struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay records;
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay state;
    enum tamga_err err = TAMGA_OK;
    size_t before = list->count;

    tamga_overlay_init(&records, &overlay->view);
    tamga_overlay_init(&state, &records.view);
    if (block->bytes.len > engine->chain->params.block_bytes_max)
        err = tamga_refuse(detail, TAMGA_E_BLOCK_TOO_LARGE, "%zu bytes of entries; at most %u",
                           block->bytes.len, engine->chain->params.block_bytes_max);
    for (uint32_t i = 0; err == TAMGA_OK && i < block->count; i++)
        err = connect_entry(engine, &records, &state, block, i, list, detail);
    if (err == TAMGA_OK)
        err = finish(&records, &state, &block->sealed.header, id);
    if (err == TAMGA_OK)
        err = tamga_overlay_merge(overlay, &records);
    if (err != TAMGA_OK)
        list->count = before;
    return err;
}

static enum tamga_err erase_places(struct tamga_engine *engine, struct tamga_overlay *overlay,
                                   const struct tamga_block *block)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < block->count; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};

        err = engine_load_item(engine, &overlay->view, block->entry[i], &item, NULL);
        if (err == TAMGA_OK)
            err = tamga_overlay_erase(overlay, TAMGA_FAMILY_ENTRY,
                                      tamga_hash_span(&item.id.hash));
    }
    return err;
}

enum tamga_err engine_disconnect(struct tamga_engine *engine, struct tamga_overlay *overlay,
                                 const struct tamga_block_id *id)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    TAMGA_BUF bytes = {0};
    struct tamga_span undo, id_span = tamga_hash_span(&id->hash);
    uint8_t height[8];
    enum tamga_err err = tamga_query_block(&overlay->view, id, &block);

    if (err == TAMGA_OK)
        err = tamga_view_get(&overlay->view, TAMGA_FAMILY_UNDO, id_span, &bytes);
    if (err == TAMGA_OK)
        err = erase_places(engine, overlay, &block);
    undo = tamga_buf_span(&bytes);
    while (err == TAMGA_OK && undo.len > 0)
        err = take_undo(&undo, overlay);
    if (err == TAMGA_OK)
        err = tamga_overlay_erase(overlay, TAMGA_FAMILY_UNDO, id_span);
    tamga_height_key(height, block.sealed.header.height);
    if (err == TAMGA_OK)
        err = tamga_overlay_erase(overlay, TAMGA_FAMILY_HEIGHT, tamga_span(height, 8));
    if (err == TAMGA_OK)
        err = tamga_overlay_put(overlay, TAMGA_FAMILY_META, tamga_span_text("tip"),
                                tamga_hash_span(&block.sealed.header.parent.hash));
    /* What is connected but does not read back is damage, not a peer's fault. */
    return err == TAMGA_E_NOT_FOUND || tamga_err_class(err) == TAMGA_CLASS_REJECT
               ? TAMGA_E_STORE_CORRUPT
               : err;
}
