/*
 * Clients and nodes that die: a node gets its descriptors back after forty loaded clients
 * were killed, and a client goes on with a node that was killed and started twelve times.
 */
#include "cluster.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tamga/v1/rpc.pb-c.h"

#define CLIENTS        40
#define CALLERS        8 /* threads of each client */
#define CALLS_BEFORE   50
#define RESTARTS       12

/* ---- the client, a program of its own: calls until it is killed -------------------- */

static struct tamga_channel *target;

static enum tamga_err list_methods(struct tamga_channel *channel)
{
    Tamga__V1__ListServicesRequest request = TAMGA__V1__LIST_SERVICES_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = channel, .deadline_ms = 5000};

    tamga__v1__listing_service__list_services(
        tamga_reply_service(&reply, &tamga__v1__listing_service__descriptor), &request,
        (Tamga__V1__ListServicesResponse_Closure)tamga_reply_take, &reply);
    return reply.err;
}

static void *call_on(void *context)
{
    size_t calls = 0;

    while (list_methods(target) == TAMGA_OK)
        if (++calls == CALLS_BEFORE && context != NULL && write(STDOUT_FILENO, "x", 1) != 1)
            break;
    return NULL;
}

static int client_main(const char *addr)
{
    pthread_t caller;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    CHECK(tamga_channel_open(&target, addr, NULL) == TAMGA_OK);
    for (size_t i = 0; i < CALLERS; i++)
        CHECK(pthread_create(&caller, NULL, call_on, NULL) == 0);
    call_on(&target); /* this one tells when the load is on */
    return 1;
}

static void run_and_kill_client(const char *addr)
{
    int out[2];
    char byte;
    pid_t pid;

    CHECK(pipe(out) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execl("/proc/self/exe", "clients_test", addr, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    CHECK(read(out[0], &byte, 1) == 1); /* alive, and loading the node, at the kill */
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    close(out[0]);
}

/* ---- the tests ----------------------------------------------------------------------- */

static size_t descriptors(pid_t pid)
{
    char path[64];
    size_t count = 0;
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    folder = opendir(path);
    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

struct base {
    pid_t pid;
    size_t count;
};

static bool back_at_base(struct cluster *cluster, void *context)
{
    const struct base *base = context;

    (void)cluster;
    return descriptors(base->pid) <= base->count;
}

/*
 * Goal:   no descriptor of a node is lost to clients that were killed under load.
 * Method: forty clients of nine callers, one after the other, each killed at work.
 */
static void killed_clients_cost_nothing(struct cluster *cluster)
{
    struct cluster_process *node = cluster_find(cluster, "node-a");
    struct base base;

    CHECK(list_methods(node->channel) == TAMGA_OK);
    base = (struct base){node->pid, descriptors(node->pid)};
    for (size_t i = 0; i < CLIENTS; i++)
        run_and_kill_client(node->rpc);
    cluster_wait(cluster, "descriptors back at their base", 30, back_at_base, &base);
    CHECK(list_methods(node->channel) == TAMGA_OK);
}

/*
 * Goal:   one channel outlives its node, as often as that dies.
 * Method: twelve times: a call, kill -9, start, a call on the same channel.
 */
static void one_channel_outlives_its_node(struct cluster *cluster)
{
    struct cluster_process *node = cluster_find(cluster, "node-a");

    for (size_t i = 0; i < RESTARTS; i++) {
        CHECK(list_methods(node->channel) == TAMGA_OK);
        CHECK(cluster_stop(cluster, "node-a", SIGKILL) == 128 + SIGKILL);
        cluster_start(cluster, "node-a");
        CHECK(list_methods(node->channel) == TAMGA_OK);
    }
}

int main(int argc, char **argv)
{
    struct cluster cluster;

    if (argc == 2)
        return client_main(argv[1]);
    cluster_open(&cluster, 1, 0);
    cluster_start(&cluster, "node-a");
    killed_clients_cost_nothing(&cluster);
    one_channel_outlives_its_node(&cluster);
    cluster_close(&cluster);
    puts("ok");
    return 0;
}
