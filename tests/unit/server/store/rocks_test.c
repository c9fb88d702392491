/* The store on disk: the shared suite, and which folders it refuses, and why. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk.h"
#include "store/folder.h"

#define SHARED(name)                                                                     \
    Test(rocks, name, .timeout = 60)                                                     \
    {                                                                                    \
        struct disk disk;                                                                \
                                                                                         \
        disk_init(&disk);                                                                \
        disk_must_open(&disk);                                                           \
        test_store_##name(&disk.test);                                                   \
        disk_clear(&disk);                                                               \
    }
TEST_STORE_SUITE(SHARED)

#define assert_refused(disk, expected, word)                                             \
    do {                                                                                 \
        (disk)->test.store = NULL;                                                       \
        cr_assert_eq(disk_open(disk), expected, "%s", (disk)->detail.text);              \
        cr_assert_null((disk)->test.store);                                              \
        cr_assert_not_null(strstr((disk)->detail.text, word), "%s", (disk)->detail.text);\
    } while (0)

/*
 * Goal:   the mark is there from the first open on, as docs/STORAGE.md draws it.
 * Method: read both META keys of a new database.
 */
Test(rocks, marks_a_new_database)
{
    struct disk disk;
    TAMGA_BUF value = {0};
    static const uint8_t schema[] = {0, 0, 0, 2};

    disk_init(&disk);
    disk_must_open(&disk);
    cr_assert_eq(tamga_view_get(&disk.test.store->reader.view, TAMGA_FAMILY_META,
                                tamga_span_text("chain"), &value),
                 TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_buf_span(&value), tamga_hash_span(&disk.chain.hash)));
    cr_assert_eq(tamga_view_get(&disk.test.store->reader.view, TAMGA_FAMILY_META,
                                tamga_span_text("schema"), &value),
                 TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_buf_span(&value), tamga_span(schema, sizeof schema)));
    disk_clear(&disk);
}

/*
 * Goal:   another chain's database is refused, both ids are named, nothing is changed.
 * Method: flip one bit of the chain id; then open with the right one and look.
 */
Test(rocks, refuses_another_chain)
{
    struct disk disk;

    disk_init(&disk);
    disk_fill(&disk);
    disk.chain.hash.byte[31] ^= 1;
    assert_refused(&disk, TAMGA_E_STORE_FOREIGN, "database is of chain c100");
    cr_assert_not_null(strstr(disk.detail.text, "0001; check genesis"));
    disk.chain.hash.byte[31] ^= 1;
    disk_must_open(&disk);
    cr_assert(test_store_has(&disk.test.store->reader, TAMGA_FAMILY_STATE, "old", "v"));
    disk_clear(&disk);
}

static void mark_schema(struct disk *disk, bool erase, const void *value, size_t len)
{
    struct tamga_write one = {TAMGA_FAMILY_META, erase, tamga_span_text("schema"),
                              tamga_span(value, len)};

    cr_assert_eq(disk->test.store->ops->write(disk->test.store, &one, 1, true), TAMGA_OK);
    disk_close(disk);
}

/*
 * Goal:   a newer, an older, an odd and an absent schema are refused, each in its words.
 * Method: mark one database in each of these ways in turn.
 */
Test(rocks, refuses_other_schemas)
{
    struct disk disk;

    disk_init(&disk);
    disk_must_open(&disk);
    mark_schema(&disk, false, "\0\0\0\3", 4);
    assert_refused(&disk, TAMGA_E_STORE_FOREIGN, "schema 3, this program knows 2; run the newer");
    disk_clear(&disk);
    disk_init(&disk);
    disk_must_open(&disk);
    mark_schema(&disk, false, "\0\0\0\1", 4);
    assert_refused(&disk, TAMGA_E_STORE_FOREIGN, "schema 1, this program knows 2; name an");
    disk_clear(&disk);
    disk_init(&disk);
    disk_must_open(&disk);
    mark_schema(&disk, false, "\0\0\1", 3);
    assert_refused(&disk, TAMGA_E_STORE_FOREIGN, "schema mark has 3 bytes");
    disk_clear(&disk);
    disk_init(&disk);
    disk_must_open(&disk);
    mark_schema(&disk, true, NULL, 0);
    assert_refused(&disk, TAMGA_E_STORE_FOREIGN, "schema mark has 0 bytes");
    disk_clear(&disk);
}

/*
 * Goal:   a database whose marks are gone is not marked anew over its data.
 * Method: erase both marks, keep an entry.
 */
Test(rocks, refuses_data_without_marks)
{
    struct disk disk;

    disk_init(&disk);
    disk_must_open(&disk);
    test_store_put(disk.test.store, TAMGA_FAMILY_STATE, "key", "v");
    for (int i = 0; i < 2; i++) {
        struct tamga_write gone = {.family = TAMGA_FAMILY_META, .erase = true,
                                   .key = tamga_span_text(i == 0 ? "chain" : "schema")};

        cr_assert_eq(disk.test.store->ops->write(disk.test.store, &gone, 1, true), TAMGA_OK);
    }
    disk_close(&disk);
    assert_refused(&disk, TAMGA_E_STORE_FOREIGN, "no chain's mark");
    disk_clear(&disk);
}

static size_t files_in(const char *path)
{
    DIR *folder = opendir(path);
    size_t count = 0;

    cr_assert_not_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/*
 * Goal:   a folder with somebody's files is refused, and nothing is put into it.
 * Method: one file; count the folder's entries before and after.
 */
Test(rocks, refuses_a_folder_with_other_files)
{
    struct disk disk;
    size_t before;

    disk_init(&disk);
    disk_create(&disk, "holiday.jpg", "x");
    before = files_in(disk.path);
    assert_refused(&disk, TAMGA_E_STORE_FOREIGN, "holds holiday.jpg and no database");
    cr_assert_eq(files_in(disk.path), before);
    disk_clear(&disk);
}

/*
 * Goal:   the root of a new ext4 volume serves as a folder.
 * Method: a folder that has only lost+found.
 */
Test(rocks, takes_the_root_of_a_volume)
{
    struct disk disk;
    char path[PATH_MAX + 16];

    disk_init(&disk);
    snprintf(path, sizeof path, "%s/lost+found", disk.path);
    cr_assert_eq(mkdir(path, 0700), 0);
    disk_must_open(&disk);
    disk_clear(&disk);
}

/* A database as another program, or an interrupted creation, leaves it. */
static void other_database(const struct disk *disk, const char *family, bool data)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_writeoptions_t *write = rocksdb_writeoptions_create();
    rocksdb_column_family_handle_t *handle = NULL;
    rocksdb_t *db;
    char *text = NULL;

    rocksdb_options_set_create_if_missing(options, 1);
    db = rocksdb_open(options, disk->path, &text);
    cr_assert_null(text);
    if (family != NULL)
        handle = rocksdb_create_column_family(db, options, family, &text);
    cr_assert_null(text);
    if (data)
        rocksdb_put(db, write, "k", 1, "v", 1, &text);
    cr_assert_null(text);
    if (handle != NULL)
        rocksdb_column_family_handle_destroy(handle);
    rocksdb_close(db);
    rocksdb_writeoptions_destroy(write);
    rocksdb_options_destroy(options);
}

/*
 * Goal:   another program's database is refused before anything is created in it.
 * Method: one with only the default family, one with a family of its own, empty and not.
 */
Test(rocks, refuses_another_programs_database)
{
    struct disk disk;

    disk_init(&disk);
    other_database(&disk, NULL, true);
    assert_refused(&disk, TAMGA_E_STORE_FOREIGN, "without column families");
    assert_refused(&disk, TAMGA_E_STORE_FOREIGN, "without column families");
    disk_clear(&disk);
    disk_init(&disk);
    other_database(&disk, "cats", false);
    assert_refused(&disk, TAMGA_E_STORE_FOREIGN, "has the column family cats");
    disk_clear(&disk);
}

/*
 * Goal:   a creation that was killed halfway is finished by the next start.
 * Method: a database with none and with one of our families and no data; a folder in
 *         which RocksDB came as far as the MANIFEST.
 */
Test(rocks, finishes_an_interrupted_creation)
{
    struct disk disk;

    for (int i = 0; i < 3; i++) {
        disk_init(&disk);
        if (i < 2) {
            other_database(&disk, i == 0 ? NULL : "meta", false);
        } else {
            disk_create(&disk, "LOCK", "");
            disk_create(&disk, "LOG", "");
            disk_create(&disk, "IDENTITY", "half");
            disk_create(&disk, "MANIFEST-000001", "half");
        }
        disk_must_open(&disk);
        test_store_put(disk.test.store, TAMGA_FAMILY_STATE, "k", "v");
        disk.test.reopen(&disk.test);
        cr_assert(test_store_has(&disk.test.store->reader, TAMGA_FAMILY_STATE, "k", "v"));
        disk_clear(&disk);
    }
}

/*
 * Goal:   one folder has one user; the second is told so, and the first is undisturbed.
 * Method: open twice in one process, then from a second process; close; open again.
 */
Test(rocks, refuses_a_second_user)
{
    struct disk disk, second;
    int status = 0;
    pid_t child;

    disk_init(&disk);
    child = fork();
    if (child == 0) { /* only waits for the folder to be taken: RocksDB has threads */
        second = disk;
        while (access("/proc/self", F_OK) == 0) {
            enum tamga_err err = disk_open(&second);

            if (err == TAMGA_E_STORE_IO)
                _exit(strstr(second.detail.text, "another process uses") ? 7 : 8);
            if (err != TAMGA_OK)
                _exit(9);
            disk_close(&second);
        }
    }
    while (disk_open(&disk) != TAMGA_OK) /* the child has it for moments */
        cr_assert_not_null(strstr(disk.detail.text, "another process uses"));
    second = disk;
    assert_refused(&second, TAMGA_E_STORE_IO, "another process uses");
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    test_store_put(disk.test.store, TAMGA_FAMILY_STATE, "k", "v");
    disk.test.reopen(&disk.test);
    cr_assert(test_store_has(&disk.test.store->reader, TAMGA_FAMILY_STATE, "k", "v"));
    disk_clear(&disk);
}

/*
 * Goal:   a path that cannot be a folder is refused with the system's reason.
 * Method: a file's path, a path below a missing folder, one longer than PATH_MAX.
 */
Test(rocks, refuses_an_unusable_path)
{
    struct disk disk;
    char root[PATH_MAX];
    static char longest[PATH_MAX + 2];
    struct tamga_store *store = NULL;

    disk_init(&disk);
    snprintf(root, sizeof root, "%s", disk.path);
    disk_create(&disk, "file", "x");
    snprintf(disk.path, sizeof disk.path, "%.4000s/file", root);
    assert_refused(&disk, TAMGA_E_STORE_IO, "Not a directory");
    snprintf(disk.path, sizeof disk.path, "%.4000s/no/such", root);
    assert_refused(&disk, TAMGA_E_STORE_IO, "No such file");
    memset(longest, 'a', sizeof longest - 1);
    cr_assert_eq(tamga_rocks_open(&store, longest, &disk.chain, &disk.detail),
                 TAMGA_E_STORE_IO);
    cr_assert_not_null(strstr(disk.detail.text, "too long"));
    snprintf(disk.path, sizeof disk.path, "%s", root);
    disk_clear(&disk);
}

/*
 * Goal:   a folder that is not there yet is created, for its owner only.
 * Method: open a path whose parent exists.
 */
Test(rocks, creates_its_folder)
{
    struct disk disk;
    char root[PATH_MAX];
    struct stat info;

    disk_init(&disk);
    snprintf(root, sizeof root, "%s", disk.path);
    snprintf(disk.path, sizeof disk.path, "%.4000s/chain", root);
    disk_must_open(&disk);
    cr_assert_eq(stat(disk.path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0700);
    disk_close(&disk);
    snprintf(disk.path, sizeof disk.path, "%s", root);
    disk_clear(&disk);
}
