/*
 * A network's CA for tests: certificates good and bad as files in a folder of their own,
 * and raw peers that speak TLS with whatever version and certificate a test wants.
 */
#ifndef NET_AUTHORITY_H
#define NET_AUTHORITY_H

#include <openssl/ssl.h>

#include "crypto/tls_issue.h"

#define AUTHORITY_DAY_S  86400
#define AUTHORITY_YEAR_S (365 * AUTHORITY_DAY_S)

struct authority {
    char folder[64];
    struct tamga_private_key *key;
    struct tamga_buf cert;
    struct tamga_hash network;
};

/* Aborts the program if it fails. network_seed makes the network's id. */
void authority_open(struct authority *authority, uint8_t network_seed);
void authority_open_for(struct authority *authority, const struct tamga_hash *network);
void authority_close(struct authority *authority); /* removes the folder */
/* NAME.crt and NAME.key, valid from and until so many seconds from now. */
void authority_member(const struct authority *authority, const char *name, uint32_t roles,
                      int64_t from_s, int64_t until_s);
/* The list anew, with one member or none (NULL) in it. until_s from now, 0: for ever. */
void authority_revoke(const struct authority *authority, const char *name, int64_t until_s);
/* What open says to the member's files. */
enum tamga_err authority_try(const struct authority *authority, const char *name,
                             struct tamga_tls **out, struct tamga_detail *detail);
/* Aborts if open refuses. */
struct tamga_tls *authority_tls(const struct authority *authority, const char *name);

/* A client that verifies nothing. name NULL: shows no certificate. */
SSL_CTX *authority_raw(const struct authority *authority, const char *name, int version);
/* What this client says first, without a connection. */
void raw_hello(SSL_CTX *context, struct tamga_buf *out);
/* Handshake on fd, and the first thing heard after it: true if that is no refusal. */
bool raw_tls_welcome(SSL_CTX *context, int fd);

#endif
