/*
 * When a block is due. Source: docs/PROTOCOL.md, "When a block is due".
 */
#include "chain/engine_internal.h"
#include "crypto/hash.h"

#define TURN_MS_MAX  1000
#define BACK_OFF_MAX 20 /* doublings */

void tamga_engine_mine_as(struct tamga_engine *engine, const struct tamga_address *miner)
{
    engine->has_miner = true;
    engine->miner = *miner;
}

static void draw(struct tamga_hash *out, const struct tamga_block_id *tip,
                 const struct tamga_address *address)
{
    struct tamga_span part[2] = {tamga_hash_span(&tip->hash), tamga_hash_span(&address->hash)};

    tamga_sha256_parts(out, part, 2);
}

/* How many validators begin before this miner: where work is little, all would find a
 * block at once, their votes would part, and nothing would become final. */
static uint64_t turn_ms(const struct tamga_engine *engine)
{
    const struct tamga_chain *chain = engine->chain;
    struct tamga_hash own, other;
    uint64_t next = engine->tip.tip.height + 1, before = 0, each = chain->params.block_time_ms;
    uint32_t size = tamga_council_size(chain->council, next);

    if (!engine->has_miner || size == 0)
        return 0;
    draw(&own, &engine->tip.tip_id, &engine->miner);
    for (uint32_t i = 0; i < tamga_validator_count(chain); i++) {
        if (!tamga_validator_holds(chain, i, next))
            continue;
        draw(&other, &engine->tip.tip_id, &tamga_validator(chain, i)->address);
        before += memcmp(&other, &own, sizeof other) < 0;
    }
    each /= size;
    return before * (each < TURN_MS_MAX ? each : TURN_MS_MAX);
}

bool engine_wants_empty(const struct tamga_engine *engine)
{
    const struct tamga_trail *tip = &engine->tip;

    if (engine->standing != STANDS_ON_JUSTIFIED || tip->empty_run >= TAMGA_EMPTY_RUN_MAX)
        return false;
    /* What is not final yet; and what is decided, but holds only in a block to come. */
    return tip->tip.height - tip->empty_run > engine->finality.final.height ||
           tip->tip.height + 1 < engine->learned.effect;
}

/* A child makes a justified tip final. Where votes for the tip are missing or parted,
 * another block may bring them together; each such waits twice as long as the one before. */
static uint64_t empty_due_ms(const struct tamga_engine *engine)
{
    const struct tamga_trail *tip = &engine->tip;
    uint32_t doublings = tip->empty_run < BACK_OFF_MAX ? tip->empty_run : BACK_OFF_MAX;

    if (!engine_wants_empty(engine))
        return UINT64_MAX;
    if (engine->finality.justified.height == tip->tip.height)
        return tip->tip.time_ms;
    return tip->tip.time_ms + ((uint64_t)engine->chain->params.block_time_ms << doublings);
}

static uint64_t entries_due_ms(const struct tamga_engine *engine)
{
    const struct tamga_mempool *mempool = &engine->mempool;
    const struct tamga_params *params = &engine->chain->params;

    if (mempool->count == 0 || engine->standing != STANDS_ON_JUSTIFIED)
        return UINT64_MAX;
    if (mempool->urgent_count > 0 || mempool->count >= params->block_entries_max ||
        mempool->bytes >= params->block_bytes_max)
        return tamga_mempool_oldest_ms(mempool);
    return tamga_mempool_oldest_ms(mempool) + params->block_wait_ms;
}

uint64_t tamga_engine_due_ms(const struct tamga_engine *engine)
{
    uint64_t entries = entries_due_ms(engine), empty = empty_due_ms(engine);
    uint64_t due = entries < empty ? entries : empty;

    if (due == UINT64_MAX)
        return due;
    /* What was due before the tip came, or before a quorum voted for it, is due since then:
     * all see that at nearly the same moment, and their turns begin with it. */
    if (due < engine->tip.tip.time_ms)
        due = engine->tip.tip.time_ms;
    if (due < engine->moved_ms)
        due = engine->moved_ms;
    return due + turn_ms(engine);
}

bool tamga_engine_block_due(const struct tamga_engine *engine, uint64_t now_ms)
{
    return now_ms >= tamga_engine_due_ms(engine);
}
