/* Passphrases from files. Refuses what anybody else could read. */
#include "crypto/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/span.h"
#include "crypto/secret.h"

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

struct tamga_passphrase *tamga_passphrase_new(void)
{
    return tamga_secret_new(sizeof(struct tamga_passphrase));
}

void tamga_passphrase_free(struct tamga_passphrase *passphrase)
{
    tamga_secret_free(passphrase, sizeof *passphrase);
}

void tamga_passphrase_release(struct tamga_passphrase **passphrase)
{
    tamga_passphrase_free(*passphrase);
}

const char *tamga_passphrase_text(const struct tamga_passphrase *passphrase)
{
    return passphrase == NULL ? NULL : passphrase->text;
}

static enum tamga_err file_check(int fd, const char *path, struct tamga_detail *detail)
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

/* Of what was read, the first line; its length. */
static size_t cut_line(struct tamga_passphrase *passphrase, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (passphrase->text[i] == '\n' || passphrase->text[i] == '\r' ||
            passphrase->text[i] == '\0')
            len = i;
    return len;
}

enum tamga_err tamga_passphrase_read(struct tamga_passphrase **out, const char *path,
                                     struct tamga_detail *detail)
{
    /* O_NONBLOCK: opening a pipe must not wait for its writer. */
    TAMGA_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    TAMGA_CLEANUP(tamga_passphrase_release) struct tamga_passphrase *got = NULL;
    enum tamga_err err = file_check(fd, path, detail);
    ssize_t len;

    if (err != TAMGA_OK)
        return err;
    got = tamga_passphrase_new();
    if (got == NULL)
        return TAMGA_E_NO_MEMORY;
    do
        len = read(fd, got->text, sizeof got->text);
    while (len < 0 && errno == EINTR);
    if (len < 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.180s: %s", path, strerror(errno));
    len = (ssize_t)cut_line(got, (size_t)len);
    if (len == 0 || len > TAMGA_PASSPHRASE_MAX)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.140s: its first line must have 1..%d characters", path,
                            TAMGA_PASSPHRASE_MAX);
    explicit_bzero(got->text + len, sizeof got->text - (size_t)len);
    *out = got;
    got = NULL;
    return TAMGA_OK;
}
