/*
 * Goal:   clients that are killed under load cost the server nothing for good. Without
 *         nng_sendmsg.c every later connection leaks its descriptor.
 * Method: 40 rounds: a client with four threads fetches 2 MiB answers and is killed
 *         (-9) in the middle; the server's number of descriptors comes back to what it
 *         was, and a new client is served.
 *         Called with "tls", the same through gates at both ends.
 */
#include <stdio.h>

#include "fixture.h"
#include "process.h"

#define KILLS 40

struct server {
    pid_t pid;
    unsigned base;
};

static bool fd_count_is_base(void *context)
{
    const struct server *server = context;

    return fixture_fd_count(server->pid) <= server->base;
}

int main(int argc, char **argv)
{
    const char *listen = process_link(argc, argv);
    struct server server;
    char addr[300];

    server.pid = process_server(listen, addr);
    server.base = fixture_fd_count(server.pid);
    process_need(server.base > 0, "no descriptors");
    for (int i = 0; i < KILLS; i++)
        process_kill(process_loaded_client(addr));
    process_need(fixture_wait(fd_count_is_base, &server, 10000),
                 "descriptors did not come back to their base");
    process_kill(process_loaded_client(addr));
    process_need(process_lives(server.pid), "server is gone");
    printf("%d kills, %u descriptors before, %u after\n", KILLS, server.base,
           fixture_fd_count(server.pid));
    process_kill(server.pid);
    process_unlink();
    return 0;
}
