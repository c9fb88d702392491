/*
 * What others may read of a chain's finality: from any view, by services and tools alike.
 * Kept by the engine, in the same batches as the blocks.
 */
#ifndef TAMGA_CHAIN_FINALITY_H
#define TAMGA_CHAIN_FINALITY_H

#include "chain/query.h"
#include "chain/vote.h"

/* Newest justified and newest final block; genesis until there are others. */
TAMGA_MUST_USE enum tamga_err tamga_query_justified(const struct tamga_view *view,
                                                    struct tamga_point *out);
TAMGA_MUST_USE enum tamga_err tamga_query_final(const struct tamga_view *view,
                                                struct tamga_point *out);
/* Checkpoint with a quorum, encoded, at the first height at or above; 0: the newest one.
 * Errors: NOT_FOUND. */
TAMGA_MUST_USE enum tamga_err tamga_query_checkpoint(const struct tamga_reader *reader,
                                                     uint64_t height, struct tamga_buf *out);
/* Votes for targets above a height, ascending, and all evidence of conflicts: spans are
 * borrowed for the call; false ends the scan. */
typedef bool (*tamga_each_encoded)(void *context, struct tamga_span encoded);
TAMGA_MUST_USE enum tamga_err tamga_query_votes(const struct tamga_reader *reader,
                                                uint64_t above, tamga_each_encoded each,
                                                void *context);
TAMGA_MUST_USE enum tamga_err tamga_query_conflicts(const struct tamga_reader *reader,
                                                    tamga_each_encoded each, void *context);

#endif
