/* Chooses what a device gets, and puts the proofs of it together. */
#include "gateway/offer.h"

#include "chain/state_map.h"
#include "gateway/gateway.h"
#include "node/release_proof.h"

#define READER TAMGA_CLEANUP(tamga_proof_reader_close) struct tamga_proof_reader

void tamga_offer_clear(struct tamga_offer *offer)
{
    tamga_item_clear(&offer->item);
    tamga_wire_free((ProtobufCMessage *)offer->newest);
    tamga_entry_proof_clear(&offer->proof);
    tamga_wire_free((ProtobufCMessage *)offer->release);
    tamga_wire_free((ProtobufCMessage *)offer->sender);
    tamga_item_clear(&offer->permit);
    tamga_entry_proof_clear(&offer->permit_proof);
    tamga_wire_free((ProtobufCMessage *)offer->permit_sender);
    tamga_wire_free((ProtobufCMessage *)offer->installed);
    *offer = (struct tamga_offer){0};
}

/* ---- the newest release of the model ---------------------------------------------- */

/* Made anew, and kept for the next device. *reader becomes the one that it is made from. */
static enum tamga_err make_newest(struct tamga_buf *out, struct tamga_proof_reader **reader,
                                  struct tamga_node *follower, struct tamga_proof_cache *cache,
                                  const Tamga__V1__DeviceId *device,
                                  const struct tamga_hash *model)
{
    TAMGA_CLEANUP(tamga_release_proof_clear) struct tamga_release_proof proof = {0};
    enum tamga_err err =
        tamga_release_proof_make(&proof, follower, device->producer, device->model);

    out->len = 0;
    if (err == TAMGA_OK)
        err = tamga_wire_pack(out, &proof.message.base);
    if (err != TAMGA_OK)
        return err;
    tamga_proof_cache_keep(cache, proof.reader->checkpoint.at.height, model,
                           tamga_buf_span(out));
    tamga_proof_reader_close(reader);
    *reader = proof.reader;
    proof.reader = NULL;
    return TAMGA_OK;
}

static enum tamga_err find_newest(struct tamga_offer *offer,
                                  struct tamga_proof_reader **reader,
                                  struct tamga_node *follower, struct tamga_proof_cache *cache,
                                  const Tamga__V1__DeviceId *device)
{
    struct tamga_hash model;
    TAMGA_BUF bytes = {0};
    enum tamga_err err;

    tamga_key_latest(&model, device->producer, device->model);
    err = tamga_proof_cache_find(cache, &bytes, (*reader)->checkpoint.at.height, &model);
    if (err == TAMGA_E_NOT_FOUND)
        err = make_newest(&bytes, reader, follower, cache, device, &model);
    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&offer->newest,
                                &tamga__v1__release_proof__descriptor, TAMGA_WIRE_CANONICAL,
                                tamga_buf_span(&bytes), NULL);
    return err;
}

/* Counter of the release that the proof names; 0: none. */
static enum tamga_err newest_counter(uint64_t *out, const Tamga__V1__ReleaseProof *proof)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateLatest *latest = NULL;
    enum tamga_err err;

    *out = 0;
    if (proof->latest->value.len == 0)
        return TAMGA_OK;
    err = tamga_wire_unpack((ProtobufCMessage **)&latest, &tamga__v1__state_latest__descriptor,
                            TAMGA_WIRE_CANONICAL, tamga_wire_span(proof->latest->value), NULL);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NO_MEMORY ? err : TAMGA_E_STORE_CORRUPT;
    *out = latest->counter;
    return TAMGA_OK;
}

/* ---- an older release ---------------------------------------------------------------- */

static enum tamga_err prove_older(struct tamga_offer *offer, const struct tamga_chain *chain,
                                  const struct tamga_proof_reader *reader)
{
    const struct tamga_view *state = &reader->reader->view;
    struct tamga_hash key;
    enum tamga_err err = tamga_entry_proof_make(&offer->proof, chain, reader->reader,
                                                &offer->item.id, &reader->checkpoint, NULL);

    tamga_key_release(&key, &offer->item.id.hash);
    if (err == TAMGA_OK)
        err = tamga_state_proof_make(&offer->release, state, &key);
    if (err == TAMGA_OK)
        err = tamga_member_proof_make(&offer->sender, state, &offer->item.sender);
    if (err == TAMGA_OK && offer->permit.body != NULL)
        err = tamga_entry_proof_make(&offer->permit_proof, chain, reader->reader,
                                     &offer->permit.id, &reader->checkpoint, NULL);
    if (err == TAMGA_OK && offer->permit.body != NULL)
        err = tamga_member_proof_make(&offer->permit_sender, state, &offer->permit.sender);
    offer->older = err == TAMGA_OK;
    return err;
}

/* ---- the answer ---------------------------------------------------------------------- */

/* NOT_FOUND: nothing newer that is final suits. */
static enum tamga_err choose_newer(struct tamga_offer *offer, const struct tamga_reader *reader,
                                   const struct gateway_question *question)
{
    struct tamga_place place;
    bool stays = false;
    enum tamga_err err = gateway_newest_for(question->chain, reader, question->check_in,
                                            question->now_ms, &offer->item);

    if (err == TAMGA_OK)
        err = tamga_query_place(&reader->view, &offer->item.id, &place);
    /* After a restart a reader may know blocks above its checkpoint: wait for the next. */
    if (err == TAMGA_OK && place.height > question->as_of->at.height)
        err = TAMGA_E_NOT_FOUND;
    if (err == TAMGA_OK)
        err = gateway_stays(question, place.height, &stays);
    if (err == TAMGA_OK && stays)
        err = TAMGA_E_NOT_FOUND;
    if (err != TAMGA_OK)
        tamga_item_clear(&offer->item);
    return err;
}

/* Forward, or else back if that is permitted. NOT_FOUND: neither. */
static enum tamga_err choose(struct tamga_offer *offer, const struct tamga_reader *reader,
                             const struct gateway_question *question)
{
    enum tamga_err err = choose_newer(offer, reader, question);

    return err == TAMGA_E_NOT_FOUND
               ? gateway_way_back(question, &offer->item, &offer->permit)
               : err;
}

static bool is_newest(const struct tamga_offer *offer)
{
    const Tamga__V1__Signed *newest = offer->newest->transaction;

    return newest != NULL && tamga_span_equal(tamga_wire_span(newest->id),
                                              tamga_hash_span(&offer->item.id.hash));
}

/* Was what the device runs withdrawn? Then the proof of that. */
static enum tamga_err prove_installed(struct tamga_offer *offer,
                                      const struct gateway_question *question)
{
    struct tamga_entry_id running;
    struct tamga_hash key;
    bool in_force = false;
    enum tamga_err err = gateway_running(&running, question);

    if (err == TAMGA_OK)
        err = gateway_in_force(question->view, &running, &in_force);
    if (err != TAMGA_OK || in_force)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
    tamga_key_release(&key, &running.hash);
    return tamga_state_proof_make(&offer->installed, question->view, &key);
}

/* A newest release that does not suit would be taken for an offer; and a device that trusts
 * this checkpoint already learns nothing from it. */
static enum tamga_err show_none(struct tamga_offer *offer,
                                const struct gateway_question *question)
{
    const Tamga__V1__CheckInBody *check_in = question->check_in;
    uint64_t counter = 0;
    enum tamga_err err = prove_installed(offer, question);

    if (err == TAMGA_OK && offer->installed != NULL)
        return TAMGA_OK; /* it is under the checkpoint of the newest one */
    if (err == TAMGA_OK)
        err = newest_counter(&counter, offer->newest);
    if (err == TAMGA_OK && counter <= check_in->installed_counter &&
        check_in->last_checkpoint_height < question->as_of->at.height)
        return TAMGA_OK;
    tamga_wire_free((ProtobufCMessage *)offer->newest);
    offer->newest = NULL;
    return err;
}

static enum tamga_err answer(struct tamga_offer *offer, const struct tamga_chain *chain,
                             const struct tamga_proof_reader *reader,
                             const Tamga__V1__CheckInBody *check_in, uint64_t now_ms)
{
    uint64_t cosigned_ms = reader->checkpoint.time_ms;
    const struct gateway_question question = {
        .chain = chain,
        .view = &reader->reader->view,
        .as_of = &reader->checkpoint,
        .check_in = check_in,
        .now_ms = now_ms > cosigned_ms ? now_ms : cosigned_ms,
    };
    enum tamga_err err = choose(offer, reader->reader, &question);

    if (err == TAMGA_OK && !is_newest(offer))
        err = prove_older(offer, chain, reader);
    if (err != TAMGA_E_NOT_FOUND)
        return err;
    tamga_item_clear(&offer->item);
    return show_none(offer, &question);
}

enum tamga_err tamga_offer_make(struct tamga_offer *offer, struct tamga_node *follower,
                                struct tamga_proof_cache *cache,
                                const Tamga__V1__CheckInBody *check_in, uint64_t now_ms)
{
    READER *reader = NULL;
    enum tamga_err err;

    tamga_offer_clear(offer);
    err = tamga_proof_reader_open(&reader, follower);
    if (err == TAMGA_E_NOT_READY && check_in->last_checkpoint_height == 0)
        return TAMGA_OK; /* nothing is final yet, for all that anybody knows */
    if (err != TAMGA_OK)
        return err;
    if (reader->checkpoint.at.height < check_in->last_checkpoint_height)
        return TAMGA_E_NOT_READY;
    err = find_newest(offer, &reader, follower, cache, check_in->device);
    return err == TAMGA_OK
               ? answer(offer, tamga_node_chain(follower), reader, check_in, now_ms)
               : err;
}
