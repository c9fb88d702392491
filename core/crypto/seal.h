/*
 * An image that only its recipients can read: AES-256-GCM in chunks, each authenticated
 * with its position, the last one marked, all with the header. So a chunk that is changed,
 * moved, doubled, left out or taken from elsewhere does not open, and neither does an image
 * that ends early. Memory is one chunk, whatever the image.
 *
 * Knows one image's key and length; who has that key is for recipient.h.
 *
 * Source: docs/PROTOCOL.md, "Encrypted images".
 */
#ifndef TAMGA_CRYPTO_SEAL_H
#define TAMGA_CRYPTO_SEAL_H

#include "base/id.h"

#define TAMGA_SEAL_KEY_BYTES     32
#define TAMGA_SEAL_HEADER_BYTES  24u
#define TAMGA_SEAL_TAG_BYTES     16u
#define TAMGA_SEAL_CHUNK_BYTES   65536u /* of plaintext */
#define TAMGA_SEALED_CHUNK_BYTES (TAMGA_SEAL_CHUNK_BYTES + TAMGA_SEAL_TAG_BYTES)
#define TAMGA_SEALED_BYTES_MAX   (1ull << 40)

/* A content key, for one image only: with a second one under it both could be read. */
struct tamga_seal_key {
    uint8_t byte[TAMGA_SEAL_KEY_BYTES];
};
/* For TAMGA_CLEANUP. */
void tamga_seal_key_wipe(struct tamga_seal_key *key);
/* One in locked memory (secret.h), where it lives longer than a call; NULL: no memory. */
struct tamga_seal_key *tamga_seal_key_new(void);
/* Wipes it; for TAMGA_CLEANUP. */
void tamga_seal_key_release(struct tamga_seal_key **key);

/* Length of the sealed image; 0 if the plaintext is empty, or too long for a sealed image
 * of TAMGA_SEALED_BYTES_MAX. */
uint64_t tamga_sealed_bytes(uint64_t plain_bytes);

/* ---- chunks, in any order ------------------------------------------------------------ */

struct tamga_seal; /* one image's key, wiped when freed */

/* Errors: BAD_VALUE (a length without a sealed form), NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_seal_new(struct tamga_seal **out,
                                             const struct tamga_seal_key *key,
                                             uint64_t plain_bytes);
void tamga_seal_free(struct tamga_seal *seal);
/* For TAMGA_CLEANUP. */
void tamga_seal_release(struct tamga_seal **seal);
void tamga_seal_header(const struct tamga_seal *seal, uint8_t out[TAMGA_SEAL_HEADER_BYTES]);
/* Plaintext bytes of chunk `index`; 0 beyond the last. */
size_t tamga_seal_chunk_bytes(const struct tamga_seal *seal, uint64_t index);
/*
 * Shapes:  plain has tamga_seal_chunk_bytes(index) bytes, out has TAMGA_SEAL_TAG_BYTES more.
 * Errors:  BAD_LENGTH, CRYPTO.
 */
TAMGA_MUST_USE enum tamga_err tamga_seal_chunk(struct tamga_seal *seal, uint64_t index,
                                               uint8_t *out, struct tamga_span plain);
/*
 * Shapes:  out has room for tamga_seal_chunk_bytes(index); zeros after a failure.
 * Errors:  BAD_CIPHERTEXT: not the chunk of this image at this position; CRYPTO.
 */
TAMGA_MUST_USE enum tamga_err tamga_seal_open_chunk(struct tamga_seal *seal, uint64_t index,
                                                    uint8_t *out,
                                                    struct tamga_span untrusted);

/* ---- streams ------------------------------------------------------------------------- */

/* Gets what is ready, in order; borrowed for the call. What it returns ends the stream. */
typedef enum tamga_err (*tamga_seal_sink)(void *context, struct tamga_span bytes);

struct tamga_seal_stream;

/* From plaintext to header and sealed chunks. Errors: as tamga_seal_new. */
TAMGA_MUST_USE enum tamga_err tamga_sealer_new(struct tamga_seal_stream **out,
                                               const struct tamga_seal_key *key,
                                               uint64_t plain_bytes, tamga_seal_sink sink,
                                               void *context);
/* From a sealed image to plaintext: the sink never gets a byte that is not authenticated.
 * plain_bytes is what the image must have. Errors: as tamga_seal_new. */
TAMGA_MUST_USE enum tamga_err tamga_opener_new(struct tamga_seal_stream **out,
                                               const struct tamga_seal_key *key,
                                               uint64_t plain_bytes, tamga_seal_sink sink,
                                               void *context);
/*
 * More input, in pieces of any length. A stream that failed stays failed.
 *
 * Errors:  sealer: IMAGE_LENGTH (more than plain_bytes); opener: BAD_CIPHERTEXT; the
 *          sink's.
 */
TAMGA_MUST_USE enum tamga_err tamga_seal_stream_add(struct tamga_seal_stream *stream,
                                                    struct tamga_span bytes);
/* That was all. Errors: sealer: IMAGE_LENGTH; opener: BAD_CIPHERTEXT: it ends too early. */
TAMGA_MUST_USE enum tamga_err tamga_seal_stream_finish(struct tamga_seal_stream *stream);
void tamga_seal_stream_free(struct tamga_seal_stream *stream);
/* For TAMGA_CLEANUP. */
void tamga_seal_stream_release(struct tamga_seal_stream **stream);

#endif
