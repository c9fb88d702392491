/*
 * The block header of both chains: a fixed layout, hashed with SHA-256.
 *
 *   offset  0  version     u32      offset 140  anchor       32 bytes
 *           4  chain id    32 bytes        172  miner        32 bytes
 *          36  height      u64             204  time_ms      u64
 *          44  parent      32 bytes        212  entry_count  u32
 *          76  body root   32 bytes        216  target       u32, compact
 *         108  state root  32 bytes        220  nonce        u64
 *
 * Integers are big-endian. What changes while mining lies in the last SHA-256 block.
 */
#ifndef TAMGA_CHAIN_HEADER_H
#define TAMGA_CHAIN_HEADER_H

#include "chain/target.h"
#include "crypto/key.h"
#include "tamga/v1/block.pb-c.h"

#define TAMGA_HEADER_BYTES   228
#define TAMGA_HEADER_VERSION 1
#define TAMGA_MEDIAN_COUNT   11

struct tamga_header {
    uint32_t version;
    struct tamga_scope chain;
    uint64_t height;
    struct tamga_block_id parent;
    struct tamga_hash body_root;
    struct tamga_hash state_root; /* of the state map after this block */
    /* Anchored chains: newest final block of the chain above; zero if none. Else: hash of
     * the council after this block; zero while that is genesis'. */
    struct tamga_hash anchor;
    struct tamga_address miner;
    uint64_t time_ms;
    uint32_t entry_count;
    uint32_t target;
    uint64_t nonce;
};

struct tamga_sealed {
    struct tamga_header header;
    struct tamga_signature seal;
};

/* The numbers by which a chain runs; from genesis, checked when read. */
struct tamga_params {
    uint32_t target_limit;
    uint32_t block_time_ms;
    uint32_t halflife_ms;
    uint32_t drift_ms;
    uint64_t entry_age_max_ms;
    uint32_t block_entries_max;
    uint32_t block_bytes_max;
    uint32_t block_wait_ms;
};

#define TAMGA_EMPTY_RUN_MAX 64 /* blocks without entries in a row; they make others final */

/* The end of a chain of headers: all that judging the next one needs. */
struct tamga_trail {
    struct tamga_header tip;
    struct tamga_block_id tip_id;
    struct tamga_u256 work;    /* cumulative */
    uint64_t genesis_time_ms;  /* anchor of the target schedule */
    size_t time_count;         /* 1..TAMGA_MEDIAN_COUNT */
    uint64_t time_ms[TAMGA_MEDIAN_COUNT]; /* newest last */
    uint32_t empty_run;        /* blocks without entries at the end; from genesis on: MAX */
};

void tamga_header_encode(uint8_t out[TAMGA_HEADER_BYTES], const struct tamga_header *header);
/* Errors: BAD_LENGTH. Every value of every field is accepted here. */
TAMGA_MUST_USE enum tamga_err tamga_header_decode(struct tamga_header *out,
                                                  struct tamga_span bytes);
void tamga_header_id(struct tamga_block_id *out, const struct tamga_header *header);

/* From the wire and back. Errors: MISSING_FIELD, BAD_LENGTH, BAD_SIGNATURE (shape). */
TAMGA_MUST_USE enum tamga_err tamga_sealed_decode(struct tamga_sealed *out,
                                                  const Tamga__V1__SealedHeader *untrusted);

/* Wire form that lends from its own storage; made by tamga_sealed_lend. */
struct tamga_sealed_wire {
    uint8_t header[TAMGA_HEADER_BYTES];
    Tamga__V1__Signature seal;
    Tamga__V1__SealedHeader message; /* points into this struct and into `sealed` */
};
void tamga_sealed_lend(struct tamga_sealed_wire *wire, const struct tamga_sealed *sealed);

void tamga_trail_start(struct tamga_trail *trail, const struct tamga_header *genesis);
void tamga_trail_push(struct tamga_trail *trail, const struct tamga_header *header,
                      const struct tamga_block_id *id);
/* Target that the schedule sets for the block after the trail's tip. */
uint32_t tamga_trail_target(const struct tamga_trail *trail, const struct tamga_params *params);
/* The next block's time must be above this. */
uint64_t tamga_trail_median_ms(const struct tamga_trail *trail);

/*
 * Judge a header as the next one of a trail; who mined it is not judged here.
 *
 * Errors:  BAD_VERSION, WRONG_CHAIN, BAD_PARENT, BAD_HEIGHT, EMPTY_BLOCK,
 *          BLOCK_TOO_LARGE, TIME_TOO_OLD, TIME_TOO_NEW, BAD_TARGET, BAD_WORK;
 *          the first that fails, in this order.
 * Source:  docs/PROTOCOL.md, "Header validity".
 */
TAMGA_MUST_USE enum tamga_err tamga_header_validate(const struct tamga_params *params,
                                                    const struct tamga_trail *trail,
                                                    const struct tamga_header *header,
                                                    const struct tamga_block_id *id,
                                                    uint64_t now_ms,
                                                    struct tamga_detail *detail);

/* What the miner signs: the seal domain, scope chain id, over the block id. */
void tamga_seal_digest(struct tamga_hash *out, const struct tamga_header *header,
                       const struct tamga_block_id *id);
/* Errors: BAD_SEAL. */
TAMGA_MUST_USE enum tamga_err tamga_seal_check(const struct tamga_sealed *sealed,
                                               const struct tamga_block_id *id,
                                               const struct tamga_public_key *miner);

#endif
