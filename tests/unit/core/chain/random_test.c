/*
 * Several engines that exchange what they make in random order, with restarts and lost
 * flushes; afterwards they agree. $TAMGA_SEED replays a run: keys, ids and ties follow
 * from the seed alone.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain/engine.h"
#include "chain/query.h"
#include "chain/state_map.h"
#include "fixture.h"

#define T0        TEST_GENESIS_MS
#define STEPS     5000
#define NODES     4
#define BLOCKS    600
#define PAYLOADS  1500
#define ROUNDS    4

struct world {
    const struct tamga_chain *chain;
    uint64_t random;
    uint64_t now_ms;
    struct test_node node[NODES];
    size_t block_count, payload_count;
    struct tamga_block block[BLOCKS]; /* in the order made: parents first */
    struct tamga_buf payload[PAYLOADS];
    struct tamga_entry_id id[PAYLOADS];
    uint64_t reorgs;
};

static uint64_t draw(struct world *world, uint64_t below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return world->random % below;
}

/* A peer's mistake or a matter of time; never our own machine's failure. */
static void check_remote(enum tamga_err err)
{
    cr_assert_neq(tamga_err_class(err), TAMGA_CLASS_LOCAL, "%s", tamga_err_name(err));
}

static void take_events(struct world *world, struct test_node *node)
{
    struct tamga_event event;

    while (tamga_engine_next_event(node->engine, &event)) {
        world->reorgs += event.kind == TAMGA_EVENT_TIP && event.depth > 0;
        cr_assert_neq(event.kind, TAMGA_EVENT_INVALID, "%s: %s", tamga_err_name(event.err),
                      event.detail.text);
    }
}

/* ---- steps ------------------------------------------------------------------------ */

/* Counters and images repeat now and then, so that rivals and duplicates occur. */
static void make_payload(struct world *world)
{
    struct tamga_buf *out = &world->payload[world->payload_count];
    struct tamga_entry_id *id = &world->id[world->payload_count];
    uint64_t number = 1 + world->payload_count / 3 + draw(world, 4);

    if (world->payload_count == PAYLOADS)
        return;
    if (world->chain->rules->detached)
        test_record(out, id,
                    &(struct test_record){.gateway = draw(world, 2) == 0 ? "gw-1" : "gw-2",
                                          .number = draw(world, 2) == 0 ? "0001" : "0002",
                                          .release = number,
                                          .counter = number,
                                          .time_ms = world->now_ms});
    else
        test_release(out, id,
                     &(struct test_release){.model = draw(world, 2) == 0 ? "cam" : "lock",
                                            .counter = number,
                                            .image = number + draw(world, 2),
                                            .time_ms = world->now_ms});
    world->payload_count++;
}

static void submit_some(struct world *world, struct test_node *node)
{
    uint64_t recent = world->payload_count < 40 ? world->payload_count : 40;

    if (recent == 0)
        return;
    check_remote(test_submit(
        node, &world->payload[world->payload_count - 1 - draw(world, recent)], world->now_ms));
}

static void mine(struct world *world, struct test_node *node)
{
    static const char *consortium[] = {"node-a", "node-b", "node-c"};
    static const char *gateway[] = {"gw-1", "gw-2", "gw-1"};
    const char *miner =
        (world->chain->rules->detached ? gateway : consortium)[draw(world, 3)];
    struct tamga_address address;
    struct tamga_block *block = &world->block[world->block_count];
    struct tamga_block_id id;
    enum tamga_err err;

    if (world->block_count == BLOCKS)
        return;
    test_address(&address, miner);
    err = tamga_engine_propose(node->engine, block, &address, world->now_ms);
    if (err == TAMGA_E_NOT_FOUND)
        return;
    cr_assert_eq(err, TAMGA_OK);
    test_seal(&block->sealed, &id, miner);
    cr_assert_eq(tamga_engine_add_block(node->engine, block, world->now_ms, NULL), TAMGA_OK);
    cr_assert(tamga_hash_equal(&tamga_engine_tip(node->engine)->tip_id.hash, &id.hash));
    world->block_count++;
}

static void give_payloads(struct world *world, struct test_node *node)
{
    struct tamga_entry_id wanted[256];
    size_t count = tamga_engine_wanted_payloads(node->engine, wanted, 256);

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < world->payload_count; j++) {
            TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};

            if (!tamga_hash_equal(&world->id[j].hash, &wanted[i].hash))
                continue;
            test_item(&item, world->chain, &world->payload[j]);
            cr_assert_eq(
                tamga_engine_add_payload(node->engine, &item, world->now_ms, NULL), TAMGA_OK);
            break;
        }
}

static void deliver(struct world *world, struct test_node *node, bool header_only)
{
    uint64_t recent = world->block_count < 12 ? world->block_count : 12;
    const struct tamga_block *block;
    enum tamga_err err;
    size_t added;

    if (recent == 0)
        return;
    block = &world->block[world->block_count - 1 - draw(world, recent)];
    err = header_only ? tamga_engine_add_headers(node->engine, &block->sealed, 1,
                                                 world->now_ms, &added, NULL)
                      : tamga_engine_add_block(node->engine, block, world->now_ms, NULL);
    cr_assert(err == TAMGA_OK || err == TAMGA_E_NO_PARENT, "%s", tamga_err_name(err));
}

static void step(struct world *world)
{
    struct test_node *node = &world->node[draw(world, NODES)];
    uint64_t what = draw(world, 100);

    world->now_ms += draw(world, 1500);
    if (what < 12)
        make_payload(world);
    else if (what < 35)
        submit_some(world, node);
    else if (what < 45)
        mine(world, node);
    else if (what < 75)
        deliver(world, node, false);
    else if (what < 85)
        deliver(world, node, true);
    else if (what < 92)
        give_payloads(world, node);
    else if (what < 97)
        cr_assert_eq(tamga_engine_flush(node->engine), TAMGA_OK);
    else
        test_node_reopen(node); /* what was not flushed is lost */
    take_events(world, node);
}

/* ---- the end ---------------------------------------------------------------------- */

static bool agree(const struct world *world)
{
    for (size_t i = 1; i < NODES; i++)
        if (!tamga_hash_equal(&tamga_engine_tip(world->node[i].engine)->tip_id.hash,
                              &tamga_engine_tip(world->node[0].engine)->tip_id.hash))
            return false;
    return true;
}

static void exchange_all(struct world *world)
{
    for (size_t i = 0; i < NODES; i++) {
        struct test_node *node = &world->node[i];

        for (size_t j = 0; j < world->block_count; j++) {
            cr_assert_eq(tamga_engine_add_block(node->engine, &world->block[j], world->now_ms,
                                                NULL),
                         TAMGA_OK);
            give_payloads(world, node);
        }
        take_events(world, node);
        cr_assert_eq(tamga_engine_flush(node->engine), TAMGA_OK);
    }
}

/* A node that sees the winning chain alone ends in the same state. */
static void check_as_fresh(const struct world *world)
{
    const unsigned mask = 1u << TAMGA_FAMILY_STATE | 1u << TAMGA_FAMILY_INDEX |
                          1u << TAMGA_FAMILY_ENTRY | 1u << TAMGA_FAMILY_HEIGHT |
                          1u << TAMGA_FAMILY_META | 1u << TAMGA_FAMILY_UNDO |
                          1u << TAMGA_FAMILY_MAP;
    const struct tamga_view *view = &world->node[0].store->reader.view;
    uint64_t height = tamga_engine_tip(world->node[0].engine)->tip.height;
    struct test_node fresh;

    test_node_open(&fresh, world->chain);
    for (uint64_t i = 1; i <= height; i++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
        struct tamga_block_id id;

        cr_assert_eq(tamga_query_id_at(view, i, &id), TAMGA_OK);
        cr_assert_eq(tamga_query_block(view, &id, &block), TAMGA_OK);
        cr_assert_eq(tamga_engine_add_block(fresh.engine, &block, world->now_ms, NULL),
                     TAMGA_OK);
        give_payloads((struct world *)(uintptr_t)world, &fresh);
    }
    cr_assert_eq(tamga_engine_flush(fresh.engine), TAMGA_OK);
    for (size_t i = 0; i < NODES; i++)
        cr_assert(test_same_content(world->node[i].store, fresh.store, mask), "node %zu", i);
    test_node_close(&fresh);
}

static bool copy_state(void *context, struct tamga_span key, struct tamga_span value)
{
    cr_assert_eq(tamga_overlay_put(context, TAMGA_FAMILY_STATE, key, value), TAMGA_OK);
    return true;
}

/* The tip's root is that of all the state, put into an empty map at once. */
static void check_root(const struct world *world)
{
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay state;
    const struct tamga_reader *reader = &world->node[0].store->reader;
    struct tamga_store *empty;
    struct tamga_hash root;

    cr_assert_eq(tamga_store_mem_new(&empty), TAMGA_OK);
    tamga_overlay_init(&state, &empty->reader.view);
    cr_assert_eq(reader->ops->scan(reader, TAMGA_FAMILY_STATE, tamga_span(NULL, 0),
                                   tamga_span(NULL, 0), copy_state, &state),
                 TAMGA_OK);
    cr_assert_eq(tamga_state_map_apply(&root, &state, &state), TAMGA_OK);
    cr_assert(tamga_hash_equal(&root,
                               &tamga_engine_tip(world->node[0].engine)->tip.state_root));
    tamga_overlay_clear(&state);
    empty->ops->close(empty);
}

/* What one chain may hold once, it holds once: entries, and what they claim. */
static void check_no_duplicates(const struct world *world)
{
    static struct tamga_hash seen[PAYLOADS * (TAMGA_CLAIMS_MAX + 1)];
    const struct tamga_view *view = &world->node[0].store->reader.view;
    size_t count = 0, entries = 0;

    for (size_t i = 0; i < world->payload_count; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
        struct tamga_place place;
        enum tamga_err err = tamga_query_place(view, &world->id[i], &place);
        bool same = false;

        for (size_t j = 0; j < i && !same; j++)
            same = tamga_hash_equal(&world->id[j].hash, &world->id[i].hash);
        if (err == TAMGA_E_NOT_FOUND || same)
            continue;
        cr_assert_eq(err, TAMGA_OK);
        entries++;
        test_item(&item, world->chain, &world->payload[i]);
        for (size_t j = 0; j < NODES; j++)
            cr_assert_null(
                tamga_mempool_find(tamga_engine_mempool(world->node[j].engine), &item.id));
        for (size_t j = 0; j < item.claim_count; j++) {
            for (size_t k = 0; k < count; k++)
                cr_assert_not(tamga_hash_equal(&seen[k], &item.claim[j]));
            seen[count++] = item.claim[j];
        }
    }
    cr_assert_gt(entries, 20);
}

static void run(const struct tamga_chain *chain)
{
    static struct world world;
    const char *given = getenv("TAMGA_SEED");
    uint64_t seed = given == NULL ? 20240229 : strtoull(given, NULL, 0);
    size_t rounds = 0;

    printf("%s seed: TAMGA_SEED=%llu\n", chain->rules->name, (unsigned long long)seed);
    fflush(stdout);
    world = (struct world){
        .chain = chain, .random = seed * 0x9e3779b97f4a7c15u | 1, .now_ms = T0 + 1000};
    for (size_t i = 0; i < NODES; i++)
        test_node_open(&world.node[i], chain);
    for (size_t i = 0; i < STEPS; i++)
        step(&world);
    do
        exchange_all(&world);
    while (++rounds < ROUNDS && !agree(&world));
    cr_assert(agree(&world));
    printf("%zu blocks, height %llu, %llu switches, %zu payloads, %zu rounds\n",
           world.block_count,
           (unsigned long long)tamga_engine_tip(world.node[0].engine)->tip.height,
           (unsigned long long)world.reorgs, world.payload_count, rounds);
    cr_assert_gt(world.block_count, 50);
    cr_assert_gt(world.reorgs, 5);
    check_as_fresh(&world);
    check_root(&world);
    check_no_duplicates(&world);
    for (size_t i = 0; i < NODES; i++)
        test_node_close(&world.node[i]);
    for (size_t i = 0; i < world.block_count; i++)
        tamga_block_clear(&world.block[i]);
    for (size_t i = 0; i < world.payload_count; i++)
        tamga_buf_clear(&world.payload[i]);
}

/*
 * Goal:   engines that saw everything agree, whatever came first, was lost or restarted;
 *         and their chain keeps every rule.
 * Method: 5,000 random steps on four engines; then exchange all, compare tips, state with
 *         a fresh engine's, the root with one made from scratch, and look for duplicates.
 */
Test(random, consortium_engines_converge, .timeout = 110)
{
    run(test_consortium());
}

Test(random, gateway_engines_converge, .timeout = 110)
{
    run(test_gateway());
}
