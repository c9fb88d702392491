/*
 * Who may read a sealed image: X25519 keys, and the image's content key wrapped for each
 * of them. A wrapped key belongs to one release: in another one's place it does not open.
 *
 * Source: docs/PROTOCOL.md, "Encrypted images".
 */
#ifndef TAMGA_CRYPTO_RECIPIENT_H
#define TAMGA_CRYPTO_RECIPIENT_H

#include "crypto/seal.h"

#define TAMGA_X25519_BYTES      32
#define TAMGA_WRAPPED_KEY_BYTES 48u

struct tamga_recipient { /* a public key */
    uint8_t byte[TAMGA_X25519_BYTES];
};
struct tamga_recipient_key; /* a private one, wiped when freed */

struct tamga_wrapped_key {
    struct tamga_hash recipient; /* id of the key that it is for */
    uint8_t ephemeral[TAMGA_X25519_BYTES];
    uint8_t byte[TAMGA_WRAPPED_KEY_BYTES];
};

/* Names a public key: domain hash "tamga.v1.recipient" with a zero scope over it. */
void tamga_recipient_id(struct tamga_hash *out, const struct tamga_recipient *recipient);

TAMGA_MUST_USE enum tamga_err tamga_recipient_key_generate(struct tamga_recipient_key **out);
void tamga_recipient_key_free(struct tamga_recipient_key *key);
/* For TAMGA_CLEANUP. */
void tamga_recipient_key_release(struct tamga_recipient_key **key);
/* The public half, borrowed until the key is freed. */
const struct tamga_recipient *
tamga_recipient_key_public(const struct tamga_recipient_key *key);

/* A random content key. */
TAMGA_MUST_USE enum tamga_err tamga_seal_key_generate(struct tamga_seal_key *out);

/*
 * Wrap a content key for one recipient. The identity is authenticated with it.
 *
 * Errors:  BAD_KEY: a public key with which nothing can be agreed on (of small order);
 *          NO_MEMORY, CRYPTO.
 */
TAMGA_MUST_USE enum tamga_err tamga_seal_key_wrap(struct tamga_wrapped_key *out,
                                                  const struct tamga_recipient *recipient,
                                                  const struct tamga_seal_key *key,
                                                  const struct tamga_hash *identity);
/*
 * Errors:  NO_RECIPIENT: it is for another key; BAD_WRAP: changed, or of another identity;
 *          NO_MEMORY, CRYPTO.
 */
TAMGA_MUST_USE enum tamga_err tamga_seal_key_unwrap(struct tamga_seal_key *out,
                                                    const struct tamga_recipient_key *mine,
                                                    const struct tamga_wrapped_key *untrusted,
                                                    const struct tamga_hash *identity);

/*
 * Key files, as those of signing keys (key.h): PKCS#8 PEM, mode 0600, encrypted if
 * passphrase is not NULL; the public half as SPKI PEM. Nothing is ever overwritten.
 *
 * Errors:  KEY_FILE, also for a key of another kind; FILE_IO.
 */
TAMGA_MUST_USE enum tamga_err tamga_recipient_key_save(const struct tamga_recipient_key *key,
                                                       const char *path,
                                                       const char *passphrase,
                                                       struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_recipient_key_load(struct tamga_recipient_key **out,
                                                       const char *path,
                                                       const char *passphrase,
                                                       struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_recipient_save(const struct tamga_recipient *recipient,
                                                   const char *path,
                                                   struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_recipient_load(struct tamga_recipient *out,
                                                   const char *path,
                                                   struct tamga_detail *detail);

#endif
