/* tamga-device: arguments, signals, exit code. */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "crypto/secret.h"

#define STOP_GRACE_MS 700

static const char usage[] =
    "usage: tamga-device --config FILE [--once] [--check-config]\n"
    "       tamga-device --version | --help\n"
    "\n"
    "Keeps one device up to date from its gateways, verifying everything itself.\n"
    "\n"
    "  --config FILE   settings, as `tamga device enroll` writes them (device.yaml)\n"
    "  --once          one session with the first gateway that answers, then end:\n"
    "                  0 up to date or installed, 1 refused, 3 try later, 4 local failure\n"
    "  --check-config  only check the settings\n"
    "\n"
    "SIGTERM ends it; SIGHUP reads log level and certificates again.\n";

struct arguments {
    const char *config;
    bool once;
    bool check;
    bool help;
    bool version;
};

static bool parse(struct arguments *out, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"once", no_argument, NULL, 'o'},
        {"check-config", no_argument, NULL, 'k'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    int found;

    while ((found = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (found == 'c')
            out->config = optarg;
        else if (found == 'o')
            out->once = true;
        else if (found == 'k')
            out->check = true;
        else if (found == 'h')
            out->help = true;
        else if (found == 'v')
            out->version = true;
        else
            return false;
    }
    return optind == argc && (out->config != NULL || out->help || out->version);
}

static int complain(enum tamga_err err, const struct tamga_detail *detail)
{
    fprintf(stderr, "tamga-device: %s (%s)\n              %s\n", tamga_err_text(err),
            tamga_err_name(err), detail->text);
    return (int)tamga_agent_exit_of(err);
}

struct worker {
    struct tamga_agent agent;
    pthread_t thread;
    atomic_bool done; /* or else SIGUSR1 came from somebody else */
    enum tamga_agent_exit exit;
};

static void *work(void *context)
{
    struct worker *worker = context;

    worker->exit = tamga_agent_run(&worker->agent);
    atomic_store(&worker->done, true);
    kill(getpid(), SIGUSR1); /* tells the main thread, which takes it by sigwait */
    return NULL;
}

static void reload(const char *path, struct tamga_agent_config *config)
{
    struct tamga_agent_config fresh = {0};
    struct tamga_detail detail = {""};
    enum tamga_err err = tamga_agent_config_load(&fresh, path, &detail);

    if (err != TAMGA_OK) {
        tamga_log(TAMGA_LOG_ERROR, "config.reload", "kept as it was: %s", detail.text);
        return;
    }
    tamga_log_open(config->settings->device, fresh.log_level,
                   fresh.settings->log_format == TAMGA_AGENT_JSON);
    tamga_log(TAMGA_LOG_INFO, "config.reload", "log level read again");
    tamga_agent_config_clear(&fresh);
}

/* A session in the middle of a call ends with the process: what is on disk is whole at
 * every moment, and the next start goes on from there. */
static void end(struct worker *worker)
{
    struct timespec until;

    tamga_agent_stop(&worker->agent);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += STOP_GRACE_MS * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    if (pthread_timedjoin_np(worker->thread, NULL, &until) != 0) {
        tamga_log(TAMGA_LOG_INFO, "stop", "ended in the middle of a call");
        _exit(TAMGA_EXIT_DONE);
    }
    tamga_log(TAMGA_LOG_INFO, "stop", "ended");
    worker->exit = TAMGA_EXIT_DONE;
}

/* Before any thread: NNG starts its own with the first channel, and a signal that finds
 * one thread with its default action ends the program. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, set, NULL);
}

static int run(const char *path, struct tamga_agent_config *config, bool once,
               const sigset_t *set)
{
    struct worker worker = {.exit = TAMGA_EXIT_LOCAL};
    int got = 0;

    tamga_agent_init(&worker.agent, config, once);
    if (pthread_create(&worker.thread, NULL, work, &worker) != 0) {
        tamga_log(TAMGA_LOG_ERROR, "start", "no thread to be had");
        return TAMGA_EXIT_LOCAL;
    }
    while (got != SIGTERM && got != SIGINT && !atomic_load(&worker.done)) {
        if (sigwait(set, &got) == 0 && got == SIGHUP) {
            reload(path, config);
            atomic_store(&worker.agent.reload, true);
        }
    }
    if (atomic_load(&worker.done))
        pthread_join(worker.thread, NULL);
    else
        end(&worker);
    tamga_agent_clear(&worker.agent);
    return (int)worker.exit;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct tamga_agent_config config = {0};
    struct tamga_detail detail = {""}, unlocked = {""};
    int result = TAMGA_EXIT_DONE;
    bool guarded;
    enum tamga_err err;
    sigset_t set;

    if (!parse(&arguments, argc, argv)) {
        fputs(usage, stderr);
        return TAMGA_EXIT_USAGE;
    }
    if (arguments.help || arguments.version) {
        fputs(arguments.help ? usage : "tamga-device " TAMGA_VERSION "\n", stdout);
        return TAMGA_EXIT_DONE;
    }
    guarded = tamga_secret_guard(&unlocked);
    block_signals(&set);
    err = tamga_agent_config_load(&config, arguments.config, &detail);
    if (err != TAMGA_OK)
        return complain(err, &detail);
    if (!arguments.check) {
        tamga_log_open(config.settings->device, config.log_level,
                       config.settings->log_format == TAMGA_AGENT_JSON);
        if (!guarded)
            tamga_log(TAMGA_LOG_WARN, "memory.unlocked", "%s", unlocked.text);
        tamga_log(TAMGA_LOG_INFO, "start", "tamga-device " TAMGA_VERSION);
        if (config.settings->insecure)
            tamga_log(TAMGA_LOG_WARN, "net.insecure",
                      "links to gateways may be plain tcp: anyone on the way can read them; "
                      "everything received is verified here");
        result = run(arguments.config, &config, arguments.once, &set);
    }
    tamga_agent_config_clear(&config);
    return result;
}
