/* RocksDB's settings; each number is repeated in docs/STORAGE.md. Opens nothing. */
#include "store/rocks_options.h"

#define MIB ((size_t)1 << 20)
#define BLOCK_CACHE_BYTES (128 * MIB)
#define BLOCK_CACHE_SHARD_BITS 2 /* a shard must hold the bloom filters of large tables */
#define WRITE_BUFFERS_BYTES (128 * MIB)
#define WRITE_BUFFER_HOT_BYTES (32 * MIB)
#define WRITE_BUFFER_COLD_BYTES (4 * MIB)
#define WAL_BYTES_MAX (128 * MIB) /* bounds recovery, and what a clean stop hashes */
#define MANIFEST_BYTES_MAX (16 * MIB)
#define INFO_LOG_BYTES_MAX (4 * MIB)
#define INFO_LOG_COUNT 2
#define OPEN_FILES_MAX 512
#define BACKGROUND_JOBS_MAX 2
#define BLOOM_BITS 10
#define MEMTABLE_BLOOM_RATIO 0.02 /* of a write buffer: 640 KiB, some 20 bits a key */

const char *const tamga_rocks_family_name[TAMGA_ROCKS_FAMILY_COUNT] = {
    "default", "meta",  "header",  "body",    "height", "entry",
    "state",   "index", "pending", "payload", "undo",
    "map",     "vote",  "conflict", "checkpoint",
};

static const struct {
    bool bloom;    /* asked for keys that are often absent, one at a time */
    bool compress; /* large values; hashes and signatures do not compress */
    bool hot;
} traits[TAMGA_ROCKS_FAMILY_COUNT] = {
    [1 + TAMGA_FAMILY_HEADER] = {.bloom = true, .hot = true},
    [1 + TAMGA_FAMILY_BODY] = {.compress = true, .hot = true},
    [1 + TAMGA_FAMILY_ENTRY] = {.bloom = true, .hot = true},
    [1 + TAMGA_FAMILY_STATE] = {.bloom = true, .hot = true},
    [1 + TAMGA_FAMILY_INDEX] = {.bloom = true, .hot = true},
    [1 + TAMGA_FAMILY_PENDING] = {.bloom = true, .hot = true},
    [1 + TAMGA_FAMILY_PAYLOAD] = {.bloom = true, .compress = true, .hot = true},
    [1 + TAMGA_FAMILY_UNDO] = {.hot = true},
    [1 + TAMGA_FAMILY_MAP] = {.bloom = true, .hot = true},
    [1 + TAMGA_FAMILY_VOTE] = {.hot = false},
};

static rocksdb_options_t *db_options(bool create)
{
    rocksdb_options_t *db = rocksdb_options_create();

    rocksdb_options_set_create_if_missing(db, create);
    rocksdb_options_set_create_missing_column_families(db, 1);
    rocksdb_options_set_paranoid_checks(db, 1);
    /*
     * A record torn at the log's end is what a power loss leaves of a batch that nobody
     * was told of. Point-in-time recovery would also open a log with a damaged middle,
     * and silently drop all that was acknowledged after it, a finality vote say.
     */
    rocksdb_options_set_wal_recovery_mode(db,
                                          rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_recycle_log_file_num(db, 0); /* old records would hide a torn end */
    rocksdb_options_set_max_total_wal_size(db, WAL_BYTES_MAX);
    rocksdb_options_set_db_write_buffer_size(db, WRITE_BUFFERS_BYTES);
    rocksdb_options_set_max_manifest_file_size(db, MANIFEST_BYTES_MAX);
    rocksdb_options_set_max_open_files(db, OPEN_FILES_MAX);
    rocksdb_options_set_max_background_jobs(db, BACKGROUND_JOBS_MAX);
    rocksdb_options_set_keep_log_file_num(db, INFO_LOG_COUNT);
    rocksdb_options_set_max_log_file_size(db, INFO_LOG_BYTES_MAX);
    rocksdb_options_set_stats_dump_period_sec(db, 0);
    return db;
}

static rocksdb_options_t *family_options(size_t i, rocksdb_cache_t *cache)
{
    rocksdb_options_t *family = rocksdb_options_create();
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();

    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    /* In parts: of a table of millions of keys only what is asked for is in the cache. */
    rocksdb_block_based_options_set_index_type(
        table, rocksdb_block_based_table_index_type_two_level_index_search);
    if (traits[i].bloom) { /* the table takes the policy */
        rocksdb_block_based_options_set_filter_policy(
            table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
        rocksdb_block_based_options_set_partition_filters(table, 1);
        /* the newest keys are in no table yet */
        rocksdb_options_set_memtable_prefix_bloom_size_ratio(family, MEMTABLE_BLOOM_RATIO);
        rocksdb_options_set_memtable_whole_key_filtering(family, 1);
    }
    rocksdb_options_set_block_based_table_factory(family, table);
    rocksdb_block_based_options_destroy(table);
    rocksdb_options_set_write_buffer_size(
        family, traits[i].hot ? WRITE_BUFFER_HOT_BYTES : WRITE_BUFFER_COLD_BYTES);
    rocksdb_options_set_compression(
        family, traits[i].compress ? rocksdb_lz4_compression : rocksdb_no_compression);
    return family;
}

void tamga_rocks_options_init(struct tamga_rocks_options *options, bool create)
{
    rocksdb_lru_cache_options_t *shape = rocksdb_lru_cache_options_create();
    rocksdb_cache_t *cache;

    rocksdb_lru_cache_options_set_capacity(shape, BLOCK_CACHE_BYTES);
    rocksdb_lru_cache_options_set_num_shard_bits(shape, BLOCK_CACHE_SHARD_BITS);
    cache = rocksdb_cache_create_lru_opts(shape);
    rocksdb_lru_cache_options_destroy(shape);
    options->db = db_options(create);
    for (size_t i = 0; i < TAMGA_ROCKS_FAMILY_COUNT; i++)
        options->family[i] = family_options(i, cache);
    rocksdb_cache_destroy(cache); /* the tables share it */
}

void tamga_rocks_options_clear(struct tamga_rocks_options *options)
{
    for (size_t i = 0; i < TAMGA_ROCKS_FAMILY_COUNT; i++)
        rocksdb_options_destroy(options->family[i]);
    rocksdb_options_destroy(options->db);
}
