/* Roots and proofs of the map, made without our code; tests/vectors/merkle/README.md. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "map_rows.h"
#include "vectors.h"

#define FILES_MAX   16
#define CHANGES_MAX 1024
#define WORDS_MAX   8

struct replay {
    struct test_map_calls calls;
    struct test_map_rows rows;
    struct tamga_map_change change[CHANGES_MAX];
    size_t changes;
    struct tamga_hash root;
    size_t roots, proofs;
};

static struct tamga_hash hash(const char *text)
{
    struct tamga_hash out;

    cr_assert_eq(strlen(text), 64);
    cr_assert_eq(tamga_from_hex(out.byte, sizeof out.byte, text), TAMGA_OK);
    return out;
}

static void check_root(struct replay *replay, const char *text)
{
    struct tamga_hash want = hash(text);

    cr_assert_eq(tamga_map_update(&replay->root, &replay->rows.base, replay->change,
                                  replay->changes),
                 TAMGA_OK);
    cr_assert(tamga_hash_equal(&replay->root, &want), "root %s", text);
    replay->changes = 0;
    replay->roots++;
}

/* depth, bits, siblings as one string of hex ("-": none) */
static void read_path(struct tamga_map_proof *proof, char *const word[3])
{
    size_t chars = strlen(word[2]);

    proof->depth = (uint32_t)strtoul(word[0], NULL, 10);
    cr_assert_leq(proof->depth, TAMGA_MAP_DEPTH_MAX);
    if (strcmp(word[1], "-") != 0)
        cr_assert_eq(tamga_from_hex(proof->filled, strlen(word[1]) / 2, word[1]), TAMGA_OK);
    if (strcmp(word[2], "-") == 0)
        return;
    cr_assert(chars % 64 == 0 && chars / 64 <= TAMGA_MAP_DEPTH_MAX);
    proof->count = chars / 64;
    cr_assert_eq(tamga_from_hex(proof->sibling[0].byte, chars / 2, word[2]), TAMGA_OK);
}

static void check_proof(struct replay *replay, const struct tamga_map_proof *want,
                        const struct tamga_hash *key)
{
    struct tamga_map_proof got = {0};

    cr_assert_eq(tamga_map_check(&replay->root, want, key,
                                 want->present ? &want->value : NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_map_prove(&got, &replay->rows.base, key), TAMGA_OK);
    cr_assert_eq(got.depth, want->depth);
    cr_assert_eq(got.count, want->count);
    cr_assert_arr_eq(got.filled, want->filled, sizeof got.filled);
    cr_assert_arr_eq(got.sibling, want->sibling, sizeof got.sibling);
    cr_assert_eq(got.present, want->present);
    cr_assert_eq(got.other, want->other);
    cr_assert(tamga_hash_equal(&got.key, &want->key));
    cr_assert(tamga_hash_equal(&got.value, &want->value));
    replay->proofs++;
}

static void run_line(struct replay *replay, char *const word[WORDS_MAX], size_t words)
{
    struct tamga_map_proof proof = {0};
    struct tamga_hash key;

    if (words == 2 && strcmp(word[0], "root") == 0) {
        check_root(replay, word[1]);
        return;
    }
    cr_assert_geq(words, 2);
    key = hash(word[1]);
    if (words == 3 && strcmp(word[0], "put") == 0) {
        cr_assert_lt(replay->changes, CHANGES_MAX);
        replay->change[replay->changes++] =
            (struct tamga_map_change){.key = key, .present = true, .value = hash(word[2])};
    } else if (words == 2 && strcmp(word[0], "erase") == 0) {
        cr_assert_lt(replay->changes, CHANGES_MAX);
        replay->change[replay->changes++] = (struct tamga_map_change){.key = key};
    } else {
        cr_assert(words == 5 || words == 7);
        read_path(&proof, word + 2);
        proof.present = strcmp(word[0], "present") == 0;
        proof.other = strcmp(word[0], "other") == 0;
        cr_assert(proof.present || proof.other || strcmp(word[0], "absent") == 0);
        cr_assert_eq(words == 7, proof.present || proof.other);
        if (words == 7) {
            proof.key = hash(word[5]);
            proof.value = hash(word[6]);
        }
        check_proof(replay, &proof, &key);
    }
}

static void run_file(const char *path)
{
    TAMGA_BUF text = {0};
    struct replay *replay = calloc(1, sizeof *replay);
    char *rest = NULL;

    cr_assert_not_null(replay);
    test_map_rows_init(&replay->rows, &replay->calls);
    cr_assert_eq(test_file_load(&text, path), TAMGA_OK, "%s", path);
    for (char *line = strtok_r((char *)text.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *word[WORDS_MAX] = {0}, *after = NULL;
        size_t words = 0;

        if (line[0] == '#')
            continue;
        for (char *at = strtok_r(line, " ", &after); at != NULL && words < WORDS_MAX;
             at = strtok_r(NULL, " ", &after))
            word[words++] = at;
        run_line(replay, word, words);
    }
    cr_assert_gt(replay->roots, 0, "%s", path);
    cr_assert_gt(replay->proofs, 0, "%s", path);
    test_map_rows_clear(&replay->rows);
    free(replay);
}

/*
 * Goal:   roots and proofs are those of an implementation that shares nothing with ours.
 * Method: every line of every map*.txt.
 */
Test(merkle_map_vectors, roots_and_proofs)
{
    static char path[FILES_MAX][512];
    size_t count = test_vector_files("merkle", "map", ".txt", path, FILES_MAX);

    cr_assert_gt(count, 0);
    for (size_t i = 0; i < count; i++)
        run_file(path[i]);
}
