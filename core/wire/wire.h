/*
 * From a peer's bytes to a message, and back. Nothing is unpacked before its raw
 * bytes were judged against the bounds table, and then only within a memory budget.
 * Knows the messages' shapes, never their meaning.
 */
#ifndef TAMGA_WIRE_WIRE_H
#define TAMGA_WIRE_WIRE_H

#include <protobuf-c/protobuf-c.h>

#include "base/id.h"
#include "crypto/key.h"
#include "tamga/v1/crypto.pb-c.h"

enum tamga_wire_form {
    TAMGA_WIRE_LOOSE,     /* envelopes and replies: any field order, explicit defaults */
    TAMGA_WIRE_CANONICAL, /* what is signed or hashed: exactly what our encoder writes */
};

/*
 * Judge raw bytes against a message type, without allocating.
 *
 * Checks, in either form and in every submessage: wire types and varints well formed,
 * numbers within their type, no unknown field, no group, strings valid UTF-8 without
 * NUL, each string, bytes and repeated field within its entry of the bounds table
 * (wire/bounds.c), nesting at most 8, no field twice that is not repeated, one member
 * of a oneof. Canonical besides: fields ascending (repeated ones adjacent), no explicit
 * default, shortest varints, numeric repeated fields packed, enum values known.
 *
 * Shapes:  an absent field is empty and meets no bound: what must be there is for the
 *          rules to say. So is an explicitly empty one in loose form.
 * Errors:  TRUNCATED, TOO_LARGE, UNKNOWN_FIELD, BAD_UTF8, BAD_LENGTH, BAD_VALUE,
 *          NOT_CANONICAL; detail names the field. A field twice is NOT_CANONICAL in
 *          canonical form and BAD_VALUE in loose form.
 * Source:  docs/PROTOCOL.md, "Canonical form".
 */
TAMGA_MUST_USE enum tamga_err tamga_wire_judge(const ProtobufCMessageDescriptor *type,
                                               enum tamga_wire_form form,
                                               struct tamga_span untrusted,
                                               struct tamga_detail *detail);

/*
 * Judge, then unpack within a budget of 16 KiB + 8 times the length.
 *
 * Owns:    *out is the caller's, released by tamga_wire_free.
 * Errors:  as judge; OVER_BUDGET; NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_wire_unpack(ProtobufCMessage **out,
                                                const ProtobufCMessageDescriptor *type,
                                                enum tamga_wire_form form,
                                                struct tamga_span untrusted,
                                                struct tamga_detail *detail);
void tamga_wire_free(ProtobufCMessage *message);
/* For TAMGA_CLEANUP: frees *(ProtobufCMessage **)message. */
void tamga_wire_release(void *message);

/* Append the encoding, which is canonical. Errors: NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_wire_pack(struct tamga_buf *out,
                                              const ProtobufCMessage *message);

/* Proto3 JSON of a message, appended on one line without a newline: lowerCamelCase
 * names, 64-bit integers as strings, bytes in base64, enums by name, defaults left
 * out (bool and number fields too). */
TAMGA_MUST_USE enum tamga_err tamga_wire_json(struct tamga_buf *out,
                                              const ProtobufCMessage *message);

/* ProtobufCBinaryData borrowed from or lent to our types. */
static inline struct tamga_span tamga_wire_span(ProtobufCBinaryData data)
{
    return tamga_span(data.data, data.len);
}
static inline ProtobufCBinaryData tamga_wire_bytes(struct tamga_span span)
{
    return (ProtobufCBinaryData){.len = span.len, .data = (uint8_t *)(uintptr_t)span.data};
}

/* Keys and signatures. Errors: MISSING_FIELD, BAD_KEY, BAD_SIGNATURE (type or length). */
TAMGA_MUST_USE enum tamga_err tamga_wire_key(struct tamga_public_key **out,
                                             const Tamga__V1__PublicKey *key);
TAMGA_MUST_USE enum tamga_err tamga_wire_signature(struct tamga_signature *out,
                                                   const Tamga__V1__Signature *signature);
/* Borrowing the other way: valid while key or signature lives. */
Tamga__V1__PublicKey tamga_wire_key_of(const struct tamga_public_key *key);
Tamga__V1__Signature tamga_wire_signature_of(const struct tamga_signature *signature);

/* Domains of everything that is signed or hashed. docs/PROTOCOL.md, "Signed bytes". */
#define TAMGA_DOMAIN_TRANSACTION "tamga.v1.transaction"
#define TAMGA_DOMAIN_CERTIFICATE "tamga.v1.certificate"
#define TAMGA_DOMAIN_RECEIPT     "tamga.v1.receipt"
#define TAMGA_DOMAIN_RECORD      "tamga.v1.record"
#define TAMGA_DOMAIN_CHECKIN     "tamga.v1.checkin"
#define TAMGA_DOMAIN_STATUS      "tamga.v1.status"
#define TAMGA_DOMAIN_SEAL        "tamga.v1.seal"
#define TAMGA_DOMAIN_VOTE        "tamga.v1.vote"
#define TAMGA_DOMAIN_CHECKPOINT  "tamga.v1.checkpoint"
#define TAMGA_DOMAIN_ROTATE      "tamga.v1.rotate"
#define TAMGA_DOMAIN_WRAP        "tamga.v1.wrap" /* not signed */

/*
 * Check a Signed's own consistency: id recomputed, body canonical for `type`; unpack
 * the body. The signature is not verified here: that needs the key inside.
 *
 * Owns:    *body is the caller's (tamga_wire_free); id and body are untouched on failure.
 * Errors:  MISSING_FIELD (id, body or signature), BAD_LENGTH of the id, TOO_LARGE,
 *          ID_MISMATCH, then as unpack.
 */
TAMGA_MUST_USE enum tamga_err tamga_signed_open(struct tamga_hash *id, ProtobufCMessage **body,
                                                const Tamga__V1__Signed *untrusted,
                                                const char *domain,
                                                const struct tamga_scope *scope,
                                                const ProtobufCMessageDescriptor *type,
                                                struct tamga_detail *detail);

/* Verify a Signed's signature over its (already checked) id. Errors: BAD_SIGNATURE. */
TAMGA_MUST_USE enum tamga_err tamga_signed_verify(const Tamga__V1__Signed *message,
                                                  const struct tamga_hash *id,
                                                  const struct tamga_public_key *key);

/*
 * Sign: pack `body`, hash it under domain and scope, sign, append the encoded Signed.
 *
 * Outputs: id may be NULL.
 * Errors:  TOO_LARGE if the body is beyond its bound; CRYPTO; NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_signed_make(struct tamga_buf *out, struct tamga_hash *id,
                                                const ProtobufCMessage *body,
                                                const char *domain,
                                                const struct tamga_scope *scope,
                                                const struct tamga_private_key *key);

#endif
