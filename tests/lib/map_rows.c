/* Rows of a sparse Merkle map in memory, chained in buckets. */
#include "map_rows.h"

#include <stdlib.h>

struct test_map_row {
    struct test_map_row *next;
    size_t key_len;
    uint8_t key[TAMGA_MAP_ROW_KEY_BYTES];
    struct tamga_buf bytes;
};

static size_t bucket_of(struct tamga_span key)
{
    uint32_t sum = 2166136261u;

    for (size_t i = 0; i < key.len; i++)
        sum = (sum ^ key.data[i]) * 16777619u;
    return sum % TEST_MAP_BUCKETS;
}

/* Where the row hangs, or would. */
static struct test_map_row **place(struct test_map_rows *rows, struct tamga_span key)
{
    struct test_map_row **at = &rows->bucket[bucket_of(key)];

    while (*at != NULL &&
           !tamga_span_equal(tamga_span((*at)->key, (*at)->key_len), key))
        at = &(*at)->next;
    return at;
}

struct tamga_buf *test_map_rows_find(const struct test_map_rows *rows,
                                     struct tamga_span key)
{
    struct test_map_row *row = rows->bucket[bucket_of(key)];

    while (row != NULL && !tamga_span_equal(tamga_span(row->key, row->key_len), key))
        row = row->next;
    return row == NULL ? NULL : &row->bytes;
}

void test_map_rows_set(struct test_map_rows *rows, struct tamga_span key,
                       struct tamga_span row)
{
    struct test_map_row **at = place(rows, key);

    if (*at == NULL) {
        *at = calloc(1, sizeof **at);
        if (*at == NULL || key.len > TAMGA_MAP_ROW_KEY_BYTES)
            abort();
        memcpy((*at)->key, key.data, key.len);
        (*at)->key_len = key.len;
        rows->count++;
    }
    if (tamga_buf_set(&(*at)->bytes, row) != TAMGA_OK)
        abort();
}

static enum tamga_err count_call(struct test_map_calls *calls, size_t *kind)
{
    ++*kind;
    return ++calls->all == calls->fail_at ? TAMGA_E_STORE_IO : TAMGA_OK;
}

static enum tamga_err get(const struct tamga_map_rows *base, struct tamga_span key,
                          struct tamga_buf *row)
{
    const struct test_map_rows *rows = (const struct test_map_rows *)base;
    const struct tamga_buf *found = test_map_rows_find(rows, key);
    enum tamga_err err = count_call(rows->calls, &rows->calls->get);

    if (err != TAMGA_OK)
        return err;
    if (found == NULL)
        return TAMGA_E_NOT_FOUND;
    return tamga_buf_set(row, tamga_buf_span(found));
}

static enum tamga_err put(struct tamga_map_rows *base, struct tamga_span key,
                          struct tamga_span row)
{
    struct test_map_rows *rows = (struct test_map_rows *)base;
    enum tamga_err err = count_call(rows->calls, &rows->calls->put);

    if (err == TAMGA_OK)
        test_map_rows_set(rows, key, row);
    return err;
}

static void free_row(struct test_map_row *row)
{
    tamga_buf_clear(&row->bytes);
    free(row);
}

/* A row that is not there is no row to erase: the map must know what it wrote. */
static enum tamga_err erase(struct tamga_map_rows *base, struct tamga_span key)
{
    struct test_map_rows *rows = (struct test_map_rows *)base;
    struct test_map_row **at = place(rows, key), *row = *at;
    enum tamga_err err = count_call(rows->calls, &rows->calls->erase);

    if (err != TAMGA_OK)
        return err;
    if (row == NULL)
        abort();
    *at = row->next;
    free_row(row);
    rows->count--;
    return TAMGA_OK;
}

static const struct tamga_map_rows_ops ops = {.get = get, .put = put, .erase = erase};

void test_map_rows_init(struct test_map_rows *rows, struct test_map_calls *calls)
{
    *rows = (struct test_map_rows){.base = {.ops = &ops}, .calls = calls};
}

void test_map_rows_clear(struct test_map_rows *rows)
{
    for (size_t i = 0; i < TEST_MAP_BUCKETS; i++)
        while (rows->bucket[i] != NULL) {
            struct test_map_row *row = rows->bucket[i];

            rows->bucket[i] = row->next;
            free_row(row);
        }
    rows->count = 0;
}

bool test_map_rows_equal(const struct test_map_rows *a, const struct test_map_rows *b)
{
    for (size_t i = 0; i < TEST_MAP_BUCKETS; i++)
        for (const struct test_map_row *row = a->bucket[i]; row != NULL; row = row->next) {
            const struct tamga_buf *other =
                test_map_rows_find(b, tamga_span(row->key, row->key_len));

            if (other == NULL ||
                !tamga_span_equal(tamga_buf_span(&row->bytes), tamga_buf_span(other)))
                return false;
        }
    return a->count == b->count;
}
