/* What the three files of the group "link" share. */
#ifndef TAMGA_BENCH_LINK_H
#define TAMGA_BENCH_LINK_H

#include <openssl/ssl.h>

#include "bench.h"
#include "unit/core/net/authority.h"

#define LINK_MEMBER "member"

/* link_peers.c: members in processes of their own, which speak OpenSSL by themselves. Both
 * return when it has told how many: connections that are open, or handshakes that it made. */
unsigned link_peers_hold(pid_t *pid, const char *folder, unsigned port, unsigned count);
unsigned link_peers_shake(const char *folder, unsigned port, double seconds);

/* link.c: the server that all of them meet. Returns the exit code. */
int link_server_main(const char *folder);

/* link_limits.c: OpenSSL alone, with the same kind of certificates. */
double link_limit_large(const struct authority *authority, double seconds); /* MiB/s */
double link_limit_shakes(const struct authority *authority, double seconds); /* a server's */
double link_limit_memory(const struct authority *authority, unsigned count); /* KiB an end */

#endif
