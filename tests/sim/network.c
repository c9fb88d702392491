/*
 * The fixture's network with as many validators on either chain as a run asks for, read anew
 * by every process: whom a node knows and who counts for it is then what its own state says.
 * Its id is the fixture's, so that what members of that one sign counts here too.
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

#define OEMS 2 /* beside the fixture's */

struct added {
    Tamga__V1__Member member[2 * SIM_NODES_MAX + OEMS];
    Tamga__V1__PublicKey key[2 * SIM_NODES_MAX + OEMS];
    char *name[2][SIM_NODES_MAX];
};

static void add_members(struct added *added, Tamga__V1__Member **member, size_t *count,
                        const struct sim_founders *founders)
{
    for (int gateway = 0; gateway < 2; gateway++)
        for (int i = 0; i < (gateway != 0 ? founders->nodes : founders->members); i++) {
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

/* Who governs: bolt's signatures would make each run another one. */
static void add_oems(struct added *added, Tamga__V1__Member **member, size_t *count)
{
    static const char *const name[OEMS] = {"x-0", "x-1"};

    for (size_t i = 0; i < OEMS; i++) {
        size_t at = 2 * SIM_NODES_MAX + i;

        added->key[at] = tamga_wire_key_of(tamga_private_key_public(test_key(name[i])));
        tamga__v1__member__init(&added->member[at]);
        added->member[at].name = (char *)(uintptr_t)name[i];
        added->member[at].roles = TAMGA__V1__ROLE__ROLE_OEM;
        added->member[at].key = &added->key[at];
        member[(*count)++] = &added->member[at];
    }
}

static void encode_genesis(struct tamga_buf *out, const struct sim_founders *founders)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Genesis *base = test_genesis();
    Tamga__V1__Genesis genesis = *base;
    Tamga__V1__ChainParams consortium = *base->consortium, gateway = *base->gateway;
    Tamga__V1__Member *member[MEMBERS_MAX];
    Tamga__V1__Governance governance = TAMGA__V1__GOVERNANCE__INIT;
    struct added added;

    if (base->n_members + 2 * SIM_NODES_MAX + OEMS > MEMBERS_MAX)
        must(TAMGA_E_TOO_LARGE);
    memcpy(member, base->members, base->n_members * sizeof member[0]);
    add_members(&added, member, &genesis.n_members, founders);
    add_oems(&added, member, &genesis.n_members);
    consortium.n_validators = (size_t)founders->seats;
    gateway.n_validators = (size_t)founders->nodes;
    consortium.validators = added.name[0];
    gateway.validators = added.name[1];
    genesis.members = member;
    governance.voters = founders->voters;
    governance.percent = 67;
    if (founders->voters != 0)
        genesis.governance = &governance;
    genesis.consortium = &consortium;
    genesis.gateway = &gateway;
    must(tamga_wire_pack(out, &genesis.base));
}

void sim_home_open(struct sim_home *home, const struct sim_founders *founders,
                   const struct tamga_rules *rules)
{
    TAMGA_BUF bytes = {0};

    sim_home_close(home);
    encode_genesis(&bytes, founders);
    must(tamga_network_decode(&home->network, tamga_buf_span(&bytes), NULL));
    home->network->id = test_network()->id;
    must(tamga_chain_init(&home->chain, rules, home->network));
    home->chain.params.block_entries_max = SIM_BLOCK_MAX;
}

void sim_home_close(struct sim_home *home)
{
    tamga_network_free(home->network);
    home->network = NULL;
}
