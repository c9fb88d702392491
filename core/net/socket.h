/* What every socket of NNG gets before it may carry a byte. */
#ifndef TAMGA_NET_SOCKET_H
#define TAMGA_NET_SOCKET_H

#include <nng/nng.h>
#include <pthread.h>

#include "net/door.h"
#include "net/endpoint.h"

#define TAMGA_SOCKET_TIMEOUT_MS   1000 /* of calls that state none themselves */
#define TAMGA_RECONNECT_MS_MIN    50
#define TAMGA_RECONNECT_MS_MAX    1000

/* Bounds and time limits; also takes the cure of nng_sendmsg.c along. 0 or an nng_err. */
int tamga_socket_limit(nng_socket socket);

/*
 * Listen; `bound` is the address really taken. A connection whose peer takes no bytes
 * for stuck_ms is ended by the kernel, and so is an idle one whose peer is gone.
 *
 * Errors:  USAGE for an address that is none; SYSTEM, detail says why.
 */
TAMGA_MUST_USE enum tamga_err tamga_socket_listen(nng_socket socket,
                                                  struct tamga_endpoint *bound,
                                                  const char *listen, uint32_t stuck_ms,
                                                  struct tamga_detail *detail);

/* Begin to connect, and again whenever the connection is lost. Errors: as listen. */
TAMGA_MUST_USE enum tamga_err tamga_socket_dial(nng_socket socket, const char *addr,
                                                struct tamga_detail *detail);

/*
 * A socket's connections, at most so many, and the one safe way to close it: hang up,
 * wait until they are gone, then close (descriptor.h says why). Must not move.
 */
struct tamga_pipes {
    nng_socket socket;
    pthread_mutex_t lock;
    pthread_cond_t gone;
    nng_pipe *pipe;
    size_t count, count_max;
    bool closing;
    struct tamga_door door; /* who listens has a guard there, if it is one of TLS */
};

/* Before listening or dialing. Takes the socket. Errors: NO_MEMORY, SYSTEM. */
TAMGA_MUST_USE enum tamga_err tamga_pipes_open(struct tamga_pipes *pipes, nng_socket socket,
                                               size_t count_max);
/* Closes the socket. port: where it listens, 0 if it dials. */
void tamga_pipes_close(struct tamga_pipes *pipes, uint16_t port);

#endif
