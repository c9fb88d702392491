/*
 * Judge, unpack, pack and JSON of several message types. The first byte of the input
 * chooses the type (above bit 0) and the form (bit 0: canonical).
 */
#include "fuzz.h"

#include "tamga/v1/block.pb-c.h"
#include "tamga/v1/chain_service.pb-c.h"
#include "tamga/v1/content_service.pb-c.h"
#include "tamga/v1/genesis.pb-c.h"
#include "tamga/v1/gossip.pb-c.h"
#include "tamga/v1/record.pb-c.h"
#include "tamga/v1/rpc.pb-c.h"
#include "tamga/v1/transaction.pb-c.h"
#include "wire/wire.h"

/* The corpus counts on this order: append only. */
static const ProtobufCMessageDescriptor *const types[] = {
    &tamga__v1__transaction_body__descriptor,
    &tamga__v1__record_body__descriptor,
    &tamga__v1__release__descriptor,
    &tamga__v1__receipt_body__descriptor,
    &tamga__v1__signed__descriptor,
    &tamga__v1__block__descriptor,
    &tamga__v1__gossip__descriptor,
    &tamga__v1__get_headers_response__descriptor,
    &tamga__v1__genesis__descriptor,
    &tamga__v1__rpc_request__descriptor,
    &tamga__v1__has_content_response__descriptor,
    &tamga__v1__health_check_response__descriptor,
};

/* Canonical bytes come back; what comes of loose ones is canonical from then on. */
static void check_message(const ProtobufCMessageDescriptor *type,
                          enum tamga_wire_form form, struct tamga_span input,
                          const ProtobufCMessage *message)
{
    TAMGA_BUF packed = {0};
    TAMGA_BUF json = {0};
    enum tamga_err err;

    FUZZ_REQUIRE(tamga_wire_pack(&packed, message) == TAMGA_OK);
    FUZZ_REQUIRE(tamga_wire_json(&json, message) == TAMGA_OK);
    if (form == TAMGA_WIRE_CANONICAL)
        FUZZ_REQUIRE(tamga_span_equal(input, tamga_buf_span(&packed)));
    err = tamga_wire_judge(type, TAMGA_WIRE_CANONICAL, tamga_buf_span(&packed), NULL);
    /* Loose bytes may hold an enum without a name, and keep it. */
    FUZZ_REQUIRE(err == TAMGA_OK ||
                 (form == TAMGA_WIRE_LOOSE && err == TAMGA_E_BAD_VALUE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ProtobufCMessageDescriptor *type;
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
    struct tamga_detail detail = {0};
    struct tamga_span input;
    enum tamga_wire_form form;
    enum tamga_err judged, err;

    if (size == 0)
        return 0;
    type = types[(data[0] >> 1) % (sizeof types / sizeof types[0])];
    form = (data[0] & 1) != 0 ? TAMGA_WIRE_CANONICAL : TAMGA_WIRE_LOOSE;
    input = tamga_span(data + 1, size - 1);
    judged = tamga_wire_judge(type, form, input, &detail);
    err = tamga_wire_unpack(&message, type, form, input, &detail);
    if (err == TAMGA_OK)
        check_message(type, form, input, message);
    FUZZ_REQUIRE(err == judged || (judged == TAMGA_OK && err == TAMGA_E_OVER_BUDGET));
    FUZZ_REQUIRE(err == TAMGA_OK || detail.text[0] != '\0');
    return 0;
}
