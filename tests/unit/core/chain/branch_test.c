/* Branches: which chain wins, what a switch undoes and gives back, how blocks arrive. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "chain/engine.h"
#include "chain/query.h"
#include "fixture.h"

#define T0 TEST_GENESIS_MS
#define LATER (T0 + 3600000)
#define CHAIN_MASK                                                                       \
    (1u << TAMGA_FAMILY_STATE | 1u << TAMGA_FAMILY_INDEX | 1u << TAMGA_FAMILY_ENTRY |    \
     1u << TAMGA_FAMILY_HEIGHT | 1u << TAMGA_FAMILY_META | 1u << TAMGA_FAMILY_UNDO |   \
     1u << TAMGA_FAMILY_MAP)

/* A line of blocks by hand; the numbers of its releases start above `base`. */
struct line {
    size_t count;
    struct test_block block[64];
};

static void grow(struct line *line, const struct tamga_chain *chain,
                 const struct tamga_trail *from, uint64_t step_ms, uint64_t base, size_t count)
{
    line->count = count;
    for (size_t i = 0; i < count; i++)
        test_block_next(&line->block[i], chain,
                        i == 0 ? from : &line->block[i - 1].trail, step_ms, base + i + 1);
}

static void clear_line(struct line *line)
{
    for (size_t i = 0; i < line->count; i++)
        test_block_clear(&line->block[i]);
}

static enum tamga_err add(struct test_node *node, const struct test_block *block)
{
    return tamga_engine_add_block(node->engine, &block->block, LATER, NULL);
}

static void feed(struct test_node *node, const struct line *line)
{
    for (size_t i = 0; i < line->count; i++)
        cr_assert_eq(add(node, &line->block[i]), TAMGA_OK);
    /* what was not better when it came was not kept */
    for (size_t i = 0; i < line->count; i++)
        cr_assert_eq(add(node, &line->block[i]), TAMGA_OK);
}

static bool tip_is(const struct test_node *node, const struct test_block *block)
{
    return tamga_hash_equal(&tamga_engine_tip(node->engine)->tip_id.hash, &block->id.hash);
}

/* The node's chain is what a node has that never saw another one. */
static void check_as_fresh(struct test_node *node, const struct line *a, const struct line *b)
{
    struct test_node fresh;

    test_node_open(&fresh, node->chain);
    feed(&fresh, a);
    if (b != NULL)
        feed(&fresh, b);
    cr_assert_eq(tamga_engine_flush(fresh.engine), TAMGA_OK);
    cr_assert_eq(tamga_engine_flush(node->engine), TAMGA_OK);
    cr_assert(test_same_content(node->store, fresh.store, CHAIN_MASK));
    test_node_close(&fresh);
}

/*
 * Goal:   nodes agree on one of two chains of the same work, whichever came first.
 * Method: two blocks on genesis, in both orders; the smaller id wins.
 */
Test(branch, equal_work_settles_on_the_smaller_id)
{
    struct line one, two;
    const struct test_block *winner;

    grow(&one, test_consortium(), NULL, 0, 10, 1);
    grow(&two, test_consortium(), NULL, 0, 20, 1);
    cr_assert_eq(tamga_u256_compare(&one.block[0].trail.work, &two.block[0].trail.work), 0);
    winner = memcmp(&one.block[0].id, &two.block[0].id, 32) < 0 ? &one.block[0]
                                                                : &two.block[0];
    for (int order = 0; order < 2; order++) {
        struct test_node node;

        test_node_open(&node, test_consortium());
        cr_assert_eq(add(&node, order == 0 ? &one.block[0] : &two.block[0]), TAMGA_OK);
        cr_assert_eq(add(&node, order == 0 ? &two.block[0] : &one.block[0]), TAMGA_OK);
        cr_assert(tip_is(&node, winner));
        test_node_reopen(&node);
        cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 0); /* not flushed */
        test_node_close(&node);
    }
    clear_line(&one);
    clear_line(&two);
}

static void check_reorg(const struct tamga_chain *chain, size_t depth)
{
    struct line shared, left, right;
    struct test_node node;
    struct tamga_event event, last = {0};

    grow(&shared, chain, NULL, 0, 0, 2);
    grow(&left, chain, &shared.block[1].trail, 0, 100, depth);
    grow(&right, chain, &shared.block[1].trail, 0, 200, depth + 1);
    test_node_open(&node, chain);
    feed(&node, &shared);
    feed(&node, &left);
    cr_assert(tip_is(&node, &left.block[depth - 1]));
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    test_node_reopen(&node);
    feed(&node, &right);
    cr_assert(tip_is(&node, &right.block[depth]));
    while (tamga_engine_next_event(node.engine, &event))
        if (event.kind == TAMGA_EVENT_TIP && event.depth > 0)
            last = event;
    cr_assert_gt(last.depth, 0);
    cr_assert_leq(last.depth, depth);
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, depth);
    check_as_fresh(&node, &shared, &right);
    test_node_reopen(&node);
    cr_assert(tip_is(&node, &right.block[depth]));
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, depth);
    test_node_close(&node);
    clear_line(&shared);
    clear_line(&left);
    clear_line(&right);
}

/*
 * Goal:   more work wins, at any depth; what is left behind waits again, and nothing of it
 *         remains in the chain's state, index and places.
 * Method: two shared blocks, a fork of depth, another one longer by one, restarts between;
 *         compare with a node that saw only the winner.
 */
Test(branch, heavier_branch_wins_at_depth_1)
{
    check_reorg(test_consortium(), 1);
}

Test(branch, heavier_branch_wins_at_depth_3)
{
    check_reorg(test_consortium(), 3);
}

Test(branch, heavier_branch_wins_at_depth_20)
{
    check_reorg(test_consortium(), 20);
}

/*
 * Goal:   work decides, not length.
 * Method: three blocks on time against two in a hurry, whose target is harder; then
 *         enough hurried ones to have more work in fewer blocks.
 */
Test(branch, fewer_blocks_with_more_work_win)
{
    struct line slow, fast;
    struct test_node node;

    /* The hurried ones: each a millisecond after the last, so the target falls. */
    grow(&slow, test_consortium(), NULL, 0, 100, 60);
    grow(&fast, test_consortium(), NULL, 1, 200, 59);
    cr_assert_gt(tamga_u256_compare(&fast.block[58].trail.work, &slow.block[59].trail.work),
                 0);
    test_node_open(&node, test_consortium());
    feed(&node, &slow);
    cr_assert(tip_is(&node, &slow.block[59]));
    feed(&node, &fast);
    cr_assert(tip_is(&node, &fast.block[58]));
    check_as_fresh(&node, &fast, NULL);
    test_node_close(&node);
    clear_line(&slow);
    clear_line(&fast);
}

/*
 * Goal:   abandoned entries are mined again on the new chain, in their order, a re-release
 *         of an abandoned release too.
 * Method: a release and its re-release in one branch each block; switch; mine.
 */
Test(branch, abandoned_entries_are_mined_again)
{
    struct test_node node;
    struct test_block first, second;
    struct line other;
    struct tamga_buf payload[2] = {0};
    struct tamga_entry_id id[2];
    struct tamga_place place;

    test_node_open(&node, test_consortium());
    test_release(&payload[0], &id[0], &(struct test_release){.counter = 1, .image = 7});
    test_release(&payload[1], &id[1],
                 &(struct test_release){.counter = 2,
                                        .image = 7,
                                        .time_ms = T0 + 1,
                                        .republish_of = &id[0]});
    test_block_on(&first, node.chain, NULL, "node-a", 0, &payload[0], 1, NULL);
    test_block_on(&second, node.chain, &first.trail, "node-a", 0, &payload[1], 1, NULL);
    cr_assert_eq(add(&node, &first), TAMGA_OK);
    cr_assert_eq(add(&node, &second), TAMGA_OK);
    cr_assert(tip_is(&node, &second));

    other.count = 3;
    for (size_t i = 0; i < 3; i++) {
        TAMGA_BUF lock = {0};

        test_release(&lock, NULL, &(struct test_release){.model = "lock", .counter = i + 1});
        test_block_on(&other.block[i], node.chain, i == 0 ? NULL : &other.block[i - 1].trail,
                      "node-b", 0, &lock, 1, NULL);
    }
    feed(&node, &other);
    cr_assert(tip_is(&node, &other.block[2]));
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 2);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(tamga_query_place(&node.store->reader.view, &id[i], &place),
                     TAMGA_E_NOT_FOUND);
    cr_assert_eq(test_mine(&node, NULL, "node-c", T0 + 60000), TAMGA_OK);
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 0);
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert_eq(tamga_query_place(&node.store->reader.view, &id[i], &place), TAMGA_OK);
        cr_assert_eq(place.height, 4);
        cr_assert_eq(place.index, i);
    }
    test_block_clear(&first);
    test_block_clear(&second);
    clear_line(&other);
    tamga_buf_clear(&payload[0]);
    tamga_buf_clear(&payload[1]);
    test_node_close(&node);
}

/*
 * Goal:   an entry that both branches have does not wait again, and stands at its new place.
 * Method: the same release at height 1 of one branch and height 2 of the other.
 */
Test(branch, an_entry_of_both_branches_moves)
{
    struct test_node node;
    struct test_block one, two, three;
    TAMGA_BUF same = {0};
    TAMGA_BUF other = {0};
    struct tamga_entry_id id;
    struct tamga_place place;

    test_node_open(&node, test_consortium());
    test_release(&same, &id, &(struct test_release){.counter = 5});
    test_release(&other, NULL, &(struct test_release){.model = "lock"});
    test_block_on(&one, node.chain, NULL, "node-a", 0, &same, 1, NULL);
    test_block_on(&two, node.chain, NULL, "node-b", 0, &other, 1, NULL);
    test_block_on(&three, node.chain, &two.trail, "node-b", 0, &same, 1, NULL);
    cr_assert_eq(add(&node, &one), TAMGA_OK);
    cr_assert_eq(add(&node, &two), TAMGA_OK);
    cr_assert_eq(add(&node, &three), TAMGA_OK);
    cr_assert_eq(add(&node, &two), TAMGA_OK);
    cr_assert(tip_is(&node, &three));
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 0);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    cr_assert_eq(tamga_query_place(&node.store->reader.view, &id, &place), TAMGA_OK);
    cr_assert_eq(place.height, 2);
    test_block_clear(&one);
    test_block_clear(&two);
    test_block_clear(&three);
    test_node_close(&node);
}

/* ---- invalid blocks --------------------------------------------------------------- */

/* right: good, bad (a counter that is not higher), good, good, on the shared block */
static void grow_bad(struct line *right, const struct tamga_chain *chain,
                     const struct tamga_trail *from)
{
    right->count = 4;
    for (size_t i = 0; i < 4; i++)
        test_block_next(&right->block[i], chain, i == 0 ? from : &right->block[i - 1].trail, 0,
                        i == 1 ? 200 : 200 + i); /* the same release again */
}

/*
 * Goal:   a broken rule in the middle of a heavier branch leaves everything as it was; the
 *         block and all above it are refused from then on, what lies below is usable.
 * Method: own chain of two; the other's second of four is invalid; then a valid branch on
 *         the other's first block wins.
 */
Test(branch, an_invalid_block_leaves_the_chain_as_it_was)
{
    struct line shared, left, right, saved, above;
    struct test_node node;
    struct tamga_event event;
    TAMGA_BUF before = {0};
    TAMGA_BUF after = {0};
    size_t added, invalid = 0;

    grow(&shared, test_consortium(), NULL, 0, 0, 1);
    grow(&left, test_consortium(), &shared.block[0].trail, 0, 100, 2);
    grow_bad(&right, test_consortium(), &shared.block[0].trail);
    grow(&saved, test_consortium(), &right.block[0].trail, 0, 300, 2);
    grow(&above, test_consortium(), &right.block[3].trail, 0, 400, 1);
    test_node_open(&node, test_consortium());
    feed(&node, &shared);
    feed(&node, &left);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    test_dump(&before, node.store, CHAIN_MASK);
    for (size_t i = 0; i < 4; i++) {
        struct tamga_sealed *sealed = &right.block[i].block.sealed;

        cr_assert_eq(tamga_engine_add_headers(node.engine, sealed, 1, LATER, &added, NULL),
                     TAMGA_OK);
    }
    cr_assert_eq(add(&node, &right.block[0]), TAMGA_OK);
    cr_assert_eq(add(&node, &right.block[2]), TAMGA_OK);
    cr_assert_eq(add(&node, &right.block[3]), TAMGA_OK);
    cr_assert(tip_is(&node, &left.block[1]));
    cr_assert_eq(add(&node, &right.block[1]), TAMGA_OK);
    cr_assert(tip_is(&node, &left.block[1]));
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    test_dump(&after, node.store, CHAIN_MASK);
    cr_assert(tamga_span_equal(tamga_buf_span(&before), tamga_buf_span(&after)));
    while (tamga_engine_next_event(node.engine, &event))
        if (event.kind == TAMGA_EVENT_INVALID) {
            invalid++;
            cr_assert_eq(event.err, TAMGA_E_DUPLICATE_ENTRY);
            cr_assert(tamga_hash_equal(&event.id, &right.block[1].id.hash));
            cr_assert_eq(event.height, 3);
        }
    cr_assert_eq(invalid, 1);

    for (int opened = 0; opened < 2; opened++) {
        for (size_t i = 1; i < 4; i++)
            cr_assert_eq(add(&node, &right.block[i]), TAMGA_E_INVALID_ANCESTOR);
        cr_assert_eq(add(&node, &above.block[0]), TAMGA_E_INVALID_ANCESTOR);
        test_node_reopen(&node);
    }
    cr_assert_eq(add(&node, &right.block[0]), TAMGA_OK);
    feed(&node, &saved);
    cr_assert_eq(add(&node, &right.block[0]), TAMGA_OK);
    cr_assert(tip_is(&node, &saved.block[1]));
    test_node_close(&node);
    clear_line(&shared);
    clear_line(&left);
    clear_line(&right);
    clear_line(&saved);
    clear_line(&above);
}

/*
 * Goal:   a block is condemned on every branch that has it, once.
 * Method: two branches above one invalid block, known by headers; give its body. Then a
 *         header above the second one.
 */
Test(branch, an_invalid_block_is_condemned_on_all_branches)
{
    struct test_node node;
    struct test_block good, bad;
    struct line one, two, above;
    struct tamga_event event;
    size_t added, invalid = 0;

    test_node_open(&node, test_consortium());
    test_block_next(&good, node.chain, NULL, 0, 5);
    test_block_next(&bad, node.chain, &good.trail, 0, 5); /* the same release again */
    grow(&one, node.chain, &bad.trail, 0, 100, 2);
    grow(&two, node.chain, &bad.trail, 0, 200, 3);
    grow(&above, node.chain, &two.block[2].trail, 0, 300, 1);
    cr_assert_eq(add(&node, &good), TAMGA_OK);
    cr_assert_eq(tamga_engine_add_headers(node.engine, &bad.block.sealed, 1, LATER, &added,
                                          NULL),
                 TAMGA_OK);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(tamga_engine_add_headers(node.engine, &one.block[i].block.sealed, 1,
                                              LATER, &added, NULL),
                     TAMGA_OK);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(tamga_engine_add_headers(node.engine, &two.block[i].block.sealed, 1,
                                              LATER, &added, NULL),
                     TAMGA_OK);
    cr_assert_eq(add(&node, &bad), TAMGA_OK);
    cr_assert(tip_is(&node, &good));
    while (tamga_engine_next_event(node.engine, &event))
        if (event.kind == TAMGA_EVENT_INVALID) {
            invalid++;
            cr_assert_eq(event.err, TAMGA_E_DUPLICATE_ENTRY);
        }
    cr_assert_eq(invalid, 1);
    cr_assert_eq(add(&node, &one.block[1]), TAMGA_E_INVALID_ANCESTOR);
    cr_assert_eq(add(&node, &two.block[2]), TAMGA_E_INVALID_ANCESTOR);
    cr_assert_eq(add(&node, &above.block[0]), TAMGA_E_INVALID_ANCESTOR);
    cr_assert_eq(tamga_engine_wanted_blocks(node.engine, &(struct tamga_block_id){0}, 1), 0);
    test_block_clear(&good);
    test_block_clear(&bad);
    clear_line(&one);
    clear_line(&two);
    clear_line(&above);
    test_node_close(&node);
}

/* ---- headers first ---------------------------------------------------------------- */

/*
 * Goal:   headers come first, then bodies in any order; the chain grows as far as it can.
 * Method: headers of 50 blocks; wanted in order; bodies in an order shuffled by a seed.
 */
Test(branch, bodies_arrive_in_any_order)
{
    struct line line;
    struct test_node node;
    struct tamga_sealed sealed[50];
    struct tamga_block_id wanted[64], locator[TAMGA_LOCATOR_MAX];
    size_t added, order[50], count;
    unsigned seed = 12345;

    grow(&line, test_consortium(), NULL, 0, 0, 50);
    for (size_t i = 0; i < 50; i++) {
        sealed[i] = line.block[i].block.sealed;
        order[i] = i;
    }
    test_node_open(&node, test_consortium());
    cr_assert_eq(tamga_engine_add_headers(node.engine, sealed + 1, 1, LATER, &added, NULL),
                 TAMGA_E_NO_PARENT);
    cr_assert_eq(tamga_engine_add_headers(node.engine, sealed, 50, LATER, &added, NULL),
                 TAMGA_OK);
    cr_assert_eq(added, 50);
    cr_assert_eq(tamga_engine_add_headers(node.engine, sealed, 50, LATER, &added, NULL),
                 TAMGA_OK);
    cr_assert_eq(added, 0);
    cr_assert_eq(tamga_engine_wanted_blocks(node.engine, wanted, 64), 50);
    for (size_t i = 0; i < 50; i++)
        cr_assert(tamga_hash_equal(&wanted[i].hash, &line.block[i].id.hash));
    cr_assert_eq(tamga_engine_wanted_blocks(node.engine, wanted, 7), 7);
    cr_assert_eq(tamga_engine_locator(node.engine, locator, &count), TAMGA_OK);
    cr_assert_eq(count, 2);
    cr_assert(tamga_hash_equal(&locator[0].hash, &line.block[49].id.hash));
    for (size_t i = 49; i > 0; i--) {
        size_t j = (size_t)rand_r(&seed) % (i + 1), swap = order[i];

        order[i] = order[j];
        order[j] = swap;
    }
    for (size_t i = 0; i < 50; i++) {
        cr_assert_eq(add(&node, &line.block[order[i]]), TAMGA_OK);
        if (i == 25) { /* a restart in between: headers are known, bodies kept */
            cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
            test_node_reopen(&node);
            cr_assert_eq(
                tamga_engine_add_headers(node.engine, sealed, 50, LATER, &added, NULL),
                TAMGA_OK);
            cr_assert_eq(added, 0);
        }
    }
    cr_assert(tip_is(&node, &line.block[49]));
    cr_assert_eq(tamga_engine_wanted_blocks(node.engine, wanted, 64), 0);
    check_as_fresh(&node, &line, NULL);
    test_node_close(&node);
    clear_line(&line);
}

/*
 * Goal:   headers before a bad one stay; the bad one is named by its reason.
 * Method: three headers, the third sealed by somebody else.
 */
Test(branch, headers_before_a_bad_one_stay)
{
    struct line line;
    struct test_node node;
    struct tamga_sealed sealed[3];
    size_t added;

    grow(&line, test_consortium(), NULL, 0, 0, 3);
    for (size_t i = 0; i < 3; i++)
        sealed[i] = line.block[i].block.sealed;
    sealed[2].seal.byte[3] ^= 1;
    test_node_open(&node, test_consortium());
    cr_assert_eq(tamga_engine_add_headers(node.engine, sealed, 3, LATER, &added, NULL),
                 TAMGA_E_BAD_SEAL);
    cr_assert_eq(added, 2);
    cr_assert_eq(tamga_engine_wanted_blocks(node.engine, &(struct tamga_block_id){0}, 1), 1);
    test_node_close(&node);
    clear_line(&line);
}

/*
 * Goal:   who mines a heavy block and keeps its body back stops nobody.
 * Method: headers of a long branch without bodies; then a shorter one with bodies, which
 *         becomes the chain; its blocks are asked for as well.
 */
Test(branch, a_body_kept_back_stops_nobody)
{
    struct line kept, open;
    struct test_node node;
    struct tamga_block_id wanted[16];
    size_t added;

    grow(&kept, test_consortium(), NULL, 0, 100, 5);
    grow(&open, test_consortium(), NULL, 0, 200, 2);
    test_node_open(&node, test_consortium());
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(tamga_engine_add_headers(node.engine, &kept.block[i].block.sealed, 1,
                                              LATER, &added, NULL),
                     TAMGA_OK);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(tamga_engine_add_headers(node.engine, &open.block[i].block.sealed, 1,
                                              LATER, &added, NULL),
                     TAMGA_OK);
    cr_assert_eq(tamga_engine_wanted_blocks(node.engine, wanted, 16), 7);
    cr_assert(tamga_hash_equal(&wanted[0].hash, &kept.block[0].id.hash));
    cr_assert(tamga_hash_equal(&wanted[5].hash, &open.block[0].id.hash));
    feed(&node, &open);
    cr_assert(tip_is(&node, &open.block[1]));
    feed(&node, &kept);
    cr_assert(tip_is(&node, &kept.block[4]));
    check_as_fresh(&node, &kept, NULL);
    test_node_close(&node);
    clear_line(&kept);
    clear_line(&open);
}

/* ---- bounds ----------------------------------------------------------------------- */

/*
 * Goal:   at most eight branches are kept, the heaviest of them always; garbage pushes
 *         none out.
 * Method: a long branch of headers, nine short ones, then a header with a broken seal on
 *         genesis; the long one still wants all its bodies.
 */
Test(branch, ninth_branch_pushes_out_the_lightest)
{
    struct line heavy, light[9];
    struct test_node node;
    struct tamga_block_id wanted[64];
    struct tamga_sealed garbage;
    size_t added, before;

    test_node_open(&node, test_consortium());
    grow(&heavy, node.chain, NULL, 0, 100, 3);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(tamga_engine_add_headers(node.engine, &heavy.block[i].block.sealed, 1,
                                              LATER, &added, NULL),
                     TAMGA_OK);
    for (size_t i = 0; i < 9; i++) {
        grow(&light[i], node.chain, NULL, 0, 200 + 10 * i, 1);
        cr_assert_eq(tamga_engine_add_headers(node.engine, &light[i].block[0].block.sealed, 1,
                                              LATER, &added, NULL),
                     TAMGA_OK);
    }
    before = tamga_engine_wanted_blocks(node.engine, wanted, 64);
    cr_assert_eq(before, 3 + TAMGA_BRANCHES_MAX - 1);
    garbage = light[0].block[0].block.sealed;
    garbage.header.nonce++; /* work or seal: good for nothing now */
    cr_assert_neq(tamga_engine_add_headers(node.engine, &garbage, 1, LATER, &added, NULL),
                  TAMGA_OK);
    cr_assert_eq(tamga_engine_wanted_blocks(node.engine, wanted, 64), before);
    for (size_t i = 0; i < 3; i++)
        cr_assert(tamga_hash_equal(&wanted[i].hash, &heavy.block[i].id.hash));
    feed(&node, &heavy);
    cr_assert(tip_is(&node, &heavy.block[2]));
    cr_assert_eq(tamga_engine_wanted_blocks(node.engine, wanted, 64), 0);
    clear_line(&heavy);
    for (size_t i = 0; i < 9; i++)
        clear_line(&light[i]);
    test_node_close(&node);
}

/*
 * Goal:   a locator names at most 64 ids, the newest first, genesis last.
 * Method: a chain of 60 blocks; every id is on it, ever sparser.
 */
Test(branch, a_locator_gets_sparser)
{
    struct line line;
    struct test_node node;
    struct tamga_block_id locator[TAMGA_LOCATOR_MAX];
    uint64_t height, last = UINT64_MAX;
    size_t count;

    grow(&line, test_consortium(), NULL, 0, 0, 60);
    test_node_open(&node, test_consortium());
    feed(&node, &line);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    cr_assert_eq(tamga_engine_locator(node.engine, locator, &count), TAMGA_OK);
    cr_assert_lt(count, 20);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(tamga_query_fork(&node.store->reader.view, &locator[i], 1, &height),
                     TAMGA_OK);
        cr_assert_lt(height, last);
        last = height;
    }
    cr_assert_eq(last, 0);
    cr_assert(tamga_hash_equal(&locator[0].hash, &line.block[59].id.hash));
    test_node_close(&node);
    clear_line(&line);
}

/*
 * Goal:   headers whose bodies nobody shows are bounded: one more than a branch may have is
 *         refused by its own code, and nothing changes.
 * Method: good headers, one after the other, never a body; the store before and after the
 *         last one.
 */
Test(branch, a_branch_has_a_longest_length, .timeout = 300)
{
    const struct tamga_chain *chain = test_consortium();
    TAMGA_BUF before = {0};
    TAMGA_BUF after = {0};
    struct tamga_trail trail;
    struct test_node node;
    size_t added;

    tamga_trail_start(&trail, &chain->genesis);
    test_node_open(&node, chain);
    for (size_t i = 0; i <= TAMGA_BRANCH_BLOCKS_MAX; i++) {
        struct tamga_sealed sealed = {
            .header = {.version = TAMGA_HEADER_VERSION,
                       .chain = chain->id,
                       .height = i + 1,
                       .parent = trail.tip_id,
                       .time_ms = trail.tip.time_ms + TEST_SPACING_MS,
                       .entry_count = 1,
                       .target = tamga_trail_target(&trail, &chain->params)}};
        struct tamga_block_id id;
        bool last = i == TAMGA_BRANCH_BLOCKS_MAX;

        test_address(&sealed.header.miner, "node-a");
        test_seal(&sealed, &id, "node-a");
        if (last) {
            cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
            test_dump(&before, node.store, 0);
        }
        cr_assert_eq(tamga_engine_add_headers(node.engine, &sealed, 1, sealed.header.time_ms,
                                              &added, NULL),
                     last ? TAMGA_E_TOO_MANY_BRANCHES : TAMGA_OK);
        tamga_trail_push(&trail, &sealed.header, &id);
    }
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    test_dump(&after, node.store, 0);
    cr_assert(tamga_span_equal(tamga_buf_span(&before), tamga_buf_span(&after)));
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 0);
    test_node_close(&node);
}
