/*
 * What blocks made by hand leave behind as state, so that the next one's header can say
 * so, although no engine is at hand. Kept for the life of the program, or until forgotten.
 *
 * The writes of a block at height n lie over those of height n minus its lowest one bit
 * and hold all in between: reading goes through at most log2 n overlays, and each write
 * is kept at most so often.
 */
#include <stdlib.h>
#include <uthash.h>

#include "chain/query.h"
#include "chain/state_map.h"
#include "fixture.h"
#include "fixture_internal.h"

struct test_state {
    UT_hash_handle hh;
    struct tamga_block_id id;
    uint64_t height;
    const struct test_state *below; /* NULL: genesis */
    struct tamga_overlay overlay;   /* over nothing, or over that of `below` */
};

static struct test_state *known;

static struct test_state *find(const struct tamga_block_id *id)
{
    struct test_state *state = NULL;

    HASH_FIND(hh, known, id, sizeof *id, state);
    return state;
}

static struct test_state *add(const struct tamga_block_id *id, uint64_t height,
                              const struct test_state *below)
{
    struct test_state *state = calloc(1, sizeof *state);

    if (state == NULL)
        test_must(TAMGA_E_NO_MEMORY, "state");
    state->id = *id;
    state->height = height;
    state->below = below;
    tamga_overlay_init(&state->overlay, below == NULL ? &tamga_view_empty : &below->overlay.view);
    HASH_ADD(hh, known, id, sizeof state->id, state);
    return state;
}

static struct test_state *genesis_state(const struct tamga_chain *chain)
{
    struct test_state *state = find(&chain->genesis_id);
    struct tamga_hash root;

    if (state != NULL)
        return state;
    state = add(&chain->genesis_id, 0, NULL);
    test_must(chain->rules->genesis(chain, &state->overlay), "genesis state");
    test_must(tamga_state_map_apply(&root, &state->overlay, &state->overlay), "genesis map");
    if (!tamga_hash_equal(&root, &chain->genesis.state_root))
        test_must(TAMGA_E_BAD_STATE_ROOT, "genesis");
    return state;
}

static struct test_state *find_or_genesis(const struct tamga_chain *chain,
                                          const struct tamga_block_id *id)
{
    return tamga_hash_equal(&id->hash, &chain->genesis_id.hash) ? genesis_state(chain)
                                                                 : find(id);
}

/* What does not decode or apply leaves nothing: its block is refused for it anyway. */
static void apply(const struct tamga_chain *chain, struct tamga_overlay *overlay,
                  struct tamga_span payload, uint64_t height)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    enum tamga_err err = chain->rules->decode(chain, &item, payload, NULL);

    if (err == TAMGA_OK)
        err = chain->rules->apply(chain, overlay, &item, height);
    if (tamga_err_class(err) == TAMGA_CLASS_LOCAL)
        test_must(err, "state of a block");
}

static void copy_writes(struct tamga_overlay *to, const struct tamga_overlay *from)
{
    struct tamga_write *write;
    size_t count;

    test_must(tamga_overlay_writes(from, &write, &count), "writes");
    for (size_t i = 0; i < count; i++)
        test_must(write[i].erase
                      ? tamga_overlay_erase(to, write[i].family, write[i].key)
                      : tamga_overlay_put(to, write[i].family, write[i].key, write[i].value),
                  "writes");
    free(write);
}

/* Oldest first: everything between `base` and `top`, and that. */
static void copy_down_to(struct tamga_overlay *to, const struct test_state *top,
                         const struct test_state *base)
{
    if (top == base)
        return;
    copy_down_to(to, top->below, base);
    copy_writes(to, &top->overlay);
}

static const struct test_state *base_of(const struct test_state *parent, uint64_t height)
{
    uint64_t at = height & (height - 1); /* without its lowest one bit */

    while (parent->height > at)
        parent = parent->below;
    return parent;
}

void test_state_root(struct tamga_hash *root, struct tamga_overlay *changes,
                     const struct tamga_chain *chain, const struct tamga_trail *parent,
                     const struct tamga_buf *payload, size_t count)
{
    const struct test_state *state = find_or_genesis(chain, &parent->tip_id);

    tamga_overlay_init(changes, state == NULL ? &tamga_view_empty : &state->overlay.view);
    *root = parent->tip.state_root; /* all that is known of a block of others */
    if (state == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        apply(chain, changes, tamga_buf_span(&payload[i]), parent->tip.height + 1);
    test_must(tamga_state_map_apply(root, changes, changes), "state map");
}

void test_state_keep(const struct tamga_block_id *id, const struct tamga_header *header,
                     const struct tamga_overlay *changes)
{
    const struct test_state *parent = find(&header->parent), *base;
    struct test_state *state;

    if (parent == NULL || find(id) != NULL)
        return;
    base = base_of(parent, parent->height + 1);
    state = add(id, parent->height + 1, base);
    copy_down_to(&state->overlay, parent, base);
    copy_writes(&state->overlay, changes);
}

/* ---- blocks of others ------------------------------------------------------------- */

static void learn_block(const struct tamga_chain *chain, const struct tamga_view *view,
                        const struct tamga_block_id *id)
{
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay changes;
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    const struct test_state *parent;
    struct tamga_hash root;

    test_must(tamga_query_block(view, id, &block), "block to learn");
    parent = find_or_genesis(chain, &block.sealed.header.parent);
    if (parent == NULL)
        test_must(TAMGA_E_NO_PARENT, "block to learn");
    tamga_overlay_init(&changes, &parent->overlay.view);
    for (size_t i = 0; i < block.count; i++) {
        TAMGA_BUF payload = {0};
        struct tamga_entry_id entry;
        bool pending;

        test_must(chain->rules->entry_id(&entry, block.entry[i]), "entry to learn");
        test_must(tamga_query_payload(chain, view, &entry, &payload, &pending),
                  "payload to learn");
        apply(chain, &changes, tamga_buf_span(&payload), block.sealed.header.height);
    }
    test_must(tamga_state_map_apply(&root, &changes, &changes), "state map");
    test_state_keep(id, &block.sealed.header, &changes);
}

void test_state_learn(const struct tamga_chain *chain, const struct tamga_view *view,
                      uint64_t height)
{
    struct tamga_block_id id;
    uint64_t from = height;

    for (; from > 0; from--) {
        test_must(tamga_query_id_at(view, from, &id), "height to learn");
        if (find(&id) != NULL)
            break;
    }
    for (uint64_t at = from + 1; at <= height; at++) {
        test_must(tamga_query_id_at(view, at, &id), "height to learn");
        learn_block(chain, view, &id);
    }
}

void test_state_forget(void)
{
    struct test_state *state, *next;

    HASH_ITER(hh, known, state, next)
    {
        HASH_DEL(known, state);
        tamga_overlay_clear(&state->overlay);
        free(state);
    }
}
