/*
 * One block onto the state or off it again, on an overlay, and the state map with it.
 * Knows no branch and no mempool policy; entries that wait in the mempool are neither
 * decoded nor verified a second time, and the engine's own proposal is not judged again.
 */
#include <stdlib.h>

#include "chain/engine_internal.h"
#include "chain/state_map.h"
#include "wire/wire.h"

/* ---- what a block's entries read: each key once from below ------------------------ */

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

/* ---- judging entries, one after the other ------------------------------------------- */

void judgement_init(struct judgement *judgement, const struct tamga_view *below)
{
    *judgement = (struct judgement){0};
    memo_init(&judgement->memo, below);
    tamga_overlay_init(&judgement->changes, &judgement->memo.seen.view);
}

void judgement_clear(struct judgement *judgement)
{
    tamga_overlay_clear(&judgement->changes);
    tamga_overlay_clear(&judgement->memo.seen);
    tamga_buf_clear(&judgement->undo);
    free(judgement->list.at);
    judgement->list = (struct included_list){0};
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

/* The other list's entries behind this one's: as they are, if this one is empty. */
static enum tamga_err include_all(struct included_list *list, struct included_list *more)
{
    struct included_list whole = *more;

    if (list->count > 0) {
        whole = (struct included_list){.count = list->count + more->count};
        whole.cap = whole.count;
        whole.at = realloc(list->at, whole.cap * sizeof *whole.at);
        if (whole.at == NULL)
            return TAMGA_E_NO_MEMORY;
        if (more->count > 0)
            memcpy(whole.at + list->count, more->at, more->count * sizeof *more->at);
    } else {
        free(list->at);
        *more = (struct included_list){0};
    }
    *list = whole;
    return TAMGA_OK;
}

enum tamga_err engine_judge(const struct tamga_engine *engine,
                            const struct judgement *judgement,
                            const struct tamga_header *header, uint64_t known_above,
                            const struct tamga_item *item, bool verified,
                            struct tamga_detail *detail)
{
    const struct tamga_chain *chain = engine->chain;
    const struct tamga_view *state = &judgement->changes.view;
    struct tamga_moment at = {header->height, header->time_ms};
    enum tamga_err err = check_new(state, item, header->height, detail);

    if (err == TAMGA_OK && !verified)
        err = chain->rules->verify(chain, item, detail);
    if (err == TAMGA_OK)
        err = chain->rules->check(chain, state, item, &at, detail);
    return err == TAMGA_OK ? engine_follow(engine, known_above, item, detail) : err;
}

enum tamga_err engine_apply(const struct tamga_engine *engine, struct judgement *judgement,
                            const struct tamga_header *header, const struct tamga_item *item)
{
    const struct tamga_chain *chain = engine->chain;
    struct tamga_overlay *changes = &judgement->changes;
    struct tamga_place place = {.height = header->height,
                                .index = (uint32_t)judgement->list.count};
    enum tamga_err err = chain->rules->apply(chain, changes, item, header->height);

    if (err == TAMGA_OK)
        err = tamga_record_place(changes, &item->id, &place);
    if (err == TAMGA_OK && chain->rules->detached)
        err = tamga_overlay_put(changes, TAMGA_FAMILY_PAYLOAD, tamga_hash_span(&item->id.hash),
                                tamga_buf_span(&item->payload));
    return err == TAMGA_OK ? include(&judgement->list, item) : err;
}

enum tamga_err engine_conclude(struct judgement *judgement, struct tamga_hash *state_root)
{
    enum tamga_err err =
        tamga_state_map_apply(state_root, &judgement->changes, &judgement->changes);

    return err == TAMGA_OK ? make_undo(&judgement->undo, &judgement->changes) : err;
}

static enum tamga_err judge_leaf(const struct tamga_engine *engine,
                                 struct judgement *judgement, const struct tamga_block *block,
                                 uint32_t index, uint64_t known_above,
                                 struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item loaded = {0};
    const struct tamga_header *header = &block->sealed.header;
    struct tamga_span leaf = block->entry[index];
    const struct tamga_item *item = find_waiting(engine, leaf);
    enum tamga_err err = TAMGA_OK;

    if (item == NULL) {
        item = &loaded;
        err = engine_load_item(engine, &judgement->changes.view, leaf, &loaded, detail);
    }
    if (err == TAMGA_OK)
        err = check_leaf(engine, leaf, item);
    if (err == TAMGA_OK)
        err = engine_judge(engine, judgement, header, known_above, item,
                           item->verified || block->verified, detail);
    return err == TAMGA_OK ? engine_apply(engine, judgement, header, item) : err;
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

static enum tamga_err check_state_root(const struct tamga_hash *root,
                                       const struct tamga_header *header,
                                       struct tamga_detail *detail)
{
    char found[TAMGA_HEX_CHARS], stated[TAMGA_HEX_CHARS];

    if (tamga_hash_equal(root, &header->state_root))
        return TAMGA_OK;
    tamga_to_hex(found, root->byte, TAMGA_HASH_BYTES);
    tamga_to_hex(stated, header->state_root.byte, TAMGA_HASH_BYTES);
    return tamga_refuse(detail, TAMGA_E_BAD_STATE_ROOT, "it is %s; the header says %s", found,
                        stated);
}

/* A chain that has no anchors states its validators there. */
static enum tamga_err check_council(const struct tamga_engine *engine,
                                    const struct judgement *judgement,
                                    const struct tamga_header *header,
                                    struct tamga_detail *detail)
{
    const struct tamga_rules *rules = engine->chain->rules;
    struct tamga_hash council;
    enum tamga_err err;

    if (rules->anchored)
        return TAMGA_OK;
    err = rules->council_hash(engine->chain, &judgement->changes.view, header->height, &council);
    if (err != TAMGA_OK || tamga_hash_equal(&council, &header->anchor))
        return err;
    return tamga_refuse(detail, TAMGA_E_BAD_COUNCIL,
                        "the header states other validators than its entries leave");
}

enum tamga_err engine_params(const struct tamga_engine *engine, const struct tamga_view *state,
                             uint64_t height, struct tamga_params *out)
{
    *out = engine->chain->params;
    return engine->chain->rules->params_at(out, state, height);
}

/* Members are what the consortium chain says: this one, or the one above up to the anchor. */
enum tamga_err engine_check_miner(const struct tamga_engine *engine,
                                  const struct tamga_view *state,
                                  const struct tamga_header *header, uint64_t known_above,
                                  struct tamga_detail *detail)
{
    const struct tamga_rules *rules = engine->chain->rules;

    return rules->miner(engine->chain, rules->anchored ? engine->upstream.view : state,
                        rules->anchored ? known_above : header->height, &header->miner,
                        detail);
}

static enum tamga_err judge_block(const struct tamga_engine *engine,
                                  struct judgement *judgement, const struct tamga_block *block,
                                  uint64_t known_above, struct tamga_detail *detail)
{
    struct tamga_params params;
    struct tamga_hash root;
    enum tamga_err err =
        engine_params(engine, &judgement->changes.view, block->sealed.header.height, &params);

    if (err != TAMGA_OK)
        return err;
    if (block->bytes.len > params.block_bytes_max || block->count > params.block_entries_max)
        return tamga_refuse(detail, TAMGA_E_BLOCK_TOO_LARGE,
                            "%zu bytes of %zu entries; at most %u of %u", block->bytes.len,
                            block->count, params.block_bytes_max, params.block_entries_max);
    for (uint32_t i = 0; err == TAMGA_OK && i < block->count; i++)
        err = judge_leaf(engine, judgement, block, i, known_above, detail);
    if (err == TAMGA_OK)
        err = engine_conclude(judgement, &root);
    if (err == TAMGA_OK)
        err = check_state_root(&root, &block->sealed.header, detail);
    return err == TAMGA_OK ? check_council(engine, judgement, &block->sealed.header, detail)
                           : err;
}

/* All of the block becomes the overlay's, and its entries the list's. */
static enum tamga_err adopt(struct tamga_overlay *overlay, struct included_list *list,
                            struct judgement *judgement, const struct tamga_header *header,
                            const struct tamga_block_id *id)
{
    struct tamga_overlay *changes = &judgement->changes;
    struct tamga_span id_span = tamga_hash_span(&id->hash);
    size_t before = list->count;
    uint8_t height[8];
    enum tamga_err err = include_all(list, &judgement->list);

    if (err == TAMGA_OK)
        err = tamga_overlay_put(changes, TAMGA_FAMILY_UNDO, id_span,
                                tamga_buf_span(&judgement->undo));
    tamga_height_key(height, header->height);
    if (err == TAMGA_OK)
        err = tamga_overlay_put(changes, TAMGA_FAMILY_HEIGHT, tamga_span(height, 8), id_span);
    if (err == TAMGA_OK)
        err = tamga_overlay_put(changes, TAMGA_FAMILY_META, tamga_span_text("tip"), id_span);
    if (err == TAMGA_OK)
        err = tamga_overlay_merge(overlay, changes);
    if (err != TAMGA_OK)
        list->count = before;
    return err;
}

enum tamga_err engine_connect(struct tamga_engine *engine, struct tamga_overlay *overlay,
                              const struct tamga_block *block,
                              const struct tamga_block_id *id, struct included_list *list,
                              struct tamga_detail *detail)
{
    TAMGA_CLEANUP(judgement_clear) struct judgement own;
    const struct tamga_header *header = &block->sealed.header;
    struct judgement *judgement;
    uint64_t known_above = 0;
    enum tamga_err err =
        engine_check_anchor(engine, &overlay->view, header, &known_above, detail);

    judgement_init(&own, &overlay->view);
    if (err == TAMGA_OK)
        err = engine_check_miner(engine, &overlay->view, header, known_above, detail);
    if (err != TAMGA_OK)
        return err;
    judgement = engine_prepared(engine, overlay, header, known_above);
    if (judgement == NULL) {
        judgement = &own;
        err = judge_block(engine, judgement, block, known_above, detail);
    }
    if (err == TAMGA_OK)
        err = adopt(overlay, list, judgement, header, id);
    if (judgement != &own)
        engine_drop_prepared(engine); /* used up, or half so */
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
