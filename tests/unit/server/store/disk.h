/* A folder of its own for each test, and ways to damage what lies in it. */
#ifndef TAMGA_TEST_STORE_DISK_H
#define TAMGA_TEST_STORE_DISK_H

#include <limits.h>

#include "store/rocks.h"
#include "store_suite.h"

struct disk {
    struct test_store test; /* first: reopen casts back */
    struct tamga_scope chain;
    struct tamga_detail detail;
    char path[PATH_MAX];
};

/* A new folder under $TMPDIR or /tmp, not opened; and its removal with all in it. */
void disk_init(struct disk *disk);
void disk_clear(struct disk *disk);

enum tamga_err disk_open(struct disk *disk);
void disk_close(struct disk *disk);
/* Open or end the test. */
void disk_must_open(struct disk *disk);
/* Open with two tables, a write-ahead log with entries, and close: "old", "new" = "v". */
void disk_fill(struct disk *disk);

/* Of the files whose names fit the pattern, the last by name, as a path. */
void disk_find(const struct disk *disk, const char *pattern, char path[PATH_MAX]);
long disk_size(const char *path);
void disk_cut(const char *path, long size);
void disk_flip(const char *path, long offset, size_t count);
void disk_create(const struct disk *disk, const char *name, const char *content);
/* Forget that the last stop was clean, as a kill does. */
void disk_unclean(const struct disk *disk);

#endif
