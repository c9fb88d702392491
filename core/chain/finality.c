/*
 * Finality: votes are counted, blocks become justified and final, and a validator is told
 * what it may sign. Signatures were judged before; knows no key and no body.
 *
 * Source: Buterin and Griffith (2017), sections 2 and 4, every block a checkpoint;
 *         docs/PROTOCOL.md, "Finality".
 */
#include "chain/finality.h"

#include <stdlib.h>

#include "chain/engine_internal.h"
#include "wire/wire.h"

#define VOTE_KEY_BYTES 40

/* ---- the layouts ------------------------------------------------------------------ */

static enum tamga_err put_point(struct tamga_engine *engine, const char *name,
                                const struct tamga_point *point)
{
    uint8_t value[POINT_BYTES];

    engine_point_put(value, point);
    return tamga_overlay_put(&engine->pending, TAMGA_FAMILY_META, tamga_span_text(name),
                             tamga_span(value, sizeof value));
}

static struct tamga_span vote_key(uint8_t out[VOTE_KEY_BYTES],
                                  const struct tamga_engine *engine, uint64_t height,
                                  uint32_t validator)
{
    tamga_put_u64(out, height);
    memcpy(out + 8, tamga_validator(engine->chain, validator)->address.hash.byte, TAMGA_HASH_BYTES);
    return tamga_span(out, VOTE_KEY_BYTES);
}

static struct tamga_span conflict_key(const struct tamga_engine *engine, uint32_t validator)
{
    return tamga_hash_span(&tamga_validator(engine->chain, validator)->address.hash);
}

/* ---- voters ------------------------------------------------------------------------- */

struct voter *engine_voter(const struct tamga_engine *engine, uint32_t place)
{
    struct voter *voter = engine->finality.voter;

    return &voter[voter[place].first];
}

bool engine_voter_held(const struct tamga_engine *engine, uint32_t place, uint64_t height,
                       uint64_t as_of)
{
    const struct voter *voter = engine->finality.voter;
    bool held;

    place = voter[place].first;
    do {
        held = tamga_validator_held(engine->chain, place, height, as_of);
        place = voter[place].next;
    } while (place != 0 && !held);
    return held;
}

/* ---- what is justified, what is final ------------------------------------------------ */

static bool is_source(const struct finality *finality, const struct tamga_point *point)
{
    for (size_t i = 0; i < finality->source_count; i++)
        if (tamga_point_equal(&finality->sources[i], point))
            return true;
    return false;
}

static enum tamga_err add_source(struct finality *finality, const struct tamga_point *point)
{
    if (is_source(finality, point))
        return TAMGA_OK;
    if (finality->source_count == finality->source_cap) {
        size_t cap = finality->source_cap == 0 ? 16 : finality->source_cap * 2;
        struct tamga_point *grown = realloc(finality->sources, cap * sizeof *grown);

        if (grown == NULL)
            return TAMGA_E_NO_MEMORY;
        finality->sources = grown;
        finality->source_cap = cap;
    }
    finality->sources[finality->source_count++] = *point;
    return TAMGA_OK;
}

static enum tamga_err justify(struct tamga_engine *engine, const struct tamga_point *point)
{
    struct finality *finality = &engine->finality;
    enum tamga_err err = add_source(finality, point);

    if (err != TAMGA_OK || point->height <= finality->justified.height)
        return err;
    finality->justified = *point;
    err = put_point(engine, "justified", point);
    if (err == TAMGA_OK)
        err = engine_know_branch(engine, point);
    return err == TAMGA_OK ? engine_restand(engine) : err;
}

enum tamga_err engine_finalize(struct tamga_engine *engine, const struct tamga_point *point)
{
    struct finality *finality = &engine->finality;
    struct tamga_event event = {
        .kind = TAMGA_EVENT_FINAL, .id = point->id.hash, .height = point->height};
    bool descends = false;
    size_t kept = 0;
    enum tamga_err err;

    if (point->height <= finality->final.height)
        return TAMGA_OK;
    err = engine_descends(engine, &finality->final, point, &descends);
    if (err != TAMGA_OK)
        return err;
    if (!descends) { /* a third or more of the validators have lied: for people to settle */
        event.kind = TAMGA_EVENT_CONFLICT;
        event.err = TAMGA_E_CHECKPOINT_CONFLICT;
        engine_tell(engine, &event);
        return TAMGA_OK;
    }
    finality->final = *point;
    for (size_t i = 0; i < finality->source_count; i++)
        if (finality->sources[i].height >= point->height)
            finality->sources[kept++] = finality->sources[i];
    finality->source_count = kept;
    err = justify(engine, point);
    if (err == TAMGA_OK)
        err = put_point(engine, "final", point);
    if (err == TAMGA_OK)
        err = engine_restand(engine);
    if (err != TAMGA_OK)
        return err;
    engine_sift_branches(engine); /* those that leave below it are gone */
    engine_tell(engine, &event);
    return TAMGA_OK;
}

static const struct tamga_link *vote_at(const struct voter *voter, uint64_t height)
{
    size_t low = 0, high = voter->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (voter->at[middle].target.height < height)
            low = middle + 1;
        else
            high = middle;
    }
    return low < voter->count && voter->at[low].target.height == height ? &voter->at[low]
                                                                        : NULL;
}

static bool same_link(const struct tamga_link *a, const struct tamga_link *b)
{
    return tamga_point_equal(&a->source, &b->source) &&
           tamga_point_equal(&a->target, &b->target);
}

/* Who signed two votes that conflict may have shown a third one to somebody else, whom it
 * helped to justify a block: nobody who holds another vote of that height would ever
 * follow. Fewer than a third lie, so that counting them for every link justifies no two
 * blocks that conflict; and once the evidence is everywhere, all count alike. */
static bool votes_for(const struct voter *voter, const struct tamga_link *link)
{
    const struct tamga_link *vote = vote_at(voter, link->target.height);

    return voter->lied || (vote != NULL && same_link(vote, link));
}

/* Are bodies on their way there? */
static bool is_on_better(const struct tamga_engine *engine, const struct tamga_point *block)
{
    bool is = false;

    for (size_t i = 0; i < engine->branch_count && !is; i++)
        is = engine_branch_contains(&engine->branch[i], engine->branch[i].count, block, false) &&
             engine_branch_better(engine, &engine->branch[i]);
    return is;
}

/*
 * By which decisions the validators of a block's height are those that they are: up to this
 * height of the best chain, which the block's own branch shares. Headers state the council,
 * so that a branch whose bodies are not here shows whether anything was decided on it; where
 * it was, nobody's word can be counted before they are: UNKNOWN_BLOCK. But where they are not
 * to come, for want of work, only votes can bring us there: then those count whom we know.
 */
static enum tamga_err decided_up_to(const struct tamga_engine *engine,
                                    const struct tamga_point *block, uint64_t *as_of)
{
    const struct tamga_view *view = &engine->pending.view;
    struct tamga_block_id at = block->id, best;
    struct tamga_hash council = {{0}};
    uint64_t height = block->height;
    enum tamga_err err;

    *as_of = 0;
    if (engine->chain->rules->anchored || height <= TAMGA_COUNCIL_GAP)
        return TAMGA_OK; /* nothing but genesis can say */
    for (;; height--) {
        struct tamga_stored_header stored;

        err = tamga_query_header(view, &at, &stored);
        if (err != TAMGA_OK)
            return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
        if (height + TAMGA_COUNCIL_GAP == block->height)
            council = stored.sealed.header.anchor;
        err = tamga_query_id_at(view, height, &best);
        if (err == TAMGA_OK && tamga_hash_equal(&best.hash, &at.hash)) {
            *as_of = height;
            return height + TAMGA_COUNCIL_GAP >= block->height ||
                           tamga_hash_equal(&council, &stored.sealed.header.anchor) ||
                           !is_on_better(engine, block)
                       ? TAMGA_OK
                       : TAMGA_E_UNKNOWN_BLOCK;
        }
        if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND)
            return err;
        at = stored.sealed.header.parent;
    }
}

enum tamga_err engine_seats(const struct tamga_engine *engine, const struct tamga_point *block,
                            uint64_t *as_of, struct tamga_detail *detail)
{
    enum tamga_err err = decided_up_to(engine, block, as_of);

    return err == TAMGA_E_UNKNOWN_BLOCK
               ? tamga_refuse(detail, err,
                              "who the validators at height %llu are is not known yet",
                              (unsigned long long)block->height)
               : err;
}

static enum tamga_err has_quorum(const struct tamga_engine *engine,
                                 const struct tamga_link *link, bool *quorum)
{
    const struct tamga_chain *chain = engine->chain;
    uint64_t height = link->target.height, as_of;
    uint32_t votes = 0;
    enum tamga_err err = decided_up_to(engine, &link->target, &as_of);

    *quorum = false;
    if (err != TAMGA_OK)
        return err == TAMGA_E_UNKNOWN_BLOCK ? TAMGA_OK : err;
    for (uint32_t i = 0; i < engine->finality.voter_count; i++)
        votes += engine->finality.voter[i].first == i && /* each member once */
                 engine_voter_held(engine, i, height, as_of) &&
                 votes_for(&engine->finality.voter[i], link);
    *quorum = votes >= tamga_council_quorum_as_of(chain->council, height, as_of);
    return TAMGA_OK;
}

/* One link, if it counts: *justified is true if its target became justified by it. */
static enum tamga_err count_link(struct tamga_engine *engine, const struct tamga_link *link,
                                 bool *justified)
{
    struct finality *finality = &engine->finality;
    struct tamga_link counted = *link; /* what follows may prune the votes it lies among */
    bool quorum = false;
    enum tamga_err err = TAMGA_OK;

    *justified = false;
    if (is_source(finality, &link->source))
        err = has_quorum(engine, link, &quorum);
    if (err != TAMGA_OK || !quorum)
        return err;
    if (!is_source(finality, &link->target)) {
        *justified = true;
        err = justify(engine, &counted.target);
    }
    if (err == TAMGA_OK && counted.target.height == counted.source.height + 1)
        err = engine_finalize(engine, &counted.source);
    return err;
}

/* A block was justified: links from it count now, and what they justify goes on. Every
 * round justifies a block that was not, so this ends. */
static enum tamga_err count_all(struct tamga_engine *engine)
{
    bool again = true;

    while (again) {
        again = false;
        for (uint32_t i = 0; i < engine->finality.voter_count; i++) {
            const struct voter *voter = &engine->finality.voter[i];

            for (size_t j = 0; j < voter->count; j++) {
                bool justified;
                enum tamga_err err = count_link(engine, &voter->at[j], &justified);

                if (err != TAMGA_OK)
                    return err;
                again = again || justified;
            }
        }
    }
    return TAMGA_OK;
}

/* Votes at or below: whoever catches up starts from the newest checkpoint, so what lies
 * above that one is kept, but never more than a window of heights. */
static uint64_t forget_below(const struct tamga_engine *engine)
{
    const struct finality *finality = &engine->finality;
    uint64_t tip = engine->tip.tip.height, floor = finality->checkpoint.at.height;

    if (floor > finality->final.height)
        floor = finality->final.height;
    return tip > floor + VOTE_WINDOW ? tip - VOTE_WINDOW : floor;
}

/* ---- votes ------------------------------------------------------------------------- */

static enum tamga_err insert_vote(struct voter *voter, const struct tamga_link *link)
{
    size_t at = voter->count;

    if (voter->count == voter->cap) {
        size_t cap = voter->cap == 0 ? 16 : voter->cap * 2;
        struct tamga_link *grown = realloc(voter->at, cap * sizeof *grown);

        if (grown == NULL)
            return TAMGA_E_NO_MEMORY;
        voter->at = grown;
        voter->cap = cap;
    }
    while (at > 0 && voter->at[at - 1].target.height > link->target.height)
        at--;
    memmove(voter->at + at + 1, voter->at + at, (voter->count - at) * sizeof *link);
    voter->at[at] = *link;
    voter->count++;
    return TAMGA_OK;
}

static const struct tamga_link *rival_of(const struct voter *voter,
                                         const struct tamga_link *link, enum tamga_err *why)
{
    for (size_t i = 0; i < voter->count; i++) {
        *why = tamga_link_conflict(&voter->at[i], link);
        if (*why != TAMGA_OK)
            return &voter->at[i];
    }
    return NULL;
}

/* Both votes, as evidence that whoever holds genesis can check. One pair for a validator. */
static enum tamga_err keep_conflict(struct tamga_engine *engine, uint32_t validator,
                                    struct tamga_span first, struct tamga_span second,
                                    uint64_t height, enum tamga_err why, bool *news)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *a = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *b = NULL;
    Tamga__V1__VoteConflict conflict = TAMGA__V1__VOTE_CONFLICT__INIT;
    struct tamga_span key = conflict_key(engine, validator);
    struct tamga_event event = {
        .kind = TAMGA_EVENT_CONFLICT,
        .id = tamga_validator(engine->chain, validator)->address.hash,
        .height = height,
        .err = why,
    };
    TAMGA_BUF bytes = {0};
    enum tamga_err err =
        tamga_view_get(&engine->pending.view, TAMGA_FAMILY_CONFLICT, key, &bytes);

    *news = err == TAMGA_E_NOT_FOUND;
    if (err != TAMGA_E_NOT_FOUND)
        return err;
    err = tamga_wire_unpack((ProtobufCMessage **)&a, &tamga__v1__signed__descriptor,
                            TAMGA_WIRE_CANONICAL, first, NULL);
    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&b, &tamga__v1__signed__descriptor,
                                TAMGA_WIRE_CANONICAL, second, NULL);
    conflict.first = a;
    conflict.second = b;
    if (err == TAMGA_OK)
        err = tamga_wire_pack(&bytes, &conflict.base);
    if (err == TAMGA_OK)
        err = tamga_overlay_put(&engine->pending, TAMGA_FAMILY_CONFLICT, key,
                                tamga_buf_span(&bytes));
    if (err != TAMGA_OK)
        return err;
    engine_voter(engine, validator)->lied = true;
    engine_tell(engine, &event);
    return TAMGA_OK;
}

enum tamga_err engine_recount(struct tamga_engine *engine, uint64_t now_ms)
{
    struct tamga_point before = engine->finality.justified;
    enum tamga_err err = count_all(engine);

    if (!tamga_point_equal(&before, &engine->finality.justified))
        engine->moved_ms = now_ms;
    return err == TAMGA_OK ? engine_advance(engine, now_ms) : err;
}

/* VOTE_TWICE or VOTE_SURROUNDS, once the evidence is kept. */
static enum tamga_err refuse_rival(struct tamga_engine *engine, const struct tamga_vote *vote,
                                   const struct tamga_link *rival, enum tamga_err why,
                                   bool *news, struct tamga_detail *detail)
{
    TAMGA_BUF first = {0};
    uint8_t key[VOTE_KEY_BYTES];
    uint64_t height = rival->target.height;
    enum tamga_err err =
        tamga_view_get(&engine->pending.view, TAMGA_FAMILY_VOTE,
                       vote_key(key, engine, height, vote->validator), &first);

    if (err == TAMGA_OK)
        err = keep_conflict(engine, vote->validator, tamga_buf_span(&first),
                            tamga_buf_span(&vote->bytes), height, why, news);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    return tamga_refuse(detail, why, "%s voted at height %llu before",
                        tamga_validator(engine->chain, vote->validator)->name,
                        (unsigned long long)height);
}

/* Whatever a validator signed binds it, whether the blocks are here or not. */
static void remember_highest(struct voter *voter, const struct tamga_link *link)
{
    if (link->target.height > voter->highest.target.height)
        voter->highest.target = link->target;
    if (link->source.height > voter->highest.source.height)
        voter->highest.source = link->source;
}

/* Whoever had or will have a seat may sign; it counts if the seat holds at that height. */
static enum tamga_err check_seat(const struct tamga_engine *engine, uint32_t validator,
                                 const struct tamga_point *target, struct tamga_detail *detail)
{
    uint64_t as_of;
    enum tamga_err err = engine_seats(engine, target, &as_of, detail);

    if (err != TAMGA_OK || engine_voter_held(engine, validator, target->height, as_of))
        return err;
    return tamga_refuse(detail, TAMGA_E_NOT_VALIDATOR, "%s has no seat at height %llu",
                        tamga_validator(engine->chain, validator)->name,
                        (unsigned long long)target->height);
}

static enum tamga_err check_blocks(const struct tamga_engine *engine,
                                   const struct tamga_link *link, struct tamga_detail *detail)
{
    struct tamga_stored_header target;
    bool descends = false;
    enum tamga_err err = tamga_query_header(&engine->pending.view, &link->target.id, &target);

    if (err == TAMGA_E_NOT_FOUND)
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_BLOCK, "vote for height %llu",
                            (unsigned long long)link->target.height);
    if (err != TAMGA_OK)
        return err;
    if ((target.flags & TAMGA_STORED_INVALID) != 0)
        return TAMGA_E_INVALID_ANCESTOR;
    if (target.sealed.header.height != link->target.height)
        return tamga_refuse(detail, TAMGA_E_VOTE_OFF_SOURCE, "target is at height %llu",
                            (unsigned long long)target.sealed.header.height);
    err = engine_descends(engine, &link->source, &link->target, &descends);
    if (err == TAMGA_OK && !descends)
        err = TAMGA_E_VOTE_OFF_SOURCE;
    return err;
}

static bool is_own(const struct tamga_engine *engine, uint32_t validator)
{
    return engine->finality.votes &&
           tamga_hash_equal(&tamga_validator(engine->chain, validator)->address.hash,
                            &engine->finality.self.hash);
}

static enum tamga_err keep_vote(struct tamga_engine *engine, const struct tamga_vote *vote)
{
    uint8_t key[VOTE_KEY_BYTES], last[2 * POINT_BYTES];
    const struct tamga_link *link = &vote->link;
    enum tamga_err err =
        tamga_overlay_put(&engine->pending, TAMGA_FAMILY_VOTE,
                          vote_key(key, engine, link->target.height, vote->validator),
                          tamga_buf_span(&vote->bytes));

    if (err == TAMGA_OK)
        err = insert_vote(engine_voter(engine, vote->validator), link);
    if (err != TAMGA_OK || !is_own(engine, vote->validator) ||
        link->target.height <= engine->finality.last.target.height)
        return err;
    engine->finality.last = *link;
    engine_point_put(last, &link->source);
    engine_point_put(last + POINT_BYTES, &link->target);
    return tamga_overlay_put(&engine->pending, TAMGA_FAMILY_META, tamga_span_text("vote"),
                             tamga_span(last, sizeof last));
}

enum tamga_err tamga_engine_add_vote(struct tamga_engine *engine,
                                     const struct tamga_vote *vote, uint64_t now_ms,
                                     bool *news, struct tamga_detail *detail)
{
    struct voter *voter = engine_voter(engine, vote->validator);
    const struct tamga_link *known = vote_at(voter, vote->link.target.height), *rival;
    enum tamga_err why, err;
    bool justified;

    *news = false;
    remember_highest(voter, &vote->link);
    if (known != NULL && same_link(known, &vote->link))
        return TAMGA_OK;
    rival = rival_of(voter, &vote->link, &why);
    if (rival != NULL) {
        why = refuse_rival(engine, vote, rival, why, news, detail);
        err = *news ? engine_recount(engine, now_ms) : TAMGA_OK;
        return err == TAMGA_OK ? why : err;
    }
    if (vote->link.target.height <= engine->finality.final.height ||
        vote->link.target.height <= forget_below(engine) ||
        vote->link.source.height < engine->finality.final.height)
        return TAMGA_OK; /* can justify nothing any more */
    err = check_blocks(engine, &vote->link, detail);
    if (err == TAMGA_OK)
        err = check_seat(engine, vote->validator, &vote->link.target, detail);
    if (err == TAMGA_OK)
        err = keep_vote(engine, vote);
    if (err != TAMGA_OK)
        return err;
    *news = true;
    err = count_link(engine, &vote->link, &justified);
    if (err != TAMGA_OK || !justified)
        return err;
    engine->moved_ms = now_ms;
    return engine_recount(engine, now_ms);
}

enum tamga_err tamga_engine_add_conflict(struct tamga_engine *engine,
                                         const struct tamga_vote *first,
                                         const struct tamga_vote *second, bool *news)
{
    enum tamga_err why = engine_voter(engine, first->validator) ==
                                 engine_voter(engine, second->validator)
                             ? tamga_link_conflict(&first->link, &second->link)
                             : TAMGA_OK;
    enum tamga_err err;

    *news = false;
    if (why == TAMGA_OK)
        return TAMGA_E_BAD_VALUE;
    err = keep_conflict(engine, first->validator, tamga_buf_span(&first->bytes),
                        tamga_buf_span(&second->bytes), second->link.target.height, why, news);
    /* No clock is asked for evidence: what comes back from abandoned blocks, if any, is as
     * old as the tip. */
    return err == TAMGA_OK && *news ? engine_recount(engine, engine->tip.tip.time_ms) : err;
}

/* ---- forgetting ------------------------------------------------------------------- */

enum tamga_err engine_finality_prune(struct tamga_engine *engine)
{
    uint64_t below = forget_below(engine);

    for (uint32_t i = 0; i < engine->finality.voter_count; i++) {
        struct voter *voter = &engine->finality.voter[i];
        size_t gone = 0;

        for (; gone < voter->count && voter->at[gone].target.height <= below; gone++) {
            uint8_t key[VOTE_KEY_BYTES];
            enum tamga_err err = tamga_overlay_erase(
                &engine->pending, TAMGA_FAMILY_VOTE,
                vote_key(key, engine, voter->at[gone].target.height, i));

            if (err != TAMGA_OK)
                return err;
        }
        if (gone == 0)
            continue;
        voter->count -= gone;
        memmove(voter->at, voter->at + gone, voter->count * sizeof *voter->at);
    }
    return TAMGA_OK;
}

/* ---- what to sign ------------------------------------------------------------------- */

void tamga_engine_may_vote(struct tamga_engine *engine, const struct tamga_address *validator)
{
    engine->finality.votes = true;
    engine->finality.self = *validator;
}

bool engine_own_seat(const struct tamga_engine *engine, uint64_t height, uint32_t *place)
{
    return engine->finality.votes &&
           tamga_council_find(place, engine->chain->council,
                              tamga_hash_span(&engine->finality.self.hash),
                              height) == TAMGA_OK;
}

static int compare_heights(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The height up to which at least one honest validator, or we ourselves, called the chain
 * final: there we have voted already, even if our store has forgotten, and from sources
 * that a vote from below would surround. */
static uint64_t claimed_final(const struct tamga_engine *engine)
{
    uint64_t claimed[TAMGA_SEATS_MAX], own = 0, height = engine->tip.tip.height;
    uint32_t count = 0, quorum = tamga_quorum(engine->chain, height);

    for (uint32_t i = 0; i < engine->finality.voter_count; i++) {
        if (tamga_validator_holds(engine->chain, i, height))
            claimed[count++] = engine_voter(engine, i)->cosigned;
        if (is_own(engine, i) && engine->finality.voter[i].cosigned > own)
            own = engine->finality.voter[i].cosigned;
    }
    if (count < quorum)
        return own;
    qsort(claimed, count, sizeof claimed[0], compare_heights);
    /* Fewer than n - quorum + 1 may lie: of the highest so many, one is true. */
    return claimed[quorum - 1] > own ? claimed[quorum - 1] : own;
}

/* What binds us: all votes that we remember, or were shown as ours, from whatever seat. */
static struct tamga_link own_highest(const struct tamga_engine *engine)
{
    struct voter all = {.highest = engine->finality.last};

    for (uint32_t i = 0; i < engine->finality.voter_count; i++)
        if (is_own(engine, i))
            remember_highest(&all, &engine->finality.voter[i].highest);
    return all.highest;
}

bool tamga_engine_vote_due(const struct tamga_engine *engine, struct tamga_link *out)
{
    const struct finality *finality = &engine->finality;
    struct tamga_link before;
    uint64_t height = engine->tip.tip.height;
    uint32_t place;

    if (engine->standing != STANDS_ON_JUSTIFIED || !engine_own_seat(engine, height, &place))
        return false;
    before = own_highest(engine);
    if (height <= finality->justified.height || height <= before.target.height ||
        finality->justified.height < before.source.height ||
        finality->justified.height < claimed_final(engine))
        return false;
    out->source = finality->justified;
    out->target = (struct tamga_point){height, engine->tip.tip_id};
    return true;
}

/* ---- opening and reading -------------------------------------------------------------- */

static enum tamga_err load_last(struct tamga_engine *engine)
{
    TAMGA_BUF value = {0};
    enum tamga_err err = tamga_view_get(&engine->pending.view, TAMGA_FAMILY_META,
                                        tamga_span_text("vote"), &value);

    if (err == TAMGA_E_NOT_FOUND)
        return TAMGA_OK;
    if (err == TAMGA_OK && value.len != 2 * POINT_BYTES)
        err = TAMGA_E_STORE_CORRUPT;
    if (err != TAMGA_OK)
        return err;
    engine_point_get(&engine->finality.last.source, value.data);
    engine_point_get(&engine->finality.last.target, value.data + POINT_BYTES);
    return TAMGA_OK;
}

/* Of those from this place on. */
static enum tamga_err load_liars(struct tamga_engine *engine, uint32_t from)
{
    for (uint32_t i = from; i < engine->finality.voter_count; i++) {
        TAMGA_BUF conflict = {0};
        enum tamga_err err = tamga_view_get(&engine->pending.view, TAMGA_FAMILY_CONFLICT,
                                            conflict_key(engine, i), &conflict);

        if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND)
            return err;
        engine_voter(engine, i)->lied = err == TAMGA_OK;
    }
    return TAMGA_OK;
}

struct loading_votes {
    struct tamga_engine *engine;
    enum tamga_err err;
};

/* Signatures were verified before the vote was stored. One from a seat that the best chain
 * does not know any more counts for nothing: it is forgotten. What of our own binds us is kept
 * beside. */
static bool load_vote(void *context, struct tamga_span key, struct tamga_span encoded)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    struct loading_votes *loading = context;
    struct tamga_engine *engine = loading->engine;

    loading->err = tamga_vote_decode(&vote, engine->chain, encoded, NULL);
    if (loading->err == TAMGA_E_NOT_VALIDATOR || loading->err == TAMGA_E_UNKNOWN_BLOCK) {
        loading->err = tamga_overlay_erase(&engine->pending, TAMGA_FAMILY_VOTE, key);
        return loading->err == TAMGA_OK;
    }
    if (tamga_err_class(loading->err) == TAMGA_CLASS_REJECT)
        loading->err = TAMGA_E_STORE_CORRUPT;
    if (loading->err == TAMGA_OK) {
        remember_highest(engine_voter(engine, vote.validator), &vote.link);
        loading->err = insert_vote(engine_voter(engine, vote.validator), &vote.link);
    }
    return loading->err == TAMGA_OK;
}

/* Is this another seat of a member that has one already? */
static void join_seats(struct tamga_engine *engine, uint32_t place)
{
    struct voter *voter = engine->finality.voter;

    voter[place].first = place;
    for (uint32_t i = 0; i < place; i++)
        if (tamga_validator(engine->chain, i) == tamga_validator(engine->chain, place)) {
            voter[place].first = voter[i].first;
            if (voter[i].next == 0)
                voter[i].next = place;
        }
}

/* One for each seat that there is by now. */
static enum tamga_err add_voters(struct tamga_engine *engine)
{
    struct finality *finality = &engine->finality;
    uint32_t count = tamga_validator_count(engine->chain), before = finality->voter_count;
    struct voter *grown;

    if (finality->voter != NULL && count == finality->voter_count)
        return TAMGA_OK;
    grown = realloc(finality->voter, (count + 1) * sizeof *grown);
    if (grown == NULL)
        return TAMGA_E_NO_MEMORY;
    memset(grown + before, 0, (count + 1 - before) * sizeof *grown);
    finality->voter = grown;
    finality->voter_count = count;
    for (uint32_t i = before; i < count; i++)
        join_seats(engine, i);
    return load_liars(engine, before);
}

enum tamga_err engine_learn(struct tamga_engine *engine)
{
    enum tamga_err err = engine->chain->rules->learn(engine->chain, &engine->pending.view,
                                                     engine->tip.tip.height + 1,
                                                     &engine->learned);

    if (!engine->chain->rules->anchored)
        engine->chain->council->horizon = engine->tip.tip.height + TAMGA_COUNCIL_GAP;
    return err == TAMGA_OK ? add_voters(engine) : err;
}

enum tamga_err engine_finality_load(struct tamga_engine *engine)
{
    struct loading_votes loading = {.engine = engine};
    struct finality *finality = &engine->finality;
    enum tamga_err err;

    err = add_voters(engine);
    if (err == TAMGA_OK)
        err = tamga_query_final(&engine->pending.view, &finality->final);
    if (err == TAMGA_OK)
        err = tamga_query_justified(&engine->pending.view, &finality->justified);
    if (err == TAMGA_OK)
        err = load_last(engine);
    if (err == TAMGA_OK)
        err = engine_checkpoint_load(engine);
    if (err == TAMGA_OK)
        err = engine->store->reader.ops->scan(&engine->store->reader, TAMGA_FAMILY_VOTE,
                                              tamga_span(NULL, 0), tamga_span(NULL, 0),
                                              load_vote, &loading);
    if (err == TAMGA_OK)
        err = loading.err;
    if (err == TAMGA_OK)
        err = add_source(finality, &finality->final);
    if (err == TAMGA_OK)
        err = add_source(finality, &finality->justified);
    if (err == TAMGA_OK)
        err = engine_restand(engine);
    if (err == TAMGA_OK)
        err = engine_know_branch(engine, &finality->justified);
    return err == TAMGA_OK ? count_all(engine) : err;
}

void engine_finality_clear(struct tamga_engine *engine)
{
    struct finality *finality = &engine->finality;

    for (uint32_t i = 0; i < finality->voter_count; i++)
        free(finality->voter[i].at);
    free(finality->voter);
    free(finality->sources);
    *finality = (struct finality){0};
}

const struct tamga_point *tamga_engine_justified(const struct tamga_engine *engine)
{
    return &engine->finality.justified;
}

const struct tamga_point *tamga_engine_final(const struct tamga_engine *engine)
{
    return &engine->finality.final;
}
