/* What faults cost a peer, and how it makes up for them. */
#include <criterion/criterion.h>

#include "node/peer_score.h"

/*
 * Goal:   who lies or breaks a rule has broken something, who does not answer, or keeps
 *         back what it claims, has wasted time; what is nobody's fault is none.
 * Method: a code of each kind.
 */
Test(peer_score, tells_faults_apart)
{
    static const struct {
        enum tamga_err err;
        enum peer_fault fault;
    } cases[] = {
        {TAMGA_OK, PEER_NO_FAULT},
        {TAMGA_E_UNREACHABLE, PEER_NO_FAULT},
        {TAMGA_E_BUSY, PEER_NO_FAULT},
        {TAMGA_E_NOT_READY, PEER_NO_FAULT},
        {TAMGA_E_UNKNOWN_BLOCK, PEER_NO_FAULT},
        {TAMGA_E_STORE_IO, PEER_NO_FAULT},
        {TAMGA_E_TIME_TOO_NEW, PEER_NO_FAULT},
        {TAMGA_E_DEADLINE, PEER_WASTED},
        {TAMGA_E_NO_PARENT, PEER_WASTED},
        {TAMGA_E_NOT_FOUND, PEER_WASTED},
        {TAMGA_E_TOO_MANY_BRANCHES, PEER_NO_FAULT},
        {TAMGA_E_BELOW_FINAL, PEER_NO_FAULT},
        {TAMGA_E_INVALID_ANCESTOR, PEER_NO_FAULT},
        {TAMGA_E_PEER_LIED, PEER_BROKEN},
        {TAMGA_E_BAD_WORK, PEER_BROKEN},
        {TAMGA_E_BAD_ROOT, PEER_BROKEN},
        {TAMGA_E_TOO_LARGE, PEER_BROKEN},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(peer_fault_of(cases[i].err), cases[i].fault, "%s",
                     tamga_err_name(cases[i].err));
}

/*
 * Goal:   a broken rule has a peer left alone for 30 s, each further one for twice as
 *         long, and never for more than 16 minutes.
 * Method: one lie after the other.
 */
Test(peer_score, leaves_a_liar_alone_ever_longer)
{
    static const uint64_t seconds[] = {30, 60, 120, 240, 480, 960, 960};
    struct peer_score score = {0};

    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        uint64_t ms = peer_score_round(&score, TAMGA_E_PEER_LIED, 0, 7000);

        cr_assert_eq(ms, seconds[i] * 1000);
        cr_assert_eq(score.avoid_until_ms, 7000 + ms);
    }
    cr_assert_eq(score.broken, 7);
    for (size_t i = 0; i < 100; i++)
        cr_assert_eq(peer_score_round(&score, TAMGA_E_PEER_LIED, 0, 0), TAMGA_AVOID_MS_MAX);
    cr_assert_eq(score.points, TAMGA_SCORE_MAX);
}

/*
 * Goal:   time wasted has no consequence three times, then the same as a lie.
 * Method: time-outs, one after the other.
 */
Test(peer_score, bears_with_a_few_time_outs)
{
    struct peer_score score = {0};

    for (int i = 0; i < 3; i++)
        cr_assert_eq(peer_score_round(&score, TAMGA_E_DEADLINE, 0, 0), 0);
    cr_assert_eq(peer_score_round(&score, TAMGA_E_DEADLINE, 0, 0), TAMGA_AVOID_MS);
    cr_assert_eq(score.wasted, 4);
    cr_assert_eq(score.broken, 0);
}

/*
 * Goal:   a peer that gives bodies, or goes through rounds without a fault, has a clean
 *         slate after a while; one that lies every other round has not.
 * Method: a lie, then deliveries; a lie, then good rounds; lies and good rounds in turn.
 */
Test(peer_score, heals_by_what_is_given)
{
    struct peer_score score = {0};

    cr_assert_gt(peer_score_round(&score, TAMGA_E_PEER_LIED, 0, 0), 0);
    cr_assert_eq(peer_score_round(&score, TAMGA_OK, TAMGA_SCORE_BROKEN, 0), 0);
    cr_assert_eq(score.points, 0);
    cr_assert_eq(score.given, TAMGA_SCORE_BROKEN);

    cr_assert_gt(peer_score_round(&score, TAMGA_E_PEER_LIED, 0, 0), 0);
    for (uint32_t i = 0; i < TAMGA_SCORE_BROKEN / TAMGA_SCORE_HEALED; i++) {
        cr_assert_gt(score.points, 0);
        cr_assert_eq(peer_score_round(&score, TAMGA_OK, 0, 0), 0);
    }
    cr_assert_eq(score.points, 0);

    for (int i = 0; i < 4; i++) {
        cr_assert_gt(peer_score_round(&score, TAMGA_E_PEER_LIED, 0, 0), 0);
        cr_assert_eq(peer_score_round(&score, TAMGA_OK, 0, 0), 0);
    }
    cr_assert_eq(score.points, 4 * (TAMGA_SCORE_BROKEN - TAMGA_SCORE_HEALED));
}
