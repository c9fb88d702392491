/* client/agent: the program as a user runs it: exit codes, failover, signals. */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "device/file.h"
#include "world.h"

static struct world world;
static char config[128], log_path[128];

static void start(void)
{
    world_make(&world);
    world_serve(&world);
    snprintf(config, sizeof config, "%s/device.yaml", world.folder);
    snprintf(log_path, sizeof log_path, "%s/log", world.folder);
}
static void end(void)
{
    world_end(&world);
}
TestSuite(agent, .init = start, .fini = end, .timeout = 60);

static void write_config_as_is(const char *gateways, const char *more)
{
    FILE *file = fopen(config, "w");

    cr_assert_not_null(file);
    fprintf(file,
            "device: acme/cam/0001\ngenesis: genesis.tamga\nkey: device.pem\n"
            "certificate: certificate.tamga\nstate: state\nroot: root\n"
            "gateways: [%s]\n%s\n",
            gateways, more);
    cr_assert_eq(fclose(file), 0);
}

/* Plain tcp has to be asked for. */
static void write_config(const char *gateways, const char *more)
{
    char all[256];

    snprintf(all, sizeof all, "%s\ninsecure: true", more);
    write_config_as_is(gateways, all);
}

static pid_t spawn(const char *option)
{
    const char *argv[] = {"tamga-device", "--config", config, option, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, log_path, O_WRONLY | O_CREAT | O_TRUNC,
                                     0644);
    cr_assert_eq(posix_spawn(&pid, TAMGA_TEST_AGENT, &actions, NULL,
                             (char *const *)(uintptr_t)argv, NULL),
                 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static int ended(pid_t pid)
{
    int status = 0;

    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status), "%x", (unsigned)status);
    return WEXITSTATUS(status);
}

static int run(const char *option)
{
    return ended(spawn(option));
}

static bool log_says(const char *text)
{
    TAMGA_BUF bytes = {0};

    return tamga_device_file_read(&bytes, AT_FDCWD, log_path, 1u << 20, NULL) == TAMGA_OK &&
           bytes.len > 0 && memmem(bytes.data, bytes.len, text, strlen(text)) != NULL;
}

/* Wait for a line, at most 20 seconds. */
static void await_log(const char *text)
{
    const struct timespec moment = {.tv_nsec = 10000000};
    unsigned tries = 0;

    while (!log_says(text) && tries++ < 2000)
        nanosleep(&moment, NULL);
    cr_assert(log_says(text), "%s", text);
}

static double seconds_since(const struct timespec *start_time)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start_time->tv_sec) +
           (double)(now.tv_nsec - start_time->tv_nsec) / 1e9;
}

static void ends_within_a_second(pid_t pid)
{
    struct timespec start_time;

    clock_gettime(CLOCK_MONOTONIC, &start_time);
    cr_assert_eq(kill(pid, SIGTERM), 0);
    cr_assert_eq(ended(pid), 0);
    cr_assert_lt(seconds_since(&start_time), 1.0);
}

/* An address that takes connections and never says a word. */
static int silent_listener(char addr[64])
{
    struct sockaddr_in where = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof where;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof where), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&where, &len), 0);
    snprintf(addr, 64, "tcp://127.0.0.1:%u", ntohs(where.sin_port));
    return fd;
}

/*
 * Goal:   --once ends with the code of what happened.
 * Method: install; nothing newer; a refusal; a gateway that is not ready; a damaged state.
 */
Test(agent, once_tells_by_its_exit_code)
{
    struct image image;
    char path[160];

    write_config(world.gateway.addr, "log_format: json");
    world_image(&world, &image, 1, WORLD_IMAGE_BYTES);
    world_offer(&world, &image, NULL);
    cr_assert_eq(run("--once"), 0);
    cr_assert(world_runs(&world, &image));
    cr_assert_eq(world.gateway.receipt_count, 1);
    cr_assert(log_says("plain tcp"));
    world.gateway.offers = false;
    cr_assert_eq(run("--once"), 0);
    world_offer(&world, &image, &(struct test_release){.counter = 2, .hardware = "B"});
    cr_assert_eq(run("--once"), 1);
    cr_assert(log_says("HARDWARE_MISMATCH"));
    world.gateway.check_in_error = TAMGA_E_NOT_READY;
    cr_assert_eq(run("--once"), 3);
    snprintf(path, sizeof path, "%s/device.state", world.state);
    cr_assert_eq(truncate(path, 10), 0);
    cr_assert_eq(run("--once"), 4);
    cr_assert(log_says("STORE_CORRUPT"));
    image_clear(&image);
}

/*
 * Goal:   settings that cannot be used are refused with their line; good ones pass a
 *         check that touches nothing.
 * Method: an unknown key, a wrong type, a bad address, an unusable number.
 */
Test(agent, settings)
{
    static const char *const bad[] = {"colour: red", "interval_seconds: often",
                                      "log_level: loud", "interval_seconds: 99999999",
                                      "blank: perhaps", "log_format: xml"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_config(world.gateway.addr, bad[i]);
        cr_assert_eq(run("--check-config"), 2, "%s", bad[i]);
        cr_assert(log_says("device.yaml:8: "), "%s", bad[i]);
    }
    write_config("udp://127.0.0.1:1", "");
    cr_assert_eq(run("--check-config"), 2);
    cr_assert(log_says("device.yaml:7: "));
    write_config(world.gateway.addr, "blank: true");
    cr_assert_eq(run("--check-config"), 0);
    cr_assert_eq(world.gateway.check_ins, 0);
    cr_assert_eq(run("--nonsense"), 2);
}

/*
 * Goal:   plain tcp is refused unless it is asked for, and then told of at every start; an
 *         address of TLS needs somebody to trust.
 * Method: a gateway of each kind, with and without what it needs; two starts.
 */
Test(agent, links_are_tls_unless_asked)
{
    write_config_as_is(world.gateway.addr, "");
    cr_assert_eq(run("--check-config"), 2);
    cr_assert(log_says("device.yaml:7: ") && log_says("say `insecure: true`"));
    write_config_as_is(world.gateway.addr, "insecure: false");
    cr_assert_eq(run("--check-config"), 2);
    write_config_as_is("tls+tcp://127.0.0.1:1", "");
    cr_assert_eq(run("--check-config"), 2);
    cr_assert(log_says("needs `tls: {ca: ..., crl: ...}`"));
    write_config_as_is("tls+tcp://127.0.0.1:1", "tls: {ca: ca.crt}");
    cr_assert_eq(run("--check-config"), 2);
    write_config_as_is("tls+tcp://127.0.0.1:1", "tls: {ca: ca.crt, crl: ca.crl, key: x}");
    cr_assert_eq(run("--check-config"), 2);
    cr_assert(log_says("cert and key go together"));
    write_config_as_is("tls+tcp://127.0.0.1:1", "tls: {ca: ca.crt, crl: ca.crl}");
    cr_assert_eq(run("--check-config"), 0);
    cr_assert_eq(run("--once"), 4, "there is no ca.crt");
    cr_assert(log_says("ca.crt cannot be opened"));
    cr_assert_not(log_says("net.insecure"));
    for (int i = 0; i < 2; i++) {
        write_config(world.gateway.addr, "");
        cr_assert_eq(run("--once"), 0);
        cr_assert(log_says("net.insecure") && log_says("plain tcp"));
    }
}

/*
 * Goal:   a gateway that does not answer is passed over.
 * Method: a port where nobody listens first; the loop finds the other one.
 */
Test(agent, loop_fails_over_and_ends)
{
    struct image image;
    char gateways[160];
    pid_t pid;

    world_image(&world, &image, 1, 5000);
    world_offer(&world, &image, NULL);
    snprintf(gateways, sizeof gateways, "\"tcp://127.0.0.1:1\", \"%s\"", world.gateway.addr);
    write_config(gateways, "interval_seconds: 3600");
    pid = spawn(NULL);
    await_log("session.installed");
    cr_assert(log_says("session.later"));
    cr_assert(world_runs(&world, &image));
    cr_assert_eq(kill(pid, SIGHUP), 0);
    await_log("config.reload");
    ends_within_a_second(pid);
    image_clear(&image);
}

/*
 * Goal:   SIGTERM ends it within a second, also in the middle of a call.
 * Method: a gateway that takes the connection and stays silent.
 */
Test(agent, ends_in_the_middle_of_a_call)
{
    char addr[64];
    int fd = silent_listener(addr);
    pid_t pid;

    write_config(addr, "");
    pid = spawn(NULL);
    await_log("plain tcp");
    ends_within_a_second(pid);
    close(fd);
}
