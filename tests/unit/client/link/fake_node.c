/* Services in the order of their proto files; one lock around all of it. */
#include "fake_finality.h"

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "chain/query.h"
#include "content/cid.h"
#include "crypto/hash.h"
#include "tamga/v1/content_service.pb-c.h"
#include "tamga/v1/gateway_service.pb-c.h"

#define LISTED_MAX   64
#define CONTENTS_MAX 1024

struct list {
    size_t count;
    struct tamga_entry_id id[LISTED_MAX];
};

struct fake_node {
    Tamga__V1__ChainService_Service chain_service; /* services first: found by cast */
    struct tamga_rpc_server *server;
    struct fake_options options;
    pthread_mutex_t lock;
    struct test_node chain[2]; /* consortium, gateway */
    struct list listed[2];     /* mined, in order */
    struct list waiting[2];
    unsigned submits, puts;
    size_t content_count;
    struct tamga_cid content[CONTENTS_MAX];
    struct consortium {
        Tamga__V1__ConsortiumService_Service service;
        struct fake_node *node;
    } consortium;
    struct content {
        Tamga__V1__ContentService_Service service;
        struct fake_node *node;
    } content_service;
    struct gateway {
        Tamga__V1__GatewayService_Service service;
        struct fake_node *node;
    } gateway;
    struct fake_finality finality;
};

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const char *self(const struct fake_node *node)
{
    if (node->options.signer)
        return node->options.signer;
    return node->options.gateway ? "gw-1" : "node-a";
}

/* -1: not held here. */
static int chain_find(const struct fake_node *node, ProtobufCBinaryData id)
{
    for (int i = 0; i <= (node->options.gateway ? 1 : 0); i++)
        if (tamga_span_equal(tamga_wire_span(id),
                             tamga_hash_span(&node->chain[i].chain->id.hash)))
            return i;
    return -1;
}

static void finalize_chain(struct fake_node *node, int index)
{
    const struct test_node *chain = &node->chain[index];
    uint32_t few = node->options.few_cosigners ? 1 : 0;

    fake_final_take(&node->finality.final[index], chain, tamga_quorum(chain->chain, 0) - few);
}

static void mine_chain(struct fake_node *node, int index)
{
    struct list *waiting = &node->waiting[index], *listed = &node->listed[index];

    if (waiting->count == 0)
        return;
    if (test_mine(&node->chain[index], NULL, index == 0 ? "node-a" : "gw-1", now_ms()) !=
        TAMGA_OK)
        abort();
    for (size_t i = 0; i < waiting->count; i++)
        listed->id[listed->count++] = waiting->id[i];
    waiting->count = 0;
    if (node->options.final)
        finalize_chain(node, index);
}

static enum tamga_err take(struct fake_node *node, int index, struct tamga_span payload,
                           struct tamga_entry_id *id, bool *known, struct tamga_detail *detail)
{
    struct test_node *chain = &node->chain[index];
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    enum tamga_err err = chain->chain->rules->decode(chain->chain, &item, payload, detail);

    if (err != TAMGA_OK)
        return err;
    *id = item.id;
    err = tamga_engine_submit(chain->engine, &item, now_ms(), known, detail);
    if (err == TAMGA_OK)
        err = tamga_engine_flush(chain->engine);
    if (err == TAMGA_OK && !*known)
        node->waiting[index].id[node->waiting[index].count++] = *id;
    if (err == TAMGA_OK && !node->options.lazy)
        mine_chain(node, index);
    return err;
}

static const struct tamga_view *view_of(const struct fake_node *node, int index)
{
    return &node->chain[index].store->reader.view;
}

/* ---- ChainService ------------------------------------------------------------------ */

static void chain_get_status(Tamga__V1__ChainService_Service *service,
                             const Tamga__V1__GetStatusRequest *input,
                             Tamga__V1__GetStatusResponse_Closure closure, void *call)
{
    struct fake_node *node = (struct fake_node *)service;
    Tamga__V1__StatusBody body = TAMGA__V1__STATUS_BODY__INIT;
    Tamga__V1__GetStatusResponse response = TAMGA__V1__GET_STATUS_RESPONSE__INIT;
    const struct tamga_private_key *key = test_key(self(node));
    Tamga__V1__PublicKey public = tamga_wire_key_of(tamga_private_key_public(key));
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *status = NULL;
    TAMGA_BUF bytes = {0};
    struct tamga_address address;
    uint8_t work[32];
    int index = chain_find(node, input->chain);
    const struct tamga_trail *tip;

    if (index < 0) {
        tamga_rpc_fail(call, TAMGA_E_WRONG_CHAIN, NULL);
        return;
    }
    pthread_mutex_lock(&node->lock);
    tip = tamga_engine_tip(node->chain[index].engine);
    test_address(&address, self(node));
    tamga_u256_to_bytes(work, &tip->work);
    body.node = tamga_wire_bytes(tamga_hash_span(&address.hash));
    body.key = &public;
    body.tip = tamga_wire_bytes(tamga_hash_span(&tip->tip_id.hash));
    body.height = tip->tip.height;
    body.work = tamga_wire_bytes(tamga_span(work, sizeof work));
    body.time_ms = now_ms();
    if (tamga_signed_make(&bytes, NULL, &body.base, TAMGA_DOMAIN_STATUS,
                          &node->chain[index].chain->id,
                          node->options.signs_badly ? test_key("stranger") : key) != TAMGA_OK ||
        tamga_wire_unpack(&status, &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                          tamga_buf_span(&bytes), NULL) != TAMGA_OK)
        abort();
    pthread_mutex_unlock(&node->lock);
    response.status = (Tamga__V1__Signed *)status;
    closure(&response, call);
}

static void chain_get_inclusion(Tamga__V1__ChainService_Service *service,
                                const Tamga__V1__GetInclusionRequest *input,
                                Tamga__V1__GetInclusionResponse_Closure closure, void *call)
{
    struct fake_node *node = (struct fake_node *)service;
    Tamga__V1__GetInclusionResponse response = TAMGA__V1__GET_INCLUSION_RESPONSE__INIT;
    TAMGA_CLEANUP(fake_inclusion_clear) struct fake_inclusion inclusion = {0};
    struct tamga_entry_id id;
    bool pending = false;
    int index = chain_find(node, input->chain);
    enum tamga_err err = index < 0 ? TAMGA_E_WRONG_CHAIN
                                   : tamga_hash_from(&id.hash, tamga_wire_span(input->id));

    pthread_mutex_lock(&node->lock);
    if (err == TAMGA_OK)
        err = tamga_query_payload(node->chain[index].chain, view_of(node, index), &id,
                                  &inclusion.payload, &pending);
    if (err == TAMGA_OK && !pending)
        err = fake_inclusion_find(&inclusion, view_of(node, index), &id);
    pthread_mutex_unlock(&node->lock);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.payload = tamga_wire_bytes(tamga_buf_span(&inclusion.payload));
    response.pending = pending;
    response.inclusion = pending ? NULL : &inclusion.message;
    if (node->options.bend)
        node->options.bend(&response);
    closure(&response, call);
}

#define REFUSED(name, in, out)                                                            \
    static void chain_##name(Tamga__V1__ChainService_Service *service,                    \
                             const Tamga__V1__##in *input,                                \
                             Tamga__V1__##out##_Closure closure, void *call)              \
    {                                                                                     \
        (void)service;                                                                    \
        (void)input;                                                                      \
        (void)closure;                                                                    \
        tamga_rpc_fail(call, TAMGA_E_NO_METHOD, NULL);                                    \
    }
REFUSED(get_headers, GetHeadersRequest, GetHeadersResponse)
REFUSED(get_blocks, GetBlocksRequest, GetBlocksResponse)
REFUSED(get_block_at, GetBlockAtRequest, GetBlockAtResponse)
REFUSED(get_pending, GetPendingRequest, GetPendingResponse)
REFUSED(get_payloads, GetPayloadsRequest, GetPayloadsResponse)

/* ---- ConsortiumService -------------------------------------------------------------- */

static void consortium_submit_transaction(Tamga__V1__ConsortiumService_Service *service,
                                          const Tamga__V1__SubmitTransactionRequest *input,
                                          Tamga__V1__SubmitTransactionResponse_Closure closure,
                                          void *call)
{
    struct fake_node *node = ((struct consortium *)service)->node;
    Tamga__V1__SubmitTransactionResponse response = TAMGA__V1__SUBMIT_TRANSACTION_RESPONSE__INIT;
    struct tamga_detail detail = {""};
    struct tamga_entry_id id;
    TAMGA_BUF payload = {0};
    bool known = false;
    enum tamga_err err = tamga_wire_pack(&payload, &input->transaction->base);

    pthread_mutex_lock(&node->lock);
    node->submits++;
    if (node->options.busy > 0) {
        node->options.busy--;
        err = TAMGA_E_BUSY;
    } else if (node->options.limited > 0) {
        node->options.limited--;
        err = TAMGA_E_RATE_LIMITED;
    }
    if (err == TAMGA_OK)
        err = take(node, 0, tamga_buf_span(&payload), &id, &known, &detail);
    if (err == TAMGA_OK && node->options.lost > 0) {
        node->options.lost--;
        err = TAMGA_E_DEADLINE;
    }
    pthread_mutex_unlock(&node->lock);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, &detail);
        return;
    }
    response.id = tamga_wire_bytes(tamga_hash_span(&id.hash));
    response.known = known;
    closure(&response, call);
}

/* One page of a list, from the index in `after` (8 bytes) on. */
struct page {
    size_t from, count;
    uint8_t next[8];
    size_t next_len;
};

static struct page page_of(const struct list *list, ProtobufCBinaryData after)
{
    struct page page = {.from = after.len == 8 ? (size_t)tamga_get_u64(after.data) : 0};

    page.count = list->count > page.from ? list->count - page.from : 0;
    if (page.count > FAKE_PAGE_COUNT) {
        page.count = FAKE_PAGE_COUNT;
        page.next_len = 8;
        tamga_put_u64(page.next, page.from + page.count);
    }
    return page;
}

/* The entry and its place; freed with the call's answer. */
struct shown {
    ProtobufCMessage *message; /* Tamga__V1__Signed */
    uint64_t height;
    struct tamga_block_id block;
};

static void shown_load(struct shown *out, const struct fake_node *node, int index,
                       const struct tamga_entry_id *id)
{
    TAMGA_BUF payload = {0};
    struct tamga_place place;
    bool pending;

    if (tamga_query_payload(node->chain[index].chain, view_of(node, index), id, &payload,
                            &pending) != TAMGA_OK ||
        tamga_query_place(view_of(node, index), id, &place) != TAMGA_OK ||
        tamga_query_id_at(view_of(node, index), place.height, &out->block) != TAMGA_OK ||
        tamga_wire_unpack(&out->message, &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                          tamga_buf_span(&payload), NULL) != TAMGA_OK)
        abort();
    out->height = place.height;
}

static bool is_of(const struct shown *shown, const char *producer, const char *model)
{
    const Tamga__V1__Signed *message = (const Tamga__V1__Signed *)shown->message;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__TransactionBody *body = NULL;

    if (producer[0] == '\0')
        return true;
    if (tamga_wire_unpack((ProtobufCMessage **)&body, &tamga__v1__transaction_body__descriptor,
                          TAMGA_WIRE_CANONICAL, tamga_wire_span(message->body), NULL) !=
        TAMGA_OK)
        abort();
    return body->action_case == TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE &&
           strcmp(body->release->producer, producer) == 0 &&
           strcmp(body->release->model, model) == 0;
}

static void entry_set(Tamga__V1__ReleaseEntry *entry, const struct shown *shown)
{
    tamga__v1__release_entry__init(entry);
    entry->transaction = (Tamga__V1__Signed *)shown->message;
    entry->height = shown->height;
    entry->block = tamga_wire_bytes(tamga_hash_span(&shown->block.hash));
}

static void consortium_list_releases(Tamga__V1__ConsortiumService_Service *service,
                                     const Tamga__V1__ListReleasesRequest *input,
                                     Tamga__V1__ListReleasesResponse_Closure closure,
                                     void *call)
{
    struct fake_node *node = ((struct consortium *)service)->node;
    Tamga__V1__ListReleasesResponse response = TAMGA__V1__LIST_RELEASES_RESPONSE__INIT;
    struct shown shown[FAKE_PAGE_COUNT] = {{0}};
    Tamga__V1__ReleaseEntry entry[FAKE_PAGE_COUNT], *list[FAKE_PAGE_COUNT];
    struct page page;

    pthread_mutex_lock(&node->lock);
    page = page_of(&node->listed[0], input->after);
    for (size_t i = 0; i < page.count; i++) {
        shown_load(&shown[i], node, 0, &node->listed[0].id[page.from + i]);
        if (!is_of(&shown[i], input->producer, input->model))
            continue;
        entry_set(&entry[response.n_releases], &shown[i]);
        list[response.n_releases] = &entry[response.n_releases];
        response.n_releases++;
    }
    pthread_mutex_unlock(&node->lock);
    response.releases = list;
    response.next = tamga_wire_bytes(tamga_span(page.next, page.next_len));
    closure(&response, call);
    for (size_t i = 0; i < page.count; i++)
        tamga_wire_free(shown[i].message);
}

static void consortium_get_latest_release(Tamga__V1__ConsortiumService_Service *service,
                                          const Tamga__V1__GetLatestReleaseRequest *input,
                                          Tamga__V1__GetLatestReleaseResponse_Closure closure,
                                          void *call)
{
    struct fake_node *node = ((struct consortium *)service)->node;
    Tamga__V1__GetLatestReleaseResponse response =
        TAMGA__V1__GET_LATEST_RELEASE_RESPONSE__INIT;
    Tamga__V1__ReleaseEntry entry;
    TAMGA_CLEANUP(fake_release_proof_clear) struct fake_release_proof proof = {0};
    const struct fake_final *final = &node->finality.final[0];
    struct shown shown = {0};

    pthread_mutex_lock(&node->lock);
    if (final->message != NULL) {
        fake_release_proof_make(&proof, final, node->chain[0].chain, input->producer,
                                input->model);
        response.proof = &proof.message;
        if (node->options.bend_release)
            node->options.bend_release(&proof.message);
    }
    for (size_t i = node->listed[0].count; i-- > 0 && response.release == NULL;) {
        tamga_wire_free(shown.message);
        shown.message = NULL;
        shown_load(&shown, node, 0, &node->listed[0].id[i]);
        if (!is_of(&shown, input->producer, input->model))
            continue;
        entry_set(&entry, &shown);
        response.release = &entry;
    }
    closure(&response, call);
    pthread_mutex_unlock(&node->lock);
    tamga_wire_free(shown.message);
}

static void consortium_list_proposals(Tamga__V1__ConsortiumService_Service *service,
                                      const Tamga__V1__ListProposalsRequest *input,
                                      Tamga__V1__ListProposalsResponse_Closure closure,
                                      void *call)
{
    (void)service;
    (void)input;
    (void)closure;
    tamga_rpc_fail(call, TAMGA_E_NO_METHOD, NULL);
}

/* ---- ContentService ----------------------------------------------------------------- */

static bool content_has_one(const struct fake_node *node, const struct tamga_cid *cid)
{
    for (size_t i = 0; i < node->content_count; i++)
        if (tamga_cid_equal(&node->content[i], cid))
            return true;
    return false;
}

static void content_put(Tamga__V1__ContentService_Service *service,
                        const Tamga__V1__PutContentRequest *input,
                        Tamga__V1__PutContentResponse_Closure closure, void *call)
{
    struct fake_node *node = ((struct content *)service)->node;
    Tamga__V1__PutContentResponse response = TAMGA__V1__PUT_CONTENT_RESPONSE__INIT;
    struct tamga_cid cid;
    enum tamga_err err = tamga_cid_parse(&cid, input->cid);

    if (err == TAMGA_OK)
        err = tamga_cid_check(&cid, tamga_wire_span(input->block));
    pthread_mutex_lock(&node->lock);
    node->puts++;
    if (err == TAMGA_OK && !content_has_one(node, &cid)) {
        assert(node->content_count < CONTENTS_MAX);
        node->content[node->content_count++] = cid;
    }
    pthread_mutex_unlock(&node->lock);
    if (err != TAMGA_OK)
        tamga_rpc_fail(call, err, NULL);
    else
        closure(&response, call);
}

static void content_get(Tamga__V1__ContentService_Service *service,
                        const Tamga__V1__GetContentRequest *input,
                        Tamga__V1__GetContentResponse_Closure closure, void *call)
{
    (void)service;
    (void)input;
    (void)closure;
    tamga_rpc_fail(call, TAMGA_E_NO_CONTENT, NULL);
}

static void content_has(Tamga__V1__ContentService_Service *service,
                        const Tamga__V1__HasContentRequest *input,
                        Tamga__V1__HasContentResponse_Closure closure, void *call)
{
    struct fake_node *node = ((struct content *)service)->node;
    Tamga__V1__HasContentResponse response = TAMGA__V1__HAS_CONTENT_RESPONSE__INIT;
    protobuf_c_boolean has[1024] = {0};

    pthread_mutex_lock(&node->lock);
    for (size_t i = 0; i < input->n_cids; i++) {
        struct tamga_cid cid;

        has[i] = tamga_cid_parse(&cid, input->cids[i]) == TAMGA_OK &&
                 content_has_one(node, &cid);
    }
    pthread_mutex_unlock(&node->lock);
    response.n_has = input->n_cids;
    response.has = has;
    closure(&response, call);
}

/* ---- GatewayService ----------------------------------------------------------------- */

static void gateway_list_records(Tamga__V1__GatewayService_Service *service,
                                 const Tamga__V1__ListRecordsRequest *input,
                                 Tamga__V1__ListRecordsResponse_Closure closure, void *call)
{
    struct fake_node *node = ((struct gateway *)service)->node;
    Tamga__V1__ListRecordsResponse response = TAMGA__V1__LIST_RECORDS_RESPONSE__INIT;
    struct shown shown[FAKE_PAGE_COUNT] = {{0}};
    Tamga__V1__RecordEntry entry[FAKE_PAGE_COUNT], *list[FAKE_PAGE_COUNT];
    struct page page;

    pthread_mutex_lock(&node->lock);
    page = page_of(&node->listed[1], input->after);
    for (size_t i = 0; i < page.count; i++) {
        shown_load(&shown[i], node, 1, &node->listed[1].id[page.from + i]);
        tamga__v1__record_entry__init(&entry[i]);
        entry[i].record = (Tamga__V1__Signed *)shown[i].message;
        entry[i].height = shown[i].height;
        entry[i].block = tamga_wire_bytes(tamga_hash_span(&shown[i].block.hash));
        list[i] = &entry[i];
    }
    pthread_mutex_unlock(&node->lock);
    response.n_records = page.count;
    response.records = list;
    response.next = tamga_wire_bytes(tamga_span(page.next, page.next_len));
    closure(&response, call);
    for (size_t i = 0; i < page.count; i++)
        tamga_wire_free(shown[i].message);
}

static void gateway_get_delivery(Tamga__V1__GatewayService_Service *service,
                                 const Tamga__V1__GetDeliveryRequest *input,
                                 Tamga__V1__GetDeliveryResponse_Closure closure, void *call)
{
    (void)service;
    (void)input;
    (void)closure;
    tamga_rpc_fail(call, TAMGA_E_NOT_FOUND, NULL);
}

/* ---- life --------------------------------------------------------------------------- */

static const Tamga__V1__ChainService_Service chain_template =
    TAMGA__V1__CHAIN_SERVICE__INIT(chain_);
static const Tamga__V1__ConsortiumService_Service consortium_template =
    TAMGA__V1__CONSORTIUM_SERVICE__INIT(consortium_);
static const Tamga__V1__ContentService_Service content_template =
    TAMGA__V1__CONTENT_SERVICE__INIT(content_);
static const Tamga__V1__GatewayService_Service gateway_template =
    TAMGA__V1__GATEWAY_SERVICE__INIT(gateway_);

static void must(enum tamga_err err, const char *what)
{
    if (err == TAMGA_OK)
        return;
    fprintf(stderr, "fake node: %s: %s\n", what, tamga_err_name(err));
    abort();
}

struct fake_node *fake_start(const struct fake_options *options)
{
    const struct tamga_rpc_server_options server = {.listen = "tcp://127.0.0.1:0",
                                                    .threads = 4,
                                                    .contexts = 32,
                                                    .per_pipe_max = 16,
                                                    .pipes_max = 32,
                                                    .send_timeout_ms = 5000};
    struct fake_node *node = calloc(1, sizeof *node);

    if (node == NULL)
        abort();
    node->options = *options;
    pthread_mutex_init(&node->lock, NULL);
    test_node_open(&node->chain[0], test_consortium());
    test_node_open(&node->chain[1], test_gateway());
    node->chain_service = chain_template;
    node->consortium = (struct consortium){consortium_template, node};
    node->content_service = (struct content){content_template, node};
    node->gateway = (struct gateway){gateway_template, node};
    fake_finality_init(&node->finality);
    node->finality.lock = &node->lock;
    node->finality.options = &node->options;
    node->finality.chain = node->chain;
    must(tamga_rpc_server_open(&node->server, &server, NULL), "open");
    must(tamga_rpc_server_add(node->server, &node->chain_service.base), "chain service");
    must(tamga_rpc_server_add(node->server, &node->finality.service.base), "finality service");
    if (options->gateway) {
        must(tamga_rpc_server_add(node->server, &node->gateway.service.base), "gateway");
    } else {
        must(tamga_rpc_server_add(node->server, &node->consortium.service.base), "consortium");
        must(tamga_rpc_server_add(node->server, &node->content_service.service.base), "content");
    }
    must(tamga_rpc_server_start(node->server), "start");
    return node;
}

void fake_stop(struct fake_node *node)
{
    tamga_rpc_server_close(node->server);
    fake_final_clear(&node->finality.final[0]);
    fake_final_clear(&node->finality.final[1]);
    test_node_close(&node->chain[1]);
    test_node_close(&node->chain[0]);
    pthread_mutex_destroy(&node->lock);
    free(node);
}

const char *fake_addr(const struct fake_node *node)
{
    return tamga_rpc_server_addr(node->server);
}

void fake_add(struct fake_node *node, const struct tamga_chain *chain,
              const struct tamga_buf *payload)
{
    int index = chain == test_gateway();
    struct tamga_entry_id id;
    bool known = false;

    pthread_mutex_lock(&node->lock);
    must(take(node, index, tamga_buf_span(payload), &id, &known, NULL), "add");
    mine_chain(node, index);
    pthread_mutex_unlock(&node->lock);
}

void fake_mine(struct fake_node *node)
{
    pthread_mutex_lock(&node->lock);
    mine_chain(node, 0);
    mine_chain(node, 1);
    pthread_mutex_unlock(&node->lock);
}

void fake_finalize(struct fake_node *node)
{
    pthread_mutex_lock(&node->lock);
    for (int i = 0; i <= (node->options.gateway ? 1 : 0); i++)
        if (tamga_engine_tip(node->chain[i].engine)->tip.height > 0)
            finalize_chain(node, i);
    pthread_mutex_unlock(&node->lock);
}

unsigned fake_submits(const struct fake_node *node)
{
    return node->submits;
}

size_t fake_contents(const struct fake_node *node)
{
    return node->content_count;
}

unsigned fake_puts(const struct fake_node *node)
{
    return node->puts;
}

/* ---- files --------------------------------------------------------------------------- */

static char scratch[] = "/tmp/tamga-client-XXXXXX";
static bool scratch_made;

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static void scratch_remove(void)
{
    nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void scratch_make(void)
{
    if (scratch_made)
        return;
    if (mkdtemp(scratch) == NULL)
        abort();
    scratch_made = true;
    atexit(scratch_remove);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");

    if (file == NULL || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
        abort();
}

const char *fake_identity(const char *member)
{
    static char folder[128];
    const struct tamga_buf *genesis = &test_network()->bytes;
    char path[192];

    scratch_make();
    snprintf(folder, sizeof folder, "%s/%s", scratch, member);
    if (mkdir(folder, 0700) != 0)
        return folder; /* made before */
    snprintf(path, sizeof path, "%s/key.pem", folder);
    must(tamga_private_key_save(test_key(member), path, NULL, NULL), "key");
    snprintf(path, sizeof path, "%s/genesis.tamga", folder);
    write_file(path, genesis->data, genesis->len);
    return folder;
}

const char *fake_file(const void *bytes, size_t len)
{
    static char path[FAKE_FILES_MAX][64];
    static unsigned number;

    assert(number < FAKE_FILES_MAX);
    scratch_make();
    snprintf(path[number], sizeof *path, "%s/file-%u", scratch, number);
    write_file(path[number], bytes, len);
    return path[number++];
}
