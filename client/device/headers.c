/*
 * Order of writes. Longer: ids, synced, then the tail, which alone says that they count.
 * Another branch: its ids set aside and synced, then the tail with the height from which
 * ids must be copied, then the copy, then the tail without it. A start in between copies
 * again, or cuts ids that no tail vouches for.
 *
 *   tail    magic 8 | chain id 32 | copy_from u64 | count u32 | trail* | SHA-256 of it all
 *   trail   header 228 | cumulative work 32 | time count u32 | 11 x u64
 */
#include "device/headers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "device/file.h"

#define MAGIC       "TAMGAHD1"
#define MAGIC_BYTES 8
#define HEAD_BYTES  (MAGIC_BYTES + 32 + 8 + 4)
#define TRAIL_BYTES (TAMGA_HEADER_BYTES + 32 + 4 + 8 * TAMGA_MEDIAN_COUNT)
#define TAIL_BYTES_MAX (HEAD_BYTES + TRAIL_BYTES * TAMGA_HEADERS_KEPT + 32)
#define COPY_IDS    2048

const struct tamga_trail *tamga_header_tail_tip(const struct tamga_header_tail *tail)
{
    return &tail->trail[tail->count - 1];
}

void tamga_header_tail_push(struct tamga_header_tail *tail, const struct tamga_header *header,
                            const struct tamga_block_id *id)
{
    struct tamga_trail next = *tamga_header_tail_tip(tail);

    tamga_trail_push(&next, header, id);
    if (tail->count == TAMGA_HEADERS_KEPT)
        memmove(&tail->trail[0], &tail->trail[1], --tail->count * sizeof tail->trail[0]);
    tail->trail[tail->count++] = next;
}

bool tamga_header_tail_cut(struct tamga_header_tail *tail, const struct tamga_block_id *id)
{
    for (size_t i = tail->count; i > 0; i--)
        if (tamga_hash_equal(&tail->trail[i - 1].tip_id.hash, &id->hash)) {
            tail->count = i;
            return true;
        }
    return false;
}

static enum tamga_err corrupt(struct tamga_detail *detail, const char *what)
{
    return tamga_refuse(detail, TAMGA_E_STORE_CORRUPT,
                        "headers: %s; remove headers.* to verify the chain anew", what);
}

/* ---- the tail file ----------------------------------------------------------- */

static void put_trail(uint8_t *out, const struct tamga_trail *trail)
{
    tamga_header_encode(out, &trail->tip);
    tamga_u256_to_bytes(out + TAMGA_HEADER_BYTES, &trail->work);
    tamga_put_u32(out + TAMGA_HEADER_BYTES + 32, (uint32_t)trail->time_count);
    for (size_t i = 0; i < TAMGA_MEDIAN_COUNT; i++)
        tamga_put_u64(out + TAMGA_HEADER_BYTES + 36 + 8 * i,
                      i < trail->time_count ? trail->time_ms[i] : 0);
}

static bool take_trail(struct tamga_trail *trail, const struct tamga_chain *chain,
                       const uint8_t *in)
{
    *trail = (struct tamga_trail){.genesis_time_ms = chain->genesis.time_ms};
    if (tamga_header_decode(&trail->tip, tamga_span(in, TAMGA_HEADER_BYTES)) != TAMGA_OK)
        return false;
    tamga_header_id(&trail->tip_id, &trail->tip);
    tamga_u256_from_bytes(&trail->work, in + TAMGA_HEADER_BYTES);
    trail->time_count = tamga_get_u32(in + TAMGA_HEADER_BYTES + 32);
    if (trail->time_count < 1 || trail->time_count > TAMGA_MEDIAN_COUNT)
        return false;
    for (size_t i = 0; i < trail->time_count; i++)
        trail->time_ms[i] = tamga_get_u64(in + TAMGA_HEADER_BYTES + 36 + 8 * i);
    return true;
}

static enum tamga_err save_tail(const struct tamga_header_log *log,
                                const struct tamga_header_tail *tail, uint64_t copy_from,
                                struct tamga_detail *detail)
{
    TAMGA_BUF bytes = {0};
    struct tamga_hash sum;
    enum tamga_err err = tamga_buf_reserve(&bytes, TAIL_BYTES_MAX);

    if (err != TAMGA_OK)
        return err;
    memcpy(bytes.data, MAGIC, MAGIC_BYTES);
    memcpy(bytes.data + MAGIC_BYTES, log->chain->id.hash.byte, 32);
    tamga_put_u64(bytes.data + MAGIC_BYTES + 32, copy_from);
    tamga_put_u32(bytes.data + MAGIC_BYTES + 40, (uint32_t)tail->count);
    bytes.len = HEAD_BYTES;
    for (size_t i = 0; i < tail->count; i++, bytes.len += TRAIL_BYTES)
        put_trail(bytes.data + bytes.len, &tail->trail[i]);
    tamga_sha256(&sum, tamga_buf_span(&bytes));
    err = tamga_buf_add(&bytes, tamga_hash_span(&sum));
    if (err != TAMGA_OK)
        return err;
    return tamga_device_file_replace(log->folder, TAMGA_HEADERS_TAIL_FILE,
                                     tamga_buf_span(&bytes), detail);
}

static enum tamga_err take_tail(struct tamga_header_log *log, uint64_t *copy_from,
                                struct tamga_span bytes, struct tamga_detail *detail)
{
    struct tamga_hash sum;
    uint32_t count;

    if (bytes.len < HEAD_BYTES + 32 || memcmp(bytes.data, MAGIC, MAGIC_BYTES) != 0)
        return corrupt(detail, "tail is no tail of this version");
    tamga_sha256(&sum, tamga_span(bytes.data, bytes.len - 32));
    if (memcmp(sum.byte, bytes.data + bytes.len - 32, 32) != 0)
        return corrupt(detail, "SHA-256 of the tail is wrong");
    if (memcmp(bytes.data + MAGIC_BYTES, log->chain->id.hash.byte, 32) != 0)
        return tamga_refuse(detail, TAMGA_E_STORE_FOREIGN,
                            "headers of another chain; use another state folder");
    *copy_from = tamga_get_u64(bytes.data + MAGIC_BYTES + 32);
    count = tamga_get_u32(bytes.data + MAGIC_BYTES + 40);
    if (count < 1 || count > TAMGA_HEADERS_KEPT ||
        bytes.len != HEAD_BYTES + (size_t)count * TRAIL_BYTES + 32)
        return corrupt(detail, "tail has a wrong length");
    for (size_t i = 0; i < count; i++)
        if (!take_trail(&log->tail.trail[i], log->chain,
                        bytes.data + HEAD_BYTES + i * TRAIL_BYTES))
            return corrupt(detail, "tail does not decode");
    log->tail.count = count;
    return TAMGA_OK;
}

/* ---- the ids file ------------------------------------------------------------ */

static enum tamga_err put_ids(int fd, uint64_t from, const struct tamga_block_id *id,
                              size_t count, struct tamga_detail *detail)
{
    enum tamga_err err = tamga_device_file_put(
        fd, tamga_span(id, count * sizeof *id), from * TAMGA_HASH_BYTES, detail);

    if (err == TAMGA_OK && fsync(fd) != 0)
        err = tamga_refuse(detail, TAMGA_E_FILE_IO, "headers: %s", strerror(errno));
    return err;
}

static enum tamga_err cut_ids(const struct tamga_header_log *log, struct tamga_detail *detail)
{
    uint64_t count = tamga_header_tail_tip(&log->tail)->tip.height + 1;

    if (ftruncate(log->ids, (off_t)(count * TAMGA_HASH_BYTES)) != 0 || fsync(log->ids) != 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, TAMGA_HEADERS_IDS_FILE ": %s",
                            strerror(errno));
    return TAMGA_OK;
}

enum tamga_err tamga_header_log_id_at(const struct tamga_header_log *log,
                                      struct tamga_block_id *out, uint64_t height,
                                      struct tamga_detail *detail)
{
    struct tamga_block_id id;
    enum tamga_err err;

    if (height > tamga_header_tail_tip(&log->tail)->tip.height)
        return TAMGA_E_NOT_FOUND;
    err = tamga_device_file_get(log->ids, id.hash.byte, TAMGA_HASH_BYTES,
                                height * TAMGA_HASH_BYTES, detail);
    if (err == TAMGA_E_TRUNCATED)
        return corrupt(detail, "ids are cut short");
    if (err == TAMGA_OK)
        *out = id;
    return err;
}

/* ---- branches ---------------------------------------------------------------- */

static enum tamga_err open_ids(int *out, const struct tamga_header_log *log, const char *name,
                               int flags, struct tamga_detail *detail)
{
    int fd = openat(log->folder, name, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);

    if (fd < 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%s: %s", name, strerror(errno));
    *out = fd;
    return TAMGA_OK;
}

enum tamga_err tamga_header_log_extend(struct tamga_header_log *log,
                                       const struct tamga_header_tail *tail,
                                       const struct tamga_block_id *id, size_t count,
                                       struct tamga_detail *detail)
{
    uint64_t from = tamga_header_tail_tip(&log->tail)->tip.height + 1;
    enum tamga_err err = put_ids(log->ids, from, id, count, detail);

    if (err == TAMGA_OK)
        err = save_tail(log, tail, 0, detail);
    if (err == TAMGA_OK)
        log->tail = *tail;
    return err;
}

enum tamga_err tamga_header_log_branch(struct tamga_header_log *log,
                                       const struct tamga_block_id *id, size_t count,
                                       struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_OK;

    if (log->branch < 0)
        err = open_ids(&log->branch, log, TAMGA_HEADERS_BRANCH_FILE, O_TRUNC, detail);
    if (err == TAMGA_OK)
        err = put_ids(log->branch, log->branch_count, id, count, detail);
    if (err == TAMGA_OK)
        log->branch_count += count;
    return err;
}

void tamga_header_log_drop(struct tamga_header_log *log)
{
    tamga_device_fd_close(&log->branch);
    log->branch_count = 0;
    unlinkat(log->folder, TAMGA_HEADERS_BRANCH_FILE, 0); /* a left-over is harmless */
}

/* Copy the branch over the ids from a height up to the tail's tip. */
static enum tamga_err copy_branch(struct tamga_header_log *log, uint64_t copy_from,
                                  struct tamga_detail *detail)
{
    uint64_t end = tamga_header_tail_tip(&log->tail)->tip.height + 1;
    struct tamga_block_id *page = malloc(COPY_IDS * sizeof *page);
    enum tamga_err err = page == NULL ? TAMGA_E_NO_MEMORY : TAMGA_OK;

    for (uint64_t at = copy_from; err == TAMGA_OK && at < end;) {
        size_t count = end - at < COPY_IDS ? (size_t)(end - at) : COPY_IDS;

        err = tamga_device_file_get(log->branch, (uint8_t *)page, count * sizeof *page,
                                    (at - copy_from) * TAMGA_HASH_BYTES, detail);
        if (err == TAMGA_E_TRUNCATED)
            err = corrupt(detail, "branch is cut short");
        if (err == TAMGA_OK)
            err = put_ids(log->ids, at, page, count, detail);
        at += count;
    }
    free(page);
    if (err == TAMGA_OK)
        err = cut_ids(log, detail);
    if (err == TAMGA_OK)
        err = save_tail(log, &log->tail, 0, detail);
    return err;
}

enum tamga_err tamga_header_log_adopt(struct tamga_header_log *log,
                                      const struct tamga_header_tail *tail,
                                      uint64_t fork_height, struct tamga_detail *detail)
{
    enum tamga_err err = tamga_device_folder_sync(log->folder, detail);

    if (err == TAMGA_OK)
        err = save_tail(log, tail, fork_height + 1, detail);
    if (err != TAMGA_OK)
        return err;
    log->tail = *tail;
    err = copy_branch(log, fork_height + 1, detail);
    if (err == TAMGA_OK)
        tamga_header_log_drop(log);
    return err;
}

/* ---- open -------------------------------------------------------------------- */

static enum tamga_err start(struct tamga_header_log *log, struct tamga_detail *detail)
{
    enum tamga_err err = put_ids(log->ids, 0, &log->chain->genesis_id, 1, detail);

    if (err != TAMGA_OK)
        return err;
    log->tail.count = 1;
    tamga_trail_start(&log->tail.trail[0], &log->chain->genesis);
    return save_tail(log, &log->tail, 0, detail);
}

/* Finish what a former run began, then hold the ids to the tail. */
static enum tamga_err settle(struct tamga_header_log *log, uint64_t copy_from,
                             struct tamga_detail *detail)
{
    const struct tamga_trail *tip = tamga_header_tail_tip(&log->tail);
    enum tamga_err err = TAMGA_OK;
    struct tamga_block_id id;

    if (copy_from > tip->tip.height)
        return corrupt(detail, "tail contradicts itself");
    if (copy_from > 0)
        err = open_ids(&log->branch, log, TAMGA_HEADERS_BRANCH_FILE, 0, detail);
    if (err == TAMGA_OK && copy_from > 0)
        err = copy_branch(log, copy_from, detail);
    if (err == TAMGA_OK)
        tamga_header_log_drop(log);
    for (size_t i = 0; err == TAMGA_OK && i < log->tail.count; i++) {
        err = tamga_header_log_id_at(log, &id, log->tail.trail[i].tip.height, detail);
        if (err == TAMGA_OK && !tamga_hash_equal(&id.hash, &log->tail.trail[i].tip_id.hash))
            err = corrupt(detail, "ids are not those of the tail");
    }
    if (err == TAMGA_OK)
        err = tamga_header_log_id_at(log, &id, 0, detail);
    if (err == TAMGA_OK && !tamga_hash_equal(&id.hash, &log->chain->genesis_id.hash))
        err = corrupt(detail, "ids do not start at genesis");
    return err == TAMGA_OK ? cut_ids(log, detail) : err;
}

static enum tamga_err load(struct tamga_header_log *log, struct tamga_detail *detail)
{
    TAMGA_BUF bytes = {0};
    uint64_t copy_from = 0;
    struct stat info;
    enum tamga_err err = tamga_device_file_read(&bytes, log->folder, TAMGA_HEADERS_TAIL_FILE,
                                                TAIL_BYTES_MAX, detail);

    if (err == TAMGA_E_TOO_LARGE)
        return corrupt(detail, "tail is too long");
    if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND)
        return err;
    if (err == TAMGA_E_NOT_FOUND) {
        if (fstat(log->ids, &info) != 0 || info.st_size > TAMGA_HASH_BYTES)
            return corrupt(detail, "tail is missing");
        return start(log, detail);
    }
    err = take_tail(log, &copy_from, tamga_buf_span(&bytes), detail);
    return err == TAMGA_OK ? settle(log, copy_from, detail) : err;
}

enum tamga_err tamga_header_log_open(struct tamga_header_log *log, int folder,
                                     const struct tamga_chain *chain,
                                     struct tamga_detail *detail)
{
    enum tamga_err err;

    *log = (struct tamga_header_log){
        .folder = folder, .chain = chain, .ids = -1, .branch = -1};
    err = open_ids(&log->ids, log, TAMGA_HEADERS_IDS_FILE, 0, detail);
    if (err == TAMGA_OK)
        err = load(log, detail);
    if (err != TAMGA_OK)
        tamga_header_log_close(log);
    return err;
}

void tamga_header_log_close(struct tamga_header_log *log)
{
    tamga_device_fd_close(&log->ids);
    tamga_device_fd_close(&log->branch);
}
