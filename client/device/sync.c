/*
 * Follow the consortium chain through a gateway: every header is judged as a node would,
 * and another branch is taken only if it carries more work. What was judged stays judged:
 * a longer chain is durable page by page. Knows no release.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "device/internal.h"
#include "wire/wire.h"

#define PAGE_MAX 2000

struct sync {
    struct tamga_session *session;
    struct tamga_header_tail tail; /* of the chain being shown */
    bool forked;
    uint64_t fork_height;
    uint64_t total;
    uint64_t started_ms;
    size_t page_count;
    struct tamga_block_id page[PAGE_MAX];
};

/* Newest first; genesis is always the last. */
static size_t locator(const struct sync *sync, struct tamga_block_id *out)
{
    const struct tamga_block_id *genesis = &sync->session->device->chain.genesis_id;
    size_t count = 0;

    for (size_t i = sync->tail.count; i > 0 && count < TAMGA_HEADERS_KEPT - 1; i--)
        out[count++] = sync->tail.trail[i - 1].tip_id;
    if (!tamga_hash_equal(&out[count - 1].hash, &genesis->hash))
        out[count++] = *genesis;
    return count;
}

/* Where the chain shown leaves ours: at our tip, at one of the last headers, at genesis. */
static enum tamga_err find_start(struct sync *sync, const struct tamga_header *first)
{
    const struct tamga_chain *chain = &sync->session->device->chain;

    if (tamga_hash_equal(&first->parent.hash,
                         &tamga_header_tail_tip(&sync->tail)->tip_id.hash))
        return TAMGA_OK;
    if (!tamga_header_tail_cut(&sync->tail, &first->parent)) {
        if (!tamga_hash_equal(&first->parent.hash, &chain->genesis_id.hash))
            return tamga_refuse(sync->session->detail, TAMGA_E_BAD_PARENT,
                                "headers shown start at none that was asked from");
        sync->tail.count = 1;
        tamga_trail_start(&sync->tail.trail[0], &chain->genesis);
    }
    sync->forked = true;
    sync->fork_height = tamga_header_tail_tip(&sync->tail)->tip.height;
    return TAMGA_OK;
}

static enum tamga_err judge(struct sync *sync, const struct tamga_sealed *sealed)
{
    const struct tamga_device *device = sync->session->device;
    const struct tamga_chain *chain = &device->chain;
    struct tamga_detail *detail = sync->session->detail;
    struct tamga_block_id id;
    enum tamga_err err;

    tamga_header_id(&id, &sealed->header);
    err = tamga_header_validate(&chain->params, tamga_header_tail_tip(&sync->tail),
                                &sealed->header, &id, tamga_device_now_ms(device), detail);
    if (err == TAMGA_OK)
        err = chain->rules->miner(chain, &sealed->header.miner);
    if (err == TAMGA_OK)
        err = tamga_seal_check(
            sealed, &id, tamga_network_member(device->network, &sealed->header.miner)->key);
    if (err != TAMGA_OK)
        return err;
    tamga_header_tail_push(&sync->tail, &sealed->header, &id);
    sync->page[sync->page_count++] = id;
    return TAMGA_OK;
}

/* A page counts as a whole or not at all. */
static enum tamga_err take_page(struct sync *sync,
                                const Tamga__V1__GetDeviceHeadersResponse *response)
{
    struct tamga_header_log *log = &sync->session->device->headers;
    struct tamga_detail *detail = sync->session->detail;
    enum tamga_err err = TAMGA_OK;

    sync->page_count = 0;
    if (response->n_headers > PAGE_MAX)
        return TAMGA_E_TOO_LARGE;
    for (size_t i = 0; err == TAMGA_OK && i < response->n_headers; i++) {
        struct tamga_sealed sealed;

        err = tamga_sealed_decode(&sealed, response->headers[i]);
        if (err == TAMGA_OK && sync->total == 0 && i == 0)
            err = find_start(sync, &sealed.header);
        if (err == TAMGA_OK)
            err = judge(sync, &sealed);
    }
    if (err != TAMGA_OK)
        return err;
    sync->total += sync->page_count;
    return sync->forked
               ? tamga_header_log_branch(log, sync->page, sync->page_count, detail)
               : tamga_header_log_extend(log, &sync->tail, sync->page, sync->page_count,
                                         detail);
}

/* False without an error: there are no more. */
static enum tamga_err next_page(struct sync *sync, bool *more)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__GetDeviceHeadersResponse *response = NULL;
    const struct tamga_device *device = sync->session->device;
    struct tamga_block_id from[TAMGA_HEADERS_KEPT];
    uint64_t now_ms = tamga_device_now_ms(device);
    enum tamga_err err;

    if (now_ms > sync->started_ms && now_ms - sync->started_ms > device->sync_ms)
        return tamga_refuse(sync->session->detail, TAMGA_E_DEADLINE,
                            "%" PRIu64 " headers in %u ms, and more to come", sync->total,
                            device->sync_ms);
    err = tamga_session_get_headers(sync->session, &response, from, locator(sync, from));
    if (err != TAMGA_OK)
        return err;
    *more = response->n_headers > 0;
    if (!*more)
        return TAMGA_OK;
    if (sync->total + response->n_headers > device->headers_max)
        return tamga_refuse(sync->session->detail, TAMGA_E_TOO_LARGE,
                            "more than %" PRIu64 " headers in one session",
                            device->headers_max);
    return take_page(sync, response);
}

/* A gateway that lags far behind shows our own chain from genesis on: no branch at all. */
static bool is_ours(const struct tamga_header_log *log, const struct tamga_trail *shown)
{
    struct tamga_block_id id;

    return tamga_header_log_id_at(log, &id, shown->tip.height, NULL) == TAMGA_OK &&
           tamga_hash_equal(&id.hash, &shown->tip_id.hash);
}

/* As the nodes choose: more work, or the same and the smaller id. An idle chain grows no
 * further, so a device that kept the other block would wait for ever. */
static bool is_better(const struct tamga_trail *shown, const struct tamga_trail *mine)
{
    int order = tamga_u256_compare(&shown->work, &mine->work);

    return order > 0 ||
           (order == 0 && memcmp(&shown->tip_id, &mine->tip_id, sizeof shown->tip_id) < 0);
}

static enum tamga_err settle_fork(struct sync *sync)
{
    struct tamga_device *device = sync->session->device;
    const struct tamga_trail *mine = tamga_header_tail_tip(&device->headers.tail);
    const struct tamga_trail *shown = tamga_header_tail_tip(&sync->tail);

    if (is_ours(&device->headers, shown))
        return TAMGA_OK;
    if (!is_better(shown, mine))
        return tamga_refuse(sync->session->detail, TAMGA_E_LESS_WORK,
                            "branch shown ends at height %" PRIu64
                            "; the chain known ends at %" PRIu64,
                            shown->tip.height, mine->tip.height);
    tamga_device_event(device, true, "headers.branch",
                       "moved to the better branch: height %" PRIu64
                       " instead of %" PRIu64 ", fork at %" PRIu64,
                       shown->tip.height, mine->tip.height, sync->fork_height);
    return tamga_header_log_adopt(&device->headers, &sync->tail, sync->fork_height,
                                  sync->session->detail);
}

static enum tamga_err follow(struct sync *sync)
{
    enum tamga_err err = TAMGA_OK;
    bool more = true;

    while (err == TAMGA_OK && more)
        err = next_page(sync, &more);
    if (err == TAMGA_OK && sync->forked)
        err = settle_fork(sync);
    if (sync->forked)
        tamga_header_log_drop(&sync->session->device->headers);
    return err;
}

enum tamga_err tamga_session_sync(struct tamga_session *session)
{
    struct tamga_device *device = session->device;
    struct sync *sync = malloc(sizeof *sync);
    enum tamga_err err;

    if (sync == NULL)
        return TAMGA_E_NO_MEMORY;
    sync->session = session;
    sync->tail = device->headers.tail;
    sync->forked = false;
    sync->fork_height = 0;
    sync->total = 0;
    sync->started_ms = tamga_device_now_ms(device);
    sync->page_count = 0;
    err = follow(sync);
    if (tamga_err_class(err) == TAMGA_CLASS_LOCAL && err != TAMGA_E_NO_MEMORY)
        device->broken = err; /* half an adopted branch is finished by the next open */
    free(sync);
    return err;
}
