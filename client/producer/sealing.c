/*
 * Sealing, before anything is hashed or sent. The ciphertext is written once and read as
 * often as it takes: were it made anew for each upload, a file that changes between two of
 * them would put two plaintexts under one key and nonce.
 */
#include "producer/sealing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "producer/image_internal.h"
#include "wire/wire.h"

#define READ_BYTES (1024u * 1024)

void tamga_sealing_clear(struct tamga_sealing *sealing)
{
    tamga_seal_key_release(&sealing->key);
}

/* ---- recipients ------------------------------------------------------------------------ */

static int by_id(const void *left, const void *right)
{
    struct tamga_hash a, b;

    tamga_recipient_id(&a, left);
    tamga_recipient_id(&b, right);
    return memcmp(a.byte, b.byte, TAMGA_HASH_BYTES);
}

enum tamga_err tamga_sealing_init(struct tamga_sealing *sealing,
                                  const struct tamga_publish_options *options,
                                  struct tamga_detail *detail)
{
    size_t count = options->encrypt_to_count;

    if (count > TAMGA_RECIPIENTS_MAX)
        return tamga_refuse(detail, TAMGA_E_TOO_LARGE, "at most %d keys to encrypt to",
                            TAMGA_RECIPIENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        enum tamga_err err =
            tamga_recipient_load(&sealing->recipient[i], options->encrypt_to[i], detail);

        if (err != TAMGA_OK)
            return err;
    }
    qsort(sealing->recipient, count, sizeof sealing->recipient[0], by_id);
    for (size_t i = 1; i < count; i++)
        if (by_id(&sealing->recipient[i - 1], &sealing->recipient[i]) == 0)
            return tamga_refuse(detail, TAMGA_E_USAGE, "a key to encrypt to is given twice");
    sealing->count = count;
    return TAMGA_OK;
}

enum tamga_err tamga_sealing_wrap(struct tamga_sealing *sealing, Tamga__V1__Release *release,
                                  const struct tamga_scope *network,
                                  struct tamga_detail *detail)
{
    Tamga__V1__Encryption *encryption = &sealing->encryption;
    struct tamga_hash identity;

    tamga_release_identity(&identity, network, release);
    tamga__v1__encryption__init(encryption);
    for (size_t i = 0; i < sealing->count; i++) {
        struct tamga_wrapped_key *wrapped = &sealing->wrapped[i];
        Tamga__V1__Recipient *message = sealing->list[i] = &sealing->message[i];
        enum tamga_err err =
            tamga_seal_key_wrap(wrapped, &sealing->recipient[i], sealing->key, &identity);

        if (err != TAMGA_OK)
            return tamga_refuse(detail, err, "the key cannot be wrapped for recipient %zu", i);
        tamga__v1__recipient__init(message);
        message->key_id = tamga_wire_bytes(tamga_hash_span(&wrapped->recipient));
        message->ephemeral =
            tamga_wire_bytes(tamga_span(wrapped->ephemeral, sizeof wrapped->ephemeral));
        message->wrapped = tamga_wire_bytes(tamga_span(wrapped->byte, sizeof wrapped->byte));
    }
    encryption->format = TAMGA_ENCRYPTION_FORMAT;
    encryption->n_recipients = sealing->count;
    encryption->recipients = sealing->list;
    encryption->plain_sha256 = tamga_wire_bytes(tamga_hash_span(&sealing->plain_sha256));
    encryption->plain_bytes = sealing->plain_bytes;
    release->encryption = encryption;
    return TAMGA_OK;
}

/* ---- the image ------------------------------------------------------------------------- */

/* One pass over the plaintext. */
struct pass {
    struct tamga_image plain;
    struct tamga_image sealed;
    struct tamga_seal_stream *sealer;
    struct tamga_sha256_stream *sha256;
    const struct tamga_publish_options *options;
    struct tamga_detail *detail;
};

static void pass_clear(struct pass *pass)
{
    tamga_image_close(&pass->plain);
    tamga_image_close(&pass->sealed);
    tamga_seal_stream_free(pass->sealer);
    tamga_sha256_stream_free(pass->sha256);
}

/* mkstemp() makes it 0600; it loses its name before anything is in it. */
static enum tamga_err open_nameless(int *out, struct tamga_detail *detail)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    int fd = -1;

    if (folder == NULL || folder[0] == '\0')
        folder = "/var/tmp";
    if (snprintf(path, sizeof path, "%s/tamga-XXXXXX", folder) < (int)sizeof path)
        fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "no file for the ciphertext in %.120s: %s",
                            folder, strerror(errno));
    unlink(path);
    *out = fd;
    return TAMGA_OK;
}

static enum tamga_err put(void *context, struct tamga_span bytes)
{
    struct pass *pass = context;

    while (bytes.len > 0) {
        ssize_t done = write(pass->sealed.fd, bytes.data, bytes.len);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return tamga_refuse(pass->detail, TAMGA_E_FILE_IO, "ciphertext: %s",
                                strerror(errno));
        bytes = tamga_span(bytes.data + done, bytes.len - (size_t)done);
        pass->sealed.bytes += (uint64_t)done;
    }
    return TAMGA_OK;
}

static enum tamga_err seal_some(struct pass *pass, struct tamga_span bytes, uint64_t *done)
{
    const struct tamga_publish_options *options = pass->options;
    enum tamga_err err = tamga_seal_stream_add(pass->sealer, bytes);

    if (err != TAMGA_OK)
        return err;
    tamga_sha256_stream_add(pass->sha256, bytes);
    *done += bytes.len;
    if (options->progress != NULL)
        options->progress(options->progress_context, TAMGA_STEP_SEAL, *done,
                          pass->plain.bytes);
    return TAMGA_OK;
}

static enum tamga_err seal_all(struct pass *pass)
{
    TAMGA_BUF chunk = {0};
    uint64_t done = 0;
    ssize_t got = 1;
    enum tamga_err err = tamga_buf_reserve(&chunk, READ_BYTES);

    while (err == TAMGA_OK && got > 0) {
        got = pread(pass->plain.fd, chunk.data, READ_BYTES, (off_t)done);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got < 0)
            err = tamga_refuse(pass->detail, TAMGA_E_FILE_IO, "image: %s", strerror(errno));
        else
            err = seal_some(pass, tamga_span(chunk.data, (size_t)got), &done);
    }
    if (err == TAMGA_OK)
        err = tamga_seal_stream_finish(pass->sealer);
    if (err == TAMGA_E_IMAGE_LENGTH)
        return tamga_refuse(pass->detail, TAMGA_E_IMAGE_MISMATCH,
                            "the file changed while it was read");
    return err;
}

static enum tamga_err prepare(struct pass *pass, struct tamga_sealing *sealing)
{
    enum tamga_err err = tamga_image_open_file(&pass->plain, pass->options->image, pass->detail);

    if (err != TAMGA_OK)
        return err;
    if (tamga_sealed_bytes(pass->plain.bytes) == 0)
        return tamga_refuse(pass->detail, TAMGA_E_IMAGE_LENGTH,
                            "sealed, the image were longer than 2^40 bytes");
    tamga_seal_key_release(&sealing->key); /* never two images under one */
    sealing->key = tamga_seal_key_new();
    if (sealing->key == NULL)
        return TAMGA_E_NO_MEMORY;
    err = tamga_seal_key_generate(sealing->key);
    if (err == TAMGA_OK)
        err = tamga_sealer_new(&pass->sealer, sealing->key, pass->plain.bytes, put, pass);
    if (err == TAMGA_OK)
        err = tamga_sha256_stream_new(&pass->sha256);
    return err == TAMGA_OK ? open_nameless(&pass->sealed.fd, pass->detail) : err;
}

enum tamga_err tamga_sealing_image(struct tamga_sealing *sealing, struct tamga_image *out,
                                   const struct tamga_publish_options *options,
                                   const struct tamga_dag_options *dag,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(pass_clear) struct pass pass = {.plain = {.fd = -1},
                                                  .sealed = {.fd = -1},
                                                  .options = options,
                                                  .detail = detail};
    enum tamga_err err = prepare(&pass, sealing);

    if (err == TAMGA_OK)
        err = seal_all(&pass);
    if (err != TAMGA_OK)
        return err;
    sealing->plain_bytes = pass.plain.bytes;
    tamga_sha256_stream_peek(pass.sha256, &sealing->plain_sha256);
    err = tamga_image_measure(&pass.sealed, dag, options->progress, options->progress_context,
                              detail);
    if (err != TAMGA_OK)
        return err;
    *out = pass.sealed;
    pass.sealed.fd = -1;
    return TAMGA_OK;
}
