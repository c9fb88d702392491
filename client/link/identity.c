/* Loads a member's folder. Secrets are wiped when they go out of scope. */
#include "link/identity.h"

#include <stdio.h>
#include <unistd.h>

#include "crypto/passphrase.h"
#include "crypto/token.h"

#define PATH_MAX_CHARS TAMGA_IDENTITY_PATH_MAX

static enum tamga_err path_join(char out[PATH_MAX_CHARS], const char *folder, const char *name,
                                struct tamga_detail *detail)
{
    if (snprintf(out, PATH_MAX_CHARS, "%s/%s", folder, name) >= PATH_MAX_CHARS)
        return tamga_refuse(detail, TAMGA_E_USAGE, "%.80s...: path is too long", folder);
    return TAMGA_OK;
}

/* Not secret: the URI says where the PIN is, not what it is. */
static enum tamga_err read_uri(char out[PATH_MAX_CHARS], const char *path,
                               struct tamga_detail *detail)
{
    char line[TAMGA_TOKEN_URI_MAX + 1] = "";
    FILE *file = fopen(path, "re");

    if (file != NULL) {
        if (fgets(line, sizeof line, file) == NULL)
            line[0] = '\0';
        fclose(file);
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (!tamga_token_is_named(line))
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.180s: its first line must be a URI, pkcs11:...", path);
    strcpy(out, line);
    return TAMGA_OK;
}

enum tamga_err tamga_identity_key(char out[PATH_MAX_CHARS], const char *folder,
                                  struct tamga_detail *detail)
{
    char uri[PATH_MAX_CHARS];
    enum tamga_err err = path_join(out, folder, TAMGA_IDENTITY_KEY, detail);

    if (err == TAMGA_OK)
        err = path_join(uri, folder, TAMGA_IDENTITY_KEY_URI, detail);
    if (err != TAMGA_OK || access(uri, F_OK) != 0)
        return err;
    if (access(out, F_OK) == 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.160s has both " TAMGA_IDENTITY_KEY " and " TAMGA_IDENTITY_KEY_URI
                            ": which is the key?",
                            folder);
    return read_uri(out, uri, detail);
}

static enum tamga_err load_key(struct tamga_identity *identity,
                               const struct tamga_identity_options *options,
                               struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_passphrase_release) struct tamga_passphrase *passphrase = NULL;
    const char *opens = options->passphrase;
    char path[PATH_MAX_CHARS];
    enum tamga_err err = tamga_identity_key(path, options->folder, detail);

    if (err == TAMGA_OK && options->passphrase_file != NULL)
        err = tamga_passphrase_read(&passphrase, options->passphrase_file, detail);
    if (passphrase != NULL)
        opens = passphrase->text;
    if (err == TAMGA_OK)
        err = tamga_private_key_load(&identity->key, path, opens, detail);
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
