/*
 * A sparse Merkle map: 32-byte keys, each with the hash of its value, under one root.
 * Pure; the tree's rows lie wherever the caller keeps them. Knows no meaning of any key.
 *
 *   leaf    SHA-256(0x02 || key || SHA-256(value))
 *   node    SHA-256(0x03 || left || right); the key's most significant bit goes first
 *   empty   32 zero bytes
 *
 * A subtree with one leaf alone has that leaf's hash, whatever its height, so that the
 * depth is about the logarithm of the number of keys, and the root depends on what the
 * map holds only, never on the order in which it came.
 *
 * Source: docs/PROTOCOL.md, "State root".
 */
#ifndef TAMGA_MERKLE_MAP_H
#define TAMGA_MERKLE_MAP_H

#include "base/id.h"

#define TAMGA_MAP_DEPTH_MAX     256
#define TAMGA_MAP_ROW_KEY_BYTES 33   /* at most: number of nibbles, then those, two a byte */
#define TAMGA_MAP_ROW_BYTES_MAX 1028 /* 16 children of at most 64 bytes, and which they are */

/*
 * Where the rows are. A row is four binary levels: 16 children, each empty, a leaf or a
 * subtree. The caller's own struct has this as its first member.
 */
struct tamga_map_rows;
struct tamga_map_rows_ops {
    /* Replace *row with a copy. Errors: NOT_FOUND (row untouched), the store's. */
    enum tamga_err (*get)(const struct tamga_map_rows *rows, struct tamga_span key,
                          struct tamga_buf *row);
    /* NULL where the map is only read. */
    enum tamga_err (*put)(struct tamga_map_rows *rows, struct tamga_span key,
                          struct tamga_span row);
    enum tamga_err (*erase)(struct tamga_map_rows *rows, struct tamga_span key);
};
struct tamga_map_rows {
    const struct tamga_map_rows_ops *ops;
};

struct tamga_map_change {
    struct tamga_hash key;
    bool present;            /* false: the key goes, or stays absent */
    struct tamga_hash value; /* SHA-256 of the value */
};

/* Root of what the rows hold; zero if nothing. Errors: STORE_CORRUPT, the store's. */
TAMGA_MUST_USE enum tamga_err tamga_map_root(struct tamga_hash *root,
                                             const struct tamga_map_rows *rows);
/*
 * Bring changes into the rows; each row on the way is read and written once for all of them.
 *
 * Shapes:  at most one change a key; they are sorted in place.
 * Outputs: *root is the new root.
 * Errors:  STORE_CORRUPT if a row does not decode, the store's, NO_MEMORY; rows may be
 *          half changed then: the caller gives them up.
 */
TAMGA_MUST_USE enum tamga_err tamga_map_update(struct tamga_hash *root,
                                               struct tamga_map_rows *rows,
                                               struct tamga_map_change *change, size_t count);

/* What leads from a key's place to the root. */
struct tamga_map_proof {
    uint32_t depth;  /* binary levels to where the path ends, 0..256 */
    uint8_t filled[TAMGA_MAP_DEPTH_MAX / 8]; /* bit i, most significant first: sibling below
                                                level i is not empty */
    size_t count;    /* siblings that are not empty */
    struct tamga_hash sibling[TAMGA_MAP_DEPTH_MAX]; /* those, from the root down */
    bool present;    /* the leaf at the end is the key's own; value is its hash */
    bool other;      /* it is another's: that one's key and hash of value */
    struct tamga_hash key, value; /* of the leaf at the end, if there is one */
};
TAMGA_MUST_USE enum tamga_err tamga_map_prove(struct tamga_map_proof *out,
                                              const struct tamga_map_rows *rows,
                                              const struct tamga_hash *key);
/*
 * Does the proof say, under this root, that the key has this value (its SHA-256), or, with
 * value NULL, that it is absent? Exactly one proof is accepted for each root and key.
 *
 * Errors:  PROOF_DEPTH (depth, bits and siblings do not fit together), PROOF_KEY (the leaf
 *          shown is not the key's, or does not stand in its way), PROOF_ROOT.
 */
TAMGA_MUST_USE enum tamga_err tamga_map_check(const struct tamga_hash *root,
                                              const struct tamga_map_proof *proof,
                                              const struct tamga_hash *key,
                                              const struct tamga_hash *value);

#endif
