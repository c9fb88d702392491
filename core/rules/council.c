/*
 * How trust in validators goes on: those who are trusted cosign a checkpoint, and that states
 * who comes after them. Needs no store.
 * Source: docs/PROTOCOL.md, "Councils".
 */
#include <inttypes.h>

#include "crypto/hash.h"
#include "rules/proof.h"
#include "wire/wire.h"

static enum tamga_err learn(const struct tamga_chain *chain, struct tamga_span encoded,
                            struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateCouncil *council = NULL;
    enum tamga_err err = tamga_wire_unpack((ProtobufCMessage **)&council,
                                           &tamga__v1__state_council__descriptor,
                                           TAMGA_WIRE_CANONICAL, encoded, detail);

    for (size_t i = 0; err == TAMGA_OK && i < council->n_validators; i++)
        err = tamga_network_learn(chain->network, council->validators[i]->name,
                                  chain->rules->miner_role, council->validators[i]->key);
    return err == TAMGA_OK ? tamga_council_learn(chain->council, chain->network, council) : err;
}

enum tamga_err tamga_council_restore(const struct tamga_chain *chain, struct tamga_span kept,
                                     uint64_t as_of)
{
    enum tamga_err err = learn(chain, kept, NULL);

    if (err != TAMGA_OK)
        return err;
    chain->council->as_of = as_of;
    tamga_sha256(&chain->council->hash, kept);
    return TAMGA_OK;
}

/*
 * Cosigners of whom nothing is known here count for nothing: a checkpoint from after a change is
 * believed if those who are known are a quorum of those who are trusted. *out borrows.
 */
static enum tamga_err known_only(Tamga__V1__Checkpoint *out, Tamga__V1__Cosignature **list,
                                 const struct tamga_chain *chain,
                                 const Tamga__V1__Checkpoint *untrusted,
                                 struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__CheckpointBody *body = NULL;
    size_t count = 0;
    uint32_t place;
    enum tamga_err err = tamga_wire_unpack(
        (ProtobufCMessage **)&body, &tamga__v1__checkpoint_body__descriptor,
        TAMGA_WIRE_CANONICAL, tamga_wire_span(untrusted->body), detail);

    *out = *untrusted;
    if (err != TAMGA_OK || untrusted->n_cosignatures > TAMGA_VALIDATORS_MAX)
        return err;
    for (size_t i = 0; i < untrusted->n_cosignatures; i++)
        if (tamga_council_find(&place, chain->council,
                               tamga_wire_span(untrusted->cosignatures[i]->validator),
                               body->height) == TAMGA_OK)
            list[count++] = untrusted->cosignatures[i];
    if (count > 0) {
        out->n_cosignatures = count;
        out->cosignatures = list;
    }
    return TAMGA_OK;
}

enum tamga_err tamga_council_step(struct tamga_checkpoint *out, const struct tamga_chain *chain,
                                  const Tamga__V1__CouncilStep *untrusted,
                                  struct tamga_detail *detail)
{
    struct tamga_span council = tamga_wire_span(untrusted->council);
    Tamga__V1__Cosignature *list[TAMGA_VALIDATORS_MAX];
    struct tamga_checkpoint checkpoint;
    Tamga__V1__Checkpoint known;
    struct tamga_hash hash;
    enum tamga_err err;

    if (untrusted->checkpoint == NULL || council.len == 0)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD,
                            "a step of the council lacks its checkpoint or the council");
    err = known_only(&known, list, chain, untrusted->checkpoint, detail);
    if (err == TAMGA_OK)
        err = tamga_checkpoint_verify(&checkpoint, chain, &known, NULL, detail);
    if (err != TAMGA_OK)
        return err;
    tamga_sha256(&hash, council);
    if (!tamga_hash_equal(&hash, &checkpoint.council))
        return tamga_refuse(detail, TAMGA_E_BAD_COUNCIL,
                            "at height %" PRIu64 " it has another hash", checkpoint.at.height);
    if (checkpoint.at.height > chain->council->as_of)
        err = tamga_council_restore(chain, council, checkpoint.at.height);
    if (err == TAMGA_OK)
        *out = checkpoint;
    return err;
}

enum tamga_err tamga_council_steps(const struct tamga_chain *chain,
                                   Tamga__V1__CouncilStep *const *untrusted, size_t count,
                                   struct tamga_detail *detail)
{
    struct tamga_checkpoint checkpoint;
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < count; i++)
        err = tamga_council_step(&checkpoint, chain, untrusted[i], detail);
    return err;
}

enum tamga_err tamga_council_is(const struct tamga_chain *chain,
                                const struct tamga_checkpoint *checkpoint,
                                struct tamga_detail *detail)
{
    if (tamga_hash_equal(&checkpoint->council, &chain->council->hash))
        return TAMGA_OK;
    return tamga_refuse(detail, TAMGA_E_BAD_COUNCIL,
                        "validators changed up to height %" PRIu64
                        "; those known here are of height %" PRIu64,
                        checkpoint->at.height, chain->council->as_of);
}
