/*
 * Who answers for a model: its owner, those to whom it is delegated, whose signatures a
 * release needs, and what is said of a release afterwards. Knows no member's history.
 * Source: docs/PROTOCOL.md, "Models and delegation".
 */
#include <inttypes.h>
#include <stdlib.h>

#include "rules/internal.h"
#include "wire/wire.h"

#define OEM TAMGA__V1__ROLE__ROLE_OEM

/* A name of the state as text of our own. */
struct name {
    char text[TAMGA_NAME_BYTES_MAX + 1];
};

static struct name name_of(struct tamga_span span)
{
    struct name name = {""};

    memcpy(name.text, span.data,
           span.len <= TAMGA_NAME_BYTES_MAX ? span.len : TAMGA_NAME_BYTES_MAX);
    return name;
}

static enum tamga_err refuse_stranger(const struct tamga_state_value *sender,
                                      const char *owner, struct tamga_detail *detail)
{
    return tamga_refuse(detail, TAMGA_E_NOT_OWNER, "%.*s is not %s, whose model this is",
                        (int)sender->name.len, (const char *)sender->name.data, owner);
}

/* ---- lists of the index family: group and number, and how many there are ---------------- */

enum tamga_err tamga_list_add(struct tamga_overlay *state, const struct tamga_hash *group,
                              const struct tamga_hash *id)
{
    TAMGA_BUF counted = {0};
    uint8_t key[TAMGA_INDEX_KEY_BYTES], number[8];
    uint64_t count = 0;
    enum tamga_err err = tamga_view_get(&state->view, TAMGA_FAMILY_INDEX,
                                        tamga_hash_span(group), &counted);

    if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND)
        return err;
    if (err == TAMGA_OK && counted.len != sizeof number)
        return TAMGA_E_STORE_CORRUPT;
    if (err == TAMGA_OK)
        count = tamga_get_u64(counted.data);
    tamga_put_u64(number, count + 1);
    err = tamga_overlay_put(state, TAMGA_FAMILY_INDEX, tamga_hash_span(group),
                            tamga_span(number, sizeof number));
    if (err != TAMGA_OK)
        return err;
    tamga_index_key(key, group, count + 1);
    return tamga_overlay_put(state, TAMGA_FAMILY_INDEX, tamga_span(key, sizeof key),
                             tamga_hash_span(id));
}

/* ---- shape ------------------------------------------------------------------------------ */

static enum tamga_err revisions_shape(char *const *hardware, size_t count,
                                      struct tamga_detail *detail)
{
    for (size_t i = 0; i < count; i++) {
        if (!tamga_name_ok(hardware[i], 32))
            return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "hardware revision %zu is no name",
                                i);
        if (tamga_names_have(hardware, i, tamga_span_text(hardware[i])))
            return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "hardware revision %s stands twice",
                                hardware[i]);
    }
    return TAMGA_OK;
}

static enum tamga_err register_shape(const Tamga__V1__RegisterModel *model,
                                     struct tamga_detail *detail)
{
    if (!tamga_name_ok(model->model, TAMGA_MODEL_BYTES_MAX))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "a model's name must be 1..64 characters of A-Z a-z 0-9 . _ -");
    for (size_t i = 0; i < model->n_signers; i++)
        if (!tamga_member_name_ok(model->signers[i]) ||
            tamga_names_have(model->signers, i, tamga_span_text(model->signers[i])))
            return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                                "signer %zu is no name, or stands twice", i);
    /* The publisher, the owner, and the signers: more there are not. */
    if (model->needed > model->n_signers + 2)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "%" PRIu32 " signatures needed; at most %zu could come",
                            model->needed, model->n_signers + 2);
    return revisions_shape(model->hardware, model->n_hardware, detail);
}

static enum tamga_err delegate_shape(const Tamga__V1__Delegate *delegate,
                                     struct tamga_detail *detail)
{
    if (!tamga_name_ok(delegate->model, TAMGA_MODEL_BYTES_MAX) ||
        !tamga_member_name_ok(delegate->provider))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "model and provider must be names");
    if (delegate->until_ms > INT64_MAX / 4)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "its end is beyond any clock");
    if (delegate->revoke && (delegate->n_hardware > 0 || delegate->until_ms != 0))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "a delegation is taken back whole");
    return revisions_shape(delegate->hardware, delegate->n_hardware, detail);
}

bool tamga_permit_names(const Tamga__V1__Permit *permit, const char *number)
{
    for (size_t i = 0; i < permit->n_numbers; i++)
        if (strcmp(permit->numbers[i], number) == 0)
            return true;
    return permit->n_numbers == 0;
}

static enum tamga_err permit_shape(const Tamga__V1__Permit *permit, struct tamga_detail *detail)
{
    if (permit->release.len != TAMGA_HASH_BYTES)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "release must have 32 bytes");
    if (permit->reason[0] == '\0' || permit->expires_ms == 0)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "a permit needs a reason and an end");
    if (permit->expires_ms > INT64_MAX / 4)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "its end is beyond any clock");
    for (size_t i = 0; i < permit->n_numbers; i++)
        if (!tamga_name_ok(permit->numbers[i], TAMGA_NUMBER_BYTES_MAX))
            return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "device number %zu is no name", i);
    return TAMGA_OK;
}

enum tamga_err tamga_model_shape(const Tamga__V1__TransactionBody *body,
                                 struct tamga_detail *detail)
{
    switch (body->action_case) {
    case TAMGA__V1__TRANSACTION_BODY__ACTION_REGISTER_MODEL:
        return register_shape(body->register_model, detail);
    case TAMGA__V1__TRANSACTION_BODY__ACTION_DELEGATE:
        return delegate_shape(body->delegate, detail);
    case TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT:
        return permit_shape(body->permit, detail);
    default:
        if (body->withdraw->release.len != TAMGA_HASH_BYTES)
            return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "release must have 32 bytes");
        return body->withdraw->reason[0] != '\0'
                   ? TAMGA_OK
                   : tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "a withdrawal needs a reason");
    }
}

/* ---- models and delegations ------------------------------------------------------------- */

static enum tamga_err load_model(Tamga__V1__StateModel **out, const struct tamga_view *state,
                                 const char *producer, const char *model)
{
    struct tamga_hash key;

    tamga_key_model(&key, producer, model);
    return tamga_state_get((ProtobufCMessage **)out, state, &key,
                           &tamga__v1__state_model__descriptor);
}

static enum tamga_err put_model(struct tamga_overlay *state, const char *model,
                                const Tamga__V1__StateModel *value)
{
    struct tamga_hash key;

    tamga_key_model(&key, value->owner, model);
    return tamga_state_put(state, &key, &value->base);
}

static enum tamga_err check_oem(const struct tamga_state_value *sender,
                                struct tamga_detail *detail)
{
    return (sender->roles & OEM) != 0
               ? TAMGA_OK
               : tamga_refuse(detail, TAMGA_E_NOT_OWNER, "%.*s is no OEM",
                              (int)sender->name.len, (const char *)sender->name.data);
}

static enum tamga_err check_register(const struct tamga_view *state,
                                     const Tamga__V1__RegisterModel *model,
                                     const struct tamga_state_value *sender, uint64_t height,
                                     struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_charter_clear) struct tamga_charter charter = {0};
    enum tamga_err err = check_oem(sender, detail);

    if (err == TAMGA_OK)
        err = tamga_charter_load(&charter, state);
    for (size_t i = 0; err == TAMGA_OK && i < model->n_signers; i++)
        if (tamga_charter_roles(&charter, model->signers[i], height) == 0)
            err = tamga_refuse(detail, TAMGA_E_UNKNOWN_MEMBER, "%s cannot sign: no member",
                               model->signers[i]);
    return err;
}

static enum tamga_err apply_register(struct tamga_overlay *state,
                                     const Tamga__V1__RegisterModel *model,
                                     const struct tamga_state_value *sender)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateModel *former = NULL;
    Tamga__V1__StateModel value = TAMGA__V1__STATE_MODEL__INIT;
    struct name owner = name_of(sender->name);
    enum tamga_err err = load_model(&former, &state->view, owner.text, model->model);

    if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND)
        return err;
    value.owner = owner.text;
    value.n_hardware = model->n_hardware;
    value.hardware = model->hardware;
    value.n_signers = model->n_signers;
    value.signers = model->signers;
    value.needed = model->needed;
    value.countersign = model->countersign;
    if (former != NULL) {
        value.n_delegations = former->n_delegations;
        value.delegations = former->delegations;
    }
    return put_model(state, model->model, &value);
}

/* Where the provider's delegation is, or would be. */
static size_t place_of(const Tamga__V1__StateModel *model, const char *provider, bool *there)
{
    size_t i = 0;

    while (i < model->n_delegations && strcmp(model->delegations[i]->provider, provider) < 0)
        i++;
    *there = i < model->n_delegations &&
             strcmp(model->delegations[i]->provider, provider) == 0;
    return i;
}

static enum tamga_err check_provider(const struct tamga_view *state, const char *provider,
                                     uint64_t height, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_charter_clear) struct tamga_charter charter = {0};
    enum tamga_err err = tamga_charter_load(&charter, state);

    if (err == TAMGA_OK && (tamga_charter_roles(&charter, provider, height) &
                            TAMGA__V1__ROLE__ROLE_PROVIDER) == 0)
        err = tamga_refuse(detail, TAMGA_E_UNKNOWN_MEMBER, "%s is no software provider",
                           provider);
    return err;
}

static enum tamga_err check_delegate(const struct tamga_view *state,
                                     const Tamga__V1__Delegate *delegate,
                                     const struct tamga_state_value *sender,
                                     const struct tamga_moment *at, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateModel *model = NULL;
    struct name owner = name_of(sender->name);
    bool there = false;
    enum tamga_err err = check_oem(sender, detail);

    if (err == TAMGA_OK)
        err = load_model(&model, state, owner.text, delegate->model);
    if (err == TAMGA_E_NOT_FOUND)
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_MODEL, "%s/%s is not registered",
                            owner.text, delegate->model);
    if (err != TAMGA_OK)
        return err;
    place_of(model, delegate->provider, &there);
    if (delegate->revoke)
        return there ? TAMGA_OK
                     : tamga_refuse(detail, TAMGA_E_NO_CHANGE, "%s has no such delegation",
                                    delegate->provider);
    if (delegate->until_ms != 0 && delegate->until_ms <= at->ref_ms)
        return tamga_refuse(detail, TAMGA_E_DELEGATION_EXPIRED, "it would be over already");
    for (size_t i = 0; i < delegate->n_hardware; i++)
        if (!tamga_names_have(model->hardware, model->n_hardware,
                              tamga_span_text(delegate->hardware[i])))
            return tamga_refuse(detail, TAMGA_E_UNKNOWN_HARDWARE, "%s has no revision %s",
                                delegate->model, delegate->hardware[i]);
    if (!there && model->n_delegations >= TAMGA_DELEGATIONS_MAX)
        return tamga_refuse(detail, TAMGA_E_DELEGATES_FULL, "%d are the most",
                            TAMGA_DELEGATIONS_MAX);
    return check_provider(state, delegate->provider, at->height, detail);
}

static enum tamga_err apply_delegate(struct tamga_overlay *state,
                                     const Tamga__V1__Delegate *delegate,
                                     const struct tamga_state_value *sender)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateModel *model = NULL;
    Tamga__V1__Delegation made = TAMGA__V1__DELEGATION__INIT;
    Tamga__V1__Delegation *list[TAMGA_DELEGATIONS_MAX + 1];
    struct name owner = name_of(sender->name);
    Tamga__V1__StateModel value;
    bool there = false;
    size_t at, n = 0;
    enum tamga_err err = load_model(&model, &state->view, owner.text, delegate->model);

    if (err != TAMGA_OK)
        return err;
    made.provider = delegate->provider;
    made.n_hardware = delegate->n_hardware;
    made.hardware = delegate->hardware;
    made.until_ms = delegate->until_ms;
    at = place_of(model, delegate->provider, &there);
    for (size_t i = 0; i < at; i++)
        list[n++] = model->delegations[i];
    if (!delegate->revoke)
        list[n++] = &made;
    for (size_t i = at + there; i < model->n_delegations; i++)
        list[n++] = model->delegations[i];
    value = *model; /* its lists are lent, not owned */
    value.n_delegations = n;
    value.delegations = list;
    return put_model(state, delegate->model, &value);
}

/* ---- releases by their id ---------------------------------------------------------------- */

/* Who published what; of every release in the chain. */
static enum tamga_err find_release(Tamga__V1__StateRelease **out, const struct tamga_view *view,
                                   enum tamga_family family, const struct tamga_hash *id)
{
    TAMGA_BUF value = {0};
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_release(&key, id);
    err = tamga_view_get(view, family, tamga_hash_span(&key), &value);
    if (err != TAMGA_OK)
        return err;
    err = tamga_wire_unpack((ProtobufCMessage **)out, &tamga__v1__state_release__descriptor,
                            TAMGA_WIRE_CANONICAL, tamga_buf_span(&value), NULL);
    if (err == TAMGA_OK && (*out)->n_signed_by == 0)
        err = TAMGA_E_STORE_CORRUPT;
    return err == TAMGA_OK || err == TAMGA_E_NO_MEMORY ? err : TAMGA_E_STORE_CORRUPT;
}

enum tamga_err tamga_release_in_force(struct tamga_span value, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateRelease *release = NULL;
    char by[2 * TAMGA_HASH_BYTES + 1];
    enum tamga_err err;

    if (value.len == 0)
        return TAMGA_OK;
    err = tamga_wire_unpack((ProtobufCMessage **)&release, &tamga__v1__state_release__descriptor,
                            TAMGA_WIRE_CANONICAL, value, detail);
    if (err != TAMGA_OK)
        return err;
    if (release->withdrawn_by.len == TAMGA_HASH_BYTES) {
        tamga_to_hex(by, release->withdrawn_by.data, release->withdrawn_by.len);
        return tamga_refuse(detail, TAMGA_E_RELEASE_WITHDRAWN, "counter %" PRIu64 ", by %s",
                            release->counter, by);
    }
    return release->waits ? tamga_refuse(detail, TAMGA_E_RELEASE_UNSIGNED,
                                         "counter %" PRIu64 " has %zu signatures",
                                         release->counter, release->n_signed_by)
                          : TAMGA_OK;
}

/* What stands in the state of it, or what it is without that: in force. */
static enum tamga_err load_release(Tamga__V1__StateRelease **out, const struct tamga_view *view,
                                   const struct tamga_hash *id)
{
    enum tamga_err err = find_release(out, view, TAMGA_FAMILY_STATE, id);

    return err == TAMGA_E_NOT_FOUND ? find_release(out, view, TAMGA_FAMILY_INDEX, id) : err;
}

static enum tamga_err put_release(struct tamga_overlay *state, enum tamga_family family,
                                  const struct tamga_hash *id,
                                  const Tamga__V1__StateRelease *value)
{
    TAMGA_BUF bytes = {0};
    struct tamga_hash key;
    enum tamga_err err = tamga_wire_pack(&bytes, &value->base);

    tamga_key_release(&key, id);
    return err == TAMGA_OK ? tamga_overlay_put(state, family, tamga_hash_span(&key),
                                               tamga_buf_span(&bytes))
                           : err;
}

/* The newest release of a model is the one with the highest counter. */
static enum tamga_err put_latest(struct tamga_overlay *state, const struct tamga_hash *id,
                                 const Tamga__V1__StateRelease *release)
{
    Tamga__V1__StateLatest latest = TAMGA__V1__STATE_LATEST__INIT;
    struct tamga_hash key;
    uint64_t newest;
    enum tamga_err err;

    tamga_key_latest(&key, release->producer, release->model);
    err = tamga_state_newest(&newest, &state->view, &key);
    if (err != TAMGA_OK || release->counter < newest)
        return err;
    latest.release = tamga_wire_bytes(tamga_hash_span(id));
    latest.counter = release->counter;
    latest.withdrawn = release->withdrawn_by.len > 0;
    return tamga_state_put(state, &key, &latest.base);
}

/* ---- signatures that a release needs ------------------------------------------------------ */

/* Has it all, by what its model asks for now? */
static bool is_complete(const struct tamga_state_value *model,
                        const Tamga__V1__StateRelease *release)
{
    return release->n_signed_by >= model->needed &&
           (!model->countersign ||
            tamga_names_have(release->signed_by, release->n_signed_by, model->name));
}

enum tamga_err tamga_release_enter(struct tamga_overlay *state, const struct tamga_item *item,
                                   const struct tamga_state_value *sender)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value model = {0};
    const Tamga__V1__Release *release = tamga_body_of(item)->release;
    Tamga__V1__StateRelease value = TAMGA__V1__STATE_RELEASE__INIT;
    struct name publisher = name_of(sender->name);
    char *signed_by[] = {publisher.text};
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_model(&key, release->producer, release->model);
    err = tamga_state_model(&model, &state->view, &key);
    if (err != TAMGA_OK)
        return err;
    value.producer = release->producer;
    value.model = release->model;
    value.counter = release->counter;
    value.n_signed_by = 1;
    value.signed_by = signed_by;
    err = put_release(state, TAMGA_FAMILY_INDEX, &item->id.hash, &value);
    value.waits = !is_complete(&model, &value);
    if (err == TAMGA_OK && value.waits)
        return put_release(state, TAMGA_FAMILY_STATE, &item->id.hash, &value);
    return err == TAMGA_OK ? put_latest(state, &item->id.hash, &value) : err;
}

static enum tamga_err load_signing(Tamga__V1__StateRelease **release,
                                   struct tamga_state_value *model,
                                   const struct tamga_view *state, const struct tamga_hash *id)
{
    struct tamga_hash key;
    enum tamga_err err = load_release(release, state, id);

    if (err != TAMGA_OK)
        return err;
    tamga_key_model(&key, (*release)->producer, (*release)->model);
    err = tamga_state_model(model, state, &key);
    return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
}

enum tamga_err tamga_countersign_check(const struct tamga_view *state,
                                       const struct tamga_hash *id,
                                       const struct tamga_state_value *sender,
                                       struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateRelease *release = NULL;
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value model = {0};
    enum tamga_err err = load_signing(&release, &model, state, id);

    if (err == TAMGA_E_NOT_FOUND)
        return TAMGA_E_UNKNOWN_PROPOSAL;
    if (err != TAMGA_OK)
        return err;
    if (release->withdrawn_by.len > 0)
        return tamga_refuse(detail, TAMGA_E_RELEASE_WITHDRAWN, "nothing more is said of it");
    if (tamga_names_have(release->signed_by, release->n_signed_by, sender->name))
        return tamga_refuse(detail, TAMGA_E_APPROVED_ALREADY, "%.*s has signed",
                            (int)sender->name.len, (const char *)sender->name.data);
    if (!tamga_span_equal(model.name, sender->name) &&
        !tamga_state_model_asks(&model, sender->name))
        return tamga_refuse(detail, TAMGA_E_NOT_SIGNER, "%s/%s asks for others",
                            release->producer, release->model);
    return release->waits ? TAMGA_OK
                          : tamga_refuse(detail, TAMGA_E_PROPOSAL_OVER,
                                         "the release has all that it needs");
}

enum tamga_err tamga_countersign_apply(struct tamga_overlay *state, const struct tamga_hash *id,
                                       const struct tamga_state_value *sender)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateRelease *release = NULL;
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value model = {0};
    struct name signer = name_of(sender->name);
    Tamga__V1__StateRelease value;
    char *list[TAMGA_SIGNED_BY_MAX];
    enum tamga_err err = load_signing(&release, &model, &state->view, id);

    if (err == TAMGA_OK && release->n_signed_by >= TAMGA_SIGNED_BY_MAX)
        err = TAMGA_E_STORE_CORRUPT; /* more than may sign */
    if (err != TAMGA_OK)
        return err;
    memcpy(list, release->signed_by, release->n_signed_by * sizeof *list);
    list[release->n_signed_by] = signer.text;
    value = *release; /* its lists are lent, not owned */
    value.signed_by = list;
    value.n_signed_by = release->n_signed_by + 1;
    value.waits = !is_complete(&model, &value);
    err = put_release(state, TAMGA_FAMILY_STATE, id, &value);
    return err == TAMGA_OK && !value.waits ? put_latest(state, id, &value) : err;
}

/* ---- withdrawal and permits ---------------------------------------------------------------- */

static enum tamga_err find_stated(Tamga__V1__StateRelease **out, const struct tamga_view *state,
                                  ProtobufCBinaryData stated, struct tamga_detail *detail)
{
    struct tamga_hash id;
    enum tamga_err err = tamga_hash_from(&id, tamga_wire_span(stated));

    if (err == TAMGA_OK)
        err = load_release(out, state, &id);
    if (err == TAMGA_E_NOT_FOUND)
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_RELEASE, "it is in no block");
    if (err == TAMGA_OK && (*out)->withdrawn_by.len > 0)
        return tamga_refuse(detail, TAMGA_E_RELEASE_WITHDRAWN, "release %s/%s %" PRIu64,
                            (*out)->producer, (*out)->model, (*out)->counter);
    return err;
}

static enum tamga_err check_withdraw(const struct tamga_view *state,
                                     const Tamga__V1__Withdraw *withdraw,
                                     const struct tamga_state_value *sender,
                                     struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateRelease *release = NULL;
    enum tamga_err err = find_stated(&release, state, withdraw->release, detail);

    if (err != TAMGA_OK)
        return err;
    /* Producers go by their names, so that a model's owner is its P. */
    return tamga_span_equal(sender->name, tamga_span_text(release->signed_by[0])) ||
                   tamga_span_equal(sender->name, tamga_span_text(release->producer))
               ? TAMGA_OK
               : refuse_stranger(sender, release->producer, detail);
}

static enum tamga_err apply_withdraw(struct tamga_overlay *state, const struct tamga_item *item)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateRelease *release = NULL;
    Tamga__V1__StateRelease value;
    struct tamga_hash id;
    enum tamga_err err =
        tamga_hash_from(&id, tamga_wire_span(tamga_body_of(item)->withdraw->release));

    if (err == TAMGA_OK)
        err = load_release(&release, &state->view, &id);
    if (err != TAMGA_OK)
        return err;
    value = *release; /* its lists are lent, not owned */
    value.withdrawn_by = tamga_wire_bytes(tamga_hash_span(&item->id.hash));
    err = put_release(state, TAMGA_FAMILY_STATE, &id, &value);
    /* One that waited was never the newest. */
    return err == TAMGA_OK && !value.waits ? put_latest(state, &id, &value) : err;
}

static enum tamga_err check_permit(const struct tamga_view *state,
                                   const Tamga__V1__Permit *permit,
                                   const struct tamga_state_value *sender,
                                   const struct tamga_moment *at, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateRelease *release = NULL;
    enum tamga_err err = find_stated(&release, state, permit->release, detail);

    if (err != TAMGA_OK)
        return err;
    if (!tamga_span_equal(sender->name, tamga_span_text(release->producer)))
        return refuse_stranger(sender, release->producer, detail);
    if (release->waits)
        return tamga_refuse(detail, TAMGA_E_RELEASE_UNSIGNED, "it waits for signatures");
    return permit->expires_ms > at->ref_ms
               ? TAMGA_OK
               : tamga_refuse(detail, TAMGA_E_BAD_PERMIT, "it would be over already");
}

static enum tamga_err apply_permit(struct tamga_overlay *state, const struct tamga_item *item)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateRelease *release = NULL;
    struct tamga_hash id, group;
    enum tamga_err err =
        tamga_hash_from(&id, tamga_wire_span(tamga_body_of(item)->permit->release));

    if (err == TAMGA_OK)
        err = load_release(&release, &state->view, &id);
    if (err != TAMGA_OK)
        return err;
    tamga_key_permits(&group, release->producer, release->model);
    return tamga_list_add(state, &group, &item->id.hash);
}

/* ---- all of them ------------------------------------------------------------------------- */

enum tamga_err tamga_model_check(const struct tamga_view *state,
                                 const struct tamga_item *item,
                                 const struct tamga_state_value *sender,
                                 const struct tamga_moment *at, struct tamga_detail *detail)
{
    const Tamga__V1__TransactionBody *body = tamga_body_of(item);

    switch (body->action_case) {
    case TAMGA__V1__TRANSACTION_BODY__ACTION_REGISTER_MODEL:
        return check_register(state, body->register_model, sender, at->height, detail);
    case TAMGA__V1__TRANSACTION_BODY__ACTION_DELEGATE:
        return check_delegate(state, body->delegate, sender, at, detail);
    case TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT:
        return check_permit(state, body->permit, sender, at, detail);
    default:
        return check_withdraw(state, body->withdraw, sender, detail);
    }
}

enum tamga_err tamga_model_apply(struct tamga_overlay *state, const struct tamga_item *item,
                                 const struct tamga_state_value *sender)
{
    const Tamga__V1__TransactionBody *body = tamga_body_of(item);

    switch (body->action_case) {
    case TAMGA__V1__TRANSACTION_BODY__ACTION_REGISTER_MODEL:
        return apply_register(state, body->register_model, sender);
    case TAMGA__V1__TRANSACTION_BODY__ACTION_DELEGATE:
        return apply_delegate(state, body->delegate, sender);
    case TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT:
        return apply_permit(state, item);
    default:
        return apply_withdraw(state, item);
    }
}

/* ---- genesis: its models; a provider of theirs has a delegation without limits ------------ */

static int by_text(const void *a, const void *b)
{
    return strcmp((*(Tamga__V1__Delegation *const *)a)->provider,
                  (*(Tamga__V1__Delegation *const *)b)->provider);
}

static enum tamga_err genesis_model(const Tamga__V1__Model *model, struct tamga_overlay *state)
{
    Tamga__V1__StateModel value = TAMGA__V1__STATE_MODEL__INIT;
    Tamga__V1__Delegation delegation[TAMGA_DELEGATIONS_MAX], *list[TAMGA_DELEGATIONS_MAX];

    value.owner = model->producer;
    value.n_hardware = model->n_hardware;
    value.hardware = model->hardware;
    for (size_t i = 0; i < model->n_providers; i++) { /* at most 32, by the wire's bounds */
        bool twice = tamga_names_have(model->providers, i, tamga_span_text(model->providers[i]));

        if (twice)
            continue;
        tamga__v1__delegation__init(&delegation[value.n_delegations]);
        delegation[value.n_delegations].provider = model->providers[i];
        list[value.n_delegations] = &delegation[value.n_delegations];
        value.n_delegations++;
    }
    if (value.n_delegations > 1)
        qsort(list, value.n_delegations, sizeof *list, by_text);
    value.delegations = list;
    return put_model(state, model->model, &value);
}

enum tamga_err tamga_models_genesis(const struct tamga_chain *chain, struct tamga_overlay *state)
{
    const Tamga__V1__Genesis *genesis = chain->network->genesis;
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < genesis->n_models; i++)
        err = genesis_model(genesis->models[i], state);
    return err;
}
