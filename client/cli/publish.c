/* tamga publish: from options to a release that stays, with a bar for the patient. */
#include "cli/cli.h"

struct publish {
    struct tamga_publish_options options;
    const char *hardware[TAMGA_CLIENT_LIST_MAX];
    const char *depends[TAMGA_CLIENT_LIST_MAX];
    const char *encrypt_to[TAMGA_CLIENT_LIST_MAX];
    uint8_t republish_of[TAMGA_HASH_BYTES];
    struct cli_bar bar;
};

enum {
    OPT_MODEL = 1,
    OPT_VERSION,
    OPT_COUNTER,
    OPT_HARDWARE,
    OPT_DEPENDS,
    OPT_EXPIRES,
    OPT_FIRST,
    OPT_URGENT,
    OPT_REPUBLISH,
    OPT_WAIT,
    OPT_ENCRYPT,
};

static const struct argp_option options[] = {
    {"model", OPT_MODEL, "P/M", 0, "Model that it is for: producer and model", 0},
    {"version", OPT_VERSION, "V", 0, "Version for people, of A-Z a-z 0-9 . _ -", 0},
    {"counter", OPT_COUNTER, "N", 0,
     "Release counter, above the newest (default: one above)", 0},
    {"hardware", OPT_HARDWARE, "REV,...", 0, "Only for these hardware revisions", 0},
    {"depends", OPT_DEPENDS, "P/M:V", 0,
     "Release that must be installed before; repeatable, or separated by commas", 0},
    {"expires", OPT_EXPIRES, "DATE", 0, "Not to be installed after, e.g. 2030-01-31 (UTC)", 0},
    {"first-install", OPT_FIRST, NULL, 0, "For devices that run nothing yet", 0},
    {"urgent", OPT_URGENT, NULL, 0, "Ask for a block at once", 0},
    {"republish", OPT_REPUBLISH, "TX", 0,
     "Release the same image again: id of its newest release (64 hex digits)", 0},
    {"encrypt-to", OPT_ENCRYPT, "KEY.pub", 0,
     "Encrypt the image: only who has this key can read it, a model's or a device's, made by "
     "`tamga keygen --type x25519`; repeatable, or separated by commas",
     0},
    {"wait", OPT_WAIT, "final|mined|accepted", 0,
     "final (default): until a quorum of validators has cosigned that its block stays, and "
     "the proof is checked; mined: until a block has it and the proof is checked, though a "
     "heavier branch might still replace the block; accepted: until a node has it on its disk",
     0},
    {0},
};

static error_t parse_end(const struct publish *publish, struct argp_state *state)
{
    if (publish->options.image == NULL)
        argp_error(state, "which IMAGE?");
    else if (publish->options.model == NULL)
        argp_error(state, "--model P/M is needed");
    else if (publish->options.version == NULL)
        argp_error(state, "--version V is needed");
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct publish *publish = state->input;
    struct tamga_publish_options *out = &publish->options;

    switch (key) {
    case OPT_MODEL:
        out->model = arg;
        return 0;
    case OPT_VERSION:
        out->version = arg;
        return 0;
    case OPT_COUNTER:
        out->counter = cli_number(state, "--counter", arg, 1, UINT64_MAX);
        return 0;
    case OPT_HARDWARE:
        cli_list(state, "--hardware", arg, publish->hardware, &out->hardware_count,
                 TAMGA_CLIENT_LIST_MAX);
        return 0;
    case OPT_DEPENDS:
        cli_list(state, "--depends", arg, publish->depends, &out->depends_count, 16);
        return 0;
    case OPT_ENCRYPT:
        cli_list(state, "--encrypt-to", arg, publish->encrypt_to, &out->encrypt_to_count,
                 TAMGA_CLIENT_LIST_MAX);
        return 0;
    case OPT_EXPIRES:
        out->expires_ms = cli_date_ms(state, "--expires", arg);
        return 0;
    case OPT_FIRST:
        out->first_install = true;
        return 0;
    case OPT_URGENT:
        out->urgent = true;
        return 0;
    case OPT_REPUBLISH:
        if (tamga_from_hex(publish->republish_of, TAMGA_HASH_BYTES, arg) != TAMGA_OK)
            argp_error(state, "--republish is \"%s\"; a transaction id has 64 hex digits", arg);
        out->republish_of = publish->republish_of;
        return 0;
    case OPT_WAIT:
        out->wait = cli_wait(state, arg);
        return 0;
    case ARGP_KEY_ARG:
        if (out->image != NULL)
            argp_error(state, "one IMAGE at a time");
        out->image = arg;
        return 0;
    case ARGP_KEY_END:
        return parse_end(publish, state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "IMAGE",
    .doc = "Publish a release: check it, add the image to the content store, sign, submit, "
           "wait. Nothing is signed or sent before all checks have passed here."
           "\vExample: tamga publish cam.bin --model acme/cam --version 1.4.2 --hardware A,B",
};

/* ---- result --------------------------------------------------------------------- */

static enum tamga_err show(const struct cli *cli, const struct publish *publish,
                           const struct tamga_publish_result *result)
{
    Tamga__V1__PublishResult view = TAMGA__V1__PUBLISH_RESULT__INIT;
    char tx[TAMGA_HEX_CHARS], sha256[TAMGA_HEX_CHARS], block[TAMGA_HEX_CHARS];
    char size[CLI_TIME_MAX];

    view.tx_id = (char *)(uintptr_t)cli_hex(tx, result->tx_id);
    view.cid = (char *)(uintptr_t)result->cid;
    view.image_sha256 = (char *)(uintptr_t)cli_hex(sha256, result->image_sha256);
    view.image_bytes = result->image_bytes;
    view.model = (char *)(uintptr_t)publish->options.model;
    view.version = (char *)(uintptr_t)publish->options.version;
    view.counter = result->counter;
    view.state = (char *)(uintptr_t)cli_state_text(result->mined, result->final);
    if (result->mined) {
        view.block = (char *)(uintptr_t)cli_hex(block, result->block);
        view.height = result->height;
    }
    view.checkpoint = result->checkpoint_height;
    view.waits = result->waits;
    view.recipients = (uint32_t)publish->options.encrypt_to_count;
    if (cli->json)
        return cli_json(&view.base);
    printf("%s %s is released, counter %" PRIu64 "\n", view.model, view.version,
           result->counter);
    printf("  transaction  %s\n  cid          %s\n  sha256       %s\n  image        %s\n", tx,
           result->cid, sha256, cli_size(size, result->image_bytes));
    if (view.recipients > 0)
        printf("  encrypted    for %" PRIu32 " key%s; cid, sha256 and size are the "
               "ciphertext's\n",
               view.recipients, view.recipients > 1 ? "s" : "");
    if (result->mined)
        printf("  block        %" PRIu64 "  %s\n", result->height, block);
    else
        printf("  block        none yet: accepted\n");
    if (result->final)
        printf("  final        by the checkpoint of height %" PRIu64 "\n",
               result->checkpoint_height);
    else
        printf("  final        not yet\n");
    if (result->waits)
        printf("  now          waits for signatures: `tamga approve` by those whom its model "
               "asks for\n");
    return cli_flush();
}

int cli_publish(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct tamga_publish_result result = {0};
    struct publish publish = {.options = {.wait = TAMGA_WAIT_FINAL}};
    struct tamga_detail detail = {""};
    enum tamga_err err, shown = TAMGA_OK;

    argp_program_version = NULL; /* here --version is the release's */
    cli_parse(cli, &argp, argc, argv, &publish);
    publish.options.hardware = publish.hardware;
    publish.options.depends = publish.depends;
    publish.options.encrypt_to = publish.encrypt_to;
    if (cli_bar_wanted(cli)) {
        publish.options.progress = cli_bar_step;
        publish.options.progress_context = &publish.bar;
    }
    if (cli->identity == NULL)
        err = tamga_refuse(&detail, TAMGA_E_USAGE,
                           "publishing needs --identity DIR or TAMGA_IDENTITY");
    else
        err = cli_open(cli, &client, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_publish(client, &publish.options, &result, &detail);
    cli_bar_end(&publish.bar);
    if (result.accepted) /* it is out, even if it was not seen in a block, or final, in time */
        shown = show(cli, &publish, &result);
    return cli_fail(err != TAMGA_OK ? err : shown, &detail);
}
