/*
 * A store against a naive model: for every key of a small universe, its value or none.
 * Must never know which store it is given.
 */
#include "store_suite.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_BYTES_MAX 64
#define MODEL_KEYS 200
#define MODEL_FAMILIES 3
#define MODEL_SNAPSHOTS 3
#define MODEL_STEPS 10000
#define MODEL_REOPEN_EVERY 2500
#define MODEL_SEED 0x7a6d61u

struct content {
    uint32_t value[MODEL_FAMILIES][MODEL_KEYS]; /* 0: absent */
};

struct model {
    uint64_t random;
    uint32_t value_next;
    char key[MODEL_KEYS][KEY_BYTES_MAX + 1]; /* ascending, each once */
    struct content now;
    struct tamga_reader *snapshot[MODEL_SNAPSHOTS];
    struct content then[MODEL_SNAPSHOTS];
};

static const enum tamga_family model_family[MODEL_FAMILIES] = {
    TAMGA_FAMILY_STATE, TAMGA_FAMILY_INDEX, TAMGA_FAMILY_PENDING};

static size_t below(struct model *model, size_t bound)
{
    uint64_t mixed = model->random += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return (size_t)((mixed ^ mixed >> 31) % bound);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Three letters only, so that keys start with each other. Short ones meet: draw again. */
static void model_keys(struct model *model)
{
    for (size_t count = 0; count < MODEL_KEYS;) {
        char *key = model->key[count];
        size_t len = 1 + below(model, below(model, 4) == 0 ? KEY_BYTES_MAX : 5);
        bool known = false;

        memset(key, 0, KEY_BYTES_MAX + 1);
        for (size_t i = 0; i < len; i++)
            key[i] = "ab\xff"[below(model, 3)];
        for (size_t i = 0; i < count; i++)
            known = known || strcmp(model->key[i], key) == 0;
        count += known ? 0 : 1;
    }
    qsort(model->key, MODEL_KEYS, sizeof model->key[0], by_text);
}

/* A value is its number's four bytes, the last repeated up to 2,000 times. */
static void value_of(uint32_t number, struct tamga_buf *out)
{
    uint8_t bytes[4 + 2000];

    tamga_put_u32(bytes, number);
    memset(bytes + 4, bytes[3], number % 2000);
    cr_assert_eq(tamga_buf_set(out, tamga_span(bytes, 4 + number % 2000)), TAMGA_OK);
}

static void model_write(struct model *model, struct tamga_store *store)
{
    struct tamga_write batch[8];
    struct tamga_buf value[8] = {0};
    size_t count = 1 + below(model, 8);

    for (size_t i = 0; i < count; i++) {
        size_t family = below(model, MODEL_FAMILIES), key = below(model, MODEL_KEYS);
        bool gone = below(model, 3) == 0;
        uint32_t number = gone ? 0 : ++model->value_next;

        value_of(number, &value[i]);
        batch[i] = (struct tamga_write){model_family[family], gone,
                                        tamga_span_text(model->key[key]),
                                        tamga_buf_span(&value[i])};
        model->now.value[family][key] = number;
    }
    cr_assert_eq(store->ops->write(store, batch, count, false), TAMGA_OK);
    for (size_t i = 0; i < count; i++)
        tamga_buf_clear(&value[i]);
}

static void model_get(struct model *model, const struct tamga_reader *reader,
                      const struct content *content)
{
    TAMGA_BUF found = {0};
    TAMGA_BUF expected = {0};
    size_t family = below(model, MODEL_FAMILIES), key = below(model, MODEL_KEYS);
    uint32_t number = content->value[family][key];

    cr_assert_eq(tamga_view_get(&reader->view, model_family[family],
                                tamga_span_text(model->key[key]), &found),
                 number == 0 ? TAMGA_E_NOT_FOUND : TAMGA_OK);
    if (number == 0)
        return;
    value_of(number, &expected);
    cr_assert(tamga_span_equal(tamga_buf_span(&found), tamga_buf_span(&expected)));
}

struct follow {
    const struct model *model;
    const uint32_t *value;
    struct tamga_span prefix, from;
    size_t next; /* first key that may still come */
    size_t left; /* how many more to take */
};

static bool comes(const struct follow *follow, size_t i)
{
    struct tamga_span key = tamga_span_text(follow->model->key[i]);

    return follow->value[i] != 0 && key.len >= follow->prefix.len &&
           memcmp(key.data, follow->prefix.data, follow->prefix.len) == 0 &&
           tamga_span_compare(key, follow->from) >= 0;
}

static bool follow_one(void *context, struct tamga_span key, struct tamga_span value)
{
    struct follow *follow = context;
    TAMGA_BUF expected = {0};

    while (follow->next < MODEL_KEYS && !comes(follow, follow->next))
        follow->next++;
    cr_assert_lt(follow->next, (size_t)MODEL_KEYS, "a key that should not come");
    cr_assert(tamga_span_equal(key, tamga_span_text(follow->model->key[follow->next])));
    value_of(follow->value[follow->next], &expected);
    cr_assert(tamga_span_equal(value, tamga_buf_span(&expected)));
    follow->next++;
    return --follow->left > 0;
}

static void model_scan(struct model *model, const struct tamga_reader *reader,
                       const struct content *content)
{
    size_t family = below(model, MODEL_FAMILIES);
    const char *start = model->key[below(model, MODEL_KEYS)];
    const char *from = below(model, 2) == 0 ? "" : model->key[below(model, MODEL_KEYS)];
    size_t prefix_len = below(model, 4);
    struct follow follow = {
        .model = model,
        .value = content->value[family],
        .prefix = tamga_span(start, prefix_len < strlen(start) ? prefix_len : strlen(start)),
        .from = tamga_span_text(from),
        .left = below(model, 3) == 0 ? 1 + below(model, 5) : SIZE_MAX,
    };

    cr_assert_eq(reader->ops->scan(reader, model_family[family], follow.prefix, follow.from,
                                   follow_one, &follow),
                 TAMGA_OK);
    for (; follow.left > 0 && follow.next < MODEL_KEYS; follow.next++)
        cr_assert_not(comes(&follow, follow.next), "a key is missing");
}

static void model_release(struct model *model, size_t i)
{
    if (model->snapshot[i] != NULL)
        model->snapshot[i]->ops->release(model->snapshot[i]);
    model->snapshot[i] = NULL;
}

/* Replace one snapshot, or look through it. */
static void model_snapshot(struct model *model, struct tamga_store *store)
{
    size_t i = below(model, MODEL_SNAPSHOTS);

    if (model->snapshot[i] == NULL || below(model, 4) == 0) {
        model_release(model, i);
        cr_assert_eq(store->ops->snapshot(store, &model->snapshot[i]), TAMGA_OK);
        model->then[i] = model->now;
    }
    model_get(model, model->snapshot[i], &model->then[i]);
    model_scan(model, model->snapshot[i], &model->then[i]);
}

static void model_step(struct model *model, struct tamga_store *store)
{
    size_t kind = below(model, 10);

    if (kind < 5)
        model_write(model, store);
    else if (kind < 8)
        model_get(model, &store->reader, &model->now);
    else if (kind < 9)
        model_scan(model, &store->reader, &model->now);
    else
        model_snapshot(model, store);
}

/*
 * Goal:   no sequence of operations makes a store differ from a plain table.
 * Method: 10,000 random ones on a store and on a table, comparing every answer; the
 *         seed is fixed and printed first; reopened every 2,500.
 */
void test_store_follows_a_naive_model(struct test_store *test)
{
    struct model *model = calloc(1, sizeof *model);

    cr_assert_not_null(model);
    fprintf(stderr, "store model seed: %#x\n", MODEL_SEED);
    model->random = MODEL_SEED;
    model_keys(model);
    for (size_t step = 1; step <= MODEL_STEPS; step++) {
        model_step(model, test->store);
        if (step % MODEL_REOPEN_EVERY != 0)
            continue;
        for (size_t i = 0; i < MODEL_SNAPSHOTS; i++)
            model_release(model, i);
        test->reopen(test);
    }
    cr_assert_gt(model->value_next, (uint32_t)MODEL_STEPS, "the model wrote too little");
    free(model);
}
