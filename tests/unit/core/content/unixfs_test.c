/* dag-pb around UnixFS: exactly the bytes of `ipfs add`, and no others. */
#include "content/unixfs.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "blocks.h"

#define CID_V0 "\x12\x20" "0123456789abcdef0123456789abcdef"
/* One link of 44 bytes with Tsize 9, and what stands around it. */
#define LINK_BODY "\x0a\x22" CID_V0 "\x12\x00" "\x18\x09"
#define LINK "\x12\x28" LINK_BODY
#define TWO_LINKS LINK LINK "\x0a\x09\x08\x02\x18\xc8\x01\x20\x64\x20\x64"
#define BYTES(text) tamga_span(text, sizeof(text) - 1)

static enum tamga_err decode(struct tamga_span block)
{
    TAMGA_CLEANUP(tamga_unixfs_clear) struct tamga_unixfs_node node = {0};

    return tamga_unixfs_decode(&node, block);
}

/* What decodes, encodes to the same bytes. */
static bool decodes_canonically(struct tamga_span block)
{
    TAMGA_CLEANUP(tamga_unixfs_clear) struct tamga_unixfs_node node = {0};
    TAMGA_BUF again = {0};
    enum tamga_err err = tamga_unixfs_decode(&node, block);

    if (err != TAMGA_OK) {
        cr_assert_eq(err, TAMGA_E_BAD_DAG);
        return false;
    }
    cr_assert_eq(tamga_unixfs_encode(&again, &node), TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_buf_span(&again), block));
    return true;
}

/*
 * Goal:   the three shapes decode to what they say.
 * Method: an empty leaf, a leaf of three bytes, a node of two links, byte by byte.
 */
Test(content_unixfs, decodes_what_kubo_writes)
{
    struct tamga_unixfs_node node;

    cr_assert(decodes_canonically(BYTES("\x0a\x04\x08\x02\x18\x00")));
    cr_assert(decodes_canonically(BYTES("\x0a\x09\x08\x02\x12\x03" "abc" "\x18\x03")));
    cr_assert(decodes_canonically(BYTES("\x0a\x09\x08\x00\x12\x03" "abc" "\x18\x03")));
    cr_assert(decodes_canonically(BYTES(TWO_LINKS)));
    cr_assert_eq(tamga_unixfs_decode(&node, BYTES(TWO_LINKS)), TAMGA_OK);
    cr_assert_eq(node.type, TAMGA_UNIXFS_FILE);
    cr_assert_eq(node.link_count, 2);
    cr_assert_eq(node.file_bytes, 200);
    cr_assert_eq(node.data.len, 0);
    cr_assert_eq(node.link[1].file_bytes, 100);
    cr_assert_eq(node.link[1].tree_bytes, 9);
    cr_assert_eq(node.link[1].cid.digest.byte[0], '0');
    tamga_unixfs_clear(&node);
}

/*
 * Goal:   no other form is taken.
 * Method: each rule broken alone, in bytes written by hand.
 */
Test(content_unixfs, refuses_every_other_form)
{
    static const struct {
        const char *why;
        struct tamga_span block;
    } bad[] = {
        {"nothing", {(const uint8_t *)"", 0}},
#define BAD(why, text) {why, {(const uint8_t *)text, sizeof(text) - 1}}
        BAD("no UnixFS", LINK),
        BAD("empty UnixFS", "\x0a\x00"),
        BAD("directory", "\x0a\x02\x08\x01"),
        BAD("directory with a size", "\x0a\x04\x08\x01\x18\x00"),
        BAD("symlink", "\x0a\x09\x08\x04\x12\x03" "abc" "\x18\x03"),
        BAD("sharded directory", "\x0a\x04\x08\x05\x18\x00"),
        BAD("empty data written", "\x0a\x06\x08\x02\x12\x00\x18\x00"),
        BAD("size absent", "\x0a\x07\x08\x02\x12\x03" "abc"),
        BAD("size too small", "\x0a\x09\x08\x02\x12\x03" "abc" "\x18\x02"),
        BAD("size too large", "\x0a\x09\x08\x02\x12\x03" "abc" "\x18\x04"),
        BAD("size without data", "\x0a\x04\x08\x02\x18\x01"),
        BAD("type absent", "\x0a\x07\x12\x03" "abc" "\x18\x03"),
        BAD("type twice", "\x0a\x06\x08\x02\x08\x02\x18\x00"),
        BAD("data twice", "\x0a\x0b\x08\x02\x12\x01" "a" "\x12\x01" "b" "\x18\x02"),
        BAD("size twice", "\x0a\x06\x08\x02\x18\x00\x18\x00"),
        BAD("size before data", "\x0a\x09\x08\x02\x18\x03\x12\x03" "abc"),
        BAD("hash type", "\x0a\x06\x08\x02\x18\x00\x28\x00"),
        BAD("mode", "\x0a\x07\x08\x02\x18\x00\x38\xa4\x03"),
        BAD("padded type", "\x0a\x05\x08\x82\x00\x18\x00"),
        BAD("padded length", "\x0a\x84\x00\x08\x02\x18\x00"),
        BAD("padded size", "\x0a\x05\x08\x02\x18\x80\x00"),
        BAD("size beyond 64 bits",
            "\x0a\x0d\x08\x02\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
        BAD("size of 11 bytes",
            "\x0a\x0e\x08\x02\x18\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"),
        BAD("length of 2^64-1", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" "x"),
        BAD("bytes behind", "\x0a\x04\x08\x02\x18\x00" "x"),
        BAD("UnixFS twice", "\x0a\x04\x08\x02\x18\x00\x0a\x04\x08\x02\x18\x00"),
        BAD("unknown field of the node", "\x0a\x04\x08\x02\x18\x00\x1a\x00"),
        BAD("links behind the data", "\x0a\x06\x08\x02\x18\x64\x20\x64" LINK),
        BAD("no child size", LINK "\x0a\x04\x08\x02\x18\x00"),
        BAD("a child size without link", "\x0a\x06\x08\x02\x18\x64\x20\x64"),
        BAD("a child size too many", LINK "\x0a\x08\x08\x02\x18\x64\x20\x32\x20\x32"),
        BAD("sum too small", LINK "\x0a\x06\x08\x02\x18\x64\x20\x63"),
        BAD("sum too large", LINK "\x0a\x06\x08\x02\x18\x64\x20\x65"),
        BAD("an empty child", LINK LINK "\x0a\x08\x08\x02\x18\x64\x20\x64\x20\x00"),
        BAD("only an empty child", LINK "\x0a\x06\x08\x02\x18\x00\x20\x00"),
        BAD("packed child sizes", LINK LINK "\x0a\x08\x08\x02\x18\x64\x22\x02\x32\x32"),
        BAD("sum beyond 64 bits",
            LINK LINK "\x0a\x17\x08\x02\x18\x01"
            "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x20\x02"),
        BAD("links and data", LINK "\x0a\x09\x08\x02\x12\x01" "a" "\x18\x65\x20\x64"),
        BAD("links under Raw", LINK "\x0a\x06\x08\x00\x18\x64\x20\x64"),
        BAD("a named link",
            "\x12\x29\x0a\x22" CID_V0 "\x12\x01" "n" "\x18\x09\x0a\x06\x08\x02\x18\x64\x20\x64"),
        BAD("a link without name",
            "\x12\x26\x0a\x22" CID_V0 "\x18\x09\x0a\x06\x08\x02\x18\x64\x20\x64"),
        BAD("a link without size",
            "\x12\x26\x0a\x22" CID_V0 "\x12\x00\x0a\x06\x08\x02\x18\x64\x20\x64"),
        BAD("a link without id", "\x12\x04\x12\x00\x18\x09\x0a\x06\x08\x02\x18\x64\x20\x64"),
        BAD("an empty link", "\x12\x00\x0a\x06\x08\x02\x18\x64\x20\x64"),
        BAD("a link with more",
            "\x12\x2a" LINK_BODY "\x20\x01\x0a\x06\x08\x02\x18\x64\x20\x64"),
        BAD("an identity id",
            "\x12\x0b\x0a\x05\x01\x55\x00\x01" "a" "\x12\x00\x18\x01"
            "\x0a\x06\x08\x02\x18\x01\x20\x01"),
        BAD("an id of SHA-1",
            "\x12\x1c\x0a\x16\x11\x14" "0123456789abcdef0123" "\x12\x00\x18\x01"
            "\x0a\x06\x08\x02\x18\x01\x20\x01"),
        BAD("an id of dag-cbor",
            "\x12\x2a\x0a\x24\x01\x71" CID_V0 "\x12\x00\x18\x09\x0a\x06\x08\x02\x18\x64\x20\x64"),
#undef BAD
    };
    static const char good[] = LINK "\x0a\x06\x08\x02\x18\x64\x20\x64";

    cr_assert_eq(decode(BYTES(good)), TAMGA_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(decode(bad[i].block), TAMGA_E_BAD_DAG, "took %s", bad[i].why);
}

/* Encode a node of the kind, with numbers of one to ten bytes in it. */
static void encode_sample(struct tamga_buf *out, bool inner)
{
    struct tamga_unixfs_link link[4] = {0};
    struct tamga_unixfs_node node = {.type = TAMGA_UNIXFS_FILE};
    static const uint64_t bytes[4] = {1, 300, 70000, (uint64_t)1 << 62};

    for (size_t i = 0; i < 4; i++) {
        link[i].cid = (struct tamga_cid){
            .version = i % 2, .codec = i == 1 ? TAMGA_CODEC_RAW : TAMGA_CODEC_DAG_PB};
        link[i].file_bytes = bytes[i];
        link[i].tree_bytes = bytes[i] + 11;
        node.file_bytes += bytes[i];
    }
    node.link = link;
    node.link_count = 4;
    if (!inner)
        node = (struct tamga_unixfs_node){
            .type = TAMGA_UNIXFS_FILE, .data = tamga_span_text("twenty bytes of data"),
            .file_bytes = 20};
    cr_assert_eq(tamga_unixfs_encode(out, &node), TAMGA_OK);
}

/*
 * Goal:   a cut node is refused wherever it is cut.
 * Method: every shorter length of a leaf and of a node; copied, so that the sanitizer
 *         sees a read behind the end.
 */
Test(content_unixfs, refuses_every_truncation)
{
    for (int inner = 0; inner < 2; inner++) {
        TAMGA_BUF block = {0};

        encode_sample(&block, inner);
        cr_assert_eq(decode(tamga_buf_span(&block)), TAMGA_OK);
        for (size_t len = 0; len < block.len; len++) {
            uint8_t *cut = malloc(len + 1);

            cr_assert_not_null(cut);
            memcpy(cut + 1, block.data, len);
            cr_assert_eq(decode(tamga_span(cut + 1, len)), TAMGA_E_BAD_DAG);
            free(cut);
        }
    }
}

/*
 * Goal:   no flipped bit leads to a second form of one node, or to a crash.
 * Method: each bit alone, and each byte set to each value.
 */
Test(content_unixfs, changed_nodes_are_refused_or_other_nodes)
{
    for (int inner = 0; inner < 2; inner++) {
        TAMGA_BUF block = {0};

        encode_sample(&block, inner);
        for (size_t i = 0; i < block.len; i++) {
            uint8_t was = block.data[i];

            for (unsigned value = 0; value < 256; value++) {
                block.data[i] = (uint8_t)value;
                (void)decodes_canonically(tamga_buf_span(&block));
            }
            block.data[i] = was;
        }
    }
}

/* A node of count links, each as short as can be, and its sizes of one byte. */
static void encode_widest(struct tamga_buf *out, size_t count)
{
    struct tamga_unixfs_link *link = calloc(count, sizeof *link);
    struct tamga_unixfs_node node = {.type = TAMGA_UNIXFS_FILE};

    cr_assert_not_null(link);
    for (size_t i = 0; i < count; i++)
        link[i] = (struct tamga_unixfs_link){
            .cid = {.codec = TAMGA_CODEC_DAG_PB}, .tree_bytes = 1, .file_bytes = 1};
    node.link = link;
    node.link_count = count;
    node.file_bytes = count;
    cr_assert_eq(tamga_unixfs_encode(out, &node), TAMGA_OK);
    free(link);
}

/*
 * Goal:   a node may fill a block of 2 MiB, and not more.
 * Method: the widest node that fits, and one link more; a leaf beyond the bound.
 */
Test(content_unixfs, is_bounded_by_the_block_size)
{
    TAMGA_BUF block = {0};
    size_t fits = (TAMGA_BLOCK_BYTES_MAX - 12) / 44;

    encode_widest(&block, fits);
    cr_assert_leq(block.len, TAMGA_BLOCK_BYTES_MAX);
    cr_assert(decodes_canonically(tamga_buf_span(&block)));
    encode_widest(&block, fits + 1);
    cr_assert_gt(block.len, TAMGA_BLOCK_BYTES_MAX);
    cr_assert_eq(decode(tamga_buf_span(&block)), TAMGA_E_BAD_DAG);
}

/*
 * Goal:   links that are many and no links cost nothing.
 * Method: 2 MiB of links without a byte in them.
 */
Test(content_unixfs, refuses_a_million_empty_links)
{
    TAMGA_BUF block = {0};

    cr_assert_eq(tamga_buf_reserve(&block, TAMGA_BLOCK_BYTES_MAX), TAMGA_OK);
    for (; block.len < TAMGA_BLOCK_BYTES_MAX; block.len += 2)
        memcpy(block.data + block.len, "\x12\x00", 2);
    cr_assert_eq(decode(tamga_buf_span(&block)), TAMGA_E_BAD_DAG);
}
