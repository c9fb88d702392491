/*
 * A chain of millions of entries on RocksDB, as a node would have it on its disk.
 *
 * By the engine it would take hours of signing, so its records are written straight through
 * the store, in the layout of docs/STORAGE.md. Each entry has its place, three keys of INDEX
 * as a release has, and one of STATE as a gateway's record has: of both chains what grows
 * more. The state map's rows commit to every STATE value, and the tip's header to their
 * root. Bodies, undo and payloads are left out: nothing that is measured reads them. Blocks
 * appended on top are signed, proposed and connected like any other.
 */
#ifndef TAMGA_BENCH_LONG_CHAIN_H
#define TAMGA_BENCH_LONG_CHAIN_H

#include "network.h"

#define LONG_BLOCK_ENTRIES 1000

struct long_chain {
    const struct bench_network *network;
    char folder[256], path[300];
    struct tamga_store *store;   /* NULL: closed */
    struct tamga_engine *engine;
    uint64_t entries; /* made up */
    uint32_t released; /* really signed */
};

void long_chain_open(struct long_chain *chain);
void long_chain_close(struct long_chain *chain);
/* Up to so many made-up entries, multiples of LONG_BLOCK_ENTRIES; open before and after. */
void long_chain_grow(struct long_chain *chain, uint64_t entries);
/* Until RocksDB has nothing more to move in the background. */
void long_chain_settle(const struct long_chain *chain);

/* The hash that stands for a thing by its number: "entry" (an entry's id), "state" (its
 * STATE key), or a name of nothing that is there. */
void long_chain_name(struct tamga_hash *out, const char *what, uint64_t number);

#endif
