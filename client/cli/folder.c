/*
 * A folder is built beside its place and renamed when it is whole and on the disk: a
 * crash or a refusal half-way leaves nothing under the name that was asked for.
 */
#include "cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

static enum tamga_err io(struct tamga_detail *detail, const char *path)
{
    return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.180s: %s", path, strerror(errno));
}

/* Absent, or an empty folder, which rename() replaces. */
static enum tamga_err check_free(const char *path, struct tamga_detail *detail)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    bool used = false;

    if (dir == NULL && errno == ENOENT)
        return TAMGA_OK;
    if (dir == NULL)
        return errno == ENOTDIR
                   ? tamga_refuse(detail, TAMGA_E_USAGE, "%.180s: exists, and is no folder", path)
                   : io(detail, path);
    while (!used && (entry = readdir(dir)) != NULL)
        used = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return used ? tamga_refuse(detail, TAMGA_E_USAGE,
                               "%.150s: exists already, and is not empty; nothing was changed",
                               path)
                : TAMGA_OK;
}

enum tamga_err cli_folder_begin(struct cli_folder *folder, const char *final,
                                struct tamga_detail *detail)
{
    size_t len = strlen(final);
    enum tamga_err err;

    while (len > 1 && final[len - 1] == '/')
        len--;
    if (len == 0 || len + sizeof ".tmp-XXXXXX" > sizeof folder->path)
        return tamga_refuse(detail, TAMGA_E_USAGE, "--out is empty or too long");
    snprintf(folder->final, sizeof folder->final, "%.*s", (int)len, final);
    err = check_free(folder->final, detail);
    if (err != TAMGA_OK)
        return err;
    snprintf(folder->path, sizeof folder->path, "%.*s.tmp-XXXXXX", (int)len, final);
    if (mkdtemp(folder->path) == NULL) {
        err = io(detail, folder->final);
        folder->path[0] = '\0';
        return err;
    }
    if (chmod(folder->path, 0755) != 0) /* mkdtemp made it 0700; secrets have their own mode */
        return io(detail, folder->path);
    return TAMGA_OK;
}

static int sync_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    int fd, failed;

    (void)info;
    (void)walk;
    if (type != FTW_DP && type != FTW_F)
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    failed = fsync(fd);
    close(fd);
    return failed;
}

/* The new name itself has to be on the disk. */
static int sync_parent(const char *path)
{
    char parent[CLI_PATH_MAX];
    char *slash;
    int fd, failed;

    snprintf(parent, sizeof parent, "%s", path);
    slash = strrchr(parent, '/');
    if (slash == NULL)
        strcpy(parent, ".");
    else
        slash[slash == parent] = '\0';
    fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    failed = fsync(fd);
    close(fd);
    return failed;
}

enum tamga_err cli_folder_commit(struct cli_folder *folder, struct tamga_detail *detail)
{
    if (nftw(folder->path, sync_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return io(detail, folder->path);
    if (rename(folder->path, folder->final) != 0)
        return io(detail, folder->final);
    folder->path[0] = '\0';
    if (sync_parent(folder->final) != 0)
        return io(detail, folder->final);
    return TAMGA_OK;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

void cli_folder_abandon(struct cli_folder *folder)
{
    if (folder->path[0] != '\0')
        nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    folder->path[0] = '\0';
}

enum tamga_err cli_folder_path(char out[CLI_PATH_MAX], const struct cli_folder *folder,
                               struct tamga_detail *detail, const char *format, ...)
{
    int len = snprintf(out, CLI_PATH_MAX, "%s/", folder->path);
    va_list args;
    int more;

    va_start(args, format);
    more = vsnprintf(out + len, (size_t)(CLI_PATH_MAX - len), format, args);
    va_end(args);
    if (more < 0 || more >= CLI_PATH_MAX - len)
        return tamga_refuse(detail, TAMGA_E_USAGE, "--out is too long");
    return TAMGA_OK;
}

enum tamga_err cli_folder_make(const char *path, struct tamga_detail *detail)
{
    return mkdir(path, 0755) == 0 ? TAMGA_OK : io(detail, path);
}

/* Write, sync, close. */
static enum tamga_err fill(int fd, const char *path, struct tamga_span bytes,
                           struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_OK;

    while (err == TAMGA_OK && bytes.len > 0) {
        ssize_t written = write(fd, bytes.data, bytes.len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            err = io(detail, path);
            break;
        }
        bytes = tamga_span(bytes.data + written, bytes.len - (size_t)written);
    }
    if (err == TAMGA_OK && fsync(fd) != 0)
        err = io(detail, path);
    if (close(fd) != 0 && err == TAMGA_OK)
        err = io(detail, path);
    return err;
}

static void file_close(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

enum tamga_err cli_file_read(struct tamga_buf *out, const char *path, size_t bytes_max,
                             struct tamga_detail *detail)
{
    TAMGA_CLEANUP(file_close) FILE *file = fopen(path, "rbe");
    uint8_t bytes[16384];
    size_t got;

    if (file == NULL)
        return io(detail, path);
    while ((got = fread(bytes, 1, sizeof bytes, file)) > 0) {
        if (out->len + got > bytes_max)
            return tamga_refuse(detail, TAMGA_E_TOO_LARGE, "%.150s: more than %zu bytes", path,
                                bytes_max);
        if (tamga_buf_add(out, tamga_span(bytes, got)) != TAMGA_OK)
            return TAMGA_E_NO_MEMORY;
    }
    return ferror(file) ? io(detail, path) : TAMGA_OK;
}

enum tamga_err cli_file_write(const char *path, struct tamga_span bytes,
                              struct tamga_detail *detail)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    return fd < 0 ? io(detail, path) : fill(fd, path, bytes, detail);
}

enum tamga_err cli_file_replace(const char *path, struct tamga_span bytes,
                                struct tamga_detail *detail)
{
    char other[CLI_PATH_MAX];
    enum tamga_err err = TAMGA_OK;
    int fd;

    if (snprintf(other, sizeof other, "%s.tmp-XXXXXX", path) >= CLI_PATH_MAX)
        return tamga_refuse(detail, TAMGA_E_USAGE, "%.80s...: path is too long", path);
    fd = mkostemp(other, O_CLOEXEC);
    if (fd < 0)
        return io(detail, path);
    if (fchmod(fd, 0644) != 0) /* mkostemp made it private; a proof is for anybody */
        err = io(detail, path);
    if (err == TAMGA_OK)
        err = fill(fd, path, bytes, detail);
    else
        close(fd);
    if (err == TAMGA_OK && rename(other, path) != 0)
        err = io(detail, path);
    if (err != TAMGA_OK) {
        unlink(other);
        return err;
    }
    return sync_parent(path) == 0 ? TAMGA_OK : io(detail, path);
}
