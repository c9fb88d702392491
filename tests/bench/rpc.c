/*
 * Calls over loopback to a server in a process of its own, beside plain TCP with the same
 * number of bytes each way and the same number outstanding.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "limits.h"
#include "rpc.h"
#include "tamga/v1/content_service.pb-c.h"

#define SMALL_BLOCK   160 /* with the envelope and the CID: about 256 */
#define THREADS_MAX   64
#define CID_OF_NOTHING "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"

static uint8_t large[BENCH_LARGE_BYTES];

/* ---- the server's process ---------------------------------------------------------- */

static void bench_service_put(Tamga__V1__ContentService_Service *service,
                              const Tamga__V1__PutContentRequest *input,
                              Tamga__V1__PutContentResponse_Closure closure, void *call)
{
    static const Tamga__V1__PutContentResponse response =
        TAMGA__V1__PUT_CONTENT_RESPONSE__INIT;

    (void)service;
    (void)input;
    closure(&response, call);
}

static void bench_service_get(Tamga__V1__ContentService_Service *service,
                              const Tamga__V1__GetContentRequest *input,
                              Tamga__V1__GetContentResponse_Closure closure, void *call)
{
    Tamga__V1__GetContentResponse response = TAMGA__V1__GET_CONTENT_RESPONSE__INIT;

    (void)service;
    (void)input;
    response.block = (ProtobufCBinaryData){.len = sizeof large, .data = large};
    closure(&response, call);
}

static void bench_service_has(Tamga__V1__ContentService_Service *service,
                              const Tamga__V1__HasContentRequest *input,
                              Tamga__V1__HasContentResponse_Closure closure, void *call)
{
    (void)service;
    (void)input;
    (void)closure;
    tamga_rpc_fail(call, TAMGA_E_NO_METHOD, NULL);
}

static void log_server(void *context, const char *event, const char *words)
{
    (void)context;
    fprintf(stderr, "%s: %s\n", event, words);
}

struct tamga_rpc_server *bench_rpc_serve(const char *listen, const struct tamga_net_link *link,
                                         unsigned pipes_max)
{
    static Tamga__V1__ContentService_Service service =
        TAMGA__V1__CONTENT_SERVICE__INIT(bench_service_);
    struct tamga_rpc_server_options options = { /* as server/node/daemon.c has them */
        .listen = listen,
        .link = link,
        .threads = 8,
        .contexts = 256,
        .per_pipe_max = 64,
        .pipes_max = pipes_max,
        .send_timeout_ms = 10000,
        .log = log_server,
    };
    struct tamga_rpc_server *server;

    bench_must(tamga_rpc_server_open(&server, &options, NULL), "server");
    bench_must(tamga_rpc_server_add(server, &service.base), "service");
    bench_must(tamga_rpc_server_start(server), "start");
    return server;
}

int bench_rpc_server(void)
{
    printf("%s\n", tamga_rpc_server_addr(bench_rpc_serve("tcp://127.0.0.1:0", NULL, 4096)));
    fflush(stdout);
    pause(); /* until SIGTERM */
    return 0;
}

/* ---- our calls ---------------------------------------------------------------------- */

struct calls {
    struct tamga_channel *const *channel;
    atomic_uint thread, done;
    double until;
};

static void put_small(struct tamga_channel *channel)
{
    static uint8_t block[SMALL_BLOCK];
    Tamga__V1__PutContentRequest request = TAMGA__V1__PUT_CONTENT_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = channel};

    request.cid = (char *)(uintptr_t)CID_OF_NOTHING;
    request.block = (ProtobufCBinaryData){.len = sizeof block, .data = block};
    tamga__v1__content_service__put(
        tamga_reply_service(&reply, &tamga__v1__content_service__descriptor), &request,
        (Tamga__V1__PutContentResponse_Closure)tamga_reply_take, &reply);
    bench_must(reply.err, "put");
}

void bench_get_large(void *context)
{
    Tamga__V1__GetContentRequest request = TAMGA__V1__GET_CONTENT_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = context};

    request.cid = (char *)(uintptr_t)CID_OF_NOTHING;
    tamga__v1__content_service__get(
        tamga_reply_service(&reply, &tamga__v1__content_service__descriptor), &request,
        (Tamga__V1__GetContentResponse_Closure)tamga_reply_take, &reply);
    bench_must(reply.err, "get");
}

static void *put_many(void *context)
{
    struct calls *calls = context;
    unsigned own = atomic_fetch_add(&calls->thread, 1);
    struct tamga_channel *channel = calls->channel[own % BENCH_CHANNELS];

    while (bench_now() < calls->until) {
        put_small(channel);
        atomic_fetch_add(&calls->done, 1);
    }
    return NULL;
}

double bench_call_rate(struct tamga_channel *const channel[BENCH_CHANNELS],
                       unsigned outstanding, double seconds)
{
    struct calls calls = {.channel = channel};
    pthread_t thread[THREADS_MAX];
    double start;

    for (unsigned i = 0; i < BENCH_CHANNELS; i++)
        put_small(channel[i]); /* connected from here on */
    start = bench_now();
    calls.until = start + seconds;
    for (unsigned i = 0; i < outstanding; i++)
        BENCH_CHECK(pthread_create(&thread[i], NULL, put_many, &calls) == 0);
    for (unsigned i = 0; i < outstanding; i++)
        pthread_join(thread[i], NULL);
    return calls.done / (bench_now() - start);
}

/* ---- plain TCP ---------------------------------------------------------------------- */

static bool move_all(int fd, uint8_t *bytes, size_t len, bool out)
{
    while (len > 0) {
        ssize_t moved = out ? send(fd, bytes, len, MSG_NOSIGNAL) : recv(fd, bytes, len, 0);

        if (moved <= 0)
            return false;
        bytes += moved;
        len -= (size_t)moved;
    }
    return true;
}

void *bench_echo_main(void *context)
{
    struct bench_echo *echo = context;
    uint8_t request[BENCH_SMALL_BYTES];

    while (move_all(echo->fd, request, echo->in, false))
        if (!move_all(echo->fd, large, echo->out, true))
            break;
    return NULL;
}

void bench_connect_pair(int fd[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listening = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    BENCH_CHECK(listening >= 0 && bind(listening, (struct sockaddr *)&at, len) == 0 &&
                listen(listening, 1) == 0 &&
                getsockname(listening, (struct sockaddr *)&at, &len) == 0);
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    BENCH_CHECK(connect(fd[0], (struct sockaddr *)&at, len) == 0);
    fd[1] = accept(listening, NULL, NULL);
    BENCH_CHECK(fd[1] >= 0);
    for (size_t i = 0; i < 2; i++)
        setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    close(listening);
}

double bench_exchange_rate(int fd, unsigned outstanding, size_t out, double seconds)
{
    static uint8_t answer[BENCH_LARGE_BYTES];
    uint8_t request[BENCH_SMALL_BYTES] = {0};
    unsigned sent = 0, got = 0;
    double start = bench_now();

    while (bench_now() - start < seconds) {
        for (; sent - got < outstanding; sent++)
            BENCH_CHECK(move_all(fd, request, sizeof request, true));
        BENCH_CHECK(move_all(fd, answer, out, false));
        got++;
    }
    return got / (bench_now() - start);
}

double bench_tcp_rate(unsigned outstanding, size_t out, double seconds)
{
    struct bench_echo echo = {.in = BENCH_SMALL_BYTES, .out = out};
    pthread_t thread;
    double rate;
    int fd[2];

    bench_connect_pair(fd);
    echo.fd = fd[1];
    BENCH_CHECK(pthread_create(&thread, NULL, bench_echo_main, &echo) == 0);
    rate = bench_exchange_rate(fd[0], outstanding, out, seconds);
    shutdown(fd[0], SHUT_RDWR);
    pthread_join(thread, NULL);
    close(fd[0]);
    close(fd[1]);
    return rate;
}

double limit_tcp_calls(double seconds)
{
    return bench_tcp_rate(1, BENCH_SMALL_BYTES, seconds);
}

void bench_rpc(const struct bench *bench)
{
    const char *const argv[] = {"/proc/self/exe", "--rpc-server", NULL};
    struct tamga_channel *channel[BENCH_CHANNELS];
    char addr[128];
    double limit;
    FILE *in;
    pid_t pid = bench_spawn(argv, &in, NULL);

    BENCH_CHECK(fscanf(in, "%127s", addr) == 1);
    for (unsigned i = 0; i < BENCH_CHANNELS; i++)
        bench_must(tamga_channel_open(&channel[i], addr, NULL), addr);
    limit = limit_tcp_calls(bench->limit_seconds);
    bench_figure("rpc.one", bench_call_rate(channel, 1, bench->seconds), "calls/s", limit,
                 "plain TCP, 256 B, one outstanding");
    limit = bench_tcp_rate(64, BENCH_SMALL_BYTES, bench->limit_seconds);
    bench_figure("rpc.many", bench_call_rate(channel, 64, bench->seconds), "calls/s", limit,
                 "plain TCP, 256 B, 64 outstanding");
    limit = bench_tcp_rate(1, BENCH_LARGE_BYTES, bench->limit_seconds);
    bench_figure("rpc.get_1mib",
                 bench_waiting_rate(bench_get_large, channel[0], 1, bench->seconds), "MiB/s", limit,
                 "plain TCP, 1 MiB, one outstanding");
    for (unsigned i = 0; i < BENCH_CHANNELS; i++)
        tamga_channel_close(channel[i]);
    bench_stop(pid);
    fclose(in);
}
