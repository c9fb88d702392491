/* Packing straight into NNG's messages, and the way from a code to a status and back. */
#include "net/envelope.h"

#include <stdio.h>
#include <string.h>

enum tamga_err tamga_envelope_payload(struct tamga_buf *out, const ProtobufCMessage *message,
                                      struct tamga_detail *detail)
{
    size_t len = protobuf_c_message_get_packed_size(message);

    if (len > TAMGA_PAYLOAD_BYTES_MAX)
        return tamga_refuse(detail, TAMGA_E_TOO_LARGE,
                            "%s has %zu bytes, at most %u can be sent",
                            message->descriptor->name, len, TAMGA_PAYLOAD_BYTES_MAX);
    return tamga_wire_pack(out, message);
}

static enum tamga_err pack(nng_msg **out, const ProtobufCMessage *envelope)
{
    if (nng_msg_alloc(out, protobuf_c_message_get_packed_size(envelope)) != 0)
        return TAMGA_E_NO_MEMORY;
    protobuf_c_message_pack(envelope, nng_msg_body(*out));
    return TAMGA_OK;
}

static ProtobufCBinaryData id_bytes(const struct tamga_call_id *id)
{
    return tamga_wire_bytes(id ? tamga_span(id->byte, sizeof id->byte) : tamga_span(NULL, 0));
}

enum tamga_err tamga_envelope_request(nng_msg **out, const char *method,
                                      const struct tamga_call_id *id, uint32_t deadline_ms,
                                      struct tamga_span payload)
{
    Tamga__V1__RpcRequest request = TAMGA__V1__RPC_REQUEST__INIT;

    request.method = (char *)(uintptr_t)method;
    request.deadline_ms = deadline_ms;
    request.request_id = id_bytes(id);
    request.payload = tamga_wire_bytes(payload);
    return pack(out, &request.base);
}

enum tamga_err tamga_envelope_answer(nng_msg **out, const struct tamga_call_id *id,
                                     const ProtobufCMessage *message,
                                     struct tamga_detail *detail)
{
    TAMGA_BUF payload = {0};
    Tamga__V1__RpcResponse response = TAMGA__V1__RPC_RESPONSE__INIT;
    enum tamga_err err = tamga_envelope_payload(&payload, message, detail);

    if (err)
        return err;
    response.request_id = id_bytes(id);
    response.payload = tamga_wire_bytes(tamga_buf_span(&payload));
    return pack(out, &response.base);
}

/* A detail may quote a peer's bytes; a reply that is not UTF-8 would be refused whole. */
static void copy_printable(char *to, const char *from, size_t size)
{
    size_t i = 0;

    for (; i + 1 < size && from[i] != '\0'; i++)
        to[i] = from[i] < 0x20 || from[i] > 0x7e ? '?' : from[i];
    to[i] = '\0';
}

enum tamga_err tamga_envelope_refusal(nng_msg **out, const struct tamga_call_id *id,
                                      enum tamga_err err, const struct tamga_detail *detail)
{
    Tamga__V1__RpcErrorDetails details = TAMGA__V1__RPC_ERROR_DETAILS__INIT;
    Tamga__V1__RpcResponse response = TAMGA__V1__RPC_RESPONSE__INIT;
    char text[TAMGA_DETAIL_MAX] = "";

    if (detail)
        copy_printable(text, detail->text, sizeof text);
    details.code = (uint32_t)err;
    details.name = (char *)(uintptr_t)tamga_err_name(err);
    details.detail = text;
    response.status = tamga_err_grpc(err);
    response.message = (char *)(uintptr_t)tamga_err_text(err);
    response.details = &details;
    response.request_id = id_bytes(id);
    return pack(out, &response.base);
}

/* A server of another make sends a status only; a newer one may know more codes. */
static enum tamga_err err_of_status(uint32_t status)
{
    static const enum tamga_err nearest[17] = {
        [3] = TAMGA_E_BAD_VALUE,   [4] = TAMGA_E_DEADLINE,   [5] = TAMGA_E_NOT_FOUND,
        [6] = TAMGA_E_DUPLICATE_ENTRY, [7] = TAMGA_E_NOT_AUTHORIZED, [8] = TAMGA_E_BUSY,
        [9] = TAMGA_E_NOT_READY,   [12] = TAMGA_E_NO_METHOD, [13] = TAMGA_E_SYSTEM,
        [14] = TAMGA_E_BUSY,       [16] = TAMGA_E_BAD_SIGNATURE,
    };

    if (status >= sizeof nearest / sizeof nearest[0] || nearest[status] == TAMGA_OK)
        return TAMGA_E_SYSTEM;
    return nearest[status];
}

static bool code_is_known(uint32_t code)
{
    return code != 0 && (tamga_err_from_code(code) != TAMGA_E_BAD_VALUE ||
                         code == (uint32_t)TAMGA_E_BAD_VALUE);
}

/* Not TAMGA_OK. */
static enum tamga_err refusal_of(const Tamga__V1__RpcResponse *response,
                                 struct tamga_detail *detail)
{
    const Tamga__V1__RpcErrorDetails *details = response->details;

    if (details && code_is_known(details->code))
        return tamga_refuse(detail, tamga_err_from_code(details->code), "%s", details->detail);
    return tamga_refuse(detail, err_of_status(response->status), "status %u: %.200s",
                        response->status, response->message);
}

enum tamga_err tamga_envelope_open(ProtobufCMessage **out,
                                   const ProtobufCMessageDescriptor *type,
                                   const struct tamga_call_id *id, struct tamga_span untrusted,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
    const Tamga__V1__RpcResponse *response;
    enum tamga_err err = tamga_wire_unpack(&message, &tamga__v1__rpc_response__descriptor,
                                           TAMGA_WIRE_LOOSE, untrusted, detail);

    if (err)
        return err;
    response = (const Tamga__V1__RpcResponse *)message;
    if (response->status != 0)
        return refusal_of(response, detail);
    if (!tamga_span_equal(tamga_wire_span(response->request_id),
                          tamga_span(id->byte, sizeof id->byte)))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "reply is to another call");
    return tamga_wire_unpack(out, type, TAMGA_WIRE_LOOSE, tamga_wire_span(response->payload),
                             detail);
}
