/*
 * The validator's room: what it signs, when it stays silent, and what it keeps of others.
 */
#include "council.h"

#include <criterion/criterion.h>

static uint64_t final_height(const struct council *council, size_t seat)
{
    return tamga_engine_final(council->seat[seat].node->engine)->height;
}

static uint64_t conflicts(const struct council *council, size_t seat)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StatusBody *body = NULL;
    TAMGA_BUF status = {0};
    struct tamga_hash id;

    cr_assert_eq(tamga_node_status(council->seat[seat].node, &status), TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&message,
                                   &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                   tamga_buf_span(&status), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_signed_open(&id, (ProtobufCMessage **)&body, message,
                                   TAMGA_DOMAIN_STATUS, &test_consortium()->id,
                                   &tamga__v1__status_body__descriptor, NULL),
                 TAMGA_OK);
    return body->conflicts;
}

/*
 * Goal:   three validators make a release final and cosign it, all see the same, and then
 *         they are silent.
 * Method: one block with a release; turns and empty blocks until nothing is due.
 */
Test(finality, three_make_a_release_final)
{
    struct council council;

    council_open(&council, 3);
    for (size_t i = 0; i < 3; i++)
        council_ready(&council, i);
    council_release(&council, 0, NULL);
    council_finish(&council);
    for (size_t i = 0; i < 3; i++) {
        uint64_t height = 0;

        cr_assert_geq(final_height(&council, i), 1, "node %zu", i);
        cr_assert_eq(tamga_checkpoint_height(&height, &council.seat[i].store->reader), TAMGA_OK);
        cr_assert_geq(height, 1);
        cr_assert_eq(conflicts(&council, i), 0);
        cr_assert_eq(council.seat[i].node->finality.word_count, 0, "none waits any more");
    }
    council_close(&council);
}

/*
 * Goal:   nothing is signed before the other peers told what they know of our votes: all of
 *         them, or after a while one of two where two of three are a quorum.
 * Method: a block; turns of node-a with no peer, with one, and with one some seconds later.
 */
Test(finality, waits_for_what_others_know)
{
    struct council council;

    council_open(&council, 3);
    council_release(&council, 0, NULL);
    for (size_t i = 0; i < 3; i++)
        council_turn(&council, 0);
    cr_assert_eq(council.seat[0].voted, 0);
    atomic_store(&council.seat[0].node->peer[1].told_finality, true);
    council_turn(&council, 0);
    cr_assert_eq(council.seat[0].voted, 0);
    council.now_ms += 5000;
    council_turn(&council, 0);
    cr_assert_eq(council.seat[0].voted, 1);
    council_close(&council);
}

/*
 * Goal:   a peer that is no validator does not count as one that told.
 * Method: three peers of one of three validators, after the time for all of them: with one
 *         that told, which may be no validator, nothing is signed; with two a vote is.
 */
Test(finality, strangers_tell_nothing)
{
    static const struct tamga_peer_addr peers[] = {{.rpc = "tcp://127.0.0.1:1"},
                                                   {.rpc = "tcp://127.0.0.1:2"},
                                                   {.rpc = "tcp://127.0.0.1:3"}};
    struct tamga_node_options options = {.name = "node-a",
                                         .chain = test_consortium(),
                                         .key = test_key("node-a"),
                                         .mine = true,
                                         .peer = peers,
                                         .peer_count = 3};
    struct council council;
    struct tamga_node *node;

    council_open(&council, 3);
    council_release(&council, 0, NULL);
    tamga_node_close(council.seat[0].node);
    options.store = council.seat[0].store;
    cr_assert_eq(tamga_node_open(&node, &options, NULL), TAMGA_OK);
    cr_assert_eq(finality_sign(node, council.now_ms), TAMGA_OK);
    atomic_store(&node->peer[0].told_finality, true);
    cr_assert_eq(finality_sign(node, council.now_ms + 5000), TAMGA_OK);
    cr_assert_eq(node->finality.vote_count, 0);
    atomic_store(&node->peer[1].told_finality, true);
    cr_assert_eq(finality_sign(node, council.now_ms + 5000), TAMGA_OK);
    cr_assert_eq(node->finality.vote_count, 1);
    council.seat[0].node = node;
    council_close(&council);
}

/*
 * Goal:   a follower, or who is no validator, never signs.
 * Method: the room of a node that does not mine, and of a gateway's key.
 */
Test(finality, who_only_follows_signs_nothing)
{
    static const struct {
        const char *name;
        bool mine;
    } cases[] = {{"node-a", false}, {"gw-1", true}, {"gw-1", false}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct council council = {0};
        struct tamga_node_options options = {.name = cases[i].name,
                                             .chain = test_consortium(),
                                             .key = test_key(cases[i].name),
                                             .mine = cases[i].mine};
        struct tamga_node *node;

        council_open(&council, 1);
        council_release(&council, 0, NULL);
        tamga_node_close(council.seat[0].node);
        options.store = council.seat[0].store;
        cr_assert_eq(tamga_node_open(&node, &options, NULL), TAMGA_OK);
        cr_assert_eq(finality_sign(node, council.now_ms), TAMGA_OK);
        cr_assert_eq(node->finality.vote_count, 0);
        tamga_node_close(node);
        council.seat[0].store->ops->close(council.seat[0].store);
    }
}

/*
 * Goal:   a vote that was flushed binds after a restart: none for the same height comes again.
 * Method: vote, close, open on the same store, peers told, turn again; then a new block.
 */
Test(finality, a_restarted_validator_does_not_vote_twice)
{
    struct council council;

    council_open(&council, 3);
    council_ready(&council, 0);
    council_release(&council, 0, NULL);
    council_turn(&council, 0);
    cr_assert_eq(council.seat[0].voted, 1);
    council_restart(&council, 0);
    council_ready(&council, 0);
    council_turn(&council, 0);
    cr_assert_eq(council.seat[0].voted, 0);
    council_release(&council, 0, NULL);
    council_turn(&council, 0);
    cr_assert_eq(council.seat[0].voted, 1);
    council_close(&council);
}

/*
 * Goal:   a validator whose store lost its vote learns it from others before it may vote,
 *         and does not contradict it.
 * Method: node-a votes; its store is replaced by an empty one, the chain is carried over
 *         and its own vote comes back as from a peer.
 */
Test(finality, a_lost_vote_is_learned_from_others)
{
    struct council council;
    TAMGA_BUF vote = {0};
    struct tamga_block block = {0};
    struct tamga_link link;

    council_open(&council, 2);
    council_ready(&council, 0);
    council_release(&council, 0, NULL);
    link = (struct tamga_link){council_point(&council, 0, 0), council_point(&council, 0, 1)};
    council_turn(&council, 0);
    cr_assert_eq(tamga_query_block(&council.seat[1].store->reader.view, &link.target.id, &block),
                 TAMGA_OK);
    tamga_node_close(council.seat[0].node);
    council.seat[0].store->ops->close(council.seat[0].store);
    cr_assert_eq(tamga_store_mem_new(&council.seat[0].store), TAMGA_OK);
    {
        struct tamga_node_options options = council.seat[1].node->options;

        options.name = "node-a";
        options.key = test_key("node-a");
        options.store = council.seat[0].store;
        cr_assert_eq(tamga_node_open(&council.seat[0].node, &options, NULL), TAMGA_OK);
    }
    cr_assert_eq(tamga_engine_add_block(council.seat[0].node->engine, &block, council.now_ms,
                                        NULL),
                 TAMGA_OK);
    council_vote(&vote, "node-a", &link);
    cr_assert_eq(council_hear_vote(&council, 0, tamga_buf_span(&vote)), TAMGA_OK);
    council_ready(&council, 0);
    council.seat[0].voted = 0;
    council_turn(&council, 0);
    cr_assert_eq(council.seat[0].voted, 0);
    tamga_block_clear(&block);
    council_close(&council);
}

/*
 * Goal:   what is badly signed is refused by name and leaves nothing behind.
 * Method: a stranger's vote, one of another chain's validator, a flipped signature, a
 *         cosignature of nobody.
 */
Test(finality, refuses_by_name)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    TAMGA_CLEANUP(tidings_clear) struct tidings tidings = {0};
    Tamga__V1__Checkpoint nobody = TAMGA__V1__CHECKPOINT__INIT;
    Tamga__V1__VoteConflict alone = TAMGA__V1__VOTE_CONFLICT__INIT;
    struct council council;
    struct tamga_link link;
    TAMGA_BUF vote = {0};

    council_open(&council, 1);
    council_release(&council, 0, NULL);
    link = (struct tamga_link){council_point(&council, 0, 0), council_point(&council, 0, 1)};
    council_vote(&vote, "node-b", &link);
    vote.data[vote.len - 1] ^= 1;
    cr_assert_eq(council_hear_vote(&council, 0, tamga_buf_span(&vote)), TAMGA_E_BAD_SIGNATURE);
    vote.data[vote.len - 1] ^= 1;
    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&message,
                                   &tamga__v1__signed__descriptor, TAMGA_WIRE_LOOSE,
                                   tamga_buf_span(&vote), NULL),
                 TAMGA_OK);
    cr_assert_eq(tidings_add_vote(&tidings, council.seat[0].node, NULL, NULL),
                 TAMGA_E_MISSING_FIELD);
    cr_assert_eq(tidings_add_checkpoint(&tidings, council.seat[0].node, &nobody, NULL),
                 TAMGA_E_MISSING_FIELD);
    cr_assert_eq(tidings_add_conflict(&tidings, council.seat[0].node, &alone, NULL),
                 TAMGA_E_MISSING_FIELD);
    alone.first = alone.second = message;
    cr_assert_eq(tidings_add_conflict(&tidings, council.seat[0].node, &alone, NULL),
                 TAMGA_E_BAD_VALUE);
    cr_assert(tidings_empty(&tidings));
    cr_assert_eq(conflicts(&council, 0), 0);
    council_close(&council);
}

/*
 * Goal:   what was taken once is not verified again; what speaks of a block that is not here
 *         is, and asks for a pull.
 * Method: a vote for a block of the chain twice; one for an unknown block twice.
 */
Test(finality, forgets_nothing_but_what_waits)
{
    const struct tamga_point nowhere = {.height = 7, .id.hash.byte = {7}};
    struct council council;
    TAMGA_BUF known = {0};
    TAMGA_BUF unknown = {0};
    struct tamga_buf *both[2] = {&known, &unknown};
    struct tamga_link link;

    council_open(&council, 1);
    council_release(&council, 0, NULL);
    link = (struct tamga_link){council_point(&council, 0, 0), council_point(&council, 0, 1)};
    council_vote(&known, "node-b", &link);
    link.target = nowhere;
    council_vote(&unknown, "node-c", &link);
    for (size_t i = 0; i < 4; i++) {
        TAMGA_CLEANUP(tidings_clear) struct tidings tidings = {0};
        TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
        bool again = i >= 2, waits = i % 2 == 1;

        cr_assert_eq(tamga_wire_unpack(&message, &tamga__v1__signed__descriptor,
                                       TAMGA_WIRE_LOOSE, tamga_buf_span(both[i % 2]), NULL),
                     TAMGA_OK);
        cr_assert_eq(tidings_add_vote(&tidings, council.seat[0].node,
                                      (const Tamga__V1__Signed *)message, NULL),
                     TAMGA_OK);
        cr_assert_eq(tidings_empty(&tidings), again && !waits, "case %zu", i);
        cr_assert_eq(tidings_run(council.seat[0].node, &tidings.letter, council.now_ms),
                     TAMGA_OK);
        cr_assert_eq(tidings.missing, waits, "case %zu", i);
    }
    council_close(&council);
}

/*
 * Goal:   two votes of one validator for one height are kept as evidence, which any other
 *         node believes; the status counts it.
 * Method: node-c votes for two blocks of height 1; node-b gets only the evidence.
 */
Test(finality, evidence_convinces_others)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *first = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *second = NULL;
    TAMGA_CLEANUP(tidings_clear) struct tidings tidings = {0};
    Tamga__V1__VoteConflict conflict = TAMGA__V1__VOTE_CONFLICT__INIT;
    struct council council;
    struct tamga_link link;
    TAMGA_BUF one = {0};
    TAMGA_BUF other = {0};

    council_open(&council, 2);
    council_release(&council, 0, NULL);
    link = (struct tamga_link){council_point(&council, 0, 0), council_point(&council, 0, 1)};
    council_vote(&one, "node-c", &link);
    link.target.id.hash.byte[0] ^= 1;
    council_vote(&other, "node-c", &link);
    cr_assert_eq(council_hear_vote(&council, 0, tamga_buf_span(&one)), TAMGA_OK);
    cr_assert_eq(conflicts(&council, 0), 0);
    cr_assert_eq(council_hear_vote(&council, 0, tamga_buf_span(&other)), TAMGA_OK);
    cr_assert_eq(conflicts(&council, 0), 1);

    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&first, &tamga__v1__signed__descriptor,
                                   TAMGA_WIRE_LOOSE, tamga_buf_span(&one), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&second, &tamga__v1__signed__descriptor,
                                   TAMGA_WIRE_LOOSE, tamga_buf_span(&other), NULL),
                 TAMGA_OK);
    conflict.first = first;
    conflict.second = second;
    cr_assert_eq(tidings_add_conflict(&tidings, council.seat[1].node, &conflict, NULL),
                 TAMGA_OK);
    cr_assert_eq(tidings_run(council.seat[1].node, &tidings.letter, council.now_ms), TAMGA_OK);
    cr_assert_eq(tamga_engine_flush(council.seat[1].node->engine), TAMGA_OK);
    cr_assert_eq(conflicts(&council, 1), 1);
    council_close(&council);
}

/*
 * Goal:   a store that fails while a vote is taken or signed is told as such, and the vote
 *         is not handed out.
 * Method: fail the read of the engine's verdict; fail the flush after signing.
 */
Test(finality, a_failing_store_is_told)
{
    struct council council;
    struct tamga_node *node;

    council_open(&council, 1);
    council_ready(&council, 0);
    council_release(&council, 0, NULL);
    node = council.seat[0].node;
    tamga_store_mem_fail_reads(council.seat[0].store, 0);
    cr_assert_eq(finality_sign(node, council.now_ms), TAMGA_E_STORE_IO);
    cr_assert_eq(node->finality.vote_count, 0);
    tamga_store_mem_fail_reads(council.seat[0].store, -1);
    council_close(&council);
}
