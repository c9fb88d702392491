#include "wire/wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tamga/v1/block.pb-c.h"
#include "tamga/v1/chain_service.pb-c.h"
#include "tamga/v1/content_service.pb-c.h"
#include "tamga/v1/genesis.pb-c.h"
#include "tamga/v1/gossip.pb-c.h"
#include "tamga/v1/record.pb-c.h"
#include "tamga/v1/state.pb-c.h"
#include "tamga/v1/transaction.pb-c.h"
#include "vector.h"

struct row {
    const char *what;
    const ProtobufCMessageDescriptor *type;
    const char *hex;
    enum tamga_err loose, canonical;
};

/* clang-format off */
#define DEVICE  &tamga__v1__device_id__descriptor            /* strings 1, 2, 3 */
#define KEY     &tamga__v1__public_key__descriptor           /* enum 1, bytes 2 */
#define LATEST  &tamga__v1__state_latest__descriptor         /* hash 1, uint64 2 */
#define PENDING &tamga__v1__get_pending_request__descriptor  /* hash 1, hash 2, uint32 3 */
#define PAGE    &tamga__v1__get_pending_response__descriptor /* hashes 1, bool 2 */
#define HAS     &tamga__v1__has_content_response__descriptor /* packed bools 1 */
#define MODEL   &tamga__v1__model__descriptor                /* strings 1, 2; repeated 3, 4 */
#define BODY    &tamga__v1__transaction_body__descriptor     /* hash 1, key 2, uint64 3, oneof 10 */
#define GOSSIP  &tamga__v1__gossip__descriptor               /* oneof: bytes 10, messages 11, 12 */
#define H8      "0011223344556677"
#define OK      TAMGA_OK
#define E(name) TAMGA_E_##name

static const struct row rows[] = {
    {"nothing", KEY, "", OK, OK},
    {"an enum", KEY, "0801", OK, OK},

    {"unknown field with length", DEVICE, "220161", E(UNKNOWN_FIELD), E(UNKNOWN_FIELD)},
    {"unknown number", DEVICE, "2001", E(UNKNOWN_FIELD), E(UNKNOWN_FIELD)},
    {"unknown field inside", BODY, "12021801", E(UNKNOWN_FIELD), E(UNKNOWN_FIELD)},
    {"number for a string", DEVICE, "0801", E(BAD_VALUE), E(BAD_VALUE)},
    {"number for a message", BODY, "1001", E(BAD_VALUE), E(BAD_VALUE)},
    {"length for a number", LATEST, "120101", E(BAD_VALUE), E(BAD_VALUE)},
    {"32 bits for a number", LATEST, "1501000000", E(BAD_VALUE), E(BAD_VALUE)},
    {"64 bits for a number", LATEST, "11" H8, E(BAD_VALUE), E(BAD_VALUE)},
    {"32 bits for a string", DEVICE, "0d01000000", E(BAD_VALUE), E(BAD_VALUE)},
    {"group", DEVICE, "0b0c", E(BAD_VALUE), E(BAD_VALUE)},
    {"end of a group", DEVICE, "0c", E(BAD_VALUE), E(BAD_VALUE)},
    {"group of an unknown field", DEVICE, "2324", E(BAD_VALUE), E(BAD_VALUE)},
    {"wire type 6", DEVICE, "0e", E(BAD_VALUE), E(BAD_VALUE)},
    {"wire type 7", DEVICE, "0f", E(BAD_VALUE), E(BAD_VALUE)},
    {"field number 0", DEVICE, "020161", E(BAD_VALUE), E(BAD_VALUE)},
    {"field number 2^29", DEVICE, "82808080100161", E(BAD_VALUE), E(BAD_VALUE)},
    {"field number 2^29 - 1", DEVICE, "faffffff0f0161", E(UNKNOWN_FIELD), E(UNKNOWN_FIELD)},

    {"overlong tag", DEVICE, "8a000161", OK, E(NOT_CANONICAL)},
    {"tag of five bytes", DEVICE, "8a808080000161", OK, E(NOT_CANONICAL)},
    {"tag of six bytes", DEVICE, "8a80808080000161", E(BAD_VALUE), E(BAD_VALUE)},
    {"overlong length", DEVICE, "0a810061", OK, E(NOT_CANONICAL)},
    {"length of six bytes", DEVICE, "0a81808080800061", E(BAD_VALUE), E(BAD_VALUE)},
    {"overlong number", LATEST, "108100", OK, E(NOT_CANONICAL)},
    {"overlong number of ten bytes", LATEST, "1081808080808080808000", OK, E(NOT_CANONICAL)},
    {"greatest number", LATEST, "10ffffffffffffffffff01", OK, OK},
    {"number beyond 64 bits", LATEST, "10ffffffffffffffffff02", E(BAD_VALUE), E(BAD_VALUE)},
    {"number of eleven bytes", LATEST, "108080808080808080808001", E(BAD_VALUE), E(BAD_VALUE)},
    {"greatest uint32", PENDING, "18ffffffff0f", OK, OK},
    {"uint32 beyond 32 bits", PENDING, "188080808010", E(BAD_VALUE), E(BAD_VALUE)},

    {"cut tag", DEVICE, "8a", E(TRUNCATED), E(TRUNCATED)},
    {"tag alone", LATEST, "10", E(TRUNCATED), E(TRUNCATED)},
    {"cut number", LATEST, "1080", E(TRUNCATED), E(TRUNCATED)},
    {"no length", DEVICE, "0a", E(TRUNCATED), E(TRUNCATED)},
    {"cut length", DEVICE, "0a80", E(TRUNCATED), E(TRUNCATED)},
    {"length beyond the end", DEVICE, "0a0261", E(TRUNCATED), E(TRUNCATED)},
    {"length of 4 GiB", DEVICE, "0affffffff0f61", E(TRUNCATED), E(TRUNCATED)},
    {"length beyond the submessage", BODY, "120212021801", E(TRUNCATED), E(TRUNCATED)},
    {"cut packed number", HAS, "0a0180", E(TRUNCATED), E(TRUNCATED)},

    {"fields descending", DEVICE, "12016d0a0170", OK, E(NOT_CANONICAL)},
    {"elements apart", MODEL, "1a01612201621a0163", OK, E(NOT_CANONICAL)},
    {"elements together", MODEL, "1a01611a0163220162", OK, OK},
    {"string twice", DEVICE, "0a01700a0171", E(BAD_VALUE), E(NOT_CANONICAL)},
    {"number twice", LATEST, "10011001", E(BAD_VALUE), E(NOT_CANONICAL)},
    {"message twice", BODY, "12001200", E(BAD_VALUE), E(NOT_CANONICAL)},
    {"empty string twice", DEVICE, "0a000a0171", E(BAD_VALUE), E(NOT_CANONICAL)},

    {"stated empty string", DEVICE, "0a00", OK, E(NOT_CANONICAL)},
    {"stated empty bytes", LATEST, "0a00", OK, E(NOT_CANONICAL)},
    {"stated 0", LATEST, "1000", OK, E(NOT_CANONICAL)},
    {"stated default enum", KEY, "0800", OK, E(NOT_CANONICAL)},
    {"stated false", PAGE, "1000", OK, E(NOT_CANONICAL)},
    {"stated empty packed", HAS, "0a00", OK, E(NOT_CANONICAL)},
    {"empty message, which is there", BODY, "1200", OK, OK},

    {"packed", HAS, "0a020100", OK, OK},
    {"unpacked", HAS, "08010800", OK, E(NOT_CANONICAL)},
    {"packed twice", HAS, "0a01010a0100", OK, E(NOT_CANONICAL)},
    {"packed and unpacked", HAS, "0a01010800", OK, E(NOT_CANONICAL)},
    {"bool 2", PAGE, "1002", E(BAD_VALUE), E(BAD_VALUE)},
    {"packed bool 2", HAS, "0a020102", E(BAD_VALUE), E(BAD_VALUE)},
    {"overlong bool", PAGE, "108100", E(BAD_VALUE), E(NOT_CANONICAL)},
    {"overlong packed bool", HAS, "0a028100", E(BAD_VALUE), E(NOT_CANONICAL)},

    {"one member", GOSSIP, "520161", OK, OK},
    {"one empty message", GOSSIP, "5a00", OK, OK},
    {"two members", GOSSIP, "5201615a00", E(BAD_VALUE), E(NOT_CANONICAL)},
    {"two members, descending", GOSSIP, "5a00520161", E(BAD_VALUE), E(NOT_CANONICAL)},
    {"one member twice", GOSSIP, "5a005a00", E(BAD_VALUE), E(NOT_CANONICAL)},
    {"member of too few bytes", GOSSIP, "5200", E(BAD_LENGTH), E(BAD_LENGTH)},

    {"unknown enum", KEY, "0804", OK, E(BAD_VALUE)},
    {"negative enum", KEY, "08ffffffffffffffffff01", OK, E(BAD_VALUE)},
    {"least enum", KEY, "0880808080f8ffffffff01", OK, E(BAD_VALUE)},
    {"enum 2^31", KEY, "088080808008", E(BAD_VALUE), E(BAD_VALUE)},
    {"enum below 32 bits", KEY, "08fffffffff7ffffffff01", E(BAD_VALUE), E(BAD_VALUE)},

    {"UTF-8", DEVICE, "0a0cc3a7e282acf48fbfbf616263", OK, OK},
    {"overlong NUL", DEVICE, "0a02c080", E(BAD_UTF8), E(BAD_UTF8)},
    {"overlong of three", DEVICE, "0a03e09fbf", E(BAD_UTF8), E(BAD_UTF8)},
    {"surrogate", DEVICE, "0a03eda080", E(BAD_UTF8), E(BAD_UTF8)},
    {"U+110000", DEVICE, "0a04f4908080", E(BAD_UTF8), E(BAD_UTF8)},
    {"lone continuation", DEVICE, "0a0180", E(BAD_UTF8), E(BAD_UTF8)},
    {"cut character", DEVICE, "0a01c3", E(BAD_UTF8), E(BAD_UTF8)},
    {"NUL in a string", DEVICE, "0a03610062", E(BAD_UTF8), E(BAD_UTF8)},
    {"NUL in bytes", KEY, "1203610062", OK, OK},

    {"hash of 32", LATEST, "0a20" H8 H8 H8 H8, OK, OK},
    {"hash of 31", LATEST, "0a1f" H8 H8 H8 "00112233445566", E(BAD_LENGTH), E(BAD_LENGTH)},
    {"hash of 33", LATEST, "0a21" H8 H8 H8 H8 "00", E(TOO_LARGE), E(TOO_LARGE)},
    {"empty element", MODEL, "1a00", E(BAD_LENGTH), E(BAD_LENGTH)},
    {"element of 31", PAGE, "0a1f" H8 H8 H8 "00112233445566", E(BAD_LENGTH), E(BAD_LENGTH)},
    {"string of 33", DEVICE,
     "0a21" "61616161616161616161616161616161616161616161616161616161616161616161",
     E(TOO_LARGE), E(TOO_LARGE)},
};
/* clang-format on */

/*
 * Goal:   each rule of the judge, in both forms, with its own code.
 * Method: hand-made bytes, as few as show the rule.
 */
Test(judge, table)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[64];
        size_t len = strlen(rows[i].hex) / 2;

        cr_assert_leq(len, sizeof bytes);
        cr_assert_eq(tamga_from_hex(bytes, len, rows[i].hex), TAMGA_OK, "%s",
                     rows[i].what);
        cr_expect_eq(tamga_wire_judge(rows[i].type, TAMGA_WIRE_LOOSE,
                                      tamga_span(bytes, len), NULL),
                     rows[i].loose, "%s, loose", rows[i].what);
        cr_expect_eq(tamga_wire_judge(rows[i].type, TAMGA_WIRE_CANONICAL,
                                      tamga_span(bytes, len), NULL),
                     rows[i].canonical, "%s, canonical", rows[i].what);
    }
}

/*
 * Goal:   the detail names message, field and bound.
 * Method: one string too long.
 */
Test(judge, detail_names_the_field)
{
    uint8_t bytes[35] = {0x0a, 33};
    struct tamga_detail detail = {0};

    memset(bytes + 2, 'a', 33);
    cr_assert_eq(
        tamga_wire_judge(DEVICE, TAMGA_WIRE_LOOSE, tamga_span(bytes, 35), &detail),
        TAMGA_E_TOO_LARGE);
    cr_assert_str_eq(detail.text, "tamga.v1.DeviceId.producer: 33 bytes, at most 32");
}

/* What the judge says of count times the same element. */
static enum tamga_err judge_many(const ProtobufCMessageDescriptor *type,
                                 struct tamga_span element, size_t count)
{
    TAMGA_BUF bytes = {0};

    for (size_t i = 0; i < count; i++)
        cr_assert_eq(tamga_buf_add(&bytes, element), TAMGA_OK);
    return tamga_wire_judge(type, TAMGA_WIRE_LOOSE, tamga_buf_span(&bytes), NULL);
}

/*
 * Goal:   a repeated field has as many elements as its bound says, of any kind.
 * Method: the last count that is good and the first that is not: strings, hashes,
 *         messages, unpacked and packed numbers, and packs that are too many together.
 */
Test(judge, refuses_too_many_elements)
{
    static const uint8_t text[] = {0x1a, 1, 'a'}, hash[34] = {0x12, 32},
                         message[] = {0x0a, 0};
    static const uint8_t number[] = {0x08, 1}, pack[] = {0x0a, 4, 1, 0, 1, 0};

    cr_assert_eq(judge_many(MODEL, tamga_span(text, 3), 32), TAMGA_OK);
    cr_assert_eq(judge_many(MODEL, tamga_span(text, 3), 33), TAMGA_E_TOO_LARGE);
    cr_assert_eq(judge_many(&tamga__v1__get_headers_request__descriptor,
                            tamga_span(hash, 34), 64),
                 TAMGA_OK);
    cr_assert_eq(judge_many(&tamga__v1__get_headers_request__descriptor,
                            tamga_span(hash, 34), 65),
                 TAMGA_E_TOO_LARGE);
    cr_assert_eq(judge_many(&tamga__v1__get_headers_response__descriptor,
                            tamga_span(message, 2), 2000),
                 TAMGA_OK);
    cr_assert_eq(judge_many(&tamga__v1__get_headers_response__descriptor,
                            tamga_span(message, 2), 2001),
                 TAMGA_E_TOO_LARGE);
    cr_assert_eq(judge_many(HAS, tamga_span(number, 2), 1024), TAMGA_OK);
    cr_assert_eq(judge_many(HAS, tamga_span(number, 2), 1025), TAMGA_E_TOO_LARGE);
    cr_assert_eq(judge_many(HAS, tamga_span(pack, 6), 256), TAMGA_OK);
    cr_assert_eq(judge_many(HAS, tamga_span(pack, 6), 257), TAMGA_E_TOO_LARGE);
}

/*
 * Goal:   the bytes of a block's entries are bounded together.
 * Method: 32 entries of the greatest length are 2 MiB; one more is refused.
 */
Test(judge, refuses_too_many_bytes_together)
{
    static uint8_t entry[4 + 65536] = {0x12, 0x80, 0x80, 0x04};

    cr_assert_eq(
        judge_many(&tamga__v1__block__descriptor, tamga_span(entry, sizeof entry), 32),
        TAMGA_OK);
    cr_assert_eq(
        judge_many(&tamga__v1__block__descriptor, tamga_span(entry, sizeof entry), 33),
        TAMGA_E_TOO_LARGE);
}

/* A type that contains itself, as none of ours does, and a string without a bound. */
extern const ProtobufCMessageDescriptor endless;
static const ProtobufCFieldDescriptor endless_fields[] = {
    {.name = "inner",
     .id = 1,
     .label = PROTOBUF_C_LABEL_NONE,
     .type = PROTOBUF_C_TYPE_MESSAGE,
     .descriptor = &endless},
    {.name = "text",
     .id = 2,
     .label = PROTOBUF_C_LABEL_NONE,
     .type = PROTOBUF_C_TYPE_STRING},
    {.name = "many",
     .id = 3,
     .label = PROTOBUF_C_LABEL_REPEATED,
     .type = PROTOBUF_C_TYPE_STRING},
};
static const ProtobufCIntRange endless_ranges[] = {{1, 0}, {0, 3}};
const ProtobufCMessageDescriptor endless = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "test.Endless",
    .n_fields = 3,
    .fields = endless_fields,
    .n_field_ranges = 1,
    .field_ranges = endless_ranges,
};

/* Judge `levels` messages, one in the other; the innermost is empty. */
static enum tamga_err judge_nested(size_t levels)
{
    static uint8_t bytes[40000];
    size_t at = sizeof bytes;

    for (size_t inner = 0; levels-- > 1; inner = sizeof bytes - at) {
        if (inner >= 0x4000)
            bytes[--at] = (uint8_t)(inner >> 14);
        if (inner >= 0x80)
            bytes[--at] = (uint8_t)(inner >> 7 | (inner >= 0x4000 ? 0x80 : 0));
        bytes[--at] = (uint8_t)(inner | (inner >= 0x80 ? 0x80 : 0));
        bytes[--at] = 0x0a;
    }
    return tamga_wire_judge(&endless, TAMGA_WIRE_LOOSE,
                            tamga_span(bytes + at, sizeof bytes - at), NULL);
}

/*
 * Goal:   nesting ends at 8, however deep the bytes go on.
 * Method: 8 and 9 levels, and the thousands that overflow the library's stack.
 */
Test(judge, refuses_deep_nesting)
{
    cr_assert_eq(judge_nested(8), TAMGA_OK);
    cr_assert_eq(judge_nested(9), TAMGA_E_TOO_LARGE);
    cr_assert_eq(judge_nested(9000), TAMGA_E_TOO_LARGE);
}

/*
 * Goal:   a field that somebody forgot to bound lets nothing in.
 * Method: a type that is not in the table.
 */
Test(judge, refuses_what_has_no_bound)
{
    static const uint8_t one[] = {0x12, 1, 'a'}, many[] = {0x1a, 1, 'a'};

    cr_assert_eq(tamga_wire_judge(&endless, TAMGA_WIRE_LOOSE, tamga_span(one, 3), NULL),
                 TAMGA_E_TOO_LARGE);
    cr_assert_eq(
        tamga_wire_judge(&endless, TAMGA_WIRE_LOOSE, tamga_span(many, 3), NULL),
        TAMGA_E_TOO_LARGE);
}

static void check_cuts(const ProtobufCMessageDescriptor *type, const char *file,
                       size_t fields)
{
    TAMGA_BUF body = {0};
    size_t whole = 0;

    test_vector(&body, file, "body");
    cr_assert_eq(
        tamga_wire_judge(type, TAMGA_WIRE_CANONICAL, tamga_buf_span(&body), NULL),
        TAMGA_OK);
    for (size_t len = 0; len < body.len; len++) {
        enum tamga_err err = tamga_wire_judge(type, TAMGA_WIRE_CANONICAL,
                                              tamga_span(body.data, len), NULL);

        if (err == TAMGA_OK)
            whole++;
        else
            cr_assert_eq(err, TAMGA_E_TRUNCATED, "cut at %zu", len);
    }
    cr_assert_eq(whole, fields);
}

/*
 * Goal:   a message that is cut anywhere but between two fields is TRUNCATED.
 * Method: cut the golden messages at every offset; as many cuts are good as there are
 *         fields, for a message that ends before a field is a message.
 */
Test(judge, finds_every_cut)
{
    check_cuts(BODY, "transaction.txt", 4);
    check_cuts(&tamga__v1__record_body__descriptor, "record.txt", 9);
}
