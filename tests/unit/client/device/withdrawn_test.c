/* client/device: releases that were withdrawn, or wait for signatures, and the way back to an
 * older one; against gateways that hide it, or say it of another. */
#include <stdio.h>

#include "chain/state_map.h"
#include "wire/wire.h"
#include "world.h"

static struct world world;
static struct image first, second;

static void start(void)
{
    world_start(&world);
    world_image(&world, &first, 1, 1000);
    world_image(&world, &second, 2, 1000);
}
static void end(void)
{
    image_clear(&first);
    image_clear(&second);
    world_end(&world);
}
TestSuite(withdrawn, .init = start, .fini = end, .timeout = 60);

static void session_gives(enum tamga_err expected)
{
    enum tamga_err err = world_session(&world);

    cr_assert_eq(err, expected, "%s: %s", tamga_err_name(err), world.detail.text);
}

static Tamga__V1__ReceiptBody *last_receipt(void)
{
    return world_receipt(&world, world.gateway.receipt_count - 1);
}

/* The release is proved, and refused with a receipt that names the reason. */
static void refused_release(enum tamga_err expected)
{
    size_t receipts = world.gateway.receipt_count;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReceiptBody *receipt = NULL;

    session_gives(expected);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_REFUSED);
    cr_assert(world.result.has_release);
    cr_assert_eq(world.gateway.receipt_count, receipts + 1);
    receipt = last_receipt();
    cr_assert_eq(receipt->outcome, TAMGA__V1__OUTCOME__OUTCOME_REFUSED);
    cr_assert_eq(receipt->reason, (uint32_t)expected);
}

static void installs(const struct image *image)
{
    session_gives(TAMGA_OK);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_INSTALLED);
    cr_assert(world_runs(&world, image));
}

/* ---- the newest release -------------------------------------------------------------- */

/*
 * Goal:   a newest release that was withdrawn is not installed, though all else suits.
 * Method: offer it after its withdrawal; the receipt names the reason.
 */
Test(withdrawn, newest_is_not_installed)
{
    world_offer(&world, &first, NULL);
    world_withdraw_newest(&world);
    refused_release(TAMGA_E_RELEASE_WITHDRAWN);
    cr_assert_eq(world.gateway.blocks_asked, 0);
}

/*
 * Goal:   a newest release that was withdrawn keeps no older one away.
 * Method: an older one beside a newest that suits (NOT_NEWEST); once that is withdrawn.
 */
Test(withdrawn, newest_leaves_room_for_an_older_one)
{
    world_offer(&world, &first, NULL);
    world_supersede_by(&world, &second, &(struct test_release){.counter = 2});
    session_gives(TAMGA_E_NOT_NEWEST);
    world_withdraw_newest(&world);
    installs(&first);
    cr_assert_eq(world_status(&world).counter, 1);
}

/* ---- an older release ----------------------------------------------------------------- */

/* An older release on offer, beside a newest that is for other hardware. */
static struct tamga_entry_id offer_beside_newer(void)
{
    struct tamga_entry_id id;

    world_offer(&world, &first, NULL);
    id = world.gateway.newest_id;
    world_supersede(&world, &(struct test_release){.counter = 9, .hardware = "B"});
    return id;
}

/*
 * Goal:   an older release that is not in force is not installed.
 * Method: withdrawn after it was superseded; waiting for signatures; in force, with more
 *         signatures than one.
 */
Test(withdrawn, older_release_is_not_installed)
{
    struct tamga_entry_id id = offer_beside_newer();

    world_withdraw(&world, &id, 1);
    refused_release(TAMGA_E_RELEASE_WITHDRAWN);
    world_keep_waiting(&world, &id, 1);
    refused_release(TAMGA_E_RELEASE_UNSIGNED);
    cr_assert_eq(world.gateway.blocks_asked, 0);
}

static Tamga__V1__StateProof *shown; /* in place of another */

static void hide_release(Tamga__V1__CheckInResponse *response)
{
    response->release = NULL;
}
static void hide_sender(Tamga__V1__CheckInResponse *response)
{
    response->sender = NULL;
}
static void other_release(Tamga__V1__CheckInResponse *response)
{
    response->release = shown;
}
static void other_sender(Tamga__V1__CheckInResponse *response)
{
    response->sender = response->release;
}

/* Such an answer speaks of the gateway: no receipt, and the truth is judged afterwards. */
static void lie_is_refused(void (*lie)(Tamga__V1__CheckInResponse *), enum tamga_err expected)
{
    size_t receipts = world.gateway.receipt_count;

    world.gateway.change_answer = lie;
    session_gives(expected);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_REFUSED);
    cr_assert_not(world.result.has_release);
    cr_assert_eq(world.gateway.receipt_count, receipts);
    world.gateway.change_answer = NULL;
}

static Tamga__V1__StateProof *prove(const struct tamga_entry_id *id)
{
    Tamga__V1__StateProof *proof = NULL;
    struct tamga_hash key;

    tamga_key_release(&key, &id->hash);
    cr_assert_eq(tamga_state_proof_make(&proof, &world.gateway.state.view, &key), TAMGA_OK);
    return proof;
}

/*
 * Goal:   a gateway cannot hide that an older release was withdrawn.
 * Method: leave the proofs out; show that of another release; that of before; another key's
 *         as the sender's.
 */
Test(withdrawn, a_gateway_cannot_hide_it)
{
    struct tamga_entry_id id = offer_beside_newer();
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateProof *before = prove(&id);
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateProof *others = NULL;

    world_withdraw(&world, &id, 1);
    others = prove(&world.gateway.newest_id);
    lie_is_refused(hide_release, TAMGA_E_MISSING_FIELD);
    lie_is_refused(hide_sender, TAMGA_E_MISSING_FIELD);
    shown = others;
    lie_is_refused(other_release, TAMGA_E_PROOF_KEY);
    shown = before;
    lie_is_refused(other_release, TAMGA_E_PROOF_ROOT);
    lie_is_refused(other_sender, TAMGA_E_PROOF_KEY);
    refused_release(TAMGA_E_RELEASE_WITHDRAWN);
}

/*
 * Goal:   what is no release is not read as one.
 * Method: a block with a withdrawal, shown as an older release.
 */
Test(withdrawn, other_transactions_are_no_releases)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Withdraw withdraw = TAMGA__V1__WITHDRAW__INIT;
    char reason[] = "it bricks";

    withdraw.release = tamga_wire_bytes(tamga_hash_span(&first.sha256));
    withdraw.reason = reason;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW;
    body.withdraw = &withdraw;
    world_say(&world, "acme", &body);
    world_supersede(&world, &(struct test_release){.counter = 9, .hardware = "B"});
    lie_is_refused(NULL, TAMGA_E_MISSING_FIELD);
}

/* ---- what the device runs ------------------------------------------------------------- */

static void is_up_to_date(unsigned told)
{
    size_t receipts = world.gateway.receipt_count;

    session_gives(TAMGA_OK);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_UP_TO_DATE);
    cr_assert_eq(world.gateway.receipt_count, receipts);
    cr_assert_eq(world.seen, told, "told %u times", world.seen);
}

/*
 * Goal:   a device that runs what was withdrawn tells it, once, and keeps it running.
 * Method: the newest one, as the release proof says; then again, and after a restart.
 */
Test(withdrawn, device_tells_what_it_runs)
{
    world.watched = "release.withdrawn";
    world_offer(&world, &first, NULL);
    installs(&first);
    is_up_to_date(0);
    world_withdraw_newest(&world);
    is_up_to_date(1);
    is_up_to_date(1);
    cr_assert(world_runs(&world, &first));
    world_close(&world);
    cr_assert_eq(world_open(&world), TAMGA_OK, "%s", world.detail.text);
    is_up_to_date(2);
}

/*
 * Goal:   the same of a release that is not the newest, by a proof of its own; and the newest
 *         beside it, which does not suit, is not refused as if it were on offer.
 * Method: 1 runs, 9 is for other hardware; the proof says that 1 is in force, then not.
 */
Test(withdrawn, device_is_told_of_an_older_one)
{
    struct tamga_entry_id id;

    world.watched = "release.withdrawn";
    world_offer(&world, &first, NULL);
    id = world.gateway.newest_id;
    installs(&first);
    world_supersede(&world, &(struct test_release){.counter = 9, .hardware = "B"});
    world.gateway.older = false;
    world.gateway.tells_of = &id;
    is_up_to_date(0);
    world_withdraw(&world, &id, 1);
    is_up_to_date(1);
    cr_assert(world_runs(&world, &first));
    world_offer(&world, &second, &(struct test_release){.counter = 10});
    installs(&second);
}

static void tell_of_other(Tamga__V1__CheckInResponse *response)
{
    response->installed = shown;
}

/*
 * Goal:   nobody's word makes a device believe that what it runs was withdrawn.
 * Method: the proof of another release that was; the value of one where there is none.
 */
Test(withdrawn, device_believes_proofs_only)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateProof *others = NULL;
    struct tamga_entry_id id, other;

    world.watched = "release.withdrawn";
    world_offer(&world, &first, NULL);
    id = world.gateway.newest_id;
    installs(&first);
    test_image(&other.hash, 5);
    world_withdraw(&world, &other, 7);
    others = prove(&other);
    shown = others;
    world.gateway.tells_of = &id;
    lie_is_refused(tell_of_other, TAMGA_E_PROOF_KEY);
    tamga_key_release(&other.hash, &id.hash);
    memcpy(others->key.data, other.hash.byte, sizeof other.hash.byte);
    lie_is_refused(tell_of_other, TAMGA_E_PROOF_ROOT);
    cr_assert_eq(world.seen, 0);
}
