/* Our signature check beside OpenSSL's, which bounds nearly everything else. */
#include "bench.h"
#include "limits.h"

struct check {
    struct tamga_private_key *key;
    struct tamga_hash digest;
    struct tamga_signature signature;
};

static void check_one(void *context)
{
    struct check *check = context;

    bench_must(tamga_public_key_verify(tamga_private_key_public(check->key), &check->digest,
                                       &check->signature),
               "verify");
}

void bench_verify(const struct bench *bench)
{
    for (size_t i = 0; i < 3; i++) {
        enum tamga_key_type type = bench_key_type[i];
        struct check check = {0};
        char name[64];
        double limit = limit_verify(type, bench->limit_seconds);

        bench_must(tamga_private_key_generate(&check.key, type), "key");
        bench_must(tamga_private_key_sign(check.key, &check.digest, &check.signature), "sign");
        snprintf(name, sizeof name, "verify.%s", bench_key_name(type));
        bench_figure(name, bench_rate(check_one, &check, 1, bench->limit_seconds), "/s", limit,
                     "OpenSSL verify, one core");
        tamga_private_key_free(check.key);
    }
}
