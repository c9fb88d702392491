/* What the fixture's files share. */
#ifndef TAMGA_TEST_FIXTURE_INTERNAL_H
#define TAMGA_TEST_FIXTURE_INTERNAL_H

#include "chain/rules.h"

/* Abort with what could not be done, unless err is OK. */
void test_must(enum tamga_err err, const char *what);

/*
 * The state root of a block on a parent, and what it changes, by tamga_overlay_clear; then,
 * once it has an id, keep it for its children. After a block of others, which was not
 * learned, the parent's root is all that can be said.
 */
void test_state_root(struct tamga_hash *root, struct tamga_overlay *changes,
                     const struct tamga_chain *chain, const struct tamga_trail *parent,
                     const struct tamga_buf *payload, size_t count);
void test_state_keep(const struct tamga_block_id *id, const struct tamga_header *header,
                     const struct tamga_overlay *changes);

#endif
