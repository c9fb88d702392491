/*
 * An encrypted image from the producer's command to real devices: who holds the model's key
 * runs it, who does not says so, and nobody on the way has a byte of the plaintext.
 */
#include "cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANARY       "a plaintext that nobody on the way may see"
#define IMAGE_BYTES  900001
#define WAIT_SECONDS 60

static struct cluster cluster;

/* Run a command of the shell in the cluster's folder; its exit code. What it said is in
 * the file `said` there. */
static int run(const char *format, ...)
{
    char command[4096];
    va_list args;
    int len, more, status;

    len = snprintf(command, sizeof command, "cd %s && TMPDIR=%s/tmp && export TMPDIR && ",
                   cluster.folder, cluster.folder);
    va_start(args, format);
    more = vsnprintf(command + len, sizeof command - (size_t)len, format, args);
    va_end(args);
    CHECK(more >= 0 && (size_t)(len + more) < sizeof command - 16);
    memcpy(command + len + more, " >said 2>&1", sizeof " >said 2>&1");
    status = system(command);
    CHECK(status != -1 && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool file_says(const char *folder, const char *name, const char *text)
{
    static char all[1u << 20];
    char path[CLUSTER_PATH_MAX + 32];
    FILE *file;
    size_t got;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "r");
    CHECK(file != NULL);
    got = fread(all, 1, sizeof all - 1, file);
    all[got] = '\0';
    fclose(file);
    return strstr(all, text) != NULL;
}

static void make_producer(void)
{
    char path[CLUSTER_PATH_MAX + 32];

    snprintf(path, sizeof path, "%s/tmp", cluster.folder);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/acme", cluster.folder);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/acme/key.pem", cluster.folder);
    CHECK(tamga_private_key_save(test_key("acme"), path, NULL, NULL) == TAMGA_OK);
    CHECK(run("cp node-a/genesis.tamga acme/") == 0);
}

struct expected {
    const char *folder;
    const struct tamga_buf *image;
};

/* The release may not be at the gateway yet: ask again. */
static bool installs(struct cluster *self, void *context)
{
    const struct expected *expected = context;

    return cluster_run_device(self, expected->folder) == 0 &&
           cluster_device_runs(expected->folder, expected->image);
}

static bool refuses(struct cluster *self, void *context)
{
    const struct expected *expected = context;

    return cluster_run_device(self, expected->folder) == 1 &&
           file_says(expected->folder, "log", "NO_RECIPIENT");
}

/*
 * Goal:   an image that is encrypted to a model's key runs on the devices that hold it, and
 *         a device that does not hold it refuses with a receipt.
 * Method: key, publication and devices by the real programs; a second device without key.
 */
static void installs_for_recipients(const struct tamga_buf *image)
{
    char holder[CLUSTER_PATH_MAX], other[CLUSTER_PATH_MAX];
    struct expected with = {holder, image}, without = {other, image};

    cluster_enroll(&cluster, holder, "0001", "gw-1");
    cluster_enroll(&cluster, other, "0002", "gw-1");
    CHECK(run("%s keygen --type x25519 --out device-0001/model.pem </dev/null",
              TAMGA_CLI_PROGRAM) == 0);
    CHECK(run("echo 'decryption_key: model.pem' | tee -a device-0001/device.yaml") == 0);
    CHECK(run("%s --node %s --identity acme publish image.bin --model acme/cam --version 2.0 "
              "--encrypt-to device-0001/model.pem.pub",
              TAMGA_CLI_PROGRAM, cluster.process[0].rpc) == 0);
    CHECK(file_says(cluster.folder, "said", "encrypted    for 1 key"));
    cluster_wait(&cluster, "the image on the recipient", WAIT_SECONDS, installs, &with);
    cluster_wait(&cluster, "the refusal", WAIT_SECONDS, refuses, &without);
    CHECK(file_says(other, "log", "receipt.delivered"));
    CHECK(!cluster_device_runs(other, image));
}

/*
 * Goal:   the plaintext is nowhere but where it belongs.
 * Method: look for a canary in every file of every process: stores, blocks, logs, state.
 *         It is in the producer's image and the recipient's slot, which shows that the
 *         search finds it. No ciphertext is left behind where it was made.
 */
static void plaintext_is_nowhere_else(void)
{
    CHECK(run("grep -rlaF '" CANARY "' . | LC_ALL=C sort | tr '\\n' ' '") == 0);
    CHECK(file_says(cluster.folder, "said", "./device-0001/slot-a ./image.bin "));
    CHECK(!file_says(cluster.folder, "said", "node-"));
    CHECK(!file_says(cluster.folder, "said", "gw-"));
    CHECK(!file_says(cluster.folder, "said", "device-0002"));
    CHECK(!file_says(cluster.folder, "said", "log"));
    CHECK(run("test -z \"$(ls -A tmp)\"") == 0);
    CHECK(run("grep -rlaF tamgaimg node-a gw-1") == 0); /* they do have the ciphertext */
}

int main(void)
{
    TAMGA_BUF image = {0};

    cluster_open(&cluster, 2, 1);
    cluster_start_all(&cluster);
    make_producer();
    cluster_write_image(&cluster, &image, IMAGE_BYTES, CANARY);
    installs_for_recipients(&image);
    plaintext_is_nowhere_else();
    cluster_close(&cluster);
    puts("ok");
    return 0;
}
