/* client/auditor: a device's history, verified from the record to the release's block. */
#include <criterion/criterion.h>
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
