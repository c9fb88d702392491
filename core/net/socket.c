/*
 * Options, listening and dialing, the same for calls and gossip: NNG's own defaults
 * are no size limit and no time limit. Knows no protocol.
 */
#include "net/socket.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "net/clock.h"
#include "net/descriptor.h"
#include "net/nng_sendmsg.h"
#include "net/rpc.h"

int tamga_socket_limit(nng_socket socket)
{
    int failed;

    tamga_nng_cure();
    if ((failed = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ,
                                      TAMGA_NET_MESSAGE_BYTES_MAX)) ||
        (failed = nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, TAMGA_SOCKET_TIMEOUT_MS)) ||
        (failed = nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, TAMGA_SOCKET_TIMEOUT_MS)) ||
        (failed = nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, TAMGA_RECONNECT_MS_MIN)))
        return failed;
    return nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, TAMGA_RECONNECT_MS_MAX);
}

static int bound_port(nng_listener listener, uint16_t *port)
{
    nng_sockaddr address;
    int failed = nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address);

    if (failed)
        return failed;
    if (address.s_family == NNG_AF_INET)
        *port = ntohs(address.s_in.sa_port);
    else if (address.s_family == NNG_AF_INET6)
        *port = ntohs(address.s_in6.sa_port);
    else
        return NNG_ENOTSUP;
    return 0;
}

enum tamga_err tamga_socket_listen(nng_socket socket, struct tamga_endpoint *bound,
                                   const char *listen, uint32_t stuck_ms,
                                   struct tamga_detail *detail)
{
    struct tamga_endpoint endpoint;
    nng_listener listener;
    enum tamga_err err = tamga_endpoint_parse(&endpoint, listen, true, detail);
    int failed;

    if (err)
        return err;
    if ((failed = nng_listener_create(&listener, socket, listen)) ||
        (failed = nng_listener_set_bool(listener, NNG_OPT_TCP_KEEPALIVE, true)) ||
        (failed = nng_listener_start(listener, 0)) ||
        (failed = bound_port(listener, &endpoint.port)))
        return tamga_refuse(detail, TAMGA_E_SYSTEM, "cannot listen on %.120s: %s", listen,
                            nng_strerror(failed));
    /* NNG has a time limit for a message that waits, none for one that it is writing. */
    tamga_listener_limit(endpoint.port, stuck_ms);
    *bound = endpoint;
    return TAMGA_OK;
}

enum tamga_err tamga_socket_dial(nng_socket socket, const char *addr,
                                 struct tamga_detail *detail)
{
    struct tamga_endpoint endpoint;
    nng_dialer dialer;
    enum tamga_err err = tamga_endpoint_parse(&endpoint, addr, false, detail);
    int failed;

    if (err)
        return err;
    if ((failed = nng_dialer_create(&dialer, socket, addr)) ||
        (failed = nng_dialer_set_bool(dialer, NNG_OPT_TCP_KEEPALIVE, true)) ||
        (failed = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK)))
        return tamga_refuse(detail, TAMGA_E_SYSTEM, "cannot dial %.120s: %s", addr,
                            nng_strerror(failed));
    return TAMGA_OK;
}

/* ---- the count of a socket's connections -------------------------------------- */

static void pipes_clear(struct tamga_pipes *pipes)
{
    pthread_cond_destroy(&pipes->gone);
    pthread_mutex_destroy(&pipes->lock);
    free(pipes->pipe);
}

/* NNG tells REM_POST of exactly those pipes of which it told ADD_PRE. A pipe that is
 * refused in ADD_PRE has not begun to receive: there nng_pipe_close is safe. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct tamga_pipes *pipes = context;
    struct tamga_tls_identity who;
    bool refused = false;

    pthread_mutex_lock(&pipes->lock);
    if (event == NNG_PIPE_EV_ADD_PRE) {
        refused = pipes->closing || pipes->count >= pipes->count_max ||
                  !tamga_door_admits(&pipes->door, pipe, &who);
        if (!refused)
            pipes->pipe[pipes->count++] = pipe;
    } else {
        for (size_t i = 0; i < pipes->count; i++)
            if (pipes->pipe[i].id == pipe.id)
                pipes->pipe[i] = pipes->pipe[--pipes->count];
        pthread_cond_broadcast(&pipes->gone);
    }
    pthread_mutex_unlock(&pipes->lock);
    if (refused)
        nng_pipe_close(pipe);
}

enum tamga_err tamga_pipes_open(struct tamga_pipes *pipes, nng_socket socket, size_t count_max)
{
    *pipes = (struct tamga_pipes){.socket = socket, .count_max = count_max};
    pipes->pipe = calloc(count_max, sizeof *pipes->pipe);
    if (!pipes->pipe)
        return TAMGA_E_NO_MEMORY;
    pthread_mutex_init(&pipes->lock, NULL);
    tamga_net_cond_init(&pipes->gone);
    if (nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, on_pipe, pipes) != 0 ||
        nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, on_pipe, pipes) != 0) {
        pipes_clear(pipes);
        return TAMGA_E_SYSTEM;
    }
    return TAMGA_OK;
}

/* Pipes only go by now, and whose place is taken by another is the last one's. */
static void pipes_hang_up(struct tamga_pipes *pipes, size_t count)
{
    for (size_t i = count; i > 0; i--) {
        nng_pipe pipe = NNG_PIPE_INITIALIZER;

        pthread_mutex_lock(&pipes->lock);
        if (i <= pipes->count)
            pipe = pipes->pipe[i - 1];
        pthread_mutex_unlock(&pipes->lock);
        if (nng_pipe_id(pipe) > 0)
            tamga_hang_up(pipe);
    }
}

void tamga_pipes_close(struct tamga_pipes *pipes, uint16_t port)
{
    uint64_t expires_ms = tamga_net_now_ms() + TAMGA_HANG_UP_MS;
    size_t count;

    pthread_mutex_lock(&pipes->lock);
    pipes->closing = true;
    count = pipes->count;
    pthread_mutex_unlock(&pipes->lock);
    tamga_door_hush(&pipes->door);
    if (port > 0)
        tamga_hang_up_port(port);
    else
        pipes_hang_up(pipes, count);
    pthread_mutex_lock(&pipes->lock);
    while (pipes->count > 0)
        if (tamga_net_cond_wait(&pipes->gone, &pipes->lock, expires_ms) != 0)
            break;
    pthread_mutex_unlock(&pipes->lock);
    nng_close(pipes->socket);
    tamga_door_close(&pipes->door);
    pipes_clear(pipes);
}
