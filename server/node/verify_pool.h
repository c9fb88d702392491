/*
 * A few threads that judge many small things: as many as there are cores, shared by all
 * peers of a node. Knows no signature, block or peer.
 */
#ifndef TAMGA_NODE_VERIFY_POOL_H
#define TAMGA_NODE_VERIFY_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define TAMGA_VERIFY_THREADS_MAX 8

/* Work in `count` parts, in the storage of whoever adds it, until done is called. */
struct verify_job {
    size_t count;
    /* Any thread of the pool. False: what was not begun yet needs no look any more. */
    bool (*judge)(struct verify_job *job, size_t index);
    /* Once, in the thread that ended the last part; good: every part was judged true. The
     * pool does not touch the job afterwards. */
    void (*done)(struct verify_job *job, bool good);
    struct verify_job *next; /* these are the pool's */
    size_t given, running;
    bool bad;
};

struct verify_pool;

/* threads 0: one a core, at most TAMGA_VERIFY_THREADS_MAX.
 * Errors: NO_MEMORY; SYSTEM: not one thread could be started. */
TAMGA_MUST_USE enum tamga_err verify_pool_open(struct verify_pool **out, unsigned threads);
/* Jobs are begun in this order. A job of no parts is done at once, in the caller's thread. */
void verify_pool_add(struct verify_pool *pool, struct verify_job *job);
/* Add a job, whose done is not used, and wait until it is. Returns whether it is good. */
bool verify_pool_run(struct verify_pool *pool, struct verify_job *job);
/* Ends what was added, then the threads. */
void verify_pool_close(struct verify_pool *pool);

#endif
