/*
 * The device listener: check-ins, headers and image blocks for devices. It only carries:
 * a device verifies everything itself.
 * Source: paper, Algorithm 3; docs/PROTOCOL.md, "Device session".
 */
#include <stdlib.h>

#include "base/log.h"
#include "gateway/gateway.h"
#include "node/chain_service.h"

static struct tamga_gateway *gateway_of(void *service)
{
    return ((struct tamga_device_service *)service)->gateway;
}

static enum tamga_err snapshot(const struct tamga_gateway *gateway,
                               struct tamga_reader **reader)
{
    struct tamga_store *store = tamga_node_store(gateway->follower);

    return store->ops->snapshot(store, reader);
}

/* ---- check-in --------------------------------------------------------------------- */

static enum tamga_err open_check_in(const struct tamga_gateway *gateway,
                                    const Tamga__V1__CheckInRequest *input,
                                    Tamga__V1__CheckInBody **out, struct tamga_detail *detail)
{
    const struct tamga_network *network = tamga_node_chain(gateway->follower)->network;
    TAMGA_CLEANUP(tamga_certificate_clear) struct tamga_certificate certificate = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__CheckInBody *body = NULL;
    struct tamga_hash id;
    enum tamga_err err = tamga_certificate_open(&certificate, network, input->certificate,
                                                detail);

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

static enum tamga_err find_offer(struct tamga_gateway *gateway,
                                 const struct tamga_reader *reader,
                                 const Tamga__V1__CheckInBody *check_in,
                                 struct tamga_item *item, struct tamga_inclusion_hold *hold)
{
    uint64_t now_ms = tamga_wall_ms();
    struct tamga_hash device;
    enum tamga_err err = gateway_newest_for(tamga_node_chain(gateway->follower), reader,
                                            check_in, now_ms, item);

    tamga_key_device(&device, check_in->device);
    if (err == TAMGA_E_NOT_FOUND) {
        tamga_delivery_enter(gateway->deliveries, &device,
                             TAMGA__V1__DELIVERY_STATE__DELIVERY_UP_TO_DATE, NULL, now_ms);
        return err;
    }
    if (err != TAMGA_OK)
        return err;
    err = tamga_inclusion_find(hold, &reader->view, &item->id);
    if (err != TAMGA_OK)
        return err;
    tamga_delivery_enter(gateway->deliveries, &device,
                         TAMGA__V1__DELIVERY_STATE__DELIVERY_OFFERED, &item->id, now_ms);
    tamga_delivery_begin(gateway->deliveries, &device, check_in->nonce.data,
                         ((const Tamga__V1__TransactionBody *)item->body)->release->image_bytes);
    return TAMGA_OK;
}

static void device_check_in(Tamga__V1__DeviceService_Service *service,
                            const Tamga__V1__CheckInRequest *input,
                            Tamga__V1__CheckInResponse_Closure closure, void *call)
{
    struct tamga_gateway *gateway = gateway_of(service);
    TAMGA_CLEANUP(tamga_inclusion_clear) struct tamga_inclusion_hold hold = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__CheckInBody *check_in = NULL;
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    TAMGA_CLEANUP(tamga_reader_release) struct tamga_reader *reader = NULL;
    Tamga__V1__CheckInResponse response = TAMGA__V1__CHECK_IN_RESPONSE__INIT;
    struct tamga_detail detail = {{0}};
    enum tamga_err err = open_check_in(gateway, input, &check_in, &detail);

    if (err == TAMGA_OK)
        err = snapshot(gateway, &reader);
    if (err == TAMGA_OK) {
        response.nonce = check_in->nonce;
        err = find_offer(gateway, reader, check_in, &item, &hold);
        if (err == TAMGA_OK) {
            response.transaction = (Tamga__V1__Signed *)item.message;
            response.inclusion = &hold.message;
        }
    }
    if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND) {
        tamga_log(TAMGA_LOG_INFO, "device.refused", "%s (%s) %s", tamga_err_text(err),
                  tamga_err_name(err), detail.text);
        tamga_rpc_fail(call, err, &detail);
        return;
    }
    tamga_log(TAMGA_LOG_DEBUG, "device.checkin", "%s/%s/%s counter %llu: %s",
              check_in->device->producer, check_in->device->model, check_in->device->number,
              (unsigned long long)check_in->installed_counter,
              err == TAMGA_OK ? "offered a release" : "nothing to offer");
    closure(&response, call);
}

/* ---- headers and blocks ------------------------------------------------------------ */

static void device_get_device_headers(Tamga__V1__DeviceService_Service *service,
                                      const Tamga__V1__GetDeviceHeadersRequest *input,
                                      Tamga__V1__GetDeviceHeadersResponse_Closure closure,
                                      void *call)
{
    TAMGA_CLEANUP(tamga_headers_clear) struct tamga_headers_hold hold = {0};
    TAMGA_CLEANUP(tamga_reader_release) struct tamga_reader *reader = NULL;
    Tamga__V1__GetDeviceHeadersResponse response =
        TAMGA__V1__GET_DEVICE_HEADERS_RESPONSE__INIT;
    enum tamga_err err = snapshot(gateway_of(service), &reader);

    if (err == TAMGA_OK)
        err = tamga_headers_find(&hold, &reader->view, input->locator, input->n_locator,
                                 input->count_max);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.n_headers = hold.count;
    response.headers = hold.message;
    closure(&response, call);
}

static void device_get_block(Tamga__V1__DeviceService_Service *service,
                             const Tamga__V1__GetBlockRequest *input,
                             Tamga__V1__GetBlockResponse_Closure closure, void *call)
{
    struct tamga_gateway *gateway = gateway_of(service);
    Tamga__V1__GetBlockResponse response = TAMGA__V1__GET_BLOCK_RESPONSE__INIT;
    TAMGA_BUF block = {0};
    struct tamga_cid cid;
    enum tamga_err err = tamga_cid_parse(&cid, input->cid);

    if (err == TAMGA_OK) {
        atomic_fetch_add(&gateway->serving, 1);
        err = tamga_content_get(gateway->content, &cid, &block);
        atomic_fetch_sub(&gateway->serving, 1);
        if (err == TAMGA_OK && input->nonce.len == TAMGA_NONCE_BYTES)
            tamga_delivery_serve(gateway->deliveries, input->nonce.data, block.len,
                                 tamga_wall_ms());
    }
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
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
        .get_device_headers = device_get_device_headers,
        .get_block = device_get_block,
        .report = gateway_report,
    };
    service->gateway = gateway;
}
