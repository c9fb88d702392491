#include "memory.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *memory, size_t size);

size_t test_memory_bytes;
size_t test_memory_calls;
size_t test_memory_fail;

static int fails(size_t size)
{
    test_memory_bytes += size;
    return ++test_memory_calls == test_memory_fail;
}

void *__wrap_malloc(size_t size)
{
    return fails(size) ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails(size) ? NULL : __real_realloc(memory, size);
}
