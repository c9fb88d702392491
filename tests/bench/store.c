/*
 * What a long chain costs on RocksDB: finding a duplicate, proposing and appending a block,
 * changing the state map, making and checking a state proof, opening; and how much each grows
 * with the chain. The chain is long_chain.c's.
 */
#include "bench.h"

#include <sys/wait.h>

#include "chain/query.h"
#include "chain/state_map.h"
#include "limits.h"
#include "long_chain.h"
#include "store/rocks.h"

#define LOOKUPS   4096
#define ATTEMPTS  5 /* of what is too long to repeat more often; the quickest counts */
#define SIZES_MAX 3
#define STRIDE    7919 /* prime to every size: meets all, in no order */

enum cost {
    COST_ABSENT, COST_DUPLICATE, COST_PROPOSE, COST_APPEND, COST_STATE, COST_PROVE,
    COST_CHECK, COST_OPEN, COST_RESIDENT, COSTS
};

struct run {
    const struct bench *bench;
    struct long_chain chain;
    uint64_t size[SIZES_MAX];
    size_t sizes;
    double cost[COSTS][SIZES_MAX];
    double nodes[SIZES_MAX]; /* hashes from a leaf to the root */
};

/* ---- finding --------------------------------------------------------------------------- */

struct lookup {
    const struct long_chain *chain;
    const char *what;
    uint64_t next;
};

static uint64_t next_number(struct lookup *lookup)
{
    lookup->next = (lookup->next + STRIDE) % lookup->chain->entries;
    return lookup->next;
}

static void look_up(void *context)
{
    struct lookup *lookup = context;
    bool present = strcmp(lookup->what, "entry") == 0;
    struct tamga_entry_id id;
    struct tamga_place place;

    long_chain_name(&id.hash, lookup->what, next_number(lookup));
    BENCH_CHECK(tamga_query_place(&lookup->chain->store->reader.view, &id, &place) ==
                (present ? TAMGA_OK : TAMGA_E_NOT_FOUND));
}

static double lookup_us(const struct run *run, const char *what)
{
    struct lookup lookup = {.chain = &run->chain, .what = what};

    for (unsigned i = 0; i < LOOKUPS; i++) /* as after a while of running */
        look_up(&lookup);
    return 1e6 / bench_rate(look_up, &lookup, 1, run->bench->limit_seconds);
}

/* ---- blocks ---------------------------------------------------------------------------- */

static void keep_least(double *least, double seconds)
{
    if (*least == 0 || seconds < *least)
        *least = seconds;
}

/* Real blocks on top; microseconds an entry. Appending ends with the synced flush. */
static void append_us(struct long_chain *chain, uint32_t entries, double *propose,
                      double *append)
{
    struct tamga_engine *engine = chain->engine;

    for (unsigned i = 0; i < ATTEMPTS; i++) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
        double start;

        bench_fill_mempool(engine, chain->network, chain->released, entries);
        chain->released += entries;
        bench_must(tamga_engine_flush(engine), "flush");
        start = bench_now();
        bench_propose(&block, engine, chain->network);
        keep_least(propose, (bench_now() - start) * 1e6 / entries);
        BENCH_CHECK(block.count == entries);
        bench_seal(&block.sealed, chain->network);
        start = bench_now();
        bench_must(tamga_engine_add_block(engine, &block, block.sealed.header.time_ms, NULL),
                   "block");
        bench_must(tamga_engine_flush(engine), "flush");
        keep_least(append, (bench_now() - start) * 1e6 / entries);
    }
}

/* New keys into the map, each time others, as a block of a gateway brings them. */
static double state_us(const struct long_chain *chain, uint32_t keys)
{
    double least = 0;

    for (unsigned i = 0; i < ATTEMPTS; i++) {
        TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay overlay;
        struct tamga_hash key, root;
        double start;

        tamga_overlay_init(&overlay, &chain->store->reader.view);
        for (uint32_t k = 0; k < keys; k++) {
            long_chain_name(&key, "new", i * keys + k);
            bench_must(tamga_overlay_put(&overlay, TAMGA_FAMILY_STATE, tamga_hash_span(&key),
                                         tamga_hash_span(&key)),
                       "put");
        }
        start = bench_core();
        bench_must(tamga_state_map_apply(&root, &overlay, &overlay), "state map");
        keep_least(&least, (bench_core() - start) * 1e6 / keys);
    }
    return least;
}

/* ---- proofs ---------------------------------------------------------------------------- */

struct proving {
    struct lookup lookup;
    struct tamga_hash root, key;
    Tamga__V1__StateProof *proof;
    uint64_t count, nodes;
};

static void prove(void *context)
{
    struct proving *proving = context;
    const struct tamga_view *view = &proving->lookup.chain->store->reader.view;

    tamga_wire_free((ProtobufCMessage *)proving->proof);
    proving->proof = NULL;
    long_chain_name(&proving->key, "state", next_number(&proving->lookup));
    bench_must(tamga_state_proof_make(&proving->proof, view, &proving->key), "proof");
    proving->count++;
    proving->nodes += proving->proof->depth + 1;
}

static void check(void *context)
{
    struct proving *proving = context;
    struct tamga_span value;

    bench_must(tamga_state_proof_check(&value, &proving->root, &proving->key, proving->proof,
                                       NULL),
               "proof");
    BENCH_CHECK(value.len == TAMGA_HASH_BYTES);
}

static void measure_proofs(struct run *run, size_t at)
{
    const struct long_chain *chain = &run->chain;
    struct proving proving = {.lookup = {.chain = chain}};
    double seconds = run->bench->limit_seconds;

    bench_must(tamga_state_map_root(&proving.root, &chain->store->reader.view), "root");
    BENCH_CHECK(tamga_hash_equal(&proving.root, &tamga_engine_tip(chain->engine)->tip.state_root));
    for (unsigned i = 0; i < LOOKUPS; i++)
        prove(&proving);
    run->cost[COST_PROVE][at] = 1e6 / bench_rate(prove, &proving, 1, seconds);
    run->cost[COST_CHECK][at] = 1e6 / bench_rate(check, &proving, 1, seconds);
    run->nodes[at] = (double)proving.nodes / (double)proving.count;
    tamga_wire_free((ProtobufCMessage *)proving.proof);
}

/* ---- opening --------------------------------------------------------------------------- */

int bench_store_probe(const char *store_path, const char *genesis)
{
    struct tamga_detail detail = {{0}};
    struct tamga_network *network;
    struct tamga_engine *engine;
    struct tamga_store *store;
    struct tamga_chain chain;
    double start;

    bench_must(tamga_network_load(&network, genesis, &detail), detail.text);
    bench_must(tamga_chain_init(&chain, &tamga_rules_consortium, network), "chain");
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
static void probe(struct run *run, size_t at)
{
    char genesis[300];
    const char *const argv[] = {"/proc/self/exe", "--store-probe", run->chain.path, genesis,
                                NULL};

    snprintf(genesis, sizeof genesis, "%s/genesis.tamga", run->chain.folder);
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        double open_ms, resident_mib;
        int status = 0;
        FILE *in;
        pid_t pid = bench_spawn(argv, &in, NULL);

        BENCH_CHECK(fscanf(in, "%lf %lf", &open_ms, &resident_mib) == 2);
        fclose(in);
        BENCH_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        keep_least(&run->cost[COST_OPEN][at], open_ms);
        keep_least(&run->cost[COST_RESIDENT][at], resident_mib);
    }
}

/* ---- the whole ------------------------------------------------------------------------- */

static void measure(struct run *run, size_t at)
{
    struct long_chain *chain = &run->chain;
    uint32_t entries = run->bench->smoke ? 20 : LONG_BLOCK_ENTRIES;

    long_chain_open(chain);
    long_chain_grow(chain, run->size[at]);
    long_chain_settle(chain);
    run->cost[COST_ABSENT][at] = lookup_us(run, "absent");
    run->cost[COST_DUPLICATE][at] = lookup_us(run, "entry");
    run->cost[COST_STATE][at] = state_us(chain, entries);
    measure_proofs(run, at);
    append_us(chain, entries, &run->cost[COST_PROPOSE][at], &run->cost[COST_APPEND][at]);
    long_chain_settle(chain);
    long_chain_close(chain);
    probe(run, at);
}

static void name_figure(char out[64], const char *what, uint64_t size)
{
    bool million = size % 1000000 == 0;

    snprintf(out, 64, "store.%s.%llu%c", what,
             (unsigned long long)size / (million ? 1000000 : 1000), million ? 'M' : 'k');
}

/* Each size beside the smallest, which is the limit: flat is 1. */
static void tell(const struct run *run, enum cost cost, const char *what, const char *unit)
{
    for (size_t i = 0; i < run->sizes; i++) {
        char name[64];

        name_figure(name, what, run->size[i]);
        bench_cost(name, run->cost[cost][i], unit, run->cost[cost][0],
                   "the same at the smallest size");
    }
}

/* Beside hashing the nodes from the leaf to the root, and nothing else. */
static void tell_proof(const struct run *run, enum cost cost, const char *what, double rate)
{
    for (size_t i = 0; i < run->sizes; i++) {
        char name[64];

        name_figure(name, what, run->size[i]);
        bench_cost(name, run->cost[cost][i], "us", run->nodes[i] * 1e6 / rate,
                   "hashing its nodes");
    }
}

static void run_sizes(struct run *run)
{
    static struct bench_network network;
    double nodes_a_second = limit_sha256_nodes(run->bench->limit_seconds);

    bench_network_open(&network);
    run->chain = (struct long_chain){.network = &network};
    bench_folder(run->chain.folder);
    snprintf(run->chain.path, sizeof run->chain.path, "%s/chain", run->chain.folder);
    bench_write(run->chain.folder, "genesis.tamga", tamga_buf_span(&network.network->bytes));
    for (size_t i = 0; i < run->sizes; i++)
        measure(run, i);
    tell(run, COST_ABSENT, "absent", "us");
    tell(run, COST_DUPLICATE, "duplicate", "us");
    tell(run, COST_PROPOSE, "propose", "us/entry");
    tell(run, COST_APPEND, "append", "us/entry");
    tell(run, COST_STATE, "state", "us/key");
    tell_proof(run, COST_PROVE, "prove", nodes_a_second);
    tell_proof(run, COST_CHECK, "check", nodes_a_second);
    tell(run, COST_OPEN, "open", "ms");
    tell(run, COST_RESIDENT, "resident", "MiB");
    bench_network_close(&network);
}

void bench_store(const struct bench *bench)
{
    struct run run = {.bench = bench, .size = {10000, 1000000}, .sizes = 2};

    if (bench->smoke)
        run = (struct run){.bench = bench, .size = {1000, 2000, 3000}, .sizes = 3};
    run_sizes(&run);
}

void bench_store_10m(const struct bench *bench)
{
    struct run run = {.bench = bench, .size = {10000, 1000000, 10000000}, .sizes = 3};

    if (bench->smoke)
        run = (struct run){.bench = bench, .size = {1000, 2000, 3000}, .sizes = 3};
    run_sizes(&run);
}
