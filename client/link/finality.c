/* Asks, and lets the verifier in core/ judge what came; the first fault is told. */
#include "link/finality.h"

#include "chain/state_map.h"
#include "rules/proof.h"
#include "wire/wire.h"

#define COUNCIL_PAGES_MAX 64

/* ---- checkpoints ------------------------------------------------------------------- */

void tamga_cosigned_list(struct tamga_cosigned *out, const struct tamga_chain *chain,
                         const struct tamga_checkpoint *checkpoint,
                         const Tamga__V1__Checkpoint *verified)
{
    *out = (struct tamga_cosigned){.checkpoint = *checkpoint};
    for (size_t i = 0; i < verified->n_cosignatures; i++) {
        ProtobufCBinaryData address = verified->cosignatures[i]->validator;
        uint32_t validator;

        if (tamga_validator_find(&validator, chain, tamga_wire_span(address),
                                 checkpoint->at.height) == TAMGA_OK)
            out->name[out->count++] = tamga_validator(chain, validator)->name;
    }
}

enum tamga_err tamga_cosigned_open(struct tamga_cosigned *out, const struct tamga_chain *chain,
                                   const Tamga__V1__Checkpoint *untrusted,
                                   struct tamga_detail *detail)
{
    struct tamga_checkpoint checkpoint;
    enum tamga_err err =
        untrusted ? tamga_checkpoint_verify(&checkpoint, chain, untrusted, NULL, detail)
                  : tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "no checkpoint is shown");

    if (err == TAMGA_OK)
        tamga_cosigned_list(out, chain, &checkpoint, untrusted);
    return err;
}

/* ---- validators that came after genesis' ------------------------------------------------ */

enum tamga_err tamga_councils_fetch(struct tamga_session *session,
                                    const struct tamga_chain *chain, struct tamga_detail *detail)
{
    Tamga__V1__GetCouncilRequest request = TAMGA__V1__GET_COUNCIL_REQUEST__INIT;
    enum tamga_err err = TAMGA_OK;
    size_t got = 1;

    request.chain = tamga_wire_bytes(tamga_hash_span(&chain->id.hash));
    for (size_t page = 0; err == TAMGA_OK && got > 0 && page < COUNCIL_PAGES_MAX; page++) {
        TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
        const Tamga__V1__GetCouncilResponse *response;

        request.above = chain->council->as_of;
        err = tamga_session_call(session, &answer, &tamga__v1__finality_service__descriptor,
                                 "GetCouncil", &request.base, detail);
        if (err != TAMGA_OK)
            return err;
        response = (const Tamga__V1__GetCouncilResponse *)answer;
        got = response->n_steps;
        err = tamga_council_steps(chain, response->steps, got, detail);
        if (err == TAMGA_OK && got > 0 && chain->council->as_of == request.above)
            err = tamga_refuse(detail, TAMGA_E_PEER_LIED, "steps that lead nowhere");
    }
    return err;
}

/* Cosigners that are no validators, as far as is known here, may have come later. */
bool tamga_may_be_later(enum tamga_err err)
{
    return err == TAMGA_E_NOT_VALIDATOR || err == TAMGA_E_COSIGNER_REVOKED ||
           err == TAMGA_E_TOO_FEW_COSIGNERS || err == TAMGA_E_BAD_COUNCIL;
}

enum tamga_err tamga_cosigned_fetch(struct tamga_cosigned *out, struct tamga_session *session,
                                    const struct tamga_chain *chain, uint64_t height,
                                    struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    Tamga__V1__GetCheckpointRequest request = TAMGA__V1__GET_CHECKPOINT_REQUEST__INIT;
    const Tamga__V1__Checkpoint *shown;
    struct tamga_cosigned cosigned;
    enum tamga_err err;

    request.chain = tamga_wire_bytes(tamga_hash_span(&chain->id.hash));
    request.height = height;
    err = tamga_session_call(session, &answer, &tamga__v1__finality_service__descriptor,
                             "GetCheckpoint", &request.base, detail);
    if (err != TAMGA_OK)
        return err;
    shown = ((const Tamga__V1__GetCheckpointResponse *)answer)->checkpoint;
    err = tamga_cosigned_open(&cosigned, chain, shown, detail);
    if (tamga_may_be_later(err) && tamga_councils_fetch(session, chain, NULL) == TAMGA_OK)
        err = tamga_cosigned_open(&cosigned, chain, shown, detail);
    if (err != TAMGA_OK)
        return err;
    if (cosigned.checkpoint.at.height < height)
        return tamga_refuse(detail, TAMGA_E_PEER_LIED, "asked from height %llu on, shown %llu",
                            (unsigned long long)height,
                            (unsigned long long)cosigned.checkpoint.at.height);
    *out = cosigned;
    return TAMGA_OK;
}

/* ---- entries that are final --------------------------------------------------------- */

static enum tamga_err judge_place(struct tamga_item *out_item, struct tamga_final_place *out,
                                  const struct tamga_chain *chain,
                                  const struct tamga_entry_id *id,
                                  const Tamga__V1__EntryProof *untrusted,
                                  struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct tamga_final_place place;
    enum tamga_err err = tamga_entry_proof_check(&item, &place.header, &place.checkpoint, chain,
                                                 untrusted, NULL, detail);

    if (err != TAMGA_OK)
        return err;
    if (!tamga_hash_equal(&item.id.hash, &id->hash))
        return tamga_refuse(detail, TAMGA_E_ID_MISMATCH, "another entry was shown");
    tamga_header_id(&place.block, &place.header);
    tamga_item_move(out_item, &item);
    *out = place;
    return TAMGA_OK;
}

enum tamga_err tamga_final_entry_fetch(struct tamga_item *item, struct tamga_final_place *out,
                                       struct tamga_session *session,
                                       const struct tamga_chain *chain,
                                       const struct tamga_entry_id *id,
                                       struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    Tamga__V1__GetEntryProofRequest request = TAMGA__V1__GET_ENTRY_PROOF_REQUEST__INIT;
    const Tamga__V1__EntryProof *shown;
    enum tamga_err err;

    request.chain = tamga_wire_bytes(tamga_hash_span(&chain->id.hash));
    request.id = tamga_wire_bytes(tamga_hash_span(&id->hash));
    err = tamga_session_call(session, &answer, &tamga__v1__finality_service__descriptor,
                             "GetEntryProof", &request.base, detail);
    if (err != TAMGA_OK)
        return err;
    shown = ((const Tamga__V1__GetEntryProofResponse *)answer)->proof;
    err = judge_place(item, out, chain, id, shown, detail);
    if (tamga_may_be_later(err) && tamga_councils_fetch(session, chain, NULL) == TAMGA_OK)
        err = judge_place(item, out, chain, id, shown, detail);
    return err;
}

enum tamga_err tamga_final_place_fetch(struct tamga_final_place *out,
                                       struct tamga_session *session,
                                       const struct tamga_chain *chain,
                                       const struct tamga_entry_id *id,
                                       struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};

    return tamga_final_entry_fetch(&item, out, session, chain, id, detail);
}

/* ---- evidence ----------------------------------------------------------------------- */

enum tamga_err tamga_contradiction_open(struct tamga_contradiction *out,
                                        const struct tamga_chain *chain,
                                        const Tamga__V1__VoteConflict *untrusted,
                                        struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote first = {0};
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote second = {0};
    enum tamga_err rule, err;

    if (untrusted->first == NULL || untrusted->second == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "evidence needs two votes");
    err = tamga_vote_open(&first, chain, untrusted->first, detail);
    if (err == TAMGA_OK)
        err = tamga_vote_open(&second, chain, untrusted->second, detail);
    if (err != TAMGA_OK)
        return err;
    rule = tamga_link_conflict(&first.link, &second.link);
    if (first.validator != second.validator || rule == TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_PEER_LIED,
                            "evidence against %s shows no contradiction",
                            tamga_validator(chain, first.validator)->name);
    *out = (struct tamga_contradiction){.name = tamga_validator(chain, first.validator)->name,
                                        .rule = rule,
                                        .first = first.link,
                                        .second = second.link};
    return TAMGA_OK;
}
