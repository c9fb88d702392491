/* Folders for the tests of the store on disk. */
#include "disk.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/folder.h"

static void disk_reopen(struct test_store *test)
{
    struct disk *disk = (struct disk *)test;

    disk_close(disk);
    disk_must_open(disk);
}

void disk_init(struct disk *disk)
{
    const char *root = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";

    memset(disk, 0, sizeof *disk);
    disk->test.reopen = disk_reopen;
    disk->chain.hash.byte[0] = 0xc1;
    snprintf(disk->path, sizeof disk->path, "%s/tamga-store-XXXXXX", root);
    cr_assert_not_null(mkdtemp(disk->path));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

void disk_clear(struct disk *disk)
{
    disk_close(disk);
    nftw(disk->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

enum tamga_err disk_open(struct disk *disk)
{
    disk->detail.text[0] = '\0';
    return tamga_rocks_open(&disk->test.store, disk->path, &disk->chain, &disk->detail);
}

void disk_close(struct disk *disk)
{
    if (disk->test.store != NULL)
        disk->test.store->ops->close(disk->test.store);
    disk->test.store = NULL;
}

void disk_must_open(struct disk *disk)
{
    cr_assert_eq(disk_open(disk), TAMGA_OK, "%s", disk->detail.text);
}

/* Recovery writes what the log held to a table; "new" stays in the log. */
void disk_fill(struct disk *disk)
{
    disk_must_open(disk);
    test_store_put(disk->test.store, TAMGA_FAMILY_STATE, "old", "v");
    disk_reopen(&disk->test);
    test_store_put(disk->test.store, TAMGA_FAMILY_STATE, "middle", "v");
    test_store_put(disk->test.store, TAMGA_FAMILY_STATE, "new", "v");
    disk_close(disk);
}

void disk_find(const struct disk *disk, const char *pattern, char path[PATH_MAX])
{
    DIR *folder = opendir(disk->path);
    const struct dirent *entry;
    char last[256] = "";

    cr_assert_not_null(folder);
    while ((entry = readdir(folder)) != NULL)
        if (fnmatch(pattern, entry->d_name, 0) == 0 && strcmp(entry->d_name, last) > 0)
            snprintf(last, sizeof last, "%s", entry->d_name);
    closedir(folder);
    cr_assert_str_neq(last, "", "no file fits %s", pattern);
    cr_assert_lt(snprintf(path, PATH_MAX, "%s/%s", disk->path, last), PATH_MAX);
}

long disk_size(const char *path)
{
    struct stat info;

    cr_assert_eq(stat(path, &info), 0);
    return (long)info.st_size;
}

void disk_cut(const char *path, long size)
{
    cr_assert_eq(truncate(path, size), 0);
}

void disk_flip(const char *path, long offset, size_t count)
{
    FILE *file = fopen(path, "r+b");

    cr_assert_not_null(file);
    for (size_t i = 0; i < count; i++) {
        int byte;

        cr_assert_eq(fseek(file, offset + (long)i, SEEK_SET), 0);
        byte = fgetc(file);
        cr_assert_neq(byte, EOF);
        cr_assert_eq(fseek(file, offset + (long)i, SEEK_SET), 0);
        cr_assert_neq(fputc(byte ^ 0x55, file), EOF);
    }
    cr_assert_eq(fclose(file), 0);
}

void disk_create(const struct disk *disk, const char *name, const char *content)
{
    char path[PATH_MAX + 256];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", disk->path, name);
    file = fopen(path, "wb");
    cr_assert_not_null(file);
    fputs(content, file);
    cr_assert_eq(fclose(file), 0);
}

void disk_unclean(const struct disk *disk)
{
    char path[PATH_MAX];

    disk_find(disk, TAMGA_FOLDER_NOTE, path);
    cr_assert_eq(unlink(path), 0);
}
