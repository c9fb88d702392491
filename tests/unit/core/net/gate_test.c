/* Tests of core/net/gate.c, gate_conn.c, gate_seats.c, door.c; and core/crypto/tls.c at work. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/gossip.h"
#include "town.h"

/*
 * Goal:   calls of every size go through, both ways, and the server knows who calls.
 * Method: small, 2 MiB, refused and unknown; ask for the caller in a handler.
 */
Test(gate, carries_calls, .timeout = 60)
{
    struct town town;
    size_t len = 0;

    town_open(&town);
    cr_assert_eq(strncmp(town.addr, "tls+tcp://127.0.0.1:", 20), 0);
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, &len, NULL), TAMGA_OK);
    cr_assert_eq(len, 5);
    cr_assert_eq(fixture_get(town.fixture.channel, "big", 5000, &len, NULL), TAMGA_OK);
    cr_assert_eq(len, FIXTURE_BIG_BYTES);
    cr_assert_eq(fixture_get(town.fixture.channel, "fail", 5000, NULL, NULL), TAMGA_E_NOT_FOUND);
    cr_assert_eq(fixture_get(town.fixture.channel, "who", 5000, &len, NULL), TAMGA_OK);
    cr_assert_eq(len, strlen("acme"));
    town_close(&town);
}

/*
 * Goal:   each side refuses the certificate that it should, and the caller is told why.
 * Method: a server of the wrong name, of the wrong role; a client of another network, with
 *         a certificate that was revoked after it opened its files.
 */
Test(gate, refuses_with_the_reason, .timeout = 60)
{
    struct town town;
    struct authority other;
    struct tamga_detail detail = {""};

    town_open(&town);
    cr_assert_eq(town_ask(&town, town.client_tls, "node-1", TAMGA_TLS_CONSORTIUM, &detail),
                 TAMGA_OK, "%s", detail.text);
    cr_assert_eq(town_ask(&town, town.client_tls, "node-2", 0, &detail), TAMGA_E_LINK_NAME);
    cr_assert_not_null(strstr(detail.text, "node-1"), "%s", detail.text);
    cr_assert_eq(town_ask(&town, town.client_tls, NULL, TAMGA_TLS_GATEWAY, &detail),
                 TAMGA_E_LINK_ROLE);
    authority_open(&other, 8);
    authority_member(&other, "acme", TAMGA_TLS_OEM, -AUTHORITY_DAY_S, AUTHORITY_YEAR_S);
    struct tamga_tls *foreign = authority_tls(&other, "acme");
    cr_assert_eq(town_ask(&town, foreign, NULL, 0, &detail), TAMGA_E_LINK_FOREIGN);
    authority_revoke(&town.authority, "acme", 0);
    cr_assert_eq(tamga_tls_reload(town.server_tls, &detail), TAMGA_OK, "%s", detail.text);
    cr_assert_eq(town_ask(&town, town.client_tls, NULL, 0, &detail), TAMGA_E_LINK_REFUSED);
    cr_assert_not_null(strstr(detail.text, "revoked"), "%s", detail.text);
    tamga_tls_close(foreign);
    authority_close(&other);
    town_close(&town);
}

/*
 * Goal:   no address without a link speaks TLS, and none with a bad bound is opened.
 * Method: tls+tcp:// without certificates, for channels, servers, publishers.
 */
Test(gate, needs_certificates)
{
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_rpc_server *server = NULL;
    struct tamga_channel *channel = NULL;
    struct tamga_publisher *publisher = NULL;
    struct tamga_net_link empty = {0};

    options.listen = "tls+tcp://127.0.0.1:0";
    cr_assert_eq(tamga_rpc_server_open(&server, &options, NULL), TAMGA_E_USAGE);
    cr_assert_eq(tamga_channel_open_link(&channel, "tls+tcp://127.0.0.1:1", &empty, NULL),
                 TAMGA_E_USAGE);
    cr_assert_eq(tamga_publisher_open_link(&publisher, options.listen, NULL, NULL),
                 TAMGA_E_USAGE);
}

/* ---- hostile ------------------------------------------------------------------------ */

struct count {
    unsigned base;
};

static bool fd_count_is_base(void *context)
{
    return fixture_fd_count(0) <= ((struct count *)context)->base;
}

static bool hung_up(int fd)
{
    char byte;

    return recv(fd, &byte, 1, 0) <= 0;
}

/*
 * Goal:   whoever has no good certificate never reaches NNG.
 * Method: TLS 1.2; no certificate; another CA's; expired; not yet valid; revoked; of the
 *         CA but with no name. A good one between them, with the same raw client.
 */
Test(gate, lets_no_stranger_in, .timeout = 60)
{
    static const char *const bad[] = {"late", "early", "gone"};
    struct town town;
    struct authority other;
    uint16_t port;

    town_open(&town);
    port = fixture_port(town.addr);
    authority_member(&town.authority, "late", TOWN_NODE, -2 * AUTHORITY_YEAR_S, -AUTHORITY_DAY_S);
    authority_member(&town.authority, "early", TOWN_NODE, AUTHORITY_DAY_S, AUTHORITY_YEAR_S);
    authority_member(&town.authority, "gone", TOWN_NODE, -AUTHORITY_DAY_S, AUTHORITY_YEAR_S);
    authority_revoke(&town.authority, "gone", 0);
    cr_assert_eq(tamga_tls_reload(town.server_tls, NULL), TAMGA_OK);
    authority_open(&other, 7);
    authority_member(&other, "acme", TOWN_NODE, -AUTHORITY_DAY_S, AUTHORITY_YEAR_S);
    struct {
        SSL_CTX *context;
        bool welcome;
    } peer[] = {
        {authority_raw(&town.authority, "acme", TLS1_2_VERSION), false},
        {authority_raw(&town.authority, NULL, TLS1_3_VERSION), false},
        {authority_raw(&other, "acme", TLS1_3_VERSION), false},
        {authority_raw(&town.authority, bad[0], TLS1_3_VERSION), false},
        {authority_raw(&town.authority, bad[1], TLS1_3_VERSION), false},
        {authority_raw(&town.authority, bad[2], TLS1_3_VERSION), false},
        {authority_raw(&town.authority, "acme", TLS1_3_VERSION), true},
    };
    for (size_t i = 0; i < sizeof peer / sizeof peer[0]; i++) {
        int fd = raw_connect(port);

        cr_assert_eq(raw_tls_welcome(peer[i].context, fd), peer[i].welcome, "peer %zu", i);
        close(fd);
        SSL_CTX_free(peer[i].context);
    }
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    authority_close(&other);
    town_close(&town);
}

/*
 * Goal:   a process that connects to NNG's own port on the loopback is not served.
 * Method: find the port among this process's listeners, and speak NNG's framing to it.
 */
Test(gate, guards_the_inner_port, .timeout = 60)
{
    struct town town;
    uint8_t byte;

    town_open(&town);
    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_in address = {0};
        socklen_t len = sizeof address, size = sizeof(int);
        int listening = 0;

        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening ||
            getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
            ntohs(address.sin_port) == fixture_port(town.addr))
            continue;
        int raw = raw_connect(ntohs(address.sin_port));
        static const uint8_t hello[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
        uint8_t theirs[8];

        cr_assert_eq(send(raw, hello, sizeof hello, MSG_NOSIGNAL), sizeof hello);
        (void)!recv(raw, theirs, sizeof theirs, MSG_WAITALL);
        if (memcmp(theirs, "\0SP", 3) == 0 && theirs[5] == 0x31)
            cr_assert_leq(recv(raw, &byte, 1, 0), 0, "a stranger is served");
        close(raw);
    }
    town_close(&town);
}

#define STRANGERS 1500

/* Silent; half a ClientHello; garbage; a reset; half a handshake; a reset in the midst. */
static int stranger(uint16_t port, int kind)
{
    static const uint8_t hello[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
    static const struct linger now = {.l_onoff = 1};
    int fd = raw_connect(port);

    if (kind == 1 || kind == 4)
        (void)!send(fd, hello, sizeof hello, MSG_NOSIGNAL);
    if (kind == 2)
        (void)!send(fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL);
    if (kind < 3)
        return fd;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    return -1;
}

/*
 * Goal:   strangers by the thousand hold nothing: members are served meanwhile, the
 *         descriptors come back, and the silent ones are hung up on.
 * Method: five kinds before the handshake, a call between every hundred; wait for the time
 *         limit of handshakes.
 */
Test(gate, outlives_strangers, .timeout = 90)
{
    static int fd[STRANGERS];
    struct tamga_rpc_server_options options = fixture_options();
    struct town town;
    struct count count;

    options.pipes_max = 4096;
    town_open_with(&town, &options);
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    count.base = fixture_fd_count(0);
    for (int i = 0; i < STRANGERS; i++) {
        fd[i] = stranger(fixture_port(town.addr), i % 5);
        if (i % 100 == 0)
            cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    }
    for (int i = 0; i < STRANGERS; i++)
        if (fd[i] >= 0) {
            cr_assert(hung_up(fd[i]), "stranger %d is still there", i);
            close(fd[i]);
        }
    cr_assert(fixture_wait(fd_count_is_base, &count, 10000), "%u descriptors, were %u",
              fixture_fd_count(0), count.base);
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    town_close(&town);
}

/*
 * Goal:   when there are as many connections as may be, who has shown nothing makes room for
 *         a member; one address has no more than its share.
 * Method: 16 at once and twice as many silent ones, then a member; then a share of 4.
 */
Test(gate, makes_room_for_members, .timeout = 60)
{
    struct tamga_rpc_server_options options = fixture_options();
    struct town town;
    int fd[32];
    unsigned hung = 0;

    options.pipes_max = 16;
    town_open_with(&town, &options);
    for (size_t i = 0; i < 32; i++)
        fd[i] = stranger(fixture_port(town.addr), 0);
    cr_assert_eq(town_ask(&town, town.client_tls, NULL, 0, NULL), TAMGA_OK);
    for (size_t i = 0; i < 32; i++)
        close(fd[i]);
    town.server_link.per_address_max = 4;
    town_serve_again(&town, &options);
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    for (size_t i = 0; i < 8; i++) {
        const struct timeval soon = {.tv_usec = 200000};

        fd[i] = stranger(fixture_port(town.addr), 0);
        setsockopt(fd[i], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    }
    for (size_t i = 0; i < 8; i++) {
        char byte;

        hung += recv(fd[i], &byte, 1, 0) == 0;
        close(fd[i]);
    }
    cr_assert_eq(hung, 5, "3 beside the member's own: %u were turned away", hung);
    town_close(&town);
}

static struct tamga_link_counters links_of(struct town *town)
{
    struct tamga_rpc_counters counters;

    tamga_rpc_server_counters(town->fixture.server, &counters);
    return counters.links;
}

static bool has_turned_away(void *town)
{
    return links_of(town).turned_away > 0;
}

static bool is_welcome_again(void *town)
{
    return town_ask(town, ((struct town *)town)->client_tls, NULL, 0, NULL) == TAMGA_OK;
}

/*
 * Goal:   one address comes only so often: handshakes cost a server more than who begins them.
 *         After a pause it is welcome again.
 * Method: one a second, 8 after a pause; 30 resets, which are not there any more to be counted
 *         as such; a member that is there, then another one at the same address.
 */
Test(gate, lets_one_address_come_only_so_often, .timeout = 60)
{
    struct tamga_rpc_server_options options = fixture_options();
    struct town town;

    town_open(&town);
    town.server_link.per_address_max = 4;
    town.server_link.per_address_per_s = 1;
    town_serve_again(&town, &options);
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    cr_assert_eq(links_of(&town).turned_away, 0);
    for (int i = 0; i < 30; i++)
        (void)stranger(fixture_port(town.addr), 3);
    cr_assert(fixture_wait(has_turned_away, &town, 5000));
    cr_assert_geq(links_of(&town).begun, 5);
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    cr_assert(fixture_wait(is_welcome_again, &town, 15000));
    town_close(&town);
}

/*
 * Goal:   members that misbehave after the handshake harm nobody else: garbage in place of
 *         NNG's framing, resets, silence, and a reader that never reads.
 * Method: 200 raw members of four kinds, each of the last asks for answers of 2 MiB.
 */
Test(gate, outlives_bad_members, .timeout = 90)
{
    static const struct linger now = {.l_onoff = 1};
    struct tamga_rpc_server_options options = fixture_options();
    struct town town;
    struct count count;
    SSL_CTX *context;

    options.pipes_max = 512;
    town_open_with(&town, &options);
    context = authority_raw(&town.authority, "acme", TLS1_3_VERSION);
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    count.base = fixture_fd_count(0);
    for (int i = 0; i < 200; i++) {
        int fd = raw_connect(fixture_port(town.addr));
        SSL *ssl = SSL_new(context);
        char junk[256];

        memset(junk, i, sizeof junk);
        cr_assert_eq(SSL_set_fd(ssl, fd), 1);
        cr_assert_eq(SSL_connect(ssl), 1);
        if (i % 4 == 0)
            SSL_write(ssl, junk, sizeof junk);
        if (i % 4 == 1)
            (void)!send(fd, junk, sizeof junk, MSG_NOSIGNAL); /* under the TLS */
        if (i % 4 != 3)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        SSL_free(ssl);
        close(fd);
    }
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    cr_assert(fixture_wait(fd_count_is_base, &count, 15000), "%u descriptors, were %u",
              fixture_fd_count(0), count.base);
    SSL_CTX_free(context);
    town_close(&town);
}

/*
 * Goal:   a member that asks and never reads is cut off; what is kept for it is bounded.
 * Method: a raw member with the handshake of REQ and sixteen requests for 2 MiB each.
 */
Test(gate, cuts_off_who_never_reads, .timeout = 60)
{
    static const uint8_t hello[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    struct town town;
    struct count count;
    TAMGA_BUF request = {0};

    town_open(&town);
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    count.base = fixture_fd_count(0);
    SSL_CTX *context = authority_raw(&town.authority, "acme", TLS1_3_VERSION);
    int fd = raw_connect(fixture_port(town.addr));
    SSL *ssl = SSL_new(context);
    cr_assert_eq(SSL_set_fd(ssl, fd), 1);
    cr_assert_eq(SSL_connect(ssl), 1);
    cr_assert_eq(SSL_write(ssl, hello, sizeof hello), (int)sizeof hello);
    for (uint8_t i = 0; i < 16; i++) {
        uint8_t head[12];

        raw_get(&request, "big", i, 5000);
        tamga_put_u64(head, request.len + 4);
        tamga_put_u32(head + 8, 0x80000000u | i);
        cr_assert_eq(SSL_write(ssl, head, sizeof head), (int)sizeof head);
        cr_assert_eq(SSL_write(ssl, request.data, (int)request.len), (int)request.len);
    }
    count.base++; /* its own */
    cr_assert(fixture_wait(fd_count_is_base, &count, 20000), "not cut off");
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    town_close(&town);
}

/* ---- replacing certificates ---------------------------------------------------------- */

static bool call_fails(void *context)
{
    return fixture_get(context, "hello", 1000, NULL, NULL) != TAMGA_OK;
}

/*
 * Goal:   certificates are replaced under way: a connection that is open goes on, a new one
 *         sees the new certificate, and bad files change nothing.
 * Method: hold a call, reload, complete it; reload a foreign key; then revoke the caller,
 *         whose open connection ends.
 */
Test(gate, reloads_under_way, .timeout = 60)
{
    struct town town;
    struct tamga_detail detail = {""};
    unsigned before = fixture_fd_count(0);

    town_open(&town);
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    before = fixture_fd_count(0);
    authority_member(&town.authority, "node-1", TOWN_NODE, -AUTHORITY_DAY_S, 2 * AUTHORITY_YEAR_S);
    cr_assert_eq(tamga_tls_reload(town.server_tls, &detail), TAMGA_OK, "%s", detail.text);
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, NULL), TAMGA_OK);
    cr_assert_eq(fixture_fd_count(0), before, "the connection is the same");
    authority_member(&town.authority, "node-1", TOWN_NODE, -2 * AUTHORITY_YEAR_S, -1);
    cr_assert_eq(tamga_tls_reload(town.server_tls, &detail), TAMGA_E_LINK_EXPIRED);
    cr_assert_eq(town_ask(&town, town.client_tls, NULL, 0, &detail), TAMGA_OK, "%s", detail.text);
    authority_member(&town.authority, "node-1", TOWN_NODE, -AUTHORITY_DAY_S, 2 * AUTHORITY_YEAR_S);
    authority_revoke(&town.authority, "acme", 0);
    cr_assert_eq(tamga_tls_reload(town.server_tls, &detail), TAMGA_OK, "%s", detail.text);
    cr_assert(fixture_wait(call_fails, town.fixture.channel, 10000));
    cr_assert_eq(fixture_get(town.fixture.channel, "hello", 5000, NULL, &detail),
                 TAMGA_E_LINK_REFUSED, "%s", detail.text);
    town_close(&town);
}

/* The town's server anew at the address that it has: its clients have to come back. */
static void serve_there_again(struct town *town, char addr[80], bool reload)
{
    struct tamga_rpc_server_options options = fixture_options();
    struct fixture *fixture = &town->fixture;

    snprintf(addr, 80, "%s", town->addr);
    tamga_rpc_server_close(fixture->server);
    if (reload)
        cr_assert_eq(tamga_tls_reload(town->server_tls, NULL), TAMGA_OK);
    options.listen = town->addr = addr;
    options.link = &town->server_link;
    cr_assert_eq(tamga_rpc_server_open(&fixture->server, &options, NULL), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_add(fixture->server, &fixture->content.base), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_start(fixture->server), TAMGA_OK);
}

static bool call_works(void *context)
{
    return fixture_get(context, "hello", 1000, NULL, NULL) == TAMGA_OK;
}

/*
 * Goal:   a member that comes back resumes its session; with a server that does not know it
 *         any more it begins anew.
 * Method: one channel throughout: the server ends and starts, then ends and starts with its
 *         files read anew, which are other keys for tickets; each counts what it saw.
 */
Test(gate, resumes_on_reconnect, .timeout = 60)
{
    struct town town;
    char first[80], second[80];

    town_open(&town);
    cr_assert(call_works(town.fixture.channel));
    cr_assert_eq(links_of(&town).opened, 1);
    cr_assert_eq(links_of(&town).resumed, 0);
    serve_there_again(&town, first, false);
    cr_assert(fixture_wait(call_works, town.fixture.channel, 15000));
    cr_assert_geq(links_of(&town).opened, 1);
    cr_assert_eq(links_of(&town).resumed, links_of(&town).opened);
    serve_there_again(&town, second, true);
    cr_assert(fixture_wait(call_works, town.fixture.channel, 15000));
    cr_assert_lt(links_of(&town).resumed, links_of(&town).opened);
    town_close(&town);
}

/* ---- gossip --------------------------------------------------------------------------- */

static void on_message(void *context, struct tamga_span untrusted)
{
    if (tamga_span_equal(untrusted, tamga_span_text("news")))
        atomic_fetch_add((atomic_uint *)context, 1);
}

struct gossip {
    struct tamga_publisher *publisher;
    atomic_uint *heard;
};

static bool heard_after_sending(void *context)
{
    struct gossip *gossip = context;

    cr_assert_eq(tamga_publisher_send(gossip->publisher, tamga_span_text("news")), TAMGA_OK);
    return atomic_load(gossip->heard) > 0;
}

/*
 * Goal:   gossip goes through a gate, to members only.
 * Method: a publisher and two subscribers, one of another network.
 */
Test(gate, carries_gossip, .timeout = 60)
{
    struct town town;
    struct authority other;
    struct tamga_publisher *publisher = NULL;
    struct tamga_subscriber *member = NULL, *stranger_ = NULL;
    atomic_uint heard = 0, overheard = 0;

    town_open(&town);
    authority_open(&other, 9);
    authority_member(&other, "spy", TOWN_NODE, -AUTHORITY_DAY_S, AUTHORITY_YEAR_S);
    struct tamga_tls *spy = authority_tls(&other, "spy");
    struct tamga_net_link spy_link = {.tls = spy};
    cr_assert_eq(tamga_publisher_open_link(&publisher, "tls+tcp://127.0.0.1:0",
                                           &town.server_link, NULL), TAMGA_OK);
    const char *addr = tamga_publisher_addr(publisher);
    cr_assert_eq(tamga_subscriber_open_link(&member, &addr, 1, &town.client_link, on_message,
                                            &heard, NULL), TAMGA_OK);
    cr_assert_eq(tamga_subscriber_open_link(&stranger_, &addr, 1, &spy_link, on_message,
                                            &overheard, NULL), TAMGA_OK);
    struct gossip gossip = {.publisher = publisher, .heard = &heard};
    cr_assert(fixture_wait(heard_after_sending, &gossip, 10000));
    cr_assert_eq(atomic_load(&overheard), 0);
    tamga_subscriber_close(stranger_);
    tamga_subscriber_close(member);
    tamga_publisher_close(publisher);
    tamga_tls_close(spy);
    authority_close(&other);
    town_close(&town);
}
