#include "wire/wire.h"

#include <criterion/criterion.h>
#include <string.h>

#include "crypto/hash.h"
#include "memory.h"
#include "tamga/v1/record.pb-c.h"
#include "tamga/v1/transaction.pb-c.h"
#include "vector.h"

#define MESSAGE TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage
#define CHECKIN &tamga__v1__check_in_body__descriptor

static const struct tamga_scope scope = {{{7, 7, 7}}};

/* A signed check-in, unpacked, and the key that signed it. */
struct fixture {
    struct tamga_private_key *key;
    struct tamga_hash id;
    Tamga__V1__Signed *message;
};

static enum tamga_err make(struct tamga_buf *out, struct tamga_hash *id,
                           const struct tamga_private_key *key)
{
    Tamga__V1__CheckInBody body = TAMGA__V1__CHECK_IN_BODY__INIT;
    char hardware[] = "rev-a";

    body.hardware = hardware;
    body.time_ms = 1700000000000u;
    return tamga_signed_make(out, id, &body.base, TAMGA_DOMAIN_CHECKIN, &scope, key);
}

static struct fixture fixture_make(enum tamga_key_type type)
{
    struct fixture f = {0};
    ProtobufCMessage *message;
    TAMGA_BUF bytes = {0};

    cr_assert_eq(tamga_private_key_generate(&f.key, type), TAMGA_OK);
    cr_assert_eq(make(&bytes, &f.id, f.key), TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack(&message, &tamga__v1__signed__descriptor,
                                   TAMGA_WIRE_CANONICAL, tamga_buf_span(&bytes), NULL),
                 TAMGA_OK);
    f.message = (Tamga__V1__Signed *)message;
    return f;
}

static void fixture_clear(struct fixture *f)
{
    tamga_wire_free(&f->message->base);
    tamga_private_key_free(f->key);
}

static enum tamga_err open_it(const struct fixture *f)
{
    MESSAGE *body = NULL;
    struct tamga_hash id;

    return tamga_signed_open(&id, &body, f->message, TAMGA_DOMAIN_CHECKIN, &scope,
                             CHECKIN, NULL);
}

static enum tamga_err verify(const struct fixture *f)
{
    return tamga_signed_verify(f->message, &f->id, tamga_private_key_public(f->key));
}

/*
 * Goal:   what was made opens and verifies, with every type of key.
 * Method: make, open, read a field, verify.
 */
Test(signed_message, opens_and_verifies)
{
    for (int type = TAMGA_KEY_P256; type <= TAMGA_KEY_ED25519; type++) {
        struct fixture f = fixture_make((enum tamga_key_type)type);
        MESSAGE *body = NULL;
        struct tamga_hash id;

        cr_assert_eq(tamga_signed_open(&id, &body, f.message, TAMGA_DOMAIN_CHECKIN,
                                       &scope, CHECKIN, NULL),
                     TAMGA_OK);
        cr_assert(tamga_hash_equal(&id, &f.id));
        cr_assert_str_eq(((Tamga__V1__CheckInBody *)body)->hardware, "rev-a");
        cr_assert_eq(verify(&f), TAMGA_OK);
        fixture_clear(&f);
    }
}

static void check_flips(const struct fixture *f, ProtobufCBinaryData bytes,
                        enum tamga_err (*judge)(const struct fixture *f),
                        enum tamga_err expected)
{
    for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(judge(f), expected, "bit %zu", bit);
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/*
 * Goal:   no one-bit change survives, and the reason is right.
 * Method: flip every bit of id, body and signature alone.
 */
Test(signed_message, refuses_every_flipped_bit, .timeout = 60)
{
    struct fixture f = fixture_make(TAMGA_KEY_ED25519);

    check_flips(&f, f.message->id, open_it, TAMGA_E_ID_MISMATCH);
    check_flips(&f, f.message->body, open_it, TAMGA_E_ID_MISMATCH);
    check_flips(&f, f.message->signature->value, verify, TAMGA_E_BAD_SIGNATURE);
    cr_assert_eq(open_it(&f), TAMGA_OK);
    cr_assert_eq(verify(&f), TAMGA_OK);
    fixture_clear(&f);
}

/*
 * Goal:   a message for another domain or another chain is not this one.
 * Method: open under each; outputs stay as they were.
 */
Test(signed_message, belongs_to_domain_and_scope)
{
    struct fixture f = fixture_make(TAMGA_KEY_ED25519);
    const struct tamga_scope other = {{{7, 7, 8}}};
    ProtobufCMessage mark, *body = &mark;
    struct tamga_hash id = {{9}};

    cr_assert_eq(tamga_signed_open(&id, &body, f.message, TAMGA_DOMAIN_RECEIPT, &scope,
                                   CHECKIN, NULL),
                 TAMGA_E_ID_MISMATCH);
    cr_assert_eq(tamga_signed_open(&id, &body, f.message, TAMGA_DOMAIN_CHECKIN, &other,
                                   CHECKIN, NULL),
                 TAMGA_E_ID_MISMATCH);
    cr_assert_eq(body, &mark);
    cr_assert_eq(id.byte[0], 9);
    fixture_clear(&f);
}

/* Open a Signed of these parts. */
static enum tamga_err open_parts(struct tamga_span id, struct tamga_span body,
                                 Tamga__V1__Signature *signature)
{
    Tamga__V1__Signed message = TAMGA__V1__SIGNED__INIT;
    MESSAGE *opened = NULL;
    struct tamga_hash out;

    message.id = tamga_wire_bytes(id);
    message.body = tamga_wire_bytes(body);
    message.signature = signature;
    return tamga_signed_open(&out, &opened, &message, TAMGA_DOMAIN_CHECKIN, &scope,
                             CHECKIN, NULL);
}

/*
 * Goal:   an incomplete envelope is refused for its reason.
 * Method: leave out each part; an id of another length; a body beyond its bound.
 */
Test(signed_message, refuses_bad_envelopes)
{
    static const uint8_t id[33], body[65537];
    Tamga__V1__Signature signature = TAMGA__V1__SIGNATURE__INIT;
    const struct tamga_span none = {0};
    struct tamga_hash out;
    ProtobufCMessage *opened = NULL;

    cr_assert_eq(tamga_signed_open(&out, &opened, NULL, TAMGA_DOMAIN_CHECKIN, &scope,
                                   CHECKIN, NULL),
                 TAMGA_E_MISSING_FIELD);
    cr_assert_eq(open_parts(none, tamga_span(body, 9), &signature),
                 TAMGA_E_MISSING_FIELD);
    cr_assert_eq(open_parts(tamga_span(id, 32), none, &signature),
                 TAMGA_E_MISSING_FIELD);
    cr_assert_eq(open_parts(tamga_span(id, 32), tamga_span(body, 9), NULL),
                 TAMGA_E_MISSING_FIELD);
    cr_assert_eq(open_parts(tamga_span(id, 31), tamga_span(body, 9), &signature),
                 TAMGA_E_BAD_LENGTH);
    cr_assert_eq(open_parts(tamga_span(id, 33), tamga_span(body, 9), &signature),
                 TAMGA_E_BAD_LENGTH);
    cr_assert_eq(open_parts(tamga_span(id, 32), tamga_span(body, 65537), &signature),
                 TAMGA_E_TOO_LARGE);
    cr_assert_eq(open_parts(tamga_span(id, 32), tamga_span(body, 65536), &signature),
                 TAMGA_E_ID_MISMATCH);
}

/*
 * Goal:   a body is judged in canonical form, after its id.
 * Method: bodies under their true ids: explicit default, unknown field, cut.
 */
Test(signed_message, refuses_bodies_that_are_not_canonical)
{
    static const struct {
        uint8_t bytes[2];
        enum tamga_err err;
    } row[] = {{{0x30, 0x00}, TAMGA_E_NOT_CANONICAL},
               {{0x78, 0x01}, TAMGA_E_UNKNOWN_FIELD},
               {{0x30, 0x80}, TAMGA_E_TRUNCATED},
               {{0x30, 0x01}, TAMGA_OK}};
    Tamga__V1__Signature signature = TAMGA__V1__SIGNATURE__INIT;

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct tamga_span body = tamga_span(row[i].bytes, 2);
        struct tamga_hash id;

        tamga_domain_hash(&id, TAMGA_DOMAIN_CHECKIN, &scope, body);
        cr_assert_eq(open_parts(tamga_hash_span(&id), body, &signature), row[i].err);
    }
}

/*
 * Goal:   verify says BAD_SIGNATURE, whatever is wrong with one.
 * Method: none; another type; another length; another id; another key.
 */
Test(signed_message, verify_refuses)
{
    struct fixture f = fixture_make(TAMGA_KEY_P256);
    struct fixture other = fixture_make(TAMGA_KEY_P256);
    Tamga__V1__Signature *signature = f.message->signature;

    cr_assert_eq(
        tamga_signed_verify(f.message, &f.id, tamga_private_key_public(other.key)),
        TAMGA_E_BAD_SIGNATURE);
    f.id.byte[0] ^= 1;
    cr_assert_eq(verify(&f), TAMGA_E_BAD_SIGNATURE);
    f.id.byte[0] ^= 1;
    signature->type = TAMGA__V1__KEY_TYPE__KEY_TYPE_ED25519;
    cr_assert_eq(verify(&f), TAMGA_E_BAD_SIGNATURE);
    signature->type = TAMGA__V1__KEY_TYPE__KEY_TYPE_RSA3072;
    cr_assert_eq(verify(&f), TAMGA_E_BAD_SIGNATURE);
    signature->type = TAMGA__V1__KEY_TYPE__KEY_TYPE_P256;
    signature->value.len--;
    cr_assert_eq(verify(&f), TAMGA_E_BAD_SIGNATURE);
    signature->value.len++;
    f.message->signature = NULL;
    cr_assert_eq(verify(&f), TAMGA_E_BAD_SIGNATURE);
    f.message->signature = signature;
    cr_assert_eq(verify(&f), TAMGA_OK);
    fixture_clear(&other);
    fixture_clear(&f);
}

/* What making a Signed of a body of len bytes says: tag, length of 3 bytes, bytes. */
static enum tamga_err make_of(size_t len, const struct tamga_private_key *key)
{
    static uint8_t bytes[65536];
    Tamga__V1__RecordBody body = TAMGA__V1__RECORD_BODY__INIT;
    TAMGA_BUF out = {0};
    enum tamga_err err;

    body.receipt = tamga_wire_bytes(tamga_span(bytes, len - 4));
    err = tamga_signed_make(&out, NULL, &body.base, TAMGA_DOMAIN_RECORD, &scope, key);
    cr_assert_eq(out.len > 0, err == TAMGA_OK);
    return err;
}

/*
 * Goal:   nothing is signed that no receiver would read.
 * Method: a body of its greatest length, and of one byte more.
 */
Test(signed_message, make_refuses_long_bodies)
{
    struct fixture f = fixture_make(TAMGA_KEY_ED25519);

    cr_assert_eq(make_of(65536, f.key), TAMGA_OK);
    cr_assert_eq(make_of(65537, f.key), TAMGA_E_TOO_LARGE);
    fixture_clear(&f);
}

/*
 * Goal:   a lack of memory leaves outputs as they were.
 * Method: fail each allocation of our own code in turn; id may be NULL.
 */
Test(signed_message, make_survives_failed_allocations)
{
    struct fixture f = fixture_make(TAMGA_KEY_ED25519);
    enum tamga_err err = TAMGA_E_NO_MEMORY;
    unsigned failed = 0;

    for (; err != TAMGA_OK && failed < 20; failed++) {
        TAMGA_BUF out = {0};
        struct tamga_hash id = {{9}};

        test_memory_calls = 0;
        test_memory_fail = failed + 1;
        err = make(&out, &id, f.key);
        test_memory_fail = 0;
        cr_assert(err == TAMGA_OK || err == TAMGA_E_NO_MEMORY);
        cr_assert_eq(out.len > 0, err == TAMGA_OK);
        cr_assert_eq(tamga_hash_equal(&id, &f.id), err == TAMGA_OK);
    }
    cr_assert_eq(err, TAMGA_OK);
    cr_assert_gt(failed, 2);
    fixture_clear(&f);
}

/*
 * Goal:   keys go to the wire and come back.
 * Method: each type; the address says that it is the same key.
 */
Test(signed_message, keys_come_back)
{
    for (int type = TAMGA_KEY_P256; type <= TAMGA_KEY_ED25519; type++) {
        struct fixture f = fixture_make((enum tamga_key_type)type);
        const struct tamga_public_key *key = tamga_private_key_public(f.key);
        Tamga__V1__PublicKey wire = tamga_wire_key_of(key);
        struct tamga_public_key *again = NULL;
        struct tamga_address a, b;

        cr_assert_eq((int)wire.type, type);
        cr_assert_eq(tamga_wire_key(&again, &wire), TAMGA_OK);
        tamga_public_key_address(key, &a);
        tamga_public_key_address(again, &b);
        cr_assert(tamga_hash_equal(&a.hash, &b.hash));
        tamga_public_key_free(again);
        fixture_clear(&f);
    }
}

/*
 * Goal:   what is no key is refused for its reason.
 * Method: nothing, no bytes, types that are none, another type, a cut encoding.
 */
Test(signed_message, refuses_bad_keys)
{
    struct fixture f = fixture_make(TAMGA_KEY_P256);
    Tamga__V1__PublicKey key = tamga_wire_key_of(tamga_private_key_public(f.key));
    Tamga__V1__PublicKey empty = TAMGA__V1__PUBLIC_KEY__INIT;
    struct tamga_public_key *out = NULL;

    cr_assert_eq(tamga_wire_key(&out, NULL), TAMGA_E_MISSING_FIELD);
    cr_assert_eq(tamga_wire_key(&out, &empty), TAMGA_E_MISSING_FIELD);
    key.type = TAMGA__V1__KEY_TYPE__KEY_TYPE_UNSPECIFIED;
    cr_assert_eq(tamga_wire_key(&out, &key), TAMGA_E_BAD_KEY);
    key.type = (Tamga__V1__KeyType)4;
    cr_assert_eq(tamga_wire_key(&out, &key), TAMGA_E_BAD_KEY);
    key.type = TAMGA__V1__KEY_TYPE__KEY_TYPE_ED25519;
    cr_assert_eq(tamga_wire_key(&out, &key), TAMGA_E_BAD_KEY);
    key.type = TAMGA__V1__KEY_TYPE__KEY_TYPE_P256;
    key.spki.len--;
    cr_assert_eq(tamga_wire_key(&out, &key), TAMGA_E_BAD_KEY);
    cr_assert_null(out);
    fixture_clear(&f);
}

/*
 * Goal:   a signature has exactly its type's length; and it comes back from the wire.
 * Method: each type with each length from 0 to 385.
 */
Test(signed_message, signatures_have_their_length)
{
    static uint8_t bytes[385] = {1, 2, 3};

    cr_assert_eq(tamga_wire_signature(&(struct tamga_signature){0}, NULL),
                 TAMGA_E_MISSING_FIELD);
    for (int type = -1; type <= 4; type++) {
        size_t right = type == TAMGA_KEY_RSA3072 ? 384
                       : type < 1 || type > 3    ? 999
                                                 : 64;

        for (size_t len = 0; len <= sizeof bytes; len++) {
            Tamga__V1__Signature wire = TAMGA__V1__SIGNATURE__INIT;
            struct tamga_signature out;

            wire.type = (Tamga__V1__KeyType)type;
            wire.value = tamga_wire_bytes(tamga_span(bytes, len));
            cr_assert_eq(tamga_wire_signature(&out, &wire),
                         len == right ? TAMGA_OK : TAMGA_E_BAD_SIGNATURE);
            if (len != right)
                continue;
            wire = tamga_wire_signature_of(&out);
            cr_assert_eq((int)wire.type, type);
            cr_assert(
                tamga_span_equal(tamga_wire_span(wire.value), tamga_span(bytes, len)));
        }
    }
}

static void check_vector(const char *file, const char *domain,
                         const ProtobufCMessageDescriptor *type)
{
    TAMGA_BUF body = {0}, preimage = {0}, id = {0}, bytes = {0}, again = {0};
    struct tamga_scope vector_scope;
    struct tamga_hash hash, whole;
    MESSAGE *message = NULL;

    test_vector(&bytes, file, "domain");
    cr_assert(tamga_span_equal(tamga_buf_span(&bytes), tamga_span_text(domain)));
    bytes.len = 0;
    test_vector(&bytes, file, "scope");
    cr_assert_eq(tamga_hash_from(&vector_scope.hash, tamga_buf_span(&bytes)), TAMGA_OK);
    test_vector(&body, file, "body");
    test_vector(&preimage, file, "preimage");
    test_vector(&id, file, "id");

    tamga_sha256(&whole, tamga_buf_span(&preimage));
    tamga_domain_hash(&hash, domain, &vector_scope, tamga_buf_span(&body));
    cr_assert(tamga_span_equal(tamga_hash_span(&whole), tamga_buf_span(&id)));
    cr_assert(tamga_span_equal(tamga_hash_span(&hash), tamga_buf_span(&id)));
    cr_assert_eq(tamga_wire_unpack(&message, type, TAMGA_WIRE_CANONICAL,
                                   tamga_buf_span(&body), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_wire_pack(&again, message), TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_buf_span(&body), tamga_buf_span(&again)));
}

/*
 * Goal:   the bytes that are signed and the ids made of them never change.
 * Method: vectors made without our code: body, preimage and id, both ways.
 */
Test(signed_message, golden_vectors)
{
    check_vector("transaction.txt", TAMGA_DOMAIN_TRANSACTION,
                 &tamga__v1__transaction_body__descriptor);
    check_vector("record.txt", TAMGA_DOMAIN_RECORD,
                 &tamga__v1__record_body__descriptor);
}

/*
 * Goal:   the golden bytes say what their file says.
 * Method: unpack the golden transaction and read its fields.
 */
Test(signed_message, golden_fields)
{
    MESSAGE *message = NULL;
    TAMGA_BUF body = {0};
    const Tamga__V1__TransactionBody *transaction;

    test_vector(&body, "transaction.txt", "body");
    cr_assert_eq(tamga_wire_unpack(&message, &tamga__v1__transaction_body__descriptor,
                                   TAMGA_WIRE_CANONICAL, tamga_buf_span(&body), NULL),
                 TAMGA_OK);
    transaction = (const Tamga__V1__TransactionBody *)message;
    cr_assert_eq(transaction->time_ms, 1700000000123u);
    cr_assert_eq(transaction->key->type, TAMGA__V1__KEY_TYPE__KEY_TYPE_ED25519);
    cr_assert_eq(transaction->action_case, TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE);
    cr_assert_str_eq(transaction->release->version, "2.4.1-ç");
    cr_assert_eq(transaction->release->counter, 41);
    cr_assert_eq(transaction->release->n_hardware, 2);
    cr_assert_str_eq(transaction->release->depends[0]->model, "radio");
    cr_assert(transaction->release->urgent);
    cr_assert_eq(transaction->release->republish_of.data[31], 0x9f);
}
