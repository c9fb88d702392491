/* tamga keygen: a key pair in two files, neither of which replaces another. */
#include "cli/cli.h"

#include <unistd.h>

#include "crypto/key.h"

struct keygen {
    const char *out;
    enum tamga_key_type type;
};

static const struct argp_option options[] = {
    {"out", 'o', "FILE", 0, "Private key (mode 0600); the public one goes to FILE.pub", 0},
    {"type", 't', "TYPE", 0, "p256 (default), rsa3072 or ed25519", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct keygen *keygen = state->input;

    switch (key) {
    case 'o':
        keygen->out = arg;
        return 0;
    case 't':
        keygen->type = cli_key_type(state, arg);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is too much: keygen takes options only", arg);
        return 0;
    case ARGP_KEY_END:
        if (keygen->out == NULL)
            argp_error(state, "--out FILE is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .doc = "Make a key pair. With --passphrase-file the private key is encrypted. Existing "
           "files are never replaced.\vExample: tamga keygen --out acme.pem --type rsa3072",
};

static void key_free(struct tamga_private_key **key)
{
    tamga_private_key_free(*key);
}

static void secret_wipe(char (*secret)[TAMGA_PASSPHRASE_MAX + 1])
{
    explicit_bzero(*secret, sizeof *secret);
}

/* Both files, or none. */
static enum tamga_err save(const struct tamga_private_key *key, const char *path,
                           const char *public_path, const char *passphrase,
                           struct tamga_detail *detail)
{
    enum tamga_err err;

    if (access(public_path, F_OK) == 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.150s: exists already; a key file is never overwritten",
                            public_path);
    err = tamga_private_key_save(key, path, passphrase, detail);
    if (err != TAMGA_OK)
        return err;
    err = tamga_public_key_save(tamga_private_key_public(key), public_path, detail);
    if (err != TAMGA_OK)
        unlink(path);
    return err;
}

static enum tamga_err show(const struct cli *cli, const struct keygen *keygen,
                           const struct tamga_private_key *key, char *public_path)
{
    Tamga__V1__KeyView view = TAMGA__V1__KEY_VIEW__INIT;
    struct tamga_address address;
    char hex[TAMGA_HEX_CHARS];

    tamga_public_key_address(tamga_private_key_public(key), &address);
    cli_hex(hex, address.hash.byte);
    view.type = (char *)(uintptr_t)cli_key_type_name(keygen->type);
    view.address = hex;
    view.path = (char *)(uintptr_t)keygen->out;
    view.public_path = public_path;
    if (cli->json)
        return cli_json(&view.base);
    printf("%s key with address %s\n  private  %s\n  public   %s\n", view.type, hex,
           keygen->out, public_path);
    return cli_flush();
}

int cli_keygen(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(key_free) struct tamga_private_key *key = NULL;
    TAMGA_CLEANUP(secret_wipe) char passphrase[TAMGA_PASSPHRASE_MAX + 1] = "";
    struct keygen keygen = {.type = TAMGA_KEY_P256};
    struct tamga_detail detail = {""};
    char public_path[CLI_PATH_MAX];
    enum tamga_err err = TAMGA_OK;

    cli_parse(cli, &argp, argc, argv, &keygen);
    if (snprintf(public_path, sizeof public_path, "%s.pub", keygen.out) >= CLI_PATH_MAX)
        return cli_fail(tamga_refuse(&detail, TAMGA_E_USAGE, "--out is too long"), &detail);
    if (cli->passphrase_file != NULL)
        err = tamga_passphrase_read(passphrase, cli->passphrase_file, &detail);
    if (err == TAMGA_OK)
        err = tamga_private_key_generate(&key, keygen.type);
    if (err == TAMGA_OK)
        err = save(key, keygen.out, public_path, cli->passphrase_file ? passphrase : NULL,
                   &detail);
    if (err == TAMGA_OK)
        err = show(cli, &keygen, key, public_path);
    return cli_fail(err, &detail);
}
