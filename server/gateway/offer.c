/* Chooses what a device gets, and puts the proofs of it together. */
#include "gateway/offer.h"

#include <stdlib.h>

#include "chain/finality.h"
#include "gateway/gateway.h"
#include "node/release_proof.h"

#define HEADERS_MAX 4096 /* of an entry proof, as the wire allows */

#define READER TAMGA_CLEANUP(tamga_proof_reader_close) struct tamga_proof_reader

void tamga_offer_clear(struct tamga_offer *offer)
{
    tamga_item_clear(&offer->item);
    tamga_wire_free((ProtobufCMessage *)offer->newest);
    tamga_inclusion_clear(&offer->inclusion);
    tamga_wire_free((ProtobufCMessage *)offer->checkpoint);
    free(offer->header);
    free(offer->header_bytes);
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

static enum tamga_err add_header(struct tamga_offer *offer, const struct tamga_view *view,
                                 uint64_t height)
{
    size_t at = offer->proof.n_headers;
    struct tamga_stored_header stored;
    struct tamga_block_id id;
    enum tamga_err err = tamga_query_id_at(view, height, &id);

    if (err == TAMGA_OK)
        err = tamga_query_header(view, &id, &stored);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    tamga_header_encode(offer->header[at], &stored.sealed.header);
    offer->header_bytes[at] =
        tamga_wire_bytes(tamga_span(offer->header[at], TAMGA_HEADER_BYTES));
    offer->proof.n_headers++;
    return TAMGA_OK;
}

/* Those after the release's block, up to and with the checkpoint's. */
static enum tamga_err add_headers(struct tamga_offer *offer, const struct tamga_view *view,
                                  uint64_t height, uint64_t as_of)
{
    size_t count = (size_t)(as_of - height);
    enum tamga_err err = TAMGA_OK;

    offer->header = calloc(count + 1, sizeof *offer->header);
    offer->header_bytes = calloc(count + 1, sizeof *offer->header_bytes);
    if (offer->header == NULL || offer->header_bytes == NULL)
        return TAMGA_E_NO_MEMORY;
    while (err == TAMGA_OK && offer->proof.n_headers < count)
        err = add_header(offer, view, height + 1 + offer->proof.n_headers);
    offer->proof.headers = offer->header_bytes;
    return err;
}

/* The first checkpoint at or above the release's block: few headers lead to it, however
 * long ago that was. */
static enum tamga_err find_checkpoint(struct tamga_offer *offer, uint64_t *as_of,
                                      const struct tamga_proof_reader *reader, uint64_t height)
{
    struct tamga_checkpoint checkpoint = reader->checkpoint;
    TAMGA_BUF bytes = {0};
    enum tamga_err err = tamga_query_checkpoint(reader->reader, height, &bytes);

    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&offer->checkpoint,
                                &tamga__v1__checkpoint__descriptor, TAMGA_WIRE_CANONICAL,
                                tamga_buf_span(&bytes), NULL);
    if (err == TAMGA_OK)
        err = tamga_checkpoint_read(&checkpoint, offer->checkpoint);
    /* A snapshot is older than the checkpoint that it became the reader of. */
    if (err == TAMGA_E_NOT_FOUND)
        err = TAMGA_OK;
    if (checkpoint.at.height >= reader->checkpoint.at.height) {
        tamga_wire_free((ProtobufCMessage *)offer->checkpoint);
        offer->checkpoint = NULL;
        checkpoint = reader->checkpoint;
    }
    *as_of = checkpoint.at.height;
    return err;
}

static enum tamga_err prove_older(struct tamga_offer *offer,
                                  const struct tamga_proof_reader *reader)
{
    const struct tamga_view *view = &reader->reader->view;
    uint64_t height, as_of = 0;
    enum tamga_err err = tamga_inclusion_find(&offer->inclusion, view, &offer->item.id);

    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    tamga__v1__entry_proof__init(&offer->proof);
    height = offer->inclusion.block.sealed.header.height;
    err = find_checkpoint(offer, &as_of, reader, height);
    if (err != TAMGA_OK)
        return err;
    if (as_of - height > HEADERS_MAX)
        return TAMGA_E_NOT_FOUND;
    err = add_headers(offer, view, height, as_of);
    offer->proof.checkpoint = offer->checkpoint;
    offer->proof.inclusion = &offer->inclusion.message;
    offer->proof.payload = tamga_wire_bytes(tamga_buf_span(&offer->item.payload));
    offer->older = err == TAMGA_OK;
    return err;
}

/* ---- the answer ---------------------------------------------------------------------- */

/* NOT_FOUND: nothing that is final suits. */
static enum tamga_err choose(struct tamga_offer *offer, const struct tamga_chain *chain,
                             const struct tamga_proof_reader *reader,
                             const Tamga__V1__CheckInBody *check_in, uint64_t now_ms)
{
    struct tamga_place place;
    enum tamga_err err =
        gateway_newest_for(chain, reader->reader, check_in, now_ms, &offer->item);

    if (err == TAMGA_OK)
        err = tamga_query_place(&reader->reader->view, &offer->item.id, &place);
    /* After a restart a reader may know blocks above its checkpoint: wait for the next. */
    if (err == TAMGA_OK && place.height > reader->checkpoint.at.height)
        err = TAMGA_E_NOT_FOUND;
    if (err != TAMGA_OK)
        tamga_item_clear(&offer->item);
    return err;
}

static bool is_newest(const struct tamga_offer *offer)
{
    const Tamga__V1__Signed *newest = offer->newest->transaction;

    return newest != NULL && tamga_span_equal(tamga_wire_span(newest->id),
                                              tamga_hash_span(&offer->item.id.hash));
}

/* A newest release that does not suit would be taken for an offer; and a device that trusts
 * this checkpoint already learns nothing from it. */
static enum tamga_err show_none(struct tamga_offer *offer,
                                const struct tamga_proof_reader *reader,
                                const Tamga__V1__CheckInBody *check_in)
{
    uint64_t counter = 0;
    enum tamga_err err = newest_counter(&counter, offer->newest);

    if (err == TAMGA_OK && counter <= check_in->installed_counter &&
        check_in->last_checkpoint_height < reader->checkpoint.at.height)
        return TAMGA_OK;
    tamga_wire_free((ProtobufCMessage *)offer->newest);
    offer->newest = NULL;
    return err;
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
    if (err == TAMGA_OK)
        err = choose(offer, tamga_node_chain(follower), reader, check_in, now_ms);
    if (err == TAMGA_OK && !is_newest(offer))
        err = prove_older(offer, reader);
    if (err == TAMGA_E_NOT_FOUND) {
        tamga_item_clear(&offer->item);
        err = show_none(offer, reader, check_in);
    }
    return err;
}
