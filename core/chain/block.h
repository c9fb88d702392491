/* A block: its sealed header and the exact leaves of its body. Knows no rules. */
#ifndef TAMGA_CHAIN_BLOCK_H
#define TAMGA_CHAIN_BLOCK_H

#include "chain/header.h"
#include "merkle/tree.h"

#define TAMGA_BLOCK_ENTRIES_MAX 65536
#define TAMGA_ENTRY_BYTES_MAX   65536
#define TAMGA_BODY_BYTES_MAX    2097152

struct tamga_block {
    struct tamga_sealed sealed;
    size_t count;
    struct tamga_span *entry;  /* borrow from bytes */
    struct tamga_buf bytes;    /* all entries, one after the other */
    size_t entry_cap;
    bool verified; /* whoever made it here verified the signatures of all entries */
};

void tamga_block_clear(struct tamga_block *block);
/* Append a leaf; entry spans move when bytes grow, so borrow them only when done.
 * Errors: BAD_LENGTH if empty; BLOCK_TOO_LARGE beyond the limits above; NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_block_add(struct tamga_block *block,
                                              struct tamga_span entry);
/* Root over the leaves. */
TAMGA_MUST_USE enum tamga_err tamga_block_root(struct tamga_hash *out,
                                               const struct tamga_block *block);
/* Audit path of one leaf; index < count. */
TAMGA_MUST_USE enum tamga_err tamga_block_path(struct tamga_merkle_path *out,
                                               const struct tamga_block *block, size_t index);
/* Does the body fit the header? Errors: BAD_COUNT, BAD_ROOT, NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_block_check_body(const struct tamga_block *block);

/* From the wire; header absent in a stored body. Errors: those of tamga_sealed_decode. */
TAMGA_MUST_USE enum tamga_err tamga_block_decode(struct tamga_block *out,
                                                 const Tamga__V1__Block *untrusted,
                                                 bool with_header);
/* Append the encoded Tamga__V1__Block. */
TAMGA_MUST_USE enum tamga_err tamga_block_encode(struct tamga_buf *out,
                                                 const struct tamga_block *block,
                                                 bool with_header);

#endif
