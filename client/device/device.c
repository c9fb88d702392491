/* A device: its identity and state at open, and one session from check-in to receipt. */
#include "device/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "device/file.h"
#include "device/internal.h"
#include "rules/proof.h"
#include "wire/wire.h"

const char *tamga_device_library_version(void)
{
    return TAMGA_VERSION;
}

/* ---- shared by the files of the library ---------------------------------------- */

void tamga_device_event(const struct tamga_device *device, bool warning, const char *event,
                        const char *format, ...)
{
    char text[512];
    va_list args;

    if (device->env.event == NULL)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    device->env.event(device->env.context, warning, event, text);
}

uint64_t tamga_device_now_ms(const struct tamga_device *device)
{
    return device->env.now_ms(device->env.context);
}

enum tamga_err tamga_device_save(struct tamga_device *device, struct tamga_detail *detail)
{
    enum tamga_err err = tamga_device_state_save(&device->state, device->state_folder, detail);

    if (err != TAMGA_OK)
        device->broken = err;
    return err;
}

enum tamga_err tamga_device_sign(const struct tamga_device *device, Tamga__V1__Signed **out,
                                 struct tamga_buf *bytes, const ProtobufCMessage *body,
                                 const char *domain)
{
    TAMGA_BUF made = {0};
    enum tamga_err err =
        tamga_signed_make(&made, NULL, body, domain, &device->network->id, device->key);

    if (err == TAMGA_OK && out != NULL)
        err = tamga_wire_unpack((ProtobufCMessage **)out, &tamga__v1__signed__descriptor,
                                TAMGA_WIRE_CANONICAL, tamga_buf_span(&made), NULL);
    if (err == TAMGA_OK && bytes != NULL)
        tamga_buf_move(bytes, &made);
    return err;
}

/* ---- open ------------------------------------------------------------------------ */

static enum tamga_err load_certificate(struct tamga_device *device, const char *path,
                                       struct tamga_detail *detail)
{
    TAMGA_BUF bytes = {0};
    /* An absolute path ignores the folder, a relative one starts where the program does. */
    enum tamga_err err = tamga_device_file_read(&bytes, AT_FDCWD, path,
                                                TAMGA_CERTIFICATE_BYTES_MAX, detail);

    if (err == TAMGA_E_NOT_FOUND)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.200s: is not there", path);
    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&device->certificate,
                                &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                tamga_buf_span(&bytes), detail);
    if (err == TAMGA_OK)
        err = tamga_certificate_open(&device->identity, device->network, device->certificate,
                                     detail);
    /* A key that genesis does not name may have come later: gateways ask the chain. */
    if (err != TAMGA_OK ||
        tamga_network_member(device->network, &device->identity.issuer) == NULL)
        return err;
    return tamga_issuer_known(device->network, &device->identity.issuer,
                              device->identity.body->device, detail);
}

/* The certificate must be this device's, and of this very key. */
static enum tamga_err check_identity(const struct tamga_device *device, const char *name,
                                     struct tamga_detail *detail)
{
    const Tamga__V1__DeviceId *id = device->identity.body->device;
    struct tamga_address mine, certified;
    char text[256];

    snprintf(text, sizeof text, "%s/%s/%s", id->producer, id->model, id->number);
    if (strcmp(text, name) != 0)
        return tamga_refuse(detail, TAMGA_E_BAD_CERTIFICATE, "it is for %.100s, not for %.100s",
                            text, name);
    tamga_public_key_address(tamga_private_key_public(device->key), &mine);
    tamga_public_key_address(device->identity.key, &certified);
    if (!tamga_hash_equal(&mine.hash, &certified.hash))
        return tamga_refuse(detail, TAMGA_E_BAD_CERTIFICATE,
                            "it certifies another key than the device's");
    return TAMGA_OK;
}

static enum tamga_err load_identity(struct tamga_device *device,
                                    const struct tamga_device_options *options,
                                    struct tamga_detail *detail)
{
    enum tamga_err err = tamga_network_load(&device->network, options->genesis, detail);

    if (err == TAMGA_OK)
        err = tamga_chain_init(&device->chain, &tamga_rules_consortium, device->network);
    if (err == TAMGA_OK)
        err = tamga_private_key_load(&device->key, options->key, options->passphrase, detail);
    if (err == TAMGA_OK && options->decryption_key != NULL)
        err = tamga_recipient_key_load(&device->decryption, options->decryption_key,
                                       options->passphrase, detail);
    if (err == TAMGA_OK)
        err = load_certificate(device, options->certificate, detail);
    if (err == TAMGA_OK)
        err = check_identity(device, options->device, detail);
    return err;
}

static enum tamga_err lock_state(const struct tamga_device *device, const char *path,
                                 struct tamga_detail *detail)
{
    if (flock(device->state_folder, LOCK_EX | LOCK_NB) != 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.160s: %s", path,
                            errno == EWOULDBLOCK ? "another process works with it"
                                                 : strerror(errno));
    return TAMGA_OK;
}

/* No state file is a new device. */
static enum tamga_err load_state(struct tamga_device *device, struct tamga_detail *detail)
{
    enum tamga_err err;

    device->state.network = device->network->id;
    device->state.device = device->identity.body->device;
    err = tamga_device_state_load(&device->state, device->state_folder, detail);
    if (err == TAMGA_OK && device->state.council.len > 0)
        err = tamga_council_restore(&device->chain, tamga_buf_span(&device->state.council),
                                    device->state.checkpoint.at.height);
    return err == TAMGA_E_NOT_FOUND ? tamga_device_save(device, detail) : err;
}

static enum tamga_err open_folders(struct tamga_device *device,
                                   const struct tamga_device_options *options,
                                   struct tamga_detail *detail)
{
    enum tamga_err err =
        tamga_device_folder_open(&device->root_folder, options->root, detail);

    if (err == TAMGA_OK)
        err = tamga_device_folder_open(&device->state_folder, options->state, detail);
    if (err == TAMGA_OK)
        err = lock_state(device, options->state, detail);
    if (err == TAMGA_OK)
        err = load_state(device, detail);
    return err == TAMGA_OK ? tamga_device_recover(device, detail) : err;
}

enum tamga_err tamga_device_open(struct tamga_device **out,
                                 const struct tamga_device_options *options,
                                 const struct tamga_device_env *env,
                                 struct tamga_detail *detail)
{
    struct tamga_device *device = calloc(1, sizeof *device);
    enum tamga_err err;

    if (device == NULL)
        return TAMGA_E_NO_MEMORY;
    device->env = *env;
    device->call_ms = options->call_ms != 0 ? options->call_ms : TAMGA_DEVICE_CALL_MS;
    device->blank = options->blank;
    device->state_folder = -1;
    device->root_folder = -1;
    err = load_identity(device, options, detail);
    if (err == TAMGA_OK)
        err = tamga_device_link_open(device, options, detail);
    if (err == TAMGA_OK)
        err = open_folders(device, options, detail);
    if (err != TAMGA_OK)
        tamga_device_close(device);
    else
        *out = device;
    return err;
}

void tamga_device_close(struct tamga_device *device)
{
    if (device == NULL)
        return;
    tamga_device_state_clear(&device->state);
    tamga_device_fd_close(&device->state_folder);
    tamga_device_fd_close(&device->root_folder);
    tamga_tls_close(device->link.tls);
    tamga_certificate_clear(&device->identity);
    tamga_wire_free((ProtobufCMessage *)device->certificate);
    tamga_private_key_free(device->key);
    tamga_recipient_key_free(device->decryption);
    tamga_network_free(device->network);
    free(device);
}

void tamga_device_status(const struct tamga_device *device, struct tamga_device_status *out)
{
    const struct tamga_device_state *state = &device->state;

    *out = (struct tamga_device_status){
        .counter = state->counter,
        .receipt_counter = state->receipt_counter,
        .receipts_waiting = state->pending_count,
        .checkpoint_height = state->checkpoint.at.height,
        .checkpoint_ms = state->checkpoint.time_ms,
    };
    memcpy(out->version, state->version, sizeof out->version);
    memcpy(out->release, state->release.byte, sizeof out->release);
}

/* ---- session --------------------------------------------------------------------- */

static void session_clear(struct tamga_session *session)
{
    tamga_wire_free((ProtobufCMessage *)session->answer);
    tamga_item_clear(&session->item);
    tamga_channel_close(session->channel);
}

static void fill_install(struct tamga_device_install *out,
                         const struct tamga_session *session)
{
    const Tamga__V1__Release *release = session->release;

    out->release = session->item.id.hash;
    memcpy(out->image_sha256.byte, release->image_sha256.data, TAMGA_HASH_BYTES);
    out->image_bytes = release->image_bytes;
    if (release->encryption != NULL) {
        memcpy(out->plain_sha256.byte, release->encryption->plain_sha256.data,
               TAMGA_HASH_BYTES);
        out->plain_bytes = release->encryption->plain_bytes;
    }
    out->counter = release->counter;
    snprintf(out->version, sizeof out->version, "%s", release->version);
    memcpy(out->nonce, session->nonce, sizeof out->nonce);
    out->block = session->block;
    out->permit = session->permit;
    out->permit_height = session->permit_height;
}

/* Sign what happened to the offer, durable before anybody is told. */
static enum tamga_err record_outcome(struct tamga_session *session, enum tamga_err reason,
                                     Tamga__V1__Outcome outcome)
{
    struct tamga_device *device = session->device;
    struct tamga_detail detail = {""}; /* the session's own says why the offer failed */
    struct tamga_receipt_facts facts = {
        .release = &session->item.id.hash,
        .image_sha256 = tamga_wire_span(session->release->image_sha256),
        .nonce = session->nonce,
        .block = &session->block,
        .outcome = outcome,
        .reason = reason,
        .to_counter = device->state.counter,
        .permit = &session->permit,
    };
    uint64_t before = device->state.receipt_counter;
    enum tamga_err err = tamga_receipt_add(device, &facts, &detail);

    if (err == TAMGA_OK && device->state.receipt_counter != before)
        err = tamga_device_save(device, &detail);
    if (err != TAMGA_OK)
        tamga_device_event(device, true, "receipt.failed", "%s: %s", tamga_err_name(err),
                           detail.text);
    return err;
}

/* Our verdict on a release that is proved is receipted. */
static enum tamga_err refuse_offer(struct tamga_session *session, enum tamga_err err,
                                   struct tamga_device_result *result)
{
    result->outcome = TAMGA_DEVICE_REFUSED;
    tamga_device_event(session->device, true, "offer.refused", "%s: %s (%s)",
                       tamga_err_text(err), session->detail->text, tamga_err_name(err));
    return record_outcome(session, err, TAMGA__V1__OUTCOME__OUTCOME_REFUSED) == TAMGA_OK
               ? err
               : session->device->broken;
}

/* What is not proved says something of the gateway, and nothing of any release. */
static enum tamga_err refuse_answer(struct tamga_session *session, enum tamga_err err,
                                    struct tamga_device_result *result)
{
    if (tamga_err_class(err) != TAMGA_CLASS_REJECT)
        return err;
    result->outcome = TAMGA_DEVICE_REFUSED;
    tamga_device_event(session->device, true, "answer.refused", "%s: %s (%s)",
                       tamga_err_text(err), session->detail->text, tamga_err_name(err));
    return err;
}

static enum tamga_err fail_offer(struct tamga_session *session, enum tamga_err err,
                                 struct tamga_device_result *result)
{
    enum tamga_err reason =
        tamga_err_class(err) == TAMGA_CLASS_LOCAL ? TAMGA_E_INSTALL_FAILED : err;

    if (tamga_err_class(err) == TAMGA_CLASS_LATER || session->remote)
        return err;
    result->outcome = TAMGA_DEVICE_FAILED;
    tamga_device_event(session->device, true, "download.failed", "%s: %s (%s)",
                       tamga_err_text(err), session->detail->text, tamga_err_name(err));
    return record_outcome(session, reason, TAMGA__V1__OUTCOME__OUTCOME_FAILED) == TAMGA_OK
               ? err
               : session->device->broken;
}

static enum tamga_err carry_out(struct tamga_session *session,
                                struct tamga_device_result *result)
{
    struct tamga_device *device = session->device;
    struct tamga_device_install install = {0};
    enum tamga_err err;

    if (!tamga_receipt_room(device))
        return tamga_refuse(session->detail, TAMGA_E_QUOTA,
                            "%d receipts wait for a gateway; no install before one is "
                            "delivered",
                            TAMGA_DEVICE_PENDING_MAX);
    err = tamga_slot_current(device, &install.former, session->detail);
    if (err == TAMGA_OK) {
        install.slot = install.former == TAMGA_SLOT_A ? TAMGA_SLOT_B : TAMGA_SLOT_A;
        err = tamga_session_download(session, install.slot);
    }
    if (err != TAMGA_OK)
        return fail_offer(session, err, result);
    fill_install(&install, session);
    err = tamga_device_install(device, &install, session->detail);
    if (err == TAMGA_OK)
        result->outcome = TAMGA_DEVICE_INSTALLED;
    else if (tamga_err_class(err) == TAMGA_CLASS_REJECT)
        result->outcome = TAMGA_DEVICE_FAILED; /* receipted by the install itself */
    return err;
}

static void name_release(const struct tamga_session *session,
                         struct tamga_device_result *result)
{
    result->has_release = true;
    result->counter = session->release->counter;
    memcpy(result->release, session->item.id.hash.byte, sizeof result->release);
    snprintf(result->version, sizeof result->version, "%s", session->release->version);
}

static enum tamga_err take_offer(struct tamga_session *session,
                                 struct tamga_device_result *result)
{
    enum tamga_err err;

    name_release(session, result);
    tamga_device_event(session->device, false, "offer", "%s, counter %llu%s",
                       session->release->version,
                       (unsigned long long)session->release->counter,
                       tamga_hash_is_zero(&session->permit) ? "" : ": back, by permit");
    err = tamga_offer_suits(session);
    return err == TAMGA_OK ? carry_out(session, result) : refuse_offer(session, err, result);
}

static enum tamga_err take_answer(struct tamga_session *session,
                                  struct tamga_device_result *result)
{
    const Tamga__V1__CheckInResponse *answer = session->answer;
    enum tamga_err err = TAMGA_OK;

    if (answer->newest != NULL || answer->offer != NULL)
        err = tamga_offer_prove(session);
    if (err != TAMGA_OK)
        return refuse_answer(session, err, result);
    tamga_checkpoint_tell_age(session->device);
    if (session->release != NULL)
        return take_offer(session, result);
    result->outcome = TAMGA_DEVICE_UP_TO_DATE;
    return TAMGA_OK;
}

static enum tamga_err converse(struct tamga_session *session,
                               struct tamga_device_result *result)
{
    struct tamga_device *device = session->device;
    struct tamga_detail *detail = session->detail;
    struct tamga_detail aside = {""};
    uint64_t signed_before = device->state.receipt_counter;
    enum tamga_err err = tamga_session_deliver(session, UINT64_MAX), last;

    if (err == TAMGA_OK)
        err = tamga_session_check_in(session);
    if (err == TAMGA_E_WRONG_NONCE || tamga_link_refused(err))
        result->outcome = TAMGA_DEVICE_REFUSED;
    if (err == TAMGA_OK)
        err = take_answer(session, result);
    if (device->broken != TAMGA_OK || tamga_err_class(err) == TAMGA_CLASS_LATER ||
        tamga_link_refused(err))
        return err;
    session->detail = &aside; /* what was decided stays decided if it cannot be told now */
    last = tamga_session_deliver(session, device->state.receipt_counter - signed_before);
    session->detail = detail;
    if (last != TAMGA_OK)
        tamga_device_event(device, true, "receipt.waits", "%s: %s", tamga_err_name(last),
                           aside.text);
    return err == TAMGA_OK ? device->broken : err;
}

enum tamga_err tamga_device_session(struct tamga_device *device, const char *gateway,
                                    struct tamga_device_result *result,
                                    struct tamga_detail *detail)
{
    struct tamga_detail own = {""};
    TAMGA_CLEANUP(session_clear) struct tamga_session session = {
        .device = device, .detail = detail == NULL ? &own : detail};
    enum tamga_err err;

    *result = (struct tamga_device_result){.outcome = TAMGA_DEVICE_LATER};
    session.detail->text[0] = '\0';
    if (device->broken != TAMGA_OK)
        return tamga_refuse(session.detail, device->broken,
                            "the state folder failed before: open the device again");
    err = tamga_channel_open_link(&session.channel, gateway, &device->link, session.detail);
    if (err == TAMGA_OK)
        err = converse(&session, result);
    result->receipts_waiting = device->state.pending_count;
    return err;
}
