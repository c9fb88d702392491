/*
 * Goal:   a client gets over its server's death, however often, and loses no descriptor by it.
 * Method: 12 times: while a client calls without end, kill the server (-9), start one
 *         on the same port, and wait until the client counts answers again.
 *         Called with "tls", the same through gates at both ends.
 */
#include <stdio.h>
#include <sys/mman.h>

#include "fixture.h"
#include "process.h"

#define KILLS 12

struct progress {
    volatile uint64_t *answers;
    uint64_t wanted;
};

static bool has_progressed(void *context)
{
    const struct progress *progress = context;

    return *progress->answers >= progress->wanted;
}

struct client {
    pid_t pid;
    unsigned base;
};

static bool fd_count_is_base(void *context)
{
    const struct client *client = context;

    return fixture_fd_count(client->pid) <= client->base;
}

int main(int argc, char **argv)
{
    const char *listen = process_link(argc, argv);
    struct progress progress = {.answers = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE,
                                                MAP_SHARED | MAP_ANONYMOUS, -1, 0)};
    char addr[300], again[300];
    pid_t server = process_server(listen, addr);
    struct client client = {0};

    process_need(progress.answers != MAP_FAILED, "mmap");
    client.pid = process_counting_client(addr, progress.answers);
    for (int i = 0; i <= KILLS; i++) {
        progress.wanted = *progress.answers + 10;
        process_need(fixture_wait(has_progressed, &progress, 10000), "client did not recover");
        process_need(process_lives(client.pid), "client ended");
        if (i == 0)
            client.base = fixture_fd_count(client.pid);
        process_need(fixture_wait(fd_count_is_base, &client, 10000),
                     "the client lost descriptors");
        process_kill(server);
        if (i < KILLS)
            server = process_server(addr, again);
    }
    printf("%d restarts, %llu answers\n", KILLS, (unsigned long long)*progress.answers);
    process_kill(client.pid);
    process_unlink();
    return 0;
}
