/*
 * Who makes a chain's blocks final, by heights: for a vote or a checkpoint the validators of
 * its height count. Genesis names the first; later ones come from the consortium chain's
 * state. Seats are only ever added, so that a place in the list means the same for good;
 * one that no block of the best chain knows any more holds at no height.
 *
 * Threads: one adds, any read.
 */
#ifndef TAMGA_CHAIN_COUNCIL_H
#define TAMGA_CHAIN_COUNCIL_H

#include "chain/network.h"
#include "tamga/v1/state.pb-c.h"

#define TAMGA_SEATS_MAX   256 /* all that ever were */
#define TAMGA_COUNCIL_GAP 4u  /* blocks at least until a change of validators holds */

struct tamga_seat {
    const struct tamga_member *member;
    uint64_t from;           /* first height */
    uint64_t decided;        /* height of the block that said so; 0: genesis */
    _Atomic uint64_t until;  /* first height at which it is over; 0: not decided */
    _Atomic uint64_t ended;  /* height of the block that said that */
};
struct tamga_council {
    struct tamga_seat seat[TAMGA_SEATS_MAX];
    _Atomic uint32_t count;
    uint32_t thirds; /* of the validators that make a quorum: 2 */
    /* Up to which height an engine knows the seats: those of later ones may be decided in
     * blocks that it has not connected. UINT64_MAX: there is no engine. */
    _Atomic uint64_t horizon;
    /* Learned from checkpoints: of which height, and the hash it states. Zero: genesis. */
    uint64_t as_of;
    struct tamga_hash hash;
};

/* Genesis' validators of one chain, ascending by address. */
void tamga_council_init(struct tamga_council *council, const struct tamga_network *network,
                        const Tamga__V1__ChainParams *params);
bool tamga_seat_holds(const struct tamga_seat *seat, uint64_t height);
/* The same by what was decided up to a height: of blocks that leave the best chain there. */
bool tamga_seat_held(const struct tamga_seat *seat, uint64_t height, uint64_t as_of);
/* How many there are at a height, and how many of those are a quorum: two thirds, rounded up. */
uint32_t tamga_council_size(const struct tamga_council *council, uint64_t height);
uint32_t tamga_council_quorum(const struct tamga_council *council, uint64_t height);
uint32_t tamga_council_quorum_as_of(const struct tamga_council *council, uint64_t height,
                                    uint64_t as_of);
/* A seat of this address: that which holds at the height, or any. NOT_VALIDATOR, UNKNOWN_BLOCK. */
TAMGA_MUST_USE enum tamga_err tamga_council_any(uint32_t *out,
                                                const struct tamga_council *council,
                                                struct tamga_span address, uint64_t height);
/* Whose seat holds at a height. Errors: NOT_VALIDATOR. */
TAMGA_MUST_USE enum tamga_err tamga_council_find(uint32_t *out,
                                                 const struct tamga_council *council,
                                                 struct tamga_span address, uint64_t height);
/* Is somebody who has no seat at a height nobody, or can blocks that are missing here have
 * given him one? UNKNOWN_BLOCK, or NOT_VALIDATOR. */
enum tamga_err tamga_council_stranger(const struct tamga_council *council, uint64_t height);
/* Did this address have a seat at some height? */
bool tamga_council_knew(const struct tamga_council *council, struct tamga_span address);
/*
 * All seats as the state has them; their keys are known to the network.
 * Errors: ROSTER_FULL; NOT_MEMBER: a key that the network does not know.
 */
TAMGA_MUST_USE enum tamga_err tamga_council_learn(struct tamga_council *council,
                                                  const struct tamga_network *network,
                                                  const Tamga__V1__StateCouncil *rows);

#endif
