/* What nothing here can be faster than: OpenSSL alone, on one core; plain TCP. */
#ifndef TAMGA_BENCH_LIMITS_H
#define TAMGA_BENCH_LIMITS_H

#include "crypto/key.h"

extern const enum tamga_key_type bench_key_type[3];
const char *bench_key_name(enum tamga_key_type type);

/* Signatures verified a second, key and context made ahead. */
double limit_verify(enum tamga_key_type type, double seconds);
/* SHA-256: bytes a second over 1 MiB; single blocks a second from a midstate. */
double limit_sha256_bytes(double seconds);
double limit_sha256_blocks(double seconds);
/* Nodes of a Merkle tree a second: a tag and two hashes. */
double limit_sha256_nodes(double seconds);
/* Exchanges of 256 bytes over plain TCP on loopback a second, one at a time. */
double limit_tcp_calls(double seconds);

#endif
