/* The table of deliveries: which states follow which, its bound, and nonces. */
#include "gateway/delivery.h"

#include <criterion/criterion.h>

#define STATE(name) TAMGA__V1__DELIVERY_STATE__DELIVERY_##name

static struct tamga_hash device(uint8_t number)
{
    return (struct tamga_hash){{number}};
}

static struct tamga_deliveries *table(size_t count_max)
{
    struct tamga_deliveries *deliveries = NULL;

    cr_assert_eq(tamga_deliveries_new(&deliveries, count_max), TAMGA_OK);
    return deliveries;
}

/*
 * Goal:   a download or an install is entered only from where it can begin, whatever
 *         a device's late or repeated requests say; check-ins and outcomes always count.
 * Method: try every state after every other.
 */
Test(delivery, enters_only_what_follows)
{
    static const struct {
        Tamga__V1__DeliveryState from, to;
        bool entered;
    } cases[] = {
        {STATE(OFFERED), STATE(DOWNLOADING), true},
        {STATE(DOWNLOADING), STATE(DOWNLOADING), true},
        {STATE(UP_TO_DATE), STATE(DOWNLOADING), false},
        {STATE(CONFIRMED), STATE(DOWNLOADING), false},
        {STATE(REFUSED), STATE(DOWNLOADING), false},
        {STATE(DOWNLOADING), STATE(INSTALLING), true},
        {STATE(OFFERED), STATE(INSTALLING), true},
        {STATE(FAILED), STATE(INSTALLING), false},
        {STATE(DOWNLOADING), STATE(CONFIRMED), true},
        {STATE(UP_TO_DATE), STATE(CONFIRMED), true}, /* reported after our restart */
        {STATE(CONFIRMED), STATE(OFFERED), true},    /* the next release */
        {STATE(ROLLED_BACK), STATE(OFFERED), true},
    };
    struct tamga_entry_id release = {{{7}}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tamga_deliveries *deliveries = table(4);
        struct tamga_hash id = device(1);

        cr_assert(tamga_delivery_enter(deliveries, &id, STATE(OFFERED), &release, 1));
        cr_assert(tamga_delivery_enter(deliveries, &id, cases[i].from, &release, 1));
        cr_assert_eq(tamga_delivery_enter(deliveries, &id, cases[i].to, &release, 2),
                     cases[i].entered, "case %zu", i);
        cr_assert_eq(tamga_delivery_get(deliveries, &id).state,
                     cases[i].entered ? cases[i].to : cases[i].from);
        cr_assert_eq(tamga_delivery_get(deliveries, &id).changed_ms,
                     cases[i].entered ? 2 : 1);
        tamga_deliveries_free(deliveries);
    }
}

/*
 * Goal:   the table never holds more than its bound; who changed longest ago goes.
 * Method: three devices in a table of two, the first touched again before the third.
 */
Test(delivery, makes_room_by_age)
{
    struct tamga_deliveries *deliveries = table(2);
    struct tamga_hash a = device(1), b = device(2), c = device(3);

    tamga_delivery_enter(deliveries, &a, STATE(OFFERED), NULL, 1);
    tamga_delivery_enter(deliveries, &b, STATE(OFFERED), NULL, 2);
    tamga_delivery_enter(deliveries, &a, STATE(DOWNLOADING), NULL, 3);
    tamga_delivery_enter(deliveries, &c, STATE(OFFERED), NULL, 4);
    cr_assert_eq(tamga_delivery_get(deliveries, &a).state, STATE(DOWNLOADING));
    cr_assert_eq(tamga_delivery_get(deliveries, &b).state, STATE(NONE));
    cr_assert_eq(tamga_delivery_get(deliveries, &c).state, STATE(OFFERED));
    tamga_deliveries_free(deliveries);
}

/*
 * Goal:   blocks move the device that holds the nonce, and nobody else: downloading until
 *         it has had the whole image, then installing; not after its outcome.
 * Method: serve parts under its nonce, its former nonce, and after a receipt.
 */
Test(delivery, follows_a_download)
{
    struct tamga_deliveries *deliveries = table(4);
    struct tamga_hash a = device(1), b = device(2), owner;
    const uint8_t first[16] = {1}, second[16] = {2};

    tamga_delivery_enter(deliveries, &a, STATE(OFFERED), NULL, 1);
    tamga_delivery_begin(deliveries, &a, first, 100);
    tamga_delivery_begin(deliveries, &a, second, 100);
    tamga_delivery_enter(deliveries, &b, STATE(OFFERED), NULL, 1);
    tamga_delivery_begin(deliveries, &b, second, 5); /* another's nonce: ignored */
    cr_assert_not(tamga_delivery_owner(deliveries, first, &owner));
    cr_assert(tamga_delivery_owner(deliveries, second, &owner));
    cr_assert(tamga_hash_equal(&owner, &a));
    tamga_delivery_serve(deliveries, first, 100, 2);
    cr_assert_eq(tamga_delivery_get(deliveries, &a).state, STATE(OFFERED));
    tamga_delivery_serve(deliveries, second, 99, 3);
    cr_assert_eq(tamga_delivery_get(deliveries, &a).state, STATE(DOWNLOADING));
    tamga_delivery_serve(deliveries, second, 1, 4);
    cr_assert_eq(tamga_delivery_get(deliveries, &a).state, STATE(INSTALLING));
    cr_assert_eq(tamga_delivery_get(deliveries, &a).changed_ms, 4);
    cr_assert_eq(tamga_delivery_get(deliveries, &b).state, STATE(OFFERED));
    tamga_delivery_enter(deliveries, &a, STATE(CONFIRMED), NULL, 5);
    tamga_delivery_serve(deliveries, second, 1, 6);
    cr_assert_eq(tamga_delivery_get(deliveries, &a).state, STATE(CONFIRMED));
    tamga_deliveries_free(deliveries);
}
