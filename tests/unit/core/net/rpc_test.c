/* Tests of core/net/channel.c, server.c, call.c and dispatch.c: honest peers. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "net/clock.h"
#include "net/server.h"
#include "tamga/v1/chain_service.pb-c.h"

/*
 * Goal:   a call by the generated stub runs the handler and brings its answer back.
 * Method: Get echoes its cid; Has fails without a detail; a 2 MiB answer; one reply
 *         used for two calls.
 */
Test(rpc, answers_by_generated_stubs)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    Tamga__V1__GetContentRequest request = TAMGA__V1__GET_CONTENT_REQUEST__INIT;
    size_t len = 0;

    fixture_open(&fixture, &options);
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = fixture.channel};
    request.cid = (char *)(uintptr_t) "hello";
    for (int i = 0; i < 2; i++) {
        tamga__v1__content_service__get(
            tamga_reply_service(&reply, &tamga__v1__content_service__descriptor), &request,
            (Tamga__V1__GetContentResponse_Closure)tamga_reply_take, &reply);
        cr_assert_eq(reply.err, TAMGA_OK);
        const Tamga__V1__GetContentResponse *response = (const void *)reply.message;
        cr_assert(tamga_span_equal(tamga_wire_span(response->block), tamga_span_text("hello")));
    }
    cr_assert_eq(fixture_get(fixture.channel, "big", 0, &len, NULL), TAMGA_OK);
    cr_assert_eq(len, FIXTURE_BIG_BYTES);
    cr_assert_eq(atomic_load(&fixture.runs), 3);
    fixture_close(&fixture);
}

/*
 * Goal:   a refusal arrives with its code and its detail, made printable; on the wire
 *         it has the gRPC status, the name and the call's id.
 * Method: the same failing call by the channel and by a raw peer.
 */
Test(rpc, carries_errors)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_detail detail;
    ProtobufCMessage *message = NULL;
    TAMGA_BUF request = {0}, answer = {0};

    fixture_open(&fixture, &options);
    cr_assert_eq(fixture_get(fixture.channel, "fail", 0, NULL, &detail), TAMGA_E_NOT_FOUND);
    cr_assert_str_eq(detail.text, "no ? such cid");

    int fd = raw_requester(fixture_port(tamga_rpc_server_addr(fixture.server)));
    raw_get(&request, "fail", 7, 1000);
    cr_assert(raw_send(fd, 1, tamga_buf_span(&request)));
    cr_assert(raw_receive(fd, &answer));
    cr_assert_eq(tamga_wire_unpack(&message, &tamga__v1__rpc_response__descriptor,
                                   TAMGA_WIRE_LOOSE, tamga_buf_span(&answer), NULL), TAMGA_OK);
    const Tamga__V1__RpcResponse *response = (const void *)message;
    cr_assert_eq(response->status, 5);
    cr_assert_str_eq(response->message, tamga_err_text(TAMGA_E_NOT_FOUND));
    cr_assert_eq(response->details->code, TAMGA_E_NOT_FOUND);
    cr_assert_str_eq(response->details->name, "NOT_FOUND");
    cr_assert_eq(response->request_id.len, 16);
    cr_assert_eq(response->request_id.data[0], 7);
    cr_assert_eq(response->payload.len, 0);
    tamga_wire_free(message);
    close(fd);
    fixture_close(&fixture);
}

/*
 * Goal:   the deadline ends a call that is not answered, and the handler sees it.
 * Method: hold a call of 150 ms; it ends no earlier; the held call has no time left.
 */
Test(rpc, ends_at_its_deadline)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    uint64_t begun_ms = tamga_net_now_ms();

    fixture_open(&fixture, &options);
    cr_assert_eq(fixture_get(fixture.channel, "hold", 150, NULL, NULL), TAMGA_E_DEADLINE);
    cr_assert_geq(tamga_net_now_ms() - begun_ms, 149);
    cr_assert_lt(tamga_net_now_ms() - begun_ms, 5000);
    struct fixture_call *held = fixture_held(&fixture);
    cr_assert_not_null(held);
    cr_assert_lt(fixture_left_ms(held), 150);
    fixture_complete(held, "too late");
    cr_assert_eq(fixture_get(fixture.channel, "next", 5000, NULL, NULL), TAMGA_OK);
    fixture_close(&fixture);
}

/* A service whose one worker waits until it is let go. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool at_gate;

static void gated_put(Tamga__V1__ContentService_Service *service,
                      const Tamga__V1__PutContentRequest *input,
                      Tamga__V1__PutContentResponse_Closure closure, void *call)
{
    Tamga__V1__PutContentResponse response = TAMGA__V1__PUT_CONTENT_RESPONSE__INIT;

    (void)service;
    (void)input;
    atomic_store(&at_gate, true);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    closure(&response, call);
}

static bool is_at_gate(void *context)
{
    (void)context;
    return atomic_load(&at_gate);
}

static void *put_in_thread(void *channel)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = channel};
    Tamga__V1__PutContentRequest request = TAMGA__V1__PUT_CONTENT_REQUEST__INIT;

    tamga__v1__content_service__put(
        tamga_reply_service(&reply, &tamga__v1__content_service__descriptor), &request,
        (Tamga__V1__PutContentResponse_Closure)tamga_reply_take, &reply);
    return (void *)(uintptr_t)reply.err;
}

/*
 * Goal:   a request whose time ran out in the queue is answered DEADLINE, without work.
 * Method: one worker, held; a raw request of 20 ms behind it, whose time passes at its
 *         sender; then the worker is let go.
 */
Test(rpc, does_no_work_for_an_expired_request)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    TAMGA_BUF request = {0}, answer = {0};
    ProtobufCMessage *message = NULL;
    pthread_t putter;
    void *result;

    options.threads = 1;
    fixture_open(&fixture, &options);
    fixture.content.put = gated_put;
    pthread_mutex_lock(&gate);
    cr_assert_eq(pthread_create(&putter, NULL, put_in_thread, fixture.channel), 0);
    cr_assert(fixture_wait(is_at_gate, NULL, 10000));
    int fd = raw_requester(fixture_port(tamga_rpc_server_addr(fixture.server)));
    raw_get(&request, "expired", 1, 20);
    cr_assert(raw_send(fd, 1, tamga_buf_span(&request)));
    cr_assert_eq(fixture_get(fixture.channel, "behind", 100, NULL, NULL), TAMGA_E_DEADLINE);
    pthread_mutex_unlock(&gate);
    cr_assert_eq(pthread_join(putter, &result), 0);
    cr_assert_eq((uintptr_t)result, TAMGA_OK);
    cr_assert(raw_receive(fd, &answer));
    cr_assert_eq(tamga_wire_unpack(&message, &tamga__v1__rpc_response__descriptor,
                                   TAMGA_WIRE_LOOSE, tamga_buf_span(&answer), NULL), TAMGA_OK);
    cr_assert_eq(((Tamga__V1__RpcResponse *)message)->details->code, TAMGA_E_DEADLINE);
    cr_assert_eq(((Tamga__V1__RpcResponse *)message)->status, 4);
    cr_assert_eq(fixture_get(fixture.channel, "after", 5000, NULL, NULL), TAMGA_OK);
    cr_assert_eq(atomic_load(&fixture.runs), 1, "an expired request was run");
    tamga_wire_free(message);
    close(fd);
    fixture_close(&fixture);
}

#define CALLERS 8
#define CALLS   120 /* and a cid has at most 128 bytes */

static void *call_many(void *channel)
{
    for (size_t i = 1; i <= CALLS; i++) {
        char cid[CALLS + 1] = "";
        size_t len = 0;

        memset(cid, 'x', i);
        if (fixture_get(channel, cid, 10000, &len, NULL) != TAMGA_OK || len != i)
            return channel;
    }
    return NULL;
}

/*
 * Goal:   calls of several threads on one channel run at once and never mix.
 * Method: eight threads, 120 calls each, every answer as long as its question.
 */
Test(rpc, runs_calls_of_many_threads)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    pthread_t caller[CALLERS];
    void *failed;

    fixture_open(&fixture, &options);
    for (int i = 0; i < CALLERS; i++)
        cr_assert_eq(pthread_create(&caller[i], NULL, call_many, fixture.channel), 0);
    for (int i = 0; i < CALLERS; i++) {
        cr_assert_eq(pthread_join(caller[i], &failed), 0);
        cr_assert_null(failed);
    }
    cr_assert_eq(atomic_load(&fixture.runs), CALLERS * CALLS);
    fixture_close(&fixture);
}

static void *get_held(void *channel)
{
    return (void *)(uintptr_t)fixture_get(channel, "hold", 10000, NULL, NULL);
}

/*
 * Goal:   a call may be completed later, from another thread, in any order.
 * Method: hold two calls, answer the second first; no worker waits meanwhile.
 */
Test(rpc, completes_from_another_thread)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    pthread_t caller[2];
    struct fixture_call *held[2];
    void *result;

    options.threads = 1;
    fixture_open(&fixture, &options);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_create(&caller[i], NULL, get_held, fixture.channel), 0);
        cr_assert_not_null(held[i] = fixture_held(&fixture));
    }
    cr_assert_eq(fixture_get(fixture.channel, "between", 5000, NULL, NULL), TAMGA_OK);
    fixture_complete(held[1], "second");
    fixture_complete(held[0], "first");
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_join(caller[i], &result), 0);
        cr_assert_eq((uintptr_t)result, TAMGA_OK);
    }
    fixture_close(&fixture);
}

/*
 * Goal:   what the server does not have is NO_METHOD.
 * Method: the stub of a service that was not added.
 */
Test(rpc, knows_its_methods_only)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    Tamga__V1__GetStatusRequest request = TAMGA__V1__GET_STATUS_REQUEST__INIT;

    fixture_open(&fixture, &options);
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = fixture.channel};
    tamga__v1__chain_service__get_status(
        tamga_reply_service(&reply, &tamga__v1__chain_service__descriptor), &request,
        (Tamga__V1__GetStatusResponse_Closure)tamga_reply_take, &reply);
    cr_assert_eq(reply.err, TAMGA_E_NO_METHOD);
    cr_assert_null(reply.message);
    cr_assert_str_eq(reply.detail.text, "\"/tamga.v1.ChainService/GetStatus\"");
    fixture_close(&fixture);
}

/*
 * Goal:   what is too large is refused before it is sent, on either side; the
 *         connection stays.
 * Method: a request beyond the bound, to a server and to nobody; an answer beyond it.
 */
Test(rpc, refuses_what_is_too_large)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    Tamga__V1__PutContentRequest request = TAMGA__V1__PUT_CONTENT_REQUEST__INIT;
    uint8_t *block = calloc(1, TAMGA_NET_MESSAGE_BYTES_MAX);

    fixture_open(&fixture, &options);
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = fixture.channel};
    request.block = tamga_wire_bytes(tamga_span(block, TAMGA_NET_MESSAGE_BYTES_MAX));
    tamga__v1__content_service__put(
        tamga_reply_service(&reply, &tamga__v1__content_service__descriptor), &request,
        (Tamga__V1__PutContentResponse_Closure)tamga_reply_take, &reply);
    cr_assert_eq(reply.err, TAMGA_E_TOO_LARGE);
    cr_assert_eq(atomic_load(&fixture.runs), 0);
    cr_assert_eq(fixture_get(fixture.channel, "huge", 5000, NULL, NULL), TAMGA_E_TOO_LARGE);
    cr_assert_eq(fixture_get(fixture.channel, "small", 5000, NULL, NULL), TAMGA_OK);
    free(block);
    fixture_close(&fixture);
}

/* ---- built-in services ------------------------------------------------------- */

static int health_of(struct fixture *fixture, const char *service)
{
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = fixture->channel};
    Tamga__V1__HealthCheckRequest request = TAMGA__V1__HEALTH_CHECK_REQUEST__INIT;

    request.service = (char *)(uintptr_t)service;
    tamga__v1__health_service__check(
        tamga_reply_service(&reply, &tamga__v1__health_service__descriptor), &request,
        (Tamga__V1__HealthCheckResponse_Closure)tamga_reply_take, &reply);
    cr_assert_eq(reply.err, TAMGA_OK);
    return (int)((Tamga__V1__HealthCheckResponse *)reply.message)->status;
}

/*
 * Goal:   every server tells its health and its methods.
 * Method: health before and after set_serving, of a known and an unknown service; the
 *         listing has what was added and what is built in.
 */
Test(rpc, has_health_and_listing)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    Tamga__V1__ListServicesRequest request = TAMGA__V1__LIST_SERVICES_REQUEST__INIT;

    fixture_open(&fixture, &options);
    cr_assert_eq(health_of(&fixture, ""), 2, "NOT_SERVING before it was said");
    tamga_rpc_server_set_serving(fixture.server, true);
    cr_assert_eq(health_of(&fixture, ""), 1);
    cr_assert_eq(health_of(&fixture, "tamga.v1.ContentService"), 1);
    cr_assert_eq(health_of(&fixture, "tamga.v1.ChainService"), 3);
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = fixture.channel};
    tamga__v1__listing_service__list_services(
        tamga_reply_service(&reply, &tamga__v1__listing_service__descriptor), &request,
        (Tamga__V1__ListServicesResponse_Closure)tamga_reply_take, &reply);
    cr_assert_eq(reply.err, TAMGA_OK);
    const Tamga__V1__ListServicesResponse *response = (const void *)reply.message;
    cr_assert_eq(response->n_methods, 5);
    cr_assert_str_eq(response->methods[0], "/tamga.v1.HealthService/Check");
    cr_assert_str_eq(response->methods[3], "/tamga.v1.ContentService/Get");
    fixture_close(&fixture);
}

/* ---- bounds on work ---------------------------------------------------------- */

/*
 * Goal:   a connection has so many requests in work and no more; another connection is
 *         served all the same; the refusal is logged.
 * Method: two held calls of at most two; a third is BUSY; after an answer there is room.
 */
Test(rpc, bounds_what_one_connection_has_in_work)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_channel *other = NULL;
    struct fixture_call *held[2];
    struct tamga_detail detail = {""};
    pthread_t caller[2];

    options.per_pipe_max = 2;
    fixture_open(&fixture, &options);
    cr_assert_eq(tamga_channel_open(&other, tamga_rpc_server_addr(fixture.server), NULL),
                 TAMGA_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_create(&caller[i], NULL, get_held, fixture.channel), 0);
        cr_assert_not_null(held[i] = fixture_held(&fixture));
    }
    cr_assert_eq(fixture_get(fixture.channel, "third", 5000, NULL, &detail),
                 TAMGA_E_RATE_LIMITED);
    cr_assert_str_eq(detail.text, "this connection has 2 requests in work and may not have more; "
                                  "wait for an answer");
    cr_assert_eq(fixture_get(other, "other", 5000, NULL, NULL), TAMGA_OK);
    fixture_complete(held[0], "done");
    cr_assert_eq(fixture_get(fixture.channel, "third", 5000, NULL, NULL), TAMGA_OK);
    fixture_complete(held[1], "done");
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pthread_join(caller[i], NULL), 0);
    tamga_channel_close(other);
    fixture_close(&fixture);
    cr_assert_eq(atomic_load(&fixture.log_lines), 1);
    cr_assert_str_eq(fixture.log_event, "rate_limited");
}

/*
 * Goal:   the server as a whole has so many requests in work and no more.
 * Method: one held call of at most one; another connection's call is BUSY.
 */
Test(rpc, bounds_what_the_server_has_in_work)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_channel *other = NULL;
    pthread_t caller;

    options.contexts = options.per_pipe_max = 1;
    fixture_open(&fixture, &options);
    cr_assert_eq(tamga_channel_open(&other, tamga_rpc_server_addr(fixture.server), NULL),
                 TAMGA_OK);
    cr_assert_eq(pthread_create(&caller, NULL, get_held, fixture.channel), 0);
    struct fixture_call *held = fixture_held(&fixture);
    cr_assert_eq(fixture_get(other, "other", 5000, NULL, NULL), TAMGA_E_BUSY);
    fixture_complete(held, "done");
    cr_assert_eq(pthread_join(caller, NULL), 0);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(fixture_get(other, "other", 5000, NULL, NULL), TAMGA_OK,
                     "one call after another was refused");
    tamga_channel_close(other);
    fixture_close(&fixture);
}

/*
 * Goal:   beyond so many connections the next is turned away, until one leaves.
 * Method: room for one; a second channel gets nowhere; the first closes, and it does.
 */
Test(rpc, bounds_connections)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_channel *second = NULL;
    enum tamga_err err;

    options.pipes_max = 1;
    fixture_open(&fixture, &options);
    cr_assert_eq(fixture_get(fixture.channel, "first", 5000, NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_channel_open(&second, tamga_rpc_server_addr(fixture.server), NULL),
                 TAMGA_OK);
    err = fixture_get(second, "second", 300, NULL, NULL);
    cr_assert(err == TAMGA_E_UNREACHABLE || err == TAMGA_E_DEADLINE);
    tamga_channel_close(fixture.channel);
    fixture.channel = second;
    do
        err = fixture_get(second, "second", 5000, NULL, NULL);
    while (err == TAMGA_E_UNREACHABLE); /* its newest connection may have been turned away */
    cr_assert_eq(err, TAMGA_OK);
    fixture_close(&fixture);
}

/*
 * Goal:   an id that is in work is not run twice; after its answer it may be asked again.
 * Method: a raw peer sends one held request three times; two are dropped, one is answered;
 *         then it asks again.
 */
Test(rpc, drops_a_repeat_of_a_request_in_work)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    TAMGA_BUF request = {0}, answer = {0};

    options.threads = 1;
    fixture_open(&fixture, &options);
    int fd = raw_requester(fixture_port(tamga_rpc_server_addr(fixture.server)));
    raw_get(&request, "hold", 9, 5000);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert(raw_send(fd, i, tamga_buf_span(&request)));
    struct fixture_call *held = fixture_held(&fixture);
    for (unsigned tries = 0; atomic_load(&fixture.server->repeats) < 2 && tries < 5000; tries++)
        (void)poll(NULL, 0, 1);
    cr_assert_eq(atomic_load(&fixture.server->repeats), 2);
    cr_assert_eq(atomic_load(&fixture.runs), 1);
    fixture_complete(held, "once");
    cr_assert(raw_receive(fd, &answer));
    raw_get(&request, "again", 9, 5000);
    cr_assert(raw_send(fd, 4, tamga_buf_span(&request)));
    cr_assert(raw_receive(fd, &answer));
    cr_assert_eq(atomic_load(&fixture.runs), 2);
    close(fd);
    fixture_close(&fixture);
}

/* ---- life -------------------------------------------------------------------- */

/*
 * Goal:   a stopped server answers STOPPING, says so, and still completes what it has.
 * Method: hold a call, stop twice, call again; complete the held one.
 */
Test(rpc, stops_politely)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    pthread_t caller;
    void *result;

    fixture_open(&fixture, &options);
    cr_assert_eq(pthread_create(&caller, NULL, get_held, fixture.channel), 0);
    struct fixture_call *held = fixture_held(&fixture);
    tamga_rpc_server_stop(fixture.server);
    tamga_rpc_server_stop(fixture.server);
    cr_assert_eq(fixture_get(fixture.channel, "late", 5000, NULL, NULL), TAMGA_E_STOPPING);
    fixture_complete(held, "done");
    cr_assert_eq(pthread_join(caller, &result), 0);
    cr_assert_eq((uintptr_t)result, TAMGA_OK);
    fixture_close(&fixture);
}

static void *close_server(void *server)
{
    tamga_rpc_server_close(server);
    return NULL;
}

/*
 * Goal:   close waits for a call that another thread completes later.
 * Method: close in a thread; once the server says STOPPING it has begun; complete.
 */
Test(rpc, close_waits_for_calls)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    pthread_t caller, closer;
    void *result;

    fixture_open(&fixture, &options);
    cr_assert_eq(pthread_create(&caller, NULL, get_held, fixture.channel), 0);
    struct fixture_call *held = fixture_held(&fixture);
    cr_assert_eq(pthread_create(&closer, NULL, close_server, fixture.server), 0);
    while (fixture_get(fixture.channel, "late", 5000, NULL, NULL) != TAMGA_E_STOPPING)
        ;
    cr_assert_eq(pthread_tryjoin_np(closer, NULL), EBUSY);
    fixture_complete(held, "done");
    cr_assert_eq(pthread_join(caller, &result), 0);
    cr_assert_eq((uintptr_t)result, TAMGA_OK);
    cr_assert_eq(pthread_join(closer, NULL), 0);
    cr_assert_eq(fixture_get(fixture.channel, "gone", 200, NULL, NULL), TAMGA_E_UNREACHABLE);
    fixture.server = NULL;
    fixture_close(&fixture);
}

/*
 * Goal:   closing a channel ends calls of other threads, and waits for them.
 * Method: a held call in a thread; close; the call ends as UNREACHABLE.
 */
Test(rpc, channel_close_ends_calls)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();
    pthread_t caller;
    void *result;

    fixture_open(&fixture, &options);
    cr_assert_eq(pthread_create(&caller, NULL, get_held, fixture.channel), 0);
    struct fixture_call *held = fixture_held(&fixture);
    tamga_channel_close(fixture.channel);
    cr_assert_eq(pthread_join(caller, &result), 0);
    cr_assert_eq((uintptr_t)result, TAMGA_E_UNREACHABLE);
    fixture_complete(held, "to nobody");
    fixture.channel = NULL;
    fixture_close(&fixture);
}

/*
 * Goal:   stopping a channel ends what others wait for, without an answer or a connection,
 *         and refuses what they begin later; the channel is theirs to use until closed.
 * Method: a held call in a thread, and one to a port where nobody listens; stop both, call
 *         again; stop twice.
 */
Test(rpc, channel_stop_ends_calls)
{
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_channel *nobody = NULL;
    struct fixture fixture;
    pthread_t thread[2];
    void *result;

    fixture_open(&fixture, &options);
    cr_assert_eq(tamga_channel_open(&nobody, "tcp://127.0.0.1:1", NULL), TAMGA_OK);
    cr_assert_eq(pthread_create(&thread[0], NULL, get_held, fixture.channel), 0);
    cr_assert_eq(pthread_create(&thread[1], NULL, get_held, nobody), 0);
    struct fixture_call *held = fixture_held(&fixture);
    tamga_channel_stop(fixture.channel);
    tamga_channel_stop(nobody);
    tamga_channel_stop(nobody);
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], &result);
        cr_assert_eq((uintptr_t)result, TAMGA_E_UNREACHABLE);
    }
    cr_assert_eq(fixture_get(fixture.channel, "late", 10000, NULL, NULL), TAMGA_E_UNREACHABLE);
    fixture_complete(held, "nobody reads this");
    tamga_channel_close(nobody);
    fixture_close(&fixture);
}

static void *get_until_refused(void *channel)
{
    while (fixture_get(channel, "big", 500, NULL, NULL) == TAMGA_OK)
        ;
    return NULL;
}

/*
 * Goal:   closing under load ends: NNG 1.5 by itself hangs when a message arrives on a
 *         connection that is being closed.
 * Method: 20 times: three threads fetch 2 MiB answers; close the server, or stop
 *         it first; then the channel.
 */
Test(rpc, closes_under_load, .timeout = 60)
{
    for (int round = 0; round < 20; round++) {
        struct fixture fixture;
        struct tamga_rpc_server_options options = fixture_options();
        pthread_t caller[3];

        fixture_open(&fixture, &options);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(pthread_create(&caller[i], NULL, get_until_refused, fixture.channel), 0);
        cr_assert_eq(fixture_get(fixture.channel, "first", 5000, NULL, NULL), TAMGA_OK);
        if (round % 2 == 0) {
            tamga_rpc_server_close(fixture.server);
            fixture.server = NULL;
        }
        if (fixture.server)
            tamga_rpc_server_stop(fixture.server);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(pthread_join(caller[i], NULL), 0);
        fixture_close(&fixture);
    }
}

/*
 * Goal:   bad options are refused with USAGE and a sentence, a taken port with SYSTEM;
 *         a service is added once; open without start closes.
 * Method: each option outside its range, alone.
 */
Test(rpc, judges_its_options)
{
    struct tamga_rpc_server_options good = fixture_options(), bad[10];
    struct tamga_rpc_server *server = NULL, *second = NULL;
    struct tamga_channel *channel = NULL;
    Tamga__V1__ContentService_Service content = {
        .base = {.descriptor = &tamga__v1__content_service__descriptor}};
    struct tamga_detail detail;

    for (size_t i = 0; i < 10; i++)
        bad[i] = good;
    bad[0].listen = "nonsense";
    bad[1].listen = NULL;
    bad[2].threads = 0;
    bad[3].threads = 65;
    bad[4].contexts = bad[4].per_pipe_max = 0;
    bad[5].contexts = 1025;
    bad[6].per_pipe_max = good.contexts + 1;
    bad[7].pipes_max = 0;
    bad[8].send_timeout_ms = 0;
    bad[9].listen = "tls+tcp://127.0.0.1:0";
    for (size_t i = 0; i < 10; i++) {
        detail.text[0] = '\0';
        cr_assert_eq(tamga_rpc_server_open(&server, &bad[i], &detail), TAMGA_E_USAGE, "%zu", i);
        cr_assert_neq(detail.text[0], '\0');
        cr_assert_null(server);
    }
    cr_assert_eq(tamga_rpc_server_open(&server, &good, NULL), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_add(server, &content.base), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_add(server, &content.base), TAMGA_E_USAGE);
    good.listen = tamga_rpc_server_addr(server);
    cr_assert_eq(tamga_rpc_server_open(&second, &good, &detail), TAMGA_E_SYSTEM);
    tamga_rpc_server_close(server);
    tamga_rpc_server_close(NULL);
    cr_assert_eq(tamga_channel_open(&channel, "tcp://127.0.0.1:0", &detail), TAMGA_E_USAGE);
    cr_assert_eq(tamga_channel_open(&channel, "nonsense", NULL), TAMGA_E_USAGE);
    cr_assert_null(channel);
    tamga_channel_close(NULL);
}
