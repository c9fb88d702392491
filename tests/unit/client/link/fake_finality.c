/* Answers as a node does, from one checkpoint a chain; and lies as it is told to. */
#include "fake_finality.h"

#include <stdio.h>
#include <stdlib.h>

#include "chain/query.h"
#include "chain/state_map.h"
#include "tamga/v1/state.pb-c.h"
#include "validators.h"

#define HEADERS_MAX 64

static void must(enum tamga_err err, const char *what)
{
    if (err == TAMGA_OK)
        return;
    fprintf(stderr, "fake finality: %s: %s\n", what, tamga_err_name(err));
    abort();
}

/* ---- checkpoints ------------------------------------------------------------------- */

void fake_final_clear(struct fake_final *final)
{
    tamga_wire_free((ProtobufCMessage *)final->message);
    tamga_reader_release(&final->reader);
    *final = (struct fake_final){0};
}

void fake_final_take(struct fake_final *final, const struct test_node *chain,
                     uint32_t cosigners)
{
    const struct tamga_trail *tip = tamga_engine_tip(chain->engine);
    struct test_validators *set = calloc(1, sizeof *set);

    if (set == NULL)
        abort();
    fake_final_clear(final);
    test_validators_of(set, chain->chain);
    must(chain->store->ops->snapshot(chain->store, &final->reader), "snapshot");
    final->checkpoint = (struct tamga_checkpoint){.at = {tip->tip.height, tip->tip_id},
                                                  .state_root = tip->tip.state_root,
                                                  .time_ms = tip->tip.time_ms};
    final->message = test_cosign(set, &final->checkpoint, 0, cosigners);
    free(set);
}

void fake_release_proof_clear(struct fake_release_proof *proof)
{
    tamga_wire_free((ProtobufCMessage *)proof->latest);
    tamga_wire_free(proof->transaction);
    tamga_wire_free((ProtobufCMessage *)proof->member);
}

void fake_release_proof_make(struct fake_release_proof *proof, const struct fake_final *final,
                             const struct tamga_chain *chain, const char *producer,
                             const char *model)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateLatest *latest = NULL;
    struct tamga_entry_id id;
    struct tamga_hash key;
    TAMGA_BUF payload = {0};
    bool pending;

    tamga_key_latest(&key, producer, model);
    must(tamga_state_proof_make(&proof->latest, &final->reader->view, &key), "state proof");
    tamga__v1__release_proof__init(&proof->message);
    proof->message.checkpoint = final->message;
    proof->message.latest = proof->latest;
    if (proof->latest->value.len == 0)
        return;
    must(tamga_wire_unpack((ProtobufCMessage **)&latest, &tamga__v1__state_latest__descriptor,
                           TAMGA_WIRE_CANONICAL, tamga_wire_span(proof->latest->value), NULL),
         "latest");
    must(tamga_hash_from(&id.hash, tamga_wire_span(latest->release)), "release");
    must(tamga_query_payload(chain, &final->reader->view, &id, &payload, &pending), "payload");
    must(tamga_wire_unpack(&proof->transaction, &tamga__v1__signed__descriptor,
                           TAMGA_WIRE_CANONICAL, tamga_buf_span(&payload), NULL),
         "transaction");
    proof->message.transaction = (Tamga__V1__Signed *)proof->transaction;
    proof->member = test_sender_proof(&final->reader->view, &payload);
    proof->message.member = proof->member;
}

/* ---- entries ----------------------------------------------------------------------- */

void fake_inclusion_clear(struct fake_inclusion *inclusion)
{
    tamga_buf_clear(&inclusion->payload);
    tamga_block_clear(&inclusion->block);
}

enum tamga_err fake_inclusion_find(struct fake_inclusion *out, const struct tamga_view *view,
                                   const struct tamga_entry_id *id)
{
    struct tamga_block_id block;
    struct tamga_place place;
    enum tamga_err err = tamga_query_place(view, id, &place);

    if (err == TAMGA_OK)
        err = tamga_query_id_at(view, place.height, &block);
    if (err == TAMGA_OK)
        err = tamga_query_block(view, &block, &out->block);
    if (err == TAMGA_OK)
        err = tamga_block_path(&out->path, &out->block, place.index);
    if (err != TAMGA_OK)
        return err;
    tamga_sealed_lend(&out->sealed, &out->block.sealed);
    tamga__v1__inclusion__init(&out->message);
    out->message.sealed = &out->sealed.message;
    out->message.entry = tamga_wire_bytes(out->block.entry[place.index]);
    out->message.index = place.index;
    out->message.n_path = out->path.count;
    out->message.path = out->node;
    for (size_t i = 0; i < out->path.count; i++)
        out->node[i] = tamga_wire_bytes(tamga_hash_span(&out->path.node[i]));
    return TAMGA_OK;
}

/* ---- the service ------------------------------------------------------------------- */

/* -1: not held here. */
static int chain_find(const struct fake_finality *self, ProtobufCBinaryData id)
{
    for (int i = 0; i <= (self->options->gateway ? 1 : 0); i++)
        if (tamga_span_equal(tamga_wire_span(id),
                             tamga_hash_span(&self->chain[i].chain->id.hash)))
            return i;
    return -1;
}

static void vote(struct tamga_buf *out, const struct tamga_chain *chain, uint64_t source,
                 uint64_t target, uint64_t name)
{
    struct tamga_link link = {.source.height = source, .target.height = target};
    struct tamga_vote made = {0};

    test_image(&link.source.id.hash, source);
    test_image(&link.target.id.hash, name);
    must(tamga_vote_make(&made, chain, &link, test_key("node-c")), "vote");
    must(tamga_buf_set(out, tamga_buf_span(&made.bytes)), "vote");
    tamga_vote_clear(&made);
}

/* Votes of node-c. */
static void evidence_make(struct tamga_buf first_second[2], const struct tamga_chain *chain,
                          enum fake_evidence kind)
{
    bool around = kind == FAKE_AROUND;

    vote(&first_second[0], chain, around ? 5 : 3, around ? 8 : 12, 1);
    vote(&first_second[1], chain, 3, 12, kind == FAKE_FALSE ? 1 : 2);
}

static void signed_open(ProtobufCMessage **out, const struct tamga_buf *bytes)
{
    must(tamga_wire_unpack(out, &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                           tamga_buf_span(bytes), NULL),
         "signed");
}

static void finality_get_finality(Tamga__V1__FinalityService_Service *service,
                                  const Tamga__V1__GetFinalityRequest *input,
                                  Tamga__V1__GetFinalityResponse_Closure closure, void *call)
{
    struct fake_finality *self = (struct fake_finality *)service;
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *first = NULL;
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *second = NULL;
    Tamga__V1__GetFinalityResponse response = TAMGA__V1__GET_FINALITY_RESPONSE__INIT;
    Tamga__V1__VoteConflict conflict = TAMGA__V1__VOTE_CONFLICT__INIT, *list = &conflict;
    int index = chain_find(self, input->chain);
    TAMGA_BUF a = {0};
    TAMGA_BUF b = {0};

    if (index < 0) {
        tamga_rpc_fail(call, TAMGA_E_WRONG_CHAIN, NULL);
        return;
    }
    if (self->options->evidence != FAKE_NO_EVIDENCE && index == 0) {
        struct tamga_buf pair[2] = {{0}, {0}};

        evidence_make(pair, self->chain[index].chain, self->options->evidence);
        a = pair[0];
        b = pair[1];
        signed_open(&first, &a);
        signed_open(&second, &b);
        conflict.first = (Tamga__V1__Signed *)first;
        conflict.second = (Tamga__V1__Signed *)second;
        response.n_conflicts = 1;
        response.conflicts = &list;
    }
    pthread_mutex_lock(self->lock);
    response.checkpoint = self->final[index].message;
    closure(&response, call);
    pthread_mutex_unlock(self->lock);
}

static void finality_get_checkpoint(Tamga__V1__FinalityService_Service *service,
                                    const Tamga__V1__GetCheckpointRequest *input,
                                    Tamga__V1__GetCheckpointResponse_Closure closure,
                                    void *call)
{
    struct fake_finality *self = (struct fake_finality *)service;
    Tamga__V1__GetCheckpointResponse response = TAMGA__V1__GET_CHECKPOINT_RESPONSE__INIT;
    int index = chain_find(self, input->chain);
    const struct fake_final *final = index < 0 ? NULL : &self->final[index];
    bool low = self->options->low_checkpoint;

    if (index < 0) {
        tamga_rpc_fail(call, TAMGA_E_WRONG_CHAIN, NULL);
        return;
    }
    pthread_mutex_lock(self->lock);
    if (final->message == NULL || (final->checkpoint.at.height < input->height && !low)) {
        tamga_rpc_fail(call, TAMGA_E_NOT_FOUND, NULL);
    } else {
        response.checkpoint = final->message;
        closure(&response, call);
    }
    pthread_mutex_unlock(self->lock);
}

static void finality_get_state_proof(Tamga__V1__FinalityService_Service *service,
                                     const Tamga__V1__GetStateProofRequest *input,
                                     Tamga__V1__GetStateProofResponse_Closure closure,
                                     void *call)
{
    struct fake_finality *self = (struct fake_finality *)service;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateProof *proof = NULL;
    Tamga__V1__GetStateProofResponse response = TAMGA__V1__GET_STATE_PROOF_RESPONSE__INIT;
    int index = chain_find(self, input->chain);
    struct tamga_hash key;
    enum tamga_err err = index < 0 ? TAMGA_E_WRONG_CHAIN
                                   : tamga_hash_from(&key, tamga_wire_span(input->key));

    pthread_mutex_lock(self->lock);
    if (err == TAMGA_OK && self->final[index].message == NULL)
        err = TAMGA_E_NOT_READY;
    if (err == TAMGA_OK)
        err = tamga_state_proof_make(&proof, &self->final[index].reader->view, &key);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
    } else {
        response.checkpoint = self->final[index].message;
        response.proof = proof;
        if (self->options->bend_state)
            self->options->bend_state(&response);
        closure(&response, call);
    }
    pthread_mutex_unlock(self->lock);
}

struct headers {
    size_t count;
    uint8_t bytes[HEADERS_MAX][TAMGA_HEADER_BYTES];
    ProtobufCBinaryData data[HEADERS_MAX];
};

/* Those above a height, up to the checkpoint's. */
static void headers_find(struct headers *out, const struct fake_final *final, uint64_t height)
{
    for (out->count = 0; height + out->count < final->checkpoint.at.height; out->count++) {
        struct tamga_stored_header stored;
        struct tamga_block_id id;

        if (out->count == HEADERS_MAX)
            abort();
        must(tamga_query_id_at(&final->reader->view, height + 1 + out->count, &id), "id");
        must(tamga_query_header(&final->reader->view, &id, &stored), "header");
        tamga_header_encode(out->bytes[out->count], &stored.sealed.header);
        out->data[out->count] =
            tamga_wire_bytes(tamga_span(out->bytes[out->count], TAMGA_HEADER_BYTES));
    }
}

static enum tamga_err entry_find(struct fake_inclusion *inclusion, struct headers *headers,
                                 const struct fake_finality *self, int index,
                                 ProtobufCBinaryData asked)
{
    const struct fake_final *final = &self->final[index];
    struct tamga_entry_id id;
    bool pending;
    enum tamga_err err = tamga_hash_from(&id.hash, tamga_wire_span(asked));

    if (err == TAMGA_OK && final->message == NULL)
        err = TAMGA_E_NOT_READY;
    if (err == TAMGA_OK)
        err = tamga_query_payload(self->chain[index].chain, &final->reader->view, &id,
                                  &inclusion->payload, &pending);
    if (err == TAMGA_OK)
        err = fake_inclusion_find(inclusion, &final->reader->view, &id);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_NOT_READY : err;
    headers_find(headers, final, inclusion->block.sealed.header.height);
    return TAMGA_OK;
}

static void finality_get_entry_proof(Tamga__V1__FinalityService_Service *service,
                                     const Tamga__V1__GetEntryProofRequest *input,
                                     Tamga__V1__GetEntryProofResponse_Closure closure,
                                     void *call)
{
    struct fake_finality *self = (struct fake_finality *)service;
    TAMGA_CLEANUP(fake_inclusion_clear) struct fake_inclusion inclusion = {0};
    Tamga__V1__GetEntryProofResponse response = TAMGA__V1__GET_ENTRY_PROOF_RESPONSE__INIT;
    Tamga__V1__EntryProof proof = TAMGA__V1__ENTRY_PROOF__INIT;
    int index = chain_find(self, input->chain);
    struct headers headers;
    enum tamga_err err = TAMGA_E_WRONG_CHAIN;

    pthread_mutex_lock(self->lock);
    if (index >= 0)
        err = entry_find(&inclusion, &headers, self, index, input->id);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
    } else {
        proof.checkpoint = self->final[index].message;
        proof.n_headers = headers.count;
        proof.headers = headers.data;
        proof.inclusion = &inclusion.message;
        proof.payload = tamga_wire_bytes(tamga_buf_span(&inclusion.payload));
        response.proof = &proof;
        if (self->options->bend_entry)
            self->options->bend_entry(&proof);
        closure(&response, call);
    }
    pthread_mutex_unlock(self->lock);
}

/* Nobody came after genesis' validators. */
static void finality_get_council(Tamga__V1__FinalityService_Service *service,
                                 const Tamga__V1__GetCouncilRequest *input,
                                 Tamga__V1__GetCouncilResponse_Closure closure, void *call)
{
    Tamga__V1__GetCouncilResponse response = TAMGA__V1__GET_COUNCIL_RESPONSE__INIT;

    (void)service;
    (void)input;
    closure(&response, call);
}

void fake_finality_init(struct fake_finality *finality)
{
    static const Tamga__V1__FinalityService_Service methods =
        TAMGA__V1__FINALITY_SERVICE__INIT(finality_);

    finality->service = methods;
}
