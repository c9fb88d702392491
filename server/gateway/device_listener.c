/*
 * The device listener: check-ins and image blocks for devices. It only carries: a device
 * verifies everything itself.
 * Source: paper, Algorithm 3; docs/PROTOCOL.md, "Device session".
 */
#include "base/log.h"
#include "gateway/device_link.h"
#include "gateway/offer.h"
#include "node/council_steps.h"

#define COUNCIL_STEPS_MAX 16 /* of an answer */

static struct tamga_gateway *gateway_of(void *service)
{
    return ((struct tamga_device_service *)service)->gateway;
}

/* ---- check-in --------------------------------------------------------------------- */

static enum tamga_err open_check_in(const struct tamga_gateway *gateway, void *call,
                                    const Tamga__V1__CheckInRequest *input,
                                    Tamga__V1__CheckInBody **out, struct tamga_detail *detail)
{
    const struct tamga_network *network = tamga_node_chain(gateway->follower)->network;
    TAMGA_CLEANUP(tamga_certificate_clear) struct tamga_certificate certificate = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__CheckInBody *body = NULL;
    struct tamga_hash id;
    enum tamga_err err = tamga_certificate_open(&certificate, network, input->certificate,
                                                detail);

    if (err == TAMGA_OK)
        err = tamga_device_link_speaks(call, certificate.body->device, detail);
    if (err == TAMGA_OK)
        err = gateway_check_issuer(&tamga_node_store(gateway->follower)->reader.view,
                                   &certificate, detail);
    if (err != TAMGA_OK)
        return err;
    if (certificate.body->expires_ms != 0 && certificate.body->expires_ms <= tamga_wall_ms())
        return TAMGA_E_CERTIFICATE_EXPIRED;
    err = tamga_signed_open(&id, (ProtobufCMessage **)&body, input->check_in,
                            TAMGA_DOMAIN_CHECKIN, &network->id,
                            &tamga__v1__check_in_body__descriptor, detail);
    if (err == TAMGA_OK)
        err = tamga_device_id_check(body->device, detail);
    if (err != TAMGA_OK)
        return err;
    if (!tamga_device_id_equal(body->device, certificate.body->device) ||
        strcmp(body->hardware, certificate.body->hardware) != 0)
        return tamga_refuse(detail, TAMGA_E_BAD_CERTIFICATE,
                            "check-in and certificate name different devices or hardware");
    if (body->nonce.len != TAMGA_NONCE_BYTES)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "nonce must have 16 bytes");
    err = tamga_signed_verify(input->check_in, &id, certificate.key);
    if (err != TAMGA_OK)
        return tamga_refuse(detail, err, "the device's signature is wrong");
    *out = body;
    body = NULL;
    return TAMGA_OK;
}

/* Where this leaves the device, for those who ask how deliveries go. */
static void note(struct tamga_gateway *gateway, const Tamga__V1__CheckInBody *check_in,
                 const struct tamga_item *item, uint64_t now_ms)
{
    struct tamga_hash device;

    tamga_key_device(&device, check_in->device);
    if (item->body == NULL) {
        tamga_delivery_enter(gateway->deliveries, &device,
                             TAMGA__V1__DELIVERY_STATE__DELIVERY_UP_TO_DATE, NULL, now_ms);
        return;
    }
    tamga_delivery_enter(gateway->deliveries, &device,
                         TAMGA__V1__DELIVERY_STATE__DELIVERY_OFFERED, &item->id, now_ms);
    tamga_delivery_begin(gateway->deliveries, &device, check_in->nonce.data,
                         ((const Tamga__V1__TransactionBody *)item->body)->release->image_bytes);
}

/* The validators that came since the device was here last. */
static enum tamga_err find_councils(struct tamga_council_steps *steps,
                                    struct tamga_node *follower, uint64_t above)
{
    struct tamga_store *store = tamga_node_store(follower);
    TAMGA_CLEANUP(tamga_reader_release) struct tamga_reader *reader = NULL;
    enum tamga_err err = store->ops->snapshot(store, &reader);

    return err == TAMGA_OK ? tamga_council_steps_find(steps, tamga_node_chain(follower), reader,
                                                      above, COUNCIL_STEPS_MAX)
                           : err;
}

static void device_check_in(Tamga__V1__DeviceService_Service *service,
                            const Tamga__V1__CheckInRequest *input,
                            Tamga__V1__CheckInResponse_Closure closure, void *call)
{
    struct tamga_gateway *gateway = gateway_of(service);
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__CheckInBody *check_in = NULL;
    TAMGA_CLEANUP(tamga_offer_clear) struct tamga_offer offer = {0};
    TAMGA_CLEANUP(tamga_council_steps_clear) struct tamga_council_steps steps = {0};
    Tamga__V1__CheckInResponse response = TAMGA__V1__CHECK_IN_RESPONSE__INIT;
    struct tamga_detail detail = {{0}};
    uint64_t now_ms = tamga_wall_ms();
    enum tamga_err err = open_check_in(gateway, call, input, &check_in, &detail);

    if (err == TAMGA_OK)
        err = tamga_offer_make(&offer, gateway->follower,
                               tamga_deliveries_proofs(gateway->deliveries), check_in, now_ms);
    if (err == TAMGA_OK)
        err = find_councils(&steps, gateway->follower, check_in->last_checkpoint_height);
    if (err != TAMGA_OK) {
        tamga_log(TAMGA_LOG_INFO, "device.refused", "%s (%s) %s", tamga_err_text(err),
                  tamga_err_name(err), detail.text);
        tamga_rpc_fail(call, err, &detail);
        return;
    }
    note(gateway, check_in, &offer.item, now_ms);
    tamga_log(TAMGA_LOG_DEBUG, "device.checkin", "%s/%s/%s counter %llu: %s",
              check_in->device->producer, check_in->device->model, check_in->device->number,
              (unsigned long long)check_in->installed_counter,
              offer.item.body != NULL ? "offered a release" : "nothing to offer");
    response.nonce = check_in->nonce;
    response.newest = offer.newest;
    response.n_councils = steps.count;
    response.councils = steps.step;
    response.offer = offer.older ? &offer.proof.message : NULL;
    response.release = offer.release;
    response.sender = offer.sender;
    response.permit = offer.permit.body != NULL ? &offer.permit_proof.message : NULL;
    response.permit_sender = offer.permit_sender;
    response.installed = offer.installed;
    closure(&response, call);
}

/* ---- image blocks ------------------------------------------------------------------- */

static void device_get_block(Tamga__V1__DeviceService_Service *service,
                             const Tamga__V1__GetBlockRequest *input,
                             Tamga__V1__GetBlockResponse_Closure closure, void *call)
{
    struct tamga_gateway *gateway = gateway_of(service);
    Tamga__V1__GetBlockResponse response = TAMGA__V1__GET_BLOCK_RESPONSE__INIT;
    struct tamga_detail detail = {""};
    TAMGA_BUF block = {0};
    struct tamga_cid cid;
    enum tamga_err err = tamga_cid_parse(&cid, input->cid);

    if (err == TAMGA_OK)
        err = tamga_device_link_fetches(call, gateway->deliveries,
                                        tamga_wire_span(input->nonce), &detail);
    if (err == TAMGA_OK) {
        atomic_fetch_add(&gateway->serving, 1);
        err = tamga_content_get(gateway->content, &cid, &block);
        atomic_fetch_sub(&gateway->serving, 1);
        if (err == TAMGA_OK && input->nonce.len == TAMGA_NONCE_BYTES)
            tamga_delivery_serve(gateway->deliveries, input->nonce.data, block.len,
                                 tamga_wall_ms());
    }
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, &detail);
        return;
    }
    response.block = tamga_wire_bytes(tamga_buf_span(&block));
    closure(&response, call);
}

void tamga_device_service_init(struct tamga_device_service *service,
                               struct tamga_gateway *gateway)
{
    service->service = (Tamga__V1__DeviceService_Service){
        .base = {.descriptor = &tamga__v1__device_service__descriptor,
                 .invoke = protobuf_c_service_invoke_internal},
        .check_in = device_check_in,
        .get_block = device_get_block,
        .report = gateway_report,
    };
    service->gateway = gateway;
}
