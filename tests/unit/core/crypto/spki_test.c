/* core/crypto/spki.c: one encoding a key, three kinds of keys, nothing else. */
#include <criterion/criterion.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/key.h"

#define TYPE_FIRST TAMGA_KEY_P256
#define TYPE_LAST  TAMGA_KEY_ED25519

struct encoded {
    size_t len;
    uint8_t byte[2048];
};

static enum tamga_err decode(const struct encoded *spki, int type)
{
    struct tamga_public_key *key = NULL;
    enum tamga_err err = tamga_public_key_decode(&key, (enum tamga_key_type)type,
                                                 tamga_span(spki->byte, spki->len));

    cr_assert_eq(key == NULL, err != TAMGA_OK, "output untouched on failure");
    tamga_public_key_free(key);
    return err;
}

/* BAD_KEY under every type that one might claim. */
static void refused(const struct encoded *spki, const char *what)
{
    for (int type = 0; type <= TYPE_LAST + 1; type++)
        cr_assert_eq(decode(spki, type), TAMGA_E_BAD_KEY, "%s as type %d", what, type);
}

static struct encoded ours(int type)
{
    struct tamga_private_key *key = NULL;
    struct encoded out = {0};
    struct tamga_span spki;

    cr_assert_eq(tamga_private_key_generate(&key, (enum tamga_key_type)type), TAMGA_OK);
    spki = tamga_public_key_spki(tamga_private_key_public(key));
    out.len = spki.len;
    memcpy(out.byte, spki.data, spki.len);
    tamga_private_key_free(key);
    return out;
}

/* Takes pkey. */
static struct encoded encoded_by_openssl(EVP_PKEY *pkey)
{
    struct encoded out = {0};
    uint8_t *at = out.byte;
    int len;

    cr_assert_not_null(pkey);
    cr_assert_leq(i2d_PUBKEY(pkey, NULL), (int)sizeof out.byte);
    len = i2d_PUBKEY(pkey, &at);
    cr_assert_gt(len, 0);
    out.len = (size_t)len;
    EVP_PKEY_free(pkey);
    return out;
}

/*
 * Goal:   a good key decodes as its own type only.
 * Method: every type's key under every number from 0 to 4.
 */
Test(spki, only_its_own_type)
{
    for (int type = TYPE_FIRST; type <= TYPE_LAST; type++) {
        struct encoded spki = ours(type);

        for (int claimed = 0; claimed <= TYPE_LAST + 1; claimed++)
            cr_assert_eq(decode(&spki, claimed),
                         claimed == type ? TAMGA_OK : TAMGA_E_BAD_KEY);
    }
}

/*
 * Goal:   truncated, extended and empty encodings are refused.
 * Method: every shorter length; one byte more; no bytes at all; beyond the bound.
 */
Test(spki, other_lengths)
{
    for (int type = TYPE_FIRST; type <= TYPE_LAST; type++) {
        struct encoded spki = ours(type);
        size_t right = spki.len;
        struct tamga_public_key *key = NULL;

        for (spki.len = 0; spki.len < right; spki.len++)
            refused(&spki, "truncated");
        spki.len = right + 1;
        refused(&spki, "trailing byte");
        spki.len = TAMGA_SPKI_BYTES_MAX + 1;
        refused(&spki, "above the bound");
        cr_assert_eq(tamga_public_key_decode(&key, (enum tamga_key_type)type,
                                             tamga_span(NULL, 0)),
                     TAMGA_E_BAD_KEY);
    }
}

/*
 * Goal:   no flipped bit is overlooked: the key is refused or is another key.
 * Method: every bit of the short encodings, every fifth of RSA's. What still decodes
 *         gives back the flipped bytes, so no two encodings are one key.
 */
Test(spki, flipped_bits)
{
    for (int type = TYPE_FIRST; type <= TYPE_LAST; type++) {
        struct encoded spki = ours(type);
        size_t step = type == TAMGA_KEY_RSA3072 ? 5 : 1;
        size_t taken = 0;

        for (size_t bit = 0; bit < 8 * spki.len; bit += step) {
            struct tamga_public_key *key = NULL;
            enum tamga_err err;

            spki.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
            err = tamga_public_key_decode(&key, (enum tamga_key_type)type,
                                          tamga_span(spki.byte, spki.len));
            cr_assert(err == TAMGA_OK || err == TAMGA_E_BAD_KEY);
            if (err == TAMGA_OK) {
                taken++;
                cr_assert(tamga_span_equal(tamga_public_key_spki(key),
                                           tamga_span(spki.byte, spki.len)));
            }
            tamga_public_key_free(key);
            spki.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        if (type == TAMGA_KEY_P256)
            cr_assert_eq(taken, 0, "a flipped point is off the curve");
    }
}

/*
 * Goal:   kinds and sizes of keys that are none of ours are refused.
 * Method: made by OpenSSL, well-formed: other curves, other RSA sizes and exponents,
 *         RSA restricted to PSS, X25519, Ed448.
 */
Test(spki, foreign_keys)
{
    static const char *const curve[] = {"P-384", "P-521", "secp256k1", "P-224"};
    static const char *const other[] = {"X25519", "X448", "ED448"};
    struct encoded spki;

    for (size_t i = 0; i < sizeof curve / sizeof curve[0]; i++) {
        spki = encoded_by_openssl(EVP_EC_gen(curve[i]));
        refused(&spki, curve[i]);
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        spki = encoded_by_openssl(EVP_PKEY_Q_keygen(NULL, NULL, other[i]));
        refused(&spki, other[i]);
    }
    spki = encoded_by_openssl(EVP_RSA_gen(2048));
    refused(&spki, "RSA-2048");
    spki = encoded_by_openssl(EVP_RSA_gen(3064));
    refused(&spki, "RSA-3064");
}

static struct encoded rsa_with(const char *algorithm, unsigned exponent)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
    BIGNUM *e = BN_new();
    EVP_PKEY *pkey = NULL;

    cr_assert(ctx != NULL && e != NULL && BN_set_word(e, exponent));
    cr_assert_gt(EVP_PKEY_keygen_init(ctx), 0);
    cr_assert_gt(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 3072), 0);
    cr_assert_gt(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 0);
    cr_assert_gt(EVP_PKEY_generate(ctx, &pkey), 0);
    BN_free(e);
    EVP_PKEY_CTX_free(ctx);
    return encoded_by_openssl(pkey);
}

/*
 * Goal:   of RSA-3072 only the plain kind with exponent 65537 and a true modulus.
 * Method: exponents 3 and 65539, the RSASSA-PSS key type, a modulus that is even, one
 *         of 3071 bits.
 */
Test(spki, rsa_exponent_kind_and_modulus)
{
    struct encoded spki = rsa_with("RSA", 3);

    refused(&spki, "exponent 3");
    spki = rsa_with("RSA", 65539);
    refused(&spki, "exponent 65539");
    spki = rsa_with("RSA-PSS", 65537);
    refused(&spki, "RSASSA-PSS");
    spki = ours(TAMGA_KEY_RSA3072);
    spki.byte[33 + 383] ^= 1;
    refused(&spki, "even modulus");
    spki = ours(TAMGA_KEY_RSA3072);
    spki.byte[33] &= 0x7f;
    refused(&spki, "3071 bits");
}

static struct encoded p256_as(const char *param, const char *value)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");

    cr_assert_not_null(pkey);
    cr_assert_eq(EVP_PKEY_set_utf8_string_param(pkey, param, value), 1);
    return encoded_by_openssl(pkey);
}

/*
 * Goal:   a P-256 key in any other form than named curve and uncompressed point is
 *         refused, though OpenSSL reads it.
 * Method: compressed and hybrid points, explicit parameters.
 */
Test(spki, p256_other_forms)
{
    struct encoded spki =
        p256_as(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed");

    refused(&spki, "compressed");
    spki = p256_as(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "hybrid");
    refused(&spki, "hybrid");
    spki = p256_as(OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
    refused(&spki, "explicit parameters");
}

/*
 * Goal:   a P-256 point that is none, or not in its one form, is refused.
 * Method: (0, 0); a coordinate of 2^256-1; a point with x = 0, and the same with x + p,
 *         which is the same point modulo p.
 */
Test(spki, p256_points)
{
    static const char small_x[] =
        "0000000000000000000000000000000000000000000000000000000000000000";
    static const char small_x_plus_p[] =
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    static const char its_y[] =
        "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4";
    struct encoded good = ours(TAMGA_KEY_P256), spki = good;

    memset(spki.byte + 27, 0, 64);
    refused(&spki, "(0, 0)");
    spki = good;
    memset(spki.byte + 27, 0xff, 32);
    refused(&spki, "x too large");
    spki = good;
    memset(spki.byte + 59, 0xff, 32);
    refused(&spki, "y too large");
    cr_assert_eq(tamga_from_hex(spki.byte + 27, 32, small_x), TAMGA_OK);
    cr_assert_eq(tamga_from_hex(spki.byte + 59, 32, its_y), TAMGA_OK);
    cr_assert_eq(decode(&spki, TAMGA_KEY_P256), TAMGA_OK);
    cr_assert_eq(tamga_from_hex(spki.byte + 27, 32, small_x_plus_p), TAMGA_OK);
    refused(&spki, "x + p");
}

/*
 * Goal:   DER that says the same in more bytes, or with other parameters, is refused.
 * Method: a long-form length, unused bits in the bit string, RSA without its NULL.
 */
Test(spki, der_variants)
{
    struct encoded good = ours(TAMGA_KEY_P256), spki = {0};
    static const uint8_t no_null[] = {0x30, 0x82, 0x01, 0xa0, 0x30, 0x0b,
                                      0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                      0xf7, 0x0d, 0x01, 0x01, 0x01};

    memcpy(spki.byte, (const uint8_t[]){0x30, 0x81}, 2);
    memcpy(spki.byte + 2, good.byte + 1, good.len - 1);
    spki.len = good.len + 1;
    refused(&spki, "long-form length");
    spki = good;
    spki.byte[25] = 1;
    refused(&spki, "unused bits");
    good = ours(TAMGA_KEY_RSA3072);
    memcpy(spki.byte, no_null, sizeof no_null);
    memcpy(spki.byte + sizeof no_null, good.byte + 19, good.len - 19);
    spki.len = good.len - 2;
    refused(&spki, "no NULL parameter");
}

static struct encoded ed25519_of(const char *y_hex)
{
    static const uint8_t head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    struct encoded out = {.len = sizeof head + 32};

    memcpy(out.byte, head, sizeof head);
    cr_assert_eq(tamga_from_hex(out.byte + sizeof head, 32, y_hex), TAMGA_OK);
    return out;
}

/*
 * Goal:   an Ed25519 key under which one signature fits every message, that is no point
 *         or not the one encoding of its point, is refused.
 * Method: all points of small order, y of p and above, a y that no x belongs to; each
 *         with both signs. RFC 8032's own key passes.
 */
Test(spki, ed25519_points)
{
    static const char *const bad[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0200000000000000000000000000000000000000000000000000000000000000"};
    struct encoded spki =
        ed25519_of("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");

    cr_assert_eq(decode(&spki, TAMGA_KEY_ED25519), TAMGA_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spki = ed25519_of(bad[i]);
        refused(&spki, bad[i]);
        spki.byte[spki.len - 1] |= 0x80;
        refused(&spki, bad[i]);
    }
}

/*
 * Goal:   garbage of any length is BAD_KEY, never a crash.
 * Method: bytes of a fixed generator at every length, also behind a good head.
 */
Test(spki, garbage)
{
    struct encoded good = ours(TAMGA_KEY_RSA3072);
    uint32_t state = 1;

    for (size_t len = 0; len <= TAMGA_SPKI_BYTES_MAX; len++) {
        struct encoded spki = {.len = len};

        for (size_t i = 0; i < len; i++) {
            state = state * 1664525 + 1013904223;
            spki.byte[i] = (uint8_t)(state >> 24);
        }
        refused(&spki, "garbage");
        memcpy(spki.byte, good.byte, 32 < len ? 32 : len);
        refused(&spki, "garbage behind a head");
    }
}
