/*
 * How long it takes until a release, once acknowledged, is proved to be final: in a block
 * below a checkpoint that a quorum has cosigned. Real nodes on loopback, all of them
 * validators; one release at a time, each at the next node, which is asked for the proof.
 */
#include <poll.h>
#include <stdlib.h>

#include "bench.h"
#include "limits.h"
#include "load.h"

#define ROUNDS        20
#define SECONDS_MAX   20 /* for the rounds of one size */
#define GIVE_UP_AFTER 30 /* seconds, which then count as this round's time */
#define ROUND_TRIPS   3  /* block and votes; its child and votes; cosignatures */

static bool proved(const struct bench_node *node, const struct tamga_hash *id)
{
    Tamga__V1__GetEntryProofRequest request = TAMGA__V1__GET_ENTRY_PROOF_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = node->channel,
                                                                 .deadline_ms = 5000};

    request.chain = tamga_wire_bytes(tamga_hash_span(&node->network->chain.id.hash));
    request.id = tamga_wire_bytes(tamga_hash_span(id));
    tamga__v1__finality_service__get_entry_proof(
        tamga_reply_service(&reply, &tamga__v1__finality_service__descriptor), &request,
        (Tamga__V1__GetEntryProofResponse_Closure)tamga_reply_take, &reply);
    if (reply.err != TAMGA_E_NOT_READY)
        bench_must(reply.err, reply.detail.text);
    return reply.err == TAMGA_OK;
}

/* Milliseconds from the acknowledgement to the proof, or until nobody waits any more. */
static double one_round(const struct bench_node *node, Tamga__V1__Signed *message)
{
    struct tamga_hash id;
    double start;

    bench_must(tamga_hash_from(&id, tamga_wire_span(message->id)), "id");
    bench_must(bench_submit(node->channel, message), "submit");
    start = bench_now();
    while (!proved(node, &id)) {
        if (bench_now() - start > GIVE_UP_AFTER) {
            printf("finality: of %zu nodes, not final after %d s\n", node->network->nodes,
                   GIVE_UP_AFTER);
            break;
        }
        (void)poll(NULL, 0, 2); /* between two questions */
    }
    return (bench_now() - start) * 1e3;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static void tell(size_t nodes, double *taken, size_t count, double limit)
{
    char name[64];

    qsort(taken, count, sizeof *taken, ascending);
    snprintf(name, sizeof name, "finality.%zu.median", nodes);
    bench_cost(name, taken[count / 2], "ms", limit, "block wait and 3 loopback round trips");
    snprintf(name, sizeof name, "finality.%zu.p95", nodes);
    bench_cost(name, taken[count * 95 / 100], "ms", limit,
               "block wait and 3 loopback round trips");
}

static void measure(const struct bench *bench, size_t nodes, double limit)
{
    static struct bench_network network;
    static struct bench_node node[BENCH_NODES_MAX];
    struct bench_load load;
    double taken[ROUNDS], start;
    size_t rounds = bench->smoke ? 1 : ROUNDS, count = 0;

    bench_network_open_with(&network, nodes);
    bench_nodes_start(node, &network);
    bench_load_sign(&load, &network, TAMGA_KEY_P256, (uint32_t)rounds + 1);
    one_round(&node[0], load.message[rounds]); /* until all have heard of each other */
    start = bench_now();
    while (count < rounds && bench_now() - start < SECONDS_MAX) {
        taken[count] = one_round(&node[count % nodes], load.message[count]);
        count++;
    }
    tell(nodes, taken, count, limit);
    bench_load_clear(&load);
    bench_nodes_stop(node, &network);
    bench_network_close(&network);
}

void bench_finality(const struct bench *bench)
{
    static const size_t nodes[] = {4, 7, 13};
    double limit = BENCH_WAIT_MS + ROUND_TRIPS * 1e3 / limit_tcp_calls(bench->limit_seconds);

    for (size_t i = 0; i < (bench->smoke ? 1 : sizeof nodes / sizeof nodes[0]); i++)
        measure(bench, nodes[i], limit);
}
