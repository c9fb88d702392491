/* 256-bit arithmetic, compact targets and ASERT. Knows no block. */
#include "chain/target.h"

#include <assert.h>

int tamga_u256_compare(const struct tamga_u256 *a, const struct tamga_u256 *b)
{
    for (int i = 3; i >= 0; i--)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

void tamga_u256_add(struct tamga_u256 *sum, const struct tamga_u256 *more)
{
    unsigned __int128 carry = 0;

    for (int i = 0; i < 4; i++) {
        carry += (unsigned __int128)sum->limb[i] + more->limb[i];
        sum->limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

void tamga_u256_to_bytes(uint8_t out[32], const struct tamga_u256 *value)
{
    for (int i = 0; i < 4; i++)
        tamga_put_u64(out + 8 * i, value->limb[3 - i]);
}

void tamga_u256_from_bytes(struct tamga_u256 *out, const uint8_t in[32])
{
    for (int i = 0; i < 4; i++)
        out->limb[3 - i] = tamga_get_u64(in + 8 * i);
}

/* A number wide enough for target * factor (256 + 17 bits) on its way to a shift. */
#define WIDE 5
struct wide {
    uint64_t limb[WIDE];
};

static unsigned wide_bits(const struct wide *value)
{
    for (int i = WIDE - 1; i >= 0; i--)
        if (value->limb[i] != 0)
            return (unsigned)i * 64 + 64 - (unsigned)__builtin_clzll(value->limb[i]);
    return 0;
}

static void wide_shift_right(struct wide *value, unsigned count)
{
    unsigned limbs = count / 64, bits = count % 64;

    for (unsigned i = 0; i < WIDE; i++) {
        uint64_t low = i + limbs < WIDE ? value->limb[i + limbs] : 0;
        uint64_t high = i + limbs + 1 < WIDE ? value->limb[i + limbs + 1] : 0;

        value->limb[i] = bits == 0 ? low : low >> bits | high << (64 - bits);
    }
}

static void wide_shift_left(struct wide *value, unsigned count)
{
    unsigned limbs = count / 64, bits = count % 64;

    for (unsigned i = WIDE; i-- > 0;) {
        uint64_t high = i >= limbs ? value->limb[i - limbs] : 0;
        uint64_t low = i >= limbs + 1 ? value->limb[i - limbs - 1] : 0;

        value->limb[i] = bits == 0 ? high : high << bits | low >> (64 - bits);
    }
}

enum tamga_err tamga_target_expand(struct tamga_u256 *out, uint32_t compact)
{
    unsigned size = compact >> 24;
    struct wide value = {{compact & 0x007fffff}};

    if ((compact & 0x00800000) != 0 || value.limb[0] == 0 || size > 33)
        return TAMGA_E_BAD_TARGET;
    if (size <= 3)
        wide_shift_right(&value, 8 * (3 - size));
    else
        wide_shift_left(&value, 8 * (size - 3));
    if (value.limb[4] != 0 || wide_bits(&value) == 0)
        return TAMGA_E_BAD_TARGET;

    struct tamga_u256 target = {
        {value.limb[0], value.limb[1], value.limb[2], value.limb[3]}};

    if (tamga_target_compact(&target) != compact)
        return TAMGA_E_BAD_TARGET;
    *out = target;
    return TAMGA_OK;
}

uint32_t tamga_target_compact(const struct tamga_u256 *target)
{
    struct wide value = {
        {target->limb[0], target->limb[1], target->limb[2], target->limb[3], 0}};
    unsigned size = (wide_bits(&value) + 7) / 8;

    if (size <= 3)
        wide_shift_left(&value, 8 * (3 - size));
    else
        wide_shift_right(&value, 8 * (size - 3));
    if ((value.limb[0] & 0x00800000) != 0) { /* the mantissa's top bit means a sign */
        value.limb[0] >>= 8;
        size++;
    }
    return size << 24 | (uint32_t)value.limb[0];
}

/* quotient = numerator / divisor, by shift and subtract; divisor is not zero. */
static void u256_divide(struct tamga_u256 *quotient, const struct tamga_u256 *numerator,
                        const struct tamga_u256 *divisor)
{
    struct tamga_u256 rest = {0}, result = {0};

    for (int bit = 255; bit >= 0; bit--) {
        bool over = rest.limb[3] >> 63;

        for (int i = 3; i > 0; i--)
            rest.limb[i] = rest.limb[i] << 1 | rest.limb[i - 1] >> 63;
        rest.limb[0] = rest.limb[0] << 1 | (numerator->limb[bit / 64] >> (bit % 64) & 1);
        if (!over && tamga_u256_compare(&rest, divisor) < 0)
            continue;
        unsigned __int128 borrow = 0;

        for (int i = 0; i < 4; i++) {
            unsigned __int128 less = (unsigned __int128)divisor->limb[i] + borrow;

            borrow = rest.limb[i] < less;
            rest.limb[i] = (uint64_t)(rest.limb[i] - less);
        }
        result.limb[bit / 64] |= 1ull << (bit % 64);
    }
    *quotient = result;
}

void tamga_target_work(struct tamga_u256 *out, const struct tamga_u256 *target)
{
    static const struct tamga_u256 one = {{1}};
    struct tamga_u256 above = *target, inverse;

    /* 2^256 / (t + 1) == (~t / (t + 1)) + 1, which stays within 256 bits. */
    for (int i = 0; i < 4; i++)
        inverse.limb[i] = ~target->limb[i];
    tamga_u256_add(&above, &one);
    if (tamga_u256_compare(&above, &(struct tamga_u256){0}) == 0) {
        *out = one; /* every hash meets the target */
        return;
    }
    u256_divide(out, &inverse, &above);
    tamga_u256_add(out, &one);
}

/* 65536 * 2^(frac / 65536), by the cubic of the specification. */
static uint64_t asert_factor(uint64_t frac)
{
    return 65536 + ((195766423245049ull * frac + 971821376ull * frac * frac +
                     5127ull * frac * frac * frac + (1ull << 47)) >>
                    48);
}

uint32_t tamga_target_asert(uint32_t anchor_target, int64_t spacing, int64_t halflife,
                            int64_t time_diff, int64_t height_diff, uint32_t limit)
{
    struct tamga_u256 anchor, limit_target, target;
    __int128 exponent = ((__int128)time_diff - (__int128)spacing * (height_diff + 1)) *
                        65536 / halflife;
    __int128 whole = exponent >> 16;
    uint64_t factor = asert_factor((uint64_t)(exponent & 0xffff));
    unsigned __int128 carry = 0;
    struct wide value = {0};

    assert(spacing > 0 && halflife > 0);
    if (tamga_target_expand(&anchor, anchor_target) != TAMGA_OK ||
        tamga_target_expand(&limit_target, limit) != TAMGA_OK)
        assert(!"targets of the parameters were checked when they were read");
    for (int i = 0; i < 4; i++) {
        carry += (unsigned __int128)anchor.limb[i] * factor;
        value.limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    value.limb[4] = (uint64_t)carry;

    whole -= 16; /* the factor's own scale */
    if (whole < -(WIDE * 64))
        whole = -(WIDE * 64) + 1;
    if (whole <= 0) {
        wide_shift_right(&value, (unsigned)-whole);
    } else {
        if (whole > 256 || wide_bits(&value) + (unsigned)whole > 256)
            return limit;
        wide_shift_left(&value, (unsigned)whole);
    }
    if (wide_bits(&value) > 256)
        return limit;
    target = (struct tamga_u256){
        {value.limb[0], value.limb[1], value.limb[2], value.limb[3]}};
    if (tamga_u256_compare(&target, &limit_target) > 0)
        return limit;
    if (wide_bits(&value) == 0)
        target = (struct tamga_u256){{1}};
    return tamga_target_compact(&target);
}
