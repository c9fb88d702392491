/*
 * The loop: what it tells others is durable before, and what its store refused was never
 * said; what waits for the chain above goes on by itself. Real nodes on loopback, over
 * stores in memory that fail on demand.
 */
#include "council.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <semaphore.h>
#include <time.h>

#define WAIT_SECONDS 30

struct ears {
    sem_t status, vote, failed;
    atomic_uint votes, blocks;
};

static void hear(void *context, struct tamga_span untrusted)
{
    struct ears *ears = context;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Gossip *gossip = NULL;

    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&gossip,
                                   &tamga__v1__gossip__descriptor, TAMGA_WIRE_LOOSE, untrusted,
                                   NULL),
                 TAMGA_OK);
    if (gossip->body_case == TAMGA__V1__GOSSIP__BODY_STATUS)
        sem_post(&ears->status);
    atomic_fetch_add(&ears->blocks, gossip->body_case == TAMGA__V1__GOSSIP__BODY_BLOCK);
    if (gossip->body_case == TAMGA__V1__GOSSIP__BODY_VOTE) {
        atomic_fetch_add(&ears->votes, 1);
        sem_post(&ears->vote);
    }
}

static void failed(void *context, enum tamga_err err)
{
    struct ears *ears = context;

    cr_assert_eq(err, TAMGA_E_STORE_IO);
    sem_post(&ears->failed);
}

static void wait_for(sem_t *sem, const char *what)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_SECONDS;
    while (sem_timedwait(sem, &until) != 0)
        cr_assert_eq(errno, EINTR, "%s did not come", what);
}

static void submit(struct tamga_node *node)
{
    struct test_release release = {.urgent = true, .time_ms = tamga_wall_ms()};
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    TAMGA_BUF payload = {0};

    test_release(&payload, NULL, &release);
    test_item(&item, test_consortium(), &payload);
    item.verified = true;
    cr_assert_eq(tamga_node_submit(node, &item, NULL, NULL), TAMGA_OK);
}

static bool count_one(void *context, struct tamga_span encoded)
{
    (void)encoded;
    ++*(unsigned *)context;
    return true;
}

static unsigned stored_votes(const struct tamga_store *store)
{
    unsigned count = 0;

    cr_assert_eq(tamga_query_votes(&store->reader, 0, count_one, &count), TAMGA_OK);
    return count;
}

/*
 * Goal:   a vote that others hear is in the store; one whose batch could not be written is
 *         heard by nobody, nor is its block, and the process is told to end.
 * Method: a lone node-a mines a release: first on a good store; then the entry's batch is
 *         written and the block's is not.
 */
Test(loop, tells_only_what_is_durable)
{
    for (int broken = 0; broken < 2; broken++) {
        struct ears ears = {0};
        struct tamga_node_options options = {.name = "node-a",
                                             .chain = test_consortium(),
                                             .key = test_key("node-a"),
                                             .mine = true,
                                             .gossip_listen = "tcp://127.0.0.1:0",
                                             .failed = failed,
                                             .context = &ears};
        struct tamga_subscriber *subscriber;
        struct tamga_store *store;
        struct tamga_node *node;
        const char *addr;

        sem_init(&ears.status, 0, 0);
        sem_init(&ears.vote, 0, 0);
        sem_init(&ears.failed, 0, 0);
        cr_assert_eq(tamga_store_mem_new(&store), TAMGA_OK);
        options.store = store;
        cr_assert_eq(tamga_node_open(&node, &options, NULL), TAMGA_OK);
        addr = tamga_node_gossip_addr(node);
        cr_assert_eq(tamga_subscriber_open(&subscriber, &addr, 1, hear, &ears, NULL), TAMGA_OK);
        cr_assert_eq(tamga_node_start(node), TAMGA_OK);
        wait_for(&ears.status, "a status"); /* we hear it: nothing is missed from here on */
        if (broken)
            tamga_store_mem_fail(store, 1);
        submit(node);
        wait_for(broken ? &ears.failed : &ears.vote, broken ? "the failure" : "a vote");
        cr_assert_eq(stored_votes(store) > 0, !broken);
        tamga_node_stop(node);
        tamga_node_close(node); /* its publisher has sent what there was */
        tamga_subscriber_close(subscriber);
        if (broken) {
            cr_assert_eq(atomic_load(&ears.votes), 0);
            cr_assert_eq(atomic_load(&ears.blocks), 0);
        }
        store->ops->close(store);
        sem_destroy(&ears.status);
        sem_destroy(&ears.vote);
        sem_destroy(&ears.failed);
    }
}

/* ---- blocks that wait for the chain above -------------------------------------------------- */

struct arrival {
    struct letter letter;
    const struct tamga_block *block;
    const struct tamga_buf *payload;
    bool waits;
};

static enum tamga_err arrive(struct tamga_node *node, struct letter *letter, uint64_t now_ms)
{
    struct arrival *arrival = (struct arrival *)letter;
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    enum tamga_err err = tamga_engine_add_block(node->engine, arrival->block, now_ms, NULL);

    if (err != TAMGA_OK)
        return err;
    test_item(&item, test_gateway(), arrival->payload);
    err = tamga_engine_add_payload(node->engine, &item, now_ms, NULL);
    arrival->waits = tamga_engine_waits(node->engine);
    return err;
}

static struct tamga_hash anchor;

static void name_anchor(struct tamga_block *block)
{
    block->sealed.header.anchor = anchor;
}

static void connected(void *context, uint64_t height, uint64_t abandoned)
{
    (void)height;
    (void)abandoned;
    sem_post(context);
}

/*
 * Goal:   a block whose anchor is not final yet connects once it is, without any letter.
 * Method: a gateway chain's node below that of node-a, which is still alone with its block;
 *         then the council makes that block final, and nobody tells the gateway's node.
 */
Test(loop, goes_on_when_the_anchor_becomes_final)
{
    struct council council;
    struct test_block block;
    struct tamga_entry_id release;
    struct tamga_node_options options = {.name = "gw-1",
                                         .chain = test_gateway(),
                                         .key = test_key("gw-1"),
                                         .tip_changed = connected};
    struct arrival arrival = {.letter.run = arrive};
    struct tamga_store *store;
    struct tamga_node *node;
    TAMGA_BUF payload = {0};
    sem_t moved;

    sem_init(&moved, 0, 0);
    council_open(&council, 3);
    council_release(&council, 0, &release);
    cr_assert_eq(tamga_store_mem_new(&store), TAMGA_OK);
    options.store = store;
    options.above = council.seat[0].node;
    options.context = &moved;
    cr_assert_eq(tamga_node_open(&node, &options, NULL), TAMGA_OK);
    cr_assert_eq(tamga_node_start(node), TAMGA_OK);

    anchor = council_point(&council, 0, 1).id.hash;
    test_record(&payload, NULL,
                &(struct test_record){.release = 1, .release_id = &release});
    test_block_on(&block, test_gateway(), NULL, "gw-1", 0, &payload, 1, name_anchor);
    arrival.block = &block.block;
    arrival.payload = &payload;
    cr_assert_eq(node_call(node, &arrival.letter), TAMGA_OK);
    cr_assert(arrival.waits);
    for (size_t i = 0; i < 3; i++)
        council_ready(&council, i);
    council_finish(&council);
    wait_for(&moved, "the block");
    tamga_node_stop(node);
    cr_assert_eq(tamga_engine_tip(node->engine)->tip.height, 1);
    tamga_node_close(node);
    store->ops->close(store);
    test_block_clear(&block);
    council_close(&council);
    sem_destroy(&moved);
}
