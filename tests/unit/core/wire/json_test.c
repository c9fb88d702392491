#include "wire/wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "generate.h"
#include "memory.h"
#include "tamga/v1/chain_service.pb-c.h"
#include "tamga/v1/content_service.pb-c.h"
#include "tamga/v1/gateway_service.pb-c.h"
#include "tamga/v1/gossip.pb-c.h"
#include "tamga/v1/record.pb-c.h"
#include "tamga/v1/transaction.pb-c.h"
#include "types.h"

static void check(const ProtobufCMessage *message, const char *expected)
{
    TAMGA_BUF out = {0};

    cr_assert_eq(tamga_wire_json(&out, message), TAMGA_OK);
    cr_assert_eq(tamga_buf_add(&out, tamga_span("", 1)), TAMGA_OK);
    cr_assert_str_eq((char *)out.data, expected);
}

/*
 * Goal:   what is at its default is left out, names are lowerCamelCase, numbers of 64
 *         bits are strings, those of 32 are not.
 * Method: a message before and after its fields are set.
 */
Test(json, fields_and_defaults)
{
    Tamga__V1__ReceiptBody receipt = TAMGA__V1__RECEIPT_BODY__INIT;

    check(&receipt.base, "{}");
    receipt.outcome = TAMGA__V1__OUTCOME__OUTCOME_REFUSED;
    receipt.reason = 4294967295u;
    receipt.receipt_counter = UINT64_MAX;
    receipt.image_sha256 = tamga_wire_bytes(tamga_span("\x01", 1));
    check(&receipt.base, "{\"imageSha256\":\"AQ==\",\"outcome\":\"OUTCOME_REFUSED\","
                         "\"reason\":4294967295,"
                         "\"receiptCounter\":\"18446744073709551615\"}");
}

/*
 * Goal:   text is escaped as JSON asks and no more.
 * Method: each escape, the first and last control characters, and UTF-8.
 */
Test(json, escapes)
{
    Tamga__V1__DeviceId device = TAMGA__V1__DEVICE_ID__INIT;
    char producer[] = "\"\\/\b\f\n\r\t", model[] = "\x01\x1f \x7f", number[] = "ç€😀";

    device.producer = producer;
    device.model = model;
    device.number = number;
    check(&device.base, "{\"producer\":\"\\\"\\\\/\\b\\f\\n\\r\\t\","
                        "\"model\":\"\\u0001\\u001f \\u007f\",\"number\":\"ç€😀\"}");
}

/*
 * Goal:   bytes are standard base64 with padding.
 * Method: the vectors of RFC 4648, and the two letters of its own of that alphabet.
 */
Test(json, base64)
{
    static const char *const row[][2] = {
        {"f", "Zg=="},        {"fo", "Zm8="},        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
        {"\xfb\xff", "+/8="},
    };

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        Tamga__V1__GetBlockAtRequest request = TAMGA__V1__GET_BLOCK_AT_REQUEST__INIT;
        char expected[64];

        request.chain = tamga_wire_bytes(tamga_span_text(row[i][0]));
        snprintf(expected, sizeof expected, "{\"chain\":\"%s\"}", row[i][1]);
        check(&request.base, expected);
    }
}

/*
 * Goal:   an enum is its name, a number if it has none.
 * Method: a value above the known, and one below.
 */
Test(json, enums)
{
    Tamga__V1__GetDeliveryResponse delivery = TAMGA__V1__GET_DELIVERY_RESPONSE__INIT;

    delivery.state = TAMGA__V1__DELIVERY_STATE__DELIVERY_ROLLED_BACK;
    check(&delivery.base, "{\"state\":\"DELIVERY_ROLLED_BACK\"}");
    delivery.state = (Tamga__V1__DeliveryState)99;
    check(&delivery.base, "{\"state\":99}");
    delivery.state = (Tamga__V1__DeliveryState)-2;
    check(&delivery.base, "{\"state\":-2}");
}

/*
 * Goal:   repeated fields are arrays, of every kind, and messages nest.
 * Method: strings, messages and bools, with defaults as elements; bytes likewise.
 */
Test(json, repeated_and_nested)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Release release = TAMGA__V1__RELEASE__INIT;
    Tamga__V1__Dependency first = TAMGA__V1__DEPENDENCY__INIT, second = first;
    Tamga__V1__HasContentResponse has = TAMGA__V1__HAS_CONTENT_RESPONSE__INIT;
    Tamga__V1__GetPendingResponse page = TAMGA__V1__GET_PENDING_RESPONSE__INIT;
    char a[] = "a", b[] = "", *hardware[] = {a, b};
    Tamga__V1__Dependency *depends[] = {&first, &second};
    protobuf_c_boolean bools[] = {1, 0};
    ProtobufCBinaryData ids[] = {tamga_wire_bytes(tamga_span("f", 1)), {0}};

    second.version = a;
    release.n_hardware = 2;
    release.hardware = hardware;
    release.n_depends = 2;
    release.depends = depends;
    release.urgent = 1;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE;
    body.release = &release;
    check(&body.base, "{\"release\":{\"hardware\":[\"a\",\"\"],"
                      "\"depends\":[{},{\"version\":\"a\"}],\"urgent\":true}}");
    has.n_has = 2;
    has.has = bools;
    check(&has.base, "{\"has\":[true,false]}");
    page.n_ids = 2;
    page.ids = ids;
    check(&page.base, "{\"ids\":[\"Zg==\",\"\"]}");
}

/*
 * Goal:   of a oneof, exactly the member that is set is written.
 * Method: each of two members, whose values share their memory.
 */
Test(json, oneof)
{
    Tamga__V1__Gossip gossip = TAMGA__V1__GOSSIP__INIT;
    Tamga__V1__Signed status = TAMGA__V1__SIGNED__INIT;

    gossip.body_case = TAMGA__V1__GOSSIP__BODY_PAYLOAD;
    check(&gossip.base, "{\"payload\":\"\"}");
    gossip.body_case = TAMGA__V1__GOSSIP__BODY_STATUS;
    gossip.status = &status;
    check(&gossip.base, "{\"status\":{}}");
}

/* Are brackets and quotes closed, in order, on one line? */
static bool is_closed(struct tamga_span text)
{
    int depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < text.len; i++) {
        char character = (char)text.data[i];

        if ((unsigned char)character < 0x20)
            return false;
        if (quoted && character == '\\')
            i++;
        else if (character == '"')
            quoted = !quoted;
        else if (!quoted)
            depth += (character == '{' || character == '[') -
                     (character == '}' || character == ']');
    }
    return depth == 0 && !quoted;
}

/*
 * Goal:   every type can be written.
 * Method: random messages of all types; brackets and quotes are closed.
 */
Test(json, all_types)
{
    struct test_random random = {4};

    for (size_t i = 0; i < test_types_count * 8; i++) {
        const ProtobufCMessageDescriptor *type = test_types[i % test_types_count];
        TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
        TAMGA_BUF bytes = {0};
        TAMGA_BUF out = {0};

        test_generate(&bytes, &random, type);
        cr_assert_eq(tamga_wire_unpack(&message, type, TAMGA_WIRE_CANONICAL,
                                       tamga_buf_span(&bytes), NULL),
                     TAMGA_OK);
        cr_assert_eq(tamga_wire_json(&out, message), TAMGA_OK);
        cr_assert(is_closed(tamga_buf_span(&out)), "%.*s", (int)out.len,
                  (char *)out.data);
    }
}

/*
 * Goal:   JSON is appended, and a lack of memory leaves the buffer's bytes as they
 * were. Method: fail each allocation of writing 2,000 bytes in turn.
 */
Test(json, appends_or_leaves_alone)
{
    Tamga__V1__GetBlockAtRequest request = TAMGA__V1__GET_BLOCK_AT_REQUEST__INIT;
    static uint8_t bytes[2000];
    enum tamga_err err = TAMGA_E_NO_MEMORY;
    unsigned failed = 0;

    request.chain = tamga_wire_bytes(tamga_span(bytes, sizeof bytes));
    for (; err == TAMGA_E_NO_MEMORY; failed++) {
        TAMGA_BUF out = {0};

        cr_assert_eq(tamga_buf_add(&out, tamga_span("before", 6)), TAMGA_OK);
        test_memory_calls = 0;
        test_memory_fail = failed + 1;
        err = tamga_wire_json(&out, &request.base);
        test_memory_fail = 0;
        cr_assert_arr_eq(out.data, "before", 6);
        cr_assert_eq(out.len > 6, err == TAMGA_OK);
    }
    cr_assert_eq(err, TAMGA_OK);
    cr_assert_gt(failed, 3);
}
