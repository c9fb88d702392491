/*
 * The safe story of an install: mark, place, verify, switch, confirm, commit. Each step
 * is durable before the next begins, and each may be done again: whatever step a crash
 * cuts off, the next open goes on from "place", or puts the former slot back.
 *
 *   mark     the state says which release goes into which slot
 *   place    slot-x.part becomes slot-x
 *   verify   slot-x is read back: SHA-256 and length
 *   switch   `current` is replaced by a link to slot-x
 *   confirm  what `current` leads to is read back
 *   commit   counter, version and signed receipt, in one write
 *
 * Knows no gateway and no chain: everything it installs was verified before.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "device/file.h"
#include "device/internal.h"

#define CURRENT "current"
#define BESIDE  "current.new"

const char *tamga_slot_part(enum tamga_device_slot slot)
{
    return slot == TAMGA_SLOT_A ? "slot-a.part" : "slot-b.part";
}

static enum tamga_err failed(struct tamga_detail *detail, const char *what)
{
    return tamga_refuse(detail, TAMGA_E_INSTALL_FAILED, "%s: %s", what, strerror(errno));
}

enum tamga_err tamga_slot_current(const struct tamga_device *device,
                                  enum tamga_device_slot *out, struct tamga_detail *detail)
{
    char text[64];
    ssize_t len = readlinkat(device->root_folder, CURRENT, text, sizeof text - 1);

    if (len < 0 && errno == ENOENT) {
        *out = TAMGA_SLOT_NONE;
        return TAMGA_OK;
    }
    if (len < 0 && errno != EINVAL)
        return failed(detail, CURRENT);
    if (len >= 0) {
        text[len] = '\0';
        *out = tamga_device_slot_named(text);
    }
    if (len < 0 || *out == TAMGA_SLOT_NONE)
        return tamga_refuse(detail, TAMGA_E_INSTALL_FAILED,
                            "`current` is not a link to slot-a or slot-b: move it away");
    return TAMGA_OK;
}

static enum tamga_err point_current(const struct tamga_device *device,
                                    enum tamga_device_slot slot, struct tamga_detail *detail)
{
    int root = device->root_folder;

    if (unlinkat(root, BESIDE, 0) != 0 && errno != ENOENT)
        return failed(detail, BESIDE);
    if (slot == TAMGA_SLOT_NONE) {
        if (unlinkat(root, CURRENT, 0) != 0 && errno != ENOENT)
            return failed(detail, CURRENT);
        return tamga_device_folder_sync(root, detail);
    }
    if (symlinkat(tamga_device_slot_name(slot), root, BESIDE) != 0 ||
        renameat(root, BESIDE, root, CURRENT) != 0)
        return failed(detail, CURRENT);
    return tamga_device_folder_sync(root, detail);
}

/* ---- steps -------------------------------------------------------------------- */

static enum tamga_err step_place(struct tamga_device *device, struct tamga_detail *detail)
{
    enum tamga_device_slot slot = device->state.install.slot;

    /* Not there: placed by a former run, or lost; the next step tells. */
    if (renameat(device->root_folder, tamga_slot_part(slot), device->root_folder,
                 tamga_device_slot_name(slot)) != 0 &&
        errno != ENOENT)
        return failed(detail, tamga_device_slot_name(slot));
    return tamga_device_folder_sync(device->root_folder, detail);
}

static enum tamga_err check_image(const struct tamga_device *device, const char *name,
                                  struct tamga_detail *detail)
{
    const struct tamga_device_install *install = &device->state.install;
    bool opened = install->plain_bytes > 0;
    uint64_t expected_len = opened ? install->plain_bytes : install->image_bytes;
    const struct tamga_hash *expected = opened ? &install->plain_sha256 : &install->image_sha256;
    struct tamga_hash sha256;
    uint64_t len = 0;
    enum tamga_err err = tamga_device_file_hash(&sha256, &len, device->root_folder, name,
                                                expected_len, detail);

    if (err == TAMGA_E_NO_MEMORY || err == TAMGA_E_CRYPTO)
        return err;
    if (err != TAMGA_OK)
        return TAMGA_E_INSTALL_FAILED; /* the detail says why */
    if (len != expected_len || !tamga_hash_equal(&sha256, expected))
        return tamga_refuse(detail, TAMGA_E_INSTALL_FAILED,
                            "%s does not read back as the image", name);
    return TAMGA_OK;
}

static enum tamga_err step_verify(struct tamga_device *device, struct tamga_detail *detail)
{
    return check_image(device, tamga_device_slot_name(device->state.install.slot), detail);
}

static enum tamga_err step_switch(struct tamga_device *device, struct tamga_detail *detail)
{
    return point_current(device, device->state.install.slot, detail);
}

static enum tamga_err step_confirm(struct tamga_device *device, struct tamga_detail *detail)
{
    enum tamga_device_slot now = TAMGA_SLOT_NONE;
    enum tamga_err err = tamga_slot_current(device, &now, detail);

    if (err != TAMGA_OK)
        return err;
    if (now != device->state.install.slot)
        return tamga_refuse(detail, TAMGA_E_INSTALL_FAILED, "`current` leads elsewhere");
    return check_image(device, CURRENT, detail);
}

/* Forward again after a way back: such a release may have been confirmed once already. */
static bool ran_before(const struct tamga_device *device)
{
    const struct tamga_device_install *install = &device->state.install;

    return tamga_hash_is_zero(&install->permit) && install->counter <= device->state.highest;
}

static enum tamga_err add_receipt(struct tamga_device *device, Tamga__V1__Outcome outcome,
                                  enum tamga_err reason, struct tamga_detail *detail)
{
    const struct tamga_device_install *install = &device->state.install;
    struct tamga_receipt_facts facts = {
        .release = &install->release,
        .image_sha256 = tamga_hash_span(&install->image_sha256),
        .nonce = install->nonce,
        .block = &install->block,
        .outcome = outcome,
        .reason = reason,
        .to_counter = reason == TAMGA_OK ? install->counter : device->state.counter,
        .permit = &install->permit,
        .reinstall = reason == TAMGA_OK && ran_before(device)
                         ? TAMGA__V1__REINSTALL__REINSTALL_RETURNED
                         : TAMGA__V1__REINSTALL__REINSTALL_NONE,
    };

    return tamga_receipt_add(device, &facts, detail);
}

static enum tamga_err step_commit(struct tamga_device *device, struct tamga_detail *detail)
{
    struct tamga_device_state *state = &device->state;
    enum tamga_err err =
        add_receipt(device, TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED, TAMGA_OK, detail);

    if (err != TAMGA_OK)
        return err;
    state->counter = state->install.counter;
    if (state->counter > state->highest)
        state->highest = state->counter;
    if (state->install.permit_height > state->permit_height)
        state->permit_height = state->install.permit_height;
    state->release = state->install.release;
    memcpy(state->version, state->install.version, sizeof state->version);
    state->last_release = (struct tamga_hash){{0}};
    state->last_reason = 0;
    state->install = (struct tamga_device_install){0};
    return tamga_device_save(device, detail);
}

static const struct {
    const char *event; /* told once the step is durable */
    enum tamga_err (*run)(struct tamga_device *device, struct tamga_detail *detail);
} steps[] = {
    {"install.placed", step_place},       {"install.verified", step_verify},
    {"install.switched", step_switch},    {"install.confirmed", step_confirm},
    {"install.committed", step_commit},
};

/* ---- failure ------------------------------------------------------------------ */

/* The former slot runs again, and a receipt says that nothing was gained. */
static enum tamga_err undo(struct tamga_device *device, struct tamga_detail *detail)
{
    struct tamga_device_install *install = &device->state.install;
    enum tamga_device_slot now = TAMGA_SLOT_NONE;
    enum tamga_err err = tamga_slot_current(device, &now, detail);

    if (err == TAMGA_OK && now == install->slot)
        err = point_current(device, install->former, detail);
    if (err == TAMGA_OK)
        err = add_receipt(device, TAMGA__V1__OUTCOME__OUTCOME_FAILED, TAMGA_E_INSTALL_FAILED,
                          detail);
    if (err != TAMGA_OK)
        return err;
    *install = (struct tamga_device_install){0};
    return tamga_device_save(device, detail);
}

/* Ours to finish later: the disk or memory, and not what was to be installed. */
static bool keeps_mark(enum tamga_err err)
{
    return tamga_err_class(err) == TAMGA_CLASS_LOCAL;
}

static enum tamga_err run_steps(struct tamga_device *device, struct tamga_detail *detail)
{
    struct tamga_detail why;
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < sizeof steps / sizeof steps[0]; i++) {
        err = steps[i].run(device, detail);
        if (err == TAMGA_OK)
            tamga_device_event(device, false, steps[i].event, "%s",
                               device->state.install.active ? device->state.install.version
                                                            : device->state.version);
    }
    if (err == TAMGA_OK)
        return TAMGA_OK;
    if (keeps_mark(err)) {
        device->broken = err;
        return err;
    }
    why = detail == NULL ? (struct tamga_detail){""} : *detail;
    if (undo(device, detail) != TAMGA_OK) {
        device->broken = TAMGA_E_FILE_IO;
        return TAMGA_E_FILE_IO;
    }
    tamga_device_event(device, true, "install.undone", "%s", why.text);
    return tamga_refuse(detail, err, "%s", why.text);
}

enum tamga_err tamga_device_install(struct tamga_device *device,
                                    const struct tamga_device_install *install,
                                    struct tamga_detail *detail)
{
    enum tamga_err err;

    device->state.install = *install;
    device->state.install.active = true;
    err = tamga_device_save(device, detail);
    if (err != TAMGA_OK)
        return err;
    tamga_device_event(device, false, "install.marked", "%s into %s", install->version,
                       tamga_device_slot_name(install->slot));
    return run_steps(device, detail);
}

enum tamga_err tamga_device_recover(struct tamga_device *device, struct tamga_detail *detail)
{
    enum tamga_err err;

    if (!device->state.install.active)
        return TAMGA_OK;
    tamga_device_event(device, true, "install.resumed",
                       "an install of %s was cut short: finishing it",
                       device->state.install.version);
    err = run_steps(device, detail);
    return keeps_mark(err) ? err : TAMGA_OK; /* undone and receipted is settled */
}
