/* Publishing, from the image's file to a proof that the release is final. */
#include <time.h>

#include "link/finality.h"
#include "producer/draft.h"
#include "rules/rules.h"
#include "tamga/v1/consortium_service.pb-c.h"
#include "wire/wire.h"

#define POLL_MS       100
#define POLL_MS_MAX   2000
#define UPLOADS_MAX   3 /* to another node, if the one that has the image went away */

static uint64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void tell(const struct tamga_publish_options *options, enum tamga_client_step step)
{
    if (options->progress != NULL)
        options->progress(options->progress_context, step, 0, 0);
}

/* ---- sign and submit ------------------------------------------------------------ */

static enum tamga_err sign(struct tamga_buf *out, struct tamga_hash *id,
                           const struct tamga_client *client, struct tamga_draft *draft)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__PublicKey key =
        tamga_wire_key_of(tamga_private_key_public(client->identity.key));

    body.sender = tamga_wire_bytes(tamga_hash_span(&client->identity.address.hash));
    body.key = &key;
    body.time_ms = wall_ms();
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE;
    body.release = &draft->release;
    return tamga_signed_make(out, id, &body.base, TAMGA_DOMAIN_TRANSACTION,
                             &client->consortium.id, client->identity.key);
}

/* The same bytes as often as it takes: a node that has them already says so. */
static enum tamga_err submit(struct tamga_client *client, struct tamga_span payload,
                             const struct tamga_hash *id, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *transaction = NULL;
    Tamga__V1__SubmitTransactionRequest request = TAMGA__V1__SUBMIT_TRANSACTION_REQUEST__INIT;
    enum tamga_err err =
        tamga_wire_unpack((ProtobufCMessage **)&transaction, &tamga__v1__signed__descriptor,
                          TAMGA_WIRE_CANONICAL, payload, detail);

    if (err != TAMGA_OK)
        return err;
    request.transaction = transaction;
    err = tamga_session_call(client->nodes, &answer,
                             &tamga__v1__consortium_service__descriptor, "SubmitTransaction",
                             &request.base, detail);
    if (err == TAMGA_E_DUPLICATE_ENTRY)
        return TAMGA_OK; /* an earlier attempt arrived after all, and was mined */
    if (err != TAMGA_OK)
        return err;
    if (!tamga_span_equal(
            tamga_wire_span(((const Tamga__V1__SubmitTransactionResponse *)answer)->id),
            tamga_hash_span(id)))
        return tamga_refuse(detail, TAMGA_E_ID_MISMATCH, "the node accepted something else");
    return TAMGA_OK;
}

/* Upload, then submit; again from the upload if the node asked now lacks the image. */
static enum tamga_err deliver(struct tamga_client *client,
                              const struct tamga_publish_options *options,
                              const struct tamga_image *image, struct tamga_draft *draft,
                              struct tamga_hash *id, struct tamga_detail *detail)
{
    TAMGA_BUF payload = {0};
    enum tamga_err err = TAMGA_OK;

    for (unsigned i = 0; i < UPLOADS_MAX; i++) {
        err = tamga_image_send(image, client->nodes, options->progress,
                               options->progress_context, detail);
        if (err == TAMGA_OK && payload.len == 0)
            err = sign(&payload, id, client, draft);
        if (err != TAMGA_OK)
            return err;
        tell(options, TAMGA_STEP_SUBMIT);
        err = submit(client, tamga_buf_span(&payload), id, detail);
        if (err != TAMGA_E_NO_CONTENT)
            return err;
    }
    return err;
}

/* ---- wait ----------------------------------------------------------------------- */

/* Has it come to pass? OK: it is told in the result. The later class: not yet. */
typedef enum tamga_err (*question)(struct tamga_client *client,
                                   const struct tamga_entry_id *id,
                                   struct tamga_publish_result *result,
                                   struct tamga_detail *detail);

static enum tamga_err ask_mined(struct tamga_client *client, const struct tamga_entry_id *id,
                                struct tamga_publish_result *result,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_evidence_clear) struct tamga_evidence evidence = {0};
    enum tamga_err err = tamga_evidence_fetch(&evidence, client->nodes, &client->consortium,
                                              id, detail);

    if (err != TAMGA_OK)
        return err;
    if (evidence.pending)
        return TAMGA_E_NOT_READY;
    result->mined = true;
    result->height = evidence.sealed.header.height;
    memcpy(result->block, evidence.block.hash.byte, TAMGA_HASH_BYTES);
    return TAMGA_OK;
}

/* The block may be another one than before: until now it could be abandoned. */
static enum tamga_err ask_final(struct tamga_client *client, const struct tamga_entry_id *id,
                                struct tamga_publish_result *result,
                                struct tamga_detail *detail)
{
    struct tamga_final_place place;
    enum tamga_err err = tamga_final_place_fetch(&place, client->nodes, &client->consortium,
                                                 id, detail);

    if (err != TAMGA_OK)
        return err;
    result->final = true;
    result->checkpoint_height = place.checkpoint.at.height;
    result->height = place.header.height;
    memcpy(result->block, place.block.hash.byte, TAMGA_HASH_BYTES);
    return TAMGA_OK;
}

static enum tamga_err wait_until(question ask, struct tamga_client *client,
                                 struct tamga_publish_result *result,
                                 struct tamga_detail *detail)
{
    uint64_t expires_ms = tamga_session_now_ms() + client->timeout_ms;
    uint32_t pause_ms = POLL_MS;
    struct tamga_entry_id id;

    memcpy(id.hash.byte, result->tx_id, TAMGA_HASH_BYTES);
    for (;;) {
        enum tamga_err err = ask(client, &id, result, detail);

        /* NOT_FOUND: another node answers, which has not heard of it yet. */
        if (err == TAMGA_OK || (err != TAMGA_E_NOT_FOUND &&
                                tamga_err_class(err) != TAMGA_CLASS_LATER))
            return err;
        if (tamga_session_now_ms() + pause_ms >= expires_ms)
            return TAMGA_E_DEADLINE;
        tamga_session_pause(client->nodes, pause_ms);
        pause_ms = 2 * pause_ms < POLL_MS_MAX ? 2 * pause_ms : POLL_MS_MAX;
    }
}

static enum tamga_err wait_mined(struct tamga_client *client,
                                 const struct tamga_publish_options *options,
                                 struct tamga_publish_result *result,
                                 struct tamga_detail *detail)
{
    enum tamga_err err;

    tell(options, TAMGA_STEP_WAIT);
    err = wait_until(ask_mined, client, result, detail);
    if (err == TAMGA_E_DEADLINE)
        return tamga_refuse(detail, err,
                            "the release is accepted, but in no block after %u ms",
                            client->timeout_ms);
    return err;
}

static enum tamga_err wait_final(struct tamga_client *client,
                                 const struct tamga_publish_options *options,
                                 struct tamga_publish_result *result,
                                 struct tamga_detail *detail)
{
    enum tamga_err err;

    tell(options, TAMGA_STEP_FINAL);
    err = wait_until(ask_final, client, result, detail);
    if (err == TAMGA_E_DEADLINE)
        return tamga_refuse(detail, err,
                            "the release is in block %llu, but not final after %u ms",
                            (unsigned long long)result->height, client->timeout_ms);
    return err;
}

static void describe(struct tamga_publish_result *result, const struct tamga_draft *draft,
                     const struct tamga_image *image, const struct tamga_hash *id)
{
    *result = (struct tamga_publish_result){.image_bytes = image->bytes,
                                            .counter = draft->release.counter,
                                            .accepted = true};
    memcpy(result->tx_id, id->byte, TAMGA_HASH_BYTES);
    memcpy(result->image_sha256, image->sha256.byte, TAMGA_HASH_BYTES);
    memcpy(result->cid, draft->cid, sizeof result->cid);
}

/* The image's file, or what it is sealed to. */
static enum tamga_err open_image(struct tamga_image *image, struct tamga_draft *draft,
                                 struct tamga_sealing *sealing,
                                 const struct tamga_publish_options *options,
                                 struct tamga_detail *detail)
{
    if (sealing->count == 0)
        return tamga_image_open(image, options->image, &tamga_dag_default, options->progress,
                                options->progress_context, detail);
    draft->sealing = sealing;
    return tamga_sealing_image(sealing, image, options, &tamga_dag_default, detail);
}

enum tamga_err tamga_client_publish(struct tamga_client *client,
                                    const struct tamga_publish_options *options,
                                    struct tamga_publish_result *result,
                                    struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_image_close) struct tamga_image image = {.fd = -1};
    TAMGA_CLEANUP(tamga_sealing_clear) struct tamga_sealing sealing = {0};
    struct tamga_draft draft = {0};
    struct tamga_hash id;
    enum tamga_err err = tamga_draft_init(&draft, options, detail);

    if (err == TAMGA_OK)
        err = tamga_draft_authority(&draft, client, wall_ms(), detail);
    if (err == TAMGA_OK)
        err = tamga_sealing_init(&sealing, options, detail);
    if (err == TAMGA_OK)
        err = open_image(&image, &draft, &sealing, options, detail);
    if (err != TAMGA_OK)
        return err;
    tamga_draft_image(&draft, &image);
    err = tamga_draft_judge(&draft, client, detail);
    if (err == TAMGA_OK)
        err = deliver(client, options, &image, &draft, &id, detail);
    if (err != TAMGA_OK)
        return err;
    describe(result, &draft, &image, &id);
    if (options->wait == TAMGA_WAIT_ACCEPTED)
        return TAMGA_OK;
    err = wait_mined(client, options, result, detail);
    if (err != TAMGA_OK || options->wait != TAMGA_WAIT_FINAL)
        return err;
    return wait_final(client, options, result, detail);
}
