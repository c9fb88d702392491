/* What all commands share that say something on the chain: progress, waiting, the result. */
#include "cli/cli.h"

#include <unistd.h>

/* ---- progress --------------------------------------------------------------------- */

static const char *const step_text[] = {
    [TAMGA_STEP_SEAL] = "encrypting the image",
    [TAMGA_STEP_HASH] = "reading the image",
    [TAMGA_STEP_UPLOAD] = "uploading",
    [TAMGA_STEP_SUBMIT] = "submitting",
    [TAMGA_STEP_WAIT] = "waiting for a block",
    [TAMGA_STEP_FINAL] = "waiting until it is final",
};

bool cli_bar_wanted(const struct cli *cli)
{
    return isatty(STDERR_FILENO) && !cli->quiet;
}

void cli_bar_step(void *context, enum tamga_client_step step, uint64_t done, uint64_t total)
{
    struct cli_bar *bar = context;
    unsigned percent = total ? (unsigned)(done * 100 / total) : 0;

    if (bar->shown && bar->step == (int)step && bar->percent == percent)
        return;
    *bar = (struct cli_bar){.shown = true, .step = (int)step, .percent = percent};
    if (total > 0)
        fprintf(stderr, "\r\033[K%-20s [%-25.*s] %3u%%", step_text[step], (int)(percent / 4),
                "#########################", percent);
    else
        fprintf(stderr, "\r\033[K%s...", step_text[step]);
}

void cli_bar_end(const struct cli_bar *bar)
{
    if (bar->shown)
        fprintf(stderr, "\r\033[K");
}

/* ---- how long to wait -------------------------------------------------------------- */

enum tamga_client_wait cli_wait(struct argp_state *state, const char *text)
{
    if (strcmp(text, "accepted") == 0)
        return TAMGA_WAIT_ACCEPTED;
    if (strcmp(text, "mined") == 0)
        return TAMGA_WAIT_MINED;
    if (strcmp(text, "final") != 0)
        argp_error(state, "--wait is \"%s\"; known are final, mined and accepted", text);
    return TAMGA_WAIT_FINAL;
}

const char *cli_state_text(bool mined, bool final)
{
    if (final)
        return "final";
    return mined ? "mined" : "accepted";
}

enum { OPT_WAIT = 0x200 };

static const struct argp_option options[] = {
    {"wait", OPT_WAIT, "final|mined|accepted", 0,
     "final (default): until a quorum of validators has cosigned that its block stays, and the "
     "proof is checked; mined: until a block has it; accepted: until a node has it on its disk",
     80},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct cli_say *say = state->input;

    if (key != OPT_WAIT)
        return ARGP_ERR_UNKNOWN;
    say->options.wait = cli_wait(state, arg);
    return 0;
}

const struct argp cli_say_argp = {.options = options, .parser = parse};

enum tamga_err cli_say_open(const struct cli *cli, struct cli_say *say,
                            struct tamga_client **out, struct tamga_detail *detail)
{
    if (cli_bar_wanted(cli)) {
        say->options.progress = cli_bar_step;
        say->options.progress_context = &say->bar;
    }
    if (cli->identity == NULL)
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "this is signed: it needs --identity DIR or TAMGA_IDENTITY");
    return cli_open(cli, out, detail);
}

/* ---- what became of it ------------------------------------------------------------- */

/* Shown in the callback that has the proposal, or without one. */
struct shown {
    const struct cli *cli;
    const struct cli_said *said;
    Tamga__V1__SubmitView *view;
};

static enum tamga_err show(const struct shown *shown)
{
    const Tamga__V1__SubmitView *view = shown->view;

    if (shown->cli->json)
        return cli_json(&view->base);
    printf("%s\n  transaction  %s\n", shown->said->sentence, view->tx_id);
    if (view->height > 0)
        printf("  block        %" PRIu64 "  %s\n", view->height, view->block);
    else
        printf("  block        none yet: accepted\n");
    if (view->checkpoint > 0)
        printf("  final        by the checkpoint of height %" PRIu64 "\n", view->checkpoint);
    else
        printf("  final        not yet\n");
    if (view->key[0] != '\0')
        printf("  new key      %s\n  address      %s\n", view->key, view->address);
    if (view->proposal != NULL)
        cli_print_proposal(view->proposal);
    return cli_flush();
}

static enum tamga_err with_proposal(void *context, const struct tamga_proposal_info *proposal)
{
    const struct shown *shown = context;
    struct cli_proposal_texts texts;
    Tamga__V1__ProposalView view;

    cli_proposal_view(&view, &texts, proposal);
    shown->view->proposal = &view;
    return show(shown);
}

static enum tamga_err show_result(const struct cli *cli, struct tamga_client *client,
                                  const struct cli_said *said,
                                  const struct tamga_submit_result *result)
{
    Tamga__V1__SubmitView view = TAMGA__V1__SUBMIT_VIEW__INIT;
    struct shown shown = {cli, said, &view};
    char tx[TAMGA_HEX_CHARS], block[TAMGA_HEX_CHARS];
    enum tamga_err err;

    view.tx_id = (char *)(uintptr_t)cli_hex(tx, result->tx_id);
    view.action = (char *)(uintptr_t)said->action;
    view.state = (char *)(uintptr_t)cli_state_text(result->mined, result->final);
    if (result->mined) {
        view.block = (char *)(uintptr_t)cli_hex(block, result->block);
        view.height = result->height;
    }
    view.checkpoint = result->checkpoint_height;
    if (said->key != NULL) {
        view.key = (char *)(uintptr_t)said->key;
        view.address = (char *)(uintptr_t)said->address;
    }
    if (said->proposal == NULL || !result->mined)
        return show(&shown);
    err = tamga_client_proposal(client, said->proposal, with_proposal, &shown, NULL);
    /* What was approved may be a release. */
    return err == TAMGA_E_UNKNOWN_PROPOSAL ? show(&shown) : err;
}

int cli_say_end(const struct cli *cli, struct cli_say *say, struct tamga_client *client,
                const struct cli_said *said, enum tamga_err err,
                const struct tamga_submit_result *result, struct tamga_detail *detail)
{
    enum tamga_err shown = TAMGA_OK;

    cli_bar_end(&say->bar);
    if (result->accepted) /* it is out, even if it was not seen in a block, or final, in time */
        shown = show_result(cli, client, said, result);
    return cli_fail(err != TAMGA_OK ? err : shown, detail);
}
