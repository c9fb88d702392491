/* What the files of tls.h share; nobody else includes it. */
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
    /* Constant after open. cert and key are NULL, and own is set, exactly of a device that
     * shows a certificate of its own making. */
    char *ca, *cert, *key, *crl;
    struct tamga_tls_own {
        X509 *cert;
        EVP_PKEY *key;
        struct tamga_tls_identity identity;
    } own;
};

/* The one of a certificate. Errors: LINK_NAME. */
TAMGA_MUST_USE enum tamga_err tamga_tls_identity_of(struct tamga_tls_identity *out,
                                                    const X509 *cert);
/* OpenSSL's verdict in our codes. */
enum tamga_err tamga_tls_verdict(int x509_error);
/* Chain, dates and revocation, then the identity. */
TAMGA_MUST_USE enum tamga_err tamga_tls_judge(struct tamga_tls_identity *out, SSL_CTX *context,
                                              X509 *cert);
/* tls_device.c: is it a certificate that a device has made itself? */
bool tamga_tls_is_own(const X509 *cert);
/* The same two steps for such a one. Errors: LINK_NAME; what want->device says. */
TAMGA_MUST_USE enum tamga_err tamga_tls_own_judge(X509 *cert, const char *name,
                                                  const struct tamga_tls_want *want,
                                                  struct tamga_detail *detail);
void tamga_tls_own_clear(struct tamga_tls_own *own);
/* tls_issue.c: a device makes one. Errors: LINK_NAME, NO_MEMORY, CRYPTO. */
TAMGA_MUST_USE enum tamga_err tamga_tls_issue_own(X509 **out,
                                                  const struct tamga_tls_device *device);
/* The extension that has what its OEM signed; NULL without memory. */
ASN1_OBJECT *tamga_tls_certificate_oid(void);
/* tls.c: room for what is read again, with nothing read. Errors: NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_tls_new(struct tamga_tls **out,
                                            const struct tamga_tls_files *files);
/* tls_session.c: what a context needs that is a session's affair. */
void tamga_tls_session_prepare(SSL_CTX *context);

#endif
