/* What the files of the device library share. Not installed. */
#ifndef TAMGA_DEVICE_INTERNAL_H
#define TAMGA_DEVICE_INTERNAL_H

#include "content/cid.h"
#include "crypto/recipient.h"
#include "device/device.h"
#include "device/state.h"
#include "net/rpc.h"
#include "rules/proof.h"
#include "tamga/v1/device_service.pb-c.h"

#define TAMGA_DEVICE_CALL_MS 10000u
/* A checkpoint beyond this age is told of: 30 days. */
#define TAMGA_DEVICE_CHECKPOINT_OLD_MS 2592000000u

struct tamga_device {
    struct tamga_device_env env;
    uint32_t call_ms;
    bool blank;
    struct tamga_network *network;
    struct tamga_chain chain; /* consortium */
    struct tamga_private_key *key;
    struct tamga_recipient_key *decryption; /* NULL: none */
    Tamga__V1__Signed *certificate;
    struct tamga_certificate identity; /* the certificate, opened */
    int state_folder;
    int root_folder;
    struct tamga_device_state state;
    uint64_t told_old_height; /* of the checkpoint whose age was told; 0: none */
    struct tamga_hash told_withdrawn; /* the release that runs, if that was told; zero: none */
    struct tamga_net_link link; /* its tls NULL: plain tcp:// only */
    enum tamga_err broken; /* memory and disk may differ: nothing more until reopened */
};

/* One conversation with one gateway. */
struct tamga_session {
    struct tamga_device *device;
    struct tamga_channel *channel;
    struct tamga_detail *detail;
    uint8_t nonce[TAMGA_NONCE_BYTES];
    Tamga__V1__CheckInResponse *answer;
    struct tamga_item item;            /* the release on offer, once proved */
    const Tamga__V1__Release *release; /* in item; NULL: nothing is on offer */
    enum tamga_err standing;           /* RELEASE_WITHDRAWN, RELEASE_UNSIGNED; OK: in force */
    struct tamga_block_id block;       /* final, at or above the release's */
    struct tamga_hash permit;          /* to go back to it; zero: none */
    uint64_t permit_height;
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

/* ---- link.c ---------------------------------------------------------------------- */

/* After identity and genesis. Errors: as tamga_device_open, of options->tls. */
TAMGA_MUST_USE enum tamga_err tamga_device_link_open(struct tamga_device *device,
                                                     const struct tamga_device_options *options,
                                                     struct tamga_detail *detail);

/* ---- gateway.c: the three calls; *out is released by tamga_wire_free ------------- */

/* Errors: as the channel's; WRONG_NONCE. */
TAMGA_MUST_USE enum tamga_err tamga_session_check_in(struct tamga_session *session);
TAMGA_MUST_USE enum tamga_err tamga_session_get_block(struct tamga_session *session,
                                                      Tamga__V1__GetBlockResponse **out,
                                                      const struct tamga_cid *cid);
TAMGA_MUST_USE enum tamga_err tamga_session_report(struct tamga_session *session,
                                                   Tamga__V1__Signed *receipt);

/* ---- verify.c -------------------------------------------------------------------- */

/*
 * Is what the gateway shows so? The newest checkpoint is durable afterwards, whatever
 * becomes of the offer. session->release stays NULL if nothing is on offer.
 *
 * Errors:  those of tamga_release_proof_check and tamga_entry_proof_check; CHECKPOINT_OLDER,
 *          MODEL_MISMATCH, NOT_NEWEST; as tamga_standing_check and tamga_publisher_check.
 *          They speak of the gateway, not of any release. FILE_IO.
 */
TAMGA_MUST_USE enum tamga_err tamga_offer_prove(struct tamga_session *session);
/* Is the release on offer for this device? Errors: RELEASE_WITHDRAWN, RELEASE_UNSIGNED,
 * HARDWARE_MISMATCH, COUNTER_ROLLBACK, RELEASE_EXPIRED, FIRST_INSTALL_NEEDED,
 * DEPENDENCY_MISSING, NO_RECIPIENT. */
TAMGA_MUST_USE enum tamga_err tamga_offer_suits(struct tamga_session *session);
/* An event, once for each checkpoint, if the newest one accepted is old. */
void tamga_checkpoint_tell_age(struct tamga_device *device);

/* An entry proof of an answer, under its own checkpoint or that of `newest`, which is not
 * above it. Errors: as tamga_entry_proof_check; CHECKPOINT_OLDER. */
TAMGA_MUST_USE enum tamga_err tamga_entry_prove(struct tamga_session *session,
                                                struct tamga_item *item,
                                                struct tamga_header *header,
                                                const struct tamga_checkpoint *newest,
                                                const Tamga__V1__EntryProof *untrusted);
/* A clock that lags is not believed below what validators cosigned. */
uint64_t tamga_device_now_at_least(const struct tamga_device *device);

/* ---- permit.c -------------------------------------------------------------------- */

/*
 * May this device go back to this release? session->permit names the permit then.
 *
 * Errors:  as tamga_entry_prove and tamga_standing_check; MISSING_FIELD: it is no permit;
 *          BAD_PERMIT: it is not the owner's, or not for this release, device or time, or
 *          was used before.
 */
TAMGA_MUST_USE enum tamga_err tamga_permit_prove(struct tamga_session *session,
                                                 const struct tamga_checkpoint *newest,
                                                 const struct tamga_entry_id *release);

/* ---- decrypt.c ------------------------------------------------------------------- */

/* Can this device read the image, if it is sealed? Errors: NO_RECIPIENT. */
TAMGA_MUST_USE enum tamga_err tamga_recipient_check(const struct tamga_device *device,
                                                    const Tamga__V1__Release *release,
                                                    struct tamga_detail *detail);
/* The content key of a release that is encrypted. Errors: NO_RECIPIENT, BAD_WRAP. */
TAMGA_MUST_USE enum tamga_err tamga_content_key(struct tamga_seal_key *out,
                                                const struct tamga_device *device,
                                                const Tamga__V1__Release *release,
                                                struct tamga_detail *detail);

/* ---- download.c ------------------------------------------------------------------ */

/* Fill slot's part file. Errors: CID_MISMATCH, BAD_DAG, IMAGE_LENGTH, IMAGE_MISMATCH; of a
 * sealed image BAD_WRAP, BAD_CIPHERTEXT. */
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
    const struct tamga_block_id *block;
    Tamga__V1__Outcome outcome;
    enum tamga_err reason;
    uint64_t to_counter;
    const struct tamga_hash *permit; /* to go back; NULL or zero: none */
    Tamga__V1__Reinstall reinstall;
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
