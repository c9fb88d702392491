/* Anchors, and the engine's part in them. */
#include "chain/anchor.h"

#include <assert.h>

#include "chain/engine_internal.h"

/* ---- what is final above ------------------------------------------------------------ */

/* Final by a quorum's word comes before its bodies: until then the best chain, and whatever
 * is indexed by it, may be another one. */
enum tamga_err tamga_upstream_final(const struct tamga_upstream *above, struct tamga_point *out)
{
    struct tamga_point final;
    struct tamga_block_id at;
    enum tamga_err err = tamga_query_final(above->view, &final);

    if (err == TAMGA_OK)
        err = tamga_query_id_at(above->view, final.height, &at);
    if (err == TAMGA_E_NOT_FOUND)
        return TAMGA_E_NEED_ANCHOR;
    if (err != TAMGA_OK)
        return err;
    if (!tamga_hash_equal(&at.hash, &final.id.hash))
        return TAMGA_E_NEED_ANCHOR;
    *out = final;
    return TAMGA_OK;
}

/* Height of an anchor that is no zero, at or below what is final. */
static enum tamga_err place_anchor(const struct tamga_upstream *above,
                                   const struct tamga_point *final,
                                   const struct tamga_hash *anchor, uint64_t *height,
                                   struct tamga_detail *detail)
{
    struct tamga_stored_header stored;
    struct tamga_block_id at;
    uint64_t found;
    enum tamga_err err =
        tamga_query_header(above->view, &(struct tamga_block_id){*anchor}, &stored);

    if (err == TAMGA_E_NOT_FOUND)
        return tamga_refuse(detail, TAMGA_E_NEED_ANCHOR, "anchor's header is not here");
    if (err != TAMGA_OK)
        return err;
    found = stored.sealed.header.height;
    if (found > final->height)
        return tamga_refuse(detail, TAMGA_E_NEED_ANCHOR, "anchor at height %llu; final is %llu",
                            (unsigned long long)found, (unsigned long long)final->height);
    err = tamga_query_id_at(above->view, found, &at);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    if (!tamga_hash_equal(&at.hash, anchor))
        return tamga_refuse(detail, TAMGA_E_BAD_ANCHOR, "another block of height %llu is final",
                            (unsigned long long)found);
    *height = found;
    return TAMGA_OK;
}

/* The same for any anchor: zero knows nothing. */
static enum tamga_err find_anchor(const struct tamga_upstream *above,
                                  const struct tamga_hash *anchor, uint64_t *height,
                                  struct tamga_detail *detail)
{
    struct tamga_point final;
    enum tamga_err err;

    if (tamga_hash_is_zero(anchor)) {
        *height = 0;
        return TAMGA_OK;
    }
    err = tamga_upstream_final(above, &final);
    return err == TAMGA_OK ? place_anchor(above, &final, anchor, height, detail) : err;
}

/* ---- anchors ------------------------------------------------------------------------ */

enum tamga_err tamga_anchor_check(const struct tamga_upstream *above,
                                  const struct tamga_hash *parent,
                                  const struct tamga_hash *anchor, uint64_t *height,
                                  struct tamga_detail *detail)
{
    uint64_t from, to;
    enum tamga_err err;

    if (above->view == NULL && !tamga_hash_is_zero(anchor))
        return tamga_refuse(detail, TAMGA_E_BAD_ANCHOR, "no chain above is known");
    if (tamga_hash_is_zero(anchor) && !tamga_hash_is_zero(parent))
        return tamga_refuse(detail, TAMGA_E_BAD_ANCHOR, "none, though the parent has one");
    err = find_anchor(above, parent, &from, detail);
    if (err == TAMGA_OK)
        err = find_anchor(above, anchor, &to, detail);
    if (err != TAMGA_OK)
        return err;
    if (to < from)
        return tamga_refuse(detail, TAMGA_E_BAD_ANCHOR, "anchor at height %llu; the parent's %llu",
                            (unsigned long long)to, (unsigned long long)from);
    *height = to;
    return TAMGA_OK;
}

enum tamga_err tamga_anchor_next(const struct tamga_upstream *above,
                                 const struct tamga_hash *parent, struct tamga_hash *anchor,
                                 uint64_t *height)
{
    struct tamga_point final;
    uint64_t from;
    enum tamga_err err;

    if (above->view == NULL) {
        *anchor = (struct tamga_hash){{0}};
        *height = 0;
        return TAMGA_OK;
    }
    err = tamga_upstream_final(above, &final);
    if (err == TAMGA_OK)
        err = find_anchor(above, parent, &from, NULL); /* at or below what is final */
    if (err != TAMGA_OK)
        return err;
    *anchor = final.height > 0 ? final.id.hash : *parent;
    *height = final.height;
    return TAMGA_OK;
}

/* ---- the engine's part ---------------------------------------------------------------- */

void tamga_engine_set_upstream(struct tamga_engine *engine, const struct tamga_chain *upstream,
                               const struct tamga_view *view)
{
    assert(engine->chain->rules->anchored);
    engine->upstream = (struct tamga_upstream){upstream, view};
}

enum tamga_err engine_check_anchor(const struct tamga_engine *engine,
                                   const struct tamga_view *view,
                                   const struct tamga_header *header, uint64_t *height,
                                   struct tamga_detail *detail)
{
    struct tamga_stored_header parent = {0};
    enum tamga_err err = TAMGA_OK;

    *height = 0;
    if (!engine->chain->rules->anchored)
        return TAMGA_OK; /* what stands there is no block's */
    if (engine->upstream.view != NULL)
        err = tamga_query_header(view, &header->parent, &parent);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    return tamga_anchor_check(&engine->upstream, &parent.sealed.header.anchor, &header->anchor,
                              height, detail);
}

enum tamga_err engine_follow(const struct tamga_engine *engine, uint64_t height,
                             const struct tamga_item *item, struct tamga_detail *detail)
{
    return engine->chain->rules->follow(engine->chain, &engine->upstream, height, item, detail);
}

enum tamga_err engine_follow_now(const struct tamga_engine *engine,
                                 const struct tamga_item *item, struct tamga_detail *detail)
{
    struct tamga_point final = {0};
    enum tamga_err err = TAMGA_OK;

    if (engine->upstream.view != NULL)
        err = tamga_upstream_final(&engine->upstream, &final);
    return err == TAMGA_OK ? engine_follow(engine, final.height, item, detail) : err;
}

bool tamga_engine_waits(const struct tamga_engine *engine)
{
    return engine->waits;
}

enum tamga_err tamga_engine_retry(struct tamga_engine *engine, uint64_t now_ms)
{
    struct tamga_point final;
    enum tamga_err err;

    if (!engine->waits)
        return TAMGA_OK;
    err = tamga_upstream_final(&engine->upstream, &final);
    if (err == TAMGA_E_NEED_ANCHOR)
        return TAMGA_OK;
    if (err != TAMGA_OK || tamga_point_equal(&final, &engine->tried))
        return err; /* as it was when all that waits was tried */
    engine->tried = final;
    return engine_advance(engine, now_ms);
}
