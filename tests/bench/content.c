/* Images: into blocks, and back from the content store as a node does before it accepts. */
#include "bench.h"
#include "content/block_store.h"
#include "crypto/hash.h"
#include "limits.h"
#include "network.h"

#define IMAGE_BYTES (32u << 20)
#define MIB         1048576.0

struct work {
    struct tamga_buf image;
    struct tamga_block_store *store; /* NULL: blocks go nowhere */
    struct tamga_cid root;
    struct tamga_hash sha256;
};

static enum tamga_err put(void *context, const struct tamga_cid *cid, struct tamga_span block)
{
    return tamga_block_store_put(context, cid, block);
}

static void add_image(void *context)
{
    struct work *work = context;
    struct tamga_dag_builder *builder;

    bench_must(tamga_dag_builder_new(&builder, &tamga_dag_default,
                                     work->store == NULL ? NULL : put, work->store),
               "builder");
    bench_must(tamga_dag_builder_add(builder, tamga_buf_span(&work->image)), "add");
    bench_must(tamga_dag_builder_finish(builder, &work->root), "finish");
    tamga_dag_builder_free(builder);
}

static void check_image(void *context)
{
    struct work *work = context;

    bench_must(tamga_block_store_check_image(work->store, &work->root, work->image.len,
                                             &work->sha256, NULL),
               "check");
}

static void fill(struct tamga_buf *out, size_t bytes)
{
    uint64_t seed = 1;

    bench_must(tamga_buf_reserve(out, bytes), "image");
    for (; out->len < bytes; out->len++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        out->data[out->len] = (uint8_t)(seed >> 56);
    }
}

void bench_content(const struct bench *bench)
{
    double limit = limit_sha256_bytes(bench->limit_seconds) / MIB, size, start;
    struct tamga_block_store *store;
    struct work work = {0};
    char folder[256];

    fill(&work.image, bench->smoke ? 1u << 20 : IMAGE_BYTES);
    size = (double)work.image.len / MIB;
    tamga_sha256(&work.sha256, tamga_buf_span(&work.image));
    bench_folder(folder);
    bench_must(tamga_block_store_open(&store, folder, 1ull << 30, NULL), "block store");
    bench_figure("content.add", bench_rate(add_image, &work, size, bench->seconds), "MiB/s",
                 limit, "SHA-256, one core");
    work.store = store;
    start = bench_now();
    add_image(&work);
    bench_figure("content.put", size / (bench_now() - start), "MiB/s", limit,
                 "SHA-256, one core");
    bench_figure("content.check", bench_rate(check_image, &work, size, bench->seconds),
                 "MiB/s", limit / 2, "SHA-256 twice, one core");
    tamga_block_store_close(store);
    tamga_buf_clear(&work.image);
}
