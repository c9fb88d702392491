/*
 * Rows of a sparse Merkle map in memory: counted, and refused on demand. Knows nothing of
 * what they hold.
 */
#ifndef TAMGA_TEST_MAP_ROWS_H
#define TAMGA_TEST_MAP_ROWS_H

#include "merkle/map.h"

#define TEST_MAP_BUCKETS 4096u

/* Calls so far; the nth one (1..) fails with STORE_IO if told so, 0: none. */
struct test_map_calls {
    size_t get, put, erase;
    size_t all;
    size_t fail_at;
};
struct test_map_row;
struct test_map_rows {
    struct tamga_map_rows base;
    struct test_map_calls *calls;
    struct test_map_row *bucket[TEST_MAP_BUCKETS];
    size_t count;
};

/* Owns: clear releases the rows. calls is the caller's and outlives them. */
void test_map_rows_init(struct test_map_rows *rows, struct test_map_calls *calls);
void test_map_rows_clear(struct test_map_rows *rows);
/* The same names with the same bytes? */
bool test_map_rows_equal(const struct test_map_rows *a, const struct test_map_rows *b);
/* Put a row behind the map's back; or change one. Borrowed: NULL if there is none. */
void test_map_rows_set(struct test_map_rows *rows, struct tamga_span key,
                       struct tamga_span row);
struct tamga_buf *test_map_rows_find(const struct test_map_rows *rows,
                                     struct tamga_span key);

#endif
