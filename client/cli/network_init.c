/*
 * tamga network init: genesis, and for every member a folder that serves as identity and
 * as a node's configuration. All of it appears at once, or nothing does.
 */
#include "cli/cli.h"

#include <time.h>

#include "cli/network_certs.h"
#include "cli/network_yaml.h"
#include "config/yaml.h"
#include "crypto/key.h"
#include "rules/rules.h"
#include "wire/wire.h"

struct init {
    const char *from;
    const char *out;
};

static const struct argp_option options[] = {
    {"from", 'f', "FILE", 0, "network.yaml: members, models, parameters", 0},
    {"out", 'o', "DIR", 0, "Folder to make; it must not exist, or be empty", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct init *init = state->input;

    switch (key) {
    case 'f':
        init->from = arg;
        return 0;
    case 'o':
        init->out = arg;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is too much: network init takes options only", arg);
        return 0;
    case ARGP_KEY_END:
        if (init->from == NULL)
            argp_error(state, "--from network.yaml is needed");
        else if (init->out == NULL)
            argp_error(state, "--out DIR is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .doc = "Make a network: genesis.tamga, and members/NAME/ with key, genesis and, for nodes, "
           "configuration. Validators make blocks final: all consortium nodes; of the gateways "
           "those that `gateway: {validators: [...]}` names, else all, at most 128. Who decides "
           "later changes: `governance: {voters: [oem, consortium], percent: 67}`, which is what "
           "holds without it."
           "\vExample: tamga network init --from network.yaml --out network",
};

/* Everything that is made on the way; keys are wiped at the end. */
struct network {
    const char *path; /* of network.yaml */
    struct yaml_network *yaml;
    struct tamga_private_key **made; /* one for each member; NULL: it brought its own */
    struct tamga_public_key **brought;
    Tamga__V1__Genesis genesis;
    Tamga__V1__Member *member, **member_list;
    Tamga__V1__PublicKey *key;
    Tamga__V1__Model *model, **model_list;
    Tamga__V1__ChainParams consortium, gateway;
    Tamga__V1__Governance governance;
    char *node[TAMGA_VALIDATORS_MAX], *gateways[TAMGA_VALIDATORS_MAX]; /* validators */
    struct tamga_buf bytes;
    struct tamga_network *loaded;
};

static void network_clear(struct network *network)
{
    for (uint32_t i = 0; network->yaml && i < network->yaml->members_count; i++) {
        if (network->made)
            tamga_private_key_free(network->made[i]);
        if (network->brought)
            tamga_public_key_free(network->brought[i]);
    }
    free(network->made);
    free(network->brought);
    free(network->member);
    free(network->member_list);
    free(network->key);
    free(network->model);
    free(network->model_list);
    tamga_buf_clear(&network->bytes);
    tamga_network_free(network->loaded);
    yaml_network_free(&network->yaml);
}

static enum tamga_err network_reserve(struct network *network)
{
    size_t members = network->yaml->members_count, models = network->yaml->models_count;

    network->made = calloc(members, sizeof *network->made);
    network->brought = calloc(members, sizeof *network->brought);
    network->member = calloc(members, sizeof *network->member);
    network->member_list = calloc(members, sizeof *network->member_list);
    network->key = calloc(members, sizeof *network->key);
    network->model = calloc(models + 1, sizeof *network->model);
    network->model_list = calloc(models + 1, sizeof *network->model_list);
    return network->made && network->brought && network->member && network->member_list &&
                   network->key && network->model && network->model_list
               ? TAMGA_OK
               : TAMGA_E_NO_MEMORY;
}

/* ---- genesis -------------------------------------------------------------------- */

static enum tamga_err take_key(struct network *network, uint32_t index,
                               struct tamga_detail *detail)
{
    const struct yaml_member *member = &network->yaml->members[index];
    char path[TAMGA_PATH_MAX];
    enum tamga_err err;

    if (member->public_key == NULL)
        return tamga_private_key_generate(&network->made[index],
                                          member->key_type
                                              ? (enum tamga_key_type)member->key_type
                                              : TAMGA_KEY_P256);
    err = tamga_path_beside(path, network->path, member->public_key);
    return err == TAMGA_OK ? tamga_public_key_load(&network->brought[index], path, detail) : err;
}

static const struct tamga_public_key *key_of(const struct network *network, uint32_t index)
{
    return network->made[index] ? tamga_private_key_public(network->made[index])
                                : network->brought[index];
}

static enum tamga_err fill_members(struct network *network, struct tamga_detail *detail)
{
    for (uint32_t i = 0; i < network->yaml->members_count; i++) {
        const struct yaml_member *from = &network->yaml->members[i];
        Tamga__V1__Member *to = &network->member[i];
        enum tamga_err err = take_key(network, i, detail);

        if (err != TAMGA_OK)
            return err;
        network->key[i] = tamga_wire_key_of(key_of(network, i));
        tamga__v1__member__init(to);
        to->name = from->name;
        to->roles = yaml_roles(from);
        to->key = &network->key[i];
        network->member_list[i] = to;
    }
    return TAMGA_OK;
}

static void fill_models(struct network *network)
{
    for (uint32_t i = 0; i < network->yaml->models_count; i++) {
        const struct yaml_model *from = &network->yaml->models[i];
        Tamga__V1__Model *to = &network->model[i];

        tamga__v1__model__init(to);
        to->producer = from->producer;
        to->model = from->model;
        to->n_hardware = from->hardware_count;
        to->hardware = from->hardware;
        to->n_providers = from->providers_count;
        to->providers = from->providers;
        network->model_list[i] = to;
    }
}

static void fill_params(struct network *network)
{
    const struct yaml_network *yaml = network->yaml;

    yaml_params_fill(&network->consortium, yaml->consortium, false);
    network->consortium.validators = network->node;
    network->consortium.n_validators = yaml_validators(network->node, yaml, yaml->consortium,
                                                       TAMGA__V1__ROLE__ROLE_CONSORTIUM);
    yaml_params_fill(&network->gateway, yaml->gateway, true);
    network->gateway.validators = network->gateways;
    network->gateway.n_validators = yaml_validators(network->gateways, yaml, yaml->gateway,
                                                    TAMGA__V1__ROLE__ROLE_GATEWAY);
    network->genesis.consortium = &network->consortium;
    network->genesis.gateway = &network->gateway;
}

/* The genesis is judged as every node will judge it before anything is written. */
static enum tamga_err make_genesis(struct network *network, struct tamga_detail *detail)
{
    Tamga__V1__Genesis *genesis = &network->genesis;
    struct tamga_detail why = {""};
    struct timespec now;
    enum tamga_err err = fill_members(network, detail);

    if (err != TAMGA_OK)
        return err;
    fill_models(network);
    clock_gettime(CLOCK_REALTIME, &now);
    tamga__v1__genesis__init(genesis);
    genesis->network = network->yaml->network;
    genesis->time_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    genesis->n_members = network->yaml->members_count;
    genesis->members = network->member_list;
    genesis->n_models = network->yaml->models_count;
    genesis->models = network->model_list;
    fill_params(network);
    if (network->yaml->governance != NULL) {
        yaml_governance_fill(&network->governance, network->yaml->governance);
        genesis->governance = &network->governance;
    }
    err = tamga_wire_pack(&network->bytes, &genesis->base);
    if (err != TAMGA_OK)
        return err;
    err = tamga_network_decode(&network->loaded, tamga_buf_span(&network->bytes), &why);
    if (tamga_err_class(err) == TAMGA_CLASS_REJECT)
        return tamga_yaml_refuse(detail, network->path,
                                 strncmp(why.text, "gateway", 7) == 0      ? "gateway"
                                 : strncmp(why.text, "governance", 10) == 0 ? "governance"
                                 : strncmp(why.text, "consortium", 10) == 0 ? "consortium"
                                                                            : "",
                                 "%.180s", why.text);
    return err;
}

/* ---- a node's configuration -------------------------------------------------------- */

static void write_peers(FILE *out, const struct network *network, const char *key,
                        const struct yaml_member *self, uint32_t role)
{
    bool any = false;

    for (uint32_t i = 0; i < network->yaml->members_count; i++) {
        const struct yaml_member *member = &network->yaml->members[i];

        if (member == self || (yaml_roles(member) & role) == 0)
            continue;
        if (!any)
            fprintf(out, "%s:\n", key);
        any = true;
        fprintf(out, "  - rpc: %s # %s\n    gossip: %s\n", member->rpc, member->name,
                member->gossip);
    }
    if (!any)
        fprintf(out, "%s: []\n", key);
}

/* Of all nodes: one that speaks in plain text would be heard by all others. */
static bool links_are_tls(const struct network *network)
{
    bool any = false;

    for (uint32_t i = 0; i < network->yaml->members_count; i++) {
        const struct yaml_member *member = &network->yaml->members[i];

        if (member->rpc == NULL || member->gossip == NULL)
            continue;
        if (strncmp(member->rpc, "tls+tcp://", 10) != 0 ||
            strncmp(member->gossip, "tls+tcp://", 10) != 0)
            return false;
        any = true;
    }
    return any;
}

static enum tamga_err node_config(struct tamga_buf *out, const struct network *network,
                                  const struct yaml_member *self, bool gateway)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    enum tamga_err err;

    if (file == NULL)
        return TAMGA_E_NO_MEMORY;
    fprintf(file,
            "# Made by `tamga network init`. Relative paths start at this file's folder.\n"
            "name: %s\ngenesis: %s\nkey: %s\ndata: data\nrpc: %s\ngossip: %s\n",
            self->name, TAMGA_IDENTITY_GENESIS, TAMGA_IDENTITY_KEY, self->rpc, self->gossip);
    write_peers(file, network, "peers", self,
                gateway ? TAMGA__V1__ROLE__ROLE_GATEWAY : TAMGA__V1__ROLE__ROLE_CONSORTIUM);
    if (gateway)
        write_peers(file, network, "consortium", self, TAMGA__V1__ROLE__ROLE_CONSORTIUM);
    fprintf(file, links_are_tls(network)
                      ? "tls: {ca: ca.crt, cert: tls.crt, key: tls.key, crl: ca.crl}\n"
                      : "insecure: true # plain tcp\n");
    err = fclose(file) == 0 ? tamga_buf_set(out, tamga_span(text, len)) : TAMGA_E_NO_MEMORY;
    free(text);
    return err;
}

static enum tamga_err write_config(const struct network *network,
                                   const struct cli_folder *folder, uint32_t index,
                                   struct tamga_detail *detail)
{
    const struct yaml_member *member = &network->yaml->members[index];
    uint32_t roles = yaml_roles(member);
    bool gateway = (roles & TAMGA__V1__ROLE__ROLE_GATEWAY) != 0;
    char path[CLI_PATH_MAX];
    TAMGA_BUF text = {0};
    enum tamga_err err;

    if (!gateway && (roles & TAMGA__V1__ROLE__ROLE_CONSORTIUM) == 0)
        return TAMGA_OK;
    err = cli_folder_path(path, folder, detail, "members/%s/%s.yaml", member->name,
                          gateway ? "gateway" : "consortium");
    if (err == TAMGA_OK)
        err = node_config(&text, network, member, gateway);
    return err == TAMGA_OK ? cli_file_write(path, tamga_buf_span(&text), detail) : err;
}

/* ---- folders --------------------------------------------------------------------- */

static enum tamga_err write_keys(const struct network *network,
                                 const struct cli_folder *folder, uint32_t index,
                                 struct tamga_detail *detail)
{
    const char *name = network->yaml->members[index].name;
    char path[CLI_PATH_MAX];
    enum tamga_err err = TAMGA_OK;

    if (network->made[index] != NULL) {
        err = cli_folder_path(path, folder, detail, "members/%s/%s", name, TAMGA_IDENTITY_KEY);
        if (err == TAMGA_OK)
            err = tamga_private_key_save(network->made[index], path, NULL, detail);
    }
    if (err == TAMGA_OK)
        err = cli_folder_path(path, folder, detail, "members/%s/key.pub", name);
    return err == TAMGA_OK ? tamga_public_key_save(key_of(network, index), path, detail) : err;
}

static enum tamga_err write_member(const struct network *network,
                                   const struct cli_folder *folder, uint32_t index,
                                   struct tamga_detail *detail)
{
    const char *name = network->yaml->members[index].name;
    char path[CLI_PATH_MAX];
    enum tamga_err err = cli_folder_path(path, folder, detail, "members/%s", name);

    if (err == TAMGA_OK)
        err = cli_folder_make(path, detail);
    if (err == TAMGA_OK)
        err = write_keys(network, folder, index, detail);
    if (err == TAMGA_OK)
        err = cli_folder_path(path, folder, detail, "members/%s/%s", name,
                              TAMGA_IDENTITY_GENESIS);
    if (err == TAMGA_OK)
        err = cli_file_write(path, tamga_buf_span(&network->bytes), detail);
    return err == TAMGA_OK ? write_config(network, folder, index, detail) : err;
}

static enum tamga_err write_all(const struct network *network, const char *out,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(cli_folder_abandon) struct cli_folder folder = {{0}, {0}};
    char path[CLI_PATH_MAX];
    enum tamga_err err = cli_folder_begin(&folder, out, detail);

    if (err == TAMGA_OK)
        err = cli_folder_path(path, &folder, detail, "%s", TAMGA_IDENTITY_GENESIS);
    if (err == TAMGA_OK)
        err = cli_file_write(path, tamga_buf_span(&network->bytes), detail);
    if (err == TAMGA_OK)
        err = cli_folder_path(path, &folder, detail, "members");
    if (err == TAMGA_OK)
        err = cli_folder_make(path, detail);
    for (uint32_t i = 0; i < network->yaml->members_count && err == TAMGA_OK; i++)
        err = write_member(network, &folder, i, detail);
    if (err == TAMGA_OK)
        err = network_certs_write(&folder, network->loaded,
                                  (int64_t)(network->genesis.time_ms / 1000), detail);
    return err == TAMGA_OK ? cli_folder_commit(&folder, detail) : err;
}

/* ---- result ---------------------------------------------------------------------- */

static enum tamga_err show_json(const struct network *network, const char *out,
                                Tamga__V1__NetworkInitResult *view)
{
    size_t count = network->loaded->member_count;
    struct text {
        char address[TAMGA_HEX_CHARS], folder[CLI_PATH_MAX];
        char *roles[4];
    } *text = calloc(count, sizeof *text);
    Tamga__V1__MemberView *member = calloc(count, sizeof *member);
    Tamga__V1__MemberView **list = calloc(count, sizeof *list);
    enum tamga_err err = text && member && list ? TAMGA_OK : TAMGA_E_NO_MEMORY;

    for (size_t i = 0; i < count && err == TAMGA_OK; i++) {
        const struct tamga_member *from = &network->loaded->member[i];

        tamga__v1__member_view__init(&member[i]);
        member[i].name = (char *)(uintptr_t)from->name;
        member[i].n_roles = cli_roles(text[i].roles, from->roles);
        member[i].roles = text[i].roles;
        member[i].address =
            (char *)(uintptr_t)cli_hex(text[i].address, from->address.hash.byte);
        snprintf(text[i].folder, sizeof text[i].folder, "%s/members/%s", out, from->name);
        member[i].folder = text[i].folder;
        list[i] = &member[i];
    }
    view->n_members = count;
    view->members = list;
    if (err == TAMGA_OK)
        err = cli_json(&view->base);
    free(list);
    free(member);
    free(text);
    return err;
}

static enum tamga_err show(const struct cli *cli, const struct network *network,
                           const char *out)
{
    Tamga__V1__NetworkInitResult view = TAMGA__V1__NETWORK_INIT_RESULT__INIT;
    char id[TAMGA_HEX_CHARS], consortium[TAMGA_HEX_CHARS], gateway[TAMGA_HEX_CHARS];
    char genesis[CLI_PATH_MAX];
    struct tamga_chain chain, records;
    enum tamga_err err = tamga_chain_init(&chain, &tamga_rules_consortium, network->loaded);

    if (err == TAMGA_OK)
        err = tamga_chain_init(&records, &tamga_rules_gateway, network->loaded);
    if (err != TAMGA_OK)
        return err;
    view.network = network->yaml->network;
    view.network_id = (char *)(uintptr_t)cli_hex(id, network->loaded->id.hash.byte);
    view.consortium_chain = (char *)(uintptr_t)cli_hex(consortium, chain.id.hash.byte);
    view.gateway_chain = (char *)(uintptr_t)cli_hex(gateway, records.id.hash.byte);
    snprintf(genesis, sizeof genesis, "%s/%s", out, TAMGA_IDENTITY_GENESIS);
    view.genesis = genesis;
    if (cli->json)
        return show_json(network, out, &view);
    printf("network \"%s\" with %zu members\n  network id        %s\n", view.network,
           network->loaded->member_count, id);
    printf("  consortium chain  %s\n  gateway chain     %s\n", consortium, gateway);
    printf("  genesis           %s\n  identities        %s/members/NAME\n", genesis, out);
    return cli_flush();
}

int cli_network_init(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(network_clear) struct network network = {0};
    struct tamga_detail detail = {""};
    struct init init = {0};
    enum tamga_err err;

    cli_parse(cli, &argp, argc, argv, &init);
    network.path = init.from;
    err = yaml_network_load(&network.yaml, init.from, &detail);
    if (err == TAMGA_OK)
        err = network_reserve(&network);
    if (err == TAMGA_OK)
        err = make_genesis(&network, &detail);
    if (err == TAMGA_OK)
        err = write_all(&network, init.out, &detail);
    if (err == TAMGA_OK)
        err = show(cli, &network, init.out);
    return cli_fail(err, &detail);
}
