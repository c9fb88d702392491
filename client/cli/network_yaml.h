/* network.yaml: what `tamga network init` is told, read and judged with lines. */
#ifndef TAMGA_CLI_NETWORK_YAML_H
#define TAMGA_CLI_NETWORK_YAML_H

#include "base/err.h"
#include "chain/network.h"

struct yaml_member {
    char *name;
    uint32_t *roles; /* each one Tamga__V1__Role */
    uint32_t roles_count;
    uint32_t key_type; /* enum tamga_key_type; 0: the default */
    char *public_key;  /* path; NULL: a key is made */
    char *rpc;
    char *gossip;
};
struct yaml_model {
    char *producer;
    char *model;
    char **hardware;
    uint32_t hardware_count;
    char **providers;
    uint32_t providers_count;
};
/* NULL: the chain's default. */
struct yaml_params {
    char *target_limit;
    uint32_t *block_time_ms, *halflife_ms, *drift_ms;
    uint64_t *entry_age_max_ms;
    uint32_t *block_entries_max, *block_bytes_max, *block_wait_ms;
    char **validators; /* gateway only; ascending once loaded */
    uint32_t validators_count;
};
/* Who decides what changes later; absent parts: the default. */
struct yaml_governance {
    uint32_t *voters; /* each one Tamga__V1__Role */
    uint32_t voters_count;
    uint32_t *percent;
};
struct yaml_network {
    char *network;
    struct yaml_member *members;
    uint32_t members_count;
    struct yaml_model *models;
    uint32_t models_count;
    struct yaml_params *consortium;
    struct yaml_params *gateway;
    struct yaml_governance *governance; /* NULL: OEMs and consortium nodes, 67 percent */
};

/*
 * Owns:    *out is the caller's, yaml_network_free. Members come sorted by name, models by
 *          producer and model, as genesis has them.
 * Errors:  USAGE with file and line; FILE_IO; NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err yaml_network_load(struct yaml_network **out, const char *path,
                                                struct tamga_detail *detail);
void yaml_network_free(struct yaml_network **network);
uint32_t yaml_roles(const struct yaml_member *member);
void yaml_governance_fill(Tamga__V1__Governance *out, const struct yaml_governance *governance);
/* Parameters with defaults filled in; judged already. The validators are not filled in. */
void yaml_params_fill(Tamga__V1__ChainParams *out, const struct yaml_params *params,
                      bool gateway);
/*
 * Who makes a chain's blocks final: those named, or else all members with the role, of more
 * than 128 the first by name. Returns how many; the names are borrowed from the network.
 */
uint32_t yaml_validators(char *out[TAMGA_VALIDATORS_MAX], const struct yaml_network *network,
                         const struct yaml_params *params, uint32_t role);

#endif
