/*
 * Submitting releases to a real node: signed ahead, 64 calls outstanding, each counted once
 * the node has said that it is durable. Client and node share the machine's cores; what the
 * node alone spends on a transaction is told apart.
 */
#include "bench.h"
#include "content/block_store.h"
#include "limits.h"
#include "load.h"

#define MICROSECOND 1e-6

/* Returns processor seconds of the node a transaction. */
static double ingest(const struct bench *bench, struct bench_node *node, enum tamga_key_type type)
{
    /* An RSA signature takes a millisecond to make. */
    uint32_t most = type == TAMGA_KEY_RSA3072 ? 4096 : 24576;
    double limit = limit_verify(type, bench->limit_seconds), cpu;
    struct bench_load load;
    char name[64];

    bench_load_sign(&load, node->network, type, bench->smoke ? 64 : most);
    cpu = bench_cpu(node->pid);
    bench_load_run(&load, node, 1, bench->seconds);
    cpu = (bench_cpu(node->pid) - cpu) / load.done;
    snprintf(name, sizeof name, "ingest.%s", bench_key_name(type));
    bench_figure(name, load.done / load.seconds, "tx/s", limit, "OpenSSL verify, one core");
    snprintf(name, sizeof name, "ingest.%s.node_cpu", bench_key_name(type));
    bench_cost(name, cpu / MICROSECOND, "us/tx", 1 / limit / MICROSECOND,
               "OpenSSL verify, one core");
    bench_load_clear(&load);
    return cpu;
}

struct image_check {
    const struct bench_image *image;
    struct tamga_block_store *store;
};

static void check_image(void *context)
{
    const struct image_check *check = context;

    bench_must(tamga_block_store_check_image(check->store, &check->image->cid,
                                             BENCH_IMAGE_BYTES, &check->image->sha256, NULL),
               "check");
}

/* What of a transaction is the reading and hashing of its (smallest possible) image. */
static void image_share(const struct bench *bench, const struct bench_network *network,
                        double node_seconds)
{
    struct image_check check = {.image = &network->image[0]};
    char folder[256];

    bench_folder(folder);
    bench_must(tamga_block_store_open(&check.store, folder, 1u << 24, NULL), "block store");
    bench_must(tamga_block_store_put(check.store, &check.image->cid,
                                     tamga_buf_span(&check.image->block)),
               "put");
    bench_figure("ingest.image_check",
                 1 / bench_rate(check_image, &check, 1, bench->limit_seconds) / MICROSECOND,
                 "us/tx", node_seconds / MICROSECOND, "ingest.p256.node_cpu: its share");
    tamga_block_store_close(check.store);
}

void bench_ingest(const struct bench *bench)
{
    static struct bench_network network;
    struct bench_node node;
    double p256 = 0;

    bench_network_open(&network);
    bench_node_make(&node, &network, 0, NULL);
    bench_node_start(&node);
    bench_node_wait(&node);
    for (size_t i = 0; i < 3; i++) {
        double cpu = ingest(bench, &node, bench_key_type[i]);

        p256 = bench_key_type[i] == TAMGA_KEY_P256 ? cpu : p256;
    }
    image_share(bench, &network, p256);
    bench_node_stop(&node);
    bench_network_close(&network);
}
