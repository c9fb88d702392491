/*
 * The status handler: makes and judges signed statuses. A status is a hint: what it
 * claims is believed only once headers with that much work were seen.
 */
#include <stdlib.h>

#include "base/log.h"
#include "node/node_internal.h"

static bool count_one(void *context, struct tamga_span encoded)
{
    (void)encoded;
    ++*(uint64_t *)context;
    return true;
}

/* What the store says of finality; the body borrows from *justified and *final. */
static enum tamga_err state_finality(Tamga__V1__StatusBody *body,
                                     const struct tamga_node *node,
                                     struct tamga_point *justified, struct tamga_point *final)
{
    const struct tamga_reader *reader = &node->options.store->reader;
    enum tamga_err err = tamga_query_justified(&reader->view, justified);

    if (err == TAMGA_OK)
        err = tamga_query_final(&reader->view, final);
    if (err == TAMGA_OK)
        err = tamga_checkpoint_height(&body->checkpoint_height, reader);
    if (err == TAMGA_OK)
        err = tamga_query_conflicts(reader, count_one, &body->conflicts);
    if (err != TAMGA_OK)
        return err;
    body->justified_height = justified->height;
    body->justified = tamga_wire_bytes(tamga_hash_span(&justified->id.hash));
    body->final_height = final->height;
    body->final = tamga_wire_bytes(tamga_hash_span(&final->id.hash));
    return TAMGA_OK;
}

enum tamga_err tamga_node_status(const struct tamga_node *node, struct tamga_buf *out)
{
    const struct tamga_view *view = &node->options.store->reader.view;
    const struct tamga_public_key *key = tamga_private_key_public(node->options.key);
    Tamga__V1__StatusBody body = TAMGA__V1__STATUS_BODY__INIT;
    Tamga__V1__PublicKey wire_key = tamga_wire_key_of(key);
    struct tamga_point justified, final;
    struct tamga_stored_header tip;
    struct tamga_block_id id;
    uint8_t work[32];
    enum tamga_err err = tamga_query_tip(view, &id);

    if (err == TAMGA_OK)
        err = tamga_query_header(view, &id, &tip);
    if (err == TAMGA_OK)
        err = state_finality(&body, node, &justified, &final);
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

static void free_key(struct tamga_public_key **key)
{
    tamga_public_key_free(*key);
}

/* A member whose blocks we have not seen yet may sign with a key that we do not know yet: a
 * status is a hint, and is as good from anybody. */
static enum tamga_err stranger_key(struct tamga_public_key **out,
                                   const Tamga__V1__PublicKey *stated,
                                   const struct tamga_address *address)
{
    struct tamga_address found;
    enum tamga_err err = tamga_wire_key(out, stated);

    if (err != TAMGA_OK)
        return err;
    tamga_public_key_address(*out, &found);
    return tamga_hash_equal(&found.hash, &address->hash) ? TAMGA_OK : TAMGA_E_ADDRESS_MISMATCH;
}

static enum tamga_err check_signer(const struct tamga_node *node,
                                   const Tamga__V1__Signed *untrusted,
                                   const Tamga__V1__StatusBody *body,
                                   const struct tamga_hash *id)
{
    TAMGA_CLEANUP(free_key) struct tamga_public_key *stranger = NULL;
    const struct tamga_member *member;
    struct tamga_address address;
    enum tamga_err err = TAMGA_OK;

    if (body->key == NULL ||
        tamga_hash_from(&address.hash, tamga_wire_span(body->node)) != TAMGA_OK)
        return TAMGA_E_MISSING_FIELD;
    member = tamga_network_member(node->chain->network, &address);
    if (member == NULL)
        err = stranger_key(&stranger, body->key, &address);
    return err == TAMGA_OK
               ? tamga_signed_verify(untrusted, id, member == NULL ? stranger : member->key)
               : err;
}

/* A wrong clock mines blocks that others refuse, or refuses theirs: it must be seen. */
static void judge_clock(struct tamga_node *node, const Tamga__V1__StatusBody *body)
{
    struct peer_clock_news news;
    struct tamga_address address;
    const struct tamga_member *member;

    if (tamga_hash_from(&address.hash, tamga_wire_span(body->node)) != TAMGA_OK ||
        tamga_hash_equal(&address.hash, &node->address.hash))
        return;
    member = tamga_network_member(node->chain->network, &address);
    peer_clocks_note(&node->clocks, &news, &address, body->time_ms, tamga_wall_ms(),
                     node->chain->params.drift_ms);
    if (news.peer_off)
        tamga_log(TAMGA_LOG_WARN, "peer.clock", "%s: its clock is %lld s %s ours",
                  member == NULL ? "?" : member->name, llabs(news.ahead_ms) / 1000,
                  news.ahead_ms > 0 ? "ahead of" : "behind");
    if (news.ours_wrong)
        tamga_log(TAMGA_LOG_ERROR, "clock.wrong",
                  "this node's clock seems %lld s %s of %zu of %zu peers: check it",
                  llabs(news.ours_ahead_ms) / 1000, news.ours_ahead_ms > 0 ? "ahead" : "behind",
                  news.off, news.peers);
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
        judge_clock(node, body);
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
