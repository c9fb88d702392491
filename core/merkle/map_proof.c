/*
 * Proofs of what a sparse Merkle map holds, and of what it does not: made from rows, and
 * judged against a root alone. What is judged comes from anybody.
 *
 * A path ends where a leaf stands alone or nothing is. Wherever it ends below the top, its
 * deepest sibling is not empty: else the place above would have been the end. So a proof
 * that shows more levels than the map has is refused by its shape, and a root and a key
 * have one proof. Where the end is empty that sibling is moreover no leaf alone, which a
 * hash cannot show, and need not: no map has a node over nothing and one leaf, so that
 * such a proof leads to no map's root.
 */
#include "merkle/map.h"

#include "merkle/map_row.h"

static const struct tamga_hash zero;

/* ---- made ------------------------------------------------------------------------- */

static void add_sibling(struct tamga_map_proof *proof, const struct tamga_map_node *node)
{
    if (node->kind != TAMGA_MAP_EMPTY) {
        proof->filled[proof->depth / 8] |= (uint8_t)(0x80u >> proof->depth % 8);
        proof->sibling[proof->count++] = node->hash;
    }
    proof->depth++;
}

/* Down one row's levels while there is a subtree; what it came to. */
static enum tamga_map_kind walk(struct tamga_map_proof *proof,
                                const struct tamga_map_fold *fold,
                                const struct tamga_hash *key)
{
    size_t at = 1;

    while (at < TAMGA_MAP_CHILDREN && fold->node[at].kind == TAMGA_MAP_TREE) {
        at = 2 * at + tamga_map_bit(key->byte, proof->depth);
        add_sibling(proof, &fold->node[at ^ 1]);
    }
    return fold->node[at].kind;
}

/* The leaf at the end stood alone, perhaps levels above its own place in the row. */
static void add_leaf(struct tamga_map_proof *proof, const struct tamga_map_row *row,
                     const struct tamga_hash *key, unsigned level)
{
    unsigned below = proof->depth - level * TAMGA_MAP_ROW_LEVELS;
    unsigned span = TAMGA_MAP_CHILDREN >> below;
    unsigned first = tamga_map_nibble(key, level) & ~(span - 1);
    unsigned at = first;

    while (row->child[at].kind == TAMGA_MAP_EMPTY)
        at++;
    proof->key = row->child[at].key;
    proof->value = row->child[at].hash;
    proof->present = tamga_hash_equal(&proof->key, key);
    proof->other = !proof->present;
}

/* One row of the way; *above is its hash as the row above has it. */
static enum tamga_err prove_row(struct tamga_map_proof *proof,
                                const struct tamga_map_row *row,
                                const struct tamga_hash *key, unsigned level,
                                struct tamga_hash *above, enum tamga_map_kind *end)
{
    struct tamga_map_fold fold;

    tamga_map_row_fold(&fold, row);
    if (level > 0 && !tamga_hash_equal(&fold.node[1].hash, above))
        return TAMGA_E_STORE_CORRUPT;
    *end = walk(proof, &fold, key);
    if (*end == TAMGA_MAP_LEAF)
        add_leaf(proof, row, key, level);
    *above = row->child[tamga_map_nibble(key, level)].hash;
    return TAMGA_OK;
}

enum tamga_err tamga_map_prove(struct tamga_map_proof *out,
                               const struct tamga_map_rows *rows,
                               const struct tamga_hash *key)
{
    TAMGA_BUF bytes = {0};
    struct tamga_map_proof proof = {0};
    struct tamga_hash above = zero;
    enum tamga_map_kind end = TAMGA_MAP_TREE;

    /* Ends by itself: a row below 63 nibbles has leaves only. */
    for (unsigned level = 0; end == TAMGA_MAP_TREE; level++) {
        struct tamga_map_row row = {0};
        enum tamga_err err = tamga_map_row_load(&row, rows, &bytes, key, level);

        if (err == TAMGA_E_NOT_FOUND && level == 0)
            break;
        if (err == TAMGA_E_NOT_FOUND)
            return TAMGA_E_STORE_CORRUPT;
        if (err == TAMGA_OK)
            err = prove_row(&proof, &row, key, level, &above, &end);
        if (err != TAMGA_OK)
            return err;
    }
    *out = proof;
    return TAMGA_OK;
}

/* ---- judged ----------------------------------------------------------------------- */

/* Do depth, bits and siblings fit together, and could a map have such a path? */
static enum tamga_err check_shape(const struct tamga_map_proof *proof)
{
    bool ends_empty = !proof->present && !proof->other;
    size_t filled = 0;

    if (proof->depth > TAMGA_MAP_DEPTH_MAX || (proof->present && proof->other))
        return TAMGA_E_PROOF_DEPTH;
    if (ends_empty && proof->depth == TAMGA_MAP_DEPTH_MAX) /* beside it lies one key */
        return TAMGA_E_PROOF_DEPTH;
    for (unsigned i = 0; i < TAMGA_MAP_DEPTH_MAX; i++) {
        if (tamga_map_bit(proof->filled, i) == 0)
            continue;
        if (i >= proof->depth)
            return TAMGA_E_PROOF_DEPTH;
        filled++;
    }
    if (proof->count != filled)
        return TAMGA_E_PROOF_DEPTH;
    if (proof->depth > 0 && tamga_map_bit(proof->filled, proof->depth - 1) == 0)
        return TAMGA_E_PROOF_DEPTH;
    for (size_t i = 0; i < proof->count; i++) /* zeros are the empty place's */
        if (tamga_hash_is_zero(&proof->sibling[i]))
            return TAMGA_E_PROOF_DEPTH;
    return TAMGA_OK;
}

static bool shares_bits(const struct tamga_hash *a, const struct tamga_hash *b,
                        unsigned count)
{
    if (memcmp(a->byte, b->byte, count / 8) != 0)
        return false;
    return count % 8 == 0 || (a->byte[count / 8] ^ b->byte[count / 8]) >> (8 - count % 8) == 0;
}

/* Does the end answer what is asked of the key? */
static enum tamga_err check_end(const struct tamga_map_proof *proof,
                                const struct tamga_hash *key,
                                const struct tamga_hash *value)
{
    if (proof->present != (value != NULL))
        return TAMGA_E_PROOF_KEY;
    if (proof->present && !tamga_hash_equal(&proof->key, key))
        return TAMGA_E_PROOF_KEY;
    if (proof->present && !tamga_hash_equal(&proof->value, value))
        return TAMGA_E_PROOF_ROOT;
    if (proof->other && (tamga_hash_equal(&proof->key, key) ||
                         !shares_bits(&proof->key, key, proof->depth)))
        return TAMGA_E_PROOF_KEY;
    return TAMGA_OK;
}

/* From the end up; the shape was checked. */
static void fold_path(struct tamga_hash *sum, const struct tamga_map_proof *proof,
                      const struct tamga_hash *key)
{
    size_t next = proof->count;

    for (unsigned i = proof->depth; i-- > 0;) {
        bool filled = tamga_map_bit(proof->filled, i) != 0;
        const struct tamga_hash *sibling = filled ? &proof->sibling[--next] : &zero;

        if (tamga_map_bit(key->byte, i) != 0)
            tamga_map_node_hash(sum, sibling, sum);
        else
            tamga_map_node_hash(sum, sum, sibling);
    }
}

enum tamga_err tamga_map_check(const struct tamga_hash *root,
                               const struct tamga_map_proof *proof,
                               const struct tamga_hash *key, const struct tamga_hash *value)
{
    struct tamga_hash sum = zero;
    enum tamga_err err = check_shape(proof);

    if (err == TAMGA_OK)
        err = check_end(proof, key, value);
    if (err != TAMGA_OK)
        return err;
    if (proof->present || proof->other)
        tamga_map_leaf_hash(&sum, &proof->key, &proof->value);
    fold_path(&sum, proof, key);
    return tamga_hash_equal(&sum, root) ? TAMGA_OK : TAMGA_E_PROOF_ROOT;
}
