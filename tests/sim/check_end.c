/*
 * The end of a run: healed, do all honest nodes agree, is all final, and is anything lost?
 * Until when a run goes on is decided here too.
 */
#include <stdlib.h>

#include "chain/engine_internal.h"
#include "world.h"

#define RIVALS_DEEP 2 /* rivals of rivals that may have pushed an entry out */

static const struct tamga_view *view_of(const struct sim_node *node)
{
    return &node->disk->reader.view;
}

/* ---- do they agree? ------------------------------------------------------------------ */


/* Does an entry wait that a block could take? Others may wait for what never comes. */
static bool could_mine(const struct sim_world *world, const struct sim_node *node)
{
    const struct tamga_mempool *mempool = tamga_engine_mempool(node->engine);
    struct tamga_moment next = {tamga_engine_tip(node->engine)->tip.height + 1,
                                sim_clock(world, node)};
    const struct tamga_item **item;
    bool could = false;

    if (mempool->count == 0)
        return false;
    if (tamga_mempool_sorted(mempool, &item) != TAMGA_OK)
        abort();
    for (size_t i = 0; i < mempool->count && !could; i++)
        could = node->rules.check(&node->home.chain, view_of(node), item[i], &next,
                                  NULL) == TAMGA_OK;
    free(item);
    return could;
}

static bool all_known(struct sim_world *world)
{
    for (int i = 0; i < world->node_count; i++)
        if (sim_honest(&world->node[i]) &&
            (!sim_all_final(&world->node[i]) ||
             (world->caught & ~sim_evidence(world, &world->node[i])) != 0))
            return false;
    return true;
}

/* All honest nodes have one tip, and nothing waits that could go on it. */
static bool one_tip(struct sim_world *world)
{
    const struct tamga_block_id *tip = NULL;

    for (int i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->node[i];

        if (node->liar)
            continue;
        if (node->engine == NULL)
            return false;
        if (tip == NULL)
            tip = &tamga_engine_tip(node->engine)->tip_id;
        if (!tamga_hash_equal(&tip->hash, &tamga_engine_tip(node->engine)->tip_id.hash))
            return false;
    }
    for (int i = 0; i < world->node_count; i++)
        if (!world->node[i].liar && could_mine(world, &world->node[i]))
            return false;
    return true;
}

/* Is something decided that only holds in a block to come? Entries may wait for it. */
static bool awaits_effect(const struct tamga_engine *engine)
{
    return engine->tip.tip.height + 1 < engine->learned.effect;
}

bool sim_quiet(struct sim_world *world)
{
    for (int i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->node[i];

        if (!node->liar &&
            (node->engine == NULL || node->inbox_count > 0 || node->engine->event_count > 0 ||
             awaits_effect(node->engine) ||
             tamga_overlay_count(&node->engine->pending) > 0))
            return false;
    }
    return one_tip(world) && all_known(world);
}

bool sim_holds_entry(const struct sim_node *node, const struct tamga_entry_id *id)
{
    struct tamga_place place;
    TAMGA_BUF payload = {0};

    return node->disk != NULL &&
           (tamga_query_place(view_of(node), id, &place) == TAMGA_OK ||
            tamga_view_get(view_of(node), TAMGA_FAMILY_PENDING, tamga_hash_span(&id->hash),
                           &payload) == TAMGA_OK);
}

/* May the entry be missing, given what the chain has? */
static bool has_rival(bool gateway, const struct sim_facts_list *chain,
                      const struct sim_facts *facts)
{
    bool named_there = tamga_hash_is_zero(&facts->names);

    for (size_t i = 0; i < chain->count; i++) {
        const struct sim_facts *other = &chain->at[i];
        bool is_named = tamga_hash_equal(&other->id.hash, &facts->names);

        if (sim_clash(gateway, other, facts) != NULL)
            return true;
        named_there = named_there || is_named;
        /* Another one repeats the same release, and is its newest now. */
        if (!gateway && !facts->once && !is_named && !other->once &&
            tamga_hash_equal(&other->group, &facts->group) &&
            tamga_hash_equal(&other->what, &facts->what))
            return true;
    }
    return !named_there; /* it repeats a release that is not there */
}

/* Its rival may have stood on a chain that was left since, and lost to another one then:
 * what was dropped meanwhile, and told, nobody took again. */
static bool has_lost(const struct sim_world *world, const struct sim_facts_list *chain,
                     const struct sim_facts *facts, unsigned depth)
{
    if (has_rival(world->gateway, chain, facts))
        return true;
    for (size_t i = 0; depth > 0 && i < world->entry_count; i++) {
        const struct sim_facts *other = &world->entry[i].facts;

        if (!tamga_hash_equal(&other->id.hash, &facts->id.hash) &&
            sim_clash(world->gateway, other, facts) != NULL &&
            (world->entry[i].ended || has_lost(world, chain, other, depth - 1)))
            return true;
    }
    return false;
}

/* What keeps a node that still has the entry from taking it into a block. */
static enum tamga_err waits_for(const struct sim_world *world, const struct sim_node *node,
                                const struct sim_entry *entry)
{
    const struct tamga_item *item =
        tamga_mempool_find(tamga_engine_mempool(node->engine), &entry->id);
    struct tamga_moment next = {tamga_engine_tip(node->engine)->tip.height + 1,
                                sim_clock(world, node)};

    return item == NULL ? TAMGA_OK
                        : node->rules.check(&node->home.chain, view_of(node), item, &next, NULL);
}

static void check_entry(struct sim_world *world, const struct sim_facts_list *chain,
                        const struct sim_entry *entry)
{
    enum tamga_err why = TAMGA_OK;

    for (size_t i = 0; i < chain->count; i++)
        if (tamga_hash_equal(&chain->at[i].id.hash, &entry->id.hash))
            return;
    for (int i = 0; i < world->node_count && why == TAMGA_OK; i++)
        if (sim_honest(&world->node[i]))
            why = waits_for(world, &world->node[i], entry);
    /* A yes is not needed any more once its proposal is decided; nor does an entry wait for
     * its sender's key to come back. All that counts then is that it was told. */
    if (!entry->facts.governs && !entry->ended && !sim_key_is_out(why) &&
        !has_lost(world, chain, &entry->facts, RIVALS_DEEP))
        sim_broken(world, SIM_NOTHING_LOST, "entry %s, acknowledged by nodes %x, is lost (%s)",
                   sim_short(&entry->id.hash), entry->acked_by, tamga_err_name(why));
    for (int i = 0; i < world->node_count; i++)
        if ((entry->acked_by & ~entry->dropped_by) >> i & 1 &&
            tamga_mempool_find(tamga_engine_mempool(world->node[i].engine), &entry->id) ==
                NULL)
            sim_broken(world, SIM_NOTHING_LOST, "entry %s: node %d never told that it dropped",
                       sim_short(&entry->id.hash), i);
}

static void check_all_known(struct sim_world *world)
{
    for (int i = 0; i < world->node_count && world->result.broken == SIM_HOLDS; i++) {
        struct sim_node *node = &world->node[i];

        if (node->liar)
            continue;
        if (!sim_all_final(node))
            sim_broken(world, SIM_ALL_FINAL,
                       "healed for %u s, and node %d is at height %llu, final %llu",
                       SIM_HEAL_MS / 1000, i,
                       (unsigned long long)tamga_engine_tip(node->engine)->tip.height,
                       (unsigned long long)tamga_engine_final(node->engine)->height);
        sim_check_evidence(world, node);
    }
}

void sim_check_end(struct sim_world *world)
{
    TAMGA_CLEANUP(sim_facts_clear) struct sim_facts_list chain = {0};
    struct sim_node *any = NULL;

    for (int i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->node[i];

        if (node->liar)
            continue;
        any = node;
        sim_check_store(world, node);
        sim_check_doubles(world, node);
        sim_check_state(world, node);
    }
    if (!one_tip(world) && sim_council_apart(world)) {
        world->result.gaps++;
        return;
    }
    if (!one_tip(world))
        for (int i = 0; i < world->node_count; i++)
            if (!world->node[i].liar)
                sim_broken(world, SIM_ONE_TIP,
                           "healed for %u s, and node %d is at height %llu with %zu waiting",
                           SIM_HEAL_MS / 1000, i,
                           (unsigned long long)tamga_engine_tip(world->node[i].engine)
                               ->tip.height,
                           tamga_engine_mempool(world->node[i].engine)->count);
    check_all_known(world);
    if (any == NULL || world->result.broken != SIM_HOLDS)
        return;
    sim_check_councils(world, any);
    sim_read_chain(world, any, &chain);
    for (size_t i = 0; i < world->entry_count; i++)
        if (world->entry[i].owed)
            check_entry(world, &chain, &world->entry[i]);
}
