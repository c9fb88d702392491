/* The fake gateway and the folder of a device. */
#include "world.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chain/state_map.h"
#include "crypto/hash.h"
#include "device/file.h"
#include "wire/wire.h"

static struct gateway *gateway_of(Tamga__V1__DeviceService_Service *service)
{
    return (struct gateway *)service;
}

/* ---- handlers --------------------------------------------------------------------- */

static bool check_in_is_good(const Tamga__V1__CheckInRequest *request)
{
    TAMGA_CLEANUP(tamga_certificate_clear) struct tamga_certificate certificate = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__CheckInBody *body = NULL;
    struct tamga_hash id;

    return tamga_certificate_open(&certificate, test_network(), request->certificate, NULL) ==
               TAMGA_OK &&
           tamga_signed_open(&id, (ProtobufCMessage **)&body, request->check_in,
                             TAMGA_DOMAIN_CHECKIN, &test_network()->id,
                             &tamga__v1__check_in_body__descriptor, NULL) == TAMGA_OK &&
           tamga_signed_verify(request->check_in, &id, certificate.key) == TAMGA_OK &&
           tamga_device_id_equal(body->device, certificate.body->device) &&
           strcmp(body->hardware, certificate.body->hardware) == 0;
}

static ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *type,
                                const struct tamga_buf *bytes)
{
    ProtobufCMessage *message = NULL;

    if (tamga_wire_unpack(&message, type, TAMGA_WIRE_LOOSE, tamga_buf_span(bytes), NULL) !=
        TAMGA_OK)
        abort();
    return message;
}

/* Of the first entry of a block, with the headers up to the checkpoint that proves it; a
 * message of its own, for lies to change. */
static Tamga__V1__EntryProof *prove_entry(const struct gateway *gateway, size_t at)
{
    const struct tamga_block *block = &gateway->block[at].block;
    uint8_t header[WORLD_BLOCKS_MAX][TAMGA_HEADER_BYTES];
    ProtobufCBinaryData above[WORLD_BLOCKS_MAX], node[TAMGA_MERKLE_PATH_MAX];
    Tamga__V1__EntryProof proof = TAMGA__V1__ENTRY_PROOF__INIT;
    Tamga__V1__Inclusion inclusion = TAMGA__V1__INCLUSION__INIT;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *own = NULL;
    struct tamga_merkle_path path = {0};
    struct tamga_sealed_wire sealed;
    TAMGA_BUF bytes = {0};

    if (tamga_block_path(&path, block, 0) != TAMGA_OK)
        abort();
    for (size_t i = 0; i < path.count; i++)
        node[i] = tamga_wire_bytes(tamga_hash_span(&path.node[i]));
    for (size_t i = at + 1; i <= gateway->older_as_of; i++) {
        tamga_header_encode(header[i], &gateway->block[i].block.sealed.header);
        above[proof.n_headers++] = tamga_wire_bytes(tamga_span(header[i], TAMGA_HEADER_BYTES));
    }
    if (gateway->older_as_of != gateway->shown)
        own = test_cosign(&gateway->validators, &gateway->checkpoint[gateway->older_as_of], 0,
                          tamga_quorum(&gateway->validators.chain, 0));
    tamga_sealed_lend(&sealed, &block->sealed);
    inclusion.sealed = &sealed.message;
    inclusion.entry = tamga_wire_bytes(block->entry[0]);
    inclusion.n_path = path.count;
    inclusion.path = node;
    proof.checkpoint = own;
    proof.headers = above;
    proof.inclusion = &inclusion;
    proof.payload = inclusion.entry;
    if (tamga_wire_pack(&bytes, &proof.base) != TAMGA_OK)
        abort();
    return (Tamga__V1__EntryProof *)unpack(&tamga__v1__entry_proof__descriptor, &bytes);
}

/* Parts of an answer that are made for it. */
struct parts {
    Tamga__V1__ReleaseProof *newest;
    Tamga__V1__EntryProof *offer;
    Tamga__V1__StateProof *release, *sender;
    Tamga__V1__EntryProof *permit;
    Tamga__V1__StateProof *permit_sender, *installed;
};

static void parts_clear(struct parts *parts)
{
    tamga_wire_free((ProtobufCMessage *)parts->newest);
    tamga_wire_free((ProtobufCMessage *)parts->offer);
    tamga_wire_free((ProtobufCMessage *)parts->release);
    tamga_wire_free((ProtobufCMessage *)parts->sender);
    tamga_wire_free((ProtobufCMessage *)parts->permit);
    tamga_wire_free((ProtobufCMessage *)parts->permit_sender);
    tamga_wire_free((ProtobufCMessage *)parts->installed);
}

/* Of the state as it is now: nobody shows an older one of these. */
static Tamga__V1__StateProof *prove_release(const struct gateway *gateway,
                                            const struct tamga_entry_id *id)
{
    Tamga__V1__StateProof *proof = NULL;
    struct tamga_hash key;

    tamga_key_release(&key, &id->hash);
    if (tamga_state_proof_make(&proof, &gateway->state.view, &key) != TAMGA_OK)
        abort();
    return proof;
}

static void offer_older(struct parts *parts, const struct gateway *gateway)
{
    struct tamga_entry_id id;
    TAMGA_BUF payload = {0};

    parts->offer = prove_entry(gateway, gateway->older_at);
    if (tamga_buf_set(&payload, tamga_wire_span(parts->offer->payload)) != TAMGA_OK ||
        test_consortium()->rules->entry_id(&id, tamga_buf_span(&payload)) != TAMGA_OK)
        abort();
    parts->release = prove_release(gateway, &id);
    parts->sender = test_sender_proof(&gateway->state.view, &payload);
}

static void show_permit(struct parts *parts, const struct gateway *gateway)
{
    TAMGA_BUF payload = {0};

    parts->permit = prove_entry(gateway, gateway->permit_at);
    if (tamga_buf_set(&payload, tamga_wire_span(parts->permit->payload)) != TAMGA_OK)
        abort();
    parts->permit_sender = test_sender_proof(&gateway->state.view, &payload);
}

static void check_in(Tamga__V1__DeviceService_Service *service,
                     const Tamga__V1__CheckInRequest *request,
                     Tamga__V1__CheckInResponse_Closure closure, void *call)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__CheckInBody *body = NULL;
    TAMGA_CLEANUP(parts_clear) struct parts parts = {0};
    struct gateway *gateway = gateway_of(service);
    Tamga__V1__CheckInResponse response = TAMGA__V1__CHECK_IN_RESPONSE__INIT;
    struct tamga_hash id;

    gateway->check_ins++;
    gateway->bad_check_in |= !check_in_is_good(request);
    if (gateway->check_in_error != TAMGA_OK ||
        tamga_signed_open(&id, (ProtobufCMessage **)&body, request->check_in,
                          TAMGA_DOMAIN_CHECKIN, &test_network()->id,
                          &tamga__v1__check_in_body__descriptor, NULL) != TAMGA_OK) {
        tamga_rpc_fail(call, gateway->check_in_error ? gateway->check_in_error
                                                     : TAMGA_E_BAD_VALUE, NULL);
        return;
    }
    gateway->last_checkpoint_height = body->last_checkpoint_height;
    response.nonce = body->nonce;
    if (gateway->offers)
        parts.newest = (Tamga__V1__ReleaseProof *)unpack(
            &tamga__v1__release_proof__descriptor, &gateway->proof[gateway->shown]);
    if (gateway->offers && gateway->older)
        offer_older(&parts, gateway);
    if (gateway->offers && gateway->permit_at > 0)
        show_permit(&parts, gateway);
    if (gateway->offers && gateway->tells_of != NULL)
        parts.installed = prove_release(gateway, gateway->tells_of);
    response.newest = parts.newest;
    response.installed = parts.installed;
    response.permit = parts.permit;
    response.permit_sender = parts.permit_sender;
    response.offer = parts.offer;
    response.release = parts.release;
    response.sender = parts.sender;
    if (gateway->change_answer != NULL)
        gateway->change_answer(&response);
    closure(&response, call);
}

static void get_block(Tamga__V1__DeviceService_Service *service,
                      const Tamga__V1__GetBlockRequest *request,
                      Tamga__V1__GetBlockResponse_Closure closure, void *call)
{
    struct gateway *gateway = gateway_of(service);
    Tamga__V1__GetBlockResponse response = TAMGA__V1__GET_BLOCK_RESPONSE__INIT;
    TAMGA_BUF bytes = {0};
    struct tamga_cid cid;
    size_t i = 0;

    gateway->blocks_asked++;
    if (gateway->good_blocks > 0 && --gateway->good_blocks == 0) {
        gateway->good_blocks = 1;
        tamga_rpc_fail(call, TAMGA_E_BUSY, NULL);
        return;
    }
    if (tamga_cid_parse(&cid, request->cid) != TAMGA_OK)
        i = gateway->content_count;
    while (i < gateway->content_count && !tamga_cid_equal(&gateway->content[i].cid, &cid))
        i++;
    if (i == gateway->content_count) {
        tamga_rpc_fail(call, TAMGA_E_NO_CONTENT, NULL);
        return;
    }
    if (tamga_buf_set(&bytes, tamga_buf_span(&gateway->content[i].bytes)) != TAMGA_OK)
        abort();
    if (gateway->bad_blocks > 0) {
        gateway->bad_blocks--;
        bytes.data[bytes.len / 2] ^= 1;
    }
    response.block = tamga_wire_bytes(tamga_buf_span(&bytes));
    closure(&response, call);
}

static void report(Tamga__V1__DeviceService_Service *service,
                   const Tamga__V1__ReportRequest *request,
                   Tamga__V1__ReportResponse_Closure closure, void *call)
{
    struct gateway *gateway = gateway_of(service);
    Tamga__V1__ReportResponse response = TAMGA__V1__REPORT_RESPONSE__INIT;
    struct tamga_hash record = {{1}};

    gateway->reports++;
    if (gateway->report_error != TAMGA_OK) {
        tamga_rpc_fail(call, gateway->report_error, NULL);
        return;
    }
    if (gateway->receipt_count < WORLD_RECEIPTS_MAX &&
        tamga_wire_pack(&gateway->receipt[gateway->receipt_count++],
                        &request->receipt->base) != TAMGA_OK)
        abort();
    response.record = tamga_wire_bytes(tamga_hash_span(&record));
    closure(&response, call);
}

static const Tamga__V1__DeviceService_Service handlers = {
    .base = {.descriptor = &tamga__v1__device_service__descriptor,
             .invoke = protobuf_c_service_invoke_internal},
    .check_in = check_in,
    .get_block = get_block,
    .report = report,
};

void world_serve(struct world *world)
{
    struct tamga_rpc_server_options options = {.listen = "tcp://127.0.0.1:0",
                                               .threads = 1,
                                               .contexts = 4,
                                               .per_pipe_max = 4,
                                               .pipes_max = 16,
                                               .send_timeout_ms = 2000};
    struct gateway *gateway = &world->gateway;

    gateway->service = handlers;
    cr_assert_eq(tamga_rpc_server_open(&gateway->server, &options, &world->detail), TAMGA_OK,
                 "%s", world->detail.text);
    cr_assert_eq(tamga_rpc_server_add(gateway->server, &gateway->service.base), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_start(gateway->server), TAMGA_OK);
    snprintf(gateway->addr, sizeof gateway->addr, "%s",
             tamga_rpc_server_addr(gateway->server));
}

/* ---- the device's folder ------------------------------------------------------------ */

static uint64_t now_ms(void *context)
{
    return ((const struct world *)context)->now_ms;
}

static enum tamga_err random_bytes(void *context, uint8_t *out, size_t len)
{
    (void)context;
    return tamga_random(out, len);
}

static void on_event(void *context, bool warning, const char *event, const char *text)
{
    struct world *world = context;

    (void)warning;
    (void)text;
    world->seen += world->watched != NULL && strcmp(world->watched, event) == 0;
    if (world->exit_at != NULL && strcmp(world->exit_at, event) == 0)
        _exit(9); /* a crash: nothing is closed, nothing is undone */
}

static void write_file(const char *path, struct tamga_span bytes)
{
    FILE *file = fopen(path, "wb");

    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    cr_assert_eq(fclose(file), 0);
}

static void make_state(struct gateway *gateway)
{
    test_validators_of(&gateway->validators, test_consortium());
    cr_assert_eq(tamga_store_mem_new(&gateway->store), TAMGA_OK);
    tamga_overlay_init(&gateway->state, &gateway->store->reader.view);
    cr_assert_eq(test_consortium()->rules->genesis(test_consortium(), &gateway->state),
                 TAMGA_OK);
}

void world_make(struct world *world)
{
    TAMGA_BUF certificate = {0};

    *world = (struct world){.now_ms = WORLD_NOW_MS};
    make_state(&world->gateway);
    strcpy(world->folder, "/tmp/tamga-device-XXXXXX");
    cr_assert_not_null(mkdtemp(world->folder));
    snprintf(world->genesis, sizeof world->genesis, "%s/genesis.tamga", world->folder);
    snprintf(world->key, sizeof world->key, "%s/device.pem", world->folder);
    snprintf(world->certificate, sizeof world->certificate, "%s/certificate.tamga",
             world->folder);
    snprintf(world->state, sizeof world->state, "%s/state", world->folder);
    snprintf(world->root, sizeof world->root, "%s/root", world->folder);
    write_file(world->genesis, tamga_buf_span(&test_network()->bytes));
    cr_assert_eq(tamga_private_key_save(test_device_key("acme", "cam", "0001"), world->key,
                                        NULL, &world->detail),
                 TAMGA_OK, "%s", world->detail.text);
    test_certificate(&certificate, &(struct test_record){0});
    write_file(world->certificate, tamga_buf_span(&certificate));
    world->options = (struct tamga_device_options){.device = "acme/cam/0001",
                                                   .genesis = world->genesis,
                                                   .key = world->key,
                                                   .certificate = world->certificate,
                                                   .state = world->state,
                                                   .root = world->root,
                                                   .call_ms = 5000};
    world->env = (struct tamga_device_env){.context = world,
                                           .now_ms = now_ms,
                                           .random = random_bytes,
                                           .event = on_event};
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

void world_remove(struct world *world)
{
    nftw(world->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

enum tamga_err world_open(struct world *world)
{
    return tamga_device_open(&world->device, &world->options, &world->env, &world->detail);
}

void world_close(struct world *world)
{
    tamga_device_close(world->device);
    world->device = NULL;
}

void world_start(struct world *world)
{
    world_make(world);
    world_serve(world);
    cr_assert_eq(world_open(world), TAMGA_OK, "%s", world->detail.text);
}

void world_end(struct world *world)
{
    struct gateway *gateway = &world->gateway;

    world_close(world);
    tamga_rpc_server_stop(gateway->server);
    tamga_rpc_server_close(gateway->server);
    for (size_t i = 0; i < gateway->block_count; i++)
        test_block_clear(&gateway->block[i]);
    for (size_t i = 0; i < gateway->block_count; i++)
        tamga_buf_clear(&gateway->proof[i]);
    for (size_t i = 0; i < gateway->content_count; i++)
        tamga_buf_clear(&gateway->content[i].bytes);
    for (size_t i = 0; i < gateway->receipt_count; i++)
        tamga_buf_clear(&gateway->receipt[i]);
    tamga_buf_clear(&gateway->newest);
    tamga_overlay_clear(&gateway->state);
    gateway->store->ops->close(gateway->store);
    world_remove(world);
}

enum tamga_err world_session(struct world *world)
{
    return tamga_device_session(world->device, world->gateway.addr, &world->result,
                                &world->detail);
}

/* ---- images and releases ------------------------------------------------------------ */

static enum tamga_err keep(void *context, const struct tamga_cid *cid, struct tamga_span block)
{
    struct gateway *gateway = context;

    cr_assert_lt(gateway->content_count, WORLD_CONTENT_MAX);
    gateway->content[gateway->content_count].cid = *cid;
    return tamga_buf_set(&gateway->content[gateway->content_count++].bytes, block);
}

void world_image(struct world *world, struct image *image, uint64_t seed, size_t len)
{
    *image = (struct image){0};
    cr_assert_eq(tamga_buf_reserve(&image->bytes, len), TAMGA_OK);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        image->bytes.data[i] = (uint8_t)(seed >> 56);
    }
    image->bytes.len = len;
    world_image_add(world, image);
}

void world_image_add(struct world *world, struct image *image)
{
    struct tamga_dag_builder *builder = NULL;
    struct tamga_cid root;

    tamga_sha256(&image->sha256, tamga_buf_span(&image->bytes));
    cr_assert_eq(tamga_dag_builder_new(&builder, &tamga_dag_default, keep, &world->gateway),
                 TAMGA_OK);
    cr_assert_eq(tamga_dag_builder_add(builder, tamga_buf_span(&image->bytes)), TAMGA_OK);
    cr_assert_eq(tamga_dag_builder_finish(builder, &root), TAMGA_OK);
    tamga_dag_builder_free(builder);
    tamga_cid_format(image->cid, &root);
}

void image_clear(struct image *image)
{
    tamga_buf_clear(&image->bytes);
}

/* The hook of a release has no context: these are its arguments. */
static const struct image *offered;
static void (*offered_change)(Tamga__V1__TransactionBody *body);

static void set_image(Tamga__V1__TransactionBody *body)
{
    body->release->image_sha256 = tamga_wire_bytes(tamga_hash_span(&offered->sha256));
    body->release->image_bytes = offered->bytes.len;
    if (offered_change != NULL)
        offered_change(body);
}

/* Validators put into the state what the test says, whether the rules allow it or not. */
static void put_latest(struct gateway *gateway, bool withdrawn)
{
    Tamga__V1__StateLatest latest = TAMGA__V1__STATE_LATEST__INIT;
    struct tamga_hash key;

    latest.release = tamga_wire_bytes(tamga_hash_span(&gateway->newest_id.hash));
    latest.counter = gateway->newest_counter;
    latest.withdrawn = withdrawn;
    tamga_key_latest(&key, "acme", "cam");
    cr_assert_eq(tamga_state_put(&gateway->state, &key, &latest.base), TAMGA_OK);
}

/* The hook of a block has no context either. */
static struct tamga_hash state_root;

static void set_root(struct tamga_block *block)
{
    block->sealed.header.state_root = state_root;
}

static void prove_newest(struct gateway *gateway, size_t at)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *checkpoint =
        test_cosign(&gateway->validators, &gateway->checkpoint[at], 0,
                    tamga_quorum(&gateway->validators.chain, 0));
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateProof *latest = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *transaction = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateProof *member = NULL;
    Tamga__V1__ReleaseProof proof = TAMGA__V1__RELEASE_PROOF__INIT;
    struct tamga_hash key;

    tamga_key_latest(&key, "acme", "cam");
    cr_assert_eq(tamga_state_proof_make(&latest, &gateway->state.view, &key), TAMGA_OK);
    if (gateway->newest.len > 0) {
        transaction =
            (Tamga__V1__Signed *)unpack(&tamga__v1__signed__descriptor, &gateway->newest);
        member = test_sender_proof(&gateway->state.view, &gateway->newest);
    }
    proof.checkpoint = checkpoint;
    proof.latest = latest;
    proof.transaction = transaction;
    proof.member = member;
    cr_assert_eq(tamga_wire_pack(&gateway->proof[at], &proof.base), TAMGA_OK);
}

/* A block, a checkpoint of it, and the proof of the newest release as of then. */
static void push_block(struct gateway *gateway, const struct tamga_buf *payload, size_t count)
{
    size_t at = gateway->block_count++;
    const struct tamga_header *header = &gateway->block[at].block.sealed.header;

    cr_assert_lt(at, WORLD_BLOCKS_MAX);
    cr_assert_eq(tamga_state_map_apply(&state_root, &gateway->state, &gateway->state),
                 TAMGA_OK);
    test_block_on(&gateway->block[at], test_consortium(),
                  at == 0 ? NULL : &gateway->block[at - 1].trail, "node-a", 0, payload, count,
                  set_root);
    gateway->checkpoint[at] =
        (struct tamga_checkpoint){.at = {header->height, gateway->block[at].id},
                                  .state_root = header->state_root,
                                  .time_ms = header->time_ms};
    prove_newest(gateway, at);
    gateway->shown = gateway->older_as_of = at;
}

static void publish(struct gateway *gateway, const struct test_release *release)
{
    struct tamga_buf payload[3] = {{0}};
    struct tamga_entry_id id;

    test_release(&payload[0], &id, release);
    for (uint64_t i = 1; i < 3; i++) /* company, so that a proof has a path */
        test_release(&payload[i], NULL,
                     &(struct test_release){.counter = 1000 * (gateway->block_count + 1) + i});
    gateway->newest_id = id;
    gateway->newest_counter = release->counter == 0 ? 1 : release->counter;
    put_latest(gateway, false);
    cr_assert_eq(tamga_buf_set(&gateway->newest, tamga_buf_span(&payload[0])), TAMGA_OK);
    push_block(gateway, payload, 3);
    for (size_t i = 0; i < 3; i++)
        tamga_buf_clear(&payload[i]);
}

static void publish_image(struct gateway *gateway, const struct image *image,
                          const struct test_release *base)
{
    struct test_release release = base == NULL ? (struct test_release){0} : *base;

    offered = image;
    offered_change = release.change;
    release.change = set_image;
    if (release.cid == NULL)
        release.cid = image->cid;
    publish(gateway, &release);
}

void world_offer(struct world *world, const struct image *image,
                 const struct test_release *base)
{
    publish_image(&world->gateway, image, base);
    world->gateway.offers = true;
    world->gateway.older = false;
}

void world_offer_next(struct world *world, uint64_t counter)
{
    struct image image;

    world_image(world, &image, counter, 1000);
    world_offer(world, &image, &(struct test_release){.counter = counter});
    image_clear(&image);
}

static void keep_on_offer(struct gateway *gateway)
{
    gateway->older_at = gateway->block_count - 1;
    gateway->older = true;
}

void world_supersede(struct world *world, const struct test_release *base)
{
    keep_on_offer(&world->gateway);
    publish(&world->gateway, base);
}

void world_supersede_by(struct world *world, const struct image *image,
                        const struct test_release *base)
{
    keep_on_offer(&world->gateway);
    publish_image(&world->gateway, image, base);
}

void world_say(struct world *world, const char *sender, const Tamga__V1__TransactionBody *body)
{
    struct tamga_buf payload = {0};

    test_action(&payload, NULL, sender, body);
    push_block(&world->gateway, &payload, 1);
    tamga_buf_clear(&payload);
    world->gateway.offers = true;
}

void world_permit(struct world *world, const struct world_permit *permit)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Permit action = TAMGA__V1__PERMIT__INIT;
    char reason[] = "2 bricks", *number = (char *)(uintptr_t)permit->number;

    action.release = tamga_wire_bytes(tamga_hash_span(&permit->release->hash));
    action.n_numbers = number != NULL;
    action.numbers = &number;
    action.expires_ms = permit->expires_ms == 0 ? WORLD_NOW_MS + 1 : permit->expires_ms;
    action.reason = reason;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT;
    body.permit = &action;
    world_say(world, permit->sender == NULL ? "acme" : permit->sender, &body);
    world->gateway.permit_at = world->gateway.block_count - 1;
}

void world_offer_older(struct world *world, size_t at)
{
    world->gateway.older_at = at;
    world->gateway.older = true;
}

/* What the state says of a release that is not simply in force. */
static void put_release(struct gateway *gateway, const struct tamga_entry_id *id,
                        uint64_t counter, const struct tamga_entry_id *withdrawn_by)
{
    Tamga__V1__StateRelease value = TAMGA__V1__STATE_RELEASE__INIT;
    char producer[] = "acme", model[] = "cam", *signed_by[] = {producer};
    struct tamga_hash key;

    value.producer = producer;
    value.model = model;
    value.counter = counter;
    value.n_signed_by = 1;
    value.signed_by = signed_by;
    value.waits = withdrawn_by == NULL;
    if (withdrawn_by != NULL)
        value.withdrawn_by = tamga_wire_bytes(tamga_hash_span(&withdrawn_by->hash));
    tamga_key_release(&key, &id->hash);
    cr_assert_eq(tamga_state_put(&gateway->state, &key, &value.base), TAMGA_OK);
}

void world_withdraw(struct world *world, const struct tamga_entry_id *id, uint64_t counter)
{
    struct tamga_entry_id by;

    test_image(&by.hash, 77);
    put_release(&world->gateway, id, counter, &by);
    world_grow(world, 1, "lock");
}

void world_keep_waiting(struct world *world, const struct tamga_entry_id *id, uint64_t counter)
{
    put_release(&world->gateway, id, counter, NULL);
    world_grow(world, 1, "lock");
}

void world_withdraw_newest(struct world *world)
{
    const struct gateway *gateway = &world->gateway;
    struct tamga_entry_id id = gateway->newest_id;

    put_latest(&world->gateway, true);
    world_withdraw(world, &id, gateway->newest_counter);
}

void world_grow(struct world *world, size_t count, const char *model)
{
    for (size_t i = 0; i < count; i++) {
        struct gateway *gateway = &world->gateway;
        struct tamga_buf payload = {0};

        test_release(&payload, NULL,
                     &(struct test_release){.model = model,
                                            .counter = gateway->block_count + 1});
        push_block(gateway, &payload, 1);
        tamga_buf_clear(&payload);
    }
}

/* ---- what came of it ---------------------------------------------------------------- */

Tamga__V1__ReceiptBody *world_receipt(struct world *world, size_t i)
{
    TAMGA_CLEANUP(tamga_certificate_clear) struct tamga_certificate certificate = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *enrolled = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    TAMGA_BUF bytes = {0};
    Tamga__V1__ReceiptBody *body = NULL;
    struct tamga_hash id;

    cr_assert_lt(i, world->gateway.receipt_count, "no such receipt");
    test_certificate(&bytes, &(struct test_record){0});
    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&enrolled,
                                   &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                   tamga_buf_span(&bytes), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_certificate_open(&certificate, test_network(), enrolled, NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&message,
                                   &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                   tamga_buf_span(&world->gateway.receipt[i]), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_receipt_open(&body, &id, test_network(), &certificate, message,
                                    &world->detail),
                 TAMGA_OK, "%s", world->detail.text);
    return body;
}

bool world_runs(struct world *world, const struct image *image)
{
    TAMGA_BUF bytes = {0};
    char path[128];

    snprintf(path, sizeof path, "%s/current", world->root);
    return tamga_device_file_read(&bytes, AT_FDCWD, path, 1u << 24, NULL) == TAMGA_OK &&
           tamga_span_equal(tamga_buf_span(&bytes), tamga_buf_span(&image->bytes));
}

struct tamga_device_status world_status(struct world *world)
{
    struct tamga_device_status status;

    tamga_device_status(world->device, &status);
    return status;
}
