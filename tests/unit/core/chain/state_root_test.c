/* What blocks do to the state map, and what a header must say of it. */
#include <criterion/criterion.h>

#include "chain/state_map.h"
#include "fixture.h"

#define T0    TEST_GENESIS_MS
#define LATER (T0 + 3600000)
#define CONNECT \
    (1u << TAMGA_FAMILY_STATE | 1u << TAMGA_FAMILY_INDEX | 1u << TAMGA_FAMILY_MAP)

static unsigned flipped_bit;

static void flip(struct tamga_block *block)
{
    block->sealed.header.state_root.byte[flipped_bit / 8] ^=
        (uint8_t)(0x80u >> flipped_bit % 8);
}

static void no_root(struct tamga_block *block)
{
    memset(&block->sealed.header.state_root, 0, TAMGA_HASH_BYTES);
}

static void parents_root(struct tamga_block *block)
{
    block->sealed.header.state_root = test_consortium()->genesis.state_root;
}

/* Condemned with the reason, and nothing of it remains. */
static void check_bad_root(const struct tamga_chain *chain, const struct test_block *bad,
                           const struct tamga_buf *payload)
{
    struct test_node node, fresh;
    struct tamga_event event;

    test_node_open(&node, chain);
    test_node_open(&fresh, chain);
    if (chain->rules->detached)
        cr_assert_eq(test_submit(&node, payload, T0), TAMGA_OK);
    cr_assert_eq(tamga_engine_add_block(node.engine, &bad->block, LATER, NULL), TAMGA_OK);
    cr_assert(tamga_engine_next_event(node.engine, &event));
    cr_assert_eq(event.kind, TAMGA_EVENT_INVALID);
    cr_assert_eq(event.err, TAMGA_E_BAD_STATE_ROOT, "%s", tamga_err_name(event.err));
    cr_assert(tamga_hash_equal(&event.id, &bad->id.hash));
    cr_assert_neq(event.detail.text[0], '\0');
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 0);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    cr_assert(test_same_content(node.store, fresh.store, CONNECT));
    cr_assert_eq(tamga_engine_add_block(node.engine, &bad->block, LATER, NULL),
                 TAMGA_E_INVALID_ANCESTOR);
    test_node_close(&fresh);
    test_node_close(&node);
}

/*
 * Goal:   a block whose header states another state than its entries leave is condemned, on
 *         either chain.
 * Method: flip bits of a good block's root, one at a time.
 */
Test(state_root, a_flipped_bit_condemns_the_block)
{
    static const unsigned bit[] = {0, 1, 7, 8, 100, 128, 254, 255};
    const struct tamga_chain *chain[] = {test_consortium(), test_gateway()};

    for (size_t i = 0; i < 2 * sizeof bit / sizeof bit[0]; i++) {
        TAMGA_BUF payload = {0};
        struct test_block bad;
        bool gateway = i % 2 == 1;

        flipped_bit = bit[i / 2];
        if (gateway)
            test_record(&payload, NULL, &(struct test_record){0});
        else
            test_release(&payload, NULL, &(struct test_release){0});
        test_block_on(&bad, chain[gateway], NULL, gateway ? "gw-1" : "node-a", 0, &payload, 1,
                      flip);
        check_bad_root(chain[gateway], &bad, &payload);
        test_block_clear(&bad);
    }
}

/* The root of a block without its last entry. */
static struct tamga_hash root_without;

static void set_root_without(struct tamga_block *block)
{
    block->sealed.header.state_root = root_without;
}

/*
 * Goal:   a root that leaves out an entry is no root of the block; nor is the parent's, nor
 *         none.
 * Method: releases for two models; the root after the first alone.
 */
Test(state_root, a_left_out_entry_condemns_the_block)
{
    void (*change[])(struct tamga_block *) = {set_root_without, parents_root, no_root};
    struct tamga_buf payload[2] = {0};
    struct test_block bad;

    test_release(&payload[0], NULL, &(struct test_release){0});
    test_release(&payload[1], NULL, &(struct test_release){.model = "lock"});
    test_block_on(&bad, test_consortium(), NULL, "node-a", 0, payload, 1, NULL);
    root_without = bad.block.sealed.header.state_root;
    test_block_clear(&bad);
    for (size_t i = 0; i < sizeof change / sizeof change[0]; i++) {
        test_block_on(&bad, test_consortium(), NULL, "node-a", 0, payload, 2, change[i]);
        check_bad_root(test_consortium(), &bad, NULL);
        test_block_clear(&bad);
    }
    tamga_buf_clear(&payload[0]);
    tamga_buf_clear(&payload[1]);
}

/*
 * Goal:   a new chain's map is that of genesis; a proposal states the root that all others
 *         find.
 * Method: open, mine, take the block to another node.
 */
Test(state_root, proposals_state_what_connects)
{
    const struct tamga_chain *chain[] = {test_consortium(), test_gateway()};

    for (size_t i = 0; i < 2; i++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
        TAMGA_BUF payload = {0};
        struct test_node node, other;
        struct tamga_hash root;

        test_node_open(&node, chain[i]);
        test_node_open(&other, chain[i]);
        cr_assert_eq(tamga_state_map_root(&root, &node.store->reader.view), TAMGA_OK);
        cr_assert(tamga_hash_equal(&root, &chain[i]->genesis.state_root));
        if (i == 0)
            test_release(&payload, NULL, &(struct test_release){0});
        else
            test_record(&payload, NULL, &(struct test_record){0});
        cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_OK);
        cr_assert_eq(test_submit(&other, &payload, T0), TAMGA_OK);
        cr_assert_eq(test_mine(&node, &block, i == 0 ? "node-a" : "gw-1", T0 + 1), TAMGA_OK);
        cr_assert_not(tamga_hash_equal(&block.sealed.header.state_root, &root));
        cr_assert_eq(tamga_engine_add_block(other.engine, &block, T0 + 1, NULL), TAMGA_OK);
        cr_assert_eq(tamga_engine_tip(other.engine)->tip.height, 1);
        cr_assert_eq(tamga_state_map_root(&root, &node.store->reader.view), TAMGA_OK);
        cr_assert(tamga_hash_equal(&root, &block.sealed.header.state_root));
        test_node_close(&node);
        test_node_close(&other);
    }
}

/*
 * Goal:   an empty block leaves the state and states its parent's root.
 * Method: a block, then an empty one, with that root and with another.
 */
Test(state_root, an_empty_block_keeps_its_parents)
{
    struct test_node node;
    struct test_block first, empty, bad;
    struct tamga_event event;

    test_node_open(&node, test_consortium());
    test_block_next(&first, node.chain, NULL, 0, 1);
    cr_assert_eq(tamga_engine_add_block(node.engine, &first.block, LATER, NULL), TAMGA_OK);
    flipped_bit = 77;
    test_block_on(&bad, node.chain, &first.trail, "node-a", 0, NULL, 0, flip);
    cr_assert_eq(tamga_engine_add_block(node.engine, &bad.block, LATER, NULL), TAMGA_OK);
    while (tamga_engine_next_event(node.engine, &event))
        ;
    cr_assert_eq(event.err, TAMGA_E_BAD_STATE_ROOT);
    test_block_on(&empty, node.chain, &first.trail, "node-a", 0, NULL, 0, NULL);
    cr_assert(tamga_hash_equal(&empty.block.sealed.header.state_root,
                               &first.block.sealed.header.state_root));
    cr_assert_eq(tamga_engine_add_block(node.engine, &empty.block, LATER, NULL), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 2);
    test_block_clear(&first);
    test_block_clear(&empty);
    test_block_clear(&bad);
    test_node_close(&node);
}

/* A chain of one block, and two that are better together. */
struct fork {
    struct test_block left, right[2];
};

static void fork_make(struct fork *fork)
{
    test_block_next(&fork->left, test_consortium(), NULL, 0, 1);
    test_block_next(&fork->right[0], test_consortium(), NULL, 0, 11);
    test_block_next(&fork->right[1], test_consortium(), &fork->right[0].trail, 0, 12);
}

static void fork_clear(struct fork *fork)
{
    test_block_clear(&fork->left);
    test_block_clear(&fork->right[0]);
    test_block_clear(&fork->right[1]);
}

static enum tamga_err add(struct test_node *node, const struct test_block *block)
{
    return tamga_engine_add_block(node->engine, &block->block, LATER, NULL);
}

/* To the right branch, with the left one's block first in the way. */
static enum tamga_err change_sides(struct test_node *node, const struct fork *fork)
{
    enum tamga_err err = add(node, &fork->right[0]);

    if (err == TAMGA_OK)
        err = add(node, &fork->right[1]);
    /* the first was not kept if its id is the greater one */
    return err == TAMGA_OK ? add(node, &fork->right[0]) : err;
}

/*
 * Goal:   leaving a block leaves no row of the map behind, and not one fewer.
 * Method: go to the other branch; compare with a node that was never on the first.
 */
Test(state_root, a_switch_leaves_no_row_behind)
{
    struct test_node node, fresh;
    struct fork fork;

    fork_make(&fork);
    test_node_open(&node, test_consortium());
    test_node_open(&fresh, test_consortium());
    cr_assert_eq(add(&node, &fork.left), TAMGA_OK);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    cr_assert_eq(change_sides(&node, &fork), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 2);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    cr_assert_eq(change_sides(&fresh, &fork), TAMGA_OK);
    cr_assert_eq(tamga_engine_flush(fresh.engine), TAMGA_OK);
    cr_assert(test_same_content(node.store, fresh.store, CONNECT));
    test_node_close(&fresh);
    test_node_close(&node);
    fork_clear(&fork);
}

static bool keep_first(void *context, struct tamga_span key, struct tamga_span value)
{
    (void)value;
    cr_assert_eq(tamga_buf_set(context, key), TAMGA_OK);
    return false;
}

static void damage(struct tamga_store *store, enum tamga_family family, struct tamga_span key,
                   const char *value)
{
    cr_assert_eq(store->ops->write(store,
                                   &(struct tamga_write){.family = family,
                                                         .erase = value == NULL,
                                                         .key = key,
                                                         .value = tamga_span_text(
                                                             value == NULL ? "" : value)},
                                   1, true),
                 TAMGA_OK);
}

/*
 * Goal:   what does not lead back to the parent's root is damage, and nothing is changed.
 * Method: lose the undo record, a row of the map, a former value; then leave the block.
 */
Test(state_root, damage_shows_when_a_block_is_left)
{
    struct fork fork;

    fork_make(&fork);
    for (int what = 0; what < 4; what++) {
        TAMGA_BUF key = {0};
        TAMGA_BUF before = {0};
        TAMGA_BUF after = {0};
        struct test_node node;
        struct tamga_span id = tamga_hash_span(&fork.left.id.hash);
        enum tamga_family family = what == 0 ? TAMGA_FAMILY_MAP : TAMGA_FAMILY_UNDO;

        test_node_open(&node, test_consortium());
        cr_assert_eq(add(&node, &fork.left), TAMGA_OK);
        cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
        cr_assert_eq(node.store->reader.ops->scan(&node.store->reader, family,
                                                  tamga_span(NULL, 0), tamga_span(NULL, 0),
                                                  keep_first, &key),
                     TAMGA_OK);
        if (what == 0)
            damage(node.store, TAMGA_FAMILY_MAP, tamga_buf_span(&key), NULL);
        else
            damage(node.store, TAMGA_FAMILY_UNDO, id,
                   what == 1 ? NULL : what == 2 ? "" : "\x05\x20 cut short");
        test_dump(&before, node.store, 0);
        cr_assert_eq(change_sides(&node, &fork), TAMGA_E_STORE_CORRUPT, "%d", what);
        test_dump(&after, node.store, 0);
        cr_assert(tamga_span_equal(tamga_buf_span(&before), tamga_buf_span(&after)));
        test_node_close(&node);
    }
    fork_clear(&fork);
}

/*
 * Goal:   a store that has rows but no chain is damaged, and is not written to.
 * Method: a stray row; then open.
 */
Test(state_root, rows_without_a_chain_are_damage)
{
    struct tamga_engine *engine = NULL;
    struct tamga_store *store;
    TAMGA_BUF before = {0};
    TAMGA_BUF after = {0};

    cr_assert_eq(tamga_store_mem_new(&store), TAMGA_OK);
    damage(store, TAMGA_FAMILY_MAP, tamga_span("\0", 1), "stray");
    test_dump(&before, store, 0);
    cr_assert_eq(tamga_engine_open(&engine, test_consortium(), store, NULL),
                 TAMGA_E_STORE_CORRUPT);
    cr_assert_null(engine);
    test_dump(&after, store, 0);
    cr_assert(tamga_span_equal(tamga_buf_span(&before), tamga_buf_span(&after)));
    store->ops->close(store);
}
