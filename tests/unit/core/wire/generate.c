/*
 * An encoder of its own, so that a fault of the library's and one of the judge's do not
 * agree by being the same fault.
 */
#include "generate.h"

#include <criterion/criterion.h>
#include <string.h>

#include "wire/bounds.h"

uint32_t test_random_below(struct test_random *random, uint32_t below)
{
    uint64_t mixed = random->state += 0x9e3779b97f4a7c15u; /* splitmix64 */

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((mixed ^ mixed >> 31) % below);
}

static void add(struct tamga_buf *out, const void *bytes, size_t len)
{
    cr_assert_eq(tamga_buf_add(out, tamga_span(bytes, len)), TAMGA_OK);
}

static void add_varint(struct tamga_buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        uint8_t byte = (uint8_t)(value | 0x80);

        add(out, &byte, 1);
    }
    add(out, &(uint8_t){(uint8_t)value}, 1);
}

static void add_tag(struct tamga_buf *out, const ProtobufCFieldDescriptor *field,
                    ProtobufCWireType wire)
{
    add_varint(out, (uint64_t)field->id << 3 | wire);
}

static uint64_t number(struct test_random *random,
                       const ProtobufCFieldDescriptor *field)
{
    const ProtobufCEnumDescriptor *names = field->descriptor;

    switch ((int)field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return test_random_below(random, 2);
    case PROTOBUF_C_TYPE_ENUM:
        return (uint64_t)names->values[test_random_below(random, names->n_values)]
            .value;
    case PROTOBUF_C_TYPE_UINT32:
        return test_random_below(random, UINT32_MAX) >> test_random_below(random, 32);
    default:
        return ((uint64_t)test_random_below(random, UINT32_MAX) << 32 |
                test_random_below(random, UINT32_MAX)) >>
               test_random_below(random, 64);
    }
}

static void add_blob(struct tamga_buf *out, struct test_random *random,
                     const ProtobufCFieldDescriptor *field,
                     const struct tamga_bound *bound)
{
    static const char *const character[] = {"a", "Z", "\"", "\n",
                                            "ç", "€", "😀",  "\x7f"};
    uint32_t spread = bound->len_max - bound->len_min;
    uint32_t len =
        bound->len_min + test_random_below(random, (spread < 40 ? spread : 40) + 1);
    TAMGA_BUF blob = {0};

    while (field->type == PROTOBUF_C_TYPE_STRING && blob.len + 4 <= len) {
        const char *next = character[test_random_below(random, 8)];

        add(&blob, next, strlen(next));
    }
    while (blob.len < len)
        add(&blob,
            &(uint8_t){(uint8_t)(field->type == PROTOBUF_C_TYPE_STRING
                                     ? 'x'
                                     : test_random_below(random, 256))},
            1);
    add_varint(out, blob.len);
    add(out, blob.data, blob.len);
}

static void add_element(struct tamga_buf *out, struct test_random *random,
                        const ProtobufCMessageDescriptor *type,
                        const ProtobufCFieldDescriptor *field)
{
    TAMGA_BUF inner = {0};

    add_tag(out, field, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED);
    if (field->type != PROTOBUF_C_TYPE_MESSAGE) {
        add_blob(out, random, field, tamga_bound_find(type, field->id));
        return;
    }
    test_generate(&inner, random, field->descriptor);
    add_varint(out, inner.len);
    add(out, inner.data, inner.len);
}

static void add_packed(struct tamga_buf *out, struct test_random *random,
                       const ProtobufCFieldDescriptor *field, uint32_t count)
{
    TAMGA_BUF inner = {0};

    for (uint32_t i = 0; i < count; i++)
        add_varint(&inner, number(random, field));
    if (count == 0)
        return;
    add_tag(out, field, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED);
    add_varint(out, inner.len);
    add(out, inner.data, inner.len);
}

static bool is_number(const ProtobufCFieldDescriptor *field)
{
    return field->type != PROTOBUF_C_TYPE_STRING &&
           field->type != PROTOBUF_C_TYPE_BYTES &&
           field->type != PROTOBUF_C_TYPE_MESSAGE;
}

static void add_field(struct tamga_buf *out, struct test_random *random,
                      const ProtobufCMessageDescriptor *type,
                      const ProtobufCFieldDescriptor *field)
{
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    uint32_t count = repeated ? test_random_below(random, 4) : 1;
    uint64_t value;

    if (is_number(field) && repeated) {
        add_packed(out, random, field, count);
        return;
    }
    if (is_number(field)) {
        value = number(random, field);
        if (value == 0)
            return;
        add_tag(out, field, PROTOBUF_C_WIRE_TYPE_VARINT);
        add_varint(out, value);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        add_element(out, random, type, field);
}

void test_generate(struct tamga_buf *out, struct test_random *random,
                   const ProtobufCMessageDescriptor *type)
{
    uint32_t oneof = test_random_below(random, 4);

    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];

        if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
            if (oneof-- == 0)
                add_field(out, random, type, field);
        } else if (test_random_below(random, 4) != 0) {
            add_field(out, random, type, field);
        }
    }
}

/* Replace len bytes at `at` by the insert. */
static void splice(struct tamga_buf *bytes, size_t at, size_t len,
                   struct tamga_span insert)
{
    TAMGA_BUF made = {0};

    add(&made, bytes->data, at);
    add(&made, insert.data, insert.len);
    add(&made, bytes->data + at + len, bytes->len - at - len);
    tamga_buf_move(bytes, &made);
}

void test_mutate(struct tamga_buf *bytes, struct test_random *random)
{
    uint32_t len = (uint32_t)bytes->len;
    uint8_t any = (uint8_t)test_random_below(random, 256);
    uint32_t at, run;

    if (len == 0) {
        add(bytes, &any, 1);
        return;
    }
    at = test_random_below(random, len);
    run = 1 + test_random_below(random, len - at < 12 ? len - at : 12);
    switch (test_random_below(random, 7)) {
    case 0:
        bytes->data[at] ^= (uint8_t)(1u << (any & 7));
        break;
    case 1:
        bytes->data[at] = any;
        break;
    case 2:
        bytes->len = at;
        break;
    case 3:
        splice(bytes, at, run, tamga_span(NULL, 0));
        break;
    case 4:
        splice(bytes, at, 0, tamga_span(&any, 1));
        break;
    case 5: /* the run once more, behind itself */
        splice(bytes, at, 0, tamga_span(bytes->data + at, run));
        break;
    default: /* the rest before the start, as if fields changed places */
        splice(bytes, 0, 0, tamga_span(bytes->data + at, len - at));
        bytes->len = len;
        break;
    }
}
