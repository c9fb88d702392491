/*
 * RFC 6962 trees. Pure: no memory of its own, no clock, no state; knows nothing of
 * what the leaves are.
 *
 * The tree over n leaves splits at the largest power of two below n, so every left
 * subtree is full and a tree is the list of full subtrees that n's one bits name. Both
 * directions use this: a root is folded from at most 64 such subtrees, and a proof is
 * walked by the bits of an index.
 */
#include "merkle/tree.h"

#include <assert.h>

#include "crypto/hash.h"

static void node_hash(struct tamga_hash *out, const struct tamga_hash *left,
                      const struct tamga_hash *right)
{
    static const uint8_t node_tag = 0x01;

    tamga_sha256_parts(out,
                       (const struct tamga_span[]){
                           tamga_span(&node_tag, 1),
                           tamga_hash_span(left),
                           tamga_hash_span(right),
                       },
                       3);
}

void tamga_merkle_leaf(struct tamga_hash *out, struct tamga_span entry)
{
    static const uint8_t leaf_tag = 0x00;

    tamga_sha256_parts(out,
                       (const struct tamga_span[]){tamga_span(&leaf_tag, 1), entry}, 2);
}

/*
 * One pass. peak[] holds the roots of the full subtrees so far, largest first, as many
 * as `done` has one bits: at most 64. Adding a leaf carries like adding one.
 */
void tamga_merkle_root(struct tamga_hash *out, const struct tamga_hash *leaf,
                       size_t count)
{
    struct tamga_hash peak[64];
    size_t peaks = 0;

    if (count == 0) {
        tamga_sha256(out, tamga_span(NULL, 0));
        return;
    }
    for (size_t done = 0; done < count; done++) {
        peak[peaks++] = leaf[done];
        for (size_t carry = done; (carry & 1) != 0; carry >>= 1, peaks--)
            node_hash(&peak[peaks - 2], &peak[peaks - 2], &peak[peaks - 1]);
    }
    for (; peaks > 1; peaks--)
        node_hash(&peak[peaks - 2], &peak[peaks - 2], &peak[peaks - 1]);
    *out = peak[0];
}

/* Largest power of two below count; count >= 2. */
static size_t split_of(size_t count)
{
    size_t split = 1;

    while (split < count - split)
        split *= 2;
    return split;
}

/* The path was collected from the root down; it is handed out from the leaf up. */
static void path_reverse(struct tamga_merkle_path *path)
{
    for (size_t i = 0, j = path->count; i + 1 < j; i++) {
        struct tamga_hash lower = path->node[--j];

        path->node[j] = path->node[i];
        path->node[i] = lower;
    }
}

void tamga_merkle_inclusion(struct tamga_merkle_path *out,
                            const struct tamga_hash *leaf, size_t count, size_t index)
{
    assert(index < count);
    out->count = 0;
    while (count > 1) {
        size_t split = split_of(count);
        struct tamga_hash *sibling = &out->node[out->count++];

        if (index < split) {
            tamga_merkle_root(sibling, leaf + split, count - split);
            count = split;
        } else {
            tamga_merkle_root(sibling, leaf, split);
            leaf += split;
            count -= split;
            index -= split;
        }
    }
    path_reverse(out);
}

void tamga_merkle_consistency(struct tamga_merkle_path *out,
                              const struct tamga_hash *leaf, size_t count, size_t old)
{
    bool old_is_left_edge = true; /* the verifier knows the old root already */

    assert(old >= 1 && old <= count);
    out->count = 0;
    while (old < count) {
        size_t split = split_of(count);
        struct tamga_hash *sibling = &out->node[out->count++];

        if (old <= split) {
            tamga_merkle_root(sibling, leaf + split, count - split);
            count = split;
        } else {
            tamga_merkle_root(sibling, leaf, split);
            leaf += split;
            count -= split;
            old -= split;
            old_is_left_edge = false;
        }
    }
    if (!old_is_left_edge)
        tamga_merkle_root(&out->node[out->count++], leaf, count);
    path_reverse(out);
}

/* Source: RFC 9162, 2.1.3.2; fn and sn are its names. */
enum tamga_err
tamga_merkle_check_inclusion(const struct tamga_hash *root, uint64_t tree_size,
                             const struct tamga_hash *leaf_hash, uint64_t index,
                             const struct tamga_hash *path, size_t path_count)
{
    struct tamga_hash sum = *leaf_hash;
    uint64_t fn = index;
    uint64_t sn = tree_size - 1;

    if (index >= tree_size) /* tree_size 0 has no index */
        return TAMGA_E_BAD_PROOF;
    for (size_t i = 0; i < path_count; i++) {
        if (sn == 0)
            return TAMGA_E_BAD_PROOF;
        if ((fn & 1) != 0 || fn == sn) {
            node_hash(&sum, &path[i], &sum);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            node_hash(&sum, &sum, &path[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0 || !tamga_hash_equal(&sum, root))
        return TAMGA_E_BAD_PROOF;
    return TAMGA_OK;
}

/* Sizes that need no path: equal trees prove themselves, an empty one proves nothing.
 */
static enum tamga_err check_same_size(const struct tamga_hash *old_root,
                                      const struct tamga_hash *new_root,
                                      size_t path_count)
{
    if (path_count != 0 || !tamga_hash_equal(old_root, new_root))
        return TAMGA_E_BAD_PROOF;
    return TAMGA_OK;
}

/* Source: RFC 9162, 2.1.4.2; fn, sn, fr and sr are its names. */
enum tamga_err
tamga_merkle_check_consistency(const struct tamga_hash *old_root, uint64_t old_size,
                               const struct tamga_hash *new_root, uint64_t new_size,
                               const struct tamga_hash *path, size_t path_count)
{
    bool old_is_full = (old_size & (old_size - 1)) == 0;
    uint64_t fn = old_size - 1;
    uint64_t sn = new_size - 1;
    struct tamga_hash fr, sr;

    if (old_size == 0 || old_size > new_size)
        return TAMGA_E_BAD_PROOF;
    if (old_size == new_size)
        return check_same_size(old_root, new_root, path_count);
    if (path_count == 0)
        return TAMGA_E_BAD_PROOF;
    for (; (fn & 1) != 0; fn >>= 1)
        sn >>= 1;
    /* A full old tree is a node of the new one and stands in the path unwritten. */
    fr = old_is_full ? *old_root : path[0];
    sr = fr;
    for (size_t i = old_is_full ? 0 : 1; i < path_count; i++) {
        if (sn == 0)
            return TAMGA_E_BAD_PROOF;
        if ((fn & 1) != 0 || fn == sn) {
            node_hash(&fr, &path[i], &fr);
            node_hash(&sr, &path[i], &sr);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            node_hash(&sr, &sr, &path[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0 || !tamga_hash_equal(&fr, old_root) || !tamga_hash_equal(&sr, new_root))
        return TAMGA_E_BAD_PROOF;
    return TAMGA_OK;
}
