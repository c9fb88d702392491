/*
 * What the subcommands of `tamga` share: global options, output, errors. A subcommand is
 * one file and one function; it returns an exit code and never exits itself.
 */
#ifndef TAMGA_CLI_CLI_H
#define TAMGA_CLI_CLI_H

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "crypto/passphrase.h"
#include "link/client_internal.h"
#include "tamga/v1/view.pb-c.h"

/* Exit codes: they follow the class of the error. */
enum {
    CLI_DONE = 0,
    CLI_REFUSED = 1,
    CLI_USAGE = 2,
    CLI_LATER = 3,
    CLI_LOCAL = 4,
};

#define CLI_NODES_MAX TAMGA_SESSION_NODES_MAX
#define CLI_TIME_MAX  32
#define CLI_PATH_MAX  4096

struct cli {
    const char *node[CLI_NODES_MAX];
    size_t node_count;
    bool node_given;      /* on the command line: TAMGA_NODE is not looked at */
    char *node_text;      /* owned: what node[] of a comma-separated list points into */
    const char *identity;
    const char *tls;
    const char *genesis;
    const char *passphrase_file;
    uint32_t timeout_ms;
    bool json;
    bool quiet;
};

struct cli_command {
    const char *name;    /* one word or two: "network init" */
    const char *summary; /* one line for the list */
    int (*run)(struct cli *cli, int argc, char **argv);
};
extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;

/* ---- options ------------------------------------------------------------------ */

/* Global options, a child of every subcommand's argp. Its input is the struct cli. */
extern const struct argp cli_globals_argp;
/* Environment for what the command line left open. Errors: USAGE. */
TAMGA_MUST_USE enum tamga_err cli_finish(struct cli *cli, struct tamga_detail *detail);
/*
 * Parse a subcommand's own options, and the global ones in it. What a parser refuses, it
 * refuses by argp_error: exit 2. `own` is the input of the subcommand's parser.
 */
void cli_parse(struct cli *cli, const struct argp *argp, int argc, char **argv, void *own);
/* Open a client from the global options. Errors: as tamga_client_open. */
TAMGA_MUST_USE enum tamga_err cli_open(const struct cli *cli, struct tamga_client **out,
                                       struct tamga_detail *detail);
void cli_client_free(struct tamga_client **client);

/* ---- passphrases --------------------------------------------------------------- */

/* Standard input is a terminal: a person may be there. */
bool cli_may_ask(void);
/* What opens a key that there is. Errors: KEY_FILE: nothing typed, too long; NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err cli_ask(struct tamga_passphrase **out, const char *key,
                                      struct tamga_detail *detail);
/* One for a new key, typed twice; *out stays NULL for none. Errors: KEY_FILE: they differ. */
TAMGA_MUST_USE enum tamga_err cli_ask_new(struct tamga_passphrase **out,
                                          struct tamga_detail *detail);
/*
 * The passphrase of a key (NULL: of one to be made), or the PIN of one on a token: from
 * --passphrase-file, or else asked if one is needed and somebody is there. *out stays NULL
 * if neither; loading the key then says what is missing.
 *
 * Owns:    *out is the caller's, tamga_passphrase_free.
 * Errors:  KEY_FILE, FILE_IO, NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err cli_passphrase(const struct cli *cli,
                                             struct tamga_passphrase **out, const char *key,
                                             struct tamga_detail *detail);
/* That of the identity's key; nothing without an identity. Errors: those, and USAGE. */
TAMGA_MUST_USE enum tamga_err cli_identity_passphrase(const struct cli *cli,
                                                      struct tamga_passphrase **out,
                                                      struct tamga_detail *detail);

/* Numbers and times as people type them; argp_error otherwise. */
uint64_t cli_number(struct argp_state *state, const char *what, const char *text, uint64_t min,
                    uint64_t max);
/* 90s, 30m, 12h or 7d: in milliseconds. */
uint64_t cli_duration_ms(struct argp_state *state, const char *what, const char *text);
/* oem,provider,consortium,gateway: OR of roles. */
uint32_t cli_roles_of(struct argp_state *state, const char *what, char *text);
/* 64 hex digits. */
void cli_id(struct argp_state *state, uint8_t out[TAMGA_HASH_BYTES], const char *text);
uint64_t cli_date_ms(struct argp_state *state, const char *what, const char *text);
/* "a,b,c" appended to a list of texts; the texts are pieces of `text`, cut in place. */
void cli_list(struct argp_state *state, const char *what, char *text, const char **list,
              size_t *count, size_t max);
enum tamga_key_type cli_key_type(struct argp_state *state, const char *text);
const char *cli_key_type_name(enum tamga_key_type type);

/* ---- output ------------------------------------------------------------------- */

int cli_exit_code(enum tamga_err err);
/* Say on standard error what went wrong; returns the exit code. */
int cli_fail(enum tamga_err err, const struct tamga_detail *detail);
/* One line of JSON on standard output. Errors: NO_MEMORY, FILE_IO. */
TAMGA_MUST_USE enum tamga_err cli_json(const ProtobufCMessage *message);
/* Flush standard output; FILE_IO if it could not take everything. */
TAMGA_MUST_USE enum tamga_err cli_flush(void);

/* 2026-01-31T12:00:00.000Z; an empty text for 0. */
const char *cli_time(char out[CLI_TIME_MAX], uint64_t time_ms);
const char *cli_hex(char out[TAMGA_HEX_CHARS], const uint8_t hash[TAMGA_HASH_BYTES]);
/* By this machine's clock. */
uint64_t cli_now_ms(void);
/* 1.4 MiB */
const char *cli_size(char out[CLI_TIME_MAX], uint64_t bytes);
/* Roles as words; returns how many of out[4] are set. */
size_t cli_roles(char *out[4], uint32_t roles);

/* ---- saying something, and what became of it ------------------------------------- */

/* A line of progress on standard error; {0} shows nothing yet. */
struct cli_bar {
    unsigned percent; /* shown last */
    int step;
    bool shown;       /* something is on the line */
};
bool cli_bar_wanted(const struct cli *cli);
void cli_bar_step(void *bar, enum tamga_client_step step, uint64_t done, uint64_t total);
void cli_bar_end(const struct cli_bar *bar);
enum tamga_client_wait cli_wait(struct argp_state *state, const char *text);
const char *cli_state_text(bool mined, bool final);

/* How long to wait: a child argp whose input this is. */
struct cli_say {
    struct tamga_submit_options options;
    struct cli_bar bar;
};
extern const struct argp cli_say_argp;
/* Open a client with an identity, and show progress if that is wanted. Errors: USAGE, as
 * tamga_client_open. */
TAMGA_MUST_USE enum tamga_err cli_say_open(const struct cli *cli, struct cli_say *say,
                                           struct tamga_client **out,
                                           struct tamga_detail *detail);
/* What was said and what became of it, if it was accepted; and the proposal that it is or
 * approves, unless id is NULL. Returns the exit code. Says what went wrong besides. */
struct cli_said {
    const char *action;     /* "propose" */
    const char *sentence;   /* "newco is proposed" */
    const uint8_t *proposal;
    const char *key, *address; /* rotate-key's; NULL */
};
int cli_say_end(const struct cli *cli, struct cli_say *say, struct tamga_client *client,
                const struct cli_said *said, enum tamga_err err,
                const struct tamga_submit_result *result, struct tamga_detail *detail);

/* ---- what several subcommands show ---------------------------------------------- */

#define CLI_MARK_MAX 640

/* The view's texts live here. */
struct cli_proposal_texts {
    char id[TAMGA_HEX_CHARS], expires[CLI_TIME_MAX];
};
enum tamga_err cli_show_release(const struct cli *cli, const struct tamga_release_info *release,
                                bool full);
/* The view's texts live in `texts`, which must not move. */
struct cli_release_texts {
    char tx_id[TAMGA_HEX_CHARS], sha256[TAMGA_HEX_CHARS], republish[TAMGA_HEX_CHARS];
    char address[TAMGA_HEX_CHARS], block[TAMGA_HEX_CHARS];
    char time[CLI_TIME_MAX], expires[CLI_TIME_MAX], withdrawn[TAMGA_HEX_CHARS];
    char model[TAMGA_CLIENT_MODEL_MAX];
    char depend[TAMGA_CLIENT_LIST_MAX][TAMGA_CLIENT_MODEL_MAX + TAMGA_CLIENT_VERSION_MAX];
    char *depends[TAMGA_CLIENT_LIST_MAX];
};
void cli_release_view(Tamga__V1__ReleaseView *view, struct cli_release_texts *texts,
                      const struct tamga_release_info *release);
/* All but the block. */
void cli_print_release(const Tamga__V1__ReleaseView *view);
enum tamga_err cli_show_record(const struct cli *cli, const struct tamga_record_info *record,
                               bool full);
/* A proposal: its whole story, or that of a list. */
void cli_proposal_view(Tamga__V1__ProposalView *view, struct cli_proposal_texts *texts,
                       const struct tamga_proposal_info *proposal);
void cli_print_proposal(const Tamga__V1__ProposalView *view);
/* What was said of a release since, in words; "" if nothing was. */
const char *cli_release_mark(char out[CLI_MARK_MAX], const Tamga__V1__ReleaseView *view);
/* Any transaction but a release, verified and decoded. */
enum tamga_err cli_show_transaction(const struct cli *cli, struct tamga_client *client,
                                    const struct tamga_hash *id, struct tamga_detail *detail);
enum tamga_err cli_show_latest(const struct cli *cli, const struct tamga_latest_info *latest);
/* A checkpoint at or above a height (0: the newest), asked for, verified and shown.
 * Errors: as tamga_cosigned_fetch. */
enum tamga_err cli_show_checkpoint(const struct cli *cli, struct tamga_session *session,
                                   const struct tamga_chain *chain, uint64_t height,
                                   struct tamga_detail *detail);

/* ---- proofs in files ------------------------------------------------------------- */

/*
 * Read a file that holds a ReleaseProof: its bytes, or the line of JSON that
 * `tamga latest --json` prints, whose member "proof" is taken.
 *
 * Errors:  FILE_IO; TOO_LARGE; NOT_CANONICAL: JSON, but not with one such member, or its
 *          base64 is not as it must be.
 */
TAMGA_MUST_USE enum tamga_err cli_proof_read(struct tamga_buf *out, const char *path,
                                             struct tamga_detail *detail);

/* ---- folders that appear whole or not at all ------------------------------------- */

/* A folder under construction, DIR.tmp-XXXXXX; {0} is none. */
struct cli_folder {
    char path[CLI_PATH_MAX];  /* of the temporary one */
    char final[CLI_PATH_MAX];
};
/* Errors: USAGE: `final` exists and is not an empty folder; FILE_IO. */
TAMGA_MUST_USE enum tamga_err cli_folder_begin(struct cli_folder *folder, const char *final,
                                               struct tamga_detail *detail);
/* Sync everything and give it its name. Errors: FILE_IO. */
TAMGA_MUST_USE enum tamga_err cli_folder_commit(struct cli_folder *folder,
                                                struct tamga_detail *detail);
/* Removes what was not committed; for TAMGA_CLEANUP. */
void cli_folder_abandon(struct cli_folder *folder);
/* A path in the folder under construction. Errors: USAGE if it is too long. */
TAMGA_MUST_USE enum tamga_err cli_folder_path(char out[CLI_PATH_MAX],
                                              const struct cli_folder *folder,
                                              struct tamga_detail *detail, const char *format,
                                              ...) TAMGA_PRINTF(4, 5);
TAMGA_MUST_USE enum tamga_err cli_folder_make(const char *path, struct tamga_detail *detail);
/* A file that is there whole or not at all, mode 0644; one that was there is replaced, or
 * stays as it was. Errors: USAGE: the path is too long; FILE_IO. */
TAMGA_MUST_USE enum tamga_err cli_file_replace(const char *path, struct tamga_span bytes,
                                               struct tamga_detail *detail);
/* All of a file, appended. Errors: FILE_IO; TOO_LARGE. */
TAMGA_MUST_USE enum tamga_err cli_file_read(struct tamga_buf *out, const char *path,
                                            size_t bytes_max, struct tamga_detail *detail);
/* A new file, written and synced. Errors: FILE_IO. */
TAMGA_MUST_USE enum tamga_err cli_file_write(const char *path, struct tamga_span bytes,
                                             struct tamga_detail *detail);

/* ---- the subcommands ------------------------------------------------------------ */

int cli_keygen(struct cli *cli, int argc, char **argv);
int cli_network_init(struct cli *cli, int argc, char **argv);
int cli_publish(struct cli *cli, int argc, char **argv);
int cli_releases(struct cli *cli, int argc, char **argv);
int cli_latest(struct cli *cli, int argc, char **argv);
int cli_proof_verify(struct cli *cli, int argc, char **argv);
int cli_show(struct cli *cli, int argc, char **argv);
int cli_status(struct cli *cli, int argc, char **argv);
int cli_device_enroll(struct cli *cli, int argc, char **argv);
int cli_history(struct cli *cli, int argc, char **argv);
int cli_cid(struct cli *cli, int argc, char **argv);
int cli_member_add(struct cli *cli, int argc, char **argv);
int cli_member_suspend(struct cli *cli, int argc, char **argv);
int cli_member_reinstate(struct cli *cli, int argc, char **argv);
int cli_member_remove(struct cli *cli, int argc, char **argv);
int cli_member_revoke(struct cli *cli, int argc, char **argv);
int cli_member_roles(struct cli *cli, int argc, char **argv);
int cli_member_validator(struct cli *cli, int argc, char **argv);
int cli_member_rotate_key(struct cli *cli, int argc, char **argv);
int cli_member_list(struct cli *cli, int argc, char **argv);
int cli_propose_params(struct cli *cli, int argc, char **argv);
int cli_propose_member(struct cli *cli, int argc, char **argv);
int cli_proposals(struct cli *cli, int argc, char **argv);
int cli_approve(struct cli *cli, int argc, char **argv);
int cli_model_register(struct cli *cli, int argc, char **argv);
int cli_model_show(struct cli *cli, int argc, char **argv);
int cli_delegate(struct cli *cli, int argc, char **argv);
int cli_withdraw(struct cli *cli, int argc, char **argv);
int cli_permit(struct cli *cli, int argc, char **argv);

#endif
