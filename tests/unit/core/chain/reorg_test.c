/* A switch of a thousand blocks: whole, and in bounded memory. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdlib.h>

#include "chain/engine.h"
#include "chain/query.h"
#include "fixture.h"

#define LATER      (TEST_GENESIS_MS + 86400000)
#define LENGTH     1100
#define ENTRIES    3
#define FLUSH_EACH 64
/* What a switch may take for each block that is left or taken, at three entries: seen were
 * 5.4 KiB, half of it rows of the families INDEX and ENTRY in the switch's overlay, half
 * entries that wait again. No body and no undo record is held longer than its turn. */
#define BYTES_EACH (12u * 1024)
#define CHAIN_MASK                                                                     \
    (1u << TAMGA_FAMILY_STATE | 1u << TAMGA_FAMILY_INDEX | 1u << TAMGA_FAMILY_ENTRY |  \
     1u << TAMGA_FAMILY_HEIGHT | 1u << TAMGA_FAMILY_META | 1u << TAMGA_FAMILY_UNDO |   \
     1u << TAMGA_FAMILY_MAP)

/* A store that looks at the heap while others read from it. */
struct watched {
    struct tamga_store store; /* first: the ops cast back */
    struct tamga_store *inner;
    size_t reads, most;
};

static enum tamga_err watched_get(const struct tamga_view *view, enum tamga_family family,
                                  struct tamga_span key, struct tamga_buf *value)
{
    struct watched *watched = (struct watched *)(uintptr_t)view;

    if (watched->reads++ % 64 == 0) {
        size_t used = mallinfo2().uordblks;

        watched->most = used > watched->most ? used : watched->most;
    }
    return tamga_view_get(&watched->inner->reader.view, family, key, value);
}

static enum tamga_err watched_scan(const struct tamga_reader *reader, enum tamga_family family,
                                   struct tamga_span prefix, struct tamga_span from,
                                   tamga_each each, void *context)
{
    const struct watched *watched = (const struct watched *)reader;

    return watched->inner->reader.ops->scan(&watched->inner->reader, family, prefix, from, each,
                                            context);
}

static enum tamga_err watched_write(struct tamga_store *store, const struct tamga_write *write,
                                    size_t count, bool sync)
{
    struct watched *watched = (struct watched *)store;

    return watched->inner->ops->write(watched->inner, write, count, sync);
}

static enum tamga_err watched_snapshot(struct tamga_store *store, struct tamga_reader **out)
{
    struct watched *watched = (struct watched *)store;

    return watched->inner->ops->snapshot(watched->inner, out);
}

static const struct tamga_view_ops view_ops = {.get = watched_get};
static const struct tamga_reader_ops reader_ops = {.scan = watched_scan};
static const struct tamga_store_ops store_ops = {.write = watched_write,
                                                 .snapshot = watched_snapshot};

struct fixture {
    struct watched watched;
    struct tamga_engine *engine;
};

static void setup(struct fixture *f)
{
    *f = (struct fixture){.watched.store = {.reader = {.view.ops = &view_ops, .ops = &reader_ops},
                                            .ops = &store_ops}};
    cr_assert_eq(tamga_store_mem_new(&f->watched.inner), TAMGA_OK);
    cr_assert_eq(tamga_engine_open(&f->engine, test_consortium(), &f->watched.store, NULL),
                 TAMGA_OK);
}

static void teardown(struct fixture *f)
{
    tamga_engine_close(f->engine);
    f->watched.inner->ops->close(f->watched.inner);
}

/* Blocks of three releases each, numbered from `base`. */
static struct test_block *make_line(size_t length, uint64_t base)
{
    struct test_block *line = calloc(length, sizeof *line);

    for (size_t i = 0; i < length; i++) {
        struct tamga_buf payload[ENTRIES] = {{0}};

        for (size_t j = 0; j < ENTRIES; j++)
            test_release(&payload[j], NULL,
                         &(struct test_release){.counter = base + i * ENTRIES + j + 1});
        test_block_on(&line[i], test_consortium(), i == 0 ? NULL : &line[i - 1].trail, "node-a",
                      0, payload, ENTRIES, NULL);
        for (size_t j = 0; j < ENTRIES; j++)
            tamga_buf_clear(&payload[j]);
    }
    return line;
}

static void clear_line(struct test_block *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        test_block_clear(&line[i]);
    free(line);
}

static void add_headers(struct fixture *f, const struct test_block *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        size_t added = 0;

        cr_assert_eq(tamga_engine_add_headers(f->engine, &line[i].block.sealed, 1, LATER,
                                              &added, NULL),
                     TAMGA_OK);
        cr_assert_eq(added, 1);
    }
    cr_assert_eq(tamga_engine_flush(f->engine), TAMGA_OK);
}

static void add_bodies(struct fixture *f, const struct test_block *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        cr_assert_eq(tamga_engine_add_block(f->engine, &line[i].block, LATER, NULL), TAMGA_OK);
        if (i % FLUSH_EACH == 0 || i + 1 == length)
            cr_assert_eq(tamga_engine_flush(f->engine), TAMGA_OK);
    }
}

static const struct tamga_hash *tip(const struct fixture *f)
{
    return &tamga_engine_tip(f->engine)->tip_id.hash;
}

static bool take_switch(struct fixture *f, struct tamga_event *out)
{
    while (tamga_engine_next_event(f->engine, out))
        if (out->kind == TAMGA_EVENT_TIP && out->depth > 0)
            return true;
    return false;
}

/* The same content as a node that never saw another chain. */
static void check_as_fresh(const struct fixture *f, const struct test_block *line, size_t length)
{
    struct fixture fresh;

    setup(&fresh);
    add_headers(&fresh, line, length);
    add_bodies(&fresh, line, length);
    cr_assert(test_same_content(f->watched.inner, fresh.watched.inner, CHAIN_MASK));
    teardown(&fresh);
}

/*
 * Goal:   a branch of more than a thousand blocks replaces another of that length in one
 *         step, whole, and the memory it takes meanwhile grows with its blocks within a
 *         stated bound.
 * Method: two lines of 1,100 blocks; that with the smaller id at its end comes second, by
 *         headers first, then bodies: all but the last change nothing. The heap is looked
 *         at from the store, while the last one makes the engine switch.
 */
Test(reorg, a_thousand_blocks_switch_whole_in_bounded_memory, .timeout = 240)
{
    struct test_block *one = make_line(LENGTH, 0);
    struct test_block *other = make_line(LENGTH, LENGTH * ENTRIES);
    bool swap = memcmp(&one[LENGTH - 1].id, &other[LENGTH - 1].id, sizeof one->id) < 0;
    struct test_block *loser = swap ? other : one, *winner = swap ? one : other;
    struct tamga_event event;
    struct fixture f;
    size_t before;

    setup(&f);
    add_headers(&f, loser, LENGTH);
    add_bodies(&f, loser, LENGTH);
    add_headers(&f, winner, LENGTH);
    add_bodies(&f, winner, LENGTH - 1);
    cr_assert(tamga_hash_equal(tip(&f), &loser[LENGTH - 1].id.hash));
    cr_assert_not(take_switch(&f, &event));
    before = f.watched.most = mallinfo2().uordblks;
    cr_assert_eq(tamga_engine_add_block(f.engine, &winner[LENGTH - 1].block, LATER, NULL),
                 TAMGA_OK);
    cr_assert(tamga_hash_equal(tip(&f), &winner[LENGTH - 1].id.hash));
    cr_assert(take_switch(&f, &event));
    cr_assert_eq(event.depth, LENGTH);
    cr_assert_lt(f.watched.most - before, 2 * LENGTH * BYTES_EACH, "%zu bytes a block",
                 (f.watched.most - before) / (2 * LENGTH));
    cr_assert_eq(tamga_engine_flush(f.engine), TAMGA_OK);
    check_as_fresh(&f, winner, LENGTH);
    teardown(&f);
    clear_line(one, LENGTH);
    clear_line(other, LENGTH);
}
