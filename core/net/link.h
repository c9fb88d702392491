/*
 * What makes tls+tcp:// usable: this side's certificates, and who may be at the other end,
 * devices only if something can judge them. Without one, only plain tcp:// is. Borrowed until
 * what it was given to is closed.
 */
#ifndef TAMGA_NET_LINK_H
#define TAMGA_NET_LINK_H

#include "crypto/tls.h"

struct tamga_net_link {
    struct tamga_tls *tls;
    struct tamga_tls_want want;
    unsigned per_address_max; /* servers: connections from one address; 0: as many as usual */
    uint32_t per_address_per_s; /* servers: new ones of it a second; 0: as many as usual */
    uint32_t shake_ms;        /* time for a handshake; 0: as usual */
};

/* A gate's, since it was opened. */
struct tamga_link_counters {
    uint64_t begun;       /* connections */
    uint64_t turned_away; /* at once: too many, or of one address */
    uint64_t evicted;     /* before they were judged, to make room */
    uint64_t refused;     /* by either side, or no handshake in time */
    uint64_t opened, resumed; /* judged; of them with a former session's ticket */
};

/* One end refuses the other's certificate: another peer may do, the same one will not. */
static inline bool tamga_link_refused(enum tamga_err err)
{
    return err >= TAMGA_E_LINK_EXPIRED && err <= TAMGA_E_LINK_CRL;
}

#endif
