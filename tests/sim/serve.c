/*
 * Answers to a peer's pull, read from the store as server/node/chain_service.c does, or
 * what a liar says instead. Of the engine it asks only what has no place in the store:
 * between two batches that is flushed too.
 */
#include "world.h"

static const struct tamga_view *view_of(const struct sim_node *node)
{
    return &node->store->reader.view;
}

static struct sim_message *answer(enum sim_kind kind, const struct sim_message *request)
{
    struct sim_message *message = sim_message_new(kind, request->to, request->from);

    message->session = request->session;
    return message;
}

static const struct test_block *evil_block(const struct sim_node *node,
                                           const struct tamga_block_id *id)
{
    for (size_t i = 0; i < node->evil_count; i++)
        if (tamga_hash_equal(&node->evil[i].id.hash, &id->hash))
            return &node->evil[i];
    return NULL;
}

/* ---- status ----------------------------------------------------------------------- */

static void serve_status(struct sim_world *world, struct sim_node *node,
                         const struct sim_message *request)
{
    struct sim_message *message = answer(SIM_STATUS, request);
    struct tamga_stored_header stored;

    if (tamga_query_tip(view_of(node), &message->tip) != TAMGA_OK ||
        tamga_query_header(view_of(node), &message->tip, &stored) != TAMGA_OK) {
        sim_message_free(message);
        return;
    }
    message->work = stored.work;
    message->justified = tamga_engine_justified(node->engine)->height;
    if (node->evil_count > 0) {
        message->work = node->evil[node->evil_count - 1].trail.work;
        message->tip = node->evil[node->evil_count - 1].id;
    }
    if (node->evil_status) {
        message->work.limb[0] += 1000;
        message->justified += sim_below(world, 3);
    }
    sim_send(world, message);
}

/* ---- headers ---------------------------------------------------------------------- */

static void add_sealed(struct sim_message *message, const struct tamga_sealed *sealed)
{
    message->sealed[message->sealed_count++] = *sealed;
}

/* Where on the liar's own chain the asker stands: index after it, or 0 if below. */
static size_t evil_fork(const struct sim_node *node, const struct sim_message *request)
{
    for (size_t i = 0; i < request->block_id_count; i++)
        for (size_t j = node->evil_count; j-- > 0;)
            if (tamga_hash_equal(&request->block_id[i].hash, &node->evil[j].id.hash))
                return j + 1;
    return 0;
}

static void garble(struct sim_world *world, struct sim_message *message)
{
    struct tamga_sealed *sealed;

    if (message->sealed_count == 0)
        return;
    sealed = &message->sealed[sim_below(world, message->sealed_count)];
    switch (sim_below(world, 5)) {
    case 0:
        sealed->header.parent.hash.byte[sim_below(world, 32)] ^= 1;
        break;
    case 1:
        sealed->header.nonce++;
        break;
    case 2:
        sealed->seal.byte[sim_below(world, sealed->seal.len)] ^= 1;
        break;
    case 3:
        sealed->header.target = (uint32_t)sim_random(world);
        break;
    default:
        sealed->header.height += sim_below(world, 3);
        sealed->header.time_ms = sim_random(world);
    }
}

static void serve_headers(struct sim_world *world, struct sim_node *node,
                          const struct sim_message *request)
{
    struct sim_message *message = answer(SIM_HEADERS, request);
    size_t from = evil_fork(node, request);
    uint64_t height = 0;
    struct tamga_stored_header stored;
    struct tamga_block_id id;

    message->sealed = sim_alloc(world->page, sizeof *message->sealed);
    if (tamga_query_fork(view_of(node), request->block_id, request->block_id_count,
                         &height) != TAMGA_OK)
        height = 0;
    if (node->evil_count > 0 && height > node->evil_base)
        height = node->evil_base;
    while (from == 0 && message->sealed_count < world->page &&
           (node->evil_count == 0 || height < node->evil_base) &&
           tamga_query_id_at(view_of(node), ++height, &id) == TAMGA_OK &&
           tamga_query_header(view_of(node), &id, &stored) == TAMGA_OK)
        add_sealed(message, &stored.sealed);
    for (size_t i = from; i < node->evil_count && message->sealed_count < world->page; i++)
        add_sealed(message, &node->evil[i].block.sealed);
    if (node->evil_garbage)
        garble(world, message);
    sim_send(world, message);
}

/* ---- blocks and payloads ---------------------------------------------------------- */

static void serve_blocks(struct sim_world *world, struct sim_node *node,
                         const struct sim_message *request)
{
    struct sim_message *message = answer(SIM_BLOCKS, request);

    for (size_t i = 0; i < request->block_id_count; i++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
        const struct test_block *evil = evil_block(node, &request->block_id[i]);

        if (evil != NULL && (node->evil_served >> request->from & 1) != 0)
            sim_message_block(message, &evil->block);
        else if (evil == NULL && tamga_query_block(view_of(node), &request->block_id[i],
                                                   &block) == TAMGA_OK)
            sim_message_block(message, &block);
    }
    sim_send(world, message);
}

static const struct tamga_buf *evil_payload(const struct sim_node *node,
                                            const struct tamga_entry_id *id)
{
    for (size_t i = 0; i < node->evil_payload_count && !node->evil_silent; i++)
        if (tamga_hash_equal(&node->evil_entry[i].hash, &id->hash))
            return &node->evil_payload[i];
    return NULL;
}

static void serve_payloads(struct sim_world *world, struct sim_node *node,
                           const struct sim_message *request)
{
    struct sim_message *message = answer(SIM_PAYLOADS, request);

    message->entry_id =
        sim_alloc(request->entry_id_count + 1, sizeof *message->entry_id);
    for (size_t i = 0; i < request->entry_id_count; i++) {
        const struct tamga_buf *evil = evil_payload(node, &request->entry_id[i]);
        TAMGA_BUF payload = {0};
        bool pending;

        message->entry_id[message->entry_id_count++] = request->entry_id[i];
        if (evil != NULL)
            sim_message_payload(message, tamga_buf_span(evil));
        else if (tamga_query_payload(&node->home.chain, view_of(node),
                                     &request->entry_id[i], &payload, &pending) == TAMGA_OK)
            sim_message_payload(message, tamga_buf_span(&payload));
    }
    sim_send(world, message);
}

static bool add_pending(void *context, struct tamga_span key, struct tamga_span value)
{
    struct sim_message *message = context;

    (void)value;
    if (tamga_hash_from(&message->entry_id[message->entry_id_count].hash, key) == TAMGA_OK)
        message->entry_id_count++;
    return message->entry_id_count < SIM_ENTRIES_MAX;
}

static void serve_pending(struct sim_world *world, struct sim_node *node,
                          const struct sim_message *request)
{
    struct sim_message *message = answer(SIM_PENDING, request);
    const struct tamga_reader *reader = &node->store->reader;

    message->entry_id = sim_alloc(SIM_ENTRIES_MAX, sizeof *message->entry_id);
    if (reader->ops->scan(reader, TAMGA_FAMILY_PENDING, tamga_span(NULL, 0),
                          tamga_span(NULL, 0), add_pending, message) != TAMGA_OK)
        message->entry_id_count = 0;
    sim_send(world, message);
}

void sim_serve(struct sim_world *world, struct sim_node *node,
               const struct sim_message *request)
{
    switch (request->kind) {
    case SIM_GET_STATUS:
        serve_status(world, node, request);
        break;
    case SIM_GET_HEADERS:
        serve_headers(world, node, request);
        break;
    case SIM_GET_BLOCKS:
        serve_blocks(world, node, request);
        break;
    case SIM_GET_PAYLOADS:
        serve_payloads(world, node, request);
        break;
    case SIM_GET_PENDING:
        serve_pending(world, node, request);
        break;
    case SIM_GET_FINALITY:
        sim_serve_finality(world, node, request);
        break;
    case SIM_SUBMIT:
    case SIM_PAYLOAD:
    case SIM_ANNOUNCE:
    case SIM_HINT:
    case SIM_MINED:
    case SIM_STATUS:
    case SIM_HEADERS:
    case SIM_BLOCKS:
    case SIM_PAYLOADS:
    case SIM_PENDING:
    case SIM_VOTE:
    case SIM_WORD:
    case SIM_CONFLICT:
    case SIM_FINALITY:
        break; /* no requests */
    }
}
