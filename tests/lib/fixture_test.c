/* The fixture itself: other tests trust that what it makes is good. */
#include "fixture.h"

#include <criterion/criterion.h>

/*
 * Goal:   ids are the same on every run, so that a seed replays a whole test.
 * Method: compare the network's id with the one written down here.
 */
Test(fixture, network_never_changes)
{
    char hex[TAMGA_HEX_CHARS];

    tamga_to_hex(hex, test_network()->id.hash.byte, TAMGA_HASH_BYTES);
    cr_assert_str_eq(hex, "02e810889cb1fad62db6ed30459aea3a9638587d21586ed95da0d2ba04b93f8f");
}

/*
 * Goal:   a release and a record of the fixture are good as they are.
 * Method: submit one each, mine, look at the tip.
 */
Test(fixture, releases_and_records_can_be_mined)
{
    const struct tamga_chain *chain[] = {test_consortium(), test_gateway()};

    for (size_t i = 0; i < 2; i++) {
        struct test_node node;
        TAMGA_BUF payload = {0};

        test_node_open(&node, chain[i]);
        if (i == 0)
            test_release(&payload, NULL, &(struct test_release){0});
        else
            test_record(&payload, NULL, &(struct test_record){0});
        cr_assert_eq(test_submit(&node, &payload, TEST_GENESIS_MS), TAMGA_OK);
        cr_assert_eq(test_mine(&node, NULL, i == 0 ? "node-a" : "gw-1", TEST_GENESIS_MS + 1),
                     TAMGA_OK);
        cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 1);
        test_node_close(&node);
    }
}

/*
 * Goal:   blocks made by hand are taken by an engine.
 * Method: three on each chain, every payload known beforehand.
 */
Test(fixture, blocks_made_by_hand_connect)
{
    struct test_node node;
    struct test_block block[3];

    test_node_open(&node, test_consortium());
    for (uint64_t i = 0; i < 3; i++) {
        test_block_next(&block[i], node.chain, i == 0 ? NULL : &block[i - 1].trail, 0, i + 1);
        cr_assert_eq(tamga_engine_add_block(node.engine, &block[i].block,
                                            block[i].trail.tip.time_ms, NULL),
                     TAMGA_OK);
        cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, i + 1);
    }
    for (size_t i = 0; i < 3; i++)
        test_block_clear(&block[i]);
    test_node_close(&node);
}
