/* Targets, work and the schedule; vectors: tests/vectors/asert/README.md. */
#include "chain/target.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "vectors.h"

#define FILES_MAX 64
#define LIMIT     0x1d00ffffu
#define SPACING   600
#define HALFLIFE  172800

/* ---- published vectors ------------------------------------------------------------ */

/* Unsigned, so that heights may pass 2^63 and times zero: the differences are small. */
struct run {
    uint64_t anchor_height;
    uint64_t anchor_time; /* of the anchor's parent */
    uint32_t anchor_target;
    size_t rows;
};

static bool header_value(const char *line, const char *name, char value[64])
{
    const char *at = strstr(line, name);

    return at != NULL && sscanf(at + strlen(name), ": %63s", value) == 1;
}

static void read_comment(struct run *run, const char *line)
{
    char value[64];

    if (header_value(line, "anchor height", value))
        run->anchor_height = strtoull(value, NULL, 10);
    else if (header_value(line, "anchor ancestor time", value))
        run->anchor_time = strtoull(value, NULL, 10);
    else if (header_value(line, "anchor parent time", value))
        run->anchor_time = strtoull(value, NULL, 10);
    else if (header_value(line, "anchor nBits", value))
        run->anchor_target = (uint32_t)strtoul(value, NULL, 0);
}

/* A row tells the target of the block that follows a block of this height and time. */
static void check_row(struct run *run, const char *line, const char *path)
{
    uint64_t iteration, height, time;
    uint32_t expected, actual;

    cr_assert_eq(sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNx32, &iteration,
                        &height, &time, &expected),
                 4, "%s: %s", path, line);
    actual = tamga_target_asert(run->anchor_target, SPACING, HALFLIFE,
                                (int64_t)(time - run->anchor_time),
                                (int64_t)(height - run->anchor_height), LIMIT);
    cr_assert_eq(actual, expected, "%s: %08x in %s", path, actual, line);
    run->rows++;
}

static void check_file(const char *path)
{
    TAMGA_BUF text = {0};
    struct run run = {0};
    char *rest = NULL;

    cr_assert_eq(test_file_load(&text, path), TAMGA_OK, "%s", path);
    cr_assert_gt(text.len, 0);
    for (char *line = strtok_r((char *)text.data, "\r\n", &rest); line != NULL;
         line = strtok_r(NULL, "\r\n", &rest)) {
        if (line[0] == '#')
            read_comment(&run, line);
        else
            check_row(&run, line, path);
    }
    cr_assert_neq(run.anchor_target, 0, "%s states no anchor", path);
    cr_assert_gt(run.rows, 0, "%s has no rows", path);
}

/*
 * Goal:   the schedule is aserti3-2d, to the bit.
 * Method: every row of every published run.
 */
Test(asert, published_vectors_hold)
{
    static char path[FILES_MAX][512];
    size_t count = test_vector_files("asert", "run", "", path, FILES_MAX);

    cr_assert_geq(count, 8);
    for (size_t i = 0; i < count; i++)
        check_file(path[i]);
}

/* One row, all parameters in it. */
static void check_extreme(const char *line)
{
    uint32_t anchor, limit, expected, actual;
    int64_t spacing, halflife, time_diff, height_diff;

    cr_assert_eq(sscanf(line,
                        "%" SCNx32 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64
                        " %" SCNx32 " %" SCNx32,
                        &anchor, &spacing, &halflife, &time_diff, &height_diff, &limit,
                        &expected),
                 7, "%s", line);
    actual = tamga_target_asert(anchor, spacing, halflife, time_diff, height_diff, limit);
    cr_assert_eq(actual, expected, "%08x in %s", actual, line);
}

/*
 * Goal:   the same at the ends of what the parameters may be.
 * Method: every row of every extremes*.txt: heights and times to 2^62, spacings and
 *         half-lives to 2^32-1, targets from 1 to the largest, exponents around zero.
 */
Test(asert, extremes_equal_the_specification)
{
    static char path[FILES_MAX][512];
    size_t count = test_vector_files("asert", "extremes", ".txt", path, FILES_MAX);
    size_t rows = 0;

    cr_assert_geq(count, 1);
    for (size_t i = 0; i < count; i++) {
        TAMGA_BUF text = {0};
        char *rest = NULL;

        cr_assert_eq(test_file_load(&text, path[i]), TAMGA_OK, "%s", path[i]);
        for (char *line = strtok_r((char *)text.data, "\r\n", &rest); line != NULL;
             line = strtok_r(NULL, "\r\n", &rest)) {
            if (line[0] == '#')
                continue;
            check_extreme(line);
            rows++;
        }
    }
    cr_assert_geq(rows, 200);
}

/* ---- corner cases of the schedule ------------------------------------------------- */

static uint32_t schedule(int64_t time_diff, int64_t height_diff)
{
    return tamga_target_asert(0x1c00ffff, SPACING, HALFLIFE, time_diff, height_diff, LIMIT);
}

/*
 * Goal:   on time means no change; a half-life late doubles, a half-life early halves.
 * Method: the anchor's own time, then one half-life on either side.
 */
Test(asert, doubles_and_halves_each_halflife)
{
    cr_assert_eq(schedule(SPACING, 0), 0x1c00ffff);
    cr_assert_eq(schedule(SPACING + HALFLIFE, 0), 0x1c01fffe);
    cr_assert_eq(schedule(SPACING - HALFLIFE, 0), 0x1b7fff80);
    cr_assert_eq(schedule(101 * SPACING, 100), 0x1c00ffff);
}

/*
 * Goal:   blocks that claim times before the anchor make targets harder, never wrap.
 * Method: negative differences, growing until nothing is left but target 1.
 */
Test(asert, negative_times_only_get_harder)
{
    struct tamga_u256 before, now;

    cr_assert_eq(tamga_target_expand(&before, schedule(0, 0)), TAMGA_OK);
    for (int64_t diff = -1; diff > -300 * (int64_t)HALFLIFE; diff = diff * 2 - 1) {
        cr_assert_eq(tamga_target_expand(&now, schedule(diff, 0)), TAMGA_OK);
        cr_assert_leq(tamga_u256_compare(&now, &before), 0);
        before = now;
    }
    cr_assert_eq(schedule(-300 * (int64_t)HALFLIFE, 0), 0x01010000);
}

/*
 * Goal:   no input within the stated shape overflows: the answer is a target in 1..limit.
 * Method: extreme times, heights, spacings and half-lives in all combinations, with the
 *         undefined-behaviour sanitizer watching.
 */
Test(asert, extremes_stay_within_one_and_the_limit)
{
    static const int64_t edge[] = {0, 1, -1, 600, 1ll << 31, -(1ll << 31), (1ll << 62) - 1,
                                   -(1ll << 62) + 1};
    static const int64_t span[] = {1, 600, (1ll << 32) - 1};
    static const uint32_t anchor[] = {0x01010000, LIMIT, 0x207fffff, 0x2100ffff};
    const size_t edges = sizeof edge / sizeof edge[0];
    struct tamga_u256 limit, target;

    cr_assert_eq(tamga_target_expand(&limit, LIMIT), TAMGA_OK);
    for (size_t i = 0; i < edges * edges * 9 * 4; i++) {
        uint32_t compact = tamga_target_asert(
            anchor[i % 4], span[i / 4 % 3], span[i / 12 % 3], edge[i / 36 % edges],
            edge[i / 36 / edges], LIMIT);

        cr_assert_eq(tamga_target_expand(&target, compact), TAMGA_OK);
        cr_assert_leq(tamga_u256_compare(&target, &limit), 0);
    }
}

/*
 * Goal:   the easiest limit that can be named is a limit as any other.
 * Method: run late under 2^256 - 2^240.
 */
Test(asert, the_largest_limit_holds)
{
    cr_assert_eq(tamga_target_asert(0x2100ffff, 1, 1, 1000, 0, 0x2100ffff), 0x2100ffff);
    cr_assert_eq(tamga_target_asert(0x2100ffff, 1, 1, 1, 0, 0x2100ffff), 0x2100ffff);
    cr_assert_eq(tamga_target_asert(0x2100ffff, 1, 1, 0, 0, 0x2100ffff), 0x207fff80);
}

/* ---- compact form ----------------------------------------------------------------- */

static struct tamga_u256 power(unsigned bit)
{
    struct tamga_u256 value = {0};

    value.limb[bit / 64] = 1ull << bit % 64;
    return value;
}

/*
 * Goal:   a target has one compact form, and it comes back.
 * Method: every power of two, exact in compact form; then forms known from elsewhere.
 */
Test(target, powers_of_two_round_trip)
{
    for (unsigned bit = 0; bit < 256; bit++) {
        struct tamga_u256 value = power(bit), again;

        cr_assert_eq(tamga_target_expand(&again, tamga_target_compact(&value)), TAMGA_OK);
        cr_assert_eq(tamga_u256_compare(&value, &again), 0, "bit %u", bit);
    }
    cr_assert_eq(tamga_target_compact(&(struct tamga_u256){{0x12}}), 0x01120000);
    cr_assert_eq(tamga_target_compact(&(struct tamga_u256){{0x80}}), 0x02008000);
    cr_assert_eq(tamga_target_compact(&(struct tamga_u256){{0x1234}}), 0x02123400);
    cr_assert_eq(tamga_target_compact(&(struct tamga_u256){{0x123456}}), 0x03123456);
    cr_assert_eq(tamga_target_compact(&(struct tamga_u256){{0x92340000}}), 0x05009234);
    cr_assert_eq(tamga_target_compact(&(struct tamga_u256){{0x12345600}}), 0x04123456);
}

/*
 * Goal:   what is cut off is cut downwards: the compact form is never easier.
 * Method: all ones, and a number with more digits than the mantissa.
 */
Test(target, compact_rounds_down)
{
    struct tamga_u256 most = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};

    cr_assert_eq(tamga_target_compact(&most), 0x2100ffff);
    cr_assert_eq(tamga_target_compact(&(struct tamga_u256){{0x123456ff}}), 0x04123456);
}

/*
 * Goal:   zero, negative, overflowing and longer forms are refused, and out stays.
 * Method: one of each.
 */
Test(target, refuses_other_forms)
{
    static const uint32_t bad[] = {
        0,          0x01000000, 0x00123456, 0x20000000, /* zero, or zero once shifted */
        0x04923456, 0x01fedcba, 0x1d80ffff,             /* negative */
        0x2200ffff, 0x21010000, 0x207fffff + 0x02000000, 0xff123456, /* beyond 2^256 */
        0x01123456, 0x02123456, 0x0200ffff,             /* digits below the point */
        0x04000001, 0x1e00007f, 0x05001234, 0x20000fff, /* not the shortest */
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tamga_u256 out = {{7, 7, 7, 7}};

        cr_assert_eq(tamga_target_expand(&out, bad[i]), TAMGA_E_BAD_TARGET, "%08x", bad[i]);
        cr_assert_eq(out.limb[0] + out.limb[3], 14);
    }
}

/* ---- work ------------------------------------------------------------------------- */

static void check_work(const struct tamga_u256 *target, const struct tamga_u256 *expected)
{
    struct tamga_u256 work;

    tamga_target_work(&work, target);
    cr_assert_eq(tamga_u256_compare(&work, expected), 0);
}

/*
 * Goal:   work is 2^256 / (target + 1), at both ends and between.
 * Method: targets 0, 1, 2^k - 1, all ones, and Bitcoin's first.
 */
Test(target, work_at_the_extremes)
{
    struct tamga_u256 most = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    struct tamga_u256 half = power(255), bitcoin;

    check_work(&most, &(struct tamga_u256){{1}});
    check_work(&(struct tamga_u256){{1}}, &half);
    for (unsigned bit = 1; bit < 256; bit++) {
        struct tamga_u256 target = {0}, expected = power(256 - bit);

        for (unsigned i = 0; i < bit; i++)
            target.limb[i / 64] |= 1ull << i % 64;
        check_work(&target, &expected);
    }
    cr_assert_eq(tamga_target_expand(&bitcoin, LIMIT), TAMGA_OK);
    check_work(&bitcoin, &(struct tamga_u256){{0x100010001}});
    cr_assert_eq(tamga_target_expand(&bitcoin, 0x207fffff), TAMGA_OK);
    check_work(&bitcoin, &(struct tamga_u256){{2}});
}

/*
 * Goal:   sums carry over all limbs, and bytes are big-endian.
 * Method: all ones below the top plus one; there and back through bytes.
 */
Test(target, sums_carry_and_bytes_round_trip)
{
    struct tamga_u256 sum = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, 1}}, again;
    uint8_t bytes[32];

    tamga_u256_add(&sum, &(struct tamga_u256){{1}});
    cr_assert_eq(sum.limb[3], 2);
    cr_assert_eq(sum.limb[0] | sum.limb[1] | sum.limb[2], 0);
    sum.limb[0] = 0x0102;
    tamga_u256_to_bytes(bytes, &sum);
    cr_assert_eq(bytes[7], 2);
    cr_assert_eq(bytes[30], 1);
    cr_assert_eq(bytes[31], 2);
    tamga_u256_from_bytes(&again, bytes);
    cr_assert_eq(tamga_u256_compare(&sum, &again), 0);
}
