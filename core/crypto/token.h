/*
 * Keys that never leave a PKCS#11 token, named by a URI of RFC 7512:
 *
 *   pkcs11:token=acme;object=release?pin-source=/etc/tamga/pin&module-path=/usr/lib/x.so
 *
 * What names a private key file anywhere may be such a URI instead (key.h). Which attributes
 * are taken: docs/OPERATING.md, "Keys on a token".
 */
#ifndef TAMGA_CRYPTO_TOKEN_H
#define TAMGA_CRYPTO_TOKEN_H

#include <stdbool.h>

#include "base/err.h"

#define TAMGA_TOKEN_URI_MAX 1024 /* with its NUL */

/* Does a name begin as such a URI does? Then it is none of a file. */
bool tamga_token_is_named(const char *name);
/* Does the URI say where its PIN is? Who may ask a person need not. */
bool tamga_token_has_pin(const char *uri);

#endif
