/*
 * A block of what waits, on the tip. Its entries are judged here as connecting would judge
 * them, and what they leave behind is kept: the same block, once it has a nonce and a seal,
 * is connected by it. Knows no miner.
 */
#include <stdlib.h>

#include "chain/engine_internal.h"

/* ---- what was judged, for the block that comes of it -------------------------------- */

void engine_drop_prepared(struct tamga_engine *engine)
{
    engine->prepared.there = false;
    judgement_clear(&engine->prepared.judgement);
}

/* A header names its parent, its entries and what they leave behind, so that two alike but
 * for the nonce are one block, and its verdict is one as long as the tip stays. */
static void head_of(uint8_t head[TAMGA_HEADER_BYTES - 8], const struct tamga_header *header)
{
    uint8_t bytes[TAMGA_HEADER_BYTES];

    tamga_header_encode(bytes, header);
    memcpy(head, bytes, TAMGA_HEADER_BYTES - 8);
}

static void keep(struct tamga_engine *engine, const struct tamga_header *header,
                 uint64_t known_above)
{
    struct prepared *prepared = &engine->prepared;

    tamga_overlay_clear(&prepared->judgement.memo.seen); /* nothing is read through it again */
    head_of(prepared->head, header);
    prepared->upstream = engine->upstream;
    prepared->known_above = known_above;
    prepared->there = true;
}

struct judgement *engine_prepared(struct tamga_engine *engine,
                                  const struct tamga_overlay *overlay,
                                  const struct tamga_header *header, uint64_t known_above)
{
    struct prepared *prepared = &engine->prepared;
    uint8_t head[TAMGA_HEADER_BYTES - 8];

    if (!prepared->there || !tamga_hash_equal(&header->parent.hash, &engine->tip.tip_id.hash))
        return NULL;
    /* Straight on: what was left or connected before in the same move is in the overlay. */
    if (overlay->below != &engine->pending.view || tamga_overlay_count(overlay) > 0)
        return NULL;
    if (prepared->known_above != known_above ||
        prepared->upstream.chain != engine->upstream.chain ||
        prepared->upstream.view != engine->upstream.view)
        return NULL;
    head_of(head, header);
    return memcmp(head, prepared->head, sizeof head) == 0 ? &prepared->judgement : NULL;
}

/* ---- a proposal ------------------------------------------------------------------- */

/* What does not fit a block now but may fit a later one: it waits on, and leaves the
 * mempool by its age at the latest. What it needs may wait at another node still. */
static bool may_fit_later(enum tamga_err err)
{
    return err == TAMGA_E_FUTURE_TIME || err == TAMGA_E_UNKNOWN_DEPENDENCY ||
           err == TAMGA_E_BAD_REPUBLISH || err == TAMGA_E_UNKNOWN_RELEASE ||
           err == TAMGA_E_UNKNOWN_PROPOSAL || err == TAMGA_E_UNKNOWN_MODEL ||
           err == TAMGA_E_KEY_NOT_YET || err == TAMGA_E_CHANGE_PENDING;
}

/* Add an entry if it is valid on what the ones before it left. */
static enum tamga_err propose_entry(struct tamga_engine *engine, struct tamga_block *block,
                                    const struct tamga_params *params, uint64_t known_above,
                                    const struct tamga_item *item)
{
    const struct tamga_chain *chain = engine->chain;
    const struct tamga_header *header = &block->sealed.header;
    struct judgement *judgement = &engine->prepared.judgement;
    TAMGA_BUF leaf = {0};
    enum tamga_err err = chain->rules->entry(item, &leaf);

    if (err != TAMGA_OK)
        return err;
    if (block->count >= params->block_entries_max ||
        leaf.len > params->block_bytes_max - block->bytes.len)
        return TAMGA_E_BLOCK_TOO_LARGE;
    err = engine_judge(engine, judgement, header, known_above, item, item->verified, NULL);
    if (err == TAMGA_OK)
        err = tamga_block_add(block, tamga_buf_span(&leaf));
    return err == TAMGA_OK ? engine_apply(engine, judgement, header, item) : err;
}

static enum tamga_err add_pending(struct tamga_engine *engine, struct tamga_block *block,
                                  uint64_t known_above)
{
    const struct tamga_item **item;
    struct tamga_params params;
    size_t count = engine->mempool.count;
    enum tamga_err err = engine_params(engine, &engine->pending.view,
                                       block->sealed.header.height, &params);

    if (err == TAMGA_OK)
        err = tamga_mempool_sorted(&engine->mempool, &item);
    if (err != TAMGA_OK)
        return err;
    for (size_t i = 0; err == TAMGA_OK && i < count; i++) {
        err = propose_entry(engine, block, &params, known_above, item[i]);
        if (err == TAMGA_E_BLOCK_TOO_LARGE)
            break;
        if (may_fit_later(err))
            err = TAMGA_OK;
        else if (tamga_err_class(err) == TAMGA_CLASS_REJECT)
            err = engine_drop_pending(engine, &item[i]->id, err);
    }
    free(item);
    return err == TAMGA_E_BLOCK_TOO_LARGE ? TAMGA_OK : err;
}

/* Anchor, entries, what they leave behind as state, their number and roots in the header. */
static enum tamga_err fill(struct tamga_engine *engine, struct tamga_block *block)
{
    struct tamga_header *header = &block->sealed.header;
    uint64_t known_above = 0;
    enum tamga_err err =
        engine->chain->rules->anchored
            ? tamga_anchor_next(&engine->upstream, &engine->tip.tip.anchor, &header->anchor,
                                &known_above)
            : TAMGA_OK;

    if (err == TAMGA_OK)
        err = engine_check_miner(engine, &engine->pending.view, header, known_above, NULL);
    if (err != TAMGA_OK) /* a block that not even we could judge, or would take */
        return tamga_err_class(err) == TAMGA_CLASS_LOCAL ? err : TAMGA_E_NOT_FOUND;
    err = add_pending(engine, block, known_above);
    if (err != TAMGA_OK)
        return err;
    if (block->count == 0 && !engine_wants_empty(engine))
        return TAMGA_E_NOT_FOUND;
    header->entry_count = (uint32_t)block->count;
    err = engine_conclude(&engine->prepared.judgement, &header->state_root);
    if (err == TAMGA_OK && !engine->chain->rules->anchored)
        err = engine->chain->rules->council_hash(engine->chain,
                                                 &engine->prepared.judgement.changes.view,
                                                 header->height, &header->anchor);
    if (err == TAMGA_OK)
        err = tamga_block_root(&header->body_root, block);
    if (err == TAMGA_OK)
        keep(engine, header, known_above);
    return err;
}

enum tamga_err tamga_engine_propose(struct tamga_engine *engine, struct tamga_block *out,
                                    const struct tamga_address *miner, uint64_t now_ms)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    uint64_t median = tamga_trail_median_ms(&engine->tip);
    enum tamga_err err;

    block.sealed.header = (struct tamga_header){
        .version = TAMGA_HEADER_VERSION,
        .chain = engine->chain->id,
        .height = engine->tip.tip.height + 1,
        .parent = engine->tip.tip_id,
        .miner = *miner,
        .time_ms = now_ms > median ? now_ms : median + 1,
        .target = tamga_trail_target(&engine->tip, &engine->chain->params),
    };
    engine_drop_prepared(engine);
    err = fill(engine, &block);
    if (err != TAMGA_OK) {
        engine_drop_prepared(engine); /* whatever was judged so far */
        return err;
    }
    tamga_block_clear(out);
    *out = block;
    block = (struct tamga_block){0};
    return TAMGA_OK;
}
