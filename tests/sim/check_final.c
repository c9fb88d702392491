/*
 * The invariants of finality and of the state root. What validators say is remembered
 * here for ever, whatever they forget; conflicts, roots and descent are judged by code of
 * its own.
 */
#include <stdlib.h>

#include "chain/engine_internal.h"
#include "crypto/hash.h"
#include "wire/wire.h"
#include "world.h"

static const struct tamga_view *view_of(const struct sim_node *node)
{
    return &node->disk->reader.view;
}

/* ---- what is final ---------------------------------------------- */

static void agree(struct sim_world *world, const struct sim_node *node,
                  const struct tamga_point *at)
{
    struct tamga_block_id *known;

    if (at->height >= SIM_HEIGHTS_MAX)
        abort(); /* a run is not that long */
    known = &world->final[at->height];
    if (tamga_hash_is_zero(&known->hash)) {
        *known = at->id;
        world->result.finals++;
    } else if (!tamga_hash_equal(&known->hash, &at->id.hash)) {
        sim_broken(world, SIM_FINAL_AGREES, "height %llu: %s is final for node %d, and %s was",
                   (unsigned long long)at->height, sim_short(&at->id.hash), node->index,
                   sim_short(&known->hash));
    }
}

void sim_check_final(struct sim_world *world, struct sim_node *node)
{
    struct tamga_point at = *tamga_engine_final(node->engine);
    const struct tamga_point top = at;

    if (at.height < node->final.height)
        sim_broken(world, SIM_FINAL_AGREES, "node %d's final height goes back from %llu to %llu",
                   node->index, (unsigned long long)node->final.height,
                   (unsigned long long)at.height);
    if (at.height > node->final.height)
        sim_said_add(world, &world->finals, &(struct tamga_link){.target = at});
    while (at.height > node->final.height && world->result.broken == SIM_HOLDS) {
        struct tamga_stored_header stored;

        agree(world, node, &at);
        if (tamga_query_header(view_of(node), &at.id, &stored) != TAMGA_OK) {
            sim_broken(world, SIM_WHOLE, "node %d lacks the header of a final block",
                       node->index);
            return;
        }
        at = (struct tamga_point){at.height - 1, stored.sealed.header.parent};
    }
    agree(world, node, &at);
    node->final = top;
}

/* What left the network as proof, opened as a device would. */
void sim_check_checkpoint(struct sim_world *world, struct sim_node *node,
                          const struct tamga_event *event)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    struct tamga_checkpoint checkpoint;
    struct tamga_stored_header stored;
    TAMGA_BUF bytes = {0};
    enum tamga_err err =
        tamga_query_checkpoint(&node->disk->reader, event->height, &bytes);

    world->result.checkpoints++;
    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&message,
                                &tamga__v1__checkpoint__descriptor, TAMGA_WIRE_CANONICAL,
                                tamga_buf_span(&bytes), NULL);
    if (err == TAMGA_OK)
        err = tamga_checkpoint_verify(&checkpoint, &node->home.chain, message, NULL, NULL);
    if (err == TAMGA_OK)
        err = tamga_query_header(view_of(node), &checkpoint.at.id, &stored);
    if (err != TAMGA_OK || checkpoint.at.height != event->height ||
        !tamga_hash_equal(&checkpoint.state_root, &stored.sealed.header.state_root)) {
        sim_broken(world, SIM_FINAL_AGREES, "node %d's checkpoint of height %llu: %s",
                   node->index, (unsigned long long)event->height, tamga_err_name(err));
        return;
    }
    agree(world, node, &checkpoint.at);
    sim_keep_checkpoint(world, event->height, tamga_buf_span(&bytes));
}

bool sim_all_final(const struct sim_node *node)
{
    struct tamga_block_id id = tamga_engine_tip(node->engine)->tip_id;
    struct tamga_stored_header stored;

    while (tamga_query_header(view_of(node), &id, &stored) == TAMGA_OK &&
           stored.sealed.header.height > tamga_engine_final(node->engine)->height) {
        if (stored.sealed.header.entry_count > 0)
            return false;
        id = stored.sealed.header.parent;
    }
    return true;
}

/* ---- the tip ---------------------------------------------- */

static bool has_header(const struct sim_node *node, const struct tamga_block_id *id)
{
    struct tamga_stored_header stored;

    return tamga_query_header(view_of(node), id, &stored) == TAMGA_OK;
}

static bool contains(const struct sim_node *node, const struct tamga_block_id *tip,
                     const struct tamga_point *point)
{
    struct tamga_stored_header stored;
    struct tamga_block_id id = *tip;

    while (tamga_query_header(view_of(node), &id, &stored) == TAMGA_OK &&
           stored.sealed.header.height > point->height)
        id = stored.sealed.header.parent;
    return tamga_hash_equal(&id.hash, &point->id.hash);
}

static unsigned rank(const struct sim_node *node, const struct tamga_block_id *tip)
{
    if (contains(node, tip, tamga_engine_justified(node->engine)))
        return 2;
    return contains(node, tip, tamga_engine_final(node->engine)) ? 1 : 0;
}

/* Less work is allowed only to a tip that contains more of what is justified and final, or
 * when what is justified has changed, more than once perhaps, since the last look: an
 * engine forgets the tips that it leaves. */
void sim_check_tip(struct sim_world *world, struct sim_node *node)
{
    const struct tamga_trail *tip = tamga_engine_tip(node->engine);
    uint64_t justified = tamga_engine_justified(node->engine)->height;
    int order = tamga_u256_compare(&tip->work, &node->work);

    if (!tamga_hash_is_zero(&node->tip_id.hash) && !has_header(node, &node->tip_id)) {
        sim_broken(world, SIM_WORK_GROWS, "node %d has forgotten its tip", node->index);
    } else if (!tamga_hash_is_zero(&node->tip_id.hash) &&
               !tamga_hash_equal(&tip->tip_id.hash, &node->tip_id.hash)) {
        unsigned before = rank(node, &node->tip_id), after = rank(node, &tip->tip_id);

        if (after < before)
            sim_broken(world, SIM_WORK_GROWS, "node %d leaves what is justified or final",
                       node->index);
        else if (after == before && order < 0 && justified <= node->justified)
            sim_broken(world, SIM_WORK_GROWS, "node %d: the tip's work decreased",
                       node->index);
    }
    node->work = tip->work;
    node->tip_id = tip->tip_id;
    node->justified = justified;
}

/* ---- what validators say ---------------------------------------------- */

static bool same_point(const struct tamga_point *a, const struct tamga_point *b)
{
    return a->height == b->height && tamga_hash_equal(&a->id.hash, &b->id.hash);
}

bool sim_conflict(const struct tamga_link *a, const struct tamga_link *b)
{
    if (a->target.height == b->target.height)
        return !same_point(&a->target, &b->target) || !same_point(&a->source, &b->source);
    if (a->target.height > b->target.height)
        return sim_conflict(b, a);
    return b->source.height < a->source.height; /* b ends after a, and begins before it */
}

void sim_check_sent(struct sim_world *world, struct sim_node *node,
                    const struct tamga_link *link)
{
    const struct sim_said_list *sent = &node->sent;

    for (size_t i = 0; i < sent->count; i++)
        if (sim_conflict(&sent->at[i].link, link))
            sim_broken(world, SIM_HONEST_VOTES,
                       "node %d votes %llu -> %llu %s, and voted %llu -> %llu %s before",
                       node->index, (unsigned long long)link->source.height,
                       (unsigned long long)link->target.height,
                       sim_short(&link->target.id.hash),
                       (unsigned long long)sent->at[i].link.source.height,
                       (unsigned long long)sent->at[i].link.target.height,
                       sim_short(&sent->at[i].link.target.id.hash));
    sim_said_add(world, &node->sent, link);
}

static bool count_vote(void *context, struct tamga_span encoded)
{
    (void)encoded;
    ++*(size_t *)context;
    return true;
}

/* Votes in memory and on disk are the same, and not many; nor is what waits for a quorum. */
void sim_check_voters(struct sim_world *world, struct sim_node *node)
{
    const struct finality *finality = &node->engine->finality;
    size_t votes = 0, stored = 0;

    for (uint32_t i = 0; i < finality->voter_count; i++) {
        const struct voter *voter = &finality->voter[i];

        votes += voter->count;
        if (voter->count > VOTE_WINDOW || voter->word_count > COSIGNED_MAX)
            sim_broken(world, SIM_BOUNDED, "node %d holds %zu votes and %zu words of one",
                       node->index, voter->count, voter->word_count);
        for (size_t j = 1; j < voter->count; j++)
            if (voter->at[j].target.height <= voter->at[j - 1].target.height)
                sim_broken(world, SIM_WHOLE, "node %d: votes out of order", node->index);
    }
    if (tamga_query_votes(&node->disk->reader, 0, count_vote, &stored) != TAMGA_OK)
        abort();
    if (votes != stored)
        sim_broken(world, SIM_BOUNDED, "node %d counts %zu votes; %zu are stored", node->index,
                   votes, stored);
    if (finality->source_count > VOTE_WINDOW)
        sim_broken(world, SIM_BOUNDED, "node %d holds %zu justified blocks", node->index,
                   finality->source_count);
}

/* ---- evidence ---------------------------------------------------------------------- */

unsigned sim_evidence(const struct sim_world *world, const struct sim_node *node)
{
    unsigned against = 0;

    for (int i = 0; i < world->node_count; i++) {
        TAMGA_BUF bytes = {0};

        if (tamga_view_get(view_of(node), TAMGA_FAMILY_CONFLICT,
                           tamga_hash_span(&world->node[i].address.hash), &bytes) == TAMGA_OK)
            against |= 1u << i;
    }
    return against;
}

void sim_check_evidence(struct sim_world *world, struct sim_node *node)
{
    unsigned against = sim_evidence(world, node);

    for (int i = 0; i < world->node_count; i++)
        if ((against >> i & 1) != 0 && sim_honest(&world->node[i]))
            sim_broken(world, SIM_EVIDENCE, "node %d holds evidence against node %d, honest",
                       node->index, i);
    if ((world->caught & ~against) != 0)
        sim_broken(world, SIM_EVIDENCE, "node %d knows of %x; %x were caught", node->index,
                   against, world->caught);
}

/* ---- the state root ----------------------------------------------------------------- */

struct pair {
    struct tamga_hash key, leaf;
};
struct pairs {
    struct pair *at;
    size_t count, cap;
};

static void free_pairs(struct pairs *pairs)
{
    free(pairs->at);
}

static bool add_pair(void *context, struct tamga_span key, struct tamga_span value)
{
    static const uint8_t tag = 2;
    struct pairs *pairs = context;
    struct pair *pair;
    struct tamga_hash hash;

    if (pairs->count == pairs->cap) {
        pairs->cap = pairs->cap == 0 ? 64 : pairs->cap * 2;
        pairs->at = realloc(pairs->at, pairs->cap * sizeof *pairs->at);
        if (pairs->at == NULL)
            abort();
    }
    pair = &pairs->at[pairs->count++];
    if (key.len != TAMGA_HASH_BYTES)
        abort();
    memcpy(pair->key.byte, key.data, TAMGA_HASH_BYTES);
    tamga_sha256(&hash, value);
    tamga_sha256_parts(&pair->leaf,
                       (struct tamga_span[]){tamga_span(&tag, 1), key, tamga_hash_span(&hash)},
                       3);
    return true;
}

/* Pairs come in key order: those whose bit is 0 first. */
static void naive_root(struct tamga_hash *out, const struct pair *pair, size_t count,
                       unsigned depth)
{
    static const uint8_t tag = 3;
    struct tamga_hash left, right;
    size_t zeros = 0;

    *out = (struct tamga_hash){{0}};
    if (count == 1)
        *out = pair[0].leaf;
    if (count <= 1)
        return;
    while (zeros < count && (pair[zeros].key.byte[depth / 8] >> (7 - depth % 8) & 1) == 0)
        zeros++;
    naive_root(&left, pair, zeros, depth + 1);
    naive_root(&right, pair + zeros, count - zeros, depth + 1);
    tamga_sha256_parts(out,
                       (struct tamga_span[]){tamga_span(&tag, 1), tamga_hash_span(&left),
                                             tamga_hash_span(&right)},
                       3);
}

void sim_check_root(struct sim_world *world, struct sim_node *node)
{
    TAMGA_CLEANUP(free_pairs) struct pairs pairs = {0};
    const struct tamga_reader *reader = &node->disk->reader;
    const struct tamga_trail *tip = tamga_engine_tip(node->engine);
    struct tamga_hash root;

    if (reader->ops->scan(reader, TAMGA_FAMILY_STATE, tamga_span(NULL, 0), tamga_span(NULL, 0),
                          add_pair, &pairs) != TAMGA_OK)
        abort();
    naive_root(&root, pairs.at, pairs.count, 0);
    if (!tamga_hash_equal(&root, &tip->tip.state_root))
        sim_broken(world, SIM_STATE_ROOT, "node %d, height %llu: the state's root is %s, not %s",
                   node->index, (unsigned long long)tip->tip.height, sim_short(&root),
                   sim_short(&tip->tip.state_root));
}
