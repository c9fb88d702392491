/* A long chain's records, without signing and without the engine. Measures nothing. */
#include "long_chain.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "chain/query.h"
#include "crypto/hash.h"
#include "merkle/map.h"
#include "store/rocks.h"

#define KEYS_AN_ENTRY  5 /* place, image, version, listing, state */
#define BATCH_ENTRIES  20000
#define ROWS_A_BATCH   1024
#define QUIET_MS       250
#define QUIET_CPU      0.02 /* seconds in QUIET_MS */
#define SETTLE_SECONDS 300

void long_chain_name(struct tamga_hash *out, const char *what, uint64_t number)
{
    uint8_t bytes[8];
    struct tamga_span part[2] = {tamga_span_text(what), tamga_span(bytes, sizeof bytes)};

    tamga_put_u64(bytes, number);
    tamga_sha256_parts(out, part, 2);
}

void long_chain_open(struct long_chain *chain)
{
    struct tamga_detail detail = {{0}};

    bench_must(tamga_rocks_open(&chain->store, chain->path, &chain->network->chain.id, &detail),
               detail.text);
    bench_must(tamga_engine_open(&chain->engine, &chain->network->chain, chain->store, &detail),
               detail.text);
}

void long_chain_close(struct long_chain *chain)
{
    tamga_engine_close(chain->engine);
    chain->store->ops->close(chain->store);
    chain->engine = NULL;
    chain->store = NULL;
}

void long_chain_settle(const struct long_chain *chain)
{
    double until = bench_now() + SETTLE_SECONDS, before, used;

    BENCH_CHECK(chain->store != NULL);
    do {
        BENCH_CHECK(bench_now() < until);
        before = bench_cpu(getpid());
        (void)poll(NULL, 0, QUIET_MS); /* between two looks */
        used = bench_cpu(getpid()) - before;
    } while (used > QUIET_CPU);
}

/* ---- the state map ---------------------------------------------------------------------- */

/* Rows straight into the store, many in a batch. One update reads no row that it wrote. */
struct direct_rows {
    struct tamga_map_rows rows; /* first: the ops cast back */
    struct tamga_store *store;
    size_t count;
    struct tamga_write write[ROWS_A_BATCH];
    uint8_t key[ROWS_A_BATCH][TAMGA_MAP_ROW_KEY_BYTES];
    uint8_t row[ROWS_A_BATCH][TAMGA_MAP_ROW_BYTES_MAX];
};

static enum tamga_err get_row(const struct tamga_map_rows *rows, struct tamga_span key,
                              struct tamga_buf *row)
{
    const struct tamga_store *store = ((const struct direct_rows *)rows)->store;

    return tamga_view_get(&store->reader.view, TAMGA_FAMILY_MAP, key, row);
}

static enum tamga_err flush_rows(struct direct_rows *rows)
{
    enum tamga_err err = rows->store->ops->write(rows->store, rows->write, rows->count, false);

    rows->count = 0;
    return err;
}

static enum tamga_err add_write(struct direct_rows *rows, bool erase, struct tamga_span key,
                                struct tamga_span row)
{
    size_t at = rows->count++;

    memcpy(rows->key[at], key.data, key.len);
    if (!erase)
        memcpy(rows->row[at], row.data, row.len);
    rows->write[at] = (struct tamga_write){.family = TAMGA_FAMILY_MAP,
                                           .erase = erase,
                                           .key = tamga_span(rows->key[at], key.len),
                                           .value = tamga_span(rows->row[at], row.len)};
    return rows->count == ROWS_A_BATCH ? flush_rows(rows) : TAMGA_OK;
}

static enum tamga_err put_row(struct tamga_map_rows *rows, struct tamga_span key,
                              struct tamga_span row)
{
    return add_write((struct direct_rows *)rows, false, key, row);
}

static enum tamga_err erase_row(struct tamga_map_rows *rows, struct tamga_span key)
{
    return add_write((struct direct_rows *)rows, true, key, tamga_span(NULL, 0));
}

/* All new keys in one update, so that each row is written once. */
static void grow_map(const struct long_chain *chain, struct tamga_hash *root, uint64_t entries)
{
    static const struct tamga_map_rows_ops ops = {
        .get = get_row, .put = put_row, .erase = erase_row};
    static struct direct_rows rows;
    size_t count = (size_t)(entries - chain->entries);
    struct tamga_map_change *change = calloc(count, sizeof *change);

    BENCH_CHECK(change != NULL);
    rows = (struct direct_rows){.rows.ops = &ops, .store = chain->store};
    for (size_t i = 0; i < count; i++) {
        struct tamga_hash value;

        long_chain_name(&change[i].key, "state", chain->entries + i);
        long_chain_name(&value, "entry", chain->entries + i);
        tamga_sha256(&change[i].value, tamga_hash_span(&value));
        change[i].present = true;
    }
    bench_must(tamga_map_update(root, &rows.rows, change, count), "state map");
    bench_must(flush_rows(&rows), "state map");
    free(change);
}

/* ---- entries and blocks -------------------------------------------------------------------- */

struct entry_keys {
    struct tamga_hash id, image, version, state;
    uint8_t place[12], earlier[40], index[TAMGA_INDEX_KEY_BYTES];
};

static struct tamga_write write_of(enum tamga_family family, struct tamga_span key,
                                   struct tamga_span value)
{
    return (struct tamga_write){.family = family, .key = key, .value = value};
}

static void make_entry(struct entry_keys *keys, struct tamga_write write[KEYS_AN_ENTRY],
                       uint64_t number, uint64_t height, uint32_t index)
{
    struct tamga_span id = tamga_hash_span(&keys->id);
    struct tamga_hash model;

    long_chain_name(&keys->id, "entry", number);
    long_chain_name(&keys->image, "image", number);
    long_chain_name(&keys->version, "version", number);
    long_chain_name(&keys->state, "state", number);
    long_chain_name(&model, "model", number % BENCH_MODELS);
    tamga_put_u64(keys->place, height);
    tamga_put_u32(keys->place + 8, index);
    memcpy(keys->earlier, keys->id.byte, 32);
    tamga_put_u64(keys->earlier + 32, number);
    tamga_index_key(keys->index, &model, number);
    write[0] = write_of(TAMGA_FAMILY_ENTRY, id, tamga_span(keys->place, sizeof keys->place));
    write[1] = write_of(TAMGA_FAMILY_INDEX, tamga_hash_span(&keys->image),
                        tamga_span(keys->earlier, sizeof keys->earlier));
    write[2] = write_of(TAMGA_FAMILY_INDEX, tamga_hash_span(&keys->version), id);
    write[3] = write_of(TAMGA_FAMILY_INDEX, tamga_span(keys->index, sizeof keys->index), id);
    write[4] = write_of(TAMGA_FAMILY_STATE, tamga_hash_span(&keys->state), id);
}

static void put(struct tamga_overlay *overlay, enum tamga_family family, struct tamga_span key,
                struct tamga_span value)
{
    bench_must(tamga_overlay_put(overlay, family, key, value), "put");
}

/* What a block leaves besides its entries; the tip is final, as some seconds later it is. */
static void put_block(struct tamga_overlay *overlay, const struct tamga_trail *trail,
                      const struct tamga_stored_header *stored)
{
    uint8_t point[40];
    struct tamga_span id = tamga_hash_span(&trail->tip_id.hash);

    tamga_height_key(point, trail->tip.height);
    memcpy(point + 8, id.data, id.len);
    bench_must(tamga_record_header(overlay, &trail->tip_id, stored), "header");
    put(overlay, TAMGA_FAMILY_HEIGHT, tamga_span(point, 8), id);
    put(overlay, TAMGA_FAMILY_META, tamga_span_text("tip"), id);
    put(overlay, TAMGA_FAMILY_META, tamga_span_text("justified"),
        tamga_span(point, sizeof point));
    put(overlay, TAMGA_FAMILY_META, tamga_span_text("final"), tamga_span(point, sizeof point));
}

static void write_block(const struct long_chain *chain, struct tamga_trail *trail,
                        const struct tamga_hash *state_root)
{
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay overlay;
    struct tamga_stored_header stored = {.flags = TAMGA_STORED_BODY};
    struct tamga_header *header = &stored.sealed.header;
    struct tamga_block_id id;
    struct tamga_write *write;
    size_t count;

    *header = (struct tamga_header){
        .version = TAMGA_HEADER_VERSION,
        .chain = chain->network->chain.id,
        .height = trail->tip.height + 1,
        .parent = trail->tip_id,
        .state_root = *state_root,
        .time_ms = trail->tip.time_ms + BENCH_SPACING_MS,
        .entry_count = LONG_BLOCK_ENTRIES,
        .target = tamga_trail_target(trail, &chain->network->chain.params),
    };
    tamga_header_id(&id, header);
    tamga_trail_push(trail, header, &id);
    stored.work = trail->work;
    tamga_overlay_init(&overlay, &chain->store->reader.view);
    put_block(&overlay, trail, &stored);
    bench_must(tamga_overlay_writes(&overlay, &write, &count), "writes");
    bench_must(chain->store->ops->write(chain->store, write, count, false), "write");
    free(write);
}

/* In key order, a write costs RocksDB a third. */
static int by_key(const void *a, const void *b)
{
    const struct tamga_write *left = a, *right = b;
    size_t len = left->key.len < right->key.len ? left->key.len : right->key.len;
    int order = (int)left->family - (int)right->family;

    return order != 0 ? order : memcmp(left->key.data, right->key.data, len);
}

void long_chain_grow(struct long_chain *chain, uint64_t entries)
{
    static struct entry_keys keys[BATCH_ENTRIES];
    static struct tamga_write write[BATCH_ENTRIES * KEYS_AN_ENTRY];
    struct tamga_trail trail = *tamga_engine_tip(chain->engine);
    struct tamga_hash root;

    grow_map(chain, &root, entries);
    while (chain->entries < entries) {
        uint64_t height = trail.tip.height;
        uint32_t count = 0;

        for (; count < BATCH_ENTRIES && chain->entries < entries; count++)
            make_entry(&keys[count], &write[count * KEYS_AN_ENTRY], chain->entries++,
                       height + 1 + count / LONG_BLOCK_ENTRIES, count % LONG_BLOCK_ENTRIES);
        qsort(write, count * KEYS_AN_ENTRY, sizeof *write, by_key);
        bench_must(chain->store->ops->write(chain->store, write, count * KEYS_AN_ENTRY, false),
                   "write");
        for (uint32_t i = 0; i < count; i += LONG_BLOCK_ENTRIES)
            write_block(chain, &trail, &root);
    }
    long_chain_close(chain); /* the engine must learn of its new tip */
    long_chain_open(chain);
}
