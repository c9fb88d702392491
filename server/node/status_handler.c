/*
 * The status handler: makes and judges signed statuses. A status is a hint: what it
 * claims is believed only once headers with that much work were seen.
 */
#include <stdlib.h>

#include "node/node_internal.h"

enum tamga_err tamga_node_status(const struct tamga_node *node, struct tamga_buf *out)
{
    const struct tamga_view *view = &node->options.store->reader.view;
    const struct tamga_public_key *key = tamga_private_key_public(node->options.key);
    Tamga__V1__StatusBody body = TAMGA__V1__STATUS_BODY__INIT;
    Tamga__V1__PublicKey wire_key = tamga_wire_key_of(key);
    struct tamga_stored_header tip;
    struct tamga_block_id id;
    uint8_t work[32];
    enum tamga_err err = tamga_query_tip(view, &id);

    if (err == TAMGA_OK)
        err = tamga_query_header(view, &id, &tip);
    if (err != TAMGA_OK)
        return err;
    tamga_u256_to_bytes(work, &tip.work);
    body.node = tamga_wire_bytes(tamga_hash_span(&node->address.hash));
    body.key = &wire_key;
    body.tip = tamga_wire_bytes(tamga_hash_span(&id.hash));
    body.height = tip.sealed.header.height;
    body.work = tamga_wire_bytes(tamga_span(work, sizeof work));
    body.time_ms = tamga_wall_ms();
    body.pending = atomic_load(&node->pending_count);
    return tamga_signed_make(out, NULL, &body.base, TAMGA_DOMAIN_STATUS, &node->chain->id,
                             node->options.key);
}

static enum tamga_err check_signer(const struct tamga_node *node,
                                   const Tamga__V1__Signed *untrusted,
                                   const Tamga__V1__StatusBody *body,
                                   const struct tamga_hash *id)
{
    const struct tamga_member *member;
    struct tamga_address address;

    if (body->key == NULL ||
        tamga_hash_from(&address.hash, tamga_wire_span(body->node)) != TAMGA_OK)
        return TAMGA_E_MISSING_FIELD;
    member = tamga_network_member(node->chain->network, &address);
    if (member == NULL)
        return TAMGA_E_NOT_MEMBER;
    return tamga_signed_verify(untrusted, id, member->key);
}

enum tamga_err status_judge(struct tamga_node *node, const Tamga__V1__Signed *untrusted,
                            bool *better, struct tamga_u256 *work,
                            struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StatusBody *body = NULL;
    const struct tamga_view *view = &node->options.store->reader.view;
    struct tamga_stored_header ours;
    struct tamga_block_id tip, theirs;
    struct tamga_hash id;
    int order;
    enum tamga_err err = tamga_signed_open(
        &id, (ProtobufCMessage **)&body, untrusted, TAMGA_DOMAIN_STATUS, &node->chain->id,
        &tamga__v1__status_body__descriptor, detail);

    if (err == TAMGA_OK)
        err = check_signer(node, untrusted, body, &id);
    if (err == TAMGA_OK && (body->work.len != 32 ||
                            tamga_hash_from(&theirs.hash, tamga_wire_span(body->tip)) != TAMGA_OK))
        err = TAMGA_E_BAD_LENGTH;
    if (err == TAMGA_OK)
        err = tamga_query_tip(view, &tip);
    if (err == TAMGA_OK)
        err = tamga_query_header(view, &tip, &ours);
    if (err != TAMGA_OK)
        return err;
    tamga_u256_from_bytes(work, body->work.data);
    order = tamga_u256_compare(work, &ours.work);
    *better = order > 0 || (order == 0 && memcmp(&theirs, &tip, sizeof tip) < 0);
    return TAMGA_OK;
}
