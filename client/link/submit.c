/* Signing, submitting and waiting, for whatever a member has to say. */
#include "link/submit.h"

#include <time.h>

#include "link/finality.h"
#include "link/state.h"
#include "tamga/v1/consortium_service.pb-c.h"
#include "wire/wire.h"

#define POLL_MS     100
#define POLL_MS_MAX 2000

uint64_t tamga_submit_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void tell(const struct tamga_submit_options *options, enum tamga_client_step step)
{
    if (options->progress != NULL)
        options->progress(options->progress_context, step, 0, 0);
}

/* ---- sign and submit -------------------------------------------------------------------- */

enum tamga_err tamga_submit_sign(struct tamga_buf *payload, struct tamga_hash *id,
                                 const struct tamga_client *client,
                                 Tamga__V1__TransactionBody *body)
{
    Tamga__V1__PublicKey key =
        tamga_wire_key_of(tamga_private_key_public(client->identity.key));

    body->sender = tamga_wire_bytes(tamga_hash_span(&client->identity.address.hash));
    body->key = &key;
    body->time_ms = tamga_submit_now_ms();
    return tamga_signed_make(payload, id, &body->base, TAMGA_DOMAIN_TRANSACTION,
                             &client->consortium.id, client->identity.key);
}

enum tamga_err tamga_submit_send(struct tamga_client *client, struct tamga_span payload,
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

/* ---- wait --------------------------------------------------------------------------------- */

/* Has it come to pass? OK: it is told in the result. The later class: not yet. */
typedef enum tamga_err (*question)(struct tamga_client *client,
                                   const struct tamga_entry_id *id,
                                   struct tamga_submit_result *result,
                                   struct tamga_detail *detail);

static enum tamga_err ask_mined(struct tamga_client *client, const struct tamga_entry_id *id,
                                struct tamga_submit_result *result,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_evidence_clear) struct tamga_evidence evidence = {0};
    enum tamga_err err = tamga_evidence_fetch(&evidence, client->nodes, &client->consortium,
                                              id, detail);

    if (err == TAMGA_E_NOT_MEMBER) { /* ourselves, who joined a moment ago */
        err = tamga_client_learn(client, detail);
        return err == TAMGA_OK ? TAMGA_E_NOT_READY : err;
    }
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
                                struct tamga_submit_result *result,
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
                                 struct tamga_submit_result *result,
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
                                 const struct tamga_submit_options *options,
                                 struct tamga_submit_result *result,
                                 struct tamga_detail *detail)
{
    enum tamga_err err;

    tell(options, TAMGA_STEP_WAIT);
    err = wait_until(ask_mined, client, result, detail);
    if (err == TAMGA_E_DEADLINE)
        return tamga_refuse(detail, err,
                            "the transaction is accepted, but in no block after %u ms",
                            client->timeout_ms);
    return err;
}

static enum tamga_err wait_final(struct tamga_client *client,
                                 const struct tamga_submit_options *options,
                                 struct tamga_submit_result *result,
                                 struct tamga_detail *detail)
{
    enum tamga_err err;

    tell(options, TAMGA_STEP_FINAL);
    err = wait_until(ask_final, client, result, detail);
    if (err == TAMGA_E_DEADLINE)
        return tamga_refuse(detail, err,
                            "the transaction is in block %llu, but not final after %u ms",
                            (unsigned long long)result->height, client->timeout_ms);
    return err;
}

enum tamga_err tamga_submit_wait(struct tamga_client *client,
                                 const struct tamga_submit_options *options,
                                 const struct tamga_hash *id,
                                 struct tamga_submit_result *result,
                                 struct tamga_detail *detail)
{
    enum tamga_err err;

    *result = (struct tamga_submit_result){.accepted = true};
    memcpy(result->tx_id, id->byte, TAMGA_HASH_BYTES);
    if (options->wait == TAMGA_WAIT_ACCEPTED)
        return TAMGA_OK;
    err = wait_mined(client, options, result, detail);
    if (err != TAMGA_OK || options->wait != TAMGA_WAIT_FINAL)
        return err;
    return wait_final(client, options, result, detail);
}

enum tamga_err tamga_submit(struct tamga_client *client, Tamga__V1__TransactionBody *body,
                            const struct tamga_submit_options *options,
                            struct tamga_submit_result *result, struct tamga_detail *detail)
{
    static const struct tamga_submit_options mined = {.wait = TAMGA_WAIT_MINED};
    TAMGA_BUF payload = {0};
    struct tamga_hash id;
    enum tamga_err err;

    if (client->identity.key == NULL)
        return tamga_refuse(detail, TAMGA_E_USAGE, "saying anything needs a member's identity");
    if (options == NULL)
        options = &mined;
    err = tamga_submit_sign(&payload, &id, client, body);
    if (err != TAMGA_OK)
        return err;
    tell(options, TAMGA_STEP_SUBMIT);
    err = tamga_submit_send(client, tamga_buf_span(&payload), &id, detail);
    return err == TAMGA_OK ? tamga_submit_wait(client, options, &id, result, detail) : err;
}
