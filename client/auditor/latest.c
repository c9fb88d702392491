/* The newest release of a model, as of a checkpoint: from a node, or from a file. */
#include "auditor/latest.h"

#include <stdio.h>

#include "link/state.h"
#include "rules/proof.h"
#include "tamga/v1/consortium_service.pb-c.h"
#include "wire/wire.h"

void tamga_latest_clear(struct tamga_latest *latest)
{
    tamga_buf_clear(&latest->bytes);
    tamga_item_clear(&latest->item);
    *latest = (struct tamga_latest){0};
}

/* ---- from bytes --------------------------------------------------------------------- */

/* Of the release that is shown. Nothing of it is believed yet: the proof has to fit. */
static enum tamga_err read_model(struct tamga_model_name *out,
                                 const Tamga__V1__Signed *untrusted,
                                 struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__TransactionBody *body = NULL;
    enum tamga_err err;

    if (untrusted == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD,
                            "it shows no release; which model is it about?");
    err = tamga_wire_unpack((ProtobufCMessage **)&body, &tamga__v1__transaction_body__descriptor,
                            TAMGA_WIRE_CANONICAL, tamga_wire_span(untrusted->body), detail);
    if (err != TAMGA_OK)
        return err;
    if (body->action_case != TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "its transaction is no release");
    snprintf(out->producer, sizeof out->producer, "%s", body->release->producer);
    snprintf(out->model, sizeof out->model, "%s", body->release->model);
    return TAMGA_OK;
}

enum tamga_err tamga_latest_open(struct tamga_latest *out, const struct tamga_chain *consortium,
                                 struct tamga_span untrusted,
                                 const struct tamga_model_name *model,
                                 struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_latest_clear) struct tamga_latest latest = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReleaseProof *proof = NULL;
    struct tamga_checkpoint checkpoint;
    enum tamga_err err;

    if (untrusted.len > TAMGA_CLIENT_PROOF_BYTES_MAX)
        return tamga_refuse(detail, TAMGA_E_TOO_LARGE, "proof of %zu bytes; at most %d",
                            untrusted.len, TAMGA_CLIENT_PROOF_BYTES_MAX);
    err = tamga_wire_unpack((ProtobufCMessage **)&proof, &tamga__v1__release_proof__descriptor,
                            TAMGA_WIRE_CANONICAL, untrusted, detail);
    if (err == TAMGA_OK && model == NULL)
        err = read_model(&latest.model, proof->transaction, detail);
    else if (err == TAMGA_OK)
        latest.model = *model;
    if (err == TAMGA_OK)
        err = tamga_release_proof_check(&latest.item, &latest.withdrawn, &checkpoint, consortium,
                                        proof, latest.model.producer, latest.model.model, NULL,
                                        detail);
    if (err == TAMGA_OK && latest.item.body != NULL)
        err = tamga_standing_read(&latest.sender, tamga_wire_span(proof->member->value), detail);
    if (err == TAMGA_OK)
        err = tamga_buf_set(&latest.bytes, untrusted);
    if (err != TAMGA_OK)
        return err;
    tamga_cosigned_list(&latest.cosigned, consortium, &checkpoint, proof->checkpoint);
    tamga_latest_clear(out);
    *out = latest;
    latest = (struct tamga_latest){0};
    return TAMGA_OK;
}

/* ---- told ---------------------------------------------------------------------------- */

/* What a node shows of the best chain; its word, except for author and signature. */
struct shown {
    bool same;              /* as the one that is proved; else: */
    struct tamga_item item; /* empty: nothing */
    uint64_t height;
    struct tamga_block_id block;
    const Tamga__V1__StateRelease *state; /* borrowed from the answer */
};

static void shown_clear(struct shown *shown)
{
    tamga_item_clear(&shown->item);
}

/* The same bytes: the proof says all that is to be known of them. */
static bool is_proved(const struct tamga_latest *latest, const Tamga__V1__Signed *untrusted)
{
    TAMGA_BUF bytes = {0};

    return untrusted != NULL && latest->item.body != NULL &&
           tamga_wire_pack(&bytes, &untrusted->base) == TAMGA_OK &&
           tamga_span_equal(tamga_buf_span(&bytes), tamga_buf_span(&latest->item.payload));
}

static enum tamga_err shown_open(struct shown *out, const struct tamga_chain *chain,
                                 const struct tamga_latest *latest,
                                 const struct tamga_model_name *model,
                                 const Tamga__V1__ReleaseEntry *untrusted,
                                 struct tamga_detail *detail)
{
    const Tamga__V1__Release *release;
    enum tamga_err err;

    if (untrusted == NULL)
        return TAMGA_OK;
    out->height = untrusted->height;
    out->state = untrusted->state;
    out->same = is_proved(latest, untrusted->transaction);
    err = tamga_hash_from(&out->block.hash, tamga_wire_span(untrusted->block));
    if (err == TAMGA_OK && out->same)
        return TAMGA_OK;
    if (err == TAMGA_OK)
        err = tamga_entry_open(&out->item, chain, untrusted->transaction, detail);
    if (err != TAMGA_OK)
        return err;
    release = tamga_item_release(&out->item);
    if (release == NULL)
        return tamga_refuse(detail, TAMGA_E_PEER_LIED, "what is shown is no release");
    if (strcmp(release->producer, model->producer) != 0 ||
        strcmp(release->model, model->model) != 0)
        return tamga_refuse(detail, TAMGA_E_PEER_LIED, "asked for %s/%s, shown %s/%s",
                            model->producer, model->model, release->producer, release->model);
    out->state = untrusted->state;
    return TAMGA_OK;
}

/* The same, and its author may have published it. */
static enum tamga_err shown_check(struct shown *out, struct tamga_client *client,
                                  const struct tamga_latest *latest,
                                  const struct tamga_model_name *model,
                                  const Tamga__V1__ReleaseEntry *untrusted,
                                  struct tamga_detail *detail)
{
    enum tamga_err err = shown_open(out, &client->consortium, latest, model, untrusted, detail);

    return err == TAMGA_OK && out->item.body != NULL
               ? tamga_author_check(client, &out->item, detail)
               : err;
}

static bool is_newer(const struct shown *shown, const struct tamga_latest *latest)
{
    if (shown->item.body == NULL)
        return false;
    return latest->item.body == NULL || tamga_item_release(&shown->item)->counter >
                                            tamga_item_release(&latest->item)->counter;
}

static void describe_checkpoint(struct tamga_checkpoint_info *out,
                                const struct tamga_chain *chain,
                                const struct tamga_cosigned *cosigned)
{
    const struct tamga_checkpoint *checkpoint = &cosigned->checkpoint;

    *out = (struct tamga_checkpoint_info){.height = checkpoint->at.height,
                                          .time_ms = checkpoint->time_ms,
                                          .cosigners = cosigned->name,
                                          .cosigner_count = cosigned->count,
                                          .validator_count = tamga_council_size(
                                              chain->council, checkpoint->at.height),
                                          .quorum = tamga_quorum(chain, checkpoint->at.height)};
    memcpy(out->block, checkpoint->at.id.hash.byte, TAMGA_HASH_BYTES);
    memcpy(out->state_root, checkpoint->state_root.byte, TAMGA_HASH_BYTES);
}

struct answer {
    struct tamga_latest latest;
    struct shown shown, waiting;
    struct tamga_client *client; /* NULL: a file is all that there is */
};

static void answer_clear(struct answer *answer)
{
    tamga_latest_clear(&answer->latest);
    shown_clear(&answer->shown);
    shown_clear(&answer->waiting);
}

static enum tamga_err tell_release(struct tamga_release_info *out, const struct answer *answer,
                                   const struct tamga_chain *chain)
{
    const struct tamga_latest *latest = &answer->latest;
    const struct shown *shown = &answer->shown;
    enum tamga_err err = TAMGA_OK;

    tamga_release_describe(out, chain, &latest->item, shown->same ? shown->height : 0,
                           &shown->block);
    if (shown->same && answer->client != NULL)
        err = tamga_release_mark(out, answer->client, shown->state, NULL);
    out->withdrawn = latest->withdrawn; /* this is proved */
    return err;
}

static enum tamga_err tell(const struct answer *answer, const struct tamga_chain *chain,
                           tamga_latest_each each, void *context)
{
    const struct tamga_latest *latest = &answer->latest;
    const struct shown *shown = &answer->shown, *waits = &answer->waiting;
    struct tamga_release_info release, newer, waiting;
    char model[TAMGA_CLIENT_MODEL_MAX];
    struct tamga_latest_info info = {
        .model = model, .proof = latest->bytes.data, .proof_bytes = latest->bytes.len};
    enum tamga_err err = TAMGA_OK;

    snprintf(model, sizeof model, "%s/%s", latest->model.producer, latest->model.model);
    describe_checkpoint(&info.checkpoint, chain, &latest->cosigned);
    if (latest->item.body != NULL) {
        err = tell_release(&release, answer, chain);
        release.sender = latest->sender.name;
        info.release = &release;
    }
    if (is_newer(shown, latest)) {
        tamga_release_describe(&newer, chain, &shown->item, shown->height, &shown->block);
        info.newer = &newer;
    }
    if (err == TAMGA_OK && is_newer(waits, latest)) {
        tamga_release_describe(&waiting, chain, &waits->item, waits->height, &waits->block);
        err = tamga_release_mark(&waiting, answer->client, waits->state, NULL);
        info.waiting = &waiting;
    }
    return err == TAMGA_OK ? each(context, &info) : err;
}

/* ---- the public functions --------------------------------------------------------------- */

static enum tamga_err judge(struct answer *answer, const struct tamga_model_name *model,
                            const Tamga__V1__GetLatestReleaseResponse *response,
                            struct tamga_detail *detail)
{
    struct tamga_client *client = answer->client;
    TAMGA_BUF bytes = {0};
    enum tamga_err err;

    if (response->proof == NULL)
        return tamga_refuse(detail, TAMGA_E_NOT_READY,
                            "there is no checkpoint yet, so nothing is final");
    err = tamga_wire_pack(&bytes, &response->proof->base);
    if (err == TAMGA_OK)
        err = tamga_latest_open(&answer->latest, &client->consortium, tamga_buf_span(&bytes),
                                model, detail);
    if (err == TAMGA_OK)
        err = shown_check(&answer->shown, client, &answer->latest, model, response->release,
                          detail);
    return err == TAMGA_OK
               ? shown_check(&answer->waiting, client, &answer->latest, model,
                             response->waiting, detail)
               : err;
}

enum tamga_err tamga_client_latest(struct tamga_client *client, const char *model,
                                   tamga_latest_each each, void *context,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    TAMGA_CLEANUP(answer_clear) struct answer judged = {.client = client};
    Tamga__V1__GetLatestReleaseRequest request = TAMGA__V1__GET_LATEST_RELEASE_REQUEST__INIT;
    struct tamga_model_name name;
    enum tamga_err err = tamga_model_parse(&name, model, detail);

    if (err == TAMGA_OK)
        err = tamga_client_learn(client, detail);
    if (err != TAMGA_OK)
        return err;
    request.producer = name.producer;
    request.model = name.model;
    err = tamga_session_call(client->nodes, &answer,
                             &tamga__v1__consortium_service__descriptor, "GetLatestRelease",
                             &request.base, detail);
    if (err == TAMGA_OK)
        err = judge(&judged, &name, (const Tamga__V1__GetLatestReleaseResponse *)answer, detail);
    return err == TAMGA_OK ? tell(&judged, &client->consortium, each, context) : err;
}

enum tamga_err tamga_client_proof_verify(const char *genesis, const uint8_t *proof,
                                         size_t proof_bytes, const char *model,
                                         tamga_latest_each each, void *context,
                                         struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_identity_clear) struct tamga_identity identity = {0};
    TAMGA_CLEANUP(answer_clear) struct answer judged = {.client = NULL};
    const struct tamga_identity_options who = {.genesis = genesis};
    struct tamga_model_name name;
    struct tamga_chain chain;
    enum tamga_err err = model ? tamga_model_parse(&name, model, detail) : TAMGA_OK;

    if (err == TAMGA_OK)
        err = tamga_identity_load(&identity, &who, detail);
    if (err == TAMGA_OK)
        err = tamga_chain_init(&chain, &tamga_rules_consortium, identity.network);
    if (err == TAMGA_OK)
        err = tamga_latest_open(&judged.latest, &chain, tamga_span(proof, proof_bytes),
                                model ? &name : NULL, detail);
    return err == TAMGA_OK ? tell(&judged, &chain, each, context) : err;
}
