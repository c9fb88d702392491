/*
 * Which snapshot belongs to the newest checkpoint. The loop takes one at every new tip and
 * keeps the last few; the one whose block gets a checkpoint becomes what proofs are read
 * from. Knows no key of the state.
 */
#include "node/proof_reader.h"

#include <stdlib.h>

#include "base/log.h"
#include "node/node_internal.h"

void proofs_init(struct tamga_node *node)
{
    pthread_mutex_init(&node->proofs.lock, NULL);
}

/* ---- references ----------------------------------------------------------------------- */

void tamga_proof_reader_close(struct tamga_proof_reader **reader)
{
    struct tamga_proof_reader *self = *reader;
    bool last;

    if (self == NULL)
        return;
    pthread_mutex_lock(&self->node->proofs.lock);
    last = --self->refs == 0;
    pthread_mutex_unlock(&self->node->proofs.lock);
    *reader = NULL;
    if (!last)
        return;
    tamga_reader_release(&self->reader);
    tamga_wire_free((ProtobufCMessage *)self->message);
    free(self);
}

static struct tamga_proof_reader *current(struct tamga_node *node)
{
    struct tamga_proof_reader *found;

    pthread_mutex_lock(&node->proofs.lock);
    found = node->proofs.current;
    if (found != NULL)
        found->refs++;
    pthread_mutex_unlock(&node->proofs.lock);
    return found;
}

static void replace_current(struct tamga_node *node, struct tamga_proof_reader *by)
{
    struct tamga_proof_reader *former;

    pthread_mutex_lock(&node->proofs.lock);
    former = node->proofs.current;
    node->proofs.current = by;
    pthread_mutex_unlock(&node->proofs.lock);
    tamga_proof_reader_close(&former);
}

/* ---- making --------------------------------------------------------------------------- */

enum tamga_err tamga_checkpoint_read(struct tamga_checkpoint *out,
                                     const Tamga__V1__Checkpoint *message)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__CheckpointBody *body = NULL;
    enum tamga_err err = tamga_wire_unpack(
        (ProtobufCMessage **)&body, &tamga__v1__checkpoint_body__descriptor,
        TAMGA_WIRE_CANONICAL, tamga_wire_span(message->body), NULL);

    if (err == TAMGA_OK)
        err = tamga_hash_from(&out->at.id.hash, tamga_wire_span(body->block));
    if (err == TAMGA_OK)
        err = tamga_hash_from(&out->state_root, tamga_wire_span(body->state_root));
    if (err != TAMGA_OK)
        return err == TAMGA_E_NO_MEMORY ? err : TAMGA_E_STORE_CORRUPT;
    out->at.height = body->height;
    out->time_ms = body->time_ms;
    return TAMGA_OK;
}

/* The newest checkpoint as a reader has it; reader is taken on success. */
static enum tamga_err make(struct tamga_proof_reader **out, struct tamga_node *node,
                           const struct tamga_reader *newest, struct tamga_reader **reader)
{
    struct tamga_proof_reader *made = calloc(1, sizeof *made);
    TAMGA_BUF bytes = {0};
    enum tamga_err err = made == NULL ? TAMGA_E_NO_MEMORY
                                      : tamga_query_checkpoint(newest, 0, &bytes);

    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&made->message,
                                &tamga__v1__checkpoint__descriptor, TAMGA_WIRE_CANONICAL,
                                tamga_buf_span(&bytes), NULL);
    if (err == TAMGA_OK)
        err = tamga_checkpoint_read(&made->checkpoint, made->message);
    if (err != TAMGA_OK) {
        if (made != NULL)
            tamga_wire_free((ProtobufCMessage *)made->message);
        free(made);
        return err;
    }
    made->node = node;
    made->refs = 1;
    made->reader = *reader;
    *reader = NULL;
    *out = made;
    return TAMGA_OK;
}

/* ---- on the loop's thread --------------------------------------------------------------- */

static void drop_first(struct proofs *proofs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tamga_reader_release(&proofs->recent[i].reader);
    proofs->recent_count -= count;
    memmove(proofs->recent, proofs->recent + count,
            proofs->recent_count * sizeof proofs->recent[0]);
}

static void keep_tip(struct tamga_node *node)
{
    const struct tamga_trail *tip = tamga_engine_tip(node->engine);
    struct tamga_store *store = node->options.store;
    struct proofs *proofs = &node->proofs;
    struct tamga_reader *reader;

    if (tamga_hash_equal(&tip->tip_id.hash, &proofs->tip.hash) ||
        store->ops->snapshot(store, &reader) != TAMGA_OK)
        return; /* without memory for it: proofs are those of the next tip */
    if (proofs->recent_count == SNAPSHOTS_MAX)
        drop_first(proofs, 1);
    proofs->recent[proofs->recent_count].at =
        (struct tamga_point){tip->tip.height, tip->tip_id};
    proofs->recent[proofs->recent_count++].reader = reader;
    proofs->tip = tip->tip_id;
}

/* The snapshot of the newest checkpoint's block, if it is one of those kept. */
static void promote(struct tamga_node *node)
{
    const struct tamga_point *at = &tamga_engine_checkpoint(node->engine)->at;
    struct proofs *proofs = &node->proofs;
    struct tamga_proof_reader *made = NULL;
    size_t i = 0;
    enum tamga_err err;

    while (i < proofs->recent_count && !tamga_point_equal(&proofs->recent[i].at, at))
        i++;
    if (i == proofs->recent_count)
        return;
    err = make(&made, node, &node->options.store->reader, &proofs->recent[i].reader);
    if (err != TAMGA_OK) {
        tamga_log(TAMGA_LOG_WARN, "proof.reader", "%s", tamga_err_text(err));
        return;
    }
    drop_first(proofs, i + 1); /* what was a tip before can get no newer checkpoint */
    replace_current(node, made);
}

void proofs_review(struct tamga_node *node)
{
    keep_tip(node);
    if (tamga_engine_checkpoint(node->engine)->at.height > 0)
        promote(node);
}

void proofs_clear(struct tamga_node *node)
{
    drop_first(&node->proofs, node->proofs.recent_count);
    replace_current(node, NULL);
    pthread_mutex_destroy(&node->proofs.lock);
}

/* ---- on any thread ---------------------------------------------------------------------- */

/* A snapshot of now will do if the state has not changed since the newest checkpoint: blocks
 * above it are empty. NOT_READY if it has. */
static enum tamga_err from_tip(struct tamga_proof_reader **out, struct tamga_node *node)
{
    TAMGA_CLEANUP(tamga_reader_release) struct tamga_reader *reader = NULL;
    struct tamga_store *store = node->options.store;
    struct tamga_proof_reader *made;
    struct tamga_stored_header tip;
    struct tamga_block_id id;
    enum tamga_err err = store->ops->snapshot(store, &reader);

    if (err == TAMGA_OK)
        err = tamga_query_tip(&reader->view, &id);
    if (err == TAMGA_OK)
        err = tamga_query_header(&reader->view, &id, &tip);
    if (err == TAMGA_OK)
        err = make(&made, node, reader, &reader);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_NOT_READY : err;
    if (!tamga_hash_equal(&made->checkpoint.state_root, &tip.sealed.header.state_root)) {
        tamga_proof_reader_close(&made);
        return TAMGA_E_NOT_READY;
    }
    *out = made;
    return TAMGA_OK;
}

enum tamga_err tamga_checkpoint_height(uint64_t *height, const struct tamga_reader *reader)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    struct tamga_checkpoint checkpoint = {0};
    TAMGA_BUF bytes = {0};
    enum tamga_err err = tamga_query_checkpoint(reader, 0, &bytes);

    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&message,
                                &tamga__v1__checkpoint__descriptor, TAMGA_WIRE_CANONICAL,
                                tamga_buf_span(&bytes), NULL);
    if (err == TAMGA_OK)
        err = tamga_checkpoint_read(&checkpoint, message);
    if (err != TAMGA_OK && err != TAMGA_E_NOT_FOUND)
        return err;
    *height = checkpoint.at.height;
    return TAMGA_OK;
}

enum tamga_err tamga_proof_reader_open(struct tamga_proof_reader **out, struct tamga_node *node)
{
    struct tamga_proof_reader *kept = current(node);
    uint64_t newest = 0;
    enum tamga_err err = tamga_checkpoint_height(&newest, &node->options.store->reader);

    if (err == TAMGA_OK && (kept == NULL || kept->checkpoint.at.height < newest)) {
        err = from_tip(out, node);
        if (err == TAMGA_OK) {
            tamga_proof_reader_close(&kept);
            return TAMGA_OK;
        }
        /* A proof at a checkpoint that is a little older is better than none. */
        if (err == TAMGA_E_NOT_READY && kept != NULL)
            err = TAMGA_OK;
    }
    if (err != TAMGA_OK) {
        tamga_proof_reader_close(&kept);
        return err;
    }
    *out = kept;
    return TAMGA_OK;
}
