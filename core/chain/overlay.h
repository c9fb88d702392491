/*
 * Writes that are not in the store yet, over a view that they hide. Overlays stack:
 * a block is judged on one of its own and merged down only if it is valid.
 */
#ifndef TAMGA_CHAIN_OVERLAY_H
#define TAMGA_CHAIN_OVERLAY_H

#include "chain/store.h"

/* Has nothing: below the first overlay, where there is no store. */
extern const struct tamga_view tamga_view_empty;

struct tamga_overlay_entry;
struct tamga_overlay_slot;
struct tamga_overlay_chunk;

struct tamga_overlay {
    struct tamga_view view; /* reads through: own writes first, then below */
    const struct tamga_view *below;
    struct tamga_overlay_entry **entry; /* in order of first write */
    size_t count, cap;
    struct tamga_overlay_slot *slot;    /* hashed by family and key */
    size_t slot_count;
    struct tamga_overlay_chunk *chunk;  /* entries lie here until the overlay is cleared */
};

void tamga_overlay_init(struct tamga_overlay *overlay, const struct tamga_view *below);
void tamga_overlay_clear(struct tamga_overlay *overlay);
TAMGA_MUST_USE enum tamga_err tamga_overlay_put(struct tamga_overlay *overlay,
                                                enum tamga_family family,
                                                struct tamga_span key,
                                                struct tamga_span value);
TAMGA_MUST_USE enum tamga_err tamga_overlay_erase(struct tamga_overlay *overlay,
                                                  enum tamga_family family,
                                                  struct tamga_span key);
/* Move all writes into the overlay below; `top` is empty afterwards. On NO_MEMORY both are
 * as they were. */
TAMGA_MUST_USE enum tamga_err tamga_overlay_merge(struct tamga_overlay *down,
                                                  struct tamga_overlay *top);
size_t tamga_overlay_count(const struct tamga_overlay *overlay);
/* All writes, borrowed until the overlay changes; *out is the caller's, by free(). */
TAMGA_MUST_USE enum tamga_err tamga_overlay_writes(const struct tamga_overlay *overlay,
                                                   struct tamga_write **out, size_t *count);

#endif
