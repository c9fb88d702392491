/*
 * A small network that never changes, and short ways to sign, mine and compare on it.
 * For tests of the chain and of everything above it. What cannot fail in a test aborts
 * the program with a message; knows no test framework.
 *
 * Members: OEMs "acme" and "bolt"; software provider "softco", delegated for acme/cam;
 * consortium nodes "node-a" to "node-c" and gateways "gw-1" and "gw-2", all of them
 * validators of their chain. "stranger" and any other name has a key too, but is no
 * member. Models: acme/cam with hardware A and B, acme/lock, bolt/pump. Keys follow from
 * their names, so that ids are the same on every run; bolt's is P-256, all others
 * Ed25519, whose signatures do not vary either.
 */
#ifndef TAMGA_TEST_FIXTURE_H
#define TAMGA_TEST_FIXTURE_H

#include "chain/engine.h"
#include "rules/rules.h"

/* When the network began. Blocks are due a second apart: the target stays at its limit
 * (two tries a block) while they are not closer than that. */
#define TEST_GENESIS_MS  1700000000000ull
#define TEST_SPACING_MS  1000u
#define TEST_DRIFT_MS    60000u
#define TEST_AGE_MAX_MS  86400000u
#define TEST_WAIT_MS     500u
#define TEST_TARGET      0x207fffffu
#define TEST_ENTRIES_MAX 2048u

/* All borrowed for the life of the program. */
const struct tamga_network *test_network(void);
const struct tamga_chain *test_consortium(void);
const struct tamga_chain *test_gateway(void);
const struct tamga_private_key *test_key(const char *name);
void test_address(struct tamga_address *out, const char *name);

/* A fresh copy of the genesis message, to change and encode: by tamga_wire_free. */
Tamga__V1__Genesis *test_genesis(void);

/* ---- what members and devices sign ------------------------------------------------ */

/* {0} is acme's release 1 of acme/cam at genesis time. Hooks change the message before
 * it is signed, or the signed one before it is encoded; what they point to is theirs. */
struct test_release {
    const char *sender;   /* NULL: "acme" */
    const char *producer; /* NULL: "acme" */
    const char *model;    /* NULL: "cam" */
    const char *version;  /* NULL: "1.COUNTER" */
    const char *hardware; /* one revision; NULL: none */
    const char *cid;      /* NULL: of the image */
    uint64_t counter;     /* 0: 1 */
    uint64_t image;       /* names the image; 0: the counter */
    uint64_t time_ms;     /* 0: TEST_GENESIS_MS */
    uint64_t expires_ms;
    bool urgent;
    bool first_install;
    const struct tamga_entry_id *republish_of;
    Tamga__V1__Dependency *depends; /* one; NULL: none */
    void (*change)(Tamga__V1__TransactionBody *body);
    void (*forge)(Tamga__V1__Signed *message);
};
/* The payload into out (emptied first); id may be NULL. */
void test_release(struct tamga_buf *out, struct tamga_entry_id *id,
                  const struct test_release *release);

/* Any other action: body has it set, and its time (0: TEST_GENESIS_MS); sender and key are
 * filled in, those of the name. */
void test_action(struct tamga_buf *out, struct tamga_entry_id *id, const char *sender,
                 const Tamga__V1__TransactionBody *body);

/* {0}: gw-1 records that acme/cam/0001 confirmed release 0 with its first receipt. */
struct test_record {
    const char *gateway;  /* NULL: "gw-1" */
    const char *issuer;   /* of the certificate; NULL: the producer */
    const char *producer; /* NULL: "acme" */
    const char *model;    /* NULL: "cam" */
    const char *number;   /* NULL: "0001" */
    const char *signer;   /* of the receipt; NULL: the device */
    uint64_t release;     /* names the release and its image */
    uint64_t counter;     /* of the receipt; 0: 1 */
    uint64_t time_ms;     /* 0: TEST_GENESIS_MS */
    uint64_t certificate_expires_ms;
    Tamga__V1__Outcome outcome; /* 0: CONFIRMED */
    enum tamga_err reason;      /* OK, but not confirmed: INSTALL_FAILED */
    Tamga__V1__Reinstall reinstall;
    const struct tamga_entry_id *release_id; /* instead of release */
    void (*change)(Tamga__V1__RecordBody *body);
    void (*change_receipt)(Tamga__V1__ReceiptBody *body);
    void (*change_certificate)(Tamga__V1__CertificateBody *body);
    void (*forge)(Tamga__V1__Signed *message);
    void (*forge_receipt)(Tamga__V1__Signed *message);
    void (*forge_certificate)(Tamga__V1__Signed *message);
};
void test_record(struct tamga_buf *out, struct tamga_entry_id *id,
                 const struct test_record *record);
/* The parts of it alone, as encoded Signed. */
void test_certificate(struct tamga_buf *out, const struct test_record *record);
void test_receipt(struct tamga_buf *out, const struct test_record *record);
/* The device's own key, as enrolled by the certificate. */
const struct tamga_private_key *test_device_key(const char *producer, const char *model,
                                                const char *number);

/* What stands for a number: an image's hash, a release's id. */
void test_image(struct tamga_hash *out, uint64_t image);
void test_release_name(struct tamga_hash *out, uint64_t release);
/* Decode a payload that must be good in shape; the item is emptied first. */
void test_item(struct tamga_item *item, const struct tamga_chain *chain,
               const struct tamga_buf *payload);

/* ---- blocks ----------------------------------------------------------------------- */

/* A block made by hand, and the trail of headers that ends in it: the next one's parent. */
struct test_block {
    struct tamga_block block;
    struct tamga_block_id id;
    struct tamga_trail trail;
};
void test_block_clear(struct test_block *block);

/* Find a nonce and sign, as the member that the header names. */
void test_seal(struct tamga_sealed *sealed, struct tamga_block_id *id, const char *miner);
/*
 * A sealed block on any parent, valid or not: payloads are taken as they are. Its state
 * root is right after blocks made by hand, and after others that were learned.
 *
 * Shapes:  parent NULL: genesis. step_ms 0: TEST_SPACING_MS after the parent.
 *          change, if not NULL, is called before the block is mined.
 */
void test_block_on(struct test_block *out, const struct tamga_chain *chain,
                   const struct tamga_trail *parent, const char *miner, uint64_t step_ms,
                   const struct tamga_buf *payload, size_t count,
                   void (*change)(struct tamga_block *block));
/* The same with a release (or a record of a device) numbered `seed`, valid if no other
 * has that number and it is above those before. */
void test_block_next(struct test_block *out, const struct tamga_chain *chain,
                     const struct tamga_trail *parent, uint64_t step_ms, uint64_t seed);

/* Blocks that were not made by hand, e.g. by an engine's proposals: those of the best chain
 * that a view holds, up to a height, so that others can be made on them. */
void test_state_learn(const struct tamga_chain *chain, const struct tamga_view *view,
                      uint64_t height);
/* All that is known of blocks, e.g. between two runs of one program. */
void test_state_forget(void);

/* ---- an engine over a store in memory --------------------------------------------- */

struct test_node {
    const struct tamga_chain *chain;
    struct tamga_store *store;
    struct tamga_engine *engine;
};
void test_node_open(struct test_node *node, const struct tamga_chain *chain);
/* Close the engine and open it on the same store. */
void test_node_reopen(struct test_node *node);
void test_node_close(struct test_node *node);

enum tamga_err test_submit(struct test_node *node, const struct tamga_buf *payload,
                           uint64_t now_ms);
/* Propose, mine, add, flush. out may be NULL. NOT_FOUND: nothing to mine. */
enum tamga_err test_mine(struct test_node *node, struct tamga_block *out, const char *miner,
                         uint64_t now_ms);

/* Everything in the families of the mask (1 << family; 0: all), in order, appended. */
void test_dump(struct tamga_buf *out, const struct tamga_store *store, unsigned mask);
bool test_same_content(const struct tamga_store *a, const struct tamga_store *b,
                       unsigned mask);

#endif
