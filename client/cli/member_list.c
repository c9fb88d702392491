/* tamga member list: who is a member, by which key and since when. */
#include "cli/cli.h"

struct listing {
    const struct cli *cli;
    uint64_t height; /* 0: the next block's */
    uint64_t shown;  /* that it was */
    bool all;
    size_t count;
};

enum { OPT_AT = 1, OPT_ALL };

static const struct argp_option options[] = {
    {"at", OPT_AT, "HEIGHT", 0, "At this height (default: of the next block)", 0},
    {"all", OPT_ALL, NULL, 0, "Every key that anybody ever had, and how it ended", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct listing *listing = state->input;

    switch (key) {
    case OPT_AT:
        listing->height = cli_number(state, "--at", arg, 1, INT64_MAX);
        return 0;
    case OPT_ALL:
        listing->all = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is too much: this lists all members", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .doc = "List the members: roles, key, since which height; and who makes blocks of the "
           "consortium chain final. It is proved by the state that a quorum of validators has "
           "cosigned; before the first checkpoint it is what genesis says."
           "\vExample: tamga member list --all",
};

static void print(const struct tamga_member_info *member, const Tamga__V1__TermView *view)
{
    char roles[48] = "", until[48] = "";
    size_t len = 0;

    for (size_t i = 0; i < view->n_roles; i++)
        len += (size_t)snprintf(roles + len, sizeof roles - len, "%s%s", i > 0 ? "," : "",
                                view->roles[i]);
    if (member->until > 0)
        snprintf(until, sizeof until, "%s at %" PRIu64, member->ending, member->until);
    printf("%-20s %-20s %-9s %8" PRIu64 "  %-22s %-8s %s\n", member->name, roles,
           member->validator ? "yes" : "", member->from, until, member->key_type,
           view->address);
}

static enum tamga_err each(void *context, const struct tamga_member_info *member)
{
    struct listing *listing = context;
    Tamga__V1__TermView view = TAMGA__V1__TERM_VIEW__INIT;
    char address[TAMGA_HEX_CHARS], *role[4];

    view.name = (char *)(uintptr_t)member->name;
    view.n_roles = cli_roles(role, member->roles);
    view.roles = role;
    view.address = (char *)(uintptr_t)cli_hex(address, member->address);
    view.key_type = (char *)(uintptr_t)member->key_type;
    view.from = member->from;
    view.until = member->until;
    view.ending = (char *)(uintptr_t)member->ending;
    view.holds = member->holds;
    view.validator = member->validator;
    view.height = member->height;
    if (listing->cli->json)
        return cli_json(&view.base);
    listing->shown = member->height;
    if (listing->count++ == 0)
        printf("%-20s %-20s %-9s %8s  %-22s %-8s %s\n", "MEMBER", "ROLES", "VALIDATOR", "SINCE",
               "ENDS", "KEY", "ADDRESS");
    print(member, &view);
    return cli_flush();
}

int cli_member_list(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct listing listing = {.cli = cli};
    struct tamga_detail detail = {""};
    enum tamga_err err;

    cli_parse(cli, &argp, argc, argv, &listing);
    err = cli_open(cli, &client, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_members(client, listing.height, listing.all, each, &listing, &detail);
    if (err == TAMGA_OK && listing.count > 0)
        printf("as of height %" PRIu64 "; who begins after it, is decided and yet to come\n",
               listing.shown);
    return cli_fail(err == TAMGA_OK ? cli_flush() : err, &detail);
}
