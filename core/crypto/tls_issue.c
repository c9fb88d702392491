/* Certificates of X.509 version 3, filled field by field. Judges nobody's right to one. */
#include "crypto/tls_issue.h"

#include <limits.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/key_internal.h"
#include "crypto/tls_internal.h"

#define SERIAL_BYTES 16
/* An arc that needs no registration: 2.25 and a random UUID (ITU-T X.667). */
#define CERTIFICATE_OID "2.25.33987275816342990874094384424008677523"
/* No end of its own (RFC 5280, 4.1.2.5): a device's clock may be off by years, and the
 * certificate inside says when it ends. */
#define FROM_ALWAYS "19700101000000Z"
#define UNTIL_NEVER "99991231235959Z"

static void x509_release(X509 **cert)
{
    X509_free(*cert);
}

static void crl_release(X509_CRL **crl)
{
    X509_CRL_free(*crl);
}

static void bio_release(BIO **bio)
{
    BIO_free(*bio);
}

static void pkey_release(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static enum tamga_err bio_take(struct tamga_buf *out, BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);

    return len > 0 ? tamga_buf_set(out, tamga_span(data, (size_t)len)) : TAMGA_E_CRYPTO;
}

static X509 *cert_of(struct tamga_span pem)
{
    TAMGA_CLEANUP(bio_release) BIO *bio = NULL;

    if (pem.len == 0 || pem.len > TAMGA_TLS_FILE_BYTES_MAX)
        return NULL;
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

/* Ed25519 hashes by itself. */
static const EVP_MD *digest_of(const struct tamga_private_key *key)
{
    return tamga_public_key_type(tamga_private_key_public(key)) == TAMGA_KEY_ED25519
               ? NULL
               : EVP_sha256();
}

static enum tamga_err serial_set(X509 *cert)
{
    uint8_t byte[SERIAL_BYTES];
    BIGNUM *number;
    bool fine;

    if (tamga_random(byte, sizeof byte) != TAMGA_OK)
        return TAMGA_E_CRYPTO;
    byte[0] = (byte[0] & 0x7f) | 0x40; /* positive, and always of the same length */
    number = BN_bin2bn(byte, sizeof byte, NULL);
    fine = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    return fine ? TAMGA_OK : TAMGA_E_NO_MEMORY;
}

static enum tamga_err subject_set(X509 *cert, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(cert);

    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name,
                                      -1, -1, 0) == 1
               ? TAMGA_OK
               : TAMGA_E_NO_MEMORY;
}

static enum tamga_err extension_add(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool fine;

    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    fine = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return fine ? TAMGA_OK : TAMGA_E_CRYPTO;
}

/* All but subject, issuer and extensions. */
static enum tamga_err cert_new(X509 **out, EVP_PKEY *key, int64_t from_s, int64_t until_s)
{
    X509 *cert = *out = X509_new();

    if (!cert)
        return TAMGA_E_NO_MEMORY;
    if (from_s < 0 || until_s <= from_s)
        return TAMGA_E_BAD_VALUE;
    if (!ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)from_s) ||
        !ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)until_s))
        return TAMGA_E_BAD_VALUE;
    if (X509_set_version(cert, X509_VERSION_3) != 1 || X509_set_pubkey(cert, key) != 1)
        return TAMGA_E_CRYPTO;
    return serial_set(cert);
}

static enum tamga_err cert_sign(struct tamga_buf *out, X509 *cert,
                                const struct tamga_private_key *key)
{
    TAMGA_CLEANUP(bio_release) BIO *bio = BIO_new(BIO_s_mem());

    if (!bio)
        return TAMGA_E_NO_MEMORY;
    if (X509_sign(cert, tamga_private_key_pkey(key), digest_of(key)) <= 0 ||
        PEM_write_bio_X509(bio, cert) != 1)
        return TAMGA_E_CRYPTO;
    return bio_take(out, bio);
}

enum tamga_err tamga_tls_issue_ca(struct tamga_buf *out, const struct tamga_private_key *key,
                                  const struct tamga_hash *network, int64_t from_s,
                                  int64_t until_s)
{
    TAMGA_CLEANUP(x509_release) X509 *cert = NULL;
    char name[64] = "tamga network ";
    enum tamga_err err = cert_new(&cert, tamga_private_key_pkey(key), from_s, until_s);

    if (err)
        return err;
    /* A name is at most 64 characters: eight bytes of the network tell CAs apart. */
    tamga_to_hex(name + strlen(name), network->byte, 8);
    if ((err = subject_set(cert, name)))
        return err;
    if (X509_set_issuer_name(cert, X509_get_subject_name(cert)) != 1)
        return TAMGA_E_NO_MEMORY;
    if ((err = extension_add(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0")) ||
        (err = extension_add(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign")) ||
        (err = extension_add(cert, cert, NID_subject_key_identifier, "hash")) ||
        (err = extension_add(cert, cert, NID_authority_key_identifier, "keyid")))
        return err;
    return cert_sign(out, cert, key);
}

static enum tamga_err uri_add(X509 *cert, const struct tamga_tls_identity *identity)
{
    char uri[TAMGA_TLS_URI_MAX];
    GENERAL_NAMES *names;
    GENERAL_NAME *name;
    ASN1_IA5STRING *text;
    bool fine;

    if (tamga_tls_identity_format(uri, identity) != TAMGA_OK)
        return TAMGA_E_LINK_NAME;
    names = sk_GENERAL_NAME_new_null();
    name = GENERAL_NAME_new();
    text = ASN1_IA5STRING_new();
    fine = names && name && text && ASN1_STRING_set(text, uri, -1) == 1;
    if (fine) {
        GENERAL_NAME_set0_value(name, GEN_URI, text);
        text = NULL;
        fine = sk_GENERAL_NAME_push(names, name) > 0;
        if (fine)
            name = NULL;
    }
    fine = fine && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1;
    ASN1_IA5STRING_free(text);
    GENERAL_NAME_free(name);
    GENERAL_NAMES_free(names);
    return fine ? TAMGA_OK : TAMGA_E_NO_MEMORY;
}

/* A subject is for people, and at most 64 characters: of a device its number. */
static const char *last_part(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash ? slash + 1 : name;
}

static EVP_PKEY *pkey_of(const struct tamga_public_key *key)
{
    struct tamga_span spki = tamga_public_key_spki(key);
    const unsigned char *at = spki.data;

    return d2i_PUBKEY(NULL, &at, (long)spki.len);
}

enum tamga_err tamga_tls_issue_member(struct tamga_buf *out,
                                      const struct tamga_tls_issuer *issuer,
                                      const struct tamga_public_key *key,
                                      const struct tamga_tls_identity *identity,
                                      int64_t from_s, int64_t until_s)
{
    TAMGA_CLEANUP(x509_release) X509 *ca = cert_of(issuer->cert);
    TAMGA_CLEANUP(x509_release) X509 *cert = NULL;
    TAMGA_CLEANUP(pkey_release) EVP_PKEY *pkey = pkey_of(key);
    enum tamga_err err;

    if (!ca)
        return TAMGA_E_FILE_IO;
    if (!pkey)
        return TAMGA_E_CRYPTO;
    if ((err = cert_new(&cert, pkey, from_s, until_s)) || (err = uri_add(cert, identity)) ||
        (err = subject_set(cert, last_part(identity->name))))
        return err;
    if (X509_set_issuer_name(cert, X509_get_subject_name(ca)) != 1)
        return TAMGA_E_NO_MEMORY;
    if ((err = extension_add(cert, ca, NID_basic_constraints, "critical,CA:FALSE")) ||
        (err = extension_add(cert, ca, NID_key_usage, "critical,digitalSignature")) ||
        (err = extension_add(cert, ca, NID_ext_key_usage, "serverAuth,clientAuth")) ||
        (err = extension_add(cert, ca, NID_subject_key_identifier, "hash")) ||
        (err = extension_add(cert, ca, NID_authority_key_identifier, "keyid:always")))
        return err;
    return cert_sign(out, cert, issuer->key);
}

/* ---- a device's own ---------------------------------------------------------------- */

ASN1_OBJECT *tamga_tls_certificate_oid(void)
{
    return OBJ_txt2obj(CERTIFICATE_OID, 1);
}

/* The value of the extension is itself an OCTET STRING: what is in it is no ASN.1. */
static enum tamga_err certificate_add(X509 *cert, struct tamga_span certificate)
{
    ASN1_OBJECT *oid = tamga_tls_certificate_oid();
    ASN1_OCTET_STRING *inner = ASN1_OCTET_STRING_new(), *outer = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;
    unsigned char *der = NULL;
    int len = 0;
    bool fine = oid && inner && outer && certificate.len <= INT_MAX &&
                ASN1_OCTET_STRING_set(inner, certificate.data, (int)certificate.len) == 1 &&
                (len = i2d_ASN1_OCTET_STRING(inner, &der)) > 0 &&
                ASN1_OCTET_STRING_set(outer, der, len) == 1 &&
                (extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, outer)) &&
                X509_add_ext(cert, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    OPENSSL_free(der);
    ASN1_OCTET_STRING_free(outer);
    ASN1_OCTET_STRING_free(inner);
    ASN1_OBJECT_free(oid);
    return fine ? TAMGA_OK : TAMGA_E_NO_MEMORY;
}

static enum tamga_err own_fill(X509 *cert, const struct tamga_tls_device *device,
                               const struct tamga_tls_identity *identity)
{
    EVP_PKEY *pkey = tamga_private_key_pkey(device->key);
    enum tamga_err err;

    if (X509_set_version(cert, X509_VERSION_3) != 1 || X509_set_pubkey(cert, pkey) != 1 ||
        !ASN1_TIME_set_string_X509(X509_getm_notBefore(cert), FROM_ALWAYS) ||
        !ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), UNTIL_NEVER))
        return TAMGA_E_CRYPTO;
    if ((err = serial_set(cert)) || (err = uri_add(cert, identity)) ||
        (err = subject_set(cert, last_part(identity->name))) ||
        (err = certificate_add(cert, device->certificate)))
        return err;
    if (X509_set_issuer_name(cert, X509_get_subject_name(cert)) != 1)
        return TAMGA_E_NO_MEMORY;
    return X509_sign(cert, pkey, digest_of(device->key)) > 0 ? TAMGA_OK : TAMGA_E_CRYPTO;
}

enum tamga_err tamga_tls_issue_own(X509 **out, const struct tamga_tls_device *device)
{
    struct tamga_tls_identity identity = {.network = device->network,
                                          .roles = TAMGA_TLS_DEVICE};
    X509 *cert;
    enum tamga_err err;

    if (strlen(device->name) > TAMGA_TLS_DEVICE_MAX)
        return TAMGA_E_LINK_NAME;
    strcpy(identity.name, device->name);
    cert = X509_new();
    err = cert ? own_fill(cert, device, &identity) : TAMGA_E_NO_MEMORY;
    if (err)
        X509_free(cert);
    else
        *out = cert;
    return err;
}

/* ---- revocation ------------------------------------------------------------------ */

static enum tamga_err date_set(X509_CRL *crl, int (*set)(X509_CRL *, const ASN1_TIME *),
                               int64_t at_s)
{
    ASN1_TIME *date = ASN1_TIME_set(NULL, (time_t)at_s);
    bool fine = date && set(crl, date) == 1;

    ASN1_TIME_free(date);
    return fine ? TAMGA_OK : TAMGA_E_BAD_VALUE;
}

static enum tamga_err revoke(X509_CRL *crl, struct tamga_span pem, int64_t at_s)
{
    TAMGA_CLEANUP(x509_release) X509 *cert = cert_of(pem);
    ASN1_TIME *date = ASN1_TIME_set(NULL, (time_t)at_s);
    X509_REVOKED *entry = X509_REVOKED_new();
    bool fine = cert && date && entry &&
                X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert)) == 1 &&
                X509_REVOKED_set_revocationDate(entry, date) == 1;

    if (fine && (fine = X509_CRL_add0_revoked(crl, entry) == 1))
        entry = NULL;
    X509_REVOKED_free(entry);
    ASN1_TIME_free(date);
    if (!cert)
        return TAMGA_E_FILE_IO;
    return fine ? TAMGA_OK : TAMGA_E_NO_MEMORY;
}

static enum tamga_err crl_sign(struct tamga_buf *out, X509_CRL *crl,
                               const struct tamga_private_key *key)
{
    TAMGA_CLEANUP(bio_release) BIO *bio = BIO_new(BIO_s_mem());

    if (!bio)
        return TAMGA_E_NO_MEMORY;
    X509_CRL_sort(crl);
    if (X509_CRL_sign(crl, tamga_private_key_pkey(key), digest_of(key)) <= 0 ||
        PEM_write_bio_X509_CRL(bio, crl) != 1)
        return TAMGA_E_CRYPTO;
    return bio_take(out, bio);
}

enum tamga_err tamga_tls_issue_crl(struct tamga_buf *out, const struct tamga_tls_issuer *issuer,
                                   const struct tamga_span *revoked, size_t revoked_count,
                                   int64_t from_s, int64_t until_s)
{
    TAMGA_CLEANUP(x509_release) X509 *ca = cert_of(issuer->cert);
    TAMGA_CLEANUP(crl_release) X509_CRL *crl = X509_CRL_new();
    enum tamga_err err;

    if (!ca)
        return TAMGA_E_FILE_IO;
    if (!crl || X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)) != 1)
        return TAMGA_E_NO_MEMORY;
    if ((err = date_set(crl, X509_CRL_set1_lastUpdate, from_s)) ||
        (until_s != 0 && (err = date_set(crl, X509_CRL_set1_nextUpdate, until_s))))
        return err;
    for (size_t i = 0; i < revoked_count; i++)
        if ((err = revoke(crl, revoked[i], from_s)))
            return err;
    return crl_sign(out, crl, issuer->key);
}
