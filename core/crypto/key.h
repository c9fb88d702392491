/*
 * Key pairs and signatures of all three kinds. The bytes of a signature never
 * enter an id: ECDSA and PSS signatures are not unique.
 */
#ifndef TAMGA_CRYPTO_KEY_H
#define TAMGA_CRYPTO_KEY_H

#include "base/id.h"

/* The numbers are those of tamga.v1.KeyType. */
enum tamga_key_type {
    TAMGA_KEY_P256 = 1,
    TAMGA_KEY_RSA3072 = 2,
    TAMGA_KEY_ED25519 = 3,
};

#define TAMGA_SPKI_BYTES_MAX      512
#define TAMGA_SIGNATURE_BYTES_MAX 384

struct tamga_signature {
    enum tamga_key_type type;
    size_t len;
    uint8_t byte[TAMGA_SIGNATURE_BYTES_MAX];
};

struct tamga_public_key;  /* decoded once, immutable, shared by threads */
struct tamga_private_key; /* wiped when freed */

/*
 * Decode a DER SubjectPublicKeyInfo.
 *
 * Owns:    *out is the caller's.
 * Errors:  BAD_KEY: not DER, another type or size than `type` names, point not on
 *          the curve, or not the one canonical encoding of the key; NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_public_key_decode(struct tamga_public_key **out,
                                                      enum tamga_key_type type,
                                                      struct tamga_span spki);
void tamga_public_key_free(struct tamga_public_key *key);
/* Borrowed until the key is freed. */
struct tamga_span tamga_public_key_spki(const struct tamga_public_key *key);
enum tamga_key_type tamga_public_key_type(const struct tamga_public_key *key);
void tamga_public_key_address(const struct tamga_public_key *key,
                              struct tamga_address *out);

/* Address of an encoded key, without decoding it: domain hash "tamga.v1.key" with a
 * zero scope over type byte || spki. */
void tamga_key_address(struct tamga_address *out, enum tamga_key_type type,
                       struct tamga_span spki);

/*
 * Does the signature over the 32 bytes of digest verify?
 *
 * Errors:  BAD_SIGNATURE: other type than the key's, wrong length, high S, r or s
 *          out of range, or plainly wrong.
 * Threads: any.
 */
TAMGA_MUST_USE enum tamga_err
tamga_public_key_verify(const struct tamga_public_key *key,
                        const struct tamga_hash *digest,
                        const struct tamga_signature *signature);

TAMGA_MUST_USE enum tamga_err tamga_private_key_generate(struct tamga_private_key **out,
                                                         enum tamga_key_type type);
void tamga_private_key_free(struct tamga_private_key *key);
/* The public half, borrowed until the private key is freed. */
const struct tamga_public_key *
tamga_private_key_public(const struct tamga_private_key *key);
TAMGA_MUST_USE enum tamga_err
tamga_private_key_sign(const struct tamga_private_key *key,
                       const struct tamga_hash *digest, struct tamga_signature *out);

/*
 * Where a private key is loaded from, path may also be a pkcs11: URI (token.h), of a P-256 or
 * RSA-3072 key on a token; passphrase is then its PIN.
 *
 * Key files: PKCS#8 PEM, mode 0600, encrypted if passphrase is not NULL; the public
 * half as SPKI PEM. Files are written beside, synced and renamed; an existing file is
 * never overwritten (KEY_FILE).
 *
 * Errors:  KEY_FILE: absent, others can read it, not PEM, wrong passphrase, a kind of
 *          key that is none of ours; no engine, module, token or key, a wrong PIN; the
 *          detail says which. FILE_IO.
 */
TAMGA_MUST_USE enum tamga_err
tamga_private_key_save(const struct tamga_private_key *key, const char *path,
                       const char *passphrase, struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_private_key_load(struct tamga_private_key **out,
                                                     const char *path,
                                                     const char *passphrase,
                                                     struct tamga_detail *detail);
/* Does loading it take a passphrase, or a PIN that its URI does not say? Also false for what
 * cannot be read at all: loading says why. */
bool tamga_private_key_is_locked(const char *path);
TAMGA_MUST_USE enum tamga_err tamga_public_key_save(const struct tamga_public_key *key,
                                                    const char *path,
                                                    struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_public_key_load(struct tamga_public_key **out,
                                                    const char *path,
                                                    struct tamga_detail *detail);

/* Fill with random bytes from OpenSSL; for callers at the edge, never for the engine.
 */
TAMGA_MUST_USE enum tamga_err tamga_random(uint8_t *out, size_t len);

#endif
