/*
 * Proto3 JSON of a message, by its descriptor: what people and scripts read. One line,
 * defaults left out. Knows no message type.
 */
#include "wire/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static enum tamga_err write_message(struct tamga_buf *out,
                                    const ProtobufCMessage *message);

static enum tamga_err write_text(struct tamga_buf *out, const char *text)
{
    return tamga_buf_add(out, tamga_span_text(text));
}

/* snake_case to lowerCamelCase. */
static enum tamga_err write_name(struct tamga_buf *out, const char *name)
{
    enum tamga_err err = write_text(out, "\"");
    bool upper = false;

    for (; *name != '\0' && err == TAMGA_OK; name++) {
        char letter = *name;

        if (letter == '_') {
            upper = true;
            continue;
        }
        if (upper && letter >= 'a' && letter <= 'z')
            letter = (char)(letter - 'a' + 'A');
        upper = false;
        err = tamga_buf_add(out, tamga_span(&letter, 1));
    }
    return err == TAMGA_OK ? write_text(out, "\":") : err;
}

static enum tamga_err write_character(struct tamga_buf *out, char character)
{
    char escape[8];

    switch (character) {
    case '"':
        return write_text(out, "\\\"");
    case '\\':
        return write_text(out, "\\\\");
    case '\b':
        return write_text(out, "\\b");
    case '\f':
        return write_text(out, "\\f");
    case '\n':
        return write_text(out, "\\n");
    case '\r':
        return write_text(out, "\\r");
    case '\t':
        return write_text(out, "\\t");
    default:
        break;
    }
    if ((unsigned char)character >= 0x20 && character != 0x7f)
        return tamga_buf_add(out, tamga_span(&character, 1));
    snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)character);
    return write_text(out, escape);
}

static enum tamga_err write_string(struct tamga_buf *out, const char *text)
{
    enum tamga_err err = write_text(out, "\"");

    for (; *text != '\0' && err == TAMGA_OK; text++)
        err = write_character(out, *text);
    return err == TAMGA_OK ? write_text(out, "\"") : err;
}

/* Standard base64 with padding. */
static enum tamga_err write_bytes(struct tamga_buf *out, ProtobufCBinaryData bytes)
{
    static const char digit[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    enum tamga_err err = write_text(out, "\"");

    for (size_t i = 0; i < bytes.len && err == TAMGA_OK; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        char four[4];

        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? bytes.data[i + 2] : 0;
        four[0] = digit[group >> 18];
        four[1] = digit[group >> 12 & 63];
        four[2] = left > 1 ? digit[group >> 6 & 63] : '=';
        four[3] = left > 2 ? digit[group & 63] : '=';
        err = tamga_buf_add(out, tamga_span(four, sizeof four));
    }
    return err == TAMGA_OK ? write_text(out, "\"") : err;
}

static enum tamga_err write_enum(struct tamga_buf *out,
                                 const ProtobufCEnumDescriptor *type, int number)
{
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(type, number);
    char text[16];

    if (value != NULL)
        return write_string(out, value->name);
    snprintf(text, sizeof text, "%d", number);
    return write_text(out, text);
}

/* One value, at the place where the library keeps it. */
static enum tamga_err write_value(struct tamga_buf *out,
                                  const ProtobufCFieldDescriptor *field, const void *at)
{
    char text[32];

    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32:
        snprintf(text, sizeof text, "%" PRIu32, *(const uint32_t *)at);
        return write_text(out, text);
    case PROTOBUF_C_TYPE_UINT64:
        snprintf(text, sizeof text, "\"%" PRIu64 "\"", *(const uint64_t *)at);
        return write_text(out, text);
    case PROTOBUF_C_TYPE_BOOL:
        return write_text(out, *(const protobuf_c_boolean *)at ? "true" : "false");
    case PROTOBUF_C_TYPE_ENUM:
        return write_enum(out, field->descriptor, *(const int *)at);
    case PROTOBUF_C_TYPE_STRING:
        return write_string(out, *(char *const *)at);
    case PROTOBUF_C_TYPE_BYTES:
        return write_bytes(out, *(const ProtobufCBinaryData *)at);
    case PROTOBUF_C_TYPE_MESSAGE:
        return write_message(out, *(ProtobufCMessage *const *)at);
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

static size_t value_bytes(ProtobufCType type)
{
    switch ((int)type) {
    case PROTOBUF_C_TYPE_UINT64:
        return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    default: /* numbers of 32 bits, and the library's bool, which is an int */
        return sizeof(uint32_t);
    }
}

static size_t repeated_count(const ProtobufCMessage *message,
                             const ProtobufCFieldDescriptor *field)
{
    return *(const size_t *)((const char *)message + field->quantifier_offset);
}

/* Is the field there to be written: set in its oneof, or other than its default? */
static bool is_present(const ProtobufCMessage *message,
                       const ProtobufCFieldDescriptor *field)
{
    const void *at = (const char *)message + field->offset;

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return repeated_count(message, field) > 0;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
        return *(const uint32_t *)((const char *)message + field->quantifier_offset) ==
               field->id;
    switch ((int)field->type) {
    case PROTOBUF_C_TYPE_UINT64:
        return *(const uint64_t *)at != 0;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)at)->len > 0;
    case PROTOBUF_C_TYPE_STRING:
        return *(char *const *)at != NULL && **(char *const *)at != '\0';
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(ProtobufCMessage *const *)at != NULL;
    default:
        return *(const uint32_t *)at != 0;
    }
}

static enum tamga_err write_repeated(struct tamga_buf *out,
                                     const ProtobufCMessage *message,
                                     const ProtobufCFieldDescriptor *field)
{
    const char *first = *(char *const *)((const char *)message + field->offset);
    size_t count = repeated_count(message, field);
    enum tamga_err err = write_text(out, "[");

    for (size_t i = 0; i < count && err == TAMGA_OK; i++) {
        if (i > 0)
            err = write_text(out, ",");
        if (err == TAMGA_OK)
            err = write_value(out, field, first + i * value_bytes(field->type));
    }
    return err == TAMGA_OK ? write_text(out, "]") : err;
}

static enum tamga_err write_field(struct tamga_buf *out,
                                  const ProtobufCMessage *message,
                                  const ProtobufCFieldDescriptor *field)
{
    enum tamga_err err = write_name(out, field->name);

    if (err != TAMGA_OK)
        return err;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return write_repeated(out, message, field);
    return write_value(out, field, (const char *)message + field->offset);
}

static enum tamga_err write_message(struct tamga_buf *out,
                                    const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    enum tamga_err err = write_text(out, "{");
    bool first = true;

    for (unsigned i = 0; i < type->n_fields && err == TAMGA_OK; i++) {
        if (!is_present(message, &type->fields[i]))
            continue;
        if (!first)
            err = write_text(out, ",");
        first = false;
        if (err == TAMGA_OK)
            err = write_field(out, message, &type->fields[i]);
    }
    return err == TAMGA_OK ? write_text(out, "}") : err;
}

enum tamga_err tamga_wire_json(struct tamga_buf *out, const ProtobufCMessage *message)
{
    size_t before = out->len;
    enum tamga_err err = write_message(out, message);

    if (err != TAMGA_OK)
        out->len = before; /* what was there stays, and nothing of this */
    return err;
}
