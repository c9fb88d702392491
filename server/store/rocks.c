/*
 * The store's operations on RocksDB. Must never know what a key means: the engine and
 * the rules name the families' contents. How a folder is judged and opened: rocks_open.c.
 */
#include "store/rocks_private.h"

#include <assert.h>
#include <stdlib.h>

struct snapshot {
    struct tamga_reader reader; /* first: the ops cast back */
    struct rocks *rocks;
    const rocksdb_snapshot_t *at;
    rocksdb_readoptions_t *read;
};

static bool says(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* A file that the database names and that is gone is damage, not a passing failure. */
enum tamga_err tamga_rocks_err(const char *text)
{
    if (says(text, "Corruption") || says(text, "IO error: No such file or directory"))
        return TAMGA_E_STORE_CORRUPT;
    return TAMGA_E_STORE_IO;
}

/* Judge RocksDB's message, keep it for a person, release it. NULL: no failure. */
static enum tamga_err failure(struct rocks *rocks, char *text)
{
    enum tamga_err err;

    if (text == NULL)
        return TAMGA_OK;
    pthread_mutex_lock(&rocks->lock);
    err = tamga_refuse(&rocks->last, tamga_rocks_err(text), "%s", text);
    pthread_mutex_unlock(&rocks->lock);
    rocksdb_free(text);
    return err;
}

static const char *chars(struct tamga_span span)
{
    return span.len == 0 ? "" : (const char *)span.data;
}

static rocksdb_column_family_handle_t *handle_of(const struct rocks *rocks,
                                                 enum tamga_family family)
{
    assert((unsigned)family < TAMGA_FAMILY_COUNT);
    return rocks->handle[1 + family];
}

static enum tamga_err value_copy(struct tamga_buf *value, const rocksdb_pinnableslice_t *found)
{
    size_t len = 0;
    const char *data = rocksdb_pinnableslice_value(found, &len);
    /* Room first: a failure leaves the caller's value as it was. */
    enum tamga_err err = tamga_buf_reserve(value, len > value->len ? len - value->len : 0);

    return err != TAMGA_OK ? err : tamga_buf_set(value, tamga_span(data, len));
}

static enum tamga_err get_with(struct rocks *rocks, const rocksdb_readoptions_t *read,
                               enum tamga_family family, struct tamga_span key,
                               struct tamga_buf *value)
{
    char *text = NULL;
    rocksdb_pinnableslice_t *found =
        rocksdb_get_pinned_cf(rocks->db, read, handle_of(rocks, family), chars(key),
                              key.len, &text);
    enum tamga_err err = failure(rocks, text);

    if (err == TAMGA_OK)
        err = found == NULL ? TAMGA_E_NOT_FOUND : value_copy(value, found);
    if (found != NULL)
        rocksdb_pinnableslice_destroy(found);
    return err;
}

/* The first key after all keys with this prefix; false if there is none. */
static bool prefix_end(struct tamga_buf *end)
{
    while (end->len > 0 && end->data[end->len - 1] == 0xff)
        end->len--;
    if (end->len == 0)
        return false;
    end->data[end->len - 1]++;
    return true;
}

static void each_of(rocksdb_iterator_t *at, tamga_each each, void *context)
{
    for (; rocksdb_iter_valid(at); rocksdb_iter_next(at)) {
        size_t key_len, value_len;
        const char *key = rocksdb_iter_key(at, &key_len);
        const char *value = rocksdb_iter_value(at, &value_len);

        if (!each(context, tamga_span(key, key_len), tamga_span(value, value_len)))
            return;
    }
}

static enum tamga_err scan_with(struct rocks *rocks, const rocksdb_snapshot_t *snapshot,
                                enum tamga_family family, struct tamga_span prefix,
                                struct tamga_span from, tamga_each each, void *context)
{
    struct tamga_span start = tamga_span_compare(from, prefix) > 0 ? from : prefix;
    TAMGA_BUF end = {0};
    rocksdb_readoptions_t *read;
    rocksdb_iterator_t *at;
    char *text = NULL;
    enum tamga_err err = tamga_buf_set(&end, prefix);

    if (err != TAMGA_OK)
        return err;
    read = rocksdb_readoptions_create();
    if (snapshot != NULL)
        rocksdb_readoptions_set_snapshot(read, snapshot);
    if (prefix_end(&end))
        rocksdb_readoptions_set_iterate_upper_bound(read, (const char *)end.data, end.len);
    at = rocksdb_create_iterator_cf(rocks->db, read, handle_of(rocks, family));
    rocksdb_iter_seek(at, chars(start), start.len);
    each_of(at, each, context);
    rocksdb_iter_get_error(at, &text);
    rocksdb_iter_destroy(at);
    rocksdb_readoptions_destroy(read);
    return failure(rocks, text);
}

static enum tamga_err rocks_get(const struct tamga_view *view, enum tamga_family family,
                                struct tamga_span key, struct tamga_buf *value)
{
    struct rocks *rocks = (struct rocks *)view;

    return get_with(rocks, rocks->read, family, key, value);
}

static enum tamga_err rocks_scan(const struct tamga_reader *reader,
                                 enum tamga_family family, struct tamga_span prefix,
                                 struct tamga_span from, tamga_each each, void *context)
{
    return scan_with((struct rocks *)reader, NULL, family, prefix, from, each, context);
}

static enum tamga_err snapshot_get(const struct tamga_view *view, enum tamga_family family,
                                   struct tamga_span key, struct tamga_buf *value)
{
    const struct snapshot *snapshot = (const struct snapshot *)view;

    return get_with(snapshot->rocks, snapshot->read, family, key, value);
}

static enum tamga_err snapshot_scan(const struct tamga_reader *reader,
                                    enum tamga_family family, struct tamga_span prefix,
                                    struct tamga_span from, tamga_each each, void *context)
{
    const struct snapshot *snapshot = (const struct snapshot *)reader;

    return scan_with(snapshot->rocks, snapshot->at, family, prefix, from, each, context);
}

static void snapshot_release(struct tamga_reader *reader)
{
    struct snapshot *snapshot = (struct snapshot *)reader;

    rocksdb_readoptions_destroy(snapshot->read);
    rocksdb_release_snapshot(snapshot->rocks->db, snapshot->at);
    atomic_fetch_sub(&snapshot->rocks->snapshot_count, 1);
    free(snapshot);
}

static const struct tamga_view_ops rocks_view_ops = {.get = rocks_get};
static const struct tamga_view_ops snapshot_view_ops = {.get = snapshot_get};
static const struct tamga_reader_ops rocks_reader_ops = {.scan = rocks_scan};
static const struct tamga_reader_ops snapshot_reader_ops = {
    .scan = snapshot_scan,
    .release = snapshot_release,
};

static enum tamga_err rocks_write(struct tamga_store *store,
                                  const struct tamga_write *write, size_t count, bool sync)
{
    struct rocks *rocks = (struct rocks *)store;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    char *text = NULL;

    for (size_t i = 0; i < count; i++) {
        rocksdb_column_family_handle_t *handle = handle_of(rocks, write[i].family);

        if (write[i].erase)
            rocksdb_writebatch_delete_cf(batch, handle, chars(write[i].key),
                                         write[i].key.len);
        else
            rocksdb_writebatch_put_cf(batch, handle, chars(write[i].key), write[i].key.len,
                                      chars(write[i].value), write[i].value.len);
    }
    rocksdb_write(rocks->db, sync ? rocks->write_synced : rocks->write_unsynced, batch,
                  &text);
    rocksdb_writebatch_destroy(batch);
    return failure(rocks, text);
}

static enum tamga_err rocks_snapshot(struct tamga_store *store, struct tamga_reader **out)
{
    struct rocks *rocks = (struct rocks *)store;
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);

    if (snapshot == NULL)
        return TAMGA_E_NO_MEMORY;
    snapshot->reader.view.ops = &snapshot_view_ops;
    snapshot->reader.ops = &snapshot_reader_ops;
    snapshot->rocks = rocks;
    snapshot->at = rocksdb_create_snapshot(rocks->db);
    snapshot->read = rocksdb_readoptions_create();
    rocksdb_readoptions_set_snapshot(snapshot->read, snapshot->at);
    atomic_fetch_add(&rocks->snapshot_count, 1);
    *out = &snapshot->reader;
    return TAMGA_OK;
}

/* Handles before the database, or Debian's build aborts; the note after its last change. */
static void rocks_close(struct tamga_store *store)
{
    struct rocks *rocks = (struct rocks *)store;

    if (rocks == NULL)
        return;
    assert(atomic_load(&rocks->snapshot_count) == 0);
    for (size_t i = 0; i < TAMGA_ROCKS_FAMILY_COUNT; i++)
        rocksdb_column_family_handle_destroy(rocks->handle[i]);
    rocksdb_close(rocks->db);
    tamga_folder_note_write(&rocks->folder);
    tamga_folder_clear(&rocks->folder);
    rocksdb_readoptions_destroy(rocks->read);
    rocksdb_writeoptions_destroy(rocks->write_synced);
    rocksdb_writeoptions_destroy(rocks->write_unsynced);
    pthread_mutex_destroy(&rocks->lock);
    free(rocks);
}

static const struct tamga_store_ops rocks_store_ops = {
    .write = rocks_write,
    .snapshot = rocks_snapshot,
    .close = rocks_close,
};

void tamga_rocks_init(struct rocks *rocks)
{
    rocks->store.reader.view.ops = &rocks_view_ops;
    rocks->store.reader.ops = &rocks_reader_ops;
    rocks->store.ops = &rocks_store_ops;
    rocks->read = rocksdb_readoptions_create();
    rocks->write_synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(rocks->write_synced, 1);
    rocks->write_unsynced = rocksdb_writeoptions_create();
    atomic_init(&rocks->snapshot_count, 0);
    pthread_mutex_init(&rocks->lock, NULL);
}

void tamga_rocks_last_failure(struct tamga_store *store, struct tamga_detail *out)
{
    struct rocks *rocks = (struct rocks *)store;

    pthread_mutex_lock(&rocks->lock);
    *out = rocks->last;
    pthread_mutex_unlock(&rocks->lock);
}
