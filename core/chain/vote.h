/*
 * Votes and checkpoints as things that validators sign: made, opened and verified without
 * any chain at hand. What follows from them is finality.h's.
 *
 * Source: Buterin and Griffith, "Casper the Friendly Finality Gadget" (2017);
 *         docs/PROTOCOL.md, "Finality" and "Checkpoints".
 */
#ifndef TAMGA_CHAIN_VOTE_H
#define TAMGA_CHAIN_VOTE_H

#include "chain/rules.h"
#include "tamga/v1/finality.pb-c.h"

/* A block by height and id. */
struct tamga_point {
    uint64_t height;
    struct tamga_block_id id;
};
bool tamga_point_equal(const struct tamga_point *a, const struct tamga_point *b);

/* What a vote says: source is justified, target descends from it. */
struct tamga_link {
    struct tamga_point source, target;
};
/* Would one honest validator never sign both? Not for a link and itself. */
enum tamga_err tamga_link_conflict(const struct tamga_link *a, const struct tamga_link *b);

/* Validators are named by their place in the chain's council; NOT_VALIDATOR for who is none
 * at that height. */
TAMGA_MUST_USE enum tamga_err tamga_validator_find(uint32_t *out,
                                                   const struct tamga_chain *chain,
                                                   struct tamga_span address, uint64_t height);

/* {0} is empty. */
struct tamga_vote {
    uint32_t validator;
    struct tamga_link link;
    struct tamga_buf bytes; /* the exact encoded Signed */
};
void tamga_vote_clear(struct tamga_vote *vote);
/*
 * Shape, validator, signature; no chain is looked at. out is the caller's.
 *
 * Errors:  as tamga_signed_open; BAD_LENGTH, NOT_VALIDATOR, BAD_VOTE, BAD_SIGNATURE.
 * Threads: any.
 */
TAMGA_MUST_USE enum tamga_err tamga_vote_open(struct tamga_vote *out,
                                              const struct tamga_chain *chain,
                                              const Tamga__V1__Signed *untrusted,
                                              struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_vote_decode(struct tamga_vote *out,
                                                const struct tamga_chain *chain,
                                                struct tamga_span untrusted,
                                                struct tamga_detail *detail);
/* Sign as the validator whose key this is. Errors: NOT_VALIDATOR, BAD_VOTE, CRYPTO. */
TAMGA_MUST_USE enum tamga_err tamga_vote_make(struct tamga_vote *out,
                                              const struct tamga_chain *chain,
                                              const struct tamga_link *link,
                                              const struct tamga_private_key *key);

struct tamga_checkpoint {
    struct tamga_point at;
    struct tamga_hash state_root;
    struct tamga_hash council; /* the validators after it; zero: genesis' */
    uint64_t time_ms;
};
/* One validator's word that a block is final for it. */
struct tamga_cosignature {
    uint32_t validator;
    struct tamga_checkpoint checkpoint;
    struct tamga_signature signature;
};
/* What all validators sign of it. Errors: NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_checkpoint_digest(struct tamga_hash *out,
                                                      const struct tamga_chain *chain,
                                                      const struct tamga_checkpoint *checkpoint);
TAMGA_MUST_USE enum tamga_err tamga_cosignature_make(struct tamga_cosignature *out,
                                                     const struct tamga_chain *chain,
                                                     const struct tamga_checkpoint *checkpoint,
                                                     const struct tamga_private_key *key);
/* A checkpoint with these cosignatures, all of one checkpoint; sorted in place.
 * Owns: *out by tamga_wire_free. */
TAMGA_MUST_USE enum tamga_err tamga_checkpoint_pack(Tamga__V1__Checkpoint **out,
                                                    const struct tamga_chain *chain,
                                                    struct tamga_cosignature *cosignature,
                                                    size_t count);

/*
 * Open a checkpoint and verify every cosignature on it, in order; the first fault is the
 * answer. A quorum is not asked for: *count says how many there are, at least 1.
 *
 * Shapes:  cosignature has room for TAMGA_VALIDATORS_MAX; NULL: not wanted.
 * Errors:  MISSING_FIELD, the wire's for the body, BAD_LENGTH, NOT_VALIDATOR,
 *          COSIGNER_TWICE, COSIGNER_REVOKED, BAD_SIGNATURE.
 * Threads: any.
 */
TAMGA_MUST_USE enum tamga_err tamga_checkpoint_open(struct tamga_checkpoint *out,
                                                    struct tamga_cosignature *cosignature,
                                                    size_t *count,
                                                    const struct tamga_chain *chain,
                                                    const Tamga__V1__Checkpoint *untrusted,
                                                    struct tamga_detail *detail);
/*
 * Open it and ask for a quorum: what a device, a client or a file of evidence believes.
 *
 * Shapes:  trusted: one that is believed already, e.g. from a former visit; NULL: none.
 * Errors:  as tamga_checkpoint_open; TOO_FEW_COSIGNERS; CHECKPOINT_OLDER,
 *          CHECKPOINT_CONFLICT against trusted.
 */
TAMGA_MUST_USE enum tamga_err tamga_checkpoint_verify(struct tamga_checkpoint *out,
                                                      const struct tamga_chain *chain,
                                                      const Tamga__V1__Checkpoint *untrusted,
                                                      const struct tamga_checkpoint *trusted,
                                                      struct tamga_detail *detail);

#endif
