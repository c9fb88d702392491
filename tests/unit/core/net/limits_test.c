/* Tests of core/net/limits.c. */
#include <criterion/criterion.h>

#include "net/limits.h"

static const struct tamga_limit limit = {.requests_per_s = 10,
                                         .requests_burst = 3,
                                         .concurrent = 64,
                                         .bytes_in_per_s = 1000,
                                         .bytes_out_per_s = 2000};

static bool may(struct tamga_account *account, struct tamga_limit_hit *hit, uint64_t now_ms)
{
    *hit = (struct tamga_limit_hit){.whose = TAMGA_LIMIT_MEMBER};
    return tamga_account_may(account, hit, &limit, now_ms);
}

/*
 * Goal:   a burst passes, then exactly the rate does, however finely time is cut; the wait
 *         that is told is exact.
 * Method: burst below the rate counts as the rate: ten at once; then ask every millisecond
 *         for ten seconds.
 */
Test(limits, pass_the_burst_and_then_the_rate)
{
    struct tamga_account account;
    struct tamga_limit_hit hit;
    unsigned passed = 0;

    tamga_account_open(&account, &limit, 5000);
    for (int i = 0; i < 10; i++) {
        cr_assert(may(&account, &hit, 5000), "%d", i);
        tamga_account_begin(&account, &limit, 0);
        tamga_account_end(&account, &limit, 0, 5000);
    }
    cr_assert(!may(&account, &hit, 5000));
    cr_assert_eq(hit.what, TAMGA_LIMIT_REQUESTS);
    cr_assert_eq(hit.limit, 10);
    cr_assert_eq(hit.wait_ms, 100);
    cr_assert(!may(&account, &hit, 5099));
    cr_assert_eq(hit.wait_ms, 1);
    for (uint64_t now_ms = 5100; now_ms < 15100; now_ms++)
        if (may(&account, &hit, now_ms)) {
            tamga_account_begin(&account, &limit, 0);
            tamga_account_end(&account, &limit, 0, now_ms);
            passed++;
        }
    cr_assert_eq(passed, 100);
}

/*
 * Goal:   one message of any size passes while anything is left, and is paid for after; each
 *         direction has its own; time that seems to go back changes nothing.
 * Method: five seconds' worth in, then out; the millisecond before it is paid, and that one.
 */
Test(limits, let_bytes_be_paid_after)
{
    struct tamga_account account;
    struct tamga_limit_hit hit;

    tamga_account_open(&account, &limit, 100);
    cr_assert(may(&account, &hit, 100));
    tamga_account_begin(&account, &limit, 6000);
    cr_assert(!may(&account, &hit, 100));
    cr_assert_eq(hit.what, TAMGA_LIMIT_BYTES_IN);
    cr_assert_eq(hit.limit, 1000);
    cr_assert_eq(hit.wait_ms, 5001);
    cr_assert(!may(&account, &hit, 5100));
    cr_assert(!may(&account, &hit, 50), "an earlier time");
    cr_assert(may(&account, &hit, 5101));
    tamga_account_end(&account, &limit, 12000, 5101);
    cr_assert(!may(&account, &hit, 5101));
    cr_assert_eq(hit.what, TAMGA_LIMIT_BYTES_OUT);
    cr_assert_eq(hit.wait_ms, 5001);
    cr_assert(may(&account, &hit, 10102));
}

/*
 * Goal:   only so many are in work; what has ended makes room. No limit is none.
 * Method: 64, one more; then the same account without limits.
 */
Test(limits, bound_what_is_in_work)
{
    static const struct tamga_limit none = {0};
    struct tamga_account account;
    struct tamga_limit_hit hit;

    tamga_account_open(&account, &limit, 0);
    for (unsigned i = 0; i < 64; i++) {
        cr_assert(may(&account, &hit, 1000 * i), "%u", i);
        tamga_account_begin(&account, &limit, 0);
    }
    cr_assert(!may(&account, &hit, 100000));
    cr_assert_eq(hit.what, TAMGA_LIMIT_CONCURRENT);
    cr_assert_eq(hit.whose, TAMGA_LIMIT_MEMBER);
    cr_assert_eq(hit.wait_ms, 0);
    tamga_account_end(&account, &limit, 0, 100000);
    cr_assert(may(&account, &hit, 100000));
    for (unsigned i = 0; i < 1000; i++) {
        cr_assert(tamga_account_may(&account, &hit, &none, 100000));
        tamga_account_begin(&account, &none, SIZE_MAX / 4);
    }
}

/*
 * Goal:   neither the highest rate nor the longest pause overflows.
 * Method: the highest rate, unused for ever; then its whole burst and no more.
 */
Test(limits, hold_at_their_ends)
{
    static const struct tamga_limit most = {.requests_per_s = UINT32_MAX,
                                            .requests_burst = UINT32_MAX,
                                            .bytes_in_per_s = TAMGA_LIMIT_RATE_MAX,
                                            .bytes_out_per_s = 1};
    struct tamga_account account;
    struct tamga_limit_hit hit = {0};

    tamga_account_open(&account, &most, 0);
    cr_assert(tamga_account_may(&account, &hit, &most, UINT64_MAX - 1));
    tamga_account_begin(&account, &most, TAMGA_LIMIT_RATE_MAX);
    cr_assert(!tamga_account_may(&account, &hit, &most, UINT64_MAX - 1));
    cr_assert_eq(hit.what, TAMGA_LIMIT_BYTES_IN);
    cr_assert_eq(hit.wait_ms, 1);
    tamga_account_end(&account, &most, 100000000, UINT64_MAX - 1);
    cr_assert(!tamga_account_may(&account, &hit, &most, UINT64_MAX));
    cr_assert_eq(hit.what, TAMGA_LIMIT_BYTES_OUT);
    cr_assert_eq(hit.wait_ms, UINT32_MAX, "as long as can be said");
}

/*
 * Goal:   the refusal says whose limit it is, which, and how long to wait.
 * Method: one of each form.
 */
Test(limits, say_what_to_do)
{
    const struct tamga_limit_hit requests = {TAMGA_LIMIT_MEMBER, TAMGA_LIMIT_REQUESTS, 20, 35};
    const struct tamga_limit_hit working = {TAMGA_LIMIT_DEVICE, TAMGA_LIMIT_CONCURRENT, 8, 0};
    const struct tamga_limit_hit out = {TAMGA_LIMIT_ADDRESS, TAMGA_LIMIT_BYTES_OUT, 9, 7};
    struct tamga_detail detail = {""};

    cr_assert_eq(tamga_limit_refuse(&detail, &requests), TAMGA_E_RATE_LIMITED);
    cr_assert_str_eq(detail.text, "this member may have 20 requests a second; wait 35 ms");
    cr_assert_eq(tamga_limit_refuse(&detail, &working), TAMGA_E_RATE_LIMITED);
    cr_assert_str_eq(detail.text, "this device has 8 requests in work and may not have more; "
                                  "wait for an answer");
    cr_assert_eq(tamga_limit_refuse(&detail, &out), TAMGA_E_RATE_LIMITED);
    cr_assert_str_eq(detail.text, "this address may have 9 bytes of answers a second; wait 7 ms");
    cr_assert_eq(tamga_err_class(TAMGA_E_RATE_LIMITED), TAMGA_CLASS_LATER);
}
