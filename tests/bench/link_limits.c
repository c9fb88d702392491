/* OpenSSL alone: the same protocol and certificates, blocking sockets, nothing of ours. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "rpc.h"

static SSL_CTX *server_context(const struct authority *authority)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    char path[160];

    BENCH_CHECK(context != NULL);
    snprintf(path, sizeof path, "%s/" LINK_MEMBER ".crt", authority->folder);
    BENCH_CHECK(SSL_CTX_use_certificate_file(context, path, SSL_FILETYPE_PEM) == 1);
    snprintf(path, sizeof path, "%s/" LINK_MEMBER ".key", authority->folder);
    BENCH_CHECK(SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) == 1);
    snprintf(path, sizeof path, "%s/ca.crt", authority->folder);
    BENCH_CHECK(SSL_CTX_load_verify_locations(context, path, NULL) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    BENCH_CHECK(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1);
    return context;
}

/* ---- large answers ---------------------------------------------------------------- */

static bool read_all(SSL *ssl, uint8_t *bytes, size_t len)
{
    for (size_t at = 0, n = 0; at < len; at += n)
        if (SSL_read_ex(ssl, bytes + at, len - at, &n) != 1)
            return false;
    return true;
}

static void *answer_main(void *context)
{
    static uint8_t answer[BENCH_LARGE_BYTES];
    uint8_t request[BENCH_SMALL_BYTES];
    SSL *ssl = context;
    size_t n;

    BENCH_CHECK(SSL_accept(ssl) == 1);
    while (read_all(ssl, request, sizeof request))
        BENCH_CHECK(SSL_write_ex(ssl, answer, sizeof answer, &n) == 1);
    return NULL;
}

double link_limit_large(const struct authority *authority, double seconds)
{
    static uint8_t answer[BENCH_LARGE_BYTES];
    SSL_CTX *server = server_context(authority);
    SSL_CTX *client = authority_raw(authority, LINK_MEMBER, TLS1_3_VERSION);
    SSL *end[2] = {SSL_new(client), SSL_new(server)};
    uint8_t request[BENCH_SMALL_BYTES] = {0};
    unsigned done = 0;
    pthread_t thread;
    double start;
    size_t n;
    int fd[2];

    bench_connect_pair(fd);
    for (int i = 0; i < 2; i++)
        BENCH_CHECK(SSL_set_fd(end[i], fd[i]) == 1);
    SSL_set_read_ahead(end[0], 1);
    BENCH_CHECK(pthread_create(&thread, NULL, answer_main, end[1]) == 0);
    BENCH_CHECK(SSL_connect(end[0]) == 1);
    for (start = bench_now(); bench_now() - start < seconds; done++)
        BENCH_CHECK(SSL_write_ex(end[0], request, sizeof request, &n) == 1 &&
                    read_all(end[0], answer, sizeof answer));
    seconds = bench_now() - start;
    shutdown(fd[0], SHUT_RDWR);
    pthread_join(thread, NULL);
    for (int i = 0; i < 2; i++) {
        SSL_free(end[i]);
        close(fd[i]);
    }
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    return done / seconds;
}

/* ---- handshakes and memory -------------------------------------------------------- */

/* Both ends in this thread, through a pair of sockets. Returns the server's own time. */
static double pair_open(SSL *end[2], int fd[2], SSL_CTX *client, SSL_CTX *server)
{
    double spent = 0, start;
    bool done[2] = {false, false};

    BENCH_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
    for (int i = 0; i < 2; i++) {
        end[i] = SSL_new(i == 0 ? client : server);
        BENCH_CHECK(end[i] != NULL && SSL_set_fd(end[i], fd[i]) == 1);
    }
    for (int round = 0; !done[0] || !done[1]; round++) {
        BENCH_CHECK(round < 10);
        done[0] = SSL_connect(end[0]) == 1;
        start = bench_core();
        done[1] = SSL_accept(end[1]) == 1;
        spent += bench_core() - start;
    }
    return spent;
}

static void pair_close(SSL *end[2], const int fd[2])
{
    for (int i = 0; i < 2; i++) {
        SSL_free(end[i]);
        close(fd[i]);
    }
}

double link_limit_shakes(const struct authority *authority, double seconds)
{
    SSL_CTX *server = server_context(authority);
    SSL_CTX *client = authority_raw(authority, LINK_MEMBER, TLS1_3_VERSION);
    double spent = 0, until = bench_now() + seconds;
    unsigned count = 0;

    for (; bench_now() < until; count++) {
        SSL *end[2];
        int fd[2];

        spent += pair_open(end, fd, client, server);
        pair_close(end, fd);
    }
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    return count / spent;
}

double link_limit_memory(const struct authority *authority, unsigned count)
{
    SSL_CTX *server = server_context(authority);
    SSL_CTX *client = authority_raw(authority, LINK_MEMBER, TLS1_3_VERSION);
    SSL *(*end)[2] = calloc(count, sizeof *end);
    int(*fd)[2] = calloc(count, sizeof *fd);
    double before;

    BENCH_CHECK(end != NULL && fd != NULL);
    SSL_CTX_set_mode(client, SSL_MODE_RELEASE_BUFFERS);
    before = bench_resident_mib();
    for (unsigned i = 0; i < count; i++)
        (void)pair_open(end[i], fd[i], client, server);
    before = bench_resident_mib() - before;
    for (unsigned i = 0; i < count; i++)
        pair_close(end[i], fd[i]);
    free(end);
    free(fd);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    return before * 1024 / count / 2;
}
