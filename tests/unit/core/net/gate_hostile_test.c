/*
 * Tests of core/net/gate_accept.c, gate_conn.c and core/crypto/tls_session.c: connections by
 * the thousand that end or stall before, in and after the handshake.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/clock.h"
#include "town.h"

#define RESETS  3000
#define HALVES  600
#define MEMBERS 500
#define SLOW    200

static bool fd_count_is(void *context)
{
    return fixture_fd_count(0) <= *(unsigned *)context;
}

static void reset(int fd)
{
    static const struct linger now = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static void must_serve(struct town *town)
{
    struct tamga_detail detail = {""};

    cr_assert_eq(fixture_get(town->fixture.channel, "hello", 5000, NULL, &detail), TAMGA_OK, "%s",
                 detail.text);
}

static void town_open_wide(struct town *town)
{
    struct tamga_rpc_server_options options = fixture_options();

    options.pipes_max = 4096;
    town_open_with(town, &options);
    must_serve(town);
}

/* Members are served, new ones too, and the descriptors have come back. */
static void must_recover(struct town *town, unsigned base)
{
    must_serve(town);
    cr_assert_eq(town_ask(town, town->client_tls, NULL, 0, NULL), TAMGA_OK);
    cr_assert(fixture_wait(fd_count_is, &base, 15000), "%u descriptors, were %u",
              fixture_fd_count(0), base);
}

/*
 * Goal:   thousands that send a whole ClientHello and reset hold nothing and stop nobody: it
 *         is what ended NNG's own TLS listener for ever after some 140 of them.
 * Method: 3,000 of them, at once and after the answer has begun; a call between every 100.
 */
Test(gate_hostile, outlives_resets_after_hello, .timeout = 60)
{
    struct town town;
    struct tamga_link_counters links;
    struct tamga_rpc_counters counters;
    TAMGA_BUF hello = {0};
    unsigned base;
    char byte;

    town_open_wide(&town);
    SSL_CTX *context = authority_raw(&town.authority, "acme", TLS1_3_VERSION);
    raw_hello(context, &hello);
    base = fixture_fd_count(0);
    for (int i = 0; i < RESETS; i++) {
        int fd = raw_connect(fixture_port(town.addr));

        cr_assert_eq(send(fd, hello.data, hello.len, MSG_NOSIGNAL), (ssize_t)hello.len);
        if (i % 3 == 0)
            cr_assert_eq(recv(fd, &byte, 1, 0), 1, "the server's hello");
        reset(fd);
        if (i % 100 == 0)
            must_serve(&town);
    }
    must_recover(&town, base);
    tamga_rpc_server_counters(town.fixture.server, &counters);
    links = counters.links;
    cr_assert_geq(links.begun, RESETS);
    cr_assert_eq(links.opened, 2, "%llu: a channel that ends is not dialed anew",
                 (unsigned long long)links.opened);
    SSL_CTX_free(context);
    town_close(&town);
}

/*
 * Goal:   who stops in the midst of the handshake is hung up on in time; who answers it with
 *         garbage, or a record too long, at once.
 * Method: 600 that have the server's answer: silent, garbage, a record of 64 KiB, the
 *         ClientHello again, half closed; the silent ones are there until their time is over.
 */
Test(gate_hostile, outlives_half_handshakes, .timeout = 60)
{
    static const uint8_t record[] = {0x17, 3, 3, 0xff, 0xff, 1, 2, 3};
    static int fd[HALVES];
    struct town town;
    TAMGA_BUF hello = {0};
    unsigned base;
    char byte;

    town_open_wide(&town);
    SSL_CTX *context = authority_raw(&town.authority, "acme", TLS1_3_VERSION);
    raw_hello(context, &hello);
    base = fixture_fd_count(0);
    for (int i = 0; i < HALVES; i++) {
        fd[i] = raw_connect(fixture_port(town.addr));
        cr_assert_eq(send(fd[i], hello.data, hello.len, MSG_NOSIGNAL), (ssize_t)hello.len);
        cr_assert_eq(recv(fd[i], &byte, 1, 0), 1);
        if (i % 5 == 1)
            (void)!send(fd[i], "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL);
        if (i % 5 == 2)
            (void)!send(fd[i], record, sizeof record, MSG_NOSIGNAL);
        if (i % 5 == 3)
            (void)!send(fd[i], hello.data, hello.len, MSG_NOSIGNAL);
        if (i % 5 == 4)
            shutdown(fd[i], SHUT_WR);
        if (i % 100 == 0)
            must_serve(&town);
    }
    for (int i = 0; i < HALVES; i++) {
        ssize_t n = 1;

        while (n > 0) /* what is left of the server's answer, and its alert */
            n = recv(fd[i], hello.data, hello.len, 0);
        cr_assert(n == 0 || errno == ECONNRESET, "%d of kind %d is still there", i, i % 5);
        close(fd[i]);
    }
    must_recover(&town, base);
    SSL_CTX_free(context);
    town_close(&town);
}

/*
 * Goal:   members that end badly right after the handshake, by the hundred, hold nothing.
 * Method: 500 handshakes, then: a reset; garbage under the TLS; a close; half of NNG's
 *         greeting and a reset; a greeting of another protocol.
 */
Test(gate_hostile, outlives_members_that_vanish, .timeout = 60)
{
    static const uint8_t other[8] = {0, 'S', 'P', 0, 0, 0x10, 0, 0};
    struct town town;
    unsigned base;

    town_open_wide(&town);
    SSL_CTX *context = authority_raw(&town.authority, "acme", TLS1_3_VERSION);
    base = fixture_fd_count(0);
    for (int i = 0; i < MEMBERS; i++) {
        int fd = raw_connect(fixture_port(town.addr));
        SSL *ssl = SSL_new(context);

        cr_assert_eq(SSL_set_fd(ssl, fd), 1);
        cr_assert_eq(SSL_connect(ssl), 1);
        if (i % 5 == 1)
            (void)!send(fd, other, sizeof other, MSG_NOSIGNAL);
        if (i % 5 == 3)
            SSL_write(ssl, "\0SP", 3);
        if (i % 5 == 4)
            SSL_write(ssl, other, sizeof other);
        SSL_free(ssl);
        if (i % 5 == 2)
            close(fd);
        else
            reset(fd);
        if (i % 100 == 0)
            must_serve(&town);
    }
    must_recover(&town, base);
    SSL_CTX_free(context);
    town_close(&town);
}

/*
 * Goal:   a byte now and then buys no time: the handshake's limit counts from the connection.
 * Method: 200 that send their ClientHello a byte each in turn, never to its end, until all
 *         are hung up on.
 */
Test(gate_hostile, gives_slow_ones_no_more_time, .timeout = 60)
{
    static int fd[SLOW];
    struct town town;
    TAMGA_BUF hello = {0};
    uint64_t begun_ms;
    size_t sent = 0, alive = SLOW;
    unsigned base;

    town_open_wide(&town);
    SSL_CTX *context = authority_raw(&town.authority, "acme", TLS1_3_VERSION);
    raw_hello(context, &hello);
    base = fixture_fd_count(0);
    begun_ms = tamga_net_now_ms();
    for (int i = 0; i < SLOW; i++) {
        fd[i] = raw_connect(fixture_port(town.addr));
        setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    }
    while (alive > 0) {
        cr_assert_lt(tamga_net_now_ms(), begun_ms + 15000, "%zu are still there", alive);
        for (int i = 0; i < SLOW; i++) {
            char byte;

            if (fd[i] < 0)
                continue;
            if (sent + 1 < hello.len)
                (void)!send(fd[i], hello.data + sent, 1, MSG_NOSIGNAL);
            if (recv(fd[i], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN) {
                close(fd[i]);
                fd[i] = -1;
                alive--;
            }
        }
        sent += sent + 1 < hello.len;
        must_serve(&town);
    }
    cr_assert_geq(tamga_net_now_ms() - begun_ms, 1000, "they had no time at all");
    must_recover(&town, base);
    SSL_CTX_free(context);
    town_close(&town);
}

/* A client whose every byte is a write of its own. */
struct drip {
    int fd;
    SSL *ssl;
    BIO *in, *out; /* the session's */
};

static void drip_out(struct drip *drip)
{
    char byte;

    while (BIO_read(drip->out, &byte, 1) == 1)
        cr_assert_eq(send(drip->fd, &byte, 1, MSG_NOSIGNAL), 1);
}

static void drip_in(struct drip *drip)
{
    char bytes[4096];
    ssize_t n = recv(drip->fd, bytes, sizeof bytes, 0);

    cr_assert_gt(n, 0);
    cr_assert_eq(BIO_write(drip->in, bytes, (int)n), (int)n);
}

static void drip_open(struct drip *drip, SSL_CTX *context, uint16_t port)
{
    drip->fd = raw_connect(port);
    drip->ssl = SSL_new(context);
    drip->in = BIO_new(BIO_s_mem());
    drip->out = BIO_new(BIO_s_mem());
    SSL_set_bio(drip->ssl, drip->in, drip->out);
    setsockopt(drip->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    while (SSL_connect(drip->ssl) != 1) {
        drip_out(drip);
        drip_in(drip);
    }
    drip_out(drip);
}

/*
 * Goal:   bytes that come one by one are as good as others: the handshake, and a request.
 * Method: a raw member whose every byte is a write, and every byte of NNG's a record; it asks
 *         and is answered.
 */
Test(gate_hostile, takes_bytes_one_by_one, .timeout = 60)
{
    static const uint8_t hello[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    struct drip drip;
    struct town town;
    TAMGA_BUF request = {0}, said = {0};
    uint8_t head[12], answer[8 + 12];

    town_open(&town);
    SSL_CTX *context = authority_raw(&town.authority, "acme", TLS1_3_VERSION);
    drip_open(&drip, context, fixture_port(town.addr));
    raw_get(&request, "x", 1, 5000);
    tamga_put_u64(head, request.len + 4);
    tamga_put_u32(head + 8, 0x80000001u);
    cr_assert_eq(tamga_buf_add(&said, tamga_span(hello, sizeof hello)), TAMGA_OK);
    cr_assert_eq(tamga_buf_add(&said, tamga_span(head, sizeof head)), TAMGA_OK);
    cr_assert_eq(tamga_buf_add(&said, tamga_buf_span(&request)), TAMGA_OK);
    for (size_t i = 0; i < said.len; i++)
        cr_assert_eq(SSL_write(drip.ssl, said.data + i, 1), 1);
    drip_out(&drip);
    for (size_t got = 0; got < sizeof answer;) {
        int n = SSL_read(drip.ssl, answer + got, (int)(sizeof answer - got));

        if (n > 0)
            got += (size_t)n;
        else
            drip_in(&drip);
    }
    cr_assert_eq(tamga_get_u32(answer + 8 + 8), 0x80000001u);
    SSL_free(drip.ssl);
    SSL_CTX_free(context);
    close(drip.fd);
    town_close(&town);
}

/*
 * Goal:   who speaks TLS 1.2 only is told so, in its own words.
 * Method: such a client, with a good certificate; its library's error is the alert.
 */
Test(gate_hostile, tells_tls_12_what_is_wrong)
{
    struct town town;

    town_open(&town);
    SSL_CTX *context = authority_raw(&town.authority, "acme", TLS1_2_VERSION);
    int fd = raw_connect(fixture_port(town.addr));
    SSL *ssl = SSL_new(context);
    cr_assert_eq(SSL_set_fd(ssl, fd), 1);
    ERR_clear_error();
    cr_assert_neq(SSL_connect(ssl), 1);
    cr_assert_eq(ERR_GET_REASON(ERR_peek_error()),
                 SSL_AD_REASON_OFFSET + SSL_AD_PROTOCOL_VERSION, "%s",
                 ERR_reason_error_string(ERR_peek_error()));
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    town_close(&town);
}
