/* Token buckets. Milliseconds times a rate a second are thousandths: nothing is rounded. */
#include "net/limits.h"

#include <stdio.h>

#define MILLI 1000

static uint64_t burst_of(const struct tamga_limit *limit)
{
    return limit->requests_burst > limit->requests_per_s ? limit->requests_burst
                                                         : limit->requests_per_s;
}

/* ---- buckets --------------------------------------------------------------------- */

void tamga_bucket_open(struct tamga_bucket *bucket, uint64_t burst, uint64_t now_ms)
{
    *bucket = (struct tamga_bucket){.milli = (int64_t)burst * MILLI, .at_ms = now_ms};
}

/* Time may seem to go back: threads read the clock before they come here. */
static void fill(struct tamga_bucket *bucket, uint64_t per_s, uint64_t burst, uint64_t now_ms)
{
    int64_t full = (int64_t)burst * MILLI;
    uint64_t passed_ms, room;

    if (per_s == 0 || now_ms <= bucket->at_ms)
        return;
    passed_ms = now_ms - bucket->at_ms;
    room = bucket->milli < full ? (uint64_t)(full - bucket->milli) : 0;
    bucket->at_ms = now_ms;
    bucket->milli += (int64_t)(passed_ms > room / per_s ? room : passed_ms * per_s);
}

/* Until it holds so many thousandths; 0: it does. */
static uint32_t wait_ms(const struct tamga_bucket *bucket, int64_t least, uint64_t per_s)
{
    uint64_t lacking;

    if (per_s == 0 || bucket->milli >= least)
        return 0;
    lacking = ((uint64_t)(least - bucket->milli) + per_s - 1) / per_s;
    return lacking < UINT32_MAX ? (uint32_t)lacking : UINT32_MAX;
}

static void take(struct tamga_bucket *bucket, uint64_t per_s, uint64_t count)
{
    if (per_s > 0)
        bucket->milli -= (int64_t)count * MILLI;
}

bool tamga_bucket_take(struct tamga_bucket *bucket, uint64_t per_s, uint64_t burst,
                       uint64_t cost, uint64_t now_ms)
{
    fill(bucket, per_s, burst, now_ms);
    if (wait_ms(bucket, 1, per_s) > 0)
        return false;
    take(bucket, per_s, cost);
    return true;
}

/* ---- accounts -------------------------------------------------------------------- */

void tamga_account_open(struct tamga_account *account, const struct tamga_limit *limit,
                        uint64_t now_ms)
{
    account->working = 0;
    tamga_bucket_open(&account->requests, burst_of(limit), now_ms);
    tamga_bucket_open(&account->in, limit->bytes_in_per_s, now_ms);
    tamga_bucket_open(&account->out, limit->bytes_out_per_s, now_ms);
}

static bool hits(struct tamga_limit_hit *hit, enum tamga_limit_what what, uint64_t limit,
                 uint32_t pause_ms)
{
    if (pause_ms == 0)
        return false;
    hit->what = what;
    hit->limit = limit;
    hit->wait_ms = pause_ms;
    return true;
}

bool tamga_account_may(struct tamga_account *account, struct tamga_limit_hit *hit,
                       const struct tamga_limit *limit, uint64_t now_ms)
{
    if (limit->concurrent > 0 && account->working >= limit->concurrent) {
        *hit = (struct tamga_limit_hit){.whose = hit->whose, .what = TAMGA_LIMIT_CONCURRENT,
                                        .limit = limit->concurrent};
        return false;
    }
    fill(&account->requests, limit->requests_per_s, burst_of(limit), now_ms);
    fill(&account->in, limit->bytes_in_per_s, limit->bytes_in_per_s, now_ms);
    fill(&account->out, limit->bytes_out_per_s, limit->bytes_out_per_s, now_ms);
    return !hits(hit, TAMGA_LIMIT_REQUESTS, limit->requests_per_s,
                 wait_ms(&account->requests, MILLI, limit->requests_per_s)) &&
           !hits(hit, TAMGA_LIMIT_BYTES_IN, limit->bytes_in_per_s,
                 wait_ms(&account->in, 1, limit->bytes_in_per_s)) &&
           !hits(hit, TAMGA_LIMIT_BYTES_OUT, limit->bytes_out_per_s,
                 wait_ms(&account->out, 1, limit->bytes_out_per_s));
}

void tamga_account_begin(struct tamga_account *account, const struct tamga_limit *limit,
                         size_t bytes_in)
{
    account->working++;
    take(&account->requests, limit->requests_per_s, 1);
    take(&account->in, limit->bytes_in_per_s, bytes_in);
}

void tamga_account_end(struct tamga_account *account, const struct tamga_limit *limit,
                       size_t bytes_out, uint64_t now_ms)
{
    account->working--;
    fill(&account->out, limit->bytes_out_per_s, limit->bytes_out_per_s, now_ms);
    take(&account->out, limit->bytes_out_per_s, bytes_out);
}

/* ---- words ----------------------------------------------------------------------- */

enum tamga_err tamga_limit_refuse(struct tamga_detail *detail, const struct tamga_limit_hit *hit)
{
    static const char *const whose[TAMGA_LIMIT_WHOSE_COUNT] = {"connection", "address", "member",
                                                               "device"};
    static const char *const what[TAMGA_LIMIT_WHAT_COUNT] = {"requests", "", "bytes",
                                                             "bytes of answers"};

    if (hit->what == TAMGA_LIMIT_CONCURRENT)
        return tamga_refuse(detail, TAMGA_E_RATE_LIMITED,
                            "this %s has %llu requests in work and may not have more; wait for "
                            "an answer",
                            whose[hit->whose], (unsigned long long)hit->limit);
    return tamga_refuse(detail, TAMGA_E_RATE_LIMITED,
                        "this %s may have %llu %s a second; wait %u ms", whose[hit->whose],
                        (unsigned long long)hit->limit, what[hit->what], hit->wait_ms);
}
