/*
 * What members may not do, through real nodes' doors: outside their role, their delegation or
 * their key's time, against what was proposed, and after they were removed. Each is refused by
 * its own code and with a sentence, and no node's state is another afterwards.
 */
#include "say.h"

#include <signal.h>
#include <stdio.h>

#include "crypto/hash.h"
#include "net/gossip.h"
#include "tamga/v1/chain_service.pb-c.h"
#include "tamga/v1/gossip.pb-c.h"

#define HEADERS_MAX   2000u
#define DELEGATION_MS 4000u
#define LATE_BLOCKS   16u

static struct cluster cluster;

/* ---- refusals, shortly ------------------------------------------------------------- */

static void refused(const char *what, enum tamga_err expected, const char *sender,
                    Tamga__V1__TransactionBody *body)
{
    struct tamga_entry_id id;
    TAMGA_BUF payload = {0};

    say_sign(&cluster, &payload, &id, sender, body);
    say_refused(&cluster, what, expected, &payload, &id);
}

static void published(const struct cluster_release *release, struct tamga_entry_id *id)
{
    CHECK(cluster_publish(&cluster, "node-a", release, id) == TAMGA_OK);
    say_wait_final(&cluster, id);
}

/* A release that is refused, and no node's state is another. */
static void not_published(const char *what, enum tamga_err expected,
                          struct cluster_release release)
{
    struct tamga_hash before, after;
    struct tamga_detail detail = {""};
    struct tamga_entry_id id;
    enum tamga_err err;

    release.detail = &detail;
    say_root(&cluster, &before);
    err = cluster_publish(&cluster, "node-b", &release, &id);
    say_was_refused(&cluster, what, expected, err, &detail);
    CHECK(!cluster_known(&cluster, "node-a", &cluster.consortium, &id));
    say_root(&cluster, &after);
    CHECK(tamga_hash_equal(&before, &after));
}

/* ---- roles and delegations --------------------------------------------------------- */

/*
 * Goal:   a member says what its role lets it say, and of what is its own.
 * Method: each action by somebody whose it is not.
 */
static void members_keep_to_their_roles(const struct tamga_entry_id *release,
                                        const struct tamga_entry_id *proposal)
{
    refused("a stranger proposes", TAMGA_E_NOT_MEMBER, "stranger", say_remove("bolt"));
    refused("a gateway approves", TAMGA_E_GATEWAY_SENDER, "gw-1", say_approve(proposal));
    refused("a provider proposes", TAMGA_E_NOT_VOTER, "softco", say_remove("bolt"));
    refused("a provider approves", TAMGA_E_NOT_VOTER, "softco", say_approve(proposal));
    refused("a provider delegates", TAMGA_E_NOT_OWNER, "softco",
            say_delegate("cam", "softco", NULL, 0));
    refused("a node registers a model", TAMGA_E_NOT_OWNER, "node-a",
            say_signers("lock", 2, "bolt"));
    refused("another OEM withdraws", TAMGA_E_NOT_OWNER, "bolt", say_withdraw(release));
    refused("another OEM permits", TAMGA_E_NOT_OWNER, "bolt", say_permit(release));
    not_published("a node publishes", TAMGA_E_NOT_PRODUCER,
                  (struct cluster_release){.counter = 90, .sender = "node-a"});
}

static char revision_a[] = "A", revision_b[] = "B", *revisions[] = {revision_a, revision_b};

static void for_a(Tamga__V1__TransactionBody *body)
{
    body->release->n_hardware = 1;
    body->release->hardware = revisions;
}

static void for_a_and_b(Tamga__V1__TransactionBody *body)
{
    body->release->n_hardware = 2;
    body->release->hardware = revisions;
}

/*
 * Goal:   a provider publishes for the model, the revisions and the time that it was given.
 * Method: softco has acme/cam, revision A, for some seconds, and newco has acme/lock. The time
 *         is over when the test says so (its_time_is_over).
 */
static uint64_t providers_keep_to_their_delegation(struct tamga_entry_id *release)
{
    struct tamga_entry_id id;
    uint64_t until_ms;

    say(&cluster, NULL, "acme", say_delegate("lock", "newco", NULL, 0));
    say(&cluster, &id, "acme", say_delegate("cam", "softco", "A", 0));
    say_wait_final(&cluster, &id);
    not_published("a model that is another's", TAMGA_E_NOT_AUTHORIZED,
                  (struct cluster_release){.counter = 90, .sender = "softco", .model = "lock"});
    not_published("a revision beside its own", TAMGA_E_DELEGATION_HARDWARE,
                  (struct cluster_release){
                      .counter = 90, .sender = "softco", .change = for_a_and_b});
    not_published("all revisions", TAMGA_E_DELEGATION_HARDWARE,
                  (struct cluster_release){.counter = 90, .sender = "softco"});
    published(&(struct cluster_release){
                  .counter = 2, .seed = 2, .sender = "softco", .change = for_a},
              release);
    until_ms = say_now_ms() + DELEGATION_MS;
    say(&cluster, &id, "acme", say_delegate("cam", "softco", "A", until_ms));
    say_wait_final(&cluster, &id);
    return until_ms;
}

static bool clock_is_past(struct cluster *self, void *until_ms)
{
    (void)self;
    return say_now_ms() > *(uint64_t *)until_ms;
}

static void its_time_is_over(uint64_t until_ms)
{
    cluster_wait(&cluster, "the delegation's end", 30, clock_is_past, &until_ms);
    not_published("a delegation that has ended", TAMGA_E_DELEGATION_EXPIRED,
                  (struct cluster_release){.counter = 90, .sender = "softco", .change = for_a});
}

/*
 * Goal:   a release that asks for two signatures has them from two members, or is not in force.
 * Method: the publisher signs again, somebody signs who is not asked; a permit for it as it is.
 */
static void two_signatures_are_of_two(void)
{
    struct cluster_release release = {.counter = 1, .seed = 40, .model = "lock"};
    struct tamga_entry_id id;

    say(&cluster, NULL, "acme", say_signers("lock", 2, "bolt"));
    published(&release, &id);
    refused("the publisher's second signature", TAMGA_E_APPROVED_ALREADY, "acme",
            say_approve(&id));
    refused("a signature not asked for", TAMGA_E_NOT_SIGNER, "node-a", say_approve(&id));
    refused("a permit for what is not in force", TAMGA_E_RELEASE_UNSIGNED, "acme",
            say_permit(&id));
    say(&cluster, NULL, "bolt", say_approve(&id));
    refused("one more than it needs", TAMGA_E_APPROVED_ALREADY, "bolt", say_approve(&id));
}

/* ---- proposals --------------------------------------------------------------------- */

static void decide(const struct tamga_entry_id *id, const char *const *voter, size_t count)
{
    for (size_t i = 0; i < count; i++)
        say(&cluster, NULL, voter[i], say_approve(id));
}
#define DECIDE(id, ...)                                                                  \
    decide(id, (const char *const[]){__VA_ARGS__},                                       \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* The approval again, its body naming another id; and if asked for, with an id that fits. */
static void aim(struct tamga_buf *payload, const struct tamga_entry_id *from,
                const struct tamga_entry_id *to, bool fit)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    struct tamga_hash id;
    uint8_t *at;

    CHECK(tamga_wire_unpack((ProtobufCMessage **)&message, &tamga__v1__signed__descriptor,
                            TAMGA_WIRE_LOOSE, tamga_buf_span(payload), NULL) == TAMGA_OK);
    at = memmem(message->body.data, message->body.len, from->hash.byte, TAMGA_HASH_BYTES);
    CHECK(at != NULL);
    memcpy(at, to->hash.byte, TAMGA_HASH_BYTES);
    tamga_domain_hash(&id, TAMGA_DOMAIN_TRANSACTION, &cluster.consortium.id,
                      tamga_wire_span(message->body));
    if (fit)
        memcpy(message->id.data, id.byte, sizeof id.byte);
    payload->len = 0;
    CHECK(tamga_wire_pack(payload, &message->base) == TAMGA_OK);
}

/*
 * Goal:   what was approved is what is decided: an approval is worth nothing for a proposal that
 *         says something else, and a voter has one voice.
 * Method: newco is to be a provider, and node-a says yes; then newco is to be an OEM, and node-a's
 *         yes is sent again as it is, and rewritten for that.
 */
static void approvals_are_for_what_they_name(struct tamga_entry_id *as_oem)
{
    struct tamga_entry_id as_provider, id, nothing = {{{7}}};
    TAMGA_BUF yes = {0};
    TAMGA_BUF other = {0};

    say(&cluster, &as_provider, "acme", say_join("newco", TAMGA__V1__ROLE__ROLE_PROVIDER));
    say_sign(&cluster, &yes, &id, "node-a", say_approve(&as_provider));
    CHECK(cluster_submit(&cluster, "node-a", &yes, NULL) == TAMGA_OK);
    say_wait_final(&cluster, &id);
    say(&cluster, as_oem, "acme", say_join("newco", TAMGA__V1__ROLE__ROLE_OEM));
    say_wait_final(&cluster, as_oem);
    say_refused(&cluster, "an old yes as it is", TAMGA_E_DUPLICATE_ENTRY, &yes, NULL);
    CHECK(tamga_buf_set(&other, tamga_buf_span(&yes)) == TAMGA_OK);
    aim(&other, &as_provider, as_oem, false);
    say_refused(&cluster, "an old yes under its id", TAMGA_E_ID_MISMATCH, &other, NULL);
    aim(&yes, &as_provider, as_oem, true);
    say_refused(&cluster, "an old yes for something else", TAMGA_E_BAD_SIGNATURE, &yes, NULL);
    refused("a second yes", TAMGA_E_APPROVED_ALREADY, "node-a", say_approve(&as_provider));
    refused("a yes to nothing", TAMGA_E_UNKNOWN_PROPOSAL, "bolt", say_approve(&nothing));
    refused("another's key", TAMGA_E_KEY_TAKEN, "acme",
            say_propose("newco", TAMGA__V1__STANDING__STANDING_ACTIVE, "bolt",
                    TAMGA__V1__ROLE__ROLE_OEM));
    refused("not a member yet", TAMGA_E_NOT_MEMBER, "newco", say_approve(as_oem));
    DECIDE(&as_provider, "bolt", "node-b");
    refused("a yes too late", TAMGA_E_PROPOSAL_OVER, "node-c", say_approve(&as_provider));
}

/* ---- who is removed ---------------------------------------------------------------- */

static struct {
    struct tamga_publisher *publisher; /* in node-c's place, heard by node-a and node-b */
    uint64_t number;
} gone;

static void publish(Tamga__V1__Gossip *gossip)
{
    uint8_t name[8] = "removed";
    TAMGA_BUF bytes = {0};

    gossip->chain = tamga_wire_bytes(tamga_hash_span(&cluster.consortium.id.hash));
    gossip->publisher = tamga_wire_bytes(tamga_span(name, sizeof name));
    gossip->number = ++gone.number;
    CHECK(tamga_wire_pack(&bytes, &gossip->base) == TAMGA_OK);
    CHECK(tamga_publisher_send(gone.publisher, tamga_buf_span(&bytes)) == TAMGA_OK);
}

/* node-a's best chain, header by header. Returns false if it cannot be had now. */
static bool fetch_trail(struct tamga_trail *trail)
{
    SAY_REPLY(reply, cluster_find(&cluster, "node-a"));
    Tamga__V1__GetHeadersRequest request = TAMGA__V1__GET_HEADERS_REQUEST__INIT;
    ProtobufCBinaryData from =
        tamga_wire_bytes(tamga_hash_span(&cluster.consortium.genesis_id.hash));
    const Tamga__V1__GetHeadersResponse *response;

    request.chain = tamga_wire_bytes(tamga_hash_span(&cluster.consortium.id.hash));
    request.n_locator = 1;
    request.locator = &from;
    request.count_max = HEADERS_MAX;
    tamga__v1__chain_service__get_headers(
        tamga_reply_service(&reply, &tamga__v1__chain_service__descriptor), &request,
        (Tamga__V1__GetHeadersResponse_Closure)tamga_reply_take, &reply);
    if (reply.err != TAMGA_OK)
        return false;
    response = (const Tamga__V1__GetHeadersResponse *)reply.message;
    tamga_trail_start(trail, &cluster.consortium.genesis);
    for (size_t i = 0; i < response->n_headers; i++) {
        struct tamga_sealed sealed;
        struct tamga_block_id id;

        CHECK(tamga_sealed_decode(&sealed, response->headers[i]) == TAMGA_OK);
        tamga_header_id(&id, &sealed.header);
        tamga_trail_push(trail, &sealed.header, &id);
    }
    return true;
}

/* A block without entries, good in all but its miner. */
static void announce_block(const struct tamga_trail *parent)
{
    struct test_block block;
    struct tamga_sealed_wire wire;
    Tamga__V1__BlockAnnounce announce = TAMGA__V1__BLOCK_ANNOUNCE__INIT;
    Tamga__V1__Gossip gossip = TAMGA__V1__GOSSIP__INIT;

    test_block_on(&block, &cluster.consortium, parent, "node-c", 1, NULL, 0, NULL);
    tamga_sealed_lend(&wire, &block.block.sealed);
    announce.sealed = &wire.message;
    gossip.body_case = TAMGA__V1__GOSSIP__BODY_BLOCK;
    gossip.block = &announce;
    publish(&gossip);
    test_block_clear(&block);
}

static void publish_vote(const struct tamga_trail *trail)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    Tamga__V1__Gossip gossip = TAMGA__V1__GOSSIP__INIT;
    struct tamga_link link = {
        .source = {.height = trail->tip.height - 1, .id = {trail->tip.parent.hash}},
        .target = {.height = trail->tip.height, .id = trail->tip_id}};

    CHECK(tamga_vote_make(&vote, &cluster.consortium, &link, test_key("node-c")) == TAMGA_OK);
    CHECK(tamga_wire_unpack((ProtobufCMessage **)&message, &tamga__v1__signed__descriptor,
                            TAMGA_WIRE_LOOSE, tamga_buf_span(&vote.bytes), NULL) == TAMGA_OK);
    gossip.body_case = TAMGA__V1__GOSSIP__BODY_VOTE;
    gossip.vote = message;
    publish(&gossip);
}

static void publish_cosignature(const struct tamga_trail *trail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    Tamga__V1__Gossip gossip = TAMGA__V1__GOSSIP__INIT;
    struct tamga_cosignature word;
    struct tamga_checkpoint checkpoint = {
        .at = {.height = trail->tip.height, .id = trail->tip_id},
        .state_root = trail->tip.state_root,
        .council = trail->tip.anchor, /* as the header states it */
        .time_ms = trail->tip.time_ms};

    CHECK(tamga_cosignature_make(&word, &cluster.consortium, &checkpoint,
                                 test_key("node-c")) == TAMGA_OK);
    CHECK(tamga_checkpoint_pack(&message, &cluster.consortium, &word, 1) == TAMGA_OK);
    gossip.body_case = TAMGA__V1__GOSSIP__BODY_CHECKPOINT;
    gossip.checkpoint = message;
    publish(&gossip);
}

/* Both nodes say why; what a moved tip has spoiled is said again for the new one. */
static bool is_told_off(struct cluster *self, void *context)
{
    static const char *const word[] = {
        "(NOT_MINER)", "vote: signer is no validator of this chain (NOT_VALIDATOR)",
        "cosignature: signer is no validator of this chain (NOT_VALIDATOR)"};
    struct tamga_trail trail;
    bool told = true;

    (void)context;
    if (!fetch_trail(&trail))
        return false;
    announce_block(&trail);
    publish_vote(&trail);
    publish_cosignature(&trail);
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++)
        told = told && cluster_log_says(self, "node-a", word[i]) &&
               cluster_log_says(self, "node-b", word[i]);
    return told;
}

static bool is_at(struct cluster *self, void *height)
{
    struct tamga_header tip;

    return say_tip(self, "node-a", &tip) && tip.height >= *(uint64_t *)height;
}

/* The proposal's last approval, and then until the next block is one of validators who have
 * changed. */
static void decide_and_wait(const struct tamga_entry_id *id, const char *last)
{
    struct tamga_entry_id yes;
    uint64_t height;

    say(&cluster, &yes, last, say_approve(id));
    say_wait_final(&cluster, &yes);
    height = say_height(&cluster, &yes) + TAMGA_COUNCIL_GAP - 1;
    cluster_wait(&cluster, "validators have changed", 30, is_at, &height);
}

/*
 * Goal:   a consortium node that a quorum has removed makes no block, no vote, no checkpoint and
 *         no transaction any more, though it still has its key and its place.
 * Method: node-c is stopped, and a publisher with its key speaks in its place.
 */
static void who_is_removed_is_nobody(const struct tamga_entry_id *open)
{
    struct cluster_release release = {.counter = 3, .seed = 3};
    struct tamga_entry_id id;
    struct tamga_hash before, after;

    say(&cluster, &id, "acme", say_remove("node-c"));
    DECIDE(&id, "bolt", "node-a");
    decide_and_wait(&id, "node-b");
    CHECK(cluster_stop(&cluster, "node-c", SIGTERM) == 0);
    published(&release, &id);
    refused("a removed member's yes", TAMGA_E_KEY_ENDED, "node-c", say_approve(open));
    refused("its proposal", TAMGA_E_KEY_ENDED, "node-c", say_remove("bolt"));
    refused("its return", TAMGA_E_NAME_TAKEN, "acme",
            say_propose("node-c", TAMGA__V1__STANDING__STANDING_ACTIVE, "node-c's second", 0));
    CHECK(!cluster_log_says(&cluster, "node-a", "(NOT_MINER)"));
    say_root(&cluster, &before);
    CHECK(tamga_publisher_open(&gone.publisher, cluster_find(&cluster, "node-c")->gossip,
                               NULL) == TAMGA_OK);
    cluster_wait(&cluster, "its block, vote and cosignature refused", 30, is_told_off, NULL);
    tamga_publisher_close(gone.publisher);
    say_root(&cluster, &after);
    CHECK(tamga_hash_equal(&before, &after));
}

/*
 * Goal:   nobody can be removed without whom nothing could be decided or mined any more.
 * Method: node-b goes by decision; then node-a is the last.
 */
static void somebody_is_left(void)
{
    struct tamga_entry_id id;

    say(&cluster, &id, "acme", say_remove("node-b"));
    DECIDE(&id, "bolt");
    decide_and_wait(&id, "node-a");
    refused("nobody left to mine", TAMGA_E_NO_QUORUM, "acme", say_remove("node-a"));
}

/*
 * Goal:   a key says nothing before its height.
 * Method: softco's next key, sixteen blocks early; the old one still may.
 */
static void a_key_has_its_time(const struct tamga_entry_id *release)
{
    struct tamga_entry_id id;

    say(&cluster, &id, "softco", say_rotate(&cluster, "softco", "softco's second", LATE_BLOCKS));
    refused("a key too early", TAMGA_E_KEY_NOT_YET, "softco's second", say_withdraw(release));
    say(&cluster, NULL, "softco", say_withdraw(release));
}

int main(void)
{
    struct tamga_entry_id release, softcos, open;
    uint64_t until_ms;

    cluster_open(&cluster, 3, 0);
    cluster_start_all(&cluster);
    published(&(struct cluster_release){.counter = 1, .seed = 1}, &release);
    approvals_are_for_what_they_name(&open);
    members_keep_to_their_roles(&release, &open);
    until_ms = providers_keep_to_their_delegation(&softcos);
    two_signatures_are_of_two();
    its_time_is_over(until_ms);
    who_is_removed_is_nobody(&open);
    somebody_is_left();
    a_key_has_its_time(&softcos);
    cluster_close(&cluster);
    puts("ok");
    return 0;
}
