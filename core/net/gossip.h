/*
 * PUB/SUB with bounds. PUB drops for slow readers, so a message is a hint: the caller
 * numbers messages and pulls what is missing.
 */
#ifndef TAMGA_NET_GOSSIP_H
#define TAMGA_NET_GOSSIP_H

#include "net/link.h"

struct tamga_publisher;
/* Errors: USAGE, SYSTEM. Port 0 takes a free one. */
TAMGA_MUST_USE enum tamga_err tamga_publisher_open(struct tamga_publisher **out,
                                                   const char *listen,
                                                   struct tamga_detail *detail);
/* The same, also for tls+tcp:// if there is a link: only members hear. */
TAMGA_MUST_USE enum tamga_err tamga_publisher_open_link(struct tamga_publisher **out,
                                                        const char *listen,
                                                        const struct tamga_net_link *link,
                                                        struct tamga_detail *detail);
const char *tamga_publisher_addr(const struct tamga_publisher *publisher);
/* Never blocks. Errors: TOO_LARGE, SYSTEM. Any thread. */
TAMGA_MUST_USE enum tamga_err tamga_publisher_send(struct tamga_publisher *publisher,
                                                   struct tamga_span message);
void tamga_publisher_close(struct tamga_publisher *publisher);

/*
 * One subscription to several publishers, with a thread of its own that calls receive
 * for each message; bytes are borrowed for the call. Reconnects by itself.
 */
struct tamga_subscriber;
typedef void (*tamga_receive)(void *context, struct tamga_span untrusted);
TAMGA_MUST_USE enum tamga_err tamga_subscriber_open(struct tamga_subscriber **out,
                                                    const char *const *addr, size_t addr_count,
                                                    tamga_receive receive, void *context,
                                                    struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err
tamga_subscriber_open_link(struct tamga_subscriber **out, const char *const *addr,
                           size_t addr_count, const struct tamga_net_link *link,
                           tamga_receive receive, void *context, struct tamga_detail *detail);
/* Returns after the last call of receive has returned. */
void tamga_subscriber_close(struct tamga_subscriber *subscriber);

#endif
