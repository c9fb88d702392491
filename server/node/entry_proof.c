/* Finds an entry, its checkpoint, and the headers between. Knows no caller. */
#include "node/entry_proof.h"

#include <stdlib.h>

#include "node/proof_reader.h"

#define HEADERS_MAX 4096 /* as the wire allows */

void tamga_entry_proof_clear(struct tamga_entry_proof *proof)
{
    tamga_inclusion_clear(&proof->inclusion);
    tamga_buf_clear(&proof->payload);
    tamga_wire_free((ProtobufCMessage *)proof->checkpoint);
    free(proof->header);
    free(proof->header_bytes);
    *proof = (struct tamga_entry_proof){0};
}

enum tamga_err tamga_checkpoint_find(Tamga__V1__Checkpoint **out,
                                     const struct tamga_reader *reader, uint64_t height)
{
    TAMGA_BUF bytes = {0};
    enum tamga_err err = tamga_query_checkpoint(reader, height, &bytes);

    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)out, &tamga__v1__checkpoint__descriptor,
                                TAMGA_WIRE_CANONICAL, tamga_buf_span(&bytes), NULL);
    return err;
}

/* *as_of: the checkpoint that the proof leads to. */
static enum tamga_err find_checkpoint(struct tamga_entry_proof *proof,
                                      struct tamga_checkpoint *as_of,
                                      const struct tamga_reader *reader, uint64_t height,
                                      const struct tamga_checkpoint *known,
                                      struct tamga_detail *detail)
{
    enum tamga_err err = tamga_checkpoint_find(&proof->checkpoint, reader, height);
    bool found = err == TAMGA_OK;

    if (found)
        err = tamga_checkpoint_read(as_of, proof->checkpoint);
    if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND)
        return err;
    /* A snapshot is older than the checkpoint that it became the reader of. */
    if (known != NULL && known->at.height >= height &&
        (!found || as_of->at.height >= known->at.height)) {
        tamga_wire_free((ProtobufCMessage *)proof->checkpoint);
        proof->checkpoint = NULL;
        *as_of = *known;
        found = true;
    }
    return found ? TAMGA_OK
                 : tamga_refuse(detail, TAMGA_E_NOT_READY,
                                "its block at height %llu has no checkpoint at or above it yet",
                                (unsigned long long)height);
}

static enum tamga_err add_header(struct tamga_entry_proof *proof,
                                 const struct tamga_view *view, uint64_t height)
{
    size_t at = proof->message.n_headers;
    struct tamga_stored_header stored;
    struct tamga_block_id id;
    enum tamga_err err = tamga_query_id_at(view, height, &id);

    if (err == TAMGA_OK)
        err = tamga_query_header(view, &id, &stored);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    tamga_header_encode(proof->header[at], &stored.sealed.header);
    proof->header_bytes[at] =
        tamga_wire_bytes(tamga_span(proof->header[at], TAMGA_HEADER_BYTES));
    proof->message.n_headers++;
    return TAMGA_OK;
}

/* Those after the entry's block, up to and with the checkpoint's. */
static enum tamga_err add_headers(struct tamga_entry_proof *proof,
                                  const struct tamga_view *view, uint64_t height,
                                  const struct tamga_checkpoint *as_of,
                                  struct tamga_detail *detail)
{
    unsigned long long count = as_of->at.height - height;
    struct tamga_block_id best;
    enum tamga_err err = tamga_query_id_at(view, as_of->at.height, &best);

    if (err == TAMGA_E_NOT_FOUND ||
        (err == TAMGA_OK && !tamga_hash_equal(&best.hash, &as_of->at.id.hash)))
        return tamga_refuse(detail, TAMGA_E_NOT_READY,
                            "the checkpoint's block at height %llu has not been connected yet",
                            (unsigned long long)as_of->at.height);
    if (err != TAMGA_OK)
        return err;
    if (count > HEADERS_MAX)
        return tamga_refuse(detail, TAMGA_E_NOT_FOUND,
                            "the next checkpoint is %llu blocks above the entry's; a proof has "
                            "at most %d headers",
                            count, HEADERS_MAX);
    proof->header = calloc(count + 1, sizeof *proof->header);
    proof->header_bytes = calloc(count + 1, sizeof *proof->header_bytes);
    if (proof->header == NULL || proof->header_bytes == NULL)
        return TAMGA_E_NO_MEMORY;
    while (err == TAMGA_OK && proof->message.n_headers < count)
        err = add_header(proof, view, height + 1 + proof->message.n_headers);
    return err;
}

enum tamga_err tamga_entry_proof_make(struct tamga_entry_proof *proof,
                                      const struct tamga_chain *chain,
                                      const struct tamga_reader *reader,
                                      const struct tamga_entry_id *id,
                                      const struct tamga_checkpoint *known,
                                      struct tamga_detail *detail)
{
    struct tamga_checkpoint as_of;
    uint64_t height;
    bool pending = false;
    enum tamga_err err;

    tamga_entry_proof_clear(proof);
    tamga__v1__entry_proof__init(&proof->message);
    err = tamga_query_payload(chain, &reader->view, id, &proof->payload, &pending);
    if (err == TAMGA_OK && pending)
        return tamga_refuse(detail, TAMGA_E_NOT_READY, "it waits for a block");
    if (err == TAMGA_OK)
        err = tamga_inclusion_find(&proof->inclusion, &reader->view, id);
    if (err != TAMGA_OK)
        return err;
    height = proof->inclusion.block.sealed.header.height;
    err = find_checkpoint(proof, &as_of, reader, height, known, detail);
    if (err == TAMGA_OK)
        err = add_headers(proof, &reader->view, height, &as_of, detail);
    proof->message.checkpoint = proof->checkpoint;
    proof->message.headers = proof->header_bytes;
    proof->message.inclusion = &proof->inclusion.message;
    proof->message.payload = tamga_wire_bytes(tamga_buf_span(&proof->payload));
    return err;
}
