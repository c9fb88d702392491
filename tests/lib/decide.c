/* Proposals, approvals and new keys, signed with the fixture's keys. */
#include "decide.h"

#include "fixture_internal.h"
#include "wire/wire.h"

static uint64_t said;

/* Each says its own, even if it says the same: ids differ by the time of signing. */
static uint64_t next_time(void)
{
    return TEST_GENESIS_MS + ++said;
}

void test_decide_anew(void)
{
    said = 0;
}

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

void test_propose(struct tamga_buf *out, struct tamga_entry_id *id, const char *sender,
                  const struct test_change *from)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Propose propose = TAMGA__V1__PROPOSE__INIT;
    Tamga__V1__MemberChange change = TAMGA__V1__MEMBER_CHANGE__INIT;
    Tamga__V1__PublicKey key;

    change.name = text(from->name);
    change.roles = from->roles;
    change.standing = from->standing;
    change.seat = from->seat;
    change.revoke_key = from->revoke_key;
    if (from->key != NULL) {
        key = tamga_wire_key_of(tamga_private_key_public(test_key(from->key)));
        change.key = &key;
    }
    propose.change_case = TAMGA__V1__PROPOSE__CHANGE_MEMBER;
    propose.member = &change;
    propose.after = from->after == 0 ? 1 : from->after;
    propose.expires_ms = from->expires_ms == 0 ? TEST_GENESIS_MS + 3600000 : from->expires_ms;
    body.time_ms = next_time();
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_PROPOSE;
    body.propose = &propose;
    test_action(out, id, sender, &body);
}

void test_approve(struct tamga_buf *out, const char *sender, const struct tamga_entry_id *id)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Approve approve = TAMGA__V1__APPROVE__INIT;

    approve.id = tamga_wire_bytes(tamga_hash_span(&id->hash));
    body.time_ms = next_time();
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_APPROVE;
    body.approve = &approve;
    test_action(out, NULL, sender, &body);
}

void test_rotate(struct tamga_buf *out, const char *old, const char *new, const char *proof,
                 uint32_t after)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__RotateKey rotate = TAMGA__V1__ROTATE_KEY__INIT;
    Tamga__V1__PublicKey key = tamga_wire_key_of(tamga_private_key_public(test_key(new)));
    Tamga__V1__Signature wire;
    struct tamga_signature signature;
    struct tamga_address from, to;
    struct tamga_hash digest;

    test_address(&from, old);
    test_address(&to, new);
    tamga_rotate_digest(&digest, &test_consortium()->id, &from, &to);
    test_must(tamga_private_key_sign(test_key(proof == NULL ? new : proof), &digest, &signature),
              "proof");
    wire = tamga_wire_signature_of(&signature);
    rotate.key = &key;
    rotate.proof = &wire;
    rotate.after = after;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_ROTATE_KEY;
    body.rotate_key = &rotate;
    test_action(out, NULL, old, &body);
}

static uint64_t next_ms(const struct test_node *node)
{
    return tamga_engine_tip(node->engine)->tip.time_ms + TEST_SPACING_MS;
}

enum tamga_err test_settle(struct test_node *node, const struct tamga_buf *payload)
{
    enum tamga_err err = test_submit(node, payload, next_ms(node));

    if (err == TAMGA_OK)
        test_must(test_mine(node, NULL, "node-a", next_ms(node)), "a block for it");
    return err;
}

enum tamga_err test_decide(struct test_node *node, struct tamga_entry_id *id,
                           const struct test_change *change)
{
    static const char *const voter[] = {"bolt", "node-a", "node-b"};
    TAMGA_BUF payload = {0};
    enum tamga_err err;

    test_propose(&payload, id, "acme", change);
    err = test_settle(node, &payload);
    for (size_t i = 0; err == TAMGA_OK && i < sizeof voter / sizeof voter[0]; i++) {
        test_approve(&payload, voter[i], id);
        err = test_settle(node, &payload);
    }
    return err;
}

void test_pass(struct test_node *node, unsigned blocks)
{
    static uint64_t counter = 1000000;

    for (unsigned i = 0; i < blocks; i++) {
        TAMGA_BUF payload = {0};

        test_release(&payload, NULL,
                     &(struct test_release){.model = "lock", .counter = ++counter});
        test_must(test_settle(node, &payload), "a block to pass");
    }
}
