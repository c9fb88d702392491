/*
 * The loop: the one thread that touches the engine. It drains letters in batches, writes
 * once, and only then tells anybody.
 */
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "crypto/key.h"
#include "node/node_internal.h"

#define TICK_MS         1000
#define STATUS_EVERY_MS 5000
#define RETRY_MS        50 /* while blocks wait for what becomes final above */

uint64_t tamga_wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- letters -------------------------------------------------------------------- */

enum tamga_err node_post(struct tamga_node *node, struct letter *letter)
{
    return tamga_mailbox_put(node->mailbox, letter);
}

struct call {
    struct letter letter;
    struct letter *inner;
    sem_t done;
};

static enum tamga_err call_run(struct tamga_node *node, struct letter *letter, uint64_t now_ms)
{
    struct call *call = (struct call *)letter;

    call->inner->err = call->inner->run(node, call->inner, now_ms);
    return call->inner->err;
}

static void call_done(struct tamga_node *node, struct letter *letter)
{
    (void)node;
    sem_post(&((struct call *)letter)->done);
}

enum tamga_err node_call(struct tamga_node *node, struct letter *letter)
{
    struct call call = {.letter = {.run = call_run, .done = call_done}, .inner = letter};
    enum tamga_err err;

    sem_init(&call.done, 0, 0);
    err = node_post(node, &call.letter);
    if (err == TAMGA_OK) {
        while (sem_wait(&call.done) != 0)
            ; /* interrupted by a signal */
        err = call.letter.err;
    }
    sem_destroy(&call.done);
    return err;
}

struct submission {
    struct letter letter;
    struct tamga_item item;
    struct tamga_buf payload; /* to gossip, once it is durable */
    bool known;
    tamga_submitted done;
    void *context;
};

static enum tamga_err submission_run(struct tamga_node *node, struct letter *letter,
                                     uint64_t now_ms)
{
    struct submission *submission = (struct submission *)letter;

    return tamga_engine_submit(node->engine, &submission->item, now_ms, &submission->known,
                               &letter->detail);
}

static void submission_done(struct tamga_node *node, struct letter *letter)
{
    struct submission *submission = (struct submission *)letter;

    if (letter->err == TAMGA_OK && !submission->known)
        broadcast_payload(node, tamga_buf_span(&submission->payload));
    if (submission->done != NULL)
        submission->done(submission->context, letter->err, submission->known,
                         &letter->detail);
    tamga_item_clear(&submission->item);
    tamga_buf_clear(&submission->payload);
    free(submission);
}

/* Once verified nothing reads it: given up here, so that the loop need not free it. */
static void shed_message(struct tamga_item *item)
{
    if (!item->verified)
        return;
    tamga_wire_free(item->message);
    item->message = NULL;
}

enum tamga_err tamga_node_submit(struct tamga_node *node, struct tamga_item *item,
                                 tamga_submitted done, void *context)
{
    struct submission *submission = calloc(1, sizeof *submission);
    enum tamga_err err;

    if (submission == NULL)
        return TAMGA_E_NO_MEMORY;
    submission->letter.run = submission_run;
    submission->letter.done = submission_done;
    submission->done = done;
    submission->context = context;
    shed_message(item);
    /* The engine takes the item: what is gossiped is copied before the loop has the letter. */
    err = tamga_buf_set(&submission->payload, tamga_buf_span(&item->payload));
    tamga_item_move(&submission->item, item);
    if (err == TAMGA_OK)
        err = node_post(node, &submission->letter);
    if (err != TAMGA_OK) {
        tamga_item_move(item, &submission->item);
        tamga_buf_clear(&submission->payload);
        free(submission);
    }
    return err;
}

bool node_knows(struct tamga_node *node, const struct tamga_entry_id *id)
{
    const struct tamga_view *view = &node->options.store->reader.view;
    TAMGA_BUF value = {0};
    struct tamga_place place;

    return tamga_view_get(view, TAMGA_FAMILY_PENDING, tamga_hash_span(&id->hash), &value) ==
               TAMGA_OK ||
           tamga_query_place(view, id, &place) == TAMGA_OK;
}

enum tamga_err node_open_payload(struct tamga_node *node, struct tamga_item *item,
                                 struct tamga_span untrusted, struct tamga_detail *detail)
{
    const struct tamga_chain *chain = node->chain;
    enum tamga_err err = chain->rules->decode(chain, item, untrusted, detail);

    if (err == TAMGA_OK)
        err = chain->rules->verify(chain, item, detail);
    item->verified = err == TAMGA_OK;
    shed_message(item);
    return err;
}

/* ---- the loop ------------------------------------------------------------------- */

static void tell_event(struct tamga_node *node, const struct tamga_event *event)
{
    char hex[TAMGA_HEX_CHARS];

    tamga_to_hex(hex, event->id.byte, TAMGA_HASH_BYTES);
    switch (event->kind) {
    case TAMGA_EVENT_TIP:
        tamga_log(TAMGA_LOG_INFO, "chain.tip", "%s height %llu is %s, %llu abandoned",
                  node->chain->rules->name, (unsigned long long)event->height, hex,
                  (unsigned long long)event->depth);
        if (node->options.tip_changed != NULL)
            node->options.tip_changed(node->options.context, event->height, event->depth);
        break;
    case TAMGA_EVENT_DROPPED:
        tamga_log(TAMGA_LOG_INFO, "entry.dropped", "%s: %s (%s)", hex,
                  tamga_err_text(event->err), tamga_err_name(event->err));
        break;
    case TAMGA_EVENT_INVALID:
        tamga_log(TAMGA_LOG_WARN, "block.invalid", "height %llu %s: %s (%s) %s",
                  (unsigned long long)event->height, hex, tamga_err_text(event->err),
                  tamga_err_name(event->err), event->detail.text);
        break;
    case TAMGA_EVENT_FINAL:
        tamga_log(TAMGA_LOG_INFO, "block.final", "%s height %llu is %s",
                  node->chain->rules->name, (unsigned long long)event->height, hex);
        break;
    case TAMGA_EVENT_CHECKPOINT:
        tamga_log(TAMGA_LOG_INFO, "checkpoint.full", "%s height %llu is %s",
                  node->chain->rules->name, (unsigned long long)event->height, hex);
        node->finality.words_changed = true; /* those of this block wait no more */
        break;
    case TAMGA_EVENT_CONFLICT:
        finality_tell_conflict(node, event);
        break;
    }
}

static bool tell_events(struct tamga_node *node)
{
    uint64_t lost = tamga_engine_take_lost(node->engine);
    struct tamga_event event;
    bool tip_changed = false;

    if (lost > 0)
        tamga_log(TAMGA_LOG_WARN, "events.lost", "%llu events of one batch found no room",
                  (unsigned long long)lost);
    while (tamga_engine_next_event(node->engine, &event)) {
        tip_changed = tip_changed || event.kind == TAMGA_EVENT_TIP;
        tell_event(node, &event);
    }
    return tip_changed;
}

/* One batch. False: the store failed and the loop must end. */
static bool run_batch(struct tamga_node *node, struct letter **letter, size_t count)
{
    uint64_t now_ms = tamga_wall_ms();
    enum tamga_err flushed = TAMGA_OK;

    for (size_t i = 0; i < count; i++) {
        letter[i]->err = letter[i]->run(node, letter[i], now_ms);
        if (tamga_err_class(letter[i]->err) == TAMGA_CLASS_LOCAL)
            flushed = letter[i]->err;
    }
    if (flushed == TAMGA_OK)
        flushed = tamga_engine_retry(node->engine, now_ms);
    if (flushed == TAMGA_OK)
        flushed = finality_sign(node, now_ms);
    if (flushed == TAMGA_OK)
        flushed = tamga_engine_flush(node->engine);
    for (size_t i = 0; i < count; i++) {
        if (flushed != TAMGA_OK)
            letter[i]->err = flushed; /* nothing of this batch may be acknowledged */
        letter[i]->done(node, letter[i]);
    }
    if (flushed == TAMGA_OK)
        return true;
    if (node->options.failed != NULL)
        node->options.failed(node->options.context, flushed);
    return false;
}

static uint32_t patience_ms(struct tamga_node *node, uint64_t now_ms)
{
    uint64_t due = tamga_engine_due_ms(node->engine);
    uint32_t most = tamga_engine_waits(node->engine) ? RETRY_MS : TICK_MS;

    if (!node->options.mine || due == UINT64_MAX || !miner_idle(node))
        return most;
    if (due <= now_ms)
        return 10; /* due, but nothing could be proposed: do not spin */
    return due - now_ms < most ? (uint32_t)(due - now_ms) : most;
}

static void *loop_main(void *context)
{
    struct tamga_node *node = context;
    struct letter *letter[BATCH_MAX];
    uint64_t status_ms = 0;

    proofs_review(node);
    for (;;) {
        size_t count = tamga_mailbox_take(node->mailbox, (void **)letter, BATCH_MAX,
                                          patience_ms(node, tamga_wall_ms()));
        uint64_t now_ms = tamga_wall_ms();
        bool tip_changed;

        if (count == 0 && atomic_load(&node->stopping))
            break;
        if (!run_batch(node, letter, count))
            break;
        atomic_store(&node->pending_count, tamga_engine_mempool(node->engine)->count);
        proofs_review(node);
        tip_changed = tell_events(node);
        if (tip_changed)
            broadcast_tip(node);
        finality_tell(node); /* after the block that it speaks of */
        if (tip_changed || now_ms - status_ms >= STATUS_EVERY_MS) {
            broadcast_status(node);
            status_ms = now_ms;
        }
        if (node->options.mine)
            miner_review(node, now_ms, tip_changed);
    }
    /* After a failure: whoever still waits is told, and nobody can come any more. */
    tamga_mailbox_close(node->mailbox);
    for (size_t count;
         (count = tamga_mailbox_take(node->mailbox, (void **)letter, BATCH_MAX, 0)) > 0;)
        for (size_t i = 0; i < count; i++) {
            letter[i]->err = TAMGA_E_STOPPING;
            letter[i]->done(node, letter[i]);
        }
    return NULL;
}

/* ---- life ----------------------------------------------------------------------- */

enum tamga_err tamga_node_open(struct tamga_node **out,
                               const struct tamga_node_options *options,
                               struct tamga_detail *detail)
{
    struct tamga_node *node = calloc(1, sizeof *node);
    enum tamga_err err;

    if (node == NULL)
        return TAMGA_E_NO_MEMORY;
    node->options = *options;
    node->chain = options->chain;
    tamga_public_key_address(tamga_private_key_public(options->key), &node->address);
    pthread_mutex_init(&node->poke_lock, NULL);
    pthread_cond_init(&node->poke, NULL);
    pthread_mutex_init(&node->miner.lock, NULL);
    pthread_cond_init(&node->miner.wake, NULL);
    pthread_mutex_init(&node->finality.lock, NULL);
    pthread_mutex_init(&node->heard.lock, NULL);
    peer_clocks_init(&node->clocks);
    proofs_init(node);
    err = tamga_mailbox_new(&node->mailbox, LETTERS_MAX);
    if (err == TAMGA_OK)
        err = tamga_engine_open(&node->engine, options->chain, options->store, detail);
    if (err == TAMGA_OK)
        atomic_store(&node->pending_count, tamga_engine_mempool(node->engine)->count);
    if (err == TAMGA_OK && options->above != NULL)
        tamga_engine_set_upstream(node->engine, options->above->chain,
                                  &options->above->options.store->reader.view);
    if (err == TAMGA_OK && options->mine)
        tamga_engine_mine_as(node->engine, &node->address);
    if (err == TAMGA_OK)
        err = finality_init(node);
    if (err == TAMGA_OK)
        err = tamga_random(node->publisher_id, sizeof node->publisher_id);
    if (err == TAMGA_OK && options->gossip_listen != NULL)
        err = tamga_publisher_open_link(&node->publisher, options->gossip_listen, options->link,
                                        detail);
    if (err != TAMGA_OK) {
        tamga_node_close(node);
        return err;
    }
    *out = node;
    return TAMGA_OK;
}

enum tamga_err tamga_node_start(struct tamga_node *node)
{
    struct tamga_detail detail = {{0}};
    enum tamga_err err = TAMGA_OK;

    if (pthread_create(&node->loop, NULL, loop_main, node) != 0)
        return TAMGA_E_SYSTEM;
    node->loop_running = true;
    if (node->options.mine)
        err = miner_start(node);
    if (err == TAMGA_OK)
        err = sync_start(node, &detail);
    if (err == TAMGA_OK)
        err = listener_start(node, &detail);
    if (err != TAMGA_OK)
        tamga_log(TAMGA_LOG_ERROR, "node.start", "%s %s", tamga_err_text(err), detail.text);
    return err;
}

void tamga_node_stop(struct tamga_node *node)
{
    if (node == NULL)
        return;
    listener_stop(node);
    atomic_store(&node->stopping, true);
    sync_stop(node);
    miner_stop(node);
    tamga_mailbox_close(node->mailbox);
    if (node->loop_running)
        pthread_join(node->loop, NULL);
    node->loop_running = false;
}

void tamga_node_close(struct tamga_node *node)
{
    if (node == NULL)
        return;
    tamga_publisher_close(node->publisher);
    proofs_clear(node);
    finality_clear(node);
    tamga_engine_close(node->engine);
    tamga_mailbox_free(node->mailbox);
    tamga_block_clear(&node->miner.job);
    pthread_cond_destroy(&node->miner.wake);
    pthread_mutex_destroy(&node->miner.lock);
    pthread_mutex_destroy(&node->finality.lock);
    pthread_mutex_destroy(&node->heard.lock);
    peer_clocks_clear(&node->clocks);
    pthread_cond_destroy(&node->poke);
    pthread_mutex_destroy(&node->poke_lock);
    free(node);
}

const struct tamga_chain *tamga_node_chain(const struct tamga_node *node)
{
    return node->chain;
}

struct tamga_store *tamga_node_store(const struct tamga_node *node)
{
    return node->options.store;
}

const char *tamga_node_gossip_addr(const struct tamga_node *node)
{
    return node->publisher == NULL ? NULL : tamga_publisher_addr(node->publisher);
}
