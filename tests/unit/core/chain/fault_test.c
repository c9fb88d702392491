/* The disk fails, at every point in turn: an error is told, and what was flushed is whole. */
#include <criterion/criterion.h>

#include "chain/engine.h"
#include "chain/query.h"
#include "fixture.h"

#define T0    TEST_GENESIS_MS
#define LATER (T0 + 3600000)
#define RUNS_MAX 5000

/* A line of two blocks, a heavier one of three, and an entry that waits beside. */
struct story {
    struct test_block left[2], right[3];
    struct tamga_buf waiting;
};

static void story_make(struct story *story)
{
    *story = (struct story){0};
    for (uint64_t i = 0; i < 2; i++)
        test_block_next(&story->left[i], test_consortium(),
                        i == 0 ? NULL : &story->left[i - 1].trail, 0, 11 + i);
    for (uint64_t i = 0; i < 3; i++)
        test_block_next(&story->right[i], test_consortium(),
                        i == 0 ? NULL : &story->right[i - 1].trail, 0, 21 + i);
    test_release(&story->waiting, NULL, &(struct test_release){.model = "lock"});
}

static void story_clear(struct story *story)
{
    for (size_t i = 0; i < 2; i++)
        test_block_clear(&story->left[i]);
    for (size_t i = 0; i < 3; i++)
        test_block_clear(&story->right[i]);
    tamga_buf_clear(&story->waiting);
}

static enum tamga_err add(struct tamga_engine *engine, const struct test_block *block)
{
    enum tamga_err err = tamga_engine_add_block(engine, &block->block, LATER, NULL);

    return err == TAMGA_OK ? tamga_engine_flush(engine) : err;
}

static enum tamga_err live(struct test_node *node, const struct story *story)
{
    enum tamga_err err = test_submit(node, &story->waiting, T0);

    if (err == TAMGA_OK)
        err = tamga_engine_flush(node->engine);
    for (size_t i = 0; err == TAMGA_OK && i < 2; i++)
        err = add(node->engine, &story->left[i]);
    for (size_t i = 0; err == TAMGA_OK && i < 6; i++)
        err = add(node->engine, &story->right[i % 3]);
    return err;
}

/* Open, and tell the story to its end or to the first error. */
static enum tamga_err tell(struct test_node *node, const struct story *story)
{
    enum tamga_err err = tamga_engine_open(&node->engine, node->chain, node->store, NULL);

    return err == TAMGA_OK ? live(node, story) : err;
}

/* From the tip down: headers link, heights name them, nothing stands above. */
static void check_whole(const struct test_node *node)
{
    const struct tamga_view *view = &node->store->reader.view;
    const struct tamga_trail *tip = tamga_engine_tip(node->engine);
    struct tamga_block_id at = tip->tip_id, named;
    uint64_t height = tip->tip.height;

    cr_assert_eq(tamga_query_id_at(view, height + 1, &named), TAMGA_E_NOT_FOUND);
    for (;; height--) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};

        cr_assert_eq(tamga_query_id_at(view, height, &named), TAMGA_OK);
        cr_assert(tamga_hash_equal(&named.hash, &at.hash));
        cr_assert_eq(tamga_query_block(view, &at, &block), TAMGA_OK);
        cr_assert_eq(block.sealed.header.height, height);
        cr_assert_eq(tamga_block_check_body(&block), TAMGA_OK);
        if (height == 0)
            return;
        at = block.sealed.header.parent;
    }
}

/* After a failure: open again, see that all is whole, and go on to the same end. */
static void recover(struct test_node *node, const struct story *story,
                    const struct test_node *good)
{
    tamga_engine_close(node->engine);
    node->engine = NULL;
    cr_assert_eq(tamga_engine_open(&node->engine, node->chain, node->store, NULL), TAMGA_OK);
    check_whole(node);
    cr_assert_eq(live(node, story), TAMGA_OK);
    cr_assert(tamga_hash_equal(&tamga_engine_tip(node->engine)->tip_id.hash,
                               &story->right[2].id.hash));
    cr_assert_eq(tamga_engine_mempool(node->engine)->count,
                 tamga_engine_mempool(good->engine)->count);
    cr_assert(test_same_content(node->store, good->store,
                                1u << TAMGA_FAMILY_STATE | 1u << TAMGA_FAMILY_INDEX |
                                    1u << TAMGA_FAMILY_ENTRY | 1u << TAMGA_FAMILY_HEIGHT |
                                    1u << TAMGA_FAMILY_META | 1u << TAMGA_FAMILY_UNDO |
                                    1u << TAMGA_FAMILY_MAP));
}

static void start(struct test_node *node)
{
    *node = (struct test_node){.chain = test_consortium()};
    cr_assert_eq(tamga_store_mem_new(&node->store), TAMGA_OK);
}

/* Is a failure still to come? Uses it up. */
static bool armed_read(const struct test_node *node)
{
    struct tamga_block_id id;

    for (int i = 0; i < RUNS_MAX; i++)
        if (tamga_query_tip(&node->store->reader.view, &id) == TAMGA_E_STORE_IO)
            return true;
    return false;
}

/*
 * Goal:   every failed write is told, and leaves what was there before it.
 * Method: fail the first write, the second, ... until the whole story runs.
 */
Test(fault, every_write_fails_in_turn, .timeout = 60)
{
    struct story story;
    struct test_node good;
    int64_t run = 0;

    story_make(&story);
    start(&good);
    cr_assert_eq(tell(&good, &story), TAMGA_OK);
    for (;; run++) {
        struct test_node node;
        enum tamga_err err;

        cr_assert_lt(run, RUNS_MAX);
        start(&node);
        tamga_store_mem_fail(node.store, run);
        err = tell(&node, &story);
        tamga_store_mem_fail(node.store, -1);
        if (err == TAMGA_OK) {
            test_node_close(&node);
            break;
        }
        cr_assert_eq(err, TAMGA_E_STORE_IO);
        recover(&node, &story, &good);
        test_node_close(&node);
    }
    cr_assert_geq(run, 6); /* genesis, the entry, four steps that change something */
    test_node_close(&good);
    story_clear(&story);
}

/*
 * Goal:   every failed read is told: none is taken for an absence.
 * Method: fail the first read, the second, ... until none is left to fail.
 */
Test(fault, every_read_fails_in_turn, .timeout = 100)
{
    struct story story;
    struct test_node good;
    int64_t run = 0;

    story_make(&story);
    start(&good);
    cr_assert_eq(tell(&good, &story), TAMGA_OK);
    for (;; run++) {
        struct test_node node;
        enum tamga_err err;

        cr_assert_lt(run, RUNS_MAX);
        start(&node);
        tamga_store_mem_fail_reads(node.store, run);
        err = tell(&node, &story);
        if (err == TAMGA_OK) {
            cr_assert(armed_read(&node), "read %lld failed and nobody said so",
                      (long long)run);
            test_node_close(&node);
            break;
        }
        cr_assert_eq(err, TAMGA_E_STORE_IO, "read %lld: %s", (long long)run,
                     tamga_err_name(err));
        tamga_store_mem_fail_reads(node.store, -1);
        recover(&node, &story, &good);
        test_node_close(&node);
    }
    cr_assert_geq(run, 50);
    test_node_close(&good);
    story_clear(&story);
}

/*
 * Goal:   a power loss keeps every flush: each is synced.
 * Method: live the story, lose what was not synced, compare.
 */
Test(fault, a_power_loss_keeps_what_was_flushed)
{
    struct story story;
    struct test_node node;
    TAMGA_BUF before = {0};
    TAMGA_BUF after = {0};

    story_make(&story);
    start(&node);
    cr_assert_eq(tell(&node, &story), TAMGA_OK);
    test_dump(&before, node.store, 0);
    tamga_store_mem_lose_unsynced(node.store);
    test_dump(&after, node.store, 0);
    cr_assert_gt(before.len, 1000);
    cr_assert(tamga_span_equal(tamga_buf_span(&before), tamga_buf_span(&after)));
    test_node_close(&node);
    story_clear(&story);
}
