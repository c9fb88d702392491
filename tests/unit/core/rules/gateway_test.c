/* Every refusal of the gateways' rules, each by the smallest change to a good record. */
#include <criterion/criterion.h>

#include "chain/engine.h"
#include "crypto/hash.h"
#include "fixture.h"
#include "wire/wire.h"

#define T0        TEST_GENESIS_MS
#define CONFIRMED TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED
#define FAILED    TAMGA__V1__OUTCOME__OUTCOME_FAILED
#define REFUSED   TAMGA__V1__OUTCOME__OUTCOME_REFUSED

/* ---- changes ---------------------------------------------------------------------- */

static char other_number[] = "0002", lock[] = "lock", climbing[] = "..";
static uint8_t zeros[4097];

static void no_key(Tamga__V1__RecordBody *body)
{
    body->key = NULL;
}
static void other_address(Tamga__V1__RecordBody *body)
{
    static struct tamga_address other;

    test_address(&other, "gw-2");
    body->gateway = tamga_wire_bytes(tamga_hash_span(&other.hash));
}
static void no_device(Tamga__V1__RecordBody *body)
{
    body->device = NULL;
}
static void other_device(Tamga__V1__RecordBody *body)
{
    body->device->number = other_number;
}
static void bad_device(Tamga__V1__RecordBody *body)
{
    body->device->number = climbing;
}
static void other_release(Tamga__V1__RecordBody *body)
{
    body->release = tamga_wire_bytes(tamga_span(zeros, 32));
}
static void other_image(Tamga__V1__RecordBody *body)
{
    body->image_sha256 = tamga_wire_bytes(tamga_span(zeros, 32));
}
static void other_outcome(Tamga__V1__RecordBody *body)
{
    body->outcome = FAILED;
}
static void no_receipt(Tamga__V1__RecordBody *body)
{
    body->receipt.len = 0;
}
static void no_certificate(Tamga__V1__RecordBody *body)
{
    body->certificate.len = 0;
}
static void long_receipt(Tamga__V1__RecordBody *body)
{
    body->receipt = tamga_wire_bytes(tamga_span(zeros, 2049));
}
static void long_certificate(Tamga__V1__RecordBody *body)
{
    body->certificate = tamga_wire_bytes(tamga_span(zeros, 4097));
}
static void cut_receipt(Tamga__V1__RecordBody *body)
{
    body->receipt.len--;
}
static void cut_certificate(Tamga__V1__RecordBody *body)
{
    body->certificate.len--;
}

static void reason_of_success(Tamga__V1__ReceiptBody *body)
{
    body->reason = TAMGA_E_INSTALL_FAILED;
}
static void failure_without_reason(Tamga__V1__ReceiptBody *body)
{
    body->reason = 0;
}
static void counter_zero(Tamga__V1__ReceiptBody *body)
{
    body->receipt_counter = 0;
}
static void no_outcome(Tamga__V1__ReceiptBody *body)
{
    body->outcome = TAMGA__V1__OUTCOME__OUTCOME_UNSPECIFIED;
}
static void no_nonce(Tamga__V1__ReceiptBody *body)
{
    body->nonce.len = 0;
}
static void no_receipt_device(Tamga__V1__ReceiptBody *body)
{
    body->device = NULL;
}

static void back_without_permit(Tamga__V1__ReceiptBody *body)
{
    body->from_counter = 2;
}
static void forward_by_permit(Tamga__V1__ReceiptBody *body)
{
    body->permit = tamga_wire_bytes(tamga_span(zeros, 32));
}
static void back_by_permit(Tamga__V1__ReceiptBody *body)
{
    body->from_counter = 2;
    body->permit = tamga_wire_bytes(tamga_span(zeros, 32));
}
static void short_permit(Tamga__V1__ReceiptBody *body)
{
    body->from_counter = 2;
    body->permit = tamga_wire_bytes(tamga_span(zeros, 31));
}

static void certify_another(Tamga__V1__CertificateBody *body)
{
    body->device->number = other_number;
}
static void certify_another_model(Tamga__V1__CertificateBody *body)
{
    body->device->model = lock;
}
static void certify_no_device(Tamga__V1__CertificateBody *body)
{
    body->device = NULL;
}
static void certify_no_key(Tamga__V1__CertificateBody *body)
{
    body->key = NULL;
}
static void issuer_address(Tamga__V1__CertificateBody *body)
{
    body->issuer = tamga_wire_bytes(tamga_span(zeros, 32));
}

static void break_signature(Tamga__V1__Signed *message)
{
    message->signature->value.data[7] ^= 4;
}
static void break_id(Tamga__V1__Signed *message)
{
    message->id.data[0] ^= 1;
}

/* ---- the table -------------------------------------------------------------------- */

/* The chain has: 0001's confirmed install of release 0 (receipt 1). */
#define NEXT .release = 1, .counter = 2
static const struct {
    const char *what;
    enum tamga_err expected;
    uint64_t now_ms; /* 0: T0 */
    struct test_record record;
} refusal[] = {
    /* who */
    {"stranger", TAMGA_E_NOT_MEMBER, 0, {.gateway = "stranger", NEXT}},
    {"OEM", TAMGA_E_NOT_GATEWAY, 0, {.gateway = "acme", NEXT}},
    {"node", TAMGA_E_NOT_GATEWAY, 0, {.gateway = "node-a", NEXT}},
    {"another's address", TAMGA_E_ADDRESS_MISMATCH, 0, {NEXT, .change = other_address}},
    {"no key", TAMGA_E_MISSING_FIELD, 0, {NEXT, .change = no_key}},
    {"id", TAMGA_E_ID_MISMATCH, 0, {NEXT, .forge = break_id}},
    {"signature", TAMGA_E_BAD_SIGNATURE, 0, {NEXT, .forge = break_signature}},
    /* when */
    {"stale", TAMGA_E_STALE_TIME, T0 + TEST_AGE_MAX_MS + 1, {NEXT}},
    {"future", TAMGA_E_FUTURE_TIME, 0, {NEXT, .time_ms = T0 + TEST_DRIFT_MS + 1}},
    /* the record against its receipt */
    {"another device", TAMGA_E_BAD_RECEIPT, 0, {NEXT, .change = other_device}},
    {"another release", TAMGA_E_BAD_RECEIPT, 0, {NEXT, .change = other_release}},
    {"another image", TAMGA_E_BAD_RECEIPT, 0, {NEXT, .change = other_image}},
    {"another outcome", TAMGA_E_BAD_RECEIPT, 0, {NEXT, .change = other_outcome}},
    {"no device", TAMGA_E_MISSING_FIELD, 0, {NEXT, .change = no_device}},
    {"device that climbs", TAMGA_E_BAD_VALUE, 0, {NEXT, .change = bad_device}},
    /* the receipt */
    {"no receipt", TAMGA_E_MISSING_FIELD, 0, {NEXT, .change = no_receipt}},
    {"long receipt", TAMGA_E_TOO_LARGE, 0, {NEXT, .change = long_receipt}},
    {"cut receipt", TAMGA_E_TRUNCATED, 0, {NEXT, .change = cut_receipt}},
    {"success with a reason", TAMGA_E_BAD_RECEIPT, 0,
     {NEXT, .change_receipt = reason_of_success}},
    {"failure without", TAMGA_E_BAD_RECEIPT, 0,
     {NEXT, .outcome = FAILED, .change_receipt = failure_without_reason}},
    {"receipt 0", TAMGA_E_BAD_RECEIPT, 0, {NEXT, .change_receipt = counter_zero}},
    {"back without a permit", TAMGA_E_BAD_RECEIPT, 0,
     {NEXT, .change_receipt = back_without_permit}},
    {"forward by a permit", TAMGA_E_BAD_RECEIPT, 0, {NEXT, .change_receipt = forward_by_permit}},
    {"short permit", TAMGA_E_BAD_LENGTH, 0, {NEXT, .change_receipt = short_permit}},
    {"no outcome", TAMGA_E_BAD_RECEIPT, 0, {NEXT, .change_receipt = no_outcome}},
    {"no nonce", TAMGA_E_BAD_LENGTH, 0, {NEXT, .change_receipt = no_nonce}},
    {"receipt of no device", TAMGA_E_MISSING_FIELD, 0,
     {NEXT, .change_receipt = no_receipt_device}},
    {"receipt's id", TAMGA_E_ID_MISMATCH, 0, {NEXT, .forge_receipt = break_id}},
    {"forged by the gateway", TAMGA_E_BAD_SIGNATURE, 0, {NEXT, .signer = "gw-1"}},
    {"forged by another device", TAMGA_E_BAD_SIGNATURE, 0,
     {NEXT, .signer = "device acme/cam/0002"}},
    {"receipt's signature", TAMGA_E_BAD_SIGNATURE, 0, {NEXT, .forge_receipt = break_signature}},
    /* the certificate */
    {"no certificate", TAMGA_E_MISSING_FIELD, 0, {NEXT, .change = no_certificate}},
    {"long certificate", TAMGA_E_TOO_LARGE, 0, {NEXT, .change = long_certificate}},
    {"cut certificate", TAMGA_E_TRUNCATED, 0, {NEXT, .change = cut_certificate}},
    {"issued by another OEM", TAMGA_E_ISSUER_NOT_OEM, 0, {NEXT, .issuer = "bolt"}},
    {"issued by the gateway", TAMGA_E_ISSUER_NOT_OEM, 0, {NEXT, .issuer = "gw-1"}},
    {"issued by a provider", TAMGA_E_ISSUER_NOT_OEM, 0, {NEXT, .issuer = "softco"}},
    {"issued by a stranger", TAMGA_E_ISSUER_NOT_OEM, 0, {NEXT, .issuer = "stranger"}},
    {"issuer's address", TAMGA_E_ADDRESS_MISMATCH, 0,
     {NEXT, .change_certificate = issuer_address}},
    {"for another device", TAMGA_E_BAD_CERTIFICATE, 0,
     {NEXT, .change_certificate = certify_another}},
    {"for another model", TAMGA_E_BAD_CERTIFICATE, 0,
     {NEXT, .change_certificate = certify_another_model}},
    {"for no device", TAMGA_E_MISSING_FIELD, 0,
     {NEXT, .change_certificate = certify_no_device}},
    {"without a key", TAMGA_E_MISSING_FIELD, 0, {NEXT, .change_certificate = certify_no_key}},
    {"certificate's signature", TAMGA_E_BAD_SIGNATURE, 0,
     {NEXT, .forge_certificate = break_signature}},
    {"certificate's id", TAMGA_E_ID_MISMATCH, 0, {NEXT, .forge_certificate = break_id}},
    {"expired", TAMGA_E_CERTIFICATE_EXPIRED, 0, {NEXT, .certificate_expires_ms = T0}},
    /* once only */
    {"the same install again", TAMGA_E_DUPLICATE_UPDATE, 0, {.release = 0, .counter = 2}},
    {"by another gateway", TAMGA_E_DUPLICATE_UPDATE, 0,
     {.gateway = "gw-2", .release = 0, .counter = 2}},
    {"the same receipt, another release", TAMGA_E_DUPLICATE_RECEIPT, 0, {.release = 1}},
    {"the same receipt by another gateway", TAMGA_E_DUPLICATE_RECEIPT, 0,
     {.gateway = "gw-2"}},
    {"the same record", TAMGA_E_DUPLICATE_ENTRY, 0, {0}},
};

static void open_with_base(struct test_node *node)
{
    TAMGA_BUF payload = {0};

    test_node_open(node, test_gateway());
    test_record(&payload, NULL, &(struct test_record){0});
    cr_assert_eq(test_submit(node, &payload, T0), TAMGA_OK);
    cr_assert_eq(test_mine(node, NULL, "gw-1", T0 + 1), TAMGA_OK);
}

/*
 * Goal:   every rule refuses, for its own reason, and a refusal changes nothing.
 * Method: one row a rule; the whole store is compared before and after each.
 */
Test(gateway, refuses_for_the_right_reason)
{
    struct test_node node;
    TAMGA_BUF before = {0};

    open_with_base(&node);
    test_dump(&before, node.store, 0);
    for (size_t i = 0; i < sizeof refusal / sizeof refusal[0]; i++) {
        TAMGA_BUF payload = {0};
        TAMGA_BUF after = {0};
        enum tamga_err err;

        test_record(&payload, NULL, &refusal[i].record);
        err = test_submit(&node, &payload, refusal[i].now_ms == 0 ? T0 : refusal[i].now_ms);
        cr_assert_eq(err, refusal[i].expected, "%s: %s", refusal[i].what, tamga_err_name(err));
        cr_assert_eq(tamga_engine_mempool(node.engine)->count, 0);
        cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
        test_dump(&after, node.store, 0);
        cr_assert(tamga_span_equal(tamga_buf_span(&before), tamga_buf_span(&after)), "%s",
                  refusal[i].what);
    }
    test_node_close(&node);
}

/*
 * Goal:   failures are all kept, a reinstall with its reason and each way back too,
 *         another device and another release are other installs; each can be mined.
 * Method: all of them on one chain, after a confirmed install.
 */
Test(gateway, accepts_what_is_good)
{
    static const struct test_record row[] = {
        {.counter = 2, .outcome = FAILED},
        {.counter = 3, .outcome = FAILED},
        {.counter = 4, .outcome = REFUSED, .reason = TAMGA_E_RELEASE_EXPIRED},
        {.counter = 5, .outcome = TAMGA__V1__OUTCOME__OUTCOME_ROLLED_BACK},
        {.counter = 6, .reinstall = TAMGA__V1__REINSTALL__REINSTALL_RECOVERY},
        {.counter = 7, .reinstall = TAMGA__V1__REINSTALL__REINSTALL_RECOVERY},
        {.counter = 8, .reinstall = TAMGA__V1__REINSTALL__REINSTALL_TEST},
        {.counter = 9, .release = 1},
        {.counter = 10, .change_receipt = back_by_permit},
        {.counter = 11, .change_receipt = back_by_permit},
        {.counter = 12, .reinstall = TAMGA__V1__REINSTALL__REINSTALL_RETURNED},
        {.number = "0002"},
        {.gateway = "gw-2", .number = "0003", .certificate_expires_ms = T0 + 1},
        {.producer = "bolt", .model = "pump"},
    };
    const size_t count = sizeof row / sizeof row[0];
    struct test_node node;

    open_with_base(&node);
    for (size_t i = 0; i < count; i++) {
        TAMGA_BUF payload = {0};
        enum tamga_err err;

        test_record(&payload, NULL, &row[i]);
        err = test_submit(&node, &payload, T0);
        cr_assert_eq(err, TAMGA_OK, "row %zu: %s", i, tamga_err_name(err));
    }
    cr_assert_eq(test_mine(&node, NULL, "gw-2", T0 + 2), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.entry_count, count);
    test_node_close(&node);
}

/*
 * Goal:   of two records that claim the same install, one waits.
 * Method: two gateways report one receipt, then two receipts of one install.
 */
Test(gateway, refuses_rivals_of_what_waits)
{
    static const struct test_record rival[] = {{.gateway = "gw-2"}, {.counter = 2}};
    struct test_node node;
    TAMGA_BUF payload = {0};

    test_node_open(&node, test_gateway());
    test_record(&payload, NULL, &(struct test_record){0});
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_OK);
    for (size_t i = 0; i < 2; i++) {
        test_record(&payload, NULL, &rival[i]);
        cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_DUPLICATE_PENDING);
    }
    test_node_close(&node);
}

/*
 * Goal:   a certificate judges by the record's own time: what was good stays good.
 * Method: a certificate that expires after the record and before the block.
 */
Test(gateway, certificates_are_judged_at_the_records_time)
{
    struct test_node node;
    TAMGA_BUF payload = {0};

    test_node_open(&node, test_gateway());
    test_record(&payload, NULL, &(struct test_record){.certificate_expires_ms = T0 + 1});
    cr_assert_eq(test_submit(&node, &payload, T0 + 5000), TAMGA_OK);
    cr_assert_eq(test_mine(&node, NULL, "gw-1", T0 + 5000), TAMGA_OK);
    test_node_close(&node);
}

/*
 * Goal:   no one-bit change of a record is accepted, and none crashes.
 * Method: flip every third bit alone, decode and verify.
 */
Test(gateway, refuses_flipped_bits, .timeout = 60)
{
    const struct tamga_chain *chain = test_gateway();
    TAMGA_BUF payload = {0};

    test_record(&payload, NULL, &(struct test_record){0});
    for (size_t bit = 0; bit < 8 * payload.len; bit += 3) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
        enum tamga_err err;

        payload.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        err = chain->rules->decode(chain, &item, tamga_buf_span(&payload), NULL);
        if (err == TAMGA_OK)
            err = chain->rules->verify(chain, &item, NULL);
        cr_assert_eq(tamga_err_class(err), TAMGA_CLASS_REJECT, "bit %zu", bit);
        payload.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/*
 * Goal:   nobody but a gateway mines the gateways' chain, nobody but a node the other.
 * Method: every member asked of both chains.
 */
Test(rules, miners_are_those_of_genesis)
{
    static const char *name[] = {"acme", "bolt",   "gw-1",   "gw-2",   "node-a",
                                 "node-b", "node-c", "softco", "stranger"};

    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
        struct tamga_address address;

        test_address(&address, name[i]);
        cr_assert_eq(tamga_rules_gateway.miner(test_gateway(), NULL, 0, &address, NULL),
                     strncmp(name[i], "gw-", 3) == 0 ? TAMGA_OK : TAMGA_E_NOT_MINER);
        cr_assert_eq(tamga_rules_consortium.miner(test_consortium(), NULL, 0, &address, NULL),
                     strncmp(name[i], "node-", 5) == 0 ? TAMGA_OK : TAMGA_E_NOT_MINER);
    }
}
