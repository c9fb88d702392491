/* Publishing, from the image's file to a proof that the release is final. */
#include "link/state.h"
#include "link/submit.h"
#include "producer/draft.h"

#define UPLOADS_MAX   3 /* to another node, if the one that has the image went away */

static void tell(const struct tamga_publish_options *options, enum tamga_client_step step)
{
    if (options->progress != NULL)
        options->progress(options->progress_context, step, 0, 0);
}

static enum tamga_err sign(struct tamga_buf *out, struct tamga_hash *id,
                           const struct tamga_client *client, struct tamga_draft *draft)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;

    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE;
    body.release = &draft->release;
    return tamga_submit_sign(out, id, client, &body);
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
        err = tamga_submit_send(client, tamga_buf_span(&payload), id, detail);
        if (err != TAMGA_E_NO_CONTENT)
            return err;
    }
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

static enum tamga_err ask_waits(struct tamga_client *client, const struct tamga_hash *id,
                                struct tamga_publish_result *result,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateRelease *state = NULL;
    enum tamga_err err = tamga_release_state(&state, client, id, detail);

    result->waits = err == TAMGA_OK && state != NULL && state->waits;
    return err;
}

static enum tamga_err wait(struct tamga_client *client,
                           const struct tamga_publish_options *options,
                           const struct tamga_hash *id, struct tamga_publish_result *result,
                           struct tamga_detail *detail)
{
    const struct tamga_submit_options how = {.wait = options->wait,
                                             .progress = options->progress,
                                             .progress_context = options->progress_context};
    struct tamga_submit_result place;
    enum tamga_err err = tamga_submit_wait(client, &how, id, &place, detail);

    result->mined = place.mined;
    result->height = place.height;
    memcpy(result->block, place.block, TAMGA_HASH_BYTES);
    result->final = place.final;
    result->checkpoint_height = place.checkpoint_height;
    return err == TAMGA_OK && place.final ? ask_waits(client, id, result, detail) : err;
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
        err = tamga_draft_authority(&draft, client, tamga_submit_now_ms(), detail);
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
    return wait(client, options, &id, result, detail);
}
