/*
 * What a sparse Merkle map is by its definition: a list of leaves, and recursion over bits.
 * Shares no code with core/merkle/map.c but the hash function.
 */
#ifndef TAMGA_TEST_MAP_MODEL_H
#define TAMGA_TEST_MAP_MODEL_H

#include "map_rows.h"

#define MODEL_LEAVES_MAX 2048

struct model_leaf {
    struct tamga_hash key, value;
};
struct model {
    struct model_leaf leaf[MODEL_LEAVES_MAX]; /* ascending by key */
    size_t count;
};

/* A map, the model beside it, and the calls that the map's rows saw. */
struct map_fixture {
    struct test_map_calls calls;
    struct test_map_rows rows;
    struct model model;
    uint64_t random;
};
struct map_fixture *map_fixture_new(uint64_t seed);
void map_fixture_free(struct map_fixture **fixture);
#define MAP_FIXTURE TAMGA_CLEANUP(map_fixture_free) struct map_fixture

uint64_t map_random(struct map_fixture *f);
struct tamga_hash map_random_hash(struct map_fixture *f);
/* Some key: of the map, sharing 0..256 leading bits with one of it, or any. */
struct tamga_hash map_random_key(struct map_fixture *f);
/* The key with one bit turned, and all below it random. */
struct tamga_hash map_fork_key(struct map_fixture *f, const struct tamga_hash *key,
                               unsigned bit);

struct tamga_hash model_leaf_hash(const struct model_leaf *leaf);
struct tamga_hash model_node_hash(const struct tamga_hash *left,
                                  const struct tamga_hash *right);

const struct model_leaf *model_find(const struct model *model, const struct tamga_hash *key);
void model_change(struct model *model, const struct tamga_map_change *change);
struct tamga_hash model_root(const struct model *model);
/* The proof that the definition gives. */
void model_prove(struct tamga_map_proof *out, const struct model *model,
                 const struct tamga_hash *key);

/* Both get the changes; returns the map's root after asserting that it is the model's. */
struct tamga_hash map_fixture_update(struct map_fixture *f, struct tamga_map_change *change,
                                     size_t count);
/* One change. */
struct tamga_map_change map_put(struct tamga_hash key, struct tamga_hash value);
struct tamga_map_change map_erase(struct tamga_hash key);
/* Distinct random changes, mostly insertions where the map is small. */
size_t map_random_changes(struct map_fixture *f, struct tamga_map_change *change,
                          size_t count);

#endif
