/*
 * Rows of a sparse Merkle map: bytes and hashes of 16 children. Knows neither what changes
 * nor what is proved, and never trusts what a store gives back.
 */
#include "merkle/map_row.h"

#include <assert.h>

#include "crypto/hash.h"

#define TAG_LEAF 0x02
#define TAG_NODE 0x03

#define BITMAPS_BYTES 4u
#define LEAF_BYTES    (2 * TAMGA_HASH_BYTES)
_Static_assert(BITMAPS_BYTES + TAMGA_MAP_CHILDREN * LEAF_BYTES == TAMGA_MAP_ROW_BYTES_MAX,
               "a row of leaves is the longest");
_Static_assert(1 + TAMGA_MAP_NIBBLES / 2 == TAMGA_MAP_ROW_KEY_BYTES,
               "a row below 63 nibbles has the longest key");

/* One flat buffer: three updates of a running hash cost as much as the hashing. */
static void tagged_hash(struct tamga_hash *out, uint8_t tag, const struct tamga_hash *first,
                        const struct tamga_hash *second)
{
    uint8_t bytes[1 + 2 * TAMGA_HASH_BYTES];

    bytes[0] = tag;
    memcpy(bytes + 1, first->byte, TAMGA_HASH_BYTES);
    memcpy(bytes + 1 + TAMGA_HASH_BYTES, second->byte, TAMGA_HASH_BYTES);
    tamga_sha256(out, tamga_span(bytes, sizeof bytes));
}

void tamga_map_leaf_hash(struct tamga_hash *out, const struct tamga_hash *key,
                         const struct tamga_hash *value)
{
    tagged_hash(out, TAG_LEAF, key, value);
}

void tamga_map_node_hash(struct tamga_hash *out, const struct tamga_hash *left,
                         const struct tamga_hash *right)
{
    tagged_hash(out, TAG_NODE, left, right);
}

/* ---- bytes ------------------------------------------------------------------------ */

size_t tamga_map_row_key(uint8_t out[TAMGA_MAP_ROW_KEY_BYTES], const struct tamga_hash *key,
                         unsigned level)
{
    size_t bytes = (level + 1) / 2;

    assert(level < TAMGA_MAP_NIBBLES);
    out[0] = (uint8_t)level;
    memcpy(out + 1, key->byte, bytes);
    if (level % 2 != 0)
        out[bytes] &= 0xf0;
    return 1 + bytes;
}

/* Nibble 0 is the most significant bit of both bitmaps. */
static unsigned bit_of(unsigned nibble)
{
    return 0x8000u >> nibble;
}

static void put_u16(uint8_t out[2], unsigned value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static uint8_t *put_hash(uint8_t *out, const struct tamga_hash *hash)
{
    memcpy(out, hash->byte, TAMGA_HASH_BYTES);
    return out + TAMGA_HASH_BYTES;
}

size_t tamga_map_row_encode(uint8_t out[TAMGA_MAP_ROW_BYTES_MAX],
                            const struct tamga_map_row *row)
{
    unsigned filled = 0, leaves = 0;
    uint8_t *at = out + BITMAPS_BYTES;

    for (unsigned i = 0; i < TAMGA_MAP_CHILDREN; i++) {
        const struct tamga_map_child *child = &row->child[i];

        if (child->kind == TAMGA_MAP_EMPTY)
            continue;
        filled |= bit_of(i);
        if (child->kind == TAMGA_MAP_LEAF) {
            leaves |= bit_of(i);
            at = put_hash(at, &child->key);
        }
        at = put_hash(at, &child->hash);
    }
    put_u16(out, filled);
    put_u16(out + 2, leaves);
    return (size_t)(at - out);
}

/* Does the key begin with the first `level` nibbles of path, then the nibble? */
static bool lies_under(const struct tamga_hash *key, const struct tamga_hash *path,
                       unsigned level, unsigned nibble)
{
    return memcmp(key->byte, path->byte, level / 2) == 0 &&
           (level % 2 == 0 ||
            tamga_map_nibble(key, level - 1) == tamga_map_nibble(path, level - 1)) &&
           tamga_map_nibble(key, level) == nibble;
}

/* A lone leaf belongs into the row above, and whole keys have nothing below them. */
static bool bitmaps_fit(unsigned filled, unsigned leaves, size_t len, unsigned level)
{
    size_t children = (size_t)__builtin_popcount(filled);
    size_t doubled = (size_t)__builtin_popcount(leaves);

    return filled != 0 && (leaves & ~filled) == 0 &&
           len == BITMAPS_BYTES + (children + doubled) * TAMGA_HASH_BYTES &&
           (level == 0 || children > 1 || leaves == 0) &&
           (level < TAMGA_MAP_NIBBLES - 1 || leaves == filled);
}

static enum tamga_err decode(struct tamga_map_row *row, struct tamga_span bytes,
                             const struct tamga_hash *path, unsigned level)
{
    const uint8_t *at = bytes.data + BITMAPS_BYTES;
    unsigned filled, leaves;

    if (bytes.len < BITMAPS_BYTES)
        return TAMGA_E_STORE_CORRUPT;
    filled = (unsigned)bytes.data[0] << 8 | bytes.data[1];
    leaves = (unsigned)bytes.data[2] << 8 | bytes.data[3];
    if (!bitmaps_fit(filled, leaves, bytes.len, level))
        return TAMGA_E_STORE_CORRUPT;
    *row = (struct tamga_map_row){0};
    for (unsigned i = 0; i < TAMGA_MAP_CHILDREN; i++) {
        struct tamga_map_child *child = &row->child[i];

        if ((filled & bit_of(i)) == 0)
            continue;
        child->kind = (leaves & bit_of(i)) != 0 ? TAMGA_MAP_LEAF : TAMGA_MAP_TREE;
        if (child->kind == TAMGA_MAP_LEAF) {
            memcpy(child->key.byte, at, TAMGA_HASH_BYTES);
            at += TAMGA_HASH_BYTES;
            if (!lies_under(&child->key, path, level, i))
                return TAMGA_E_STORE_CORRUPT;
        }
        memcpy(child->hash.byte, at, TAMGA_HASH_BYTES);
        at += TAMGA_HASH_BYTES;
        if (child->kind == TAMGA_MAP_TREE && tamga_hash_is_zero(&child->hash))
            return TAMGA_E_STORE_CORRUPT;
    }
    return TAMGA_OK;
}

enum tamga_err tamga_map_row_load(struct tamga_map_row *row,
                                  const struct tamga_map_rows *rows,
                                  struct tamga_buf *bytes, const struct tamga_hash *key,
                                  unsigned level)
{
    uint8_t name[TAMGA_MAP_ROW_KEY_BYTES];
    size_t len = tamga_map_row_key(name, key, level);
    enum tamga_err err = rows->ops->get(rows, tamga_span(name, len), bytes);

    if (err != TAMGA_OK)
        return err;
    return decode(row, tamga_buf_span(bytes), key, level);
}

/* ---- hashes ----------------------------------------------------------------------- */

static void join(struct tamga_map_node *out, const struct tamga_map_node *left,
                 const struct tamga_map_node *right)
{
    if (left->kind == TAMGA_MAP_EMPTY && right->kind != TAMGA_MAP_TREE) {
        *out = *right;
    } else if (right->kind == TAMGA_MAP_EMPTY && left->kind == TAMGA_MAP_LEAF) {
        *out = *left;
    } else {
        out->kind = TAMGA_MAP_TREE;
        tamga_map_node_hash(&out->hash, &left->hash, &right->hash);
    }
}

void tamga_map_row_fold(struct tamga_map_fold *out, const struct tamga_map_row *row)
{
    for (size_t i = 0; i < TAMGA_MAP_CHILDREN; i++) {
        const struct tamga_map_child *child = &row->child[i];
        struct tamga_map_node *node = &out->node[TAMGA_MAP_CHILDREN + i];

        node->kind = child->kind;
        if (child->kind == TAMGA_MAP_LEAF)
            tamga_map_leaf_hash(&node->hash, &child->key, &child->hash);
        else
            node->hash = child->hash; /* zero in an empty child */
    }
    for (size_t i = TAMGA_MAP_CHILDREN - 1; i > 0; i--)
        join(&out->node[i], &out->node[2 * i], &out->node[2 * i + 1]);
}
