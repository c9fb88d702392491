/*
 * The folder around a database: who holds it, what lies in it, and the closing note, by
 * which files that were cut, changed or removed since the last clean stop are noticed.
 * Knows RocksDB's file names, not RocksDB.
 */
#ifndef TAMGA_STORE_FOLDER_H
#define TAMGA_STORE_FOLDER_H

#include <limits.h>

#include "base/span.h"

#define TAMGA_FOLDER_NOTE "TAMGA-CLOSED"

struct tamga_folder {
    char path[PATH_MAX];
    int fd; /* -1: not open; holds the lock */
};

struct tamga_folder_look {
    bool has_current;      /* CURRENT: a database was completely created */
    bool has_data;         /* a table or a non-empty write-ahead log */
    char strange[64];      /* one file that no database of ours has, or "" */
};

/*
 * Create the folder if it is absent (0700, parent synced) and lock it.
 *
 * Owns:    clear it in any case; that unlocks.
 * Errors:  STORE_IO, also while another process has it.
 */
TAMGA_MUST_USE enum tamga_err tamga_folder_open(struct tamga_folder *folder,
                                                const char *path,
                                                struct tamga_detail *detail);
void tamga_folder_clear(struct tamga_folder *folder);

TAMGA_MUST_USE enum tamga_err tamga_folder_look(const struct tamga_folder *folder,
                                                struct tamga_folder_look *look,
                                                struct tamga_detail *detail);

/* STORE_CORRUPT if there is a note and the files are not what it says. */
TAMGA_MUST_USE enum tamga_err tamga_folder_note_check(const struct tamga_folder *folder,
                                                      struct tamga_detail *detail);
/* Durably remove the note; call before the first change. */
TAMGA_MUST_USE enum tamga_err tamga_folder_note_drop(const struct tamga_folder *folder,
                                                     struct tamga_detail *detail);
/* Write it after the last change, if possible: without a note less is checked, no more. */
void tamga_folder_note_write(const struct tamga_folder *folder);

#endif
