/*
 * The verifier: says yes, or the exact reason why not, of what somebody shows. Trusts
 * genesis (in the chain), and a checkpoint of a former visit if there is one. Needs no
 * store and no network; devices, clients and files of evidence all ask here.
 *
 * Source: docs/PROTOCOL.md, "Checkpoints" and "State proofs".
 */
#ifndef TAMGA_RULES_PROOF_H
#define TAMGA_RULES_PROOF_H

#include "chain/vote.h"
#include "rules/rules.h"
#include "tamga/v1/chain_service.pb-c.h"

/*
 * An entry's place in a block: the leaf that the rules make of this very item, and the path
 * from it to the block's root. Whether the block counts is the caller's to judge.
 *
 * Errors:  BAD_COMMITMENT: the leaf is another; BAD_LENGTH (path), BAD_PROOF; NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_inclusion_check(const struct tamga_chain *chain,
                                                    const struct tamga_header *header,
                                                    const struct tamga_item *item,
                                                    const Tamga__V1__Inclusion *untrusted,
                                                    struct tamga_detail *detail);

/* A member as a state that is believed has it. */
struct tamga_standing {
    char name[TAMGA_NAME_BYTES_MAX + 1];
    uint32_t roles; /* of this key, at any time: those that are over count */
};
/*
 * Whose key is or was this? Knows of members that genesis does not name.
 *
 * Errors:  those of tamga_state_proof_check; NOT_MEMBER: the state has no such key; the
 *          wire's, if it holds something else there.
 */
TAMGA_MUST_USE enum tamga_err tamga_standing_check(struct tamga_standing *out,
                                                   const struct tamga_hash *state_root,
                                                   const struct tamga_address *address,
                                                   const Tamga__V1__StateProof *untrusted,
                                                   struct tamga_detail *detail);
/* The same, of a value that is proved already. Errors: NOT_MEMBER, the wire's. */
TAMGA_MUST_USE enum tamga_err tamga_standing_read(struct tamga_standing *out,
                                                  struct tamga_span value,
                                                  struct tamga_detail *detail);
/*
 * Could such a member have published this? What its key might do at the time was judged by
 * every validator when the release's block was connected; this asks that a block which no
 * honest one would have connected shows itself.
 *
 * Errors:  GATEWAY_SENDER, NOT_PRODUCER; NOT_AUTHORIZED: an OEM's, for another's model.
 */
TAMGA_MUST_USE enum tamga_err tamga_publisher_check(const struct tamga_standing *sender,
                                                    const Tamga__V1__Release *release,
                                                    struct tamga_detail *detail);

/*
 * Learn validators that came after those who are trusted: whoever trusts the checkpoint's
 * cosigners trusts the council that it states. One that is known already changes nothing.
 *
 * Outputs: *checkpoint: as shown; trusted from now on, if it is above `trusted`.
 * Errors:  MISSING_FIELD; those of tamga_checkpoint_verify, but for CHECKPOINT_OLDER;
 *          BAD_COUNCIL; ROSTER_FULL; the wire's for the council.
 * Threads: one; others may read the council.
 */
TAMGA_MUST_USE enum tamga_err tamga_council_step(struct tamga_checkpoint *checkpoint,
                                                 const struct tamga_chain *chain,
                                                 const Tamga__V1__CouncilStep *untrusted,
                                                 struct tamga_detail *detail);
/* Several, one after the other; and is it the council that a checkpoint states by now? */
TAMGA_MUST_USE enum tamga_err tamga_council_steps(const struct tamga_chain *chain,
                                                  Tamga__V1__CouncilStep *const *untrusted,
                                                  size_t count, struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_council_is(const struct tamga_chain *chain,
                                               const struct tamga_checkpoint *checkpoint,
                                               struct tamga_detail *detail);
/* A council that was learned by steps up to a height, kept since. Errors: as above. */
TAMGA_MUST_USE enum tamga_err tamga_council_restore(const struct tamga_chain *chain,
                                                    struct tamga_span kept, uint64_t as_of);

/*
 * Is this the newest release of the model, as of the checkpoint shown?
 *
 * Shapes:  item is emptied first; it stays empty if the proof shows that there is none.
 *          withdrawn: the newest one was, and is not to be installed. trusted may be NULL.
 * Errors:  those of tamga_council_step, tamga_checkpoint_verify and
 *          tamga_state_proof_check; BAD_COUNCIL: validators changed, and no step says so; the
 *          rules' of decode and verify; of tamga_standing_check and tamga_publisher_check for
 *          the sender; NOT_NEWEST: it is not the one that the state names; MISSING_FIELD;
 *          MODEL_MISMATCH.
 */
TAMGA_MUST_USE enum tamga_err tamga_release_proof_check(
    struct tamga_item *item, bool *withdrawn, struct tamga_checkpoint *checkpoint,
    const struct tamga_chain *consortium, const Tamga__V1__ReleaseProof *untrusted,
    const char *producer, const char *model, const struct tamga_checkpoint *trusted,
    struct tamga_detail *detail);

/*
 * Does an entry of either chain stand in a block that the checkpoint shown makes final?
 * The seal inside the inclusion is not looked at, and may be absent.
 *
 * Outputs: item: the entry, its signatures verified; header: of its block.
 * Errors:  those of tamga_checkpoint_verify; the rules' of decode and verify; PROOF_HEADERS;
 *          BAD_COMMITMENT, BAD_PROOF; MISSING_FIELD, BAD_LENGTH.
 */
TAMGA_MUST_USE enum tamga_err tamga_entry_proof_check(
    struct tamga_item *item, struct tamga_header *header, struct tamga_checkpoint *checkpoint,
    const struct tamga_chain *chain, const Tamga__V1__EntryProof *untrusted,
    const struct tamga_checkpoint *trusted, struct tamga_detail *detail);

#endif
