/* Releases signed ahead and submitted to real nodes, 64 calls outstanding. */
#ifndef TAMGA_BENCH_LOAD_H
#define TAMGA_BENCH_LOAD_H

#include "node.h"
#include "tamga/v1/consortium_service.pb-c.h"

struct bench_load {
    Tamga__V1__Signed **message;
    uint32_t count;
    uint32_t done;  /* acknowledged as durable */
    double seconds; /* that it took */
};

/* Releases 0..count-1 of a producer. */
void bench_load_sign(struct bench_load *load, const struct bench_network *network,
                     enum tamga_key_type type, uint32_t count);
void bench_load_clear(struct bench_load *load);
/* Submit them, to one node after the other, until the seconds are over or all are in. */
void bench_load_run(struct bench_load *load, const struct bench_node *node, size_t nodes,
                    double seconds);
/* One call; its verdict. */
enum tamga_err bench_submit(struct tamga_channel *channel, Tamga__V1__Signed *message);

#endif
