/* tamga proposals: what members want to change, what that would mean, and who has said yes. */
#include "cli/cli.h"

struct listing {
    const struct cli *cli;
    bool open_only;
    size_t count;
};

enum { OPT_OPEN = 1 };

static const struct argp_option options[] = {
    {"open", OPT_OPEN, NULL, 0, "Only those that can still be approved", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct listing *listing = state->input;

    switch (key) {
    case OPT_OPEN:
        listing->open_only = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is too much: this lists all proposals, or the --open ones",
                   arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .doc = "List proposals, oldest first: what each changes, who approved it, how many approvals "
           "are missing and until when it can be decided. What is final is proved by the "
           "chain's state; the rest is marked."
           "\vExample: tamga proposals --open",
};

/* ---- shown ------------------------------------------------------------------------- */

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text; /* the views only lend it to the JSON writer */
}

static const char *const verdict_text[] = {
    [TAMGA_VERDICT_OPEN] = "open",
    [TAMGA_VERDICT_DECIDED] = "decided",
    [TAMGA_VERDICT_EXPIRED] = "expired",
};

void cli_proposal_view(Tamga__V1__ProposalView *view, struct cli_proposal_texts *texts,
                       const struct tamga_proposal_info *proposal)
{
    static const Tamga__V1__ProposalView empty = TAMGA__V1__PROPOSAL_VIEW__INIT;
    bool open = proposal->verdict == TAMGA_VERDICT_OPEN;

    *view = empty;
    view->id = text_of(cli_hex(texts->id, proposal->id));
    view->proposer = text_of(proposal->proposer);
    view->subject = text_of(proposal->subject);
    view->n_diff = proposal->diff_count;
    view->diff = (char **)(uintptr_t)proposal->diff;
    view->reason = text_of(proposal->reason);
    view->after = proposal->after;
    view->expires = text_of(cli_time(texts->expires, proposal->expires_ms));
    view->n_approvals = proposal->approvals_count;
    view->approvals = (char **)(uintptr_t)proposal->approvals;
    view->counted = (uint32_t)proposal->counted;
    view->needed = (uint32_t)proposal->needed;
    view->missing = open && proposal->needed > proposal->counted
                        ? (uint32_t)(proposal->needed - proposal->counted)
                        : 0;
    view->voters = (uint32_t)proposal->voters;
    view->state = text_of(verdict_text[proposal->verdict]);
    view->decided = proposal->decided;
    view->effect = proposal->effect;
    view->final = proposal->final;
}

static void print_approvals(const Tamga__V1__ProposalView *view)
{
    printf("  approved by  ");
    for (size_t i = 0; i < view->n_approvals; i++)
        printf("%s%s", i > 0 ? ", " : "", view->approvals[i]);
    if (view->missing > 0)
        printf(": %" PRIu32 " of %" PRIu32 " needed, %" PRIu32 " missing", view->counted,
               view->needed, view->missing);
    printf("\n");
}

void cli_print_proposal(const Tamga__V1__ProposalView *view)
{
    printf("proposal %s\n  proposed by  %s\n", view->id, view->proposer);
    for (size_t i = 0; i < view->n_diff; i++)
        printf("  %-13s%s\n", i == 0 ? "changes" : "", view->diff[i]);
    if (view->effect > 0)
        printf("  holds        from height %" PRIu64 " on, decided in block %" PRIu64 "\n",
               view->effect, view->decided);
    else
        printf("  holds        from %" PRIu32 " block%s after the decision\n", view->after,
               view->after > 1 ? "s" : "");
    if (view->reason[0] != '\0')
        printf("  because      %s\n", view->reason);
    print_approvals(view);
    if (view->decided == 0)
        printf("  %-13s%s\n", strcmp(view->state, "open") == 0 ? "open until" : "expired",
               view->expires);
    if (!view->final)
        printf("  as of now    the node's word: not final yet\n");
}

static enum tamga_err each(void *context, const struct tamga_proposal_info *proposal)
{
    struct listing *listing = context;
    struct cli_proposal_texts texts;
    Tamga__V1__ProposalView view;

    cli_proposal_view(&view, &texts, proposal);
    if (listing->cli->json)
        return cli_json(&view.base);
    if (listing->count++ > 0)
        printf("\n");
    cli_print_proposal(&view);
    return cli_flush();
}

int cli_proposals(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct listing listing = {.cli = cli};
    struct tamga_detail detail = {""};
    enum tamga_err err;

    cli_parse(cli, &argp, argc, argv, &listing);
    err = cli_open(cli, &client, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_proposals(client, listing.open_only, each, &listing, &detail);
    if (err == TAMGA_OK && listing.count == 0 && !cli->json)
        printf("%s\n", listing.open_only ? "no proposal is open" : "nothing was proposed yet");
    return cli_fail(err, &detail);
}
