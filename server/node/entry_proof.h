/*
 * Proof that an entry stands below a checkpoint, made from a store: for services and
 * offers alike. Verifies nothing: rules/proof.h does, where it arrives.
 */
#ifndef TAMGA_NODE_ENTRY_PROOF_H
#define TAMGA_NODE_ENTRY_PROOF_H

#include "chain/finality.h"
#include "node/chain_service.h"

/* {0} is empty. */
struct tamga_entry_proof {
    Tamga__V1__EntryProof message; /* points to what follows, all owned */
    struct tamga_inclusion_hold inclusion;
    struct tamga_buf payload;
    Tamga__V1__Checkpoint *checkpoint;
    uint8_t (*header)[TAMGA_HEADER_BYTES];
    ProtobufCBinaryData *header_bytes;
};
void tamga_entry_proof_clear(struct tamga_entry_proof *proof);

/* The store's checkpoint at the first height at or above; 0: the newest.
 * Owns: *out by tamga_wire_free. Errors: NOT_FOUND; the store's. */
TAMGA_MUST_USE enum tamga_err tamga_checkpoint_find(Tamga__V1__Checkpoint **out,
                                                    const struct tamga_reader *reader,
                                                    uint64_t height);
/*
 * By the first checkpoint at or above the entry's block: few headers lead to it, however
 * long ago that was.
 *
 * Shapes:  known: a checkpoint that the asker has anyway; the message names none if that
 *          one is as good. NULL: none.
 * Owns:    proof is emptied first; by tamga_entry_proof_clear, also after an error.
 * Errors:  NOT_FOUND: no such entry, or more headers than a proof may have; NOT_READY: not
 *          below a checkpoint yet; the store's.
 */
TAMGA_MUST_USE enum tamga_err tamga_entry_proof_make(struct tamga_entry_proof *proof,
                                                     const struct tamga_chain *chain,
                                                     const struct tamga_reader *reader,
                                                     const struct tamga_entry_id *id,
                                                     const struct tamga_checkpoint *known,
                                                     struct tamga_detail *detail);

#endif
