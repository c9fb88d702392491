/*
 * The embedded content store: one file a block.
 *
 *   FOLDER/AA/<64 hex digits of the digest>-<codec in hex>     AA: the first two digits
 *   FOLDER/AA/tmp-<number>                                     being written
 *
 * A block is written beside, synced, renamed, and its folder is synced, in this order:
 * after power loss a file with a block's name has the block's bytes. Reads verify all
 * the same. CIDv0 and v1 of one dag-pb block share a file. Plain POSIX file calls; knows
 * nothing of networks, and of trees only what the walker tells.
 */
#include "content/block_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"

#define FOLDERS 256
#define NAME_CHARS (2 * TAMGA_HASH_BYTES + 3) /* digest, '-', two of the codec */
#define PATH_BYTES 96                         /* "AA/" and a name */
#define TEMP_PREFIX "tmp-"

struct tamga_block_store {
    int root_fd; /* also holds the lock that keeps a second process out */
    uint64_t bytes_max;
    pthread_mutex_t lock; /* bytes_used, and renames and removals that change it */
    uint64_t bytes_used;  /* of blocks stored and of room reserved for those on the way */
    atomic_uint_fast64_t temp_next;
    atomic_bool folder_ready[FOLDERS];   /* made, and its name is durable */
    atomic_uint folder_unsynced[FOLDERS]; /* renames whose folder sync has not returned */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define SCOPED_FD TAMGA_CLEANUP(close_fd) int

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

static void block_path(char path[PATH_BYTES], const struct tamga_cid *cid)
{
    char hex[TAMGA_HEX_CHARS];

    tamga_to_hex(hex, cid->digest.byte, TAMGA_HASH_BYTES);
    snprintf(path, PATH_BYTES, "%.2s/%s-%02x", hex, hex, (unsigned)cid->codec);
}

static void folder_path(char path[PATH_BYTES], size_t folder)
{
    snprintf(path, PATH_BYTES, "%02zx", folder);
}

/* A file of ours; others in the folder are neither counted nor touched. */
static bool is_block_name(const char *name, size_t folder)
{
    char digest[TAMGA_HEX_CHARS], canonical[TAMGA_HEX_CHARS];
    uint8_t bytes[TAMGA_HASH_BYTES];

    if (strlen(name) != NAME_CHARS)
        return false;
    if (strcmp(name + TAMGA_HEX_CHARS - 1, "-55") != 0 &&
        strcmp(name + TAMGA_HEX_CHARS - 1, "-70") != 0)
        return false;
    memcpy(digest, name, TAMGA_HEX_CHARS - 1);
    digest[TAMGA_HEX_CHARS - 1] = '\0';
    if (tamga_from_hex(bytes, sizeof bytes, digest) != TAMGA_OK || bytes[0] != folder)
        return false;
    tamga_to_hex(canonical, bytes, sizeof bytes);
    return strcmp(canonical, digest) == 0;
}

/* --- opening --- */

/* Count the blocks of a folder, remove what a crash left half-written. */
static enum tamga_err scan_files(struct tamga_block_store *store, DIR *dir, size_t folder)
{
    for (;;) {
        struct dirent *entry;
        struct stat about;

        errno = 0;
        entry = readdir(dir);
        if (entry == NULL)
            return errno == 0 ? TAMGA_OK : TAMGA_E_FILE_IO;
        if (strncmp(entry->d_name, TEMP_PREFIX, strlen(TEMP_PREFIX)) == 0) {
            if (unlinkat(dirfd(dir), entry->d_name, 0) != 0)
                return TAMGA_E_FILE_IO;
            continue;
        }
        if (!is_block_name(entry->d_name, folder))
            continue;
        if (fstatat(dirfd(dir), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0)
            return TAMGA_E_FILE_IO;
        store->bytes_used += (uint64_t)about.st_size;
    }
}

static enum tamga_err scan_folder(struct tamga_block_store *store, size_t folder)
{
    TAMGA_CLEANUP(close_dir) DIR *dir = NULL;
    char path[PATH_BYTES];
    int fd;

    folder_path(path, folder);
    fd = openat(store->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? TAMGA_OK : TAMGA_E_FILE_IO;
    dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return TAMGA_E_FILE_IO;
    }
    /* A name that a killed process had not synced is made durable before it counts. */
    if (fsync(fd) != 0)
        return TAMGA_E_FILE_IO;
    atomic_store(&store->folder_ready[folder], true);
    return scan_files(store, dir, folder);
}

/* The store's folder itself, durable in its parent, and ours alone. */
static enum tamga_err open_root(int *root_fd, const char *folder, struct tamga_detail *detail)
{
    SCOPED_FD parent = -1;
    int fd;

    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "cannot make %s: %s", folder,
                            strerror(errno));
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "cannot open %s: %s", folder,
                            strerror(errno));
    *root_fd = fd; /* the store's to close from here on */
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%s is in use by another process",
                            folder);
    parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || fsync(parent) != 0 || fsync(fd) != 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "cannot sync %s: %s", folder,
                            strerror(errno));
    return TAMGA_OK;
}

void tamga_block_store_close(struct tamga_block_store *store)
{
    if (store == NULL)
        return;
    close_fd(&store->root_fd);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

static void close_store(struct tamga_block_store **store)
{
    tamga_block_store_close(*store);
}

enum tamga_err tamga_block_store_open(struct tamga_block_store **out, const char *folder,
                                      uint64_t bytes_max, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(close_store) struct tamga_block_store *store = calloc(1, sizeof *store);
    enum tamga_err err;

    if (store == NULL)
        return TAMGA_E_NO_MEMORY;
    store->root_fd = -1;
    store->bytes_max = bytes_max;
    pthread_mutex_init(&store->lock, NULL); /* cannot fail with default attributes */
    err = open_root(&store->root_fd, folder, detail);
    if (err != TAMGA_OK)
        return err;
    for (size_t i = 0; i < FOLDERS; i++) {
        err = scan_folder(store, i);
        if (err != TAMGA_OK)
            return tamga_refuse(detail, err, "cannot read %s/%02zx: %s", folder, i,
                                strerror(errno));
    }
    *out = store;
    store = NULL;
    return TAMGA_OK;
}

/* --- room --- */

static bool reserve(struct tamga_block_store *store, uint64_t bytes)
{
    bool fits;

    pthread_mutex_lock(&store->lock);
    fits = store->bytes_used <= store->bytes_max &&
           bytes <= store->bytes_max - store->bytes_used;
    if (fits)
        store->bytes_used += bytes;
    pthread_mutex_unlock(&store->lock);
    return fits;
}

/* Under the lock. A file that was changed from outside may give back other than it took:
 * the count is then off until the next open, and never below zero. */
static void give_back(struct tamga_block_store *store, uint64_t bytes)
{
    store->bytes_used -= bytes < store->bytes_used ? bytes : store->bytes_used;
}

static void release(struct tamga_block_store *store, uint64_t bytes)
{
    pthread_mutex_lock(&store->lock);
    give_back(store, bytes);
    pthread_mutex_unlock(&store->lock);
}

uint64_t tamga_block_store_bytes(struct tamga_block_store *store)
{
    uint64_t bytes;

    pthread_mutex_lock(&store->lock);
    bytes = store->bytes_used;
    pthread_mutex_unlock(&store->lock);
    return bytes;
}

/* Size of the block's file, -1 if there is none. */
static int64_t file_bytes(const struct tamga_block_store *store, const char *path)
{
    struct stat about;

    if (fstatat(store->root_fd, path, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    return S_ISREG(about.st_mode) ? (int64_t)about.st_size : -1;
}

bool tamga_block_store_has(const struct tamga_block_store *store, const struct tamga_cid *cid)
{
    char path[PATH_BYTES];

    block_path(path, cid);
    return file_bytes(store, path) >= 0;
}

/* --- writing --- */

static enum tamga_err write_all(int fd, struct tamga_span bytes)
{
    while (bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.data, bytes.len);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return TAMGA_E_FILE_IO;
        bytes = tamga_span(bytes.data + wrote, bytes.len - (size_t)wrote);
    }
    return TAMGA_OK;
}

static enum tamga_err write_temp(struct tamga_block_store *store, const char *path,
                                 struct tamga_span block)
{
    SCOPED_FD fd = openat(store->root_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return TAMGA_E_FILE_IO;
    if (write_all(fd, block) != TAMGA_OK || fsync(fd) != 0) {
        unlinkat(store->root_fd, path, 0);
        return TAMGA_E_FILE_IO;
    }
    return TAMGA_OK;
}

/* Every thread that finds the folder unready makes it and syncs the root by itself. */
static enum tamga_err make_folder(struct tamga_block_store *store, size_t folder)
{
    char path[PATH_BYTES];

    if (atomic_load(&store->folder_ready[folder]))
        return TAMGA_OK;
    folder_path(path, folder);
    if (mkdirat(store->root_fd, path, 0700) != 0 && errno != EEXIST)
        return TAMGA_E_FILE_IO;
    if (fsync(store->root_fd) != 0)
        return TAMGA_E_FILE_IO;
    atomic_store(&store->folder_ready[folder], true);
    return TAMGA_OK;
}

static enum tamga_err sync_folder(struct tamga_block_store *store, size_t folder)
{
    char path[PATH_BYTES];

    folder_path(path, folder);
    SCOPED_FD fd = openat(store->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? TAMGA_OK : TAMGA_E_FILE_IO;
}

/* Give a written block its name; what it replaces (another thread's copy of the same
 * block, or a damaged file) gives its room back. */
static enum tamga_err publish(struct tamga_block_store *store, const char *temp,
                              const char *path)
{
    int64_t replaced;
    int failed;

    pthread_mutex_lock(&store->lock);
    replaced = file_bytes(store, path);
    failed = renameat(store->root_fd, temp, store->root_fd, path);
    if (failed == 0 && replaced > 0)
        give_back(store, (uint64_t)replaced);
    pthread_mutex_unlock(&store->lock);
    if (failed == 0)
        return TAMGA_OK;
    unlinkat(store->root_fd, temp, 0);
    return TAMGA_E_FILE_IO;
}

/* Write, rename, sync. On failure the block has no name, unless only the last sync
 * failed: then it stays counted as unsynced, and whoever puts it again syncs again. */
static enum tamga_err store_block(struct tamga_block_store *store, const char *path,
                                  size_t folder, struct tamga_span block)
{
    char temp[PATH_BYTES];
    enum tamga_err err = make_folder(store, folder);

    snprintf(temp, sizeof temp, "%02zx/" TEMP_PREFIX "%llu", folder,
             (unsigned long long)atomic_fetch_add(&store->temp_next, 1));
    if (err == TAMGA_OK)
        err = write_temp(store, temp, block);
    if (err == TAMGA_OK) {
        atomic_fetch_add(&store->folder_unsynced[folder], 1);
        err = publish(store, temp, path);
        if (err != TAMGA_OK)
            atomic_fetch_sub(&store->folder_unsynced[folder], 1);
    }
    if (err != TAMGA_OK) {
        release(store, block.len);
        return err;
    }
    err = sync_folder(store, folder);
    if (err == TAMGA_OK)
        atomic_fetch_sub(&store->folder_unsynced[folder], 1);
    return err;
}

enum tamga_err tamga_block_store_put(struct tamga_block_store *store,
                                     const struct tamga_cid *cid, struct tamga_span block)
{
    size_t folder = cid->digest.byte[0];
    char path[PATH_BYTES];

    if (block.len > TAMGA_BLOCK_BYTES_MAX)
        return TAMGA_E_TOO_LARGE;
    if (tamga_cid_check(cid, block) != TAMGA_OK)
        return TAMGA_E_CID_MISMATCH;
    block_path(path, cid);
    /* A file of another size is damaged and is replaced. A known block may still wait
     * for the sync of the thread that wrote it. */
    if (file_bytes(store, path) == (int64_t)block.len)
        return atomic_load(&store->folder_unsynced[folder]) == 0
                   ? TAMGA_OK : sync_folder(store, folder);
    if (!reserve(store, block.len))
        return TAMGA_E_CONTENT_FULL;
    return store_block(store, path, folder, block);
}

/* --- reading --- */

/* Up to one byte more than a block can have, so that a longer file shows itself. */
static enum tamga_err read_file(int fd, struct tamga_buf *out)
{
    struct stat about;
    size_t room;

    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        return TAMGA_E_FILE_IO;
    room = about.st_size > TAMGA_BLOCK_BYTES_MAX ? TAMGA_BLOCK_BYTES_MAX + 1
                                                 : (size_t)about.st_size;
    if (tamga_buf_reserve(out, room) != TAMGA_OK)
        return TAMGA_E_NO_MEMORY;
    while (out->len < room) {
        ssize_t got = read(fd, out->data + out->len, room - out->len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return TAMGA_E_FILE_IO;
        if (got == 0)
            break;
        out->len += (size_t)got;
    }
    return TAMGA_OK;
}

/* Remove the damaged file that fd reads, unless a good copy took its name meanwhile. */
static enum tamga_err discard(struct tamga_block_store *store, const char *path, int fd)
{
    enum tamga_err err = TAMGA_E_CID_MISMATCH;
    struct stat read_one, named_one;

    pthread_mutex_lock(&store->lock);
    if (fstat(fd, &read_one) == 0 &&
        fstatat(store->root_fd, path, &named_one, AT_SYMLINK_NOFOLLOW) == 0 &&
        read_one.st_ino == named_one.st_ino && read_one.st_dev == named_one.st_dev) {
        if (unlinkat(store->root_fd, path, 0) != 0)
            err = TAMGA_E_FILE_IO;
        else
            give_back(store, (uint64_t)named_one.st_size);
    }
    pthread_mutex_unlock(&store->lock);
    return err;
}

enum tamga_err tamga_block_store_get(struct tamga_block_store *store,
                                     const struct tamga_cid *cid, struct tamga_buf *out)
{
    TAMGA_BUF block = {0};
    char path[PATH_BYTES];
    enum tamga_err err;

    block_path(path, cid);
    SCOPED_FD fd = openat(store->root_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? TAMGA_E_NO_CONTENT : TAMGA_E_FILE_IO;
    err = read_file(fd, &block);
    if (err != TAMGA_OK)
        return err;
    if (block.len > TAMGA_BLOCK_BYTES_MAX ||
        tamga_cid_check(cid, tamga_buf_span(&block)) != TAMGA_OK)
        return discard(store, path, fd);
    tamga_buf_move(out, &block);
    return TAMGA_OK;
}

/* --- a whole image --- */

static void free_walker(struct tamga_dag_walker **walker)
{
    tamga_dag_walker_free(*walker);
}

static void free_stream(struct tamga_sha256_stream **stream)
{
    tamga_sha256_stream_free(*stream);
}

enum tamga_err tamga_block_store_check_image(struct tamga_block_store *store,
                                             const struct tamga_cid *root, uint64_t length,
                                             const struct tamga_hash *sha256,
                                             struct tamga_cid *missing)
{
    TAMGA_CLEANUP(free_walker) struct tamga_dag_walker *walker = NULL;
    TAMGA_CLEANUP(free_stream) struct tamga_sha256_stream *stream = NULL;
    TAMGA_BUF block = {0};
    struct tamga_hash found;
    struct tamga_cid cid;
    enum tamga_err err = tamga_sha256_stream_new(&stream);

    if (err == TAMGA_OK)
        err = tamga_dag_walker_new(&walker, root, length);
    while (err == TAMGA_OK && tamga_dag_walker_next(walker, &cid)) {
        struct tamga_span data;

        err = tamga_block_store_get(store, &cid, &block);
        if (err == TAMGA_E_NO_CONTENT && missing != NULL)
            *missing = cid;
        if (err == TAMGA_OK)
            err = tamga_dag_walker_feed(walker, &data, tamga_buf_span(&block));
        if (err == TAMGA_OK)
            tamga_sha256_stream_add(stream, data);
    }
    if (err != TAMGA_OK)
        return err;
    tamga_sha256_stream_peek(stream, &found);
    return tamga_hash_equal(&found, sha256) ? TAMGA_OK : TAMGA_E_IMAGE_MISMATCH;
}
