/* What key.c, key_file.c, spki.c, token.c and recipient.c share; nobody else includes it. */
#ifndef TAMGA_CRYPTO_KEY_INTERNAL_H
#define TAMGA_CRYPTO_KEY_INTERNAL_H

#include <openssl/evp.h>

#include "crypto/key.h"

/*
 * The type of a SubjectPublicKeyInfo in its one canonical form. Whoever passes has
 * no other encoding and one of our types and sizes; for P-256 it is still open
 * whether the point is on the curve.
 *
 * Errors:  BAD_KEY; NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_spki_judge(enum tamga_key_type *out,
                                               struct tamga_span spki);

/* The key that the SPKI holds, whatever its type. Errors: as tamga_public_key_decode.
 */
TAMGA_MUST_USE enum tamga_err tamga_public_key_decode_any(struct tamga_public_key **out,
                                                          struct tamga_span spki);
/* Takes pkey on success. Errors: BAD_KEY: a kind that is none of ours, or the halves
 * do not belong together; NO_MEMORY; CRYPTO. */
TAMGA_MUST_USE enum tamga_err tamga_private_key_wrap(struct tamga_private_key **out,
                                                     EVP_PKEY *pkey);
/* Borrowed. */
EVP_PKEY *tamga_private_key_pkey(const struct tamga_private_key *key);

/* Key files of any kind of key; rules and errors as for those in key.h. Whatever is
 * loaded is the caller's, and of a kind that is not judged yet. */
TAMGA_MUST_USE enum tamga_err tamga_pem_private_save(EVP_PKEY *pkey, const char *path,
                                                     const char *passphrase,
                                                     struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_pem_private_load(EVP_PKEY **out, const char *path,
                                                     const char *passphrase,
                                                     struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_pem_public_save(struct tamga_span spki,
                                                    const char *path,
                                                    struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_pem_public_load(struct tamga_buf *out,
                                                    const char *path,
                                                    struct tamga_detail *detail);

/* The key that a pkcs11: URI names (token.h). passphrase: its PIN, unless the URI names a file
 * that holds it. Errors: KEY_FILE, with what is missing or wrong; FILE_IO; NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_token_private_load(EVP_PKEY **out, const char *uri,
                                                       const char *passphrase,
                                                       struct tamga_detail *detail);

#endif
