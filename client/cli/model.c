/* tamga model register, model show, delegate: who answers for a model. */
#include "cli/cli.h"

struct model {
    struct cli_say say;
    struct tamga_model_options model;
    struct tamga_delegate_options delegate;
    const char *hardware[TAMGA_CLIENT_LIST_MAX];
    const char *signers[TAMGA_CLIENT_SIGNERS_MAX];
};

enum {
    OPT_HARDWARE = 1,
    OPT_SIGNER,
    OPT_NEEDED,
    OPT_COUNTERSIGN,
    OPT_MODEL,
    OPT_TO,
    OPT_UNTIL,
    OPT_REVOKE,
};

static const struct argp_child children[] = {{&cli_say_argp, 0, NULL, 0}, {0}};

/* ---- register ------------------------------------------------------------------------ */

static const struct argp_option register_options[] = {
    {"hardware", OPT_HARDWARE, "REV,...", 0, "Its hardware revisions", 0},
    {"signer", OPT_SIGNER, "NAME,...", 0,
     "Members whose signatures count beside the publisher's; repeatable", 0},
    {"needed", OPT_NEEDED, "N", 0,
     "Signatures that a release needs, the publisher's included (default 1)", 0},
    {"countersign", OPT_COUNTERSIGN, NULL, 0,
     "A provider's release needs the owner's signature", 0},
    {0},
};

static error_t parse_register(int key, char *arg, struct argp_state *state)
{
    struct model *model = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &model->say;
        return 0;
    case OPT_HARDWARE:
        cli_list(state, "--hardware", arg, model->hardware, &model->model.hardware_count,
                 TAMGA_CLIENT_LIST_MAX);
        return 0;
    case OPT_SIGNER:
        cli_list(state, "--signer", arg, model->signers, &model->model.signers_count,
                 TAMGA_CLIENT_SIGNERS_MAX);
        return 0;
    case OPT_NEEDED:
        model->model.needed = (uint32_t)cli_number(state, "--needed", arg, 1, 18);
        return 0;
    case OPT_COUNTERSIGN:
        model->model.countersign = true;
        return 0;
    case ARGP_KEY_ARG:
        if (model->model.model != NULL)
            argp_error(state, "one model at a time");
        model->model.model = arg;
        return 0;
    case ARGP_KEY_END:
        if (model->model.model == NULL)
            argp_error(state, "which model? P/M");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp register_argp = {
    .options = register_options,
    .parser = parse_register,
    .children = children,
    .args_doc = "P/M",
    .doc = "Register a model of one's own, or say what it is from now on: all of it is stated, "
           "only delegations stay as they are. Releases that are out already are not touched."
           "\vExample: tamga model register newco/door --hardware A,B --countersign",
};

int cli_model_register(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct model model = {.say = {.options = {.wait = TAMGA_WAIT_FINAL}}};
    struct tamga_submit_result result = {0};
    struct tamga_detail detail = {""};
    const struct cli_said said = {.action = "register-model",
                                  .sentence = "the model is registered"};
    enum tamga_err err;

    cli_parse(cli, &register_argp, argc, argv, &model);
    model.model.hardware = model.hardware;
    model.model.signers = model.signers;
    err = cli_say_open(cli, &model.say, &client, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_register_model(client, &model.model, &model.say.options, &result,
                                          &detail);
    return cli_say_end(cli, &model.say, client, &said, err, &result, &detail);
}

/* ---- delegate ------------------------------------------------------------------------ */

static const struct argp_option delegate_options[] = {
    {"model", OPT_MODEL, "P/M", 0, "A model of one's own", 0},
    {"to", OPT_TO, "MEMBER", 0, "The software provider", 0},
    {"hardware", OPT_HARDWARE, "REV,...", 0, "Only for these revisions (default: all)", 0},
    {"until", OPT_UNTIL, "DATE", 0, "Not after, e.g. 2030-01-31 (default: until taken back)", 0},
    {"revoke", OPT_REVOKE, NULL, 0, "It is taken back", 0},
    {0},
};

static error_t delegate_end(const struct tamga_delegate_options *delegate,
                            struct argp_state *state)
{
    if (delegate->model == NULL)
        argp_error(state, "--model P/M is needed");
    else if (delegate->provider == NULL)
        argp_error(state, "--to MEMBER is needed");
    else if (delegate->revoke && (delegate->hardware_count > 0 || delegate->until_ms > 0))
        argp_error(state, "--revoke takes a delegation back whole");
    return 0;
}

static error_t parse_delegate(int key, char *arg, struct argp_state *state)
{
    struct model *model = state->input;
    struct tamga_delegate_options *delegate = &model->delegate;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &model->say;
        return 0;
    case OPT_MODEL:
        delegate->model = arg;
        return 0;
    case OPT_TO:
        delegate->provider = arg;
        return 0;
    case OPT_HARDWARE:
        cli_list(state, "--hardware", arg, model->hardware, &delegate->hardware_count,
                 TAMGA_CLIENT_LIST_MAX);
        return 0;
    case OPT_UNTIL:
        delegate->until_ms = cli_date_ms(state, "--until", arg);
        return 0;
    case OPT_REVOKE:
        delegate->revoke = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is too much: delegate takes options only", arg);
        return 0;
    case ARGP_KEY_END:
        return delegate_end(delegate, state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp delegate_argp = {
    .options = delegate_options,
    .parser = parse_delegate,
    .children = children,
    .doc = "Let a software provider publish for a model of one's own, or for some revisions of "
           "it, or until a date; a second delegation to the same one replaces the first."
           "\vExample: tamga delegate --model acme/cam --to softco --hardware A --until 2030-01-31",
};

int cli_delegate(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct model model = {.say = {.options = {.wait = TAMGA_WAIT_FINAL}}};
    struct tamga_submit_result result = {0};
    struct tamga_detail detail = {""};
    struct cli_said said = {.action = "delegate"};
    enum tamga_err err;

    cli_parse(cli, &delegate_argp, argc, argv, &model);
    said.sentence = model.delegate.revoke ? "the delegation is taken back"
                                          : "the model is delegated";
    model.delegate.hardware = model.hardware;
    err = cli_say_open(cli, &model.say, &client, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_delegate(client, &model.delegate, &model.say.options, &result,
                                    &detail);
    return cli_say_end(cli, &model.say, client, &said, err, &result, &detail);
}

/* ---- show ---------------------------------------------------------------------------- */

static error_t parse_show(int key, char *arg, struct argp_state *state)
{
    const char **model = state->input;

    switch (key) {
    case ARGP_KEY_ARG:
        if (*model != NULL)
            argp_error(state, "one model at a time");
        *model = arg;
        return 0;
    case ARGP_KEY_END:
        if (*model == NULL)
            argp_error(state, "which model? P/M");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp show_argp = {
    .parser = parse_show,
    .args_doc = "P/M",
    .doc = "Show a model: owner, revisions, to whom it is delegated, which signatures a release "
           "needs; proved by the state that a quorum of validators has cosigned."
           "\vExample: tamga model show acme/cam",
};

static void print_names(const char *what, char *const *list, size_t count, const char *none)
{
    printf("  %-13s", what);
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i > 0 ? ", " : "", list[i]);
    printf("%s\n", count == 0 ? none : "");
}

static void print_model(const Tamga__V1__ModelView *view)
{
    printf("model %s\n  owner        %s\n", view->model, view->owner);
    print_names("hardware", view->hardware, view->n_hardware, "no revisions");
    for (size_t i = 0; i < view->n_delegations; i++) {
        const Tamga__V1__DelegationView *to = view->delegations[i];

        printf("  delegated    to %s for ", to->provider);
        for (size_t k = 0; k < to->n_hardware; k++)
            printf("%s%s", k > 0 ? ", " : "", to->hardware[k]);
        printf("%s%s%s\n", to->n_hardware == 0 ? "all revisions" : "",
               to->until[0] != '\0' ? ", until " : "", to->until);
    }
    if (view->n_signers > 0)
        print_names("signers", view->signers, view->n_signers, "");
    printf("  a release    needs %" PRIu32 " signature%s%s\n", view->needed > 1 ? view->needed : 1,
           view->needed > 1 ? "s" : "", view->countersign ? ", the owner's among them" : "");
    if (view->checkpoint > 0)
        printf("  as of        the checkpoint of height %" PRIu64 "\n", view->checkpoint);
    else
        printf("  as of        genesis: there is no checkpoint yet\n");
}

static enum tamga_err show_model(void *context, const struct tamga_model_info *model)
{
    const struct cli *cli = context;
    Tamga__V1__ModelView view = TAMGA__V1__MODEL_VIEW__INIT;
    Tamga__V1__DelegationView to[TAMGA_CLIENT_LIST_MAX], *list[TAMGA_CLIENT_LIST_MAX];
    char until[TAMGA_CLIENT_LIST_MAX][CLI_TIME_MAX];

    view.model = (char *)(uintptr_t)model->model;
    view.owner = (char *)(uintptr_t)model->owner;
    view.n_hardware = model->hardware_count;
    view.hardware = (char **)(uintptr_t)model->hardware;
    view.n_signers = model->signers_count;
    view.signers = (char **)(uintptr_t)model->signers;
    view.needed = model->needed;
    view.countersign = model->countersign;
    view.checkpoint = model->checkpoint_height;
    for (size_t i = 0; i < model->delegations_count; i++) {
        tamga__v1__delegation_view__init(&to[i]);
        to[i].provider = (char *)(uintptr_t)model->delegations[i].provider;
        to[i].n_hardware = model->delegations[i].hardware_count;
        to[i].hardware = (char **)(uintptr_t)model->delegations[i].hardware;
        to[i].until = (char *)(uintptr_t)cli_time(until[i], model->delegations[i].until_ms);
        list[i] = &to[i];
    }
    view.n_delegations = model->delegations_count;
    view.delegations = list;
    if (cli->json)
        return cli_json(&view.base);
    print_model(&view);
    return cli_flush();
}

int cli_model_show(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct tamga_detail detail = {""};
    const char *model = NULL;
    enum tamga_err err;

    cli_parse(cli, &show_argp, argc, argv, &model);
    err = cli_open(cli, &client, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_model(client, model, show_model, cli, &detail);
    return cli_fail(err, &detail);
}
