/* SHA-256, plain and with a domain. Only OpenSSL below. */
#ifndef TAMGA_CRYPTO_HASH_H
#define TAMGA_CRYPTO_HASH_H

#include "base/id.h"

/* SHA-256 of bytes. Cannot fail: the library aborts if OpenSSL has no SHA-256. */
void tamga_sha256(struct tamga_hash *out, struct tamga_span bytes);
/* SHA-256 of the parts, one after the other. */
void tamga_sha256_parts(struct tamga_hash *out, const struct tamga_span *part,
                        size_t count);

/*
 * SHA-256(len8(domain) || domain || scope || body): what every signature of ours
 * covers and what every id is.
 *
 * Shapes:  domain has 1..255 bytes; scope is a chain id or the network id.
 * Source:  docs/PROTOCOL.md, "Signed bytes".
 */
void tamga_domain_hash(struct tamga_hash *out, const char *domain,
                       const struct tamga_scope *scope, struct tamga_span body);

/* A running SHA-256 for what does not fit in memory. */
struct tamga_sha256_stream;
TAMGA_MUST_USE enum tamga_err tamga_sha256_stream_new(struct tamga_sha256_stream **out);
void tamga_sha256_stream_add(struct tamga_sha256_stream *stream,
                             struct tamga_span bytes);
/* The hash so far; the stream can go on. */
void tamga_sha256_stream_peek(const struct tamga_sha256_stream *stream,
                              struct tamga_hash *out);
void tamga_sha256_stream_free(struct tamga_sha256_stream *stream);

/*
 * Try nonces for a proof of work: the last 64-byte SHA-256 block is hashed once a try.
 *
 * Shapes:  header has 228 bytes, the nonce being its last 8, big-endian.
 * Returns: true and the nonce if one of the tries first..first+tries-1 (wrapping)
 *          gives a hash that is, as a big-endian number, at most target.
 */
bool tamga_sha256_search(const uint8_t header[228], const struct tamga_hash *target,
                         uint64_t first, uint64_t tries, uint64_t *nonce);

#endif
