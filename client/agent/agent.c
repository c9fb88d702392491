/* Sessions, failover and waiting. Knows nothing of what a session does. */
#include "agent/agent.h"

#include <inttypes.h>
#include <time.h>

#include "crypto/key.h"

#define JITTER_PERCENT 10

enum tamga_agent_exit tamga_agent_exit_of(enum tamga_err err)
{
    if (err == TAMGA_E_USAGE)
        return TAMGA_EXIT_USAGE;
    switch (tamga_err_class(err)) {
    case TAMGA_CLASS_OK:
        return TAMGA_EXIT_DONE;
    case TAMGA_CLASS_REJECT:
        return TAMGA_EXIT_REFUSED;
    case TAMGA_CLASS_LATER:
        return TAMGA_EXIT_LATER;
    case TAMGA_CLASS_LOCAL:
        return TAMGA_EXIT_LOCAL;
    }
    return TAMGA_EXIT_LOCAL;
}

/* ---- what the library asks of its surroundings ---------------------------------- */

static uint64_t now_ms(void *context)
{
    struct timespec now;

    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum tamga_err random_bytes(void *context, uint8_t *out, size_t len)
{
    (void)context;
    return tamga_random(out, len);
}

static bool is_stopping(void *context)
{
    return atomic_load(&((struct tamga_agent *)context)->stopping);
}

static void log_event(void *context, bool warning, const char *event, const char *text)
{
    (void)context;
    tamga_log(warning ? TAMGA_LOG_WARN : TAMGA_LOG_INFO, event, "%s", text);
}

static const char *or_null(const char *path)
{
    return path[0] == '\0' ? NULL : path;
}

static struct tamga_device_tls tls_of(const struct tamga_agent_config *config)
{
    return (struct tamga_device_tls){.ca = or_null(config->tls_ca),
                                     .crl = or_null(config->tls_crl),
                                     .cert = or_null(config->tls_cert),
                                     .key = or_null(config->tls_key)};
}

static enum tamga_err open_device(struct tamga_agent *agent)
{
    const struct tamga_agent_config *config = agent->config;
    struct tamga_device_env env = {.context = agent,
                                   .now_ms = now_ms,
                                   .random = random_bytes,
                                   .stopping = is_stopping,
                                   .event = log_event};
    struct tamga_device_options options = {
        .device = config->settings->device,
        .genesis = config->genesis,
        .key = config->key,
        .passphrase = tamga_passphrase_text(config->passphrase),
        .certificate = config->certificate,
        .state = config->state,
        .root = config->root,
        .blank = config->settings->blank,
        .decryption_key =
            config->settings->decryption_key == NULL ? NULL : config->decryption_key,
        .tls = tls_of(config),
    };
    struct tamga_detail detail = {""};
    enum tamga_err err = tamga_device_open(&agent->device, &options, &env, &detail);

    if (err != TAMGA_OK)
        tamga_log(TAMGA_LOG_ERROR, "device.open", "%s: %s (%s)", tamga_err_text(err),
                  detail.text, tamga_err_name(err));
    return err;
}

/* ---- one session ----------------------------------------------------------------- */

static void log_result(const char *gateway, enum tamga_err err,
                       const struct tamga_device_result *result,
                       const struct tamga_detail *detail)
{
    static const char *const event[] = {
        [TAMGA_DEVICE_UP_TO_DATE] = "session.up_to_date",
        [TAMGA_DEVICE_INSTALLED] = "session.installed",
        [TAMGA_DEVICE_REFUSED] = "session.refused",
        [TAMGA_DEVICE_FAILED] = "session.failed",
        [TAMGA_DEVICE_LATER] = "session.later",
    };

    if (err == TAMGA_OK)
        tamga_log(TAMGA_LOG_INFO, event[result->outcome], "%s: %s, %zu receipts wait", gateway,
                  result->has_release ? result->version : "nothing newer",
                  result->receipts_waiting);
    else
        tamga_log(tamga_err_class(err) == TAMGA_CLASS_LOCAL ? TAMGA_LOG_ERROR : TAMGA_LOG_WARN,
                  event[result->outcome], "%s: %s: %s (%s)", gateway, tamga_err_text(err),
                  detail->text, tamga_err_name(err));
}

/* Bad files leave those in use as they are. */
static void reload(struct tamga_agent *agent)
{
    struct tamga_detail detail = {""};
    enum tamga_err err;

    if (!atomic_exchange(&agent->reload, false) || agent->device == NULL)
        return;
    err = tamga_device_reload(agent->device, &detail);
    if (err != TAMGA_OK)
        tamga_log(TAMGA_LOG_ERROR, "net.reload", "kept as it was: %s: %s (%s)",
                  tamga_err_text(err), detail.text, tamga_err_name(err));
    else
        tamga_log(TAMGA_LOG_INFO, "net.reload", "certificates are read again");
}

/* After trouble with our own disk the device is opened anew: that finishes or undoes. */
static enum tamga_err session(struct tamga_agent *agent, const char *gateway)
{
    struct tamga_device_result result;
    struct tamga_detail detail = {""};
    enum tamga_err err = agent->device == NULL ? open_device(agent) : TAMGA_OK;

    if (err != TAMGA_OK)
        return err;
    reload(agent);
    err = tamga_device_session(agent->device, gateway, &result, &detail);
    log_result(gateway, err, &result, &detail);
    if (tamga_err_class(err) == TAMGA_CLASS_LOCAL) {
        tamga_device_close(agent->device);
        agent->device = NULL;
    }
    return err;
}

/* Another gateway may answer, or tell the truth; another gateway cannot mend our disk. */
static bool try_next(const struct tamga_agent *agent, enum tamga_err err)
{
    if (atomic_load(&agent->stopping))
        return false;
    switch (tamga_err_class(err)) {
    case TAMGA_CLASS_OK:
    case TAMGA_CLASS_LOCAL:
        return false;
    case TAMGA_CLASS_LATER:
        return true;
    case TAMGA_CLASS_REJECT:
        return !agent->once;
    }
    return false;
}

static enum tamga_err one_round(struct tamga_agent *agent)
{
    const struct tamga_agent_settings *settings = agent->config->settings;
    enum tamga_err err = TAMGA_E_UNREACHABLE;

    for (uint32_t i = 0; i < settings->gateways_count; i++) {
        err = session(agent, settings->gateways[(agent->round + i) % settings->gateways_count]);
        if (!try_next(agent, err))
            break;
    }
    agent->round++;
    return err;
}

/* ---- the loop --------------------------------------------------------------------- */

/* Interval plus or minus some: a fleet that was switched on together spreads out. */
static uint64_t pause_ms(const struct tamga_agent *agent)
{
    uint64_t interval_ms = (uint64_t)agent->config->settings->interval_seconds * 1000;
    uint64_t span_ms = interval_ms * (2 * JITTER_PERCENT) / 100;
    uint8_t bytes[8] = {0};

    if (tamga_random(bytes, sizeof bytes) != TAMGA_OK)
        return interval_ms;
    return interval_ms - span_ms / 2 + tamga_get_u64(bytes) % (span_ms + 1);
}

static void rest(struct tamga_agent *agent)
{
    uint64_t wait_ms = pause_ms(agent);
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(wait_ms / 1000);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&agent->lock);
    while (!atomic_load(&agent->stopping))
        if (pthread_cond_timedwait(&agent->wake, &agent->lock, &until) != 0)
            break;
    pthread_mutex_unlock(&agent->lock);
}

void tamga_agent_init(struct tamga_agent *agent, const struct tamga_agent_config *config,
                      bool once)
{
    pthread_condattr_t attributes;

    *agent = (struct tamga_agent){.config = config, .once = once};
    pthread_mutex_init(&agent->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&agent->wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum tamga_agent_exit tamga_agent_run(struct tamga_agent *agent)
{
    enum tamga_err err = open_device(agent);

    if (err == TAMGA_OK && agent->once)
        err = one_round(agent);
    while (err == TAMGA_OK && !agent->once && !atomic_load(&agent->stopping)) {
        (void)!one_round(agent); /* logged; the next round tries again */
        rest(agent);
    }
    tamga_device_close(agent->device);
    agent->device = NULL;
    return tamga_agent_exit_of(err);
}

void tamga_agent_stop(struct tamga_agent *agent)
{
    pthread_mutex_lock(&agent->lock);
    atomic_store(&agent->stopping, true);
    pthread_cond_broadcast(&agent->wake);
    pthread_mutex_unlock(&agent->lock);
}

void tamga_agent_clear(struct tamga_agent *agent)
{
    pthread_cond_destroy(&agent->wake);
    pthread_mutex_destroy(&agent->lock);
}
