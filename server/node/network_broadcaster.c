/*
 * The network broadcaster: numbers and publishes what the loop has made durable. A
 * message that is lost is pulled later, so failures are not errors.
 */
#include <stdlib.h>

#include "node/node_internal.h"

static void publish(struct tamga_node *node, Tamga__V1__Gossip *gossip)
{
    TAMGA_BUF bytes = {0};

    if (node->publisher == NULL)
        return;
    gossip->chain = tamga_wire_bytes(tamga_hash_span(&node->chain->id.hash));
    gossip->publisher =
        tamga_wire_bytes(tamga_span(node->publisher_id, sizeof node->publisher_id));
    gossip->number = ++node->gossip_number;
    if (tamga_wire_pack(&bytes, &gossip->base) == TAMGA_OK &&
        tamga_publisher_send(node->publisher, tamga_buf_span(&bytes)) == TAMGA_OK)
        return;
    /* The number is used up: receivers see the gap and pull. */
}

void broadcast_payload(struct tamga_node *node, struct tamga_span payload)
{
    Tamga__V1__Gossip gossip = TAMGA__V1__GOSSIP__INIT;

    gossip.body_case = TAMGA__V1__GOSSIP__BODY_PAYLOAD;
    gossip.payload = tamga_wire_bytes(payload);
    publish(node, &gossip);
}

/* The ids of a block's entries, for who has the payloads: leaves say them, and these were
 * judged when the block was connected. */
static enum tamga_err entry_ids(const struct tamga_chain *chain,
                                const struct tamga_block *block,
                                struct tamga_entry_id *id)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < block->count; i++)
        err = chain->rules->entry_id(&id[i], block->entry[i]);
    return err;
}

void broadcast_tip(struct tamga_node *node)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    Tamga__V1__Gossip gossip = TAMGA__V1__GOSSIP__INIT;
    Tamga__V1__BlockAnnounce announce = TAMGA__V1__BLOCK_ANNOUNCE__INIT;
    struct tamga_sealed_wire sealed;
    struct tamga_entry_id *id;
    ProtobufCBinaryData *ids;

    if (node->publisher == NULL ||
        tamga_query_block(&node->options.store->reader.view,
                          &tamga_engine_tip(node->engine)->tip_id, &block) != TAMGA_OK)
        return;
    id = calloc(block.count + 1, sizeof *id);
    ids = calloc(block.count + 1, sizeof *ids);
    if (id != NULL && ids != NULL && entry_ids(node->chain, &block, id) == TAMGA_OK) {
        for (size_t i = 0; i < block.count; i++)
            ids[i] = tamga_wire_bytes(tamga_hash_span(&id[i].hash));
        tamga_sealed_lend(&sealed, &block.sealed);
        announce.sealed = &sealed.message;
        announce.n_ids = block.count;
        announce.ids = ids;
        gossip.body_case = TAMGA__V1__GOSSIP__BODY_BLOCK;
        gossip.block = &announce;
        publish(node, &gossip);
    }
    free(id);
    free(ids);
}

/* A Signed of one's own store or making, as one of the bodies that are a Signed. */
static void publish_signed(struct tamga_node *node, struct tamga_span encoded,
                           Tamga__V1__Gossip__BodyCase body)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    Tamga__V1__Gossip gossip = TAMGA__V1__GOSSIP__INIT;

    if (node->publisher == NULL ||
        tamga_wire_unpack((ProtobufCMessage **)&message, &tamga__v1__signed__descriptor,
                          TAMGA_WIRE_CANONICAL, encoded, NULL) != TAMGA_OK)
        return;
    gossip.body_case = body;
    if (body == TAMGA__V1__GOSSIP__BODY_STATUS)
        gossip.status = message;
    else
        gossip.vote = message;
    publish(node, &gossip);
}

void broadcast_status(struct tamga_node *node)
{
    TAMGA_BUF status = {0};

    if (node->publisher != NULL && tamga_node_status(node, &status) == TAMGA_OK)
        publish_signed(node, tamga_buf_span(&status), TAMGA__V1__GOSSIP__BODY_STATUS);
}

void broadcast_vote(struct tamga_node *node, struct tamga_span vote)
{
    publish_signed(node, vote, TAMGA__V1__GOSSIP__BODY_VOTE);
}

void broadcast_cosignature(struct tamga_node *node,
                           const struct tamga_cosignature *cosignature)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    Tamga__V1__Gossip gossip = TAMGA__V1__GOSSIP__INIT;
    struct tamga_cosignature alone = *cosignature;

    if (node->publisher == NULL ||
        tamga_checkpoint_pack(&message, node->chain, &alone, 1) != TAMGA_OK)
        return;
    gossip.body_case = TAMGA__V1__GOSSIP__BODY_CHECKPOINT;
    gossip.checkpoint = message;
    publish(node, &gossip);
}

void broadcast_conflict(struct tamga_node *node, struct tamga_span conflict)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__VoteConflict *message = NULL;
    Tamga__V1__Gossip gossip = TAMGA__V1__GOSSIP__INIT;

    if (node->publisher == NULL ||
        tamga_wire_unpack((ProtobufCMessage **)&message,
                          &tamga__v1__vote_conflict__descriptor, TAMGA_WIRE_CANONICAL,
                          conflict, NULL) != TAMGA_OK)
        return;
    gossip.body_case = TAMGA__V1__GOSSIP__BODY_CONFLICT;
    gossip.conflict = message;
    publish(node, &gossip);
}
