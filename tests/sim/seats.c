/*
 * Who counts at which height, read from a chain's blocks by code of the simulator's
 * own: proposals and approvals are counted here again, and no rule, state or council is
 * asked. What a block holds was judged; knows no vote.
 */
#include <stdlib.h>

#include "tamga/v1/transaction.pb-c.h"
#include "world.h"

#define TERMS_MAX     256
#define PROPOSALS_MAX 256
#define YES_MAX       48
#define VOTERS        (TAMGA__V1__ROLE__ROLE_OEM | TAMGA__V1__ROLE__ROLE_CONSORTIUM)
#define PERCENT       67
#define GAP           4

/* A key's time as a member; until 0: no end. */
struct term {
    char name[TAMGA_NAME_BYTES_MAX + 1];
    struct tamga_address address;
    uint32_t roles;
    uint64_t from, until;
};

struct proposal {
    struct tamga_hash id;
    Tamga__V1__TransactionBody *body;
    char yes[YES_MAX][TAMGA_NAME_BYTES_MAX + 1];
    size_t yes_count;
    bool decided;
};

struct reading {
    struct sim_seats *seats;
    struct term term[TERMS_MAX];
    size_t term_count;
    struct proposal proposal[PROPOSALS_MAX];
    size_t proposal_count;
    uint32_t voters; /* roles */
    uint64_t height; /* of the block that is read */
};

static bool holds(uint64_t from, uint64_t until, uint64_t height)
{
    return from <= height && (until == 0 || height < until);
}

/* ---- members and seats -------------------------------------------------------------
 */

static void add_term(struct reading *reading, const char *name,
                     const Tamga__V1__PublicKey *key, uint32_t roles, uint64_t from)
{
    struct term *term = &reading->term[reading->term_count++];

    if (reading->term_count > TERMS_MAX)
        abort();
    *term = (struct term){.roles = roles, .from = from};
    strcpy(term->name, name);
    tamga_key_address(&term->address, (enum tamga_key_type)key->type,
                      tamga_span(key->spki.data, key->spki.len));
}

static struct term *last_term(struct reading *reading, const char *name)
{
    for (size_t i = reading->term_count; i-- > 0;)
        if (strcmp(reading->term[i].name, name) == 0)
            return &reading->term[i];
    return NULL;
}

static void add_seat(struct sim_seats *seats, const struct tamga_address *address,
                     uint64_t from)
{
    if (seats->count == SIM_SEATS_MAX)
        abort();
    seats->at[seats->count++] = (struct sim_seat){*address, from, 0}; /* no padding in it */
}

/* The one that has no end yet. */
static struct sim_seat *seat_of(struct sim_seats *seats,
                                const struct tamga_address *address)
{
    for (size_t i = 0; i < seats->count; i++)
        if (seats->at[i].until == 0 &&
            tamga_hash_equal(&seats->at[i].address.hash, &address->hash))
            return &seats->at[i];
    return NULL;
}

/* Keys of validators do not change in a run: whose seat it is, the address says. */
static void change_seat(struct reading *reading, const struct term *term,
                        Tamga__V1__Seat wanted, bool stays, uint64_t effect)
{
    struct sim_seat *seat = seat_of(reading->seats, &term->address);
    bool sits = wanted == TAMGA__V1__SEAT__SEAT_AS_IS
                    ? seat != NULL && stays
                    : wanted == TAMGA__V1__SEAT__SEAT_TAKES;

    if (effect < reading->height + GAP)
        effect = reading->height + GAP;
    if (seat != NULL && !sits)
        seat->until = effect;
    if (seat == NULL && sits)
        add_seat(reading->seats, &term->address, effect);
}

static void change_member(struct reading *reading,
                          const Tamga__V1__MemberChange *change, uint64_t effect)
{
    struct term *term = last_term(reading, change->name);
    bool active = term != NULL && term->until == 0;
    bool stays = change->standing == TAMGA__V1__STANDING__STANDING_AS_IS
                     ? active
                     : change->standing == TAMGA__V1__STANDING__STANDING_ACTIVE;
    bool renewed = stays && (!active || change->key != NULL);

    if (active && (renewed || !stays))
        term->until = effect;
    if (renewed && change->key != NULL) {
        add_term(reading, change->name, change->key,
                 change->roles != 0 ? change->roles : term->roles, effect);
    } else if (renewed) { /* back under the key that it had */
        struct term again = *term;

        again.from = effect;
        again.until = 0;
        reading->term[reading->term_count++] = again;
    }
    change_seat(reading, last_term(reading, change->name), change->seat, stays, effect);
}

/* ---- proposals ----------------------------------------------------------------------
 */

static bool has_say(const struct reading *reading, const char *name)
{
    for (size_t i = 0; i < reading->term_count; i++)
        if (strcmp(reading->term[i].name, name) == 0 &&
            (reading->term[i].roles & reading->voters) != 0 &&
            holds(reading->term[i].from, reading->term[i].until, reading->height))
            return true;
    return false;
}

static void approve(struct reading *reading, struct proposal *proposal,
                    const char *name)
{
    size_t all = 0, yes = 0;

    if (proposal->yes_count == YES_MAX)
        abort();
    strcpy(proposal->yes[proposal->yes_count++], name);
    for (size_t i = 0; i < reading->term_count; i++)
        all += (reading->term[i].roles & reading->voters) != 0 &&
               holds(reading->term[i].from, reading->term[i].until, reading->height);
    for (size_t i = 0; i < proposal->yes_count; i++)
        yes += has_say(reading, proposal->yes[i]);
    if (yes * 100 < all * PERCENT)
        return;
    proposal->decided = true;
    change_member(reading, proposal->body->propose->member,
                  reading->height + proposal->body->propose->after);
}

static const char *sender_name(const struct reading *reading,
                               const Tamga__V1__TransactionBody *body)
{
    for (size_t i = 0; i < reading->term_count; i++)
        if (memcmp(reading->term[i].address.hash.byte, body->sender.data,
                   TAMGA_HASH_BYTES) == 0)
            return reading->term[i].name;
    abort(); /* nobody's entry is on no chain */
}

static void read_propose(struct reading *reading, Tamga__V1__TransactionBody *body,
                         const struct tamga_hash *id, const char *name)
{
    struct proposal *proposal = &reading->proposal[reading->proposal_count++];

    if (reading->proposal_count > PROPOSALS_MAX)
        abort();
    *proposal = (struct proposal){.id = *id, .body = body};
    approve(reading, proposal, name);
}

static void read_approve(struct reading *reading,
                         const Tamga__V1__TransactionBody *body, const char *name)
{
    for (size_t i = 0; i < reading->proposal_count; i++)
        if (memcmp(reading->proposal[i].id.byte, body->approve->id.data,
                   TAMGA_HASH_BYTES) == 0)
            approve(reading, &reading->proposal[i], name);
}

/* Returns whether the body is kept. */
static bool read_body(struct reading *reading, Tamga__V1__TransactionBody *body,
                      const struct tamga_hash *id)
{
    char name[TAMGA_NAME_BYTES_MAX + 1];
    Tamga__V1__MemberChange change = TAMGA__V1__MEMBER_CHANGE__INIT;

    if (body->action_case == TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE)
        return false;
    strcpy(name, sender_name(reading, body));
    if (body->action_case == TAMGA__V1__TRANSACTION_BODY__ACTION_APPROVE)
        read_approve(reading, body, name);
    if (body->action_case == TAMGA__V1__TRANSACTION_BODY__ACTION_ROTATE_KEY) {
        change.name = name;
        change.key = body->rotate_key->key;
        change_member(reading, &change, reading->height + body->rotate_key->after);
    }
    if (body->action_case != TAMGA__V1__TRANSACTION_BODY__ACTION_PROPOSE)
        return false;
    read_propose(reading, body, id, name);
    return true;
}

static void read_entry(struct reading *reading, struct tamga_span leaf)
{
    Tamga__V1__Signed *outer = tamga__v1__signed__unpack(NULL, leaf.len, leaf.data);
    Tamga__V1__TransactionBody *body =
        outer == NULL ? NULL
                      : tamga__v1__transaction_body__unpack(NULL, outer->body.len,
                                                            outer->body.data);
    struct tamga_hash id;

    if (body == NULL || outer->id.len != TAMGA_HASH_BYTES)
        abort(); /* a block of the best chain holds it */
    memcpy(id.byte, outer->id.data, TAMGA_HASH_BYTES);
    if (!read_body(reading, body, &id))
        tamga__v1__transaction_body__free_unpacked(body, NULL);
    tamga__v1__signed__free_unpacked(outer, NULL);
}

/* ---- a whole chain ------------------------------------------------------------------
 */

static void read_genesis(struct reading *reading, const Tamga__V1__Genesis *genesis,
                         bool gateway)
{
    const Tamga__V1__ChainParams *params =
        gateway ? genesis->gateway : genesis->consortium;

    for (size_t i = 0; i < genesis->n_members; i++)
        add_term(reading, genesis->members[i]->name, genesis->members[i]->key,
                 genesis->members[i]->roles, 0);
    for (size_t i = 0; i < params->n_validators; i++)
        add_seat(reading->seats, &last_term(reading, params->validators[i])->address,
                 0);
}

void sim_read_seats(const struct sim_world *world, const struct sim_node *node,
                    struct sim_seats *out)
{
    struct reading *reading = sim_alloc(1, sizeof *reading);
    const struct tamga_view *view = &node->disk->reader.view;
    struct tamga_block_id id;

    out->count = 0;
    reading->seats = out;
    reading->voters = world->founders.voters != 0 ? world->founders.voters : VOTERS;
    read_genesis(reading, node->home.network->genesis, world->gateway);
    while (!world->gateway &&
           tamga_query_id_at(view, ++reading->height, &id) == TAMGA_OK) {
        TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};

        if (tamga_query_block(view, &id, &block) != TAMGA_OK)
            break; /* another invariant's */
        for (size_t i = 0; i < block.count; i++)
            read_entry(reading, block.entry[i]);
    }
    for (size_t i = 0; i < reading->proposal_count; i++)
        tamga__v1__transaction_body__free_unpacked(reading->proposal[i].body, NULL);
    free(reading);
}

bool sim_sits(const struct sim_seats *seats, const struct tamga_address *address,
              uint64_t height)
{
    for (size_t i = 0; i < seats->count; i++)
        if (holds(seats->at[i].from, seats->at[i].until, height) &&
            tamga_hash_equal(&seats->at[i].address.hash, &address->hash))
            return true;
    return false;
}

unsigned sim_quorum(const struct sim_seats *seats, uint64_t height)
{
    unsigned size = 0;

    for (size_t i = 0; i < seats->count; i++)
        size += holds(seats->at[i].from, seats->at[i].until, height);
    return (2 * size + 2) / 3;
}
