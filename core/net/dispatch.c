/* The table of services, and what "/package.Service/Method" finds in it. */
#include "net/dispatch.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- the built-in services --------------------------------------------------- */

static ProtobufCService *service_find(const struct tamga_dispatch *dispatch, const char *name,
                                      size_t len)
{
    for (size_t i = 0; i < dispatch->service_count; i++) {
        const char *held = dispatch->service[i]->descriptor->name;

        if (strlen(held) == len && memcmp(held, name, len) == 0)
            return dispatch->service[i];
    }
    return NULL;
}

static void health_check(Tamga__V1__HealthService_Service *service,
                         const Tamga__V1__HealthCheckRequest *input,
                         Tamga__V1__HealthCheckResponse_Closure closure, void *closure_data)
{
    const struct tamga_dispatch *dispatch =
        (const void *)((const char *)service - offsetof(struct tamga_dispatch, health));
    Tamga__V1__HealthCheckResponse response = TAMGA__V1__HEALTH_CHECK_RESPONSE__INIT;
    size_t len = strlen(input->service);

    if (len > 0 && !service_find(dispatch, input->service, len))
        response.status = TAMGA__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
    else if (atomic_load(&dispatch->serving))
        response.status = TAMGA__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    else
        response.status = TAMGA__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    closure(&response, closure_data);
}

static void listing_list_services(Tamga__V1__ListingService_Service *service,
                                  const Tamga__V1__ListServicesRequest *input,
                                  Tamga__V1__ListServicesResponse_Closure closure,
                                  void *closure_data)
{
    const struct tamga_dispatch *dispatch =
        (const void *)((const char *)service - offsetof(struct tamga_dispatch, listing));
    Tamga__V1__ListServicesResponse response = TAMGA__V1__LIST_SERVICES_RESPONSE__INIT;
    char text[TAMGA_DISPATCH_METHODS_MAX][TAMGA_METHOD_TEXT_MAX];
    char *method[TAMGA_DISPATCH_METHODS_MAX];

    (void)input;
    response.methods = method;
    for (size_t i = 0; i < dispatch->service_count; i++) {
        const ProtobufCServiceDescriptor *held = dispatch->service[i]->descriptor;

        for (unsigned m = 0; m < held->n_methods; m++) {
            method[response.n_methods] = text[response.n_methods];
            snprintf(text[response.n_methods++], TAMGA_METHOD_TEXT_MAX, "/%s/%s", held->name,
                     held->methods[m].name);
        }
    }
    closure(&response, closure_data);
}

/* ---- the table --------------------------------------------------------------- */

void tamga_dispatch_init(struct tamga_dispatch *dispatch)
{
    *dispatch = (struct tamga_dispatch){
        .health = TAMGA__V1__HEALTH_SERVICE__INIT(health_),
        .listing = TAMGA__V1__LISTING_SERVICE__INIT(listing_),
    };
    dispatch->service[0] = &dispatch->health.base;
    dispatch->service[1] = &dispatch->listing.base;
    dispatch->service_count = 2;
    dispatch->method_count = 2;
}

enum tamga_err tamga_dispatch_add(struct tamga_dispatch *dispatch, ProtobufCService *service)
{
    const ProtobufCServiceDescriptor *descriptor = service->descriptor;

    if (service_find(dispatch, descriptor->name, strlen(descriptor->name)) ||
        dispatch->service_count == TAMGA_DISPATCH_SERVICES_MAX ||
        descriptor->n_methods > TAMGA_DISPATCH_METHODS_MAX - dispatch->method_count)
        return TAMGA_E_USAGE;
    dispatch->service[dispatch->service_count++] = service;
    dispatch->method_count += descriptor->n_methods;
    return TAMGA_OK;
}

/* ---- one request ------------------------------------------------------------- */

static enum tamga_err method_find(struct tamga_request *out,
                                  const struct tamga_dispatch *dispatch, const char *name,
                                  struct tamga_detail *detail)
{
    const ProtobufCMethodDescriptor *method = NULL;
    const char *slash = name[0] == '/' ? strchr(name + 1, '/') : NULL;
    ProtobufCService *service =
        slash ? service_find(dispatch, name + 1, (size_t)(slash - name - 1)) : NULL;

    if (service)
        method = protobuf_c_service_descriptor_get_method_by_name(service->descriptor,
                                                                  slash + 1);
    if (!method)
        return tamga_refuse(detail, TAMGA_E_NO_METHOD, "\"%.128s\"", name);
    out->service = service;
    out->method_index = (unsigned)(method - service->descriptor->methods);
    return TAMGA_OK;
}

static enum tamga_err id_take(struct tamga_request *out, ProtobufCBinaryData id,
                              struct tamga_detail *detail)
{
    if (id.len == 0)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "request_id");
    if (id.len != sizeof out->id.byte)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "request_id has %zu bytes, not %zu",
                            id.len, sizeof out->id.byte);
    memcpy(out->id.byte, id.data, id.len);
    out->has_id = true;
    return TAMGA_OK;
}

/* 0: the sender stated none. */
static uint32_t deadline_of(uint32_t deadline_ms)
{
    if (deadline_ms == 0)
        return TAMGA_RPC_DEADLINE_MS;
    return deadline_ms < TAMGA_RPC_DEADLINE_MS_MAX ? deadline_ms : TAMGA_RPC_DEADLINE_MS_MAX;
}

enum tamga_err tamga_request_open(struct tamga_request *out,
                                  const struct tamga_dispatch *dispatch,
                                  struct tamga_span untrusted, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
    const Tamga__V1__RpcRequest *envelope;
    enum tamga_err err;

    *out = (struct tamga_request){.deadline_ms = TAMGA_RPC_DEADLINE_MS};
    err = tamga_wire_unpack(&message, &tamga__v1__rpc_request__descriptor, TAMGA_WIRE_LOOSE,
                            untrusted, detail);
    if (err)
        return err;
    envelope = (const Tamga__V1__RpcRequest *)message;
    out->deadline_ms = deadline_of(envelope->deadline_ms);
    if ((err = id_take(out, envelope->request_id, detail)) ||
        (err = method_find(out, dispatch, envelope->method, detail)))
        return err;
    return tamga_wire_unpack(&out->input,
                             out->service->descriptor->methods[out->method_index].input,
                             TAMGA_WIRE_LOOSE, tamga_wire_span(envelope->payload), detail);
}

void tamga_request_identify(struct tamga_request *out, struct tamga_span untrusted)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;

    *out = (struct tamga_request){0};
    if (tamga_wire_unpack(&message, &tamga__v1__rpc_request__descriptor, TAMGA_WIRE_LOOSE,
                          untrusted, NULL) != TAMGA_OK)
        return;
    if (id_take(out, ((const Tamga__V1__RpcRequest *)message)->request_id, NULL) != TAMGA_OK)
        out->has_id = false;
}

void tamga_request_clear(struct tamga_request *request)
{
    tamga_wire_free(request->input);
    request->input = NULL;
}
