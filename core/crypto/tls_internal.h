/* What tls.c (trust) and tls_session.c (connections) share; nobody else includes it. */
#ifndef TAMGA_CRYPTO_TLS_INTERNAL_H
#define TAMGA_CRYPTO_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <pthread.h>

#include "crypto/tls.h"

struct tamga_tls {
    pthread_mutex_t lock; /* guards what follows */
    SSL_CTX *context;
    struct tamga_tls_identity self;
    int64_t ends_s;
    unsigned generation;
    char *ca, *cert, *key, *crl; /* constant after open */
};

/* The one of a certificate. Errors: LINK_NAME. */
TAMGA_MUST_USE enum tamga_err tamga_tls_identity_of(struct tamga_tls_identity *out,
                                                    const X509 *cert);
/* OpenSSL's verdict in our codes. */
enum tamga_err tamga_tls_verdict(int x509_error);
/* Chain, dates and revocation, then the identity. */
TAMGA_MUST_USE enum tamga_err tamga_tls_judge(struct tamga_tls_identity *out, SSL_CTX *context,
                                              X509 *cert);
/* tls_session.c: what a context needs that is a session's affair. */
void tamga_tls_session_prepare(SSL_CTX *context);

#endif
