/*
 * Content ids: CIDv0 and CIDv1 with SHA-256, codecs raw (0x55) and dag-pb (0x70) only.
 * Text is the one that `ipfs add` prints: base58btc for v0, base32 lower for v1.
 */
#ifndef TAMGA_CONTENT_CID_H
#define TAMGA_CONTENT_CID_H

#include "base/id.h"

#define TAMGA_CODEC_RAW    0x55
#define TAMGA_CODEC_DAG_PB 0x70
#define TAMGA_CID_TEXT_MAX 64     /* with its NUL */
#define TAMGA_CID_BINARY_MAX 36

struct tamga_cid {
    uint8_t version; /* 0 or 1 */
    uint8_t codec;   /* v0: always dag-pb */
    struct tamga_hash digest;
};

bool tamga_cid_equal(const struct tamga_cid *a, const struct tamga_cid *b);
void tamga_cid_of(struct tamga_cid *out, uint8_t version, uint8_t codec,
                  struct tamga_span block);
/* Errors: BAD_CID: other base, version, codec, hash or length, or not the canonical text. */
TAMGA_MUST_USE enum tamga_err tamga_cid_parse(struct tamga_cid *out, const char *text);
void tamga_cid_format(char text[TAMGA_CID_TEXT_MAX], const struct tamga_cid *cid);
/* Binary form as in dag-pb links: v0 is the bare multihash of 34 bytes, v1 has 36. */
size_t tamga_cid_encode(uint8_t out[TAMGA_CID_BINARY_MAX], const struct tamga_cid *cid);
TAMGA_MUST_USE enum tamga_err tamga_cid_decode(struct tamga_cid *out, struct tamga_span bytes);
/* Errors: CID_MISMATCH. */
TAMGA_MUST_USE enum tamga_err tamga_cid_check(const struct tamga_cid *cid,
                                              struct tamga_span block);

#endif
