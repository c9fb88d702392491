/*
 * The part file. Of a sealed image only whole chunks are written, each after its tag was
 * checked. What they were sealed as is made again when a download goes on: the same key,
 * place and plaintext give the same bytes, so that no ciphertext need be kept. If they are
 * others, their hash shows it, and they go nowhere.
 */
#include "device/part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/file.h"
#include "wire/wire.h"

#define PLAIN_MODE 0600 /* an image that is sealed on its way is for nobody else here */
#define IMAGE_MODE 0644

static enum tamga_err failed(const struct tamga_part *part, const char *what)
{
    return tamga_refuse(part->detail, TAMGA_E_FILE_IO, "part file: %s: %s", what,
                        strerror(errno));
}

void tamga_part_clear(struct tamga_part *part)
{
    tamga_device_fd_close(&part->fd);
    tamga_seal_free(part->seal);
    tamga_seal_stream_free(part->opener);
    tamga_sha256_stream_free(part->sha256);
    free(part->chunk);
    free(part->sealed);
    *part = (struct tamga_part){.fd = -1};
}

static enum tamga_err put_plain(void *context, struct tamga_span bytes)
{
    struct tamga_part *part = context;
    enum tamga_err err = tamga_device_file_put(part->fd, bytes, part->at, part->detail);

    if (err != TAMGA_OK)
        return err;
    part->at += bytes.len;
    tamga_sha256_stream_add(part->sha256, bytes);
    return TAMGA_OK;
}

static enum tamga_err prepare_seal(struct tamga_part *part, const struct tamga_seal_key *key)
{
    enum tamga_err err = tamga_seal_new(&part->seal, key, part->length);

    if (err == TAMGA_OK)
        err = tamga_opener_new(&part->opener, key, part->length, put_plain, part);
    if (err == TAMGA_OK)
        err = tamga_sha256_stream_new(&part->sha256);
    if (err != TAMGA_OK)
        return err;
    part->chunk = malloc(TAMGA_SEAL_CHUNK_BYTES);
    part->sealed = malloc(TAMGA_SEALED_CHUNK_BYTES);
    return part->chunk != NULL && part->sealed != NULL ? TAMGA_OK : TAMGA_E_NO_MEMORY;
}

static enum tamga_err open_file(struct tamga_part *part, int folder, const char *name,
                                mode_t mode)
{
    struct stat info;

    part->fd = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
    if (part->fd < 0 || fstat(part->fd, &info) != 0)
        return failed(part, "open");
    /* An older one may be there, of an image that was not sealed. */
    if (mode == PLAIN_MODE && fchmod(part->fd, mode) != 0)
        return failed(part, "mode");
    part->had = (uint64_t)info.st_size;
    if (part->had > part->length) {
        if (ftruncate(part->fd, (off_t)part->length) != 0)
            return failed(part, "cut");
        part->had = part->length;
    }
    return TAMGA_OK;
}

enum tamga_err tamga_part_open(struct tamga_part *part, int folder, const char *name,
                               const Tamga__V1__Release *release,
                               const struct tamga_seal_key *key, struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_OK;

    part->detail = detail;
    part->length = key == NULL ? release->image_bytes : release->encryption->plain_bytes;
    if (key != NULL)
        err = prepare_seal(part, key);
    if (err == TAMGA_OK)
        err = open_file(part, folder, name, key == NULL ? IMAGE_MODE : PLAIN_MODE);
    return err;
}

/* ---- what was here --------------------------------------------------------------------- */

/* Seal a chunk of the file again, unless that is what was sealed last. */
static enum tamga_err seal_again(struct tamga_part *part, uint64_t index)
{
    size_t len = tamga_seal_chunk_bytes(part->seal, index);
    uint64_t offset = index * TAMGA_SEAL_CHUNK_BYTES;
    enum tamga_err err;

    if (part->sealed_index == index + 1)
        return TAMGA_OK;
    if (len == 0 || offset + len > part->had)
        return TAMGA_E_NOT_FOUND;
    part->sealed_index = 0;
    err = tamga_device_file_get(part->fd, part->chunk, len, offset, part->detail);
    if (err == TAMGA_OK)
        err = tamga_seal_chunk(part->seal, index, part->sealed,
                               tamga_span(part->chunk, len));
    if (err == TAMGA_OK)
        part->sealed_index = index + 1;
    return err;
}

/* The released image from an offset to the end of header or chunk there. */
static enum tamga_err sealed_at(struct tamga_part *part, struct tamga_span *out,
                                uint8_t header[TAMGA_SEAL_HEADER_BYTES], uint64_t offset)
{
    uint64_t index;
    size_t from, len;
    enum tamga_err err;

    if (offset < TAMGA_SEAL_HEADER_BYTES) {
        tamga_seal_header(part->seal, header);
        *out = tamga_span(header + offset, TAMGA_SEAL_HEADER_BYTES - (size_t)offset);
        return TAMGA_OK;
    }
    index = (offset - TAMGA_SEAL_HEADER_BYTES) / TAMGA_SEALED_CHUNK_BYTES;
    from = (size_t)((offset - TAMGA_SEAL_HEADER_BYTES) % TAMGA_SEALED_CHUNK_BYTES);
    err = seal_again(part, index);
    if (err != TAMGA_OK)
        return err;
    len = tamga_seal_chunk_bytes(part->seal, index) + TAMGA_SEAL_TAG_BYTES;
    if (from >= len) /* beyond the end of the image */
        return TAMGA_E_NOT_FOUND;
    *out = tamga_span(part->sealed + from, len - from);
    return TAMGA_OK;
}

enum tamga_err tamga_part_get(struct tamga_part *part, uint8_t *out, size_t len,
                              uint64_t offset)
{
    if (part->seal == NULL)
        return offset + len > part->had
                   ? TAMGA_E_NOT_FOUND
                   : tamga_device_file_get(part->fd, out, len, offset, part->detail);
    while (len > 0) {
        uint8_t header[TAMGA_SEAL_HEADER_BYTES];
        struct tamga_span bytes;
        size_t take;
        enum tamga_err err = sealed_at(part, &bytes, header, offset);

        if (err != TAMGA_OK)
            return err;
        take = bytes.len < len ? bytes.len : len;
        memcpy(out, bytes.data, take);
        out += take;
        offset += take;
        len -= take;
    }
    return TAMGA_OK;
}

/* ---- what arrives ---------------------------------------------------------------------- */

enum tamga_err tamga_part_add(struct tamga_part *part, struct tamga_span bytes)
{
    enum tamga_err err;

    if (part->seal == NULL) {
        err = tamga_device_file_put(part->fd, bytes, part->at, part->detail);
        if (err == TAMGA_OK)
            part->at += bytes.len;
        return err;
    }
    err = tamga_seal_stream_add(part->opener, bytes);
    if (err == TAMGA_E_BAD_CIPHERTEXT)
        return tamga_refuse(part->detail, err,
                            "the image's bytes are those released, but were not sealed so");
    return err;
}

enum tamga_err tamga_part_keep(struct tamga_part *part, struct tamga_span bytes)
{
    /* A chunk may lie across two blocks of which one was fetched anew: it is opened and
     * written like all others. */
    if (part->seal != NULL)
        return tamga_part_add(part, bytes);
    part->at += bytes.len;
    return TAMGA_OK;
}

static enum tamga_err finish_seal(struct tamga_part *part, const Tamga__V1__Release *release)
{
    struct tamga_hash sha256;
    enum tamga_err err = tamga_seal_stream_finish(part->opener);

    if (err != TAMGA_OK)
        return tamga_refuse(part->detail, err, "the sealed image ends early");
    tamga_sha256_stream_peek(part->sha256, &sha256);
    if (!tamga_span_equal(tamga_hash_span(&sha256),
                          tamga_wire_span(release->encryption->plain_sha256)))
        return tamga_refuse(part->detail, TAMGA_E_IMAGE_MISMATCH,
                            "what was sealed is not the plaintext that was signed");
    return TAMGA_OK;
}

enum tamga_err tamga_part_finish(struct tamga_part *part, const Tamga__V1__Release *release)
{
    enum tamga_err err = part->seal == NULL ? TAMGA_OK : finish_seal(part, release);

    if (err != TAMGA_OK)
        return err;
    if (part->at != part->length)
        return TAMGA_E_IMAGE_LENGTH;
    if (ftruncate(part->fd, (off_t)part->length) != 0 || fsync(part->fd) != 0)
        return failed(part, "sync");
    return TAMGA_OK;
}
