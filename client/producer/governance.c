/*
 * What members decide together, or of themselves: put together from options and submitted.
 * What nodes judge by the state is theirs to say; nothing is judged twice here.
 */
#include "crypto/passphrase.h"
#include "link/submit.h"
#include "rules/rules.h"
#include "wire/wire.h"

#define AFTER_DEFAULT    2u /* a block and the one that makes it final: the next is free */
#define EXPIRES_DEFAULT (7ull * 86400000)

static char *text(const char *constant)
{
    return (char *)(uintptr_t)(constant == NULL ? "" : constant);
}

static void free_public(struct tamga_public_key **key)
{
    tamga_public_key_free(*key);
}

static void free_private(struct tamga_private_key **key)
{
    tamga_private_key_free(*key);
}

/* ---- proposals and approvals ------------------------------------------------------------ */

static enum tamga_err propose(struct tamga_client *client, Tamga__V1__Propose *propose,
                              const struct tamga_propose_options *options,
                              const struct tamga_submit_options *submit,
                              struct tamga_submit_result *result, struct tamga_detail *detail)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;

    propose->after = options->after != 0 ? options->after : AFTER_DEFAULT;
    propose->expires_ms = options->expires_ms != 0 ? options->expires_ms
                                                   : tamga_submit_now_ms() + EXPIRES_DEFAULT;
    propose->reason = text(options->reason);
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_PROPOSE;
    body.propose = propose;
    return tamga_submit(client, &body, submit, result, detail);
}

static enum tamga_err propose_member(struct tamga_client *client,
                                     const struct tamga_propose_options *options,
                                     const struct tamga_submit_options *submit,
                                     struct tamga_submit_result *result,
                                     struct tamga_detail *detail)
{
    TAMGA_CLEANUP(free_public) struct tamga_public_key *key = NULL;
    const struct tamga_member_proposal *member = options->member;
    Tamga__V1__MemberChange change = TAMGA__V1__MEMBER_CHANGE__INIT;
    Tamga__V1__Propose message = TAMGA__V1__PROPOSE__INIT;
    Tamga__V1__PublicKey wire;
    enum tamga_err err = TAMGA_OK;

    if (member->key_file != NULL)
        err = tamga_public_key_load(&key, member->key_file, detail);
    if (err != TAMGA_OK)
        return err;
    change.name = text(member->name);
    change.standing = (Tamga__V1__Standing)member->standing;
    change.roles = member->roles;
    change.revoke_key = member->revoke_key;
    change.seat = (Tamga__V1__Seat)member->seat;
    if (key != NULL) {
        wire = tamga_wire_key_of(key);
        change.key = &wire;
    }
    message.change_case = TAMGA__V1__PROPOSE__CHANGE_MEMBER;
    message.member = &change;
    return propose(client, &message, options, submit, result, detail);
}

static enum tamga_err propose_params(struct tamga_client *client,
                                     const struct tamga_propose_options *options,
                                     const struct tamga_submit_options *submit,
                                     struct tamga_submit_result *result,
                                     struct tamga_detail *detail)
{
    Tamga__V1__ParamsChange change = TAMGA__V1__PARAMS_CHANGE__INIT;
    Tamga__V1__Propose message = TAMGA__V1__PROPOSE__INIT;

    change.chain = text("consortium");
    change.entry_age_max_ms = options->params->entry_age_max_ms;
    change.block_entries_max = options->params->block_entries_max;
    change.block_bytes_max = options->params->block_bytes_max;
    message.change_case = TAMGA__V1__PROPOSE__CHANGE_PARAMS;
    message.params = &change;
    return propose(client, &message, options, submit, result, detail);
}

enum tamga_err tamga_client_propose(struct tamga_client *client,
                                    const struct tamga_propose_options *options,
                                    const struct tamga_submit_options *submit,
                                    struct tamga_submit_result *result,
                                    struct tamga_detail *detail)
{
    if ((options->member == NULL) == (options->params == NULL))
        return tamga_refuse(detail, TAMGA_E_USAGE, "a proposal changes one thing at a time");
    return options->member != NULL ? propose_member(client, options, submit, result, detail)
                                   : propose_params(client, options, submit, result, detail);
}

enum tamga_err tamga_client_approve(struct tamga_client *client,
                                    const uint8_t id[TAMGA_CLIENT_ID_BYTES],
                                    const struct tamga_submit_options *submit,
                                    struct tamga_submit_result *result,
                                    struct tamga_detail *detail)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Approve approve = TAMGA__V1__APPROVE__INIT;

    approve.id = tamga_wire_bytes(tamga_span(id, TAMGA_CLIENT_ID_BYTES));
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_APPROVE;
    body.approve = &approve;
    return tamga_submit(client, &body, submit, result, detail);
}

/* ---- one's own key ---------------------------------------------------------------------- */

static enum tamga_err load_new(struct tamga_private_key **out, const char *key,
                               const struct tamga_key_secret *secret,
                               struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_passphrase_release) struct tamga_passphrase *passphrase = NULL;
    enum tamga_err err = TAMGA_OK;

    if (secret->passphrase_file != NULL)
        err = tamga_passphrase_read(&passphrase, secret->passphrase_file, detail);
    if (err != TAMGA_OK)
        return err;
    return tamga_private_key_load(out, key,
                                  passphrase != NULL ? tamga_passphrase_text(passphrase)
                                                     : secret->passphrase,
                                  detail);
}

enum tamga_err tamga_client_rotate_key(struct tamga_client *client, const char *key,
                                       const struct tamga_key_secret *secret, uint32_t after,
                                       const struct tamga_submit_options *submit,
                                       struct tamga_submit_result *result,
                                       struct tamga_detail *detail)
{
    TAMGA_CLEANUP(free_private) struct tamga_private_key *new = NULL;
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__RotateKey rotate = TAMGA__V1__ROTATE_KEY__INIT;
    Tamga__V1__PublicKey wire;
    Tamga__V1__Signature proof;
    struct tamga_signature signature;
    struct tamga_address address;
    struct tamga_hash digest;
    enum tamga_err err = load_new(&new, key, secret, detail);

    if (err != TAMGA_OK)
        return err;
    tamga_public_key_address(tamga_private_key_public(new), &address);
    tamga_rotate_digest(&digest, &client->consortium.id, &client->identity.address, &address);
    err = tamga_private_key_sign(new, &digest, &signature);
    if (err != TAMGA_OK)
        return err;
    wire = tamga_wire_key_of(tamga_private_key_public(new));
    proof = tamga_wire_signature_of(&signature);
    rotate.key = &wire;
    rotate.proof = &proof;
    rotate.after = after != 0 ? after : AFTER_DEFAULT;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_ROTATE_KEY;
    body.rotate_key = &rotate;
    return tamga_submit(client, &body, submit, result, detail);
}
