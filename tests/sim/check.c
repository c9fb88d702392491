/*
 * The invariants. They look at stores and bytes with readers of their own, so that a
 * mistake in the rules' state cannot hide itself.
 */
#include <stdlib.h>

#include "chain/engine_internal.h"
#include "world.h"

#define PENDING_HEAD_BYTES 8 /* when it arrived */

/* ---- a chain as a list of facts --------------------------------------------------- */

void sim_facts_clear(struct sim_facts_list *chain)
{
    free(chain->at);
}

static const struct tamga_view *view_of(const struct sim_node *node)
{
    return &node->disk->reader.view;
}

static bool payload_of(const struct sim_world *world, const struct sim_node *node,
                       struct tamga_span leaf, struct tamga_buf *out)
{
    if (!world->gateway)
        return tamga_buf_set(out, leaf) == TAMGA_OK;
    return leaf.len == TAMGA_COMMITMENT_BYTES &&
           tamga_view_get(view_of(node), TAMGA_FAMILY_PAYLOAD,
                          tamga_span(leaf.data + 32, 32), out) == TAMGA_OK;
}

static void read_block(struct sim_world *world, struct sim_node *node, uint64_t height,
                       struct sim_facts_list *facts)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    struct tamga_block_id id;

    if (tamga_query_id_at(view_of(node), height, &id) != TAMGA_OK ||
        tamga_query_block(view_of(node), &id, &block) != TAMGA_OK) {
        sim_broken(world, SIM_WHOLE, "node %d has no block at height %llu", node->index,
                   (unsigned long long)height);
        return;
    }
    for (size_t i = 0; i < block.count; i++) {
        TAMGA_BUF payload = {0};

        if (facts->count == facts->cap) {
            facts->cap = facts->cap == 0 ? 64 : facts->cap * 2;
            facts->at = realloc(facts->at, facts->cap * sizeof *facts->at);
            if (facts->at == NULL)
                abort();
        }
        if (payload_of(world, node, block.entry[i], &payload))
            sim_facts_of(&facts->at[facts->count++], world->gateway,
                         tamga_buf_span(&payload));
        else
            sim_broken(world, SIM_WHOLE, "node %d lacks a payload of height %llu",
                       node->index, (unsigned long long)height);
    }
}

static bool tip_of(const struct sim_node *node, struct tamga_stored_header *out)
{
    struct tamga_block_id id;

    return tamga_query_tip(view_of(node), &id) == TAMGA_OK &&
           tamga_query_header(view_of(node), &id, out) == TAMGA_OK;
}

void sim_read_chain(struct sim_world *world, struct sim_node *node, struct sim_facts_list *facts)
{
    struct tamga_stored_header tip;

    if (!tip_of(node, &tip))
        return;
    for (uint64_t height = 1;
         height <= tip.sealed.header.height && world->result.broken == SIM_HOLDS; height++)
        read_block(world, node, height, facts);
}

/* ---- no double -------------------------------------------------------------------- */

/* Why b, which comes after a on the chain, may not be there; NULL if it may. */
const char *sim_clash(bool gateway, const struct sim_facts *a, const struct sim_facts *b)
{
    if (tamga_hash_equal(&a->id.hash, &b->id.hash))
        return "an entry";
    if (!tamga_hash_equal(&a->group, &b->group))
        return NULL;
    if (!gateway && b->once && tamga_hash_equal(&a->what, &b->what))
        return "an image of a model";
    if (!gateway && a->counter == b->counter)
        return "a counter of a model";
    if (gateway && a->once && b->once && tamga_hash_equal(&a->what, &b->what))
        return "an install of a device";
    if (gateway && a->counter == b->counter)
        return "a receipt of a device";
    return NULL;
}

void sim_check_doubles(struct sim_world *world, struct sim_node *node)
{
    TAMGA_CLEANUP(sim_facts_clear) struct sim_facts_list facts = {0};

    sim_read_chain(world, node, &facts);
    for (size_t i = 1; i < facts.count; i++)
        for (size_t j = 0; j < i; j++) {
            const char *what = sim_clash(world->gateway, &facts.at[j], &facts.at[i]);

            if (what != NULL)
                sim_broken(world, SIM_NO_DOUBLE, "node %d has %s twice: %s (%llu) and %s (%llu)",
                           node->index, what, sim_short(&facts.at[j].id.hash),
                           (unsigned long long)facts.at[j].counter,
                           sim_short(&facts.at[i].id.hash),
                           (unsigned long long)facts.at[i].counter);
        }
}

/* ---- whole ------------------------------------------------------------------------ */

static bool count_one(void *context, struct tamga_span key, struct tamga_span value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)context;
    return true;
}

static uint64_t count_family(const struct sim_node *node, enum tamga_family family)
{
    const struct tamga_reader *reader = &node->disk->reader;
    uint64_t count = 0;

    if (reader->ops->scan(reader, family, tamga_span(NULL, 0), tamga_span(NULL, 0), count_one,
                          &count) != TAMGA_OK)
        abort();
    return count;
}

/* Every entry of the block stands where the index says. */
static bool places_fit(const struct sim_node *node, const struct tamga_block *block)
{
    for (size_t i = 0; i < block->count; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
        struct tamga_place place;
        enum tamga_err err;

        if (node->home.chain.rules->detached)
            err = node->home.chain.rules->entry_id(&item.id, block->entry[i]);
        else
            err = node->home.chain.rules->decode(&node->home.chain, &item, block->entry[i], NULL);
        if (err != TAMGA_OK ||
            tamga_query_place(view_of(node), &item.id, &place) != TAMGA_OK ||
            place.height != block->sealed.header.height || place.index != i)
            return false;
    }
    return true;
}

/* One block of the best chain, given the id that its child names. Returns what is amiss. */
static const char *block_amiss(const struct sim_node *node, uint64_t height,
                               struct tamga_block_id *id, uint64_t *entries)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    TAMGA_BUF undo = {0};
    struct tamga_stored_header stored;
    struct tamga_block_id at;

    if (tamga_query_id_at(view_of(node), height, &at) != TAMGA_OK ||
        !tamga_hash_equal(&at.hash, &id->hash))
        return "the height index";
    if (tamga_query_header(view_of(node), id, &stored) != TAMGA_OK ||
        stored.sealed.header.height != height)
        return "a header";
    if ((stored.flags & TAMGA_STORED_BODY) == 0 ||
        (stored.flags & TAMGA_STORED_INVALID) != 0 ||
        tamga_query_block(view_of(node), id, &block) != TAMGA_OK)
        return "a body";
    if (height > 0 && tamga_block_check_body(&block) != TAMGA_OK)
        return "a body's root";
    if (height > 0 && tamga_view_get(view_of(node), TAMGA_FAMILY_UNDO,
                                     tamga_hash_span(&id->hash), &undo) != TAMGA_OK)
        return "an undo record";
    if (!places_fit(node, &block))
        return "the index of entries";
    *entries += block.count;
    *id = stored.sealed.header.parent;
    return NULL;
}

void sim_check_store(struct sim_world *world, struct sim_node *node)
{
    struct tamga_stored_header tip;
    struct tamga_block_id id;
    uint64_t entries = 0;
    const char *amiss = NULL;

    if (node->liar)
        return;
    if (tamga_query_tip(view_of(node), &id) == TAMGA_E_NOT_FOUND) {
        for (int family = 0; family < TAMGA_FAMILY_COUNT; family++)
            if (count_family(node, (enum tamga_family)family) > 0)
                amiss = "a tip";
    } else if (!tip_of(node, &tip)) {
        amiss = "the tip's header";
    } else {
        for (uint64_t height = tip.sealed.header.height + 1; amiss == NULL && height-- > 0;)
            amiss = block_amiss(node, height, &id, &entries);
        if (amiss == NULL &&
            count_family(node, TAMGA_FAMILY_HEIGHT) != tip.sealed.header.height + 1)
            amiss = "the length of the height index";
        if (amiss == NULL &&
            count_family(node, TAMGA_FAMILY_UNDO) != tip.sealed.header.height)
            amiss = "the number of undo records";
        if (amiss == NULL && count_family(node, TAMGA_FAMILY_ENTRY) != entries)
            amiss = "the number of entries";
    }
    if (amiss != NULL)
        sim_broken(world, SIM_WHOLE, "node %d's store is not whole: %s", node->index, amiss);
}

/* ---- bounded ---------------------------------------------------------------------- */

struct waiting {
    uint64_t count, bytes;
};

static bool weigh(void *context, struct tamga_span key, struct tamga_span value)
{
    struct waiting *waiting = context;

    (void)key;
    waiting->count++;
    waiting->bytes += value.len - PENDING_HEAD_BYTES;
    return true;
}

/* After a flush: memory, disk and limits agree. */
static void check_mempool(struct sim_world *world, struct sim_node *node)
{
    const struct tamga_mempool *mempool = tamga_engine_mempool(node->engine);
    const struct tamga_reader *reader = &node->disk->reader;
    struct waiting waiting = {0};

    if (reader->ops->scan(reader, TAMGA_FAMILY_PENDING, tamga_span(NULL, 0),
                          tamga_span(NULL, 0), weigh, &waiting) != TAMGA_OK)
        abort();
    if (waiting.count != mempool->count || waiting.bytes != mempool->bytes)
        sim_broken(world, SIM_BOUNDED, "node %d counts %zu pending entries; %llu are stored",
                   node->index, mempool->count, (unsigned long long)waiting.count);
    if (mempool->count > SIM_PENDING_MAX + node->returned ||
        mempool->bytes > (SIM_PENDING_MAX + node->returned) * TAMGA_PAYLOAD_BYTES_MAX)
        sim_broken(world, SIM_BOUNDED, "node %d: %zu entries wait", node->index,
                   mempool->count);
}

static void check_branch(struct sim_world *world, struct sim_node *node,
                         const struct branch *branch)
{
    struct tamga_block_id parent;
    enum tamga_err err = tamga_query_id_at(&node->engine->pending.view, branch->fork_height,
                                           &parent);

    for (size_t i = 0; err == TAMGA_OK && i < branch->count; i++) {
        struct tamga_stored_header stored;

        err = tamga_query_header(&node->engine->pending.view, &branch->id[i], &stored);
        if (err != TAMGA_OK)
            break;
        if ((stored.flags & TAMGA_STORED_INVALID) != 0 ||
            stored.sealed.header.height != branch->fork_height + 1 + i ||
            !tamga_hash_equal(&stored.sealed.header.parent.hash, &parent.hash)) {
            sim_broken(world, SIM_WHOLE, "node %d: branch block %zu of %zu is amiss (%u)",
                       node->index, i, branch->count, stored.flags);
            return;
        }
        parent = branch->id[i];
    }
    if (err != TAMGA_OK || branch->count == 0)
        sim_broken(world, SIM_WHOLE, "node %d: a branch of %zu headers, from height %llu",
                   node->index, branch->count, (unsigned long long)branch->fork_height);
}

void sim_check_bounds(struct sim_world *world, struct sim_node *node)
{
    const struct tamga_engine *engine = node->engine;
    size_t headers = 0;

    check_mempool(world, node);
    for (size_t i = 0; i < engine->branch_count && i < TAMGA_BRANCHES_MAX; i++) {
        headers += engine->branch[i].count;
        check_branch(world, node, &engine->branch[i]);
    }
    if (engine->branch_count > TAMGA_BRANCHES_MAX || headers > TAMGA_BRANCH_BLOCKS_MAX)
        sim_broken(world, SIM_BOUNDED, "node %d: %zu branches of %zu headers", node->index,
                   engine->branch_count, headers);
}

/* ---- same state ------------------------------------------------------------------- */

/* One block, and the payloads it commits to, into the fresh engine. */
static enum tamga_err feed(struct sim_node *node, struct test_node *fresh, uint64_t height)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    struct tamga_entry_id wanted[SIM_BLOCK_MAX];
    struct tamga_block_id id;
    size_t count;
    enum tamga_err err = tamga_query_id_at(view_of(node), height, &id);

    if (err == TAMGA_OK)
        err = tamga_query_block(view_of(node), &id, &block);
    if (err == TAMGA_OK)
        err = tamga_engine_add_block(fresh->engine, &block, block.sealed.header.time_ms, NULL);
    count = tamga_engine_wanted_payloads(fresh->engine, wanted, SIM_BLOCK_MAX);
    for (size_t i = 0; err == TAMGA_OK && i < count; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
        TAMGA_BUF payload = {0};

        err = tamga_view_get(view_of(node), TAMGA_FAMILY_PAYLOAD,
                             tamga_hash_span(&wanted[i].hash), &payload);
        if (err == TAMGA_OK)
            err = fresh->chain->rules->decode(fresh->chain, &item, tamga_buf_span(&payload),
                                              NULL);
        if (err == TAMGA_OK)
            err = tamga_engine_add_payload(fresh->engine, &item,
                                           block.sealed.header.time_ms, NULL);
    }
    if (err == TAMGA_OK && tamga_engine_tip(fresh->engine)->tip.height != height)
        err = TAMGA_E_NOT_ON_CHAIN;
    return err;
}

void sim_check_state(struct sim_world *world, struct sim_node *node)
{
    TAMGA_CLEANUP(sim_home_close) struct sim_home home = {0};
    struct test_node fresh;
    struct tamga_stored_header tip;
    enum tamga_err err = TAMGA_OK;
    uint64_t height = 0;

    if (!tip_of(node, &tip))
        return;
    sim_home_open(&home, &world->founders, &world->rules);
    test_node_open(&fresh, &home.chain);
    while (err == TAMGA_OK && height < tip.sealed.header.height)
        err = feed(node, &fresh, ++height);
    if (err == TAMGA_OK)
        err = tamga_engine_flush(fresh.engine);
    if (err != TAMGA_OK)
        sim_broken(world, SIM_SAME_STATE, "a fresh engine refuses node %d's height %llu: %s",
                   node->index, (unsigned long long)height, tamga_err_name(err));
    else if (!test_same_content(node->disk, fresh.store,
                                1u << TAMGA_FAMILY_STATE | 1u << TAMGA_FAMILY_INDEX |
                                    1u << TAMGA_FAMILY_MAP | 1u << TAMGA_FAMILY_ENTRY))
        sim_broken(world, SIM_SAME_STATE, "node %d's state at height %llu is not its chain's",
                   node->index, (unsigned long long)height);
    test_node_close(&fresh);
}
