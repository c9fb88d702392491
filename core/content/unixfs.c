/*
 * dag-pb and UnixFS by hand. The decoder reads left to right what the encoder writes
 * and refuses the rest: one form, no unknown or repeated field, no padding.
 * Source: go-ipfs's `ipfs add`, checked against CIDs of Kubo 0.26.0 (tests/vectors).
 */
#include "content/unixfs.h"

#include <stdlib.h>

#define TAG_NODE_DATA 0x0a
#define TAG_NODE_LINK 0x12
#define TAG_LINK_CID 0x0a
#define TAG_LINK_NAME 0x12
#define TAG_LINK_TREE_BYTES 0x18
#define TAG_TYPE 0x08
#define TAG_DATA 0x12
#define TAG_FILE_BYTES 0x18
#define TAG_CHILD_BYTES 0x20
#define VARINT_MAX 10

void tamga_unixfs_clear(struct tamga_unixfs_node *node)
{
    free(node->link);
    *node = (struct tamga_unixfs_node){0};
}

static bool add_overflows(uint64_t *sum, uint64_t more)
{
    return __builtin_add_overflow(*sum, more, sum);
}

bool tamga_unixfs_tree_bytes(uint64_t *out, const struct tamga_unixfs_node *node,
                             size_t block_bytes)
{
    uint64_t sum = block_bytes;

    for (size_t i = 0; i < node->link_count; i++)
        if (add_overflows(&sum, node->link[i].tree_bytes))
            return false;
    *out = sum;
    return true;
}

/* --- reading: each take moves `from` on success only --- */

static bool take_tag(struct tamga_span *from, uint8_t tag)
{
    if (from->len == 0 || from->data[0] != tag)
        return false;
    *from = tamga_span(from->data + 1, from->len - 1);
    return true;
}

static bool take_varint(struct tamga_span *from, uint64_t *value)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < from->len && i < VARINT_MAX; i++) {
        uint8_t byte = from->data[i];

        if (i == VARINT_MAX - 1 && byte > 1)
            return false; /* beyond 64 bits */
        sum |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        if (i > 0 && byte == 0)
            return false; /* padded */
        *value = sum;
        *from = tamga_span(from->data + i + 1, from->len - i - 1);
        return true;
    }
    return false;
}

static bool take_number(struct tamga_span *from, uint8_t tag, uint64_t *value)
{
    return take_tag(from, tag) && take_varint(from, value);
}

static bool take_bytes(struct tamga_span *from, uint8_t tag, struct tamga_span *bytes)
{
    uint64_t len;

    if (!take_number(from, tag, &len) || len > from->len)
        return false;
    *bytes = tamga_span(from->data, (size_t)len);
    *from = tamga_span(from->data + len, from->len - (size_t)len);
    return true;
}

static bool take_link(struct tamga_span *from, struct tamga_unixfs_link *link)
{
    struct tamga_span body, cid, name;

    return take_bytes(from, TAG_NODE_LINK, &body) &&
           take_bytes(&body, TAG_LINK_CID, &cid) &&
           tamga_cid_decode(&link->cid, cid) == TAMGA_OK &&
           take_bytes(&body, TAG_LINK_NAME, &name) && name.len == 0 &&
           take_number(&body, TAG_LINK_TREE_BYTES, &link->tree_bytes) && body.len == 0;
}

static size_t count_links(struct tamga_span block)
{
    struct tamga_span body;
    size_t count = 0;

    while (take_bytes(&block, TAG_NODE_LINK, &body))
        count++;
    return count;
}

/* The children's sizes, none zero, that must add up to the node's own. */
static bool take_child_sizes(struct tamga_span *from, struct tamga_unixfs_node *node)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < node->link_count; i++) {
        uint64_t *bytes = &node->link[i].file_bytes;

        if (!take_number(from, TAG_CHILD_BYTES, bytes) || *bytes == 0 ||
            add_overflows(&sum, *bytes))
            return false;
    }
    return sum == node->file_bytes;
}

static bool take_unixfs(struct tamga_span body, struct tamga_unixfs_node *node)
{
    uint64_t type;

    if (!take_number(&body, TAG_TYPE, &type))
        return false;
    if (type != TAMGA_UNIXFS_FILE && type != TAMGA_UNIXFS_RAW)
        return false; /* a directory, a link, metadata */
    node->type = (enum tamga_unixfs_type)type;
    if (body.len > 0 && body.data[0] == TAG_DATA &&
        (!take_bytes(&body, TAG_DATA, &node->data) || node->data.len == 0))
        return false;
    if (!take_number(&body, TAG_FILE_BYTES, &node->file_bytes))
        return false;
    if (node->link_count == 0)
        return node->file_bytes == node->data.len && body.len == 0;
    return node->data.len == 0 && node->type == TAMGA_UNIXFS_FILE &&
           take_child_sizes(&body, node) && body.len == 0;
}

static bool take_node(struct tamga_span block, struct tamga_unixfs_node *node)
{
    struct tamga_span unixfs;

    for (size_t i = 0; i < node->link_count; i++)
        if (!take_link(&block, &node->link[i]))
            return false;
    return take_bytes(&block, TAG_NODE_DATA, &unixfs) && block.len == 0 &&
           take_unixfs(unixfs, node);
}

enum tamga_err tamga_unixfs_decode(struct tamga_unixfs_node *out, struct tamga_span block)
{
    TAMGA_CLEANUP(tamga_unixfs_clear) struct tamga_unixfs_node node = {0};

    if (block.len > TAMGA_BLOCK_BYTES_MAX)
        return TAMGA_E_BAD_DAG;
    node.link_count = count_links(block);
    if (node.link_count > TAMGA_UNIXFS_LINKS_MAX)
        return TAMGA_E_BAD_DAG;
    if (node.link_count > 0) {
        node.link = calloc(node.link_count, sizeof *node.link);
        if (node.link == NULL)
            return TAMGA_E_NO_MEMORY;
    }
    if (!take_node(block, &node))
        return TAMGA_E_BAD_DAG;
    *out = node;
    node.link = NULL; /* out's from here on */
    return TAMGA_OK;
}

/* --- writing --- */

static size_t varint_bytes(uint64_t value)
{
    size_t bytes = 1;

    for (; value >= 0x80; value >>= 7)
        bytes++;
    return bytes;
}

static uint8_t *put_number(uint8_t *at, uint8_t tag, uint64_t value)
{
    *at++ = tag;
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static size_t link_bytes(const struct tamga_unixfs_link *link)
{
    size_t cid = link->cid.version == 0 ? TAMGA_CID_BINARY_MAX - 2 : TAMGA_CID_BINARY_MAX;

    return 2 + cid + 2 + 1 + varint_bytes(link->tree_bytes);
}

static size_t unixfs_bytes(const struct tamga_unixfs_node *node)
{
    size_t bytes = 2 + 1 + varint_bytes(node->file_bytes);

    if (node->data.len > 0)
        bytes += 1 + varint_bytes(node->data.len) + node->data.len;
    for (size_t i = 0; i < node->link_count; i++)
        bytes += 1 + varint_bytes(node->link[i].file_bytes);
    return bytes;
}

static size_t node_bytes(const struct tamga_unixfs_node *node)
{
    size_t unixfs = unixfs_bytes(node);
    size_t bytes = 1 + varint_bytes(unixfs) + unixfs;

    for (size_t i = 0; i < node->link_count; i++)
        bytes += 2 + link_bytes(&node->link[i]); /* its length is below 128 */
    return bytes;
}

static uint8_t *put_link(uint8_t *at, const struct tamga_unixfs_link *link)
{
    uint8_t cid[TAMGA_CID_BINARY_MAX];
    size_t len = tamga_cid_encode(cid, &link->cid);

    at = put_number(at, TAG_NODE_LINK, link_bytes(link));
    at = put_number(at, TAG_LINK_CID, len);
    memcpy(at, cid, len);
    at = put_number(at + len, TAG_LINK_NAME, 0);
    return put_number(at, TAG_LINK_TREE_BYTES, link->tree_bytes);
}

static void put_unixfs(uint8_t *at, const struct tamga_unixfs_node *node)
{
    at = put_number(at, TAG_TYPE, node->type);
    if (node->data.len > 0) {
        at = put_number(at, TAG_DATA, node->data.len);
        memcpy(at, node->data.data, node->data.len);
        at += node->data.len;
    }
    at = put_number(at, TAG_FILE_BYTES, node->file_bytes);
    for (size_t i = 0; i < node->link_count; i++)
        at = put_number(at, TAG_CHILD_BYTES, node->link[i].file_bytes);
}

enum tamga_err tamga_unixfs_encode(struct tamga_buf *out, const struct tamga_unixfs_node *node)
{
    size_t bytes = node_bytes(node);
    enum tamga_err err;
    uint8_t *at;

    out->len = 0;
    err = tamga_buf_reserve(out, bytes);
    if (err != TAMGA_OK)
        return err;
    at = out->data;
    for (size_t i = 0; i < node->link_count; i++)
        at = put_link(at, &node->link[i]);
    at = put_number(at, TAG_NODE_DATA, unixfs_bytes(node));
    put_unixfs(at, node);
    out->len = bytes;
    return TAMGA_OK;
}
