/* tamga keygen: a key pair in two files, neither of which replaces another. */
#include "cli/cli.h"

#include <unistd.h>

#include "crypto/key.h"
#include "crypto/passphrase.h"
#include "crypto/recipient.h"

struct keygen {
    const char *out;
    const char *from; /* a key that there is, whose public half is wanted; NULL: make one */
    enum tamga_key_type type;
    bool decrypts; /* x25519: a key that opens images, and signs nothing */
};

enum { OPT_FROM = 1 };

static const struct argp_option options[] = {
    {"out", 'o', "FILE", 0, "Private key (mode 0600); the public one goes to FILE.pub", 0},
    {"type", 't', "TYPE", 0,
     "p256 (default), rsa3072 or ed25519 to sign; x25519 to decrypt images", 0},
    {"from", OPT_FROM, "KEY", 0,
     "Make no key: write the public half of this one, a file or a pkcs11: URI, to FILE.pub", 0},
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
    case OPT_FROM:
        keygen->from = arg;
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
    .doc = "Make a key pair. With a passphrase the private key is encrypted: that of "
           "--passphrase-file, or one asked for if standard input is a terminal. Existing "
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

/* Before anybody is asked for a passphrase; saving looks again. */
static enum tamga_err is_free(const char *path, struct tamga_detail *detail)
{
    if (access(path, F_OK) == 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.150s: exists already; a key file is never overwritten", path);
    return TAMGA_OK;
}

/* Both files, or none. */
static enum tamga_err save(const struct pair *pair, const char *path, const char *public_path,
                           const char *passphrase, struct tamga_detail *detail)
{
    enum tamga_err err;

    err = save_private(pair, path, passphrase, detail);
    if (err != TAMGA_OK)
        return err;
    err = save_public(pair, public_path, detail);
    if (err != TAMGA_OK)
        unlink(path);
    return err;
}

static enum tamga_err make(struct pair *pair, const struct keygen *keygen,
                           const char *public_path, const char *passphrase,
                           struct tamga_detail *detail)
{
    enum tamga_err err = keygen->decrypts
                             ? tamga_recipient_key_generate(&pair->decrypts)
                             : tamga_private_key_generate(&pair->signs, keygen->type);

    return err == TAMGA_OK ? save(pair, keygen->out, public_path, passphrase, detail) : err;
}

static enum tamga_err take(struct pair *pair, const struct keygen *keygen,
                           const char *public_path, const char *passphrase,
                           struct tamga_detail *detail)
{
    enum tamga_err err =
        keygen->decrypts
            ? tamga_recipient_key_load(&pair->decrypts, keygen->from, passphrase, detail)
            : tamga_private_key_load(&pair->signs, keygen->from, passphrase, detail);

    return err == TAMGA_OK ? save_public(pair, public_path, detail) : err;
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

static const char *type_of(const struct pair *pair)
{
    if (pair->signs == NULL)
        return "x25519";
    return cli_key_type_name(tamga_public_key_type(tamga_private_key_public(pair->signs)));
}

static enum tamga_err show(const struct cli *cli, const struct keygen *keygen,
                           const struct pair *pair, char *public_path)
{
    Tamga__V1__KeyView view = TAMGA__V1__KEY_VIEW__INIT;
    struct tamga_hash name;
    char hex[TAMGA_HEX_CHARS];

    name_of(&name, pair);
    cli_hex(hex, name.byte);
    view.type = (char *)(uintptr_t)type_of(pair);
    view.address = hex;
    view.path = (char *)(uintptr_t)(keygen->from ? keygen->from : keygen->out);
    view.public_path = public_path;
    if (cli->json)
        return cli_json(&view.base);
    printf("%s key with %s %s\n  private  %s\n  public   %s\n", view.type,
           pair->signs == NULL ? "id" : "address", hex, view.path, public_path);
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
    err = is_free(public_path, &detail);
    if (err == TAMGA_OK && keygen.from == NULL)
        err = is_free(keygen.out, &detail);
    if (err == TAMGA_OK)
        err = cli_passphrase(cli, &passphrase, keygen.from, &detail);
    if (err == TAMGA_OK && keygen.from != NULL)
        err = take(&pair, &keygen, public_path, tamga_passphrase_text(passphrase), &detail);
    else if (err == TAMGA_OK)
        err = make(&pair, &keygen, public_path, tamga_passphrase_text(passphrase), &detail);
    if (err == TAMGA_OK)
        err = show(cli, &keygen, &pair, public_path);
    return cli_fail(err, &detail);
}
