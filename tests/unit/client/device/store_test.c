/* client/device/state.c: damage and loss are noticed, and nothing is rebuilt in silence.
 * Also: what open refuses. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "device/file.h"
#include "tamga/v1/device_state.pb-c.h"
#include "wire/wire.h"
#include "world.h"

static struct world world;

static void start(void)
{
    world_start(&world);
    world_grow(&world, 3, "lock");
    world_offer_next(&world, 1);
    world.gateway.report_error = TAMGA_E_BUSY; /* so that a receipt waits in the state */
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    world_close(&world);
}
static void end(void)
{
    world_end(&world);
}
TestSuite(store, .init = start, .fini = end, .timeout = 60);

static void path_of(char out[160], const char *name)
{
    snprintf(out, 160, "%s/%s", world.state, name);
}

static void load(struct tamga_buf *out, const char *name)
{
    char path[160];

    path_of(path, name);
    cr_assert_eq(tamga_device_file_read(out, AT_FDCWD, path, 1u << 20, NULL), TAMGA_OK);
}

static void put(const char *name, const struct tamga_buf *bytes, size_t len)
{
    char path[160];
    FILE *file;

    path_of(path, name);
    file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes->data, 1, len, file), len);
    cr_assert_eq(fclose(file), 0);
}

static void open_gives(enum tamga_err expected)
{
    enum tamga_err err = world_open(&world);

    cr_assert_eq(err, expected, "%s: %s", tamga_err_name(err), world.detail.text);
    world_close(&world);
}

static void every_flip_and_cut_is_noticed(const char *name)
{
    struct tamga_buf bytes = {0};

    load(&bytes, name);
    for (size_t i = 0; i < bytes.len; i += i < 200 ? 1 : 37) {
        bytes.data[i] ^= 0x10;
        put(name, &bytes, bytes.len);
        open_gives(TAMGA_E_STORE_CORRUPT);
        bytes.data[i] ^= 0x10;
        put(name, &bytes, i);
        open_gives(TAMGA_E_STORE_CORRUPT);
    }
    put(name, &bytes, bytes.len);
    open_gives(TAMGA_OK);
    tamga_buf_clear(&bytes);
}

/*
 * Goal:   a damaged file is refused, whatever the damage, and never replaced.
 * Method: flip a bit and cut at every place; the good file opens afterwards.
 */
Test(store, damaged_state)
{
    every_flip_and_cut_is_noticed(TAMGA_DEVICE_STATE_FILE);
}
/*
 * Goal:   a state that was removed is not taken for a new device's: its counter would be 0,
 *         and any checkpoint would do.
 * Method: remove it; remove the mark beside it as well: that is a new folder; remove the
 *         mark alone: the next thing that is kept puts it back.
 */
Test(store, missing_state)
{
    struct tamga_buf bytes = {0};
    char state[160], mark[160];

    path_of(state, TAMGA_DEVICE_STATE_FILE);
    path_of(mark, TAMGA_DEVICE_MARK_FILE);
    load(&bytes, TAMGA_DEVICE_STATE_FILE);
    cr_assert_eq(unlink(state), 0);
    open_gives(TAMGA_E_STORE_CORRUPT);
    cr_assert_neq(access(state, F_OK), 0, "nothing was rebuilt");
    cr_assert_eq(unlink(mark), 0);
    cr_assert_eq(world_open(&world), TAMGA_OK);
    cr_assert_eq(world_status(&world).counter, 0);
    world_close(&world);
    cr_assert_eq(access(mark, F_OK), 0);

    put(TAMGA_DEVICE_STATE_FILE, &bytes, bytes.len);
    cr_assert_eq(unlink(mark), 0);
    world.gateway.report_error = TAMGA_OK;
    cr_assert_eq(world_open(&world), TAMGA_OK);
    cr_assert_eq(world_session(&world), TAMGA_OK);
    world_close(&world);
    cr_assert_eq(access(mark, F_OK), 0);
    tamga_buf_clear(&bytes);
}

/* The state, changed as told, with the SHA-256 that fits it. */
static void rewrite(void (*change)(Tamga__V1__DeviceState *state))
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__DeviceState *state = NULL;
    struct tamga_buf bytes = {0};
    struct tamga_hash sum = {{0}};

    load(&bytes, TAMGA_DEVICE_STATE_FILE);
    cr_assert_eq(tamga_wire_unpack((ProtobufCMessage **)&state,
                                   &tamga__v1__device_state__descriptor, TAMGA_WIRE_CANONICAL,
                                   tamga_span(bytes.data + 32, bytes.len - 32), NULL),
                 TAMGA_OK);
    change(state);
    cr_assert_eq(tamga_buf_set(&bytes, tamga_hash_span(&sum)), TAMGA_OK);
    cr_assert_eq(tamga_wire_pack(&bytes, &state->base), TAMGA_OK);
    tamga_sha256(&sum, tamga_span(bytes.data + 32, bytes.len - 32));
    memcpy(bytes.data, sum.byte, 32);
    put(TAMGA_DEVICE_STATE_FILE, &bytes, bytes.len);
    tamga_buf_clear(&bytes);
}

static void no_block(Tamga__V1__DeviceState *state)
{
    state->checkpoint->block.len = 0;
}
static void no_state_root(Tamga__V1__DeviceState *state)
{
    state->checkpoint->state_root.len = 0;
}
static void no_height(Tamga__V1__DeviceState *state)
{
    state->checkpoint->height = 0;
}
static void higher(Tamga__V1__DeviceState *state)
{
    state->checkpoint->height = 99;
}

/*
 * Goal:   the newest checkpoint outlives a start, all of it or the file is refused.
 * Method: open and look; take a part of it away; put a higher one there, and be offered
 *         what is proved by a lower one.
 */
Test(store, checkpoint_is_kept)
{
    void (*const part[])(Tamga__V1__DeviceState *state) = {no_block, no_state_root, no_height};
    const struct tamga_checkpoint *shown = &world.gateway.checkpoint[3];
    const struct tamga_checkpoint *kept;
    struct tamga_buf bytes = {0};

    cr_assert_eq(world_open(&world), TAMGA_OK);
    kept = &world.device->state.checkpoint;
    cr_assert(tamga_point_equal(&kept->at, &shown->at));
    cr_assert(tamga_hash_equal(&kept->state_root, &shown->state_root));
    cr_assert_eq(kept->time_ms, shown->time_ms);
    world_close(&world);

    load(&bytes, TAMGA_DEVICE_STATE_FILE);
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        rewrite(part[i]);
        open_gives(TAMGA_E_STORE_CORRUPT);
        put(TAMGA_DEVICE_STATE_FILE, &bytes, bytes.len);
    }
    tamga_buf_clear(&bytes);
    rewrite(higher);
    world.gateway.report_error = TAMGA_OK;
    cr_assert_eq(world_open(&world), TAMGA_OK);
    cr_assert_eq(world_session(&world), TAMGA_E_CHECKPOINT_OLDER);
    cr_assert_eq(world.gateway.last_checkpoint_height, 99);
}

/*
 * Goal:   one device, one process, one folder.
 * Method: open twice; open the folder as another device.
 */
Test(store, folder_belongs_to_one)
{
    struct tamga_device *other = NULL;
    struct tamga_buf certificate = {0};
    FILE *file;

    cr_assert_eq(world_open(&world), TAMGA_OK);
    cr_assert_eq(tamga_device_open(&other, &world.options, &world.env, &world.detail),
                 TAMGA_E_FILE_IO);
    world_close(&world);
    cr_assert_eq(unlink(world.key), 0);
    cr_assert_eq(tamga_private_key_save(test_device_key("acme", "cam", "0002"), world.key, NULL,
                                        NULL),
                 TAMGA_OK);
    test_certificate(&certificate, &(struct test_record){.number = "0002"});
    file = fopen(world.certificate, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(certificate.data, 1, certificate.len, file), certificate.len);
    fclose(file);
    tamga_buf_clear(&certificate);
    open_gives(TAMGA_E_BAD_CERTIFICATE); /* options still say 0001 */
    world.options.device = "acme/cam/0002";
    open_gives(TAMGA_E_STORE_FOREIGN);
}

/*
 * Goal:   an identity that does not hold together does not open.
 * Method: another device's key; a certificate that is cut; files that are not there.
 */
Test(store, identity)
{
    struct tamga_buf bytes = {0};
    char elsewhere[] = "/nonexistent/file";

    cr_assert_eq(tamga_device_file_read(&bytes, AT_FDCWD, world.certificate, 4096, NULL),
                 TAMGA_OK);
    cr_assert_eq(truncate(world.certificate, (off_t)bytes.len - 1), 0);
    open_gives(TAMGA_E_TRUNCATED);
    world.options.certificate = elsewhere;
    open_gives(TAMGA_E_FILE_IO);
    cr_assert_eq(unlink(world.key), 0);
    cr_assert_eq(tamga_private_key_save(test_key("acme"), world.key, NULL, NULL), TAMGA_OK);
    open_gives(TAMGA_E_FILE_IO);
    world.options.certificate = world.certificate;
    cr_assert_eq(truncate(world.certificate, 0), 0);
    {
        FILE *file = fopen(world.certificate, "wb");

        cr_assert_eq(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
        fclose(file);
    }
    open_gives(TAMGA_E_BAD_CERTIFICATE);
    world.options.key = elsewhere;
    open_gives(TAMGA_E_KEY_FILE);
    world.options.genesis = elsewhere;
    open_gives(TAMGA_E_FILE_IO);
    tamga_buf_clear(&bytes);
}

/*
 * Goal:   a state folder that can no longer be written stops the device, and it goes on
 *         once opened again.
 * Method: make the name that is written beside a folder; run; take it away.
 */
Test(store, state_that_cannot_be_written)
{
    char path[160];

    path_of(path, TAMGA_DEVICE_STATE_FILE ".new");
    cr_assert_eq(world_open(&world), TAMGA_OK);
    cr_assert_eq(mkdir(path, 0755), 0);
    world.gateway.report_error = TAMGA_OK;
    cr_assert_eq(world_session(&world), TAMGA_E_FILE_IO);
    cr_assert_eq(world_session(&world), TAMGA_E_FILE_IO);
    world_close(&world);
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(world_open(&world), TAMGA_OK, "%s", world.detail.text);
    world.gateway.offers = false;
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world.result.receipts_waiting, 0);
}
