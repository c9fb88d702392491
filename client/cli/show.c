/* tamga show: a transaction, record, block or checkpoint, verified and decoded. */
#include "cli/cli.h"

#include "auditor/record.h"
#include "chain/block.h"
#include "link/proof.h"
#include "link/state.h"

struct show {
    const char *what;   /* an id or a height; with checkpoint: a height, or NULL */
    bool checkpoint, is_id;
    struct tamga_hash id;
    uint64_t height; /* 0 with checkpoint: the newest */
    const char *chain; /* NULL: whichever the node holds, consortium first */
};

enum { OPT_CHAIN = 1 };

static const struct argp_option options[] = {
    {"chain", OPT_CHAIN, "consortium|gateway", 0,
     "Look on this chain only (default: on those that the node holds, consortium first)", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct show *show = state->input;

    switch (key) {
    case OPT_CHAIN:
        if (strcmp(arg, "consortium") != 0 && strcmp(arg, "gateway") != 0)
            argp_error(state, "--chain is \"%s\"; accepted are consortium and gateway", arg);
        show->chain = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (show->what != NULL)
            argp_error(state, "one ID at a time");
        if (!show->checkpoint && strcmp(arg, "checkpoint") == 0)
            show->checkpoint = true;
        else
            show->what = arg;
        return 0;
    case ARGP_KEY_END:
        if (show->what == NULL && !show->checkpoint)
            argp_error(state, "which ID? 64 hex digits, a height, or checkpoint");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "ID\ncheckpoint [HEIGHT]",
    .doc = "Show a transaction, record or block; ID is its id (64 hex digits) or a block's "
           "height. Or show the newest checkpoint, or the first at or above HEIGHT, and who has "
           "cosigned it. Signatures, work, seal and proofs are checked before anything is shown."
           "\vExample: tamga show 12 --chain gateway",
};

/* ---- blocks --------------------------------------------------------------------- */

static void block_clear(struct tamga_block *block)
{
    tamga_block_clear(block);
}

static enum tamga_err entry_id(struct tamga_entry_id *out, const struct tamga_chain *chain,
                               struct tamga_span leaf, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    enum tamga_err err;

    if (chain->rules->detached)
        return chain->rules->entry_id(out, leaf);
    err = chain->rules->decode(chain, &item, leaf, detail);
    if (err == TAMGA_OK)
        *out = item.id;
    return err;
}

static enum tamga_err print_block(const struct cli *cli, const Tamga__V1__BlockView *view)
{
    if (cli->json)
        return cli_json(&view->base);
    printf("block %s\n  chain        %s\n  height       %" PRIu64 "\n  parent       %s\n",
           view->id, view->chain, view->height, view->parent);
    if (view->miner[0] != '\0')
        printf("  mined by     %s\n", view->miner);
    printf("  time         %s\n  target       %s, nonce %" PRIu64 "\n  body root    %s\n",
           view->time, view->target, view->nonce, view->body_root);
    printf("  entries      %zu\n", view->n_entries);
    for (size_t i = 0; i < view->n_entries; i++)
        printf("    %s\n", view->entries[i]);
    return cli_flush();
}

/* block is NULL for genesis, which has no entries. */
static enum tamga_err show_block(const struct cli *cli, const struct tamga_chain *chain,
                                 const struct tamga_header *header,
                                 const struct tamga_block_id *id,
                                 const struct tamga_block *block, struct tamga_detail *detail)
{
    Tamga__V1__BlockView view = TAMGA__V1__BLOCK_VIEW__INIT;
    char hex[TAMGA_HEX_CHARS], parent[TAMGA_HEX_CHARS], root[TAMGA_HEX_CHARS];
    char target[16], time[CLI_TIME_MAX];
    size_t count = block ? block->count : 0;
    char(*text)[TAMGA_HEX_CHARS] = calloc(count + 1, sizeof *text);
    char **list = calloc(count + 1, sizeof *list);
    enum tamga_err err = text && list ? TAMGA_OK : TAMGA_E_NO_MEMORY;

    for (size_t i = 0; i < count && err == TAMGA_OK; i++) {
        struct tamga_entry_id entry;

        err = entry_id(&entry, chain, block->entry[i], detail);
        if (err == TAMGA_OK)
            list[i] = (char *)(uintptr_t)cli_hex(text[i], entry.hash.byte);
    }
    snprintf(target, sizeof target, "%08" PRIx32, header->target);
    view.id = (char *)(uintptr_t)cli_hex(hex, id->hash.byte);
    view.chain = (char *)(uintptr_t)chain->rules->name;
    view.height = header->height;
    view.parent = (char *)(uintptr_t)cli_hex(parent, header->parent.hash.byte);
    if (block != NULL)
        view.miner = (char *)(uintptr_t)tamga_name_of(chain->network, &header->miner);
    view.time = (char *)(uintptr_t)cli_time(time, header->time_ms);
    view.target = target;
    view.nonce = header->nonce;
    view.body_root = (char *)(uintptr_t)cli_hex(root, header->body_root.byte);
    view.n_entries = count;
    view.entries = list;
    if (err == TAMGA_OK)
        err = print_block(cli, &view);
    free(list);
    free(text);
    return err;
}

/* Header, work, seal and body; and is it the one that was asked for? */
static enum tamga_err judge_block(const struct cli *cli, const struct tamga_chain *chain,
                                  const Tamga__V1__Block *untrusted,
                                  const struct tamga_block_id *asked, uint64_t height,
                                  struct tamga_detail *detail)
{
    TAMGA_CLEANUP(block_clear) struct tamga_block block = {0};
    struct tamga_sealed sealed;
    struct tamga_block_id id;
    enum tamga_err err;

    if (untrusted == NULL)
        return TAMGA_E_NOT_FOUND;
    err = tamga_header_proof(&sealed, &id, chain, untrusted->sealed, detail);
    if (err == TAMGA_OK)
        err = tamga_block_decode(&block, untrusted, true);
    if (err == TAMGA_OK)
        err = tamga_block_check_body(&block);
    if (err != TAMGA_OK)
        return err;
    if (asked ? !tamga_hash_equal(&id.hash, &asked->hash) : sealed.header.height != height)
        return tamga_refuse(detail, TAMGA_E_BLOCK_ID_MISMATCH, "another block was shown");
    return show_block(cli, chain, &sealed.header, &id, &block, detail);
}

static enum tamga_err block_by_id(const struct cli *cli, struct tamga_session *session,
                                  const struct tamga_chain *chain, const struct tamga_hash *id,
                                  struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    Tamga__V1__GetBlocksRequest request = TAMGA__V1__GET_BLOCKS_REQUEST__INIT;
    ProtobufCBinaryData ids = tamga_wire_bytes(tamga_hash_span(id));
    struct tamga_block_id asked = {*id};
    const Tamga__V1__GetBlocksResponse *response;
    enum tamga_err err;

    if (tamga_hash_equal(id, &chain->genesis_id.hash))
        return show_block(cli, chain, &chain->genesis, &chain->genesis_id, NULL, detail);
    request.chain = tamga_wire_bytes(tamga_hash_span(&chain->id.hash));
    request.n_ids = 1;
    request.ids = &ids;
    err = tamga_session_call(session, &answer, &tamga__v1__chain_service__descriptor,
                             "GetBlocks", &request.base, detail);
    if (err != TAMGA_OK)
        return err;
    response = (const Tamga__V1__GetBlocksResponse *)answer;
    return judge_block(cli, chain, response->n_blocks > 0 ? response->blocks[0] : NULL, &asked,
                       0, detail);
}

static enum tamga_err block_at(const struct cli *cli, struct tamga_session *session,
                               const struct tamga_chain *chain, uint64_t height,
                               struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    Tamga__V1__GetBlockAtRequest request = TAMGA__V1__GET_BLOCK_AT_REQUEST__INIT;
    enum tamga_err err;

    if (height == 0)
        return show_block(cli, chain, &chain->genesis, &chain->genesis_id, NULL, detail);
    request.chain = tamga_wire_bytes(tamga_hash_span(&chain->id.hash));
    request.height = height;
    err = tamga_session_call(session, &answer, &tamga__v1__chain_service__descriptor,
                             "GetBlockAt", &request.base, detail);
    if (err != TAMGA_OK)
        return err;
    return judge_block(cli, chain, ((const Tamga__V1__GetBlockAtResponse *)answer)->block, NULL,
                       height, detail);
}

/* ---- entries -------------------------------------------------------------------- */

static enum tamga_err show_record(const struct cli *cli, struct tamga_client *client,
                                  const struct tamga_hash *id, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_record_clear) struct tamga_record record = {0};
    struct tamga_entry_id entry = {*id};
    enum tamga_err err = tamga_record_fetch(&record, client, &entry, detail);

    return err == TAMGA_OK ? cli_show_record(cli, &record.info, true) : err;
}

/* LINK_ROLE: no certificate of the nodes has the role that holds the chain. */
static bool absent(enum tamga_err err)
{
    return err == TAMGA_E_NOT_FOUND || err == TAMGA_E_WRONG_CHAIN || err == TAMGA_E_LINK_ROLE;
}

static enum tamga_err show_on(const struct cli *cli, struct tamga_client *client, bool gateway,
                              const struct tamga_hash *id, uint64_t height,
                              struct tamga_detail *detail)
{
    const struct tamga_chain *chain = gateway ? &client->gateway : &client->consortium;
    struct tamga_session *session = gateway ? client->records : client->releases;
    enum tamga_err err;

    if (id == NULL)
        return block_at(cli, session, chain, height, detail);
    err = gateway ? show_record(cli, client, id, detail)
                  : cli_show_transaction(cli, client, id, detail);
    return err == TAMGA_E_NOT_FOUND ? block_by_id(cli, session, chain, id, detail) : err;
}

/* On the chains that the node holds, consortium first. */
static enum tamga_err show_held(const struct cli *cli, struct tamga_client *client,
                                const struct tamga_hash *id, uint64_t height,
                                struct tamga_detail *detail)
{
    struct tamga_detail other = {""};
    enum tamga_err first = show_on(cli, client, false, id, height, detail);
    enum tamga_err second;

    if (!absent(first))
        return first;
    second = show_on(cli, client, true, id, height, &other);
    if (!absent(second) || first == TAMGA_E_WRONG_CHAIN) {
        *detail = other;
        return second;
    }
    return tamga_refuse(detail, first, "neither chain that the nodes hold has it");
}

static enum tamga_err show_checkpoint(const struct cli *cli, struct tamga_client *client,
                                      const struct show *show, struct tamga_detail *detail)
{
    bool gateway = show->chain != NULL && strcmp(show->chain, "gateway") == 0;
    enum tamga_err err = TAMGA_OK;

    if (!gateway)
        err = cli_show_checkpoint(cli, client->releases, &client->consortium, show->height,
                                  detail);
    if (gateway || (show->chain == NULL && err == TAMGA_E_WRONG_CHAIN))
        err = cli_show_checkpoint(cli, client->records, &client->gateway, show->height, detail);
    return err;
}

static enum tamga_err show_what(const struct cli *cli, struct tamga_client *client,
                                const struct show *show, struct tamga_detail *detail)
{
    const struct tamga_hash *id = show->is_id ? &show->id : NULL;

    if (show->checkpoint)
        return show_checkpoint(cli, client, show, detail);
    if (show->chain == NULL)
        return show_held(cli, client, id, show->height, detail);
    return show_on(cli, client, strcmp(show->chain, "gateway") == 0, id, show->height, detail);
}

/* What the text names: an id, or a height. Errors: USAGE. */
static enum tamga_err read_what(struct show *show, struct tamga_detail *detail)
{
    size_t digits;

    if (show->what == NULL)
        return TAMGA_OK; /* the newest checkpoint */
    show->is_id = !show->checkpoint &&
                  tamga_from_hex(show->id.byte, TAMGA_HASH_BYTES, show->what) == TAMGA_OK;
    if (show->is_id)
        return TAMGA_OK;
    digits = strspn(show->what, "0123456789");
    if (digits == 0 || digits > 18 || show->what[digits] != '\0')
        return tamga_refuse(detail, TAMGA_E_USAGE, "\"%.80s\" is %s", show->what,
                            show->checkpoint ? "no height"
                                             : "neither an id of 64 hex digits nor a height");
    show->height = strtoull(show->what, NULL, 10);
    return TAMGA_OK;
}

/* Members that came later. A node without the consortium chain can tell of its own. */
static enum tamga_err learn(struct tamga_client *client, struct tamga_detail *detail)
{
    enum tamga_err err = tamga_client_learn(client, detail);

    return err == TAMGA_E_WRONG_CHAIN ? TAMGA_OK : err;
}

int cli_show(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct show show = {0};
    struct tamga_detail detail = {""};
    enum tamga_err err;

    cli_parse(cli, &argp, argc, argv, &show);
    err = read_what(&show, &detail);
    if (err == TAMGA_OK)
        err = cli_open(cli, &client, &detail);
    if (err == TAMGA_OK)
        err = learn(client, &detail);
    if (err == TAMGA_OK)
        err = show_what(cli, client, &show, &detail);
    return cli_fail(err, &detail);
}
