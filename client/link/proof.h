/*
 * What a client checks of what nodes say: a status, a sealed header, the place of an
 * entry in a block. Trusts the genesis alone. Knows no connection.
 */
#ifndef TAMGA_LINK_PROOF_H
#define TAMGA_LINK_PROOF_H

#include "chain/block.h"
#include "chain/rules.h"
#include "tamga/v1/chain_service.pb-c.h"

/*
 * A node's signed status. Its signer may be any member that mines or follows the chain.
 *
 * Owns:    *out is the caller's, tamga_wire_free.
 * Errors:  MISSING_FIELD, as tamga_signed_open, ADDRESS_MISMATCH, NOT_MEMBER,
 *          BAD_SIGNATURE, BAD_LENGTH.
 */
TAMGA_MUST_USE enum tamga_err tamga_status_open(Tamga__V1__StatusBody **out,
                                                const struct tamga_chain *chain,
                                                const Tamga__V1__Signed *untrusted,
                                                struct tamga_detail *detail);

/*
 * A header by itself: of our chain, with the work that its target asks for (and a target
 * no easier than the chain's limit), sealed by a member that may mine. Whether it is on
 * the best chain is not to be seen from one header.
 *
 * Errors:  MISSING_FIELD, BAD_LENGTH, BAD_SIGNATURE (shape), BAD_VERSION, WRONG_CHAIN,
 *          BAD_HEIGHT (genesis),
 *          BLOCK_TOO_LARGE, BAD_TARGET, BAD_WORK, NOT_MINER, BAD_SEAL.
 */
TAMGA_MUST_USE enum tamga_err tamga_header_proof(struct tamga_sealed *out,
                                                 struct tamga_block_id *id,
                                                 const struct tamga_chain *chain,
                                                 const Tamga__V1__SealedHeader *untrusted,
                                                 struct tamga_detail *detail);

/*
 * An entry's place: its block as above, the leaf that the rules make of this very item,
 * and the path from it to the block's root.
 *
 * Errors:  as tamga_header_proof; BAD_COMMITMENT: the leaf is another; BAD_LENGTH (path);
 *          BAD_PROOF.
 */
TAMGA_MUST_USE enum tamga_err tamga_inclusion_proof(struct tamga_sealed *out,
                                                    struct tamga_block_id *id,
                                                    const struct tamga_chain *chain,
                                                    const struct tamga_item *item,
                                                    const Tamga__V1__Inclusion *untrusted,
                                                    struct tamga_detail *detail);

#endif
