/* Tests of core/net/admit.c: each limit, hit through real sockets, plain and behind a gate. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "town.h"

#define CALLS_MAX 16

static struct tamga_rpc_counters counters_of(const struct fixture *fixture)
{
    struct tamga_rpc_counters counters;

    tamga_rpc_server_counters(fixture->server, &counters);
    return counters;
}

/* Calls until one is limited; how many were answered. */
static unsigned calls_until_limited(struct tamga_channel *channel, struct tamga_detail *detail)
{
    unsigned answered = 0;
    enum tamga_err err;

    while ((err = fixture_get(channel, "x", 5000, NULL, detail)) == TAMGA_OK)
        cr_assert_lt(++answered, CALLS_MAX, "no limit");
    cr_assert_eq(err, TAMGA_E_RATE_LIMITED, "%s", tamga_err_name(err));
    return answered;
}

static bool is_answered(void *channel)
{
    return fixture_get(channel, "x", 5000, NULL, NULL) == TAMGA_OK;
}

/*
 * Goal:   a connection has its requests a second; above them it is told how long to wait;
 *         then it is served again. Others are not touched.
 * Method: a burst of three, one a second; a second connection; wait.
 */
Test(shares, requests_of_a_connection, .timeout = 60)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_channel *other = NULL;
    struct tamga_detail detail = {""};
    unsigned wait_ms = 0;

    options.limits.connection = (struct tamga_limit){.requests_per_s = 1, .requests_burst = 3};
    fixture_open(&fixture, &options);
    cr_assert_geq(calls_until_limited(fixture.channel, &detail), 3);
    cr_assert_eq(sscanf(detail.text, "this connection may have 1 requests a second; wait %u ms",
                        &wait_ms), 1, "%s", detail.text);
    cr_assert(wait_ms >= 1 && wait_ms <= 1000, "%u", wait_ms);
    cr_assert_eq(tamga_channel_open(&other, tamga_rpc_server_addr(fixture.server), NULL),
                 TAMGA_OK);
    cr_assert_eq(fixture_get(other, "x", 5000, NULL, NULL), TAMGA_OK);
    cr_assert(fixture_wait(is_answered, fixture.channel, 10000));
    cr_assert_geq(counters_of(&fixture).limited[TAMGA_LIMIT_CONNECTION][TAMGA_LIMIT_REQUESTS],
                  1);
    cr_assert_geq(counters_of(&fixture).requests, 5);
    tamga_channel_close(other);
    fixture_close(&fixture);
}

/*
 * Goal:   bytes are limited each way: one message of any size, then a pause.
 * Method: a Put of 100 KB at 1,000 B/s, then a Get; a Get of 2 MiB at 1,000 B/s, another.
 */
Test(shares, bytes_of_a_connection, .timeout = 60)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_detail detail = {""};
    struct tamga_rpc_counters counters;

    options.limits.connection = (struct tamga_limit){.bytes_in_per_s = 1000};
    fixture_open(&fixture, &options);
    cr_assert_eq(fixture_put(fixture.channel, 100000, NULL), TAMGA_OK);
    cr_assert_eq(fixture_get(fixture.channel, "x", 5000, NULL, &detail), TAMGA_E_RATE_LIMITED);
    cr_assert_not_null(strstr(detail.text, "may have 1000 bytes a second"), "%s", detail.text);
    counters = counters_of(&fixture);
    cr_assert_eq(counters.limited[TAMGA_LIMIT_CONNECTION][TAMGA_LIMIT_BYTES_IN], 1);
    cr_assert(counters.bytes_in > 100000 && counters.bytes_in < 101000);
    fixture_close(&fixture);
    options.limits.connection = (struct tamga_limit){.bytes_out_per_s = 1000};
    fixture_open(&fixture, &options);
    cr_assert_eq(fixture_get(fixture.channel, "big", 5000, NULL, NULL), TAMGA_OK);
    cr_assert_eq(fixture_get(fixture.channel, "x", 5000, NULL, &detail), TAMGA_E_RATE_LIMITED);
    cr_assert_not_null(strstr(detail.text, "1000 bytes of answers a second"), "%s", detail.text);
    cr_assert_geq(counters_of(&fixture).bytes_out, FIXTURE_BIG_BYTES);
    fixture_close(&fixture);
}

/*
 * Goal:   over plain tcp, all connections of an address share its limits, and coming back
 *         clears nothing.
 * Method: 2 MiB at 1,000 B/s through one connection; a second one, then a third after all
 *         have gone, are limited.
 */
Test(shares, of_an_address, .timeout = 60)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_channel *other = NULL;
    struct tamga_detail detail = {""};

    options.limits.address = (struct tamga_limit){.bytes_out_per_s = 1000};
    fixture_open(&fixture, &options);
    cr_assert_eq(fixture_get(fixture.channel, "big", 5000, NULL, NULL), TAMGA_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(tamga_channel_open(&other, tamga_rpc_server_addr(fixture.server), NULL),
                     TAMGA_OK);
        cr_assert_eq(fixture_get(other, "x", 5000, NULL, &detail), TAMGA_E_RATE_LIMITED);
        cr_assert_not_null(strstr(detail.text, "this address may have 1000 bytes of answers"));
        tamga_channel_close(other);
        tamga_channel_close(fixture.channel);
        fixture.channel = NULL;
    }
    fixture_close(&fixture);
}

static void *get_held(void *channel)
{
    cr_assert_eq(fixture_get(channel, "hold", 30000, NULL, NULL), TAMGA_OK);
    return NULL;
}

/*
 * Goal:   a member has one share, over all its connections; others have their own; by its
 *         certificate, whatever its address.
 * Method: two connections of acme hold a call each, of at most two; a third is limited, a
 *         gateway's is not; then requests a second, and bytes, in the same way.
 */
Test(shares, of_a_member, .timeout = 60)
{
    struct tamga_rpc_server_options options = fixture_options();
    struct town town;
    struct tamga_channel *second = NULL;
    struct fixture_call *held[2];
    struct tamga_detail detail = {""};
    pthread_t caller[2];

    options.limits.member = (struct tamga_limit){.concurrent = 2};
    town_open_with(&town, &options);
    authority_member(&town.authority, "gw-1", TAMGA_TLS_GATEWAY, -60, AUTHORITY_DAY_S);
    struct tamga_tls *gateway = authority_tls(&town.authority, "gw-1");
    cr_assert_eq(tamga_channel_open_link(&second, town.addr, &town.client_link, NULL), TAMGA_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_create(&caller[i], NULL, get_held,
                                    i ? second : town.fixture.channel), 0);
        cr_assert_not_null(held[i] = fixture_held(&town.fixture));
    }
    cr_assert_eq(town_ask(&town, town.client_tls, NULL, 0, &detail), TAMGA_E_RATE_LIMITED);
    cr_assert_str_eq(detail.text, "this member has 2 requests in work and may not have more; "
                                  "wait for an answer");
    cr_assert_eq(town_ask(&town, gateway, NULL, 0, NULL), TAMGA_OK);
    for (int i = 0; i < 2; i++)
        fixture_complete(held[i], "done");
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pthread_join(caller[i], NULL), 0);
    cr_assert_eq(town_ask(&town, town.client_tls, NULL, 0, NULL), TAMGA_OK);
    cr_assert_eq(counters_of(&town.fixture).limited[TAMGA_LIMIT_MEMBER][TAMGA_LIMIT_CONCURRENT],
                 1);
    tamga_channel_close(second);
    options.limits.member = (struct tamga_limit){.requests_per_s = 1, .requests_burst = 4,
                                                 .bytes_in_per_s = 1000};
    town_serve_again(&town, &options);
    cr_assert_eq(tamga_channel_open_link(&second, town.addr, &town.client_link, NULL), TAMGA_OK);
    cr_assert_geq(calls_until_limited(town.fixture.channel, &detail), 4);
    cr_assert_not_null(strstr(detail.text, "this member may have 1 requests a second"));
    cr_assert(fixture_wait(is_answered, second, 10000), "it is the same share");
    while (fixture_put(second, 100000, NULL) != TAMGA_OK)
        continue; /* the next of its one request a second */
    cr_assert_eq(town_ask(&town, town.client_tls, NULL, 0, &detail), TAMGA_E_RATE_LIMITED);
    cr_assert_eq(town_ask(&town, gateway, NULL, 0, NULL), TAMGA_OK);
    tamga_channel_close(second);
    tamga_tls_close(gateway);
    town_close(&town);
}

/* ---- devices ---------------------------------------------------------------------- */

#define PART "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff0123"

static enum tamga_err anybody(void *context, const struct tamga_tls_shown *shown,
                              struct tamga_detail *detail)
{
    (void)context;
    (void)shown;
    (void)detail;
    return TAMGA_OK;
}

static struct tamga_tls *device_tls(const struct town *town, const char *name,
                                    const struct tamga_private_key *key)
{
    char ca[160], crl[160];
    struct tamga_tls_device device = {.ca = ca, .crl = crl, .key = key, .name = name,
                                      .certificate = tamga_span_text("an OEM's"),
                                      .network = town->authority.network};
    struct tamga_tls *tls = NULL;

    snprintf(ca, sizeof ca, "%s/ca.crt", town->authority.folder);
    snprintf(crl, sizeof crl, "%s/ca.crl", town->authority.folder);
    cr_assert_eq(tamga_tls_open_device(&tls, &device, NULL), TAMGA_OK);
    return tls;
}

/*
 * Goal:   a device has a share of its own, over all its connections, told from another one's
 *         by the whole of its name, however long; and calls nothing that is for members.
 * Method: two devices whose names of full length differ in the last letter; 2 MiB at 1,000 B/s
 *         to the first; a service that devices may call, then one that they may not.
 */
Test(shares, of_a_device, .timeout = 60)
{
    static const char first[] = PART "/" PART "/" PART;
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_private_key *key = NULL;
    struct tamga_detail detail = {""};
    struct tamga_tls *tls[2];
    struct town town;
    char second[] = PART "/" PART "/" PART;

    town_open(&town);
    fixture_close(&town.fixture);
    options.listen = "tls+tcp://127.0.0.1:0";
    options.link = &town.server_link;
    options.limits.device = (struct tamga_limit){.bytes_out_per_s = 1000};
    town.server_link.want.device = anybody;
    fixture_open_for(&town.fixture, &options, &town.client_link, "/tamga.v1.ContentService/Get",
                     TAMGA_TLS_DEVICE);
    town.addr = tamga_rpc_server_addr(town.fixture.server);
    cr_assert_eq(tamga_private_key_generate(&key, TAMGA_KEY_P256), TAMGA_OK);
    second[sizeof second - 2] = 'X';
    tls[0] = device_tls(&town, first, key);
    tls[1] = device_tls(&town, second, key);
    struct tamga_net_link link = {.tls = tls[0]};
    struct tamga_channel *channel = NULL;
    cr_assert_eq(tamga_channel_open_link(&channel, town.addr, &link, NULL), TAMGA_OK);
    cr_assert_eq(fixture_put(channel, 1, &detail), TAMGA_E_ROLE_DENIED);
    cr_assert_not_null(strstr(detail.text, "0123 is device; callers are"), "%s", detail.text);
    cr_assert_eq(fixture_get(channel, "big", 5000, NULL, &detail), TAMGA_OK, "%s", detail.text);
    cr_assert_eq(town_ask(&town, tls[0], NULL, 0, &detail), TAMGA_E_RATE_LIMITED);
    cr_assert_not_null(strstr(detail.text, "this device may have 1000 bytes of answers"));
    cr_assert_eq(town_ask(&town, tls[1], NULL, 0, &detail), TAMGA_OK, "%s", detail.text);
    cr_assert_eq(counters_of(&town.fixture).limited[TAMGA_LIMIT_DEVICE][TAMGA_LIMIT_BYTES_OUT],
                 1);
    cr_assert_eq(town_ask(&town, town.client_tls, NULL, 0, &detail), TAMGA_E_ROLE_DENIED);
    tamga_channel_close(channel);
    for (int i = 0; i < 2; i++)
        tamga_tls_close(tls[i]);
    tamga_private_key_free(key);
    town_close(&town);
}

/*
 * Goal:   a member that has gone leaves no request of its in the count for ever.
 * Method: a raw member asks to be held and goes; then the call is completed: its one place
 *         is free again, not before.
 */
Test(shares, come_back_from_who_has_gone, .timeout = 60)
{
    struct tamga_rpc_server_options options = fixture_options();
    struct fixture fixture;
    struct fixture_call *held;
    TAMGA_BUF request = {0};

    options.limits.address = (struct tamga_limit){.concurrent = 1};
    fixture_open(&fixture, &options);
    int fd = raw_requester(fixture_port(tamga_rpc_server_addr(fixture.server)));
    raw_get(&request, "hold", 1, 30000);
    cr_assert(raw_send(fd, 1, tamga_buf_span(&request)));
    cr_assert_not_null(held = fixture_held(&fixture));
    close(fd);
    cr_assert_eq(fixture_get(fixture.channel, "x", 5000, NULL, NULL), TAMGA_E_RATE_LIMITED);
    fixture_complete(held, "done");
    cr_assert(fixture_wait(is_answered, fixture.channel, 10000));
    cr_assert(is_answered(fixture.channel), "it counted below zero");
    fixture_close(&fixture);
}

static bool is_counted(void *fixture)
{
    return counters_of(fixture).cut_off >= 1;
}

/*
 * Goal:   whoever goes on above its limit without a pause is cut off.
 * Method: a raw peer asks in lots of 64 and reads all answers, until it is hung up on.
 */
Test(shares, cut_off_who_does_not_heed, .timeout = 60)
{
    struct tamga_rpc_server_options options = fixture_options();
    struct fixture fixture;
    TAMGA_BUF request = {0}, answer = {0};
    bool open = true;
    unsigned asked = 0;

    options.limits.connection = (struct tamga_limit){.requests_per_s = 1};
    options.send_timeout_ms = 5000;
    fixture_open(&fixture, &options);
    int fd = raw_requester(fixture_port(tamga_rpc_server_addr(fixture.server)));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    while (open && asked < 1000000) {
        for (uint8_t i = 0; open && i < 64; i++) {
            raw_get(&request, "x", i, 5000); /* a second one of an id in work gets no answer */
            open = raw_send(fd, ++asked, tamga_buf_span(&request));
        }
        for (uint32_t i = 0; open && i < 64; i++)
            open = raw_receive(fd, &answer);
    }
    cr_assert(!open, "not cut off");
    cr_assert_gt(asked, 9000, "too soon");
    cr_assert(fixture_wait(is_counted, &fixture, 10000), "nobody counted it");
    cr_assert_eq(fixture_get(fixture.channel, "x", 5000, NULL, NULL), TAMGA_OK);
    close(fd);
    fixture_close(&fixture);
}
