/* Reads and judges a genesis. Knows no store and no rules profile. */
#include "chain/network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain/council.h"
#include "crypto/hash.h"
#include "wire/wire.h"

#define ROLES_ALL                                                                        \
    (TAMGA__V1__ROLE__ROLE_OEM | TAMGA__V1__ROLE__ROLE_PROVIDER |                        \
     TAMGA__V1__ROLE__ROLE_CONSORTIUM | TAMGA__V1__ROLE__ROLE_GATEWAY)

#define VOTERS_DEFAULT  (TAMGA__V1__ROLE__ROLE_OEM | TAMGA__V1__ROLE__ROLE_CONSORTIUM)
#define PERCENT_DEFAULT 67

struct tamga_standing {
    _Atomic uint32_t roles;
    char name[TAMGA_NAME_BYTES_MAX + 1];
};

struct tamga_known {
    struct tamga_member member;
    char name[TAMGA_NAME_BYTES_MAX + 1];
};

bool tamga_name_ok(const char *name, size_t max)
{
    size_t len = strnlen(name, max + 1);

    if (len == 0 || len > max)
        return false;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false; /* names become folders under a device's root */
    for (size_t i = 0; i < len; i++) {
        char c = name[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

bool tamga_member_name_ok(const char *name)
{
    if (!tamga_name_ok(name, TAMGA_NAME_BYTES_MAX))
        return false;
    for (; *name != '\0'; name++)
        if (*name == '.' || *name == '_' || (*name >= 'A' && *name <= 'Z'))
            return false;
    return true;
}

bool tamga_roles_ok(uint32_t roles)
{
    return roles != 0 && (roles & ~(uint32_t)ROLES_ALL) == 0 &&
           ((roles & TAMGA__V1__ROLE__ROLE_GATEWAY) == 0 ||
            roles == TAMGA__V1__ROLE__ROLE_GATEWAY);
}

static enum tamga_err check_params(const char *chain, const Tamga__V1__ChainParams *params,
                                   struct tamga_detail *detail)
{
    struct tamga_u256 target;

    if (params == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "no %s parameters", chain);
    if (tamga_target_expand(&target, params->target_limit) != TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "%s target_limit %08x is no target",
                            chain, params->target_limit);
    if (params->block_time_ms < 1 || params->block_time_ms > 3600000)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "%s block_time_ms must be 1..3600000",
                            chain);
    if (params->halflife_ms < 1 || params->halflife_ms > 604800000)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "%s halflife_ms must be 1..604800000",
                            chain);
    if (params->drift_ms > 7200000)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "%s drift_ms must be 0..7200000", chain);
    if (params->entry_age_max_ms < 1000 || params->entry_age_max_ms > 31622400000)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "%s entry_age_max_ms must be 1000..31622400000", chain);
    if (params->block_entries_max < 1 || params->block_entries_max > 65536)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "%s block_entries_max must be 1..65536", chain);
    if (params->block_bytes_max < 131072 || params->block_bytes_max > 2097152)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "%s block_bytes_max must be 131072..2097152", chain);
    if (params->block_wait_ms > 3600000)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "%s block_wait_ms must be 0..3600000",
                            chain);
    return TAMGA_OK;
}

static enum tamga_err check_member(const Tamga__V1__Member *member, const char *before,
                                   struct tamga_detail *detail)
{
    if (!tamga_member_name_ok(member->name))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "member name must be 1..32 characters of a-z, 0-9 and -");
    if (before != NULL && strcmp(before, member->name) >= 0)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "member %s is not after %s",
                            member->name, before);
    if (!tamga_roles_ok(member->roles))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "member %s has roles %u; a gateway can have no other role",
                            member->name, member->roles);
    if (member->key == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "member %s has no key",
                            member->name);
    return TAMGA_OK;
}

static enum tamga_err load_members(struct tamga_network *network, struct tamga_detail *detail)
{
    const Tamga__V1__Genesis *genesis = network->genesis;
    uint32_t roles = 0;

    if (genesis->n_members == 0 || genesis->n_members > TAMGA_MEMBERS_MAX)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "%zu members; must be 1..%d",
                            genesis->n_members, TAMGA_MEMBERS_MAX);
    network->member = calloc(genesis->n_members, sizeof *network->member);
    if (network->member == NULL)
        return TAMGA_E_NO_MEMORY;
    for (size_t i = 0; i < genesis->n_members; i++) {
        const Tamga__V1__Member *from = genesis->members[i];
        struct tamga_member *member = &network->member[i];
        enum tamga_err err =
            check_member(from, i > 0 ? genesis->members[i - 1]->name : NULL, detail);

        if (err == TAMGA_OK)
            err = tamga_wire_key(&member->key, from->key);
        if (err != TAMGA_OK)
            return err;
        network->member_count = i + 1;
        member->name = from->name;
        member->roles = from->roles;
        tamga_public_key_address(member->key, &member->address);
        roles |= from->roles;
    }
    if ((roles & TAMGA__V1__ROLE__ROLE_CONSORTIUM) == 0)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "no member runs a consortium node: nobody could mine");
    return TAMGA_OK;
}

static int by_address(const void *a, const void *b)
{
    const struct tamga_member *const *one = a, *const *other = b;
    int order = memcmp(&(*one)->address, &(*other)->address, sizeof(*one)->address);

    return order != 0 ? order : (*one > *other) - (*one < *other);
}

static enum tamga_err sort_members(struct tamga_network *network, struct tamga_detail *detail)
{
    network->by_address = calloc(network->member_count, sizeof *network->by_address);
    if (network->by_address == NULL)
        return TAMGA_E_NO_MEMORY;
    for (size_t i = 0; i < network->member_count; i++)
        network->by_address[i] = &network->member[i];
    qsort(network->by_address, network->member_count, sizeof *network->by_address, by_address);
    for (size_t i = 1; i < network->member_count; i++) {
        const struct tamga_member *one = network->by_address[i - 1];
        const struct tamga_member *other = network->by_address[i];

        if (tamga_hash_equal(&one->address.hash, &other->address.hash))
            return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "members %s and %s share a key",
                                one->name, other->name);
    }
    return TAMGA_OK;
}

static bool has_role(const struct tamga_network *network, uint32_t role)
{
    for (size_t i = 0; i < network->member_count; i++)
        if ((network->member[i].roles & role) != 0)
            return true;
    return false;
}

static enum tamga_err check_validators(const struct tamga_network *network, const char *chain,
                                       const Tamga__V1__ChainParams *params, uint32_t role,
                                       struct tamga_detail *detail)
{
    if (params->n_validators > TAMGA_VALIDATORS_MAX)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "%s validators: %zu; must be 1..%d",
                            chain, params->n_validators, TAMGA_VALIDATORS_MAX);
    if (params->n_validators == 0 && has_role(network, role))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "%s validators: none named, though members mine this chain", chain);
    for (size_t i = 0; i < params->n_validators; i++) {
        const char *name = params->validators[i];
        const struct tamga_member *member = tamga_network_named(network, name);

        if (member == NULL || (member->roles & role) == 0)
            return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                                "%s validators: %.32s is no member that mines this chain",
                                chain, name);
        if (i > 0 && strcmp(params->validators[i - 1], name) >= 0)
            return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                                "%s validators: %s is not after %s", chain, name,
                                params->validators[i - 1]);
    }
    return TAMGA_OK;
}

static enum tamga_err check_model(const struct tamga_network *network,
                                  const Tamga__V1__Model *model,
                                  const Tamga__V1__Model *before, struct tamga_detail *detail)
{
    const struct tamga_member *owner = tamga_network_named(network, model->producer);
    int order = before == NULL ? -1 : strcmp(before->producer, model->producer);

    if (owner == NULL || (owner->roles & TAMGA__V1__ROLE__ROLE_OEM) == 0)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "model %s/%s: %s is no OEM of this network",
                            model->producer, model->model, model->producer);
    if (!tamga_name_ok(model->model, TAMGA_MODEL_BYTES_MAX))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "a model's name must be 1..64 characters of A-Z a-z 0-9 . _ -");
    if (order > 0 || (order == 0 && before != NULL && strcmp(before->model, model->model) >= 0))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "model %s/%s is out of order",
                            model->producer, model->model);
    for (size_t i = 0; i < model->n_hardware; i++)
        if (!tamga_name_ok(model->hardware[i], 32))
            return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                                "model %s/%s: hardware revision %zu is no name",
                                model->producer, model->model, i);
    for (size_t i = 0; i < model->n_providers; i++) {
        const struct tamga_member *provider =
            tamga_network_named(network, model->providers[i]);

        if (provider == NULL || (provider->roles & TAMGA__V1__ROLE__ROLE_PROVIDER) == 0)
            return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                                "model %s/%s: %s is no software provider of this network",
                                model->producer, model->model, model->providers[i]);
    }
    return TAMGA_OK;
}

/* Who decides later changes. At least one member must have a say. */
static enum tamga_err load_governance(struct tamga_network *network,
                                      struct tamga_detail *detail)
{
    const Tamga__V1__Governance *governance = network->genesis->governance;

    network->voters = governance != NULL ? governance->voters : VOTERS_DEFAULT;
    network->voters_percent = governance != NULL ? governance->percent : PERCENT_DEFAULT;
    if ((network->voters & ~(uint32_t)ROLES_ALL) != 0 ||
        !has_role(network, network->voters))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "governance: no member has one of the roles %u", network->voters);
    if (network->voters_percent < 51 || network->voters_percent > 100)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "governance: percent must be 51..100");
    return TAMGA_OK;
}

static enum tamga_err judge(struct tamga_network *network, struct tamga_detail *detail)
{
    const Tamga__V1__Genesis *genesis = network->genesis;
    enum tamga_err err;

    if (genesis->network[0] == '\0' || genesis->time_ms == 0 ||
        genesis->time_ms > INT64_MAX / 4)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "network needs a name and a time");
    err = check_params("consortium", genesis->consortium, detail);
    if (err == TAMGA_OK)
        err = check_params("gateway", genesis->gateway, detail);
    if (err == TAMGA_OK)
        err = load_members(network, detail);
    if (err == TAMGA_OK)
        err = sort_members(network, detail);
    if (err == TAMGA_OK)
        err = check_validators(network, "consortium", genesis->consortium,
                               TAMGA__V1__ROLE__ROLE_CONSORTIUM, detail);
    if (err == TAMGA_OK)
        err = check_validators(network, "gateway", genesis->gateway,
                               TAMGA__V1__ROLE__ROLE_GATEWAY, detail);
    if (err == TAMGA_OK)
        err = load_governance(network, detail);
    if (err == TAMGA_OK && genesis->n_models > TAMGA_MODELS_MAX)
        err = TAMGA_E_TOO_LARGE;
    for (size_t i = 0; err == TAMGA_OK && i < genesis->n_models; i++)
        err = check_model(network, genesis->models[i], i > 0 ? genesis->models[i - 1] : NULL,
                          detail);
    return err;
}

static enum tamga_err open_councils(struct tamga_network *network)
{
    network->consortium = calloc(1, sizeof *network->consortium);
    network->gateway = calloc(1, sizeof *network->gateway);
    if (network->consortium == NULL || network->gateway == NULL)
        return TAMGA_E_NO_MEMORY;
    tamga_council_init(network->consortium, network, network->genesis->consortium);
    tamga_council_init(network->gateway, network, network->genesis->gateway);
    return TAMGA_OK;
}

enum tamga_err tamga_network_decode(struct tamga_network **out, struct tamga_span untrusted,
                                    struct tamga_detail *detail)
{
    static const struct tamga_scope none;
    struct tamga_network *network;
    enum tamga_err err;

    if (untrusted.len > TAMGA_GENESIS_BYTES_MAX)
        return TAMGA_E_TOO_LARGE;
    network = calloc(1, sizeof *network);
    if (network == NULL)
        return TAMGA_E_NO_MEMORY;
    network->known = calloc(TAMGA_KNOWN_SLOTS, sizeof *network->known);
    network->standing = calloc(TAMGA_KNOWN_SLOTS, sizeof *network->standing);
    err = network->known == NULL || network->standing == NULL ? TAMGA_E_NO_MEMORY : TAMGA_OK;
    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&network->genesis,
                            &tamga__v1__genesis__descriptor, TAMGA_WIRE_CANONICAL, untrusted,
                            detail);
    if (err == TAMGA_OK)
        err = judge(network, detail);
    if (err == TAMGA_OK)
        err = open_councils(network);
    if (err == TAMGA_OK)
        err = tamga_buf_set(&network->bytes, untrusted);
    if (err != TAMGA_OK) {
        tamga_network_free(network);
        return err;
    }
    tamga_domain_hash(&network->id.hash, "tamga.v1.genesis", &none, untrusted);
    *out = network;
    return TAMGA_OK;
}

enum tamga_err tamga_network_load(struct tamga_network **out, const char *path,
                                  struct tamga_detail *detail)
{
    TAMGA_BUF bytes = {0};
    FILE *file = fopen(path, "rb");
    enum tamga_err err = TAMGA_OK;

    if (file == NULL)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%s: %s", path, strerror(errno));
    for (size_t got = 1; err == TAMGA_OK && got > 0;) {
        err = tamga_buf_reserve(&bytes, 65536);
        if (err != TAMGA_OK)
            break;
        got = fread(bytes.data + bytes.len, 1, 65536, file);
        bytes.len += got;
        if (bytes.len > TAMGA_GENESIS_BYTES_MAX)
            err = tamga_refuse(detail, TAMGA_E_TOO_LARGE, "%s is no genesis file", path);
    }
    if (err == TAMGA_OK && ferror(file))
        err = tamga_refuse(detail, TAMGA_E_FILE_IO, "%s could not be read", path);
    fclose(file);
    return err == TAMGA_OK ? tamga_network_decode(out, tamga_buf_span(&bytes), detail) : err;
}

static void free_known(struct tamga_known *known)
{
    if (known == NULL)
        return;
    tamga_public_key_free(known->member.key);
    free(known);
}

void tamga_network_free(struct tamga_network *network)
{
    if (network == NULL)
        return;
    for (size_t i = 0; i < network->member_count; i++)
        tamga_public_key_free(network->member[i].key);
    for (size_t i = 0; network->known != NULL && i < TAMGA_KNOWN_SLOTS; i++)
        free_known(network->known[i]);
    for (size_t i = 0; network->standing != NULL && i < TAMGA_KNOWN_SLOTS; i++)
        free(network->standing[i]);
    free(network->known);
    free(network->standing);
    free(network->consortium);
    free(network->gateway);
    free(network->by_address);
    free(network->member);
    tamga_wire_free((ProtobufCMessage *)network->genesis);
    tamga_buf_clear(&network->bytes);
    free(network);
}

static const struct tamga_member *in_genesis(const struct tamga_network *network,
                                             const struct tamga_address *address)
{
    size_t low = 0, high = network->member_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(address, &network->by_address[middle]->address, sizeof *address);

        if (order == 0)
            return network->by_address[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* ---- members that came later: slots that are filled once and never change ------------- */

static struct tamga_known *_Atomic *slot_of(const struct tamga_network *network,
                                            const struct tamga_address *address, uint32_t probe)
{
    return &network->known[(tamga_get_u32(address->hash.byte) + probe) % TAMGA_KNOWN_SLOTS];
}

const struct tamga_member *tamga_network_member(const struct tamga_network *network,
                                                const struct tamga_address *address)
{
    const struct tamga_member *member = in_genesis(network, address);

    for (uint32_t probe = 0; member == NULL && probe < TAMGA_KEYS_MAX; probe++) {
        const struct tamga_known *known = *slot_of(network, address, probe);

        if (known == NULL)
            return NULL;
        if (tamga_hash_equal(&known->member.address.hash, &address->hash))
            return &known->member;
    }
    return member;
}

static enum tamga_err add_known(const struct tamga_network *network, struct tamga_known *made)
{
    for (uint32_t probe = 0; probe < TAMGA_KEYS_MAX; probe++) {
        struct tamga_known *none = NULL;

        if (atomic_compare_exchange_strong(slot_of(network, &made->member.address, probe),
                                           &none, made))
            return TAMGA_OK;
        /* Somebody else filled it meanwhile, perhaps with the same. */
        if (tamga_hash_equal(&none->member.address.hash, &made->member.address.hash)) {
            free_known(made);
            return TAMGA_OK;
        }
    }
    free_known(made);
    return TAMGA_E_ROSTER_FULL;
}

/* ---- what is said of names: filled likewise, only the roles change ----------------------- */

static uint32_t hash_name(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return hash;
}

/* The name's standing, or the slot where it would be; NULL if all are taken by others. */
static struct tamga_standing *_Atomic *find_standing(const struct tamga_network *network,
                                                     const char *name)
{
    uint32_t hash = hash_name(name);

    for (uint32_t probe = 0; probe < TAMGA_KEYS_MAX; probe++) {
        struct tamga_standing *_Atomic *slot =
            &network->standing[(hash + probe) % TAMGA_KNOWN_SLOTS];
        const struct tamga_standing *standing = *slot;

        if (standing == NULL || strcmp(standing->name, name) == 0)
            return slot;
    }
    return NULL;
}

bool tamga_network_standing(const struct tamga_network *network, const char *name,
                            uint32_t *roles)
{
    struct tamga_standing *_Atomic *slot = find_standing(network, name);
    const struct tamga_standing *standing = slot == NULL ? NULL : *slot;

    if (standing != NULL)
        *roles = standing->roles;
    return standing != NULL;
}

enum tamga_err tamga_network_stand(const struct tamga_network *network, const char *name,
                                   uint32_t roles)
{
    struct tamga_standing *_Atomic *slot = find_standing(network, name);
    struct tamga_standing *made, *none = NULL;

    if (slot == NULL || strlen(name) > TAMGA_NAME_BYTES_MAX)
        return TAMGA_E_ROSTER_FULL;
    if (*slot != NULL) {
        (*slot)->roles = roles;
        return TAMGA_OK;
    }
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return TAMGA_E_NO_MEMORY;
    strcpy(made->name, name);
    made->roles = roles;
    if (atomic_compare_exchange_strong(slot, &none, made))
        return TAMGA_OK;
    free(made); /* somebody else was quicker: once more, it may be another name */
    return tamga_network_stand(network, name, roles);
}

enum tamga_err tamga_network_learn(const struct tamga_network *network, const char *name,
                                   uint32_t roles, const Tamga__V1__PublicKey *key)
{
    const struct tamga_member *member;
    struct tamga_address address;
    struct tamga_known *made;
    enum tamga_err err;

    if (key == NULL || strlen(name) > TAMGA_NAME_BYTES_MAX)
        return TAMGA_E_BAD_KEY;
    tamga_key_address(&address, (enum tamga_key_type)key->type, tamga_wire_span(key->spki));
    member = tamga_network_member(network, &address);
    if (member != NULL) {
        atomic_fetch_or(&((struct tamga_member *)(uintptr_t)member)->roles, roles);
        return TAMGA_OK;
    }
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return TAMGA_E_NO_MEMORY;
    err = tamga_wire_key(&made->member.key, key);
    if (err != TAMGA_OK) {
        free_known(made);
        return err;
    }
    strcpy(made->name, name);
    made->member.name = made->name;
    made->member.roles = roles;
    made->member.address = address;
    return add_known(network, made);
}

const struct tamga_member *tamga_network_named(const struct tamga_network *network,
                                               const char *name)
{
    size_t low = 0, high = network->member_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, network->member[middle].name);

        if (order == 0)
            return &network->member[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
