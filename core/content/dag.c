/*
 * Builds a file's DAG while its bytes stream by. A level is a row of links that wait
 * for their parent; a full row becomes a node only when one more link arrives, so that
 * the last node standing is the root and a lone full row never gets a needless parent.
 * Holds one chunk, one block and one row a level. Never keeps a file or a block.
 */
#include "content/dag.h"

#include <assert.h>
#include <stdlib.h>

#include "content/unixfs.h"

const struct tamga_dag_options tamga_dag_default = {
    .cid_version = 0,
    .raw_leaves = false,
    .chunk_bytes = TAMGA_DAG_CHUNK_BYTES,
};

struct level {
    struct tamga_unixfs_link *link; /* room for links_max; NULL until first used */
    size_t count;
};

struct tamga_dag_builder {
    struct tamga_dag_options options;
    size_t links_max;
    tamga_dag_sink sink;
    void *context;
    enum tamga_err stuck;   /* the first failure, or BAD_VALUE once finished */
    struct tamga_buf chunk; /* bytes of a chunk that is not full yet */
    struct tamga_buf block; /* the block that is being written */
    struct level level[TAMGA_DAG_DEPTH_MAX]; /* [0] links leaves */
};

enum tamga_err tamga_dag_builder_new_wide(struct tamga_dag_builder **out,
                                          const struct tamga_dag_options *options,
                                          size_t links_max, tamga_dag_sink sink,
                                          void *context)
{
    struct tamga_dag_builder *builder;

    if (options->cid_version > 1 || options->chunk_bytes < 1 ||
        options->chunk_bytes > TAMGA_DAG_CHUNK_BYTES_MAX)
        return TAMGA_E_BAD_VALUE;
    if (links_max < 2 || links_max > TAMGA_DAG_LINKS_MAX)
        return TAMGA_E_BAD_VALUE;
    builder = calloc(1, sizeof *builder);
    if (builder == NULL)
        return TAMGA_E_NO_MEMORY;
    builder->options = *options;
    builder->links_max = links_max;
    builder->sink = sink;
    builder->context = context;
    *out = builder;
    return TAMGA_OK;
}

enum tamga_err tamga_dag_builder_new(struct tamga_dag_builder **out,
                                     const struct tamga_dag_options *options,
                                     tamga_dag_sink sink, void *context)
{
    return tamga_dag_builder_new_wide(out, options, TAMGA_DAG_LINKS, sink, context);
}

void tamga_dag_builder_free(struct tamga_dag_builder *builder)
{
    if (builder == NULL)
        return;
    for (size_t i = 0; i < TAMGA_DAG_DEPTH_MAX; i++)
        free(builder->level[i].link);
    tamga_buf_clear(&builder->chunk);
    tamga_buf_clear(&builder->block);
    free(builder);
}

/* Name a finished block and hand it on. */
static enum tamga_err emit(struct tamga_dag_builder *builder, uint8_t version, uint8_t codec,
                           struct tamga_span block, struct tamga_unixfs_link *link)
{
    tamga_cid_of(&link->cid, version, codec, block);
    if (builder->sink == NULL)
        return TAMGA_OK;
    return builder->sink(builder->context, &link->cid, block);
}

static enum tamga_err emit_node(struct tamga_dag_builder *builder,
                                const struct tamga_unixfs_node *node,
                                struct tamga_unixfs_link *link)
{
    enum tamga_err err = tamga_unixfs_encode(&builder->block, node);

    if (err != TAMGA_OK)
        return err;
    link->file_bytes = node->file_bytes;
    if (!tamga_unixfs_tree_bytes(&link->tree_bytes, node, builder->block.len))
        return TAMGA_E_TOO_LARGE;
    return emit(builder, builder->options.cid_version, TAMGA_CODEC_DAG_PB,
                tamga_buf_span(&builder->block), link);
}

/* Raw leaves are CIDv1 whatever the version of the nodes above them. */
static enum tamga_err emit_leaf(struct tamga_dag_builder *builder, struct tamga_span bytes,
                                struct tamga_unixfs_link *link)
{
    struct tamga_unixfs_node node = {
        .type = TAMGA_UNIXFS_FILE, .data = bytes, .file_bytes = bytes.len};

    if (!builder->options.raw_leaves)
        return emit_node(builder, &node, link);
    link->file_bytes = bytes.len;
    link->tree_bytes = bytes.len;
    return emit(builder, 1, TAMGA_CODEC_RAW, bytes, link);
}

/* Turn a level's row into its parent. */
static enum tamga_err emit_row(struct tamga_dag_builder *builder, struct level *level,
                               struct tamga_unixfs_link *link)
{
    struct tamga_unixfs_node node = {
        .type = TAMGA_UNIXFS_FILE, .link = level->link, .link_count = level->count};
    enum tamga_err err;

    for (size_t i = 0; i < level->count; i++)
        node.file_bytes += level->link[i].file_bytes;
    err = emit_node(builder, &node, link);
    if (err == TAMGA_OK)
        level->count = 0;
    return err;
}

static enum tamga_err level_add(struct tamga_dag_builder *builder, struct level *level,
                                const struct tamga_unixfs_link *link)
{
    if (level->link == NULL)
        level->link = calloc(builder->links_max, sizeof *level->link);
    if (level->link == NULL)
        return TAMGA_E_NO_MEMORY;
    level->link[level->count++] = *link;
    return TAMGA_OK;
}

/* Place a link at a level; rows that are full move up first. The last level is for the
 * root of the deepest tree. */
static enum tamga_err place(struct tamga_dag_builder *builder, size_t at,
                            struct tamga_unixfs_link link)
{
    for (; at < TAMGA_DAG_DEPTH_MAX; at++) {
        struct level *level = &builder->level[at];
        struct tamga_unixfs_link parent = {0};
        enum tamga_err err;

        if (at + 1 == TAMGA_DAG_DEPTH_MAX && level->count > 0)
            return TAMGA_E_TOO_LARGE; /* the root has no siblings */
        if (level->count < builder->links_max)
            return level_add(builder, level, &link);
        err = emit_row(builder, level, &parent);
        if (err == TAMGA_OK)
            err = level_add(builder, level, &link);
        if (err != TAMGA_OK)
            return err;
        link = parent;
    }
    return TAMGA_E_TOO_LARGE;
}

static enum tamga_err add_leaf(struct tamga_dag_builder *builder, struct tamga_span bytes)
{
    struct tamga_unixfs_link link = {0};
    enum tamga_err err = emit_leaf(builder, bytes, &link);

    return err == TAMGA_OK ? place(builder, 0, link) : err;
}

static struct tamga_span take(struct tamga_span *from, size_t len)
{
    struct tamga_span head = tamga_span(from->data, len);

    *from = tamga_span(from->data + len, from->len - len);
    return head;
}

static enum tamga_err add(struct tamga_dag_builder *builder, struct tamga_span bytes)
{
    size_t chunk_bytes = builder->options.chunk_bytes;
    enum tamga_err err = TAMGA_OK;

    while (err == TAMGA_OK && bytes.len > 0) {
        size_t room = chunk_bytes - builder->chunk.len;

        if (room == chunk_bytes && bytes.len >= chunk_bytes) {
            err = add_leaf(builder, take(&bytes, chunk_bytes)); /* without a copy */
            continue;
        }
        err = tamga_buf_add(&builder->chunk,
                            take(&bytes, bytes.len < room ? bytes.len : room));
        if (err != TAMGA_OK || builder->chunk.len < chunk_bytes)
            continue;
        err = add_leaf(builder, tamga_buf_span(&builder->chunk));
        builder->chunk.len = 0;
    }
    return err;
}

enum tamga_err tamga_dag_builder_add(struct tamga_dag_builder *builder, struct tamga_span bytes)
{
    if (builder->stuck == TAMGA_OK)
        builder->stuck = add(builder, bytes);
    return builder->stuck;
}

/* No level above holds a link. */
static bool is_top(const struct tamga_dag_builder *builder, size_t at)
{
    return at + 1 == TAMGA_DAG_DEPTH_MAX || builder->level[at + 1].count == 0;
}

static enum tamga_err finish(struct tamga_dag_builder *builder, struct tamga_cid *root)
{
    enum tamga_err err = TAMGA_OK;

    /* The rest, or the one empty leaf of an empty file. */
    if (builder->chunk.len > 0 || builder->level[0].count == 0)
        err = add_leaf(builder, tamga_buf_span(&builder->chunk));
    for (size_t at = 0; err == TAMGA_OK && at < TAMGA_DAG_DEPTH_MAX; at++) {
        struct level *level = &builder->level[at];
        struct tamga_unixfs_link parent = {0};

        if (level->count == 1 && is_top(builder, at)) {
            *root = level->link[0].cid;
            return TAMGA_OK;
        }
        err = emit_row(builder, level, &parent);
        if (err == TAMGA_OK)
            err = place(builder, at + 1, parent);
    }
    assert(err != TAMGA_OK); /* the last level holds one link at most */
    return err;
}

enum tamga_err tamga_dag_builder_finish(struct tamga_dag_builder *builder,
                                        struct tamga_cid *root)
{
    enum tamga_err err = builder->stuck;

    if (err == TAMGA_OK)
        err = finish(builder, root);
    builder->stuck = err == TAMGA_OK ? TAMGA_E_BAD_VALUE : err;
    return err;
}
