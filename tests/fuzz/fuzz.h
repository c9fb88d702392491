/* The entry that libFuzzer and replay.c call. */
#ifndef TAMGA_TEST_FUZZ_H
#define TAMGA_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property of ours that must hold for any input; unlike assert in every build. */
#define FUZZ_REQUIRE(condition)                                                        \
    ((condition)                                                                       \
         ? (void)0                                                                     \
         : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition),    \
            abort()))

#endif
