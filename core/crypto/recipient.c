/*
 * X25519, HKDF with SHA-256 and AES-256-GCM put together, as OpenSSL 3.0 has no HPKE: a
 * fresh key pair for every wrapped key, both public keys in the salt. Knows no images.
 */
#include "crypto/recipient.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypto/hash.h"
#include "crypto/key_internal.h"
#include "crypto/token.h"

#define RECIPIENT_DOMAIN "tamga.v1.recipient"
#define WRAP_INFO        "tamga.v1.wrap"
#define NONCE_BYTES      12
#define TAG_BYTES        16
#define SPKI_HEAD_BYTES  12u

/* All of an X25519 SubjectPublicKeyInfo but the key: it has no other form. */
static const uint8_t spki_head[SPKI_HEAD_BYTES] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                   0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00};

struct tamga_recipient_key {
    EVP_PKEY *pkey;
    struct tamga_recipient public_half;
};

static void pkey_free(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey); /* wipes */
}

static void pkey_ctx_free(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

static void cipher_free(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx);
}

static void kdf_free(EVP_KDF **kdf)
{
    EVP_KDF_free(*kdf);
}

static void kdf_ctx_free(EVP_KDF_CTX **ctx)
{
    EVP_KDF_CTX_free(*ctx);
}

static enum tamga_err fail(enum tamga_err err)
{
    ERR_clear_error();
    return err;
}

void tamga_recipient_id(struct tamga_hash *out, const struct tamga_recipient *recipient)
{
    static const struct tamga_scope everywhere;

    tamga_domain_hash(out, RECIPIENT_DOMAIN, &everywhere,
                      tamga_span(recipient->byte, sizeof recipient->byte));
}

/* ---- keys ------------------------------------------------------------------------------ */

static bool public_of(struct tamga_recipient *out, const EVP_PKEY *pkey)
{
    size_t len = sizeof out->byte;

    return EVP_PKEY_get_raw_public_key(pkey, out->byte, &len) == 1 && len == sizeof out->byte;
}

/* Takes pkey on success. */
static enum tamga_err key_of(struct tamga_recipient_key **out, EVP_PKEY *pkey)
{
    struct tamga_recipient_key *key;

    if (EVP_PKEY_get_id(pkey) != EVP_PKEY_X25519)
        return TAMGA_E_BAD_KEY;
    key = calloc(1, sizeof *key);
    if (key == NULL)
        return TAMGA_E_NO_MEMORY;
    if (!public_of(&key->public_half, pkey)) {
        free(key);
        return fail(TAMGA_E_CRYPTO);
    }
    key->pkey = pkey;
    *out = key;
    return TAMGA_OK;
}

enum tamga_err tamga_recipient_key_generate(struct tamga_recipient_key **out)
{
    TAMGA_CLEANUP(pkey_free) EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    enum tamga_err err;

    if (pkey == NULL)
        return fail(TAMGA_E_CRYPTO);
    err = key_of(out, pkey);
    if (err == TAMGA_OK)
        pkey = NULL;
    return err;
}

void tamga_recipient_key_free(struct tamga_recipient_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

void tamga_recipient_key_release(struct tamga_recipient_key **key)
{
    tamga_recipient_key_free(*key);
}

const struct tamga_recipient *tamga_recipient_key_public(const struct tamga_recipient_key *key)
{
    return &key->public_half;
}

enum tamga_err tamga_seal_key_generate(struct tamga_seal_key *out)
{
    return tamga_random(out->byte, sizeof out->byte);
}

/* ---- wrapping -------------------------------------------------------------------------- */

/* Both sides of one wrapped key. */
struct agreement {
    EVP_PKEY *mine;
    const uint8_t *theirs;
    const uint8_t *ephemeral;
    const struct tamga_recipient *recipient;
};

/* OpenSSL refuses the agreement if all of it is zero: a point of small order. */
static enum tamga_err agree(uint8_t shared[TAMGA_X25519_BYTES], const struct agreement *with)
{
    TAMGA_CLEANUP(pkey_free)
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, with->theirs,
                                                 TAMGA_X25519_BYTES);
    TAMGA_CLEANUP(pkey_ctx_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(with->mine, NULL);
    size_t len = TAMGA_X25519_BYTES;

    if (peer == NULL || ctx == NULL)
        return fail(TAMGA_E_NO_MEMORY);
    if (EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, peer) != 1)
        return fail(TAMGA_E_CRYPTO);
    if (EVP_PKEY_derive(ctx, shared, &len) != 1 || len != TAMGA_X25519_BYTES)
        return fail(TAMGA_E_BAD_KEY);
    return TAMGA_OK;
}

static enum tamga_err stretch(struct tamga_seal_key *out, uint8_t shared[TAMGA_X25519_BYTES],
                              const struct agreement *with)
{
    TAMGA_CLEANUP(kdf_free) EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
    TAMGA_CLEANUP(kdf_ctx_free) EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    uint8_t salt[2 * TAMGA_X25519_BYTES];
    char digest[] = "SHA256", info[] = WRAP_INFO;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared, TAMGA_X25519_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, sizeof salt),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof info - 1),
        OSSL_PARAM_construct_end(),
    };

    if (ctx == NULL)
        return fail(TAMGA_E_NO_MEMORY);
    memcpy(salt, with->ephemeral, TAMGA_X25519_BYTES);
    memcpy(salt + TAMGA_X25519_BYTES, with->recipient->byte, TAMGA_X25519_BYTES);
    return EVP_KDF_derive(ctx, out->byte, sizeof out->byte, params) == 1
               ? TAMGA_OK
               : fail(TAMGA_E_CRYPTO);
}

static enum tamga_err wrapping_key(struct tamga_seal_key *out, const struct agreement *with)
{
    uint8_t shared[TAMGA_X25519_BYTES];
    enum tamga_err err = agree(shared, with);

    if (err == TAMGA_OK)
        err = stretch(out, shared, with);
    OPENSSL_cleanse(shared, sizeof shared);
    return err;
}

/* The wrapping key serves once: its nonce is zero. */
static EVP_CIPHER_CTX *cipher_of(const struct tamga_seal_key *key,
                                 const struct tamga_hash *identity, int encrypt)
{
    static const uint8_t nonce[NONCE_BYTES];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0;

    if (ctx != NULL && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->byte, nonce,
                                         encrypt) == 1 &&
        EVP_CipherUpdate(ctx, NULL, &len, identity->byte, TAMGA_HASH_BYTES) == 1)
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

static enum tamga_err encrypt(uint8_t out[TAMGA_WRAPPED_KEY_BYTES],
                              const struct tamga_seal_key *with,
                              const struct tamga_seal_key *key,
                              const struct tamga_hash *identity)
{
    TAMGA_CLEANUP(cipher_free) EVP_CIPHER_CTX *ctx = cipher_of(with, identity, 1);
    int len = 0, rest = 0;

    if (ctx == NULL ||
        EVP_CipherUpdate(ctx, out, &len, key->byte, TAMGA_SEAL_KEY_BYTES) != 1 ||
        EVP_CipherFinal_ex(ctx, out + len, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES,
                            out + TAMGA_SEAL_KEY_BYTES) != 1)
        return fail(TAMGA_E_CRYPTO);
    return TAMGA_OK;
}

static enum tamga_err decrypt(struct tamga_seal_key *out, const struct tamga_seal_key *with,
                              const struct tamga_wrapped_key *wrapped,
                              const struct tamga_hash *identity)
{
    TAMGA_CLEANUP(cipher_free) EVP_CIPHER_CTX *ctx = cipher_of(with, identity, 0);
    TAMGA_CLEANUP(tamga_seal_key_wipe) struct tamga_seal_key key;
    uint8_t tag[TAG_BYTES];
    int len = 0, rest = 0;

    memcpy(tag, wrapped->byte + TAMGA_SEAL_KEY_BYTES, sizeof tag);
    if (ctx == NULL ||
        EVP_CipherUpdate(ctx, key.byte, &len, wrapped->byte, TAMGA_SEAL_KEY_BYTES) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) != 1)
        return fail(TAMGA_E_CRYPTO);
    if (EVP_CipherFinal_ex(ctx, key.byte + len, &rest) != 1)
        return fail(TAMGA_E_BAD_WRAP);
    *out = key;
    return TAMGA_OK;
}

enum tamga_err tamga_seal_key_wrap(struct tamga_wrapped_key *out,
                                   const struct tamga_recipient *recipient,
                                   const struct tamga_seal_key *key,
                                   const struct tamga_hash *identity)
{
    TAMGA_CLEANUP(tamga_recipient_key_release) struct tamga_recipient_key *once = NULL;
    TAMGA_CLEANUP(tamga_seal_key_wipe) struct tamga_seal_key with;
    struct tamga_wrapped_key made;
    struct agreement agreement;
    enum tamga_err err = tamga_recipient_key_generate(&once);

    if (err != TAMGA_OK)
        return err;
    tamga_recipient_id(&made.recipient, recipient);
    memcpy(made.ephemeral, once->public_half.byte, sizeof made.ephemeral);
    agreement = (struct agreement){once->pkey, recipient->byte, made.ephemeral, recipient};
    err = wrapping_key(&with, &agreement);
    if (err == TAMGA_OK)
        err = encrypt(made.byte, &with, key, identity);
    if (err == TAMGA_OK)
        *out = made;
    return err;
}

enum tamga_err tamga_seal_key_unwrap(struct tamga_seal_key *out,
                                     const struct tamga_recipient_key *mine,
                                     const struct tamga_wrapped_key *untrusted,
                                     const struct tamga_hash *identity)
{
    TAMGA_CLEANUP(tamga_seal_key_wipe) struct tamga_seal_key with;
    struct agreement agreement = {mine->pkey, untrusted->ephemeral, untrusted->ephemeral,
                                  &mine->public_half};
    struct tamga_hash id;
    enum tamga_err err;

    tamga_recipient_id(&id, &mine->public_half);
    if (!tamga_hash_equal(&id, &untrusted->recipient))
        return TAMGA_E_NO_RECIPIENT;
    err = wrapping_key(&with, &agreement);
    if (err == TAMGA_E_BAD_KEY)
        return TAMGA_E_BAD_WRAP;
    return err == TAMGA_OK ? decrypt(out, &with, untrusted, identity) : err;
}

/* ---- files ----------------------------------------------------------------------------- */

enum tamga_err tamga_recipient_key_save(const struct tamga_recipient_key *key,
                                        const char *path, const char *passphrase,
                                        struct tamga_detail *detail)
{
    return tamga_pem_private_save(key->pkey, path, passphrase, detail);
}

enum tamga_err tamga_recipient_key_load(struct tamga_recipient_key **out, const char *path,
                                        const char *passphrase, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(pkey_free) EVP_PKEY *pkey = NULL;
    enum tamga_err err;

    if (tamga_token_is_named(path))
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "keys that decrypt images are files: no token agrees on X25519");
    err = tamga_pem_private_load(&pkey, path, passphrase, detail);

    if (err == TAMGA_OK)
        err = key_of(out, pkey);
    if (err == TAMGA_E_BAD_KEY)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE, "%s: not an X25519 key", path);
    if (err == TAMGA_OK)
        pkey = NULL;
    return err;
}

enum tamga_err tamga_recipient_save(const struct tamga_recipient *recipient, const char *path,
                                    struct tamga_detail *detail)
{
    uint8_t spki[SPKI_HEAD_BYTES + TAMGA_X25519_BYTES];

    memcpy(spki, spki_head, SPKI_HEAD_BYTES);
    memcpy(spki + SPKI_HEAD_BYTES, recipient->byte, TAMGA_X25519_BYTES);
    return tamga_pem_public_save(tamga_span(spki, sizeof spki), path, detail);
}

enum tamga_err tamga_recipient_load(struct tamga_recipient *out, const char *path,
                                    struct tamga_detail *detail)
{
    TAMGA_BUF spki = {0};
    enum tamga_err err = tamga_pem_public_load(&spki, path, detail);

    if (err != TAMGA_OK)
        return err;
    if (spki.len != SPKI_HEAD_BYTES + TAMGA_X25519_BYTES ||
        memcmp(spki.data, spki_head, SPKI_HEAD_BYTES) != 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%s: not an X25519 public key in canonical form", path);
    memcpy(out->byte, spki.data + SPKI_HEAD_BYTES, TAMGA_X25519_BYTES);
    return TAMGA_OK;
}
