/* client/auditor/diff.c: what a proposal would change, in lines. */
#include <criterion/criterion.h>
#include <string.h>

#include "auditor/diff.h"
#include "fixture.h"
#include "wire/wire.h"

/* The fixture's members and validators as genesis has them. */
static void assembly_make(struct tamga_assembly *out)
{
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay state;
    struct tamga_hash key;

    *out = (struct tamga_assembly){.network = test_network()};
    tamga_overlay_init(&state, &tamga_view_empty);
    cr_assert_eq(tamga_rules_consortium.genesis(test_consortium(), &state), TAMGA_OK);
    tamga_key_roster(&key);
    cr_assert_eq(tamga_state_get((ProtobufCMessage **)&out->roster, &state.view, &key,
                                 &tamga__v1__state_roster__descriptor),
                 TAMGA_OK);
    tamga_key_council(&key);
    cr_assert_eq(tamga_state_get((ProtobufCMessage **)&out->council, &state.view, &key,
                                 &tamga__v1__state_council__descriptor),
                 TAMGA_OK);
}

struct row {
    const char *name;
    Tamga__V1__Standing standing;
    uint32_t roles;
    const char *key;
    bool revoke;
    Tamga__V1__Seat seat;
    const char *line[5]; /* what each begins with */
};

static const struct row row[] = {
    {"softco", TAMGA__V1__STANDING__STANDING_SUSPENDED, 0, NULL, false,
     TAMGA__V1__SEAT__SEAT_AS_IS, {"softco: active -> suspended"}},
    {"softco", TAMGA__V1__STANDING__STANDING_AS_IS, 3, NULL, false, TAMGA__V1__SEAT__SEAT_AS_IS,
     {"roles: provider -> oem, provider", "voters: 5 -> 6, approvals needed 4 -> 5"}},
    {"softco", TAMGA__V1__STANDING__STANDING_AS_IS, 0, "newer", false,
     TAMGA__V1__SEAT__SEAT_AS_IS, {"key: "}},
    {"bolt", TAMGA__V1__STANDING__STANDING_AS_IS, 0, NULL, true, TAMGA__V1__SEAT__SEAT_AS_IS,
     {"bolt: active -> revoked", "key ", "voters: 5 -> 4, approvals needed 4 -> 3"}},
    {"bolt", TAMGA__V1__STANDING__STANDING_AS_IS, 0, "newer", true,
     TAMGA__V1__SEAT__SEAT_AS_IS, {"key: ", "key "}},
    {"node-c", TAMGA__V1__STANDING__STANDING_REMOVED, 0, NULL, false,
     TAMGA__V1__SEAT__SEAT_AS_IS,
     {"node-c: active -> removed", "validator: yes -> no", "validators: 3 -> 2, quorum 2 -> 2",
      "voters: 5 -> 4, approvals needed 4 -> 3"}},
    {"node-c", TAMGA__V1__STANDING__STANDING_AS_IS, 0, NULL, false,
     TAMGA__V1__SEAT__SEAT_LEAVES, {"validator: yes -> no", "validators: 3 -> 2"}},
    {"node-d", TAMGA__V1__STANDING__STANDING_ACTIVE, 4, "node-d", false,
     TAMGA__V1__SEAT__SEAT_TAKES,
     {"node-d: no member -> active", "roles: none -> consortium", "key: none -> ",
      "validator: no -> yes", "validators: 3 -> 4, quorum 2 -> 3"}},
};

/*
 * Goal:   a proposal says in words what it changes, and what follows for those who decide.
 * Method: each kind of change against the fixture's five voters and three validators.
 */
Test(diff, says_what_changes)
{
    TAMGA_CLEANUP(tamga_assembly_clear) struct tamga_assembly assembly;

    assembly_make(&assembly);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        Tamga__V1__Propose propose = TAMGA__V1__PROPOSE__INIT;
        Tamga__V1__MemberChange change = TAMGA__V1__MEMBER_CHANGE__INIT;
        struct tamga_diff diff = {.count = 0};
        Tamga__V1__PublicKey key;

        change.name = (char *)(uintptr_t)row[i].name;
        change.standing = row[i].standing;
        change.roles = row[i].roles;
        change.revoke_key = row[i].revoke;
        change.seat = row[i].seat;
        if (row[i].key != NULL) {
            key = tamga_wire_key_of(tamga_private_key_public(test_key(row[i].key)));
            change.key = &key;
        }
        propose.change_case = TAMGA__V1__PROPOSE__CHANGE_MEMBER;
        propose.member = &change;
        tamga_diff_make(&diff, &assembly, &propose, 10);
        for (size_t k = 0; k < 5 && row[i].line[k] != NULL; k++) {
            cr_assert_gt(diff.count, k, "row %zu lacks \"%s\"", i, row[i].line[k]);
            cr_assert_eq(strncmp(diff.list[k], row[i].line[k], strlen(row[i].line[k])), 0,
                         "row %zu: \"%s\"", i, diff.list[k]);
        }
    }
}

/* Goal: parameters are compared with what is so. Method: two of them, one not stated. */
Test(diff, compares_parameters)
{
    TAMGA_CLEANUP(tamga_assembly_clear) struct tamga_assembly assembly;
    Tamga__V1__Propose propose = TAMGA__V1__PROPOSE__INIT;
    Tamga__V1__ParamsChange change = TAMGA__V1__PARAMS_CHANGE__INIT;
    struct tamga_diff diff = {.count = 0};

    assembly_make(&assembly);
    change.block_entries_max = 100;
    change.entry_age_max_ms = 5000;
    propose.change_case = TAMGA__V1__PROPOSE__CHANGE_PARAMS;
    propose.params = &change;
    tamga_diff_make(&diff, &assembly, &propose, 10);
    cr_assert_eq(diff.count, 2);
    cr_assert_str_eq(diff.list[0], "entry_age_max_ms: 86400000 -> 5000");
    cr_assert_str_eq(diff.list[1], "block_entries_max: 2048 -> 100");
}
