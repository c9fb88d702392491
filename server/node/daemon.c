/* Arguments, configuration, keys and signals of a node's process. Knows no chain. */
#include "node/daemon.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/key.h"
#include "crypto/passphrase.h"
#include "crypto/secret.h"
#include "node/access.h"
#include "wire/wire.h"

#define DESCRIPTORS_MAX 65536
#define CHECK_EVERY_S   3600
#define WARN_EVERY_S    86400

struct arguments {
    const char *config;
    bool check_only;
};

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "Configuration, YAML (required)", 0},
    {"check-config", 'n', NULL, 0, "Only check the configuration, genesis and key", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 'c':
        arguments->config = argument;
        return 0;
    case 'n':
        arguments->check_only = true;
        return 0;
    case ARGP_KEY_END:
        if (arguments->config == NULL)
            argp_error(state, "no configuration: say --config FILE");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Exit codes: 1 refused, 2 usage, 3 try later, 4 local failure. */
static int exit_code_of(enum tamga_err err)
{
    if (err == TAMGA_E_USAGE)
        return 2;
    switch (tamga_err_class(err)) {
    case TAMGA_CLASS_OK:
        return 0;
    case TAMGA_CLASS_REJECT:
        return 1;
    case TAMGA_CLASS_LATER:
        return 3;
    case TAMGA_CLASS_LOCAL:
        break;
    }
    return 4;
}

int tamga_daemon_refuse(const char *what, enum tamga_err err,
                        const struct tamga_detail *detail)
{
    tamga_log(TAMGA_LOG_ERROR, "node.refused", "%s: %s (%s) %s", what, tamga_err_text(err),
              tamga_err_name(err), detail == NULL ? "" : detail->text);
    return exit_code_of(err);
}

static void open_log(const struct tamga_config *config)
{
    enum tamga_log_level level = TAMGA_LOG_INFO;

    (void)!tamga_log_level_parse(&level, config->log_level);
    tamga_log_open(config->name, level, strcmp(config->log_format, "json") == 0);
}

/* Before anything is asked of OpenSSL. */
static void guard_secrets(void)
{
    struct tamga_detail why = {""};

    if (!tamga_secret_guard(&why))
        tamga_log(TAMGA_LOG_WARN, "memory.unlocked", "%s", why.text);
}

static enum tamga_err load_key(struct tamga_daemon *daemon, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_passphrase_release) struct tamga_passphrase *passphrase = NULL;
    enum tamga_err err = TAMGA_OK;

    if (daemon->config->passphrase_file != NULL)
        err = tamga_passphrase_read(&passphrase, daemon->config->passphrase_file, detail);
    if (err != TAMGA_OK)
        return err;
    return tamga_private_key_load(&daemon->key, daemon->config->key,
                                  tamga_passphrase_text(passphrase), detail);
}

/* Genesis does not have the key: name and role are what the configuration says. Others find on
 * the chain whether that is so; what this node says or mines before is refused by them. */
static enum tamga_err learn_self(struct tamga_daemon *daemon,
                                 const struct tamga_address *address, uint32_t role)
{
    Tamga__V1__PublicKey key = tamga_wire_key_of(tamga_private_key_public(daemon->key));
    enum tamga_err err =
        tamga_network_learn(daemon->network, daemon->config->name, role, &key);

    if (err == TAMGA_OK)
        daemon->member = tamga_network_member(daemon->network, address);
    return err;
}

static enum tamga_err find_member(struct tamga_daemon *daemon, struct tamga_detail *detail)
{
    uint32_t role = daemon->gateway ? TAMGA__V1__ROLE__ROLE_GATEWAY
                                    : TAMGA__V1__ROLE__ROLE_CONSORTIUM;
    struct tamga_address address;

    tamga_public_key_address(tamga_private_key_public(daemon->key), &address);
    daemon->member = tamga_network_member(daemon->network, &address);
    if (daemon->member == NULL && daemon->config->joined)
        return learn_self(daemon, &address, role);
    if (daemon->member == NULL)
        return tamga_refuse(detail, TAMGA_E_NOT_MEMBER,
                            "the key in %s is nobody's in genesis; say `joined: true` if it came "
                            "by a decision on the chain",
                            daemon->config->key);
    if (strcmp(daemon->member->name, daemon->config->name) != 0)
        return tamga_refuse(detail, TAMGA_E_NOT_MEMBER,
                            "the configuration says %s, the key in %s is %s's",
                            daemon->config->name, daemon->config->key, daemon->member->name);
    if ((daemon->member->roles & role) == 0)
        return tamga_refuse(detail, daemon->gateway ? TAMGA_E_NOT_GATEWAY : TAMGA_E_NOT_MINER,
                            "genesis gives %s another role", daemon->member->name);
    return TAMGA_OK;
}

/* The certificate has to say what genesis says, or no peer would know whom it meets. */
static enum tamga_err open_link(struct tamga_daemon *daemon, struct tamga_detail *detail)
{
    const struct tamga_config_tls *config = daemon->config->tls;
    struct tamga_tls_identity self;
    enum tamga_err err;

    if (config == NULL)
        return TAMGA_OK;
    err = tamga_tls_open(&daemon->link.tls,
                         &(struct tamga_tls_files){.ca = config->ca, .cert = config->cert,
                                                   .key = config->key, .crl = config->crl},
                         detail);
    if (err != TAMGA_OK)
        return err;
    daemon->front.tls = daemon->link.tls;
    tamga_tls_self(daemon->link.tls, &self);
    if (!tamga_hash_equal(&self.network, &daemon->network->id.hash))
        return tamga_refuse(detail, TAMGA_E_LINK_FOREIGN, "%s is for another network",
                            config->cert);
    if (strcmp(self.name, daemon->member->name) != 0 || self.roles != daemon->member->roles)
        return tamga_refuse(detail, TAMGA_E_LINK_NAME,
                            "%s is that of %s with roles %u, wanted are %s and %u", config->cert,
                            self.name, self.roles, daemon->member->name, daemon->member->roles);
    return TAMGA_OK;
}

/* As many as the system lets us have: each connection with TLS takes three. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS_MAX)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Before any thread starts: signals are taken by tamga_daemon_wait alone. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool tamga_daemon_open(struct tamga_daemon *daemon, bool gateway, int argc, char **argv,
                       int *exit_code)
{
    static const char consortium_doc[] =
        "Consortium node: takes releases from producers, mines and keeps the consortium "
        "chain, and keeps every image.";
    static const char gateway_doc[] =
        "Gateway: follows the consortium chain, delivers releases to devices, and records "
        "every outcome on the gateway chain.";
    struct argp argp = {options, parse, NULL, gateway ? gateway_doc : consortium_doc,
                        NULL, NULL, NULL};
    struct arguments arguments = {0};
    struct tamga_detail detail = {{0}};
    sigset_t set;
    enum tamga_err err;

    argp_program_version = "tamga " TAMGA_VERSION;
    argp_err_exit_status = 2;
    *daemon = (struct tamga_daemon){.gateway = gateway};
    tamga_log_open(gateway ? "tamga-gateway" : "tamga-consortium", TAMGA_LOG_INFO, false);
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    guard_secrets();
    block_signals(&set);
    raise_descriptor_limit();
    daemon->config_path = arguments.config;
    err = tamga_config_load(&daemon->config, arguments.config, gateway, &detail);
    if (err == TAMGA_OK) {
        open_log(daemon->config);
        err = tamga_network_load(&daemon->network, daemon->config->genesis, &detail);
    }
    if (err == TAMGA_OK)
        err = load_key(daemon, &detail);
    if (err == TAMGA_OK)
        err = find_member(daemon, &detail);
    if (err == TAMGA_OK)
        err = open_link(daemon, &detail);
    if (err == TAMGA_OK && !arguments.check_only) {
        if (daemon->config->insecure)
            tamga_log(TAMGA_LOG_WARN, "net.insecure",
                      "links are plain tcp: anybody who can reach the ports can listen and "
                      "connect; signatures protect what is said, not who reads it");
        return true;
    }
    *exit_code = err == TAMGA_OK ? 0 : tamga_daemon_refuse(arguments.config, err, &detail);
    tamga_daemon_close(daemon);
    return false;
}

void tamga_daemon_close(struct tamga_daemon *daemon)
{
    tamga_tls_close(daemon->link.tls);
    tamga_private_key_free(daemon->key);
    tamga_network_free(daemon->network);
    if (daemon->config != NULL)
        tamga_config_free(daemon->config, daemon->gateway);
    daemon->link.tls = daemon->front.tls = NULL;
    daemon->key = NULL;
    daemon->network = NULL;
    daemon->config = NULL;
}

enum tamga_err tamga_daemon_folder(const struct tamga_daemon *daemon, char out[4096],
                                   const char *name, struct tamga_detail *detail)
{
    int len = snprintf(out, 4096, "%s/%s", daemon->config->data, name);

    if (len < 0 || len >= 4096)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "data folder's path is too long");
    if ((mkdir(daemon->config->data, 0700) != 0 && errno != EEXIST) ||
        (mkdir(out, 0700) != 0 && errno != EEXIST))
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%s: %s", out, strerror(errno));
    return TAMGA_OK;
}

static void log_server(void *context, const char *event, const char *text)
{
    (void)context;
    tamga_log(TAMGA_LOG_WARN, event, "%s", text);
}

enum tamga_err tamga_daemon_server(const struct tamga_daemon *daemon,
                                   struct tamga_rpc_server **out, struct tamga_detail *detail)
{
    struct tamga_rpc_server_options server = {
        .listen = daemon->config->rpc,
        .threads = 8,
        .contexts = TAMGA_NODE_CONTEXTS,
        .per_pipe_max = daemon->config->limits.connection.concurrent,
        .pipes_max = 4096,
        .send_timeout_ms = 10000,
        .limits = daemon->config->limits,
        .link = &daemon->front,
        .log = log_server,
        .standing = tamga_access_standing,
        .standing_context = daemon->network,
    };

    return tamga_rpc_server_open(out, &server, detail);
}

void tamga_daemon_failed(struct tamga_daemon *daemon, enum tamga_err err,
                         const struct tamga_detail *detail)
{
    tamga_log(TAMGA_LOG_ERROR, "store.failed", "%s (%s) %s", tamga_err_text(err),
              tamga_err_name(err), detail->text);
    atomic_store(&daemon->failure, (int)err);
    kill(getpid(), SIGUSR1);
}

bool tamga_daemon_warn(struct tamga_daemon *daemon, int64_t now_s)
{
    bool was_told = daemon->warned_s != 0 && now_s >= daemon->warned_s &&
                    now_s < daemon->warned_s + WARN_EVERY_S;
    struct tamga_detail text;

    if (daemon->link.tls == NULL || was_told ||
        !tamga_tls_ends_soon(daemon->link.tls, now_s, &text))
        return false;
    daemon->warned_s = now_s;
    tamga_log(TAMGA_LOG_WARN, "certificate_ends", "%s", text.text);
    return true;
}

/* Certificates are replaced in their files; bad ones leave those in use as they are. */
static void reload_link(struct tamga_daemon *daemon)
{
    struct tamga_detail detail = {{0}};
    enum tamga_err err;

    if (daemon->link.tls == NULL)
        return;
    err = tamga_tls_reload(daemon->link.tls, &detail);
    if (err != TAMGA_OK) {
        (void)tamga_daemon_refuse("reload", err, &detail);
        return;
    }
    tamga_log(TAMGA_LOG_INFO, "net.reload", "certificates are read again");
    daemon->warned_s = 0;
}

/* Only log and certificates may change while running; the rest needs a restart. A file that
 * cannot be read any more changes nothing. */
static void reload(const struct tamga_daemon *daemon)
{
    struct tamga_detail detail = {{0}};
    struct tamga_config *again = NULL;
    enum tamga_err err =
        tamga_config_load(&again, daemon->config_path, daemon->gateway, &detail);

    if (err != TAMGA_OK) {
        (void)tamga_daemon_refuse("reload", err, &detail);
        return;
    }
    open_log(again);
    tamga_log(TAMGA_LOG_INFO, "node.reload", "log level %s, format %s", again->log_level,
              again->log_format);
    tamga_config_free(again, daemon->gateway);
}

int tamga_daemon_wait(struct tamga_daemon *daemon)
{
    const struct timespec pause = {.tv_sec = CHECK_EVERY_S};
    sigset_t set;

    block_signals(&set);
    for (;;) {
        int signal_number;

        (void)tamga_daemon_warn(daemon, (int64_t)time(NULL));
        signal_number = sigtimedwait(&set, NULL, &pause);
        if (signal_number < 0)
            continue;
        if (signal_number == SIGHUP) {
            reload(daemon);
            reload_link(daemon);
        } else if (signal_number == SIGUSR1) {
            if (atomic_load(&daemon->failure) != 0)
                return 4;
        } else {
            tamga_log(TAMGA_LOG_INFO, "node.stopping", "on signal %d", signal_number);
            return 0;
        }
    }
}

size_t tamga_daemon_peers(struct tamga_peer_addr out[TAMGA_PEERS_MAX],
                          const struct tamga_config_peer *from, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        out[i] = (struct tamga_peer_addr){.rpc = from[i].rpc, .gossip = from[i].gossip};
    return count;
}
