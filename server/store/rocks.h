/*
 * The store on disk: RocksDB, a column family for each concern, WAL on. Only RocksDB
 * below; knows no keys.
 */
#ifndef TAMGA_STORE_ROCKS_H
#define TAMGA_STORE_ROCKS_H

#include "chain/store.h"

/*
 * Open or create the database of one chain in a folder. A new one is marked with the
 * chain id and the schema version; another mark is refused and nothing is rebuilt.
 *
 * Errors:  STORE_FOREIGN (another chain's, a newer or unknown version's, or a folder
 *          that holds something else), STORE_CORRUPT, STORE_IO (e.g. locked by another
 *          process); the detail says what to do.
 */
TAMGA_MUST_USE enum tamga_err tamga_rocks_open(struct tamga_store **out, const char *folder,
                                               const struct tamga_scope *chain,
                                               struct tamga_detail *detail);

/* RocksDB's own words on the last read or write that failed; empty: none did. Any thread. */
void tamga_rocks_last_failure(struct tamga_store *store, struct tamga_detail *out);

#endif
