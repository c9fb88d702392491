/* The schema of network.yaml, and what no schema can say. */
#include "cli/network_yaml.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/yaml.h"
#include "crypto/key.h"
#include "net/endpoint.h"

#define TEXT_OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_strval_t role_words[] = {
    {"oem", TAMGA__V1__ROLE__ROLE_OEM},
    {"provider", TAMGA__V1__ROLE__ROLE_PROVIDER},
    {"consortium", TAMGA__V1__ROLE__ROLE_CONSORTIUM},
    {"gateway", TAMGA__V1__ROLE__ROLE_GATEWAY},
};
static const cyaml_strval_t key_words[] = {
    {"p256", TAMGA_KEY_P256},
    {"rsa3072", TAMGA_KEY_RSA3072},
    {"ed25519", TAMGA_KEY_ED25519},
};
static const cyaml_schema_value_t role_value = {
    CYAML_VALUE_ENUM(CYAML_FLAG_STRICT, uint32_t, role_words, 4),
};
static const cyaml_schema_value_t name_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, TAMGA_NAME_BYTES_MAX),
};
static const cyaml_schema_field_t member_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct yaml_member, name, 1,
                           TAMGA_NAME_BYTES_MAX),
    CYAML_FIELD_SEQUENCE("roles", CYAML_FLAG_POINTER, struct yaml_member, roles, &role_value, 1,
                         4),
    CYAML_FIELD_ENUM("key_type", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct yaml_member,
                     key_type, key_words, 3),
    CYAML_FIELD_STRING_PTR("public_key", TEXT_OPTIONAL, struct yaml_member, public_key, 1, 4000),
    CYAML_FIELD_STRING_PTR("rpc", TEXT_OPTIONAL, struct yaml_member, rpc, 1, 300),
    CYAML_FIELD_STRING_PTR("gossip", TEXT_OPTIONAL, struct yaml_member, gossip, 1, 300),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t member_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_member, member_fields),
};
static const cyaml_schema_field_t model_fields[] = {
    CYAML_FIELD_STRING_PTR("producer", CYAML_FLAG_POINTER, struct yaml_model, producer, 1,
                           TAMGA_NAME_BYTES_MAX),
    CYAML_FIELD_STRING_PTR("model", CYAML_FLAG_POINTER, struct yaml_model, model, 1,
                           TAMGA_MODEL_BYTES_MAX),
    CYAML_FIELD_SEQUENCE("hardware", TEXT_OPTIONAL, struct yaml_model, hardware, &name_value, 0,
                         32),
    CYAML_FIELD_SEQUENCE("providers", TEXT_OPTIONAL, struct yaml_model, providers, &name_value,
                         0, 32),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t model_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_model, model_fields),
};
#define PARAM(name) CYAML_FIELD_UINT_PTR(#name, TEXT_OPTIONAL, struct yaml_params, name)
#define PARAMS                                                                           \
    CYAML_FIELD_STRING_PTR("target_limit", TEXT_OPTIONAL, struct yaml_params, target_limit, \
                           8, 8),                                                        \
        PARAM(block_time_ms), PARAM(halflife_ms), PARAM(drift_ms), PARAM(entry_age_max_ms), \
        PARAM(block_entries_max), PARAM(block_bytes_max), PARAM(block_wait_ms)
static const cyaml_schema_field_t consortium_fields[] = {
    PARAMS,
    CYAML_FIELD_END,
};
/* All consortium nodes make blocks final; of gateways there may be too many for that. */
static const cyaml_schema_field_t gateway_fields[] = {
    PARAMS,
    CYAML_FIELD_SEQUENCE("validators", TEXT_OPTIONAL, struct yaml_params, validators,
                         &name_value, 1, TAMGA_VALIDATORS_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t governance_fields[] = {
    CYAML_FIELD_SEQUENCE("voters", TEXT_OPTIONAL, struct yaml_governance, voters, &role_value, 1,
                         4),
    CYAML_FIELD_UINT_PTR("percent", TEXT_OPTIONAL, struct yaml_governance, percent),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t network_fields[] = {
    CYAML_FIELD_STRING_PTR("network", CYAML_FLAG_POINTER, struct yaml_network, network, 1, 64),
    CYAML_FIELD_SEQUENCE("members", CYAML_FLAG_POINTER, struct yaml_network, members,
                         &member_value, 1, TAMGA_MEMBERS_MAX),
    CYAML_FIELD_SEQUENCE("models", TEXT_OPTIONAL, struct yaml_network, models, &model_value, 0,
                         TAMGA_MODELS_MAX),
    CYAML_FIELD_MAPPING_PTR("consortium", TEXT_OPTIONAL, struct yaml_network, consortium,
                            consortium_fields),
    CYAML_FIELD_MAPPING_PTR("gateway", TEXT_OPTIONAL, struct yaml_network, gateway,
                            gateway_fields),
    CYAML_FIELD_MAPPING_PTR("governance", TEXT_OPTIONAL, struct yaml_network, governance,
                            governance_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_network, network_fields),
};

uint32_t yaml_roles(const struct yaml_member *member)
{
    uint32_t roles = 0;

    for (uint32_t i = 0; i < member->roles_count; i++)
        roles |= member->roles[i];
    return roles;
}

/* ---- members -------------------------------------------------------------------- */

struct judge {
    const char *path;
    struct yaml_network *network;
    struct tamga_detail *detail;
};

static enum tamga_err judge_addr(const struct judge *judge, uint32_t index, const char *key,
                                 const char *addr, bool needed)
{
    struct tamga_endpoint endpoint;
    struct tamga_detail why = {""};
    char where[64];

    snprintf(where, sizeof where, "members[%u].%s", index, key);
    if (addr == NULL)
        return needed ? tamga_yaml_refuse(judge->detail, judge->path, where,
                                          "member %s is a node and needs %s",
                                          judge->network->members[index].name, key)
                      : TAMGA_OK;
    if (tamga_endpoint_parse_link(&endpoint, addr, false, &why) != TAMGA_OK)
        return tamga_yaml_refuse(judge->detail, judge->path, where, "%s: %.150s", key, why.text);
    return TAMGA_OK;
}

static enum tamga_err judge_member(const struct judge *judge, uint32_t index)
{
    const struct yaml_member *member = &judge->network->members[index];
    uint32_t roles = yaml_roles(member);
    bool node =
        (roles & (TAMGA__V1__ROLE__ROLE_CONSORTIUM | TAMGA__V1__ROLE__ROLE_GATEWAY)) != 0;
    char where[64];
    enum tamga_err err;

    snprintf(where, sizeof where, "members[%u].name", index);
    if (!tamga_member_name_ok(member->name))
        return tamga_yaml_refuse(judge->detail, judge->path, where,
                                 "\"%.40s\" is no name: 1..32 characters of a-z, 0-9 and -",
                                 member->name);
    for (uint32_t i = 0; i < index; i++)
        if (strcmp(judge->network->members[i].name, member->name) == 0)
            return tamga_yaml_refuse(judge->detail, judge->path, where,
                                     "member %s is here twice", member->name);
    snprintf(where, sizeof where, "members[%u].roles", index);
    if ((roles & TAMGA__V1__ROLE__ROLE_GATEWAY) != 0 && roles != TAMGA__V1__ROLE__ROLE_GATEWAY)
        return tamga_yaml_refuse(judge->detail, judge->path, where,
                                 "member %s: a gateway can have no other role", member->name);
    err = judge_addr(judge, index, "rpc", member->rpc, node);
    return err == TAMGA_OK ? judge_addr(judge, index, "gossip", member->gossip, node) : err;
}

static bool has_role(const struct yaml_network *network, const char *name, uint32_t role)
{
    for (uint32_t i = 0; i < network->members_count; i++)
        if (strcmp(network->members[i].name, name) == 0)
            return (yaml_roles(&network->members[i]) & role) != 0;
    return false;
}

static enum tamga_err judge_members(const struct judge *judge)
{
    uint32_t roles = 0;

    for (uint32_t i = 0; i < judge->network->members_count; i++) {
        enum tamga_err err = judge_member(judge, i);

        if (err != TAMGA_OK)
            return err;
        roles |= yaml_roles(&judge->network->members[i]);
    }
    if ((roles & TAMGA__V1__ROLE__ROLE_CONSORTIUM) == 0)
        return tamga_yaml_refuse(judge->detail, judge->path, "members",
                                 "no member has the role consortium: nobody could mine");
    return TAMGA_OK;
}

/* ---- models --------------------------------------------------------------------- */

static enum tamga_err judge_lists(const struct judge *judge, uint32_t index)
{
    const struct yaml_model *model = &judge->network->models[index];
    char where[64];

    for (uint32_t i = 0; i < model->hardware_count; i++) {
        snprintf(where, sizeof where, "models[%u].hardware[%u]", index, i);
        if (!tamga_name_ok(model->hardware[i], 32))
            return tamga_yaml_refuse(judge->detail, judge->path, where,
                                     "\"%.40s\" is no hardware revision: A-Z a-z 0-9 . _ -",
                                     model->hardware[i]);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(model->hardware[i], model->hardware[j]) == 0)
                return tamga_yaml_refuse(judge->detail, judge->path, where,
                                         "revision %s is here twice", model->hardware[i]);
    }
    for (uint32_t i = 0; i < model->providers_count; i++) {
        snprintf(where, sizeof where, "models[%u].providers[%u]", index, i);
        if (!has_role(judge->network, model->providers[i], TAMGA__V1__ROLE__ROLE_PROVIDER))
            return tamga_yaml_refuse(judge->detail, judge->path, where,
                                     "no member \"%.40s\" has the role provider",
                                     model->providers[i]);
    }
    return TAMGA_OK;
}

static enum tamga_err judge_model(const struct judge *judge, uint32_t index)
{
    const struct yaml_model *model = &judge->network->models[index];
    char where[64];

    snprintf(where, sizeof where, "models[%u].producer", index);
    if (!has_role(judge->network, model->producer, TAMGA__V1__ROLE__ROLE_OEM))
        return tamga_yaml_refuse(judge->detail, judge->path, where,
                                 "no member \"%.40s\" has the role oem", model->producer);
    snprintf(where, sizeof where, "models[%u].model", index);
    if (!tamga_name_ok(model->model, TAMGA_MODEL_BYTES_MAX))
        return tamga_yaml_refuse(judge->detail, judge->path, where,
                                 "\"%.70s\" is no model name: A-Z a-z 0-9 . _ -", model->model);
    for (uint32_t i = 0; i < index; i++)
        if (strcmp(judge->network->models[i].producer, model->producer) == 0 &&
            strcmp(judge->network->models[i].model, model->model) == 0)
            return tamga_yaml_refuse(judge->detail, judge->path, where,
                                     "model %s/%s is here twice", model->producer,
                                     model->model);
    return judge_lists(judge, index);
}

/* ---- parameters ------------------------------------------------------------------ */

void yaml_params_fill(Tamga__V1__ChainParams *out, const struct yaml_params *params,
                      bool gateway)
{
    static const struct yaml_params none;

    tamga__v1__chain_params__init(out);
    if (params == NULL)
        params = &none;
    out->target_limit = params->target_limit ? (uint32_t)strtoul(params->target_limit, NULL, 16)
                        : gateway            ? 0x1f00ffff
                                             : 0x1e3fffff;
    out->block_time_ms = params->block_time_ms ? *params->block_time_ms : 10000;
    out->halflife_ms = params->halflife_ms ? *params->halflife_ms : 600000;
    out->drift_ms = params->drift_ms ? *params->drift_ms : 120000;
    out->entry_age_max_ms = params->entry_age_max_ms ? *params->entry_age_max_ms : 86400000;
    out->block_entries_max = params->block_entries_max ? *params->block_entries_max : 4096;
    out->block_bytes_max = params->block_bytes_max ? *params->block_bytes_max : 1048576;
    out->block_wait_ms = params->block_wait_ms ? *params->block_wait_ms : gateway ? 2000 : 1000;
}

static enum tamga_err judge_params(const struct judge *judge, const char *chain,
                                   const struct yaml_params *params)
{
    struct tamga_u256 target;
    char where[64];

    snprintf(where, sizeof where, "%s.target_limit", chain);
    if (params == NULL || params->target_limit == NULL)
        return TAMGA_OK;
    if (strspn(params->target_limit, "0123456789abcdefABCDEF") != 8 ||
        tamga_target_expand(&target, (uint32_t)strtoul(params->target_limit, NULL, 16)) !=
            TAMGA_OK)
        return tamga_yaml_refuse(judge->detail, judge->path, where,
                                 "target_limit \"%s\" is no target in compact form, "
                                 "such as 1e3fffff",
                                 params->target_limit);
    return TAMGA_OK;
}

static enum tamga_err judge_validators(const struct judge *judge)
{
    const struct yaml_params *params = judge->network->gateway;
    char where[64];

    if (params == NULL)
        return TAMGA_OK;
    for (uint32_t i = 0; i < params->validators_count; i++) {
        snprintf(where, sizeof where, "gateway.validators[%u]", i);
        if (!has_role(judge->network, params->validators[i], TAMGA__V1__ROLE__ROLE_GATEWAY))
            return tamga_yaml_refuse(judge->detail, judge->path, where,
                                     "no member \"%.40s\" has the role gateway",
                                     params->validators[i]);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(params->validators[i], params->validators[j]) == 0)
                return tamga_yaml_refuse(judge->detail, judge->path, where,
                                         "validator %s is here twice", params->validators[i]);
    }
    return TAMGA_OK;
}

uint32_t yaml_validators(char *out[TAMGA_VALIDATORS_MAX], const struct yaml_network *network,
                         const struct yaml_params *params, uint32_t role)
{
    uint32_t count = 0;

    if (params != NULL && params->validators_count > 0) {
        memcpy(out, params->validators, params->validators_count * sizeof *out);
        return params->validators_count;
    }
    for (uint32_t i = 0; i < network->members_count && count < TAMGA_VALIDATORS_MAX; i++)
        if ((yaml_roles(&network->members[i]) & role) != 0)
            out[count++] = network->members[i].name;
    return count;
}

/* ---- governance ------------------------------------------------------------------- */

#define VOTERS_DEFAULT  (TAMGA__V1__ROLE__ROLE_OEM | TAMGA__V1__ROLE__ROLE_CONSORTIUM)
#define PERCENT_DEFAULT 67

void yaml_governance_fill(Tamga__V1__Governance *out, const struct yaml_governance *governance)
{
    tamga__v1__governance__init(out);
    for (uint32_t i = 0; i < governance->voters_count; i++)
        out->voters |= governance->voters[i];
    if (out->voters == 0)
        out->voters = VOTERS_DEFAULT;
    out->percent = governance->percent ? *governance->percent : PERCENT_DEFAULT;
}

static enum tamga_err judge_governance(const struct judge *judge)
{
    const struct yaml_governance *governance = judge->network->governance;

    if (governance == NULL || governance->percent == NULL ||
        (*governance->percent >= 51 && *governance->percent <= 100))
        return TAMGA_OK;
    return tamga_yaml_refuse(judge->detail, judge->path, "governance.percent",
                             "percent is %u; accepted are 51 to 100", *governance->percent);
}

/* ---- the whole -------------------------------------------------------------------- */

static int by_member(const void *a, const void *b)
{
    return strcmp(((const struct yaml_member *)a)->name, ((const struct yaml_member *)b)->name);
}

static int by_model(const void *a, const void *b)
{
    const struct yaml_model *one = a, *other = b;
    int order = strcmp(one->producer, other->producer);

    return order ? order : strcmp(one->model, other->model);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum tamga_err judge_all(const struct judge *judge)
{
    enum tamga_err err = judge_members(judge);

    for (uint32_t i = 0; i < judge->network->models_count && err == TAMGA_OK; i++)
        err = judge_model(judge, i);
    if (err == TAMGA_OK)
        err = judge_params(judge, "consortium", judge->network->consortium);
    if (err == TAMGA_OK)
        err = judge_params(judge, "gateway", judge->network->gateway);
    if (err == TAMGA_OK)
        err = judge_validators(judge);
    return err == TAMGA_OK ? judge_governance(judge) : err;
}

enum tamga_err yaml_network_load(struct yaml_network **out, const char *path,
                                 struct tamga_detail *detail)
{
    TAMGA_CLEANUP(yaml_network_free) struct yaml_network *network = NULL;
    struct judge judge = {.path = path, .detail = detail};
    enum tamga_err err = tamga_yaml_load(path, &schema, (void **)&network, detail);

    if (err != TAMGA_OK)
        return err;
    judge.network = network;
    err = judge_all(&judge);
    if (err != TAMGA_OK)
        return err;
    qsort(network->members, network->members_count, sizeof *network->members, by_member);
    if (network->models_count > 0)
        qsort(network->models, network->models_count, sizeof *network->models, by_model);
    if (network->gateway != NULL && network->gateway->validators_count > 0)
        qsort(network->gateway->validators, network->gateway->validators_count,
              sizeof *network->gateway->validators, by_name);
    *out = network;
    network = NULL;
    return TAMGA_OK;
}

void yaml_network_free(struct yaml_network **network)
{
    tamga_yaml_free(&schema, *network);
    *network = NULL;
}
