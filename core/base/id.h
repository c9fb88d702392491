/*
 * 32-byte names. One type for each kind of thing, so that a block id cannot be
 * passed for a transaction's.
 */
#ifndef TAMGA_BASE_ID_H
#define TAMGA_BASE_ID_H

#include <string.h>

#include "base/span.h"

#define TAMGA_HASH_BYTES 32
#define TAMGA_HEX_CHARS (2 * TAMGA_HASH_BYTES + 1)

struct tamga_hash {
    uint8_t byte[TAMGA_HASH_BYTES];
};
struct tamga_block_id { struct tamga_hash hash; };  /* SHA-256 of a header */
struct tamga_entry_id { struct tamga_hash hash; };  /* a transaction's or a record's */
struct tamga_address { struct tamga_hash hash; };   /* hash of a public key */
struct tamga_scope { struct tamga_hash hash; };     /* a chain id or the network id */

static inline bool tamga_hash_equal(const struct tamga_hash *a, const struct tamga_hash *b)
{
    return memcmp(a->byte, b->byte, TAMGA_HASH_BYTES) == 0;
}
static inline bool tamga_hash_is_zero(const struct tamga_hash *hash)
{
    static const struct tamga_hash zero;

    return tamga_hash_equal(hash, &zero);
}
static inline struct tamga_span tamga_hash_span(const struct tamga_hash *hash)
{
    return tamga_span(hash->byte, TAMGA_HASH_BYTES);
}
/* BAD_LENGTH unless bytes are exactly 32. */
TAMGA_MUST_USE static inline enum tamga_err tamga_hash_from(struct tamga_hash *out,
                                                            struct tamga_span bytes)
{
    if (bytes.len != TAMGA_HASH_BYTES)
        return TAMGA_E_BAD_LENGTH;
    memcpy(out->byte, bytes.data, TAMGA_HASH_BYTES);
    return TAMGA_OK;
}

#endif
