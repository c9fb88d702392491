/*
 * Links with TLS: a server behind a gate in a process of its own, beside OpenSSL alone and
 * beside the same calls without TLS.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "net/gate.h"
#include "rpc.h"

#define CONNECTIONS      6000 /* of three descriptors each in the server, of 20,000 */
#define DESCRIPTORS_ELSE 1500
#define LIMIT_PAIRS      1000

/* ---- the server's process ----------------------------------------------------------- */

static struct tamga_tls *tls_of(const char *folder)
{
    struct authority authority = {0};

    snprintf(authority.folder, sizeof authority.folder, "%s", folder);
    return authority_tls(&authority, LINK_MEMBER);
}

/* A listener in place of NNG's, each of whose connections is answered by a thread. */
static void *accept_main(void *context)
{
    for (;;) {
        struct bench_echo *echo = malloc(sizeof *echo);
        const int on = 1;
        pthread_t thread;

        BENCH_CHECK(echo != NULL);
        *echo = (struct bench_echo){.fd = accept(*(int *)context, NULL, NULL),
                                    .in = BENCH_SMALL_BYTES, .out = BENCH_SMALL_BYTES};
        BENCH_CHECK(echo->fd >= 0);
        setsockopt(echo->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        BENCH_CHECK(pthread_create(&thread, NULL, bench_echo_main, echo) == 0);
        pthread_detach(thread);
    }
    return NULL;
}

static uint16_t echo_serve(void)
{
    static int listener;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    pthread_t thread;

    listener = socket(AF_INET, SOCK_STREAM, 0);
    BENCH_CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&at, len) == 0 &&
                listen(listener, 8) == 0 &&
                getsockname(listener, (struct sockaddr *)&at, &len) == 0);
    BENCH_CHECK(pthread_create(&thread, NULL, accept_main, &listener) == 0);
    return ntohs(at.sin_port);
}

static struct tamga_gate_options gate_options(struct tamga_tls *tls)
{
    return (struct tamga_gate_options){.tls = tls, .conns_max = 8, .per_address_max = 8,
                                       .shake_ms = 10000, .idle_ms = 60000, .stuck_ms = 10000};
}

/* Tells the ports of calls with TLS, of calls without, and of bytes through a gate alone. */
int link_server_main(const char *folder)
{
    static struct tamga_net_link link;
    const struct tamga_endpoint here = {.host = "127.0.0.1", .tls = true};
    struct tamga_gate_options options;
    struct tamga_endpoint bound;
    struct tamga_gate *gate;

    link = (struct tamga_net_link){.tls = tls_of(folder), .per_address_max = 65536,
                                   .per_address_per_s = 1000000};
    options = gate_options(link.tls);
    bench_must(tamga_gate_serve(&gate, &bound, &options, &here, echo_serve(), NULL), "gate");
    printf("%s\n", strrchr(tamga_rpc_server_addr(
                               bench_rpc_serve("tls+tcp://127.0.0.1:0", &link, 65536)), ':') + 1);
    printf("%s\n", strrchr(tamga_rpc_server_addr(
                               bench_rpc_serve("tcp://127.0.0.1:0", NULL, 4096)), ':') + 1);
    printf("%u\n", bound.port);
    fflush(stdout);
    pause(); /* until SIGTERM */
    return 0;
}

/* ---- figures ------------------------------------------------------------------------ */

struct link_run {
    const struct bench *bench;
    struct authority authority;
    struct tamga_net_link link;
    pid_t server;
    unsigned secure_port, plain_port, gate_port;
};

static void channels_open(struct tamga_channel *channel[BENCH_CHANNELS], const char *scheme,
                          unsigned port, const struct tamga_net_link *link)
{
    char addr[64];

    snprintf(addr, sizeof addr, "%s127.0.0.1:%u", scheme, port);
    for (unsigned i = 0; i < BENCH_CHANNELS; i++)
        bench_must(tamga_channel_open_link(&channel[i], addr, link, NULL), addr);
}

static void calls(const struct link_run *run)
{
    struct tamga_channel *secure[BENCH_CHANNELS], *plain[BENCH_CHANNELS];
    double limit;

    channels_open(secure, "tls+tcp://", run->secure_port, &run->link);
    channels_open(plain, "tcp://", run->plain_port, NULL);
    limit = bench_call_rate(plain, 1, run->bench->seconds);
    bench_figure("link.one", bench_call_rate(secure, 1, run->bench->seconds), "calls/s", limit,
                 "the same calls without TLS");
    limit = bench_call_rate(plain, 64, run->bench->seconds);
    bench_figure("link.many", bench_call_rate(secure, 64, run->bench->seconds), "calls/s",
                 limit, "the same calls without TLS");
    limit = link_limit_large(&run->authority, run->bench->seconds);
    bench_figure("link.get_1mib",
                 bench_waiting_rate(bench_get_large, secure[0], 1, run->bench->seconds),
                 "MiB/s", limit, "OpenSSL, AES-128-GCM, 1 MiB over loopback");
    for (unsigned i = 0; i < BENCH_CHANNELS; i++) {
        tamga_channel_close(secure[i]);
        tamga_channel_close(plain[i]);
    }
}

/* Two gates and no NNG. */
static void bytes(const struct link_run *run)
{
    struct tamga_endpoint remote = {.host = "127.0.0.1", .tls = true};
    struct tamga_gate_options options = gate_options(run->link.tls);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    struct tamga_gate *gate;
    double limit;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    remote.port = (uint16_t)run->gate_port;
    bench_must(tamga_gate_dial(&gate, &options, &remote, NULL), "dial");
    at.sin_port = htons(tamga_gate_inner_port(gate));
    BENCH_CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    limit = bench_tcp_rate(64, BENCH_SMALL_BYTES, run->bench->limit_seconds);
    bench_figure("link.exchanges", bench_exchange_rate(fd, 64, BENCH_SMALL_BYTES,
                                                       run->bench->seconds),
                 "exchanges/s", limit, "plain TCP, 256 B, 64 outstanding");
    close(fd);
    tamga_gate_close(gate);
}

static void shakes(const struct link_run *run)
{
    double limit = link_limit_shakes(&run->authority, run->bench->limit_seconds);
    double spent = -bench_cpu(run->server);
    unsigned count = link_peers_shake(run->authority.folder, run->secure_port,
                                      run->bench->smoke ? 0.2 : run->bench->seconds);

    spent += bench_cpu(run->server);
    bench_figure("link.handshakes", count / (spent > 0 ? spent : 0.01), "/s of a core", limit,
                 "OpenSSL alone, the server's end");
}

static unsigned connections(const struct bench *bench)
{
    struct rlimit limit;
    rlim_t count;

    BENCH_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (bench->smoke || limit.rlim_cur < 2 * DESCRIPTORS_ELSE)
        return 50;
    count = (limit.rlim_cur - DESCRIPTORS_ELSE) / 3;
    return count < CONNECTIONS ? (unsigned)count : CONNECTIONS;
}

static void memory(const struct link_run *run)
{
    unsigned count = connections(run->bench);
    double limit = link_limit_memory(&run->authority, run->bench->smoke ? 50 : LIMIT_PAIRS);
    double used = -bench_resident_of(run->server);
    pid_t peers;

    count = link_peers_hold(&peers, run->authority.folder, run->secure_port, count);
    used += bench_resident_of(run->server);
    bench_cost("link.memory", used * 1024 / count, "KiB/connection", limit,
               "OpenSSL alone, one end");
    bench_stop(peers);
}

void bench_link(const struct bench *bench)
{
    struct link_run run = {.bench = bench};
    const char *const argv[] = {"/proc/self/exe", "--link-server", run.authority.folder, NULL};
    FILE *in;

    authority_open(&run.authority, 1);
    authority_member(&run.authority, LINK_MEMBER, TAMGA_TLS_CONSORTIUM, -60, AUTHORITY_DAY_S);
    run.link.tls = authority_tls(&run.authority, LINK_MEMBER);
    run.server = bench_spawn(argv, &in, NULL);
    BENCH_CHECK(fscanf(in, "%u %u %u", &run.secure_port, &run.plain_port, &run.gate_port) == 3);
    memory(&run); /* before others have left their mark */
    calls(&run);
    bytes(&run);
    shakes(&run);
    bench_stop(run.server);
    fclose(in);
    tamga_tls_close(run.link.tls);
    authority_close(&run.authority);
}
