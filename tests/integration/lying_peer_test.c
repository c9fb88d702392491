/*
 * A peer that claims a huge chain and then shows one block, another block than was asked
 * for, or one from the future: holes of the blockchain that the paper was adapted from.
 */
#include "cluster.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tamga/v1/chain_service.pb-c.h"

#define HOUR_MS 3600000u

enum lie {
    LIE_REWRITTEN, /* the asked header over another body */
    LIE_OTHER,     /* another block than the one asked for */
    LIE_FUTURE,    /* a header an hour ahead of every clock */
    LIE_ONE_BLOCK, /* after a claim of a million, one block, and that invalid */
};

/* What the liar shows, from its server's threads. */
static struct {
    Tamga__V1__ChainService_Service service;
    struct cluster *cluster;
    struct test_block block;      /* a good block on genesis */
    struct tamga_block rewritten; /* another body under the same header */
    struct tamga_block other;     /* another header */
    struct tamga_sealed future;
    _Atomic enum lie lie;
    atomic_uint status_count, headers_count, blocks_count;
} liar;

static void liar_get_status(Tamga__V1__ChainService_Service *service,
                            const Tamga__V1__GetStatusRequest *input,
                            Tamga__V1__GetStatusResponse_Closure closure, void *call)
{
    const struct tamga_private_key *key = test_key("node-b");
    Tamga__V1__GetStatusResponse response = TAMGA__V1__GET_STATUS_RESPONSE__INIT;
    Tamga__V1__StatusBody body = TAMGA__V1__STATUS_BODY__INIT;
    Tamga__V1__PublicKey wire_key = tamga_wire_key_of(tamga_private_key_public(key));
    Tamga__V1__Signed *message = NULL;
    TAMGA_BUF bytes = {0};
    struct tamga_address address;
    uint8_t work[32] = {0x7f};

    (void)service;
    (void)input;
    liar.status_count++;
    tamga_public_key_address(tamga_private_key_public(key), &address);
    body.node = tamga_wire_bytes(tamga_hash_span(&address.hash));
    body.key = &wire_key;
    body.tip = tamga_wire_bytes(tamga_hash_span(&liar.block.id.hash));
    body.height = 1000000;
    body.work = tamga_wire_bytes(tamga_span(work, sizeof work));
    body.time_ms = 1;
    CHECK(tamga_signed_make(&bytes, NULL, &body.base, TAMGA_DOMAIN_STATUS,
                            &liar.cluster->consortium.id, key) == TAMGA_OK);
    CHECK(tamga_wire_unpack((ProtobufCMessage **)&message, &tamga__v1__signed__descriptor,
                            TAMGA_WIRE_LOOSE, tamga_buf_span(&bytes), NULL) == TAMGA_OK);
    response.status = message;
    closure(&response, call);
    tamga_wire_free(&message->base);
}

static void liar_get_headers(Tamga__V1__ChainService_Service *service,
                             const Tamga__V1__GetHeadersRequest *input,
                             Tamga__V1__GetHeadersResponse_Closure closure, void *call)
{
    Tamga__V1__GetHeadersResponse response = TAMGA__V1__GET_HEADERS_RESPONSE__INIT;
    struct tamga_sealed_wire sealed;
    Tamga__V1__SealedHeader *header = &sealed.message;

    (void)service;
    (void)input;
    liar.headers_count++;
    tamga_sealed_lend(&sealed, atomic_load(&liar.lie) == LIE_FUTURE
                                   ? &liar.future
                                   : &liar.block.block.sealed);
    response.n_headers = 1;
    response.headers = &header;
    closure(&response, call);
}

static void liar_get_blocks(Tamga__V1__ChainService_Service *service,
                            const Tamga__V1__GetBlocksRequest *input,
                            Tamga__V1__GetBlocksResponse_Closure closure, void *call)
{
    const struct tamga_block *const show[] = {[LIE_REWRITTEN] = &liar.rewritten,
                                              [LIE_OTHER] = &liar.other,
                                              [LIE_FUTURE] = &liar.other,
                                              [LIE_ONE_BLOCK] = &liar.block.block};
    const struct tamga_block *shown = show[atomic_load(&liar.lie)];
    Tamga__V1__GetBlocksResponse response = TAMGA__V1__GET_BLOCKS_RESPONSE__INIT;
    Tamga__V1__Block *message = NULL;
    TAMGA_BUF bytes = {0};

    (void)service;
    (void)input;
    liar.blocks_count++;
    CHECK(tamga_block_encode(&bytes, shown, true) == TAMGA_OK);
    CHECK(tamga_wire_unpack((ProtobufCMessage **)&message, &tamga__v1__block__descriptor,
                            TAMGA_WIRE_LOOSE, tamga_buf_span(&bytes), NULL) == TAMGA_OK);
    response.n_blocks = 1;
    response.blocks = &message;
    closure(&response, call);
    tamga_wire_free(&message->base);
}

static void open_liar(struct cluster *cluster, struct tamga_rpc_server **server,
                      const char *listen)
{
    struct tamga_rpc_server_options options = {.listen = listen,
                                               .threads = 2,
                                               .contexts = 16,
                                               .per_pipe_max = 8,
                                               .pipes_max = 16,
                                               .send_timeout_ms = 2000};

    liar.service.base.descriptor = &tamga__v1__chain_service__descriptor;
    liar.service.base.invoke = protobuf_c_service_invoke_internal;
    liar.service.get_status = liar_get_status;
    liar.service.get_headers = liar_get_headers;
    liar.service.get_blocks = liar_get_blocks;
    liar.cluster = cluster;
    CHECK(tamga_rpc_server_open(server, &options, NULL) == TAMGA_OK);
    CHECK(tamga_rpc_server_add(*server, &liar.service.base) == TAMGA_OK);
    CHECK(tamga_rpc_server_start(*server) == TAMGA_OK);
}

/* A block on this cluster's genesis, and another body for its header. */
static void make_blocks(struct cluster *cluster)
{
    struct tamga_trail genesis;
    struct tamga_block_id id;
    TAMGA_BUF payload = {0};
    TAMGA_BUF changed = {0};

    tamga_trail_start(&genesis, &cluster->consortium.genesis);
    /* Its entry is signed for another chain: invalid, but nobody knows before the body. */
    test_release(&payload, NULL, &(struct test_release){0});
    test_block_on(&liar.block, &cluster->consortium, &genesis, "node-b", 500, &payload, 1,
                  NULL);
    CHECK(tamga_buf_set(&changed, tamga_buf_span(&payload)) == TAMGA_OK);
    changed.data[changed.len - 1] ^= 1;
    liar.rewritten.sealed = liar.block.block.sealed;
    CHECK(tamga_block_add(&liar.rewritten, tamga_buf_span(&changed)) == TAMGA_OK);
    liar.other.sealed = liar.block.block.sealed;
    liar.other.sealed.header.nonce ^= 1;
    CHECK(tamga_block_add(&liar.other, tamga_buf_span(&payload)) == TAMGA_OK);
    liar.future = liar.block.block.sealed;
    liar.future.header.time_ms += HOUR_MS;
    test_seal(&liar.future, &id, "node-b");
}

struct in_log {
    const char *name, *word;
};

static bool log_says(struct cluster *cluster, void *context)
{
    const struct in_log *wanted = context;
    char path[CLUSTER_PATH_MAX + 8], line[4096];
    bool found = false;
    FILE *file;

    snprintf(path, sizeof path, "%s/log", cluster_find(cluster, wanted->name)->folder);
    file = fopen(path, "r");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = strstr(line, wanted->word) != NULL;
    if (file != NULL)
        fclose(file);
    return found;
}

static void still_works(struct cluster *cluster, uint64_t counter)
{
    struct cluster_release release = {.counter = counter, .seed = counter};
    struct tamga_entry_id id;

    CHECK(cluster_publish(cluster, "node-a", &release, &id) == TAMGA_OK);
    cluster_wait_agree(cluster, "node-a", &cluster->consortium, counter, 30);
    CHECK(cluster_included(cluster, "node-a", &cluster->consortium, &id));
}

static const struct {
    enum lie lie;
    const char *word; /* that the log must say */
} cases[] = {
    {LIE_REWRITTEN, "BAD_ROOT"},
    {LIE_OTHER, "BLOCK_ID_MISMATCH"},
    {LIE_FUTURE, "ahead of this machine's clock"},
    {LIE_ONE_BLOCK, "PEER_LIED"},
};

/*
 * Goal:   a rewritten body under a known id, another block than was asked for, a block of
 *         the future, and a claimed million blocks with one invalid block behind them
 *         change nothing but the log; the node goes on.
 * Method: node-b's place is taken by a server of our own that holds node-b's key.
 */
int main(void)
{
    struct cluster cluster;
    struct tamga_rpc_server *server = NULL;

    cluster_open(&cluster, 2, 0);
    make_blocks(&cluster);
    open_liar(&cluster, &server, cluster_find(&cluster, "node-b")->rpc);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct in_log wanted = {"node-a", cases[i].word};
        struct tamga_block_id tip;
        uint64_t height;

        atomic_store(&liar.lie, cases[i].lie);
        cluster_start(&cluster, "node-a");
        cluster_wait(&cluster, cases[i].word, 30, log_says, &wanted);
        CHECK(cluster_status(&cluster, "node-a", &cluster.consortium, &height, &tip));
        CHECK(height == 0);
        if (cases[i].lie == LIE_ONE_BLOCK) /* last: a tip of its own would hide the lies */
            still_works(&cluster, 1);
        CHECK(cluster_stop(&cluster, "node-a", SIGTERM) == 0);
    }
    CHECK(liar.status_count > 0 && liar.headers_count > 0 && liar.blocks_count > 0);
    cluster_close(&cluster);
    tamga_rpc_server_stop(server);
    tamga_rpc_server_close(server);
    test_block_clear(&liar.block);
    tamga_block_clear(&liar.rewritten);
    tamga_block_clear(&liar.other);
    puts("ok");
    return 0;
}
