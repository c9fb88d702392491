/* tamga-consortium as a process on loopback, with a folder of its own. */
#ifndef TAMGA_BENCH_NODE_H
#define TAMGA_BENCH_NODE_H

#include <sys/types.h>

#include "net/rpc.h"
#include "network.h"

struct bench_node {
    char folder[256]; /* its data: folder/data/chain, folder/data/content */
    char rpc[64], gossip[64];
    const struct bench_network *network;
    struct tamga_channel *channel;
    pid_t pid;
};

/* Folder, key and configuration, and every image in its content store; peer may be NULL. */
void bench_node_make(struct bench_node *node, const struct bench_network *network, unsigned which,
                     const struct bench_node *peer);
/* All the network's nodes, each other's peers; until all of them answer. */
void bench_nodes_start(struct bench_node *node, const struct bench_network *network);
void bench_nodes_stop(struct bench_node *node, const struct bench_network *network);
/* Processor seconds that all of them have used. */
double bench_nodes_cpu(const struct bench_node *node, const struct bench_network *network);
/* The process; bench_node_wait: until it answers. */
void bench_node_start(struct bench_node *node);
void bench_node_wait(struct bench_node *node);
void bench_node_stop(struct bench_node *node);
/* False: no answer. */
bool bench_node_height(struct bench_node *node, uint64_t *height);

#endif
