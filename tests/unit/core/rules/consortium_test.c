/* Every refusal of the consortium's rules, each by the smallest change to a good release. */
#include <criterion/criterion.h>

#include "chain/engine.h"
#include "crypto/hash.h"
#include "chain/query.h"
#include "fixture.h"
#include "wire/wire.h"

#define T0 TEST_GENESIS_MS

/* A chain with one release of acme/cam in it: counter 10, image 10, version 1.10. */
static struct tamga_entry_id base_id;

static void open_with_base(struct test_node *node)
{
    TAMGA_BUF payload = {0};

    test_node_open(node, test_consortium());
    test_release(&payload, &base_id, &(struct test_release){.counter = 10});
    cr_assert_eq(test_submit(node, &payload, T0), TAMGA_OK);
    cr_assert_eq(test_mine(node, NULL, "node-a", T0 + 1), TAMGA_OK);
}

/* ---- changes ---------------------------------------------------------------------- */

static char no_version[] = "", odd_version[] = "1 2", odd_model[] = "..", odd_producer[] = "ACME";
static char revision_c[] = "C", revision_a[] = "A", base_version[] = "1.10", model_cam[] = "cam",
            acme[] = "acme", unknown_version[] = "9.9", folder_cid[] = "bafy";
static uint8_t zeros[64];

static void no_key(Tamga__V1__TransactionBody *body)
{
    body->key = NULL;
}
static void no_sender(Tamga__V1__TransactionBody *body)
{
    body->sender.len = 0;
}
static void other_address(Tamga__V1__TransactionBody *body)
{
    static struct tamga_address other;

    test_address(&other, "softco");
    body->sender = tamga_wire_bytes(tamga_hash_span(&other.hash));
}
static void other_key(Tamga__V1__TransactionBody *body)
{
    static Tamga__V1__PublicKey other;

    other = tamga_wire_key_of(tamga_private_key_public(test_key("softco")));
    body->key = &other;
}
static void no_action(Tamga__V1__TransactionBody *body)
{
    body->action_case = TAMGA__V1__TRANSACTION_BODY__ACTION__NOT_SET;
}
static void counter_zero(Tamga__V1__TransactionBody *body)
{
    body->release->counter = 0;
}
static void empty_version(Tamga__V1__TransactionBody *body)
{
    body->release->version = no_version;
}
static void bad_version(Tamga__V1__TransactionBody *body)
{
    body->release->version = odd_version;
}
static void bad_model(Tamga__V1__TransactionBody *body)
{
    body->release->model = odd_model;
}
static void bad_producer(Tamga__V1__TransactionBody *body)
{
    body->release->producer = odd_producer;
}
static void bad_cid(Tamga__V1__TransactionBody *body)
{
    body->release->cid = folder_cid;
}
static void no_image(Tamga__V1__TransactionBody *body)
{
    body->release->image_sha256.len = 0;
}
static void short_image(Tamga__V1__TransactionBody *body)
{
    body->release->image_sha256.len = 31;
}
static void empty_image(Tamga__V1__TransactionBody *body)
{
    body->release->image_bytes = 0;
}
static void huge_image(Tamga__V1__TransactionBody *body)
{
    body->release->image_bytes = TAMGA_IMAGE_BYTES_MAX + 1;
}
static void far_expiry(Tamga__V1__TransactionBody *body)
{
    body->release->expires_ms = UINT64_MAX;
}
static void short_republish(Tamga__V1__TransactionBody *body)
{
    body->release->republish_of = tamga_wire_bytes(tamga_span(zeros, 31));
}
static void hardware_twice(Tamga__V1__TransactionBody *body)
{
    static char *twice[] = {revision_a, revision_a};

    body->release->n_hardware = 2;
    body->release->hardware = twice;
}
static void hardware_33(Tamga__V1__TransactionBody *body)
{
    static char *many[33];

    for (size_t i = 0; i < 33; i++)
        many[i] = revision_a;
    body->release->n_hardware = 33;
    body->release->hardware = many;
}
static void depends_17(Tamga__V1__TransactionBody *body)
{
    static Tamga__V1__Dependency depend, *many[17];

    tamga__v1__dependency__init(&depend);
    depend.producer = acme;
    depend.model = model_cam;
    depend.version = base_version;
    for (size_t i = 0; i < 17; i++)
        many[i] = &depend;
    body->release->n_depends = 17;
    body->release->depends = many;
}
static void endless_time(Tamga__V1__TransactionBody *body)
{
    body->time_ms = UINT64_MAX;
}

/* Changes of the signed message, after the signature. */
static void break_signature(Tamga__V1__Signed *message)
{
    message->signature->value.data[7] ^= 4;
}
static void break_id(Tamga__V1__Signed *message)
{
    message->id.data[0] ^= 1;
}
static void break_body(Tamga__V1__Signed *message)
{
    message->body.data[message->body.len - 1] ^= 1;
}
/* The id of the changed body, so that the body itself is judged. */
static void id_again(Tamga__V1__Signed *message)
{
    struct tamga_hash id;

    tamga_domain_hash(&id, TAMGA_DOMAIN_TRANSACTION, &test_consortium()->id,
                      tamga_wire_span(message->body));
    memcpy(message->id.data, id.byte, sizeof id.byte);
}
static void cut_body(Tamga__V1__Signed *message)
{
    message->body.len--;
    id_again(message);
}
/* sender's tag once more at the end: fields are not ascending */
static void repeat_field(Tamga__V1__Signed *message)
{
    uint8_t *grown = malloc(message->body.len + 2);

    memcpy(grown, message->body.data, message->body.len);
    grown[message->body.len] = 0x18; /* time_ms */
    grown[message->body.len + 1] = 0x01;
    free(message->body.data);
    message->body.data = grown;
    message->body.len += 2;
    id_again(message);
}
static void other_scope(Tamga__V1__Signed *message)
{
    struct tamga_hash id;

    tamga_domain_hash(&id, TAMGA_DOMAIN_TRANSACTION, &test_gateway()->id,
                      tamga_wire_span(message->body));
    memcpy(message->id.data, id.byte, sizeof id.byte);
}

/* ---- the table -------------------------------------------------------------------- */

static Tamga__V1__Dependency known_depend, unknown_depend, foreign_depend;

static void make_depends(void)
{
    Tamga__V1__Dependency *depend[] = {&known_depend, &unknown_depend, &foreign_depend};
    char *version[] = {base_version, unknown_version, base_version};
    static char lock[] = "lock";

    for (size_t i = 0; i < 3; i++) {
        tamga__v1__dependency__init(depend[i]);
        depend[i]->producer = acme;
        depend[i]->model = i == 2 ? lock : model_cam;
        depend[i]->version = version[i];
    }
}

#define NEXT .counter = 11
static const struct {
    const char *what;
    enum tamga_err expected;
    uint64_t now_ms; /* 0: T0 */
    struct test_release release;
} refusal[] = {
    /* who */
    {"stranger", TAMGA_E_NOT_MEMBER, 0, {.sender = "stranger", NEXT}},
    {"gateway", TAMGA_E_GATEWAY_SENDER, 0, {.sender = "gw-1", NEXT}},
    {"node", TAMGA_E_NOT_PRODUCER, 0, {.sender = "node-a", NEXT}},
    {"model nobody has", TAMGA_E_UNKNOWN_MODEL, 0, {.model = "cam2", NEXT}},
    {"producer nobody is", TAMGA_E_UNKNOWN_MODEL, 0, {.producer = "acm", NEXT}},
    {"another OEM", TAMGA_E_NOT_AUTHORIZED, 0, {.sender = "bolt", NEXT}},
    {"own name, other's model", TAMGA_E_NOT_AUTHORIZED, 0,
     {.producer = "bolt", .model = "pump"}},
    {"provider beyond its delegation", TAMGA_E_NOT_AUTHORIZED, 0,
     {.sender = "softco", .model = "lock"}},
    {"hardware", TAMGA_E_UNKNOWN_HARDWARE, 0, {NEXT, .hardware = revision_c}},
    {"hardware of a model without", TAMGA_E_UNKNOWN_HARDWARE, 0,
     {.model = "lock", .hardware = revision_a}},
    /* when */
    {"stale", TAMGA_E_STALE_TIME, T0 + TEST_AGE_MAX_MS + 1, {NEXT}},
    {"future", TAMGA_E_FUTURE_TIME, 0, {NEXT, .time_ms = T0 + TEST_DRIFT_MS + 1}},
    {"beyond all clocks", TAMGA_E_FUTURE_TIME, 0, {NEXT, .change = endless_time}},
    {"expired", TAMGA_E_RELEASE_EXPIRED, 0, {NEXT, .expires_ms = T0}},
    /* what */
    {"image again", TAMGA_E_DUPLICATE_IMAGE, 0, {NEXT, .image = 10}},
    {"republish of what never was", TAMGA_E_BAD_REPUBLISH, 0,
     {NEXT, .republish_of = &base_id}},
    {"republish of another release", TAMGA_E_BAD_REPUBLISH, 0,
     {NEXT, .image = 10, .republish_of = (const struct tamga_entry_id *)zeros}},
    {"counter again", TAMGA_E_COUNTER_USED, 0, {.counter = 10, .image = 11}},
    {"republish with a counter lower", TAMGA_E_COUNTER_NOT_HIGHER, 0,
     {.counter = 9, .image = 10, .republish_of = &base_id}},
    {"dependency's version", TAMGA_E_UNKNOWN_DEPENDENCY, 0, {NEXT, .depends = &unknown_depend}},
    {"dependency's model", TAMGA_E_UNKNOWN_DEPENDENCY, 0, {NEXT, .depends = &foreign_depend}},
    {"the mined one again", TAMGA_E_DUPLICATE_ENTRY, 0, {.counter = 10}},
    /* shape */
    {"cid", TAMGA_E_BAD_CID, 0, {NEXT, .change = bad_cid}},
    {"identity cid", TAMGA_E_BAD_CID, 0, {NEXT, .cid = "bafkqaaa"}},
    {"no key", TAMGA_E_MISSING_FIELD, 0, {NEXT, .change = no_key}},
    {"no sender", TAMGA_E_BAD_LENGTH, 0, {NEXT, .change = no_sender}},
    {"no action", TAMGA_E_MISSING_FIELD, 0, {NEXT, .change = no_action}},
    {"counter zero", TAMGA_E_BAD_VALUE, 0, {NEXT, .change = counter_zero}},
    {"no version", TAMGA_E_BAD_VALUE, 0, {NEXT, .change = empty_version}},
    {"version with a space", TAMGA_E_BAD_VALUE, 0, {NEXT, .change = bad_version}},
    {"model that climbs", TAMGA_E_BAD_VALUE, 0, {NEXT, .change = bad_model}},
    {"producer in capitals", TAMGA_E_BAD_VALUE, 0, {NEXT, .change = bad_producer}},
    {"no image", TAMGA_E_BAD_LENGTH, 0, {NEXT, .change = no_image}},
    {"short image hash", TAMGA_E_BAD_LENGTH, 0, {NEXT, .change = short_image}},
    {"empty image", TAMGA_E_BAD_VALUE, 0, {NEXT, .change = empty_image}},
    {"huge image", TAMGA_E_BAD_VALUE, 0, {NEXT, .change = huge_image}},
    {"expiry beyond all clocks", TAMGA_E_BAD_VALUE, 0, {NEXT, .change = far_expiry}},
    {"short republish_of", TAMGA_E_BAD_LENGTH, 0, {NEXT, .change = short_republish}},
    {"a revision twice", TAMGA_E_BAD_VALUE, 0, {NEXT, .change = hardware_twice}},
    {"33 revisions", TAMGA_E_TOO_LARGE, 0, {NEXT, .change = hardware_33}},
    {"17 dependencies", TAMGA_E_TOO_LARGE, 0, {NEXT, .change = depends_17}},
    /* identity */
    {"another's address", TAMGA_E_ADDRESS_MISMATCH, 0, {NEXT, .change = other_address}},
    {"another's key", TAMGA_E_ADDRESS_MISMATCH, 0, {NEXT, .change = other_key}},
    {"id", TAMGA_E_ID_MISMATCH, 0, {NEXT, .forge = break_id}},
    {"body", TAMGA_E_ID_MISMATCH, 0, {NEXT, .forge = break_body}},
    {"id under another chain", TAMGA_E_ID_MISMATCH, 0, {NEXT, .forge = other_scope}},
    {"signature", TAMGA_E_BAD_SIGNATURE, 0, {NEXT, .forge = break_signature}},
    {"body cut short", TAMGA_E_TRUNCATED, 0, {NEXT, .forge = cut_body}},
    {"field repeated", TAMGA_E_NOT_CANONICAL, 0, {NEXT, .forge = repeat_field}},
};

/*
 * Goal:   a release that another node accepted in good order is not lost because a later
 *         one was mined first; the newest stays the newest; a producer's slip is told at
 *         the door.
 * Method: counter 9 after counter 10 is in a block: refused as not the newest, mined all
 *         the same, and the latest release is still 10's.
 */
Test(consortium, a_lower_counter_that_comes_late_is_mined)
{
    struct test_node node;
    struct test_release late = {.counter = 9};
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateLatest *latest = NULL;
    TAMGA_BUF payload = {0};
    struct tamga_entry_id id;
    struct tamga_place place;
    struct tamga_hash key;
    const struct tamga_view *view;

    open_with_base(&node);
    view = &node.store->reader.view;
    test_release(&payload, &id, &late);
    test_item(&item, node.chain, &payload);
    cr_assert_eq(tamga_release_is_newest(
                     view, ((Tamga__V1__TransactionBody *)item.body)->release, NULL),
                 TAMGA_E_COUNTER_NOT_HIGHER);
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_OK);
    cr_assert_eq(test_mine(&node, NULL, "node-a", T0 + 2 * TEST_SPACING_MS), TAMGA_OK);
    cr_assert_eq(tamga_query_place(view, &id, &place), TAMGA_OK);
    tamga_key_latest(&key, "acme", "cam");
    cr_assert_eq(tamga_state_get((ProtobufCMessage **)&latest, view, &key,
                                 &tamga__v1__state_latest__descriptor),
                 TAMGA_OK);
    cr_assert_eq(latest->counter, 10);
    test_node_close(&node);
}

/*
 * Goal:   every rule refuses, for its own reason, and a refusal changes nothing.
 * Method: one row a rule; the whole store is compared before and after each.
 */
Test(consortium, refuses_for_the_right_reason)
{
    struct test_node node;
    TAMGA_BUF before = {0};

    make_depends();
    open_with_base(&node);
    test_dump(&before, node.store, 0);
    for (size_t i = 0; i < sizeof refusal / sizeof refusal[0]; i++) {
        TAMGA_BUF payload = {0};
        TAMGA_BUF after = {0};
        enum tamga_err err;

        test_release(&payload, NULL, &refusal[i].release);
        err = test_submit(&node, &payload, refusal[i].now_ms == 0 ? T0 : refusal[i].now_ms);
        cr_assert_eq(err, refusal[i].expected, "%s: %s", refusal[i].what, tamga_err_name(err));
        cr_assert_eq(tamga_engine_mempool(node.engine)->count, 0);
        cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
        test_dump(&after, node.store, 0);
        cr_assert(tamga_span_equal(tamga_buf_span(&before), tamga_buf_span(&after)), "%s",
                  refusal[i].what);
    }
    test_node_close(&node);
}

static const struct {
    const char *what;
    uint64_t now_ms;
    struct test_release release;
} acceptance[] = {
    {"next", 0, {NEXT}},
    {"provider within its delegation", 0, {NEXT, .sender = "softco"}},
    {"another model's first, same image", 0, {.model = "lock", .image = 10}},
    {"another OEM's own model, P-256", 0,
     {.sender = "bolt", .producer = "bolt", .model = "pump", .image = 10}},
    {"hardware", 0, {NEXT, .hardware = revision_a}},
    {"as old as it may be", T0 + TEST_AGE_MAX_MS, {NEXT}},
    {"as far ahead as it may be", 0, {NEXT, .time_ms = T0 + TEST_DRIFT_MS}},
    {"expires in a moment", 0, {NEXT, .expires_ms = T0 + 3}},
    {"deliberate re-release", 0, {NEXT, .image = 10, .republish_of = &base_id}},
    {"dependency", 0, {NEXT, .depends = &known_depend}},
    {"dependency of another model", 0, {.model = "lock", .depends = &known_depend}},
    {"first install", 0, {NEXT, .first_install = true}},
    {"greatest counter", 0, {.counter = UINT64_MAX}},
};

/*
 * Goal:   what lies just inside the bounds is accepted and can be mined.
 * Method: each row on a chain of its own.
 */
Test(consortium, accepts_what_is_good)
{
    make_depends();
    for (size_t i = 0; i < sizeof acceptance / sizeof acceptance[0]; i++) {
        struct test_node node;
        TAMGA_BUF payload = {0};
        uint64_t now = acceptance[i].now_ms == 0 ? T0 : acceptance[i].now_ms;
        enum tamga_err err;

        open_with_base(&node);
        test_release(&payload, NULL, &acceptance[i].release);
        err = test_submit(&node, &payload, now);
        cr_assert_eq(err, TAMGA_OK, "%s: %s", acceptance[i].what, tamga_err_name(err));
        if (now == T0)
            cr_assert_eq(test_mine(&node, NULL, "node-b", T0), TAMGA_OK, "%s",
                         acceptance[i].what);
        test_node_close(&node);
    }
}

/*
 * Goal:   a payload is bounded before it is read, and a piece of one is refused.
 * Method: one byte too many; every proper start of a good one.
 */
Test(consortium, refuses_long_and_cut_payloads)
{
    static uint8_t zeros_long[TAMGA_PAYLOAD_BYTES_MAX + 1];
    const struct tamga_chain *chain = test_consortium();
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    TAMGA_BUF payload = {0};

    cr_assert_eq(chain->rules->decode(chain, &item, tamga_span(zeros_long, sizeof zeros_long),
                                      NULL),
                 TAMGA_E_TOO_LARGE);
    test_release(&payload, NULL, &(struct test_release){0});
    for (size_t len = 0; len < payload.len; len++) {
        enum tamga_err err =
            chain->rules->decode(chain, &item, tamga_span(payload.data, len), NULL);

        cr_assert(err == TAMGA_E_TRUNCATED || err == TAMGA_E_MISSING_FIELD, "%zu: %s", len,
                  tamga_err_name(err));
        cr_assert_null(item.message);
    }
}

/*
 * Goal:   no one-bit change of a payload is accepted, and none crashes.
 * Method: flip every bit alone, decode and verify.
 */
Test(consortium, refuses_every_flipped_bit, .timeout = 60)
{
    const struct tamga_chain *chain = test_consortium();
    TAMGA_BUF payload = {0};

    test_release(&payload, NULL, &(struct test_release){0});
    for (size_t bit = 0; bit < 8 * payload.len; bit++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
        enum tamga_err err;

        payload.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        err = chain->rules->decode(chain, &item, tamga_buf_span(&payload), NULL);
        if (err == TAMGA_OK)
            err = chain->rules->verify(chain, &item, NULL);
        cr_assert_eq(tamga_err_class(err), TAMGA_CLASS_REJECT, "bit %zu", bit);
        payload.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* ---- the mempool's own refusals --------------------------------------------------- */

/*
 * Goal:   two waiting releases may not claim the same counter or image of a model.
 * Method: one waits; a rival for each claim, and one that only looks like a rival.
 */
Test(consortium, refuses_rivals_of_what_waits)
{
    struct test_node node;
    static const struct {
        struct test_release release;
        enum tamga_err expected;
    } row[] = {
        {{.counter = 5, .image = 1}, TAMGA_OK},
        {{.counter = 5, .image = 2}, TAMGA_E_DUPLICATE_PENDING},
        {{.counter = 6, .image = 1}, TAMGA_E_DUPLICATE_PENDING},
        {{.counter = 5, .image = 1, .model = "lock"}, TAMGA_OK},
        {{.counter = 6, .image = 2}, TAMGA_OK},
    };

    test_node_open(&node, test_consortium());
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        TAMGA_BUF payload = {0};

        test_release(&payload, NULL, &row[i].release);
        cr_assert_eq(test_submit(&node, &payload, T0), row[i].expected, "row %zu", i);
    }
    test_node_close(&node);
}

/*
 * Goal:   one member cannot fill the mempool, all together cannot overfill it, by number
 *         or by bytes, and leaving makes room.
 * Method: the consortium's rules with bounds of two a sender, three in all; then bytes.
 */
Test(consortium, bounds_the_mempool)
{
    struct tamga_rules rules = tamga_rules_consortium;
    struct tamga_chain chain;
    struct test_node node;
    TAMGA_BUF payload = {0};
    uint64_t counter = 0;
    static const struct {
        const char *sender;
        enum tamga_err expected;
    } row[] = {{"acme", TAMGA_OK},
               {"acme", TAMGA_OK},
               {"acme", TAMGA_E_QUOTA},
               {"softco", TAMGA_OK},
               {"softco", TAMGA_E_MEMPOOL_FULL}};

    rules.pending_sender_max = 2;
    rules.pending_max = 3;
    cr_assert_eq(tamga_chain_init(&chain, &rules, test_network()), TAMGA_OK);
    test_node_open(&node, &chain);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        test_release(&payload, NULL,
                     &(struct test_release){.sender = row[i].sender, .counter = ++counter});
        cr_assert_eq(test_submit(&node, &payload, T0), row[i].expected, "row %zu", i);
    }
    cr_assert_eq(test_mine(&node, NULL, "node-a", T0 + 1), TAMGA_OK);
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_OK);
    test_node_close(&node);

    rules = tamga_rules_consortium;
    rules.pending_bytes_max = 2 * payload.len + 10;
    test_node_open(&node, &chain);
    for (uint64_t i = 1; i <= 3; i++) {
        test_release(&payload, NULL, &(struct test_release){.sender = "softco", .counter = i});
        cr_assert_eq(test_submit(&node, &payload, T0),
                     i <= 2 ? TAMGA_OK : TAMGA_E_MEMPOOL_FULL);
    }
    test_node_close(&node);
}

/*
 * Goal:   what comes back from an abandoned block is taken beyond the bounds, and the
 *         mempool is full then, not empty by wrapping.
 * Method: three entries returned to a mempool of one; another is refused.
 */
Test(mempool, is_full_beyond_its_bounds)
{
    struct tamga_rules rules = tamga_rules_consortium;
    struct tamga_mempool mempool;
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    TAMGA_BUF payload = {0};

    test_release(&payload, NULL, &(struct test_release){0});
    rules.pending_bytes_max = payload.len;
    tamga_mempool_init(&mempool, &rules);
    for (uint64_t i = 1; i <= 4; i++) {
        test_release(&payload, NULL, &(struct test_release){.counter = i});
        test_item(&item, test_consortium(), &payload);
        cr_assert_eq(tamga_mempool_add(&mempool, &item, T0, i <= 3, NULL),
                     i <= 3 ? TAMGA_OK : TAMGA_E_MEMPOOL_FULL);
    }
    cr_assert_eq(mempool.count, 3);
    tamga_mempool_clear(&mempool);
    cr_assert_eq(mempool.count, 0);
    cr_assert_eq(mempool.bytes, 0);
}

/* ---- authority, as clients ask it from genesis or from proved values -------------- */

static enum tamga_err authority_proved(const struct tamga_view *state,
                                       const struct tamga_item *item)
{
    const Tamga__V1__Release *release = tamga_item_release(item);
    const struct tamga_moment at = {1, item->time_ms};
    TAMGA_BUF member = {0};
    TAMGA_BUF model = {0};
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_member(&key, &item->sender);
    err = tamga_view_get(state, TAMGA_FAMILY_STATE, tamga_hash_span(&key), &member);
    cr_assert(err == TAMGA_OK || err == TAMGA_E_NOT_FOUND);
    tamga_key_model(&key, release->producer, release->model);
    err = tamga_view_get(state, TAMGA_FAMILY_STATE, tamga_hash_span(&key), &model);
    cr_assert(err == TAMGA_OK || err == TAMGA_E_NOT_FOUND);
    return tamga_release_authority_proved(tamga_buf_span(&member), tamga_buf_span(&model),
                                          release, &at, NULL);
}

/*
 * Goal:   what a client is told before signing is what a node will say.
 * Method: the rows about persons and models, asked of both: by genesis alone, and by the
 *         values of the state's first block.
 */
Test(consortium, clients_and_nodes_agree_on_authority)
{
    struct test_node node;

    test_node_open(&node, test_consortium());
    for (size_t i = 0; i < 10; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
        TAMGA_BUF payload = {0};

        test_release(&payload, NULL, &refusal[i].release);
        test_item(&item, test_consortium(), &payload);
        cr_assert_eq(tamga_release_authority(
                         test_network(), &item.sender,
                         ((Tamga__V1__TransactionBody *)item.body)->release, NULL),
                     refusal[i].expected, "%s", refusal[i].what);
        cr_assert_eq(authority_proved(&node.store->reader.view, &item), refusal[i].expected,
                     "%s", refusal[i].what);
    }
    test_node_close(&node);
}
