/* What a chain is made of: its id, its validators, its first block. */
#include "chain/rules.h"

#include <criterion/criterion.h>

#include "chain/state_map.h"
#include "fixture.h"
#include "wire/wire.h"

/*
 * Goal:   a chain knows its validators, ascending by address, and how many are a quorum.
 * Method: both chains of the network: each name once, in order, two thirds rounded up.
 */
Test(rules, names_validators)
{
    static const struct {
        const struct tamga_chain *(*chain)(void);
        uint32_t count, quorum, role;
    } row[] = {{test_consortium, 3, 2, TAMGA__V1__ROLE__ROLE_CONSORTIUM},
               {test_gateway, 2, 2, TAMGA__V1__ROLE__ROLE_GATEWAY}};

    for (size_t i = 0; i < 2; i++) {
        const struct tamga_chain *chain = row[i].chain();

        cr_assert_eq(tamga_validator_count(chain), row[i].count);
        cr_assert_eq(tamga_quorum(chain, 0), row[i].quorum);
        for (uint32_t j = 0; j < tamga_validator_count(chain); j++) {
            cr_assert_eq(tamga_validator(chain, j)->roles, row[i].role);
            cr_assert(tamga_validator_holds(chain, j, UINT64_MAX));
            if (j > 0)
                cr_assert_lt(memcmp(&tamga_validator(chain, j - 1)->address,
                                    &tamga_validator(chain, j)->address,
                                    sizeof(struct tamga_address)),
                             0);
        }
    }
}

/*
 * Goal:   the quorum is two thirds rounded up; without validators nothing is ever final.
 * Method: genesis with one, two, three consortium nodes named; with no gateway at all.
 */
Test(rules, quorum_is_two_thirds)
{
    static const uint32_t quorum[] = {0, 1, 2, 2};

    for (size_t count = 1; count <= 3; count++) {
        Tamga__V1__Genesis *genesis = test_genesis();
        size_t all = genesis->consortium->n_validators;
        struct tamga_network *network;
        struct tamga_chain chain;
        TAMGA_BUF bytes = {0};

        genesis->consortium->n_validators = count;
        cr_assert_eq(tamga_wire_pack(&bytes, &genesis->base), TAMGA_OK);
        genesis->consortium->n_validators = all;
        tamga_wire_free(&genesis->base);
        cr_assert_eq(tamga_network_decode(&network, tamga_buf_span(&bytes), NULL), TAMGA_OK);
        cr_assert_eq(tamga_chain_init(&chain, &tamga_rules_consortium, network), TAMGA_OK);
        cr_assert_eq(tamga_validator_count(&chain), count);
        cr_assert_eq(tamga_quorum(&chain, 0), quorum[count]);
        tamga_network_free(network);
    }
}

/*
 * Goal:   the genesis header commits to the state before the first block.
 * Method: the state that an engine begins with has that root, on both chains; they differ.
 */
Test(rules, genesis_has_a_state_root)
{
    const struct tamga_chain *chain[] = {test_consortium(), test_gateway()};

    for (size_t i = 0; i < 2; i++) {
        struct tamga_block_id id;
        struct tamga_hash root;
        struct test_node node;

        /* Members and models are the consortium chain's; the other begins with nothing. */
        cr_assert_eq(tamga_hash_is_zero(&chain[i]->genesis.state_root), i == 1);
        tamga_header_id(&id, &chain[i]->genesis);
        cr_assert(tamga_hash_equal(&id.hash, &chain[i]->genesis_id.hash));
        test_node_open(&node, chain[i]);
        cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
        cr_assert_eq(tamga_state_map_root(&root, &node.store->reader.view), TAMGA_OK);
        cr_assert(tamga_hash_equal(&root, &chain[i]->genesis.state_root));
        test_node_close(&node);
    }
    cr_assert_not(tamga_hash_equal(&chain[0]->genesis.state_root,
                                   &chain[1]->genesis.state_root));
}

static enum tamga_err no_memory(const struct tamga_chain *chain, struct tamga_overlay *state)
{
    (void)chain;
    (void)state;
    return TAMGA_E_NO_MEMORY;
}

/*
 * Goal:   a chain that cannot be made is not made by half.
 * Method: rules whose first state fails; the chain stays as it was.
 */
Test(rules, failure_leaves_the_chain_alone)
{
    struct tamga_rules rules = tamga_rules_consortium;
    struct tamga_chain chain = {.genesis.height = 77};

    rules.genesis = no_memory;
    cr_assert_eq(tamga_chain_init(&chain, &rules, test_network()), TAMGA_E_NO_MEMORY);
    cr_assert_eq(chain.genesis.height, 77);
    cr_assert_null(chain.rules);
}
