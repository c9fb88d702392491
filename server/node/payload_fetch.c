/*
 * Payloads by id: those that blocks of a detached chain commit to, and entries that wait
 * at a peer. Each is decoded and verified in the pool, then given to the loop.
 */
#include <stdlib.h>

#include "node/sync.h"
#include "tamga/v1/chain_service.pb-c.h"

/* One answer, opened in the pool: all of it is looked at. */
struct opening {
    struct verify_job job; /* first: the pool's callback casts back */
    struct tamga_node *node;
    const Tamga__V1__GetPayloadsResponse *response;
    struct opened {
        struct tamga_item item;
        enum tamga_err err;
    } *opened;
};

static bool open_one(struct verify_job *job, size_t index)
{
    struct opening *opening = (struct opening *)job;
    struct opened *opened = &opening->opened[index];

    opened->err = node_open_payload(opening->node, &opened->item,
                                    tamga_wire_span(opening->response->payloads[index]), NULL);
    return true;
}

static void opening_clear(struct opening *opening)
{
    for (size_t i = 0; opening->opened != NULL && i < opening->job.count; i++)
        tamga_item_clear(&opening->opened[i].item);
    free(opening->opened);
}

/* What a payload is found to be is the peer's answer for it; said in full only if bad. */
static enum tamga_err judge(struct opening *opening, size_t index,
                            const struct tamga_hash *asked, size_t count, size_t *place,
                            struct tamga_detail *detail)
{
    struct opened *opened = &opening->opened[index];

    if (opened->err != TAMGA_OK) {
        tamga_item_clear(&opened->item);
        opened->err =
            node_open_payload(opening->node, &opened->item,
                              tamga_wire_span(opening->response->payloads[index]), detail);
    }
    if (opened->err != TAMGA_OK)
        return opened->err;
    *place = sync_place(asked, count, &opened->item.id.hash);
    return *place < count ? TAMGA_OK
                          : tamga_refuse(detail, TAMGA_E_ID_MISMATCH,
                                         "an entry that was not asked for");
}

/* Given each payload of an answer, verified; takes the item on success. */
typedef enum tamga_err (*take_item)(struct peer *peer, struct tamga_item *item);

static enum tamga_err take_all(struct peer *peer, struct opening *opening,
                               const struct tamga_hash *asked, size_t count, take_item take,
                               bool *gave, struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < opening->job.count; i++) {
        size_t place = count;

        err = judge(opening, i, asked, count, &place, detail);
        if (err == TAMGA_OK)
            err = take(peer, &opening->opened[i].item);
        if (err == TAMGA_OK)
            gave[place] = true;
    }
    return err;
}

/* Ask for payloads, at most a page; gave says which came and were good. */
static enum tamga_err pull(struct peer *peer, const struct tamga_hash *id, size_t count,
                           take_item take, bool *gave, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {
        .channel = peer->channel,
        .deadline_ms = SYNC_CALL_MS + SYNC_ANSWER_BYTES / SYNC_BYTES_PER_MS};
    TAMGA_CLEANUP(opening_clear) struct opening opening = {
        .job.judge = open_one, .node = peer->node};
    Tamga__V1__GetPayloadsRequest request = TAMGA__V1__GET_PAYLOADS_REQUEST__INIT;
    ProtobufCBinaryData ids[SYNC_PENDING_PAGE];

    sync_lend(ids, id, count);
    request.chain = sync_chain(peer);
    request.n_ids = count;
    request.ids = ids;
    tamga__v1__chain_service__get_payloads(
        sync_service(&reply), &request,
        (Tamga__V1__GetPayloadsResponse_Closure)tamga_reply_take, &reply);
    if (reply.err != TAMGA_OK) {
        *detail = reply.detail;
        return reply.err;
    }
    opening.response = (const Tamga__V1__GetPayloadsResponse *)reply.message;
    if (opening.response->n_payloads > count)
        return tamga_refuse(detail, TAMGA_E_TOO_LARGE, "%zu payloads, %zu asked for",
                            opening.response->n_payloads, count);
    opening.opened = calloc(opening.response->n_payloads + 1, sizeof *opening.opened);
    if (opening.opened == NULL)
        return TAMGA_E_NO_MEMORY;
    opening.job.count = opening.response->n_payloads;
    (void)verify_pool_run(peer->node->sync->pool, &opening.job);
    return take_all(peer, &opening, id, count, take, gave, detail);
}

/* ---- that blocks commit to ---------------------------------------------------------- */

struct wanted {
    struct letter letter; /* first: the loop casts back */
    struct peer *peer;
    struct tamga_item item;
    struct tamga_entry_id id;
    size_t bytes;
};

static enum tamga_err wanted_run(struct tamga_node *node, struct letter *letter,
                                 uint64_t now_ms)
{
    return tamga_engine_add_payload(node->engine, &((struct wanted *)letter)->item, now_ms,
                                    &letter->detail);
}

static void wanted_done(struct tamga_node *node, struct letter *letter)
{
    struct wanted *wanted = (struct wanted *)letter;

    sync_leave(wanted->peer, &node->sync->payload, &wanted->id.hash, 0, wanted->bytes, letter);
    tamga_item_clear(&wanted->item);
    free(wanted);
}

static enum tamga_err post_wanted(struct peer *peer, struct tamga_item *item)
{
    struct wanted *wanted = calloc(1, sizeof *wanted);
    size_t bytes = sizeof *wanted + item->payload.len;
    enum tamga_err err = wanted == NULL ? TAMGA_E_NO_MEMORY : sync_enter(peer, 0, bytes);

    if (err != TAMGA_OK) {
        free(wanted);
        sync_give_up(peer, &peer->node->sync->payload, &item->id.hash);
        return err;
    }
    wanted->letter = (struct letter){.run = wanted_run, .done = wanted_done};
    wanted->peer = peer;
    wanted->id = item->id;
    wanted->bytes = bytes;
    tamga_item_move(&wanted->item, item);
    err = node_post(peer->node, &wanted->letter);
    if (err != TAMGA_OK) {
        wanted->letter.err = err;
        wanted_done(peer->node, &wanted->letter);
    }
    return err;
}

static enum tamga_err take_wanted(struct peer *peer, struct tamga_item *item)
{
    struct sync *sync = peer->node->sync;
    bool first;

    pthread_mutex_lock(&sync->lock);
    first = fetch_here(&sync->payload, &item->id.hash);
    pthread_mutex_unlock(&sync->lock);
    return first ? post_wanted(peer, item) : TAMGA_OK;
}

enum tamga_err payload_fetch(struct peer *peer, size_t *asked, struct tamga_detail *detail)
{
    struct sync *sync = peer->node->sync;
    struct tamga_hash id[SYNC_PAYLOADS_PAGE];
    bool gave[SYNC_PAYLOADS_PAGE] = {false};
    enum tamga_err err;

    *asked = sync_take(peer, &sync->payload, id, SYNC_PAYLOADS_PAGE, SYNC_ANSWER_BYTES);
    if (*asked == 0)
        return TAMGA_OK;
    err = pull(peer, id, *asked, take_wanted, gave, detail);
    sync_answered(peer, &sync->payload, id, *asked, gave, err == TAMGA_OK);
    return err;
}

/* ---- that wait at the peer ------------------------------------------------------------ */

static enum tamga_err take_pending(struct peer *peer, struct tamga_item *item)
{
    /* The loop's verdict on somebody else's waiting entry is no fault of this peer. */
    return tamga_node_submit(peer->node, item, NULL, NULL);
}

/* The ids of a page that are not here. *after becomes the page's last. */
static enum tamga_err missing_of(struct peer *peer,
                                 const Tamga__V1__GetPendingResponse *response,
                                 struct tamga_hash *missing, size_t *count,
                                 struct tamga_hash *after)
{
    if (response->n_ids > SYNC_PENDING_PAGE)
        return TAMGA_E_TOO_LARGE;
    for (size_t i = 0; i < response->n_ids; i++) {
        enum tamga_err err = tamga_hash_from(after, tamga_wire_span(response->ids[i]));

        if (err != TAMGA_OK)
            return err;
        if (!node_knows(peer->node, &(struct tamga_entry_id){*after}))
            missing[(*count)++] = *after;
    }
    return TAMGA_OK;
}

static enum tamga_err pending_page(struct peer *peer, struct tamga_hash *after, bool *more,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = peer->channel,
                                                                 .deadline_ms = SYNC_CALL_MS};
    Tamga__V1__GetPendingRequest request = TAMGA__V1__GET_PENDING_REQUEST__INIT;
    const Tamga__V1__GetPendingResponse *response;
    struct tamga_hash missing[SYNC_PENDING_PAGE];
    bool gave[SYNC_PENDING_PAGE];
    size_t count = 0;
    enum tamga_err err;

    request.chain = sync_chain(peer);
    if (!tamga_hash_is_zero(after))
        request.after = tamga_wire_bytes(tamga_hash_span(after));
    request.count_max = SYNC_PENDING_PAGE;
    tamga__v1__chain_service__get_pending(
        sync_service(&reply), &request,
        (Tamga__V1__GetPendingResponse_Closure)tamga_reply_take, &reply);
    if (reply.err != TAMGA_OK) {
        *detail = reply.detail;
        return reply.err;
    }
    response = (const Tamga__V1__GetPendingResponse *)reply.message;
    err = missing_of(peer, response, missing, &count, after);
    *more = response->more && response->n_ids > 0;
    return err == TAMGA_OK && count > 0 ? pull(peer, missing, count, take_pending, gave, detail)
                                        : err;
}

enum tamga_err pending_fetch(struct peer *peer, struct tamga_detail *detail)
{
    struct tamga_hash after = {{0}};
    bool more = true;
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0;
         err == TAMGA_OK && more && i < SYNC_PENDING_PAGES && !sync_stopping(peer); i++)
        err = pending_page(peer, &after, &more, detail);
    return err;
}
