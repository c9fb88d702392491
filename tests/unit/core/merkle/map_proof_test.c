/* core/merkle/map_proof.c: the one proof for each root and key, and all that is none. */
#include <criterion/criterion.h>

#include "map_model.h"

#define BATCH_MAX 64

static const struct tamga_hash zero;

static void flip(struct tamga_hash *hash, unsigned bit)
{
    hash->byte[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
}

static unsigned bit_of(const struct tamga_hash *hash, unsigned bit)
{
    return (unsigned)hash->byte[bit / 8] >> (7 - bit % 8) & 1u;
}

/* What is asked of the key if the model is right. */
static const struct tamga_hash *value_of(const struct map_fixture *f,
                                         const struct tamga_hash *key)
{
    const struct model_leaf *leaf = model_find(&f->model, key);

    return leaf == NULL ? NULL : &leaf->value;
}

static struct tamga_map_proof proof_of(struct map_fixture *f, const struct tamga_hash *key)
{
    struct tamga_map_proof proof, want;

    memset(&proof, 0, sizeof proof);
    cr_assert_eq(tamga_map_prove(&proof, &f->rows.base, key), TAMGA_OK);
    model_prove(&want, &f->model, key);
    cr_assert_eq(proof.depth, want.depth);
    cr_assert_eq(proof.count, want.count);
    cr_assert_arr_eq(proof.filled, want.filled, sizeof proof.filled);
    cr_assert_arr_eq(proof.sibling, want.sibling, sizeof proof.sibling);
    cr_assert_eq(proof.present, want.present);
    cr_assert_eq(proof.other, want.other);
    cr_assert(tamga_hash_equal(&proof.key, &want.key));
    cr_assert(tamga_hash_equal(&proof.value, &want.value));
    return proof;
}

/* A map of about `least` leaves and its root. */
static struct map_fixture *filled(uint64_t seed, size_t least, struct tamga_hash *root)
{
    struct map_fixture *f = map_fixture_new(seed);
    struct tamga_map_change change[BATCH_MAX];

    *root = zero;
    while (f->model.count < least)
        *root = map_fixture_update(f, change, map_random_changes(f, change, BATCH_MAX));
    return f;
}

/*
 * Goal:   every key of the map and every other has the proof that the definition gives,
 *         which holds for what is so and not for what is not.
 * Method: maps of 0, 1, 2 and about 150 leaves; their keys, and random ones near them;
 *         present asked as absent and the other way round, and with another value.
 */
Test(merkle_map_proof, every_key_has_its_proof)
{
    static const size_t sizes[] = {0, 1, 2, 150};

    for (size_t i = 0; i < 4; i++) {
        struct tamga_hash root;
        MAP_FIXTURE *f = filled(i + 1, sizes[i], &root);

        for (size_t n = 0; n < f->model.count + 300; n++) {
            struct tamga_hash key = n < f->model.count ? f->model.leaf[n].key
                                                       : map_random_key(f);
            struct tamga_map_proof proof = proof_of(f, &key);
            const struct tamga_hash *value = value_of(f, &key);
            struct tamga_hash wrong = map_random_hash(f);

            cr_assert_eq(tamga_map_check(&root, &proof, &key, value), TAMGA_OK);
            cr_assert_eq(tamga_map_check(&root, &proof, &key, &wrong),
                         value != NULL ? TAMGA_E_PROOF_ROOT : TAMGA_E_PROOF_KEY);
            if (value != NULL)
                cr_assert_eq(tamga_map_check(&root, &proof, &key, NULL),
                             TAMGA_E_PROOF_KEY);
        }
    }
}

/* ---- one bit ----------------------------------------------------------------------- */

/* The proof for the key, with each bit of what it consists of changed. */
static void refuses_changed_proof(const struct tamga_hash *root,
                                  const struct tamga_map_proof *good,
                                  const struct tamga_hash *key,
                                  const struct tamga_hash *value)
{
    struct tamga_map_proof bad = *good;

#define CHECK() tamga_map_check(root, &bad, key, value)
    for (unsigned bit = 0; bit < 256; bit++) {
        bad.filled[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
        cr_assert_eq(CHECK(), TAMGA_E_PROOF_DEPTH, "filled bit %u", bit);
        bad.filled[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
    }
    for (unsigned bit = 0; bit < good->count * 256; bit++) {
        flip(&bad.sibling[bit / 256], bit % 256);
        cr_assert_eq(CHECK(), TAMGA_E_PROOF_ROOT, "sibling bit %u", bit);
        flip(&bad.sibling[bit / 256], bit % 256);
    }
    for (unsigned bit = 0; bit < 32; bit++) {
        bad.depth ^= 1u << bit;
        cr_assert_eq(CHECK(), TAMGA_E_PROOF_DEPTH, "depth bit %u", bit);
        bad.depth ^= 1u << bit;
        bad.count ^= (size_t)1 << bit;
        cr_assert_eq(CHECK(), TAMGA_E_PROOF_DEPTH, "count bit %u", bit);
        bad.count ^= (size_t)1 << bit;
    }
#undef CHECK
}

/* ... of the leaf at its end, if it has one. */
static void refuses_changed_end(const struct tamga_hash *root,
                                const struct tamga_map_proof *good,
                                const struct tamga_hash *key,
                                const struct tamga_hash *value)
{
    struct tamga_map_proof bad = *good;

    bad.present = !good->present;
    cr_assert_eq(tamga_map_check(root, &bad, key, value),
                 good->other ? TAMGA_E_PROOF_DEPTH : TAMGA_E_PROOF_KEY);
    bad = *good;
    bad.other = !good->other;
    if (!good->present && !good->other) { /* a leaf where there is none */
        bad.key = *key;
        flip(&bad.key, 255);
    }
    cr_assert_eq(tamga_map_check(root, &bad, key, value),
                 good->present ? TAMGA_E_PROOF_DEPTH : TAMGA_E_PROOF_ROOT);
    bad = *good;
    if (!good->present && !good->other)
        return;
    for (unsigned bit = 0; bit < 256; bit++) {
        bool named;

        flip(&bad.key, bit);
        named = good->present || bit < good->depth || tamga_hash_equal(&bad.key, key);
        cr_assert_eq(tamga_map_check(root, &bad, key, value),
                     named ? TAMGA_E_PROOF_KEY : TAMGA_E_PROOF_ROOT, "key bit %u", bit);
        flip(&bad.key, bit);
        flip(&bad.value, bit);
        cr_assert_eq(tamga_map_check(root, &bad, key, value), TAMGA_E_PROOF_ROOT);
        flip(&bad.value, bit);
    }
}

/* Root, value and key that are asked for. A proof of absence holds for all keys that go the
 * same way to the same end. */
static void refuses_changed_question(const struct tamga_hash *root,
                                     const struct tamga_map_proof *proof,
                                     const struct tamga_hash *key,
                                     const struct tamga_hash *value)
{
    for (unsigned bit = 0; bit < 256; bit++) {
        struct tamga_hash bad = *root;
        enum tamga_err want = TAMGA_OK;

        flip(&bad, bit);
        cr_assert_eq(tamga_map_check(&bad, proof, key, value), TAMGA_E_PROOF_ROOT);
        bad = *key;
        flip(&bad, bit);
        if (proof->present || (proof->other && (bit < proof->depth ||
                                                tamga_hash_equal(&bad, &proof->key))))
            want = TAMGA_E_PROOF_KEY;
        else if (bit < proof->depth)
            want = TAMGA_E_PROOF_ROOT;
        cr_assert_eq(tamga_map_check(root, proof, &bad, value), want, "key bit %u", bit);
        if (value == NULL)
            continue;
        bad = *value;
        flip(&bad, bit);
        cr_assert_eq(tamga_map_check(root, proof, key, &bad), TAMGA_E_PROOF_ROOT);
    }
}

/*
 * Goal:   no one-bit change of proof, key, value or root survives, and the reason is right.
 * Method: proofs of presence, of another leaf and of an empty place, each changed alone.
 */
Test(merkle_map_proof, refuses_every_flipped_bit)
{
    struct tamga_hash root;
    MAP_FIXTURE *f = filled(7, 60, &root);
    size_t present = 0, other = 0, empty = 0;

    for (size_t n = 0; n < 60; n++) {
        struct tamga_hash key = n < 20 ? f->model.leaf[n].key : map_random_key(f);
        struct tamga_map_proof proof = proof_of(f, &key);
        const struct tamga_hash *value = value_of(f, &key);

        refuses_changed_proof(&root, &proof, &key, value);
        refuses_changed_end(&root, &proof, &key, value);
        refuses_changed_question(&root, &proof, &key, value);
        present += proof.present;
        other += proof.other;
        empty += !proof.present && !proof.other;
    }
    cr_assert_geq(present, 10);
    cr_assert_geq(other, 5);
    cr_assert_geq(empty, 5);
}

/* ---- forms that no tree has -------------------------------------------------------- */

/* The root to which a proof would lead if nobody asked for its form. */
static struct tamga_hash fold_anyhow(const struct tamga_map_proof *proof,
                                     const struct tamga_hash *key)
{
    struct model_leaf end = {.key = proof->key, .value = proof->value};
    struct tamga_hash sum = proof->present || proof->other ? model_leaf_hash(&end) : zero;
    size_t next = proof->count;

    for (unsigned i = proof->depth; i-- > 0;) {
        bool here = (proof->filled[i / 8] >> (7 - i % 8) & 1) != 0;
        struct tamga_hash side = here ? proof->sibling[--next] : zero;

        sum = bit_of(key, i) != 0 ? model_node_hash(&side, &sum)
                                  : model_node_hash(&sum, &side);
    }
    return sum;
}

/* A path of `depth` levels with siblings where `filled` has bits, from the top. */
static struct tamga_map_proof path(struct map_fixture *f, unsigned depth, uint64_t filled)
{
    struct tamga_map_proof proof = {.depth = depth};

    for (unsigned i = 0; i < 64; i++)
        if ((filled >> (63 - i) & 1) != 0) {
            proof.filled[i / 8] |= (uint8_t)(0x80u >> i % 8);
            proof.sibling[proof.count++] = map_random_hash(f);
        }
    return proof;
}

static enum tamga_err check_absent(const struct tamga_map_proof *proof,
                                   const struct tamga_hash *key)
{
    struct tamga_hash root = fold_anyhow(proof, key);

    return tamga_map_check(&root, proof, key, NULL);
}

/*
 * Goal:   what leads to the root in a form that no map has is refused all the same.
 * Method: paths made up, with the root that they lead to: a good one, then a deepest
 *         sibling that is empty, under an empty end and under a leaf; bits below the depth;
 *         siblings too many and too few; a sibling of zeros; depths 256 and 257.
 */
Test(merkle_map_proof, refuses_forms_that_no_map_has)
{
    MAP_FIXTURE *f = map_fixture_new(11);
    struct tamga_hash key = map_random_hash(f);
    struct tamga_map_proof proof = path(f, 3, 5ull << 61);

    cr_assert_eq(check_absent(&proof, &key), TAMGA_OK);
    proof.depth = 2; /* a bit below the depth */
    proof.count = 1;
    cr_assert_eq(check_absent(&proof, &key), TAMGA_E_PROOF_DEPTH);
    proof = path(f, 3, 6ull << 61); /* the deepest is empty */
    cr_assert_eq(check_absent(&proof, &key), TAMGA_E_PROOF_DEPTH);
    proof.other = true;
    proof.key = map_fork_key(f, &key, 40);
    cr_assert_eq(check_absent(&proof, &key), TAMGA_E_PROOF_DEPTH);
    proof = path(f, 1, 0);
    cr_assert_eq(check_absent(&proof, &key), TAMGA_E_PROOF_DEPTH);
    proof = path(f, 3, 1ull << 61);
    proof.count = 2;
    cr_assert_eq(check_absent(&proof, &key), TAMGA_E_PROOF_DEPTH);
    proof.count = 0;
    cr_assert_eq(tamga_map_check(&zero, &proof, &key, NULL), TAMGA_E_PROOF_DEPTH);
    proof.count = SIZE_MAX;
    cr_assert_eq(tamga_map_check(&zero, &proof, &key, NULL), TAMGA_E_PROOF_DEPTH);
    proof = path(f, 3, 5ull << 61);
    proof.sibling[0] = zero;
    cr_assert_eq(check_absent(&proof, &key), TAMGA_E_PROOF_DEPTH);
}

/*
 * Goal:   a path is at most as long as a key, and one that long ends at a leaf.
 * Method: an empty end and a leaf of another at 256 levels, and at 257 and 2^32-1.
 */
Test(merkle_map_proof, refuses_paths_longer_than_keys)
{
    MAP_FIXTURE *f = map_fixture_new(12);
    struct tamga_hash key = map_random_hash(f), value = map_random_hash(f), root;
    struct tamga_map_proof proof = {.depth = 256, .count = 1};

    proof.filled[31] = 1;
    proof.sibling[0] = map_random_hash(f);
    cr_assert_eq(check_absent(&proof, &key), TAMGA_E_PROOF_DEPTH);
    proof.other = true;
    proof.key = map_fork_key(f, &key, 255);
    cr_assert_eq(check_absent(&proof, &key), TAMGA_E_PROOF_KEY);
    proof.other = false;
    proof.present = true;
    proof.key = key;
    proof.value = value;
    root = fold_anyhow(&proof, &key);
    cr_assert_eq(tamga_map_check(&root, &proof, &key, &value), TAMGA_OK);
    proof.depth = 257;
    cr_assert_eq(tamga_map_check(&root, &proof, &key, &value), TAMGA_E_PROOF_DEPTH);
    proof.depth = UINT32_MAX;
    cr_assert_eq(tamga_map_check(&root, &proof, &key, &value), TAMGA_E_PROOF_DEPTH);
}

/*
 * Goal:   the end stands in the key's way, or is the key's, and never both.
 * Method: another's leaf that shares the path and one that does not; the key's own shown
 *         as another's; an end that is both.
 */
Test(merkle_map_proof, the_end_is_the_keys_or_in_its_way)
{
    MAP_FIXTURE *f = map_fixture_new(13);
    struct tamga_hash key = map_random_hash(f), value = map_random_hash(f), root;
    struct tamga_map_proof proof = path(f, 9, 1ull << 55);

    proof.other = true;
    proof.value = value;
    for (unsigned bit = 0; bit < 256; bit++) {
        proof.key = map_fork_key(f, &key, bit);
        cr_assert_eq(check_absent(&proof, &key), bit < 9 ? TAMGA_E_PROOF_KEY : TAMGA_OK);
    }
    proof.key = key;
    cr_assert_eq(check_absent(&proof, &key), TAMGA_E_PROOF_KEY);
    root = fold_anyhow(&proof, &key);
    cr_assert_eq(tamga_map_check(&root, &proof, &key, &value), TAMGA_E_PROOF_KEY);
    proof.present = true;
    cr_assert_eq(tamga_map_check(&root, &proof, &key, &value), TAMGA_E_PROOF_DEPTH);
    proof.other = false;
    cr_assert_eq(tamga_map_check(&root, &proof, &key, &value), TAMGA_OK);
}

/*
 * Goal:   the deepest place there is: two keys that differ in their last bit.
 * Method: prove both, a third that parts from them at each bit, and nothing beside them.
 */
Test(merkle_map_proof, keys_that_differ_in_the_last_bit)
{
    MAP_FIXTURE *f = map_fixture_new(14);
    struct tamga_hash a = map_random_hash(f), b = map_fork_key(f, &a, 255), root;
    struct tamga_map_change change[] = {map_put(a, map_random_hash(f)),
                                        map_put(b, map_random_hash(f))};
    struct tamga_map_proof proof;

    root = map_fixture_update(f, change, 2);
    proof = proof_of(f, &a);
    cr_assert_eq(proof.depth, 256);
    cr_assert_eq(proof.count, 1);
    cr_assert_eq(tamga_map_check(&root, &proof, &a, value_of(f, &a)), TAMGA_OK);
    cr_assert_eq(tamga_map_check(&root, &proof, &b, value_of(f, &b)), TAMGA_E_PROOF_KEY);
    proof = proof_of(f, &b);
    cr_assert_eq(tamga_map_check(&root, &proof, &b, value_of(f, &b)), TAMGA_OK);
    for (unsigned bit = 0; bit < 255; bit++) {
        struct tamga_hash key = map_fork_key(f, &a, bit);

        proof = proof_of(f, &key);
        cr_assert_eq(proof.depth, bit + 1);
        cr_assert_eq(tamga_map_check(&root, &proof, &key, NULL), TAMGA_OK);
        cr_assert_eq(tamga_map_check(&root, &proof, &a, NULL), TAMGA_E_PROOF_ROOT);
    }
}
