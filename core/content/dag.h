/*
 * Files as UnixFS DAGs, exactly as `ipfs add` builds them: fixed-size chunks, balanced,
 * 174 links a node. Builder and walker stream: memory is bounded whatever the length.
 */
#ifndef TAMGA_CONTENT_DAG_H
#define TAMGA_CONTENT_DAG_H

#include "content/cid.h"

#define TAMGA_DAG_CHUNK_BYTES     262144
#define TAMGA_DAG_CHUNK_BYTES_MAX 1048576
#define TAMGA_DAG_LINKS           174
#define TAMGA_DAG_LINKS_MAX       8192    /* that a builder can be asked for */
#define TAMGA_DAG_DEPTH_MAX       8       /* levels, that of the leaves included */
#define TAMGA_BLOCK_BYTES_MAX     2097152 /* of one stored block */

struct tamga_dag_options {
    uint8_t cid_version;  /* 0 or 1 */
    bool raw_leaves;      /* Kubo's default: cid_version == 1 */
    size_t chunk_bytes;   /* 1..TAMGA_DAG_CHUNK_BYTES_MAX; default TAMGA_DAG_CHUNK_BYTES */
};
extern const struct tamga_dag_options tamga_dag_default; /* v0, no raw leaves, 256 KiB */

/* Receives every block once it is complete, children before parents. May be NULL. */
typedef enum tamga_err (*tamga_dag_sink)(void *context, const struct tamga_cid *cid,
                                         struct tamga_span block);

struct tamga_dag_builder;
/* Errors: BAD_VALUE for options out of range; NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_dag_builder_new(struct tamga_dag_builder **out,
                                                    const struct tamga_dag_options *options,
                                                    tamga_dag_sink sink, void *context);
/* The same with another width, 2..TAMGA_DAG_LINKS_MAX, as Kubo's --max-file-links. */
TAMGA_MUST_USE enum tamga_err tamga_dag_builder_new_wide(struct tamga_dag_builder **out,
                                                         const struct tamga_dag_options *options,
                                                         size_t links_max, tamga_dag_sink sink,
                                                         void *context);
/* Errors: the sink's; NO_MEMORY; TOO_LARGE beyond TAMGA_DAG_DEPTH_MAX levels. The first
 * error stays: every later call returns it, and BAD_VALUE once finished. */
TAMGA_MUST_USE enum tamga_err tamga_dag_builder_add(struct tamga_dag_builder *builder,
                                                    struct tamga_span bytes);
TAMGA_MUST_USE enum tamga_err tamga_dag_builder_finish(struct tamga_dag_builder *builder,
                                                       struct tamga_cid *root);
void tamga_dag_builder_free(struct tamga_dag_builder *builder);

/*
 * Walk an untrusted DAG from its root in file order. The caller fetches the block that
 * `next` names and feeds it; the walker checks it against its CID, decodes it strictly,
 * and yields file bytes in order. Never recurses; holds the links of fewer than
 * TAMGA_DAG_DEPTH_MAX nodes (3 MiB each at the most, 10 KiB at Kubo's width); the sizes
 * that nodes claim must add up to `length` and never exceed it.
 * A node of a tree whose leaves repeat the same block is asked for each time it occurs.
 *
 * Accepted: what `ipfs add` makes: leaves of 1..TAMGA_DAG_CHUNK_BYTES_MAX bytes, raw or
 * UnixFS File (or UnixFS Raw, which --trickle writes, but not as root), any width that a
 * block holds, branches of unequal depth. Mode and modification time are refused.
 */
struct tamga_dag_walker;
/* Errors: BAD_CID if root is none of the forms in cid.h; NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_dag_walker_new(struct tamga_dag_walker **out,
                                                   const struct tamga_cid *root,
                                                   uint64_t length);
/* False: all bytes were yielded. */
bool tamga_dag_walker_next(const struct tamga_dag_walker *walker, struct tamga_cid *cid);
/*
 * Feed the block that next named.
 *
 * Outputs: data borrows from block; empty for an inner node.
 * Errors:  CID_MISMATCH (walker unchanged, feed another source's block), BAD_DAG
 *          (not a file, sizes that do not add up, too deep, codec, padding), IMAGE_LENGTH
 *          (the root's size is not `length`), NO_MEMORY. The walker is as it was.
 */
TAMGA_MUST_USE enum tamga_err tamga_dag_walker_feed(struct tamga_dag_walker *walker,
                                                    struct tamga_span *data,
                                                    struct tamga_span block);
void tamga_dag_walker_free(struct tamga_dag_walker *walker);

#endif
