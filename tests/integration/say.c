/* Actions of members, and refusals that change nothing. Knows no scenario. */
#include "say.h"

#include <stdio.h>
#include <time.h>

#include "tamga/v1/chain_service.pb-c.h"
#include "tamga/v1/finality.pb-c.h"

#define WAIT_SECONDS 30
#define HOUR_MS      3600000u

uint64_t say_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- what is said ------------------------------------------------------------------ */

/* One action and its parts, as the last of the functions below has set it. */
static struct {
    Tamga__V1__TransactionBody body;
    Tamga__V1__Propose propose;
    Tamga__V1__MemberChange change;
    Tamga__V1__PublicKey key;
    Tamga__V1__Approve approve;
    Tamga__V1__RegisterModel model;
    Tamga__V1__Delegate delegate;
    Tamga__V1__Withdraw withdraw;
    Tamga__V1__Permit permit;
    Tamga__V1__RotateKey rotate;
    Tamga__V1__Signature proof;
    struct tamga_signature signature;
    char *hardware, *signer;
} last;

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

static Tamga__V1__TransactionBody *action(Tamga__V1__TransactionBody__ActionCase action_case)
{
    tamga__v1__transaction_body__init(&last.body);
    last.body.action_case = action_case;
    return &last.body;
}

Tamga__V1__TransactionBody *say_propose(const char *name, Tamga__V1__Standing standing,
                                        const char *key, uint32_t roles)
{
    tamga__v1__member_change__init(&last.change);
    last.change.name = text(name);
    last.change.standing = standing;
    last.change.roles = roles;
    if (key != NULL) {
        last.key = tamga_wire_key_of(tamga_private_key_public(test_key(key)));
        last.change.key = &last.key;
    }
    tamga__v1__propose__init(&last.propose);
    last.propose.change_case = TAMGA__V1__PROPOSE__CHANGE_MEMBER;
    last.propose.member = &last.change;
    last.propose.after = 1;
    last.propose.expires_ms = say_now_ms() + HOUR_MS;
    action(TAMGA__V1__TRANSACTION_BODY__ACTION_PROPOSE)->propose = &last.propose;
    return &last.body;
}

Tamga__V1__TransactionBody *say_remove(const char *name)
{
    return say_propose(name, TAMGA__V1__STANDING__STANDING_REMOVED, NULL, 0);
}

Tamga__V1__TransactionBody *say_join(const char *name, uint32_t roles)
{
    return say_propose(name, TAMGA__V1__STANDING__STANDING_ACTIVE, name, roles);
}

Tamga__V1__TransactionBody *say_approve(const struct tamga_entry_id *id)
{
    tamga__v1__approve__init(&last.approve);
    last.approve.id = tamga_wire_bytes(tamga_hash_span(&id->hash));
    action(TAMGA__V1__TRANSACTION_BODY__ACTION_APPROVE)->approve = &last.approve;
    return &last.body;
}

Tamga__V1__TransactionBody *say_signers(const char *model, uint32_t needed, const char *signer)
{
    tamga__v1__register_model__init(&last.model);
    last.model.model = text(model);
    last.model.needed = needed;
    last.signer = text(signer);
    last.model.n_signers = 1;
    last.model.signers = &last.signer;
    action(TAMGA__V1__TRANSACTION_BODY__ACTION_REGISTER_MODEL)->register_model = &last.model;
    return &last.body;
}

Tamga__V1__TransactionBody *say_delegate(const char *model, const char *provider,
                                         const char *hardware, uint64_t until_ms)
{
    tamga__v1__delegate__init(&last.delegate);
    last.delegate.model = text(model);
    last.delegate.provider = text(provider);
    last.hardware = text(hardware);
    last.delegate.n_hardware = hardware != NULL;
    last.delegate.hardware = &last.hardware;
    last.delegate.until_ms = until_ms;
    action(TAMGA__V1__TRANSACTION_BODY__ACTION_DELEGATE)->delegate = &last.delegate;
    return &last.body;
}

Tamga__V1__TransactionBody *say_withdraw(const struct tamga_entry_id *id)
{
    tamga__v1__withdraw__init(&last.withdraw);
    last.withdraw.release = tamga_wire_bytes(tamga_hash_span(&id->hash));
    last.withdraw.reason = text("so it is said");
    action(TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW)->withdraw = &last.withdraw;
    return &last.body;
}

Tamga__V1__TransactionBody *say_permit(const struct tamga_entry_id *id)
{
    tamga__v1__permit__init(&last.permit);
    last.permit.release = tamga_wire_bytes(tamga_hash_span(&id->hash));
    last.permit.reason = text("so it is said");
    last.permit.expires_ms = say_now_ms() + HOUR_MS;
    action(TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT)->permit = &last.permit;
    return &last.body;
}

Tamga__V1__TransactionBody *say_rotate(const struct cluster *cluster, const char *old,
                                       const char *new, uint32_t after)
{
    struct tamga_address from, to;
    struct tamga_hash digest;

    test_address(&from, old);
    test_address(&to, new);
    tamga_rotate_digest(&digest, &cluster->consortium.id, &from, &to);
    CHECK(tamga_private_key_sign(test_key(new), &digest, &last.signature) == TAMGA_OK);
    tamga__v1__rotate_key__init(&last.rotate);
    last.key = tamga_wire_key_of(tamga_private_key_public(test_key(new)));
    last.proof = tamga_wire_signature_of(&last.signature);
    last.rotate.key = &last.key;
    last.rotate.proof = &last.proof;
    last.rotate.after = after;
    action(TAMGA__V1__TRANSACTION_BODY__ACTION_ROTATE_KEY)->rotate_key = &last.rotate;
    return &last.body;
}

/* Each says its own, even if it says the same: ids differ by the time of signing. */
static uint64_t next_time(void)
{
    static uint64_t said;
    uint64_t now = say_now_ms();

    said = now > said ? now : said + 1;
    return said;
}

void say_sign(struct cluster *cluster, struct tamga_buf *out, struct tamga_entry_id *id,
              const char *sender, Tamga__V1__TransactionBody *body)
{
    const struct tamga_private_key *key = test_key(sender);
    Tamga__V1__PublicKey wire_key = tamga_wire_key_of(tamga_private_key_public(key));
    struct tamga_address address;
    struct tamga_hash made;

    tamga_public_key_address(tamga_private_key_public(key), &address);
    body->sender = tamga_wire_bytes(tamga_hash_span(&address.hash));
    body->key = &wire_key;
    body->time_ms = next_time();
    out->len = 0;
    CHECK(tamga_signed_make(out, &made, &body->base, TAMGA_DOMAIN_TRANSACTION,
                            &cluster->consortium.id, key) == TAMGA_OK);
    if (id != NULL)
        id->hash = made;
}

static bool is_included(struct cluster *cluster, void *context)
{
    return cluster_included(cluster, "node-a", &cluster->consortium, context);
}

void say(struct cluster *cluster, struct tamga_entry_id *id, const char *sender,
         Tamga__V1__TransactionBody *body)
{
    struct tamga_detail detail = {""};
    struct tamga_entry_id made;
    TAMGA_BUF payload = {0};
    enum tamga_err err;

    say_sign(cluster, &payload, &made, sender, body);
    err = cluster_submit(cluster, "node-a", &payload, &detail);
    if (err != TAMGA_OK) {
        fprintf(stderr, "%s says: %s %s\n", sender, tamga_err_name(err), detail.text);
        CHECK(!"what is said is accepted");
    }
    cluster_wait(cluster, "a block for what was said", WAIT_SECONDS, is_included, &made);
    if (id != NULL)
        *id = made;
}

/* ---- how things stand -------------------------------------------------------------- */

uint64_t say_height(struct cluster *cluster, const struct tamga_entry_id *id)
{
    SAY_REPLY(reply, cluster_find(cluster, "node-a"));
    Tamga__V1__GetInclusionRequest request = TAMGA__V1__GET_INCLUSION_REQUEST__INIT;
    const Tamga__V1__GetInclusionResponse *response;
    struct tamga_sealed sealed;

    request.chain = tamga_wire_bytes(tamga_hash_span(&cluster->consortium.id.hash));
    request.id = tamga_wire_bytes(tamga_hash_span(&id->hash));
    tamga__v1__chain_service__get_inclusion(
        tamga_reply_service(&reply, &tamga__v1__chain_service__descriptor), &request,
        (Tamga__V1__GetInclusionResponse_Closure)tamga_reply_take, &reply);
    response = (const Tamga__V1__GetInclusionResponse *)reply.message;
    CHECK(reply.err == TAMGA_OK && response->inclusion != NULL);
    CHECK(tamga_sealed_decode(&sealed, response->inclusion->sealed) == TAMGA_OK);
    return sealed.header.height;
}

static bool proved(struct cluster *cluster, struct cluster_process *process,
                   const struct tamga_entry_id *id)
{
    SAY_REPLY(reply, process);
    Tamga__V1__GetEntryProofRequest request = TAMGA__V1__GET_ENTRY_PROOF_REQUEST__INIT;

    request.chain = tamga_wire_bytes(tamga_hash_span(&cluster->consortium.id.hash));
    request.id = tamga_wire_bytes(tamga_hash_span(&id->hash));
    tamga__v1__finality_service__get_entry_proof(
        tamga_reply_service(&reply, &tamga__v1__finality_service__descriptor), &request,
        (Tamga__V1__GetEntryProofResponse_Closure)tamga_reply_take, &reply);
    return reply.err == TAMGA_OK;
}

bool say_is_final(struct cluster *cluster, const struct tamga_entry_id *id)
{
    for (size_t i = 0; i < cluster->count; i++)
        if (cluster->process[i].pid > 0 && !proved(cluster, &cluster->process[i], id))
            return false;
    return true;
}

static bool is_final(struct cluster *cluster, void *context)
{
    return say_is_final(cluster, context);
}

void say_wait_final(struct cluster *cluster, const struct tamga_entry_id *id)
{
    struct tamga_entry_id wanted = *id;

    cluster_wait(cluster, "finality of what was said", WAIT_SECONDS, is_final, &wanted);
}

bool say_tip(struct cluster *cluster, const char *name, struct tamga_header *out)
{
    SAY_REPLY(reply, cluster_find(cluster, name));
    Tamga__V1__GetBlocksRequest request = TAMGA__V1__GET_BLOCKS_REQUEST__INIT;
    const Tamga__V1__GetBlocksResponse *response;
    struct tamga_sealed sealed;
    struct tamga_block_id tip;
    ProtobufCBinaryData id;
    uint64_t height;

    CHECK(cluster_status(cluster, name, &cluster->consortium, &height, &tip));
    id = tamga_wire_bytes(tamga_hash_span(&tip.hash));
    request.chain = tamga_wire_bytes(tamga_hash_span(&cluster->consortium.id.hash));
    request.n_ids = 1;
    request.ids = &id;
    tamga__v1__chain_service__get_blocks(
        tamga_reply_service(&reply, &tamga__v1__chain_service__descriptor), &request,
        (Tamga__V1__GetBlocksResponse_Closure)tamga_reply_take, &reply);
    response = (const Tamga__V1__GetBlocksResponse *)reply.message;
    if (reply.err != TAMGA_OK || response->n_blocks != 1)
        return false;
    CHECK(tamga_sealed_decode(&sealed, response->blocks[0]->sealed) == TAMGA_OK);
    *out = sealed.header;
    return true;
}

/* ---- refusals ---------------------------------------------------------------------- */

static bool have_one_root(struct cluster *cluster, void *context)
{
    struct tamga_hash *root = context;
    bool first = true;

    for (size_t i = 0; i < cluster->count; i++) {
        struct tamga_header header;

        if (cluster->process[i].pid <= 0 || cluster->process[i].gateway)
            continue;
        if (!say_tip(cluster, cluster->process[i].name, &header) ||
            (!first && !tamga_hash_equal(root, &header.state_root)))
            return false;
        *root = header.state_root;
        first = false;
    }
    return !first;
}

void say_root(struct cluster *cluster, struct tamga_hash *out)
{
    cluster_wait(cluster, "one state root", WAIT_SECONDS, have_one_root, out);
}

void say_was_refused(struct cluster *cluster, const char *what, enum tamga_err expected,
                     enum tamga_err err, const struct tamga_detail *detail)
{
    /* These say all in their sentence: nothing else was found that could be named. */
    bool plain = err == TAMGA_E_NOT_MEMBER || err == TAMGA_E_UNKNOWN_PROPOSAL ||
                 err == TAMGA_E_ID_MISMATCH || err == TAMGA_E_BAD_SIGNATURE;

    (void)cluster;
    if (err == expected && tamga_err_text(err)[0] != '\0' && (plain || detail->text[0] != '\0'))
        return;
    fprintf(stderr, "%s: %s \"%s\", expected %s\n", what, tamga_err_name(err), detail->text,
            tamga_err_name(expected));
    CHECK(!"refused by its own code, with a sentence");
}

void say_refused(struct cluster *cluster, const char *what, enum tamga_err expected,
                 const struct tamga_buf *payload, const struct tamga_entry_id *id)
{
    struct tamga_hash before, after;
    struct tamga_detail detail = {""};
    enum tamga_err err;

    say_root(cluster, &before);
    err = cluster_submit(cluster, "node-b", payload, &detail);
    say_was_refused(cluster, what, expected, err, &detail);
    for (size_t i = 0; id != NULL && i < cluster->count; i++)
        CHECK(cluster->process[i].pid <= 0 ||
              !cluster_known(cluster, cluster->process[i].name, &cluster->consortium, id));
    say_root(cluster, &after);
    CHECK(tamga_hash_equal(&before, &after));
}
