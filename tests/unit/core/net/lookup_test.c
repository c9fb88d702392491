/* Tests of core/net/resolve.c and gate_conn.c: names that cannot be looked up, or only late. */
#include <criterion/criterion.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/clock.h"
#include "town.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static bool open_now;
static atomic_uint hanging, asked;

/*
 * In place of the library's, in this program only: "hangs" is not answered until it is
 * released, and then with the loopback; "fails" is no host; all else is a number.
 */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **out)
{
    struct addrinfo *made = calloc(1, sizeof *made + sizeof(struct sockaddr_in));
    struct sockaddr_in *address = (void *)(made + 1);
    bool hangs = strcmp(host, "hangs") == 0;

    if (hints->ai_flags & AI_NUMERICHOST ? hangs || strcmp(host, "fails") == 0
                                         : strcmp(host, "fails") == 0) {
        free(made);
        return EAI_NONAME;
    }
    if (hangs) {
        atomic_fetch_add(&asked, 1);
        atomic_fetch_add(&hanging, 1);
        pthread_mutex_lock(&lock);
        while (!open_now)
            pthread_cond_wait(&released, &lock);
        pthread_mutex_unlock(&lock);
        atomic_fetch_sub(&hanging, 1);
    }
    *address = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)atoi(port)),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    made->ai_addr = (struct sockaddr *)address;
    made->ai_addrlen = sizeof *address;
    *out = made;
    return 0;
}

void freeaddrinfo(struct addrinfo *made)
{
    free(made);
}

static struct tamga_channel *channel_to(const struct town *town, const char *host)
{
    struct tamga_channel *channel = NULL;
    char addr[64];

    snprintf(addr, sizeof addr, "tls+tcp://%s:%u", host, fixture_port(town->addr));
    cr_assert_eq(tamga_channel_open_link(&channel, addr, &town->client_link, NULL), TAMGA_OK);
    return channel;
}

static void release(void)
{
    pthread_mutex_lock(&lock);
    open_now = true;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
}

static bool nothing_hangs(void *context)
{
    (void)context;
    return atomic_load(&hanging) == 0;
}

/*
 * Goal:   a name that is no host is UNREACHABLE, within the call's time.
 * Method: call; close.
 */
Test(lookup, of_no_host_fails, .timeout = 30)
{
    struct town town;

    town_open(&town);
    struct tamga_channel *channel = channel_to(&town, "fails");
    cr_assert_eq(fixture_get(channel, "x", 500, NULL, NULL), TAMGA_E_UNREACHABLE);
    tamga_channel_close(channel);
    town_close(&town);
}

static bool has_tried_thrice(void *channel)
{
    static unsigned tries;

    cr_assert_eq(fixture_get(channel, "x", 300, NULL, NULL), TAMGA_E_UNREACHABLE);
    return ++tries >= 3;
}

/*
 * Goal:   a lookup that hangs delays nobody else, ends no later than the call's time, is asked
 *         only once however often the connection is tried, and outlives its channel safely.
 * Method: calls whose connections time out one after the other; another channel meanwhile;
 *         close while it hangs; then one whose lookup is answered late.
 */
Test(lookup, that_hangs_hangs_alone, .timeout = 60)
{
    struct town town;
    uint64_t begun_ms;

    town_open(&town);
    town.client_link.shake_ms = 200; /* from the connection on, the lookup included */
    struct tamga_channel *channel = channel_to(&town, "hangs");
    cr_assert(fixture_wait(has_tried_thrice, channel, 20000));
    cr_assert_eq(atomic_load(&asked), 1, "%u lookups", atomic_load(&asked));
    cr_assert_eq(fixture_get(town.fixture.channel, "x", 5000, NULL, NULL), TAMGA_OK);
    begun_ms = tamga_net_now_ms();
    tamga_channel_close(channel);
    cr_assert_lt(tamga_net_now_ms() - begun_ms, 5000, "close waited for it");
    cr_assert_eq(atomic_load(&hanging), 1);
    channel = channel_to(&town, "hangs");
    cr_assert_eq(fixture_get(channel, "x", 300, NULL, NULL), TAMGA_E_UNREACHABLE);
    release();
    cr_assert_eq(fixture_get(channel, "x", 10000, NULL, NULL), TAMGA_OK);
    cr_assert(fixture_wait(nothing_hangs, NULL, 5000));
    tamga_channel_close(channel);
    town_close(&town);
}
