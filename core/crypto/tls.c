/* What this side trusts and shows, read from files, replaced whole. Knows no connection. */
#include "crypto/tls_internal.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/key_internal.h"

/* A leaf and nothing between it and the CA. */
#define BETWEEN_MAX      0
#define CERT_BYTES_MAX   16384
#define CIPHERS "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS  "X25519:P-256"

static void x509_release(X509 **cert)
{
    X509_free(*cert);
}

static void bio_release(BIO **bio)
{
    BIO_free(*bio);
}

static void context_release(SSL_CTX **context)
{
    SSL_CTX_free(*context);
}

/* ---- the verdict on a certificate ------------------------------------------------ */

enum tamga_err tamga_tls_verdict(int x509_error)
{
    switch (x509_error) {
    case X509_V_OK:
        return TAMGA_OK;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TAMGA_E_LINK_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TAMGA_E_LINK_NOT_YET;
    case X509_V_ERR_CERT_REVOKED:
        return TAMGA_E_LINK_REVOKED;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
        return TAMGA_E_LINK_CRL;
    case X509_V_ERR_OUT_OF_MEM:
        return TAMGA_E_NO_MEMORY;
    default:
        return TAMGA_E_LINK_FOREIGN;
    }
}

enum tamga_err tamga_tls_judge(struct tamga_tls_identity *out, SSL_CTX *context, X509 *cert)
{
    X509_STORE_CTX *judge = X509_STORE_CTX_new();
    enum tamga_err err = TAMGA_E_NO_MEMORY;

    if (judge && X509_STORE_CTX_init(judge, SSL_CTX_get_cert_store(context), cert, NULL)) {
        X509_VERIFY_PARAM_set_depth(X509_STORE_CTX_get0_param(judge), BETWEEN_MAX);
        err = X509_verify_cert(judge) == 1 ? TAMGA_OK
                                           : tamga_tls_verdict(X509_STORE_CTX_get_error(judge));
        if (!err && X509_STORE_CTX_get_error(judge) != X509_V_OK)
            err = TAMGA_E_LINK_FOREIGN;
    }
    X509_STORE_CTX_free(judge);
    return err ? err : tamga_tls_identity_of(out, cert);
}

/* ---- files ---------------------------------------------------------------------- */

static enum tamga_err file_open(BIO **out, const char *path, struct tamga_detail *detail)
{
    FILE *file = fopen(path, "rbe");
    TAMGA_BUF bytes = {0};

    if (!file)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.200s cannot be opened", path);
    if (tamga_buf_reserve(&bytes, TAMGA_TLS_FILE_BYTES_MAX + 1) != TAMGA_OK) {
        fclose(file);
        return TAMGA_E_NO_MEMORY;
    }
    bytes.len = fread(bytes.data, 1, TAMGA_TLS_FILE_BYTES_MAX + 1, file);
    fclose(file);
    if (bytes.len == 0 || bytes.len > TAMGA_TLS_FILE_BYTES_MAX)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.200s: empty, or above %u bytes", path,
                            TAMGA_TLS_FILE_BYTES_MAX);
    *out = BIO_new(BIO_s_mem());
    if (!*out || BIO_write(*out, bytes.data, (int)bytes.len) != (int)bytes.len)
        return TAMGA_E_NO_MEMORY;
    return TAMGA_OK;
}

static enum tamga_err ca_load(SSL_CTX *context, const char *path, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(bio_release) BIO *bio = NULL;
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    enum tamga_err err = file_open(&bio, path, detail);
    unsigned count = 0;

    if (err)
        return err;
    for (;;) {
        TAMGA_CLEANUP(x509_release) X509 *ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);

        if (!ca)
            break;
        if (X509_check_ca(ca) != 1 || !X509_STORE_add_cert(store, ca))
            return tamga_refuse(detail, TAMGA_E_LINK_FOREIGN, "%.200s holds what is no CA",
                                path);
        count++;
    }
    if (count == 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.200s holds no certificate", path);
    return TAMGA_OK;
}

static enum tamga_err crl_load(SSL_CTX *context, const char *path, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(bio_release) BIO *bio = NULL;
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    enum tamga_err err = file_open(&bio, path, detail);
    X509_CRL *crl;
    unsigned count = 0;
    bool added = true;

    if (err)
        return err;
    while (added && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
        added = X509_STORE_add_crl(store, crl) == 1;
        X509_CRL_free(crl);
        count++;
    }
    if (!added || count == 0)
        return tamga_refuse(detail, TAMGA_E_LINK_CRL, "%.200s holds no revocation list", path);
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_X509_STRICT);
    return TAMGA_OK;
}

static enum tamga_err key_load(SSL_CTX *context, const char *path, struct tamga_detail *detail)
{
    struct tamga_private_key *key = NULL;
    enum tamga_err err = tamga_private_key_load(&key, path, NULL, detail);

    if (err)
        return err;
    if (SSL_CTX_use_PrivateKey(context, tamga_private_key_pkey(key)) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        err = tamga_refuse(detail, TAMGA_E_KEY_FILE, "%.200s is not the certificate's key", path);
    tamga_private_key_free(key);
    return err;
}

/* What this side shows: a device's own, or what is in the files. */
static enum tamga_err own_load(X509 **out, SSL_CTX *context, const struct tamga_tls_own *own)
{
    if (SSL_CTX_use_certificate(context, own->cert) != 1 ||
        SSL_CTX_use_PrivateKey(context, own->key) != 1)
        return TAMGA_E_CRYPTO;
    X509_up_ref(own->cert);
    *out = own->cert;
    return TAMGA_OK;
}

static enum tamga_err cert_load(X509 **out, SSL_CTX *context, const char *path,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(bio_release) BIO *bio = NULL;
    enum tamga_err err = file_open(&bio, path, detail);

    if (err)
        return err;
    *out = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    if (!*out || SSL_CTX_use_certificate(context, *out) != 1)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.200s holds no certificate", path);
    return TAMGA_OK;
}

/* ---- contexts -------------------------------------------------------------------- */

static enum tamga_err context_new(SSL_CTX **out)
{
    SSL_CTX *context = *out = SSL_CTX_new(TLS_method());

    if (!context)
        return TAMGA_E_NO_MEMORY;
    if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, CIPHERS) != 1 ||
        SSL_CTX_set1_groups_list(context, GROUPS) != 1)
        return TAMGA_E_CRYPTO;
    SSL_CTX_set_verify_depth(context, BETWEEN_MAX);
    SSL_CTX_set_max_cert_list(context, CERT_BYTES_MAX);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    tamga_tls_session_prepare(context);
    return TAMGA_OK;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;

    if (epoch)
        ASN1_TIME_diff(&days, &seconds, epoch, time);
    ASN1_TIME_free(epoch);
    return (int64_t)days * 86400 + seconds;
}

static enum tamga_err self_load(X509 **out, struct tamga_tls_identity *self, SSL_CTX *context,
                                const struct tamga_tls *tls, struct tamga_detail *detail)
{
    enum tamga_err err;

    if (tls->own.cert) {
        *self = tls->own.identity;
        return own_load(out, context, &tls->own);
    }
    if ((err = cert_load(out, context, tls->cert, detail)) ||
        (err = key_load(context, tls->key, detail)))
        return err;
    err = tamga_tls_judge(self, context, *out);
    return err ? tamga_refuse(detail, err, "it is our own, %.200s", tls->cert)
               : TAMGA_OK;
}

enum tamga_err tamga_tls_reload(struct tamga_tls *tls, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(context_release) SSL_CTX *context = NULL;
    TAMGA_CLEANUP(x509_release) X509 *cert = NULL;
    struct tamga_tls_identity self;
    enum tamga_err err;

    if ((err = context_new(&context)) || (err = ca_load(context, tls->ca, detail)) ||
        (err = crl_load(context, tls->crl, detail)) ||
        (err = self_load(&cert, &self, context, tls, detail)))
        return err;
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *former = tls->context;
    tls->context = context;
    context = former; /* released above; sessions hold it as long as they need it */
    tls->self = self;
    tls->ends_s = seconds_of(X509_get0_notAfter(cert));
    tls->generation++;
    pthread_mutex_unlock(&tls->lock);
    return TAMGA_OK;
}

/* NULL stays NULL. */
static bool copy(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return *out || !text;
}

enum tamga_err tamga_tls_new(struct tamga_tls **out, const struct tamga_tls_files *files)
{
    struct tamga_tls *tls = calloc(1, sizeof *tls);

    if (!tls)
        return TAMGA_E_NO_MEMORY;
    pthread_mutex_init(&tls->lock, NULL);
    if (!copy(&tls->ca, files->ca) || !copy(&tls->cert, files->cert) ||
        !copy(&tls->key, files->key) || !copy(&tls->crl, files->crl)) {
        tamga_tls_close(tls);
        return TAMGA_E_NO_MEMORY;
    }
    *out = tls;
    return TAMGA_OK;
}

enum tamga_err tamga_tls_open(struct tamga_tls **out, const struct tamga_tls_files *files,
                              struct tamga_detail *detail)
{
    struct tamga_tls *tls = NULL;
    enum tamga_err err;

    if (!files->ca || !files->cert || !files->key || !files->crl)
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "tls needs four files: ca, cert, key and crl");
    if ((err = tamga_tls_new(&tls, files)))
        return err;
    err = tamga_tls_reload(tls, detail);
    if (err)
        tamga_tls_close(tls);
    else
        *out = tls;
    return err;
}

void tamga_tls_close(struct tamga_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    tamga_tls_own_clear(&tls->own);
    pthread_mutex_destroy(&tls->lock);
    free(tls->ca);
    free(tls->cert);
    free(tls->key);
    free(tls->crl);
    free(tls);
}

unsigned tamga_tls_generation(struct tamga_tls *tls)
{
    unsigned generation;

    pthread_mutex_lock(&tls->lock);
    generation = tls->generation;
    pthread_mutex_unlock(&tls->lock);
    return generation;
}

void tamga_tls_self(struct tamga_tls *tls, struct tamga_tls_identity *out)
{
    pthread_mutex_lock(&tls->lock);
    *out = tls->self;
    pthread_mutex_unlock(&tls->lock);
}

bool tamga_tls_ends_soon(struct tamga_tls *tls, int64_t now_s, struct tamga_detail *out)
{
    int64_t left_s;

    pthread_mutex_lock(&tls->lock);
    left_s = tls->ends_s - now_s;
    pthread_mutex_unlock(&tls->lock);
    if (left_s > TAMGA_TLS_WARN_S)
        return false;
    snprintf(out->text, sizeof out->text, "%.180s ends in %lld days",
             tls->cert ? tls->cert : "the certificate", (long long)(left_s / 86400));
    return true;
}
