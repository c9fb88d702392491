/* Walks the council's decisions upwards, from checkpoint to checkpoint. */
#include "node/council_steps.h"

#include <assert.h>
#include <stdlib.h>

#include "node/entry_proof.h"
#include "node/proof_reader.h"
#include "rules/rules.h"
#include "wire/wire.h"

void tamga_council_steps_clear(struct tamga_council_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        tamga_wire_free(&steps->step[i]->base);
    *steps = (struct tamga_council_steps){0};
}

/* The first height above which something was decided; 0: none. */
static uint64_t next_decision(const Tamga__V1__StateCouncil *council, uint64_t above)
{
    uint64_t next = 0;

    for (size_t i = 0; i < council->n_validators; i++) {
        const Tamga__V1__Validator *row = council->validators[i];

        if (row->decided > above && (next == 0 || row->decided < next))
            next = row->decided;
        if (row->ended > above && (next == 0 || row->ended < next))
            next = row->ended;
    }
    return next;
}

/* Through the bytes to a message that owns its parts. */
static enum tamga_err make_step(Tamga__V1__CouncilStep **out, const struct tamga_reader *reader,
                                Tamga__V1__Checkpoint *checkpoint, uint64_t height)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateCouncil *council = NULL;
    Tamga__V1__CouncilStep step = TAMGA__V1__COUNCIL_STEP__INIT;
    TAMGA_BUF encoded = {0};
    TAMGA_BUF bytes = {0};
    enum tamga_err err = tamga_council_at(&council, &reader->view, height);

    if (err == TAMGA_OK)
        err = tamga_wire_pack(&encoded, &council->base);
    step.checkpoint = checkpoint;
    step.council = tamga_wire_bytes(tamga_buf_span(&encoded));
    if (err == TAMGA_OK)
        err = tamga_wire_pack(&bytes, &step.base);
    return err == TAMGA_OK ? tamga_wire_unpack((ProtobufCMessage **)out,
                                               &tamga__v1__council_step__descriptor,
                                               TAMGA_WIRE_CANONICAL, tamga_buf_span(&bytes),
                                               NULL)
                           : err;
}

/* NOT_FOUND: no checkpoint at or above the height yet. */
static enum tamga_err add_step(struct tamga_council_steps *steps,
                               const struct tamga_reader *reader, uint64_t *height)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    struct tamga_checkpoint checkpoint;
    enum tamga_err err = tamga_checkpoint_find(&message, reader, *height);

    if (err == TAMGA_OK)
        err = tamga_checkpoint_read(&checkpoint, message);
    if (err != TAMGA_OK)
        return err;
    err = make_step(&steps->step[steps->count], reader, message, checkpoint.at.height);
    if (err != TAMGA_OK)
        return tamga_err_class(err) == TAMGA_CLASS_REJECT ? TAMGA_E_STORE_CORRUPT : err;
    steps->count++;
    *height = checkpoint.at.height;
    return TAMGA_OK;
}

enum tamga_err tamga_council_steps_find(struct tamga_council_steps *steps,
                                        const struct tamga_chain *chain,
                                        const struct tamga_reader *reader, uint64_t above,
                                        size_t max)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateCouncil *council = NULL;
    uint64_t height;
    enum tamga_err err;

    assert(max <= TAMGA_COUNCIL_STEPS_MAX);
    tamga_council_steps_clear(steps);
    if (chain->rules->anchored)
        return TAMGA_OK; /* its validators are genesis' for good */
    err = tamga_council_at(&council, &reader->view, UINT64_MAX);
    height = err == TAMGA_OK ? next_decision(council, above) : 0;
    while (err == TAMGA_OK && height > 0 && steps->count < max) {
        err = add_step(steps, reader, &height);
        if (err == TAMGA_OK)
            height = next_decision(council, height);
    }
    return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
}
