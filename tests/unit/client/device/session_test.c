/* client/device: from check-in to receipt, over a real socket, and every reason to
 * refuse an offer. */
#include <stdio.h>
#include <unistd.h>

#include "wire/wire.h"
#include "world.h"

static struct world world;

static void start(void)
{
    world_start(&world);
}
static void end(void)
{
    world_end(&world);
}
TestSuite(session, .init = start, .fini = end, .timeout = 60);

/* The one receipt that the gateway got says this. */
static void receipted(Tamga__V1__Outcome outcome, enum tamga_err reason)
{
    Tamga__V1__ReceiptBody *receipt;

    cr_assert_eq(world.gateway.receipt_count, 1, "%zu receipts", world.gateway.receipt_count);
    receipt = world_receipt(&world, 0);
    cr_assert_eq(receipt->outcome, outcome);
    cr_assert_eq(receipt->reason, (uint32_t)reason, "%s",
                 tamga_err_name((enum tamga_err)receipt->reason));
    cr_assert_eq(receipt->receipt_counter, 1);
    tamga_wire_free(&receipt->base);
}

/* Nothing was installed. */
static void refuses(enum tamga_err expected)
{
    uint64_t counter = world_status(&world).counter;
    enum tamga_err err = world_session(&world);

    cr_assert_eq(err, expected, "%s: %s", tamga_err_name(err), world.detail.text);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_REFUSED);
    cr_assert_eq(world.gateway.blocks_asked, 0);
    cr_assert_eq(world_status(&world).counter, counter);
}

/* The release is proved, and not for this device: the receipt names the reason. */
static void refused_release(enum tamga_err expected, const struct test_release *base)
{
    struct image image;

    world_image(&world, &image, 1, 1000);
    world_offer(&world, &image, base);
    refuses(expected);
    cr_assert(world.result.has_release);
    receipted(TAMGA__V1__OUTCOME__OUTCOME_REFUSED, expected);
    image_clear(&image);
}

/* What is shown is no release that this network could have: that is the gateway's lie. */
static void refused_answer(enum tamga_err expected, const struct test_release *base)
{
    struct image image;

    world_image(&world, &image, 1, 1000);
    world_offer(&world, &image, base);
    refuses(expected);
    cr_assert_not(world.result.has_release);
    cr_assert_eq(world.gateway.receipt_count, 0);
    cr_assert_eq(world_status(&world).receipt_counter, 0);
    cr_assert_eq(world_status(&world).checkpoint_height, 0);
    image_clear(&image);
}

/*
 * Goal:   an offer becomes a running image and a receipt that proves it.
 * Method: publish three leaves' worth, run one session, compare byte for byte, verify the
 *         receipt under the device's certificate.
 */
Test(session, installs_confirms_and_reports)
{
    Tamga__V1__ReceiptBody *receipt;
    struct image image;
    enum tamga_err err;

    world_image(&world, &image, 1, WORLD_IMAGE_BYTES);
    world_offer(&world, &image, &(struct test_release){.counter = 7, .hardware = "A"});
    err = world_session(&world);
    cr_assert_eq(err, TAMGA_OK, "%s: %s", tamga_err_name(err), world.detail.text);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_INSTALLED);
    cr_assert_eq(world.result.receipts_waiting, 0);
    cr_assert_not(world.gateway.bad_check_in);
    cr_assert(world_runs(&world, &image));
    cr_assert_eq(world_status(&world).counter, 7);
    cr_assert_str_eq(world_status(&world).version, "1.7");
    cr_assert_eq(world_status(&world).checkpoint_height, 1);
    cr_assert_eq(world_status(&world).checkpoint_ms, TEST_GENESIS_MS + TEST_SPACING_MS);
    receipted(TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED, TAMGA_OK);
    receipt = world_receipt(&world, 0);
    cr_assert_eq(receipt->from_counter, 0);
    cr_assert_eq(receipt->to_counter, 7);
    cr_assert(tamga_span_equal(tamga_wire_span(receipt->release),
                               tamga_span(world.result.release, 32)));
    cr_assert(tamga_span_equal(tamga_wire_span(receipt->image_sha256),
                               tamga_hash_span(&image.sha256)));
    cr_assert(tamga_span_equal(tamga_wire_span(receipt->block),
                               tamga_hash_span(&world.gateway.block[0].id.hash)));
    tamga_wire_free(&receipt->base);
    image_clear(&image);
}

/*
 * Goal:   a second run does nothing, also after a restart.
 * Method: install; the gateway has nothing newer; run again twice.
 */
Test(session, second_run_does_nothing)
{
    unsigned asked;

    world_offer_next(&world, 1);
    cr_assert_eq(world_session(&world), TAMGA_OK);
    asked = world.gateway.blocks_asked;
    world.gateway.offers = false;
    cr_assert_eq(world_session(&world), TAMGA_OK);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_UP_TO_DATE);
    world_close(&world);
    cr_assert_eq(world_open(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world_session(&world), TAMGA_OK);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_UP_TO_DATE);
    cr_assert_eq(world.gateway.blocks_asked, asked);
    cr_assert_eq(world.gateway.receipt_count, 1);
    cr_assert_eq(world_status(&world).counter, 1);
}

/*
 * Goal:   slots take turns, and the former image stays until its slot is needed.
 * Method: three updates; read the link and the other slot after each.
 */
Test(session, updates_alternate_between_slots)
{
    static const char *const expected[] = {"slot-a", "slot-b", "slot-a"};

    for (unsigned i = 0; i < 3; i++) {
        char path[128], link[32];
        struct image image;
        ssize_t len;

        world_image(&world, &image, 50 + i, 5000);
        world_offer(&world, &image, &(struct test_release){.counter = i + 1});
        cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
        cr_assert(world_runs(&world, &image));
        snprintf(path, sizeof path, "%s/current", world.root);
        len = readlink(path, link, sizeof link - 1);
        cr_assert_gt(len, 0);
        link[len] = '\0';
        cr_assert_str_eq(link, expected[i]);
        image_clear(&image);
    }
    cr_assert_eq(world.gateway.receipt_count, 3);
    cr_assert_eq(world_status(&world).receipt_counter, 3);
}

/*
 * Goal:   each way in which a release may lack authority has its own code.
 * Method: one change each to a good offer, which the state names as newest all the same.
 */
Test(session, refuses_a_stranger)
{
    refused_answer(TAMGA_E_NOT_MEMBER, &(struct test_release){.sender = "stranger"});
}
Test(session, refuses_a_gateway_as_producer)
{
    refused_answer(TAMGA_E_GATEWAY_SENDER, &(struct test_release){.sender = "gw-1"});
}
Test(session, refuses_a_node_as_producer)
{
    refused_answer(TAMGA_E_NOT_PRODUCER, &(struct test_release){.sender = "node-a"});
}
Test(session, refuses_an_unknown_model)
{
    refused_answer(TAMGA_E_MODEL_MISMATCH, &(struct test_release){.model = "none"});
}
Test(session, refuses_another_oem)
{
    refused_answer(TAMGA_E_NOT_AUTHORIZED, &(struct test_release){.sender = "bolt"});
}

Test(session, refuses_another_model)
{
    refused_answer(TAMGA_E_MODEL_MISMATCH, &(struct test_release){.model = "lock"});
}
static void flip_signature(Tamga__V1__Signed *message)
{
    message->signature->value.data[5] ^= 1;
}
Test(session, refuses_a_wrong_signature)
{
    refused_answer(TAMGA_E_BAD_SIGNATURE, &(struct test_release){.forge = flip_signature});
}

/*
 * Goal:   a good release that is not for this device is refused for the right reason.
 * Method: one change each to a good offer.
 */
Test(session, refuses_other_hardware)
{
    refused_release(TAMGA_E_HARDWARE_MISMATCH, &(struct test_release){.hardware = "B"});
}
Test(session, refuses_an_expired_release)
{
    refused_release(TAMGA_E_RELEASE_EXPIRED,
                    &(struct test_release){.expires_ms = WORLD_NOW_MS});
}
Test(session, refuses_a_missing_dependency)
{
    Tamga__V1__Dependency depends = TAMGA__V1__DEPENDENCY__INIT;

    depends.producer = (char[]){"acme"};
    depends.model = (char[]){"cam"};
    depends.version = (char[]){"0.9"};
    refused_release(TAMGA_E_DEPENDENCY_MISSING, &(struct test_release){.depends = &depends});
}

/*
 * Goal:   a dependency on the installed version is met, one on another model is not the
 *         device's to judge.
 * Method: install 1.1, then two releases that depend on it and on bolt/pump.
 */
Test(session, accepts_dependencies_that_are_met)
{
    Tamga__V1__Dependency own = TAMGA__V1__DEPENDENCY__INIT, other = own;
    struct image image;

    own.producer = (char[]){"acme"};
    own.model = (char[]){"cam"};
    own.version = (char[]){"1.1"};
    other.producer = (char[]){"bolt"};
    other.model = (char[]){"pump"};
    other.version = (char[]){"9"};
    world_offer_next(&world, 1);
    cr_assert_eq(world_session(&world), TAMGA_OK);
    world_image(&world, &image, 2, 10);
    world_offer(&world, &image, &(struct test_release){.counter = 2, .depends = &own});
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    world_offer(&world, &image, &(struct test_release){.counter = 3, .depends = &other});
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    image_clear(&image);
}

/*
 * Goal:   the counter only rises; that the newest release is not above it means up to date.
 * Method: install 5; the newest is 5, then 4; then 5, 4 and 3 on offer beside a newer one for
 *         other hardware.
 */
Test(session, refuses_a_counter_that_is_not_above)
{
    world_offer_next(&world, 5);
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world_session(&world), TAMGA_OK);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_UP_TO_DATE);
    world_offer_next(&world, 4);
    cr_assert_eq(world_session(&world), TAMGA_OK);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_UP_TO_DATE);
    cr_assert_eq(world.gateway.receipt_count, 1);
    for (uint64_t counter = 5; counter > 2; counter--) {
        world_offer_next(&world, counter);
        world_supersede(&world, &(struct test_release){.counter = 6, .hardware = "B"});
        cr_assert_eq(world_session(&world), TAMGA_E_COUNTER_ROLLBACK);
        cr_assert_eq(world.result.outcome, TAMGA_DEVICE_REFUSED);
    }
    cr_assert_eq(world_status(&world).counter, 5);
    cr_assert_eq(world.gateway.receipt_count, 4);
}

/*
 * Goal:   a release that the newest one needs first is installed before it, and each with
 *         one proof; the receipts name the blocks in which they were verified.
 * Method: 1, and 2 that depends on it; the gateway offers 1, then 2.
 */
Test(session, takes_the_step_between_first)
{
    Tamga__V1__Dependency own = TAMGA__V1__DEPENDENCY__INIT;
    struct image first, second;

    own.producer = (char[]){"acme"};
    own.model = (char[]){"cam"};
    own.version = (char[]){"1.1"};
    world_image(&world, &first, 1, 1000);
    world_image(&world, &second, 2, 1000);
    world_offer(&world, &first, NULL);
    world_supersede_by(&world, &second, &(struct test_release){.counter = 2, .depends = &own});
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert(world_runs(&world, &first));
    world.gateway.older = false;
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert(world_runs(&world, &second));
    for (size_t i = 0; i < 2; i++) {
        Tamga__V1__ReceiptBody *receipt = world_receipt(&world, i);

        cr_assert(tamga_span_equal(tamga_wire_span(receipt->block),
                                   tamga_hash_span(&world.gateway.block[i].id.hash)));
        tamga_wire_free(&receipt->base);
    }
    image_clear(&first);
    image_clear(&second);
}

/* ---- nothing newer, and how sure that is --------------------------------------------- */

/*
 * Goal:   a proof that there is no release, or no newer one, is believed and remembered; so
 *         is nothing at all, which leaves the checkpoint as it was.
 * Method: blocks with another model's releases only; a restart; an answer without proof;
 *         a check-in after each says what the device trusts.
 */
Test(session, nothing_newer_is_proved)
{
    world_grow(&world, 3, "lock");
    world.gateway.offers = true;
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_UP_TO_DATE);
    cr_assert_eq(world.gateway.last_checkpoint_height, 0);
    cr_assert_eq(world_status(&world).checkpoint_height, 3);
    world_close(&world);
    cr_assert_eq(world_open(&world), TAMGA_OK);
    cr_assert_eq(world_status(&world).checkpoint_height, 3, "without any install");
    world.gateway.offers = false;
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_UP_TO_DATE);
    cr_assert_eq(world.gateway.last_checkpoint_height, 3);
    cr_assert_eq(world_status(&world).checkpoint_height, 3);
    cr_assert_eq(world.gateway.receipt_count, 0);
}

/*
 * Goal:   an old checkpoint is told of, once, and refuses nothing.
 * Method: a clock one millisecond before 30 days after it, then at them, twice; a newer
 *         checkpoint, as old as that.
 */
Test(session, old_checkpoint_is_told)
{
    world.watched = "checkpoint.old";
    world_offer_next(&world, 1);
    world.now_ms = world.gateway.checkpoint[0].time_ms + TAMGA_DEVICE_CHECKPOINT_OLD_MS - 1;
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_INSTALLED);
    cr_assert_eq(world.seen, 0);
    world.now_ms++;
    world.gateway.offers = false;
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(world_session(&world), TAMGA_OK);
        cr_assert_eq(world.seen, 1);
    }
    world_offer_next(&world, 2);
    world.now_ms += TEST_SPACING_MS;
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_INSTALLED);
    cr_assert_eq(world.seen, 2);
}

/*
 * Goal:   a clock that lags does not keep an expired release alive: validators' time counts.
 * Method: a clock at genesis; a release that expires with the checkpoint's time.
 */
Test(session, expiry_by_the_checkpoints_time)
{
    world.now_ms = TEST_GENESIS_MS;
    refused_release(TAMGA_E_RELEASE_EXPIRED,
                    &(struct test_release){.expires_ms = TEST_GENESIS_MS + TEST_SPACING_MS});
}

/*
 * Goal:   a blank device takes only a first install, any other device takes one too.
 * Method: open as blank, offer an ordinary release, a first install, an ordinary one.
 */
Test(session, blank_device_takes_only_a_first_install)
{
    struct image image;

    world_close(&world);
    world.options.blank = true;
    cr_assert_eq(world_open(&world), TAMGA_OK);
    refused_release(TAMGA_E_FIRST_INSTALL_NEEDED, NULL);
    world_image(&world, &image, 2, 10);
    world_offer(&world, &image, &(struct test_release){.counter = 2, .first_install = true});
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    world_offer(&world, &image, &(struct test_release){.counter = 3});
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    world_offer(&world, &image, &(struct test_release){.counter = 4, .first_install = true});
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    image_clear(&image);
}

static void flip_id(Tamga__V1__Signed *message)
{
    message->id.data[0] ^= 1;
}
static void other_sender(Tamga__V1__TransactionBody *body)
{
    static struct tamga_address bolt;

    test_address(&bolt, "bolt");
    body->sender = tamga_wire_bytes(tamga_hash_span(&bolt.hash));
}
static void cut_body(Tamga__V1__Signed *message)
{
    message->body.len--;
}
static void no_version(Tamga__V1__TransactionBody *body)
{
    body->release->version = (char *)(uintptr_t)"";
}

/*
 * Goal:   a newest release that does not decode is refused.
 * Method: wrong id, wrong address, cut body, no version.
 */
Test(session, refuses_malformed_releases)
{
    static const struct {
        enum tamga_err expected;
        struct test_release release;
    } row[] = {
        {TAMGA_E_ID_MISMATCH, {.forge = flip_id}},
        {TAMGA_E_ID_MISMATCH, {.forge = cut_body}},
        {TAMGA_E_ADDRESS_MISMATCH, {.change = other_sender}},
        {TAMGA_E_BAD_VALUE, {.change = no_version}},
    };

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        refused_answer(row[i].expected, &row[i].release);
}

/*
 * Goal:   a refusal is said once for each release and reason.
 * Method: the same expired offer three times, another one, the first again.
 */
Test(session, refusal_is_receipted_once)
{
    struct test_release release = {.expires_ms = WORLD_NOW_MS};
    struct image image;

    world_image(&world, &image, 1, 10);
    world_offer(&world, &image, &release);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(world_session(&world), TAMGA_E_RELEASE_EXPIRED);
    cr_assert_eq(world.gateway.receipt_count, 1);
    release.counter = 2;
    world_offer(&world, &image, &release);
    cr_assert_eq(world_session(&world), TAMGA_E_RELEASE_EXPIRED);
    cr_assert_eq(world.gateway.receipt_count, 2);
    image_clear(&image);
}

/* ---- receipts that wait ------------------------------------------------------------ */

/*
 * Goal:   a receipt outlives gateways that do not take it, and is delivered once.
 * Method: install while reports are answered BUSY; restart; report to a gateway that
 *         takes it; run once more.
 */
Test(session, receipt_waits_and_is_delivered_once)
{
    world.gateway.report_error = TAMGA_E_BUSY;
    world_offer_next(&world, 1);
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_INSTALLED);
    cr_assert_eq(world.result.receipts_waiting, 1);
    world.gateway.offers = false;
    cr_assert_eq(world_session(&world), TAMGA_E_BUSY);
    world_close(&world);
    cr_assert_eq(world_open(&world), TAMGA_OK);
    cr_assert_eq(world_status(&world).receipts_waiting, 1);
    world.gateway.report_error = TAMGA_OK;
    cr_assert_eq(world_session(&world), TAMGA_OK);
    cr_assert_eq(world.result.receipts_waiting, 0);
    cr_assert_eq(world_session(&world), TAMGA_OK);
    receipted(TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED, TAMGA_OK);
}

/*
 * Goal:   what is recorded already counts as delivered; a gateway that refuses a receipt
 *         does not lose it.
 * Method: answer with each code; count what waits.
 */
Test(session, duplicate_is_delivered_and_refused_is_kept)
{
    static const struct {
        enum tamga_err answer;
        size_t waiting;
    } row[] = {
        {TAMGA_E_UNKNOWN_RELEASE, 1},
        {TAMGA_E_BAD_RECEIPT, 1},
        {TAMGA_E_DUPLICATE_UPDATE, 0},
        {TAMGA_E_DUPLICATE_RECEIPT, 0},
    };

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        world.gateway.report_error = row[i].answer;
        world_offer_next(&world, i + 1);
        cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
        cr_assert_eq(world.result.receipts_waiting, row[i].waiting == 0 ? 0 : i + 1, "%zu", i);
    }
}

/*
 * Goal:   refusals, which a gateway provokes at will, fill the room but never push out
 *         what an install said.
 * Method: 70 different refusals with no reports taken, then an install.
 */
Test(session, refusals_are_bounded_and_make_room)
{
    struct image image;

    world_image(&world, &image, 1, 10);
    world.gateway.report_error = TAMGA_E_BAD_RECEIPT;
    for (uint64_t i = 0; i < 70; i++) {
        world_offer(&world, &image,
                    &(struct test_release){.counter = i + 1, .expires_ms = WORLD_NOW_MS});
        cr_assert_eq(world_session(&world), TAMGA_E_RELEASE_EXPIRED);
    }
    cr_assert_eq(world_status(&world).receipts_waiting, TAMGA_DEVICE_PENDING_MAX);
    cr_assert_eq(world_status(&world).receipt_counter, TAMGA_DEVICE_PENDING_MAX);
    world_offer(&world, &image, &(struct test_release){.counter = 100});
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world_status(&world).receipts_waiting, TAMGA_DEVICE_PENDING_MAX);
    cr_assert_eq(world_status(&world).receipt_counter, TAMGA_DEVICE_PENDING_MAX + 1);
    image_clear(&image);
}

/*
 * Goal:   gateways that cannot be reached, or say "later", change nothing.
 * Method: an address nobody listens on; a gateway that is busy; a session told to stop.
 */
static bool always(void *context)
{
    (void)context;
    return true;
}
Test(session, later_is_later)
{
    world_offer_next(&world, 1);
    world.gateway.check_in_error = TAMGA_E_NOT_READY;
    cr_assert_eq(world_session(&world), TAMGA_E_NOT_READY);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_LATER);
    world_close(&world);
    world.options.call_ms = 200;
    cr_assert_eq(world_open(&world), TAMGA_OK);
    cr_assert_eq(tamga_device_session(world.device, "tcp://127.0.0.1:1", &world.result,
                                      &world.detail),
                 TAMGA_E_UNREACHABLE);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_LATER);
    world_close(&world);
    world.env.stopping = always;
    cr_assert_eq(world_open(&world), TAMGA_OK);
    cr_assert_eq(world_session(&world), TAMGA_E_STOPPING);
    cr_assert_eq(world_status(&world).receipt_counter, 0);
}
