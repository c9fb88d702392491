/*
 * Pulling finality from a peer: what a good one shows moves us on, what a bad one shows is
 * refused by name and leaves us as we were, and neither can hold us.
 */
#include "council.h"

#include <criterion/criterion.h>
#include <stdatomic.h>

#include "node/finality_service.h"

static const struct tamga_rpc_server_options listening = {.listen = "tcp://127.0.0.1:0",
                                                          .threads = 2,
                                                          .contexts = 8,
                                                          .per_pipe_max = 8,
                                                          .pipes_max = 8,
                                                          .send_timeout_ms = 5000};

/* A peer and a follower of the same chain, whose loop runs. */
struct link {
    struct tamga_rpc_server *server;
    struct tamga_store *store;
    struct tamga_node *follower;
    struct peer peer;
};

static void open_link(struct link *link, ProtobufCService *service,
                      const struct tamga_block *block, size_t count)
{
    struct tamga_node_options options = {
        .name = "gw-1", .chain = test_consortium(), .key = test_key("gw-1")};

    *link = (struct link){0};
    cr_assert_eq(tamga_rpc_server_open(&link->server, &listening, NULL), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_add(link->server, service), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_start(link->server), TAMGA_OK);
    cr_assert_eq(tamga_store_mem_new(&link->store), TAMGA_OK);
    options.store = link->store;
    cr_assert_eq(tamga_node_open(&link->follower, &options, NULL), TAMGA_OK);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(tamga_engine_add_block(link->follower->engine, &block[i],
                                            block[i].sealed.header.time_ms, NULL),
                     TAMGA_OK);
    cr_assert_eq(tamga_node_start(link->follower), TAMGA_OK);
    link->peer.node = link->follower;
    cr_assert_eq(tamga_channel_open(&link->peer.channel, tamga_rpc_server_addr(link->server),
                                    NULL),
                 TAMGA_OK);
}

static void close_link(struct link *link)
{
    tamga_channel_close(link->peer.channel);
    tamga_node_stop(link->follower);
    tamga_node_close(link->follower);
    link->store->ops->close(link->store);
    tamga_rpc_server_stop(link->server);
    tamga_rpc_server_close(link->server);
}

static uint64_t checkpoint_height(const struct tamga_store *store)
{
    uint64_t height = 0;

    cr_assert_eq(tamga_checkpoint_height(&height, &store->reader), TAMGA_OK);
    return height;
}

/* All blocks of a seat's best chain. */
static size_t copy_blocks(struct tamga_block out[16], const struct council *council, size_t seat)
{
    const struct tamga_view *view = &council->seat[seat].store->reader.view;
    struct tamga_block_id id;
    size_t count = 0;

    memset(out, 0, 16 * sizeof *out);
    while (tamga_query_id_at(view, count + 1, &id) == TAMGA_OK) {
        cr_assert_lt(count, 16);
        cr_assert_eq(tamga_query_block(view, &id, &out[count++]), TAMGA_OK);
    }
    return count;
}

/*
 * Goal:   one pull brings a follower that has the blocks to the same final block; without
 *         the blocks it is no fault, and nothing changes; asking twice changes nothing.
 * Method: three validators finish a release; two followers, with blocks and without.
 */
Test(finality_pull, brings_what_is_final)
{
    struct council council;
    struct tamga_finality_service service;
    struct tamga_block block[16];
    size_t count;

    council_open(&council, 3);
    for (size_t i = 0; i < 3; i++)
        council_ready(&council, i);
    council_release(&council, 0, NULL);
    council_finish(&council);
    count = copy_blocks(block, &council, 0);
    tamga_finality_service_init(&service, &council.seat[0].node, 1);
    for (size_t with = 0; with < 2; with++) {
        struct link link;
        uint64_t expected = with ? checkpoint_height(council.seat[0].store) : 0;

        open_link(&link, &service.service.base, block, with ? count : 0);
        for (int again = 0; again < 2; again++) {
            struct tamga_detail detail = {{0}};

            cr_assert_eq(finality_pull(&link.peer, &detail), TAMGA_OK, "%s", detail.text);
            cr_assert(atomic_load(&link.peer.told_finality));
            cr_assert_eq(checkpoint_height(link.store), expected);
        }
        close_link(&link);
    }
    cr_assert_gt(checkpoint_height(council.seat[0].store), 0);
    for (size_t i = 0; i < count; i++)
        tamga_block_clear(&block[i]);
    council_close(&council);
}

/* ---- peers that lie -------------------------------------------------------------------- */

enum lie {
    LIE_VOTE,       /* a vote with a wrong signature */
    LIE_STRANGER,   /* a vote by nobody */
    LIE_EVIDENCE,   /* two votes that agree */
    LIE_CHECKPOINT, /* without cosignatures */
    LIE_ENDLESS,    /* the same full page whatever is asked */
};

static struct {
    Tamga__V1__FinalityService_Service service;
    enum lie lie;
    Tamga__V1__Signed *vote;
    atomic_uint asked;
} liar;

static void liar_get_finality(Tamga__V1__FinalityService_Service *service,
                              const Tamga__V1__GetFinalityRequest *input,
                              Tamga__V1__GetFinalityResponse_Closure closure, void *call)
{
    static Tamga__V1__Signed *page[PULL_VOTES_MAX];
    Tamga__V1__GetFinalityResponse response = TAMGA__V1__GET_FINALITY_RESPONSE__INIT;
    Tamga__V1__VoteConflict conflict = TAMGA__V1__VOTE_CONFLICT__INIT, *one = &conflict;
    Tamga__V1__Checkpoint checkpoint = TAMGA__V1__CHECKPOINT__INIT;
    uint8_t body[] = {8, 1};

    (void)service;
    (void)input;
    atomic_fetch_add(&liar.asked, 1);
    for (size_t i = 0; i < PULL_VOTES_MAX; i++)
        page[i] = liar.vote;
    response.votes = page;
    switch (liar.lie) {
    case LIE_VOTE:
    case LIE_STRANGER:
        response.n_votes = 1;
        break;
    case LIE_EVIDENCE:
        conflict.first = conflict.second = liar.vote;
        response.n_conflicts = 1;
        response.conflicts = &one;
        break;
    case LIE_CHECKPOINT:
        checkpoint.body = (ProtobufCBinaryData){.len = sizeof body, .data = body};
        response.checkpoint = &checkpoint;
        break;
    case LIE_ENDLESS:
        response.n_votes = PULL_VOTES_MAX;
        break;
    }
    closure(&response, call);
}

/*
 * Goal:   each lie has its code, is not counted as having told all, and moves nothing; a
 *         page that never ends is asked for twice at most.
 * Method: a server that answers with one lie at a time.
 */
Test(finality_pull, refuses_each_lie)
{
    static const struct {
        enum lie lie;
        enum tamga_err err;
        unsigned asked_max;
    } cases[] = {
        {LIE_VOTE, TAMGA_E_BAD_SIGNATURE, 1},
        {LIE_STRANGER, TAMGA_E_NOT_VALIDATOR, 1},
        {LIE_EVIDENCE, TAMGA_E_BAD_VALUE, 1},
        {LIE_CHECKPOINT, TAMGA_E_MISSING_FIELD, 1},
        {LIE_ENDLESS, TAMGA_OK, 2},
    };

    liar.service.base.descriptor = &tamga__v1__finality_service__descriptor;
    liar.service.base.invoke = protobuf_c_service_invoke_internal;
    liar.service.get_finality = liar_get_finality;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct tamga_link claim = {{0, test_consortium()->genesis_id},
                                         {3, {.hash.byte = {3}}}};
        struct tamga_detail detail = {{0}};
        struct link link;
        TAMGA_BUF vote = {0};

        if (cases[i].lie == LIE_STRANGER) {
            Tamga__V1__VoteBody body = TAMGA__V1__VOTE_BODY__INIT;
            uint8_t nobody[TAMGA_HASH_BYTES] = {1};

            body.validator = body.source = body.target =
                tamga_wire_bytes(tamga_span(nobody, sizeof nobody));
            body.target_height = 1;
            cr_assert_eq(tamga_signed_make(&vote, NULL, &body.base, TAMGA_DOMAIN_VOTE,
                                           &test_consortium()->id, test_key("stranger")),
                         TAMGA_OK);
        } else {
            council_vote(&vote, "node-b", &claim);
        }
        if (cases[i].lie == LIE_VOTE)
            vote.data[vote.len - 1] ^= 1;
        cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&liar.vote,
                                       &tamga__v1__signed__descriptor, TAMGA_WIRE_LOOSE,
                                       tamga_buf_span(&vote), NULL),
                     TAMGA_OK);
        liar.lie = cases[i].lie;
        atomic_store(&liar.asked, 0);
        open_link(&link, &liar.service.base, NULL, 0);
        cr_assert_eq(finality_pull(&link.peer, &detail), cases[i].err, "case %zu", i);
        cr_assert_leq(atomic_load(&liar.asked), cases[i].asked_max);
        cr_assert_eq(atomic_load(&link.peer.told_finality), cases[i].err == TAMGA_OK);
        close_link(&link);
        tamga_wire_free(&liar.vote->base);
    }
}

/*
 * Goal:   a server without the service, or of another chain, has not told anything.
 * Method: a consortium follower asks a server that has only another service.
 */
Test(finality_pull, who_cannot_answer_has_not_told)
{
    struct tamga_detail detail = {{0}};
    struct tamga_chain_service service;
    struct link link;

    tamga_chain_service_init(&service, NULL, 0);
    open_link(&link, &service.service.base, NULL, 0);
    cr_assert_eq(finality_pull(&link.peer, &detail), TAMGA_E_NO_METHOD);
    cr_assert(!atomic_load(&link.peer.told_finality));
    close_link(&link);
}
