/* What rocks.c (operations) and rocks_open.c (judging a folder) share; nobody else's. */
#ifndef TAMGA_STORE_ROCKS_PRIVATE_H
#define TAMGA_STORE_ROCKS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/folder.h"
#include "store/rocks.h"
#include "store/rocks_options.h"

struct rocks {
    struct tamga_store store; /* first: the ops cast back */
    rocksdb_t *db;
    rocksdb_column_family_handle_t *handle[TAMGA_ROCKS_FAMILY_COUNT];
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write_synced;
    rocksdb_writeoptions_t *write_unsynced;
    struct tamga_folder folder;
    atomic_size_t snapshot_count;
    pthread_mutex_t lock; /* over what follows */
    struct tamga_detail last;
};

/* STORE_CORRUPT or STORE_IO, by RocksDB's message. */
enum tamga_err tamga_rocks_err(const char *text);
/* Everything but the database, its handles and the folder. */
void tamga_rocks_init(struct rocks *rocks);

#endif
