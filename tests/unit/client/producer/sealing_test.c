/* client/producer/sealing.c: what is published is the ciphertext, which recipients open, and
 * nothing is left behind. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "fake_node.h"
#include "link/client_internal.h"
#include "producer/sealing.h"
#include "wire/wire.h"

#define KEYS        3
#define PLAIN_BYTES 300001

static char folder[32], temporary[64], key_file[KEYS][64];
static struct tamga_recipient_key *keys[KEYS];
static struct tamga_detail detail;

static void start(void)
{
    strcpy(folder, "/tmp/tamga-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(temporary, sizeof temporary, "%s/tmp", folder);
    cr_assert_eq(mkdir(temporary, 0700), 0);
    cr_assert_eq(setenv("TMPDIR", temporary, 1), 0);
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(key_file[i], sizeof key_file[i], "%s/key-%zu.pub", folder, i);
        cr_assert_eq(tamga_recipient_key_generate(&keys[i]), TAMGA_OK);
        cr_assert_eq(tamga_recipient_save(tamga_recipient_key_public(keys[i]), key_file[i],
                                          NULL),
                     TAMGA_OK);
    }
}

static void end(void)
{
    for (size_t i = 0; i < KEYS; i++) {
        unlink(key_file[i]);
        tamga_recipient_key_free(keys[i]);
    }
    rmdir(temporary);
    rmdir(folder);
}
TestSuite(sealing, .init = start, .fini = end, .timeout = 60);

static bool nothing_left(void)
{
    DIR *dir = opendir(temporary);
    const struct dirent *entry;
    bool empty = true;

    cr_assert_not_null(dir);
    while ((entry = readdir(dir)) != NULL)
        empty &= entry->d_name[0] == '.';
    closedir(dir);
    return empty;
}

static const char *const all_keys[KEYS] = {key_file[0], key_file[1], key_file[2]};

static struct tamga_publish_options options_of(const void *bytes, size_t len, size_t count)
{
    return (struct tamga_publish_options){.image = fake_file(bytes, len),
                                          .model = "acme/cam",
                                          .version = "1.0",
                                          .encrypt_to = all_keys,
                                          .encrypt_to_count = count};
}

static void plain_of(struct tamga_buf *out)
{
    cr_assert_eq(tamga_buf_reserve(out, PLAIN_BYTES), TAMGA_OK);
    for (size_t i = 0; i < PLAIN_BYTES; i++)
        out->data[i] = (uint8_t)(i * 31);
    out->len = PLAIN_BYTES;
}

static enum tamga_err gather(void *context, struct tamga_span bytes)
{
    return tamga_buf_add(context, bytes);
}

/* What a recipient makes of the ciphertext. */
static void open_as(const struct tamga_recipient_key *key, const struct tamga_sealing *sealing,
                    const Tamga__V1__Release *release, const struct tamga_buf *ciphertext,
                    struct tamga_buf *out)
{
    TAMGA_CLEANUP(tamga_seal_stream_release) struct tamga_seal_stream *opener = NULL;
    struct tamga_seal_key content;
    struct tamga_hash identity;
    enum tamga_err err = TAMGA_E_NO_RECIPIENT;

    tamga_release_identity(&identity, &test_network()->id, release);
    for (size_t i = 0; i < sealing->count && err == TAMGA_E_NO_RECIPIENT; i++)
        err = tamga_seal_key_unwrap(&content, key, &sealing->wrapped[i], &identity);
    cr_assert_eq(err, TAMGA_OK, "%s", tamga_err_name(err));
    cr_assert_eq(tamga_opener_new(&opener, &content, release->encryption->plain_bytes, gather,
                                  out),
                 TAMGA_OK);
    cr_assert_eq(tamga_seal_stream_add(opener, tamga_buf_span(ciphertext)), TAMGA_OK);
    cr_assert_eq(tamga_seal_stream_finish(opener), TAMGA_OK);
}

/*
 * Goal:   the image is the ciphertext, each recipient opens it to the file that was given,
 *         the release says so in the form that nodes take, and no file is left.
 * Method: seal for three, wrap, judge the release, open as each.
 */
Test(sealing, recipients_open_it)
{
    TAMGA_CLEANUP(tamga_image_close) struct tamga_image image = {.fd = -1};
    TAMGA_CLEANUP(tamga_sealing_clear) struct tamga_sealing sealing = {0};
    TAMGA_BUF plain = {0}, ciphertext = {0};
    Tamga__V1__Release release = TAMGA__V1__RELEASE__INIT;
    struct tamga_publish_options options;
    char cid[TAMGA_CID_TEXT_MAX], producer[] = "acme", model[] = "cam", version[] = "1.0";
    struct tamga_hash sha256;

    plain_of(&plain);
    options = options_of(plain.data, plain.len, KEYS);
    cr_assert_eq(tamga_sealing_init(&sealing, &options, &detail), TAMGA_OK);
    cr_assert_eq(tamga_sealing_image(&sealing, &image, &options, &tamga_dag_default, &detail),
                 TAMGA_OK, "%s", detail.text);
    cr_assert(nothing_left());
    cr_assert_eq(image.bytes, tamga_sealed_bytes(PLAIN_BYTES));
    cr_assert_eq(tamga_buf_reserve(&ciphertext, image.bytes), TAMGA_OK);
    cr_assert_eq(pread(image.fd, ciphertext.data, image.bytes, 0), (ssize_t)image.bytes);
    ciphertext.len = image.bytes;
    tamga_sha256(&sha256, tamga_buf_span(&ciphertext));
    cr_assert(tamga_hash_equal(&sha256, &image.sha256));
    tamga_cid_format(cid, &image.root);
    release.producer = producer;
    release.model = model;
    release.version = version;
    release.counter = 5;
    release.cid = cid;
    release.image_sha256 = tamga_wire_bytes(tamga_hash_span(&image.sha256));
    release.image_bytes = image.bytes;
    cr_assert_eq(tamga_sealing_wrap(&sealing, &release, &test_network()->id, &detail),
                 TAMGA_OK);
    cr_assert_eq(tamga_release_check(&release, &detail), TAMGA_OK, "%s", detail.text);
    tamga_sha256(&sha256, tamga_buf_span(&plain));
    cr_assert(tamga_span_equal(tamga_wire_span(release.encryption->plain_sha256),
                               tamga_hash_span(&sha256)));
    for (size_t i = 0; i < KEYS; i++) {
        TAMGA_BUF out = {0};

        open_as(keys[i], &sealing, &release, &ciphertext, &out);
        cr_assert(tamga_span_equal(tamga_buf_span(&out), tamga_buf_span(&plain)));
    }
}

/*
 * Goal:   a file that is sealed twice makes two images.
 * Method: compare hashes.
 */
Test(sealing, every_time_anew)
{
    struct tamga_publish_options options = options_of("image", 5, 1);
    struct tamga_hash sha256[2];

    for (size_t i = 0; i < 2; i++) {
        TAMGA_CLEANUP(tamga_image_close) struct tamga_image image = {.fd = -1};
        TAMGA_CLEANUP(tamga_sealing_clear) struct tamga_sealing sealing = {0};

        cr_assert_eq(tamga_sealing_init(&sealing, &options, &detail), TAMGA_OK);
        cr_assert_eq(tamga_sealing_image(&sealing, &image, &options, &tamga_dag_default,
                                         &detail),
                     TAMGA_OK);
        sha256[i] = image.sha256;
    }
    cr_assert_not(tamga_hash_equal(&sha256[0], &sha256[1]));
}

/*
 * Goal:   lists of keys that cannot be are refused before a file is read.
 * Method: 33 keys, one twice, one that is not there.
 */
Test(sealing, refuses_bad_lists)
{
    const char *many[TAMGA_RECIPIENTS_MAX + 1], *twice[] = {all_keys[0], all_keys[1], all_keys[0]};
    const char *absent = "/nowhere/key.pub";
    struct tamga_sealing sealing = {0};
    struct tamga_publish_options options = {.encrypt_to = many,
                                            .encrypt_to_count = TAMGA_RECIPIENTS_MAX + 1};

    for (size_t i = 0; i <= TAMGA_RECIPIENTS_MAX; i++)
        many[i] = all_keys[0];
    cr_assert_eq(tamga_sealing_init(&sealing, &options, &detail), TAMGA_E_TOO_LARGE);
    options = (struct tamga_publish_options){.encrypt_to = twice, .encrypt_to_count = 3};
    cr_assert_eq(tamga_sealing_init(&sealing, &options, &detail), TAMGA_E_USAGE);
    options = (struct tamga_publish_options){.encrypt_to = &absent, .encrypt_to_count = 1};
    cr_assert_eq(tamga_sealing_init(&sealing, &options, &detail), TAMGA_E_KEY_FILE);
}

/*
 * Goal:   images and folders that cannot be are refused, as for images in the clear.
 * Method: a file that is not there, an empty one, a folder for ciphertext that is not there.
 */
Test(sealing, refuses_bad_files)
{
    struct tamga_publish_options options = options_of("", 0, 1);
    TAMGA_CLEANUP(tamga_image_close) struct tamga_image image = {.fd = -1};
    struct tamga_sealing sealing = {0};

    cr_assert_eq(tamga_sealing_init(&sealing, &options, &detail), TAMGA_OK);
    cr_assert_eq(tamga_sealing_image(&sealing, &image, &options, &tamga_dag_default, &detail),
                 TAMGA_E_IMAGE_LENGTH);
    options.image = "/nowhere/image";
    cr_assert_eq(tamga_sealing_image(&sealing, &image, &options, &tamga_dag_default, &detail),
                 TAMGA_E_FILE_IO);
    options = options_of("image", 5, 1);
    cr_assert_eq(setenv("TMPDIR", "/nowhere", 1), 0);
    cr_assert_eq(tamga_sealing_image(&sealing, &image, &options, &tamga_dag_default, &detail),
                 TAMGA_E_FILE_IO);
    cr_assert_eq(image.fd, -1);
    cr_assert(nothing_left());
}

/*
 * Goal:   publishing takes the whole way with it.
 * Method: publish sealed to a node; it has the ciphertext, and takes the release.
 */
Test(sealing, is_published)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    const char *addr = fake_addr(node);
    const struct tamga_client_options to = {.nodes = &addr,
                                            .node_count = 1,
                                            .identity = fake_identity("acme"),
                                            .timeout_ms = 10000};
    struct tamga_publish_options options = options_of("image", 5, 2);
    struct tamga_publish_result result = {0};
    struct tamga_client *client = NULL;

    cr_assert_eq(tamga_client_open(&client, &to, &detail), TAMGA_OK, "%s", detail.text);
    cr_assert_eq(tamga_client_publish(client, &options, &result, &detail), TAMGA_OK, "%s",
                 detail.text);
    cr_assert(result.mined);
    cr_assert_eq(result.image_bytes, tamga_sealed_bytes(5));
    cr_assert_eq(fake_contents(node), 1);
    cr_assert(nothing_left());
    tamga_client_close(client);
    fake_stop(node);
}
