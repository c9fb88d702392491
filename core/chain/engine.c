/*
 * The engine's life, mempool and proposals. Branches, connecting and switching have
 * files of their own.
 */
#include "chain/engine.h"

#include <stdlib.h>

#include "chain/engine_internal.h"
#include "chain/state_map.h"

#define PENDING_HEAD_BYTES 8
#define EVENTS_KEPT_FREE   64 /* for what callers act on: tips, and blocks condemned */

/* ---- events --------------------------------------------------------------------- */

/* A step straight on is told with the newest event if that is of the tip too: catching up
 * by thousands of blocks is one event. */
static bool tell_with_newest(struct tamga_engine *engine, const struct tamga_event *event)
{
    struct tamga_event *newest;

    if (engine->event_count == 0 || event->kind != TAMGA_EVENT_TIP || event->depth > 0)
        return false;
    newest = &engine->event[(engine->event_first + engine->event_count - 1) % TAMGA_EVENTS_MAX];
    if (newest->kind != TAMGA_EVENT_TIP)
        return false;
    newest->id = event->id;
    newest->height = event->height;
    return true;
}

void engine_tell(struct tamga_engine *engine, const struct tamga_event *event)
{
    size_t room = event->kind == TAMGA_EVENT_DROPPED ? TAMGA_EVENTS_MAX - EVENTS_KEPT_FREE
                                                     : TAMGA_EVENTS_MAX;

    if (tell_with_newest(engine, event))
        return;
    if (engine->event_count >= room) {
        engine->events_lost++;
        return;
    }
    engine->event[(engine->event_first + engine->event_count++) % TAMGA_EVENTS_MAX] = *event;
}

uint64_t tamga_engine_take_lost(struct tamga_engine *engine)
{
    uint64_t lost = engine->events_lost;

    engine->events_lost = 0;
    return lost;
}

bool tamga_engine_next_event(struct tamga_engine *engine, struct tamga_event *event)
{
    if (engine->event_count == 0)
        return false;
    *event = engine->event[engine->event_first];
    engine->event_first = (engine->event_first + 1) % TAMGA_EVENTS_MAX;
    engine->event_count--;
    return true;
}

/* ---- pending entries, in memory and in the store ---------------------------------- */

enum tamga_err engine_drop_pending(struct tamga_engine *engine,
                                   const struct tamga_entry_id *id, enum tamga_err why)
{
    struct tamga_event event = {.kind = TAMGA_EVENT_DROPPED, .id = id->hash, .err = why};

    if (tamga_mempool_find(&engine->mempool, id) == NULL)
        return TAMGA_OK;
    if (why != TAMGA_OK)
        engine_tell(engine, &event);
    /* id may live in the item: what comes after removal uses the event's copy. */
    tamga_mempool_remove(&engine->mempool, &(struct tamga_entry_id){event.id});
    return tamga_overlay_erase(&engine->pending, TAMGA_FAMILY_PENDING,
                               tamga_hash_span(&event.id));
}

enum tamga_err engine_put_pending(struct tamga_engine *engine, struct tamga_item *item,
                                  uint64_t arrival_ms, bool returned,
                                  struct tamga_detail *detail)
{
    TAMGA_BUF value = {0};
    struct tamga_entry_id id = item->id;
    uint8_t head[PENDING_HEAD_BYTES];
    enum tamga_err err;

    tamga_put_u64(head, arrival_ms);
    err = tamga_buf_add(&value, tamga_span(head, sizeof head));
    if (err == TAMGA_OK)
        err = tamga_buf_add(&value, tamga_buf_span(&item->payload));
    if (err == TAMGA_OK)
        err = tamga_mempool_add(&engine->mempool, item, arrival_ms, returned, detail);
    if (err != TAMGA_OK)
        return err;
    err = tamga_overlay_put(&engine->pending, TAMGA_FAMILY_PENDING, tamga_hash_span(&id.hash),
                            tamga_buf_span(&value));
    if (err != TAMGA_OK)
        tamga_mempool_remove(&engine->mempool, &id);
    return err;
}

struct loading {
    struct tamga_engine *engine;
    enum tamga_err err;
};

static bool load_one(void *context, struct tamga_span key, struct tamga_span value)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct loading *loading = context;
    const struct tamga_chain *chain = loading->engine->chain;

    (void)key;
    if (value.len < PENDING_HEAD_BYTES) {
        loading->err = TAMGA_E_STORE_CORRUPT;
        return false;
    }
    loading->err = chain->rules->decode(
        chain, &item,
        tamga_span(value.data + PENDING_HEAD_BYTES, value.len - PENDING_HEAD_BYTES), NULL);
    item.verified = true; /* before it was stored */
    if (loading->err == TAMGA_OK)
        loading->err = tamga_mempool_add(&loading->engine->mempool, &item,
                                         tamga_get_u64(value.data), true, NULL);
    if (tamga_err_class(loading->err) == TAMGA_CLASS_REJECT)
        loading->err = TAMGA_E_STORE_CORRUPT;
    return loading->err == TAMGA_OK;
}

/* ---- opening -------------------------------------------------------------------- */

/* The state before the first block, and its map. Another root than the header's means that
 * the store had rows before it had a chain. */
static enum tamga_err write_genesis_state(const struct tamga_chain *chain,
                                          struct tamga_overlay *to)
{
    struct tamga_hash root;
    enum tamga_err err = chain->rules->genesis(chain, to);

    if (err == TAMGA_OK)
        err = tamga_state_map_apply(&root, to, to);
    if (err != TAMGA_OK)
        return err;
    return tamga_hash_equal(&root, &chain->genesis.state_root) ? TAMGA_OK
                                                               : TAMGA_E_STORE_CORRUPT;
}

static enum tamga_err write_genesis(struct tamga_engine *engine)
{
    const struct tamga_chain *chain = engine->chain;
    struct tamga_stored_header stored = {.sealed.header = chain->genesis,
                                         .flags = TAMGA_STORED_BODY};
    struct tamga_overlay *to = &engine->pending;
    struct tamga_span id = tamga_hash_span(&chain->genesis_id.hash);
    struct tamga_trail trail;
    uint8_t height[8];
    enum tamga_err err;

    tamga_trail_start(&trail, &chain->genesis);
    stored.work = trail.work;
    tamga_height_key(height, 0);
    err = tamga_record_header(to, &chain->genesis_id, &stored);
    if (err == TAMGA_OK) /* an empty body, so that reading it needs no exception */
        err = tamga_overlay_put(to, TAMGA_FAMILY_BODY, id, tamga_span(NULL, 0));
    if (err == TAMGA_OK)
        err = tamga_overlay_put(to, TAMGA_FAMILY_HEIGHT, tamga_span(height, 8), id);
    if (err == TAMGA_OK)
        err = tamga_overlay_put(to, TAMGA_FAMILY_META, tamga_span_text("tip"), id);
    if (err == TAMGA_OK)
        err = write_genesis_state(chain, to);
    return err == TAMGA_OK ? tamga_engine_flush(engine) : err;
}

static enum tamga_err load(struct tamga_engine *engine, struct tamga_detail *detail)
{
    struct loading loading = {.engine = engine};
    struct tamga_block_id tip, genesis;
    const struct tamga_view *view = &engine->pending.view;
    enum tamga_err err = tamga_query_tip(view, &tip);

    if (err == TAMGA_E_NOT_FOUND) {
        err = write_genesis(engine);
        if (err == TAMGA_OK)
            err = tamga_query_tip(view, &tip);
    }
    if (err == TAMGA_OK)
        err = tamga_query_id_at(view, 0, &genesis);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    if (!tamga_hash_equal(&genesis.hash, &engine->chain->genesis_id.hash))
        return tamga_refuse(detail, TAMGA_E_STORE_FOREIGN,
                            "the store's chain starts from another genesis");
    err = engine_load_trail(engine, view, &tip, &engine->tip);
    if (err == TAMGA_OK)
        err = engine_learn(engine);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    err = engine->store->reader.ops->scan(&engine->store->reader, TAMGA_FAMILY_PENDING,
                                          tamga_span(NULL, 0), tamga_span(NULL, 0), load_one,
                                          &loading);
    tamga_mempool_restore(&engine->mempool); /* the store has them by id */
    if (err == TAMGA_OK)
        err = loading.err;
    return err == TAMGA_OK ? engine_finality_load(engine) : err;
}

enum tamga_err tamga_engine_open(struct tamga_engine **out, const struct tamga_chain *chain,
                                 struct tamga_store *store, struct tamga_detail *detail)
{
    struct tamga_engine *engine = calloc(1, sizeof *engine);
    enum tamga_err err;

    if (engine == NULL)
        return TAMGA_E_NO_MEMORY;
    engine->chain = chain;
    engine->store = store;
    tamga_overlay_init(&engine->pending, &store->reader.view);
    judgement_init(&engine->prepared.judgement, &engine->pending.view);
    tamga_mempool_init(&engine->mempool, chain->rules);
    err = load(engine, detail);
    if (err != TAMGA_OK) {
        tamga_engine_close(engine);
        return err;
    }
    *out = engine;
    return TAMGA_OK;
}

void tamga_engine_close(struct tamga_engine *engine)
{
    if (engine == NULL)
        return;
    while (engine->branch_count > 0)
        engine_forget_branch(engine, &engine->branch[0]);
    engine_finality_clear(engine);
    tamga_mempool_clear(&engine->mempool);
    engine_drop_prepared(engine);
    tamga_overlay_clear(&engine->pending);
    free(engine);
}

enum tamga_err tamga_engine_flush(struct tamga_engine *engine)
{
    struct tamga_write *write;
    size_t count;
    enum tamga_err err;

    if (tamga_overlay_count(&engine->pending) == 0)
        return TAMGA_OK;
    err = tamga_overlay_writes(&engine->pending, &write, &count);
    if (err != TAMGA_OK)
        return err;
    err = engine->store->ops->write(engine->store, write, count, true);
    free(write);
    if (err == TAMGA_OK)
        tamga_overlay_clear(&engine->pending);
    return err;
}

const struct tamga_trail *tamga_engine_tip(const struct tamga_engine *engine)
{
    return &engine->tip;
}

const struct tamga_mempool *tamga_engine_mempool(const struct tamga_engine *engine)
{
    return &engine->mempool;
}

/* ---- entries -------------------------------------------------------------------- */

enum tamga_err tamga_engine_submit(struct tamga_engine *engine, struct tamga_item *item,
                                   uint64_t now_ms, bool *known, struct tamga_detail *detail)
{
    const struct tamga_chain *chain = engine->chain;
    const struct tamga_view *view = &engine->pending.view;
    struct tamga_moment next = {engine->tip.tip.height + 1, now_ms};
    struct tamga_place place;
    enum tamga_err err;

    *known = tamga_mempool_find(&engine->mempool, &item->id) != NULL;
    if (*known) {
        tamga_item_clear(item);
        return TAMGA_OK;
    }
    err = tamga_query_place(view, &item->id, &place);
    if (err == TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_DUPLICATE_ENTRY, "it is in block %llu",
                            (unsigned long long)place.height);
    if (err != TAMGA_E_NOT_FOUND)
        return err;
    err = chain->rules->check(chain, view, item, &next, detail);
    if (err == TAMGA_OK && !item->verified)
        err = chain->rules->verify(chain, item, detail);
    if (err == TAMGA_OK)
        err = engine_follow_now(engine, item, detail);
    if (err != TAMGA_OK)
        return err;
    item->verified = true;
    return engine_put_pending(engine, item, now_ms, false, detail);
}

enum tamga_err tamga_engine_assemble(const struct tamga_engine *engine,
                                     struct tamga_block *out,
                                     const struct tamga_sealed *sealed,
                                     const struct tamga_entry_id *id, size_t count)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {.sealed = *sealed};
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < count; i++) {
        const struct tamga_item *item = tamga_mempool_find(&engine->mempool, &id[i]);
        TAMGA_BUF leaf = {0};

        if (item == NULL)
            return TAMGA_E_NOT_FOUND;
        err = engine->chain->rules->entry(item, &leaf);
        if (err == TAMGA_OK)
            err = tamga_block_add(&block, tamga_buf_span(&leaf));
    }
    if (err != TAMGA_OK)
        return err;
    /* Signatures are no part of an id: ours may be another one of the same sender. */
    err = tamga_block_check_body(&block);
    if (err != TAMGA_OK)
        return tamga_err_class(err) == TAMGA_CLASS_REJECT ? TAMGA_E_NOT_FOUND : err;
    tamga_block_clear(out);
    *out = block;
    block = (struct tamga_block){0};
    return TAMGA_OK;
}
