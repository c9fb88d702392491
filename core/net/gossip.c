/*
 * PUB and SUB sockets with bounds. Numbers nothing and reads nothing: what a message
 * says, and what to pull when one is missing, is the caller's.
 */
#include "net/gossip.h"

#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "net/rpc.h"
#include "net/socket.h"

/* Messages kept for a slow reader before its oldest are dropped. Sent ones are shared
 * by all subscribers; a received one may have the full size, so fewer of them. */
#define SEND_COUNT_MAX       1024
#define RECEIVE_COUNT_MAX    256
#define SUBSCRIBER_COUNT_MAX 4096
#define DIALED_MAX           4 /* of one address: one, and for a moment former ones */
#define STUCK_MS             30000 /* a subscriber that takes nothing for so long is cut off */

struct tamga_publisher {
    struct tamga_pipes pipes;
    struct tamga_endpoint bound;
    char addr[TAMGA_ENDPOINT_TEXT_MAX];
};

/* Takes the socket on success. */
static enum tamga_err socket_prepare(struct tamga_pipes *pipes, nng_socket socket,
                                     const char *buffer, int buffer_count, size_t pipes_max,
                                     struct tamga_detail *detail)
{
    int failed;

    if ((failed = tamga_socket_limit(socket)) ||
        (failed = nng_socket_set_int(socket, buffer, buffer_count)))
        return tamga_refuse(detail, TAMGA_E_SYSTEM, "cannot gossip: %s", nng_strerror(failed));
    return tamga_pipes_open(pipes, socket, pipes_max);
}

enum tamga_err tamga_publisher_open(struct tamga_publisher **out, const char *listen,
                                    struct tamga_detail *detail)
{
    return tamga_publisher_open_link(out, listen, NULL, detail);
}

enum tamga_err tamga_publisher_open_link(struct tamga_publisher **out, const char *listen,
                                         const struct tamga_net_link *link,
                                         struct tamga_detail *detail)
{
    const struct tamga_door_options door = {
        .link = link, .conns_max = SUBSCRIBER_COUNT_MAX, .stuck_ms = STUCK_MS};
    struct tamga_publisher *publisher = calloc(1, sizeof *publisher);
    nng_socket socket = NNG_SOCKET_INITIALIZER;
    enum tamga_err err;

    if (!publisher)
        return TAMGA_E_NO_MEMORY;
    err = nng_pub0_open(&socket) == 0
              ? socket_prepare(&publisher->pipes, socket, NNG_OPT_SENDBUF, SEND_COUNT_MAX,
                               SUBSCRIBER_COUNT_MAX, detail)
              : tamga_refuse(detail, TAMGA_E_SYSTEM, "cannot open a socket");
    if (err) {
        nng_close(socket);
        free(publisher);
        return err;
    }
    err = tamga_door_listen(&publisher->pipes.door, socket, &publisher->bound, listen, &door,
                            detail);
    if (err) {
        tamga_publisher_close(publisher);
        return err;
    }
    tamga_endpoint_format(publisher->addr, &publisher->bound);
    *out = publisher;
    return TAMGA_OK;
}

const char *tamga_publisher_addr(const struct tamga_publisher *publisher)
{
    return publisher->addr;
}

enum tamga_err tamga_publisher_send(struct tamga_publisher *publisher, struct tamga_span message)
{
    nng_msg *copy;

    if (message.len > TAMGA_NET_MESSAGE_BYTES_MAX)
        return TAMGA_E_TOO_LARGE;
    if (nng_msg_alloc(&copy, message.len) != 0)
        return TAMGA_E_NO_MEMORY;
    if (message.len > 0)
        memcpy(nng_msg_body(copy), message.data, message.len);
    if (nng_sendmsg(publisher->pipes.socket, copy, NNG_FLAG_NONBLOCK) != 0) {
        nng_msg_free(copy);
        return TAMGA_E_SYSTEM;
    }
    return TAMGA_OK;
}

void tamga_publisher_close(struct tamga_publisher *publisher)
{
    if (!publisher)
        return;
    tamga_pipes_close(&publisher->pipes, publisher->pipes.door.inner_port);
    free(publisher);
}

/* ---- subscriber -------------------------------------------------------------- */

struct tamga_subscriber {
    struct tamga_pipes pipes;
    pthread_t thread;
    atomic_bool closing;
    tamga_receive receive;
    void *context;
    struct tamga_door *door; /* one for each address */
    size_t door_count;
};

/* Ends when the socket is closed; its time limit only means that nobody had news. */
static void *subscriber_run(void *context)
{
    struct tamga_subscriber *subscriber = context;

    while (!atomic_load(&subscriber->closing)) {
        nng_msg *message;
        int failed = nng_recvmsg(subscriber->pipes.socket, &message, 0);

        if (failed == NNG_ECLOSED)
            break;
        if (failed)
            continue;
        if (!atomic_load(&subscriber->closing))
            subscriber->receive(subscriber->context,
                                tamga_span(nng_msg_body(message), nng_msg_len(message)));
        nng_msg_free(message);
    }
    return NULL;
}

static enum tamga_err subscriber_start(struct tamga_subscriber *subscriber,
                                       const char *const *addr, size_t addr_count,
                                       const struct tamga_net_link *link,
                                       struct tamga_detail *detail)
{
    const struct tamga_door_options door = {.link = link, .conns_max = DIALED_MAX,
                                            .stuck_ms = STUCK_MS};
    nng_socket socket = subscriber->pipes.socket;
    int failed = nng_socket_set(socket, NNG_OPT_SUB_SUBSCRIBE, "", 0);

    if (failed)
        return tamga_refuse(detail, TAMGA_E_SYSTEM, "cannot subscribe: %s",
                            nng_strerror(failed));
    for (size_t i = 0; i < addr_count; i++) {
        enum tamga_err err = tamga_door_dial(&subscriber->door[i], socket, addr[i], &door,
                                             detail);

        if (err)
            return err;
    }
    failed = pthread_create(&subscriber->thread, NULL, subscriber_run, subscriber);
    if (failed)
        return tamga_refuse(detail, TAMGA_E_SYSTEM, "cannot start a thread: %s",
                            strerror(failed));
    return TAMGA_OK;
}

enum tamga_err tamga_subscriber_open(struct tamga_subscriber **out, const char *const *addr,
                                     size_t addr_count, tamga_receive receive, void *context,
                                     struct tamga_detail *detail)
{
    return tamga_subscriber_open_link(out, addr, addr_count, NULL, receive, context, detail);
}

static void subscriber_free(struct tamga_subscriber *subscriber)
{
    for (size_t i = 0; i < subscriber->door_count; i++)
        tamga_door_close(&subscriber->door[i]);
    free(subscriber->door);
    free(subscriber);
}

enum tamga_err tamga_subscriber_open_link(struct tamga_subscriber **out, const char *const *addr,
                                          size_t addr_count, const struct tamga_net_link *link,
                                          tamga_receive receive, void *context,
                                          struct tamga_detail *detail)
{
    struct tamga_subscriber *subscriber = calloc(1, sizeof *subscriber);
    nng_socket socket = NNG_SOCKET_INITIALIZER;
    enum tamga_err err;

    if (!subscriber)
        return TAMGA_E_NO_MEMORY;
    subscriber->door = calloc(addr_count + 1, sizeof *subscriber->door);
    if (!subscriber->door) {
        free(subscriber);
        return TAMGA_E_NO_MEMORY;
    }
    subscriber->door_count = addr_count;
    subscriber->receive = receive;
    subscriber->context = context;
    /* A dialer has one connection, and for a moment the former one. */
    err = nng_sub0_open(&socket) == 0
              ? socket_prepare(&subscriber->pipes, socket, NNG_OPT_RECVBUF, RECEIVE_COUNT_MAX,
                               2 * addr_count + 1, detail)
              : tamga_refuse(detail, TAMGA_E_SYSTEM, "cannot open a socket");
    if (err) {
        nng_close(socket);
        subscriber_free(subscriber);
        return err;
    }
    err = subscriber_start(subscriber, addr, addr_count, link, detail);
    if (err) {
        tamga_pipes_close(&subscriber->pipes, 0);
        subscriber_free(subscriber);
        return err;
    }
    *out = subscriber;
    return TAMGA_OK;
}

void tamga_subscriber_close(struct tamga_subscriber *subscriber)
{
    if (!subscriber)
        return;
    atomic_store(&subscriber->closing, true);
    for (size_t i = 0; i < subscriber->door_count; i++)
        tamga_door_hush(&subscriber->door[i]);
    tamga_pipes_close(&subscriber->pipes, 0);
    pthread_join(subscriber->thread, NULL);
    subscriber_free(subscriber);
}
