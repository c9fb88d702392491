/*
 * Votes, checkpoints and proofs of the fixture's consortium chain. The first byte of the
 * input chooses. Half of them are signed here, so that what lies behind a signature is
 * reached; what is taken must be written again as the same bytes.
 */
#include "fuzz.h"

#include "crypto/hash.h"
#include "rules/proof.h"
#include "validators.h"
#include "wire/wire.h"

static struct test_validators *validators(void)
{
    static struct test_validators set;

    if (set.chain.rules == NULL)
        test_validators_of(&set, test_consortium());
    return &set;
}

static void sign(struct tamga_signature *out, uint32_t validator, const char *domain,
                 struct tamga_span body, struct tamga_hash *id)
{
    tamga_domain_hash(id, domain, &validators()->chain.id, body);
    FUZZ_REQUIRE(tamga_private_key_sign(validators()->key[validator], id, out) == TAMGA_OK);
}

/* ---- votes ------------------------------------------------------------------------ */

static void check_vote(struct tamga_span input)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote again = {0};
    const struct test_validators *set = validators();

    if (tamga_vote_decode(&vote, &set->chain, input, NULL) != TAMGA_OK) {
        FUZZ_REQUIRE(vote.bytes.data == NULL);
        return;
    }
    FUZZ_REQUIRE(tamga_span_equal(tamga_buf_span(&vote.bytes), input));
    FUZZ_REQUIRE(vote.link.target.height > vote.link.source.height);
    FUZZ_REQUIRE(tamga_link_conflict(&vote.link, &vote.link) == TAMGA_OK);
    /* Ed25519: signing again gives the same bytes. */
    FUZZ_REQUIRE(tamga_vote_make(&again, &set->chain, &vote.link, set->key[vote.validator]) ==
                 TAMGA_OK);
    FUZZ_REQUIRE(tamga_span_equal(tamga_buf_span(&again.bytes), input));
}

/* A body of any bytes, signed by the validator that the first of them chooses. */
static void check_vote_body(struct tamga_span input)
{
    Tamga__V1__Signed message = TAMGA__V1__SIGNED__INIT;
    Tamga__V1__Signature signature_message;
    struct tamga_signature signature;
    struct tamga_hash id;
    TAMGA_BUF bytes = {0};

    if (input.len < 2)
        return;
    message.body = tamga_wire_bytes(tamga_span(input.data + 1, input.len - 1));
    sign(&signature, input.data[0] % tamga_validator_count(&validators()->chain), TAMGA_DOMAIN_VOTE,
         tamga_wire_span(message.body), &id);
    signature_message = tamga_wire_signature_of(&signature);
    message.signature = &signature_message;
    message.id = tamga_wire_bytes(tamga_hash_span(&id));
    FUZZ_REQUIRE(tamga_wire_pack(&bytes, &message.base) == TAMGA_OK);
    check_vote(tamga_buf_span(&bytes));
}

/* ---- checkpoints ------------------------------------------------------------------ */

/* One that opens is packed again from what came out, as the same message. */
static enum tamga_err check_message(const Tamga__V1__Checkpoint *message)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *again = NULL;
    static struct tamga_cosignature cosignature[TAMGA_VALIDATORS_MAX];
    const struct tamga_chain *chain = &validators()->chain;
    struct tamga_checkpoint checkpoint, verified;
    TAMGA_BUF one = {0};
    TAMGA_BUF other = {0};
    size_t count = 0;
    enum tamga_err err =
        tamga_checkpoint_open(&checkpoint, cosignature, &count, chain, message, NULL);

    if (err != TAMGA_OK)
        return err;
    FUZZ_REQUIRE(count >= 1 && count <= tamga_validator_count(chain));
    FUZZ_REQUIRE(tamga_checkpoint_pack(&again, chain, cosignature, count) == TAMGA_OK);
    FUZZ_REQUIRE(tamga_wire_pack(&one, &message->base) == TAMGA_OK);
    FUZZ_REQUIRE(tamga_wire_pack(&other, &again->base) == TAMGA_OK);
    FUZZ_REQUIRE(tamga_span_equal(tamga_buf_span(&one), tamga_buf_span(&other)));
    FUZZ_REQUIRE(tamga_checkpoint_verify(&verified, chain, message, &checkpoint, NULL) ==
                 (count < tamga_quorum(chain, 0) ? TAMGA_E_TOO_FEW_COSIGNERS : TAMGA_OK));
    return TAMGA_OK;
}

static void check_checkpoint(struct tamga_span input)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;

    if (tamga_wire_unpack(&message, &tamga__v1__checkpoint__descriptor, TAMGA_WIRE_LOOSE, input,
                          NULL) == TAMGA_OK)
        (void)check_message((const Tamga__V1__Checkpoint *)message);
}

/* A body of any bytes, cosigned by all. */
static void check_checkpoint_body(struct tamga_span input)
{
    struct test_validators *set = validators();
    Tamga__V1__Checkpoint message = TAMGA__V1__CHECKPOINT__INIT;
    Tamga__V1__Cosignature item[TAMGA_VALIDATORS_MAX], *list[TAMGA_VALIDATORS_MAX];
    Tamga__V1__Signature signature_message[TAMGA_VALIDATORS_MAX];
    static struct tamga_signature signature[TAMGA_VALIDATORS_MAX];
    enum tamga_err judged = tamga_wire_judge(&tamga__v1__checkpoint_body__descriptor,
                                             TAMGA_WIRE_CANONICAL, input, NULL);
    enum tamga_err err;
    struct tamga_hash id;

    for (uint32_t i = 0; i < tamga_validator_count(&set->chain); i++) {
        sign(&signature[i], i, TAMGA_DOMAIN_CHECKPOINT, input, &id);
        signature_message[i] = tamga_wire_signature_of(&signature[i]);
        tamga__v1__cosignature__init(&item[i]);
        item[i].validator =
            tamga_wire_bytes(tamga_hash_span(&tamga_validator(&set->chain, i)->address.hash));
        item[i].signature = &signature_message[i];
        list[i] = &item[i];
    }
    message.body = tamga_wire_bytes(input);
    message.n_cosignatures = tamga_validator_count(&set->chain);
    message.cosignatures = list;
    err = check_message(&message);
    FUZZ_REQUIRE(err == (input.len == 0          ? TAMGA_E_MISSING_FIELD
                         : judged != TAMGA_OK    ? judged
                         : err == TAMGA_E_BAD_LENGTH ? TAMGA_E_BAD_LENGTH
                                                 : TAMGA_OK));
}

/* ---- proofs ----------------------------------------------------------------------- */

static enum tamga_err check_proof(struct tamga_item *item, const ProtobufCMessage *proof)
{
    struct tamga_checkpoint checkpoint;
    bool withdrawn;

    return tamga_release_proof_check(item, &withdrawn, &checkpoint, &validators()->chain,
                                     (const Tamga__V1__ReleaseProof *)proof, "acme", "cam",
                                     NULL, NULL);
}

/* The verdict is the same after a way through the wire. */
static void check_twice(const ProtobufCMessage *proof)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item again = {0};
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *copy = NULL;
    enum tamga_err err = check_proof(&item, proof);
    TAMGA_BUF bytes = {0};

    FUZZ_REQUIRE((err == TAMGA_OK && item.verified) || item.payload.data == NULL);
    FUZZ_REQUIRE(tamga_wire_pack(&bytes, proof) == TAMGA_OK);
    if (tamga_wire_unpack(&copy, proof->descriptor, TAMGA_WIRE_LOOSE, tamga_buf_span(&bytes),
                          NULL) != TAMGA_OK)
        return; /* over the memory that so few bytes may take */
    FUZZ_REQUIRE(check_proof(&again, copy) == err);
    FUZZ_REQUIRE(tamga_hash_equal(&again.id.hash, &item.id.hash));
}

static void check_release_proof(struct tamga_span input)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;

    if (tamga_wire_unpack(&message, &tamga__v1__release_proof__descriptor, TAMGA_WIRE_LOOSE,
                          input, NULL) == TAMGA_OK)
        check_twice(message);
}

/* 32 bytes are a state root that all cosign; the rest is a proof under it. */
static void check_cosigned_proof(struct tamga_span input)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReleaseProof *proof = NULL;
    struct tamga_checkpoint checkpoint;

    if (input.len < TAMGA_HASH_BYTES ||
        tamga_wire_unpack((ProtobufCMessage **)&proof, &tamga__v1__release_proof__descriptor,
                          TAMGA_WIRE_LOOSE,
                          tamga_span(input.data + TAMGA_HASH_BYTES,
                                     input.len - TAMGA_HASH_BYTES),
                          NULL) != TAMGA_OK)
        return;
    test_checkpoint(&checkpoint, 1);
    memcpy(checkpoint.state_root.byte, input.data, TAMGA_HASH_BYTES);
    tamga_wire_free((ProtobufCMessage *)proof->checkpoint);
    proof->checkpoint = test_cosign(validators(), &checkpoint, 0, 3);
    check_twice(&proof->base);
}

/* The corpus counts on this order: append only. */
static void (*const check[])(struct tamga_span) = {
    check_vote,          check_vote_body,     check_checkpoint, check_checkpoint_body,
    check_release_proof, check_cosigned_proof,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0)
        check[data[0] % (sizeof check / sizeof check[0])](tamga_span(data + 1, size - 1));
    return 0;
}
