/* The store in memory: the shared suite, and what only it can do: fail and forget. */
#include <criterion/criterion.h>

#include "store_suite.h"

static void reopen_nothing(struct test_store *self)
{
    (void)self;
}

static struct test_store store_open(void)
{
    struct test_store test = {.reopen = reopen_nothing};

    cr_assert_eq(tamga_store_mem_new(&test.store), TAMGA_OK);
    return test;
}

static void store_close(struct test_store *test)
{
    test->store->ops->close(test->store);
}

#define SHARED(name)                                                                     \
    Test(store_mem, name)                                                                \
    {                                                                                    \
        struct test_store test = store_open();                                           \
                                                                                         \
        test_store_##name(&test);                                                        \
        store_close(&test);                                                              \
    }
TEST_STORE_SUITE(SHARED)

static const enum tamga_family family = TAMGA_FAMILY_STATE;

static enum tamga_err write_two(struct tamga_store *store, const char *value, bool sync)
{
    const struct tamga_write batch[] = {
        {family, false, tamga_span_text("one"), tamga_span_text(value)},
        {family, false, tamga_span_text("two"), tamga_span_text(value)},
    };

    return store->ops->write(store, batch, 2, sync);
}

/*
 * Goal:   exactly the write that was chosen fails, and leaves no part of itself.
 * Method: let two pass; the third fails with the old values in place; the fourth works.
 */
Test(store_mem, fails_the_write_that_was_chosen)
{
    struct test_store test = store_open();

    tamga_store_mem_fail(test.store, 2);
    cr_assert_eq(write_two(test.store, "first", false), TAMGA_OK);
    cr_assert_eq(write_two(test.store, "second", true), TAMGA_OK);
    cr_assert_eq(write_two(test.store, "third", true), TAMGA_E_STORE_IO);
    cr_assert(test_store_has(&test.store->reader, family, "one", "second"));
    cr_assert(test_store_has(&test.store->reader, family, "two", "second"));
    cr_assert_eq(write_two(test.store, "fourth", false), TAMGA_OK);
    cr_assert(test_store_has(&test.store->reader, family, "two", "fourth"));
    store_close(&test);
}

/*
 * Goal:   a chosen failure can be taken back.
 * Method: choose the next write and the next read, take both back.
 */
Test(store_mem, minus_one_fails_nothing)
{
    struct test_store test = store_open();

    tamga_store_mem_fail(test.store, 0);
    tamga_store_mem_fail(test.store, -1);
    tamga_store_mem_fail_reads(test.store, 0);
    tamga_store_mem_fail_reads(test.store, -1);
    cr_assert_eq(write_two(test.store, "v", false), TAMGA_OK);
    cr_assert(test_store_has(&test.store->reader, family, "one", "v"));
    store_close(&test);
}

static bool count_one(void *context, struct tamga_span key, struct tamga_span value)
{
    (void)key;
    (void)value;
    ++*(size_t *)context;
    return true;
}

static enum tamga_err scan_all(const struct tamga_reader *reader, size_t *count)
{
    *count = 0;
    return reader->ops->scan(reader, family, (struct tamga_span){0}, (struct tamga_span){0},
                             count_one, count);
}

/*
 * Goal:   every read can be made to fail: gets and scans, the store's and a snapshot's.
 * Method: five reads in a row, failing each in turn; its output stays as it was.
 */
Test(store_mem, fails_the_read_that_was_chosen)
{
    struct test_store test = store_open();
    struct tamga_reader *snapshot = NULL;

    cr_assert_eq(write_two(test.store, "v", false), TAMGA_OK);
    cr_assert_eq(test.store->ops->snapshot(test.store, &snapshot), TAMGA_OK);
    for (int64_t after = 0; after < 4; after++) {
        const struct tamga_reader *reader[] = {&test.store->reader, snapshot};

        tamga_store_mem_fail_reads(test.store, after);
        for (int64_t i = 0; i < 4; i++) {
            TAMGA_BUF value = {0};
            size_t count;
            enum tamga_err err =
                i % 2 == 0 ? tamga_view_get(&reader[i / 2]->view, family,
                                            tamga_span_text("one"), &value)
                           : scan_all(reader[i / 2], &count);

            cr_assert_eq(err, i == after ? TAMGA_E_STORE_IO : TAMGA_OK);
            if (i % 2 == 0)
                cr_assert_eq(value.len, i == after ? 0 : 1);
            else
                cr_assert_eq(count, i == after ? 0 : 2);
        }
    }
    snapshot->ops->release(snapshot);
    store_close(&test);
}

/*
 * Goal:   a power loss leaves everything up to the last synced write, nothing after it.
 * Method: unsynced, synced, unsynced; lose; also what the sync carried along is there.
 */
Test(store_mem, loses_what_was_not_synced)
{
    struct test_store test = store_open();
    const struct tamga_reader *reader = &test.store->reader;

    test_store_put(test.store, family, "carried", "v");
    cr_assert_eq(write_two(test.store, "synced", true), TAMGA_OK);
    cr_assert_eq(write_two(test.store, "unsynced", false), TAMGA_OK);
    test_store_put(test.store, family, "late", "v");
    tamga_store_mem_lose_unsynced(test.store);
    cr_assert(test_store_has(reader, family, "carried", "v"));
    cr_assert(test_store_has(reader, family, "one", "synced"));
    cr_assert(test_store_has(reader, family, "late", NULL));
    cr_assert_eq(write_two(test.store, "after", false), TAMGA_OK);
    tamga_store_mem_lose_unsynced(test.store);
    cr_assert(test_store_has(reader, family, "two", "synced"));
    store_close(&test);
}

/*
 * Goal:   a store that never synced loses all; a failed sync makes nothing durable.
 * Method: unsynced writes, a synced one that fails, lose, count.
 */
Test(store_mem, a_failed_sync_makes_nothing_durable)
{
    struct test_store test = store_open();
    size_t count;

    cr_assert_eq(write_two(test.store, "v", false), TAMGA_OK);
    tamga_store_mem_fail(test.store, 0);
    cr_assert_eq(write_two(test.store, "w", true), TAMGA_E_STORE_IO);
    tamga_store_mem_lose_unsynced(test.store);
    cr_assert_eq(scan_all(&test.store->reader, &count), TAMGA_OK);
    cr_assert_eq(count, 0);
    store_close(&test);
}

/*
 * Goal:   a simulation's worth of entries is written and read without quadratic cost.
 * Method: 100,000 ascending keys, one write each; count; erase every second; count.
 */
Test(store_mem, holds_a_hundred_thousand_entries, .timeout = 60)
{
    struct test_store test = store_open();
    size_t count;

    for (uint64_t i = 0; i < 100000; i++) {
        uint8_t key[8];
        struct tamga_write one = {family, false, tamga_span(key, 8), tamga_span(key, 8)};

        tamga_put_u64(key, i);
        cr_assert_eq(test.store->ops->write(test.store, &one, 1, i % 1000 == 0), TAMGA_OK);
    }
    cr_assert_eq(scan_all(&test.store->reader, &count), TAMGA_OK);
    cr_assert_eq(count, 100000);
    for (uint64_t i = 0; i < 100000; i += 2) {
        uint8_t key[8];
        struct tamga_write one = {.family = family, .erase = true, .key = {key, 8}};

        tamga_put_u64(key, i);
        cr_assert_eq(test.store->ops->write(test.store, &one, 1, false), TAMGA_OK);
    }
    cr_assert_eq(scan_all(&test.store->reader, &count), TAMGA_OK);
    cr_assert_eq(count, 50000);
    store_close(&test);
}
