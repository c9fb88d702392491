/* tamga keygen: a key pair in two files, neither of which replaces another. */
#include "cli/cli.h"

#include <unistd.h>

#include "crypto/key.h"
#include "crypto/passphrase.h"
#include "crypto/recipient.h"

struct keygen {
    const char *out;
    enum tamga_key_type type;
    bool decrypts; /* x25519: a key that opens images, and signs nothing */
};

static const struct argp_option options[] = {
    {"out", 'o', "FILE", 0, "Private key (mode 0600); the public one goes to FILE.pub", 0},
    {"type", 't', "TYPE", 0,
     "p256 (default), rsa3072 or ed25519 to sign; x25519 to decrypt images", 0},
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
        keygen->decrypts = strcmp(arg, "x25519") == 0;
        if (!keygen->decrypts)
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

/* One of them. */
struct pair {
    struct tamga_private_key *signs;
    struct tamga_recipient_key *decrypts;
};

static void pair_clear(struct pair *pair)
{
    tamga_private_key_free(pair->signs);
    tamga_recipient_key_free(pair->decrypts);
}

static enum tamga_err save_private(const struct pair *pair, const char *path,
                                   const char *passphrase, struct tamga_detail *detail)
{
    return pair->signs != NULL
               ? tamga_private_key_save(pair->signs, path, passphrase, detail)
               : tamga_recipient_key_save(pair->decrypts, path, passphrase, detail);
}

static enum tamga_err save_public(const struct pair *pair, const char *path,
                                  struct tamga_detail *detail)
{
    return pair->signs != NULL
               ? tamga_public_key_save(tamga_private_key_public(pair->signs), path, detail)
               : tamga_recipient_save(tamga_recipient_key_public(pair->decrypts), path,
                                      detail);
}

/* Both files, or none. */
static enum tamga_err save(const struct pair *pair, const char *path, const char *public_path,
                           const char *passphrase, struct tamga_detail *detail)
{
    enum tamga_err err;

    if (access(public_path, F_OK) == 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.150s: exists already; a key file is never overwritten",
                            public_path);
    err = save_private(pair, path, passphrase, detail);
    if (err != TAMGA_OK)
        return err;
    err = save_public(pair, public_path, detail);
    if (err != TAMGA_OK)
        unlink(path);
    return err;
}

/* What names the key: an address, or a recipient's id. */
static void name_of(struct tamga_hash *out, const struct pair *pair)
{
    struct tamga_address address;

    if (pair->signs == NULL) {
        tamga_recipient_id(out, tamga_recipient_key_public(pair->decrypts));
        return;
    }
    tamga_public_key_address(tamga_private_key_public(pair->signs), &address);
    *out = address.hash;
}

static enum tamga_err show(const struct cli *cli, const struct keygen *keygen,
                           const struct pair *pair, char *public_path)
{
    Tamga__V1__KeyView view = TAMGA__V1__KEY_VIEW__INIT;
    struct tamga_hash name;
    char hex[TAMGA_HEX_CHARS];

    name_of(&name, pair);
    cli_hex(hex, name.byte);
    view.type = (char *)(uintptr_t)(keygen->decrypts ? "x25519"
                                                     : cli_key_type_name(keygen->type));
    view.address = hex;
    view.path = (char *)(uintptr_t)keygen->out;
    view.public_path = public_path;
    if (cli->json)
        return cli_json(&view.base);
    printf("%s key with %s %s\n  private  %s\n  public   %s\n", view.type,
           keygen->decrypts ? "id" : "address", hex, keygen->out, public_path);
    return cli_flush();
}

int cli_keygen(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(pair_clear) struct pair pair = {NULL, NULL};
    TAMGA_CLEANUP(tamga_passphrase_release) struct tamga_passphrase *passphrase = NULL;
    struct keygen keygen = {.type = TAMGA_KEY_P256};
    struct tamga_detail detail = {""};
    char public_path[CLI_PATH_MAX];
    enum tamga_err err = TAMGA_OK;

    cli_parse(cli, &argp, argc, argv, &keygen);
    if (snprintf(public_path, sizeof public_path, "%s.pub", keygen.out) >= CLI_PATH_MAX)
        return cli_fail(tamga_refuse(&detail, TAMGA_E_USAGE, "--out is too long"), &detail);
    if (cli->passphrase_file != NULL)
        err = tamga_passphrase_read(&passphrase, cli->passphrase_file, &detail);
    if (err == TAMGA_OK)
        err = keygen.decrypts ? tamga_recipient_key_generate(&pair.decrypts)
                              : tamga_private_key_generate(&pair.signs, keygen.type);
    if (err == TAMGA_OK)
        err = save(&pair, keygen.out, public_path, tamga_passphrase_text(passphrase), &detail);
    if (err == TAMGA_OK)
        err = show(cli, &keygen, &pair, public_path);
    return cli_fail(err, &detail);
}
