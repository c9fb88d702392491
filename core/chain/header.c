/* Header layout, schedule and seal. Knows nothing of bodies or of who may mine. */
#include "chain/header.h"

#include <stdlib.h>

#include "crypto/hash.h"
#include "wire/wire.h"

void tamga_header_encode(uint8_t out[TAMGA_HEADER_BYTES], const struct tamga_header *header)
{
    tamga_put_u32(out, header->version);
    memcpy(out + 4, header->chain.hash.byte, 32);
    tamga_put_u64(out + 36, header->height);
    memcpy(out + 44, header->parent.hash.byte, 32);
    memcpy(out + 76, header->body_root.byte, 32);
    memcpy(out + 108, header->state_root.byte, 32);
    memcpy(out + 140, header->anchor.byte, 32);
    memcpy(out + 172, header->miner.hash.byte, 32);
    tamga_put_u64(out + 204, header->time_ms);
    tamga_put_u32(out + 212, header->entry_count);
    tamga_put_u32(out + 216, header->target);
    tamga_put_u64(out + 220, header->nonce);
}

enum tamga_err tamga_header_decode(struct tamga_header *out, struct tamga_span bytes)
{
    const uint8_t *in = bytes.data;

    if (bytes.len != TAMGA_HEADER_BYTES)
        return TAMGA_E_BAD_LENGTH;
    out->version = tamga_get_u32(in);
    memcpy(out->chain.hash.byte, in + 4, 32);
    out->height = tamga_get_u64(in + 36);
    memcpy(out->parent.hash.byte, in + 44, 32);
    memcpy(out->body_root.byte, in + 76, 32);
    memcpy(out->state_root.byte, in + 108, 32);
    memcpy(out->anchor.byte, in + 140, 32);
    memcpy(out->miner.hash.byte, in + 172, 32);
    out->time_ms = tamga_get_u64(in + 204);
    out->entry_count = tamga_get_u32(in + 212);
    out->target = tamga_get_u32(in + 216);
    out->nonce = tamga_get_u64(in + 220);
    return TAMGA_OK;
}

void tamga_header_id(struct tamga_block_id *out, const struct tamga_header *header)
{
    uint8_t bytes[TAMGA_HEADER_BYTES];

    tamga_header_encode(bytes, header);
    tamga_sha256(&out->hash, tamga_span(bytes, sizeof bytes));
}

enum tamga_err tamga_sealed_decode(struct tamga_sealed *out,
                                   const Tamga__V1__SealedHeader *untrusted)
{
    struct tamga_sealed sealed;
    enum tamga_err err;

    if (untrusted == NULL || untrusted->seal == NULL)
        return TAMGA_E_MISSING_FIELD;
    err = tamga_header_decode(&sealed.header, tamga_wire_span(untrusted->header));
    if (err == TAMGA_OK)
        err = tamga_wire_signature(&sealed.seal, untrusted->seal);
    if (err == TAMGA_OK)
        *out = sealed;
    return err;
}

void tamga_sealed_lend(struct tamga_sealed_wire *wire, const struct tamga_sealed *sealed)
{
    tamga_header_encode(wire->header, &sealed->header);
    wire->seal = tamga_wire_signature_of(&sealed->seal);
    tamga__v1__sealed_header__init(&wire->message);
    wire->message.header = tamga_wire_bytes(tamga_span(wire->header, sizeof wire->header));
    wire->message.seal = &wire->seal;
}

static void add_work(struct tamga_trail *trail, uint32_t compact)
{
    struct tamga_u256 target, work;

    if (tamga_target_expand(&target, compact) != TAMGA_OK)
        return; /* only a genesis header could have one; it was checked when read */
    tamga_target_work(&work, &target);
    tamga_u256_add(&trail->work, &work);
}

void tamga_trail_start(struct tamga_trail *trail, const struct tamga_header *genesis)
{
    *trail = (struct tamga_trail){.tip = *genesis,
                                  .genesis_time_ms = genesis->time_ms,
                                  .time_count = 1,
                                  .time_ms = {genesis->time_ms},
                                  .empty_run = TAMGA_EMPTY_RUN_MAX};
    tamga_header_id(&trail->tip_id, genesis);
    add_work(trail, genesis->target);
}

void tamga_trail_push(struct tamga_trail *trail, const struct tamga_header *header,
                      const struct tamga_block_id *id)
{
    trail->tip = *header;
    trail->tip_id = *id;
    add_work(trail, header->target);
    if (trail->time_count == TAMGA_MEDIAN_COUNT)
        memmove(trail->time_ms, trail->time_ms + 1,
                (TAMGA_MEDIAN_COUNT - 1) * sizeof trail->time_ms[0]);
    else
        trail->time_count++;
    trail->time_ms[trail->time_count - 1] = header->time_ms;
    if (header->entry_count > 0)
        trail->empty_run = 0;
    else if (trail->empty_run < TAMGA_EMPTY_RUN_MAX)
        trail->empty_run++;
}

uint32_t tamga_trail_target(const struct tamga_trail *trail, const struct tamga_params *params)
{
    /* The anchor is genesis; it has no parent, so one is imagined one spacing before. */
    int64_t since = (int64_t)trail->tip.time_ms - (int64_t)trail->genesis_time_ms +
                    (int64_t)params->block_time_ms;

    return tamga_target_asert(params->target_limit, params->block_time_ms,
                              params->halflife_ms, since, (int64_t)trail->tip.height,
                              params->target_limit);
}

static int compare_times(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

uint64_t tamga_trail_median_ms(const struct tamga_trail *trail)
{
    uint64_t sorted[TAMGA_MEDIAN_COUNT];

    memcpy(sorted, trail->time_ms, trail->time_count * sizeof sorted[0]);
    qsort(sorted, trail->time_count, sizeof sorted[0], compare_times);
    return sorted[trail->time_count / 2];
}

static enum tamga_err check_place(const struct tamga_trail *trail,
                                  const struct tamga_header *header,
                                  struct tamga_detail *detail)
{
    if (header->version != TAMGA_HEADER_VERSION)
        return tamga_refuse(detail, TAMGA_E_BAD_VERSION, "version %u; this node knows %u",
                            header->version, TAMGA_HEADER_VERSION);
    if (!tamga_hash_equal(&header->chain.hash, &trail->tip.chain.hash))
        return TAMGA_E_WRONG_CHAIN;
    if (!tamga_hash_equal(&header->parent.hash, &trail->tip_id.hash))
        return TAMGA_E_BAD_PARENT;
    if (header->height != trail->tip.height + 1)
        return tamga_refuse(detail, TAMGA_E_BAD_HEIGHT, "height %llu; the parent's is %llu",
                            (unsigned long long)header->height,
                            (unsigned long long)trail->tip.height);
    return TAMGA_OK;
}

static enum tamga_err check_count(const struct tamga_params *params,
                                  const struct tamga_trail *trail,
                                  const struct tamga_header *header,
                                  struct tamga_detail *detail)
{
    if (header->entry_count == 0 && trail->empty_run >= TAMGA_EMPTY_RUN_MAX)
        return tamga_refuse(detail, TAMGA_E_EMPTY_BLOCK,
                            "no entries; at most %d such blocks follow one that has some",
                            TAMGA_EMPTY_RUN_MAX);
    if (header->entry_count > params->block_entries_max)
        return tamga_refuse(detail, TAMGA_E_BLOCK_TOO_LARGE, "%u entries; at most %u",
                            header->entry_count, params->block_entries_max);
    return TAMGA_OK;
}

static enum tamga_err check_time(const struct tamga_params *params,
                                 const struct tamga_trail *trail,
                                 const struct tamga_header *header, uint64_t now_ms,
                                 struct tamga_detail *detail)
{
    uint64_t median = tamga_trail_median_ms(trail);

    if (header->time_ms <= median)
        return tamga_refuse(detail, TAMGA_E_TIME_TOO_OLD, "%llu ms; the median is %llu ms",
                            (unsigned long long)header->time_ms, (unsigned long long)median);
    /* The upper bound on any time keeps the schedule's arithmetic within 63 bits. */
    if (header->time_ms > INT64_MAX / 4 || header->time_ms > now_ms + params->drift_ms)
        return tamga_refuse(detail, TAMGA_E_TIME_TOO_NEW,
                            "%llu ms; the clock says %llu ms, drift allowed is %u ms",
                            (unsigned long long)header->time_ms, (unsigned long long)now_ms,
                            params->drift_ms);
    return TAMGA_OK;
}

enum tamga_err tamga_header_validate(const struct tamga_params *params,
                                     const struct tamga_trail *trail,
                                     const struct tamga_header *header,
                                     const struct tamga_block_id *id, uint64_t now_ms,
                                     struct tamga_detail *detail)
{
    struct tamga_u256 target, hash;
    uint32_t expected;
    enum tamga_err err = check_place(trail, header, detail);

    if (err == TAMGA_OK)
        err = check_count(params, trail, header, detail);
    if (err == TAMGA_OK)
        err = check_time(params, trail, header, now_ms, detail);
    if (err != TAMGA_OK)
        return err;
    expected = tamga_trail_target(trail, params);
    if (header->target != expected)
        return tamga_refuse(detail, TAMGA_E_BAD_TARGET, "target %08x; the schedule sets %08x",
                            header->target, expected);
    if (tamga_target_expand(&target, header->target) != TAMGA_OK)
        return TAMGA_E_BAD_TARGET;
    tamga_u256_from_bytes(&hash, id->hash.byte);
    return tamga_u256_compare(&hash, &target) > 0 ? TAMGA_E_BAD_WORK : TAMGA_OK;
}

void tamga_seal_digest(struct tamga_hash *out, const struct tamga_header *header,
                       const struct tamga_block_id *id)
{
    tamga_domain_hash(out, TAMGA_DOMAIN_SEAL, &header->chain, tamga_hash_span(&id->hash));
}

enum tamga_err tamga_seal_check(const struct tamga_sealed *sealed,
                                const struct tamga_block_id *id,
                                const struct tamga_public_key *miner)
{
    struct tamga_hash digest;

    tamga_seal_digest(&digest, &sealed->header, id);
    return tamga_public_key_verify(miner, &digest, &sealed->seal) == TAMGA_OK
               ? TAMGA_OK
               : TAMGA_E_BAD_SEAL;
}
