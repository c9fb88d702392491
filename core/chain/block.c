/* Bodies as lists of leaves, on the wire and under their root. */
#include "chain/block.h"

#include <stdlib.h>

#include "wire/wire.h"

static void free_hashes(struct tamga_hash **leaf)
{
    free(*leaf);
}

void tamga_block_clear(struct tamga_block *block)
{
    free(block->entry);
    tamga_buf_clear(&block->bytes);
    *block = (struct tamga_block){0};
}

/* The backing bytes may have moved: let every span borrow from where they are now. */
static void borrow_again(struct tamga_block *block)
{
    const uint8_t *at = block->bytes.data;

    for (size_t i = 0; i < block->count; i++) {
        block->entry[i].data = at;
        at += block->entry[i].len;
    }
}

enum tamga_err tamga_block_add(struct tamga_block *block, struct tamga_span entry)
{
    const uint8_t *before = block->bytes.data;
    enum tamga_err err;

    /* The wire's bounds, so that every block we hold can be written and read again. */
    if (entry.len == 0)
        return TAMGA_E_BAD_LENGTH;
    if (block->count >= TAMGA_BLOCK_ENTRIES_MAX || entry.len > TAMGA_ENTRY_BYTES_MAX ||
        entry.len > TAMGA_BODY_BYTES_MAX - block->bytes.len)
        return TAMGA_E_BLOCK_TOO_LARGE;
    if (block->count == block->entry_cap) {
        size_t cap = block->entry_cap == 0 ? 16 : block->entry_cap * 2;
        struct tamga_span *grown = realloc(block->entry, cap * sizeof *grown);

        if (grown == NULL)
            return TAMGA_E_NO_MEMORY;
        block->entry = grown;
        block->entry_cap = cap;
    }
    err = tamga_buf_add(&block->bytes, entry);
    if (err != TAMGA_OK)
        return err;
    block->entry[block->count++] =
        tamga_span(block->bytes.data + block->bytes.len - entry.len, entry.len);
    if (block->bytes.data != before)
        borrow_again(block);
    return TAMGA_OK;
}

static enum tamga_err leaves(struct tamga_hash **out, const struct tamga_block *block)
{
    struct tamga_hash *leaf = calloc(block->count + 1, sizeof *leaf);

    if (leaf == NULL)
        return TAMGA_E_NO_MEMORY;
    for (size_t i = 0; i < block->count; i++)
        tamga_merkle_leaf(&leaf[i], block->entry[i]);
    *out = leaf;
    return TAMGA_OK;
}

enum tamga_err tamga_block_root(struct tamga_hash *out, const struct tamga_block *block)
{
    TAMGA_CLEANUP(free_hashes) struct tamga_hash *leaf = NULL;
    enum tamga_err err = leaves(&leaf, block);

    if (err == TAMGA_OK)
        tamga_merkle_root(out, leaf, block->count);
    return err;
}

enum tamga_err tamga_block_path(struct tamga_merkle_path *out, const struct tamga_block *block,
                                size_t index)
{
    TAMGA_CLEANUP(free_hashes) struct tamga_hash *leaf = NULL;
    enum tamga_err err = leaves(&leaf, block);

    if (err == TAMGA_OK)
        tamga_merkle_inclusion(out, leaf, block->count, index);
    return err;
}

enum tamga_err tamga_block_check_body(const struct tamga_block *block)
{
    struct tamga_hash root;
    enum tamga_err err;

    if (block->count != block->sealed.header.entry_count)
        return TAMGA_E_BAD_COUNT;
    err = tamga_block_root(&root, block);
    if (err != TAMGA_OK)
        return err;
    return tamga_hash_equal(&root, &block->sealed.header.body_root) ? TAMGA_OK
                                                                    : TAMGA_E_BAD_ROOT;
}

enum tamga_err tamga_block_decode(struct tamga_block *out, const Tamga__V1__Block *untrusted,
                                  bool with_header)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    enum tamga_err err = TAMGA_OK;

    if (untrusted == NULL)
        return TAMGA_E_MISSING_FIELD;
    if (with_header)
        err = tamga_sealed_decode(&block.sealed, untrusted->sealed);
    for (size_t i = 0; err == TAMGA_OK && i < untrusted->n_entries; i++)
        err = tamga_block_add(&block, tamga_wire_span(untrusted->entries[i]));
    if (err != TAMGA_OK)
        return err;
    tamga_block_clear(out);
    *out = block;
    block = (struct tamga_block){0};
    return TAMGA_OK;
}

enum tamga_err tamga_block_encode(struct tamga_buf *out, const struct tamga_block *block,
                                  bool with_header)
{
    Tamga__V1__Block message = TAMGA__V1__BLOCK__INIT;
    struct tamga_sealed_wire sealed;
    ProtobufCBinaryData *entry = calloc(block->count + 1, sizeof *entry);
    enum tamga_err err;

    if (entry == NULL)
        return TAMGA_E_NO_MEMORY;
    for (size_t i = 0; i < block->count; i++)
        entry[i] = tamga_wire_bytes(block->entry[i]);
    message.n_entries = block->count;
    message.entries = entry;
    if (with_header) {
        tamga_sealed_lend(&sealed, &block->sealed);
        message.sealed = &sealed.message;
    }
    err = tamga_wire_pack(out, &message.base);
    free(entry);
    return err;
}
