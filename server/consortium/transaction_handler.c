/*
 * The transaction handler: judges what a producer submits, in the caller's worker
 * thread as far as it can, and acknowledges once the loop has made it durable.
 * Source: paper, Algorithm 1; docs/PROTOCOL.md, "Submitting".
 */
#include <stdlib.h>

#include "base/log.h"
#include "consortium/consortium.h"
#include "rules/rules.h"

#define ACTION_RELEASE TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE

struct submission {
    Tamga__V1__SubmitTransactionResponse_Closure closure;
    void *call;
    struct tamga_entry_id id;
};

static void answer(void *context, enum tamga_err err, bool known,
                   const struct tamga_detail *detail)
{
    struct submission *submission = context;
    Tamga__V1__SubmitTransactionResponse response =
        TAMGA__V1__SUBMIT_TRANSACTION_RESPONSE__INIT;
    char hex[TAMGA_HEX_CHARS];

    tamga_to_hex(hex, submission->id.hash.byte, TAMGA_HASH_BYTES);
    if (err != TAMGA_OK) {
        tamga_log(TAMGA_LOG_INFO, "transaction.refused", "%s: %s (%s) %s", hex,
                  tamga_err_text(err), tamga_err_name(err), detail->text);
        tamga_rpc_fail(submission->call, err, detail);
    } else {
        tamga_log(TAMGA_LOG_INFO, "transaction.accepted", "%s%s", hex,
                  known ? ", known already" : "");
        response.id = tamga_wire_bytes(tamga_hash_span(&submission->id.hash));
        response.known = known;
        submission->closure(&response, submission->call);
    }
    free(submission);
}

static const Tamga__V1__TransactionBody *body_of(const struct tamga_item *item)
{
    return (const Tamga__V1__TransactionBody *)item->body;
}

/* Of the block that this might be in; the tip may move at any time. */
static enum tamga_err next_height(uint64_t *height, const struct tamga_view *view)
{
    struct tamga_stored_header stored;
    struct tamga_block_id tip;
    enum tamga_err err = tamga_query_tip(view, &tip);

    if (err == TAMGA_OK)
        err = tamga_query_header(view, &tip, &stored);
    if (err == TAMGA_OK)
        *height = stored.sealed.header.height + 1;
    return err;
}

/* Nothing is announced that devices could not fetch: the image must be here, whole. */
static enum tamga_err check_image(struct tamga_content *content, const struct tamga_item *item,
                                  struct tamga_detail *detail)
{
    const Tamga__V1__Release *release = body_of(item)->release;
    char text[TAMGA_CID_TEXT_MAX];
    struct tamga_cid root, missing;
    struct tamga_hash sha256;
    enum tamga_err err = tamga_cid_parse(&root, release->cid);

    if (err == TAMGA_OK)
        err = tamga_hash_from(&sha256, tamga_wire_span(release->image_sha256));
    if (err != TAMGA_OK)
        return err;
    err = tamga_block_store_check_image(tamga_content_store(content), &root,
                                        release->image_bytes, &sha256, &missing);
    if (err == TAMGA_E_NO_CONTENT) {
        tamga_cid_format(text, &missing);
        return tamga_refuse(detail, err, "block %s is missing: put the image first", text);
    }
    return err == TAMGA_E_FILE_IO || err == TAMGA_OK
               ? err
               : tamga_refuse(detail, err, "image %s does not fit the release", release->cid);
}

/* All that can be judged without the loop, cheapest first. The loop judges the state
 * again: it is the one that may say yes. */
static enum tamga_err judge(struct tamga_consortium_service *self, struct tamga_item *item,
                            const Tamga__V1__Signed *untrusted, struct tamga_detail *detail)
{
    const struct tamga_chain *chain = tamga_node_chain(self->node);
    const struct tamga_view *view = &tamga_node_store(self->node)->reader.view;
    struct tamga_moment next = {0, tamga_wall_ms()};
    struct tamga_place place;
    TAMGA_BUF payload = {0};
    enum tamga_err err;

    if (untrusted == NULL)
        return TAMGA_E_MISSING_FIELD;
    err = tamga_wire_pack(&payload, &untrusted->base);
    if (err == TAMGA_OK)
        err = chain->rules->decode(chain, item, tamga_buf_span(&payload), detail);
    if (err == TAMGA_OK)
        err = chain->rules->verify(chain, item, detail);
    if (err != TAMGA_OK)
        return err;
    item->verified = true;
    if (tamga_query_place(view, &item->id, &place) == TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_DUPLICATE_ENTRY, "it is in block %llu",
                            (unsigned long long)place.height);
    err = next_height(&next.height, view);
    if (err == TAMGA_OK)
        err = chain->rules->check(chain, view, item, &next, detail);
    if (err != TAMGA_OK || body_of(item)->action_case != ACTION_RELEASE)
        return err;
    err = tamga_release_is_newest(view, body_of(item)->release, detail);
    return err == TAMGA_OK ? check_image(self->content, item, detail) : err;
}

void consortium_submit_transaction(Tamga__V1__ConsortiumService_Service *service,
                                   const Tamga__V1__SubmitTransactionRequest *input,
                                   Tamga__V1__SubmitTransactionResponse_Closure closure,
                                   void *call)
{
    struct tamga_consortium_service *self = (struct tamga_consortium_service *)service;
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct tamga_detail detail = {{0}};
    struct submission *submission;
    enum tamga_err err = judge(self, &item, input->transaction, &detail);

    if (err != TAMGA_OK) {
        tamga_log(TAMGA_LOG_INFO, "transaction.refused", "%s (%s) %s", tamga_err_text(err),
                  tamga_err_name(err), detail.text);
        tamga_rpc_fail(call, err, &detail);
        return;
    }
    submission = malloc(sizeof *submission);
    if (submission == NULL) {
        tamga_rpc_fail(call, TAMGA_E_NO_MEMORY, NULL);
        return;
    }
    *submission = (struct submission){.closure = closure, .call = call, .id = item.id};
    err = tamga_node_submit(self->node, &item, answer, submission);
    if (err != TAMGA_OK) {
        free(submission);
        tamga_rpc_fail(call, err, NULL);
    }
}
