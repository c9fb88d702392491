/* tamga status: what every named node says of every chain that it holds. */
#include "cli/cli.h"

#include "link/proof.h"

#define ASK_MS 5000

static error_t parse(int key, char *arg, struct argp_state *state)
{
    if (key != ARGP_KEY_ARG)
        return ARGP_ERR_UNKNOWN;
    argp_error(state, "\"%s\" is too much; name nodes by --node", arg);
    return 0;
}

static const struct argp argp = {
    .parser = parse,
    .doc = "Show what every node that --node names says of the chains that it holds. It is "
           "signed by the node, and no more than its word."
           "\vExample: tamga --node tcp://127.0.0.1:7101 --genesis genesis.tamga status",
};

static void show(const struct cli *cli, const char *addr, const struct tamga_chain *chain,
                 const Tamga__V1__StatusBody *status, bool *any)
{
    Tamga__V1__StatusView view = TAMGA__V1__STATUS_VIEW__INIT;
    const struct tamga_member *member;
    struct tamga_address node;
    char tip[TAMGA_HEX_CHARS], work[TAMGA_HEX_CHARS], time[CLI_TIME_MAX];
    char *roles[4];

    memcpy(node.hash.byte, status->node.data, TAMGA_HASH_BYTES);
    member = tamga_network_member(chain->network, &node); /* tamga_status_open has checked */
    view.node = (char *)(uintptr_t)addr;
    view.name = (char *)(uintptr_t)member->name;
    view.n_roles = cli_roles(roles, member->roles);
    view.roles = roles;
    view.chain = (char *)(uintptr_t)chain->rules->name;
    view.height = status->height;
    view.tip = (char *)(uintptr_t)cli_hex(tip, status->tip.data);
    view.work = (char *)(uintptr_t)cli_hex(work, status->work.data);
    view.pending = status->pending;
    view.time = (char *)(uintptr_t)cli_time(time, status->time_ms);
    if (cli->json) {
        if (cli_json(&view.base) != TAMGA_OK)
            return;
    } else {
        if (!*any)
            printf("%-12s %-11s %8s %8s  %-24s %-16s  %s\n", "NAME", "CHAIN", "HEIGHT",
                   "PENDING", "TIME", "TIP", "NODE");
        printf("%-12s %-11s %8" PRIu64 " %8" PRIu64 "  %-24s %.16s  %s\n", view.name,
               view.chain, view.height, view.pending, view.time, view.tip, addr);
    }
    *any = true;
}

static enum tamga_err ask(const struct cli *cli, struct tamga_session *session, size_t index,
                          const struct tamga_chain *chain, bool *any,
                          struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StatusBody *status = NULL;
    Tamga__V1__GetStatusRequest request = TAMGA__V1__GET_STATUS_REQUEST__INIT;
    uint32_t ask_ms = cli->timeout_ms && cli->timeout_ms < ASK_MS ? cli->timeout_ms : ASK_MS;
    enum tamga_err err;

    request.chain = tamga_wire_bytes(tamga_hash_span(&chain->id.hash));
    err = tamga_session_ask(session, index, &answer, &tamga__v1__chain_service__descriptor,
                            "GetStatus", &request.base, ask_ms, detail);
    if (err == TAMGA_OK)
        err = tamga_status_open(&status, chain,
                                ((const Tamga__V1__GetStatusResponse *)answer)->status, detail);
    if (err == TAMGA_OK)
        show(cli, tamga_session_addr(session, index), chain, status, any);
    return err;
}

/* Both chains of one node; a chain that it does not hold is no failure, two are. */
static enum tamga_err ask_node(const struct cli *cli, struct tamga_client *client,
                               size_t index, bool *any, struct tamga_detail *detail)
{
    const struct tamga_chain *chain[] = {&client->consortium, &client->gateway};
    enum tamga_err err = TAMGA_OK;
    unsigned held = 0;

    for (size_t i = 0; i < 2; i++) {
        err = ask(cli, client->releases, index, chain[i], any, detail);
        held += err == TAMGA_OK;
        if (err != TAMGA_OK && err != TAMGA_E_WRONG_CHAIN && err != TAMGA_E_NOT_FOUND)
            return err;
    }
    if (held > 0)
        return TAMGA_OK;
    return tamga_refuse(detail, TAMGA_E_WRONG_CHAIN, "%.120s holds no chain of this network",
                        tamga_session_addr(client->releases, index));
}

int cli_status(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct tamga_detail detail = {""};
    bool any = false;
    int code = CLI_DONE;
    enum tamga_err err;

    cli_parse(cli, &argp, argc, argv, NULL);
    err = cli_open(cli, &client, &detail);
    if (err != TAMGA_OK)
        return cli_fail(err, &detail);
    for (size_t i = 0; i < tamga_session_count(client->releases); i++) {
        err = ask_node(cli, client, i, &any, &detail);
        if (err != TAMGA_OK)
            code = cli_fail(err, &detail); /* the others are asked all the same */
    }
    err = cli_flush();
    return err != TAMGA_OK ? cli_fail(err, NULL) : code;
}
