/* Shared by the content tests. A failed allocation ends the test program. */
#include "blocks.h"

#include <criterion/criterion.h>
#include <stdlib.h>

void bytes_fill(uint8_t *bytes, size_t len)
{
    uint64_t state = 0;

    for (size_t i = 0; i < len; i += 8) {
        uint64_t z = (state += 0x9e3779b97f4a7c15u);

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        for (size_t k = 0; k < 8 && i + k < len; k++, z >>= 8)
            bytes[i + k] = (uint8_t)z;
    }
}

void blocks_clear(struct blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++)
        tamga_buf_clear(&blocks->item[i].bytes);
    free(blocks->item);
    *blocks = (struct blocks){0};
}

static struct block_item *find(const struct blocks *blocks, const struct tamga_cid *cid)
{
    for (size_t i = 0; i < blocks->count; i++)
        if (tamga_cid_equal(&blocks->item[i].cid, cid))
            return &blocks->item[i];
    return NULL;
}

struct tamga_span blocks_find(const struct blocks *blocks, const struct tamga_cid *cid)
{
    const struct block_item *item = find(blocks, cid);

    return item == NULL ? tamga_span(NULL, 0) : tamga_buf_span(&item->bytes);
}

enum tamga_err blocks_sink(void *context, const struct tamga_cid *cid, struct tamga_span block)
{
    struct blocks *blocks = context;
    struct block_item *item;

    if (find(blocks, cid) != NULL)
        return TAMGA_OK;
    item = realloc(blocks->item, (blocks->count + 1) * sizeof *item);
    if (item == NULL)
        return TAMGA_E_NO_MEMORY;
    blocks->item = item;
    item[blocks->count] = (struct block_item){.cid = *cid};
    return tamga_buf_set(&item[blocks->count++].bytes, block);
}

struct tamga_cid blocks_build(struct blocks *blocks, struct tamga_span bytes,
                              const struct tamga_dag_options *options, size_t links_max)
{
    struct tamga_dag_builder *builder = NULL;
    struct tamga_cid root = {0};

    cr_assert_eq(tamga_dag_builder_new_wide(&builder, options, links_max, blocks_sink, blocks),
                 TAMGA_OK);
    cr_assert_eq(tamga_dag_builder_add(builder, bytes), TAMGA_OK);
    cr_assert_eq(tamga_dag_builder_finish(builder, &root), TAMGA_OK);
    tamga_dag_builder_free(builder);
    return root;
}

struct tamga_unixfs_link blocks_node(struct blocks *blocks, const struct tamga_unixfs_node *node)
{
    struct tamga_unixfs_link link = {.file_bytes = node->file_bytes};
    TAMGA_BUF block = {0};

    cr_assert_eq(tamga_unixfs_encode(&block, node), TAMGA_OK);
    tamga_cid_of(&link.cid, 0, TAMGA_CODEC_DAG_PB, tamga_buf_span(&block));
    if (!tamga_unixfs_tree_bytes(&link.tree_bytes, node, block.len))
        link.tree_bytes = UINT64_MAX;
    cr_assert_eq(blocks_sink(blocks, &link.cid, tamga_buf_span(&block)), TAMGA_OK);
    return link;
}

struct tamga_unixfs_link blocks_leaf(struct blocks *blocks, const char *text)
{
    struct tamga_span data = tamga_span_text(text);
    struct tamga_unixfs_node node = {
        .type = TAMGA_UNIXFS_FILE, .data = data, .file_bytes = data.len};

    return blocks_node(blocks, &node);
}

struct tamga_unixfs_link blocks_parent(struct blocks *blocks, struct tamga_unixfs_link *link,
                                       size_t count)
{
    struct tamga_unixfs_node node = {
        .type = TAMGA_UNIXFS_FILE, .link = link, .link_count = count};

    for (size_t i = 0; i < count; i++)
        node.file_bytes += link[i].file_bytes;
    return blocks_node(blocks, &node);
}

enum tamga_err blocks_walk(const struct blocks *blocks, const struct tamga_cid *root,
                           uint64_t length, struct tamga_buf *file, size_t *feeds)
{
    struct tamga_dag_walker *walker = NULL;
    struct tamga_cid cid;
    enum tamga_err err = tamga_dag_walker_new(&walker, root, length);

    *feeds = 0;
    file->len = 0;
    while (err == TAMGA_OK && tamga_dag_walker_next(walker, &cid)) {
        struct tamga_span data = {0};

        ++*feeds;
        err = tamga_dag_walker_feed(walker, &data, blocks_find(blocks, &cid));
        if (err == TAMGA_OK)
            err = tamga_buf_add(file, data);
    }
    tamga_dag_walker_free(walker);
    return err;
}
