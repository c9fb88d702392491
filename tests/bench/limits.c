/* OpenSSL alone, called in the cheapest way that it has. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "limits.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "bench.h"

#define BLOCKS_A_STEP 4096
#define BULK_BYTES    (1u << 20)
#define NODE_BYTES    65

const enum tamga_key_type bench_key_type[3] = {TAMGA_KEY_P256, TAMGA_KEY_RSA3072,
                                               TAMGA_KEY_ED25519};

const char *bench_key_name(enum tamga_key_type type)
{
    switch (type) {
    case TAMGA_KEY_P256:
        return "p256";
    case TAMGA_KEY_RSA3072:
        return "rsa3072";
    case TAMGA_KEY_ED25519:
        return "ed25519";
    }
    return "?";
}

struct verify {
    EVP_PKEY *key;
    EVP_PKEY_CTX *ctx; /* NULL: Ed25519, which has only the one-shot call */
    EVP_MD_CTX *md;
    uint8_t digest[32];
    uint8_t signature[512];
    size_t len;
};

static EVP_PKEY *make_key(enum tamga_key_type type)
{
    switch (type) {
    case TAMGA_KEY_P256:
        return EVP_EC_gen("P-256");
    case TAMGA_KEY_RSA3072:
        return EVP_RSA_gen(3072);
    case TAMGA_KEY_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    return NULL;
}

static void set_scheme(EVP_PKEY_CTX *ctx, enum tamga_key_type type)
{
    BENCH_CHECK(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0);
    if (type != TAMGA_KEY_RSA3072)
        return;
    BENCH_CHECK(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
                EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) > 0);
}

static void prepare(struct verify *verify, enum tamga_key_type type)
{
    EVP_PKEY_CTX *sign;

    *verify = (struct verify){.key = make_key(type), .len = sizeof verify->signature};
    BENCH_CHECK(verify->key != NULL);
    if (type == TAMGA_KEY_ED25519) {
        verify->md = EVP_MD_CTX_new();
        BENCH_CHECK(verify->md != NULL &&
                    EVP_DigestSignInit(verify->md, NULL, NULL, NULL, verify->key) > 0 &&
                    EVP_DigestSign(verify->md, verify->signature, &verify->len,
                                   verify->digest, sizeof verify->digest) > 0);
        EVP_MD_CTX_free(verify->md);
        verify->md = EVP_MD_CTX_new();
        BENCH_CHECK(EVP_DigestVerifyInit(verify->md, NULL, NULL, NULL, verify->key) > 0);
        return;
    }
    sign = EVP_PKEY_CTX_new(verify->key, NULL);
    verify->ctx = EVP_PKEY_CTX_new(verify->key, NULL);
    BENCH_CHECK(sign != NULL && verify->ctx != NULL && EVP_PKEY_sign_init(sign) > 0 &&
                EVP_PKEY_verify_init(verify->ctx) > 0);
    set_scheme(sign, type);
    set_scheme(verify->ctx, type);
    BENCH_CHECK(EVP_PKEY_sign(sign, verify->signature, &verify->len, verify->digest,
                              sizeof verify->digest) > 0);
    EVP_PKEY_CTX_free(sign);
}

static void verify_one(void *context)
{
    struct verify *verify = context;
    int good = verify->ctx != NULL
                   ? EVP_PKEY_verify(verify->ctx, verify->signature, verify->len,
                                     verify->digest, sizeof verify->digest)
                   : EVP_DigestVerify(verify->md, verify->signature, verify->len,
                                      verify->digest, sizeof verify->digest);

    BENCH_CHECK(good == 1);
}

double limit_verify(enum tamga_key_type type, double seconds)
{
    struct verify verify;
    double rate;

    prepare(&verify, type);
    rate = bench_rate(verify_one, &verify, 1, seconds);
    EVP_PKEY_CTX_free(verify.ctx);
    EVP_MD_CTX_free(verify.md);
    EVP_PKEY_free(verify.key);
    return rate;
}

static void hash_bulk(void *context)
{
    uint8_t digest[32];

    SHA256(context, BULK_BYTES, digest);
    ((uint8_t *)context)[0] = digest[0]; /* so that no call can be left out */
}

double limit_sha256_bytes(double seconds)
{
    uint8_t *bytes = calloc(1, BULK_BYTES);
    double rate;

    BENCH_CHECK(bytes != NULL);
    rate = bench_rate(hash_bulk, bytes, BULK_BYTES, seconds);
    free(bytes);
    return rate;
}

static void hash_blocks(void *context)
{
    SHA256_CTX *ctx = context, start = *ctx;
    uint8_t block[SHA256_CBLOCK] = {0};

    for (unsigned i = 0; i < BLOCKS_A_STEP; i++) {
        block[0] = (uint8_t)i;
        memcpy(ctx->h, start.h, sizeof ctx->h);
        SHA256_Transform(ctx, block);
    }
}

double limit_sha256_blocks(double seconds)
{
    SHA256_CTX ctx;

    SHA256_Init(&ctx);
    return bench_rate(hash_blocks, &ctx, BLOCKS_A_STEP, seconds);
}

static void hash_nodes(void *context)
{
    uint8_t *node = context;

    for (unsigned i = 0; i < BLOCKS_A_STEP; i++) {
        SHA256_CTX ctx; /* SHA256() looks its method up each time */

        SHA256_Init(&ctx);
        SHA256_Update(&ctx, node, NODE_BYTES);
        SHA256_Final(node + 1, &ctx); /* each is part of the next one */
    }
}

double limit_sha256_nodes(double seconds)
{
    uint8_t node[NODE_BYTES] = {0};

    return bench_rate(hash_nodes, node, BLOCKS_A_STEP, seconds);
}
