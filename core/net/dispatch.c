/* The table of services, and what "/package.Service/Method" finds in it. */
#include "net/dispatch.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- the built-in services --------------------------------------------------- */

#define NONE SIZE_MAX

static size_t service_find(const struct tamga_dispatch *dispatch, const char *name, size_t len)
{
    for (size_t i = 0; i < dispatch->service_count; i++) {
        const char *held = dispatch->service[i]->descriptor->name;

        if (strlen(held) == len && memcmp(held, name, len) == 0)
            return i;
    }
    return NONE;
}

static void health_check(Tamga__V1__HealthService_Service *service,
                         const Tamga__V1__HealthCheckRequest *input,
                         Tamga__V1__HealthCheckResponse_Closure closure, void *closure_data)
{
    const struct tamga_dispatch *dispatch =
        (const void *)((const char *)service - offsetof(struct tamga_dispatch, health));
    Tamga__V1__HealthCheckResponse response = TAMGA__V1__HEALTH_CHECK_RESPONSE__INIT;
    size_t len = strlen(input->service);

    if (len > 0 && service_find(dispatch, input->service, len) == NONE)
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

/* Anybody may ask for the built-in ones, so that a probe needs no role. */
void tamga_dispatch_init(struct tamga_dispatch *dispatch)
{
    *dispatch = (struct tamga_dispatch){
        .health = TAMGA__V1__HEALTH_SERVICE__INIT(health_),
        .listing = TAMGA__V1__LISTING_SERVICE__INIT(listing_),
    };
    dispatch->service[0] = &dispatch->health.base;
    dispatch->service[1] = &dispatch->listing.base;
    dispatch->first[1] = 1;
    dispatch->callers[0] = dispatch->callers[1] = UINT32_MAX;
    dispatch->service_count = 2;
    dispatch->method_count = 2;
}

enum tamga_err tamga_dispatch_add(struct tamga_dispatch *dispatch, ProtobufCService *service)
{
    const ProtobufCServiceDescriptor *descriptor = service->descriptor;

    if (service_find(dispatch, descriptor->name, strlen(descriptor->name)) != NONE ||
        dispatch->service_count == TAMGA_DISPATCH_SERVICES_MAX ||
        descriptor->n_methods > TAMGA_DISPATCH_METHODS_MAX - dispatch->method_count)
        return TAMGA_E_USAGE;
    dispatch->service[dispatch->service_count] = service;
    dispatch->first[dispatch->service_count++] = dispatch->method_count;
    for (unsigned m = 0; m < descriptor->n_methods; m++)
        dispatch->callers[dispatch->method_count++] = TAMGA_RPC_MEMBERS;
    return TAMGA_OK;
}

/* What "/package.Service/Method" begins with; *method is what follows. */
static size_t path_find(const struct tamga_dispatch *dispatch, const char *path,
                        const char **method)
{
    const char *slash = path[0] == '/' ? strchr(path + 1, '/') : NULL;

    if (!slash)
        return NONE;
    *method = slash + 1;
    return service_find(dispatch, path + 1, (size_t)(slash - path - 1));
}

enum tamga_err tamga_dispatch_restrict(struct tamga_dispatch *dispatch, const char *path,
                                       uint32_t callers)
{
    const char *method = NULL;
    size_t index = path_find(dispatch, path, &method);
    const ProtobufCServiceDescriptor *descriptor;
    bool found = false;

    if (index == NONE)
        return TAMGA_E_NO_METHOD;
    descriptor = dispatch->service[index]->descriptor;
    for (unsigned m = 0; m < descriptor->n_methods; m++) {
        if (method[0] != '\0' && strcmp(descriptor->methods[m].name, method) != 0)
            continue;
        dispatch->callers[dispatch->first[index] + m] = callers;
        found = true;
    }
    return found ? TAMGA_OK : TAMGA_E_NO_METHOD;
}

/* ---- one request ------------------------------------------------------------- */

/* *callers: who may. */
static enum tamga_err method_find(struct tamga_request *out, uint32_t *callers,
                                  const struct tamga_dispatch *dispatch, const char *path,
                                  struct tamga_detail *detail)
{
    const ProtobufCMethodDescriptor *method = NULL;
    const char *name = NULL;
    size_t index = path_find(dispatch, path, &name);

    if (index != NONE)
        method = protobuf_c_service_descriptor_get_method_by_name(
            dispatch->service[index]->descriptor, name);
    if (!method)
        return tamga_refuse(detail, TAMGA_E_NO_METHOD, "\"%.128s\"", path);
    out->service = dispatch->service[index];
    out->method_index = (unsigned)(method - out->service->descriptor->methods);
    *callers = dispatch->callers[dispatch->first[index] + out->method_index];
    return TAMGA_OK;
}

static enum tamga_err role_judge(const struct tamga_tls_identity *caller, uint32_t callers,
                                 struct tamga_detail *detail)
{
    char has[TAMGA_TLS_ROLES_MAX], may[TAMGA_TLS_ROLES_MAX];

    if (!caller || (caller->roles & callers))
        return TAMGA_OK;
    tamga_tls_roles_format(has, caller->roles);
    tamga_tls_roles_format(may, callers);
    return tamga_refuse(detail, TAMGA_E_ROLE_DENIED, "%.194s is %s; callers are %s", caller->name,
                        has, may);
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
                                  const struct tamga_tls_identity *caller,
                                  struct tamga_span untrusted, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
    const Tamga__V1__RpcRequest *envelope;
    uint32_t callers = 0;
    enum tamga_err err;

    *out = (struct tamga_request){.deadline_ms = TAMGA_RPC_DEADLINE_MS};
    err = tamga_wire_unpack(&message, &tamga__v1__rpc_request__descriptor, TAMGA_WIRE_LOOSE,
                            untrusted, detail);
    if (err)
        return err;
    envelope = (const Tamga__V1__RpcRequest *)message;
    out->deadline_ms = deadline_of(envelope->deadline_ms);
    if ((err = id_take(out, envelope->request_id, detail)) ||
        (err = method_find(out, &callers, dispatch, envelope->method, detail)) ||
        (err = role_judge(caller, callers, detail)))
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
