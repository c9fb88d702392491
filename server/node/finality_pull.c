/*
 * Pulling what a peer knows of finality: votes above what is final here, its newest
 * checkpoint, cosignatures that wait, evidence. What gossip did not bring comes this way,
 * and a validator's own votes after its store was restored.
 */
#include "node/node_internal.h"
#include "tamga/v1/finality.pb-c.h"

#define CALL_MS   10000
#define PAGES_MAX 32 /* of a round: so many votes only wait where finality has stopped */

static enum tamga_err ask(struct tamga_reply *reply, const struct peer *peer, uint64_t above)
{
    Tamga__V1__GetFinalityRequest request = TAMGA__V1__GET_FINALITY_REQUEST__INIT;

    request.chain = tamga_wire_bytes(tamga_hash_span(&peer->node->chain->id.hash));
    request.above = above;
    tamga__v1__finality_service__get_finality(
        tamga_reply_service(reply, &tamga__v1__finality_service__descriptor), &request,
        (Tamga__V1__GetFinalityResponse_Closure)tamga_reply_take, reply);
    return reply->err;
}

static enum tamga_err add_votes(struct tidings *tidings, struct tamga_node *node,
                                const Tamga__V1__GetFinalityResponse *response, size_t *bytes,
                                struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < response->n_votes; i++) {
        *bytes += protobuf_c_message_get_packed_size(&response->votes[i]->base);
        err = tidings_add_vote(tidings, node, response->votes[i], detail);
    }
    return err;
}

static enum tamga_err add_rest(struct tidings *tidings, struct tamga_node *node,
                               const Tamga__V1__GetFinalityResponse *response,
                               struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_OK;

    if (response->checkpoint != NULL)
        err = tidings_add_checkpoint(tidings, node, response->checkpoint, detail);
    for (size_t i = 0; err == TAMGA_OK && i < response->n_partial; i++)
        err = tidings_add_checkpoint(tidings, node, response->partial[i], detail);
    for (size_t i = 0; err == TAMGA_OK && i < response->n_conflicts; i++)
        err = tidings_add_conflict(tidings, node, response->conflicts[i], detail);
    return err;
}

/* Height of the last vote's target: they ascend. */
static enum tamga_err last_target(const Tamga__V1__GetFinalityResponse *response,
                                  uint64_t *height)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__VoteBody *body = NULL;
    enum tamga_err err = tamga_wire_unpack(
        (ProtobufCMessage **)&body, &tamga__v1__vote_body__descriptor, TAMGA_WIRE_CANONICAL,
        tamga_wire_span(response->votes[response->n_votes - 1]->body), NULL);

    if (err == TAMGA_OK)
        *height = body->target_height;
    return err;
}

/* One page. *above moves on if there may be more; else *more is false. */
static enum tamga_err pull_page(struct peer *peer, uint64_t *above, bool *more,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = peer->channel,
                                                                 .deadline_ms = CALL_MS};
    TAMGA_CLEANUP(tidings_clear) struct tidings tidings = {.letter.run = tidings_run};
    const Tamga__V1__GetFinalityResponse *response;
    uint64_t last = 0;
    size_t bytes = 0;
    enum tamga_err err = ask(&reply, peer, *above);

    if (err != TAMGA_OK)
        return err;
    response = (const Tamga__V1__GetFinalityResponse *)reply.message;
    err = add_votes(&tidings, peer->node, response, &bytes, detail);
    if (err == TAMGA_OK)
        err = add_rest(&tidings, peer->node, response, detail);
    if (err == TAMGA_OK && !tidings_empty(&tidings))
        err = node_call(peer->node, &tidings.letter);
    *more = response->n_votes == PULL_VOTES_MAX || bytes + PULL_VOTE_BYTES > PULL_BYTES;
    if (err == TAMGA_OK && *more)
        err = last_target(response, &last);
    /* Of the last height not all votes may have found room: it is asked for again. */
    if (err != TAMGA_OK || last < *above + 2)
        *more = false;
    else
        *above = last - 1;
    return err;
}

struct final_height {
    struct letter letter;
    uint64_t height;
};

static enum tamga_err final_height_run(struct tamga_node *node, struct letter *letter,
                                       uint64_t now_ms)
{
    (void)now_ms;
    ((struct final_height *)letter)->height = tamga_engine_final(node->engine)->height;
    return TAMGA_OK;
}

enum tamga_err finality_pull(struct peer *peer, struct tamga_detail *detail)
{
    struct final_height final = {.letter.run = final_height_run};
    bool more = true;
    enum tamga_err err = node_call(peer->node, &final.letter);

    for (size_t i = 0;
         err == TAMGA_OK && more && i < PAGES_MAX && !atomic_load(&peer->node->stopping); i++)
        err = pull_page(peer, &final.height, &more, detail);
    if (err == TAMGA_OK)
        atomic_store(&peer->told_finality, true);
    return err;
}
