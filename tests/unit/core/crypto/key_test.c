/*
 * core/crypto/key.c: what is signed verifies, golden signatures of others do too, and
 * everything else is BAD_SIGNATURE.
 */
#include <criterion/criterion.h>
#include <pthread.h>

#include "crypto/hash.h"
#include "crypto/key.h"
#include "vectors.h"

static const enum tamga_key_type types[] = {TAMGA_KEY_P256, TAMGA_KEY_RSA3072,
                                            TAMGA_KEY_ED25519};
#define TYPES (sizeof types / sizeof types[0])

static void private_free(struct tamga_private_key **key)
{
    tamga_private_key_free(*key);
}

static void public_free(struct tamga_public_key **key)
{
    tamga_public_key_free(*key);
}

#define PRIVATE_KEY TAMGA_CLEANUP(private_free) struct tamga_private_key
#define PUBLIC_KEY  TAMGA_CLEANUP(public_free) struct tamga_public_key

static struct tamga_private_key *generated(enum tamga_key_type type)
{
    struct tamga_private_key *key = NULL;

    cr_assert_eq(tamga_private_key_generate(&key, type), TAMGA_OK, "type %d", type);
    return key;
}

static struct tamga_hash digest_of(uint64_t n)
{
    uint8_t bytes[8];
    struct tamga_hash digest;

    tamga_put_u64(bytes, n);
    tamga_sha256(&digest, tamga_span(bytes, sizeof bytes));
    return digest;
}

static struct tamga_signature signed_by(const struct tamga_private_key *key,
                                        const struct tamga_hash *digest)
{
    struct tamga_signature signature;

    cr_assert_eq(tamga_private_key_sign(key, digest, &signature), TAMGA_OK);
    return signature;
}

/*
 * Goal:   every type signs what its public half verifies; another key, another digest
 *         and another type are refused.
 * Method: two fresh pairs a type.
 */
Test(key, signs_and_verifies)
{
    struct tamga_hash digest = digest_of(1), other = digest_of(2);

    for (size_t i = 0; i < TYPES; i++) {
        PRIVATE_KEY *key = generated(types[i]);
        PRIVATE_KEY *stranger = generated(types[i]);
        const struct tamga_public_key *half = tamga_private_key_public(key);
        struct tamga_signature signature = signed_by(key, &digest);

        cr_assert_eq(signature.type, types[i]);
        cr_assert_eq(tamga_public_key_type(half), types[i]);
        cr_assert_eq(tamga_public_key_verify(half, &digest, &signature), TAMGA_OK);
        cr_assert_eq(tamga_public_key_verify(half, &other, &signature),
                     TAMGA_E_BAD_SIGNATURE);
        cr_assert_eq(tamga_public_key_verify(tamga_private_key_public(stranger),
                                             &digest, &signature),
                     TAMGA_E_BAD_SIGNATURE);
        for (int type = 0; type <= 4; type++) {
            signature.type = (enum tamga_key_type)type;
            cr_assert_eq(tamga_public_key_verify(half, &digest, &signature),
                         signature.type == types[i] ? TAMGA_OK : TAMGA_E_BAD_SIGNATURE);
        }
    }
}

/*
 * Goal:   a signature has one length; a short or long one is refused unread.
 * Method: every length from 0 to the largest that fits, and one far beyond the array.
 */
Test(key, refuses_other_lengths)
{
    struct tamga_hash digest = digest_of(1);

    for (size_t i = 0; i < TYPES; i++) {
        PRIVATE_KEY *key = generated(types[i]);
        const struct tamga_public_key *half = tamga_private_key_public(key);
        struct tamga_signature signature = signed_by(key, &digest);
        size_t right = signature.len;

        cr_assert_eq(right, types[i] == TAMGA_KEY_RSA3072 ? 384 : 64);
        for (size_t len = 0; len <= TAMGA_SIGNATURE_BYTES_MAX; len++) {
            signature.len = len;
            cr_assert_eq(tamga_public_key_verify(half, &digest, &signature),
                         len == right ? TAMGA_OK : TAMGA_E_BAD_SIGNATURE);
        }
        signature.len = SIZE_MAX;
        cr_assert_eq(tamga_public_key_verify(half, &digest, &signature),
                     TAMGA_E_BAD_SIGNATURE);
    }
}

/*
 * Goal:   no flipped bit of a signature or a digest passes.
 * Method: every bit of the short signatures, every seventh of RSA's; every bit of the
 *         digest.
 */
Test(key, refuses_flipped_bits)
{
    struct tamga_hash digest = digest_of(1);

    for (size_t i = 0; i < TYPES; i++) {
        PRIVATE_KEY *key = generated(types[i]);
        const struct tamga_public_key *half = tamga_private_key_public(key);
        struct tamga_signature signature = signed_by(key, &digest);
        size_t step = types[i] == TAMGA_KEY_RSA3072 ? 7 : 1;

        for (size_t bit = 0; bit < 8 * signature.len; bit += step) {
            signature.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
            cr_assert_eq(tamga_public_key_verify(half, &digest, &signature),
                         TAMGA_E_BAD_SIGNATURE, "type %d, bit %zu", types[i], bit);
            signature.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t bit = 0; bit < 256; bit++) {
            digest.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
            cr_assert_eq(tamga_public_key_verify(half, &digest, &signature),
                         TAMGA_E_BAD_SIGNATURE);
            digest.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        cr_assert_eq(tamga_public_key_verify(half, &digest, &signature), TAMGA_OK);
    }
}

/*
 * Goal:   signatures of constant bytes are refused for every type, never a crash.
 * Method: all zero (for Ed25519: S of zero), all one, and only one half set.
 */
Test(key, refuses_constant_signatures)
{
    struct tamga_hash digest = digest_of(1);

    for (size_t i = 0; i < TYPES; i++) {
        PRIVATE_KEY *key = generated(types[i]);
        const struct tamga_public_key *half = tamga_private_key_public(key);
        struct tamga_signature good = signed_by(key, &digest);

        for (unsigned fill = 0; fill < 256; fill += 51)
            for (unsigned part = 1; part < 4; part++) {
                struct tamga_signature bad = good;

                if (part & 1)
                    memset(bad.byte, (int)fill, bad.len / 2);
                if (part & 2)
                    memset(bad.byte + bad.len / 2, (int)fill, bad.len / 2);
                cr_assert_eq(tamga_public_key_verify(half, &digest, &bad),
                             TAMGA_E_BAD_SIGNATURE);
            }
    }
}

static const char p256_order[] =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
static const char p256_half_order[] =
    "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8";
/* The order of Ed25519's group, big-endian. */
static const char ed25519_order[] =
    "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";

/* out = a - b, or a + b, of 32-byte big-endian numbers, modulo 2^256. */
static void scalar_add(uint8_t out[32], const uint8_t a[32], const uint8_t b[32],
                       int sign)
{
    int carry = 0;

    for (int i = 31; i >= 0; i--) {
        int sum = a[i] + sign * b[i] + carry;

        out[i] = (uint8_t)sum;
        carry = sum < 0 ? -1 : sum >> 8;
    }
}

/*
 * Goal:   P-256 signatures are made with low S, and the same one with n - s, which
 *         plain ECDSA would accept, is refused.
 * Method: forty signatures; about half would be high if nothing were done.
 */
Test(key, p256_low_s_only)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_P256);
    const struct tamga_public_key *half = tamga_private_key_public(key);
    uint8_t order[32], highest[32];

    cr_assert_eq(tamga_from_hex(order, 32, p256_order), TAMGA_OK);
    cr_assert_eq(tamga_from_hex(highest, 32, p256_half_order), TAMGA_OK);
    for (uint64_t n = 0; n < 40; n++) {
        struct tamga_hash digest = digest_of(n);
        struct tamga_signature signature = signed_by(key, &digest);

        cr_assert_leq(memcmp(signature.byte + 32, highest, 32), 0);
        cr_assert_eq(tamga_public_key_verify(half, &digest, &signature), TAMGA_OK);
        scalar_add(signature.byte + 32, order, signature.byte + 32, -1);
        cr_assert_eq(tamga_public_key_verify(half, &digest, &signature),
                     TAMGA_E_BAD_SIGNATURE);
    }
}

/*
 * Goal:   r and s out of range are refused, whatever the other is.
 * Method: each set to 0, n, n+1, 2^256-1; s also to the first value above n/2; r and s
 *         raised by n where that fits.
 */
Test(key, p256_range)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_P256);
    const struct tamga_public_key *half = tamga_private_key_public(key);
    struct tamga_hash digest = digest_of(1);
    struct tamga_signature good = signed_by(key, &digest);
    uint8_t value[6][32] = {{0}};
    uint8_t one[32] = {0};

    one[31] = 1;
    cr_assert_eq(tamga_from_hex(value[1], 32, p256_order), TAMGA_OK);
    scalar_add(value[2], value[1], one, 1);
    memset(value[3], 0xff, 32);
    cr_assert_eq(tamga_from_hex(value[4], 32, p256_half_order), TAMGA_OK);
    scalar_add(value[4], value[4], one, 1);
    memcpy(value[5], one, 32); /* in range, but wrong */
    for (size_t r = 0; r <= 6; r++)
        for (size_t s = 0; s <= 6; s++) {
            struct tamga_signature bad = good;

            if (r < 6)
                memcpy(bad.byte, value[r], 32);
            if (s < 6)
                memcpy(bad.byte + 32, value[s], 32);
            cr_assert_eq(tamga_public_key_verify(half, &digest, &bad),
                         r == 6 && s == 6 ? TAMGA_OK : TAMGA_E_BAD_SIGNATURE, "%zu %zu",
                         r, s);
        }
}

/*
 * Goal:   an Ed25519 signature has one form: S + L, equal modulo L, is refused.
 * Method: add the group's order to S (little-endian) of good signatures.
 */
Test(key, ed25519_s_below_order)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_ED25519);
    const struct tamga_public_key *half = tamga_private_key_public(key);
    uint8_t order[32], s[32];

    cr_assert_eq(tamga_from_hex(order, 32, ed25519_order), TAMGA_OK);
    for (uint64_t n = 0; n < 10; n++) {
        struct tamga_hash digest = digest_of(n);
        struct tamga_signature signature = signed_by(key, &digest);

        for (size_t i = 0; i < 32; i++)
            s[i] = signature.byte[63 - i];
        scalar_add(s, s, order, 1);
        for (size_t i = 0; i < 32; i++)
            signature.byte[63 - i] = s[i];
        cr_assert_eq(tamga_public_key_verify(half, &digest, &signature),
                     TAMGA_E_BAD_SIGNATURE);
    }
}

/*
 * Goal:   the address is the domain hash of type and SPKI, and the same with and
 *         without decoding; another type is another address.
 * Method: fresh keys of all types.
 */
Test(key, address)
{
    static const struct tamga_scope none;

    for (size_t i = 0; i < TYPES; i++) {
        PRIVATE_KEY *key = generated(types[i]);
        const struct tamga_public_key *half = tamga_private_key_public(key);
        struct tamga_span spki = tamga_public_key_spki(half);
        uint8_t body[1 + TAMGA_SPKI_BYTES_MAX] = {(uint8_t)types[i]};
        struct tamga_address decoded, encoded, other;
        struct tamga_hash by_definition;

        memcpy(body + 1, spki.data, spki.len);
        tamga_domain_hash(&by_definition, "tamga.v1.key", &none,
                          tamga_span(body, 1 + spki.len));
        tamga_public_key_address(half, &decoded);
        tamga_key_address(&encoded, types[i], spki);
        tamga_key_address(&other, types[(i + 1) % TYPES], spki);
        cr_assert(tamga_hash_equal(&decoded.hash, &by_definition));
        cr_assert(tamga_hash_equal(&encoded.hash, &by_definition));
        cr_assert(!tamga_hash_equal(&other.hash, &by_definition));
    }
}

static size_t hex_field(const json_t *entry, const char *field, uint8_t *out,
                        size_t max)
{
    const char *text = json_string_value(json_object_get(entry, field));

    cr_assert_not_null(text, "%s", field);
    cr_assert_leq(strlen(text) / 2, max);
    cr_assert_eq(tamga_from_hex(out, strlen(text) / 2, text), TAMGA_OK);
    return strlen(text) / 2;
}

static void golden_check(const json_t *entry)
{
    PUBLIC_KEY *key = NULL;
    uint8_t spki[TAMGA_SPKI_BYTES_MAX];
    size_t spki_len = hex_field(entry, "spki", spki, sizeof spki);
    enum tamga_key_type type =
        (enum tamga_key_type)json_integer_value(json_object_get(entry, "type"));
    struct tamga_signature signature = {.type = type};
    struct tamga_address want, got;
    struct tamga_hash digest;

    signature.len =
        hex_field(entry, "signature", signature.byte, sizeof signature.byte);
    hex_field(entry, "address", want.hash.byte, TAMGA_HASH_BYTES);
    hex_field(entry, "digest", digest.byte, TAMGA_HASH_BYTES);
    cr_assert_eq(tamga_public_key_decode(&key, type, tamga_span(spki, spki_len)),
                 TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_public_key_spki(key), tamga_span(spki, spki_len)));
    tamga_public_key_address(key, &got);
    cr_assert(tamga_hash_equal(&got.hash, &want.hash));
    cr_assert_eq(tamga_public_key_verify(key, &digest, &signature), TAMGA_OK);
    signature.byte[9] ^= 1;
    cr_assert_eq(tamga_public_key_verify(key, &digest, &signature),
                 TAMGA_E_BAD_SIGNATURE);
}

/*
 * Goal:   addresses never change, and signatures made by others verify.
 * Method: keys and signatures made with the openssl command, addresses with Python;
 *         tests/vectors/crypto/README.md.
 */
Test(key, golden)
{
    static char file[8][512];
    size_t files = test_vector_files("crypto", "key", ".json", file, 8);

    cr_assert_gt(files, 0);
    for (size_t i = 0; i < files; i++) {
        TEST_JSON *root = test_json_load(file[i]);

        cr_assert_gt(json_array_size(root), 0);
        for (size_t j = 0; j < json_array_size(root); j++)
            golden_check(json_array_get(root, j));
    }
}

struct shared {
    const struct tamga_private_key *key;
    unsigned wrong;
};

static void *sign_and_verify(void *context)
{
    struct shared *shared = context;

    for (uint64_t n = 0; n < 50; n++) {
        struct tamga_hash digest = digest_of(n);
        struct tamga_signature signature;

        if (tamga_private_key_sign(shared->key, &digest, &signature) != TAMGA_OK ||
            tamga_public_key_verify(tamga_private_key_public(shared->key), &digest,
                                    &signature) != TAMGA_OK)
            shared->wrong++;
    }
    return NULL;
}

/*
 * Goal:   one decoded key serves several threads.
 * Method: four threads sign and verify with it, each type in turn.
 */
Test(key, shared_by_threads)
{
    for (size_t i = 0; i < TYPES; i++) {
        PRIVATE_KEY *key = generated(types[i]);
        struct shared shared[4];
        pthread_t thread[4];

        for (size_t t = 0; t < 4; t++) {
            shared[t] = (struct shared){.key = key};
            cr_assert_eq(pthread_create(&thread[t], NULL, sign_and_verify, &shared[t]),
                         0);
        }
        for (size_t t = 0; t < 4; t++) {
            pthread_join(thread[t], NULL);
            cr_assert_eq(shared[t].wrong, 0);
        }
    }
}

/*
 * Goal:   random bytes fill exactly what was asked for; NULL is free to free.
 * Method: guard bytes around; two draws differ.
 */
Test(key, random_and_free)
{
    uint8_t a[34] = {0}, b[34] = {0};

    cr_assert_eq(tamga_random(a + 1, 32), TAMGA_OK);
    cr_assert_eq(tamga_random(b + 1, 32), TAMGA_OK);
    cr_assert_eq(tamga_random(a, 0), TAMGA_OK);
    cr_assert(a[0] == 0 && a[33] == 0 && b[0] == 0 && b[33] == 0);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    tamga_private_key_free(NULL);
    tamga_public_key_free(NULL);
}

/*
 * Goal:   a type that is none of ours makes no key.
 * Method: the numbers beside ours.
 */
Test(key, generate_refuses_unknown_types)
{
    struct tamga_private_key *key = NULL;

    cr_assert_neq(tamga_private_key_generate(&key, (enum tamga_key_type)0), TAMGA_OK);
    cr_assert_neq(tamga_private_key_generate(&key, (enum tamga_key_type)4), TAMGA_OK);
    cr_assert_null(key);
}
