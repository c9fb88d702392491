/* Tests of core/net/seats.c. */
#include <criterion/criterion.h>

#include "net/seats.h"

/*
 * Goal:   a table of n seats has n and not one more; who leaves makes room, and is not
 *         found any more; strangers may leave.
 * Method: fill with numbers that share chains, overfill, leave in another order.
 */
Test(seats, holds_so_many_and_no_more)
{
    struct tamga_seats seats;

    cr_assert_eq(tamga_seats_open(&seats, 8), TAMGA_OK);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 8; i++)
            cr_assert_eq(tamga_seats_take(&seats, 4 * i + 1), TAMGA_OK);
        cr_assert_eq(tamga_seats_take(&seats, 99), TAMGA_E_BUSY);
        for (uint32_t i = 0; i < 8; i++)
            cr_assert_eq(tamga_seats_find(&seats, 4 * i + 1)->pipe, 4 * i + 1);
        tamga_seats_leave(&seats, 98);
        for (uint32_t i = 8; i > 0; i--) {
            uint32_t pipe = 4 * ((i * 3) % 8) + 1;

            tamga_seats_find(&seats, pipe)->leaving = 7;
            tamga_seats_leave(&seats, pipe);
            cr_assert_null(tamga_seats_find(&seats, pipe));
        }
    }
    cr_assert_eq(tamga_seats_take(&seats, 5), TAMGA_OK);
    cr_assert_eq(tamga_seats_find(&seats, 5)->leaving, 0, "a seat kept its former count");
    tamga_seats_close(&seats);
}
