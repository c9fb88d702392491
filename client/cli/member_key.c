/*
 * tamga member rotate-key: one's own key, replaced while it is still there; or another
 * member's, by quorum, after its loss. No key file is ever replaced here: the old one is
 * needed until the new one holds.
 */
#include "cli/member.h"

#include <unistd.h>

#include "crypto/key.h"
#include "crypto/token.h"

struct rotation {
    struct cli_change change; /* of another member's */
    const char *to;           /* of one's own; NULL: beside it */
    const char *to_passphrase;
    uint32_t after;
};

enum { OPT_TO = 1, OPT_KEY, OPT_AFTER, OPT_REASON, OPT_EXPIRES, OPT_TO_PASSPHRASE };

static const struct argp_option options[] = {
    {"to", OPT_TO, "FILE", 0,
     "One's own: the new private key, made by `tamga keygen`, or made there if there is no such "
     "file; or a pkcs11: URI (default: key-next.pem in the identity's folder)",
     0},
    {"to-passphrase-file", OPT_TO_PASSPHRASE, "FILE", 0,
     "File (mode 0600) whose first line is the new key's passphrase", 0},
    {"key", OPT_KEY, "FILE.pub", 0, "Another member's: its new public key", 0},
    {"after", OPT_AFTER, "BLOCKS", 0,
     "Holds so many blocks later (default 2): one's own 1..16, another's 1..1000", 0},
    {"reason", OPT_REASON, "TEXT", 0, "Another member's: why, for those who decide", 0},
    {"expires", OPT_EXPIRES, "DURATION", 0,
     "Another member's: can be decided for so long: 90s, 30m, 12h, 7d (the default)", 0},
    {0},
};

static error_t parse_end(const struct rotation *rotation, struct argp_state *state)
{
    const struct tamga_member_proposal *member = &rotation->change.member;

    if (member->name != NULL && rotation->to != NULL)
        argp_error(state, "--to is for one's own key, NAME for another member's");
    else if (member->name != NULL && member->key_file == NULL)
        argp_error(state, "--key FILE.pub is needed: %s's new public key", member->name);
    else if (member->name == NULL && member->key_file != NULL)
        argp_error(state, "--key is for another member's key: NAME?");
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct rotation *rotation = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &rotation->change.say;
        return 0;
    case OPT_TO:
        rotation->to = arg;
        return 0;
    case OPT_TO_PASSPHRASE:
        rotation->to_passphrase = arg;
        return 0;
    case OPT_KEY:
        rotation->change.member.key_file = arg;
        return 0;
    case OPT_AFTER:
        rotation->after = (uint32_t)cli_number(state, "--after", arg, 1, 1000);
        return 0;
    case OPT_REASON:
        rotation->change.propose.reason = arg;
        return 0;
    case OPT_EXPIRES:
        rotation->change.expires_in_ms = cli_duration_ms(state, "--expires", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (rotation->change.member.name != NULL)
            argp_error(state, "\"%s\" is too much", arg);
        rotation->change.member.name = arg;
        return 0;
    case ARGP_KEY_END:
        return parse_end(rotation, state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_say_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .children = children,
    .args_doc = "\nNAME --key FILE.pub",
    .doc = "Replace a key. One's own: the old key signs, the new one signs for itself, and from "
           "some blocks later on only the new one counts; keep the old one until then. Another "
           "member's, which has lost its own: proposed, and decided by a quorum of voters."
           "\vExample: tamga member rotate-key --to new.pem",
};

/* ---- one's own ----------------------------------------------------------------------- */

static void free_key(struct tamga_private_key **key)
{
    tamga_private_key_free(*key);
}

/* Of the same type as the one that it is to replace; the public key beside it. */
static enum tamga_err make_key(const char *path, const char *passphrase,
                               const struct tamga_client *client, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(free_key) struct tamga_private_key *key = NULL;
    const struct tamga_public_key *old = tamga_private_key_public(client->identity.key);
    char public_path[CLI_PATH_MAX];
    enum tamga_err err;

    if (snprintf(public_path, sizeof public_path, "%s.pub", path) >= CLI_PATH_MAX)
        return tamga_refuse(detail, TAMGA_E_USAGE, "--to is too long");
    err = tamga_private_key_generate(&key, tamga_public_key_type(old));
    if (err == TAMGA_OK)
        err = tamga_private_key_save(key, path, passphrase, detail);
    return err == TAMGA_OK
               ? tamga_public_key_save(tamga_private_key_public(key), public_path, detail)
               : err;
}

/* The new key: one that is there, or made now; what opens it, and its address. */
struct next {
    char path[CLI_PATH_MAX], address[TAMGA_HEX_CHARS];
    struct tamga_passphrase *passphrase;
};

static void next_clear(struct next *next)
{
    tamga_passphrase_free(next->passphrase);
}

static enum tamga_err find_key(struct next *next, const struct cli *cli,
                               const struct rotation *rotation,
                               const struct tamga_client *client, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(free_key) struct tamga_private_key *key = NULL;
    struct cli other = *cli; /* whose --passphrase-file is the new key's */
    bool there = tamga_token_is_named(next->path) || access(next->path, F_OK) == 0;
    struct tamga_address of;
    enum tamga_err err;

    other.passphrase_file = rotation->to_passphrase;
    err = cli_passphrase(&other, &next->passphrase, there ? next->path : NULL, detail);
    if (err == TAMGA_OK && !there)
        err = make_key(next->path, tamga_passphrase_text(next->passphrase), client, detail);
    if (err == TAMGA_OK)
        err = tamga_private_key_load(&key, next->path, tamga_passphrase_text(next->passphrase),
                                     detail);
    if (err != TAMGA_OK)
        return err;
    tamga_public_key_address(tamga_private_key_public(key), &of);
    cli_hex(next->address, of.hash.byte);
    return TAMGA_OK;
}

static void print_next(const struct cli *cli, const struct rotation *rotation, const char *path,
                       const struct tamga_submit_result *result)
{
    uint32_t after = rotation->after != 0 ? rotation->after : 2;

    if (cli->json || !result->mined)
        return;
    printf("From height %" PRIu64 " on only the new key counts; until then, only the old one.\n",
           result->height + after);
    if (tamga_token_is_named(path))
        printf("Then go on with it: its URI is the first line of %s/%s, and there is no %s\n",
               cli->identity, TAMGA_IDENTITY_KEY_URI, TAMGA_IDENTITY_KEY);
    else
        printf("Then go on with it:  mv %s %s/%s\n"
               "                     mv %s.pub %s/key.pub\n",
               path, cli->identity, TAMGA_IDENTITY_KEY, path, cli->identity);
}

static enum tamga_err name_key(struct next *next, const struct cli *cli, const char *to,
                               struct tamga_detail *detail)
{
    int len = to != NULL ? snprintf(next->path, sizeof next->path, "%s", to)
                         : snprintf(next->path, sizeof next->path, "%s/key-next.pem",
                                    cli->identity);

    return len < CLI_PATH_MAX ? TAMGA_OK
                              : tamga_refuse(detail, TAMGA_E_USAGE, "--to is too long");
}

static int rotate_own(struct cli *cli, struct rotation *rotation)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    TAMGA_CLEANUP(next_clear) struct next next = {.passphrase = NULL};
    struct tamga_submit_result result = {0};
    struct tamga_key_secret secret = {NULL, NULL};
    struct tamga_detail detail = {""};
    struct cli_said said = {.action = "rotate-key",
                            .sentence = "the key is replaced",
                            .key = next.path,
                            .address = next.address};
    enum tamga_err err = cli_say_open(cli, &rotation->change.say, &client, &detail);
    int code;

    if (err == TAMGA_OK)
        err = name_key(&next, cli, rotation->to, &detail);
    if (err == TAMGA_OK)
        err = find_key(&next, cli, rotation, client, &detail);
    secret.passphrase = tamga_passphrase_text(next.passphrase);
    if (err == TAMGA_OK)
        err = tamga_client_rotate_key(client, next.path, &secret, rotation->after,
                                      &rotation->change.say.options, &result, &detail);
    code = cli_say_end(cli, &rotation->change.say, client, &said, err, &result, &detail);
    print_next(cli, rotation, next.path, &result);
    return code;
}

int cli_member_rotate_key(struct cli *cli, int argc, char **argv)
{
    static const struct cli_change_kind kind = {.sentence = "another key is proposed"};
    struct rotation rotation = {
        .change = {.kind = &kind, .say = {.options = {.wait = TAMGA_WAIT_FINAL}}}};

    cli_parse(cli, &argp, argc, argv, &rotation);
    if (rotation.change.member.name == NULL)
        return rotate_own(cli, &rotation);
    rotation.change.propose.after = rotation.after;
    return cli_change_propose(cli, &rotation.change);
}
