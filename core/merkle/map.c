/*
 * A sparse Merkle map's root, and how changes come into its rows. Knows no meaning of any
 * key and no store, only rows by name.
 *
 * Changes are sorted by key and fall apart by nibbles on the way down, so that each row is
 * read once, changed for all of them, and written once on the way back. Nothing is written
 * where nothing changed. Rows have one form for what they hold: a row comes to be where
 * two keys share a prefix, and goes when they no longer do.
 */
#include "merkle/map.h"

#include <assert.h>
#include <stdlib.h>

#include "merkle/map_row.h"

/* One call's rows, and room to read and write one of them. */
struct update {
    struct tamga_map_rows *rows;
    struct tamga_buf bytes;
    struct tamga_map_fold fold;
    uint8_t written[TAMGA_MAP_ROW_BYTES_MAX];
};

static void update_clear(struct update *self)
{
    tamga_buf_clear(&self->bytes);
}

/* The root of a map: what its uppermost row folds to. */
static void root_of_row(struct tamga_hash *root, struct tamga_map_fold *fold,
                        const struct tamga_map_row *row)
{
    tamga_map_row_fold(fold, row);
    *root = fold->node[1].hash;
}

enum tamga_err tamga_map_root(struct tamga_hash *root, const struct tamga_map_rows *rows)
{
    TAMGA_BUF bytes = {0};
    struct tamga_map_row row = {0};
    struct tamga_map_fold fold;
    enum tamga_err err =
        tamga_map_row_load(&row, rows, &bytes, &(struct tamga_hash){0}, 0);

    if (err == TAMGA_E_NOT_FOUND)
        row = (struct tamga_map_row){0};
    else if (err != TAMGA_OK)
        return err;
    root_of_row(root, &fold, &row);
    return TAMGA_OK;
}

static enum tamga_err put_row(struct update *self, const struct tamga_map_row *row,
                              const struct tamga_hash *key, unsigned level)
{
    uint8_t name[TAMGA_MAP_ROW_KEY_BYTES];
    size_t name_len = tamga_map_row_key(name, key, level);
    size_t len = tamga_map_row_encode(self->written, row);

    return self->rows->ops->put(self->rows, tamga_span(name, name_len),
                                tamga_span(self->written, len));
}

static enum tamga_err erase_row(struct update *self, const struct tamga_hash *key,
                                unsigned level)
{
    uint8_t name[TAMGA_MAP_ROW_KEY_BYTES];
    size_t len = tamga_map_row_key(name, key, level);

    return self->rows->ops->erase(self->rows, tamga_span(name, len));
}

/* How many children a row has; *last is one of them, if there is any. */
static size_t children_of(const struct tamga_map_row *row,
                          const struct tamga_map_child **last)
{
    size_t count = 0;

    for (size_t i = 0; i < TAMGA_MAP_CHILDREN; i++) {
        if (row->child[i].kind == TAMGA_MAP_EMPTY)
            continue;
        *last = &row->child[i];
        count++;
    }
    return count;
}

/* ---- down ------------------------------------------------------------------------- */

static enum tamga_err change_children(struct update *self, struct tamga_map_row *row,
                                      unsigned level,
                                      const struct tamga_map_change *change, size_t count,
                                      bool *changed);

/* The row that hangs at a child: the stored one, or a new one with the leaf that is in the
 * way. */
static enum tamga_err open_row(struct update *self, struct tamga_map_row *row,
                               const struct tamga_map_child *child,
                               const struct tamga_hash *key, unsigned level)
{
    if (child->kind == TAMGA_MAP_TREE) {
        enum tamga_err err =
            tamga_map_row_load(row, self->rows, &self->bytes, key, level);

        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    }
    *row = (struct tamga_map_row){0};
    if (child->kind == TAMGA_MAP_LEAF)
        row->child[tamga_map_nibble(&child->key, level)] = *child;
    return TAMGA_OK;
}

/* Bring a changed row back to its child: nothing, a leaf alone, or a subtree. */
static enum tamga_err close_row(struct update *self, struct tamga_map_child *child,
                                const struct tamga_map_row *row,
                                const struct tamga_hash *key, unsigned level)
{
    static const struct tamga_map_child nothing;
    const struct tamga_map_child *last = &nothing;
    bool stored = child->kind == TAMGA_MAP_TREE;
    size_t children = children_of(row, &last);

    if (children == 0 || (children == 1 && last->kind == TAMGA_MAP_LEAF)) {
        *child = *last;
        return stored ? erase_row(self, key, level) : TAMGA_OK;
    }
    tamga_map_row_fold(&self->fold, row);
    *child = (struct tamga_map_child){.kind = TAMGA_MAP_TREE,
                                      .hash = self->fold.node[1].hash};
    return put_row(self, row, key, level);
}

static enum tamga_err change_subtree(struct update *self, struct tamga_map_child *child,
                                     unsigned level, const struct tamga_map_change *change,
                                     size_t count, bool *changed)
{
    struct tamga_map_row row;
    bool below = false;
    enum tamga_err err = open_row(self, &row, child, &change->key, level);

    if (err == TAMGA_OK)
        err = change_children(self, &row, level, change, count, &below);
    if (err != TAMGA_OK || !below)
        return err;
    *changed = true;
    return close_row(self, child, &row, &change->key, level);
}

/* A place that holds the change's key or nothing. */
static void change_leaf(struct tamga_map_child *child,
                        const struct tamga_map_change *change, bool *changed)
{
    bool was = child->kind == TAMGA_MAP_LEAF;

    if (was == change->present && (!was || tamga_hash_equal(&child->hash, &change->value)))
        return;
    *changed = true;
    *child = (struct tamga_map_child){0};
    if (change->present)
        *child = (struct tamga_map_child){
            .kind = TAMGA_MAP_LEAF, .key = change->key, .hash = change->value};
}

/* Changes to what lies below the first `level` (1..64) nibbles of their keys. */
static enum tamga_err change_child(struct update *self, struct tamga_map_child *child,
                                   unsigned level, const struct tamga_map_change *change,
                                   size_t count, bool *changed)
{
    bool own = child->kind == TAMGA_MAP_EMPTY ||
               (child->kind == TAMGA_MAP_LEAF &&
                tamga_hash_equal(&child->key, &change->key));

    if (own && count == 1) {
        change_leaf(child, change, changed);
        return TAMGA_OK;
    }
    assert(level < TAMGA_MAP_NIBBLES); /* or two changes had one key */
    return change_subtree(self, child, level, change, count, changed);
}

static enum tamga_err change_children(struct update *self, struct tamga_map_row *row,
                                      unsigned level,
                                      const struct tamga_map_change *change, size_t count,
                                      bool *changed)
{
    for (size_t first = 0, end; first < count; first = end) {
        unsigned nibble = tamga_map_nibble(&change[first].key, level);
        enum tamga_err err;

        for (end = first + 1; end < count; end++)
            if (tamga_map_nibble(&change[end].key, level) != nibble)
                break;
        err = change_child(self, &row->child[nibble], level + 1, change + first,
                           end - first, changed);
        if (err != TAMGA_OK)
            return err;
    }
    return TAMGA_OK;
}

/* ---- the whole -------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    const struct tamga_map_change *left = a, *right = b;

    return memcmp(left->key.byte, right->key.byte, TAMGA_HASH_BYTES);
}

/* The uppermost row stays with a leaf alone; it goes only when nothing is left. */
static enum tamga_err close_root(struct update *self, const struct tamga_map_row *row,
                                 bool stored)
{
    static const struct tamga_hash top;
    const struct tamga_map_child *last;

    if (children_of(row, &last) > 0)
        return put_row(self, row, &top, 0);
    return stored ? erase_row(self, &top, 0) : TAMGA_OK;
}

enum tamga_err tamga_map_update(struct tamga_hash *root, struct tamga_map_rows *rows,
                                struct tamga_map_change *change, size_t count)
{
    TAMGA_CLEANUP(update_clear) struct update self = {.rows = rows};
    struct tamga_map_row row;
    bool stored, changed = false;
    enum tamga_err err =
        tamga_map_row_load(&row, rows, &self.bytes, &(struct tamga_hash){0}, 0);

    if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND)
        return err;
    stored = err == TAMGA_OK;
    if (!stored)
        row = (struct tamga_map_row){0};
    if (count > 1)
        qsort(change, count, sizeof *change, by_key);
    err = change_children(&self, &row, 0, change, count, &changed);
    if (err == TAMGA_OK && changed)
        err = close_root(&self, &row, stored);
    if (err == TAMGA_OK)
        root_of_row(root, &self.fold, &row);
    return err;
}
