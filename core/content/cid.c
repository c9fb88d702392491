/*
 * Content ids in text and in bytes. Both bases are small enough to be written here.
 * Knows nothing of what a block holds.
 */
#include "content/cid.h"

#include <assert.h>

#include "crypto/hash.h"

#define MULTIHASH_BYTES 34 /* 12 20 and the digest */
#define SHA2_256 0x12
#define BASE58_CHARS 46    /* of 34 bytes that start with 12 20: always "Qm..." */
#define BASE32_CHARS 59    /* 'b' and ceil(36 * 8 / 5) */

static const char base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";

bool tamga_cid_equal(const struct tamga_cid *a, const struct tamga_cid *b)
{
    return a->version == b->version && a->codec == b->codec &&
           tamga_hash_equal(&a->digest, &b->digest);
}

static bool usable(uint8_t version, uint8_t codec)
{
    if (version == 0)
        return codec == TAMGA_CODEC_DAG_PB;
    return version == 1 && (codec == TAMGA_CODEC_RAW || codec == TAMGA_CODEC_DAG_PB);
}

void tamga_cid_of(struct tamga_cid *out, uint8_t version, uint8_t codec,
                  struct tamga_span block)
{
    assert(usable(version, codec));
    out->version = version;
    out->codec = codec;
    tamga_sha256(&out->digest, block);
}

enum tamga_err tamga_cid_check(const struct tamga_cid *cid, struct tamga_span block)
{
    struct tamga_hash digest;

    tamga_sha256(&digest, block);
    return tamga_hash_equal(&digest, &cid->digest) ? TAMGA_OK : TAMGA_E_CID_MISMATCH;
}

size_t tamga_cid_encode(uint8_t out[TAMGA_CID_BINARY_MAX], const struct tamga_cid *cid)
{
    uint8_t *at = out;

    if (cid->version == 1) {
        *at++ = 1;
        *at++ = cid->codec;
    }
    *at++ = SHA2_256;
    *at++ = TAMGA_HASH_BYTES;
    memcpy(at, cid->digest.byte, TAMGA_HASH_BYTES);
    return (size_t)(at - out) + TAMGA_HASH_BYTES;
}

enum tamga_err tamga_cid_decode(struct tamga_cid *out, struct tamga_span bytes)
{
    struct tamga_cid cid = {.version = 0, .codec = TAMGA_CODEC_DAG_PB};
    const uint8_t *hash = bytes.data;

    if (bytes.len != MULTIHASH_BYTES && bytes.len != TAMGA_CID_BINARY_MAX)
        return TAMGA_E_BAD_CID;
    if (bytes.len == TAMGA_CID_BINARY_MAX) {
        cid.version = bytes.data[0];
        cid.codec = bytes.data[1];
        hash += 2;
        if (cid.version != 1 || !usable(cid.version, cid.codec))
            return TAMGA_E_BAD_CID;
    }
    if (hash[0] != SHA2_256 || hash[1] != TAMGA_HASH_BYTES)
        return TAMGA_E_BAD_CID;
    memcpy(cid.digest.byte, hash + 2, TAMGA_HASH_BYTES);
    *out = cid;
    return TAMGA_OK;
}

/* The number that bytes are, by repeated division; no leading zeros occur (first is 12). */
static void base58_write(char text[BASE58_CHARS + 1], const uint8_t bytes[MULTIHASH_BYTES])
{
    uint8_t rest[MULTIHASH_BYTES];

    memcpy(rest, bytes, sizeof rest);
    for (int i = BASE58_CHARS - 1; i >= 0; i--) {
        unsigned carry = 0;

        for (size_t k = 0; k < sizeof rest; k++) {
            carry = carry << 8 | rest[k];
            rest[k] = (uint8_t)(carry / 58);
            carry %= 58;
        }
        text[i] = base58[carry];
    }
    text[BASE58_CHARS] = '\0';
}

/* False: a character of no base58 digit, or a number beyond 34 bytes. */
static bool base58_read(uint8_t bytes[MULTIHASH_BYTES], const char *text)
{
    memset(bytes, 0, MULTIHASH_BYTES);
    for (; *text != '\0'; text++) {
        const char *digit = strchr(base58, *text);
        unsigned carry;

        if (digit == NULL)
            return false;
        carry = (unsigned)(digit - base58);
        for (int k = MULTIHASH_BYTES - 1; k >= 0; k--) {
            carry += 58u * bytes[k];
            bytes[k] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry != 0)
            return false;
    }
    return true;
}

static void base32_write(char *text, const uint8_t *bytes, size_t len)
{
    unsigned bits = 0, held = 0;

    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | bytes[i]) & 0xfff;
        for (held += 8; held >= 5; held -= 5)
            *text++ = base32[bits >> (held - 5) & 31];
    }
    if (held > 0)
        *text++ = base32[bits << (5 - held) & 31];
    *text = '\0';
}

/* Bits beyond the last whole byte are dropped: the caller compares with what we write. */
static bool base32_read(uint8_t *bytes, size_t len, const char *text)
{
    unsigned bits = 0, held = 0;
    size_t at = 0;

    for (; *text != '\0'; text++) {
        const char *digit = strchr(base32, *text);

        if (digit == NULL)
            return false;
        bits = (bits << 5 | (unsigned)(digit - base32)) & 0xfff;
        held += 5;
        if (held < 8)
            continue;
        if (at == len)
            return false;
        held -= 8;
        bytes[at++] = (uint8_t)(bits >> held);
    }
    return at == len;
}

void tamga_cid_format(char text[TAMGA_CID_TEXT_MAX], const struct tamga_cid *cid)
{
    uint8_t bytes[TAMGA_CID_BINARY_MAX];
    size_t len = tamga_cid_encode(bytes, cid);

    if (cid->version == 0) {
        base58_write(text, bytes);
        return;
    }
    text[0] = 'b';
    base32_write(text + 1, bytes, len);
}

enum tamga_err tamga_cid_parse(struct tamga_cid *out, const char *text)
{
    size_t chars = strnlen(text, TAMGA_CID_TEXT_MAX);
    uint8_t bytes[TAMGA_CID_BINARY_MAX];
    char again[TAMGA_CID_TEXT_MAX];
    struct tamga_cid cid;
    size_t len;

    if (chars == BASE58_CHARS && base58_read(bytes, text))
        len = MULTIHASH_BYTES;
    else if (chars == BASE32_CHARS && text[0] == 'b' &&
             base32_read(bytes, sizeof bytes, text + 1))
        len = TAMGA_CID_BINARY_MAX;
    else
        return TAMGA_E_BAD_CID;
    if (tamga_cid_decode(&cid, tamga_span(bytes, len)) != TAMGA_OK)
        return TAMGA_E_BAD_CID;
    tamga_cid_format(again, &cid);
    if (strcmp(again, text) != 0)
        return TAMGA_E_BAD_CID;
    *out = cid;
    return TAMGA_OK;
}
