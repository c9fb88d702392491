/*
 * Peers that a test owns, on real sockets of this machine: each shows a chain of blocks
 * made by hand, honestly but for one thing; and a real node that has them as its peers,
 * over a store in memory.
 */
#ifndef TAMGA_TEST_FAKE_PEER_H
#define TAMGA_TEST_FAKE_PEER_H

#include "fixture.h"
#include "node/node_internal.h"
#include "tamga/v1/chain_service.pb-c.h"
#include "tamga/v1/finality.pb-c.h"

#define FAKE_HELD_MAX 64

/* Blocks of one chain, the first on genesis; payload: of each one's entry. */
struct fake_chain {
    const struct tamga_chain *chain;
    struct test_block *block;
    struct tamga_buf *payload;
    size_t count;
};
/* Valid blocks of one entry each, a second apart; entries are numbered above `base`. */
void fake_chain_make(struct fake_chain *line, const struct tamga_chain *chain, size_t count,
                     uint64_t base);
void fake_chain_clear(struct fake_chain *line);

struct fake_peer {
    Tamga__V1__ChainService_Service chain_service; /* first: handlers cast back */
    Tamga__V1__FinalityService_Service finality_service;
    struct tamga_rpc_server *server;
    const struct fake_chain *line;
    char addr[64];

    /* Votes that it knows, ascending by target; its status names the last one's. */
    struct tamga_buf vote[4];
    struct tamga_block_id justified;
    size_t vote_count;

    /* What is not honest about it; set before the node starts. */
    bool claims_more;                /* than any chain can have */
    bool silent;                     /* never answers for bodies */
    bool keeps_bodies;               /* says that it has none */
    const struct tamga_block *shows; /* instead of the first block asked for */
    const struct tamga_sealed *headers; /* instead of the chain's, whatever the locator */
    size_t header_count;

    atomic_uint status_asked, headers_asked, blocks_asked, blocks_given, payloads_given;
    pthread_mutex_t lock;
    void *held[FAKE_HELD_MAX]; /* calls that are not answered */
    size_t held_count;
};
/* NULL line: none of its own. */
void fake_peer_open(struct fake_peer *peer, const struct fake_chain *line);
/* It knows of a vote from genesis to its chain's end, by this member. */
void fake_peer_vote(struct fake_peer *peer, const char *name);
void fake_peer_close(struct fake_peer *peer);

struct fake_net {
    struct tamga_store *store;
    struct tamga_node *node;
    struct tamga_peer_addr addr[TAMGA_PEERS_MAX];
};
/* Start a node that follows the chain; close stops it. */
void fake_net_open(struct fake_net *net, const struct tamga_chain *chain,
                   const char *const *addr, size_t count);
/* A node that was stopped and closed, again on the same store, with other peers. */
void fake_net_reopen(struct fake_net *net, const struct tamga_chain *chain,
                     const char *const *addr, size_t count);
void fake_net_close(struct fake_net *net);
/* Poll until it is so; fails the test after the seconds. */
typedef bool (*fake_condition)(struct fake_net *net, void *context);
void fake_wait(struct fake_net *net, const char *what, unsigned seconds,
               fake_condition condition, void *context);
void fake_wait_height(struct fake_net *net, uint64_t height, unsigned seconds);
uint64_t fake_height(const struct fake_net *net);
/* A copy of a peer's score as of its last round. */
struct peer_score fake_score(const struct fake_net *net, size_t peer);
uint64_t fake_now_ms(void);

#endif
