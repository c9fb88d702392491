/* The header's layout, its rules one by one, and its seal. */
#include "chain/header.h"

#include <criterion/criterion.h>

#include "chain/engine.h"
#include "crypto/hash.h"
#include "fixture.h"
#include "vectors.h"
#include "wire/wire.h"

#define T0 TEST_GENESIS_MS

static void count_up(struct tamga_hash *out, uint8_t from)
{
    for (size_t i = 0; i < sizeof out->byte; i++)
        out->byte[i] = (uint8_t)(from + i);
}

/*
 * Goal:   the layout is the one that the protocol draws, and the id its SHA-256.
 * Method: encode a header of known numbers, compare with bytes made elsewhere; back.
 */
Test(header, layout_is_the_golden_one)
{
    struct tamga_header header = {.version = 1,
                                  .height = 0x0102030405060708,
                                  .time_ms = 0x1112131415161718,
                                  .entry_count = 0x21222324,
                                  .target = 0x31323334,
                                  .nonce = 0x4142434445464748},
                        again;
    uint8_t golden[TAMGA_HEADER_BYTES], bytes[TAMGA_HEADER_BYTES];
    struct tamga_hash golden_id;
    struct tamga_block_id id;
    TAMGA_BUF text = {0};

    count_up(&header.chain.hash, 0x10);
    count_up(&header.parent.hash, 0x30);
    count_up(&header.body_root, 0x50);
    count_up(&header.state_root, 0x70);
    count_up(&header.anchor, 0x90);
    count_up(&header.miner.hash, 0xb0);
    cr_assert_eq(test_file_load(&text, TAMGA_TEST_VECTORS "/chain/header.txt"), TAMGA_OK);
    cr_assert_eq(text.len, 2 * sizeof golden + 1 + 64 + 1);
    text.data[2 * sizeof golden] = '\0';
    text.data[text.len - 1] = '\0';
    cr_assert_eq(tamga_from_hex(golden, sizeof golden, (char *)text.data), TAMGA_OK);
    cr_assert_eq(tamga_from_hex(golden_id.byte, 32, (char *)text.data + 2 * sizeof golden + 1),
                 TAMGA_OK);
    tamga_header_encode(bytes, &header);
    cr_assert_arr_eq(bytes, golden, sizeof golden);
    tamga_header_id(&id, &header);
    cr_assert(tamga_hash_equal(&id.hash, &golden_id));
    cr_assert_eq(tamga_header_decode(&again, tamga_span(golden, sizeof golden)), TAMGA_OK);
    tamga_header_encode(bytes, &again);
    cr_assert_arr_eq(bytes, golden, sizeof golden);
}

/*
 * Goal:   a header has 228 bytes, neither fewer nor more, and out stays if not.
 * Method: every other length up to 300.
 */
Test(header, has_one_length)
{
    uint8_t bytes[300] = {0};
    struct tamga_header header = {.version = 77};

    for (size_t len = 0; len <= sizeof bytes; len++) {
        if (len == TAMGA_HEADER_BYTES)
            continue;
        cr_assert_eq(tamga_header_decode(&header, tamga_span(bytes, len)), TAMGA_E_BAD_LENGTH);
        cr_assert_eq(header.version, 77);
    }
}

/* ---- rules, each alone ------------------------------------------------------------ */

static void bad_version(struct tamga_block *block)
{
    block->sealed.header.version = 2;
}
static void wrong_chain(struct tamga_block *block)
{
    block->sealed.header.chain = test_gateway()->id;
}
static void bad_height(struct tamga_block *block)
{
    block->sealed.header.height++;
}
static void lower_height(struct tamga_block *block)
{
    block->sealed.header.height--;
}
static void anchor(struct tamga_block *block)
{
    block->sealed.header.anchor.byte[0] = 1;
}
static void many_entries(struct tamga_block *block)
{
    block->sealed.header.entry_count = TEST_ENTRIES_MAX + 1;
}
static void median_time(struct tamga_block *block)
{
    block->sealed.header.time_ms = T0 + 1000; /* the median of genesis and its child */
}
static void future_time(struct tamga_block *block)
{
    block->sealed.header.time_ms = T0 + 5000 + TEST_DRIFT_MS + 1;
}
static void endless_time(struct tamga_block *block)
{
    block->sealed.header.time_ms = UINT64_MAX;
}
static void easier_target(struct tamga_block *block)
{
    block->sealed.header.target = 0x2100ffff;
}
static void harder_target(struct tamga_block *block)
{
    block->sealed.header.target = 0x207ffffe;
}

static const struct {
    const char *what;
    enum tamga_err expected;
    const char *miner;
    void (*change)(struct tamga_block *block);
} row[] = {
    {"version", TAMGA_E_BAD_VERSION, "node-a", bad_version},
    {"chain", TAMGA_E_WRONG_CHAIN, "node-a", wrong_chain},
    {"height", TAMGA_E_BAD_HEIGHT, "node-a", bad_height},
    {"height of the parent", TAMGA_E_BAD_HEIGHT, "node-a", lower_height},
    {"many entries", TAMGA_E_BLOCK_TOO_LARGE, "node-a", many_entries},
    {"median's time", TAMGA_E_TIME_TOO_OLD, "node-a", median_time},
    {"future", TAMGA_E_TIME_TOO_NEW, "node-a", future_time},
    {"beyond all clocks", TAMGA_E_TIME_TOO_NEW, "node-a", endless_time},
    {"easier target", TAMGA_E_BAD_TARGET, "node-a", easier_target},
    {"harder target", TAMGA_E_BAD_TARGET, "node-a", harder_target},
    {"an OEM mines", TAMGA_E_NOT_MINER, "acme", NULL},
    {"a gateway mines", TAMGA_E_NOT_MINER, "gw-1", NULL},
    {"a stranger mines", TAMGA_E_NEED_MEMBER, "stranger", NULL},
    {"good", TAMGA_OK, "node-b", NULL},
};

/*
 * Goal:   each rule of a header refuses alone and by its own name.
 * Method: one change to a good header, mined and sealed again; the clock stands at T0 +
 *         5 s.
 */
Test(header, each_rule_refuses_alone)
{
    struct test_node node;
    struct test_block first;

    test_node_open(&node, test_consortium());
    test_block_next(&first, node.chain, NULL, 0, 1);
    cr_assert_eq(tamga_engine_add_block(node.engine, &first.block, T0 + 5000, NULL), TAMGA_OK);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct test_block block;
        TAMGA_BUF payload = {0};
        enum tamga_err err;
        size_t added;

        test_release(&payload, NULL, &(struct test_release){.counter = 2});
        test_block_on(&block, node.chain, &first.trail, row[i].miner, 0, &payload, 1,
                      row[i].change);
        err = tamga_engine_add_headers(node.engine, &block.block.sealed, 1, T0 + 5000, &added,
                                       NULL);
        cr_assert_eq(err, row[i].expected, "%s: %s", row[i].what, tamga_err_name(err));
        cr_assert_eq(added, err == TAMGA_OK);
        test_block_clear(&block);
    }
    test_block_clear(&first);
    test_node_close(&node);
}

/*
 * Goal:   empty blocks follow one with entries, as many as the bound and no more; none
 *         comes before the first entry.
 * Method: one on genesis; then MAX and one more on a block with an entry, then an entry and
 *         one empty block again.
 */
Test(header, empty_runs_have_a_bound)
{
    const struct tamga_chain *chain = test_consortium();
    struct test_block block;
    struct tamga_trail trail;

    tamga_trail_start(&trail, &chain->genesis);
    test_block_on(&block, chain, NULL, "node-a", 0, NULL, 0, NULL);
    cr_assert_eq(tamga_header_validate(&chain->params, &trail, &block.block.sealed.header,
                                       &block.id, T0 + 5000, NULL),
                 TAMGA_E_EMPTY_BLOCK);
    test_block_clear(&block);
    for (uint64_t seed = 1; seed <= 2; seed++) {
        test_block_next(&block, chain, &trail, 0, seed);
        trail = block.trail;
        test_block_clear(&block);
        for (uint32_t run = 1; run <= TAMGA_EMPTY_RUN_MAX + 1; run++) {
            test_block_on(&block, chain, &trail, "node-a", 0, NULL, 0, NULL);
            cr_assert_eq(tamga_header_validate(&chain->params, &trail,
                                               &block.block.sealed.header, &block.id,
                                               T0 + 3600000, NULL),
                         run <= TAMGA_EMPTY_RUN_MAX ? TAMGA_OK : TAMGA_E_EMPTY_BLOCK);
            if (run <= TAMGA_EMPTY_RUN_MAX)
                trail = block.trail;
            test_block_clear(&block);
        }
    }
}

/*
 * Goal:   a trail that is loaded from the store equals the one that was pushed, also where
 *         the run of empty blocks is longer than the window of times, or ends in genesis.
 * Method: reopen an engine at genesis, after an entry and after each empty block up to the
 *         bound; push one more than that by hand: the count stays.
 */
Test(header, loaded_trails_equal_pushed_ones, .timeout = 60)
{
    struct test_node node;
    struct tamga_trail trail;

    test_node_open(&node, test_consortium());
    trail = *tamga_engine_tip(node.engine);
    for (uint32_t i = 0; i <= TAMGA_EMPTY_RUN_MAX + 1; i++) {
        const struct tamga_trail *tip = tamga_engine_tip(node.engine);
        struct test_block block;

        cr_assert_eq(trail.empty_run, i == 0 ? TAMGA_EMPTY_RUN_MAX : i - 1);
        cr_assert_eq(tip->empty_run, trail.empty_run);
        cr_assert_eq(tip->time_count, trail.time_count);
        cr_assert_arr_eq(tip->time_ms, trail.time_ms,
                         trail.time_count * sizeof trail.time_ms[0]);
        if (i == 0)
            test_block_next(&block, node.chain, &trail, 0, 1);
        else
            test_block_on(&block, node.chain, &trail, "node-a", 0, NULL, 0, NULL);
        trail = block.trail;
        if (i <= TAMGA_EMPTY_RUN_MAX)
            cr_assert_eq(tamga_engine_add_block(node.engine, &block.block, T0 + 3600000, NULL),
                         TAMGA_OK);
        test_block_clear(&block);
        cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
        test_node_reopen(&node);
    }
    cr_assert_eq(trail.empty_run, TAMGA_EMPTY_RUN_MAX);
    test_node_close(&node);
}

/*
 * Goal:   what stands where others have an anchor is the council, and only with the body it
 *         can be said whether it is right: then a wrong one condemns the block.
 * Method: a consortium block that states a council though none changed.
 */
Test(header, states_the_council_or_is_condemned)
{
    struct test_node node;
    struct tamga_trail trail;
    struct test_block block;
    TAMGA_BUF payload = {0};
    struct tamga_event event;

    test_node_open(&node, test_consortium());
    test_release(&payload, NULL, &(struct test_release){0});
    tamga_trail_start(&trail, &test_consortium()->genesis);
    test_block_on(&block, test_consortium(), NULL, "node-a", 0, &payload, 1, anchor);
    cr_assert_eq(tamga_header_validate(&test_consortium()->params, &trail,
                                       &block.block.sealed.header, &block.id, T0 + 5000, NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_engine_add_block(node.engine, &block.block, T0 + 5000, NULL), TAMGA_OK);
    cr_assert(tamga_engine_next_event(node.engine, &event));
    cr_assert_eq(event.kind, TAMGA_EVENT_INVALID);
    cr_assert_eq(event.err, TAMGA_E_BAD_COUNCIL);
    test_block_clear(&block);
    test_node_close(&node);
}

/*
 * Goal:   a clock that reaches the block's time within the drift accepts it.
 * Method: the same header, a millisecond before and at that moment.
 */
Test(header, drift_is_inclusive)
{
    struct tamga_trail trail;
    struct test_block block;
    const struct tamga_chain *chain = test_consortium();

    test_block_next(&block, chain, NULL, TEST_DRIFT_MS + 5, 1);
    tamga_trail_start(&trail, &chain->genesis);
    cr_assert_eq(tamga_header_validate(&chain->params, &trail, &block.block.sealed.header,
                                       &block.id, T0 + 4, NULL),
                 TAMGA_E_TIME_TOO_NEW);
    cr_assert_eq(tamga_header_validate(&chain->params, &trail, &block.block.sealed.header,
                                       &block.id, T0 + 5, NULL),
                 TAMGA_OK);
    test_block_clear(&block);
}

/*
 * Goal:   an unknown parent is told as such, another parent than the trail's as wrong.
 * Method: a header on a block that the engine never saw; the same asked of a trail.
 */
Test(header, parents_are_known_and_right)
{
    struct test_node node;
    struct test_block first, second;
    struct tamga_trail trail;
    size_t added;

    test_node_open(&node, test_consortium());
    test_block_next(&first, node.chain, NULL, 0, 1);
    test_block_next(&second, node.chain, &first.trail, 0, 2);
    cr_assert_eq(tamga_engine_add_headers(node.engine, &second.block.sealed, 1, T0 + 5000,
                                          &added, NULL),
                 TAMGA_E_NO_PARENT);
    tamga_trail_start(&trail, &node.chain->genesis);
    cr_assert_eq(tamga_header_validate(&node.chain->params, &trail,
                                       &second.block.sealed.header, &second.id, T0 + 5000,
                                       NULL),
                 TAMGA_E_BAD_PARENT);
    test_block_clear(&first);
    test_block_clear(&second);
    test_node_close(&node);
}

/*
 * Goal:   a header without its work is refused, whoever sealed it.
 * Method: a nonce whose hash misses the target, sealed rightly.
 */
Test(header, missing_work_is_refused)
{
    struct test_node node;
    struct test_block block;
    struct tamga_header *header = &block.block.sealed.header;
    struct tamga_hash digest;
    size_t added;

    test_node_open(&node, test_consortium());
    test_block_next(&block, node.chain, NULL, 0, 1);
    do {
        header->nonce++;
        tamga_header_id(&block.id, header);
    } while (block.id.hash.byte[0] < 0x80);
    tamga_seal_digest(&digest, header, &block.id);
    cr_assert_eq(tamga_private_key_sign(test_key("node-a"), &digest, &block.block.sealed.seal),
                 TAMGA_OK);
    cr_assert_eq(tamga_engine_add_headers(node.engine, &block.block.sealed, 1, T0 + 5000,
                                          &added, NULL),
                 TAMGA_E_BAD_WORK);
    test_block_clear(&block);
    test_node_close(&node);
}

/*
 * Goal:   no one-bit change of a sealed header is accepted.
 * Method: flip every bit of the header and of the seal alone.
 */
Test(header, refuses_every_flipped_bit, .timeout = 60)
{
    struct test_node node;
    struct test_block block;
    uint8_t bytes[TAMGA_HEADER_BYTES];
    size_t added;

    test_node_open(&node, test_consortium());
    test_block_next(&block, node.chain, NULL, 0, 1);
    tamga_header_encode(bytes, &block.block.sealed.header);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        struct tamga_sealed bad = block.block.sealed;
        enum tamga_err err;

        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(tamga_header_decode(&bad.header, tamga_span(bytes, sizeof bytes)),
                     TAMGA_OK);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        err = tamga_engine_add_headers(node.engine, &bad, 1, T0 + 5000, &added, NULL);
        cr_assert_neq(err, TAMGA_OK, "bit %zu", bit);
        cr_assert_neq(tamga_err_class(err), TAMGA_CLASS_LOCAL, "bit %zu", bit);
    }
    for (size_t bit = 0; bit < 8 * block.block.sealed.seal.len; bit++) {
        struct tamga_sealed bad = block.block.sealed;

        bad.seal.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(tamga_engine_add_headers(node.engine, &bad, 1, T0 + 5000, &added, NULL),
                     TAMGA_E_BAD_SEAL, "bit %zu", bit);
    }
    cr_assert_eq(tamga_engine_wanted_blocks(node.engine, &(struct tamga_block_id){0}, 1), 0);
    test_block_clear(&block);
    test_node_close(&node);
}

/*
 * Goal:   the median is that of the last 11 times, in whatever order they came.
 * Method: push times up and down; compare with values worked out by hand.
 */
Test(header, median_of_eleven)
{
    static const uint64_t time[] = {50, 10, 40, 20, 30, 60, 70, 90, 80, 100, 110};
    struct tamga_trail trail;
    struct tamga_header header = test_consortium()->genesis;

    header.time_ms = 5;
    tamga_trail_start(&trail, &header);
    cr_assert_eq(tamga_trail_median_ms(&trail), 5);
    for (size_t i = 0; i < 11; i++) {
        header.time_ms = time[i];
        tamga_trail_push(&trail, &header, &(struct tamga_block_id){0});
        if (i == 0)
            cr_assert_eq(tamga_trail_median_ms(&trail), 50); /* of two the later */
        if (i == 1)
            cr_assert_eq(tamga_trail_median_ms(&trail), 10);
    }
    cr_assert_eq(trail.time_count, TAMGA_MEDIAN_COUNT);
    cr_assert_eq(tamga_trail_median_ms(&trail), 60); /* genesis has left the window */
}

/*
 * Goal:   a sealed header comes back from the wire; what lacks a part is refused.
 * Method: lend and decode; then without seal, with a short header, with a short seal.
 */
Test(header, wire_form_round_trips)
{
    struct test_block block;
    struct tamga_sealed again;
    struct tamga_sealed_wire wire;
    uint8_t one[TAMGA_HEADER_BYTES], other[TAMGA_HEADER_BYTES];

    test_block_next(&block, test_consortium(), NULL, 0, 1);
    tamga_sealed_lend(&wire, &block.block.sealed);
    cr_assert_eq(tamga_sealed_decode(&again, &wire.message), TAMGA_OK);
    tamga_header_encode(one, &block.block.sealed.header);
    tamga_header_encode(other, &again.header);
    cr_assert_arr_eq(one, other, sizeof one);
    cr_assert_eq(tamga_seal_check(&again, &block.id,
                                  tamga_private_key_public(test_key("node-a"))),
                 TAMGA_OK);
    wire.message.header.len--;
    cr_assert_eq(tamga_sealed_decode(&again, &wire.message), TAMGA_E_BAD_LENGTH);
    wire.message.header.len++;
    wire.seal.value.len--;
    cr_assert_eq(tamga_sealed_decode(&again, &wire.message), TAMGA_E_BAD_SIGNATURE);
    wire.message.seal = NULL;
    cr_assert_eq(tamga_sealed_decode(&again, &wire.message), TAMGA_E_MISSING_FIELD);
    cr_assert_eq(tamga_sealed_decode(&again, NULL), TAMGA_E_MISSING_FIELD);
    test_block_clear(&block);
}
