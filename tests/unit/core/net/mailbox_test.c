/* Tests of core/net/mailbox.c. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "net/clock.h"
#include "net/mailbox.h"

static struct tamga_mailbox *mailbox_of(size_t count_max)
{
    struct tamga_mailbox *mailbox = NULL;

    cr_assert_eq(tamga_mailbox_new(&mailbox, count_max), TAMGA_OK);
    return mailbox;
}

/*
 * Goal:   a mailbox has a bound, and one without room is refused.
 * Method: fill to the bound, put once more; take one, put again; ask for silly sizes.
 */
Test(mailbox, is_bounded)
{
    struct tamga_mailbox *mailbox = mailbox_of(3), *none = NULL;
    int letter[4];
    void *taken;

    for (int i = 0; i < 3; i++)
        cr_assert_eq(tamga_mailbox_put(mailbox, &letter[i]), TAMGA_OK);
    cr_assert_eq(tamga_mailbox_put(mailbox, &letter[3]), TAMGA_E_BUSY);
    cr_assert_eq(tamga_mailbox_take(mailbox, &taken, 1, 0), 1);
    cr_assert_eq(taken, &letter[0]);
    cr_assert_eq(tamga_mailbox_put(mailbox, &letter[3]), TAMGA_OK);
    tamga_mailbox_free(mailbox);
    cr_assert_eq(tamga_mailbox_new(&none, 0), TAMGA_E_USAGE);
    cr_assert_eq(tamga_mailbox_new(&none, SIZE_MAX), TAMGA_E_USAGE);
    cr_assert_null(none);
    tamga_mailbox_free(NULL);
}

/*
 * Goal:   batches come in the order of putting, across the ring's end.
 * Method: put 5, take 3, put 3 more into 5 places, take all at once.
 */
Test(mailbox, keeps_order_in_batches)
{
    struct tamga_mailbox *mailbox = mailbox_of(5);
    int letter[8];
    void *taken[8];

    for (int i = 0; i < 5; i++)
        cr_assert_eq(tamga_mailbox_put(mailbox, &letter[i]), TAMGA_OK);
    cr_assert_eq(tamga_mailbox_take(mailbox, taken, 3, 0), 3);
    for (int i = 5; i < 8; i++)
        cr_assert_eq(tamga_mailbox_put(mailbox, &letter[i]), TAMGA_OK);
    cr_assert_eq(tamga_mailbox_take(mailbox, taken + 3, 8 - 3, 0), 5);
    for (int i = 0; i < 8; i++)
        cr_assert_eq(taken[i], &letter[i]);
    tamga_mailbox_free(mailbox);
}

/*
 * Goal:   an empty mailbox is waited for as long as asked, and no longer.
 * Method: take with 0 and with 30 ms; the clock has gone on by at least that.
 */
Test(mailbox, take_waits_at_most_its_time)
{
    struct tamga_mailbox *mailbox = mailbox_of(1);
    uint64_t begun_ms = tamga_net_now_ms();
    void *taken;

    cr_assert_eq(tamga_mailbox_take(mailbox, &taken, 1, 0), 0);
    cr_assert_eq(tamga_mailbox_take(mailbox, &taken, 1, 30), 0);
    cr_assert_geq(tamga_net_now_ms() - begun_ms, 29);
    tamga_mailbox_free(mailbox);
}

static void *take_long(void *mailbox)
{
    void *taken;

    return (void *)(uintptr_t)(tamga_mailbox_take(mailbox, &taken, 1, 60000) + 1);
}

/*
 * Goal:   close wakes the taker, refuses letters, and leaves those inside to be taken.
 * Method: close under a waiting taker; close a mailbox that holds one.
 */
Test(mailbox, close_wakes_and_refuses)
{
    struct tamga_mailbox *mailbox = mailbox_of(2);
    pthread_t taker;
    void *result, *taken;
    int letter;

    cr_assert_eq(pthread_create(&taker, NULL, take_long, mailbox), 0);
    tamga_mailbox_close(mailbox);
    cr_assert_eq(pthread_join(taker, &result), 0);
    cr_assert_eq((uintptr_t)result, 1, "took something from an empty mailbox");
    cr_assert_eq(tamga_mailbox_put(mailbox, &letter), TAMGA_E_STOPPING);
    tamga_mailbox_free(mailbox);

    mailbox = mailbox_of(2);
    cr_assert_eq(tamga_mailbox_put(mailbox, &letter), TAMGA_OK);
    tamga_mailbox_close(mailbox);
    cr_assert_eq(tamga_mailbox_take(mailbox, &taken, 1, 60000), 1);
    cr_assert_eq(tamga_mailbox_take(mailbox, &taken, 1, 60000), 0);
    tamga_mailbox_free(mailbox);
}

#define PUTTERS 4
#define LETTERS 5000

static void *put_many(void *mailbox)
{
    static int letter;

    for (int i = 0; i < LETTERS;) {
        enum tamga_err err = tamga_mailbox_put(mailbox, &letter);

        if (err == TAMGA_OK)
            i++;
        else if (err != TAMGA_E_BUSY)
            return mailbox;
    }
    return NULL;
}

/*
 * Goal:   nothing is lost or doubled between many putters and one taker.
 * Method: four threads put 5,000 each through eight places; the taker counts.
 */
Test(mailbox, loses_nothing_between_threads)
{
    struct tamga_mailbox *mailbox = mailbox_of(8);
    pthread_t putter[PUTTERS];
    size_t count = 0, got;
    void *taken[8], *failed;

    for (int i = 0; i < PUTTERS; i++)
        cr_assert_eq(pthread_create(&putter[i], NULL, put_many, mailbox), 0);
    while (count < PUTTERS * LETTERS && (got = tamga_mailbox_take(mailbox, taken, 8, 10000)) > 0)
        count += got;
    cr_assert_eq(count, PUTTERS * LETTERS);
    for (int i = 0; i < PUTTERS; i++) {
        cr_assert_eq(pthread_join(putter[i], &failed), 0);
        cr_assert_null(failed);
    }
    cr_assert_eq(tamga_mailbox_take(mailbox, taken, 8, 0), 0);
    tamga_mailbox_free(mailbox);
}
