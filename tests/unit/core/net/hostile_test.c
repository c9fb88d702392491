/*
 * Tests of core/net/server.c, call.c, channel.c and envelope.c: peers that send garbage,
 * say nothing, go away, or never read.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"
#include "net/clock.h"

/* The code in a raw answer; TAMGA_OK if it is an answer proper. */
static enum tamga_err raw_code(int fd)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
    TAMGA_BUF answer = {0};

    cr_assert(raw_receive(fd, &answer), "no answer");
    cr_assert_eq(tamga_wire_unpack(&message, &tamga__v1__rpc_response__descriptor,
                                   TAMGA_WIRE_LOOSE, tamga_buf_span(&answer), NULL), TAMGA_OK);
    const Tamga__V1__RpcResponse *response = (const void *)message;
    return response->details ? tamga_err_from_code(response->details->code) : TAMGA_OK;
}

static enum tamga_err raw_ask(int fd, struct tamga_span body)
{
    cr_assert(raw_send(fd, 1, body));
    return raw_code(fd);
}

/*
 * Goal:   every malformed envelope is answered with its code; the connection and the
 *         server go on.
 * Method: a good envelope cut at every length, with every bit flipped, with a field
 *         too many, without an id, with garbage inside; then the good one.
 */
Test(hostile, answers_garbage_with_its_code, .timeout = 60)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    Tamga__V1__RpcRequest bare = TAMGA__V1__RPC_REQUEST__INIT;
    TAMGA_BUF good = {0}, bad = {0};
    unsigned taken = 0;

    fixture_open(&fixture, &options);
    int fd = raw_requester(fixture_port(tamga_rpc_server_addr(fixture.server)));
    raw_get(&good, "fail", 3, 5000);
    for (size_t len = 0; len < good.len; len++)
        taken += raw_ask(fd, tamga_span(good.data, len)) == TAMGA_OK;
    cr_assert_eq(taken, 1, "only the cut before the payload leaves a whole message");
    cr_assert_eq(tamga_buf_set(&bad, tamga_buf_span(&good)), TAMGA_OK);
    for (size_t bit = 0; bit < 8 * bad.len; bit++) {
        bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert(raw_send(fd, 1, tamga_buf_span(&bad)));
        (void)raw_code(fd); /* a flipped cid or deadline is a good request */
        bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_assert_eq(raw_ask(fd, tamga_span("\x0a\x7f", 2)), TAMGA_E_TRUNCATED);
    cr_assert_eq(raw_ask(fd, tamga_span("\x7a\x00", 2)), TAMGA_E_UNKNOWN_FIELD);
    cr_assert_eq(raw_ask(fd, tamga_span(NULL, 0)), TAMGA_E_MISSING_FIELD);
    bare.method = (char *)(uintptr_t) "/tamga.v1.ContentService/Get";
    bare.request_id = tamga_wire_bytes(tamga_span("0123456789abcdef", 16));
    bare.payload = tamga_wire_bytes(tamga_span("\x0a\x05hi", 4));
    tamga_buf_clear(&bad);
    cr_assert_eq(tamga_wire_pack(&bad, &bare.base), TAMGA_OK);
    cr_assert_eq(raw_ask(fd, tamga_buf_span(&bad)), TAMGA_E_TRUNCATED, "payload cut short");
    cr_assert_eq(raw_ask(fd, tamga_buf_span(&good)), TAMGA_E_NOT_FOUND);
    close(fd);
    fixture_close(&fixture);
}

/*
 * Goal:   no method's name that is not one finds anything.
 * Method: names without a slash, with too many, of half a service.
 */
Test(hostile, refuses_odd_methods)
{
    static const char *const odd[] = {"", "/", "//", "Get", "/tamga.v1.ContentService",
                                      "/tamga.v1.ContentService/", "tamga.v1.ContentService/Get",
                                      "/tamga.v1.ContentService/Get/", "/tamga.v1.Content/Get",
                                      "/tamga.v1.ContentService/get"};
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    TAMGA_BUF request = {0};

    fixture_open(&fixture, &options);
    int fd = raw_requester(fixture_port(tamga_rpc_server_addr(fixture.server)));
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        Tamga__V1__RpcRequest envelope = TAMGA__V1__RPC_REQUEST__INIT;

        envelope.method = (char *)(uintptr_t)odd[i];
        envelope.request_id = tamga_wire_bytes(tamga_span("0123456789abcdef", 16));
        tamga_buf_clear(&request);
        cr_assert_eq(tamga_wire_pack(&request, &envelope.base), TAMGA_OK);
        cr_assert_eq(raw_ask(fd, tamga_buf_span(&request)), TAMGA_E_NO_METHOD, "%s", odd[i]);
    }
    close(fd);
    fixture_close(&fixture);
}

/* ---- connections ------------------------------------------------------------- */

#define STRANGERS 500

struct count {
    unsigned base;
};

static bool fd_count_is_base(void *context)
{
    return fixture_fd_count(0) <= ((struct count *)context)->base;
}

/* Five kinds: silent, half a handshake, garbage, too long a message, reset. */
static int stranger(uint16_t port, int kind)
{
    static const uint8_t half[3] = {0, 'S', 'P'};
    static const uint8_t garbage[64] = "GET / HTTP/1.1\r\nHost: tamga\r\n\r\n";
    static const uint8_t length[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const struct linger reset = {.l_onoff = 1};
    int fd = kind == 3 ? raw_requester(port) : raw_connect(port);

    if (kind == 1)
        (void)!send(fd, half, sizeof half, MSG_NOSIGNAL);
    if (kind == 2)
        (void)!send(fd, garbage, sizeof garbage, MSG_NOSIGNAL);
    if (kind == 3)
        (void)!send(fd, length, sizeof length, MSG_NOSIGNAL);
    if (kind == 4) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
        return -1;
    }
    return fd;
}

/*
 * Goal:   strangers that never become clients neither stop the server nor cost it a
 *         descriptor for good.
 * Method: 500 connections of five kinds; a good call works while they are there; they
 *         go, and the number of descriptors comes back to what it was.
 */
Test(hostile, survives_strangers, .timeout = 120)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    struct count count;
    int fd[STRANGERS];

    options.pipes_max = 1000;
    fixture_open(&fixture, &options);
    cr_assert_eq(fixture_get(fixture.channel, "before", 5000, NULL, NULL), TAMGA_OK);
    count.base = fixture_fd_count(0);
    for (int i = 0; i < STRANGERS; i++)
        fd[i] = stranger(fixture_port(tamga_rpc_server_addr(fixture.server)), i % 5);
    cr_assert_eq(fixture_get(fixture.channel, "during", 5000, NULL, NULL), TAMGA_OK);
    for (int i = 0; i < STRANGERS; i++)
        if (fd[i] >= 0)
            close(fd[i]);
    cr_assert(fixture_wait(fd_count_is_base, &count, 30000), "%u descriptors, before %u",
              fixture_fd_count(0), count.base);
    tamga_channel_close(fixture.channel);
    cr_assert_eq(tamga_channel_open(&fixture.channel, tamga_rpc_server_addr(fixture.server),
                                    NULL), TAMGA_OK);
    cr_assert_eq(fixture_get(fixture.channel, "after", 5000, NULL, NULL), TAMGA_OK);
    fixture_close(&fixture);
}

static bool was_cut_off(void *context)
{
    struct fixture *fixture = context;
    struct tamga_rpc_counters counters;

    tamga_rpc_server_counters(fixture->server, &counters);
    return counters.cut_off > 0 && atomic_load(&fixture->log_lines) > 0;
}

/*
 * Goal:   a peer that asks and never reads is cut off, and meanwhile others are served.
 * Method: 24 requests for 2 MiB each, nothing read; another client calls until the
 *         server has counted the cut; the connection is at its end when it is read.
 */
Test(hostile, cuts_off_who_does_not_read, .timeout = 60)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    TAMGA_BUF request = {0}, answer = {0};
    uint64_t until_ms = tamga_net_now_ms() + 20000;
    unsigned answers = 0;

    options.contexts = 16;
    options.per_pipe_max = 8;
    fixture_open(&fixture, &options);
    int fd = raw_requester(fixture_port(tamga_rpc_server_addr(fixture.server)));
    for (uint8_t i = 0; i < 24; i++) {
        raw_get(&request, "big", i, 10000);
        cr_assert(raw_send(fd, i, tamga_buf_span(&request)));
    }
    while (!was_cut_off(&fixture)) {
        enum tamga_err err = fixture_get(fixture.channel, "other", 2000, NULL, NULL);

        cr_assert(err == TAMGA_OK || err == TAMGA_E_BUSY, "%s", tamga_err_name(err));
        cr_assert_lt(tamga_net_now_ms(), until_ms, "was not cut off");
    }
    while (raw_receive(fd, &answer))
        answers++;
    cr_assert_lt(answers, 24);
    cr_assert_eq(fixture_get(fixture.channel, "other", 5000, NULL, NULL), TAMGA_OK);
    close(fd);
    fixture_close(&fixture);
}

/*
 * Goal:   so is one that asks for a single large answer: NNG itself puts no time limit
 *         on the message that it is writing.
 * Method: a peer with a small receive buffer asks for 2 MiB once; the descriptors come
 *         back to where they were although the peer keeps its end open.
 */
Test(hostile, cuts_off_a_single_unread_answer, .timeout = 60)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const uint8_t hello[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    const int small = 4096;
    TAMGA_BUF request = {0};
    struct count count;

    fixture_open(&fixture, &options);
    cr_assert_eq(fixture_get(fixture.channel, "before", 5000, NULL, NULL), TAMGA_OK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    count.base = fixture_fd_count(0); /* with our end, without the server's */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    address.sin_port = htons(fixture_port(tamga_rpc_server_addr(fixture.server)));
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(send(fd, hello, sizeof hello, 0), (ssize_t)sizeof hello);
    raw_get(&request, "big", 1, 10000);
    cr_assert(raw_send(fd, 1, tamga_buf_span(&request)));
    while (atomic_load(&fixture.runs) < 2)
        cr_assert_eq(fixture_get(fixture.channel, "other", 5000, NULL, NULL), TAMGA_OK);
    cr_assert(fixture_wait(fd_count_is_base, &count, 20000), "it was not cut off");
    close(fd);
    fixture_close(&fixture);
}

/* ---- servers that misbehave -------------------------------------------------- */

/* One connection of a REQ client, then what the test wants. */
struct bad_server {
    int listener;
    char addr[64];
    const char *mode; /* "close": goes away; "garbage"; "other": another call's answer;
                         "status": a status only */
};

static void bad_answer(struct tamga_buf *body, const char *mode)
{
    Tamga__V1__RpcResponse response = TAMGA__V1__RPC_RESPONSE__INIT;

    if (strcmp(mode, "garbage") == 0) {
        cr_assert_eq(tamga_buf_set(body, tamga_span("\xff\xff", 2)), TAMGA_OK);
        return;
    }
    if (strcmp(mode, "other") == 0)
        response.request_id = tamga_wire_bytes(tamga_span("0123456789abcdef", 16));
    if (strcmp(mode, "status") == 0)
        response.status = 7;
    cr_assert_eq(tamga_wire_pack(body, &response.base), TAMGA_OK);
}

static void *bad_server_run(void *context)
{
    static const uint8_t hello[8] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
    struct bad_server *server = context;
    TAMGA_BUF request = {0}, answer = {0};
    uint8_t head[20], theirs[8];
    int fd = accept(server->listener, NULL, NULL);

    (void)!send(fd, hello, sizeof hello, MSG_NOSIGNAL);
    (void)!recv(fd, theirs, sizeof theirs, MSG_WAITALL);
    (void)!recv(fd, head, 12, MSG_WAITALL);
    if (strcmp(server->mode, "close") != 0) {
        size_t len = (size_t)tamga_get_u64(head) - 4;

        (void)!(tamga_buf_reserve(&request, len) == TAMGA_OK);
        (void)!recv(fd, request.data, len, MSG_WAITALL);
        bad_answer(&answer, server->mode);
        raw_send(fd, tamga_get_u32(head + 8), tamga_buf_span(&answer));
        (void)!recv(fd, head, 1, 0); /* until the client goes */
    }
    close(fd);
    return NULL;
}

static void bad_server_open(struct bad_server *server, const char *mode)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    server->mode = mode;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(server->listener, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(server->listener, 8), 0);
    cr_assert_eq(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    snprintf(server->addr, sizeof server->addr, "tcp://127.0.0.1:%u", ntohs(address.sin_port));
}

/*
 * Goal:   a server that goes away or answers nonsense is an error with the right name.
 * Method: each misbehaviour in turn; no server at all; one that takes no connection.
 */
Test(hostile, client_survives_bad_servers, .timeout = 60)
{
    static const struct {
        const char *mode;
        enum tamga_err err;
    } expected[] = {{"close", TAMGA_E_UNREACHABLE},
                    {"garbage", TAMGA_E_TRUNCATED},
                    {"other", TAMGA_E_BAD_VALUE},
                    {"status", TAMGA_E_NOT_AUTHORIZED}};

    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct bad_server server;
        struct tamga_channel *channel = NULL;
        struct tamga_detail detail = {""};
        pthread_t thread;

        bad_server_open(&server, expected[i].mode);
        cr_assert_eq(pthread_create(&thread, NULL, bad_server_run, &server), 0);
        cr_assert_eq(tamga_channel_open(&channel, server.addr, NULL), TAMGA_OK);
        enum tamga_err err = fixture_get(channel, "x", 5000, NULL, &detail);
        cr_assert_eq(err, expected[i].err, "%s: %s %s", expected[i].mode, tamga_err_name(err),
                     detail.text);
        tamga_channel_close(channel);
        cr_assert_eq(pthread_join(thread, NULL), 0);
        close(server.listener);
    }
}

/*
 * Goal:   no server, or one that never speaks, is UNREACHABLE at the deadline; a server
 *         that comes late is still found.
 * Method: a port that nobody listens on; one that listens in the kernel only; then a
 *         server opened on the first port while a call waits for it.
 */
Test(hostile, client_waits_for_a_connection, .timeout = 60)
{
    struct bad_server silent, absent;
    struct tamga_channel *channel = NULL;
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    uint64_t begun_ms = tamga_net_now_ms();

    bad_server_open(&silent, "silent");
    bad_server_open(&absent, "absent");
    close(absent.listener);
    cr_assert_eq(tamga_channel_open(&channel, silent.addr, NULL), TAMGA_OK);
    cr_assert_eq(fixture_get(channel, "x", 100, NULL, NULL), TAMGA_E_UNREACHABLE);
    tamga_channel_close(channel);
    cr_assert_eq(tamga_channel_open(&channel, absent.addr, NULL), TAMGA_OK);
    cr_assert_eq(fixture_get(channel, "x", 100, NULL, NULL), TAMGA_E_UNREACHABLE);
    cr_assert_geq(tamga_net_now_ms() - begun_ms, 198);
    options.listen = absent.addr;
    fixture_open(&fixture, &options);
    cr_assert_eq(fixture_get(channel, "x", 10000, NULL, NULL), TAMGA_OK);
    tamga_channel_close(channel);
    fixture_close(&fixture);
    close(silent.listener);
}
