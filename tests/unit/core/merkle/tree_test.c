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
