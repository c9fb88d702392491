/* What whoever has a member's key cannot do with it: core/rules/members.c. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "decide.h"

#define T0     TEST_GENESIS_MS
#define REMOVE TAMGA__V1__STANDING__STANDING_REMOVED

static enum tamga_err publish(struct test_node *node, const char *sender)
{
    TAMGA_BUF payload = {0};

    test_release(&payload, NULL, &(struct test_release){.sender = sender, .producer = "bolt",
                                                        .model = "pump"});
    return test_settle(node, &payload);
}

static enum tamga_err propose(struct test_node *node, const struct test_change *change)
{
    TAMGA_BUF payload = {0};

    test_propose(&payload, NULL, "acme", change);
    return test_settle(node, &payload);
}

/*
 * Goal:   whoever has stolen a key cannot put off its end by changing it.
 * Method: as late as it may, bolt changes its key; a quorum revokes it at once: neither the
 *         old key nor the new one signs anything, now or when the change would have held.
 */
Test(stolen_key, a_stolen_key_cannot_put_off_its_end)
{
    struct test_change revoke = {.name = "bolt", .revoke_key = true};
    struct tamga_entry_id id;
    struct test_node node;
    TAMGA_BUF payload = {0};

    test_node_open(&node, test_consortium());
    test_rotate(&payload, "bolt", "thief", NULL, 17);
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_E_BAD_VALUE);
    test_rotate(&payload, "bolt", "thief", NULL, 16);
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK);     /* in block 1: holds from 17 on */
    cr_assert_eq(test_decide(&node, &id, &revoke), TAMGA_OK); /* in block 5: from 6 on */
    cr_assert_eq(publish(&node, "bolt"), TAMGA_E_KEY_ENDED);
    cr_assert_eq(publish(&node, "thief"), TAMGA_E_KEY_NOT_YET);
    test_pass(&node, 16);
    cr_assert_eq(publish(&node, "bolt"), TAMGA_E_KEY_ENDED);
    cr_assert_eq(publish(&node, "thief"), TAMGA_E_KEY_ENDED);
    test_node_close(&node);
}

static bool sits(const char *key, uint64_t height)
{
    const struct tamga_chain *chain = test_consortium();
    struct tamga_address address;

    test_address(&address, key);
    for (uint32_t i = 0; i < tamga_validator_count(chain); i++)
        if (tamga_hash_equal(&tamga_validator(chain, i)->address.hash, &address.hash) &&
            tamga_validator_holds(chain, i, height))
            return true;
    return false;
}

/*
 * Goal:   no validator keeps itself, or others, from being changed by changing its own key.
 * Method: node-c's change waits, so node-d cannot sit; node-c is removed all the same: its
 *         seat ends when the new key would have had it, and then node-d's turn comes.
 */
Test(stolen_key, a_validator_cannot_put_off_its_end)
{
    struct test_change more = {.name = "node-d",
                               .key = "node-d",
                               .roles = TAMGA__V1__ROLE__ROLE_CONSORTIUM,
                               .standing = TAMGA__V1__STANDING__STANDING_ACTIVE,
                               .seat = TAMGA__V1__SEAT__SEAT_TAKES};
    struct test_change leave = {.name = "node-c", .standing = REMOVE};
    struct tamga_entry_id id;
    struct test_node node;
    TAMGA_BUF payload = {0};

    test_node_open(&node, test_consortium());
    test_rotate(&payload, "node-c", "node-c-2", NULL, 16);
    cr_assert_eq(test_settle(&node, &payload), TAMGA_OK); /* in block 1: holds from 17 on */
    cr_assert_eq(propose(&node, &more), TAMGA_E_CHANGE_PENDING);
    cr_assert_eq(test_decide(&node, &id, &leave), TAMGA_OK);
    cr_assert(sits("node-c", 16) && !sits("node-c", 17));
    cr_assert(!sits("node-c-2", 17) && !sits("node-c-2", 1000));
    test_pass(&node, 12);
    cr_assert_eq(propose(&node, &more), TAMGA_OK);
    test_node_close(&node);
}

/*
 * Goal:   no member uses up the room for keys.
 * Method: node-c changes its key again and again; half of the room for validators' keys is
 *         left to a quorum, which removes it.
 */
Test(stolen_key, half_of_the_room_is_for_quorums)
{
    struct tamga_entry_id id;
    struct test_node node;
    TAMGA_BUF payload = {0};
    char old[16] = "node-c", new[16];
    unsigned changes = 0;
    enum tamga_err err;

    test_node_open(&node, test_consortium());
    do {
        snprintf(new, sizeof new, "node-c-%u", changes);
        test_rotate(&payload, old, new, NULL, 1);
        err = test_settle(&node, &payload);
        test_pass(&node, err == TAMGA_OK ? TAMGA_COUNCIL_GAP : 0);
        strcpy(old, new);
    } while (err == TAMGA_OK && ++changes < 200);
    cr_assert_eq(err, TAMGA_E_ROSTER_FULL, "%s", tamga_err_name(err));
    cr_assert_eq(changes, 125); /* beside the three of genesis */
    cr_assert_eq(test_decide(&node, &id, &(struct test_change){.name = "node-c",
                                                               .standing = REMOVE}),
                 TAMGA_OK);
    test_node_close(&node);
}
