/* client/device/permit.c: the way back to an older release, and every permit that is none. */
#include <stdio.h>

#include "wire/wire.h"
#include "world.h"

static struct world world;
static struct image first, second, third;
static struct tamga_entry_id first_id;

static void session_gives(enum tamga_err expected)
{
    enum tamga_err err = world_session(&world);

    cr_assert_eq(err, expected, "%s: %s", tamga_err_name(err), world.detail.text);
}

static void installs(const struct image *image, uint64_t counter)
{
    session_gives(TAMGA_OK);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_INSTALLED);
    cr_assert(world_runs(&world, image));
    cr_assert_eq(world_status(&world).counter, counter);
}

/* The device runs 2, which is the newest and was withdrawn; 1 is on offer. */
static void start(void)
{
    world_start(&world);
    world_image(&world, &first, 1, 1000);
    world_image(&world, &second, 2, 1000);
    world_image(&world, &third, 3, 1000);
    world_offer(&world, &first, &(struct test_release){.counter = 1});
    first_id = world.gateway.newest_id;
    installs(&first, 1);
    world_offer(&world, &second, &(struct test_release){.counter = 2});
    installs(&second, 2);
    world_withdraw_newest(&world);
    world_offer_older(&world, 0);
}
static void end(void)
{
    image_clear(&first);
    image_clear(&second);
    image_clear(&third);
    world_end(&world);
}
TestSuite(permit, .init = start, .fini = end, .timeout = 60);

/* An answer that does not hold: no receipt, and the device runs what it ran. */
static void answer_is_refused(enum tamga_err expected)
{
    size_t receipts = world.gateway.receipt_count;
    uint64_t counter = world_status(&world).counter;

    session_gives(expected);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_REFUSED);
    cr_assert_not(world.result.has_release);
    cr_assert_eq(world.gateway.receipt_count, receipts);
    cr_assert_eq(world_status(&world).counter, counter);
}

static Tamga__V1__ReceiptBody *last_receipt(void)
{
    return world_receipt(&world, world.gateway.receipt_count - 1);
}

/* Where the first entry of a block is the permit shown. */
static struct tamga_entry_id permit_id(void)
{
    const struct tamga_block *block = &world.gateway.block[world.gateway.permit_at].block;
    struct tamga_entry_id id;

    cr_assert_eq(test_consortium()->rules->entry_id(&id, block->entry[0]), TAMGA_OK);
    return id;
}

/*
 * Goal:   with a permit a device goes back, and its receipt says by which.
 * Method: 2 runs; a permit to 1 for this device; then one for all.
 */
Test(permit, device_goes_back)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReceiptBody *receipt = NULL;
    struct tamga_entry_id id;

    world_permit(&world, &(struct world_permit){.release = &first_id, .number = "0001"});
    id = permit_id();
    installs(&first, 1);
    receipt = last_receipt();
    cr_assert_eq(receipt->outcome, TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED);
    cr_assert_eq(receipt->from_counter, 2);
    cr_assert_eq(receipt->to_counter, 1);
    cr_assert(tamga_span_equal(tamga_wire_span(receipt->permit), tamga_hash_span(&id.hash)));
    cr_assert_eq(receipt->reinstall, TAMGA__V1__REINSTALL__REINSTALL_NONE);
}
Test(permit, for_all_devices)
{
    world_permit(&world, &(struct world_permit){.release = &first_id});
    installs(&first, 1);
}

/*
 * Goal:   without a permit the counter holds.
 * Method: the same offer, and none; the refusal names none.
 */
Test(permit, none_is_a_rollback)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReceiptBody *receipt = NULL;

    session_gives(TAMGA_E_COUNTER_ROLLBACK);
    receipt = last_receipt();
    cr_assert_eq(receipt->reason, (uint32_t)TAMGA_E_COUNTER_ROLLBACK);
    cr_assert_eq(receipt->permit.len, 0);
}

/*
 * Goal:   a permit is for one release, device and time, and by the model's owner.
 * Method: each of the others once; at last a good one.
 */
Test(permit, for_another_release)
{
    struct tamga_entry_id other;

    test_image(&other.hash, 5);
    world_permit(&world, &(struct world_permit){.release = &other, .number = "0001"});
    answer_is_refused(TAMGA_E_BAD_PERMIT);
}
Test(permit, for_another_device)
{
    world_permit(&world, &(struct world_permit){.release = &first_id, .number = "0002"});
    answer_is_refused(TAMGA_E_BAD_PERMIT);
}
Test(permit, that_is_over)
{
    world_permit(&world,
                 &(struct world_permit){.release = &first_id, .expires_ms = WORLD_NOW_MS});
    answer_is_refused(TAMGA_E_BAD_PERMIT);
    world.now_ms = TEST_GENESIS_MS; /* a clock set back is not believed below the checkpoint */
    world_permit(&world, &(struct world_permit){.release = &first_id,
                                                .expires_ms = TEST_GENESIS_MS + 1});
    answer_is_refused(TAMGA_E_BAD_PERMIT);
}
Test(permit, by_another_member)
{
    static const char *const other[] = {"softco", "bolt", "node-a"};

    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        world_permit(&world, &(struct world_permit){.release = &first_id, .sender = other[i]});
        answer_is_refused(TAMGA_E_BAD_PERMIT);
    }
    world_permit(&world, &(struct world_permit){.release = &first_id, .sender = "stranger"});
    answer_is_refused(TAMGA_E_NOT_MEMBER);
    world_permit(&world, &(struct world_permit){.release = &first_id});
    installs(&first, 1);
}

/* ---- lies about a good permit ----------------------------------------------------------- */

static void hide_sender(Tamga__V1__CheckInResponse *response)
{
    response->permit_sender = NULL;
}
/* acme's too, but it says of another key. */
static void show_other_key(Tamga__V1__CheckInResponse *response)
{
    response->permit_sender = response->release;
}
static void show_a_release(Tamga__V1__CheckInResponse *response)
{
    response->permit = response->offer;
}
static void break_path(Tamga__V1__CheckInResponse *response)
{
    response->permit->payload.data[response->permit->payload.len - 1] ^= 1;
}

/*
 * Goal:   a permit is believed with its proofs, and only with them.
 * Method: one change each to a good answer; the truth is taken afterwards.
 */
Test(permit, is_proved)
{
    static const struct {
        void (*change)(Tamga__V1__CheckInResponse *response);
        enum tamga_err expected;
    } row[] = {
        {hide_sender, TAMGA_E_MISSING_FIELD},
        {show_other_key, TAMGA_E_PROOF_KEY},
        {show_a_release, TAMGA_E_MISSING_FIELD},
        {break_path, TAMGA_E_BAD_COMMITMENT},
    };

    world_permit(&world, &(struct world_permit){.release = &first_id});
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        world.gateway.change_answer = row[i].change;
        answer_is_refused(row[i].expected);
    }
    world.gateway.change_answer = NULL;
    installs(&first, 1);
}

/*
 * Goal:   what was withdrawn is not installed, whoever permits it.
 * Method: the older release is withdrawn too, after the permit.
 */
Test(permit, of_a_release_that_was_withdrawn)
{
    world_permit(&world, &(struct world_permit){.release = &first_id});
    world_withdraw(&world, &first_id, 1);
    session_gives(TAMGA_E_RELEASE_WITHDRAWN);
    cr_assert(world_runs(&world, &second));
}

/*
 * Goal:   a permit serves once: who keeps it cannot bring the device down again.
 * Method: back to 1, forward to 3, the same permit once more, also after a restart; then a
 *         later one.
 */
Test(permit, serves_once)
{
    size_t used;

    world_permit(&world, &(struct world_permit){.release = &first_id});
    used = world.gateway.permit_at;
    installs(&first, 1);
    world.gateway.permit_at = 0;
    world_offer(&world, &third, &(struct test_release){.counter = 3});
    installs(&third, 3);
    world.gateway.permit_at = used;
    world_offer_older(&world, 0);
    answer_is_refused(TAMGA_E_BAD_PERMIT);
    world_close(&world);
    cr_assert_eq(world_open(&world), TAMGA_OK, "%s", world.detail.text);
    answer_is_refused(TAMGA_E_BAD_PERMIT);
    world_permit(&world, &(struct world_permit){.release = &first_id});
    installs(&first, 1);
}

/*
 * Goal:   a permit brings nobody back to what runs already, nor past a newer release.
 * Method: the same offer after the way back; and a newest release that suits.
 */
Test(permit, lifts_nothing_else)
{
    world_permit(&world, &(struct world_permit){.release = &first_id});
    installs(&first, 1);
    session_gives(TAMGA_E_COUNTER_ROLLBACK);
    world_supersede_by(&world, &third, &(struct test_release){.counter = 3});
    world_offer_older(&world, 0);
    answer_is_refused(TAMGA_E_NOT_NEWEST);
}

/*
 * Goal:   a release that ran once and runs again says so, for its first success stands in the
 *         gateways' chain already.
 * Method: back to 1 from 2, forward to 3, back by another permit, 3 again; the two receipts
 *         of 1 claim different keys, and so do those of 3.
 */
static struct tamga_hash last_key(Tamga__V1__Reinstall expected)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReceiptBody *receipt = last_receipt();
    struct tamga_hash key;

    cr_assert_eq(receipt->reinstall, expected);
    tamga_key_update(&key, receipt);
    return key;
}
Test(permit, forward_again_is_a_reinstall)
{
    struct tamga_hash back, forth;
    struct tamga_hash back_again, forth_again;

    world_permit(&world, &(struct world_permit){.release = &first_id});
    installs(&first, 1);
    back = last_key(TAMGA__V1__REINSTALL__REINSTALL_NONE);
    world.gateway.permit_at = 0;
    world_offer(&world, &third, &(struct test_release){.counter = 3});
    installs(&third, 3);
    forth = last_key(TAMGA__V1__REINSTALL__REINSTALL_NONE);
    world_permit(&world, &(struct world_permit){.release = &first_id});
    world_offer_older(&world, 0);
    installs(&first, 1);
    back_again = last_key(TAMGA__V1__REINSTALL__REINSTALL_NONE);
    world.gateway.older = false;
    installs(&third, 3);
    forth_again = last_key(TAMGA__V1__REINSTALL__REINSTALL_RETURNED);
    cr_assert_not(tamga_hash_equal(&back, &back_again));
    cr_assert_not(tamga_hash_equal(&forth, &forth_again));
}
