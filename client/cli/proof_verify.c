/* tamga proof verify: what a file proves, from genesis alone. Opens no connection. */
#include "cli/cli.h"

struct verify {
    const struct cli *cli;
    const char *file;
    const char *trust;
    const char *model;
};

enum { OPT_TRUST = 1, OPT_MODEL };

static const struct argp_option options[] = {
    {"trust", OPT_TRUST, "FILE", 0,
     "The network's genesis.tamga, had from somebody you trust (default: --genesis)", 0},
    {"model", OPT_MODEL, "P/M", 0,
     "Model that the proof must be about; needed if it proves that there is no release", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct verify *verify = state->input;

    switch (key) {
    case OPT_TRUST:
        verify->trust = arg;
        return 0;
    case OPT_MODEL:
        verify->model = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (verify->file != NULL)
            argp_error(state, "one FILE at a time");
        verify->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (verify->file == NULL)
            argp_error(state, "which FILE? one of `tamga latest --proof-out`, or its --json");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "FILE",
    .doc = "Verify a proof of a model's newest release without asking any node: that a quorum "
           "of the validators whom genesis names has cosigned a state in which this release is "
           "the newest, and that its author signed it and might. FILE is what `tamga latest` "
           "wrote by --proof-out, or printed by --json. Exit code 1: it proves nothing, and why."
           "\vExample: tamga proof verify cam.proof --trust genesis.tamga",
};

static enum tamga_err each(void *context, const struct tamga_latest_info *info)
{
    const struct verify *verify = context;

    return cli_show_latest(verify->cli, info);
}

int cli_proof_verify(struct cli *cli, int argc, char **argv)
{
    struct verify verify = {.cli = cli};
    struct tamga_detail detail = {""};
    TAMGA_BUF proof = {0};
    enum tamga_err err;

    cli_parse(cli, &argp, argc, argv, &verify);
    if (verify.trust == NULL)
        verify.trust = cli->genesis;
    if (verify.trust == NULL)
        err = tamga_refuse(&detail, TAMGA_E_USAGE,
                           "no trust root: name the network's genesis by --trust FILE");
    else
        err = cli_proof_read(&proof, verify.file, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_proof_verify(verify.trust, proof.data, proof.len, verify.model, each,
                                        &verify, &detail);
    return cli_fail(err, &detail);
}
