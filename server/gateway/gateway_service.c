/* What auditors read of a gateway: records by device, and its own view of deliveries. */
#include <stdlib.h>

#include "gateway/gateway.h"
#include "node/index.h"

struct records_hold {
    struct tamga_index_page page;
    struct tamga_block_id block[TAMGA_INDEX_PAGE_MAX];
    Tamga__V1__Signed *record[TAMGA_INDEX_PAGE_MAX];
    Tamga__V1__RecordEntry entry[TAMGA_INDEX_PAGE_MAX];
    Tamga__V1__RecordEntry *message[TAMGA_INDEX_PAGE_MAX];
    size_t count;
};

static void records_free(struct records_hold **hold)
{
    for (size_t i = 0; *hold != NULL && i < (*hold)->count; i++)
        tamga_wire_free((ProtobufCMessage *)(*hold)->record[i]);
    free(*hold);
}

static enum tamga_err add_record(struct records_hold *hold, const struct tamga_chain *chain,
                                 const struct tamga_view *view,
                                 const struct tamga_entry_id *id)
{
    size_t i = hold->count;
    TAMGA_BUF payload = {0};
    struct tamga_place place;
    bool pending;
    enum tamga_err err = tamga_query_place(view, id, &place);

    if (err == TAMGA_OK)
        err = tamga_query_id_at(view, place.height, &hold->block[i]);
    if (err == TAMGA_OK)
        err = tamga_query_payload(chain, view, id, &payload, &pending);
    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&hold->record[i],
                                &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                tamga_buf_span(&payload), NULL);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    tamga__v1__record_entry__init(&hold->entry[i]);
    hold->entry[i].record = hold->record[i];
    hold->entry[i].height = place.height;
    hold->entry[i].block = tamga_wire_bytes(tamga_hash_span(&hold->block[i].hash));
    hold->message[i] = &hold->entry[i];
    hold->count++;
    return TAMGA_OK;
}

static enum tamga_err list_records(struct records_hold *hold, const struct tamga_chain *chain,
                                   const struct tamga_reader *reader,
                                   const Tamga__V1__ListRecordsRequest *input)
{
    struct tamga_hash device;
    enum tamga_err err = tamga_device_id_check(input->device, NULL);

    if (err != TAMGA_OK)
        return err;
    tamga_key_device(&device, input->device);
    hold->page.max = input->count_max;
    err = tamga_index_read(&hold->page, reader, tamga_hash_span(&device),
                           tamga_wire_span(input->after));
    for (size_t i = 0; err == TAMGA_OK && i < hold->page.count; i++)
        err = add_record(hold, chain, &reader->view, &hold->page.id[i]);
    return err;
}

static void gateway_list_records(Tamga__V1__GatewayService_Service *service,
                                 const Tamga__V1__ListRecordsRequest *input,
                                 Tamga__V1__ListRecordsResponse_Closure closure, void *call)
{
    struct tamga_gateway *gateway = ((struct tamga_gateway_service *)service)->gateway;
    struct tamga_store *store = tamga_node_store(gateway->records);
    TAMGA_CLEANUP(tamga_reader_release) struct tamga_reader *reader = NULL;
    TAMGA_CLEANUP(records_free) struct records_hold *hold = calloc(1, sizeof *hold);
    Tamga__V1__ListRecordsResponse response = TAMGA__V1__LIST_RECORDS_RESPONSE__INIT;
    enum tamga_err err =
        hold == NULL ? TAMGA_E_NO_MEMORY : store->ops->snapshot(store, &reader);

    if (err == TAMGA_OK)
        err = list_records(hold, tamga_node_chain(gateway->records), reader, input);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.n_records = hold->count;
    response.records = hold->message;
    response.next = tamga_wire_bytes(tamga_span(hold->page.next, hold->page.next_len));
    closure(&response, call);
}

static void gateway_get_delivery(Tamga__V1__GatewayService_Service *service,
                                 const Tamga__V1__GetDeliveryRequest *input,
                                 Tamga__V1__GetDeliveryResponse_Closure closure, void *call)
{
    struct tamga_gateway *gateway = ((struct tamga_gateway_service *)service)->gateway;
    Tamga__V1__GetDeliveryResponse response = TAMGA__V1__GET_DELIVERY_RESPONSE__INIT;
    struct tamga_delivery delivery;
    struct tamga_hash device;
    enum tamga_err err = tamga_device_id_check(input->device, NULL);

    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    tamga_key_device(&device, input->device);
    delivery = tamga_delivery_get(gateway->deliveries, &device);
    response.state = delivery.state;
    response.changed_ms = delivery.changed_ms;
    if (!tamga_hash_is_zero(&delivery.release.hash))
        response.release = tamga_wire_bytes(tamga_hash_span(&delivery.release.hash));
    closure(&response, call);
}

void tamga_gateway_service_init(struct tamga_gateway_service *service,
                                struct tamga_gateway *gateway)
{
    static const Tamga__V1__GatewayService_Service methods =
        TAMGA__V1__GATEWAY_SERVICE__INIT(gateway_);

    service->service = methods;
    service->gateway = gateway;
}
