/*
 * What the files of the consortium's rules share. Private to this folder.
 *
 * An action is judged by *_check and written by *_apply; what it states alone, without any
 * state, is judged by *_shape when it is decoded.
 */
#ifndef TAMGA_RULES_INTERNAL_H
#define TAMGA_RULES_INTERNAL_H

#include "rules/rules.h"

#define TAMGA_AFTER_MAX         1000u /* blocks from decision to effect */
#define TAMGA_ROTATE_AFTER_MAX  16u /* the same of one's own key */
#define TAMGA_PROPOSAL_MS_MAX   (90ull * 86400000) /* from signing to expiry */
#define TAMGA_SPANS_MAX         32
#define TAMGA_SEATS_EVER_MAX    256
#define TAMGA_PARAMS_EVER_MAX   256 /* changes */
#define TAMGA_DELEGATIONS_MAX   32
#define TAMGA_SIGNED_BY_MAX     32 /* of a release: publisher, owner, 16 signers */

static inline const Tamga__V1__TransactionBody *tamga_body_of(const struct tamga_item *item)
{
    return (const Tamga__V1__TransactionBody *)item->body;
}

/* Does a list of names have this one? */
bool tamga_names_have(char *const *name, size_t count, struct tamga_span wanted);

/* One more id in a list of the index family. */
TAMGA_MUST_USE enum tamga_err tamga_list_add(struct tamga_overlay *state,
                                             const struct tamga_hash *group,
                                             const struct tamga_hash *id);

/* ---- members.c: who is a member and who makes blocks final, as the state has it ------ */

#define TAMGA_CHARTER_ADDED 2 /* a change adds at most one of each; one more for room */

/* {0} is empty. Rows of messages may be changed in place; what is added borrows. */
struct tamga_charter {
    Tamga__V1__StateRoster *roster;
    Tamga__V1__StateCouncil *council;
    Tamga__V1__Term **term; /* the roster's, and room for more */
    size_t term_count;
    Tamga__V1__Validator **seat;
    size_t seat_count;
    Tamga__V1__Term new_term;
    Tamga__V1__Validator new_seat;
    bool seats_changed;
};
void tamga_charter_clear(struct tamga_charter *charter);
TAMGA_MUST_USE enum tamga_err tamga_charter_load(struct tamga_charter *out,
                                                 const struct tamga_view *state);
/*
 * Judge a change that is decided in the block of the moment and holds from `effect` on, and
 * make it here; nothing is written yet.
 *
 * Owns:    the change is borrowed until the charter is cleared.
 * Errors:  UNKNOWN_MEMBER, NAME_TAKEN, KEY_TAKEN, KEY_ENDED, CHANGE_PENDING, NO_CHANGE,
 *          NO_QUORUM, ROSTER_FULL, BAD_VALUE (a seat without a node's role).
 */
TAMGA_MUST_USE enum tamga_err tamga_charter_change(struct tamga_charter *charter,
                                                   const struct tamga_network *network,
                                                   const Tamga__V1__MemberChange *change,
                                                   uint64_t height, uint64_t effect,
                                                   struct tamga_detail *detail);
/* May the member still change its key by itself? Half of the room for keys is for quorums, so
 * that no single member uses it up. Errors: ROSTER_FULL. */
TAMGA_MUST_USE enum tamga_err tamga_charter_rotates(const struct tamga_charter *charter,
                                                    const char *name,
                                                    struct tamga_detail *detail);
/* Roster, council, and the member's values by its keys. */
TAMGA_MUST_USE enum tamga_err tamga_charter_store(const struct tamga_charter *charter,
                                                  struct tamga_overlay *state,
                                                  const char *name);
/* The member's roles at a height, 0: none. */
uint32_t tamga_charter_roles(const struct tamga_charter *charter, const char *name,
                             uint64_t height);
/* How many have a say at a height. */
size_t tamga_charter_voters(const struct tamga_charter *charter,
                            const struct tamga_network *network, uint64_t height);
/* The hooks: every member's key and every seat, if there was a change since; the council as
 * it was. */
TAMGA_MUST_USE enum tamga_err tamga_members_learn(const struct tamga_chain *chain,
                                                  const struct tamga_view *state,
                                                  uint64_t height,
                                                  struct tamga_learned *learned);
TAMGA_MUST_USE enum tamga_err tamga_members_council(const struct tamga_chain *chain,
                                                    const struct tamga_view *state,
                                                    uint64_t height, struct tamga_hash *out);
/* Genesis: everybody from height 0 on. */
TAMGA_MUST_USE enum tamga_err tamga_charter_genesis(const struct tamga_chain *chain,
                                                    struct tamga_overlay *state);

/* ---- governance.c: proposals, approvals, a member's own key --------------------------- */

TAMGA_MUST_USE enum tamga_err tamga_propose_shape(const Tamga__V1__TransactionBody *body,
                                                  struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_rotate_shape(const Tamga__V1__RotateKey *rotate,
                                                 struct tamga_detail *detail);
/* The new key's own signature. Errors: BAD_POSSESSION. */
TAMGA_MUST_USE enum tamga_err tamga_rotate_verify(const struct tamga_chain *chain,
                                                  const struct tamga_item *item,
                                                  struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_governance_check(const struct tamga_chain *chain,
                                                     const struct tamga_view *state,
                                                     const struct tamga_item *item,
                                                     const struct tamga_state_value *sender,
                                                     const struct tamga_moment *at,
                                                     struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_governance_apply(const struct tamga_chain *chain,
                                                     struct tamga_overlay *state,
                                                     const struct tamga_item *item,
                                                     const struct tamga_state_value *sender,
                                                     uint64_t height);

/* ---- models.c: models, delegations, signatures that a release needs, withdrawal ------- */

TAMGA_MUST_USE enum tamga_err tamga_model_shape(const Tamga__V1__TransactionBody *body,
                                                struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_model_check(const struct tamga_view *state,
                                                const struct tamga_item *item,
                                                const struct tamga_state_value *sender,
                                                const struct tamga_moment *at,
                                                struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_model_apply(struct tamga_overlay *state,
                                                const struct tamga_item *item,
                                                const struct tamga_state_value *sender);
/* A signer's yes to a release. Errors: UNKNOWN_PROPOSAL if the id is none's. */
TAMGA_MUST_USE enum tamga_err tamga_countersign_check(const struct tamga_view *state,
                                                      const struct tamga_hash *release,
                                                      const struct tamga_state_value *sender,
                                                      struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_countersign_apply(struct tamga_overlay *state,
                                                      const struct tamga_hash *release,
                                                      const struct tamga_state_value *sender);
/* A release enters the chain: remembered by its id; the newest of its model, or it waits. */
TAMGA_MUST_USE enum tamga_err tamga_release_enter(struct tamga_overlay *state,
                                                  const struct tamga_item *item,
                                                  const struct tamga_state_value *sender);
/* Genesis' models. */
TAMGA_MUST_USE enum tamga_err tamga_models_genesis(const struct tamga_chain *chain,
                                                   struct tamga_overlay *state);

#endif
