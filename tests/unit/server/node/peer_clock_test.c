/* Whose clock is wrong: one peer's, or ours. */
#include "node/peer_clock.h"

#include <criterion/criterion.h>

#define NOW   1000000000ull
#define DRIFT 60000u

static struct tamga_address peer(uint8_t number)
{
    return (struct tamga_address){.hash.byte = {number, 1}};
}

static struct peer_clock_news note(struct peer_clocks *clocks, uint8_t number, int64_t ahead_ms,
                                   uint64_t now_ms)
{
    struct tamga_address address = peer(number);
    struct peer_clock_news news;

    peer_clocks_note(clocks, &news, &address, now_ms + (uint64_t)ahead_ms, now_ms, DRIFT);
    return news;
}

/*
 * Goal:   a peer that is off by more than the drift is told once, and again only after it
 *         was right in between; at the drift exactly nothing is said.
 * Method: one peer among three right ones, at the bound and beyond it, on either side.
 */
Test(peer_clock, tells_of_a_peer_once)
{
    static const int64_t sides[] = {1, -1};

    for (size_t i = 0; i < 2; i++) {
        struct peer_clocks clocks;
        int64_t side = sides[i];

        peer_clocks_init(&clocks);
        for (uint8_t j = 2; j < 5; j++)
            cr_assert(!note(&clocks, j, 0, NOW).peer_off);
        cr_assert(!note(&clocks, 1, side * DRIFT, NOW).peer_off);
        cr_assert(note(&clocks, 1, side * (DRIFT + 1), NOW).peer_off);
        cr_assert(!note(&clocks, 1, side * (DRIFT + 5), NOW + 1).peer_off);
        cr_assert(!note(&clocks, 1, 0, NOW + 2).peer_off);
        cr_assert_eq(note(&clocks, 1, side * 90000, NOW + 3).ahead_ms, side * 90000);
        cr_assert(!clocks.told);
        peer_clocks_clear(&clocks);
    }
}

/*
 * Goal:   when more than half are off to one side, it is our clock, with the median as the
 *         distance; not before, not for both sides added, and not by one peer alone.
 * Method: peers join one by one.
 */
Test(peer_clock, most_to_one_side_mean_ours)
{
    struct peer_clocks clocks;
    struct peer_clock_news news;

    peer_clocks_init(&clocks);
    cr_assert(!note(&clocks, 1, 100000, NOW).ours_wrong);  /* alone */
    cr_assert(!note(&clocks, 2, -100000, NOW).ours_wrong); /* one each side */
    cr_assert(!note(&clocks, 3, 0, NOW).ours_wrong);
    cr_assert(!note(&clocks, 4, 200000, NOW).ours_wrong); /* two of four */
    news = note(&clocks, 5, 300000, NOW);
    cr_assert(news.ours_wrong);
    cr_assert_eq(news.off, 3);
    cr_assert_eq(news.peers, 5);
    cr_assert_eq(news.ours_ahead_ms, -200000);
    peer_clocks_clear(&clocks);
}

/*
 * Goal:   our own clock is complained of once a minute, by statuses of the last minute only.
 * Method: two peers that say so, again within the minute and after it; then only old ones.
 */
Test(peer_clock, repeats_by_the_minute_and_forgets)
{
    struct peer_clocks clocks;

    peer_clocks_init(&clocks);
    cr_assert(!note(&clocks, 1, -90000, NOW).ours_wrong);
    cr_assert(note(&clocks, 2, -90000, NOW).ours_wrong);
    cr_assert(!note(&clocks, 1, -90000, NOW + PEER_CLOCK_REPEAT_MS - 1).ours_wrong);
    cr_assert(note(&clocks, 2, -90000, NOW + PEER_CLOCK_REPEAT_MS).ours_wrong);
    cr_assert(!note(&clocks, 1, -90000, NOW + 4 * PEER_CLOCK_REPEAT_MS).ours_wrong);
    peer_clocks_clear(&clocks);
}

/*
 * Goal:   however many sign statuses, the table stays as it is, and no time overflows.
 * Method: three tables full of addresses; the ends of what a status can state.
 */
Test(peer_clock, is_bounded)
{
    struct peer_clocks clocks;
    struct peer_clock_news news;
    struct tamga_address address = {{{0}}};

    peer_clocks_init(&clocks);
    for (unsigned i = 0; i < 3 * PEER_CLOCKS_MAX; i++) {
        tamga_put_u32(address.hash.byte, i);
        peer_clocks_note(&clocks, &news, &address, i % 2 == 0 ? 0 : UINT64_MAX, NOW, DRIFT);
        cr_assert(news.peer_off);
    }
    cr_assert_eq(clocks.count, PEER_CLOCKS_MAX);
    peer_clocks_clear(&clocks);
}
