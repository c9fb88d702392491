/*
 * Checkpoints: cosignatures are collected until a quorum has said the same, and the whole
 * is kept. Signatures were judged before; knows no key.
 *
 * Source: docs/PROTOCOL.md, "Checkpoints".
 */
#include <stdlib.h>

#include "chain/engine_internal.h"
#include "wire/wire.h"

/* The council that a block leaves, as its header states it. */
static struct tamga_hash council_of(const struct tamga_engine *engine,
                                    const struct tamga_header *header)
{
    return engine->chain->rules->anchored ? (struct tamga_hash){{0}} : header->anchor;
}

/* The block is here and is what the cosignature says of it. */
static enum tamga_err check_header(const struct tamga_engine *engine,
                                   const struct tamga_checkpoint *checkpoint,
                                   struct tamga_detail *detail)
{
    struct tamga_stored_header stored;
    struct tamga_hash council;
    enum tamga_err err =
        tamga_query_header(&engine->pending.view, &checkpoint->at.id, &stored);

    if (err == TAMGA_E_NOT_FOUND)
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_BLOCK, "checkpoint at height %llu",
                            (unsigned long long)checkpoint->at.height);
    if (err != TAMGA_OK)
        return err;
    council = council_of(engine, &stored.sealed.header);
    if (stored.sealed.header.height != checkpoint->at.height ||
        stored.sealed.header.time_ms != checkpoint->time_ms ||
        !tamga_hash_equal(&stored.sealed.header.state_root, &checkpoint->state_root) ||
        !tamga_hash_equal(&council, &checkpoint->council))
        return tamga_refuse(detail, TAMGA_E_CHECKPOINT_CONFLICT,
                            "it states another height, time, state root or council than the "
                            "block has");
    return TAMGA_OK;
}

static enum tamga_err check_final(const struct tamga_engine *engine,
                                  const struct tamga_checkpoint *checkpoint,
                                  struct tamga_detail *detail)
{
    const struct tamga_point *final = &engine->finality.final;
    bool above = checkpoint->at.height > final->height, descends = false;
    enum tamga_err err = above ? engine_descends(engine, final, &checkpoint->at, &descends)
                               : engine_descends(engine, &checkpoint->at, final, &descends);

    if (err != TAMGA_OK || descends)
        return err;
    return tamga_refuse(detail, TAMGA_E_CHECKPOINT_CONFLICT,
                        "its block at height %llu is not on the chain of what is final here",
                        (unsigned long long)checkpoint->at.height);
}

static struct tamga_cosignature *word_at(struct voter *voter, uint64_t height)
{
    for (size_t i = 0; i < voter->word_count; i++)
        if (voter->word[i].checkpoint.at.height == height)
            return &voter->word[i];
    return NULL;
}

/* Room for one more: of what waits too long for a quorum, the lowest goes. */
static struct tamga_cosignature *room(struct voter *voter, uint64_t height)
{
    struct tamga_cosignature *lowest = &voter->word[0];

    if (voter->word_count < COSIGNED_MAX)
        return &voter->word[voter->word_count++];
    for (size_t i = 1; i < voter->word_count; i++)
        if (voter->word[i].checkpoint.at.height < lowest->checkpoint.at.height)
            lowest = &voter->word[i];
    return lowest->checkpoint.at.height < height ? lowest : NULL;
}

/* All that was said of exactly this block, by those who may at its height. */
static size_t collect(struct tamga_engine *engine, const struct tamga_checkpoint *checkpoint,
                      uint64_t as_of, struct tamga_cosignature *out)
{
    const struct tamga_point *at = &checkpoint->at;
    size_t count = 0;

    for (uint32_t i = 0; i < engine->finality.voter_count; i++) {
        const struct tamga_cosignature *word =
            word_at(&engine->finality.voter[i], at->height);

        if (word != NULL && engine_voter_held(engine, i, at->height, as_of) &&
            tamga_point_equal(&word->checkpoint.at, at))
            out[count++] = *word;
    }
    return count;
}

static void forget_words(struct tamga_engine *engine, uint64_t height)
{
    for (uint32_t i = 0; i < engine->finality.voter_count; i++) {
        struct voter *voter = &engine->finality.voter[i];
        size_t kept = 0;

        for (size_t j = 0; j < voter->word_count; j++)
            if (voter->word[j].checkpoint.at.height > height)
                voter->word[kept++] = voter->word[j];
        voter->word_count = kept;
    }
}

static enum tamga_err store_checkpoint(struct tamga_engine *engine,
                                       const struct tamga_checkpoint *checkpoint,
                                       struct tamga_cosignature *word, size_t count)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    TAMGA_BUF bytes = {0};
    uint8_t key[8];
    enum tamga_err err = tamga_checkpoint_pack(&message, engine->chain, word, count);

    if (err == TAMGA_OK)
        err = tamga_wire_pack(&bytes, &message->base);
    if (err != TAMGA_OK)
        return err;
    tamga_height_key(key, checkpoint->at.height);
    err = tamga_overlay_put(&engine->pending, TAMGA_FAMILY_CHECKPOINT, tamga_span(key, 8),
                            tamga_buf_span(&bytes));
    if (err == TAMGA_OK)
        err = tamga_overlay_put(&engine->pending, TAMGA_FAMILY_META,
                                tamga_span_text("checkpoint"), tamga_span(key, 8));
    return err;
}

/* A quorum said so: the block is final, whatever votes we have seen. */
static enum tamga_err complete(struct tamga_engine *engine,
                               const struct tamga_checkpoint *checkpoint,
                               struct tamga_cosignature *word, size_t count)
{
    struct tamga_event event = {.kind = TAMGA_EVENT_CHECKPOINT,
                                .id = checkpoint->at.id.hash,
                                .height = checkpoint->at.height};
    enum tamga_err err = store_checkpoint(engine, checkpoint, word, count);

    if (err == TAMGA_OK)
        err = engine_finalize(engine, &checkpoint->at);
    if (err != TAMGA_OK)
        return err;
    engine->finality.checkpoint = *checkpoint;
    forget_words(engine, checkpoint->at.height);
    engine_tell(engine, &event);
    return engine_finality_prune(engine);
}

static enum tamga_err complete_if_quorum(struct tamga_engine *engine,
                                         const struct tamga_checkpoint *checkpoint,
                                         uint64_t as_of, uint64_t now_ms)
{
    struct tamga_cosignature *word = calloc(engine->finality.voter_count + 1, sizeof *word);
    uint32_t quorum =
        tamga_council_quorum_as_of(engine->chain->council, checkpoint->at.height, as_of);
    size_t count;
    enum tamga_err err = TAMGA_OK;

    if (word == NULL)
        return TAMGA_E_NO_MEMORY;
    count = collect(engine, checkpoint, as_of, word);
    if (count >= quorum)
        err = complete(engine, checkpoint, word, count);
    free(word);
    /* Votes from what became final may be here since before. */
    return err == TAMGA_OK && count >= quorum ? engine_recount(engine, now_ms)
                                                             : err;
}

enum tamga_err tamga_engine_add_cosignature(struct tamga_engine *engine,
                                            const struct tamga_cosignature *cosignature,
                                            uint64_t now_ms, bool *news,
                                            struct tamga_detail *detail)
{
    const struct tamga_checkpoint checkpoint = cosignature->checkpoint;
    struct voter *voter = engine_voter(engine, cosignature->validator);
    struct tamga_cosignature *to = word_at(voter, checkpoint.at.height);
    uint64_t as_of = 0;
    enum tamga_err err;

    *news = false;
    if (checkpoint.at.height > voter->cosigned)
        voter->cosigned = checkpoint.at.height;
    if (checkpoint.at.height <= engine->finality.checkpoint.at.height ||
        (to != NULL && tamga_point_equal(&to->checkpoint.at, &checkpoint.at)))
        return TAMGA_OK;
    err = check_header(engine, &checkpoint, detail);
    if (err == TAMGA_OK)
        err = check_final(engine, &checkpoint, detail);
    if (err == TAMGA_OK)
        err = engine_seats(engine, &checkpoint.at, &as_of, detail);
    if (err == TAMGA_OK &&
        !engine_voter_held(engine, cosignature->validator, checkpoint.at.height, as_of))
        err = TAMGA_E_NOT_VALIDATOR;
    if (err != TAMGA_OK)
        return err;
    if (to == NULL)
        to = room(voter, checkpoint.at.height);
    if (to == NULL)
        return TAMGA_OK;
    *to = *cosignature;
    *news = true;
    return complete_if_quorum(engine, &checkpoint, as_of, now_ms);
}

bool tamga_engine_cosignature_due(const struct tamga_engine *engine,
                                  struct tamga_checkpoint *out)
{
    const struct finality *finality = &engine->finality;
    struct tamga_stored_header stored;
    uint32_t place;

    /* Only what this node has judged itself: the best chain has the block. */
    if (!engine_own_seat(engine, finality->final.height, &place) ||
        engine->standing == STANDS_APART ||
        finality->final.height <= finality->checkpoint.at.height ||
        word_at(engine_voter(engine, place), finality->final.height) != NULL ||
        tamga_query_header(&engine->pending.view, &finality->final.id, &stored) != TAMGA_OK)
        return false;
    *out = (struct tamga_checkpoint){.at = finality->final,
                                     .state_root = stored.sealed.header.state_root,
                                     .council = council_of(engine, &stored.sealed.header),
                                     .time_ms = stored.sealed.header.time_ms};
    return true;
}

const struct tamga_checkpoint *tamga_engine_checkpoint(const struct tamga_engine *engine)
{
    return &engine->finality.checkpoint;
}

size_t tamga_engine_words(const struct tamga_engine *engine, struct tamga_cosignature *out,
                          size_t max)
{
    size_t count = 0;

    for (uint32_t i = 0; i < engine->finality.voter_count; i++) {
        const struct voter *voter = &engine->finality.voter[i];

        for (size_t j = 0; j < voter->word_count && count < max; j++)
            out[count++] = voter->word[j];
    }
    return count;
}

/* ---- opening and reading ------------------------------------------------------------- */

struct first_found {
    struct tamga_buf *out;
    enum tamga_err err;
};

static bool take_first(void *context, struct tamga_span key, struct tamga_span value)
{
    struct first_found *found = context;

    (void)key;
    found->err = tamga_buf_set(found->out, value);
    return false;
}

enum tamga_err tamga_query_checkpoint(const struct tamga_reader *reader, uint64_t height,
                                      struct tamga_buf *out)
{
    struct first_found found = {.out = out, .err = TAMGA_E_NOT_FOUND};
    TAMGA_BUF newest = {0};
    uint8_t from[8];
    enum tamga_err err;

    tamga_height_key(from, height);
    if (height == 0) {
        err = tamga_view_get(&reader->view, TAMGA_FAMILY_META, tamga_span_text("checkpoint"),
                             &newest);
        if (err != TAMGA_OK)
            return err;
        if (newest.len != sizeof from)
            return TAMGA_E_STORE_CORRUPT;
        memcpy(from, newest.data, sizeof from);
    }
    err = reader->ops->scan(reader, TAMGA_FAMILY_CHECKPOINT, tamga_span(NULL, 0),
                            tamga_span(from, sizeof from), take_first, &found);
    return err == TAMGA_OK ? found.err : err;
}

enum tamga_err engine_checkpoint_load(struct tamga_engine *engine)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    struct tamga_checkpoint *to = &engine->finality.checkpoint;
    TAMGA_BUF bytes = {0};
    size_t count;
    enum tamga_err err = tamga_query_checkpoint(&engine->store->reader, 0, &bytes);

    if (err == TAMGA_E_NOT_FOUND)
        return TAMGA_OK;
    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&message,
                                &tamga__v1__checkpoint__descriptor, TAMGA_WIRE_CANONICAL,
                                tamga_buf_span(&bytes), NULL);
    if (err == TAMGA_OK)
        err = tamga_checkpoint_open(to, NULL, &count, engine->chain, message, NULL);
    return tamga_err_class(err) == TAMGA_CLASS_REJECT ? TAMGA_E_STORE_CORRUPT : err;
}
