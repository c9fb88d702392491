/*
 * The validator's room: signs what the engine says is due, in the batch whose flush makes
 * it durable, and tells others only then. Knows no rule of finality: that is the engine's.
 *
 * A validator that forgot what it signed might contradict itself. So it signs nothing
 * before others have shown it what they know of its votes: all of them if they can be
 * reached, a quorum in any case. A vote that none of those was shown stays unknown: for
 * copies of a store that are restored, docs/STORAGE.md says what to do.
 */
#include <stdlib.h>

#include "base/log.h"
#include "crypto/key.h"
#include "node/node_internal.h"

#define WAITING_EVERY_MS 60000
#define ALL_PEERS_MS     5000 /* after a start: so long every peer is waited for, then a quorum */

enum tamga_err finality_init(struct tamga_node *node)
{
    struct finality_room *room = &node->finality;

    room->words_changed = true; /* what the engine has loaded */
    room->word = calloc(WORDS_MAX, sizeof *room->word);
    return room->word == NULL ? TAMGA_E_NO_MEMORY : TAMGA_OK;
}

void finality_clear(struct tamga_node *node)
{
    struct finality_room *room = &node->finality;

    for (size_t i = 0; i < room->vote_count; i++)
        tamga_vote_clear(&room->vote[i]);
    free(room->word);
    room->word = NULL;
}

/* ---- who may sign --------------------------------------------------------------------- */

/* Two lines of the configuration may name one peer: it counts once. */
static bool first_of_its_address(const struct tamga_node *node, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(node->options.peer[i].rpc, node->options.peer[index].rpc) == 0)
            return false;
    return true;
}

static uint64_t tip_height(const struct tamga_node *node)
{
    return tamga_engine_tip(node->engine)->tip.height;
}

/* Now, at the tip: who is a validator may change with every block. */
static bool is_validator(const struct tamga_node *node)
{
    uint32_t place;

    return node->options.mine &&
           tamga_validator_find(&place, node->chain, tamga_hash_span(&node->address.hash),
                                tip_height(node)) == TAMGA_OK;
}

/* Of the peers some may be no validators, and nobody here knows which: so many more are to tell. */
static void count_peers(const struct tamga_node *node, uint64_t waited_ms, size_t *told,
                        size_t *wanted)
{
    size_t peers = 0, enough = tamga_quorum(node->chain, tip_height(node)) - 1;
    size_t others = tamga_council_size(node->chain->council, tip_height(node)) - 1;

    *told = 0;
    for (size_t i = 0; i < node->options.peer_count; i++) {
        if (!first_of_its_address(node, i))
            continue;
        peers++;
        *told += atomic_load(&node->peer[i].told_finality);
    }
    *wanted = peers;
    if (peers > others)
        enough += peers - others;
    if (waited_ms >= ALL_PEERS_MS && enough < peers)
        *wanted = enough;
}

static void begin_if_told(struct tamga_node *node, uint64_t now_ms)
{
    struct finality_room *room = &node->finality;
    size_t told, wanted;

    if (room->started_ms == 0 || now_ms < room->started_ms)
        room->started_ms = now_ms;
    count_peers(node, now_ms - room->started_ms, &told, &wanted);
    if (told >= wanted) {
        tamga_engine_may_vote(node->engine, &node->address);
        room->may_vote = true;
        tamga_log(TAMGA_LOG_INFO, "validator.ready", "%s: %zu peers showed what they know",
                  node->chain->rules->name, told);
    } else if (now_ms - room->waiting_told_ms >= WAITING_EVERY_MS) {
        room->waiting_told_ms = now_ms;
        tamga_log(TAMGA_LOG_INFO, "validator.waiting",
                  "%s: %zu of %zu peers showed which votes they know; none is cast before",
                  node->chain->rules->name, told, wanted);
    }
}

/* ---- signing, before the flush ---------------------------------------------------------- */

static enum tamga_err sign_vote(struct tamga_node *node, uint64_t now_ms, bool *any)
{
    struct finality_room *room = &node->finality;
    struct tamga_vote *vote = &room->vote[room->vote_count];
    struct tamga_link link;
    bool news;
    enum tamga_err err;

    if (room->vote_count == SIGNED_MAX || !tamga_engine_vote_due(node->engine, &link))
        return TAMGA_OK;
    err = tamga_vote_make(vote, node->chain, &link, node->options.key);
    if (err == TAMGA_OK)
        err = tamga_engine_add_vote(node->engine, vote, now_ms, &news, NULL);
    if (err != TAMGA_OK) { /* what the engine does not remember is never sent */
        tamga_vote_clear(vote);
        return err;
    }
    room->vote_count++;
    *any = true;
    return TAMGA_OK;
}

static enum tamga_err sign_checkpoint(struct tamga_node *node, uint64_t now_ms, bool *any)
{
    struct finality_room *room = &node->finality;
    struct tamga_cosignature *cosignature = &room->cosignature[room->cosignature_count];
    struct tamga_checkpoint checkpoint;
    bool news;
    enum tamga_err err;

    if (room->cosignature_count == SIGNED_MAX ||
        !tamga_engine_cosignature_due(node->engine, &checkpoint))
        return TAMGA_OK;
    err = tamga_cosignature_make(cosignature, node->chain, &checkpoint, node->options.key);
    if (err == TAMGA_OK)
        err = tamga_engine_add_cosignature(node->engine, cosignature, now_ms, &news, NULL);
    if (err != TAMGA_OK)
        return err;
    room->cosignature_count++;
    room->words_changed = true;
    *any = true;
    return TAMGA_OK;
}

enum tamga_err finality_sign(struct tamga_node *node, uint64_t now_ms)
{
    struct finality_room *room = &node->finality;
    bool again = true;
    enum tamga_err err = TAMGA_OK;

    if (!room->may_vote && !is_validator(node))
        return TAMGA_OK;
    if (!room->may_vote)
        begin_if_told(node, now_ms);
    /* A vote may make a block final, and with one validator every word is a quorum. */
    for (size_t i = 0; err == TAMGA_OK && room->may_vote && again && i < SIGNED_MAX; i++) {
        again = false;
        err = sign_vote(node, now_ms, &again);
        if (err == TAMGA_OK)
            err = sign_checkpoint(node, now_ms, &again);
    }
    if (err == TAMGA_OK || tamga_err_class(err) == TAMGA_CLASS_LOCAL)
        return err;
    tamga_log(TAMGA_LOG_ERROR, "validator.refused", "own vote or cosignature: %s (%s)",
              tamga_err_text(err), tamga_err_name(err));
    return TAMGA_OK;
}

/* ---- telling, after the flush ----------------------------------------------------------- */

static void copy_words(struct tamga_node *node)
{
    struct finality_room *room = &node->finality;

    pthread_mutex_lock(&room->lock);
    room->word_count = tamga_engine_words(node->engine, room->word, WORDS_MAX);
    pthread_mutex_unlock(&room->lock);
    room->words_changed = false;
}

void finality_tell(struct tamga_node *node)
{
    struct finality_room *room = &node->finality;

    if (room->words_changed)
        copy_words(node);
    for (size_t i = 0; i < room->vote_count; i++) {
        broadcast_vote(node, tamga_buf_span(&room->vote[i].bytes));
        tamga_vote_clear(&room->vote[i]);
    }
    for (size_t i = 0; i < room->cosignature_count; i++)
        broadcast_cosignature(node, &room->cosignature[i]);
    room->vote_count = room->cosignature_count = 0;
}

enum tamga_err finality_words(struct tamga_node *node, struct tamga_cosignature **out,
                              size_t *count)
{
    struct finality_room *room = &node->finality;
    struct tamga_cosignature *copy;

    pthread_mutex_lock(&room->lock);
    copy = calloc(room->word_count + 1, sizeof *copy);
    if (copy != NULL) {
        memcpy(copy, room->word, room->word_count * sizeof *copy);
        *count = room->word_count;
        *out = copy;
    }
    pthread_mutex_unlock(&room->lock);
    return copy == NULL ? TAMGA_E_NO_MEMORY : TAMGA_OK;
}

struct evidence {
    struct tamga_node *node;
    const struct tamga_hash *validator;
};

static bool tell_evidence(void *context, struct tamga_span encoded)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__VoteConflict *conflict = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__VoteBody *body = NULL;
    const struct evidence *evidence = context;

    if (tamga_wire_unpack((ProtobufCMessage **)&conflict,
                          &tamga__v1__vote_conflict__descriptor, TAMGA_WIRE_CANONICAL, encoded,
                          NULL) != TAMGA_OK ||
        conflict->first == NULL ||
        tamga_wire_unpack((ProtobufCMessage **)&body, &tamga__v1__vote_body__descriptor,
                          TAMGA_WIRE_CANONICAL, tamga_wire_span(conflict->first->body),
                          NULL) != TAMGA_OK ||
        !tamga_span_equal(tamga_wire_span(body->validator),
                          tamga_hash_span(evidence->validator)))
        return true;
    broadcast_conflict(evidence->node, encoded);
    return false;
}

void finality_tell_conflict(struct tamga_node *node, const struct tamga_event *event)
{
    const struct tamga_address address = {event->id};
    const struct tamga_member *member = tamga_network_member(node->chain->network, &address);
    struct evidence evidence = {node, &event->id};
    char hex[TAMGA_HEX_CHARS];

    if (event->err == TAMGA_E_CHECKPOINT_CONFLICT) {
        tamga_to_hex(hex, event->id.byte, TAMGA_HASH_BYTES);
        tamga_log(TAMGA_LOG_ERROR, "checkpoint.conflict",
                  "%s: a quorum calls height %llu %s final, which contradicts what is final "
                  "here: too many validators have lied",
                  node->chain->rules->name, (unsigned long long)event->height, hex);
        return;
    }
    tamga_log(TAMGA_LOG_ERROR, "validator.conflict", "%s %s, height %llu: %s (%s)",
              node->chain->rules->name, member == NULL ? "?" : member->name,
              (unsigned long long)event->height, tamga_err_text(event->err),
              tamga_err_name(event->err));
    if (tamga_query_conflicts(&node->options.store->reader, tell_evidence, &evidence) !=
        TAMGA_OK)
        tamga_log(TAMGA_LOG_WARN, "validator.conflict", "evidence could not be read");
}
