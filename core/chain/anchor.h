/*
 * Anchors: how far the blocks of one chain may know the chain above it. A header names a
 * block that is final there; its entries are judged by what stands at or below that one, so
 * that all who judge them, whenever they do, find the same. Knows no rule of either chain.
 *
 * What is read here does not change any more: a view may be a store's own reader, which
 * others write to meanwhile.
 * Source: docs/PROTOCOL.md, "Block validity".
 */
#ifndef TAMGA_CHAIN_ANCHOR_H
#define TAMGA_CHAIN_ANCHOR_H

#include "chain/finality.h"

/* The chain above, borrowed. {0}: none. */
struct tamga_upstream {
    const struct tamga_chain *chain;
    const struct tamga_view *view;
};

/*
 * Newest final block above, if its best chain has it.
 *
 * Errors:  NEED_ANCHOR: what is final above has not been connected there yet; the view's.
 */
TAMGA_MUST_USE enum tamga_err tamga_upstream_final(const struct tamga_upstream *above,
                                                   struct tamga_point *out);
/*
 * Judge an anchor against the one in the parent's header. Without a chain above it is zero.
 *
 * Outputs: *height: up to where the block may know the chain above; 0: nothing of it.
 * Errors:  NEED_ANCHOR: one of them is not known to be final yet; BAD_ANCHOR; the view's.
 */
TAMGA_MUST_USE enum tamga_err tamga_anchor_check(const struct tamga_upstream *above,
                                                 const struct tamga_hash *parent,
                                                 const struct tamga_hash *anchor,
                                                 uint64_t *height, struct tamga_detail *detail);
/* The anchor of a block that is made now: the newest final block above, or what the parent
 * has, if nothing but genesis is final. Errors: as of checking the parent's. */
TAMGA_MUST_USE enum tamga_err tamga_anchor_next(const struct tamga_upstream *above,
                                                const struct tamga_hash *parent,
                                                struct tamga_hash *anchor, uint64_t *height);

#endif
