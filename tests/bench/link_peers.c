/* Members in processes of their own: a server's descriptors and time are then only its own. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"

/* Both ends of NNG greet; who has read the server's knows that it was let in. */
static SSL *enter(SSL_CTX *context, unsigned port)
{
    static const uint8_t hello[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint8_t theirs[8];
    SSL *ssl = SSL_new(context);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    BENCH_CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    BENCH_CHECK(ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1);
    BENCH_CHECK(SSL_write(ssl, hello, sizeof hello) == sizeof hello);
    BENCH_CHECK(SSL_read(ssl, theirs, sizeof theirs) == sizeof theirs);
    return ssl;
}

static SSL_CTX *context_of(const char *folder)
{
    struct authority authority = {0};

    snprintf(authority.folder, sizeof authority.folder, "%s", folder);
    return authority_raw(&authority, LINK_MEMBER, TLS1_3_VERSION);
}

static int hold(SSL_CTX *context, unsigned port, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        (void)enter(context, port);
    printf("%u\n", count);
    fflush(stdout);
    pause(); /* until SIGTERM */
    return 0;
}

static int shake(SSL_CTX *context, unsigned port, double seconds)
{
    static const struct linger now = {.l_onoff = 1};
    double until = bench_now() + seconds;
    unsigned count = 0;

    for (; bench_now() < until; count++) {
        SSL *ssl = enter(context, port);
        int fd = SSL_get_fd(ssl);

        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* keeps no port */
        SSL_free(ssl);
        close(fd);
    }
    printf("%u\n", count);
    return 0;
}

/* --link-hold FOLDER PORT COUNT | --link-shake FOLDER PORT SECONDS */
static int peers_main(char **argv)
{
    SSL_CTX *context = context_of(argv[2]);
    unsigned port = (unsigned)atoi(argv[3]);

    int status = strcmp(argv[1], "--link-hold") == 0
                     ? hold(context, port, (unsigned)atoi(argv[4]))
                     : shake(context, port, atof(argv[4]));

    SSL_CTX_free(context);
    return status;
}

static unsigned told(FILE *in)
{
    unsigned count = 0;

    BENCH_CHECK(fscanf(in, "%u", &count) == 1);
    fclose(in);
    return count;
}

static pid_t spawn(FILE **in, const char *what, const char *folder, unsigned port,
                   const char *how)
{
    char port_text[16];
    const char *const argv[] = {"/proc/self/exe", what, folder, port_text, how, NULL};

    snprintf(port_text, sizeof port_text, "%u", port);
    return bench_spawn(argv, in, NULL);
}

unsigned link_peers_hold(pid_t *pid, const char *folder, unsigned port, unsigned count)
{
    char text[16];
    FILE *in;

    snprintf(text, sizeof text, "%u", count);
    *pid = spawn(&in, "--link-hold", folder, port, text);
    return told(in);
}

unsigned link_peers_shake(const char *folder, unsigned port, double seconds)
{
    char text[32];
    unsigned count;
    FILE *in;
    pid_t pid;

    snprintf(text, sizeof text, "%f", seconds);
    pid = spawn(&in, "--link-shake", folder, port, text);
    count = told(in);
    bench_stop(pid);
    return count;
}

int bench_link_child(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--link-server") == 0)
        return link_server_main(argv[2]);
    BENCH_CHECK(argc == 5);
    return peers_main(argv);
}
