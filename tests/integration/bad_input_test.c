/*
 * Bad transactions through a real node's door: each is refused by its own code, and the
 * node is as it was before.
 */
#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/hash.h"

#define DAY_MS 86400000ull

static struct cluster cluster;

/* ---- what is wrong ------------------------------------------------------------------ */

static void stale(Tamga__V1__TransactionBody *body)
{
    body->time_ms -= 2 * DAY_MS;
}

static void future(Tamga__V1__TransactionBody *body)
{
    body->time_ms += DAY_MS;
}

static void other_hash(Tamga__V1__TransactionBody *body)
{
    body->release->image_sha256.data[0] ^= 1;
}

static void longer(Tamga__V1__TransactionBody *body)
{
    body->release->image_bytes++;
}

static void bad_cid(Tamga__V1__TransactionBody *body)
{
    body->release->cid[5] = '0'; /* no digit of base58 */
}

static void expired(Tamga__V1__TransactionBody *body)
{
    body->release->expires_ms = body->time_ms - 1;
}

static void foreign_address(Tamga__V1__TransactionBody *body)
{
    body->sender.data[3] ^= 1;
}

static void other_producer(Tamga__V1__TransactionBody *body)
{
    body->release->producer = (char *)(uintptr_t)"bolt";
}

static void other_id(Tamga__V1__Signed *message)
{
    message->id.data[31] ^= 1;
}

static void other_signature(Tamga__V1__Signed *message)
{
    message->signature->value.data[10] ^= 1;
}

/* The forger's own id fits the forged body, so that the body itself is judged. */
static void fit_id(Tamga__V1__Signed *message)
{
    struct tamga_hash id;

    tamga_domain_hash(&id, TAMGA_DOMAIN_TRANSACTION, &cluster.consortium.id,
                      tamga_wire_span(message->body));
    memcpy(message->id.data, id.byte, sizeof id.byte);
}

static void truncated(Tamga__V1__Signed *message)
{
    message->body.len -= 3;
    fit_id(message);
}

/* The same first field once more at the end: any decoder reads the same, the bytes differ. */
static void not_canonical(Tamga__V1__Signed *message)
{
    static uint8_t bytes[70000];
    size_t len = message->body.len;

    memcpy(bytes, message->body.data, len);
    memcpy(bytes + len, message->body.data, 34); /* tag, length, the sender's 32 bytes */
    message->body.data = memcpy(realloc(message->body.data, len + 34), bytes, len + 34);
    message->body.len = len + 34;
    fit_id(message);
}

static const struct {
    const char *what;
    enum tamga_err expected;
    struct cluster_release release;
} cases[] = {
    {"a sender that is no member", TAMGA_E_NOT_MEMBER, {.sender = "stranger"}},
    {"a gateway's key", TAMGA_E_GATEWAY_SENDER, {.sender = "gw-1"}},
    {"a consortium node's key", TAMGA_E_NOT_PRODUCER, {.sender = "node-a"}},
    {"another OEM's model", TAMGA_E_NOT_AUTHORIZED, {.sender = "bolt"}},
    {"an unknown model", TAMGA_E_UNKNOWN_MODEL, {.model = "toaster"}},
    {"a model of another producer", TAMGA_E_UNKNOWN_MODEL, {.change = other_producer}},
    {"a stale time", TAMGA_E_STALE_TIME, {.change = stale}},
    {"a future time", TAMGA_E_FUTURE_TIME, {.change = future}},
    {"an expired release", TAMGA_E_RELEASE_EXPIRED, {.change = expired}},
    {"an image with another hash", TAMGA_E_IMAGE_MISMATCH, {.change = other_hash}},
    {"an image of another length", TAMGA_E_IMAGE_LENGTH, {.change = longer}},
    {"a CID that is none", TAMGA_E_BAD_CID, {.change = bad_cid}},
    {"an image that was never put", TAMGA_E_NO_CONTENT, {.seed = 77, .skip_content = true}},
    {"an address of another key", TAMGA_E_ADDRESS_MISMATCH, {.change = foreign_address}},
    {"an id that is not the hash", TAMGA_E_ID_MISMATCH, {.forge = other_id}},
    {"a signature by nobody", TAMGA_E_BAD_SIGNATURE, {.forge = other_signature}},
    {"a truncated body", TAMGA_E_TRUNCATED, {.forge = truncated}},
    {"a body with a field twice", TAMGA_E_NOT_CANONICAL, {.forge = not_canonical}},
};

/* ---- the tests ----------------------------------------------------------------------- */

static bool included(struct cluster *self, void *context)
{
    return cluster_included(self, "node-a", &self->consortium, context);
}

/*
 * Goal:   every bad transaction is refused by the code of its rule.
 * Method: one change to a good release at a time, over a real socket.
 */
static void refuses_each(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cluster_release release = cases[i].release;
        enum tamga_err err;

        release.counter = 1;
        release.seed += 1;
        err = cluster_publish(&cluster, "node-a", &release, NULL);
        if (err != cases[i].expected) {
            fprintf(stderr, "%s: %s, expected %s\n", cases[i].what, tamga_err_name(err),
                    tamga_err_name(cases[i].expected));
            CHECK(!"refused by its own code");
        }
    }
}

/*
 * Goal:   the same image, the same counter and a lower one are refused.
 * Method: publish, wait for its block, publish again in each way.
 */
static void refuses_repetition(void)
{
    struct cluster_release first = {.counter = 5, .seed = 5};
    struct cluster_release image = {.counter = 6, .seed = 5};
    struct cluster_release counter = {.counter = 5, .seed = 6};
    struct cluster_release lower = {.counter = 4, .seed = 6};
    struct tamga_entry_id id;

    CHECK(cluster_publish(&cluster, "node-a", &first, &id) == TAMGA_OK);
    cluster_wait(&cluster, "first release in a block", 30, included, &id);
    CHECK(cluster_publish(&cluster, "node-a", &image, NULL) == TAMGA_E_DUPLICATE_IMAGE);
    CHECK(cluster_publish(&cluster, "node-a", &counter, NULL) == TAMGA_E_COUNTER_USED);
    CHECK(cluster_publish(&cluster, "node-a", &lower, NULL) == TAMGA_E_COUNTER_NOT_HIGHER);
}

int main(void)
{
    struct tamga_block_id before, after;
    uint64_t height = 0;

    cluster_open(&cluster, 1, 0);
    cluster_start(&cluster, "node-a");
    CHECK(cluster_status(&cluster, "node-a", &cluster.consortium, &height, &before));
    refuses_each();
    CHECK(cluster_status(&cluster, "node-a", &cluster.consortium, &height, &after));
    CHECK(height == 0 && tamga_hash_equal(&before.hash, &after.hash));
    refuses_repetition();
    cluster_close(&cluster);
    puts("ok");
    return 0;
}
