/* The store's contract, as tests. Must never know which store it is given. */
#include "store_suite.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUE_BYTES_MAX ((size_t)2 << 20) /* a block's body, docs/PROTOCOL.md */
#define KEY_BYTES_MAX 64 /* the longest of docs/STORAGE.md's */

static struct tamga_write put(enum tamga_family family, const char *key, const char *value)
{
    return (struct tamga_write){family, false, tamga_span_text(key),
                                tamga_span_text(value)};
}

static struct tamga_write erase(enum tamga_family family, const char *key)
{
    return (struct tamga_write){.family = family, .erase = true,
                                .key = tamga_span_text(key)};
}

static void write_all(struct tamga_store *store, const struct tamga_write *write,
                      size_t count)
{
    cr_assert_eq(store->ops->write(store, write, count, false), TAMGA_OK);
}

void test_store_put(struct tamga_store *store, enum tamga_family family, const char *key,
                    const char *value)
{
    struct tamga_write one = put(family, key, value);

    write_all(store, &one, 1);
}

bool test_store_has(const struct tamga_reader *reader, enum tamga_family family,
                    const char *key, const char *value)
{
    TAMGA_BUF found = {0};
    enum tamga_err err = tamga_view_get(&reader->view, family, tamga_span_text(key), &found);

    if (value == NULL)
        return err == TAMGA_E_NOT_FOUND;
    return err == TAMGA_OK &&
           tamga_span_equal(tamga_buf_span(&found), tamga_span_text(value));
}

/* Keys of a scan as "a,b,c,", at most `stop` of them. */
struct listed {
    char text[512];
    size_t stop;
};

static bool list_one(void *context, struct tamga_span key, struct tamga_span value)
{
    struct listed *listed = context;
    size_t len = strlen(listed->text);

    (void)value;
    snprintf(listed->text + len, sizeof listed->text - len, "%.*s,", (int)key.len,
             (const char *)key.data);
    return --listed->stop > 0;
}

static struct listed list(const struct tamga_reader *reader, enum tamga_family family,
                          const char *prefix, const char *from, size_t stop)
{
    struct listed listed = {.stop = stop};

    cr_assert_eq(reader->ops->scan(reader, family, tamga_span_text(prefix),
                                   tamga_span_text(from), list_one, &listed),
                 TAMGA_OK);
    return listed;
}

#define assert_listed(reader, prefix, from, stop, expected)                              \
    cr_assert_str_eq(list(reader, TAMGA_FAMILY_INDEX, prefix, from, stop).text, expected)

static void put_keys(struct tamga_store *store, const char *const *key, size_t count)
{
    for (size_t i = 0; i < count; i++)
        test_store_put(store, TAMGA_FAMILY_INDEX, key[i], "v");
}

/*
 * Goal:   a key has its newest value, and none once it is erased.
 * Method: put, replace by a longer and a shorter value, erase, erase again, put again.
 */
void test_store_puts_gets_and_erases(struct test_store *test)
{
    struct tamga_store *store = test->store;
    struct tamga_write gone = erase(TAMGA_FAMILY_STATE, "key");

    test_store_put(store, TAMGA_FAMILY_STATE, "key", "value");
    cr_assert(test_store_has(&store->reader, TAMGA_FAMILY_STATE, "key", "value"));
    test_store_put(store, TAMGA_FAMILY_STATE, "key", "a longer value");
    cr_assert(test_store_has(&store->reader, TAMGA_FAMILY_STATE, "key", "a longer value"));
    test_store_put(store, TAMGA_FAMILY_STATE, "key", "v");
    cr_assert(test_store_has(&store->reader, TAMGA_FAMILY_STATE, "key", "v"));
    write_all(store, &gone, 1);
    cr_assert(test_store_has(&store->reader, TAMGA_FAMILY_STATE, "key", NULL));
    write_all(store, &gone, 1);
    cr_assert(test_store_has(&store->reader, TAMGA_FAMILY_STATE, "key", NULL));
    test_store_put(store, TAMGA_FAMILY_STATE, "key", "again");
    cr_assert(test_store_has(&store->reader, TAMGA_FAMILY_STATE, "key", "again"));
}

/*
 * Goal:   NOT_FOUND leaves the caller's value alone; a find replaces all of it.
 * Method: get an absent key into a value with content, then a present one.
 */
void test_store_absence_leaves_the_value_untouched(struct test_store *test)
{
    TAMGA_BUF value = {0};
    const struct tamga_view *view = &test->store->reader.view;

    cr_assert_eq(tamga_buf_set(&value, tamga_span_text("what was here before")), TAMGA_OK);
    cr_assert_eq(tamga_view_get(view, TAMGA_FAMILY_BODY, tamga_span_text("k"), &value),
                 TAMGA_E_NOT_FOUND);
    cr_assert(tamga_span_equal(tamga_buf_span(&value),
                               tamga_span_text("what was here before")));
    test_store_put(test->store, TAMGA_FAMILY_BODY, "k", "new");
    cr_assert_eq(tamga_view_get(view, TAMGA_FAMILY_BODY, tamga_span_text("k"), &value),
                 TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_buf_span(&value), tamga_span_text("new")));
}

/*
 * Goal:   the writes of a batch take effect in their order, over all families.
 * Method: put, erase and put one key within a batch; put and erase another.
 */
void test_store_later_writes_of_a_batch_win(struct test_store *test)
{
    const struct tamga_write batch[] = {
        put(TAMGA_FAMILY_ENTRY, "a", "1"), put(TAMGA_FAMILY_ENTRY, "b", "1"),
        erase(TAMGA_FAMILY_ENTRY, "a"),    put(TAMGA_FAMILY_UNDO, "a", "undo"),
        put(TAMGA_FAMILY_ENTRY, "a", "2"), erase(TAMGA_FAMILY_ENTRY, "b"),
        erase(TAMGA_FAMILY_ENTRY, "never there"),
    };

    write_all(test->store, batch, sizeof batch / sizeof batch[0]);
    cr_assert(test_store_has(&test->store->reader, TAMGA_FAMILY_ENTRY, "a", "2"));
    cr_assert(test_store_has(&test->store->reader, TAMGA_FAMILY_ENTRY, "b", NULL));
    cr_assert(test_store_has(&test->store->reader, TAMGA_FAMILY_UNDO, "a", "undo"));
}

/*
 * Goal:   one key means another thing in every family.
 * Method: put the key with a value of its own in each, erase it in one.
 */
void test_store_families_are_apart(struct test_store *test)
{
    const struct tamga_reader *reader = &test->store->reader;
    struct tamga_write gone = erase(TAMGA_FAMILY_STATE, "same");
    char value[] = "0";

    for (int i = 0; i < TAMGA_FAMILY_COUNT; i++) {
        value[0] = (char)('0' + i);
        test_store_put(test->store, (enum tamga_family)i, "same", value);
    }
    write_all(test->store, &gone, 1);
    for (int i = 0; i < TAMGA_FAMILY_COUNT; i++) {
        value[0] = (char)('0' + i);
        cr_assert(test_store_has(reader, (enum tamga_family)i, "same",
                                 i == TAMGA_FAMILY_STATE ? NULL : value));
    }
}

/*
 * Goal:   a step that changes nothing may be written, and synced.
 * Method: write no writes, with and without sync.
 */
void test_store_an_empty_batch_is_no_change(struct test_store *test)
{
    struct tamga_store *store = test->store;

    test_store_put(store, TAMGA_FAMILY_META, "tip", "x");
    cr_assert_eq(store->ops->write(store, NULL, 0, false), TAMGA_OK);
    cr_assert_eq(store->ops->write(store, NULL, 0, true), TAMGA_OK);
    cr_assert(test_store_has(&store->reader, TAMGA_FAMILY_META, "tip", "x"));
}

/*
 * Goal:   keys come by their bytes as unsigned numbers, a key before its extensions.
 * Method: put them in another order, a byte above 0x7f among them.
 */
void test_store_scans_in_byte_order(struct test_store *test)
{
    static const char *const key[] = {"b", "\xc3\xa7", "aa", "a", "B", "ab", "1"};

    assert_listed(&test->store->reader, "", "", 100, "");
    put_keys(test->store, key, sizeof key / sizeof key[0]);
    assert_listed(&test->store->reader, "", "", 100, "1,B,a,aa,ab,b,\xc3\xa7,");
}

/*
 * Goal:   a scan gives the keys that start with the prefix, from `from` on.
 * Method: `from` before, within, at and after the prefix's keys, present and not.
 */
void test_store_scans_a_prefix_from_a_key(struct test_store *test)
{
    static const char *const key[] = {"a", "m", "m1", "m2", "m22", "m3", "n", "z"};
    const struct tamga_reader *reader = &test->store->reader;

    put_keys(test->store, key, sizeof key / sizeof key[0]);
    assert_listed(reader, "m", "", 100, "m,m1,m2,m22,m3,");
    assert_listed(reader, "m", "a", 100, "m,m1,m2,m22,m3,");
    assert_listed(reader, "m", "m2", 100, "m2,m22,m3,");
    assert_listed(reader, "m", "m20", 100, "m22,m3,");
    assert_listed(reader, "m", "m4", 100, "");
    assert_listed(reader, "m", "n", 100, "");
    assert_listed(reader, "m2", "m", 100, "m2,m22,");
    assert_listed(reader, "", "m3", 100, "m3,n,z,");
    assert_listed(reader, "q", "", 100, "");
    assert_listed(reader, "zz", "", 100, "");
}

/*
 * Goal:   a prefix without a next one in order still ends where it ends.
 * Method: prefixes that end in, and consist of, 0xff bytes.
 */
void test_store_scans_a_prefix_of_ff_bytes(struct test_store *test)
{
    static const char *const key[] = {"a\xff", "a\xff" "1", "b", "\xff", "\xff\xff",
                                      "\xff\xff" "1"};
    const struct tamga_reader *reader = &test->store->reader;

    put_keys(test->store, key, sizeof key / sizeof key[0]);
    assert_listed(reader, "a\xff", "", 100, "a\xff,a\xff" "1,");
    assert_listed(reader, "\xff", "", 100, "\xff,\xff\xff,\xff\xff" "1,");
    assert_listed(reader, "\xff\xff", "", 100, "\xff\xff,\xff\xff" "1,");
}

/*
 * Goal:   the caller ends a scan; ending it is no failure.
 * Method: take one, two and all of three keys.
 */
void test_store_scan_stops_when_told(struct test_store *test)
{
    static const char *const key[] = {"a", "b", "c"};

    put_keys(test->store, key, sizeof key / sizeof key[0]);
    assert_listed(&test->store->reader, "", "", 1, "a,");
    assert_listed(&test->store->reader, "", "", 2, "a,b,");
    assert_listed(&test->store->reader, "", "", 3, "a,b,c,");
}

struct writing {
    struct tamga_store *store;
    size_t count;
};

static bool write_ahead(void *context, struct tamga_span key, struct tamga_span value)
{
    struct writing *writing = context;
    struct tamga_write gone = erase(TAMGA_FAMILY_INDEX, "c");

    (void)key;
    (void)value;
    test_store_put(writing->store, TAMGA_FAMILY_INDEX, "d", "v");
    write_all(writing->store, &gone, 1);
    return ++writing->count < 10;
}

/*
 * Goal:   who is called by a scan may write; the scan goes on over what was there.
 * Method: from within it put a key ahead of it and erase one ahead of it.
 */
void test_store_scan_sees_one_moment(struct test_store *test)
{
    static const char *const key[] = {"a", "b", "c"};
    struct writing writing = {.store = test->store};
    const struct tamga_reader *reader = &test->store->reader;

    put_keys(test->store, key, sizeof key / sizeof key[0]);
    cr_assert_eq(reader->ops->scan(reader, TAMGA_FAMILY_INDEX, tamga_span_text(""),
                                   tamga_span_text(""), write_ahead, &writing),
                 TAMGA_OK);
    cr_assert_eq(writing.count, 3);
    assert_listed(reader, "", "", 100, "a,b,d,");
}

static struct tamga_reader *snapshot_of(struct tamga_store *store)
{
    struct tamga_reader *snapshot = NULL;

    cr_assert_eq(store->ops->snapshot(store, &snapshot), TAMGA_OK);
    return snapshot;
}

/*
 * Goal:   a snapshot shows neither what was put, replaced nor erased after it.
 * Method: do all three, then get and scan through the snapshot and the store.
 */
void test_store_snapshot_stays_as_it_was(struct test_store *test)
{
    static const char *const key[] = {"erased", "kept", "replaced"};
    struct tamga_store *store = test->store;
    struct tamga_write gone = erase(TAMGA_FAMILY_INDEX, "erased");
    struct tamga_reader *snapshot;

    put_keys(store, key, sizeof key / sizeof key[0]);
    snapshot = snapshot_of(store);
    write_all(store, &gone, 1);
    test_store_put(store, TAMGA_FAMILY_INDEX, "replaced", "new");
    test_store_put(store, TAMGA_FAMILY_INDEX, "added", "new");
    assert_listed(snapshot, "", "", 100, "erased,kept,replaced,");
    cr_assert(test_store_has(snapshot, TAMGA_FAMILY_INDEX, "erased", "v"));
    cr_assert(test_store_has(snapshot, TAMGA_FAMILY_INDEX, "replaced", "v"));
    cr_assert(test_store_has(snapshot, TAMGA_FAMILY_INDEX, "added", NULL));
    snapshot->ops->release(snapshot);
    assert_listed(&store->reader, "", "", 100, "added,kept,replaced,");
    cr_assert(test_store_has(&store->reader, TAMGA_FAMILY_INDEX, "replaced", "new"));
}

/*
 * Goal:   snapshots do not depend on each other's lives.
 * Method: four of growing contents; release the second, first, fourth, third, and look
 *         through all that are left each time.
 */
void test_store_snapshots_are_released_in_any_order(struct test_store *test)
{
    static const size_t order[] = {1, 0, 3, 2};
    static const char *const seen[] = {"", "0,", "0,1,", "0,1,2,"};
    struct tamga_reader *snapshot[4];
    char key[] = "0";

    for (size_t i = 0; i < 4; i++) {
        snapshot[i] = snapshot_of(test->store);
        key[0] = (char)('0' + i);
        test_store_put(test->store, TAMGA_FAMILY_INDEX, key, "v");
    }
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 4; k++)
            if (snapshot[k] != NULL)
                assert_listed(snapshot[k], "", "", 100, seen[k]);
        snapshot[order[i]]->ops->release(snapshot[order[i]]);
        snapshot[order[i]] = NULL;
    }
    assert_listed(&test->store->reader, "", "", 100, "0,1,2,3,");
}

/*
 * Goal:   an empty value is a value.
 * Method: put one; it is found, empty, and listed; reopen and look again.
 */
void test_store_keeps_empty_values(struct test_store *test)
{
    test_store_put(test->store, TAMGA_FAMILY_INDEX, "empty", "");
    for (int i = 0; i < 2; i++) {
        cr_assert(test_store_has(&test->store->reader, TAMGA_FAMILY_INDEX, "empty", ""));
        assert_listed(&test->store->reader, "", "", 100, "empty,");
        test->reopen(test);
    }
}

/*
 * Goal:   keys of every length that we use are kept apart, NUL bytes included.
 * Method: keys of 1..64 zero bytes, each with its length as the value.
 */
void test_store_keeps_keys_of_1_to_64_bytes(struct test_store *test)
{
    static const uint8_t zero[KEY_BYTES_MAX + 1];
    TAMGA_BUF value = {0};

    for (uint8_t len = 1; len <= KEY_BYTES_MAX; len++) {
        struct tamga_write one = {TAMGA_FAMILY_STATE, false, tamga_span(zero, len),
                                  tamga_span(&len, 1)};

        write_all(test->store, &one, 1);
    }
    for (uint8_t len = 1; len <= KEY_BYTES_MAX; len++) {
        cr_assert_eq(tamga_view_get(&test->store->reader.view, TAMGA_FAMILY_STATE,
                                    tamga_span(zero, len), &value),
                     TAMGA_OK);
        cr_assert(tamga_span_equal(tamga_buf_span(&value), tamga_span(&len, 1)));
    }
    cr_assert_eq(tamga_view_get(&test->store->reader.view, TAMGA_FAMILY_STATE,
                                tamga_span(zero, sizeof zero), &value),
                 TAMGA_E_NOT_FOUND);
}

/*
 * Goal:   the largest block body is kept byte for byte.
 * Method: 2 MiB without a pattern that compresses; read before and after reopening.
 */
void test_store_keeps_a_value_of_2_mib(struct test_store *test)
{
    uint8_t *big = malloc(VALUE_BYTES_MAX);
    uint64_t state = 1;
    struct tamga_write one = {TAMGA_FAMILY_BODY, false, tamga_span_text("big"),
                              tamga_span(big, VALUE_BYTES_MAX)};

    cr_assert_not_null(big);
    for (size_t i = 0; i < VALUE_BYTES_MAX; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        big[i] = (uint8_t)(state >> 56);
    }
    cr_assert_eq(test->store->ops->write(test->store, &one, 1, true), TAMGA_OK);
    for (int i = 0; i < 2; i++) {
        TAMGA_BUF value = {0};

        cr_assert_eq(tamga_view_get(&test->store->reader.view, TAMGA_FAMILY_BODY, one.key,
                                    &value),
                     TAMGA_OK);
        cr_assert(tamga_span_equal(tamga_buf_span(&value), one.value));
        test->reopen(test);
    }
    free(big);
}

/*
 * Goal:   a clean stop loses nothing, synced or not.
 * Method: synced and unsynced puts and an erase, reopen twice, look.
 */
void test_store_keeps_all_after_reopening(struct test_store *test)
{
    const struct tamga_write synced[] = {put(TAMGA_FAMILY_INDEX, "synced", "v"),
                                         put(TAMGA_FAMILY_INDEX, "erased", "v")};
    struct tamga_write gone = erase(TAMGA_FAMILY_INDEX, "erased");

    cr_assert_eq(test->store->ops->write(test->store, synced, 2, true), TAMGA_OK);
    write_all(test->store, &gone, 1);
    test_store_put(test->store, TAMGA_FAMILY_INDEX, "unsynced", "v");
    for (int i = 0; i < 2; i++) {
        test->reopen(test);
        assert_listed(&test->store->reader, "", "", 100, "synced,unsynced,");
    }
}
