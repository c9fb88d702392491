/* Two threads a connection, one each way, both of which only block: nothing to dead-lock. */
#include "relay.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cluster.h"

#define CONNECTIONS_MAX 64
#define KEPT_MAX        (64u << 20) /* of all; beyond it the test is wrong */

struct way {
    struct relay *relay;
    int from, to;
    pthread_t thread;
    struct tamga_buf kept; /* under the lock */
};

struct relay {
    int listener;
    uint16_t target;
    pthread_t thread;
    pthread_mutex_t lock;
    struct way way[2 * CONNECTIONS_MAX];
    size_t count, bytes;
};

static void keep(struct way *way, const uint8_t *data, size_t len)
{
    pthread_mutex_lock(&way->relay->lock);
    way->relay->bytes += len;
    CHECK(way->relay->bytes <= KEPT_MAX);
    CHECK(tamga_buf_add(&way->kept, tamga_span(data, len)) == TAMGA_OK);
    pthread_mutex_unlock(&way->relay->lock);
}

static void *carry(void *context)
{
    struct way *way = context;
    uint8_t data[65536];
    ssize_t len;

    while ((len = recv(way->from, data, sizeof data, 0)) > 0) {
        ssize_t sent = 0;

        keep(way, data, (size_t)len);
        while (sent < len) {
            ssize_t n = send(way->to, data + sent, (size_t)(len - sent), MSG_NOSIGNAL);

            if (n <= 0)
                break;
            sent += n;
        }
        if (sent < len)
            break;
    }
    shutdown(way->to, SHUT_WR);
    shutdown(way->from, SHUT_RD);
    return NULL;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    close(fd);
    return -1;
}

static void join(struct relay *relay, int near, int far)
{
    struct way *way = &relay->way[relay->count];

    way[0] = (struct way){.relay = relay, .from = near, .to = far};
    way[1] = (struct way){.relay = relay, .from = far, .to = near};
    CHECK(pthread_create(&way[0].thread, NULL, carry, &way[0]) == 0);
    CHECK(pthread_create(&way[1].thread, NULL, carry, &way[1]) == 0);
    pthread_mutex_lock(&relay->lock);
    relay->count += 2;
    pthread_mutex_unlock(&relay->lock);
}

static void *listen_on(void *context)
{
    struct relay *relay = context;
    int near, far;

    while ((near = accept(relay->listener, NULL, NULL)) >= 0) {
        far = relay->count < 2 * CONNECTIONS_MAX ? connect_to(relay->target) : -1;
        if (far < 0)
            close(near);
        else
            join(relay, near, far);
    }
    return NULL;
}

struct relay *relay_open(char addr[64], const char *target)
{
    struct relay *relay = calloc(1, sizeof *relay);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    const char *colon = strrchr(target, ':');

    CHECK(relay != NULL && colon != NULL);
    relay->target = (uint16_t)atoi(colon + 1);
    pthread_mutex_init(&relay->lock, NULL);
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(relay->listener, (struct sockaddr *)&at, sizeof at) == 0 &&
          listen(relay->listener, 16) == 0 &&
          getsockname(relay->listener, (struct sockaddr *)&at, &len) == 0);
    snprintf(addr, 64, "%.*s:%u", (int)(colon - target), target, ntohs(at.sin_port));
    CHECK(pthread_create(&relay->thread, NULL, listen_on, relay) == 0);
    return relay;
}

void relay_close(struct relay *relay)
{
    shutdown(relay->listener, SHUT_RDWR);
    pthread_join(relay->thread, NULL);
    close(relay->listener);
    for (size_t i = 0; i < relay->count; i++)
        shutdown(relay->way[i].from, SHUT_RDWR);
    for (size_t i = 0; i < relay->count; i++) {
        pthread_join(relay->way[i].thread, NULL);
        tamga_buf_clear(&relay->way[i].kept);
    }
    for (size_t i = 0; i < relay->count; i++)
        close(relay->way[i].from);
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}

size_t relay_bytes(struct relay *relay)
{
    size_t bytes;

    pthread_mutex_lock(&relay->lock);
    bytes = relay->bytes;
    pthread_mutex_unlock(&relay->lock);
    return bytes;
}

bool relay_saw(struct relay *relay, const char *text)
{
    bool saw = false;

    pthread_mutex_lock(&relay->lock);
    for (size_t i = 0; i < relay->count && !saw; i++) {
        const struct tamga_buf *kept = &relay->way[i].kept;

        saw = kept->len > 0 && memmem(kept->data, kept->len, text, strlen(text)) != NULL;
    }
    pthread_mutex_unlock(&relay->lock);
    return saw;
}
