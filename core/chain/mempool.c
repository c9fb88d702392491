/* The mempool's tables. Knows limits and claims, not what they mean. */
#include "chain/mempool.h"

#include <stdlib.h>

/* All keys here are SHA-256: any four bytes of them are a hash. */
#define HASH_FUNCTION(key, len, hash) ((hash) = tamga_get_u32((const uint8_t *)(key)))
#include <uthash.h>

struct tamga_pending_claim {
    UT_hash_handle hh; /* keyed by the item's claim */
    struct tamga_pending *holder;
};

struct tamga_pending {
    UT_hash_handle hh; /* keyed by item.id */
    struct tamga_item item;
    uint64_t arrival_ms;
    struct tamga_pending_claim claim[]; /* as many as the item has */
};

struct tamga_pending_sender {
    UT_hash_handle hh;
    struct tamga_address sender;
    uint32_t count;
};

void tamga_mempool_init(struct tamga_mempool *mempool, const struct tamga_rules *rules)
{
    *mempool = (struct tamga_mempool){.rules = rules};
}

static struct tamga_pending *find(const struct tamga_mempool *mempool,
                                  const struct tamga_entry_id *id)
{
    struct tamga_pending *pending = NULL;

    HASH_FIND(hh, mempool->by_id, id, sizeof *id, pending);
    return pending;
}

static struct tamga_pending_claim *find_claim(const struct tamga_mempool *mempool,
                                              const struct tamga_hash *claim)
{
    struct tamga_pending_claim *holder = NULL;

    HASH_FIND(hh, mempool->claims, claim, sizeof *claim, holder);
    return holder;
}

static struct tamga_pending_sender *find_sender(const struct tamga_mempool *mempool,
                                                const struct tamga_address *sender)
{
    struct tamga_pending_sender *count = NULL;

    HASH_FIND(hh, mempool->senders, sender, sizeof *sender, count);
    return count;
}

const struct tamga_item *tamga_mempool_find(const struct tamga_mempool *mempool,
                                            const struct tamga_entry_id *id)
{
    const struct tamga_pending *pending = find(mempool, id);

    return pending == NULL ? NULL : &pending->item;
}

const struct tamga_item *tamga_mempool_find_claim(const struct tamga_mempool *mempool,
                                                  const struct tamga_hash *claim)
{
    const struct tamga_pending_claim *holder = find_claim(mempool, claim);

    return holder == NULL ? NULL : &holder->holder->item;
}

static enum tamga_err admit(const struct tamga_mempool *mempool,
                            const struct tamga_item *item, bool returned,
                            struct tamga_detail *detail)
{
    const struct tamga_rules *rules = mempool->rules;
    const struct tamga_pending_sender *sender = find_sender(mempool, &item->sender);

    if (find(mempool, &item->id) != NULL)
        return TAMGA_E_DUPLICATE_PENDING;
    for (size_t i = 0; i < item->claim_count; i++)
        if (find_claim(mempool, &item->claim[i]) != NULL)
            return TAMGA_E_DUPLICATE_PENDING;
    if (returned)
        return TAMGA_OK;
    if (sender != NULL && sender->count >= rules->pending_sender_max)
        return tamga_refuse(detail, TAMGA_E_QUOTA, "%u entries of this sender wait",
                            sender->count);
    /* What was returned may have brought it above the bound. */
    if (mempool->count >= rules->pending_max ||
        mempool->bytes + item->payload.len > rules->pending_bytes_max)
        return tamga_refuse(detail, TAMGA_E_MEMPOOL_FULL, "%zu entries, %llu bytes wait",
                            mempool->count, (unsigned long long)mempool->bytes);
    return TAMGA_OK;
}

static void count_sender(struct tamga_mempool *mempool, struct tamga_pending_sender *sender)
{
    if (--sender->count > 0)
        return;
    HASH_DEL(mempool->senders, sender);
    free(sender);
}

/* The sender's counter, made if it is the sender's first entry. */
static enum tamga_err take_sender(struct tamga_mempool *mempool,
                                  struct tamga_pending_sender **out,
                                  const struct tamga_address *address)
{
    struct tamga_pending_sender *sender = find_sender(mempool, address);

    if (sender == NULL) {
        sender = calloc(1, sizeof *sender);
        if (sender == NULL)
            return TAMGA_E_NO_MEMORY;
        sender->sender = *address;
        HASH_ADD(hh, mempool->senders, sender, sizeof(struct tamga_address), sender);
    }
    *out = sender;
    return TAMGA_OK;
}

enum tamga_err tamga_mempool_add(struct tamga_mempool *mempool, struct tamga_item *item,
                                 uint64_t arrival_ms, bool returned,
                                 struct tamga_detail *detail)
{
    struct tamga_pending_sender *sender;
    struct tamga_pending *pending;
    enum tamga_err err = admit(mempool, item, returned, detail);

    if (err != TAMGA_OK)
        return err;
    pending = calloc(1, sizeof *pending + item->claim_count * sizeof pending->claim[0]);
    if (pending == NULL)
        return TAMGA_E_NO_MEMORY;
    err = take_sender(mempool, &sender, &item->sender);
    if (err != TAMGA_OK) {
        free(pending);
        return err;
    }
    pending->arrival_ms = arrival_ms;
    tamga_item_move(&pending->item, item);
    item = &pending->item;
    for (size_t i = 0; i < item->claim_count; i++) {
        struct tamga_pending_claim *claim = &pending->claim[i];

        claim->holder = pending;
        HASH_ADD_KEYPTR(hh, mempool->claims, &item->claim[i], sizeof(struct tamga_hash), claim);
    }
    sender->count++;
    mempool->count++;
    mempool->bytes += item->payload.len;
    mempool->urgent_count += item->urgent;
    HASH_ADD(hh, mempool->by_id, item.id, sizeof(struct tamga_entry_id), pending);
    return TAMGA_OK;
}

void tamga_mempool_remove(struct tamga_mempool *mempool, const struct tamga_entry_id *id)
{
    struct tamga_pending *pending = find(mempool, id);

    if (pending == NULL)
        return;
    for (size_t i = 0; i < pending->item.claim_count; i++)
        HASH_DELETE(hh, mempool->claims, &pending->claim[i]);
    count_sender(mempool, find_sender(mempool, &pending->item.sender));
    mempool->count--;
    mempool->bytes -= pending->item.payload.len;
    mempool->urgent_count -= pending->item.urgent;
    HASH_DEL(mempool->by_id, pending);
    tamga_item_clear(&pending->item);
    free(pending);
}

void tamga_mempool_clear(struct tamga_mempool *mempool)
{
    while (mempool->by_id != NULL) {
        struct tamga_entry_id id = mempool->by_id->item.id;

        tamga_mempool_remove(mempool, &id);
    }
}

uint64_t tamga_mempool_oldest_ms(const struct tamga_mempool *mempool)
{
    return mempool->by_id == NULL ? 0 : mempool->by_id->arrival_ms;
}

static int by_arrival(struct tamga_pending *a, struct tamga_pending *b)
{
    return a->arrival_ms < b->arrival_ms ? -1 : a->arrival_ms > b->arrival_ms;
}

void tamga_mempool_restore(struct tamga_mempool *mempool)
{
    HASH_SORT(mempool->by_id, by_arrival);
}

static int by_time(const void *a, const void *b)
{
    const struct tamga_item *x = *(const struct tamga_item *const *)a;
    const struct tamga_item *y = *(const struct tamga_item *const *)b;

    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return memcmp(&x->id, &y->id, sizeof x->id);
}

enum tamga_err tamga_mempool_sorted(const struct tamga_mempool *mempool,
                                    const struct tamga_item ***out)
{
    const struct tamga_item **item = calloc(mempool->count + 1, sizeof *item);
    size_t i = 0;

    if (item == NULL)
        return TAMGA_E_NO_MEMORY;
    for (const struct tamga_pending *at = mempool->by_id; at != NULL; at = at->hh.next)
        item[i++] = &at->item;
    qsort(item, mempool->count, sizeof *item, by_time);
    *out = item;
    return TAMGA_OK;
}
