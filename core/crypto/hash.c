/*
 * SHA-256 of ours: plain, with a domain, as a stream, and the search for a nonce.
 * Knows nothing of what the bytes mean.
 *
 * The low-level SHA256_* calls are deprecated since OpenSSL 3.0, and used all the
 * same, in this file only: they cannot fail and allocate nothing, so that no hash of
 * ours has an error path; they scale over threads, where an implicit EVP fetch does
 * not; and only they let the search start from a midstate.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#define BLOCK_BYTES SHA256_CBLOCK
#define WORDS       (SHA256_DIGEST_LENGTH / 4)

#define HEADER_BYTES 228u
#define NONCE_BYTES  8u
#define TAIL_BYTES   (HEADER_BYTES % BLOCK_BYTES)
_Static_assert(TAIL_BYTES >= NONCE_BYTES && TAIL_BYTES + 9 <= BLOCK_BYTES,
               "the nonce and the padding lie in the last block");

struct tamga_sha256_stream {
    SHA256_CTX ctx;
};

static void add(SHA256_CTX *ctx, struct tamga_span bytes)
{
    if (bytes.len > 0)
        SHA256_Update(ctx, bytes.data, bytes.len);
}

void tamga_sha256(struct tamga_hash *out, struct tamga_span bytes)
{
    tamga_sha256_parts(out, &bytes, 1);
}

void tamga_sha256_parts(struct tamga_hash *out, const struct tamga_span *part,
                        size_t count)
{
    SHA256_CTX ctx;

    SHA256_Init(&ctx);
    for (size_t i = 0; i < count; i++)
        add(&ctx, part[i]);
    SHA256_Final(out->byte, &ctx);
}

void tamga_domain_hash(struct tamga_hash *out, const char *domain,
                       const struct tamga_scope *scope, struct tamga_span body)
{
    size_t len = strlen(domain);
    uint8_t len8 = (uint8_t)len;

    assert(len >= 1 && len <= 255);
    tamga_sha256_parts(out,
                       (const struct tamga_span[]){
                           tamga_span(&len8, 1),
                           tamga_span(domain, len),
                           tamga_hash_span(&scope->hash),
                           body,
                       },
                       4);
}

enum tamga_err tamga_sha256_stream_new(struct tamga_sha256_stream **out)
{
    struct tamga_sha256_stream *stream = malloc(sizeof *stream);

    if (stream == NULL)
        return TAMGA_E_NO_MEMORY;
    SHA256_Init(&stream->ctx);
    *out = stream;
    return TAMGA_OK;
}

void tamga_sha256_stream_add(struct tamga_sha256_stream *stream,
                             struct tamga_span bytes)
{
    add(&stream->ctx, bytes);
}

void tamga_sha256_stream_peek(const struct tamga_sha256_stream *stream,
                              struct tamga_hash *out)
{
    SHA256_CTX copy = stream->ctx; /* Final ends the state it works on */

    SHA256_Final(out->byte, &copy);
}

void tamga_sha256_stream_free(struct tamga_sha256_stream *stream)
{
    free(stream);
}

/* Is the hash, as words, at most the target? Both big-endian numbers of eight words. */
static bool at_most(const SHA_LONG hash[WORDS], const uint32_t target[WORDS])
{
    for (size_t i = 0; i < WORDS; i++)
        if (hash[i] != target[i])
            return hash[i] < target[i];
    return true;
}

/* The header's last SHA-256 block: its tail, a one bit, zeros, the length in bits. */
static void last_block(uint8_t block[BLOCK_BYTES], const uint8_t header[HEADER_BYTES])
{
    memset(block, 0, BLOCK_BYTES);
    memcpy(block, header + HEADER_BYTES - TAIL_BYTES, TAIL_BYTES);
    block[TAIL_BYTES] = 0x80;
    tamga_put_u64(block + BLOCK_BYTES - 8, (uint64_t)HEADER_BYTES * 8);
}

bool tamga_sha256_search(const uint8_t header[228], const struct tamga_hash *target,
                         uint64_t first, uint64_t tries, uint64_t *nonce)
{
    uint32_t bound[WORDS];
    uint8_t block[BLOCK_BYTES];
    SHA256_CTX middle;
    SHA256_CTX ctx;

    for (size_t i = 0; i < WORDS; i++)
        bound[i] = tamga_get_u32(target->byte + 4 * i);
    last_block(block, header);
    SHA256_Init(&middle);
    SHA256_Update(&middle, header, HEADER_BYTES - TAIL_BYTES);
    ctx = middle;
    for (uint64_t i = 0; i < tries; i++) {
        tamga_put_u64(block + TAIL_BYTES - NONCE_BYTES, first + i);
        memcpy(ctx.h, middle.h, sizeof ctx.h);
        SHA256_Transform(&ctx, block);
        if (at_most(ctx.h, bound)) {
            *nonce = first + i;
            return true;
        }
    }
    return false;
}
