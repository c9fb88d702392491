/*
 * The invariants of validators that come and go: each node counts by whom its chain
 * says, what is final was said by a quorum of its height, and who holds genesis can
 * follow by checkpoints alone. Who sits when is read from the blocks (seats.c).
 */
#include <stdlib.h>

#include "chain/engine_internal.h"
#include "rules/proof.h"
#include "wire/wire.h"
#include "world.h"

#define BEYOND 12 /* heights above the tip */

/* ---- by whom a node counts --------------------------------------------------------- */

bool sim_sits_there(const struct sim_node *node, const struct tamga_address *address,
                    uint64_t height)
{
    const struct tamga_council *council = node->home.chain.council;

    for (uint32_t i = 0; i < council->count; i++) {
        const struct tamga_seat *seat = &council->seat[i];

        if (seat->from <= height && (seat->until == 0 || height < seat->until) &&
            tamga_hash_equal(&seat->member->address.hash, &address->hash))
            return true;
    }
    return false;
}

void sim_check_seats(struct sim_world *world, struct sim_node *node)
{
    uint64_t height = tamga_engine_final(node->engine)->height;
    uint64_t last = tamga_engine_tip(node->engine)->tip.height + BEYOND;
    struct sim_seats seats;

    if (!world->governed)
        return;
    sim_read_seats(world, node, &seats);
    for (; height <= last; height++)
        for (int i = 0; i < world->node_count; i++) {
            const struct tamga_address *address = &world->node[i].address;
            bool sits = sim_sits(&seats, address, height);

            if (sits != sim_sits_there(node, address, height)) {
                sim_broken(world, SIM_SAME_STATE,
                           "node %d, tip %llu: by its chain node %d %s at height %llu",
                           node->index, (unsigned long long)last - BEYOND, i,
                           sits ? "counts" : "does not count",
                           (unsigned long long)height);
                return;
            }
        }
}

/* ---- what is final was said by a quorum -------------------------------------------- */

void sim_said_add(struct sim_world *world, struct sim_said_list *list,
                  const struct tamga_link *link)
{
    if (list->count == list->cap) {
        list->cap = list->cap == 0 ? 64 : list->cap * 2;
        list->at = realloc(list->at, list->cap * sizeof *list->at);
        if (list->at == NULL)
            abort();
    }
    list->at[list->count++] = (struct sim_said){*link, world->result.steps};
}

/* Did this node say so by then? Who lies may have said anything. */
static bool said(const struct sim_node *node, const struct sim_said_list *list,
                 const struct tamga_point *source, const struct tamga_point *target,
                 uint64_t step)
{
    bool found = !sim_honest(node);

    for (size_t i = 0; i < list->count && !found; i++)
        found =
            list->at[i].step <= step &&
            (source == NULL || tamga_point_equal(&list->at[i].link.source, source)) &&
            (target == NULL || tamga_point_equal(&list->at[i].link.target, target)) &&
            (target != NULL || list->at[i].link.target.height == source->height + 1);
    return found;
}

/* By votes from it to a child, or by words that it is final. */
static bool was_said(const struct sim_world *world, const struct sim_seats *seats,
                     const struct sim_said *final)
{
    const struct tamga_point *point = &final->link.target;
    unsigned votes = 0, words = 0;

    for (int i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->node[i];

        votes += sim_sits(seats, &node->address, point->height + 1) &&
                 said(node, &node->sent, point, NULL, final->step);
        words += sim_sits(seats, &node->address, point->height) &&
                 said(node, &node->cosigned, NULL, point, final->step);
    }
    return votes >= sim_quorum(seats, point->height + 1) ||
           words >= sim_quorum(seats, point->height);
}

static void check_finals(struct sim_world *world, const struct sim_seats *seats)
{
    for (size_t i = 0; i < world->finals.count; i++)
        if (world->finals.at[i].link.target.height > 0 &&
            !was_said(world, seats, &world->finals.at[i])) {
            sim_broken(world, SIM_FINAL_AGREES,
                       "step %llu: height %llu is final, and no quorum of its "
                       "validators said so",
                       (unsigned long long)world->finals.at[i].step,
                       (unsigned long long)world->finals.at[i].link.target.height);
            return;
        }
}

/* ---- who holds genesis, and follows by checkpoints --------------------------------- */

static int by_height(const void *a, const void *b)
{
    const struct sim_kept *one = a, *other = b;

    return one->height < other->height ? -1 : one->height > other->height;
}

/* Its council as the chain of a node has it. */
static enum tamga_err step_to(struct sim_home *device, const struct sim_node *node,
                              struct sim_kept *kept)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateCouncil *council = NULL;
    Tamga__V1__CouncilStep step = TAMGA__V1__COUNCIL_STEP__INIT;
    struct tamga_checkpoint checkpoint;
    TAMGA_BUF encoded = {0};
    enum tamga_err err = tamga_wire_unpack(
        (ProtobufCMessage **)&message, &tamga__v1__checkpoint__descriptor,
        TAMGA_WIRE_CANONICAL, tamga_buf_span(&kept->bytes), NULL);

    if (err != TAMGA_OK)
        return err;
    err = tamga_checkpoint_verify(&checkpoint, &device->chain, message, NULL, NULL);
    if (err == TAMGA_OK && (tamga_hash_is_zero(&checkpoint.council) ||
                            tamga_council_is(&device->chain, &checkpoint, NULL) == TAMGA_OK))
        return TAMGA_OK;
    err = tamga_council_at(&council, &node->disk->reader.view, kept->height);
    if (err == TAMGA_OK)
        err = tamga_wire_pack(&encoded, &council->base);
    step.checkpoint = message;
    step.council = tamga_wire_bytes(tamga_buf_span(&encoded));
    return err == TAMGA_OK
               ? tamga_council_step(&checkpoint, &device->chain, &step, NULL)
               : err;
}

/* Was no checkpoint made between a decision and its effect? Then whoever trusted the former
 * council cannot know the next one, unless enough of those who stay have cosigned after it. */
static bool steps_missing(const struct sim_node *node, uint64_t above, uint64_t height)
{
    const struct tamga_council *council = node->home.chain.council;

    for (uint32_t i = 0; i < council->count; i++)
        if ((council->seat[i].from > above && council->seat[i].from <= height) ||
            (council->seat[i].until > above && council->seat[i].until <= height))
            return true;
    return false;
}

static void follow(struct sim_world *world, const struct sim_node *node)
{
    TAMGA_CLEANUP(sim_home_close) struct sim_home device = {0};
    uint64_t known = 0;

    sim_home_open(&device, &world->founders, &world->rules);
    qsort(world->kept, world->kept_count, sizeof world->kept[0], by_height);
    for (size_t i = 0; i < world->kept_count; i++) {
        struct sim_kept *kept = &world->kept[i];
        enum tamga_err err = step_to(&device, node, kept);

        if (err != TAMGA_OK && steps_missing(node, known, kept->height)) {
            world->result.gaps++;
            return;
        }
        if (err != TAMGA_OK) {
            sim_broken(world, SIM_FINAL_AGREES,
                       "who holds genesis refuses the checkpoint of height %llu: %s",
                       (unsigned long long)kept->height, tamga_err_name(err));
            return;
        }
        known = kept->height;
    }
}

static bool same_seats(const struct sim_seats *a, const struct sim_seats *b)
{
    return a->count == b->count && memcmp(a->at, b->at, a->count * sizeof a->at[0]) == 0;
}

static bool has_final_of(const struct sim_node *node, const struct sim_node *other)
{
    const struct tamga_point *final = tamga_engine_final(other->engine);
    struct tamga_block_id id;

    return tamga_query_id_at(&node->disk->reader.view, final->height, &id) != TAMGA_OK ||
           tamga_hash_equal(&id.hash, &final->id.hash);
}

/* Is a node on a branch with more work, and does not know the validators who made another one
 * final, because they were decided on there? No body brings it there, and no vote counts. */
bool sim_council_apart(const struct sim_world *world)
{
    bool apart = false;

    for (int i = 0; i < world->node_count && world->governed; i++)
        for (int j = 0; j < world->node_count && !apart; j++) {
            const struct sim_node *one = &world->node[i], *other = &world->node[j];
            struct sim_seats here, there;

            if (!sim_honest(one) || !sim_honest(other) || one->engine == NULL ||
                other->engine == NULL || has_final_of(one, other))
                continue;
            sim_read_seats(world, one, &here);
            sim_read_seats(world, other, &there);
            apart = !same_seats(&here, &there);
        }
    return apart;
}

void sim_keep_checkpoint(struct sim_world *world, uint64_t height,
                         struct tamga_span encoded)
{
    struct sim_kept *to;

    for (size_t i = 0; i < world->kept_count; i++)
        if (world->kept[i].height == height)
            return;
    if (world->kept_count == SIM_HEIGHTS_MAX)
        abort();
    to = &world->kept[world->kept_count++];
    to->height = height;
    if (tamga_buf_set(&to->bytes, encoded) != TAMGA_OK)
        abort();
}

void sim_check_councils(struct sim_world *world, struct sim_node *node)
{
    struct sim_seats seats;

    sim_read_seats(world, node, &seats);
    for (size_t i = 0; i < seats.count; i++)
        world->result.seats +=
            (uint64_t)(seats.at[i].from > 0) + (seats.at[i].until > 0);
    check_finals(world, &seats);
    follow(world, node);
}
