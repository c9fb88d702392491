/*
 * A network with a server behind a gate, "node-1", and a member to call it, "acme". For
 * Criterion programs and plain ones.
 */
#ifndef NET_TOWN_H
#define NET_TOWN_H

#include "authority.h"
#include "fixture.h"

#define TOWN_NODE (TAMGA_TLS_CONSORTIUM | TAMGA_TLS_OEM) /* the server's roles */

struct town {
    struct authority authority;
    struct tamga_tls *server_tls, *client_tls;
    struct tamga_net_link server_link, client_link;
    struct fixture fixture; /* its channel is the member's */
    const char *addr;
};

void town_open(struct town *town);
/* listen and link of the options are the town's. */
void town_open_with(struct town *town, struct tamga_rpc_server_options *options);
/* The same network, another server. */
void town_serve_again(struct town *town, struct tamga_rpc_server_options *options);
void town_close(struct town *town);
/* One call of a member whose certificates are those, over a channel of its own. */
enum tamga_err town_ask(struct town *town, struct tamga_tls *tls, const char *wanted,
                        uint32_t roles, struct tamga_detail *detail);

#endif
