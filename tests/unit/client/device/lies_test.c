/* client/device against a gateway that lies: about its answer, the chain, the proof and
 * the image. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/wire.h"
#include "world.h"

static struct world world;
static struct image image;

static void start(void)
{
    world_start(&world);
    world_image(&world, &image, 1, WORLD_IMAGE_BYTES);
}
static void end(void)
{
    image_clear(&image);
    world_end(&world);
}
TestSuite(lies, .init = start, .fini = end, .timeout = 60);

static void session_gives(enum tamga_err expected)
{
    enum tamga_err err = world_session(&world);

    cr_assert_eq(err, expected, "%s: %s", tamga_err_name(err), world.detail.text);
}

static void last_receipt(Tamga__V1__Outcome outcome, enum tamga_err reason)
{
    Tamga__V1__ReceiptBody *receipt = world_receipt(&world, world.gateway.receipt_count - 1);

    cr_assert_eq(receipt->outcome, outcome);
    cr_assert_eq(receipt->reason, (uint32_t)reason);
    tamga_wire_free(&receipt->base);
}

static void lie_is_refused(enum tamga_err expected)
{
    session_gives(expected);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_REFUSED);
    cr_assert_eq(world.gateway.blocks_asked, 0);
    last_receipt(TAMGA__V1__OUTCOME__OUTCOME_REFUSED, expected);
}

/* ---- the answer --------------------------------------------------------------------- */

static void other_nonce(Tamga__V1__CheckInResponse *response)
{
    response->nonce.data[15] ^= 1;
}
static void no_nonce(Tamga__V1__CheckInResponse *response)
{
    response->nonce = (ProtobufCBinaryData){0};
}

/*
 * Goal:   an answer recorded from another check-in is worth nothing, not even a receipt.
 * Method: another nonce, and none, with a good offer and without one.
 */
Test(lies, wrong_nonce)
{
    world_offer(&world, &image, NULL);
    world.gateway.change_answer = other_nonce;
    session_gives(TAMGA_E_WRONG_NONCE);
    world.gateway.change_answer = no_nonce;
    session_gives(TAMGA_E_WRONG_NONCE);
    world.gateway.offers = false;
    session_gives(TAMGA_E_WRONG_NONCE);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_REFUSED);
    cr_assert_eq(world.gateway.receipt_count, 0);
}

/* ---- the proof ---------------------------------------------------------------------- */

static void no_proof(Tamga__V1__CheckInResponse *response)
{
    response->inclusion = NULL;
}
static void flip_path(Tamga__V1__CheckInResponse *response)
{
    response->inclusion->path[0].data[31] ^= 1;
}
static void short_path(Tamga__V1__CheckInResponse *response)
{
    response->inclusion->n_path--;
}
static void other_index(Tamga__V1__CheckInResponse *response)
{
    response->inclusion->index = 1;
}
static void other_header(Tamga__V1__CheckInResponse *response)
{
    response->inclusion->sealed->header.data[227] ^= 1;
}
static void far_header(Tamga__V1__CheckInResponse *response)
{
    response->inclusion->sealed->header.data[42] ^= 1; /* 256 blocks higher */
}
static void no_header(Tamga__V1__CheckInResponse *response)
{
    response->inclusion->sealed = NULL;
}

/*
 * Goal:   each part of the proof is held to the chain.
 * Method: change one part at a time of a good answer.
 */
Test(lies, proof)
{
    static const struct {
        void (*change)(Tamga__V1__CheckInResponse *response);
        enum tamga_err expected;
    } row[] = {
        {no_proof, TAMGA_E_MISSING_FIELD},    {no_header, TAMGA_E_MISSING_FIELD},
        {flip_path, TAMGA_E_BAD_PROOF},       {short_path, TAMGA_E_BAD_PROOF},
        {other_index, TAMGA_E_BAD_PROOF},     {other_header, TAMGA_E_NOT_ON_CHAIN},
        {far_header, TAMGA_E_NOT_ON_CHAIN},
    };
    size_t receipts = 0;

    world_offer(&world, &image, NULL);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        world.gateway.change_answer = row[i].change;
        session_gives(row[i].expected);
        cr_assert_eq(world.gateway.blocks_asked, 0);
        if (row[i].expected == TAMGA_E_NOT_ON_CHAIN)
            cr_assert_eq(world.gateway.receipt_count, receipts); /* says nothing of it */
        else
            last_receipt(TAMGA__V1__OUTCOME__OUTCOME_REFUSED, row[i].expected);
        receipts = world.gateway.receipt_count;
    }
    world.gateway.change_answer = NULL;
    session_gives(TAMGA_OK);
}

/*
 * Goal:   the proof of another release proves nothing about this one.
 * Method: two releases in two blocks; the offer of one with the inclusion of the other.
 */
Test(lies, proof_of_another_release)
{
    world_offer(&world, &image, NULL);
    world_offer(&world, &image, &(struct test_release){.counter = 2});
    world.gateway.offer_block = 0;
    lie_is_refused(TAMGA_E_BAD_PROOF);
}

/*
 * Goal:   a release in a block that was verified long ago is still found on the chain.
 * Method: 100 blocks above it, then offer it.
 */
Test(lies, old_release_is_on_the_chain)
{
    world_offer(&world, &image, NULL);
    world_grow(&world, 1, 100, 10, 0);
    session_gives(TAMGA_OK);
    cr_assert_eq(world_status(&world).height, 101);
    cr_assert(world_runs(&world, &image));
}

/* ---- the chain ---------------------------------------------------------------------- */

static size_t flipped_byte;
static void flip_header(Tamga__V1__GetDeviceHeadersResponse *response)
{
    if (response->n_headers > 1)
        response->headers[1]->header.data[flipped_byte] ^= 1;
}

/*
 * Goal:   no flipped bit of a header survives, and the reason fits the field.
 * Method: flip the lowest bit of every byte of the second of three headers.
 */
Test(lies, flipped_header_bits)
{
    world_grow(&world, 0, 2, 10, 0);
    world_offer(&world, &image, NULL);
    world.gateway.change_headers = flip_header;
    for (flipped_byte = 0; flipped_byte < TAMGA_HEADER_BYTES; flipped_byte++) {
        enum tamga_err err = world_session(&world);
        bool sealed = err == TAMGA_E_BAD_WORK || err == TAMGA_E_BAD_SEAL;

        if (flipped_byte < 4)
            cr_assert_eq(err, TAMGA_E_BAD_VERSION);
        else if (flipped_byte < 36)
            cr_assert_eq(err, TAMGA_E_WRONG_CHAIN);
        else if (flipped_byte < 44)
            cr_assert_eq(err, TAMGA_E_BAD_HEIGHT);
        else if (flipped_byte < 76)
            cr_assert_eq(err, TAMGA_E_BAD_PARENT);
        else if (flipped_byte < 108)
            cr_assert(sealed);
        else if (flipped_byte < 172)
            cr_assert_eq(err, TAMGA_E_BAD_RESERVED);
        else if (flipped_byte < 204)
            cr_assert(err == TAMGA_E_BAD_WORK || err == TAMGA_E_NOT_MINER);
        else if (flipped_byte < 212)
            cr_assert(sealed || err == TAMGA_E_TIME_TOO_NEW || err == TAMGA_E_TIME_TOO_OLD);
        else if (flipped_byte < 216)
            cr_assert(sealed || err == TAMGA_E_BLOCK_TOO_LARGE || err == TAMGA_E_EMPTY_BLOCK);
        else if (flipped_byte < 220)
            cr_assert_eq(err, TAMGA_E_BAD_TARGET);
        else
            cr_assert(sealed);
        cr_assert_eq(world_status(&world).height, 0, "a page counts as a whole");
    }
    cr_assert_eq(world.gateway.blocks_asked, 0);
    world.gateway.change_headers = NULL;
    session_gives(TAMGA_OK);
}

static void flip_seal(Tamga__V1__GetDeviceHeadersResponse *response)
{
    if (response->n_headers > 0)
        response->headers[0]->seal->value.data[7] ^= 1;
}
Test(lies, flipped_seal)
{
    world_offer(&world, &image, NULL);
    world.gateway.change_headers = flip_seal;
    lie_is_refused(TAMGA_E_BAD_SEAL);
}

/*
 * Goal:   only consortium nodes make the chain.
 * Method: one block mined by a gateway, with good work and a good seal.
 */
Test(lies, mined_by_a_gateway)
{
    struct test_block *block = &world.gateway.block[0];
    struct tamga_buf payload = {0};

    world_offer(&world, &image, NULL);
    cr_assert_eq(tamga_buf_set(&payload, tamga_buf_span(&world.gateway.offer)), TAMGA_OK);
    test_block_clear(block);
    test_block_on(block, test_consortium(), NULL, "gw-1", 0, &payload, 1, NULL);
    tamga_buf_clear(&payload);
    lie_is_refused(TAMGA_E_NOT_MINER);
}

Test(lies, block_from_the_future)
{
    world_offer(&world, &image, NULL);
    world.now_ms = TEST_GENESIS_MS + TEST_SPACING_MS - TEST_DRIFT_MS - 1;
    lie_is_refused(TAMGA_E_TIME_TOO_NEW);
    world.now_ms++;
    session_gives(TAMGA_OK);
}

/*
 * Goal:   a branch with less work changes nothing and is not held against the release;
 *         of two with the same work the smaller id wins, as among nodes; one with more
 *         is taken.
 * Method: 6 blocks; forks at 3 with 2, 3 and 5 blocks.
 */
Test(lies, fork)
{
    struct tamga_block_id tip;
    bool smaller;

    world_grow(&world, 0, 5, 10, 0);
    world_offer(&world, &image, NULL);
    session_gives(TAMGA_OK);
    cr_assert_eq(world_status(&world).height, 6);
    tip = world.gateway.block[5].id;
    world_grow(&world, 3, 1, 40, 0);
    world_offer(&world, &image, &(struct test_release){.counter = 2});
    session_gives(TAMGA_E_LESS_WORK);
    cr_assert_eq(world.gateway.receipt_count, 1); /* that of the first install */
    world_grow(&world, 3, 2, 50, 0);
    world_offer(&world, &image, &(struct test_release){.counter = 3});
    smaller = memcmp(&world.gateway.block[5].id, &tip, sizeof tip) < 0;
    session_gives(smaller ? TAMGA_OK : TAMGA_E_LESS_WORK);
    cr_assert_eq(world_status(&world).height, 6);
    cr_assert_eq(world_status(&world).counter, smaller ? 3 : 1);
    world_grow(&world, 3, 4, 60, 0);
    world.gateway.page = 2; /* a branch that comes in several pages */
    world_offer(&world, &image, &(struct test_release){.counter = 4});
    session_gives(TAMGA_OK);
    cr_assert_eq(world_status(&world).height, 8);
    cr_assert_eq(world_status(&world).counter, 4);
    world_close(&world);
    cr_assert_eq(world_open(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world_status(&world).height, 8);
}

/*
 * Goal:   a fork below the last 64 headers is judged from genesis on.
 * Method: 70 blocks, then another chain of 75, then one of 60; ids of every height.
 */
Test(lies, fork_below_what_is_kept)
{
    world_grow(&world, 0, 69, 10, 0);
    world_offer(&world, &image, NULL);
    session_gives(TAMGA_OK);
    world_grow(&world, 1, 74, 200, 0);
    world_offer(&world, &image, &(struct test_release){.counter = 2});
    session_gives(TAMGA_OK);
    cr_assert_eq(world_status(&world).height, 76);
    for (size_t i = 0; i < world.gateway.block_count; i++) {
        struct tamga_block_id id;

        cr_assert_eq(tamga_header_log_id_at(&world.device->headers, &id, i + 1, NULL),
                     TAMGA_OK);
        cr_assert(tamga_hash_equal(&id.hash, &world.gateway.block[i].id.hash), "%zu", i);
    }
    world_grow(&world, 2, 58, 400, 0);
    world_offer(&world, &image, &(struct test_release){.counter = 3});
    session_gives(TAMGA_E_LESS_WORK);
    cr_assert_eq(world_status(&world).height, 76);
}

/*
 * Goal:   a gateway that lags behind by more than is kept shows no branch, and a release
 *         that it offers is judged on the chain known.
 * Method: 100 blocks; then only the first 20, with a release in one of them.
 */
Test(lies, lagging_gateway_is_no_branch)
{
    world_grow(&world, 0, 10, 10, 0);
    world_offer(&world, &image, &(struct test_release){.counter = 2});
    world_grow(&world, 11, 90, 100, 0);
    world.gateway.change_answer = no_proof; /* headers are followed, nothing is installed */
    session_gives(TAMGA_E_MISSING_FIELD);
    cr_assert_eq(world_status(&world).height, 101);
    world.gateway.change_answer = NULL;
    world_grow(&world, 20, 0, 0, 0);
    session_gives(TAMGA_OK);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_INSTALLED);
    cr_assert_eq(world_status(&world).height, 101);
}

static void skip_first(Tamga__V1__GetDeviceHeadersResponse *response)
{
    response->headers++;
    response->n_headers--;
}
Test(lies, headers_from_nowhere)
{
    world_grow(&world, 0, 3, 10, 0);
    world_offer(&world, &image, NULL);
    world.gateway.change_headers = skip_first;
    lie_is_refused(TAMGA_E_BAD_PARENT);
}

/*
 * Goal:   headers without an end are bounded by count and by time.
 * Method: 60 good ones in pages of 10 with a bound of 30; then a clock that runs.
 */
Test(lies, endless_headers)
{
    world_grow(&world, 0, 60, 10, 0);
    world_offer(&world, &image, NULL);
    world.gateway.page = 10;
    world_close(&world);
    world.options.headers_max = 30;
    world.options.sync_ms = 20000;
    cr_assert_eq(world_open(&world), TAMGA_OK);
    lie_is_refused(TAMGA_E_TOO_LARGE);
    cr_assert_eq(world_status(&world).height, 30);
    world.tick_ms = 1500;
    session_gives(TAMGA_E_DEADLINE);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_LATER);
    cr_assert_gt(world_status(&world).height, 30);
    world.tick_ms = 0;
    session_gives(TAMGA_OK);
}

/* ---- the image ---------------------------------------------------------------------- */

/*
 * Goal:   wrong bytes are asked for again, three times, and then the download fails.
 * Method: three bad answers, then good ones; four bad ones.
 */
Test(lies, bad_block_bytes)
{
    world_offer(&world, &image, NULL);
    world.gateway.bad_blocks = 4;
    session_gives(TAMGA_E_CID_MISMATCH);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_FAILED);
    cr_assert_eq(world.gateway.blocks_asked, 4);
    last_receipt(TAMGA__V1__OUTCOME__OUTCOME_FAILED, TAMGA_E_CID_MISMATCH);
    cr_assert_eq(world_status(&world).counter, 0);
    world.gateway.bad_blocks = 3;
    session_gives(TAMGA_OK);
    cr_assert(world_runs(&world, &image));
}

static void longer(Tamga__V1__TransactionBody *body)
{
    body->release->image_bytes++;
}
static void shorter(Tamga__V1__TransactionBody *body)
{
    body->release->image_bytes--;
}
static void other_sha256(Tamga__V1__TransactionBody *body)
{
    static struct tamga_hash zero;

    body->release->image_sha256 = tamga_wire_bytes(tamga_hash_span(&zero));
}

/*
 * Goal:   the signed length and SHA-256 hold beside the content id.
 * Method: releases whose tree is longer, shorter, or of another hash than they say.
 */
Test(lies, image_that_is_not_as_signed)
{
    static const struct {
        void (*change)(Tamga__V1__TransactionBody *body);
        enum tamga_err expected;
    } row[] = {
        {longer, TAMGA_E_IMAGE_LENGTH},
        {shorter, TAMGA_E_IMAGE_LENGTH},
        {other_sha256, TAMGA_E_IMAGE_MISMATCH},
    };
    char path[128];

    snprintf(path, sizeof path, "%s/current", world.root);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        world_offer(&world, &image,
                    &(struct test_release){.counter = i + 1, .change = row[i].change});
        session_gives(row[i].expected);
        cr_assert_eq(world.result.outcome, TAMGA_DEVICE_FAILED);
        last_receipt(TAMGA__V1__OUTCOME__OUTCOME_FAILED, row[i].expected);
        cr_assert_neq(access(path, F_OK), 0, "nothing may run");
    }
}

/*
 * Goal:   an interrupted download goes on where it stopped, also after a restart.
 * Method: BUSY after the root and one leaf; restart; count what is asked for.
 */
Test(lies, download_resumes)
{
    world_offer(&world, &image, NULL);
    world.gateway.good_blocks = 3;
    session_gives(TAMGA_E_BUSY);
    cr_assert_eq(world.result.outcome, TAMGA_DEVICE_LATER);
    cr_assert_eq(world.gateway.receipt_count, 0);
    cr_assert_eq(world.gateway.blocks_asked, 3);
    world_close(&world);
    cr_assert_eq(world_open(&world), TAMGA_OK);
    world.gateway.good_blocks = 0;
    session_gives(TAMGA_OK);
    cr_assert_eq(world.gateway.blocks_asked, 3 + 3, "root and two leaves, not three");
    cr_assert(world_runs(&world, &image));
}

/*
 * Goal:   whatever lies in the part file does no harm.
 * Method: garbage longer than the image.
 */
Test(lies, left_overs_of_another_image)
{
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/slot-a.part", world.root);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    cr_assert_geq(fd, 0);
    for (unsigned i = 0; i < 20; i++)
        cr_assert_eq(write(fd, image.bytes.data + 1, 60000), 60000);
    close(fd);
    world_offer(&world, &image, NULL);
    session_gives(TAMGA_OK);
    cr_assert(world_runs(&world, &image));
}

/*
 * Goal:   a `current` that is none of ours is not replaced.
 * Method: make it a file; run; the file is as it was.
 */
Test(lies, foreign_current_is_left_alone)
{
    struct stat info;
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/current", world.root);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    cr_assert_eq(write(fd, "factory", 7), 7);
    close(fd);
    world_offer(&world, &image, NULL);
    session_gives(TAMGA_E_INSTALL_FAILED);
    last_receipt(TAMGA__V1__OUTCOME__OUTCOME_FAILED, TAMGA_E_INSTALL_FAILED);
    cr_assert_eq(lstat(path, &info), 0);
    cr_assert_eq(info.st_size, 7);
}
