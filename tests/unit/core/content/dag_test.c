/* The builder: one file, one tree, however its bytes arrive. */
#include "content/dag.h"

#include <criterion/criterion.h>

#include "blocks.h"

static uint8_t bytes[4000];

static struct tamga_cid root_in_pieces(size_t len, const struct tamga_dag_options *options,
                                       size_t piece)
{
    struct tamga_dag_builder *builder = NULL;
    struct tamga_cid root = {0};

    cr_assert_eq(tamga_dag_builder_new(&builder, options, NULL, NULL), TAMGA_OK);
    for (size_t at = 0; at < len; at += piece)
        cr_assert_eq(tamga_dag_builder_add(
                         builder, tamga_span(bytes + at, len - at < piece ? len - at : piece)),
                     TAMGA_OK);
    cr_assert_eq(tamga_dag_builder_finish(builder, &root), TAMGA_OK);
    tamga_dag_builder_free(builder);
    return root;
}

/*
 * Goal:   the root does not depend on how the bytes were cut for the builder.
 * Method: all piece sizes around the chunk's, over two levels of nodes.
 */
Test(content_dag, pieces_do_not_matter)
{
    struct tamga_dag_options options = {.cid_version = 1, .raw_leaves = true, .chunk_bytes = 7};

    bytes_fill(bytes, sizeof bytes);
    for (size_t len = 0; len < 4000; len = len * 3 + 1) {
        struct tamga_cid whole = root_in_pieces(len, &options, sizeof bytes);

        for (size_t piece = 1; piece < 23; piece++) {
            struct tamga_cid root = root_in_pieces(len, &options, piece);

            cr_assert(tamga_cid_equal(&root, &whole), "%zu bytes by %zu", len, piece);
        }
    }
}

/*
 * Goal:   a one-chunk file's leaf is its root, and raw leaves are CIDv1 under v0 too.
 * Method: all four kinds of options, for nothing, one byte and a full chunk.
 */
Test(content_dag, one_chunk_is_the_root)
{
    for (unsigned kind = 0; kind < 4; kind++)
        for (size_t len = 0; len <= 16; len += len == 0 ? 1 : 15) {
            struct tamga_dag_options options = {
                .cid_version = kind & 1, .raw_leaves = kind & 2, .chunk_bytes = 16};
            TEST_BLOCKS blocks = {0};
            struct tamga_cid root =
                blocks_build(&blocks, tamga_span(bytes, len), &options, TAMGA_DAG_LINKS);

            cr_assert_eq(blocks.count, 1);
            cr_assert(tamga_cid_equal(&root, &blocks.item[0].cid));
            cr_assert_eq(root.codec, options.raw_leaves ? TAMGA_CODEC_RAW : TAMGA_CODEC_DAG_PB);
            cr_assert_eq(root.version, options.raw_leaves ? 1 : options.cid_version);
        }
}

/* Every link of a block leads to one that came before. */
static void assert_children_first(const struct blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++) {
        struct blocks before = {.item = blocks->item, .count = i};
        struct tamga_unixfs_node node = {0};

        if (blocks->item[i].cid.codec == TAMGA_CODEC_RAW)
            continue;
        cr_assert_eq(tamga_unixfs_decode(&node, tamga_buf_span(&blocks->item[i].bytes)),
                     TAMGA_OK);
        for (size_t k = 0; k < node.link_count; k++)
            cr_assert_neq(blocks_find(&before, &node.link[k].cid).len, 0);
        tamga_unixfs_clear(&node);
    }
}

/*
 * Goal:   the sink can store a block without ever holding a dangling link, and the root
 *         comes last.
 * Method: three levels of width 3.
 */
Test(content_dag, children_come_before_parents)
{
    struct tamga_dag_options options = {.cid_version = 0, .raw_leaves = true, .chunk_bytes = 8};
    TEST_BLOCKS blocks = {0};
    struct tamga_cid root;

    bytes_fill(bytes, sizeof bytes);
    root = blocks_build(&blocks, tamga_span(bytes, 8 * 9 + 1), &options, 3);
    cr_assert_eq(blocks.count, 10 + 4 + 2 + 1); /* the last branch of lone children */
    cr_assert(tamga_cid_equal(&root, &blocks.item[blocks.count - 1].cid));
    assert_children_first(&blocks);
}

/*
 * Goal:   options out of range are refused.
 * Method: each bound and one beyond.
 */
Test(content_dag, refuses_options_out_of_range)
{
    static const struct {
        struct tamga_dag_options options;
        size_t links_max;
        enum tamga_err expected;
    } row[] = {
        {{0, false, 1}, 2, TAMGA_OK},
        {{1, true, TAMGA_DAG_CHUNK_BYTES_MAX}, TAMGA_DAG_LINKS_MAX, TAMGA_OK},
        {{2, true, 1}, 2, TAMGA_E_BAD_VALUE},
        {{0, false, 0}, 2, TAMGA_E_BAD_VALUE},
        {{0, false, TAMGA_DAG_CHUNK_BYTES_MAX + 1}, 2, TAMGA_E_BAD_VALUE},
        {{0, false, 1}, 1, TAMGA_E_BAD_VALUE},
        {{0, false, 1}, TAMGA_DAG_LINKS_MAX + 1, TAMGA_E_BAD_VALUE},
    };

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct tamga_dag_builder *builder = NULL;

        cr_assert_eq(tamga_dag_builder_new_wide(&builder, &row[i].options, row[i].links_max,
                                                NULL, NULL),
                     row[i].expected, "row %zu", i);
        cr_assert_eq(builder == NULL, row[i].expected != TAMGA_OK);
        tamga_dag_builder_free(builder);
    }
}

/* Fails at the block whose turn comes when *context has run down. */
static enum tamga_err failing_sink(void *context, const struct tamga_cid *cid,
                                   struct tamga_span block)
{
    unsigned *left = context;

    (void)cid;
    (void)block;
    return (*left)-- == 0 ? TAMGA_E_CONTENT_FULL : TAMGA_OK;
}

/*
 * Goal:   a sink's failure comes back unchanged, stays, and gives no root.
 * Method: fail each of the blocks of a two-level file in turn.
 */
Test(content_dag, a_failed_sink_stops_it)
{
    struct tamga_dag_options options = {.cid_version = 0, .chunk_bytes = 1};

    for (unsigned block = 0; block < 9; block++) {
        struct tamga_cid root = {.version = 77};
        struct tamga_dag_builder *builder = NULL;
        unsigned left = block;
        enum tamga_err err;

        cr_assert_eq(tamga_dag_builder_new_wide(&builder, &options, 3, failing_sink, &left),
                     TAMGA_OK);
        err = tamga_dag_builder_add(builder, tamga_span(bytes, 5));
        if (err != TAMGA_OK) /* it stays, whatever the sink would say now */
            cr_assert_eq(tamga_dag_builder_add(builder, tamga_span(bytes, 5)), err);
        err = tamga_dag_builder_finish(builder, &root);
        cr_assert_eq(err, block < 8 ? TAMGA_E_CONTENT_FULL : TAMGA_OK);
        cr_assert_eq(root.version, block < 8 ? 77 : 0);
        tamga_dag_builder_free(builder);
    }
}

/*
 * Goal:   a finished builder takes nothing more.
 * Method: add and finish again.
 */
Test(content_dag, finishes_once)
{
    struct tamga_dag_builder *builder = NULL;
    struct tamga_cid root, again = {.version = 77};

    cr_assert_eq(tamga_dag_builder_new(&builder, &tamga_dag_default, NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_dag_builder_finish(builder, &root), TAMGA_OK);
    cr_assert_eq(tamga_dag_builder_add(builder, tamga_span(bytes, 1)), TAMGA_E_BAD_VALUE);
    cr_assert_eq(tamga_dag_builder_finish(builder, &again), TAMGA_E_BAD_VALUE);
    cr_assert_eq(again.version, 77);
    tamga_dag_builder_free(builder);
}

static enum tamga_err build_narrow(size_t len)
{
    struct tamga_dag_options options = {.cid_version = 0, .chunk_bytes = 1};
    struct tamga_dag_builder *builder = NULL;
    struct tamga_cid root;
    enum tamga_err err;

    cr_assert_eq(tamga_dag_builder_new_wide(&builder, &options, 2, NULL, NULL), TAMGA_OK);
    err = tamga_dag_builder_add(builder, tamga_span(bytes, len));
    if (err == TAMGA_OK)
        err = tamga_dag_builder_finish(builder, &root);
    tamga_dag_builder_free(builder);
    return err;
}

/*
 * Goal:   a tree has at most TAMGA_DAG_DEPTH_MAX levels.
 * Method: width 2 and one-byte leaves: 128 fill eight levels, 129 need a ninth.
 */
Test(content_dag, is_bounded_in_depth)
{
    size_t fits = (size_t)1 << (TAMGA_DAG_DEPTH_MAX - 1);

    cr_assert_eq(build_narrow(fits), TAMGA_OK);
    cr_assert_eq(build_narrow(fits + 1), TAMGA_E_TOO_LARGE);
    cr_assert_eq(build_narrow(3 * fits), TAMGA_E_TOO_LARGE);
}
