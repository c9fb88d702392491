/* client/device/state.c and headers.c: damage is noticed, what was cut short is finished,
 * and nothing is rebuilt in silence. Also: what open refuses. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/file.h"
#include "wire/wire.h"
#include "world.h"

static struct world world;

static void start(void)
{
    world_start(&world);
    world_grow(&world, 0, 3, 10, 0);
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
Test(store, damaged_tail)
{
    every_flip_and_cut_is_noticed(TAMGA_HEADERS_TAIL_FILE);
}

/*
 * Goal:   a state that was removed is not taken for a new device's: its counter would be 0.
 * Method: remove each file alone.
 */
Test(store, missing_files)
{
    static const char *const name[] = {TAMGA_DEVICE_STATE_FILE, TAMGA_HEADERS_TAIL_FILE,
                                       TAMGA_HEADERS_IDS_FILE};

    for (size_t i = 0; i < 3; i++) {
        struct tamga_buf bytes = {0};
        char path[160];

        load(&bytes, name[i]);
        path_of(path, name[i]);
        cr_assert_eq(unlink(path), 0);
        open_gives(TAMGA_E_STORE_CORRUPT);
        put(name[i], &bytes, bytes.len);
        open_gives(TAMGA_OK);
        tamga_buf_clear(&bytes);
    }
}

/*
 * Goal:   ids that no tail vouches for are cut; ids that it vouches for must be there.
 * Method: append some, as a crash between two writes does; cut one; change one.
 */
Test(store, ids_are_held_to_the_tail)
{
    struct tamga_buf bytes = {0};
    char path[160];
    struct stat info;
    size_t len;

    load(&bytes, TAMGA_HEADERS_IDS_FILE);
    len = bytes.len;
    cr_assert_eq(len, 5 * 32);
    cr_assert_eq(tamga_buf_add(&bytes, tamga_span("left over", 9)), TAMGA_OK);
    put(TAMGA_HEADERS_IDS_FILE, &bytes, bytes.len);
    open_gives(TAMGA_OK);
    path_of(path, TAMGA_HEADERS_IDS_FILE);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq((size_t)info.st_size, len);
    put(TAMGA_HEADERS_IDS_FILE, &bytes, len - 1);
    open_gives(TAMGA_E_STORE_CORRUPT);
    bytes.data[2 * 32] ^= 1;
    put(TAMGA_HEADERS_IDS_FILE, &bytes, len);
    open_gives(TAMGA_E_STORE_CORRUPT);
    tamga_buf_clear(&bytes);
}

/*
 * Goal:   a branch that was adopted but not copied yet is copied by the next start.
 * Method: make the copy fail by taking its source away, after the tail was replaced.
 */
Test(store, adopted_branch_is_finished)
{
    struct tamga_header_tail *tail;
    struct tamga_block_id id[6], found;
    struct tamga_header_log *log;
    int nothing;

    cr_assert_eq(world_open(&world), TAMGA_OK);
    log = &world.device->headers;
    tail = malloc(sizeof *tail);
    cr_assert_not_null(tail);
    *tail = log->tail;
    world_grow(&world, 1, 6, 80, 0);
    cr_assert(tamga_header_tail_cut(tail, &world.gateway.block[0].id));
    for (size_t i = 0; i < 6; i++) {
        id[i] = world.gateway.block[1 + i].id;
        tamga_header_tail_push(tail, &world.gateway.block[1 + i].block.sealed.header, &id[i]);
    }
    cr_assert_eq(tamga_header_log_branch(log, id, 6, NULL), TAMGA_OK);
    nothing = open("/dev/null", O_RDWR);
    cr_assert_geq(dup2(nothing, log->branch), 0);
    close(nothing);
    cr_assert_eq(tamga_header_log_adopt(log, tail, 1, &world.detail), TAMGA_E_STORE_CORRUPT);
    world_close(&world);
    cr_assert_eq(world_open(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world_status(&world).height, 7);
    for (size_t i = 0; i < 6; i++) {
        cr_assert_eq(tamga_header_log_id_at(&world.device->headers, &found, 2 + i, NULL),
                     TAMGA_OK);
        cr_assert(tamga_hash_equal(&found.hash, &id[i].hash));
    }
    cr_assert_eq(tamga_header_log_id_at(&world.device->headers, &found, 8, NULL),
                 TAMGA_E_NOT_FOUND);
    free(tail);
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
