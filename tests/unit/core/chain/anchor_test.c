/*
 * Anchors: what a block may know of the chain above it, judged by an engine below that reads
 * the store of an engine above.
 */
#include "chain/anchor.h"

#include <criterion/criterion.h>

#include "fixture.h"

#define T0      TEST_GENESIS_MS
#define LATER   (T0 + 3600000)
#define HEIGHTS 6
#define WITHDRAWAL (HEIGHTS + 1) /* its place among the releases */

/* ---- two chains ------------------------------------------------------------------------ */

/* One release in each block above: the third is of the first one's image again, the fourth
 * for another model. The second one has a withdrawal besides. */
struct pair {
    struct test_node above, below;
    struct test_block block[HEIGHTS + 1]; /* by height */
    struct tamga_entry_id release[WITHDRAWAL + 1];
    uint64_t justified;
};

/* Of release 1, in the second block. */
static void withdraw(struct tamga_buf *out, struct pair *pair)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Withdraw action = TAMGA__V1__WITHDRAW__INIT;
    char reason[] = "it bricks";

    action.release = tamga_wire_bytes(tamga_hash_span(&pair->release[1].hash));
    action.reason = reason;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW;
    body.withdraw = &action;
    test_action(out, &pair->release[WITHDRAWAL], "acme", &body);
}

static void make_above(struct pair *pair)
{
    const struct test_release release[HEIGHTS + 1] = {
        [1] = {.counter = 1},
        [2] = {.counter = 2},
        [3] = {.counter = 3, .image = 1, .republish_of = &pair->release[1]},
        [4] = {.counter = 4, .model = "lock"},
        [5] = {.counter = 5},
        [6] = {.counter = 6},
    };
    const struct tamga_trail *parent = NULL;

    for (uint64_t i = 1; i <= HEIGHTS; i++) {
        struct tamga_buf payload[2] = {{0}, {0}};

        test_release(&payload[0], &pair->release[i], &release[i]);
        if (i == 2)
            withdraw(&payload[1], pair);
        test_block_on(&pair->block[i], test_consortium(), parent, "node-a", 0, payload,
                      i == 2 ? 2 : 1, NULL);
        parent = &pair->block[i].trail;
        tamga_buf_clear(&payload[0]);
        tamga_buf_clear(&payload[1]);
    }
}

static void open_pair(struct pair *pair)
{
    *pair = (struct pair){.justified = 0};
    make_above(pair);
    test_node_open(&pair->above, test_consortium());
    test_node_open(&pair->below, test_gateway());
    tamga_engine_set_upstream(pair->below.engine, pair->above.chain,
                              &pair->above.store->reader.view);
}

static void close_pair(struct pair *pair)
{
    for (uint64_t i = 1; i <= HEIGHTS; i++)
        test_block_clear(&pair->block[i]);
    test_node_close(&pair->below);
    test_node_close(&pair->above);
}

static struct tamga_point point(const struct pair *pair, uint64_t height)
{
    return (struct tamga_point){height, height == 0 ? test_consortium()->genesis_id
                                                    : pair->block[height].id};
}

static void vote(struct pair *pair, uint64_t source, uint64_t target)
{
    static const char *const quorum[] = {"node-a", "node-b"};
    struct tamga_link link = {point(pair, source), point(pair, target)};

    for (int i = 0; i < 2; i++) {
        TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
        bool news;

        cr_assert_eq(tamga_vote_make(&vote, test_consortium(), &link, test_key(quorum[i])),
                     TAMGA_OK);
        cr_assert_eq(tamga_engine_add_vote(pair->above.engine, &vote, LATER, &news, NULL),
                     TAMGA_OK);
    }
    pair->justified = target;
}

/* Blocks above up to a height, or more. */
static void grow(struct pair *pair, uint64_t height)
{
    for (uint64_t i = 1; i <= height; i++)
        cr_assert_eq(tamga_engine_add_block(pair->above.engine, &pair->block[i].block, LATER,
                                            NULL),
                     TAMGA_OK);
    cr_assert_geq(tamga_engine_tip(pair->above.engine)->tip.height, height);
    cr_assert_eq(tamga_engine_flush(pair->above.engine), TAMGA_OK);
}

/* What becomes final has a child. */
static void finalize(struct pair *pair, uint64_t height)
{
    grow(pair, height + 1);
    if (pair->justified < height)
        vote(pair, pair->justified, height);
    vote(pair, height, height + 1);
    cr_assert_eq(tamga_engine_flush(pair->above.engine), TAMGA_OK);
    cr_assert_eq(tamga_engine_final(pair->above.engine)->height, height);
}

/* ---- blocks below ------------------------------------------------------------------------ */

static struct tamga_hash chosen;

static void choose(struct tamga_block *block)
{
    block->sealed.header.anchor = chosen;
}

/* A record that device `number` installed the release at a height. */
static struct test_record record_of(const struct pair *pair, uint64_t height,
                                    const char *number)
{
    return (struct test_record){.release = height == 3 ? 1 : height,
                                .release_id = &pair->release[height],
                                .model = height == 4 ? "lock" : "cam",
                                .number = number};
}

/* A block of one record, under an anchor at a height above; and that record. */
struct made {
    struct test_block block;
    struct tamga_buf payload;
};

static void clear_made(struct made *made)
{
    test_block_clear(&made->block);
    tamga_buf_clear(&made->payload);
}

static void make_with(struct made *out, const struct made *parent, const struct tamga_hash *anchor,
                      const struct test_record *record)
{
    *out = (struct made){.payload = {0}};
    chosen = *anchor;
    test_record(&out->payload, NULL, record);
    test_block_on(&out->block, test_gateway(), parent == NULL ? NULL : &parent->block.trail,
                  "gw-1", 0, &out->payload, 1, choose);
}

static void make(const struct pair *pair, struct made *out, const struct made *parent,
                 uint64_t anchor, uint64_t release, const char *number)
{
    const struct test_record record = record_of(pair, release, number);
    struct tamga_point at = point(pair, anchor);

    make_with(out, parent, &at.id.hash, &record);
}

static enum tamga_err give(struct pair *pair, const struct tamga_buf *payload)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};

    test_item(&item, pair->below.chain, payload);
    return tamga_engine_add_payload(pair->below.engine, &item, LATER, NULL);
}

static void show(struct pair *pair, const struct made *made)
{
    cr_assert_eq(tamga_engine_add_block(pair->below.engine, &made->block.block, LATER, NULL),
                 TAMGA_OK);
    cr_assert_eq(give(pair, &made->payload), TAMGA_OK);
    cr_assert_eq(tamga_engine_flush(pair->below.engine), TAMGA_OK);
}

static bool is_tip(const struct pair *pair, const struct made *made)
{
    return tamga_hash_equal(&tamga_engine_tip(pair->below.engine)->tip_id.hash,
                            made == NULL ? &pair->below.chain->genesis_id.hash
                                         : &made->block.id.hash);
}

/* Why the newest block was condemned; OK: none was. */
static enum tamga_err condemned(struct pair *pair)
{
    struct tamga_event event;
    enum tamga_err why = TAMGA_OK;

    while (tamga_engine_next_event(pair->below.engine, &event))
        if (event.kind == TAMGA_EVENT_INVALID)
            why = event.err;
    return why;
}

static void retry(struct pair *pair)
{
    cr_assert_eq(tamga_engine_retry(pair->below.engine, LATER), TAMGA_OK);
}

static enum tamga_err submit(struct pair *pair, const struct test_record *record)
{
    TAMGA_BUF payload = {0};

    test_record(&payload, NULL, record);
    return test_submit(&pair->below, &payload, T0);
}

/* ---- anchors in blocks -------------------------------------------------------------------- */

/*
 * Goal:   an anchor may be any final block at or above the parent's; whatever is known to be
 *         another condemns the block by BAD_ANCHOR.
 * Method: final up to 3; good blocks under 2, then 3; children under each kind of bad anchor.
 */
Test(anchor, is_a_final_block_not_behind_the_parents)
{
    struct pair pair;
    struct made good[3], bad[3];
    struct test_block fork;
    size_t added;

    open_pair(&pair);
    finalize(&pair, 3);
    make(&pair, &good[0], NULL, 2, 1, "0001");
    make(&pair, &good[1], &good[0], 2, 2, "0002"); /* the same again */
    make(&pair, &good[2], &good[1], 3, 3, "0003");
    for (int i = 0; i < 3; i++) {
        show(&pair, &good[i]);
        cr_assert(is_tip(&pair, &good[i]), "%d", i);
    }
    make(&pair, &bad[0], &good[2], 2, 1, "0004");
    make_with(&bad[1], &good[2], &(struct tamga_hash){{0}},
              &(struct test_record){.release = 1, .number = "0004"});
    test_block_next(&fork, test_consortium(), NULL, 0, 50);
    make_with(&bad[2], NULL, &fork.id.hash,
              &(struct test_record){.release = 50, .number = "0004"});
    for (int i = 0; i < 2; i++) {
        show(&pair, &bad[i]);
        cr_assert(is_tip(&pair, &good[2]), "%d", i);
        cr_assert_eq(condemned(&pair), TAMGA_E_BAD_ANCHOR, "%d", i);
    }
    close_pair(&pair);

    /* off the final chain: the header has to be known above, before its height is final */
    open_pair(&pair);
    cr_assert_eq(tamga_engine_add_headers(pair.above.engine, &fork.block.sealed, 1, LATER,
                                          &added, NULL),
                 TAMGA_OK);
    show(&pair, &bad[2]);
    cr_assert_eq(condemned(&pair), TAMGA_OK);
    cr_assert(tamga_engine_waits(pair.below.engine));
    finalize(&pair, 1);
    retry(&pair);
    cr_assert(is_tip(&pair, NULL));
    cr_assert_eq(condemned(&pair), TAMGA_E_BAD_ANCHOR);
    cr_assert_not(tamga_engine_waits(pair.below.engine));
    close_pair(&pair);
    test_block_clear(&fork);
    for (int i = 0; i < 3; i++) {
        clear_made(&good[i]);
        clear_made(&bad[i]);
    }
}

/*
 * Goal:   without a chain above, anchors are zero.
 * Method: a good anchor, but nobody who knows.
 */
Test(anchor, is_zero_without_a_chain_above)
{
    struct pair pair;
    struct made made;

    open_pair(&pair);
    finalize(&pair, 1);
    test_node_reopen(&pair.below);
    make(&pair, &made, NULL, 1, 1, "0001");
    show(&pair, &made);
    cr_assert(is_tip(&pair, NULL));
    cr_assert_eq(condemned(&pair), TAMGA_E_BAD_ANCHOR);
    cr_assert_eq(tamga_engine_retry(pair.below.engine, LATER), TAMGA_OK);
    clear_made(&made);
    close_pair(&pair);
}

/* ---- waiting ------------------------------------------------------------------------------ */

/*
 * Goal:   a block whose anchor is not known, or not final yet, waits; it connects once that is
 *         final, and not before; nobody else is held up.
 * Method: at each state of the chain above: nothing, headers and bodies, votes.
 */
Test(anchor, a_block_waits_until_its_anchor_is_final)
{
    struct pair pair;
    struct made early, other;

    open_pair(&pair);
    finalize(&pair, 1);
    make(&pair, &early, NULL, 3, 3, "0001");
    make(&pair, &other, NULL, 1, 1, "0002");
    show(&pair, &early); /* its header is not here */
    cr_assert(tamga_engine_waits(pair.below.engine));
    grow(&pair, 4);
    retry(&pair);
    cr_assert(tamga_engine_waits(pair.below.engine));
    cr_assert(is_tip(&pair, NULL));
    finalize(&pair, 2);
    retry(&pair);
    cr_assert(tamga_engine_waits(pair.below.engine));
    cr_assert(is_tip(&pair, NULL));

    show(&pair, &other);
    cr_assert(is_tip(&pair, &other));
    cr_assert_eq(condemned(&pair), TAMGA_OK);
    clear_made(&other);
    make(&pair, &other, &early, 3, 2, "0003"); /* now its branch has more work */
    show(&pair, &other);
    cr_assert(tamga_engine_waits(pair.below.engine));
    finalize(&pair, 3);
    retry(&pair);
    cr_assert(is_tip(&pair, &other));
    cr_assert_not(tamga_engine_waits(pair.below.engine));
    cr_assert_eq(condemned(&pair), TAMGA_OK);
    clear_made(&early);
    clear_made(&other);
    close_pair(&pair);
}

/*
 * Goal:   what lies before a block that waits is used.
 * Method: own chain of one; another of three, whose last anchor is not final.
 */
Test(anchor, the_first_blocks_of_a_branch_do_not_wait)
{
    struct pair pair;
    struct made own, other[3];
    size_t added;

    open_pair(&pair);
    finalize(&pair, 2);
    make(&pair, &own, NULL, 1, 1, "0009");
    show(&pair, &own);
    make(&pair, &other[0], NULL, 1, 1, "0001");
    make(&pair, &other[1], &other[0], 2, 2, "0002");
    make(&pair, &other[2], &other[1], 4, 4, "0003");
    for (int i = 0; i < 3; i++)
        cr_assert_eq(tamga_engine_add_headers(pair.below.engine, &other[i].block.block.sealed, 1,
                                              LATER, &added, NULL),
                     TAMGA_OK);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(tamga_engine_add_block(pair.below.engine, &other[i].block.block, LATER,
                                            NULL),
                     TAMGA_OK);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(give(&pair, &other[i].payload), TAMGA_OK);
    cr_assert(is_tip(&pair, &other[1]));
    cr_assert(tamga_engine_waits(pair.below.engine));
    finalize(&pair, 4);
    retry(&pair);
    cr_assert(is_tip(&pair, &other[2]));
    clear_made(&own);
    for (int i = 0; i < 3; i++)
        clear_made(&other[i]);
    close_pair(&pair);
}

/*
 * Goal:   a block waits again after a restart.
 * Method: reopen while it waits, and show its header again.
 */
Test(anchor, a_waiting_block_survives_a_restart)
{
    struct pair pair;
    struct made made;
    size_t added;

    open_pair(&pair);
    make(&pair, &made, NULL, 1, 1, "0001");
    show(&pair, &made);
    test_node_reopen(&pair.below);
    tamga_engine_set_upstream(pair.below.engine, pair.above.chain,
                              &pair.above.store->reader.view);
    cr_assert_not(tamga_engine_waits(pair.below.engine));
    cr_assert_eq(tamga_engine_add_headers(pair.below.engine, &made.block.block.sealed, 1, LATER,
                                          &added, NULL),
                 TAMGA_OK);
    cr_assert(tamga_engine_waits(pair.below.engine));
    finalize(&pair, 1);
    retry(&pair);
    cr_assert(is_tip(&pair, &made));
    clear_made(&made);
    close_pair(&pair);
}

/*
 * Goal:   what a quorum calls final above, but is not connected there yet, is not read by the
 *         heights of another chain.
 * Method: cosignatures for a block whose body is missing: submitting, proposing and judging
 *         ask for more; then the body comes.
 */
Test(anchor, waits_while_the_chain_above_is_apart_from_its_final_block)
{
    struct pair pair;
    struct made made;
    struct test_record record;
    struct tamga_checkpoint checkpoint;
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    struct tamga_address miner;
    size_t added;
    bool news;

    open_pair(&pair);
    finalize(&pair, 1);
    record = record_of(&pair, 1, "0001");
    make(&pair, &made, NULL, 1, 1, "0001");
    checkpoint = (struct tamga_checkpoint){
        .at = point(&pair, 4),
        .state_root = pair.block[4].block.sealed.header.state_root,
        .time_ms = pair.block[4].block.sealed.header.time_ms,
    };
    for (uint64_t i = 3; i <= 4; i++)
        cr_assert_eq(tamga_engine_add_headers(pair.above.engine, &pair.block[i].block.sealed, 1,
                                              LATER, &added, NULL),
                     TAMGA_OK);
    for (int i = 0; i < 2; i++) {
        struct tamga_cosignature word;

        cr_assert_eq(tamga_cosignature_make(&word, test_consortium(), &checkpoint,
                                            test_key(i == 0 ? "node-a" : "node-b")),
                     TAMGA_OK);
        cr_assert_eq(tamga_engine_add_cosignature(pair.above.engine, &word, LATER, &news, NULL),
                     TAMGA_OK);
    }
    cr_assert_eq(tamga_engine_flush(pair.above.engine), TAMGA_OK);
    cr_assert_eq(tamga_engine_final(pair.above.engine)->height, 4);
    cr_assert_eq(submit(&pair, &record), TAMGA_E_NEED_ANCHOR);
    test_address(&miner, "gw-1");
    cr_assert_eq(tamga_engine_propose(pair.below.engine, &block, &miner, T0 + 1),
                 TAMGA_E_NOT_FOUND);
    show(&pair, &made);
    cr_assert(tamga_engine_waits(pair.below.engine));
    retry(&pair);
    cr_assert(is_tip(&pair, NULL));
    grow(&pair, 4);
    retry(&pair);
    cr_assert(is_tip(&pair, &made));
    clear_made(&made);
    close_pair(&pair);
}

/* ---- what records say of releases ---------------------------------------------------------- */

static void other_image(Tamga__V1__ReceiptBody *body)
{
    static uint8_t zeros[TAMGA_HASH_BYTES];

    body->image_sha256 = tamga_wire_bytes(tamga_span(zeros, sizeof zeros));
}
static void other_image_too(Tamga__V1__RecordBody *body)
{
    static uint8_t zeros[TAMGA_HASH_BYTES];

    body->image_sha256 = tamga_wire_bytes(tamga_span(zeros, sizeof zeros));
}

/*
 * Goal:   a record's release stands at or below the anchor, with the image that the record
 *         names, and for the device's model if that runs it; else it is refused where it is
 *         submitted, and condemns a block, both by the code.
 * Method: one row a rule; final up to 4, blocks under 4.
 */
Test(anchor, records_are_held_against_the_chain_above)
{
    static const struct {
        const char *what;
        enum tamga_err expected;
        uint64_t height; /* of the release above; 0: nowhere */
        struct test_record change;
    } row[] = {
        {"the newest of an image", TAMGA_OK, 3, {.release = 1}},
        {"one that was released again since", TAMGA_OK, 1, {.release = 1}},
        {"another model's own", TAMGA_OK, 4, {.release = 4, .model = "lock"}},
        {"in no block", TAMGA_E_UNKNOWN_RELEASE, 0, {.release = 9}},
        {"above what is final", TAMGA_E_UNKNOWN_RELEASE, 5, {.release = 5}},
        {"no release", TAMGA_E_UNKNOWN_RELEASE, WITHDRAWAL, {.release = 5}},
        {"another image", TAMGA_E_BAD_RECEIPT, 2,
         {.release = 2, .change_receipt = other_image, .change = other_image_too}},
        {"the image of another release", TAMGA_E_BAD_RECEIPT, 2, {.release = 1}},
        {"for another model", TAMGA_E_MODEL_MISMATCH, 4, {.release = 4}},
        {"of another producer", TAMGA_E_MODEL_MISMATCH, 2,
         {.release = 2, .producer = "bolt", .model = "cam"}},
        {"refused because it is for another model", TAMGA_OK, 4,
         {.release = 4,
          .outcome = TAMGA__V1__OUTCOME__OUTCOME_REFUSED,
          .reason = TAMGA_E_MODEL_MISMATCH}},
        {"refused, with another image", TAMGA_E_BAD_RECEIPT, 4,
         {.release = 2,
          .outcome = TAMGA__V1__OUTCOME__OUTCOME_REFUSED,
          .reason = TAMGA_E_MODEL_MISMATCH}},
    };

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct pair pair;
        struct made made;
        struct test_record record = row[i].change;
        struct tamga_point anchor;
        enum tamga_err err;

        open_pair(&pair);
        finalize(&pair, 4);
        anchor = point(&pair, 4);
        record.release_id = row[i].height == 0 ? NULL : &pair.release[row[i].height];
        make_with(&made, NULL, &anchor.id.hash, &record);
        show(&pair, &made);
        err = condemned(&pair);
        cr_assert_eq(err, row[i].expected, "%s: %s", row[i].what, tamga_err_name(err));
        cr_assert(is_tip(&pair, err == TAMGA_OK ? &made : NULL));
        clear_made(&made);
        close_pair(&pair);

        open_pair(&pair);
        finalize(&pair, 4);
        err = submit(&pair, &record);
        cr_assert_eq(err, row[i].expected, "%s: %s", row[i].what, tamga_err_name(err));
        close_pair(&pair);
    }
}

/*
 * Goal:   a block is judged by its own anchor, whatever has become final since.
 * Method: a release at 2 in a block under 1, while 4 is final.
 */
Test(anchor, a_block_knows_nothing_above_its_anchor)
{
    struct pair pair;
    struct made made;

    open_pair(&pair);
    finalize(&pair, 4);
    make(&pair, &made, NULL, 1, 2, "0001");
    show(&pair, &made);
    cr_assert(is_tip(&pair, NULL));
    cr_assert_eq(condemned(&pair), TAMGA_E_UNKNOWN_RELEASE);
    clear_made(&made);
    close_pair(&pair);
}

/* ---- proposals ------------------------------------------------------------------------------ */

/*
 * Goal:   a proposal names what is final above when it is made, and never goes back.
 * Method: nothing final: no record is taken. Then a block at each new final one, and one more
 *         without news.
 */
Test(anchor, proposals_name_the_newest_final_block)
{
    struct pair pair;
    struct test_record record;
    uint64_t now_ms = T0;

    open_pair(&pair);
    record = record_of(&pair, 1, "0001");
    grow(&pair, 2);
    cr_assert_eq(submit(&pair, &record), TAMGA_E_UNKNOWN_RELEASE);
    for (uint64_t i = 1; i <= 3; i++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
        uint64_t final = i < 3 ? i : 2;
        struct tamga_point expected = point(&pair, final);
        const char *number[] = {"", "0001", "0002", "0003"};

        finalize(&pair, final);
        record = record_of(&pair, 1, number[i]);
        cr_assert_eq(submit(&pair, &record), TAMGA_OK);
        now_ms += TEST_SPACING_MS;
        cr_assert_eq(test_mine(&pair.below, &block, "gw-1", now_ms), TAMGA_OK);
        cr_assert(tamga_hash_equal(&block.sealed.header.anchor, &expected.id.hash));
        cr_assert_eq(tamga_engine_tip(pair.below.engine)->tip.height, i);
    }
    close_pair(&pair);
}

/*
 * Goal:   where the chain above was lost and is fetched anew, nothing is proposed on a tip that
 *         knows more of it, nothing on top is judged, and what waits is kept.
 * Method: the same engine below with an empty chain above, before and after it has an anchor.
 */
Test(anchor, a_lost_chain_above_loses_nothing_below)
{
    struct pair pair;
    struct made made, next;
    struct test_node lost;
    struct test_record record;

    open_pair(&pair);
    finalize(&pair, 2);
    test_node_open(&lost, test_consortium());
    record = record_of(&pair, 1, "0001");
    cr_assert_eq(submit(&pair, &record), TAMGA_OK);
    tamga_engine_set_upstream(pair.below.engine, lost.chain, &lost.store->reader.view);
    cr_assert_eq(test_mine(&pair.below, NULL, "gw-1", T0 + 1000), TAMGA_E_NOT_FOUND);
    cr_assert_eq(tamga_engine_mempool(pair.below.engine)->count, 1);
    tamga_engine_set_upstream(pair.below.engine, pair.above.chain,
                              &pair.above.store->reader.view);
    make(&pair, &made, NULL, 2, 2, "0002");
    show(&pair, &made);
    cr_assert(is_tip(&pair, &made));
    tamga_engine_set_upstream(pair.below.engine, lost.chain, &lost.store->reader.view);
    cr_assert_eq(test_mine(&pair.below, NULL, "gw-1", T0 + 2000), TAMGA_E_NOT_FOUND);
    make(&pair, &next, &made, 2, 1, "0003");
    show(&pair, &next);
    cr_assert(is_tip(&pair, &made));
    cr_assert_eq(condemned(&pair), TAMGA_OK);
    cr_assert_eq(tamga_engine_mempool(pair.below.engine)->count, 1);
    tamga_engine_set_upstream(pair.below.engine, pair.above.chain,
                              &pair.above.store->reader.view);
    retry(&pair);
    cr_assert(is_tip(&pair, &next));
    cr_assert_eq(test_mine(&pair.below, NULL, "gw-1", T0 + 3000), TAMGA_OK);
    cr_assert_eq(tamga_engine_tip(pair.below.engine)->tip.height, 3);
    cr_assert_eq(tamga_engine_mempool(pair.below.engine)->count, 0);
    clear_made(&made);
    clear_made(&next);
    test_node_close(&lost);
    close_pair(&pair);
}

/* ---- damage --------------------------------------------------------------------------------- */

struct broken {
    struct tamga_view view; /* first: the op casts back */
    const struct tamga_view *whole;
    int good; /* reads before the first that fails */
};

static enum tamga_err broken_get(const struct tamga_view *view, enum tamga_family family,
                                 struct tamga_span key, struct tamga_buf *value)
{
    struct broken *broken = (struct broken *)(uintptr_t)view;

    if (broken->good-- <= 0)
        return TAMGA_E_STORE_IO;
    return tamga_view_get(broken->whole, family, key, value);
}

/*
 * Goal:   a store above that cannot be read condemns nothing and is told as our own failure.
 * Method: fail each read in turn, of submitting, of judging a block and of proposing, until
 *         none is left to fail.
 */
Test(anchor, every_failed_read_above_is_told)
{
    static const struct tamga_view_ops ops = {.get = broken_get};

    for (int step = 0; step < 3; step++) {
        enum tamga_err err = TAMGA_E_STORE_IO;
        int good = 0;

        for (; err == TAMGA_E_STORE_IO && good < 64; good++) {
            struct pair pair;
            struct made made;
            struct broken broken = {.view.ops = &ops};
            struct test_record record;

            open_pair(&pair);
            finalize(&pair, 3);
            record = record_of(&pair, 1, "0001");
            make(&pair, &made, NULL, 1, 1, "0002");
            if (step == 2)
                cr_assert_eq(submit(&pair, &record), TAMGA_OK);
            broken.whole = &pair.above.store->reader.view;
            broken.good = good;
            tamga_engine_set_upstream(pair.below.engine, pair.above.chain, &broken.view);
            if (step == 0)
                err = submit(&pair, &record);
            else if (step == 2)
                err = test_mine(&pair.below, NULL, "gw-1", T0 + 1);
            else
                err = tamga_engine_add_block(pair.below.engine, &made.block.block, LATER, NULL);
            if (step == 1 && err == TAMGA_OK)
                err = give(&pair, &made.payload);
            cr_assert(err == TAMGA_OK || err == TAMGA_E_STORE_IO);
            cr_assert_eq(condemned(&pair), TAMGA_OK);
            clear_made(&made);
            close_pair(&pair);
        }
        cr_assert_eq(err, TAMGA_OK, "step %d", step);
        cr_assert_gt(good, 5, "step %d", step);
    }
}
