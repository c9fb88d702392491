/* A load of submissions. Knows no figure. */
#include "load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bench.h"

#define THREADS  64
#define CHANNELS 4 /* a server takes 64 requests of one connection, not more */

struct run {
    struct tamga_channel *channel[CHANNELS];
    const struct bench_load *load;
    atomic_uint next, thread, done, late;
    double until;
};

enum tamga_err bench_submit(struct tamga_channel *channel, Tamga__V1__Signed *message)
{
    Tamga__V1__SubmitTransactionRequest request =
        TAMGA__V1__SUBMIT_TRANSACTION_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = channel,
                                                                 .deadline_ms = 30000};

    request.transaction = message;
    tamga__v1__consortium_service__submit_transaction(
        tamga_reply_service(&reply, &tamga__v1__consortium_service__descriptor), &request,
        (Tamga__V1__SubmitTransactionResponse_Closure)tamga_reply_take, &reply);
    return reply.err;
}

/* Beyond what the run takes, a release may come when a later one of its model is in a block. */
static void count(struct run *run, enum tamga_err err)
{
    if (err == TAMGA_E_COUNTER_NOT_HIGHER || tamga_err_class(err) == TAMGA_CLASS_LATER) {
        atomic_fetch_add(&run->late, 1);
        return;
    }
    bench_must(err, "submit");
    atomic_fetch_add(&run->done, 1);
}

static void *submit_some(void *context)
{
    struct run *run = context;
    struct tamga_channel *channel = run->channel[atomic_fetch_add(&run->thread, 1) % CHANNELS];

    while (bench_now() < run->until) {
        uint32_t i = atomic_fetch_add(&run->next, 1);

        if (i >= run->load->count)
            break;
        count(run, bench_submit(channel, run->load->message[i]));
    }
    return NULL;
}

void bench_load_sign(struct bench_load *load, const struct bench_network *network,
                     enum tamga_key_type type, uint32_t count)
{
    TAMGA_BUF payload = {0};

    *load = (struct bench_load){.count = count};
    load->message = calloc(count, sizeof *load->message);
    BENCH_CHECK(load->message != NULL);
    for (uint32_t i = 0; i < count; i++) {
        bench_release(&payload, network, type, i);
        bench_must(tamga_wire_unpack((ProtobufCMessage **)&load->message[i],
                                     &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                     tamga_buf_span(&payload), NULL),
                   "unpack");
    }
}

void bench_load_clear(struct bench_load *load)
{
    for (uint32_t i = 0; i < load->count; i++)
        tamga_wire_free(&load->message[i]->base);
    free(load->message);
    *load = (struct bench_load){0};
}

void bench_load_run(struct bench_load *load, const struct bench_node *node, size_t nodes,
                    double seconds)
{
    struct run run = {.load = load};
    pthread_t thread[THREADS];
    double start;

    for (size_t i = 0; i < CHANNELS; i++)
        bench_must(tamga_channel_open(&run.channel[i], node[i % nodes].rpc, NULL), "channel");
    start = bench_now();
    run.until = start + seconds;
    for (size_t i = 0; i < THREADS; i++)
        BENCH_CHECK(pthread_create(&thread[i], NULL, submit_some, &run) == 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    load->seconds = bench_now() - start;
    load->done = run.done;
    BENCH_CHECK(run.done > 100 * run.late);
    for (size_t i = 0; i < CHANNELS; i++)
        tamga_channel_close(run.channel[i]);
}
