/*
 * What a node tells once a batch is on disk: its events to whoever counts them here, a new
 * tip and evidence to its peers. As the end of a batch in server/node/loop.c.
 */
#include "world.h"

void sim_announce_tip(struct sim_world *world, struct sim_node *node)
{
    struct sim_message *message = sim_message_new(SIM_ANNOUNCE, node->index, SIM_NOBODY);
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    const struct tamga_chain *chain = &node->home.chain;

    if (tamga_query_block(&node->store->reader.view, &tamga_engine_tip(node->engine)->tip_id,
                          &block) != TAMGA_OK) {
        sim_message_free(message);
        return;
    }
    message->sealed = sim_alloc(1, sizeof *message->sealed);
    message->sealed[0] = block.sealed;
    message->sealed_count = 1;
    message->entry_id = sim_alloc(block.count + 1, sizeof *message->entry_id);
    for (size_t i = 0; i < block.count; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
        enum tamga_err err = TAMGA_OK;

        if (chain->rules->detached)
            err = chain->rules->entry_id(&item.id, block.entry[i]);
        else
            err = chain->rules->decode(chain, &item, block.entry[i], NULL);
        if (err == TAMGA_OK)
            message->entry_id[message->entry_id_count++] = item.id;
    }
    sim_gossip(world, message);
}

static void tell_conflict(struct sim_world *world, struct sim_node *node,
                          const struct tamga_event *event)
{
    sim_trace(world, "node %d sees a conflict of %s, height %llu: %s", node->index,
              sim_short(&event->id), (unsigned long long)event->height,
              tamga_err_name(event->err));
    world->result.conflicts++;
    for (int i = 0; i < world->node_count; i++)
        if (sim_honest(node) && sim_honest(&world->node[i]) &&
            tamga_hash_equal(&world->node[i].address.hash, &event->id))
            sim_broken(world, SIM_EVIDENCE, "node %d accuses node %d, who is honest",
                       node->index, i);
    if (event->err != TAMGA_E_CHECKPOINT_CONFLICT)
        sim_tell_conflict(world, node, &event->id);
    else if (sim_honest(node))
        sim_broken(world, SIM_FINAL_AGREES,
                   "node %d: a quorum contradicts what is final at height %llu", node->index,
                   (unsigned long long)event->height);
}

bool sim_key_is_out(enum tamga_err err)
{
    return err == TAMGA_E_KEY_ENDED || err == TAMGA_E_KEY_NOT_YET || err == TAMGA_E_NOT_MEMBER;
}

static void tell(struct sim_world *world, struct sim_node *node,
                 const struct tamga_event *event)
{
    struct sim_entry *entry;

    switch (event->kind) {
    case TAMGA_EVENT_TIP:
        sim_trace(world, "node %d tip %s height %llu, %llu left", node->index,
                  sim_short(&event->id), (unsigned long long)event->height,
                  (unsigned long long)event->depth);
        node->returned += event->depth * SIM_BLOCK_MAX;
        world->result.reorgs += event->depth > 0;
        world->result.blocks++;
        break;
    case TAMGA_EVENT_DROPPED:
        sim_trace(world, "node %d drops %s: %s", node->index, sim_short(&event->id),
                  tamga_err_name(event->err));
        entry = sim_entry_find(world, &(struct tamga_entry_id){event->id});
        if (entry != NULL && world->options.sabotage != SIM_SILENT_DROP)
            entry->dropped_by |= 1u << node->index;
        if (entry != NULL && sim_key_is_out(event->err))
            entry->ended = true;
        break;
    case TAMGA_EVENT_INVALID:
        sim_trace(world, "node %d condemns %s: %s %s", node->index, sim_short(&event->id),
                  tamga_err_name(event->err), event->detail.text);
        world->result.invalid++;
        break;
    case TAMGA_EVENT_FINAL:
        sim_trace(world, "node %d final %s height %llu", node->index, sim_short(&event->id),
                  (unsigned long long)event->height);
        break;
    case TAMGA_EVENT_CHECKPOINT:
        if (sim_honest(node))
            sim_check_checkpoint(world, node, event);
        break;
    case TAMGA_EVENT_CONFLICT:
        tell_conflict(world, node, event);
        break;
    }
}

bool sim_tell_events(struct sim_world *world, struct sim_node *node)
{
    struct tamga_event event;
    bool changed = false, left = false;

    while (tamga_engine_next_event(node->engine, &event)) {
        changed = changed || event.kind == TAMGA_EVENT_TIP;
        left = left || (event.kind == TAMGA_EVENT_TIP && event.depth > 0);
        tell(world, node, &event);
    }
    if (left)
        sim_sabotage_forget(world, node);
    return changed;
}
