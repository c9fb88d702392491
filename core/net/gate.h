/*
 * TLS in front of NNG, in the same process. NNG speaks plain TCP on the loopback, and a gate
 * carries the bytes between that and a TLS connection of our own:
 *
 *   peer == TLS ==> gate -- loopback --> NNG's listener        (serve)
 *   NNG's dialer -- loopback --> gate == TLS ==> peer          (dial)
 *
 * A peer is a member or, where they are wanted, a device.
 * Nothing reaches NNG before its certificate is judged, and NNG's side can ask who is
 * behind a loopback port. Connections, bytes kept and every wait are bounded.
 */
#ifndef TAMGA_NET_GATE_H
#define TAMGA_NET_GATE_H

#include "crypto/tls.h"
#include "net/endpoint.h"
#include "net/link.h"

#define TAMGA_GATE_KEPT_BYTES_MAX 65536u /* of a connection, each way */
#define TAMGA_GATE_CONNS_MAX      65536u
#define TAMGA_GATE_SHAKE_MS       10000u
#define TAMGA_GATE_IDLE_MS        3600000u
#define TAMGA_GATE_PER_ADDRESS    256u
#define TAMGA_GATE_PER_ADDRESS_S  100u

struct tamga_gate;

struct tamga_gate_options {
    struct tamga_tls *tls;       /* borrowed until close */
    struct tamga_tls_want want;  /* who may be at the other end; its name is copied */
    unsigned conns_max;          /* at once; whoever is not judged yet makes room first */
    unsigned per_address_max;    /* of them, from one IPv4 address or IPv6 /64 */
    uint32_t per_address_per_s;  /* new ones of one address in the long run, twice
                                    per_address_max after a pause; 0: any number */
    uint32_t shake_ms;           /* from the connection to the end of the handshake */
    uint32_t idle_ms;            /* without a byte in either direction */
    uint32_t stuck_ms;           /* with bytes that one side does not take */
    void (*log)(void *context, const char *event, const char *text); /* may be NULL */
    /* dial only, may be NULL: an attempt has failed, why() tells. From the gate's thread. */
    void (*failed)(void *context);
    void *context;
};

/*
 * Listen for members, and carry each to NNG's listener on 127.0.0.1:inner_port. bound is
 * what was really taken. Errors: USAGE: a bound of the options; SYSTEM; NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_gate_serve(struct tamga_gate **out,
                                               struct tamga_endpoint *bound,
                                               const struct tamga_gate_options *options,
                                               const struct tamga_endpoint *listen,
                                               uint16_t inner_port, struct tamga_detail *detail);
/* Listen on the loopback for this process alone; each connection is carried to remote. */
TAMGA_MUST_USE enum tamga_err tamga_gate_dial(struct tamga_gate **out,
                                              const struct tamga_gate_options *options,
                                              const struct tamga_endpoint *remote,
                                              struct tamga_detail *detail);
/* Where NNG dials. */
uint16_t tamga_gate_inner_port(const struct tamga_gate *gate);
/* serve: who is behind this port of the loopback. False: nobody whom the gate knows.
 * Threads: any. */
bool tamga_gate_member(struct tamga_gate *gate, uint16_t port, struct tamga_tls_identity *out);
/* dial: why the newest attempt failed, TAMGA_OK if it did not (or is not over yet). */
enum tamga_err tamga_gate_why(struct tamga_gate *gate, struct tamga_detail *detail);
/* Connections now: all, and of them those whose member is judged. */
void tamga_gate_count(struct tamga_gate *gate, unsigned *all, unsigned *judged);
/* From now on nobody new is carried: NNG dials again as soon as a connection is ended. */
void tamga_gate_hush(struct tamga_gate *gate);
void tamga_gate_counters(struct tamga_gate *gate, struct tamga_link_counters *out);
/* Connections whose NNG side has ended get a moment to take their last bytes. */
void tamga_gate_close(struct tamga_gate *gate);

#endif
