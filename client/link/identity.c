/* Loads a member's folder. Secrets are wiped when they go out of scope. */
#include "link/identity.h"

#include <stdio.h>

#include "crypto/passphrase.h"

#define PATH_MAX_CHARS 4096

static enum tamga_err path_join(char out[PATH_MAX_CHARS], const char *folder, const char *name,
                                struct tamga_detail *detail)
{
    if (snprintf(out, PATH_MAX_CHARS, "%s/%s", folder, name) >= PATH_MAX_CHARS)
        return tamga_refuse(detail, TAMGA_E_USAGE, "%.80s...: path is too long", folder);
    return TAMGA_OK;
}

static enum tamga_err load_key(struct tamga_identity *identity,
                               const struct tamga_identity_options *options,
                               struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_passphrase_release) struct tamga_passphrase *passphrase = NULL;
    char path[PATH_MAX_CHARS];
    enum tamga_err err = path_join(path, options->folder, TAMGA_IDENTITY_KEY, detail);

    if (err == TAMGA_OK && options->passphrase_file != NULL)
        err = tamga_passphrase_read(&passphrase, options->passphrase_file, detail);
    if (err == TAMGA_OK)
        err = tamga_private_key_load(&identity->key, path, tamga_passphrase_text(passphrase),
                                     detail);
    if (err != TAMGA_OK)
        return err;
    tamga_public_key_address(tamga_private_key_public(identity->key), &identity->address);
    identity->member = tamga_network_member(identity->network, &identity->address);
    return TAMGA_OK;
}

enum tamga_err tamga_identity_load(struct tamga_identity *out,
                                   const struct tamga_identity_options *options,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_identity_clear) struct tamga_identity identity = {0};
    char path[PATH_MAX_CHARS];
    const char *genesis = options->genesis;
    enum tamga_err err = TAMGA_OK;

    if (genesis == NULL && options->folder == NULL)
        return tamga_refuse(detail, TAMGA_E_USAGE, "no member's folder and no genesis is named");
    if (genesis == NULL) {
        err = path_join(path, options->folder, TAMGA_IDENTITY_GENESIS, detail);
        genesis = path;
    }
    if (err == TAMGA_OK)
        err = tamga_network_load(&identity.network, genesis, detail);
    if (err == TAMGA_OK && options->folder != NULL)
        err = load_key(&identity, options, detail);
    if (err != TAMGA_OK)
        return err;
    *out = identity;
    identity = (struct tamga_identity){0};
    return TAMGA_OK;
}

void tamga_identity_clear(struct tamga_identity *identity)
{
    tamga_private_key_free(identity->key);
    tamga_network_free(identity->network);
    *identity = (struct tamga_identity){0};
}
