/*
 * FinalityService and the locator of GetHeaders, asked over a real link: every answer, every
 * refusal by name, and proofs that the verifier believes.
 */
#include "council.h"

#include <criterion/criterion.h>

#include "chain/state_map.h"
#include "node/finality_service.h"
#include "node/release_proof.h"
#include "rules/proof.h"

struct served {
    struct council council;
    struct tamga_chain_service chain;
    struct tamga_finality_service finality;
    struct tamga_rpc_server *server;
    struct tamga_channel *channel;
};

static void open_served(struct served *served, size_t validators)
{
    const struct tamga_rpc_server_options options = {.listen = "tcp://127.0.0.1:0",
                                                     .threads = 2,
                                                     .contexts = 8,
                                                     .per_pipe_max = 8,
                                                     .pipes_max = 8,
                                                     .send_timeout_ms = 5000};

    council_open(&served->council, validators);
    tamga_chain_service_init(&served->chain, &served->council.seat[0].node, 1);
    tamga_finality_service_init(&served->finality, &served->council.seat[0].node, 1);
    cr_assert_eq(tamga_rpc_server_open(&served->server, &options, NULL), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_add(served->server, &served->chain.service.base), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_add(served->server, &served->finality.service.base),
                 TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_start(served->server), TAMGA_OK);
    cr_assert_eq(tamga_channel_open(&served->channel, tamga_rpc_server_addr(served->server),
                                    NULL),
                 TAMGA_OK);
}

static void close_served(struct served *served)
{
    tamga_channel_close(served->channel);
    tamga_rpc_server_stop(served->server);
    tamga_rpc_server_close(served->server);
    council_close(&served->council);
}

static void all_ready(struct served *served)
{
    for (size_t i = 0; i < served->council.count; i++)
        council_ready(&served->council, i);
}

#define REPLY(name, served)                                                              \
    TAMGA_CLEANUP(tamga_reply_clear)                                                     \
    struct tamga_reply name = {.channel = (served)->channel, .deadline_ms = 5000}

#define ASK(reply, method, Method, request)                                              \
    tamga__v1__finality_service__##method(                                               \
        tamga_reply_service(&(reply), &tamga__v1__finality_service__descriptor),         \
        &(request), (Tamga__V1__##Method##Response_Closure)tamga_reply_take, &(reply))

static ProtobufCBinaryData bytes_of(const struct tamga_hash *hash)
{
    return tamga_wire_bytes(tamga_hash_span(hash));
}

/*
 * Goal:   GetFinality shows votes above the height asked, cosignatures that wait, evidence,
 *         and the newest checkpoint.
 * Method: a vote of node-a and a contradiction of node-c before there is a quorum; then a
 *         release made final by all.
 */
Test(finality_service, shows_what_is_known)
{
    const struct tamga_chain *chain = test_consortium();
    struct served served;
    struct tamga_link link;
    TAMGA_BUF vote = {0};
    Tamga__V1__GetFinalityRequest request = TAMGA__V1__GET_FINALITY_REQUEST__INIT;
    const Tamga__V1__GetFinalityResponse *response;

    request.chain = bytes_of(&chain->id.hash);
    open_served(&served, 3);
    council_release(&served.council, 0, NULL);
    link = (struct tamga_link){council_point(&served.council, 0, 0),
                               council_point(&served.council, 0, 1)};
    for (int i = 0; i < 2; i++) {
        link.target.id.hash.byte[0] ^= (uint8_t)i;
        council_vote(&vote, "node-c", &link);
        cr_assert_eq(council_hear_vote(&served.council, 0, tamga_buf_span(&vote)), TAMGA_OK);
    }
    {
        REPLY(reply, &served);
        ASK(reply, get_finality, GetFinality, request);
        cr_assert_eq(reply.err, TAMGA_OK);
        response = (const Tamga__V1__GetFinalityResponse *)reply.message;
        cr_assert_null(response->checkpoint);
        cr_assert_eq(response->n_votes, 1);
        cr_assert_eq(response->n_conflicts, 1);
        cr_assert_eq(response->n_partial, 0);
    }
    {
        REPLY(reply, &served);
        request.above = 1;
        ASK(reply, get_finality, GetFinality, request);
        cr_assert_eq(reply.err, TAMGA_OK);
        response = (const Tamga__V1__GetFinalityResponse *)reply.message;
        cr_assert_eq(response->n_votes, 0);
        cr_assert_eq(response->n_conflicts, 1);
    }
    all_ready(&served);
    council_finish(&served.council);
    {
        struct tamga_checkpoint checkpoint;
        REPLY(reply, &served);
        ASK(reply, get_finality, GetFinality, request);
        cr_assert_eq(reply.err, TAMGA_OK);
        response = (const Tamga__V1__GetFinalityResponse *)reply.message;
        cr_assert_eq(tamga_checkpoint_verify(&checkpoint, chain, response->checkpoint, NULL,
                                             NULL),
                     TAMGA_OK);
        cr_assert_geq(checkpoint.at.height, 1);
    }
    close_served(&served);
}

/*
 * Goal:   a cosignature that waits for a quorum is shown as a checkpoint of its own.
 * Method: only node-a hears the votes of all and cosigns; nobody else does.
 */
Test(finality_service, shows_cosignatures_that_wait)
{
    const struct tamga_chain *chain = test_consortium();
    struct served served;
    Tamga__V1__GetFinalityRequest request = TAMGA__V1__GET_FINALITY_REQUEST__INIT;
    const Tamga__V1__GetFinalityResponse *response;
    struct tamga_cosignature word[TAMGA_VALIDATORS_MAX];
    struct tamga_checkpoint checkpoint;
    size_t count = 0;
    TAMGA_BUF vote = {0};

    request.chain = bytes_of(&chain->id.hash);
    open_served(&served, 1);
    council_ready(&served.council, 0);
    council_release(&served.council, 0, NULL);
    for (uint64_t height = 1; height <= 2; height++) {
        struct tamga_link link = {council_point(&served.council, 0, height - 1),
                                  council_point(&served.council, 0, height)};

        council_turn(&served.council, 0);
        council_vote(&vote, "node-b", &link);
        cr_assert_eq(council_hear_vote(&served.council, 0, tamga_buf_span(&vote)), TAMGA_OK);
        if (height == 1)
            cr_assert(council_mine(&served.council, 0));
    }
    council_turn(&served.council, 0);
    cr_assert_eq(served.council.seat[0].cosigned, 1);
    REPLY(reply, &served);
    ASK(reply, get_finality, GetFinality, request);
    cr_assert_eq(reply.err, TAMGA_OK);
    response = (const Tamga__V1__GetFinalityResponse *)reply.message;
    cr_assert_null(response->checkpoint);
    cr_assert_eq(response->n_partial, 1);
    cr_assert_eq(tamga_checkpoint_open(&checkpoint, word, &count, chain, response->partial[0],
                                       NULL),
                 TAMGA_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(checkpoint.at.height, 1);
    close_served(&served);
}

/*
 * Goal:   without a checkpoint, a checkpoint is NOT_FOUND and proofs are NOT_READY; another
 *         chain is WRONG_CHAIN, a short key BAD_LENGTH.
 * Method: ask a node whose release is in a block that nobody voted for.
 */
Test(finality_service, refuses_by_name)
{
    struct served served;
    struct tamga_entry_id id;
    Tamga__V1__GetCheckpointRequest checkpoint = TAMGA__V1__GET_CHECKPOINT_REQUEST__INIT;
    Tamga__V1__GetStateProofRequest state = TAMGA__V1__GET_STATE_PROOF_REQUEST__INIT;
    Tamga__V1__GetEntryProofRequest entry = TAMGA__V1__GET_ENTRY_PROOF_REQUEST__INIT;
    struct tamga_hash nobody = {.byte = {9}};

    open_served(&served, 1);
    council_release(&served.council, 0, &id);
    checkpoint.chain = state.chain = entry.chain = bytes_of(&test_consortium()->id.hash);
    state.key = bytes_of(&nobody);
    entry.id = bytes_of(&id.hash);
    {
        REPLY(reply, &served);
        ASK(reply, get_checkpoint, GetCheckpoint, checkpoint);
        cr_assert_eq(reply.err, TAMGA_E_NOT_FOUND);
    }
    {
        REPLY(reply, &served);
        ASK(reply, get_state_proof, GetStateProof, state);
        cr_assert_eq(reply.err, TAMGA_E_NOT_READY);
    }
    {
        REPLY(reply, &served);
        ASK(reply, get_entry_proof, GetEntryProof, entry);
        cr_assert_eq(reply.err, TAMGA_E_NOT_READY);
    }
    {
        REPLY(reply, &served);
        entry.id = bytes_of(&nobody);
        ASK(reply, get_entry_proof, GetEntryProof, entry);
        cr_assert_eq(reply.err, TAMGA_E_NOT_FOUND);
    }
    {
        REPLY(reply, &served);
        entry.chain = bytes_of(&nobody);
        ASK(reply, get_entry_proof, GetEntryProof, entry);
        cr_assert_eq(reply.err, TAMGA_E_WRONG_CHAIN);
    }
    {
        REPLY(reply, &served);
        state.key.len = 0;
        ASK(reply, get_state_proof, GetStateProof, state);
        cr_assert_eq(reply.err, TAMGA_E_BAD_LENGTH);
    }
    close_served(&served);
}

static void check_state(struct served *served, const struct tamga_hash *key, bool present)
{
    Tamga__V1__GetStateProofRequest request = TAMGA__V1__GET_STATE_PROOF_REQUEST__INIT;
    const Tamga__V1__GetStateProofResponse *response;
    struct tamga_checkpoint checkpoint;
    struct tamga_span value;
    REPLY(reply, served);

    request.chain = bytes_of(&test_consortium()->id.hash);
    request.key = bytes_of(key);
    ASK(reply, get_state_proof, GetStateProof, request);
    cr_assert_eq(reply.err, TAMGA_OK, "%s", tamga_err_name(reply.err));
    response = (const Tamga__V1__GetStateProofResponse *)reply.message;
    cr_assert_eq(tamga_checkpoint_verify(&checkpoint, test_consortium(), response->checkpoint,
                                         NULL, NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_state_proof_check(&value, &checkpoint.state_root, key, response->proof,
                                         NULL),
                 TAMGA_OK);
    cr_assert_eq(value.len > 0, present);
}

/*
 * Goal:   proofs of the state hold for keys that are there and keys that are not, also after
 *         a restart, and while newer entries are not final.
 * Method: a final release; ask; restart, ask; one more release without votes, ask: the proof
 *         is of the older state.
 */
Test(finality_service, proves_the_state_at_the_checkpoint)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct tamga_release_proof proof = {0}; /* cleared before its node is closed */
    struct served served;
    struct tamga_entry_id id;
    struct tamga_checkpoint checkpoint;
    bool withdrawn;
    struct tamga_hash latest, none;

    tamga_key_latest(&latest, "acme", "cam");
    tamga_key_latest(&none, "acme", "lock");
    open_served(&served, 3);
    all_ready(&served);
    council_release(&served.council, 0, &id);
    council_finish(&served.council);
    check_state(&served, &latest, true);
    check_state(&served, &none, false);
    council_release(&served.council, 0, NULL);
    check_state(&served, &latest, true);
    cr_assert_eq(tamga_release_proof_make(&proof, served.council.seat[0].node, "acme", "cam"),
                 TAMGA_OK);
    cr_assert_eq(tamga_release_proof_check(&item, &withdrawn, &checkpoint, test_consortium(),
                                           &proof.message, "acme", "cam", NULL, NULL),
                 TAMGA_OK);
    cr_assert(tamga_hash_equal(&item.id.hash, &id.hash), "the one that is final");
    cr_assert_eq(tamga_release_proof_make(&proof, served.council.seat[0].node, "acme", "lock"),
                 TAMGA_OK);
    cr_assert_null(proof.transaction);
    cr_assert_eq(tamga_release_proof_check(&item, &withdrawn, &checkpoint, test_consortium(),
                                           &proof.message, "acme", "lock", NULL, NULL),
                 TAMGA_OK);
    cr_assert_null(item.message);
    tamga_release_proof_clear(&proof);
    close_served(&served);
}

/*
 * Goal:   after a restart an idle chain proves its state again; where the state has moved on
 *         since the checkpoint, NOT_READY says so, until the next one.
 * Method: restart over a final tip; restart over a release that is not final; make it final.
 */
Test(finality_service, proves_again_after_a_restart)
{
    struct council council;
    struct tamga_proof_reader *reader = NULL;

    council_open(&council, 3);
    for (size_t i = 0; i < 3; i++)
        council_ready(&council, i);
    council_release(&council, 0, NULL);
    council_finish(&council);
    council_restart(&council, 0);
    cr_assert_eq(tamga_proof_reader_open(&reader, council.seat[0].node), TAMGA_OK);
    tamga_proof_reader_close(&reader);
    council_release(&council, 0, NULL);
    council_restart(&council, 0);
    cr_assert_eq(tamga_proof_reader_open(&reader, council.seat[0].node), TAMGA_E_NOT_READY);
    council_ready(&council, 0);
    council_finish(&council);
    cr_assert_eq(tamga_proof_reader_open(&reader, council.seat[0].node), TAMGA_OK);
    tamga_proof_reader_close(&reader);
    council_close(&council);
}

/*
 * Goal:   a reader in use outlives newer checkpoints, and readings of it do not change.
 * Method: hold one, make more releases final than snapshots are kept, read it again.
 */
Test(finality_service, a_reader_in_use_stays)
{
    struct council council;
    struct tamga_proof_reader *held = NULL, *newest = NULL;
    struct tamga_hash key;
    TAMGA_BUF before = {0};
    TAMGA_BUF after = {0};

    tamga_key_latest(&key, "acme", "cam");
    council_open(&council, 3);
    for (size_t i = 0; i < 3; i++)
        council_ready(&council, i);
    council_release(&council, 0, NULL);
    council_finish(&council);
    cr_assert_eq(tamga_proof_reader_open(&held, council.seat[0].node), TAMGA_OK);
    cr_assert_eq(tamga_view_get(&held->reader->view, TAMGA_FAMILY_STATE, tamga_hash_span(&key),
                                &before),
                 TAMGA_OK);
    for (size_t i = 0; i < SNAPSHOTS_MAX + 2; i++) {
        council_release(&council, 0, NULL);
        council_settle(&council);
        cr_assert_leq(council.seat[0].node->proofs.recent_count, SNAPSHOTS_MAX);
    }
    council_finish(&council);
    cr_assert_eq(tamga_proof_reader_open(&newest, council.seat[0].node), TAMGA_OK);
    cr_assert_gt(newest->checkpoint.at.height, held->checkpoint.at.height);
    cr_assert_eq(tamga_view_get(&held->reader->view, TAMGA_FAMILY_STATE, tamga_hash_span(&key),
                                &after),
                 TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_buf_span(&before), tamga_buf_span(&after)));
    tamga_proof_reader_close(&held);
    tamga_proof_reader_close(&newest);
    council_close(&council);
}

/*
 * Goal:   snapshots of tips that never get a checkpoint are bounded; the oldest goes.
 * Method: many blocks that nobody votes for.
 */
Test(finality_service, snapshots_are_bounded)
{
    struct council council;

    council_open(&council, 1);
    for (size_t i = 0; i < 2 * SNAPSHOTS_MAX; i++) {
        council_release(&council, 0, NULL);
        cr_assert_leq(council.seat[0].node->proofs.recent_count, SNAPSHOTS_MAX);
    }
    cr_assert_eq(council.seat[0].node->proofs.recent_count, SNAPSHOTS_MAX);
    council_close(&council);
}

/*
 * Goal:   the proof of an entry below the checkpoint is believed, with as many headers as
 *         there are blocks between; one that waits is NOT_READY.
 * Method: three releases, then finality; each one's proof; one more that only waits.
 */
Test(finality_service, proves_entries)
{
    struct served served;
    struct tamga_entry_id id[3];
    Tamga__V1__GetEntryProofRequest request = TAMGA__V1__GET_ENTRY_PROOF_REQUEST__INIT;
    struct test_node node;
    struct test_release waiting = {.model = "lock", .time_ms = TEST_GENESIS_MS};
    TAMGA_BUF payload = {0};

    open_served(&served, 3);
    for (size_t i = 0; i < 3; i++)
        council_release(&served.council, 0, &id[i]);
    all_ready(&served);
    council_finish(&served.council);
    request.chain = bytes_of(&test_consortium()->id.hash);
    for (size_t i = 0; i < 3; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
        struct tamga_checkpoint checkpoint;
        struct tamga_header header;
        const Tamga__V1__GetEntryProofResponse *response;
        REPLY(reply, &served);

        request.id = bytes_of(&id[i].hash);
        ASK(reply, get_entry_proof, GetEntryProof, request);
        cr_assert_eq(reply.err, TAMGA_OK, "%s %s", tamga_err_name(reply.err),
                     reply.detail.text);
        response = (const Tamga__V1__GetEntryProofResponse *)reply.message;
        cr_assert_eq(tamga_entry_proof_check(&item, &header, &checkpoint, test_consortium(),
                                             response->proof, NULL, NULL),
                     TAMGA_OK);
        cr_assert(tamga_hash_equal(&item.id.hash, &id[i].hash));
        cr_assert_eq(header.height, i + 1);
        cr_assert_eq(response->proof->n_headers, checkpoint.at.height - header.height);
    }
    node = (struct test_node){test_consortium(), served.council.seat[0].store,
                              served.council.seat[0].node->engine};
    test_release(&payload, &id[0], &waiting);
    cr_assert_eq(test_submit(&node, &payload, served.council.now_ms), TAMGA_OK);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    REPLY(reply, &served);
    request.id = bytes_of(&id[0].hash);
    ASK(reply, get_entry_proof, GetEntryProof, request);
    cr_assert_eq(reply.err, TAMGA_E_NOT_READY);
    close_served(&served);
}

/* One row, past the engine. */
static void put_row(struct served *served, enum tamga_family family, uint64_t height,
                    struct tamga_span value)
{
    struct tamga_store *store = served->council.seat[0].store;
    uint8_t key[8] = {0};
    struct tamga_write write = {
        .family = family, .key = tamga_span(key, sizeof key), .value = value};

    tamga_height_key(key, height);
    cr_assert_eq(store->ops->write(store, &write, 1, true), TAMGA_OK);
}

/*
 * Goal:   an answer has at most 4,096 votes and 2 MiB of them, the lowest heights first.
 * Method: more rows than that in the store, small ones and then large ones.
 */
Test(finality_service, bounds_an_answer)
{
    static const struct {
        size_t body_bytes, rows;
    } cases[] = {{100, PULL_VOTES_MAX + 10}, {4000, 700}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Tamga__V1__GetFinalityRequest request = TAMGA__V1__GET_FINALITY_REQUEST__INIT;
        Tamga__V1__Signed message = TAMGA__V1__SIGNED__INIT;
        const Tamga__V1__GetFinalityResponse *response;
        struct served served;
        size_t expected, each;
        uint8_t body[4000];
        TAMGA_BUF row = {0};

        memset(body, 7, sizeof body);
        open_served(&served, 1);
        message.body = (ProtobufCBinaryData){.len = cases[i].body_bytes, .data = body};
        cr_assert_eq(tamga_wire_pack(&row, &message.base), TAMGA_OK);
        for (size_t j = 0; j < cases[i].rows; j++)
            put_row(&served, TAMGA_FAMILY_VOTE, 1 + j, tamga_buf_span(&row));
        each = row.len;
        expected = PULL_BYTES / each < PULL_VOTES_MAX ? PULL_BYTES / each : PULL_VOTES_MAX;
        cr_assert_lt(expected, cases[i].rows);
        request.chain = bytes_of(&test_consortium()->id.hash);
        REPLY(reply, &served);
        ASK(reply, get_finality, GetFinality, request);
        cr_assert_eq(reply.err, TAMGA_OK, "%s", tamga_err_name(reply.err));
        response = (const Tamga__V1__GetFinalityResponse *)reply.message;
        cr_assert_eq(response->n_votes, expected);
        close_served(&served);
    }
}

/*
 * Goal:   a checkpoint more than 4,096 blocks above an entry is NOT_FOUND with the reason,
 *         one whose block is not of the best chain NOT_READY.
 * Method: a checkpoint far above, past the engine; its block indexed, or not.
 */
Test(finality_service, an_entry_far_below_its_checkpoint)
{
    struct served served;
    struct tamga_entry_id id;
    struct tamga_checkpoint checkpoint = {.at = {.height = 1 + 4096 + 1}};
    Tamga__V1__GetEntryProofRequest request = TAMGA__V1__GET_ENTRY_PROOF_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    struct tamga_cosignature word;
    TAMGA_BUF row = {0};

    open_served(&served, 1);
    council_release(&served.council, 0, &id);
    checkpoint.at.id.hash.byte[0] = 1;
    checkpoint.state_root.byte[0] = 1;
    checkpoint.time_ms = TEST_GENESIS_MS;
    cr_assert_eq(tamga_cosignature_make(&word, test_consortium(), &checkpoint,
                                        test_key("node-a")),
                 TAMGA_OK);
    cr_assert_eq(tamga_checkpoint_pack(&message, test_consortium(), &word, 1), TAMGA_OK);
    cr_assert_eq(tamga_wire_pack(&row, &message->base), TAMGA_OK);
    put_row(&served, TAMGA_FAMILY_CHECKPOINT, checkpoint.at.height, tamga_buf_span(&row));
    request.chain = bytes_of(&test_consortium()->id.hash);
    request.id = bytes_of(&id.hash);
    {
        REPLY(reply, &served);
        ASK(reply, get_entry_proof, GetEntryProof, request);
        cr_assert_eq(reply.err, TAMGA_E_NOT_READY);
    }
    put_row(&served, TAMGA_FAMILY_HEIGHT, checkpoint.at.height,
            tamga_hash_span(&checkpoint.at.id.hash));
    {
        REPLY(reply, &served);
        ASK(reply, get_entry_proof, GetEntryProof, request);
        cr_assert_eq(reply.err, TAMGA_E_NOT_FOUND);
        cr_assert_not_null(strstr(reply.detail.text, "4096"), "%s", reply.detail.text);
    }
    close_served(&served);
}

static enum tamga_err ask_headers(struct served *served, const struct tamga_block_id *id,
                                  size_t count, size_t *got)
{
    Tamga__V1__GetHeadersRequest request = TAMGA__V1__GET_HEADERS_REQUEST__INIT;
    ProtobufCBinaryData locator[TAMGA_LOCATOR_MAX];
    REPLY(reply, served);

    for (size_t i = 0; i < count; i++)
        locator[i] = bytes_of(&id[i].hash);
    request.chain = bytes_of(&test_consortium()->id.hash);
    request.n_locator = count;
    request.locator = locator;
    request.count_max = 10;
    tamga__v1__chain_service__get_headers(
        tamga_reply_service(&reply, &tamga__v1__chain_service__descriptor), &request,
        (Tamga__V1__GetHeadersResponse_Closure)tamga_reply_take, &reply);
    if (reply.err == TAMGA_OK)
        *got = ((const Tamga__V1__GetHeadersResponse *)reply.message)->n_headers;
    return reply.err;
}

/*
 * Goal:   a locator of nonsense is UNKNOWN_LOCATOR, an empty one BAD_VALUE; one known id
 *         among unknown ones is enough, genesis as well as a block.
 * Method: two blocks; locators of 1 and of 64 ids.
 */
Test(chain_service, refuses_locators_of_nonsense)
{
    struct tamga_block_id id[TAMGA_LOCATOR_MAX];
    struct served served;
    size_t got = 0;

    open_served(&served, 1);
    council_release(&served.council, 0, NULL);
    council_release(&served.council, 0, NULL);
    for (size_t i = 0; i < TAMGA_LOCATOR_MAX; i++)
        id[i].hash = (struct tamga_hash){.byte = {1, (uint8_t)i}};
    cr_assert_eq(ask_headers(&served, id, 1, &got), TAMGA_E_UNKNOWN_LOCATOR);
    cr_assert_eq(ask_headers(&served, id, TAMGA_LOCATOR_MAX, &got), TAMGA_E_UNKNOWN_LOCATOR);
    cr_assert_eq(ask_headers(&served, id, 0, &got), TAMGA_E_BAD_VALUE);
    id[TAMGA_LOCATOR_MAX - 1] = test_consortium()->genesis_id;
    cr_assert_eq(ask_headers(&served, id, TAMGA_LOCATOR_MAX, &got), TAMGA_OK);
    cr_assert_eq(got, 2);
    id[7] = council_point(&served.council, 0, 1).id;
    cr_assert_eq(ask_headers(&served, id, TAMGA_LOCATOR_MAX, &got), TAMGA_OK);
    cr_assert_eq(got, 1);
    close_served(&served);
}
