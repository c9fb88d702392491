/*
 * What members decide on the fixture's network, said shortly: proposals, approvals, new keys.
 * Voters there are acme, bolt, node-a, node-b and node-c; four of them make a quorum.
 */
#ifndef TAMGA_TEST_DECIDE_H
#define TAMGA_TEST_DECIDE_H

#include "fixture.h"

/* {0} changes nothing. `key` names whose public key it is to be; NULL: as it is. */
struct test_change {
    const char *name;
    const char *key;
    uint32_t roles;
    Tamga__V1__Standing standing;
    Tamga__V1__Seat seat;
    bool revoke_key;
    uint32_t after;       /* 0: 1 */
    uint64_t expires_ms;  /* 0: an hour after genesis */
};
void test_propose(struct tamga_buf *out, struct tamga_entry_id *id, const char *sender,
                  const struct test_change *change);
void test_approve(struct tamga_buf *out, const char *sender, const struct tamga_entry_id *id);
/* From one key to another; `proof` names who signs for the new one (NULL: itself). Holds so
 * many blocks later. */
void test_rotate(struct tamga_buf *out, const char *old, const char *new, const char *proof,
                 uint32_t after);

/* What is said from now on is signed at the same times as from the start of the program, so
 * that a run can be repeated. */
void test_decide_anew(void);

/* Submit and mine, a second after the block before; what the door said. */
enum tamga_err test_settle(struct test_node *node, const struct tamga_buf *payload);
/* The same, each in a block of its own, up to a quorum: the proposal by acme, then bolt, node-a
 * and node-b. *id: the proposal's. */
enum tamga_err test_decide(struct test_node *node, struct tamga_entry_id *id,
                           const struct test_change *change);
/* An empty or filled block on the tip, so that heights pass. */
void test_pass(struct test_node *node, unsigned blocks);

#endif
