/*
 * Bodies: asked of a peer by id once their headers were judged, held against the header
 * that named them, verified beside the loop, and posted to it without waiting. A body that
 * fits its header is what the miner made: what is wrong inside is not the peer's fault.
 */
#include <stdlib.h>

#include "node/sync.h"
#include "tamga/v1/chain_service.pb-c.h"

/* A body on its way: through the pool, then through the loop. */
struct fetched {
    struct letter letter; /* first: the loop casts back */
    struct verify_job job;
    struct peer *peer;
    struct tamga_block block;
    struct tamga_block_id id;
    size_t bytes; /* that it takes of the window */
};

static struct fetched *fetched_of(struct verify_job *job)
{
    return (struct fetched *)(void *)((char *)job - offsetof(struct fetched, job));
}

/* ---- in the pool ------------------------------------------------------------------- */

/* Do exactly these bytes wait here? Then they were verified when they came. */
static bool waits_here(struct tamga_node *node, const struct tamga_item *item)
{
    const struct tamga_view *view = &node->options.store->reader.view;
    TAMGA_BUF payload = {0};
    bool pending = false;

    return atomic_load(&node->pending_count) > 0 &&
           tamga_query_payload(node->chain, view, &item->id, &payload, &pending) == TAMGA_OK &&
           pending &&
           tamga_span_equal(tamga_buf_span(&payload), tamga_buf_span(&item->payload));
}

static bool judge_entry(struct verify_job *job, size_t index)
{
    struct fetched *fetched = fetched_of(job);
    struct tamga_node *node = fetched->peer->node;
    const struct tamga_chain *chain = node->chain;
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};

    if (chain->rules->decode(chain, &item, fetched->block.entry[index], NULL) != TAMGA_OK)
        return false;
    return waits_here(node, &item) || chain->rules->verify(chain, &item, NULL) == TAMGA_OK;
}

static enum tamga_err fetched_run(struct tamga_node *node, struct letter *letter,
                                  uint64_t now_ms)
{
    return tamga_engine_add_block(node->engine, &((struct fetched *)letter)->block, now_ms,
                                  &letter->detail);
}

static void fetched_done(struct tamga_node *node, struct letter *letter)
{
    struct fetched *fetched = (struct fetched *)letter;

    sync_leave(fetched->peer, &node->sync->block, &fetched->id.hash, 1, fetched->bytes, letter);
    tamga_block_clear(&fetched->block);
    free(fetched);
}

static void post(struct fetched *fetched)
{
    struct tamga_node *node = fetched->peer->node;
    enum tamga_err err = node_post(node, &fetched->letter);

    if (err == TAMGA_OK)
        return;
    fetched->letter.err = err;
    fetched_done(node, &fetched->letter);
}

/* Not good: the engine finds out which entry, and condemns the block. */
static void judged(struct verify_job *job, bool good)
{
    struct fetched *fetched = fetched_of(job);

    fetched->block.verified = good && !fetched->peer->node->chain->rules->detached;
    post(fetched);
}

/* ---- in the peer's thread ----------------------------------------------------------- */

/* Claim the delivery: false if it is here already, or came in time from another. */
static bool first_to_give(struct peer *peer, const struct tamga_block_id *id, size_t bytes)
{
    struct sync *sync = peer->node->sync;
    const struct tamga_view *view = &peer->node->options.store->reader.view;
    struct tamga_stored_header stored;
    bool first, has = tamga_query_header(view, id, &stored) == TAMGA_OK &&
                      (stored.flags & TAMGA_STORED_BODY) != 0;

    pthread_mutex_lock(&sync->lock);
    sync->body_bytes = sync->body_bytes - sync->body_bytes / 8 + bytes / 8;
    first = fetch_here(&sync->block, &id->hash);
    if (first && has)
        fetch_done(&sync->block, &id->hash, true);
    pthread_mutex_unlock(&sync->lock);
    return first && !has;
}

/* Takes the block. Detached chains: leaves are commitments, nothing to verify. */
static enum tamga_err send_on(struct peer *peer, struct tamga_block *block,
                              const struct tamga_block_id *id)
{
    struct sync *sync = peer->node->sync;
    struct fetched *fetched = calloc(1, sizeof *fetched);
    enum tamga_err err = fetched == NULL ? TAMGA_E_NO_MEMORY : TAMGA_OK;
    size_t bytes = sizeof *fetched + block->bytes.len + block->count * sizeof block->entry[0];

    if (err == TAMGA_OK)
        err = sync_enter(peer, 1, bytes);
    if (err != TAMGA_OK) {
        free(fetched);
        sync_give_up(peer, &sync->block, &id->hash);
        return err;
    }
    *fetched = (struct fetched){
        .letter = {.run = fetched_run, .done = fetched_done},
        .job = {.judge = judge_entry,
                .done = judged,
                .count = peer->node->chain->rules->detached ? 0 : block->count},
        .peer = peer,
        .block = *block,
        .id = *id,
        .bytes = bytes};
    *block = (struct tamga_block){0};
    verify_pool_add(sync->pool, &fetched->job);
    return TAMGA_OK;
}

/* One body of an answer; *place is where it stands in what was asked. */
static enum tamga_err take_body(struct peer *peer, const Tamga__V1__Block *untrusted,
                                const struct tamga_hash *asked, size_t count, size_t *place,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    struct tamga_block_id id;
    enum tamga_err err = tamga_block_decode(&block, untrusted, true);

    if (err != TAMGA_OK)
        return tamga_refuse(detail, err, "a block that was asked for by id");
    tamga_header_id(&id, &block.sealed.header);
    *place = sync_place(asked, count, &id.hash);
    if (*place == count)
        return tamga_refuse(detail, TAMGA_E_BLOCK_ID_MISMATCH,
                            "height %llu, not among the %zu blocks asked for",
                            (unsigned long long)block.sealed.header.height, count);
    err = tamga_block_check_body(&block);
    if (err != TAMGA_OK)
        return tamga_refuse(detail, err, "the body given for height %llu, of %zu entries",
                            (unsigned long long)block.sealed.header.height, block.count);
    return first_to_give(peer, &id, block.bytes.len) ? send_on(peer, &block, &id) : TAMGA_OK;
}

static enum tamga_err take_bodies(struct peer *peer,
                                  const Tamga__V1__GetBlocksResponse *response,
                                  const struct tamga_hash *asked, size_t count, bool *gave,
                                  struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_OK;

    if (response->n_blocks > count)
        return tamga_refuse(detail, TAMGA_E_BLOCK_ID_MISMATCH, "%zu blocks, %zu asked for",
                            response->n_blocks, count);
    for (size_t i = 0; err == TAMGA_OK && i < response->n_blocks; i++) {
        size_t place = count;

        err = take_body(peer, response->blocks[i], asked, count, &place, detail);
        if (err == TAMGA_OK)
            gave[place] = true;
    }
    return err;
}

/* How many bodies of the usual size an answer holds; after time-outs fewer. */
static size_t likely_to_fit(const struct peer *peer, size_t each)
{
    size_t fit = each == 0 ? SYNC_BLOCKS_PAGE : SYNC_ANSWER_BYTES / each;

    fit = (fit < SYNC_BLOCKS_PAGE ? fit : SYNC_BLOCKS_PAGE) >> peer->slow;
    return fit == 0 ? 1 : fit;
}

/* What the answer may have, for the time that it gets. Bodies may be larger than those
 * before, or the link slow: a peer that ran out of time has more for less. */
static size_t may_have(const struct peer *peer, size_t expected)
{
    size_t bytes = expected + peer->slow * (SYNC_ANSWER_BYTES / SYNC_SLOW_MAX);

    return bytes < SYNC_ANSWER_BYTES ? bytes : SYNC_ANSWER_BYTES;
}

static void learn(struct peer *peer, enum tamga_err err)
{
    if (err == TAMGA_E_DEADLINE && peer->slow < SYNC_SLOW_MAX)
        peer->slow++;
    if (err == TAMGA_OK && peer->slow > 0)
        peer->slow--;
}

enum tamga_err block_fetch(struct peer *peer, size_t *asked, struct tamga_detail *detail)
{
    struct sync *sync = peer->node->sync;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = peer->channel};
    Tamga__V1__GetBlocksRequest request = TAMGA__V1__GET_BLOCKS_REQUEST__INIT;
    struct tamga_hash id[SYNC_BLOCKS_PAGE];
    ProtobufCBinaryData ids[SYNC_BLOCKS_PAGE];
    bool gave[SYNC_BLOCKS_PAGE] = {false};
    size_t each = sync_body_bytes(sync), max = likely_to_fit(peer, each);
    size_t bytes = may_have(peer, max * each);
    enum tamga_err err;

    *asked = sync_take(peer, &sync->block, id, max, bytes);
    if (*asked == 0)
        return TAMGA_OK;
    sync_lend(ids, id, *asked);
    request.chain = sync_chain(peer);
    request.n_ids = *asked;
    request.ids = ids;
    reply.deadline_ms = (uint32_t)(SYNC_CALL_MS + bytes / SYNC_BYTES_PER_MS);
    tamga__v1__chain_service__get_blocks(
        sync_service(&reply), &request, (Tamga__V1__GetBlocksResponse_Closure)tamga_reply_take,
        &reply);
    err = reply.err;
    learn(peer, err);
    if (err == TAMGA_OK)
        err = take_bodies(peer, (const Tamga__V1__GetBlocksResponse *)reply.message, id, *asked,
                          gave, detail);
    else
        *detail = reply.detail;
    sync_answered(peer, &sync->block, id, *asked, gave, err == TAMGA_OK);
    return err;
}
