/* The block store: what it has is whole, durable and bounded, whatever lay in its folder. */
#include "content/block_store.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blocks.h"
#include "crypto/hash.h"

#define PLENTY ((uint64_t)1 << 30)

/* A store in a folder of its own, both gone at the end of the scope. */
struct fixture {
    char folder[64];
    struct tamga_block_store *store;
};

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
    (void)about;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void fixture_clear(struct fixture *f)
{
    tamga_block_store_close(f->store);
    nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
#define FIXTURE TAMGA_CLEANUP(fixture_clear) struct fixture

static struct fixture fixture_open(uint64_t bytes_max)
{
    struct fixture f = {.folder = "/tmp/tamga-block-store-XXXXXX"};

    cr_assert_not_null(mkdtemp(f.folder));
    cr_assert_eq(tamga_block_store_open(&f.store, f.folder, bytes_max, NULL), TAMGA_OK);
    return f;
}

static void fixture_reopen(struct fixture *f, uint64_t bytes_max)
{
    tamga_block_store_close(f->store);
    f->store = NULL;
    cr_assert_eq(tamga_block_store_open(&f->store, f->folder, bytes_max, NULL), TAMGA_OK);
}

static struct tamga_cid cid_of(struct tamga_span block)
{
    struct tamga_cid cid;

    tamga_cid_of(&cid, 1, TAMGA_CODEC_RAW, block);
    return cid;
}

static enum tamga_err put(struct fixture *f, struct tamga_span block)
{
    struct tamga_cid cid = cid_of(block);

    return tamga_block_store_put(f->store, &cid, block);
}

static void path_of(char path[256], const struct fixture *f, const struct tamga_cid *cid)
{
    char hex[TAMGA_HEX_CHARS];

    tamga_to_hex(hex, cid->digest.byte, TAMGA_HASH_BYTES);
    snprintf(path, 256, "%s/%.2s/%s-%02x", f->folder, hex, hex, (unsigned)cid->codec);
}

static void write_file(const char *path, struct tamga_span bytes)
{
    FILE *file = fopen(path, "wb");

    cr_assert_not_null(file, "%s: %s", path, strerror(errno));
    if (bytes.len > 0)
        cr_assert_eq(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    cr_assert_eq(fclose(file), 0);
}

static unsigned files_seen;

static int count_one(const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
    (void)path;
    (void)about;
    (void)ftw;
    files_seen += kind == FTW_F;
    return 0;
}

static unsigned files_in(const struct fixture *f)
{
    files_seen = 0;
    cr_assert_eq(nftw(f->folder, count_one, 8, FTW_PHYS), 0);
    return files_seen;
}

static void assert_stored(struct fixture *f, struct tamga_span block)
{
    struct tamga_cid cid = cid_of(block);
    TAMGA_BUF got = {0};

    cr_assert(tamga_block_store_has(f->store, &cid));
    cr_assert_eq(tamga_block_store_get(f->store, &cid, &got), TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_buf_span(&got), block));
}

/*
 * Goal:   what is put is got, now and after opening again, and is counted once.
 * Method: three blocks, the empty one among them, each put twice.
 */
Test(content_block_store, keeps_blocks)
{
    const struct tamga_span block[] = {
        tamga_span(NULL, 0), tamga_span_text("one"), tamga_span_text("another")};
    FIXTURE f = fixture_open(PLENTY);

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 3; i++) {
            cr_assert_eq(put(&f, block[i]), TAMGA_OK);
            cr_assert_eq(put(&f, block[i]), TAMGA_OK);
            assert_stored(&f, block[i]);
        }
        cr_assert_eq(tamga_block_store_bytes(f.store), 10);
        cr_assert_eq(files_in(&f), 3);
        fixture_reopen(&f, PLENTY);
        cr_assert_eq(tamga_block_store_bytes(f.store), 10);
    }
}

/*
 * Goal:   an unknown block is said to be that, and out stays as it was.
 * Method: an empty store; another block of the same folder.
 */
Test(content_block_store, knows_what_it_has_not)
{
    FIXTURE f = fixture_open(PLENTY);
    struct tamga_cid cid = cid_of(tamga_span_text("one"));
    TAMGA_BUF got = {0};

    cr_assert_eq(tamga_buf_set(&got, tamga_span_text("kept")), TAMGA_OK);
    cr_assert_not(tamga_block_store_has(f.store, &cid));
    cr_assert_eq(tamga_block_store_get(f.store, &cid, &got), TAMGA_E_NO_CONTENT);
    cr_assert_eq(put(&f, tamga_span_text("one")), TAMGA_OK);
    cid.digest.byte[31] ^= 1;
    cr_assert_not(tamga_block_store_has(f.store, &cid));
    cr_assert_eq(tamga_block_store_get(f.store, &cid, &got), TAMGA_E_NO_CONTENT);
    cr_assert(tamga_span_equal(tamga_buf_span(&got), tamga_span_text("kept")));
}

/*
 * Goal:   both ids of a dag-pb block mean one file; a raw block of the same bytes another.
 * Method: put under v0, look under the others.
 */
Test(content_block_store, shares_files_between_versions)
{
    FIXTURE f = fixture_open(PLENTY);
    struct tamga_span block = tamga_span_text("block");
    struct tamga_cid v0, v1, raw = cid_of(block);
    TAMGA_BUF got = {0};

    tamga_cid_of(&v0, 0, TAMGA_CODEC_DAG_PB, block);
    tamga_cid_of(&v1, 1, TAMGA_CODEC_DAG_PB, block);
    cr_assert_eq(tamga_block_store_put(f.store, &v0, block), TAMGA_OK);
    cr_assert(tamga_block_store_has(f.store, &v1));
    cr_assert_not(tamga_block_store_has(f.store, &raw));
    cr_assert_eq(tamga_block_store_get(f.store, &v1, &got), TAMGA_OK);
    cr_assert_eq(tamga_block_store_put(f.store, &v1, block), TAMGA_OK);
    cr_assert_eq(files_in(&f), 1);
    cr_assert_eq(tamga_block_store_put(f.store, &raw, block), TAMGA_OK);
    cr_assert_eq(files_in(&f), 2);
    fixture_reopen(&f, PLENTY);
    cr_assert_eq(tamga_block_store_bytes(f.store), 10);
}

/*
 * Goal:   bytes that are not the block leave nothing behind.
 * Method: put other bytes, and more than a block may have, under the right id of those.
 */
Test(content_block_store, refuses_wrong_bytes)
{
    FIXTURE f = fixture_open(PLENTY);
    struct tamga_cid cid = cid_of(tamga_span_text("right"));
    uint8_t *large = calloc(1, TAMGA_BLOCK_BYTES_MAX + 1);

    cr_assert_not_null(large);
    cr_assert_eq(tamga_block_store_put(f.store, &cid, tamga_span_text("wrong")),
                 TAMGA_E_CID_MISMATCH);
    cr_assert_eq(put(&f, tamga_span(large, TAMGA_BLOCK_BYTES_MAX + 1)), TAMGA_E_TOO_LARGE);
    cr_assert_not(tamga_block_store_has(f.store, &cid));
    cr_assert_eq(files_in(&f), 0);
    cr_assert_eq(tamga_block_store_bytes(f.store), 0);
    cr_assert_eq(put(&f, tamga_span(large, TAMGA_BLOCK_BYTES_MAX)), TAMGA_OK);
    free(large);
}

/*
 * Goal:   all blocks together stay within bytes_max, counted over restarts.
 * Method: fill to the last byte, ask for one more; open again with room, and with less
 *         than there is.
 */
Test(content_block_store, is_bounded)
{
    FIXTURE f = fixture_open(10);

    cr_assert_eq(put(&f, tamga_span_text("seven..")), TAMGA_OK);
    cr_assert_eq(put(&f, tamga_span_text("four")), TAMGA_E_CONTENT_FULL);
    cr_assert_eq(files_in(&f), 1);
    cr_assert_eq(put(&f, tamga_span_text("3..")), TAMGA_OK);
    cr_assert_eq(put(&f, tamga_span_text("1")), TAMGA_E_CONTENT_FULL);
    cr_assert_eq(put(&f, tamga_span_text("3..")), TAMGA_OK); /* known */
    fixture_reopen(&f, 11);
    cr_assert_eq(put(&f, tamga_span_text("2.")), TAMGA_E_CONTENT_FULL);
    cr_assert_eq(put(&f, tamga_span_text("1")), TAMGA_OK);
    fixture_reopen(&f, 5);
    cr_assert_eq(put(&f, tamga_span_text("2.")), TAMGA_E_CONTENT_FULL);
    assert_stored(&f, tamga_span_text("seven.."));
}

/*
 * Goal:   a damaged file is noticed, removed, given up its room, and replaced.
 * Method: another content of the same size, a shorter, a longer, a huge one; a fresh
 *         store each, full to the last byte, so that lost room would show.
 */
Test(content_block_store, replaces_damaged_files)
{
    struct tamga_span block = tamga_span_text("a good block");
    uint8_t *huge = calloc(1, TAMGA_BLOCK_BYTES_MAX + 5);
    const struct tamga_span damage[] = {
        tamga_span_text("a goad block"), tamga_span_text("a good"), tamga_span(NULL, 0),
        tamga_span_text("a good block."), tamga_span(huge, TAMGA_BLOCK_BYTES_MAX + 5)};

    cr_assert_not_null(huge);
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        FIXTURE f = fixture_open(PLENTY);
        struct tamga_cid cid = cid_of(block);
        TAMGA_BUF got = {0};
        char path[256];

        cr_assert_eq(put(&f, block), TAMGA_OK);
        path_of(path, &f, &cid);
        write_file(path, damage[i]);
        fixture_reopen(&f, TAMGA_BLOCK_BYTES_MAX + 20);
        cr_assert_eq(tamga_block_store_bytes(f.store), damage[i].len);
        cr_assert_eq(tamga_block_store_get(f.store, &cid, &got), TAMGA_E_CID_MISMATCH);
        cr_assert_not(tamga_block_store_has(f.store, &cid));
        cr_assert_eq(tamga_block_store_bytes(f.store), 0);
        cr_assert_eq(tamga_block_store_get(f.store, &cid, &got), TAMGA_E_NO_CONTENT);
        cr_assert_eq(put(&f, block), TAMGA_OK);
        assert_stored(&f, block);
        cr_assert_eq(tamga_block_store_bytes(f.store), block.len);
    }
    free(huge);
}

/*
 * Goal:   a put notices a file of another size by itself; the count survives a file that
 *         grew behind the store's back.
 * Method: cut the file, put; grow it, get.
 */
Test(content_block_store, put_replaces_a_file_of_another_size)
{
    FIXTURE f = fixture_open(PLENTY);
    struct tamga_span block = tamga_span_text("a good block");
    struct tamga_cid cid = cid_of(block);
    TAMGA_BUF got = {0};
    char path[256];

    cr_assert_eq(put(&f, block), TAMGA_OK);
    path_of(path, &f, &cid);
    cr_assert_eq(truncate(path, 3), 0);
    cr_assert_eq(put(&f, block), TAMGA_OK);
    assert_stored(&f, block);
    cr_assert_eq(truncate(path, 1000), 0);
    cr_assert_eq(tamga_block_store_get(f.store, &cid, &got), TAMGA_E_CID_MISMATCH);
    cr_assert_eq(tamga_block_store_bytes(f.store), 0); /* not below */
    cr_assert_eq(put(&f, block), TAMGA_OK);
}

/*
 * Goal:   what a crash left half-written goes at open; what is not ours stays uncounted.
 * Method: a temporary file, and files with almost a block's name.
 */
Test(content_block_store, cleans_up_at_open)
{
    FIXTURE f = fixture_open(PLENTY);
    struct tamga_cid cid = cid_of(tamga_span_text("one"));
    char path[256], other[300];

    cr_assert_eq(put(&f, tamga_span_text("one")), TAMGA_OK);
    path_of(path, &f, &cid);
    snprintf(other, sizeof other, "%.*s/tmp-0", (int)strlen(f.folder) + 3, path);
    write_file(other, tamga_span_text("half of a bl"));
    snprintf(other, sizeof other, "%s~", path);
    write_file(other, tamga_span_text("an editor's"));
    snprintf(other, sizeof other, "%.*s71", (int)strlen(path) - 2, path);
    write_file(other, tamga_span_text("another codec"));
    snprintf(other, sizeof other, "%s/README", f.folder);
    write_file(other, tamga_span_text("a person's"));
    cr_assert_eq(files_in(&f), 5);
    fixture_reopen(&f, PLENTY);
    cr_assert_eq(files_in(&f), 4);
    cr_assert_eq(tamga_block_store_bytes(f.store), 3);
    assert_stored(&f, tamga_span_text("one"));
}

/*
 * Goal:   a folder that cannot be one is refused with its name, and two stores never
 *         share one.
 * Method: below a missing folder, at a file, at an open store's.
 */
Test(content_block_store, refuses_other_folders)
{
    FIXTURE f = fixture_open(PLENTY);
    struct tamga_block_store *store = NULL;
    struct tamga_detail detail = {{0}};
    char path[128];

    snprintf(path, sizeof path, "%s/missing/store", f.folder);
    cr_assert_eq(tamga_block_store_open(&store, path, 1, &detail), TAMGA_E_FILE_IO);
    cr_assert_not_null(strstr(detail.text, path));
    snprintf(path, sizeof path, "%s/file", f.folder);
    write_file(path, tamga_span_text("x"));
    cr_assert_eq(tamga_block_store_open(&store, path, 1, &detail), TAMGA_E_FILE_IO);
    cr_assert_not_null(strstr(detail.text, path));
    cr_assert_eq(tamga_block_store_open(&store, f.folder, 1, &detail), TAMGA_E_FILE_IO);
    cr_assert_not_null(strstr(detail.text, "in use"));
    cr_assert_null(store);
    snprintf(path, sizeof path, "%s/new", f.folder); /* made */
    cr_assert_eq(tamga_block_store_open(&store, path, 1, NULL), TAMGA_OK);
    tamga_block_store_close(store);
    tamga_block_store_close(NULL);
}

/*
 * Goal:   a write that fails half-way leaves no file and no room taken.
 * Method: a file size limit of 4 KiB, a block of 8; then without the limit.
 */
Test(content_block_store, undoes_failed_writes)
{
    struct rlimit was, low;
    static uint8_t bytes[8192];
    FIXTURE f = fixture_open(sizeof bytes);
    enum tamga_err err;

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
    low = was;
    low.rlim_cur = 4096;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &low), 0);
    err = put(&f, tamga_span(bytes, sizeof bytes));
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
    cr_assert_eq(err, TAMGA_E_FILE_IO);
    cr_assert_eq(files_in(&f), 0);
    cr_assert_eq(tamga_block_store_bytes(f.store), 0);
    cr_assert_eq(put(&f, tamga_span(bytes, sizeof bytes)), TAMGA_OK);
}

/*
 * Goal:   a block whose name is taken by something else fails and leaves nothing.
 * Method: a folder in its place.
 */
Test(content_block_store, undoes_failed_renames)
{
    FIXTURE f = fixture_open(PLENTY);
    struct tamga_cid cid = cid_of(tamga_span_text("one"));
    char path[256];

    path_of(path, &f, &cid);
    path[strlen(f.folder) + 3] = '\0';
    cr_assert_eq(mkdir(path, 0700), 0);
    path_of(path, &f, &cid);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(put(&f, tamga_span_text("one")), TAMGA_E_FILE_IO);
    cr_assert_not(tamga_block_store_has(f.store, &cid));
    cr_assert_eq(files_in(&f), 0);
    cr_assert_eq(tamga_block_store_bytes(f.store), 0);
}

#define RACERS 4
#define RACE_BLOCKS 12

struct racer {
    struct fixture *f;
    pthread_barrier_t *gun;
    unsigned failed;
};

static void *race(void *context)
{
    struct racer *racer = context;

    for (uint8_t i = 0; i < RACE_BLOCKS; i++) {
        uint8_t bytes[100] = {i};
        struct tamga_cid cid = cid_of(tamga_span(bytes, sizeof bytes));
        TAMGA_BUF got = {0};

        pthread_barrier_wait(racer->gun);
        racer->failed += put(racer->f, tamga_span(bytes, sizeof bytes)) != TAMGA_OK;
        racer->failed += tamga_block_store_get(racer->f->store, &cid, &got) != TAMGA_OK;
    }
    return NULL;
}

/*
 * Goal:   threads that put the same block at once all succeed, and it is counted once.
 * Method: four threads start each of twelve blocks together.
 */
Test(content_block_store, takes_one_block_from_many_threads)
{
    FIXTURE f = fixture_open(PLENTY);
    struct racer racer[RACERS];
    pthread_t thread[RACERS];
    pthread_barrier_t gun;

    pthread_barrier_init(&gun, NULL, RACERS);
    for (size_t i = 0; i < RACERS; i++) {
        racer[i] = (struct racer){.f = &f, .gun = &gun};
        cr_assert_eq(pthread_create(&thread[i], NULL, race, &racer[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        cr_assert_eq(pthread_join(thread[i], NULL), 0);
        cr_assert_eq(racer[i].failed, 0);
    }
    pthread_barrier_destroy(&gun);
    cr_assert_eq(files_in(&f), RACE_BLOCKS);
    cr_assert_eq(tamga_block_store_bytes(f.store), 100 * RACE_BLOCKS);
}

static enum tamga_err store_sink(void *context, const struct tamga_cid *cid,
                                 struct tamga_span block)
{
    return tamga_block_store_put(context, cid, block);
}

#define IMAGE_BYTES (174 * 8 + 1)

/* An image of three levels in the store. */
static struct tamga_cid put_image(struct fixture *f, struct tamga_hash *sha256)
{
    struct tamga_dag_options options = {.cid_version = 0, .chunk_bytes = 8};
    struct tamga_dag_builder *builder = NULL;
    uint8_t bytes[IMAGE_BYTES];
    struct tamga_cid root;

    bytes_fill(bytes, sizeof bytes);
    tamga_sha256(sha256, tamga_span(bytes, sizeof bytes));
    cr_assert_eq(tamga_dag_builder_new(&builder, &options, store_sink, f->store), TAMGA_OK);
    cr_assert_eq(tamga_dag_builder_add(builder, tamga_span(bytes, sizeof bytes)), TAMGA_OK);
    cr_assert_eq(tamga_dag_builder_finish(builder, &root), TAMGA_OK);
    tamga_dag_builder_free(builder);
    return root;
}

/*
 * Goal:   an image is whole if its length and hash are those that were signed.
 * Method: build one into the store; ask with another length, hash and root.
 */
Test(content_block_store, checks_images)
{
    FIXTURE f = fixture_open(PLENTY);
    struct tamga_cid other, missing = {.version = 77};
    struct tamga_hash sha256, wrong;
    struct tamga_cid root = put_image(&f, &sha256);

    cr_assert_eq(tamga_block_store_check_image(f.store, &root, IMAGE_BYTES, &sha256, &missing),
                 TAMGA_OK);
    cr_assert_eq(tamga_block_store_check_image(f.store, &root, IMAGE_BYTES - 1, &sha256, NULL),
                 TAMGA_E_IMAGE_LENGTH);
    wrong = sha256;
    wrong.byte[31] ^= 1;
    cr_assert_eq(
        tamga_block_store_check_image(f.store, &root, IMAGE_BYTES, &wrong, &missing),
        TAMGA_E_IMAGE_MISMATCH);
    tamga_cid_of(&other, 0, TAMGA_CODEC_DAG_PB, tamga_span_text("no node"));
    cr_assert_eq(tamga_block_store_put(f.store, &other, tamga_span_text("no node")), TAMGA_OK);
    cr_assert_eq(tamga_block_store_check_image(f.store, &other, 7, &sha256, &missing),
                 TAMGA_E_BAD_DAG);
    other.codec = 0x71;
    cr_assert_eq(tamga_block_store_check_image(f.store, &other, 7, &sha256, &missing),
                 TAMGA_E_BAD_CID);
    cr_assert_eq(missing.version, 77);
}

/* Leaves the path of the n-th block file of the folder in nth_path. */
static unsigned nth_wanted;
static char nth_path[256];

static int find_nth(const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
    (void)about;
    (void)ftw;
    if (kind != FTW_F || nth_wanted-- != 0)
        return 0;
    snprintf(nth_path, sizeof nth_path, "%s", path);
    return 1;
}

/*
 * Goal:   every block that goes missing is named, and every damaged one is noticed,
 *         removed, and named by the next check.
 * Method: each eighth of the 178 blocks: damage, check, check, put the image again.
 */
Test(content_block_store, names_what_an_image_lacks)
{
    FIXTURE f = fixture_open(PLENTY);
    struct tamga_hash sha256;
    struct tamga_cid root = put_image(&f, &sha256);
    unsigned files = files_in(&f);

    cr_assert_eq(files, 175 + 2 + 1);
    for (unsigned n = 0; n < files; n += 8) {
        struct tamga_cid missing = {.version = 77};
        char path[256];

        nth_wanted = n;
        cr_assert_eq(nftw(f.folder, find_nth, 8, FTW_PHYS), 1);
        write_file(nth_path, tamga_span_text("damage"));
        cr_assert_eq(
            tamga_block_store_check_image(f.store, &root, IMAGE_BYTES, &sha256, &missing),
            TAMGA_E_CID_MISMATCH);
        cr_assert_eq(missing.version, 77);
        cr_assert_eq(
            tamga_block_store_check_image(f.store, &root, IMAGE_BYTES, &sha256, &missing),
            TAMGA_E_NO_CONTENT);
        path_of(path, &f, &missing);
        cr_assert_str_eq(path, nth_path);
        (void)put_image(&f, &sha256);
        cr_assert_eq(
            tamga_block_store_check_image(f.store, &root, IMAGE_BYTES, &sha256, &missing),
            TAMGA_OK);
    }
}
