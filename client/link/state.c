/* Asks for state proofs, and lets the verifiers in core/ judge them. */
#include "link/state.h"

#include "chain/state_map.h"
#include "link/finality.h"
#include "rules/proof.h"
#include "wire/wire.h"

#define STRANGER_MS 2000 /* for a node that nobody knows yet to show who its members are */
#define STEPS_MAX   64   /* answers of it about validators */

/* ---- one key ---------------------------------------------------------------------------- */

static enum tamga_err judge(struct tamga_buf *value, struct tamga_checkpoint *at,
                            const struct tamga_chain *chain, const struct tamga_hash *key,
                            const Tamga__V1__GetStateProofResponse *untrusted,
                            struct tamga_detail *detail)
{
    struct tamga_checkpoint checkpoint;
    struct tamga_span proved;
    enum tamga_err err;

    if (untrusted->checkpoint == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "no checkpoint is shown");
    err = tamga_checkpoint_verify(&checkpoint, chain, untrusted->checkpoint, NULL, detail);
    if (err == TAMGA_OK)
        err = tamga_council_is(chain, &checkpoint, detail);
    if (err == TAMGA_OK)
        err = tamga_state_proof_check(&proved, &checkpoint.state_root, key, untrusted->proof,
                                      detail);
    if (err == TAMGA_OK)
        err = tamga_buf_set(value, proved);
    if (err == TAMGA_OK)
        *at = checkpoint;
    return err;
}

static Tamga__V1__GetStateProofRequest question(const struct tamga_client *client,
                                                const struct tamga_hash *key)
{
    Tamga__V1__GetStateProofRequest request = TAMGA__V1__GET_STATE_PROOF_REQUEST__INIT;

    request.chain = tamga_wire_bytes(tamga_hash_span(&client->consortium.id.hash));
    request.key = tamga_wire_bytes(tamga_hash_span(key));
    return request;
}

enum tamga_err tamga_state_fetch(struct tamga_buf *value, struct tamga_checkpoint *at,
                                 struct tamga_client *client, const struct tamga_hash *key,
                                 struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    Tamga__V1__GetStateProofRequest request = question(client, key);
    const struct tamga_chain *chain = &client->consortium;
    const Tamga__V1__GetStateProofResponse *shown;
    enum tamga_err err = tamga_session_call_once(client->releases, &answer,
                                                 &tamga__v1__finality_service__descriptor,
                                                 "GetStateProof", &request.base, detail);

    if (err == TAMGA_E_NOT_FOUND)
        return TAMGA_E_NOT_READY; /* no checkpoint */
    if (err != TAMGA_OK)
        return err;
    shown = (const Tamga__V1__GetStateProofResponse *)answer;
    err = judge(value, at, chain, key, shown, detail);
    if (tamga_may_be_later(err) &&
        tamga_councils_fetch(client->releases, chain, NULL) == TAMGA_OK)
        err = judge(value, at, chain, key, shown, detail);
    return err;
}

enum tamga_err tamga_state_unpack(ProtobufCMessage **out, struct tamga_checkpoint *at,
                                  struct tamga_client *client, const struct tamga_hash *key,
                                  const ProtobufCMessageDescriptor *type,
                                  struct tamga_detail *detail)
{
    TAMGA_BUF value = {0};
    enum tamga_err err = tamga_state_fetch(&value, at, client, key, detail);

    return err == TAMGA_OK && value.len > 0
               ? tamga_wire_unpack(out, type, TAMGA_WIRE_CANONICAL, tamga_buf_span(&value),
                                   detail)
               : err;
}

static enum tamga_err of_genesis(ProtobufCMessage **out, const struct tamga_chain *chain,
                                 const struct tamga_hash *key,
                                 const ProtobufCMessageDescriptor *type)
{
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay state;
    enum tamga_err err;

    tamga_overlay_init(&state, &tamga_view_empty);
    err = chain->rules->genesis(chain, &state);
    if (err == TAMGA_OK)
        err = tamga_state_get(out, &state.view, key, type);
    return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
}

enum tamga_err tamga_state_known(ProtobufCMessage **out, struct tamga_checkpoint *at,
                                 struct tamga_client *client, const struct tamga_hash *key,
                                 const ProtobufCMessageDescriptor *type,
                                 struct tamga_detail *detail)
{
    enum tamga_err err = tamga_state_unpack(out, at, client, key, type, detail);

    if (err != TAMGA_E_NOT_READY)
        return err;
    *at = (struct tamga_checkpoint){0};
    return of_genesis(out, &client->consortium, key, type);
}

/* ---- whom we know ------------------------------------------------------------------------ */

static enum tamga_err learn_roster(struct tamga_client *client, const struct tamga_buf *value,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateRoster *roster = NULL;
    enum tamga_err err =
        tamga_wire_unpack((ProtobufCMessage **)&roster, &tamga__v1__state_roster__descriptor,
                          TAMGA_WIRE_CANONICAL, tamga_buf_span(value), detail);

    for (size_t i = 0; err == TAMGA_OK && i < roster->n_terms; i++)
        err = tamga_network_learn(client->identity.network, roster->terms[i]->name,
                                  roster->terms[i]->roles, roster->terms[i]->key);
    if (err == TAMGA_OK)
        client->identity.member =
            tamga_network_member(client->identity.network, &client->identity.address);
    return err;
}

/* One question to one node, whoever it is: what it answers is proved. */
static enum tamga_err ask_stranger(struct tamga_client *client, size_t index,
                                   ProtobufCMessage **out, const char *method,
                                   const ProtobufCMessage *request, struct tamga_detail *detail)
{
    return tamga_session_ask(client->releases, index, out,
                             &tamga__v1__finality_service__descriptor, method, request,
                             STRANGER_MS, detail);
}

/* As tamga_councils_fetch does it of nodes that are known. */
static enum tamga_err ask_councils(struct tamga_client *client, size_t index,
                                   struct tamga_detail *detail)
{
    const struct tamga_chain *chain = &client->consortium;
    Tamga__V1__GetCouncilRequest request = TAMGA__V1__GET_COUNCIL_REQUEST__INIT;
    enum tamga_err err = TAMGA_OK;
    bool more = true;

    request.chain = tamga_wire_bytes(tamga_hash_span(&chain->id.hash));
    for (size_t i = 0; err == TAMGA_OK && more && i < STEPS_MAX; i++) {
        TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
        const Tamga__V1__GetCouncilResponse *response;

        request.above = chain->council->as_of;
        err = ask_stranger(client, index, &answer, "GetCouncil", &request.base, detail);
        if (err != TAMGA_OK)
            return err;
        response = (const Tamga__V1__GetCouncilResponse *)answer;
        err = tamga_council_steps(chain, response->steps, response->n_steps, detail);
        more = chain->council->as_of > request.above;
    }
    return err;
}

static enum tamga_err learn_of_stranger(struct tamga_client *client, size_t index,
                                        struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    TAMGA_BUF value = {0};
    Tamga__V1__GetStateProofRequest request;
    struct tamga_checkpoint at;
    struct tamga_hash key;
    enum tamga_err err = ask_councils(client, index, detail);

    tamga_key_roster(&key);
    request = question(client, &key);
    if (err == TAMGA_OK)
        err = ask_stranger(client, index, &answer, "GetStateProof", &request.base, detail);
    if (err == TAMGA_OK)
        err = judge(&value, &at, &client->consortium, &key,
                    (const Tamga__V1__GetStateProofResponse *)answer, detail);
    return err == TAMGA_OK ? learn_roster(client, &value, detail) : err;
}

/* Nodes whose keys genesis does not have cannot say who they are; what they prove of the
 * members needs no trust in them. */
static enum tamga_err learn_of_strangers(struct tamga_client *client,
                                         struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_E_NOT_MEMBER;

    for (size_t i = 0; err != TAMGA_OK && i < tamga_session_count(client->releases); i++)
        err = learn_of_stranger(client, i, detail);
    return err;
}

enum tamga_err tamga_client_learn(struct tamga_client *client, struct tamga_detail *detail)
{
    TAMGA_BUF value = {0};
    struct tamga_checkpoint at;
    struct tamga_cosigned newest;
    struct tamga_hash key;
    enum tamga_err err =
        tamga_cosigned_fetch(&newest, client->releases, &client->consortium, 0, detail);

    if (err == TAMGA_E_NOT_FOUND)
        return TAMGA_OK;
    if (err == TAMGA_E_NOT_MEMBER)
        return learn_of_strangers(client, detail);
    tamga_key_roster(&key);
    if (err == TAMGA_OK)
        err = tamga_state_fetch(&value, &at, client, &key, detail);
    if (err == TAMGA_E_NOT_READY)
        return TAMGA_OK;
    return err == TAMGA_OK ? learn_roster(client, &value, detail) : err;
}

/* ---- authority ---------------------------------------------------------------------------- */

/* The model as it is now, asked for once as long as releases of one model follow. */
static enum tamga_err fetch_model(struct tamga_client *client, const char *producer,
                                  const char *name, struct tamga_detail *detail)
{
    TAMGA_BUF value = {0};
    struct tamga_checkpoint at;
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_model(&key, producer, name);
    if (client->model_known && tamga_hash_equal(&client->model_key, &key))
        return TAMGA_OK;
    err = tamga_state_fetch(&value, &at, client, &key, detail);
    if (err == TAMGA_OK)
        err = tamga_buf_set(&client->model, tamga_buf_span(&value));
    if (err == TAMGA_OK) {
        client->model_key = key;
        client->model_known = true;
    }
    return err;
}

static enum tamga_err check_now(struct tamga_client *client, const struct tamga_item *item,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value model = {0};
    const Tamga__V1__Release *release = tamga_item_release(item);
    enum tamga_err err = fetch_model(client, release->producer, release->model, detail);

    if (err != TAMGA_OK)
        return err;
    if (client->model.len == 0)
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_MODEL, "%s/%s is not registered",
                            release->producer, release->model);
    err = tamga_model_value(&model, tamga_buf_span(&client->model));
    return err == TAMGA_OK
               ? tamga_state_model_lets(
                     &model,
                     tamga_span_text(tamga_name_of(client->identity.network, &item->sender)),
                     release, item->time_ms, detail)
               : err;
}

enum tamga_err tamga_author_check(struct tamga_client *client, const struct tamga_item *item,
                                  struct tamga_detail *detail)
{
    struct tamga_final_place place;
    struct tamga_detail then = {""}, now = {""};
    enum tamga_err genesis = tamga_release_authority(client->identity.network, &item->sender,
                                                     tamga_item_release(item), &then);
    enum tamga_err err;

    if (genesis == TAMGA_OK)
        return TAMGA_OK;
    err = genesis == TAMGA_E_UNKNOWN_MODEL || genesis == TAMGA_E_NOT_AUTHORIZED ||
                  genesis == TAMGA_E_UNKNOWN_HARDWARE
              ? check_now(client, item, &now)
              : TAMGA_E_NOT_READY;
    if (err == TAMGA_E_NOT_READY)
        return tamga_refuse(detail, genesis, "%s", then.text);
    if (tamga_err_class(err) != TAMGA_CLASS_REJECT)
        return err;
    return tamga_final_place_fetch(&place, client->releases, &client->consortium, &item->id,
                                   NULL) == TAMGA_OK
               ? TAMGA_OK
               : tamga_refuse(detail, err, "%s", now.text);
}

/* ---- what is so of a release, and of who signed ------------------------------------------- */

enum tamga_err tamga_release_state(Tamga__V1__StateRelease **out, struct tamga_client *client,
                                   const struct tamga_hash *release,
                                   struct tamga_detail *detail)
{
    struct tamga_checkpoint at;
    struct tamga_hash key;

    tamga_key_release(&key, release);
    return tamga_state_known((ProtobufCMessage **)out, &at, client, &key,
                             &tamga__v1__state_release__descriptor, detail);
}

enum tamga_err tamga_release_mark(struct tamga_release_info *info, struct tamga_client *client,
                                  const Tamga__V1__StateRelease *state,
                                  struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value model = {0};
    enum tamga_err err;

    if (state == NULL)
        return TAMGA_OK;
    info->signed_by = (const char *const *)state->signed_by;
    info->signed_by_count = state->n_signed_by;
    info->withdrawn = state->withdrawn_by.len == TAMGA_HASH_BYTES;
    if (info->withdrawn)
        memcpy(info->withdrawn_by, state->withdrawn_by.data, TAMGA_HASH_BYTES);
    info->waits = state->waits && !info->withdrawn;
    if (!info->waits)
        return TAMGA_OK;
    err = fetch_model(client, info->producer, info->model, detail);
    if (err == TAMGA_OK && client->model.len > 0)
        err = tamga_model_value(&model, tamga_buf_span(&client->model));
    info->needed = (uint32_t)model.needed;
    info->countersign = model.countersign;
    return err == TAMGA_E_NOT_READY ? TAMGA_OK : err;
}

const char *tamga_ending_text(Tamga__V1__Ending ending)
{
    switch ((int)ending) { /* a number from the wire */
    case TAMGA__V1__ENDING__ENDING_CHANGED:
        return "changed";
    case TAMGA__V1__ENDING__ENDING_REPLACED:
        return "replaced";
    case TAMGA__V1__ENDING__ENDING_SUSPENDED:
        return "suspended";
    case TAMGA__V1__ENDING__ENDING_REVOKED:
        return "revoked";
    case TAMGA__V1__ENDING__ENDING_REMOVED:
        return "removed";
    default:
        return "";
    }
}

enum tamga_err tamga_signer_fetch(struct tamga_signer_info *out, struct tamga_client *client,
                                  const struct tamga_address *signer,
                                  struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateMember *member = NULL;
    struct tamga_checkpoint at;
    struct tamga_hash key;
    const Tamga__V1__Span *last;
    enum tamga_err err;

    *out = (struct tamga_signer_info){.ending = ""};
    tamga_key_member(&key, signer);
    err = tamga_state_known((ProtobufCMessage **)&member, &at, client, &key,
                            &tamga__v1__state_member__descriptor, detail);
    if (err != TAMGA_OK)
        return err;
    if (member == NULL || member->n_spans == 0 || strlen(member->name) >= sizeof out->name)
        return TAMGA_E_NOT_MEMBER;
    last = member->spans[member->n_spans - 1];
    strcpy(out->name, member->name);
    if (last->until == 0)
        return TAMGA_OK;
    out->ended = true;
    out->until = last->until;
    out->ending = tamga_ending_text(last->ending);
    return TAMGA_OK;
}
