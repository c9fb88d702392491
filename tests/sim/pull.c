/*
 * What a node pulls from a peer, as server/node/chain_sync.c: status, then headers from a
 * locator, then the bodies and payloads that the engine wants, then what waits there, then
 * what it knows of finality. One chain at a time; a peer that breaks a rule is left alone
 * for a while.
 */
#include <stdlib.h>

#include "world.h"

#define AVOID_MS    4000 /* doubles with each fault, up to 32 times */
#define ANSWER_MS   4000
#define POKE_MS     200
#define BLOCKS_PAGE 16
#define PAYLOADS    64
#define ROUNDS_MAX  64   /* requests of one pull */

static int peer_of(const struct sim_node *node, const struct sim_pull *pull)
{
    return (int)(pull - node->pull);
}

struct sim_pull *sim_pull_of(struct sim_node *node, const struct sim_message *message)
{
    struct sim_pull *pull;

    if (message->from < 0 || message->from >= SIM_NODES_MAX)
        return NULL;
    pull = &node->pull[message->from];
    return pull->stage != SIM_IDLE && pull->session == message->session ? pull : NULL;
}

/* ---- ends ------------------------------------------------------------------------- */

/* Clocks differ, so an honest peer may pass on a block whose time is too new for us; and
 * it may not know yet what is final here, or we not know what it is. All else that is
 * refused was a lie, unless a double makes honest nodes break rules. */
static bool excusable(enum tamga_err err)
{
    return err == TAMGA_E_TIME_TOO_NEW || err == TAMGA_E_BELOW_FINAL ||
           err == TAMGA_E_INVALID_ANCESTOR || err == TAMGA_E_UNKNOWN_BLOCK;
}

static void judge_refusal(struct sim_world *world, const struct sim_node *node,
                          const struct sim_node *peer, enum tamga_err err)
{
    enum sim_sabotage sabotage = world->options.sabotage;

    if ((sabotage == SIM_NO_SABOTAGE || sabotage == SIM_BLAMES) && sim_honest(node) &&
        sim_honest(peer) && !excusable(err))
        sim_broken(world, SIM_FAIR, "node %d refuses node %d, who is honest: %s", node->index,
                   peer->index, tamga_err_name(err));
}

static void end(struct sim_world *world, struct sim_node *node, struct sim_pull *pull,
                enum tamga_err err)
{
    pull->stage = SIM_IDLE;
    if (node->chain_peer == peer_of(node, pull))
        node->chain_peer = SIM_NOBODY;
    if (err == TAMGA_OK)
        pull->faults = 0;
    if (tamga_err_class(err) != TAMGA_CLASS_REJECT ||
        (err == TAMGA_E_NOT_FOUND && world->options.sabotage != SIM_BLAMES))
        return;
    judge_refusal(world, node, &world->node[peer_of(node, pull)], err);
    sim_trace(world, "node %d refuses peer %d: %s", node->index, peer_of(node, pull),
              tamga_err_name(err));
    pull->avoid_until_ms =
        world->now_ms + ((uint64_t)AVOID_MS << (pull->faults < 5 ? pull->faults : 5));
    pull->faults++;
}

void sim_pull_timeout(struct sim_world *world, struct sim_node *node, uint64_t session)
{
    for (int i = 0; i < world->node_count; i++)
        if (node->pull[i].stage != SIM_IDLE && node->pull[i].session == session)
            end(world, node, &node->pull[i], TAMGA_E_DEADLINE);
}

/* ---- asking ----------------------------------------------------------------------- */

/* Each request has a number of its own, so that late answers to earlier ones are seen. */
static struct sim_message *request(struct sim_world *world, struct sim_node *node,
                                   struct sim_pull *pull, enum sim_kind kind)
{
    struct sim_message *message =
        sim_message_new(kind, node->index, peer_of(node, pull));

    message->session = pull->session = ++world->session;
    sim_later(world, ANSWER_MS,
              (struct sim_event){.kind = SIM_EV_TIMEOUT,
                                 .node = node->index,
                                 .life = node->life,
                                 .number = pull->session});
    return message;
}

void sim_pull_start(struct sim_world *world, struct sim_node *node, int peer)
{
    struct sim_pull *pull = &node->pull[peer];

    if (peer == node->index || pull->stage != SIM_IDLE ||
        pull->avoid_until_ms > world->now_ms)
        return;
    pull->stage = SIM_AT_STATUS;
    pull->rounds = 0;
    sim_send(world, request(world, node, pull, SIM_GET_STATUS));
}

void sim_pull_poke(struct sim_world *world, struct sim_node *node)
{
    if (world->now_ms < node->poked_ms + POKE_MS)
        return;
    node->poked_ms = world->now_ms;
    for (int i = 0; i < world->node_count; i++)
        sim_pull_start(world, node, i);
}

static void ask_headers(struct sim_world *world, struct sim_node *node, struct sim_pull *pull)
{
    struct sim_message *message = request(world, node, pull, SIM_GET_HEADERS);
    size_t count = 0;

    message->block_id = sim_alloc(TAMGA_LOCATOR_MAX + 1, sizeof *message->block_id);
    if (pull->has_last && world->options.sabotage != SIM_SAME_LOCATOR)
        message->block_id[message->block_id_count++] = pull->last;
    if (tamga_engine_locator(node->engine, message->block_id + message->block_id_count,
                             &count) != TAMGA_OK)
        sim_broken(world, SIM_WHOLE, "node %d has no locator", node->index);
    message->block_id_count += count;
    pull->stage = SIM_AT_HEADERS;
    sim_send(world, message);
}

static void begin_round(struct sim_world *world, struct sim_node *node,
                        struct sim_pull *pull)
{
    pull->before = tamga_engine_tip(node->engine)->tip_id;
    pull->has_last = false;
    pull->none = pull->cut = false;
    ask_headers(world, node, pull);
}

static void ask_pending(struct sim_world *world, struct sim_node *node, struct sim_pull *pull)
{
    if (node->chain_peer == peer_of(node, pull))
        node->chain_peer = SIM_NOBODY;
    pull->stage = SIM_AT_PENDING;
    sim_send(world, request(world, node, pull, SIM_GET_PENDING));
}

static void ask_finality(struct sim_world *world, struct sim_node *node,
                         struct sim_pull *pull)
{
    struct sim_message *message = request(world, node, pull, SIM_GET_FINALITY);

    message->above = tamga_engine_final(node->engine)->height;
    pull->stage = SIM_AT_FINALITY;
    sim_send(world, message);
}

/* The peer's tip is known here, with the work that it said, and yet is not the best: it
 * lacks what is justified, or a body that somebody else may have. */
static bool showed_its_tip(const struct sim_node *node, const struct sim_pull *pull)
{
    struct tamga_stored_header stored;

    return tamga_query_header(&node->store->reader.view, &pull->claimed_tip, &stored) ==
               TAMGA_OK &&
           (stored.flags & TAMGA_STORED_INVALID) == 0 &&
           tamga_u256_compare(&stored.work, &pull->claimed) == 0;
}

/* The peer may have left the tip that it claimed since, for what became justified: only
 * who claims the same again, and shows nothing again, has lied. */
static bool claims_again(struct sim_pull *pull)
{
    bool again =
        tamga_hash_equal(&pull->doubted.hash, &pull->claimed_tip.hash);

    pull->doubted = pull->claimed_tip;
    return again;
}

/* A round is over: another one while our tip moves and the peer claims more. */
static void end_round(struct sim_world *world, struct sim_node *node, struct sim_pull *pull)
{
    const struct tamga_trail *tip = tamga_engine_tip(node->engine);
    int order = tamga_u256_compare(&tip->work, &pull->claimed);
    bool moved = !tamga_hash_equal(&tip->tip_id.hash, &pull->before.hash);

    if (order >= 0 || (!moved && showed_its_tip(node, pull)))
        ask_pending(world, node, pull);
    else if (!moved && pull->cut)
        end(world, node, pull, TAMGA_E_NEED_MEMBER);
    else if (!moved)
        end(world, node, pull, claims_again(pull) ? TAMGA_E_PEER_LIED : TAMGA_E_NOT_FOUND);
    else
        begin_round(world, node, pull);
}

/* Payloads first, as they may be all that is missing; but who has none of them may
 * still have the bodies of the next best branch. */
static void ask_bodies(struct sim_world *world, struct sim_node *node, struct sim_pull *pull)
{
    struct tamga_block_id block[BLOCKS_PAGE];
    struct tamga_entry_id payload[PAYLOADS];
    size_t blocks = tamga_engine_wanted_blocks(node->engine, block, BLOCKS_PAGE);
    size_t payloads = tamga_engine_wanted_payloads(node->engine, payload, PAYLOADS);
    struct sim_message *message;

    pull->stage = SIM_AT_BODIES;
    if (++pull->rounds > ROUNDS_MAX) {
        end(world, node, pull, TAMGA_E_NOT_FOUND);
    } else if (payloads > 0 && !pull->none) {
        message = request(world, node, pull, SIM_GET_PAYLOADS);
        message->entry_id = sim_alloc(payloads, sizeof *message->entry_id);
        memcpy(message->entry_id, payload, payloads * sizeof payload[0]);
        message->entry_id_count = payloads;
        sim_send(world, message);
    } else if (blocks > 0) {
        message = request(world, node, pull, SIM_GET_BLOCKS);
        message->block_id = sim_alloc(blocks, sizeof *message->block_id);
        memcpy(message->block_id, block, blocks * sizeof block[0]);
        message->block_id_count = blocks;
        sim_send(world, message);
    } else if (payloads > 0) {
        ask_pending(world, node, pull);
    } else {
        end_round(world, node, pull);
    }
}

/* ---- answers that need no engine -------------------------------------------------- */

/* With less work a chain may be the better one still, for what is justified on it: the
 * peer says so, or a branch that is better waits for bodies. */
static bool is_wanted(const struct sim_node *node, const struct sim_message *status)
{
    struct tamga_block_id any;

    return status->justified > tamga_engine_justified(node->engine)->height ||
           tamga_engine_wanted_blocks(node->engine, &any, 1) > 0;
}

static void judge_status(struct sim_world *world, struct sim_node *node,
                         struct sim_pull *pull, const struct sim_message *message)
{
    const struct tamga_trail *tip = tamga_engine_tip(node->engine);
    int order = tamga_u256_compare(&message->work, &tip->work);
    bool less = order < 0 || (order == 0 && memcmp(&message->tip, &tip->tip_id,
                                                   sizeof message->tip) >= 0);

    pull->claimed = message->work;
    pull->claimed_tip = message->tip;
    if ((less && !is_wanted(node, message)) || node->chain_peer != SIM_NOBODY) {
        ask_pending(world, node, pull);
        return;
    }
    node->chain_peer = peer_of(node, pull);
    begin_round(world, node, pull);
}

static bool knows(const struct sim_node *node, const struct tamga_entry_id *id)
{
    struct tamga_place place;

    return tamga_mempool_find(tamga_engine_mempool(node->engine), id) != NULL ||
           tamga_query_place(&node->store->reader.view, id, &place) == TAMGA_OK;
}

static void judge_pending(struct sim_world *world, struct sim_node *node,
                          struct sim_pull *pull, const struct sim_message *message)
{
    struct sim_message *ask;

    ask = request(world, node, pull, SIM_GET_PAYLOADS);
    ask->entry_id = sim_alloc(message->entry_id_count + 1, sizeof *ask->entry_id);
    for (size_t i = 0; i < message->entry_id_count; i++)
        if (!knows(node, &message->entry_id[i]))
            ask->entry_id[ask->entry_id_count++] = message->entry_id[i];
    if (ask->entry_id_count == 0) {
        sim_message_free(ask);
        ask_finality(world, node, pull);
        return;
    }
    sim_send(world, ask);
}

void sim_pull_answer(struct sim_world *world, struct sim_node *node,
                     struct sim_message *message)
{
    struct sim_pull *pull = sim_pull_of(node, message);

    if (message->kind == SIM_STATUS && pull->stage == SIM_AT_STATUS)
        judge_status(world, node, pull, message);
    else if (message->kind == SIM_PENDING && pull->stage == SIM_AT_PENDING)
        judge_pending(world, node, pull, message);
    else
        sim_node_take(world, node, message); /* for the loop; its verdict comes back */
}

/* ---- what the loop said ----------------------------------------------------------- */

static void headers_done(struct sim_world *world, struct sim_node *node,
                         struct sim_pull *pull, const struct sim_message *message)
{
    bool full = message->sealed_count == world->page;

    pull->cut = message->cut;
    if (full && !pull->cut && ++pull->rounds <= ROUNDS_MAX &&
        (message->used > 0 || world->options.sabotage != SIM_SAME_LOCATOR)) {
        tamga_header_id(&pull->last, &message->sealed[message->sealed_count - 1].header);
        pull->has_last = true;
        ask_headers(world, node, pull);
        return;
    }
    ask_bodies(world, node, pull);
}

void sim_pull_done(struct sim_world *world, struct sim_node *node,
                   struct sim_message *message)
{
    struct sim_pull *pull = sim_pull_of(node, message);

    if (pull == NULL)
        return; /* it took too long */
    if (message->err != TAMGA_OK) {
        end(world, node, pull, message->err);
        return;
    }
    if (pull->stage == SIM_AT_PENDING) {
        ask_finality(world, node, pull);
        return;
    }
    switch (message->kind) {
    case SIM_HEADERS:
        headers_done(world, node, pull, message);
        break;
    case SIM_BLOCKS:
        if (message->used == 0) {
            end(world, node, pull, TAMGA_E_NOT_FOUND);
        } else {
            pull->none = false;
            ask_bodies(world, node, pull);
        }
        break;
    case SIM_PAYLOADS:
        pull->none = message->used == 0;
        if (pull->none && world->options.sabotage == SIM_PAYLOADS_FIRST)
            end(world, node, pull, TAMGA_E_NOT_FOUND);
        else
            ask_bodies(world, node, pull);
        break;
    case SIM_FINALITY:
        node->told |= 1u << message->from;
        end(world, node, pull, TAMGA_OK);
        break;
    case SIM_SUBMIT:
    case SIM_PAYLOAD:
    case SIM_ANNOUNCE:
    case SIM_HINT:
    case SIM_MINED:
    case SIM_GET_STATUS:
    case SIM_STATUS:
    case SIM_GET_HEADERS:
    case SIM_GET_BLOCKS:
    case SIM_GET_PAYLOADS:
    case SIM_GET_PENDING:
    case SIM_PENDING:
    case SIM_VOTE:
    case SIM_WORD:
    case SIM_CONFLICT:
    case SIM_GET_FINALITY:
        break;
    }
}
