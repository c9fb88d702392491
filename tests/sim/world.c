/* The simulated world: chance, time and the order of events. Knows no message. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_MS 1000

/* ---- chance ----------------------------------------------------------------------- */

/* SplitMix64: every seed is good, and the state is one number. */
uint64_t sim_random(struct sim_world *world)
{
    uint64_t z = world->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t sim_below(struct sim_world *world, uint64_t bound)
{
    return sim_random(world) % bound; /* the bias is of no matter here */
}

bool sim_chance(struct sim_world *world, unsigned of_1000)
{
    return sim_below(world, 1000) < of_1000;
}

/* -ln of a number in (0, 1] in 1/65536, by integers: the same on every machine. Squares
 * the mantissa for one more bit of the logarithm each time. */
static uint64_t minus_ln(uint64_t random)
{
    uint64_t x = random >> 33 | 1; /* 31 bits, not zero */
    uint64_t whole = 0, log2 = 0;

    while (x < 1ull << 31) {
        x <<= 1;
        whole++;
    }
    for (uint64_t bit = 1u << 15; bit > 0; bit >>= 1) {
        x = (x * x) >> 31;
        if (x >= 1ull << 32) {
            x >>= 1;
            log2 += bit;
        }
    }
    return ((whole << 16) - log2) * 45426 >> 16; /* ln 2 */
}

uint64_t sim_exponential(struct sim_world *world, uint64_t mean)
{
    return (mean * minus_ln(sim_random(world)) >> 16) + 1;
}

/* ---- telling ---------------------------------------------------------------------- */

const char *sim_invariant_name(enum sim_invariant invariant)
{
    static const char *const name[SIM_INVARIANTS] = {
        "holds",        "one tip",   "nothing lost", "no double",  "same state",
        "work grows",   "bounded",   "whole",        "fair",       "final agrees",
        "honest votes", "all final", "state root",   "evidence"};

    return name[invariant];
}

const char *sim_short(const struct tamga_hash *hash)
{
    static char text[4][9];
    static unsigned next;
    char *out = text[next++ % 4];

    tamga_to_hex(out, hash->byte, 4);
    return out;
}

void sim_trace(struct sim_world *world, const char *format, ...)
{
    va_list list;

    if (!world->options.trace)
        return;
    printf("%6llu %8llu ms  ", (unsigned long long)world->result.steps,
           (unsigned long long)(world->now_ms - world->start_ms));
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
}

void sim_broken(struct sim_world *world, enum sim_invariant invariant, const char *format, ...)
{
    struct sim_result *result = &world->result;
    va_list list;

    if (result->broken != SIM_HOLDS)
        return; /* what follows from the first is of no interest */
    result->broken = invariant;
    result->step = result->steps;
    va_start(list, format);
    vsnprintf(result->text, sizeof result->text, format, list);
    va_end(list);
    sim_trace(world, "BROKEN: %s: %s", sim_invariant_name(invariant), result->text);
}

bool sim_honest(const struct sim_node *node)
{
    return !node->liar;
}

uint64_t sim_clock(const struct sim_world *world, const struct sim_node *node)
{
    int64_t since = (int64_t)(world->now_ms - world->start_ms);

    return world->now_ms +
           (uint64_t)(node->clock_base_ms + since * node->clock_ppm / 1000000);
}

/* ---- events ----------------------------------------------------------------------- */

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void sim_later(struct sim_world *world, uint64_t in_ms, struct sim_event event)
{
    size_t at = world->event_count++;

    if (at == world->event_cap) {
        world->event_cap = at == 0 ? 256 : at * 2;
        world->event = realloc(world->event, world->event_cap * sizeof event);
        if (world->event == NULL)
            abort();
    }
    event.at_ms = world->now_ms + in_ms;
    event.order = ++world->order;
    while (at > 0 && earlier(&event, &world->event[(at - 1) / 2])) {
        world->event[at] = world->event[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->event[at] = event;
}

static struct sim_event next_event(struct sim_world *world)
{
    struct sim_event first = world->event[0];
    struct sim_event last = world->event[--world->event_count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= world->event_count)
            break;
        if (child + 1 < world->event_count &&
            earlier(&world->event[child + 1], &world->event[child]))
            child++;
        if (!earlier(&world->event[child], &last))
            break;
        world->event[at] = world->event[child];
        at = child;
    }
    world->event[at] = last;
    return first;
}

/* ---- what happens ----------------------------------------------------------------- */

static void tick(struct sim_world *world, struct sim_node *node)
{
    sim_node_batch(world, node); /* perhaps an empty one: a miner's drops are to be told */
    if (node->engine == NULL)
        return;
    if (node->may_vote)
        sim_pull_start(world, node, (int)sim_below(world, (uint64_t)world->node_count));
    else
        sim_pull_poke(world, node); /* a validator waits for what they know */
    if (sim_chance(world, 200)) {
        struct sim_message *hint = sim_message_new(SIM_HINT, node->index, SIM_NOBODY);

        hint->work = tamga_engine_tip(node->engine)->work;
        hint->tip = tamga_engine_tip(node->engine)->tip_id;
        sim_gossip(world, hint);
    }
    sim_later(world, TICK_MS / 2 + sim_below(world, TICK_MS),
              (struct sim_event){
                  .kind = SIM_EV_TICK, .node = node->index, .life = node->life});
}

/* Somebody's machine dies: at once, or at one of its next writes. */
static void crash(struct sim_world *world)
{
    struct sim_node *node = &world->node[sim_below(world, (uint64_t)world->node_count)];

    if (world->healed)
        return;
    if (node->engine != NULL && sim_chance(world, 700))
        tamga_store_mem_fail(node->disk, (int64_t)sim_below(world, 4));
    else if (node->engine != NULL)
        sim_node_crash(world, node, "power");
    sim_later(world, sim_exponential(world, 15000),
              (struct sim_event){.kind = SIM_EV_CRASH});
}

static void partition(struct sim_world *world)
{
    if (world->healed)
        return;
    world->side = world->side != 0
                      ? 0
                      : (unsigned)sim_below(world, 1u << world->node_count);
    sim_trace(world, "partition %x", world->side);
    sim_later(world, sim_exponential(world, world->side != 0 ? 15000 : 20000),
              (struct sim_event){.kind = SIM_EV_PARTITION});
}

static void produce(struct sim_world *world)
{
    if (world->healed)
        return;
    sim_produce(world);
    sim_later(world, sim_exponential(world, world->produce_ms),
              (struct sim_event){.kind = SIM_EV_PRODUCE});
}

static void govern(struct sim_world *world)
{
    if (world->healed)
        return;
    sim_govern(world);
    sim_later(world, sim_exponential(world, 700), (struct sim_event){.kind = SIM_EV_GOVERN});
}

static void lie(struct sim_world *world, struct sim_node *node)
{
    if (world->healed)
        return;
    if (node->engine != NULL && sim_chance(world, 700))
        sim_lie(world, node, false);
    if (node->engine != NULL && sim_chance(world, 700))
        sim_lie_vote(world, node);
    sim_later(world, sim_exponential(world, 7000),
              (struct sim_event){.kind = SIM_EV_LIE, .node = node->index});
}

/* Somebody makes a backup, or puts one back. */
static void copy(struct sim_world *world)
{
    struct sim_node *node = &world->node[sim_below(world, (uint64_t)world->node_count)];

    if (world->healed)
        return;
    sim_copy(world, node);
    sim_later(world, sim_exponential(world, 12000), (struct sim_event){.kind = SIM_EV_COPY});
}

static void restore(struct sim_world *world)
{
    struct sim_node *node = &world->node[sim_below(world, (uint64_t)world->node_count)];

    if (world->healed)
        return;
    sim_restore(world, node);
    sim_later(world, sim_exponential(world, 12000),
              (struct sim_event){.kind = SIM_EV_RESTORE});
}

static void happen(struct sim_world *world, struct sim_event *event)
{
    struct sim_node *node = &world->node[event->node];
    bool alive = node->engine != NULL && node->life == event->life;

    switch (event->kind) {
    case SIM_EV_DELIVER:
        sim_deliver(world, event);
        break;
    case SIM_EV_BATCH:
        if (alive)
            sim_node_batch(world, node);
        break;
    case SIM_EV_TICK:
        if (alive)
            tick(world, node);
        break;
    case SIM_EV_MINED:
        if (alive)
            sim_node_mined(world, node, event->number);
        break;
    case SIM_EV_TIMEOUT:
        if (alive)
            sim_pull_timeout(world, node, event->number);
        break;
    case SIM_EV_START:
        if (node->engine == NULL)
            sim_node_start(world, node);
        break;
    case SIM_EV_PRODUCE:
        produce(world);
        break;
    case SIM_EV_GOVERN:
        govern(world);
        break;
    case SIM_EV_CRASH:
        crash(world);
        break;
    case SIM_EV_PARTITION:
        partition(world);
        break;
    case SIM_EV_LIE:
        lie(world, node);
        break;
    case SIM_EV_COPY:
        copy(world);
        break;
    case SIM_EV_RESTORE:
        restore(world);
        break;
    }
}

static bool step(struct sim_world *world)
{
    struct sim_event event;

    if (world->event_count == 0 || world->result.broken != SIM_HOLDS)
        return false;
    event = next_event(world);
    world->now_ms = event.at_ms;
    world->result.steps++;
    happen(world, &event);
    return world->result.broken == SIM_HOLDS;
}

/* ---- one run ---------------------------------------------------------------------- */

static void set_up_node(struct sim_world *world, int index)
{
    struct sim_node *node = &world->node[index];

    node->index = index;
    node->liar = index < world->liar_count;
    node->miner = sim_validator_name(index, world->gateway);
    node->chain_peer = SIM_NOBODY;
    node->clock_base_ms = (int64_t)sim_below(world, 40001) - 20000;
    node->clock_ppm = (int64_t)sim_below(world, 10001) - 5000;
    node->mean_mining_ms =
        (3000 + sim_below(world, 25000)) * (unsigned)world->node_count / 5;
    if (world->governed)
        node->mean_mining_ms /= 3; /* so that decisions follow on each other */
    node->due_ms = UINT64_MAX;
    test_address(&node->address, node->miner);
    sim_sabotage_rules(world, node);
    sim_node_home(world, node);
    sim_node_forget(node);
    /* The last of many comes late, perhaps when all the trouble is over. */
    sim_later(world, index > 2 && index + 1 == world->node_count ? sim_below(world, 150000) : 0,
              (struct sim_event){.kind = SIM_EV_START, .node = index});
    if (node->liar)
        sim_later(world, sim_exponential(world, 9000),
                  (struct sim_event){.kind = SIM_EV_LIE, .node = index});
}

/* Mostly few, as a run with many takes longer. */
static int draw_node_count(struct sim_world *world)
{
    return sim_chance(world, 800) ? 3 + (int)sim_below(world, 5)
                                  : 8 + (int)sim_below(world, SIM_NODES_MAX - 7);
}

static void plan_trouble(struct sim_world *world)
{
    sim_later(world, 500, (struct sim_event){.kind = SIM_EV_PRODUCE});
    if (world->governed)
        sim_later(world, 1500, (struct sim_event){.kind = SIM_EV_GOVERN});
    sim_later(world, sim_exponential(world, 15000),
              (struct sim_event){.kind = SIM_EV_CRASH});
    sim_later(world, sim_exponential(world, 15000),
              (struct sim_event){.kind = SIM_EV_PARTITION});
    if (!sim_chance(world, 600) && world->options.sabotage != SIM_NEVER_ASKS)
        return;
    sim_later(world, sim_exponential(world, 10000), (struct sim_event){.kind = SIM_EV_COPY});
    sim_later(world, sim_exponential(world, 25000),
              (struct sim_event){.kind = SIM_EV_RESTORE});
}

static void set_up(struct sim_world *world)
{
    world->random = world->options.seed;
    world->opened = sim_alloc(SIM_OPENED, sizeof *world->opened);
    world->gateway = sim_chance(world, 500);
    world->node_count = draw_node_count(world);
    world->liar_count = (world->node_count - 1) / 3;
    if (sim_chance(world, 300))
        world->liar_count = (int)sim_below(world, (uint64_t)world->liar_count + 1);
    if (!world->gateway && sim_chance(world, 700)) /* so that some can be spared */
        world->liar_count = world->liar_count < (world->node_count - 2) / 3
                                ? world->liar_count
                                : (world->node_count - 2) / 3;
    world->result.nodes = world->node_count;
    world->result.liars = world->liar_count;
    world->start_ms = TEST_GENESIS_MS + 60000 + sim_below(world, 600000);
    world->now_ms = world->start_ms;
    world->drop = (unsigned)sim_below(world, 150);
    world->twice = (unsigned)sim_below(world, 100);
    world->produce_ms = 300 + sim_below(world, 1700);
    world->delay_ms = 20 + sim_below(world, 1500);
    world->page = sim_chance(world, 500) ? 2 + sim_below(world, 6) : 2000;
    if (world->options.sabotage == SIM_SAME_LOCATOR)
        world->page = 2;
    sim_rules(&world->rules, world->gateway);
    sim_found(world);
    for (int i = 0; i < world->node_count; i++)
        set_up_node(world, i);
    plan_trouble(world);
    sim_trace(world, "%s chain, %d nodes, %d of them liars, page %zu",
              world->gateway ? "gateway" : "consortium", world->node_count,
              world->liar_count, world->page);
}

static void heal(struct sim_world *world)
{
    /* Their last word: what they keep back from now on stays kept back. */
    for (int i = 0; i < world->liar_count; i++)
        if (world->node[i].engine != NULL)
            sim_lie(world, &world->node[i], sim_chance(world, 500));
    sim_trace(world, "healing");
    world->healed = true;
    world->healed_ms = world->now_ms;
    world->side = 0;
    world->drop = 0;
    world->twice = 0;
    for (int i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->node[i];

        if (node->disk != NULL)
            tamga_store_mem_fail(node->disk, -1);
        if (node->engine == NULL)
            sim_node_start(world, node);
    }
}

static void tear_down(struct sim_world *world)
{
    while (world->event_count > 0) {
        struct sim_event event = next_event(world);

        sim_message_free(event.message);
    }
    for (int i = 0; i < world->node_count; i++)
        sim_node_clear(&world->node[i]);
    for (size_t i = 0; i < world->entry_count; i++)
        tamga_buf_clear(&world->entry[i].payload);
    for (size_t i = 0; i < SIM_REPLAYS; i++)
        tamga_buf_clear(&world->replay[i]);
    for (size_t i = 0; i < world->kept_count; i++)
        tamga_buf_clear(&world->kept[i].bytes);
    free(world->finals.at);
    test_state_forget();
    free(world->opened);
    free(world->event);
    free(world);
}

void sim_run(struct sim_result *out, const struct sim_options *options)
{
    struct sim_world *world = sim_alloc(1, sizeof *world);
    uint64_t trouble_ms, until_ms;

    world->options = *options;
    set_up(world);
    trouble_ms = 40000 + sim_below(world, 60000);
    while (world->now_ms < world->start_ms + trouble_ms &&
           (options->steps_max == 0 || world->result.steps < options->steps_max))
        if (!step(world))
            break;
    if (world->result.broken == SIM_HOLDS)
        heal(world);
    until_ms = world->now_ms + SIM_HEAL_MS;
    while (world->result.broken == SIM_HOLDS && world->now_ms < until_ms && !sim_quiet(world))
        (void)step(world);
    world->result.heal_ms = world->now_ms - world->healed_ms;
    if (world->result.broken == SIM_HOLDS)
        sim_check_end(world);
    *out = world->result;
    tear_down(world);
}
