/*
 * Reading a chain from its store: by engine, services and tools alike. Pure reads of
 * any view; a snapshot answers consistently.
 */
#ifndef TAMGA_CHAIN_QUERY_H
#define TAMGA_CHAIN_QUERY_H

#include "chain/block.h"
#include "chain/rules.h"

#define TAMGA_STORED_BODY    1u /* the body is here */
#define TAMGA_STORED_INVALID 2u /* breaks a rule, or builds on one that does */
#define TAMGA_STORED_VERIFIED 4u /* the signatures of all entries were verified on arrival */

struct tamga_stored_header {
    struct tamga_sealed sealed; /* genesis: the seal is empty (len 0) */
    struct tamga_u256 work;     /* cumulative */
    uint32_t flags;
    uint64_t received_ms;
};

struct tamga_place {
    uint64_t height;
    uint32_t index;
};

/* All: NOT_FOUND; STORE_CORRUPT if what is there does not decode; STORE_IO; NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_query_header(const struct tamga_view *view,
                                                 const struct tamga_block_id *id,
                                                 struct tamga_stored_header *out);
/* Tip of the best chain. */
TAMGA_MUST_USE enum tamga_err tamga_query_tip(const struct tamga_view *view,
                                              struct tamga_block_id *out);
/* Block of the best chain at a height. */
TAMGA_MUST_USE enum tamga_err tamga_query_id_at(const struct tamga_view *view, uint64_t height,
                                                struct tamga_block_id *out);
/* Header and body. NOT_FOUND also if only the header is here. */
TAMGA_MUST_USE enum tamga_err tamga_query_block(const struct tamga_view *view,
                                                const struct tamga_block_id *id,
                                                struct tamga_block *out);
/* Where an entry stands on the best chain. */
TAMGA_MUST_USE enum tamga_err tamga_query_place(const struct tamga_view *view,
                                                const struct tamga_entry_id *id,
                                                struct tamga_place *out);
/* The exact payload of an entry, pending (then *pending) or on the best chain. */
TAMGA_MUST_USE enum tamga_err tamga_query_payload(const struct tamga_chain *chain,
                                                  const struct tamga_view *view,
                                                  const struct tamga_entry_id *id,
                                                  struct tamga_buf *out, bool *pending);
/* The newest locator id that is on the best chain; genesis if none is. */
TAMGA_MUST_USE enum tamga_err tamga_query_fork(const struct tamga_view *view,
                                               const struct tamga_block_id *locator,
                                               size_t count, uint64_t *height);

/* Writing the same records; for the engine. */
TAMGA_MUST_USE enum tamga_err tamga_record_header(struct tamga_overlay *overlay,
                                                  const struct tamga_block_id *id,
                                                  const struct tamga_stored_header *stored);
TAMGA_MUST_USE enum tamga_err tamga_record_place(struct tamga_overlay *overlay,
                                                 const struct tamga_entry_id *id,
                                                 const struct tamga_place *place);
void tamga_height_key(uint8_t out[8], uint64_t height);

#endif
