/*
 * core/crypto/tls_device.c, tls_issue.c, tls_session.c: devices that show a certificate of
 * their own making, or one of the CA.
 */
#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crypto/key_internal.h"
#include "crypto/tls_internal.h"
#include "pair.h"

#define DAY_S  AUTHORITY_DAY_S
#define YEAR_S (365 * DAY_S)
#define DEVICE "acme/cam/0001"
#define OEM_S  "what the OEM has signed"

/* A gateway, and a device with a key. */
struct town {
    struct authority authority;
    struct tamga_tls *gateway, *device;
    struct tamga_private_key *key;
    char ca[96], crl[96];
};

/* What a gateway's judge was asked, and what it answers. */
struct judge {
    unsigned asked;
    struct tamga_span key; /* wanted */
    enum tamga_err answer;
};

static enum tamga_err on_device(void *context, const struct tamga_tls_shown *shown,
                                struct tamga_detail *detail)
{
    struct judge *judge = context;

    judge->asked++;
    cr_assert_str_eq(shown->name, DEVICE);
    cr_assert(tamga_span_equal(shown->certificate, tamga_span_text(OEM_S)));
    cr_assert(tamga_span_equal(shown->key, judge->key));
    return judge->answer ? tamga_refuse(detail, judge->answer, "so says the judge") : TAMGA_OK;
}

static enum tamga_err device_open(struct town *town, enum tamga_key_type type,
                                  struct tamga_detail *detail)
{
    struct tamga_tls_device device = {.ca = town->ca, .crl = town->crl,
                                      .certificate = tamga_span_text(OEM_S),
                                      .network = town->authority.network, .name = DEVICE};

    cr_assert_eq(tamga_private_key_generate(&town->key, type), TAMGA_OK);
    device.key = town->key;
    return tamga_tls_open_device(&town->device, &device, detail);
}

static void town_open(struct town *town, enum tamga_key_type type)
{
    struct tamga_detail detail = {""};

    memset(town, 0, sizeof *town);
    authority_open(&town->authority, 1);
    authority_member(&town->authority, "gw-1", TAMGA_TLS_GATEWAY, -DAY_S, YEAR_S);
    town->gateway = authority_tls(&town->authority, "gw-1");
    snprintf(town->ca, sizeof town->ca, "%s/ca.crt", town->authority.folder);
    snprintf(town->crl, sizeof town->crl, "%s/ca.crl", town->authority.folder);
    cr_assert_eq(device_open(town, type, &detail), TAMGA_OK, "%s", detail.text);
}

static void town_close(struct town *town)
{
    tamga_tls_close(town->device);
    tamga_tls_close(town->gateway);
    tamga_private_key_free(town->key);
    authority_close(&town->authority);
}

static struct tamga_span key_of(const struct town *town)
{
    return tamga_public_key_spki(tamga_private_key_public(town->key));
}

static const struct tamga_tls_want a_gateway = {.roles = TAMGA_TLS_GATEWAY};

static void link_twice(enum tamga_key_type type)
{
    struct tamga_tls_ticket ticket = {0};
    struct tamga_tls_identity self;
    struct judge judge = {0};
    struct tamga_tls_want caller = {.roles = TAMGA_TLS_CONSORTIUM, /* of members only */
                                    .device = on_device, .context = &judge};
    struct town town;
    struct pair pair;

    town_open(&town, type);
    judge.key = key_of(&town);
    tamga_tls_self(town.device, &self);
    cr_assert_str_eq(self.name, DEVICE);
    for (unsigned i = 0; i < 2; i++) {
        pair_shake(&pair, town.gateway, town.device, &a_gateway, &caller, &ticket);
        cr_assert_eq(pair.server_step, TAMGA_TLS_DONE);
        cr_assert_eq(pair.client_step, TAMGA_TLS_READ);
        cr_assert_eq(tamga_tls_session_resumed(pair.server), i == 1);
        cr_assert_eq(judge.asked, i + 1);
        cr_assert_str_eq(tamga_tls_session_peer(pair.server)->name, DEVICE);
        cr_assert_eq(tamga_tls_session_peer(pair.server)->roles, TAMGA_TLS_DEVICE);
        cr_assert_str_eq(tamga_tls_session_peer(pair.client)->name, "gw-1");
        if (i == 0)
            pair_close(&pair);
    }
    judge.answer = TAMGA_E_CERTIFICATE_EXPIRED;
    cr_assert_eq(tamga_tls_session_judge(pair.server), TAMGA_E_CERTIFICATE_EXPIRED);
    pair_close(&pair);
    tamga_tls_ticket_clear(&ticket);
    town_close(&town);
}

/*
 * Goal:   a device links by its own key, of each type, and the gateway knows who it is: when
 *         it comes for the first time, and when it resumes.
 * Method: two handshakes with one ticket; the judge sees the OEM's bytes and the key.
 */
Test(tls_device, links_by_its_own_key)
{
    static const enum tamga_key_type type[] = {TAMGA_KEY_P256, TAMGA_KEY_RSA3072,
                                               TAMGA_KEY_ED25519};

    for (size_t i = 0; i < sizeof type / sizeof type[0]; i++)
        link_twice(type[i]);
}

/*
 * Goal:   whoever does not take devices refuses them before it looks at what they show; who
 *         takes them refuses what its judge refuses, with that code, and tells nearly why.
 * Method: no judge; three verdicts; the alert at the other end.
 */
Test(tls_device, is_refused_with_the_reason)
{
    struct tamga_detail detail;
    struct judge judge = {0};
    struct tamga_tls_want none = {0}, caller = {.device = on_device, .context = &judge};
    const struct {
        enum tamga_err verdict;
        const char *alert;
    } row[] = {{TAMGA_E_CERTIFICATE_EXPIRED, "certificate expired"},
               {TAMGA_E_BAD_CERTIFICATE, "handshake failure"},
               {TAMGA_E_ISSUER_NOT_OEM, "handshake failure"}};
    struct town town;
    struct pair pair;

    town_open(&town, TAMGA_KEY_P256);
    judge.key = key_of(&town);
    pair_shake(&pair, town.gateway, town.device, &a_gateway, &none, NULL);
    cr_assert_eq(tamga_tls_session_err(pair.server, &detail), TAMGA_E_LINK_ROLE);
    cr_assert_not_null(strstr(detail.text, DEVICE " is a device"), "%s", detail.text);
    cr_assert_eq(tamga_tls_session_err(pair.client, NULL), TAMGA_E_LINK_REFUSED);
    pair_close(&pair);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        judge.answer = row[i].verdict;
        pair_shake(&pair, town.gateway, town.device, &a_gateway, &caller, NULL);
        cr_assert_eq(tamga_tls_session_err(pair.server, &detail), row[i].verdict);
        cr_assert_str_eq(detail.text, "so says the judge");
        cr_assert_eq(tamga_tls_session_err(pair.client, &detail), TAMGA_E_LINK_REFUSED);
        cr_assert_not_null(strstr(detail.text, row[i].alert), "%s", detail.text);
        pair_close(&pair);
    }
    town_close(&town);
}

/*
 * Goal:   a device holds the gateway against the network's CA, the role, and the list that it
 *         read last.
 * Method: a consortium node in the gateway's place, and the device itself; the gateway revoked,
 *         before and after the device reads its files again.
 */
Test(tls_device, judges_the_gateway)
{
    struct judge judge = {0};
    struct tamga_tls_want caller = {.device = on_device, .context = &judge};
    struct town town;
    struct pair pair;

    town_open(&town, TAMGA_KEY_P256);
    judge.key = key_of(&town);
    authority_member(&town.authority, "node", TAMGA_TLS_CONSORTIUM, -DAY_S, YEAR_S);
    struct tamga_tls *node = authority_tls(&town.authority, "node");
    pair_shake(&pair, node, town.device, &a_gateway, &caller, NULL);
    cr_assert_eq(tamga_tls_session_err(pair.client, NULL), TAMGA_E_LINK_ROLE);
    pair_close(&pair);
    pair_shake(&pair, town.device, town.device, &a_gateway, &caller, NULL);
    cr_assert_eq(tamga_tls_session_err(pair.client, NULL), TAMGA_E_LINK_ROLE);
    pair_close(&pair);
    authority_revoke(&town.authority, "gw-1", 0);
    pair_shake(&pair, town.gateway, town.device, &a_gateway, &caller, NULL);
    cr_assert_eq(pair.client_step, TAMGA_TLS_READ, "nothing was read again");
    pair_close(&pair);
    cr_assert_eq(tamga_tls_reload(town.device, NULL), TAMGA_OK);
    pair_shake(&pair, town.gateway, town.device, &a_gateway, &caller, NULL);
    cr_assert_eq(tamga_tls_session_err(pair.client, NULL), TAMGA_E_LINK_REVOKED);
    pair_close(&pair);
    tamga_tls_close(node);
    town_close(&town);
}

/*
 * Goal:   a device may show a certificate of the CA instead; then no judge is asked, and where
 *         no devices are taken it is refused like any.
 * Method: one issued under a device's name, with and without a judge.
 */
Test(tls_device, links_by_the_networks_certificate)
{
    struct judge judge = {0};
    struct tamga_tls_want none = {0}, caller = {.device = on_device, .context = &judge};
    struct tamga_tls_issuer issuer;
    struct tamga_tls_identity identity = {.name = DEVICE, .roles = TAMGA_TLS_DEVICE};
    char cert[96], key[96];
    struct town town;
    struct pair pair;
    TAMGA_BUF pem = {0};
    FILE *file;

    town_open(&town, TAMGA_KEY_P256);
    issuer = (struct tamga_tls_issuer){.key = town.authority.key,
                                       .cert = tamga_buf_span(&town.authority.cert)};
    identity.network = town.authority.network;
    cr_assert_eq(tamga_tls_issue_member(&pem, &issuer, tamga_private_key_public(town.key),
                                        &identity, time(NULL) - DAY_S, time(NULL) + DAY_S),
                 TAMGA_OK);
    snprintf(cert, sizeof cert, "%s/device.crt", town.authority.folder);
    snprintf(key, sizeof key, "%s/device.key", town.authority.folder);
    file = fopen(cert, "wb");
    cr_assert(file && fwrite(pem.data, 1, pem.len, file) == pem.len && fclose(file) == 0);
    cr_assert_eq(tamga_private_key_save(town.key, key, NULL, NULL), TAMGA_OK);
    tamga_tls_close(town.device);
    town.device = authority_tls(&town.authority, "device");
    pair_shake(&pair, town.gateway, town.device, &a_gateway, &caller, NULL);
    cr_assert_eq(pair.server_step, TAMGA_TLS_DONE);
    cr_assert_str_eq(tamga_tls_session_peer(pair.server)->name, DEVICE);
    cr_assert_eq(judge.asked, 0);
    pair_close(&pair);
    pair_shake(&pair, town.gateway, town.device, &a_gateway, &none, NULL);
    cr_assert_eq(tamga_tls_session_err(pair.server, NULL), TAMGA_E_LINK_ROLE);
    pair_close(&pair);
    town_close(&town);
}

/* ---- forged -------------------------------------------------------------------------- */

static void extend(X509 *cert, X509_EXTENSION *extension)
{
    cr_assert(extension && X509_add_ext(cert, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

/* A self-signed one with any URI, and these bytes in the place of the OEM's. */
static X509 *forge(struct tamga_private_key *key, const char *uri, const char *inside)
{
    EVP_PKEY *pkey = tamga_private_key_pkey(key);
    ASN1_OBJECT *oid = tamga_tls_certificate_oid();
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509 *cert = X509_new();
    char san[TAMGA_TLS_URI_MAX + 8];

    snprintf(san, sizeof san, "URI:%s", uri);
    X509_set_version(cert, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(cert), DAY_S);
    X509_set_pubkey(cert, pkey);
    extend(cert, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san));
    ASN1_OCTET_STRING_set(value, (const unsigned char *)inside, (int)strlen(inside));
    extend(cert, X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value));
    cr_assert(X509_sign(cert, pkey, EVP_sha256()) > 0);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
    return cert;
}

/*
 * Goal:   nobody becomes a member by a certificate of his own making, and what is no OCTET
 *         STRING is nothing that an OEM has signed.
 * Method: forge a member's URI, a device's with bytes that do not fit, and one of another
 *         network, and link with them.
 */
Test(tls_device, makes_nobody_a_member)
{
    struct judge judge = {0};
    struct tamga_tls_want caller = {.device = on_device, .context = &judge};
    struct tamga_tls_identity identity = {.name = "acme", .roles = TAMGA_TLS_OEM};
    static const char *const inside[] = {"\x04\x01x", "x", "\x04\x01xy", "\x04\x7fx",
                                         "\x04\x01x"};
    static const enum tamga_err wanted = TAMGA_E_LINK_FOREIGN;
    char uri[TAMGA_TLS_URI_MAX];
    struct town town;
    struct pair pair;

    town_open(&town, TAMGA_KEY_P256);
    identity.network = town.authority.network;
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        cr_assert_eq(tamga_tls_identity_format(uri, &identity), TAMGA_OK);
        X509_free(town.device->own.cert);
        town.device->own.cert = forge(town.key, uri, inside[i]);
        cr_assert_eq(tamga_tls_reload(town.device, NULL), TAMGA_OK);
        pair_shake(&pair, town.gateway, town.device, &a_gateway, &caller, NULL);
        cr_assert_eq(tamga_tls_session_err(pair.server, NULL), wanted, "row %zu", i);
        pair_close(&pair);
        strcpy(identity.name, DEVICE);
        identity.roles = TAMGA_TLS_DEVICE;
        identity.network.byte[0] ^= i == 3;
    }
    cr_assert_eq(judge.asked, 0);
    town_close(&town);
}
