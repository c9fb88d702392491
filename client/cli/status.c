/* tamga status: what every named node says of every chain that it holds. */
#include "cli/cli.h"

#include "link/finality.h"
#include "link/proof.h"
#include "link/state.h"

#define ASK_MS 5000

/* What a node says of a chain, and what of it was verified here. */
struct told {
    const char *addr;
    const struct tamga_chain *chain;
    const Tamga__V1__StatusBody *status;
    struct tamga_cosigned cosigned; /* height 0: no checkpoint yet */
    size_t conflict_count;
    struct tamga_contradiction conflict[TAMGA_VALIDATORS_MAX];
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    if (key != ARGP_KEY_ARG)
        return ARGP_ERR_UNKNOWN;
    argp_error(state, "\"%s\" is too much; name nodes by --node", arg);
    return 0;
}

static const struct argp argp = {
    .parser = parse,
    .doc = "Show what every node that --node names says of the chains that it holds. Height, "
           "justified and final are signed by the node, and no more than its word; the "
           "checkpoint's cosignatures are verified here, and so is the evidence against "
           "validators who contradicted themselves."
           "\vExample: tamga --node tcp://127.0.0.1:7101 --genesis genesis.tamga status",
};

/* ---- shown ----------------------------------------------------------------------- */

static void print_conflict(const Tamga__V1__ConflictView *view)
{
    if (view->first_target == view->second_target)
        printf("  %s contradicted itself: two votes for height %" PRIu64 "\n", view->validator,
               view->first_target);
    else
        printf("  %s contradicted itself: a vote from %" PRIu64 " to %" PRIu64
               " around one from %" PRIu64 " to %" PRIu64 "\n",
               view->validator, view->first_source, view->first_target, view->second_source,
               view->second_target);
}

static void print(const Tamga__V1__StatusView *view, bool first)
{
    if (first)
        printf("%-12s %-11s %8s %9s %8s %10s %8s  %-24s %-16s  %-16s  %s\n", "NAME", "CHAIN",
               "HEIGHT", "JUSTIFIED", "FINAL", "CHECKPOINT", "PENDING", "TIME", "TIP",
               "FINAL BLOCK", "NODE");
    printf("%-12s %-11s %8" PRIu64 " %9" PRIu64 " %8" PRIu64 " %10" PRIu64 " %8" PRIu64
           "  %-24s %-16.16s  %-16.16s  %s\n",
           view->name, view->chain, view->height, view->justified_height, view->final_height,
           view->checkpoint_height, view->pending, view->time, view->tip, view->final,
           view->node);
    for (size_t i = 0; i < view->n_conflicts; i++)
        print_conflict(view->conflicts[i]);
}

/* The vote that lies around the other is told first. */
static void conflict_view(Tamga__V1__ConflictView *view,
                          const struct tamga_contradiction *conflict)
{
    bool swap = conflict->second.source.height < conflict->first.source.height;
    const struct tamga_link *first = swap ? &conflict->second : &conflict->first;
    const struct tamga_link *second = swap ? &conflict->first : &conflict->second;

    tamga__v1__conflict_view__init(view);
    view->validator = (char *)(uintptr_t)conflict->name;
    view->rule = (char *)(uintptr_t)tamga_err_name(conflict->rule);
    view->first_source = first->source.height;
    view->first_target = first->target.height;
    view->second_source = second->source.height;
    view->second_target = second->target.height;
}

/* An id that a node of an older version leaves out is an empty text. */
static char *hex_of(char out[TAMGA_HEX_CHARS], ProtobufCBinaryData id)
{
    out[0] = '\0';
    return (char *)(uintptr_t)(id.len == TAMGA_HASH_BYTES ? cli_hex(out, id.data) : out);
}

/* The view's texts and lists; they must not move. */
struct texts {
    char tip[TAMGA_HEX_CHARS], work[TAMGA_HEX_CHARS], final[TAMGA_HEX_CHARS];
    char justified[TAMGA_HEX_CHARS], checkpoint[TAMGA_HEX_CHARS], time[CLI_TIME_MAX];
    char *roles[4];
    Tamga__V1__ConflictView conflict[TAMGA_VALIDATORS_MAX], *conflicts[TAMGA_VALIDATORS_MAX];
};

/* What the node signed. */
static void view_status(Tamga__V1__StatusView *view, struct texts *texts,
                        const struct told *told)
{
    const Tamga__V1__StatusBody *status = told->status;
    const struct tamga_member *member;
    struct tamga_address node;

    memcpy(node.hash.byte, status->node.data, TAMGA_HASH_BYTES);
    member = tamga_network_member(told->chain->network, &node); /* tamga_status_open checked */
    view->node = (char *)(uintptr_t)told->addr;
    view->name = (char *)(uintptr_t)member->name;
    view->n_roles = cli_roles(texts->roles, member->roles);
    view->roles = texts->roles;
    view->chain = (char *)(uintptr_t)told->chain->rules->name;
    view->height = status->height;
    view->tip = hex_of(texts->tip, status->tip);
    view->work = hex_of(texts->work, status->work);
    view->pending = status->pending;
    view->time = (char *)(uintptr_t)cli_time(texts->time, status->time_ms);
    view->final_height = status->final_height;
    view->final = hex_of(texts->final, status->final);
    view->justified_height = status->justified_height;
    view->justified = hex_of(texts->justified, status->justified);
}

/* What was verified here. */
static void view_finality(Tamga__V1__StatusView *view, struct texts *texts,
                          const struct told *told)
{
    const struct tamga_point *at = &told->cosigned.checkpoint.at;

    view->validators = tamga_council_size(told->chain->council, at->height);
    view->cosigners = (uint32_t)told->cosigned.count;
    view->checkpoint_height = at->height;
    if (told->cosigned.count > 0)
        view->checkpoint = (char *)(uintptr_t)cli_hex(texts->checkpoint, at->id.hash.byte);
    for (size_t i = 0; i < told->conflict_count; i++) {
        conflict_view(&texts->conflict[i], &told->conflict[i]);
        texts->conflicts[i] = &texts->conflict[i];
    }
    view->n_conflicts = told->conflict_count;
    view->conflicts = texts->conflicts;
}

static enum tamga_err show(const struct cli *cli, const struct told *told, bool first)
{
    Tamga__V1__StatusView view = TAMGA__V1__STATUS_VIEW__INIT;
    struct texts texts;

    view_status(&view, &texts, told);
    view_finality(&view, &texts, told);
    if (cli->json)
        return cli_json(&view.base);
    print(&view, first);
    return TAMGA_OK;
}

/* ---- asked ----------------------------------------------------------------------- */

static uint32_t ask_ms(const struct cli *cli)
{
    return cli->timeout_ms && cli->timeout_ms < ASK_MS ? cli->timeout_ms : ASK_MS;
}

static enum tamga_err judge_finality(struct told *told,
                                     const Tamga__V1__GetFinalityResponse *response,
                                     struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_OK;

    if (response->checkpoint != NULL)
        err = tamga_cosigned_open(&told->cosigned, told->chain, response->checkpoint, detail);
    for (size_t i = 0; i < response->n_conflicts && err == TAMGA_OK; i++) {
        if (i == TAMGA_VALIDATORS_MAX)
            break; /* as many as there can be validators; the wire allows no more either */
        err = tamga_contradiction_open(&told->conflict[i], told->chain, response->conflicts[i],
                                       detail);
        told->conflict_count += err == TAMGA_OK;
    }
    return err;
}

/* Checkpoint and evidence. Votes are of no use here: none has a target above all heights. */
static enum tamga_err ask_finality(const struct cli *cli, struct tamga_session *session,
                                   size_t index, struct told *told,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    Tamga__V1__GetFinalityRequest request = TAMGA__V1__GET_FINALITY_REQUEST__INIT;
    enum tamga_err err;

    request.chain = tamga_wire_bytes(tamga_hash_span(&told->chain->id.hash));
    request.above = UINT64_MAX;
    err = tamga_session_ask(session, index, &answer, &tamga__v1__finality_service__descriptor,
                            "GetFinality", &request.base, ask_ms(cli), detail);
    if (err == TAMGA_OK)
        err = judge_finality(told, (const Tamga__V1__GetFinalityResponse *)answer, detail);
    return err;
}

/* What a node signed is shown, even if what it shows besides is false. */
static enum tamga_err ask(const struct cli *cli, struct tamga_session *session, size_t index,
                          const struct tamga_chain *chain, bool *any,
                          struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StatusBody *status = NULL;
    Tamga__V1__GetStatusRequest request = TAMGA__V1__GET_STATUS_REQUEST__INIT;
    struct told told = {.addr = tamga_session_addr(session, index), .chain = chain};
    enum tamga_err err, shown;

    request.chain = tamga_wire_bytes(tamga_hash_span(&chain->id.hash));
    err = tamga_session_ask(session, index, &answer, &tamga__v1__chain_service__descriptor,
                            "GetStatus", &request.base, ask_ms(cli), detail);
    if (err == TAMGA_OK)
        err = tamga_status_open(&status, chain,
                                ((const Tamga__V1__GetStatusResponse *)answer)->status, detail);
    if (err != TAMGA_OK)
        return err;
    told.status = status;
    err = ask_finality(cli, session, index, &told, detail);
    if (tamga_may_be_later(err) && tamga_councils_fetch(session, chain, NULL) == TAMGA_OK)
        err = ask_finality(cli, session, index, &told, detail);
    shown = show(cli, &told, !*any);
    *any = true;
    return err != TAMGA_OK ? err : shown;
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
        if (err == TAMGA_E_NOT_MEMBER && tamga_client_learn(client, NULL) == TAMGA_OK)
            err = ask(cli, client->releases, index, chain[i], any, detail); /* it came later */
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
