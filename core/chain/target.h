/*
 * Targets and work: 256-bit numbers, Bitcoin's compact form, and the ASERT schedule.
 * Pure arithmetic; knows no block.
 */
#ifndef TAMGA_CHAIN_TARGET_H
#define TAMGA_CHAIN_TARGET_H

#include "base/id.h"

/* An unsigned 256-bit number, least significant limb first. */
struct tamga_u256 {
    uint64_t limb[4];
};

int tamga_u256_compare(const struct tamga_u256 *a, const struct tamga_u256 *b);
/* Wraps at 2^256, which cumulative work cannot reach. */
void tamga_u256_add(struct tamga_u256 *sum, const struct tamga_u256 *more);
void tamga_u256_to_bytes(uint8_t out[32], const struct tamga_u256 *value); /* big-endian */
void tamga_u256_from_bytes(struct tamga_u256 *out, const uint8_t in[32]);

/* Errors: BAD_TARGET for zero, negative, overflowing or not the shortest compact form. */
TAMGA_MUST_USE enum tamga_err tamga_target_expand(struct tamga_u256 *out, uint32_t compact);
uint32_t tamga_target_compact(const struct tamga_u256 *target);
/* Expected number of hashes for a target: 2^256 / (target + 1). */
void tamga_target_work(struct tamga_u256 *out, const struct tamga_u256 *target);

/*
 * Target of the block after one at the given distance from the anchor (aserti3-2d).
 *
 * Units:   all times in one unit, ours are milliseconds; time_diff is measured from the
 *          anchor's parent, height_diff from the anchor itself.
 * Shapes:  spacing and halflife 1..2^32-1; |time_diff| and |height_diff| below 2^62;
 *          both targets expand.
 * Returns: compact, never above limit, never zero.
 * Source:  BCH CHIP-2020-11-15 "aserti3-2d".
 */
uint32_t tamga_target_asert(uint32_t anchor_target, int64_t spacing, int64_t halflife,
                            int64_t time_diff, int64_t height_diff, uint32_t limit);

#endif
