/* Seats by heights. Knows no vote. */
#include "chain/council.h"

#include <assert.h>
#include <stdlib.h>

#include "wire/wire.h"

static int by_address(const void *a, const void *b)
{
    const struct tamga_member *const *one = a, *const *other = b;

    return memcmp(&(*one)->address, &(*other)->address, sizeof(*one)->address);
}

void tamga_council_init(struct tamga_council *council, const struct tamga_network *network,
                        const Tamga__V1__ChainParams *params)
{
    const struct tamga_member *member[TAMGA_VALIDATORS_MAX];

    assert(params->n_validators <= TAMGA_VALIDATORS_MAX);
    for (size_t i = 0; i < params->n_validators; i++) {
        member[i] = tamga_network_named(network, params->validators[i]);
        assert(member[i] != NULL); /* judged when the network was read */
    }
    if (params->n_validators > 1)
        qsort(member, params->n_validators, sizeof member[0], by_address);
    for (size_t i = 0; i < params->n_validators; i++)
        council->seat[i].member = member[i];
    council->count = (uint32_t)params->n_validators;
    council->thirds = 2;
    council->horizon = UINT64_MAX;
}

bool tamga_seat_held(const struct tamga_seat *seat, uint64_t height, uint64_t as_of)
{
    uint64_t until = seat->ended <= as_of ? seat->until : 0;

    return seat->decided <= as_of && seat->from <= height && (until == 0 || height < until);
}

bool tamga_seat_holds(const struct tamga_seat *seat, uint64_t height)
{
    return tamga_seat_held(seat, height, UINT64_MAX);
}

static uint32_t size_as_of(const struct tamga_council *council, uint64_t height, uint64_t as_of)
{
    uint32_t size = 0, count = council->count;

    for (uint32_t i = 0; i < count; i++)
        size += tamga_seat_held(&council->seat[i], height, as_of);
    return size;
}

uint32_t tamga_council_size(const struct tamga_council *council, uint64_t height)
{
    return size_as_of(council, height, UINT64_MAX);
}

uint32_t tamga_council_quorum_as_of(const struct tamga_council *council, uint64_t height,
                                    uint64_t as_of)
{
    uint32_t quorum = (council->thirds * size_as_of(council, height, as_of) + 2) / 3;

    return quorum > 0 ? quorum : 1;
}

uint32_t tamga_council_quorum(const struct tamga_council *council, uint64_t height)
{
    return tamga_council_quorum_as_of(council, height, UINT64_MAX);
}

enum tamga_err tamga_council_find(uint32_t *out, const struct tamga_council *council,
                                  struct tamga_span address, uint64_t height)
{
    uint32_t count = council->count;

    for (uint32_t i = 0; i < count; i++)
        if (tamga_seat_holds(&council->seat[i], height) &&
            tamga_span_equal(tamga_hash_span(&council->seat[i].member->address.hash), address)) {
            *out = i;
            return TAMGA_OK;
        }
    return TAMGA_E_NOT_VALIDATOR;
}

enum tamga_err tamga_council_any(uint32_t *out, const struct tamga_council *council,
                                 struct tamga_span address, uint64_t height)
{
    uint32_t count = council->count;

    if (tamga_council_find(out, council, address, height) == TAMGA_OK)
        return TAMGA_OK;
    for (uint32_t i = count; i-- > 0;)
        if (tamga_span_equal(tamga_hash_span(&council->seat[i].member->address.hash), address)) {
            *out = i;
            return TAMGA_OK;
        }
    return tamga_council_stranger(council, height);
}

enum tamga_err tamga_council_stranger(const struct tamga_council *council, uint64_t height)
{
    return height > council->horizon ? TAMGA_E_UNKNOWN_BLOCK : TAMGA_E_NOT_VALIDATOR;
}

bool tamga_council_knew(const struct tamga_council *council, struct tamga_span address)
{
    uint32_t count = council->count;

    for (uint32_t i = 0; i < count; i++)
        if (tamga_span_equal(tamga_hash_span(&council->seat[i].member->address.hash), address))
            return true;
    return false;
}

/* ---- what the state says ----------------------------------------------------------------- */

static const struct tamga_member *member_of(const struct tamga_network *network,
                                            const Tamga__V1__Validator *row)
{
    struct tamga_address address;

    if (row->key == NULL)
        return NULL;
    tamga_key_address(&address, (enum tamga_key_type)row->key->type,
                      tamga_wire_span(row->key->spki));
    return tamga_network_member(network, &address);
}

/* The seat of this member from this height on: known already, or a new one. */
static enum tamga_err take_row(struct tamga_council *council, const struct tamga_member *member,
                               const Tamga__V1__Validator *row, bool seen[TAMGA_SEATS_MAX])
{
    uint32_t count = council->count, i = 0;

    while (i < count &&
           (council->seat[i].member != member || council->seat[i].from != row->from ||
            council->seat[i].decided != row->decided))
        i++;
    if (i == TAMGA_SEATS_MAX)
        return TAMGA_E_ROSTER_FULL;
    council->seat[i].until = row->until;
    council->seat[i].ended = row->ended;
    if (i == count) {
        council->seat[i].member = member;
        council->seat[i].from = row->from;
        council->seat[i].decided = row->decided;
        council->count = count + 1;
    }
    seen[i] = true;
    return TAMGA_OK;
}

enum tamga_err tamga_council_learn(struct tamga_council *council,
                                   const struct tamga_network *network,
                                   const Tamga__V1__StateCouncil *rows)
{
    bool seen[TAMGA_SEATS_MAX] = {false};

    for (size_t i = 0; i < rows->n_validators; i++) {
        const struct tamga_member *member = member_of(network, rows->validators[i]);
        enum tamga_err err = member == NULL
                                 ? TAMGA_E_NOT_MEMBER
                                 : take_row(council, member, rows->validators[i], seen);

        if (err != TAMGA_OK)
            return err;
    }
    /* What a block said that is on the best chain no more. A genesis seat is never unseen. */
    for (uint32_t i = 0; i < council->count; i++)
        if (!seen[i] && council->seat[i].from > 0) {
            council->seat[i].ended = 0;
            council->seat[i].until = council->seat[i].from;
        }
    return TAMGA_OK;
}
