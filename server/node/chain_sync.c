/*
 * Chain synchronization: a thread for each peer pulls what gossip did not bring. Headers
 * first; a body is asked for only once its header's work, schedule and seal were judged.
 * Then the entries that wait at the peer.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "node/node_internal.h"
#include "tamga/v1/chain_service.pb-c.h"

#define PULL_EVERY_MS   3000
#define AVOID_MS        30000 /* after a fault; doubles with each, up to 32 times */
#define HEADERS_PAGE    2000
#define HEADERS_AHEAD   8000 /* headers without bodies before bodies come first */
#define HEADERS_PAGES   64   /* of one round: a peer cannot hold us for ever */
#define BLOCKS_WANTED   1024 /* a branch whose bodies are withheld must not hide the others */
#define BLOCKS_PAGE     64
#define PENDING_PAGE    1024
#define PENDING_PAGES   64
#define CALL_MS         10000

/* ---- asking the loop -------------------------------------------------------------- */

struct plan {
    struct letter letter;
    struct tamga_block_id locator[TAMGA_LOCATOR_MAX];
    size_t locator_count;
    struct tamga_block_id block[BLOCKS_WANTED];
    size_t block_count;
    struct tamga_entry_id payload[PENDING_PAGE];
    size_t payload_count;
    struct tamga_u256 work; /* of our tip */
    struct tamga_block_id tip;
};

static enum tamga_err plan_run(struct tamga_node *node, struct letter *letter, uint64_t now_ms)
{
    struct plan *plan = (struct plan *)letter;

    (void)now_ms;
    plan->block_count = tamga_engine_wanted_blocks(node->engine, plan->block, BLOCKS_WANTED);
    plan->payload_count =
        tamga_engine_wanted_payloads(node->engine, plan->payload, PENDING_PAGE);
    plan->work = tamga_engine_tip(node->engine)->work;
    plan->tip = tamga_engine_tip(node->engine)->tip_id;
    return tamga_engine_locator(node->engine, plan->locator, &plan->locator_count);
}

static enum tamga_err make_plan(struct tamga_node *node, struct plan *plan)
{
    plan->letter.run = plan_run;
    return node_call(node, &plan->letter);
}

struct headers {
    struct letter letter;
    struct tamga_sealed *sealed;
    size_t count;
    size_t added;
};

static enum tamga_err headers_run(struct tamga_node *node, struct letter *letter,
                                  uint64_t now_ms)
{
    struct headers *headers = (struct headers *)letter;

    return tamga_engine_add_headers(node->engine, headers->sealed, headers->count, now_ms,
                                    &headers->added, &letter->detail);
}

struct body {
    struct letter letter;
    struct tamga_block block;
};

static enum tamga_err body_run(struct tamga_node *node, struct letter *letter, uint64_t now_ms)
{
    return tamga_engine_add_block(node->engine, &((struct body *)letter)->block, now_ms,
                                  &letter->detail);
}

struct wanted {
    struct letter letter;
    struct tamga_item item;
};

static enum tamga_err wanted_run(struct tamga_node *node, struct letter *letter,
                                 uint64_t now_ms)
{
    return tamga_engine_add_payload(node->engine, &((struct wanted *)letter)->item, now_ms,
                                    &letter->detail);
}

/* ---- asking the peer -------------------------------------------------------------- */

static ProtobufCBinaryData chain_bytes(const struct peer *peer)
{
    return tamga_wire_bytes(tamga_hash_span(&peer->node->chain->id.hash));
}

static ProtobufCService *service(struct tamga_reply *reply)
{
    return tamga_reply_service(reply, &tamga__v1__chain_service__descriptor);
}

/* Lend 32-byte ids to a request. */
static void lend_ids(ProtobufCBinaryData *out, const struct tamga_hash *id, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = tamga_wire_bytes(tamga_hash_span(&id[i]));
}

static bool among(const struct tamga_hash *list, size_t count, const struct tamga_hash *id)
{
    for (size_t i = 0; i < count; i++)
        if (tamga_hash_equal(&list[i], id))
            return true;
    return false;
}

/* The last header received goes first into the next locator: a fork deeper than a page
 * is walked along, whatever our own best chain is meanwhile. */
static void locate_from(struct plan *plan, const struct tamga_sealed *last)
{
    size_t keep = plan->locator_count < TAMGA_LOCATOR_MAX ? plan->locator_count
                                                          : TAMGA_LOCATOR_MAX - 1;

    memmove(plan->locator + 1, plan->locator, keep * sizeof plan->locator[0]);
    tamga_header_id(&plan->locator[0], &last->header);
    plan->locator_count = keep + 1;
}

/* One page of headers; then the plan's locator continues where it ended. */
static enum tamga_err pull_headers(struct peer *peer, struct plan *plan, size_t *added,
                                   size_t *received, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = peer->channel,
                                                                 .deadline_ms = CALL_MS};
    Tamga__V1__GetHeadersRequest request = TAMGA__V1__GET_HEADERS_REQUEST__INIT;
    const Tamga__V1__GetHeadersResponse *response;
    ProtobufCBinaryData locator[TAMGA_LOCATOR_MAX];
    struct headers headers = {.letter.run = headers_run};
    enum tamga_err err = TAMGA_OK;

    lend_ids(locator, &plan->locator[0].hash, plan->locator_count);
    request.chain = chain_bytes(peer);
    request.n_locator = plan->locator_count;
    request.locator = locator;
    request.count_max = HEADERS_PAGE;
    tamga__v1__chain_service__get_headers(
        service(&reply), &request, (Tamga__V1__GetHeadersResponse_Closure)tamga_reply_take,
        &reply);
    if (reply.err != TAMGA_OK)
        return reply.err;
    response = (const Tamga__V1__GetHeadersResponse *)reply.message;
    headers.sealed = calloc(response->n_headers + 1, sizeof *headers.sealed);
    if (headers.sealed == NULL)
        return TAMGA_E_NO_MEMORY;
    while (err == TAMGA_OK && headers.count < response->n_headers) {
        err = tamga_sealed_decode(&headers.sealed[headers.count],
                                  response->headers[headers.count]);
        headers.count += err == TAMGA_OK;
    }
    if (err == TAMGA_OK && headers.count > 0)
        err = node_call(peer->node, &headers.letter);
    if (err == TAMGA_OK && headers.count > 0)
        locate_from(plan, &headers.sealed[headers.count - 1]);
    *detail = headers.letter.detail;
    *added = headers.added;
    *received = headers.count;
    free(headers.sealed);
    return err;
}

static enum tamga_err take_body(struct peer *peer, const Tamga__V1__Block *untrusted,
                                const struct tamga_block_id *asked, size_t asked_count,
                                struct tamga_detail *detail)
{
    struct body body = {.letter.run = body_run};
    struct tamga_block_id id;
    enum tamga_err err = tamga_block_decode(&body.block, untrusted, true);

    if (err == TAMGA_OK) {
        tamga_header_id(&id, &body.block.sealed.header);
        if (!among(&asked[0].hash, asked_count, &id.hash))
            err = TAMGA_E_BLOCK_ID_MISMATCH;
    }
    if (err == TAMGA_OK)
        err = node_call(peer->node, &body.letter);
    *detail = body.letter.detail;
    tamga_block_clear(&body.block);
    return err;
}

/* Some of the plan's bodies, from `first` on: those that the peer has. */
static enum tamga_err pull_page(struct peer *peer, const struct plan *plan, size_t first,
                                size_t *got, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = peer->channel,
                                                                 .deadline_ms = CALL_MS};
    Tamga__V1__GetBlocksRequest request = TAMGA__V1__GET_BLOCKS_REQUEST__INIT;
    const Tamga__V1__GetBlocksResponse *response;
    ProtobufCBinaryData ids[BLOCKS_PAGE];
    size_t left = plan->block_count - first, count = left < BLOCKS_PAGE ? left : BLOCKS_PAGE;
    enum tamga_err err = TAMGA_OK;

    lend_ids(ids, &plan->block[first].hash, count);
    request.chain = chain_bytes(peer);
    request.n_ids = count;
    request.ids = ids;
    tamga__v1__chain_service__get_blocks(
        service(&reply), &request, (Tamga__V1__GetBlocksResponse_Closure)tamga_reply_take,
        &reply);
    if (reply.err != TAMGA_OK)
        return reply.err;
    response = (const Tamga__V1__GetBlocksResponse *)reply.message;
    if (response->n_blocks > count)
        return TAMGA_E_BLOCK_ID_MISMATCH;
    for (*got = 0; err == TAMGA_OK && *got < response->n_blocks; ++*got)
        err = take_body(peer, response->blocks[*got], &plan->block[first], count, detail);
    return err;
}

/* The first of the wanted bodies that this peer has. */
static enum tamga_err pull_bodies(struct peer *peer, const struct plan *plan, size_t *got,
                                  struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_OK;

    *got = 0;
    for (size_t first = 0; err == TAMGA_OK && *got == 0 && first < plan->block_count;
         first += BLOCKS_PAGE)
        err = pull_page(peer, plan, first, got, detail);
    return err;
}

/* Fetch payloads by id; each is decoded and verified here, then given to `take`. */
typedef enum tamga_err (*take_item)(struct peer *peer, struct tamga_item *item);

static enum tamga_err pull_payloads(struct peer *peer, const struct tamga_entry_id *id,
                                    size_t count, take_item take, size_t *got,
                                    struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = peer->channel,
                                                                 .deadline_ms = CALL_MS};
    Tamga__V1__GetPayloadsRequest request = TAMGA__V1__GET_PAYLOADS_REQUEST__INIT;
    const Tamga__V1__GetPayloadsResponse *response;
    ProtobufCBinaryData ids[PENDING_PAGE];
    enum tamga_err err = TAMGA_OK;

    lend_ids(ids, &id[0].hash, count);
    request.chain = chain_bytes(peer);
    request.n_ids = count;
    request.ids = ids;
    tamga__v1__chain_service__get_payloads(
        service(&reply), &request, (Tamga__V1__GetPayloadsResponse_Closure)tamga_reply_take,
        &reply);
    if (reply.err != TAMGA_OK)
        return reply.err;
    response = (const Tamga__V1__GetPayloadsResponse *)reply.message;
    if (response->n_payloads > count)
        return TAMGA_E_TOO_LARGE;
    for (*got = 0; err == TAMGA_OK && *got < response->n_payloads; ++*got) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};

        err = node_open_payload(peer->node, &item,
                                tamga_wire_span(response->payloads[*got]), detail);
        if (err == TAMGA_OK && !among(&id[0].hash, count, &item.id.hash))
            err = tamga_refuse(detail, TAMGA_E_ID_MISMATCH, "an entry that was not asked for");
        if (err == TAMGA_OK)
            err = take(peer, &item);
    }
    return err;
}

static enum tamga_err take_wanted(struct peer *peer, struct tamga_item *item)
{
    struct wanted wanted = {.letter.run = wanted_run};
    enum tamga_err err;

    tamga_item_move(&wanted.item, item);
    err = node_call(peer->node, &wanted.letter);
    tamga_item_clear(&wanted.item);
    return err;
}

static enum tamga_err take_pending(struct peer *peer, struct tamga_item *item)
{
    /* The loop's verdict on somebody else's waiting entry is no fault of this peer. */
    return tamga_node_submit(peer->node, item, NULL, NULL);
}

/* ---- rounds ---------------------------------------------------------------------- */

static bool stopping(const struct peer *peer)
{
    return atomic_load(&peer->node->stopping);
}

/* Headers until the peer has no more, or enough to go on with bodies. */
static enum tamga_err headers_round(struct peer *peer, struct plan *plan,
                                    struct tamga_detail *detail)
{
    size_t ahead = 0, added = 0, received = HEADERS_PAGE;
    enum tamga_err err = make_plan(peer->node, plan);

    for (size_t page = 0; err == TAMGA_OK && received == HEADERS_PAGE &&
                          ahead < HEADERS_AHEAD && page < HEADERS_PAGES && !stopping(peer);
         page++) {
        err = pull_headers(peer, plan, &added, &received, detail);
        ahead += added;
    }
    return err;
}

/* Bodies and payloads until nothing is wanted, or this peer has none of it. */
static enum tamga_err bodies_round(struct peer *peer, struct plan *plan,
                                   struct tamga_detail *detail)
{
    enum tamga_err err = make_plan(peer->node, plan);

    while (err == TAMGA_OK && (plan->block_count > 0 || plan->payload_count > 0) &&
           !stopping(peer)) {
        size_t payloads = 0, bodies = 0;

        if (plan->payload_count > 0)
            err = pull_payloads(peer, plan->payload, plan->payload_count, take_wanted,
                                &payloads, detail);
        if (err == TAMGA_OK && payloads == 0)
            err = pull_bodies(peer, plan, &bodies, detail);
        if (err == TAMGA_OK && payloads == 0 && bodies == 0)
            return TAMGA_E_NOT_FOUND; /* another peer may have it */
        if (err == TAMGA_OK)
            err = make_plan(peer->node, plan);
    }
    return err;
}

static void free_plan(struct plan **plan)
{
    free(*plan);
}

/* The peer claims a better chain: let it show it. Every round but the last moves our tip. */
static enum tamga_err chain_round(struct peer *peer, const struct tamga_u256 *claimed,
                                  struct tamga_detail *detail)
{
    TAMGA_CLEANUP(free_plan) struct plan *plan = calloc(1, sizeof *plan);
    enum tamga_err err = plan == NULL ? TAMGA_E_NO_MEMORY : make_plan(peer->node, plan);

    while (err == TAMGA_OK && !stopping(peer) &&
           tamga_u256_compare(&plan->work, claimed) <= 0) {
        bool more = tamga_u256_compare(&plan->work, claimed) < 0;
        struct tamga_block_id before = plan->tip;

        err = headers_round(peer, plan, detail);
        if (err == TAMGA_OK)
            err = bodies_round(peer, plan, detail);
        if (err == TAMGA_OK)
            err = make_plan(peer->node, plan);
        if (err != TAMGA_OK || !tamga_hash_equal(&before.hash, &plan->tip.hash))
            continue;
        if (more)
            err = tamga_refuse(detail, TAMGA_E_PEER_LIED,
                               "its status claims more work than its headers and blocks have");
        break;
    }
    return err;
}

static enum tamga_err pending_page(struct peer *peer, struct tamga_entry_id *after, bool *more,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = peer->channel,
                                                                 .deadline_ms = CALL_MS};
    Tamga__V1__GetPendingRequest request = TAMGA__V1__GET_PENDING_REQUEST__INIT;
    const Tamga__V1__GetPendingResponse *response;
    struct tamga_entry_id missing[PENDING_PAGE];
    size_t count = 0, got;

    request.chain = chain_bytes(peer);
    if (!tamga_hash_is_zero(&after->hash))
        request.after = tamga_wire_bytes(tamga_hash_span(&after->hash));
    request.count_max = PENDING_PAGE;
    tamga__v1__chain_service__get_pending(
        service(&reply), &request, (Tamga__V1__GetPendingResponse_Closure)tamga_reply_take,
        &reply);
    if (reply.err != TAMGA_OK)
        return reply.err;
    response = (const Tamga__V1__GetPendingResponse *)reply.message;
    if (response->n_ids > PENDING_PAGE)
        return TAMGA_E_TOO_LARGE;
    for (size_t i = 0; i < response->n_ids; i++) {
        enum tamga_err err = tamga_hash_from(&after->hash, tamga_wire_span(response->ids[i]));

        if (err != TAMGA_OK)
            return err;
        if (!node_knows(peer->node, after))
            missing[count++] = *after;
    }
    *more = response->more && response->n_ids > 0;
    return count == 0 ? TAMGA_OK
                      : pull_payloads(peer, missing, count, take_pending, &got, detail);
}

static enum tamga_err pending_round(struct peer *peer, struct tamga_detail *detail)
{
    struct tamga_entry_id after = {0};
    bool more = true;
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && more && i < PENDING_PAGES && !stopping(peer); i++)
        err = pending_page(peer, &after, &more, detail);
    return err;
}

static enum tamga_err round_with(struct peer *peer, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = peer->channel,
                                                                 .deadline_ms = 3000};
    Tamga__V1__GetStatusRequest request = TAMGA__V1__GET_STATUS_REQUEST__INIT;
    struct tamga_u256 work;
    bool better = false;
    enum tamga_err err;

    request.chain = chain_bytes(peer);
    tamga__v1__chain_service__get_status(
        service(&reply), &request, (Tamga__V1__GetStatusResponse_Closure)tamga_reply_take,
        &reply);
    if (reply.err != TAMGA_OK)
        return reply.err;
    err = status_judge(peer->node, ((Tamga__V1__GetStatusResponse *)reply.message)->status,
                       &better, &work, detail);
    if (err == TAMGA_OK && better && pthread_mutex_trylock(&peer->node->sync_lock) == 0) {
        err = chain_round(peer, &work, detail);
        pthread_mutex_unlock(&peer->node->sync_lock);
    }
    if (err == TAMGA_OK && peer->node->options.mine)
        err = pending_round(peer, detail);
    return err;
}

/* A peer that breaks a rule is left alone for a while, longer each time. */
static void account(struct peer *peer, enum tamga_err err, const struct tamga_detail *detail)
{
    bool reached = err != TAMGA_E_UNREACHABLE && err != TAMGA_E_DEADLINE;

    if (reached != peer->reachable)
        tamga_log(TAMGA_LOG_INFO, reached ? "peer.up" : "peer.down", "%s", peer->addr.rpc);
    peer->reachable = reached;
    if (err == TAMGA_E_TIME_TOO_NEW) /* whoever mined it, or we: waiting helps */
        tamga_log(TAMGA_LOG_WARN, "clock.differs",
                  "a block that %s shows is ahead of this machine's clock: %s; check both",
                  peer->addr.rpc, detail->text);
    if (tamga_err_class(err) != TAMGA_CLASS_REJECT || err == TAMGA_E_NOT_FOUND ||
        err == TAMGA_E_TIME_TOO_NEW) {
        if (err == TAMGA_OK)
            peer->faults = 0;
        return;
    }
    peer->avoid_until_ms =
        tamga_wall_ms() + (AVOID_MS << (peer->faults < 5 ? peer->faults : 5));
    peer->faults++;
    tamga_log(TAMGA_LOG_WARN, "peer.refused", "%s: %s (%s) %s", peer->addr.rpc,
              tamga_err_text(err), tamga_err_name(err), detail->text);
}

static void wait_for_poke(struct peer *peer, uint64_t *poke_seen)
{
    struct tamga_node *node = peer->node;
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PULL_EVERY_MS / 1000;
    pthread_mutex_lock(&node->poke_lock);
    while (node->poke_number == *poke_seen && !stopping(peer))
        if (pthread_cond_timedwait(&node->poke, &node->poke_lock, &until) == ETIMEDOUT)
            break;
    *poke_seen = node->poke_number;
    pthread_mutex_unlock(&node->poke_lock);
}

static void *peer_main(void *context)
{
    struct peer *peer = context;
    uint64_t poke_seen = 0;

    while (!stopping(peer)) {
        if (tamga_wall_ms() >= peer->avoid_until_ms) {
            struct tamga_detail detail = {{0}};

            account(peer, round_with(peer, &detail), &detail);
        }
        wait_for_poke(peer, &poke_seen);
    }
    return NULL;
}

void sync_poke(struct tamga_node *node)
{
    pthread_mutex_lock(&node->poke_lock);
    node->poke_number++;
    pthread_cond_broadcast(&node->poke);
    pthread_mutex_unlock(&node->poke_lock);
}

enum tamga_err sync_start(struct tamga_node *node, struct tamga_detail *detail)
{
    for (size_t i = 0; i < node->options.peer_count; i++) {
        struct peer *peer = &node->peer[i];
        enum tamga_err err;

        peer->node = node;
        peer->addr = node->options.peer[i];
        err = tamga_channel_open(&peer->channel, peer->addr.rpc, detail);
        if (err != TAMGA_OK)
            return err;
        node->peer_count = i + 1;
        if (pthread_create(&peer->thread, NULL, peer_main, peer) != 0)
            return TAMGA_E_SYSTEM;
        peer->running = true;
    }
    return TAMGA_OK;
}

void sync_stop(struct tamga_node *node)
{
    sync_poke(node);
    for (size_t i = 0; i < node->peer_count; i++) {
        if (node->peer[i].running)
            pthread_join(node->peer[i].thread, NULL);
        node->peer[i].running = false;
        tamga_channel_close(node->peer[i].channel);
        node->peer[i].channel = NULL;
    }
}
