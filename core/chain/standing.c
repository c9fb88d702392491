/*
 * Which of two chains is better: what is final and justified first, then work, then the
 * smaller id. Knows no vote and no body.
 *
 * Source: docs/PROTOCOL.md, "Fork choice".
 */
#include "chain/engine_internal.h"

static enum tamga_err on_best(const struct tamga_engine *engine,
                              const struct tamga_point *point, bool *is)
{
    struct tamga_block_id id;
    enum tamga_err err = tamga_query_id_at(&engine->pending.view, point->height, &id);

    *is = err == TAMGA_OK && tamga_hash_equal(&id.hash, &point->id.hash);
    return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
}

enum tamga_err engine_descends(const struct tamga_engine *engine,
                               const struct tamga_point *start,
                               const struct tamga_point *end, bool *descends)
{
    struct tamga_point at = *end;
    bool best = false;
    enum tamga_err err = on_best(engine, &at, &best);

    /* Down to the best chain, where heights are indexed, or to the start's own height. */
    while (err == TAMGA_OK && !best && at.height > start->height) {
        struct tamga_stored_header stored;

        err = tamga_query_header(&engine->pending.view, &at.id, &stored);
        if (err != TAMGA_OK)
            return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
        at = (struct tamga_point){at.height - 1, stored.sealed.header.parent};
        err = on_best(engine, &at, &best);
    }
    *descends = at.height == start->height && tamga_hash_equal(&at.id.hash, &start->id.hash);
    if (err == TAMGA_OK && best && at.height > start->height)
        err = on_best(engine, start, descends);
    return err;
}

enum tamga_err engine_restand(struct tamga_engine *engine)
{
    bool justified = false, final = false;
    enum tamga_err err = on_best(engine, &engine->finality.justified, &justified);

    if (err == TAMGA_OK)
        err = on_best(engine, &engine->finality.final, &final);
    engine->standing = justified ? STANDS_ON_JUSTIFIED : final ? STANDS_ON_FINAL : STANDS_APART;
    return err;
}

bool engine_branch_contains(const struct branch *branch, size_t count,
                            const struct tamga_point *point, bool shared)
{
    if (point->height <= branch->fork_height)
        return shared;
    return point->height - branch->fork_height <= count &&
           tamga_hash_equal(&branch->id[point->height - branch->fork_height - 1].hash,
                            &point->id.hash);
}

enum standing engine_standing(const struct tamga_engine *engine, const struct branch *branch,
                              size_t count)
{
    const struct finality *finality = &engine->finality;

    if (engine_branch_contains(branch, count, &finality->justified,
                               engine->standing == STANDS_ON_JUSTIFIED))
        return STANDS_ON_JUSTIFIED;
    return engine_branch_contains(branch, count, &finality->final,
                                  engine->standing != STANDS_APART)
               ? STANDS_ON_FINAL
               : STANDS_APART;
}

bool engine_better(const struct tamga_engine *engine, const struct branch *branch,
                   size_t count, const struct tamga_u256 *work,
                   const struct tamga_block_id *id)
{
    enum standing standing = engine_standing(engine, branch, count);
    int order = tamga_u256_compare(work, &engine->tip.work);

    if (standing != engine->standing)
        return standing > engine->standing;
    /* Equal work: the smaller id, so that nodes agree without waiting for a next block. */
    return order > 0 ||
           (order == 0 && memcmp(id, &engine->tip.tip_id, sizeof *id) < 0);
}

bool engine_branch_better(const struct tamga_engine *engine, const struct branch *branch)
{
    return engine_better(engine, branch, branch->count, &branch->trail.work,
                         &branch->trail.tip_id);
}
