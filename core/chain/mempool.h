/*
 * Entries that wait for a block: bounded in number, bytes and per sender; no two that
 * claim the same. In memory; the engine keeps its copy in the store.
 */
#ifndef TAMGA_CHAIN_MEMPOOL_H
#define TAMGA_CHAIN_MEMPOOL_H

#include "chain/rules.h"

struct tamga_pending;
struct tamga_pending_claim;
struct tamga_pending_sender;

struct tamga_mempool {
    const struct tamga_rules *rules;     /* its limits */
    struct tamga_pending *by_id;         /* in order of arrival */
    struct tamga_pending_claim *claims;
    struct tamga_pending_sender *senders;
    size_t count;
    size_t urgent_count;
    uint64_t bytes;
};

void tamga_mempool_init(struct tamga_mempool *mempool, const struct tamga_rules *rules);
void tamga_mempool_clear(struct tamga_mempool *mempool);

/*
 * Takes the item on success.
 *
 * Errors:  DUPLICATE_PENDING (another entry holds one of its claims, or it is here
 *          itself), QUOTA, MEMPOOL_FULL, NO_MEMORY. Entries that come back from an
 *          abandoned block (`returned`) are bound by claims only: they were accepted once.
 */
TAMGA_MUST_USE enum tamga_err tamga_mempool_add(struct tamga_mempool *mempool,
                                                struct tamga_item *item, uint64_t arrival_ms,
                                                bool returned, struct tamga_detail *detail);
/* NULL: not here. Borrowed until removed. */
const struct tamga_item *tamga_mempool_find(const struct tamga_mempool *mempool,
                                            const struct tamga_entry_id *id);
const struct tamga_item *tamga_mempool_find_claim(const struct tamga_mempool *mempool,
                                                  const struct tamga_hash *claim);
/* Nothing happens if it is not here. */
void tamga_mempool_remove(struct tamga_mempool *mempool, const struct tamga_entry_id *id);
/* Put entries that were added in another order back into that of their arrival. */
void tamga_mempool_restore(struct tamga_mempool *mempool);
/* When the oldest arrived; 0 if empty. */
uint64_t tamga_mempool_oldest_ms(const struct tamga_mempool *mempool);
/* All items by (time signed, id): a producer's releases stay in the order it signed
 * them. *out is the caller's, by free(); the items are borrowed. */
TAMGA_MUST_USE enum tamga_err tamga_mempool_sorted(const struct tamga_mempool *mempool,
                                                   const struct tamga_item ***out);

#endif
