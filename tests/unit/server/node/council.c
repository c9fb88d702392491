/* Validators whose loops and links are the test's own. Knows no scenario. */
#include "council.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define TURNS_MAX 64

static const struct tamga_peer_addr peers[] = {{.rpc = "tcp://127.0.0.1:1"},
                                               {.rpc = "tcp://127.0.0.1:2"}};

static void open_node(struct seat *seat)
{
    struct tamga_node_options options = {
        .name = seat->name,
        .chain = test_consortium(),
        .store = seat->store,
        .key = test_key(seat->name),
        .mine = true,
        .peer = peers,
        .peer_count = 2,
    };

    cr_assert_eq(tamga_node_open(&seat->node, &options, NULL), TAMGA_OK);
    seat->voted = seat->cosigned = 0;
    proofs_review(seat->node);
}

void council_open(struct council *council, size_t count)
{
    *council = (struct council){.count = count, .now_ms = TEST_GENESIS_MS};
    for (size_t i = 0; i < count; i++) {
        struct seat *seat = &council->seat[i];

        snprintf(seat->name, sizeof seat->name, "node-%c", (char)('a' + i));
        cr_assert_eq(tamga_store_mem_new(&seat->store), TAMGA_OK);
        open_node(seat);
    }
}

void council_close(struct council *council)
{
    for (size_t i = 0; i < council->count; i++) {
        tamga_node_close(council->seat[i].node);
        council->seat[i].store->ops->close(council->seat[i].store);
    }
}

void council_restart(struct council *council, size_t seat)
{
    tamga_node_close(council->seat[seat].node);
    open_node(&council->seat[seat]);
}

void council_ready(struct council *council, size_t seat)
{
    for (size_t i = 0; i < 2; i++)
        atomic_store(&council->seat[seat].node->peer[i].told_finality, true);
}

static void review(struct seat *seat)
{
    struct tamga_event event;

    proofs_review(seat->node);
    while (tamga_engine_next_event(seat->node->engine, &event))
        seat->node->finality.words_changed = true;
}

static void carry_block(struct council *council, size_t from, const struct tamga_block *block)
{
    for (size_t i = 0; i < council->count; i++) {
        struct tamga_engine *engine = council->seat[i].node->engine;

        if (i != from)
            cr_assert_eq(tamga_engine_add_block(engine, block, council->now_ms, NULL),
                         TAMGA_OK);
        cr_assert_eq(tamga_engine_flush(engine), TAMGA_OK);
        review(&council->seat[i]);
    }
}

bool council_mine(struct council *council, size_t seat)
{
    struct seat *self = &council->seat[seat];
    struct test_node miner = {test_consortium(), self->store, self->node->engine};
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    enum tamga_err err;

    council->now_ms += TEST_SPACING_MS;
    err = test_mine(&miner, &block, self->name, council->now_ms);
    if (err == TAMGA_E_NOT_FOUND)
        return false;
    cr_assert_eq(err, TAMGA_OK);
    carry_block(council, seat, &block);
    return true;
}

void council_release(struct council *council, size_t seat, struct tamga_entry_id *id)
{
    struct seat *self = &council->seat[seat];
    struct test_node miner = {test_consortium(), self->store, self->node->engine};
    struct test_release release = {.counter = ++council->releases,
                                   .time_ms = council->now_ms};
    TAMGA_BUF payload = {0};

    test_release(&payload, id, &release);
    cr_assert_eq(test_submit(&miner, &payload, council->now_ms), TAMGA_OK);
    cr_assert(council_mine(council, seat));
}

/* ---- carrying -------------------------------------------------------------------------- */

static void run(struct council *council, size_t seat, struct tidings *tidings)
{
    struct tamga_node *node = council->seat[seat].node;

    cr_assert_eq(tidings_run(node, &tidings->letter, council->now_ms), TAMGA_OK);
    cr_assert_eq(tamga_engine_flush(node->engine), TAMGA_OK);
    review(&council->seat[seat]);
}

enum tamga_err council_hear_vote(struct council *council, size_t seat, struct tamga_span vote)
{
    TAMGA_CLEANUP(tidings_clear) struct tidings tidings = {0};
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
    enum tamga_err err =
        tamga_wire_unpack(&message, &tamga__v1__signed__descriptor, TAMGA_WIRE_LOOSE, vote, NULL);

    if (err == TAMGA_OK)
        err = tidings_add_vote(&tidings, council->seat[seat].node,
                               (const Tamga__V1__Signed *)message, NULL);
    if (err == TAMGA_OK)
        run(council, seat, &tidings);
    return err;
}

static void hear_word(struct council *council, size_t seat,
                      const struct tamga_cosignature *word)
{
    TAMGA_CLEANUP(tidings_clear) struct tidings tidings = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    struct tamga_cosignature alone = *word;

    cr_assert_eq(tamga_checkpoint_pack(&message, test_consortium(), &alone, 1), TAMGA_OK);
    cr_assert_eq(tidings_add_checkpoint(&tidings, council->seat[seat].node, message, NULL),
                 TAMGA_OK);
    run(council, seat, &tidings);
}

void council_turn(struct council *council, size_t seat)
{
    struct seat *self = &council->seat[seat];
    struct finality_room *room = &self->node->finality;

    cr_assert_eq(finality_sign(self->node, council->now_ms), TAMGA_OK);
    cr_assert_eq(tamga_engine_flush(self->node->engine), TAMGA_OK);
    review(self);
    for (size_t i = 0; i < council->count; i++) {
        if (i == seat)
            continue;
        for (size_t j = 0; j < room->vote_count; j++)
            cr_assert_eq(council_hear_vote(council, i, tamga_buf_span(&room->vote[j].bytes)),
                         TAMGA_OK);
        for (size_t j = 0; j < room->cosignature_count; j++)
            hear_word(council, i, &room->cosignature[j]);
    }
    self->voted += (uint32_t)room->vote_count;
    self->cosigned += (uint32_t)room->cosignature_count;
    finality_tell(self->node);
}

void council_settle(struct council *council)
{
    for (size_t turn = 0; turn < TURNS_MAX; turn++) {
        uint32_t before = 0, after = 0;

        for (size_t i = 0; i < council->count; i++) {
            before += council->seat[i].voted + council->seat[i].cosigned;
            council_turn(council, i);
            after += council->seat[i].voted + council->seat[i].cosigned;
        }
        if (before == after)
            return;
    }
    cr_assert_fail("validators sign without end");
}

void council_finish(struct council *council)
{
    for (size_t block = 0; block < TURNS_MAX; block++) {
        council_settle(council);
        if (!council_mine(council, 0))
            return;
    }
    cr_assert_fail("empty blocks without end");
}

void council_vote(struct tamga_buf *out, const char *name, const struct tamga_link *link)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};

    cr_assert_eq(tamga_vote_make(&vote, test_consortium(), link, test_key(name)), TAMGA_OK);
    tamga_buf_move(out, &vote.bytes);
}

struct tamga_point council_point(const struct council *council, size_t seat, uint64_t height)
{
    struct tamga_point point = {.height = height};

    cr_assert_eq(tamga_query_id_at(&council->seat[seat].store->reader.view, height, &point.id),
                 TAMGA_OK);
    return point;
}
