/* Three members of etcd on loopback, and how many synced writes a second they take. */
#ifndef TAMGA_BENCH_ETCD_H
#define TAMGA_BENCH_ETCD_H

#include <stdbool.h>

/* Is there an etcd to measure? Debian: apt-get install etcd-server. */
bool bench_etcd_present(void);
/*
 * Writes of 1 KB a second, each to a key of its own, the clients' connections over all
 * members; of several numbers of outstanding writes the best. cpu: processor seconds of the
 * three members a write, then.
 */
double bench_etcd_rate(double seconds, double *cpu);

#endif
