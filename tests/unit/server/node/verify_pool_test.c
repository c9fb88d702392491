/* Jobs through the pool: all parts once, every job done once, none left behind. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "node/verify_pool.h"

#define JOBS  200
#define PARTS 100

struct counted {
    struct verify_job job; /* first: the callbacks cast back */
    atomic_uint seen[PARTS];
    size_t bad; /* part that is judged false; PARTS: none */
    atomic_uint done;
    atomic_bool good;
};

static bool judge(struct verify_job *job, size_t index)
{
    struct counted *counted = (struct counted *)job;

    atomic_fetch_add(&counted->seen[index], 1);
    return index != counted->bad;
}

static void done(struct verify_job *job, bool good)
{
    struct counted *counted = (struct counted *)job;

    atomic_store(&counted->good, good);
    atomic_fetch_add(&counted->done, 1);
}

static void prepare(struct counted *counted, size_t count, size_t bad)
{
    *counted = (struct counted){
        .job = {.count = count, .judge = judge, .done = done}, .bad = bad};
}

/*
 * Goal:   every part of every job is judged once, and every job done once and good.
 * Method: many jobs of 0..99 parts at once; closing ends what was added.
 */
Test(verify_pool, judges_every_part_once)
{
    struct counted *counted = calloc(JOBS, sizeof *counted);
    struct verify_pool *pool = NULL;

    cr_assert_eq(verify_pool_open(&pool, 0), TAMGA_OK);
    for (size_t i = 0; i < JOBS; i++) {
        prepare(&counted[i], i % PARTS, PARTS);
        verify_pool_add(pool, &counted[i].job);
    }
    verify_pool_close(pool);
    for (size_t i = 0; i < JOBS; i++) {
        cr_assert_eq(atomic_load(&counted[i].done), 1);
        cr_assert(atomic_load(&counted[i].good));
        for (size_t j = 0; j < PARTS; j++)
            cr_assert_eq(atomic_load(&counted[i].seen[j]), j < i % PARTS);
    }
    free(counted);
}

/*
 * Goal:   one bad part makes its job bad, and no other; no part is judged twice, and after
 *         a bad one not all are.
 * Method: every third job has a bad part, the first of many.
 */
Test(verify_pool, tells_bad_jobs_from_good_ones)
{
    struct counted *counted = calloc(JOBS, sizeof *counted);
    struct verify_pool *pool = NULL;
    unsigned judged = 0;

    cr_assert_eq(verify_pool_open(&pool, 4), TAMGA_OK);
    for (size_t i = 0; i < JOBS; i++) {
        prepare(&counted[i], PARTS, i % 3 == 0 ? 0 : PARTS);
        verify_pool_add(pool, &counted[i].job);
    }
    verify_pool_close(pool);
    for (size_t i = 0; i < JOBS; i++) {
        cr_assert_eq(atomic_load(&counted[i].done), 1);
        cr_assert_eq(atomic_load(&counted[i].good), i % 3 != 0);
        for (size_t j = 0; j < PARTS; j++) {
            cr_assert_leq(atomic_load(&counted[i].seen[j]), 1);
            judged += i % 3 == 0 ? atomic_load(&counted[i].seen[j]) : 0;
        }
    }
    cr_assert_lt(judged, (JOBS + 2) / 3 * PARTS);
    free(counted);
}

static void *run_many(void *context)
{
    struct verify_pool *pool = context;
    size_t wrong = 0;

    for (size_t i = 0; i < JOBS; i++) {
        struct counted counted;

        prepare(&counted, i % PARTS, i % 2 == 0 ? PARTS : 0);
        wrong += verify_pool_run(pool, &counted.job) != (i % 2 == 0);
        wrong += atomic_load(&counted.done); /* the waiter is told, nobody else */
    }
    return (void *)wrong;
}

/*
 * Goal:   who waits for a job gets its own verdict, whoever else waits.
 * Method: several threads run jobs, good and bad in turn, on one pool of one thread.
 */
Test(verify_pool, gives_each_waiter_its_own_verdict)
{
    struct verify_pool *pool = NULL;
    pthread_t thread[4];
    void *wrong;

    cr_assert_eq(verify_pool_open(&pool, 1), TAMGA_OK);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, run_many, pool), 0);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(pthread_join(thread[i], &wrong), 0);
        cr_assert_eq((uintptr_t)wrong, 0);
    }
    verify_pool_close(pool);
    verify_pool_close(NULL);
}
