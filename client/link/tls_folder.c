/* Four files by their names, and whether they are for this network. */
#include "link/tls_folder.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_MAX_CHARS 4096

bool tamga_tls_addressed(const char *const *addr, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(addr[i], "tls+", 4) == 0)
            return true;
    return false;
}

static bool join(char out[PATH_MAX_CHARS], const char *folder, const char *name)
{
    int len = snprintf(out, PATH_MAX_CHARS, "%s/%s", folder, name);

    return len > 0 && len < PATH_MAX_CHARS;
}

static enum tamga_err check_network(struct tamga_tls *tls, const char *folder,
                                    const struct tamga_hash *network,
                                    struct tamga_detail *detail)
{
    struct tamga_tls_identity self;

    tamga_tls_self(tls, &self);
    return tamga_hash_equal(&self.network, network)
               ? TAMGA_OK
               : tamga_refuse(detail, TAMGA_E_LINK_FOREIGN,
                              "%.150s/" TAMGA_TLS_FOLDER_CERT " is for another network",
                              folder);
}

enum tamga_err tamga_tls_folder_open(struct tamga_tls **out, const char *folder,
                                     const struct tamga_hash *network,
                                     struct tamga_detail *detail)
{
    char cert[PATH_MAX_CHARS], key[PATH_MAX_CHARS], ca[PATH_MAX_CHARS], crl[PATH_MAX_CHARS];
    const struct tamga_tls_files files = {.ca = ca, .cert = cert, .key = key, .crl = crl};
    struct tamga_tls *tls = NULL;
    enum tamga_err err;

    if (folder == NULL)
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "tls+tcp:// needs certificates: name a member's folder, or one "
                            "with tls.crt, tls.key, ca.crt and ca.crl");
    if (!join(cert, folder, TAMGA_TLS_FOLDER_CERT) || !join(key, folder, TAMGA_TLS_FOLDER_KEY) ||
        !join(ca, folder, TAMGA_TLS_FOLDER_CA) || !join(crl, folder, TAMGA_TLS_FOLDER_CRL))
        return tamga_refuse(detail, TAMGA_E_USAGE, "%.80s...: path is too long", folder);
    if (access(cert, F_OK) != 0)
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "tls+tcp:// needs certificates: there is no %.150s", cert);
    err = tamga_tls_open(&tls, &files, detail);
    if (err == TAMGA_OK)
        err = check_network(tls, folder, network, detail);
    if (err == TAMGA_OK)
        *out = tls;
    else
        tamga_tls_close(tls);
    return err;
}
