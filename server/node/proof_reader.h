/*
 * The chain as it was at a checkpoint: what proofs for outsiders are made from. The state
 * map is kept in place, so this is a snapshot that the node took when the checkpoint's
 * block was its tip.
 */
#ifndef TAMGA_NODE_PROOF_READER_H
#define TAMGA_NODE_PROOF_READER_H

#include "chain/finality.h"

struct tamga_node;

struct tamga_proof_reader {
    struct tamga_reader *reader; /* its state root is the checkpoint's */
    struct tamga_checkpoint checkpoint;
    Tamga__V1__Checkpoint *message; /* with a quorum of cosignatures */
    struct tamga_node *node;        /* private, as what follows */
    unsigned refs;
};
/*
 * The newest one there is.
 *
 * Owns:    *out until tamga_proof_reader_close; before the node is closed.
 * Errors:  NOT_READY: there is no checkpoint yet, or none whose state is at hand; the
 *          store's.
 * Threads: any; what is inside may be read by several.
 */
TAMGA_MUST_USE enum tamga_err tamga_proof_reader_open(struct tamga_proof_reader **out,
                                                      struct tamga_node *node);
/* For TAMGA_CLEANUP: *reader may be NULL. */
void tamga_proof_reader_close(struct tamga_proof_reader **reader);

/* What a checkpoint of our own store says: its signatures were verified before it was kept.
 * Errors: STORE_CORRUPT, NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_checkpoint_read(struct tamga_checkpoint *out,
                                                    const Tamga__V1__Checkpoint *message);
/* Height of the newest checkpoint in a store; 0: none yet. */
TAMGA_MUST_USE enum tamga_err tamga_checkpoint_height(uint64_t *height,
                                                      const struct tamga_reader *reader);

#endif
