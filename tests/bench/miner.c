/* The search for a nonce beside one SHA-256 block a try. */
#include "bench.h"
#include "crypto/hash.h"
#include "limits.h"

#define TRIES 16384 /* as the node's miner takes at once */

static void search(void *context)
{
    static const uint8_t header[228];
    static const struct tamga_hash impossible;
    uint64_t *first = context, nonce;

    BENCH_CHECK(!tamga_sha256_search(header, &impossible, *first, TRIES, &nonce));
    *first += TRIES;
}

void bench_miner(const struct bench *bench)
{
    double limit = limit_sha256_blocks(bench->limit_seconds);
    uint64_t first = 0;

    bench_figure("miner.tries", bench_rate(search, &first, TRIES, bench->limit_seconds), "/s",
                 limit, "SHA256_Transform, one core");
}
