/* A genesis with more validators, and what they sign. */
#include "validators.h"

#include <stdio.h>
#include <stdlib.h>

#include "chain/state_map.h"
#include "fixture_internal.h"
#include "wire/wire.h"

#define NAME_CHARS  8
#define MEMBERS_MAX 256

static const struct tamga_private_key *key_of(struct test_validators *set, uint32_t i,
                                              const char *name, enum tamga_key_type type)
{
    if (type == TAMGA_KEY_ED25519)
        return test_key(name);
    test_must(tamga_private_key_generate(&set->own[i], type), name);
    return set->own[i];
}

static void make_network(struct test_validators *set, const Tamga__V1__Genesis *base,
                         const struct tamga_private_key *const *key, char (*name)[NAME_CHARS],
                         uint32_t count)
{
    Tamga__V1__Genesis genesis = *base;
    Tamga__V1__ChainParams params = *base->consortium;
    Tamga__V1__Member added[TAMGA_VALIDATORS_MAX], *member[MEMBERS_MAX];
    Tamga__V1__PublicKey public_key[TAMGA_VALIDATORS_MAX];
    char *validator[TAMGA_VALIDATORS_MAX];
    struct tamga_detail detail = {0};
    TAMGA_BUF bytes = {0};

    if (base->n_members + count > MEMBERS_MAX)
        test_must(TAMGA_E_TOO_LARGE, "members");
    memcpy(member, base->members, base->n_members * sizeof member[0]);
    for (uint32_t i = 0; i < count; i++) {
        public_key[i] = tamga_wire_key_of(tamga_private_key_public(key[i]));
        tamga__v1__member__init(&added[i]);
        added[i].name = name[i]; /* after every name of the fixture */
        added[i].roles = TAMGA__V1__ROLE__ROLE_CONSORTIUM;
        added[i].key = &public_key[i];
        member[base->n_members + i] = &added[i];
        validator[i] = name[i];
    }
    params.n_validators = count;
    params.validators = validator;
    genesis.n_members = base->n_members + count;
    genesis.members = member;
    genesis.consortium = &params;
    test_must(tamga_wire_pack(&bytes, &genesis.base), "genesis");
    test_must(tamga_network_decode(&set->network, tamga_buf_span(&bytes), &detail),
              detail.text);
}

void test_validators_init(struct test_validators *set, uint32_t count,
                          enum tamga_key_type type)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Genesis *base = test_genesis();
    const struct tamga_private_key *key[TAMGA_VALIDATORS_MAX];
    char name[TAMGA_VALIDATORS_MAX][NAME_CHARS];

    *set = (struct test_validators){0};
    for (uint32_t i = 0; i < count; i++) {
        snprintf(name[i], sizeof name[i], "v-%03u", (i + 1) % 1000);
        key[i] = key_of(set, i, name[i], type);
    }
    make_network(set, base, key, name, count);
    test_must(tamga_chain_init(&set->chain, &tamga_rules_consortium, set->network), "chain");
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < count; j++)
            if (strcmp(tamga_validator(&set->chain, i)->name, name[j]) == 0)
                set->key[i] = key[j];
}

void test_validators_of(struct test_validators *set, const struct tamga_chain *chain)
{
    *set = (struct test_validators){.chain = *chain};
    for (uint32_t i = 0; i < tamga_validator_count(chain); i++)
        set->key[i] = test_key(tamga_validator(chain, i)->name);
}

void test_revoke(struct test_validators *set, uint32_t validator)
{
    set->chain.council->seat[validator].until = 1;
}

void test_validators_clear(struct test_validators *set)
{
    for (uint32_t i = 0; i < TAMGA_VALIDATORS_MAX; i++)
        tamga_private_key_free(set->own[i]);
    tamga_network_free(set->network);
    *set = (struct test_validators){0};
}

void test_checkpoint(struct tamga_checkpoint *out, uint64_t height)
{
    *out = (struct tamga_checkpoint){.at.height = height,
                                     .time_ms = TEST_GENESIS_MS + height * TEST_SPACING_MS};
    test_image(&out->at.id.hash, height);
    test_release_name(&out->state_root, height);
}

Tamga__V1__Checkpoint *test_cosign(const struct test_validators *set,
                                   const struct tamga_checkpoint *checkpoint, uint32_t from,
                                   uint32_t count)
{
    struct tamga_cosignature cosignature[TAMGA_VALIDATORS_MAX];
    Tamga__V1__Checkpoint *out = NULL;

    for (uint32_t i = 0; i < count; i++)
        test_must(tamga_cosignature_make(&cosignature[i], &set->chain, checkpoint,
                                         set->key[from + i]),
                  "cosignature");
    test_must(tamga_checkpoint_pack(&out, &set->chain, cosignature, count), "checkpoint");
    return out;
}

Tamga__V1__StateProof *test_sender_proof(const struct tamga_view *state,
                                         const struct tamga_buf *payload)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__TransactionBody *body = NULL;
    Tamga__V1__StateProof *proof = NULL;
    struct tamga_address sender;
    struct tamga_hash key;

    if (tamga_wire_unpack((ProtobufCMessage **)&message, &tamga__v1__signed__descriptor,
                          TAMGA_WIRE_LOOSE, tamga_buf_span(payload), NULL) != TAMGA_OK ||
        tamga_wire_unpack((ProtobufCMessage **)&body, &tamga__v1__transaction_body__descriptor,
                          TAMGA_WIRE_LOOSE, tamga_wire_span(message->body), NULL) != TAMGA_OK ||
        tamga_hash_from(&sender.hash, tamga_wire_span(body->sender)) != TAMGA_OK)
        return NULL;
    tamga_key_member(&key, &sender);
    test_must(tamga_state_proof_make(&proof, state, &key), "state proof");
    return proof;
}
