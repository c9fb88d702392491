/* Validators by heights: core/chain/council.c, and how trust in them goes on: rules/council.c. */
#include <criterion/criterion.h>

#include "chain/engine.h"
#include "chain/finality.h"
#include "crypto/hash.h"
#include "decide.h"
#include "rules/proof.h"
#include "wire/wire.h"

#define NODE TAMGA__V1__ROLE__ROLE_CONSORTIUM

static const struct test_change more = {.name = "node-d",
                                        .key = "node-d",
                                        .roles = NODE,
                                        .standing = TAMGA__V1__STANDING__STANDING_ACTIVE,
                                        .seat = TAMGA__V1__SEAT__SEAT_TAKES};

/*
 * Goal:   two quorums that follow on each other, of n and n + 1 validators, have at least as
 *         many members in common as two quorums of the weaker of both sets.
 * Method: all sizes up to the greatest.
 */
Test(council, quorums_that_follow_on_each_other_meet)
{
    for (uint32_t n = 1; n < TAMGA_VALIDATORS_MAX; n++) {
        uint32_t small = (2 * n + 2) / 3, large = (2 * (n + 1) + 2) / 3;
        uint32_t meet = small + large - (n + 1);
        uint32_t within_small = 2 * small - n, within_large = 2 * large - (n + 1);

        cr_assert_geq(meet, within_small < within_large ? within_small : within_large, "%u", n);
        cr_assert_geq(3 * meet, n, "%u", n); /* more than may lie */
    }
}

/* ---- an engine whose council changes ----------------------------------------------------- */

static struct tamga_point tip_of(const struct test_node *node)
{
    const struct tamga_trail *tip = tamga_engine_tip(node->engine);

    return (struct tamga_point){tip->tip.height, tip->tip_id};
}

/* A vote for the tip from what is justified; what the maker or the engine says of it. */
static enum tamga_err vote(struct test_node *node, const char *name)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    struct tamga_link link = {*tamga_engine_justified(node->engine), tip_of(node)};
    enum tamga_err err = tamga_vote_make(&vote, node->chain, &link, test_key(name));
    bool news;

    return err == TAMGA_OK
               ? tamga_engine_add_vote(node->engine, &vote, TEST_GENESIS_MS, &news, NULL)
               : err;
}

static bool justified(const struct test_node *node)
{
    return tamga_engine_justified(node->engine)->height ==
           tamga_engine_tip(node->engine)->tip.height;
}

/*
 * Goal:   for each height the validators of that height count, and no others: a new one not
 *         before, one who left not after.
 * Method: node-d is decided on in block 4, sits from 8: votes of two are a quorum up to 7, of
 *         three from 8 on; then node-a leaves, sits until 17, and its vote is refused.
 */
Test(council, counts_by_the_height_of_the_target)
{
    struct test_change leave = {.name = "node-a",
                                .standing = TAMGA__V1__STANDING__STANDING_REMOVED};
    struct tamga_entry_id id;
    struct test_node node;
    TAMGA_BUF payload = {0};

    test_node_open(&node, test_consortium());
    cr_assert_eq(test_decide(&node, &id, &more), TAMGA_OK);
    cr_assert_eq(tamga_quorum(node.chain, 7), 2);
    cr_assert_eq(tamga_quorum(node.chain, 8), 3);
    test_pass(&node, 3);
    cr_assert_eq(vote(&node, "node-d"), TAMGA_E_NOT_VALIDATOR);
    cr_assert_eq(vote(&node, "node-a"), TAMGA_OK);
    cr_assert_eq(vote(&node, "node-b"), TAMGA_OK);
    cr_assert(justified(&node));
    test_pass(&node, 1);
    cr_assert_eq(vote(&node, "node-a"), TAMGA_OK);
    cr_assert_eq(vote(&node, "node-b"), TAMGA_OK);
    cr_assert_not(justified(&node), "two of four");
    cr_assert_eq(vote(&node, "node-d"), TAMGA_OK);
    cr_assert(justified(&node));
    cr_assert_eq(tamga_engine_final(node.engine)->height, 7);

    cr_assert_eq(test_decide(&node, &id, &leave), TAMGA_OK); /* four of six, in block 12 */
    test_approve(&payload, "node-c", &id);
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK); /* the fifth, in 13 */
    for (uint64_t height = 14; height <= 17; height++) {
        uint64_t now_ms = TEST_GENESIS_MS + height * 60000;

        test_release(&payload, NULL,
                     &(struct test_release){.model = "lock", .counter = 2000000 + height});
        cr_assert_eq(test_submit(&node, &payload, now_ms), TAMGA_OK);
        cr_assert_eq(test_mine(&node, NULL, "node-b", now_ms), TAMGA_OK);
        cr_assert_eq(vote(&node, "node-a"), height < 17 ? TAMGA_OK : TAMGA_E_NOT_VALIDATOR);
    }
    cr_assert_eq(tamga_quorum(node.chain, 16), 3);
    cr_assert_eq(tamga_quorum(node.chain, 17), 2);
    test_node_close(&node);
}

/*
 * Goal:   what is decided is reached on a chain that is idle otherwise, by empty blocks, and
 *         then it is silent again.
 * Method: decide with nothing else waiting, vote for every block by those who count: a block
 *         is due until the one before the height from which the seat holds.
 */
Test(council, a_decision_is_reached_by_empty_blocks)
{
    struct tamga_entry_id id;
    struct test_node node;

    test_node_open(&node, test_consortium());
    cr_assert_eq(test_decide(&node, &id, &more), TAMGA_OK); /* holds from 8 */
    for (unsigned blocks = 0; blocks < 20; blocks++) {
        uint64_t now_ms = tamga_engine_tip(node.engine)->tip.time_ms + 3600000;

        cr_assert_eq(vote(&node, "node-a"), TAMGA_OK);
        cr_assert_eq(vote(&node, "node-b"), TAMGA_OK);
        if (!tamga_engine_block_due(node.engine, now_ms))
            break;
        cr_assert_eq(test_mine(&node, NULL, "node-a", now_ms), TAMGA_OK);
    }
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 7);
    test_node_close(&node);
}

/*
 * Goal:   a validator states the council that the block leaves, and refuses to count who
 *         states another; before any change it states none.
 * Method: what is due before and after the decision; a word with another hash.
 */
Test(council, checkpoints_state_it)
{
    struct tamga_entry_id id;
    struct test_node node;
    struct tamga_checkpoint due;
    struct tamga_cosignature word;
    struct tamga_address address;
    bool news;

    test_node_open(&node, test_consortium());
    test_address(&address, "node-a");
    tamga_engine_may_vote(node.engine, &address);
    for (unsigned round = 0; round < 2; round++) {
        if (round == 1)
            cr_assert_eq(test_decide(&node, &id, &more), TAMGA_OK);
        for (unsigned i = 0; i < 2; i++) {
            test_pass(&node, 1);
            cr_assert_eq(vote(&node, "node-a"), TAMGA_OK);
            cr_assert_eq(vote(&node, "node-b"), TAMGA_OK);
        }
        cr_assert(tamga_engine_cosignature_due(node.engine, &due));
        cr_assert_eq(tamga_hash_is_zero(&due.council), round == 0);
    }
    cr_assert_eq(due.at.height, 7);
    due.council.byte[0] ^= 1;
    cr_assert_eq(tamga_cosignature_make(&word, node.chain, &due, test_key("node-b")), TAMGA_OK);
    cr_assert_eq(tamga_engine_add_cosignature(node.engine, &word, 0, &news, NULL),
                 TAMGA_E_CHECKPOINT_CONFLICT);
    test_node_close(&node);
}

/* ---- branches ----------------------------------------------------------------------------- */

/* Block of the best chain at a height. */
static void block_at(struct tamga_block *out, const struct test_node *node, uint64_t height)
{
    struct tamga_block_id id;

    cr_assert_eq(tamga_query_id_at(&node->store->reader.view, height, &id), TAMGA_OK);
    cr_assert_eq(tamga_query_block(&node->store->reader.view, &id, out), TAMGA_OK);
}

/* Headers of one node's blocks to another, or the blocks themselves. */
static void give(struct test_node *to, const struct test_node *from, bool bodies)
{
    uint64_t height = tamga_engine_tip(from->engine)->tip.height, now_ms = TEST_GENESIS_MS + 60000;

    for (uint64_t at = 1; at <= height; at++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
        size_t added;

        block_at(&block, from, at);
        cr_assert_eq(bodies ? tamga_engine_add_block(to->engine, &block, now_ms, NULL)
                            : tamga_engine_add_headers(to->engine, &block.sealed, 1, now_ms,
                                                       &added, NULL),
                     TAMGA_OK);
    }
    cr_assert_eq(tamga_engine_flush(to->engine), TAMGA_OK);
}

/* One of our own network each: what one knows the other does not. */
static void open_apart(struct test_node *node, struct tamga_network **network,
                       struct tamga_chain *chain)
{
    cr_assert_eq(tamga_network_decode(network, tamga_buf_span(&test_network()->bytes), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_chain_init(chain, &tamga_rules_consortium, *network), TAMGA_OK);
    test_node_open(node, chain);
}

/* What another's validators say of another's tip, told to this node. */
static enum tamga_err tell(struct test_node *to, const struct test_node *of, const char *name)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote made = {0};
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote heard = {0};
    struct tamga_link link = {{0, to->chain->genesis_id}, tip_of(of)};
    bool news;
    enum tamga_err err;

    cr_assert_eq(tamga_vote_make(&made, of->chain, &link, test_key(name)), TAMGA_OK);
    err = tamga_vote_decode(&heard, to->chain, tamga_buf_span(&made.bytes), NULL);
    return err == TAMGA_OK ? tamga_engine_add_vote(to->engine, &heard, TEST_GENESIS_MS, &news, NULL)
                           : err;
}

/*
 * Goal:   who is behind does not take two of four validators for a quorum because it knows
 *         three; a voter that it has not heard of yet is nobody's fault.
 * Method: headers of a chain that seats node-d from 8 on, and votes for 8; then the bodies.
 */
Test(council, nobodys_word_counts_before_it_is_known_whose_counts)
{
    struct tamga_network *network[2];
    struct tamga_chain chain[2];
    struct test_node there, here;
    struct tamga_entry_id id;

    open_apart(&there, &network[0], &chain[0]);
    open_apart(&here, &network[1], &chain[1]);
    cr_assert_eq(test_decide(&there, &id, &more), TAMGA_OK);
    test_pass(&there, 4);
    give(&here, &there, false);
    cr_assert_eq(tell(&here, &there, "node-a"), TAMGA_E_UNKNOWN_BLOCK);
    cr_assert_eq(tell(&here, &there, "node-b"), TAMGA_E_UNKNOWN_BLOCK);
    cr_assert_eq(tell(&here, &there, "node-d"), TAMGA_E_UNKNOWN_BLOCK);
    cr_assert_eq(tamga_engine_justified(here.engine)->height, 0);
    give(&here, &there, true);
    cr_assert_eq(tell(&here, &there, "node-a"), TAMGA_OK);
    cr_assert_eq(tell(&here, &there, "node-b"), TAMGA_OK);
    cr_assert_eq(tamga_engine_justified(here.engine)->height, 0);
    cr_assert_eq(tell(&here, &there, "node-d"), TAMGA_OK);
    cr_assert_eq(tamga_engine_justified(here.engine)->height, 8);
    test_node_close(&there);
    test_node_close(&here);
    tamga_network_free(network[0]);
    tamga_network_free(network[1]);
}

/*
 * Goal:   what a block decided goes with it, also where another block decided something else.
 * Method: one node seats node-d, the other node-e on a longer chain, and gives it to the first.
 */
Test(council, decisions_go_with_their_block)
{
    struct test_change other = more;
    struct tamga_network *network[2];
    struct tamga_chain chain[2];
    struct test_node here, there;
    struct tamga_entry_id id;
    struct tamga_address address;
    uint32_t place = 0;

    open_apart(&here, &network[0], &chain[0]);
    open_apart(&there, &network[1], &chain[1]);
    other.name = other.key = "node-e";
    cr_assert_eq(test_decide(&here, &id, &more), TAMGA_OK);
    cr_assert_eq(test_decide(&there, &id, &other), TAMGA_OK);
    test_pass(&there, 1);
    give(&here, &there, false);
    give(&here, &there, true);
    cr_assert_eq(tamga_engine_tip(here.engine)->tip.height, 5);
    test_address(&address, "node-d");
    cr_assert_eq(tamga_validator_find(&place, &chain[0], tamga_hash_span(&address.hash), 8),
                 TAMGA_E_NOT_VALIDATOR);
    test_address(&address, "node-e");
    cr_assert_eq(tamga_validator_find(&place, &chain[0], tamga_hash_span(&address.hash), 8),
                 TAMGA_OK);
    cr_assert_eq(tamga_council_size(chain[0].council, 8), 4);
    test_node_close(&here);
    test_node_close(&there);
    tamga_network_free(network[0]);
    tamga_network_free(network[1]);
}

/* ---- learning it from outside ------------------------------------------------------------ */

/* The consortium of a network of its own, so that what one knows the other does not. */
static void own_chain(struct tamga_network **network, struct tamga_chain *chain)
{
    cr_assert_eq(tamga_network_decode(network, tamga_buf_span(&test_network()->bytes), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_chain_init(chain, &tamga_rules_consortium, *network), TAMGA_OK);
}

/* What two or more of the first validators cosign at a height: `council` comes after them. */
static Tamga__V1__Checkpoint *cosigned(const struct tamga_chain *chain, uint64_t height,
                                       struct tamga_span council, const char *const *name,
                                       size_t count)
{
    struct tamga_cosignature word[4];
    struct tamga_checkpoint at = {.at.height = height, .time_ms = TEST_GENESIS_MS + height};
    Tamga__V1__Checkpoint *out = NULL;

    test_image(&at.at.id.hash, height);
    test_image(&at.state_root, height + 1000);
    if (council.len > 0)
        tamga_sha256(&at.council, council);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(tamga_cosignature_make(&word[i], chain, &at, test_key(name[i])), TAMGA_OK);
    cr_assert_eq(tamga_checkpoint_pack(&out, chain, word, count), TAMGA_OK);
    return out;
}

struct outside {
    struct tamga_network *there, *here;
    struct tamga_chain knows, trusts; /* who sits in the council, and who has to learn it */
    struct tamga_buf council;
    Tamga__V1__CouncilStep step;
};

static void outside_open(struct outside *o)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateCouncil *council = NULL;
    static const char *const first[] = {"node-a", "node-b"};
    struct tamga_entry_id id;
    struct test_node node;

    *o = (struct outside){0};
    own_chain(&o->there, &o->knows);
    own_chain(&o->here, &o->trusts);
    test_node_open(&node, &o->knows);
    cr_assert_eq(test_decide(&node, &id, &more), TAMGA_OK); /* node-d sits from 8 */
    cr_assert_eq(tamga_council_at(&council, &node.store->reader.view, 6), TAMGA_OK);
    cr_assert_eq(tamga_wire_pack(&o->council, &council->base), TAMGA_OK);
    test_node_close(&node);
    tamga__v1__council_step__init(&o->step);
    o->step.checkpoint = cosigned(&o->knows, 6, tamga_buf_span(&o->council), first, 2);
    o->step.council = tamga_wire_bytes(tamga_buf_span(&o->council));
}

static void outside_close(struct outside *o)
{
    tamga_wire_free((ProtobufCMessage *)o->step.checkpoint);
    tamga_buf_clear(&o->council);
    tamga_network_free(o->there);
    tamga_network_free(o->here);
}

/*
 * Goal:   who trusts genesis learns the validators after it from those, and then believes
 *         what the new ones cosign.
 * Method: a checkpoint by three of four, among them the new one: first a stranger's, then,
 *         after the step, believed; the step again changes nothing.
 */
Test(council, trust_goes_on_by_steps)
{
    static const char *const later[] = {"node-b", "node-c", "node-d"};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *newer = NULL;
    struct tamga_checkpoint checkpoint;
    struct outside o;

    outside_open(&o);
    newer = cosigned(&o.knows, 9, tamga_buf_span(&o.council), later, 3);
    cr_assert_eq(tamga_checkpoint_verify(&checkpoint, &o.trusts, newer, NULL, NULL),
                 TAMGA_E_NOT_VALIDATOR);
    cr_assert_eq(tamga_council_step(&checkpoint, &o.trusts, &o.step, NULL), TAMGA_OK);
    cr_assert_eq(checkpoint.at.height, 6);
    cr_assert_eq(tamga_checkpoint_verify(&checkpoint, &o.trusts, newer, NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_council_is(&o.trusts, &checkpoint, NULL), TAMGA_OK);
    cr_assert_eq(tamga_council_step(&checkpoint, &o.trusts, &o.step, NULL), TAMGA_OK);
    cr_assert_eq(tamga_council_size(o.trusts.council, 9), 4);
    outside_close(&o);
}

/*
 * Goal:   a step may come from after the change: then those count of whom one knows, and it
 *         takes a quorum of them.
 * Method: a checkpoint by two that are known and the new one; by one that is known and the
 *         new one.
 */
Test(council, trust_goes_on_from_after_the_change)
{
    static const char *const later[] = {"node-b", "node-c", "node-d"};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *enough = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *few = NULL;
    Tamga__V1__CouncilStep step;
    struct tamga_checkpoint checkpoint;
    struct outside o;

    outside_open(&o);
    step = o.step;
    step.checkpoint = few = cosigned(&o.knows, 9, tamga_buf_span(&o.council), later + 1, 2);
    cr_assert_eq(tamga_council_step(&checkpoint, &o.trusts, &step, NULL),
                 TAMGA_E_TOO_FEW_COSIGNERS);
    cr_assert_eq(tamga_council_size(o.trusts.council, 9), 3);
    step.checkpoint = enough = cosigned(&o.knows, 9, tamga_buf_span(&o.council), later, 3);
    cr_assert_eq(tamga_council_step(&checkpoint, &o.trusts, &step, NULL), TAMGA_OK);
    cr_assert_eq(checkpoint.at.height, 9);
    cr_assert_eq(tamga_council_size(o.trusts.council, 9), 4);
    outside_close(&o);
}

/*
 * Goal:   a step proves itself or is refused, and nobody is trusted on its account.
 * Method: another council than the one that was cosigned; too few cosigners; parts left out;
 *         and whoever keeps the step back is found out by the checkpoint's hash.
 */
Test(council, refuses_steps_that_prove_nothing)
{
    static const char *const one[] = {"node-a"}, *const two[] = {"node-b", "node-c"};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *few = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *plain = NULL;
    Tamga__V1__CouncilStep bad;
    struct tamga_checkpoint checkpoint;
    struct outside o;

    outside_open(&o);
    bad = o.step;
    bad.council.len--;
    cr_assert_eq(tamga_council_step(&checkpoint, &o.trusts, &bad, NULL), TAMGA_E_BAD_COUNCIL);
    bad.council.len = 0;
    cr_assert_eq(tamga_council_step(&checkpoint, &o.trusts, &bad, NULL), TAMGA_E_MISSING_FIELD);
    bad = o.step;
    bad.checkpoint = NULL;
    cr_assert_eq(tamga_council_step(&checkpoint, &o.trusts, &bad, NULL), TAMGA_E_MISSING_FIELD);
    few = cosigned(&o.knows, 6, tamga_buf_span(&o.council), one, 1);
    bad.checkpoint = few;
    cr_assert_eq(tamga_council_step(&checkpoint, &o.trusts, &bad, NULL),
                 TAMGA_E_TOO_FEW_COSIGNERS);
    plain = cosigned(&o.knows, 7, tamga_buf_span(&o.council), two, 2);
    cr_assert_eq(tamga_checkpoint_verify(&checkpoint, &o.trusts, plain, NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_council_is(&o.trusts, &checkpoint, NULL), TAMGA_E_BAD_COUNCIL);
    cr_assert_eq(tamga_council_size(o.trusts.council, 9), 3);
    outside_close(&o);
}
