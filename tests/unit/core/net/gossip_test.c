/* Tests of core/net/gossip.c, over real sockets on loopback. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "net/gossip.h"

struct heard {
    atomic_uint count;
    atomic_uint sum; /* of first bytes */
    atomic_size_t longest;
};

static void on_message(void *context, struct tamga_span untrusted)
{
    struct heard *heard = context;

    if (untrusted.len > atomic_load(&heard->longest))
        atomic_store(&heard->longest, untrusted.len);
    if (untrusted.len > 0)
        atomic_fetch_add(&heard->sum, untrusted.data[0]);
    atomic_fetch_add(&heard->count, 1);
}

struct publication {
    struct tamga_publisher *publisher;
    struct heard *heard;
    uint8_t byte;
    unsigned before;
};

/* A subscription takes its time to arrive and PUB forgets: publish until it is heard. */
static bool publish_until_heard(void *context)
{
    struct publication *publication = context;

    cr_assert_eq(tamga_publisher_send(publication->publisher, tamga_span(&publication->byte, 1)),
                 TAMGA_OK);
    return atomic_load(&publication->heard->count) > publication->before;
}

static void assert_heard(struct tamga_publisher *publisher, struct heard *heard)
{
    struct publication publication = {publisher, heard, 1, atomic_load(&heard->count)};

    cr_assert(fixture_wait(publish_until_heard, &publication, 10000));
}

/*
 * Goal:   a message reaches a subscriber, from each of its publishers.
 * Method: two publishers, one subscriber; publish on each until it is heard.
 */
Test(gossip, delivers_from_every_publisher, .timeout = 60)
{
    struct tamga_publisher *one = NULL, *two = NULL;
    struct tamga_subscriber *subscriber = NULL;
    struct heard heard = {0};

    cr_assert_eq(tamga_publisher_open(&one, "tcp://127.0.0.1:0", NULL), TAMGA_OK);
    cr_assert_eq(tamga_publisher_open(&two, "tcp://127.0.0.1:0", NULL), TAMGA_OK);
    const char *addr[] = {tamga_publisher_addr(one), tamga_publisher_addr(two)};
    cr_assert_eq(tamga_subscriber_open(&subscriber, addr, 2, on_message, &heard, NULL),
                 TAMGA_OK);
    assert_heard(one, &heard);
    assert_heard(two, &heard);
    tamga_subscriber_close(subscriber);
    tamga_publisher_close(one);
    tamga_publisher_close(two);
}

static bool longest_is_max(void *heard)
{
    return atomic_load(&((struct heard *)heard)->longest) == TAMGA_NET_MESSAGE_BYTES_MAX;
}

/*
 * Goal:   the bound on a message's length is exact on both ends.
 * Method: a message of the bound arrives; one byte more is refused before sending.
 */
Test(gossip, bounds_a_message, .timeout = 60)
{
    struct tamga_publisher *publisher = NULL;
    struct tamga_subscriber *subscriber = NULL;
    struct heard heard = {0};
    uint8_t *bytes = calloc(1, TAMGA_NET_MESSAGE_BYTES_MAX + 1);

    cr_assert_eq(tamga_publisher_open(&publisher, "tcp://127.0.0.1:0", NULL), TAMGA_OK);
    const char *addr = tamga_publisher_addr(publisher);
    cr_assert_eq(tamga_subscriber_open(&subscriber, &addr, 1, on_message, &heard, NULL),
                 TAMGA_OK);
    assert_heard(publisher, &heard);
    cr_assert_eq(tamga_publisher_send(publisher,
                                      tamga_span(bytes, TAMGA_NET_MESSAGE_BYTES_MAX + 1)),
                 TAMGA_E_TOO_LARGE);
    cr_assert_eq(tamga_publisher_send(publisher, tamga_span(bytes, TAMGA_NET_MESSAGE_BYTES_MAX)),
                 TAMGA_OK);
    cr_assert(fixture_wait(longest_is_max, &heard, 10000));
    tamga_subscriber_close(subscriber);
    tamga_publisher_close(publisher);
    free(bytes);
}

/*
 * Goal:   a subscriber comes back by itself when its publisher does.
 * Method: close the publisher, open one on the same port, publish until it is heard.
 */
Test(gossip, reconnects_to_a_restarted_publisher, .timeout = 60)
{
    struct tamga_publisher *publisher = NULL;
    struct tamga_subscriber *subscriber = NULL;
    struct heard heard = {0};
    char addr[300];

    cr_assert_eq(tamga_publisher_open(&publisher, "tcp://127.0.0.1:0", NULL), TAMGA_OK);
    snprintf(addr, sizeof addr, "%s", tamga_publisher_addr(publisher));
    const char *list = addr;
    cr_assert_eq(tamga_subscriber_open(&subscriber, &list, 1, on_message, &heard, NULL),
                 TAMGA_OK);
    for (int i = 0; i < 3; i++) {
        assert_heard(publisher, &heard);
        tamga_publisher_close(publisher);
        cr_assert_eq(tamga_publisher_open(&publisher, addr, NULL), TAMGA_OK);
    }
    assert_heard(publisher, &heard);
    tamga_subscriber_close(subscriber);
    tamga_publisher_close(publisher);
}

/*
 * Goal:   bad addresses are refused with their code; closing nothing is fine.
 * Method: no address, TLS, a port that is taken.
 */
Test(gossip, refuses_bad_addresses)
{
    struct tamga_publisher *publisher = NULL, *second = NULL;
    struct tamga_subscriber *subscriber = NULL;
    struct tamga_detail detail = {""};
    const char *addr = "tls+tcp://127.0.0.1:1";

    cr_assert_eq(tamga_publisher_open(&publisher, "nonsense", NULL), TAMGA_E_USAGE);
    cr_assert_eq(tamga_subscriber_open(&subscriber, &addr, 1, on_message, NULL, NULL),
                 TAMGA_E_USAGE);
    cr_assert_eq(tamga_publisher_open(&publisher, "tcp://127.0.0.1:0", NULL), TAMGA_OK);
    cr_assert_eq(tamga_publisher_open(&second, tamga_publisher_addr(publisher), &detail),
                 TAMGA_E_SYSTEM);
    cr_assert_neq(detail.text[0], '\0');
    tamga_publisher_close(publisher);
    tamga_publisher_close(NULL);
    tamga_subscriber_close(NULL);
}
