/*
 * Release proofs that were made for one device of a model, for all others that come while
 * the checkpoint is the newest. Encoded; knows no chain. Any thread.
 */
#ifndef TAMGA_GATEWAY_PROOF_CACHE_H
#define TAMGA_GATEWAY_PROOF_CACHE_H

#include "base/id.h"

#define TAMGA_PROOF_CACHE_MAX       1024u     /* models */
#define TAMGA_PROOF_CACHE_BYTES_MAX 16777216u /* of all proofs together */

struct tamga_proof_cache;
TAMGA_MUST_USE enum tamga_err tamga_proof_cache_new(struct tamga_proof_cache **out,
                                                    size_t count_max, size_t bytes_max);
void tamga_proof_cache_free(struct tamga_proof_cache *cache);

/* Replace *out with a copy. model: tamga_key_latest.
 * Errors: NOT_FOUND: none as of this height; NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_proof_cache_find(struct tamga_proof_cache *cache,
                                                     struct tamga_buf *out, uint64_t height,
                                                     const struct tamga_hash *model);
/* Keep a copy, if there is memory and room for it. A proof as of a newer checkpoint takes
 * the place of all that are older, one of an older is not kept; within one checkpoint the
 * proof that was made first makes room. */
void tamga_proof_cache_keep(struct tamga_proof_cache *cache, uint64_t height,
                            const struct tamga_hash *model, struct tamga_span proof);

#endif
