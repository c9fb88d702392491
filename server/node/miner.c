/*
 * The miner: searches a nonce beside the loop, in short slices, and drops what it does
 * the moment the tip it builds on is no longer the best. Knows no rule.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "node/node_internal.h"

#define SLICE_TRIES 16384 /* about a millisecond */

struct mined {
    struct letter letter;
    struct tamga_block block;
    uint64_t number; /* of the job */
};

static enum tamga_err mined_run(struct tamga_node *node, struct letter *letter,
                                uint64_t now_ms)
{
    struct mined *mined = (struct mined *)letter;

    return tamga_engine_add_block(node->engine, &mined->block, now_ms, &letter->detail);
}

/* The job is over unless a newer one was given meanwhile. Until the loop has taken the
 * block it is not over: the same entries must not be proposed twice. */
static void end_job(struct tamga_node *node, uint64_t number)
{
    uint_fast64_t expected = number;

    atomic_compare_exchange_strong(&node->miner.current, &expected, 0);
}

static void mined_done(struct tamga_node *node, struct letter *letter)
{
    struct mined *mined = (struct mined *)letter;

    end_job(node, mined->number);
    if (letter->err != TAMGA_OK)
        tamga_log(TAMGA_LOG_WARN, "block.own", "own block refused: %s (%s) %s",
                  tamga_err_text(letter->err), tamga_err_name(letter->err),
                  letter->detail.text);
    tamga_block_clear(&mined->block);
    free(mined);
}

static enum tamga_err seal(struct tamga_node *node, struct tamga_block *block)
{
    struct tamga_block_id id;
    struct tamga_hash digest;

    tamga_header_id(&id, &block->sealed.header);
    tamga_seal_digest(&digest, &block->sealed.header, &id);
    return tamga_private_key_sign(node->options.key, &digest, &block->sealed.seal);
}

/* Seal and hand the block to the loop. */
static void deliver(struct tamga_node *node, struct tamga_block *block, uint64_t number)
{
    struct mined *mined = calloc(1, sizeof *mined);
    enum tamga_err err = mined == NULL ? TAMGA_E_NO_MEMORY : seal(node, block);

    if (err == TAMGA_OK) {
        mined->letter.run = mined_run;
        mined->letter.done = mined_done;
        mined->block = *block;
        mined->number = number;
        err = node_post(node, &mined->letter);
    }
    if (err == TAMGA_OK) {
        *block = (struct tamga_block){0};
        return;
    }
    free(mined);
    end_job(node, number);
    if (err != TAMGA_E_STOPPING)
        tamga_log(TAMGA_LOG_WARN, "block.own", "own block lost: %s", tamga_err_text(err));
}

static void step_aside(void)
{
    static const struct timespec pause = {.tv_nsec = 2000000};

    nanosleep(&pause, NULL);
}

/* True once a nonce was found; false when the job is not wanted any more. */
static bool search(struct tamga_node *node, struct tamga_block *block, uint64_t number)
{
    uint8_t header[TAMGA_HEADER_BYTES];
    struct tamga_u256 target;
    struct tamga_hash limit;
    uint64_t first = 0;

    if (tamga_target_expand(&target, block->sealed.header.target) != TAMGA_OK ||
        tamga_random((uint8_t *)&first, sizeof first) != TAMGA_OK)
        return false;
    tamga_u256_to_bytes(limit.byte, &target);
    tamga_header_encode(header, &block->sealed.header);
    while (atomic_load(&node->miner.current) == number) {
        if (tamga_sha256_search(header, &limit, first, SLICE_TRIES,
                                &block->sealed.header.nonce))
            return true;
        first += SLICE_TRIES;
        if (node->options.busy != NULL && node->options.busy(node->options.context))
            step_aside();
        else
            sched_yield();
    }
    return false;
}

static void *miner_main(void *context)
{
    struct tamga_node *node = context;
    struct miner *miner = &node->miner;

    /* Deliveries and checks come first; a refusal only means a plain priority. */
    (void)setpriority(PRIO_PROCESS, 0, 10);
    pthread_mutex_lock(&miner->lock);
    while (!miner->stopping) {
        struct tamga_block block = miner->job;
        uint64_t number = miner->job_number;

        if (!miner->has_job) {
            pthread_cond_wait(&miner->wake, &miner->lock);
            continue;
        }
        miner->job = (struct tamga_block){0};
        miner->has_job = false;
        pthread_mutex_unlock(&miner->lock);
        if (search(node, &block, number))
            deliver(node, &block, number);
        tamga_block_clear(&block);
        pthread_mutex_lock(&miner->lock);
    }
    pthread_mutex_unlock(&miner->lock);
    return NULL;
}

enum tamga_err miner_start(struct tamga_node *node)
{
    if (pthread_create(&node->miner.thread, NULL, miner_main, node) != 0)
        return TAMGA_E_SYSTEM;
    node->miner.running = true;
    return TAMGA_OK;
}

void miner_stop(struct tamga_node *node)
{
    pthread_mutex_lock(&node->miner.lock);
    node->miner.stopping = true;
    atomic_store(&node->miner.current, 0);
    pthread_cond_signal(&node->miner.wake);
    pthread_mutex_unlock(&node->miner.lock);
    if (node->miner.running)
        pthread_join(node->miner.thread, NULL);
    node->miner.running = false;
}

bool miner_idle(struct tamga_node *node)
{
    return atomic_load(&node->miner.current) == 0;
}

void miner_review(struct tamga_node *node, uint64_t now_ms, bool tip_changed)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    struct miner *miner = &node->miner;
    enum tamga_err err;

    if (tip_changed)
        atomic_store(&miner->current, 0); /* whatever is searched builds on the old tip */
    if (!miner_idle(node) || !tamga_engine_block_due(node->engine, now_ms))
        return;
    err = tamga_engine_propose(node->engine, &block, &node->address, now_ms);
    if (err != TAMGA_OK) {
        if (err != TAMGA_E_NOT_FOUND)
            tamga_log(TAMGA_LOG_ERROR, "block.propose", "%s", tamga_err_text(err));
        return;
    }
    pthread_mutex_lock(&miner->lock);
    tamga_block_clear(&miner->job);
    miner->job = block;
    miner->has_job = true;
    block = (struct tamga_block){0};
    atomic_store(&miner->current, ++miner->job_number);
    pthread_cond_signal(&miner->wake);
    pthread_mutex_unlock(&miner->lock);
}
