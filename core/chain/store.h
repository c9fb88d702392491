/*
 * The engine's window to the disk. A view reads by key, a reader also scans in key
 * order, a store also writes. Everything a step changes is one batch: all of it is
 * there afterwards, or none.
 */
#ifndef TAMGA_CHAIN_STORE_H
#define TAMGA_CHAIN_STORE_H

#include "base/id.h"

/* One concern each. Keys and values: docs/STORAGE.md. Numbers are part of the format. */
enum tamga_family {
    TAMGA_FAMILY_META = 0, /* "tip" etc. */
    TAMGA_FAMILY_HEADER,   /* block id -> StoredHeader */
    TAMGA_FAMILY_BODY,     /* block id -> Block without its header */
    TAMGA_FAMILY_HEIGHT,   /* u64 -> block id, best chain only */
    TAMGA_FAMILY_ENTRY,    /* entry id -> u64 height, u32 index, best chain only */
    TAMGA_FAMILY_STATE,    /* 32-byte key -> value; the state root commits to all of it */
    TAMGA_FAMILY_INDEX,    /* what the rules look up and list besides, in key order */
    TAMGA_FAMILY_PENDING,  /* entry id -> u64 arrival, payload */
    TAMGA_FAMILY_PAYLOAD,  /* entry id -> payload, where blocks hold commitments only */
    TAMGA_FAMILY_UNDO,     /* block id -> former state values */
    TAMGA_FAMILY_MAP,      /* row key -> row of the state map (merkle/map.h) */
    TAMGA_FAMILY_VOTE,     /* u64 target height, validator -> Signed vote */
    TAMGA_FAMILY_CONFLICT, /* validator -> VoteConflict */
    TAMGA_FAMILY_CHECKPOINT, /* u64 height -> Checkpoint with a quorum */
    TAMGA_FAMILY_COUNT
};

struct tamga_view;
struct tamga_view_ops {
    /* Replace *value with a copy. Errors: NOT_FOUND (value untouched), STORE_IO,
     * STORE_CORRUPT, NO_MEMORY. */
    enum tamga_err (*get)(const struct tamga_view *view, enum tamga_family family,
                          struct tamga_span key, struct tamga_buf *value);
};
struct tamga_view {
    const struct tamga_view_ops *ops;
};

/* Called for each entry in order, spans borrowed for the call; false ends the scan. */
typedef bool (*tamga_each)(void *context, struct tamga_span key, struct tamga_span value);

struct tamga_reader;
struct tamga_reader_ops {
    /* Keys from `from` (inclusive; empty: the first) that start with `prefix` (empty: all),
     * ascending. */
    enum tamga_err (*scan)(const struct tamga_reader *reader, enum tamga_family family,
                           struct tamga_span prefix, struct tamga_span from,
                           tamga_each each, void *context);
    /* Release a snapshot; never called on a store's own reader. */
    void (*release)(struct tamga_reader *reader);
};
struct tamga_reader {
    struct tamga_view view;
    const struct tamga_reader_ops *ops;
};

struct tamga_write {
    enum tamga_family family;
    bool erase;              /* value is not used */
    struct tamga_span key;   /* borrowed for the call */
    struct tamga_span value;
};

struct tamga_store;
struct tamga_store_ops {
    /* All writes or none, in order; durable on return if sync. Errors: STORE_IO. */
    enum tamga_err (*write)(struct tamga_store *store, const struct tamga_write *write,
                            size_t count, bool sync);
    /* A reader of this moment, for any thread; release it by its ops. Errors: NO_MEMORY. */
    enum tamga_err (*snapshot)(struct tamga_store *store, struct tamga_reader **out);
    void (*close)(struct tamga_store *store);
};
/* Reading through the store's own reader sees the newest state; any thread. */
struct tamga_store {
    struct tamga_reader reader;
    const struct tamga_store_ops *ops;
};

static inline enum tamga_err tamga_view_get(const struct tamga_view *view,
                                            enum tamga_family family, struct tamga_span key,
                                            struct tamga_buf *value)
{
    return view->ops->get(view, family, key, value);
}

/* For TAMGA_CLEANUP: release a snapshot, if there is one. */
static inline void tamga_reader_release(struct tamga_reader **reader)
{
    if (*reader != NULL)
        (*reader)->ops->release(*reader);
}

/* In memory, for tests and the simulator: ordered, fails the Nth operation on demand. */
TAMGA_MUST_USE enum tamga_err tamga_store_mem_new(struct tamga_store **out);
/* The next `after` writes succeed, then one fails with STORE_IO, changing nothing; -1: none. */
void tamga_store_mem_fail(struct tamga_store *store, int64_t after);
/* The same for reads (a get or a whole scan), also through snapshots of this store. */
void tamga_store_mem_fail_reads(struct tamga_store *store, int64_t after);
/* What a power loss leaves: everything up to the last write with sync. */
void tamga_store_mem_lose_unsynced(struct tamga_store *store);

#endif
