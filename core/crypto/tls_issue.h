/*
 * What a network's CA makes: its own certificate, members' certificates, and the list of
 * those that it has revoked. PEM texts; the caller writes files and keeps the keys.
 */
#ifndef TAMGA_CRYPTO_TLS_ISSUE_H
#define TAMGA_CRYPTO_TLS_ISSUE_H

#include "crypto/key.h"
#include "crypto/tls.h"

struct tamga_tls_issuer {
    const struct tamga_private_key *key; /* borrowed */
    struct tamga_span cert;              /* its PEM; empty while that itself is made */
};

/* Units: seconds since 1970-01-01 UTC. Errors, here and below: BAD_VALUE: dates that are
 * none; NO_MEMORY; CRYPTO. out is set, not added to. */
TAMGA_MUST_USE enum tamga_err tamga_tls_issue_ca(struct tamga_buf *out,
                                                 const struct tamga_private_key *key,
                                                 const struct tamga_hash *network,
                                                 int64_t from_s, int64_t until_s);
/* identity: a member's, or a device's that is to show this instead of one of its own making.
 * Errors: also LINK_NAME: an identity that cannot be written; FILE_IO: issuer's PEM. */
TAMGA_MUST_USE enum tamga_err tamga_tls_issue_member(struct tamga_buf *out,
                                                     const struct tamga_tls_issuer *issuer,
                                                     const struct tamga_public_key *key,
                                                     const struct tamga_tls_identity *identity,
                                                     int64_t from_s, int64_t until_s);
/* revoked: PEM texts of certificates. until_s 0: holds until there is another list. */
TAMGA_MUST_USE enum tamga_err tamga_tls_issue_crl(struct tamga_buf *out,
                                                  const struct tamga_tls_issuer *issuer,
                                                  const struct tamga_span *revoked,
                                                  size_t revoked_count, int64_t from_s,
                                                  int64_t until_s);

#endif
