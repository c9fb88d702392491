/* Blocks from here or from upstream, and the service over them. Knows no release. */
#include <stdlib.h>

#include "base/log.h"
#include "node/content_internal.h"

#define FETCH_MS    8000
#define CIDS_MAX    1024

static enum tamga_err open_upstream(struct tamga_content *content, const char *const *addr,
                                    size_t count, const struct tamga_net_link *link,
                                    struct tamga_detail *detail)
{
    for (size_t i = 0; i < count && i < TAMGA_PEERS_MAX; i++) {
        enum tamga_err err = tamga_channel_open_link(&content->upstream[i], addr[i], link,
                                                     detail);

        if (err != TAMGA_OK)
            return err;
        content->upstream_count = i + 1;
    }
    return TAMGA_OK;
}

enum tamga_err tamga_content_open(struct tamga_content **out, const char *folder,
                                  uint64_t bytes_max, const char *const *upstream,
                                  size_t upstream_count, struct tamga_detail *detail)
{
    return tamga_content_open_link(out, folder, bytes_max, upstream, upstream_count, NULL,
                                   detail);
}

enum tamga_err tamga_content_open_link(struct tamga_content **out, const char *folder,
                                       uint64_t bytes_max, const char *const *upstream,
                                       size_t upstream_count, const struct tamga_net_link *link,
                                       struct tamga_detail *detail)
{
    struct tamga_content *content = calloc(1, sizeof *content);
    enum tamga_err err;

    if (content == NULL)
        return TAMGA_E_NO_MEMORY;
    pthread_mutex_init(&content->lock, NULL);
    pthread_cond_init(&content->wake, NULL);
    snprintf(content->folder, sizeof content->folder, "%s", folder);
    err = tamga_block_store_open(&content->store, folder, bytes_max, detail);
    if (err == TAMGA_OK)
        err = open_upstream(content, upstream, upstream_count, link, detail);
    if (err != TAMGA_OK) {
        tamga_content_close(content);
        return err;
    }
    *out = content;
    return TAMGA_OK;
}

void tamga_content_close(struct tamga_content *content)
{
    if (content == NULL)
        return;
    tamga_content_stop(content);
    for (size_t i = 0; i < content->upstream_count; i++)
        tamga_channel_close(content->upstream[i]);
    if (content->store != NULL)
        tamga_block_store_close(content->store);
    pthread_cond_destroy(&content->wake);
    pthread_mutex_destroy(&content->lock);
    free(content);
}

struct tamga_block_store *tamga_content_store(const struct tamga_content *content)
{
    return content->store;
}

static enum tamga_err fetch(struct tamga_content *content, struct tamga_channel *from,
                            const struct tamga_cid *cid, struct tamga_buf *out)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = from,
                                                                 .deadline_ms = FETCH_MS};
    Tamga__V1__GetContentRequest request = TAMGA__V1__GET_CONTENT_REQUEST__INIT;
    char text[TAMGA_CID_TEXT_MAX];
    struct tamga_span block;
    enum tamga_err err;

    tamga_cid_format(text, cid);
    request.cid = text;
    tamga__v1__content_service__get(
        tamga_reply_service(&reply, &tamga__v1__content_service__descriptor), &request,
        (Tamga__V1__GetContentResponse_Closure)tamga_reply_take, &reply);
    if (reply.err != TAMGA_OK)
        return reply.err;
    block = tamga_wire_span(((Tamga__V1__GetContentResponse *)reply.message)->block);
    err = tamga_cid_check(cid, block);
    if (err != TAMGA_OK) {
        tamga_log(TAMGA_LOG_WARN, "content.refused", "%s sent other bytes for %s",
                  tamga_channel_addr(from), text);
        return err;
    }
    err = tamga_block_store_put(content->store, cid, block);
    return err == TAMGA_OK ? tamga_buf_set(out, block) : err;
}

enum tamga_err tamga_content_get(struct tamga_content *content, const struct tamga_cid *cid,
                                 struct tamga_buf *out)
{
    enum tamga_err err = tamga_block_store_get(content->store, cid, out);
    enum tamga_err last = TAMGA_E_NO_CONTENT;
    size_t first;

    /* A damaged copy was removed by get: a good one may take its place. */
    if (err != TAMGA_E_NO_CONTENT && err != TAMGA_E_CID_MISMATCH)
        return err;
    pthread_mutex_lock(&content->lock);
    first = content->next_upstream++;
    pthread_mutex_unlock(&content->lock);
    for (size_t i = 0; i < content->upstream_count; i++) {
        err = fetch(content, content->upstream[(first + i) % content->upstream_count], cid,
                    out);
        if (err == TAMGA_OK || tamga_err_class(err) == TAMGA_CLASS_LOCAL)
            return err;
        if (err != TAMGA_E_NO_CONTENT)
            last = err;
    }
    return last == TAMGA_E_CID_MISMATCH ? TAMGA_E_NO_CONTENT : last;
}

/* ---- the service ------------------------------------------------------------------ */

static struct tamga_content *content_of(void *service)
{
    return ((struct tamga_content_service *)service)->content;
}

static void content_put(Tamga__V1__ContentService_Service *service,
                        const Tamga__V1__PutContentRequest *input,
                        Tamga__V1__PutContentResponse_Closure closure, void *call)
{
    Tamga__V1__PutContentResponse response = TAMGA__V1__PUT_CONTENT_RESPONSE__INIT;
    struct tamga_cid cid;
    enum tamga_err err = tamga_cid_parse(&cid, input->cid);

    if (err == TAMGA_OK && !((struct tamga_content_service *)service)->accept_puts)
        err = TAMGA_E_NO_METHOD;
    if (err == TAMGA_OK)
        err = tamga_block_store_put(content_of(service)->store, &cid,
                                    tamga_wire_span(input->block));
    if (err != TAMGA_OK)
        tamga_rpc_fail(call, err, NULL);
    else
        closure(&response, call);
}

static void content_get(Tamga__V1__ContentService_Service *service,
                        const Tamga__V1__GetContentRequest *input,
                        Tamga__V1__GetContentResponse_Closure closure, void *call)
{
    Tamga__V1__GetContentResponse response = TAMGA__V1__GET_CONTENT_RESPONSE__INIT;
    TAMGA_BUF block = {0};
    struct tamga_cid cid;
    enum tamga_err err = tamga_cid_parse(&cid, input->cid);

    if (err == TAMGA_OK)
        err = tamga_block_store_get(content_of(service)->store, &cid, &block);
    if (err != TAMGA_OK) {
        /* A copy that went bad here is the same to the asker as none. */
        tamga_rpc_fail(call, err == TAMGA_E_CID_MISMATCH ? TAMGA_E_NO_CONTENT : err, NULL);
        return;
    }
    response.block = tamga_wire_bytes(tamga_buf_span(&block));
    closure(&response, call);
}

static void content_has(Tamga__V1__ContentService_Service *service,
                        const Tamga__V1__HasContentRequest *input,
                        Tamga__V1__HasContentResponse_Closure closure, void *call)
{
    Tamga__V1__HasContentResponse response = TAMGA__V1__HAS_CONTENT_RESPONSE__INIT;
    protobuf_c_boolean has[CIDS_MAX];
    enum tamga_err err =
        input->n_cids >= 1 && input->n_cids <= CIDS_MAX ? TAMGA_OK : TAMGA_E_BAD_VALUE;

    for (size_t i = 0; err == TAMGA_OK && i < input->n_cids; i++) {
        struct tamga_cid cid;

        err = tamga_cid_parse(&cid, input->cids[i]);
        has[i] = err == TAMGA_OK && tamga_block_store_has(content_of(service)->store, &cid);
    }
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.n_has = input->n_cids;
    response.has = has;
    closure(&response, call);
}

void tamga_content_service_init(struct tamga_content_service *service,
                                struct tamga_content *content, bool accept_puts)
{
    static const Tamga__V1__ContentService_Service methods =
        TAMGA__V1__CONTENT_SERVICE__INIT(content_);

    *service = (struct tamga_content_service){
        .service = methods, .content = content, .accept_puts = accept_puts};
}
