/* The walker: every tree that `ipfs add` makes, and none that lies. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "blocks.h"

#define EXABYTE ((uint64_t)1 << 60)

static const struct tamga_dag_options small = {.cid_version = 0, .chunk_bytes = 16};

static enum tamga_err walk(const struct blocks *blocks, const struct tamga_cid *root,
                           uint64_t length)
{
    TAMGA_BUF file = {0};
    size_t feeds;

    return blocks_walk(blocks, root, length, &file, &feeds);
}

static void assert_round_trip(size_t len, const struct tamga_dag_options *options,
                              size_t links_max)
{
    TEST_BLOCKS blocks = {0};
    TAMGA_BUF bytes = {0}, file = {0};
    struct tamga_cid root;
    size_t feeds;

    cr_assert_eq(tamga_buf_reserve(&bytes, len + 1), TAMGA_OK);
    bytes_fill(bytes.data, len);
    bytes.len = len;
    root = blocks_build(&blocks, tamga_buf_span(&bytes), options, links_max);
    cr_assert_eq(blocks_walk(&blocks, &root, len, &file, &feeds), TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_buf_span(&file), tamga_buf_span(&bytes)));
    cr_assert_eq(walk(&blocks, &root, len + 1), TAMGA_E_IMAGE_LENGTH);
    if (len > 0)
        cr_assert_eq(walk(&blocks, &root, len - 1), TAMGA_E_IMAGE_LENGTH);
}

/*
 * Goal:   what is built is read back, and only at its own length.
 * Method: sizes around a chunk and a full node, all kinds of leaves and ids.
 */
Test(content_dag_walk, round_trips_all_kinds)
{
    static const size_t len[] = {0, 1, 15, 16, 17, 32, 174 * 16 - 1, 174 * 16, 174 * 16 + 1,
                                 174 * 17 + 5};

    for (unsigned kind = 0; kind < 4; kind++)
        for (size_t i = 0; i < sizeof len / sizeof len[0]; i++) {
            struct tamga_dag_options options = {
                .cid_version = kind & 1, .raw_leaves = kind & 2, .chunk_bytes = 16};

            assert_round_trip(len[i], &options, TAMGA_DAG_LINKS);
        }
}

/*
 * Goal:   other widths and chunk sizes are as good.
 * Method: the narrowest and deepest tree, a wide one, the largest chunks.
 */
Test(content_dag_walk, round_trips_other_layouts)
{
    struct tamga_dag_options one = {.cid_version = 1, .raw_leaves = true, .chunk_bytes = 1};
    struct tamga_dag_options large = {
        .cid_version = 0, .chunk_bytes = TAMGA_DAG_CHUNK_BYTES_MAX};

    assert_round_trip(128, &one, 2);
    assert_round_trip(100, &one, 3);
    assert_round_trip(3000, &one, 1024);
    assert_round_trip(2 * TAMGA_DAG_CHUNK_BYTES_MAX + 1, &large, 174);
}

/*
 * Goal:   a block that repeats is asked for each time, and 16 MiB of zeros need no more
 *         than the two blocks that they are.
 * Method: count blocks and feeds.
 */
Test(content_dag_walk, asks_again_for_repeated_blocks)
{
    size_t len = 64 * TAMGA_DAG_CHUNK_BYTES, feeds;
    uint8_t *zeros = calloc(1, len);
    TEST_BLOCKS blocks = {0};
    TAMGA_BUF file = {0};
    struct tamga_cid root;

    cr_assert_not_null(zeros);
    root = blocks_build(&blocks, tamga_span(zeros, len), &tamga_dag_default, TAMGA_DAG_LINKS);
    cr_assert_eq(blocks.count, 2);
    cr_assert_eq(blocks_walk(&blocks, &root, len, &file, &feeds), TAMGA_OK);
    cr_assert_eq(feeds, 65);
    cr_assert(tamga_span_equal(tamga_buf_span(&file), tamga_span(zeros, len)));
    free(zeros);
}

/*
 * Goal:   a trickle layout is read: leaves beside branches, leaves of UnixFS Raw, lone
 *         children.
 * Method: such a tree by hand.
 */
Test(content_dag_walk, takes_trickle_layouts)
{
    TEST_BLOCKS blocks = {0};
    TAMGA_BUF file = {0};
    struct tamga_unixfs_node raw = {
        .type = TAMGA_UNIXFS_RAW, .data = tamga_span_text("one "), .file_bytes = 4};
    struct tamga_unixfs_link deep = blocks_leaf(&blocks, "three");
    struct tamga_unixfs_link child[3], root;
    size_t feeds;

    child[0] = blocks_node(&blocks, &raw);
    child[1] = blocks_leaf(&blocks, "two ");
    child[2] = blocks_parent(&blocks, &deep, 1);
    root = blocks_parent(&blocks, child, 3);
    cr_assert_eq(blocks_walk(&blocks, &root.cid, 13, &file, &feeds), TAMGA_OK);
    cr_assert_eq(feeds, 5);
    cr_assert(tamga_span_equal(tamga_buf_span(&file), tamga_span_text("one two three")));
    cr_assert_eq(walk(&blocks, &child[0].cid, 4), TAMGA_E_BAD_DAG); /* Raw is no root */
}

/*
 * Goal:   a wrong block changes nothing; the right one goes on from there.
 * Method: at every block offer nothing, another block, and a changed one first.
 */
Test(content_dag_walk, another_block_leaves_it_unchanged)
{
    uint8_t bytes[100], wrong[] = "wrong";
    struct tamga_dag_walker *walker = NULL;
    TEST_BLOCKS blocks = {0};
    struct tamga_cid root, cid, again;
    size_t yielded = 0;

    bytes_fill(bytes, sizeof bytes);
    root = blocks_build(&blocks, tamga_span(bytes, sizeof bytes), &small, 3);
    cr_assert_eq(tamga_dag_walker_new(&walker, &root, sizeof bytes), TAMGA_OK);
    while (tamga_dag_walker_next(walker, &cid)) {
        struct tamga_span block = blocks_find(&blocks, &cid), data = tamga_span(wrong, 5);
        TAMGA_BUF changed = {0};

        cr_assert_eq(tamga_buf_set(&changed, block), TAMGA_OK);
        changed.data[changed.len - 1] ^= 1;
        cr_assert_eq(tamga_dag_walker_feed(walker, &data, tamga_span(NULL, 0)),
                     TAMGA_E_CID_MISMATCH);
        cr_assert_eq(tamga_dag_walker_feed(walker, &data, tamga_span(wrong, 5)),
                     TAMGA_E_CID_MISMATCH);
        cr_assert_eq(tamga_dag_walker_feed(walker, &data, tamga_buf_span(&changed)),
                     TAMGA_E_CID_MISMATCH);
        cr_assert_eq(data.data, wrong);
        cr_assert(tamga_dag_walker_next(walker, &again) && tamga_cid_equal(&cid, &again));
        cr_assert_eq(tamga_dag_walker_feed(walker, &data, block), TAMGA_OK);
        if (data.len > 0)
            cr_assert_eq(memcmp(bytes + yielded, data.data, data.len), 0);
        yielded += data.len;
    }
    cr_assert_eq(yielded, sizeof bytes);
    tamga_dag_walker_free(walker);
}

/*
 * Goal:   a few blocks that claim exabytes lead nowhere.
 * Method: seven levels, each of 8 links to one below; the leaf is one byte, or claims to
 *         be as much as is missing.
 */
Test(content_dag_walk, refuses_claimed_exabytes)
{
    TEST_BLOCKS blocks = {0};
    TAMGA_BUF file = {0};
    struct tamga_unixfs_link link[7];
    struct tamga_unixfs_link root = blocks_leaf(&blocks, "x");
    size_t feeds;

    root.file_bytes = EXABYTE / 262144; /* claimed by its parent only */
    for (int level = 0; level < 6; level++) {
        for (size_t i = 0; i < 7; i++)
            link[i] = root;
        root = blocks_parent(&blocks, link, 7);
    }
    cr_assert_gt(root.file_bytes, EXABYTE / 4);
    cr_assert_eq(blocks_walk(&blocks, &root.cid, 262144, &file, &feeds), TAMGA_E_IMAGE_LENGTH);
    cr_assert_eq(feeds, 1);
    cr_assert_eq(blocks_walk(&blocks, &root.cid, root.file_bytes, &file, &feeds),
                 TAMGA_E_BAD_DAG);
    cr_assert_eq(feeds, 7); /* down to the first leaf */
    cr_assert_eq(file.len, 0);
}

/* Two leaves of four bytes; the second's claims are set by the caller. */
static enum tamga_err walk_claiming(int64_t more_file_bytes, int64_t more_tree_bytes)
{
    TEST_BLOCKS blocks = {0};
    struct tamga_unixfs_link child[2], root;

    child[0] = blocks_leaf(&blocks, "good");
    child[1] = blocks_leaf(&blocks, "evil");
    child[1].file_bytes += (uint64_t)more_file_bytes;
    child[1].tree_bytes += (uint64_t)more_tree_bytes;
    root = blocks_parent(&blocks, child, 2);
    return walk(&blocks, &root.cid, root.file_bytes);
}

/*
 * Goal:   a child has exactly the sizes that its parent claims.
 * Method: each claim off by one, and far off.
 */
Test(content_dag_walk, refuses_sizes_that_are_not_true)
{
    cr_assert_eq(walk_claiming(0, 0), TAMGA_OK);
    cr_assert_eq(walk_claiming(1, 0), TAMGA_E_BAD_DAG);
    cr_assert_eq(walk_claiming(-1, 0), TAMGA_E_BAD_DAG);
    cr_assert_eq(walk_claiming(0, 1), TAMGA_E_BAD_DAG);
    cr_assert_eq(walk_claiming(0, -1), TAMGA_E_BAD_DAG);
    cr_assert_eq(walk_claiming((int64_t)EXABYTE, 0), TAMGA_E_BAD_DAG);
    cr_assert_eq(walk_claiming(0, -70), TAMGA_E_BAD_DAG); /* the sum wraps */
}

/*
 * Goal:   an inner child that is worth less or more than claimed is refused too.
 * Method: a parent's claims about a branch of two leaves.
 */
Test(content_dag_walk, refuses_untrue_branches)
{
    for (int more = -1; more <= 1; more++) {
        TEST_BLOCKS blocks = {0};
        struct tamga_unixfs_link leaf[2], child[2], root;

        leaf[0] = blocks_leaf(&blocks, "left");
        leaf[1] = blocks_leaf(&blocks, "right");
        child[0] = blocks_parent(&blocks, leaf, 2);
        child[1] = leaf[0];
        child[0].file_bytes += (uint64_t)(int64_t)more;
        root = blocks_parent(&blocks, child, 2);
        cr_assert_eq(walk(&blocks, &root.cid, root.file_bytes),
                     more == 0 ? TAMGA_OK : TAMGA_E_BAD_DAG);
    }
}

/* A leaf below the number of lone parents. */
static struct tamga_cid chain(struct blocks *blocks, size_t parents)
{
    struct tamga_unixfs_link link = blocks_leaf(blocks, "deep");

    while (parents-- > 0)
        link = blocks_parent(blocks, &link, 1);
    return link.cid;
}

/*
 * Goal:   a tree has at most TAMGA_DAG_DEPTH_MAX levels, whatever it asks for.
 * Method: chains of eight and nine levels, and of 3,000.
 */
Test(content_dag_walk, refuses_deep_chains)
{
    static const size_t parents[] = {TAMGA_DAG_DEPTH_MAX - 1, TAMGA_DAG_DEPTH_MAX, 2999};

    for (size_t i = 0; i < 3; i++) {
        TEST_BLOCKS blocks = {0};
        TAMGA_BUF file = {0};
        struct tamga_cid root = chain(&blocks, parents[i]);
        size_t feeds;

        cr_assert_eq(blocks_walk(&blocks, &root, 4, &file, &feeds),
                     i == 0 ? TAMGA_OK : TAMGA_E_BAD_DAG);
        cr_assert_eq(feeds, (size_t)TAMGA_DAG_DEPTH_MAX);
    }
}

/* Walk a single hand-written dag-pb block as the root. */
static enum tamga_err walk_block(const char *text, size_t len, uint64_t length)
{
    TEST_BLOCKS blocks = {0};
    struct tamga_cid root;

    tamga_cid_of(&root, 1, TAMGA_CODEC_DAG_PB, tamga_span(text, len));
    cr_assert_eq(blocks_sink(&blocks, &root, tamga_span(text, len)), TAMGA_OK);
    return walk(&blocks, &root, length);
}
#define WALK(text, length) walk_block(text, sizeof(text) - 1, length)

/*
 * Goal:   only files are walked, and only links to ids of ours.
 * Method: an empty and a named directory, an identity id, children of no size.
 */
Test(content_dag_walk, refuses_what_is_no_file)
{
    cr_assert_eq(WALK("\x0a\x04\x08\x02\x18\x00", 0), TAMGA_OK);
    cr_assert_eq(WALK("\x0a\x04\x08\x02\x18\x00", 1), TAMGA_E_IMAGE_LENGTH);
    cr_assert_eq(WALK("\x0a\x02\x08\x01", 0), TAMGA_E_BAD_DAG);
    cr_assert_eq(WALK("\x12\x2c\x0a\x22\x12\x20" "0123456789abcdef0123456789abcdef"
                      "\x12\x04" "../x" "\x18\x09\x0a\x02\x08\x01", 0), TAMGA_E_BAD_DAG);
    cr_assert_eq(WALK("\x12\x0b\x0a\x05\x01\x55\x00\x01" "a" "\x12\x00\x18\x01"
                      "\x0a\x06\x08\x02\x18\x01\x20\x01", 1), TAMGA_E_BAD_DAG);
    cr_assert_eq(WALK("", 0), TAMGA_E_BAD_DAG);
}

/*
 * Goal:   empty children cannot make a walk longer than the file.
 * Method: a node of 1,000 links to the empty file, claimed empty or as one byte each.
 */
Test(content_dag_walk, refuses_empty_children)
{
    for (uint64_t claim = 0; claim < 2; claim++) {
        TEST_BLOCKS blocks = {0};
        TAMGA_BUF file = {0};
        struct tamga_unixfs_link child[1000], root;
        size_t feeds;

        child[0] = blocks_leaf(&blocks, "");
        child[0].file_bytes = claim;
        for (size_t i = 1; i < 1000; i++)
            child[i] = child[0];
        root = blocks_parent(&blocks, child, 1000);
        cr_assert_eq(blocks_walk(&blocks, &root.cid, root.file_bytes, &file, &feeds),
                     TAMGA_E_BAD_DAG);
        cr_assert_eq(feeds, 1 + claim);
    }
}

/*
 * Goal:   a node that is sound in itself but cut or changed is refused wherever it is.
 * Method: every truncation and every flipped bit of a root, each with its own true id, so
 *         that only the decoder and the sizes can tell.
 */
Test(content_dag_walk, refuses_changed_roots)
{
    uint8_t bytes[64];
    TEST_BLOCKS blocks = {0};
    TAMGA_BUF node = {0};
    struct tamga_cid root;

    bytes_fill(bytes, sizeof bytes);
    root = blocks_build(&blocks, tamga_span(bytes, sizeof bytes), &small, 174);
    cr_assert_eq(tamga_buf_set(&node, blocks_find(&blocks, &root)), TAMGA_OK);
    for (size_t len = 0; len < node.len; len++)
        cr_assert_eq(walk_block((const char *)node.data, len, sizeof bytes), TAMGA_E_BAD_DAG);
    for (size_t bit = 0; bit < 8 * node.len; bit++) {
        struct tamga_dag_walker *walker = NULL;
        struct tamga_span data = {0}, changed;
        enum tamga_err err;

        node.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        changed = tamga_buf_span(&node);
        tamga_cid_of(&root, 0, TAMGA_CODEC_DAG_PB, changed);
        cr_assert_eq(tamga_dag_walker_new(&walker, &root, sizeof bytes), TAMGA_OK);
        err = tamga_dag_walker_feed(walker, &data, changed);
        /* A digest or Tsize that changed shows one block later. */
        if (err == TAMGA_OK && tamga_dag_walker_next(walker, &root)) {
            while (err == TAMGA_OK && tamga_dag_walker_next(walker, &root))
                err = tamga_dag_walker_feed(walker, &data, blocks_find(&blocks, &root));
            cr_assert(err == TAMGA_E_BAD_DAG || err == TAMGA_E_CID_MISMATCH, "bit %zu", bit);
        } else {
            cr_assert(err == TAMGA_E_BAD_DAG || err == TAMGA_E_IMAGE_LENGTH, "bit %zu", bit);
        }
        node.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        tamga_dag_walker_free(walker);
    }
}

/*
 * Goal:   leaves are bounded by the largest chunk, blocks by their own bound, raw or not.
 * Method: one byte more than each.
 */
Test(content_dag_walk, refuses_large_leaves_and_blocks)
{
    static const size_t len[] = {TAMGA_DAG_CHUNK_BYTES_MAX, TAMGA_DAG_CHUNK_BYTES_MAX + 1,
                                 TAMGA_BLOCK_BYTES_MAX + 1};
    uint8_t *bytes = calloc(1, TAMGA_BLOCK_BYTES_MAX + 1);

    cr_assert_not_null(bytes);
    for (size_t i = 0; i < 3; i++) {
        struct tamga_unixfs_node node = {.type = TAMGA_UNIXFS_FILE,
                                         .data = tamga_span(bytes, len[i]),
                                         .file_bytes = len[i]};
        TEST_BLOCKS blocks = {0};
        struct tamga_unixfs_link leaf = blocks_node(&blocks, &node);
        struct tamga_cid raw;

        tamga_cid_of(&raw, 1, TAMGA_CODEC_RAW, node.data);
        cr_assert_eq(blocks_sink(&blocks, &raw, node.data), TAMGA_OK);
        cr_assert_eq(walk(&blocks, &leaf.cid, len[i]), i == 0 ? TAMGA_OK : TAMGA_E_BAD_DAG);
        cr_assert_eq(walk(&blocks, &raw, len[i]), i == 0 ? TAMGA_OK : TAMGA_E_BAD_DAG);
    }
    free(bytes);
}

/*
 * Goal:   a root id that is none is refused at once.
 * Method: a version and codecs that the parser would not give.
 */
Test(content_dag_walk, refuses_other_roots)
{
    static const struct tamga_cid bad[] = {
        {.version = 2, .codec = TAMGA_CODEC_RAW},
        {.version = 0, .codec = TAMGA_CODEC_RAW},
        {.version = 1, .codec = 0x71},
    };

    for (size_t i = 0; i < 3; i++) {
        struct tamga_dag_walker *walker = NULL;

        cr_assert_eq(tamga_dag_walker_new(&walker, &bad[i], 1), TAMGA_E_BAD_CID);
        cr_assert_null(walker);
    }
}
