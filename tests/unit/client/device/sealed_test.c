/* client/device/part.c, decrypt.c: an image that is sealed on its way, from check-in to a
 * slot of plaintext, and every reason to leave it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "wire/wire.h"
#include "world.h"

#define LEAF_BYTES  TAMGA_DAG_CHUNK_BYTES
#define PLAIN_BYTES (4u * LEAF_BYTES + 1000) /* sealed: five leaves and a root */
#define SEALED_BLOCKS 6u
#define KEYS        3

static struct world world;
static struct tamga_recipient_key *keys[KEYS];
static char key_file[KEYS][96];

static void make_keys(void)
{
    world_make(&world);
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(key_file[i], sizeof key_file[i], "%s/decryption-%zu.pem", world.folder, i);
        cr_assert_eq(tamga_recipient_key_generate(&keys[i]), TAMGA_OK);
        cr_assert_eq(tamga_recipient_key_save(keys[i], key_file[i], NULL, NULL), TAMGA_OK);
    }
    world.options.decryption_key = key_file[0];
}

static void start(void)
{
    make_keys();
    world_serve(&world);
    cr_assert_eq(world_open(&world), TAMGA_OK, "%s", world.detail.text);
}

/* ---- sealed releases ------------------------------------------------------------------ */

/* One release that is sealed; static, for hooks have no context. */
static struct {
    struct image plain, sealed;
    struct tamga_seal_key key;
    struct tamga_hash plain_sha256;
    size_t first, count; /* recipients: keys[first..] */
    uint64_t counter_added; /* to the identity that keys are wrapped for */
    struct tamga_wrapped_key wrapped[KEYS];
    Tamga__V1__Recipient recipient[KEYS], *list[KEYS];
    Tamga__V1__Encryption encryption;
} made;

static enum tamga_err gather(void *context, struct tamga_span bytes)
{
    return tamga_buf_add(context, bytes);
}

static void seal(size_t len)
{
    TAMGA_CLEANUP(tamga_seal_stream_release) struct tamga_seal_stream *sealer = NULL;

    image_clear(&made.plain);
    image_clear(&made.sealed);
    memset(&made, 0, sizeof made);
    made.count = 1;
    world_image(&world, &made.plain, 5, len);
    world.gateway.content_count = 0; /* it has no plaintext */
    made.plain_sha256 = made.plain.sha256;
    cr_assert_eq(tamga_seal_key_generate(&made.key), TAMGA_OK);
    cr_assert_eq(tamga_sealer_new(&sealer, &made.key, len, gather, &made.sealed.bytes),
                 TAMGA_OK);
    cr_assert_eq(tamga_seal_stream_add(sealer, tamga_buf_span(&made.plain.bytes)), TAMGA_OK);
    cr_assert_eq(tamga_seal_stream_finish(sealer), TAMGA_OK);
}

static int by_id(const void *left, const void *right)
{
    const struct tamga_wrapped_key *a = left, *b = right;

    return memcmp(a->recipient.byte, b->recipient.byte, TAMGA_HASH_BYTES);
}

static void set_encryption(Tamga__V1__TransactionBody *body)
{
    Tamga__V1__Release *release = body->release;
    struct tamga_hash identity;

    release->counter += made.counter_added;
    tamga_release_identity(&identity, &test_network()->id, release);
    release->counter -= made.counter_added;
    for (size_t i = 0; i < made.count; i++)
        cr_assert_eq(tamga_seal_key_wrap(&made.wrapped[i],
                                         tamga_recipient_key_public(keys[made.first + i]),
                                         &made.key, &identity),
                     TAMGA_OK);
    qsort(made.wrapped, made.count, sizeof made.wrapped[0], by_id);
    tamga__v1__encryption__init(&made.encryption);
    for (size_t i = 0; i < made.count; i++) {
        const struct tamga_wrapped_key *wrapped = &made.wrapped[i];
        Tamga__V1__Recipient *recipient = made.list[i] = &made.recipient[i];

        tamga__v1__recipient__init(recipient);
        recipient->key_id = tamga_wire_bytes(tamga_hash_span(&wrapped->recipient));
        recipient->ephemeral = tamga_wire_bytes(tamga_span(wrapped->ephemeral, 32));
        recipient->wrapped = tamga_wire_bytes(tamga_span(wrapped->byte, 48));
    }
    made.encryption.format = 1;
    made.encryption.n_recipients = made.count;
    made.encryption.recipients = made.list;
    made.encryption.plain_sha256 = tamga_wire_bytes(tamga_hash_span(&made.plain_sha256));
    made.encryption.plain_bytes = made.plain.bytes.len;
    release->encryption = &made.encryption;
}

static void offer(uint64_t counter)
{
    world_image_add(&world, &made.sealed);
    world_offer(&world, &made.sealed,
                &(struct test_release){.counter = counter, .change = set_encryption});
}

static void end(void)
{
    image_clear(&made.plain);
    image_clear(&made.sealed);
    world_end(&world);
    for (size_t i = 0; i < KEYS; i++)
        tamga_recipient_key_free(keys[i]);
}
TestSuite(sealed, .init = start, .fini = end, .timeout = 60);

/* ---- what comes of it ------------------------------------------------------------------ */

static void receipted(Tamga__V1__Outcome outcome, enum tamga_err reason)
{
    Tamga__V1__ReceiptBody *receipt;

    cr_assert_eq(world.gateway.receipt_count, 1, "%zu receipts", world.gateway.receipt_count);
    receipt = world_receipt(&world, 0);
    cr_assert_eq(receipt->outcome, outcome);
    cr_assert_eq(receipt->reason, (uint32_t)reason, "%s",
                 tamga_err_name((enum tamga_err)receipt->reason));
    cr_assert(tamga_span_equal(tamga_wire_span(receipt->image_sha256),
                               tamga_hash_span(&made.sealed.sha256)));
    tamga_wire_free(&receipt->base);
}

static void installs(void)
{
    enum tamga_err err = world_session(&world);

    cr_assert_eq(err, TAMGA_OK, "%s: %s", tamga_err_name(err), world.detail.text);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_INSTALLED);
    cr_assert(world_runs(&world, &made.plain));
}

/* 0: there is no such file. */
static mode_t mode_of(const char *name)
{
    char path[128];
    struct stat info;

    snprintf(path, sizeof path, "%s/%s", world.root, name);
    return stat(path, &info) == 0 ? info.st_mode & 0777 : 0;
}

static void fails(enum tamga_err expected)
{
    enum tamga_err err = world_session(&world);

    cr_assert_eq(err, expected, "%s: %s", tamga_err_name(err), world.detail.text);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_FAILED);
    receipted(TAMGA__V1__OUTCOME__OUTCOME_FAILED, expected);
    cr_assert_eq(mode_of("slot-a"), 0);
    cr_assert_eq(mode_of("slot-a.part"), 0);
    cr_assert_eq(world_status(&world).counter, 0);
}

/*
 * Goal:   what was sealed runs in the clear; the record names what is on the chain.
 * Method: an image of many chunks for this device; read slot, mode and receipt.
 */
Test(sealed, installs_the_plaintext)
{
    seal(PLAIN_BYTES);
    offer(3);
    installs();
    receipted(TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED, TAMGA_OK);
    cr_assert_eq(mode_of("slot-a"), 0600);
    cr_assert_eq(world_status(&world).counter, 3);
}

/*
 * Goal:   edges of chunk and leaf, one byte, and who else it is for, make no difference.
 * Method: lengths about them; two and three recipients; releases in the clear between.
 */
Test(sealed, lengths_and_company)
{
    static const size_t lengths[] = {1, TAMGA_SEAL_CHUNK_BYTES, TAMGA_SEAL_CHUNK_BYTES + 1,
                                     LEAF_BYTES - TAMGA_SEAL_HEADER_BYTES - 64,
                                     LEAF_BYTES - TAMGA_SEAL_HEADER_BYTES - 63};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        seal(lengths[i]);
        made.count = 1 + i % KEYS;
        offer(2 * i + 1);
        installs();
        world_offer_next(&world, 2 * i + 2);
        cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    }
}

static void refuses(void)
{
    cr_assert_eq(world_session(&world), TAMGA_E_NO_RECIPIENT);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_REFUSED);
    cr_assert_eq(world.gateway.blocks_asked, 0);
    receipted(TAMGA__V1__OUTCOME__OUTCOME_REFUSED, TAMGA_E_NO_RECIPIENT);
}

/*
 * Goal:   a device that is no recipient says so, and fetches nothing.
 * Method: an image for two others.
 */
Test(sealed, no_recipient)
{
    seal(1000);
    made.first = 1;
    made.count = 2;
    offer(1);
    refuses();
}

/*
 * Goal:   neither does one without a key.
 * Method: the same device, opened without it.
 */
Test(sealed, no_key)
{
    world_close(&world);
    world.options.decryption_key = NULL;
    cr_assert_eq(world_open(&world), TAMGA_OK);
    seal(1000);
    offer(1);
    refuses();
}

/*
 * Goal:   a device whose newest release is not for it may take the one before.
 * Method: a release in the clear, then a sealed one for others; the older one is offered.
 */
Test(sealed, an_older_one_in_the_clear)
{
    struct image image;

    world_image(&world, &image, 1, 1000);
    world_offer(&world, &image, &(struct test_release){.counter = 1});
    seal(1000);
    world_image_add(&world, &image);
    world_image_add(&world, &made.sealed);
    made.first = 1;
    world_supersede_by(&world, &made.sealed,
                       &(struct test_release){.counter = 2, .change = set_encryption});
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert(world_runs(&world, &image));
    image_clear(&image);
}

/*
 * Goal:   a key that was wrapped for another release is of no use.
 * Method: wrapped for the counter above.
 */
Test(sealed, wrapped_for_another_release)
{
    seal(1000);
    made.counter_added = 1;
    offer(1);
    fails(TAMGA_E_BAD_WRAP);
    cr_assert_eq(world.gateway.blocks_asked, 0);
}

/*
 * Goal:   what a producer sealed wrongly never reaches a slot, though chain and content
 *         store agree on its bytes.
 * Method: one byte of the second chunk changed before the image got its names.
 */
Test(sealed, bad_ciphertext)
{
    seal(PLAIN_BYTES);
    made.sealed.bytes.data[TAMGA_SEAL_HEADER_BYTES + TAMGA_SEALED_CHUNK_BYTES] ^= 1;
    offer(1);
    fails(TAMGA_E_BAD_CIPHERTEXT);
}

/*
 * Goal:   nor does another plaintext than was signed.
 * Method: another hash in the release.
 */
Test(sealed, other_plaintext)
{
    seal(PLAIN_BYTES);
    made.plain_sha256.byte[31] ^= 1;
    offer(1);
    fails(TAMGA_E_IMAGE_MISMATCH);
}

/* The gateway ends after `blocks`; what was installed so far stays. */
static void interrupted(unsigned blocks)
{
    seal(PLAIN_BYTES);
    offer(1);
    world.gateway.good_blocks = blocks + 1;
    cr_assert_eq(world_session(&world), TAMGA_E_BUSY);
    cr_assert_eq(mode_of("slot-a.part"), 0600);
    cr_assert_eq(mode_of("slot-a"), 0);
    world.gateway.good_blocks = 0;
    world.gateway.blocks_asked = 0;
}

/*
 * Goal:   a download goes on where it stopped, though no ciphertext was kept.
 * Method: root and three leaves, then the device starts anew: the third leaf ends in the
 *         middle of a chunk and is asked for again, the first two are not.
 */
Test(sealed, goes_on_where_it_stopped)
{
    interrupted(4);
    world_close(&world);
    cr_assert_eq(world_open(&world), TAMGA_OK);
    installs();
    cr_assert_eq(world.gateway.blocks_asked, SEALED_BLOCKS - 2);
}

/*
 * Goal:   what is left and damaged, or of another image, does no harm.
 * Method: change a byte in the part file, in the first leaf: that one is fetched; then fill
 *         the file with other bytes, longer than the image.
 */
Test(sealed, left_overs_are_judged)
{
    char path[128];
    int fd;

    interrupted(4);
    snprintf(path, sizeof path, "%s/slot-a.part", world.root);
    fd = open(path, O_WRONLY);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, "damage", 6, 100), 6);
    close(fd);
    installs();
    cr_assert_eq(world.gateway.blocks_asked, SEALED_BLOCKS - 1);
    seal(PLAIN_BYTES);
    snprintf(path, sizeof path, "%s/slot-b.part", world.root);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    cr_assert_geq(fd, 0);
    for (off_t at = 0; at < PLAIN_BYTES + 100; at += 50)
        cr_assert_eq(pwrite(fd, path, 50, at), 50);
    close(fd);
    world.gateway.blocks_asked = 0;
    offer(2);
    installs();
    cr_assert_eq(world.gateway.blocks_asked, SEALED_BLOCKS);
    cr_assert_eq(mode_of("slot-b"), 0600);
}

/*
 * Goal:   an install that a crash cut off is finished, and what the slot holds is judged as
 *         plaintext then.
 * Method: a process of its own ends when the image is placed; open again here.
 */
Test(sealed_crash, is_finished, .init = make_keys, .fini = end, .timeout = 60)
{
    int pipes[2], status = 0;
    pid_t pid;

    cr_assert_eq(pipe(pipes), 0);
    pid = fork(); /* before this process opens its first socket */
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        alarm(30);
        world.exit_at = "install.placed";
        if (read(pipes[0], world.gateway.addr, sizeof world.gateway.addr) <= 0 ||
            world_open(&world) != TAMGA_OK)
            _exit(1);
        (void)!world_session(&world);
        _exit(3);
    }
    world_serve(&world);
    seal(PLAIN_BYTES);
    offer(1);
    cr_assert_eq(write(pipes[1], world.gateway.addr, sizeof world.gateway.addr),
                 (ssize_t)sizeof world.gateway.addr);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 9, "%x", (unsigned)status);
    cr_assert_eq(world_open(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert(world_runs(&world, &made.plain));
    cr_assert_eq(world_status(&world).counter, 1);
}

/*
 * Goal:   a device with a key file that is none does not start.
 * Method: its signing key, and a path where nothing is.
 */
Test(sealed, key_file_must_fit)
{
    struct tamga_device *device = NULL;
    struct tamga_device_options options = world.options;

    options.state = key_file[1]; /* is not looked at */
    options.decryption_key = world.key;
    cr_assert_eq(tamga_device_open(&device, &options, &world.env, &world.detail),
                 TAMGA_E_KEY_FILE);
    options.decryption_key = "/nowhere/decryption.pem";
    cr_assert_eq(tamga_device_open(&device, &options, &world.env, &world.detail),
                 TAMGA_E_KEY_FILE);
}
