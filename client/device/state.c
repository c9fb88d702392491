/* The state file: 32 bytes of SHA-256, then a canonical DeviceState. */
#include "device/state.h"

#include <stdio.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "device/file.h"
#include "rules/rules.h"
#include "tamga/v1/device_state.pb-c.h"
#include "wire/wire.h"

#define FORMAT 1

static const char *const slot_name[] = {"slot-a", "slot-b", ""};

const char *tamga_device_slot_name(enum tamga_device_slot slot)
{
    return slot_name[slot];
}

enum tamga_device_slot tamga_device_slot_named(const char *name)
{
    if (strcmp(name, slot_name[TAMGA_SLOT_A]) == 0)
        return TAMGA_SLOT_A;
    return strcmp(name, slot_name[TAMGA_SLOT_B]) == 0 ? TAMGA_SLOT_B : TAMGA_SLOT_NONE;
}

void tamga_device_state_clear(struct tamga_device_state *state)
{
    for (size_t i = 0; i < state->pending_count; i++)
        tamga_buf_clear(&state->pending[i].bytes);
    tamga_buf_clear(&state->council);
    *state = (struct tamga_device_state){0};
}

void tamga_device_state_drop(struct tamga_device_state *state, size_t index)
{
    tamga_buf_clear(&state->pending[index].bytes);
    state->pending_count--;
    memmove(&state->pending[index], &state->pending[index + 1],
            (state->pending_count - index) * sizeof state->pending[0]);
    state->pending[state->pending_count] = (struct tamga_device_receipt){0};
}

static enum tamga_err corrupt(struct tamga_detail *detail, const char *what)
{
    return tamga_refuse(detail, TAMGA_E_STORE_CORRUPT,
                        TAMGA_DEVICE_STATE_FILE
                        ": %s; restore the state folder, or enrol the device anew",
                        what);
}

/* Empty is zero; anything else must have 32 bytes. */
static bool take_hash(struct tamga_hash *out, ProtobufCBinaryData bytes)
{
    *out = (struct tamga_hash){{0}};
    return bytes.len == 0 || tamga_hash_from(out, tamga_wire_span(bytes)) == TAMGA_OK;
}

static bool take_text(char out[TAMGA_DEVICE_TEXT_MAX], const char *text)
{
    return snprintf(out, TAMGA_DEVICE_TEXT_MAX, "%s", text) < TAMGA_DEVICE_TEXT_MAX;
}

static bool take_install(struct tamga_device_install *out,
                         const Tamga__V1__DeviceInstall *from)
{
    *out = (struct tamga_device_install){.active = from != NULL};
    if (from == NULL)
        return true;
    if (!take_hash(&out->release, from->release) ||
        !take_hash(&out->image_sha256, from->image_sha256) ||
        !take_hash(&out->plain_sha256, from->plain_sha256) ||
        !take_hash(&out->block.hash, from->block) || !take_hash(&out->permit, from->permit) ||
        !take_text(out->version, from->version) ||
        from->nonce.len != sizeof out->nonce)
        return false;
    memcpy(out->nonce, from->nonce.data, sizeof out->nonce);
    out->image_bytes = from->image_bytes;
    out->plain_bytes = from->plain_bytes;
    out->counter = from->counter;
    out->permit_height = from->permit_height;
    out->slot = tamga_device_slot_named(from->slot);
    out->former = tamga_device_slot_named(from->former);
    return out->slot != TAMGA_SLOT_NONE;
}

static bool take_checkpoint(struct tamga_checkpoint *out,
                            const Tamga__V1__CheckpointBody *from)
{
    *out = (struct tamga_checkpoint){0};
    if (from == NULL)
        return true;
    out->at.height = from->height;
    out->time_ms = from->time_ms;
    return from->height > 0 && take_hash(&out->council, from->council) &&
           tamga_hash_from(&out->at.id.hash, tamga_wire_span(from->block)) == TAMGA_OK &&
           tamga_hash_from(&out->state_root, tamga_wire_span(from->state_root)) == TAMGA_OK;
}

static enum tamga_err take_pending(struct tamga_device_state *state,
                                   const Tamga__V1__DeviceState *from)
{
    for (size_t i = 0; i < from->n_pending; i++) {
        enum tamga_err err = tamga_buf_set(&state->pending[i].bytes,
                                           tamga_wire_span(from->pending[i]->receipt));

        if (err != TAMGA_OK)
            return err;
        state->pending[i].outcome = from->pending[i]->outcome;
        state->pending_count = i + 1;
    }
    return TAMGA_OK;
}

static enum tamga_err take(struct tamga_device_state *state,
                           const Tamga__V1__DeviceState *from, struct tamga_detail *detail)
{
    enum tamga_err err;

    if (from->format != FORMAT)
        return tamga_refuse(detail, TAMGA_E_STORE_FOREIGN,
                            TAMGA_DEVICE_STATE_FILE ": format %u; this version knows %d",
                            from->format, FORMAT);
    if (from->device == NULL ||
        !tamga_span_equal(tamga_wire_span(from->network),
                          tamga_hash_span(&state->network.hash)) ||
        !tamga_device_id_equal(from->device, state->device))
        return tamga_refuse(detail, TAMGA_E_STORE_FOREIGN,
                            TAMGA_DEVICE_STATE_FILE
                            ": of another device or network; use another state folder");
    if (!take_hash(&state->release, from->release) ||
        !take_hash(&state->last_release, from->last_release) ||
        !take_text(state->version, from->version) ||
        !take_install(&state->install, from->install) ||
        !take_checkpoint(&state->checkpoint, from->checkpoint) ||
        from->n_pending > TAMGA_DEVICE_PENDING_MAX)
        return corrupt(detail, "a value is out of range");
    state->counter = from->counter;
    state->highest = from->highest > from->counter ? from->highest : from->counter;
    state->permit_height = from->permit_height;
    state->receipt_counter = from->receipt_counter;
    state->last_reason = from->last_reason;
    err = tamga_buf_set(&state->council, tamga_wire_span(from->council));
    return err == TAMGA_OK ? take_pending(state, from) : err;
}

/* A device that forgot its counters must not start anew by itself. */
static enum tamga_err check_never_was(int folder, struct tamga_detail *detail)
{
    struct stat info;

    if (fstatat(folder, TAMGA_DEVICE_MARK_FILE, &info, 0) == 0)
        return corrupt(detail, "missing, and there was one");
    return TAMGA_E_NOT_FOUND;
}

enum tamga_err tamga_device_state_load(struct tamga_device_state *state, int folder,
                                       struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__DeviceState *from = NULL;
    TAMGA_BUF bytes = {0};
    struct tamga_span message;
    struct tamga_hash sum;
    enum tamga_err err = tamga_device_file_read(&bytes, folder, TAMGA_DEVICE_STATE_FILE,
                                                TAMGA_DEVICE_STATE_BYTES_MAX, detail);

    if (err == TAMGA_E_TOO_LARGE)
        return corrupt(detail, "too long");
    if (err == TAMGA_E_NOT_FOUND)
        return check_never_was(folder, detail);
    if (err != TAMGA_OK)
        return err;
    if (bytes.len < TAMGA_HASH_BYTES)
        return corrupt(detail, "cut short");
    message = tamga_span(bytes.data + TAMGA_HASH_BYTES, bytes.len - TAMGA_HASH_BYTES);
    tamga_sha256(&sum, message);
    if (memcmp(sum.byte, bytes.data, TAMGA_HASH_BYTES) != 0)
        return corrupt(detail, "its SHA-256 is wrong");
    err = tamga_wire_unpack((ProtobufCMessage **)&from, &tamga__v1__device_state__descriptor,
                            TAMGA_WIRE_CANONICAL, message, detail);
    if (err == TAMGA_E_NO_MEMORY)
        return err;
    return err == TAMGA_OK ? take(state, from, detail) : corrupt(detail, "does not decode");
}

static ProtobufCBinaryData lend_hash(const struct tamga_hash *hash)
{
    return tamga_wire_bytes(tamga_hash_is_zero(hash) ? tamga_span(NULL, 0)
                                                     : tamga_hash_span(hash));
}

static char *lend_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void lend_install(Tamga__V1__DeviceInstall *out,
                         const struct tamga_device_install *install)
{
    tamga__v1__device_install__init(out);
    out->release = lend_hash(&install->release);
    out->image_sha256 = lend_hash(&install->image_sha256);
    out->image_bytes = install->image_bytes;
    out->plain_sha256 = lend_hash(&install->plain_sha256);
    out->plain_bytes = install->plain_bytes;
    out->counter = install->counter;
    out->version = lend_text(install->version);
    out->slot = lend_text(tamga_device_slot_name(install->slot));
    out->former = lend_text(tamga_device_slot_name(install->former));
    out->nonce = tamga_wire_bytes(tamga_span(install->nonce, sizeof install->nonce));
    out->block = lend_hash(&install->block.hash);
    out->permit = lend_hash(&install->permit);
    out->permit_height = install->permit_height;
}

static void lend_checkpoint(Tamga__V1__CheckpointBody *out,
                            const struct tamga_checkpoint *checkpoint)
{
    tamga__v1__checkpoint_body__init(out);
    out->height = checkpoint->at.height;
    out->block = tamga_wire_bytes(tamga_hash_span(&checkpoint->at.id.hash));
    out->state_root = tamga_wire_bytes(tamga_hash_span(&checkpoint->state_root));
    out->time_ms = checkpoint->time_ms;
    out->council = lend_hash(&checkpoint->council);
}

/* The state is there before the mark that says so. */
static enum tamga_err put(const ProtobufCMessage *message, int folder,
                            struct tamga_detail *detail)
{
    TAMGA_BUF bytes = {0};
    struct tamga_hash sum = {{0}};
    struct stat info;
    enum tamga_err err = tamga_buf_set(&bytes, tamga_hash_span(&sum));

    if (err == TAMGA_OK)
        err = tamga_wire_pack(&bytes, message);
    if (err != TAMGA_OK)
        return err;
    tamga_sha256(&sum, tamga_span(bytes.data + TAMGA_HASH_BYTES,
                                  bytes.len - TAMGA_HASH_BYTES));
    memcpy(bytes.data, sum.byte, TAMGA_HASH_BYTES);
    err = tamga_device_file_replace(folder, TAMGA_DEVICE_STATE_FILE, tamga_buf_span(&bytes),
                                    detail);
    if (err != TAMGA_OK || fstatat(folder, TAMGA_DEVICE_MARK_FILE, &info, 0) == 0)
        return err;
    return tamga_device_file_replace(folder, TAMGA_DEVICE_MARK_FILE, tamga_span(NULL, 0),
                                     detail);
}

enum tamga_err tamga_device_state_save(const struct tamga_device_state *state, int folder,
                                       struct tamga_detail *detail)
{
    Tamga__V1__DeviceReceipt receipt[TAMGA_DEVICE_PENDING_MAX];
    Tamga__V1__DeviceReceipt *list[TAMGA_DEVICE_PENDING_MAX];
    Tamga__V1__DeviceState message = TAMGA__V1__DEVICE_STATE__INIT;
    Tamga__V1__CheckpointBody checkpoint;
    Tamga__V1__DeviceInstall install;

    lend_checkpoint(&checkpoint, &state->checkpoint);
    lend_install(&install, &state->install);
    for (size_t i = 0; i < state->pending_count; i++) {
        tamga__v1__device_receipt__init(&receipt[i]);
        receipt[i].outcome = state->pending[i].outcome;
        receipt[i].receipt = tamga_wire_bytes(tamga_buf_span(&state->pending[i].bytes));
        list[i] = &receipt[i];
    }
    message.format = FORMAT;
    message.network = tamga_wire_bytes(tamga_hash_span(&state->network.hash));
    message.device = (Tamga__V1__DeviceId *)(uintptr_t)state->device;
    message.counter = state->counter;
    message.version = lend_text(state->version);
    message.release = lend_hash(&state->release);
    message.receipt_counter = state->receipt_counter;
    message.n_pending = state->pending_count;
    message.pending = list;
    message.last_release = lend_hash(&state->last_release);
    message.last_reason = state->last_reason;
    message.install = state->install.active ? &install : NULL;
    message.highest = state->highest > state->counter ? state->highest : 0;
    message.permit_height = state->permit_height;
    message.checkpoint = state->checkpoint.at.height > 0 ? &checkpoint : NULL;
    message.council = tamga_wire_bytes(tamga_buf_span(&state->council));
    return put(&message.base, folder, detail);
}
