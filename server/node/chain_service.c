/* Answers about a chain, each from one snapshot of its store. Knows no rules. */
#include "node/chain_service.h"

#include <stdlib.h>

#define HEADERS_MAX  2000
#define BLOCKS_MAX   128
#define PENDING_MAX  4096
#define PAYLOADS_MAX 1024
#define ANSWER_BYTES 2097152 /* of blocks or payloads in one answer */

#define SNAPSHOT TAMGA_CLEANUP(tamga_reader_release) struct tamga_reader

enum tamga_err tamga_nodes_find(struct tamga_node **out, struct tamga_reader **reader,
                                struct tamga_node *const *node, size_t count,
                                ProtobufCBinaryData chain)
{
    for (size_t i = 0; i < count; i++) {
        struct tamga_store *store = tamga_node_store(node[i]);

        if (!tamga_span_equal(tamga_wire_span(chain),
                              tamga_hash_span(&tamga_node_chain(node[i])->id.hash)))
            continue;
        *out = node[i];
        return store->ops->snapshot(store, reader);
    }
    return TAMGA_E_WRONG_CHAIN;
}

static enum tamga_err open_chain(void *service, ProtobufCBinaryData chain,
                                 struct tamga_node **node, struct tamga_reader **reader)
{
    const struct tamga_chain_service *self = service;

    return tamga_nodes_find(node, reader, self->node, self->node_count, chain);
}

/* ---- status ---------------------------------------------------------------------- */

static void chain_get_status(Tamga__V1__ChainService_Service *service,
                             const Tamga__V1__GetStatusRequest *input,
                             Tamga__V1__GetStatusResponse_Closure closure, void *call)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *status = NULL;
    Tamga__V1__GetStatusResponse response = TAMGA__V1__GET_STATUS_RESPONSE__INIT;
    SNAPSHOT *reader = NULL;
    TAMGA_BUF bytes = {0};
    struct tamga_node *node;
    enum tamga_err err = open_chain(service, input->chain, &node, &reader);

    if (err == TAMGA_OK)
        err = tamga_node_status(node, &bytes);
    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&status, &tamga__v1__signed__descriptor,
                                TAMGA_WIRE_CANONICAL, tamga_buf_span(&bytes), NULL);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.status = status;
    closure(&response, call);
}

/* ---- headers --------------------------------------------------------------------- */

/* The answer to GetHeaders: what it points to is its own. */
struct headers_hold {
    struct tamga_sealed *sealed;
    struct tamga_sealed_wire *wire;
    Tamga__V1__SealedHeader **message;
    size_t count;
};

static void headers_clear(struct headers_hold *hold)
{
    free(hold->sealed);
    free(hold->wire);
    free(hold->message);
    *hold = (struct headers_hold){0};
}

/* A peer of this network knows genesis at least: who names nothing that we have does not
 * ask for this chain. */
static enum tamga_err any_known(const struct tamga_view *view, const struct tamga_block_id *id,
                                size_t count)
{
    struct tamga_stored_header stored;

    for (size_t i = 0; i < count; i++) {
        enum tamga_err err = tamga_query_header(view, &id[i], &stored);

        if (err != TAMGA_E_NOT_FOUND)
            return err;
    }
    return TAMGA_E_UNKNOWN_LOCATOR;
}

static enum tamga_err find_fork(const struct tamga_view *view,
                                const ProtobufCBinaryData *locator, size_t count,
                                uint64_t *height)
{
    struct tamga_block_id id[TAMGA_LOCATOR_MAX];
    enum tamga_err err = TAMGA_OK;

    if (count == 0 || count > TAMGA_LOCATOR_MAX)
        return TAMGA_E_BAD_VALUE;
    for (size_t i = 0; err == TAMGA_OK && i < count; i++)
        err = tamga_hash_from(&id[i].hash, tamga_wire_span(locator[i]));
    if (err == TAMGA_OK)
        err = tamga_query_fork(view, id, count, height);
    return err == TAMGA_OK && *height == 0 ? any_known(view, id, count) : err;
}

/* Errors: BAD_VALUE, BAD_LENGTH, UNKNOWN_LOCATOR: no id of it is known. */
static enum tamga_err headers_find(struct headers_hold *hold, const struct tamga_view *view,
                                   const ProtobufCBinaryData *locator, size_t locator_count,
                                   uint32_t count_max)
{
    size_t max = count_max < HEADERS_MAX ? count_max : HEADERS_MAX;
    uint64_t height;
    enum tamga_err err = find_fork(view, locator, locator_count, &height);

    if (err != TAMGA_OK)
        return err;
    hold->sealed = calloc(max + 1, sizeof *hold->sealed);
    hold->wire = calloc(max + 1, sizeof *hold->wire);
    hold->message = calloc(max + 1, sizeof(void *));
    if (hold->sealed == NULL || hold->wire == NULL || hold->message == NULL)
        return TAMGA_E_NO_MEMORY;
    while (hold->count < max) {
        struct tamga_stored_header stored;
        struct tamga_block_id id;
        size_t i = hold->count;

        err = tamga_query_id_at(view, ++height, &id);
        if (err == TAMGA_OK)
            err = tamga_query_header(view, &id, &stored);
        if (err != TAMGA_OK)
            return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err; /* the tip was the last */
        hold->sealed[i] = stored.sealed;
        tamga_sealed_lend(&hold->wire[i], &hold->sealed[i]);
        hold->message[i] = &hold->wire[i].message;
        hold->count++;
    }
    return TAMGA_OK;
}

static void chain_get_headers(Tamga__V1__ChainService_Service *service,
                              const Tamga__V1__GetHeadersRequest *input,
                              Tamga__V1__GetHeadersResponse_Closure closure, void *call)
{
    TAMGA_CLEANUP(headers_clear) struct headers_hold hold = {0};
    Tamga__V1__GetHeadersResponse response = TAMGA__V1__GET_HEADERS_RESPONSE__INIT;
    SNAPSHOT *reader = NULL;
    struct tamga_node *node;
    enum tamga_err err = open_chain(service, input->chain, &node, &reader);

    if (err == TAMGA_OK)
        err = headers_find(&hold, &reader->view, input->locator, input->n_locator,
                           input->count_max);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.n_headers = hold.count;
    response.headers = hold.message;
    closure(&response, call);
}

/* ---- blocks ---------------------------------------------------------------------- */

/* A block lent to a response. */
struct block_hold {
    struct tamga_block block;
    struct tamga_sealed_wire sealed;
    ProtobufCBinaryData *entry;
    Tamga__V1__Block message;
};

static void block_hold_clear(struct block_hold *hold)
{
    tamga_block_clear(&hold->block);
    free(hold->entry);
}

static enum tamga_err block_find(struct block_hold *hold, const struct tamga_view *view,
                                 const struct tamga_block_id *id)
{
    enum tamga_err err = tamga_query_block(view, id, &hold->block);

    if (err != TAMGA_OK)
        return err;
    hold->entry = calloc(hold->block.count + 1, sizeof *hold->entry);
    if (hold->entry == NULL)
        return TAMGA_E_NO_MEMORY;
    for (size_t i = 0; i < hold->block.count; i++)
        hold->entry[i] = tamga_wire_bytes(hold->block.entry[i]);
    tamga__v1__block__init(&hold->message);
    tamga_sealed_lend(&hold->sealed, &hold->block.sealed);
    if (hold->block.sealed.seal.len == 0) /* genesis */
        hold->sealed.message.seal = NULL;
    hold->message.sealed = &hold->sealed.message;
    hold->message.n_entries = hold->block.count;
    hold->message.entries = hold->entry;
    return TAMGA_OK;
}

struct blocks_hold {
    struct block_hold *hold;
    Tamga__V1__Block **message;
    size_t count;
};

static void blocks_clear(struct blocks_hold *blocks)
{
    for (size_t i = 0; blocks->hold != NULL && i < blocks->count; i++)
        block_hold_clear(&blocks->hold[i]);
    free(blocks->hold);
    free(blocks->message);
}

static enum tamga_err blocks_find(struct blocks_hold *blocks, const struct tamga_view *view,
                                  const ProtobufCBinaryData *ids, size_t count)
{
    size_t bytes = 0;

    if (count == 0 || count > BLOCKS_MAX)
        return TAMGA_E_BAD_VALUE;
    blocks->hold = calloc(count, sizeof *blocks->hold);
    blocks->message = calloc(count, sizeof(void *));
    if (blocks->hold == NULL || blocks->message == NULL)
        return TAMGA_E_NO_MEMORY;
    for (size_t i = 0; i < count && bytes < ANSWER_BYTES; i++) {
        struct block_hold *hold = &blocks->hold[blocks->count];
        struct tamga_block_id id;
        enum tamga_err err = tamga_hash_from(&id.hash, tamga_wire_span(ids[i]));

        if (err == TAMGA_OK)
            err = block_find(hold, view, &id);
        if (err == TAMGA_E_NOT_FOUND)
            continue; /* what another peer may have must not hide what we have */
        if (err != TAMGA_OK) {
            block_hold_clear(hold);
            return err;
        }
        bytes += hold->block.bytes.len + TAMGA_HEADER_BYTES + 64 + 8 * hold->block.count;
        if (blocks->count > 0 && bytes > ANSWER_BYTES) {
            block_hold_clear(hold);
            return TAMGA_OK;
        }
        blocks->message[blocks->count++] = &hold->message;
    }
    return TAMGA_OK;
}

static void chain_get_blocks(Tamga__V1__ChainService_Service *service,
                             const Tamga__V1__GetBlocksRequest *input,
                             Tamga__V1__GetBlocksResponse_Closure closure, void *call)
{
    TAMGA_CLEANUP(blocks_clear) struct blocks_hold blocks = {0};
    Tamga__V1__GetBlocksResponse response = TAMGA__V1__GET_BLOCKS_RESPONSE__INIT;
    SNAPSHOT *reader = NULL;
    struct tamga_node *node;
    enum tamga_err err = open_chain(service, input->chain, &node, &reader);

    if (err == TAMGA_OK)
        err = blocks_find(&blocks, &reader->view, input->ids, input->n_ids);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.n_blocks = blocks.count;
    response.blocks = blocks.message;
    closure(&response, call);
}

static void chain_get_block_at(Tamga__V1__ChainService_Service *service,
                               const Tamga__V1__GetBlockAtRequest *input,
                               Tamga__V1__GetBlockAtResponse_Closure closure, void *call)
{
    TAMGA_CLEANUP(block_hold_clear) struct block_hold hold = {0};
    Tamga__V1__GetBlockAtResponse response = TAMGA__V1__GET_BLOCK_AT_RESPONSE__INIT;
    SNAPSHOT *reader = NULL;
    struct tamga_node *node;
    struct tamga_block_id id;
    enum tamga_err err = open_chain(service, input->chain, &node, &reader);

    if (err == TAMGA_OK)
        err = tamga_query_id_at(&reader->view, input->height, &id);
    if (err == TAMGA_OK)
        err = block_find(&hold, &reader->view, &id);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.block = &hold.message;
    closure(&response, call);
}

/* ---- entries --------------------------------------------------------------------- */

struct pending_page {
    struct tamga_hash *id;
    size_t count, max;
    const struct tamga_hash *after;
    bool more;
};

static bool pending_one(void *context, struct tamga_span key, struct tamga_span value)
{
    struct pending_page *page = context;

    (void)value;
    if (page->after != NULL && tamga_span_equal(key, tamga_hash_span(page->after)))
        return true;
    if (page->count == page->max) {
        page->more = true;
        return false;
    }
    return tamga_hash_from(&page->id[page->count++], key) == TAMGA_OK;
}

static void chain_get_pending(Tamga__V1__ChainService_Service *service,
                              const Tamga__V1__GetPendingRequest *input,
                              Tamga__V1__GetPendingResponse_Closure closure, void *call)
{
    Tamga__V1__GetPendingResponse response = TAMGA__V1__GET_PENDING_RESPONSE__INIT;
    SNAPSHOT *reader = NULL;
    struct tamga_hash after;
    struct tamga_node *node;
    struct pending_page page = {.max = input->count_max < PENDING_MAX ? input->count_max
                                                                      : PENDING_MAX};
    ProtobufCBinaryData *ids = calloc(page.max + 1, sizeof *ids);
    enum tamga_err err = open_chain(service, input->chain, &node, &reader);

    page.id = calloc(page.max + 1, sizeof *page.id);
    if (err == TAMGA_OK && (ids == NULL || page.id == NULL))
        err = TAMGA_E_NO_MEMORY;
    if (err == TAMGA_OK && input->after.len > 0) {
        err = tamga_hash_from(&after, tamga_wire_span(input->after));
        page.after = &after;
    }
    if (err == TAMGA_OK)
        err = reader->ops->scan(reader, TAMGA_FAMILY_PENDING, tamga_span(NULL, 0),
                                tamga_wire_span(input->after), pending_one, &page);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
    } else {
        for (size_t i = 0; i < page.count; i++)
            ids[i] = tamga_wire_bytes(tamga_hash_span(&page.id[i]));
        response.n_ids = page.count;
        response.ids = ids;
        response.more = page.more;
        closure(&response, call);
    }
    free(ids);
    free(page.id);
}

struct payloads_hold {
    struct tamga_buf *buf;
    ProtobufCBinaryData *data;
    size_t count;
};

static void payloads_clear(struct payloads_hold *hold)
{
    for (size_t i = 0; hold->buf != NULL && i < hold->count; i++)
        tamga_buf_clear(&hold->buf[i]);
    free(hold->buf);
    free(hold->data);
}

static enum tamga_err payloads_find(struct payloads_hold *hold, const struct tamga_chain *chain,
                                    const struct tamga_view *view,
                                    const ProtobufCBinaryData *ids, size_t count)
{
    size_t bytes = 0;

    if (count == 0 || count > PAYLOADS_MAX)
        return TAMGA_E_BAD_VALUE;
    hold->buf = calloc(count, sizeof *hold->buf);
    hold->data = calloc(count, sizeof *hold->data);
    if (hold->buf == NULL || hold->data == NULL)
        return TAMGA_E_NO_MEMORY;
    for (size_t i = 0; i < count && bytes < ANSWER_BYTES; i++) {
        struct tamga_buf *buf = &hold->buf[hold->count];
        struct tamga_entry_id id;
        bool pending;
        enum tamga_err err = tamga_hash_from(&id.hash, tamga_wire_span(ids[i]));

        if (err == TAMGA_OK)
            err = tamga_query_payload(chain, view, &id, buf, &pending);
        if (err == TAMGA_E_NOT_FOUND)
            continue;
        if (err != TAMGA_OK)
            return err;
        bytes += buf->len;
        if (bytes > ANSWER_BYTES) { /* what does not fit is asked for again */
            tamga_buf_clear(buf);
            return TAMGA_OK;
        }
        hold->data[hold->count++] = tamga_wire_bytes(tamga_buf_span(buf));
    }
    return TAMGA_OK;
}

static void chain_get_payloads(Tamga__V1__ChainService_Service *service,
                               const Tamga__V1__GetPayloadsRequest *input,
                               Tamga__V1__GetPayloadsResponse_Closure closure, void *call)
{
    TAMGA_CLEANUP(payloads_clear) struct payloads_hold hold = {0};
    Tamga__V1__GetPayloadsResponse response = TAMGA__V1__GET_PAYLOADS_RESPONSE__INIT;
    SNAPSHOT *reader = NULL;
    struct tamga_node *node;
    enum tamga_err err = open_chain(service, input->chain, &node, &reader);

    if (err == TAMGA_OK)
        err = payloads_find(&hold, tamga_node_chain(node), &reader->view, input->ids,
                            input->n_ids);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.n_payloads = hold.count;
    response.payloads = hold.data;
    closure(&response, call);
}

/* ---- inclusion ------------------------------------------------------------------- */

void tamga_inclusion_clear(struct tamga_inclusion_hold *hold)
{
    tamga_block_clear(&hold->block);
}

enum tamga_err tamga_inclusion_find(struct tamga_inclusion_hold *hold,
                                    const struct tamga_view *view,
                                    const struct tamga_entry_id *id)
{
    struct tamga_place place;
    struct tamga_block_id at;
    enum tamga_err err = tamga_query_place(view, id, &place);

    if (err == TAMGA_OK)
        err = tamga_query_id_at(view, place.height, &at);
    if (err == TAMGA_OK)
        err = tamga_query_block(view, &at, &hold->block);
    if (err != TAMGA_OK)
        return err;
    if (place.index >= hold->block.count)
        return TAMGA_E_STORE_CORRUPT;
    err = tamga_block_path(&hold->path, &hold->block, place.index);
    if (err != TAMGA_OK)
        return err;
    for (size_t i = 0; i < hold->path.count; i++)
        hold->node[i] = tamga_wire_bytes(tamga_hash_span(&hold->path.node[i]));
    tamga_sealed_lend(&hold->sealed, &hold->block.sealed);
    tamga__v1__inclusion__init(&hold->message);
    hold->message.sealed = &hold->sealed.message;
    hold->message.entry = tamga_wire_bytes(hold->block.entry[place.index]);
    hold->message.index = place.index;
    hold->message.n_path = hold->path.count;
    hold->message.path = hold->node;
    return TAMGA_OK;
}

static void chain_get_inclusion(Tamga__V1__ChainService_Service *service,
                                const Tamga__V1__GetInclusionRequest *input,
                                Tamga__V1__GetInclusionResponse_Closure closure, void *call)
{
    TAMGA_CLEANUP(tamga_inclusion_clear) struct tamga_inclusion_hold hold = {0};
    Tamga__V1__GetInclusionResponse response = TAMGA__V1__GET_INCLUSION_RESPONSE__INIT;
    SNAPSHOT *reader = NULL;
    TAMGA_BUF payload = {0};
    struct tamga_entry_id id;
    struct tamga_node *node;
    bool pending = false;
    enum tamga_err err = open_chain(service, input->chain, &node, &reader);

    if (err == TAMGA_OK)
        err = tamga_hash_from(&id.hash, tamga_wire_span(input->id));
    if (err == TAMGA_OK)
        err = tamga_query_payload(tamga_node_chain(node), &reader->view, &id, &payload,
                                  &pending);
    if (err == TAMGA_OK && !pending)
        err = tamga_inclusion_find(&hold, &reader->view, &id);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.pending = pending;
    response.inclusion = pending ? NULL : &hold.message;
    response.payload = tamga_wire_bytes(tamga_buf_span(&payload));
    closure(&response, call);
}

void tamga_chain_service_init(struct tamga_chain_service *service,
                              struct tamga_node *const *node, size_t node_count)
{
    static const Tamga__V1__ChainService_Service methods =
        TAMGA__V1__CHAIN_SERVICE__INIT(chain_);

    service->service = methods;
    for (size_t i = 0; i < node_count; i++)
        service->node[i] = node[i];
    service->node_count = node_count;
}
