/*
 * Memory for secrets: locked, so that it is never swapped out, between guard pages, in no
 * core dump, and wiped when it is freed. It is OpenSSL's secure heap, where OpenSSL itself
 * puts the secret numbers of keys. docs/decisions/0020 says what it cannot hold.
 */
#ifndef TAMGA_CRYPTO_SECRET_H
#define TAMGA_CRYPTO_SECRET_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Bounds all secrets of a process together: what does not fit is refused, not put
 * elsewhere. A signature takes some 16 KiB while it is made, a handshake 64 bytes. */
#define TAMGA_SECRET_BYTES_MAX (1024u * 1024)

/* In the environment, whatever its value: for whoever debugs, or counts a node's descriptors,
 * and is not root. */
#define TAMGA_DEBUGGABLE "TAMGA_DEBUGGABLE"

/*
 * Make the process one that may hold keys: locked memory, no core dumps, nobody but root
 * looks into it, and whatever OpenSSL frees is wiped.
 *
 * For a program's main, before anything else is asked of OpenSSL; more calls do no harm.
 * Without it all that follows works in ordinary memory.
 *
 * Returns: false, with a sentence: the system allows too little locked memory. Secrets may
 *          then be swapped out; all else holds.
 */
bool tamga_secret_guard(struct tamga_detail *why);

/* Zeros; NULL: no room. */
void *tamga_secret_new(size_t len);
/* Wipes len bytes and frees them; NULL is fine. */
void tamga_secret_free(void *secret, size_t len);
/* Is it in locked memory? For tests. */
bool tamga_secret_is_guarded(const void *secret);

#endif
