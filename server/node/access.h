/*
 * Who may call which method of a node: the one place where this is written.
 *
 * Source: docs/PROTOCOL.md, "Calls".
 */
#ifndef TAMGA_NODE_ACCESS_H
#define TAMGA_NODE_ACCESS_H

#include "net/rpc.h"

/* Serve them all, each to whom it is for. Before the server starts.
 * Errors: USAGE: one of them is served already. */
TAMGA_MUST_USE enum tamga_err tamga_access_add(struct tamga_rpc_server *server,
                                               ProtobufCService *const *service, size_t count);

#endif
