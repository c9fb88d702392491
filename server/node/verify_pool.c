/*
 * One queue under one lock: threads take a few parts of the oldest job at a time, so that
 * a block of thousands is shared out and one of a single entry costs one wake-up.
 */
#include "node/verify_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define PARTS_AT_ONCE 8 /* about half a millisecond of signatures */

struct verify_pool {
    pthread_mutex_t lock;
    pthread_cond_t added;
    pthread_cond_t ended; /* for those who wait in verify_pool_run */
    struct verify_job *first, *last; /* with parts that nobody has begun */
    bool closing;
    unsigned count;
    pthread_t thread[TAMGA_VERIFY_THREADS_MAX];
};

/* Parts of the first job; the job leaves the queue with its last ones. Under the lock. */
static size_t take_parts(struct verify_pool *pool, struct verify_job *job, size_t *from)
{
    size_t left = job->bad ? 0 : job->count - job->given;
    size_t parts = left < PARTS_AT_ONCE ? left : PARTS_AT_ONCE;

    *from = job->given;
    job->given += parts;
    job->running++;
    if (parts == left) {
        pool->first = job->next;
        if (pool->first == NULL)
            pool->last = NULL;
        job->given = job->count;
    }
    return parts;
}

static bool judge_parts(struct verify_job *job, size_t from, size_t parts)
{
    for (size_t i = from; i < from + parts; i++)
        if (!job->judge(job, i))
            return false;
    return true;
}

static void *pool_main(void *context)
{
    struct verify_pool *pool = context;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct verify_job *job;
        size_t from, parts;
        bool good, over;

        while (pool->first == NULL && !pool->closing)
            pthread_cond_wait(&pool->added, &pool->lock);
        job = pool->first;
        if (job == NULL)
            break;
        parts = take_parts(pool, job, &from);
        pthread_mutex_unlock(&pool->lock);
        good = judge_parts(job, from, parts);
        pthread_mutex_lock(&pool->lock);
        job->bad = job->bad || !good;
        job->running--;
        over = job->running == 0 && job->given == job->count;
        good = !job->bad;
        if (!over)
            continue;
        pthread_mutex_unlock(&pool->lock);
        job->done(job, good);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static unsigned cores(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    if (online < 1)
        return 1;
    return online < TAMGA_VERIFY_THREADS_MAX ? (unsigned)online : TAMGA_VERIFY_THREADS_MAX;
}

enum tamga_err verify_pool_open(struct verify_pool **out, unsigned threads)
{
    struct verify_pool *pool = calloc(1, sizeof *pool);
    unsigned wanted = threads == 0 || threads > TAMGA_VERIFY_THREADS_MAX ? cores() : threads;

    if (pool == NULL)
        return TAMGA_E_NO_MEMORY;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->added, NULL);
    pthread_cond_init(&pool->ended, NULL);
    while (pool->count < wanted &&
           pthread_create(&pool->thread[pool->count], NULL, pool_main, pool) == 0)
        pool->count++;
    if (pool->count == 0) {
        verify_pool_close(pool);
        return TAMGA_E_SYSTEM;
    }
    *out = pool;
    return TAMGA_OK;
}

void verify_pool_add(struct verify_pool *pool, struct verify_job *job)
{
    job->next = NULL;
    job->given = job->running = 0;
    job->bad = false;
    if (job->count == 0) {
        job->done(job, true);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    if (pool->last != NULL)
        pool->last->next = job;
    else
        pool->first = job;
    pool->last = job;
    pthread_cond_broadcast(&pool->added);
    pthread_mutex_unlock(&pool->lock);
}

/* A job that somebody waits for: forwards each part to the waiter's own. */
struct waited {
    struct verify_job job;
    struct verify_job *inner;
    struct verify_pool *pool;
    bool over, good;
};

static bool judge_inner(struct verify_job *job, size_t index)
{
    struct verify_job *inner = ((struct waited *)job)->inner;

    return inner->judge(inner, index);
}

static void tell_waiter(struct verify_job *job, bool good)
{
    struct waited *waited = (struct waited *)job;
    struct verify_pool *pool = waited->pool;

    pthread_mutex_lock(&pool->lock);
    waited->good = good;
    waited->over = true;
    pthread_cond_broadcast(&pool->ended);
    pthread_mutex_unlock(&pool->lock);
}

bool verify_pool_run(struct verify_pool *pool, struct verify_job *job)
{
    struct waited waited = {
        .job = {.count = job->count, .judge = judge_inner, .done = tell_waiter},
        .inner = job,
        .pool = pool};

    verify_pool_add(pool, &waited.job);
    pthread_mutex_lock(&pool->lock);
    while (!waited.over)
        pthread_cond_wait(&pool->ended, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return waited.good;
}

void verify_pool_close(struct verify_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->added);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->count; i++)
        pthread_join(pool->thread[i], NULL);
    pthread_cond_destroy(&pool->ended);
    pthread_cond_destroy(&pool->added);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
