/* The network, its keys and what is signed with them. Blocks and engines:
 * fixture_chain.c. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "content/cid.h"
#include "crypto/hash.h"
#include "fixture_internal.h"
#include "wire/wire.h"

#define KEYS_MAX 4096

void test_must(enum tamga_err err, const char *what)
{
    if (err == TAMGA_OK)
        return;
    fprintf(stderr, "fixture: %s: %s\n", what, tamga_err_name(err));
    abort();
}

/* ---- keys ------------------------------------------------------------------------- */

/* PKCS#8 up to the 32 secret bytes. */
static const uint8_t ed25519_head[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
static const uint8_t p256_head[] = {
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20};

static void write_base64(FILE *file, const uint8_t *data, size_t len)
{
    static const char digit[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t bits = (uint32_t)data[i] << 16 |
                        (uint32_t)(left > 1 ? data[i + 1] : 0) << 8 |
                        (uint32_t)(left > 2 ? data[i + 2] : 0);

        if (i > 0 && i % 48 == 0)
            fputc('\n', file);
        fputc(digit[bits >> 18], file);
        fputc(digit[bits >> 12 & 63], file);
        fputc(left > 1 ? digit[bits >> 6 & 63] : '=', file);
        fputc(left > 2 ? digit[bits & 63] : '=', file);
    }
}

/* Key files are the only way in for a key that is not random. */
static struct tamga_private_key *make_key(const char *name)
{
    char path[] = "/tmp/tamga-test-key-XXXXXX";
    bool p256 = strcmp(name, "bolt") == 0;
    uint8_t der[sizeof p256_head + TAMGA_HASH_BYTES];
    size_t head = p256 ? sizeof p256_head : sizeof ed25519_head;
    struct tamga_span part[2] = {tamga_span_text("tamga test key "), tamga_span_text(name)};
    struct tamga_private_key *key = NULL;
    struct tamga_detail detail = {0};
    struct tamga_hash secret;
    int fd = mkstemp(path); /* mode 0600 */
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

    if (file == NULL)
        test_must(TAMGA_E_FILE_IO, path);
    tamga_sha256_parts(&secret, part, 2);
    memcpy(der, p256 ? p256_head : ed25519_head, head);
    memcpy(der + head, secret.byte, TAMGA_HASH_BYTES);
    fputs("-----BEGIN PRIVATE KEY-----\n", file);
    write_base64(file, der, head + TAMGA_HASH_BYTES);
    fputs("\n-----END PRIVATE KEY-----\n", file);
    fclose(file);
    test_must(tamga_private_key_load(&key, path, NULL, &detail), detail.text);
    unlink(path);
    return key;
}

const struct tamga_private_key *test_key(const char *name)
{
    static struct {
        char name[128];
        struct tamga_private_key *key;
    } known[KEYS_MAX];
    size_t i = 0;

    while (i < KEYS_MAX && known[i].key != NULL && strcmp(known[i].name, name) != 0)
        i++;
    if (i == KEYS_MAX || strlen(name) >= sizeof known[i].name)
        test_must(TAMGA_E_TOO_LARGE, "keys");
    if (known[i].key == NULL) {
        known[i].key = make_key(name);
        strcpy(known[i].name, name);
    }
    return known[i].key;
}

void test_address(struct tamga_address *out, const char *name)
{
    tamga_public_key_address(tamga_private_key_public(test_key(name)), out);
}

const struct tamga_private_key *test_device_key(const char *producer, const char *model,
                                                const char *number)
{
    char name[256];

    snprintf(name, sizeof name, "device %s/%s/%s", producer, model, number);
    return test_key(name);
}

/* ---- the network ------------------------------------------------------------------ */

static const struct {
    const char *name;
    uint32_t roles;
} member_table[] = {
    {"acme", TAMGA__V1__ROLE__ROLE_OEM},
    {"bolt", TAMGA__V1__ROLE__ROLE_OEM},
    {"gw-1", TAMGA__V1__ROLE__ROLE_GATEWAY},
    {"gw-2", TAMGA__V1__ROLE__ROLE_GATEWAY},
    {"node-a", TAMGA__V1__ROLE__ROLE_CONSORTIUM},
    {"node-b", TAMGA__V1__ROLE__ROLE_CONSORTIUM},
    {"node-c", TAMGA__V1__ROLE__ROLE_CONSORTIUM},
    {"softco", TAMGA__V1__ROLE__ROLE_PROVIDER},
};
#define MEMBER_COUNT (sizeof member_table / sizeof member_table[0])
#define MODEL_COUNT  3

/* protobuf-c wants char * where it only reads. */
static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

static void encode_genesis(struct tamga_buf *out)
{
    char *hardware[] = {text("A"), text("B")};
    char *providers[] = {text("softco")};
    char *nodes[] = {text("node-a"), text("node-b"), text("node-c")};
    char *gateways[] = {text("gw-1"), text("gw-2")};
    Tamga__V1__Genesis genesis = TAMGA__V1__GENESIS__INIT;
    Tamga__V1__ChainParams params = TAMGA__V1__CHAIN_PARAMS__INIT, gateway;
    Tamga__V1__Member member[MEMBER_COUNT], *members[MEMBER_COUNT];
    Tamga__V1__PublicKey key[MEMBER_COUNT];
    Tamga__V1__Model model[MODEL_COUNT], *models[MODEL_COUNT];

    params.target_limit = TEST_TARGET;
    params.block_time_ms = TEST_SPACING_MS;
    params.halflife_ms = 60000;
    params.drift_ms = TEST_DRIFT_MS;
    params.entry_age_max_ms = TEST_AGE_MAX_MS;
    params.block_entries_max = TEST_ENTRIES_MAX;
    params.block_bytes_max = 262144;
    params.block_wait_ms = TEST_WAIT_MS;
    gateway = params;
    params.n_validators = sizeof nodes / sizeof nodes[0];
    params.validators = nodes;
    gateway.n_validators = sizeof gateways / sizeof gateways[0];
    gateway.validators = gateways;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        key[i] = tamga_wire_key_of(tamga_private_key_public(test_key(member_table[i].name)));
        tamga__v1__member__init(&member[i]);
        member[i].name = text(member_table[i].name);
        member[i].roles = member_table[i].roles;
        member[i].key = &key[i];
        members[i] = &member[i];
    }
    for (size_t i = 0; i < MODEL_COUNT; i++) {
        tamga__v1__model__init(&model[i]);
        model[i].producer = text(i < 2 ? "acme" : "bolt");
        models[i] = &model[i];
    }
    model[0].model = text("cam");
    model[0].n_hardware = 2;
    model[0].hardware = hardware;
    model[0].n_providers = 1;
    model[0].providers = providers;
    model[1].model = text("lock");
    model[2].model = text("pump");
    genesis.network = text("test");
    genesis.time_ms = TEST_GENESIS_MS;
    genesis.n_members = MEMBER_COUNT;
    genesis.members = members;
    genesis.n_models = MODEL_COUNT;
    genesis.models = models;
    genesis.consortium = &params;
    genesis.gateway = &gateway;
    test_must(tamga_wire_pack(out, &genesis.base), "genesis");
}

const struct tamga_network *test_network(void)
{
    static struct tamga_network *network;
    struct tamga_detail detail = {0};
    TAMGA_BUF bytes = {0};

    if (network != NULL)
        return network;
    encode_genesis(&bytes);
    test_must(tamga_network_decode(&network, tamga_buf_span(&bytes), &detail), detail.text);
    return network;
}

Tamga__V1__Genesis *test_genesis(void)
{
    ProtobufCMessage *message = NULL;

    test_must(tamga_wire_unpack(&message, &tamga__v1__genesis__descriptor,
                                TAMGA_WIRE_CANONICAL, tamga_buf_span(&test_network()->bytes),
                                NULL),
              "genesis");
    return (Tamga__V1__Genesis *)message;
}

const struct tamga_chain *test_consortium(void)
{
    static struct tamga_chain chain;

    if (chain.rules == NULL)
        test_must(tamga_chain_init(&chain, &tamga_rules_consortium, test_network()), "chain");
    return &chain;
}

const struct tamga_chain *test_gateway(void)
{
    static struct tamga_chain chain;

    if (chain.rules == NULL)
        test_must(tamga_chain_init(&chain, &tamga_rules_gateway, test_network()), "chain");
    return &chain;
}

/* ---- signing ---------------------------------------------------------------------- */

static const char *or_else(const char *given, const char *otherwise)
{
    return given == NULL ? otherwise : given;
}

static void numbered(struct tamga_hash *out, const char *what, uint64_t number)
{
    uint8_t bytes[8];
    struct tamga_span part[2] = {tamga_span_text(what), tamga_span(bytes, 8)};

    tamga_put_u64(bytes, number);
    tamga_sha256_parts(out, part, 2);
}

void test_image(struct tamga_hash *out, uint64_t image)
{
    numbered(out, "image", image);
}

void test_release_name(struct tamga_hash *out, uint64_t release)
{
    numbered(out, "release", release);
}

/* Sign; then let forge change the signed message, and encode it again. */
static void sign(struct tamga_buf *out, struct tamga_hash *id, const ProtobufCMessage *body,
                 const char *domain, const struct tamga_scope *scope,
                 const struct tamga_private_key *key, void (*forge)(Tamga__V1__Signed *))
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;

    tamga_buf_clear(out);
    test_must(tamga_signed_make(out, id, body, domain, scope, key), domain);
    if (forge == NULL)
        return;
    test_must(tamga_wire_unpack(&message, &tamga__v1__signed__descriptor,
                                TAMGA_WIRE_CANONICAL, tamga_buf_span(out), NULL),
              domain);
    forge((Tamga__V1__Signed *)message);
    tamga_buf_clear(out);
    test_must(tamga_wire_pack(out, message), domain);
}

void test_action(struct tamga_buf *out, struct tamga_entry_id *id, const char *sender,
                 const Tamga__V1__TransactionBody *from)
{
    const struct tamga_private_key *key = test_key(sender);
    Tamga__V1__PublicKey public_key = tamga_wire_key_of(tamga_private_key_public(key));
    Tamga__V1__TransactionBody body = *from;
    struct tamga_address address;
    struct tamga_hash made;

    tamga_public_key_address(tamga_private_key_public(key), &address);
    body.sender = tamga_wire_bytes(tamga_hash_span(&address.hash));
    body.key = &public_key;
    if (body.time_ms == 0)
        body.time_ms = TEST_GENESIS_MS;
    sign(out, &made, &body.base, TAMGA_DOMAIN_TRANSACTION, &test_consortium()->id, key, NULL);
    if (id != NULL)
        id->hash = made;
}

void test_release(struct tamga_buf *out, struct tamga_entry_id *id,
                  const struct test_release *from)
{
    const struct tamga_private_key *key = test_key(or_else(from->sender, "acme"));
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Release release = TAMGA__V1__RELEASE__INIT;
    Tamga__V1__PublicKey public_key = tamga_wire_key_of(tamga_private_key_public(key));
    uint64_t counter = from->counter == 0 ? 1 : from->counter;
    char version[32], cid_text[TAMGA_CID_TEXT_MAX];
    char *hardware = text(from->hardware);
    Tamga__V1__Dependency *depends = from->depends;
    struct tamga_address sender;
    struct tamga_hash image, made;
    struct tamga_cid cid;

    test_image(&image, from->image == 0 ? counter : from->image);
    tamga_cid_of(&cid, 1, TAMGA_CODEC_RAW, tamga_hash_span(&image));
    tamga_cid_format(cid_text, &cid);
    snprintf(version, sizeof version, "1.%llu", (unsigned long long)counter);
    release.producer = text(or_else(from->producer, "acme"));
    release.model = text(or_else(from->model, "cam"));
    release.version = text(or_else(from->version, version));
    release.counter = counter;
    release.cid = text(or_else(from->cid, cid_text));
    release.image_sha256 = tamga_wire_bytes(tamga_hash_span(&image));
    release.image_bytes = 1000;
    release.n_hardware = hardware != NULL;
    release.hardware = &hardware;
    release.expires_ms = from->expires_ms;
    release.n_depends = depends != NULL;
    release.depends = &depends;
    release.first_install = from->first_install;
    release.urgent = from->urgent;
    if (from->republish_of != NULL)
        release.republish_of = tamga_wire_bytes(tamga_hash_span(&from->republish_of->hash));

    tamga_public_key_address(tamga_private_key_public(key), &sender);
    body.sender = tamga_wire_bytes(tamga_hash_span(&sender.hash));
    body.key = &public_key;
    body.time_ms = from->time_ms == 0 ? TEST_GENESIS_MS : from->time_ms;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE;
    body.release = &release;
    if (from->change != NULL)
        from->change(&body);
    sign(out, &made, &body.base, TAMGA_DOMAIN_TRANSACTION, &test_consortium()->id, key,
         from->forge);
    if (id != NULL)
        id->hash = made;
}

static Tamga__V1__DeviceId device_of(const struct test_record *record)
{
    Tamga__V1__DeviceId device = TAMGA__V1__DEVICE_ID__INIT;

    device.producer = text(or_else(record->producer, "acme"));
    device.model = text(or_else(record->model, "cam"));
    device.number = text(or_else(record->number, "0001"));
    return device;
}

static uint64_t time_of(const struct test_record *record)
{
    return record->time_ms == 0 ? TEST_GENESIS_MS : record->time_ms;
}

static Tamga__V1__Outcome outcome_of(const struct test_record *record)
{
    return record->outcome == TAMGA__V1__OUTCOME__OUTCOME_UNSPECIFIED
               ? TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED
               : record->outcome;
}

void test_certificate(struct tamga_buf *out, const struct test_record *record)
{
    Tamga__V1__CertificateBody body = TAMGA__V1__CERTIFICATE_BODY__INIT;
    Tamga__V1__DeviceId device = device_of(record);
    const struct tamga_private_key *key =
        test_device_key(device.producer, device.model, device.number);
    const struct tamga_private_key *issuer =
        test_key(or_else(record->issuer, device.producer));
    Tamga__V1__PublicKey device_key = tamga_wire_key_of(tamga_private_key_public(key));
    Tamga__V1__PublicKey issuer_key = tamga_wire_key_of(tamga_private_key_public(issuer));
    struct tamga_address address;

    tamga_public_key_address(tamga_private_key_public(issuer), &address);
    body.device = &device;
    body.key = &device_key;
    body.issuer = tamga_wire_bytes(tamga_hash_span(&address.hash));
    body.issuer_key = &issuer_key;
    body.hardware = text("A");
    body.issued_ms = TEST_GENESIS_MS;
    body.expires_ms = record->certificate_expires_ms;
    if (record->change_certificate != NULL)
        record->change_certificate(&body);
    sign(out, NULL, &body.base, TAMGA_DOMAIN_CERTIFICATE, &test_network()->id, issuer,
         record->forge_certificate);
}

static struct tamga_hash release_of(const struct test_record *record)
{
    struct tamga_hash release;

    if (record->release_id != NULL)
        return record->release_id->hash;
    test_release_name(&release, record->release);
    return release;
}

void test_receipt(struct tamga_buf *out, const struct test_record *record)
{
    Tamga__V1__ReceiptBody body = TAMGA__V1__RECEIPT_BODY__INIT;
    Tamga__V1__DeviceId device = device_of(record);
    uint8_t nonce[TAMGA_NONCE_BYTES] = {1};
    struct tamga_hash release = release_of(record), image;
    const struct tamga_private_key *key =
        record->signer != NULL
            ? test_key(record->signer)
            : test_device_key(device.producer, device.model, device.number);
    enum tamga_err reason =
        record->reason == TAMGA_OK ? TAMGA_E_INSTALL_FAILED : record->reason;

    test_image(&image, record->release);
    body.device = &device;
    body.release = tamga_wire_bytes(tamga_hash_span(&release));
    body.image_sha256 = tamga_wire_bytes(tamga_hash_span(&image));
    body.outcome = outcome_of(record);
    if (body.outcome != TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED)
        body.reason = (uint32_t)reason;
    body.receipt_counter = record->counter == 0 ? 1 : record->counter;
    body.time_ms = time_of(record);
    body.to_counter = 1;
    body.nonce = tamga_wire_bytes(tamga_span(nonce, sizeof nonce));
    body.reinstall = record->reinstall;
    if (record->change_receipt != NULL)
        record->change_receipt(&body);
    sign(out, NULL, &body.base, TAMGA_DOMAIN_RECEIPT, &test_network()->id, key,
         record->forge_receipt);
}

void test_record(struct tamga_buf *out, struct tamga_entry_id *id,
                 const struct test_record *record)
{
    TAMGA_BUF receipt = {0};
    TAMGA_BUF certificate = {0};
    Tamga__V1__RecordBody body = TAMGA__V1__RECORD_BODY__INIT;
    Tamga__V1__DeviceId device = device_of(record);
    const struct tamga_private_key *key = test_key(or_else(record->gateway, "gw-1"));
    Tamga__V1__PublicKey public_key = tamga_wire_key_of(tamga_private_key_public(key));
    struct tamga_hash release = release_of(record), image, made;
    struct tamga_address gateway;

    test_receipt(&receipt, record);
    test_certificate(&certificate, record);
    test_image(&image, record->release);
    tamga_public_key_address(tamga_private_key_public(key), &gateway);
    body.gateway = tamga_wire_bytes(tamga_hash_span(&gateway.hash));
    body.key = &public_key;
    body.time_ms = time_of(record);
    body.release = tamga_wire_bytes(tamga_hash_span(&release));
    body.image_sha256 = tamga_wire_bytes(tamga_hash_span(&image));
    body.device = &device;
    body.outcome = outcome_of(record);
    body.receipt = tamga_wire_bytes(tamga_buf_span(&receipt));
    body.certificate = tamga_wire_bytes(tamga_buf_span(&certificate));
    if (record->change != NULL)
        record->change(&body);
    sign(out, &made, &body.base, TAMGA_DOMAIN_RECORD, &test_gateway()->id, key,
         record->forge);
    if (id != NULL)
        id->hash = made;
}

void test_item(struct tamga_item *item, const struct tamga_chain *chain,
               const struct tamga_buf *payload)
{
    struct tamga_detail detail = {0};

    tamga_item_clear(item);
    test_must(chain->rules->decode(chain, item, tamga_buf_span(payload), &detail),
              detail.text);
}
