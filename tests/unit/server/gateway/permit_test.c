/* server/gateway/permit.c: who is let back, and who stays there. On a chain in memory. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "decide.h"
#include "gateway/gateway.h"
#include "wire/wire.h"

static struct test_node node;
static struct tamga_entry_id first, second; /* releases 1 and 2 of acme/cam */

static uint64_t now_ms(void)
{
    return tamga_engine_tip(node.engine)->tip.time_ms;
}

static void publish(struct tamga_entry_id *id, uint64_t counter, const char *hardware)
{
    TAMGA_BUF payload = {0};

    test_release(&payload, id,
                 &(struct test_release){
                     .counter = counter, .hardware = hardware, .time_ms = now_ms()});
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
}

static void start(void)
{
    test_node_open(&node, test_consortium());
    publish(&first, 1, NULL);
    publish(&second, 2, NULL);
}
static void end(void)
{
    test_node_close(&node);
}
TestSuite(gateway_permit, .init = start, .fini = end, .timeout = 60);

static struct tamga_entry_id say(Tamga__V1__TransactionBody *body)
{
    struct tamga_entry_id id;
    TAMGA_BUF payload = {0};

    body->time_ms = now_ms();
    test_action(&payload, &id, "acme", body);
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
    return id;
}

static void withdraw(const struct tamga_entry_id *id)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Withdraw action = TAMGA__V1__WITHDRAW__INIT;
    char reason[] = "it bricks";

    action.release = tamga_wire_bytes(tamga_hash_span(&id->hash));
    action.reason = reason;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW;
    body.withdraw = &action;
    (void)say(&body);
}

/* number NULL: for all devices. */
static struct tamga_entry_id permit(const struct tamga_entry_id *release, const char *number,
                                    uint64_t for_ms)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Permit action = TAMGA__V1__PERMIT__INIT;
    char reason[] = "it bricks", *numbers = (char *)(uintptr_t)number;

    action.release = tamga_wire_bytes(tamga_hash_span(&release->hash));
    action.n_numbers = number != NULL;
    action.numbers = &numbers;
    action.expires_ms = now_ms() + for_ms;
    action.reason = reason;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT;
    body.permit = &action;
    return say(&body);
}

/* Device 0001 of hardware A asks, as of the tip or of a block below it. */
struct asking {
    Tamga__V1__DeviceId device;
    Tamga__V1__CheckInBody check_in;
    struct tamga_checkpoint as_of;
    struct gateway_question question;
};
static void ask(struct asking *out, uint64_t installed, uint64_t below)
{
    static char producer[] = "acme", model[] = "cam", number[] = "0001", hardware[] = "A";

    tamga__v1__device_id__init(&out->device);
    tamga__v1__check_in_body__init(&out->check_in);
    out->device.producer = producer;
    out->device.model = model;
    out->device.number = number;
    out->check_in.device = &out->device;
    out->check_in.hardware = hardware;
    out->check_in.installed_counter = installed;
    out->as_of = (struct tamga_checkpoint){
        .at.height = tamga_engine_tip(node.engine)->tip.height - below};
    out->question = (struct gateway_question){.chain = test_consortium(),
                                              .view = &node.store->reader.view,
                                              .as_of = &out->as_of,
                                              .check_in = &out->check_in,
                                              .now_ms = now_ms()};
}

/* Is a device that runs this counter let back to this release, by this permit? */
static bool goes_back(uint64_t installed, uint64_t below, const struct tamga_entry_id *to,
                      const struct tamga_entry_id *by)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item release = {0};
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item shown = {0};
    struct asking asking;
    enum tamga_err err;

    ask(&asking, installed, below);
    err = gateway_way_back(&asking.question, &release, &shown);
    if (err == TAMGA_E_NOT_FOUND)
        return false;
    cr_assert_eq(err, TAMGA_OK);
    return tamga_hash_equal(&release.id.hash, &to->hash) &&
           tamga_hash_equal(&shown.id.hash, &by->hash);
}

static bool stays(uint64_t installed, uint64_t height)
{
    struct asking asking;
    bool stays = false;

    ask(&asking, installed, 0);
    cr_assert_eq(gateway_stays(&asking.question, height, &stays), TAMGA_OK);
    return stays;
}

/*
 * Goal:   the newest permit that is this device's now shows the way back.
 * Method: none; one for another device; one for this, above what is final, and final; one
 *         for all after it.
 */
Test(gateway_permit, newest_for_this_device)
{
    struct tamga_entry_id mine, all;

    cr_assert_not(goes_back(2, 0, &first, &first));
    (void)permit(&first, "0002", 60000);
    cr_assert_not(goes_back(2, 0, &first, &first));
    mine = permit(&first, "0001", 60000);
    cr_assert_not(goes_back(2, 1, &first, &mine));
    cr_assert(goes_back(2, 0, &first, &mine));
    all = permit(&first, NULL, 60000);
    cr_assert(goes_back(2, 0, &first, &all));
}

/*
 * Goal:   a permit that is over, or was given before what runs came, or leads nowhere lower,
 *         is passed over; so is one to a release that was withdrawn, or is for other hardware.
 * Method: one of each.
 */
Test(gateway_permit, passes_over_what_is_none)
{
    struct tamga_entry_id third, fourth, by;

    (void)permit(&first, "0001", 1500);
    test_pass(&node, 1);
    cr_assert_not(goes_back(2, 0, &first, &first), "it is over");
    by = permit(&first, "0001", 60000);
    cr_assert_not(goes_back(1, 0, &first, &by), "it runs it");
    publish(&third, 3, NULL);
    cr_assert(goes_back(2, 0, &first, &by));
    cr_assert_not(goes_back(3, 0, &first, &by), "it speaks of those before 3");
    by = permit(&second, "0001", 60000);
    cr_assert(goes_back(3, 0, &second, &by));
    withdraw(&second);
    cr_assert_not(goes_back(3, 0, &second, &by), "withdrawn");
    publish(&fourth, 5, "B");
    publish(&third, 6, NULL);
    by = permit(&fourth, "0001", 60000);
    cr_assert_not(goes_back(6, 0, &fourth, &by), "for hardware B");
}

/*
 * Goal:   a device that went back is not sent forward to what it came from, while the permit
 *         is good; but to what came after it.
 * Method: blocks below and above the permit's; a device that runs something else; a permit
 *         that is over.
 */
Test(gateway_permit, who_went_back_stays)
{
    uint64_t height;

    (void)permit(&first, "0001", 5500);
    height = tamga_engine_tip(node.engine)->tip.height;
    cr_assert(stays(1, height - 1));
    cr_assert_not(stays(1, height));
    cr_assert_not(stays(1, height + 1));
    cr_assert_not(stays(2, height - 1));
    cr_assert_not(stays(0, height - 1));
    test_pass(&node, 6);
    cr_assert_not(stays(1, height - 1));
}

/*
 * Goal:   at most 64 permits are looked at.
 * Method: one for this device, then 63 and 64 for another.
 */
Test(gateway_permit, looks_at_so_many)
{
    struct tamga_entry_id mine = permit(&first, "0001", 600000);

    for (unsigned i = 0; i < 63; i++)
        (void)permit(&first, "0002", 600000 + i);
    cr_assert(goes_back(2, 0, &first, &mine));
    (void)permit(&first, "0002", 700000);
    cr_assert_not(goes_back(2, 0, &first, &mine));
}
