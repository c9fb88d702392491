/*
 * What the content tests share: bytes that repeat from run to run, blocks in memory, and
 * a builder and a walker between the two.
 */
#ifndef TAMGA_TEST_BLOCKS_H
#define TAMGA_TEST_BLOCKS_H

#include "content/unixfs.h"

/* splitmix64 from state 0, little-endian, cut to len. */
void bytes_fill(uint8_t *bytes, size_t len);

struct blocks {
    struct block_item *item;
    size_t count;
};
struct block_item {
    struct tamga_cid cid;
    struct tamga_buf bytes;
};

void blocks_clear(struct blocks *blocks);
/* A tamga_dag_sink; a known block is not kept twice. */
enum tamga_err blocks_sink(void *context, const struct tamga_cid *cid, struct tamga_span block);
/* Empty if unknown. */
struct tamga_span blocks_find(const struct blocks *blocks, const struct tamga_cid *cid);

/* Build bytes into blocks; the root. */
struct tamga_cid blocks_build(struct blocks *blocks, struct tamga_span bytes,
                              const struct tamga_dag_options *options, size_t links_max);
/* Keep a hand-made node as it is, true or not; the link that tells the truth about it,
 * as far as the node itself does. */
struct tamga_unixfs_link blocks_node(struct blocks *blocks, const struct tamga_unixfs_node *node);
struct tamga_unixfs_link blocks_leaf(struct blocks *blocks, const char *text);
/* A node above the links, which claims the sum of their sizes. */
struct tamga_unixfs_link blocks_parent(struct blocks *blocks, struct tamga_unixfs_link *link,
                                       size_t count);
/* Walk to the end or to the first refusal; feeds counts the blocks that were asked for. */
enum tamga_err blocks_walk(const struct blocks *blocks, const struct tamga_cid *root,
                           uint64_t length, struct tamga_buf *file, size_t *feeds);

#define TEST_BLOCKS TAMGA_CLEANUP(blocks_clear) struct blocks

#endif
