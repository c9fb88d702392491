/*
 * Four holes of the small blockchain that this one comes from, which believed what peers
 * stated: each closed as far as the engine goes, and each by a test of its own.
 */
#include <criterion/criterion.h>

#include "chain/engine.h"
#include "chain/query.h"
#include "crypto/hash.h"
#include "fixture.h"
#include "wire/wire.h"

#define T0    TEST_GENESIS_MS
#define LATER (T0 + 3600000)

/*
 * Goal:   a rewritten block cannot keep its id.
 * Method: change the header: another id, so no work, no seal, and the chain keeps the
 *         first. Change the body under the same header: the root does not fit, before and
 *         after the true one is known.
 */
Test(holes, a_rewritten_block_does_not_keep_its_id)
{
    struct test_node node;
    struct test_block good;
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block rewritten = {0};
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block kept = {0};
    TAMGA_BUF other = {0};
    struct tamga_sealed changed;
    struct tamga_block_id id;
    size_t added;

    test_node_open(&node, test_consortium());
    test_block_next(&good, node.chain, NULL, 0, 1);
    changed = good.block.sealed;
    changed.header.body_root.byte[0] ^= 1;
    tamga_header_id(&id, &changed.header);
    cr_assert_not(tamga_hash_equal(&id.hash, &good.id.hash));
    test_release(&other, NULL, &(struct test_release){.counter = 2});
    rewritten.sealed = good.block.sealed;
    cr_assert_eq(tamga_block_add(&rewritten, tamga_buf_span(&other)), TAMGA_OK);
    for (int known = 0; known < 2; known++) {
        enum tamga_err err =
            tamga_engine_add_headers(node.engine, &changed, 1, LATER, &added, NULL);

        cr_assert(err == TAMGA_E_BAD_WORK || err == TAMGA_E_BAD_SEAL);
        cr_assert_eq(tamga_engine_add_block(node.engine, &rewritten, LATER, NULL),
                     TAMGA_E_BAD_ROOT);
        cr_assert_eq(tamga_engine_add_block(node.engine, &good.block, LATER, NULL), TAMGA_OK);
    }
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    cr_assert_eq(tamga_query_block(&node.store->reader.view, &good.id, &kept), TAMGA_OK);
    cr_assert(tamga_span_equal(kept.entry[0], good.block.entry[0]));
    test_block_clear(&good);
    test_node_close(&node);
}

static void acmes_address(Tamga__V1__TransactionBody *body)
{
    static struct tamga_address acme;

    test_address(&acme, "acme");
    body->sender = tamga_wire_bytes(tamga_hash_span(&acme.hash));
}

static void acmes_name(Tamga__V1__TransactionBody *body)
{
    static Tamga__V1__PublicKey key;

    acmes_address(body);
    key = tamga_wire_key_of(tamga_private_key_public(test_key("acme")));
    body->key = &key;
}

static void check_refused_in_block(struct test_node *node, const struct tamga_buf *payload,
                                   enum tamga_err expected)
{
    struct test_block block;
    struct tamga_event event = {0};

    test_block_on(&block, node->chain, tamga_engine_tip(node->engine), "node-a", 0, payload, 1,
                  NULL);
    cr_assert_eq(tamga_engine_add_block(node->engine, &block.block, LATER, NULL), TAMGA_OK);
    while (event.kind != TAMGA_EVENT_INVALID)
        cr_assert(tamga_engine_next_event(node->engine, &event));
    cr_assert_eq(event.err, expected, "%s", tamga_err_name(event.err));
    test_block_clear(&block);
}

/*
 * Goal:   nobody sends under an address that is not its key's.
 * Method: a stranger's transaction with the OEM's address; then with its key as well,
 *         signed by the stranger; each sent, and each brought in by a miner.
 */
Test(holes, an_address_belongs_to_its_key)
{
    static const struct {
        void (*change)(Tamga__V1__TransactionBody *body);
        enum tamga_err expected;
    } row[] = {{acmes_address, TAMGA_E_ADDRESS_MISMATCH}, {acmes_name, TAMGA_E_BAD_SIGNATURE}};
    struct test_node node;

    test_node_open(&node, test_consortium());
    for (size_t i = 0; i < 2; i++) {
        TAMGA_BUF payload = {0};

        test_release(&payload, NULL,
                     &(struct test_release){.sender = "stranger", .change = row[i].change});
        cr_assert_eq(test_submit(&node, &payload, T0), row[i].expected);
        check_refused_in_block(&node, &payload, row[i].expected);
    }
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 0);
    test_node_close(&node);
}

static void fresh_id(Tamga__V1__Signed *message)
{
    memset(message->id.data, 0x5a, message->id.len);
}

/*
 * Goal:   a transaction is not taken a second time by giving it another id.
 * Method: replay a mined one as it was, and with a fresh id; sent, and by a miner. The
 *         same for an equal one that bolt signed again: ids do not depend on signatures.
 */
Test(holes, a_replay_gets_no_fresh_id)
{
    struct test_node node;
    const struct test_release bolts = {.sender = "bolt", .producer = "bolt", .model = "pump"};
    struct test_release fresh = bolts;
    TAMGA_BUF payload = {0};
    TAMGA_BUF replay = {0};

    fresh.forge = fresh_id;
    test_node_open(&node, test_consortium());
    test_release(&payload, NULL, &bolts);
    cr_assert_eq(test_submit(&node, &payload, T0), TAMGA_OK);
    cr_assert_eq(test_mine(&node, NULL, "node-a", T0 + 1000), TAMGA_OK);

    cr_assert_eq(test_submit(&node, &payload, T0 + 1000), TAMGA_E_DUPLICATE_ENTRY);
    check_refused_in_block(&node, &payload, TAMGA_E_DUPLICATE_ENTRY);
    test_release(&replay, NULL, &fresh);
    cr_assert_eq(test_submit(&node, &replay, T0 + 1000), TAMGA_E_ID_MISMATCH);
    check_refused_in_block(&node, &replay, TAMGA_E_ID_MISMATCH);
    test_release(&replay, NULL, &bolts);
    cr_assert_not(tamga_span_equal(tamga_buf_span(&payload), tamga_buf_span(&replay)));
    cr_assert_eq(test_submit(&node, &replay, T0 + 1000), TAMGA_E_DUPLICATE_ENTRY);
    check_refused_in_block(&node, &replay, TAMGA_E_DUPLICATE_ENTRY);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 1);
    test_node_close(&node);
}

static void claim_height(struct tamga_block *block)
{
    block->sealed.header.height = 1000000;
}

/*
 * Goal:   a long chain that is only claimed moves nobody: work in headers does.
 * Method: one block that says it is the millionth, on the tip, on genesis and on nothing;
 *         then one honest block.
 */
Test(holes, a_claimed_length_is_not_believed)
{
    struct test_node node;
    struct test_block own, claimed, honest;
    TAMGA_BUF payload = {0};
    const struct tamga_trail *parents[3];
    struct tamga_trail nowhere;

    test_node_open(&node, test_consortium());
    test_block_next(&own, node.chain, NULL, 0, 1);
    cr_assert_eq(tamga_engine_add_block(node.engine, &own.block, LATER, NULL), TAMGA_OK);
    test_release(&payload, NULL, &(struct test_release){.counter = 2});
    nowhere = own.trail;
    nowhere.tip_id.hash.byte[0] ^= 1;
    parents[0] = &own.trail;
    parents[1] = NULL;
    parents[2] = &nowhere;
    for (size_t i = 0; i < 3; i++) {
        test_block_on(&claimed, node.chain, parents[i], "node-b", 0, &payload, 1,
                      claim_height);
        cr_assert_eq(tamga_engine_add_block(node.engine, &claimed.block, LATER, NULL),
                     i < 2 ? TAMGA_E_BAD_HEIGHT : TAMGA_E_NO_PARENT);
        cr_assert(tamga_hash_equal(&tamga_engine_tip(node.engine)->tip_id.hash, &own.id.hash));
        test_block_clear(&claimed);
    }
    test_block_on(&honest, node.chain, &own.trail, "node-b", 0, &payload, 1, NULL);
    cr_assert_eq(tamga_engine_add_block(node.engine, &honest.block, LATER, NULL), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 2);
    test_block_clear(&own);
    test_block_clear(&honest);
    test_node_close(&node);
}
