/*
 * Votes, finality and checkpoints in the engine: what counts, what is refused and why, what
 * the fork choice makes of it, and what a validator is told to sign.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "chain/finality.h"
#include "fixture.h"

#define BLOCKS_MAX 8
#define VOTES_MS   (TEST_GENESIS_MS + 100000) /* when votes come in */

/* ---- blocks and votes of a test ------------------------------------------------------ */

struct line {
    struct test_block block[BLOCKS_MAX];
    size_t count;
};

static void grow(struct line *line, const struct tamga_trail *parent, size_t count,
                 uint64_t seed)
{
    *line = (struct line){.count = count};
    for (size_t i = 0; i < count; i++) {
        test_block_next(&line->block[i], test_consortium(), parent, 0, seed + i);
        parent = &line->block[i].trail;
    }
}

static void clear_line(struct line *line)
{
    for (size_t i = 0; i < line->count; i++)
        test_block_clear(&line->block[i]);
}

static uint64_t now_of(const struct test_block *block)
{
    return block->block.sealed.header.time_ms;
}

/* Headers first, as a node asks for them: bodies of branches that are not better are not
 * taken. */
static void feed(struct test_node *node, const struct line *line)
{
    size_t added;

    for (size_t i = 0; i < line->count; i++)
        cr_assert_eq(tamga_engine_add_headers(node->engine, &line->block[i].block.sealed, 1,
                                              now_of(&line->block[i]), &added, NULL),
                     TAMGA_OK);
    for (size_t i = 0; i < line->count; i++)
        cr_assert_eq(tamga_engine_add_block(node->engine, &line->block[i].block,
                                            now_of(&line->block[i]), NULL),
                     TAMGA_OK);
}

static struct tamga_point point_of(const struct test_block *block)
{
    if (block == NULL)
        return (struct tamga_point){0, test_consortium()->genesis_id};
    return (struct tamga_point){block->block.sealed.header.height, block->id};
}

static bool is_at(const struct tamga_point *point, const struct test_block *block)
{
    struct tamga_point expected = point_of(block);

    return tamga_point_equal(point, &expected);
}

static const char *const validators[] = {"node-a", "node-b", "node-c"};

static enum tamga_err give_link(struct test_node *node, const char *name,
                                const struct tamga_link *link, bool *news)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    bool any;

    cr_assert_eq(tamga_vote_make(&vote, test_consortium(), link, test_key(name)), TAMGA_OK);
    return tamga_engine_add_vote(node->engine, &vote, VOTES_MS,
                                 news != NULL ? news : &any, NULL);
}

/* source NULL: genesis. */
static enum tamga_err give_vote(struct test_node *node, const char *name,
                                const struct test_block *source,
                                const struct test_block *target)
{
    struct tamga_link link = {point_of(source), point_of(target)};

    return give_link(node, name, &link, NULL);
}

/* Two of three are a quorum. */
static void give_quorum(struct test_node *node, const struct test_block *source,
                        const struct test_block *target)
{
    for (int i = 0; i < 2; i++)
        cr_assert_eq(give_vote(node, validators[i], source, target), TAMGA_OK);
}

static bool told(struct test_node *node, enum tamga_event_kind kind, struct tamga_event *out)
{
    bool found = false;

    while (tamga_engine_next_event(node->engine, out) && !found)
        found = out->kind == kind;
    return found;
}

static void may_vote(struct test_node *node, const char *name)
{
    struct tamga_address address;

    test_address(&address, name);
    tamga_engine_may_vote(node->engine, &address);
}

static enum tamga_err give_word(struct test_node *node, const char *name,
                                const struct tamga_checkpoint *checkpoint, bool *news)
{
    struct tamga_cosignature word;

    cr_assert_eq(tamga_cosignature_make(&word, test_consortium(), checkpoint, test_key(name)),
                 TAMGA_OK);
    return tamga_engine_add_cosignature(node->engine, &word, VOTES_MS, news,
                                        NULL);
}

static struct tamga_checkpoint checkpoint_of(const struct test_block *block)
{
    return (struct tamga_checkpoint){
        .at = point_of(block),
        .state_root = block->block.sealed.header.state_root,
        .time_ms = block->block.sealed.header.time_ms,
    };
}

/* ---- counting ------------------------------------------------------------------------ */

/*
 * Goal:   a quorum justifies, a quorum from it to its child finalizes, one less does
 *         neither; all of it is there after a restart.
 * Method: two blocks of three validators, votes one by one.
 */
Test(finality, is_reached_in_two_blocks)
{
    struct test_node node;
    struct tamga_event event;
    struct line line;

    grow(&line, NULL, 2, 1);
    test_node_open(&node, test_consortium());
    feed(&node, &line);
    cr_assert(is_at(tamga_engine_justified(node.engine), NULL));
    cr_assert_eq(give_vote(&node, "node-a", NULL, &line.block[0]), TAMGA_OK);
    cr_assert(is_at(tamga_engine_justified(node.engine), NULL));
    cr_assert_eq(give_vote(&node, "node-b", NULL, &line.block[0]), TAMGA_OK);
    cr_assert(is_at(tamga_engine_justified(node.engine), &line.block[0]));
    cr_assert(is_at(tamga_engine_final(node.engine), NULL));
    cr_assert_eq(give_vote(&node, "node-c", &line.block[0], &line.block[1]), TAMGA_OK);
    cr_assert(is_at(tamga_engine_final(node.engine), NULL));
    cr_assert_eq(give_vote(&node, "node-a", &line.block[0], &line.block[1]), TAMGA_OK);
    cr_assert(is_at(tamga_engine_final(node.engine), &line.block[0]));
    cr_assert(is_at(tamga_engine_justified(node.engine), &line.block[1]));
    cr_assert(told(&node, TAMGA_EVENT_FINAL, &event));
    cr_assert_eq(event.height, 1);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    test_node_reopen(&node);
    cr_assert(is_at(tamga_engine_final(node.engine), &line.block[0]));
    cr_assert(is_at(tamga_engine_justified(node.engine), &line.block[1]));
    test_node_close(&node);
    clear_line(&line);
}

/*
 * Goal:   votes count whatever the order they come in.
 * Method: the later link first: nothing; the earlier one then brings both, also if a restart
 *         lies between.
 */
Test(finality, counts_votes_that_came_before_their_source)
{
    struct test_node node;
    struct line line;

    grow(&line, NULL, 3, 1);
    test_node_open(&node, test_consortium());
    feed(&node, &line);
    give_quorum(&node, &line.block[1], &line.block[2]);
    give_quorum(&node, &line.block[0], &line.block[1]);
    cr_assert(is_at(tamga_engine_justified(node.engine), NULL));
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    test_node_reopen(&node);
    give_quorum(&node, NULL, &line.block[0]);
    cr_assert(is_at(tamga_engine_justified(node.engine), &line.block[2]));
    cr_assert(is_at(tamga_engine_final(node.engine), &line.block[1]));
    test_node_close(&node);
    clear_line(&line);
}

/*
 * Goal:   a link over more than one height justifies, and makes nothing final by itself.
 * Method: genesis to height 2, then 2 to 3.
 */
Test(finality, needs_a_direct_child)
{
    struct test_node node;
    struct line line;

    grow(&line, NULL, 3, 1);
    test_node_open(&node, test_consortium());
    feed(&node, &line);
    give_quorum(&node, NULL, &line.block[1]);
    cr_assert(is_at(tamga_engine_justified(node.engine), &line.block[1]));
    cr_assert(is_at(tamga_engine_final(node.engine), NULL));
    give_quorum(&node, &line.block[1], &line.block[2]);
    cr_assert(is_at(tamga_engine_final(node.engine), &line.block[1]));
    test_node_close(&node);
    clear_line(&line);
}

/* ---- what is refused ------------------------------------------------------------------ */

static bool count_one(void *context, struct tamga_span encoded)
{
    (void)encoded;
    ++*(size_t *)context;
    return true;
}

static size_t votes_stored(const struct test_node *node)
{
    size_t count = 0;

    cr_assert_eq(tamga_query_votes(&node->store->reader, 0, count_one, &count), TAMGA_OK);
    return count;
}

static size_t conflicts_stored(const struct test_node *node)
{
    size_t count = 0;

    cr_assert_eq(tamga_query_conflicts(&node->store->reader, count_one, &count), TAMGA_OK);
    return count;
}

/*
 * Goal:   a second vote for one height is refused by its code and kept as evidence, once; the
 *         first one counts on.
 * Method: one validator votes for both blocks of a fork, three times over.
 */
Test(finality, keeps_two_votes_for_one_height_as_evidence)
{
    struct test_node node;
    struct tamga_event event;
    struct line left, right;
    struct tamga_link again;
    bool news;

    grow(&left, NULL, 1, 1);
    grow(&right, NULL, 2, 20);
    again = (struct tamga_link){point_of(NULL), point_of(&right.block[0])};
    test_node_open(&node, test_consortium());
    feed(&node, &left);
    feed(&node, &right);
    cr_assert_eq(give_vote(&node, "node-a", NULL, &left.block[0]), TAMGA_OK);
    cr_assert_eq(give_link(&node, "node-a", &again, &news), TAMGA_E_VOTE_TWICE);
    cr_assert(news);
    cr_assert(told(&node, TAMGA_EVENT_CONFLICT, &event));
    cr_assert_eq(event.err, TAMGA_E_VOTE_TWICE);
    cr_assert_eq(give_link(&node, "node-a", &again, &news), TAMGA_E_VOTE_TWICE);
    cr_assert_not(news);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    cr_assert_eq(conflicts_stored(&node), 1);
    cr_assert_eq(give_vote(&node, "node-b", NULL, &left.block[0]), TAMGA_OK);
    cr_assert(is_at(tamga_engine_justified(node.engine), &left.block[0]));
    test_node_close(&node);
    clear_line(&left);
    clear_line(&right);
}

/*
 * Goal:   a vote around another of its validator's is refused, and so is one inside.
 * Method: 1 to 2 after 0 to 3, and 0 to 3 after 1 to 2.
 */
Test(finality, refuses_votes_that_surround)
{
    struct line line;

    grow(&line, NULL, 3, 1);
    for (int order = 0; order < 2; order++) {
        struct tamga_link wide = {point_of(NULL), point_of(&line.block[2])};
        struct tamga_link narrow = {point_of(&line.block[0]), point_of(&line.block[1])};
        struct test_node node;

        test_node_open(&node, test_consortium());
        feed(&node, &line);
        cr_assert_eq(give_link(&node, "node-a", order == 0 ? &wide : &narrow, NULL), TAMGA_OK);
        cr_assert_eq(give_link(&node, "node-a", order == 0 ? &narrow : &wide, NULL),
                     TAMGA_E_VOTE_SURROUNDS);
        test_node_close(&node);
    }
    clear_line(&line);
}

/*
 * Goal:   votes for blocks that are not here, or not on their source's chain, leave nothing.
 * Method: a block kept back; a target beside its source; a height that is not the target's.
 */
Test(finality, refuses_votes_that_fit_no_chain)
{
    struct tamga_link lie;
    struct test_node node;
    struct line left, right, hidden;

    grow(&left, NULL, 2, 1);
    grow(&right, NULL, 3, 20);
    grow(&hidden, &left.block[1].trail, 1, 40);
    test_node_open(&node, test_consortium());
    feed(&node, &left);
    feed(&node, &right);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    cr_assert_eq(give_vote(&node, "node-a", NULL, &hidden.block[0]), TAMGA_E_UNKNOWN_BLOCK);
    cr_assert_eq(give_vote(&node, "node-a", &left.block[0], &right.block[1]),
                 TAMGA_E_VOTE_OFF_SOURCE);
    lie = (struct tamga_link){point_of(NULL), point_of(&right.block[1])};
    lie.target.height++;
    cr_assert_eq(give_link(&node, "node-a", &lie, NULL), TAMGA_E_VOTE_OFF_SOURCE);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    cr_assert_eq(votes_stored(&node), 0);
    test_node_close(&node);
    clear_line(&left);
    clear_line(&right);
    clear_line(&hidden);
}

/*
 * Goal:   a validator with evidence against it counts for every link: what its third vote
 *         justified for somebody else can be followed by all.
 * Method: node-c votes for both blocks of height 1; node-a alone votes for the next one.
 *         Without evidence that is no quorum; with it, it is, also after a restart.
 */
Test(finality, counts_a_liar_for_every_link)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote first = {0};
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote second = {0};
    struct tamga_link link[2];
    struct test_node node;
    struct line left, right;
    bool news;

    grow(&left, NULL, 2, 1);
    grow(&right, NULL, 1, 20);
    link[0] = (struct tamga_link){point_of(NULL), point_of(&left.block[0])};
    link[1] = (struct tamga_link){point_of(NULL), point_of(&right.block[0])};
    cr_assert_eq(tamga_vote_make(&first, test_consortium(), &link[0], test_key("node-c")),
                 TAMGA_OK);
    cr_assert_eq(tamga_vote_make(&second, test_consortium(), &link[1], test_key("node-c")),
                 TAMGA_OK);
    test_node_open(&node, test_consortium());
    feed(&node, &left);
    cr_assert_eq(give_vote(&node, "node-a", NULL, &left.block[1]), TAMGA_OK);
    cr_assert(is_at(tamga_engine_justified(node.engine), NULL));
    cr_assert_eq(tamga_engine_add_conflict(node.engine, &first, &first, &news),
                 TAMGA_E_BAD_VALUE);
    cr_assert_eq(tamga_engine_add_conflict(node.engine, &first, &second, &news), TAMGA_OK);
    cr_assert(news);
    cr_assert(is_at(tamga_engine_justified(node.engine), &left.block[1]));
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    test_node_reopen(&node);
    cr_assert_eq(tamga_engine_add_conflict(node.engine, &first, &second, &news), TAMGA_OK);
    cr_assert_not(news);
    cr_assert(is_at(tamga_engine_justified(node.engine), &left.block[1]));
    test_node_close(&node);
    clear_line(&left);
    clear_line(&right);
}

/* ---- fork choice ----------------------------------------------------------------------- */

/*
 * Goal:   what is justified comes before work, in both directions of time.
 * Method: a long branch is the best chain; votes justify the short one: the node moves, keeps
 *         to it when the long one grows, and after a restart.
 */
Test(finality, justified_block_comes_before_work)
{
    struct test_node node;
    struct line lighter, heavier, more;

    grow(&lighter, NULL, 1, 1);
    grow(&heavier, NULL, 4, 20);
    grow(&more, &heavier.block[3].trail, 2, 40);
    test_node_open(&node, test_consortium());
    feed(&node, &lighter);
    feed(&node, &heavier);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 4);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    give_quorum(&node, NULL, &lighter.block[0]);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 1);
    feed(&node, &more);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 1);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    test_node_reopen(&node);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 1);
    test_node_close(&node);
    clear_line(&lighter);
    clear_line(&heavier);
    clear_line(&more);
}

/*
 * Goal:   a justified block whose body somebody keeps back draws the node over once it comes.
 * Method: its header alone, the votes, then the body.
 */
Test(finality, waits_for_the_body_of_what_is_justified)
{
    struct test_node node;
    struct line lighter, heavier;
    size_t added;

    grow(&lighter, NULL, 1, 1);
    grow(&heavier, NULL, 2, 20);
    test_node_open(&node, test_consortium());
    feed(&node, &heavier);
    cr_assert_eq(tamga_engine_add_headers(node.engine, &lighter.block[0].block.sealed, 1,
                                          now_of(&lighter.block[0]), &added, NULL),
                 TAMGA_OK);
    give_quorum(&node, NULL, &lighter.block[0]);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 2);
    cr_assert_not(tamga_engine_block_due(node.engine, UINT64_MAX - 1));
    feed(&node, &lighter);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 1);
    test_node_close(&node);
    clear_line(&lighter);
    clear_line(&heavier);
}

/*
 * Goal:   nothing final is ever undone: a branch from below it is refused by its own code,
 *         whatever its work.
 * Method: two final blocks; headers of a far longer branch from genesis.
 */
Test(finality, refuses_branches_from_below)
{
    struct test_node node;
    struct line line, other;
    size_t added;

    grow(&line, NULL, 3, 1);
    grow(&other, NULL, 6, 20);
    test_node_open(&node, test_consortium());
    feed(&node, &line);
    give_quorum(&node, NULL, &line.block[0]);
    give_quorum(&node, &line.block[0], &line.block[1]);
    give_quorum(&node, &line.block[1], &line.block[2]);
    cr_assert(is_at(tamga_engine_final(node.engine), &line.block[1]));
    for (size_t i = 0; i < other.count; i++)
        cr_assert_eq(tamga_engine_add_headers(node.engine, &other.block[i].block.sealed, 1,
                                              now_of(&other.block[i]), &added, NULL),
                     i == 0 ? TAMGA_E_BELOW_FINAL : TAMGA_E_NO_PARENT);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 3);
    test_node_close(&node);
    clear_line(&line);
    clear_line(&other);
}

/* ---- what a validator signs ------------------------------------------------------------ */

static bool sign_due(struct test_node *node, const char *name)
{
    struct tamga_link link;

    if (!tamga_engine_vote_due(node->engine, &link))
        return false;
    cr_assert_eq(give_link(node, name, &link, NULL), TAMGA_OK);
    return true;
}

/*
 * Goal:   a validator votes once for each height, never before it may, and a restart does not
 *         make it forget.
 * Method: vote for height 1, restart, a fork of the same height wins: no vote; height 2: one.
 */
Test(finality, votes_once_for_a_height)
{
    struct test_node node;
    struct tamga_link link;
    struct line left, right;

    grow(&left, NULL, 1, 1);
    grow(&right, NULL, 2, 20);
    test_node_open(&node, test_consortium());
    feed(&node, &left);
    cr_assert_not(tamga_engine_vote_due(node.engine, &link));
    may_vote(&node, "node-a");
    cr_assert(sign_due(&node, "node-a"));
    cr_assert_not(sign_due(&node, "node-a"));
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    test_node_reopen(&node);
    may_vote(&node, "node-a");
    feed(&node, &right);
    cr_assert_eq(tamga_engine_tip(node.engine)->tip.height, 2);
    cr_assert(tamga_engine_vote_due(node.engine, &link));
    cr_assert_eq(link.target.height, 2);
    cr_assert(sign_due(&node, "node-a"));
    test_node_close(&node);
    clear_line(&left);
    clear_line(&right);
}

/*
 * Goal:   a validator whose store is older than its votes does not contradict them: neither
 *         one that it is shown, for blocks it does not have, nor one below what others
 *         call final.
 * Method: a fresh store; its own vote for height 3 comes from a peer; then cosignatures for
 *         height 2 by a quorum.
 */
Test(finality, a_restored_validator_keeps_its_word)
{
    struct test_node node;
    struct tamga_link link;
    struct tamga_checkpoint far;
    struct line line;
    bool news;

    grow(&line, NULL, 4, 1);
    test_node_open(&node, test_consortium());
    cr_assert_eq(give_vote(&node, "node-a", NULL, &line.block[2]), TAMGA_E_UNKNOWN_BLOCK);
    may_vote(&node, "node-a");
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(tamga_engine_add_block(node.engine, &line.block[i].block,
                                            now_of(&line.block[i]), NULL),
                     TAMGA_OK);
        cr_assert_not(tamga_engine_vote_due(node.engine, &link));
    }
    test_node_close(&node);

    test_node_open(&node, test_consortium());
    far = checkpoint_of(&line.block[1]);
    for (int i = 1; i < 3; i++)
        cr_assert_eq(give_word(&node, validators[i], &far, &news), TAMGA_E_UNKNOWN_BLOCK);
    may_vote(&node, "node-a");
    cr_assert_eq(tamga_engine_add_block(node.engine, &line.block[0].block,
                                        now_of(&line.block[0]), NULL),
                 TAMGA_OK);
    cr_assert_not(tamga_engine_vote_due(node.engine, &link));
    test_node_close(&node);
    clear_line(&line);
}

/* ---- checkpoints ------------------------------------------------------------------------ */

/*
 * Goal:   a quorum of cosignatures becomes a checkpoint that verifies, is found again by
 *         height, and makes the block final for a node that saw no vote.
 * Method: a node that has the blocks and nothing else is given two cosignatures.
 */
Test(finality, a_quorum_of_cosignatures_is_believed)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    TAMGA_BUF bytes = {0};
    struct test_node node;
    struct tamga_event event;
    struct tamga_checkpoint checkpoint, read;
    struct line line;
    bool news;

    grow(&line, NULL, 3, 1);
    checkpoint = checkpoint_of(&line.block[1]);
    test_node_open(&node, test_consortium());
    feed(&node, &line);
    cr_assert_eq(give_word(&node, "node-a", &checkpoint, &news), TAMGA_OK);
    cr_assert(news);
    cr_assert_eq(give_word(&node, "node-a", &checkpoint, &news), TAMGA_OK);
    cr_assert_not(news);
    cr_assert(is_at(tamga_engine_final(node.engine), NULL));
    cr_assert_eq(give_word(&node, "node-c", &checkpoint, &news), TAMGA_OK);
    cr_assert(is_at(tamga_engine_final(node.engine), &line.block[1]));
    cr_assert(told(&node, TAMGA_EVENT_CHECKPOINT, &event));
    cr_assert_eq(event.height, 2);
    cr_assert_eq(tamga_engine_flush(node.engine), TAMGA_OK);
    for (uint64_t height = 0; height < 4; height++)
        cr_assert_eq(tamga_query_checkpoint(&node.store->reader, height, &bytes),
                     height < 3 ? TAMGA_OK : TAMGA_E_NOT_FOUND);
    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&message,
                                   &tamga__v1__checkpoint__descriptor, TAMGA_WIRE_CANONICAL,
                                   tamga_buf_span(&bytes), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_checkpoint_verify(&read, test_consortium(), message, NULL, NULL),
                 TAMGA_OK);
    cr_assert(tamga_point_equal(&read.at, &checkpoint.at));
    test_node_reopen(&node);
    cr_assert_eq(tamga_engine_checkpoint(node.engine)->at.height, 2);
    test_node_close(&node);
    clear_line(&line);
}

/*
 * Goal:   votes that were here before their source became final by a checkpoint count then.
 * Method: a quorum from block 1 to 2, held while nothing says that 1 is justified; then a
 *         checkpoint of 1.
 */
Test(finality, counts_again_after_a_checkpoint)
{
    struct test_node node;
    struct tamga_checkpoint checkpoint;
    struct line line;
    bool news;

    grow(&line, NULL, 2, 1);
    checkpoint = checkpoint_of(&line.block[0]);
    test_node_open(&node, test_consortium());
    feed(&node, &line);
    give_quorum(&node, &line.block[0], &line.block[1]);
    cr_assert(is_at(tamga_engine_justified(node.engine), NULL));
    for (int i = 0; i < 2; i++)
        cr_assert_eq(give_word(&node, validators[i], &checkpoint, &news), TAMGA_OK);
    cr_assert(is_at(tamga_engine_justified(node.engine), &line.block[1]));
    test_node_close(&node);
    clear_line(&line);
}

/*
 * Goal:   cosignatures that do not fit the block, or what is final, are refused by code.
 * Method: an unknown block, a wrong state root, a wrong time, a block beside a final one.
 */
Test(finality, refuses_cosignatures_that_contradict)
{
    struct test_node node;
    struct tamga_checkpoint lie;
    struct line line, other;
    bool news;

    grow(&line, NULL, 3, 1);
    grow(&other, NULL, 1, 20);
    test_node_open(&node, test_consortium());
    feed(&node, &other);
    feed(&node, &line);
    give_quorum(&node, NULL, &line.block[0]);
    give_quorum(&node, &line.block[0], &line.block[1]);
    lie = checkpoint_of(&line.block[2]);
    lie.at.id.hash.byte[0] ^= 1;
    cr_assert_eq(give_word(&node, "node-b", &lie, &news), TAMGA_E_UNKNOWN_BLOCK);
    lie = checkpoint_of(&line.block[2]);
    lie.state_root.byte[31] ^= 1;
    cr_assert_eq(give_word(&node, "node-b", &lie, &news), TAMGA_E_CHECKPOINT_CONFLICT);
    lie = checkpoint_of(&line.block[2]);
    lie.time_ms++;
    cr_assert_eq(give_word(&node, "node-b", &lie, &news), TAMGA_E_CHECKPOINT_CONFLICT);
    lie = checkpoint_of(&other.block[0]);
    cr_assert_eq(give_word(&node, "node-b", &lie, &news), TAMGA_E_CHECKPOINT_CONFLICT);
    test_node_close(&node);
    clear_line(&line);
    clear_line(&other);
}

/*
 * Goal:   a validator gives its word once, for what is final and what it has itself.
 * Method: nothing due before finality; due after; not again; not after the quorum.
 */
Test(finality, gives_its_word_once)
{
    struct test_node node;
    struct tamga_checkpoint due;
    struct line line;
    bool news;

    grow(&line, NULL, 2, 1);
    test_node_open(&node, test_consortium());
    may_vote(&node, "node-a");
    feed(&node, &line);
    cr_assert_not(tamga_engine_cosignature_due(node.engine, &due));
    give_quorum(&node, NULL, &line.block[0]);
    give_quorum(&node, &line.block[0], &line.block[1]);
    cr_assert(tamga_engine_cosignature_due(node.engine, &due));
    cr_assert(is_at(&due.at, &line.block[0]));
    cr_assert_eq(give_word(&node, "node-a", &due, &news), TAMGA_OK);
    cr_assert_not(tamga_engine_cosignature_due(node.engine, &due));
    test_node_close(&node);
    clear_line(&line);
}

/* ---- empty blocks ------------------------------------------------------------------------ */

/*
 * Goal:   an empty block is due while entries are not final: at once on a justified tip,
 *         after a growing wait on another; never on an idle chain.
 * Method: ask at each stage; a proposal then has no entries.
 */
Test(finality, asks_for_an_empty_block)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    uint64_t block_ms = test_consortium()->params.block_time_ms, tip_ms;
    struct tamga_address miner;
    struct test_node node;
    struct test_block empty;
    struct line line;

    test_address(&miner, "node-a");
    grow(&line, NULL, 1, 1);
    test_node_open(&node, test_consortium());
    cr_assert_eq(tamga_engine_due_ms(node.engine), UINT64_MAX);
    feed(&node, &line);
    tip_ms = now_of(&line.block[0]);
    cr_assert_eq(tamga_engine_due_ms(node.engine), tip_ms + block_ms);
    give_quorum(&node, NULL, &line.block[0]);
    cr_assert_eq(tamga_engine_due_ms(node.engine), VOTES_MS);
    cr_assert_eq(tamga_engine_propose(node.engine, &block, &miner, tip_ms + 1000), TAMGA_OK);
    cr_assert_eq(block.count, 0);
    test_block_on(&empty, test_consortium(), &line.block[0].trail, "node-a", 0, NULL, 0, NULL);
    cr_assert_eq(tamga_engine_add_block(node.engine, &empty.block, now_of(&empty), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_engine_due_ms(node.engine), now_of(&empty) + 2 * block_ms);
    give_quorum(&node, &line.block[0], &empty);
    cr_assert_eq(tamga_engine_due_ms(node.engine), UINT64_MAX);
    cr_assert_eq(tamga_engine_propose(node.engine, &block, &miner, tip_ms + 9000),
                 TAMGA_E_NOT_FOUND);
    test_block_clear(&empty);
    test_node_close(&node);
    clear_line(&line);
}
