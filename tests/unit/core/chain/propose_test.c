/* What is kept of a proposal: used for that block on that tip, and for nothing else. */
#include "chain/engine_internal.h"

#include <criterion/criterion.h>

#include "fixture.h"

#define T0      TEST_GENESIS_MS
#define ENTRIES 5u
#define CHAIN_MASK                                                                     \
    (1u << TAMGA_FAMILY_STATE | 1u << TAMGA_FAMILY_INDEX | 1u << TAMGA_FAMILY_ENTRY |  \
     1u << TAMGA_FAMILY_HEIGHT | 1u << TAMGA_FAMILY_META | 1u << TAMGA_FAMILY_UNDO |   \
     1u << TAMGA_FAMILY_MAP | 1u << TAMGA_FAMILY_BODY | 1u << TAMGA_FAMILY_PAYLOAD)

/* ---- a chain whose rules count how often they judge --------------------------------- */

static size_t judged;

static enum tamga_err counting(const struct tamga_chain *chain, const struct tamga_view *state,
                               const struct tamga_item *item, const struct tamga_moment *at,
                               struct tamga_detail *detail)
{
    judged++;
    return (chain->rules->detached ? &tamga_rules_gateway : &tamga_rules_consortium)
        ->check(chain, state, item, at, detail);
}

struct fixture {
    struct tamga_rules rules;
    struct tamga_chain chain;
    struct test_node node;
    struct tamga_buf payload[ENTRIES];
    struct tamga_block block; /* the proposal, sealed */
    struct tamga_block_id id;
};

static void open_chain(struct fixture *f, const struct tamga_chain *of)
{
    *f = (struct fixture){.rules = *of->rules, .chain = *of};
    f->rules.check = counting;
    f->chain.rules = &f->rules;
    test_node_open(&f->node, &f->chain);
}

static void submit_all(struct fixture *f, struct test_node *node)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        if (f->rules.detached)
            test_record(&f->payload[i], NULL,
                        &(struct test_record){.counter = i + 1, .release = i});
        else
            test_release(&f->payload[i], NULL,
                         &(struct test_release){.counter = i + 1, .time_ms = T0 + i});
        cr_assert_eq(test_submit(node, &f->payload[i], T0 + ENTRIES), TAMGA_OK);
    }
}

static void propose(struct fixture *f, uint64_t now_ms)
{
    const char *name = f->rules.detached ? "gw-1" : "node-a";
    struct tamga_address miner;

    test_address(&miner, name);
    cr_assert_eq(tamga_engine_propose(f->node.engine, &f->block, &miner, now_ms), TAMGA_OK);
    test_seal(&f->block.sealed, &f->id, name);
    judged = 0;
}

static void setup(struct fixture *f)
{
    open_chain(f, test_consortium());
    submit_all(f, &f->node);
    propose(f, T0 + 1000);
}

static void teardown(struct fixture *f)
{
    for (size_t i = 0; i < ENTRIES; i++)
        tamga_buf_clear(&f->payload[i]);
    tamga_block_clear(&f->block);
    test_node_close(&f->node);
}

static enum tamga_err add(struct fixture *f, const struct tamga_block *block)
{
    return tamga_engine_add_block(f->node.engine, block, T0 + TEST_DRIFT_MS, NULL);
}

static void check_tip(const struct fixture *f, const struct tamga_block_id *id)
{
    cr_assert(tamga_hash_equal(&tamga_engine_tip(f->node.engine)->tip_id.hash, &id->hash));
}

static bool prepared(const struct fixture *f)
{
    return f->node.engine->prepared.there;
}

/* ---- the block that was proposed ------------------------------------------------------ */

static void check_follower(struct fixture *f)
{
    struct test_node follower;

    test_node_open(&follower, &f->chain);
    for (size_t i = 0; i < ENTRIES; i++)
        cr_assert_eq(test_submit(&follower, &f->payload[i], T0 + ENTRIES), TAMGA_OK);
    judged = 0;
    cr_assert_eq(tamga_engine_add_block(follower.engine, &f->block, T0 + TEST_DRIFT_MS, NULL),
                 TAMGA_OK);
    cr_assert_eq(judged, ENTRIES);
    cr_assert_eq(tamga_engine_flush(follower.engine), TAMGA_OK);
    cr_assert(test_same_content(f->node.store, follower.store, CHAIN_MASK));
    test_node_close(&follower);
}

/*
 * Goal:   an own block is not judged twice, and leaves behind what judging it would have.
 * Method: on both chains: propose, add, count; compare the store with one that judged it.
 */
Test(propose, own_block_is_judged_once)
{
    const struct tamga_chain *chain[] = {test_consortium(), test_gateway()};

    for (size_t i = 0; i < 2; i++) {
        struct fixture f;

        open_chain(&f, chain[i]);
        submit_all(&f, &f.node);
        propose(&f, T0 + 1000);
        cr_assert_eq(f.block.count, ENTRIES);
        cr_assert_eq(add(&f, &f.block), TAMGA_OK);
        cr_assert_eq(judged, 0);
        check_tip(&f, &f.id);
        cr_assert_not(prepared(&f));
        cr_assert_eq(tamga_engine_mempool(f.node.engine)->count, 0);
        cr_assert_eq(tamga_engine_flush(f.node.engine), TAMGA_OK);
        check_follower(&f);
        teardown(&f);
    }
}

/*
 * Goal:   a flush, and entries that arrive meanwhile, take nothing away from a proposal.
 * Method: propose, flush, submit one more, flush, add: nothing is judged; the late one waits.
 */
Test(propose, entries_that_arrive_meanwhile_wait)
{
    struct fixture f;
    TAMGA_BUF late = {0};

    setup(&f);
    cr_assert_eq(tamga_engine_flush(f.node.engine), TAMGA_OK);
    test_release(&late, NULL, &(struct test_release){.counter = 99});
    cr_assert_eq(test_submit(&f.node, &late, T0 + 1001), TAMGA_OK);
    cr_assert_eq(tamga_engine_flush(f.node.engine), TAMGA_OK);
    judged = 0;
    cr_assert_eq(add(&f, &f.block), TAMGA_OK);
    cr_assert_eq(judged, 0);
    check_tip(&f, &f.id);
    cr_assert_eq(tamga_engine_mempool(f.node.engine)->count, 1);
    teardown(&f);
}

/* ---- and no other ------------------------------------------------------------------- */

/*
 * Goal:   only the nonce may differ from the proposal, and nothing may lie in between.
 * Method: flip each bit of the header alone, bytes of the nonce included; change what the
 *         entries' chain above is judged by, and the overlay that the block would go to.
 */
Test(propose, every_other_header_is_judged)
{
    struct fixture f;
    struct tamga_overlay straight, other;
    uint8_t bytes[TAMGA_HEADER_BYTES];
    const struct tamga_header *header = &f.block.sealed.header;

    setup(&f);
    tamga_overlay_init(&straight, &f.node.engine->pending.view);
    tamga_overlay_init(&other, &straight.view);
    tamga_header_encode(bytes, header);
    for (unsigned bit = 0; bit < 8 * TAMGA_HEADER_BYTES; bit++) {
        struct tamga_header changed;
        bool nonce = bit / 8 >= TAMGA_HEADER_BYTES - 8;

        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (tamga_header_decode(&changed, tamga_span(bytes, sizeof bytes)) == TAMGA_OK)
            cr_assert_eq(engine_prepared(f.node.engine, &straight, &changed, 0) != NULL, nonce,
                         "bit %u", bit);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_assert_not_null(engine_prepared(f.node.engine, &straight, header, 0));
    cr_assert_null(engine_prepared(f.node.engine, &straight, header, 1));
    cr_assert_null(engine_prepared(f.node.engine, &other, header, 0));
    cr_assert_eq(tamga_overlay_erase(&straight, TAMGA_FAMILY_INDEX, tamga_span_text("x")),
                 TAMGA_OK);
    cr_assert_null(engine_prepared(f.node.engine, &straight, header, 0));
    tamga_overlay_clear(&straight);
    f.node.engine->upstream.chain = &f.chain;
    cr_assert_null(engine_prepared(f.node.engine, &straight, header, 0));
    teardown(&f);
}

/*
 * Goal:   a lie about the state is refused though the rest is as proposed, and the proposal
 *         is as good as before.
 * Method: flip a bit of the state root, seal, add; then another body under the proposal's
 *         header; then the proposal.
 */
Test(propose, a_changed_block_is_judged_and_refused)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block body = {0};
    struct fixture f;
    struct tamga_block bad;
    struct tamga_block_id id;
    struct tamga_event event;

    setup(&f);
    bad = f.block;
    bad.sealed.header.state_root.byte[31] ^= 1;
    test_seal(&bad.sealed, &id, "node-a");
    cr_assert_eq(add(&f, &bad), TAMGA_OK);
    cr_assert_eq(judged, ENTRIES);
    cr_assert(tamga_engine_next_event(f.node.engine, &event));
    cr_assert_eq(event.kind, TAMGA_EVENT_INVALID);
    cr_assert_eq(event.err, TAMGA_E_BAD_STATE_ROOT);

    body.sealed = f.block.sealed;
    for (size_t i = ENTRIES; i-- > 0;) /* the same entries in another order */
        cr_assert_eq(tamga_block_add(&body, f.block.entry[i]), TAMGA_OK);
    cr_assert_eq(add(&f, &body), TAMGA_E_BAD_ROOT);

    judged = 0;
    cr_assert_eq(add(&f, &f.block), TAMGA_OK);
    cr_assert_eq(judged, 0);
    check_tip(&f, &f.id);
    teardown(&f);
}

/*
 * Goal:   another valid block on the same parent is judged; then the proposal is of no tip.
 * Method: propose five entries; add another's block of two of them; then extend the proposal
 *         so that it wins: all of it is judged.
 */
Test(propose, another_tip_takes_it_away)
{
    struct fixture f;
    struct test_block rival = {0}, mine = {0}, next = {0};
    struct tamga_sealed sealed[2];
    size_t added;

    setup(&f);
    test_block_on(&mine, &f.chain, NULL, "node-a", 1000, f.payload, ENTRIES, NULL);
    cr_assert(tamga_hash_equal(&mine.block.sealed.header.body_root,
                               &f.block.sealed.header.body_root));
    test_block_on(&next, &f.chain, &mine.trail, "node-b", 0, NULL, 0, NULL);
    test_block_on(&rival, &f.chain, NULL, "node-b", 900, f.payload, 2, NULL);
    cr_assert_eq(add(&f, &rival.block), TAMGA_OK);
    check_tip(&f, &rival.id);
    cr_assert_not(prepared(&f));
    cr_assert_geq(judged, 2);

    judged = 0;
    sealed[0] = mine.block.sealed;
    sealed[1] = next.block.sealed;
    cr_assert_eq(tamga_engine_add_headers(f.node.engine, sealed, 2, T0 + TEST_DRIFT_MS, &added,
                                          NULL),
                 TAMGA_OK);
    cr_assert_eq(add(&f, &mine.block), TAMGA_OK);
    cr_assert_eq(add(&f, &next.block), TAMGA_OK);
    check_tip(&f, &next.id);
    cr_assert_geq(judged, ENTRIES);
    test_block_clear(&rival);
    test_block_clear(&mine);
    test_block_clear(&next);
    teardown(&f);
}

/*
 * Goal:   a proposal on a tip that is abandoned is gone, and its block a branch like others.
 * Method: mine one block, propose on it; a longer chain beside wins; the proposal's block is
 *         no better than that and changes nothing.
 */
Test(propose, a_reorganization_takes_it_away)
{
    struct fixture f;
    struct test_block line[3] = {0};

    setup(&f);
    cr_assert_eq(add(&f, &f.block), TAMGA_OK);
    test_release(&f.payload[0], NULL, &(struct test_release){.counter = 50});
    cr_assert_eq(test_submit(&f.node, &f.payload[0], T0 + 1500), TAMGA_OK);
    propose(&f, T0 + 2000);
    cr_assert(prepared(&f));
    for (size_t i = 0; i < 3; i++) {
        test_block_next(&line[i], &f.chain, i == 0 ? NULL : &line[i - 1].trail, 0, 100 + i);
        cr_assert_eq(add(&f, &line[i].block), TAMGA_OK);
    }
    check_tip(&f, &line[2].id);
    cr_assert_not(prepared(&f));
    cr_assert_eq(add(&f, &f.block), TAMGA_OK);
    check_tip(&f, &line[2].id);
    for (size_t i = 0; i < 3; i++)
        test_block_clear(&line[i]);
    teardown(&f);
}

/*
 * Goal:   one is kept: a newer proposal takes the older one's place, a failed one too.
 * Method: propose twice, add the first: it is judged. With nothing left to mine, propose.
 */
Test(propose, the_newest_alone_is_kept)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block first = {0}, none = {0};
    struct tamga_block_id id;
    struct tamga_address miner;
    struct fixture f;

    setup(&f);
    first = f.block;
    id = f.id;
    f.block = (struct tamga_block){0};
    propose(&f, T0 + 1001);
    cr_assert_eq(add(&f, &first), TAMGA_OK);
    cr_assert_eq(judged, ENTRIES);
    check_tip(&f, &id);
    cr_assert_not(prepared(&f));
    test_address(&miner, "node-a");
    while (tamga_engine_propose(f.node.engine, &none, &miner, T0 + 9000) == TAMGA_OK) {
        cr_assert(prepared(&f)); /* empty ones, to make the first final */
        test_seal(&none.sealed, &id, "node-a");
        cr_assert_eq(add(&f, &none), TAMGA_OK);
        check_tip(&f, &id);
    }
    cr_assert_not(prepared(&f));
    teardown(&f);
}

/*
 * Goal:   nothing of a proposal outlives the process.
 * Method: propose, flush, reopen, add: all of it is judged.
 */
Test(propose, a_restart_takes_it_away)
{
    struct fixture f;

    setup(&f);
    cr_assert_eq(tamga_engine_flush(f.node.engine), TAMGA_OK);
    test_node_reopen(&f.node);
    cr_assert_not(prepared(&f));
    cr_assert_eq(add(&f, &f.block), TAMGA_OK);
    cr_assert_eq(judged, ENTRIES);
    check_tip(&f, &f.id);
    teardown(&f);
}
