/*
 * Peers that lie: each holds a sound chain of its own, and beside it blocks that are
 * invalid, kept back, old, or of another time, which it serves as the best there is.
 */
#include <stdlib.h>

#include "world.h"

static void forget(struct sim_node *node)
{
    for (size_t i = 0; i < node->evil_count; i++)
        test_block_clear(&node->evil[i]);
    for (size_t i = 0; i < node->evil_payload_count; i++)
        tamga_buf_clear(&node->evil_payload[i]);
    node->evil_count = node->evil_payload_count = 0;
    node->evil_status = node->evil_garbage = node->evil_silent = false;
    node->evil_served = ~0u;
}

/* The trail up to a height of the liar's own best chain. */
static bool trail_at(const struct sim_node *node, uint64_t height, struct tamga_trail *out)
{
    const struct tamga_view *view = &node->store->reader.view;

    tamga_trail_start(out, &node->home.chain.genesis);
    for (uint64_t at = 1; at <= height; at++) {
        struct tamga_stored_header stored;
        struct tamga_block_id id;

        if (tamga_query_id_at(view, at, &id) != TAMGA_OK ||
            tamga_query_header(view, &id, &stored) != TAMGA_OK)
            return false;
        tamga_trail_push(out, &stored.sealed.header, &id);
    }
    return true;
}

static uint64_t step_to(const struct sim_world *world, const struct tamga_trail *parent,
                        uint64_t ahead_ms)
{
    uint64_t at_ms = world->now_ms + ahead_ms;

    return at_ms > parent->tip.time_ms ? at_ms - parent->tip.time_ms : 1;
}

/* As far back as the rules allow, or one millisecond more. What is added to the parent's
 * time may be negative: all of it is modulo 2^64. */
static uint64_t step_back(struct sim_world *world, const struct tamga_trail *parent)
{
    uint64_t at_ms = tamga_trail_median_ms(parent) + sim_below(world, 2);

    return at_ms == parent->tip.time_ms ? 1 : at_ms - parent->tip.time_ms;
}

/* Takes the payload. */
static void push_block(struct sim_world *world, struct sim_node *node,
                       const struct tamga_trail *parent, struct tamga_buf *payload,
                       uint64_t step_ms, void (*change)(struct tamga_block *block))
{
    struct sim_facts facts;

    if (node->evil_count == SIM_EVIL_MAX) {
        tamga_buf_clear(payload);
        return;
    }
    test_state_learn(&node->home.chain, &node->store->reader.view, node->evil_base);
    sim_facts_of(&facts, world->gateway, tamga_buf_span(payload));
    test_block_on(&node->evil[node->evil_count++], &node->home.chain, parent, node->miner,
                  step_ms, payload, 1, change);
    node->evil_entry[node->evil_payload_count] = facts.id;
    node->evil_payload[node->evil_payload_count++] = *payload;
}

/* Some sound blocks on top of what the liar has so far, or on a height of the chain. */
static void grow(struct sim_world *world, struct sim_node *node, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tamga_buf payload = {0};
        struct tamga_trail parent;

        if (node->evil_count > 0)
            parent = node->evil[node->evil_count - 1].trail;
        else if (!trail_at(node, node->evil_base, &parent))
            return;
        sim_fresh_payload(world, &payload);
        push_block(world, node, &parent, &payload, step_to(world, &parent, 0), NULL);
    }
}

static void break_root(struct tamga_block *block)
{
    block->sealed.header.body_root.byte[7] ^= 0x10;
}

static void break_state_root(struct tamga_block *block)
{
    block->sealed.header.state_root.byte[9] ^= 0x04;
}

static void break_signature(Tamga__V1__Signed *message)
{
    message->signature->value.data[5] ^= 1;
}

/* An entry that no block may hold: one of the chain again, a used image or install, or
 * one that its sender never signed. */
static void bad_payload(struct sim_world *world, struct sim_node *node, struct tamga_buf *out)
{
    for (size_t i = world->entry_count; i-- > 0 && sim_chance(world, 900);) {
        struct tamga_place place;

        if (tamga_query_place(&node->store->reader.view, &world->entry[i].id, &place) !=
            TAMGA_OK)
            continue;
        if (tamga_buf_set(out, tamga_buf_span(&world->entry[i].payload)) != TAMGA_OK)
            abort();
        return;
    }
    if (world->gateway)
        test_record(out, NULL,
                    &(struct test_record){.number = "evil",
                                          .release = 5000 + ++world->serial,
                                          .counter = world->serial,
                                          .time_ms = world->now_ms,
                                          .forge_receipt = sim_chance(world, 500)
                                                               ? break_signature
                                                               : NULL,
                                          .forge = break_signature});
    else if (sim_chance(world, 500))
        test_release(out, NULL,
                     &(struct test_release){.counter = ++world->counter,
                                            .image = 200000 + ++world->serial,
                                            .time_ms = world->now_ms,
                                            .forge = break_signature});
    else
        test_release(out, NULL,
                     &(struct test_release){.sender = "gw-1",
                                            .counter = ++world->counter,
                                            .image = 200000 + ++world->serial,
                                            .time_ms = world->now_ms});
}

static void lie_invalid(struct sim_world *world, struct sim_node *node)
{
    struct tamga_buf payload = {0};
    struct tamga_trail parent;

    if (!trail_at(node, node->evil_base, &parent))
        return;
    if (sim_chance(world, 700)) {
        bad_payload(world, node, &payload);
        push_block(world, node, &parent, &payload, step_to(world, &parent, 0), NULL);
    } else {
        sim_fresh_payload(world, &payload);
        push_block(world, node, &parent, &payload, step_to(world, &parent, 0),
                   sim_chance(world, 500) ? break_root : break_state_root);
    }
    grow(world, node, sim_below(world, 3)); /* sound, on an ancestor that is not */
}

static void lie_about_time(struct sim_world *world, struct sim_node *node)
{
    bool beyond = sim_chance(world, 500);
    uint64_t ahead_ms = beyond ? TEST_DRIFT_MS + sim_below(world, 60000)
                               : sim_below(world, TEST_DRIFT_MS);
    struct tamga_buf payload = {0};
    struct tamga_trail parent;

    if (!trail_at(node, node->evil_base, &parent))
        return;
    sim_fresh_payload(world, &payload);
    push_block(world, node, &parent, &payload,
               sim_chance(world, 300) ? step_back(world, &parent)
                                      : step_to(world, &parent, ahead_ms),
               NULL);
}

static void announce(struct sim_world *world, struct sim_node *node)
{
    struct sim_message *message = sim_message_new(SIM_ANNOUNCE, node->index, SIM_NOBODY);

    /* Without the ids: whoever hears it has to come and pull. */
    message->sealed = sim_alloc(1, sizeof *message->sealed);
    message->sealed_count = 1;
    if (node->evil_count > 0)
        message->sealed[0] = node->evil[node->evil_count - 1].block.sealed;
    sim_gossip(world, message);
}

/* Sound blocks with more work than the tip, from a little further back. */
static void outgrow(struct sim_world *world, struct sim_node *node, uint64_t height)
{
    uint64_t back = sim_below(world, 3);

    back = back < height ? back : height;
    node->evil_base = height - back;
    grow(world, node, back + 1 + sim_below(world, SIM_EVIL_MAX - 2));
}

static unsigned choose(struct sim_world *world, bool withhold)
{
    if (!withhold)
        return (unsigned)sim_below(world, 7);
    return world->gateway && sim_chance(world, 500) ? 6 : 1;
}

void sim_lie(struct sim_world *world, struct sim_node *node, bool withhold)
{
    static const char *const name[] = {"invalid", "withheld", "old fork", "time",
                                       "status",  "garbage",  "silent"};
    uint64_t height = tamga_engine_tip(node->engine)->tip.height;
    unsigned kind = choose(world, withhold);
    uint64_t back = 1 + sim_below(world, 4);

    forget(node);
    node->evil_base = height;
    switch (kind) {
    case 0:
        lie_invalid(world, node);
        break;
    case 1: /* more work than the tip, and bodies for some or for nobody */
        outgrow(world, node, height);
        node->evil_served = (unsigned)sim_below(world, 1u << SIM_NODES_MAX);
        if (withhold || sim_chance(world, 500))
            node->evil_served = 0;
        break;
    case 2: /* as much work as the tip, from further back */
        back = back < height ? back : height;
        node->evil_base = height - back;
        grow(world, node, back);
        break;
    case 3:
        lie_about_time(world, node);
        break;
    case 4:
        node->evil_status = true;
        break;
    case 5:
        node->evil_garbage = true;
        grow(world, node, 2);
        break;
    default: /* blocks for all, and the payloads for nobody */
        outgrow(world, node, height);
        node->evil_silent = true;
    }
    world->result.lies++;
    sim_trace(world, "node %d lies: %s, %zu blocks on %llu", node->index, name[kind],
              node->evil_count, (unsigned long long)node->evil_base);
    announce(world, node);
}
