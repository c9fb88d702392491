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
