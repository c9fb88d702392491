/* Damaged files: noticed, named, never repaired in silence, never a crash. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "disk.h"

#define assert_corrupt(disk)                                                             \
    do {                                                                                 \
        cr_assert_eq(disk_open(disk), TAMGA_E_STORE_CORRUPT, "%s", (disk)->detail.text); \
        cr_assert_not_null(strstr((disk)->detail.text, "restore"), "%s",                 \
                           (disk)->detail.text);                                         \
    } while (0)

static bool never(void *context, struct tamga_span key, struct tamga_span value)
{
    (void)context;
    (void)key;
    (void)value;
    cr_assert_fail("an entry of a damaged block");
    return false;
}

static const char *const kind[] = {"MANIFEST-*", "*.log", "*.sst", "CURRENT"};
#define KIND_COUNT (sizeof kind / sizeof kind[0])

/*
 * Goal:   after a clean stop, a file that was cut or removed is noticed, and stays so.
 * Method: each kind of file: its last byte, its half, all of it, the file itself; every
 *         time two opens.
 */
Test(rocks_damage, a_cut_file_is_refused, .timeout = 60)
{
    struct disk disk;
    char path[PATH_MAX];

    for (size_t i = 0; i < KIND_COUNT; i++) {
        for (int how = 0; how < 4; how++) {
            disk_init(&disk);
            disk_fill(&disk);
            disk_find(&disk, kind[i], path);
            if (how == 3)
                cr_assert_eq(unlink(path), 0);
            else
                disk_cut(path, how == 0 ? disk_size(path) - 1
                                        : how == 1 ? disk_size(path) / 2 : 0);
            assert_corrupt(&disk);
            assert_corrupt(&disk);
            disk_clear(&disk);
        }
    }
}

/*
 * Goal:   after a clean stop, no single changed byte of MANIFEST, log or CURRENT passes.
 * Method: flip a byte at every 7th offset and at the last, open, flip it back; at last
 *         the database opens with all its entries.
 */
Test(rocks_damage, a_changed_byte_is_refused, .timeout = 100)
{
    struct disk disk;
    char path[PATH_MAX];

    disk_init(&disk);
    disk_fill(&disk);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        long size;

        if (strcmp(kind[i], "*.sst") == 0)
            continue; /* checked block by block as they are read */
        disk_find(&disk, kind[i], path);
        size = disk_size(path);
        cr_assert_gt(size, 0);
        for (long at = size - 1; at >= 0; at -= 7) {
            disk_flip(path, at, 1);
            assert_corrupt(&disk);
            disk_flip(path, at, 1);
        }
    }
    disk_must_open(&disk);
    cr_assert(test_store_has(&disk.test.store->reader, TAMGA_FAMILY_STATE, "old", "v"));
    cr_assert(test_store_has(&disk.test.store->reader, TAMGA_FAMILY_STATE, "new", "v"));
    disk_clear(&disk);
}

/*
 * Goal:   after a kill, when there is no note, RocksDB's own checks refuse too.
 * Method: without the note: a cut and a missing table, a missing and a cut MANIFEST, a
 *         CURRENT with garbage, a changed byte in the middle of MANIFEST and of the log.
 */
Test(rocks_damage, is_refused_without_the_note, .timeout = 60)
{
    static const struct {
        const char *kind;
        int how; /* 0: half, 1: removed, 2: a byte in the middle, 3: the first 16 bytes */
    } damage[] = {{"*.sst", 0},      {"*.sst", 1},      {"MANIFEST-*", 0},
                  {"MANIFEST-*", 1}, {"MANIFEST-*", 2}, {"CURRENT", 3},
                  {"CURRENT", 1},    {"CURRENT", 0},    {"*.log", 2}};
    struct disk disk;
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        disk_init(&disk);
        disk_fill(&disk);
        disk_unclean(&disk);
        disk_find(&disk, damage[i].kind, path);
        switch (damage[i].how) {
        case 0: disk_cut(path, disk_size(path) / 2); break;
        case 1: cr_assert_eq(unlink(path), 0); break;
        case 2: disk_flip(path, disk_size(path) / 2, 1); break;
        default: disk_flip(path, 0, 16); break;
        }
        assert_corrupt(&disk);
        assert_corrupt(&disk);
        disk_clear(&disk);
    }
}

/* Is this byte in the length field of a record? Each begins with a checksum (4 bytes), its
 * length (2, little-endian) and its type (1); files of a test are shorter than a block. */
static bool is_length(const char *path, long offset)
{
    FILE *file = fopen(path, "rb");
    uint8_t head[7];
    bool length = false;
    long at = 0;

    cr_assert_not_null(file);
    while (at <= offset && fseek(file, at, SEEK_SET) == 0 &&
           fread(head, 1, sizeof head, file) == sizeof head) {
        length = offset == at + 4 || offset == at + 5;
        at += (long)sizeof head + head[4] + 256 * head[5];
    }
    fclose(file);
    return length;
}

/*
 * Goal:   no changed byte crashes the recovery after a kill, nor loses what is in tables,
 *         except a length in MANIFEST.
 * Method: without the note, flip every 13th byte of MANIFEST and of the log. A changed
 *         length in the last block looks like a torn end, which RocksDB takes: in the log the
 *         older entry is there then; in MANIFEST the table that holds it may not be, as
 *         docs/STORAGE.md says. Most changes are refused.
 */
Test(rocks_damage, no_changed_byte_crashes_recovery, .timeout = 100)
{
    struct disk disk;
    char path[PATH_MAX];
    size_t opened = 0, refused = 0;

    for (size_t i = 0; i < 2; i++) {
        for (long at = 4, size = LONG_MAX; at < size; at += 13) {
            enum tamga_err err;
            bool length;

            disk_init(&disk);
            disk_fill(&disk);
            disk_unclean(&disk);
            disk_find(&disk, kind[i], path);
            size = disk_size(path);
            length = is_length(path, at % size);
            disk_flip(path, at % size, 1);
            err = disk_open(&disk);
            cr_assert(err == TAMGA_OK || err == TAMGA_E_STORE_CORRUPT, "%s",
                      disk.detail.text);
            if (err == TAMGA_OK && !(i == 0 && length))
                cr_assert(test_store_has(&disk.test.store->reader, TAMGA_FAMILY_STATE, "old",
                                         "v"));
            *(err == TAMGA_OK ? &opened : &refused) += 1;
            disk_clear(&disk);
        }
    }
    cr_assert_gt(refused, 5 * opened);
}

/*
 * Goal:   a table whose bytes were changed is told by the reads of them, in a get and in
 *         a scan, also through a snapshot, and the reason is kept for a person.
 * Method: flip 8 bytes at the table's start, where its first block of entries is.
 */
Test(rocks_damage, a_changed_table_is_told_by_its_reads)
{
    struct disk disk;
    char path[PATH_MAX];
    TAMGA_BUF value = {0};
    struct tamga_detail last;
    struct tamga_reader *snapshot = NULL;

    disk_init(&disk);
    disk_fill(&disk);
    disk_find(&disk, "*.sst", path);
    disk_flip(path, 4, 8);
    disk_must_open(&disk);
    cr_assert_eq(disk.test.store->ops->snapshot(disk.test.store, &snapshot), TAMGA_OK);
    tamga_rocks_last_failure(disk.test.store, &last);
    cr_assert_str_eq(last.text, "");
    cr_assert_eq(tamga_buf_set(&value, tamga_span_text("before")), TAMGA_OK);
    for (int i = 0; i < 2; i++) {
        const struct tamga_reader *reader = i == 0 ? &disk.test.store->reader : snapshot;

        cr_assert_eq(tamga_view_get(&reader->view, TAMGA_FAMILY_STATE,
                                    tamga_span_text("old"), &value),
                     TAMGA_E_STORE_CORRUPT);
        cr_assert_eq(reader->ops->scan(reader, TAMGA_FAMILY_STATE, (struct tamga_span){0},
                                       (struct tamga_span){0}, never, NULL),
                     TAMGA_E_STORE_CORRUPT);
    }
    cr_assert(tamga_span_equal(tamga_buf_span(&value), tamga_span_text("before")));
    tamga_rocks_last_failure(disk.test.store, &last);
    cr_assert_not_null(strstr(last.text, "checksum mismatch"), "%s", last.text);
    snapshot->ops->release(snapshot);
    disk_clear(&disk);
}

/*
 * Goal:   a write that the disk refuses is STORE_IO, whole batches are there or are not,
 *         and the database opens again once there is room.
 * Method: limit the size of files, write until it fails, lift the limit, reopen, count.
 */
Test(rocks_damage, a_full_disk_is_an_error_and_loses_nothing, .timeout = 60)
{
    struct disk disk;
    struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
    static uint8_t big[65536];
    struct tamga_write batch[2];
    enum tamga_err err = TAMGA_OK;
    uint8_t key = 0;

    signal(SIGXFSZ, SIG_IGN);
    disk_init(&disk);
    disk_must_open(&disk);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (; key < 100 && err == TAMGA_OK; key++) {
        batch[0] = (struct tamga_write){TAMGA_FAMILY_BODY, false, tamga_span(&key, 1),
                                        tamga_span(big, sizeof big)};
        batch[1] = (struct tamga_write){TAMGA_FAMILY_HEIGHT, false, tamga_span(&key, 1),
                                        tamga_span(&key, 1)};
        err = disk.test.store->ops->write(disk.test.store, batch, 2, true);
    }
    cr_assert_eq(err, TAMGA_E_STORE_IO);
    cr_assert_gt(key, 5);
    limit.rlim_cur = RLIM_INFINITY;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    disk_close(&disk);
    disk_must_open(&disk);
    for (uint8_t i = 0; i < key; i++) {
        const struct tamga_view *view = &disk.test.store->reader.view;
        TAMGA_BUF value = {0};
        enum tamga_err body = tamga_view_get(view, TAMGA_FAMILY_BODY, tamga_span(&i, 1),
                                             &value);

        cr_assert_eq(tamga_view_get(view, TAMGA_FAMILY_HEIGHT, tamga_span(&i, 1), &value),
                     body);
        cr_assert(body == TAMGA_OK || i == key - 1);
    }
    disk_clear(&disk);
}
