/*
 * Proofs of the state map from anybody, rows from a damaged store, and changes in any order.
 * The first byte of the input chooses. Whatever a proof says, under an honest root only the
 * proof that the map itself makes is accepted.
 */
#include "fuzz.h"

#include <string.h>

#include "crypto/hash.h"
#include "map_rows.h"

#define CHANGES_MAX 64
#define KEYS        24

/* Bytes of the input, zeros when it has no more. */
struct input {
    struct tamga_span left;
};

static void take(struct input *in, void *out, size_t len)
{
    size_t here = in->left.len < len ? in->left.len : len;

    memset(out, 0, len);
    if (here == 0)
        return;
    memcpy(out, in->left.data, here);
    in->left = tamga_span(in->left.data + here, in->left.len - here);
}

static uint8_t take_byte(struct input *in)
{
    uint8_t byte;

    take(in, &byte, 1);
    return byte;
}

/* A key of few: one byte says at which bit it leaves the zero key. */
static struct tamga_hash near_key(uint8_t bit)
{
    struct tamga_hash key = {{0}};

    key.byte[bit / 8] = (uint8_t)(0x80u >> bit % 8);
    return key;
}

static struct tamga_hash some_hash(uint64_t number)
{
    uint8_t bytes[8];
    struct tamga_hash hash;

    tamga_put_u64(bytes, number);
    tamga_sha256(&hash, tamga_span(bytes, sizeof bytes));
    return hash;
}

/* ---- proofs ------------------------------------------------------------------------ */

/* The map under attack is always the same one. */
static struct tamga_hash known_map(struct test_map_rows *rows)
{
    struct tamga_map_change change[2 * KEYS];
    struct tamga_hash root;

    for (unsigned i = 0; i < KEYS; i++) {
        change[2 * i] = (struct tamga_map_change){
            .key = some_hash(i), .present = true, .value = some_hash(~(uint64_t)i)};
        change[2 * i + 1] = (struct tamga_map_change){
            .key = near_key((uint8_t)(11 * i)), .present = true, .value = some_hash(i)};
    }
    FUZZ_REQUIRE(tamga_map_update(&root, &rows->base, change, 2 * KEYS) == TAMGA_OK);
    return root;
}

static bool same_proof(const struct tamga_map_proof *a, const struct tamga_map_proof *b)
{
    if (a->depth != b->depth || a->count != b->count || a->present != b->present ||
        a->other != b->other || memcmp(a->filled, b->filled, sizeof a->filled) != 0 ||
        memcmp(a->sibling, b->sibling, a->count * sizeof a->sibling[0]) != 0)
        return false;
    return (!a->present && !a->other) || (tamga_hash_equal(&a->key, &b->key) &&
                                          tamga_hash_equal(&a->value, &b->value));
}

/* The honest proof with bytes of the input laid over it by exclusive or. */
static void disturb(struct tamga_map_proof *proof, struct input *in)
{
    uint8_t bytes[sizeof *proof];
    struct tamga_map_proof over;

    take(in, &over.depth, sizeof over.depth);
    proof->depth ^= over.depth;
    proof->count ^= take_byte(in);
    proof->present ^= take_byte(in) & 1;
    proof->other ^= take_byte(in) & 1;
    take(in, bytes, sizeof proof->filled);
    for (size_t i = 0; i < sizeof proof->filled; i++)
        proof->filled[i] ^= bytes[i];
    take(in, bytes, 2 * TAMGA_HASH_BYTES);
    for (size_t i = 0; i < TAMGA_HASH_BYTES; i++) {
        proof->key.byte[i] ^= bytes[i];
        proof->value.byte[i] ^= bytes[TAMGA_HASH_BYTES + i];
    }
    take(in, bytes, sizeof proof->sibling);
    for (size_t i = 0; i < sizeof proof->sibling; i++)
        proof->sibling[i / TAMGA_HASH_BYTES].byte[i % TAMGA_HASH_BYTES] ^= bytes[i];
}

static void check_proof(struct input *in)
{
    static struct test_map_calls calls;
    static struct test_map_rows rows;
    static struct tamga_hash root;
    struct tamga_map_proof honest, proof;
    uint8_t pick = take_byte(in);
    struct tamga_hash key = pick % 3 == 0   ? some_hash(pick / 3u)
                            : pick % 3 == 1 ? near_key(pick)
                                            : (struct tamga_hash){{pick}};
    struct tamga_hash value;
    enum tamga_err err;

    if (rows.calls == NULL) {
        test_map_rows_init(&rows, &calls);
        root = known_map(&rows);
    }
    memset(&honest, 0, sizeof honest);
    FUZZ_REQUIRE(tamga_map_prove(&honest, &rows.base, &key) == TAMGA_OK);
    FUZZ_REQUIRE(tamga_map_check(&root, &honest, &key,
                                 honest.present ? &honest.value : NULL) == TAMGA_OK);
    proof = honest;
    disturb(&proof, in);
    value = proof.value;
    err = tamga_map_check(&root, &proof, &key, proof.present ? &value : NULL);
    FUZZ_REQUIRE(err == TAMGA_OK || err == TAMGA_E_PROOF_DEPTH ||
                 err == TAMGA_E_PROOF_KEY || err == TAMGA_E_PROOF_ROOT);
    FUZZ_REQUIRE((err == TAMGA_OK) == same_proof(&proof, &honest));
}

/* ---- rows -------------------------------------------------------------------------- */

/* A store that gives the next bytes of the input for whichever row. */
struct wild_rows {
    struct tamga_map_rows base;
    struct input *in;
};

static enum tamga_err wild_get(const struct tamga_map_rows *base, struct tamga_span key,
                               struct tamga_buf *row)
{
    struct input *in = ((const struct wild_rows *)base)->in;
    uint8_t head[2], bytes[TAMGA_MAP_ROW_BYTES_MAX + 1];
    size_t len;

    FUZZ_REQUIRE(key.len >= 1 && key.len <= TAMGA_MAP_ROW_KEY_BYTES);
    FUZZ_REQUIRE(key.data[0] < 64 && key.len == 1u + (key.data[0] + 1u) / 2);
    if (in->left.len == 0)
        return TAMGA_E_NOT_FOUND;
    take(in, head, sizeof head);
    len = (size_t)(head[0] << 8 | head[1]) % sizeof bytes;
    take(in, bytes, len);
    return tamga_buf_set(row, tamga_span(bytes, len));
}

static enum tamga_err wild_put(struct tamga_map_rows *base, struct tamga_span key,
                               struct tamga_span row)
{
    (void)base;
    FUZZ_REQUIRE(key.len >= 1 && row.len >= 36 && row.len <= TAMGA_MAP_ROW_BYTES_MAX);
    return TAMGA_OK;
}

static enum tamga_err wild_erase(struct tamga_map_rows *base, struct tamga_span key)
{
    (void)base;
    FUZZ_REQUIRE(key.len >= 1);
    return TAMGA_OK;
}

static void check_rows(struct input *in)
{
    static const struct tamga_map_rows_ops ops = {
        .get = wild_get, .put = wild_put, .erase = wild_erase};
    struct wild_rows rows = {.base = {.ops = &ops}, .in = in};
    struct tamga_map_change change[] = {
        {.key = near_key(take_byte(in)), .present = true, .value = {{1}}},
        {.key = {{0}}, .present = (take_byte(in) & 1) != 0, .value = {{2}}},
    };
    struct input again = *in;
    struct tamga_map_proof proof;
    struct tamga_hash root;
    enum tamga_err err = tamga_map_update(&root, &rows.base, change, 2);

    FUZZ_REQUIRE(err == TAMGA_OK || err == TAMGA_E_STORE_CORRUPT);
    *in = again;
    err = tamga_map_root(&root, &rows.base);
    FUZZ_REQUIRE(err == TAMGA_OK || err == TAMGA_E_STORE_CORRUPT);
    *in = again;
    err = tamga_map_prove(&proof, &rows.base, &change[0].key);
    FUZZ_REQUIRE(err == TAMGA_OK || err == TAMGA_E_STORE_CORRUPT);
}

/* ---- changes ----------------------------------------------------------------------- */

/* Two bytes a change: which key, and what becomes of it. */
static size_t take_changes(struct input *in, struct tamga_map_change *change)
{
    bool taken[256] = {false};
    size_t count = 0;

    while (in->left.len >= 2 && count < CHANGES_MAX) {
        uint8_t bit = take_byte(in), what = take_byte(in);

        if (what == 0xff) /* the batch ends */
            break;
        if (!taken[bit])
            change[count++] = (struct tamga_map_change){
                .key = near_key(bit), .present = (what & 1) != 0, .value = some_hash(what)};
        taken[bit] = true;
    }
    return count;
}

/* What batches come to is what their last words come to at once. */
static void check_changes(struct input *in)
{
    struct test_map_calls calls = {0};
    TAMGA_CLEANUP(test_map_rows_clear) struct test_map_rows rows, once;
    struct tamga_map_change change[CHANGES_MAX], last[256] = {{.present = false}};
    struct tamga_hash root = {{0}}, want;

    test_map_rows_init(&rows, &calls);
    test_map_rows_init(&once, &calls);
    for (unsigned i = 0; i < 256; i++)
        last[i].key = near_key((uint8_t)i);
    while (in->left.len >= 2) {
        size_t count = take_changes(in, change);

        for (size_t i = 0; i < count; i++)
            for (unsigned j = 0; j < 256; j++)
                if (tamga_hash_equal(&last[j].key, &change[i].key))
                    last[j] = change[i];
        FUZZ_REQUIRE(tamga_map_update(&root, &rows.base, change, count) == TAMGA_OK);
    }
    FUZZ_REQUIRE(tamga_map_update(&want, &once.base, last, 256) == TAMGA_OK);
    FUZZ_REQUIRE(tamga_hash_equal(&root, &want));
    FUZZ_REQUIRE(test_map_rows_equal(&rows, &once));
}

/* The corpus counts on this order: append only. */
static void (*const check[])(struct input *) = {check_proof, check_rows, check_changes};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {tamga_span(data, size)};
    uint8_t which = take_byte(&in);

    if (size > 0)
        check[which % (sizeof check / sizeof check[0])](&in);
    return 0;
}
