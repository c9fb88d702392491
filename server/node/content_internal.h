/* What content.c and content_sync.c share. */
#ifndef TAMGA_NODE_CONTENT_INTERNAL_H
#define TAMGA_NODE_CONTENT_INTERNAL_H

#include <pthread.h>
#include <stdio.h>

#include "node/content.h"

struct tamga_content {
    char folder[4096];
    struct tamga_block_store *store;
    struct tamga_channel *upstream[TAMGA_PEERS_MAX];
    size_t upstream_count;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    size_t next_upstream;
    bool replicating, stopping;
    pthread_t thread;
    const struct tamga_chain *chain;
    struct tamga_store *chain_store;
    uint64_t tip_height;  /* of the chain */
    uint64_t next_height; /* first block whose images were not looked at */
};

#endif
