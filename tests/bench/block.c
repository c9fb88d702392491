/*
 * Validating and connecting blocks of 2,000 transactions, over a store in memory: one's own,
 * those of another miner whose entries wait here too (verified before), those never seen.
 */
#include "bench.h"
#include "limits.h"
#include "network.h"

#define ENTRIES    2000
#define ROUNDS_MAX 16

struct side {
    const struct bench_network *network;
    struct tamga_store *store;
    struct tamga_engine *engine;
    double seconds;
};

static void side_open(struct side *side, const struct bench_network *network)
{
    *side = (struct side){.network = network};
    bench_must(tamga_store_mem_new(&side->store), "store");
    bench_must(tamga_engine_open(&side->engine, &network->chain, side->store, NULL), "engine");
}

static void side_close(struct side *side)
{
    tamga_engine_close(side->engine);
    side->store->ops->close(side->store);
}

static void side_add(struct side *side, const struct tamga_block *block)
{
    double start = bench_core();

    bench_must(tamga_engine_add_block(side->engine, block, block->sealed.header.time_ms, NULL),
               "block");
    side->seconds += bench_core() - start;
    BENCH_CHECK(tamga_engine_tip(side->engine)->tip.height == block->sealed.header.height);
    bench_must(tamga_engine_flush(side->engine), "flush");
}

/* The block's entries, to the byte, come here before it: verified on their way. */
static void await_entries(struct side *side, const struct tamga_block *block)
{
    const struct tamga_chain *chain = &side->network->chain;

    for (size_t i = 0; i < block->count; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
        bool waits;

        bench_must(chain->rules->decode(chain, &item, block->entry[i], NULL), "entry");
        item.verified = true;
        bench_must(tamga_engine_submit(side->engine, &item, block->sealed.header.time_ms, &waits,
                                       NULL),
                   "submit");
    }
    bench_must(tamga_engine_flush(side->engine), "flush");
}

/* What no block can do without: hashing its leaves, and their root. */
static double root_seconds(const struct tamga_block *block)
{
    double start = bench_core();

    bench_must(tamga_block_check_body(block), "body");
    return bench_core() - start;
}

void bench_block(const struct bench *bench)
{
    static struct bench_network network;
    uint32_t entries = bench->smoke ? 20 : ENTRIES, done = 0;
    struct side own, known, unknown;
    double limit = limit_verify(TAMGA_KEY_P256, bench->limit_seconds), hashing = 0;

    bench_network_open(&network);
    side_open(&own, &network);
    side_open(&known, &network);
    side_open(&unknown, &network);
    for (unsigned i = 0; i < ROUNDS_MAX && unknown.seconds < bench->seconds; i++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};

        bench_make_block(&block, own.engine, &network, done, entries);
        await_entries(&known, &block);
        hashing += root_seconds(&block);
        side_add(&own, &block);
        side_add(&known, &block);
        side_add(&unknown, &block);
        done += entries;
    }
    bench_figure("block.unknown", done / unknown.seconds, "entries/s", limit,
                 "OpenSSL verify p256, one core");
    bench_figure("block.own", done / own.seconds, "entries/s", done / hashing,
                 "leaves and root, one core");
    bench_figure("block.known", done / known.seconds, "entries/s", done / hashing,
                 "leaves and root, one core");
    side_close(&own);
    side_close(&known);
    side_close(&unknown);
    bench_network_close(&network);
}
