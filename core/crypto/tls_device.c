/*
 * Certificates that devices make themselves: one to show, and the judge's way to what is in
 * another's. What the OEM has signed in it is bytes here; whoever takes devices knows more.
 */
#include "crypto/tls_internal.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "crypto/key_internal.h"

/* ---- judging ------------------------------------------------------------------------ */

/* -1: it has none, or no memory. */
static int extension_at(const X509 *cert)
{
    ASN1_OBJECT *oid = tamga_tls_certificate_oid();
    int at = oid ? X509_get_ext_by_OBJ(cert, oid, -1) : -1;

    ASN1_OBJECT_free(oid);
    return at;
}

/* The signature of such a certificate says nothing: the handshake proves the key. */
bool tamga_tls_is_own(const X509 *cert)
{
    return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0 &&
           extension_at(cert) >= 0;
}

static ASN1_OCTET_STRING *certificate_of(const X509 *cert)
{
    int at = extension_at(cert);
    const ASN1_OCTET_STRING *value;
    ASN1_OCTET_STRING *inner;
    const unsigned char *data, *end;

    if (at < 0)
        return NULL;
    value = X509_EXTENSION_get_data(X509_get_ext(cert, at));
    data = ASN1_STRING_get0_data(value);
    end = data + ASN1_STRING_length(value);
    inner = d2i_ASN1_OCTET_STRING(NULL, &data, ASN1_STRING_length(value));
    if (inner && data != end) {
        ASN1_OCTET_STRING_free(inner);
        inner = NULL;
    }
    return inner;
}

enum tamga_err tamga_tls_own_judge(X509 *cert, const char *name,
                                   const struct tamga_tls_want *want,
                                   struct tamga_detail *detail)
{
    ASN1_OCTET_STRING *certificate = certificate_of(cert);
    unsigned char *spki = NULL;
    int spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
    enum tamga_err err = TAMGA_E_LINK_FOREIGN;

    if (!certificate)
        err = tamga_refuse(detail, err, "%s shows no certificate of its OEM", name);
    else if (spki_len > 0)
        err = want->device(want->context,
                           &(struct tamga_tls_shown){
                               .name = name,
                               .certificate =
                                   tamga_span(ASN1_STRING_get0_data(certificate),
                                              (size_t)ASN1_STRING_length(certificate)),
                               .key = tamga_span(spki, (size_t)spki_len)},
                           detail);
    OPENSSL_free(spki);
    ASN1_OCTET_STRING_free(certificate);
    return err;
}

/* ---- showing ------------------------------------------------------------------------ */

void tamga_tls_own_clear(struct tamga_tls_own *own)
{
    X509_free(own->cert);
    EVP_PKEY_free(own->key);
    *own = (struct tamga_tls_own){0};
}

static enum tamga_err own_make(struct tamga_tls_own *own, const struct tamga_tls_device *device)
{
    enum tamga_err err = tamga_tls_issue_own(&own->cert, device);

    if (err)
        return err;
    own->key = tamga_private_key_pkey(device->key);
    EVP_PKEY_up_ref(own->key);
    return tamga_tls_identity_of(&own->identity, own->cert);
}

enum tamga_err tamga_tls_open_device(struct tamga_tls **out,
                                     const struct tamga_tls_device *device,
                                     struct tamga_detail *detail)
{
    const struct tamga_tls_files files = {.ca = device->ca, .crl = device->crl};
    struct tamga_tls *tls = NULL;
    enum tamga_err err;

    if (!device->ca || !device->crl)
        return tamga_refuse(detail, TAMGA_E_USAGE, "tls needs the network's ca and crl");
    if ((err = tamga_tls_new(&tls, &files)))
        return err;
    if ((err = own_make(&tls->own, device)))
        err = tamga_refuse(detail, err, "no certificate can be made for %.150s", device->name);
    else
        err = tamga_tls_reload(tls, detail);
    if (err)
        tamga_tls_close(tls);
    else
        *out = tls;
    return err;
}
