/* tamga approve: a voter's yes to a proposal, or a signer's to a release that waits for it.
 * What is approved is shown before it is signed. */
#include "cli/cli.h"

#include "link/state.h"

struct approve {
    struct cli_say say;
    const char *text;
    struct tamga_hash id;
    const struct cli *cli;
    bool release; /* that is what it is */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct approve *approve = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &approve->say;
        return 0;
    case ARGP_KEY_ARG:
        if (approve->text != NULL)
            argp_error(state, "one ID at a time");
        approve->text = arg;
        cli_id(state, approve->id.byte, arg);
        return 0;
    case ARGP_KEY_END:
        if (approve->text == NULL)
            argp_error(state, "which ID? `tamga proposals --open` lists them");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_say_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .parser = parse,
    .children = children,
    .args_doc = "ID",
    .doc = "Approve a proposal (`tamga proposals --open`), or sign a release that waits for "
           "signatures (`tamga releases`). What it changes, or what the release is, is shown "
           "before it is signed; and afterwards, how many approvals there are, and from which "
           "height it holds if that was the last one."
           "\vExample: tamga approve "
           "6697fac79bd495f4457f6fb4f964f563a792936263b931dfbabb93050ab4fd96",
};

/* ---- before it is signed -------------------------------------------------------------- */

static enum tamga_err show_change(void *context, const struct tamga_proposal_info *proposal)
{
    const struct approve *approve = context;
    struct cli_proposal_texts texts;
    Tamga__V1__ProposalView view;

    if (approve->cli->json)
        return TAMGA_OK; /* the result has it */
    cli_proposal_view(&view, &texts, proposal);
    cli_print_proposal(&view);
    printf("\n");
    return cli_flush();
}

static enum tamga_err show_release(struct approve *approve, struct tamga_client *client,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_evidence_clear) struct tamga_evidence evidence = {0};
    const struct tamga_entry_id id = {approve->id};
    enum tamga_err err = tamga_evidence_fetch(&evidence, client->releases, &client->consortium,
                                              &id, detail);

    if (err == TAMGA_E_NOT_FOUND || (err == TAMGA_OK &&
                                     tamga_item_release(&evidence.item) == NULL))
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_PROPOSAL,
                            "the chain has no proposal or release with this id");
    approve->release = err == TAMGA_OK;
    if (err != TAMGA_OK || approve->cli->json)
        return err;
    err = cli_show_transaction(approve->cli, client, &approve->id, detail);
    printf("\n");
    return err;
}

static enum tamga_err show_what(struct approve *approve, struct tamga_client *client,
                                struct tamga_detail *detail)
{
    enum tamga_err err =
        tamga_client_proposal(client, approve->id.byte, show_change, approve, detail);

    return err == TAMGA_E_UNKNOWN_PROPOSAL ? show_release(approve, client, detail) : err;
}

/* Signatures of a release: who has signed, and whether that is enough. */
static void print_signatures(const struct approve *approve, struct tamga_client *client)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateRelease *state = NULL;

    if (approve->cli->json ||
        tamga_release_state(&state, client, &approve->id, NULL) != TAMGA_OK || state == NULL)
        return;
    printf("  now          %s has", state->waits ? "waits for signatures:" : "in force:");
    for (size_t i = 0; i < state->n_signed_by; i++)
        printf("%s %s", i > 0 ? "," : "", state->signed_by[i]);
    printf("\n");
}

int cli_approve(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct approve approve = {.cli = cli, .say = {.options = {.wait = TAMGA_WAIT_FINAL}}};
    struct tamga_submit_result result = {0};
    struct tamga_detail detail = {""};
    const struct cli_said said = {
        .action = "approve", .sentence = "approved", .proposal = approve.id.byte};
    enum tamga_err err;
    int code;

    cli_parse(cli, &argp, argc, argv, &approve);
    err = cli_say_open(cli, &approve.say, &client, &detail);
    if (err == TAMGA_OK)
        err = show_what(&approve, client, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_approve(client, approve.id.byte, &approve.say.options, &result,
                                   &detail);
    code = cli_say_end(cli, &approve.say, client, &said, err, &result, &detail);
    if (code == CLI_DONE && approve.release)
        print_signatures(&approve, client);
    return code;
}
