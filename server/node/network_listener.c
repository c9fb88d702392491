/*
 * The network listener: hears gossip, judges it in its own thread, and hands it to the
 * loop. What it cannot use it forgets; a gap in the numbers asks for a pull.
 */
#include <stdlib.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "node/node_internal.h"

struct announced {
    struct letter letter;
    struct tamga_sealed sealed;
    struct tamga_entry_id *id;
    size_t count;
};

static enum tamga_err announced_run(struct tamga_node *node, struct letter *letter,
                                    uint64_t now_ms)
{
    struct announced *announced = (struct announced *)letter;
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    enum tamga_err err = tamga_engine_assemble(node->engine, &block, &announced->sealed,
                                               announced->id, announced->count);

    if (err != TAMGA_OK)
        return err;
    return tamga_engine_add_block(node->engine, &block, now_ms, &letter->detail);
}

static void announced_done(struct tamga_node *node, struct letter *letter)
{
    struct announced *announced = (struct announced *)letter;

    /* Entries not here, parent not here, or a body that gossip got wrong: pull it. */
    if (letter->err != TAMGA_OK && letter->err != TAMGA_E_STOPPING)
        sync_poke(node);
    free(announced->id);
    free(announced);
}

static enum tamga_err hear_block(struct tamga_node *node,
                                 const Tamga__V1__BlockAnnounce *untrusted)
{
    struct announced *announced = calloc(1, sizeof *announced);
    enum tamga_err err;

    if (announced == NULL)
        return TAMGA_E_NO_MEMORY;
    announced->letter.run = announced_run;
    announced->letter.done = announced_done;
    announced->count = untrusted->n_ids;
    announced->id = calloc(untrusted->n_ids + 1, sizeof *announced->id);
    err = announced->id == NULL ? TAMGA_E_NO_MEMORY
                                : tamga_sealed_decode(&announced->sealed, untrusted->sealed);
    for (size_t i = 0; err == TAMGA_OK && i < announced->count; i++)
        err = tamga_hash_from(&announced->id[i].hash, tamga_wire_span(untrusted->ids[i]));
    if (err == TAMGA_OK)
        err = node_post(node, &announced->letter);
    if (err != TAMGA_OK) {
        free(announced->id);
        free(announced);
    }
    return err;
}

static enum tamga_err hear_payload(struct tamga_node *node, struct tamga_span untrusted)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct tamga_detail detail = {{0}};
    struct tamga_hash digest;
    enum tamga_err err;

    /* Every peer passes it on: copies come before the loop has flushed the first. */
    tamga_sha256(&digest, untrusted);
    if (heard_before(&node->heard, &digest))
        return TAMGA_OK;
    err = node->chain->rules->decode(node->chain, &item, untrusted, &detail);
    if (err != TAMGA_OK || node_knows(node, &item.id))
        return err;
    err = node->chain->rules->verify(node->chain, &item, &detail);
    if (err != TAMGA_OK)
        return err;
    item.verified = true;
    err = tamga_node_submit(node, &item, NULL, NULL);
    if (err == TAMGA_OK)
        heard_remember(&node->heard, &digest);
    return err;
}

/* Numbers are per publisher and start at 1 with each of its starts. */
static bool gap(struct tamga_node *node, const Tamga__V1__Gossip *gossip)
{
    uint64_t publisher = tamga_get_u64(gossip->publisher.data);
    bool missed;

    for (size_t i = 0; i < node->seen_count; i++) {
        if (node->seen[i].publisher != publisher)
            continue;
        missed = gossip->number > node->seen[i].number + 1;
        node->seen[i].number = gossip->number;
        return missed;
    }
    if (node->seen_count == PUBLISHERS_MAX)
        node->seen_count = 0; /* forget all: at worst a needless pull each */
    node->seen[node->seen_count++] =
        (struct publisher_seen){.publisher = publisher, .number = gossip->number};
    return gossip->number > 1;
}

static enum tamga_err hear_status(struct tamga_node *node, const Tamga__V1__Signed *untrusted)
{
    struct tamga_u256 work;
    bool better = false;
    enum tamga_err err = status_judge(node, untrusted, &better, &work, NULL);

    if (better)
        sync_poke(node);
    return err;
}

static void tidings_done(struct tamga_node *node, struct letter *letter)
{
    struct tidings *tidings = (struct tidings *)letter;

    if (letter->err == TAMGA_OK)
        tidings_pass_on(node, tidings);
    if (tidings->missing)
        sync_poke(node);
    tidings_clear(tidings);
    free(tidings);
}

static enum tamga_err hear_finality(struct tamga_node *node, const Tamga__V1__Gossip *gossip)
{
    struct tidings *tidings = calloc(1, sizeof *tidings);
    enum tamga_err err;

    if (tidings == NULL)
        return TAMGA_E_NO_MEMORY;
    if (gossip->body_case == TAMGA__V1__GOSSIP__BODY_VOTE)
        err = tidings_add_vote(tidings, node, gossip->vote, NULL);
    else if (gossip->body_case == TAMGA__V1__GOSSIP__BODY_CHECKPOINT)
        err = tidings_add_checkpoint(tidings, node, gossip->checkpoint, NULL);
    else
        err = tidings_add_conflict(tidings, node, gossip->conflict, NULL);
    tidings->letter.run = tidings_run;
    tidings->letter.done = tidings_done;
    if (err == TAMGA_OK && !tidings_empty(tidings)) {
        err = node_post(node, &tidings->letter);
        if (err == TAMGA_OK)
            return TAMGA_OK;
    }
    tidings_clear(tidings);
    free(tidings);
    return err;
}

static void hear(void *context, struct tamga_span untrusted)
{
    struct tamga_node *node = context;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Gossip *gossip = NULL;
    enum tamga_err err =
        tamga_wire_unpack((ProtobufCMessage **)&gossip, &tamga__v1__gossip__descriptor,
                          TAMGA_WIRE_LOOSE, untrusted, NULL);

    if (err == TAMGA_OK && gossip->publisher.len != 8)
        err = TAMGA_E_BAD_LENGTH;
    if (err == TAMGA_OK && !tamga_span_equal(tamga_wire_span(gossip->chain),
                                             tamga_hash_span(&node->chain->id.hash)))
        err = TAMGA_E_WRONG_CHAIN;
    if (err != TAMGA_OK) {
        tamga_log(TAMGA_LOG_DEBUG, "gossip.refused", "%s", tamga_err_text(err));
        return;
    }
    if (gap(node, gossip))
        sync_poke(node);
    switch (gossip->body_case) {
    case TAMGA__V1__GOSSIP__BODY_PAYLOAD:
        err = node->options.mine ? hear_payload(node, tamga_wire_span(gossip->payload))
                                 : TAMGA_OK; /* a follower needs blocks only */
        break;
    case TAMGA__V1__GOSSIP__BODY_BLOCK:
        err = hear_block(node, gossip->block);
        break;
    case TAMGA__V1__GOSSIP__BODY_STATUS:
        err = hear_status(node, gossip->status);
        break;
    case TAMGA__V1__GOSSIP__BODY_VOTE:
    case TAMGA__V1__GOSSIP__BODY_CHECKPOINT:
    case TAMGA__V1__GOSSIP__BODY_CONFLICT:
        err = hear_finality(node, gossip);
        break;
    case TAMGA__V1__GOSSIP__BODY__NOT_SET:
    default:
        err = TAMGA_E_MISSING_FIELD;
    }
    if (err != TAMGA_OK)
        tamga_log(TAMGA_LOG_DEBUG, "gossip.refused", "%s (%s)", tamga_err_text(err),
                  tamga_err_name(err));
}

enum tamga_err listener_start(struct tamga_node *node, struct tamga_detail *detail)
{
    const char *addr[TAMGA_PEERS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < node->options.peer_count; i++)
        if (node->options.peer[i].gossip != NULL)
            addr[count++] = node->options.peer[i].gossip;
    if (count == 0)
        return TAMGA_OK;
    return tamga_subscriber_open_link(&node->subscriber, addr, count, node->options.link, hear,
                                      node, detail);
}

void listener_stop(struct tamga_node *node)
{
    tamga_subscriber_close(node->subscriber);
    node->subscriber = NULL;
}
