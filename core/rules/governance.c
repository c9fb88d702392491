/*
 * What members decide together, or of themselves: proposals, approvals, a new key. An
 * approval names the hash of the proposal's exact bytes, so that it is worth nothing for
 * another one. Knows how members change (members.c), not what a release is.
 * Source: docs/PROTOCOL.md, "Governance".
 */
#include <inttypes.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "rules/internal.h"
#include "wire/wire.h"

/* ---- shape: what can be judged without any state ------------------------------------- */

static enum tamga_err key_shape(const Tamga__V1__PublicKey *stated,
                                struct tamga_detail *detail)
{
    struct tamga_public_key *key = NULL;
    enum tamga_err err = tamga_wire_key(&key, stated);

    tamga_public_key_free(key);
    return err == TAMGA_OK ? TAMGA_OK : tamga_refuse(detail, err, "the new key is not usable");
}

static enum tamga_err after_shape(uint32_t after, uint32_t after_max,
                                  struct tamga_detail *detail)
{
    if (after < 1 || after > after_max)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "takes effect after %" PRIu32 " blocks; must be 1..%" PRIu32, after,
                            after_max);
    return TAMGA_OK;
}

static enum tamga_err member_shape(const Tamga__V1__MemberChange *change,
                                   struct tamga_detail *detail)
{
    bool ends = change->standing == TAMGA__V1__STANDING__STANDING_SUSPENDED ||
                change->standing == TAMGA__V1__STANDING__STANDING_REMOVED;

    if (!tamga_member_name_ok(change->name))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "member name must be 1..32 characters of a-z, 0-9 and -");
    if (change->roles != 0 && !tamga_roles_ok(change->roles))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "member %s has roles %" PRIu32,
                            change->name, change->roles);
    if (ends && (change->key != NULL || change->roles != 0 ||
                 change->seat == TAMGA__V1__SEAT__SEAT_TAKES))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "%s cannot end and get a key, roles or a seat", change->name);
    if (change->revoke_key && change->key == NULL &&
        change->standing == TAMGA__V1__STANDING__STANDING_ACTIVE)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "%s cannot be active without a key", change->name);
    return change->key == NULL ? TAMGA_OK : key_shape(change->key, detail);
}

static enum tamga_err params_shape(const Tamga__V1__ParamsChange *change,
                                   struct tamga_detail *detail)
{
    if (strcmp(change->chain, "consortium") != 0)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "only the consortium chain's parameters can change");
    if (change->entry_age_max_ms == 0 && change->block_entries_max == 0 &&
        change->block_bytes_max == 0)
        return tamga_refuse(detail, TAMGA_E_NO_CHANGE, "it names no parameter");
    if (change->entry_age_max_ms != 0 &&
        (change->entry_age_max_ms < 1000 || change->entry_age_max_ms > 31622400000))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "entry_age_max_ms must be 1000..31622400000");
    if (change->block_entries_max > 65536)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "block_entries_max must be 1..65536");
    if (change->block_bytes_max != 0 &&
        (change->block_bytes_max < 131072 || change->block_bytes_max > 2097152))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "block_bytes_max must be 131072..2097152");
    return TAMGA_OK;
}

enum tamga_err tamga_propose_shape(const Tamga__V1__TransactionBody *body,
                                   struct tamga_detail *detail)
{
    const Tamga__V1__Propose *propose = body->propose;
    enum tamga_err err = after_shape(propose->after, TAMGA_AFTER_MAX, detail);

    if (err != TAMGA_OK)
        return err;
    if (propose->expires_ms <= body->time_ms ||
        propose->expires_ms - body->time_ms > TAMGA_PROPOSAL_MS_MAX)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "a proposal must expire within 90 days of its signature");
    switch (propose->change_case) {
    case TAMGA__V1__PROPOSE__CHANGE_MEMBER:
        return member_shape(propose->member, detail);
    case TAMGA__V1__PROPOSE__CHANGE_PARAMS:
        return params_shape(propose->params, detail);
    case TAMGA__V1__PROPOSE__CHANGE__NOT_SET:
    default: /* protobuf-c adds a value of its own */
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "it proposes nothing");
    }
}

enum tamga_err tamga_rotate_shape(const Tamga__V1__RotateKey *rotate,
                                  struct tamga_detail *detail)
{
    enum tamga_err err = after_shape(rotate->after, TAMGA_ROTATE_AFTER_MAX, detail);

    if (err == TAMGA_OK && (rotate->key == NULL || rotate->proof == NULL))
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "new key or its proof is absent");
    return err == TAMGA_OK ? key_shape(rotate->key, detail) : err;
}

void tamga_rotate_digest(struct tamga_hash *out, const struct tamga_scope *chain,
                         const struct tamga_address *old, const struct tamga_address *new)
{
    uint8_t both[2 * TAMGA_HASH_BYTES];

    memcpy(both, old->hash.byte, TAMGA_HASH_BYTES);
    memcpy(both + TAMGA_HASH_BYTES, new->hash.byte, TAMGA_HASH_BYTES);
    tamga_domain_hash(out, TAMGA_DOMAIN_ROTATE, chain, tamga_span(both, sizeof both));
}

static void free_key(struct tamga_public_key **key)
{
    tamga_public_key_free(*key);
}

enum tamga_err tamga_rotate_verify(const struct tamga_chain *chain,
                                   const struct tamga_item *item, struct tamga_detail *detail)
{
    const Tamga__V1__RotateKey *rotate = tamga_body_of(item)->rotate_key;
    TAMGA_CLEANUP(free_key) struct tamga_public_key *key = NULL;
    struct tamga_signature proof;
    struct tamga_address address;
    struct tamga_hash digest;
    enum tamga_err err = tamga_wire_key(&key, rotate->key);

    if (err != TAMGA_OK)
        return err;
    tamga_public_key_address(key, &address);
    tamga_rotate_digest(&digest, &chain->id, &item->sender, &address);
    err = tamga_wire_signature(&proof, rotate->proof);
    if (err == TAMGA_OK)
        err = tamga_public_key_verify(key, &digest, &proof);
    return err == TAMGA_E_BAD_SIGNATURE
               ? tamga_refuse(detail, TAMGA_E_BAD_POSSESSION,
                              "the new key's holder has to sign old and new address")
               : err;
}

/* ---- parameters by heights: genesis', until the state has others ------------------------ */

struct params {
    Tamga__V1__StateParams *value; /* NULL: never changed */
    Tamga__V1__ParamsTerm genesis, next, *list[TAMGA_PARAMS_EVER_MAX + 1];
    size_t count; /* of the list, the newest last */
};

static void params_clear(struct params *params)
{
    tamga_wire_free((ProtobufCMessage *)params->value);
}

static enum tamga_err params_load(struct params *params, const struct tamga_params *genesis,
                                  const struct tamga_view *state)
{
    struct tamga_hash key;
    enum tamga_err err;

    tamga__v1__params_term__init(&params->genesis);
    params->genesis.entry_age_max_ms = genesis->entry_age_max_ms;
    params->genesis.block_entries_max = genesis->block_entries_max;
    params->genesis.block_bytes_max = genesis->block_bytes_max;
    params->list[params->count++] = &params->genesis;
    tamga_key_params(&key);
    err = tamga_state_get((ProtobufCMessage **)&params->value, state, &key,
                          &tamga__v1__state_params__descriptor);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
    for (size_t i = 0; i < params->value->n_terms && i < TAMGA_PARAMS_EVER_MAX; i++)
        params->list[params->count++] = params->value->terms[i];
    return TAMGA_OK;
}

static bool same_params(const Tamga__V1__ParamsTerm *a, const Tamga__V1__ParamsTerm *b)
{
    return a->entry_age_max_ms == b->entry_age_max_ms &&
           a->block_entries_max == b->block_entries_max &&
           a->block_bytes_max == b->block_bytes_max;
}

/* What follows on the newest term, if it is a change and may be decided now. */
static enum tamga_err params_change(struct params *params,
                                    const Tamga__V1__ParamsChange *change, uint64_t height,
                                    uint64_t effect, struct tamga_detail *detail)
{
    const Tamga__V1__ParamsTerm *now = params->list[params->count - 1];

    if (now->from > height)
        return tamga_refuse(detail, TAMGA_E_CHANGE_PENDING,
                            "parameters change at height %" PRIu64, now->from);
    if (params->count > TAMGA_PARAMS_EVER_MAX)
        return tamga_refuse(detail, TAMGA_E_ROSTER_FULL, "%d changes are the most",
                            TAMGA_PARAMS_EVER_MAX);
    if (change->block_entries_max > params->genesis.block_entries_max ||
        change->block_bytes_max > params->genesis.block_bytes_max)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "blocks of %" PRIu32 " entries and %" PRIu32
                            " bytes are the most that genesis allows",
                            params->genesis.block_entries_max, params->genesis.block_bytes_max);
    params->next = *now;
    params->next.from = effect;
    if (change->entry_age_max_ms != 0)
        params->next.entry_age_max_ms = change->entry_age_max_ms;
    if (change->block_entries_max != 0)
        params->next.block_entries_max = change->block_entries_max;
    if (change->block_bytes_max != 0)
        params->next.block_bytes_max = change->block_bytes_max;
    return same_params(now, &params->next)
               ? tamga_refuse(detail, TAMGA_E_NO_CHANGE, "they are so already")
               : TAMGA_OK;
}

static enum tamga_err check_params(const struct tamga_params *genesis,
                                   const struct tamga_view *state,
                                   const Tamga__V1__ParamsChange *change, uint64_t height,
                                   uint64_t effect, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(params_clear) struct params params = {0};
    enum tamga_err err = params_load(&params, genesis, state);

    return err == TAMGA_OK ? params_change(&params, change, height, effect, detail) : err;
}

static enum tamga_err apply_params(const struct tamga_params *genesis,
                                   struct tamga_overlay *state,
                                   const Tamga__V1__ParamsChange *change, uint64_t height,
                                   uint64_t effect)
{
    TAMGA_CLEANUP(params_clear) struct params params = {0};
    Tamga__V1__StateParams value = TAMGA__V1__STATE_PARAMS__INIT;
    struct tamga_hash key;
    enum tamga_err err = params_load(&params, genesis, &state->view);

    if (err == TAMGA_OK)
        err = params_change(&params, change, height, effect, NULL);
    if (err != TAMGA_OK)
        return err;
    params.list[params.count] = &params.next;
    value.n_terms = params.count; /* all but genesis' */
    value.terms = params.list + 1;
    tamga_key_params(&key);
    return tamga_state_put(state, &key, &value.base);
}

enum tamga_err tamga_params_at(struct tamga_params *params, const struct tamga_view *state,
                               uint64_t height)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateParams *value = NULL;
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_params(&key);
    err = tamga_state_get((ProtobufCMessage **)&value, state, &key,
                          &tamga__v1__state_params__descriptor);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
    for (size_t i = 0; i < value->n_terms; i++)
        if (value->terms[i]->from <= height) {
            params->entry_age_max_ms = value->terms[i]->entry_age_max_ms;
            params->block_entries_max = value->terms[i]->block_entries_max;
            params->block_bytes_max = value->terms[i]->block_bytes_max;
        }
    return TAMGA_OK;
}

/* ---- a change, judged and made --------------------------------------------------------- */

static enum tamga_err check_change(const struct tamga_chain *chain,
                                   const struct tamga_view *state,
                                   const Tamga__V1__Propose *propose, uint64_t height,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_charter_clear) struct tamga_charter charter = {0};
    uint64_t effect = height + propose->after;
    enum tamga_err err;

    if (propose->change_case == TAMGA__V1__PROPOSE__CHANGE_PARAMS)
        return check_params(&chain->params, state, propose->params, height, effect, detail);
    err = tamga_charter_load(&charter, state);
    return err == TAMGA_OK ? tamga_charter_change(&charter, chain->network, propose->member,
                                                  height, effect, detail)
                           : err;
}

static enum tamga_err change_member(const struct tamga_chain *chain,
                                    struct tamga_overlay *state,
                                    const Tamga__V1__MemberChange *change, uint64_t height,
                                    uint64_t effect)
{
    TAMGA_CLEANUP(tamga_charter_clear) struct tamga_charter charter = {0};
    enum tamga_err err = tamga_charter_load(&charter, &state->view);

    if (err == TAMGA_OK)
        err = tamga_charter_change(&charter, chain->network, change, height, effect, NULL);
    return err == TAMGA_OK ? tamga_charter_store(&charter, state, change->name) : err;
}

static enum tamga_err make_change(const struct tamga_chain *chain, struct tamga_overlay *state,
                                  const Tamga__V1__Propose *propose, uint64_t height)
{
    uint64_t effect = height + propose->after;

    return propose->change_case == TAMGA__V1__PROPOSE__CHANGE_PARAMS
               ? apply_params(&chain->params, state, propose->params, height, effect)
               : change_member(chain, state, propose->member, height, effect);
}

/* ---- proposals and approvals ------------------------------------------------------------ */

static bool has_say(const struct tamga_chain *chain, const struct tamga_state_value *sender)
{
    return (sender->roles & chain->network->voters) != 0;
}

static enum tamga_err refuse_voiceless(const struct tamga_chain *chain,
                                       const struct tamga_state_value *sender,
                                       struct tamga_detail *detail)
{
    return has_say(chain, sender)
               ? TAMGA_OK
               : tamga_refuse(detail, TAMGA_E_NOT_VOTER, "%.*s has none of the voters' roles",
                              (int)sender->name.len, (const char *)sender->name.data);
}

/* Do those who approved, as far as they still have a say, and one more make a quorum? */
static enum tamga_err is_quorum(bool *quorum, const struct tamga_chain *chain,
                                const struct tamga_view *state,
                                const Tamga__V1__StateProposal *proposal,
                                struct tamga_span one_more, uint64_t height)
{
    TAMGA_CLEANUP(tamga_charter_clear) struct tamga_charter charter = {0};
    const struct tamga_network *network = chain->network;
    size_t yes = 1, all;
    enum tamga_err err = tamga_charter_load(&charter, state);

    if (err != TAMGA_OK)
        return err;
    all = tamga_charter_voters(&charter, network, height);
    for (size_t i = 0; i < proposal->n_approvals; i++)
        yes += (tamga_charter_roles(&charter, proposal->approvals[i], height) &
                network->voters) != 0 &&
               !tamga_span_equal(tamga_span_text(proposal->approvals[i]), one_more);
    *quorum = yes * 100 >= all * network->voters_percent;
    return TAMGA_OK;
}

static enum tamga_err load_proposal(Tamga__V1__StateProposal **out,
                                    const struct tamga_view *state,
                                    const struct tamga_hash *id)
{
    struct tamga_hash key;

    tamga_key_proposal(&key, id);
    return tamga_state_get((ProtobufCMessage **)out, state, &key,
                           &tamga__v1__state_proposal__descriptor);
}

static enum tamga_err check_approval(const struct tamga_chain *chain,
                                     const struct tamga_view *state,
                                     const Tamga__V1__StateProposal *proposal,
                                     const struct tamga_state_value *sender,
                                     const struct tamga_moment *at, struct tamga_detail *detail)
{
    bool quorum;
    enum tamga_err err = refuse_voiceless(chain, sender, detail);

    if (err != TAMGA_OK)
        return err;
    if (proposal->decided != 0)
        return tamga_refuse(detail, TAMGA_E_PROPOSAL_OVER, "decided in block %" PRIu64,
                            proposal->decided);
    if (proposal->propose->expires_ms <= at->ref_ms)
        return tamga_refuse(detail, TAMGA_E_PROPOSAL_OVER, "it expired at %" PRIu64 " ms",
                            proposal->propose->expires_ms);
    if (tamga_names_have(proposal->approvals, proposal->n_approvals, sender->name))
        return tamga_refuse(detail, TAMGA_E_APPROVED_ALREADY, "%.*s has approved",
                            (int)sender->name.len, (const char *)sender->name.data);
    err = is_quorum(&quorum, chain, state, proposal, sender->name, at->height);
    return err == TAMGA_OK && quorum
               ? check_change(chain, state, proposal->propose, at->height, detail)
               : err;
}

static enum tamga_err approved_id(struct tamga_hash *out, const struct tamga_item *item)
{
    return tamga_hash_from(out, tamga_wire_span(tamga_body_of(item)->approve->id));
}

static enum tamga_err check_approve(const struct tamga_chain *chain,
                                    const struct tamga_view *state,
                                    const struct tamga_item *item,
                                    const struct tamga_state_value *sender,
                                    const struct tamga_moment *at, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateProposal *proposal = NULL;
    struct tamga_hash id;
    enum tamga_err err = approved_id(&id, item);

    if (err == TAMGA_OK)
        err = load_proposal(&proposal, state, &id);
    if (err == TAMGA_E_NOT_FOUND)
        return tamga_countersign_check(state, &id, sender, detail);
    return err == TAMGA_OK ? check_approval(chain, state, proposal, sender, at, detail) : err;
}

/* The sender's yes on top of a proposal; with a quorum the change is made. */
static enum tamga_err count_approval(const struct tamga_chain *chain,
                                     struct tamga_overlay *state, const struct tamga_hash *id,
                                     Tamga__V1__StateProposal *proposal,
                                     const struct tamga_state_value *sender, uint64_t height)
{
    char name[TAMGA_NAME_BYTES_MAX + 1] = "", *list[TAMGA_MEMBERS_MAX], **former;
    size_t count = proposal->n_approvals;
    struct tamga_hash key;
    bool quorum;
    enum tamga_err err =
        is_quorum(&quorum, chain, &state->view, proposal, sender->name, height);

    if (err == TAMGA_OK && (count >= TAMGA_MEMBERS_MAX || sender->name.len >= sizeof name))
        err = TAMGA_E_STORE_CORRUPT;
    if (err != TAMGA_OK)
        return err;
    memcpy(name, sender->name.data, sender->name.len);
    if (count > 0)
        memcpy(list, proposal->approvals, count * sizeof *list);
    list[count] = name;
    if (quorum) {
        proposal->decided = height;
        proposal->effect = height + proposal->propose->after;
        err = make_change(chain, state, proposal->propose, height);
    }
    former = proposal->approvals;
    proposal->approvals = list;
    proposal->n_approvals = count + 1;
    tamga_key_proposal(&key, id);
    if (err == TAMGA_OK)
        err = tamga_state_put(state, &key, &proposal->base);
    proposal->approvals = former; /* what the message owns */
    proposal->n_approvals = count;
    return err;
}

static enum tamga_err apply_approve(const struct tamga_chain *chain,
                                    struct tamga_overlay *state, const struct tamga_item *item,
                                    const struct tamga_state_value *sender, uint64_t height)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateProposal *proposal = NULL;
    struct tamga_hash id;
    enum tamga_err err = approved_id(&id, item);

    if (err == TAMGA_OK)
        err = load_proposal(&proposal, &state->view, &id);
    if (err == TAMGA_E_NOT_FOUND)
        return tamga_countersign_apply(state, &id, sender);
    return err == TAMGA_OK ? count_approval(chain, state, &id, proposal, sender, height) : err;
}

static enum tamga_err check_propose(const struct tamga_chain *chain,
                                    const struct tamga_view *state,
                                    const struct tamga_item *item,
                                    const struct tamga_state_value *sender,
                                    const struct tamga_moment *at, struct tamga_detail *detail)
{
    const Tamga__V1__Propose *propose = tamga_body_of(item)->propose;
    enum tamga_err err = refuse_voiceless(chain, sender, detail);

    if (err == TAMGA_OK && propose->expires_ms <= at->ref_ms)
        return tamga_refuse(detail, TAMGA_E_PROPOSAL_OVER, "it expired at %" PRIu64 " ms",
                            propose->expires_ms);
    return err == TAMGA_OK ? check_change(chain, state, propose, at->height, detail) : err;
}

static enum tamga_err apply_propose(const struct tamga_chain *chain,
                                    struct tamga_overlay *state, const struct tamga_item *item,
                                    const struct tamga_state_value *sender, uint64_t height)
{
    Tamga__V1__StateProposal value = TAMGA__V1__STATE_PROPOSAL__INIT;
    char name[TAMGA_NAME_BYTES_MAX + 1] = "";
    struct tamga_hash group;
    enum tamga_err err;

    if (sender->name.len >= sizeof name)
        return TAMGA_E_STORE_CORRUPT;
    memcpy(name, sender->name.data, sender->name.len);
    value.propose = tamga_body_of(item)->propose;
    value.proposer = name;
    tamga_key_proposals(&group);
    err = tamga_list_add(state, &group, &item->id.hash);
    return err == TAMGA_OK
               ? count_approval(chain, state, &item->id.hash, &value, sender, height)
               : err;
}

/* ---- a member's own key ------------------------------------------------------------------ */

static void rotation(Tamga__V1__MemberChange *out, char name[TAMGA_NAME_BYTES_MAX + 1],
                     const struct tamga_item *item, const struct tamga_state_value *sender)
{
    size_t len = sender->name.len <= TAMGA_NAME_BYTES_MAX ? sender->name.len
                                                          : TAMGA_NAME_BYTES_MAX;

    memcpy(name, sender->name.data, len);
    name[len] = '\0';
    tamga__v1__member_change__init(out);
    out->name = name;
    out->key = tamga_body_of(item)->rotate_key->key;
}

static enum tamga_err check_rotate(const struct tamga_chain *chain,
                                   const struct tamga_view *state,
                                   const struct tamga_item *item,
                                   const struct tamga_state_value *sender, uint64_t height,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_charter_clear) struct tamga_charter charter = {0};
    Tamga__V1__MemberChange change;
    char name[TAMGA_NAME_BYTES_MAX + 1];
    enum tamga_err err = tamga_charter_load(&charter, state);

    rotation(&change, name, item, sender);
    if (err == TAMGA_OK)
        err = tamga_charter_rotates(&charter, name, detail);
    return err == TAMGA_OK
               ? tamga_charter_change(&charter, chain->network, &change, height,
                                      height + tamga_body_of(item)->rotate_key->after, detail)
               : err;
}

/* ---- all of them ------------------------------------------------------------------------- */

enum tamga_err tamga_governance_check(const struct tamga_chain *chain,
                                      const struct tamga_view *state,
                                      const struct tamga_item *item,
                                      const struct tamga_state_value *sender,
                                      const struct tamga_moment *at,
                                      struct tamga_detail *detail)
{
    switch (tamga_body_of(item)->action_case) {
    case TAMGA__V1__TRANSACTION_BODY__ACTION_PROPOSE:
        return check_propose(chain, state, item, sender, at, detail);
    case TAMGA__V1__TRANSACTION_BODY__ACTION_APPROVE:
        return check_approve(chain, state, item, sender, at, detail);
    default:
        return check_rotate(chain, state, item, sender, at->height, detail);
    }
}

enum tamga_err tamga_governance_apply(const struct tamga_chain *chain,
                                      struct tamga_overlay *state,
                                      const struct tamga_item *item,
                                      const struct tamga_state_value *sender, uint64_t height)
{
    Tamga__V1__MemberChange change;
    char name[TAMGA_NAME_BYTES_MAX + 1];

    switch (tamga_body_of(item)->action_case) {
    case TAMGA__V1__TRANSACTION_BODY__ACTION_PROPOSE:
        return apply_propose(chain, state, item, sender, height);
    case TAMGA__V1__TRANSACTION_BODY__ACTION_APPROVE:
        return apply_approve(chain, state, item, sender, height);
    default:
        rotation(&change, name, item, sender);
        return change_member(chain, state, &change, height,
                             height + tamga_body_of(item)->rotate_key->after);
    }
}
