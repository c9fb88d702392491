/*
 * The embedded content store: one file a block, named by its CID's digest, in 256
 * folders. Written beside, synced, renamed; verified on every read. Any thread.
 */
#ifndef TAMGA_CONTENT_BLOCK_STORE_H
#define TAMGA_CONTENT_BLOCK_STORE_H

#include "content/dag.h"

struct tamga_block_store;

/* Open or make the folder. bytes_max bounds all blocks together (counted at open).
 * Left-over temporary files are removed. The folder is locked: one store at a time.
 * Errors: FILE_IO, NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err tamga_block_store_open(struct tamga_block_store **out,
                                                     const char *folder, uint64_t bytes_max,
                                                     struct tamga_detail *detail);
void tamga_block_store_close(struct tamga_block_store *store);
/* Keep a block; durable on return. Known blocks cost a stat; a file of another size than
 * the block's is damaged and is replaced.
 * Errors: TOO_LARGE, CID_MISMATCH, CONTENT_FULL, FILE_IO (also when the disk is full). */
TAMGA_MUST_USE enum tamga_err tamga_block_store_put(struct tamga_block_store *store,
                                                    const struct tamga_cid *cid,
                                                    struct tamga_span block);
/* Errors: NO_CONTENT; CID_MISMATCH if the file on disk was damaged (it is removed, so
 * that a good copy can take its place); FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_block_store_get(struct tamga_block_store *store,
                                                    const struct tamga_cid *cid,
                                                    struct tamga_buf *out);
/* A stat: says nothing of whether the file is whole. */
bool tamga_block_store_has(const struct tamga_block_store *store, const struct tamga_cid *cid);
/* Of all blocks, those being written included. */
uint64_t tamga_block_store_bytes(struct tamga_block_store *store);

/* Read a whole stored image and compare. Errors: NO_CONTENT if a block is missing
 * (*missing names it, unless missing is NULL), CID_MISMATCH (that block is removed: check
 * again to learn its name), BAD_CID, BAD_DAG, IMAGE_LENGTH, IMAGE_MISMATCH, FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_block_store_check_image(struct tamga_block_store *store,
                                                            const struct tamga_cid *root,
                                                            uint64_t length,
                                                            const struct tamga_hash *sha256,
                                                            struct tamga_cid *missing);

#endif
