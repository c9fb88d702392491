/* core/rules/proof.c: what a release proof shows, and every way it does not. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "chain/state_map.h"
#include "decide.h"
#include "rules/proof.h"
#include "validators.h"
#include "wire/wire.h"

#define HEIGHT 70000u
#define COUNTER 41u

/* ---- a state, and proofs of it ---------------------------------------------------- */

/* Validators, and a state that they know: that of genesis and what a test adds. */
struct world {
    struct test_validators set;
    struct tamga_store *store;
    struct tamga_overlay state;
    struct tamga_checkpoint checkpoint;
    bool withdrawn;           /* what put_latest says of a release */
    struct tamga_buf release; /* the newest of acme/cam */
    struct tamga_entry_id id;
};
#define WORLD TAMGA_CLEANUP(world_clear) struct world

static void world_clear(struct world *world)
{
    tamga_buf_clear(&world->release);
    tamga_overlay_clear(&world->state);
    world->store->ops->close(world->store);
    test_validators_clear(&world->set);
}

static void put_latest(struct world *world, const char *producer, const char *model,
                       const struct tamga_entry_id *id, uint64_t counter)
{
    Tamga__V1__StateLatest latest = TAMGA__V1__STATE_LATEST__INIT;
    struct tamga_hash key;

    latest.release = tamga_wire_bytes(tamga_hash_span(&id->hash));
    latest.counter = counter;
    latest.withdrawn = world->withdrawn;
    tamga_key_latest(&key, producer, model);
    cr_assert_eq(tamga_state_put(&world->state, &key, &latest.base), TAMGA_OK);
}

/* Bring all of the state under the checkpoint's root. */
static void commit(struct world *world)
{
    cr_assert_eq(tamga_state_map_apply(&world->checkpoint.state_root, &world->state,
                                       &world->state),
                 TAMGA_OK);
}

/* The fixture's chain, on which acme/cam has a newest release; acme/lock has none. */
static void world_make(struct world *world)
{
    *world = (struct world){0};
    test_validators_of(&world->set, test_consortium());
    cr_assert_eq(tamga_store_mem_new(&world->store), TAMGA_OK);
    tamga_overlay_init(&world->state, &world->store->reader.view);
    test_checkpoint(&world->checkpoint, HEIGHT);
    cr_assert_eq(world->set.chain.rules->genesis(&world->set.chain, &world->state), TAMGA_OK);
    test_release(&world->release, &world->id, &(struct test_release){.counter = COUNTER});
    put_latest(world, "acme", "cam", &world->id, COUNTER);
    commit(world);
}

/* What a node would show: `release` may be NULL. */
static Tamga__V1__ReleaseProof *prove(const struct world *world, const char *producer,
                                      const char *model, const struct tamga_buf *release)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *checkpoint =
        test_cosign(&world->set, &world->checkpoint, 0, tamga_quorum(&world->set.chain, 0));
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateProof *latest = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *transaction = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateProof *member = NULL;
    Tamga__V1__ReleaseProof proof = TAMGA__V1__RELEASE_PROOF__INIT;
    ProtobufCMessage *out = NULL;
    struct tamga_hash key;
    TAMGA_BUF bytes = {0};

    tamga_key_latest(&key, producer, model);
    cr_assert_eq(tamga_state_proof_make(&latest, &world->state.view, &key), TAMGA_OK);
    if (release != NULL) {
        cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&transaction,
                                       &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                       tamga_buf_span(release), NULL),
                     TAMGA_OK);
        member = test_sender_proof(&world->state.view, release);
    }
    proof.checkpoint = checkpoint;
    proof.latest = latest;
    proof.transaction = transaction;
    proof.member = member;
    cr_assert_eq(tamga_wire_pack(&bytes, &proof.base), TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack(&out, &tamga__v1__release_proof__descriptor,
                                   TAMGA_WIRE_CANONICAL, tamga_buf_span(&bytes), NULL),
                 TAMGA_OK);
    return (Tamga__V1__ReleaseProof *)out;
}
#define PROOF TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReleaseProof

static enum tamga_err check_trusting(const struct world *world,
                                     const Tamga__V1__ReleaseProof *proof,
                                     const char *producer, const char *model,
                                     const struct tamga_checkpoint *trusted)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct tamga_checkpoint checkpoint = {.time_ms = 77};
    bool withdrawn = true;
    enum tamga_err err;

    cr_assert_eq(tamga_buf_set(&item.payload, tamga_span_text("old")), TAMGA_OK);
    err = tamga_release_proof_check(&item, &withdrawn, &checkpoint, &world->set.chain, proof,
                                    producer, model, trusted, NULL);
    if (err != TAMGA_OK) {
        cr_assert(item.message == NULL && item.payload.len == 0);
        cr_assert_eq(checkpoint.time_ms, 77);
        cr_assert(withdrawn);
        return err;
    }
    cr_assert_eq(withdrawn, world->withdrawn);
    cr_assert(tamga_point_equal(&checkpoint.at, &world->checkpoint.at));
    cr_assert_eq(item.message != NULL, proof->transaction != NULL);
    cr_assert_eq(item.verified, proof->transaction != NULL);
    return TAMGA_OK;
}

static enum tamga_err check(const struct world *world, const Tamga__V1__ReleaseProof *proof,
                            const char *producer, const char *model)
{
    return check_trusting(world, proof, producer, model, NULL);
}

/* The verdict on a state that names this release as the newest of acme/cam. */
static enum tamga_err check_named(const struct test_release *release)
{
    WORLD world;
    struct tamga_entry_id id;
    TAMGA_BUF payload = {0};
    PROOF *proof = NULL;

    world_make(&world);
    test_release(&payload, &id, release);
    put_latest(&world, "acme", "cam", &id, release->counter);
    commit(&world);
    proof = prove(&world, "acme", "cam", &payload);
    return check(&world, proof, "acme", "cam");
}

/* ---- good proofs ------------------------------------------------------------------ */

/*
 * Goal:   the newest release is believed, and so is that there is none; the entry that
 *         comes out is the release's exact bytes.
 * Method: acme/cam has one, acme/lock has none; a model that nobody registered has none.
 */
Test(release_proof, newest_and_none)
{
    WORLD world;
    PROOF *newest = NULL, *none = NULL, *unknown = NULL;
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct tamga_checkpoint checkpoint;
    bool withdrawn;

    world_make(&world);
    newest = prove(&world, "acme", "cam", &world.release);
    none = prove(&world, "acme", "lock", NULL);
    unknown = prove(&world, "nobody", "ever", NULL);
    cr_assert_eq(check(&world, newest, "acme", "cam"), TAMGA_OK);
    cr_assert_eq(check(&world, none, "acme", "lock"), TAMGA_OK);
    cr_assert_eq(check(&world, unknown, "nobody", "ever"), TAMGA_OK);
    cr_assert_eq(tamga_release_proof_check(&item, &withdrawn, &checkpoint, &world.set.chain,
                                           newest, "acme", "cam", &world.checkpoint, NULL),
                 TAMGA_OK);
    cr_assert(tamga_hash_equal(&item.id.hash, &world.id.hash));
    cr_assert(tamga_span_equal(tamga_buf_span(&item.payload), tamga_buf_span(&world.release)));
}

/*
 * Goal:   a software provider's release is believed for the model that was delegated to it.
 * Method: the state names a release by softco as the newest of acme/cam.
 */
Test(release_proof, provider_may_be_the_newest)
{
    cr_assert_eq(check_named(&(struct test_release){.sender = "softco", .counter = 50}),
                 TAMGA_OK);
}

/*
 * Goal:   that the newest release was withdrawn is told, and is no fault of the proof.
 * Method: the state says so of acme/cam's; the check asserts what comes out.
 */
Test(release_proof, tells_that_the_newest_was_withdrawn)
{
    WORLD world;
    PROOF *proof = NULL;

    world_make(&world);
    world.withdrawn = true;
    put_latest(&world, "acme", "cam", &world.id, COUNTER);
    commit(&world);
    proof = prove(&world, "acme", "cam", &world.release);
    cr_assert_eq(check(&world, proof, "acme", "cam"), TAMGA_OK);
}

/* The state says of this name's key what the message says. */
static void put_member(struct world *world, const char *key_of, const char *name,
                       Tamga__V1__Span *span, size_t count)
{
    Tamga__V1__StateMember member = TAMGA__V1__STATE_MEMBER__INIT;
    Tamga__V1__Span *list[2] = {&span[0], &span[1]};
    struct tamga_address address;
    struct tamga_hash key;

    member.name = (char *)(uintptr_t)name;
    member.n_spans = count;
    member.spans = list;
    test_address(&address, key_of);
    tamga_key_member(&key, &address);
    cr_assert_eq(tamga_state_put(&world->state, &key, &member.base), TAMGA_OK);
}

/* The verdict on stranger's release of acme/cam, if the state knows his key so. */
static enum tamga_err check_member(const char *name, uint32_t former, uint32_t roles)
{
    Tamga__V1__Span span[2] = {TAMGA__V1__SPAN__INIT, TAMGA__V1__SPAN__INIT};
    WORLD world;
    TAMGA_BUF payload = {0};
    PROOF *proof = NULL;

    world_make(&world);
    span[0].roles = former;
    span[0].until = 9;
    span[0].ending = TAMGA__V1__ENDING__ENDING_REVOKED;
    span[1].roles = roles;
    span[1].from = 9;
    put_member(&world, "stranger", name, span, roles == 0 ? 1 : 2);
    test_release(&payload, &world.id,
                 &(struct test_release){.sender = "stranger", .counter = 50});
    put_latest(&world, "acme", "cam", &world.id, 50);
    commit(&world);
    proof = prove(&world, "acme", "cam", &payload);
    return check(&world, proof, "acme", "cam");
}

/*
 * Goal:   a sender is who the state says, not who genesis does: members and keys that came
 *         later release, what ended since stays good, and nobody else's roles will do.
 * Method: a key that genesis does not name, as an OEM's new one, as one that was revoked, as
 *         a provider's, also after it was an OEM of another name; as a gateway's, a node's,
 *         another OEM's.
 */
Test(release_proof, sender_is_who_the_state_says)
{
    const uint32_t oem = TAMGA__V1__ROLE__ROLE_OEM, provider = TAMGA__V1__ROLE__ROLE_PROVIDER,
                   node = TAMGA__V1__ROLE__ROLE_CONSORTIUM,
                   relay = TAMGA__V1__ROLE__ROLE_GATEWAY;

    cr_assert_eq(check_member("acme", node, oem), TAMGA_OK);
    cr_assert_eq(check_member("acme", oem, 0), TAMGA_OK);
    cr_assert_eq(check_member("newco", provider, 0), TAMGA_OK);
    cr_assert_eq(check_member("newco", oem, provider), TAMGA_OK);
    cr_assert_eq(check_member("newco", oem, 0), TAMGA_E_NOT_AUTHORIZED);
    cr_assert_eq(check_member("gate", relay, 0), TAMGA_E_GATEWAY_SENDER);
    cr_assert_eq(check_member("acme", node, 0), TAMGA_E_NOT_PRODUCER);
}

/* ---- refused ---------------------------------------------------------------------- */

/*
 * Goal:   what is absent is told as that.
 * Method: no proof, no checkpoint, no state proof, no release though there is one.
 */
Test(release_proof, refuses_what_is_not_whole)
{
    WORLD world;
    PROOF *proof = NULL;
    Tamga__V1__ReleaseProof part;

    world_make(&world);
    proof = prove(&world, "acme", "cam", &world.release);
    cr_assert_eq(check(&world, NULL, "acme", "cam"), TAMGA_E_MISSING_FIELD);
    part = *proof;
    part.checkpoint = NULL;
    cr_assert_eq(check(&world, &part, "acme", "cam"), TAMGA_E_MISSING_FIELD);
    part = *proof;
    part.latest = NULL;
    cr_assert_eq(check(&world, &part, "acme", "cam"), TAMGA_E_MISSING_FIELD);
    part = *proof;
    part.transaction = NULL;
    cr_assert_eq(check(&world, &part, "acme", "cam"), TAMGA_E_MISSING_FIELD);
    part = *proof;
    part.member = NULL;
    cr_assert_eq(check(&world, &part, "acme", "cam"), TAMGA_E_MISSING_FIELD);
    part = *proof;
    part.member = proof->latest;
    cr_assert_eq(check(&world, &part, "acme", "cam"), TAMGA_E_PROOF_KEY);
}

/*
 * Goal:   what is no release is refused, not read as one.
 * Method: a state that names a withdrawal as the newest release.
 */
Test(release_proof, refuses_what_is_no_release)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Withdraw withdraw = TAMGA__V1__WITHDRAW__INIT;
    char reason[] = "it bricks";
    WORLD world;
    TAMGA_BUF payload = {0};
    PROOF *proof = NULL;

    world_make(&world);
    withdraw.release = tamga_wire_bytes(tamga_hash_span(&world.id.hash));
    withdraw.reason = reason;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW;
    body.withdraw = &withdraw;
    test_action(&payload, &world.id, "acme", &body);
    put_latest(&world, "acme", "cam", &world.id, COUNTER);
    commit(&world);
    proof = prove(&world, "acme", "cam", &payload);
    cr_assert_eq(check(&world, proof, "acme", "cam"), TAMGA_E_MISSING_FIELD);
}

/*
 * Goal:   only the one release that the state names is the newest.
 * Method: an older one; another of the same counter; one where there is none; a counter in
 *         the state that is not the release's.
 */
Test(release_proof, refuses_what_is_not_newest)
{
    WORLD world;
    PROOF *old = NULL, *twin = NULL, *ghost = NULL, *odd = NULL;
    TAMGA_BUF older = {0};
    TAMGA_BUF other = {0};
    TAMGA_BUF lock = {0};

    world_make(&world);
    test_release(&older, NULL, &(struct test_release){.counter = COUNTER - 1});
    test_release(&other, NULL, &(struct test_release){.counter = COUNTER, .image = 7});
    test_release(&lock, NULL, &(struct test_release){.model = "lock"});
    old = prove(&world, "acme", "cam", &older);
    twin = prove(&world, "acme", "cam", &other);
    ghost = prove(&world, "acme", "lock", &lock);
    cr_assert_eq(check(&world, old, "acme", "cam"), TAMGA_E_NOT_NEWEST);
    cr_assert_eq(check(&world, twin, "acme", "cam"), TAMGA_E_NOT_NEWEST);
    cr_assert_eq(check(&world, ghost, "acme", "lock"), TAMGA_E_NOT_NEWEST);
    put_latest(&world, "acme", "cam", &world.id, COUNTER + 1);
    commit(&world);
    odd = prove(&world, "acme", "cam", &world.release);
    cr_assert_eq(check(&world, odd, "acme", "cam"), TAMGA_E_NOT_NEWEST);
}

static void other_signer(Tamga__V1__Signed *message)
{
    struct tamga_signature signature;
    struct tamga_hash id;

    memcpy(id.byte, message->id.data, sizeof id.byte);
    cr_assert_eq(tamga_private_key_sign(test_key("softco"), &id, &signature), TAMGA_OK);
    memcpy(message->signature->value.data, signature.byte, signature.len);
}

/*
 * Goal:   a release is judged like any other, even where a state names it.
 * Method: signed by another; by a stranger, a gateway, a node, another OEM;
 *         of another model. Hardware and registration were the validators' to judge.
 */
Test(release_proof, refuses_releases_by_name)
{
    cr_assert_eq(check_named(&(struct test_release){.counter = 50, .forge = other_signer}),
                 TAMGA_E_BAD_SIGNATURE);
    cr_assert_eq(check_named(&(struct test_release){.counter = 50, .sender = "stranger"}),
                 TAMGA_E_NOT_MEMBER);
    cr_assert_eq(check_named(&(struct test_release){.counter = 50, .sender = "gw-1"}),
                 TAMGA_E_GATEWAY_SENDER);
    cr_assert_eq(check_named(&(struct test_release){.counter = 50, .sender = "node-a"}),
                 TAMGA_E_NOT_PRODUCER);
    cr_assert_eq(check_named(&(struct test_release){.counter = 50, .sender = "bolt"}),
                 TAMGA_E_NOT_AUTHORIZED);
    cr_assert_eq(check_named(&(struct test_release){.counter = 50, .model = "lock"}),
                 TAMGA_E_MODEL_MISMATCH);
    cr_assert_eq(check_named(&(struct test_release){.counter = 50, .model = "unknown"}),
                 TAMGA_E_MODEL_MISMATCH);
    cr_assert_eq(check_named(&(struct test_release){.counter = 50, .cid = "Qm"}),
                 TAMGA_E_BAD_CID);
}

/*
 * Goal:   a value that is no StateLatest is refused, not read.
 * Method: the state holds other bytes under the key; a release of another chain.
 */
Test(release_proof, refuses_other_values_and_chains)
{
    WORLD world;
    PROOF *proof = NULL, *foreign = NULL;
    struct tamga_hash key;

    world_make(&world);
    foreign = prove(&world, "acme", "cam", &world.release);
    world.set.chain.id = test_gateway()->id;
    tamga_wire_free((ProtobufCMessage *)foreign->checkpoint);
    foreign->checkpoint = test_cosign(&world.set, &world.checkpoint, 0, 3);
    cr_assert_eq(check(&world, foreign, "acme", "cam"), TAMGA_E_ID_MISMATCH);
    world.set.chain.id = test_consortium()->id;

    tamga_key_latest(&key, "acme", "cam");
    cr_assert_eq(tamga_overlay_put(&world.state, TAMGA_FAMILY_STATE, tamga_hash_span(&key),
                                   tamga_span("\x0a\x20", 2)),
                 TAMGA_OK);
    commit(&world);
    proof = prove(&world, "acme", "cam", &world.release);
    cr_assert_eq(check(&world, proof, "acme", "cam"), TAMGA_E_TRUNCATED);
}

/*
 * Goal:   a proof shows one key under one root, and has one shape.
 * Method: the proof of another model; the same under the root after a change; one level
 *         more; a checkpoint with too few cosigners, behind the one trusted, against it.
 */
Test(release_proof, is_of_one_key_root_depth_and_checkpoint)
{
    WORLD world;
    PROOF *cam = NULL, *lock = NULL;
    Tamga__V1__Checkpoint *whole;
    struct tamga_checkpoint trusted;

    world_make(&world);
    cam = prove(&world, "acme", "cam", &world.release);
    lock = prove(&world, "acme", "lock", NULL);
    cr_assert_eq(check(&world, cam, "acme", "lock"), TAMGA_E_PROOF_KEY);
    cr_assert_eq(check(&world, lock, "acme", "cam"), TAMGA_E_PROOF_KEY);
    cam->latest->depth++;
    cr_assert_eq(check(&world, cam, "acme", "cam"), TAMGA_E_PROOF_DEPTH);
    cam->latest->depth = 257;
    cr_assert_eq(check(&world, cam, "acme", "cam"), TAMGA_E_PROOF_DEPTH);
    tamga_wire_free((ProtobufCMessage *)cam);
    cam = prove(&world, "acme", "cam", &world.release);

    trusted = world.checkpoint;
    trusted.at.height++;
    cr_assert_eq(check_trusting(&world, cam, "acme", "cam", &trusted),
                 TAMGA_E_CHECKPOINT_OLDER);
    trusted = world.checkpoint;
    trusted.state_root.byte[0] ^= 1;
    cr_assert_eq(check_trusting(&world, cam, "acme", "cam", &trusted),
                 TAMGA_E_CHECKPOINT_CONFLICT);
    whole = cam->checkpoint;
    cam->checkpoint = test_cosign(&world.set, &world.checkpoint, 0, 1);
    cr_assert_eq(check(&world, cam, "acme", "cam"), TAMGA_E_TOO_FEW_COSIGNERS);
    tamga_wire_free((ProtobufCMessage *)cam->checkpoint);

    put_latest(&world, "bolt", "pump", &world.id, 1);
    commit(&world);
    cam->checkpoint = test_cosign(&world.set, &world.checkpoint, 0, 3);
    cr_assert_eq(check(&world, cam, "acme", "cam"), TAMGA_E_PROOF_ROOT);
    tamga_wire_free((ProtobufCMessage *)whole);
}

/* Does no change of one byte verify? Patterns are what is changed of it. */
static void expect_no_change_verifies(const struct world *world, struct tamga_buf *bytes,
                                      const char *producer, const char *model)
{
    static const uint8_t pattern[] = {0x01, 0x08, 0x80, 0xff};

    for (size_t i = 0; i < bytes->len * sizeof pattern; i++) {
        TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
        uint8_t *byte = &bytes->data[i / sizeof pattern];
        enum tamga_err err;

        *byte ^= pattern[i % sizeof pattern];
        err = tamga_wire_unpack(&message, &tamga__v1__release_proof__descriptor,
                                TAMGA_WIRE_LOOSE, tamga_buf_span(bytes), NULL);
        if (err == TAMGA_OK)
            err = check(world, (Tamga__V1__ReleaseProof *)message, producer, model);
        cr_assert_neq(err, TAMGA_OK, "byte %zu", i / sizeof pattern);
        *byte ^= pattern[i % sizeof pattern];
    }
}

/*
 * Goal:   nothing of a proof can be changed.
 * Method: each byte of an encoded one, in several ways, for a model with a release and for
 *         one without, unpacked as loosely as answers are.
 */
Test(release_proof, every_changed_byte_is_refused)
{
    WORLD world;
    PROOF *newest = NULL, *none = NULL;
    TAMGA_BUF bytes = {0};

    world_make(&world);
    newest = prove(&world, "acme", "cam", &world.release);
    none = prove(&world, "acme", "lock", NULL);
    cr_assert_eq(tamga_wire_pack(&bytes, &newest->base), TAMGA_OK);
    expect_no_change_verifies(&world, &bytes, "acme", "cam");
    bytes.len = 0;
    cr_assert_eq(tamga_wire_pack(&bytes, &none->base), TAMGA_OK);
    expect_no_change_verifies(&world, &bytes, "acme", "lock");
}

/* ---- size ------------------------------------------------------------------------- */

#define MODELS          100000u
#define PROOF_BYTES_MAX 4096u

/* Sign what the fixture made once more, for another network's chain. */
static void sign_again(struct tamga_buf *payload, struct tamga_entry_id *id,
                       const struct tamga_chain *chain, const char *sender)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *body = NULL;

    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&message,
                                   &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                   tamga_buf_span(payload), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack(&body, &tamga__v1__transaction_body__descriptor,
                                   TAMGA_WIRE_CANONICAL, tamga_wire_span(message->body), NULL),
                 TAMGA_OK);
    payload->len = 0;
    cr_assert_eq(tamga_signed_make(payload, &id->hash, body, TAMGA_DOMAIN_TRANSACTION,
                                   &chain->id, test_key(sender)),
                 TAMGA_OK);
}

/*
 * Goal:   a proof stays small: at most 4,096 bytes for 100,000 models and seven validators.
 * Method: a map of 100,000 models that each have a release, five of seven cosigners, and
 *         P-256 keys everywhere; the size is printed.
 */
Test(release_proof, is_small_with_many_models)
{
    WORLD world = {0};
    PROOF *proof = NULL;
    TAMGA_BUF bytes = {0};
    char model[32];

    test_validators_init(&world.set, 7, TAMGA_KEY_P256);
    cr_assert_eq(tamga_store_mem_new(&world.store), TAMGA_OK);
    tamga_overlay_init(&world.state, &world.store->reader.view);
    test_checkpoint(&world.checkpoint, HEIGHT);
    cr_assert_eq(world.set.chain.rules->genesis(&world.set.chain, &world.state), TAMGA_OK);
    test_release(&world.release, NULL,
                 &(struct test_release){.sender = "bolt", .producer = "bolt", .model = "pump"});
    sign_again(&world.release, &world.id, &world.set.chain, "bolt");
    put_latest(&world, "bolt", "pump", &world.id, 1);
    for (unsigned i = 1; i < MODELS; i++) {
        snprintf(model, sizeof model, "model-%u", i);
        put_latest(&world, "bolt", model, &world.id, i);
    }
    commit(&world);
    proof = prove(&world, "bolt", "pump", &world.release);
    cr_assert_eq(check(&world, proof, "bolt", "pump"), TAMGA_OK);
    cr_assert_eq(tamga_wire_pack(&bytes, &proof->base), TAMGA_OK);
    printf("release proof, %u models, 5 of 7 validators, P-256: %zu bytes"
           " (%zu of the map, depth %u)\n",
           MODELS, bytes.len, protobuf_c_message_get_packed_size(&proof->latest->base),
           proof->latest->depth);
    cr_assert_leq(bytes.len, PROOF_BYTES_MAX);
}
