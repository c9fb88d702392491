/* The sparse Merkle map by its definition; and what the tests of the map share. */
#include "map_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "crypto/hash.h"

/* ---- random, but the same each time ------------------------------------------------ */

/* splitmix64 */
uint64_t map_random(struct map_fixture *f)
{
    uint64_t z = f->random += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

struct tamga_hash map_random_hash(struct map_fixture *f)
{
    struct tamga_hash hash;

    for (size_t i = 0; i < 4; i++)
        tamga_put_u64(hash.byte + 8 * i, map_random(f));
    return hash;
}

struct tamga_hash map_fork_key(struct map_fixture *f, const struct tamga_hash *key,
                               unsigned bit)
{
    struct tamga_hash other = map_random_hash(f);
    uint8_t keep = (uint8_t)(0xff00u >> bit % 8);
    uint8_t turned = (uint8_t)(0x80u >> bit % 8);

    memcpy(other.byte, key->byte, bit / 8);
    other.byte[bit / 8] = (uint8_t)((key->byte[bit / 8] & keep) |
                                    (~key->byte[bit / 8] & turned) |
                                    (other.byte[bit / 8] & (uint8_t)~(keep | turned)));
    return other;
}

struct tamga_hash map_random_key(struct map_fixture *f)
{
    struct tamga_hash key = map_random_hash(f);
    uint64_t kind = map_random(f) % 4;

    if (f->model.count > 0 && kind != 0)
        key = f->model.leaf[map_random(f) % f->model.count].key;
    if (kind == 1)
        key = map_fork_key(f, &key, (unsigned)(map_random(f) % 256));
    if (kind == 2)
        key = map_fork_key(f, &key, (unsigned)(map_random(f) % 12));
    return key;
}

/* ---- by definition ----------------------------------------------------------------- */

static unsigned key_bit(const struct tamga_hash *key, unsigned depth)
{
    return (key->byte[depth >> 3] & (128u >> (depth & 7))) != 0;
}

static struct tamga_hash tagged(const char *tag, const struct tamga_hash *a,
                                const struct tamga_hash *b)
{
    struct tamga_hash out;

    tamga_sha256_parts(&out,
                       (const struct tamga_span[]){tamga_span(tag, 1), tamga_hash_span(a),
                                                   tamga_hash_span(b)},
                       3);
    return out;
}

struct tamga_hash model_leaf_hash(const struct model_leaf *leaf)
{
    return tagged("\x02", &leaf->key, &leaf->value);
}

struct tamga_hash model_node_hash(const struct tamga_hash *left,
                                  const struct tamga_hash *right)
{
    return tagged("\x03", left, right);
}

/* How many of the leaves, which share `depth` bits, go left. */
static size_t left_of(const struct model_leaf *leaf, size_t count, unsigned depth)
{
    size_t left = 0;

    while (left < count && key_bit(&leaf[left].key, depth) == 0)
        left++;
    return left;
}

static struct tamga_hash subtree(const struct model_leaf *leaf, size_t count,
                                 unsigned depth)
{
    struct tamga_hash half[2];
    size_t left;

    if (count == 0)
        return (struct tamga_hash){0};
    if (count == 1)
        return model_leaf_hash(leaf);
    left = left_of(leaf, count, depth);
    half[0] = subtree(leaf, left, depth + 1);
    half[1] = subtree(leaf + left, count - left, depth + 1);
    return model_node_hash(&half[0], &half[1]);
}

struct tamga_hash model_root(const struct model *model)
{
    return subtree(model->leaf, model->count, 0);
}

void model_prove(struct tamga_map_proof *out, const struct model *model,
                 const struct tamga_hash *key)
{
    const struct model_leaf *leaf = model->leaf;
    size_t count = model->count;

    memset(out, 0, sizeof *out);
    for (; count > 1; out->depth++) {
        size_t left = left_of(leaf, count, out->depth);
        bool right = key_bit(key, out->depth) != 0;
        const struct model_leaf *beside = right ? leaf : leaf + left;
        size_t beside_count = right ? left : count - left;

        if (beside_count > 0) {
            out->filled[out->depth >> 3] |= (uint8_t)(128u >> (out->depth & 7));
            out->sibling[out->count++] = subtree(beside, beside_count, out->depth + 1);
        }
        leaf = right ? leaf + left : leaf;
        count -= beside_count;
    }
    if (count == 0)
        return;
    out->present = tamga_hash_equal(&leaf->key, key);
    out->other = !out->present;
    out->key = leaf->key;
    out->value = leaf->value;
}

/* ---- its leaves -------------------------------------------------------------------- */

static size_t model_index(const struct model *model, const struct tamga_hash *key)
{
    size_t i = 0;

    while (i < model->count && memcmp(&model->leaf[i].key, key, sizeof *key) < 0)
        i++;
    return i;
}

const struct model_leaf *model_find(const struct model *model, const struct tamga_hash *key)
{
    size_t i = model_index(model, key);

    return i < model->count && tamga_hash_equal(&model->leaf[i].key, key)
               ? &model->leaf[i]
               : NULL;
}

void model_change(struct model *model, const struct tamga_map_change *change)
{
    size_t i = model_index(model, &change->key);
    bool here = model_find(model, &change->key) != NULL;
    struct model_leaf *at = &model->leaf[i];

    if (here && !change->present)
        memmove(at, at + 1, (--model->count - i) * sizeof *at);
    if (!here && change->present) {
        cr_assert_lt(model->count, MODEL_LEAVES_MAX);
        memmove(at + 1, at, (model->count++ - i) * sizeof *at);
    }
    if (change->present)
        *at = (struct model_leaf){.key = change->key, .value = change->value};
}

/* ---- both -------------------------------------------------------------------------- */

struct map_fixture *map_fixture_new(uint64_t seed)
{
    struct map_fixture *f = calloc(1, sizeof *f);

    cr_assert_not_null(f);
    f->random = seed;
    test_map_rows_init(&f->rows, &f->calls);
    return f;
}

void map_fixture_free(struct map_fixture **fixture)
{
    test_map_rows_clear(&(*fixture)->rows);
    free(*fixture);
}

struct tamga_map_change map_put(struct tamga_hash key, struct tamga_hash value)
{
    return (struct tamga_map_change){.key = key, .present = true, .value = value};
}

struct tamga_map_change map_erase(struct tamga_hash key)
{
    return (struct tamga_map_change){.key = key};
}

size_t map_random_changes(struct map_fixture *f, struct tamga_map_change *change,
                          size_t count)
{
    size_t made = 0;

    for (size_t i = 0; i < count; i++) {
        bool present = f->model.count + count < MODEL_LEAVES_MAX && map_random(f) % 3 != 0;
        struct tamga_hash key = map_random_key(f);
        bool twice = false;

        for (size_t j = 0; j < made; j++)
            twice = twice || tamga_hash_equal(&change[j].key, &key);
        if (twice)
            continue;
        change[made++] = present ? map_put(key, map_random_hash(f)) : map_erase(key);
    }
    return made;
}

struct tamga_hash map_fixture_update(struct map_fixture *f, struct tamga_map_change *change,
                                     size_t count)
{
    struct tamga_hash root, again, want;

    for (size_t i = 0; i < count; i++)
        model_change(&f->model, &change[i]);
    want = model_root(&f->model);
    cr_assert_eq(tamga_map_update(&root, &f->rows.base, change, count), TAMGA_OK);
    cr_assert(tamga_hash_equal(&root, &want));
    cr_assert_eq(tamga_map_root(&again, &f->rows.base), TAMGA_OK);
    cr_assert(tamga_hash_equal(&again, &want));
    return root;
}
