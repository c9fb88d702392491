/*
 * The state map of a chain: every entry of the STATE family under one root, which the
 * header carries. Joins merkle/map.h to views and overlays. Knows no key's meaning.
 */
#ifndef TAMGA_CHAIN_STATE_MAP_H
#define TAMGA_CHAIN_STATE_MAP_H

#include "chain/overlay.h"
#include "merkle/map.h"
#include "tamga/v1/finality.pb-c.h"

/*
 * Bring the STATE writes of `state` into the map rows of `rows`, which may be the same
 * overlay. Errors: STORE_CORRUPT, STORE_IO, NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_state_map_apply(struct tamga_hash *root,
                                                    struct tamga_overlay *rows,
                                                    const struct tamga_overlay *state);
/* Root of what a view holds. */
TAMGA_MUST_USE enum tamga_err tamga_state_map_root(struct tamga_hash *root,
                                                   const struct tamga_view *view);
/* Proof of a key in what a view holds, present or absent.
 * Owns: *out by tamga_wire_free. */
TAMGA_MUST_USE enum tamga_err tamga_state_proof_make(Tamga__V1__StateProof **out,
                                                     const struct tamga_view *view,
                                                     const struct tamga_hash *key);
/*
 * Does a proof from outside show this key's value under the root? An empty value means that
 * the key is absent.
 *
 * Outputs: *value borrows from untrusted.
 * Errors:  MISSING_FIELD, BAD_LENGTH, PROOF_KEY, PROOF_DEPTH, PROOF_ROOT.
 */
TAMGA_MUST_USE enum tamga_err tamga_state_proof_check(struct tamga_span *value,
                                                      const struct tamga_hash *root,
                                                      const struct tamga_hash *key,
                                                      const Tamga__V1__StateProof *untrusted,
                                                      struct tamga_detail *detail);

#endif
