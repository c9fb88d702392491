/*
 * What a long chain costs on RocksDB: finding a duplicate, appending a block, opening.
 *
 * A chain of a million entries by the engine would take minutes of signing. Its records are
 * written straight through the store, in the layout of docs/STORAGE.md: headers, heights,
 * places of entries, state and index as releases leave them, the tip. Bodies and undo are
 * left out: nothing measured here reads them. Blocks appended on top are real ones.
 */
#include "bench.h"

#include <stdlib.h>
#include <sys/wait.h>

#include "chain/query.h"
#include "crypto/hash.h"
#include "network.h"
#include "store/rocks.h"

#define BLOCK_ENTRIES 1000
#define KEYS_AN_ENTRY 4 /* place, image, version, index */
#define LOOKUPS       4096
#define APPENDS       3
#define SIZES         3

struct chain {
    const struct bench_network *network;
    char folder[256], path[300];
    struct tamga_store *store;
    struct tamga_trail trail;
    uint64_t entries; /* made up */
    uint32_t released; /* really signed */
};

struct costs {
    double found, absent, append, open_ms, resident_mib;
};

static void name_of(struct tamga_hash *out, const char *what, uint64_t number)
{
    uint8_t bytes[8];
    struct tamga_span part[2] = {tamga_span_text(what), tamga_span(bytes, sizeof bytes)};

    tamga_put_u64(bytes, number);
    tamga_sha256_parts(out, part, 2);
}

/* ---- making it long ------------------------------------------------------------------ */

struct entry_keys {
    struct tamga_hash id, image, version;
    uint8_t place[12], earlier[40], index[TAMGA_INDEX_KEY_BYTES];
};

static void make_entry(struct entry_keys *keys, struct tamga_write write[KEYS_AN_ENTRY],
                       uint64_t number, uint64_t height, uint32_t index)
{
    struct tamga_hash model;

    name_of(&keys->id, "entry", number);
    name_of(&keys->image, "image", number);
    name_of(&keys->version, "version", number);
    name_of(&model, "model", number % BENCH_MODELS);
    tamga_put_u64(keys->place, height);
    tamga_put_u32(keys->place + 8, index);
    memcpy(keys->earlier, keys->id.byte, 32);
    tamga_put_u64(keys->earlier + 32, number);
    tamga_index_key(keys->index, &model, number);
    write[0] = (struct tamga_write){.family = TAMGA_FAMILY_ENTRY,
                                    .key = tamga_hash_span(&keys->id),
                                    .value = tamga_span(keys->place, sizeof keys->place)};
    write[1] = (struct tamga_write){.family = TAMGA_FAMILY_STATE,
                                    .key = tamga_hash_span(&keys->image),
                                    .value = tamga_span(keys->earlier, sizeof keys->earlier)};
    write[2] = (struct tamga_write){.family = TAMGA_FAMILY_STATE,
                                    .key = tamga_hash_span(&keys->version),
                                    .value = tamga_hash_span(&keys->id)};
    write[3] = (struct tamga_write){.family = TAMGA_FAMILY_INDEX,
                                    .key = tamga_span(keys->index, sizeof keys->index),
                                    .value = tamga_hash_span(&keys->id)};
}

/* The block's own records: header, height and tip. */
static void write_header(struct chain *chain)
{
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay overlay;
    struct tamga_stored_header stored = {.flags = TAMGA_STORED_BODY};
    struct tamga_header *header = &stored.sealed.header;
    struct tamga_block_id id;
    struct tamga_write *write;
    uint8_t height[8];
    size_t count;

    *header = (struct tamga_header){
        .version = TAMGA_HEADER_VERSION,
        .chain = chain->network->chain.id,
        .height = chain->trail.tip.height + 1,
        .parent = chain->trail.tip_id,
        .time_ms = chain->trail.tip.time_ms + BENCH_SPACING_MS,
        .entry_count = BLOCK_ENTRIES,
        .target = tamga_trail_target(&chain->trail, &chain->network->chain.params),
    };
    tamga_header_id(&id, header);
    tamga_trail_push(&chain->trail, header, &id);
    stored.work = chain->trail.work;
    tamga_height_key(height, header->height);
    tamga_overlay_init(&overlay, &chain->store->reader.view);
    bench_must(tamga_record_header(&overlay, &id, &stored), "header");
    bench_must(tamga_overlay_put(&overlay, TAMGA_FAMILY_HEIGHT, tamga_span(height, 8),
                                 tamga_hash_span(&id.hash)),
               "height");
    bench_must(tamga_overlay_put(&overlay, TAMGA_FAMILY_META, tamga_span_text("tip"),
                                 tamga_hash_span(&id.hash)),
               "tip");
    bench_must(tamga_overlay_writes(&overlay, &write, &count), "writes");
    bench_must(chain->store->ops->write(chain->store, write, count, false), "write");
    free(write);
}

static void grow(struct chain *chain, uint64_t entries)
{
    static struct entry_keys keys[BLOCK_ENTRIES];
    static struct tamga_write write[BLOCK_ENTRIES * KEYS_AN_ENTRY];

    while (chain->entries < entries) {
        for (uint32_t i = 0; i < BLOCK_ENTRIES; i++)
            make_entry(&keys[i], &write[i * KEYS_AN_ENTRY], chain->entries++,
                       chain->trail.tip.height + 1, i);
        bench_must(chain->store->ops->write(chain->store, write,
                                            BLOCK_ENTRIES * KEYS_AN_ENTRY, false),
                   "write");
        write_header(chain);
    }
}

/* ---- measuring ------------------------------------------------------------------------ */

struct lookup {
    const struct chain *chain;
    const char *what;
    uint64_t next;
};

static void look_up(void *context)
{
    struct lookup *lookup = context;
    bool present = strcmp(lookup->what, "entry") == 0;
    struct tamga_entry_id id;
    struct tamga_place place;

    /* A stride that is prime to every size meets all, in no order. */
    lookup->next = (lookup->next + 7919) % lookup->chain->entries;
    name_of(&id.hash, lookup->what, lookup->next);
    BENCH_CHECK(tamga_query_place(&lookup->chain->store->reader.view, &id, &place) ==
                (present ? TAMGA_OK : TAMGA_E_NOT_FOUND));
}

static double lookup_us(const struct chain *chain, const char *what, double seconds)
{
    struct lookup lookup = {.chain = chain, .what = what};

    for (unsigned i = 0; i < LOOKUPS; i++) /* as after a while of running */
        look_up(&lookup);
    return 1e6 / bench_rate(look_up, &lookup, 1, seconds);
}

/* Real blocks on top; microseconds an entry, flush included. */
static double append_us(struct chain *chain, struct tamga_engine *engine, uint32_t entries)
{
    double seconds = 0;

    for (unsigned i = 0; i < APPENDS; i++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
        double start;

        bench_make_block(&block, engine, chain->network, chain->released, entries);
        bench_must(tamga_engine_flush(engine), "flush");
        chain->released += entries;
        start = bench_now();
        bench_must(tamga_engine_add_block(engine, &block, block.sealed.header.time_ms, NULL),
                   "block");
        bench_must(tamga_engine_flush(engine), "flush");
        seconds += bench_now() - start;
    }
    chain->trail = *tamga_engine_tip(engine);
    return seconds * 1e6 / (APPENDS * entries);
}

static void open_store(struct chain *chain, struct tamga_engine **engine)
{
    struct tamga_detail detail = {{0}};

    bench_must(tamga_rocks_open(&chain->store, chain->path, &chain->network->chain.id, &detail),
               detail.text);
    bench_must(tamga_engine_open(engine, &chain->network->chain, chain->store, &detail),
               detail.text);
    chain->trail = *tamga_engine_tip(*engine);
}

static void close_store(struct chain *chain, struct tamga_engine *engine)
{
    tamga_engine_close(engine);
    chain->store->ops->close(chain->store);
}

int bench_store_probe(const char *store_path, const char *genesis)
{
    struct tamga_detail detail = {{0}};
    struct tamga_network *network;
    struct tamga_engine *engine;
    struct tamga_store *store;
    struct tamga_chain chain;
    double start;

    bench_must(tamga_network_load(&network, genesis, &detail), detail.text);
    tamga_chain_init(&chain, &tamga_rules_consortium, network);
    start = bench_now();
    bench_must(tamga_rocks_open(&store, store_path, &chain.id, &detail), detail.text);
    bench_must(tamga_engine_open(&engine, &chain, store, &detail), detail.text);
    printf("%f %f\n", (bench_now() - start) * 1e3, bench_resident_mib());
    tamga_engine_close(engine);
    store->ops->close(store);
    tamga_network_free(network);
    return 0;
}

/* Opening in a process of its own, so that its memory is its own too. */
static void probe(const struct chain *chain, struct costs *costs)
{
    char genesis[300];
    const char *const argv[] = {"/proc/self/exe", "--store-probe", chain->path, genesis, NULL};
    int status = 0;
    FILE *in;
    pid_t pid;

    snprintf(genesis, sizeof genesis, "%s/genesis.tamga", chain->folder);
    pid = bench_spawn(argv, &in, NULL);
    BENCH_CHECK(fscanf(in, "%lf %lf", &costs->open_ms, &costs->resident_mib) == 2);
    fclose(in);
    BENCH_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void measure(const struct bench *bench, struct chain *chain, struct costs *costs,
                    uint64_t entries)
{
    struct tamga_engine *engine;

    open_store(chain, &engine);
    grow(chain, entries);
    close_store(chain, engine); /* the engine must learn of its new tip */
    open_store(chain, &engine);
    costs->absent = lookup_us(chain, "absent", bench->limit_seconds);
    costs->found = lookup_us(chain, "entry", bench->limit_seconds);
    costs->append = append_us(chain, engine, bench->smoke ? 20 : BLOCK_ENTRIES);
    close_store(chain, engine);
    probe(chain, costs);
}

/* Each size beside the smallest, which is the limit: flat is 1. */
static void tell(const char *what, const char *unit, const uint64_t size[SIZES],
                 const double cost[SIZES])
{
    for (size_t i = 0; i < SIZES; i++) {
        char name[64];

        snprintf(name, sizeof name, "store.%s.%lluk", what,
                 (unsigned long long)size[i] / 1000);
        bench_cost(name, cost[i], unit, cost[0], "the same at the smallest size");
    }
}

void bench_store(const struct bench *bench)
{
    static const uint64_t full[SIZES] = {10000, 100000, 1000000}, few[SIZES] = {1000, 2000, 3000};
    static struct bench_network network;
    const uint64_t *size = bench->smoke ? few : full;
    struct chain chain = {.network = &network};
    double cost[5][SIZES];

    bench_network_open(&network);
    bench_folder(chain.folder);
    snprintf(chain.path, sizeof chain.path, "%s/chain", chain.folder);
    bench_write(chain.folder, "genesis.tamga", tamga_buf_span(&network.network->bytes));
    for (size_t i = 0; i < SIZES; i++) {
        struct costs costs;

        measure(bench, &chain, &costs, size[i]);
        cost[0][i] = costs.absent;
        cost[1][i] = costs.found;
        cost[2][i] = costs.append;
        cost[3][i] = costs.open_ms;
        cost[4][i] = costs.resident_mib;
    }
    tell("absent", "us", size, cost[0]);
    tell("duplicate", "us", size, cost[1]);
    tell("append", "us/entry", size, cost[2]);
    tell("open", "ms", size, cost[3]);
    tell("resident", "MiB", size, cost[4]);
    bench_network_close(&network);
}
