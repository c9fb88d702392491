/*
 * Goal:   a server whose descriptors run out because of strangers goes on serving members, lets
 *         new ones in, keeps some descriptors for other things, and gets all of them back.
 * Method: a server process with a limit, so many silent connections that it has to make room;
 *         a member that calls all the time, another one that comes then; end the silent ones
 *         and count.
 *
 *   descriptors_test tls LIMIT SILENT-ONES
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "fixture.h"
#include "process.h"

#define HOLDERS 2

struct progress {
    volatile uint64_t *answers;
    uint64_t wanted;
};

static bool has_progressed(void *context)
{
    const struct progress *progress = context;

    return *progress->answers >= progress->wanted;
}

static void must_progress(struct progress *progress, const char *who)
{
    progress->wanted = *progress->answers + 10;
    process_need(fixture_wait(has_progressed, progress, 10000), who);
}

struct server {
    pid_t pid;
    unsigned least, most; /* descriptors */
};

static bool count_is_within(void *context)
{
    const struct server *server = context;
    unsigned count = fixture_fd_count(server->pid);

    return count >= server->least && count <= server->most;
}

int main(int argc, char **argv)
{
    const char *listen = process_link(argc, argv);
    unsigned limit = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
    unsigned silent = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
    unsigned aside = limit / 4 < 1024 ? limit / 4 : 1024;
    struct server server = {.most = limit};
    struct progress first, second;
    pid_t member, newcomer, holder[HOLDERS];
    uint64_t *answers = mmap(NULL, 2 * sizeof *answers, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char addr[300];

    process_need(limit > 0 && silent > limit, "usage: descriptors_test tls LIMIT SILENT-ONES");
    process_need(answers != MAP_FAILED, "mmap");
    first = (struct progress){.answers = &answers[0]};
    second = (struct progress){.answers = &answers[1]};
    server.pid = process_server_of(listen, addr, 65536, limit);
    member = process_counting_client(addr, first.answers);
    must_progress(&first, "no first answers");
    server.least = server.most = fixture_fd_count(server.pid);
    const unsigned base = server.most;
    for (unsigned i = 0; i < HOLDERS; i++)
        holder[i] = process_silent_ones(addr, 1 + i, silent / HOLDERS);
    server.least = limit - aside - aside / 4;
    server.most = limit - aside / 2;
    process_need(fixture_wait(count_is_within, &server, 10000), "the limit was not reached");
    must_progress(&first, "the member is not served any more");
    newcomer = process_counting_client(addr, second.answers);
    must_progress(&second, "the newcomer is not let in");
    const unsigned height = fixture_fd_count(server.pid);
    process_need(height <= limit - aside / 2, "nothing was left for others");
    process_kill(newcomer);
    for (unsigned i = 0; i < HOLDERS; i++)
        process_kill(holder[i]);
    server.least = 1;
    server.most = base;
    process_need(fixture_wait(count_is_within, &server, 15000), "descriptors did not come back");
    must_progress(&first, "the member was lost");
    printf("%u descriptors before, %u at the limit of %u, %u after\n", base, height, limit,
           fixture_fd_count(server.pid));
    process_kill(member);
    process_kill(server.pid);
    process_unlink();
    return 0;
}
