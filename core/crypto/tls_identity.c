/* Who a certificate says that it is: one URI, written in one way. Trusts nobody. */
#include "crypto/tls_internal.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define SCHEME "tamga://"
#define MEMBER "/member/"
#define DEVICE "/device/"
#define ROLES  "?roles="

static const struct {
    const char *name;
    enum tamga_tls_role role;
} roles[] = {
    {"auditor", TAMGA_TLS_AUDITOR},
    {"consortium", TAMGA_TLS_CONSORTIUM},
    {"gateway", TAMGA_TLS_GATEWAY},
    {"oem", TAMGA_TLS_OEM},
    {"provider", TAMGA_TLS_PROVIDER},
};

#define ROLE_COUNT (sizeof roles / sizeof roles[0])

#define MEMBERS                                                                          \
    (TAMGA_TLS_AUDITOR | TAMGA_TLS_CONSORTIUM | TAMGA_TLS_GATEWAY | TAMGA_TLS_OEM |      \
     TAMGA_TLS_PROVIDER)

/* `parts` of them with a slash between each two. */
static bool name_is_good(const char *name, unsigned parts)
{
    for (;;) {
        size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-");

        if (len == 0 || len > TAMGA_TLS_NAME_MAX)
            return false;
        name += len;
        if (--parts == 0)
            return *name == '\0';
        if (*name++ != '/')
            return false;
    }
}

void tamga_tls_roles_format(char text[TAMGA_TLS_ROLES_MAX], uint32_t set)
{
    size_t len = 0;

    snprintf(text, TAMGA_TLS_ROLES_MAX, "%s", set & TAMGA_TLS_DEVICE ? "device" : "");
    for (size_t i = 0; i < ROLE_COUNT; i++)
        if (set & roles[i].role)
            len += (size_t)snprintf(text + len, TAMGA_TLS_ROLES_MAX - len, "%s%s",
                                    len ? "," : "", roles[i].name);
}

enum tamga_err tamga_tls_identity_format(char uri[TAMGA_TLS_URI_MAX],
                                         const struct tamga_tls_identity *identity)
{
    char hex[2 * sizeof identity->network.byte + 1], words[TAMGA_TLS_ROLES_MAX];
    bool device = identity->roles == TAMGA_TLS_DEVICE;

    if (!name_is_good(identity->name, device ? 3 : 1) || identity->roles == 0 ||
        (!device && identity->roles & ~(uint32_t)MEMBERS))
        return TAMGA_E_LINK_NAME;
    tamga_to_hex(hex, identity->network.byte, sizeof identity->network.byte);
    tamga_tls_roles_format(words, identity->roles);
    snprintf(uri, TAMGA_TLS_URI_MAX, SCHEME "%s%s%s%s%s", hex, device ? DEVICE : MEMBER,
             identity->name, device ? "" : ROLES, device ? "" : words);
    return TAMGA_OK;
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

/* What follows the kind of identity: NAME?roles=..., or P/M/N. Cuts text. */
static enum tamga_err name_parse(struct tamga_tls_identity *out, char *text, bool device)
{
    char *question = device ? NULL : strstr(text, ROLES);

    if (!device && !question)
        return TAMGA_E_LINK_NAME;
    if (question)
        *question = '\0';
    if (strlen(text) > TAMGA_TLS_DEVICE_MAX)
        return TAMGA_E_LINK_NAME;
    strcpy(out->name, text);
    out->roles = TAMGA_TLS_DEVICE;
    return device ? TAMGA_OK : roles_parse(&out->roles, question + strlen(ROLES));
}

/* There is one way to write an identity: what is not written back the same is none. */
enum tamga_err tamga_tls_identity_parse(struct tamga_tls_identity *out, struct tamga_span uri)
{
    const size_t hex_len = 2 * sizeof out->network.byte;
    const size_t kind_at = strlen(SCHEME) + hex_len;
    const size_t head_len = kind_at + strlen(MEMBER); /* and DEVICE is as long */
    struct tamga_tls_identity found = {0};
    char text[TAMGA_TLS_URI_MAX], again[TAMGA_TLS_URI_MAX], hex[2 * sizeof out->network + 1];
    bool device;

    _Static_assert(sizeof MEMBER == sizeof DEVICE, "both kinds have names of one length");
    if (uri.len <= head_len || uri.len >= sizeof text || memchr(uri.data, 0, uri.len))
        return TAMGA_E_LINK_NAME;
    memcpy(text, uri.data, uri.len);
    text[uri.len] = '\0';
    memcpy(hex, text + strlen(SCHEME), hex_len);
    hex[hex_len] = '\0';
    device = memcmp(text + kind_at, DEVICE, strlen(DEVICE)) == 0;
    if (tamga_from_hex(found.network.byte, sizeof found.network.byte, hex) != TAMGA_OK ||
        name_parse(&found, text + head_len, device) != TAMGA_OK ||
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
