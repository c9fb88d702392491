/* server/gateway/device_link.c: what devices show at the door. Its calls: tests/integration/. */
#include "gateway/device_link.h"

#include <criterion/criterion.h>

#include "decide.h"

#define DEVICE "acme/cam/0001"

static void change_device(Tamga__V1__Signed *message)
{
    message->signature->value.data[3] ^= 1;
}

/* On a chain with genesis' members. */
static struct test_node node;
static struct tamga_device_link link_of;

static void start(void)
{
    test_node_open(&node, test_consortium());
    link_of = (struct tamga_device_link){test_network(), &node.store->reader.view};
}
static void end(void)
{
    test_node_close(&node);
}
TestSuite(device_link, .init = start, .fini = end);

static enum tamga_err judge_as(const char *name, const struct test_record *record,
                               struct tamga_span key)
{
    struct tamga_tls_shown shown = {.name = name, .key = key};
    struct tamga_detail detail = {""};
    TAMGA_BUF certificate = {0};
    enum tamga_err err;

    test_certificate(&certificate, record);
    shown.certificate = tamga_buf_span(&certificate);
    err = tamga_device_link_judge(&link_of, &shown, &detail);
    cr_assert(err == TAMGA_OK || err == TAMGA_E_BAD_SIGNATURE || detail.text[0] != '\0');
    return err;
}

/*
 * Goal:   whoever links by its own key is the device that its OEM certified, under this name
 *         and with this key, now; and each thing that is not so has its own code.
 * Method: a good one; another name, another key, expired, another issuer, a broken signature,
 *         bytes that are no certificate, none, too many.
 */
Test(device_link, judges_what_is_shown)
{
    static uint8_t many[TAMGA_CERTIFICATE_BYTES_MAX + 1];
    struct tamga_span key = tamga_public_key_spki(
        tamga_private_key_public(test_device_key("acme", "cam", "0001")));
    struct tamga_span other = tamga_public_key_spki(
        tamga_private_key_public(test_device_key("acme", "cam", "0002")));
    struct tamga_tls_shown shown = {.name = DEVICE, .key = key};
    struct tamga_detail detail;

    cr_assert_eq(judge_as(DEVICE, &(struct test_record){0}, key), TAMGA_OK);
    cr_assert_eq(judge_as("acme/cam/0002", &(struct test_record){0}, key), TAMGA_E_LINK_NAME);
    cr_assert_eq(judge_as("acme/cam/00011", &(struct test_record){0}, key), TAMGA_E_LINK_NAME);
    cr_assert_eq(judge_as(DEVICE, &(struct test_record){0}, other), TAMGA_E_BAD_CERTIFICATE);
    cr_assert_eq(judge_as(DEVICE, &(struct test_record){.certificate_expires_ms =
                                                            TEST_GENESIS_MS + 1}, key),
                 TAMGA_E_CERTIFICATE_EXPIRED);
    cr_assert_eq(judge_as(DEVICE, &(struct test_record){.issuer = "bolt"}, key),
                 TAMGA_E_ISSUER_NOT_OEM);
    cr_assert_eq(judge_as(DEVICE, &(struct test_record){.forge_certificate = change_device}, key),
                 TAMGA_E_BAD_SIGNATURE);
    shown.certificate = tamga_span_text("\x0a\x7f");
    cr_assert_eq(tamga_device_link_judge(&link_of, &shown, &detail), TAMGA_E_TRUNCATED);
    shown.certificate = (struct tamga_span){0};
    cr_assert_eq(tamga_device_link_judge(&link_of, &shown, &detail), TAMGA_E_MISSING_FIELD);
    shown.certificate = tamga_span(many, sizeof many);
    cr_assert_eq(tamga_device_link_judge(&link_of, &shown, &detail), TAMGA_E_TOO_LARGE);
}

/*
 * Goal:   an OEM's key that came after genesis lets its devices in, as soon as it holds.
 * Method: acme's next key, before and after it is the chain's.
 */
Test(device_link, judges_by_the_chain)
{
    struct tamga_span key = tamga_public_key_spki(
        tamga_private_key_public(test_device_key("acme", "cam", "0001")));
    TAMGA_BUF payload = {0};

    cr_assert_eq(judge_as(DEVICE, &(struct test_record){.issuer = "acme-2"}, key),
                 TAMGA_E_ISSUER_NOT_OEM);
    test_rotate(&payload, "acme", "acme-2", NULL, 1);
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
    test_release(&payload, NULL,
                 &(struct test_release){.sender = "bolt", .producer = "bolt", .model = "pump"});
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
    cr_assert_eq(judge_as(DEVICE, &(struct test_record){.issuer = "acme-2"}, key), TAMGA_OK);
    cr_assert_eq(judge_as(DEVICE, &(struct test_record){.issuer = "acme"}, key), TAMGA_OK);
}
