/*
 * Calls over NNG REQ/REP with the envelope of rpc.proto, through the stubs that
 * protobuf-c generates, on both sides. Callbacks of NNG only enqueue.
 * Only NNG and the wire below; knows no service.
 */
#ifndef TAMGA_NET_RPC_H
#define TAMGA_NET_RPC_H

#include "net/limits.h"
#include "net/link.h"
#include "wire/wire.h"

#define TAMGA_NET_MESSAGE_BYTES_MAX (4u * 1024 * 1024)
#define TAMGA_RPC_DEADLINE_MS       10000u
#define TAMGA_RPC_DEADLINE_MS_MAX   600000u

/* ---- client ------------------------------------------------------------------ */

/*
 * A channel to one server. Reconnects by itself; calls are synchronous, each with a
 * deadline and a random id, sent once (never resent behind the caller's back).
 *
 * Threads: calls from several threads run concurrently on one channel.
 */
struct tamga_channel;

/* addr is tcp://host:port. Does not wait for the connection.
 * Errors: USAGE for an address that is none; SYSTEM. */
TAMGA_MUST_USE enum tamga_err tamga_channel_open(struct tamga_channel **out, const char *addr,
                                                 struct tamga_detail *detail);
/*
 * The same, and addr may be tls+tcp:// if there is a link. While there is no connection
 * because one end refuses the other's certificate, a call ends at once with that reason
 * (LINK_..., never UNREACHABLE), and the next one tries anew.
 */
TAMGA_MUST_USE enum tamga_err tamga_channel_open_link(struct tamga_channel **out,
                                                      const char *addr,
                                                      const struct tamga_net_link *link,
                                                      struct tamga_detail *detail);
/* Calls in work end as UNREACHABLE, and so does every later one. From any thread, while
 * others call; NULL is fine. Close it once this has returned. */
void tamga_channel_stop(struct tamga_channel *channel);
/* Stop, wait for calls of other threads to end, and release. */
void tamga_channel_close(struct tamga_channel *channel);
const char *tamga_channel_addr(const struct tamga_channel *channel);

/*
 * One call's outcome. Set channel and deadline_ms, give tamga_reply_take as the stub's
 * closure and the reply as its closure_data; then read err, and on TAMGA_OK message.
 *
 *   TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply =
 *       {.channel = channel, .deadline_ms = 5000};
 *   tamga__v1__chain_service__get_status(
 *       tamga_reply_service(&reply, &tamga__v1__chain_service__descriptor), &request,
 *       (Tamga__V1__GetStatusResponse_Closure)tamga_reply_take, &reply);
 *
 * Errors:  what the server said (RpcErrorDetails.code; a status without details maps to
 *          the nearest code), DEADLINE, UNREACHABLE (connection lost or never there),
 *          TOO_LARGE (request beyond the bound; nothing is sent), and the judge's codes
 *          if the reply is malformed.
 */
struct tamga_reply {
    struct tamga_channel *channel;
    uint32_t deadline_ms; /* 0: TAMGA_RPC_DEADLINE_MS */
    enum tamga_err err;
    struct tamga_detail detail;
    ProtobufCMessage *message; /* owned; released by clear */
    ProtobufCService service;  /* private: what tamga_reply_service hands to the stub */
};
ProtobufCService *tamga_reply_service(struct tamga_reply *reply,
                                      const ProtobufCServiceDescriptor *descriptor);
void tamga_reply_take(const ProtobufCMessage *message, void *reply);
void tamga_reply_clear(struct tamga_reply *reply);

/* ---- server ------------------------------------------------------------------ */

struct tamga_rpc_server;

struct tamga_rpc_server_options {
    const char *listen;         /* tcp://host:port; port 0 takes a free one */
    const struct tamga_net_link *link; /* needed for tls+tcp://host:port */
    unsigned threads;           /* workers that run handlers, 1..64 */
    unsigned contexts;          /* requests held at once, 1..1024 */
    unsigned per_pipe_max;      /* requests in work of a connection, 1..contexts; more are
                                   RATE_LIMITED, as limits.connection.concurrent */
    unsigned pipes_max;         /* connections at once; more are closed on arrival */
    uint32_t send_timeout_ms;   /* a reader that does not read is cut off after this */
    struct tamga_limits limits; /* above them: RATE_LIMITED; who goes on is cut off */
    void (*log)(void *context, const char *event, const char *text); /* may be NULL */
    void *log_context;
    /* What a member may do now, at each call: takes roles off those of its certificate. NULL:
     * nobody has more to say. From any worker. */
    void (*standing)(void *context, struct tamga_tls_identity *member);
    void *standing_context;
};

/*
 * Bind and listen; requests are answered only after start. Health and listing services
 * are built in.
 *
 * Errors:  USAGE (address), SYSTEM (cannot bind; detail says why).
 */
TAMGA_MUST_USE enum tamga_err tamga_rpc_server_open(struct tamga_rpc_server **out,
                                                    const struct tamga_rpc_server_options *options,
                                                    struct tamga_detail *detail);
/* Serve a generated service (its vtable filled). Before start. The service is borrowed
 * until close. */
TAMGA_MUST_USE enum tamga_err tamga_rpc_server_add(struct tamga_rpc_server *server,
                                                   ProtobufCService *service);
/*
 * Who may call what: bits of enum tamga_tls_role. Unless restricted, a service may be called by
 * every member and by no device. Over plain tcp, where nobody is known, everybody may call
 * everything, as far as its handler allows. Others are refused with ROLE_DENIED before a handler
 * or the payload's decoder sees the call.
 */
#define TAMGA_RPC_MEMBERS                                                                    \
    (TAMGA_TLS_OEM | TAMGA_TLS_PROVIDER | TAMGA_TLS_CONSORTIUM | TAMGA_TLS_GATEWAY |         \
     TAMGA_TLS_AUDITOR)
/* path is "/tamga.v1.Service/Method", or "/tamga.v1.Service/" for all its methods. After add,
 * before start. Errors: NO_METHOD: it is not served here. */
TAMGA_MUST_USE enum tamga_err tamga_rpc_server_restrict(struct tamga_rpc_server *server,
                                                        const char *path, uint32_t callers);
TAMGA_MUST_USE enum tamga_err tamga_rpc_server_start(struct tamga_rpc_server *server);
/* The address really bound, tcp://host:port; borrowed until close. */
const char *tamga_rpc_server_addr(const struct tamga_rpc_server *server);
/* What HealthService answers for the server as a whole. */
void tamga_rpc_server_set_serving(struct tamga_rpc_server *server, bool serving);
/* Since open. */
struct tamga_rpc_counters {
    uint64_t connections, turned_away;
    uint64_t requests, bytes_in, bytes_out; /* taken on, and their answers */
    uint64_t busy, repeats, role_denied;
    uint64_t cut_off; /* connections that did not read their answers or heed a limit */
    uint64_t limited[TAMGA_LIMIT_WHOSE_COUNT][TAMGA_LIMIT_WHAT_COUNT];
    struct tamga_link_counters links; /* 0 over plain tcp */
};
void tamga_rpc_server_counters(struct tamga_rpc_server *server, struct tamga_rpc_counters *out);
/* No new requests; those in work are answered STOPPING if they come later. Idempotent. */
void tamga_rpc_server_stop(struct tamga_rpc_server *server);
/* Waits for handlers in work and for calls not completed yet; then releases all. */
void tamga_rpc_server_close(struct tamga_rpc_server *server);

/*
 * In a handler, closure_data is the call. It is completed exactly once: by the
 * generated closure with the response, or by tamga_rpc_fail; from the handler or later
 * from any other thread. Until then the handler's input stays valid.
 */
void tamga_rpc_fail(void *closure_data, enum tamga_err err, const struct tamga_detail *detail);
/* The member or device that calls, by its certificate; false over plain tcp, or if it has
 * gone. */
bool tamga_rpc_peer(void *closure_data, struct tamga_tls_identity *out);
/* Time left, 0 if none: an expired request does no work. */
uint32_t tamga_rpc_left_ms(const void *closure_data);

#endif
