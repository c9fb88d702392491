/* client/device against a gateway that lies: about its answer, the checkpoint, the newest
 * release, an older one, and the image. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chain/state_map.h"
#include "wire/wire.h"
#include "world.h"

static struct world world;
static struct image image;

static void start(void)
{
    world_start(&world);
    world_image(&world, &image, 1, WORLD_IMAGE_BYTES);
}
static void end(void)
{
    image_clear(&image);
    world_end(&world);
}
TestSuite(lies, .init = start, .fini = end, .timeout = 60);

static void session_gives(enum tamga_err expected)
{
    enum tamga_err err = world_session(&world);

    cr_assert_eq(err, expected, "%s: %s", tamga_err_name(err), world.detail.text);
}

static void last_receipt(Tamga__V1__Outcome outcome, enum tamga_err reason)
{
    Tamga__V1__ReceiptBody *receipt = world_receipt(&world, world.gateway.receipt_count - 1);

    cr_assert_eq(receipt->outcome, outcome);
    cr_assert_eq(receipt->reason, (uint32_t)reason);
    tamga_wire_free(&receipt->base);
}

/* An answer that does not hold says nothing of any release: no receipt, nothing asked for. */
static void lie_is_refused(enum tamga_err expected)
{
    size_t receipts = world.gateway.receipt_count;

    world.gateway.blocks_asked = 0;
    session_gives(expected);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_REFUSED);
    cr_assert_not(world.result.has_release);
    cr_assert_eq(world.gateway.blocks_asked, 0);
    cr_assert_eq(world.gateway.receipt_count, receipts);
    cr_assert_eq(world.result.receipts_waiting, 0);
}

/* ---- the answer --------------------------------------------------------------------- */

static void other_nonce(Tamga__V1__CheckInResponse *response)
{
    response->nonce.data[15] ^= 1;
}
static void no_nonce(Tamga__V1__CheckInResponse *response)
{
    response->nonce = (ProtobufCBinaryData){0};
}

/*
 * Goal:   an answer recorded from another check-in is worth nothing, not even a receipt.
 * Method: another nonce, and none, with a good offer and without one.
 */
Test(lies, wrong_nonce)
{
    world_offer(&world, &image, NULL);
    world.gateway.change_answer = other_nonce;
    lie_is_refused(TAMGA_E_WRONG_NONCE);
    world.gateway.change_answer = no_nonce;
    lie_is_refused(TAMGA_E_WRONG_NONCE);
    world.gateway.offers = false;
    lie_is_refused(TAMGA_E_WRONG_NONCE);
}

/* ---- parts of an answer to change --------------------------------------------------- */

/* Copies: what they point to is the honest answer's own. */
static struct {
    Tamga__V1__CheckInResponse *response;
    Tamga__V1__ReleaseProof newest;
    Tamga__V1__Checkpoint checkpoint;
    Tamga__V1__Cosignature *cosigner[TAMGA_VALIDATORS_MAX];
    Tamga__V1__StateProof latest;
    Tamga__V1__EntryProof offer;
    Tamga__V1__Inclusion inclusion;
} told;
static void (*lie)(void);

static void open_offer(void)
{
    told.offer = *told.response->offer;
    told.inclusion = *told.offer.inclusion;
    told.offer.inclusion = &told.inclusion;
    told.response->offer = &told.offer;
}

static void tell_lie(Tamga__V1__CheckInResponse *response)
{
    told.response = response;
    told.newest = *response->newest;
    told.checkpoint = *told.newest.checkpoint;
    cr_assert_leq(told.checkpoint.n_cosignatures, TAMGA_VALIDATORS_MAX);
    memcpy(told.cosigner, told.checkpoint.cosignatures,
           told.checkpoint.n_cosignatures * sizeof told.cosigner[0]);
    told.checkpoint.cosignatures = told.cosigner;
    told.latest = *told.newest.latest;
    told.newest.checkpoint = &told.checkpoint;
    told.newest.latest = &told.latest;
    response->newest = &told.newest;
    if (response->offer != NULL)
        open_offer();
    lie();
}

static void refused_with(void (*change)(void), enum tamga_err expected)
{
    lie = change;
    world.gateway.change_answer = tell_lie;
    lie_is_refused(expected);
    world.gateway.change_answer = NULL;
}

struct row {
    void (*change)(void);
    enum tamga_err expected;
};

/* None of the lies is believed, none is remembered, and the truth is taken afterwards. */
static void each_is_refused(const struct row *row, size_t count)
{
    uint64_t height = world_status(&world).checkpoint_height;

    for (size_t i = 0; i < count; i++) {
        refused_with(row[i].change, row[i].expected);
        cr_assert_eq(world_status(&world).checkpoint_height, height, "row %zu", i);
    }
    session_gives(TAMGA_OK);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_INSTALLED);
}
#define EACH_IS_REFUSED(row) each_is_refused((row), sizeof(row) / sizeof(row)[0])

/* ---- the checkpoint ----------------------------------------------------------------- */

static void no_checkpoint(void)
{
    told.newest.checkpoint = NULL;
}
static void no_cosigner(void)
{
    told.checkpoint.n_cosignatures = 0;
}
static void too_few(void)
{
    told.checkpoint.n_cosignatures = 1;
}
static void one_twice(void)
{
    told.cosigner[1] = told.cosigner[0];
}
static void out_of_order(void)
{
    Tamga__V1__Cosignature *first = told.cosigner[0];

    told.cosigner[0] = told.cosigner[1];
    told.cosigner[1] = first;
}
static void forged_cosignature(void)
{
    told.cosigner[1]->signature->value.data[9] ^= 1;
}
static void stranger_cosigns(void)
{
    struct tamga_address stranger;

    test_address(&stranger, "stranger");
    memcpy(told.cosigner[0]->validator.data, stranger.hash.byte, TAMGA_HASH_BYTES);
}
static void short_cosigner(void)
{
    told.cosigner[0]->validator.len = 0;
}
static void other_state(void)
{
    told.checkpoint.body.data[told.checkpoint.body.len - 9] ^= 1; /* in the state root */
}
static void cut_body(void)
{
    told.checkpoint.body.len -= 3; /* in the middle of the time */
}

/*
 * Goal:   a checkpoint counts only with the signatures of two thirds of the validators that
 *         genesis names, each of them once.
 * Method: one change each to a good answer.
 */
Test(lies, checkpoint)
{
    static const struct row row[] = {
        {no_checkpoint, TAMGA_E_MISSING_FIELD},
        {no_cosigner, TAMGA_E_MISSING_FIELD},
        {too_few, TAMGA_E_TOO_FEW_COSIGNERS},
        {one_twice, TAMGA_E_COSIGNER_TWICE},
        {out_of_order, TAMGA_E_COSIGNER_TWICE},
        {forged_cosignature, TAMGA_E_BAD_SIGNATURE},
        {stranger_cosigns, TAMGA_E_NOT_VALIDATOR},
        {other_state, TAMGA_E_BAD_SIGNATURE},
        {cut_body, TAMGA_E_TRUNCATED},
    };

    world_offer(&world, &image, NULL);
    EACH_IS_REFUSED(row);
}

static struct tamga_checkpoint other;
static Tamga__V1__Checkpoint *cosigned_other;
static void other_checkpoint(void)
{
    told.newest.checkpoint = cosigned_other;
}

/*
 * Goal:   a checkpoint is never taken back: not by an older one, not by another of the same
 *         height, and not after a restart; the same one again is fine.
 * Method: install at the third block; show the proof as of the second; then what validators
 *         cosigned of another third block.
 */
Test(lies, checkpoint_that_is_behind)
{
    world_offer_next(&world, 1);
    world_offer(&world, &image, &(struct test_release){.counter = 2});
    session_gives(TAMGA_OK);
    cr_assert_eq(world_status(&world).checkpoint_height, 2);
    world.gateway.shown = 0;
    lie_is_refused(TAMGA_E_CHECKPOINT_OLDER);
    world_close(&world);
    cr_assert_eq(world_open(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world_status(&world).checkpoint_height, 2);
    lie_is_refused(TAMGA_E_CHECKPOINT_OLDER);
    cr_assert_eq(world.gateway.last_checkpoint_height, 2);
    world.gateway.shown = 1;
    other = world.gateway.checkpoint[1];
    other.time_ms++;
    cosigned_other = test_cosign(&world.gateway.validators, &other, 0, 2);
    refused_with(other_checkpoint, TAMGA_E_CHECKPOINT_CONFLICT);
    tamga_wire_free(&cosigned_other->base);
    session_gives(TAMGA_OK);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_UP_TO_DATE);
    cr_assert_eq(world_status(&world).checkpoint_ms, world.gateway.checkpoint[1].time_ms);
}

/* ---- the newest release ------------------------------------------------------------- */

static Tamga__V1__Signed *former;
static void former_as_newest(void)
{
    told.newest.transaction = former;
}
static void no_latest(void)
{
    told.newest.latest = NULL;
}
static void no_transaction(void)
{
    told.newest.transaction = NULL;
}
static void other_model_key(void)
{
    struct tamga_hash key;

    tamga_key_latest(&key, "acme", "lock");
    memcpy(told.latest.key.data, key.byte, TAMGA_HASH_BYTES);
}
static void short_key(void)
{
    told.latest.key.len--;
}
static void truncated_proof(void)
{
    told.latest.n_siblings--;
}
static void other_sibling(void)
{
    told.latest.siblings[0].data[0] ^= 1;
}
static void short_sibling(void)
{
    told.latest.siblings[0].len = 0;
}
static void shallow(void)
{
    told.latest.depth--;
}
static void other_value(void)
{
    told.latest.value.data[5] ^= 1;
}
static void as_if_none(void)
{
    told.latest.value.len = 0;
    told.newest.transaction = NULL;
}

/*
 * Goal:   nothing but the newest release of this model passes for it.
 * Method: one change each to a good answer, among them the release before, which is as
 *         good as it ever was.
 */
Test(lies, newest)
{
    static const struct row row[] = {
        {former_as_newest, TAMGA_E_NOT_NEWEST},
        {no_latest, TAMGA_E_MISSING_FIELD},
        {no_transaction, TAMGA_E_MISSING_FIELD},
        {other_model_key, TAMGA_E_PROOF_KEY},
        {truncated_proof, TAMGA_E_PROOF_DEPTH},
        {shallow, TAMGA_E_PROOF_DEPTH},
        {other_sibling, TAMGA_E_PROOF_ROOT},
        {other_value, TAMGA_E_PROOF_ROOT},
        {as_if_none, TAMGA_E_PROOF_ROOT},
    };

    world_offer_next(&world, 1);
    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&former,
                                   &tamga__v1__signed__descriptor, TAMGA_WIRE_LOOSE,
                                   tamga_buf_span(&world.gateway.newest), NULL),
                 TAMGA_OK);
    world_offer(&world, &image, &(struct test_release){.counter = 2});
    EACH_IS_REFUSED(row);
    tamga_wire_free(&former->base);
}

/*
 * Goal:   a proof that another model's release is newest is none for this device.
 * Method: the state proof of acme/lock, which has none, in place of acme/cam's.
 */
static Tamga__V1__StateProof *of_lock;
static void proof_of_lock(void)
{
    told.newest.latest = of_lock;
    told.newest.transaction = NULL;
}
Test(lies, proof_of_another_model)
{
    struct tamga_hash key;

    tamga_key_latest(&key, "acme", "lock");
    world_offer(&world, &image, NULL);
    cr_assert_eq(tamga_state_proof_make(&of_lock, &world.gateway.state.view, &key), TAMGA_OK);
    refused_with(proof_of_lock, TAMGA_E_PROOF_KEY);
    tamga_wire_free(&of_lock->base);
}

/* ---- an older release on offer ------------------------------------------------------- */

static void no_newest(void)
{
    told.response->newest = NULL;
}
static void no_inclusion(void)
{
    told.offer.inclusion = NULL;
}
static void no_header(void)
{
    told.inclusion.sealed = NULL;
}
static void no_payload(void)
{
    told.offer.payload.len = 0;
}
static void flip_path(void)
{
    told.inclusion.path[0].data[31] ^= 1;
}
static void short_path(void)
{
    told.inclusion.n_path--;
}
static void other_index(void)
{
    told.inclusion.index = 1;
}
static void other_leaf(void)
{
    told.inclusion.entry.data[told.inclusion.entry.len - 1] ^= 1;
}
static void other_header(void)
{
    told.inclusion.sealed->header.data[227] ^= 1;
}
static void other_chain(void)
{
    told.inclusion.sealed->header.data[4] ^= 1;
}
static void lacks_a_header(void)
{
    told.offer.n_headers--;
}
static void short_header(void)
{
    told.offer.headers[0].len--;
}

static const struct test_release newer_for_others = {.counter = 9, .hardware = "B"};

/*
 * Goal:   each part of the proof of an older release is held to the checkpoint.
 * Method: one change each to a good offer of the last but one release; the newest is for
 *         other hardware.
 */
Test(lies, older_release)
{
    static const struct row row[] = {
        {no_newest, TAMGA_E_MISSING_FIELD},   {no_inclusion, TAMGA_E_MISSING_FIELD},
        {no_header, TAMGA_E_MISSING_FIELD},   {no_payload, TAMGA_E_MISSING_FIELD},
    };
    static const struct row placed[] = {
        {flip_path, TAMGA_E_BAD_PROOF},       {short_path, TAMGA_E_BAD_PROOF},
        {other_index, TAMGA_E_BAD_PROOF},     {other_leaf, TAMGA_E_BAD_COMMITMENT},
        {other_header, TAMGA_E_PROOF_HEADERS}, {other_chain, TAMGA_E_PROOF_HEADERS},
        {lacks_a_header, TAMGA_E_PROOF_HEADERS},
    };

    world_offer(&world, &image, NULL);
    world_supersede(&world, &newer_for_others);
    refused_with(row[0].change, row[0].expected); /* no checkpoint to remember */
    cr_assert_eq(world_status(&world).checkpoint_height, 0);
    for (size_t i = 1; i < sizeof row / sizeof row[0]; i++)
        refused_with(row[i].change, row[i].expected);
    cr_assert_eq(world_status(&world).checkpoint_height, 2, "the newest one was proved");
    EACH_IS_REFUSED(placed);
    cr_assert(world_runs(&world, &image));
}

/*
 * Goal:   an older release is no way around a newer one that this device could take.
 * Method: what supersedes the offer suits: any hardware, or this one; then it does not:
 *         expired, for other hardware, a step from a version that is not installed.
 */
Test(lies, older_release_although_the_newest_suits)
{
    Tamga__V1__Dependency depends = TAMGA__V1__DEPENDENCY__INIT;

    depends.producer = (char[]){"acme"};
    depends.model = (char[]){"cam"};
    depends.version = (char[]){"1.5"};
    world_offer(&world, &image, NULL);
    world_supersede(&world, &(struct test_release){.counter = 2});
    lie_is_refused(TAMGA_E_NOT_NEWEST);
    world_offer(&world, &image, &(struct test_release){.counter = 3});
    world_supersede(&world, &(struct test_release){.counter = 4, .hardware = "A"});
    lie_is_refused(TAMGA_E_NOT_NEWEST);
    world_offer(&world, &image, &(struct test_release){.counter = 5});
    world_supersede(&world,
                    &(struct test_release){.counter = 6, .expires_ms = WORLD_NOW_MS + 1});
    lie_is_refused(TAMGA_E_NOT_NEWEST);
    world.now_ms++;
    session_gives(TAMGA_OK);
    cr_assert_eq(world_status(&world).counter, 5);
    world_offer(&world, &image, &(struct test_release){.counter = 7});
    world_supersede(&world, &(struct test_release){.counter = 8, .hardware = "B"});
    session_gives(TAMGA_OK);
    cr_assert_eq(world_status(&world).counter, 7);
    world_offer(&world, &image, &(struct test_release){.counter = 9});
    world_supersede(&world, &(struct test_release){.counter = 10, .depends = &depends});
    session_gives(TAMGA_OK);
    cr_assert_eq(world_status(&world).counter, 9);
}

/*
 * Goal:   what is on offer beside the newest release has a lower counter than that.
 * Method: the same counter, a higher one; and a state that names no release at all.
 */
Test(lies, older_release_that_is_newer)
{
    world_offer(&world, &image, &(struct test_release){.counter = 9});
    world_supersede(&world, &newer_for_others);
    lie_is_refused(TAMGA_E_NOT_NEWEST);
    world_offer(&world, &image, &(struct test_release){.counter = 10});
    world_supersede(&world, &newer_for_others);
    lie_is_refused(TAMGA_E_NOT_NEWEST);
}
Test(lies, older_release_where_there_is_none)
{
    world_grow(&world, 1, "cam");
    world.gateway.offers = world.gateway.older = true;
    lie_is_refused(TAMGA_E_NOT_NEWEST);
}

/*
 * Goal:   an older release of another model is refused as that.
 * Method: acme/lock's release with a good proof.
 */
Test(lies, older_release_of_another_model)
{
    world_offer(&world, &image, &(struct test_release){.model = "lock"});
    world_supersede(&world, &newer_for_others);
    lie_is_refused(TAMGA_E_MODEL_MISMATCH);
}

/*
 * Goal:   who may release is asked of the state, whatever validators let into a block.
 * Method: a release of acme/cam by bolt.
 */
Test(lies, older_release_without_authority)
{
    world_offer(&world, &image, &(struct test_release){.sender = "bolt"});
    world_supersede(&world, &newer_for_others);
    lie_is_refused(TAMGA_E_NOT_AUTHORIZED);
}

/*
 * Goal:   an answer out of bounds is not even looked at.
 * Method: hashes that are short, one in each part.
 */
Test(lies, malformed)
{
    void (*const change[])(void) = {short_cosigner, short_key, short_sibling, short_header};

    world_offer(&world, &image, NULL);
    world_supersede(&world, &newer_for_others);
    world.gateway.change_answer = tell_lie;
    for (size_t i = 0; i < sizeof change / sizeof change[0]; i++) {
        lie = change[i];
        session_gives(TAMGA_E_BAD_LENGTH);
        cr_assert_eq(world.gateway.receipt_count, 0);
        cr_assert_eq(world_status(&world).checkpoint_height, 0);
    }
}

/*
 * Goal:   a release far below the newest checkpoint is proved by the one next above it, even
 *         if the device has accepted newer ones; but that one is not above the newest.
 * Method: a release, what supersedes it, 60 blocks; proved as of the block after it; then
 *         the newest release as of before.
 */
Test(lies, older_release_with_its_own_checkpoint)
{
    struct gateway *gateway = &world.gateway;
    Tamga__V1__ReceiptBody *receipt;

    world_offer(&world, &image, NULL);
    world_supersede(&world, &newer_for_others);
    gateway->older = false;
    world_grow(&world, 60, "lock");
    session_gives(TAMGA_E_HARDWARE_MISMATCH);
    cr_assert_eq(world_status(&world).checkpoint_height, 62);
    gateway->older = true;
    gateway->older_as_of = 1;
    refused_with(too_few, TAMGA_E_TOO_FEW_COSIGNERS);
    session_gives(TAMGA_OK);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_INSTALLED);
    receipt = world_receipt(&world, world.gateway.receipt_count - 1);
    cr_assert(tamga_span_equal(tamga_wire_span(receipt->block),
                               tamga_hash_span(&gateway->block[0].id.hash)));
    tamga_wire_free(&receipt->base);
}
Test(lies, newest_release_as_of_before_the_older_one)
{
    world_offer(&world, &image, NULL);
    world_supersede(&world, &newer_for_others);
    world_grow(&world, 3, "lock");
    world.gateway.shown = 2;
    lie_is_refused(TAMGA_E_CHECKPOINT_OLDER);
}

/* ---- the image ---------------------------------------------------------------------- */

/*
 * Goal:   wrong bytes are asked for again, three times, and then the download fails.
 * Method: three bad answers, then good ones; four bad ones.
 */
Test(lies, bad_block_bytes)
{
    world_offer(&world, &image, NULL);
    world.gateway.bad_blocks = 4;
    session_gives(TAMGA_E_CID_MISMATCH);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_FAILED);
    cr_assert_eq(world.gateway.blocks_asked, 4);
    last_receipt(TAMGA__V1__OUTCOME__OUTCOME_FAILED, TAMGA_E_CID_MISMATCH);
    cr_assert_eq(world_status(&world).counter, 0);
    world.gateway.bad_blocks = 3;
    session_gives(TAMGA_OK);
    cr_assert(world_runs(&world, &image));
}

static void longer(Tamga__V1__TransactionBody *body)
{
    body->release->image_bytes++;
}
static void shorter(Tamga__V1__TransactionBody *body)
{
    body->release->image_bytes--;
}
static void other_sha256(Tamga__V1__TransactionBody *body)
{
    static struct tamga_hash zero;

    body->release->image_sha256 = tamga_wire_bytes(tamga_hash_span(&zero));
}

/*
 * Goal:   the signed length and SHA-256 hold beside the content id.
 * Method: releases whose tree is longer, shorter, or of another hash than they say.
 */
Test(lies, image_that_is_not_as_signed)
{
    static const struct {
        void (*change)(Tamga__V1__TransactionBody *body);
        enum tamga_err expected;
    } row[] = {
        {longer, TAMGA_E_IMAGE_LENGTH},
        {shorter, TAMGA_E_IMAGE_LENGTH},
        {other_sha256, TAMGA_E_IMAGE_MISMATCH},
    };
    char path[128];

    snprintf(path, sizeof path, "%s/current", world.root);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        world_offer(&world, &image,
                    &(struct test_release){.counter = i + 1, .change = row[i].change});
        session_gives(row[i].expected);
        cr_assert_eq(world.result.outcome, TAMGA_DEVICE_FAILED);
        last_receipt(TAMGA__V1__OUTCOME__OUTCOME_FAILED, row[i].expected);
        cr_assert_neq(access(path, F_OK), 0, "nothing may run");
    }
}

/*
 * Goal:   an interrupted download goes on where it stopped, also after a restart.
 * Method: BUSY after the root and one leaf; restart; count what is asked for.
 */
Test(lies, download_resumes)
{
    world_offer(&world, &image, NULL);
    world.gateway.good_blocks = 3;
    session_gives(TAMGA_E_BUSY);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_LATER);
    cr_assert_eq(world.gateway.receipt_count, 0);
    cr_assert_eq(world.gateway.blocks_asked, 3);
    world_close(&world);
    cr_assert_eq(world_open(&world), TAMGA_OK);
    world.gateway.good_blocks = 0;
    session_gives(TAMGA_OK);
    cr_assert_eq(world.gateway.blocks_asked, 3 + 3, "root and two leaves, not three");
    cr_assert(world_runs(&world, &image));
}

/*
 * Goal:   whatever lies in the part file does no harm.
 * Method: garbage longer than the image.
 */
Test(lies, left_overs_of_another_image)
{
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/slot-a.part", world.root);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    cr_assert_geq(fd, 0);
    for (unsigned i = 0; i < 20; i++)
        cr_assert_eq(write(fd, image.bytes.data + 1, 60000), 60000);
    close(fd);
    world_offer(&world, &image, NULL);
    session_gives(TAMGA_OK);
    cr_assert(world_runs(&world, &image));
}

/*
 * Goal:   a `current` that is none of ours is not replaced.
 * Method: make it a file; run; the file is as it was.
 */
Test(lies, foreign_current_is_left_alone)
{
    struct stat info;
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/current", world.root);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    cr_assert_eq(write(fd, "factory", 7), 7);
    close(fd);
    world_offer(&world, &image, NULL);
    session_gives(TAMGA_E_INSTALL_FAILED);
    last_receipt(TAMGA__V1__OUTCOME__OUTCOME_FAILED, TAMGA_E_INSTALL_FAILED);
    cr_assert_eq(lstat(path, &info), 0);
    cr_assert_eq(info.st_size, 7);
}
