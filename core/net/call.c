/*
 * One request from the queue to its answer, in a worker's thread and whatever thread
 * completes it.
 *
 * The same id twice: while a request is in work, another one with its id is dropped
 * without an answer. A completed one leaves no trace, so that a client that lost its
 * answer gets one by asking again: every method is idempotent by what it carries, and
 * the aim here is to bound work, not to run things exactly once. Our own channel never
 * sends an id twice; other clients of REQ do, after a minute and on every disconnect.
 */
#include <assert.h>
#include <string.h>

#include "net/clock.h"
#include "net/server.h"

/* ---- ids in work ------------------------------------------------------------- */

static struct tamga_call **id_chain(struct tamga_call *call)
{
    uint32_t spread = tamga_get_u32(call->request.id.byte);

    return &call->server->by_id[spread % TAMGA_SERVER_ID_BUCKETS];
}

/* False if a request with this id is in work. */
static bool id_list(struct tamga_call *call)
{
    struct tamga_call **chain = id_chain(call);
    struct tamga_call *other;

    pthread_mutex_lock(&call->server->lock);
    for (other = *chain; other; other = other->id_next)
        if (memcmp(&other->request.id, &call->request.id, sizeof call->request.id) == 0)
            break;
    if (!other) {
        call->id_next = *chain;
        *chain = call;
        call->listed = true;
    }
    pthread_mutex_unlock(&call->server->lock);
    return !other;
}

static void id_unlist(struct tamga_call *call)
{
    struct tamga_call **link = id_chain(call);

    if (!call->listed)
        return;
    pthread_mutex_lock(&call->server->lock);
    while (*link != call)
        link = &(*link)->id_next;
    *link = call->id_next;
    pthread_mutex_unlock(&call->server->lock);
    call->listed = false;
}

/* ---- answers ----------------------------------------------------------------- */

/* Takes answer; NULL: there is no memory for one, and the caller runs out of time. */
static void answer_send(struct tamga_call *call, nng_msg *answer)
{
    id_unlist(call);
    tamga_request_clear(&call->request);
    tamga_call_leave(call, answer ? nng_msg_len(answer) : 0);
    if (!answer) {
        tamga_call_done(call);
        return;
    }
    call->sending = true;
    nng_aio_set_msg(call->aio, answer);
    nng_aio_set_timeout(call->aio, (nng_duration)call->server->options.send_timeout_ms);
    nng_ctx_send(call->context, call->aio);
}

static void answer_refusal(struct tamga_call *call, enum tamga_err err,
                           const struct tamga_detail *detail)
{
    const struct tamga_call_id *id = call->request.has_id ? &call->request.id : NULL;
    nng_msg *answer = NULL;

    if (tamga_envelope_refusal(&answer, id, err, detail) != TAMGA_OK)
        answer = NULL;
    answer_send(call, answer);
}

/* From now on exactly one completion is due; a second one is a bug of the handler's. */
static void completion_expect(struct tamga_call *call)
{
    atomic_store(&call->incomplete, true);
}

static void completion_claim(struct tamga_call *call)
{
    bool was_incomplete = atomic_exchange(&call->incomplete, false);

    assert(was_incomplete);
    (void)was_incomplete;
}

/* The closure that a handler gets. */
static void complete(const ProtobufCMessage *message, void *closure_data)
{
    struct tamga_call *call = closure_data;
    struct tamga_detail detail = {""};
    nng_msg *answer = NULL;
    enum tamga_err err;

    completion_claim(call);
    if (!message) {
        answer_refusal(call, TAMGA_E_SYSTEM, NULL);
        return;
    }
    err = tamga_envelope_answer(&answer, &call->request.id, message, &detail);
    if (err)
        answer_refusal(call, err, &detail);
    else
        answer_send(call, answer);
}

void tamga_rpc_fail(void *closure_data, enum tamga_err err, const struct tamga_detail *detail)
{
    assert(err != TAMGA_OK);
    completion_claim(closure_data);
    answer_refusal(closure_data, err, detail);
}

bool tamga_rpc_peer(void *closure_data, struct tamga_tls_identity *out)
{
    return tamga_call_peer(closure_data, out);
}

uint32_t tamga_rpc_left_ms(const void *closure_data)
{
    return tamga_net_left_ms(((const struct tamga_call *)closure_data)->expires_ms);
}

/* ---- one request ------------------------------------------------------------- */

static struct tamga_span message_span(const struct tamga_call *call)
{
    return tamga_span(nng_msg_body(call->message), nng_msg_len(call->message));
}

static void message_free(struct tamga_call *call)
{
    nng_msg_free(call->message);
    call->message = NULL;
}

void tamga_call_refuse(struct tamga_call *call)
{
    struct tamga_detail detail = {""};

    tamga_request_identify(&call->request, message_span(call));
    message_free(call);
    if (call->why == TAMGA_E_RATE_LIMITED)
        (void)tamga_limit_refuse(&detail, &call->hit);
    answer_refusal(call, call->why, &detail);
}

static enum tamga_err request_judge(struct tamga_call *call, struct tamga_detail *detail)
{
    struct tamga_request *request = &call->request;
    struct tamga_tls_identity who;
    bool guarded = atomic_load(&call->server->door.guarded);
    enum tamga_err err;

    /* Behind a gate everybody is known. Who is not any more has gone, and without a role
     * nothing is run. */
    if (guarded && !tamga_call_peer(call, &who)) {
        tamga_request_identify(request, message_span(call));
        message_free(call);
        return TAMGA_E_NOT_MEMBER;
    }
    if (guarded && call->server->options.standing)
        call->server->options.standing(call->server->options.standing_context, &who);
    err = tamga_request_open(request, &call->server->dispatch, guarded ? &who : NULL,
                             message_span(call), detail);
    message_free(call);
    if (err == TAMGA_E_ROLE_DENIED)
        atomic_fetch_add(&call->server->role_denied, 1);
    if (err)
        return err;
    call->expires_ms = call->received_ms + request->deadline_ms;
    if (tamga_net_left_ms(call->expires_ms) == 0)
        return tamga_refuse(detail, TAMGA_E_DEADLINE,
                            "ran out of its %u ms before its work began",
                            request->deadline_ms);
    return TAMGA_OK;
}

void tamga_call_run(struct tamga_call *call, bool stopping)
{
    const struct tamga_request *request = &call->request;
    struct tamga_detail detail = {""};
    enum tamga_err err;

    if (stopping) {
        call->why = TAMGA_E_STOPPING;
        tamga_call_refuse(call);
        return;
    }
    err = request_judge(call, &detail);
    if (err) {
        answer_refusal(call, err, &detail);
        return;
    }
    if (!id_list(call)) {
        atomic_fetch_add(&call->server->repeats, 1);
        answer_send(call, NULL);
        return;
    }
    completion_expect(call);
    /* The call may be completed, and carry the next request, before this returns. */
    request->service->invoke(request->service, request->method_index, request->input, complete,
                             call);
}
