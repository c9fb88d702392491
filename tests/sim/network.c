/*
 * The fixture's network with as many validators on either chain as a run asks for. Its id
 * is the fixture's, so that what members of that one sign counts here too.
 */
#include <stdio.h>
#include <stdlib.h>

#include "wire/wire.h"
#include "world.h"

#define NAME_CHARS  8
#define MEMBERS_MAX 64

const char *sim_validator_name(int index, bool gateway)
{
    static char name[2][SIM_NODES_MAX][NAME_CHARS];
    char *out = name[gateway][index];

    /* After every name of the fixture, and ascending. */
    snprintf(out, NAME_CHARS, "%s-%d", gateway ? "w" : "v", index % 10);
    return out;
}

static void must(enum tamga_err err)
{
    if (err != TAMGA_OK) {
        fprintf(stderr, "sim: no network: %s\n", tamga_err_name(err));
        abort();
    }
}

struct added {
    Tamga__V1__Member member[2 * SIM_NODES_MAX];
    Tamga__V1__PublicKey key[2 * SIM_NODES_MAX];
    char *name[2][SIM_NODES_MAX];
};

static void add_validators(struct added *added, Tamga__V1__Member **member, size_t *count,
                           int validators)
{
    for (int gateway = 0; gateway < 2; gateway++)
        for (int i = 0; i < validators; i++) {
            int at = gateway * SIM_NODES_MAX + i;
            const char *name = sim_validator_name(i, gateway != 0);

            added->name[gateway][i] = (char *)(uintptr_t)name; /* only read */
            added->key[at] = tamga_wire_key_of(tamga_private_key_public(test_key(name)));
            tamga__v1__member__init(&added->member[at]);
            added->member[at].name = added->name[gateway][i];
            added->member[at].roles = gateway != 0 ? TAMGA__V1__ROLE__ROLE_GATEWAY
                                                   : TAMGA__V1__ROLE__ROLE_CONSORTIUM;
            added->member[at].key = &added->key[at];
            member[(*count)++] = &added->member[at];
        }
}

static struct tamga_network *make_network(int validators)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Genesis *base = test_genesis();
    Tamga__V1__Genesis genesis = *base;
    Tamga__V1__ChainParams consortium = *base->consortium, gateway = *base->gateway;
    Tamga__V1__Member *member[MEMBERS_MAX];
    struct added added;
    struct tamga_network *network;
    TAMGA_BUF bytes = {0};

    if (base->n_members + 2 * SIM_NODES_MAX > MEMBERS_MAX)
        must(TAMGA_E_TOO_LARGE);
    memcpy(member, base->members, base->n_members * sizeof member[0]);
    add_validators(&added, member, &genesis.n_members, validators);
    consortium.n_validators = gateway.n_validators = (size_t)validators;
    consortium.validators = added.name[0];
    gateway.validators = added.name[1];
    genesis.members = member;
    genesis.consortium = &consortium;
    genesis.gateway = &gateway;
    must(tamga_wire_pack(&bytes, &genesis.base));
    must(tamga_network_decode(&network, tamga_buf_span(&bytes), NULL));
    network->id = test_network()->id;
    return network;
}

const struct tamga_chain *sim_chain(int validators, bool gateway)
{
    static struct tamga_network *network[SIM_NODES_MAX + 1];
    static struct tamga_chain chain[2][SIM_NODES_MAX + 1];
    struct tamga_chain *out = &chain[gateway][validators];

    if (network[validators] == NULL)
        network[validators] = make_network(validators);
    if (out->rules == NULL)
        must(tamga_chain_init(out, gateway ? &tamga_rules_gateway : &tamga_rules_consortium,
                              network[validators]));
    return out;
}
