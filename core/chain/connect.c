/*
 * One block onto the state or off it again, on an overlay, and the state map with it.
 * Knows no branch and no mempool policy; entries that wait in the mempool are neither
 * decoded nor verified a second time.
 */
#include <stdlib.h>

#include "chain/engine_internal.h"
#include "chain/state_map.h"
#include "wire/wire.h"

/* ---- what a block's entries read: each key once from below ------------------------ */

struct memo {
    struct tamga_view fetch; /* first: the op casts back */
    const struct tamga_view *below;
    struct tamga_overlay seen; /* over fetch; its view is what entries read through */
};

/* STATE and INDEX keys are asked for again by the next entry, or by undo; others are not. */
static enum tamga_err memo_fetch(const struct tamga_view *view, enum tamga_family family,
                                 struct tamga_span key, struct tamga_buf *value)
{
    struct memo *memo = (struct memo *)(uintptr_t)view; /* only what it remembers changes */
    enum tamga_err kept, err = tamga_view_get(memo->below, family, key, value);

    if ((family != TAMGA_FAMILY_STATE && family != TAMGA_FAMILY_INDEX) ||
        (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND))
        return err;
    kept = err == TAMGA_OK ? tamga_overlay_put(&memo->seen, family, key, tamga_buf_span(value))
                           : tamga_overlay_erase(&memo->seen, family, key);
    return kept == TAMGA_OK ? err : kept;
}

static void memo_init(struct memo *memo, const struct tamga_view *below)
{
    static const struct tamga_view_ops ops = {.get = memo_fetch};

    *memo = (struct memo){.fetch.ops = &ops, .below = below};
    tamga_overlay_init(&memo->seen, &memo->fetch);
}

static void memo_clear(struct memo *memo)
{
    tamga_overlay_clear(&memo->seen);
}

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

static void free_writes(struct tamga_write **write)
{
    free(*write);
}

static enum tamga_err make_undo(struct tamga_buf *undo, const struct tamga_overlay *changes)
{
    TAMGA_CLEANUP(free_writes) struct tamga_write *write = NULL;
    size_t count;
    enum tamga_err err = tamga_overlay_writes(changes, &write, &count);

    if (err != TAMGA_OK)
        return err;
    for (size_t i = 0; err == TAMGA_OK && i < count; i++)
        if (write[i].family == TAMGA_FAMILY_STATE || write[i].family == TAMGA_FAMILY_INDEX)
            err = add_undo(undo, changes->below, &write[i]);
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

/* Payloads are verified before they are stored, whether they wait or a block has them. */
static enum tamga_err load_detached(const struct tamga_engine *engine,
                                    const struct tamga_view *view, struct tamga_span leaf,
                                    struct tamga_item *item, struct tamga_detail *detail)
{
    const struct tamga_chain *chain = engine->chain;
    const struct tamga_item *waiting;
    TAMGA_BUF payload = {0};
    struct tamga_entry_id id;
    struct tamga_span bytes;
    enum tamga_err err = chain->rules->entry_id(&id, leaf);

    if (err != TAMGA_OK)
        return err;
    waiting = tamga_mempool_find(&engine->mempool, &id);
    if (waiting == NULL)
        err = tamga_view_get(view, TAMGA_FAMILY_PAYLOAD, tamga_hash_span(&id.hash), &payload);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_NEED_PAYLOAD : err;
    bytes = tamga_buf_span(waiting == NULL ? &payload : &waiting->payload);
    err = chain->rules->decode(chain, item, bytes, detail);
    item->verified = err == TAMGA_OK;
    return err;
}

enum tamga_err engine_load_item(const struct tamga_engine *engine,
                                const struct tamga_view *view, struct tamga_span leaf,
                                struct tamga_item *item, struct tamga_detail *detail)
{
    return engine->chain->rules->detached
               ? load_detached(engine, view, leaf, item, detail)
               : engine->chain->rules->decode(engine->chain, item, leaf, detail);
}

/* What waits in the mempool was decoded and verified when it came there. NULL: not this
 * payload; a leaf that names no entry is for decoding to refuse. */
static const struct tamga_item *find_waiting(const struct tamga_engine *engine,
                                             struct tamga_span leaf)
{
    const struct tamga_item *waiting;
    struct tamga_entry_id id;

    if (engine->chain->rules->entry_id(&id, leaf) != TAMGA_OK)
        return NULL;
    waiting = tamga_mempool_find(&engine->mempool, &id);
    if (waiting == NULL || engine->chain->rules->detached)
        return waiting;
    /* Signatures are no part of an id: exactly these bytes, or others. */
    return tamga_span_equal(tamga_buf_span(&waiting->payload), leaf) ? waiting : NULL;
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

/* Judge a decoded entry on the state that the entries before it left, then apply it. */
static enum tamga_err connect_item(struct tamga_engine *engine, struct tamga_overlay *changes,
                                   const struct tamga_header *header,
                                   const struct tamga_item *item, bool verified, uint32_t index,
                                   struct tamga_detail *detail)
{
    const struct tamga_chain *chain = engine->chain;
    struct tamga_place place = {.height = header->height, .index = index};
    enum tamga_err err = check_new(&changes->view, item, header->height, detail);

    if (err == TAMGA_OK && !verified)
        err = chain->rules->verify(chain, item, detail);
    if (err == TAMGA_OK)
        err = chain->rules->check(chain, &changes->view, item, header->time_ms, detail);
    if (err == TAMGA_OK)
        err = chain->rules->apply(chain, changes, item);
    if (err == TAMGA_OK)
        err = tamga_record_place(changes, &item->id, &place);
    if (err == TAMGA_OK && chain->rules->detached)
        err = tamga_overlay_put(changes, TAMGA_FAMILY_PAYLOAD, tamga_hash_span(&item->id.hash),
                                tamga_buf_span(&item->payload));
    return err;
}

static enum tamga_err connect_entry(struct tamga_engine *engine, struct tamga_overlay *changes,
                                    const struct tamga_block *block, uint32_t index,
                                    uint64_t known_above, struct included_list *list,
                                    struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item loaded = {0};
    struct tamga_span leaf = block->entry[index];
    const struct tamga_item *item = find_waiting(engine, leaf);
    enum tamga_err err = TAMGA_OK;

    if (item == NULL) {
        item = &loaded;
        err = engine_load_item(engine, &changes->view, leaf, &loaded, detail);
    }
    if (err == TAMGA_OK)
        err = check_leaf(engine, leaf, item);
    if (err == TAMGA_OK)
        err = connect_item(engine, changes, &block->sealed.header, item,
                           item->verified || block->verified, index, detail);
    if (err == TAMGA_OK)
        err = engine_follow(engine, known_above, item, detail);
    return err == TAMGA_OK ? include(list, item) : err;
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

static enum tamga_err check_state_root(struct tamga_overlay *changes,
                                       const struct tamga_header *header,
                                       struct tamga_detail *detail)
{
    char found[TAMGA_HEX_CHARS], stated[TAMGA_HEX_CHARS];
    struct tamga_hash root;
    enum tamga_err err = tamga_state_map_apply(&root, changes, changes);

    if (err != TAMGA_OK || tamga_hash_equal(&root, &header->state_root))
        return err;
    tamga_to_hex(found, root.byte, TAMGA_HASH_BYTES);
    tamga_to_hex(stated, header->state_root.byte, TAMGA_HASH_BYTES);
    return tamga_refuse(detail, TAMGA_E_BAD_STATE_ROOT, "it is %s; the header says %s", found,
                        stated);
}

static enum tamga_err record_block(struct tamga_overlay *changes,
                                   const struct tamga_header *header,
                                   const struct tamga_block_id *id)
{
    TAMGA_BUF undo = {0};
    struct tamga_span id_span = tamga_hash_span(&id->hash);
    uint8_t height[8];
    enum tamga_err err = make_undo(&undo, changes);

    if (err == TAMGA_OK)
        err = tamga_overlay_put(changes, TAMGA_FAMILY_UNDO, id_span, tamga_buf_span(&undo));
    tamga_height_key(height, header->height);
    if (err == TAMGA_OK)
        err = tamga_overlay_put(changes, TAMGA_FAMILY_HEIGHT, tamga_span(height, 8), id_span);
    return err == TAMGA_OK ? tamga_overlay_put(changes, TAMGA_FAMILY_META,
                                               tamga_span_text("tip"), id_span)
                           : err;
}

enum tamga_err engine_connect(struct tamga_engine *engine, struct tamga_overlay *overlay,
                              const struct tamga_block *block,
                              const struct tamga_block_id *id, struct included_list *list,
                              struct tamga_detail *detail)
{
    TAMGA_CLEANUP(memo_clear) struct memo memo;
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay changes;
    size_t before = list->count;
    uint64_t known_above = 0;
    enum tamga_err err = engine_check_anchor(engine, &overlay->view, &block->sealed.header,
                                             &known_above, detail);

    memo_init(&memo, &overlay->view);
    tamga_overlay_init(&changes, &memo.seen.view);
    if (err == TAMGA_OK && block->bytes.len > engine->chain->params.block_bytes_max)
        err = tamga_refuse(detail, TAMGA_E_BLOCK_TOO_LARGE, "%zu bytes of entries; at most %u",
                           block->bytes.len, engine->chain->params.block_bytes_max);
    for (uint32_t i = 0; err == TAMGA_OK && i < block->count; i++)
        err = connect_entry(engine, &changes, block, i, known_above, list, detail);
    if (err == TAMGA_OK)
        err = check_state_root(&changes, &block->sealed.header, detail);
    if (err == TAMGA_OK)
        err = record_block(&changes, &block->sealed.header, id);
    if (err == TAMGA_OK)
        err = tamga_overlay_merge(overlay, &changes);
    if (err != TAMGA_OK)
        list->count = before;
    return err;
}

/* ---- off the state again ---------------------------------------------------------- */

static enum tamga_err erase_places(const struct tamga_engine *engine,
                                   struct tamga_overlay *overlay,
                                   const struct tamga_block *block)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < block->count; i++) {
        struct tamga_entry_id id;

        err = engine->chain->rules->entry_id(&id, block->entry[i]);
        if (err == TAMGA_OK)
            err = tamga_overlay_erase(overlay, TAMGA_FAMILY_ENTRY, tamga_hash_span(&id.hash));
    }
    return err;
}

/* Former values, and the map with them: it must be the parent's again. */
static enum tamga_err restore_state(struct tamga_overlay *overlay,
                                    const struct tamga_block_id *id,
                                    const struct tamga_block_id *parent_id)
{
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay former;
    TAMGA_BUF bytes = {0};
    struct tamga_stored_header parent;
    struct tamga_hash root;
    struct tamga_span undo;
    enum tamga_err err = tamga_query_header(&overlay->view, parent_id, &parent);

    tamga_overlay_init(&former, &overlay->view);
    if (err == TAMGA_OK)
        err = tamga_view_get(&overlay->view, TAMGA_FAMILY_UNDO, tamga_hash_span(&id->hash),
                             &bytes);
    undo = tamga_buf_span(&bytes);
    while (err == TAMGA_OK && undo.len > 0)
        err = take_undo(&undo, &former);
    if (err == TAMGA_OK)
        err = tamga_state_map_apply(&root, &former, &former);
    if (err == TAMGA_OK && !tamga_hash_equal(&root, &parent.sealed.header.state_root))
        err = TAMGA_E_STORE_CORRUPT;
    return err == TAMGA_OK ? tamga_overlay_merge(overlay, &former) : err;
}

enum tamga_err engine_disconnect(struct tamga_engine *engine, struct tamga_overlay *overlay,
                                 const struct tamga_block_id *id)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    const struct tamga_header *header = &block.sealed.header;
    uint8_t height[8];
    enum tamga_err err = tamga_query_block(&overlay->view, id, &block);

    if (err == TAMGA_OK)
        err = erase_places(engine, overlay, &block);
    if (err == TAMGA_OK)
        err = restore_state(overlay, id, &header->parent);
    if (err == TAMGA_OK)
        err = tamga_overlay_erase(overlay, TAMGA_FAMILY_UNDO, tamga_hash_span(&id->hash));
    tamga_height_key(height, header->height);
    if (err == TAMGA_OK)
        err = tamga_overlay_erase(overlay, TAMGA_FAMILY_HEIGHT, tamga_span(height, 8));
    if (err == TAMGA_OK)
        err = tamga_overlay_put(overlay, TAMGA_FAMILY_META, tamga_span_text("tip"),
                                tamga_hash_span(&header->parent.hash));
    /* What is connected but does not read back is damage, not a peer's fault. */
    return err == TAMGA_E_NOT_FOUND || tamga_err_class(err) == TAMGA_CLASS_REJECT
               ? TAMGA_E_STORE_CORRUPT
               : err;
}
