/*
 * Passphrases of key files, and PINs of tokens: in locked memory, never on a stack, wiped
 * when freed. Knows no terminal: who may ask a person does that itself.
 */
#ifndef TAMGA_CRYPTO_PASSPHRASE_H
#define TAMGA_CRYPTO_PASSPHRASE_H

#include "base/err.h"

#define TAMGA_PASSPHRASE_MAX 1000 /* OpenSSL cuts at 1,024 without a word */

struct tamga_passphrase {
    char text[TAMGA_PASSPHRASE_MAX + 1];
};

/* Empty. NULL: no memory. */
struct tamga_passphrase *tamga_passphrase_new(void);
void tamga_passphrase_free(struct tamga_passphrase *passphrase);
/* For TAMGA_CLEANUP. */
void tamga_passphrase_release(struct tamga_passphrase **passphrase);
/* NULL for NULL: what functions that load keys take for "none". */
const char *tamga_passphrase_text(const struct tamga_passphrase *passphrase);

/*
 * The first line of a file, without its end.
 *
 * Owns:    *out is the caller's, tamga_passphrase_free.
 * Errors:  KEY_FILE: no regular file, others can read it, or not 1..1000 characters;
 *          FILE_IO; NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_passphrase_read(struct tamga_passphrase **out,
                                                    const char *path,
                                                    struct tamga_detail *detail);

#endif
