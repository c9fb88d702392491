/*
 * Consortium chains with as many validators as a test asks for, and their cosignatures.
 * The network is the fixture's with members added: "v-001", "v-002" and so on.
 */
#ifndef TAMGA_TEST_VALIDATORS_H
#define TAMGA_TEST_VALIDATORS_H

#include "chain/vote.h"
#include "fixture.h"

struct test_validators {
    struct tamga_network *network;
    struct tamga_chain chain; /* a test may revoke some */
    const struct tamga_private_key *key[TAMGA_VALIDATORS_MAX]; /* as chain.validator */
    struct tamga_private_key *own[TAMGA_VALIDATORS_MAX];       /* those that are random */
};
/* Keys follow from the names if they are Ed25519, and are random otherwise. */
void test_validators_init(struct test_validators *set, uint32_t count,
                          enum tamga_key_type type);
/* Those that the fixture's own chain has. */
void test_validators_of(struct test_validators *set, const struct tamga_chain *chain);
/* From height 1 on it is none any more. */
void test_revoke(struct test_validators *set, uint32_t validator);
void test_validators_clear(struct test_validators *set);

/* A checkpoint of a height, the same one each time. */
void test_checkpoint(struct tamga_checkpoint *out, uint64_t height);
/* Cosigned by `count` validators, the first of them at place `from`.
 * Owns: by tamga_wire_free. */
Tamga__V1__Checkpoint *test_cosign(const struct test_validators *set,
                                   const struct tamga_checkpoint *checkpoint, uint32_t from,
                                   uint32_t count);

/* What a state has of the member whose key signed this payload; NULL: it names none.
 * Owns: by tamga_wire_free. */
Tamga__V1__StateProof *test_sender_proof(const struct tamga_view *state,
                                         const struct tamga_buf *payload);

#endif
