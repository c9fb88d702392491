/* Every message type of proto/tamga/v1, for tests that hold for all of them. */
#ifndef TAMGA_TEST_WIRE_TYPES_H
#define TAMGA_TEST_WIRE_TYPES_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

extern const ProtobufCMessageDescriptor *const test_types[];
extern const size_t test_types_count;

#endif
