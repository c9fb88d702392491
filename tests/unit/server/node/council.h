/*
 * The validators of the fixture's consortium chain in one process: nodes over stores in
 * memory that are not started, so that the test is their loop and carries every message.
 */
#ifndef TAMGA_TEST_COUNCIL_H
#define TAMGA_TEST_COUNCIL_H

#include "fixture.h"
#include "node/node_internal.h"

#define COUNCIL_MAX 3

struct seat {
    char name[8];
    struct tamga_store *store;
    struct tamga_node *node;
    uint32_t voted; /* votes and cosignatures that it signed since it was opened */
    uint32_t cosigned;
};
struct council {
    struct seat seat[COUNCIL_MAX];
    size_t count;
    uint64_t now_ms;
    uint64_t releases;
};

/* node-a.. over empty stores; none votes before council_ready. */
void council_open(struct council *council, size_t count);
void council_close(struct council *council);
/* Close one node and open it again on the same store, as after a restart. */
void council_restart(struct council *council, size_t seat);
/* Its peers have told all they know. */
void council_ready(struct council *council, size_t seat);
/* Put one more release into a block of this node; all others get the block. */
void council_release(struct council *council, size_t seat, struct tamga_entry_id *id);
/* A block of what waits, perhaps an empty one. False: there is nothing to mine. */
bool council_mine(struct council *council, size_t seat);
/* One turn of a loop: sign, flush, carry what was signed to all others. */
void council_turn(struct council *council, size_t seat);
/* Turns of all until nobody signs any more. */
void council_settle(struct council *council);
/* The same, with empty blocks as they become due, until nothing is due. */
void council_finish(struct council *council);

/* Another validator's vote, as it comes over the wire. */
void council_vote(struct tamga_buf *out, const char *name, const struct tamga_link *link);
struct tamga_point council_point(const struct council *council, size_t seat, uint64_t height);
/* Into the node's engine and store, as if heard. Returns the verdict on its shape. */
enum tamga_err council_hear_vote(struct council *council, size_t seat, struct tamga_span vote);

#endif
