/* Global options, and values as people type them. */
#include "cli/cli.h"

#include <errno.h>
#include <time.h>

enum {
    OPT_NODE = 0x100,
    OPT_IDENTITY,
    OPT_TLS,
    OPT_GENESIS,
    OPT_PASSPHRASE,
    OPT_JSON,
    OPT_TIMEOUT,
};

static const struct argp_option globals[] = {
    {NULL, 0, NULL, 0, "Global options:", 90},
    {"node", OPT_NODE, "ADDR", 0,
     "Node to talk to, tls+tcp://host:port (or tcp://, plain); repeat it or separate by commas "
     "to name several, which are tried in turn",
     90},
    {"identity", OPT_IDENTITY, "DIR", 0,
     "A member's folder: its key, the genesis, certificates for tls+tcp://", 90},
    {"tls", OPT_TLS, "DIR", 0,
     "Folder with the certificates (tls.crt, tls.key, ca.crt, ca.crl), if they are not in the "
     "identity's, or if there is none",
     90},
    {"genesis", OPT_GENESIS, "FILE", 0,
     "Trust root, if there is no identity (default: genesis.tamga of the identity)", 90},
    {"passphrase-file", OPT_PASSPHRASE, "FILE", 0,
     "File (mode 0600) whose first line is the passphrase of the key", 90},
    {"json", OPT_JSON, NULL, 0, "Print JSON, one object a line", 90},
    {"timeout", OPT_TIMEOUT, "SECONDS", 0,
     "How long to try for an answer, to wait for a block, and to be final (default 30 each)",
     90},
    {"quiet", 'q', NULL, 0, "Print results only: no progress", 90},
    {0},
};

static void add_nodes(struct argp_state *state, struct cli *cli, char *text)
{
    if (!cli->node_given)
        cli->node_count = 0;
    cli->node_given = true;
    cli_list(state, "--node", text, cli->node, &cli->node_count, CLI_NODES_MAX);
}

static error_t parse_global(int key, char *arg, struct argp_state *state)
{
    struct cli *cli = state->input;

    switch (key) {
    case OPT_NODE:
        add_nodes(state, cli, arg);
        return 0;
    case OPT_IDENTITY:
        cli->identity = arg;
        return 0;
    case OPT_TLS:
        cli->tls = arg;
        return 0;
    case OPT_GENESIS:
        cli->genesis = arg;
        return 0;
    case OPT_PASSPHRASE:
        cli->passphrase_file = arg;
        return 0;
    case OPT_JSON:
        cli->json = true;
        return 0;
    case OPT_TIMEOUT:
        cli->timeout_ms =
            (uint32_t)cli_number(state, "--timeout", arg, 1, 86400) * 1000;
        return 0;
    case 'q':
        cli->quiet = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp cli_globals_argp = {.options = globals, .parser = parse_global};

static const char *from_environment(const char *given, const char *name)
{
    const char *value = given ? given : getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

enum tamga_err cli_finish(struct cli *cli, struct tamga_detail *detail)
{
    const char *nodes = cli->node_given ? NULL : from_environment(NULL, "TAMGA_NODE");

    cli->identity = from_environment(cli->identity, "TAMGA_IDENTITY");
    cli->tls = from_environment(cli->tls, "TAMGA_TLS");
    cli->genesis = from_environment(cli->genesis, "TAMGA_GENESIS");
    cli->passphrase_file = from_environment(cli->passphrase_file, "TAMGA_PASSPHRASE_FILE");
    if (nodes == NULL || cli->node_text != NULL)
        return TAMGA_OK;
    cli->node_text = strdup(nodes);
    if (cli->node_text == NULL)
        return TAMGA_E_NO_MEMORY;
    for (char *rest = NULL, *one = strtok_r(cli->node_text, ", ", &rest); one != NULL;
         one = strtok_r(NULL, ", ", &rest)) {
        if (cli->node_count == CLI_NODES_MAX)
            return tamga_refuse(detail, TAMGA_E_USAGE, "TAMGA_NODE names more than %d nodes",
                                CLI_NODES_MAX);
        cli->node[cli->node_count++] = one;
    }
    return TAMGA_OK;
}

/* argp hands child_inputs to whoever asks at the start: the own parser knows its input. */
struct inputs {
    struct cli *cli;
    const struct argp *own;
    void *input;
};

static error_t parse_both(int key, char *arg, struct argp_state *state)
{
    struct inputs *inputs = state->input;

    (void)arg;
    if (key != ARGP_KEY_INIT)
        return ARGP_ERR_UNKNOWN;
    state->child_inputs[0] = inputs->input;
    state->child_inputs[1] = inputs->cli;
    return 0;
}

void cli_parse(struct cli *cli, const struct argp *own, int argc, char **argv, void *input)
{
    const struct argp_child children[] = {
        {own, 0, NULL, 0}, {&cli_globals_argp, 0, NULL, 90}, {0}};
    const struct argp both = {.parser = parse_both, .children = children};
    struct inputs inputs = {cli, own, input};
    struct tamga_detail detail = {""};
    enum tamga_err err;

    argp_parse(&both, argc, argv, 0, NULL, &inputs);
    err = cli_finish(cli, &detail);
    if (err != TAMGA_OK)
        exit(cli_fail(err, &detail));
}

enum tamga_err cli_open(const struct cli *cli, struct tamga_client **out,
                        struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_passphrase_release) struct tamga_passphrase *passphrase = NULL;
    struct tamga_client_options options = {
        .nodes = cli->node,
        .node_count = cli->node_count,
        .identity = cli->identity,
        .genesis = cli->genesis,
        .timeout_ms = cli->timeout_ms,
        .tls = cli->tls,
    };
    enum tamga_err err;

    if (cli->node_count == 0)
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "no node: name one by --node tls+tcp://host:port or TAMGA_NODE");
    if (cli->identity == NULL && cli->genesis == NULL)
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "no trust root: name --identity DIR or --genesis FILE "
                            "(or TAMGA_IDENTITY, TAMGA_GENESIS)");
    err = cli_identity_passphrase(cli, &passphrase, detail);
    if (err != TAMGA_OK)
        return err;
    options.passphrase = tamga_passphrase_text(passphrase);
    return tamga_client_open(out, &options, detail);
}

void cli_client_free(struct tamga_client **client)
{
    tamga_client_close(*client);
}

uint64_t cli_number(struct argp_state *state, const char *what, const char *text, uint64_t min,
                    uint64_t max)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < min ||
        value > max)
        argp_error(state, "%s is \"%s\"; accepted are numbers from %" PRIu64 " to %" PRIu64,
                   what, text, min, max);
    return value;
}

uint64_t cli_duration_ms(struct argp_state *state, const char *what, const char *text)
{
    static const struct {
        char unit;
        uint64_t ms;
    } known[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    size_t digits = strspn(text, "0123456789");

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (digits > 0 && digits < 7 && text[digits] == known[i].unit &&
            text[digits + 1] == '\0' && strtoull(text, NULL, 10) > 0)
            return strtoull(text, NULL, 10) * known[i].ms;
    argp_error(state, "%s is \"%s\"; accepted are times like 90s, 30m, 12h and 7d", what, text);
    return 0;
}

uint32_t cli_roles_of(struct argp_state *state, const char *what, char *text)
{
    char *word[4] = {NULL}, *rest = NULL;
    size_t count = cli_roles(word, 15);
    uint32_t roles = 0;

    for (char *one = strtok_r(text, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        size_t i = 0;

        while (i < count && strcmp(word[i], one) != 0)
            i++;
        if (i == count)
            argp_error(state, "%s names \"%s\"; roles are oem, provider, consortium and gateway",
                       what, one);
        roles |= 1u << i;
    }
    return roles;
}

void cli_id(struct argp_state *state, uint8_t out[TAMGA_HASH_BYTES], const char *text)
{
    if (tamga_from_hex(out, TAMGA_HASH_BYTES, text) != TAMGA_OK)
        argp_error(state, "\"%s\" is no id; a transaction id has 64 hex digits", text);
}

uint64_t cli_date_ms(struct argp_state *state, const char *what, const char *text)
{
    static const char *const form[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"};

    for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
        struct tm when = {0};
        const char *end = strptime(text, form[i], &when);
        struct tm same;
        time_t seconds;

        if (end == NULL || *end != '\0')
            continue;
        same = when;
        seconds = timegm(&when); /* 31 February becomes 3 March: not what was meant */
        if (seconds > 0 && when.tm_mday == same.tm_mday)
            return (uint64_t)seconds * 1000;
    }
    argp_error(state, "%s is \"%s\"; accepted are 2030-01-31 and 2030-01-31T12:00:00Z (UTC)",
               what, text);
    return 0;
}

void cli_list(struct argp_state *state, const char *what, char *text, const char **list,
              size_t *count, size_t max)
{
    char *rest = NULL;

    for (char *one = strtok_r(text, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        if (*count == max)
            argp_error(state, "%s names more than %zu", what, max);
        else
            list[(*count)++] = one;
    }
}

static const char *const key_types[] = {
    [TAMGA_KEY_P256] = "p256",
    [TAMGA_KEY_RSA3072] = "rsa3072",
    [TAMGA_KEY_ED25519] = "ed25519",
};

const char *cli_key_type_name(enum tamga_key_type type)
{
    return key_types[type];
}

enum tamga_key_type cli_key_type(struct argp_state *state, const char *text)
{
    for (unsigned i = TAMGA_KEY_P256; i <= TAMGA_KEY_ED25519; i++)
        if (strcmp(text, key_types[i]) == 0)
            return (enum tamga_key_type)i;
    argp_error(state, "--type is \"%s\"; accepted are p256, rsa3072 and ed25519", text);
    return TAMGA_KEY_P256;
}
