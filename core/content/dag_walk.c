/*
 * Walks an untrusted DAG from its root, one block at a time, in file order.
 *
 * A node is believed only after its hash is right, and then only as far as its parent's
 * claim: every child must have exactly the file bytes and the tree bytes that its parent
 * says, and the root exactly the length that was signed. So no claim can lead anywhere
 * that the signed length does not pay for. Knows nothing of where blocks come from.
 */
#include <assert.h>
#include <stdlib.h>

#include "content/unixfs.h"

/* Inner nodes on the path from the root; the leaf is the last of DEPTH_MAX levels. */
#define PATH_MAX_NODES (TAMGA_DAG_DEPTH_MAX - 1)

/* An inner node: link[at] is the child that is wanted now. */
struct step {
    struct tamga_unixfs_link *link;
    size_t count;
    size_t at;
};

struct tamga_dag_walker {
    struct tamga_cid root;
    uint64_t length;
    uint64_t yielded;
    bool done;
    size_t depth; /* steps in use; 0: the root is wanted */
    struct step path[PATH_MAX_NODES];
};

enum tamga_err tamga_dag_walker_new(struct tamga_dag_walker **out, const struct tamga_cid *root,
                                    uint64_t length)
{
    uint8_t bytes[TAMGA_CID_BINARY_MAX];
    struct tamga_dag_walker *walker;
    struct tamga_cid cid;

    if (tamga_cid_decode(&cid, tamga_span(bytes, tamga_cid_encode(bytes, root))) != TAMGA_OK ||
        !tamga_cid_equal(&cid, root))
        return TAMGA_E_BAD_CID;
    walker = calloc(1, sizeof *walker);
    if (walker == NULL)
        return TAMGA_E_NO_MEMORY;
    walker->root = cid;
    walker->length = length;
    *out = walker;
    return TAMGA_OK;
}

void tamga_dag_walker_free(struct tamga_dag_walker *walker)
{
    if (walker == NULL)
        return;
    while (walker->depth > 0)
        free(walker->path[--walker->depth].link);
    free(walker);
}

/* The parent's claim about the block that is wanted; NULL for the root. */
static const struct tamga_unixfs_link *claim(const struct tamga_dag_walker *walker)
{
    const struct step *step;

    if (walker->depth == 0)
        return NULL;
    step = &walker->path[walker->depth - 1];
    return &step->link[step->at];
}

bool tamga_dag_walker_next(const struct tamga_dag_walker *walker, struct tamga_cid *cid)
{
    const struct tamga_unixfs_link *wanted = claim(walker);

    if (walker->done)
        return false;
    *cid = wanted == NULL ? walker->root : wanted->cid;
    return true;
}

/* What a block turned out to be, in the same form for both codecs. */
static enum tamga_err read_block(struct tamga_unixfs_node *node, uint8_t codec,
                                 struct tamga_span block)
{
    if (block.len > TAMGA_BLOCK_BYTES_MAX)
        return TAMGA_E_BAD_DAG;
    if (codec == TAMGA_CODEC_DAG_PB)
        return tamga_unixfs_decode(node, block);
    *node = (struct tamga_unixfs_node){
        .type = TAMGA_UNIXFS_FILE, .data = block, .file_bytes = block.len};
    return TAMGA_OK;
}

/* The root answers to the signed length, every other node to its parent. */
static enum tamga_err check_claim(const struct tamga_dag_walker *walker,
                                  const struct tamga_unixfs_node *node, size_t block_bytes)
{
    const struct tamga_unixfs_link *wanted = claim(walker);
    uint64_t tree_bytes;

    if (!tamga_unixfs_tree_bytes(&tree_bytes, node, block_bytes))
        return TAMGA_E_BAD_DAG;
    if (wanted == NULL && node->type != TAMGA_UNIXFS_FILE)
        return TAMGA_E_BAD_DAG;
    if (wanted == NULL)
        return node->file_bytes == walker->length ? TAMGA_OK : TAMGA_E_IMAGE_LENGTH;
    if (node->file_bytes != wanted->file_bytes || tree_bytes != wanted->tree_bytes)
        return TAMGA_E_BAD_DAG;
    return TAMGA_OK;
}

static enum tamga_err descend(struct tamga_dag_walker *walker, struct tamga_unixfs_node *node)
{
    if (walker->depth == PATH_MAX_NODES)
        return TAMGA_E_BAD_DAG;
    walker->path[walker->depth++] =
        (struct step){.link = node->link, .count = node->link_count, .at = 0};
    node->link = NULL; /* the path's from here on */
    return TAMGA_OK;
}

/* A leaf is done: go on to the next sibling of it, or of the nearest parent with one. */
static void advance(struct tamga_dag_walker *walker)
{
    while (walker->depth > 0) {
        struct step *step = &walker->path[walker->depth - 1];

        if (++step->at < step->count)
            return;
        free(step->link);
        walker->depth--;
    }
    walker->done = true;
    assert(walker->yielded == walker->length); /* every claim was checked on the way */
}

enum tamga_err tamga_dag_walker_feed(struct tamga_dag_walker *walker, struct tamga_span *data,
                                     struct tamga_span block)
{
    TAMGA_CLEANUP(tamga_unixfs_clear) struct tamga_unixfs_node node = {0};
    struct tamga_cid cid = {0};
    bool wanted = tamga_dag_walker_next(walker, &cid);
    enum tamga_err err;

    assert(wanted);
    if (!wanted)
        return TAMGA_E_BAD_DAG; /* nothing belongs behind the end */
    err = tamga_cid_check(&cid, block);
    if (err != TAMGA_OK)
        return err;
    err = read_block(&node, cid.codec, block);
    if (err != TAMGA_OK)
        return err;
    if (node.data.len > TAMGA_DAG_CHUNK_BYTES_MAX)
        return TAMGA_E_BAD_DAG;
    err = check_claim(walker, &node, block.len);
    if (err != TAMGA_OK)
        return err;
    if (node.link_count > 0) {
        err = descend(walker, &node);
        if (err == TAMGA_OK)
            *data = tamga_span(NULL, 0);
        return err;
    }
    *data = node.data;
    walker->yielded += node.data.len;
    advance(walker);
    return TAMGA_OK;
}
