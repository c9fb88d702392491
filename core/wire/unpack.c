/*
 * Between bytes and the library's messages: unpack what was judged, within a budget of
 * memory; pack. Knows no message type.
 */
#include "wire/wire.h"

#include <stdlib.h>

#define BUDGET_BASE 16384u
#define BUDGET_RATE 8u /* bytes of memory for a byte of message */

/*
 * Counts what is asked for over malloc's own memory, so that the library's default
 * allocator can free the message. What is freed in between (the library's notes of
 * what it has read) stays counted: the budget bounds the work too.
 */
struct budget {
    size_t left;
    enum tamga_err err; /* why an allocation was refused */
};

static void *budget_alloc(void *data, size_t size)
{
    struct budget *budget = data;
    void *memory;

    if (size > budget->left) {
        budget->err = TAMGA_E_OVER_BUDGET;
        return NULL;
    }
    budget->left -= size;
    memory = malloc(size);
    if (memory == NULL)
        budget->err = TAMGA_E_NO_MEMORY;
    return memory;
}

static void budget_free(void *data, void *memory)
{
    (void)data;
    free(memory);
}

static size_t budget_of(size_t len)
{
    return len > (SIZE_MAX - BUDGET_BASE) / BUDGET_RATE
               ? SIZE_MAX
               : BUDGET_BASE + BUDGET_RATE * len;
}

enum tamga_err tamga_wire_unpack(ProtobufCMessage **out,
                                 const ProtobufCMessageDescriptor *type,
                                 enum tamga_wire_form form, struct tamga_span untrusted,
                                 struct tamga_detail *detail)
{
    /* BAD_VALUE if the library refuses what the judge let pass; no such bytes are
     * known. */
    struct budget budget = {.left = budget_of(untrusted.len), .err = TAMGA_E_BAD_VALUE};
    ProtobufCAllocator allocator = {
        .alloc = budget_alloc, .free = budget_free, .allocator_data = &budget};
    ProtobufCMessage *message;
    enum tamga_err err = tamga_wire_judge(type, form, untrusted, detail);

    if (err != TAMGA_OK)
        return err;
    message =
        protobuf_c_message_unpack(type, &allocator, untrusted.len, untrusted.data);
    if (message == NULL)
        return tamga_refuse(detail, budget.err, "%s: %zu bytes do not unpack",
                            type->name, untrusted.len);
    *out = message;
    return TAMGA_OK;
}

void tamga_wire_free(ProtobufCMessage *message)
{
    if (message != NULL)
        protobuf_c_message_free_unpacked(message, NULL);
}

void tamga_wire_release(void *message)
{
    tamga_wire_free(*(ProtobufCMessage **)message);
}

enum tamga_err tamga_wire_pack(struct tamga_buf *out, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    enum tamga_err err = tamga_buf_reserve(out, len);

    if (err != TAMGA_OK)
        return err;
    if (len > 0)
        out->len += protobuf_c_message_pack(message, out->data + out->len);
    return TAMGA_OK;
}
