/* client/link/finality.c: checkpoints that nodes show, and evidence against validators. */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "fake_node.h"
#include "link/finality.h"
#include "wire/wire.h"

/* ---- checkpoints ------------------------------------------------------------------- */

struct world {
    struct fake_node *node;
    struct tamga_session *session;
};

static void world_open(struct world *world, const struct fake_options *options, size_t blocks)
{
    const char *addr;
    TAMGA_BUF payload = {0};

    world->node = fake_start(options);
    addr = fake_addr(world->node);
    for (uint64_t i = 1; i <= blocks; i++) {
        test_release(&payload, NULL,
                     &(struct test_release){.counter = i, .time_ms = (uint64_t)time(NULL) * 1000});
        fake_add(world->node, test_consortium(), &payload);
    }
    cr_assert_eq(tamga_session_open(&world->session, test_consortium(), NULL, &addr, 1, 5000, NULL),
                 TAMGA_OK);
}

static void world_close(struct world *world)
{
    tamga_session_close(world->session);
    fake_stop(world->node);
}

static enum tamga_err fetch(struct world *world, uint64_t height, struct tamga_cosigned *out)
{
    return tamga_cosigned_fetch(out, world->session, test_consortium(), height, NULL);
}

static bool is_named(const struct tamga_cosigned *cosigned, const char *name)
{
    for (size_t i = 0; i < cosigned->count; i++)
        if (strcmp(cosigned->name[i], name) == 0)
            return true;
    return false;
}

/*
 * Goal:   a checkpoint comes with the names of those who cosigned it.
 * Method: two blocks, the second final; ask for the newest, and from each height on.
 */
Test(finality, names_the_cosigners)
{
    struct world world;
    struct tamga_cosigned cosigned;
    size_t named = 0;

    world_open(&world, &(struct fake_options){.final = true}, 2);
    for (uint64_t height = 0; height <= 2; height++) {
        cr_assert_eq(fetch(&world, height, &cosigned), TAMGA_OK);
        cr_assert_eq(cosigned.checkpoint.at.height, 2);
        cr_assert_eq(cosigned.count, tamga_quorum(test_consortium(), 0));
    }
    named += is_named(&cosigned, "node-a");
    named += is_named(&cosigned, "node-b");
    named += is_named(&cosigned, "node-c");
    cr_assert_eq(named, cosigned.count);
    cr_assert_eq(fetch(&world, 3, &cosigned), TAMGA_E_NOT_FOUND);
    world_close(&world);
}

/*
 * Goal:   fewer than a quorum make no checkpoint.
 * Method: one cosignature less.
 */
Test(finality, refuses_too_few_cosigners)
{
    struct world world;
    struct tamga_cosigned cosigned;

    world_open(&world, &(struct fake_options){.final = true, .few_cosigners = true}, 1);
    cr_assert_eq(fetch(&world, 0, &cosigned), TAMGA_E_TOO_FEW_COSIGNERS);
    world_close(&world);
}

/*
 * Goal:   a checkpoint from below the height that was asked for is a lie.
 * Method: one block that is final; ask from height 2 on.
 */
Test(finality, refuses_a_checkpoint_from_below)
{
    struct world world;
    struct tamga_cosigned cosigned = {.count = 77};

    world_open(&world, &(struct fake_options){.final = true, .low_checkpoint = true}, 1);
    cr_assert_eq(fetch(&world, 2, &cosigned), TAMGA_E_PEER_LIED);
    cr_assert_eq(cosigned.count, 77, "touched");
    cr_assert_eq(tamga_cosigned_open(&cosigned, test_consortium(), NULL, NULL),
                 TAMGA_E_MISSING_FIELD);
    world_close(&world);
}

/* ---- evidence ---------------------------------------------------------------------- */

struct spoken {
    const char *who;
    uint64_t source, target, name;
};

static void speak(ProtobufCMessage **out, const struct spoken *spoken)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    struct tamga_link link = {.source.height = spoken->source, .target.height = spoken->target};

    test_image(&link.source.id.hash, spoken->source);
    test_image(&link.target.id.hash, spoken->name);
    cr_assert_eq(tamga_vote_make(&vote, test_consortium(), &link, test_key(spoken->who)),
                 TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack(out, &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                   tamga_buf_span(&vote.bytes), NULL),
                 TAMGA_OK);
}

static enum tamga_err judge(struct tamga_contradiction *out, const struct spoken *first,
                            const struct spoken *second, bool forge)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *a = NULL;
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *b = NULL;
    Tamga__V1__VoteConflict conflict = TAMGA__V1__VOTE_CONFLICT__INIT;

    speak(&a, first);
    speak(&b, second);
    conflict.first = (Tamga__V1__Signed *)a;
    conflict.second = (Tamga__V1__Signed *)b;
    if (forge)
        conflict.second->signature->value.data[5] ^= 1;
    return tamga_contradiction_open(out, test_consortium(), &conflict, NULL);
}

/*
 * Goal:   both ways in which a validator can contradict itself are told, by its name.
 * Method: two votes for one height; one around the other, in either order.
 */
Test(finality, tells_contradictions)
{
    const struct spoken inner = {"node-b", 5, 8, 1}, outer = {"node-b", 3, 12, 2};
    const struct spoken other = {"node-b", 3, 12, 3};
    struct tamga_contradiction told;

    cr_assert_eq(judge(&told, &outer, &other, false), TAMGA_OK);
    cr_assert_str_eq(told.name, "node-b");
    cr_assert_eq(told.rule, TAMGA_E_VOTE_TWICE);
    cr_assert_eq(told.first.target.height, 12);
    cr_assert_eq(judge(&told, &inner, &outer, false), TAMGA_OK);
    cr_assert_eq(told.rule, TAMGA_E_VOTE_SURROUNDS);
    cr_assert_eq(judge(&told, &outer, &inner, false), TAMGA_OK);
    cr_assert_eq(told.rule, TAMGA_E_VOTE_SURROUNDS);
}

/*
 * Goal:   nobody is accused by what is no evidence.
 * Method: the same vote twice; votes that fit; of two validators; one forged; one missing.
 */
Test(finality, refuses_false_evidence)
{
    const struct spoken vote = {"node-b", 3, 12, 2}, next = {"node-b", 12, 13, 3};
    const struct spoken other = {"node-b", 3, 12, 3}, another = {"node-c", 3, 12, 3};
    Tamga__V1__VoteConflict empty = TAMGA__V1__VOTE_CONFLICT__INIT;
    struct tamga_contradiction told = {.name = "untouched"};

    cr_assert_eq(judge(&told, &vote, &vote, false), TAMGA_E_PEER_LIED);
    cr_assert_eq(judge(&told, &vote, &next, false), TAMGA_E_PEER_LIED);
    cr_assert_eq(judge(&told, &vote, &another, false), TAMGA_E_PEER_LIED);
    cr_assert_eq(judge(&told, &vote, &other, true), TAMGA_E_BAD_SIGNATURE);
    cr_assert_eq(tamga_contradiction_open(&told, test_consortium(), &empty, NULL),
                 TAMGA_E_MISSING_FIELD);
    cr_assert_str_eq(told.name, "untouched");
}
