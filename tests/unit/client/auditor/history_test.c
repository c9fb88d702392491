/* client/auditor: a device's history, verified from the record to the release's block. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fake_node.h"
#include "link/client_internal.h"

static uint64_t now_ms(void)
{
    return (uint64_t)time(NULL) * 1000;
}

static struct tamga_client *client_to(const struct fake_node *node)
{
    const char *addr = fake_addr(node);
    const struct tamga_client_options options = {.nodes = &addr,
                                                 .node_count = 1,
                                                 .identity = fake_identity("bolt"),
                                                 .timeout_ms = 10000};
    struct tamga_client *client = NULL;

    cr_assert_eq(tamga_client_open(&client, &options, NULL), TAMGA_OK);
    return client;
}

/* Release 1 on the consortium chain, and records of the device, as they are given. */
static struct fake_node *gateway_with(const struct test_record *record, size_t count,
                                      void (*bend)(Tamga__V1__GetInclusionResponse *response))
{
    struct fake_node *node =
        fake_start(&(struct fake_options){.gateway = true, .bend = bend});
    struct tamga_entry_id release;
    TAMGA_BUF payload = {0};

    test_release(&payload, &release,
                 &(struct test_release){.counter = 1, .time_ms = now_ms(), .version = "1.0"});
    fake_add(node, test_consortium(), &payload);
    for (size_t i = 0; i < count; i++) {
        struct test_record one = record[i];

        one.time_ms = now_ms();
        one.release_id = &release;
        one.release = one.release ? one.release : 1;
        test_record(&payload, NULL, &one);
        fake_add(node, test_gateway(), &payload);
    }
    return node;
}

struct seen {
    size_t count;
    uint64_t missing;
    enum tamga_err reason[8], release_err[8];
};

static enum tamga_err see(void *context, const struct tamga_record_info *record)
{
    struct seen *seen = context;

    cr_assert_str_eq(record->device, "acme/cam/0001");
    cr_assert_str_eq(record->gateway, "gw-1");
    cr_assert_gt(record->height, 0);
    if (record->release_err == TAMGA_OK) {
        cr_assert_str_eq(record->version, "1.0");
        cr_assert_str_eq(record->released_by, "acme");
    }
    seen->reason[seen->count] = record->reason;
    seen->release_err[seen->count] = record->release_err;
    seen->missing += record->missing;
    seen->count++;
    return TAMGA_OK;
}

static enum tamga_err history(struct fake_node *node, const char *device, struct seen *seen)
{
    struct tamga_client *client = client_to(node);
    enum tamga_err err = tamga_client_history(client, device, see, seen, NULL);

    tamga_client_close(client);
    fake_stop(node);
    return err;
}

/*
 * Goal:   outcome, reason, who delivered and who released are told; a gap shows.
 * Method: a failure, a refusal and a success, receipts 1, 2 and 5, over two pages.
 */
Test(history, tells_what_happened)
{
    const struct test_record record[] = {
        {.counter = 1, .outcome = TAMGA__V1__OUTCOME__OUTCOME_FAILED},
        {.counter = 2,
         .outcome = TAMGA__V1__OUTCOME__OUTCOME_REFUSED,
         .reason = TAMGA_E_HARDWARE_MISMATCH},
        {.counter = 5},
    };
    struct seen seen = {0};

    cr_assert_eq(history(gateway_with(record, 3, NULL), "acme/cam/0001", &seen), TAMGA_OK);
    cr_assert_eq(seen.count, 3);
    cr_assert_eq(seen.missing, 2);
    cr_assert_eq(seen.reason[0], TAMGA_E_INSTALL_FAILED);
    cr_assert_eq(seen.reason[1], TAMGA_E_HARDWARE_MISMATCH);
    cr_assert_eq(seen.reason[2], TAMGA_OK);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(seen.release_err[i], TAMGA_OK);
}

/*
 * Goal:   an unknown device is no error, one that is not written so is.
 * Method: an empty list; bad names.
 */
Test(history, of_a_device_without_records)
{
    struct seen seen = {0};

    cr_assert_eq(history(gateway_with(NULL, 0, NULL), "acme/cam/0001", &seen), TAMGA_OK);
    cr_assert_eq(seen.count, 0);
    cr_assert_eq(history(gateway_with(NULL, 0, NULL), "acme/cam", &seen), TAMGA_E_USAGE);
    cr_assert_eq(history(gateway_with(NULL, 0, NULL), "acme/cam/../1", &seen), TAMGA_E_USAGE);
}

/*
 * Goal:   a record of another device is a lie, not a history.
 * Method: the fake lists all records whatever device is asked for.
 */
Test(history, refuses_another_devices_record)
{
    const struct test_record record = {0};
    struct seen seen = {0};

    cr_assert_eq(history(gateway_with(&record, 1, NULL), "acme/cam/0002", &seen),
                 TAMGA_E_PEER_LIED);
    cr_assert_eq(seen.count, 0);
}

/*
 * Goal:   receipts out of order are refused: a gateway cannot hide which came last.
 * Method: receipt 2 recorded before receipt 1.
 */
Test(history, refuses_records_out_of_order)
{
    const struct test_record record[] = {
        {.counter = 2, .outcome = TAMGA__V1__OUTCOME__OUTCOME_FAILED}, {.counter = 1}};
    struct seen seen = {0};

    cr_assert_eq(history(gateway_with(record, 2, NULL), "acme/cam/0001", &seen),
                 TAMGA_E_PEER_LIED);
    cr_assert_eq(seen.count, 1);
}

/*
 * Goal:   a record that speaks of another image than its release's is marked.
 * Method: the release's id with another image's hash.
 */
Test(history, marks_another_image)
{
    const struct test_record record = {.release = 7};
    struct seen seen = {0};

    cr_assert_eq(history(gateway_with(&record, 1, NULL), "acme/cam/0001", &seen), TAMGA_OK);
    cr_assert_eq(seen.count, 1);
    cr_assert_eq(seen.release_err[0], TAMGA_E_IMAGE_MISMATCH);
}

/* Commitments of the gateway chain have 64 bytes; releases are left alone. */
static void bend_commitment(Tamga__V1__GetInclusionResponse *response)
{
    if (response->inclusion->entry.len == TAMGA_COMMITMENT_BYTES)
        response->inclusion->entry.data[40] ^= 1;
}

static void bend_place(Tamga__V1__GetInclusionResponse *response)
{
    if (response->inclusion->entry.len == TAMGA_COMMITMENT_BYTES)
        response->inclusion->index++;
}

static void bend_release(Tamga__V1__GetInclusionResponse *response)
{
    if (response->inclusion->entry.len != TAMGA_COMMITMENT_BYTES)
        response->inclusion->index++;
}

/*
 * Goal:   no proof, no record; and no release without its own.
 * Method: bend the leaf, the place, and the release's place.
 */
Test(history, refuses_false_proofs)
{
    const struct test_record record = {0};
    struct seen seen = {0};

    cr_assert_eq(history(gateway_with(&record, 1, bend_commitment), "acme/cam/0001", &seen),
                 TAMGA_E_BAD_COMMITMENT);
    cr_assert_eq(history(gateway_with(&record, 1, bend_place), "acme/cam/0001", &seen),
                 TAMGA_E_BAD_PROOF);
    cr_assert_eq(seen.count, 0);
    cr_assert_eq(history(gateway_with(&record, 1, bend_release), "acme/cam/0001", &seen),
                 TAMGA_OK);
    cr_assert_eq(seen.release_err[0], TAMGA_E_BAD_PROOF);
}

/* ---- what was said of a release since --------------------------------------------------- */

/* Release 1, an action about it, and a record of it; all final. */
struct told {
    struct tamga_entry_id release, notice;
    char by[TAMGA_CLIENT_NAME_MAX], reason[64];
    bool withdrawn, permit;
    enum tamga_err withdrawn_err, permit_err;
    uint8_t withdrawn_tx[32], permit_tx[32];
};
static struct told told;

static void copy(const struct tamga_notice_info *info, uint8_t tx_id[32])
{
    snprintf(told.by, sizeof told.by, "%s", info->by);
    snprintf(told.reason, sizeof told.reason, "%s", info->reason);
    memcpy(tx_id, info->tx_id, 32);
}

static enum tamga_err hear(void *context, const struct tamga_record_info *record)
{
    (void)context;
    told.withdrawn = record->withdrawn != NULL;
    told.withdrawn_err = record->withdrawn_err;
    told.permit = record->permit != NULL;
    told.permit_err = record->permit_err;
    if (told.withdrawn)
        copy(record->withdrawn, told.withdrawn_tx);
    if (told.permit)
        copy(record->permit, told.permit_tx);
    cr_assert_eq(record->by_permit, told.permit || told.permit_err != TAMGA_OK);
    return TAMGA_OK;
}

static void name_permit(Tamga__V1__ReceiptBody *body)
{
    body->from_counter = 2;
    body->permit = tamga_wire_bytes(tamga_hash_span(&told.notice.hash));
}

static char reason[] = "it bricks", number[] = "0001", *numbers[] = {number};

static void set_withdraw(Tamga__V1__TransactionBody *body)
{
    static Tamga__V1__Withdraw withdraw;

    tamga__v1__withdraw__init(&withdraw);
    withdraw.release = tamga_wire_bytes(tamga_hash_span(&told.release.hash));
    withdraw.reason = reason;
    body->action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW;
    body->withdraw = &withdraw;
}

static Tamga__V1__Permit permit;
static void set_permit(Tamga__V1__TransactionBody *body)
{
    tamga__v1__permit__init(&permit);
    permit.release = tamga_wire_bytes(tamga_hash_span(&told.release.hash));
    permit.n_numbers = 1;
    permit.numbers = numbers;
    permit.expires_ms = now_ms() + 3600000;
    permit.reason = reason;
    body->action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT;
    body->permit = &permit;
}
/* For another device, by its number. */
static void set_permit_of_others(Tamga__V1__TransactionBody *body)
{
    static char other[] = "0002", *others[] = {other};

    set_permit(body);
    permit.numbers = others;
}

static void add_release(struct fake_node *node)
{
    TAMGA_BUF payload = {0};

    test_release(&payload, &told.release,
                 &(struct test_release){.counter = 1, .time_ms = now_ms(), .version = "1.0"});
    fake_add(node, test_consortium(), &payload);
}

/* act NULL: nothing is said of it. by_permit: the receipt names what was said. */
static enum tamga_err told_of(void (*act)(Tamga__V1__TransactionBody *), bool by_permit,
                              void (*bend)(Tamga__V1__GetStateProofResponse *))
{
    struct fake_node *node =
        fake_start(&(struct fake_options){.gateway = true, .bend_state = bend});
    struct test_record record = {.release_id = &told.release, .release = 1};
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    struct tamga_client *client = client_to(node);
    TAMGA_BUF payload = {0};
    enum tamga_err err;

    told = (struct told){.withdrawn = false};
    add_release(node);
    body.time_ms = now_ms();
    if (act != NULL) {
        act(&body);
        test_action(&payload, &told.notice, "acme", &body);
        fake_add(node, test_consortium(), &payload);
    }
    record.time_ms = now_ms();
    record.change_receipt = by_permit ? name_permit : NULL;
    test_record(&payload, NULL, &record);
    fake_add(node, test_gateway(), &payload);
    fake_finalize(node);
    err = tamga_client_history(client, "acme/cam/0001", hear, NULL, NULL);
    tamga_client_close(client);
    fake_stop(node);
    return err;
}

/*
 * Goal:   that a release was withdrawn is told with who, why and which transaction.
 * Method: a release of which nothing is said; one that acme withdrew.
 */
Test(history, marks_what_was_withdrawn)
{
    cr_assert_eq(told_of(NULL, false, NULL), TAMGA_OK);
    cr_assert_not(told.withdrawn || told.permit);
    cr_assert_eq(told.withdrawn_err, TAMGA_OK);
    cr_assert_eq(told_of(set_withdraw, false, NULL), TAMGA_OK);
    cr_assert(told.withdrawn && !told.permit);
    cr_assert_str_eq(told.by, "acme");
    cr_assert_str_eq(told.reason, reason);
    cr_assert_eq(memcmp(told.withdrawn_tx, told.notice.hash.byte, 32), 0);
}

/* Who the members are is asked for too, and no concern here. */
static bool is_of_members(const Tamga__V1__StateProof *proof)
{
    struct tamga_hash key;

    tamga_key_roster(&key);
    return tamga_span_equal(tamga_wire_span(proof->key), tamga_hash_span(&key));
}

static void bend_value(Tamga__V1__GetStateProofResponse *response)
{
    if (response->proof->value.len > 0 && !is_of_members(response->proof))
        response->proof->value.data[response->proof->value.len - 1] ^= 1;
}
static void hide_value(Tamga__V1__GetStateProofResponse *response)
{
    if (!is_of_members(response->proof))
        response->proof->value.len = 0;
}

/*
 * Goal:   a gateway can neither make up a withdrawal nor hide one.
 * Method: change what the state says, leave it out.
 */
Test(history, withdrawals_are_proved)
{
    cr_assert_eq(told_of(set_withdraw, false, bend_value), TAMGA_OK);
    cr_assert_eq(told.withdrawn_err, TAMGA_E_PROOF_ROOT);
    cr_assert_eq(told_of(set_withdraw, false, hide_value), TAMGA_OK);
    cr_assert_eq(told.withdrawn_err, TAMGA_E_PROOF_ROOT);
    cr_assert_not(told.withdrawn);
}

/*
 * Goal:   the permit of a way back is shown, and held against the receipt.
 * Method: a good one; a withdrawal in its place; one for another device.
 */
Test(history, shows_the_permit_of_a_way_back)
{
    cr_assert_eq(told_of(set_permit, true, NULL), TAMGA_OK);
    cr_assert(told.permit && !told.withdrawn);
    cr_assert_eq(told.permit_err, TAMGA_OK);
    cr_assert_str_eq(told.by, "acme");
    cr_assert_str_eq(told.reason, reason);
    cr_assert_eq(memcmp(told.permit_tx, told.notice.hash.byte, 32), 0);
    cr_assert_eq(told_of(set_withdraw, true, NULL), TAMGA_OK);
    cr_assert_eq(told.permit_err, TAMGA_E_BAD_PERMIT);
    cr_assert_eq(told_of(set_permit_of_others, true, NULL), TAMGA_OK);
    cr_assert_eq(told.permit_err, TAMGA_E_BAD_PERMIT);
    cr_assert_not(told.permit);
}

static enum tamga_err hear_release(void *context, const struct tamga_record_info *record)
{
    *(enum tamga_err *)context = record->release_err;
    return TAMGA_OK;
}

/*
 * Goal:   what is no release is not read as one, whatever a record names.
 * Method: a record of a withdrawal, as if that had been installed.
 */
Test(history, marks_what_is_no_release)
{
    struct fake_node *node = fake_start(&(struct fake_options){.gateway = true});
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    struct test_record record = {.release_id = &told.notice, .time_ms = now_ms()};
    struct tamga_client *client = client_to(node);
    enum tamga_err release_err = TAMGA_OK;
    TAMGA_BUF payload = {0};

    add_release(node);
    body.time_ms = now_ms();
    set_withdraw(&body);
    test_action(&payload, &told.notice, "acme", &body);
    fake_add(node, test_consortium(), &payload);
    test_record(&payload, NULL, &record);
    fake_add(node, test_gateway(), &payload);
    cr_assert_eq(tamga_client_history(client, "acme/cam/0001", hear_release, &release_err, NULL),
                 TAMGA_OK);
    cr_assert_eq(release_err, TAMGA_E_UNKNOWN_RELEASE);
    tamga_client_close(client);
    fake_stop(node);
}
