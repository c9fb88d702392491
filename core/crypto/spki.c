/*
 * Which encodings of a public key are keys of ours. Each type has one fixed layout,
 * so a key in any other form (compressed point, explicit curve, other size, other
 * exponent, long lengths, trailing bytes) is refused before a DER parser sees it.
 * Knows nothing of signatures.
 */
#include "crypto/key_internal.h"

#include <openssl/bn.h>

#define ED25519_BYTES 32u

/* Source: RFC 5480 (P-256), RFC 8017 A.1 and RFC 3279 (RSA), RFC 8410 (Ed25519). */
static const uint8_t p256_head[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
static const uint8_t rsa3072_head[] = {
    0x30, 0x82, 0x01, 0xa2, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48,
    0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01,
    0x8f, 0x00, 0x30, 0x82, 0x01, 0x8a, 0x02, 0x82, 0x01, 0x81, 0x00};
static const uint8_t rsa3072_tail[] = {0x02, 0x03, 0x01, 0x00, 0x01};
static const uint8_t ed25519_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                       0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

/* head || key bytes || tail */
static const struct layout {
    enum tamga_key_type type;
    const uint8_t *head;
    size_t head_len;
    size_t key_len;
    const uint8_t *tail;
    size_t tail_len;
} layouts[] = {
    {TAMGA_KEY_P256, p256_head, sizeof p256_head, 64, NULL, 0},
    {TAMGA_KEY_RSA3072, rsa3072_head, sizeof rsa3072_head, 384, rsa3072_tail,
     sizeof rsa3072_tail},
    {TAMGA_KEY_ED25519, ed25519_head, sizeof ed25519_head, ED25519_BYTES, NULL, 0},
};

/*
 * y of the points whose order divides 8, little-endian. Under such a key one
 * signature fits any message, so its owner could deny what he signed.
 */
static const uint8_t ed25519_small_order[][ED25519_BYTES] = {
    {0},
    {1},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
};

static bool layout_fits(const struct layout *layout, struct tamga_span spki)
{
    size_t tail_at = layout->head_len + layout->key_len;

    if (spki.len != tail_at + layout->tail_len)
        return false;
    if (memcmp(spki.data, layout->head, layout->head_len) != 0)
        return false;
    return layout->tail_len == 0 ||
           memcmp(spki.data + tail_at, layout->tail, layout->tail_len) == 0;
}

/* Exactly 3072 bits, and odd: no product of two large primes is even. */
static enum tamga_err rsa3072_judge(struct tamga_span modulus)
{
    if ((modulus.data[0] & 0x80) == 0 || (modulus.data[modulus.len - 1] & 1) == 0)
        return TAMGA_E_BAD_KEY;
    return TAMGA_OK;
}

static void bn_ctx_close(BN_CTX **ctx)
{
    BN_CTX_end(*ctx);
    BN_CTX_free(*ctx);
}

/*
 * Is there an x to this y? x^2 = (y^2 - 1) / (d y^2 + 1) has a root exactly if
 * numerator times denominator has one. OpenSSL would find out only when it verifies.
 *
 * Source: RFC 8032, 5.1.3.
 */
static enum tamga_err ed25519_on_curve(const uint8_t y_bytes[ED25519_BYTES])
{
    static const char p_hex[] =
        "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
    static const char d_hex[] =
        "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3";
    TAMGA_CLEANUP(bn_ctx_close) BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p, *d, *y, *v;
    int root;

    if (ctx == NULL)
        return TAMGA_E_NO_MEMORY;
    BN_CTX_start(ctx);
    p = BN_CTX_get(ctx);
    d = BN_CTX_get(ctx);
    y = BN_CTX_get(ctx);
    v = BN_CTX_get(ctx);
    if (v == NULL || !BN_hex2bn(&p, p_hex) || !BN_hex2bn(&d, d_hex) ||
        BN_lebin2bn(y_bytes, ED25519_BYTES, y) == NULL)
        return TAMGA_E_NO_MEMORY;
    if (BN_cmp(y, p) >= 0)
        return TAMGA_E_BAD_KEY;
    if (!BN_mod_sqr(y, y, p, ctx) || !BN_mod_mul(v, d, y, p, ctx) ||
        !BN_add_word(v, 1) || !BN_sub(y, y, BN_value_one()) ||
        !BN_mod_mul(v, v, y, p, ctx))
        return TAMGA_E_NO_MEMORY;
    root = BN_kronecker(v, p, ctx);
    if (root < -1)
        return TAMGA_E_NO_MEMORY;
    return root == 1 ? TAMGA_OK : TAMGA_E_BAD_KEY;
}

static enum tamga_err ed25519_judge(struct tamga_span key)
{
    uint8_t y[ED25519_BYTES];

    memcpy(y, key.data, sizeof y);
    y[ED25519_BYTES - 1] &= 0x7f; /* the sign of x */
    for (size_t i = 0; i < sizeof ed25519_small_order / sizeof ed25519_small_order[0];
         i++)
        if (memcmp(y, ed25519_small_order[i], sizeof y) == 0)
            return TAMGA_E_BAD_KEY;
    return ed25519_on_curve(y);
}

enum tamga_err tamga_spki_judge(enum tamga_key_type *out, struct tamga_span spki)
{
    const struct layout *layout = layouts;
    const struct layout *end = layouts + sizeof layouts / sizeof layouts[0];
    struct tamga_span key;
    enum tamga_err err = TAMGA_OK;

    while (layout < end && !layout_fits(layout, spki))
        layout++;
    if (layout == end)
        return TAMGA_E_BAD_KEY;
    key = tamga_span(spki.data + layout->head_len, layout->key_len);
    switch (layout->type) {
    case TAMGA_KEY_P256:
        break; /* OpenSSL checks the point when it decodes */
    case TAMGA_KEY_RSA3072:
        err = rsa3072_judge(key);
        break;
    case TAMGA_KEY_ED25519:
        err = ed25519_judge(key);
        break;
    }
    if (err == TAMGA_OK)
        *out = layout->type;
    return err;
}
