/*
 * Validators that lie: two votes where an honest one casts one, votes for blocks that are
 * kept back or invalid, old votes again, cosignatures of what is not final, silence. Their
 * own engine knows nothing of it.
 */
#include <stdlib.h>

#include "world.h"

/* To some of the others, each by its own luck. */
static void send_some(struct sim_world *world, const struct sim_node *node, unsigned to,
                      struct tamga_span vote)
{
    for (int i = 0; i < world->node_count; i++)
        if (i != node->index && (to >> i & 1) != 0) {
            struct sim_message *message = sim_message_new(SIM_VOTE, node->index, i);

            sim_message_vote(message, vote);
            sim_send(world, message);
        }
}

static void vote(struct sim_world *world, const struct sim_node *node, unsigned to,
                 const struct tamga_point *source, const struct tamga_point *target)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote made = {0};
    struct tamga_link link = {*source, *target};

    if (target->height <= source->height ||
        tamga_vote_make(&made, &node->home.chain, &link, test_key(node->miner)) != TAMGA_OK)
        return;
    send_some(world, node, to, tamga_buf_span(&made.bytes));
}

static unsigned all(void)
{
    return (1u << SIM_NODES_MAX) - 1;
}

/* A block of the liar's own best chain. */
static bool point_at(const struct sim_node *node, uint64_t height, struct tamga_point *out)
{
    out->height = height;
    return tamga_query_id_at(&node->store->reader.view, height, &out->id) == TAMGA_OK;
}

/* Another block of the height: one of its own making, or one that nobody has. */
static void other_at(struct sim_world *world, const struct sim_node *node, uint64_t height,
                     struct tamga_point *out)
{
    out->height = height;
    for (size_t i = 0; i < node->evil_count; i++)
        if (node->evil[i].block.sealed.header.height == height) {
            out->id = node->evil[i].id;
            return;
        }
    for (size_t i = 0; i < TAMGA_HASH_BYTES; i++)
        out->id.hash.byte[i] = (uint8_t)sim_random(world);
}

/* One block to these, another to those; or one target from two sources to all. */
static void vote_twice(struct sim_world *world, const struct sim_node *node)
{
    const struct tamga_point *source = tamga_engine_justified(node->engine);
    uint64_t tip = tamga_engine_tip(node->engine)->tip.height;
    uint64_t back = sim_below(world, 2);
    unsigned these = (unsigned)sim_below(world, 1u << SIM_NODES_MAX);
    struct tamga_point target, other;

    if (tip <= back || !point_at(node, tip - back, &target))
        return;
    vote(world, node, sim_chance(world, 500) ? all() : these, source, &target);
    if (sim_chance(world, 400) && point_at(node, sim_below(world, target.height), &other)) {
        vote(world, node, sim_chance(world, 500) ? all() : ~these, &other, &target);
        return;
    }
    other_at(world, node, target.height, &other);
    vote(world, node, sim_chance(world, 500) ? all() : ~these, source, &other);
}

/* A vote from low to high, and one in between. */
static void vote_around(struct sim_world *world, const struct sim_node *node)
{
    uint64_t tip = tamga_engine_tip(node->engine)->tip.height;
    uint64_t final = tamga_engine_final(node->engine)->height;
    struct tamga_point outer[2], inner[2];
    bool inner_first = sim_chance(world, 500);

    if (tip < final + 3 || !point_at(node, final, &outer[0]) ||
        !point_at(node, final + 1, &inner[0]) || !point_at(node, tip - 1, &inner[1]) ||
        !point_at(node, tip, &outer[1]))
        return;
    if (inner_first)
        vote(world, node, all(), &inner[0], &inner[1]);
    vote(world, node, all(), &outer[0], &outer[1]);
    if (!inner_first)
        vote(world, node, all(), &inner[0], &inner[1]);
}

/* For a block of its own making, which may be invalid, or kept back. */
static void vote_for_evil(struct sim_world *world, const struct sim_node *node)
{
    struct tamga_point target;

    if (node->evil_count == 0)
        return;
    target.height = node->evil[node->evil_count - 1].block.sealed.header.height;
    target.id = node->evil[node->evil_count - 1].id;
    vote(world, node, all(), tamga_engine_justified(node->engine), &target);
}

/* Anybody's votes, as they were, or with one bit changed. */
static void replay(struct sim_world *world, const struct sim_node *node)
{
    size_t kept = world->replays < SIM_REPLAYS ? world->replays : SIM_REPLAYS;

    for (size_t i = 0; i < kept && i < 8; i++) {
        const struct tamga_buf *old = &world->replay[sim_below(world, kept)];
        TAMGA_BUF copy = {0};

        if (tamga_buf_set(&copy, tamga_buf_span(old)) != TAMGA_OK)
            abort();
        if (sim_chance(world, 300))
            copy.data[sim_below(world, copy.len)] ^= 4;
        send_some(world, node, all(), tamga_buf_span(&copy));
    }
}

/* Of a block that is not final, or with a state root that it has not; its own, or said to
 * be another's. */
static void cosign(struct sim_world *world, const struct sim_node *node)
{
    struct sim_message *message = sim_message_new(SIM_WORD, node->index, SIM_NOBODY);
    const struct tamga_trail *tip = tamga_engine_tip(node->engine);
    struct tamga_checkpoint checkpoint = {.at = {tip->tip.height, tip->tip_id},
                                          .state_root = tip->tip.state_root,
                                          .time_ms = tip->tip.time_ms};
    struct sim_word word = {.by = node->address};

    switch (sim_below(world, 4)) {
    case 0:
        checkpoint.state_root.byte[3] ^= 1;
        break;
    case 1:
        checkpoint.at.height += 1 + sim_below(world, 1000); /* nobody knows it */
        other_at(world, node, checkpoint.at.height, &checkpoint.at);
        break;
    case 2:
        other_at(world, node, checkpoint.at.height, &checkpoint.at);
        break;
    default:
        break; /* its tip, final or not */
    }
    if (checkpoint.at.height == 0 ||
        tamga_cosignature_make(&word.word, &node->home.chain, &checkpoint, test_key(node->miner)) !=
            TAMGA_OK) {
        sim_message_free(message);
        return;
    }
    if (sim_chance(world, 300))
        word.by = world->node[sim_below(world, (uint64_t)world->node_count)].address;
    sim_message_word(message, &word);
    sim_gossip(world, message);
}

void sim_lie_vote(struct sim_world *world, struct sim_node *node)
{
    static const char *const name[] = {"twice", "around", "evil", "replay", "cosign", "mute"};
    unsigned kind = (unsigned)sim_below(world, 6);

    node->evil_mute = kind == 5 && sim_chance(world, 700);
    sim_trace(world, "node %d lies about finality: %s", node->index, name[kind]);
    switch (kind) {
    case 0:
        vote_twice(world, node);
        break;
    case 1:
        vote_around(world, node);
        break;
    case 2:
        vote_for_evil(world, node);
        break;
    case 3:
        replay(world, node);
        break;
    case 4:
        cosign(world, node);
        break;
    default:
        break;
    }
    world->result.lies++;
}
