/* The engine's life: mempool, mining, what is there after closing, and what is refused.
 * Branches: branch_test.c; detached blocks: detached_test.c. */
#include "chain/engine_internal.h"

#include <criterion/criterion.h>

#include "fixture.h"

#define T0 TEST_GENESIS_MS

static void submit_release(struct test_node *node, const struct test_release *release,
                           uint64_t now_ms, enum tamga_err expected)
{
    TAMGA_BUF payload = {0};

    test_release(&payload, NULL, release);
    cr_assert_eq(test_submit(node, &payload, now_ms), expected);
}

static void check_event(struct test_node *node, enum tamga_event_kind kind,
                        enum tamga_err err)
{
    struct tamga_event event;

    cr_assert(tamga_engine_next_event(node->engine, &event));
    cr_assert_eq(event.kind, kind);
    cr_assert_eq(event.err, err, "%s", tamga_err_name(event.err));
}

/* ---- mining and closing ----------------------------------------------------------- */

/*
 * Goal:   what was mined is there after closing, and the engine goes on from it.
 * Method: mine ten blocks, reopen, compare tip, work and median; mine one more.
 */
Test(engine, ten_blocks_survive_reopening)
{
    struct test_node node;
    struct tamga_trail before;

    test_node_open(&node, test_consortium());
    for (uint64_t i = 1; i <= 10; i++) {
        submit_release(&node, &(struct test_release){.counter = i}, T0 + 1000 * i, TAMGA_OK);
        cr_assert_eq(test_mine(&node, NULL, "node-a", T0 + 1000 * i), TAMGA_OK);
    }
    before = *tamga_engine_tip(node.engine);
    cr_assert_eq(before.tip.height, 10);
    test_node_reopen(&node);
    cr_assert(tamga_hash_equal(&tamga_engine_tip(node.engine)->tip_id.hash,
                               &before.tip_id.hash));
    cr_assert_eq(tamga_u256_compare(&tamga_engine_tip(node.engine)->work, &before.work), 0);
    cr_assert_eq(tamga_trail_median_ms(tamga_engine_tip(node.engine)),
                 tamga_trail_median_ms(&before));
    submit_release(&node, &(struct test_release){.counter = 11}, T0 + 11000, TAMGA_OK);
    cr_assert_eq(test_mine(&node, NULL, "node-b", T0 + 11000), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 11);
    test_node_close(&node);
}

/*
 * Goal:   nothing is in the store before a flush, everything after it.
 * Method: submit and reopen without flushing, then with.
 */
Test(engine, pending_entries_survive_after_a_flush_only)
{
    struct test_node node;
    TAMGA_BUF payload = {0};
    struct tamga_entry_id id;

    test_release(&payload, &id, &(struct test_release){0});
    test_node_open(&node, test_consortium());
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_OK);
    test_node_reopen(&node);
    cr_assert_null(tamga_mempool_find(tamga_engine_mempool(node.engine), &id));
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_OK);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    test_node_reopen(&node);
    cr_assert_not_null(tamga_mempool_find(tamga_engine_mempool(node.engine), &id));
    cr_assert_eq(test_mine(&node, NULL, "node-a", T0 + 1), TAMGA_OK);
    test_node_reopen(&node);
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 0);
    test_node_close(&node);
}

/*
 * Goal:   the same entry again is known while it waits, and a duplicate once it is mined.
 * Method: submit three times, mining before the third.
 */
Test(engine, an_entry_is_taken_once)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct test_node node;
    TAMGA_BUF payload = {0};
    bool known;

    test_release(&payload, NULL, &(struct test_release){0});
    test_node_open(&node, test_consortium());
    for (int i = 0; i < 2; i++) {
        test_item(&item, node.chain, &payload);
        cr_assert_eq(tamga_engine_submit(node.engine, &item, T0, &known, NULL), TAMGA_OK);
        cr_assert_eq(known, i == 1);
        cr_assert_null(item.message); /* taken, either way */
    }
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 1);
    cr_assert_eq(test_mine(&node, NULL, "node-a", T0 + 1), TAMGA_OK);
    test_item(&item, node.chain, &payload);
    cr_assert_eq(tamga_engine_submit(node.engine, &item, T0, &known, NULL),
                 TAMGA_E_DUPLICATE_ENTRY);
    cr_assert_not_null(item.message); /* not taken */
    test_node_close(&node);
}

/*
 * Goal:   a producer's releases are mined in the order it signed them.
 * Method: submit counters 3, 1, 2, signed in the order of the counters; look at the block.
 */
Test(engine, a_block_is_ordered_by_signing_time)
{
    static const uint64_t order[] = {3, 1, 2};
    struct test_node node;
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};

    test_node_open(&node, test_consortium());
    for (size_t i = 0; i < 3; i++)
        submit_release(&node,
                       &(struct test_release){.counter = order[i], .time_ms = T0 + order[i]},
                       T0 + 10, TAMGA_OK);
    cr_assert_eq(test_mine(&node, &block, "node-a", T0 + 10), TAMGA_OK);
    cr_assert_eq(block.count, 3);
    for (size_t i = 0; i < 3; i++) {
        TAMGA_BUF payload = {0};

        test_release(&payload, NULL,
                     &(struct test_release){.counter = i + 1, .time_ms = T0 + i + 1});
        cr_assert(tamga_span_equal(tamga_buf_span(&payload), block.entry[i]));
    }
    test_node_close(&node);
}

/*
 * Goal:   a block is due by age, by number and by urgency, never when nothing waits.
 * Method: each alone; age also right after reopening, where entries come back by id.
 */
Test(engine, a_block_is_due_in_four_cases)
{
    struct test_node node;

    test_node_open(&node, test_consortium());
    cr_assert_not(tamga_engine_block_due(node.engine, T0 + 1000000));

    /* several, so that their order by id differs from that of their arrival */
    for (uint64_t i = 1; i <= 8; i++)
        submit_release(&node, &(struct test_release){.counter = i}, T0 + i, TAMGA_OK);
    cr_assert_not(tamga_engine_block_due(node.engine, T0 + TEST_WAIT_MS));
    cr_assert(tamga_engine_block_due(node.engine, T0 + 1 + TEST_WAIT_MS));
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    test_node_reopen(&node);
    cr_assert_not(tamga_engine_block_due(node.engine, T0 + TEST_WAIT_MS));
    cr_assert(tamga_engine_block_due(node.engine, T0 + 1 + TEST_WAIT_MS));
    cr_assert_eq(test_mine(&node, NULL, "node-a", T0 + 9), TAMGA_OK);

    submit_release(&node, &(struct test_release){.counter = 9, .urgent = true}, T0 + 10,
                   TAMGA_OK);
    cr_assert(tamga_engine_block_due(node.engine, T0 + 10));
    cr_assert_eq(test_mine(&node, NULL, "node-a", T0 + 10), TAMGA_OK);
    cr_assert_eq(tamga_engine_mempool(node.engine)->urgent_count, 0);
    test_node_close(&node);
}

/* A chain of the fixture's network whose blocks hold at most `entries`. */
static struct tamga_chain small_chain(uint32_t entries)
{
    struct tamga_chain chain = *test_consortium();

    chain.params.block_entries_max = entries;
    return chain;
}

/*
 * Goal:   a full block is due at once, takes what fits, and leaves the rest waiting.
 * Method: a chain of two entries a block; submit three at one moment.
 */
Test(engine, a_full_block_is_due_and_the_rest_waits)
{
    struct tamga_chain chain = small_chain(2);
    struct test_node node;

    test_node_open(&node, &chain);
    submit_release(&node, &(struct test_release){.counter = 1}, T0, TAMGA_OK);
    cr_assert_not(tamga_engine_block_due(node.engine, T0));
    submit_release(&node, &(struct test_release){.counter = 2, .time_ms = T0 + 1}, T0,
                   TAMGA_OK);
    cr_assert(tamga_engine_block_due(node.engine, T0));
    submit_release(&node, &(struct test_release){.counter = 3, .time_ms = T0 + 2}, T0,
                   TAMGA_OK);
    cr_assert_eq(test_mine(&node, NULL, "node-a", T0 + 5), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.entry_count, 2);
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 1);
    test_node_close(&node);
}

/*
 * Goal:   bytes bound a block too.
 * Method: a bound just above two entries; three wait.
 */
Test(engine, bytes_bound_a_block)
{
    struct tamga_chain chain = *test_consortium();
    struct test_node node;
    TAMGA_BUF payload = {0};

    test_release(&payload, NULL, &(struct test_release){0});
    chain.params.block_bytes_max = (uint32_t)payload.len * 2 + 20;
    test_node_open(&node, &chain);
    for (uint64_t i = 1; i <= 3; i++)
        submit_release(&node, &(struct test_release){.counter = i, .time_ms = T0 + i}, T0 + 3,
                       TAMGA_OK);
    cr_assert(tamga_engine_block_due(node.engine, T0 + 3));
    cr_assert_eq(test_mine(&node, NULL, "node-a", T0 + 5), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.entry_count, 2);
    test_node_close(&node);
}

/*
 * Goal:   what can never be valid any more is dropped on proposing, with its reason; what
 *         is only early waits on.
 * Method: a release that expired meanwhile, and one from a clock ahead of the miner's.
 */
Test(engine, proposing_drops_the_dead_and_keeps_the_early)
{
    struct test_node node;
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    struct tamga_address miner;

    test_address(&miner, "node-a");
    test_node_open(&node, test_consortium());
    submit_release(&node, &(struct test_release){.counter = 1, .expires_ms = T0 + 100}, T0,
                   TAMGA_OK);
    submit_release(&node,
                   &(struct test_release){.counter = 2, .time_ms = T0 + TEST_DRIFT_MS + 500},
                   T0 + 500, TAMGA_OK);
    cr_assert_eq(tamga_engine_propose(node.engine, &block, &miner, T0 + 200),
                 TAMGA_E_NOT_FOUND);
    check_event(&node, TAMGA_EVENT_DROPPED, TAMGA_E_RELEASE_EXPIRED);
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 1);
    cr_assert_eq(tamga_engine_propose(node.engine, &block, &miner, T0 + 500), TAMGA_OK);
    test_node_close(&node);
}

/*
 * Goal:   a miner whose clock is behind the chain still proposes a valid block.
 * Method: propose at a time before the tip's.
 */
Test(engine, proposes_above_the_median)
{
    struct test_node node;

    test_node_open(&node, test_consortium());
    submit_release(&node, &(struct test_release){.counter = 1}, T0, TAMGA_OK);
    cr_assert_eq(test_mine(&node, NULL, "node-a", T0 - 30000), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.time_ms, T0 + 1);
    test_node_close(&node);
}

/* ---- bodies ----------------------------------------------------------------------- */

/*
 * Goal:   a wrong body says nothing about its header: the right one is still taken.
 * Method: the block with an entry less, with another entry, with two entries swapped.
 */
Test(engine, a_wrong_body_does_not_condemn_its_header)
{
    struct test_node node;
    struct test_block good;
    TAMGA_BUF one = {0};
    TAMGA_BUF two = {0};
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block less = {0};
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block swapped = {0};

    test_node_open(&node, test_consortium());
    test_release(&one, NULL, &(struct test_release){.counter = 1});
    test_release(&two, NULL, &(struct test_release){.counter = 2});
    test_block_on(&good, node.chain, NULL, "node-a", 0, (struct tamga_buf[]){one, two}, 2,
                  NULL);
    less.sealed = swapped.sealed = good.block.sealed;
    cr_assert_eq(tamga_block_add(&less, tamga_buf_span(&one)), TAMGA_OK);
    cr_assert_eq(tamga_block_add(&swapped, tamga_buf_span(&two)), TAMGA_OK);
    cr_assert_eq(tamga_block_add(&swapped, tamga_buf_span(&one)), TAMGA_OK);
    cr_assert_eq(tamga_engine_add_block(node.engine, &less, T0, NULL), TAMGA_E_BAD_COUNT);
    cr_assert_eq(tamga_engine_add_block(node.engine, &swapped, T0, NULL), TAMGA_E_BAD_ROOT);
    cr_assert_eq(tamga_engine_add_block(node.engine, &good.block, T0, NULL), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 1);
    cr_assert_eq(tamga_engine_add_block(node.engine, &good.block, T0, NULL), TAMGA_OK);
    test_block_clear(&good);
    test_node_close(&node);
}

static void check_condemned(const struct tamga_buf *payload, size_t count,
                            enum tamga_err expected)
{
    struct test_node node, fresh;
    struct test_block bad;

    test_node_open(&node, test_consortium());
    test_node_open(&fresh, test_consortium());
    test_block_on(&bad, node.chain, NULL, "node-a", 0, payload, count, NULL);
    cr_assert_eq(tamga_engine_add_block(node.engine, &bad.block, T0, NULL), TAMGA_OK);
    check_event(&node, TAMGA_EVENT_INVALID, expected);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 0);
    cr_assert_eq(tamga_engine_add_block(node.engine, &bad.block, T0, NULL),
                 TAMGA_E_INVALID_ANCESTOR);
    cr_assert_eq(tamga_engine_wanted_blocks(node.engine, &(struct tamga_block_id){0}, 1), 0);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    cr_assert(test_same_content(node.store, fresh.store,
                                ~(1u << TAMGA_FAMILY_HEADER | 1u << TAMGA_FAMILY_BODY)));
    test_block_clear(&bad);
    test_node_close(&fresh);
    test_node_close(&node);
}

/*
 * Goal:   a block that holds the same entry twice is condemned.
 * Method: one release, twice.
 */
Test(engine, an_entry_twice_condemns_a_block)
{
    TAMGA_BUF one = {0};

    test_release(&one, NULL, &(struct test_release){0});
    check_condemned((struct tamga_buf[]){one, one}, 2, TAMGA_E_ENTRY_TWICE);
}

static void break_signature(Tamga__V1__Signed *message)
{
    message->signature->value.data[5] ^= 1;
}

/*
 * Goal:   a miner cannot bring in what no node would take into its mempool.
 * Method: a forged signature, a broken rule between two entries, and bytes that are no
 *         transaction at all, after one good entry each.
 */
Test(engine, a_bad_entry_condemns_a_block)
{
    struct tamga_buf payload[2] = {0};

    test_release(&payload[0], NULL, &(struct test_release){.counter = 2});
    test_release(&payload[1], NULL,
                 &(struct test_release){.counter = 3, .forge = break_signature});
    check_condemned(payload, 2, TAMGA_E_BAD_SIGNATURE);
    test_release(&payload[1], NULL, &(struct test_release){.counter = 2, .image = 1});
    check_condemned(payload, 2, TAMGA_E_COUNTER_USED);
    cr_assert_eq(tamga_buf_set(&payload[1], tamga_span("\x0a\x7f", 2)), TAMGA_OK);
    check_condemned(payload, 2, TAMGA_E_TRUNCATED);
    tamga_buf_clear(&payload[0]);
    tamga_buf_clear(&payload[1]);
}

/*
 * Goal:   a forged signature is caught also where a good one of the same id waits: the
 *         mempool's yes holds for its exact bytes alone.
 * Method: submit a release, then a block with it under another signature.
 */
Test(engine, the_mempool_does_not_vouch_for_another_signature)
{
    struct test_node node;
    struct test_block bad;
    TAMGA_BUF good = {0};
    TAMGA_BUF forged = {0};

    test_node_open(&node, test_consortium());
    test_release(&good, NULL, &(struct test_release){0});
    test_release(&forged, NULL, &(struct test_release){.forge = break_signature});
    cr_assert_eq(test_submit(&node, &good, T0), TAMGA_OK);
    test_block_on(&bad, node.chain, NULL, "node-a", 0, &forged, 1, NULL);
    cr_assert_eq(tamga_engine_add_block(node.engine, &bad.block, T0, NULL), TAMGA_OK);
    check_event(&node, TAMGA_EVENT_INVALID, TAMGA_E_BAD_SIGNATURE);
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 1);
    test_block_clear(&bad);
    test_node_close(&node);
}

static unsigned decoded, verified;

static enum tamga_err counted_decode(const struct tamga_chain *chain, struct tamga_item *item,
                                     struct tamga_span untrusted, struct tamga_detail *detail)
{
    decoded++;
    return tamga_rules_consortium.decode(chain, item, untrusted, detail);
}

static enum tamga_err counted_verify(const struct tamga_chain *chain,
                                     const struct tamga_item *item,
                                     struct tamga_detail *detail)
{
    verified++;
    return tamga_rules_consortium.verify(chain, item, detail);
}

/*
 * Goal:   what was done before is not done again: an entry that waits is neither decoded
 *         nor verified in a block, one of a verified block is not verified.
 * Method: count, for a block of two entries whose first waits; told to be verified, or not.
 */
Test(engine, known_entries_are_judged_once)
{
    for (unsigned told = 0; told < 2; told++) {
        struct tamga_rules rules = tamga_rules_consortium;
        struct tamga_chain chain = *test_consortium();
        struct tamga_buf payload[2] = {0};
        struct test_node node;
        struct test_block block;

        rules.decode = counted_decode;
        rules.verify = counted_verify;
        chain.rules = &rules;
        test_node_open(&node, &chain);
        for (uint64_t i = 0; i < 2; i++)
            test_release(&payload[i], NULL, &(struct test_release){.counter = i + 1});
        cr_assert_eq(test_submit(&node, &payload[0], T0), TAMGA_OK);
        test_block_on(&block, test_consortium(), NULL, "node-a", 0, payload, 2, NULL);
        block.block.verified = told == 1;
        decoded = verified = 0;
        cr_assert_eq(tamga_engine_add_block(node.engine, &block.block, T0, NULL), TAMGA_OK);
        cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 1);
        cr_assert_eq(decoded, 1);
        cr_assert_eq(verified, 1 - told);
        test_block_clear(&block);
        test_node_close(&node);
        tamga_buf_clear(&payload[0]);
        tamga_buf_clear(&payload[1]);
    }
}

/*
 * Goal:   a block with more bytes than allowed is condemned though its root fits.
 * Method: a chain of small blocks, and a block of two entries.
 */
Test(engine, too_many_bytes_condemn_a_block)
{
    struct tamga_chain chain = *test_consortium();
    struct test_node node;
    struct test_block bad;
    struct tamga_buf payload[2] = {0};

    test_release(&payload[0], NULL, &(struct test_release){.counter = 1});
    test_release(&payload[1], NULL, &(struct test_release){.counter = 2});
    chain.params.block_bytes_max = (uint32_t)payload[0].len + 20;
    test_node_open(&node, &chain);
    test_block_on(&bad, &chain, NULL, "node-a", 0, payload, 2, NULL);
    cr_assert_eq(tamga_engine_add_block(node.engine, &bad.block, T0, NULL), TAMGA_OK);
    check_event(&node, TAMGA_EVENT_INVALID, TAMGA_E_BLOCK_TOO_LARGE);
    test_block_clear(&bad);
    test_node_close(&node);
    tamga_buf_clear(&payload[0]);
    tamga_buf_clear(&payload[1]);
}

/*
 * Goal:   no block can be held that could not be written and read again.
 * Method: entries at and beyond the wire's bounds.
 */
Test(block, entries_have_the_wires_bounds)
{
    static uint8_t zeros[TAMGA_ENTRY_BYTES_MAX + 1];
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};

    cr_assert_eq(tamga_block_add(&block, tamga_span(zeros, 0)), TAMGA_E_BAD_LENGTH);
    cr_assert_eq(tamga_block_add(&block, tamga_span(zeros, sizeof zeros)),
                 TAMGA_E_BLOCK_TOO_LARGE);
    for (size_t i = 0; i < TAMGA_BODY_BYTES_MAX / TAMGA_ENTRY_BYTES_MAX; i++)
        cr_assert_eq(tamga_block_add(&block, tamga_span(zeros, TAMGA_ENTRY_BYTES_MAX)),
                     TAMGA_OK);
    cr_assert_eq(tamga_block_add(&block, tamga_span(zeros, 1)), TAMGA_E_BLOCK_TOO_LARGE);
    tamga_block_clear(&block);
    for (size_t i = 0; i < TAMGA_BLOCK_ENTRIES_MAX; i++)
        cr_assert_eq(tamga_block_add(&block, tamga_span(zeros, 1)), TAMGA_OK);
    cr_assert_eq(tamga_block_add(&block, tamga_span(zeros, 1)), TAMGA_E_BLOCK_TOO_LARGE);
}

/* ---- compact announcements -------------------------------------------------------- */

/*
 * Goal:   who has the entries builds the block; who lacks one, or has it under another
 *         signature, asks for the whole.
 * Method: bolt's P-256 signatures differ each time, so two payloads of one id exist.
 */
Test(engine, assembles_announced_blocks)
{
    struct test_node node;
    struct test_block mined;
    struct tamga_entry_id id[2];
    struct tamga_buf payload[2] = {0};
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block built = {0};
    const struct test_release bolts = {.sender = "bolt", .producer = "bolt", .model = "pump"};

    test_release(&payload[0], &id[0], &(struct test_release){0});
    test_release(&payload[1], &id[1], &bolts);
    test_node_open(&node, test_consortium());
    test_block_on(&mined, node.chain, NULL, "node-a", 0, payload, 2, NULL);
    cr_assert_eq(test_submit(&node, &payload[0], T0), TAMGA_OK);
    cr_assert_eq(tamga_engine_assemble(node.engine, &built, &mined.block.sealed, id, 2),
                 TAMGA_E_NOT_FOUND);
    cr_assert_eq(test_submit(&node, &payload[1], T0), TAMGA_OK);
    cr_assert_eq(tamga_engine_assemble(node.engine, &built, &mined.block.sealed, id, 1),
                 TAMGA_E_NOT_FOUND);
    cr_assert_eq(tamga_engine_assemble(node.engine, &built, &mined.block.sealed, id, 2),
                 TAMGA_OK);
    cr_assert_eq(tamga_engine_add_block(node.engine, &built, T0, NULL), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 1);
    test_node_close(&node);

    test_node_open(&node, test_consortium());
    cr_assert_eq(test_submit(&node, &payload[0], T0), TAMGA_OK);
    test_release(&payload[1], &id[1], &bolts);
    cr_assert_eq(test_submit(&node, &payload[1], T0), TAMGA_OK);
    cr_assert_eq(tamga_engine_assemble(node.engine, &built, &mined.block.sealed, id, 2),
                 TAMGA_E_NOT_FOUND);
    cr_assert_eq(tamga_engine_add_block(node.engine, &mined.block, T0, NULL), TAMGA_OK);
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 0);
    test_block_clear(&mined);
    test_node_close(&node);
    tamga_buf_clear(&payload[0]);
    tamga_buf_clear(&payload[1]);
}

/*
 * Goal:   what a block makes impossible leaves the mempool, and the reason is the rule's.
 * Method: rivals for a counter and for an image wait; a block brings what they lose to.
 */
Test(engine, a_block_drops_what_claims_the_same)
{
    struct test_node node;
    struct test_block block;
    struct tamga_buf payload[2] = {0};

    test_node_open(&node, test_consortium());
    submit_release(&node, &(struct test_release){.counter = 1, .image = 100}, T0, TAMGA_OK);
    submit_release(&node, &(struct test_release){.counter = 9, .image = 2}, T0, TAMGA_OK);
    test_release(&payload[0], NULL, &(struct test_release){.counter = 1, .image = 1});
    test_release(&payload[1], NULL, &(struct test_release){.counter = 2, .image = 2});
    test_block_on(&block, node.chain, NULL, "node-b", 0, payload, 2, NULL);
    cr_assert_eq(tamga_engine_add_block(node.engine, &block.block, T0, NULL), TAMGA_OK);
    check_event(&node, TAMGA_EVENT_TIP, TAMGA_OK);
    check_event(&node, TAMGA_EVENT_DROPPED, TAMGA_E_COUNTER_USED);
    check_event(&node, TAMGA_EVENT_DROPPED, TAMGA_E_DUPLICATE_IMAGE);
    cr_assert_eq(tamga_engine_mempool(node.engine)->count, 0);
    test_block_clear(&block);
    test_node_close(&node);
    tamga_buf_clear(&payload[0]);
    tamga_buf_clear(&payload[1]);
}

/*
 * Goal:   a store of another chain is refused, a damaged one too, and neither is changed.
 * Method: open the consortium's store as a gateway's; remove the tip's header.
 */
Test(engine, foreign_and_damaged_stores_are_refused)
{
    struct test_node node;
    struct tamga_engine *other = NULL;
    struct tamga_block_id tip;
    TAMGA_BUF before = {0};
    TAMGA_BUF after = {0};

    test_node_open(&node, test_consortium());
    test_dump(&before, node.store, 0);
    cr_assert_eq(tamga_engine_open(&other, test_gateway(), node.store, NULL),
                 TAMGA_E_STORE_FOREIGN);
    test_dump(&after, node.store, 0);
    cr_assert(tamga_span_equal(tamga_buf_span(&before), tamga_buf_span(&after)));
    tip = tamga_engine_tip(node.engine)->tip_id;
    cr_assert_eq(node.store->ops->write(node.store,
                                        &(struct tamga_write){.family = TAMGA_FAMILY_HEADER,
                                                              .erase = true,
                                                              .key = tamga_hash_span(
                                                                  &tip.hash)},
                                        1, true),
                 TAMGA_OK);
    cr_assert_eq(tamga_engine_open(&other, node.chain, node.store, NULL),
                 TAMGA_E_STORE_CORRUPT);
    cr_assert_null(other);
    test_node_close(&node);
}

/*
 * Goal:   a flood of dropped entries never hides a new tip, and what found no room is
 *         counted; steps straight on are one event, a switch is one of its own.
 * Method: tell more drops than there is room for, then tips.
 */
Test(engine, tips_are_told_whatever_else_is)
{
    struct test_node node;
    struct tamga_event event = {.kind = TAMGA_EVENT_DROPPED};
    size_t dropped = 0;

    test_node_open(&node, test_consortium());
    for (size_t i = 0; i < TAMGA_EVENTS_MAX + 10; i++)
        engine_tell(node.engine, &event);
    for (uint64_t height = 1; height <= 5000; height++) {
        event = (struct tamga_event){.kind = TAMGA_EVENT_TIP, .height = height};
        engine_tell(node.engine, &event);
    }
    event.depth = 3;
    engine_tell(node.engine, &event);
    cr_assert_eq(tamga_engine_take_lost(node.engine), 10 + 64);
    cr_assert_eq(tamga_engine_take_lost(node.engine), 0);
    while (tamga_engine_next_event(node.engine, &event) && event.kind == TAMGA_EVENT_DROPPED)
        dropped++;
    cr_assert_eq(dropped, TAMGA_EVENTS_MAX - 64);
    cr_assert_eq(event.height, 5000);
    cr_assert_eq(event.depth, 0);
    cr_assert(tamga_engine_next_event(node.engine, &event));
    cr_assert_eq(event.depth, 3);
    cr_assert_not(tamga_engine_next_event(node.engine, &event));
    test_node_close(&node);
}
