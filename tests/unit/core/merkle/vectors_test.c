/* Proof verification against vectors of others; tests/vectors/merkle/README.md. */
#include <criterion/criterion.h>

#include "merkle/tree.h"
#include "vectors.h"

#define FILES_MAX 64
#define NODES_MAX 256

struct path {
    size_t count;
    struct tamga_hash node[NODES_MAX];
};

static uint64_t number(const json_t *entry, const char *field)
{
    uint64_t value = 0;

    cr_assert_eq(test_json_u64(json_object_get(entry, field), &value), TAMGA_OK, "%s",
                 field);
    return value;
}

/* BAD_LENGTH: not 32 bytes, which our types cannot even hold: a refusal. */
static enum tamga_err hash(const json_t *value, struct tamga_hash *out)
{
    TAMGA_BUF bytes = {0};

    cr_assert_eq(test_json_base64(value, &bytes), TAMGA_OK);
    return tamga_hash_from(out, tamga_buf_span(&bytes));
}

static enum tamga_err proof(const json_t *entry, struct path *out)
{
    const json_t *list = json_object_get(entry, "proof");

    cr_assert(json_is_array(list) || json_is_null(list));
    out->count = json_array_size(list);
    cr_assert_leq(out->count, NODES_MAX);
    for (size_t i = 0; i < out->count; i++)
        if (hash(json_array_get(list, i), &out->node[i]) != TAMGA_OK)
            return TAMGA_E_BAD_PROOF;
    return TAMGA_OK;
}

static enum tamga_err inclusion(const json_t *entry)
{
    uint64_t index = number(entry, "leafIdx");
    uint64_t size = number(entry, "treeSize");
    struct tamga_hash root, leaf;
    struct path path;

    if (hash(json_object_get(entry, "root"), &root) != TAMGA_OK ||
        hash(json_object_get(entry, "leafHash"), &leaf) != TAMGA_OK ||
        proof(entry, &path) != TAMGA_OK)
        return TAMGA_E_BAD_PROOF;
    return tamga_merkle_check_inclusion(&root, size, &leaf, index, path.node,
                                        path.count);
}

static enum tamga_err consistency(const json_t *entry)
{
    uint64_t old_size = number(entry, "size1");
    uint64_t new_size = number(entry, "size2");
    struct tamga_hash old_root, new_root;
    struct path path;

    if (hash(json_object_get(entry, "root1"), &old_root) != TAMGA_OK ||
        hash(json_object_get(entry, "root2"), &new_root) != TAMGA_OK ||
        proof(entry, &path) != TAMGA_OK)
        return TAMGA_E_BAD_PROOF;
    return tamga_merkle_check_consistency(&old_root, old_size, &new_root, new_size,
                                          path.node, path.count);
}

/* Every case of one file; how many it had. A file may hold one bare case. */
static size_t run_file(const char *file, enum tamga_err (*check)(const json_t *))
{
    TEST_JSON *root = test_json_load(file);
    size_t count = json_is_array(root) ? json_array_size(root) : 1;

    cr_assert_not_null(root, "%s", file);
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = json_is_array(root) ? json_array_get(root, i) : root;
        const json_t *want = json_object_get(entry, "wantErr");
        const char *about = json_string_value(json_object_get(entry, "desc"));

        cr_assert(want == NULL || json_is_boolean(want), "%s, case %zu", file, i);
        cr_assert_eq(check(entry), json_is_true(want) ? TAMGA_E_BAD_PROOF : TAMGA_OK,
                     "%s, case %zu: %s", file, i, about == NULL ? "" : about);
    }
    return count;
}

static void run_all(const char *prefix, enum tamga_err (*check)(const json_t *))
{
    static char file[FILES_MAX][512];
    size_t count = test_vector_files("merkle", prefix, ".json", file, FILES_MAX);

    cr_assert_gt(count, 0);
    for (size_t i = 0; i < count; i++)
        cr_assert_gt(run_file(file[i], check), 0, "%s", file[i]);
}

/*
 * Goal:   inclusion proofs that hold pass, all others are BAD_PROOF.
 * Method: every case of every inclusion*.json.
 */
Test(merkle_vectors, inclusion)
{
    run_all("inclusion", inclusion);
}

/*
 * Goal:   consistency proofs that hold pass, all others are BAD_PROOF.
 * Method: every case of every consistency*.json.
 */
Test(merkle_vectors, consistency)
{
    run_all("consistency", consistency);
}
