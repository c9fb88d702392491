/* The schema of a node's configuration. */
#include "node/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/yaml.h"
#include "crypto/token.h"

#define CONTENT_BYTES_DEFAULT (16ull * 1024 * 1024 * 1024)
#define CONTENT_BYTES_MIN     (4ull * 1024 * 1024)

static const cyaml_schema_field_t peer_fields[] = {
    CYAML_FIELD_STRING_PTR("rpc", CYAML_FLAG_POINTER, struct tamga_config_peer, rpc, 1, 256),
    CYAML_FIELD_STRING_PTR("gossip", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           struct tamga_config_peer, gossip, 1, 256),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t peer_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct tamga_config_peer, peer_fields),
};

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_field_t tls_fields[] = {
    CYAML_FIELD_STRING_PTR("ca", CYAML_FLAG_POINTER, struct tamga_config_tls, ca, 1, 4000),
    CYAML_FIELD_STRING_PTR("cert", CYAML_FLAG_POINTER, struct tamga_config_tls, cert, 1, 4000),
    CYAML_FIELD_STRING_PTR("key", CYAML_FLAG_POINTER, struct tamga_config_tls, key, 1, 4000),
    CYAML_FIELD_STRING_PTR("crl", CYAML_FLAG_POINTER, struct tamga_config_tls, crl, 1, 4000),
    CYAML_FIELD_END,
};

#define LIMIT_FIELD(name) CYAML_FIELD_UINT(#name, CYAML_FLAG_OPTIONAL, struct tamga_limit, name)

static const cyaml_schema_field_t limit_fields[] = {
    CYAML_FIELD_UINT("requests_per_second", CYAML_FLAG_OPTIONAL, struct tamga_limit,
                     requests_per_s),
    LIMIT_FIELD(requests_burst),
    LIMIT_FIELD(concurrent),
    CYAML_FIELD_UINT("bytes_in_per_second", CYAML_FLAG_OPTIONAL, struct tamga_limit,
                     bytes_in_per_s),
    CYAML_FIELD_UINT("bytes_out_per_second", CYAML_FLAG_OPTIONAL, struct tamga_limit,
                     bytes_out_per_s),
    CYAML_FIELD_END,
};

#define WHOSE_FIELD(name)                                                                \
    CYAML_FIELD_MAPPING(#name, CYAML_FLAG_OPTIONAL, struct tamga_limits, name, limit_fields)

static const cyaml_schema_field_t limits_fields[] = {
    WHOSE_FIELD(connection), WHOSE_FIELD(address), WHOSE_FIELD(member), WHOSE_FIELD(device),
    CYAML_FIELD_END,
};

#define MIB (UINT64_C(1) << 20)

/* Far above what nodes, clients and devices do; a member cannot take every place at once. */
static const struct tamga_limits limits_default = {
    .connection = {20000, 40000, 64, 256 * MIB, 1024 * MIB},
    .address = {100000, 200000, TAMGA_NODE_CONTEXTS, 1024 * MIB, 4096 * MIB},
    .member = {40000, 80000, 192, 512 * MIB, 2048 * MIB},
    .device = {100, 200, 8, 8 * MIB, 64 * MIB},
};

#define COMMON_FIELDS                                                                    \
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct tamga_config, name, 1, 32), \
    CYAML_FIELD_STRING_PTR("genesis", CYAML_FLAG_POINTER, struct tamga_config, genesis, 1, \
                           4000),                                                        \
    CYAML_FIELD_STRING_PTR("key", CYAML_FLAG_POINTER, struct tamga_config, key, 1, 4000), \
    CYAML_FIELD_STRING_PTR("passphrase_file", OPTIONAL, struct tamga_config,             \
                           passphrase_file, 1, 4000),                                    \
    CYAML_FIELD_STRING_PTR("data", CYAML_FLAG_POINTER, struct tamga_config, data, 1, 4000), \
    CYAML_FIELD_STRING_PTR("rpc", CYAML_FLAG_POINTER, struct tamga_config, rpc, 1, 256), \
    CYAML_FIELD_STRING_PTR("gossip", CYAML_FLAG_POINTER, struct tamga_config, gossip, 1, \
                           256),                                                         \
    CYAML_FIELD_MAPPING_PTR("tls", OPTIONAL, struct tamga_config, tls, tls_fields),      \
    CYAML_FIELD_BOOL("insecure", CYAML_FLAG_OPTIONAL, struct tamga_config, insecure),    \
    CYAML_FIELD_BOOL("joined", CYAML_FLAG_OPTIONAL, struct tamga_config, joined),        \
    CYAML_FIELD_UINT("content_bytes_max", CYAML_FLAG_OPTIONAL, struct tamga_config,      \
                     content_bytes_max),                                                 \
    CYAML_FIELD_MAPPING("limits", CYAML_FLAG_OPTIONAL, struct tamga_config, limits,      \
                        limits_fields),                                                  \
    CYAML_FIELD_STRING_PTR("log_level", OPTIONAL, struct tamga_config, log_level, 1, 8), \
    CYAML_FIELD_STRING_PTR("log_format", OPTIONAL, struct tamga_config, log_format, 1, 8), \
    CYAML_FIELD_SEQUENCE_COUNT("peers", OPTIONAL, struct tamga_config, peers, peers_count, \
                               &peer_value, 0, TAMGA_PEERS_MAX)

static const cyaml_schema_field_t consortium_fields[] = {COMMON_FIELDS, CYAML_FIELD_END};

static const cyaml_schema_field_t gateway_fields[] = {
    COMMON_FIELDS,
    CYAML_FIELD_SEQUENCE_COUNT("consortium", CYAML_FLAG_POINTER, struct tamga_config,
                               consortium, consortium_count, &peer_value, 1,
                               TAMGA_PEERS_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t schema[] = {
    {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct tamga_config, consortium_fields)},
    {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct tamga_config, gateway_fields)},
};

void tamga_config_free(struct tamga_config *config, bool gateway)
{
    tamga_yaml_free(&schema[gateway], config);
}

/* Replace a path by what it means from the file's folder; a key on a token has none. */
static enum tamga_err resolve(char **path, const char *file)
{
    char full[TAMGA_PATH_MAX];
    char *copy;
    enum tamga_err err;

    if (*path == NULL || tamga_token_is_named(*path))
        return TAMGA_OK;
    err = tamga_path_beside(full, file, *path);
    if (err != TAMGA_OK)
        return err;
    copy = strdup(full);
    if (copy == NULL)
        return TAMGA_E_NO_MEMORY;
    free(*path);
    *path = copy;
    return TAMGA_OK;
}

static enum tamga_err resolve_tls(struct tamga_config_tls *tls, const char *file)
{
    char **path[] = {&tls->ca, &tls->cert, &tls->key, &tls->crl};

    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
        enum tamga_err err = resolve(path[i], file);

        if (err != TAMGA_OK)
            return err;
    }
    return TAMGA_OK;
}

static enum tamga_err default_text(char **text, const char *value)
{
    if (*text == NULL)
        *text = strdup(value);
    return *text == NULL ? TAMGA_E_NO_MEMORY : TAMGA_OK;
}

/* Absent is 0, and 0 is the default. A burst alone follows the rate that goes with it. */
static void limit_fill(struct tamga_limit *limit, const struct tamga_limit *otherwise)
{
    if (limit->requests_burst == 0)
        limit->requests_burst = limit->requests_per_s == 0 ? otherwise->requests_burst
                                : limit->requests_per_s < UINT32_MAX / 2
                                    ? 2 * limit->requests_per_s
                                    : UINT32_MAX;
    if (limit->requests_per_s == 0)
        limit->requests_per_s = otherwise->requests_per_s;
    if (limit->concurrent == 0)
        limit->concurrent = otherwise->concurrent;
    if (limit->bytes_in_per_s == 0)
        limit->bytes_in_per_s = otherwise->bytes_in_per_s;
    if (limit->bytes_out_per_s == 0)
        limit->bytes_out_per_s = otherwise->bytes_out_per_s;
}

static enum tamga_err limit_judge(const struct tamga_limit *limit, const char *whose,
                                  const char *path, struct tamga_detail *detail)
{
    char where[64];

    snprintf(where, sizeof where, "limits.%s", whose);
    if (limit->concurrent > TAMGA_NODE_CONTEXTS)
        return tamga_yaml_refuse(detail, path, where, "%u concurrent requests, not 1..%u",
                                 limit->concurrent, TAMGA_NODE_CONTEXTS);
    if (limit->bytes_in_per_s > TAMGA_LIMIT_RATE_MAX ||
        limit->bytes_out_per_s > TAMGA_LIMIT_RATE_MAX)
        return tamga_yaml_refuse(detail, path, where, "bytes above %llu a second",
                                 (unsigned long long)TAMGA_LIMIT_RATE_MAX);
    return TAMGA_OK;
}

static enum tamga_err limits_take(struct tamga_limits *limits, const char *path,
                                  struct tamga_detail *detail)
{
    const struct {
        struct tamga_limit *limit;
        const struct tamga_limit *otherwise;
        const char *whose;
    } each[] = {{&limits->connection, &limits_default.connection, "connection"},
                {&limits->address, &limits_default.address, "address"},
                {&limits->member, &limits_default.member, "member"},
                {&limits->device, &limits_default.device, "device"}};
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; i < sizeof each / sizeof each[0] && err == TAMGA_OK; i++) {
        limit_fill(each[i].limit, each[i].otherwise);
        err = limit_judge(each[i].limit, each[i].whose, path, detail);
    }
    return err;
}

static bool is_tls(const char *addr)
{
    return strncmp(addr, "tls+tcp://", 10) == 0;
}

static bool peers_tls(const struct tamga_config_peer *peer, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!is_tls(peer[i].rpc) || (peer[i].gossip != NULL && !is_tls(peer[i].gossip)))
            return false;
    return true;
}

static bool all_tls(const struct tamga_config *config)
{
    return is_tls(config->rpc) && is_tls(config->gossip) &&
           peers_tls(config->peers, config->peers_count) &&
           peers_tls(config->consortium, config->consortium_count);
}

static enum tamga_err judge(struct tamga_config *config, const char *path,
                            struct tamga_detail *detail)
{
    enum tamga_log_level level;

    if (!config->insecure && config->tls == NULL)
        return tamga_yaml_refuse(detail, path, "insecure",
                                 "without `tls` all is plain tcp://: say `insecure: true`");
    if (!config->insecure && !all_tls(config))
        return tamga_yaml_refuse(detail, path, "insecure",
                                 "an address is plain tcp://: say `insecure: true`, or "
                                 "write tls+tcp://");
    if (tamga_log_level_parse(&level, config->log_level) != TAMGA_OK)
        return tamga_yaml_refuse(detail, path, "log_level",
                                 "\"%s\" must be error, warn, info or debug",
                                 config->log_level);
    if (strcmp(config->log_format, "text") != 0 && strcmp(config->log_format, "json") != 0)
        return tamga_yaml_refuse(detail, path, "log_format", "\"%s\" must be text or json",
                                 config->log_format);
    if (config->content_bytes_max < CONTENT_BYTES_MIN)
        return tamga_yaml_refuse(detail, path, "content_bytes_max",
                                 "%llu is below the least, %llu",
                                 (unsigned long long)config->content_bytes_max,
                                 (unsigned long long)CONTENT_BYTES_MIN);
    return TAMGA_OK;
}

enum tamga_err tamga_config_load(struct tamga_config **out, const char *path, bool gateway,
                                 struct tamga_detail *detail)
{
    struct tamga_config *config = NULL;
    enum tamga_err err = tamga_yaml_load(path, &schema[gateway], (void **)&config, detail);

    if (err != TAMGA_OK)
        return err;
    if (config->content_bytes_max == 0)
        config->content_bytes_max = CONTENT_BYTES_DEFAULT;
    err = default_text(&config->log_level, "info");
    if (err == TAMGA_OK)
        err = default_text(&config->log_format, "text");
    if (err == TAMGA_OK)
        err = judge(config, path, detail);
    if (err == TAMGA_OK)
        err = limits_take(&config->limits, path, detail);
    if (err == TAMGA_OK)
        err = resolve(&config->genesis, path);
    if (err == TAMGA_OK)
        err = resolve(&config->key, path);
    if (err == TAMGA_OK)
        err = resolve(&config->passphrase_file, path);
    if (err == TAMGA_OK)
        err = resolve(&config->data, path);
    if (err == TAMGA_OK && config->tls != NULL)
        err = resolve_tls(config->tls, path);
    if (err != TAMGA_OK) {
        tamga_config_free(config, gateway);
        return err;
    }
    *out = config;
    return TAMGA_OK;
}
