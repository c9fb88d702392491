/*
 * Blocks on their way to a node: gathered into batches, asked for once a batch, and what
 * is missing is put by a few threads at a time. Memory is bounded by the batch.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "producer/image_internal.h"
#include "tamga/v1/content_service.pb-c.h"
#include "wire/wire.h"

#define BATCH_COUNT 64 /* blocks: 16 MiB of the usual 256 KiB */
#define PUTS_MAX    4  /* in flight */

struct block {
    struct tamga_cid cid;
    char text[TAMGA_CID_TEXT_MAX];
    struct tamga_buf bytes;
    bool missing;
};

struct batch {
    struct tamga_session *session;
    struct tamga_detail *detail;
    size_t count;
    struct block block[BATCH_COUNT];

    /* while it is sent: */
    atomic_size_t next;
    pthread_mutex_t lock; /* guards err and *detail */
    enum tamga_err err;
};

static void batch_free(struct batch **batch)
{
    if (*batch == NULL)
        return;
    for (size_t i = 0; i < BATCH_COUNT; i++)
        tamga_buf_clear(&(*batch)->block[i].bytes);
    pthread_mutex_destroy(&(*batch)->lock);
    free(*batch);
}

/* Which of the batch does the node lack? */
static enum tamga_err batch_ask(struct batch *batch)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    Tamga__V1__HasContentRequest request = TAMGA__V1__HAS_CONTENT_REQUEST__INIT;
    const Tamga__V1__HasContentResponse *response;
    char *cid[BATCH_COUNT];
    enum tamga_err err;

    for (size_t i = 0; i < batch->count; i++)
        cid[i] = batch->block[i].text;
    request.n_cids = batch->count;
    request.cids = cid;
    err = tamga_session_call(batch->session, &answer,
                             &tamga__v1__content_service__descriptor, "Has", &request.base,
                             batch->detail);
    if (err != TAMGA_OK)
        return err;
    response = (const Tamga__V1__HasContentResponse *)answer;
    if (response->n_has != batch->count)
        return tamga_refuse(batch->detail, TAMGA_E_PEER_LIED, "asked for %zu blocks, told of %zu",
                            batch->count, response->n_has);
    for (size_t i = 0; i < batch->count; i++)
        batch->block[i].missing = !response->has[i];
    return TAMGA_OK;
}

static enum tamga_err put(struct batch *batch, const struct block *block,
                          struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    Tamga__V1__PutContentRequest request = TAMGA__V1__PUT_CONTENT_REQUEST__INIT;

    request.cid = (char *)(uintptr_t)block->text;
    request.block = tamga_wire_bytes(tamga_buf_span(&block->bytes));
    return tamga_session_call(batch->session, &answer,
                              &tamga__v1__content_service__descriptor, "Put", &request.base,
                              detail);
}

/* The first error stays, and the others stop at it. */
static void batch_fail(struct batch *batch, enum tamga_err err,
                       const struct tamga_detail *detail)
{
    pthread_mutex_lock(&batch->lock);
    if (batch->err == TAMGA_OK) {
        batch->err = err;
        if (batch->detail != NULL)
            *batch->detail = *detail;
    }
    pthread_mutex_unlock(&batch->lock);
    atomic_store(&batch->next, batch->count);
}

static void *put_some(void *context)
{
    struct batch *batch = context;
    size_t index;

    while ((index = atomic_fetch_add(&batch->next, 1)) < batch->count) {
        struct tamga_detail detail = {""};
        enum tamga_err err;

        if (!batch->block[index].missing)
            continue;
        err = put(batch, &batch->block[index], &detail);
        if (err != TAMGA_OK)
            batch_fail(batch, err, &detail);
    }
    return NULL;
}

/* Ask, put, and start anew. A thread that cannot be had makes it slower, not wrong. */
static enum tamga_err batch_send(struct batch *batch)
{
    pthread_t thread[PUTS_MAX - 1];
    size_t count = 0;
    enum tamga_err err = batch->count > 0 ? batch_ask(batch) : TAMGA_OK;

    if (err != TAMGA_OK || batch->count == 0)
        return err;
    atomic_store(&batch->next, 0);
    while (count < PUTS_MAX - 1 && count + 1 < batch->count &&
           pthread_create(&thread[count], NULL, put_some, batch) == 0)
        count++;
    put_some(batch);
    for (size_t i = 0; i < count; i++)
        pthread_join(thread[i], NULL);
    batch->count = 0;
    return batch->err;
}

static bool batch_has(const struct batch *batch, const struct tamga_cid *cid)
{
    for (size_t i = 0; i < batch->count; i++)
        if (tamga_cid_equal(&batch->block[i].cid, cid))
            return true;
    return false;
}

/* The tree's builder gives every block here, children before parents. */
static enum tamga_err batch_add(void *context, const struct tamga_cid *cid,
                                struct tamga_span bytes)
{
    struct batch *batch = context;
    struct block *block = &batch->block[batch->count];
    enum tamga_err err;

    if (batch_has(batch, cid))
        return TAMGA_OK;
    block->bytes.len = 0;
    err = tamga_buf_set(&block->bytes, bytes);
    if (err != TAMGA_OK)
        return err;
    block->cid = *cid;
    tamga_cid_format(block->text, cid);
    batch->count++;
    return batch->count == BATCH_COUNT ? batch_send(batch) : TAMGA_OK;
}

static enum tamga_err batch_new(struct batch **out, struct tamga_session *session,
                                struct tamga_detail *detail)
{
    struct batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL)
        return TAMGA_E_NO_MEMORY;
    batch->session = session;
    batch->detail = detail;
    pthread_mutex_init(&batch->lock, NULL);
    *out = batch;
    return TAMGA_OK;
}

enum tamga_err tamga_image_send(const struct tamga_image *image, struct tamga_session *session,
                                tamga_client_progress progress, void *context,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(batch_free) struct batch *batch = NULL;
    struct tamga_pass pass = {.dag = &tamga_dag_default,
                              .sink = batch_add,
                              .progress = progress,
                              .context = context,
                              .step = TAMGA_STEP_UPLOAD};
    struct tamga_hash sha256;
    struct tamga_cid root;
    enum tamga_err err = batch_new(&batch, session, detail);

    if (err != TAMGA_OK)
        return err;
    pass.sink_context = batch;
    err = tamga_image_pass(image, &pass, &sha256, &root, detail);
    if (err == TAMGA_OK)
        err = batch_send(batch);
    if (err != TAMGA_OK)
        return err;
    if (!tamga_hash_equal(&sha256, &image->sha256) || !tamga_cid_equal(&root, &image->root))
        return tamga_refuse(detail, TAMGA_E_IMAGE_MISMATCH,
                            "the file changed after it was hashed; nothing was signed");
    return TAMGA_OK;
}
