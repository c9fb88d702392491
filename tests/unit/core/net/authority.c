#include "authority.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void need(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "authority: %s\n", what);
    abort();
}

static void path_of(char path[160], const struct authority *authority, const char *name,
                    const char *kind)
{
    snprintf(path, 160, "%s/%s.%s", authority->folder, name, kind);
}

static void file_write(const char *path, struct tamga_span text)
{
    FILE *file = fopen(path, "wbe");

    need(file && fwrite(text.data, 1, text.len, file) == text.len && fclose(file) == 0, path);
}

void authority_open(struct authority *authority, uint8_t network_seed)
{
    struct tamga_hash network;

    memset(network.byte, network_seed, sizeof network.byte);
    authority_open_for(authority, &network);
}

void authority_open_for(struct authority *authority, const struct tamga_hash *network)
{
    char path[160];

    memset(authority, 0, sizeof *authority);
    snprintf(authority->folder, sizeof authority->folder, "/tmp/tamga-link-XXXXXX");
    need(mkdtemp(authority->folder) != NULL, "folder");
    authority->network = *network;
    need(tamga_private_key_generate(&authority->key, TAMGA_KEY_P256) == TAMGA_OK, "key");
    need(tamga_tls_issue_ca(&authority->cert, authority->key, &authority->network,
                            time(NULL) - AUTHORITY_DAY_S,
                            time(NULL) + 3650 * AUTHORITY_DAY_S) == TAMGA_OK, "ca");
    path_of(path, authority, "ca", "crt");
    file_write(path, tamga_buf_span(&authority->cert));
    authority_revoke(authority, NULL, 0);
}

void authority_close(struct authority *authority)
{
    DIR *folder = opendir(authority->folder);
    struct dirent *entry;
    char path[512];

    need(folder != NULL, "folder");
    while ((entry = readdir(folder))) {
        snprintf(path, sizeof path, "%s/%s", authority->folder, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    closedir(folder);
    rmdir(authority->folder);
    tamga_private_key_free(authority->key);
    tamga_buf_clear(&authority->cert);
}

static struct tamga_tls_issuer issuer_of(const struct authority *authority)
{
    return (struct tamga_tls_issuer){.key = authority->key,
                                     .cert = tamga_buf_span(&authority->cert)};
}

void authority_member(const struct authority *authority, const char *name, uint32_t roles,
                      int64_t from_s, int64_t until_s)
{
    struct tamga_tls_issuer issuer = issuer_of(authority);
    struct tamga_tls_identity identity = {.network = authority->network, .roles = roles};
    struct tamga_private_key *key = NULL;
    TAMGA_BUF cert = {0};
    char path[160];

    snprintf(identity.name, sizeof identity.name, "%s", name);
    need(tamga_private_key_generate(&key, TAMGA_KEY_P256) == TAMGA_OK, "key");
    need(tamga_tls_issue_member(&cert, &issuer, tamga_private_key_public(key), &identity,
                                time(NULL) + from_s, time(NULL) + until_s) == TAMGA_OK, "cert");
    path_of(path, authority, name, "crt");
    file_write(path, tamga_buf_span(&cert));
    path_of(path, authority, name, "key");
    unlink(path);
    need(tamga_private_key_save(key, path, NULL, NULL) == TAMGA_OK, "key file");
    tamga_private_key_free(key);
}

void authority_revoke(const struct authority *authority, const char *name, int64_t until_s)
{
    struct tamga_tls_issuer issuer = issuer_of(authority);
    static uint8_t text[65536];
    TAMGA_BUF crl = {0};
    struct tamga_span revoked = {0};
    char path[160];

    if (name) {
        path_of(path, authority, name, "crt");
        FILE *file = fopen(path, "rbe");

        need(file != NULL, path);
        revoked = tamga_span(text, fread(text, 1, sizeof text, file));
        fclose(file);
    }
    need(tamga_tls_issue_crl(&crl, &issuer, &revoked, name ? 1 : 0, time(NULL) - AUTHORITY_DAY_S,
                             until_s ? time(NULL) + until_s : 0) == TAMGA_OK, "crl");
    path_of(path, authority, "ca", "crl");
    file_write(path, tamga_buf_span(&crl));
}

enum tamga_err authority_try(const struct authority *authority, const char *name,
                             struct tamga_tls **out, struct tamga_detail *detail)
{
    char ca[160], crl[160], cert[160], key[160];

    path_of(ca, authority, "ca", "crt");
    path_of(crl, authority, "ca", "crl");
    path_of(cert, authority, name, "crt");
    path_of(key, authority, name, "key");
    return tamga_tls_open(out, &(struct tamga_tls_files){.ca = ca, .cert = cert, .key = key,
                                                         .crl = crl}, detail);
}

struct tamga_tls *authority_tls(const struct authority *authority, const char *name)
{
    struct tamga_tls *tls = NULL;
    struct tamga_detail detail = {""};

    need(authority_try(authority, name, &tls, &detail) == TAMGA_OK, detail.text);
    return tls;
}

/* ---- raw peers --------------------------------------------------------------- */

SSL_CTX *authority_raw(const struct authority *authority, const char *name, int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    char path[160];

    need(context && SSL_CTX_set_min_proto_version(context, version) == 1 &&
             SSL_CTX_set_max_proto_version(context, version) == 1, "context");
    if (!name)
        return context;
    path_of(path, authority, name, "crt");
    need(SSL_CTX_use_certificate_file(context, path, SSL_FILETYPE_PEM) == 1, path);
    path_of(path, authority, name, "key");
    need(SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) == 1, path);
    return context;
}

void raw_hello(SSL_CTX *context, struct tamga_buf *out)
{
    SSL *ssl = SSL_new(context);
    BIO *in = BIO_new(BIO_s_mem()), *said = BIO_new(BIO_s_mem());
    char *bytes;
    long len;

    need(ssl && in && said, "hello");
    SSL_set_bio(ssl, in, said);
    (void)SSL_connect(ssl);
    len = BIO_get_mem_data(said, &bytes);
    tamga_buf_clear(out);
    need(tamga_buf_set(out, tamga_span(bytes, (size_t)len)) == TAMGA_OK, "hello");
    SSL_free(ssl);
}

/* NNG greets first, so that a client that is welcome has something to read. */
bool raw_tls_welcome(SSL_CTX *context, int fd)
{
    SSL *ssl = SSL_new(context);
    char first;
    bool fine;

    need(ssl && SSL_set_fd(ssl, fd) == 1, "session");
    fine = SSL_connect(ssl) == 1 && SSL_read(ssl, &first, 1) == 1;
    SSL_free(ssl);
    return fine;
}
