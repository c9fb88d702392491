/*
 * The lock, the look and the closing note of a database's folder. Must never change a
 * file of RocksDB's.
 */
#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"

#define NOTE_TEMPORARY TAMGA_FOLDER_NOTE ".new"
#define NOTE_BYTES_MAX (16u << 20) /* some 150,000 files; more than max_open_files ever sees */
#define READ_BYTES 65536

static bool name_is(const char *name, const char *pattern)
{
    return fnmatch(pattern, name, 0) == 0;
}

static bool is_table(const char *name)
{
    return name_is(name, "[0-9]*.sst");
}

static bool is_wal(const char *name)
{
    return name_is(name, "[0-9]*.log");
}

/* RocksDB's other files, ours, and what every ext4 mount has at its root. */
static bool is_known(const char *name)
{
    static const char *const pattern[] = {
        "CURRENT", "LOCK", "IDENTITY", "LOG", "LOG.old*", "MANIFEST-*", "OPTIONS-*",
        "*.dbtmp", TAMGA_FOLDER_NOTE "*", "lost+found",
    };

    for (size_t i = 0; i < sizeof pattern / sizeof pattern[0]; i++)
        if (name_is(name, pattern[i]))
            return true;
    return is_table(name) || is_wal(name);
}

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void file_close(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

/* A new folder's name is lost with the power unless its parent is synced. */
static enum tamga_err parent_sync(const char *path, struct tamga_detail *detail)
{
    char copy[PATH_MAX];
    TAMGA_CLEANUP(fd_close) int fd = -1;

    snprintf(copy, sizeof copy, "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return tamga_refuse(detail, TAMGA_E_STORE_IO, "%s cannot sync the folder above %s",
                            strerror(errno), path);
    return TAMGA_OK;
}

enum tamga_err tamga_folder_open(struct tamga_folder *folder, const char *path,
                                 struct tamga_detail *detail)
{
    folder->fd = -1;
    if ((size_t)snprintf(folder->path, sizeof folder->path, "%s", path) >=
        sizeof folder->path)
        return tamga_refuse(detail, TAMGA_E_STORE_IO, "path of the data folder is too long");
    if (mkdir(path, 0700) == 0) {
        enum tamga_err err = parent_sync(path, detail);

        if (err != TAMGA_OK)
            return err;
    } else if (errno != EEXIST) {
        return tamga_refuse(detail, TAMGA_E_STORE_IO, "cannot create %.120s: %s", path,
                            strerror(errno));
    }
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0)
        return tamga_refuse(detail, TAMGA_E_STORE_IO, "cannot open folder %.120s: %s", path,
                            strerror(errno));
    if (flock(folder->fd, LOCK_EX | LOCK_NB) == 0)
        return TAMGA_OK;
    if (errno == EWOULDBLOCK)
        return tamga_refuse(detail, TAMGA_E_STORE_IO,
                            "another process uses %.120s; stop it, or give this one a "
                            "folder of its own", path);
    return tamga_refuse(detail, TAMGA_E_STORE_IO, "cannot lock %.120s: %s", path,
                        strerror(errno));
}

void tamga_folder_clear(struct tamga_folder *folder)
{
    fd_close(&folder->fd);
    folder->fd = -1;
}

struct listing {
    struct dirent **entry;
    int count;
};

static void listing_clear(struct listing *listing)
{
    for (int i = 0; i < listing->count; i++)
        free(listing->entry[i]);
    free(listing->entry);
}

/* By bytes: alphasort follows the locale, and the note must not. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static enum tamga_err listing_read(const struct tamga_folder *folder,
                                   struct listing *listing)
{
    listing->count = scandirat(folder->fd, ".", &listing->entry, not_dots, by_name);
    if (listing->count >= 0)
        return TAMGA_OK;
    *listing = (struct listing){0};
    return TAMGA_E_STORE_IO;
}

static bool has_bytes(const struct tamga_folder *folder, const char *name)
{
    struct stat info;

    return fstatat(folder->fd, name, &info, 0) == 0 && info.st_size > 0;
}

enum tamga_err tamga_folder_look(const struct tamga_folder *folder,
                                 struct tamga_folder_look *look,
                                 struct tamga_detail *detail)
{
    TAMGA_CLEANUP(listing_clear) struct listing listing = {0};

    if (listing_read(folder, &listing) != TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_STORE_IO, "cannot list %.120s: %s", folder->path,
                            strerror(errno));
    *look = (struct tamga_folder_look){0};
    for (int i = 0; i < listing.count; i++) {
        const char *name = listing.entry[i]->d_name;

        if (strcmp(name, "CURRENT") == 0)
            look->has_current = true;
        if (is_table(name) || (is_wal(name) && has_bytes(folder, name)))
            look->has_data = true;
        if (!is_known(name) && look->strange[0] == '\0')
            snprintf(look->strange, sizeof look->strange, "%.63s", name);
    }
    return TAMGA_OK;
}

static enum tamga_err file_hash(const struct tamga_folder *folder, const char *name,
                                struct tamga_hash *out)
{
    TAMGA_CLEANUP(fd_close) int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC);
    struct tamga_sha256_stream *stream = NULL;
    uint8_t chunk[READ_BYTES];
    ssize_t got;

    if (fd < 0 || tamga_sha256_stream_new(&stream) != TAMGA_OK)
        return TAMGA_E_STORE_IO;
    while ((got = read(fd, chunk, sizeof chunk)) > 0)
        tamga_sha256_stream_add(stream, tamga_span(chunk, (size_t)got));
    tamga_sha256_stream_peek(stream, out);
    tamga_sha256_stream_free(stream);
    return got == 0 ? TAMGA_OK : TAMGA_E_STORE_IO;
}

/*
 * "name size sha256". Tables by size alone: their blocks have checksums that every read
 * checks, and start-up must not grow with the chain. The rest is bounded and hashed.
 */
static enum tamga_err note_line(const struct tamga_folder *folder, const char *name,
                                struct tamga_buf *note)
{
    char hex[TAMGA_HEX_CHARS] = "-";
    char line[NAME_MAX + TAMGA_HEX_CHARS + 32];
    struct tamga_hash hash;
    struct stat info;

    if (fstatat(folder->fd, name, &info, 0) != 0)
        return TAMGA_E_STORE_IO;
    if (!is_table(name)) {
        if (file_hash(folder, name, &hash) != TAMGA_OK)
            return TAMGA_E_STORE_IO;
        tamga_to_hex(hex, hash.byte, sizeof hash.byte);
    }
    snprintf(line, sizeof line, "%s %lld %s\n", name, (long long)info.st_size, hex);
    return tamga_buf_add(note, tamga_span_text(line));
}

/* What a note of this moment would say. */
static enum tamga_err note_make(const struct tamga_folder *folder, struct tamga_buf *note)
{
    TAMGA_CLEANUP(listing_clear) struct listing listing = {0};
    enum tamga_err err = listing_read(folder, &listing);

    if (err == TAMGA_OK)
        err = tamga_buf_add(note, tamga_span_text("tamga store, closed, 1\n"));
    for (int i = 0; i < listing.count && err == TAMGA_OK; i++) {
        const char *name = listing.entry[i]->d_name;

        if (is_table(name) || is_wal(name) || strcmp(name, "CURRENT") == 0 ||
            name_is(name, "MANIFEST-*"))
            err = note_line(folder, name, note);
    }
    return err;
}

static enum tamga_err note_read(const struct tamga_folder *folder, struct tamga_buf *note)
{
    TAMGA_CLEANUP(fd_close) int fd = openat(folder->fd, TAMGA_FOLDER_NOTE,
                                            O_RDONLY | O_CLOEXEC);
    uint8_t chunk[4096];
    ssize_t got;
    enum tamga_err err = TAMGA_OK;

    if (fd < 0)
        return errno == ENOENT ? TAMGA_E_NOT_FOUND : TAMGA_E_STORE_IO;
    while (err == TAMGA_OK && (got = read(fd, chunk, sizeof chunk)) != 0) {
        if (got < 0 || note->len + (size_t)got > NOTE_BYTES_MAX)
            return TAMGA_E_STORE_IO;
        err = tamga_buf_add(note, tamga_span(chunk, (size_t)got));
    }
    return err;
}

/* The name on the first line in which two notes differ. */
static void note_difference(char name[64], const struct tamga_buf *said,
                            const struct tamga_buf *found)
{
    const struct tamga_buf *longer = said->len >= found->len ? said : found;
    size_t common = said->len < found->len ? said->len : found->len;
    size_t line = 0, len = 0;

    for (size_t i = 0; i < common && said->data[i] == found->data[i]; i++)
        if (said->data[i] == '\n')
            line = i + 1;
    while (line + len < longer->len && len < 63 && longer->data[line + len] > ' ') {
        name[len] = (char)longer->data[line + len];
        len++;
    }
    name[len] = '\0';
}

enum tamga_err tamga_folder_note_check(const struct tamga_folder *folder,
                                       struct tamga_detail *detail)
{
    TAMGA_BUF said = {0};
    TAMGA_BUF found = {0};
    char name[64];
    enum tamga_err err = note_read(folder, &said);

    if (err == TAMGA_E_NOT_FOUND)
        return TAMGA_OK;
    if (err == TAMGA_OK)
        err = note_make(folder, &found);
    if (err != TAMGA_OK)
        return tamga_refuse(detail, err, "cannot read " TAMGA_FOLDER_NOTE
                            " or a file it lists in %.120s", folder->path);
    if (tamga_span_equal(tamga_buf_span(&said), tamga_buf_span(&found)))
        return TAMGA_OK;
    note_difference(name, &said, &found);
    return tamga_refuse(detail, TAMGA_E_STORE_CORRUPT,
                        "%s was changed, cut, added or removed since the last clean stop; "
                        "restore %.80s from a backup, or sync anew into an empty folder",
                        name, folder->path);
}

enum tamga_err tamga_folder_note_drop(const struct tamga_folder *folder,
                                      struct tamga_detail *detail)
{
    if (unlinkat(folder->fd, TAMGA_FOLDER_NOTE, 0) != 0)
        return errno == ENOENT ? TAMGA_OK
                               : tamga_refuse(detail, TAMGA_E_STORE_IO,
                                              "cannot write to %.120s: %s", folder->path,
                                              strerror(errno));
    /* A note that comes back after a power loss would refuse a good database. */
    if (fsync(folder->fd) != 0)
        return tamga_refuse(detail, TAMGA_E_STORE_IO, "cannot sync %.120s: %s",
                            folder->path, strerror(errno));
    return TAMGA_OK;
}

static enum tamga_err temporary_write(const struct tamga_folder *folder,
                                      struct tamga_span note)
{
    int fd = openat(folder->fd, NOTE_TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0600);
    TAMGA_CLEANUP(file_close) FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

    if (file == NULL)
        return TAMGA_E_STORE_IO;
    if (fwrite(note.data, 1, note.len, file) != note.len || fflush(file) != 0 ||
        fsync(fd) != 0)
        return TAMGA_E_STORE_IO;
    return TAMGA_OK;
}

void tamga_folder_note_write(const struct tamga_folder *folder)
{
    TAMGA_BUF note = {0};

    if (note_make(folder, &note) != TAMGA_OK ||
        temporary_write(folder, tamga_buf_span(&note)) != TAMGA_OK) {
        unlinkat(folder->fd, NOTE_TEMPORARY, 0);
        return;
    }
    if (renameat(folder->fd, NOTE_TEMPORARY, folder->fd, TAMGA_FOLDER_NOTE) == 0)
        fsync(folder->fd);
}
