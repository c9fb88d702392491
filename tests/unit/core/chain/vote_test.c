/* Votes: what two of them may not say together, and every way a single one is refused. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "../wire/vector.h"
#include "crypto/hash.h"
#include "validators.h"
#include "wire/wire.h"

#define VALIDATORS 4u

/* ---- links ------------------------------------------------------------------------ */

static struct tamga_point point(uint64_t height, uint64_t name)
{
    struct tamga_point out = {.height = height};

    test_image(&out.id.hash, name);
    return out;
}

static struct tamga_link a_link(uint64_t source, uint64_t target)
{
    return (struct tamga_link){point(source, source), point(target, target)};
}

static void expect_conflict(const struct tamga_link *a, const struct tamga_link *b,
                            enum tamga_err err)
{
    cr_assert_eq(tamga_link_conflict(a, b), err);
    cr_assert_eq(tamga_link_conflict(b, a), err);
}

/*
 * Goal:   what an honest validator never signs together is told, either way round, and
 *         nothing else is.
 * Method: all pairs of links between heights 0 to 6, against the two rules written as the
 *         paper has them; each link with itself.
 */
Test(vote, conflicts_are_those_of_the_paper)
{
    for (uint64_t s1 = 0; s1 < 6; s1++)
        for (uint64_t t1 = s1 + 1; t1 <= 6; t1++)
            for (uint64_t s2 = 0; s2 < 6; s2++)
                for (uint64_t t2 = s2 + 1; t2 <= 6; t2++) {
                    struct tamga_link a = a_link(s1, t1), b = a_link(s2, t2);
                    bool same = s1 == s2 && t1 == t2;
                    bool around = (s1 < s2 && t2 < t1) || (s2 < s1 && t1 < t2);

                    expect_conflict(&a, &b,
                                    same       ? TAMGA_OK
                                    : t1 == t2 ? TAMGA_E_VOTE_TWICE
                                    : around   ? TAMGA_E_VOTE_SURROUNDS
                                               : TAMGA_OK);
                }
}

/*
 * Goal:   heights alone do not make links the same one.
 * Method: another source, another target, of the same heights.
 */
Test(vote, another_block_of_the_same_height_is_another_vote)
{
    struct tamga_link one = a_link(2, 5), other_source = one, other_target = one;

    other_source.source.id.hash.byte[31] ^= 1;
    other_target.target.id.hash.byte[0] ^= 0x80;
    expect_conflict(&one, &other_source, TAMGA_E_VOTE_TWICE);
    expect_conflict(&one, &other_target, TAMGA_E_VOTE_TWICE);
    cr_assert(tamga_point_equal(&one.source, &other_target.source));
    cr_assert_not(tamga_point_equal(&one.source, &other_source.source));
    cr_assert_not(tamga_point_equal(&one.source, &(struct tamga_point){3, one.source.id}));
}

/* ---- validators ------------------------------------------------------------------- */

/*
 * Goal:   a validator is found at its place, and nobody else is.
 * Method: chains of 1, 2, 4, 7, 13 and the most validators; each of them; a member that
 *         validates nothing, a stranger, an address cut short and none.
 */
Test(vote, validators_are_found_by_address)
{
    static const uint32_t size[] = {1, 2, 4, 7, 13, TAMGA_VALIDATORS_MAX};

    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        TAMGA_CLEANUP(test_validators_clear) struct test_validators set;
        struct tamga_address address;
        uint32_t found = 77;

        test_validators_init(&set, size[i], TAMGA_KEY_ED25519);
        cr_assert_eq(tamga_validator_count(&set.chain), size[i]);
        for (uint32_t v = 0; v < size[i]; v++) {
            address = tamga_validator(&set.chain, v)->address;
            cr_assert_eq(tamga_validator_find(&found, &set.chain,
                                              tamga_hash_span(&address.hash), 0),
                         TAMGA_OK);
            cr_assert_eq(found, v);
        }
        found = 77;
        cr_assert_eq(tamga_validator_find(&found, &set.chain,
                                          tamga_span(address.hash.byte, 31), 0),
                     TAMGA_E_NOT_VALIDATOR);
        cr_assert_eq(tamga_validator_find(&found, &set.chain, tamga_span(NULL, 0), 0),
                     TAMGA_E_NOT_VALIDATOR);
        test_address(&address, "node-a"); /* mines this chain, and makes nothing final */
        cr_assert_eq(tamga_validator_find(&found, &set.chain, tamga_hash_span(&address.hash), 0),
                     TAMGA_E_NOT_VALIDATOR);
        test_address(&address, "stranger");
        cr_assert_eq(tamga_validator_find(&found, &set.chain, tamga_hash_span(&address.hash), 0),
                     TAMGA_E_NOT_VALIDATOR);
        cr_assert_eq(found, 77);
    }
}

/* ---- votes, made and read --------------------------------------------------------- */

/*
 * Goal:   what is made is read back as the same vote, with the same bytes.
 * Method: each validator signs a link; decode, and open the message again over the result.
 */
Test(vote, comes_back_as_it_was_made)
{
    TAMGA_CLEANUP(test_validators_clear) struct test_validators set;
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote made = {0};
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote back = {0};
    struct tamga_link link = a_link(0, UINT64_MAX);

    test_validators_init(&set, VALIDATORS, TAMGA_KEY_P256);
    for (uint32_t v = 0; v < VALIDATORS; v++) {
        TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;

        cr_assert_eq(tamga_vote_make(&made, &set.chain, &link, set.key[v]), TAMGA_OK);
        cr_assert_eq(made.validator, v);
        cr_assert_eq(tamga_vote_decode(&back, &set.chain, tamga_buf_span(&made.bytes), NULL),
                     TAMGA_OK);
        cr_assert_eq(tamga_wire_unpack(&message, &tamga__v1__signed__descriptor,
                                       TAMGA_WIRE_LOOSE, tamga_buf_span(&made.bytes), NULL),
                     TAMGA_OK);
        cr_assert_eq(tamga_vote_open(&back, &set.chain, (Tamga__V1__Signed *)message, NULL),
                     TAMGA_OK);
        cr_assert_eq(back.validator, v);
        cr_assert_eq(tamga_link_conflict(&made.link, &back.link), TAMGA_OK);
        cr_assert(tamga_point_equal(&back.link.source, &link.source));
        cr_assert(tamga_point_equal(&back.link.target, &link.target));
        cr_assert(tamga_span_equal(tamga_buf_span(&back.bytes), tamga_buf_span(&made.bytes)));
    }
}

/*
 * Goal:   only validators that count can vote, and only upwards.
 * Method: a stranger, a member, a revoked validator; targets at and below the source. What
 *         was in the vote before stays.
 */
Test(vote, is_not_made_for_others_or_downwards)
{
    TAMGA_CLEANUP(test_validators_clear) struct test_validators set;
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    struct tamga_link up = a_link(1, 2), level = a_link(2, 2), down = a_link(2, 1);
    struct tamga_hash before, after;

    test_validators_init(&set, VALIDATORS, TAMGA_KEY_ED25519);
    cr_assert_eq(tamga_vote_make(&vote, &set.chain, &up, set.key[1]), TAMGA_OK);
    tamga_sha256(&before, tamga_buf_span(&vote.bytes));
    cr_assert_eq(tamga_vote_make(&vote, &set.chain, &up, test_key("stranger")),
                 TAMGA_E_NOT_VALIDATOR);
    cr_assert_eq(tamga_vote_make(&vote, &set.chain, &up, test_key("node-a")),
                 TAMGA_E_NOT_VALIDATOR);
    cr_assert_eq(tamga_vote_make(&vote, &set.chain, &level, set.key[2]), TAMGA_E_BAD_VOTE);
    cr_assert_eq(tamga_vote_make(&vote, &set.chain, &down, set.key[2]), TAMGA_E_BAD_VOTE);
    test_revoke(&set, 2);
    cr_assert_eq(tamga_vote_make(&vote, &set.chain, &up, set.key[2]), TAMGA_E_NOT_VALIDATOR);
    tamga_sha256(&after, tamga_buf_span(&vote.bytes));
    cr_assert_eq(vote.validator, 1);
    cr_assert(tamga_hash_equal(&before, &after));
}

/* ---- votes, refused --------------------------------------------------------------- */

/* A vote of validator 0, changed before it is signed; signed by `signer` (NULL: its own)
 * under `domain` and `scope`. The verdict on it, and that an earlier vote stayed. */
struct forgery {
    void (*change)(Tamga__V1__VoteBody *body);
    void (*forge)(Tamga__V1__Signed *message);
    const struct tamga_private_key *signer;
    const char *domain;
    const struct tamga_scope *scope;
    const struct tamga_hash *validator;
};

static enum tamga_err judge(const struct test_validators *set, const struct forgery *forgery)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {.validator = 77};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    struct tamga_link link = a_link(3, 4);
    Tamga__V1__VoteBody body = TAMGA__V1__VOTE_BODY__INIT;
    struct tamga_detail detail = {0};
    TAMGA_BUF bytes = {0};
    enum tamga_err err;

    body.validator = tamga_wire_bytes(tamga_hash_span(
        forgery->validator ? forgery->validator : &tamga_validator(&set->chain, 0)->address.hash));
    body.source_height = link.source.height;
    body.source = tamga_wire_bytes(tamga_hash_span(&link.source.id.hash));
    body.target_height = link.target.height;
    body.target = tamga_wire_bytes(tamga_hash_span(&link.target.id.hash));
    if (forgery->change != NULL)
        forgery->change(&body);
    cr_assert_eq(tamga_signed_make(&bytes, NULL, &body.base,
                                   forgery->domain ? forgery->domain : TAMGA_DOMAIN_VOTE,
                                   forgery->scope ? forgery->scope : &set->chain.id,
                                   forgery->signer ? forgery->signer : set->key[0]),
                 TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&message,
                                   &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                   tamga_buf_span(&bytes), NULL),
                 TAMGA_OK);
    if (forgery->forge != NULL)
        forgery->forge(message);
    err = tamga_vote_open(&vote, &set->chain, message, &detail);
    cr_assert(err == TAMGA_OK || (vote.validator == 77 && vote.bytes.len == 0));
    return err;
}

static void no_validator(Tamga__V1__VoteBody *body)
{
    body->validator.len = 0;
}
static void no_source(Tamga__V1__VoteBody *body)
{
    body->source.len = 0;
}
static void no_target(Tamga__V1__VoteBody *body)
{
    body->target.len = 0;
}
static void level(Tamga__V1__VoteBody *body)
{
    body->target_height = body->source_height;
}
static void downwards(Tamga__V1__VoteBody *body)
{
    body->target_height = 0;
}
static void no_signature(Tamga__V1__Signed *message)
{
    tamga_wire_free(&message->signature->base);
    message->signature = NULL;
}
static void other_type(Tamga__V1__Signed *message)
{
    message->signature->type = TAMGA__V1__KEY_TYPE__KEY_TYPE_P256;
}
static void other_id(Tamga__V1__Signed *message)
{
    message->id.data[0] ^= 1;
}
static void other_form(Tamga__V1__Signed *message)
{
    TAMGA_BUF longer = {0};

    /* A field that states its default, with the id that fits: signed, but not canonical. */
    cr_assert_eq(tamga_buf_set(&longer, tamga_wire_span(message->body)), TAMGA_OK);
    cr_assert_eq(tamga_buf_add(&longer, tamga_span("\x2a\x00", 2)), TAMGA_OK);
    free(message->body.data);
    message->body = (ProtobufCBinaryData){.data = longer.data, .len = longer.len};
    tamga_domain_hash((struct tamga_hash *)message->id.data, TAMGA_DOMAIN_VOTE,
                      &test_consortium()->id, tamga_buf_span(&longer));
    longer = (struct tamga_buf){0};
}

/*
 * Goal:   every way a vote is refused has its own reason.
 * Method: one good vote, and the smallest change to it for each.
 */
Test(vote, refusals_by_name)
{
    TAMGA_CLEANUP(test_validators_clear) struct test_validators set;
    struct tamga_address stranger, member;
    struct tamga_vote out = {0};
    struct tamga_hash image;

    test_validators_init(&set, VALIDATORS, TAMGA_KEY_ED25519);
    test_address(&stranger, "stranger");
    test_address(&member, "node-a");
    test_image(&image, 1);
    cr_assert_eq(judge(&set, &(struct forgery){0}), TAMGA_OK);

    cr_assert_eq(tamga_vote_open(&out, &set.chain, NULL, NULL), TAMGA_E_MISSING_FIELD);
    cr_assert_eq(judge(&set, &(struct forgery){.forge = no_signature}), TAMGA_E_MISSING_FIELD);
    cr_assert_eq(judge(&set, &(struct forgery){.forge = other_id}), TAMGA_E_ID_MISMATCH);
    cr_assert_eq(judge(&set, &(struct forgery){.domain = TAMGA_DOMAIN_STATUS}),
                 TAMGA_E_ID_MISMATCH);
    cr_assert_eq(judge(&set, &(struct forgery){.scope = &test_gateway()->id}),
                 TAMGA_E_ID_MISMATCH);
    cr_assert_eq(judge(&set, &(struct forgery){.change = no_validator}), TAMGA_E_BAD_LENGTH);
    cr_assert_eq(judge(&set, &(struct forgery){.change = no_source}), TAMGA_E_BAD_LENGTH);
    cr_assert_eq(judge(&set, &(struct forgery){.change = no_target}), TAMGA_E_BAD_LENGTH);
    cr_assert_eq(judge(&set, &(struct forgery){.validator = &stranger.hash,
                                               .signer = test_key("stranger")}),
                 TAMGA_E_NOT_VALIDATOR);
    cr_assert_eq(judge(&set, &(struct forgery){.validator = &member.hash,
                                               .signer = test_key("node-a")}),
                 TAMGA_E_NOT_VALIDATOR);
    cr_assert_eq(judge(&set, &(struct forgery){.change = level}), TAMGA_E_BAD_VOTE);
    cr_assert_eq(judge(&set, &(struct forgery){.change = downwards}), TAMGA_E_BAD_VOTE);
    cr_assert_eq(judge(&set, &(struct forgery){.signer = set.key[1]}), TAMGA_E_BAD_SIGNATURE);
    cr_assert_eq(judge(&set, &(struct forgery){.forge = other_type}), TAMGA_E_BAD_SIGNATURE);
    test_revoke(&set, 0);
    cr_assert_eq(judge(&set, &(struct forgery){0}), TAMGA_E_NOT_VALIDATOR);
}

/*
 * Goal:   a vote has one encoding only.
 * Method: a body that states a default, with its right id; an encoded vote with a byte more
 *         and with one less.
 */
Test(vote, refuses_other_encodings)
{
    TAMGA_CLEANUP(test_validators_clear) struct test_validators set;
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote back = {0};
    struct tamga_link link = a_link(1, 2);
    struct tamga_chain renamed;

    test_validators_init(&set, VALIDATORS, TAMGA_KEY_ED25519);
    renamed = set.chain;
    set.chain.id = test_consortium()->id;
    cr_assert_eq(judge(&set, &(struct forgery){.forge = other_form}), TAMGA_E_NOT_CANONICAL);
    set.chain = renamed;
    cr_assert_eq(tamga_vote_make(&vote, &set.chain, &link, set.key[0]), TAMGA_OK);
    cr_assert_eq(tamga_vote_decode(&back, &set.chain,
                                   tamga_span(vote.bytes.data, vote.bytes.len - 1), NULL),
                 TAMGA_E_TRUNCATED);
    cr_assert_eq(tamga_vote_decode(&back, &set.chain, tamga_span(NULL, 0), NULL),
                 TAMGA_E_MISSING_FIELD);
    cr_assert_eq(tamga_buf_add(&vote.bytes, tamga_span("\x20", 1)), TAMGA_OK);
    cr_assert_eq(tamga_vote_decode(&back, &set.chain, tamga_buf_span(&vote.bytes), NULL),
                 TAMGA_E_UNKNOWN_FIELD);
}

/*
 * Goal:   no bit of a vote can be changed.
 * Method: each bit of an encoded vote alone, for both kinds of key that nodes have.
 */
Test(vote, every_flipped_bit_is_refused)
{
    static const enum tamga_key_type type[] = {TAMGA_KEY_P256, TAMGA_KEY_ED25519};

    for (size_t t = 0; t < 2; t++) {
        TAMGA_CLEANUP(test_validators_clear) struct test_validators set;
        TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
        TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote back = {0};
        struct tamga_link link = a_link(300, 70000);

        test_validators_init(&set, VALIDATORS, type[t]);
        cr_assert_eq(tamga_vote_make(&vote, &set.chain, &link, set.key[0]), TAMGA_OK);
        for (size_t bit = 0; bit < 8 * vote.bytes.len; bit++) {
            vote.bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            cr_assert_neq(tamga_vote_decode(&back, &set.chain, tamga_buf_span(&vote.bytes),
                                            NULL),
                          TAMGA_OK, "bit %zu", bit);
            vote.bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
        cr_assert_eq(back.bytes.len, 0);
        cr_assert_eq(tamga_vote_decode(&back, &set.chain, tamga_buf_span(&vote.bytes), NULL),
                     TAMGA_OK);
    }
}

/*
 * Goal:   the bytes of a vote never change.
 * Method: a body made without our code: its fields, its encoding again, and its id.
 */
Test(vote, golden_bytes)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__VoteBody *vote = NULL;
    TAMGA_BUF body = {0};
    TAMGA_BUF scope = {0};
    TAMGA_BUF id = {0};
    TAMGA_BUF again = {0};
    struct tamga_scope chain;
    struct tamga_hash hash;

    test_vector(&body, "vote.txt", "body");
    test_vector(&scope, "vote.txt", "scope");
    test_vector(&id, "vote.txt", "id");
    cr_assert_eq(tamga_hash_from(&chain.hash, tamga_buf_span(&scope)), TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&vote,
                                   &tamga__v1__vote_body__descriptor, TAMGA_WIRE_CANONICAL,
                                   tamga_buf_span(&body), NULL),
                 TAMGA_OK);
    cr_assert_eq(vote->source_height, 299);
    cr_assert_eq(vote->target_height, 70000);
    cr_assert_eq(vote->validator.data[0], 0x20);
    cr_assert_eq(vote->source.data[0], 0x40);
    cr_assert_eq(vote->target.data[31], 0x7f);
    cr_assert_eq(tamga_wire_pack(&again, &vote->base), TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_buf_span(&again), tamga_buf_span(&body)));
    tamga_domain_hash(&hash, TAMGA_DOMAIN_VOTE, &chain, tamga_buf_span(&body));
    cr_assert(tamga_span_equal(tamga_hash_span(&hash), tamga_buf_span(&id)));
}
