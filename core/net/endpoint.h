/*
 * Addresses as people write them: tcp://host:port, or tls+tcp://host:port, which is TLS 1.3
 * between members (gate.h). Host is a name, an IPv4 address or an IPv6 address in brackets.
 * Nothing is looked up here.
 */
#ifndef TAMGA_NET_ENDPOINT_H
#define TAMGA_NET_ENDPOINT_H

#include "base/span.h"

#define TAMGA_ENDPOINT_HOST_MAX 255
#define TAMGA_ENDPOINT_TEXT_MAX (TAMGA_ENDPOINT_HOST_MAX + sizeof "tls+tcp://:65535")

struct tamga_endpoint {
    char host[TAMGA_ENDPOINT_HOST_MAX + 1]; /* with its brackets if IPv6 */
    uint16_t port;
    bool tls;
};

/* port_zero: whether port 0 is fine (to listen on a free one). Takes tcp:// only, for who
 * has no certificate. Errors: USAGE. */
TAMGA_MUST_USE enum tamga_err tamga_endpoint_parse(struct tamga_endpoint *out,
                                                   const char *text, bool port_zero,
                                                   struct tamga_detail *detail);
/* Both schemes. */
TAMGA_MUST_USE enum tamga_err tamga_endpoint_parse_link(struct tamga_endpoint *out,
                                                        const char *text, bool port_zero,
                                                        struct tamga_detail *detail);
void tamga_endpoint_format(char text[TAMGA_ENDPOINT_TEXT_MAX],
                           const struct tamga_endpoint *endpoint);

#endif
