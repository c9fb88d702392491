/*
 * Who may call which method of a node: the one place where this is written.
 *
 * Source: docs/PROTOCOL.md, "Calls".
 */
#ifndef TAMGA_NODE_ACCESS_H
#define TAMGA_NODE_ACCESS_H

#include "chain/network.h"
#include "net/rpc.h"

/* Serve them all, each to whom it is for. Before the server starts.
 * Errors: USAGE: one of them is served already. */
TAMGA_MUST_USE enum tamga_err tamga_access_add(struct tamga_rpc_server *server,
                                               ProtobufCService *const *service, size_t count);

/*
 * What a member's certificate says, less what the consortium chain has taken since; whoever
 * has nothing left, suspended or removed, only reads. For tamga_rpc_server_options; context is
 * the struct tamga_network.
 */
void tamga_access_standing(void *context, struct tamga_tls_identity *member);

#endif
