#include "process.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "authority.h"
#include "fixture.h"

void process_need(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "failed: %s\n", what);
    _exit(1);
}

/* ---- links -------------------------------------------------------------------- */

static struct authority authority;

const char *process_link(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "tls") != 0)
        return "tcp://127.0.0.1:0";
    authority_open(&authority, 1);
    authority_member(&authority, "node", TAMGA_TLS_CONSORTIUM, -60, AUTHORITY_DAY_S);
    return "tls+tcp://127.0.0.1:0";
}

void process_unlink(void)
{
    if (authority.key)
        authority_close(&authority);
}

const struct tamga_net_link *process_link_open(void)
{
    static struct tamga_net_link link;

    if (authority.key && !link.tls)
        link.tls = authority_tls(&authority, "node");
    return &link;
}

/* ---- processes ---------------------------------------------------------------- */

/* In the child 0, which dies with its parent; the pipe is for one message to the parent. */
static pid_t child(int pipe_fd[2])
{
    pid_t parent = getpid(), pid;

    process_need(pipe(pipe_fd) == 0, "pipe");
    pid = fork();
    process_need(pid >= 0, "fork");
    if (pid == 0) {
        close(pipe_fd[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        process_need(getppid() == parent, "parent is gone");
    } else {
        close(pipe_fd[1]);
    }
    return pid;
}

pid_t process_server(const char *listen, char addr[300])
{
    return process_server_of(listen, addr, 1024, 0);
}

static void limit_descriptors(unsigned count)
{
    const struct rlimit limit = {.rlim_cur = count, .rlim_max = count};

    process_need(count == 0 || setrlimit(RLIMIT_NOFILE, &limit) == 0, "descriptor limit");
}

pid_t process_server_of(const char *listen, char addr[300], unsigned pipes_max,
                        unsigned descriptors)
{
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_net_link link;
    static struct fixture fixture;
    char bound[300] = "";
    int fd[2];
    pid_t pid = child(fd);

    if (pid == 0) {
        limit_descriptors(descriptors);
        link = *process_link_open();
        link.per_address_max = pipes_max;
        link.per_address_per_s = 1000000;
        options.listen = listen;
        options.link = &link;
        options.contexts = options.per_pipe_max = 256;
        options.pipes_max = pipes_max;
        fixture_open_link(&fixture, &options, options.link);
        process_need(fixture_get(fixture.channel, "x", 10000, NULL, NULL) == TAMGA_OK,
                     "server does not answer");
        snprintf(bound, sizeof bound, "%s", tamga_rpc_server_addr(fixture.server));
        process_need(write(fd[1], bound, sizeof bound) == sizeof bound, "write");
        for (;;)
            pause();
    }
    process_need(read(fd[0], addr, sizeof bound) == sizeof bound, "server did not come up");
    close(fd[0]);
    return pid;
}

static int first_answer = -1;

static void *call_for_ever(void *channel)
{
    for (;;)
        if (fixture_get(channel, "big", 5000, NULL, NULL) == TAMGA_OK)
            (void)!write(first_answer, "x", 1); /* the parent reads the first one only */
    return NULL;
}

pid_t process_loaded_client(const char *addr)
{
    struct tamga_channel *channel = NULL;
    char byte;
    int fd[2];
    pid_t pid = child(fd);

    if (pid == 0) {
        pthread_t thread[4];

        first_answer = fd[1];
        signal(SIGPIPE, SIG_IGN);
        process_need(tamga_channel_open_link(&channel, addr, process_link_open(), NULL) == TAMGA_OK,
                     "channel");
        for (int i = 0; i < 4; i++)
            process_need(pthread_create(&thread[i], NULL, call_for_ever, channel) == 0, "thread");
        for (;;)
            pause();
    }
    process_need(read(fd[0], &byte, 1) == 1, "client got no answer");
    close(fd[0]);
    return pid;
}

pid_t process_counting_client(const char *addr, volatile uint64_t *answers)
{
    struct tamga_channel *channel = NULL;
    int fd[2];
    pid_t pid = child(fd);

    if (pid == 0) {
        process_need(tamga_channel_open_link(&channel, addr, process_link_open(), NULL) == TAMGA_OK,
                     "channel");
        for (;;) {
            enum tamga_err err = fixture_get(channel, "count", 2000, NULL, NULL);

            if (err == TAMGA_OK)
                ++*answers;
            else
                process_need(err == TAMGA_E_UNREACHABLE || err == TAMGA_E_DEADLINE ||
                                 err == TAMGA_E_STOPPING, tamga_err_name(err));
        }
    }
    close(fd[0]);
    return pid;
}

/* From an address of its own: holders do not share the ports of one, and leave those of
 * 127.0.0.1 to the tests that run beside this one. */
static int hold_one(unsigned source, uint16_t port)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK + source)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    process_need(fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
                     connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "silent connection");
    return fd;
}

pid_t process_silent_ones(const char *addr, unsigned source, unsigned count)
{
    char byte = 1;
    int fd[2];
    pid_t pid = child(fd);

    if (pid == 0) {
        for (unsigned i = 0; i < count; i++)
            (void)hold_one(source, fixture_port(addr));
        process_need(write(fd[1], &byte, 1) == 1, "write");
        for (;;)
            pause();
    }
    process_need(read(fd[0], &byte, 1) == 1, "silent connections were not opened");
    close(fd[0]);
    return pid;
}

void process_kill(pid_t pid)
{
    int status;

    process_need(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid, "kill");
    process_need(WIFSIGNALED(status), "it had ended before it was killed");
}

bool process_lives(pid_t pid)
{
    return waitpid(pid, NULL, WNOHANG) == 0;
}
