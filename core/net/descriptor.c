/* Finds sockets by their addresses among the process's descriptors. Keeps none. */
#include "net/descriptor.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define IDLE_PROBE_S 60 /* silence after which the kernel asks whether the peer lives */

/* One end of a connection; {0} is none. */
struct point {
    int family;
    uint16_t port; /* network order */
    uint8_t addr[16];
};

struct pair {
    struct point local, remote;
};

static struct point point_of_socket(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *in = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;
    struct point point = {0};

    if (address->ss_family == AF_INET) {
        point.port = in->sin_port;
        memcpy(point.addr, &in->sin_addr, 4);
    } else if (address->ss_family == AF_INET6) {
        point.port = in6->sin6_port;
        memcpy(point.addr, &in6->sin6_addr, 16);
    } else {
        return point;
    }
    point.family = address->ss_family;
    return point;
}

static struct point point_of_nng(const nng_sockaddr *address)
{
    struct point point = {0};

    if (address->s_family == NNG_AF_INET) {
        point.family = AF_INET;
        point.port = address->s_in.sa_port;
        memcpy(point.addr, &address->s_in.sa_addr, 4);
    } else if (address->s_family == NNG_AF_INET6) {
        point.family = AF_INET6;
        point.port = address->s_in6.sa_port;
        memcpy(point.addr, address->s_in6.sa_addr, 16);
    }
    return point;
}

static bool point_equal(const struct point *a, const struct point *b)
{
    return a->family == b->family && a->port == b->port &&
           memcmp(a->addr, b->addr, sizeof a->addr) == 0;
}

/* The ends of fd; the remote one is none if it listens. False if fd is no such socket. */
static bool pair_of(struct pair *pair, int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;

    *pair = (struct pair){0};
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return false;
    pair->local = point_of_socket(&address);
    len = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &len) == 0)
        pair->remote = point_of_socket(&address);
    return pair->local.family != 0;
}

static bool listens(int fd)
{
    int listening = 0;
    socklen_t len = sizeof listening;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

/* For every internet socket of the process. False if /proc cannot be read. */
static bool each_socket(void (*visit)(int fd, const struct pair *pair, void *context),
                        void *context)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    struct pair pair;

    if (!folder)
        return false;
    while ((entry = readdir(folder))) {
        int fd = atoi(entry->d_name);

        if (entry->d_name[0] != '.' && pair_of(&pair, fd))
            visit(fd, &pair, context);
    }
    closedir(folder);
    return true;
}

/* ---- hang up ----------------------------------------------------------------- */

struct search {
    struct pair pair;
    bool found;
};

static void shut_pair(int fd, const struct pair *pair, void *context)
{
    struct search *search = context;

    if (!point_equal(&pair->local, &search->pair.local) ||
        !point_equal(&pair->remote, &search->pair.remote))
        return;
    shutdown(fd, SHUT_RDWR);
}

void tamga_hang_up(nng_pipe pipe)
{
    struct search search = {0};
    nng_sockaddr local, remote;

    if (nng_pipe_get_addr(pipe, NNG_OPT_LOCADDR, &local) != 0 ||
        nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &remote) != 0)
        return; /* it is gone, or the peer has gone and NNG is about to learn it */
    search.pair.local = point_of_nng(&local);
    search.pair.remote = point_of_nng(&remote);
    /* What is not found any more was reset meanwhile: NNG is about to learn it. */
    if (!each_socket(shut_pair, &search))
        nng_pipe_close(pipe); /* no /proc: the lesser evil */
}

static void shut_port(int fd, const struct pair *pair, void *context)
{
    if (pair->local.port == *(const uint16_t *)context && !listens(fd))
        shutdown(fd, SHUT_RDWR);
}

void tamga_hang_up_port(uint16_t port)
{
    uint16_t wanted = htons(port);

    each_socket(shut_port, &wanted);
}

static void find_pair(int fd, const struct pair *pair, void *context)
{
    struct search *search = context;

    (void)fd;
    search->found |= point_equal(&pair->local, &search->pair.local) &&
                     point_equal(&pair->remote, &search->pair.remote);
}

bool tamga_is_own_connection(int fd)
{
    struct pair here;
    struct search search = {0};

    if (!pair_of(&here, fd) || here.remote.family == 0)
        return false;
    search.pair = (struct pair){.local = here.remote, .remote = here.local};
    return each_socket(find_pair, &search) && search.found;
}

/* ---- limits ------------------------------------------------------------------ */

struct limit {
    uint16_t port; /* network order */
    uint32_t stuck_ms;
};

/* Accepted connections inherit both. */
static void limit_listener(int fd, const struct pair *pair, void *context)
{
    const struct limit *limit = context;
    const int idle_s = IDLE_PROBE_S;

    if (pair->local.port != limit->port || !listens(fd))
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit->stuck_ms, sizeof limit->stuck_ms);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
}

void tamga_listener_limit(uint16_t port, uint32_t stuck_ms)
{
    struct limit limit = {.port = htons(port), .stuck_ms = stuck_ms};

    each_socket(limit_listener, &limit);
}
