/*
 * From an envelope's bytes to a service's method, and the two services that every
 * server has. Knows no socket and no thread.
 */
#ifndef TAMGA_NET_DISPATCH_H
#define TAMGA_NET_DISPATCH_H

#include <stdatomic.h>

#include "net/envelope.h"

#define TAMGA_DISPATCH_SERVICES_MAX 16
#define TAMGA_DISPATCH_METHODS_MAX  256 /* of all services together */

struct tamga_dispatch {
    ProtobufCService *service[TAMGA_DISPATCH_SERVICES_MAX]; /* borrowed */
    size_t first[TAMGA_DISPATCH_SERVICES_MAX];   /* where its methods begin in callers */
    uint32_t callers[TAMGA_DISPATCH_METHODS_MAX]; /* roles; one of them is enough */
    size_t service_count, method_count;
    atomic_bool serving;
    Tamga__V1__HealthService_Service health;
    Tamga__V1__ListingService_Service listing;
};

/* One request, judged. */
struct tamga_request {
    bool has_id;
    struct tamga_call_id id;
    uint32_t deadline_ms; /* 1..TAMGA_RPC_DEADLINE_MS_MAX */
    ProtobufCService *service;
    unsigned method_index;
    ProtobufCMessage *input; /* owned; released by tamga_request_clear */
};

/* The dispatch must not move afterwards. */
void tamga_dispatch_init(struct tamga_dispatch *dispatch);
/* Errors: USAGE if a service of that name is there, or there are too many. */
TAMGA_MUST_USE enum tamga_err tamga_dispatch_add(struct tamga_dispatch *dispatch,
                                                 ProtobufCService *service);

/* path is "/package.Service/Method", or "/package.Service/" for all of its methods. Who has
 * none of the roles is refused there from now on. Errors: NO_METHOD: it is not served. */
TAMGA_MUST_USE enum tamga_err tamga_dispatch_restrict(struct tamga_dispatch *dispatch,
                                                      const char *path, uint32_t callers);

/*
 * Judge one request. caller is NULL where nobody is known: there everybody may call all.
 *
 * Outputs: on failure too, has_id and id if the envelope could be read, so that the
 *          refusal names the call; input only on TAMGA_OK.
 * Errors:  the judge's codes; MISSING_FIELD (id); NO_METHOD; ROLE_DENIED, before
 *          the payload is looked at.
 */
TAMGA_MUST_USE enum tamga_err tamga_request_open(struct tamga_request *out,
                                                 const struct tamga_dispatch *dispatch,
                                                 const struct tamga_tls_identity *caller,
                                                 struct tamga_span untrusted,
                                                 struct tamga_detail *detail);
/* Only who calls, for a refusal without work: has_id stays false if it cannot be read. */
void tamga_request_identify(struct tamga_request *out, struct tamga_span untrusted);
void tamga_request_clear(struct tamga_request *request);

#endif
