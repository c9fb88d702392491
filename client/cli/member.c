/*
 * tamga member add, suspend, ... and tamga propose: a change is put together, proposed, and
 * shown with what it would change. One table says what each command takes and means.
 */
#include "cli/member.h"

enum {
    OPT_ROLE = 1,
    OPT_KEY,
    OPT_VALIDATOR,
    OPT_SEAT,
    OPT_UNSEAT,
    OPT_STANDING,
    OPT_REVOKE,
    OPT_AFTER,
    OPT_REASON,
    OPT_EXPIRES,
    OPT_AGE,
    OPT_ENTRIES,
    OPT_BYTES,
};

#define ROLE_OPTION                                                                      \
    {"role", OPT_ROLE, "ROLE,...", 0,                                                    \
     "oem, provider, consortium or gateway; a gateway has no other role", 0}
#define KEY_OPTION                                                                       \
    {"key", OPT_KEY, "FILE.pub", 0, "The member's public key, as `tamga keygen` wrote it", 0}

static const struct argp_option add_options[] = {
    ROLE_OPTION,
    KEY_OPTION,
    {"validator", OPT_VALIDATOR, NULL, 0,
     "It makes blocks of the consortium chain final, too (role consortium)", 0},
    {0},
};
static const struct argp_option revoke_options[] = {
    {"key", OPT_KEY, "FILE.pub", 0,
     "Give it this key at once; without one it is suspended until it has another", 0},
    {0},
};
static const struct argp_option reinstate_options[] = {
    {"key", OPT_KEY, "FILE.pub", 0,
     "With this key; needed if the former one was revoked", 0},
    {0},
};
static const struct argp_option role_options[] = {ROLE_OPTION, {0}};
static const struct argp_option seat_options[] = {
    {"seat", OPT_SEAT, NULL, 0, "It becomes a validator", 0},
    {"unseat", OPT_UNSEAT, NULL, 0, "It is one no more", 0},
    {0},
};
static const struct argp_option member_options[] = {
    {"standing", OPT_STANDING, "active|suspended|removed", 0, "What it is to be", 0},
    ROLE_OPTION,
    KEY_OPTION,
    {"revoke-key", OPT_REVOKE, NULL, 0, "The key that it has is lost or stolen", 0},
    {"seat", OPT_SEAT, NULL, 0, "It becomes a validator", 0},
    {"unseat", OPT_UNSEAT, NULL, 0, "It is one no more", 0},
    {0},
};
static const struct argp_option params_options[] = {
    {"entry-age", OPT_AGE, "MS", 0, "How old a transaction may be that enters a block", 0},
    {"block-entries", OPT_ENTRIES, "N", 0, "Entries of a block, at most", 0},
    {"block-bytes", OPT_BYTES, "N", 0, "Bytes of a block, at most", 0},
    {0},
};

/* ---- what all of them take --------------------------------------------------------- */

static const struct argp_option proposal_options[] = {
    {"after", OPT_AFTER, "BLOCKS", 0,
     "Holds from so many blocks after the one that decides it, 1..1000 (default 2)", 70},
    {"reason", OPT_REASON, "TEXT", 0, "Why, for those who decide", 70},
    {"expires", OPT_EXPIRES, "DURATION", 0,
     "Can be decided for so long: 90s, 30m, 12h, 7d (the default); at most 90d", 70},
    {0},
};

static error_t parse_proposal(int key, char *arg, struct argp_state *state)
{
    struct cli_change *change = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &change->say;
        return 0;
    case OPT_AFTER:
        change->propose.after = (uint32_t)cli_number(state, "--after", arg, 1, 1000);
        return 0;
    case OPT_REASON:
        change->propose.reason = arg;
        return 0;
    case OPT_EXPIRES:
        change->expires_in_ms = cli_duration_ms(state, "--expires", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child proposal_children[] = {{&cli_say_argp, 0, NULL, 0}, {0}};
static const struct argp proposal_argp = {.options = proposal_options,
                                          .parser = parse_proposal,
                                          .children = proposal_children};

static enum tamga_client_standing parse_standing(struct argp_state *state, const char *arg)
{
    if (strcmp(arg, "active") == 0)
        return TAMGA_STANDS_ACTIVE;
    if (strcmp(arg, "suspended") == 0)
        return TAMGA_STANDS_SUSPENDED;
    if (strcmp(arg, "removed") != 0)
        argp_error(state, "--standing is \"%s\"; accepted are active, suspended and removed", arg);
    return TAMGA_STANDS_REMOVED;
}

static error_t parse_end(const struct cli_change *change, struct argp_state *state)
{
    const struct tamga_member_proposal *member = &change->member;
    const struct tamga_params_proposal *params = &change->params;

    if (change->kind->params) {
        if (params->entry_age_max_ms == 0 && params->block_entries_max == 0 &&
            params->block_bytes_max == 0)
            argp_error(state, "which parameter? --entry-age, --block-entries or --block-bytes");
        return 0;
    }
    if (member->name == NULL)
        argp_error(state, "which member? NAME");
    else if ((change->kind->needs & NEEDS_ROLE) != 0 && member->roles == 0)
        argp_error(state, "--role is needed");
    else if ((change->kind->needs & NEEDS_KEY) != 0 && member->key_file == NULL)
        argp_error(state, "--key FILE.pub is needed");
    else if ((change->kind->needs & NEEDS_SEAT) != 0 && member->seat == TAMGA_SITS_AS_IS)
        argp_error(state, "--seat or --unseat?");
    return 0;
}

static error_t parse_member(int key, char *arg, struct argp_state *state,
                            struct tamga_member_proposal *member)
{
    switch (key) {
    case OPT_ROLE:
        member->roles = cli_roles_of(state, "--role", arg);
        return 0;
    case OPT_KEY:
        member->key_file = arg;
        return 0;
    case OPT_VALIDATOR:
    case OPT_SEAT:
        member->seat = TAMGA_SITS;
        return 0;
    case OPT_UNSEAT:
        member->seat = TAMGA_SITS_NO_MORE;
        return 0;
    case OPT_STANDING:
        member->standing = parse_standing(state, arg);
        return 0;
    case OPT_REVOKE:
        member->revoke_key = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct cli_change *change = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = change;
        return 0;
    case OPT_AGE:
        change->params.entry_age_max_ms =
            cli_number(state, "--entry-age", arg, 1000, 31622400000);
        return 0;
    case OPT_ENTRIES:
        change->params.block_entries_max =
            (uint32_t)cli_number(state, "--block-entries", arg, 1, 65536);
        return 0;
    case OPT_BYTES:
        change->params.block_bytes_max =
            (uint32_t)cli_number(state, "--block-bytes", arg, 131072, 2097152);
        return 0;
    case ARGP_KEY_ARG:
        if (change->kind->params || change->member.name != NULL)
            argp_error(state, "\"%s\" is too much", arg);
        change->member.name = arg;
        return 0;
    case ARGP_KEY_END:
        return parse_end(change, state);
    default:
        return parse_member(key, arg, state, &change->member);
    }
}

/* ---- a change, proposed ------------------------------------------------------------- */

static uint64_t expiry(uint64_t in_ms)
{
    return in_ms == 0 ? 0 : cli_now_ms() + in_ms;
}

int cli_change_propose(struct cli *cli, struct cli_change *change)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct tamga_submit_result result = {0};
    struct tamga_detail detail = {""};
    struct cli_said said = {.action = "propose", .proposal = result.tx_id};
    enum tamga_err err = cli_say_open(cli, &change->say, &client, &detail);

    said.sentence = change->kind->sentence;
    if (change->kind->params)
        change->propose.params = &change->params;
    else
        change->propose.member = &change->member;
    change->propose.expires_ms = expiry(change->expires_in_ms);
    if (err == TAMGA_OK)
        err = tamga_client_propose(client, &change->propose, &change->say.options, &result,
                                   &detail);
    return cli_say_end(cli, &change->say, client, &said, err, &result, &detail);
}

static int run(struct cli *cli, int argc, char **argv, const struct cli_change_kind *kind)
{
    static const struct argp_child children[] = {{&proposal_argp, 0, NULL, 0}, {0}};
    const struct argp argp = {.options = kind->options,
                              .parser = parse,
                              .args_doc = kind->params ? NULL : "NAME",
                              .doc = kind->doc,
                              .children = children};
    struct cli_change change = {.kind = kind,
                                .say = {.options = {.wait = TAMGA_WAIT_FINAL}},
                                .member = {.standing = kind->standing,
                                           .revoke_key = kind->revokes}};

    cli_parse(cli, &argp, argc, argv, &change);
    return cli_change_propose(cli, &change);
}

/* ---- the commands -------------------------------------------------------------------- */

#define QUORUM                                                                           \
    " The change is proposed, which is your approval too; it is made when a quorum of "  \
    "voters has approved it (`tamga approve`), and holds some blocks later."

int cli_member_add(struct cli *cli, int argc, char **argv)
{
    static const struct cli_change_kind kind = {
        .options = add_options,
        .sentence = "a new member is proposed",
        .standing = TAMGA_STANDS_ACTIVE,
        .needs = NEEDS_ROLE | NEEDS_KEY,
        .doc = "Propose that NAME becomes a member, with a key that it made itself and "
               "keeps." QUORUM
               "\vExample: tamga member add newco --role oem --key newco.pem.pub --reason 'joins'"};

    return run(cli, argc, argv, &kind);
}

int cli_member_suspend(struct cli *cli, int argc, char **argv)
{
    static const struct cli_change_kind kind = {
        .sentence = "a suspension is proposed",
        .standing = TAMGA_STANDS_SUSPENDED,
        .doc = "Propose that NAME may do nothing until it is reinstated." QUORUM
               "\vExample: tamga member suspend softco --reason 'under audit'"};

    return run(cli, argc, argv, &kind);
}

int cli_member_reinstate(struct cli *cli, int argc, char **argv)
{
    static const struct cli_change_kind kind = {
        .options = reinstate_options,
        .sentence = "a reinstatement is proposed",
        .standing = TAMGA_STANDS_ACTIVE,
        .doc = "Propose that NAME, which is suspended, is active again." QUORUM
               "\vExample: tamga member reinstate softco"};

    return run(cli, argc, argv, &kind);
}

int cli_member_remove(struct cli *cli, int argc, char **argv)
{
    static const struct cli_change_kind kind = {
        .sentence = "a removal is proposed",
        .standing = TAMGA_STANDS_REMOVED,
        .doc = "Propose that NAME leaves for good: the name is never used again. What it signed "
               "before stays valid." QUORUM "\vExample: tamga member remove softco"};

    return run(cli, argc, argv, &kind);
}

int cli_member_revoke(struct cli *cli, int argc, char **argv)
{
    static const struct cli_change_kind kind = {
        .options = revoke_options,
        .sentence = "a revocation is proposed",
        .revokes = true,
        .doc = "Propose that NAME's key, which is lost or stolen, counts no more. Without "
               "another key it is suspended; `tamga member rotate-key NAME --key` gives it one "
               "later." QUORUM
               "\vExample: tamga member revoke newco --reason 'laptop stolen' --after 1"};

    return run(cli, argc, argv, &kind);
}

int cli_member_roles(struct cli *cli, int argc, char **argv)
{
    static const struct cli_change_kind kind = {
        .options = role_options,
        .sentence = "other roles are proposed",
        .needs = NEEDS_ROLE,
        .doc = "Propose what NAME may do; all of its roles are stated." QUORUM
               "\vExample: tamga member roles softco --role oem,provider"};

    return run(cli, argc, argv, &kind);
}

int cli_member_validator(struct cli *cli, int argc, char **argv)
{
    static const struct cli_change_kind kind = {
        .options = seat_options,
        .sentence = "a change of validators is proposed",
        .needs = NEEDS_SEAT,
        .doc = "Propose that NAME makes blocks of the consortium chain final, or does so no "
               "more. It has to run a consortium node; validators change one at a time." QUORUM
               "\vExample: tamga member validator node-d --seat"};

    return run(cli, argc, argv, &kind);
}

int cli_propose_member(struct cli *cli, int argc, char **argv)
{
    static const struct cli_change_kind kind = {
        .options = member_options,
        .sentence = "a change of a member is proposed",
        .doc = "Propose any change of a member; what is left out stays as it is. The commands "
               "`tamga member ...` say the usual ones shortly." QUORUM
               "\vExample: tamga propose member node-d --standing active --role consortium "
               "--key node-d.pub --seat"};

    return run(cli, argc, argv, &kind);
}

int cli_propose_params(struct cli *cli, int argc, char **argv)
{
    static const struct cli_change_kind kind = {
        .options = params_options,
        .sentence = "other parameters are proposed",
        .params = true,
        .doc = "Propose other parameters of the consortium chain. Blocks can become smaller "
               "than genesis says, and as large again, never larger." QUORUM
               "\vExample: tamga propose params --block-entries 2048"};

    return run(cli, argc, argv, &kind);
}
