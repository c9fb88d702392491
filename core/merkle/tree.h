/*
 * RFC 6962 Merkle trees over SHA-256: root, audit path, consistency path. Pure.
 * Leaf: SHA-256(0x00 || entry). Node: SHA-256(0x01 || left || right). Empty: SHA-256("").
 */
#ifndef TAMGA_MERKLE_TREE_H
#define TAMGA_MERKLE_TREE_H

#include "base/id.h"

#define TAMGA_MERKLE_PATH_MAX 64

struct tamga_merkle_path {
    size_t count; /* 0..TAMGA_MERKLE_PATH_MAX */
    struct tamga_hash node[TAMGA_MERKLE_PATH_MAX];
};

void tamga_merkle_leaf(struct tamga_hash *out, struct tamga_span entry);
/* Root of the tree over leaf hashes; leaf may be NULL if count is 0. */
void tamga_merkle_root(struct tamga_hash *out, const struct tamga_hash *leaf, size_t count);

/* Audit path of leaf `index` in the tree over leaf[0..count); index < count.
 * Source: RFC 6962, 2.1.1. */
void tamga_merkle_inclusion(struct tamga_merkle_path *out, const struct tamga_hash *leaf,
                            size_t count, size_t index);
/* Path from the tree over the first `old` leaves to that over all; 1 <= old <= count.
 * Empty if old == count. Source: RFC 6962, 2.1.2. */
void tamga_merkle_consistency(struct tamga_merkle_path *out, const struct tamga_hash *leaf,
                              size_t count, size_t old);

/* Errors: BAD_PROOF. Source: RFC 9162, 2.1.3.2 and 2.1.4.2. */
TAMGA_MUST_USE enum tamga_err
tamga_merkle_check_inclusion(const struct tamga_hash *root, uint64_t tree_size,
                             const struct tamga_hash *leaf_hash, uint64_t index,
                             const struct tamga_hash *path, size_t path_count);
TAMGA_MUST_USE enum tamga_err
tamga_merkle_check_consistency(const struct tamga_hash *old_root, uint64_t old_size,
                               const struct tamga_hash *new_root, uint64_t new_size,
                               const struct tamga_hash *path, size_t path_count);

#endif
