/*
 * Submitting releases to a real node: signed ahead, 64 calls outstanding, each counted once
 * the node has said that it is durable. Client and node share the machine's cores; what the
 * node alone spends on a transaction is told apart.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bench.h"
#include "content/block_store.h"
#include "limits.h"
#include "node.h"
#include "tamga/v1/consortium_service.pb-c.h"

#define THREADS     64
#define CHANNELS    4 /* a server takes 64 requests of one connection, not more */
#define MICROSECOND 1e-6

struct load {
    struct tamga_channel *channel[CHANNELS];
    Tamga__V1__Signed **message;
    uint32_t count;
    atomic_uint next, thread;
    double until;
};

static void submit(struct tamga_channel *channel, Tamga__V1__Signed *message)
{
    Tamga__V1__SubmitTransactionRequest request =
        TAMGA__V1__SUBMIT_TRANSACTION_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = channel,
                                                                 .deadline_ms = 30000};

    request.transaction = message;
    tamga__v1__consortium_service__submit_transaction(
        tamga_reply_service(&reply, &tamga__v1__consortium_service__descriptor), &request,
        (Tamga__V1__SubmitTransactionResponse_Closure)tamga_reply_take, &reply);
    bench_must(reply.err, reply.detail.text);
}

static void *submit_some(void *context)
{
    struct load *load = context;
    struct tamga_channel *channel = load->channel[atomic_fetch_add(&load->thread, 1) % CHANNELS];

    while (bench_now() < load->until) {
        uint32_t i = atomic_fetch_add(&load->next, 1);

        if (i >= load->count)
            break;
        submit(channel, load->message[i]);
    }
    return NULL;
}

static void sign_ahead(struct load *load, const struct bench_network *network,
                       enum tamga_key_type type)
{
    TAMGA_BUF payload = {0};

    load->message = calloc(load->count, sizeof *load->message);
    BENCH_CHECK(load->message != NULL);
    for (uint32_t i = 0; i < load->count; i++) {
        bench_release(&payload, network, type, i);
        bench_must(tamga_wire_unpack((ProtobufCMessage **)&load->message[i],
                                     &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                     tamga_buf_span(&payload), NULL),
                   "unpack");
    }
}

/* Returns processor seconds of the node a transaction. */
static double ingest(const struct bench *bench, struct bench_node *node, enum tamga_key_type type)
{
    /* An RSA signature takes a millisecond to make. */
    uint32_t most = type == TAMGA_KEY_RSA3072 ? 4096 : 12288;
    struct load load = {.count = bench->smoke ? 64 : most};
    double limit = limit_verify(type, bench->limit_seconds), start, seconds, cpu;
    pthread_t thread[THREADS];
    uint32_t done;
    char name[64];

    sign_ahead(&load, node->network, type);
    for (size_t i = 0; i < CHANNELS; i++)
        bench_must(tamga_channel_open(&load.channel[i], node->rpc, NULL), "channel");
    cpu = bench_cpu(node->pid);
    start = bench_now();
    load.until = start + bench->seconds;
    for (size_t i = 0; i < THREADS; i++)
        BENCH_CHECK(pthread_create(&thread[i], NULL, submit_some, &load) == 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    seconds = bench_now() - start;
    cpu = bench_cpu(node->pid) - cpu;
    done = load.next < load.count ? load.next : load.count;
    snprintf(name, sizeof name, "ingest.%s", bench_key_name(type));
    bench_figure(name, done / seconds, "tx/s", limit, "OpenSSL verify, one core");
    snprintf(name, sizeof name, "ingest.%s.node_cpu", bench_key_name(type));
    bench_cost(name, cpu / done / MICROSECOND, "us/tx", 1 / limit / MICROSECOND,
               "OpenSSL verify, one core");
    for (size_t i = 0; i < CHANNELS; i++)
        tamga_channel_close(load.channel[i]);
    for (uint32_t i = 0; i < load.count; i++)
        tamga_wire_free(&load.message[i]->base);
    free(load.message);
    return cpu / done;
}

struct image_check {
    const struct bench_image *image;
    struct tamga_block_store *store;
};

static void check_image(void *context)
{
    const struct image_check *check = context;

    bench_must(tamga_block_store_check_image(check->store, &check->image->cid,
                                             BENCH_IMAGE_BYTES, &check->image->sha256, NULL),
               "check");
}

/* What of a transaction is the reading and hashing of its (smallest possible) image. */
static void image_share(const struct bench *bench, const struct bench_network *network,
                        double node_seconds)
{
    struct image_check check = {.image = &network->image[0]};
    char folder[256];

    bench_folder(folder);
    bench_must(tamga_block_store_open(&check.store, folder, 1u << 24, NULL), "block store");
    bench_must(tamga_block_store_put(check.store, &check.image->cid,
                                     tamga_buf_span(&check.image->block)),
               "put");
    bench_figure("ingest.image_check",
                 1 / bench_rate(check_image, &check, 1, bench->limit_seconds) / MICROSECOND,
                 "us/tx", node_seconds / MICROSECOND, "ingest.p256.node_cpu: its share");
    tamga_block_store_close(check.store);
}

void bench_ingest(const struct bench *bench)
{
    static struct bench_network network;
    struct bench_node node;
    double p256 = 0;

    bench_network_open(&network);
    bench_node_make(&node, &network, 0, NULL);
    bench_node_start(&node);
    bench_node_wait(&node);
    for (size_t i = 0; i < 3; i++) {
        double cpu = ingest(bench, &node, bench_key_type[i]);

        p256 = bench_key_type[i] == TAMGA_KEY_P256 ? cpu : p256;
    }
    image_share(bench, &network, p256);
    bench_node_stop(&node);
    bench_network_close(&network);
}
