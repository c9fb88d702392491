/* Members, their keys and what they decide together: core/rules/governance.c, members.c. */
#include <criterion/criterion.h>

#include "chain/query.h"
#include "decide.h"
#include "wire/wire.h"

#define T0       TEST_GENESIS_MS
#define ACTIVE   TAMGA__V1__STANDING__STANDING_ACTIVE
#define SUSPEND  TAMGA__V1__STANDING__STANDING_SUSPENDED
#define REMOVE   TAMGA__V1__STANDING__STANDING_REMOVED
#define PROVIDER TAMGA__V1__ROLE__ROLE_PROVIDER
#define NODE     TAMGA__V1__ROLE__ROLE_CONSORTIUM
#define OEM      TAMGA__V1__ROLE__ROLE_OEM
#define STATES   (1u << TAMGA_FAMILY_STATE | 1u << TAMGA_FAMILY_INDEX | 1u << TAMGA_FAMILY_MAP)

static enum tamga_err publish(struct test_node *node, const char *sender, uint64_t counter)
{
    TAMGA_BUF payload = {0};

    test_release(&payload, NULL,
                 &(struct test_release){.sender = sender, .producer = "bolt", .model = "pump",
                                        .counter = counter});
    return test_settle(node, &payload);
}

static enum tamga_err approve(struct test_node *node, const char *sender,
                              const struct tamga_entry_id *id)
{
    TAMGA_BUF payload = {0};

    test_approve(&payload, sender, id);
    return test_settle(node, &payload);
}

static enum tamga_err propose(struct test_node *node, const char *sender,
                              struct tamga_entry_id *id, const struct test_change *change)
{
    TAMGA_BUF payload = {0};

    test_propose(&payload, id, sender, change);
    return test_settle(node, &payload);
}

static const struct test_change join = {
    .name = "newco", .key = "newco", .roles = OEM, .standing = ACTIVE, .after = 2};

/*
 * Goal:   a member joins by a quorum of those who have a say, at the stated height, and not
 *         by one less.
 * Method: three of five approve: the key is nobody's; the fourth: it holds two blocks on.
 */
Test(governance, a_member_joins_by_quorum)
{
    static const char *const voter[] = {"bolt", "node-a"};
    struct tamga_entry_id id;
    struct test_node node;
    TAMGA_BUF payload = {0};

    test_node_open(&node, test_consortium());
    cr_assert_eq(propose(&node, "acme", &id, &join), TAMGA_OK);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(approve(&node, voter[i], &id), TAMGA_OK);
    test_propose(&payload, NULL, "newco", &join);
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_NOT_MEMBER);
    cr_assert_eq(approve(&node, "node-b", &id), TAMGA_OK); /* in block 4: holds from 6 on */
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_KEY_NOT_YET);
    test_pass(&node, 1);
    test_propose(&payload, NULL, "newco",
                 &(struct test_change){.name = "softco", .standing = SUSPEND});
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK); /* as an OEM it has a say */
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 6);
    cr_assert_eq(approve(&node, "node-c", &id), TAMGA_E_PROPOSAL_OVER);
    test_node_close(&node);
}

/*
 * Goal:   each refusal about proposals and approvals has its own code, and changes nothing.
 * Method: strangers to the matter, twice the same, what is none, what has expired.
 */
Test(governance, refuses_who_and_what)
{
    struct tamga_entry_id id, other, nothing = {{{7}}};
    struct test_change soon = join;
    struct test_node node;
    TAMGA_BUF before = {0};
    TAMGA_BUF after = {0};

    test_node_open(&node, test_consortium());
    soon.expires_ms = T0 + 20 * TEST_SPACING_MS;
    cr_assert_eq(propose(&node, "acme", &id, &soon), TAMGA_OK);
    test_dump(&before, node.store, STATES);
    cr_assert_eq(propose(&node, "softco", &other, &join), TAMGA_E_NOT_VOTER);
    cr_assert_eq(propose(&node, "gw-1", &other, &join), TAMGA_E_GATEWAY_SENDER);
    cr_assert_eq(propose(&node, "stranger", &other, &join), TAMGA_E_NOT_MEMBER);
    cr_assert_eq(approve(&node, "softco", &id), TAMGA_E_NOT_VOTER);
    cr_assert_eq(approve(&node, "acme", &id), TAMGA_E_APPROVED_ALREADY);
    cr_assert_eq(approve(&node, "bolt", &nothing), TAMGA_E_UNKNOWN_PROPOSAL);
    test_dump(&after, node.store, STATES);
    cr_assert(tamga_span_equal(tamga_buf_span(&before), tamga_buf_span(&after)));
    test_pass(&node, 20);
    cr_assert_eq(approve(&node, "bolt", &id), TAMGA_E_PROPOSAL_OVER);
    test_node_close(&node);
}

/*
 * Goal:   an approval is for one proposal and no other, however alike.
 * Method: the same change proposed with another delay: approvals of the first do not count.
 */
Test(governance, an_old_approval_is_worth_nothing_for_a_changed_proposal)
{
    struct tamga_entry_id first, second;
    struct test_change changed = join;
    struct test_node node;
    TAMGA_BUF payload = {0};

    changed.after = 3;
    test_node_open(&node, test_consortium());
    cr_assert_eq(propose(&node, "acme", &first, &join), TAMGA_OK);
    cr_assert_eq(approve(&node, "bolt", &first), TAMGA_OK);
    cr_assert_eq(approve(&node, "node-a", &first), TAMGA_OK);
    cr_assert_eq(propose(&node, "acme", &second, &changed), TAMGA_OK);
    cr_assert_eq(approve(&node, "node-b", &second), TAMGA_OK);
    test_propose(&payload, NULL, "newco", &join);
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_NOT_MEMBER);
    test_node_close(&node);
}

/*
 * Goal:   what would leave the network unable to act, or is no change, is refused at once.
 * Method: one row a rule, on genesis.
 */
Test(governance, refuses_changes_that_make_no_sense)
{
    static const struct {
        struct test_change change;
        enum tamga_err expected;
    } row[] = {
        {{.name = "nobody", .standing = SUSPEND}, TAMGA_E_UNKNOWN_MEMBER},
        {{.name = "newco", .key = "newco", .standing = ACTIVE}, TAMGA_E_UNKNOWN_MEMBER},
        {{.name = "newco", .roles = OEM, .standing = ACTIVE}, TAMGA_E_UNKNOWN_MEMBER},
        {{.name = "newco", .key = "acme", .roles = OEM, .standing = ACTIVE}, TAMGA_E_KEY_TAKEN},
        {{.name = "softco", .key = "softco"}, TAMGA_E_KEY_TAKEN},
        {{.name = "softco", .standing = ACTIVE}, TAMGA_E_NO_CHANGE},
        {{.name = "softco", .roles = PROVIDER}, TAMGA_E_NO_CHANGE},
        {{.name = "softco"}, TAMGA_E_NO_CHANGE},
        {{.name = "node-a", .seat = TAMGA__V1__SEAT__SEAT_TAKES}, TAMGA_E_NO_CHANGE},
        {{.name = "acme", .seat = TAMGA__V1__SEAT__SEAT_TAKES}, TAMGA_E_BAD_VALUE},
        {{.name = "gw-1", .roles = 12}, TAMGA_E_BAD_VALUE},
        {{.name = "Softco", .standing = SUSPEND}, TAMGA_E_BAD_VALUE},
        {{.name = "softco", .standing = SUSPEND, .roles = OEM}, TAMGA_E_BAD_VALUE},
        {{.name = "softco", .standing = ACTIVE, .revoke_key = true}, TAMGA_E_BAD_VALUE},
        {{.name = "softco", .standing = SUSPEND, .after = 1001}, TAMGA_E_BAD_VALUE},
        {{.name = "softco", .standing = SUSPEND, .expires_ms = T0}, TAMGA_E_BAD_VALUE},
        {{.name = "softco", .standing = SUSPEND, .expires_ms = T0 + 91 * 86400000ull},
         TAMGA_E_BAD_VALUE},
        {{.name = "softco", .standing = SUSPEND}, TAMGA_OK},
    };
    struct test_node node;

    test_node_open(&node, test_consortium());
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct tamga_entry_id id;

        cr_assert_eq(propose(&node, "acme", &id, &row[i].change), row[i].expected, "row %zu", i);
    }
    test_node_close(&node);
}

/*
 * Goal:   the last node, validator or voter cannot be taken away.
 * Method: nodes leave until one is left, as far apart as changes of validators must be.
 */
Test(governance, something_is_always_left)
{
    struct test_change leave = {.name = "node-c", .standing = REMOVE};
    struct tamga_entry_id id;
    struct test_node node;
    TAMGA_BUF payload = {0};

    test_node_open(&node, test_consortium());
    cr_assert_eq(test_decide(&node, &id, &leave), TAMGA_OK);
    test_pass(&node, TAMGA_COUNCIL_GAP);
    leave.name = "node-b";
    cr_assert_eq(propose(&node, "acme", &id, &leave), TAMGA_OK);
    cr_assert_eq(approve(&node, "bolt", &id), TAMGA_OK);
    cr_assert_eq(approve(&node, "node-a", &id), TAMGA_OK); /* three of four */
    test_pass(&node, TAMGA_COUNCIL_GAP);
    test_propose(&payload, NULL, "acme",
                 &(struct test_change){.name = "node-a", .seat = TAMGA__V1__SEAT__SEAT_LEAVES});
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_NO_QUORUM);
    test_propose(&payload, NULL, "acme", &(struct test_change){.name = "node-a", .roles = OEM});
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_NO_QUORUM);
    test_node_close(&node);
}

/*
 * Goal:   validators change one at a time, with blocks in between.
 * Method: a second change is refused until so many blocks have passed since the first.
 */
Test(governance, validators_change_one_at_a_time)
{
    struct test_change more = {.name = "node-d", .key = "node-d", .roles = NODE,
                               .standing = ACTIVE, .seat = TAMGA__V1__SEAT__SEAT_TAKES};
    struct tamga_entry_id id;
    struct test_node node;

    test_node_open(&node, test_consortium());
    cr_assert_eq(test_decide(&node, &id, &more), TAMGA_OK); /* decided in block 4 */
    more.name = more.key = "node-e";
    for (unsigned height = 5; height < 4 + TAMGA_COUNCIL_GAP; height++) {
        cr_assert_eq(propose(&node, "acme", &id, &more), TAMGA_E_CHANGE_PENDING);
        test_pass(&node, 1);
    }
    cr_assert_eq(propose(&node, "acme", &id, &more), TAMGA_OK);
    test_node_close(&node);
}

/*
 * Goal:   a revoked key signs nothing more from the stated height on, whatever time it
 *         claims; what it signed before stays; only another key brings the member back.
 * Method: bolt publishes, is revoked, tries with times before and after; then gets a key.
 */
Test(governance, a_revoked_key_is_refused_by_height)
{
    struct test_change revoke = {.name = "bolt", .revoke_key = true, .after = 2};
    struct tamga_entry_id id;
    struct tamga_place place;
    struct test_node node;
    TAMGA_BUF payload = {0};

    test_node_open(&node, test_consortium());
    test_release(&payload, &id, &(struct test_release){.sender = "bolt", .producer = "bolt",
                                                        .model = "pump"});
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
    cr_assert_eq(propose(&node, "acme", &id, &revoke), TAMGA_OK);
    cr_assert_eq(approve(&node, "node-a", &id), TAMGA_OK);
    cr_assert_eq(approve(&node, "node-b", &id), TAMGA_OK);
    cr_assert_eq(approve(&node, "node-c", &id), TAMGA_OK); /* in block 5: until 7 */
    cr_assert_eq(publish(&node, "bolt", 2), TAMGA_OK);     /* in block 6 */
    cr_assert_eq(publish(&node, "bolt", 3), TAMGA_E_KEY_ENDED);
    cr_assert_eq(propose(&node, "bolt", &id, &join), TAMGA_E_KEY_ENDED);
    test_release(&payload, &id, &(struct test_release){.sender = "bolt", .producer = "bolt",
                                                        .model = "pump"});
    cr_assert_eq(tamga_query_place(&node.store->reader.view, &id, &place), TAMGA_OK);
    cr_assert_eq(place.height, 1);

    cr_assert_eq(propose(&node, "acme", &id,
                         &(struct test_change){.name = "bolt", .standing = ACTIVE}),
                 TAMGA_E_KEY_ENDED);
    cr_assert_eq(propose(&node, "acme", &id,
                         &(struct test_change){.name = "bolt", .key = "bolt-2"}),
                 TAMGA_OK);
    cr_assert_eq(approve(&node, "node-a", &id), TAMGA_OK);
    cr_assert_eq(approve(&node, "node-b", &id), TAMGA_OK); /* three of four that are left */
    cr_assert_eq(publish(&node, "bolt", 3), TAMGA_E_KEY_ENDED);
    cr_assert_eq(publish(&node, "bolt-2", 3), TAMGA_OK);
    test_node_close(&node);
}

/*
 * Goal:   a member changes its own key with the old one, if the new one signs for itself.
 * Method: somebody else signs for it; then itself; the old key is over, a second change of
 *         the same key waits its turn.
 */
Test(governance, a_member_rotates_its_own_key)
{
    struct test_node node;
    TAMGA_BUF payload = {0};

    test_node_open(&node, test_consortium());
    test_rotate(&payload, "bolt", "bolt-2", "stranger", 1);
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_BAD_POSSESSION);
    test_rotate(&payload, "bolt", "acme", NULL, 1);
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_KEY_TAKEN);
    test_rotate(&payload, "bolt", "bolt-2", NULL, 1);
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
    cr_assert_eq(publish(&node, "bolt", 1), TAMGA_E_KEY_ENDED);
    cr_assert_eq(publish(&node, "bolt-2", 1), TAMGA_OK);
    test_rotate(&payload, "bolt-2", "bolt", NULL, 1);
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_KEY_TAKEN);
    test_node_close(&node);
}

/*
 * Goal:   suspension ends by reinstatement, with the same key; removal is for good.
 * Method: softco publishes before, between and after; then is removed and asked back.
 */
Test(governance, suspension_ends_and_removal_does_not)
{
    struct test_change change = {.name = "softco", .standing = SUSPEND};
    struct tamga_entry_id id;
    struct test_node node;
    TAMGA_BUF payload = {0};

    test_node_open(&node, test_consortium());
    test_release(&payload, NULL, &(struct test_release){.sender = "softco"});
    cr_assert_eq(test_decide(&node, &id, &change), TAMGA_OK);
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_KEY_ENDED);
    change.standing = ACTIVE;
    cr_assert_eq(test_decide(&node, &id, &change), TAMGA_OK);
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);
    change.standing = REMOVE;
    cr_assert_eq(test_decide(&node, &id, &change), TAMGA_OK);
    change.standing = ACTIVE;
    cr_assert_eq(propose(&node, "acme", &id, &change), TAMGA_E_NAME_TAKEN);
    test_node_close(&node);
}

/*
 * Goal:   a second change of one member waits until the first holds, unless it takes the key
 *         away: then it is the one that counts.
 * Method: suspend in ten blocks; meanwhile the same member is to get a role, then to be
 *         removed; it is from there on, and stays so when the ten blocks are over.
 */
Test(governance, changes_of_one_member_do_not_overlap)
{
    struct test_change change = {.name = "softco", .standing = SUSPEND, .after = 10};
    struct test_change more = {.name = "softco", .roles = PROVIDER | OEM};
    struct tamga_entry_id id;
    struct test_node node;
    TAMGA_BUF payload = {0};

    test_release(&payload, NULL, &(struct test_release){.sender = "softco"});
    test_node_open(&node, test_consortium());
    cr_assert_eq(test_decide(&node, &id, &change), TAMGA_OK); /* in block 4: holds from 14 on */
    cr_assert_eq(propose(&node, "acme", &id, &more), TAMGA_E_CHANGE_PENDING);
    change = (struct test_change){.name = "softco", .standing = REMOVE};
    cr_assert_eq(test_decide(&node, &id, &change), TAMGA_OK); /* in block 8: from 9 on */
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_KEY_ENDED);
    test_pass(&node, 10);
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_KEY_ENDED);
    cr_assert_eq(propose(&node, "acme", &id, &more), TAMGA_E_NAME_TAKEN);
    test_node_close(&node);
}

/*
 * Goal:   a node that was removed mines no block from that height on, and one that joined
 *         does from its own.
 * Method: a quorum removes node-c and takes node-d; both propose, and a block by node-c that
 *         was made by hand is condemned when it is connected.
 */
Test(governance, who_may_mine_follows_the_state)
{
    struct test_change leave = {.name = "node-c", .standing = REMOVE};
    struct test_change more = {.name = "node-d", .key = "node-d", .roles = NODE,
                               .standing = ACTIVE};
    struct tamga_entry_id id;
    struct test_node node;
    struct test_block bad = {0};
    TAMGA_BUF payload = {0};
    uint64_t now_ms;

    test_node_open(&node, test_consortium());
    cr_assert_eq(test_decide(&node, &id, &leave), TAMGA_OK);
    cr_assert_eq(propose(&node, "acme", &id, &more), TAMGA_OK);
    cr_assert_eq(approve(&node, "bolt", &id), TAMGA_OK);
    now_ms = tamga_engine_tip(node.engine)->tip.time_ms + TEST_SPACING_MS;
    test_approve(&payload, "node-a", &id);
    cr_assert_eq(test_submit(&node, &payload, now_ms), TAMGA_OK);
    cr_assert_eq(test_mine(&node, NULL, "node-c", now_ms), TAMGA_E_NOT_FOUND);
    cr_assert_eq(test_mine(&node, NULL, "node-d", now_ms), TAMGA_E_NOT_FOUND);
    test_state_learn(node.chain, &node.store->reader.view,
                     tamga_engine_tip(node.engine)->tip.height);
    test_block_on(&bad, node.chain, tamga_engine_tip(node.engine), "node-c", 0, &payload, 1,
                  NULL);
    cr_assert_eq(tamga_engine_add_block(node.engine, &bad.block, now_ms + TEST_SPACING_MS, NULL),
                 TAMGA_OK);
    cr_assert_neq(memcmp(&tamga_engine_tip(node.engine)->tip_id, &bad.id, sizeof bad.id), 0);
    cr_assert_eq(tamga_engine_add_block(node.engine, &bad.block, now_ms + TEST_SPACING_MS, NULL),
                 TAMGA_E_INVALID_ANCESTOR);
    cr_assert_eq(test_mine(&node, NULL, "node-b", now_ms + 1), TAMGA_OK);
    test_release(&payload, NULL, &(struct test_release){0});
    cr_assert_eq(test_submit(&node, &payload, now_ms), TAMGA_OK);
    cr_assert_eq(test_mine(&node, NULL, "node-d", now_ms + 2000), TAMGA_OK);
    test_block_clear(&bad);
    test_node_close(&node);
}

/*
 * Goal:   a change is undone with the block that decided it.
 * Method: one node decides on softco, another mines more blocks without it; the first one
 *         switches, and then its state is the other's, byte for byte, and softco publishes.
 */
Test(governance, is_undone_by_reorganization)
{
    struct test_change change = {.name = "softco", .standing = SUSPEND};
    struct tamga_entry_id id;
    struct test_node here, there;
    TAMGA_BUF payload = {0};
    uint64_t height;

    test_node_open(&here, test_consortium());
    test_node_open(&there, test_consortium());
    cr_assert_eq(test_decide(&here, &id, &change), TAMGA_OK);
    test_release(&payload, NULL, &(struct test_release){.sender = "softco"});
    cr_assert_eq(test_submit(&here, &payload, T0), TAMGA_E_KEY_ENDED);
    test_pass(&there, 6);
    height = tamga_engine_tip(there.engine)->tip.height;
    for (uint64_t at = 1; at <= 2 * height; at++) { /* headers first, then bodies */
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
        struct tamga_block_id block_id;
        size_t added;

        cr_assert_eq(tamga_query_id_at(&there.store->reader.view, (at - 1) % height + 1,
                                       &block_id),
                     TAMGA_OK);
        cr_assert_eq(tamga_query_block(&there.store->reader.view, &block_id, &block), TAMGA_OK);
        cr_assert_eq(at <= height
                         ? tamga_engine_add_headers(here.engine, &block.sealed, 1, T0 + 60000,
                                                    &added, NULL)
                         : tamga_engine_add_block(here.engine, &block, T0 + 60000, NULL),
                     TAMGA_OK);
    }
    cr_assert_eq(tamga_engine_flush(here.engine), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(here.engine)->tip.height, height);
    cr_assert(test_same_content(here.store, there.store, STATES));
    cr_assert_eq(test_submit(&here, &payload, T0), TAMGA_OK);
    test_node_close(&here);
    test_node_close(&there);
}

/* What is said of a name now; 99: nothing. */
static uint32_t standing(const struct test_node *node, const char *name)
{
    uint32_t roles = 99;

    (void)tamga_network_standing(node->chain->network, name, &roles);
    return roles;
}

/*
 * Goal:   what a member may do is told when it changes, not when it is decided.
 * Method: suspend softco and reinstate it as an OEM, each two blocks after the decision.
 */
Test(governance, standing_is_told_when_it_changes)
{
    struct test_change change = {.name = "softco", .standing = SUSPEND, .after = 2};
    struct tamga_entry_id id;
    struct test_node node;

    test_node_open(&node, test_consortium());
    cr_assert_eq(standing(&node, "softco"), 99);
    cr_assert_eq(test_decide(&node, &id, &change), TAMGA_OK); /* in block 4: from 6 on */
    cr_assert_eq(standing(&node, "softco"), PROVIDER);
    test_pass(&node, 1);
    cr_assert_eq(standing(&node, "softco"), 0);
    change.standing = ACTIVE;
    change.roles = OEM | PROVIDER;
    cr_assert_eq(test_decide(&node, &id, &change), TAMGA_OK);
    cr_assert_eq(standing(&node, "softco"), 0);
    test_pass(&node, 1);
    cr_assert_eq(standing(&node, "softco"), OEM | PROVIDER);
    cr_assert_eq(standing(&node, "stranger"), 99);
    test_node_close(&node);
}

/* ---- parameters ------------------------------------------------------------------------ */

static enum tamga_err decide_params(struct test_node *node, const char *chain, uint64_t age_ms,
                                    uint32_t entries, uint32_t bytes)
{
    static const char *const voter[] = {"bolt", "node-a", "node-b"};
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Propose propose_body = TAMGA__V1__PROPOSE__INIT;
    Tamga__V1__ParamsChange change = TAMGA__V1__PARAMS_CHANGE__INIT;
    struct tamga_entry_id id;
    TAMGA_BUF payload = {0};
    enum tamga_err err;

    change.chain = (char *)(uintptr_t)chain;
    change.entry_age_max_ms = age_ms;
    change.block_entries_max = entries;
    change.block_bytes_max = bytes;
    propose_body.change_case = TAMGA__V1__PROPOSE__CHANGE_PARAMS;
    propose_body.params = &change;
    propose_body.after = 1;
    propose_body.expires_ms = T0 + 3600000;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_PROPOSE;
    body.propose = &propose_body;
    test_action(&payload, &id, "acme", &body);
    err = test_settle(node, &payload);
    for (size_t i = 0; err == TAMGA_OK && i < 3; i++)
        err = approve(node, voter[i], &id);
    return err;
}

/*
 * Goal:   parameters change by quorum, within what genesis allows, from the next block on.
 * Method: refusals; then one entry a block: of two that wait the second is in the next one;
 *         and an age of a second, which refuses what was signed before that.
 */
Test(governance, parameters_change_by_quorum)
{
    struct test_node node;
    TAMGA_BUF payload = {0};
    uint64_t now_ms;

    test_node_open(&node, test_consortium());
    cr_assert_eq(decide_params(&node, "gateway", 5000, 0, 0), TAMGA_E_BAD_VALUE);
    cr_assert_eq(decide_params(&node, "consortium", 0, 0, 0), TAMGA_E_NO_CHANGE);
    cr_assert_eq(decide_params(&node, "consortium", 999, 0, 0), TAMGA_E_BAD_VALUE);
    cr_assert_eq(decide_params(&node, "consortium", 0, TEST_ENTRIES_MAX + 1, 0),
                 TAMGA_E_BAD_VALUE);
    cr_assert_eq(decide_params(&node, "consortium", 0, 0, 131071), TAMGA_E_BAD_VALUE);
    cr_assert_eq(decide_params(&node, "consortium", TEST_AGE_MAX_MS, 0, 0), TAMGA_E_NO_CHANGE);
    cr_assert_eq(decide_params(&node, "consortium", 0, 1, 0), TAMGA_OK);
    now_ms = tamga_engine_tip(node.engine)->tip.time_ms + TEST_SPACING_MS;
    for (uint64_t counter = 1; counter <= 2; counter++) {
        test_release(&payload, NULL, &(struct test_release){.counter = counter});
        cr_assert_eq(test_submit(&node, &payload, now_ms), TAMGA_OK);
    }
    cr_assert_eq(test_mine(&node, NULL, "node-a", now_ms), TAMGA_OK);
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 1);
    cr_assert_eq(test_mine(&node, NULL, "node-a", now_ms + 1000), TAMGA_OK);
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 0);
    cr_assert_eq(decide_params(&node, "consortium", 1000, 0, 0), TAMGA_OK);
    test_release(&payload, NULL, &(struct test_release){.counter = 3});
    cr_assert_eq(test_submit(&node, &payload, T0 + 60000), TAMGA_E_STALE_TIME);
    test_node_close(&node);
}
