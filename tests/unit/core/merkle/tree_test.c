/* core/merkle/tree.c against the definition, and against what a liar may send. */
#include <criterion/criterion.h>

#include "crypto/hash.h"
#include "merkle/tree.h"

#define LEAVES 1100

/* Leaf i commits to i. */
static const struct tamga_hash *leaves(void)
{
    static struct tamga_hash leaf[LEAVES];
    uint8_t entry[8];

    for (size_t i = 0; i < LEAVES; i++) {
        tamga_put_u64(entry, i);
        tamga_merkle_leaf(&leaf[i], tamga_span(entry, sizeof entry));
    }
    return leaf;
}

/* RFC 6962, 2.1, word for word. */
static struct tamga_hash root_by_definition(const struct tamga_hash *leaf, size_t count)
{
    struct tamga_hash out, half[2];
    size_t k = 1;

    if (count == 0) {
        tamga_sha256(&out, tamga_span(NULL, 0));
        return out;
    }
    if (count == 1)
        return leaf[0];
    while (k * 2 < count)
        k *= 2;
    half[0] = root_by_definition(leaf, k);
    half[1] = root_by_definition(leaf + k, count - k);
    tamga_sha256_parts(&out,
                       (const struct tamga_span[]){tamga_span("\x01", 1),
                                                   tamga_span(half, sizeof half)},
                       2);
    return out;
}

static struct tamga_hash root_of(const struct tamga_hash *leaf, size_t count)
{
    struct tamga_hash root;

    tamga_merkle_root(&root, leaf, count);
    return root;
}

static void flip(struct tamga_hash *hash, unsigned bit)
{
    hash->byte[bit / 8 % TAMGA_HASH_BYTES] ^= (uint8_t)(1u << bit % 8);
}

/*
 * Goal:   the root is that of RFC 6962 at every size.
 * Method: the recursive definition, sizes 0..130 and around 1,024.
 */
Test(merkle_tree, root_equals_definition)
{
    const struct tamga_hash *leaf = leaves();

    for (size_t count = 0; count <= LEAVES;
         count += count < 130 || count > 1020 ? 1 : 89) {
        struct tamga_hash want = root_by_definition(leaf, count);
        struct tamga_hash got = root_of(count == 0 ? NULL : leaf, count);

        cr_assert(tamga_hash_equal(&got, &want), "%zu leaves", count);
    }
}

/*
 * Goal:   the roots are those that other implementations have.
 * Method: the eight entries that Certificate Transparency's tests use, and their roots
 *         for no, one and eight entries.
 */
Test(merkle_tree, root_known_values)
{
    static const struct {
        const char *bytes;
        size_t len;
    } entry[] = {
        {"", 0},
        {"\x00", 1},
        {"\x10", 1},
        {"\x20\x21", 2},
        {"\x30\x31", 2},
        {"\x40\x41\x42\x43", 4},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16}};
    static const struct {
        size_t count;
        const char *root;
    } want[] = {
        {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"}};
    struct tamga_hash leaf[8];

    for (size_t i = 0; i < 8; i++)
        tamga_merkle_leaf(&leaf[i], tamga_span(entry[i].bytes, entry[i].len));
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct tamga_hash root = root_of(leaf, want[i].count);
        char text[TAMGA_HEX_CHARS];

        tamga_to_hex(text, root.byte, sizeof root.byte);
        cr_assert_str_eq(text, want[i].root, "%zu leaves", want[i].count);
    }
}

/* The proof verifies; shortened, lengthened, moved or with any node changed, not. */
static void inclusion_holds_exactly(const struct tamga_hash *leaf, size_t count,
                                    size_t index)
{
    struct tamga_hash root = root_of(leaf, count);
    struct tamga_merkle_path path;
    struct tamga_hash longer[TAMGA_MERKLE_PATH_MAX + 1];

    tamga_merkle_inclusion(&path, leaf, count, index);
    cr_assert_leq(path.count, TAMGA_MERKLE_PATH_MAX);
#define CHECK(size, at, nodes, number)                                                 \
    tamga_merkle_check_inclusion(&root, size, &leaf[index], at, nodes, number)
    cr_assert_eq(CHECK(count, index, path.node, path.count), TAMGA_OK, "%zu of %zu",
                 index, count);
    for (size_t i = 0; i < path.count; i++) {
        flip(&path.node[i], (unsigned)(i * 37 + index));
        cr_assert_eq(CHECK(count, index, path.node, path.count), TAMGA_E_BAD_PROOF);
        flip(&path.node[i], (unsigned)(i * 37 + index));
    }
    memcpy(longer, path.node, path.count * sizeof longer[0]);
    longer[path.count] = root;
    cr_assert_eq(CHECK(count, index, longer, path.count + 1), TAMGA_E_BAD_PROOF);
    if (path.count > 0)
        cr_assert_eq(CHECK(count, index, path.node, path.count - 1), TAMGA_E_BAD_PROOF);
    for (size_t other = 0; other < count; other++)
        if (other != index)
            cr_assert_eq(CHECK(count, other, path.node, path.count), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CHECK(count, count, path.node, path.count), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CHECK(0, index, path.node, path.count), TAMGA_E_BAD_PROOF);
#undef CHECK
}

/*
 * Goal:   an inclusion proof holds for its leaf, index, size and root, and no other.
 * Method: all indices of all sizes 1..64; a flipped bit in each node, a node less, a
 *         node more, every other index.
 */
Test(merkle_tree, inclusion_all_small_trees)
{
    const struct tamga_hash *leaf = leaves();

    for (size_t count = 1; count <= 64; count++)
        for (size_t index = 0; index < count; index++)
            inclusion_holds_exactly(leaf, count, index);
}

/*
 * Goal:   the same where the tree's shape changes most.
 * Method: first, last and middle leaves of sizes around 1,024.
 */
Test(merkle_tree, inclusion_around_a_power_of_two)
{
    const struct tamga_hash *leaf = leaves();

    for (size_t count = 1022; count <= 1027; count++) {
        inclusion_holds_exactly(leaf, count, 0);
        inclusion_holds_exactly(leaf, count, 511);
        inclusion_holds_exactly(leaf, count, count - 1);
    }
}

/*
 * Goal:   wrong leaf and wrong root are BAD_PROOF, whichever bit is wrong.
 * Method: flip all 256 bits of each under a good proof.
 */
Test(merkle_tree, inclusion_refuses_flipped_leaf_and_root)
{
    const struct tamga_hash *leaf = leaves();
    struct tamga_hash root = root_of(leaf, 13);
    struct tamga_hash mine = leaf[7];
    struct tamga_merkle_path path;

    tamga_merkle_inclusion(&path, leaf, 13, 7);
    for (unsigned bit = 0; bit < 256; bit++) {
        flip(&mine, bit);
        cr_assert_eq(
            tamga_merkle_check_inclusion(&root, 13, &mine, 7, path.node, path.count),
            TAMGA_E_BAD_PROOF);
        flip(&mine, bit);
        flip(&root, bit);
        cr_assert_eq(
            tamga_merkle_check_inclusion(&root, 13, &mine, 7, path.node, path.count),
            TAMGA_E_BAD_PROOF);
        flip(&root, bit);
    }
}

/*
 * Goal:   sizes and indices up to 2^64-1 are computed, not overflowed.
 * Method: in a full tree of 2^63 leaves a root follows from any leaf, index and path;
 *         then a path too short, too long, and one far above the bound.
 */
Test(merkle_tree, inclusion_in_the_largest_trees)
{
    const struct tamga_hash *leaf = leaves();
    const uint64_t size = UINT64_C(1) << 63;
    const uint64_t index = UINT64_C(0x5a5a5a5a5a5a5a5a);
    struct tamga_hash root = leaf[0];

    for (size_t i = 0; i < 63; i++) {
        bool right = (index >> i & 1) != 0;
        struct tamga_hash pair[2] = {right ? leaf[i + 1] : root,
                                     right ? root : leaf[i + 1]};

        tamga_sha256_parts(&root,
                           (const struct tamga_span[]){tamga_span("\x01", 1),
                                                       tamga_span(pair, sizeof pair)},
                           2);
    }
    cr_assert_eq(tamga_merkle_check_inclusion(&root, size, leaf, index, leaf + 1, 63),
                 TAMGA_OK);
    cr_assert_eq(tamga_merkle_check_inclusion(&root, size, leaf, index, leaf + 1, 62),
                 TAMGA_E_BAD_PROOF);
    cr_assert_eq(tamga_merkle_check_inclusion(&root, size, leaf, index, leaf + 1, 64),
                 TAMGA_E_BAD_PROOF);
    cr_assert_eq(tamga_merkle_check_inclusion(&root, UINT64_MAX, leaf, UINT64_MAX - 1,
                                              leaf + 1, LEAVES - 1),
                 TAMGA_E_BAD_PROOF);
    cr_assert_eq(
        tamga_merkle_check_inclusion(&root, UINT64_MAX, leaf, UINT64_MAX, NULL, 0),
        TAMGA_E_BAD_PROOF);
}

static void consistency_holds_exactly(const struct tamga_hash *leaf, size_t old,
                                      size_t count)
{
    struct tamga_hash old_root = root_of(leaf, old);
    struct tamga_hash new_root = root_of(leaf, count);
    struct tamga_merkle_path path;
    struct tamga_hash longer[TAMGA_MERKLE_PATH_MAX + 1];

    tamga_merkle_consistency(&path, leaf, count, old);
    cr_assert_leq(path.count, TAMGA_MERKLE_PATH_MAX);
#define CHECK(from, to, nodes, number)                                                 \
    tamga_merkle_check_consistency(&old_root, from, &new_root, to, nodes, number)
    cr_assert_eq(CHECK(old, count, path.node, path.count), TAMGA_OK, "%zu to %zu", old,
                 count);
    cr_assert_eq(path.count == 0, old == count);
    for (size_t i = 0; i < path.count; i++) {
        flip(&path.node[i], (unsigned)(i * 37 + old));
        cr_assert_eq(CHECK(old, count, path.node, path.count), TAMGA_E_BAD_PROOF);
        flip(&path.node[i], (unsigned)(i * 37 + old));
    }
    memcpy(longer, path.node, path.count * sizeof longer[0]);
    longer[path.count] = new_root;
    cr_assert_eq(CHECK(old, count, longer, path.count + 1), TAMGA_E_BAD_PROOF);
    if (path.count > 0)
        cr_assert_eq(CHECK(old, count, path.node, path.count - 1), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CHECK(0, count, path.node, path.count), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CHECK(count + 1, count, path.node, path.count), TAMGA_E_BAD_PROOF);
    for (unsigned bit = 0; bit < 256; bit += 51) {
        flip(&old_root, bit);
        cr_assert_eq(CHECK(old, count, path.node, path.count), TAMGA_E_BAD_PROOF);
        flip(&old_root, bit);
        flip(&new_root, bit);
        cr_assert_eq(CHECK(old, count, path.node, path.count), TAMGA_E_BAD_PROOF);
        flip(&new_root, bit);
    }
#undef CHECK
}

/*
 * Goal:   a consistency proof holds for its two trees and no others.
 * Method: all pairs to 40; a flipped bit in each node and in both roots, a node less, a
 *         node more, impossible sizes.
 */
Test(merkle_tree, consistency_all_small_pairs)
{
    const struct tamga_hash *leaf = leaves();

    for (size_t count = 1; count <= 40; count++)
        for (size_t old = 1; old <= count; old++)
            consistency_holds_exactly(leaf, old, count);
}

/*
 * Goal:   the same where the tree's shape changes most, and no crash at 2^64-1.
 * Method: pairs around 1,024; the largest sizes with a path that cannot fit.
 */
Test(merkle_tree, consistency_of_larger_trees)
{
    const struct tamga_hash *leaf = leaves();

    for (size_t old = 1022; old <= 1026; old++)
        for (size_t count = old; count <= 1027; count++)
            consistency_holds_exactly(leaf, old, count);
    cr_assert_eq(tamga_merkle_check_consistency(&leaf[0], UINT64_MAX - 1, &leaf[1],
                                                UINT64_MAX, leaf, LEAVES),
                 TAMGA_E_BAD_PROOF);
    cr_assert_eq(tamga_merkle_check_consistency(&leaf[0], UINT64_C(1) << 63, &leaf[1],
                                                UINT64_MAX, leaf, 64),
                 TAMGA_E_BAD_PROOF);
    cr_assert_eq(tamga_merkle_check_consistency(&leaf[0], UINT64_MAX, &leaf[0],
                                                UINT64_MAX, NULL, 0),
                 TAMGA_OK);
}

/* ---- trees that nobody can build -------------------------------------------------- */

/* What is left of a path, to be taken from the root's end. */
struct left {
    const struct tamga_hash *node;
    size_t count;
};

static struct tamga_hash join(struct tamga_hash left, struct tamga_hash right)
{
    struct tamga_hash pair[2] = {left, right}, out;

    tamga_sha256_parts(&out,
                       (const struct tamga_span[]){tamga_span("\x01", 1),
                                                   tamga_span(pair, sizeof pair)},
                       2);
    return out;
}

/* Largest power of two below size; size is at least 2. */
static uint64_t half_of(uint64_t size)
{
    uint64_t half = UINT64_C(1) << 63;

    while (half >= size)
        half /= 2;
    return half;
}

static struct tamga_hash take(struct left *left)
{
    cr_assert_gt(left->count, 0);
    return left->node[--left->count];
}

/* The root that a leaf and its path mean: RFC 6962, 2.1.1, read backwards. */
static struct tamga_hash root_by_path(uint64_t index, uint64_t size, struct tamga_hash leaf,
                                      struct left *left)
{
    struct tamga_hash side;
    uint64_t half;

    if (size == 1)
        return leaf;
    half = half_of(size);
    side = take(left);
    return index < half ? join(root_by_path(index, half, leaf, left), side)
                        : join(side, root_by_path(index - half, size - half, leaf, left));
}

/* Both roots that a path means: RFC 6962, 2.1.2, read backwards. roots[0] is the old one on
 * entry where the old tree is a node of the new one. */
static void roots_by_path(struct tamga_hash roots[2], uint64_t old, uint64_t size,
                          bool known, struct left *left)
{
    struct tamga_hash side;
    uint64_t half;

    if (old == size) {
        roots[0] = known ? roots[0] : take(left);
        roots[1] = roots[0];
        return;
    }
    half = half_of(size);
    side = take(left);
    if (old <= half) {
        roots_by_path(roots, old, half, known, left);
        roots[1] = join(roots[1], side);
    } else {
        roots_by_path(roots, old - half, size - half, false, left);
        roots[0] = join(side, roots[0]);
        roots[1] = join(side, roots[1]);
    }
}

static const uint64_t huge[] = {
    (UINT64_C(1) << 63) - 1, UINT64_C(1) << 63,  (UINT64_C(1) << 63) + 1,
    UINT64_C(3) << 62,       UINT64_MAX - 1,     UINT64_MAX,
    UINT64_C(1) << 32,       UINT64_C(0xaaaaaaaaaaaaaaaa),
};
#define HUGE_COUNT (sizeof huge / sizeof huge[0])

/* How long the path is follows from index and size alone. */
static void huge_inclusion(const struct tamga_hash *leaf, uint64_t size, uint64_t index)
{
    struct left left = {leaf + 1, 70};
    struct tamga_hash root = root_by_path(index, size, leaf[0], &left), path[72];
    size_t count = 70 - left.count;

    cr_assert_leq(count, TAMGA_MERKLE_PATH_MAX);
    memcpy(path, leaf + 1 + left.count, count * sizeof path[0]);
    path[count] = leaf[99];
#define CHECK(to, at, nodes, number)                                                   \
    tamga_merkle_check_inclusion(&root, to, leaf, at, nodes, number)
    cr_assert_eq(CHECK(size, index, path, count), TAMGA_OK);
    cr_assert_eq(CHECK(size, index, path, count + 1), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CHECK(size, index, path, count - 1), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CHECK(size, index, path + 1, count - 1), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CHECK(size, index, path, 0), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CHECK(size, index ^ 1, path, count), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CHECK(index, index, path, count), TAMGA_E_BAD_PROOF);
#undef CHECK
}

/*
 * Goal:   inclusion is computed right to the end of the numbers.
 * Method: sizes around 2^63 and 2^64-1, indices at their edges; roots by the definition;
 *         a node more, a node less at either end, none; the neighbour's index; an index
 *         that is the size.
 */
Test(merkle_tree, inclusion_in_trees_that_nobody_can_build)
{
    const struct tamga_hash *leaf = leaves();

    for (size_t i = 0; i < HUGE_COUNT; i++) {
        const uint64_t index[] = {0,
                                  1,
                                  huge[i] / 2 - 1,
                                  huge[i] / 2,
                                  half_of(huge[i]) - 1,
                                  half_of(huge[i]),
                                  huge[i] - 2,
                                  huge[i] - 1};

        for (size_t j = 0; j < sizeof index / sizeof index[0]; j++)
            if (index[j] != huge[i] - 1 || half_of(huge[i]) != huge[i] - 1)
                huge_inclusion(leaf, huge[i], index[j]);
    }
}

static void huge_consistency(const struct tamga_hash *leaf, uint64_t old, uint64_t size)
{
    struct left left = {leaf + 1, 70};
    struct tamga_hash roots[2] = {leaf[0], leaf[0]}, path[72];
    size_t count;

    roots_by_path(roots, old, size, true, &left);
    count = 70 - left.count;
    cr_assert_leq(count, TAMGA_MERKLE_PATH_MAX + 1); /* no array of leaves is that long */
    memcpy(path, leaf + 1 + left.count, count * sizeof path[0]);
    path[count] = leaf[99];
#define CHECK(from, to, nodes, number)                                                 \
    tamga_merkle_check_consistency(&roots[0], from, &roots[1], to, nodes, number)
    cr_assert_eq(CHECK(old, size, path, count), TAMGA_OK);
    cr_assert_eq(CHECK(old, size, path, count + 1), TAMGA_E_BAD_PROOF);
    if (count > 0)
        cr_assert_eq(CHECK(old, size, path, count - 1), TAMGA_E_BAD_PROOF);
    if (old != size)
        cr_assert_eq(CHECK(size, old, path, count), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CHECK(0, size, path, count), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CHECK(old, 0, path, count), TAMGA_E_BAD_PROOF);
#undef CHECK
}

/*
 * Goal:   consistency is computed right to the end of the numbers.
 * Method: pairs of sizes around 2^63 and 2^64-1 and small ones; roots by the definition; a
 *         node more, a node less, sizes changed over, none.
 */
Test(merkle_tree, consistency_in_trees_that_nobody_can_build)
{
    const struct tamga_hash *leaf = leaves();

    for (size_t i = 0; i < HUGE_COUNT; i++) {
        const uint64_t old[] = {1,
                                2,
                                3,
                                half_of(huge[i]) - 1,
                                half_of(huge[i]),
                                half_of(huge[i]) + 1,
                                huge[i] - 1,
                                huge[i]};

        for (size_t j = 0; j < sizeof old / sizeof old[0]; j++)
            huge_consistency(leaf, old[j], huge[i]);
    }
}

/*
 * Goal:   the smallest trees: nothing is in the empty one, one leaf is its own root, and
 *         nothing follows from an empty tree.
 * Method: sizes 0 and 1 with no path, a path, wrong roots and indices.
 */
Test(merkle_tree, smallest_trees)
{
    const struct tamga_hash *leaf = leaves();
    struct tamga_hash empty = root_of(NULL, 0);

#define INCLUSION(root, size, index, count)                                            \
    tamga_merkle_check_inclusion(root, size, &leaf[0], index,                          \
                                 (count) > 0 ? &leaf[1] : NULL, count)
#define CONSISTENCY(from, old, to, size, count)                                        \
    tamga_merkle_check_consistency(from, old, to, size, (count) > 0 ? &leaf[1] : NULL, \
                                   count)
    cr_assert_eq(INCLUSION(&leaf[0], 1, 0, 0), TAMGA_OK);
    cr_assert_eq(INCLUSION(&leaf[0], 1, 0, 1), TAMGA_E_BAD_PROOF);
    cr_assert_eq(INCLUSION(&leaf[1], 1, 0, 0), TAMGA_E_BAD_PROOF);
    cr_assert_eq(INCLUSION(&leaf[0], 1, 1, 0), TAMGA_E_BAD_PROOF);
    cr_assert_eq(INCLUSION(&leaf[0], 1, UINT64_MAX, 0), TAMGA_E_BAD_PROOF);
    cr_assert_eq(INCLUSION(&empty, 0, 0, 0), TAMGA_E_BAD_PROOF);
    cr_assert_eq(INCLUSION(&leaf[0], 0, 0, 0), TAMGA_E_BAD_PROOF);
    cr_assert_eq(INCLUSION(&empty, 0, UINT64_MAX, 1), TAMGA_E_BAD_PROOF);

    cr_assert_eq(CONSISTENCY(&empty, 0, &empty, 0, 0), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CONSISTENCY(&empty, 0, &leaf[0], 1, 0), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CONSISTENCY(&empty, 0, &leaf[0], 1, 1), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CONSISTENCY(&leaf[0], 1, &leaf[0], 1, 0), TAMGA_OK);
    cr_assert_eq(CONSISTENCY(&leaf[0], 1, &leaf[0], 1, 1), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CONSISTENCY(&leaf[0], 1, &leaf[1], 1, 0), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CONSISTENCY(&leaf[0], 1, &empty, 0, 0), TAMGA_E_BAD_PROOF);
    cr_assert_eq(CONSISTENCY(&leaf[0], 1, &leaf[0], 2, 0), TAMGA_E_BAD_PROOF);
#undef INCLUSION
#undef CONSISTENCY
}
