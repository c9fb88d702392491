/* Golden vectors: files of "name hex" lines under tests/vectors/wire. */
#ifndef TAMGA_TEST_WIRE_VECTOR_H
#define TAMGA_TEST_WIRE_VECTOR_H

#include "base/span.h"

/* Append the bytes of the line that starts with name; the test fails if there is none.
 */
void test_vector(struct tamga_buf *out, const char *file, const char *name);

#endif
