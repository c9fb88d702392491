/* client/link/state.c: members and models as the chain's state proves them, and lies of it. */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "fake_node.h"
#include "link/state.h"
#include "wire/wire.h"

/* ---- a chain that decides ------------------------------------------------------------ */

static void say(struct fake_node *node, struct tamga_entry_id *id, const char *sender,
                Tamga__V1__TransactionBody *body)
{
    TAMGA_BUF payload = {0};

    body->time_ms = (uint64_t)time(NULL) * 1000;
    test_action(&payload, id, sender, body);
    fake_add(node, test_consortium(), &payload);
}

/* Proposed by acme, approved by three others: that is a quorum of five voters. */
static void decide(struct fake_node *node, Tamga__V1__MemberChange *change)
{
    static const char *const voter[] = {"bolt", "node-a", "node-b"};
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Propose propose = TAMGA__V1__PROPOSE__INIT;
    struct tamga_entry_id id;

    propose.change_case = TAMGA__V1__PROPOSE__CHANGE_MEMBER;
    propose.member = change;
    propose.after = 1;
    propose.expires_ms = ((uint64_t)time(NULL) + 3600) * 1000;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_PROPOSE;
    body.propose = &propose;
    say(node, &id, "acme", &body);
    for (size_t i = 0; i < sizeof voter / sizeof *voter; i++) {
        Tamga__V1__TransactionBody yes = TAMGA__V1__TRANSACTION_BODY__INIT;
        Tamga__V1__Approve approve = TAMGA__V1__APPROVE__INIT;

        approve.id = tamga_wire_bytes(tamga_hash_span(&id.hash));
        yes.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_APPROVE;
        yes.approve = &approve;
        say(node, NULL, voter[i], &yes);
    }
}

static void join(struct fake_node *node, const char *name)
{
    Tamga__V1__MemberChange change = TAMGA__V1__MEMBER_CHANGE__INIT;
    Tamga__V1__PublicKey key = tamga_wire_key_of(tamga_private_key_public(test_key(name)));

    change.name = (char *)(uintptr_t)name;
    change.standing = TAMGA__V1__STANDING__STANDING_ACTIVE;
    change.roles = TAMGA__V1__ROLE__ROLE_OEM;
    change.key = &key;
    decide(node, &change);
}

static struct tamga_client *client_to(const struct fake_node *node, const char *member)
{
    const char *addr = fake_addr(node);
    const struct tamga_client_options options = {
        .nodes = &addr, .node_count = 1, .identity = fake_identity(member), .timeout_ms = 5000};
    struct tamga_client *client = NULL;
    struct tamga_detail detail = {""};

    cr_assert_eq(tamga_client_open(&client, &options, &detail), TAMGA_OK, "%s", detail.text);
    return client;
}

/* ---- who is a member ------------------------------------------------------------------ */

/*
 * Goal:   who joined by a decision is known once a checkpoint proves it, itself included.
 * Method: the same client before and after.
 */
Test(state, learns_who_joined)
{
    struct fake_node *node = fake_start(&(struct fake_options){.final = true});
    struct tamga_client *client = client_to(node, "newco");
    struct tamga_address address;

    test_address(&address, "newco");
    cr_assert_eq(tamga_client_learn(client, NULL), TAMGA_OK);
    cr_assert_null(client->identity.member);
    join(node, "newco");
    cr_assert_eq(tamga_client_learn(client, NULL), TAMGA_OK);
    cr_assert_not_null(client->identity.member);
    cr_assert_str_eq(client->identity.member->name, "newco");
    cr_assert_str_eq(tamga_name_of(client->identity.network, &address), "newco");
    tamga_client_close(client);
    fake_stop(node);
}

/*
 * Goal:   of a key that ended it is told how and when; of a stranger's that it never was.
 * Method: softco's key before and after it is revoked.
 */
Test(state, tells_how_a_key_ended)
{
    struct fake_node *node = fake_start(&(struct fake_options){.final = true});
    struct tamga_client *client = client_to(node, "acme");
    Tamga__V1__MemberChange change = TAMGA__V1__MEMBER_CHANGE__INIT;
    struct tamga_signer_info info;
    struct tamga_address softco, stranger;

    test_address(&softco, "softco");
    test_address(&stranger, "stranger");
    cr_assert_eq(tamga_signer_fetch(&info, client, &softco, NULL), TAMGA_OK);
    cr_assert_not(info.ended);
    change.name = (char *)(uintptr_t)"softco";
    change.revoke_key = true;
    decide(node, &change);
    cr_assert_eq(tamga_signer_fetch(&info, client, &softco, NULL), TAMGA_OK);
    cr_assert(info.ended);
    cr_assert_str_eq(info.name, "softco");
    cr_assert_str_eq(info.ending, "revoked");
    cr_assert_eq(info.until, 5); /* decided in block 4 */
    cr_assert_eq(tamga_signer_fetch(&info, client, &stranger, NULL), TAMGA_E_NOT_MEMBER);
    tamga_client_close(client);
    fake_stop(node);
}

/*
 * Goal:   before the first checkpoint genesis is what is known, and that is no error.
 * Method: a node with blocks of which none is final; a member, a model, a key's value.
 */
Test(state, falls_back_to_genesis)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    struct tamga_client *client = client_to(node, "acme");
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateModel *model = NULL;
    TAMGA_BUF value = {0};
    struct tamga_checkpoint at = {.time_ms = 7};
    struct tamga_hash key;

    join(node, "newco");
    cr_assert_eq(tamga_client_learn(client, NULL), TAMGA_OK);
    tamga_key_model(&key, "acme", "cam");
    cr_assert_eq(tamga_state_fetch(&value, &at, client, &key, NULL), TAMGA_E_NOT_READY);
    cr_assert_eq(at.time_ms, 7);
    cr_assert_eq(tamga_state_known((ProtobufCMessage **)&model, &at, client, &key,
                                   &tamga__v1__state_model__descriptor, NULL),
                 TAMGA_OK);
    cr_assert_eq(at.at.height, 0);
    cr_assert_not_null(model);
    cr_assert_str_eq(model->owner, "acme");
    tamga_client_close(client);
    fake_stop(node);
}

/* ---- lies ------------------------------------------------------------------------------ */

static void other_value(Tamga__V1__GetStateProofResponse *response)
{
    response->proof->value.data[3] ^= 1;
}
static void other_key(Tamga__V1__GetStateProofResponse *response)
{
    response->proof->key.data[3] ^= 1;
}
static void no_value(Tamga__V1__GetStateProofResponse *response)
{
    response->proof->value.len = 0;
}

/*
 * Goal:   no node can say of members what the state does not.
 * Method: another value, another key, none where there is one, a checkpoint without a quorum.
 */
Test(state, refuses_what_is_not_proved)
{
    static const struct {
        struct fake_options options;
        enum tamga_err expected;
    } lie[] = {
        {{.final = true, .bend_state = other_value}, TAMGA_E_PROOF_ROOT},
        {{.final = true, .bend_state = other_key}, TAMGA_E_PROOF_KEY},
        {{.final = true, .bend_state = no_value}, TAMGA_E_PROOF_ROOT},
        {{.final = true, .few_cosigners = true}, TAMGA_E_TOO_FEW_COSIGNERS},
    };

    for (size_t i = 0; i < sizeof lie / sizeof *lie; i++) {
        struct fake_node *node = fake_start(&lie[i].options);
        struct tamga_client *client = client_to(node, "newco");
        enum tamga_err err;

        join(node, "newco");
        err = tamga_client_learn(client, NULL);
        cr_assert_eq(err, lie[i].expected, "lie %zu: %s", i, tamga_err_name(err));
        cr_assert_null(client->identity.member);
        tamga_client_close(client);
        fake_stop(node);
    }
}

/* ---- what else members say is no release ------------------------------------------------ */

static enum tamga_err count(void *context, const struct tamga_release_info *release)
{
    (void)release;
    ++*(unsigned *)context;
    return TAMGA_OK;
}

/*
 * Goal:   a node that lists a proposal among releases is caught.
 * Method: the fake lists whatever it has.
 */
Test(state, a_proposal_is_no_release)
{
    struct fake_node *node = fake_start(&(struct fake_options){.final = true});
    struct tamga_client *client = client_to(node, "acme");
    unsigned counted = 0;

    join(node, "newco");
    cr_assert_eq(tamga_client_releases(client, NULL, count, &counted, NULL), TAMGA_E_PEER_LIED);
    cr_assert_eq(counted, 0);
    tamga_client_close(client);
    fake_stop(node);
}
