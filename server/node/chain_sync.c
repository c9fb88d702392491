/*
 * Chain synchronization: a thread for each peer pulls what gossip did not bring. Headers
 * first, from one peer at a time; a body is asked for only once its header's work, schedule
 * and seal were judged, and then of whoever has it. Then what the peer knows of finality,
 * and the entries that wait there. What a round has cost or brought is the peer's score.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "net/clock.h"
#include "node/sync.h"
#include "tamga/v1/chain_service.pb-c.h"

/* ---- status ------------------------------------------------------------------------ */

static bool is_known(const struct peer *peer, struct tamga_span id)
{
    const struct tamga_view *view = &peer->node->options.store->reader.view;
    struct tamga_stored_header stored;
    struct tamga_block_id at;

    return tamga_hash_from(&at.hash, id) == TAMGA_OK &&
           tamga_query_header(view, &at, &stored) == TAMGA_OK;
}

/* What a status that was judged claims besides its work: the tip, and a justified block. If
 * that is not known here, its chain counts whatever its work is. */
static enum tamga_err read_claim(const struct peer *peer, struct claim *claim,
                                 const Tamga__V1__Signed *judged, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StatusBody *body = NULL;
    enum tamga_err err =
        tamga_wire_unpack((ProtobufCMessage **)&body, &tamga__v1__status_body__descriptor,
                          TAMGA_WIRE_LOOSE, tamga_wire_span(judged->body), detail);

    if (err != TAMGA_OK)
        return err;
    claim->better = claim->better || (body->justified.len > 0 &&
                                      !is_known(peer, tamga_wire_span(body->justified)));
    return tamga_hash_from(&claim->tip.hash, tamga_wire_span(body->tip));
}

static enum tamga_err ask_status(struct peer *peer, struct claim *claim,
                                 struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {
        .channel = peer->channel, .deadline_ms = SYNC_STATUS_MS};
    Tamga__V1__GetStatusRequest request = TAMGA__V1__GET_STATUS_REQUEST__INIT;
    const Tamga__V1__Signed *status;
    enum tamga_err err;

    *claim = (struct claim){0};
    request.chain = sync_chain(peer);
    tamga__v1__chain_service__get_status(
        sync_service(&reply), &request, (Tamga__V1__GetStatusResponse_Closure)tamga_reply_take,
        &reply);
    if (reply.err != TAMGA_OK) {
        *detail = reply.detail;
        return reply.err;
    }
    status = ((const Tamga__V1__GetStatusResponse *)reply.message)->status;
    err = status_judge(peer->node, status, &claim->better, &claim->work, detail);
    return err == TAMGA_OK ? read_claim(peer, claim, status, detail) : err;
}

/* ---- bodies and payloads ------------------------------------------------------------ */

/* What the last round found lacking may be here now. */
static void begin_bodies(struct peer *peer)
{
    struct sync *sync = peer->node->sync;

    pthread_mutex_lock(&sync->lock);
    fetch_round(&sync->block, peer->number);
    fetch_round(&sync->payload, peer->number);
    pthread_mutex_unlock(&sync->lock);
}

/* Bodies and payloads until nothing is wanted that this peer has. */
static enum tamga_err bodies_round(struct peer *peer, struct tamga_detail *detail)
{
    uint64_t idle_ms = 0;
    enum tamga_err err;

    begin_bodies(peer);
    err = sync_ask_loop(peer->node);
    while (err == TAMGA_OK && !sync_stopping(peer)) {
        size_t asked = 0;

        err = payload_fetch(peer, &asked, detail);
        if (err == TAMGA_OK && asked == 0)
            err = block_fetch(peer, &asked, detail);
        if (asked > 0)
            idle_ms = 0;
        else if (err == TAMGA_OK && !sync_wait(peer, &idle_ms, &err))
            break;
    }
    return sync_settle(peer, err, detail);
}

/* The peer claims a better chain: let it show it. Every turn but the last moves our tip. */
static enum tamga_err chain_round(struct peer *peer, struct claim *claim,
                                  struct tamga_detail *detail)
{
    const struct tamga_view *view = &peer->node->options.store->reader.view;
    struct tamga_block_id before, after;
    enum tamga_err err = tamga_query_tip(view, &after);

    do {
        before = after;
        if (err == TAMGA_OK)
            err = header_fetch(peer, claim, detail);
        if (err == TAMGA_OK)
            err = bodies_round(peer, detail);
        if (err == TAMGA_OK)
            err = tamga_query_tip(view, &after);
    } while (err == TAMGA_OK && !claim->complete && !sync_stopping(peer) &&
             !tamga_hash_equal(&before.hash, &after.hash));
    return err;
}

/* ---- was it as the peer claimed? ------------------------------------------------------ */

static bool claims_more(const struct peer *peer, struct claim *claim)
{
    const struct tamga_view *view = &peer->node->options.store->reader.view;
    struct tamga_block_id ours;

    if (tamga_query_tip(view, &ours) == TAMGA_OK)
        sync_more_work(peer, &ours, &claim->shown);
    sync_more_work(peer, &claim->tip, &claim->shown);
    return claim->better && claim->complete &&
           tamga_u256_compare(&claim->work, &claim->shown) > 0;
}

static bool lacks_any(const struct peer *peer)
{
    struct sync *sync = peer->node->sync;
    bool any = false;

    pthread_mutex_lock(&sync->lock);
    for (size_t i = 0; i < sync->block.count && !any; i++)
        any = fetch_is_lacked(&sync->block, peer->number, &sync->block.fetch[i].id);
    pthread_mutex_unlock(&sync->lock);
    return any;
}

static bool lacks_this(const struct peer *peer, const struct tamga_block_id *id)
{
    struct sync *sync = peer->node->sync;
    bool lacks;

    pthread_mutex_lock(&sync->lock);
    lacks = fetch_is_lacked(&sync->block, peer->number, &id->hash);
    pthread_mutex_unlock(&sync->lock);
    return lacks;
}

/* Was the peer asked in vain for a body of the chain that it claims, or of that which it
 * showed? *out: for which. */
static bool keeps_back(struct peer *peer, const struct claim *claim, struct tamga_block_id *out)
{
    const struct tamga_view *view = &peer->node->options.store->reader.view;
    struct tamga_stored_header stored;
    struct tamga_block_id best;

    if (!lacks_any(peer))
        return false;
    *out = tamga_query_header(view, &claim->tip, &stored) == TAMGA_OK ? claim->tip
                                                                      : claim->last;
    for (size_t n = 0; n < TAMGA_BRANCH_BLOCKS_MAX; n++) {
        if (lacks_this(peer, out))
            return true;
        if (tamga_query_header(view, out, &stored) != TAMGA_OK ||
            (tamga_query_id_at(view, stored.sealed.header.height, &best) == TAMGA_OK &&
             tamga_hash_equal(&best.hash, &out->hash)))
            return false;
        *out = stored.sealed.header.parent;
    }
    return false;
}

/* Judged last: another round's worth of headers, bodies and votes may have explained it. A
 * claim is asked for again before it is called a lie: chains move. */
static enum tamga_err judge_claim(struct peer *peer, struct claim *claim,
                                  struct tamga_detail *detail)
{
    struct claim again;
    struct tamga_block_id id;
    enum tamga_err err = TAMGA_OK;

    if (claims_more(peer, claim)) {
        err = ask_status(peer, &again, detail);
        if (err == TAMGA_OK && tamga_u256_compare(&again.work, &claim->work) >= 0)
            return tamga_refuse(detail, TAMGA_E_PEER_LIED,
                                "its status claims more work than its headers have");
    }
    if (err == TAMGA_OK && claim->better && keeps_back(peer, claim, &id)) {
        char hex[TAMGA_HEX_CHARS];

        tamga_to_hex(hex, id.hash.byte, TAMGA_HASH_BYTES);
        return tamga_refuse(detail, TAMGA_E_NOT_FOUND,
                            "it does not give block %s of the chain that it claims", hex);
    }
    return err;
}

/* ---- rounds ---------------------------------------------------------------------- */

/* Votes may make another branch the best one, whose bodies nobody wanted before. */
static enum tamga_err finality_round(struct peer *peer, struct tamga_detail *detail)
{
    enum tamga_err err = finality_pull(peer, detail);

    return err == TAMGA_OK ? bodies_round(peer, detail) : err;
}

static enum tamga_err round_with(struct peer *peer, struct tamga_detail *detail)
{
    struct claim claim;
    struct tamga_detail of_finality = {{0}};
    enum tamga_err err = ask_status(peer, &claim, detail), finality;

    if (err == TAMGA_OK && claim.better)
        err = chain_round(peer, &claim, detail);
    if (err != TAMGA_OK)
        return err;
    finality = finality_round(peer, &of_finality);
    err = judge_claim(peer, &claim, detail);
    if (err == TAMGA_OK && finality != TAMGA_OK) {
        *detail = of_finality;
        return finality;
    }
    if (err == TAMGA_OK && peer->node->options.mine)
        err = pending_fetch(peer, detail);
    return err;
}

static void tell_reachable(struct peer *peer, enum tamga_err err)
{
    bool reached = err != TAMGA_E_UNREACHABLE && err != TAMGA_E_DEADLINE;

    if (reached != peer->reachable)
        tamga_log(TAMGA_LOG_INFO, reached ? "peer.up" : "peer.down", "%s", peer->addr.rpc);
    peer->reachable = reached;
}

/* A peer that breaks rules or wastes time is left alone for a while, longer each time. */
static void account(struct peer *peer, enum tamga_err err, const struct tamga_detail *detail)
{
    struct sync *sync = peer->node->sync;
    struct peer_score *score = &peer->score;
    uint64_t avoid_ms;

    pthread_mutex_lock(&sync->lock);
    avoid_ms = peer_score_round(score, err, peer->given, tamga_net_now_ms());
    peer->given = 0;
    pthread_mutex_unlock(&sync->lock);
    if (sync_stopping(peer))
        return;
    tell_reachable(peer, err);
    if (avoid_ms > 0)
        tamga_log(TAMGA_LOG_WARN, "peer.dropped",
                  "%s for %llu s: %s (%s) %s; %u points, rules broken %u times, time wasted "
                  "%u times, %llu bodies given",
                  peer->addr.rpc, (unsigned long long)avoid_ms / 1000, tamga_err_text(err),
                  tamga_err_name(err), detail->text, score->points, score->broken,
                  score->wasted, (unsigned long long)score->given);
    else if (peer_fault_of(err) != PEER_NO_FAULT)
        tamga_log(TAMGA_LOG_INFO, "peer.wasteful", "%s: %s (%s) %s; %u of %u points",
                  peer->addr.rpc, tamga_err_text(err), tamga_err_name(err), detail->text,
                  score->points, TAMGA_SCORE_AVOIDED);
    else if (err != TAMGA_OK)
        tamga_log(TAMGA_LOG_DEBUG, "peer.round", "%s: %s (%s) %s", peer->addr.rpc,
                  tamga_err_text(err), tamga_err_name(err), detail->text);
}

static void wait_for_poke(struct peer *peer, uint64_t *poke_seen)
{
    struct tamga_node *node = peer->node;
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SYNC_EVERY_MS / 1000;
    pthread_mutex_lock(&node->poke_lock);
    while (node->poke_number == *poke_seen && !sync_stopping(peer))
        if (pthread_cond_timedwait(&node->poke, &node->poke_lock, &until) == ETIMEDOUT)
            break;
    *poke_seen = node->poke_number;
    pthread_mutex_unlock(&node->poke_lock);
}

static void *peer_main(void *context)
{
    struct peer *peer = context;
    uint64_t poke_seen = 0;

    while (!sync_stopping(peer)) {
        if (tamga_net_now_ms() >= peer->score.avoid_until_ms) {
            struct tamga_detail detail = {{0}};
            enum tamga_err err = round_with(peer, &detail);

            account(peer, err, &detail);
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
    enum tamga_err err = sync_open(node);

    for (size_t i = 0; err == TAMGA_OK && i < node->options.peer_count; i++) {
        struct peer *peer = &node->peer[i];

        peer->node = node;
        peer->number = (uint32_t)i;
        peer->addr = node->options.peer[i];
        err = tamga_channel_open_link(&peer->channel, peer->addr.rpc, node->options.link, detail);
        if (err != TAMGA_OK)
            return err;
        node->peer_count = i + 1;
        if (pthread_create(&peer->thread, NULL, peer_main, peer) != 0)
            return TAMGA_E_SYSTEM;
        peer->running = true;
    }
    return err;
}

/* Wake all who wait, and end the calls of those who wait for a peer. */
static void call_off(struct tamga_node *node)
{
    sync_poke(node);
    if (node->sync != NULL) {
        pthread_mutex_lock(&node->sync->lock);
        pthread_cond_broadcast(&node->sync->changed);
        pthread_mutex_unlock(&node->sync->lock);
    }
    for (size_t i = 0; i < node->peer_count; i++)
        tamga_channel_stop(node->peer[i].channel);
}

void sync_stop(struct tamga_node *node)
{
    call_off(node);
    for (size_t i = 0; i < node->peer_count; i++) {
        if (node->peer[i].running)
            pthread_join(node->peer[i].thread, NULL);
        node->peer[i].running = false;
        tamga_channel_close(node->peer[i].channel);
        node->peer[i].channel = NULL;
    }
    sync_close(node); /* every round has ended: nothing of it is under way */
}
