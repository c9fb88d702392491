/* Loads a member's folder. Secrets are wiped when they go out of scope. */
#include "link/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MAX_CHARS 4096

struct passphrase {
    char text[TAMGA_PASSPHRASE_MAX + 1];
};

static void passphrase_wipe(struct passphrase *passphrase)
{
    explicit_bzero(passphrase, sizeof *passphrase);
}

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static enum tamga_err passphrase_check(int fd, const char *path, struct tamga_detail *detail)
{
    struct stat info;

    if (fd < 0 || fstat(fd, &info) != 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.180s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return tamga_refuse(detail, TAMGA_E_KEY_FILE, "%.180s: not a regular file", path);
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.140s: has mode %04o, so others can read it; chmod 600 it", path,
                            (unsigned)(info.st_mode & 07777));
    return TAMGA_OK;
}

enum tamga_err tamga_passphrase_read(char out[TAMGA_PASSPHRASE_MAX + 1], const char *path,
                                     struct tamga_detail *detail)
{
    /* O_NONBLOCK: opening a pipe must not wait for its writer. */
    TAMGA_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    TAMGA_CLEANUP(passphrase_wipe) struct passphrase got = {0};
    ssize_t len;
    enum tamga_err err = passphrase_check(fd, path, detail);

    if (err != TAMGA_OK)
        return err;
    do
        len = read(fd, got.text, sizeof got.text);
    while (len < 0 && errno == EINTR);
    if (len < 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.180s: %s", path, strerror(errno));
    for (ssize_t i = 0; i < len; i++)
        if (got.text[i] == '\n' || got.text[i] == '\r')
            len = i;
    if (len == 0 || len > TAMGA_PASSPHRASE_MAX)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.140s: its first line must have 1..%d characters", path,
                            TAMGA_PASSPHRASE_MAX);
    memcpy(out, got.text, (size_t)len);
    out[len] = '\0';
    return TAMGA_OK;
}

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
    TAMGA_CLEANUP(passphrase_wipe) struct passphrase passphrase = {0};
    char path[PATH_MAX_CHARS];
    enum tamga_err err = path_join(path, options->folder, TAMGA_IDENTITY_KEY, detail);

    if (err == TAMGA_OK && options->passphrase_file != NULL)
        err = tamga_passphrase_read(passphrase.text, options->passphrase_file, detail);
    if (err == TAMGA_OK)
        err = tamga_private_key_load(&identity->key, path,
                                     options->passphrase_file ? passphrase.text : NULL, detail);
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
