/* Durable files. Every name is one of ours: no name here ever comes from a peer. */
#include "device/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"

#define NAME_MAX_BYTES 64
#define CHUNK_BYTES    65536

static enum tamga_err failed(struct tamga_detail *detail, const char *name)
{
    return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.160s: %s", name, strerror(errno));
}

void tamga_device_fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

enum tamga_err tamga_device_folder_open(int *out, const char *path,
                                        struct tamga_detail *detail)
{
    int fd;

    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return failed(detail, path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed(detail, path);
    *out = fd;
    return TAMGA_OK;
}

enum tamga_err tamga_device_folder_sync(int folder, struct tamga_detail *detail)
{
    return fsync(folder) == 0 ? TAMGA_OK : failed(detail, "folder");
}

/* A read that a signal cut short goes on; 0 is the end of the file. */
static ssize_t read_some(int fd, uint8_t *out, size_t len)
{
    ssize_t got;

    do
        got = read(fd, out, len);
    while (got < 0 && errno == EINTR);
    return got;
}

static enum tamga_err open_existing(int *out, int folder, const char *name,
                                    struct tamga_detail *detail)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return tamga_refuse(detail, TAMGA_E_NOT_FOUND, "%.160s is not there", name);
    if (fd < 0)
        return failed(detail, name);
    *out = fd;
    return TAMGA_OK;
}

enum tamga_err tamga_device_file_read(struct tamga_buf *out, int folder, const char *name,
                                      size_t max, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_device_fd_close) int fd = -1;
    TAMGA_BUF bytes = {0};
    enum tamga_err err = open_existing(&fd, folder, name, detail);
    ssize_t got = 1;

    if (err != TAMGA_OK)
        return err;
    while (got > 0) {
        if (bytes.len > max)
            return tamga_refuse(detail, TAMGA_E_TOO_LARGE, "%.160s has more than %zu bytes",
                                name, max);
        err = tamga_buf_reserve(&bytes, CHUNK_BYTES);
        if (err != TAMGA_OK)
            return err;
        got = read_some(fd, bytes.data + bytes.len, CHUNK_BYTES);
        if (got < 0)
            return failed(detail, name);
        bytes.len += (size_t)got;
    }
    tamga_buf_move(out, &bytes);
    return TAMGA_OK;
}

enum tamga_err tamga_device_file_put(int fd, struct tamga_span bytes, uint64_t offset,
                                     struct tamga_detail *detail)
{
    while (bytes.len > 0) {
        ssize_t put = pwrite(fd, bytes.data, bytes.len, (off_t)offset);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return failed(detail, "write");
        bytes = tamga_span(bytes.data + put, bytes.len - (size_t)put);
        offset += (uint64_t)put;
    }
    return TAMGA_OK;
}

enum tamga_err tamga_device_file_get(int fd, uint8_t *out, size_t len, uint64_t offset,
                                     struct tamga_detail *detail)
{
    while (len > 0) {
        ssize_t got = pread(fd, out, len, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed(detail, "read");
        if (got == 0)
            return TAMGA_E_TRUNCATED;
        out += got;
        len -= (size_t)got;
        offset += (uint64_t)got;
    }
    return TAMGA_OK;
}

enum tamga_err tamga_device_file_replace(int folder, const char *name,
                                         struct tamga_span bytes,
                                         struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_device_fd_close) int fd = -1;
    char beside[NAME_MAX_BYTES];
    enum tamga_err err;

    snprintf(beside, sizeof beside, "%s.new", name);
    fd = openat(folder, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(detail, beside);
    err = tamga_device_file_put(fd, bytes, 0, detail);
    if (err != TAMGA_OK)
        return err;
    if (fsync(fd) != 0 || renameat(folder, beside, folder, name) != 0)
        return failed(detail, beside);
    return tamga_device_folder_sync(folder, detail);
}

enum tamga_err tamga_device_file_hash(struct tamga_hash *out, uint64_t *len, int folder,
                                      const char *name, uint64_t max,
                                      struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_device_fd_close) int fd = -1;
    TAMGA_BUF chunk = {0};
    struct tamga_sha256_stream *stream = NULL;
    uint64_t total = 0;
    ssize_t got = 1;
    enum tamga_err err = open_existing(&fd, folder, name, detail);

    if (err == TAMGA_OK)
        err = tamga_buf_reserve(&chunk, CHUNK_BYTES);
    if (err == TAMGA_OK)
        err = tamga_sha256_stream_new(&stream);
    while (err == TAMGA_OK && got > 0) {
        got = read_some(fd, chunk.data, CHUNK_BYTES);
        if (got < 0) {
            err = failed(detail, name);
            break;
        }
        total += (uint64_t)got;
        if (total > max)
            err = tamga_refuse(detail, TAMGA_E_TOO_LARGE, "%.160s is too long", name);
        tamga_sha256_stream_add(stream, tamga_span(chunk.data, (size_t)got));
    }
    if (err == TAMGA_OK) {
        tamga_sha256_stream_peek(stream, out);
        *len = total;
    }
    tamga_sha256_stream_free(stream);
    return err;
}
