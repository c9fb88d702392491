/*
 * What the consortium chain's state says, as of the newest checkpoint and proved by it; and
 * whom a client knows by that, beyond genesis. Trusts genesis alone. Shows nothing.
 */
#ifndef TAMGA_LINK_STATE_H
#define TAMGA_LINK_STATE_H

#include "chain/vote.h"
#include "link/client_internal.h"
#include "rules/rules.h"

/*
 * One key's value; empty: the key is absent. Every node is asked at most once.
 *
 * Outputs: value, and the checkpoint whose state it is; untouched on failure.
 * Errors:  NOT_READY: there is no checkpoint yet, or no node can prove from it now; those of
 *          tamga_checkpoint_verify and tamga_state_proof_check; the nodes'.
 */
TAMGA_MUST_USE enum tamga_err tamga_state_fetch(struct tamga_buf *value,
                                                struct tamga_checkpoint *at,
                                                struct tamga_client *client,
                                                const struct tamga_hash *key,
                                                struct tamga_detail *detail);
/* The same, unpacked; *out stays NULL if the key is absent. Owns: tamga_wire_free. */
TAMGA_MUST_USE enum tamga_err tamga_state_unpack(ProtobufCMessage **out,
                                                 struct tamga_checkpoint *at,
                                                 struct tamga_client *client,
                                                 const struct tamga_hash *key,
                                                 const ProtobufCMessageDescriptor *type,
                                                 struct tamga_detail *detail);

/* The same; where nothing is proved yet, what genesis put there, and the checkpoint is of
 * height 0. Errors: as above, without NOT_READY. */
TAMGA_MUST_USE enum tamga_err tamga_state_known(ProtobufCMessage **out,
                                                struct tamga_checkpoint *at,
                                                struct tamga_client *client,
                                                const struct tamga_hash *key,
                                                const ProtobufCMessageDescriptor *type,
                                                struct tamga_detail *detail);

/*
 * Learn every member's keys from the roster, so that entries of those who came later, or who
 * have other keys since, verify; and who we are ourselves. Without a checkpoint genesis is
 * what is known, and that is no error.
 *
 * Errors:  those of a proof that does not verify; the nodes'.
 */
TAMGA_MUST_USE enum tamga_err tamga_client_learn(struct tamga_client *client,
                                                 struct tamga_detail *detail);

/* What was said of a release since, proved; *out stays NULL if nothing was. Owns:
 * tamga_wire_free. */
TAMGA_MUST_USE enum tamga_err tamga_release_state(Tamga__V1__StateRelease **out,
                                                  struct tamga_client *client,
                                                  const struct tamga_hash *release,
                                                  struct tamga_detail *detail);
/* "revoked" and so on; "" for a term without an end. */
const char *tamga_ending_text(Tamga__V1__Ending ending);
/* Whether the key that signed something is still its member's. Before the first checkpoint it
 * is. Errors: NOT_MEMBER: it never was; as tamga_state_fetch. */
TAMGA_MUST_USE enum tamga_err tamga_signer_fetch(struct tamga_signer_info *out,
                                                 struct tamga_client *client,
                                                 const struct tamga_address *signer,
                                                 struct tamga_detail *detail);

/*
 * May the author of a verified release publish it? By genesis; or by the model as it is now;
 * or because the release is final, so that validators judged it by what was so then.
 *
 * Errors:  as tamga_release_authority_proved.
 */
TAMGA_MUST_USE enum tamga_err tamga_author_check(struct tamga_client *client,
                                                 const struct tamga_item *item,
                                                 struct tamga_detail *detail);

#endif
