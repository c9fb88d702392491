/*
 * The consortium chain as far as this device verified it: the last headers with all
 * that judging the next one needs, and the id of every header by height. Durable; judges
 * nothing. Private to the device library.
 *
 *   headers.ids     32 bytes a header, index = height
 *   headers.tail    the newest headers, replaced as a whole; it says how many ids count
 *   headers.branch  ids of a branch that is being judged, or copied after it won
 */
#ifndef TAMGA_DEVICE_HEADERS_H
#define TAMGA_DEVICE_HEADERS_H

#include "chain/rules.h"

#define TAMGA_HEADERS_TAIL_FILE   "headers.tail"
#define TAMGA_HEADERS_IDS_FILE    "headers.ids"
#define TAMGA_HEADERS_BRANCH_FILE "headers.branch"
#define TAMGA_HEADERS_KEPT        64 /* a branch below them is judged from genesis on */

/* The end of a chain, ascending; never empty once started. */
struct tamga_header_tail {
    size_t count; /* 1..TAMGA_HEADERS_KEPT */
    struct tamga_trail trail[TAMGA_HEADERS_KEPT];
};
const struct tamga_trail *tamga_header_tail_tip(const struct tamga_header_tail *tail);
/* Extend the tip by a judged header. */
void tamga_header_tail_push(struct tamga_header_tail *tail, const struct tamga_header *header,
                            const struct tamga_block_id *id);
/* Cut it back so that id is its tip; false and unchanged if id is not in it. */
bool tamga_header_tail_cut(struct tamga_header_tail *tail, const struct tamga_block_id *id);

struct tamga_header_log {
    int folder;                      /* borrowed */
    const struct tamga_chain *chain; /* borrowed */
    int ids;
    int branch; /* -1: none */
    uint64_t branch_count;
    struct tamga_header_tail tail; /* what is on disk */
};

/* Errors: STORE_CORRUPT, STORE_FOREIGN (another chain), FILE_IO, NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_header_log_open(struct tamga_header_log *log, int folder,
                                                    const struct tamga_chain *chain,
                                                    struct tamga_detail *detail);
void tamga_header_log_close(struct tamga_header_log *log);
/* Id on the verified chain. Errors: NOT_FOUND above its tip; STORE_CORRUPT, FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_header_log_id_at(const struct tamga_header_log *log,
                                                     struct tamga_block_id *out,
                                                     uint64_t height,
                                                     struct tamga_detail *detail);
/* Make the chain longer by count headers, up to tail's tip. Durable on return. */
TAMGA_MUST_USE enum tamga_err tamga_header_log_extend(struct tamga_header_log *log,
                                                      const struct tamga_header_tail *tail,
                                                      const struct tamga_block_id *id,
                                                      size_t count,
                                                      struct tamga_detail *detail);
/* Set the ids of a branch aside, from its fork on. */
TAMGA_MUST_USE enum tamga_err tamga_header_log_branch(struct tamga_header_log *log,
                                                      const struct tamga_block_id *id,
                                                      size_t count,
                                                      struct tamga_detail *detail);
/* The branch set aside becomes the chain above its fork. Durable on return. */
TAMGA_MUST_USE enum tamga_err tamga_header_log_adopt(struct tamga_header_log *log,
                                                     const struct tamga_header_tail *tail,
                                                     uint64_t fork_height,
                                                     struct tamga_detail *detail);
/* Forget what was set aside. */
void tamga_header_log_drop(struct tamga_header_log *log);

#endif
