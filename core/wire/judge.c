/*
 * Judge raw protobuf bytes by descriptor, before anything is unpacked. Reads once,
 * allocates nothing, and goes as deep as TAMGA_WIRE_DEPTH_MAX. Knows the shapes that
 * our proto files use, never what a field means.
 */
#include "wire/wire.h"

#include <assert.h>
#include <stdlib.h>

#include "wire/bounds.h"
#include "wire/scan.h"

#define FIELD_NUMBER_MAX 0x1fffffffu

struct seen {
    uint32_t count; /* elements, or occurrences of a field that is not repeated */
    size_t bytes;
};

/* One message while it is read. */
struct scan {
    enum tamga_wire_form form;
    struct tamga_detail *detail;
    unsigned depth; /* 1 for the outermost */
    const ProtobufCMessageDescriptor *type;
    struct tamga_span rest;
    uint32_t last; /* number of the field before */
    struct seen seen[TAMGA_WIRE_FIELDS_MAX];
};

static enum tamga_err judge_message(const struct scan *outer,
                                    const ProtobufCMessageDescriptor *type,
                                    struct tamga_span bytes);

static enum tamga_err refuse(const struct scan *scan,
                             const ProtobufCFieldDescriptor *field, enum tamga_err err,
                             const char *what)
{
    return tamga_refuse(scan->detail, err, "%s.%s: %s", scan->type->name, field->name,
                        what);
}

static bool is_canonical(const struct scan *scan)
{
    return scan->form == TAMGA_WIRE_CANONICAL;
}

static bool is_repeated(const ProtobufCFieldDescriptor *field)
{
    return field->label == PROTOBUF_C_LABEL_REPEATED;
}

static bool is_oneof(const ProtobufCFieldDescriptor *field)
{
    return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* Numbers travel as varints, all else with its length before it. */
static bool is_number(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return true;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return false;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        break;
    }
    abort(); /* our proto files use none of these, and a test says so */
}

static struct seen *seen_of(struct scan *scan, const ProtobufCFieldDescriptor *field)
{
    return &scan->seen[field - scan->type->fields];
}

/* Take a tag or a length. */
static enum tamga_err take_key(struct scan *scan, uint64_t *out, const char *what)
{
    struct tamga_varint key;
    enum tamga_err err =
        tamga_scan_varint(&key, &scan->rest, TAMGA_VARINT_KEY_BYTES_MAX);

    if (err != TAMGA_OK)
        return tamga_refuse(scan->detail, err, "%s: %s after field %u",
                            scan->type->name, what, scan->last);
    if (is_canonical(scan) && !key.shortest)
        return tamga_refuse(scan->detail, TAMGA_E_NOT_CANONICAL,
                            "%s: %s after field %u is not in its shortest form",
                            scan->type->name, what, scan->last);
    *out = key.value;
    return TAMGA_OK;
}

static enum tamga_err take_bytes(struct scan *scan, struct tamga_span *out,
                                 const ProtobufCFieldDescriptor *field)
{
    uint64_t len = 0;
    enum tamga_err err = take_key(scan, &len, "length");

    if (err != TAMGA_OK)
        return err;
    if (len > scan->rest.len)
        return refuse(scan, field, TAMGA_E_TRUNCATED, "ends before its length");
    *out = tamga_span(scan->rest.data, (size_t)len);
    scan->rest = tamga_span(scan->rest.data + len, scan->rest.len - (size_t)len);
    return TAMGA_OK;
}

/* Count one more element of a repeated field. */
static enum tamga_err count_element(struct scan *scan,
                                    const ProtobufCFieldDescriptor *field,
                                    const struct tamga_bound *bound)
{
    struct seen *seen = seen_of(scan, field);

    if (bound == NULL) /* a missing row of ours lets nothing in */
        return refuse(scan, field, TAMGA_E_TOO_LARGE, "has no bound");
    if (seen->count == bound->count_max)
        return refuse(scan, field, TAMGA_E_TOO_LARGE, "has too many elements");
    seen->count++;
    return TAMGA_OK;
}

static enum tamga_err check_enum(const struct scan *scan,
                                 const ProtobufCFieldDescriptor *field, uint64_t value)
{
    if (value > INT32_MAX && value < (uint64_t)(int64_t)INT32_MIN)
        return refuse(scan, field, TAMGA_E_BAD_VALUE, "is beyond 32 bits");
    if (is_canonical(scan) && protobuf_c_enum_descriptor_get_value(
                                  field->descriptor, (int)(int64_t)value) == NULL)
        return refuse(scan, field, TAMGA_E_BAD_VALUE, "is a value without a name");
    return TAMGA_OK;
}

static enum tamga_err
judge_number(struct scan *scan, const ProtobufCFieldDescriptor *field, uint64_t *value)
{
    struct tamga_varint number;
    enum tamga_err err =
        tamga_scan_varint(&number, &scan->rest, TAMGA_VARINT_BYTES_MAX);

    if (err != TAMGA_OK)
        return refuse(scan, field, err, "is not a whole varint");
    if (is_canonical(scan) && !number.shortest)
        return refuse(scan, field, TAMGA_E_NOT_CANONICAL,
                      "is not in its shortest form");
    *value = number.value;
    if (field->type == PROTOBUF_C_TYPE_UINT32 && number.value > UINT32_MAX)
        return refuse(scan, field, TAMGA_E_BAD_VALUE, "is beyond 32 bits");
    /* The library takes every byte of a packed bool for an element of its own. */
    if (field->type == PROTOBUF_C_TYPE_BOOL && (number.value > 1 || number.bytes > 1))
        return refuse(scan, field, TAMGA_E_BAD_VALUE, "is neither 0 nor 1");
    if (field->type == PROTOBUF_C_TYPE_ENUM)
        return check_enum(scan, field, number.value);
    return TAMGA_OK;
}

/* A number with its own tag. */
static enum tamga_err judge_number_field(struct scan *scan,
                                         const ProtobufCFieldDescriptor *field)
{
    uint64_t value = 0;
    enum tamga_err err = judge_number(scan, field, &value);

    if (err != TAMGA_OK)
        return err;
    if (is_repeated(field) && is_canonical(scan))
        return refuse(scan, field, TAMGA_E_NOT_CANONICAL, "is not packed");
    if (is_repeated(field))
        return count_element(scan, field, tamga_bound_find(scan->type, field->id));
    if (is_canonical(scan) && value == 0 && !is_oneof(field))
        return refuse(scan, field, TAMGA_E_NOT_CANONICAL, "states its default");
    return TAMGA_OK;
}

static enum tamga_err judge_packed(struct scan *scan,
                                   const ProtobufCFieldDescriptor *field,
                                   struct tamga_span bytes)
{
    const struct tamga_bound *bound = tamga_bound_find(scan->type, field->id);
    struct tamga_span after = scan->rest;
    enum tamga_err err = TAMGA_OK;

    if (is_canonical(scan) && bytes.len == 0)
        return refuse(scan, field, TAMGA_E_NOT_CANONICAL, "states its default");
    if (is_canonical(scan) && seen_of(scan, field)->count > 0)
        return refuse(scan, field, TAMGA_E_NOT_CANONICAL, "is there twice");
    scan->rest = bytes;
    while (scan->rest.len > 0 && err == TAMGA_OK) {
        uint64_t value;

        err = count_element(scan, field, bound);
        if (err == TAMGA_OK)
            err = judge_number(scan, field, &value);
    }
    scan->rest = after;
    return err;
}

static enum tamga_err check_length(struct scan *scan,
                                   const ProtobufCFieldDescriptor *field,
                                   const struct tamga_bound *bound, size_t len)
{
    struct seen *seen = seen_of(scan, field);

    if (bound == NULL)
        return refuse(scan, field, TAMGA_E_TOO_LARGE, "has no bound");
    if (len > bound->len_max)
        return tamga_refuse(scan->detail, TAMGA_E_TOO_LARGE,
                            "%s.%s: %zu bytes, at most %u", scan->type->name,
                            field->name, len, bound->len_max);
    if (len < bound->len_min)
        return tamga_refuse(scan->detail, TAMGA_E_BAD_LENGTH,
                            "%s.%s: %zu bytes, at least %u", scan->type->name,
                            field->name, len, bound->len_min);
    seen->bytes += len;
    if (bound->total_max != 0 && seen->bytes > bound->total_max)
        return refuse(scan, field, TAMGA_E_TOO_LARGE,
                      "is too long in all its elements");
    return TAMGA_OK;
}

/* A string or bytes. */
static enum tamga_err judge_blob(struct scan *scan,
                                 const ProtobufCFieldDescriptor *field,
                                 struct tamga_span bytes)
{
    const struct tamga_bound *bound = tamga_bound_find(scan->type, field->id);
    bool implicit = !is_repeated(field) && !is_oneof(field);
    enum tamga_err err = TAMGA_OK;

    if (implicit && bytes.len == 0 && is_canonical(scan))
        return refuse(scan, field, TAMGA_E_NOT_CANONICAL, "states its default");
    if (implicit && bytes.len == 0)
        return TAMGA_OK; /* the same as absent */
    if (is_repeated(field))
        err = count_element(scan, field, bound);
    if (err == TAMGA_OK)
        err = check_length(scan, field, bound, bytes.len);
    if (err != TAMGA_OK)
        return err;
    if (field->type == PROTOBUF_C_TYPE_STRING && !tamga_scan_text(bytes))
        return refuse(scan, field, TAMGA_E_BAD_UTF8, "is not UTF-8, or has a NUL");
    return TAMGA_OK;
}

static enum tamga_err judge_submessage(struct scan *scan,
                                       const ProtobufCFieldDescriptor *field,
                                       struct tamga_span bytes)
{
    if (is_repeated(field)) {
        enum tamga_err err =
            count_element(scan, field, tamga_bound_find(scan->type, field->id));

        if (err != TAMGA_OK)
            return err;
    }
    return judge_message(scan, field->descriptor, bytes);
}

static enum tamga_err judge_length_field(struct scan *scan,
                                         const ProtobufCFieldDescriptor *field)
{
    struct tamga_span bytes;
    enum tamga_err err = take_bytes(scan, &bytes, field);

    if (err != TAMGA_OK)
        return err;
    if (is_number(field))
        return judge_packed(scan, field, bytes);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return judge_submessage(scan, field, bytes);
    return judge_blob(scan, field, bytes);
}

/* Was this field, or another member of its oneof, in the message already? */
static bool is_taken(struct scan *scan, const ProtobufCFieldDescriptor *field)
{
    if (!is_oneof(field))
        return seen_of(scan, field)->count > 0;
    for (unsigned i = 0; i < scan->type->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &scan->type->fields[i];

        if (is_oneof(other) && other->quantifier_offset == field->quantifier_offset &&
            scan->seen[i].count > 0)
            return true;
    }
    return false;
}

/*
 * Order and number of fields. A field that is there twice is refused in the loose form
 * too: the library would merge two submessages, whose repeated fields then go beyond
 * their bounds together though each keeps to them.
 */
static enum tamga_err check_place(struct scan *scan,
                                  const ProtobufCFieldDescriptor *field)
{
    if (is_canonical(scan) && field->id < scan->last)
        return refuse(scan, field, TAMGA_E_NOT_CANONICAL, "comes after a higher field");
    scan->last = field->id;
    if (is_repeated(field))
        return TAMGA_OK;
    if (is_taken(scan, field))
        return refuse(
            scan, field, is_canonical(scan) ? TAMGA_E_NOT_CANONICAL : TAMGA_E_BAD_VALUE,
            is_oneof(field) ? "is a second member of its oneof" : "is there twice");
    seen_of(scan, field)->count = 1;
    return TAMGA_OK;
}

/* Packed numbers have a length; everything of ours but a number has. */
static bool fits_wire(const ProtobufCFieldDescriptor *field, unsigned wire)
{
    if (wire == PROTOBUF_C_WIRE_TYPE_VARINT)
        return is_number(field);
    return wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED &&
           (!is_number(field) || is_repeated(field));
}

static enum tamga_err judge_field(struct scan *scan)
{
    const ProtobufCFieldDescriptor *field;
    uint64_t tag = 0;
    unsigned wire;
    enum tamga_err err = take_key(scan, &tag, "tag");

    if (err != TAMGA_OK)
        return err;
    wire = (unsigned)(tag & 7);
    if (tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX)
        return tamga_refuse(scan->detail, TAMGA_E_BAD_VALUE,
                            "%s: no field can have number %llu", scan->type->name,
                            (unsigned long long)(tag >> 3));
    if (wire == 3 || wire == 4 || wire > 5)
        return tamga_refuse(scan->detail, TAMGA_E_BAD_VALUE,
                            "%s: field %u has wire type %u", scan->type->name,
                            (unsigned)(tag >> 3), wire);
    field = protobuf_c_message_descriptor_get_field(scan->type, (unsigned)(tag >> 3));
    if (field == NULL)
        return tamga_refuse(scan->detail, TAMGA_E_UNKNOWN_FIELD, "%s: field %u",
                            scan->type->name, (unsigned)(tag >> 3));
    if (!fits_wire(field, wire))
        return refuse(scan, field, TAMGA_E_BAD_VALUE, "has another type's wire type");
    err = check_place(scan, field);
    if (err != TAMGA_OK)
        return err;
    return wire == PROTOBUF_C_WIRE_TYPE_VARINT ? judge_number_field(scan, field)
                                               : judge_length_field(scan, field);
}

static enum tamga_err judge_message(const struct scan *outer,
                                    const ProtobufCMessageDescriptor *type,
                                    struct tamga_span bytes)
{
    struct scan scan = {.form = outer->form,
                        .detail = outer->detail,
                        .depth = outer->depth + 1,
                        .type = type,
                        .rest = bytes};

    assert(type->n_fields <= TAMGA_WIRE_FIELDS_MAX);
    if (scan.depth > TAMGA_WIRE_DEPTH_MAX)
        return tamga_refuse(scan.detail, TAMGA_E_TOO_LARGE, "%s: nested deeper than %d",
                            type->name, TAMGA_WIRE_DEPTH_MAX);
    while (scan.rest.len > 0) {
        enum tamga_err err = judge_field(&scan);

        if (err != TAMGA_OK)
            return err;
    }
    return TAMGA_OK;
}

enum tamga_err tamga_wire_judge(const ProtobufCMessageDescriptor *type,
                                enum tamga_wire_form form, struct tamga_span untrusted,
                                struct tamga_detail *detail)
{
    const struct scan outside = {.form = form, .detail = detail};

    return judge_message(&outside, type, untrusted);
}
