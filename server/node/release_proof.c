/* Reads the state of a checkpoint; verifies nothing: rules/proof.h does, where it arrives. */
#include "node/release_proof.h"

#include "chain/state_map.h"
#include "rules/rules.h"

void tamga_release_proof_clear(struct tamga_release_proof *proof)
{
    tamga_wire_free((ProtobufCMessage *)proof->latest);
    tamga_wire_free((ProtobufCMessage *)proof->transaction);
    tamga_wire_free((ProtobufCMessage *)proof->member);
    tamga_proof_reader_close(&proof->reader);
    *proof = (struct tamga_release_proof){0};
}

/* The release that the state names. */
static enum tamga_err find_release(struct tamga_release_proof *proof,
                                   const struct tamga_chain *chain)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateLatest *latest = NULL;
    const struct tamga_view *view = &proof->reader->reader->view;
    TAMGA_BUF payload = {0};
    struct tamga_entry_id id;
    bool pending;
    enum tamga_err err = tamga_wire_unpack(
        (ProtobufCMessage **)&latest, &tamga__v1__state_latest__descriptor,
        TAMGA_WIRE_CANONICAL, tamga_wire_span(proof->latest->value), NULL);

    if (err == TAMGA_OK)
        err = tamga_hash_from(&id.hash, tamga_wire_span(latest->release));
    if (err == TAMGA_OK)
        err = tamga_query_payload(chain, view, &id, &payload, &pending);
    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&proof->transaction,
                                &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                tamga_buf_span(&payload), NULL);
    return tamga_err_class(err) == TAMGA_CLASS_REJECT ? TAMGA_E_STORE_CORRUPT : err;
}

/* Whose key signed it, as of the same state. */
static enum tamga_err find_sender(struct tamga_release_proof *proof)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__TransactionBody *body = NULL;
    struct tamga_address sender;
    enum tamga_err err = tamga_wire_unpack(
        (ProtobufCMessage **)&body, &tamga__v1__transaction_body__descriptor,
        TAMGA_WIRE_CANONICAL, tamga_wire_span(proof->transaction->body), NULL);

    if (err == TAMGA_OK)
        err = tamga_hash_from(&sender.hash, tamga_wire_span(body->sender));
    if (err != TAMGA_OK)
        return tamga_err_class(err) == TAMGA_CLASS_REJECT ? TAMGA_E_STORE_CORRUPT : err;
    return tamga_member_proof_make(&proof->member, &proof->reader->reader->view, &sender);
}

enum tamga_err tamga_member_proof_make(Tamga__V1__StateProof **out,
                                       const struct tamga_view *state,
                                       const struct tamga_address *address)
{
    struct tamga_hash key;

    tamga_key_member(&key, address);
    return tamga_state_proof_make(out, state, &key);
}

enum tamga_err tamga_release_proof_make(struct tamga_release_proof *proof,
                                        struct tamga_node *consortium, const char *producer,
                                        const char *model)
{
    struct tamga_hash key;
    enum tamga_err err;

    tamga_release_proof_clear(proof);
    tamga_key_latest(&key, producer, model);
    err = tamga_proof_reader_open(&proof->reader, consortium);
    if (err == TAMGA_OK)
        err = tamga_state_proof_make(&proof->latest, &proof->reader->reader->view, &key);
    if (err == TAMGA_OK && proof->latest->value.len > 0)
        err = find_release(proof, tamga_node_chain(consortium));
    if (err == TAMGA_OK && proof->transaction != NULL)
        err = find_sender(proof);
    if (err != TAMGA_OK)
        return err;
    tamga__v1__release_proof__init(&proof->message);
    proof->message.checkpoint = proof->reader->message;
    proof->message.latest = proof->latest;
    proof->message.transaction = proof->transaction;
    proof->message.member = proof->member;
    return TAMGA_OK;
}
