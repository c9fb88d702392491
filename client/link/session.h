/*
 * Calls to a network's nodes: the given addresses are tried in turn until one answers,
 * within a time. A node is asked for its status first, so that nothing is said to one of
 * another network or role. Knows no particular call.
 */
#ifndef TAMGA_LINK_SESSION_H
#define TAMGA_LINK_SESSION_H

#include "chain/rules.h"
#include "net/rpc.h"

#define TAMGA_SESSION_NODES_MAX  32
#define TAMGA_SESSION_TIMEOUT_MS 30000

struct tamga_session;

/*
 * Open nothing yet: a node is connected to when it is asked first. Times are of each call,
 * all its attempts on all nodes together.
 *
 * Shapes:  link NULL: plain tcp:// addresses only. It says which nodes will do by their
 *          certificates, as chain does by their answers.
 * Owns:    chain (of the network) and link's tls are borrowed until close; addresses are
 *          copied.
 * Errors:  USAGE: no node, more than the maximum, an address that is none; SYSTEM.
 */
TAMGA_MUST_USE enum tamga_err tamga_session_open(struct tamga_session **out,
                                                 const struct tamga_chain *chain,
                                                 const struct tamga_net_link *link,
                                                 const char *const *addr, size_t count,
                                                 uint32_t timeout_ms,
                                                 struct tamga_detail *detail);
void tamga_session_close(struct tamga_session *session);

/*
 * Call a method by its name, e.g. "GetStatus", on the node that answered last; while the
 * answer is of the later class, ask the next node, with growing pauses, until the time is
 * over. A call may therefore arrive more than once: use it for what can be repeated.
 *
 * Owns:    *out is the caller's, tamga_wire_free; it is never NULL on success.
 * Errors:  what the last node said; at once if no node will do: WRONG_CHAIN if they are
 *          of another network, NO_METHOD or LINK_ROLE if they have another role, another
 *          LINK_ code if one end refuses the other's certificate.
 * Threads: any number at once.
 */
TAMGA_MUST_USE enum tamga_err tamga_session_call(struct tamga_session *session,
                                                 ProtobufCMessage **out,
                                                 const ProtobufCServiceDescriptor *service,
                                                 const char *method,
                                                 const ProtobufCMessage *request,
                                                 struct tamga_detail *detail);

/* The same, but every node is asked at most once: for what can be done without. */
TAMGA_MUST_USE enum tamga_err tamga_session_call_once(struct tamga_session *session,
                                                      ProtobufCMessage **out,
                                                      const ProtobufCServiceDescriptor *service,
                                                      const char *method,
                                                      const ProtobufCMessage *request,
                                                      struct tamga_detail *detail);

/* Wait, e.g. between two questions; close does not cut it short. */
void tamga_session_pause(struct tamga_session *session, uint32_t pause_ms);
/* Milliseconds that never jump. */
uint64_t tamga_session_now_ms(void);

size_t tamga_session_count(const struct tamga_session *session);
/* One node's address, and a single call to it with its own deadline; for `status`. */
const char *tamga_session_addr(const struct tamga_session *session, size_t index);
TAMGA_MUST_USE enum tamga_err tamga_session_ask(struct tamga_session *session, size_t index,
                                                ProtobufCMessage **out,
                                                const ProtobufCServiceDescriptor *service,
                                                const char *method,
                                                const ProtobufCMessage *request,
                                                uint32_t deadline_ms,
                                                struct tamga_detail *detail);

#endif
