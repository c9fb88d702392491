/*
 * A host's addresses, without waiting: looking up a name may take as long as it likes, and
 * who asked may lose interest meanwhile.
 */
#ifndef TAMGA_NET_RESOLVE_H
#define TAMGA_NET_RESOLVE_H

#include <sys/socket.h>

#include "net/endpoint.h"

#define TAMGA_RESOLVE_COUNT_MAX 8

struct tamga_resolved {
    struct sockaddr_storage address[TAMGA_RESOLVE_COUNT_MAX];
    socklen_t len[TAMGA_RESOLVE_COUNT_MAX];
    unsigned count; /* 0: no such host */
};

/* At once, if the host is an address; false if it is a name. */
bool tamga_resolve_numeric(struct tamga_resolved *out, const struct tamga_endpoint *endpoint);

/* However long it takes. False: no such host. */
bool tamga_resolve_wait(struct tamga_resolved *out, const struct tamga_endpoint *endpoint);

struct tamga_lookup;
/* wake: an eventfd that is written to when take would answer; a copy of it is kept.
 * Errors: SYSTEM, NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_lookup_start(struct tamga_lookup **out,
                                                 const struct tamga_endpoint *endpoint, int wake);
/* False while it is not known yet. */
bool tamga_lookup_take(struct tamga_lookup *lookup, struct tamga_resolved *out);
/* Does not wait; NULL is fine. */
void tamga_lookup_free(struct tamga_lookup *lookup);

#endif
