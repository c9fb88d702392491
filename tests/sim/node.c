/*
 * A node's life: it starts on its store, runs letters in batches, writes once, and only
 * then tells anybody; it mines; it crashes at a write. As server/node/loop.c and miner.c,
 * without threads.
 */
#include <stdlib.h>

#include "world.h"

static void clear_inbox(struct sim_node *node)
{
    for (size_t i = 0; i < node->inbox_count; i++)
        sim_message_free(node->inbox[i]);
    node->inbox_count = 0;
    node->batch_due = false;
}

static void stop(struct sim_node *node)
{
    tamga_engine_close(node->engine);
    node->engine = NULL;
    node->life++;
    clear_inbox(node);
    tamga_block_clear(&node->job);
    node->job = (struct tamga_block){0};
    node->chain_peer = SIM_NOBODY;
    for (int i = 0; i < SIM_NODES_MAX; i++)
        node->pull[i] = (struct sim_pull){.session = 0};
}

void sim_node_clear(struct sim_node *node)
{
    stop(node);
    free(node->inbox);
    for (size_t i = 0; i < node->evil_count; i++)
        test_block_clear(&node->evil[i]);
    for (size_t i = 0; i < node->evil_payload_count; i++)
        tamga_buf_clear(&node->evil_payload[i]);
    sim_sabotage_store_clear(node);
    if (node->disk != NULL)
        node->disk->ops->close(node->disk);
}

void sim_node_crash(struct sim_world *world, struct sim_node *node, const char *why)
{
    sim_trace(world, "node %d crashes: %s", node->index, why);
    stop(node);
    tamga_store_mem_fail(node->disk, -1);
    tamga_store_mem_lose_unsynced(node->disk);
    world->result.crashes++;
    sim_check_store(world, node);
    sim_later(world, sim_exponential(world, 8000),
              (struct sim_event){.kind = SIM_EV_START, .node = node->index});
}

/* A crash while the new store gets its genesis is one more thing that must leave it whole. */
static void open_disk(struct sim_world *world, struct sim_node *node)
{
    if (node->disk != NULL)
        return;
    if (tamga_store_mem_new(&node->disk) != TAMGA_OK)
        abort();
    sim_sabotage_store(world, node);
    if (!world->healed && sim_chance(world, 100))
        tamga_store_mem_fail(node->disk, 0);
}

void sim_node_start(struct sim_world *world, struct sim_node *node)
{
    struct tamga_detail detail = {{0}};
    const struct tamga_trail *tip;
    enum tamga_err err;

    open_disk(world, node);
    err = tamga_engine_open(&node->engine, &node->chain, node->store, &detail);
    if (err == TAMGA_E_STORE_IO && !node->joined) {
        node->engine = NULL;
        sim_node_crash(world, node, "at its first write");
        return;
    }
    if (err != TAMGA_OK) {
        sim_broken(world, SIM_WHOLE, "node %d does not open again: %s %s", node->index,
                   tamga_err_name(err), detail.text);
        node->engine = NULL;
        return;
    }
    node->joined = true;
    tip = tamga_engine_tip(node->engine);
    if (sim_honest(node) && tamga_u256_compare(&tip->work, &node->work) < 0)
        sim_broken(world, SIM_WORK_GROWS, "node %d has less work than before it crashed",
                   node->index);
    node->work = tip->work;
    sim_trace(world, "node %d starts at height %llu", node->index,
              (unsigned long long)tip->tip.height);
    sim_later(world, sim_below(world, 1000),
              (struct sim_event){
                  .kind = SIM_EV_TICK, .node = node->index, .life = node->life});
}

/* ---- letters ---------------------------------------------------------------------- */

void sim_node_take(struct sim_world *world, struct sim_node *node, struct sim_message *message)
{
    if (node->inbox_count == node->inbox_cap) {
        node->inbox_cap = node->inbox_cap == 0 ? 16 : node->inbox_cap * 2;
        node->inbox = realloc(node->inbox, node->inbox_cap * sizeof(void *));
        if (node->inbox == NULL)
            abort();
    }
    node->inbox[node->inbox_count++] = message;
    message->refs++;
    if (node->batch_due)
        return;
    node->batch_due = true;
    sim_later(world, sim_below(world, 30),
              (struct sim_event){
                  .kind = SIM_EV_BATCH, .node = node->index, .life = node->life});
}

static enum tamga_err run_payload(struct sim_world *world, struct sim_node *node,
                                  struct tamga_span payload, bool *news)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    bool known = false;
    enum tamga_err err = node->chain.rules->decode(&node->chain, &item, payload, NULL);

    if (err != TAMGA_OK)
        return err;
    err = tamga_engine_submit(node->engine, &item, sim_clock(world, node), &known, NULL);
    if (err == TAMGA_OK && !known) {
        *news = true;
        if (tamga_engine_mempool(node->engine)->count > SIM_PENDING_MAX)
            sim_broken(world, SIM_BOUNDED, "node %d took an entry beyond its bound",
                       node->index);
    }
    return err;
}

static enum tamga_err run_announce(struct sim_world *world, struct sim_node *node,
                                   const struct sim_message *message)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    enum tamga_err err =
        tamga_engine_assemble(node->engine, &block, &message->sealed[0], message->entry_id,
                              message->entry_id_count);

    return err == TAMGA_OK ? tamga_engine_add_block(node->engine, &block,
                                                    sim_clock(world, node), NULL)
                           : err;
}

static enum tamga_err run_headers(struct sim_world *world, struct sim_node *node,
                                  struct sim_message *message)
{
    return message->sealed_count == 0
               ? TAMGA_OK
               : tamga_engine_add_headers(node->engine, message->sealed,
                                          message->sealed_count, sim_clock(world, node),
                                          &message->used, NULL);
}

static enum tamga_err run_blocks(struct sim_world *world, struct sim_node *node,
                                 struct sim_message *message)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < message->block_count; i++) {
        err = tamga_engine_add_block(node->engine, &message->block[i],
                                     sim_clock(world, node), NULL);
        message->used += err == TAMGA_OK;
    }
    return err;
}

/* Only what was asked for counts: unasked payloads must not keep a pull alive. */
static enum tamga_err run_payloads(struct sim_world *world, struct sim_node *node,
                                   struct sim_message *message)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < message->payload_count; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
        bool asked = false;

        err = node->chain.rules->decode(&node->chain, &item,
                                        tamga_buf_span(&message->payload[i]), NULL);
        for (size_t j = 0; err == TAMGA_OK && j < message->entry_id_count; j++)
            asked = asked ||
                    tamga_hash_equal(&item.id.hash, &message->entry_id[j].hash);
        if (err != TAMGA_OK || !asked)
            continue;
        err = tamga_engine_add_payload(node->engine, &item, sim_clock(world, node), NULL);
        message->used += err == TAMGA_OK;
    }
    return err;
}

static enum tamga_err run_waiting(struct sim_world *world, struct sim_node *node,
                                  struct sim_message *message)
{
    for (size_t i = 0; i < message->payload_count; i++) {
        bool news = false;
        enum tamga_err err = run_payload(world, node, tamga_buf_span(&message->payload[i]),
                                         &news);

        if (tamga_err_class(err) == TAMGA_CLASS_LOCAL)
            return err;
    }
    return TAMGA_OK;
}

static enum tamga_err run(struct sim_world *world, struct sim_node *node,
                          struct sim_message *message)
{
    struct sim_pull *pull = sim_pull_of(node, message);

    switch (message->kind) {
    case SIM_SUBMIT:
    case SIM_PAYLOAD:
        return run_payload(world, node, tamga_buf_span(&message->payload[0]),
                           &message->news);
    case SIM_ANNOUNCE:
        return run_announce(world, node, message);
    case SIM_MINED:
    case SIM_BLOCKS:
        return run_blocks(world, node, message);
    case SIM_HEADERS:
        return run_headers(world, node, message);
    case SIM_PAYLOADS:
        return pull != NULL && pull->stage == SIM_AT_PENDING
                   ? run_waiting(world, node, message)
                   : run_payloads(world, node, message);
    case SIM_HINT:
    case SIM_GET_STATUS:
    case SIM_STATUS:
    case SIM_GET_HEADERS:
    case SIM_GET_BLOCKS:
    case SIM_GET_PAYLOADS:
    case SIM_GET_PENDING:
    case SIM_PENDING:
        break; /* answered without the loop */
    }
    return TAMGA_OK;
}

static void done(struct sim_world *world, struct sim_node *node, struct sim_message *message)
{
    switch (message->kind) {
    case SIM_SUBMIT:
        if (message->err == TAMGA_OK)
            sim_acknowledged(world, node, tamga_buf_span(&message->payload[0]));
        break;
    case SIM_ANNOUNCE:
        if (message->err != TAMGA_OK)
            sim_pull_poke(world, node);
        break;
    case SIM_MINED:
        if (message->job == node->job_number) {
            tamga_block_clear(&node->job);
            node->job = (struct tamga_block){0};
        }
        break;
    case SIM_HEADERS:
    case SIM_BLOCKS:
    case SIM_PAYLOADS:
        sim_pull_done(world, node, message);
        break;
    case SIM_PAYLOAD:
    case SIM_HINT:
    case SIM_GET_STATUS:
    case SIM_STATUS:
    case SIM_GET_HEADERS:
    case SIM_GET_BLOCKS:
    case SIM_GET_PAYLOADS:
    case SIM_GET_PENDING:
    case SIM_PENDING:
        break;
    }
    if (message->news) {
        struct sim_message *passed = sim_message_new(SIM_PAYLOAD, node->index, SIM_NOBODY);

        sim_message_payload(passed, tamga_buf_span(&message->payload[0]));
        sim_gossip(world, passed);
    }
}

/* ---- batches ---------------------------------------------------------------------- */

static void announce_tip(struct sim_world *world, struct sim_node *node)
{
    struct sim_message *message = sim_message_new(SIM_ANNOUNCE, node->index, SIM_NOBODY);
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    const struct tamga_chain *chain = &node->chain;

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
        break;
    case TAMGA_EVENT_INVALID:
        sim_trace(world, "node %d condemns %s: %s %s", node->index, sim_short(&event->id),
                  tamga_err_name(event->err), event->detail.text);
        world->result.invalid++;
        break;
    }
}

/* Returns whether the tip changed. */
static bool tell_events(struct sim_world *world, struct sim_node *node)
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

static void look(struct sim_world *world, struct sim_node *node)
{
    const struct tamga_trail *tip = tamga_engine_tip(node->engine);

    if (!sim_honest(node))
        return;
    if (tamga_u256_compare(&tip->work, &node->work) < 0)
        sim_broken(world, SIM_WORK_GROWS, "node %d: the tip's work decreased", node->index);
    node->work = tip->work;
    sim_check_bounds(world, node);
    if (++node->batches % 64 == 0) {
        sim_check_store(world, node);
        sim_check_doubles(world, node);
    }
    if (node->batches % 512 == 0)
        sim_check_state(world, node);
}

void sim_node_batch(struct sim_world *world, struct sim_node *node)
{
    struct sim_message **batch = node->inbox;
    size_t count = node->inbox_count;
    enum tamga_err flushed = TAMGA_OK;
    bool tip_changed;

    node->inbox = NULL;
    node->inbox_count = node->inbox_cap = 0;
    node->batch_due = false;
    for (size_t i = 0; i < count; i++) { /* the same letter may be here twice */
        batch[i]->news = false;
        batch[i]->used = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct sim_message *message = batch[i];

        message->err = sim_sabotage_deaf(world, node, message) ? TAMGA_OK
                                                               : run(world, node, message);
        if (tamga_err_class(message->err) == TAMGA_CLASS_LOCAL)
            flushed = message->err;
        if (world->options.sabotage == SIM_EARLY_ACK)
            done(world, node, message);
    }
    if (flushed == TAMGA_OK)
        flushed = tamga_engine_flush(node->engine);
    if (flushed == TAMGA_E_STORE_CORRUPT)
        sim_broken(world, SIM_WHOLE, "node %d: its store reads as damaged", node->index);
    if (flushed != TAMGA_OK)
        sim_node_crash(world, node, tamga_err_name(flushed));
    for (size_t i = 0; i < count; i++) {
        if (flushed == TAMGA_OK && world->options.sabotage != SIM_EARLY_ACK)
            done(world, node, batch[i]);
        sim_message_free(batch[i]);
    }
    free(batch);
    if (flushed != TAMGA_OK)
        return;
    tip_changed = tell_events(world, node);
    look(world, node);
    if (tip_changed)
        announce_tip(world, node);
    sim_node_review(world, node, tip_changed);
}

/* ---- mining ----------------------------------------------------------------------- */

void sim_node_review(struct sim_world *world, struct sim_node *node, bool tip_changed)
{
    uint64_t now_ms = sim_clock(world, node);
    enum tamga_err err;

    if (tip_changed)
        tamga_block_clear(&node->job);
    if (node->job.count > 0 || !tamga_engine_block_due(node->engine, now_ms))
        return;
    err = tamga_engine_propose(node->engine, &node->job, &node->address, now_ms);
    if (err != TAMGA_OK)
        return; /* nothing to mine; a failing read shows at the next batch */
    sim_later(world, sim_exponential(world, node->mean_mining_ms),
              (struct sim_event){.kind = SIM_EV_MINED,
                                 .node = node->index,
                                 .life = node->life,
                                 .number = ++node->job_number});
}

void sim_node_mined(struct sim_world *world, struct sim_node *node, uint64_t job)
{
    struct sim_message *message;
    struct tamga_block_id id;

    if (job != node->job_number || node->job.count == 0)
        return; /* the tip has moved on */
    test_seal(&node->job.sealed, &id, node->miner);
    sim_trace(world, "node %d mines %s at height %llu, %zu entries", node->index,
              sim_short(&id.hash), (unsigned long long)node->job.sealed.header.height,
              node->job.count);
    message = sim_message_new(SIM_MINED, node->index, node->index);
    sim_message_block(message, &node->job);
    message->job = job;
    sim_node_take(world, node, message);
    sim_message_free(message);
}
