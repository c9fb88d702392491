/*
 * tamga-bench [--json FILE] [--seconds S] [--smoke|--full] [NAME...]: runs the groups named,
 * or all, and prints each figure beside its limit. Exit code 1: a group gave no figure.
 */
#include "bench.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FOLDERS_MAX 64
#define ARGV_MAX    8

static const struct {
    const char *name;
    void (*run)(const struct bench *bench);
} group[] = {
    {"verify", bench_verify},   {"miner", bench_miner},       {"block", bench_block},
    {"content", bench_content}, {"rpc", bench_rpc},           {"ingest", bench_ingest},
    {"cluster", bench_cluster}, {"catchup", bench_catch_up},  {"finality", bench_finality},
    {"link", bench_link},       {"store", bench_store},       {"store10m", bench_store_10m},
};
#define GROUPS (sizeof group / sizeof group[0])

static char made[FOLDERS_MAX][256];
static size_t made_count;
static json_t *figures;

/* ---- failing --------------------------------------------------------------------- */

void bench_fail(const char *file, int line, const char *what)
{
    static atomic_flag failed = ATOMIC_FLAG_INIT;

    while (atomic_flag_test_and_set(&failed))
        pause(); /* another thread was first, and ends the program */
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    for (size_t i = 0; i < made_count; i++)
        fprintf(stderr, "left: %s\n", made[i]);
    fflush(stdout);
    _exit(1);
}

void bench_must(enum tamga_err err, const char *what)
{
    char text[256];

    if (err == TAMGA_OK)
        return;
    snprintf(text, sizeof text, "%.100s: %s (%s)", what, tamga_err_text(err),
             tamga_err_name(err));
    bench_fail("bench", 0, text);
}

/* ---- time and figures ------------------------------------------------------------- */

double bench_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double bench_core(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *name, double value, const char *unit, double limit,
                   const char *limit_name, double ratio)
{
    printf("%-27s %12.4g %-9s %12.4g %-38s %6.3f\n", name, value, unit, limit, limit_name,
           ratio);
    fflush(stdout);
    json_array_append_new(figures,
                          json_pack("{s:s, s:f, s:s, s:f, s:s, s:f}", "name", name, "value",
                                    value, "unit", unit, "limit", limit, "limit_name",
                                    limit_name, "ratio", ratio));
}

void bench_figure(const char *name, double value, const char *unit, double limit,
                  const char *limit_name)
{
    report(name, value, unit, limit, limit_name, limit > 0 ? value / limit : 0);
}

void bench_cost(const char *name, double value, const char *unit, double limit,
                const char *limit_name)
{
    report(name, value, unit, limit, limit_name, value > 0 ? limit / value : 0);
}

static double rate_by(double (*clock)(void), void (*step)(void *context), void *context,
                      double count, double seconds)
{
    double until, start, steps = 0;

    step(context); /* whatever is made on first use */
    until = bench_now() + seconds;
    start = clock();
    while (steps < 1 || bench_now() < until) {
        step(context);
        steps++;
    }
    return steps * count / (clock() - start);
}

double bench_rate(void (*step)(void *context), void *context, double count, double seconds)
{
    return rate_by(bench_core, step, context, count, seconds);
}

double bench_waiting_rate(void (*step)(void *context), void *context, double count,
                          double seconds)
{
    return rate_by(bench_now, step, context, count, seconds);
}

/* ---- folders and children ----------------------------------------------------------- */

void bench_folder(char out[256])
{
    const char *parent = getenv("TMPDIR");

    BENCH_CHECK(made_count < FOLDERS_MAX);
    snprintf(out, 256, "%.200s/tamga-bench-XXXXXX", parent == NULL ? "/tmp" : parent);
    BENCH_CHECK(mkdtemp(out) != NULL);
    memcpy(made[made_count++], out, 256);
}

static void remove_folders(void)
{
    while (made_count > 0) {
        const char *const argv[] = {"/bin/rm", "-rf", made[--made_count], NULL};

        waitpid(bench_spawn(argv, NULL, "/dev/null"), NULL, 0);
    }
}

void bench_write(const char *folder, const char *name, struct tamga_span bytes)
{
    char path[512];
    FILE *file;

    BENCH_CHECK(snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path);
    file = fopen(path, "wb");
    BENCH_CHECK(file != NULL && fwrite(bytes.data, 1, bytes.len, file) == bytes.len);
    BENCH_CHECK(fclose(file) == 0);
}

static void become(const char *const argv[], int out, pid_t parent)
{
    char *copy[ARGV_MAX] = {NULL};

    for (size_t i = 0; argv[i] != NULL && i + 1 < ARGV_MAX; i++)
        copy[i] = (char *)(uintptr_t)argv[i];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (out < 0 || getppid() != parent)
        _exit(126);
    dup2(out, STDOUT_FILENO);
    execv(copy[0], copy);
    _exit(127);
}

pid_t bench_spawn(const char *const argv[], FILE **in, const char *log)
{
    int pair[2] = {-1, -1};
    pid_t parent = getpid(), pid;

    BENCH_CHECK(in == NULL || pipe2(pair, O_CLOEXEC) == 0);
    pid = fork();
    BENCH_CHECK(pid >= 0);
    if (pid == 0) {
        int out = in != NULL ? pair[1] : open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        if (in == NULL)
            dup2(out, STDERR_FILENO);
        become(argv, out, parent);
    }
    if (in == NULL)
        return pid;
    close(pair[1]);
    *in = fdopen(pair[0], "r");
    BENCH_CHECK(*in != NULL);
    return pid;
}

void bench_stop(pid_t pid)
{
    int status = 0;

    BENCH_CHECK(kill(pid, SIGTERM) == 0 && waitpid(pid, &status, 0) == pid);
}

double bench_cpu(pid_t pid)
{
    char path[64], line[1024];
    unsigned long user = 0, system = 0;
    const char *after;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    BENCH_CHECK(file != NULL && fgets(line, sizeof line, file) != NULL);
    fclose(file);
    after = strrchr(line, ')'); /* the name may hold anything */
    BENCH_CHECK(after != NULL && sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
                                                   "%*u %lu %lu", &user, &system) == 2);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double bench_resident_mib(void)
{
    return bench_resident_of(getpid());
}

double bench_resident_of(pid_t pid)
{
    char path[32];
    unsigned long pages = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    file = fopen(path, "r");
    BENCH_CHECK(file != NULL && fscanf(file, "%*u %lu", &pages) == 1);
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

/* ---- the program --------------------------------------------------------------------- */

static void processor(char *out, size_t size)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256];

    snprintf(out, size, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "model name : %127[^\n]", out) == 1)
            break;
    if (file != NULL)
        fclose(file);
}

static void save(const char *path)
{
    struct utsname system;
    char model[128];
    json_t *root;

    uname(&system);
    processor(model, sizeof model);
    root = json_pack("{s:O, s:{s:s, s:i, s:s, s:s}}", "figures", figures, "machine",
                     "processor", model, "cores", (int)sysconf(_SC_NPROCESSORS_ONLN), "system",
                     system.release, "architecture", system.machine);
    BENCH_CHECK(root != NULL && json_dump_file(root, path, JSON_INDENT(2)) == 0);
    json_decref(root);
}

static int usage(void)
{
    fprintf(stderr, "usage: tamga-bench [--json FILE] [--seconds S] [--smoke|--full] [NAME...]\n"
                    "names:");
    for (size_t i = 0; i < GROUPS; i++)
        fprintf(stderr, " %s", group[i].name);
    fprintf(stderr, "\n");
    return 2;
}

/* All but the long store's run without being named; --full has that one instead. */
static bool chosen(const struct bench *bench, char *const name[], int count, const char *this)
{
    for (int i = 0; i < count; i++)
        if (strcmp(name[i], this) == 0)
            return true;
    return count == 0 && strcmp(this, bench->full ? "store" : "store10m") != 0;
}

static bool known(const char *name)
{
    for (size_t i = 0; i < GROUPS; i++)
        if (strcmp(group[i].name, name) == 0)
            return true;
    return false;
}

static int run(const struct bench *bench, char *const name[], int count, const char *json)
{
    for (int i = 0; i < count; i++)
        if (!known(name[i]))
            return usage();
    figures = json_array();
    printf("%-27s %12s %-9s %12s %-38s %6s\n", "figure", "value", "unit", "limit", "limit is",
           "ratio");
    for (size_t i = 0; i < GROUPS; i++) {
        size_t before = json_array_size(figures);

        if (!chosen(bench, name, count, group[i].name))
            continue;
        group[i].run(bench);
        BENCH_CHECK(json_array_size(figures) > before);
    }
    if (!bench->full && count == 0)
        printf("store stopped at 1 million entries: --full, or the name store10m, goes to 10\n");
    if (json != NULL)
        save(json);
    json_decref(figures);
    remove_folders();
    return 0;
}

int main(int argc, char **argv)
{
    struct bench bench = {.seconds = 2, .limit_seconds = 0.5};
    const char *json = NULL;
    int at = 1;

    signal(SIGPIPE, SIG_IGN);
    if (argc == 4 && strcmp(argv[1], "--store-probe") == 0)
        return bench_store_probe(argv[2], argv[3]);
    if (argc == 2 && strcmp(argv[1], "--rpc-server") == 0)
        return bench_rpc_server();
    if (argc >= 3 && strncmp(argv[1], "--link-", 7) == 0)
        return bench_link_child(argc, argv);
    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--smoke") == 0)
            bench = (struct bench){.seconds = 0.05, .limit_seconds = 0.02, .smoke = true};
        else if (strcmp(argv[at], "--full") == 0)
            bench.full = true;
        else if (strcmp(argv[at], "--json") == 0 && at + 1 < argc)
            json = argv[++at];
        else if (strcmp(argv[at], "--seconds") == 0 && at + 1 < argc)
            bench.seconds = atof(argv[++at]);
        else
            return usage();
    }
    return bench.seconds > 0 ? run(&bench, argv + at, argc - at, json) : usage();
}
