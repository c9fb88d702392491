/* Pages of the ordered index: releases of a model, records of a device. */
#ifndef TAMGA_NODE_INDEX_H
#define TAMGA_NODE_INDEX_H

#include "node/node.h"

#define TAMGA_INDEX_PAGE_MAX 256
#define TAMGA_INDEX_KEY_MAX  64

struct tamga_index_page {
    size_t count;
    size_t max; /* 1..TAMGA_INDEX_PAGE_MAX, set by the caller */
    struct tamga_entry_id id[TAMGA_INDEX_PAGE_MAX];
    uint8_t next[TAMGA_INDEX_KEY_MAX]; /* key of the last one, if there are more */
    size_t next_len;                   /* 0: no more */
};

/* Entries whose index key starts with prefix, after the given key. */
TAMGA_MUST_USE enum tamga_err tamga_index_read(struct tamga_index_page *page,
                                               const struct tamga_reader *reader,
                                               struct tamga_span prefix,
                                               struct tamga_span after);

#endif
