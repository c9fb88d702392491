/* What a genesis may say, and how its members are found. */
#include "chain/network.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "wire/wire.h"

#define MANY 129 /* one more validator than a chain may have */

/* ---- validators ------------------------------------------------------------------- */

static struct tamga_detail detail;

static enum tamga_err decode(const Tamga__V1__Genesis *genesis)
{
    TAMGA_BUF bytes = {0};
    struct tamga_network *network = NULL;
    enum tamga_err err;

    detail = (struct tamga_detail){""};
    cr_assert_eq(tamga_wire_pack(&bytes, &genesis->base), TAMGA_OK);
    err = tamga_network_decode(&network, tamga_buf_span(&bytes), &detail);
    cr_assert_eq(network != NULL, err == TAMGA_OK, "out is written on success only");
    tamga_network_free(network);
    return err;
}

static enum tamga_err decode_with(bool gateway, char **validator, size_t count)
{
    Tamga__V1__Genesis *genesis = test_genesis();
    Tamga__V1__ChainParams *params = gateway ? genesis->gateway : genesis->consortium;
    char **own = params->validators;
    size_t own_count = params->n_validators;
    enum tamga_err err;

    params->validators = validator;
    params->n_validators = count;
    err = decode(genesis);
    params->validators = own;
    params->n_validators = own_count;
    tamga_wire_free(&genesis->base);
    return err;
}

static char acme[] = "acme", node_a[] = "node-a", node_b[] = "node-b", node_c[] = "node-c",
            gw_1[] = "gw-1", gw_2[] = "gw-2", stranger[] = "stranger";

/*
 * Goal:   validators are miners of their chain, named once and in order; what is wrong is
 *         told by name.
 * Method: the lists of a table, each in an otherwise good genesis.
 */
Test(network, judges_validators)
{
    static const struct {
        bool gateway;
        char *validator[3];
        size_t count;
        enum tamga_err expected;
        const char *detail;
    } row[] = {
        {false, {node_a, node_b, node_c}, 3, TAMGA_OK, ""},
        {false, {node_b}, 1, TAMGA_OK, ""},
        {false, {node_a, node_c}, 2, TAMGA_OK, ""},
        {true, {gw_1, gw_2}, 2, TAMGA_OK, ""},
        {true, {gw_2}, 1, TAMGA_OK, ""},
        {false, {0}, 0, TAMGA_E_BAD_VALUE, "consortium validators: none named"},
        {true, {0}, 0, TAMGA_E_BAD_VALUE, "gateway validators: none named"},
        {false, {node_b, node_a}, 2, TAMGA_E_BAD_VALUE, "node-a is not after node-b"},
        {false, {node_a, node_a}, 2, TAMGA_E_BAD_VALUE, "node-a is not after node-a"},
        {true, {gw_2, gw_1}, 2, TAMGA_E_BAD_VALUE, "gateway validators: gw-1 is not after"},
        {false, {node_a, stranger}, 2, TAMGA_E_BAD_VALUE, "stranger is no member"},
        {false, {acme, node_a}, 2, TAMGA_E_BAD_VALUE, "acme is no member that mines"},
        {false, {gw_1, node_a}, 2, TAMGA_E_BAD_VALUE, "gw-1 is no member that mines"},
        {true, {gw_1, node_a}, 2, TAMGA_E_BAD_VALUE, "node-a is no member that mines"},
    };

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char *validator[3];
        enum tamga_err err;

        memcpy(validator, row[i].validator, sizeof validator);
        err = decode_with(row[i].gateway, validator, row[i].count);
        cr_assert_eq(err, row[i].expected, "row %zu: %s", i, tamga_err_name(err));
        cr_assert_not_null(strstr(detail.text, row[i].detail), "row %zu: %s", i, detail.text);
    }
}

/*
 * Goal:   without gateways nobody makes the gateway chain's blocks final, and need not.
 * Method: take the gateways out of genesis; with and without their names as validators.
 */
Test(network, no_gateways_no_validators)
{
    Tamga__V1__Genesis *genesis = test_genesis();
    Tamga__V1__Member **members = genesis->members, *others[16];
    size_t count = genesis->n_members, validators = genesis->gateway->n_validators;

    genesis->n_members = 0;
    genesis->members = others;
    for (size_t i = 0; i < count; i++)
        if (members[i]->roles != TAMGA__V1__ROLE__ROLE_GATEWAY)
            others[genesis->n_members++] = members[i];
    cr_assert_eq(decode(genesis), TAMGA_E_BAD_VALUE);
    genesis->gateway->n_validators = 0;
    cr_assert_eq(decode(genesis), TAMGA_OK, "%s", detail.text);
    genesis->gateway->n_validators = validators;
    genesis->members = members;
    genesis->n_members = count;
    tamga_wire_free(&genesis->base);
}

/* ---- many members ----------------------------------------------------------------- */

/* A genesis of MANY gateways besides the usual members; all of the first `validators` are
 * validators. Lends from the statics; `genesis` is given back by shrink. */
static struct crowd {
    Tamga__V1__Genesis *genesis;
    Tamga__V1__Member **members, member[MANY], *list[MANY + 16];
    Tamga__V1__PublicKey key[MANY];
    char name[MANY][8], *validator[MANY], **validators;
    size_t n_members, n_validators;
} crowd;

static int by_name(const void *a, const void *b)
{
    const Tamga__V1__Member *const *one = a, *const *other = b;

    return strcmp((*one)->name, (*other)->name);
}

static void grow(size_t validators)
{
    Tamga__V1__Genesis *genesis = test_genesis();

    crowd.genesis = genesis;
    crowd.members = genesis->members;
    crowd.n_members = genesis->n_members;
    crowd.validators = genesis->gateway->validators;
    crowd.n_validators = genesis->gateway->n_validators;
    memcpy(crowd.list, genesis->members, crowd.n_members * sizeof crowd.list[0]);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(crowd.name[i], sizeof crowd.name[i], "x-%03zu", i);
        crowd.key[i] =
            tamga_wire_key_of(tamga_private_key_public(test_key(crowd.name[i])));
        tamga__v1__member__init(&crowd.member[i]);
        crowd.member[i].name = crowd.validator[i] = crowd.name[i];
        crowd.member[i].roles = TAMGA__V1__ROLE__ROLE_GATEWAY;
        crowd.member[i].key = &crowd.key[i];
        crowd.list[crowd.n_members + i] = &crowd.member[i];
    }
    genesis->members = crowd.list;
    genesis->n_members = crowd.n_members + MANY;
    qsort(crowd.list, genesis->n_members, sizeof crowd.list[0], by_name);
    genesis->gateway->validators = crowd.validator;
    genesis->gateway->n_validators = validators;
}

static void shrink(void)
{
    crowd.genesis->members = crowd.members;
    crowd.genesis->n_members = crowd.n_members;
    crowd.genesis->gateway->validators = crowd.validators;
    crowd.genesis->gateway->n_validators = crowd.n_validators;
    tamga_wire_free(&crowd.genesis->base);
}

/*
 * Goal:   128 validators are accepted and 129 refused, however many gateways there are.
 * Method: 131 gateways, of whom the first 128, then 129 are named.
 */
Test(network, bounds_the_validators)
{
    enum tamga_err err;

    grow(TAMGA_VALIDATORS_MAX);
    err = decode(crowd.genesis);
    shrink();
    cr_assert_eq(err, TAMGA_OK, "%s", detail.text);
    grow(TAMGA_VALIDATORS_MAX + 1);
    err = decode(crowd.genesis);
    shrink();
    cr_assert_eq(tamga_err_class(err), TAMGA_CLASS_REJECT);
    cr_assert_eq(err, TAMGA_E_TOO_LARGE, "%s %s", tamga_err_name(err), detail.text);
}

/*
 * Goal:   every member is found by its address and no other address finds one.
 * Method: each of 137 members; each of their addresses with a bit flipped; a stranger.
 */
Test(network, finds_members_by_address)
{
    TAMGA_BUF bytes = {0};
    struct tamga_network *network;
    struct tamga_address address;

    grow(1);
    cr_assert_eq(tamga_wire_pack(&bytes, &crowd.genesis->base), TAMGA_OK);
    shrink();
    cr_assert_eq(tamga_network_decode(&network, tamga_buf_span(&bytes), &detail), TAMGA_OK, "%s",
                 detail.text);
    for (size_t i = 0; i < network->member_count; i++) {
        const struct tamga_member *member = &network->member[i];

        cr_assert_eq(tamga_network_member(network, &member->address), member);
        address = member->address;
        for (size_t bit = 0; bit < 256; bit += 51) {
            address.hash.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
            cr_assert_null(tamga_network_member(network, &address));
            address.hash.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    test_address(&address, "stranger");
    cr_assert_null(tamga_network_member(network, &address));
    tamga_network_free(network);
}

/*
 * Goal:   two members with one key would be one another's voice: refused, by names.
 * Method: give softco the key of node-a.
 */
Test(network, members_have_their_own_keys)
{
    Tamga__V1__Genesis *genesis = test_genesis();
    Tamga__V1__Member *last = genesis->members[genesis->n_members - 1];
    Tamga__V1__PublicKey *own = last->key;

    for (size_t i = 0; i < genesis->n_members; i++)
        if (strcmp(genesis->members[i]->name, "node-a") == 0)
            last->key = genesis->members[i]->key;
    cr_assert_eq(decode(genesis), TAMGA_E_BAD_VALUE);
    cr_assert_str_eq(detail.text, "members node-a and softco share a key");
    last->key = own;
    tamga_wire_free(&genesis->base);
}
