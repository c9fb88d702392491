/*
 * A fresh node takes over a chain of 40 blocks of 1,000 transactions from one peer, both of
 * them processes on loopback. The chain is made here, straight into the peer's folder, while
 * that does not run; the images lie at both already.
 */
#include <poll.h>

#include "bench.h"
#include "limits.h"
#include "node.h"
#include "store/rocks.h"

#define BLOCKS       40
#define ENTRIES      1000
#define GIVE_UP_AFTER 60

static void make_chain(const struct bench_node *node, uint32_t blocks, uint32_t entries)
{
    const struct bench_network *network = node->network;
    struct tamga_detail detail = {{0}};
    struct tamga_engine *engine;
    struct tamga_store *store;
    char path[300];

    snprintf(path, sizeof path, "%s/data/chain", node->folder);
    bench_must(tamga_rocks_open(&store, path, &network->chain.id, &detail), detail.text);
    bench_must(tamga_engine_open(&engine, &network->chain, store, &detail), detail.text);
    for (uint32_t i = 0; i < blocks; i++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};

        bench_make_block(&block, engine, network, i * entries, entries);
        bench_must(tamga_engine_add_block(engine, &block, block.sealed.header.time_ms, &detail),
                   detail.text);
        bench_must(tamga_engine_flush(engine), "flush");
    }
    tamga_engine_close(engine);
    store->ops->close(store);
}

/* As after a run that looked at the whole chain: the peer has no more to do for itself. */
static void mark_replicated(const struct bench_node *node, uint32_t blocks)
{
    char folder[300], text[16];
    int len = snprintf(text, sizeof text, "%u\n", blocks + 1);

    snprintf(folder, sizeof folder, "%s/data/content", node->folder);
    bench_write(folder, "replicated", tamga_span(text, (size_t)len));
}

void bench_catch_up(const struct bench *bench)
{
    static struct bench_network network;
    uint32_t blocks = bench->smoke ? 3 : BLOCKS, entries = bench->smoke ? 20 : ENTRIES;
    struct bench_node full, fresh;
    double limit = limit_verify(TAMGA_KEY_P256, bench->limit_seconds), start, seconds, cpu;
    uint64_t height = 0;

    bench_network_open(&network);
    bench_node_make(&full, &network, 0, NULL);
    make_chain(&full, blocks, entries);
    mark_replicated(&full, blocks);
    bench_node_start(&full);
    bench_node_wait(&full);
    bench_node_make(&fresh, &network, 1, &full);
    start = bench_now();
    bench_node_start(&fresh);
    while (!bench_node_height(&fresh, &height) || height < blocks) {
        BENCH_CHECK(bench_now() - start < GIVE_UP_AFTER);
        (void)poll(NULL, 0, 10); /* between two questions */
    }
    seconds = bench_now() - start;
    cpu = bench_cpu(fresh.pid);
    bench_figure("catchup", blocks * entries / seconds, "tx/s", limit,
                 "OpenSSL verify p256, one core");
    bench_cost("catchup.node_cpu", cpu * 1e6 / (blocks * entries), "us/tx", 1e6 / limit,
               "OpenSSL verify p256, one core");
    bench_node_stop(&fresh);
    bench_node_stop(&full);
    bench_network_close(&network);
}
