/*
 * What every store has to do, whatever it keeps its bytes in. A test program opens its
 * own store and calls each of these; knows no implementation.
 */
#ifndef TAMGA_TEST_STORE_SUITE_H
#define TAMGA_TEST_STORE_SUITE_H

#include "chain/store.h"

struct test_store {
    struct tamga_store *store;
    /* Close the store and open it again with what it held; what has no disk does nothing. */
    void (*reopen)(struct test_store *self);
};

/* X(name): test_store_NAME is one test, on an empty store. */
#define TEST_STORE_SUITE(X)                                                              \
    X(puts_gets_and_erases)                                                              \
    X(absence_leaves_the_value_untouched)                                                \
    X(later_writes_of_a_batch_win)                                                       \
    X(families_are_apart)                                                                \
    X(an_empty_batch_is_no_change)                                                       \
    X(scans_in_byte_order)                                                               \
    X(scans_a_prefix_from_a_key)                                                         \
    X(scans_a_prefix_of_ff_bytes)                                                        \
    X(scan_stops_when_told)                                                              \
    X(scan_sees_one_moment)                                                              \
    X(snapshot_stays_as_it_was)                                                          \
    X(snapshots_are_released_in_any_order)                                               \
    X(keeps_empty_values)                                                                \
    X(keeps_keys_of_1_to_64_bytes)                                                       \
    X(keeps_a_value_of_2_mib)                                                            \
    X(keeps_all_after_reopening)                                                         \
    X(follows_a_naive_model)

#define TEST_STORE_DECLARE(name) void test_store_##name(struct test_store *test);
TEST_STORE_SUITE(TEST_STORE_DECLARE)
#undef TEST_STORE_DECLARE

/* One-line forms, which tests of a particular store use too. */
void test_store_put(struct tamga_store *store, enum tamga_family family, const char *key,
                    const char *value);
/* Whether the key has this value; NULL: whether it is absent. */
bool test_store_has(const struct tamga_reader *reader, enum tamga_family family,
                    const char *key, const char *value);

#endif
