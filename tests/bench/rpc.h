/* Calls and exchanges of bytes that several groups measure. What fails ends the program. */
#ifndef TAMGA_BENCH_RPC_H
#define TAMGA_BENCH_RPC_H

#include "net/rpc.h"

#define BENCH_SMALL_BYTES 256
#define BENCH_LARGE_BYTES (1u << 20)
#define BENCH_CHANNELS    4 /* a server takes 64 requests of one connection, not more */

/* A server with a node's bounds, that lives as long as the process. */
struct tamga_rpc_server *bench_rpc_serve(const char *listen, const struct tamga_net_link *link,
                                         unsigned pipes_max);
/* Calls a second, of about BENCH_SMALL_BYTES each way. */
double bench_call_rate(struct tamga_channel *const channel[BENCH_CHANNELS],
                       unsigned outstanding, double seconds);
/* One call with an answer of BENCH_LARGE_BYTES; context is a channel. */
void bench_get_large(void *context);

/* A thread that answers each `in` bytes with `out`, until the other end closes. */
struct bench_echo {
    int fd;
    size_t in, out;
};
void *bench_echo_main(void *echo);
void bench_connect_pair(int fd[2]);
/* One request, one answer at a time in each of `outstanding` places; exchanges a second. */
double bench_exchange_rate(int fd, unsigned outstanding, size_t out, double seconds);
/* The same over plain TCP, with an echo. */
double bench_tcp_rate(unsigned outstanding, size_t out, double seconds);

#endif
