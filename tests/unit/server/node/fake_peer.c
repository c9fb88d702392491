/* Servers that lie on demand, and a node that they lie to. Knows no scenario. */
#include "fake_peer.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/clock.h"
#include "node/sync.h"

/* ---- chains ------------------------------------------------------------------------ */

void fake_chain_make(struct fake_chain *line, const struct tamga_chain *chain, size_t count,
                     uint64_t base)
{
    *line = (struct fake_chain){.chain = chain, .count = count};
    line->block = calloc(count, sizeof *line->block);
    line->payload = calloc(count, sizeof *line->payload);
    for (size_t i = 0; i < count; i++) {
        bool detached = chain->rules->detached;

        if (detached)
            test_record(&line->payload[i], NULL,
                        &(struct test_record){.release = base + i + 1, .counter = base + i + 1});
        else
            test_release(&line->payload[i], NULL, &(struct test_release){.counter = base + i + 1});
        test_block_on(&line->block[i], chain, i == 0 ? NULL : &line->block[i - 1].trail,
                      detached ? "gw-1" : "node-a", 0, &line->payload[i], 1, NULL);
    }
}

void fake_chain_clear(struct fake_chain *line)
{
    for (size_t i = 0; i < line->count; i++) {
        test_block_clear(&line->block[i]);
        tamga_buf_clear(&line->payload[i]);
    }
    free(line->block);
    free(line->payload);
    *line = (struct fake_chain){0};
}

/* ---- services ------------------------------------------------------------------------ */

static struct fake_peer *of(Tamga__V1__ChainService_Service *service)
{
    return (struct fake_peer *)service;
}

static void hold(struct fake_peer *peer, void *call)
{
    pthread_mutex_lock(&peer->lock);
    cr_assert_lt(peer->held_count, FAKE_HELD_MAX);
    peer->held[peer->held_count++] = call;
    pthread_mutex_unlock(&peer->lock);
}

static void get_status(Tamga__V1__ChainService_Service *service,
                       const Tamga__V1__GetStatusRequest *input,
                       Tamga__V1__GetStatusResponse_Closure closure, void *call)
{
    struct fake_peer *peer = of(service);
    const struct tamga_private_key *key = test_key("node-b");
    const struct test_block *last = &peer->line->block[peer->line->count - 1];
    const struct tamga_scope chain = {.hash = peer->line->chain->id.hash};
    Tamga__V1__GetStatusResponse response = TAMGA__V1__GET_STATUS_RESPONSE__INIT;
    Tamga__V1__StatusBody body = TAMGA__V1__STATUS_BODY__INIT;
    Tamga__V1__PublicKey wire_key = tamga_wire_key_of(tamga_private_key_public(key));
    Tamga__V1__Signed *message = NULL;
    TAMGA_BUF bytes = {0};
    struct tamga_address address;
    uint8_t work[32] = {0x7f};

    (void)input;
    atomic_fetch_add(&peer->status_asked, 1);
    if (!peer->claims_more)
        tamga_u256_to_bytes(work, &last->trail.work);
    tamga_public_key_address(tamga_private_key_public(key), &address);
    body.node = tamga_wire_bytes(tamga_hash_span(&address.hash));
    body.key = &wire_key;
    body.tip = tamga_wire_bytes(tamga_hash_span(&last->id.hash));
    body.height = peer->line->count;
    body.work = tamga_wire_bytes(tamga_span(work, sizeof work));
    body.time_ms = tamga_wall_ms();
    if (peer->vote_count > 0)
        body.justified = tamga_wire_bytes(tamga_hash_span(&peer->justified.hash));
    cr_assert_eq(tamga_signed_make(&bytes, NULL, &body.base, TAMGA_DOMAIN_STATUS, &chain, key),
                 TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&message,
                                   &tamga__v1__signed__descriptor, TAMGA_WIRE_LOOSE,
                                   tamga_buf_span(&bytes), NULL),
                 TAMGA_OK);
    response.status = message;
    closure(&response, call);
    tamga_wire_free(&message->base);
}

/* Height after the newest id of the locator that is on the line. */
static size_t first_after(const struct fake_chain *line,
                          const Tamga__V1__GetHeadersRequest *input)
{
    for (size_t i = 0; i < input->n_locator; i++)
        for (size_t j = line->count; j > 0; j--)
            if (tamga_span_equal(tamga_wire_span(input->locator[i]),
                                 tamga_hash_span(&line->block[j - 1].id.hash)))
                return j;
    return 0;
}

static void get_headers(Tamga__V1__ChainService_Service *service,
                        const Tamga__V1__GetHeadersRequest *input,
                        Tamga__V1__GetHeadersResponse_Closure closure, void *call)
{
    struct fake_peer *peer = of(service);
    Tamga__V1__GetHeadersResponse response = TAMGA__V1__GET_HEADERS_RESPONSE__INIT;
    size_t from = peer->headers != NULL ? 0 : first_after(peer->line, input);
    size_t all = peer->headers != NULL ? peer->header_count : peer->line->count;
    size_t count = all - from;
    struct tamga_sealed_wire *sealed;
    Tamga__V1__SealedHeader **header;

    if (peer->headers == NULL && count > input->count_max)
        count = input->count_max;
    atomic_fetch_add(&peer->headers_asked, 1);
    sealed = calloc(count + 1, sizeof *sealed);
    header = calloc(count + 1, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        tamga_sealed_lend(&sealed[i], peer->headers != NULL
                                          ? &peer->headers[i]
                                          : &peer->line->block[from + i].block.sealed);
        header[i] = &sealed[i].message;
    }
    response.n_headers = count;
    response.headers = header;
    closure(&response, call);
    free(sealed);
    free(header);
}

static const struct tamga_block *find_block(const struct fake_chain *line,
                                            ProtobufCBinaryData id)
{
    for (size_t i = 0; i < line->count; i++)
        if (tamga_span_equal(tamga_wire_span(id), tamga_hash_span(&line->block[i].id.hash)))
            return &line->block[i].block;
    return NULL;
}

static Tamga__V1__Block *wire_block(const struct tamga_block *block)
{
    Tamga__V1__Block *message = calloc(1, sizeof *message);
    struct tamga_sealed_wire *sealed = calloc(1, sizeof *sealed);

    tamga__v1__block__init(message);
    tamga_sealed_lend(sealed, &block->sealed);
    message->sealed = &sealed->message;
    message->n_entries = block->count;
    message->entries = calloc(block->count + 1, sizeof *message->entries);
    for (size_t i = 0; i < block->count; i++)
        message->entries[i] = tamga_wire_bytes(block->entry[i]);
    return message;
}

static void wire_block_free(Tamga__V1__Block *message)
{
    free((char *)message->sealed - offsetof(struct tamga_sealed_wire, message));
    free(message->entries);
    free(message);
}

static void get_blocks(Tamga__V1__ChainService_Service *service,
                       const Tamga__V1__GetBlocksRequest *input,
                       Tamga__V1__GetBlocksResponse_Closure closure, void *call)
{
    struct fake_peer *peer = of(service);
    Tamga__V1__GetBlocksResponse response = TAMGA__V1__GET_BLOCKS_RESPONSE__INIT;
    Tamga__V1__Block **message = calloc(input->n_ids + 1, sizeof(void *));

    atomic_fetch_add(&peer->blocks_asked, 1);
    for (size_t i = 0; i < input->n_ids && !peer->keeps_bodies; i++) {
        const struct tamga_block *block = find_block(peer->line, input->ids[i]);

        if (peer->shows != NULL && i == 0)
            block = peer->shows;
        if (block != NULL)
            message[response.n_blocks++] = wire_block(block);
    }
    response.blocks = message;
    atomic_fetch_add(&peer->blocks_given, (unsigned)response.n_blocks);
    if (peer->silent)
        hold(peer, call);
    else
        closure(&response, call);
    for (size_t i = 0; i < response.n_blocks; i++)
        wire_block_free(message[i]);
    free(message);
}

static void get_payloads(Tamga__V1__ChainService_Service *service,
                         const Tamga__V1__GetPayloadsRequest *input,
                         Tamga__V1__GetPayloadsResponse_Closure closure, void *call)
{
    struct fake_peer *peer = of(service);
    const struct fake_chain *line = peer->line;
    Tamga__V1__GetPayloadsResponse response = TAMGA__V1__GET_PAYLOADS_RESPONSE__INIT;
    ProtobufCBinaryData *data = calloc(input->n_ids + 1, sizeof *data);

    for (size_t i = 0; i < line->count; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};

        test_item(&item, line->chain, &line->payload[i]);
        for (size_t j = 0; j < input->n_ids; j++)
            if (tamga_span_equal(tamga_wire_span(input->ids[j]),
                                 tamga_hash_span(&item.id.hash)))
                data[response.n_payloads++] =
                    tamga_wire_bytes(tamga_buf_span(&line->payload[i]));
    }
    response.payloads = data;
    atomic_fetch_add(&peer->payloads_given, (unsigned)response.n_payloads);
    closure(&response, call);
    free(data);
}

static void get_finality(Tamga__V1__FinalityService_Service *service,
                         const Tamga__V1__GetFinalityRequest *input,
                         Tamga__V1__GetFinalityResponse_Closure closure, void *call)
{
    struct fake_peer *peer =
        (struct fake_peer *)(void *)((char *)service -
                                     offsetof(struct fake_peer, finality_service));
    Tamga__V1__GetFinalityResponse response = TAMGA__V1__GET_FINALITY_RESPONSE__INIT;
    Tamga__V1__Signed *vote[4] = {NULL};

    (void)input;
    for (size_t i = 0; i < peer->vote_count; i++)
        cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&vote[i],
                                       &tamga__v1__signed__descriptor, TAMGA_WIRE_LOOSE,
                                       tamga_buf_span(&peer->vote[i]), NULL),
                     TAMGA_OK);
    response.n_votes = peer->vote_count;
    response.votes = vote;
    closure(&response, call);
    for (size_t i = 0; i < peer->vote_count; i++)
        tamga_wire_free(&vote[i]->base);
}

void fake_peer_vote(struct fake_peer *peer, const char *name)
{
    const struct fake_chain *line = peer->line;
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    struct tamga_link link = {
        .source = {.id = line->chain->genesis_id},
        .target = {.height = line->count, .id = line->block[line->count - 1].id}};

    cr_assert_eq(tamga_vote_make(&vote, line->chain, &link, test_key(name)), TAMGA_OK);
    tamga_buf_move(&peer->vote[peer->vote_count++], &vote.bytes);
    peer->justified = link.target.id;
}

void fake_peer_open(struct fake_peer *peer, const struct fake_chain *line)
{
    struct tamga_rpc_server_options options = {.listen = "tcp://127.0.0.1:0",
                                               .threads = 2,
                                               .contexts = 16,
                                               .per_pipe_max = 8,
                                               .pipes_max = 16,
                                               .send_timeout_ms = 2000};

    *peer = (struct fake_peer){.line = line};
    pthread_mutex_init(&peer->lock, NULL);
    peer->chain_service.base.descriptor = &tamga__v1__chain_service__descriptor;
    peer->chain_service.base.invoke = protobuf_c_service_invoke_internal;
    peer->chain_service.get_status = get_status;
    peer->chain_service.get_headers = get_headers;
    peer->chain_service.get_blocks = get_blocks;
    peer->chain_service.get_payloads = get_payloads;
    peer->finality_service.base.descriptor = &tamga__v1__finality_service__descriptor;
    peer->finality_service.base.invoke = protobuf_c_service_invoke_internal;
    peer->finality_service.get_finality = get_finality;
    cr_assert_eq(tamga_rpc_server_open(&peer->server, &options, NULL), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_add(peer->server, &peer->chain_service.base), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_add(peer->server, &peer->finality_service.base), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_start(peer->server), TAMGA_OK);
    snprintf(peer->addr, sizeof peer->addr, "%s", tamga_rpc_server_addr(peer->server));
}

void fake_peer_close(struct fake_peer *peer)
{
    tamga_rpc_server_stop(peer->server);
    for (size_t i = 0; i < peer->held_count; i++)
        tamga_rpc_fail(peer->held[i], TAMGA_E_STOPPING, NULL);
    tamga_rpc_server_close(peer->server);
    for (size_t i = 0; i < peer->vote_count; i++)
        tamga_buf_clear(&peer->vote[i]);
    pthread_mutex_destroy(&peer->lock);
}

/* ---- the node ------------------------------------------------------------------------ */

void fake_net_open(struct fake_net *net, const struct tamga_chain *chain,
                   const char *const *addr, size_t count)
{
    *net = (struct fake_net){0};
    cr_assert_eq(tamga_store_mem_new(&net->store), TAMGA_OK);
    fake_net_reopen(net, chain, addr, count);
}

void fake_net_reopen(struct fake_net *net, const struct tamga_chain *chain,
                     const char *const *addr, size_t count)
{
    struct tamga_node_options options = {.name = "test",
                                         .chain = chain,
                                         .store = net->store,
                                         .key = test_key("node-a"),
                                         .peer = net->addr,
                                         .peer_count = count};

    for (size_t i = 0; i < count; i++)
        net->addr[i].rpc = addr[i];
    cr_assert_eq(tamga_node_open(&net->node, &options, NULL), TAMGA_OK);
    cr_assert_eq(tamga_node_start(net->node), TAMGA_OK);
}

void fake_net_close(struct fake_net *net)
{
    tamga_node_stop(net->node);
    tamga_node_close(net->node);
    net->store->ops->close(net->store);
}

uint64_t fake_now_ms(void)
{
    return tamga_net_now_ms();
}

void fake_wait(struct fake_net *net, const char *what, unsigned seconds,
               fake_condition condition, void *context)
{
    uint64_t until_ms = tamga_net_now_ms() + seconds * 1000ull;

    while (!condition(net, context)) {
        cr_assert_lt(tamga_net_now_ms(), until_ms, "%s: height %llu, points of peer 0: %u",
                     what, (unsigned long long)fake_height(net), fake_score(net, 0).points);
        (void)poll(NULL, 0, 5);
    }
}

uint64_t fake_height(const struct fake_net *net)
{
    const struct tamga_view *view = &net->store->reader.view;
    struct tamga_stored_header stored;
    struct tamga_block_id id;

    cr_assert_eq(tamga_query_tip(view, &id), TAMGA_OK);
    cr_assert_eq(tamga_query_header(view, &id, &stored), TAMGA_OK);
    return stored.sealed.header.height;
}

static bool has_height(struct fake_net *net, void *context)
{
    return fake_height(net) >= *(uint64_t *)context;
}

void fake_wait_height(struct fake_net *net, uint64_t height, unsigned seconds)
{
    fake_wait(net, "height", seconds, has_height, &height);
}

struct peer_score fake_score(const struct fake_net *net, size_t peer)
{
    struct sync *sync = net->node->sync;
    struct peer_score score;

    pthread_mutex_lock(&sync->lock);
    score = net->node->peer[peer].score;
    pthread_mutex_unlock(&sync->lock);
    return score;
}
