/*
 * Sealed images by OpenSSL's AES-256-GCM. A nonce is the chunk's number and whether it is
 * the last one, as in the STREAM construction; no key ever seals two images, so that none
 * comes twice. Knows no recipients and no files.
 */
#include "crypto/seal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/secret.h"

#define VERSION    1u
#define CIPHER     1u /* AES-256-GCM */
#define WRAP       1u /* X25519, HKDF with SHA-256, AES-256-GCM */
#define NONCE_BYTES 12u

static const uint8_t magic[8] = {'t', 'a', 'm', 'g', 'a', 'i', 'm', 'g'};

struct tamga_seal {
    struct tamga_seal_key key;
    EVP_CIPHER_CTX *ctx;
    uint64_t plain_bytes;
    uint64_t chunks;
    uint8_t header[TAMGA_SEAL_HEADER_BYTES];
};

void tamga_seal_key_wipe(struct tamga_seal_key *key)
{
    OPENSSL_cleanse(key, sizeof *key);
}

struct tamga_seal_key *tamga_seal_key_new(void)
{
    return tamga_secret_new(sizeof(struct tamga_seal_key));
}

void tamga_seal_key_release(struct tamga_seal_key **key)
{
    tamga_secret_free(*key, sizeof **key);
    *key = NULL;
}

static uint64_t chunks_of(uint64_t plain_bytes)
{
    return (plain_bytes - 1) / TAMGA_SEAL_CHUNK_BYTES + 1;
}

uint64_t tamga_sealed_bytes(uint64_t plain_bytes)
{
    uint64_t sealed;

    if (plain_bytes == 0 || plain_bytes > TAMGA_SEALED_BYTES_MAX)
        return 0;
    sealed = TAMGA_SEAL_HEADER_BYTES + plain_bytes +
             chunks_of(plain_bytes) * TAMGA_SEAL_TAG_BYTES;
    return sealed <= TAMGA_SEALED_BYTES_MAX ? sealed : 0;
}

/* ---- chunks --------------------------------------------------------------------------- */

static void write_header(struct tamga_seal *seal)
{
    uint8_t *at = seal->header;

    memcpy(at, magic, sizeof magic);
    at[8] = VERSION;
    at[9] = CIPHER;
    at[10] = WRAP;
    at[11] = 0;
    tamga_put_u32(at + 12, TAMGA_SEAL_CHUNK_BYTES);
    tamga_put_u64(at + 16, seal->plain_bytes);
}

enum tamga_err tamga_seal_new(struct tamga_seal **out, const struct tamga_seal_key *key,
                              uint64_t plain_bytes)
{
    struct tamga_seal *seal;

    if (tamga_sealed_bytes(plain_bytes) == 0)
        return TAMGA_E_BAD_VALUE;
    seal = tamga_secret_new(sizeof *seal); /* it holds the key */
    if (seal == NULL)
        return TAMGA_E_NO_MEMORY;
    seal->key = *key;
    seal->plain_bytes = plain_bytes;
    seal->chunks = chunks_of(plain_bytes);
    write_header(seal);
    seal->ctx = EVP_CIPHER_CTX_new();
    if (seal->ctx == NULL) {
        tamga_seal_free(seal);
        return TAMGA_E_NO_MEMORY;
    }
    *out = seal;
    return TAMGA_OK;
}

void tamga_seal_free(struct tamga_seal *seal)
{
    if (seal == NULL)
        return;
    EVP_CIPHER_CTX_free(seal->ctx); /* wipes its key schedule */
    tamga_secret_free(seal, sizeof *seal);
}

void tamga_seal_release(struct tamga_seal **seal)
{
    tamga_seal_free(*seal);
}

void tamga_seal_header(const struct tamga_seal *seal, uint8_t out[TAMGA_SEAL_HEADER_BYTES])
{
    memcpy(out, seal->header, TAMGA_SEAL_HEADER_BYTES);
}

size_t tamga_seal_chunk_bytes(const struct tamga_seal *seal, uint64_t index)
{
    if (index >= seal->chunks)
        return 0;
    if (index + 1 < seal->chunks)
        return TAMGA_SEAL_CHUNK_BYTES;
    return (size_t)(seal->plain_bytes - index * TAMGA_SEAL_CHUNK_BYTES);
}

/* Key, nonce and header of one chunk; the header is authenticated with every one. */
static bool begin(struct tamga_seal *seal, uint64_t index, int encrypt)
{
    uint8_t nonce[NONCE_BYTES] = {0};
    int len = 0;

    tamga_put_u64(nonce + 3, index); /* an 11-byte number */
    nonce[11] = index + 1 == seal->chunks;
    return EVP_CipherInit_ex(seal->ctx, EVP_aes_256_gcm(), NULL, seal->key.byte, nonce,
                             encrypt) == 1 &&
           EVP_CipherUpdate(seal->ctx, NULL, &len, seal->header,
                            (int)TAMGA_SEAL_HEADER_BYTES) == 1;
}

static enum tamga_err crypto_failed(void)
{
    ERR_clear_error();
    return TAMGA_E_CRYPTO;
}

enum tamga_err tamga_seal_chunk(struct tamga_seal *seal, uint64_t index, uint8_t *out,
                                struct tamga_span plain)
{
    int len = 0, rest = 0;

    if (plain.len == 0 || plain.len != tamga_seal_chunk_bytes(seal, index))
        return TAMGA_E_BAD_LENGTH;
    if (!begin(seal, index, 1) ||
        EVP_CipherUpdate(seal->ctx, out, &len, plain.data, (int)plain.len) != 1 ||
        EVP_CipherFinal_ex(seal->ctx, out + len, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(seal->ctx, EVP_CTRL_AEAD_GET_TAG, (int)TAMGA_SEAL_TAG_BYTES,
                            out + plain.len) != 1)
        return crypto_failed();
    return TAMGA_OK;
}

enum tamga_err tamga_seal_open_chunk(struct tamga_seal *seal, uint64_t index, uint8_t *out,
                                     struct tamga_span untrusted)
{
    size_t plain_len = tamga_seal_chunk_bytes(seal, index);
    uint8_t tag[TAMGA_SEAL_TAG_BYTES];
    int len = 0, rest = 0;

    if (plain_len == 0 || untrusted.len != plain_len + TAMGA_SEAL_TAG_BYTES)
        return TAMGA_E_BAD_CIPHERTEXT;
    memcpy(tag, untrusted.data + plain_len, sizeof tag);
    if (!begin(seal, index, 0) ||
        EVP_CipherUpdate(seal->ctx, out, &len, untrusted.data, (int)plain_len) != 1 ||
        EVP_CIPHER_CTX_ctrl(seal->ctx, EVP_CTRL_AEAD_SET_TAG, (int)sizeof tag, tag) != 1) {
        OPENSSL_cleanse(out, plain_len);
        return crypto_failed();
    }
    if (EVP_CipherFinal_ex(seal->ctx, out + len, &rest) != 1) {
        OPENSSL_cleanse(out, plain_len);
        ERR_clear_error();
        return TAMGA_E_BAD_CIPHERTEXT;
    }
    return TAMGA_OK;
}

/* ---- streams -------------------------------------------------------------------------- */

/* Gathers one piece, which is the header or a chunk, and hands it on changed. */
struct tamga_seal_stream {
    struct tamga_seal *seal;
    bool opens;
    bool header_done;
    tamga_seal_sink sink;
    void *context;
    enum tamga_err err; /* of the first failure */
    uint64_t index;     /* of the chunk that is gathered */
    size_t have;
    uint8_t in[TAMGA_SEALED_CHUNK_BYTES];
    uint8_t out[TAMGA_SEALED_CHUNK_BYTES];
};

static enum tamga_err stream_new(struct tamga_seal_stream **out, bool opens,
                                 const struct tamga_seal_key *key, uint64_t plain_bytes,
                                 tamga_seal_sink sink, void *context)
{
    struct tamga_seal_stream *stream = calloc(1, sizeof *stream);
    enum tamga_err err;

    if (stream == NULL)
        return TAMGA_E_NO_MEMORY;
    stream->opens = opens;
    stream->sink = sink;
    stream->context = context;
    err = tamga_seal_new(&stream->seal, key, plain_bytes);
    if (err == TAMGA_OK)
        *out = stream;
    else
        tamga_seal_stream_free(stream);
    return err;
}

enum tamga_err tamga_sealer_new(struct tamga_seal_stream **out,
                                const struct tamga_seal_key *key, uint64_t plain_bytes,
                                tamga_seal_sink sink, void *context)
{
    return stream_new(out, false, key, plain_bytes, sink, context);
}

enum tamga_err tamga_opener_new(struct tamga_seal_stream **out,
                                const struct tamga_seal_key *key, uint64_t plain_bytes,
                                tamga_seal_sink sink, void *context)
{
    return stream_new(out, true, key, plain_bytes, sink, context);
}

/* Bytes of the piece that comes next; 0: there is none. */
static size_t wanted(const struct tamga_seal_stream *stream)
{
    size_t plain = tamga_seal_chunk_bytes(stream->seal, stream->index);

    if (stream->opens && !stream->header_done)
        return TAMGA_SEAL_HEADER_BYTES;
    return stream->opens && plain > 0 ? plain + TAMGA_SEAL_TAG_BYTES : plain;
}

static enum tamga_err open_piece(struct tamga_seal_stream *stream)
{
    size_t plain = tamga_seal_chunk_bytes(stream->seal, stream->index);
    enum tamga_err err;

    if (!stream->header_done) {
        stream->header_done = true;
        return memcmp(stream->in, stream->seal->header, TAMGA_SEAL_HEADER_BYTES) == 0
                   ? TAMGA_OK
                   : TAMGA_E_BAD_CIPHERTEXT;
    }
    err = tamga_seal_open_chunk(stream->seal, stream->index, stream->out,
                                tamga_span(stream->in, stream->have));
    if (err != TAMGA_OK)
        return err;
    stream->index++;
    return stream->sink(stream->context, tamga_span(stream->out, plain));
}

static enum tamga_err seal_piece(struct tamga_seal_stream *stream)
{
    enum tamga_err err = TAMGA_OK;

    if (!stream->header_done) {
        stream->header_done = true;
        err = stream->sink(stream->context,
                           tamga_span(stream->seal->header, TAMGA_SEAL_HEADER_BYTES));
    }
    if (err == TAMGA_OK)
        err = tamga_seal_chunk(stream->seal, stream->index, stream->out,
                               tamga_span(stream->in, stream->have));
    if (err != TAMGA_OK)
        return err;
    stream->index++;
    return stream->sink(stream->context,
                        tamga_span(stream->out, stream->have + TAMGA_SEAL_TAG_BYTES));
}

static enum tamga_err wrong_length(const struct tamga_seal_stream *stream)
{
    return stream->opens ? TAMGA_E_BAD_CIPHERTEXT : TAMGA_E_IMAGE_LENGTH;
}

enum tamga_err tamga_seal_stream_add(struct tamga_seal_stream *stream, struct tamga_span bytes)
{
    while (stream->err == TAMGA_OK && bytes.len > 0) {
        size_t want = wanted(stream);
        size_t take = want - stream->have < bytes.len ? want - stream->have : bytes.len;

        if (want == 0) {
            stream->err = wrong_length(stream);
            break;
        }
        memcpy(stream->in + stream->have, bytes.data, take);
        stream->have += take;
        bytes = tamga_span(bytes.data + take, bytes.len - take);
        if (stream->have < want)
            break;
        stream->err = stream->opens ? open_piece(stream) : seal_piece(stream);
        stream->have = 0;
    }
    return stream->err;
}

enum tamga_err tamga_seal_stream_finish(struct tamga_seal_stream *stream)
{
    if (stream->err == TAMGA_OK && wanted(stream) != 0)
        stream->err = wrong_length(stream);
    return stream->err;
}

void tamga_seal_stream_free(struct tamga_seal_stream *stream)
{
    if (stream == NULL)
        return;
    tamga_seal_free(stream->seal);
    OPENSSL_cleanse(stream, sizeof *stream); /* plaintext was in it */
    free(stream);
}

void tamga_seal_stream_release(struct tamga_seal_stream **stream)
{
    tamga_seal_stream_free(*stream);
}
