/*
 * Who asks a server, over all their connections: members, devices, or addresses, each with
 * an account. Fixed size. Who has gone keeps its account while there is room, so that
 * coming back pays no debt; of those who have gone the first makes room. Not safe for
 * threads: its server holds a lock.
 */
#ifndef TAMGA_NET_PARTIES_H
#define TAMGA_NET_PARTIES_H

#include "crypto/tls.h"
#include "net/limits.h"

#define TAMGA_PARTIES_GONE_MAX 1024 /* remembered, at least */

struct tamga_party {
    struct tamga_party *next;          /* in its bucket */
    struct tamga_party *before, *after; /* among those who have gone */
    enum tamga_limit_whose whose;
    char name[TAMGA_TLS_DEVICE_MAX + 1]; /* an address in hex */
    unsigned holders; /* connections, and requests in work */
    struct tamga_account account;
};

struct tamga_parties {
    struct tamga_party *party;
    struct tamga_party **bucket;
    size_t count_max, count;
    struct tamga_party *gone_first, *gone_last;
};

/* holders_max: at once. Errors: NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_parties_open(struct tamga_parties *parties,
                                                 size_t holders_max);
void tamga_parties_close(struct tamga_parties *parties);
/* Found or made, and held. name is at most TAMGA_TLS_DEVICE_MAX long. */
struct tamga_party *tamga_parties_hold(struct tamga_parties *parties,
                                       enum tamga_limit_whose whose, const char *name,
                                       const struct tamga_limit *limit, uint64_t now_ms);
/* Held once more. */
void tamga_party_hold(struct tamga_party *party);
void tamga_parties_release(struct tamga_parties *parties, struct tamga_party *party);

#endif
