/*
 * Chain synchronization of a real node with peers over real sockets: what honest ones give
 * together, and what each kind of liar achieves, which is nothing but its own score.
 */
#include "fake_peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/sync.h"

#define SECONDS 30 /* for what takes a fraction of one */

/* ---- honest ones ------------------------------------------------------------------------ */

static unsigned given_by(const struct fake_peer *peer, size_t count)
{
    unsigned given = 0;

    for (size_t i = 0; i < count; i++)
        given += atomic_load(&peer[i].blocks_given);
    return given;
}

static bool all_verified(const struct fake_net *net, const struct fake_chain *line)
{
    for (size_t i = 0; i < line->count; i++) {
        struct tamga_stored_header stored;

        cr_assert_eq(tamga_query_header(&net->store->reader.view, &line->block[i].id, &stored),
                     TAMGA_OK);
        if ((stored.flags & TAMGA_STORED_VERIFIED) == 0)
            return false;
    }
    return true;
}

/*
 * Goal:   bodies are divided among peers, verified beside the loop, and fetched about once.
 * Method: three honest peers with the same blocks, many pages of them.
 */
Test(sync, divides_bodies_among_peers, .timeout = 60)
{
    struct fake_chain line;
    struct fake_peer peer[3];
    struct fake_net net;
    const char *addr[3];

    fake_chain_make(&line, test_consortium(), 600, 0);
    for (size_t i = 0; i < 3; i++) {
        fake_peer_open(&peer[i], &line);
        addr[i] = peer[i].addr;
    }
    fake_net_open(&net, line.chain, addr, 3);
    fake_wait_height(&net, line.count, SECONDS);
    cr_assert(all_verified(&net, &line));
    cr_assert_geq(given_by(peer, 3), line.count);
    cr_assert_leq(given_by(peer, 3), line.count + line.count / 4);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(fake_score(&net, i).points, 0);
        cr_assert_gt(atomic_load(&peer[i].blocks_given), 0, "peer %zu gave nothing", i);
    }
    fake_net_close(&net);
    for (size_t i = 0; i < 3; i++)
        fake_peer_close(&peer[i]);
    fake_chain_clear(&line);
}

/*
 * Goal:   a peer that never answers for bodies loses its claims to others, and is told to
 *         have wasted time; stopping does not wait for its call.
 * Method: two peers with the same blocks, one silent.
 */
Test(sync, does_not_wait_for_a_silent_peer, .timeout = 90)
{
    struct fake_chain line;
    struct fake_peer peer[2];
    struct fake_net net;
    const char *addr[2];
    uint64_t stop_ms;

    fake_chain_make(&line, test_consortium(), 300, 0);
    for (size_t i = 0; i < 2; i++) {
        fake_peer_open(&peer[i], &line);
        addr[i] = peer[i].addr;
    }
    peer[0].silent = true;
    fake_net_open(&net, line.chain, addr, 2);
    fake_wait_height(&net, line.count, SECONDS);
    cr_assert_eq(fake_score(&net, 1).points, 0);
    stop_ms = fake_now_ms();
    fake_net_close(&net);
    cr_assert_lt(fake_now_ms() - stop_ms, 2000, "stopped in %llu ms",
                 (unsigned long long)(fake_now_ms() - stop_ms));
    for (size_t i = 0; i < 2; i++)
        fake_peer_close(&peer[i]);
    fake_chain_clear(&line);
}

static bool has_wasted(struct fake_net *net, void *context)
{
    (void)context;
    return fake_score(net, 0).wasted > 0;
}

/*
 * Goal:   a call for bodies that is not answered in time is time wasted.
 * Method: the silent peer alone; the call's time is 10 s.
 */
Test(sync, tells_a_time_out_with_points, .timeout = 90)
{
    struct fake_chain line;
    struct fake_peer peer;
    struct fake_net net;

    fake_chain_make(&line, test_consortium(), 1, 0);
    fake_peer_open(&peer, &line);
    peer.silent = true;
    fake_net_open(&net, line.chain, (const char *[]){peer.addr}, 1);
    fake_wait(&net, "time-out", SECONDS, has_wasted, NULL);
    cr_assert_eq(fake_score(&net, 0).fault, TAMGA_E_DEADLINE);
    cr_assert_eq(fake_score(&net, 0).points, TAMGA_SCORE_WASTED);
    fake_net_close(&net);
    fake_peer_close(&peer);
    fake_chain_clear(&line);
}

/*
 * Goal:   blocks of commitments come with their payloads, whoever has them.
 * Method: a gateway chain from two peers; one keeps its bodies back.
 */
Test(sync, brings_payloads_of_a_detached_chain, .timeout = 60)
{
    struct fake_chain line;
    struct fake_peer peer[2];
    struct fake_net net;
    const char *addr[2];

    fake_chain_make(&line, test_gateway(), 150, 0);
    for (size_t i = 0; i < 2; i++) {
        fake_peer_open(&peer[i], &line);
        addr[i] = peer[i].addr;
    }
    peer[0].keeps_bodies = true;
    fake_net_open(&net, line.chain, addr, 2);
    fake_wait_height(&net, line.count, SECONDS);
    cr_assert_geq(atomic_load(&peer[0].payloads_given) + atomic_load(&peer[1].payloads_given),
                  line.count);
    cr_assert_eq(fake_score(&net, 1).points, 0);
    fake_net_close(&net);
    for (size_t i = 0; i < 2; i++)
        fake_peer_close(&peer[i]);
    fake_chain_clear(&line);
}

static bool is_on_branch(struct fake_net *net, void *context)
{
    const struct fake_chain *line = context;
    struct tamga_block_id tip;

    return tamga_query_tip(&net->store->reader.view, &tip) == TAMGA_OK &&
           tamga_hash_equal(&tip.hash, &line->block[line->count - 1].id.hash);
}

/*
 * Goal:   a branch of less work is followed once a quorum has voted for it: its headers are
 *         asked for because of the votes, and its bodies because of what they say.
 * Method: ten blocks of one line from one peer; eight of another, with the votes of two of
 *         three validators, from one that starts to be there later.
 */
Test(sync, follows_votes_to_a_branch_of_less_work, .timeout = 60)
{
    struct fake_chain longer, voted;
    struct fake_peer peer[2];
    struct fake_net net;

    fake_chain_make(&longer, test_consortium(), 10, 0);
    fake_chain_make(&voted, test_consortium(), 8, 100);
    fake_peer_open(&peer[0], &longer);
    fake_net_open(&net, longer.chain, (const char *[]){peer[0].addr}, 1);
    fake_wait_height(&net, longer.count, SECONDS);
    tamga_node_stop(net.node);
    tamga_node_close(net.node);
    fake_peer_close(&peer[0]);
    fake_peer_open(&peer[1], &voted);
    fake_peer_vote(&peer[1], "node-b");
    fake_peer_vote(&peer[1], "node-c");
    fake_net_reopen(&net, longer.chain, (const char *[]){peer[1].addr}, 1);
    fake_wait(&net, "the voted branch", SECONDS, is_on_branch, &voted);
    cr_assert_eq(fake_score(&net, 0).points, 0);
    fake_net_close(&net);
    fake_peer_close(&peer[1]);
    fake_chain_clear(&longer);
    fake_chain_clear(&voted);
}

/*
 * Goal:   a node stops at once though a peer accepts no connection, or takes one and says
 *         nothing.
 * Method: a port where nobody listens; one that is listened on and never read.
 */
Test(sync, stops_at_once_with_peers_out_of_reach, .timeout = 60)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char mute[64];
    struct fake_net net;
    uint64_t begin_ms;

    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(mute, sizeof mute, "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    fake_net_open(&net, test_consortium(), (const char *[]){mute, "tcp://127.0.0.1:1"}, 2);
    begin_ms = fake_now_ms();
    fake_net_close(&net);
    cr_assert_lt(fake_now_ms() - begin_ms, 1500, "stopped in %llu ms",
                 (unsigned long long)(fake_now_ms() - begin_ms));
    close(fd);
}

/* ---- liars ------------------------------------------------------------------------------ */

static bool has_fault(struct fake_net *net, void *context)
{
    (void)context;
    return fake_score(net, 0).fault != TAMGA_OK;
}

/* One liar: its fault is as expected, and nothing of it is on the chain. */
static void expect_fault(struct fake_peer *peer, enum tamga_err fault, uint32_t points)
{
    struct fake_net net;
    struct peer_score score;

    fake_net_open(&net, peer->line->chain, (const char *[]){peer->addr}, 1);
    fake_wait(&net, tamga_err_name(fault), SECONDS, has_fault, NULL);
    score = fake_score(&net, 0);
    cr_assert_eq(score.fault, fault, "%s, expected %s", tamga_err_name(score.fault),
                 tamga_err_name(fault));
    cr_assert_geq(score.points, points);
    cr_assert_eq(fake_height(&net), 0);
    fake_net_close(&net);
}

/* Another body under the header of the line's first block. */
static void other_body(struct tamga_block *out, const struct fake_chain *line, size_t entries,
                       size_t bytes)
{
    uint8_t *entry = calloc(1, bytes);

    *out = (struct tamga_block){.sealed = line->block[0].block.sealed};
    for (size_t i = 0; i < entries; i++)
        cr_assert_eq(tamga_block_add(out, tamga_span(entry, bytes)), TAMGA_OK);
    free(entry);
}

/*
 * Goal:   a body that does not fit its header, by its root or its count, another block
 *         than was asked for, one above every bound, and a body kept back are each
 *         refused by their code, before the engine sees them.
 * Method: one lie about the first block each.
 */
Test(sync, refuses_bodies_that_were_not_asked_for, .timeout = 60)
{
    static const struct {
        size_t entries, bytes;
        enum tamga_err fault;
    } cases[] = {
        {1, 100, TAMGA_E_BAD_ROOT}, {2, 100, TAMGA_E_BAD_COUNT}, {0, 1, TAMGA_E_BAD_COUNT}};
    struct fake_chain line;
    struct fake_peer peer;
    struct tamga_block shown = {0};

    fake_chain_make(&line, test_consortium(), 2, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_peer_open(&peer, &line);
        other_body(&shown, &line, cases[i].entries, cases[i].bytes);
        peer.shows = &shown;
        expect_fault(&peer, cases[i].fault, TAMGA_SCORE_BROKEN);
        fake_peer_close(&peer);
        tamga_block_clear(&shown);
    }
    fake_peer_open(&peer, &line);
    shown = (struct tamga_block){.sealed = line.block[0].block.sealed};
    shown.sealed.header.nonce ^= 1;
    peer.shows = &shown;
    expect_fault(&peer, TAMGA_E_BLOCK_ID_MISMATCH, TAMGA_SCORE_BROKEN);
    fake_peer_close(&peer);
    fake_peer_open(&peer, &line);
    peer.keeps_bodies = true;
    expect_fault(&peer, TAMGA_E_NOT_FOUND, TAMGA_SCORE_WASTED);
    fake_peer_close(&peer);
    fake_peer_open(&peer, &line);
    peer.claims_more = true;
    peer.headers = &line.block[0].block.sealed; /* a locator's answer of none */
    expect_fault(&peer, TAMGA_E_PEER_LIED, TAMGA_SCORE_BROKEN);
    fake_peer_close(&peer);
    fake_chain_clear(&line);
}

/*
 * Goal:   an answer of more bytes than a body may have is refused before it is unpacked.
 * Method: one block of 3 MiB, in entries of the greatest size.
 */
Test(sync, refuses_a_block_above_every_bound, .timeout = 60)
{
    enum { ENTRIES = 48 };
    struct fake_chain line;
    struct fake_peer peer;
    uint8_t *entry = calloc(1, TAMGA_ENTRY_BYTES_MAX);
    struct tamga_span entries[ENTRIES];
    struct tamga_block shown;

    fake_chain_make(&line, test_consortium(), 1, 0);
    for (size_t i = 0; i < ENTRIES; i++)
        entries[i] = tamga_span(entry, TAMGA_ENTRY_BYTES_MAX);
    shown = (struct tamga_block){
        .sealed = line.block[0].block.sealed, .entry = entries, .count = ENTRIES};
    fake_peer_open(&peer, &line);
    peer.shows = &shown;
    expect_fault(&peer, TAMGA_E_TOO_LARGE, TAMGA_SCORE_BROKEN);
    fake_peer_close(&peer);
    fake_chain_clear(&line);
    free(entry);
}

/* ---- a flood ---------------------------------------------------------------------------- */

#define FLOOD_BYTES (10u * 1024 * 1024)

/* Speaks the transport's framing, and answers the first question with 10 MB. */
struct flood {
    int fd;
    pthread_t thread;
    size_t sent;
    atomic_bool cut_off;
};

static bool send_whole(int fd, const void *bytes, size_t len)
{
    return send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void *flood_main(void *context)
{
    static const uint8_t hello[8] = {0, 'S', 'P', 0, 0, 0x31, 0, 0}; /* a REP socket */
    static const uint8_t zeros[4096];
    struct flood *flood = context;
    uint8_t heard[512], len[8];
    int fd = accept(flood->fd, NULL, NULL), small = 65536;

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    tamga_put_u64(len, FLOOD_BYTES);
    if (recv(fd, heard, sizeof hello, MSG_WAITALL) == (ssize_t)sizeof hello &&
        send_whole(fd, hello, sizeof hello) && recv(fd, heard, sizeof heard, 0) > 0 &&
        send_whole(fd, len, sizeof len))
        while (flood->sent < FLOOD_BYTES && send_whole(fd, zeros, sizeof zeros))
            flood->sent += sizeof zeros;
    close(fd);
    atomic_store(&flood->cut_off, true);
    return NULL;
}

static bool is_cut_off(struct fake_net *net, void *context)
{
    (void)net;
    return atomic_load(&((struct flood *)context)->cut_off);
}

/*
 * Goal:   an answer of 10 MB is cut off at its announced length, whatever it was to be.
 * Method: a server of our own below the calls; it must fail to send the half of it.
 */
Test(sync, cuts_off_an_answer_of_ten_megabytes, .timeout = 60)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    struct flood flood = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct fake_net net;
    char addr[64];

    cr_assert_eq(bind(flood.fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(flood.fd, 8), 0);
    cr_assert_eq(getsockname(flood.fd, (struct sockaddr *)&at, &len), 0);
    snprintf(addr, sizeof addr, "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    cr_assert_eq(pthread_create(&flood.thread, NULL, flood_main, &flood), 0);
    fake_net_open(&net, test_consortium(), (const char *[]){addr}, 1);
    fake_wait(&net, "the flood is cut off", SECONDS, is_cut_off, &flood);
    cr_assert_eq(pthread_join(flood.thread, NULL), 0);
    cr_assert_lt(flood.sent, FLOOD_BYTES / 2, "%zu bytes were taken", flood.sent);
    cr_assert_eq(fake_height(&net), 0);
    fake_net_close(&net);
    close(flood.fd);
}

/* ---- headers ---------------------------------------------------------------------------- */

static void easy_target(struct tamga_header *header)
{
    header->target = 0x207ffffe; /* not the schedule's, though its work is done */
}
static void back_in_time(struct tamga_header *header)
{
    header->time_ms = TEST_GENESIS_MS;
}
static void far_ahead(struct tamga_header *header)
{
    header->time_ms = tamga_wall_ms() + 10 * TEST_DRIFT_MS;
}
static void warped(struct tamga_header *header)
{
    header->time_ms = UINT64_MAX - 5; /* the schedule's arithmetic must never see it */
}
static void by_a_gateway(struct tamga_header *header)
{
    test_address(&header->miner, "gw-1");
}
static void sealed_by_another(struct tamga_header *header)
{
    test_address(&header->miner, "node-b"); /* the fixture seals as node-a */
}
static void of_another_chain(struct tamga_header *header)
{
    header->chain = test_gateway()->id;
}
static void too_high(struct tamga_header *header)
{
    header->height++;
}
static void of_nobody(struct tamga_header *header)
{
    header->parent.hash.byte[0] ^= 1;
}
static void without_work(struct tamga_header *header)
{
    (void)header; /* the nonce is spoiled after sealing */
}

static const struct {
    const char *what;
    void (*change)(struct tamga_header *header);
    enum tamga_err fault;
    uint32_t points;
} bad_headers[] = {
    {"a target of its own", easy_target, TAMGA_E_BAD_TARGET, TAMGA_SCORE_BROKEN},
    {"a time before the median", back_in_time, TAMGA_E_TIME_TOO_OLD, TAMGA_SCORE_BROKEN},
    {"a gateway as miner", by_a_gateway, TAMGA_E_NOT_MINER, TAMGA_SCORE_BROKEN},
    {"a seal by another", sealed_by_another, TAMGA_E_BAD_SEAL, TAMGA_SCORE_BROKEN},
    {"another chain", of_another_chain, TAMGA_E_WRONG_CHAIN, TAMGA_SCORE_BROKEN},
    {"a height too far", too_high, TAMGA_E_BAD_HEIGHT, TAMGA_SCORE_BROKEN},
    {"a parent that nobody has", of_nobody, TAMGA_E_NO_PARENT, TAMGA_SCORE_WASTED},
    {"no work", without_work, TAMGA_E_BAD_WORK, TAMGA_SCORE_BROKEN},
};

/* The line's headers, the last one changed and sealed again. */
static void change_last(struct tamga_sealed *out, const struct fake_chain *line,
                        void (*change)(struct tamga_header *header))
{
    struct tamga_block_id id;
    struct tamga_u256 target, work;

    for (size_t i = 0; i < line->count; i++)
        out[i] = line->block[i].block.sealed;
    change(&out[line->count - 1].header);
    test_seal(&out[line->count - 1], &id, "node-a");
    if (change != without_work)
        return;
    cr_assert_eq(tamga_target_expand(&target, out[line->count - 1].header.target), TAMGA_OK);
    do {
        out[line->count - 1].header.nonce++;
        tamga_header_id(&id, &out[line->count - 1].header);
        tamga_u256_from_bytes(&work, id.hash.byte);
    } while (tamga_u256_compare(&work, &target) <= 0);
}

/*
 * Goal:   each header that breaks a rule is refused by that rule's code, and no body is
 *         asked for on its account.
 * Method: three headers, the last one changed in one way and sealed again.
 */
Test(sync, refuses_each_bad_header, .timeout = 90)
{
    struct fake_chain line;
    struct tamga_sealed headers[3];

    fake_chain_make(&line, test_consortium(), 3, 0);
    for (size_t i = 0; i < sizeof bad_headers / sizeof bad_headers[0]; i++) {
        struct fake_peer peer;

        change_last(headers, &line, bad_headers[i].change);
        fake_peer_open(&peer, &line);
        peer.headers = headers;
        peer.header_count = 3;
        expect_fault(&peer, bad_headers[i].fault, bad_headers[i].points);
        cr_assert_eq(atomic_load(&peer.blocks_asked), 0, "%s", bad_headers[i].what);
        fake_peer_close(&peer);
    }
    fake_chain_clear(&line);
}

static bool asked_twice(struct fake_net *net, void *context)
{
    struct fake_peer *peer = context;

    (void)net;
    return atomic_load(&peer->headers_asked) >= 2;
}

/*
 * Goal:   headers ahead of the clock, even at the end of all numbers, are not taken, and
 *         nobody is blamed: waiting helps.
 * Method: two such headers; wait until they were shown twice.
 */
Test(sync, blames_nobody_for_a_clock, .timeout = 60)
{
    static void (*const change[])(struct tamga_header *) = {far_ahead, warped};
    struct fake_chain line;
    struct tamga_sealed headers[2];

    fake_chain_make(&line, test_consortium(), 2, 0);
    for (size_t i = 0; i < 2; i++) {
        struct fake_peer peer;
        struct fake_net net;

        change_last(headers, &line, change[i]);
        fake_peer_open(&peer, &line);
        peer.headers = headers;
        peer.header_count = 2;
        fake_net_open(&net, line.chain, (const char *[]){peer.addr}, 1);
        fake_wait(&net, "two rounds", SECONDS, asked_twice, &peer);
        cr_assert_eq(fake_score(&net, 0).fault, TAMGA_OK);
        cr_assert_eq(fake_score(&net, 0).points, 0);
        cr_assert_eq(fake_height(&net), 0);
        cr_assert_eq(atomic_load(&peer.blocks_asked), 0);
        fake_net_close(&net);
        fake_peer_close(&peer);
    }
    fake_chain_clear(&line);
}

/* Headers with their work done and nothing behind them. */
static struct tamga_sealed *bare_headers(size_t count, struct test_block *last)
{
    const struct tamga_chain *chain = test_consortium();
    struct tamga_sealed *headers = calloc(count, sizeof *headers);
    struct tamga_trail trail;

    tamga_trail_start(&trail, &chain->genesis);
    for (size_t i = 0; i < count; i++) {
        struct tamga_header *header = &headers[i].header;

        *header = (struct tamga_header){.version = TAMGA_HEADER_VERSION,
                                        .chain = chain->id,
                                        .height = i + 1,
                                        .parent = trail.tip_id,
                                        .time_ms = trail.tip.time_ms + TEST_SPACING_MS,
                                        .entry_count = 1,
                                        .target = tamga_trail_target(&trail, &chain->params)};
        test_address(&header->miner, "node-a");
        test_seal(&headers[i], &last->id, "node-a");
        tamga_trail_push(&trail, header, &last->id);
    }
    last->block.sealed = headers[count - 1];
    last->trail = trail;
    return headers;
}

static size_t headers_stored(const struct fake_net *net, const struct tamga_sealed *headers,
                             size_t count)
{
    size_t stored_count = 0;

    for (size_t i = 0; i < count; i++) {
        struct tamga_stored_header stored;
        struct tamga_block_id id;

        tamga_header_id(&id, &headers[i].header);
        stored_count +=
            tamga_query_header(&net->store->reader.view, &id, &stored) == TAMGA_OK;
    }
    return stored_count;
}

/*
 * Goal:   headers without end and without bodies, with all their work done, are taken up
 *         to a bound, at a bounded cost of memory; then their bodies are missed.
 * Method: 20,000 of them from a peer that keeps bodies back.
 */
Test(sync, takes_headers_only_so_far_ahead_of_bodies, .timeout = 120)
{
    enum { COUNT = 20000, MEMORY_MAX = 64 * 1024 * 1024 };
    struct test_block last = {0};
    struct fake_chain line = {.chain = test_consortium(), .block = &last, .count = 1};
    struct tamga_sealed *headers = bare_headers(COUNT, &last);
    struct tamga_buf none = {0};
    struct fake_chain shown = {.chain = line.chain, .count = COUNT};
    struct fake_peer peer;
    struct fake_net net;
    size_t before, after;

    /* A line of headers alone: the fake walks along it by the locator. */
    shown.block = calloc(COUNT, sizeof *shown.block);
    for (size_t i = 0; i < COUNT; i++) {
        shown.block[i].block.sealed = headers[i];
        tamga_header_id(&shown.block[i].id, &headers[i].header);
    }
    shown.block[COUNT - 1].trail = last.trail;
    shown.payload = &none;
    fake_peer_open(&peer, &shown);
    peer.keeps_bodies = true;
    before = mallinfo2().uordblks;
    fake_net_open(&net, line.chain, (const char *[]){peer.addr}, 1);
    fake_wait(&net, "bodies are missed", 60, has_fault, NULL);
    after = mallinfo2().uordblks;
    cr_assert_eq(fake_score(&net, 0).fault, TAMGA_E_NOT_FOUND);
    cr_assert_geq(headers_stored(&net, headers, COUNT), SYNC_HEADERS_AHEAD);
    cr_assert_lt(headers_stored(&net, headers, COUNT),
                 SYNC_HEADERS_AHEAD + SYNC_HEADERS_PAGE);
    cr_assert_lt(after - before, MEMORY_MAX, "%zu bytes more", after - before);
    fake_net_close(&net);
    fake_peer_close(&peer);
    free(shown.block);
    free(headers);
}

/*
 * Goal:   a page of more headers than were asked for is refused before they are judged.
 * Method: 2,001 at once.
 */
Test(sync, refuses_a_page_too_long, .timeout = 60)
{
    enum { COUNT = SYNC_HEADERS_PAGE + 1 };
    struct test_block last = {0};
    struct fake_chain line = {.chain = test_consortium(), .block = &last, .count = 1};
    struct tamga_sealed *headers = bare_headers(COUNT, &last);
    struct fake_peer peer;

    fake_peer_open(&peer, &line);
    peer.headers = headers;
    peer.header_count = COUNT;
    expect_fault(&peer, TAMGA_E_TOO_LARGE, TAMGA_SCORE_BROKEN);
    fake_peer_close(&peer);
    free(headers);
}

/* ---- a miner's bad block ------------------------------------------------------------- */

static void spoil_signature(Tamga__V1__Signed *message)
{
    message->signature->value.data[10] ^= 1;
}

static bool is_condemned(struct fake_net *net, void *context)
{
    struct tamga_stored_header stored;

    return tamga_query_header(&net->store->reader.view, context, &stored) == TAMGA_OK &&
           (stored.flags & TAMGA_STORED_INVALID) != 0;
}

/*
 * Goal:   a bad signature in a body that fits its header is the miner's doing: the engine
 *         condemns the block, and the peer that gave it is not at fault for that.
 * Method: one block whose entry's signature is spoiled, sealed with its work done.
 */
Test(sync, leaves_a_miners_bad_entry_to_the_engine, .timeout = 60)
{
    struct tamga_buf payload = {0};
    struct test_block block;
    struct fake_chain line = {.chain = test_consortium(), .block = &block, .count = 1};
    struct fake_peer peer;
    struct fake_net net;
    struct tamga_stored_header stored;

    test_release(&payload, NULL, &(struct test_release){.forge = spoil_signature});
    test_block_on(&block, line.chain, NULL, "node-a", 0, &payload, 1, NULL);
    fake_peer_open(&peer, &line);
    fake_net_open(&net, line.chain, (const char *[]){peer.addr}, 1);
    fake_wait(&net, "block is condemned", SECONDS, is_condemned, &block.id);
    cr_assert_eq(tamga_query_header(&net.store->reader.view, &block.id, &stored), TAMGA_OK);
    cr_assert_eq(stored.flags & TAMGA_STORED_VERIFIED, 0);
    cr_assert_eq(fake_score(&net, 0).points, 0);
    cr_assert_eq(fake_height(&net), 0);
    fake_net_close(&net);
    fake_peer_close(&peer);
    test_block_clear(&block);
    tamga_buf_clear(&payload);
}
