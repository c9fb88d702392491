/*
 * Members of the consortium: what they propose, approve and sign with new keys.
 * Approvals come in any order, twice, late, at different nodes; all keys are at hand.
 * Of the validators only those that a run may do without come and go, so that liars
 * never reach a third of them, whichever proposals are decided.
 */
#include <stdio.h>

#include "decide.h"
#include "tamga/v1/state.pb-c.h"
#include "world.h"

#define BALLOTS_OPEN 4 /* the newest, of which approvals are still signed */

static const char *const voter_name[] = {"acme",   "x-0",    "x-1",
                                         "node-a", "node-b", "node-c"};
#define OEM_VOTERS   3
#define OTHER_VOTERS (sizeof voter_name / sizeof voter_name[0])

/* ---- who may come and go ------------------------------------------------------------
 */

#define SEATS_MIN                                                                      \
    3 /* with two, one who voted far ahead on a branch that was left stops the other   \
       */

/* However many of them leave, more than three times as many validators stay as lie. */
void sim_found(struct sim_world *world)
{
    int spare = world->node_count - 1 - 3 * world->liar_count,
        last = world->node_count - 1;

    if (spare > world->node_count - SEATS_MIN)
        spare = world->node_count - SEATS_MIN;
    world->founders = (struct sim_founders){world->node_count, world->node_count,
                                            world->node_count, 0};
    if (world->gateway || spare < 1)
        return;
    world->governed = sim_chance(world, 800);
    if (!world->governed)
        return;
    if (last >= world->liar_count && sim_chance(world, 600)) {
        world->movable |= 1u << last;
        world->founders.seats--;
        world->founders.members -= sim_chance(world, 500);
        spare--;
    }
    for (; spare > 0 && sim_chance(world, 800); spare--)
        world->movable |= 1u << sim_below(world, (uint64_t)world->node_count);
    if (sim_chance(world, 600)) { /* few are soon agreed */
        world->founders.voters = TAMGA__V1__ROLE__ROLE_OEM;
        world->produce_ms *= 2;
    }
    test_decide_anew();
}

/* ---- keys -------------------------------------------------------------------------- */

/* A member's key after so many rotations. */
static const char *key_name(enum sim_rotating who, unsigned generation)
{
    static const char *const first[SIM_ROTATING] = {"acme", "softco"};
    static char name[SIM_ROTATING][SIM_GENERATIONS_MAX][16];

    if (generation == 0)
        return first[who];
    snprintf(name[who][generation], sizeof name[who][generation], "%s-%u", first[who],
             generation);
    return name[who][generation];
}

/* Does somebody honest know the newest key from its chain? */
static bool is_known(const struct sim_world *world, const char *key)
{
    struct tamga_address address;
    struct tamga_hash name;

    test_address(&address, key);
    tamga_key_member(&name, &address);
    for (int i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->node[i];
        TAMGA_BUF value = {0};

        if (sim_honest(node) && node->disk != NULL &&
            tamga_view_get(&node->disk->reader.view, TAMGA_FAMILY_STATE,
                           tamga_hash_span(&name), &value) == TAMGA_OK)
            return true;
    }
    return false;
}

const char *sim_key_of(struct sim_world *world, enum sim_rotating who)
{
    unsigned newest = world->generation[who];

    if (newest > 0 &&
        (sim_chance(world, 100) || !is_known(world, key_name(who, newest))))
        newest--;
    return key_name(who, newest);
}

static void rotate(struct sim_world *world)
{
    enum sim_rotating who = sim_chance(world, 500) ? SIM_ACME : SIM_SOFTCO;
    unsigned newest = world->generation[who];
    struct tamga_buf payload = {0};

    if (newest + 1 == SIM_GENERATIONS_MAX ||
        (newest > 0 && !is_known(world, key_name(who, newest))))
        return;
    test_rotate(&payload, key_name(who, newest), key_name(who, newest + 1), NULL, 1);
    if (sim_send_entry(world, &payload) != NULL)
        world->generation[who]++;
}

/* ---- proposals and approvals ------------------------------------------------------- */

static const char *voter(struct sim_world *world, size_t index)
{
    if (index == 0)
        return sim_key_of(world, SIM_ACME);
    return index < OTHER_VOTERS
               ? voter_name[index]
               : sim_validator_name((int)(index - OTHER_VOTERS), false);
}

static size_t voters(const struct sim_world *world)
{
    return world->founders.voters != 0 ? OEM_VOTERS
                                       : OTHER_VOTERS + (size_t)world->node_count;
}

/* One of those who may come and go; NULL: there is none. */
static const struct sim_node *movable(struct sim_world *world)
{
    size_t start = sim_below(world, (uint64_t)world->node_count);

    for (size_t i = 0; i < (size_t)world->node_count; i++) {
        size_t at = (start + i) % (size_t)world->node_count;

        if ((world->movable >> at & 1) != 0)
            return &world->node[at];
    }
    return NULL;
}

static bool sits_now(const struct sim_world *world, const struct sim_node *whose)
{
    for (int i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->node[i];

        if (sim_honest(node) && node->engine != NULL)
            return sim_sits_there(node, &whose->address,
                                  tamga_engine_tip(node->engine)->tip.height + 8);
    }
    return false;
}

/* Is it decided, and that final somewhere? */
static bool is_settled(const struct sim_world *world, const struct sim_ballot *ballot)
{
    bool settled = false;
    struct tamga_hash key;

    tamga_key_proposal(&key, &ballot->id.hash);
    for (int i = 0; i < world->node_count && !settled; i++) {
        const struct sim_node *node = &world->node[i];
        Tamga__V1__StateProposal *value = NULL;
        TAMGA_BUF bytes = {0};

        if (!sim_honest(node) || node->engine == NULL ||
            tamga_view_get(&node->disk->reader.view, TAMGA_FAMILY_STATE,
                           tamga_hash_span(&key), &bytes) != TAMGA_OK)
            continue;
        value = tamga__v1__state_proposal__unpack(NULL, bytes.len, bytes.data);
        settled = value != NULL && value->decided > 0 &&
                  value->decided <= tamga_engine_final(node->engine)->height;
        tamga__v1__state_proposal__free_unpacked(value, NULL);
    }
    return settled;
}

/* A change of validators is proposed once the one before is final: quorums of two
 * branches that each made changes of their own need not meet. */
static bool draw_seat(struct sim_world *world, struct test_change *change)
{
    const struct sim_node *whose = movable(world);

    if (whose == NULL ||
        (world->seat_ballot != NULL && !is_settled(world, world->seat_ballot)))
        return false;
    change->name = whose->miner;
    if (sim_chance(world, 60) && !world->removed &&
        whose->index < world->founders.members) {
        world->removed = true;
        change->standing = TAMGA__V1__STANDING__STANDING_REMOVED;
    } else if (sits_now(world, whose)) {
        change->seat = TAMGA__V1__SEAT__SEAT_LEAVES;
    } else if (whose->index >= world->founders.members &&
               !is_known(world, whose->miner)) {
        change->key = whose->miner;
        change->roles = TAMGA__V1__ROLE__ROLE_CONSORTIUM;
        change->standing = TAMGA__V1__STANDING__STANDING_ACTIVE;
        change->seat = TAMGA__V1__SEAT__SEAT_TAKES;
    } else {
        change->seat = TAMGA__V1__SEAT__SEAT_TAKES;
    }
    return true;
}

static void draw_standing(struct sim_world *world, struct test_change *change)
{
    static const char *const name[] = {"softco", "softco", "bolt", "node-b"};

    change->name = name[sim_below(world, 4)];
    change->standing = sim_chance(world, 500) ? TAMGA__V1__STANDING__STANDING_SUSPENDED
                                              : TAMGA__V1__STANDING__STANDING_ACTIVE;
}

static void propose(struct sim_world *world)
{
    struct test_change change = {.after = 1 + (uint32_t)sim_below(world, 7)};
    struct sim_ballot *ballot = &world->ballot[world->ballot_count];
    size_t by = sim_below(world, voters(world));
    struct tamga_buf payload = {0};
    bool seat;

    if (world->ballot_count == SIM_BALLOTS_MAX)
        return;
    seat = sim_chance(world, 800) && draw_seat(world, &change);
    if (!seat)
        draw_standing(world, &change);
    if (!seat && sim_chance(world, 100))
        change.expires_ms = world->now_ms + 1000 + sim_below(world, 10000);
    test_propose(&payload, &ballot->id, voter(world, by), &change);
    if (sim_send_entry(world, &payload) == NULL)
        return;
    ballot->said = 1u << by;
    if (seat)
        world->seat_ballot = ballot;
    world->ballot_count++;
    sim_trace(world, "%s is to change: seat %d, standing %d, after %u, by %s",
              change.name, (int)change.seat, (int)change.standing, change.after,
              sim_short(&ballot->id.hash));
}

/* Mostly somebody who has not said so yet. */
static void approve(struct sim_world *world)
{
    size_t open =
        world->ballot_count < BALLOTS_OPEN ? world->ballot_count : BALLOTS_OPEN;
    struct sim_ballot *ballot;
    struct tamga_buf payload = {0};
    size_t by = sim_below(world, voters(world));

    if (open == 0)
        return;
    ballot = &world->ballot[world->ballot_count - 1 - sim_below(world, open)];
    if (world->seat_ballot != NULL && sim_chance(world, 600))
        ballot = &world->ballot[world->seat_ballot - world->ballot];
    for (unsigned i = 0; i < 4 && (ballot->said >> by & 1) != 0; i++)
        by = sim_below(world, voters(world));
    ballot->said |= 1u << by;
    test_approve(&payload, voter(world, by), &ballot->id);
    (void)sim_send_entry(world, &payload);
}

void sim_govern(struct sim_world *world)
{
    if (sim_chance(world, 60))
        rotate(world);
    else if (world->ballot_count == 0 || sim_chance(world, 120))
        propose(world);
    else
        for (uint64_t i = 1 + sim_below(world, 4); i > 0; i--)
            approve(world);
}
