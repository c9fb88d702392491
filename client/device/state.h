/*
 * What a device remembers: counters, the newest checkpoint it accepted, receipts that
 * wait, an install in progress. One file, replaced as a whole, with a SHA-256 before it so
 * that damage shows; beside it an empty one that outlives it, so that its loss shows too.
 * Private to the device library; judges no release.
 */
#ifndef TAMGA_DEVICE_STATE_H
#define TAMGA_DEVICE_STATE_H

#include "chain/vote.h"
#include "tamga/v1/record.pb-c.h"

#define TAMGA_DEVICE_STATE_FILE      "device.state"
#define TAMGA_DEVICE_MARK_FILE       "enrolled"
#define TAMGA_DEVICE_STATE_BYTES_MAX 262144
#define TAMGA_DEVICE_PENDING_MAX     64
#define TAMGA_DEVICE_TEXT_MAX        65 /* a version, with its NUL */

enum tamga_device_slot {
    TAMGA_SLOT_A,
    TAMGA_SLOT_B,
    TAMGA_SLOT_NONE,
};
const char *tamga_device_slot_name(enum tamga_device_slot slot);
/* NONE if the text names no slot. */
enum tamga_device_slot tamga_device_slot_named(const char *name);

struct tamga_device_install {
    bool active;
    struct tamga_hash release;
    struct tamga_hash image_sha256;
    uint64_t image_bytes;
    struct tamga_hash plain_sha256; /* of what the slot holds, if the image was sealed */
    uint64_t plain_bytes;           /* 0: the slot holds the image itself */
    uint64_t counter;
    char version[TAMGA_DEVICE_TEXT_MAX];
    enum tamga_device_slot slot;
    enum tamga_device_slot former;
    uint8_t nonce[16];
    struct tamga_block_id block;
    struct tamga_hash permit; /* to go back to it; zero: it is a way forward */
    uint64_t permit_height;
};

struct tamga_device_receipt {
    Tamga__V1__Outcome outcome;
    struct tamga_buf bytes; /* encoded Signed */
};

struct tamga_device_state {
    struct tamga_scope network;
    const Tamga__V1__DeviceId *device; /* borrowed for the state's life */
    uint64_t counter;
    char version[TAMGA_DEVICE_TEXT_MAX];
    struct tamga_hash release; /* zero: none */
    uint64_t receipt_counter;
    size_t pending_count;
    struct tamga_device_receipt pending[TAMGA_DEVICE_PENDING_MAX];
    struct tamga_hash last_release; /* zero: none */
    uint32_t last_reason;
    struct tamga_device_install install;
    struct tamga_checkpoint checkpoint; /* height 0: none */
    struct tamga_buf council; /* encoded, as of the checkpoint; empty: genesis' */
    uint64_t highest;       /* counter of the highest release that ever ran */
    uint64_t permit_height; /* block of the last permit used; 0: none */
};

void tamga_device_state_clear(struct tamga_device_state *state);
/*
 * Read the file into a state whose network and device are set.
 *
 * Errors:  NOT_FOUND (state untouched): there never was one; STORE_CORRUPT, also if it is
 *          lost; STORE_FOREIGN (another device's or network's); FILE_IO, NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_device_state_load(struct tamga_device_state *state,
                                                      int folder,
                                                      struct tamga_detail *detail);
/* Durable on return. */
TAMGA_MUST_USE enum tamga_err tamga_device_state_save(const struct tamga_device_state *state,
                                                      int folder,
                                                      struct tamga_detail *detail);
/* Drop one pending receipt. */
void tamga_device_state_drop(struct tamga_device_state *state, size_t index);

#endif
