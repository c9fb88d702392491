/*
 * How RocksDB is set up for a node: bounded memory, bounded files, nothing skipped on
 * recovery. Knows the families' sizes and heat, not their contents.
 */
#ifndef TAMGA_STORE_ROCKS_OPTIONS_H
#define TAMGA_STORE_ROCKS_OPTIONS_H

#include <rocksdb/c.h>

#include "chain/store.h"

/* RocksDB wants its "default" family too; ours come after it, in the enum's order. */
#define TAMGA_ROCKS_FAMILY_COUNT (TAMGA_FAMILY_COUNT + 1)

struct tamga_rocks_options {
    rocksdb_options_t *db;
    rocksdb_options_t *family[TAMGA_ROCKS_FAMILY_COUNT];
};

extern const char *const tamga_rocks_family_name[TAMGA_ROCKS_FAMILY_COUNT];

void tamga_rocks_options_init(struct tamga_rocks_options *options, bool create);
void tamga_rocks_options_clear(struct tamga_rocks_options *options);

#endif
