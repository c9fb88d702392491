/* The proof that a release is its model's newest, as the checkpoint's state says. */
#ifndef TAMGA_NODE_RELEASE_PROOF_H
#define TAMGA_NODE_RELEASE_PROOF_H

#include "node/node.h"
#include "node/proof_reader.h"

/* What a message points to. {0} is empty. */
struct tamga_release_proof {
    struct tamga_proof_reader *reader;
    Tamga__V1__StateProof *latest;
    Tamga__V1__Signed *transaction; /* NULL: the state names none */
    Tamga__V1__StateProof *member;  /* its sender's; NULL likewise */
    Tamga__V1__ReleaseProof message;
};
void tamga_release_proof_clear(struct tamga_release_proof *proof);
/*
 * Made of a node of the consortium chain, at its newest checkpoint.
 *
 * Owns:    *proof by tamga_release_proof_clear, also after an error.
 * Errors:  as tamga_proof_reader_open: NOT_READY; the store's.
 */
TAMGA_MUST_USE enum tamga_err tamga_release_proof_make(struct tamga_release_proof *proof,
                                                       struct tamga_node *consortium,
                                                       const char *producer,
                                                       const char *model);
/* What a state has of a key's member, for whoever is to believe what it signed.
 * Owns: *out by tamga_wire_free. Errors: the view's. */
TAMGA_MUST_USE enum tamga_err tamga_member_proof_make(Tamga__V1__StateProof **out,
                                                      const struct tamga_view *state,
                                                      const struct tamga_address *address);

#endif
