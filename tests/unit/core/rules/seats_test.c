/* Validators where branches differ, or blocks are not here yet: core/chain/finality.c,
 * cosign.c. */
#include <criterion/criterion.h>

#include "chain/engine.h"
#include "chain/finality.h"
#include "chain/query.h"
#include "decide.h"

#define NODE TAMGA__V1__ROLE__ROLE_CONSORTIUM

static const struct test_change more = {.name = "node-d",
                                        .key = "node-d",
                                        .roles = NODE,
                                        .standing =
                                            TAMGA__V1__STANDING__STANDING_ACTIVE,
                                        .seat = TAMGA__V1__SEAT__SEAT_TAKES};

/* A node with a network of its own, so that what one has learned the other does not
 * know. */
struct side {
    struct tamga_network *network;
    struct tamga_chain chain;
    struct test_node node;
};

static void open_network(struct side *side)
{
    cr_assert_eq(tamga_network_decode(&side->network,
                                      tamga_buf_span(&test_network()->bytes), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_chain_init(&side->chain, &tamga_rules_consortium, side->network),
                 TAMGA_OK);
}

static void open_side(struct side *side)
{
    open_network(side);
    test_node_open(&side->node, &side->chain);
}

static void close_side(struct side *side)
{
    test_node_close(&side->node);
    tamga_network_free(side->network);
}

/* Another process on the same store. */
static void restart(struct side *side)
{
    tamga_engine_close(side->node.engine);
    tamga_network_free(side->network);
    open_network(side);
    cr_assert_eq(tamga_engine_open(&side->node.engine, &side->chain, side->node.store, NULL),
                 TAMGA_OK);
}

static void decide(struct side *side)
{
    struct tamga_entry_id id;

    cr_assert_eq(test_decide(&side->node, &id, &more), TAMGA_OK);
}

static uint64_t height_of(const struct side *side)
{
    return tamga_engine_tip(side->node.engine)->tip.height;
}

/* All blocks of one's best chain, or their headers alone. */
static void give(struct side *to, const struct side *from, bool bodies)
{
    const struct tamga_view *view = &from->node.store->reader.view;

    for (uint64_t height = 1; height <= height_of(from); height++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
        struct tamga_block_id id;
        size_t added;

        cr_assert_eq(tamga_query_id_at(view, height, &id), TAMGA_OK);
        cr_assert_eq(tamga_query_block(view, &id, &block), TAMGA_OK);
        cr_assert_eq(bodies ? tamga_engine_add_block(to->node.engine, &block,
                                                     block.sealed.header.time_ms, NULL)
                            : tamga_engine_add_headers(to->node.engine, &block.sealed,
                                                       1, block.sealed.header.time_ms,
                                                       &added, NULL),
                     TAMGA_OK);
    }
    cr_assert_eq(tamga_engine_flush(to->node.engine), TAMGA_OK);
}

/* Somebody's vote for one's tip from genesis, told to another. */
static void make_vote(struct tamga_buf *out, const struct side *side, const char *name)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    const struct tamga_trail *tip = tamga_engine_tip(side->node.engine);
    struct tamga_link link = {{0, side->chain.genesis_id},
                              {tip->tip.height, tip->tip_id}};

    cr_assert_eq(tamga_vote_make(&vote, &side->chain, &link, test_key(name)), TAMGA_OK);
    tamga_buf_move(out, &vote.bytes);
}

static enum tamga_err hear(struct side *side, const struct tamga_buf *encoded)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    bool news;
    enum tamga_err err =
        tamga_vote_decode(&vote, &side->chain, tamga_buf_span(encoded), NULL);

    return err == TAMGA_OK ? tamga_engine_add_vote(side->node.engine, &vote,
                                                   TEST_GENESIS_MS, &news, NULL)
                           : err;
}

static void vote_for(struct side *to, const struct side *tip, const char *name)
{
    TAMGA_BUF vote = {0};

    make_vote(&vote, tip, name);
    cr_assert_eq(hear(to, &vote), TAMGA_OK);
}

/*
 * Goal:   who counts is what the best chain says, also after a switch to one on which
 * as many changes were decided, but others. Method: node-d sits from 8 on one branch,
 * and from 9 on the longer one that comes.
 */
Test(seats, are_those_of_the_branch_that_was_switched_to)
{
    struct side here, there;

    open_side(&here);
    open_side(&there);
    decide(&here);
    test_pass(&here.node, 2);
    cr_assert_eq(tamga_council_size(here.chain.council, 8), 4);
    test_pass(&there.node, 1);
    decide(&there);
    test_pass(&there.node, 2);
    give(&here, &there, false);
    give(&here, &there, true);
    cr_assert_eq(height_of(&here), 7);
    cr_assert_eq(tamga_council_size(here.chain.council, 8), 3);
    cr_assert_eq(tamga_council_size(here.chain.council, 9), 4);
    close_side(&here);
    close_side(&there);
}

/*
 * Goal:   a store with votes of a seat that a switch took away opens again.
 * Method: node-d votes on the branch that has it; another one without it takes over.
 */
Test(seats, that_are_gone_do_no_harm_to_a_store)
{
    struct side here, there;

    open_side(&here);
    open_side(&there);
    decide(&here);
    test_pass(&here.node, 4);
    vote_for(&here, &here, "node-d");
    test_pass(&there.node, 12);
    give(&here, &there, false);
    give(&here, &there, true);
    cr_assert_eq(height_of(&here), 12);
    cr_assert_eq(tamga_council_size(here.chain.council, 8), 3);
    restart(&here);
    cr_assert_eq(height_of(&here), 12);
    close_side(&here);
    close_side(&there);
}

/*
 * Goal:   what a member said from one seat binds it in another one.
 * Method: node-d's votes for the blocks 10 of two branches, on which its seats begin at
 *         different heights.
 */
Test(seats, of_one_member_are_one_voter)
{
    struct side here, there;
    TAMGA_BUF vote = {0};

    open_side(&here);
    open_side(&there);
    decide(&here);
    test_pass(&here.node, 6);
    vote_for(&here, &here, "node-d");
    test_pass(&there.node, 1);
    decide(&there);
    test_pass(&there.node, 5);
    cr_assert_eq(height_of(&there), 10);
    make_vote(&vote, &there, "node-d");
    test_pass(&there.node, 2);
    give(&here, &there, false);
    give(&here, &there, true);
    cr_assert_eq(height_of(&here), 12);
    cr_assert_eq(hear(&here, &vote), TAMGA_E_VOTE_TWICE);
    close_side(&here);
    close_side(&there);
}

/*
 * Goal:   a node on a branch with more work is brought to one that is justified, though
 *         validators were decided on there, by votes of those whom it knows.
 * Method: headers of the shorter branch, and the votes of two of genesis' three for its block 9.
 */
Test(seats, of_a_branch_with_less_work_are_those_that_are_known)
{
    struct side here, there;

    open_side(&here);
    open_side(&there);
    test_pass(&here.node, 12);
    decide(&there);
    test_pass(&there.node, 5);
    give(&here, &there, false);
    vote_for(&here, &there, "node-a");
    vote_for(&here, &there, "node-b");
    cr_assert_eq(tamga_engine_justified(here.node.engine)->height, 9);
    give(&here, &there, true);
    cr_assert_eq(height_of(&here), 9);
    close_side(&here);
    close_side(&there);
}
