/*
 * Gateways and devices as processes: a release ends on a device and in a record, one
 * update has one successful record whatever the gateways do, and kill -9 of a gateway or
 * a device in the middle loses nothing that was acknowledged.
 */
#include "cluster.h"

#include <signal.h>
#include <stdio.h>

#include "tamga/v1/device_service.pb-c.h"
#include "tamga/v1/finality.pb-c.h"
#include "tamga/v1/gateway_service.pb-c.h"

static struct cluster cluster;

/* ---- questions to a gateway --------------------------------------------------------- */

/* Records of acme/cam/NUMBER at a gateway, in blocks. The reply is the caller's. */
static const Tamga__V1__ListRecordsResponse *records(struct tamga_reply *reply,
                                                     const char *gateway, const char *number)
{
    Tamga__V1__ListRecordsRequest request = TAMGA__V1__LIST_RECORDS_REQUEST__INIT;
    Tamga__V1__DeviceId device = TAMGA__V1__DEVICE_ID__INIT;

    *reply = (struct tamga_reply){.channel = cluster_find(&cluster, gateway)->channel,
                                  .deadline_ms = 2000};
    device.producer = (char *)(uintptr_t)"acme";
    device.model = (char *)(uintptr_t)"cam";
    device.number = (char *)(uintptr_t)number;
    request.device = &device;
    request.count_max = 16;
    tamga__v1__gateway_service__list_records(
        tamga_reply_service(reply, &tamga__v1__gateway_service__descriptor), &request,
        (Tamga__V1__ListRecordsResponse_Closure)tamga_reply_take, reply);
    return reply->err == TAMGA_OK ? (Tamga__V1__ListRecordsResponse *)reply->message : NULL;
}

static size_t record_count(const char *gateway, const char *number)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply;
    const Tamga__V1__ListRecordsResponse *response = records(&reply, gateway, number);

    return response == NULL ? 0 : response->n_records;
}

struct expected {
    const char *gateway, *number;
    size_t count;
};

static bool has_records(struct cluster *self, void *context)
{
    const struct expected *expected = context;

    (void)self;
    return record_count(expected->gateway, expected->number) == expected->count;
}

static void wait_records(const char *gateway, const char *number, size_t count)
{
    struct expected expected = {gateway, number, count};

    cluster_wait(&cluster, "records of the device in a block", 30, has_records, &expected);
}

/* Bring the receipt inside a device's first record to a gateway once more. */
static enum tamga_err report_again(const char *from, const char *to, const char *number)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply list;
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = cluster_find(&cluster, to)->channel,
                                .deadline_ms = 5000};
    const Tamga__V1__ListRecordsResponse *response = records(&list, from, number);
    Tamga__V1__ReportRequest request = TAMGA__V1__REPORT_REQUEST__INIT;
    ProtobufCMessage *body = NULL, *receipt = NULL, *certificate = NULL;
    const Tamga__V1__RecordBody *record;

    CHECK(response != NULL && response->n_records == 1);
    CHECK(tamga_wire_unpack(&body, &tamga__v1__record_body__descriptor, TAMGA_WIRE_LOOSE,
                            tamga_wire_span(response->records[0]->record->body),
                            NULL) == TAMGA_OK);
    record = (const Tamga__V1__RecordBody *)body;
    CHECK(tamga_wire_unpack(&receipt, &tamga__v1__signed__descriptor, TAMGA_WIRE_LOOSE,
                            tamga_wire_span(record->receipt), NULL) == TAMGA_OK);
    CHECK(tamga_wire_unpack(&certificate, &tamga__v1__signed__descriptor, TAMGA_WIRE_LOOSE,
                            tamga_wire_span(record->certificate), NULL) == TAMGA_OK);
    request.receipt = (Tamga__V1__Signed *)receipt;
    request.certificate = (Tamga__V1__Signed *)certificate;
    tamga__v1__device_service__report(
        tamga_reply_service(&reply, &tamga__v1__device_service__descriptor), &request,
        (Tamga__V1__ReportResponse_Closure)tamga_reply_take, &reply);
    tamga_wire_free(body);
    tamga_wire_free(receipt);
    tamga_wire_free(certificate);
    return reply.err;
}

struct newest_at {
    const char *name;
    struct tamga_entry_id id;
};

/* Does a gateway prove that this release is the newest of acme/cam? Then it is on offer. */
static bool proves_newest(struct cluster *self, void *context)
{
    const struct newest_at *at = context;
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = cluster_find(self, at->name)->channel,
                                .deadline_ms = 2000};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateLatest *latest = NULL;
    Tamga__V1__GetStateProofRequest request = TAMGA__V1__GET_STATE_PROOF_REQUEST__INIT;
    const Tamga__V1__StateProof *proof;
    struct tamga_hash key;

    tamga_key_latest(&key, "acme", "cam");
    request.chain = tamga_wire_bytes(tamga_hash_span(&self->consortium.id.hash));
    request.key = tamga_wire_bytes(tamga_hash_span(&key));
    tamga__v1__finality_service__get_state_proof(
        tamga_reply_service(&reply, &tamga__v1__finality_service__descriptor), &request,
        (Tamga__V1__GetStateProofResponse_Closure)tamga_reply_take, &reply);
    if (reply.err != TAMGA_OK)
        return false;
    proof = ((const Tamga__V1__GetStateProofResponse *)reply.message)->proof;
    return tamga_wire_unpack((ProtobufCMessage **)&latest,
                             &tamga__v1__state_latest__descriptor, TAMGA_WIRE_CANONICAL,
                             tamga_wire_span(proof->value), NULL) == TAMGA_OK &&
           tamga_span_equal(tamga_wire_span(latest->release), tamga_hash_span(&at->id.hash));
}

static void publish(uint64_t counter, size_t bytes,
                    void (*change)(Tamga__V1__TransactionBody *body))
{
    struct cluster_release release = {
        .counter = counter, .seed = counter, .bytes = bytes, .change = change};
    struct newest_at at;

    CHECK(cluster_publish(&cluster, "node-a", &release, &at.id) == TAMGA_OK);
    for (size_t i = 0; i < cluster.count; i++) {
        if (!cluster.process[i].gateway || cluster.process[i].pid == 0)
            continue;
        at.name = cluster.process[i].name;
        cluster_wait(&cluster, "the release to be final at the gateway", 30, proves_newest,
                     &at);
    }
}

static bool runs(const char *folder, uint64_t counter, size_t bytes)
{
    TAMGA_BUF image = {0};

    cluster_image(&image, counter, bytes);
    return cluster_device_runs(folder, &image);
}

/* ---- the tests ------------------------------------------------------------------------ */

/*
 * Goal:   a device ends with the published image byte for byte, and both gateways' chains
 *         have one record of it.
 * Method: an image of several blocks; one session with gw-1.
 */
static void release_ends_on_a_device(void)
{
    char folder[CLUSTER_PATH_MAX];

    cluster_enroll(&cluster, folder, "0001", "gw-1");
    publish(1, 700001, NULL);
    CHECK(cluster_run_device(&cluster, folder) == 0);
    CHECK(runs(folder, 1, 700001));
    wait_records("gw-1", "0001", 1);
    wait_records("gw-2", "0001", 1);
    /* A second session finds nothing to do and records nothing. */
    CHECK(cluster_run_device(&cluster, folder) == 0);
    CHECK(record_count("gw-1", "0001") == 1);
    CHECK(report_again("gw-1", "gw-2", "0001") == TAMGA_E_DUPLICATE_RECEIPT);
}

/* ---- at the gateway's door ------------------------------------------------------------ */

/* What a device of our own making says, and how it lies. */
struct device {
    struct tamga_private_key *key;
    Tamga__V1__Signed *certificate;
};

static Tamga__V1__Signed *unpack_signed(const struct tamga_buf *bytes)
{
    ProtobufCMessage *message = NULL;

    CHECK(tamga_wire_unpack(&message, &tamga__v1__signed__descriptor, TAMGA_WIRE_LOOSE,
                            tamga_buf_span(bytes), NULL) == TAMGA_OK);
    return (Tamga__V1__Signed *)message;
}

static void open_device(struct device *device, const char *folder)
{
    char path[CLUSTER_PATH_MAX + 32];
    uint8_t bytes[4096];
    TAMGA_BUF certificate = {0};
    FILE *file;

    snprintf(path, sizeof path, "%s/device.pem", folder);
    CHECK(tamga_private_key_load(&device->key, path, NULL, NULL) == TAMGA_OK);
    snprintf(path, sizeof path, "%s/certificate.tamga", folder);
    file = fopen(path, "rb");
    CHECK(file != NULL);
    CHECK(tamga_buf_set(&certificate, tamga_span(bytes, fread(bytes, 1, sizeof bytes, file))) ==
          TAMGA_OK);
    fclose(file);
    device->certificate = unpack_signed(&certificate);
}

static enum tamga_err check_in(const struct device *device, const char *number,
                               const char *hardware, size_t nonce_bytes, bool break_signature)
{
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = cluster_find(&cluster, "gw-1")->channel,
                                .deadline_ms = 5000};
    Tamga__V1__CheckInRequest request = TAMGA__V1__CHECK_IN_REQUEST__INIT;
    Tamga__V1__CheckInBody body = TAMGA__V1__CHECK_IN_BODY__INIT;
    Tamga__V1__DeviceId id = TAMGA__V1__DEVICE_ID__INIT;
    uint8_t nonce[16] = {1};
    TAMGA_BUF bytes = {0};

    id.producer = (char *)(uintptr_t)"acme";
    id.model = (char *)(uintptr_t)"cam";
    id.number = (char *)(uintptr_t)number;
    body.device = &id;
    body.nonce = tamga_wire_bytes(tamga_span(nonce, nonce_bytes));
    body.hardware = (char *)(uintptr_t)hardware;
    CHECK(tamga_signed_make(&bytes, NULL, &body.base, TAMGA_DOMAIN_CHECKIN,
                            &cluster.network->id, device->key) == TAMGA_OK);
    request.check_in = unpack_signed(&bytes);
    if (break_signature)
        request.check_in->signature->value.data[7] ^= 1;
    request.certificate = device->certificate;
    tamga__v1__device_service__check_in(
        tamga_reply_service(&reply, &tamga__v1__device_service__descriptor), &request,
        (Tamga__V1__CheckInResponse_Closure)tamga_reply_take, &reply);
    tamga_wire_free(&request.check_in->base);
    return reply.err;
}

/* A receipt of a release that is on no chain. */
static enum tamga_err report_unknown(const struct device *device)
{
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = cluster_find(&cluster, "gw-1")->channel,
                                .deadline_ms = 5000};
    Tamga__V1__ReportRequest request = TAMGA__V1__REPORT_REQUEST__INIT;
    Tamga__V1__ReceiptBody body = TAMGA__V1__RECEIPT_BODY__INIT;
    Tamga__V1__DeviceId id = TAMGA__V1__DEVICE_ID__INIT;
    uint8_t nowhere[32] = {9};
    TAMGA_BUF bytes = {0};

    id.producer = (char *)(uintptr_t)"acme";
    id.model = (char *)(uintptr_t)"cam";
    id.number = (char *)(uintptr_t)"0009";
    body.device = &id;
    body.release = body.image_sha256 = tamga_wire_bytes(tamga_span(nowhere, 32));
    body.nonce = tamga_wire_bytes(tamga_span(nowhere, 16));
    body.outcome = TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED;
    body.receipt_counter = 1;
    CHECK(tamga_signed_make(&bytes, NULL, &body.base, TAMGA_DOMAIN_RECEIPT,
                            &cluster.network->id, device->key) == TAMGA_OK);
    request.receipt = unpack_signed(&bytes);
    request.certificate = device->certificate;
    tamga__v1__device_service__report(
        tamga_reply_service(&reply, &tamga__v1__device_service__descriptor), &request,
        (Tamga__V1__ReportResponse_Closure)tamga_reply_take, &reply);
    tamga_wire_free(&request.receipt->base);
    return reply.err;
}

/*
 * Goal:   a gateway refuses a device that lies about itself, and a receipt for a release
 *         that is on no chain; nothing is recorded.
 * Method: an enrolled device's own key and certificate, one lie at a time.
 */
static void refuses_lying_devices(void)
{
    char folder[CLUSTER_PATH_MAX];
    struct device device;

    cluster_enroll(&cluster, folder, "0009", "gw-1");
    open_device(&device, folder);
    CHECK(check_in(&device, "0009", "", 16, false) == TAMGA_OK);
    CHECK(check_in(&device, "0009", "", 16, true) == TAMGA_E_BAD_SIGNATURE);
    CHECK(check_in(&device, "0008", "", 16, false) == TAMGA_E_BAD_CERTIFICATE);
    CHECK(check_in(&device, "0009", "B", 16, false) == TAMGA_E_BAD_CERTIFICATE);
    CHECK(check_in(&device, "0009", "", 0, false) == TAMGA_E_BAD_LENGTH);
    CHECK(report_unknown(&device) == TAMGA_E_UNKNOWN_RELEASE);
    CHECK(record_count("gw-1", "0009") == 0);
    tamga_private_key_free(device.key);
    tamga_wire_free(&device.certificate->base);
}

/*
 * Goal:   two gateways that mined apart a record each of the same install agree on one.
 * Method: separate them, give the same receipt to both, reunite them.
 */
static void one_update_has_one_record(void)
{
    char folder[CLUSTER_PATH_MAX];

    cluster_enroll(&cluster, folder, "0002", "gw-1");
    CHECK(cluster_stop(&cluster, "gw-1", SIGTERM) == 0);
    CHECK(cluster_stop(&cluster, "gw-2", SIGTERM) == 0);
    cluster_configure(&cluster, "gw-1", "none");
    cluster_configure(&cluster, "gw-2", "none");
    cluster_start(&cluster, "gw-1");
    cluster_start(&cluster, "gw-2");
    CHECK(cluster_run_device(&cluster, folder) == 0);
    wait_records("gw-1", "0002", 1);
    CHECK(report_again("gw-1", "gw-2", "0002") == TAMGA_OK);
    wait_records("gw-2", "0002", 1);
    CHECK(!cluster_agree(&cluster, "gw-1,gw-2", &cluster.gateway, 0));

    CHECK(cluster_stop(&cluster, "gw-1", SIGTERM) == 0);
    CHECK(cluster_stop(&cluster, "gw-2", SIGTERM) == 0);
    cluster_configure(&cluster, "gw-1", "*");
    cluster_configure(&cluster, "gw-2", "*");
    cluster_start(&cluster, "gw-1");
    cluster_start(&cluster, "gw-2");
    cluster_wait_agree(&cluster, "gw-1,gw-2", &cluster.gateway, 2, 30);
    CHECK(record_count("gw-1", "0002") == 1);
    CHECK(record_count("gw-2", "0002") == 1);
}

/*
 * Goal:   a receipt that a gateway acknowledged survives kill -9 of the gateway.
 * Method: kill gw-1 as soon as the device's session ended well; start it again.
 */
static void killed_gateway_keeps_receipts(void)
{
    char folder[CLUSTER_PATH_MAX];

    cluster_enroll(&cluster, folder, "0003", "gw-1");
    CHECK(cluster_run_device(&cluster, folder) == 0);
    CHECK(cluster_stop(&cluster, "gw-1", SIGKILL) == 128 + SIGKILL);
    cluster_start(&cluster, "gw-1");
    wait_records("gw-1", "0003", 1);
    wait_records("gw-2", "0003", 1);
}

/*
 * Goal:   a device that is killed at any moment of an update never runs half an image,
 *         and ends with the new one and one record.
 * Method: start its session and kill it after ever longer waits, until one ends by itself.
 */
static void killed_device_updates_in_the_end(void)
{
    char folder[CLUSTER_PATH_MAX];
    int exit_code = 128 + SIGKILL;
    size_t killed = 0;

    cluster_enroll(&cluster, folder, "0004", "gw-2");
    CHECK(cluster_run_device(&cluster, folder) == 0);
    publish(2, 3000000, NULL);
    for (unsigned wait_ms = 5; exit_code == 128 + SIGKILL && wait_ms < 5000;
         wait_ms += wait_ms < 60 ? 5 : wait_ms / 2) {
        exit_code = cluster_kill_device(&cluster, folder, wait_ms);
        killed += exit_code == 128 + SIGKILL;
        CHECK(runs(folder, 1, 700001) || runs(folder, 2, 3000000));
    }
    CHECK(exit_code == 0 && killed > 0);
    CHECK(cluster_run_device(&cluster, folder) == 0); /* what a kill left unreported */
    CHECK(runs(folder, 2, 3000000));
    wait_records("gw-2", "0004", 2); /* of the first release, and of the second */
    wait_records("gw-1", "0004", 2);
}

static void for_hardware_b(Tamga__V1__TransactionBody *body)
{
    static char revision[] = "B";
    static char *hardware[] = {revision};

    body->release->n_hardware = 1;
    body->release->hardware = hardware;
}

/*
 * Goal:   a device that the newest release does not suit gets the newest that does.
 * Method: the newest is for hardware B; a new device that states none.
 */
static void older_release_is_proved(void)
{
    char folder[CLUSTER_PATH_MAX];

    publish(3, 1000, for_hardware_b);
    cluster_enroll(&cluster, folder, "0005", "gw-1");
    CHECK(cluster_run_device(&cluster, folder) == 0);
    CHECK(runs(folder, 2, 3000000));
    wait_records("gw-1", "0005", 1);
}

int main(void)
{
    cluster_open(&cluster, 2, 2);
    cluster_start_all(&cluster);
    release_ends_on_a_device();
    refuses_lying_devices();
    one_update_has_one_record();
    killed_gateway_keeps_receipts();
    killed_device_updates_in_the_end();
    older_release_is_proved();
    cluster_close(&cluster);
    puts("ok");
    return 0;
}
