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
    node->mining = false;
    node->due_ms = UINT64_MAX;
    node->told = node->caught = 0;
    node->may_vote = false;
    sim_drop_signed(node);
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
    if (node->copy != NULL)
        node->copy->ops->close(node->copy);
    free(node->sent.at);
    free(node->cosigned.at);
    sim_home_close(&node->home);
}

void sim_node_forget(struct sim_node *node)
{
    node->work = (struct tamga_u256){{0}};
    node->tip_id = (struct tamga_block_id){{{0}}};
    node->justified = 0;
    node->final = (struct tamga_point){0, node->home.chain.genesis_id};
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

void sim_node_home(struct sim_world *world, struct sim_node *node)
{
    sim_home_open(&node->home, &world->founders, &node->rules);
    sim_sabotage_home(world, node);
}

void sim_node_start(struct sim_world *world, struct sim_node *node)
{
    struct tamga_detail detail = {{0}};
    enum tamga_err err;

    open_disk(world, node);
    sim_node_home(world, node);
    sim_sabotage_start(world, node);
    err = tamga_engine_open(&node->engine, &node->home.chain, node->store, &detail);
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
    tamga_engine_mine_as(node->engine, &node->address);
    sim_trace(world, "node %d starts at height %llu, final %llu", node->index,
              (unsigned long long)tamga_engine_tip(node->engine)->tip.height,
              (unsigned long long)tamga_engine_final(node->engine)->height);
    if (sim_honest(node)) {
        sim_check_tip(world, node);
        sim_check_final(world, node);
        sim_check_seats(world, node);
    }
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
    enum tamga_err err = node->home.chain.rules->decode(&node->home.chain, &item, payload, NULL);

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
    size_t count = 0;

    while (count < message->sealed_count &&
           tamga_network_member(node->home.network, &message->sealed[count].header.miner) != NULL)
        count++;
    message->cut = count < message->sealed_count;
    return count == 0 ? TAMGA_OK
                      : tamga_engine_add_headers(node->engine, message->sealed, count,
                                                 sim_clock(world, node), &message->used, NULL);
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

        err = node->home.chain.rules->decode(&node->home.chain, &item,
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
    case SIM_VOTE:
    case SIM_WORD:
    case SIM_CONFLICT:
    case SIM_FINALITY:
        return sim_run_finality(world, node, message);
    case SIM_HINT:
    case SIM_GET_STATUS:
    case SIM_STATUS:
    case SIM_GET_HEADERS:
    case SIM_GET_BLOCKS:
    case SIM_GET_PAYLOADS:
    case SIM_GET_PENDING:
    case SIM_PENDING:
    case SIM_GET_FINALITY:
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
            node->mining = false;
        }
        break;
    case SIM_VOTE:
    case SIM_WORD:
        if (message->err == TAMGA_E_UNKNOWN_BLOCK)
            sim_pull_poke(world, node);
        if (message->news)
            sim_pass_on(world, node, message);
        return;
    case SIM_HEADERS:
    case SIM_BLOCKS:
    case SIM_PAYLOADS:
    case SIM_FINALITY:
        sim_pull_done(world, node, message);
        break;
    case SIM_PAYLOAD:
    case SIM_CONFLICT:
    case SIM_HINT:
    case SIM_GET_STATUS:
    case SIM_STATUS:
    case SIM_GET_HEADERS:
    case SIM_GET_BLOCKS:
    case SIM_GET_PAYLOADS:
    case SIM_GET_PENDING:
    case SIM_PENDING:
    case SIM_GET_FINALITY:
        break;
    }
    if (message->news) {
        struct sim_message *passed = sim_message_new(SIM_PAYLOAD, node->index, SIM_NOBODY);

        sim_message_payload(passed, tamga_buf_span(&message->payload[0]));
        sim_gossip(world, passed);
    }
}

/* ---- batches ---------------------------------------------------------------------- */

static void look(struct sim_world *world, struct sim_node *node, bool tip_changed)
{
    if (!sim_honest(node))
        return;
    if (tip_changed) {
        sim_check_root(world, node);
        sim_check_seats(world, node);
    }
    sim_check_tip(world, node);
    sim_check_final(world, node);
    sim_check_bounds(world, node);
    if (++node->batches % 64 == 0) {
        sim_check_voters(world, node);
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
    node->caught = 0;
    for (size_t i = 0; i < count; i++) {
        struct sim_message *message = batch[i];

        sim_sabotage_standing(world, node);
        message->err = sim_sabotage_deaf(world, node, message) ? TAMGA_OK
                                                               : run(world, node, message);
        if (tamga_err_class(message->err) == TAMGA_CLASS_LOCAL)
            flushed = message->err;
        if (world->options.sabotage == SIM_EARLY_ACK)
            done(world, node, message);
    }
    if (flushed == TAMGA_OK)
        flushed = sim_sign(world, node);
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
    world->caught |= node->caught;
    tip_changed = sim_tell_events(world, node);
    look(world, node, tip_changed);
    sim_tell_signed(world, node);
    if (tip_changed)
        sim_announce_tip(world, node);
    sim_node_review(world, node, tip_changed);
}

/* ---- mining ----------------------------------------------------------------------- */

/* Another look when a block becomes due, unless one is planned until then. */
static void plan_review(struct sim_world *world, struct sim_node *node, uint64_t now_ms)
{
    uint64_t due_ms = tamga_engine_due_ms(node->engine);

    if (due_ms == UINT64_MAX || (node->due_ms > now_ms && node->due_ms <= due_ms))
        return;
    node->due_ms = due_ms > now_ms ? due_ms : now_ms + 1;
    sim_later(world, node->due_ms - now_ms,
              (struct sim_event){
                  .kind = SIM_EV_BATCH, .node = node->index, .life = node->life});
}

void sim_node_review(struct sim_world *world, struct sim_node *node, bool tip_changed)
{
    uint64_t now_ms = sim_clock(world, node);
    enum tamga_err err;

    if (tip_changed) {
        tamga_block_clear(&node->job);
        node->mining = false;
    }
    if (node->mining)
        return;
    if (!tamga_engine_block_due(node->engine, now_ms)) {
        plan_review(world, node, now_ms);
        return;
    }
    err = tamga_engine_propose(node->engine, &node->job, &node->address, now_ms);
    if (err != TAMGA_OK)
        return; /* nothing to mine; a failing read shows at the next batch */
    node->mining = true;
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

    if (job != node->job_number || !node->mining)
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
