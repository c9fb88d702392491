/* Who a certificate says that it is: one URI, written in one way. Trusts nobody. */
#include "crypto/tls_internal.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define SCHEME "tamga://"
#define MEMBER "/member/"
#define ROLES  "?roles="

static const struct {
    const char *name;
    enum tamga_tls_role role;
} roles[] = {
    {"consortium", TAMGA_TLS_CONSORTIUM},
    {"gateway", TAMGA_TLS_GATEWAY},
    {"oem", TAMGA_TLS_OEM},
    {"provider", TAMGA_TLS_PROVIDER},
};

#define ROLE_COUNT (sizeof roles / sizeof roles[0])

static bool name_is_good(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= TAMGA_TLS_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               len;
}

enum tamga_err tamga_tls_identity_format(char uri[TAMGA_TLS_URI_MAX],
                                         const struct tamga_tls_identity *identity)
{
    char hex[2 * sizeof identity->network.byte + 1];
    uint32_t left = identity->roles;
    int len;

    if (!name_is_good(identity->name) || identity->roles == 0)
        return TAMGA_E_LINK_NAME;
    tamga_to_hex(hex, identity->network.byte, sizeof identity->network.byte);
    len = snprintf(uri, TAMGA_TLS_URI_MAX, SCHEME "%s" MEMBER "%s" ROLES, hex, identity->name);
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (!(left & roles[i].role))
            continue;
        len += snprintf(uri + len, TAMGA_TLS_URI_MAX - (size_t)len, "%s%s",
                        left == identity->roles ? "" : ",", roles[i].name);
        left &= ~(uint32_t)roles[i].role;
    }
    return left == 0 ? TAMGA_OK : TAMGA_E_LINK_NAME;
}

static enum tamga_err roles_parse(uint32_t *out, char *text)
{
    char *rest = NULL;

    *out = 0;
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        size_t i = 0;

        while (i < ROLE_COUNT && strcmp(roles[i].name, word) != 0)
            i++;
        if (i == ROLE_COUNT)
            return TAMGA_E_LINK_NAME;
        *out |= roles[i].role;
    }
    return TAMGA_OK;
}

/* There is one way to write an identity: what is not written back the same is none. */
enum tamga_err tamga_tls_identity_parse(struct tamga_tls_identity *out, struct tamga_span uri)
{
    const size_t hex_len = 2 * sizeof out->network.byte;
    const size_t head_len = strlen(SCHEME) + hex_len + strlen(MEMBER);
    struct tamga_tls_identity found = {0};
    char text[TAMGA_TLS_URI_MAX], again[TAMGA_TLS_URI_MAX], hex[2 * sizeof out->network + 1];
    char *question;

    if (uri.len <= head_len || uri.len >= sizeof text || memchr(uri.data, 0, uri.len))
        return TAMGA_E_LINK_NAME;
    memcpy(text, uri.data, uri.len);
    text[uri.len] = '\0';
    memcpy(hex, text + strlen(SCHEME), hex_len);
    hex[hex_len] = '\0';
    question = strstr(text + head_len, ROLES);
    if (!question || (size_t)(question - (text + head_len)) > TAMGA_TLS_NAME_MAX ||
        tamga_from_hex(found.network.byte, sizeof found.network.byte, hex) != TAMGA_OK)
        return TAMGA_E_LINK_NAME;
    memcpy(found.name, text + head_len, (size_t)(question - (text + head_len)));
    if (roles_parse(&found.roles, question + strlen(ROLES)) != TAMGA_OK ||
        tamga_tls_identity_format(again, &found) != TAMGA_OK ||
        !tamga_span_equal(uri, tamga_span_text(again)))
        return TAMGA_E_LINK_NAME;
    *out = found;
    return TAMGA_OK;
}

enum tamga_err tamga_tls_identity_of(struct tamga_tls_identity *out, const X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    const ASN1_IA5STRING *uri = NULL;
    enum tamga_err err = TAMGA_E_LINK_NAME;
    int count = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type != GEN_URI)
            continue;
        uri = name->d.uniformResourceIdentifier;
        count++;
    }
    if (count == 1)
        err = tamga_tls_identity_parse(
            out, tamga_span(ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri)));
    GENERAL_NAMES_free(names);
    return err;
}
