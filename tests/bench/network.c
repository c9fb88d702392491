/* Genesis, releases and blocks by keys of this run. Knows no benchmark. */
#include "network.h"

#include <stdlib.h>
#include <time.h>

#include "bench.h"
#include "content/dag.h"
#include "crypto/hash.h"
#include "limits.h"
#include "wire/wire.h"

#define PRODUCERS 3
#define TRIES_MAX (1u << 24)
#define HOUR_MS   3600000u

const char *const bench_node_name[BENCH_NODES_MAX] = {
    "node-a", "node-b", "node-c", "node-d", "node-e", "node-f", "node-g",
    "node-h", "node-i", "node-j", "node-k", "node-l", "node-m",
};

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant; /* protobuf-c wants char * where it only reads */
}

static uint64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- genesis ---------------------------------------------------------------------- */

static Tamga__V1__ChainParams make_params(void)
{
    Tamga__V1__ChainParams params = TAMGA__V1__CHAIN_PARAMS__INIT;

    params.target_limit = 0x207fffff;
    params.block_time_ms = BENCH_SPACING_MS;
    params.halflife_ms = HOUR_MS;
    params.drift_ms = 60000;
    params.entry_age_max_ms = 24ull * HOUR_MS;
    params.block_entries_max = 4096;
    params.block_bytes_max = TAMGA_BODY_BYTES_MAX;
    params.block_wait_ms = BENCH_WAIT_MS;
    return params;
}

static void make_models(Tamga__V1__Model *model, Tamga__V1__Model **list, char (*name)[8])
{
    static const char *const producer[] = {"ed25519", "p256", "rsa3072"};

    for (size_t i = 0; i < 3 * BENCH_MODELS; i++) {
        snprintf(name[i], 8, "m%04zu", i % BENCH_MODELS);
        tamga__v1__model__init(&model[i]);
        model[i].producer = text(producer[i / BENCH_MODELS]);
        model[i].model = name[i];
        list[i] = &model[i];
    }
}

static void set_member(Tamga__V1__Member *member, Tamga__V1__PublicKey *key, const char *name,
                       const struct tamga_private_key *own, uint32_t role)
{
    *key = tamga_wire_key_of(tamga_private_key_public(own));
    tamga__v1__member__init(member);
    member->name = text(name);
    member->roles = role;
    member->key = key;
}

/* Ascending by name, and so are the nodes among them. */
static size_t make_members(const struct bench_network *network, Tamga__V1__Member *member,
                           Tamga__V1__PublicKey *key)
{
    size_t n = 0;

    set_member(&member[n], &key[n], "ed25519", network->producer[TAMGA_KEY_ED25519],
               TAMGA__V1__ROLE__ROLE_OEM);
    n++;
    for (size_t i = 0; i < network->nodes; i++, n++)
        set_member(&member[n], &key[n], bench_node_name[i], network->node[i],
                   TAMGA__V1__ROLE__ROLE_CONSORTIUM);
    set_member(&member[n], &key[n], "p256", network->producer[TAMGA_KEY_P256],
               TAMGA__V1__ROLE__ROLE_OEM);
    n++;
    set_member(&member[n], &key[n], "rsa3072", network->producer[TAMGA_KEY_RSA3072],
               TAMGA__V1__ROLE__ROLE_OEM);
    return n + 1;
}

static void make_genesis(struct bench_network *network)
{
    static char name[3 * BENCH_MODELS][8];
    static Tamga__V1__Model model[3 * BENCH_MODELS], *models[3 * BENCH_MODELS];
    char *nodes[BENCH_NODES_MAX];
    Tamga__V1__ChainParams params = make_params(), gateway = params;
    Tamga__V1__Member member[PRODUCERS + BENCH_NODES_MAX], *members[PRODUCERS + BENCH_NODES_MAX];
    Tamga__V1__PublicKey key[PRODUCERS + BENCH_NODES_MAX];
    Tamga__V1__Genesis genesis = TAMGA__V1__GENESIS__INIT;
    struct tamga_detail detail = {{0}};
    TAMGA_BUF bytes = {0};

    genesis.n_members = make_members(network, member, key);
    for (size_t i = 0; i < genesis.n_members; i++)
        members[i] = &member[i];
    for (size_t i = 0; i < network->nodes; i++)
        nodes[i] = text(bench_node_name[i]);
    make_models(model, models, name);
    params.n_validators = network->nodes;
    params.validators = nodes;
    genesis.network = text("bench");
    genesis.time_ms = wall_ms() - HOUR_MS;
    genesis.members = members;
    genesis.n_models = 3 * BENCH_MODELS;
    genesis.models = models;
    genesis.consortium = &params;
    genesis.gateway = &gateway; /* no gateway, nobody to make its blocks final */
    bench_must(tamga_wire_pack(&bytes, &genesis.base), "genesis");
    bench_must(tamga_network_decode(&network->network, tamga_buf_span(&bytes), &detail),
               detail.text);
}

/* ---- images ------------------------------------------------------------------------ */

static enum tamga_err keep_leaf(void *context, const struct tamga_cid *cid,
                                struct tamga_span block)
{
    (void)cid;
    return tamga_buf_set(context, block);
}

static void make_image(struct bench_image *image, unsigned number)
{
    struct tamga_span bytes = tamga_span(image->bytes, sizeof image->bytes);
    struct tamga_dag_builder *builder;

    snprintf((char *)image->bytes, sizeof image->bytes, "image %u of a benchmark", number);
    bench_must(tamga_dag_builder_new(&builder, &tamga_dag_default, keep_leaf, &image->block),
               "image");
    bench_must(tamga_dag_builder_add(builder, bytes), "image");
    bench_must(tamga_dag_builder_finish(builder, &image->cid), "image");
    tamga_dag_builder_free(builder);
    tamga_sha256(&image->sha256, bytes);
}

void bench_network_open(struct bench_network *network)
{
    bench_network_open_with(network, BENCH_NODES);
}

void bench_network_open_with(struct bench_network *network, size_t nodes)
{
    BENCH_CHECK(nodes >= 1 && nodes <= BENCH_NODES_MAX);
    *network = (struct bench_network){.nodes = nodes};
    for (size_t i = 0; i < 3; i++)
        bench_must(tamga_private_key_generate(&network->producer[bench_key_type[i]],
                                              bench_key_type[i]),
                   "key");
    for (size_t i = 0; i < nodes; i++)
        bench_must(tamga_private_key_generate(&network->node[i], TAMGA_KEY_P256), "key");
    for (unsigned i = 0; i < BENCH_IMAGES; i++)
        make_image(&network->image[i], i);
    make_genesis(network);
    bench_must(tamga_chain_init(&network->chain, &tamga_rules_consortium, network->network),
               "chain");
}

void bench_network_close(struct bench_network *network)
{
    for (size_t i = 0; i < 4; i++)
        tamga_private_key_free(network->producer[i]);
    for (size_t i = 0; i < network->nodes; i++)
        tamga_private_key_free(network->node[i]);
    for (size_t i = 0; i < BENCH_IMAGES; i++)
        tamga_buf_clear(&network->image[i].block);
    tamga_network_free(network->network);
    *network = (struct bench_network){0};
}

/* ---- releases and blocks ------------------------------------------------------------- */

void bench_release(struct tamga_buf *out, const struct bench_network *network,
                   enum tamga_key_type type, uint32_t index)
{
    const struct tamga_private_key *key = network->producer[type];
    const struct bench_image *image = &network->image[index / BENCH_MODELS];
    Tamga__V1__PublicKey public_key = tamga_wire_key_of(tamga_private_key_public(key));
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Release release = TAMGA__V1__RELEASE__INIT;
    char model[8], version[16], cid[TAMGA_CID_TEXT_MAX];
    struct tamga_address sender;

    BENCH_CHECK(index < BENCH_RELEASES);
    snprintf(model, sizeof model, "m%04u", index % BENCH_MODELS);
    snprintf(version, sizeof version, "1.%u", index / BENCH_MODELS + 1);
    tamga_cid_format(cid, &image->cid);
    tamga_public_key_address(tamga_private_key_public(key), &sender);
    release.producer = text(bench_key_name(type));
    release.model = model;
    release.version = version;
    release.counter = index / BENCH_MODELS + 1;
    release.cid = cid;
    release.image_sha256 = tamga_wire_bytes(tamga_hash_span(&image->sha256));
    release.image_bytes = BENCH_IMAGE_BYTES;
    body.sender = tamga_wire_bytes(tamga_hash_span(&sender.hash));
    body.key = &public_key;
    body.time_ms = network->network->genesis->time_ms;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE;
    body.release = &release;
    out->len = 0;
    bench_must(tamga_signed_make(out, NULL, &body.base, TAMGA_DOMAIN_TRANSACTION,
                                 &network->chain.id, key),
               "release");
}

void bench_item(struct tamga_item *item, const struct bench_network *network,
                enum tamga_key_type type, uint32_t index)
{
    struct tamga_detail detail = {{0}};
    TAMGA_BUF payload = {0};

    bench_release(&payload, network, type, index);
    bench_must(network->chain.rules->decode(&network->chain, item, tamga_buf_span(&payload),
                                            &detail),
               detail.text);
    item->verified = true;
}

uint64_t bench_next_ms(const struct tamga_engine *engine)
{
    return tamga_engine_tip(engine)->tip.time_ms + BENCH_SPACING_MS;
}

void bench_seal(struct tamga_sealed *sealed, const struct bench_network *network)
{
    uint8_t bytes[TAMGA_HEADER_BYTES];
    struct tamga_hash limit, digest;
    struct tamga_block_id id;
    struct tamga_u256 target;

    bench_must(tamga_target_expand(&target, sealed->header.target), "target");
    tamga_u256_to_bytes(limit.byte, &target);
    tamga_header_encode(bytes, &sealed->header);
    BENCH_CHECK(tamga_sha256_search(bytes, &limit, 0, TRIES_MAX, &sealed->header.nonce));
    tamga_header_id(&id, &sealed->header);
    tamga_seal_digest(&digest, &sealed->header, &id);
    bench_must(tamga_private_key_sign(network->node[0], &digest, &sealed->seal), "seal");
}

void bench_fill_mempool(struct tamga_engine *engine, const struct bench_network *network,
                        uint32_t first, uint32_t count)
{
    uint64_t now_ms = bench_next_ms(engine);

    for (uint32_t i = 0; i < count; i++) {
        struct tamga_item item = {0};
        bool known;

        bench_item(&item, network, TAMGA_KEY_P256, first + i);
        bench_must(tamga_engine_submit(engine, &item, now_ms, &known, NULL), "submit");
        tamga_item_clear(&item);
    }
}

void bench_propose(struct tamga_block *out, struct tamga_engine *engine,
                   const struct bench_network *network)
{
    struct tamga_address miner;

    tamga_public_key_address(tamga_private_key_public(network->node[0]), &miner);
    bench_must(tamga_engine_propose(engine, out, &miner, bench_next_ms(engine)), "propose");
}

void bench_make_block(struct tamga_block *out, struct tamga_engine *engine,
                      const struct bench_network *network, uint32_t first, uint32_t count)
{
    bench_fill_mempool(engine, network, first, count);
    bench_propose(out, engine, network);
    BENCH_CHECK(out->count == count);
    bench_seal(&out->sealed, network);
}
