/*
 * What a stranger shows before anybody is trusted: the URI of a certificate, and a device's
 * certificate of its own making. The first byte of the input chooses; an identity that is
 * taken must be written again as the same bytes.
 */
#include "fuzz.h"

#include <openssl/x509.h>
#include <string.h>

#include "crypto/tls_internal.h"

static void check_uri(struct tamga_span input)
{
    struct tamga_tls_identity identity;
    char again[TAMGA_TLS_URI_MAX];

    if (tamga_tls_identity_parse(&identity, input) != TAMGA_OK)
        return;
    FUZZ_REQUIRE(tamga_tls_identity_format(again, &identity) == TAMGA_OK);
    FUZZ_REQUIRE(tamga_span_equal(input, tamga_span_text(again)));
    FUZZ_REQUIRE(identity.roles != 0 && strlen(identity.name) <= TAMGA_TLS_DEVICE_MAX);
}

/* Reads all that it is given, so that a sanitizer sees a byte too many. */
static enum tamga_err on_device(void *context, const struct tamga_tls_shown *shown,
                                struct tamga_detail *detail)
{
    struct tamga_tls_identity *identity = context;
    unsigned sum = 0;

    (void)detail;
    FUZZ_REQUIRE(strcmp(shown->name, identity->name) == 0 && shown->key.len > 0);
    for (size_t i = 0; i < shown->certificate.len; i++)
        sum += shown->certificate.data[i];
    for (size_t i = 0; i < shown->key.len; i++)
        sum += shown->key.data[i];
    return sum % 2 ? TAMGA_OK : TAMGA_E_BAD_CERTIFICATE;
}

static void check_certificate(struct tamga_span input)
{
    struct tamga_tls_identity identity;
    struct tamga_tls_want want = {.device = on_device, .context = &identity};
    struct tamga_detail detail = {""};
    const unsigned char *at = input.data;
    X509 *cert = d2i_X509(NULL, &at, (long)input.len);
    enum tamga_err err;

    if (cert && tamga_tls_identity_of(&identity, cert) == TAMGA_OK && tamga_tls_is_own(cert)) {
        err = tamga_tls_own_judge(cert, identity.name, &want, &detail);
        FUZZ_REQUIRE(err == TAMGA_OK || err == TAMGA_E_BAD_CERTIFICATE ||
                     err == TAMGA_E_LINK_FOREIGN);
    }
    X509_free(cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 16384) /* as long as a chain may be */
        return 0;
    if (data[0] == 'u')
        check_uri(tamga_span(data + 1, size - 1));
    else
        check_certificate(tamga_span(data + 1, size - 1));
    return 0;
}
