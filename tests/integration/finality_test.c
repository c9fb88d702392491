/*
 * Finality among real processes: a release becomes final and is proved to outsiders, no
 * validator contradicts itself through kills and a lost store, and one that does is shown.
 */
#include "cluster.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/gossip.h"
#include "rules/proof.h"
#include "tamga/v1/chain_service.pb-c.h"
#include "tamga/v1/consortium_service.pb-c.h"
#include "tamga/v1/gossip.pb-c.h"

#define HEARD_MAX 65536
#define KILLS     8

/* ---- what is asked of nodes -------------------------------------------------------------- */

#define REPLY(name, process)                                                             \
    TAMGA_CLEANUP(tamga_reply_clear)                                                     \
    struct tamga_reply name = {.channel = (process)->channel, .deadline_ms = 2000}

static ProtobufCBinaryData chain_bytes(const struct cluster *cluster)
{
    return tamga_wire_bytes(tamga_hash_span(&cluster->consortium.id.hash));
}

static void ask_finality(struct tamga_reply *reply, struct cluster *cluster)
{
    Tamga__V1__GetFinalityRequest request = TAMGA__V1__GET_FINALITY_REQUEST__INIT;

    request.chain = chain_bytes(cluster);
    tamga__v1__finality_service__get_finality(
        tamga_reply_service(reply, &tamga__v1__finality_service__descriptor), &request,
        (Tamga__V1__GetFinalityResponse_Closure)tamga_reply_take, reply);
}

/* The status body, or NULL if the node does not answer. Owns: by tamga_wire_free. */
static Tamga__V1__StatusBody *status_of(struct cluster *cluster, const char *name)
{
    REPLY(reply, cluster_find(cluster, name));
    Tamga__V1__GetStatusRequest request = TAMGA__V1__GET_STATUS_REQUEST__INIT;
    Tamga__V1__StatusBody *body = NULL;
    struct tamga_hash id;

    request.chain = chain_bytes(cluster);
    tamga__v1__chain_service__get_status(
        tamga_reply_service(&reply, &tamga__v1__chain_service__descriptor), &request,
        (Tamga__V1__GetStatusResponse_Closure)tamga_reply_take, &reply);
    if (reply.err != TAMGA_OK)
        return NULL;
    CHECK(tamga_signed_open(&id, (ProtobufCMessage **)&body,
                            ((Tamga__V1__GetStatusResponse *)reply.message)->status,
                            TAMGA_DOMAIN_STATUS, &cluster->consortium.id,
                            &tamga__v1__status_body__descriptor, NULL) == TAMGA_OK);
    return body;
}

struct place {
    const char *name;
    struct tamga_entry_id id;
    Tamga__V1__GetEntryProofResponse *proof; /* once there is one */
};

static bool proved(struct cluster *cluster, void *context)
{
    struct place *place = context;
    REPLY(reply, cluster_find(cluster, place->name));
    Tamga__V1__GetEntryProofRequest request = TAMGA__V1__GET_ENTRY_PROOF_REQUEST__INIT;

    request.chain = chain_bytes(cluster);
    request.id = tamga_wire_bytes(tamga_hash_span(&place->id.hash));
    tamga__v1__finality_service__get_entry_proof(
        tamga_reply_service(&reply, &tamga__v1__finality_service__descriptor), &request,
        (Tamga__V1__GetEntryProofResponse_Closure)tamga_reply_take, &reply);
    if (reply.err != TAMGA_OK)
        return false;
    place->proof = (Tamga__V1__GetEntryProofResponse *)reply.message;
    reply.message = NULL;
    return true;
}

/* Wait until the entry is final at a node, and believe its proof. */
static void wait_proved(struct cluster *cluster, const char *name,
                        const struct tamga_entry_id *id)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct place place = {.name = name, .id = *id};
    struct tamga_checkpoint checkpoint;
    struct tamga_header header;

    cluster_wait(cluster, name, 30, proved, &place);
    CHECK(tamga_entry_proof_check(&item, &header, &checkpoint, &cluster->consortium,
                                  place.proof->proof, NULL, NULL) == TAMGA_OK);
    CHECK(tamga_hash_equal(&item.id.hash, &id->hash));
    tamga_wire_free(&place.proof->base);
}

/* ---- every vote that anybody published ----------------------------------------------------- */

static struct {
    const struct tamga_chain *chain;
    pthread_mutex_t lock;
    struct {
        uint32_t validator;
        struct tamga_link link;
    } vote[HEARD_MAX];
    size_t count;
} heard = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void hear(void *context, struct tamga_span untrusted)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Gossip *gossip = NULL;
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};

    (void)context;
    CHECK(tamga_wire_unpack((ProtobufCMessage **)&gossip, &tamga__v1__gossip__descriptor,
                            TAMGA_WIRE_LOOSE, untrusted, NULL) == TAMGA_OK);
    if (gossip->body_case != TAMGA__V1__GOSSIP__BODY_VOTE)
        return;
    CHECK(tamga_vote_open(&vote, heard.chain, gossip->vote, NULL) == TAMGA_OK);
    pthread_mutex_lock(&heard.lock);
    CHECK(heard.count < HEARD_MAX);
    heard.vote[heard.count].validator = vote.validator;
    heard.vote[heard.count++].link = vote.link;
    pthread_mutex_unlock(&heard.lock);
}

static struct tamga_subscriber *open_ears(struct cluster *cluster)
{
    struct tamga_subscriber *subscriber;
    const char *addr[CLUSTER_PROCESSES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < cluster->count; i++)
        if (!cluster->process[i].gateway)
            addr[count++] = cluster->process[i].gossip;
    heard.chain = &cluster->consortium;
    CHECK(tamga_subscriber_open(&subscriber, addr, count, hear, NULL, NULL) == TAMGA_OK);
    return subscriber;
}

/* No validator signed two votes that contradict each other; all three were heard. */
static void nobody_contradicted_itself(void)
{
    size_t votes[TAMGA_VALIDATORS_MAX] = {0};

    pthread_mutex_lock(&heard.lock);
    for (size_t i = 0; i < heard.count; i++) {
        votes[heard.vote[i].validator]++;
        for (size_t j = 0; j < i; j++)
            CHECK(heard.vote[i].validator != heard.vote[j].validator ||
                  tamga_link_conflict(&heard.vote[i].link, &heard.vote[j].link) == TAMGA_OK);
    }
    for (uint32_t i = 0; i < tamga_validator_count(heard.chain); i++)
        CHECK(votes[i] > 0);
    printf("%zu votes heard, no contradiction\n", heard.count);
    pthread_mutex_unlock(&heard.lock);
}

/* ---- scenarios ---------------------------------------------------------------------------- */

/*
 * Goal:   a release becomes final at every node and at a gateway, and each proves it; the
 *         newest release comes with a proof that the verifier believes.
 * Method: publish at node-a; ask all for the entry's proof, node-b for the newest release.
 */
static void a_release_becomes_final(struct cluster *cluster)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct cluster_release release = {.counter = 1, .seed = 1};
    Tamga__V1__GetLatestReleaseRequest request = TAMGA__V1__GET_LATEST_RELEASE_REQUEST__INIT;
    struct tamga_checkpoint checkpoint;
    bool withdrawn = true;
    struct tamga_entry_id id;

    CHECK(cluster_publish(cluster, "node-a", &release, &id) == TAMGA_OK);
    for (size_t i = 0; i < cluster->count; i++)
        wait_proved(cluster, cluster->process[i].name, &id);
    REPLY(reply, cluster_find(cluster, "node-b"));
    request.producer = (char *)(uintptr_t)"acme";
    request.model = (char *)(uintptr_t)"cam";
    tamga__v1__consortium_service__get_latest_release(
        tamga_reply_service(&reply, &tamga__v1__consortium_service__descriptor), &request,
        (Tamga__V1__GetLatestReleaseResponse_Closure)tamga_reply_take, &reply);
    CHECK(reply.err == TAMGA_OK);
    CHECK(tamga_release_proof_check(
              &item, &withdrawn, &checkpoint, &cluster->consortium,
              ((Tamga__V1__GetLatestReleaseResponse *)reply.message)->proof, "acme", "cam",
              NULL, NULL) == TAMGA_OK);
    CHECK(!withdrawn && tamga_hash_equal(&item.id.hash, &id.hash));
}

/*
 * Goal:   killed at any moment and started again, no validator contradicts itself, and what
 *         is published becomes final.
 * Method: publish, and kill one node after the other a few milliseconds later, so that it
 *         dies before, while and after it votes.
 */
static void kills_bring_no_contradiction(struct cluster *cluster)
{
    static const char *const name[] = {"node-a", "node-b", "node-c"};
    struct tamga_entry_id id[KILLS];

    for (size_t i = 0; i < KILLS; i++) {
        struct cluster_release release = {.counter = 2 + i, .seed = 2 + i};
        const char *victim = name[i % 3];

        CHECK(cluster_publish(cluster, name[(i + 1) % 3], &release, &id[i]) == TAMGA_OK);
        (void)poll(NULL, 0, (int)(40 * i)); /* another moment of its life each time */
        CHECK(cluster_stop(cluster, victim, SIGKILL) == 128 + SIGKILL);
        cluster_start(cluster, victim);
    }
    for (size_t i = 0; i < KILLS; i++)
        wait_proved(cluster, name[i % 3], &id[i]);
}

static void lose_store(const struct cluster_process *process)
{
    char path[CLUSTER_PATH_MAX + 8];
    pid_t pid;
    int status = 0;

    snprintf(path, sizeof path, "%s/data", process->folder);
    pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", path, (char *)NULL);
        _exit(127);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

/*
 * Goal:   a validator whose store was lost does not vote again for what it voted for.
 * Method: stop node-a, remove its data, start it; it catches up, and a new release becomes
 *         final at it.
 */
static void a_lost_store_brings_no_contradiction(struct cluster *cluster)
{
    struct cluster_release release = {.counter = 100, .seed = 100};
    struct tamga_entry_id id;

    CHECK(cluster_stop(cluster, "node-a", SIGKILL) == 128 + SIGKILL);
    lose_store(cluster_find(cluster, "node-a"));
    cluster_start(cluster, "node-a");
    CHECK(cluster_publish(cluster, "node-b", &release, &id) == TAMGA_OK);
    wait_proved(cluster, "node-a", &id);
}

static void publish_vote(struct cluster *cluster, struct tamga_publisher *publisher,
                         const struct tamga_link *link, uint64_t number)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    Tamga__V1__Gossip gossip = TAMGA__V1__GOSSIP__INIT;
    uint8_t name[8] = "forger";
    TAMGA_BUF bytes = {0};

    CHECK(tamga_vote_make(&vote, &cluster->consortium, link, test_key("node-c")) == TAMGA_OK);
    CHECK(tamga_wire_unpack((ProtobufCMessage **)&message, &tamga__v1__signed__descriptor,
                            TAMGA_WIRE_LOOSE, tamga_buf_span(&vote.bytes), NULL) == TAMGA_OK);
    gossip.chain = chain_bytes(cluster);
    gossip.publisher = tamga_wire_bytes(tamga_span(name, sizeof name));
    gossip.number = number;
    gossip.body_case = TAMGA__V1__GOSSIP__BODY_VOTE;
    gossip.vote = message;
    CHECK(tamga_wire_pack(&bytes, &gossip.base) == TAMGA_OK);
    CHECK(tamga_publisher_send(publisher, tamga_buf_span(&bytes)) == TAMGA_OK);
}

struct forging {
    struct tamga_publisher *publisher;
    uint64_t number;
};

/* Does a node know that node-c lied? Says both votes again before it is asked. */
static bool caught(struct cluster *cluster, const char *name)
{
    Tamga__V1__StatusBody *body = status_of(cluster, name);
    bool known = body != NULL && body->conflicts == 1;

    tamga_wire_free((ProtobufCMessage *)body);
    return known;
}

static bool forge_until_caught(struct cluster *cluster, void *context)
{
    struct forging *forging = context;
    Tamga__V1__StatusBody *body = status_of(cluster, "node-a");
    struct tamga_link link;

    CHECK(body != NULL);
    link.source.height = body->final_height;
    link.target.height = body->height;
    CHECK(tamga_hash_from(&link.source.id.hash, tamga_wire_span(body->final)) == TAMGA_OK);
    CHECK(tamga_hash_from(&link.target.id.hash, tamga_wire_span(body->tip)) == TAMGA_OK);
    tamga_wire_free(&body->base);
    if (link.target.height > link.source.height) {
        publish_vote(cluster, forging->publisher, &link, ++forging->number);
        link.target.id.hash.byte[31] ^= 1;
        publish_vote(cluster, forging->publisher, &link, ++forging->number);
    }
    return caught(cluster, "node-a") && caught(cluster, "node-b");
}

static bool c_knows(struct cluster *cluster, void *context)
{
    (void)context;
    return caught(cluster, "node-c");
}

/* Whoever is asked shows two votes of node-c that contradict each other. */
static void evidence_is_served(struct cluster *cluster, const char *name)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote first = {0};
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote second = {0};
    REPLY(reply, cluster_find(cluster, name));
    const Tamga__V1__GetFinalityResponse *response;

    ask_finality(&reply, cluster);
    CHECK(reply.err == TAMGA_OK);
    response = (const Tamga__V1__GetFinalityResponse *)reply.message;
    CHECK(response->n_conflicts == 1);
    CHECK(tamga_vote_open(&first, &cluster->consortium, response->conflicts[0]->first, NULL) ==
          TAMGA_OK);
    CHECK(tamga_vote_open(&second, &cluster->consortium, response->conflicts[0]->second,
                          NULL) == TAMGA_OK);
    CHECK(first.validator == second.validator);
    CHECK(strcmp(tamga_validator(&cluster->consortium, first.validator)->name, "node-c") == 0);
    CHECK(tamga_link_conflict(&first.link, &second.link) != TAMGA_OK);
}

static bool log_says(const struct cluster_process *process, const char *event,
                     const char *word)
{
    char path[CLUSTER_PATH_MAX + 8], line[4096];
    bool found = false;
    FILE *file;

    snprintf(path, sizeof path, "%s/log", process->folder);
    file = fopen(path, "r");
    CHECK(file != NULL);
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = strstr(line, event) != NULL && strstr(line, word) != NULL;
    fclose(file);
    return found;
}

/*
 * Goal:   a validator that votes for two blocks of one height is caught by all who hear it:
 *         the log names it, the status counts it, the evidence is served, and it goes on to
 *         who was away.
 * Method: node-c is stopped, and its place on the gossip is taken by a publisher that signs
 *         with node-c's key; then node-c is started and hears of it from the others.
 */
static void who_equivocates_is_caught(struct cluster *cluster)
{
    struct forging forging = {0};

    CHECK(!log_says(cluster_find(cluster, "node-a"), "validator.conflict", "node-c"));
    CHECK(cluster_stop(cluster, "node-c", SIGTERM) == 0);
    CHECK(tamga_publisher_open(&forging.publisher, cluster_find(cluster, "node-c")->gossip,
                               NULL) == TAMGA_OK);
    cluster_wait(cluster, "evidence", 30, forge_until_caught, &forging);
    tamga_publisher_close(forging.publisher);
    evidence_is_served(cluster, "node-a");
    evidence_is_served(cluster, "node-b");
    CHECK(log_says(cluster_find(cluster, "node-a"), "validator.conflict", "node-c"));
    CHECK(log_says(cluster_find(cluster, "node-b"), "validator.conflict", "node-c"));
    cluster_start(cluster, "node-c");
    cluster_wait(cluster, "node-c", 30, c_knows, NULL);
    evidence_is_served(cluster, "node-c");
}

int main(void)
{
    struct cluster cluster;
    struct tamga_subscriber *ears;

    cluster_open(&cluster, 3, 1);
    ears = open_ears(&cluster);
    cluster_start_all(&cluster);
    a_release_becomes_final(&cluster);
    kills_bring_no_contradiction(&cluster);
    a_lost_store_brings_no_contradiction(&cluster);
    nobody_contradicted_itself();
    tamga_subscriber_close(ears); /* what is forged from here on is our own doing */
    who_equivocates_is_caught(&cluster);
    cluster_close(&cluster);
    puts("ok");
    return 0;
}
