/* Tests of server/node/daemon.c with a real node: certificates that end, and are renewed. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "secure.h"
#include "tamga/v1/rpc.pb-c.h"

#define ENDS "certificate_ends"

static unsigned lines_with(const struct secure *secure, const char *word)
{
    char path[CLUSTER_PATH_MAX + 16], line[2048];
    unsigned count = 0;
    FILE *file;

    snprintf(path, sizeof path, "%s/log", secure->node->folder);
    file = fopen(path, "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, word) != NULL;
    fclose(file);
    return count;
}

struct wanted {
    const struct secure *secure;
    const char *word;
    unsigned count;
};

static bool is_logged(struct cluster *cluster, void *context)
{
    const struct wanted *wanted = context;

    (void)cluster;
    return lines_with(wanted->secure, wanted->word) >= wanted->count;
}

static void wait_for(struct secure *secure, const char *word, unsigned count)
{
    struct wanted wanted = {secure, word, count};

    cluster_wait(&secure->cluster, word, 10, is_logged, &wanted);
    CHECK(lines_with(secure, word) == count);
}

static enum tamga_err call(const struct secure *secure)
{
    Tamga__V1__HealthCheckRequest request = TAMGA__V1__HEALTH_CHECK_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {
        .channel = secure->node->channel, .deadline_ms = 5000};

    tamga__v1__health_service__check(
        tamga_reply_service(&reply, &tamga__v1__health_service__descriptor), &request,
        (Tamga__V1__HealthCheckResponse_Closure)tamga_reply_take, &reply);
    return reply.err;
}

/* Sockets of this process, by their numbers in the kernel: another connection, another sum. */
static unsigned long sockets(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned long sum = 0;
    struct dirent *entry;

    CHECK(folder != NULL);
    while ((entry = readdir(folder)) != NULL) {
        char path[300], target[64] = "";
        unsigned long inode = 0;

        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        if (readlink(path, target, sizeof target - 1) > 0 &&
            sscanf(target, "socket:[%lu]", &inode) == 1)
            sum += inode;
    }
    closedir(folder);
    return sum;
}

/*
 * Goal:   a certificate that ends within 30 days is told at the start and after SIGHUP, one
 *         that does not is not; SIGHUP drops no connection, whatever it finds in the files.
 * Method: a node with 29 days; renew for 365, for 20, then put back one that has ended; the
 *         log, and this process's sockets, which stay the same.
 */
int main(void)
{
    static struct secure secure;
    unsigned long before;

    secure_open(&secure, 29);
    wait_for(&secure, ENDS, 1);
    CHECK(call(&secure) == TAMGA_OK);
    before = sockets();
    secure_renew(&secure, 365);
    CHECK(kill(secure.node->pid, SIGHUP) == 0);
    wait_for(&secure, "net.reload", 1);
    CHECK(call(&secure) == TAMGA_OK);
    secure_renew(&secure, 20);
    CHECK(kill(secure.node->pid, SIGHUP) == 0);
    wait_for(&secure, ENDS, 2);
    CHECK(call(&secure) == TAMGA_OK);
    secure_renew(&secure, 0);
    CHECK(kill(secure.node->pid, SIGHUP) == 0);
    wait_for(&secure, "LINK_EXPIRED", 1);
    CHECK(call(&secure) == TAMGA_OK);
    CHECK(sockets() == before);
    secure_close(&secure);
    printf("two warnings, three reloads, one connection\n");
    return 0;
}
