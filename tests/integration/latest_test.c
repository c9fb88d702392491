/*
 * The newest release, proved by real nodes to the real command, and by a file when no node
 * is left.
 */
#include "cluster.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define WAIT_SECONDS 60

/* Run `tamga` with these arguments; its exit code. What it said is in DIR/said. */
static int run(const struct cluster *cluster, const char *format, ...)
{
    char command[4096];
    va_list args;
    int len, more, status;

    len = snprintf(command, sizeof command, "%s --timeout 5 --genesis %s/genesis.tamga ",
                   TAMGA_CLI_PROGRAM, cluster->process[0].folder);
    va_start(args, format);
    more = vsnprintf(command + len, sizeof command - (size_t)len, format, args);
    va_end(args);
    CHECK(more >= 0 && (size_t)(len + more) < sizeof command - CLUSTER_PATH_MAX - 16);
    len += more;
    snprintf(command + len, sizeof command - (size_t)len, " >%s/said 2>&1", cluster->folder);
    status = system(command);
    CHECK(status != -1 && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool said(const struct cluster *cluster, const char *text)
{
    static char all[65536];
    char path[CLUSTER_PATH_MAX + 8];
    FILE *file;
    size_t got;

    snprintf(path, sizeof path, "%s/said", cluster->folder);
    file = fopen(path, "r");
    CHECK(file != NULL);
    got = fread(all, 1, sizeof all - 1, file);
    all[got] = '\0';
    fclose(file);
    return strstr(all, text) != NULL;
}

/* Every node proves, by itself, that the release with this counter is the newest. */
static bool all_prove(struct cluster *cluster, void *context)
{
    char text[64];

    snprintf(text, sizeof text, "counter      %u\n", *(const unsigned *)context);
    for (size_t i = 0; i < cluster->count; i++)
        if (run(cluster, "--node %s latest acme/cam --proof-out %s/proof-%zu",
                cluster->process[i].rpc, cluster->folder, i) != 0 ||
            !said(cluster, text))
            return false;
    return true;
}

/*
 * Goal:   what is published becomes provable at every node, and stays so without any.
 * Method: three nodes; two releases, each waited for everywhere; status and checkpoint; then
 *         kill all nodes and verify what each of them gave.
 */
static void proofs_outlive_the_nodes(struct cluster *cluster)
{
    CHECK(run(cluster, "--node %s latest acme/cam", cluster->process[0].rpc) == 3);
    for (unsigned counter = 1; counter <= 2; counter++) {
        const struct cluster_release release = {.counter = counter, .seed = counter};

        CHECK(cluster_publish(cluster, "node-a", &release, NULL) == TAMGA_OK);
        cluster_wait(cluster, "a proof of the newest release", WAIT_SECONDS, all_prove,
                     &counter);
    }
    CHECK(run(cluster, "--node %s latest acme/lock", cluster->process[1].rpc) == 0);
    CHECK(said(cluster, "acme/lock has no release"));
    CHECK(run(cluster, "--json --node %s releases", cluster->process[1].rpc) == 0);
    CHECK(said(cluster, "\"counter\":\"1\"") && said(cluster, "\"counter\":\"2\""));
    CHECK(run(cluster, "--node %s show checkpoint", cluster->process[1].rpc) == 0);
    CHECK(said(cluster, "of 3 validators, 2 needed"));
    CHECK(run(cluster, "--node %s status", cluster->process[2].rpc) == 0);
    CHECK(!said(cluster, "contradicted"));
    for (size_t i = 0; i < cluster->count; i++)
        CHECK(cluster_stop(cluster, cluster->process[i].name, SIGKILL) == 128 + SIGKILL);
    for (size_t i = 0; i < cluster->count; i++) {
        CHECK(run(cluster, "proof verify %s/proof-%zu", cluster->folder, i) == 0);
        CHECK(said(cluster, "counter      2\n"));
        CHECK(run(cluster, "proof verify %s/proof-%zu --model acme/lock", cluster->folder, i) ==
              1);
        CHECK(said(cluster, "PROOF_KEY"));
    }
}

int main(void)
{
    struct cluster cluster;

    cluster_open(&cluster, 3, 0);
    cluster_start_all(&cluster);
    proofs_outlive_the_nodes(&cluster);
    cluster_close(&cluster);
    puts("ok");
    return 0;
}
