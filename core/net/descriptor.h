/*
 * The descriptors behind NNG's pipes and listeners, which NNG 1.5 does not tell: to set
 * what it cannot set, and to end a connection in the one way that it survives.
 */
#ifndef TAMGA_NET_DESCRIPTOR_H
#define TAMGA_NET_DESCRIPTOR_H

#include <nng/nng.h>

#include "base/span.h"

/* How long a close waits for connections to end by themselves. */
#define TAMGA_HANG_UP_MS 5000

/*
 * End a connection from its receiving side; its pipe goes a moment later.
 *
 * Not nng_pipe_close: while a message arrives, a local close makes NNG 1.5 wait for ever
 * for a receive that it has dropped (nanomsg/nng#1636), and with it every later close in
 * the process. A connection that the kernel has shut down ends like one that the peer
 * closed, which is fine. For the same reason close a socket only when its connections
 * are hung up and gone.
 */
void tamga_hang_up(nng_pipe pipe);
/* The same for all connections that were accepted on this port. */
void tamga_hang_up_port(uint16_t port);

/* Whether the other end of this connection over the loopback is in this process, too.
 * False without /proc. */
bool tamga_is_own_connection(int fd);

/* Let the kernel end connections accepted on this port whose peer takes no bytes for
 * stuck_ms, and idle ones whose peer is gone. Without /proc the limits are missing. */
void tamga_listener_limit(uint16_t port, uint32_t stuck_ms);

#endif
