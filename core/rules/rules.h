/* The two profiles, and what both share about devices and models. */
#ifndef TAMGA_RULES_RULES_H
#define TAMGA_RULES_RULES_H

#include "chain/rules.h"
#include "tamga/v1/record.pb-c.h"
#include "tamga/v1/state.pb-c.h"
#include "tamga/v1/transaction.pb-c.h"

extern const struct tamga_rules tamga_rules_consortium;
extern const struct tamga_rules tamga_rules_gateway;

#define TAMGA_RECEIPT_BYTES_MAX     2048
#define TAMGA_CERTIFICATE_BYTES_MAX 4096
#define TAMGA_NONCE_BYTES           16
#define TAMGA_IMAGE_BYTES_MAX       (1ull << 40)
#define TAMGA_COMMITMENT_BYTES      64 /* update key || record id */
#define TAMGA_ENCRYPTION_FORMAT     1
#define TAMGA_RECIPIENTS_MAX        32
#define TAMGA_INDEX_KEY_BYTES       40 /* 32-byte group || u64 */

/* Keys of the state and index families. docs/PROTOCOL.md, "State". */
void tamga_key_member(struct tamga_hash *out, const struct tamga_address *address);
void tamga_key_roster(struct tamga_hash *out);
void tamga_key_council(struct tamga_hash *out);
void tamga_key_params(struct tamga_hash *out);
/* By transaction id. Of a release: the state family has it if it is not simply in force, the
 * index family of each. */
void tamga_key_proposal(struct tamga_hash *out, const struct tamga_hash *id);
void tamga_key_release(struct tamga_hash *out, const struct tamga_hash *id);
/* Groups of list keys; the key itself has their number, as u64. */
void tamga_key_proposals(struct tamga_hash *out);
void tamga_key_permits(struct tamga_hash *out, const char *producer, const char *model);
void tamga_key_model(struct tamga_hash *out, const char *producer, const char *model);
void tamga_key_image(struct tamga_hash *out, const char *producer, const char *model,
                     struct tamga_span image_sha256);
void tamga_key_version(struct tamga_hash *out, const char *producer, const char *model,
                       const char *version);
void tamga_key_latest(struct tamga_hash *out, const char *producer, const char *model);
void tamga_key_device(struct tamga_hash *out, const Tamga__V1__DeviceId *device);
/* What a gateway block commits to: this device took this release. A first success has
 * one key; a reinstall, a way back, a refusal or failure has one for each receipt. */
void tamga_key_update(struct tamga_hash *out, const Tamga__V1__ReceiptBody *receipt);
void tamga_key_receipt(struct tamga_hash *out, const Tamga__V1__DeviceId *device,
                       uint64_t receipt_counter);
/* Index: releases of a model by counter, records of a device by receipt counter. */
void tamga_index_key(uint8_t out[TAMGA_INDEX_KEY_BYTES], const struct tamga_hash *group,
                     uint64_t order);

/* The release in a decoded entry of the consortium chain, borrowed from it; NULL: it says
 * something else, and none of its fields may be read as a release's. */
const Tamga__V1__Release *tamga_item_release(const struct tamga_item *item);

/* Shape of a release, without any state: what Algorithm 1 checks before signing and
 * every node on receipt. Errors: BAD_VALUE, BAD_LENGTH, BAD_CID; detail names the field. */
TAMGA_MUST_USE enum tamga_err tamga_release_check(const Tamga__V1__Release *release,
                                                  struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_device_id_check(const Tamga__V1__DeviceId *device,
                                                    struct tamga_detail *detail);
bool tamga_device_id_equal(const Tamga__V1__DeviceId *a, const Tamga__V1__DeviceId *b);

/* What wrapped keys of a release are bound to: network, model, version, counter. The
 * release's names are judged, or our own. */
void tamga_release_identity(struct tamga_hash *out, const struct tamga_scope *network,
                            const Tamga__V1__Release *release);

/*
 * May this member publish for this model, as genesis says? For clients and devices,
 * which hold the genesis; nodes ask the state.
 *
 * Errors:  NOT_MEMBER, GATEWAY_SENDER, NOT_PRODUCER, UNKNOWN_MODEL, NOT_AUTHORIZED,
 *          UNKNOWN_HARDWARE.
 */
TAMGA_MUST_USE enum tamga_err tamga_release_authority(const struct tamga_network *network,
                                                      const struct tamga_address *sender,
                                                      const Tamga__V1__Release *release,
                                                      struct tamga_detail *detail);

/*
 * The same as the state has it, by the values of the sender's "member" key and of the model's
 * key that somebody has proved; empty: the key is absent.
 *
 * Errors:  KEY_NOT_YET, KEY_ENDED, DELEGATION_EXPIRED, DELEGATION_HARDWARE besides;
 *          STORE_CORRUPT.
 */
TAMGA_MUST_USE enum tamga_err tamga_release_authority_proved(struct tamga_span member,
                                                             struct tamga_span model,
                                                             const Tamga__V1__Release *release,
                                                             const struct tamga_moment *at,
                                                             struct tamga_detail *detail);

/* What a member's new key signs beside the old one's signature over the transaction. */
void tamga_rotate_digest(struct tamga_hash *out, const struct tamga_scope *chain,
                         const struct tamga_address *old, const struct tamga_address *new);
/* The consortium chain's parameters that can change, as they are at a height. Others stay. */
TAMGA_MUST_USE enum tamga_err tamga_params_at(struct tamga_params *params,
                                              const struct tamga_view *state,
                                              uint64_t height);

/* The council as the block of a height, at or below the state's, left it.
 * Owns: *out by tamga_wire_free. */
TAMGA_MUST_USE enum tamga_err tamga_council_at(Tamga__V1__StateCouncil **out,
                                               const struct tamga_view *state,
                                               uint64_t height);

/* Common start of every payload's decode: a Signed within its bound, its id recomputed,
 * its body canonical. item gets payload, message, body and id. */
TAMGA_MUST_USE enum tamga_err tamga_payload_open(struct tamga_item *item,
                                                 struct tamga_span untrusted,
                                                 const char *domain,
                                                 const struct tamga_scope *scope,
                                                 const ProtobufCMessageDescriptor *type,
                                                 struct tamga_detail *detail);
/* Sender's stated address against its stated key. Errors: MISSING_FIELD, BAD_LENGTH,
 * ADDRESS_MISMATCH. */
TAMGA_MUST_USE enum tamga_err tamga_payload_sender(struct tamga_address *out,
                                                   ProtobufCBinaryData stated,
                                                   const Tamga__V1__PublicKey *key,
                                                   struct tamga_detail *detail);
/* The sender's signature: under the member's key, or under the stated key of a stranger
 * (who is refused by check). Errors: BAD_KEY, BAD_SIGNATURE. */
TAMGA_MUST_USE enum tamga_err tamga_payload_verify(const struct tamga_chain *chain,
                                                   const struct tamga_item *item,
                                                   const Tamga__V1__PublicKey *key,
                                                   struct tamga_detail *detail);
/* STALE_TIME, FUTURE_TIME against a chain's parameters. */
TAMGA_MUST_USE enum tamga_err tamga_payload_time(const struct tamga_params *params,
                                                 const struct tamga_item *item,
                                                 uint64_t ref_ms,
                                                 struct tamga_detail *detail);
/* A value of the state as it lies there; {0} is empty. */
struct tamga_state_value {
    struct tamga_buf bytes;
    struct tamga_span name; /* the member's, or of a model's owner: borrowed from bytes */
    uint32_t roles;         /* of a member, at the height that was asked for */
    uint32_t former_roles;  /* of one whose key has ended (KEY_ENDED), and why it has */
    Tamga__V1__Ending ending;
    uint64_t needed;        /* of a model: signatures */
    bool countersign;
};
void tamga_state_value_clear(struct tamga_state_value *value);
/* What a member's key may do at a height of the consortium chain, by the key's own key in
 * the state. Errors: NOT_MEMBER, KEY_NOT_YET, KEY_ENDED; STORE_CORRUPT, the view's. */
TAMGA_MUST_USE enum tamga_err tamga_state_member(struct tamga_state_value *out,
                                                 const struct tamga_view *state,
                                                 const struct tamga_hash *key, uint64_t height,
                                                 struct tamga_detail *detail);
/* The same of a value that somebody has proved. */
TAMGA_MUST_USE enum tamga_err tamga_member_value(struct tamga_state_value *out,
                                                 struct tamga_span value, uint64_t height,
                                                 struct tamga_detail *detail);
/* A model by its key. Errors: NOT_FOUND; STORE_CORRUPT, the view's. */
TAMGA_MUST_USE enum tamga_err tamga_state_model(struct tamga_state_value *out,
                                                const struct tamga_view *state,
                                                const struct tamga_hash *key);
/* The same of a value that somebody has proved. Errors: STORE_CORRUPT, NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_model_value(struct tamga_state_value *out,
                                                struct tamga_span value);
bool tamga_state_model_has(const struct tamga_state_value *model, const char *hardware);
/* Does this name's signature count for the model's releases, beside publisher and owner? */
bool tamga_state_model_asks(const struct tamga_state_value *model, struct tamga_span name);
/*
 * May a member publish this for the model: its owner, or one to whom it is delegated, for
 * these revisions and at this time?
 *
 * Errors:  NOT_AUTHORIZED, DELEGATION_EXPIRED, DELEGATION_HARDWARE, UNKNOWN_HARDWARE.
 */
TAMGA_MUST_USE enum tamga_err tamga_state_model_lets(const struct tamga_state_value *model,
                                                     struct tamga_span publisher,
                                                     const Tamga__V1__Release *release,
                                                     uint64_t ref_ms,
                                                     struct tamga_detail *detail);
/* Counter of a model's newest release, by the key of that; 0: none yet. Errors:
 * STORE_CORRUPT, the view's. */
TAMGA_MUST_USE enum tamga_err tamga_state_newest(uint64_t *counter,
                                                 const struct tamga_view *state,
                                                 const struct tamga_hash *key);
/* The hook of both profiles: who has the role that mines. Errors: NOT_MINER. */
TAMGA_MUST_USE enum tamga_err tamga_miner_check(const struct tamga_chain *chain,
                                                const struct tamga_view *members,
                                                uint64_t height,
                                                const struct tamga_address *miner,
                                                struct tamga_detail *detail);
/* Is a release in force, by what the state has under its "release" key? Nothing: it is.
 * Errors: RELEASE_WITHDRAWN, RELEASE_UNSIGNED; the wire's, if it is no StateRelease. */
TAMGA_MUST_USE enum tamga_err tamga_release_in_force(struct tamga_span value,
                                                     struct tamga_detail *detail);
/* Is a permit for the device of this number? One that names none is for all of the model. */
bool tamga_permit_names(const Tamga__V1__Permit *permit, const char *number);
/* Read a message of the state. NOT_FOUND; STORE_CORRUPT if it does not decode. */
TAMGA_MUST_USE enum tamga_err tamga_state_get(ProtobufCMessage **out,
                                              const struct tamga_view *state,
                                              const struct tamga_hash *key,
                                              const ProtobufCMessageDescriptor *type);
TAMGA_MUST_USE enum tamga_err tamga_state_put(struct tamga_overlay *state,
                                              const struct tamga_hash *key,
                                              const ProtobufCMessage *value);

/* Is a release above its model's newest? Asked where a producer submits, so that a slip is
 * told at once. Errors: COUNTER_NOT_HIGHER; the view's. */
TAMGA_MUST_USE enum tamga_err tamga_release_is_newest(const struct tamga_view *state,
                                                      const Tamga__V1__Release *release,
                                                      struct tamga_detail *detail);

/* A cheap yes: is a release of this image for this model, and the newest such? An older one
 * that was released again is a no here. Errors: the view's. */
TAMGA_MUST_USE enum tamga_err tamga_release_has_image(const struct tamga_view *state,
                                                      const struct tamga_hash *release,
                                                      const char *producer, const char *model,
                                                      struct tamga_span image_sha256,
                                                      bool *has);

/* A device certificate, opened and verified. {0} is empty. */
struct tamga_certificate {
    Tamga__V1__CertificateBody *body;
    struct tamga_public_key *key; /* the device's */
    struct tamga_address issuer;  /* whose key signed it: whether that may is asked apart */
};
void tamga_certificate_clear(struct tamga_certificate *certificate);
/*
 * Errors:  as tamga_signed_open; ADDRESS_MISMATCH, BAD_VALUE (device id malformed), BAD_KEY,
 *          BAD_SIGNATURE. Expiry is the caller's to judge: it depends on a clock; and so is
 *          the issuer, whose standing depends on the chain.
 */
TAMGA_MUST_USE enum tamga_err tamga_certificate_open(struct tamga_certificate *out,
                                                     const struct tamga_network *network,
                                                     const Tamga__V1__Signed *untrusted,
                                                     struct tamga_detail *detail);

/*
 * Is the issuer the OEM that the device is named after? By what is known of the network, and
 * by what the state has of the issuer's key: one that was replaced since will do, one that
 * was revoked, suspended or removed will not. Errors: ISSUER_NOT_OEM.
 */
TAMGA_MUST_USE enum tamga_err tamga_issuer_known(const struct tamga_network *network,
                                                 const struct tamga_address *issuer,
                                                 const Tamga__V1__DeviceId *device,
                                                 struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_issuer_check(const struct tamga_state_value *member,
                                                 const Tamga__V1__DeviceId *device,
                                                 struct tamga_detail *detail);

/* A receipt, opened and judged; verified under the certificate's key, or not at all if
 * certificate is NULL.
 * Owns: *out by tamga_wire_free. Errors: as tamga_signed_open; BAD_RECEIPT, BAD_SIGNATURE. */
TAMGA_MUST_USE enum tamga_err tamga_receipt_open(Tamga__V1__ReceiptBody **out,
                                                 struct tamga_hash *id,
                                                 const struct tamga_network *network,
                                                 const struct tamga_certificate *certificate,
                                                 const Tamga__V1__Signed *untrusted,
                                                 struct tamga_detail *detail);

#endif
