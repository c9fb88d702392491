/*
 * The replicator: every consortium node keeps the image of every release, so that no
 * image depends on the node that its producer talked to.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "node/content_internal.h"
#include "rules/rules.h"

#define RETRY_SECONDS 5
#define LATE_MAX      256 /* images to try again later; more wait for the next start */

struct late {
    struct tamga_cid root;
    uint64_t length;
};

struct replicator {
    struct tamga_content *content;
    struct late late[LATE_MAX];
    size_t late_count;
};

static void progress_path(const struct tamga_content *content, char out[4200])
{
    snprintf(out, 4200, "%s/replicated", content->folder);
}

/* The place reached; a missing or odd file only means that images are looked at again. */
static uint64_t load_progress(const struct tamga_content *content)
{
    char path[4200];
    uint64_t height = 1;
    FILE *file;

    progress_path(content, path);
    file = fopen(path, "r");
    if (file == NULL)
        return 1;
    if (fscanf(file, "%" SCNu64, &height) != 1)
        height = 1;
    fclose(file);
    return height;
}

static void save_progress(const struct tamga_content *content, uint64_t height)
{
    char path[4200], beside[4210];
    FILE *file;

    progress_path(content, path);
    snprintf(beside, sizeof beside, "%s.new", path);
    file = fopen(beside, "w");
    if (file == NULL)
        return;
    if (fprintf(file, "%" PRIu64 "\n", height) > 0 && fclose(file) == 0)
        (void)rename(beside, path);
    else
        (void)unlink(beside);
}

static bool stopping(struct tamga_content *content)
{
    bool answer;

    pthread_mutex_lock(&content->lock);
    answer = content->stopping;
    pthread_mutex_unlock(&content->lock);
    return answer;
}

static enum tamga_err fetch_image(struct tamga_content *content, const struct late *image)
{
    struct tamga_dag_walker *walker;
    TAMGA_BUF block = {0};
    struct tamga_cid cid;
    enum tamga_err err = tamga_dag_walker_new(&walker, &image->root, image->length);

    if (err != TAMGA_OK)
        return err;
    while (err == TAMGA_OK && tamga_dag_walker_next(walker, &cid)) {
        struct tamga_span data;

        err = stopping(content) ? TAMGA_E_STOPPING : tamga_content_get(content, &cid, &block);
        if (err == TAMGA_OK)
            err = tamga_dag_walker_feed(walker, &data, tamga_buf_span(&block));
    }
    tamga_dag_walker_free(walker);
    return err;
}

static void replicate(struct replicator *replicator, const struct late *image)
{
    char text[TAMGA_CID_TEXT_MAX];
    enum tamga_err err = fetch_image(replicator->content, image);

    if (err == TAMGA_OK || stopping(replicator->content))
        return;
    tamga_cid_format(text, &image->root);
    tamga_log(TAMGA_LOG_WARN, "content.missing", "image %s: %s (%s)", text,
              tamga_err_text(err), tamga_err_name(err));
    if (tamga_err_class(err) == TAMGA_CLASS_LATER && replicator->late_count < LATE_MAX)
        replicator->late[replicator->late_count++] = *image;
}

static void retry_late(struct replicator *replicator)
{
    size_t count = replicator->late_count;

    replicator->late_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct late image = replicator->late[i];

        replicate(replicator, &image); /* puts it back at a place not after i */
    }
}

static enum tamga_err replicate_block(struct replicator *replicator, uint64_t height)
{
    const struct tamga_chain *chain = replicator->content->chain;
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    const struct tamga_view *view = &replicator->content->chain_store->reader.view;
    struct tamga_block_id id;
    enum tamga_err err = tamga_query_id_at(view, height, &id);

    if (err == TAMGA_OK)
        err = tamga_query_block(view, &id, &block);
    for (size_t i = 0; err == TAMGA_OK && i < block.count; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
        const Tamga__V1__TransactionBody *body;
        struct late image;

        err = chain->rules->decode(chain, &item, block.entry[i], NULL);
        if (err != TAMGA_OK)
            break;
        body = (const Tamga__V1__TransactionBody *)item.body;
        if (body->action_case != TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE)
            continue; /* what else members say has no image */
        image.length = body->release->image_bytes;
        if (tamga_cid_parse(&image.root, body->release->cid) == TAMGA_OK)
            replicate(replicator, &image);
    }
    return err;
}

/* Next height to look at, or 0 when it is time to retry or stop. */
static uint64_t next_height(struct tamga_content *content)
{
    struct timespec until;
    uint64_t height = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RETRY_SECONDS;
    pthread_mutex_lock(&content->lock);
    while (!content->stopping && content->next_height > content->tip_height)
        if (pthread_cond_timedwait(&content->wake, &content->lock, &until) == ETIMEDOUT)
            break;
    if (!content->stopping && content->next_height <= content->tip_height)
        height = content->next_height;
    pthread_mutex_unlock(&content->lock);
    return height;
}

static void *replicator_main(void *context)
{
    struct tamga_content *content = context;
    struct replicator *replicator = calloc(1, sizeof *replicator);

    if (replicator == NULL)
        return NULL;
    replicator->content = content;
    while (!stopping(content)) {
        uint64_t height = next_height(content);

        if (height == 0) {
            retry_late(replicator);
            continue;
        }
        /* A block that a reorganization just took away is looked at again by its height. */
        (void)replicate_block(replicator, height);
        pthread_mutex_lock(&content->lock);
        if (content->next_height == height)
            content->next_height = height + 1;
        height = content->next_height;
        pthread_mutex_unlock(&content->lock);
        if (replicator->late_count == 0 && !stopping(content))
            save_progress(content, height);
    }
    free(replicator);
    return NULL;
}

enum tamga_err tamga_content_replicate(struct tamga_content *content,
                                       const struct tamga_chain *chain,
                                       struct tamga_store *store)
{
    struct tamga_stored_header tip;
    struct tamga_block_id id;
    enum tamga_err err = tamga_query_tip(&store->reader.view, &id);

    if (err == TAMGA_OK)
        err = tamga_query_header(&store->reader.view, &id, &tip);
    if (err != TAMGA_OK)
        return err;
    content->chain = chain;
    content->chain_store = store;
    content->tip_height = tip.sealed.header.height;
    content->next_height = load_progress(content);
    if (pthread_create(&content->thread, NULL, replicator_main, content) != 0)
        return TAMGA_E_SYSTEM;
    content->replicating = true;
    return TAMGA_OK;
}

void tamga_content_tip_changed(struct tamga_content *content, uint64_t height,
                               uint64_t abandoned)
{
    uint64_t former;

    pthread_mutex_lock(&content->lock);
    former = content->tip_height;
    content->tip_height = height;
    /* Blocks above the fork are new; the fork lies at least `abandoned` below the old tip. */
    if (abandoned > 0 && content->next_height > former + 1 - abandoned)
        content->next_height = former + 1 - abandoned;
    pthread_cond_signal(&content->wake);
    pthread_mutex_unlock(&content->lock);
}

void tamga_content_stop(struct tamga_content *content)
{
    pthread_mutex_lock(&content->lock);
    content->stopping = true;
    pthread_cond_signal(&content->wake);
    pthread_mutex_unlock(&content->lock);
    for (size_t i = 0; i < content->upstream_count; i++)
        tamga_channel_stop(content->upstream[i]); /* the replicator may wait for one */
    if (content->replicating)
        pthread_join(content->thread, NULL);
    content->replicating = false;
}
