/* core/chain/vote.c, checkpoints: whose word makes one, and every way it does not. */
#include <criterion/criterion.h>

#include "../wire/vector.h"
#include "crypto/hash.h"
#include "validators.h"
#include "wire/wire.h"

#define VALIDATORS 4u
#define QUORUM     3u

static enum tamga_err verify(const struct test_validators *set,
                             const Tamga__V1__Checkpoint *message,
                             const struct tamga_checkpoint *trusted)
{
    struct tamga_checkpoint out = {.time_ms = 77};
    enum tamga_err err = tamga_checkpoint_verify(&out, &set->chain, message, trusted, NULL);

    cr_assert(err == TAMGA_OK || (out.time_ms == 77 && out.at.height == 0));
    return err;
}

/* Validators of a chain, and a checkpoint with a quorum of them. */
struct shown {
    struct test_validators set;
    struct tamga_checkpoint checkpoint;
    Tamga__V1__Checkpoint *message;
};
static void shown_make(struct shown *shown)
{
    test_validators_init(&shown->set, VALIDATORS, TAMGA_KEY_ED25519);
    test_checkpoint(&shown->checkpoint, 70000);
    shown->message = test_cosign(&shown->set, &shown->checkpoint, 0, QUORUM);
}
static void shown_clear(struct shown *shown)
{
    tamga_wire_free((ProtobufCMessage *)shown->message);
    test_validators_clear(&shown->set);
}
#define SHOWN TAMGA_CLEANUP(shown_clear) struct shown

/* ---- quorums ---------------------------------------------------------------------- */

static void expect_quorum(uint32_t count, uint32_t quorum)
{
    TAMGA_CLEANUP(test_validators_clear) struct test_validators set;
    struct tamga_checkpoint checkpoint;

    test_validators_init(&set, count, TAMGA_KEY_ED25519);
    test_checkpoint(&checkpoint, 5);
    cr_assert_eq(tamga_quorum(&set.chain, 0), quorum);
    for (uint32_t n = 1; n <= count; n++) {
        TAMGA_CLEANUP(tamga_wire_release)
        Tamga__V1__Checkpoint *message = test_cosign(&set, &checkpoint, count - n, n);

        cr_assert_eq(verify(&set, message, NULL),
                     n < quorum ? TAMGA_E_TOO_FEW_COSIGNERS : TAMGA_OK, "%u of %u", n, count);
    }
}

/*
 * Goal:   two thirds of the validators, rounded up, are enough, and fewer never are.
 * Method: chains of several sizes; each number of cosigners.
 */
Test(checkpoint, quorum_of_each_size)
{
    expect_quorum(1, 1);
    expect_quorum(2, 2);
    expect_quorum(3, 2);
    expect_quorum(4, 3);
    expect_quorum(7, 5);
    expect_quorum(13, 9);
}

/*
 * Goal:   the greatest number of validators that a chain may have works.
 * Method: all 128 cosign; open with room for them, and pack what came out again.
 */
Test(checkpoint, holds_all_validators_of_the_largest_chain)
{
    TAMGA_CLEANUP(test_validators_clear) struct test_validators set;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *again = NULL;
    struct tamga_cosignature cosignature[TAMGA_VALIDATORS_MAX];
    struct tamga_checkpoint checkpoint, back;
    TAMGA_BUF one = {0};
    TAMGA_BUF other = {0};
    size_t count = 0;

    test_validators_init(&set, TAMGA_VALIDATORS_MAX, TAMGA_KEY_ED25519);
    test_checkpoint(&checkpoint, UINT64_MAX / 4000);
    message = test_cosign(&set, &checkpoint, 0, TAMGA_VALIDATORS_MAX);
    cr_assert_eq(tamga_checkpoint_open(&back, cosignature, &count, &set.chain, message, NULL),
                 TAMGA_OK);
    cr_assert_eq(count, TAMGA_VALIDATORS_MAX);
    cr_assert_eq(tamga_checkpoint_pack(&again, &set.chain, cosignature, count), TAMGA_OK);
    cr_assert_eq(tamga_wire_pack(&one, &message->base), TAMGA_OK);
    cr_assert_eq(tamga_wire_pack(&other, &again->base), TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_buf_span(&one), tamga_buf_span(&other)));
}

/* ---- made and opened -------------------------------------------------------------- */

/*
 * Goal:   each cosignature comes out of a checkpoint as it went in, by its validator, in
 *         whatever order they arrived.
 * Method: three in a wrong order, packed and opened; fewer than a quorum may be opened.
 */
Test(checkpoint, opens_as_it_was_packed)
{
    static const uint32_t arrived[] = {3, 0, 2};
    static const uint32_t sorted[] = {0, 2, 3};

    for (size_t n = 1; n <= 3; n++) {
        TAMGA_CLEANUP(test_validators_clear) struct test_validators set;
        TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
        struct tamga_cosignature in[3], out[TAMGA_VALIDATORS_MAX];
        struct tamga_checkpoint checkpoint, back;
        size_t count = 0;

        test_validators_init(&set, VALIDATORS, TAMGA_KEY_P256);
        test_checkpoint(&checkpoint, 9);
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(tamga_cosignature_make(&in[i], &set.chain, &checkpoint,
                                                set.key[arrived[i]]),
                         TAMGA_OK);
            cr_assert_eq(in[i].validator, arrived[i]);
        }
        cr_assert_eq(tamga_checkpoint_pack(&message, &set.chain, in, n), TAMGA_OK);
        cr_assert_eq(tamga_checkpoint_open(&back, out, &count, &set.chain, message, NULL),
                     TAMGA_OK);
        cr_assert_eq(count, n);
        cr_assert(tamga_point_equal(&back.at, &checkpoint.at));
        cr_assert_eq(back.time_ms, checkpoint.time_ms);
        cr_assert(tamga_hash_equal(&back.state_root, &checkpoint.state_root));
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(out[i].validator, in[i].validator);
            cr_assert(n < 3 || out[i].validator == sorted[i]);
            cr_assert(tamga_point_equal(&out[i].checkpoint.at, &checkpoint.at));
            cr_assert_eq(out[i].signature.len, in[i].signature.len);
            cr_assert_arr_eq(out[i].signature.byte, in[i].signature.byte, in[i].signature.len);
        }
    }
}

/*
 * Goal:   only validators that count can cosign.
 * Method: a stranger, a member, a revoked validator.
 */
Test(checkpoint, is_not_cosigned_for_others)
{
    TAMGA_CLEANUP(test_validators_clear) struct test_validators set;
    struct tamga_cosignature out = {.validator = 77};
    struct tamga_checkpoint checkpoint;

    test_validators_init(&set, VALIDATORS, TAMGA_KEY_ED25519);
    test_checkpoint(&checkpoint, 1);
    cr_assert_eq(tamga_cosignature_make(&out, &set.chain, &checkpoint, test_key("stranger")),
                 TAMGA_E_NOT_VALIDATOR);
    cr_assert_eq(tamga_cosignature_make(&out, &set.chain, &checkpoint, test_key("node-a")),
                 TAMGA_E_NOT_VALIDATOR);
    test_revoke(&set, 1);
    cr_assert_eq(tamga_cosignature_make(&out, &set.chain, &checkpoint, set.key[1]),
                 TAMGA_E_NOT_VALIDATOR);
    cr_assert_eq(out.validator, 77);
}

/* ---- refused ---------------------------------------------------------------------- */

/*
 * Goal:   what is absent or has a wrong length is told as that.
 * Method: no message, no body, no cosignature, no signature; addresses and hashes of other
 *         lengths.
 */
Test(checkpoint, refuses_what_is_not_whole)
{
    SHOWN shown;
    Tamga__V1__Checkpoint part;
    Tamga__V1__Signature *signature;
    Tamga__V1__CheckpointBody body = TAMGA__V1__CHECKPOINT_BODY__INIT;
    TAMGA_BUF bytes = {0};

    shown_make(&shown);
    cr_assert_eq(verify(&shown.set, shown.message, NULL), TAMGA_OK);
    cr_assert_eq(verify(&shown.set, NULL, NULL), TAMGA_E_MISSING_FIELD);
    part = *shown.message;
    part.body.len = 0;
    cr_assert_eq(verify(&shown.set, &part, NULL), TAMGA_E_MISSING_FIELD);
    part = *shown.message;
    part.n_cosignatures = 0;
    cr_assert_eq(verify(&shown.set, &part, NULL), TAMGA_E_MISSING_FIELD);

    signature = shown.message->cosignatures[1]->signature;
    shown.message->cosignatures[1]->signature = NULL;
    cr_assert_eq(verify(&shown.set, shown.message, NULL), TAMGA_E_MISSING_FIELD);
    shown.message->cosignatures[1]->signature = signature;
    shown.message->cosignatures[2]->validator.len = 31;
    cr_assert_eq(verify(&shown.set, shown.message, NULL), TAMGA_E_BAD_LENGTH);
    shown.message->cosignatures[2]->validator.len = 32;

    body.height = 5;
    body.block = tamga_wire_bytes(tamga_hash_span(&shown.checkpoint.at.id.hash));
    cr_assert_eq(tamga_wire_pack(&bytes, &body.base), TAMGA_OK);
    part = *shown.message;
    part.body = tamga_wire_bytes(tamga_buf_span(&bytes));
    cr_assert_eq(verify(&shown.set, &part, NULL), TAMGA_E_BAD_LENGTH);
    body.state_root = body.block;
    body.block.len = 0;
    bytes.len = 0;
    cr_assert_eq(tamga_wire_pack(&bytes, &body.base), TAMGA_OK);
    part.body = tamga_wire_bytes(tamga_buf_span(&bytes));
    cr_assert_eq(verify(&shown.set, &part, NULL), TAMGA_E_BAD_LENGTH);
}

/* The verdict on a body of other bytes that all cosigners signed. */
static enum tamga_err verify_body(const struct shown *shown, struct tamga_span body)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *copy = NULL;
    TAMGA_BUF bytes = {0};
    Tamga__V1__Checkpoint part = *shown->message;

    part.body = tamga_wire_bytes(body);
    cr_assert_eq(tamga_wire_pack(&bytes, &part.base), TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack(&copy, &tamga__v1__checkpoint__descriptor,
                                   TAMGA_WIRE_CANONICAL, tamga_buf_span(&bytes), NULL),
                 TAMGA_OK);
    for (uint32_t i = 0; i < QUORUM; i++) {
        struct tamga_signature signature;
        struct tamga_hash digest;

        tamga_domain_hash(&digest, TAMGA_DOMAIN_CHECKPOINT, &shown->set.chain.id, body);
        cr_assert_eq(tamga_private_key_sign(shown->set.key[i], &digest, &signature), TAMGA_OK);
        memcpy(((Tamga__V1__Checkpoint *)copy)->cosignatures[i]->signature->value.data,
               signature.byte, signature.len);
    }
    return verify(&shown->set, (Tamga__V1__Checkpoint *)copy, NULL);
}

/*
 * Goal:   a body has one encoding only, whoever signed it.
 * Method: the right one; one that states a default, that has its fields in another order,
 *         that has a field more, that is cut.
 */
Test(checkpoint, refuses_a_body_of_another_form)
{
    SHOWN shown;
    TAMGA_BUF body = {0};
    struct tamga_span right;

    shown_make(&shown);
    right = tamga_wire_span(shown.message->body);
    cr_assert_eq(verify_body(&shown, right), TAMGA_OK);
    cr_assert_eq(verify_body(&shown, tamga_span(right.data, right.len - 1)),
                 TAMGA_E_TRUNCATED);
    cr_assert_eq(tamga_buf_add(&body, right), TAMGA_OK);
    cr_assert_eq(tamga_buf_add(&body, tamga_span("\x30\x01", 2)), TAMGA_OK);
    cr_assert_eq(verify_body(&shown, tamga_buf_span(&body)), TAMGA_E_UNKNOWN_FIELD);
    body.len = 0;
    cr_assert_eq(tamga_buf_add(&body, tamga_span("\x08\x00", 2)), TAMGA_OK);
    cr_assert_eq(tamga_buf_add(&body, tamga_span(right.data + 4, right.len - 4)), TAMGA_OK);
    cr_assert_eq(verify_body(&shown, tamga_buf_span(&body)), TAMGA_E_NOT_CANONICAL);
    body.len = 0;
    cr_assert_eq(tamga_buf_add(&body, tamga_span(right.data + 4, right.len - 4)), TAMGA_OK);
    cr_assert_eq(tamga_buf_add(&body, tamga_span(right.data, 4)), TAMGA_OK);
    cr_assert_eq(verify_body(&shown, tamga_buf_span(&body)), TAMGA_E_NOT_CANONICAL);
}

/*
 * Goal:   a cosigner counts once, in order, and only if it may.
 * Method: twice the same, two in the wrong order, one of another network, one revoked, one
 *         under another's name, one of another checkpoint.
 */
Test(checkpoint, refuses_cosigners_by_name)
{
    SHOWN shown;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *other = NULL;
    Tamga__V1__Cosignature *list[QUORUM], *swapped;
    struct tamga_checkpoint above;
    struct tamga_address stranger;
    Tamga__V1__Checkpoint part;
    uint8_t kept[32];

    shown_make(&shown);
    part = *shown.message;
    part.cosignatures = list;
    memcpy(list, shown.message->cosignatures, sizeof list);
    list[1] = list[0];
    cr_assert_eq(verify(&shown.set, &part, NULL), TAMGA_E_COSIGNER_TWICE);
    list[1] = shown.message->cosignatures[2];
    list[2] = shown.message->cosignatures[1];
    cr_assert_eq(verify(&shown.set, &part, NULL), TAMGA_E_COSIGNER_TWICE);

    swapped = shown.message->cosignatures[1];
    memcpy(kept, swapped->validator.data, sizeof kept);
    test_address(&stranger, "node-a"); /* mines this chain, and makes nothing final */
    memcpy(swapped->validator.data, stranger.hash.byte, sizeof kept);
    cr_assert_eq(verify(&shown.set, shown.message, NULL), TAMGA_E_NOT_VALIDATOR);
    memcpy(swapped->validator.data, tamga_validator(&shown.set.chain, 3)->address.hash.byte,
           sizeof kept);
    cr_assert_eq(verify(&shown.set, shown.message, NULL), TAMGA_E_BAD_SIGNATURE);
    memcpy(swapped->validator.data, kept, sizeof kept);
    cr_assert_eq(verify(&shown.set, shown.message, NULL), TAMGA_OK);

    test_checkpoint(&above, shown.checkpoint.at.height + 1);
    other = test_cosign(&shown.set, &above, 0, QUORUM);
    memcpy(list, shown.message->cosignatures, sizeof list);
    list[2] = other->cosignatures[2];
    cr_assert_eq(verify(&shown.set, &part, NULL), TAMGA_E_BAD_SIGNATURE);

    swapped->signature->value.len = 63;
    cr_assert_eq(verify(&shown.set, shown.message, NULL), TAMGA_E_BAD_SIGNATURE);
    swapped->signature->value.len = 64;
    test_revoke(&shown.set, 1);
    cr_assert_eq(verify(&shown.set, shown.message, NULL), TAMGA_E_COSIGNER_REVOKED);
}

/*
 * Goal:   a checkpoint is of one chain only.
 * Method: the same validators, cosigning for another chain id.
 */
Test(checkpoint, is_of_one_chain)
{
    SHOWN shown;

    shown_make(&shown);
    shown.set.chain.id = test_gateway()->id;
    cr_assert_eq(verify(&shown.set, shown.message, NULL), TAMGA_E_BAD_SIGNATURE);
}

/*
 * Goal:   who trusts a checkpoint never goes back, nor to another of its height.
 * Method: against one below, the same one, one above, and others of its height that differ
 *         in one thing each.
 */
Test(checkpoint, is_held_against_what_is_trusted)
{
    SHOWN shown;
    struct tamga_checkpoint trusted;

    shown_make(&shown);
    trusted = shown.checkpoint;
    cr_assert_eq(verify(&shown.set, shown.message, &trusted), TAMGA_OK);
    trusted.at.height--;
    cr_assert_eq(verify(&shown.set, shown.message, &trusted), TAMGA_OK);
    trusted.at.height += 2;
    cr_assert_eq(verify(&shown.set, shown.message, &trusted), TAMGA_E_CHECKPOINT_OLDER);
    trusted = shown.checkpoint;
    trusted.at.id.hash.byte[5] ^= 1;
    cr_assert_eq(verify(&shown.set, shown.message, &trusted), TAMGA_E_CHECKPOINT_CONFLICT);
    trusted = shown.checkpoint;
    trusted.state_root.byte[5] ^= 1;
    cr_assert_eq(verify(&shown.set, shown.message, &trusted), TAMGA_E_CHECKPOINT_CONFLICT);
    trusted = shown.checkpoint;
    trusted.time_ms++;
    cr_assert_eq(verify(&shown.set, shown.message, &trusted), TAMGA_E_CHECKPOINT_CONFLICT);
}

/*
 * Goal:   no bit of a checkpoint can be changed.
 * Method: each bit of an encoded one alone, unpacked as loosely as answers are.
 */
Test(checkpoint, every_flipped_bit_is_refused)
{
    SHOWN shown;
    TAMGA_BUF bytes = {0};

    shown_make(&shown);
    cr_assert_eq(tamga_wire_pack(&bytes, &shown.message->base), TAMGA_OK);
    for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
        TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
        enum tamga_err err;

        bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        err = tamga_wire_unpack(&message, &tamga__v1__checkpoint__descriptor, TAMGA_WIRE_LOOSE,
                                tamga_buf_span(&bytes), NULL);
        if (err == TAMGA_OK)
            err = verify(&shown.set, (Tamga__V1__Checkpoint *)message, NULL);
        cr_assert_neq(err, TAMGA_OK, "bit %zu", bit);
        bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

/*
 * Goal:   what validators cosign never changes its bytes.
 * Method: the digest of a checkpoint against one made without our code.
 */
Test(checkpoint, golden_digest)
{
    struct tamga_checkpoint checkpoint = {.at.height = 70000, .time_ms = 1700000000123u};
    struct tamga_chain chain = {0};
    struct tamga_hash digest;
    TAMGA_BUF scope = {0};
    TAMGA_BUF id = {0};

    for (uint8_t i = 0; i < TAMGA_HASH_BYTES; i++) {
        checkpoint.at.id.hash.byte[i] = (uint8_t)(0x60 + i);
        checkpoint.state_root.byte[i] = (uint8_t)(0x80 + i);
    }
    test_vector(&scope, "checkpoint.txt", "scope");
    test_vector(&id, "checkpoint.txt", "id");
    cr_assert_eq(tamga_hash_from(&chain.id.hash, tamga_buf_span(&scope)), TAMGA_OK);
    cr_assert_eq(tamga_checkpoint_digest(&digest, &chain, &checkpoint), TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_hash_span(&digest), tamga_buf_span(&id)));
}
