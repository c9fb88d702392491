/* Puts a gate between a socket of NNG and its peers, if the address says so. */
#include "net/door.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "net/socket.h"

#define INNER "tcp://127.0.0.1:"

static struct tamga_gate_options gate_options(const struct tamga_door_options *options)
{
    const struct tamga_net_link *link = options->link;

    return (struct tamga_gate_options){
        .tls = link->tls,
        .want = link->want,
        .conns_max = options->conns_max,
        .per_address_max = link->per_address_max ? link->per_address_max
                                                 : TAMGA_GATE_PER_ADDRESS,
        .per_address_per_s = link->per_address_per_s ? link->per_address_per_s
                                                     : TAMGA_GATE_PER_ADDRESS_S,
        .shake_ms = link->shake_ms ? link->shake_ms : TAMGA_GATE_SHAKE_MS,
        .idle_ms = TAMGA_GATE_IDLE_MS,
        .stuck_ms = options->stuck_ms,
        .log = options->log,
        .failed = options->failed,
        .context = options->context,
    };
}

static enum tamga_err parse(struct tamga_endpoint *out, const char *addr, bool port_zero,
                            const struct tamga_net_link *link, struct tamga_detail *detail)
{
    return link && link->tls ? tamga_endpoint_parse_link(out, addr, port_zero, detail)
                             : tamga_endpoint_parse(out, addr, port_zero, detail);
}

enum tamga_err tamga_door_listen(struct tamga_door *door, nng_socket socket,
                                 struct tamga_endpoint *bound, const char *listen,
                                 const struct tamga_door_options *options,
                                 struct tamga_detail *detail)
{
    struct tamga_endpoint endpoint, inner;
    struct tamga_gate_options own;
    struct tamga_gate *gate = NULL;
    enum tamga_err err = parse(&endpoint, listen, true, options->link, detail);

    if (err)
        return err;
    atomic_store(&door->guarded, endpoint.tls);
    err = tamga_socket_listen(socket, &inner, endpoint.tls ? INNER "0" : listen,
                              options->stuck_ms, detail);
    if (err)
        return err;
    door->inner_port = inner.port;
    if (!endpoint.tls) {
        *bound = inner;
        return TAMGA_OK;
    }
    own = gate_options(options);
    err = tamga_gate_serve(&gate, bound, &own, &endpoint, inner.port, detail);
    atomic_store(&door->gate, gate);
    return err;
}

enum tamga_err tamga_door_dial(struct tamga_door *door, nng_socket socket, const char *addr,
                               const struct tamga_door_options *options,
                               struct tamga_detail *detail)
{
    struct tamga_endpoint endpoint;
    struct tamga_gate_options own;
    struct tamga_gate *gate = NULL;
    char inner[sizeof INNER "65535"];
    enum tamga_err err = parse(&endpoint, addr, false, options->link, detail);

    if (err)
        return err;
    if (!endpoint.tls)
        return tamga_socket_dial(socket, addr, detail);
    own = gate_options(options);
    if ((err = tamga_gate_dial(&gate, &own, &endpoint, detail)))
        return err;
    atomic_store(&door->gate, gate);
    snprintf(inner, sizeof inner, INNER "%u", tamga_gate_inner_port(gate));
    return tamga_socket_dial(socket, inner, detail);
}

bool tamga_door_admits(struct tamga_door *door, nng_pipe pipe, struct tamga_tls_identity *out)
{
    struct tamga_gate *gate = atomic_load(&door->gate);
    nng_sockaddr address;

    if (!atomic_load(&door->guarded))
        return true;
    return gate && nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address) == 0 &&
           address.s_family == NNG_AF_INET && address.s_in.sa_addr == htonl(INADDR_LOOPBACK) &&
           tamga_gate_member(gate, ntohs(address.s_in.sa_port), out);
}

enum tamga_err tamga_door_why(struct tamga_door *door, struct tamga_detail *detail)
{
    struct tamga_gate *gate = atomic_load(&door->gate);

    return gate ? tamga_gate_why(gate, detail) : TAMGA_OK;
}

void tamga_door_hush(struct tamga_door *door)
{
    struct tamga_gate *gate = atomic_load(&door->gate);

    if (gate)
        tamga_gate_hush(gate);
}

void tamga_door_counters(struct tamga_door *door, struct tamga_link_counters *out)
{
    struct tamga_gate *gate = atomic_load(&door->gate);

    *out = (struct tamga_link_counters){0};
    if (gate)
        tamga_gate_counters(gate, out);
}

void tamga_door_close(struct tamga_door *door)
{
    tamga_gate_close(atomic_exchange(&door->gate, NULL));
}
