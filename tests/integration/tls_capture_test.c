/*
 * What somebody on the way sees of a release: with all links over TLS no byte of the image
 * from the producer to the device, over plain TCP all of it.
 */
#include "cluster.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "relay.h"

#define CANARY       "an image that nobody on the way may read"
#define IMAGE_BYTES  900001
#define WAIT_SECONDS 60

static struct cluster cluster;

/* A command of the shell in the cluster's folder; its exit code. */
static int run(const char *format, ...)
{
    char command[4096];
    va_list args;
    int len = snprintf(command, sizeof command, "cd %s && ", cluster.folder), more, status;

    va_start(args, format);
    more = vsnprintf(command + len, sizeof command - (size_t)len, format, args);
    va_end(args);
    CHECK(more >= 0 && (size_t)(len + more) < sizeof command);
    status = system(command);
    CHECK(status != -1 && WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The producer's folder, as network init would make it. */
static void make_producer(void)
{
    const char *from = cluster.authority.folder;
    char path[CLUSTER_PATH_MAX + 32];

    CHECK(run("mkdir acme && cp node-a/genesis.tamga acme/") == 0);
    snprintf(path, sizeof path, "%s/acme/key.pem", cluster.folder);
    CHECK(tamga_private_key_save(test_key("acme"), path, NULL, NULL) == TAMGA_OK);
    if (cluster.tls)
        CHECK(run("cp %s/ca.crt %s/ca.crl acme/ && cp -p %s/acme.crt acme/tls.crt && "
                  "cp -p %s/acme.key acme/tls.key", from, from, from, from) == 0);
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

/* From the producer through one tap to a node, from a gateway through another to a device. */
static void release_through(struct relay **up, struct relay **down,
                            const struct tamga_buf *image)
{
    char node[64], gateway[64], folder[CLUSTER_PATH_MAX];
    struct expected device = {folder, image};

    *up = relay_open(node, cluster_find(&cluster, "node-a")->rpc);
    *down = relay_open(gateway, cluster_find(&cluster, "gw-1")->rpc);
    cluster_enroll(&cluster, folder, "0001", "gw-1");
    CHECK(run("sed -i 's#%s#%s#' device-0001/device.yaml", cluster_find(&cluster, "gw-1")->rpc,
              gateway) == 0);
    CHECK(run("%s -q --node %s --identity acme publish image.bin --model acme/cam --version 2.0 "
              ">said 2>&1", TAMGA_CLI_PROGRAM, node) == 0);
    cluster_wait(&cluster, "the image on the device", WAIT_SECONDS, installs, &device);
}

/* Every start tells that links are plain, not only the first. */
static void warns_at_every_start(void)
{
    CHECK(cluster_log_says(&cluster, "node-b", "net.insecure") == !cluster.tls);
    CHECK(cluster_stop(&cluster, "node-b", SIGTERM) == 0);
    cluster_start(&cluster, "node-b");
    CHECK(run("test $(grep -c 'warn .*net.insecure: links are plain tcp' node-b/log) -eq %d",
              cluster.tls ? 0 : 2) == 0);
    CHECK(run("test $(grep -c 'warn .*net.insecure' device-0001/log) -eq "
              "$(test %d -eq 1 && echo 0 || grep -c 'start: tamga-device' device-0001/log)",
              cluster.tls) == 0);
}

/*
 * Goal:   over TLS the taps carry at least the image's bytes and never see it; over plain TCP
 *         the same taps see it, which shows that they would; and who is plain says so at
 *         every start.
 * Method: a whole network of real processes, once so and once so, with one image.
 */
static void capture(bool tls)
{
    struct relay *up, *down;
    TAMGA_BUF image = {0};

    if (tls)
        cluster_open_tls(&cluster, 2, 1);
    else
        cluster_open(&cluster, 2, 1);
    cluster_start_all(&cluster);
    make_producer();
    cluster_write_image(&cluster, &image, IMAGE_BYTES, CANARY);
    release_through(&up, &down, &image);
    CHECK(relay_bytes(up) >= IMAGE_BYTES);
    CHECK(relay_bytes(down) >= IMAGE_BYTES);
    CHECK(relay_saw(up, CANARY) == !tls);
    CHECK(relay_saw(down, CANARY) == !tls);
    CHECK(relay_saw(down, "acme") == !tls); /* names neither */
    warns_at_every_start();
    relay_close(up);
    relay_close(down);
    cluster_close(&cluster);
}

int main(void)
{
    capture(true);
    capture(false);
    puts("ok");
    return 0;
}
