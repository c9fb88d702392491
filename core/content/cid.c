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
#define LIMBS 9            /* of 32 bits, for 34 bytes */
#define BASE58_GROUP 656356768u /* 58^5, the highest power below 2^32 */
#define BASE58_GROUP_CHARS 5
#define BASE32_CHARS 59    /* 'b' and ceil(36 * 8 / 5) */

static const char base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/* A digit's value and one; 0: no digit. */
static const uint8_t base58_digit[128] = {
    ['1'] = 1,  2,  3,  4,  5,  6,  7,  8,  9,
    ['A'] = 10, 11, 12, 13, 14, 15, 16, 17,
    ['J'] = 18, 19, 20, 21, 22,
    ['P'] = 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
    ['a'] = 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44,
    ['m'] = 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58,
};
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

/* ---- base 58: the number that the bytes are, five digits at a time ----------------
 * It lies in limbs of 32 bits, the highest first; the top limb has two bytes. */

static void limbs_load(uint32_t limb[LIMBS], const uint8_t bytes[MULTIHASH_BYTES])
{
    limb[0] = (uint32_t)bytes[0] << 8 | bytes[1];
    for (size_t i = 1; i < LIMBS; i++)
        limb[i] = tamga_get_u32(bytes + 4 * i - 2);
}

static void limbs_store(uint8_t bytes[MULTIHASH_BYTES], const uint32_t limb[LIMBS])
{
    bytes[0] = (uint8_t)(limb[0] >> 8);
    bytes[1] = (uint8_t)limb[0];
    for (size_t i = 1; i < LIMBS; i++)
        tamga_put_u32(bytes + 4 * i - 2, limb[i]);
}

/* No leading zeros occur: the first byte is 12, and the text has all its digits. */
static void base58_write(char text[BASE58_CHARS + 1], const uint8_t bytes[MULTIHASH_BYTES])
{
    uint32_t limb[LIMBS];

    limbs_load(limb, bytes);
    for (int i = BASE58_CHARS - 1; i >= 0;) {
        uint64_t rest = 0;

        for (size_t k = 0; k < LIMBS; k++) {
            rest = rest << 32 | limb[k];
            limb[k] = (uint32_t)(rest / BASE58_GROUP);
            rest %= BASE58_GROUP;
        }
        for (size_t k = 0; k < BASE58_GROUP_CHARS && i >= 0; k++, rest /= 58)
            text[i--] = base58[rest % 58];
    }
    text[BASE58_CHARS] = '\0';
}

/* BASE58_CHARS digits, whose number fits always: 58^46 < 2^272. False: no such digit. */
static bool base58_read(uint8_t bytes[MULTIHASH_BYTES], const char *text)
{
    uint32_t limb[LIMBS] = {0};

    for (size_t i = 0; i < BASE58_CHARS;) {
        uint64_t carry = 0, scale = 1;

        do { /* one digit, so that whole groups are left */
            uint8_t digit = base58_digit[(unsigned char)text[i] & 127];

            if (digit == 0 || (unsigned char)text[i] > 127)
                return false;
            carry = carry * 58 + digit - 1u;
            scale *= 58;
        } while (++i % BASE58_GROUP_CHARS != BASE58_CHARS % BASE58_GROUP_CHARS);
        for (size_t k = LIMBS; k-- > 0; carry >>= 32) {
            carry += scale * limb[k];
            limb[k] = (uint32_t)carry;
        }
    }
    limbs_store(bytes, limb);
    return true;
}

/* ---- base 32 --------------------------------------------------------------------- */

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

/* False: no such digit, another length, or bits beyond the last byte that are not 0. */
static bool base32_read(uint8_t *bytes, size_t len, const char *text)
{
    unsigned bits = 0, held = 0;
    size_t at = 0;

    for (; *text != '\0'; text++) {
        if (*text >= 'a' && *text <= 'z')
            bits = (bits << 5 | (unsigned)(*text - 'a')) & 0xfff;
        else if (*text >= '2' && *text <= '7')
            bits = (bits << 5 | (unsigned)(*text - '2' + 26)) & 0xfff;
        else
            return false;
        held += 5;
        if (held < 8)
            continue;
        if (at == len)
            return false;
        held -= 8;
        bytes[at++] = (uint8_t)(bits >> held);
    }
    return at == len && (bits & ((1u << held) - 1)) == 0;
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
    size_t len;

    if (chars == BASE58_CHARS && base58_read(bytes, text))
        len = MULTIHASH_BYTES;
    else if (chars == BASE32_CHARS && text[0] == 'b' &&
             base32_read(bytes, sizeof bytes, text + 1))
        len = TAMGA_CID_BINARY_MAX;
    else
        return TAMGA_E_BAD_CID;
    return tamga_cid_decode(out, tamga_span(bytes, len));
}
