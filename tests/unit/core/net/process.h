/*
 * Server and client processes of the plain test programs. A program of NNG must not
 * fork, so the parent opens no socket: it forks children that do, and kills them.
 */
#ifndef NET_PROCESS_H
#define NET_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* End the program with a sentence unless fine. */
void process_need(bool fine, const char *what);
/* If the program was called with "tls": processes from here on link by certificates of a
 * network of its own, until process_unlink. Returns where a server listens. */
const char *process_link(int argc, char **argv);
void process_unlink(void);
struct tamga_net_link;
/* Certificates of that network for this process; its tls is NULL without "tls". */
const struct tamga_net_link *process_link_open(void);
/* A server on `listen`; its real address is written to addr. */
pid_t process_server(const char *listen, char addr[300]);
/* The same with room for so many connections, also of one address, and so many descriptors
 * (0: as many as this process may have). */
pid_t process_server_of(const char *listen, char addr[300], unsigned pipes_max,
                        unsigned descriptors);
/* So many connections from 127.0.0.1 + source that say nothing; returns once all are open. */
pid_t process_silent_ones(const char *addr, unsigned source, unsigned count);
/* A client with four threads that call without end; returns once a call was answered. */
pid_t process_loaded_client(const char *addr);
/* A client in a loop of calls; every answer adds one to *answers (shared memory), and an
 * error that is not UNREACHABLE, DEADLINE or STOPPING ends it. */
pid_t process_counting_client(const char *addr, volatile uint64_t *answers);
void process_kill(pid_t pid);
bool process_lives(pid_t pid);

#endif
