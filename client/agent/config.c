/* device.yaml, strictly: an unknown key, a wrong type or an unusable value is refused
 * with file and line. */
#include "agent/config.h"

#include <stdio.h>
#include <string.h>

#include "crypto/token.h"
#include "net/endpoint.h"

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define PATH(key_, field, flags)                                                             \
    CYAML_FIELD_STRING_PTR(key_, flags, struct tamga_agent_settings, field, 1,               \
                           TAMGA_PATH_MAX - 1)

static const cyaml_strval_t formats[] = {{"text", TAMGA_AGENT_TEXT},
                                         {"json", TAMGA_AGENT_JSON}};
static const cyaml_schema_value_t gateway_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, 255),
};
#define TLS_PATH(key_, flags)                                                                \
    CYAML_FIELD_STRING_PTR(#key_, flags, struct tamga_agent_tls, key_, 1, TAMGA_PATH_MAX - 1)

static const cyaml_schema_field_t tls_fields[] = {
    TLS_PATH(ca, CYAML_FLAG_POINTER),
    TLS_PATH(crl, CYAML_FLAG_POINTER),
    TLS_PATH(cert, OPTIONAL),
    TLS_PATH(key, OPTIONAL),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("device", CYAML_FLAG_POINTER, struct tamga_agent_settings, device, 5,
                           200),
    PATH("genesis", genesis, CYAML_FLAG_POINTER),
    PATH("key", key, CYAML_FLAG_POINTER),
    PATH("passphrase_file", passphrase_file, OPTIONAL),
    PATH("decryption_key", decryption_key, OPTIONAL),
    PATH("certificate", certificate, CYAML_FLAG_POINTER),
    PATH("state", state, CYAML_FLAG_POINTER),
    PATH("root", root, CYAML_FLAG_POINTER),
    CYAML_FIELD_BOOL("blank", CYAML_FLAG_OPTIONAL, struct tamga_agent_settings, blank),
    CYAML_FIELD_SEQUENCE("gateways", CYAML_FLAG_POINTER, struct tamga_agent_settings, gateways,
                         &gateway_value, 1, TAMGA_AGENT_GATEWAYS_MAX),
    CYAML_FIELD_MAPPING_PTR("tls", OPTIONAL, struct tamga_agent_settings, tls, tls_fields),
    CYAML_FIELD_BOOL("insecure", CYAML_FLAG_OPTIONAL, struct tamga_agent_settings, insecure),
    CYAML_FIELD_UINT("interval_seconds", CYAML_FLAG_OPTIONAL, struct tamga_agent_settings,
                     interval_seconds),
    CYAML_FIELD_STRING_PTR("log_level", OPTIONAL, struct tamga_agent_settings, log_level, 1,
                           16),
    CYAML_FIELD_ENUM("log_format", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
                     struct tamga_agent_settings, log_format, formats, 2),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct tamga_agent_settings, fields),
};

void tamga_agent_config_clear(struct tamga_agent_config *config)
{
    tamga_yaml_free(&schema, config->settings);
    config->settings = NULL;
    tamga_passphrase_free(config->passphrase);
    config->passphrase = NULL;
}

static enum tamga_err load_passphrase(struct tamga_agent_config *config, const char *path,
                                      struct tamga_detail *detail)
{
    char place[TAMGA_PATH_MAX];
    enum tamga_err err = tamga_path_beside(place, path, config->settings->passphrase_file);

    if (err != TAMGA_OK)
        return tamga_yaml_refuse(detail, path, "passphrase_file", "is no path");
    return tamga_passphrase_read(&config->passphrase, place, detail);
}

/* A path as the file means it; a key on a token is none. */
static enum tamga_err place(char out[TAMGA_PATH_MAX], const char *file, const char *value)
{
    if (!tamga_token_is_named(value) || strlen(value) >= TAMGA_PATH_MAX)
        return tamga_path_beside(out, file, value);
    strcpy(out, value);
    return TAMGA_OK;
}

static enum tamga_err place_files(struct tamga_agent_config *config, const char *path,
                                  struct tamga_detail *detail)
{
    const struct tamga_agent_settings *settings = config->settings;
    const struct tamga_agent_tls none = {0}, *tls = settings->tls ? settings->tls : &none;
    const struct {
        const char *key;
        const char *value;
        char *out;
    } file[] = {
        {"genesis", settings->genesis, config->genesis},
        {"key", settings->key, config->key},
        {"decryption_key", settings->decryption_key, config->decryption_key},
        {"certificate", settings->certificate, config->certificate},
        {"tls.ca", tls->ca, config->tls_ca},
        {"tls.crl", tls->crl, config->tls_crl},
        {"tls.cert", tls->cert, config->tls_cert},
        {"tls.key", tls->key, config->tls_key},
        {"state", settings->state, config->state},
        {"root", settings->root, config->root},
    };

    for (size_t i = 0; i < sizeof file / sizeof file[0]; i++)
        if (file[i].value != NULL && place(file[i].out, path, file[i].value) != TAMGA_OK)
            return tamga_yaml_refuse(detail, path, file[i].key, "is no path");
    return TAMGA_OK;
}

/* Plain tcp is refused unless it is asked for, TLS without a CA to trust. */
static enum tamga_err check_link(const struct tamga_agent_settings *settings,
                                 const struct tamga_endpoint *endpoint, const char *path,
                                 const char *where, struct tamga_detail *detail)
{
    if (!endpoint->tls && !settings->insecure)
        return tamga_yaml_refuse(detail, path, where,
                                 "plain tcp://: say `insecure: true`, or write tls+tcp://");
    if (endpoint->tls && settings->tls == NULL)
        return tamga_yaml_refuse(detail, path, where,
                                 "tls+tcp:// needs `tls: {ca: ..., crl: ...}`");
    return TAMGA_OK;
}

static enum tamga_err check_gateways(const struct tamga_agent_settings *settings,
                                     const char *path, struct tamga_detail *detail)
{
    for (uint32_t i = 0; i < settings->gateways_count; i++) {
        struct tamga_endpoint endpoint;
        struct tamga_detail why = {""};
        char where[32];

        snprintf(where, sizeof where, "gateways[%u]", i);
        if (tamga_endpoint_parse_link(&endpoint, settings->gateways[i], false, &why) != TAMGA_OK)
            return tamga_yaml_refuse(detail, path, where, "%s", why.text);
        enum tamga_err err = check_link(settings, &endpoint, path, where, detail);
        if (err != TAMGA_OK)
            return err;
    }
    if (settings->tls && (settings->tls->cert == NULL) != (settings->tls->key == NULL))
        return tamga_yaml_refuse(detail, path, "tls", "cert and key go together");
    return TAMGA_OK;
}

static enum tamga_err judge(struct tamga_agent_config *config, const char *path,
                            struct tamga_detail *detail)
{
    struct tamga_agent_settings *settings = config->settings;
    const char *slash = strchr(settings->device, '/');
    enum tamga_err err;

    if (slash == NULL || strchr(slash + 1, '/') == NULL)
        return tamga_yaml_refuse(detail, path, "device", "must be P/M/N");
    if (settings->interval_seconds == 0)
        settings->interval_seconds = TAMGA_AGENT_INTERVAL_DEFAULT;
    if (settings->interval_seconds > TAMGA_AGENT_INTERVAL_MAX)
        return tamga_yaml_refuse(detail, path, "interval_seconds", "must be 1..%u",
                                 TAMGA_AGENT_INTERVAL_MAX);
    config->log_level = TAMGA_LOG_INFO;
    if (settings->log_level != NULL &&
        tamga_log_level_parse(&config->log_level, settings->log_level) != TAMGA_OK)
        return tamga_yaml_refuse(detail, path, "log_level",
                                 "must be error, warn, info or debug");
    err = place_files(config, path, detail);
    if (err == TAMGA_OK)
        err = check_gateways(settings, path, detail);
    if (err == TAMGA_OK && settings->passphrase_file != NULL)
        err = load_passphrase(config, path, detail);
    return err;
}

enum tamga_err tamga_agent_config_load(struct tamga_agent_config *out, const char *path,
                                       struct tamga_detail *detail)
{
    void *settings = NULL;
    enum tamga_err err = tamga_yaml_load(path, &schema, &settings, detail);

    if (err != TAMGA_OK)
        return err;
    *out = (struct tamga_agent_config){.settings = settings};
    err = judge(out, path, detail);
    if (err != TAMGA_OK)
        tamga_agent_config_clear(out);
    return err;
}
