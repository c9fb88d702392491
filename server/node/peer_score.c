/* Points up by what a fault is, down by what is given. */
#include "node/peer_score.h"

/* Codes of class "later" that come from a peer's answers, not from our own state. */
static enum peer_fault later(enum tamga_err err)
{
    return err == TAMGA_E_DEADLINE || err == TAMGA_E_NO_PARENT ? PEER_WASTED : PEER_NO_FAULT;
}

enum peer_fault peer_fault_of(enum tamga_err err)
{
    /* Whoever mined it, or our clock; whoever filled our branches; who has not heard yet
     * what is final; a body that was asked for before another one showed that the block is
     * invalid: none of it has to be this peer's doing. */
    if (err == TAMGA_E_TIME_TOO_NEW || err == TAMGA_E_TOO_MANY_BRANCHES ||
        err == TAMGA_E_BELOW_FINAL || err == TAMGA_E_INVALID_ANCESTOR)
        return PEER_NO_FAULT;
    if (err == TAMGA_E_NOT_FOUND)
        return PEER_WASTED;
    switch (tamga_err_class(err)) {
    case TAMGA_CLASS_REJECT:
        return PEER_BROKEN;
    case TAMGA_CLASS_LATER:
        return later(err);
    case TAMGA_CLASS_OK:
    case TAMGA_CLASS_LOCAL:
        break;
    }
    return PEER_NO_FAULT;
}

static void heal(struct peer_score *score, uint64_t points)
{
    score->points = points < score->points ? score->points - (uint32_t)points : 0;
}

static uint64_t avoid_ms(uint32_t points)
{
    uint64_t ms = TAMGA_AVOID_MS;

    for (uint32_t more = points / TAMGA_SCORE_AVOIDED; more > 1 && ms < TAMGA_AVOID_MS_MAX;
         more--)
        ms *= 2;
    return ms < TAMGA_AVOID_MS_MAX ? ms : TAMGA_AVOID_MS_MAX;
}

uint64_t peer_score_round(struct peer_score *score, enum tamga_err err, uint64_t given,
                          uint64_t now_ms)
{
    enum peer_fault fault = peer_fault_of(err);
    uint64_t ms;

    score->given += given;
    heal(score, given + (err == TAMGA_OK ? TAMGA_SCORE_HEALED : 0));
    if (fault == PEER_NO_FAULT)
        return 0;
    score->fault = err;
    score->points += fault == PEER_BROKEN ? TAMGA_SCORE_BROKEN : TAMGA_SCORE_WASTED;
    if (score->points > TAMGA_SCORE_MAX)
        score->points = TAMGA_SCORE_MAX;
    score->broken += fault == PEER_BROKEN;
    score->wasted += fault == PEER_WASTED;
    if (score->points < TAMGA_SCORE_AVOIDED)
        return 0;
    ms = avoid_ms(score->points);
    score->avoid_until_ms = now_ms + ms;
    return ms;
}
