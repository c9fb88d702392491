/* The CA signs here and nowhere else: what comes later is made with its key by `openssl ca`,
 * for which a configuration lies beside it. */
#include "cli/network_certs.h"

#include "crypto/tls_issue.h"

#define DAY_S    INT64_C(86400)
#define CA_S     (3650 * DAY_S)
#define MEMBER_S (365 * DAY_S)
#define EARLY_S  DAY_S /* clocks of members may be behind by so much */

/* With an own CA's section `root` too. docs/OPERATING.md, "Certificates", says how to use it. */
static const char openssl_cnf[] =
    "# For openssl, started in this folder: docs/OPERATING.md, \"Certificates\".\n"
    "[ca]\ndefault_ca = network\n\n"
    "[network]\ncertificate = ca.crt\nprivate_key = ca.key\ndatabase = index.txt\n"
    "new_certs_dir = .\nrand_serial = yes\nunique_subject = no\ndefault_md = sha256\n"
    "default_days = 365\ndefault_crl_days = 3650\ncrl_extensions = list\npolicy = any\n\n"
    "[any]\ncommonName = supplied\n\n"
    "[list]\nauthorityKeyIdentifier = keyid:always\n\n"
    "[req]\ndistinguished_name = name\nx509_extensions = root\nprompt = no\n\n"
    "[name]\nCN = tamga network CA\n\n"
    "[root]\nbasicConstraints = critical, CA:TRUE, pathlen:0\n"
    "keyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash\n";

struct ca {
    struct tamga_private_key *key;
    struct tamga_buf cert, crl;
};

static void ca_clear(struct ca *ca)
{
    tamga_private_key_free(ca->key);
    tamga_buf_clear(&ca->cert);
    tamga_buf_clear(&ca->crl);
}

static void key_free(struct tamga_private_key **key)
{
    tamga_private_key_free(*key);
}

static struct tamga_tls_issuer issuer_of(const struct ca *ca)
{
    return (struct tamga_tls_issuer){.key = ca->key, .cert = tamga_buf_span(&ca->cert)};
}

static enum tamga_err ca_make(struct ca *ca, const struct tamga_network *network, int64_t now_s)
{
    struct tamga_tls_issuer issuer;
    enum tamga_err err = tamga_private_key_generate(&ca->key, TAMGA_KEY_P256);

    if (err == TAMGA_OK)
        err = tamga_tls_issue_ca(&ca->cert, ca->key, &network->id.hash, now_s - EARLY_S,
                                 now_s + CA_S);
    if (err != TAMGA_OK)
        return err;
    issuer = issuer_of(ca);
    return tamga_tls_issue_crl(&ca->crl, &issuer, NULL, 0, now_s - EARLY_S, 0);
}

/* The certificate and the empty list, as everybody has them. */
static enum tamga_err ca_write(const struct cli_folder *folder, const char *place,
                               const struct ca *ca, struct tamga_detail *detail)
{
    char path[CLI_PATH_MAX];
    enum tamga_err err = cli_folder_path(path, folder, detail, "%s/ca.crt", place);

    if (err == TAMGA_OK)
        err = cli_file_write(path, tamga_buf_span(&ca->cert), detail);
    if (err == TAMGA_OK)
        err = cli_folder_path(path, folder, detail, "%s/ca.crl", place);
    return err == TAMGA_OK ? cli_file_write(path, tamga_buf_span(&ca->crl), detail) : err;
}

static enum tamga_err member_write(const struct cli_folder *folder, const struct ca *ca,
                                   const struct tamga_network *network,
                                   const struct tamga_member *member, int64_t now_s,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(key_free) struct tamga_private_key *key = NULL;
    struct tamga_tls_identity identity = {.network = network->id.hash, .roles = member->roles};
    struct tamga_tls_issuer issuer = issuer_of(ca);
    char path[CLI_PATH_MAX], place[CLI_PATH_MAX];
    TAMGA_BUF cert = {0};
    enum tamga_err err = tamga_private_key_generate(&key, TAMGA_KEY_P256);

    if (err != TAMGA_OK)
        return err;
    snprintf(identity.name, sizeof identity.name, "%s", member->name);
    snprintf(place, sizeof place, "members/%s", member->name);
    err = tamga_tls_issue_member(&cert, &issuer, tamga_private_key_public(key), &identity,
                                 now_s - EARLY_S, now_s + MEMBER_S);
    if (err == TAMGA_OK)
        err = cli_folder_path(path, folder, detail, "%s/tls.crt", place);
    if (err == TAMGA_OK)
        err = cli_file_write(path, tamga_buf_span(&cert), detail);
    if (err == TAMGA_OK)
        err = cli_folder_path(path, folder, detail, "%s/tls.key", place);
    if (err == TAMGA_OK)
        err = tamga_private_key_save(key, path, NULL, detail);
    return err == TAMGA_OK ? ca_write(folder, place, ca, detail) : err;
}

/* What `openssl ca` needs to issue and to revoke. */
static enum tamga_err tools_write(const struct cli_folder *folder, struct tamga_detail *detail)
{
    char path[CLI_PATH_MAX];
    enum tamga_err err = cli_folder_path(path, folder, detail, "ca/openssl.cnf");

    if (err == TAMGA_OK)
        err = cli_file_write(path, tamga_span_text(openssl_cnf), detail);
    if (err == TAMGA_OK)
        err = cli_folder_path(path, folder, detail, "ca/index.txt");
    return err == TAMGA_OK ? cli_file_write(path, (struct tamga_span){0}, detail) : err;
}

enum tamga_err network_certs_write(const struct cli_folder *folder,
                                   const struct tamga_network *network, int64_t now_s,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(ca_clear) struct ca ca = {0};
    char path[CLI_PATH_MAX];
    enum tamga_err err = ca_make(&ca, network, now_s);

    if (err == TAMGA_OK)
        err = cli_folder_path(path, folder, detail, "ca");
    if (err == TAMGA_OK)
        err = cli_folder_make(path, detail);
    if (err == TAMGA_OK)
        err = ca_write(folder, "ca", &ca, detail);
    if (err == TAMGA_OK)
        err = cli_folder_path(path, folder, detail, "ca/ca.key");
    if (err == TAMGA_OK)
        err = tamga_private_key_save(ca.key, path, NULL, detail);
    if (err == TAMGA_OK)
        err = tools_write(folder, detail);
    for (size_t i = 0; i < network->member_count && err == TAMGA_OK; i++)
        err = member_write(folder, &ca, network, &network->member[i], now_s, detail);
    return err;
}
