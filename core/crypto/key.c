/*
 * Keys and signatures of all three types. Never reads or writes a file, and never
 * knows what a digest stands for.
 *
 * A signature covers the 32 bytes of a digest; ECDSA and PSS hash them once more with
 * SHA-256, Ed25519 takes them as its message.
 */
#include "crypto/key_internal.h"

#include "crypto/hash.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define SCALAR_BYTES        32u
#define POINT_BYTES         65u
#define ED25519_BYTES       32u
#define PSS_SALT_BYTES      32
#define ECDSA_DER_BYTES_MAX 72u

struct tamga_public_key {
    enum tamga_key_type type;
    struct tamga_address address;
    EVP_PKEY *pkey;
    size_t spki_len;
    uint8_t spki[TAMGA_SPKI_BYTES_MAX];
};

struct tamga_private_key {
    EVP_PKEY *pkey; /* OpenSSL wipes the secret numbers when it frees them */
    struct tamga_public_key *public_half;
};

/* The order n of P-256, and (n - 1) / 2, the highest S that we take. Source: FIPS
 * 186-4, D.1.2.3. */
static const uint8_t p256_order[SCALAR_BYTES] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
    0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
static const uint8_t p256_half_order[SCALAR_BYTES] = {
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b,
    0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8};

static void pkey_free(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
}

static void pkey_ctx_free(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

static void md_ctx_free(EVP_MD_CTX **ctx)
{
    EVP_MD_CTX_free(*ctx);
}

static void bn_free(BIGNUM **number)
{
    BN_clear_free(*number);
}

static void ecdsa_free(ECDSA_SIG **signature)
{
    ECDSA_SIG_free(*signature);
}

static void public_free(struct tamga_public_key **key)
{
    tamga_public_key_free(*key);
}

static void private_free(struct tamga_private_key **key)
{
    tamga_private_key_free(*key);
}

/* OpenSSL keeps a list of errors for each thread; ours are returned, so empty it. */
static enum tamga_err fail(enum tamga_err err)
{
    ERR_clear_error();
    return err;
}

/* The sender's fault, unless OpenSSL ran out of memory: a good block must not be
 * remembered as bad for that. */
static enum tamga_err blame(enum tamga_err err)
{
    if (ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE)
        err = TAMGA_E_NO_MEMORY;
    return fail(err);
}

static size_t signature_bytes(enum tamga_key_type type)
{
    return type == TAMGA_KEY_RSA3072 ? 384 : 64;
}

void tamga_key_address(struct tamga_address *out, enum tamga_key_type type,
                       struct tamga_span spki)
{
    static const char domain[] = "tamga.v1.key";
    static const struct tamga_scope none;
    uint8_t head[1 + sizeof domain - 1];
    uint8_t type_byte = (uint8_t)type;

    /* The domain hash with a body in two parts, so that nothing is copied. */
    head[0] = sizeof domain - 1;
    memcpy(head + 1, domain, sizeof domain - 1);
    tamga_sha256_parts(&out->hash,
                       (const struct tamga_span[]){
                           tamga_span(head, sizeof head),
                           tamga_hash_span(&none.hash),
                           tamga_span(&type_byte, 1),
                           spki,
                       },
                       4);
}

/* Six times faster than decoding DER, which counts: every device has a key. The point's
 * byte 04 is the last of the head. */
static EVP_PKEY *p256_pkey(struct tamga_span point)
{
    OSSL_PARAM param[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point.data,
                                          point.len),
        OSSL_PARAM_construct_end(),
    };
    TAMGA_CLEANUP(pkey_ctx_free)
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *pkey = NULL;

    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, param) <= 0)
        return NULL;
    return pkey;
}

/* The layout is judged already: what can still fail is the point of a P-256 key. */
static EVP_PKEY *pkey_of(enum tamga_key_type type, struct tamga_span spki)
{
    const uint8_t *at = spki.data;

    switch (type) {
    case TAMGA_KEY_P256:
        return p256_pkey(tamga_span(at + spki.len - POINT_BYTES, POINT_BYTES));
    case TAMGA_KEY_RSA3072:
        return d2i_PUBKEY(NULL, &at, (long)spki.len);
    case TAMGA_KEY_ED25519:
        return EVP_PKEY_new_raw_public_key(
            EVP_PKEY_ED25519, NULL, at + spki.len - ED25519_BYTES, ED25519_BYTES);
    }
    return NULL;
}

enum tamga_err tamga_public_key_decode_any(struct tamga_public_key **out,
                                           struct tamga_span spki)
{
    TAMGA_CLEANUP(public_free) struct tamga_public_key *key = NULL;
    enum tamga_key_type type;
    enum tamga_err err = tamga_spki_judge(&type, spki);

    if (err != TAMGA_OK)
        return fail(err);
    key = calloc(1, sizeof *key);
    if (key == NULL)
        return TAMGA_E_NO_MEMORY;
    key->pkey = pkey_of(type, spki);
    if (key->pkey == NULL)
        return blame(TAMGA_E_BAD_KEY);
    key->type = type;
    key->spki_len = spki.len;
    memcpy(key->spki, spki.data, spki.len);
    tamga_key_address(&key->address, type, spki);
    *out = key;
    key = NULL;
    return TAMGA_OK;
}

enum tamga_err tamga_public_key_decode(struct tamga_public_key **out,
                                       enum tamga_key_type type, struct tamga_span spki)
{
    TAMGA_CLEANUP(public_free) struct tamga_public_key *key = NULL;
    enum tamga_err err = tamga_public_key_decode_any(&key, spki);

    if (err != TAMGA_OK)
        return err;
    if (key->type != type)
        return TAMGA_E_BAD_KEY;
    *out = key;
    key = NULL;
    return TAMGA_OK;
}

void tamga_public_key_free(struct tamga_public_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

struct tamga_span tamga_public_key_spki(const struct tamga_public_key *key)
{
    return tamga_span(key->spki, key->spki_len);
}

enum tamga_key_type tamga_public_key_type(const struct tamga_public_key *key)
{
    return key->type;
}

void tamga_public_key_address(const struct tamga_public_key *key,
                              struct tamga_address *out)
{
    *out = key->address;
}

/* One DER INTEGER of a positive 32-byte number; returns the bytes written, 3..35. */
static size_t der_integer(uint8_t *out, const uint8_t scalar[SCALAR_BYTES])
{
    size_t skip = 0;
    size_t sign;

    while (skip < SCALAR_BYTES - 1 && scalar[skip] == 0)
        skip++;
    sign = scalar[skip] >> 7;
    out[0] = 0x02;
    out[1] = (uint8_t)(SCALAR_BYTES - skip + sign);
    out[2] = 0;
    memcpy(out + 2 + sign, scalar + skip, SCALAR_BYTES - skip);
    return 2 + sign + SCALAR_BYTES - skip;
}

/* r||s as OpenSSL takes it; BAD_SIGNATURE unless 1 <= r < n and 1 <= s <= n/2. */
static enum tamga_err ecdsa_der(uint8_t der[ECDSA_DER_BYTES_MAX], size_t *len,
                                const uint8_t rs[2 * SCALAR_BYTES])
{
    static const uint8_t zero[SCALAR_BYTES];
    const uint8_t *s = rs + SCALAR_BYTES;
    size_t body;

    if (memcmp(rs, zero, SCALAR_BYTES) == 0 || memcmp(s, zero, SCALAR_BYTES) == 0)
        return TAMGA_E_BAD_SIGNATURE;
    if (memcmp(rs, p256_order, SCALAR_BYTES) >= 0)
        return TAMGA_E_BAD_SIGNATURE;
    if (memcmp(s, p256_half_order, SCALAR_BYTES) > 0)
        return TAMGA_E_BAD_SIGNATURE;
    body = der_integer(der + 2, rs);
    body += der_integer(der + 2 + body, s);
    der[0] = 0x30;
    der[1] = (uint8_t)body;
    *len = 2 + body;
    return TAMGA_OK;
}

/* PSS with SHA-256 throughout and a salt of 32; nothing to set for the other types. */
static bool scheme_set(EVP_PKEY_CTX *ctx, enum tamga_key_type type)
{
    return type != TAMGA_KEY_RSA3072 ||
           (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
            EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) > 0 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, PSS_SALT_BYTES) > 0);
}

static const EVP_MD *message_md(enum tamga_key_type type)
{
    return type == TAMGA_KEY_ED25519 ? NULL : EVP_sha256();
}

enum tamga_err tamga_public_key_verify(const struct tamga_public_key *key,
                                       const struct tamga_hash *digest,
                                       const struct tamga_signature *signature)
{
    TAMGA_CLEANUP(md_ctx_free) EVP_MD_CTX *ctx = NULL;
    EVP_PKEY_CTX *pkey_ctx = NULL; /* ctx owns it */
    uint8_t der[ECDSA_DER_BYTES_MAX];
    const uint8_t *value = signature->byte;
    size_t len = signature->len;

    if (signature->type != key->type || len != signature_bytes(key->type))
        return TAMGA_E_BAD_SIGNATURE;
    if (key->type == TAMGA_KEY_P256) {
        if (ecdsa_der(der, &len, signature->byte) != TAMGA_OK)
            return TAMGA_E_BAD_SIGNATURE;
        value = der;
    }
    ctx = EVP_MD_CTX_new();
    if (ctx == NULL)
        return fail(TAMGA_E_NO_MEMORY);
    if (EVP_DigestVerifyInit(ctx, &pkey_ctx, message_md(key->type), NULL, key->pkey) <=
            0 ||
        !scheme_set(pkey_ctx, key->type))
        return fail(TAMGA_E_CRYPTO);
    if (EVP_DigestVerify(ctx, value, len, digest->byte, sizeof digest->byte) != 1)
        return blame(TAMGA_E_BAD_SIGNATURE);
    return TAMGA_OK;
}

/* OpenSSL's DER signature as r||s with the lower of s and n - s. */
static enum tamga_err ecdsa_low_s(uint8_t rs[2 * SCALAR_BYTES], const uint8_t *der,
                                  size_t der_len)
{
    TAMGA_CLEANUP(ecdsa_free)
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
    TAMGA_CLEANUP(bn_free) BIGNUM *order = BN_bin2bn(p256_order, SCALAR_BYTES, NULL);
    uint8_t *s = rs + SCALAR_BYTES;

    if (parsed == NULL || order == NULL)
        return TAMGA_E_NO_MEMORY;
    if (BN_bn2binpad(ECDSA_SIG_get0_r(parsed), rs, SCALAR_BYTES) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(parsed), s, SCALAR_BYTES) < 0)
        return TAMGA_E_CRYPTO;
    if (memcmp(s, p256_half_order, SCALAR_BYTES) <= 0)
        return TAMGA_OK;
    if (!BN_sub(order, order, ECDSA_SIG_get0_s(parsed)) ||
        BN_bn2binpad(order, s, SCALAR_BYTES) < 0)
        return TAMGA_E_CRYPTO;
    return TAMGA_OK;
}

enum tamga_err tamga_private_key_sign(const struct tamga_private_key *key,
                                      const struct tamga_hash *digest,
                                      struct tamga_signature *out)
{
    TAMGA_CLEANUP(md_ctx_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pkey_ctx = NULL; /* ctx owns it */
    struct tamga_signature made = {.type = key->public_half->type};
    uint8_t raw[TAMGA_SIGNATURE_BYTES_MAX];
    enum tamga_err err;
    size_t len = sizeof raw;

    if (ctx == NULL)
        return fail(TAMGA_E_NO_MEMORY);
    if (EVP_DigestSignInit(ctx, &pkey_ctx, message_md(made.type), NULL, key->pkey) <=
            0 ||
        !scheme_set(pkey_ctx, made.type))
        return fail(TAMGA_E_CRYPTO);
    if (EVP_DigestSign(ctx, raw, &len, digest->byte, sizeof digest->byte) != 1)
        return fail(TAMGA_E_CRYPTO);
    made.len = signature_bytes(made.type);
    if (made.type == TAMGA_KEY_P256) {
        err = ecdsa_low_s(made.byte, raw, len);
        if (err != TAMGA_OK)
            return fail(err);
    } else {
        if (len != made.len)
            return TAMGA_E_CRYPTO;
        memcpy(made.byte, raw, len);
    }
    *out = made;
    return TAMGA_OK;
}

static enum tamga_err public_half_of(struct tamga_public_key **out, EVP_PKEY *pkey)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    enum tamga_err err;

    if (len <= 0)
        return fail(TAMGA_E_BAD_KEY);
    err = tamga_public_key_decode_any(out, tamga_span(der, (size_t)len));
    OPENSSL_free(der);
    return err;
}

/* A key whose halves differ would sign what nobody accepts: better found at start. */
static enum tamga_err halves_check(const struct tamga_private_key *key)
{
    static const struct tamga_hash probe;
    struct tamga_signature signature;
    enum tamga_err err = tamga_private_key_sign(key, &probe, &signature);

    if (err == TAMGA_OK)
        err = tamga_public_key_verify(key->public_half, &probe, &signature);
    return err == TAMGA_E_NO_MEMORY || err == TAMGA_OK ? err : TAMGA_E_BAD_KEY;
}

enum tamga_err tamga_private_key_wrap(struct tamga_private_key **out, EVP_PKEY *pkey)
{
    TAMGA_CLEANUP(private_free)
    struct tamga_private_key *key = calloc(1, sizeof *key);
    enum tamga_err err;

    if (key == NULL)
        return TAMGA_E_NO_MEMORY;
    err = public_half_of(&key->public_half, pkey);
    if (err != TAMGA_OK)
        return err;
    if (!EVP_PKEY_up_ref(pkey))
        return fail(TAMGA_E_CRYPTO);
    key->pkey = pkey;
    err = halves_check(key);
    if (err != TAMGA_OK)
        return err;
    EVP_PKEY_free(pkey); /* the caller's reference is ours now */
    *out = key;
    key = NULL;
    return TAMGA_OK;
}

EVP_PKEY *tamga_private_key_pkey(const struct tamga_private_key *key)
{
    return key->pkey;
}

static EVP_PKEY *keygen(enum tamga_key_type type)
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

enum tamga_err tamga_private_key_generate(struct tamga_private_key **out,
                                          enum tamga_key_type type)
{
    TAMGA_CLEANUP(pkey_free) EVP_PKEY *pkey = keygen(type);
    enum tamga_err err;

    if (pkey == NULL)
        return fail(TAMGA_E_CRYPTO);
    err = tamga_private_key_wrap(out, pkey);
    if (err == TAMGA_OK)
        pkey = NULL;
    return err;
}

void tamga_private_key_free(struct tamga_private_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    tamga_public_key_free(key->public_half);
    free(key);
}

const struct tamga_public_key *
tamga_private_key_public(const struct tamga_private_key *key)
{
    return key->public_half;
}

enum tamga_err tamga_random(uint8_t *out, size_t len)
{
    if (len > 0 && RAND_bytes_ex(NULL, out, len, 0) != 1)
        return fail(TAMGA_E_CRYPTO);
    return TAMGA_OK;
}
