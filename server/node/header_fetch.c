/*
 * Headers: from one peer at a time, page by page from where our chains part. Each is judged
 * by the engine, its work, schedule and seal, before anybody is asked for a body.
 */
#include <stdlib.h>

#include "base/log.h"
#include "net/clock.h"
#include "node/sync.h"
#include "tamga/v1/chain_service.pb-c.h"

/* ---- pages -------------------------------------------------------------------------- */

struct locator {
    struct letter letter;
    struct tamga_block_id id[TAMGA_LOCATOR_MAX];
    size_t count;
};

static enum tamga_err locator_run(struct tamga_node *node, struct letter *letter,
                                  uint64_t now_ms)
{
    struct locator *locator = (struct locator *)letter;

    (void)now_ms;
    return tamga_engine_locator(node->engine, locator->id, &locator->count);
}

/* The last header received goes first into the next locator: a fork deeper than a page
 * is walked along, whatever our own best chain is meanwhile. */
static void locate_from(struct locator *locator, const struct tamga_block_id *last)
{
    size_t keep = locator->count < TAMGA_LOCATOR_MAX ? locator->count : TAMGA_LOCATOR_MAX - 1;

    memmove(locator->id + 1, locator->id, keep * sizeof locator->id[0]);
    locator->id[0] = *last;
    locator->count = keep + 1;
}

struct headers {
    struct letter letter;
    struct tamga_sealed *sealed;
    size_t count;
    size_t added;
    bool cut; /* before one whose miner is not known here yet */
};

static enum tamga_err headers_run(struct tamga_node *node, struct letter *letter,
                                  uint64_t now_ms)
{
    struct headers *headers = (struct headers *)letter;

    return tamga_engine_add_headers(node->engine, headers->sealed, headers->count, now_ms,
                                    &headers->added, &letter->detail);
}

static void headers_clear(struct headers *headers)
{
    free(headers->sealed);
}

/* Waiting helps, if it is not our clock that is wrong: whoever looks after it must know. */
static void tell_clock(const struct peer *peer, const struct headers *headers)
{
    const struct tamga_params *params = &peer->node->chain->params;
    uint64_t now_ms = tamga_wall_ms();

    for (size_t i = 0; i < headers->count; i++) {
        const struct tamga_header *header = &headers->sealed[i].header;

        if (header->time_ms <= now_ms + params->drift_ms)
            continue;
        tamga_log(TAMGA_LOG_WARN, "peer.clock",
                  "%s shows block %llu, whose time is %llu ms ahead of this machine's clock; "
                  "%u ms are allowed: check both (%s)",
                  peer->addr.rpc, (unsigned long long)header->height,
                  (unsigned long long)(header->time_ms - now_ms), params->drift_ms,
                  tamga_err_name(TAMGA_E_TIME_TOO_NEW));
        return;
    }
}

static enum tamga_err judge_headers(struct peer *peer, struct headers *headers,
                                    const Tamga__V1__GetHeadersResponse *response,
                                    struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_OK;

    headers->sealed = calloc(response->n_headers + 1, sizeof *headers->sealed);
    if (headers->sealed == NULL)
        return TAMGA_E_NO_MEMORY;
    while (err == TAMGA_OK && headers->count < response->n_headers) {
        err = tamga_sealed_decode(&headers->sealed[headers->count],
                                  response->headers[headers->count]);
        headers->count += err == TAMGA_OK;
    }
    /* From here on bodies have to say first who that is. */
    for (size_t i = 0; i < headers->count && !headers->cut; i++)
        if (tamga_network_member(peer->node->chain->network,
                                 &headers->sealed[i].header.miner) == NULL) {
            headers->count = i;
            headers->cut = true;
        }
    if (err != TAMGA_OK || headers->count == 0)
        return err;
    headers->letter.run = headers_run;
    err = node_call(peer->node, &headers->letter);
    *detail = headers->letter.detail;
    if (err == TAMGA_E_TIME_TOO_NEW)
        tell_clock(peer, headers);
    return err;
}

void sync_more_work(const struct peer *peer, const struct tamga_block_id *id,
                      struct tamga_u256 *work)
{
    const struct tamga_view *view = &peer->node->options.store->reader.view;
    struct tamga_stored_header stored;

    if (tamga_query_header(view, id, &stored) == TAMGA_OK &&
        tamga_u256_compare(&stored.work, work) > 0)
        *work = stored.work;
}

/* One page of headers; then the locator continues where it ended. */
static enum tamga_err pull_headers(struct peer *peer, struct locator *locator,
                                   struct claim *claim, size_t *added, size_t *received,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = peer->channel,
                                                                 .deadline_ms = SYNC_CALL_MS};
    TAMGA_CLEANUP(headers_clear) struct headers headers = {0};
    Tamga__V1__GetHeadersRequest request = TAMGA__V1__GET_HEADERS_REQUEST__INIT;
    ProtobufCBinaryData ids[TAMGA_LOCATOR_MAX];
    enum tamga_err err;

    sync_lend(ids, &locator->id[0].hash, locator->count);
    request.chain = sync_chain(peer);
    request.n_locator = locator->count;
    request.locator = ids;
    request.count_max = SYNC_HEADERS_PAGE;
    tamga__v1__chain_service__get_headers(
        sync_service(&reply), &request, (Tamga__V1__GetHeadersResponse_Closure)tamga_reply_take,
        &reply);
    if (reply.err != TAMGA_OK) {
        *detail = reply.detail;
        return reply.err;
    }
    err = judge_headers(peer, &headers, (Tamga__V1__GetHeadersResponse *)reply.message, detail);
    *added = headers.added;
    *received = headers.count;
    claim->cut = headers.cut;
    if (err != TAMGA_OK || headers.count == 0)
        return err;
    tamga_header_id(&claim->last, &headers.sealed[headers.count - 1].header);
    locate_from(locator, &claim->last);
    sync_more_work(peer, &claim->last, &claim->shown);
    return TAMGA_OK;
}

/* ---- turns -------------------------------------------------------------------------- */

/* One peer at a time brings headers, as long as it brings any: the same ones from all of
 * them would only cost. A slow one keeps nobody waiting for long. */
static void take_turn(struct peer *peer)
{
    struct sync *sync = peer->node->sync;
    uint64_t until_ms = tamga_net_now_ms() + SYNC_TURN_MS;

    pthread_mutex_lock(&sync->lock);
    while (sync->turn != NULL && tamga_net_now_ms() < sync->turn_until_ms &&
           !sync_stopping(peer))
        if (tamga_net_cond_wait(&sync->changed, &sync->lock, until_ms) != 0)
            break;
    sync->turn = peer;
    sync->turn_until_ms = tamga_net_now_ms() + SYNC_TURN_MS;
    pthread_mutex_unlock(&sync->lock);
}

static void go_on_with_turn(struct peer *peer, bool over)
{
    struct sync *sync = peer->node->sync;

    pthread_mutex_lock(&sync->lock);
    if (sync->turn == peer) {
        sync->turn = over ? NULL : peer;
        sync->turn_until_ms = tamga_net_now_ms() + SYNC_TURN_MS;
    }
    pthread_cond_broadcast(&sync->changed);
    pthread_mutex_unlock(&sync->lock);
}

enum tamga_err header_fetch(struct peer *peer, struct claim *claim,
                            struct tamga_detail *detail)
{
    struct locator locator = {.letter.run = locator_run};
    size_t ahead = 0, received = SYNC_HEADERS_PAGE;
    enum tamga_err err;

    claim->cut = false;
    take_turn(peer);
    err = node_call(peer->node, &locator.letter);
    for (size_t page = 0; err == TAMGA_OK && received == SYNC_HEADERS_PAGE && !claim->cut &&
                          ahead < SYNC_HEADERS_AHEAD && page < SYNC_HEADERS_PAGES &&
                          !sync_stopping(peer);
         page++) {
        size_t added = 0;

        err = pull_headers(peer, &locator, claim, &added, &received, detail);
        ahead += added;
        if (added > 0)
            go_on_with_turn(peer, false);
    }
    go_on_with_turn(peer, true);
    claim->complete = err == TAMGA_OK && received < SYNC_HEADERS_PAGE && !claim->cut;
    return err;
}
