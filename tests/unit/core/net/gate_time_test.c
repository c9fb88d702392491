/* Tests of core/net/gate_conn.c and gate_accept.c: time and descriptors run out. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/gate.h"
#include "town.h"

#define IDLE_MS  700
#define STUCK_MS 700

/* A gate before a listener of our own in NNG's place, and one member through it. */
struct passage {
    struct authority authority;
    struct tamga_tls *tls;
    struct tamga_gate *gate;
    int listener, inner, fd; /* inner: the gate's connection to us; fd: the member's */
    SSL_CTX *context;
    SSL *ssl;
};

static int listen_here(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void passage_open(struct passage *passage, uint32_t idle_ms, uint32_t stuck_ms)
{
    const struct tamga_endpoint listen_ = {.host = "127.0.0.1", .tls = true};
    struct tamga_gate_options options = {.conns_max = 8, .per_address_max = 8, .shake_ms = 5000,
                                         .idle_ms = idle_ms, .stuck_ms = stuck_ms};
    struct timeval limit = {.tv_sec = 10};
    struct tamga_endpoint bound;
    uint16_t port;

    authority_open(&passage->authority, 7);
    authority_member(&passage->authority, "node-1", TOWN_NODE, -60, AUTHORITY_DAY_S);
    options.tls = passage->tls = authority_tls(&passage->authority, "node-1");
    passage->listener = listen_here(&port);
    cr_assert_eq(tamga_gate_serve(&passage->gate, &bound, &options, &listen_, port, NULL),
                 TAMGA_OK);
    passage->context = authority_raw(&passage->authority, "node-1", TLS1_3_VERSION);
    passage->fd = raw_connect(bound.port);
    passage->ssl = SSL_new(passage->context);
    cr_assert_eq(SSL_set_fd(passage->ssl, passage->fd), 1);
    cr_assert_eq(SSL_connect(passage->ssl), 1);
    passage->inner = accept(passage->listener, NULL, NULL);
    cr_assert_geq(passage->inner, 0);
    setsockopt(passage->inner, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

static void passage_close(struct passage *passage)
{
    SSL_free(passage->ssl);
    SSL_CTX_free(passage->context);
    close(passage->fd);
    close(passage->inner);
    close(passage->listener);
    tamga_gate_close(passage->gate);
    tamga_tls_close(passage->tls);
    authority_close(&passage->authority);
}

/*
 * Goal:   a connection without a byte is ended after the idle limit, both ends of it; one with
 *         a byte now and then, either way, is not.
 * Method: bytes for three times the limit, as they are echoed; then silence.
 */
Test(gate_time, ends_what_is_idle, .timeout = 30)
{
    struct passage passage = {0};
    uint64_t begun_ms, moved_ms;
    char byte = 'x';

    passage_open(&passage, IDLE_MS, 60000);
    begun_ms = moved_ms = tamga_net_now_ms();
    while (tamga_net_now_ms() < begun_ms + 3 * IDLE_MS) {
        cr_assert_eq(SSL_write(passage.ssl, &byte, 1), 1);
        cr_assert_eq(recv(passage.inner, &byte, 1, 0), 1);
        cr_assert_eq(send(passage.inner, &byte, 1, MSG_NOSIGNAL), 1);
        cr_assert_eq(SSL_read(passage.ssl, &byte, 1), 1);
        moved_ms = tamga_net_now_ms();
    }
    cr_assert_eq(recv(passage.inner, &byte, 1, 0), 0, "NNG's side is not told");
    cr_assert_leq(SSL_read(passage.ssl, &byte, 1), 0, "the member is not told");
    cr_assert_geq(tamga_net_now_ms() - moved_ms, IDLE_MS);
    cr_assert_lt(tamga_net_now_ms() - moved_ms, IDLE_MS + 8000);
    passage_close(&passage);
}

static void fill(int fd)
{
    static uint8_t bytes[65536];

    while (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        continue;
}

static bool nobody_left(void *gate)
{
    unsigned all, judged;

    tamga_gate_count(gate, &all, &judged);
    return all == 0;
}

/*
 * Goal:   a side that takes no bytes ends the connection after the stuck limit; what was kept
 *         for it is bounded, since the other side is not read any more.
 * Method: NNG's side writes until nothing goes and the member never reads; and the other way.
 */
Test(gate_time, ends_what_is_stuck, .timeout = 60)
{
    static uint8_t bytes[16384];

    for (int way = 0; way < 2; way++) {
        struct passage passage = {0};
        uint64_t begun_ms;
        struct timeval limit = {.tv_usec = 200000};
        int n = 1;

        passage_open(&passage, 60000, STUCK_MS);
        begun_ms = tamga_net_now_ms();
        setsockopt(passage.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (way == 0)
            fill(passage.inner);
        while (way == 1 && n > 0) /* until the kernel takes no more for 0.2 s */
            n = SSL_write(passage.ssl, bytes, sizeof bytes);
        cr_assert(fixture_wait(nobody_left, passage.gate, 15000), "way %d", way);
        cr_assert_geq(tamga_net_now_ms() - begun_ms, STUCK_MS, "way %d", way);
        passage_close(&passage);
    }
}

/* ---- descriptors ------------------------------------------------------------------ */

#define LIMIT     400
#define STRANGERS 150

static bool call_works(void *channel)
{
    return fixture_get(channel, "hello", 1000, NULL, NULL) == TAMGA_OK;
}

/*
 * Goal:   when descriptors run out, those that the process needs for other things are left:
 *         strangers make room, members who are there are served, new ones come in.
 * Method: lower the limit so that the strangers (both ends of them are in this process) need
 *         more; open a file at the height of it; a new member; then all go.
 */
Test(gate_time, leaves_descriptors_to_others, .timeout = 60)
{
    struct tamga_rpc_server_options options = fixture_options();
    struct rlimit limit = {.rlim_cur = LIMIT, .rlim_max = LIMIT};
    struct tamga_rpc_counters counters;
    struct tamga_channel *late = NULL;
    int fd[STRANGERS];
    struct town town;

    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    options.pipes_max = 4096;
    town_open_with(&town, &options);
    cr_assert(call_works(town.fixture.channel));
    for (int i = 0; i < STRANGERS; i++) {
        fd[i] = raw_connect(fixture_port(town.addr));
        cr_assert(call_works(town.fixture.channel));
    }
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert_geq(file, 0, "nothing was left");
    cr_assert_eq(tamga_channel_open_link(&late, town.addr, &town.client_link, NULL), TAMGA_OK);
    cr_assert(fixture_wait(call_works, late, 15000));
    tamga_rpc_server_counters(town.fixture.server, &counters);
    cr_assert_gt(counters.links.evicted, 0, "the limit was not reached");
    for (int i = 0; i < STRANGERS; i++)
        close(fd[i]);
    close(file);
    cr_assert(call_works(late));
    tamga_channel_close(late);
    town_close(&town);
}
