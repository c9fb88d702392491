/*
 * Encrypted images that are not what was sealed, on a real device: the release is signed for the
 * bad bytes, so that chain, gateway and content ids all agree on them, and the device alone can
 * tell. What it ran it goes on running.
 */
#include "cluster.h"

#include <stdio.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "crypto/recipient.h"

#define CHUNKS       5u
#define PLAIN_BYTES  (CHUNKS * TAMGA_SEAL_CHUNK_BYTES)
#define WAIT_SECONDS 30

static struct cluster cluster;
static char folder[CLUSTER_PATH_MAX];

/* ---- a sealed image, and what is said of it ---------------------------------------- */

/* Static, for the release's hook has no context. */
static struct {
    struct tamga_recipient_key *recipient;
    struct tamga_buf plain, sealed;
    struct tamga_seal_key key;
    uint64_t plain_bytes;   /* as the release states it */
    uint64_t counter_added; /* to what the wrapped key is bound to */
    struct tamga_wrapped_key wrapped;
    struct tamga_hash plain_sha256;
    Tamga__V1__Recipient entry, *list[1];
    Tamga__V1__Encryption encryption;
} image;

static enum tamga_err gather(void *context, struct tamga_span bytes)
{
    return tamga_buf_add(context, bytes);
}

static void seal(uint64_t seed)
{
    TAMGA_CLEANUP(tamga_seal_stream_release) struct tamga_seal_stream *sealer = NULL;

    cluster_image(&image.plain, seed, PLAIN_BYTES);
    image.sealed.len = 0;
    image.plain_bytes = PLAIN_BYTES;
    image.counter_added = 0;
    tamga_sha256(&image.plain_sha256, tamga_buf_span(&image.plain));
    CHECK(tamga_seal_key_generate(&image.key) == TAMGA_OK);
    CHECK(tamga_sealer_new(&sealer, &image.key, PLAIN_BYTES, gather, &image.sealed) == TAMGA_OK);
    CHECK(tamga_seal_stream_add(sealer, tamga_buf_span(&image.plain)) == TAMGA_OK);
    CHECK(tamga_seal_stream_finish(sealer) == TAMGA_OK);
}

static void set_encryption(Tamga__V1__TransactionBody *body)
{
    struct tamga_hash identity;

    body->release->counter += image.counter_added;
    tamga_release_identity(&identity, &cluster.network->id, body->release);
    body->release->counter -= image.counter_added;
    CHECK(tamga_seal_key_wrap(&image.wrapped, tamga_recipient_key_public(image.recipient),
                              &image.key, &identity) == TAMGA_OK);
    tamga__v1__recipient__init(&image.entry);
    image.entry.key_id = tamga_wire_bytes(tamga_hash_span(&image.wrapped.recipient));
    image.entry.ephemeral =
        tamga_wire_bytes(tamga_span(image.wrapped.ephemeral, TAMGA_X25519_BYTES));
    image.entry.wrapped =
        tamga_wire_bytes(tamga_span(image.wrapped.byte, TAMGA_WRAPPED_KEY_BYTES));
    image.list[0] = &image.entry;
    tamga__v1__encryption__init(&image.encryption);
    image.encryption.format = 1;
    image.encryption.n_recipients = 1;
    image.encryption.recipients = image.list;
    image.encryption.plain_sha256 = tamga_wire_bytes(tamga_hash_span(&image.plain_sha256));
    image.encryption.plain_bytes = image.plain_bytes;
    body->release->encryption = &image.encryption;
}

static enum tamga_err publish(uint64_t counter)
{
    struct cluster_release release = {
        .counter = counter, .image = &image.sealed, .change = set_encryption};

    return cluster_publish(&cluster, "node-a", &release, NULL);
}

/* ---- what is done to it ------------------------------------------------------------ */

static uint8_t *chunk(size_t index)
{
    return image.sealed.data + TAMGA_SEAL_HEADER_BYTES + index * TAMGA_SEALED_CHUNK_BYTES;
}

static void flip(void)
{
    chunk(2)[777] ^= 1;
}

static void cut(void)
{
    image.sealed.len -= TAMGA_SEALED_CHUNK_BYTES;
    image.plain_bytes -= TAMGA_SEAL_CHUNK_BYTES; /* else no node takes the release */
}

static void swap(void)
{
    static uint8_t kept[TAMGA_SEALED_CHUNK_BYTES];

    memcpy(kept, chunk(1), sizeof kept);
    memcpy(chunk(1), chunk(2), sizeof kept);
    memcpy(chunk(2), kept, sizeof kept);
}

static void wrap_for_another_release(void)
{
    image.counter_added = 1;
}

static void other_plaintext(void)
{
    image.plain_sha256.byte[0] ^= 1;
}

static const struct {
    const char *what, *code;
    void (*spoil)(void);
} cases[] = {
    {"one byte flipped", "(BAD_CIPHERTEXT)", flip},
    {"the last chunk cut off", "(BAD_CIPHERTEXT)", cut},
    {"two chunks swapped", "(BAD_CIPHERTEXT)", swap},
    {"a key wrapped for another release", "(BAD_WRAP)", wrap_for_another_release},
    {"another plaintext than was signed", "(IMAGE_MISMATCH)", other_plaintext},
};

/* ---- the device -------------------------------------------------------------------- */

/* How often the device's log has both on one line. */
static unsigned log_count(const char *event, const char *word)
{
    char path[CLUSTER_PATH_MAX + 8], line[4096];
    unsigned count = 0;
    FILE *file;

    snprintf(path, sizeof path, "%s/log", folder);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        count += strstr(line, event) != NULL && strstr(line, word) != NULL;
    if (file != NULL)
        fclose(file);
    return count;
}

static bool installs(struct cluster *self, void *context)
{
    return cluster_run_device(self, folder) == 0 && cluster_device_runs(folder, context);
}

struct failure {
    const char *code;
    unsigned failures, receipts; /* so many before */
};

/* The release may not be at the gateway yet: then the one before fails again, which is
 * receipted once only. */
static bool fails(struct cluster *self, void *context)
{
    const struct failure *wanted = context;

    (void)cluster_run_device(self, folder);
    return log_count("session.failed", wanted->code) > wanted->failures &&
           log_count("receipt.delivered", "") > wanted->receipts;
}

static void make_device(void)
{
    char path[CLUSTER_PATH_MAX + 32];
    FILE *file;

    cluster_enroll(&cluster, folder, "0001", "gw-1");
    CHECK(tamga_recipient_key_generate(&image.recipient) == TAMGA_OK);
    snprintf(path, sizeof path, "%s/model.pem", folder);
    CHECK(tamga_recipient_key_save(image.recipient, path, NULL, NULL) == TAMGA_OK);
    snprintf(path, sizeof path, "%s/device.yaml", folder);
    file = fopen(path, "a");
    CHECK(file != NULL && fputs("decryption_key: model.pem\n", file) >= 0);
    CHECK(fclose(file) == 0);
}

/*
 * Goal:   a ciphertext that is tampered with, cut or reordered, a key that was wrapped for
 *         something else and a plaintext that nobody signed never run; each is a failure with its
 *         own code and a receipt, and leaves the device and its slots as they were.
 * Method: a good image runs; each spoilt one is released above it; the good one still runs, the
 *         other slot is not there; then a good one again.
 */
static void what_was_not_sealed_never_runs(void)
{
    TAMGA_BUF runs = {0};
    char slot[CLUSTER_PATH_MAX + 32];
    struct stat info;
    uint64_t counter = 1;

    seal(counter);
    CHECK(tamga_buf_set(&runs, tamga_buf_span(&image.plain)) == TAMGA_OK);
    CHECK(publish(counter) == TAMGA_OK);
    cluster_wait(&cluster, "the good image", WAIT_SECONDS, installs, &runs);
    snprintf(slot, sizeof slot, "%s/slot-b", folder);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct failure wanted = {cases[i].code, log_count("session.failed", cases[i].code),
                                 log_count("receipt.delivered", "")};

        seal(++counter);
        cases[i].spoil();
        CHECK(publish(counter) == TAMGA_OK);
        cluster_wait(&cluster, cases[i].what, WAIT_SECONDS, fails, &wanted);
        CHECK(cluster_device_runs(folder, &runs));
        CHECK(stat(slot, &info) != 0);
    }
    seal(++counter);
    CHECK(publish(counter) == TAMGA_OK);
    cluster_wait(&cluster, "another good image", WAIT_SECONDS, installs, &image.plain);
}

/*
 * Goal:   a cut that the release itself gives away goes into no block.
 * Method: the length of what was sealed, and bytes of less.
 */
static void a_length_that_does_not_fit_is_refused(void)
{
    seal(90);
    image.sealed.len -= TAMGA_SEALED_CHUNK_BYTES;
    CHECK(publish(90) == TAMGA_E_BAD_VALUE);
}

int main(void)
{
    cluster_open(&cluster, 2, 1);
    cluster_start_all(&cluster);
    make_device();
    a_length_that_does_not_fit_is_refused();
    what_was_not_sealed_never_runs();
    tamga_recipient_key_free(image.recipient);
    tamga_buf_clear(&image.plain);
    tamga_buf_clear(&image.sealed);
    cluster_close(&cluster);
    puts("ok");
    return 0;
}
