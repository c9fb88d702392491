/*
 * How much one peer may ask of a server: requests, bytes each way, and how much at once; and
 * the accounts that hold it to that. Pure: time comes in, and nobody is known here.
 *
 * Requests are paid before they are taken on. Bytes are paid after: whoever has any left may
 * send, or be sent, one more message of any size, and then waits until that is paid. So no
 * rate is too low for a large message, and none has to be known ahead.
 */
#ifndef TAMGA_NET_LIMITS_H
#define TAMGA_NET_LIMITS_H

#include "base/err.h"
#include "base/span.h"

#define TAMGA_LIMIT_RATE_MAX (UINT64_C(1) << 40) /* of any of them, a second */

/* 0 is no limit. A second's bytes may come at once. */
struct tamga_limit {
    uint32_t requests_per_s, requests_burst;
    uint32_t concurrent; /* requests in work */
    uint64_t bytes_in_per_s, bytes_out_per_s;
};

/* A call has to be within two of them: its connection's, and its caller's, over all the
 * caller's connections. Over plain tcp the caller is an IPv4 address, or an IPv6 /64. */
struct tamga_limits {
    struct tamga_limit connection, address, member, device;
};

enum tamga_limit_whose {
    TAMGA_LIMIT_CONNECTION,
    TAMGA_LIMIT_ADDRESS,
    TAMGA_LIMIT_MEMBER,
    TAMGA_LIMIT_DEVICE,
    TAMGA_LIMIT_WHOSE_COUNT
};

enum tamga_limit_what {
    TAMGA_LIMIT_REQUESTS,
    TAMGA_LIMIT_CONCURRENT,
    TAMGA_LIMIT_BYTES_IN,
    TAMGA_LIMIT_BYTES_OUT,
    TAMGA_LIMIT_WHAT_COUNT
};

/* What was in the way. */
struct tamga_limit_hit {
    enum tamga_limit_whose whose;
    enum tamga_limit_what what;
    uint64_t limit;
    uint32_t wait_ms; /* 0: until a request in work has ended */
};

/* RATE_LIMITED, in words for whom it is about. */
enum tamga_err tamga_limit_refuse(struct tamga_detail *detail, const struct tamga_limit_hit *hit);

/* ---- accounts -------------------------------------------------------------------- */

/* Thousandths, so that a rate counts in milliseconds without a loss. */
struct tamga_bucket {
    int64_t milli; /* below 0: owed */
    uint64_t at_ms;
};

struct tamga_account {
    struct tamga_bucket requests, in, out;
    uint32_t working;
};

/* Nothing used yet. */
void tamga_account_open(struct tamga_account *account, const struct tamga_limit *limit,
                        uint64_t now_ms);
/* Whether one more request may be taken on; if not, what, limit and wait_ms of hit are set.
 * Takes nothing. */
bool tamga_account_may(struct tamga_account *account, struct tamga_limit_hit *hit,
                       const struct tamga_limit *limit, uint64_t now_ms);
/* It is taken on, with so many bytes; it has ended, with so many bytes of an answer. */
void tamga_account_begin(struct tamga_account *account, const struct tamga_limit *limit,
                         size_t bytes_in);
void tamga_account_end(struct tamga_account *account, const struct tamga_limit *limit,
                       size_t bytes_out, uint64_t now_ms);
/* One bucket by itself: takes cost if there is anything, false if not. */
void tamga_bucket_open(struct tamga_bucket *bucket, uint64_t burst, uint64_t now_ms);
bool tamga_bucket_take(struct tamga_bucket *bucket, uint64_t per_s, uint64_t burst,
                       uint64_t cost, uint64_t now_ms);

#endif
