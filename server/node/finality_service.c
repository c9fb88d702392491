/* What others may know of a chain's finality. Reads only; knows no rule. */
#include "node/finality_service.h"

#include <stdlib.h>

#include "chain/state_map.h"
#include "node/council_steps.h"
#include "node/entry_proof.h"
#include "node/node_internal.h"
#include "node/proof_reader.h"

#define COUNCIL_STEPS_PAGE 16
#define SNAPSHOT TAMGA_CLEANUP(tamga_reader_release) struct tamga_reader
#define READER   TAMGA_CLEANUP(tamga_proof_reader_close) struct tamga_proof_reader

static enum tamga_err open_chain(void *service, ProtobufCBinaryData chain,
                                 struct tamga_node **node, struct tamga_reader **reader)
{
    const struct tamga_finality_service *self = service;

    return tamga_nodes_find(node, reader, self->node, self->node_count, chain);
}

/* ---- votes, cosignatures, evidence ----------------------------------------------------- */

struct finality_hold {
    Tamga__V1__Checkpoint *checkpoint;
    Tamga__V1__Checkpoint *partial[PULL_PARTIALS_MAX];
    size_t partial_count;
    Tamga__V1__Signed *vote[PULL_VOTES_MAX];
    size_t vote_count, vote_bytes;
    Tamga__V1__VoteConflict *conflict[TAMGA_VALIDATORS_MAX];
    size_t conflict_count;
    enum tamga_err err; /* of a scan */
};

static void hold_free(struct finality_hold **hold)
{
    struct finality_hold *self = *hold;

    if (self == NULL)
        return;
    tamga_wire_free((ProtobufCMessage *)self->checkpoint);
    for (size_t i = 0; i < self->partial_count; i++)
        tamga_wire_free((ProtobufCMessage *)self->partial[i]);
    for (size_t i = 0; i < self->vote_count; i++)
        tamga_wire_free((ProtobufCMessage *)self->vote[i]);
    for (size_t i = 0; i < self->conflict_count; i++)
        tamga_wire_free((ProtobufCMessage *)self->conflict[i]);
    free(self);
}

static bool take_vote(void *context, struct tamga_span encoded)
{
    struct finality_hold *hold = context;

    if (hold->vote_count == PULL_VOTES_MAX || hold->vote_bytes + encoded.len > PULL_BYTES)
        return false;
    hold->err = tamga_wire_unpack((ProtobufCMessage **)&hold->vote[hold->vote_count],
                                  &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                  encoded, NULL);
    if (hold->err != TAMGA_OK)
        return false;
    hold->vote_count++;
    hold->vote_bytes += encoded.len;
    return true;
}

static bool take_conflict(void *context, struct tamga_span encoded)
{
    struct finality_hold *hold = context;

    if (hold->conflict_count == TAMGA_VALIDATORS_MAX)
        return false;
    hold->err = tamga_wire_unpack(
        (ProtobufCMessage **)&hold->conflict[hold->conflict_count],
        &tamga__v1__vote_conflict__descriptor, TAMGA_WIRE_CANONICAL, encoded, NULL);
    hold->conflict_count += hold->err == TAMGA_OK;
    return hold->err == TAMGA_OK;
}

/* Highest block first; then those of one checkpoint stand together. */
static int by_checkpoint(const void *a, const void *b)
{
    const struct tamga_checkpoint *x = &((const struct tamga_cosignature *)a)->checkpoint;
    const struct tamga_checkpoint *y = &((const struct tamga_cosignature *)b)->checkpoint;

    if (x->at.height != y->at.height)
        return x->at.height > y->at.height ? -1 : 1;
    return memcmp(&x->at.id, &y->at.id, sizeof x->at.id);
}

/* Checkpoints without a quorum, the newest ones. */
static enum tamga_err add_partials(struct finality_hold *hold, struct tamga_node *node)
{
    const struct tamga_chain *chain = tamga_node_chain(node);
    struct tamga_cosignature *word = NULL;
    size_t count = 0, first = 0;
    enum tamga_err err = finality_words(node, &word, &count);

    if (err != TAMGA_OK)
        return err;
    if (count > 0)
        qsort(word, count, sizeof *word, by_checkpoint);
    while (err == TAMGA_OK && first < count && hold->partial_count < PULL_PARTIALS_MAX) {
        size_t end = first + 1;

        while (end < count && by_checkpoint(&word[first], &word[end]) == 0)
            end++;
        err = tamga_checkpoint_pack(&hold->partial[hold->partial_count], chain, word + first,
                                    end - first);
        hold->partial_count += err == TAMGA_OK;
        first = end;
    }
    free(word);
    return err;
}

static enum tamga_err finality_find(struct finality_hold *hold, struct tamga_node *node,
                                    const struct tamga_reader *reader, uint64_t above)
{
    enum tamga_err err = tamga_checkpoint_find(&hold->checkpoint, reader, 0);

    if (err == TAMGA_E_NOT_FOUND)
        err = TAMGA_OK;
    if (err == TAMGA_OK)
        err = tamga_query_votes(reader, above, take_vote, hold);
    if (err == TAMGA_OK && hold->err == TAMGA_OK)
        err = tamga_query_conflicts(reader, take_conflict, hold);
    if (err == TAMGA_OK)
        err = hold->err;
    return err == TAMGA_OK ? add_partials(hold, node) : err;
}

static void finality_get_finality(Tamga__V1__FinalityService_Service *service,
                                  const Tamga__V1__GetFinalityRequest *input,
                                  Tamga__V1__GetFinalityResponse_Closure closure, void *call)
{
    TAMGA_CLEANUP(hold_free) struct finality_hold *hold = calloc(1, sizeof *hold);
    Tamga__V1__GetFinalityResponse response = TAMGA__V1__GET_FINALITY_RESPONSE__INIT;
    SNAPSHOT *reader = NULL;
    struct tamga_node *node;
    enum tamga_err err = hold == NULL ? TAMGA_E_NO_MEMORY
                                      : open_chain(service, input->chain, &node, &reader);

    if (err == TAMGA_OK)
        err = finality_find(hold, node, reader, input->above);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.checkpoint = hold->checkpoint;
    response.n_partial = hold->partial_count;
    response.partial = hold->partial;
    response.n_votes = hold->vote_count;
    response.votes = hold->vote;
    response.n_conflicts = hold->conflict_count;
    response.conflicts = hold->conflict;
    closure(&response, call);
}

/* ---- checkpoints and state proofs -------------------------------------------------------- */

static void finality_get_checkpoint(Tamga__V1__FinalityService_Service *service,
                                    const Tamga__V1__GetCheckpointRequest *input,
                                    Tamga__V1__GetCheckpointResponse_Closure closure,
                                    void *call)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *checkpoint = NULL;
    Tamga__V1__GetCheckpointResponse response = TAMGA__V1__GET_CHECKPOINT_RESPONSE__INIT;
    SNAPSHOT *reader = NULL;
    struct tamga_node *node;
    enum tamga_err err = open_chain(service, input->chain, &node, &reader);

    if (err == TAMGA_OK)
        err = tamga_checkpoint_find(&checkpoint, reader, input->height);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.checkpoint = checkpoint;
    closure(&response, call);
}

static void finality_get_state_proof(Tamga__V1__FinalityService_Service *service,
                                     const Tamga__V1__GetStateProofRequest *input,
                                     Tamga__V1__GetStateProofResponse_Closure closure,
                                     void *call)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateProof *proof = NULL;
    Tamga__V1__GetStateProofResponse response = TAMGA__V1__GET_STATE_PROOF_RESPONSE__INIT;
    SNAPSHOT *now = NULL;
    READER *reader = NULL;
    struct tamga_node *node;
    struct tamga_hash key;
    enum tamga_err err = open_chain(service, input->chain, &node, &now);

    if (err == TAMGA_OK)
        err = tamga_hash_from(&key, tamga_wire_span(input->key));
    if (err == TAMGA_OK)
        err = tamga_proof_reader_open(&reader, node);
    if (err == TAMGA_OK)
        err = tamga_state_proof_make(&proof, &reader->reader->view, &key);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.checkpoint = reader->message;
    response.proof = proof;
    closure(&response, call);
}

/* ---- who came after whom ------------------------------------------------------------------ */

static void finality_get_council(Tamga__V1__FinalityService_Service *service,
                                 const Tamga__V1__GetCouncilRequest *input,
                                 Tamga__V1__GetCouncilResponse_Closure closure, void *call)
{
    TAMGA_CLEANUP(tamga_council_steps_clear) struct tamga_council_steps steps = {0};
    Tamga__V1__GetCouncilResponse response = TAMGA__V1__GET_COUNCIL_RESPONSE__INIT;
    SNAPSHOT *reader = NULL;
    struct tamga_node *node;
    enum tamga_err err = open_chain(service, input->chain, &node, &reader);

    if (err == TAMGA_OK)
        err = tamga_council_steps_find(&steps, tamga_node_chain(node), reader, input->above,
                                       COUNCIL_STEPS_PAGE);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.n_steps = steps.count;
    response.steps = steps.step;
    closure(&response, call);
}

/* ---- entry proofs ------------------------------------------------------------------------ */

static void finality_get_entry_proof(Tamga__V1__FinalityService_Service *service,
                                     const Tamga__V1__GetEntryProofRequest *input,
                                     Tamga__V1__GetEntryProofResponse_Closure closure,
                                     void *call)
{
    TAMGA_CLEANUP(tamga_entry_proof_clear) struct tamga_entry_proof proof = {0};
    Tamga__V1__GetEntryProofResponse response = TAMGA__V1__GET_ENTRY_PROOF_RESPONSE__INIT;
    SNAPSHOT *reader = NULL;
    struct tamga_detail detail = {{0}};
    struct tamga_entry_id id;
    struct tamga_node *node;
    enum tamga_err err = open_chain(service, input->chain, &node, &reader);

    if (err == TAMGA_OK)
        err = tamga_hash_from(&id.hash, tamga_wire_span(input->id));
    if (err == TAMGA_OK)
        err = tamga_entry_proof_make(&proof, tamga_node_chain(node), reader, &id, NULL,
                                     &detail);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, &detail);
        return;
    }
    response.proof = &proof.message;
    closure(&response, call);
}

void tamga_finality_service_init(struct tamga_finality_service *service,
                                 struct tamga_node *const *node, size_t node_count)
{
    static const Tamga__V1__FinalityService_Service methods =
        TAMGA__V1__FINALITY_SERVICE__INIT(finality_);

    service->service = methods;
    for (size_t i = 0; i < node_count; i++)
        service->node[i] = node[i];
    service->node_count = node_count;
}
