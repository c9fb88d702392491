/* Overlays against a model: what is read, counted, listed and merged. */
#include "chain/overlay.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define KEYS     300 /* over several growths of a table */
#define LEVELS   4
#define STEPS    20000
#define FAMILIES 3

static const enum tamga_family family[FAMILIES] = {TAMGA_FAMILY_META, TAMGA_FAMILY_STATE,
                                                   TAMGA_FAMILY_CHECKPOINT};

/* What one level holds for a key: nothing, an erasure, or a value of so many bytes. */
struct held {
    enum { NOTHING, ERASED, VALUE } kind;
    uint8_t fill;
    size_t len;
};

struct world {
    struct tamga_store *store;
    struct tamga_overlay level[LEVELS];
    struct held model[LEVELS][FAMILIES][KEYS];
    uint64_t random;
};

static uint64_t draw(struct world *world, uint64_t below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return world->random % below;
}

/* Keys of 1 to 40 bytes, many of which share all but the last. */
static struct tamga_span key_of(uint8_t out[40], size_t number)
{
    size_t len = 1 + number % 40;

    memset(out, 'k', 40);
    out[len - 1] = (uint8_t)number;
    if (len > 1)
        out[len - 2] = (uint8_t)(number >> 8);
    return tamga_span(out, len);
}

static size_t count_of(const struct world *world, size_t level)
{
    size_t count = 0;

    for (size_t i = 0; i < FAMILIES; i++)
        for (size_t j = 0; j < KEYS; j++)
            count += world->model[level][i][j].kind != NOTHING;
    return count;
}

static void check_key(const struct world *world, size_t at, size_t number)
{
    TAMGA_BUF value = {0};
    uint8_t key[40];
    struct held held = {0};
    enum tamga_err err = tamga_view_get(&world->level[LEVELS - 1].view, family[at],
                                        key_of(key, number), &value);

    for (size_t level = LEVELS; level-- > 0 && held.kind == NOTHING;)
        held = world->model[level][at][number];
    cr_assert_eq(err, held.kind == VALUE ? TAMGA_OK : TAMGA_E_NOT_FOUND);
    cr_assert_eq(value.len, held.kind == VALUE ? held.len : 0);
    for (size_t i = 0; i < value.len; i++)
        cr_assert_eq(value.data[i], held.fill);
}

static void check_all(const struct world *world)
{
    for (size_t i = 0; i < FAMILIES; i++)
        for (size_t j = 0; j < KEYS; j++)
            check_key(world, i, j);
    for (size_t level = 0; level < LEVELS; level++) {
        struct tamga_write *write;
        size_t count;

        cr_assert_eq(tamga_overlay_count(&world->level[level]), count_of(world, level));
        cr_assert_eq(tamga_overlay_writes(&world->level[level], &write, &count), TAMGA_OK);
        cr_assert_eq(count, count_of(world, level));
        free(write);
    }
}

static void change(struct world *world)
{
    static uint8_t bytes[256];
    size_t level = draw(world, LEVELS), at = draw(world, FAMILIES), number = draw(world, KEYS);
    struct held held = {.kind = draw(world, 4) == 0 ? ERASED : VALUE,
                        .fill = (uint8_t)draw(world, 256),
                        .len = draw(world, sizeof bytes)};
    uint8_t key[40];

    memset(bytes, held.fill, sizeof bytes);
    cr_assert_eq(held.kind == ERASED
                     ? tamga_overlay_erase(&world->level[level], family[at],
                                           key_of(key, number))
                     : tamga_overlay_put(&world->level[level], family[at],
                                         key_of(key, number), tamga_span(bytes, held.len)),
                 TAMGA_OK);
    world->model[level][at][number] = held;
}

static void merge(struct world *world)
{
    size_t top = 1 + draw(world, LEVELS - 1);

    cr_assert_eq(tamga_overlay_merge(&world->level[top - 1], &world->level[top]), TAMGA_OK);
    for (size_t i = 0; i < FAMILIES; i++)
        for (size_t j = 0; j < KEYS; j++) {
            if (world->model[top][i][j].kind != NOTHING)
                world->model[top - 1][i][j] = world->model[top][i][j];
            world->model[top][i][j] = (struct held){0};
        }
}

/*
 * Goal:   stacked overlays read as their writes were made, whatever was merged or replaced
 *         by a longer or a shorter value.
 * Method: random writes on four levels, now and then a merge of one into the next or a
 *         clear; compare all keys with a model.
 */
Test(overlay, reads_as_written, .timeout = 60)
{
    static struct world world;

    world.random = 20240229;
    cr_assert_eq(tamga_store_mem_new(&world.store), TAMGA_OK);
    for (size_t i = 0; i < LEVELS; i++)
        tamga_overlay_init(&world.level[i], i == 0 ? &world.store->reader.view
                                                   : &world.level[i - 1].view);
    for (size_t i = 0; i < STEPS; i++) {
        uint64_t what = draw(&world, 1000);

        if (what < 990)
            change(&world);
        else if (what < 999)
            merge(&world);
        else {
            tamga_overlay_clear(&world.level[0]);
            memset(world.model[0], 0, sizeof world.model[0]);
        }
        if (i % 97 == 0)
            check_all(&world);
    }
    check_all(&world);
    for (size_t i = 0; i < LEVELS; i++)
        tamga_overlay_clear(&world.level[i]);
    world.store->ops->close(world.store);
}

/*
 * Goal:   writes are listed in the order of the first of each key, with the last's value.
 * Method: a hundred keys, the first half again in reverse; merge onto an earlier key.
 */
Test(overlay, lists_in_order_of_first_write)
{
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay down;
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay top;
    struct tamga_write *write;
    size_t count;
    uint8_t key[40];

    tamga_overlay_init(&down, NULL);
    tamga_overlay_init(&top, &down.view);
    cr_assert_eq(tamga_overlay_put(&down, TAMGA_FAMILY_STATE, key_of(key, 99),
                                   tamga_span_text("old")),
                 TAMGA_OK);
    for (size_t i = 0; i < 150; i++)
        cr_assert_eq(tamga_overlay_put(&top, TAMGA_FAMILY_STATE,
                                       key_of(key, i < 100 ? i : 149 - i),
                                       tamga_span_text(i < 100 ? "once" : "again")),
                     TAMGA_OK);
    cr_assert_eq(tamga_overlay_merge(&down, &top), TAMGA_OK);
    cr_assert_eq(tamga_overlay_count(&top), 0);
    cr_assert_eq(tamga_overlay_writes(&down, &write, &count), TAMGA_OK);
    cr_assert_eq(count, 100);
    for (size_t i = 0; i < count; i++) {
        cr_assert(tamga_span_equal(write[i].key, key_of(key, i == 0 ? 99 : i - 1)));
        cr_assert(tamga_span_equal(write[i].value,
                                   tamga_span_text(i > 0 && i <= 50 ? "again" : "once")));
    }
    free(write);
}
