/*
 * How long and how many: one row for each string, bytes and repeated field of every
 * message in proto/tamga/v1. Ranges of numbers, and whether a field may be absent,
 * are the rules' business: an absent field is empty and meets no bound here.
 */
#ifndef TAMGA_WIRE_BOUNDS_H
#define TAMGA_WIRE_BOUNDS_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#define TAMGA_WIRE_DEPTH_MAX  8      /* a message, the message in it, ... */
#define TAMGA_WIRE_FIELDS_MAX 16     /* that one message type may have */
#define TAMGA_WIRE_BODY_MAX   65536u /* of Signed.body */

struct tamga_bound {
    uint32_t field;
    uint32_t len_min; /* of a string or bytes, each element if repeated */
    uint32_t len_max;
    uint32_t
        count_max; /* of a repeated field's elements; 0: the field is not repeated */
    uint32_t
        total_max; /* bytes of all elements together; 0: no bound besides the others */
};

/* The row of a field, borrowed for ever; NULL if there is none. */
const struct tamga_bound *tamga_bound_find(const ProtobufCMessageDescriptor *type,
                                           uint32_t field);

#endif
