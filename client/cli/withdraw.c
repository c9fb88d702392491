/* tamga withdraw, permit: what is said of a release after it is out. */
#include "cli/cli.h"

struct after {
    struct cli_say say;
    const char *text;
    struct tamga_hash id;
    struct tamga_permit_options permit;
    const char *device[TAMGA_CLIENT_NUMBERS_MAX];
};

enum { OPT_REASON = 1, OPT_EXPIRES, OPT_DEVICE };

static const struct argp_child children[] = {{&cli_say_argp, 0, NULL, 0}, {0}};

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
    struct after *after = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &after->say;
        return 0;
    case OPT_REASON:
        after->permit.reason = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (after->text != NULL)
            argp_error(state, "one release at a time");
        after->text = arg;
        cli_id(state, after->id.byte, arg);
        return 0;
    case ARGP_KEY_END:
        if (after->text == NULL)
            argp_error(state, "which release? TX is its transaction's id");
        else if (after->permit.reason == NULL || after->permit.reason[0] == '\0')
            argp_error(state, "--reason TEXT is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- withdraw ------------------------------------------------------------------------ */

static const struct argp_option withdraw_options[] = {
    {"reason", OPT_REASON, "TEXT", 0, "Why, for everybody; at most 256 bytes", 0},
    {0},
};

static const struct argp withdraw_argp = {
    .options = withdraw_options,
    .parser = parse_common,
    .children = children,
    .args_doc = "TX",
    .doc = "Recall a release that oneself published, or that is of a model of one's own. Devices "
           "are not offered it any more; it stays in the chain, marked. A block for it is due "
           "at once."
           "\vExample: tamga withdraw "
           "6697fac79bd495f4457f6fb4f964f563a792936263b931dfbabb93050ab4fd96 --reason 'bricks B'",
};

int cli_withdraw(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct after after = {.say = {.options = {.wait = TAMGA_WAIT_FINAL}}};
    struct tamga_submit_result result = {0};
    struct tamga_detail detail = {""};
    const struct cli_said said = {.action = "withdraw", .sentence = "the release is withdrawn"};
    enum tamga_err err;

    cli_parse(cli, &withdraw_argp, argc, argv, &after);
    err = cli_say_open(cli, &after.say, &client, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_withdraw(client, after.id.byte, after.permit.reason,
                                    &after.say.options, &result, &detail);
    return cli_say_end(cli, &after.say, client, &said, err, &result, &detail);
}

/* ---- permit -------------------------------------------------------------------------- */

static const struct argp_option permit_options[] = {
    {"reason", OPT_REASON, "TEXT", 0, "Why, for everybody; at most 256 bytes", 0},
    {"expires", OPT_EXPIRES, "DATE", 0, "Not after, e.g. 2030-01-31 (UTC)", 0},
    {"device", OPT_DEVICE, "P/M/N", 0,
     "Only this device; repeatable, or separated by commas (default: all of the model)", 0},
    {0},
};

static error_t parse_permit(int key, char *arg, struct argp_state *state)
{
    struct after *after = state->input;

    switch (key) {
    case OPT_EXPIRES:
        after->permit.expires_ms = cli_date_ms(state, "--expires", arg);
        return 0;
    case OPT_DEVICE:
        cli_list(state, "--device", arg, after->device, &after->permit.devices_count,
                 TAMGA_CLIENT_NUMBERS_MAX);
        return 0;
    case ARGP_KEY_END:
        if (after->text != NULL && after->permit.expires_ms == 0)
            argp_error(state, "--expires DATE is needed");
        break;
    default:
        break;
    }
    return parse_common(key, arg, state);
}

static const struct argp permit_argp = {
    .options = permit_options,
    .parser = parse_permit,
    .children = children,
    .args_doc = "TX",
    .doc = "Let devices of a model of one's own go back to an older release, which they refuse "
           "otherwise."
           "\vExample: tamga permit "
           "6697fac79bd495f4457f6fb4f964f563a792936263b931dfbabb93050ab4fd96 --reason 'recall' "
           "--expires 2030-01-31 --device acme/cam/0001",
};

int cli_permit(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct after after = {.say = {.options = {.wait = TAMGA_WAIT_FINAL}}};
    struct tamga_submit_result result = {0};
    struct tamga_detail detail = {""};
    const struct cli_said said = {.action = "permit", .sentence = "going back is permitted"};
    enum tamga_err err;

    cli_parse(cli, &permit_argp, argc, argv, &after);
    after.permit.release = after.id.byte;
    after.permit.devices = after.device;
    err = cli_say_open(cli, &after.say, &client, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_permit(client, &after.permit, &after.say.options, &result, &detail);
    return cli_say_end(cli, &after.say, client, &said, err, &result, &detail);
}
