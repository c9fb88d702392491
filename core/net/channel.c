/*
 * The client's end: one REQ socket, and for each call a context of its own, so that
 * threads do not wait for each other. Never sends a call twice: the resend timer of
 * REQ is off, and a lost connection ends the calls that were sent on it.
 * Knows no service: a call is a method's descriptor and two messages.
 */
#include <assert.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "net/clock.h"
#include "net/descriptor.h"
#include "net/envelope.h"
#include "net/rpc.h"
#include "net/socket.h"

/* A connection that has answered nothing for this long when a call runs out of time is
 * taken for dead and made anew: TCP alone notices a lost host after a quarter of an hour. */
#define QUIET_MS 10000
/* Through a gate: connections at once (one, and for a moment former ones), and how long the
 * server may take no bytes. */
#define DIALED_MAX 4
#define STUCK_MS   30000

struct tamga_channel {
    nng_socket socket;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* pipes or calls or closing */
    unsigned pipes;         /* connections: 0 or 1, for a moment 2 */
    nng_pipe pipe;          /* the newest one */
    uint64_t heard_ms;      /* of a connection made or an answer read */
    unsigned calls;
    bool closing;
    struct tamga_door door;
    char addr[TAMGA_ENDPOINT_TEXT_MAX];
};

/* In a thread of NNG, of which there are four: count and leave. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct tamga_channel *channel = context;
    bool refused;

    pthread_mutex_lock(&channel->lock);
    refused = channel->closing && event == NNG_PIPE_EV_ADD_PRE;
    if (event == NNG_PIPE_EV_ADD_PRE) {
        channel->pipes++;
        channel->pipe = pipe;
        channel->heard_ms = tamga_net_now_ms();
    } else {
        channel->pipes--;
    }
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
    if (refused)
        nng_pipe_close(pipe); /* safe here: it has not begun to receive */
}

static int channel_prepare(struct tamga_channel *channel)
{
    int failed;

    if ((failed = tamga_socket_limit(channel->socket)) ||
        (failed = nng_socket_set_ms(channel->socket, NNG_OPT_REQ_RESENDTIME,
                                    NNG_DURATION_INFINITE)) ||
        (failed = nng_pipe_notify(channel->socket, NNG_PIPE_EV_ADD_PRE, on_pipe, channel)))
        return failed;
    return nng_pipe_notify(channel->socket, NNG_PIPE_EV_REM_POST, on_pipe, channel);
}

static enum tamga_err channel_new(struct tamga_channel **out)
{
    struct tamga_channel *channel = calloc(1, sizeof *channel);

    if (!channel)
        return TAMGA_E_NO_MEMORY;
    if (tamga_net_cond_init(&channel->changed) != 0) {
        free(channel);
        return TAMGA_E_SYSTEM;
    }
    pthread_mutex_init(&channel->lock, NULL);
    *out = channel;
    return TAMGA_OK;
}

static void channel_free(struct tamga_channel *channel)
{
    pthread_cond_destroy(&channel->changed);
    pthread_mutex_destroy(&channel->lock);
    free(channel);
}

/* In the gate's thread: who waits for a connection may want to know. */
static void on_failed(void *context)
{
    struct tamga_channel *channel = context;

    pthread_mutex_lock(&channel->lock);
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
}

enum tamga_err tamga_channel_open(struct tamga_channel **out, const char *addr,
                                  struct tamga_detail *detail)
{
    return tamga_channel_open_link(out, addr, NULL, detail);
}

enum tamga_err tamga_channel_open_link(struct tamga_channel **out, const char *addr,
                                       const struct tamga_net_link *link,
                                       struct tamga_detail *detail)
{
    struct tamga_door_options door = {
        .link = link, .conns_max = DIALED_MAX, .stuck_ms = STUCK_MS, .failed = on_failed};
    struct tamga_channel *channel = NULL;
    struct tamga_endpoint endpoint;
    enum tamga_err err = link && link->tls
                             ? tamga_endpoint_parse_link(&endpoint, addr, false, detail)
                             : tamga_endpoint_parse(&endpoint, addr, false, detail);
    int failed;

    if (err || (err = channel_new(&channel)))
        return err;
    door.context = channel;
    tamga_endpoint_format(channel->addr, &endpoint);
    failed = nng_req0_open(&channel->socket);
    if (failed) {
        channel_free(channel);
        return tamga_refuse(detail, TAMGA_E_SYSTEM, "cannot open: %s", nng_strerror(failed));
    }
    failed = channel_prepare(channel);
    err = failed ? tamga_refuse(detail, TAMGA_E_SYSTEM, "cannot open: %s", nng_strerror(failed))
                 : tamga_door_dial(&channel->door, channel->socket, channel->addr, &door, detail);
    if (err)
        tamga_channel_close(channel);
    else
        *out = channel;
    return err;
}

void tamga_channel_stop(struct tamga_channel *channel)
{
    uint64_t expires_ms = tamga_net_now_ms() + TAMGA_HANG_UP_MS;
    nng_pipe pipe = NNG_PIPE_INITIALIZER;
    bool stopped;

    if (!channel)
        return;
    pthread_mutex_lock(&channel->lock);
    stopped = channel->closing;
    channel->closing = true;
    if (channel->pipes > 0)
        pipe = channel->pipe;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
    if (stopped)
        return;
    tamga_door_hush(&channel->door);
    if (nng_pipe_id(pipe) > 0)
        tamga_hang_up(pipe);
    pthread_mutex_lock(&channel->lock);
    while (channel->pipes > 0)
        if (tamga_net_cond_wait(&channel->changed, &channel->lock, expires_ms) != 0)
            break;
    pthread_mutex_unlock(&channel->lock);
    nng_close(channel->socket);
    tamga_door_close(&channel->door);
}

void tamga_channel_close(struct tamga_channel *channel)
{
    if (!channel)
        return;
    tamga_channel_stop(channel);
    pthread_mutex_lock(&channel->lock);
    while (channel->calls > 0)
        pthread_cond_wait(&channel->changed, &channel->lock);
    pthread_mutex_unlock(&channel->lock);
    channel_free(channel);
}

const char *tamga_channel_addr(const struct tamga_channel *channel)
{
    return channel->addr;
}

/* ---- one call ---------------------------------------------------------------- */

struct exchange {
    struct tamga_channel *channel;
    uint64_t expires_ms;
    struct tamga_call_id id;
    nng_ctx context;
    nng_aio *aio;
    nng_msg *reply;
};

static enum tamga_err unreachable(const struct tamga_channel *channel,
                                  struct tamga_detail *detail, const char *why)
{
    return tamga_refuse(detail, TAMGA_E_UNREACHABLE, "%.120s: %s", channel->addr, why);
}

static enum tamga_err enter(struct tamga_channel *channel, struct tamga_detail *detail)
{
    bool closing;

    pthread_mutex_lock(&channel->lock);
    closing = channel->closing;
    if (!closing)
        channel->calls++;
    pthread_mutex_unlock(&channel->lock);
    return closing ? unreachable(channel, detail, "channel is closed") : TAMGA_OK;
}

static void leave(struct tamga_channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->calls--;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
}

/* A verdict on a certificate is an answer: waiting would not change it. */
static enum tamga_err refused(struct tamga_channel *channel, struct tamga_detail *detail)
{
    struct tamga_detail why = {""};
    enum tamga_err err = tamga_door_why(&channel->door, &why);

    if (tamga_err_class(err) != TAMGA_CLASS_REJECT)
        return TAMGA_OK;
    return tamga_refuse(detail, err, "%.100s: %.150s", channel->addr, why.text);
}

static enum tamga_err wait_connected(const struct exchange *exchange,
                                     struct tamga_detail *detail)
{
    struct tamga_channel *channel = exchange->channel;
    enum tamga_err err = TAMGA_OK;
    bool connected;

    pthread_mutex_lock(&channel->lock);
    while (channel->pipes == 0 && !channel->closing && !(err = refused(channel, detail)))
        if (tamga_net_cond_wait(&channel->changed, &channel->lock, exchange->expires_ms) != 0)
            break;
    connected = channel->pipes > 0 && !channel->closing;
    pthread_mutex_unlock(&channel->lock);
    if (!connected && err)
        return err;
    return connected ? TAMGA_OK : unreachable(channel, detail, "no connection in the time given");
}

static void heard(struct tamga_channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->heard_ms = tamga_net_now_ms();
    pthread_mutex_unlock(&channel->lock);
}

/* What running out of time means, and the end of a connection that went dead. */
static enum tamga_err out_of_time(struct tamga_channel *channel, struct tamga_detail *detail)
{
    nng_pipe dead = NNG_PIPE_INITIALIZER;
    enum tamga_err err;
    bool connected;

    pthread_mutex_lock(&channel->lock);
    connected = channel->pipes > 0;
    err = connected ? TAMGA_OK : refused(channel, detail);
    if (connected && tamga_net_now_ms() - channel->heard_ms > QUIET_MS) {
        dead = channel->pipe;
        channel->heard_ms = tamga_net_now_ms();
    }
    pthread_mutex_unlock(&channel->lock);
    if (nng_pipe_id(dead) > 0)
        tamga_hang_up(dead);
    if (err)
        return err;
    return connected ? tamga_refuse(detail, TAMGA_E_DEADLINE, "%.120s: connected, no answer",
                                    channel->addr)
                     : unreachable(channel, detail, "connection is lost");
}

static enum tamga_err judge_failure(struct tamga_channel *channel, int failed,
                                    struct tamga_detail *detail)
{
    switch (failed) {
    case 0:
        return TAMGA_OK;
    case NNG_ETIMEDOUT:
        return out_of_time(channel, detail);
    case NNG_ECONNRESET:
    case NNG_ECONNSHUT:
    case NNG_ECLOSED:
    case NNG_ECANCELED:
        return unreachable(channel, detail, "connection was lost before the answer");
    case NNG_ENOMEM:
        return TAMGA_E_NO_MEMORY;
    default:
        return tamga_refuse(detail, TAMGA_E_SYSTEM, "%s", nng_strerror(failed));
    }
}

/*
 * NNG 1.5 destroys a socket's lock while another thread is on its way into it: so nothing is
 * begun once the channel is closing, and closing does not go on while something is begun.
 */
static enum tamga_err begin(struct exchange *exchange, void (*operation)(nng_ctx, nng_aio *),
                            struct tamga_detail *detail)
{
    struct tamga_channel *channel = exchange->channel;
    bool closing;

    pthread_mutex_lock(&channel->lock);
    closing = channel->closing;
    if (!closing)
        operation(exchange->context, exchange->aio);
    pthread_mutex_unlock(&channel->lock);
    if (closing)
        return unreachable(channel, detail, "channel is closed");
    nng_aio_wait(exchange->aio);
    return judge_failure(channel, nng_aio_result(exchange->aio), detail);
}

/* Takes request. One operation's time limit is what is left of the whole call's. */
static enum tamga_err send_request(struct exchange *exchange, nng_msg *request,
                                   struct tamga_detail *detail)
{
    enum tamga_err err;

    nng_aio_set_msg(exchange->aio, request);
    nng_aio_set_timeout(exchange->aio, (nng_duration)tamga_net_left_ms(exchange->expires_ms));
    err = begin(exchange, nng_ctx_send, detail);
    if (err)
        nng_msg_free(nng_aio_get_msg(exchange->aio));
    return err;
}

static enum tamga_err take_reply(struct exchange *exchange, struct tamga_detail *detail)
{
    enum tamga_err err;

    nng_aio_set_timeout(exchange->aio, (nng_duration)tamga_net_left_ms(exchange->expires_ms));
    err = begin(exchange, nng_ctx_recv, detail);
    if (err)
        return err;
    exchange->reply = nng_aio_get_msg(exchange->aio);
    heard(exchange->channel);
    return TAMGA_OK;
}

static enum tamga_err exchange_open(struct exchange *exchange, struct tamga_detail *detail)
{
    int failed = nng_aio_alloc(&exchange->aio, NULL, NULL);

    if (failed)
        return TAMGA_E_NO_MEMORY;
    if (getrandom(exchange->id.byte, sizeof exchange->id.byte, 0) !=
        (ssize_t)sizeof exchange->id.byte)
        return tamga_refuse(detail, TAMGA_E_SYSTEM, "no random bytes for the call's id");
    pthread_mutex_lock(&exchange->channel->lock);
    failed = exchange->channel->closing
                 ? NNG_ECLOSED
                 : nng_ctx_open(&exchange->context, exchange->channel->socket);
    pthread_mutex_unlock(&exchange->channel->lock);
    return judge_failure(exchange->channel, failed, detail);
}

static void exchange_close(struct exchange *exchange)
{
    nng_ctx_close(exchange->context);
    nng_aio_free(exchange->aio);
    nng_msg_free(exchange->reply);
}

static enum tamga_err exchange_run(struct exchange *exchange, ProtobufCMessage **out,
                                   const char *method, const ProtobufCMessageDescriptor *type,
                                   struct tamga_span payload, struct tamga_detail *detail)
{
    nng_msg *request = NULL;
    enum tamga_err err;

    if ((err = wait_connected(exchange, detail)) || (err = exchange_open(exchange, detail)))
        return err;
    uint32_t left_ms = tamga_net_left_ms(exchange->expires_ms);
    if (left_ms == 0)
        return out_of_time(exchange->channel, detail);
    err = tamga_envelope_request(&request, method, &exchange->id, left_ms, payload);
    if (err || (err = send_request(exchange, request, detail)) ||
        (err = take_reply(exchange, detail)))
        return err;
    return tamga_envelope_open(
        out, type, &exchange->id,
        tamga_span(nng_msg_body(exchange->reply), nng_msg_len(exchange->reply)), detail);
}

static enum tamga_err call(struct tamga_reply *reply, const char *method,
                           const ProtobufCMessageDescriptor *type,
                           const ProtobufCMessage *input)
{
    uint32_t deadline_ms = reply->deadline_ms ? reply->deadline_ms : TAMGA_RPC_DEADLINE_MS;
    struct exchange exchange = {.channel = reply->channel,
                                .context = NNG_CTX_INITIALIZER};
    TAMGA_BUF payload = {0};
    enum tamga_err err;

    if (deadline_ms > TAMGA_RPC_DEADLINE_MS_MAX)
        deadline_ms = TAMGA_RPC_DEADLINE_MS_MAX;
    exchange.expires_ms = tamga_net_now_ms() + deadline_ms;
    if ((err = tamga_envelope_payload(&payload, input, &reply->detail)) ||
        (err = enter(reply->channel, &reply->detail)))
        return err;
    err = exchange_run(&exchange, &reply->message, method, type, tamga_buf_span(&payload),
                       &reply->detail);
    exchange_close(&exchange);
    leave(reply->channel);
    return err;
}

/* ---- what the stubs see ------------------------------------------------------ */

static void reply_invoke(ProtobufCService *service, unsigned method_index,
                         const ProtobufCMessage *input, ProtobufCClosure closure,
                         void *closure_data)
{
    struct tamga_reply *reply =
        (struct tamga_reply *)(void *)((char *)service - offsetof(struct tamga_reply, service));
    const ProtobufCMethodDescriptor *method = &service->descriptor->methods[method_index];
    char name[TAMGA_METHOD_TEXT_MAX];

    assert(method_index < service->descriptor->n_methods);
    assert(input->descriptor == method->input);
    tamga_reply_clear(reply);
    snprintf(name, sizeof name, "/%s/%s", service->descriptor->name, method->name);
    reply->err = call(reply, name, method->output, input);
    closure(reply->message, closure_data);
}

static void reply_destroy(ProtobufCService *service)
{
    (void)service; /* a part of the reply, which is the caller's */
}

ProtobufCService *tamga_reply_service(struct tamga_reply *reply,
                                      const ProtobufCServiceDescriptor *descriptor)
{
    reply->service = (ProtobufCService){
        .descriptor = descriptor, .invoke = reply_invoke, .destroy = reply_destroy};
    return &reply->service;
}

/* The reply has everything already; the stub only needs a closure to call. */
void tamga_reply_take(const ProtobufCMessage *message, void *reply)
{
    assert(message == ((struct tamga_reply *)reply)->message);
    (void)message;
    (void)reply;
}

void tamga_reply_clear(struct tamga_reply *reply)
{
    tamga_wire_free(reply->message);
    reply->message = NULL;
    reply->err = TAMGA_OK;
    reply->detail.text[0] = '\0';
}
