/* The settings of tamga-device, read from its YAML file. Knows no device. */
#ifndef TAMGA_AGENT_CONFIG_H
#define TAMGA_AGENT_CONFIG_H

#include "base/log.h"
#include "config/yaml.h"
#include "crypto/passphrase.h"

#define TAMGA_AGENT_GATEWAYS_MAX     16
#define TAMGA_AGENT_INTERVAL_MAX     2592000u /* 30 days */
#define TAMGA_AGENT_INTERVAL_DEFAULT 60u

enum tamga_agent_format {
    TAMGA_AGENT_TEXT,
    TAMGA_AGENT_JSON,
};

/* Paths, as struct tamga_device_tls; cert and key together or not at all. */
struct tamga_agent_tls {
    char *ca, *crl, *cert, *key;
};

/* As the schema fills it. */
struct tamga_agent_settings {
    char *device;
    char *genesis;
    char *key;
    char *passphrase_file; /* NULL: the key is not encrypted */
    char *decryption_key; /* NULL: images that are sealed are not for it */
    char *certificate;
    char *state;
    char *root;
    bool blank;
    char **gateways;
    uint32_t gateways_count;
    struct tamga_agent_tls *tls; /* NULL: no tls+tcp:// gateways */
    bool insecure;               /* plain tcp must be asked for */
    uint32_t interval_seconds; /* 0: not given */
    char *log_level;
    enum tamga_agent_format log_format;
};

/* Settings judged, with paths as the file means them. {0} is empty. */
struct tamga_agent_config {
    struct tamga_agent_settings *settings; /* owned */
    enum tamga_log_level log_level;
    char genesis[TAMGA_PATH_MAX];
    char key[TAMGA_PATH_MAX];
    char decryption_key[TAMGA_PATH_MAX]; /* empty: none */
    char certificate[TAMGA_PATH_MAX];
    char tls_ca[TAMGA_PATH_MAX], tls_crl[TAMGA_PATH_MAX];
    char tls_cert[TAMGA_PATH_MAX], tls_key[TAMGA_PATH_MAX];
    char state[TAMGA_PATH_MAX];
    char root[TAMGA_PATH_MAX];
    struct tamga_passphrase *passphrase; /* owned; NULL: none */
};

/* Errors: USAGE with file and line; FILE_IO, KEY_FILE (passphrase file), NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_agent_config_load(struct tamga_agent_config *out,
                                                      const char *path,
                                                      struct tamga_detail *detail);
void tamga_agent_config_clear(struct tamga_agent_config *config);

#endif
