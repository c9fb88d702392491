/* Clocks of the peers against ours. Reads no clock itself, and logs nothing. */
#include "node/peer_clock.h"

#include <stdlib.h>
#include <string.h>

void peer_clocks_init(struct peer_clocks *clocks)
{
    *clocks = (struct peer_clocks){0};
    pthread_mutex_init(&clocks->lock, NULL);
}

void peer_clocks_clear(struct peer_clocks *clocks)
{
    pthread_mutex_destroy(&clocks->lock);
}

static struct peer_clock *clock_of(struct peer_clocks *clocks, const struct tamga_address *peer)
{
    struct peer_clock *found;

    for (size_t i = 0; i < clocks->count; i++)
        if (tamga_hash_equal(&clocks->at[i].peer.hash, &peer->hash))
            return &clocks->at[i];
    if (clocks->count < PEER_CLOCKS_MAX) {
        found = &clocks->at[clocks->count++];
    } else {
        found = &clocks->at[clocks->next];
        clocks->next = (clocks->next + 1) % PEER_CLOCKS_MAX;
    }
    *found = (struct peer_clock){.peer = *peer};
    return found;
}

static int64_t difference(uint64_t a, uint64_t b)
{
    uint64_t apart = a > b ? a - b : b - a;
    int64_t bounded = apart > INT64_MAX ? INT64_MAX : (int64_t)apart;

    return a > b ? bounded : -bounded;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Do most of the fresh ones stand to this side of us, beyond the drift? */
static bool most_are(const struct peer_clocks *clocks, struct peer_clock_news *news, bool ahead,
                     uint64_t now_ms)
{
    int64_t apart[PEER_CLOCKS_MAX];

    news->off = news->peers = 0;
    for (size_t i = 0; i < clocks->count; i++) {
        const struct peer_clock *clock = &clocks->at[i];

        if (now_ms < clock->seen_ms || now_ms - clock->seen_ms > PEER_CLOCK_FRESH_MS)
            continue;
        news->peers++;
        if (clock->off && (clock->ahead_ms > 0) == ahead)
            apart[news->off++] = clock->ahead_ms;
    }
    if (news->peers < PEER_CLOCK_LEAST || news->off * 2 <= news->peers)
        return false;
    qsort(apart, news->off, sizeof apart[0], compare);
    news->ours_ahead_ms = -apart[news->off / 2];
    return true;
}

void peer_clocks_note(struct peer_clocks *clocks, struct peer_clock_news *news,
                      const struct tamga_address *peer, uint64_t their_ms, uint64_t now_ms,
                      uint64_t drift_ms)
{
    struct peer_clock *clock;
    bool was_off;

    *news = (struct peer_clock_news){.ahead_ms = difference(their_ms, now_ms)};
    pthread_mutex_lock(&clocks->lock);
    clock = clock_of(clocks, peer);
    was_off = clock->off;
    clock->ahead_ms = news->ahead_ms;
    clock->seen_ms = now_ms;
    clock->off = (uint64_t)llabs(news->ahead_ms) > drift_ms;
    news->peer_off = clock->off && !was_off;
    if (!clocks->told || now_ms < clocks->told_ms ||
        now_ms - clocks->told_ms >= PEER_CLOCK_REPEAT_MS) {
        news->ours_wrong = most_are(clocks, news, true, now_ms) ||
                           most_are(clocks, news, false, now_ms);
        if (news->ours_wrong) {
            clocks->told = true;
            clocks->told_ms = now_ms;
        }
    }
    pthread_mutex_unlock(&clocks->lock);
}
