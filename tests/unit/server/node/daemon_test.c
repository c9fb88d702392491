/* Tests of server/node/daemon.c: when a certificate's end is told. */
#include <criterion/criterion.h>
#include <time.h>

#include "node/daemon.h"
#include "unit/core/net/authority.h"

#define HOUR_S 3600

/*
 * Goal:   from 30 days ahead the end is told at once, then once a day, again after a reload,
 *         and at once if the clock was set back; never without certificates.
 * Method: a certificate of 40 days; ask every hour of its last 31 days, and count.
 */
Test(daemon, tells_the_end_once_a_day)
{
    static struct tamga_daemon daemon, plain;
    struct authority authority;
    int64_t start_s = time(NULL);
    unsigned told = 0;

    authority_open(&authority, 1);
    authority_member(&authority, "node-a", TAMGA_TLS_CONSORTIUM, -60, 40 * AUTHORITY_DAY_S);
    daemon.link.tls = authority_tls(&authority, "node-a");
    cr_assert_not(tamga_daemon_warn(&plain, start_s));
    for (int64_t hour = 0; hour < 10 * 24 - 1; hour++)
        cr_assert_not(tamga_daemon_warn(&daemon, start_s + hour * HOUR_S), "hour %d", (int)hour);
    for (int64_t hour = 10 * 24 + 1; hour < 40 * 24; hour++)
        told += tamga_daemon_warn(&daemon, start_s + hour * HOUR_S);
    cr_assert_eq(told, 30);
    cr_assert(tamga_daemon_warn(&daemon, start_s + 11 * AUTHORITY_DAY_S), "the clock went back");
    tamga_tls_close(daemon.link.tls);
    authority_close(&authority);
}
