/* One pass over a file: hash, tree, length; whoever wants the blocks gives a sink. */
#include "producer/image_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rules/rules.h"

#define READ_BYTES (1024u * 1024)

static void builder_free(struct tamga_dag_builder **builder)
{
    tamga_dag_builder_free(*builder);
}

static void stream_free(struct tamga_sha256_stream **stream)
{
    tamga_sha256_stream_free(*stream);
}

static enum tamga_err changed(struct tamga_detail *detail)
{
    return tamga_refuse(detail, TAMGA_E_IMAGE_MISMATCH, "the file changed while it was read");
}

/* All bytes of the file, in order, into tree and hash. */
static enum tamga_err read_all(const struct tamga_image *image, struct tamga_pass *pass,
                               struct tamga_dag_builder *builder,
                               struct tamga_sha256_stream *stream, struct tamga_detail *detail)
{
    TAMGA_BUF chunk = {0};
    uint64_t done = 0;
    enum tamga_err err = tamga_buf_reserve(&chunk, READ_BYTES);

    while (err == TAMGA_OK) {
        ssize_t got = pread(image->fd, chunk.data, READ_BYTES, (off_t)done);
        struct tamga_span bytes;

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return tamga_refuse(detail, TAMGA_E_FILE_IO, "image: %s", strerror(errno));
        if (got == 0)
            return done == image->bytes ? TAMGA_OK : changed(detail);
        done += (uint64_t)got;
        if (done > image->bytes)
            return changed(detail);
        bytes = tamga_span(chunk.data, (size_t)got);
        tamga_sha256_stream_add(stream, bytes);
        err = tamga_dag_builder_add(builder, bytes);
        if (pass->progress != NULL && err == TAMGA_OK)
            pass->progress(pass->context, pass->step, done, image->bytes);
    }
    return err;
}

enum tamga_err tamga_image_pass(const struct tamga_image *image, struct tamga_pass *pass,
                                struct tamga_hash *sha256, struct tamga_cid *root,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(builder_free) struct tamga_dag_builder *builder = NULL;
    TAMGA_CLEANUP(stream_free) struct tamga_sha256_stream *stream = NULL;
    enum tamga_err err = tamga_dag_builder_new(&builder, pass->dag, pass->sink,
                                               pass->sink_context);

    if (err == TAMGA_OK)
        err = tamga_sha256_stream_new(&stream);
    if (err == TAMGA_OK)
        err = read_all(image, pass, builder, stream, detail);
    if (err == TAMGA_OK)
        err = tamga_dag_builder_finish(builder, root);
    if (err == TAMGA_OK)
        tamga_sha256_stream_peek(stream, sha256);
    return err;
}

enum tamga_err tamga_image_open_file(struct tamga_image *image, const char *path,
                                     struct tamga_detail *detail)
{
    struct stat info;

    /* O_NONBLOCK: opening a pipe must not wait for its writer. */
    image->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (image->fd < 0 || fstat(image->fd, &info) != 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.180s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return tamga_refuse(detail, TAMGA_E_IMAGE_LENGTH, "%.180s: not a regular file", path);
    if (info.st_size < 1 || (uint64_t)info.st_size > TAMGA_IMAGE_BYTES_MAX)
        return tamga_refuse(detail, TAMGA_E_IMAGE_LENGTH,
                            "%.140s has %jd bytes; accepted are 1 to 2^40", path,
                            (intmax_t)info.st_size);
    image->bytes = (uint64_t)info.st_size;
    return TAMGA_OK;
}

enum tamga_err tamga_image_measure(struct tamga_image *image,
                                   const struct tamga_dag_options *dag,
                                   tamga_client_progress progress, void *context,
                                   struct tamga_detail *detail)
{
    struct tamga_pass pass = {
        .dag = dag, .progress = progress, .context = context, .step = TAMGA_STEP_HASH};

    return tamga_image_pass(image, &pass, &image->sha256, &image->root, detail);
}

enum tamga_err tamga_image_open(struct tamga_image *out, const char *path,
                                const struct tamga_dag_options *dag,
                                tamga_client_progress progress, void *context,
                                struct tamga_detail *detail)
{
    struct tamga_image image = {.fd = -1};
    enum tamga_err err = tamga_image_open_file(&image, path, detail);

    if (err == TAMGA_OK)
        err = tamga_image_measure(&image, dag, progress, context, detail);
    if (err != TAMGA_OK) {
        tamga_image_close(&image);
        return err;
    }
    *out = image;
    return TAMGA_OK;
}

void tamga_image_close(struct tamga_image *image)
{
    if (image->fd >= 0)
        close(image->fd);
    image->fd = -1;
}
