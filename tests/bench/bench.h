/*
 * What the benchmarks share: a clock, figures with the limit they are held against, a
 * folder to work in, and children that die with us. Knows nothing of Tamga.
 *
 * A limit is measured in the same run, on the same machine: figures of two machines, or of
 * two moments of a shared one, say little; their ratios do. What cannot fail ends the
 * program. Nothing here judges a figure.
 */
#ifndef TAMGA_BENCH_BENCH_H
#define TAMGA_BENCH_BENCH_H

#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"

#define BENCH_CHECK(condition)                                                           \
    ((condition) ? (void)0 : bench_fail(__FILE__, __LINE__, #condition))
void bench_fail(const char *file, int line, const char *what) __attribute__((noreturn));
void bench_must(enum tamga_err err, const char *what);

struct bench {
    double seconds; /* that one measurement takes, about */
    double limit_seconds;
    bool smoke;     /* only show that it works: sizes are as small as can be */
    bool full;      /* minutes and gigabytes, where a group has such a size */
};

double bench_now(void); /* seconds, monotonic */
double bench_core(void); /* processor seconds of the calling thread */

/* A rate: more is better. ratio = value / limit. */
void bench_figure(const char *name, double value, const char *unit, double limit,
                  const char *limit_name);
/* A cost: less is better. ratio = limit / value, so that 1 is the limit here as well. */
void bench_cost(const char *name, double value, const char *unit, double limit,
                const char *limit_name);

/*
 * Steps a second, each counting as `count`, for about the seconds. Of what computes, seconds of
 * the calling thread's processor: what else runs on the machine does not count. Of what waits
 * for a disk, seconds of the clock.
 */
double bench_rate(void (*step)(void *context), void *context, double count, double seconds);
double bench_waiting_rate(void (*step)(void *context), void *context, double count, double seconds);

/* A new folder of this run, under $TMPDIR or /tmp; all are removed at the end. */
void bench_folder(char out[256]);
void bench_write(const char *folder, const char *name, struct tamga_span bytes);
/* A child that ends with us. in: its standard output to read, or NULL: to the file `log`. */
pid_t bench_spawn(const char *const argv[], FILE **in, const char *log);
void bench_stop(pid_t pid);
/* Processor seconds that a process has used. */
double bench_cpu(pid_t pid);
double bench_resident_mib(void);
double bench_resident_of(pid_t pid);

/* ---- the groups ------------------------------------------------------------------ */

void bench_verify(const struct bench *bench);
void bench_ingest(const struct bench *bench);
void bench_block(const struct bench *bench);
void bench_catch_up(const struct bench *bench);
void bench_miner(const struct bench *bench);
void bench_store(const struct bench *bench);
void bench_store_10m(const struct bench *bench);
void bench_cluster(const struct bench *bench);
void bench_finality(const struct bench *bench);
void bench_rpc(const struct bench *bench);
void bench_link(const struct bench *bench);
void bench_content(const struct bench *bench);

/* Other lives of the same program, in a process of their own. Return the exit code. */
int bench_store_probe(const char *store, const char *genesis);
int bench_rpc_server(void);
int bench_link_child(int argc, char **argv);

#endif
