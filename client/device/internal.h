/* What the files of the device library share. Not installed. */
#ifndef TAMGA_DEVICE_INTERNAL_H
#define TAMGA_DEVICE_INTERNAL_H

#include "content/cid.h"
#include "device/device.h"
#include "device/headers.h"
#include "device/state.h"
#include "net/rpc.h"
#include "rules/rules.h"
#include "tamga/v1/device_service.pb-c.h"

#define TAMGA_DEVICE_CALL_MS     10000u
#define TAMGA_DEVICE_SYNC_MS     600000u
#define TAMGA_DEVICE_HEADERS_MAX 10000000u

struct tamga_device {
    struct tamga_device_env env;
    uint32_t call_ms;
    uint32_t sync_ms;
    uint64_t headers_max;
    bool blank;
    struct tamga_network *network;
    struct tamga_chain chain; /* consortium */
    struct tamga_private_key *key;
    Tamga__V1__Signed *certificate;
    struct tamga_certificate identity; /* the certificate, opened */
    int state_folder;
    int root_folder;
    bool headers_open;
    struct tamga_device_state state;
    struct tamga_header_log headers;
    enum tamga_err broken; /* memory and disk may differ: nothing more until reopened */
};

/* One conversation with one gateway. */
struct tamga_session {
    struct tamga_device *device;
    struct tamga_channel *channel;
    struct tamga_detail *detail;
    uint8_t nonce[TAMGA_NONCE_BYTES];
    Tamga__V1__CheckInResponse *answer;
    struct tamga_item item;            /* the offered transaction, once decoded */
    const Tamga__V1__Release *release; /* in item; NULL: nothing decoded */
    struct tamga_block_id block;       /* that the release was proved to be in */
    bool proved;
    bool remote; /* the last error came from the call, not from our judgement */
};

void tamga_device_event(const struct tamga_device *device, bool warning, const char *event,
                        const char *format, ...) TAMGA_PRINTF(4, 5);
uint64_t tamga_device_now_ms(const struct tamga_device *device);
/* Save the state; after a failure the device is broken. */
TAMGA_MUST_USE enum tamga_err tamga_device_save(struct tamga_device *device,
                                                struct tamga_detail *detail);
/* Sign a body under the network's id. Owns: *out by tamga_wire_free, if not NULL. */
TAMGA_MUST_USE enum tamga_err tamga_device_sign(const struct tamga_device *device,
                                                Tamga__V1__Signed **out,
                                                struct tamga_buf *bytes,
                                                const ProtobufCMessage *body,
                                                const char *domain);

/* ---- gateway.c: the four calls; *out is released by tamga_wire_free ------------- */

/* Errors: as the channel's; WRONG_NONCE. */
TAMGA_MUST_USE enum tamga_err tamga_session_check_in(struct tamga_session *session);
TAMGA_MUST_USE enum tamga_err
tamga_session_get_headers(struct tamga_session *session,
                          Tamga__V1__GetDeviceHeadersResponse **out,
                          const struct tamga_block_id *locator, size_t count);
TAMGA_MUST_USE enum tamga_err tamga_session_get_block(struct tamga_session *session,
                                                      Tamga__V1__GetBlockResponse **out,
                                                      const struct tamga_cid *cid);
TAMGA_MUST_USE enum tamga_err tamga_session_report(struct tamga_session *session,
                                                   Tamga__V1__Signed *receipt);

/* ---- verify.c -------------------------------------------------------------------- */

/* Errors: those of the rules' decode: nothing in the offer can be named. */
TAMGA_MUST_USE enum tamga_err tamga_offer_decode(struct tamga_session *session);
/* All that needs no chain, cheapest first. Errors: as tamga_release_authority;
 * BAD_SIGNATURE, MODEL_MISMATCH, HARDWARE_MISMATCH, COUNTER_ROLLBACK, RELEASE_EXPIRED,
 * FIRST_INSTALL_NEEDED, DEPENDENCY_MISSING. */
TAMGA_MUST_USE enum tamga_err tamga_offer_verify(struct tamga_session *session);
/* After the headers. Errors: MISSING_FIELD, NOT_ON_CHAIN, BAD_PROOF. */
TAMGA_MUST_USE enum tamga_err tamga_offer_prove(struct tamga_session *session);

/* ---- sync.c ---------------------------------------------------------------------- */

/* Errors: those of tamga_header_validate; NOT_MINER, BAD_SEAL, LESS_WORK, TOO_LARGE
 * beyond headers_max, DEADLINE beyond sync_ms. */
TAMGA_MUST_USE enum tamga_err tamga_session_sync(struct tamga_session *session);

/* ---- download.c ------------------------------------------------------------------ */

/* Fill slot's part file. Errors: CID_MISMATCH, BAD_DAG, IMAGE_LENGTH, IMAGE_MISMATCH. */
TAMGA_MUST_USE enum tamga_err tamga_session_download(struct tamga_session *session,
                                                     enum tamga_device_slot slot);

/* ---- install.c ------------------------------------------------------------------- */

/* Which slot runs. Errors: INSTALL_FAILED if `current` is none of our links. */
TAMGA_MUST_USE enum tamga_err tamga_slot_current(const struct tamga_device *device,
                                                 enum tamga_device_slot *out,
                                                 struct tamga_detail *detail);
/* Name of a slot's part file, borrowed for ever. */
const char *tamga_slot_part(enum tamga_device_slot slot);
/* From the verified part file to a committed, receipted install. After a failure the
 * former slot runs and a receipt says so. Errors: INSTALL_FAILED; local ones. */
TAMGA_MUST_USE enum tamga_err tamga_device_install(struct tamga_device *device,
                                                   const struct tamga_device_install *install,
                                                   struct tamga_detail *detail);
/* Finish or undo what a former run left; nothing to do is success. */
TAMGA_MUST_USE enum tamga_err tamga_device_recover(struct tamga_device *device,
                                                   struct tamga_detail *detail);

/* ---- receipt.c ------------------------------------------------------------------- */

/* What a receipt is about. */
struct tamga_receipt_facts {
    const struct tamga_hash *release;
    struct tamga_span image_sha256;
    const uint8_t *nonce;
    const struct tamga_block_id *block; /* NULL: not proved */
    Tamga__V1__Outcome outcome;
    enum tamga_err reason;
    uint64_t to_counter;
};
/* Is there room for a receipt of an install? Refusals make room. */
bool tamga_receipt_room(const struct tamga_device *device);
/* Sign one and put it to those that wait; the caller saves the state. Refusals and
 * failures said before, or for which there is no room, are left out without an error. */
TAMGA_MUST_USE enum tamga_err tamga_receipt_add(struct tamga_device *device,
                                                const struct tamga_receipt_facts *facts,
                                                struct tamga_detail *detail);
/* Report the newest receipts that wait, at most count, oldest first. One that this gateway
 * refuses waits for another; errors of the later class end the round. */
TAMGA_MUST_USE enum tamga_err tamga_session_deliver(struct tamga_session *session,
                                                    uint64_t count);

#endif
