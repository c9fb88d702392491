/*
 * A member's certificates, in its folder as `tamga network init` makes it or in one of
 * their own, for who has no key that signs. Opens no connection.
 */
#ifndef TAMGA_LINK_TLS_FOLDER_H
#define TAMGA_LINK_TLS_FOLDER_H

#include "crypto/tls.h"

#define TAMGA_TLS_FOLDER_CERT "tls.crt"
#define TAMGA_TLS_FOLDER_KEY  "tls.key"
#define TAMGA_TLS_FOLDER_CA   "ca.crt"
#define TAMGA_TLS_FOLDER_CRL  "ca.crl"

/* Is an address a tls+tcp:// one? */
bool tamga_tls_addressed(const char *const *addr, size_t count);

/*
 * Owns:    *out is the caller's, tamga_tls_close.
 * Errors:  USAGE: no folder, or one without tls.crt; LINK_FOREIGN: for another network;
 *          as tamga_tls_open.
 */
TAMGA_MUST_USE enum tamga_err tamga_tls_folder_open(struct tamga_tls **out, const char *folder,
                                                    const struct tamga_hash *network,
                                                    struct tamga_detail *detail);

#endif
