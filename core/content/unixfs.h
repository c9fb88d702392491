/*
 * One dag-pb node around UnixFS, as `ipfs add` writes it, byte for byte:
 *
 *   node    (12 len link)*  0a len unixfs          links first
 *   link    0a len cid  12 00  18 tsize            the empty name is written
 *   unixfs  08 type  [12 len data]  18 file_bytes  (20 file_bytes of child)*
 *
 * Numbers are shortest varints. Type is 2 (File), or 0 (Raw) in a leaf that trickle
 * layouts make. Only this form is decoded: whatever decodes, encodes to the same bytes.
 * Private to core/content: knows of one node only, never of a tree.
 */
#ifndef TAMGA_CONTENT_UNIXFS_H
#define TAMGA_CONTENT_UNIXFS_H

#include "content/dag.h"

/* A link takes 42 bytes of a node and its child's size 2 more, at the least. */
#define TAMGA_UNIXFS_LINKS_MAX (TAMGA_BLOCK_BYTES_MAX / 44)

struct tamga_unixfs_link {
    struct tamga_cid cid;
    uint64_t tree_bytes; /* Tsize: all encoded blocks below and with the child */
    uint64_t file_bytes; /* of the file, below the child */
};

enum tamga_unixfs_type {
    TAMGA_UNIXFS_RAW = 0,
    TAMGA_UNIXFS_FILE = 2,
};

/* A leaf has data or nothing, an inner node has links; never both. {0} is clear. */
struct tamga_unixfs_node {
    enum tamga_unixfs_type type;
    struct tamga_unixfs_link *link; /* owned after decode; encode only reads it */
    size_t link_count;
    struct tamga_span data;         /* borrowed */
    uint64_t file_bytes;
};

/*
 * Decode an untrusted node. Its sizes agree with each other, no child is empty, and
 * nothing is said yet of whether they are true.
 *
 * Owns:    out->link until clear; out->data borrows from block.
 * Errors:  BAD_DAG for anything but the form above; NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_unixfs_decode(struct tamga_unixfs_node *out,
                                                  struct tamga_span block);
void tamga_unixfs_clear(struct tamga_unixfs_node *node);

/* Write the node into an emptied buf. Does not judge it. Errors: NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_unixfs_encode(struct tamga_buf *out,
                                                  const struct tamga_unixfs_node *node);

/* Its Tsize: encoded length and the children's. False if it exceeds 64 bits. */
bool tamga_unixfs_tree_bytes(uint64_t *out, const struct tamga_unixfs_node *node,
                             size_t block_bytes);

#endif
