/*
 * core/crypto/tls.c, tls_identity.c, tls_session.c, tls_issue.c: what opens, what is refused
 * and why, and two sessions over a socket pair. Devices: tls_device_test.c.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pair.h"

#define DAY_S  AUTHORITY_DAY_S
#define YEAR_S (365 * DAY_S)

/*
 * Goal:   an identity is written in one way, and read back from that alone.
 * Method: a good one with two roles; the same with each part wrong.
 */
Test(tls, reads_one_form_of_an_identity)
{
    struct tamga_tls_identity identity = {.name = "node-1",
                                          .roles = TAMGA_TLS_OEM | TAMGA_TLS_CONSORTIUM},
                              again = {0};
    char uri[TAMGA_TLS_URI_MAX], bad[TAMGA_TLS_URI_MAX];
    static const char *const ends[] = {"?roles=oem,consortium", "?roles=consortium,oem,",
                                       "?roles=king", "?roles=oem,oem", "?Roles=oem", "",
                                       "?roles=oem&x=1"};

    memset(identity.network.byte, 0xab, sizeof identity.network.byte);
    cr_assert_eq(tamga_tls_identity_format(uri, &identity), TAMGA_OK);
    cr_assert_not_null(strstr(uri, "/member/node-1?roles=consortium,oem"), "%s", uri);
    cr_assert_eq(tamga_tls_identity_parse(&again, tamga_span_text(uri)), TAMGA_OK);
    cr_assert_str_eq(again.name, "node-1");
    cr_assert_eq(again.roles, identity.roles);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(bad, sizeof bad, "%.*s%s", (int)(strchr(uri, '?') - uri), uri, ends[i]);
        cr_assert_eq(tamga_tls_identity_parse(&again, tamga_span_text(bad)), TAMGA_E_LINK_NAME,
                     "%s", bad);
    }
    identity.roles = TAMGA_TLS_OEM; /* of two, the first alone would be one */
    cr_assert_eq(tamga_tls_identity_format(uri, &identity), TAMGA_OK);
    for (size_t len = 0; len < strlen(uri); len++)
        cr_assert_eq(tamga_tls_identity_parse(&again, tamga_span(uri, len)), TAMGA_E_LINK_NAME);
    strcpy(identity.name, "a/b");
    cr_assert_eq(tamga_tls_identity_format(uri, &identity), TAMGA_E_LINK_NAME);
    identity = (struct tamga_tls_identity){.name = "a", .roles = 16};
    cr_assert_eq(tamga_tls_identity_format(uri, &identity), TAMGA_E_LINK_NAME);
}

/*
 * Goal:   the same of a device.
 * Method: a good one; parts too many, too few, empty, too long; roles beside it.
 */
Test(tls, reads_one_form_of_a_device)
{
    struct tamga_tls_identity identity = {.name = "acme/cam/0001", .roles = TAMGA_TLS_DEVICE},
                              again = {0};
    char uri[TAMGA_TLS_URI_MAX], bad[TAMGA_TLS_URI_MAX], words[TAMGA_TLS_ROLES_MAX];
    static const char *const names[] = {"acme/cam", "acme/cam/", "/cam/1", "acme//1",
                                        "acme/cam/1/2", "acme/cam/1?roles=oem", "acme/c m/1"};

    memset(identity.network.byte, 0xab, sizeof identity.network.byte);
    cr_assert_eq(tamga_tls_identity_format(uri, &identity), TAMGA_OK);
    cr_assert_not_null(strstr(uri, "abab/device/acme/cam/0001"), "%s", uri);
    cr_assert_eq(tamga_tls_identity_parse(&again, tamga_span_text(uri)), TAMGA_OK);
    cr_assert_str_eq(again.name, identity.name);
    cr_assert_eq(again.roles, TAMGA_TLS_DEVICE);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(bad, sizeof bad, "%.*s%s", (int)(strstr(uri, "acme") - uri), uri, names[i]);
        cr_assert_eq(tamga_tls_identity_parse(&again, tamga_span_text(bad)), TAMGA_E_LINK_NAME,
                     "%s", bad);
    }
    snprintf(identity.name, sizeof identity.name, "acme/cam/%065d", 1);
    cr_assert_eq(tamga_tls_identity_format(uri, &identity), TAMGA_E_LINK_NAME);
    identity = (struct tamga_tls_identity){.name = "acme/cam/1",
                                           .roles = TAMGA_TLS_DEVICE | TAMGA_TLS_OEM};
    cr_assert_eq(tamga_tls_identity_format(uri, &identity), TAMGA_E_LINK_NAME);
    tamga_tls_roles_format(words, TAMGA_TLS_DEVICE);
    cr_assert_str_eq(words, "device");
    tamga_tls_roles_format(words, TAMGA_TLS_CONSORTIUM | TAMGA_TLS_GATEWAY | TAMGA_TLS_OEM |
                                      TAMGA_TLS_PROVIDER | TAMGA_TLS_AUDITOR);
    cr_assert_str_eq(words, "auditor,consortium,gateway,oem,provider");
}

static enum tamga_err try(const struct authority *authority, const char *name)
{
    struct tamga_tls *tls = NULL;
    struct tamga_detail detail = {""};
    enum tamga_err err = authority_try(authority, name, &tls, &detail);

    cr_assert(err == TAMGA_OK || detail.text[0] != '\0', "no reason");
    tamga_tls_close(tls);
    return err;
}

static void copy_file(const struct authority *authority, const char *from, const char *to)
{
    char command[256];

    snprintf(command, sizeof command, "cp -p %s/%s %s/%s", authority->folder, from,
             authority->folder, to);
    cr_assert_eq(system(command), 0);
}

/*
 * Goal:   a side does not start with a certificate that its peers would refuse, and says why.
 * Method: expired, not yet valid, revoked, another CA's, another key, no key, no list, a list
 *         out of date, no file; and good ones around them.
 */
Test(tls, opens_only_what_peers_would_take)
{
    struct authority authority, other;

    authority_open(&authority, 1);
    authority_open(&other, 1);
    authority_member(&authority, "good", TAMGA_TLS_OEM, -DAY_S, YEAR_S);
    authority_member(&authority, "late", TAMGA_TLS_OEM, -YEAR_S, -DAY_S);
    authority_member(&authority, "early", TAMGA_TLS_OEM, DAY_S, YEAR_S);
    authority_member(&authority, "gone", TAMGA_TLS_OEM, -DAY_S, YEAR_S);
    cr_assert_eq(try(&authority, "good"), TAMGA_OK);
    cr_assert_eq(try(&authority, "late"), TAMGA_E_LINK_EXPIRED);
    cr_assert_eq(try(&authority, "early"), TAMGA_E_LINK_NOT_YET);
    cr_assert_eq(try(&authority, "gone"), TAMGA_OK);
    authority_revoke(&authority, "gone", DAY_S);
    cr_assert_eq(try(&authority, "gone"), TAMGA_E_LINK_REVOKED);
    cr_assert_eq(try(&authority, "good"), TAMGA_OK);
    cr_assert_eq(try(&authority, "nobody"), TAMGA_E_FILE_IO);
    copy_file(&authority, "good.crt", "nokey.crt");
    cr_assert_eq(try(&authority, "nokey"), TAMGA_E_KEY_FILE);
    copy_file(&authority, "gone.key", "nokey.key");
    cr_assert_eq(try(&authority, "nokey"), TAMGA_E_KEY_FILE);
    authority_revoke(&authority, NULL, -60);
    cr_assert_eq(try(&authority, "good"), TAMGA_E_LINK_CRL);
    copy_file(&authority, "ca.crt", "ca.crl");
    cr_assert_eq(try(&authority, "good"), TAMGA_E_LINK_CRL);
    authority_revoke(&authority, NULL, 0);
    char command[200];
    snprintf(command, sizeof command, "cp %s/ca.crt %s/ca.crt", other.folder, authority.folder);
    cr_assert_eq(system(command), 0);
    cr_assert_eq(try(&authority, "good"), TAMGA_E_LINK_FOREIGN);
    authority_close(&other);
    authority_close(&authority);
}

/*
 * Goal:   the end of a certificate is told 30 days ahead, not 31.
 * Method: one that ends in 40 days, asked at three times.
 */
Test(tls, tells_the_end_ahead)
{
    struct authority authority;
    struct tamga_detail text;

    authority_open(&authority, 1);
    authority_member(&authority, "good", TAMGA_TLS_OEM, -DAY_S, 40 * DAY_S);
    struct tamga_tls *tls = authority_tls(&authority, "good");
    cr_assert_not(tamga_tls_ends_soon(tls, time(NULL), &text));
    cr_assert_not(tamga_tls_ends_soon(tls, time(NULL) + 9 * DAY_S, &text));
    cr_assert(tamga_tls_ends_soon(tls, time(NULL) + 11 * DAY_S, &text));
    cr_assert_not_null(strstr(text.text, "good.crt"), "%s", text.text);
    tamga_tls_close(tls);
    authority_close(&authority);
}

/* ---- sessions -------------------------------------------------------------------- */

/*
 * Goal:   bytes go both ways, and a second session resumes the first; under a new list, what
 *         was revoked does not resume.
 * Method: two handshakes with one ticket; revoke the client, read the files again on the
 *         server, judge the open session, shake hands a third time.
 */
Test(tls, resumes_only_who_is_trusted_still)
{
    static const struct tamga_tls_want anybody;
    struct tamga_tls_ticket ticket = {0};
    struct authority authority;
    uint8_t heard[4];
    size_t len = 4;
    struct pair pair;

    authority_open(&authority, 1);
    authority_member(&authority, "node", TAMGA_TLS_CONSORTIUM, -DAY_S, YEAR_S);
    authority_member(&authority, "acme", TAMGA_TLS_OEM, -DAY_S, YEAR_S);
    struct tamga_tls *server = authority_tls(&authority, "node");
    struct tamga_tls *client = authority_tls(&authority, "acme");
    for (int i = 0; i < 2; i++) {
        pair_shake(&pair, server, client, &anybody, &anybody, &ticket);
        cr_assert_eq(pair.server_step, TAMGA_TLS_DONE);
        cr_assert_eq(pair.client_step, TAMGA_TLS_READ);
        cr_assert_eq(tamga_tls_session_resumed(pair.server), i == 1);
        cr_assert_str_eq(tamga_tls_session_peer(pair.server)->name, "acme");
        cr_assert_str_eq(tamga_tls_session_peer(pair.client)->name, "node");
        len = 4;
        cr_assert_eq(tamga_tls_session_write(pair.client, (const uint8_t *)"ping", &len),
                     TAMGA_TLS_DONE);
        cr_assert_eq(tamga_tls_session_read(pair.server, heard, &len), TAMGA_TLS_DONE);
        cr_assert_eq(memcmp(heard, "ping", 4), 0);
        if (i == 0)
            pair_close(&pair);
    }
    authority_revoke(&authority, "acme", 0);
    cr_assert_eq(tamga_tls_session_judge(pair.server), TAMGA_OK, "nothing was read again");
    cr_assert_eq(tamga_tls_reload(server, NULL), TAMGA_OK);
    cr_assert_eq(tamga_tls_session_judge(pair.server), TAMGA_E_LINK_REVOKED);
    pair_close(&pair);
    pair_shake(&pair, server, client, &anybody, &anybody, &ticket);
    cr_assert_eq(pair.server_step, TAMGA_TLS_FAILED);
    cr_assert_eq(tamga_tls_session_err(pair.server, NULL), TAMGA_E_LINK_REVOKED);
    pair_close(&pair);
    tamga_tls_ticket_clear(&ticket);
    tamga_tls_close(client);
    tamga_tls_close(server);
    authority_close(&authority);
}

/*
 * Goal:   a session whose connection was lost is resumed, over and over.
 * Method: five times: shake hands, then the server's end is closed without a word; once, the
 *         client's end is lost in the handshake. Each but the first resumes.
 */
Test(tls, resumes_what_was_lost)
{
    static const struct tamga_tls_want anybody;
    struct tamga_tls_ticket ticket = {0};
    struct authority authority;
    struct pair pair;
    uint8_t byte;
    size_t len;

    signal(SIGPIPE, SIG_IGN); /* who uses a session blocks or ignores it */
    authority_open(&authority, 1);
    authority_member(&authority, "node", TAMGA_TLS_CONSORTIUM, -DAY_S, YEAR_S);
    struct tamga_tls *tls = authority_tls(&authority, "node");
    for (int i = 0; i < 5; i++) {
        pair_shake(&pair, tls, tls, &anybody, &anybody, &ticket);
        cr_assert_eq(pair.client_step, TAMGA_TLS_READ);
        cr_assert_eq(tamga_tls_session_resumed(pair.client), i > 0, "%d", i);
        shutdown(pair.fd[0], SHUT_RDWR);
        len = 1;
        cr_assert_eq(tamga_tls_session_read(pair.client, &byte, &len), TAMGA_TLS_FAILED);
        cr_assert_eq(tamga_tls_session_err(pair.client, NULL), TAMGA_E_UNREACHABLE);
        pair_close(&pair);
        if (i == 2) {
            cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.fd), 0);
            cr_assert_eq(tamga_tls_session_new(&pair.client, tls, pair.fd[1], false, &anybody,
                                               &ticket), TAMGA_OK);
            cr_assert_eq(tamga_tls_session_shake(pair.client), TAMGA_TLS_READ);
            close(pair.fd[0]);
            cr_assert_eq(tamga_tls_session_shake(pair.client), TAMGA_TLS_FAILED);
            tamga_tls_session_free(pair.client);
            close(pair.fd[1]);
        }
    }
    tamga_tls_ticket_clear(&ticket);
    tamga_tls_close(tls);
    authority_close(&authority);
}

/*
 * Goal:   each side's wishes are held against the other's certificate, with exact reasons.
 * Method: wrong name, wrong role, on either side; another network under the same CA; expired
 *         and revoked peers come raw in tests/unit/core/net/gate_test.c.
 */
Test(tls, holds_wishes_against_certificates)
{
    static const struct tamga_tls_want anybody, acme = {.name = "acme"}, bolt = {.name = "bolt"},
                                       oem = {.roles = TAMGA_TLS_OEM},
                                       gateway = {.roles = TAMGA_TLS_GATEWAY};
    struct authority authority;
    struct pair pair;

    authority_open(&authority, 1);
    authority_member(&authority, "node", TAMGA_TLS_CONSORTIUM, -DAY_S, YEAR_S);
    authority_member(&authority, "acme", TAMGA_TLS_OEM, -DAY_S, YEAR_S);
    authority.network.byte[0] ^= 1;
    authority_member(&authority, "elsewhere", TAMGA_TLS_OEM, -DAY_S, YEAR_S);
    struct tamga_tls *server = authority_tls(&authority, "node");
    struct tamga_tls *client = authority_tls(&authority, "acme");
    struct tamga_tls *elsewhere = authority_tls(&authority, "elsewhere");
    const struct {
        struct tamga_tls *client;
        const struct tamga_tls_want *wanted, *caller;
        enum tamga_err server_err, client_err;
    } row[] = {
        {client, &anybody, &acme, TAMGA_OK, TAMGA_OK},
        {client, &anybody, &oem, TAMGA_OK, TAMGA_OK},
        {client, &anybody, &bolt, TAMGA_E_LINK_NAME, TAMGA_E_LINK_REFUSED},
        {client, &anybody, &gateway, TAMGA_E_LINK_ROLE, TAMGA_E_LINK_REFUSED},
        {client, &bolt, &anybody, TAMGA_E_LINK_REFUSED, TAMGA_E_LINK_NAME},
        {client, &gateway, &anybody, TAMGA_E_LINK_REFUSED, TAMGA_E_LINK_ROLE},
        {elsewhere, &anybody, &anybody, TAMGA_E_LINK_REFUSED, TAMGA_E_LINK_FOREIGN},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        pair_shake(&pair, server, row[i].client, row[i].wanted, row[i].caller, NULL);
        cr_assert_eq(tamga_tls_session_err(pair.server, NULL), row[i].server_err, "row %zu", i);
        cr_assert_eq(tamga_tls_session_err(pair.client, NULL), row[i].client_err, "row %zu", i);
        pair_close(&pair);
    }
    tamga_tls_close(elsewhere);
    tamga_tls_close(client);
    tamga_tls_close(server);
    authority_close(&authority);
}

/*
 * Goal:   peers that show nothing or speak something else are refused with their own codes.
 * Method: a raw client without a certificate, over TLS 1.3; one of TLS 1.2; plain text.
 */
Test(tls, names_strangers)
{
    static const struct tamga_tls_want anybody;
    static const int version[] = {TLS1_3_VERSION, TLS1_2_VERSION, 0};
    static const enum tamga_err wanted[] = {TAMGA_E_LINK_NO_CERTIFICATE, TAMGA_E_LINK_PROTOCOL,
                                            TAMGA_E_LINK_PROTOCOL};
    struct authority authority;

    authority_open(&authority, 1);
    authority_member(&authority, "node", TAMGA_TLS_CONSORTIUM, -DAY_S, YEAR_S);
    struct tamga_tls *tls = authority_tls(&authority, "node");
    for (size_t i = 0; i < 3; i++) {
        SSL_CTX *context = version[i] ? authority_raw(&authority, NULL, version[i]) : NULL;
        SSL *ssl = context ? SSL_new(context) : NULL;
        struct tamga_tls_session *server = NULL;
        enum tamga_tls_step step = TAMGA_TLS_READ;
        int fd[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
        cr_assert_eq(tamga_tls_session_new(&server, tls, fd[0], true, &anybody, NULL), TAMGA_OK);
        if (ssl)
            SSL_set_fd(ssl, fd[1]);
        else
            cr_assert_eq(send(fd[1], "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
        for (int turn = 0; turn < 10 && step == TAMGA_TLS_READ; turn++) {
            if (ssl)
                SSL_connect(ssl);
            step = tamga_tls_session_shake(server);
        }
        cr_assert_eq(step, TAMGA_TLS_FAILED);
        cr_assert_eq(tamga_tls_session_err(server, NULL), wanted[i], "%zu", i);
        tamga_tls_session_free(server);
        SSL_free(ssl);
        SSL_CTX_free(context);
        close(fd[0]);
        close(fd[1]);
    }
    tamga_tls_close(tls);
    authority_close(&authority);
}
