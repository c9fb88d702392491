/*
 * A node for tests of the client side: a real engine over a store in memory, behind a
 * real RPC server on loopback, and hooks to make it lie or falter. It mines when it is
 * told to, or at once on every entry; nothing is final before that is asked for. Uses the
 * fixture's network.
 */
#ifndef TAMGA_TEST_FAKE_NODE_H
#define TAMGA_TEST_FAKE_NODE_H

#include "fixture.h"
#include "net/rpc.h"
#include "tamga/v1/chain_service.pb-c.h"
#include "tamga/v1/finality.pb-c.h"

#define FAKE_PAGE_COUNT 2 /* entries of a list's page, so that paging is met */

struct fake_node;

/* What it shows against node-c: two votes for height 12; one from 3 to 12 around one from 5
 * to 8; the same vote twice, which is no evidence. */
enum fake_evidence { FAKE_NO_EVIDENCE, FAKE_TWICE, FAKE_AROUND, FAKE_FALSE };

struct fake_options {
    bool gateway;      /* gw-1 with both chains; otherwise node-a with its own */
    bool lazy;         /* mine only when told to */
    unsigned busy;     /* so many submissions are answered BUSY */
    unsigned limited;  /* and after them so many RATE_LIMITED */
    unsigned lost;     /* so many are taken, and answered DEADLINE */
    bool signs_badly;  /* status is signed by another key than it states */
    const char *signer; /* of the status; NULL: by the role */
    bool final;          /* every block is final at once */
    bool few_cosigners;  /* one less than a quorum */
    bool low_checkpoint; /* one below the height that is asked for is shown all the same */
    enum fake_evidence evidence;
    /* What GetInclusion answers, before it is sent. */
    void (*bend)(Tamga__V1__GetInclusionResponse *response);
    /* The same of GetEntryProof, and of the proof that GetLatestRelease shows. */
    void (*bend_entry)(Tamga__V1__EntryProof *proof);
    void (*bend_release)(Tamga__V1__ReleaseProof *proof);
    /* And what GetStateProof does. */
    void (*bend_state)(Tamga__V1__GetStateProofResponse *response);
};

struct fake_node *fake_start(const struct fake_options *options);
void fake_stop(struct fake_node *node);
const char *fake_addr(const struct fake_node *node);
/* A payload straight into the chain, mined at once. */
void fake_add(struct fake_node *node, const struct tamga_chain *chain,
              const struct tamga_buf *payload);
void fake_mine(struct fake_node *node);
/* The tips become final now. */
void fake_finalize(struct fake_node *node);

unsigned fake_submits(const struct fake_node *node);
size_t fake_contents(const struct fake_node *node); /* blocks held */
unsigned fake_puts(const struct fake_node *node);

/* A member's folder as `tamga network init` makes it; removed at exit. Borrowed. */
const char *fake_identity(const char *member);
/* A file with these bytes, removed at exit; the path is borrowed for ever. */
#define FAKE_FILES_MAX 256
const char *fake_file(const void *bytes, size_t len);

#endif
