/* Models, delegations, signatures that a release needs, withdrawal: core/rules/models.c. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "chain/query.h"
#include "decide.h"
#include "wire/wire.h"

#define T0 TEST_GENESIS_MS

static char cam[] = "cam", lock[] = "lock", pump[] = "pump", softco[] = "softco", bolt[] = "bolt",
            node_a[] = "node-a", reason[] = "it bricks", a[] = "A", b[] = "B", c[] = "C",
            nobody[] = "nobody", number[] = "0001";

static enum tamga_err say(struct test_node *node, const char *sender,
                          struct tamga_entry_id *id, const Tamga__V1__TransactionBody *body)
{
    TAMGA_BUF payload = {0};

    test_action(&payload, id, sender, body);
    return test_settle(node, &payload);
}

static enum tamga_err delegate(struct test_node *node, const char *sender, char *model,
                               char *provider, char *revision, uint64_t until_ms, bool revoke)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Delegate action = TAMGA__V1__DELEGATE__INIT;

    action.model = model;
    action.provider = provider;
    action.n_hardware = revision != NULL;
    action.hardware = &revision;
    action.until_ms = until_ms;
    action.revoke = revoke;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_DELEGATE;
    body.delegate = &action;
    return say(node, sender, NULL, &body);
}

struct policy {
    char *signers[3];
    size_t count;
    uint32_t needed;
    bool countersign;
};

static enum tamga_err set_policy(struct test_node *node, const char *sender, char *model,
                                 const struct policy *policy)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__RegisterModel action = TAMGA__V1__REGISTER_MODEL__INIT;
    char *hardware[] = {a, b};

    action.model = model;
    action.n_hardware = 2;
    action.hardware = hardware;
    action.n_signers = policy->count;
    action.signers = (char **)(uintptr_t)policy->signers;
    action.needed = policy->needed;
    action.countersign = policy->countersign;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_REGISTER_MODEL;
    body.register_model = &action;
    return say(node, sender, NULL, &body);
}

static enum tamga_err withdraw(struct test_node *node, const char *sender,
                               const struct tamga_entry_id *release)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Withdraw action = TAMGA__V1__WITHDRAW__INIT;

    action.release = tamga_wire_bytes(tamga_hash_span(&release->hash));
    action.reason = reason;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW;
    body.withdraw = &action;
    return say(node, sender, NULL, &body);
}

static enum tamga_err permit(struct test_node *node, const char *sender,
                             const struct tamga_entry_id *release, uint64_t expires_ms)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Permit action = TAMGA__V1__PERMIT__INIT;
    char *numbers[] = {number};

    action.release = tamga_wire_bytes(tamga_hash_span(&release->hash));
    action.n_numbers = 1;
    action.numbers = numbers;
    action.expires_ms = expires_ms;
    action.reason = reason;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT;
    body.permit = &action;
    return say(node, sender, NULL, &body);
}

static enum tamga_err approve(struct test_node *node, const char *sender,
                              const struct tamga_entry_id *id)
{
    TAMGA_BUF payload = {0};

    test_approve(&payload, sender, id);
    return test_settle(node, &payload);
}

static enum tamga_err publish(struct test_node *node, const char *sender, const char *revision,
                              uint64_t counter, struct tamga_entry_id *id)
{
    TAMGA_BUF payload = {0};

    test_release(&payload, id,
                 &(struct test_release){.sender = sender, .counter = counter,
                                        .hardware = revision,
                                        .time_ms = tamga_engine_tip(node->engine)->tip.time_ms});
    return test_settle(node, &payload);
}

/* What the state names as newest of acme/cam; counter 0: none. */
static struct tamga_entry_id newest(struct test_node *node, uint64_t *counter, bool *withdrawn)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateLatest *latest = NULL;
    struct tamga_entry_id id = {{{0}}};
    struct tamga_hash key;

    *counter = 0;
    *withdrawn = false;
    tamga_key_latest(&key, "acme", "cam");
    if (tamga_state_get((ProtobufCMessage **)&latest, &node->store->reader.view, &key,
                        &tamga__v1__state_latest__descriptor) != TAMGA_OK)
        return id;
    cr_assert_eq(tamga_hash_from(&id.hash, tamga_wire_span(latest->release)), TAMGA_OK);
    *counter = latest->counter;
    *withdrawn = latest->withdrawn;
    return id;
}

/*
 * Goal:   a provider publishes within its delegation, and not beside, before or after it.
 * Method: softco's own, without limits, is replaced by one for revision A and a minute, then
 *         taken back; another provider has none.
 */
Test(models, a_delegation_has_limits)
{
    struct test_node node;

    test_node_open(&node, test_consortium());
    cr_assert_eq(publish(&node, "softco", NULL, 1, NULL), TAMGA_OK);
    cr_assert_eq(delegate(&node, "acme", cam, softco, a, T0 + 10000, false), TAMGA_OK);
    cr_assert_eq(publish(&node, "softco", "A", 2, NULL), TAMGA_OK);
    cr_assert_eq(publish(&node, "softco", "B", 3, NULL), TAMGA_E_DELEGATION_HARDWARE);
    cr_assert_eq(publish(&node, "softco", NULL, 3, NULL), TAMGA_E_DELEGATION_HARDWARE);
    test_pass(&node, 10);
    cr_assert_eq(publish(&node, "softco", "A", 3, NULL), TAMGA_E_DELEGATION_EXPIRED);
    cr_assert_eq(delegate(&node, "acme", cam, softco, NULL, 0, true), TAMGA_OK);
    cr_assert_eq(publish(&node, "softco", "A", 3, NULL), TAMGA_E_NOT_AUTHORIZED);
    test_node_close(&node);
}

/*
 * Goal:   each refusal about delegations and models has its own code.
 * Method: one smallest change to a good one each.
 */
Test(models, refuses_who_and_what)
{
    struct policy none = {0}, many = {.needed = 3}, unknown = {.signers = {nobody}, .count = 1};
    struct test_node node;

    test_node_open(&node, test_consortium());
    cr_assert_eq(delegate(&node, "bolt", cam, softco, NULL, 0, false), TAMGA_E_UNKNOWN_MODEL);
    cr_assert_eq(delegate(&node, "softco", cam, softco, NULL, 0, false), TAMGA_E_NOT_OWNER);
    cr_assert_eq(delegate(&node, "acme", cam, bolt, NULL, 0, false), TAMGA_E_UNKNOWN_MEMBER);
    cr_assert_eq(delegate(&node, "acme", cam, nobody, NULL, 0, false), TAMGA_E_UNKNOWN_MEMBER);
    cr_assert_eq(delegate(&node, "acme", cam, softco, c, 0, false), TAMGA_E_UNKNOWN_HARDWARE);
    cr_assert_eq(delegate(&node, "acme", cam, softco, NULL, T0, false),
                 TAMGA_E_DELEGATION_EXPIRED);
    cr_assert_eq(delegate(&node, "acme", lock, softco, NULL, 0, true), TAMGA_E_NO_CHANGE);
    cr_assert_eq(delegate(&node, "acme", cam, softco, a, 0, true), TAMGA_E_BAD_VALUE);
    cr_assert_eq(set_policy(&node, "softco", cam, &none), TAMGA_E_NOT_OWNER);
    cr_assert_eq(set_policy(&node, "acme", cam, &many), TAMGA_E_BAD_VALUE);
    cr_assert_eq(set_policy(&node, "acme", cam, &unknown), TAMGA_E_UNKNOWN_MEMBER);
    cr_assert_eq(set_policy(&node, "bolt", cam, &none), TAMGA_OK); /* bolt/cam, a new one */
    test_node_close(&node);
}

/*
 * Goal:   a model has at most 32 delegations.
 * Method: so many providers join by their own network; the next one is refused.
 */
Test(models, delegations_are_bounded)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateModel *model = NULL;
    Tamga__V1__Delegation delegation[32], *list[32];
    struct tamga_delegates {
        char name[8];
    } name[32];
    struct test_node node;
    struct tamga_hash key;
    struct tamga_write write = {.family = TAMGA_FAMILY_STATE};
    Tamga__V1__StateModel full;
    TAMGA_BUF value = {0};

    test_node_open(&node, test_consortium());
    tamga_key_model(&key, "acme", "lock");
    cr_assert_eq(tamga_state_get((ProtobufCMessage **)&model, &node.store->reader.view, &key,
                                 &tamga__v1__state_model__descriptor),
                 TAMGA_OK);
    full = *model;
    for (unsigned i = 0; i < 32; i++) {
        snprintf(name[i].name, sizeof name[i].name, "p-%02u", i);
        tamga__v1__delegation__init(&delegation[i]);
        delegation[i].provider = name[i].name;
        list[i] = &delegation[i];
    }
    full.n_delegations = 32;
    full.delegations = list;
    cr_assert_eq(tamga_wire_pack(&value, &full.base), TAMGA_OK);
    write.key = tamga_hash_span(&key);
    write.value = tamga_buf_span(&value);
    cr_assert_eq(node.store->ops->write(node.store, &write, 1, true), TAMGA_OK);
    cr_assert_eq(delegate(&node, "acme", lock, softco, NULL, 0, false), TAMGA_E_DELEGATES_FULL);
    test_node_close(&node);
}

/*
 * Goal:   a release counts once it has the signatures that its model asks for, each of
 *         another member, the owner's among them if that is asked for.
 * Method: three are needed, of softco, bolt, node-a and the owner: it is not the newest until
 *         the owner is among three.
 */
Test(models, a_release_waits_for_its_signatures)
{
    struct policy policy = {
        .signers = {bolt, node_a}, .count = 2, .needed = 3, .countersign = true};
    struct tamga_entry_id id, found;
    struct test_node node;
    uint64_t counter;
    bool withdrawn;

    test_node_open(&node, test_consortium());
    cr_assert_eq(set_policy(&node, "acme", cam, &policy), TAMGA_OK);
    cr_assert_eq(publish(&node, "softco", "A", 1, &id), TAMGA_OK);
    newest(&node, &counter, &withdrawn);
    cr_assert_eq(counter, 0);
    cr_assert_eq(approve(&node, "softco", &id), TAMGA_E_APPROVED_ALREADY);
    cr_assert_eq(approve(&node, "node-b", &id), TAMGA_E_NOT_SIGNER);
    cr_assert_eq(permit(&node, "acme", &id, T0 + 60000), TAMGA_E_RELEASE_UNSIGNED);
    cr_assert_eq(approve(&node, "bolt", &id), TAMGA_OK);
    cr_assert_eq(approve(&node, "bolt", &id), TAMGA_E_APPROVED_ALREADY);
    cr_assert_eq(approve(&node, "node-a", &id), TAMGA_OK);
    newest(&node, &counter, &withdrawn);
    cr_assert_eq(counter, 0, "three have signed, and the owner is not among them");
    cr_assert_eq(approve(&node, "acme", &id), TAMGA_OK);
    found = newest(&node, &counter, &withdrawn);
    cr_assert_eq(counter, 1);
    cr_assert(tamga_hash_equal(&found.hash, &id.hash));
    cr_assert_eq(publish(&node, "acme", "A", 2, &id), TAMGA_OK);
    cr_assert_eq(approve(&node, "bolt", &id), TAMGA_OK);
    cr_assert_eq(approve(&node, "node-a", &id), TAMGA_OK);
    newest(&node, &counter, &withdrawn);
    cr_assert_eq(counter, 2);
    cr_assert_eq(approve(&node, "node-a", &id), TAMGA_E_APPROVED_ALREADY);
    test_node_close(&node);
}

/*
 * Goal:   whoever published a release, or owns its model, withdraws it, once; then the state
 *         says so, and a newer release takes its place.
 * Method: others try; the provider withdraws its own, the owner the provider's next.
 */
Test(models, a_release_is_withdrawn)
{
    struct tamga_entry_id first, second, nothing = {{{9}}};
    struct test_node node;
    uint64_t counter;
    bool withdrawn;

    test_node_open(&node, test_consortium());
    cr_assert_eq(publish(&node, "softco", NULL, 1, &first), TAMGA_OK);
    cr_assert_eq(withdraw(&node, "bolt", &first), TAMGA_E_NOT_OWNER);
    cr_assert_eq(withdraw(&node, "acme", &nothing), TAMGA_E_UNKNOWN_RELEASE);
    cr_assert_eq(withdraw(&node, "softco", &first), TAMGA_OK);
    newest(&node, &counter, &withdrawn);
    cr_assert(withdrawn);
    cr_assert_eq(counter, 1);
    cr_assert_eq(withdraw(&node, "acme", &first), TAMGA_E_RELEASE_WITHDRAWN);
    cr_assert_eq(approve(&node, "acme", &first), TAMGA_E_RELEASE_WITHDRAWN);
    cr_assert_eq(permit(&node, "acme", &first, T0 + 60000), TAMGA_E_RELEASE_WITHDRAWN);
    cr_assert_eq(publish(&node, "softco", NULL, 2, &second), TAMGA_OK);
    newest(&node, &counter, &withdrawn);
    cr_assert_not(withdrawn);
    cr_assert_eq(counter, 2);
    cr_assert_eq(withdraw(&node, "acme", &second), TAMGA_OK);
    newest(&node, &counter, &withdrawn);
    cr_assert(withdrawn);
    test_node_close(&node);
}

/*
 * Goal:   a permit to go back is the owner's to give, for a time that is to come.
 * Method: another's, one that is over, one that is good.
 */
Test(models, a_permit_is_the_owners)
{
    struct tamga_entry_id id;
    struct test_node node;

    test_node_open(&node, test_consortium());
    cr_assert_eq(publish(&node, "softco", NULL, 1, &id), TAMGA_OK);
    cr_assert_eq(approve(&node, "acme", &id), TAMGA_E_PROPOSAL_OVER);
    cr_assert_eq(permit(&node, "softco", &id, T0 + 60000), TAMGA_E_NOT_OWNER);
    cr_assert_eq(permit(&node, "acme", &id, T0), TAMGA_E_BAD_PERMIT);
    cr_assert_eq(permit(&node, "acme", &id, T0 + 60000), TAMGA_OK);
    (void)pump;
    test_node_close(&node);
}
