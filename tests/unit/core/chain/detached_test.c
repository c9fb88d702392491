/* Chains whose blocks hold commitments: payloads arrive beside them, or never. */
#include <criterion/criterion.h>

#include "chain/engine.h"
#include "chain/query.h"
#include "fixture.h"

#define T0    TEST_GENESIS_MS
#define LATER (T0 + 3600000)

static enum tamga_err add(struct test_node *node, const struct test_block *block)
{
    return tamga_engine_add_block(node->engine, &block->block, LATER, NULL);
}

static void numbered_record(struct tamga_buf *out, struct tamga_entry_id *id, uint64_t number)
{
    test_record(out, id, &(struct test_record){.release = number, .counter = number});
}

static enum tamga_err give(struct test_node *node, const struct tamga_buf *payload)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};

    test_item(&item, node->chain, payload);
    return tamga_engine_add_payload(node->engine, &item, LATER, NULL);
}

static uint64_t height(const struct test_node *node)
{
    return tamga_engine_tip(node->engine)->tip.height;
}

static void break_signature(Tamga__V1__Signed *message)
{
    message->signature->value.data[5] ^= 1;
}

/*
 * Goal:   a block whose records are not here waits for them, refuses forged ones, and
 *         connects with the last.
 * Method: two records, given in the other order, one forged first; one that nobody wants.
 */
Test(detached, a_block_waits_for_its_payloads)
{
    struct test_node node;
    struct test_block block;
    struct tamga_buf payload[2] = {0};
    struct tamga_entry_id id[2], wanted[4];
    TAMGA_BUF other = {0};
    TAMGA_BUF forged = {0};
    TAMGA_BUF stored = {0};
    bool pending;

    test_node_open(&node, test_gateway());
    for (uint64_t i = 0; i < 2; i++)
        numbered_record(&payload[i], &id[i], i + 1);
    numbered_record(&other, NULL, 9);
    test_record(&forged, NULL,
                &(struct test_record){.release = 1, .counter = 1, .forge = break_signature});
    test_block_on(&block, node.chain, NULL, "gw-1", 0, payload, 2, NULL);
    cr_assert_eq(add(&node, &block), TAMGA_OK);
    cr_assert_eq(height(&node), 0);
    cr_assert_eq(tamga_engine_wanted_blocks(node.engine, &(struct tamga_block_id){0}, 1), 0);
    cr_assert_eq(tamga_engine_wanted_payloads(node.engine, wanted, 4), 2);
    cr_assert(tamga_hash_equal(&wanted[0].hash, &id[0].hash));
    cr_assert(tamga_hash_equal(&wanted[1].hash, &id[1].hash));
    cr_assert_eq(tamga_engine_wanted_payloads(node.engine, wanted, 1), 1);

    cr_assert_eq(give(&node, &other), TAMGA_OK);
    cr_assert_eq(give(&node, &forged), TAMGA_E_BAD_SIGNATURE);
    cr_assert_eq(give(&node, &payload[1]), TAMGA_OK);
    cr_assert_eq(height(&node), 0);
    cr_assert_eq(tamga_engine_wanted_payloads(node.engine, wanted, 4), 1);
    cr_assert_eq(give(&node, &payload[0]), TAMGA_OK);
    cr_assert_eq(height(&node), 1);
    cr_assert_eq(tamga_engine_wanted_payloads(node.engine, wanted, 4), 0);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    cr_assert_eq(tamga_query_payload(node.chain, &node.store->reader.view, &id[0], &stored,
                                     &pending),
                 TAMGA_OK);
    cr_assert_not(pending);
    cr_assert(tamga_span_equal(tamga_buf_span(&stored), tamga_buf_span(&payload[0])));
    test_block_clear(&block);
    test_node_close(&node);
    tamga_buf_clear(&payload[0]);
    tamga_buf_clear(&payload[1]);
}

/*
 * Goal:   what waits is wanted again after a restart.
 * Method: flush while a record is missing, reopen, show the header again.
 */
Test(detached, a_waiting_block_survives_a_restart)
{
    struct test_node node;
    struct test_block block;
    TAMGA_BUF payload = {0};
    struct tamga_entry_id wanted;
    size_t added;

    test_node_open(&node, test_gateway());
    numbered_record(&payload, NULL, 1);
    test_block_on(&block, node.chain, NULL, "gw-1", 0, &payload, 1, NULL);
    cr_assert_eq(add(&node, &block), TAMGA_OK);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    test_node_reopen(&node);
    cr_assert_eq(tamga_engine_wanted_payloads(node.engine, &wanted, 1), 0);
    cr_assert_eq(tamga_engine_add_headers(node.engine, &block.block.sealed, 1, LATER, &added,
                                          NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_engine_wanted_payloads(node.engine, &wanted, 1), 1);
    cr_assert_eq(give(&node, &payload), TAMGA_OK);
    cr_assert_eq(height(&node), 1);
    test_block_clear(&block);
    test_node_close(&node);
}

/*
 * Goal:   a record kept back stops nobody, whichever block came first.
 * Method: a block of two whose record never comes, against one whose record comes late.
 */
Test(detached, a_payload_kept_back_stops_nobody)
{
    for (int order = 0; order < 2; order++) {
        struct test_node node;
        struct test_block kept[2], open;
        TAMGA_BUF payload = {0};
        struct tamga_entry_id wanted[4];

        test_node_open(&node, test_gateway());
        test_block_next(&kept[0], node.chain, NULL, 0, 1);
        test_block_next(&kept[1], node.chain, &kept[0].trail, 0, 2);
        numbered_record(&payload, NULL, 3);
        test_block_on(&open, node.chain, NULL, "gw-2", 0, &payload, 1, NULL);
        if (order == 1)
            cr_assert_eq(add(&node, &open), TAMGA_OK);
        cr_assert_eq(add(&node, &kept[0]), TAMGA_OK);
        cr_assert_eq(add(&node, &kept[1]), TAMGA_OK);
        cr_assert_eq(add(&node, &open), TAMGA_OK);
        cr_assert_eq(height(&node), 0);
        /* of the kept branch the straight way's first block alone is tried */
        cr_assert_eq(tamga_engine_wanted_payloads(node.engine, wanted, 4), 2);
        cr_assert_eq(give(&node, &payload), TAMGA_OK);
        cr_assert_eq(height(&node), 1);
        cr_assert(tamga_hash_equal(&tamga_engine_tip(node.engine)->tip_id.hash,
                                   &open.id.hash));
        test_block_clear(&kept[0]);
        test_block_clear(&kept[1]);
        test_block_clear(&open);
        test_node_close(&node);
    }
}

/*
 * Goal:   nor does one at the end of a branch whose first blocks suffice.
 * Method: own chain of one; another of three, whose last record never comes.
 */
Test(detached, the_complete_part_of_a_branch_is_used)
{
    struct test_node node;
    struct test_block own, other[3];
    struct tamga_entry_id wanted[4];

    test_node_open(&node, test_gateway());
    test_block_next(&own, node.chain, NULL, 0, 1);
    for (uint64_t i = 0; i < 3; i++) {
        TAMGA_BUF payload = {0};

        test_block_next(&other[i], node.chain, i == 0 ? NULL : &other[i - 1].trail, 0, 11 + i);
        numbered_record(&payload, NULL, i == 2 ? 1 : 11 + i);
        cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_OK);
    }
    cr_assert_eq(add(&node, &own), TAMGA_OK);
    cr_assert_eq(height(&node), 1);
    for (size_t i = 3; i-- > 0;) {
        size_t added;

        for (size_t j = 0; j < 3; j++)
            cr_assert_eq(tamga_engine_add_headers(node.engine, &other[j].block.sealed, 1,
                                                  LATER, &added, NULL),
                         TAMGA_OK);
        cr_assert_eq(add(&node, &other[i]), TAMGA_OK);
    }
    cr_assert_eq(height(&node), 2);
    cr_assert(tamga_hash_equal(&tamga_engine_tip(node.engine)->tip_id.hash,
                               &other[1].id.hash));
    cr_assert_eq(tamga_engine_wanted_payloads(node.engine, wanted, 4), 1);
    test_block_clear(&own);
    for (size_t i = 0; i < 3; i++)
        test_block_clear(&other[i]);
    test_node_close(&node);
}

/*
 * Goal:   a block may lack more payloads than are asked for at once.
 * Method: 1,100 records; 1,024 are wanted, then the rest.
 */
Test(detached, more_payloads_than_one_asking)
{
    static struct tamga_buf payload[1100];
    static struct tamga_entry_id id[1100], wanted[1100];
    struct test_node node;
    struct test_block block;

    test_node_open(&node, test_gateway());
    for (uint64_t i = 0; i < 1100; i++)
        numbered_record(&payload[i], &id[i], i + 1);
    test_block_on(&block, node.chain, NULL, "gw-1", 0, payload, 1100, NULL);
    cr_assert_eq(add(&node, &block), TAMGA_OK);
    cr_assert_eq(tamga_engine_wanted_payloads(node.engine, wanted, 1100), 1024);
    for (size_t i = 0; i < 1024; i++)
        cr_assert_eq(give(&node, &payload[i]), TAMGA_OK);
    cr_assert_eq(tamga_engine_wanted_payloads(node.engine, wanted, 1100), 76);
    for (size_t i = 1024; i < 1100; i++)
        cr_assert_eq(give(&node, &payload[i]), TAMGA_OK);
    cr_assert_eq(height(&node), 1);
    for (size_t i = 0; i < 1100; i++)
        tamga_buf_clear(&payload[i]);
    test_block_clear(&block);
    test_node_close(&node);
}

/* ---- commitments ------------------------------------------------------------------ */

static void root_again(struct tamga_block *block)
{
    cr_assert_eq(tamga_block_root(&block->sealed.header.body_root, block), TAMGA_OK);
}

static void other_update(struct tamga_block *block)
{
    block->bytes.data[0] ^= 1; /* of the update key */
    root_again(block);
}

static void short_leaf(struct tamga_block *block)
{
    block->entry[0].len--;
    root_again(block);
}

static void check_commitment(void (*change)(struct tamga_block *block), bool late)
{
    struct test_node node;
    struct test_block block;
    TAMGA_BUF payload = {0};
    struct tamga_event event;

    test_node_open(&node, test_gateway());
    numbered_record(&payload, NULL, 1);
    if (!late)
        cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_OK);
    test_block_on(&block, node.chain, NULL, "gw-1", 0, &payload, 1, change);
    cr_assert_eq(add(&node, &block), TAMGA_OK);
    if (late)
        cr_assert_eq(give(&node, &payload), TAMGA_OK);
    cr_assert_eq(height(&node), 0);
    cr_assert(tamga_engine_next_event(node.engine, &event));
    cr_assert_eq(event.kind, TAMGA_EVENT_INVALID);
    cr_assert_eq(event.err, TAMGA_E_BAD_COMMITMENT);
    test_block_clear(&block);
    test_node_close(&node);
}

/*
 * Goal:   a leaf commits to its record's own update key and id, or the block is condemned.
 * Method: another update key, with the record waiting and coming late; a leaf cut short.
 */
Test(detached, wrong_commitments_condemn_a_block)
{
    check_commitment(other_update, false);
    check_commitment(other_update, true);
    check_commitment(short_leaf, false);
}

/* ---- switching -------------------------------------------------------------------- */

/*
 * Goal:   a switch gives records back and takes their places away, as with whole blocks.
 * Method: two lines of 3 and 4 blocks whose records all waited; compare with a node that
 *         saw the winner only; mine what came back.
 */
Test(detached, a_switch_gives_records_back)
{
    const unsigned mask = 1u << TAMGA_FAMILY_STATE | 1u << TAMGA_FAMILY_INDEX |
                          1u << TAMGA_FAMILY_MAP | 1u << TAMGA_FAMILY_ENTRY |
                          1u << TAMGA_FAMILY_HEIGHT;
    struct test_node node, fresh;
    struct test_block left[3], right[4];

    test_node_open(&node, test_gateway());
    test_node_open(&fresh, test_gateway());
    for (uint64_t i = 0; i < 7; i++) {
        struct test_block *block = i < 3 ? &left[i] : &right[i - 3];
        TAMGA_BUF payload = {0};

        test_block_next(block, node.chain, i == 0 || i == 3 ? NULL : &(block - 1)->trail, 0,
                        i + 1);
        numbered_record(&payload, NULL, i + 1);
        cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_OK);
        if (i >= 3)
            cr_assert_eq(test_submit(&fresh, &payload, T0), TAMGA_OK);
    }
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(add(&node, &left[i]), TAMGA_OK);
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 4);
    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(add(&node, &right[i % 4]), TAMGA_OK);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(add(&fresh, &right[i]), TAMGA_OK);
    cr_assert_eq(height(&node), 4);
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 3);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    cr_assert_eq(tamga_engine_flush(fresh.engine), TAMGA_OK);
    cr_assert(test_same_content(node.store, fresh.store, mask));
    test_node_reopen(&node);
    cr_assert_eq(test_mine(&node, NULL, "gw-2", T0 + 60000), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.entry_count, 3);
    for (size_t i = 0; i < 7; i++)
        test_block_clear(i < 3 ? &left[i] : &right[i - 3]);
    test_node_close(&node);
    test_node_close(&fresh);
}
