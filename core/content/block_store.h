/*
 * The embedded content store: one file a block, named by its CID's digest, in 256
 * folders. Written beside, synced, renamed; verified on every read. Any thread.
 */
#ifndef TAMGA_CONTENT_BLOCK_STORE_H
#define TAMGA_CONTENT_BLOCK_STORE_H

#include "content/dag.h"

struct tamga_block_store;

/* Open or make the folder. bytes_max bounds all blocks together (counted at open).
 * Left-over temporary files are removed. Errors: FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_block_store_open(struct tamga_block_store **out,
                                                     const char *folder, uint64_t bytes_max,
                                                     struct tamga_detail *detail);
void tamga_block_store_close(struct tamga_block_store *store);
/* Keep a block; durable on return. Known blocks cost a stat.
 * Errors: CID_MISMATCH, TOO_LARGE, CONTENT_FULL, FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_block_store_put(struct tamga_block_store *store,
                                                    const struct tamga_cid *cid,
                                                    struct tamga_span block);
/* Errors: NO_CONTENT; CID_MISMATCH if the file on disk was damaged (it is removed, so
 * that a good copy can take its place); FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_block_store_get(struct tamga_block_store *store,
                                                    const struct tamga_cid *cid,
                                                    struct tamga_buf *out);
bool tamga_block_store_has(const struct tamga_block_store *store, const struct tamga_cid *cid);

/* Read a whole stored image and compare. Errors: NO_CONTENT if a block is missing
 * (*missing names it), CID_MISMATCH, BAD_DAG, IMAGE_LENGTH, IMAGE_MISMATCH, FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_block_store_check_image(struct tamga_block_store *store,
                                                            const struct tamga_cid *root,
                                                            uint64_t length,
                                                            const struct tamga_hash *sha256,
                                                            struct tamga_cid *missing);

#endif
