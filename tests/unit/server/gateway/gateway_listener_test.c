/* server/gateway/gateway_listener.c: what is in force, what a device may take, and who may
 * still vouch for one. On a chain in memory. */
#include <criterion/criterion.h>

#include "decide.h"
#include "gateway/gateway.h"
#include "wire/wire.h"

static struct test_node node;

static void start(void)
{
    test_node_open(&node, test_consortium());
}
static void end(void)
{
    test_node_close(&node);
}
TestSuite(gateway_listener, .init = start, .fini = end, .timeout = 60);

static uint64_t now_ms(void)
{
    return tamga_engine_tip(node.engine)->tip.time_ms;
}

static void publish(struct tamga_entry_id *id, uint64_t counter)
{
    TAMGA_BUF payload = {0};

    test_release(&payload, id, &(struct test_release){.counter = counter, .time_ms = now_ms()});
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
}

static void say(const char *sender, Tamga__V1__TransactionBody *body)
{
    TAMGA_BUF payload = {0};

    body->time_ms = now_ms();
    test_action(&payload, NULL, sender, body);
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
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
    say("acme", &body);
}

/* From now on releases of acme/cam need softco's signature too. */
static void ask_for_two(void)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__RegisterModel action = TAMGA__V1__REGISTER_MODEL__INIT;
    char model[] = "cam", signer[] = "softco", *signers[] = {signer};

    action.model = model;
    action.n_signers = 1;
    action.signers = signers;
    action.needed = 2;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_REGISTER_MODEL;
    body.register_model = &action;
    say("acme", &body);
}

/* Counter of what a new device gets; 0: nothing. */
static uint64_t offered(void)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    Tamga__V1__CheckInBody check_in = TAMGA__V1__CHECK_IN_BODY__INIT;
    Tamga__V1__DeviceId device = TAMGA__V1__DEVICE_ID__INIT;
    char producer[] = "acme", model[] = "cam";
    enum tamga_err err;

    device.producer = producer;
    device.model = model;
    check_in.device = &device;
    err = gateway_newest_for(test_consortium(), &node.store->reader, &check_in, now_ms(), &item);
    if (err == TAMGA_E_NOT_FOUND)
        return 0;
    cr_assert_eq(err, TAMGA_OK);
    return ((const Tamga__V1__TransactionBody *)item.body)->release->counter;
}

/*
 * Goal:   only what is in force is found for a device.
 * Method: two releases; the second, then the first are withdrawn; a third waits for a
 *         signature, and gets it.
 */
Test(gateway_listener, finds_what_is_in_force)
{
    struct tamga_entry_id first, second, third;
    TAMGA_BUF payload = {0};

    publish(&first, 1);
    publish(&second, 2);
    cr_assert_eq(offered(), 2);
    withdraw(&second);
    cr_assert_eq(offered(), 1);
    withdraw(&first);
    cr_assert_eq(offered(), 0);
    ask_for_two();
    publish(&third, 3);
    cr_assert_eq(offered(), 0);
    test_approve(&payload, "softco", &third);
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
    cr_assert_eq(offered(), 3);
}

/* Heights pass; not by acme, who may have lost its key. */
static void pass(uint64_t blocks)
{
    static uint64_t counter;

    for (uint64_t i = 0; i < blocks; i++) {
        TAMGA_BUF payload = {0};

        test_release(&payload, NULL,
                     &(struct test_release){.sender = "bolt", .producer = "bolt",
                                            .model = "pump", .counter = ++counter,
                                            .time_ms = now_ms()});
        cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
    }
}

/* ---- who enrolled a device --------------------------------------------------------------- */

static enum tamga_err issued_by(const char *issuer)
{
    TAMGA_CLEANUP(tamga_certificate_clear) struct tamga_certificate certificate = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    TAMGA_BUF bytes = {0};

    test_certificate(&bytes, &(struct test_record){.issuer = issuer});
    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&message,
                                   &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                   tamga_buf_span(&bytes), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_certificate_open(&certificate, test_network(), message, NULL), TAMGA_OK);
    return gateway_check_issuer(&node.store->reader.view, &certificate, NULL);
}

/*
 * Goal:   a device is served while its OEM's key may vouch for it: one that was replaced may,
 *         one that was revoked may not, and nobody else's ever.
 * Method: acme's key, another OEM's, a stranger's; after acme has a new key, by either; after
 *         that one was revoked.
 */
Test(gateway_listener, issuer_is_asked_of_the_chain)
{
    TAMGA_BUF payload = {0};

    cr_assert_eq(issued_by("acme"), TAMGA_OK);
    cr_assert_eq(issued_by("bolt"), TAMGA_E_ISSUER_NOT_OEM);
    cr_assert_eq(issued_by("acme-2"), TAMGA_E_ISSUER_NOT_OEM);
    test_rotate(&payload, "acme", "acme-2", NULL, 1);
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
    pass(2);
    cr_assert_eq(issued_by("acme"), TAMGA_OK);
    cr_assert_eq(issued_by("acme-2"), TAMGA_OK);
}

static void revoke(const char *name)
{
    static const char *const voter[] = {"node-a", "node-b", "node-c"};
    struct tamga_entry_id id;
    TAMGA_BUF payload = {0};

    test_propose(&payload, &id, "bolt",
                 &(struct test_change){.name = name, .revoke_key = true});
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
    for (size_t i = 0; i < sizeof voter / sizeof voter[0]; i++) {
        test_approve(&payload, voter[i], &id);
        cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
    }
    pass(2);
}
Test(gateway_listener, issuer_whose_key_was_revoked)
{
    cr_assert_eq(issued_by("acme"), TAMGA_OK);
    revoke("acme");
    cr_assert_eq(issued_by("acme"), TAMGA_E_ISSUER_NOT_OEM);
}
