/* Tests of core/net/parties.c. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "net/parties.h"

static const struct tamga_limit limit = {.bytes_in_per_s = 1};

static struct tamga_party *hold(struct tamga_parties *parties, unsigned number)
{
    char name[16];

    snprintf(name, sizeof name, "m%u", number);
    return tamga_parties_hold(parties, TAMGA_LIMIT_MEMBER, name, &limit, 0);
}

/*
 * Goal:   one name has one account, however often it is held; another kind of the same name
 *         has another; who comes back finds theirs.
 * Method: hold twice, spend, release both, hold again.
 */
Test(parties, keep_an_account_each)
{
    struct tamga_parties parties;
    struct tamga_party *first, *again, *other;

    cr_assert_eq(tamga_parties_open(&parties, 4), TAMGA_OK);
    first = hold(&parties, 1);
    cr_assert_eq(hold(&parties, 1), first);
    other = tamga_parties_hold(&parties, TAMGA_LIMIT_DEVICE, "m1", &limit, 0);
    cr_assert_neq(other, first);
    tamga_account_begin(&first->account, &limit, 77);
    tamga_parties_release(&parties, first);
    tamga_parties_release(&parties, first);
    again = hold(&parties, 1);
    cr_assert_eq(again, first);
    cr_assert_eq(again->account.in.milli, 1000 - 77000);
    cr_assert_eq(other->account.in.milli, 1000);
    tamga_parties_close(&parties);
}

/*
 * Goal:   the table never grows: of those who have gone the first is forgotten, none who is
 *         held ever is, and the newest gone are remembered.
 * Method: two held; ten times as many come and go as there are places.
 */
Test(parties, forget_who_has_been_gone_longest)
{
    struct tamga_parties parties;
    struct tamga_party *held[2];
    const unsigned places = 2 + TAMGA_PARTIES_GONE_MAX;

    cr_assert_eq(tamga_parties_open(&parties, 2), TAMGA_OK);
    held[0] = hold(&parties, 0);
    held[1] = hold(&parties, 1);
    held[0]->account.working = 42;
    for (unsigned i = 2; i < 10 * places; i++) {
        struct tamga_party *passing = hold(&parties, i);

        cr_assert_eq(passing->account.working, 0);
        passing->account.working = i;
        tamga_parties_release(&parties, passing);
    }
    cr_assert_eq(parties.count, places);
    cr_assert_eq(hold(&parties, 0), held[0]);
    cr_assert_eq(held[0]->account.working, 42);
    cr_assert_eq(hold(&parties, 10 * places - TAMGA_PARTIES_GONE_MAX)->account.working,
                 10 * places - TAMGA_PARTIES_GONE_MAX);
    cr_assert_eq(hold(&parties, 5)->account.working, 0, "long forgotten");
    tamga_parties_close(&parties);
}
