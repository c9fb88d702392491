/*
 * The window: between a peer's answer and the engine's verdict bodies are verified in the
 * pool and wait for the loop, so many and no more; and the tables of who fetches what.
 * Everything that peers' threads share is changed here, under one lock.
 */
#include <stdlib.h>

#include "net/clock.h"
#include "node/sync.h"
#include "tamga/v1/chain_service.pb-c.h"

enum tamga_err sync_open(struct tamga_node *node)
{
    struct sync *sync = calloc(1, sizeof *sync);
    enum tamga_err err;

    if (sync == NULL)
        return TAMGA_E_NO_MEMORY;
    if (tamga_net_cond_init(&sync->changed) != 0) {
        free(sync);
        return TAMGA_E_SYSTEM;
    }
    pthread_mutex_init(&sync->lock, NULL);
    sync->node = node;
    node->sync = sync;
    err = verify_pool_open(&sync->pool, 0);
    if (err != TAMGA_OK)
        sync_close(node);
    return err;
}

void sync_close(struct tamga_node *node)
{
    struct sync *sync = node->sync;

    if (sync == NULL)
        return;
    verify_pool_close(sync->pool);
    pthread_cond_destroy(&sync->changed);
    pthread_mutex_destroy(&sync->lock);
    free(sync);
    node->sync = NULL;
}

ProtobufCService *sync_service(struct tamga_reply *reply)
{
    return tamga_reply_service(reply, &tamga__v1__chain_service__descriptor);
}

/* ---- the window ------------------------------------------------------------------- */

static bool has_room(const struct sync *sync, size_t blocks, size_t bytes)
{
    if (sync->bytes == 0)
        return true; /* one is let in whatever its size */
    return sync->blocks + blocks <= SYNC_WINDOW_BLOCKS &&
           sync->bytes + bytes <= SYNC_WINDOW_BYTES;
}

enum tamga_err sync_enter(struct peer *peer, size_t blocks, size_t bytes)
{
    struct sync *sync = peer->node->sync;
    enum tamga_err err = TAMGA_OK;

    pthread_mutex_lock(&sync->lock);
    /* The loop takes letters until it ends, and tells all that wait when it does. */
    while (!has_room(sync, blocks, bytes) && !sync_stopping(peer))
        pthread_cond_wait(&sync->changed, &sync->lock);
    if (sync_stopping(peer))
        err = TAMGA_E_STOPPING;
    else {
        sync->blocks += blocks;
        sync->bytes += bytes;
        peer->under_way++;
    }
    pthread_mutex_unlock(&sync->lock);
    return err;
}

void sync_leave(struct peer *peer, struct fetch_table *table, const struct tamga_hash *id,
                size_t blocks, size_t bytes, const struct letter *verdict)
{
    struct sync *sync = peer->node->sync;

    pthread_mutex_lock(&sync->lock);
    sync->blocks -= blocks;
    sync->bytes -= bytes;
    fetch_done(table, id, verdict->err == TAMGA_OK);
    if (verdict->err == TAMGA_OK)
        peer->given++;
    else if (peer->late == TAMGA_OK) {
        peer->late = verdict->err;
        peer->late_detail = verdict->detail;
    }
    peer->under_way--; /* last: the peer's thread may go on */
    pthread_cond_broadcast(&sync->changed);
    pthread_mutex_unlock(&sync->lock);
}

void sync_give_up(struct peer *peer, struct fetch_table *table, const struct tamga_hash *id)
{
    struct sync *sync = peer->node->sync;

    pthread_mutex_lock(&sync->lock);
    fetch_done(table, id, false);
    pthread_cond_broadcast(&sync->changed);
    pthread_mutex_unlock(&sync->lock);
}

enum tamga_err sync_settle(struct peer *peer, enum tamga_err err, struct tamga_detail *detail)
{
    struct sync *sync = peer->node->sync;

    pthread_mutex_lock(&sync->lock);
    while (peer->under_way > 0)
        pthread_cond_wait(&sync->changed, &sync->lock);
    if (err == TAMGA_OK && peer->late != TAMGA_OK) {
        err = peer->late;
        *detail = peer->late_detail;
    }
    peer->late = TAMGA_OK;
    pthread_mutex_unlock(&sync->lock);
    return err;
}

/* ---- who fetches what ------------------------------------------------------------- */

struct wants {
    struct letter letter;
    struct tamga_block_id block[TAMGA_FETCH_MAX];
    struct tamga_entry_id payload[TAMGA_FETCH_MAX];
    size_t block_count, payload_count;
};

static enum tamga_err wants_run(struct tamga_node *node, struct letter *letter,
                                uint64_t now_ms)
{
    struct wants *wants = (struct wants *)letter;

    (void)now_ms;
    wants->block_count =
        tamga_engine_wanted_blocks(node->engine, wants->block, TAMGA_FETCH_MAX);
    wants->payload_count =
        tamga_engine_wanted_payloads(node->engine, wants->payload, TAMGA_FETCH_MAX);
    return TAMGA_OK;
}

enum tamga_err sync_ask_loop(struct tamga_node *node)
{
    struct sync *sync = node->sync;
    struct wants *wants = calloc(1, sizeof *wants);
    enum tamga_err err;

    if (wants == NULL)
        return TAMGA_E_NO_MEMORY;
    wants->letter.run = wants_run;
    pthread_mutex_lock(&sync->lock);
    sync->asking++;
    sync->block.stale = sync->payload.stale = false;
    pthread_mutex_unlock(&sync->lock);
    err = node_call(node, &wants->letter);
    pthread_mutex_lock(&sync->lock);
    sync->asking--;
    if (err == TAMGA_OK) {
        bool block_stale = sync->block.stale, payload_stale = sync->payload.stale;

        fetch_refresh(&sync->block, &wants->block[0].hash, wants->block_count);
        fetch_refresh(&sync->payload, &wants->payload[0].hash, wants->payload_count);
        sync->block.stale = block_stale; /* by what was taken meanwhile */
        sync->payload.stale = payload_stale;
    }
    pthread_cond_broadcast(&sync->changed);
    pthread_mutex_unlock(&sync->lock);
    free(wants);
    return err;
}

/* Under the lock. A block that was taken may want payloads, and the other way round. */
static enum fetch_outlook outlook(const struct sync *sync, const struct peer *peer)
{
    enum fetch_outlook block = fetch_outlook(&sync->block, peer->number);
    enum fetch_outlook payload = fetch_outlook(&sync->payload, peer->number);

    if (sync->asking > 0)
        return FETCH_WAIT;
    if (block == FETCH_ASK || payload == FETCH_ASK)
        return FETCH_ASK;
    return block == FETCH_WAIT || payload == FETCH_WAIT ? FETCH_WAIT : FETCH_NOTHING;
}

bool sync_wait(struct peer *peer, uint64_t *idle_ms, enum tamga_err *err)
{
    struct sync *sync = peer->node->sync;
    uint64_t now_ms = tamga_net_now_ms();
    enum fetch_outlook next;

    if (*idle_ms == 0)
        *idle_ms = now_ms;
    pthread_mutex_lock(&sync->lock);
    next = outlook(sync, peer);
    if (next == FETCH_WAIT && now_ms < *idle_ms + SYNC_IDLE_MS && !sync_stopping(peer))
        /* At most so long: that the time of a claim is over is told by nobody. */
        (void)tamga_net_cond_wait(&sync->changed, &sync->lock, now_ms + SYNC_CLAIM_MS / 4);
    else if (next == FETCH_WAIT)
        next = FETCH_NOTHING;
    pthread_mutex_unlock(&sync->lock);
    if (next == FETCH_ASK)
        *err = sync_ask_loop(peer->node);
    return next != FETCH_NOTHING;
}

size_t sync_body_bytes(struct sync *sync)
{
    size_t bytes;

    pthread_mutex_lock(&sync->lock);
    bytes = sync->body_bytes;
    pthread_mutex_unlock(&sync->lock);
    return bytes;
}

size_t sync_take(struct peer *peer, struct fetch_table *table, struct tamga_hash *out,
                 size_t max, size_t bytes)
{
    struct sync *sync = peer->node->sync;
    uint64_t now_ms = tamga_net_now_ms();
    uint64_t until_ms = now_ms + SYNC_CLAIM_MS + bytes / SYNC_BYTES_PER_MS;
    size_t count;

    pthread_mutex_lock(&sync->lock);
    count = fetch_take(table, peer->number, out, max, now_ms, until_ms);
    pthread_mutex_unlock(&sync->lock);
    return count;
}

/* How many of an answer's first places are certain: up to the last one given. */
static size_t judged(const bool *gave, size_t count)
{
    for (size_t i = count; i > 0; i--)
        if (gave[i - 1])
            return i;
    return count; /* none was given: all of them */
}

void sync_answered(struct peer *peer, struct fetch_table *table,
                   const struct tamga_hash *asked, size_t count, const bool *gave,
                   bool answered)
{
    struct sync *sync = peer->node->sync;
    size_t certain = answered ? judged(gave, count) : 0;

    pthread_mutex_lock(&sync->lock);
    fetch_release(table, peer->number);
    for (size_t i = 0; i < certain; i++)
        if (!gave[i])
            fetch_lacks(table, peer->number, &asked[i]);
    pthread_cond_broadcast(&sync->changed);
    pthread_mutex_unlock(&sync->lock);
}
