/*
 * RpcRequest and RpcResponse as messages of NNG: what both ends must agree on, in one
 * place. Knows no service and no socket.
 */
#ifndef TAMGA_NET_ENVELOPE_H
#define TAMGA_NET_ENVELOPE_H

#include <nng/nng.h>

#include "net/rpc.h"
#include "tamga/v1/rpc.pb-c.h"

#define TAMGA_CALL_ID_BYTES    16
#define TAMGA_METHOD_TEXT_MAX  129 /* with its NUL */
/* What an envelope, NNG's header included, may add to its payload. */
#define TAMGA_ENVELOPE_BYTES_MAX 1024u
#define TAMGA_PAYLOAD_BYTES_MAX  (TAMGA_NET_MESSAGE_BYTES_MAX - TAMGA_ENVELOPE_BYTES_MAX)

struct tamga_call_id {
    uint8_t byte[TAMGA_CALL_ID_BYTES];
};

/* Append the payload's encoding. Errors: TOO_LARGE before anything is allocated. */
TAMGA_MUST_USE enum tamga_err tamga_envelope_payload(struct tamga_buf *out,
                                                     const ProtobufCMessage *message,
                                                     struct tamga_detail *detail);

/* Owns: *out is the caller's, released by nng_msg_free. Errors: NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_envelope_request(nng_msg **out, const char *method,
                                                     const struct tamga_call_id *id,
                                                     uint32_t deadline_ms,
                                                     struct tamga_span payload);
/* id is NULL if the request was too garbled to have one. Errors: TOO_LARGE, NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_envelope_answer(nng_msg **out,
                                                    const struct tamga_call_id *id,
                                                    const ProtobufCMessage *message,
                                                    struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_envelope_refusal(nng_msg **out,
                                                     const struct tamga_call_id *id,
                                                     enum tamga_err err,
                                                     const struct tamga_detail *detail);

/*
 * Read a response to the call `id`, whose message is of `type`.
 *
 * Owns:    *out is the caller's, only on TAMGA_OK.
 * Errors:  what the response says; BAD_VALUE for another call's; the judge's codes.
 */
TAMGA_MUST_USE enum tamga_err tamga_envelope_open(ProtobufCMessage **out,
                                                  const ProtobufCMessageDescriptor *type,
                                                  const struct tamga_call_id *id,
                                                  struct tamga_span untrusted,
                                                  struct tamga_detail *detail);

#endif
