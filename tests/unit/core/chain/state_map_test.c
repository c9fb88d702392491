/* The state map over a store, and its proofs on the wire. What blocks do to it:
 * state_root_test.c. */
#include "chain/state_map.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "fixture.h"
#include "wire/wire.h"

#define KEYS 40

static struct tamga_hash key_of(uint32_t number)
{
    uint8_t bytes[4];
    struct tamga_hash key;

    tamga_put_u32(bytes, number);
    tamga_sha256(&key, tamga_span(bytes, sizeof bytes));
    return key;
}

static void put(struct tamga_overlay *overlay, enum tamga_family family, uint32_t number,
                const char *value)
{
    struct tamga_hash key = key_of(number);

    cr_assert_eq(tamga_overlay_put(overlay, family, tamga_hash_span(&key),
                                   tamga_span_text(value)),
                 TAMGA_OK);
}

static void erase(struct tamga_overlay *overlay, uint32_t number)
{
    struct tamga_hash key = key_of(number);

    cr_assert_eq(tamga_overlay_erase(overlay, TAMGA_FAMILY_STATE, tamga_hash_span(&key)),
                 TAMGA_OK);
}

/* An overlay over an empty store, its state being keys 0..count-1. */
struct world {
    struct tamga_store *store;
    struct tamga_overlay overlay;
    struct tamga_hash root;
};

static void world_open(struct world *world, uint32_t count)
{
    cr_assert_eq(tamga_store_mem_new(&world->store), TAMGA_OK);
    tamga_overlay_init(&world->overlay, &world->store->reader.view);
    for (uint32_t i = 0; i < count; i++)
        put(&world->overlay, TAMGA_FAMILY_STATE, i, "value");
    cr_assert_eq(tamga_state_map_apply(&world->root, &world->overlay, &world->overlay),
                 TAMGA_OK);
}

static void world_close(struct world *world)
{
    tamga_overlay_clear(&world->overlay);
    world->store->ops->close(world->store);
}

static void world_flush(struct world *world)
{
    struct tamga_write *write;
    size_t count;

    cr_assert_eq(tamga_overlay_writes(&world->overlay, &write, &count), TAMGA_OK);
    cr_assert_eq(world->store->ops->write(world->store, write, count, true), TAMGA_OK);
    tamga_overlay_clear(&world->overlay);
    free(write);
}

/* ---- the map ---------------------------------------------------------------------- */

/*
 * Goal:   the root follows STATE, whatever way it came to be, and nothing else.
 * Method: keys at once; the same one by one with detours, INDEX writes among them.
 */
Test(state_map, root_follows_the_state_alone)
{
    struct world once, steps;
    struct tamga_hash root;

    world_open(&once, KEYS);
    cr_assert_not(tamga_hash_is_zero(&once.root));
    world_open(&steps, 0);
    cr_assert(tamga_hash_is_zero(&steps.root));
    for (uint32_t i = KEYS + 3; i-- > 0;) {
        TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay top;

        tamga_overlay_init(&top, &steps.overlay.view);
        put(&top, TAMGA_FAMILY_STATE, i, i % 2 == 0 ? "value" : "another");
        put(&top, TAMGA_FAMILY_INDEX, i, "listed");
        cr_assert_eq(tamga_state_map_apply(&root, &steps.overlay, &top), TAMGA_OK);
        cr_assert_eq(tamga_overlay_merge(&steps.overlay, &top), TAMGA_OK);
    }
    cr_assert_not(tamga_hash_equal(&root, &once.root));
    world_flush(&steps);
    for (uint32_t i = 0; i < KEYS + 3; i++)
        if (i >= KEYS)
            erase(&steps.overlay, i);
        else if (i % 2 == 1)
            put(&steps.overlay, TAMGA_FAMILY_STATE, i, "value");
    cr_assert_eq(tamga_state_map_apply(&root, &steps.overlay, &steps.overlay), TAMGA_OK);
    cr_assert(tamga_hash_equal(&root, &once.root));
    cr_assert_eq(tamga_state_map_root(&root, &steps.overlay.view), TAMGA_OK);
    cr_assert(tamga_hash_equal(&root, &once.root));
    world_flush(&steps);
    world_flush(&once);
    cr_assert(test_same_content(once.store, steps.store,
                                1u << TAMGA_FAMILY_MAP | 1u << TAMGA_FAMILY_STATE));
    world_close(&once);
    world_close(&steps);
}

/*
 * Goal:   nothing written leaves the root as it is; a key that is no hash is refused.
 * Method: an empty overlay over a map; a key of 31 bytes.
 */
Test(state_map, no_change_and_no_key)
{
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay top;
    struct world world;
    struct tamga_hash root, kept;

    world_open(&world, 3);
    tamga_overlay_init(&top, &world.overlay.view);
    put(&top, TAMGA_FAMILY_INDEX, 1, "listed");
    cr_assert_eq(tamga_state_map_apply(&root, &top, &top), TAMGA_OK);
    cr_assert(tamga_hash_equal(&root, &world.root));
    cr_assert_eq(tamga_overlay_count(&top), 1);
    kept = root;
    cr_assert_eq(tamga_overlay_put(&top, TAMGA_FAMILY_STATE, tamga_span(root.byte, 31),
                                   tamga_span_text("v")),
                 TAMGA_OK);
    cr_assert_eq(tamga_state_map_apply(&root, &top, &top), TAMGA_E_STORE_CORRUPT);
    cr_assert(tamga_hash_equal(&root, &kept));
    world_close(&world);
}

/* ---- proofs ----------------------------------------------------------------------- */

static Tamga__V1__StateProof *prove(const struct world *world, uint32_t number)
{
    Tamga__V1__StateProof *proof = NULL;
    struct tamga_hash key = key_of(number);

    cr_assert_eq(tamga_state_proof_make(&proof, &world->overlay.view, &key), TAMGA_OK);
    return proof;
}

static enum tamga_err check(const struct world *world, uint32_t number,
                            const Tamga__V1__StateProof *proof)
{
    struct tamga_hash key = key_of(number);
    struct tamga_span value = tamga_span("untouched", 9);
    struct tamga_detail detail;
    enum tamga_err err =
        tamga_state_proof_check(&value, &world->root, &key, proof, &detail);

    if (err == TAMGA_OK)
        cr_assert(tamga_span_equal(value, tamga_wire_span(proof->value)));
    else
        cr_assert_eq(value.len, 9);
    return err;
}

/*
 * Goal:   every key has a proof, there or not, in maps of every size, and it proves nothing
 *         of another key or under another root.
 * Method: maps of 0..KEYS keys; keys that are there and as many that are not.
 */
Test(state_proof, holds_for_keys_and_absent_ones)
{
    for (uint32_t count = 0; count <= KEYS; count++) {
        struct world world, other;

        world_open(&world, count);
        world_open(&other, count + 1);
        for (uint32_t i = 0; i < 2 * KEYS; i++) {
            Tamga__V1__StateProof *proof = prove(&world, i);

            cr_assert_eq(proof->value.len, i < count ? 5 : 0);
            cr_assert_eq(check(&world, i, proof), TAMGA_OK);
            cr_assert_eq(check(&world, i + 1, proof), TAMGA_E_PROOF_KEY);
            cr_assert_eq(check(&other, i, proof), TAMGA_E_PROOF_ROOT);
            tamga_wire_free(&proof->base);
        }
        world_close(&world);
        world_close(&other);
    }
}

/* A proof of key 1 (there) or KEYS + n (absent, another's leaf there), to be changed. */
struct forgery {
    const char *what;
    enum tamga_err expected;
    bool absent;
    void (*forge)(Tamga__V1__StateProof *proof);
};

static uint8_t filler[1048577];

static void short_key(Tamga__V1__StateProof *proof)
{
    proof->key.len = 31;
}
static void no_key(Tamga__V1__StateProof *proof)
{
    proof->key.len = 0;
}
static void other_key(Tamga__V1__StateProof *proof)
{
    proof->key.data[31] ^= 1;
}
static void long_value(Tamga__V1__StateProof *proof)
{
    proof->value = (ProtobufCBinaryData){sizeof filler, filler};
}
static void other_value(Tamga__V1__StateProof *proof)
{
    proof->value.data[0] ^= 1;
}
static void no_value(Tamga__V1__StateProof *proof)
{
    proof->value.len = 0;
}
static void some_value(Tamga__V1__StateProof *proof)
{
    proof->value = (ProtobufCBinaryData){5, filler};
}
static void deep(Tamga__V1__StateProof *proof)
{
    proof->depth = 257;
}
static void deeper(Tamga__V1__StateProof *proof)
{
    proof->depth += 8;
}
static void shallow(Tamga__V1__StateProof *proof)
{
    proof->depth--;
}
static void long_bits(Tamga__V1__StateProof *proof)
{
    proof->filled = (ProtobufCBinaryData){33, filler};
}
static void no_bits(Tamga__V1__StateProof *proof)
{
    proof->filled.len = 0;
}
static void fewer_siblings(Tamga__V1__StateProof *proof)
{
    proof->n_siblings--;
}
static void many_siblings(Tamga__V1__StateProof *proof)
{
    proof->n_siblings = 257; /* never read: the number alone is refused */
}
static void short_sibling(Tamga__V1__StateProof *proof)
{
    proof->siblings[0].len = 31;
}
static void bad_sibling(Tamga__V1__StateProof *proof)
{
    proof->siblings[0].data[3] ^= 4;
}
static void short_other(Tamga__V1__StateProof *proof)
{
    proof->other_key.len = 31;
}
static void half_other(Tamga__V1__StateProof *proof)
{
    proof->other_value.len = 0;
}
static void own_as_other(Tamga__V1__StateProof *proof)
{
    memcpy(proof->other_key.data, proof->key.data, TAMGA_HASH_BYTES);
}
static void elsewhere(Tamga__V1__StateProof *proof)
{
    proof->other_key.data[0] ^= 0x80;
}
static void no_other(Tamga__V1__StateProof *proof)
{
    proof->other_key.len = proof->other_value.len = 0;
}

static const struct forgery forgery[] = {
    {"key of 31 bytes", TAMGA_E_BAD_LENGTH, false, short_key},
    {"no key", TAMGA_E_BAD_LENGTH, false, no_key},
    {"another key", TAMGA_E_PROOF_KEY, false, other_key},
    {"value too long", TAMGA_E_BAD_LENGTH, false, long_value},
    {"another value", TAMGA_E_PROOF_ROOT, false, other_value},
    {"its absence", TAMGA_E_PROOF_ROOT, false, no_value},
    {"its presence", TAMGA_E_PROOF_KEY, true, some_value},
    {"depth 257", TAMGA_E_PROOF_DEPTH, false, deep},
    {"depth beyond the bits", TAMGA_E_PROOF_DEPTH, false, deeper},
    {"depth less by one", TAMGA_E_PROOF_DEPTH, false, shallow},
    {"bits too long", TAMGA_E_PROOF_DEPTH, false, long_bits},
    {"no bits", TAMGA_E_PROOF_DEPTH, false, no_bits},
    {"a sibling less", TAMGA_E_PROOF_DEPTH, false, fewer_siblings},
    {"257 siblings", TAMGA_E_PROOF_DEPTH, false, many_siblings},
    {"sibling of 31 bytes", TAMGA_E_BAD_LENGTH, false, short_sibling},
    {"another sibling", TAMGA_E_PROOF_ROOT, false, bad_sibling},
    {"other key of 31 bytes", TAMGA_E_BAD_LENGTH, true, short_other},
    {"other key without value", TAMGA_E_BAD_LENGTH, true, half_other},
    {"the key as another's", TAMGA_E_PROOF_KEY, true, own_as_other},
    {"another's that is not in the way", TAMGA_E_PROOF_KEY, true, elsewhere},
    {"another's leaf left out", TAMGA_E_PROOF_ROOT, true, no_other},
};

/* A message keeps what it owns apart from what a forgery lent to it. */
static void check_forgery(const struct world *world, uint32_t number,
                          const struct forgery *row)
{
    Tamga__V1__StateProof *proof = prove(world, number), forged = *proof;

    row->forge(&forged);
    cr_assert_eq(check(world, number, &forged), row->expected, "%s", row->what);
    tamga_wire_free(&proof->base);
}

/*
 * Goal:   every lie in a proof is refused, and by its own name.
 * Method: a row for each; no proof at all.
 */
Test(state_proof, each_lie_has_its_name)
{
    struct world world;
    uint32_t absent = KEYS;

    world_open(&world, KEYS);
    for (;; absent++) {
        Tamga__V1__StateProof *proof = prove(&world, absent);
        bool found = proof->other_key.len > 0;

        tamga_wire_free(&proof->base);
        if (found)
            break;
    }
    for (size_t i = 0; i < sizeof forgery / sizeof forgery[0]; i++)
        check_forgery(&world, forgery[i].absent ? absent : 1, &forgery[i]);
    cr_assert_eq(check(&world, 1, NULL), TAMGA_E_MISSING_FIELD);
    world_close(&world);
}

/*
 * Goal:   no proof is made where the map and the state contradict each other.
 * Method: change, add and remove a value without its map.
 */
Test(state_proof, damage_is_told)
{
    struct world world;
    Tamga__V1__StateProof *proof = NULL;
    struct tamga_hash key = key_of(1), absent = key_of(KEYS);

    world_open(&world, KEYS);
    put(&world.overlay, TAMGA_FAMILY_STATE, 1, "forged");
    cr_assert_eq(tamga_state_proof_make(&proof, &world.overlay.view, &key),
                 TAMGA_E_STORE_CORRUPT);
    erase(&world.overlay, 1);
    cr_assert_eq(tamga_state_proof_make(&proof, &world.overlay.view, &key),
                 TAMGA_E_STORE_CORRUPT);
    put(&world.overlay, TAMGA_FAMILY_STATE, KEYS, "value");
    cr_assert_eq(tamga_state_proof_make(&proof, &world.overlay.view, &absent),
                 TAMGA_E_STORE_CORRUPT);
    cr_assert_null(proof);
    world_close(&world);
}

/*
 * Goal:   every failed read is told.
 * Method: fail the first, the second, ... read of a change, a root and a proof.
 */
Test(state_map, every_read_fails_in_turn)
{
    struct world world;
    struct tamga_hash root, key = key_of(1);
    int64_t run = 0;

    world_open(&world, KEYS);
    world_flush(&world);
    for (;; run++) {
        TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay top;
        Tamga__V1__StateProof *proof = NULL;
        enum tamga_err err;

        tamga_overlay_init(&top, &world.store->reader.view);
        put(&top, TAMGA_FAMILY_STATE, 1, "new");
        tamga_store_mem_fail_reads(world.store, run);
        err = tamga_state_map_root(&root, &world.store->reader.view);
        if (err == TAMGA_OK)
            err = tamga_state_proof_make(&proof, &world.store->reader.view, &key);
        if (err == TAMGA_OK)
            err = tamga_state_map_apply(&root, &top, &top);
        tamga_store_mem_fail_reads(world.store, -1);
        tamga_wire_release(&proof);
        if (err == TAMGA_OK)
            break;
        cr_assert_eq(err, TAMGA_E_STORE_IO);
        cr_assert_lt(run, 100);
    }
    cr_assert_geq(run, 5);
    world_close(&world);
}
