/* The table of deliveries. Knows no chain and no socket. */
#include "gateway/delivery.h"

#include <pthread.h>
#include <stdlib.h>
#include <uthash.h>

#define STATE(name) TAMGA__V1__DELIVERY_STATE__DELIVERY_##name

struct row {
    UT_hash_handle by_device; /* in order of change: the oldest first */
    UT_hash_handle by_nonce;
    struct tamga_hash device;
    uint8_t nonce[16];
    bool has_nonce;
    uint64_t left_bytes; /* of the image on offer */
    struct tamga_delivery delivery;
};

struct tamga_deliveries {
    pthread_mutex_t lock;
    size_t count_max;
    struct row *device;
    struct row *nonce;
    struct tamga_proof_cache *proofs;
};

enum tamga_err tamga_deliveries_new(struct tamga_deliveries **out, size_t count_max)
{
    struct tamga_deliveries *deliveries = calloc(1, sizeof *deliveries);
    enum tamga_err err;

    if (deliveries == NULL)
        return TAMGA_E_NO_MEMORY;
    err = tamga_proof_cache_new(&deliveries->proofs, TAMGA_PROOF_CACHE_MAX,
                                TAMGA_PROOF_CACHE_BYTES_MAX);
    if (err != TAMGA_OK) {
        free(deliveries);
        return err;
    }
    pthread_mutex_init(&deliveries->lock, NULL);
    deliveries->count_max = count_max;
    *out = deliveries;
    return TAMGA_OK;
}

static void forget(struct tamga_deliveries *deliveries, struct row *row)
{
    if (row->has_nonce)
        HASH_DELETE(by_nonce, deliveries->nonce, row);
    HASH_DELETE(by_device, deliveries->device, row);
    free(row);
}

void tamga_deliveries_free(struct tamga_deliveries *deliveries)
{
    if (deliveries == NULL)
        return;
    while (deliveries->device != NULL)
        forget(deliveries, deliveries->device);
    pthread_mutex_destroy(&deliveries->lock);
    tamga_proof_cache_free(deliveries->proofs);
    free(deliveries);
}

struct tamga_proof_cache *tamga_deliveries_proofs(struct tamga_deliveries *deliveries)
{
    return deliveries->proofs;
}

static struct row *find(struct tamga_deliveries *deliveries, const struct tamga_hash *device)
{
    struct row *row = NULL;

    HASH_FIND(by_device, deliveries->device, device, sizeof *device, row);
    return row;
}

/* The row of a device, as the last of the order. NULL: out of memory. */
static struct row *touch(struct tamga_deliveries *deliveries, const struct tamga_hash *device)
{
    struct row *row = find(deliveries, device);

    if (row != NULL) {
        HASH_DELETE(by_device, deliveries->device, row);
    } else {
        if (HASH_CNT(by_device, deliveries->device) >= deliveries->count_max)
            forget(deliveries, deliveries->device);
        row = calloc(1, sizeof *row);
        if (row == NULL)
            return NULL;
        row->device = *device;
    }
    HASH_ADD(by_device, deliveries->device, device, sizeof row->device, row);
    return row;
}

static bool follows(Tamga__V1__DeliveryState from, Tamga__V1__DeliveryState to)
{
    switch (to) {
    case STATE(DOWNLOADING):
        return from == STATE(OFFERED) || from == STATE(DOWNLOADING);
    case STATE(INSTALLING):
        return from == STATE(DOWNLOADING) || from == STATE(OFFERED);
    default: /* a check-in or a receipt may come at any time, after a restart too */
        return true;
    }
}

bool tamga_delivery_enter(struct tamga_deliveries *deliveries, const struct tamga_hash *device,
                          Tamga__V1__DeliveryState state,
                          const struct tamga_entry_id *release, uint64_t now_ms)
{
    struct row *row;
    bool entered = false;

    pthread_mutex_lock(&deliveries->lock);
    row = touch(deliveries, device);
    if (row != NULL && follows(row->delivery.state, state)) {
        entered = true;
        row->delivery.state = state;
        row->delivery.changed_ms = now_ms;
        row->delivery.release = release == NULL ? (struct tamga_entry_id){0} : *release;
    }
    pthread_mutex_unlock(&deliveries->lock);
    return entered;
}

struct tamga_delivery tamga_delivery_get(struct tamga_deliveries *deliveries,
                                         const struct tamga_hash *device)
{
    struct tamga_delivery delivery = {0};
    const struct row *row;

    pthread_mutex_lock(&deliveries->lock);
    row = find(deliveries, device);
    if (row != NULL)
        delivery = row->delivery;
    pthread_mutex_unlock(&deliveries->lock);
    return delivery;
}

void tamga_delivery_begin(struct tamga_deliveries *deliveries, const struct tamga_hash *device,
                          const uint8_t nonce[16], uint64_t image_bytes)
{
    struct row *row, *other = NULL;

    pthread_mutex_lock(&deliveries->lock);
    row = find(deliveries, device);
    HASH_FIND(by_nonce, deliveries->nonce, nonce, 16, other);
    if (row != NULL && other == NULL) { /* a nonce of somebody else's is not taken over */
        if (row->has_nonce)
            HASH_DELETE(by_nonce, deliveries->nonce, row);
        memcpy(row->nonce, nonce, 16);
        row->has_nonce = true;
        row->left_bytes = image_bytes;
        HASH_ADD(by_nonce, deliveries->nonce, nonce, sizeof row->nonce, row);
    }
    pthread_mutex_unlock(&deliveries->lock);
}

bool tamga_delivery_owner(struct tamga_deliveries *deliveries, const uint8_t nonce[16],
                          struct tamga_hash *device)
{
    struct row *row = NULL;

    pthread_mutex_lock(&deliveries->lock);
    HASH_FIND(by_nonce, deliveries->nonce, nonce, 16, row);
    if (row != NULL)
        *device = row->device;
    pthread_mutex_unlock(&deliveries->lock);
    return row != NULL;
}

void tamga_delivery_serve(struct tamga_deliveries *deliveries, const uint8_t nonce[16],
                          uint64_t bytes, uint64_t now_ms)
{
    struct row *row = NULL;

    pthread_mutex_lock(&deliveries->lock);
    HASH_FIND(by_nonce, deliveries->nonce, nonce, 16, row);
    if (row != NULL && follows(row->delivery.state, STATE(DOWNLOADING))) {
        row->left_bytes -= bytes < row->left_bytes ? bytes : row->left_bytes;
        row->delivery.state = row->left_bytes == 0 ? STATE(INSTALLING) : STATE(DOWNLOADING);
        row->delivery.changed_ms = now_ms;
    }
    pthread_mutex_unlock(&deliveries->lock);
}
