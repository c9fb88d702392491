/* server/gateway/proof_cache.c: what is kept, for how long, and its bounds. */
#include "gateway/proof_cache.h"

#include <criterion/criterion.h>

static struct tamga_hash model(uint8_t number)
{
    return (struct tamga_hash){{number}};
}

static struct tamga_proof_cache *cache_of(size_t count_max, size_t bytes_max)
{
    struct tamga_proof_cache *cache = NULL;

    cr_assert_eq(tamga_proof_cache_new(&cache, count_max, bytes_max), TAMGA_OK);
    return cache;
}

static void keep(struct tamga_proof_cache *cache, uint64_t height, uint8_t number,
                 const char *proof)
{
    struct tamga_hash id = model(number);

    tamga_proof_cache_keep(cache, height, &id, tamga_span_text(proof));
}

static bool holds(struct tamga_proof_cache *cache, uint64_t height, uint8_t number,
                  const char *proof)
{
    struct tamga_hash id = model(number);
    TAMGA_BUF found = {0};
    enum tamga_err err = tamga_proof_cache_find(cache, &found, height, &id);

    cr_assert(err == TAMGA_OK || err == TAMGA_E_NOT_FOUND);
    return err == TAMGA_OK && tamga_span_equal(tamga_buf_span(&found), tamga_span_text(proof));
}

/*
 * Goal:   a proof is found under its model and its checkpoint only; a newer checkpoint ends
 *         all that were before, an older one changes nothing.
 * Method: two models at height 5, one at 6, one at 5 again.
 */
Test(proof_cache, by_checkpoint_and_model)
{
    struct tamga_proof_cache *cache = cache_of(4, 100);

    cr_assert_not(holds(cache, 0, 1, ""));
    keep(cache, 5, 1, "one");
    keep(cache, 5, 2, "two");
    cr_assert(holds(cache, 5, 1, "one") && holds(cache, 5, 2, "two"));
    cr_assert_not(holds(cache, 5, 3, "one"));
    cr_assert_not(holds(cache, 4, 1, "one"));
    cr_assert_not(holds(cache, 6, 1, "one"));
    keep(cache, 6, 1, "one again");
    cr_assert(holds(cache, 6, 1, "one again"));
    cr_assert_not(holds(cache, 5, 2, "two"));
    cr_assert_not(holds(cache, 6, 2, "two"));
    keep(cache, 5, 2, "two");
    cr_assert_not(holds(cache, 5, 2, "two"));
    cr_assert(holds(cache, 6, 1, "one again"));
    tamga_proof_cache_free(cache);
}

/*
 * Goal:   never more proofs or bytes than the bounds; the first one made gives way, and one
 *         that alone is too large is not kept.
 * Method: three where two fit; then one that needs the room of two, and one byte too many.
 */
Test(proof_cache, bounds)
{
    struct tamga_proof_cache *cache = cache_of(2, 10);

    keep(cache, 1, 1, "aaaa");
    keep(cache, 1, 2, "bbbb");
    keep(cache, 1, 1, "other"); /* it is here already */
    cr_assert(holds(cache, 1, 1, "aaaa"));
    keep(cache, 1, 3, "cccc");
    cr_assert_not(holds(cache, 1, 1, "aaaa"));
    cr_assert(holds(cache, 1, 2, "bbbb") && holds(cache, 1, 3, "cccc"));
    keep(cache, 1, 4, "dddddd");
    cr_assert_not(holds(cache, 1, 2, "bbbb"));
    cr_assert(holds(cache, 1, 3, "cccc") && holds(cache, 1, 4, "dddddd"));
    keep(cache, 1, 5, "eeeeeeeeee");
    cr_assert_not(holds(cache, 1, 3, "cccc") || holds(cache, 1, 4, "dddddd"));
    cr_assert(holds(cache, 1, 5, "eeeeeeeeee"));
    keep(cache, 1, 6, "fffffffffff");
    cr_assert_not(holds(cache, 1, 6, "fffffffffff"));
    cr_assert(holds(cache, 1, 5, "eeeeeeeeee"));
    tamga_proof_cache_free(cache);
}
