/* A change of members or parameters as the command line states it. */
#ifndef TAMGA_CLI_MEMBER_H
#define TAMGA_CLI_MEMBER_H

#include "cli/cli.h"

enum { NEEDS_ROLE = 1, NEEDS_KEY = 2, NEEDS_SEAT = 4 };

/* What a command takes and means. */
struct cli_change_kind {
    const struct argp_option *options; /* NULL: none of its own (an empty list leaks in argp) */
    const char *doc, *sentence;
    enum tamga_client_standing standing;
    unsigned needs;
    bool revokes;
    bool params; /* it is about the chain's parameters, not a member */
};
struct cli_change {
    const struct cli_change_kind *kind;
    struct cli_say say;
    struct tamga_propose_options propose;
    struct tamga_member_proposal member;
    struct tamga_params_proposal params;
    uint64_t expires_in_ms; /* 0: the default */
};
/* Propose it and show what became of it; the exit code. */
int cli_change_propose(struct cli *cli, struct cli_change *change);

#endif
