/* Random canonical messages by descriptor, from a seed; and damage to them. */
#ifndef TAMGA_TEST_WIRE_GENERATE_H
#define TAMGA_TEST_WIRE_GENERATE_H

#include <protobuf-c/protobuf-c.h>

#include "base/span.h"

struct test_random {
    uint64_t state;
};

/* 0..below-1 */
uint32_t test_random_below(struct test_random *random, uint32_t below);

/* Append the canonical encoding of a random message, written without the library. */
void test_generate(struct tamga_buf *out, struct test_random *random,
                   const ProtobufCMessageDescriptor *type);

/* Damage bytes in one of several ways: flip, set, cut, drop, insert, repeat, swap. */
void test_mutate(struct tamga_buf *bytes, struct test_random *random);

#endif
