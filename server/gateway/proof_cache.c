/* One table of the newest checkpoint's proofs. Knows no chain and no socket. */
#include "gateway/proof_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <uthash.h>

struct row {
    UT_hash_handle hh; /* in order of arrival */
    struct tamga_hash model;
    struct tamga_buf proof;
};

struct tamga_proof_cache {
    pthread_mutex_t lock;
    size_t count_max, bytes_max;
    size_t bytes;
    uint64_t height; /* of the checkpoint that all rows are as of */
    struct row *row;
};

enum tamga_err tamga_proof_cache_new(struct tamga_proof_cache **out, size_t count_max,
                                     size_t bytes_max)
{
    struct tamga_proof_cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        return TAMGA_E_NO_MEMORY;
    pthread_mutex_init(&cache->lock, NULL);
    cache->count_max = count_max;
    cache->bytes_max = bytes_max;
    *out = cache;
    return TAMGA_OK;
}

static void forget(struct tamga_proof_cache *cache, struct row *row)
{
    HASH_DEL(cache->row, row);
    cache->bytes -= row->proof.len;
    tamga_buf_clear(&row->proof);
    free(row);
}

void tamga_proof_cache_free(struct tamga_proof_cache *cache)
{
    if (cache == NULL)
        return;
    while (cache->row != NULL)
        forget(cache, cache->row);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static struct row *find(struct tamga_proof_cache *cache, const struct tamga_hash *model)
{
    struct row *row = NULL;

    HASH_FIND(hh, cache->row, model, sizeof *model, row);
    return row;
}

enum tamga_err tamga_proof_cache_find(struct tamga_proof_cache *cache, struct tamga_buf *out,
                                      uint64_t height, const struct tamga_hash *model)
{
    const struct row *row;
    enum tamga_err err = TAMGA_E_NOT_FOUND;

    pthread_mutex_lock(&cache->lock);
    row = cache->height == height ? find(cache, model) : NULL;
    if (row != NULL)
        err = tamga_buf_set(out, tamga_buf_span(&row->proof));
    pthread_mutex_unlock(&cache->lock);
    return err;
}

static void add(struct tamga_proof_cache *cache, const struct tamga_hash *model,
                struct tamga_span proof)
{
    struct row *row;

    if (proof.len > cache->bytes_max || find(cache, model) != NULL)
        return;
    while (cache->row != NULL && (HASH_COUNT(cache->row) >= cache->count_max ||
                                  cache->bytes + proof.len > cache->bytes_max))
        forget(cache, cache->row);
    row = calloc(1, sizeof *row);
    if (row == NULL || tamga_buf_set(&row->proof, proof) != TAMGA_OK) {
        free(row);
        return;
    }
    row->model = *model;
    cache->bytes += proof.len;
    HASH_ADD(hh, cache->row, model, sizeof row->model, row);
}

void tamga_proof_cache_keep(struct tamga_proof_cache *cache, uint64_t height,
                            const struct tamga_hash *model, struct tamga_span proof)
{
    pthread_mutex_lock(&cache->lock);
    if (height > cache->height) {
        while (cache->row != NULL)
            forget(cache, cache->row);
        cache->height = height;
    }
    if (height == cache->height)
        add(cache, model, proof);
    pthread_mutex_unlock(&cache->lock);
}
