/*
 * One row of a sparse Merkle map: 16 children, its bytes, and its fold through four binary
 * levels. For map.c and map_proof.c only. Knows neither what changes nor what is proved.
 */
#ifndef TAMGA_MERKLE_MAP_ROW_H
#define TAMGA_MERKLE_MAP_ROW_H

#include "merkle/map.h"

#define TAMGA_MAP_CHILDREN   16
#define TAMGA_MAP_ROW_LEVELS 4  /* binary levels of one row */
#define TAMGA_MAP_NIBBLES    64 /* of a key: rows below each other */

enum tamga_map_kind { TAMGA_MAP_EMPTY, TAMGA_MAP_LEAF, TAMGA_MAP_TREE };

struct tamga_map_child {
    enum tamga_map_kind kind;
    struct tamga_hash key;  /* of a leaf */
    struct tamga_hash hash; /* of a leaf's value; of a subtree */
};
struct tamga_map_row {
    struct tamga_map_child child[TAMGA_MAP_CHILDREN];
};

/* A place in the binary tree: an empty one, a leaf alone, or a hash over two and more. */
struct tamga_map_node {
    enum tamga_map_kind kind;
    struct tamga_hash hash; /* zero if empty */
};
/* The binary tree of a row: node[1] is its top, node[2 i] and node[2 i + 1] lie below
 * node[i], and node[16 + n] is the child of nibble n. node[0] is not used. */
struct tamga_map_fold {
    struct tamga_map_node node[2 * TAMGA_MAP_CHILDREN];
};

/* Nibble `level` (0..63) of a key. */
static inline unsigned tamga_map_nibble(const struct tamga_hash *key, unsigned level)
{
    return level % 2 == 0 ? key->byte[level / 2] >> 4 : key->byte[level / 2] & 0x0fu;
}
/* Bit `depth` (0..255) of a key. */
static inline unsigned tamga_map_bit(const uint8_t *bits, unsigned depth)
{
    return (unsigned)bits[depth / 8] >> (7 - depth % 8) & 1u;
}

void tamga_map_leaf_hash(struct tamga_hash *out, const struct tamga_hash *key,
                         const struct tamga_hash *value);
void tamga_map_node_hash(struct tamga_hash *out, const struct tamga_hash *left,
                         const struct tamga_hash *right);

/* Bytes that name the row below the first `level` (0..63) nibbles of a key; their number. */
size_t tamga_map_row_key(uint8_t out[TAMGA_MAP_ROW_KEY_BYTES], const struct tamga_hash *key,
                         unsigned level);
/* Bytes of a row that has a child; their number. */
size_t tamga_map_row_encode(uint8_t out[TAMGA_MAP_ROW_BYTES_MAX],
                            const struct tamga_map_row *row);
/*
 * Fetch the row below the first `level` nibbles of a key; bytes is room to read it into.
 *
 * Errors: NOT_FOUND, the store's; STORE_CORRUPT unless the bytes are what encode would write
 *         for a row that may stand there. *row is undefined then.
 */
TAMGA_MUST_USE enum tamga_err tamga_map_row_load(struct tamga_map_row *row,
                                                 const struct tamga_map_rows *rows,
                                                 struct tamga_buf *bytes,
                                                 const struct tamga_hash *key,
                                                 unsigned level);
void tamga_map_row_fold(struct tamga_map_fold *out, const struct tamga_map_row *row);

#endif
