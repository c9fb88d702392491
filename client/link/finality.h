/*
 * What clients ask of a chain's finality, and check before anybody sees it: checkpoints
 * with a quorum, entries below one, evidence against validators. Trusts genesis alone.
 */
#ifndef TAMGA_LINK_FINALITY_H
#define TAMGA_LINK_FINALITY_H

#include "chain/vote.h"
#include "link/session.h"

/* A checkpoint that a quorum has cosigned, and who they are. */
struct tamga_cosigned {
    struct tamga_checkpoint checkpoint;
    size_t count;
    const char *name[TAMGA_VALIDATORS_MAX]; /* of members, ascending by address; borrowed */
};
/* Errors: as tamga_checkpoint_verify. */
TAMGA_MUST_USE enum tamga_err tamga_cosigned_open(struct tamga_cosigned *out,
                                                  const struct tamga_chain *chain,
                                                  const Tamga__V1__Checkpoint *untrusted,
                                                  struct tamga_detail *detail);
/* The same of one that was verified a moment ago, as part of a proof. */
void tamga_cosigned_list(struct tamga_cosigned *out, const struct tamga_chain *chain,
                         const struct tamga_checkpoint *checkpoint,
                         const Tamga__V1__Checkpoint *verified);
/* What does not verify under the validators that are known here may do so under later ones. */
bool tamga_may_be_later(enum tamga_err err);
/*
 * Learn the validators that came after those of genesis, each step cosigned by those before.
 * Errors: as the session's; as tamga_council_steps; PEER_LIED.
 */
TAMGA_MUST_USE enum tamga_err tamga_councils_fetch(struct tamga_session *session,
                                                   const struct tamga_chain *chain,
                                                   struct tamga_detail *detail);
/*
 * Ask for the first checkpoint at or above a height; 0: the newest.
 *
 * Errors:  NOT_FOUND: there is none; as tamga_cosigned_open; PEER_LIED: one from below.
 */
TAMGA_MUST_USE enum tamga_err tamga_cosigned_fetch(struct tamga_cosigned *out,
                                                   struct tamga_session *session,
                                                   const struct tamga_chain *chain,
                                                   uint64_t height,
                                                   struct tamga_detail *detail);

/* The block of an entry, and a checkpoint that makes it final. */
struct tamga_final_place {
    struct tamga_header header;
    struct tamga_block_id block;
    struct tamga_checkpoint checkpoint;
};
/*
 * Ask whether an entry is final, by id, and for the proof.
 *
 * Errors:  of the later class: not yet; NOT_FOUND: never heard of it; those of
 *          tamga_entry_proof_check; ID_MISMATCH: another entry was shown.
 */
TAMGA_MUST_USE enum tamga_err tamga_final_place_fetch(struct tamga_final_place *out,
                                                      struct tamga_session *session,
                                                      const struct tamga_chain *chain,
                                                      const struct tamga_entry_id *id,
                                                      struct tamga_detail *detail);

/* The same, and the entry itself: its signatures verified, its author's authority not.
 * Owns: item by tamga_item_clear. */
TAMGA_MUST_USE enum tamga_err tamga_final_entry_fetch(struct tamga_item *item,
                                                      struct tamga_final_place *out,
                                                      struct tamga_session *session,
                                                      const struct tamga_chain *chain,
                                                      const struct tamga_entry_id *id,
                                                      struct tamga_detail *detail);

/* A validator that signed what no honest one does. */
struct tamga_contradiction {
    const char *name;    /* of the member; borrowed from the network */
    enum tamga_err rule; /* VOTE_TWICE or VOTE_SURROUNDS */
    struct tamga_link first, second;
};
/*
 * Are these two votes of one validator, signed both, that contradict each other?
 *
 * Errors:  MISSING_FIELD; as tamga_vote_open; PEER_LIED: they are of two validators, or do
 *          not contradict each other.
 */
TAMGA_MUST_USE enum tamga_err tamga_contradiction_open(struct tamga_contradiction *out,
                                                       const struct tamga_chain *chain,
                                                       const Tamga__V1__VoteConflict *untrusted,
                                                       struct tamga_detail *detail);

#endif
