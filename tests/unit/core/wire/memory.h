/* Counts and fails the allocations of our own code; linked with --wrap. */
#ifndef TAMGA_TEST_WIRE_MEMORY_H
#define TAMGA_TEST_WIRE_MEMORY_H

#include <stddef.h>

extern size_t test_memory_bytes; /* asked for since the test set it to 0 */
extern size_t test_memory_calls; /* likewise */
extern size_t test_memory_fail;  /* the call with this number fails, from 1; 0: none */

#endif
