/*
 * A network to measure on: a producer for each type of key with many models, consortium
 * nodes, all of them validators, and releases that are valid in any order. Blocks are found at
 * the second try.
 */
#ifndef TAMGA_BENCH_NETWORK_H
#define TAMGA_BENCH_NETWORK_H

#include "chain/engine.h"
#include "content/cid.h"
#include "rules/rules.h"

#define BENCH_MODELS      1024 /* of each producer */
#define BENCH_IMAGES      64
#define BENCH_IMAGE_BYTES 64
#define BENCH_RELEASES    (BENCH_MODELS * BENCH_IMAGES)
#define BENCH_SPACING_MS  1000
#define BENCH_WAIT_MS     500  /* from the oldest entry to its block */
#define BENCH_NODES       2    /* unless a benchmark wants others */
#define BENCH_NODES_MAX   13

struct bench_image {
    uint8_t bytes[BENCH_IMAGE_BYTES];
    struct tamga_buf block; /* the one leaf that its DAG is */
    struct tamga_cid cid;
    struct tamga_hash sha256;
};

struct bench_network {
    struct tamga_network *network;
    struct tamga_chain chain;
    struct tamga_private_key *producer[4]; /* by enum tamga_key_type */
    struct tamga_private_key *node[BENCH_NODES_MAX];
    size_t nodes;
    struct bench_image image[BENCH_IMAGES];
};

extern const char *const bench_node_name[BENCH_NODES_MAX];

/* Genesis was an hour ago, so that the target stays at its limit. */
void bench_network_open(struct bench_network *network);
void bench_network_open_with(struct bench_network *network, size_t nodes);
void bench_network_close(struct bench_network *network);

/*
 * Release `index` of a producer, signed, an encoded Signed into out (emptied first).
 * Models take turns; the round is counter and image: 1,024 releases share an image.
 */
void bench_release(struct tamga_buf *out, const struct bench_network *network,
                   enum tamga_key_type type, uint32_t index);
/* The same, decoded, and said to be verified. */
void bench_item(struct tamga_item *item, const struct bench_network *network,
                enum tamga_key_type type, uint32_t index);

/* Releases first..first+count-1 into the mempool, and a block of all of them. */
void bench_make_block(struct tamga_block *out, struct tamga_engine *engine,
                      const struct bench_network *network, uint32_t first, uint32_t count);
/* Its parts: the mempool, the proposal, work and seal. */
void bench_fill_mempool(struct tamga_engine *engine, const struct bench_network *network,
                        uint32_t first, uint32_t count);
void bench_propose(struct tamga_block *out, struct tamga_engine *engine,
                   const struct bench_network *network);
void bench_seal(struct tamga_sealed *sealed, const struct bench_network *network);
uint64_t bench_next_ms(const struct tamga_engine *engine);

#endif
