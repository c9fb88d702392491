/*
 * How a socket of NNG comes to its connections: by itself over plain TCP, or through a gate.
 * Private to this folder.
 */
#ifndef TAMGA_NET_DOOR_H
#define TAMGA_NET_DOOR_H

#include <nng/nng.h>
#include <stdatomic.h>

#include "net/endpoint.h"
#include "net/gate.h"
#include "net/link.h"

/* {0} is closed. Must not move while open. */
struct tamga_door {
    _Atomic(struct tamga_gate *) gate; /* NULL: plain, or not open yet */
    atomic_bool guarded;               /* whom the gate does not know may not enter */
    uint16_t inner_port;               /* where NNG itself listens; 0 if it dials */
};

struct tamga_door_options {
    const struct tamga_net_link *link; /* NULL: plain only */
    unsigned conns_max;
    uint32_t stuck_ms;
    void (*log)(void *context, const char *event, const char *text);
    void (*failed)(void *context);
    void *context;
};

/* bound: what people dial. Errors: USAGE, SYSTEM, NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_door_listen(struct tamga_door *door, nng_socket socket,
                                                struct tamga_endpoint *bound, const char *listen,
                                                const struct tamga_door_options *options,
                                                struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_door_dial(struct tamga_door *door, nng_socket socket,
                                              const char *addr,
                                              const struct tamga_door_options *options,
                                              struct tamga_detail *detail);
/* In ADD_PRE: whether the pipe may enter; who it is, if the door is guarded. */
bool tamga_door_admits(struct tamga_door *door, nng_pipe pipe, struct tamga_tls_identity *out);
/* Why there is no connection, if its gate knows. */
enum tamga_err tamga_door_why(struct tamga_door *door, struct tamga_detail *detail);
/* Before its connections are ended for good: none is made anew. */
void tamga_door_hush(struct tamga_door *door);
/* Zeros without a gate. */
void tamga_door_counters(struct tamga_door *door, struct tamga_link_counters *out);
/* After the socket is closed. */
void tamga_door_close(struct tamga_door *door);

#endif
