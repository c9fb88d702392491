/*
 * A peer's standing: what it costs to break a rule or to waste our time, how long it is
 * left alone for that, and how good deliveries make up for it. Pure: time comes in.
 *
 * Source: docs/PROTOCOL.md, "Synchronization".
 */
#ifndef TAMGA_NODE_PEER_SCORE_H
#define TAMGA_NODE_PEER_SCORE_H

#include <stdint.h>

#include "base/err.h"

#define TAMGA_SCORE_BROKEN   100  /* points for a broken rule or a lie */
#define TAMGA_SCORE_WASTED   25   /* for time wasted */
#define TAMGA_SCORE_AVOIDED  100  /* with so many or more, a fault has consequences */
#define TAMGA_SCORE_MAX      1000 /* more are not counted */
#define TAMGA_SCORE_HEALED   5    /* points taken off for a round without a fault */
#define TAMGA_AVOID_MS       30000   /* at AVOIDED; doubles with each hundred points more */
#define TAMGA_AVOID_MS_MAX   960000

struct peer_score {
    uint32_t points; /* 0: nothing against it */
    uint32_t broken, wasted; /* how often, since the start */
    uint64_t given;          /* bodies and payloads of which the engine had use */
    uint64_t avoid_until_ms;
    enum tamga_err fault; /* the last one; OK: none since the start */
};

enum peer_fault {
    PEER_NO_FAULT, /* also what is nobody's: no connection, a clock, our own machine */
    PEER_WASTED,   /* no answer in time, not what it claimed to have */
    PEER_BROKEN,   /* a broken rule, a lie */
};
/* What the end of a round says of the peer. */
enum peer_fault peer_fault_of(enum tamga_err err);

/* Account for a round: what ended it, and how many good deliveries it brought, a point
 * off for each. Returns for how long the peer is left alone now, in ms; 0: it is not. */
uint64_t peer_score_round(struct peer_score *score, enum tamga_err err, uint64_t given,
                          uint64_t now_ms);

#endif
