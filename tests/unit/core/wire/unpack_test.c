#include "wire/wire.h"

#include <criterion/criterion.h>
#include <string.h>

#include "generate.h"
#include "memory.h"
#include "tamga/v1/chain_service.pb-c.h"
#include "tamga/v1/genesis.pb-c.h"
#include "tamga/v1/record.pb-c.h"
#include "tamga/v1/transaction.pb-c.h"
#include "types.h"

#define MESSAGE TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage

enum { ROUNDS = 300, MUTATIONS = 12, BUDGET_BASE = 16384, BUDGET_RATE = 8 };

static enum tamga_err judge(const ProtobufCMessageDescriptor *type,
                            enum tamga_wire_form form, const struct tamga_buf *bytes)
{
    return tamga_wire_judge(type, form, tamga_buf_span(bytes), NULL);
}

/* Unpack and pack again; the judge's or the budget's verdict if that fails. */
static enum tamga_err repack(struct tamga_buf *out,
                             const ProtobufCMessageDescriptor *type,
                             enum tamga_wire_form form, const struct tamga_buf *bytes)
{
    MESSAGE *message = NULL;
    enum tamga_err err =
        tamga_wire_unpack(&message, type, form, tamga_buf_span(bytes), NULL);

    return err == TAMGA_OK ? tamga_wire_pack(out, message) : err;
}

/*
 * Goal:   pack(unpack(x)) == x for every canonical x.
 * Method: random messages of every type, written by an encoder of the test's own.
 */
Test(unpack, canonical_bytes_come_back)
{
    struct test_random random = {1};

    for (size_t i = 0; i < test_types_count * ROUNDS; i++) {
        const ProtobufCMessageDescriptor *type = test_types[i % test_types_count];
        TAMGA_BUF bytes = {0};
        TAMGA_BUF again = {0};
        struct tamga_detail detail = {0};

        test_generate(&bytes, &random, type);
        cr_assert_eq(tamga_wire_judge(type, TAMGA_WIRE_CANONICAL,
                                      tamga_buf_span(&bytes), &detail),
                     TAMGA_OK, "message %zu: %s", i, detail.text);
        cr_assert_eq(repack(&again, type, TAMGA_WIRE_CANONICAL, &bytes), TAMGA_OK);
        cr_assert(tamga_span_equal(tamga_buf_span(&bytes), tamga_buf_span(&again)),
                  "message %zu, a %s, came back as other bytes", i, type->name);
    }
}

#define LOOSE (1ull << 32) /* what counts those that are not; below it, those that are */

/* Bytes are canonical exactly if the library's encoder gives them back. */
static uint64_t check_mutant(const ProtobufCMessageDescriptor *type,
                             const struct tamga_buf *bytes)
{
    enum tamga_err loose = judge(type, TAMGA_WIRE_LOOSE, bytes);
    enum tamga_err canonical = judge(type, TAMGA_WIRE_CANONICAL, bytes);
    TAMGA_BUF again = {0};
    enum tamga_err err = repack(&again, type, TAMGA_WIRE_LOOSE, bytes);
    bool same = tamga_span_equal(tamga_buf_span(bytes), tamga_buf_span(&again));

    if (loose != TAMGA_OK) {
        cr_assert_neq(canonical, TAMGA_OK,
                      "the strict form let in what the loose did not");
        cr_assert_eq(err, loose);
        return 0;
    }
    if (err == TAMGA_E_OVER_BUDGET)
        return 0;
    cr_assert_eq(err, TAMGA_OK, "%s: judged good, yet not unpacked", type->name);
    if (canonical ==
        TAMGA_E_BAD_VALUE) /* an enum without a name, which packs as it was */
        return 0;
    cr_assert(canonical == TAMGA_OK || canonical == TAMGA_E_NOT_CANONICAL);
    cr_assert_eq(canonical == TAMGA_OK, same, "%s", type->name);
    return canonical == TAMGA_OK ? 1 : LOOSE;
}

/*
 * Goal:   the judge calls canonical exactly what the encoder writes, and what it lets
 *         pass always unpacks.
 * Method: damage random messages, one blow after the other; compare with the library.
 *         Both verdicts must have come up often, or nothing was tested.
 */
Test(unpack, judge_agrees_with_the_encoder_on_damaged_messages, .timeout = 100)
{
    struct test_random random = {2};
    uint64_t seen = 0;

    for (size_t i = 0; i < test_types_count * ROUNDS; i++) {
        const ProtobufCMessageDescriptor *type = test_types[i % test_types_count];
        TAMGA_BUF whole = {0};

        test_generate(&whole, &random, type);
        for (unsigned m = 0; m < MUTATIONS; m++) {
            TAMGA_BUF bytes = {0};

            cr_assert_eq(tamga_buf_set(&bytes, tamga_buf_span(&whole)), TAMGA_OK);
            for (uint32_t blows = 1 + test_random_below(&random, 2); blows > 0; blows--)
                test_mutate(&bytes, &random);
            seen += check_mutant(type, &bytes);
        }
    }
    cr_assert_gt((unsigned)seen, 1000, "%u mutants were canonical", (unsigned)seen);
    cr_assert_gt((unsigned)(seen >> 32), 200, "%u mutants were loose", (unsigned)(seen >> 32));
}

static void fill(struct tamga_buf *out, size_t len, uint8_t tag)
{
    const uint8_t element[] = {tag, 0};

    while (out->len < len)
        cr_assert_eq(tamga_buf_add(out, tamga_span(element, 2)), TAMGA_OK);
}

/*
 * Goal:   a message cannot make the library take many times its size.
 * Method: a MiB of empty submessages is refused before anything is allocated; as many
 *         as the count's bound allows run into the budget and stay within it.
 */
Test(unpack, bounds_amplification)
{
    TAMGA_BUF many = {0};
    TAMGA_BUF models = {0};
    ProtobufCMessage *message = NULL;

    fill(&many, 1u << 20, 0x0a);
    test_memory_bytes = 0;
    cr_assert_eq(tamga_wire_unpack(&message,
                                   &tamga__v1__get_headers_response__descriptor,
                                   TAMGA_WIRE_LOOSE, tamga_buf_span(&many), NULL),
                 TAMGA_E_TOO_LARGE);
    cr_assert_eq(test_memory_bytes, 0);

    fill(&models, 2 * 4096, 0x22);
    test_memory_bytes = 0;
    cr_assert_eq(tamga_wire_unpack(&message, &tamga__v1__genesis__descriptor,
                                   TAMGA_WIRE_LOOSE, tamga_buf_span(&models), NULL),
                 TAMGA_E_OVER_BUDGET);
    cr_assert_gt(test_memory_bytes, 0);
    cr_assert_leq(test_memory_bytes, BUDGET_BASE + BUDGET_RATE * models.len);
    cr_assert_null(message);
}

/* A full answer of its kind: 2,000 headers with their seals, no field left out. */
static void add_headers(struct tamga_buf *out)
{
    uint8_t seal[2 + 2 + 66] = {0x12, 68, 0x08, 1, 0x12, 64};
    uint8_t header[3 + 228] = {0x0a, 0xe4, 0x01};
    uint8_t tag[] = {0x0a, 0xad, 0x02}; /* 301 = 231 + 70 */

    for (unsigned i = 0; i < 2000; i++) {
        cr_assert_eq(tamga_buf_add(out, tamga_span(tag, sizeof tag)), TAMGA_OK);
        cr_assert_eq(tamga_buf_add(out, tamga_span(header, sizeof header)), TAMGA_OK);
        cr_assert_eq(tamga_buf_add(out, tamga_span(seal, sizeof seal)), TAMGA_OK);
    }
}

static void add_ids(struct tamga_buf *out)
{
    static const uint8_t id[34] = {0x0a, 32};

    for (unsigned i = 0; i < 4096; i++)
        cr_assert_eq(tamga_buf_add(out, tamga_span(id, sizeof id)), TAMGA_OK);
}

/*
 * Goal:   the budget is wide enough for honest messages at their bounds.
 * Method: 2,000 sealed headers, and 4,096 ids.
 */
Test(unpack, budget_suffices_for_full_messages)
{
    TAMGA_BUF headers = {0};
    TAMGA_BUF ids = {0};
    TAMGA_BUF again = {0};

    add_headers(&headers);
    cr_assert_eq(repack(&again, &tamga__v1__get_headers_response__descriptor,
                        TAMGA_WIRE_CANONICAL, &headers),
                 TAMGA_OK);
    cr_assert_eq(again.len, headers.len);
    add_ids(&ids);
    again.len = 0;
    cr_assert_eq(repack(&again, &tamga__v1__get_pending_response__descriptor,
                        TAMGA_WIRE_CANONICAL, &ids),
                 TAMGA_OK);
    cr_assert_eq(again.len, ids.len);
}

/*
 * Goal:   what the judge refuses is not unpacked, and the output stays as it was.
 * Method: an unknown field; the detail is the judge's.
 */
Test(unpack, refuses_as_the_judge)
{
    static const uint8_t bad[] = {0x22, 1, 'a'};
    ProtobufCMessage mark, *message = &mark;
    struct tamga_detail detail = {0};

    cr_assert_eq(tamga_wire_unpack(&message, &tamga__v1__device_id__descriptor,
                                   TAMGA_WIRE_LOOSE, tamga_span(bad, 3), &detail),
                 TAMGA_E_UNKNOWN_FIELD);
    cr_assert_eq(message, &mark);
    cr_assert_str_eq(detail.text, "tamga.v1.DeviceId: field 4");
}

/*
 * Goal:   no bytes are a message with every field at its default, and pack to nothing.
 * Method: unpack an empty span; free of NULL is fine.
 */
Test(unpack, empty_message)
{
    MESSAGE *message = NULL;
    TAMGA_BUF packed = {0};

    cr_assert_eq(tamga_wire_unpack(&message, &tamga__v1__transaction_body__descriptor,
                                   TAMGA_WIRE_CANONICAL, tamga_span(NULL, 0), NULL),
                 TAMGA_OK);
    cr_assert_null(((Tamga__V1__TransactionBody *)message)->key);
    cr_assert_eq(tamga_wire_pack(&packed, message), TAMGA_OK);
    cr_assert_eq(packed.len, 0);
    tamga_wire_free(NULL);
}

/*
 * Goal:   the machine's lack of memory is told from the sender's greed, and leaves
 *         nothing behind.
 * Method: fail each allocation of unpacking a random Genesis in turn.
 */
Test(unpack, survives_every_failed_allocation)
{
    struct test_random random = {3};
    TAMGA_BUF bytes = {0};
    ProtobufCMessage *message = NULL;
    enum tamga_err err = TAMGA_E_NO_MEMORY;
    unsigned failed = 0;

    test_generate(&bytes, &random, &tamga__v1__genesis__descriptor);
    for (; err == TAMGA_E_NO_MEMORY; failed++) {
        test_memory_calls = 0;
        test_memory_fail = failed + 1;
        err = tamga_wire_unpack(&message, &tamga__v1__genesis__descriptor,
                                TAMGA_WIRE_CANONICAL, tamga_buf_span(&bytes), NULL);
        test_memory_fail = 0;
        cr_assert_eq(message != NULL, err == TAMGA_OK);
    }
    cr_assert_eq(err, TAMGA_OK);
    cr_assert_gt(failed, 5);
    tamga_wire_free(message);
}

/*
 * Goal:   pack appends, and a lack of memory leaves the buffer as it was.
 * Method: pack behind other bytes, once with the allocation failing.
 */
Test(pack, appends_or_leaves_alone)
{
    Tamga__V1__DeviceId device = TAMGA__V1__DEVICE_ID__INIT;
    char text[] = "a";
    TAMGA_BUF out = {0};
    char filler[64] = {0};

    device.model = text;
    cr_assert_eq(tamga_buf_add(&out, tamga_span(filler, sizeof filler)), TAMGA_OK);
    test_memory_calls = 0;
    test_memory_fail = 1;
    cr_assert_eq(tamga_wire_pack(&out, &device.base), TAMGA_E_NO_MEMORY);
    test_memory_fail = 0;
    cr_assert_eq(out.len, sizeof filler);
    cr_assert_eq(tamga_wire_pack(&out, &device.base), TAMGA_OK);
    cr_assert_eq(out.len, sizeof filler + 3);
    cr_assert_arr_eq(out.data + sizeof filler, "\x12\x01\x61", 3);
}
