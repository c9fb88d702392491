/* tamga: for producers, operators and auditors. Finds the subcommand and runs it. */
#include "cli/cli.h"

#include <signal.h>
#include <stddef.h>

#include "crypto/secret.h"

const char *argp_program_version = "tamga " TAMGA_VERSION;

const struct cli_command cli_commands[] = {
    {"keygen", "make a key pair", cli_keygen},
    {"network init", "make genesis and members' folders from network.yaml", cli_network_init},
    {"publish", "publish a release of an image", cli_publish},
    {"withdraw", "recall a release", cli_withdraw},
    {"permit", "let devices go back to an older release", cli_permit},
    {"model register", "register a model, or say what its releases need", cli_model_register},
    {"model show", "show a model, its delegations and signers", cli_model_show},
    {"delegate", "let a software provider publish for a model", cli_delegate},
    {"member list", "list members, their keys and validators", cli_member_list},
    {"member add", "propose a new member", cli_member_add},
    {"member roles", "propose other roles of a member", cli_member_roles},
    {"member suspend", "propose that a member may do nothing for now", cli_member_suspend},
    {"member reinstate", "propose that a suspended member is active again",
     cli_member_reinstate},
    {"member remove", "propose that a member leaves for good", cli_member_remove},
    {"member revoke", "propose that a lost or stolen key counts no more", cli_member_revoke},
    {"member rotate-key", "replace one's own key, or propose another member's",
     cli_member_rotate_key},
    {"member validator", "propose that a member becomes a validator, or ceases to be",
     cli_member_validator},
    {"propose member", "propose any change of a member", cli_propose_member},
    {"propose params", "propose other parameters of the consortium chain", cli_propose_params},
    {"proposals", "list proposals: what each changes, who approved", cli_proposals},
    {"list", "the same as proposals", cli_proposals},
    {"approve", "approve a proposal, or sign a release that waits for it", cli_approve},
    {"releases", "list what was released", cli_releases},
    {"latest", "show a model's newest release, proved", cli_latest},
    {"proof verify", "verify such a proof from a file, without any node", cli_proof_verify},
    {"show", "show a transaction, record, block or checkpoint", cli_show},
    {"status", "show what nodes say of themselves", cli_status},
    {"device enroll", "make a device's key, certificate and folder", cli_device_enroll},
    {"history", "show what happened to a device, verified", cli_history},
    {"cid", "compute the CID that an image would have", cli_cid},
};
const size_t cli_command_count = sizeof cli_commands / sizeof *cli_commands;

static void list_commands(FILE *out)
{
    fprintf(out, "Commands:\n");
    for (size_t i = 0; i < cli_command_count; i++)
        fprintf(out, "  %-18s %s\n", cli_commands[i].name, cli_commands[i].summary);
}

/* How many words of argv the command's name takes; 0: it is another command. */
static int match(const struct cli_command *command, int argc, char **argv)
{
    const char *space = strchr(command->name, ' ');
    size_t len = space ? (size_t)(space - command->name) : strlen(command->name);

    if (strncmp(argv[0], command->name, len) != 0 || argv[0][len] != '\0')
        return 0;
    if (space == NULL)
        return 1;
    return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

struct start {
    struct cli *cli;
    int command; /* index of its first word in argv */
};

static error_t parse_start(int key, char *arg, struct argp_state *state)
{
    struct start *start = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = start->cli;
        return 0;
    case ARGP_KEY_ARG:
        start->command = state->next - 1;
        state->next = state->argc; /* the rest is the subcommand's */
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *filter_help(int key, const char *text, void *input)
{
    char *list = NULL;
    size_t len = 0;
    FILE *out;

    (void)input;
    if (key != ARGP_KEY_HELP_EXTRA)
        return (char *)(uintptr_t)text;
    out = open_memstream(&list, &len);
    if (out == NULL)
        return NULL;
    list_commands(out);
    fprintf(out,
            "\n`tamga COMMAND --help` tells a command's options.\n\n"
            "Exit codes: 0 done, 1 refused or not verified, 2 usage, 3 cannot reach or\n"
            "try later, 4 local failure.\n\n"
            "TAMGA_NODE (comma-separated), TAMGA_IDENTITY, TAMGA_TLS, TAMGA_GENESIS and\n"
            "TAMGA_PASSPHRASE_FILE stand in for the options of those names.");
    fclose(out);
    return list;
}

static const struct argp_child children[] = {{&cli_globals_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .parser = parse_start,
    .args_doc = "COMMAND [ARGUMENT...]",
    .doc = "Publish firmware releases to a Tamga network and audit what became of them."
           "\vExample: tamga --node tls+tcp://127.0.0.1:7101 --identity members/acme publish "
           "cam.bin --model acme/cam --version 1.4.2",
    .children = children,
    .help_filter = filter_help,
};

static int unknown(int argc, char **argv)
{
    bool second = argc > 1 && argv[1][0] != '-';

    fprintf(stderr, "tamga: \"%s%s%s\" is no command\n", argv[0], second ? " " : "",
            second ? argv[1] : "");
    list_commands(stderr);
    return CLI_USAGE;
}

static int run(struct cli *cli, int argc, char **argv)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        int words = match(&cli_commands[i], argc, argv);
        char name[64];

        if (words == 0)
            continue;
        snprintf(name, sizeof name, "tamga %s", cli_commands[i].name);
        argv[words - 1] = name; /* what argp calls the program */
        return cli_commands[i].run(cli, argc - words + 1, argv + words - 1);
    }
    return unknown(argc, argv);
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    struct start start = {.cli = &cli};
    struct tamga_detail why = {""};
    int code;

    (void)tamga_secret_guard(&why); /* said where a key is taken, if it is */
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error of writing */
    argp_err_exit_status = CLI_USAGE;
    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &start);
    if (start.command == 0) {
        fprintf(stderr, "tamga: which command?\n");
        list_commands(stderr);
        return CLI_USAGE;
    }
    code = run(&cli, argc - start.command, argv + start.command);
    free(cli.node_text);
    return code;
}
