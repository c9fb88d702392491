/*
 * Judges what a gateway shows. First whether it is so: a quorum of validators holds the
 * release for final, and none that this device could take instead is kept back. Then
 * whether it is for this device. Knows no chain but what one checkpoint proves.
 *
 * Source: docs/PROTOCOL.md, "What a device verifies".
 */
#include <inttypes.h>

#include "chain/state_map.h"
#include "device/internal.h"
#include "rules/proof.h"
#include "wire/wire.h"

/* ---- is it for this device ------------------------------------------------------ */

static enum tamga_err check_hardware(const struct tamga_device *device,
                                     const Tamga__V1__Release *release,
                                     struct tamga_detail *detail)
{
    const char *mine = device->identity.body->hardware;

    for (size_t i = 0; i < release->n_hardware; i++)
        if (strcmp(release->hardware[i], mine) == 0)
            return TAMGA_OK;
    if (release->n_hardware > 0)
        return tamga_refuse(detail, TAMGA_E_HARDWARE_MISMATCH,
                            "for %s%s; this device is revision %s", release->hardware[0],
                            release->n_hardware > 1 ? " and others" : "",
                            mine[0] == '\0' ? "(not stated)" : mine);
    return TAMGA_OK;
}

/* Other models are not this device's to know; its own installed version is. */
static enum tamga_err check_depends(const struct tamga_device *device,
                                    const Tamga__V1__Release *release,
                                    struct tamga_detail *detail)
{
    const Tamga__V1__DeviceId *mine = device->identity.body->device;

    for (size_t i = 0; i < release->n_depends; i++) {
        const Tamga__V1__Dependency *depend = release->depends[i];

        if (strcmp(depend->producer, mine->producer) == 0 &&
            strcmp(depend->model, mine->model) == 0 &&
            strcmp(depend->version, device->state.version) != 0)
            return tamga_refuse(detail, TAMGA_E_DEPENDENCY_MISSING,
                                "needs %s; this device runs %s", depend->version,
                                device->state.version[0] == '\0' ? "no release"
                                                                 : device->state.version);
    }
    return TAMGA_OK;
}

uint64_t tamga_device_now_at_least(const struct tamga_device *device)
{
    uint64_t now_ms = tamga_device_now_ms(device);
    uint64_t cosigned_ms = device->state.checkpoint.time_ms;

    return now_ms > cosigned_ms ? now_ms : cosigned_ms;
}

static enum tamga_err check_standing(enum tamga_err standing,
                                     const Tamga__V1__Release *release,
                                     struct tamga_detail *detail)
{
    if (standing == TAMGA_OK)
        return TAMGA_OK;
    return tamga_refuse(detail, standing, "%s, counter %" PRIu64, release->version,
                        release->counter);
}

static enum tamga_err check_suits(const struct tamga_device *device,
                                  const Tamga__V1__Release *release, enum tamga_err standing,
                                  bool permitted, struct tamga_detail *detail)
{
    uint64_t now_ms = tamga_device_now_at_least(device);
    enum tamga_err err = check_standing(standing, release, detail);

    if (err == TAMGA_OK)
        err = check_hardware(device, release, detail);
    if (err != TAMGA_OK)
        return err;
    if (release->counter <= device->state.counter && !permitted)
        return tamga_refuse(detail, TAMGA_E_COUNTER_ROLLBACK,
                            "counter %" PRIu64 "; installed is %" PRIu64, release->counter,
                            device->state.counter);
    if (release->expires_ms != 0 && release->expires_ms <= now_ms)
        return tamga_refuse(detail, TAMGA_E_RELEASE_EXPIRED,
                            "expired at %" PRIu64 " ms; it is %" PRIu64 " ms",
                            release->expires_ms, now_ms);
    if (device->blank && device->state.counter == 0 && !release->first_install)
        return tamga_refuse(detail, TAMGA_E_FIRST_INSTALL_NEEDED, "%s is no first install",
                            release->version);
    /* Its model's owner has said of this very release that the way back to it is good. */
    err = permitted ? TAMGA_OK : check_depends(device, release, detail);
    return err == TAMGA_OK ? tamga_recipient_check(device, release, detail) : err;
}

enum tamga_err tamga_offer_suits(struct tamga_session *session)
{
    return check_suits(session->device, session->release, session->standing,
                       !tamga_hash_is_zero(&session->permit), session->detail);
}

/* ---- is it so --------------------------------------------------------------------- */

static void take(struct tamga_session *session, struct tamga_item *item,
                 enum tamga_err standing, const struct tamga_block_id *block)
{
    tamga_item_move(&session->item, item);
    session->release = tamga_item_release(&session->item);
    session->standing = standing;
    session->block = *block;
}

/* The newest release, as a checkpoint has it. */
struct newest {
    struct tamga_item item; /* empty: there is none */
    enum tamga_err standing;
    struct tamga_checkpoint shown;
};

static void newest_clear(struct newest *newest)
{
    tamga_item_clear(&newest->item);
}

static uint64_t counter_of(const struct newest *newest)
{
    return newest->item.body == NULL ? 0 : tamga_item_release(&newest->item)->counter;
}

/* What was accepted once is never given up for less, also not after a power loss. */
static enum tamga_err keep_checkpoint(struct tamga_session *session,
                                      const struct tamga_checkpoint *shown)
{
    struct tamga_device *device = session->device;

    if (shown->at.height <= device->state.checkpoint.at.height)
        return TAMGA_OK;
    device->state.checkpoint = *shown;
    return tamga_device_save(device, session->detail);
}

/*
 * An older release is for those whom the newest one does not suit. Offered to anybody else
 * it keeps open what was mended since.
 */
static enum tamga_err check_older(const struct tamga_session *session,
                                  const struct newest *newest, const struct tamga_item *older)
{
    uint64_t counter = tamga_item_release(older)->counter;

    if (counter_of(newest) <= counter)
        return tamga_refuse(session->detail, TAMGA_E_NOT_NEWEST,
                            "counter %" PRIu64 "; the newest release has %" PRIu64, counter,
                            counter_of(newest));
    if (check_suits(session->device, tamga_item_release(&newest->item), newest->standing, false,
                    NULL) == TAMGA_OK)
        return tamga_refuse(session->detail, TAMGA_E_NOT_NEWEST,
                            "%s is offered, though the newer %s suits this device",
                            tamga_item_release(older)->version,
                            tamga_item_release(&newest->item)->version);
    return TAMGA_OK;
}

/* Whether it is in force is no fault of the answer: the release is judged by it. */
static enum tamga_err read_standing(enum tamga_err *standing,
                                    const struct tamga_session *session,
                                    const struct newest *newest,
                                    const struct tamga_entry_id *release,
                                    const Tamga__V1__StateProof *untrusted)
{
    struct tamga_span value = {0};
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_release(&key, &release->hash);
    err = tamga_state_proof_check(&value, &newest->shown.state_root, &key, untrusted,
                                  session->detail);
    if (err == TAMGA_OK)
        err = tamga_release_in_force(value, session->detail);
    if (err != TAMGA_OK && err != TAMGA_E_RELEASE_WITHDRAWN && err != TAMGA_E_RELEASE_UNSIGNED)
        return err;
    *standing = err;
    return TAMGA_OK;
}

static enum tamga_err check_producer(const struct tamga_session *session,
                                     const struct newest *newest, const struct tamga_item *item)
{
    const Tamga__V1__DeviceId *mine = session->device->identity.body->device;
    const Tamga__V1__TransactionBody *body = (const Tamga__V1__TransactionBody *)item->body;
    const Tamga__V1__Release *release = body->release;
    struct tamga_standing sender;
    enum tamga_err err;

    if (body->action_case != TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE)
        return tamga_refuse(session->detail, TAMGA_E_MISSING_FIELD, "the offer is no release");
    err = tamga_standing_check(&sender, &newest->shown.state_root, &item->sender,
                               session->answer->sender, session->detail);
    if (err == TAMGA_OK)
        err = tamga_publisher_check(&sender, release, session->detail);
    if (err != TAMGA_OK)
        return err;
    if (strcmp(release->producer, mine->producer) != 0 ||
        strcmp(release->model, mine->model) != 0)
        return tamga_refuse(session->detail, TAMGA_E_MODEL_MISMATCH,
                            "for %s/%s; this device is a %s/%s", release->producer,
                            release->model, mine->producer, mine->model);
    return TAMGA_OK;
}

enum tamga_err tamga_entry_prove(struct tamga_session *session, struct tamga_item *item,
                                 struct tamga_header *header,
                                 const struct tamga_checkpoint *newest,
                                 const Tamga__V1__EntryProof *untrusted)
{
    Tamga__V1__EntryProof proof = *untrusted; /* its parts are borrowed */
    struct tamga_checkpoint own;
    enum tamga_err err;

    if (proof.checkpoint == NULL)
        proof.checkpoint = session->answer->newest->checkpoint;
    /* Not held against the newest one accepted: what was final once is so for ever. */
    err = tamga_entry_proof_check(item, header, &own, &session->device->chain, &proof, NULL,
                                  session->detail);
    /* Whoever proves an entry as of now must not prove the newest one as of before. */
    if (err == TAMGA_OK && newest->at.height < own.at.height)
        return tamga_refuse(session->detail, TAMGA_E_CHECKPOINT_OLDER,
                            "newest release as of height %" PRIu64 ", the offer as of %" PRIu64,
                            newest->at.height, own.at.height);
    return err;
}

/* Only a way back asks for a permit; with a way forward it is not looked at. */
static enum tamga_err check_permit(struct tamga_session *session, const struct newest *newest,
                                   const struct tamga_item *older)
{
    if (session->answer->permit == NULL ||
        tamga_item_release(older)->counter >= session->device->state.counter)
        return TAMGA_OK;
    return tamga_permit_prove(session, &newest->shown, &older->id);
}

static enum tamga_err prove_older(struct tamga_session *session, const struct newest *newest)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item older = {0};
    struct tamga_header header;
    struct tamga_block_id block;
    enum tamga_err standing = TAMGA_OK;
    enum tamga_err err = tamga_entry_prove(session, &older, &header, &newest->shown,
                                           session->answer->offer);

    if (err == TAMGA_OK)
        err = check_producer(session, newest, &older);
    if (err == TAMGA_OK)
        err = read_standing(&standing, session, newest, &older.id, session->answer->release);
    if (err == TAMGA_OK)
        err = check_older(session, newest, &older);
    if (err == TAMGA_OK)
        err = check_permit(session, newest, &older);
    if (err != TAMGA_OK)
        return err;
    tamga_header_id(&block, &header);
    take(session, &older, standing, &block);
    return TAMGA_OK;
}

/*
 * Validators change by decision of the consortium; those whom this device trusts have cosigned
 * who comes after them. Each such checkpoint is the newest one accepted from then on.
 */
static enum tamga_err learn_councils(struct tamga_session *session)
{
    const Tamga__V1__CheckInResponse *answer = session->answer;
    struct tamga_device *device = session->device;
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < answer->n_councils; i++) {
        const Tamga__V1__CouncilStep *step = answer->councils[i];
        struct tamga_checkpoint shown;

        err = tamga_council_step(&shown, &device->chain, step, session->detail);
        if (err != TAMGA_OK || shown.at.height <= device->state.checkpoint.at.height)
            continue;
        err = tamga_buf_set(&device->state.council, tamga_wire_span(step->council));
        if (err == TAMGA_OK)
            err = keep_checkpoint(session, &shown);
    }
    return err;
}

static enum tamga_err prove_newest(struct tamga_session *session, struct newest *newest)
{
    const struct tamga_device *device = session->device;
    const Tamga__V1__DeviceId *mine = device->identity.body->device;
    const struct tamga_checkpoint *trusted = &device->state.checkpoint;
    bool withdrawn = false;
    enum tamga_err err = tamga_release_proof_check(
        &newest->item, &withdrawn, &newest->shown, &device->chain, session->answer->newest,
        mine->producer, mine->model, trusted->at.height > 0 ? trusted : NULL, session->detail);

    newest->standing = withdrawn ? TAMGA_E_RELEASE_WITHDRAWN : TAMGA_OK;
    return err == TAMGA_OK ? keep_checkpoint(session, &newest->shown) : err;
}

/* It keeps running: what to do about it is for whoever reads the event. Told once. */
static void tell_withdrawn(struct tamga_device *device, uint64_t height)
{
    const struct tamga_device_state *state = &device->state;

    if (tamga_hash_equal(&device->told_withdrawn, &state->release))
        return;
    device->told_withdrawn = state->release;
    tamga_device_event(device, true, "release.withdrawn",
                       "%s, counter %" PRIu64 ", which this device runs, was withdrawn; so the"
                       " checkpoint of height %" PRIu64 " says", state->version, state->counter,
                       height);
}

/* Is what runs withdrawn? The newest release may be that very one; of others there is a proof
 * of their own. Never the gateway's word. */
static enum tamga_err check_installed(struct tamga_session *session,
                                      const struct newest *newest)
{
    const struct tamga_device_state *state = &session->device->state;
    const Tamga__V1__StateProof *untrusted = session->answer->installed;
    bool withdrawn = newest->standing == TAMGA_E_RELEASE_WITHDRAWN &&
                     tamga_hash_equal(&newest->item.id.hash, &state->release);

    if (untrusted != NULL && !tamga_hash_is_zero(&state->release)) {
        const struct tamga_entry_id mine = {state->release};
        enum tamga_err standing = TAMGA_OK;
        enum tamga_err err = read_standing(&standing, session, newest, &mine, untrusted);

        if (err != TAMGA_OK)
            return err;
        withdrawn |= standing == TAMGA_E_RELEASE_WITHDRAWN;
    }
    if (withdrawn)
        tell_withdrawn(session->device, newest->shown.at.height);
    return TAMGA_OK;
}

/* A newest release beside what is said of the installed one is there for its checkpoint, and
 * on offer only if it suits: nobody is to refuse what nobody offers. */
static bool is_on_offer(const struct tamga_session *session, const struct newest *newest)
{
    if (counter_of(newest) <= session->device->state.counter)
        return false;
    return session->answer->installed == NULL ||
           check_suits(session->device, tamga_item_release(&newest->item), newest->standing, false,
                       NULL) == TAMGA_OK;
}

enum tamga_err tamga_offer_prove(struct tamga_session *session)
{
    TAMGA_CLEANUP(newest_clear) struct newest newest = {.standing = TAMGA_OK};
    enum tamga_err err = learn_councils(session);

    if (err == TAMGA_OK)
        err = prove_newest(session, &newest);
    if (err == TAMGA_OK)
        err = check_installed(session, &newest);
    if (err != TAMGA_OK)
        return err;
    if (session->answer->offer != NULL)
        return prove_older(session, &newest);
    if (is_on_offer(session, &newest))
        take(session, &newest.item, newest.standing, &newest.shown.at.id);
    return TAMGA_OK;
}

void tamga_checkpoint_tell_age(struct tamga_device *device)
{
    const struct tamga_checkpoint *newest = &device->state.checkpoint;
    uint64_t now_ms = tamga_device_now_ms(device);

    if (newest->at.height == 0 || newest->at.height == device->told_old_height ||
        now_ms <= newest->time_ms || now_ms - newest->time_ms < TAMGA_DEVICE_CHECKPOINT_OLD_MS)
        return;
    device->told_old_height = newest->at.height;
    tamga_device_event(device, true, "checkpoint.old",
                       "the newest one shown, of height %" PRIu64 ", is %" PRIu64
                       " days old: nobody released anything since, or it is kept back",
                       newest->at.height, (now_ms - newest->time_ms) / 86400000u);
}
