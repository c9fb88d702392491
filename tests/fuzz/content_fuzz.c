/*
 * Content ids, dag-pb nodes, and the walker's view of a root. The first byte of the input
 * chooses; what is taken must be written again as the same bytes.
 */
#include "fuzz.h"

#include <string.h>

#include "content/unixfs.h"

static void check_text(struct tamga_span input)
{
    char again[TAMGA_CID_TEXT_MAX];
    struct tamga_cid cid;
    char *text = malloc(input.len + 1);

    FUZZ_REQUIRE(text != NULL);
    if (input.len > 0)
        memcpy(text, input.data, input.len);
    text[input.len] = '\0';
    if (tamga_cid_parse(&cid, text) == TAMGA_OK) {
        tamga_cid_format(again, &cid);
        FUZZ_REQUIRE(strcmp(again, text) == 0);
    }
    free(text);
}

static void check_binary(struct tamga_span input)
{
    uint8_t again[TAMGA_CID_BINARY_MAX];
    struct tamga_cid cid;

    if (tamga_cid_decode(&cid, input) == TAMGA_OK)
        FUZZ_REQUIRE(tamga_span_equal(tamga_span(again, tamga_cid_encode(again, &cid)), input));
}

static void check_node(struct tamga_span input)
{
    TAMGA_CLEANUP(tamga_unixfs_clear) struct tamga_unixfs_node node = {0};
    TAMGA_BUF again = {0};
    enum tamga_err err = tamga_unixfs_decode(&node, input);

    if (err != TAMGA_OK) {
        FUZZ_REQUIRE(err == TAMGA_E_BAD_DAG && node.link == NULL);
        return;
    }
    FUZZ_REQUIRE(tamga_unixfs_encode(&again, &node) == TAMGA_OK);
    FUZZ_REQUIRE(tamga_span_equal(tamga_buf_span(&again), input));
}

/* Eight bytes are the signed length, the rest is the root's block. */
static void check_root(struct tamga_span input)
{
    struct tamga_dag_walker *walker = NULL;
    struct tamga_span data = {0}, block;
    struct tamga_cid root, next;
    enum tamga_err err;

    if (input.len < 8)
        return;
    block = tamga_span(input.data + 8, input.len - 8);
    tamga_cid_of(&root, 0, TAMGA_CODEC_DAG_PB, block);
    FUZZ_REQUIRE(tamga_dag_walker_new(&walker, &root, tamga_get_u64(input.data)) == TAMGA_OK);
    err = tamga_dag_walker_feed(walker, &data, block);
    FUZZ_REQUIRE(err == TAMGA_OK || err == TAMGA_E_BAD_DAG || err == TAMGA_E_IMAGE_LENGTH);
    if (err == TAMGA_OK && !tamga_dag_walker_next(walker, &next))
        FUZZ_REQUIRE(data.len == tamga_get_u64(input.data));
    tamga_dag_walker_free(walker);
}

/* The corpus counts on this order: append only. */
static void (*const check[])(struct tamga_span) = {
    check_text, check_binary, check_node, check_root,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0)
        check[data[0] % (sizeof check / sizeof check[0])](tamga_span(data + 1, size - 1));
    return 0;
}
