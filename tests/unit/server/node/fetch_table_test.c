/* Who fetches what, without any network. */
#include <criterion/criterion.h>

#include "node/fetch_table.h"

#define NOW   1000u
#define UNTIL 4000u

static struct fetch_table table;
static struct tamga_hash wanted[TAMGA_FETCH_MAX + 8], taken[TAMGA_FETCH_MAX + 8];

static void want(size_t from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tamga_put_u64(wanted[i].byte, from + i);
    fetch_refresh(&table, wanted, count);
}

static size_t take(uint32_t peer, size_t max, uint64_t now_ms)
{
    return fetch_take(&table, peer, taken, max, now_ms, now_ms + UNTIL - NOW);
}

static uint64_t number(const struct tamga_hash *id)
{
    return tamga_get_u64(id->byte);
}

static struct tamga_hash *id_of(uint64_t i)
{
    static struct tamga_hash id;

    tamga_put_u64(id.byte, i);
    return &id;
}

/*
 * Goal:   nothing is asked of two peers at a time, and all in the engine's order.
 * Method: ten wanted, three peers that take four each.
 */
Test(fetch_table, divides_what_is_wanted)
{
    want(100, 10);
    cr_assert_eq(take(0, 4, NOW), 4);
    cr_assert_eq(number(&taken[0]), 100);
    cr_assert_eq(take(1, 4, NOW), 4);
    cr_assert_eq(number(&taken[0]), 104);
    cr_assert_eq(take(2, 4, NOW), 2);
    cr_assert_eq(number(&taken[1]), 109);
    cr_assert_eq(take(3, 4, NOW), 0);
    cr_assert_eq(fetch_outlook(&table, 3), FETCH_WAIT);
}

/*
 * Goal:   who does not deliver in time loses the claim to another; who is quicker after
 *         all has delivered, and the other's copy is not wanted.
 * Method: a peer takes all; another asks just before and just after the time is over.
 */
Test(fetch_table, takes_over_what_is_overdue)
{
    want(0, 3);
    cr_assert_eq(take(0, 3, NOW), 3);
    cr_assert_eq(take(1, 3, UNTIL - 1), 0);
    cr_assert_eq(take(1, 2, UNTIL), 2);
    cr_assert(fetch_here(&table, id_of(0)));
    cr_assert_not(fetch_here(&table, id_of(0)));
    fetch_release(&table, 0); /* what is the other's now stays the other's */
    cr_assert_eq(take(2, 3, UNTIL), 1);
    cr_assert_eq(number(&taken[0]), 2);
}

/*
 * Goal:   what a peer lacks is not asked of it again in this round, but of others, and in
 *         its next round of it again.
 * Method: one of two is lacking.
 */
Test(fetch_table, remembers_who_lacks_what)
{
    want(0, 2);
    cr_assert_eq(take(63, 2, NOW), 2);
    fetch_release(&table, 63);
    fetch_lacks(&table, 63, id_of(0));
    cr_assert(fetch_is_lacked(&table, 63, id_of(0)));
    cr_assert_not(fetch_is_lacked(&table, 62, id_of(0)));
    cr_assert_eq(take(63, 2, NOW), 1);
    cr_assert_eq(number(&taken[0]), 1);
    cr_assert_eq(fetch_outlook(&table, 63), FETCH_WAIT); /* its own call */
    want(0, 2);
    cr_assert(fetch_is_lacked(&table, 63, id_of(0)), "the engine's asking changes nothing");
    cr_assert_eq(take(0, 2, NOW), 1);
    fetch_release(&table, 0);
    fetch_release(&table, 63);
    fetch_round(&table, 63);
    cr_assert_eq(take(63, 2, NOW), 2);
}

/*
 * Goal:   what came is not asked for again until the engine refused it; once all of it was
 *         taken the engine is to be asked what it wants next.
 * Method: deliver two, one is refused first; the engine is asked while one is on its way.
 */
Test(fetch_table, follows_what_came_into_the_engine)
{
    want(0, 2);
    cr_assert_eq(take(0, 2, NOW), 2);
    cr_assert(fetch_here(&table, id_of(0)));
    cr_assert(fetch_here(&table, id_of(1)));
    fetch_release(&table, 0);
    cr_assert_eq(take(1, 2, UNTIL), 0);
    cr_assert_eq(fetch_outlook(&table, 1), FETCH_WAIT);
    fetch_done(&table, id_of(0), false);
    cr_assert_eq(take(1, 2, NOW), 1);
    cr_assert(fetch_here(&table, id_of(0)));
    fetch_done(&table, id_of(0), true);
    cr_assert_eq(fetch_outlook(&table, 1), FETCH_WAIT);
    want(1, 2);
    cr_assert_eq(take(1, 2, NOW), 1, "1 is on its way still");
    cr_assert_eq(number(&taken[0]), 2);
    fetch_release(&table, 1);
    fetch_lacks(&table, 1, id_of(2));
    fetch_done(&table, id_of(1), true);
    cr_assert_eq(fetch_outlook(&table, 1), FETCH_ASK);
    want(2, 1);
    cr_assert_eq(fetch_outlook(&table, 1), FETCH_NOTHING);
}

/*
 * Goal:   what is not wanted any more is refused, whoever was asked for it.
 * Method: the engine wants something else while a call is under way.
 */
Test(fetch_table, forgets_what_is_not_wanted_any_more)
{
    want(0, 2);
    cr_assert_eq(take(0, 2, NOW), 2);
    want(7, 1);
    cr_assert_not(fetch_here(&table, id_of(0)));
    fetch_done(&table, id_of(0), false);
    fetch_release(&table, 0);
    cr_assert_eq(table.count, 1);
    cr_assert_eq(take(0, 2, NOW), 1);
    cr_assert_eq(number(&taken[0]), 7);
}

/*
 * Goal:   the table has its bound.
 * Method: want more than that.
 */
Test(fetch_table, is_bounded)
{
    want(0, TAMGA_FETCH_MAX + 8);
    cr_assert_eq(table.count, TAMGA_FETCH_MAX);
    cr_assert_eq(take(0, TAMGA_FETCH_MAX + 8, NOW), TAMGA_FETCH_MAX);
    fetch_done(&table, id_of(TAMGA_FETCH_MAX - 1), true);
    fetch_done(&table, id_of(0), true);
    cr_assert_eq(table.count, TAMGA_FETCH_MAX - 2);
    cr_assert_eq(number(&table.fetch[0].id), 1);
}
