/*
 * A node's disk is copied, and later the copy takes its place: an operator's backup. What
 * the node said since then it has forgotten, and must not contradict.
 *
 * A restored validator asks quorum - 1 others for what they know of its votes. So many have
 * one honest node at least among any n - quorum + 1 honest ones: a vote that so many hold is
 * found again. Nothing can find one that was on its way to fewer, so an operator waits until
 * the network has heard what the node said; so does this one.
 */
#include <stdlib.h>

#include "world.h"

/* ---- copies --------------------------------------------------------------------------- */

struct copying {
    struct tamga_store *to;
    enum tamga_family family;
};

static bool copy_one(void *context, struct tamga_span key, struct tamga_span value)
{
    struct copying *copying = context;
    struct tamga_write write = {.family = copying->family, .key = key, .value = value};

    if (copying->to->ops->write(copying->to, &write, 1, true) != TAMGA_OK)
        abort();
    return true;
}

static struct tamga_store *copy_of(const struct tamga_store *disk)
{
    struct copying copying;

    if (tamga_store_mem_new(&copying.to) != TAMGA_OK)
        abort();
    for (int i = 0; i < TAMGA_FAMILY_COUNT; i++) {
        copying.family = (enum tamga_family)i;
        if (disk->reader.ops->scan(&disk->reader, copying.family, tamga_span(NULL, 0),
                                   tamga_span(NULL, 0), copy_one, &copying) != TAMGA_OK)
            abort();
    }
    return copying.to;
}

void sim_copy(struct sim_world *world, struct sim_node *node)
{
    if (node->disk == NULL)
        return;
    if (node->copy != NULL)
        node->copy->ops->close(node->copy);
    node->copy = copy_of(node->disk);
    sim_trace(world, "node %d: its disk is copied", node->index);
}

/* ---- is it time? ------------------------------------------------------------------------ */

struct looking {
    const struct tamga_hash *validator;
    const struct tamga_link *link;
    bool found;
};

static bool look_at_vote(void *context, struct tamga_span encoded)
{
    struct looking *looking = context;
    Tamga__V1__Signed *outer = tamga__v1__signed__unpack(NULL, encoded.len, encoded.data);
    Tamga__V1__VoteBody *body =
        outer == NULL ? NULL
                      : tamga__v1__vote_body__unpack(NULL, outer->body.len, outer->body.data);

    if (body == NULL)
        abort();
    looking->found =
        body->target_height == looking->link->target.height &&
        tamga_span_equal(tamga_wire_span(body->validator),
                         tamga_hash_span(looking->validator)) &&
        tamga_span_equal(tamga_wire_span(body->target),
                         tamga_hash_span(&looking->link->target.id.hash));
    tamga__v1__vote_body__free_unpacked(body, NULL);
    tamga__v1__signed__free_unpacked(outer, NULL);
    return !looking->found;
}

/* Would this one's answer keep the node from contradicting the vote? */
static bool knows_vote(const struct sim_node *other, const struct sim_node *node,
                       const struct tamga_link *link)
{
    struct looking looking = {&node->address.hash, link, false};

    if (other->disk == NULL)
        return false;
    if (other->final.height >= link->target.height)
        return true; /* it has called so much final itself */
    return tamga_query_votes(&other->disk->reader, link->target.height - 1, look_at_vote,
                             &looking) == TAMGA_OK &&
           looking.found;
}

static bool all_heard(const struct sim_world *world, const struct sim_node *node)
{
    /* Anybody answers, validator or not; and a quorum is that of the copy's tip, which is
     * the smallest that there can be, at least. */
    unsigned few = (unsigned)(world->node_count - __builtin_popcount(world->movable));
    unsigned enough = (unsigned)world->node_count - (2 * few + 2) / 3 + 1;

    for (size_t i = 0; i < node->sent.count; i++) {
        unsigned know = 0;

        for (int j = 0; j < world->node_count; j++)
            know += j != node->index && sim_honest(&world->node[j]) &&
                    knows_vote(&world->node[j], node, &node->sent.at[i].link);
        if (know < enough)
            return false;
    }
    return true;
}

/* ---- the copy takes the disk's place ------------------------------------------------------ */

/* What nobody honest has any more cannot be asked for. */
static void excuse(struct sim_world *world, const struct sim_node *restored)
{
    unsigned known = 0;

    for (size_t i = 0; i < world->entry_count; i++) {
        struct sim_entry *entry = &world->entry[i];
        bool held = false;

        entry->acked_by &= ~(1u << restored->index);
        entry->dropped_by &= ~(1u << restored->index);
        for (int j = 0; j < world->node_count && entry->owed && !held; j++)
            held = sim_honest(&world->node[j]) &&
                   sim_holds_entry(&world->node[j], &entry->id);
        entry->owed = entry->owed && held;
    }
    for (int j = 0; j < world->node_count; j++)
        if (sim_honest(&world->node[j]) && world->node[j].disk != NULL)
            known |= sim_evidence(world, &world->node[j]);
    world->caught &= known;
}

/* Whoever came since then is a stranger to the copy: it would not hear what he knows of its
 * votes before it has the blocks that seat him, and by then it votes. So a copy is put back
 * only while the validators are those that it knows. */
static bool knows_council(const struct sim_node *node)
{
    TAMGA_BUF then = {0};
    TAMGA_BUF now = {0};
    struct tamga_hash key;

    tamga_key_council(&key);
    (void)tamga_view_get(&node->copy->reader.view, TAMGA_FAMILY_STATE, tamga_hash_span(&key),
                         &then);
    (void)tamga_view_get(&node->disk->reader.view, TAMGA_FAMILY_STATE, tamga_hash_span(&key),
                         &now);
    return tamga_span_equal(tamga_buf_span(&then), tamga_buf_span(&now));
}

/* What somebody else has to hear must not be forgotten meanwhile. */
static bool others_ask(const struct sim_world *world, const struct sim_node *node)
{
    bool ask = false;

    for (int i = 0; i < world->node_count; i++)
        ask = ask || (&world->node[i] != node && sim_honest(&world->node[i]) &&
                      world->node[i].asks);
    return ask;
}

void sim_restore(struct sim_world *world, struct sim_node *node)
{
    if (node->copy == NULL || (sim_honest(node) && !sim_sabotage_hasty(world, node) &&
                               (!all_heard(world, node) || !knows_council(node) ||
                                others_ask(world, node))))
        return;
    sim_node_crash(world, node, "an older copy takes its disk's place");
    sim_sabotage_store_clear(node);
    node->disk->ops->close(node->disk);
    node->disk = copy_of(node->copy);
    sim_sabotage_store(world, node);
    sim_node_forget(node);
    excuse(world, node);
    node->asks = true;
    world->result.restores++;
}
