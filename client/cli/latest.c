/* tamga latest: a model's newest release as of a checkpoint, and how that is shown. */
#include "cli/cli.h"

struct latest {
    const struct cli *cli;
    const char *model;
    const char *proof_out;
    struct tamga_detail *detail;
};

enum { OPT_PROOF_OUT = 1 };

static const struct argp_option options[] = {
    {"proof-out", OPT_PROOF_OUT, "FILE", 0,
     "Write the proof there, for `tamga proof verify` and for whoever has no network", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct latest *latest = state->input;

    switch (key) {
    case OPT_PROOF_OUT:
        latest->proof_out = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (latest->model != NULL)
            argp_error(state, "one model at a time");
        latest->model = arg;
        return 0;
    case ARGP_KEY_END:
        if (latest->model == NULL)
            argp_error(state, "which model? P/M");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "P/M",
    .doc = "Show the newest release of a model as of the node's newest checkpoint. It is "
           "proved: a quorum of validators has cosigned the state in which it is the newest, so "
           "that no node can show an older one as of that checkpoint, or hide it; a node may "
           "show an old checkpoint, so its time is shown. That a model has no release is proved "
           "in the same way. Exit code 3: there is no checkpoint yet."
           "\vExample: tamga latest acme/cam --proof-out cam.proof",
};

/* ---- shown ----------------------------------------------------------------------- */

static void print(const Tamga__V1__LatestView *view)
{
    const Tamga__V1__ReleaseView *newer = view->newer;

    if (view->release != NULL)
        cli_print_release(view->release);
    else
        printf("%s has no release\n", view->model);
    if (view->withdrawn)
        printf("  WITHDRAWN    no device installs it any more\n");
    if (view->release != NULL && view->release->height > 0)
        printf("  block        %" PRIu64 "  %s\n", view->release->height, view->release->block);
    printf("  as of        checkpoint %" PRIu64 " of %s, cosigned by %u of %u validators\n",
           view->checkpoint_height, view->checkpoint_time, view->cosigners, view->validators);
    if (newer != NULL)
        printf("  newer        %s, counter %" PRIu64 ", in block %" PRIu64
               ", is not final yet: %s\n",
               newer->version, newer->counter, newer->height, newer->tx_id);
}

enum tamga_err cli_show_latest(const struct cli *cli, const struct tamga_latest_info *latest)
{
    Tamga__V1__LatestView view = TAMGA__V1__LATEST_VIEW__INIT;
    Tamga__V1__ReleaseView release, newer;
    struct cli_release_texts release_texts, newer_texts;
    char block[TAMGA_HEX_CHARS], time[CLI_TIME_MAX];

    view.model = (char *)(uintptr_t)latest->model;
    view.withdrawn = latest->withdrawn;
    view.checkpoint_height = latest->checkpoint.height;
    view.checkpoint_block = (char *)(uintptr_t)cli_hex(block, latest->checkpoint.block);
    view.checkpoint_time = (char *)(uintptr_t)cli_time(time, latest->checkpoint.time_ms);
    view.cosigners = (uint32_t)latest->checkpoint.cosigner_count;
    view.validators = (uint32_t)latest->checkpoint.validator_count;
    view.proof.data = (uint8_t *)(uintptr_t)latest->proof;
    view.proof.len = latest->proof_bytes;
    if (latest->release != NULL) {
        cli_release_view(&release, &release_texts, latest->release);
        view.release = &release;
    }
    if (latest->newer != NULL) {
        cli_release_view(&newer, &newer_texts, latest->newer);
        view.newer = &newer;
    }
    if (cli->json)
        return cli_json(&view.base);
    print(&view);
    return cli_flush();
}

/* The file first: what is shown has been kept, if that was asked for. */
static enum tamga_err each(void *context, const struct tamga_latest_info *info)
{
    const struct latest *latest = context;
    enum tamga_err err = TAMGA_OK;

    if (latest->proof_out != NULL)
        err = cli_file_replace(latest->proof_out, tamga_span(info->proof, info->proof_bytes),
                               latest->detail);
    return err == TAMGA_OK ? cli_show_latest(latest->cli, info) : err;
}

int cli_latest(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct tamga_detail detail = {""};
    struct latest latest = {.cli = cli, .detail = &detail};
    enum tamga_err err;

    cli_parse(cli, &argp, argc, argv, &latest);
    err = cli_open(cli, &client, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_latest(client, latest.model, each, &latest, &detail);
    return cli_fail(err, &detail);
}
