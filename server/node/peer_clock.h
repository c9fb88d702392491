/*
 * Whose clock is wrong? Every status states its sender's time. One that is off by more than
 * the drift that headers may have is told; if most are off to the same side, it is ours.
 */
#ifndef TAMGA_NODE_PEER_CLOCK_H
#define TAMGA_NODE_PEER_CLOCK_H

#include <pthread.h>

#include "base/id.h"

#define PEER_CLOCKS_MAX      64
#define PEER_CLOCK_FRESH_MS  60000 /* a status older than this says nothing of now */
#define PEER_CLOCK_REPEAT_MS 60000 /* our own clock is complained of once in this time */
#define PEER_CLOCK_LEAST     2     /* with one other nobody can tell whose clock is wrong */

struct peer_clock {
    struct tamga_address peer;
    int64_t ahead_ms; /* of ours */
    uint64_t seen_ms;
    bool off;
};
struct peer_clocks {
    pthread_mutex_t lock;
    struct peer_clock at[PEER_CLOCKS_MAX];
    size_t count, next; /* next: to be replaced once all are in use */
    bool told;
    uint64_t told_ms;
};

/* What is worth a line in the log, each for once. */
struct peer_clock_news {
    bool peer_off;    /* this peer's clock began to be off */
    int64_t ahead_ms; /* how far */
    bool ours_wrong;  /* ... and then by the median of those that say so */
    int64_t ours_ahead_ms;
    size_t off, peers;
};

void peer_clocks_init(struct peer_clocks *clocks);
void peer_clocks_clear(struct peer_clocks *clocks);
/* A peer stated its time. Any thread. */
void peer_clocks_note(struct peer_clocks *clocks, struct peer_clock_news *news,
                      const struct tamga_address *peer, uint64_t their_ms, uint64_t now_ms,
                      uint64_t drift_ms);

#endif
