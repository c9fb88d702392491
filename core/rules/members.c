/*
 * Members and validators by heights, as the state has them: every key's term, what ends it,
 * and what a change makes of it. Terms that are over stay, so that one value answers for
 * every height. Knows no transaction.
 * Source: docs/PROTOCOL.md, "Governance".
 */
#include <inttypes.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "rules/internal.h"
#include "wire/wire.h"

#define CONSORTIUM TAMGA__V1__ROLE__ROLE_CONSORTIUM

bool tamga_names_have(char *const *name, size_t count, struct tamga_span wanted)
{
    for (size_t i = 0; i < count; i++)
        if (tamga_span_equal(tamga_span_text(name[i]), wanted))
            return true;
    return false;
}

/* ---- loading ----------------------------------------------------------------------- */

void tamga_charter_clear(struct tamga_charter *charter)
{
    tamga_wire_free((ProtobufCMessage *)charter->roster);
    tamga_wire_free((ProtobufCMessage *)charter->council);
    free(charter->term);
    free(charter->seat);
    *charter = (struct tamga_charter){0};
}

/* The rows of a message, and room for one more. */
static enum tamga_err copy_rows(void *out, void *from, size_t count)
{
    void **rows = calloc(count + TAMGA_CHARTER_ADDED, sizeof *rows);

    if (rows == NULL)
        return TAMGA_E_NO_MEMORY;
    if (count > 0)
        memcpy(rows, from, count * sizeof *rows);
    *(void ***)out = rows;
    return TAMGA_OK;
}

enum tamga_err tamga_charter_load(struct tamga_charter *out, const struct tamga_view *state)
{
    TAMGA_CLEANUP(tamga_charter_clear) struct tamga_charter charter = {0};
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_roster(&key);
    err = tamga_state_get((ProtobufCMessage **)&charter.roster, state, &key,
                          &tamga__v1__state_roster__descriptor);
    tamga_key_council(&key);
    if (err == TAMGA_OK)
        err = tamga_state_get((ProtobufCMessage **)&charter.council, state, &key,
                              &tamga__v1__state_council__descriptor);
    if (err == TAMGA_OK)
        err = copy_rows(&charter.term, charter.roster->terms, charter.roster->n_terms);
    if (err == TAMGA_OK)
        err = copy_rows(&charter.seat, charter.council->validators,
                        charter.council->n_validators);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    charter.term_count = charter.roster->n_terms;
    charter.seat_count = charter.council->n_validators;
    *out = charter;
    charter = (struct tamga_charter){0};
    return TAMGA_OK;
}

/* ---- reading ----------------------------------------------------------------------- */

static bool holds(uint64_t from, uint64_t until, uint64_t height)
{
    return from <= height && (until == 0 || height < until);
}

/* The last height at which one of them begins or ends. */
static void reach(uint64_t *effect, uint64_t from, uint64_t until)
{
    if (from > *effect)
        *effect = from;
    if (until > *effect)
        *effect = until;
}

/* The newest term of a name. */
static Tamga__V1__Term *last_term(const struct tamga_charter *charter, const char *name)
{
    for (size_t i = charter->term_count; i-- > 0;)
        if (strcmp(charter->term[i]->name, name) == 0)
            return charter->term[i];
    return NULL;
}

static Tamga__V1__Validator *seat_of(const struct tamga_charter *charter, const char *name)
{
    for (size_t i = charter->seat_count; i-- > 0;)
        if (strcmp(charter->seat[i]->name, name) == 0 && charter->seat[i]->until == 0)
            return charter->seat[i];
    return NULL;
}

static bool same_key(const Tamga__V1__PublicKey *a, const Tamga__V1__PublicKey *b)
{
    return tamga_span_equal(tamga_wire_span(a->spki), tamga_wire_span(b->spki));
}

static bool key_known(const struct tamga_charter *charter, const Tamga__V1__PublicKey *key)
{
    for (size_t i = 0; i < charter->term_count; i++)
        if (same_key(charter->term[i]->key, key))
            return true;
    return false;
}

uint32_t tamga_charter_roles(const struct tamga_charter *charter, const char *name,
                             uint64_t height)
{
    for (size_t i = charter->term_count; i-- > 0;) {
        const Tamga__V1__Term *term = charter->term[i];

        if (strcmp(term->name, name) == 0 && holds(term->from, term->until, height))
            return term->roles;
    }
    return 0;
}

/* Members that have one of the roles at a height; nobody has two terms at once. */
static size_t count_roles(const struct tamga_charter *charter, uint32_t roles, uint64_t height)
{
    size_t count = 0;

    for (size_t i = 0; i < charter->term_count; i++)
        count += (charter->term[i]->roles & roles) != 0 &&
                 holds(charter->term[i]->from, charter->term[i]->until, height);
    return count;
}

size_t tamga_charter_voters(const struct tamga_charter *charter,
                            const struct tamga_network *network, uint64_t height)
{
    return count_roles(charter, network->voters, height);
}

static size_t count_seats(const struct tamga_charter *charter, uint64_t height)
{
    size_t count = 0;

    for (size_t i = 0; i < charter->seat_count; i++)
        count += holds(charter->seat[i]->from, charter->seat[i]->until, height);
    return count;
}

/* ---- changing: what a member is now, and what it is to be --------------------------- */

struct plan {
    const char *name;
    uint64_t height, effect;
    uint64_t seat_effect;  /* of validators: not at once */
    Tamga__V1__Term *term; /* the newest; NULL: not a member yet */
    bool active;           /* and it is not over, or not yet */
    bool stays;            /* active afterwards */
    bool renewed;          /* under a term of its own: key or roles differ, or it was over */
    uint32_t roles;        /* afterwards */
    const Tamga__V1__PublicKey *key;
};

static enum tamga_err plan_join(struct plan *plan, const Tamga__V1__MemberChange *change,
                                struct tamga_detail *detail)
{
    if (change->standing != TAMGA__V1__STANDING__STANDING_ACTIVE || change->roles == 0 ||
        change->key == NULL)
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_MEMBER,
                            "%s is no member; one who joins needs roles and a key",
                            change->name);
    plan->stays = plan->renewed = true;
    return TAMGA_OK;
}

/* What takes a key away does not wait for what is still to take effect, and ends that too:
 * else whoever has stolen a key could put off its end by changing it again and again. */
static bool takes_away(const Tamga__V1__MemberChange *change)
{
    return change->revoke_key ||
           change->standing == TAMGA__V1__STANDING__STANDING_SUSPENDED ||
           change->standing == TAMGA__V1__STANDING__STANDING_REMOVED;
}

static enum tamga_err refuse_unready(const struct plan *plan,
                                     const Tamga__V1__MemberChange *change,
                                     struct tamga_detail *detail)
{
    const Tamga__V1__Term *term = plan->term;

    if (term->ending == TAMGA__V1__ENDING__ENDING_REMOVED)
        return tamga_refuse(detail, TAMGA_E_NAME_TAKEN, "%s was removed for good", plan->name);
    if (!takes_away(change) && (term->from > plan->height || term->until > plan->height))
        return tamga_refuse(detail, TAMGA_E_CHANGE_PENDING,
                            "%s changes at height %" PRIu64, plan->name,
                            term->from > plan->height ? term->from : term->until);
    return TAMGA_OK;
}

static enum tamga_err plan_change(struct plan *plan, const Tamga__V1__MemberChange *change,
                                  struct tamga_detail *detail)
{
    const Tamga__V1__Term *term = plan->term;
    enum tamga_err err = refuse_unready(plan, change, detail);

    if (err != TAMGA_OK)
        return err;
    plan->active = term->until == 0 || term->until > plan->height;
    plan->stays = change->standing == TAMGA__V1__STANDING__STANDING_AS_IS
                      ? plan->active || (change->key != NULL && !change->revoke_key)
                      : change->standing == TAMGA__V1__STANDING__STANDING_ACTIVE;
    if (change->revoke_key)
        plan->stays = plan->stays && change->key != NULL;
    if (plan->stays && change->key == NULL &&
        term->ending == TAMGA__V1__ENDING__ENDING_REVOKED)
        return tamga_refuse(detail, TAMGA_E_KEY_ENDED,
                            "%s's key was revoked; state another one", plan->name);
    plan->renewed = plan->stays && (!plan->active || change->key != NULL ||
                                    plan->roles != term->roles);
    return TAMGA_OK;
}

static enum tamga_err make_plan(struct plan *plan, const struct tamga_charter *charter,
                                const Tamga__V1__MemberChange *change,
                                struct tamga_detail *detail)
{
    Tamga__V1__Term *term = last_term(charter, change->name);

    plan->term = term;
    plan->roles = change->roles != 0 ? change->roles : term == NULL ? 0 : term->roles;
    plan->key = change->key != NULL ? change->key : term == NULL ? NULL : term->key;
    if (change->key != NULL && key_known(charter, change->key))
        return tamga_refuse(detail, TAMGA_E_KEY_TAKEN,
                            "the key that %s is to have is or was a member's", change->name);
    return term == NULL ? plan_join(plan, change, detail) : plan_change(plan, change, detail);
}

static Tamga__V1__Ending why(const struct plan *plan, const Tamga__V1__MemberChange *change)
{
    if (change->standing == TAMGA__V1__STANDING__STANDING_REMOVED)
        return TAMGA__V1__ENDING__ENDING_REMOVED;
    if (change->revoke_key)
        return TAMGA__V1__ENDING__ENDING_REVOKED;
    if (!plan->stays)
        return TAMGA__V1__ENDING__ENDING_SUSPENDED;
    return change->key != NULL ? TAMGA__V1__ENDING__ENDING_REPLACED
                               : TAMGA__V1__ENDING__ENDING_CHANGED;
}

/* All terms of the name that last beyond the effect; one that has not begun by then never does.
 * Says whether there was any. */
static bool end_terms(struct tamga_charter *charter, const struct plan *plan,
                      Tamga__V1__Ending ending)
{
    bool ended = false;

    for (size_t i = 0; i < charter->term_count; i++) {
        Tamga__V1__Term *term = charter->term[i];

        if (strcmp(term->name, plan->name) != 0 ||
            (term->until != 0 && term->until <= plan->effect))
            continue;
        term->until = term->from > plan->effect ? term->from : plan->effect;
        term->ending = ending;
        ended = true;
    }
    return ended;
}

/* Ends the old term and begins the new one. Says whether anything is different. */
static bool change_terms(struct tamga_charter *charter, const struct plan *plan,
                         const Tamga__V1__MemberChange *change)
{
    Tamga__V1__Term *term = plan->term;
    Tamga__V1__Ending ending = why(plan, change);
    bool changed = plan->renewed;

    if (plan->active && (plan->renewed || !plan->stays) &&
        end_terms(charter, plan, ending)) {
        changed = true;
    } else if (term != NULL && term->until != 0 && term->ending != ending &&
               (ending == TAMGA__V1__ENDING__ENDING_REMOVED ||
                ending == TAMGA__V1__ENDING__ENDING_REVOKED)) {
        term->ending = ending; /* what was suspended is worse than that */
        changed = true;
    }
    if (plan->renewed) {
        tamga__v1__term__init(&charter->new_term);
        charter->new_term.name = (char *)(uintptr_t)plan->name;
        charter->new_term.key = (Tamga__V1__PublicKey *)(uintptr_t)plan->key;
        charter->new_term.roles = plan->roles;
        charter->new_term.from = plan->effect;
        charter->term[charter->term_count++] = &charter->new_term;
    }
    return changed;
}

/* ---- validators: one at a time, so that quorums before and after have members in common.
 * What takes a key away waits for no change of the same member's, and follows on it. */

static enum tamga_err refuse_hasty(const struct tamga_charter *charter, struct plan *plan,
                                   const Tamga__V1__MemberChange *change,
                                   struct tamga_detail *detail)
{
    uint64_t free_at = 0;

    for (size_t i = 0; i < charter->seat_count; i++) {
        const Tamga__V1__Validator *seat = charter->seat[i];
        bool own = takes_away(change) && strcmp(seat->name, plan->name) == 0;

        reach(own ? &plan->seat_effect : &free_at, seat->from, seat->until);
    }
    return free_at <= plan->height
               ? TAMGA_OK
               : tamga_refuse(detail, TAMGA_E_CHANGE_PENDING,
                              "validators change at height %" PRIu64
                              "; the next change is decided from there on",
                              free_at);
}

static void begin_seat(struct tamga_charter *charter, const struct plan *plan)
{
    tamga__v1__validator__init(&charter->new_seat);
    charter->new_seat.name = (char *)(uintptr_t)plan->name;
    charter->new_seat.key = (Tamga__V1__PublicKey *)(uintptr_t)plan->key;
    charter->new_seat.from = plan->seat_effect;
    charter->new_seat.decided = plan->height;
    charter->seat[charter->seat_count++] = &charter->new_seat;
}

static enum tamga_err change_seat(struct tamga_charter *charter, struct plan *plan,
                                  const Tamga__V1__MemberChange *change,
                                  struct tamga_detail *detail)
{
    Tamga__V1__Validator *seat = seat_of(charter, plan->name);
    bool able = plan->stays && (plan->roles & CONSORTIUM) != 0;
    bool sits = change->seat == TAMGA__V1__SEAT__SEAT_AS_IS
                    ? seat != NULL && able
                    : change->seat == TAMGA__V1__SEAT__SEAT_TAKES;
    bool same = seat != NULL && sits && change->key == NULL;
    enum tamga_err err;

    if (sits && !able)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "only an active consortium node can be a validator; %s is none",
                            plan->name);
    if (same || (seat == NULL && !sits))
        return TAMGA_OK;
    err = refuse_hasty(charter, plan, change, detail);
    if (err != TAMGA_OK)
        return err;
    if (sits && charter->seat_count >= TAMGA_SEATS_EVER_MAX)
        return tamga_refuse(detail, TAMGA_E_ROSTER_FULL, "%d validators' keys are the most",
                            TAMGA_SEATS_EVER_MAX);
    if (seat != NULL) {
        seat->until = plan->seat_effect;
        seat->ended = plan->height;
    }
    if (sits)
        begin_seat(charter, plan);
    charter->seats_changed = true;
    return TAMGA_OK;
}

/* ---- the whole of a change ------------------------------------------------------------ */

static enum tamga_err refuse_crippling(const struct tamga_charter *charter,
                                       const struct tamga_network *network,
                                       const struct plan *plan, struct tamga_detail *detail)
{
    uint64_t effect = plan->effect;

    if (tamga_charter_voters(charter, network, effect) == 0)
        return tamga_refuse(detail, TAMGA_E_NO_QUORUM, "nobody would have a say any more");
    if (count_roles(charter, CONSORTIUM, effect) == 0)
        return tamga_refuse(detail, TAMGA_E_NO_QUORUM, "no consortium node would be left");
    if (count_seats(charter, plan->seat_effect) == 0)
        return tamga_refuse(detail, TAMGA_E_NO_QUORUM, "no validator would be left");
    if (count_seats(charter, plan->seat_effect) > TAMGA_VALIDATORS_MAX)
        return tamga_refuse(detail, TAMGA_E_ROSTER_FULL, "%d validators are the most",
                            TAMGA_VALIDATORS_MAX);
    return TAMGA_OK;
}

/* A key has at most so many terms: then it must be another key. */
static enum tamga_err refuse_full(const struct tamga_charter *charter, const struct plan *plan,
                                  struct tamga_detail *detail)
{
    size_t spans = 0;

    if (plan->renewed && charter->term_count >= TAMGA_KEYS_MAX)
        return tamga_refuse(detail, TAMGA_E_ROSTER_FULL, "%d terms are the most",
                            TAMGA_KEYS_MAX);
    for (size_t i = 0; plan->renewed && i < charter->term_count; i++)
        spans += same_key(charter->term[i]->key, plan->key);
    if (spans >= TAMGA_SPANS_MAX)
        return tamga_refuse(detail, TAMGA_E_ROSTER_FULL,
                            "%d terms of one key are the most; state another key",
                            TAMGA_SPANS_MAX);
    return TAMGA_OK;
}

enum tamga_err tamga_charter_change(struct tamga_charter *charter,
                                    const struct tamga_network *network,
                                    const Tamga__V1__MemberChange *change, uint64_t height,
                                    uint64_t effect, struct tamga_detail *detail)
{
    struct plan plan = {.name = change->name,
                        .height = height,
                        .effect = effect,
                        .seat_effect = effect < height + TAMGA_COUNCIL_GAP
                                           ? height + TAMGA_COUNCIL_GAP
                                           : effect};
    enum tamga_err err = make_plan(&plan, charter, change, detail);
    bool changed;

    if (err == TAMGA_OK)
        err = refuse_full(charter, &plan, detail);
    if (err != TAMGA_OK)
        return err;
    changed = change_terms(charter, &plan, change);
    err = change_seat(charter, &plan, change, detail);
    if (err != TAMGA_OK)
        return err;
    if (!changed && !charter->seats_changed)
        return tamga_refuse(detail, TAMGA_E_NO_CHANGE, "%s is what it is to be", change->name);
    return refuse_crippling(charter, network, &plan, detail);
}

enum tamga_err tamga_charter_rotates(const struct tamga_charter *charter, const char *name,
                                     struct tamga_detail *detail)
{
    if (charter->term_count < TAMGA_KEYS_MAX / 2 &&
        (seat_of(charter, name) == NULL || charter->seat_count < TAMGA_SEATS_EVER_MAX / 2))
        return TAMGA_OK;
    return tamga_refuse(detail, TAMGA_E_ROSTER_FULL,
                        "so many keys there were that others come by quorum only");
}

/* What roster and council hash to, kept where no root commits to it: a cheap way to see that
 * they are others. Zero: never changed. */
static enum tamga_err read_mark(struct tamga_hash *out, const struct tamga_view *state)
{
    TAMGA_BUF value = {0};
    struct tamga_hash key;
    enum tamga_err err;

    *out = (struct tamga_hash){{0}};
    tamga_key_roster(&key);
    err = tamga_view_get(state, TAMGA_FAMILY_INDEX, tamga_hash_span(&key), &value);
    if (err == TAMGA_E_NOT_FOUND)
        return TAMGA_OK;
    if (err == TAMGA_OK && tamga_hash_from(out, tamga_buf_span(&value)) != TAMGA_OK)
        err = TAMGA_E_STORE_CORRUPT;
    return err;
}

static enum tamga_err put_mark(struct tamga_overlay *state, const ProtobufCMessage *roster,
                               const ProtobufCMessage *council)
{
    struct tamga_hash key, mark;
    TAMGA_BUF bytes = {0};
    enum tamga_err err = tamga_wire_pack(&bytes, roster);

    if (err == TAMGA_OK)
        err = tamga_wire_pack(&bytes, council);
    if (err != TAMGA_OK)
        return err;
    tamga_sha256(&mark, tamga_buf_span(&bytes));
    tamga_key_roster(&key);
    return tamga_overlay_put(state, TAMGA_FAMILY_INDEX, tamga_hash_span(&key),
                             tamga_hash_span(&mark));
}

/* ---- writing -------------------------------------------------------------------------- */

/* What one key may do by heights: all of the roster's terms of it. */
static enum tamga_err put_member(const struct tamga_charter *charter,
                                 struct tamga_overlay *state, const Tamga__V1__Term *of)
{
    Tamga__V1__StateMember value = TAMGA__V1__STATE_MEMBER__INIT;
    Tamga__V1__Span span[TAMGA_SPANS_MAX], *list[TAMGA_SPANS_MAX];
    struct tamga_address address;
    struct tamga_hash key;

    value.name = of->name;
    value.spans = list;
    for (size_t i = 0; i < charter->term_count; i++) {
        const Tamga__V1__Term *term = charter->term[i];

        if (!same_key(term->key, of->key))
            continue;
        if (value.n_spans == TAMGA_SPANS_MAX)
            return TAMGA_E_ROSTER_FULL;
        list[value.n_spans] = &span[value.n_spans];
        tamga__v1__span__init(&span[value.n_spans]);
        span[value.n_spans++] = (Tamga__V1__Span){.base = span[0].base,
                                                  .roles = term->roles,
                                                  .from = term->from,
                                                  .until = term->until,
                                                  .ending = term->ending};
    }
    tamga_key_address(&address, (enum tamga_key_type)of->key->type,
                      tamga_wire_span(of->key->spki));
    tamga_key_member(&key, &address);
    return tamga_state_put(state, &key, &value.base);
}

enum tamga_err tamga_charter_store(const struct tamga_charter *charter,
                                   struct tamga_overlay *state, const char *name)
{
    Tamga__V1__StateRoster roster = TAMGA__V1__STATE_ROSTER__INIT;
    Tamga__V1__StateCouncil council = TAMGA__V1__STATE_COUNCIL__INIT;
    struct tamga_hash key;
    enum tamga_err err;

    roster.n_terms = charter->term_count;
    roster.terms = charter->term;
    council.n_validators = charter->seat_count;
    council.validators = charter->seat;
    tamga_key_roster(&key);
    err = tamga_state_put(state, &key, &roster.base);
    if (err == TAMGA_OK && name != NULL)
        err = put_mark(state, &roster.base, &council.base);
    tamga_key_council(&key);
    if (err == TAMGA_OK && charter->seats_changed)
        err = tamga_state_put(state, &key, &council.base);
    for (size_t i = 0; err == TAMGA_OK && i < charter->term_count; i++)
        if (name == NULL || strcmp(charter->term[i]->name, name) == 0)
            err = put_member(charter, state, charter->term[i]);
    return err;
}

/* ---- telling the network --------------------------------------------------------------- */

static enum tamga_err learn_all(const struct tamga_chain *chain,
                                const struct tamga_charter *charter, uint64_t height,
                                uint64_t *effect)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < charter->term_count; i++) {
        const Tamga__V1__Term *term = charter->term[i];

        err = tamga_network_learn(chain->network, term->name, term->roles, term->key);
        if (err == TAMGA_OK)
            err = tamga_network_stand(chain->network, term->name,
                                      tamga_charter_roles(charter, term->name, height));
        reach(effect, term->from, term->until);
    }
    for (size_t i = 0; i < charter->seat_count; i++)
        reach(effect, charter->seat[i]->from, charter->seat[i]->until);
    if (err == TAMGA_OK)
        err = tamga_council_learn(chain->council, chain->network, charter->council);
    return tamga_err_class(err) == TAMGA_CLASS_REJECT ? TAMGA_E_STORE_CORRUPT : err;
}

enum tamga_err tamga_members_learn(const struct tamga_chain *chain,
                                   const struct tamga_view *state, uint64_t height,
                                   struct tamga_learned *learned)
{
    TAMGA_CLEANUP(tamga_charter_clear) struct tamga_charter charter = {0};
    struct tamga_hash mark;
    uint64_t effect = 0;
    enum tamga_err err = read_mark(&mark, state);

    if (err != TAMGA_OK || (tamga_hash_equal(&mark, &learned->mark) &&
                            (tamga_hash_is_zero(&mark) || learned->height >= learned->effect)))
        return err;
    err = tamga_charter_load(&charter, state);
    if (err == TAMGA_OK)
        err = learn_all(chain, &charter, height, &effect);
    if (err == TAMGA_OK)
        *learned = (struct tamga_learned){mark, effect, height};
    return err;
}

/* ---- the council as it was ---------------------------------------------------------------- */

enum tamga_err tamga_council_at(Tamga__V1__StateCouncil **out, const struct tamga_view *state,
                                uint64_t height)
{
    Tamga__V1__StateCouncil *council = NULL;
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_council(&key);
    err = tamga_state_get((ProtobufCMessage **)&council, state, &key,
                          &tamga__v1__state_council__descriptor);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    /* Rows come in the order of their decisions: what was decided later is at the end. */
    while (council->n_validators > 0 &&
           council->validators[council->n_validators - 1]->decided > height)
        tamga_wire_free(&council->validators[--council->n_validators]->base);
    for (size_t i = 0; i < council->n_validators; i++)
        if (council->validators[i]->ended > height)
            council->validators[i]->until = council->validators[i]->ended = 0;
    *out = council;
    return TAMGA_OK;
}

static bool is_genesis(const Tamga__V1__StateCouncil *council)
{
    for (size_t i = 0; i < council->n_validators; i++)
        if (council->validators[i]->decided > 0 || council->validators[i]->ended > 0)
            return false;
    return true;
}

enum tamga_err tamga_members_council(const struct tamga_chain *chain,
                                     const struct tamga_view *state, uint64_t height,
                                     struct tamga_hash *out)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateCouncil *council = NULL;
    TAMGA_BUF bytes = {0};
    enum tamga_err err = tamga_council_at(&council, state, height);

    (void)chain;
    if (err == TAMGA_OK && is_genesis(council)) {
        *out = (struct tamga_hash){{0}};
        return TAMGA_OK;
    }
    if (err == TAMGA_OK)
        err = tamga_wire_pack(&bytes, &council->base);
    if (err == TAMGA_OK)
        tamga_sha256(out, tamga_buf_span(&bytes));
    return err;
}

/* ---- genesis -------------------------------------------------------------------------- */

static void genesis_terms(const struct tamga_network *network, Tamga__V1__Term *term,
                          Tamga__V1__Term **list)
{
    for (size_t i = 0; i < network->genesis->n_members; i++) {
        const Tamga__V1__Member *member = network->genesis->members[i];

        tamga__v1__term__init(&term[i]);
        term[i].name = member->name;
        term[i].key = member->key;
        term[i].roles = member->roles;
        list[i] = &term[i];
    }
}

static void genesis_seats(const struct tamga_chain *chain, Tamga__V1__Validator *seat,
                          Tamga__V1__Validator **list)
{
    const Tamga__V1__ChainParams *params = chain->network->genesis->consortium;

    for (size_t i = 0; i < params->n_validators; i++) {
        const struct tamga_member *member =
            tamga_network_named(chain->network, params->validators[i]);

        tamga__v1__validator__init(&seat[i]);
        seat[i].name = params->validators[i];
        seat[i].key = chain->network->genesis->members[member - chain->network->member]->key;
        list[i] = &seat[i];
    }
}

enum tamga_err tamga_charter_genesis(const struct tamga_chain *chain,
                                     struct tamga_overlay *state)
{
    const Tamga__V1__Genesis *genesis = chain->network->genesis;
    size_t terms = genesis->n_members, seats = genesis->consortium->n_validators;
    Tamga__V1__Term *term = calloc(terms, sizeof *term);
    Tamga__V1__Validator *seat = calloc(seats, sizeof *seat);
    struct tamga_charter charter = {.term = calloc(terms, sizeof *charter.term),
                                    .term_count = terms,
                                    .seat = calloc(seats, sizeof *charter.seat),
                                    .seat_count = seats,
                                    .seats_changed = true};
    enum tamga_err err = TAMGA_E_NO_MEMORY;

    if (term != NULL && seat != NULL && charter.term != NULL && charter.seat != NULL) {
        genesis_terms(chain->network, term, charter.term);
        genesis_seats(chain, seat, charter.seat);
        err = tamga_charter_store(&charter, state, NULL);
    }
    tamga_charter_clear(&charter);
    free(term);
    free(seat);
    return err;
}
