/* One transaction, verified and decoded: what it says, who signed it, and what became of that
 * key since. */
#include "cli/cli.h"

#include <stdarg.h>

#include "link/state.h"
#include "wire/wire.h"

#define SAYS_MAX      16
#define SAYS_TEXT_MAX 320

/* A transaction's meaning, a line each. Lists point into it: it must not move. */
struct says {
    const char *action;
    char line[SAYS_MAX][SAYS_TEXT_MAX], *list[SAYS_MAX];
    size_t count;
    char refers_to[TAMGA_HEX_CHARS];
};

TAMGA_PRINTF(3, 4)
static void add(struct says *says, const char *what, const char *format, ...)
{
    char *line;
    int len;
    va_list args;

    if (says->count == SAYS_MAX)
        return;
    line = says->line[says->count];
    len = snprintf(line, SAYS_TEXT_MAX, "%-13s", what);
    va_start(args, format);
    vsnprintf(line + len, SAYS_TEXT_MAX - (size_t)len, format, args);
    va_end(args);
    says->list[says->count++] = line;
}

static void add_list(struct says *says, const char *what, char *const *list, size_t count,
                     const char *none)
{
    char text[SAYS_TEXT_MAX] = "";
    size_t len = 0;

    for (size_t i = 0; i < count && len < sizeof text - 80; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i > 0 ? ", " : "",
                                list[i]);
    if (count > 0 || none != NULL)
        add(says, what, "%s", count > 0 ? text : none);
}

static void add_time(struct says *says, const char *what, uint64_t time_ms)
{
    char text[CLI_TIME_MAX];

    if (time_ms != 0)
        add(says, what, "%s", cli_time(text, time_ms));
}

static void refer(struct says *says, const char *what, ProtobufCBinaryData id)
{
    if (id.len == TAMGA_HASH_BYTES)
        cli_hex(says->refers_to, id.data);
    add(says, what, "%s", says->refers_to);
}

static void add_key(struct says *says, const char *what, const Tamga__V1__PublicKey *key)
{
    struct tamga_address address;
    char hex[TAMGA_HEX_CHARS];

    if (key == NULL)
        return;
    tamga_key_address(&address, (enum tamga_key_type)key->type, tamga_wire_span(key->spki));
    add(says, what, "%s", cli_hex(hex, address.hash.byte));
}

/* ---- each action ----------------------------------------------------------------------- */

static void says_member(struct says *says, const Tamga__V1__MemberChange *change)
{
    static const char *const standing[] = {"as it is", "active", "suspended", "removed"};
    char *role[4];

    add(says, "member", "%s", change->name);
    if (change->standing > 0 && change->standing < 4)
        add(says, "to be", "%s", standing[change->standing]);
    if (change->roles != 0)
        add_list(says, "roles", role, cli_roles(role, change->roles), NULL);
    add_key(says, "key", change->key);
    if (change->revoke_key)
        add(says, "revokes", "the key that it has");
    if (change->seat != TAMGA__V1__SEAT__SEAT_AS_IS)
        add(says, "validator", "%s",
            change->seat == TAMGA__V1__SEAT__SEAT_TAKES ? "yes" : "no more");
}

static void says_params(struct says *says, const Tamga__V1__ParamsChange *change)
{
    if (change->entry_age_max_ms != 0)
        add(says, "entry age", "%" PRIu64 " ms", change->entry_age_max_ms);
    if (change->block_entries_max != 0)
        add(says, "entries", "%" PRIu32 " in a block", change->block_entries_max);
    if (change->block_bytes_max != 0)
        add(says, "bytes", "%" PRIu32 " in a block", change->block_bytes_max);
}

static void says_propose(struct says *says, const Tamga__V1__Propose *propose)
{
    says->action = "propose";
    if (propose->change_case == TAMGA__V1__PROPOSE__CHANGE_MEMBER)
        says_member(says, propose->member);
    else if (propose->change_case == TAMGA__V1__PROPOSE__CHANGE_PARAMS)
        says_params(says, propose->params);
    add(says, "holds", "from %" PRIu32 " blocks after the decision", propose->after);
    if (propose->reason[0] != '\0')
        add(says, "because", "%s", propose->reason);
    add_time(says, "open until", propose->expires_ms);
}

static void says_model(struct says *says, const Tamga__V1__RegisterModel *model)
{
    says->action = "register-model";
    add(says, "model", "%s", model->model);
    add_list(says, "hardware", model->hardware, model->n_hardware, "no revisions");
    add_list(says, "signers", model->signers, model->n_signers, NULL);
    if (model->needed > 1)
        add(says, "needed", "%" PRIu32 " signatures", model->needed);
    if (model->countersign)
        add(says, "countersign", "a provider's release needs the owner's signature");
}

static void says_delegate(struct says *says, const Tamga__V1__Delegate *delegate)
{
    says->action = "delegate";
    add(says, "model", "%s", delegate->model);
    add(says, delegate->revoke ? "takes it from" : "to", "%s", delegate->provider);
    if (!delegate->revoke)
        add_list(says, "hardware", delegate->hardware, delegate->n_hardware, "all revisions");
    add_time(says, "until", delegate->until_ms);
}

static void says_permit(struct says *says, const Tamga__V1__Permit *permit)
{
    says->action = "permit";
    refer(says, "back to", permit->release);
    add_list(says, "devices", permit->numbers, permit->n_numbers, "all of the model");
    add_time(says, "until", permit->expires_ms);
    add(says, "because", "%s", permit->reason);
}

static void says_what(struct says *says, const Tamga__V1__TransactionBody *body)
{
    says->action = "release";
    switch ((int)body->action_case) {
    case TAMGA__V1__TRANSACTION_BODY__ACTION_PROPOSE:
        says_propose(says, body->propose);
        break;
    case TAMGA__V1__TRANSACTION_BODY__ACTION_APPROVE:
        says->action = "approve";
        refer(says, "approves", body->approve->id);
        break;
    case TAMGA__V1__TRANSACTION_BODY__ACTION_ROTATE_KEY:
        says->action = "rotate-key";
        add_key(says, "new key", body->rotate_key->key);
        add(says, "holds", "from %" PRIu32 " blocks later", body->rotate_key->after);
        break;
    case TAMGA__V1__TRANSACTION_BODY__ACTION_REGISTER_MODEL:
        says_model(says, body->register_model);
        break;
    case TAMGA__V1__TRANSACTION_BODY__ACTION_DELEGATE:
        says_delegate(says, body->delegate);
        break;
    case TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW:
        says->action = "withdraw";
        refer(says, "withdraws", body->withdraw->release);
        add(says, "because", "%s", body->withdraw->reason);
        break;
    case TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT:
        says_permit(says, body->permit);
        break;
    default:
        break;
    }
}

/* ---- shown ------------------------------------------------------------------------------- */

static void print_other(const Tamga__V1__TransactionView *view)
{
    printf("%s %s\n", view->action, view->id);
    for (size_t i = 0; i < view->n_says; i++)
        printf("  %s\n", view->says[i]);
    printf("  signed by    %s at %s\n", view->sender, view->time);
}

static enum tamga_err print(const Tamga__V1__TransactionView *view)
{
    char mark[CLI_MARK_MAX];

    if (view->release != NULL) {
        cli_print_release(view->release);
        if (cli_release_mark(mark, view->release)[0] != '\0')
            printf("  now          %s\n", mark);
    } else {
        print_other(view);
    }
    if (view->release != NULL && view->release->withdrawn_by[0] != '\0')
        printf("  withdrawn by %s\n", view->release->withdrawn_by);
    if (view->key_ending[0] != '\0')
        printf("  its key      was %s at height %" PRIu64 " since\n", view->key_ending,
               view->key_until);
    if (view->height > 0)
        printf("  block        %" PRIu64 "  %s\n", view->height, view->block);
    else
        printf("  block        none yet: waits for one\n");
    return cli_flush();
}

/* Evidence, and what is so of it now. */
struct told {
    struct tamga_evidence evidence;
    Tamga__V1__StateRelease *state;
    struct tamga_release_info info;
    struct tamga_signer_info signer;
};

static void told_clear(struct told *told)
{
    tamga_evidence_clear(&told->evidence);
    tamga_wire_free((ProtobufCMessage *)told->state);
}

static enum tamga_err fetch(struct told *told, struct tamga_client *client,
                            const struct tamga_hash *id, struct tamga_detail *detail)
{
    const struct tamga_item *item = &told->evidence.item;
    const struct tamga_entry_id entry = {*id};
    bool pending;
    enum tamga_err err = tamga_evidence_fetch(&told->evidence, client->releases,
                                              &client->consortium, &entry, detail);

    if (err == TAMGA_OK)
        err = tamga_signer_fetch(&told->signer, client, &item->sender, detail);
    if (err == TAMGA_E_NOT_MEMBER && told->evidence.item.body != NULL)
        err = TAMGA_OK; /* who joined since the checkpoint */
    if (err != TAMGA_OK || tamga_item_release(item) == NULL)
        return err;
    pending = told->evidence.pending;
    err = tamga_author_check(client, item, detail);
    if (err == TAMGA_OK)
        err = tamga_release_state(&told->state, client, id, detail);
    if (err != TAMGA_OK)
        return err;
    tamga_release_describe(&told->info, &client->consortium, item,
                           pending ? 0 : told->evidence.sealed.header.height,
                           &told->evidence.block);
    return tamga_release_mark(&told->info, client, told->state, detail);
}

static enum tamga_err show(const struct cli *cli, const struct tamga_client *client,
                           const struct told *told)
{
    const struct tamga_evidence *evidence = &told->evidence;
    const struct tamga_item *item = &evidence->item;
    Tamga__V1__TransactionView view = TAMGA__V1__TRANSACTION_VIEW__INIT;
    Tamga__V1__ReleaseView release;
    struct cli_release_texts texts;
    struct says says = {.count = 0};
    char id[TAMGA_HEX_CHARS], address[TAMGA_HEX_CHARS], block[TAMGA_HEX_CHARS];
    char time[CLI_TIME_MAX];

    says_what(&says, (const Tamga__V1__TransactionBody *)item->body);
    view.chain = (char *)(uintptr_t)client->consortium.rules->name;
    view.state = (char *)(uintptr_t)(evidence->pending ? "pending" : "mined");
    view.index = evidence->index;
    view.id = (char *)(uintptr_t)cli_hex(id, item->id.hash.byte);
    view.action = (char *)(uintptr_t)says.action;
    view.n_says = says.count;
    view.says = says.list;
    view.refers_to = says.refers_to;
    view.sender = (char *)(uintptr_t)tamga_name_of(client->identity.network, &item->sender);
    view.sender_address = (char *)(uintptr_t)cli_hex(address, item->sender.hash.byte);
    view.time = (char *)(uintptr_t)cli_time(time, item->time_ms);
    if (!evidence->pending) {
        view.block = (char *)(uintptr_t)cli_hex(block, evidence->block.hash.byte);
        view.height = evidence->sealed.header.height;
    }
    if (told->signer.ended) {
        view.key_ending = (char *)(uintptr_t)told->signer.ending;
        view.key_until = told->signer.until;
    }
    if (tamga_item_release(item) != NULL) {
        cli_release_view(&release, &texts, &told->info);
        view.release = &release;
    }
    return cli->json ? cli_json(&view.base) : print(&view);
}

enum tamga_err cli_show_transaction(const struct cli *cli, struct tamga_client *client,
                                    const struct tamga_hash *id, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(told_clear) struct told told = {.signer = {.ending = ""}};
    enum tamga_err err = fetch(&told, client, id, detail);

    return err == TAMGA_OK ? show(cli, client, &told) : err;
}
