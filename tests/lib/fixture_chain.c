/* Blocks made by hand, and engines over stores in memory. */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "fixture.h"
#include "fixture_internal.h"

#define TRIES_MAX (1u << 24)

/* ---- blocks ----------------------------------------------------------------------- */

void test_block_clear(struct test_block *block)
{
    tamga_block_clear(&block->block);
    *block = (struct test_block){0};
}

void test_seal(struct tamga_sealed *sealed, struct tamga_block_id *id, const char *miner)
{
    uint8_t bytes[TAMGA_HEADER_BYTES];
    struct tamga_hash target_bytes, digest;
    struct tamga_u256 target;

    test_must(tamga_target_expand(&target, sealed->header.target), "target");
    tamga_u256_to_bytes(target_bytes.byte, &target);
    tamga_header_encode(bytes, &sealed->header);
    if (!tamga_sha256_search(bytes, &target_bytes, 0, TRIES_MAX, &sealed->header.nonce))
        test_must(TAMGA_E_BAD_WORK, "no nonce found");
    tamga_header_id(id, &sealed->header);
    tamga_seal_digest(&digest, &sealed->header, id);
    test_must(tamga_private_key_sign(test_key(miner), &digest, &sealed->seal), "seal");
}

static void add_payload(struct tamga_block *block, const struct tamga_chain *chain,
                        const struct tamga_buf *payload)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    TAMGA_BUF leaf = {0};

    if (chain->rules->detached) {
        test_item(&item, chain, payload);
        test_must(chain->rules->entry(&item, &leaf), "leaf");
    } else {
        test_must(tamga_buf_set(&leaf, tamga_buf_span(payload)), "leaf");
    }
    test_must(tamga_block_add(block, tamga_buf_span(&leaf)), "leaf");
}

void test_block_on(struct test_block *out, const struct tamga_chain *chain,
                   const struct tamga_trail *parent, const char *miner, uint64_t step_ms,
                   const struct tamga_buf *payload, size_t count,
                   void (*change)(struct tamga_block *block))
{
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay changes;
    struct tamga_header *header = &out->block.sealed.header;
    struct tamga_address address;

    test_address(&address, miner);
    *out = (struct test_block){0};
    if (parent == NULL)
        tamga_trail_start(&out->trail, &chain->genesis);
    else
        out->trail = *parent;
    for (size_t i = 0; i < count; i++)
        add_payload(&out->block, chain, &payload[i]);
    *header = (struct tamga_header){
        .version = TAMGA_HEADER_VERSION,
        .chain = chain->id,
        .height = out->trail.tip.height + 1,
        .parent = out->trail.tip_id,
        .miner = address,
        .time_ms = out->trail.tip.time_ms + (step_ms == 0 ? TEST_SPACING_MS : step_ms),
        .entry_count = (uint32_t)out->block.count,
        .target = tamga_trail_target(&out->trail, &chain->params),
    };
    test_must(tamga_block_root(&header->body_root, &out->block), "root");
    test_state_root(&header->state_root, &changes, chain, &out->trail, payload, count);
    if (!chain->rules->anchored &&
        chain->rules->council_hash(chain, &changes.view, header->height, &header->anchor) !=
            TAMGA_OK)
        header->anchor = out->trail.tip.anchor; /* as with the state of others' blocks */
    if (change != NULL)
        change(&out->block);
    test_seal(&out->block.sealed, &out->id, miner);
    test_state_keep(&out->id, header, &changes);
    tamga_trail_push(&out->trail, header, &out->id);
}

void test_block_next(struct test_block *out, const struct tamga_chain *chain,
                     const struct tamga_trail *parent, uint64_t step_ms, uint64_t seed)
{
    TAMGA_BUF payload = {0};

    if (chain->rules->detached)
        test_record(&payload, NULL, &(struct test_record){.release = seed, .counter = seed});
    else
        test_release(&payload, NULL, &(struct test_release){.counter = seed});
    test_block_on(out, chain, parent, chain->rules->detached ? "gw-1" : "node-a", step_ms,
                  &payload, 1, NULL);
}

/* ---- engines ---------------------------------------------------------------------- */

static void open_engine(struct test_node *node)
{
    struct tamga_detail detail = {0};

    test_must(tamga_engine_open(&node->engine, node->chain, node->store, &detail),
              "engine does not open");
}

void test_node_open(struct test_node *node, const struct tamga_chain *chain)
{
    *node = (struct test_node){.chain = chain};
    test_must(tamga_store_mem_new(&node->store), "store");
    open_engine(node);
}

void test_node_reopen(struct test_node *node)
{
    tamga_engine_close(node->engine);
    node->engine = NULL;
    open_engine(node);
}

void test_node_close(struct test_node *node)
{
    tamga_engine_close(node->engine);
    if (node->store != NULL)
        node->store->ops->close(node->store);
    *node = (struct test_node){0};
}

enum tamga_err test_submit(struct test_node *node, const struct tamga_buf *payload,
                           uint64_t now_ms)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    bool known;
    enum tamga_err err =
        node->chain->rules->decode(node->chain, &item, tamga_buf_span(payload), NULL);

    return err == TAMGA_OK
               ? tamga_engine_submit(node->engine, &item, now_ms, &known, NULL)
               : err;
}

enum tamga_err test_mine(struct test_node *node, struct tamga_block *out, const char *miner,
                         uint64_t now_ms)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    struct tamga_address address;
    struct tamga_block_id id;
    enum tamga_err err;

    test_address(&address, miner);
    err = tamga_engine_propose(node->engine, &block, &address, now_ms);
    if (err != TAMGA_OK)
        return err;
    test_seal(&block.sealed, &id, miner);
    err = tamga_engine_add_block(node->engine, &block, now_ms, NULL);
    if (err == TAMGA_OK)
        err = tamga_engine_flush(node->engine);
    if (err != TAMGA_OK || out == NULL)
        return err;
    tamga_block_clear(out);
    *out = block;
    block = (struct tamga_block){0};
    return TAMGA_OK;
}

/* ---- content ---------------------------------------------------------------------- */

static bool dump_one(void *context, struct tamga_span key, struct tamga_span value)
{
    struct tamga_buf *out = context;
    uint8_t len[8];

    tamga_put_u32(len, (uint32_t)key.len);
    tamga_put_u32(len + 4, (uint32_t)value.len);
    test_must(tamga_buf_add(out, tamga_span(len, sizeof len)), "dump");
    test_must(tamga_buf_add(out, key), "dump");
    test_must(tamga_buf_add(out, value), "dump");
    return true;
}

void test_dump(struct tamga_buf *out, const struct tamga_store *store, unsigned mask)
{
    for (unsigned family = 0; family < TAMGA_FAMILY_COUNT; family++) {
        uint8_t name = (uint8_t)family;

        if (mask != 0 && (mask >> family & 1) == 0)
            continue;
        test_must(tamga_buf_add(out, tamga_span(&name, 1)), "dump");
        test_must(store->reader.ops->scan(&store->reader, (enum tamga_family)family,
                                          tamga_span(NULL, 0), tamga_span(NULL, 0), dump_one,
                                          out),
                  "dump");
    }
}

bool test_same_content(const struct tamga_store *a, const struct tamga_store *b,
                       unsigned mask)
{
    TAMGA_BUF one = {0};
    TAMGA_BUF other = {0};

    test_dump(&one, a, mask);
    test_dump(&other, b, mask);
    return tamga_span_equal(tamga_buf_span(&one), tamga_buf_span(&other));
}
