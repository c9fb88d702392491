/* client/producer/image.c, send.c: what an image is called, and what is sent of it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "fake_node.h"
#include "producer/image.h"

#define CHUNK ((size_t)TAMGA_DAG_CHUNK_BYTES)

static uint8_t *pattern(size_t len)
{
    uint8_t *bytes = malloc(len);
    uint32_t state = 1;

    cr_assert_not_null(bytes);
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(state >> 24);
    }
    return bytes;
}

static enum tamga_err image_open(struct tamga_image *image, const char *path)
{
    return tamga_image_open(image, path, &tamga_dag_default, NULL, NULL, NULL);
}

static struct tamga_session *session_to(const struct fake_node *node)
{
    struct tamga_session *session = NULL;
    const char *addr = fake_addr(node);

    cr_assert_eq(tamga_session_open(&session, test_consortium(), NULL, &addr, 1, 20000, NULL),
                 TAMGA_OK);
    return session;
}

/*
 * Goal:   CID, hash and length are those of the file.
 * Method: the CID that `ipfs add` prints for "hello\n".
 */
Test(image, is_named_as_ipfs_names_it)
{
    struct tamga_image image = {.fd = -1};
    struct tamga_hash hash;
    char text[TAMGA_CID_TEXT_MAX];

    cr_assert_eq(image_open(&image, fake_file("hello\n", 6)), TAMGA_OK);
    tamga_cid_format(text, &image.root);
    cr_assert_str_eq(text, "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN");
    tamga_sha256(&hash, tamga_span("hello\n", 6));
    cr_assert(tamga_hash_equal(&hash, &image.sha256));
    cr_assert_eq(image.bytes, 6);
    tamga_image_close(&image);
}

/*
 * Goal:   what is no image is refused with its reason.
 * Method: an empty file, a folder, a pipe, nothing.
 */
Test(image, refuses_what_is_no_image)
{
    struct tamga_image image = {.fd = -1};
    char fifo[] = "/tmp/tamga-fifo-XXXXXX";

    cr_assert_eq(image_open(&image, fake_file("", 0)), TAMGA_E_IMAGE_LENGTH);
    cr_assert_eq(image_open(&image, "/tmp"), TAMGA_E_IMAGE_LENGTH);
    cr_assert_eq(image_open(&image, "/tmp/tamga-absent"), TAMGA_E_FILE_IO);
    cr_assert_not_null(mkdtemp(fifo));
    cr_assert_eq(rmdir(fifo), 0);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    cr_assert_eq(image_open(&image, fifo), TAMGA_E_IMAGE_LENGTH);
    unlink(fifo);
    cr_assert_eq(image.fd, -1);
}

/*
 * Goal:   only what the node lacks is put, and each block once.
 * Method: an image over several batches, sent twice; repeated chunks in it.
 */
Test(image, sends_what_is_missing)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    struct tamga_session *session = session_to(node);
    struct tamga_image image = {.fd = -1};
    size_t len = 70 * CHUNK + 5;
    uint8_t *bytes = pattern(len);
    unsigned puts;

    memset(bytes, 0, 10 * CHUNK); /* ten chunks that are the same */
    cr_assert_eq(image_open(&image, fake_file(bytes, len)), TAMGA_OK);
    cr_assert_eq(tamga_image_send(&image, session, NULL, NULL, NULL), TAMGA_OK);
    puts = fake_puts(node);
    cr_assert_eq(fake_contents(node), 61 + 1 + 1, "%zu", fake_contents(node));
    cr_assert_eq(puts, fake_contents(node));
    cr_assert_eq(tamga_image_send(&image, session, NULL, NULL, NULL), TAMGA_OK);
    cr_assert_eq(fake_puts(node), puts);
    tamga_image_close(&image);
    free(bytes);
    tamga_session_close(session);
    fake_stop(node);
}

/*
 * Goal:   a file that changes after it was hashed is noticed.
 * Method: change a byte, append, cut.
 */
Test(image, notices_a_file_that_changed)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    struct tamga_session *session = session_to(node);
    struct tamga_image image = {.fd = -1};
    const char *path = fake_file("firmware", 8);
    int fd = open(path, O_WRONLY);

    cr_assert_geq(fd, 0);
    cr_assert_eq(image_open(&image, path), TAMGA_OK);
    cr_assert_eq(pwrite(fd, "F", 1, 0), 1);
    cr_assert_eq(tamga_image_send(&image, session, NULL, NULL, NULL), TAMGA_E_IMAGE_MISMATCH);
    cr_assert_eq(pwrite(fd, "f", 1, 0), 1);
    cr_assert_eq(tamga_image_send(&image, session, NULL, NULL, NULL), TAMGA_OK);
    cr_assert_eq(pwrite(fd, "!", 1, 8), 1);
    cr_assert_eq(tamga_image_send(&image, session, NULL, NULL, NULL), TAMGA_E_IMAGE_MISMATCH);
    cr_assert_eq(ftruncate(fd, 7), 0);
    cr_assert_eq(tamga_image_send(&image, session, NULL, NULL, NULL), TAMGA_E_IMAGE_MISMATCH);
    close(fd);
    tamga_image_close(&image);
    tamga_session_close(session);
    fake_stop(node);
}
