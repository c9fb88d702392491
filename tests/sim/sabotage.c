/* Sound rules for the simulator, and the broken doubles of rules, store and loop. */
#include "sabotage.h"

#include <stddef.h>
#include <stdlib.h>

#include "chain/engine_internal.h"
#include "crypto/hash.h"
#include "world.h"

static const struct {
    const char *name;
    enum sim_invariant breaks;
} sabotage_table[SIM_SABOTAGES] = {
    [SIM_NO_SABOTAGE] = {"none", SIM_HOLDS},
    [SIM_DEAF] = {"deaf", SIM_ONE_TIP},
    [SIM_PAYLOADS_FIRST] = {"payloads-first", SIM_ONE_TIP},
    [SIM_SAME_LOCATOR] = {"same-locator", SIM_ONE_TIP},
    [SIM_EARLY_ACK] = {"early-ack", SIM_NOTHING_LOST},
    [SIM_KEEPS_ABANDONED] = {"keeps-abandoned", SIM_NOTHING_LOST},
    [SIM_SILENT_DROP] = {"silent-drop", SIM_NOTHING_LOST},
    [SIM_FORGETS_RULE] = {"forgets-rule", SIM_NO_DOUBLE},
    [SIM_FORGETS_UNDO] = {"forgets-undo", SIM_SAME_STATE},
    [SIM_WRONG_APPLY] = {"wrong-apply", SIM_SAME_STATE},
    [SIM_LOSES_SYNC] = {"loses-sync", SIM_WORK_GROWS},
    [SIM_NO_BOUND] = {"no-bound", SIM_BOUNDED},
    [SIM_DROPS_WRITE] = {"drops-write", SIM_WHOLE},
    [SIM_BLAMES] = {"blames", SIM_FAIR},
    [SIM_QUORUM_OF_ONE] = {"quorum-of-one", SIM_FINAL_AGREES},
    [SIM_FORGETS_FINAL] = {"forgets-final", SIM_FINAL_AGREES},
    [SIM_FORGETS_VOTES] = {"forgets-votes", SIM_HONEST_VOTES},
    [SIM_NEVER_ASKS] = {"never-asks", SIM_HONEST_VOTES},
    [SIM_MUTE] = {"mute", SIM_ALL_FINAL},
    [SIM_SKIPS_MAP] = {"skips-map", SIM_STATE_ROOT},
    [SIM_WORK_ALONE] = {"work-alone", SIM_WORK_GROWS},
    [SIM_DROPS_EVIDENCE] = {"drops-evidence", SIM_EVIDENCE},
    [SIM_GENESIS_SEATS] = {"genesis-seats", SIM_SAME_STATE},
    [SIM_KEEPS_SEATS] = {"keeps-seats", SIM_SAME_STATE},
};

const char *sim_sabotage_name(enum sim_sabotage sabotage)
{
    return sabotage_table[sabotage].name;
}

int sim_sabotage_breaks(enum sim_sabotage sabotage)
{
    return (int)sabotage_table[sabotage].breaks;
}

/* The first honest node is the broken one, where it is one. */
static bool is_victim(const struct sim_world *world, const struct sim_node *node)
{
    return node->index == world->liar_count;
}

/* ---- rules ------------------------------------------------------------------------ */

static const struct tamga_rules *true_rules(const struct tamga_chain *chain)
{
    return chain->rules->detached ? &tamga_rules_gateway : &tamga_rules_consortium;
}

/* A good signature over the same bytes stays good: each payload is verified once a
 * process, not once a node. Bad ones are judged every time. */
static enum tamga_err verify_once(const struct tamga_chain *chain,
                                  const struct tamga_item *item, struct tamga_detail *detail)
{
    static struct tamga_hash good[16384];
    struct tamga_hash hash;
    struct tamga_hash *slot;
    enum tamga_err err;

    tamga_sha256(&hash, tamga_buf_span(&item->payload));
    slot = &good[(hash.byte[0] << 8 | hash.byte[1]) % 16384];
    if (tamga_hash_equal(slot, &hash))
        return TAMGA_OK;
    err = true_rules(chain)->verify(chain, item, detail);
    if (err == TAMGA_OK)
        *slot = hash;
    return err;
}

static enum tamga_err forgetful_check(const struct tamga_chain *chain,
                                      const struct tamga_view *state,
                                      const struct tamga_item *item,
                                      const struct tamga_moment *at,
                                      struct tamga_detail *detail)
{
    enum tamga_err err = true_rules(chain)->check(chain, state, item, at, detail);

    return err == TAMGA_E_DUPLICATE_IMAGE || err == TAMGA_E_DUPLICATE_UPDATE ? TAMGA_OK : err;
}

static enum tamga_err careless_apply(const struct tamga_chain *chain,
                                     struct tamga_overlay *state,
                                     const struct tamga_item *item, uint64_t height)
{
    enum tamga_err err = true_rules(chain)->apply(chain, state, item, height);

    if (err != TAMGA_OK || item->id.hash.byte[31] % 4 != 0)
        return err;
    return tamga_overlay_put(state, TAMGA_FAMILY_INDEX, tamga_hash_span(&item->id.hash),
                             tamga_hash_span(&item->id.hash));
}

/* Whom it learns of, it knows; but nobody's seat begins or ends. */
static enum tamga_err learn_no_seat(const struct tamga_chain *chain,
                                    const struct tamga_view *state, uint64_t height,
                                    struct tamga_learned *learned)
{
    enum tamga_err err = true_rules(chain)->learn(chain, state, height, learned);
    struct tamga_council *council = chain->council;

    for (uint32_t i = 0; i < council->count; i++) {
        council->seat[i].until = 0;
        if (council->seat[i].from > 0)
            council->seat[i].from = UINT64_MAX;
    }
    return err;
}

/* What no block of the best chain knows any more ends where it began: not here. */
static enum tamga_err learn_for_good(const struct tamga_chain *chain,
                                     const struct tamga_view *state, uint64_t height,
                                     struct tamga_learned *learned)
{
    enum tamga_err err = true_rules(chain)->learn(chain, state, height, learned);
    struct tamga_council *council = chain->council;

    for (uint32_t i = 0; i < council->count; i++)
        if (council->seat[i].from > 0 && council->seat[i].until == council->seat[i].from)
            council->seat[i].until = 0;
    return err;
}

void sim_rules(struct tamga_rules *out, bool gateway)
{
    *out = gateway ? tamga_rules_gateway : tamga_rules_consortium;
    out->verify = verify_once;
    out->pending_max = SIM_PENDING_MAX;
    out->pending_sender_max = SIM_SENDER_MAX;
}

void sim_sabotage_rules(struct sim_world *world, struct sim_node *node)
{
    node->rules = world->rules;
    if (!is_victim(world, node))
        return;
    if (world->options.sabotage == SIM_FORGETS_RULE)
        node->rules.check = forgetful_check;
    if (world->options.sabotage == SIM_WRONG_APPLY)
        node->rules.apply = careless_apply;
    if (world->options.sabotage == SIM_GENESIS_SEATS)
        node->rules.learn = learn_no_seat;
    if (world->options.sabotage == SIM_KEEPS_SEATS)
        node->rules.learn = learn_for_good;
    if (world->options.sabotage == SIM_NO_BOUND)
        node->rules.pending_max = node->rules.pending_sender_max = 65536;
}

void sim_sabotage_home(const struct sim_world *world, struct sim_node *node)
{
    if (world->options.sabotage == SIM_QUORUM_OF_ONE && is_victim(world, node))
        node->home.chain.council->thirds = 0;
}

/* ---- stores ----------------------------------------------------------------------- */

/* A store that passes everything on but what it is told to get wrong. */
struct wrapper {
    struct tamga_store store; /* first: the ops cast back */
    struct tamga_store *disk;
    enum sim_sabotage sabotage;
};

static enum tamga_err wrapper_get(const struct tamga_view *view, enum tamga_family family,
                                  struct tamga_span key, struct tamga_buf *value)
{
    const struct wrapper *wrapper = (const struct wrapper *)view;

    return tamga_view_get(&wrapper->disk->reader.view, family, key, value);
}

static enum tamga_err wrapper_scan(const struct tamga_reader *reader, enum tamga_family family,
                                   struct tamga_span prefix, struct tamga_span from,
                                   tamga_each each, void *context)
{
    const struct wrapper *wrapper = (const struct wrapper *)reader;

    return wrapper->disk->reader.ops->scan(&wrapper->disk->reader, family, prefix, from, each,
                                           context);
}

static bool is_meta(const struct tamga_write *write, const char *name)
{
    return write->family == TAMGA_FAMILY_META &&
           tamga_span_equal(write->key, tamga_span_text(name));
}

static bool left_out(const struct wrapper *wrapper, const struct tamga_write *write)
{
    switch (wrapper->sabotage) {
    case SIM_DROPS_WRITE:
        return write->family == TAMGA_FAMILY_UNDO && !write->erase &&
               write->key.data[31] % 4 == 0;
    case SIM_FORGETS_UNDO:
        return write->family == TAMGA_FAMILY_INDEX && write->erase;
    case SIM_FORGETS_FINAL:
        return is_meta(write, "final");
    case SIM_SKIPS_MAP:
        return write->family == TAMGA_FAMILY_MAP;
    case SIM_DROPS_EVIDENCE:
        return write->family == TAMGA_FAMILY_CONFLICT;
    default: /* the others are made elsewhere */
        return false;
    }
}

static enum tamga_err wrapper_write(struct tamga_store *store, const struct tamga_write *write,
                                    size_t count, bool sync)
{
    struct wrapper *wrapper = (struct wrapper *)store;
    struct tamga_write *kept = sim_alloc(count + 1, sizeof *kept);
    size_t kept_count = 0;
    enum tamga_err err;

    for (size_t i = 0; i < count; i++)
        if (!left_out(wrapper, &write[i]))
            kept[kept_count++] = write[i];
    err = wrapper->disk->ops->write(wrapper->disk, kept, kept_count,
                                    sync && wrapper->sabotage != SIM_LOSES_SYNC);
    free(kept);
    return err;
}

static enum tamga_err wrapper_snapshot(struct tamga_store *store, struct tamga_reader **out)
{
    struct wrapper *wrapper = (struct wrapper *)store;

    return wrapper->disk->ops->snapshot(wrapper->disk, out);
}

static void wrapper_close(struct tamga_store *store)
{
    free(store);
}

static const struct tamga_view_ops wrapper_view_ops = {.get = wrapper_get};
static const struct tamga_reader_ops wrapper_reader_ops = {.scan = wrapper_scan};
static const struct tamga_store_ops wrapper_store_ops = {
    .write = wrapper_write,
    .snapshot = wrapper_snapshot,
    .close = wrapper_close,
};

static bool breaks_store(enum sim_sabotage sabotage)
{
    return sabotage == SIM_LOSES_SYNC || sabotage == SIM_DROPS_WRITE ||
           sabotage == SIM_FORGETS_UNDO || sabotage == SIM_FORGETS_FINAL ||
           sabotage == SIM_SKIPS_MAP || sabotage == SIM_DROPS_EVIDENCE;
}

void sim_sabotage_store(struct sim_world *world, struct sim_node *node)
{
    enum sim_sabotage sabotage = world->options.sabotage;
    struct wrapper *wrapper;

    node->store = node->disk;
    if (!breaks_store(sabotage) || (!is_victim(world, node) && sabotage != SIM_SKIPS_MAP))
        return;
    wrapper = sim_alloc(1, sizeof *wrapper);
    wrapper->store.reader.view.ops = &wrapper_view_ops;
    wrapper->store.reader.ops = &wrapper_reader_ops;
    wrapper->store.ops = &wrapper_store_ops;
    wrapper->disk = node->disk;
    wrapper->sabotage = sabotage;
    node->store = &wrapper->store;
}

void sim_sabotage_store_clear(struct sim_node *node)
{
    if (node->store != node->disk)
        node->store->ops->close(node->store);
    node->store = NULL;
}

/* ---- the loop --------------------------------------------------------------------- */

bool sim_sabotage_deaf(const struct sim_world *world, const struct sim_node *node,
                       const struct sim_message *message)
{
    return world->options.sabotage == SIM_DEAF && is_victim(world, node) &&
           (message->kind == SIM_ANNOUNCE || message->kind == SIM_HEADERS ||
            message->kind == SIM_BLOCKS);
}

/* ---- the validator ---------------------------------------------------------------- */

bool sim_sabotage_mute(const struct sim_world *world, const struct sim_node *node)
{
    return world->options.sabotage == SIM_MUTE &&
           node->index >= (int)tamga_quorum(&node->home.chain, 0) - 1;
}

bool sim_sabotage_hasty(const struct sim_world *world, const struct sim_node *node)
{
    return world->options.sabotage == SIM_NEVER_ASKS ||
           (world->options.sabotage == SIM_FORGETS_VOTES && is_victim(world, node));
}

struct own_votes {
    struct tamga_hash validator;
    struct tamga_buf key[64];
    size_t count;
};

static bool find_own(void *context, struct tamga_span key, struct tamga_span value)
{
    struct own_votes *own = context;

    (void)value;
    if (tamga_span_equal(tamga_span(key.data + 8, key.len - 8),
                         tamga_hash_span(&own->validator)) &&
        tamga_buf_set(&own->key[own->count++], key) != TAMGA_OK)
        abort();
    return own->count < 64;
}

static void erase(struct sim_node *node, enum tamga_family family, struct tamga_span key)
{
    struct tamga_write write = {.family = family, .erase = true, .key = key};

    if (node->disk->ops->write(node->disk, &write, 1, true) != TAMGA_OK)
        abort();
}

void sim_sabotage_start(const struct sim_world *world, struct sim_node *node)
{
    struct own_votes own = {.validator = node->address.hash};
    const struct tamga_reader *reader = &node->disk->reader;

    if (world->options.sabotage != SIM_FORGETS_VOTES || !is_victim(world, node) ||
        !node->joined)
        return;
    if (reader->ops->scan(reader, TAMGA_FAMILY_VOTE, tamga_span(NULL, 0), tamga_span(NULL, 0),
                          find_own, &own) != TAMGA_OK)
        abort();
    for (size_t i = 0; i < own.count; i++) {
        erase(node, TAMGA_FAMILY_VOTE, tamga_buf_span(&own.key[i]));
        tamga_buf_clear(&own.key[i]);
    }
    erase(node, TAMGA_FAMILY_META, tamga_span_text("vote"));
}

/* As one that stands on nothing, it is left for whatever has more work. */
void sim_sabotage_standing(const struct sim_world *world, struct sim_node *node)
{
    if (world->options.sabotage == SIM_WORK_ALONE && is_victim(world, node))
        node->engine->standing = STANDS_APART;
}

struct returned {
    uint64_t now_ms;
    struct tamga_hash id[256];
    size_t count;
};

/* What came back carries the moment of the switch as its arrival. */
static bool find_returned(void *context, struct tamga_span key, struct tamga_span value)
{
    struct returned *returned = context;

    if (tamga_get_u64(value.data) == returned->now_ms)
        memcpy(returned->id[returned->count++].byte, key.data, TAMGA_HASH_BYTES);
    return returned->count < 256;
}

void sim_sabotage_forget(struct sim_world *world, struct sim_node *node)
{
    struct returned returned = {.now_ms = sim_clock(world, node)};
    const struct tamga_reader *reader = &node->disk->reader;
    struct tamga_detail detail = {{0}};

    if (world->options.sabotage != SIM_KEEPS_ABANDONED)
        return;
    if (reader->ops->scan(reader, TAMGA_FAMILY_PENDING, tamga_span(NULL, 0),
                          tamga_span(NULL, 0), find_returned, &returned) != TAMGA_OK)
        abort();
    tamga_engine_close(node->engine);
    for (size_t i = 0; i < returned.count; i++) {
        struct tamga_write erase = {.family = TAMGA_FAMILY_PENDING,
                                    .erase = true,
                                    .key = tamga_hash_span(&returned.id[i])};

        if (node->disk->ops->write(node->disk, &erase, 1, true) != TAMGA_OK)
            break; /* it crashes a moment later */
    }
    if (tamga_engine_open(&node->engine, &node->home.chain, node->store, &detail) != TAMGA_OK)
        abort();
    tamga_engine_mine_as(node->engine, &node->address);
    if (node->may_vote)
        tamga_engine_may_vote(node->engine, &node->address);
}
