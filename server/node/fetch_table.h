/*
 * Who fetches what: things that the engine wants, each asked of one peer at a time. Plain
 * data under its owner's lock; time comes in. Knows no network, and not what it lists.
 */
#ifndef TAMGA_NODE_FETCH_TABLE_H
#define TAMGA_NODE_FETCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

#define TAMGA_FETCH_MAX       1024 /* wanted at once */
#define TAMGA_FETCH_PEERS_MAX 64   /* a bit each */

enum fetch_state {
    FETCH_FREE,  /* nobody has been asked */
    FETCH_ASKED, /* a peer has been asked */
    FETCH_HERE,  /* it came, and is on its way into the engine */
};

struct fetch {
    struct tamga_hash id;
    enum fetch_state state;
    uint32_t peer;     /* who was asked last */
    uint64_t until_ms; /* from then on another one may be asked too */
    uint64_t lacks;    /* peers that do not have it */
};

struct fetch_table {
    struct fetch fetch[TAMGA_FETCH_MAX]; /* in the engine's order */
    size_t count;
    bool stale; /* the engine took something since it was asked what it wants */
};

/* What the engine wants now. What is under way stays so, and who lacks what. */
void fetch_refresh(struct fetch_table *table, const struct tamga_hash *wanted, size_t count);
/* A new round: what the peer lacked in the last one it may have by now. */
void fetch_round(struct fetch_table *table, uint32_t peer);
/* What to ask a peer for, at most max: what nobody was asked for; without any, what others
 * were asked for and have had their time. Returns how many. */
size_t fetch_take(struct fetch_table *table, uint32_t peer, struct tamga_hash *out, size_t max,
                  uint64_t now_ms, uint64_t until_ms);
/* It came. False: it is here already, or not wanted any more. */
bool fetch_here(struct fetch_table *table, const struct tamga_hash *id);
/* The engine took it, or not: then somebody has to be asked again. */
void fetch_done(struct fetch_table *table, const struct tamga_hash *id, bool taken);
/* The peer does not have it. */
void fetch_lacks(struct fetch_table *table, uint32_t peer, const struct tamga_hash *id);
bool fetch_is_lacked(const struct fetch_table *table, uint32_t peer,
                     const struct tamga_hash *id);
/* The peer's call is over: what it was asked for and did not give may be asked elsewhere. */
void fetch_release(struct fetch_table *table, uint32_t peer);

/* With nothing to take: what now? */
enum fetch_outlook {
    FETCH_NOTHING, /* all that is left this peer lacks, or nothing is */
    FETCH_WAIT,    /* others are at it, or the engine is */
    FETCH_ASK,     /* all that came was taken: the engine may want more */
};
enum fetch_outlook fetch_outlook(const struct fetch_table *table, uint32_t peer);

#endif
