/* What producers and auditors read of releases, and members of proposals. Reads only. */
#include <stdlib.h>

#include "consortium/consortium.h"
#include "node/council_steps.h"
#include "node/index.h"
#include "node/release_proof.h"
#include "rules/rules.h"

/* A release lent to a response. */
struct entry_hold {
    struct tamga_block_id block;
    Tamga__V1__Signed *transaction;
    Tamga__V1__StateRelease *state; /* NULL: simply in force */
    Tamga__V1__ReleaseEntry message;
};

static void entry_clear(struct entry_hold *hold)
{
    tamga_wire_free((ProtobufCMessage *)hold->transaction);
    tamga_wire_free((ProtobufCMessage *)hold->state);
}

/* Does it wait for signatures, or was it withdrawn? */
static enum tamga_err state_find(Tamga__V1__StateRelease **out, const struct tamga_view *view,
                                 const struct tamga_entry_id *id)
{
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_release(&key, &id->hash);
    err = tamga_state_get((ProtobufCMessage **)out, view, &key,
                          &tamga__v1__state_release__descriptor);
    return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
}

static enum tamga_err entry_find(struct entry_hold *hold, const struct tamga_chain *chain,
                                 const struct tamga_view *view,
                                 const struct tamga_entry_id *id)
{
    TAMGA_BUF payload = {0};
    struct tamga_place place;
    bool pending;
    enum tamga_err err = tamga_query_place(view, id, &place);

    if (err == TAMGA_OK)
        err = tamga_query_id_at(view, place.height, &hold->block);
    if (err == TAMGA_OK)
        err = tamga_query_payload(chain, view, id, &payload, &pending);
    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&hold->transaction,
                                &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                tamga_buf_span(&payload), NULL);
    if (err == TAMGA_OK)
        err = state_find(&hold->state, view, id);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    tamga__v1__release_entry__init(&hold->message);
    hold->message.transaction = hold->transaction;
    hold->message.height = place.height;
    hold->message.block = tamga_wire_bytes(tamga_hash_span(&hold->block.hash));
    hold->message.state = hold->state;
    return TAMGA_OK;
}

struct list_hold {
    struct tamga_index_page page;
    struct entry_hold entry[TAMGA_INDEX_PAGE_MAX];
    Tamga__V1__ReleaseEntry *message[TAMGA_INDEX_PAGE_MAX];
    size_t count;
};

static void list_free(struct list_hold **hold)
{
    for (size_t i = 0; *hold != NULL && i < (*hold)->count; i++)
        entry_clear(&(*hold)->entry[i]);
    free(*hold);
}

/* Every release is remembered by its id. */
static enum tamga_err is_release(bool *release, const struct tamga_view *view,
                                 const struct tamga_entry_id *id)
{
    TAMGA_BUF value = {0};
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_release(&key, &id->hash);
    err = tamga_view_get(view, TAMGA_FAMILY_INDEX, tamga_hash_span(&key), &value);
    *release = err == TAMGA_OK;
    return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
}

static enum tamga_err list_find(struct list_hold *hold, const struct tamga_chain *chain,
                                const struct tamga_reader *reader,
                                const Tamga__V1__ListReleasesRequest *input)
{
    struct tamga_hash model;
    struct tamga_span prefix = {0};
    enum tamga_err err;

    if (input->producer[0] != '\0' || input->model[0] != '\0') {
        tamga_key_model(&model, input->producer, input->model);
        prefix = tamga_hash_span(&model);
    }
    hold->page.max = input->count_max;
    err = tamga_index_read(&hold->page, reader, prefix, tamga_wire_span(input->after));
    for (size_t i = 0; err == TAMGA_OK && i < hold->page.count; i++) {
        struct entry_hold *entry = &hold->entry[hold->count];
        bool release = false;

        err = is_release(&release, &reader->view, &hold->page.id[i]);
        if (err != TAMGA_OK || !release)
            continue; /* another list's, met on the way through all of them */
        err = entry_find(entry, chain, &reader->view, &hold->page.id[i]);
        hold->message[hold->count] = &entry->message;
        hold->count++;
    }
    return err;
}

static void consortium_list_releases(Tamga__V1__ConsortiumService_Service *service,
                                     const Tamga__V1__ListReleasesRequest *input,
                                     Tamga__V1__ListReleasesResponse_Closure closure,
                                     void *call)
{
    struct tamga_consortium_service *self = (struct tamga_consortium_service *)service;
    struct tamga_store *store = tamga_node_store(self->node);
    TAMGA_CLEANUP(tamga_reader_release) struct tamga_reader *reader = NULL;
    TAMGA_CLEANUP(list_free) struct list_hold *hold = calloc(1, sizeof *hold);
    Tamga__V1__ListReleasesResponse response = TAMGA__V1__LIST_RELEASES_RESPONSE__INIT;
    enum tamga_err err =
        hold == NULL ? TAMGA_E_NO_MEMORY : store->ops->snapshot(store, &reader);

    if (err == TAMGA_OK)
        err = list_find(hold, tamga_node_chain(self->node), reader, input);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.n_releases = hold->count;
    response.releases = hold->message;
    response.next = tamga_wire_bytes(tamga_span(hold->page.next, hold->page.next_len));
    closure(&response, call);
}

static enum tamga_err latest_find(struct entry_hold *hold, const struct tamga_chain *chain,
                                  const struct tamga_view *view,
                                  const Tamga__V1__GetLatestReleaseRequest *input)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateLatest *latest = NULL;
    struct tamga_entry_id id;
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_latest(&key, input->producer, input->model);
    err = tamga_state_get((ProtobufCMessage **)&latest, view, &key,
                          &tamga__v1__state_latest__descriptor);
    if (err == TAMGA_OK)
        err = tamga_hash_from(&id.hash, tamga_wire_span(latest->release));
    return err == TAMGA_OK ? entry_find(hold, chain, view, &id) : err;
}

/* Above the newest release, the last one that waits for signatures. */
static enum tamga_err waiting_find(struct entry_hold *out, const struct tamga_chain *chain,
                                   const struct tamga_reader *reader,
                                   const Tamga__V1__GetLatestReleaseRequest *input)
{
    struct tamga_index_page page = {.max = TAMGA_INDEX_PAGE_MAX};
    struct tamga_hash model, latest;
    uint8_t after[TAMGA_INDEX_KEY_BYTES];
    uint64_t newest;
    enum tamga_err err;

    tamga_key_model(&model, input->producer, input->model);
    tamga_key_latest(&latest, input->producer, input->model);
    err = tamga_state_newest(&newest, &reader->view, &latest);
    tamga_index_key(after, &model, newest);
    if (err == TAMGA_OK)
        err = tamga_index_read(&page, reader, tamga_hash_span(&model),
                               tamga_span(after, sizeof after));
    for (size_t i = page.count; err == TAMGA_OK && i-- > 0;) {
        TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateRelease *state = NULL;

        err = state_find(&state, &reader->view, &page.id[i]);
        if (err == TAMGA_OK && state != NULL && state->waits && state->withdrawn_by.len == 0)
            return entry_find(out, chain, &reader->view, &page.id[i]);
    }
    return err;
}

static void consortium_get_latest_release(Tamga__V1__ConsortiumService_Service *service,
                                          const Tamga__V1__GetLatestReleaseRequest *input,
                                          Tamga__V1__GetLatestReleaseResponse_Closure closure,
                                          void *call)
{
    struct tamga_consortium_service *self = (struct tamga_consortium_service *)service;
    struct tamga_store *store = tamga_node_store(self->node);
    TAMGA_CLEANUP(tamga_reader_release) struct tamga_reader *reader = NULL;
    TAMGA_CLEANUP(entry_clear) struct entry_hold hold = {0};
    TAMGA_CLEANUP(entry_clear) struct entry_hold waiting = {0};
    TAMGA_CLEANUP(tamga_release_proof_clear) struct tamga_release_proof proof = {0};
    TAMGA_CLEANUP(tamga_council_steps_clear) struct tamga_council_steps steps = {0};
    Tamga__V1__GetLatestReleaseResponse response =
        TAMGA__V1__GET_LATEST_RELEASE_RESPONSE__INIT;
    enum tamga_err err = store->ops->snapshot(store, &reader);

    if (err == TAMGA_OK)
        err = latest_find(&hold, tamga_node_chain(self->node), &reader->view, input);
    if (err == TAMGA_OK)
        response.release = &hold.message;
    if (err == TAMGA_OK || err == TAMGA_E_NOT_FOUND)
        err = waiting_find(&waiting, tamga_node_chain(self->node), reader, input);
    if (waiting.transaction != NULL)
        response.waiting = &waiting.message;
    if (err == TAMGA_OK)
        err = tamga_release_proof_make(&proof, self->node, input->producer, input->model);
    if (err == TAMGA_OK) {
        response.proof = &proof.message;
        err = tamga_council_steps_find(&steps, tamga_node_chain(self->node), reader, 0,
                                       TAMGA_COUNCIL_STEPS_MAX);
        proof.message.n_councils = steps.count;
        proof.message.councils = steps.step;
    }
    if (err != TAMGA_OK && err != TAMGA_E_NOT_READY) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    closure(&response, call);
}

/* ---- proposals ------------------------------------------------------------------------ */

#define PROPOSALS_PAGE_MAX 64

struct proposals_hold {
    struct tamga_index_page page;
    Tamga__V1__StateProposal *state[PROPOSALS_PAGE_MAX];
    Tamga__V1__ProposalEntry entry[PROPOSALS_PAGE_MAX], *message[PROPOSALS_PAGE_MAX];
    size_t count;
};

static void proposals_free(struct proposals_hold **hold)
{
    for (size_t i = 0; *hold != NULL && i < (*hold)->count; i++)
        tamga_wire_free((ProtobufCMessage *)(*hold)->state[i]);
    free(*hold);
}

static enum tamga_err proposals_find(struct proposals_hold *hold,
                                     const struct tamga_reader *reader,
                                     const Tamga__V1__ListProposalsRequest *input)
{
    struct tamga_hash group, key;
    enum tamga_err err;

    tamga_key_proposals(&group);
    hold->page.max = input->count_max == 0 || input->count_max > PROPOSALS_PAGE_MAX
                         ? PROPOSALS_PAGE_MAX
                         : input->count_max;
    err = tamga_index_read(&hold->page, reader, tamga_hash_span(&group),
                           tamga_wire_span(input->after));
    for (size_t i = 0; err == TAMGA_OK && i < hold->page.count; i++) {
        tamga_key_proposal(&key, &hold->page.id[i].hash);
        err = tamga_state_get((ProtobufCMessage **)&hold->state[i], &reader->view, &key,
                              &tamga__v1__state_proposal__descriptor);
        if (err != TAMGA_OK)
            return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
        tamga__v1__proposal_entry__init(&hold->entry[i]);
        hold->entry[i].id = tamga_wire_bytes(tamga_hash_span(&hold->page.id[i].hash));
        hold->entry[i].state = hold->state[i];
        hold->message[i] = &hold->entry[i];
        hold->count++;
    }
    return err;
}

static void consortium_list_proposals(Tamga__V1__ConsortiumService_Service *service,
                                      const Tamga__V1__ListProposalsRequest *input,
                                      Tamga__V1__ListProposalsResponse_Closure closure,
                                      void *call)
{
    struct tamga_consortium_service *self = (struct tamga_consortium_service *)service;
    struct tamga_store *store = tamga_node_store(self->node);
    TAMGA_CLEANUP(tamga_reader_release) struct tamga_reader *reader = NULL;
    TAMGA_CLEANUP(proposals_free) struct proposals_hold *hold = calloc(1, sizeof *hold);
    Tamga__V1__ListProposalsResponse response = TAMGA__V1__LIST_PROPOSALS_RESPONSE__INIT;
    enum tamga_err err =
        hold == NULL ? TAMGA_E_NO_MEMORY : store->ops->snapshot(store, &reader);

    if (err == TAMGA_OK)
        err = proposals_find(hold, reader, input);
    if (err != TAMGA_OK) {
        tamga_rpc_fail(call, err, NULL);
        return;
    }
    response.n_proposals = hold->count;
    response.proposals = hold->message;
    response.next = tamga_wire_bytes(tamga_span(hold->page.next, hold->page.next_len));
    closure(&response, call);
}

void tamga_consortium_service_init(struct tamga_consortium_service *service,
                                   struct tamga_node *node, struct tamga_content *content)
{
    static const Tamga__V1__ConsortiumService_Service methods =
        TAMGA__V1__CONSORTIUM_SERVICE__INIT(consortium_);

    *service = (struct tamga_consortium_service){
        .service = methods, .node = node, .content = content};
}
