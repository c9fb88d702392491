/* core/merkle/map.c: root and rows, against the definition and against a failing store. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "map_model.h"

#define BATCH_MAX 64

static const struct tamga_hash zero;

static struct tamga_span row_name(uint8_t out[TAMGA_MAP_ROW_KEY_BYTES],
                                  const struct tamga_hash *key, unsigned nibbles)
{
    out[0] = (uint8_t)nibbles;
    memcpy(out + 1, key->byte, (nibbles + 1) / 2);
    if (nibbles % 2 != 0)
        out[(nibbles + 1) / 2] &= 0xf0;
    return tamga_span(out, 1 + (nibbles + 1) / 2);
}

static struct tamga_buf *find_row(struct map_fixture *f, const struct tamga_hash *key,
                                  unsigned nibbles)
{
    uint8_t name[TAMGA_MAP_ROW_KEY_BYTES];

    return test_map_rows_find(&f->rows, row_name(name, key, nibbles));
}

/* The rows are those of a map into which the same leaves came at once. */
static void rows_are_canonical(struct map_fixture *f)
{
    MAP_FIXTURE *fresh = map_fixture_new(1);
    struct tamga_map_change *all = calloc(MODEL_LEAVES_MAX, sizeof *all);
    struct tamga_hash root;

    cr_assert_not_null(all);
    for (size_t i = 0; i < f->model.count; i++)
        all[i] = map_put(f->model.leaf[i].key, f->model.leaf[i].value);
    cr_assert_eq(tamga_map_update(&root, &fresh->rows.base, all, f->model.count), TAMGA_OK);
    cr_assert(test_map_rows_equal(&f->rows, &fresh->rows));
    free(all);
}

/* ---- root and rows ----------------------------------------------------------------- */

/*
 * Goal:   an empty map has the zero root and no row.
 * Method: no rows; no changes; erasing what is not there.
 */
Test(merkle_map, empty)
{
    MAP_FIXTURE *f = map_fixture_new(1);
    struct tamga_map_change absent[2] = {map_erase(map_random_hash(f)),
                                         map_erase(map_random_hash(f))};
    struct tamga_hash root = map_random_hash(f);

    cr_assert_eq(tamga_map_root(&root, &f->rows.base), TAMGA_OK);
    cr_assert(tamga_hash_is_zero(&root));
    root = map_fixture_update(f, NULL, 0);
    cr_assert(tamga_hash_is_zero(&root));
    root = map_fixture_update(f, absent, 2);
    cr_assert(tamga_hash_is_zero(&root));
    cr_assert_eq(f->rows.count, 0);
    cr_assert_eq(f->calls.put + f->calls.erase, 0);
}

/*
 * Goal:   a row's bytes are those of the protocol.
 * Method: three keys of which two share the nibbles 1 and 2: rows of no, one and two
 *         nibbles, written out by hand but for the hashes.
 */
Test(merkle_map, row_bytes)
{
    MAP_FIXTURE *f = map_fixture_new(1);
    struct tamga_hash a = {{0x12, 0x3a}}, b = {{0x12, 0x4b}}, c = {{0xf0}}, v = {{7}};
    struct tamga_map_change change[] = {map_put(a, v), map_put(b, v), map_put(c, v)};
    static const uint8_t names[3][2] = {{0}, {1, 0x10}, {2, 0x12}};
    static const uint8_t bitmaps[3][4] = {
        {0x40, 0x01, 0x00, 0x01}, {0x20, 0x00, 0x00, 0x00}, {0x18, 0x00, 0x18, 0x00}};
    static const size_t hashes[] = {3, 1, 4};

    map_fixture_update(f, change, 3);
    cr_assert_eq(f->rows.count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct tamga_buf *row =
            test_map_rows_find(&f->rows, tamga_span(names[i], i == 0 ? 1 : 2));

        cr_assert_not_null(row);
        cr_assert_eq(row->len, 4 + 32 * hashes[i]);
        cr_assert_arr_eq(row->data, bitmaps[i], 4);
        if (i == 2) {
            cr_assert_arr_eq(row->data + 4, a.byte, 32);
            cr_assert_arr_eq(row->data + 36, v.byte, 32);
            cr_assert_arr_eq(row->data + 68, b.byte, 32);
        }
    }
}

/*
 * Goal:   root and rows depend on what the map holds, not on the way there.
 * Method: batches of random insertions, changes and erasures, whose keys share 0..255
 *         leading bits with others; the definition's root after each, and the rows of a
 *         map made at once.
 */
Test(merkle_map, random_batches_equal_the_definition)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        MAP_FIXTURE *f = map_fixture_new(seed);
        struct tamga_map_change change[BATCH_MAX];

        for (size_t round = 0; round < 40; round++) {
            size_t size = 1 + map_random(f) % (round % 2 == 0 ? 3 : BATCH_MAX);

            map_fixture_update(f, change, map_random_changes(f, change, size));
            if (round % 8 == 0)
                rows_are_canonical(f);
        }
        rows_are_canonical(f);
    }
}

/*
 * Goal:   order and grouping of changes do not matter.
 * Method: 300 keys at once, one by one, and backwards in sevens.
 */
Test(merkle_map, order_does_not_matter)
{
    enum { KEYS = 300 };
    MAP_FIXTURE *once = map_fixture_new(5);
    MAP_FIXTURE *single = map_fixture_new(5);
    MAP_FIXTURE *back = map_fixture_new(5);
    static struct tamga_map_change change[KEYS], copy[KEYS];

    for (size_t i = 0; i < KEYS; i++)
        change[i] = map_put(map_random_hash(once), map_random_hash(once));
    memcpy(copy, change, sizeof copy);
    map_fixture_update(once, copy, KEYS);
    for (size_t i = 0; i < KEYS; i++)
        map_fixture_update(single, &(struct tamga_map_change){change[i].key, true,
                                                              change[i].value}, 1);
    for (size_t end = KEYS; end > 0; end -= end < 7 ? end : 7) {
        size_t size = end < 7 ? end : 7;

        memcpy(copy, change + end - size, size * sizeof *copy);
        map_fixture_update(back, copy, size);
    }
    cr_assert(test_map_rows_equal(&once->rows, &single->rows));
    cr_assert(test_map_rows_equal(&once->rows, &back->rows));
}

/*
 * Goal:   what is erased leaves nothing behind.
 * Method: fill with keys that share long prefixes; erase in random order and sizes.
 */
Test(merkle_map, erases_to_nothing)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        MAP_FIXTURE *f = map_fixture_new(seed);
        struct tamga_map_change change[BATCH_MAX];

        while (f->model.count < 150)
            map_fixture_update(f, change, map_random_changes(f, change, BATCH_MAX));
        while (f->model.count > 0) {
            size_t at = map_random(f) % f->model.count;
            size_t size = 1 + map_random(f) % 9;

            size = size < f->model.count - at ? size : f->model.count - at;
            for (size_t i = 0; i < size; i++)
                change[i] = map_erase(f->model.leaf[at + i].key);
            map_fixture_update(f, change, size);
        }
        cr_assert_eq(f->rows.count, 0);
    }
}

/*
 * Goal:   two keys that part at any bit, the last included, make and leave their rows.
 * Method: for each of 256 bits: two keys, then one, then the other in its place, then none.
 */
Test(merkle_map, keys_part_at_every_bit)
{
    for (unsigned bit = 0; bit < 256; bit++) {
        MAP_FIXTURE *f = map_fixture_new(bit + 1);
        struct tamga_hash a = map_random_hash(f), b = map_fork_key(f, &a, bit);
        struct tamga_map_change change[] = {map_put(a, map_random_hash(f)),
                                            map_put(b, map_random_hash(f))};
        struct tamga_map_change swap[] = {map_erase(a), map_put(b, map_random_hash(f))};

        map_fixture_update(f, change, 2);
        cr_assert_eq(f->rows.count, 1 + bit / 4);
        map_fixture_update(f, &(struct tamga_map_change){.key = b}, 1);
        cr_assert_eq(f->rows.count, 1);
        map_fixture_update(f, swap, 2);
        cr_assert_eq(f->rows.count, 1);
        map_fixture_update(f, &(struct tamga_map_change){.key = b}, 1);
        cr_assert_eq(f->rows.count, 0);
    }
}

/*
 * Goal:   each row is read and written once for all changes; what changes nothing writes
 *         nothing.
 * Method: count the calls of one large batch, then of the same batch again.
 */
Test(merkle_map, rows_are_touched_once)
{
    enum { KEYS = 1000 };
    MAP_FIXTURE *f = map_fixture_new(9);
    static struct tamga_map_change change[KEYS];
    size_t rows;

    for (size_t i = 0; i < KEYS; i++)
        change[i] = map_put(map_random_hash(f), map_random_hash(f));
    map_fixture_update(f, change, KEYS / 2);
    rows = f->rows.count;
    f->calls = (struct test_map_calls){0};
    map_fixture_update(f, change, KEYS);
    cr_assert_leq(f->calls.get, rows + 1); /* the fixture asks for the root once more */
    cr_assert_leq(f->calls.put, f->rows.count);
    cr_assert_eq(f->calls.erase, 0);
    f->calls = (struct test_map_calls){0};
    map_fixture_update(f, change, KEYS);
    cr_assert_leq(f->calls.get, f->rows.count + 1);
    cr_assert_eq(f->calls.put + f->calls.erase, 0);
}

/* ---- a store that fails, or is damaged --------------------------------------------- */

/*
 * Goal:   every failing call comes back as its error, and outputs stay.
 * Method: a batch that reads, writes and erases; fail its nth call, for each n.
 */
Test(merkle_map, every_failing_call_is_returned)
{
    size_t n = 0, puts = 0, erases = 0;
    enum tamga_err err;

    do {
        MAP_FIXTURE *f = map_fixture_new(3);
        struct tamga_map_change change[BATCH_MAX];
        struct tamga_hash root = {{0x55}}, before = root;
        size_t count = 0;

        while (f->model.count < 60)
            map_fixture_update(f, change, map_random_changes(f, change, 20));
        for (size_t i = 0; i < 30; i++)
            change[count++] = i % 3 != 0 ? map_erase(f->model.leaf[i].key)
                                         : map_put(map_random_hash(f), map_random_hash(f));
        f->calls = (struct test_map_calls){.fail_at = ++n};
        err = tamga_map_update(&root, &f->rows.base, change, count);
        cr_assert(err == TAMGA_E_STORE_IO || err == TAMGA_OK);
        cr_assert_eq(err == TAMGA_OK, f->calls.all < n);
        cr_assert_eq(tamga_hash_equal(&root, &before), err != TAMGA_OK);
        puts = f->calls.put;
        erases = f->calls.erase;
    } while (err != TAMGA_OK);
    cr_assert_gt(puts, 0);
    cr_assert_gt(erases, 0);
}

/*
 * Goal:   reading fails as it should.
 * Method: fail the first call of root and each call of a deep proof.
 */
Test(merkle_map, reading_fails_with_the_store)
{
    MAP_FIXTURE *f = map_fixture_new(3);
    struct tamga_hash a = map_random_hash(f), b = map_fork_key(f, &a, 22), root = zero;
    struct tamga_map_change change[] = {map_put(a, b), map_put(b, a)};
    struct tamga_map_proof proof = {.depth = 99};

    map_fixture_update(f, change, 2);
    f->calls = (struct test_map_calls){.fail_at = 1};
    cr_assert_eq(tamga_map_root(&root, &f->rows.base), TAMGA_E_STORE_IO);
    cr_assert(tamga_hash_is_zero(&root));
    for (size_t n = 1; n <= 6; n++) {
        f->calls = (struct test_map_calls){.fail_at = n};
        cr_assert_eq(tamga_map_prove(&proof, &f->rows.base, &a), TAMGA_E_STORE_IO);
        cr_assert_eq(proof.depth, 99);
    }
    f->calls = (struct test_map_calls){.fail_at = 7};
    cr_assert_eq(tamga_map_prove(&proof, &f->rows.base, &a), TAMGA_OK);
    cr_assert_eq(proof.depth, 23);
}

/* Whoever reads the row of a's first `nibbles` says STORE_CORRUPT. */
static void is_corrupt(struct map_fixture *f, const struct tamga_hash *a, unsigned nibbles)
{
    struct tamga_map_change change = map_put(*a, map_random_hash(f));
    struct tamga_map_proof proof;
    struct tamga_hash root = zero;

    cr_assert_eq(tamga_map_update(&root, &f->rows.base, &change, 1), TAMGA_E_STORE_CORRUPT);
    cr_assert_eq(tamga_map_prove(&proof, &f->rows.base, a), TAMGA_E_STORE_CORRUPT);
    if (nibbles == 0)
        cr_assert_eq(tamga_map_root(&root, &f->rows.base), TAMGA_E_STORE_CORRUPT);
    cr_assert(tamga_hash_is_zero(&root));
}

/* Replace a's row of `nibbles` by bytes, see it refused, and bring it back. */
static void bytes_are_corrupt(struct map_fixture *f, const struct tamga_hash *a,
                              unsigned nibbles, struct tamga_span bytes)
{
    TAMGA_BUF good = {0};
    struct tamga_buf *row = find_row(f, a, nibbles);

    cr_assert_eq(tamga_buf_set(&good, tamga_buf_span(row)), TAMGA_OK);
    cr_assert_eq(tamga_buf_set(row, bytes), TAMGA_OK);
    is_corrupt(f, a, nibbles);
    cr_assert_eq(tamga_buf_set(row, tamga_buf_span(&good)), TAMGA_OK);
}

/* Two keys that part at nibble 63, and one that parts from them at nibble 2. */
static struct map_fixture *deep_fixture(struct tamga_hash *a)
{
    struct map_fixture *f = map_fixture_new(4);
    struct tamga_map_change change[3];

    *a = map_random_hash(f);
    change[0] = map_put(*a, map_random_hash(f));
    change[1] = map_put(map_fork_key(f, a, 254), map_random_hash(f));
    change[2] = map_put(map_fork_key(f, a, 9), map_random_hash(f));
    map_fixture_update(f, change, 3);
    return f;
}

/*
 * Goal:   a row of another length, or with a changed bitmap, is refused.
 * Method: at several depths, cut at every length, one byte more, and each bit of both
 *         bitmaps turned: no single one leaves a row that fits its length.
 */
Test(merkle_map, wrong_lengths_and_bitmaps_are_corrupt)
{
    struct tamga_hash a;
    MAP_FIXTURE *f = deep_fixture(&a);
    static const unsigned nibbles[] = {0, 1, 2, 33, 62, 63};
    uint8_t bytes[TAMGA_MAP_ROW_BYTES_MAX + 1] = {0};

    for (size_t i = 0; i < sizeof nibbles / sizeof nibbles[0]; i++) {
        struct tamga_buf *row = find_row(f, &a, nibbles[i]);
        size_t len = row->len;

        memcpy(bytes, row->data, len);
        for (size_t cut = 0; cut < len; cut++)
            bytes_are_corrupt(f, &a, nibbles[i], tamga_span(bytes, cut));
        bytes_are_corrupt(f, &a, nibbles[i], tamga_span(bytes, len + 1));
        for (unsigned bit = 0; bit < 32; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            bytes_are_corrupt(f, &a, nibbles[i], tamga_span(bytes, len));
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

/*
 * Goal:   a row that no map would write is refused.
 * Method: no child; a leaf that is none of the children; a lone leaf below the top; a
 *         subtree below whole keys; a subtree with the hash of nothing; a leaf from
 *         another place, by each bit that names its place.
 */
Test(merkle_map, impossible_rows_are_corrupt)
{
    struct tamga_hash a;
    MAP_FIXTURE *f = deep_fixture(&a);
    uint8_t bytes[4 + 128] = {0};
    struct tamga_buf *row = find_row(f, &a, 63);

    bytes_are_corrupt(f, &a, 0, tamga_span(bytes, 4));
    bytes_are_corrupt(f, &a, 2, tamga_span("\x80\x00\x40\x00", 4));
    cr_assert_eq(row->len, sizeof bytes);
    memcpy(bytes, row->data, sizeof bytes);
    for (unsigned bit = 0; bit < 252; bit++) {
        bytes[4 + bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
        bytes_are_corrupt(f, &a, 63, tamga_span(bytes, sizeof bytes));
        bytes[4 + bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
    }
    bytes[0] = (uint8_t)(0x8000u >> (a.byte[31] & 15) >> 8);
    bytes[1] = (uint8_t)(0x8000u >> (a.byte[31] & 15));
    memcpy(bytes + 2, bytes, 2);
    memcpy(bytes + 4, a.byte, 32);
    bytes_are_corrupt(f, &a, 63, tamga_span(bytes, 4 + 64)); /* a leaf alone */
    bytes[2] = bytes[3] = 0;
    bytes_are_corrupt(f, &a, 63, tamga_span(bytes, 4 + 32)); /* a subtree below 64 nibbles */
    row = find_row(f, &a, 40);
    cr_assert_eq(row->len, 4 + 32);
    memcpy(bytes, row->data, 4);
    memset(bytes + 4, 0, 32);
    bytes_are_corrupt(f, &a, 40, tamga_span(bytes, 4 + 32)); /* a subtree of nothing */
}

/*
 * Goal:   a row that is missing is damage, not an empty place; a proof made of rows that
 *         do not belong together is not given out.
 * Method: the row below turned away; then a bit of its hash in the row above changed.
 */
Test(merkle_map, missing_and_foreign_rows_are_corrupt)
{
    struct tamga_hash a;
    MAP_FIXTURE *f = deep_fixture(&a);
    struct tamga_map_proof proof;
    struct tamga_buf *row = find_row(f, &a, 20);
    uint8_t name[TAMGA_MAP_ROW_KEY_BYTES];

    row->data[4 + 31] ^= 1;
    cr_assert_eq(tamga_map_prove(&proof, &f->rows.base, &a), TAMGA_E_STORE_CORRUPT);
    row->data[4 + 31] ^= 1;
    cr_assert_eq(tamga_map_prove(&proof, &f->rows.base, &a), TAMGA_OK);
    cr_assert_eq(f->rows.base.ops->erase(&f->rows.base, row_name(name, &a, 20)), TAMGA_OK);
    is_corrupt(f, &a, 20);
}
