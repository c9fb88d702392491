/*
 * The server's end: one REP socket with many contexts, a queue, and workers.
 *
 * NNG's callbacks run on four threads for the whole process, so they only count and
 * enqueue. Workers judge and run requests. A thread of its own, the door, refuses what
 * is too much: it answers even when every worker is busy, and it logs, at most a line
 * a second for each kind of event, so that a flood of peers is no flood of lines.
 */
#include "net/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/descriptor.h"
#include "net/socket.h"

#define LOG_EVERY_MS 1000

/* ---- queues (under the lock) ------------------------------------------------- */

static struct tamga_call *queue_take(struct tamga_call_queue *queue)
{
    struct tamga_call *call = queue->first;

    if (!call)
        return NULL;
    queue->first = call->queue_next;
    if (!queue->first)
        queue->last = NULL;
    return call;
}

/* ---- connections ------------------------------------------------------------- */

static void pipe_name(char *text, size_t size, nng_pipe pipe)
{
    char host[INET6_ADDRSTRLEN] = "";
    nng_sockaddr address;

    snprintf(text, size, "unknown");
    if (nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address) != 0)
        return;
    if (address.s_family == NNG_AF_INET &&
        inet_ntop(AF_INET, &address.s_in.sa_addr, host, sizeof host))
        snprintf(text, size, "%s:%u", host, ntohs(address.s_in.sa_port));
    else if (address.s_family == NNG_AF_INET6 &&
             inet_ntop(AF_INET6, address.s_in6.sa_addr, host, sizeof host))
        snprintf(text, size, "[%s]:%u", host, ntohs(address.s_in6.sa_port));
}

static void pipe_cut_off(struct tamga_rpc_server *server, nng_pipe pipe)
{
    char who[sizeof server->tally.who];

    pipe_name(who, sizeof who, pipe);
    tamga_hang_up(pipe);
    pthread_mutex_lock(&server->lock);
    server->tally.cut_off++;
    server->counters.cut_off++;
    memcpy(server->tally.who, who, sizeof who);
    pthread_cond_signal(&server->refuse.arrived);
    pthread_mutex_unlock(&server->lock);
}

/* NNG tells REM_POST of exactly those pipes of which it told ADD_PRE. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct tamga_rpc_server *server = context;
    uint32_t id = (uint32_t)nng_pipe_id(pipe);
    enum tamga_err err = TAMGA_OK;

    pthread_mutex_lock(&server->lock);
    if (event == NNG_PIPE_EV_ADD_PRE) {
        err = tamga_server_enter(server, pipe, id);
    } else {
        tamga_server_exit(server, id);
        pthread_cond_broadcast(&server->idle);
    }
    if (err) {
        server->tally.turned_away++;
        server->counters.turned_away++;
        pthread_cond_signal(&server->refuse.arrived);
    }
    pthread_mutex_unlock(&server->lock);
    if (err)
        nng_pipe_close(pipe); /* safe here: it has not begun to receive */
}

/* ---- callbacks: receive, admit, receive again -------------------------------- */

/* Waiting for a request has no time limit: closing the socket ends it. */
static void call_receive(struct tamga_call *call)
{
    call->sending = false;
    nng_aio_set_timeout(call->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(call->context, call->aio);
}

static void on_received(struct tamga_call *call)
{
    struct tamga_rpc_server *server = call->server;
    int failed = nng_aio_result(call->aio);
    pthread_cond_t *arrived;
    enum tamga_verdict verdict;
    nng_msg *message;
    nng_pipe pipe;

    if (failed == NNG_ECLOSED || failed == NNG_ECANCELED)
        return;
    if (failed) {
        call_receive(call);
        return;
    }
    message = call->message = nng_aio_get_msg(call->aio);
    nng_aio_set_msg(call->aio, NULL);
    pipe = nng_msg_get_pipe(message);
    call->pipe = (uint32_t)nng_pipe_id(pipe);
    call->received_ms = tamga_net_now_ms();
    pthread_mutex_lock(&server->lock);
    verdict = tamga_server_admit(server, call);
    arrived = call->leaving ? &server->refuse.arrived : &server->work.arrived;
    pthread_mutex_unlock(&server->lock);
    if (verdict == TAMGA_VERDICT_TAKEN) {
        pthread_cond_signal(arrived); /* who wakes up finds the lock free */
        return;
    }
    call->message = NULL;
    nng_msg_free(message);
    if (verdict == TAMGA_VERDICT_CUT_OFF)
        pipe_cut_off(server, pipe);
    call_receive(call);
}

static void on_sent(struct tamga_call *call)
{
    int failed = nng_aio_result(call->aio);

    if (failed) {
        nng_msg_free(nng_aio_get_msg(call->aio));
        nng_aio_set_msg(call->aio, NULL);
    }
    if (failed == NNG_ETIMEDOUT)
        pipe_cut_off(call->server, (nng_pipe){.id = call->pipe});
    tamga_call_done(call);
}

static void on_event(void *context)
{
    struct tamga_call *call = context;

    if (call->sending)
        on_sent(call);
    else
        on_received(call);
}

/* Receives under the lock: otherwise close could free the call in between. NNG never
 * calls back from inside nng_ctx_recv. */
void tamga_call_done(struct tamga_call *call)
{
    struct tamga_rpc_server *server = call->server;
    struct tamga_seat *seat;

    pthread_mutex_lock(&server->lock);
    seat = tamga_seats_find(&server->seats, call->pipe);
    if (seat)
        seat->leaving--;
    if (--server->leaving == 0)
        pthread_cond_broadcast(&server->idle);
    call_receive(call);
    pthread_mutex_unlock(&server->lock);
}

/* ---- threads ----------------------------------------------------------------- */

static void *worker_run(void *context)
{
    struct tamga_rpc_server *server = context;
    struct tamga_call *call;

    pthread_mutex_lock(&server->lock);
    for (;;) {
        while (!(call = queue_take(&server->work)) && !server->closing)
            pthread_cond_wait(&server->work.arrived, &server->lock);
        if (!call)
            break;
        bool stopping = server->stopping;
        pthread_mutex_unlock(&server->lock);
        tamga_call_run(call, stopping);
        pthread_mutex_lock(&server->lock);
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static bool tally_is_empty(const struct tamga_server_tally *tally)
{
    return !tally->cut_off && !tally->refused && !tally->dropped && !tally->turned_away;
}

static void tally_log(const struct tamga_rpc_server *server,
                      const struct tamga_server_tally *tally)
{
    const struct tamga_rpc_server_options *options = &server->options;
    struct tamga_detail words;
    char text[512];

    if (tally->cut_off) {
        snprintf(text, sizeof text,
                 "%u connections did not read their answers or heed a limit, the last of %s",
                 tally->cut_off, tally->who);
        options->log(options->log_context, "cut_off", text);
    }
    if (tally->limited) {
        (void)tamga_limit_refuse(&words, &tally->hit);
        snprintf(text, sizeof text, "%u requests above a limit, the last of %s: %s",
                 tally->limited, tally->limited_name, words.text);
        options->log(options->log_context, "rate_limited", text);
    }
    if (tally->refused > tally->limited || tally->dropped) {
        snprintf(text, sizeof text,
                 "%u requests refused (%u without an answer); at most %u are taken on",
                 tally->refused - tally->limited, tally->dropped, options->contexts);
        options->log(options->log_context, "refused", text);
    }
    if (tally->turned_away) {
        snprintf(text, sizeof text,
                 "%u connections turned away: more than %u, not the gate's, or gone again",
                 tally->turned_away, options->pipes_max);
        options->log(options->log_context, "turned_away", text);
    }
}

/* Under the lock, which is released while logging. */
static void door_log(struct tamga_rpc_server *server, uint64_t *logged_ms)
{
    struct tamga_server_tally tally = server->tally;

    if (tally_is_empty(&tally) || tamga_net_now_ms() < *logged_ms + LOG_EVERY_MS)
        return;
    server->tally = (struct tamga_server_tally){0};
    *logged_ms = tamga_net_now_ms();
    pthread_mutex_unlock(&server->lock);
    if (server->options.log)
        tally_log(server, &tally);
    pthread_mutex_lock(&server->lock);
}

static void *door_run(void *context)
{
    struct tamga_rpc_server *server = context;
    struct tamga_call *call;
    uint64_t logged_ms = 0;

    pthread_mutex_lock(&server->lock);
    for (;;) {
        door_log(server, &logged_ms);
        call = queue_take(&server->refuse);
        if (call) {
            pthread_mutex_unlock(&server->lock);
            tamga_call_refuse(call);
            pthread_mutex_lock(&server->lock);
        } else if (server->closing) {
            break;
        } else if (tally_is_empty(&server->tally)) {
            pthread_cond_wait(&server->refuse.arrived, &server->lock);
        } else {
            tamga_net_cond_wait(&server->refuse.arrived, &server->lock,
                                logged_ms + LOG_EVERY_MS);
        }
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* ---- life -------------------------------------------------------------------- */

static bool limit_is_good(const struct tamga_limit *limit)
{
    return limit->bytes_in_per_s <= TAMGA_LIMIT_RATE_MAX &&
           limit->bytes_out_per_s <= TAMGA_LIMIT_RATE_MAX;
}

static enum tamga_err options_judge(const struct tamga_rpc_server_options *options,
                                    struct tamga_detail *detail)
{
    if (options->threads < 1 || options->threads > TAMGA_SERVER_THREADS_MAX)
        return tamga_refuse(detail, TAMGA_E_USAGE, "%u threads, not 1..%u", options->threads,
                            TAMGA_SERVER_THREADS_MAX);
    if (options->contexts < 1 || options->contexts > TAMGA_SERVER_CONTEXTS_MAX)
        return tamga_refuse(detail, TAMGA_E_USAGE, "%u contexts, not 1..%u", options->contexts,
                            TAMGA_SERVER_CONTEXTS_MAX);
    if (options->per_pipe_max < 1 || options->per_pipe_max > options->contexts)
        return tamga_refuse(detail, TAMGA_E_USAGE, "%u requests per connection, not 1..%u",
                            options->per_pipe_max, options->contexts);
    if (options->pipes_max < 1 || options->pipes_max > TAMGA_SERVER_PIPES_MAX)
        return tamga_refuse(detail, TAMGA_E_USAGE, "%u connections, not 1..%u",
                            options->pipes_max, TAMGA_SERVER_PIPES_MAX);
    if (!limit_is_good(&options->limits.connection) || !limit_is_good(&options->limits.address) ||
        !limit_is_good(&options->limits.member) || !limit_is_good(&options->limits.device))
        return tamga_refuse(detail, TAMGA_E_USAGE, "a limit above %llu a second",
                            (unsigned long long)TAMGA_LIMIT_RATE_MAX);
    if (options->send_timeout_ms < 1 || options->send_timeout_ms > TAMGA_RPC_DEADLINE_MS_MAX)
        return tamga_refuse(detail, TAMGA_E_USAGE, "send time limit of %u ms, not 1..%u",
                            options->send_timeout_ms, TAMGA_RPC_DEADLINE_MS_MAX);
    return TAMGA_OK;
}

static enum tamga_err server_new(struct tamga_rpc_server **out,
                                 const struct tamga_rpc_server_options *options)
{
    struct tamga_rpc_server *server = calloc(1, sizeof *server);

    if (!server)
        return TAMGA_E_NO_MEMORY;
    server->options = *options;
    server->options.listen = NULL; /* borrowed for open only */
    server->options.link = NULL;
    server->options.limits.connection.concurrent = options->per_pipe_max;
    server->call_count = options->contexts + TAMGA_SERVER_LEAVING_MAX;
    server->call = calloc(server->call_count, sizeof *server->call);
    if (!server->call || tamga_seats_open(&server->seats, options->pipes_max) != TAMGA_OK ||
        tamga_parties_open(&server->parties, options->pipes_max + options->contexts) !=
            TAMGA_OK) {
        tamga_seats_close(&server->seats);
        free(server->call);
        free(server);
        return TAMGA_E_NO_MEMORY;
    }
    pthread_mutex_init(&server->lock, NULL);
    tamga_net_cond_init(&server->idle);
    pthread_cond_init(&server->work.arrived, NULL);
    tamga_net_cond_init(&server->refuse.arrived);
    tamga_dispatch_init(&server->dispatch);
    *out = server;
    return TAMGA_OK;
}

static void server_free(struct tamga_rpc_server *server)
{
    for (size_t i = 0; i < server->call_count; i++) {
        nng_aio_free(server->call[i].aio);
        nng_msg_free(server->call[i].message);
    }
    tamga_parties_close(&server->parties);
    tamga_seats_close(&server->seats);
    pthread_cond_destroy(&server->refuse.arrived);
    pthread_cond_destroy(&server->work.arrived);
    pthread_cond_destroy(&server->idle);
    pthread_mutex_destroy(&server->lock);
    free(server->call);
    free(server);
}

static int server_prepare(struct tamga_rpc_server *server)
{
    int failed;

    if ((failed = tamga_socket_limit(server->socket)) ||
        (failed = nng_pipe_notify(server->socket, NNG_PIPE_EV_ADD_PRE, on_pipe, server)))
        return failed;
    return nng_pipe_notify(server->socket, NNG_PIPE_EV_REM_POST, on_pipe, server);
}

enum tamga_err tamga_rpc_server_open(struct tamga_rpc_server **out,
                                     const struct tamga_rpc_server_options *options,
                                     struct tamga_detail *detail)
{
    const struct tamga_door_options door = {
        .link = options->link,
        .conns_max = options->pipes_max,
        .stuck_ms = options->send_timeout_ms,
        .log = options->log,
        .context = options->log_context,
    };
    struct tamga_rpc_server *server = NULL;
    enum tamga_err err = options_judge(options, detail);
    int failed;

    if (err || (err = server_new(&server, options)))
        return err;
    failed = nng_rep0_open(&server->socket);
    if (failed) {
        server_free(server);
        return tamga_refuse(detail, TAMGA_E_SYSTEM, "cannot serve: %s", nng_strerror(failed));
    }
    failed = server_prepare(server);
    err = failed ? tamga_refuse(detail, TAMGA_E_SYSTEM, "cannot serve: %s", nng_strerror(failed))
                 : tamga_door_listen(&server->door, server->socket, &server->bound,
                                     options->listen, &door, detail);
    if (err) {
        tamga_rpc_server_close(server);
        return err;
    }
    tamga_endpoint_format(server->addr, &server->bound);
    *out = server;
    return TAMGA_OK;
}

enum tamga_err tamga_rpc_server_add(struct tamga_rpc_server *server, ProtobufCService *service)
{
    assert(server->thread_count == 0);
    return tamga_dispatch_add(&server->dispatch, service);
}

enum tamga_err tamga_rpc_server_restrict(struct tamga_rpc_server *server, const char *path,
                                         uint32_t callers)
{
    assert(server->thread_count == 0);
    return tamga_dispatch_restrict(&server->dispatch, path, callers);
}

static enum tamga_err thread_start(struct tamga_rpc_server *server, void *(*run)(void *))
{
    if (pthread_create(&server->thread[server->thread_count], NULL, run, server) != 0)
        return TAMGA_E_SYSTEM;
    server->thread_count++;
    return TAMGA_OK;
}

enum tamga_err tamga_rpc_server_start(struct tamga_rpc_server *server)
{
    enum tamga_err err;

    assert(server->thread_count == 0);
    for (size_t i = 0; i < server->call_count; i++) {
        struct tamga_call *call = &server->call[i];

        call->server = server;
        if (nng_aio_alloc(&call->aio, on_event, call) != 0)
            return TAMGA_E_NO_MEMORY;
        if (nng_ctx_open(&call->context, server->socket) != 0)
            return TAMGA_E_SYSTEM;
    }
    if ((err = thread_start(server, door_run)))
        return err;
    for (unsigned i = 0; i < server->options.threads; i++)
        if ((err = thread_start(server, worker_run)))
            return err;
    for (size_t i = 0; i < server->call_count; i++)
        call_receive(&server->call[i]);
    return TAMGA_OK;
}

const char *tamga_rpc_server_addr(const struct tamga_rpc_server *server)
{
    return server->addr;
}

void tamga_rpc_server_set_serving(struct tamga_rpc_server *server, bool serving)
{
    atomic_store(&server->dispatch.serving, serving);
}

void tamga_rpc_server_stop(struct tamga_rpc_server *server)
{
    tamga_rpc_server_set_serving(server, false);
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_mutex_unlock(&server->lock);
}

/* New ones are refused by now, and requests are received and dropped. */
static void connections_end(struct tamga_rpc_server *server)
{
    uint64_t expires_ms = tamga_net_now_ms() + TAMGA_HANG_UP_MS;

    tamga_door_hush(&server->door);
    if (server->door.inner_port > 0)
        tamga_hang_up_port(server->door.inner_port);
    pthread_mutex_lock(&server->lock);
    while (server->seats.taken > 0)
        if (tamga_net_cond_wait(&server->idle, &server->lock, expires_ms) != 0)
            break;
    pthread_mutex_unlock(&server->lock);
}

/* The order matters: nobody owns a call any more when its aio is freed. */
void tamga_rpc_server_close(struct tamga_rpc_server *server)
{
    if (!server)
        return;
    tamga_rpc_server_stop(server);
    pthread_mutex_lock(&server->lock);
    while (server->working > 0)
        pthread_cond_wait(&server->idle, &server->lock);
    server->closing = true;
    pthread_cond_broadcast(&server->work.arrived);
    pthread_cond_broadcast(&server->refuse.arrived);
    while (server->leaving > 0) /* each of them has its time limit */
        pthread_cond_wait(&server->idle, &server->lock);
    pthread_mutex_unlock(&server->lock);
    for (unsigned i = 0; i < server->thread_count; i++)
        pthread_join(server->thread[i], NULL);
    connections_end(server);
    nng_close(server->socket);
    tamga_door_close(&server->door);
    server_free(server);
}
