/* client/producer/publish.c, draft.c: Algorithm 1 on this side, delivery, the proof. */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "fake_node.h"
#include "link/client_internal.h"

static uint64_t now_ms(void)
{
    return (uint64_t)time(NULL) * 1000;
}

static struct tamga_client *client_to(const struct fake_node *node, const char *member,
                                      uint32_t timeout_ms)
{
    const char *addr = fake_addr(node);
    const struct tamga_client_options options = {.nodes = &addr,
                                                 .node_count = 1,
                                                 .identity = fake_identity(member),
                                                 .timeout_ms = timeout_ms};
    struct tamga_client *client = NULL;
    struct tamga_detail detail = {""};

    cr_assert_eq(tamga_client_open(&client, &options, &detail), TAMGA_OK, "%s", detail.text);
    return client;
}

static struct tamga_publish_options image(const char *bytes)
{
    return (struct tamga_publish_options){
        .image = fake_file(bytes, strlen(bytes)), .model = "acme/cam", .version = "1.0"};
}

static enum tamga_err publish(struct tamga_client *client,
                              const struct tamga_publish_options *options,
                              struct tamga_publish_result *result)
{
    struct tamga_detail detail;

    return tamga_client_publish(client, options, result, &detail);
}

/* As a member: the reason, and that the node was not bothered. */
static void refused_locally(struct fake_node *node, const char *member,
                            const struct tamga_publish_options *options, enum tamga_err expected)
{
    struct tamga_client *client = client_to(node, member, 10000);
    struct tamga_publish_result result = {.height = 7};
    unsigned submits = fake_submits(node), puts = fake_puts(node);
    enum tamga_err err = publish(client, options, &result);

    cr_assert_eq(err, expected, "%s: %s", member, tamga_err_name(err));
    cr_assert_eq(result.height, 7, "result touched");
    cr_assert_eq(fake_submits(node), submits, "%s: submitted", member);
    cr_assert_eq(fake_puts(node), puts, "%s: uploaded", member);
    tamga_client_close(client);
}

/*
 * Goal:   an image becomes a release in a block, and the next counter follows by itself.
 * Method: two releases, by the OEM and by the provider.
 */
Test(publish, releases_an_image)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    struct tamga_client *acme = client_to(node, "acme", 10000);
    struct tamga_client *softco = client_to(node, "softco", 10000);
    struct tamga_publish_options first = image("first"), second = image("second");
    const char *depends = "acme/cam:1.0", *hardware[] = {"A", "B"};
    struct tamga_publish_result result = {0};

    cr_assert_eq(publish(acme, &first, &result), TAMGA_OK);
    cr_assert(result.accepted && result.mined);
    cr_assert_eq(result.counter, 1);
    cr_assert_eq(result.height, 1);
    cr_assert_eq(result.image_bytes, 5);
    cr_assert_eq(fake_contents(node), 1);
    second.version = "1.1";
    second.depends = &depends;
    second.depends_count = 1;
    second.hardware = hardware;
    second.hardware_count = 2;
    second.wait = TAMGA_WAIT_ACCEPTED;
    cr_assert_eq(publish(softco, &second, &result), TAMGA_OK);
    cr_assert(result.accepted);
    cr_assert_not(result.mined);
    cr_assert_eq(result.counter, 2);
    tamga_client_close(softco);
    tamga_client_close(acme);
    fake_stop(node);
}

/*
 * Goal:   who may not publish is told so here, with the code that nodes would answer.
 * Method: each wrong sender, model and revision in turn.
 */
Test(publish, refuses_without_authority)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    struct tamga_publish_options options = image("image");
    const char *hardware = "C";

    refused_locally(node, "stranger", &options, TAMGA_E_NOT_MEMBER);
    refused_locally(node, "gw-1", &options, TAMGA_E_GATEWAY_SENDER);
    refused_locally(node, "node-a", &options, TAMGA_E_NOT_PRODUCER);
    refused_locally(node, "bolt", &options, TAMGA_E_NOT_AUTHORIZED);
    options.model = "acme/lock";
    refused_locally(node, "softco", &options, TAMGA_E_NOT_AUTHORIZED);
    options.model = "acme/none";
    refused_locally(node, "acme", &options, TAMGA_E_UNKNOWN_MODEL);
    options.model = "acme/cam";
    options.hardware = &hardware;
    options.hardware_count = 1;
    refused_locally(node, "acme", &options, TAMGA_E_UNKNOWN_HARDWARE);
    fake_stop(node);
}

/*
 * Goal:   what is not written as it should be is refused before anything is read.
 * Method: models, versions, dependencies, an expiry in the past, a file that is absent.
 */
Test(publish, refuses_bad_options)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    struct tamga_publish_options good = image("image"), bad;
    const char *model[] = {"acme", "acme/", "/cam", "ACME/cam", "acme/c am", "acme/cam/1", NULL};
    const char *depends[] = {"acme/cam", "cam:1", "acme/cam:", "acme/cam:1/2"};

    for (size_t i = 0; i < sizeof model / sizeof *model; i++) {
        bad = good;
        bad.model = model[i];
        refused_locally(node, "acme", &bad, TAMGA_E_USAGE);
    }
    for (size_t i = 0; i < sizeof depends / sizeof *depends; i++) {
        bad = good;
        bad.depends = &depends[i];
        bad.depends_count = 1;
        refused_locally(node, "acme", &bad, TAMGA_E_USAGE);
    }
    bad = good;
    bad.version = "1 0";
    refused_locally(node, "acme", &bad, TAMGA_E_USAGE);
    bad = good;
    bad.hardware_count = TAMGA_CLIENT_LIST_MAX + 1;
    refused_locally(node, "acme", &bad, TAMGA_E_TOO_LARGE);
    bad = good;
    bad.expires_ms = now_ms() - 1000;
    refused_locally(node, "acme", &bad, TAMGA_E_RELEASE_EXPIRED);
    bad = good;
    bad.expires_ms = UINT64_MAX;
    refused_locally(node, "acme", &bad, TAMGA_E_BAD_VALUE);
    bad = good;
    bad.image = "/tmp/tamga-absent";
    refused_locally(node, "acme", &bad, TAMGA_E_FILE_IO);
    bad.image = "/tmp";
    refused_locally(node, "acme", &bad, TAMGA_E_IMAGE_LENGTH);
    fake_stop(node);
}

/*
 * Goal:   what the chain has already is refused here: image, counter, dependency; and a
 *         deliberate re-release goes through.
 * Method: three releases before (so that the list has pages), then each case.
 */
Test(publish, refuses_what_the_chain_has)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    struct tamga_client *acme = client_to(node, "acme", 10000);
    struct tamga_publish_options same = image("third"), other = image("other");
    struct tamga_publish_result first, third, again;
    const char *versions[] = {"first", "second"}, *depends = "acme/cam:9";

    for (size_t i = 0; i < 2; i++) {
        struct tamga_publish_options options = image(versions[i]);

        cr_assert_eq(publish(acme, &options, i == 0 ? &first : &again), TAMGA_OK);
    }
    cr_assert_eq(publish(acme, &same, &third), TAMGA_OK);

    refused_locally(node, "acme", &same, TAMGA_E_DUPLICATE_IMAGE);
    same.republish_of = first.tx_id;
    refused_locally(node, "acme", &same, TAMGA_E_BAD_REPUBLISH);
    other.republish_of = third.tx_id;
    refused_locally(node, "acme", &other, TAMGA_E_BAD_REPUBLISH);
    other.republish_of = NULL;
    other.counter = 3;
    refused_locally(node, "acme", &other, TAMGA_E_COUNTER_NOT_HIGHER);
    other.counter = 0;
    other.depends = &depends;
    other.depends_count = 1;
    refused_locally(node, "acme", &other, TAMGA_E_UNKNOWN_DEPENDENCY);

    same.republish_of = third.tx_id;
    same.counter = UINT64_MAX;
    cr_assert_eq(publish(acme, &same, &again), TAMGA_OK);
    cr_assert_eq(again.counter, UINT64_MAX);
    other.depends_count = 0;
    refused_locally(node, "acme", &other, TAMGA_E_COUNTER_NOT_HIGHER);
    tamga_client_close(acme);
    fake_stop(node);
}

/*
 * Goal:   a node that falters does not lose or double a release.
 * Method: a BUSY answer, a RATE_LIMITED one; then an entry that is taken and answered DEADLINE.
 */
Test(publish, submits_the_same_bytes_again)
{
    struct fake_node *node =
        fake_start(&(struct fake_options){.busy = 1, .limited = 1, .lost = 1});
    struct tamga_client *acme = client_to(node, "acme", 10000);
    struct tamga_publish_options options = image("image");
    struct tamga_publish_result result = {0};

    cr_assert_eq(publish(acme, &options, &result), TAMGA_OK);
    cr_assert(result.mined);
    cr_assert_eq(fake_submits(node), 4);
    cr_assert_eq(result.height, 1);
    tamga_client_close(acme);
    fake_stop(node);
}

/*
 * Goal:   acceptance is told even if no block comes in time.
 * Method: a node that does not mine, and a short time.
 */
Test(publish, tells_acceptance_without_a_block)
{
    struct fake_node *node = fake_start(&(struct fake_options){.lazy = true});
    struct tamga_client *acme = client_to(node, "acme", 600);
    struct tamga_publish_options options = image("image");
    struct tamga_publish_result result = {0};

    cr_assert_eq(publish(acme, &options, &result), TAMGA_E_DEADLINE);
    cr_assert(result.accepted);
    cr_assert_not(result.mined);
    tamga_client_close(acme);
    fake_stop(node);
}

static void bend_path(Tamga__V1__GetInclusionResponse *response)
{
    response->inclusion->index ^= 1;
}

static void bend_header(Tamga__V1__GetInclusionResponse *response)
{
    response->inclusion->sealed->header.data[100] ^= 1;
}

static void bend_away(Tamga__V1__GetInclusionResponse *response)
{
    response->inclusion = NULL;
}

static enum tamga_err publish_bent(void (*bend)(Tamga__V1__GetInclusionResponse *response))
{
    struct fake_node *node = fake_start(&(struct fake_options){.bend = bend});
    struct tamga_client *acme = client_to(node, "acme", 5000);
    struct tamga_publish_options options = image("image");
    struct tamga_publish_result result = {0};
    enum tamga_err err = publish(acme, &options, &result);

    cr_assert(result.accepted);
    cr_assert_not(result.mined);
    tamga_client_close(acme);
    fake_stop(node);
    return err;
}

/*
 * Goal:   a node's word that a block has the release is not taken without its proof.
 * Method: a wrong place; a flipped bit of the root; no proof at all.
 */
Test(publish, does_not_believe_a_false_proof)
{
    enum tamga_err err;

    cr_assert_eq(publish_bent(bend_path), TAMGA_E_BAD_PROOF);
    err = publish_bent(bend_header);
    cr_assert(err == TAMGA_E_BAD_SEAL || err == TAMGA_E_BAD_WORK, "%s", tamga_err_name(err));
    cr_assert_eq(publish_bent(bend_away), TAMGA_E_MISSING_FIELD);
}

/*
 * Goal:   waiting until it is final ends with the block and the checkpoint that make it so.
 * Method: a node whose blocks are final at once; a second release is in the next block.
 */
Test(publish, waits_until_it_is_final)
{
    struct fake_node *node = fake_start(&(struct fake_options){.final = true});
    struct tamga_client *acme = client_to(node, "acme", 10000);
    struct tamga_publish_options first = image("first"), second = image("second");
    struct tamga_publish_result result = {0};

    first.wait = TAMGA_WAIT_FINAL;
    cr_assert_eq(publish(acme, &first, &result), TAMGA_OK);
    cr_assert(result.accepted && result.mined && result.final);
    cr_assert(result.height == 1 && result.checkpoint_height == 1);
    second.version = "1.1";
    cr_assert_eq(publish(acme, &second, &result), TAMGA_OK); /* mined is the default here */
    cr_assert_not(result.final);
    cr_assert_eq(result.checkpoint_height, 0);
    tamga_client_close(acme);
    fake_stop(node);
}

/*
 * Goal:   that a release is in a block is told even if it is not final in time.
 * Method: a node on which nothing becomes final, and a short time.
 */
Test(publish, tells_a_block_that_is_not_final)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    struct tamga_client *acme = client_to(node, "acme", 600);
    struct tamga_publish_options options = image("image");
    struct tamga_publish_result result = {0};

    options.wait = TAMGA_WAIT_FINAL;
    cr_assert_eq(publish(acme, &options, &result), TAMGA_E_DEADLINE);
    cr_assert(result.accepted && result.mined);
    cr_assert_not(result.final);
    cr_assert_eq(result.height, 1);
    tamga_client_close(acme);
    fake_stop(node);
}

static void bend_block(Tamga__V1__EntryProof *proof)
{
    proof->inclusion->sealed->header.data[220] ^= 1;
}

static void bend_entry_path(Tamga__V1__EntryProof *proof)
{
    proof->inclusion->index ^= 1;
}

static void bend_checkpoint_away(Tamga__V1__EntryProof *proof)
{
    proof->checkpoint = NULL;
}

static enum tamga_err publish_unproved(const struct fake_options *options_of_node)
{
    struct fake_node *node = fake_start(options_of_node);
    struct tamga_client *acme = client_to(node, "acme", 5000);
    struct tamga_publish_options options = image("image");
    struct tamga_publish_result result = {0};
    enum tamga_err err;

    options.wait = TAMGA_WAIT_FINAL;
    err = publish(acme, &options, &result);
    cr_assert(result.accepted && result.mined);
    cr_assert_not(result.final);
    tamga_client_close(acme);
    fake_stop(node);
    return err;
}

/*
 * Goal:   a node's word that a release is final is not taken without its proof.
 * Method: a cosignature less than a quorum; another block; another place; no checkpoint.
 */
Test(publish, does_not_believe_a_false_entry_proof)
{
    struct fake_options options = {.final = true, .few_cosigners = true};

    cr_assert_eq(publish_unproved(&options), TAMGA_E_TOO_FEW_COSIGNERS);
    options.few_cosigners = false;
    options.bend_entry = bend_block;
    cr_assert_eq(publish_unproved(&options), TAMGA_E_PROOF_HEADERS);
    options.bend_entry = bend_entry_path;
    cr_assert_eq(publish_unproved(&options), TAMGA_E_BAD_PROOF);
    options.bend_entry = bend_checkpoint_away;
    cr_assert_eq(publish_unproved(&options), TAMGA_E_MISSING_FIELD);
}

struct seen {
    size_t count;
    uint64_t counter;
};

static enum tamga_err see(void *context, const struct tamga_release_info *release)
{
    struct seen *seen = context;

    cr_assert_str_eq(release->sender, "acme");
    cr_assert_gt(release->counter, seen->counter);
    cr_assert_eq(release->height, release->counter);
    seen->counter = release->counter;
    return ++seen->count == 5 ? TAMGA_E_BUSY : TAMGA_OK; /* had enough */
}

/*
 * Goal:   listings go over all pages, stop when told to, and refuse a bad model.
 * Method: five releases, pages of two.
 */
Test(publish, lists_releases)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    struct tamga_client *client = client_to(node, "acme", 10000);
    struct seen seen = {0};
    TAMGA_BUF payload = {0};

    for (uint64_t i = 1; i <= 5; i++) {
        if (i == 5) {
            cr_assert_eq(tamga_client_releases(client, "acme/cam", see, &seen, NULL), TAMGA_OK);
            cr_assert_eq(seen.count, 4);
        }
        test_release(&payload, NULL,
                     &(struct test_release){.counter = i, .time_ms = now_ms()});
        fake_add(node, test_consortium(), &payload);
    }
    seen = (struct seen){0};
    cr_assert_eq(tamga_client_releases(client, NULL, see, &seen, NULL), TAMGA_E_BUSY);
    seen = (struct seen){0};
    cr_assert_eq(tamga_client_releases(client, "acme/lock", see, &seen, NULL), TAMGA_OK);
    cr_assert_eq(seen.count, 0);
    cr_assert_eq(tamga_client_releases(client, "acme", see, &seen, NULL), TAMGA_E_USAGE);
    tamga_client_close(client);
    fake_stop(node);
}
