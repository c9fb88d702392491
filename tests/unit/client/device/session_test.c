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

/* Nothing was installed, and the receipt names the reason. */
static void refused(enum tamga_err expected)
{
    uint64_t counter = world_status(&world).counter;
    enum tamga_err err = world_session(&world);

    cr_assert_eq(err, expected, "%s: %s", tamga_err_name(err), world.detail.text);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_REFUSED);
    cr_assert_eq(world.gateway.blocks_asked, 0);
    cr_assert_eq(world_status(&world).counter, counter);
    receipted(TAMGA__V1__OUTCOME__OUTCOME_REFUSED, expected);
}

static void refused_release(enum tamga_err expected, const struct test_release *base)
{
    struct image image;

    world_image(&world, &image, 1, 1000);
    world_offer(&world, &image, base);
    refused(expected);
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
    cr_assert_eq(world_status(&world).height, 1);
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
 * Goal:   each way in which a release may lack authority has its own code and a receipt.
 * Method: one change each to a good offer.
 */
Test(session, refuses_a_stranger)
{
    refused_release(TAMGA_E_NOT_MEMBER, &(struct test_release){.sender = "stranger"});
}
Test(session, refuses_a_gateway_as_producer)
{
    refused_release(TAMGA_E_GATEWAY_SENDER, &(struct test_release){.sender = "gw-1"});
}
Test(session, refuses_a_node_as_producer)
{
    refused_release(TAMGA_E_NOT_PRODUCER, &(struct test_release){.sender = "node-a"});
}
Test(session, refuses_an_unknown_model)
{
    refused_release(TAMGA_E_UNKNOWN_MODEL, &(struct test_release){.model = "none"});
}
Test(session, refuses_another_oem)
{
    refused_release(TAMGA_E_NOT_AUTHORIZED, &(struct test_release){.sender = "bolt"});
}
Test(session, refuses_unknown_hardware)
{
    refused_release(TAMGA_E_UNKNOWN_HARDWARE, &(struct test_release){.hardware = "Z"});
}

static void flip_signature(Tamga__V1__Signed *message)
{
    message->signature->value.data[5] ^= 1;
}
Test(session, refuses_a_wrong_signature)
{
    refused_release(TAMGA_E_BAD_SIGNATURE, &(struct test_release){.forge = flip_signature});
}

/*
 * Goal:   a good release that is not for this device is refused for the right reason.
 * Method: one change each to a good offer.
 */
Test(session, refuses_another_model)
{
    refused_release(TAMGA_E_MODEL_MISMATCH, &(struct test_release){.model = "lock"});
}
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
 * Goal:   the counter only rises.
 * Method: install 5, then offer 5 again and 4.
 */
Test(session, refuses_a_counter_that_is_not_above)
{
    world_offer_next(&world, 5);
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world_session(&world), TAMGA_E_COUNTER_ROLLBACK);
    world_offer_next(&world, 4);
    cr_assert_eq(world_session(&world), TAMGA_E_COUNTER_ROLLBACK);
    cr_assert_eq(world_status(&world).counter, 5);
    cr_assert_eq(world.gateway.receipt_count, 3);
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
 * Goal:   an offer in which nothing can be named is refused without a receipt.
 * Method: wrong id, wrong address, cut body, no version; count receipts and numbers.
 */
Test(session, malformed_offers_leave_no_receipt)
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
    struct image image;

    world_image(&world, &image, 1, 10);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        enum tamga_err err;

        world_offer(&world, &image, &row[i].release);
        err = world_session(&world);
        cr_assert_eq(err, row[i].expected, "%zu: %s", i, tamga_err_name(err));
        cr_assert_eq(world.result.outcome, TAMGA_DEVICE_REFUSED);
        cr_assert_not(world.result.has_release);
    }
    cr_assert_eq(world.gateway.receipt_count, 0);
    cr_assert_eq(world_status(&world).receipt_counter, 0);
    image_clear(&image);
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
