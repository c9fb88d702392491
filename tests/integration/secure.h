/*
 * One consortium node, node-a, with TLS, and members with certificates to call it: gw-1, a
 * gateway; acme, an OEM. What fails ends the program, as in cluster.h.
 */
#ifndef TAMGA_TEST_SECURE_H
#define TAMGA_TEST_SECURE_H

#include "cluster.h"
#include "unit/core/net/authority.h"

struct secure {
    struct cluster cluster;
    struct cluster_process *node;
    struct authority authority;
    struct tamga_net_link link; /* the caller's */
};

/* Runs, with a certificate of so many days, and is called as gw-1. */
void secure_open(struct secure *secure, unsigned node_days);
/* From here on the node is called by this member. */
void secure_call_as(struct secure *secure, const char *member);
/* Another certificate in the node's file, which it reads on SIGHUP. */
void secure_renew(struct secure *secure, unsigned node_days);
void secure_close(struct secure *secure);

#endif
