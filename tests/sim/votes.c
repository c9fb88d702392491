/*
 * The validator's room of a node: what it signs, what it hears of others' signatures, and
 * what it shows of finality when it is asked. As server/node/finality.c, without threads.
 */
#include <stdlib.h>

#include "chain/engine_internal.h"
#include "crypto/hash.h"
#include "wire/wire.h"
#include "world.h"

#define VOTES_PAGE 4096

int sim_node_at(const struct sim_world *world, const struct tamga_address *address)
{
    for (int i = 0; i < world->node_count; i++)
        if (tamga_hash_equal(&world->node[i].address.hash, &address->hash))
            return i;
    abort();
}

/* ---- opening: a signature is verified once a run, not once a node ------------------- */

static struct sim_opened *slot_of(struct sim_world *world, const struct tamga_hash *hash)
{
    return &world->opened[(hash->byte[0] << 8 | hash->byte[1]) % SIM_OPENED];
}

enum tamga_err sim_vote_open(struct sim_world *world, const struct sim_node *node,
                             struct tamga_vote *out, struct tamga_span untrusted)
{
    const struct tamga_chain *chain = &node->home.chain;
    struct sim_opened *slot;
    struct tamga_hash hash;
    enum tamga_err err;

    tamga_sha256(&hash, untrusted);
    slot = slot_of(world, &hash);
    if (tamga_hash_equal(&slot->hash, &hash)) {
        out->link = slot->link;
        err = tamga_council_any(&out->validator, chain->council, tamga_hash_span(&slot->by.hash),
                                slot->link.target.height);
        return err == TAMGA_OK ? tamga_buf_set(&out->bytes, untrusted) : err;
    }
    err = tamga_vote_decode(out, chain, untrusted, NULL);
    if (err == TAMGA_OK)
        *slot = (struct sim_opened){hash, tamga_validator(chain, out->validator)->address,
                                    out->link};
    return err;
}

static void hash_word(struct tamga_hash *out, const struct sim_word *word)
{
    const struct tamga_checkpoint *checkpoint = &word->word.checkpoint;
    uint8_t head[16] = {0};
    struct tamga_span part[] = {
        tamga_span(head, sizeof head),
        tamga_hash_span(&checkpoint->at.id.hash),
        tamga_hash_span(&checkpoint->state_root),
        tamga_hash_span(&checkpoint->council),
        tamga_hash_span(&word->by.hash),
        tamga_span(word->word.signature.byte, word->word.signature.len)};

    tamga_put_u64(head, checkpoint->at.height);
    tamga_put_u64(head + 8, checkpoint->time_ms);
    tamga_sha256_parts(out, part, 6);
}

/* Whose seat it is here, and whether he signed it. */
static enum tamga_err open_word(struct sim_world *world, const struct sim_node *node,
                                const struct sim_word *untrusted,
                                struct tamga_cosignature *out)
{
    const struct tamga_chain *chain = &node->home.chain;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *message = NULL;
    struct tamga_cosignature packed = untrusted->word;
    struct tamga_checkpoint opened;
    struct sim_opened *slot;
    struct tamga_hash hash;
    size_t count;
    enum tamga_err err;

    err = tamga_council_any(&packed.validator, chain->council,
                            tamga_hash_span(&untrusted->by.hash), packed.checkpoint.at.height);
    if (err != TAMGA_OK)
        return err;
    *out = packed;
    hash_word(&hash, untrusted);
    slot = slot_of(world, &hash);
    if (tamga_hash_equal(&slot->hash, &hash))
        return TAMGA_OK;
    err = tamga_checkpoint_pack(&message, chain, &packed, 1);
    if (err == TAMGA_OK)
        err = tamga_checkpoint_open(&opened, NULL, &count, chain, message, NULL);
    if (err == TAMGA_OK)
        *slot = (struct sim_opened){.hash = hash};
    return err;
}

/* ---- what others say ---------------------------------------------------------------- */

/* Does a liar's vote meet one that this node holds and that conflicts with it? Then the
 * node has seen the lie, whatever its engine makes of it. */
static void watch(struct sim_world *world, struct sim_node *node, const struct tamga_vote *vote)
{
    const struct finality *finality = &node->engine->finality;
    const struct tamga_member *member = tamga_validator(&node->home.chain, vote->validator);
    int liar = sim_node_at(world, &member->address);

    if (!sim_honest(node) || sim_honest(&world->node[liar]))
        return;
    for (uint32_t i = 0; i < finality->voter_count; i++)
        for (size_t j = 0; j < finality->voter[i].count; j++)
            if (tamga_validator(&node->home.chain, i) == member &&
                sim_conflict(&finality->voter[i].at[j], &vote->link))
                node->caught |= 1u << liar;
}

static enum tamga_err run_vote(struct sim_world *world, struct sim_node *node,
                               struct tamga_span untrusted, bool *news)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote vote = {0};
    enum tamga_err err = sim_vote_open(world, node, &vote, untrusted);

    if (err != TAMGA_OK)
        return err;
    watch(world, node, &vote);
    return tamga_engine_add_vote(node->engine, &vote, sim_clock(world, node), news, NULL);
}

static enum tamga_err run_word(struct sim_world *world, struct sim_node *node,
                               const struct sim_word *untrusted, bool *news)
{
    struct tamga_cosignature word;
    enum tamga_err err = open_word(world, node, untrusted, &word);

    return err == TAMGA_OK ? tamga_engine_add_cosignature(node->engine, &word,
                                                          sim_clock(world, node), news, NULL)
                           : err;
}

static enum tamga_err run_evidence(struct sim_world *world, struct sim_node *node,
                                   const struct tamga_buf *pair)
{
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote first = {0};
    TAMGA_CLEANUP(tamga_vote_clear) struct tamga_vote second = {0};
    bool news;
    enum tamga_err err = sim_vote_open(world, node, &first, tamga_buf_span(&pair[0]));

    if (err == TAMGA_OK)
        err = sim_vote_open(world, node, &second, tamga_buf_span(&pair[1]));
    return err == TAMGA_OK
               ? tamga_engine_add_conflict(node->engine, &first, &second, &news)
               : err;
}

/* Whatever is refused here was a third one's lie, or is not known to us yet: the peer that
 * passed it on is not to blame. */
static enum tamga_err run_all(struct sim_world *world, struct sim_node *node,
                              struct sim_message *message)
{
    enum tamga_err err = TAMGA_OK;
    bool news;

    for (size_t i = 0; tamga_err_class(err) != TAMGA_CLASS_LOCAL && i < message->vote_count; i++)
        err = run_vote(world, node, tamga_buf_span(&message->vote[i]), &news);
    for (size_t i = 0; tamga_err_class(err) != TAMGA_CLASS_LOCAL && i < message->word_count; i++)
        err = run_word(world, node, &message->word[i], &news);
    for (size_t i = 0;
         tamga_err_class(err) != TAMGA_CLASS_LOCAL && i + 1 < message->evidence_count; i += 2)
        err = run_evidence(world, node, &message->evidence[i]);
    return tamga_err_class(err) == TAMGA_CLASS_LOCAL ? err : TAMGA_OK;
}

enum tamga_err sim_run_finality(struct sim_world *world, struct sim_node *node,
                                struct sim_message *message)
{
    if (message->kind == SIM_VOTE)
        return run_vote(world, node, tamga_buf_span(&message->vote[0]), &message->news);
    if (message->kind == SIM_WORD)
        return run_word(world, node, &message->word[0], &message->news);
    return run_all(world, node, message);
}

void sim_pass_on(struct sim_world *world, struct sim_node *node,
                 const struct sim_message *message)
{
    struct sim_message *passed = sim_message_new(message->kind, node->index, SIM_NOBODY);

    if (message->vote_count > 0)
        sim_message_vote(passed, tamga_buf_span(&message->vote[0]));
    if (message->word_count > 0)
        sim_message_word(passed, &message->word[0]);
    sim_gossip(world, passed);
}

/* ---- what this node says ------------------------------------------------------------ */

static bool may_sign(struct sim_world *world, struct sim_node *node)
{
    uint32_t quorum =
        tamga_quorum(&node->home.chain, tamga_engine_tip(node->engine)->tip.height);
    uint32_t told = (uint32_t)__builtin_popcount(node->told);

    if (node->evil_mute || sim_sabotage_mute(world, node))
        return false;
    if (!node->may_vote && (sim_sabotage_hasty(world, node) || told >= quorum - 1)) {
        node->may_vote = true;
        node->asks = false;
        tamga_engine_may_vote(node->engine, &node->address);
        sim_trace(world, "node %d may vote", node->index);
    }
    return node->may_vote;
}

static enum tamga_err sign_vote(struct sim_world *world, struct sim_node *node, bool *any)
{
    struct tamga_vote *vote = &node->vote[node->vote_count];
    struct tamga_link link;
    bool news;
    enum tamga_err err;

    if (node->vote_count == SIM_SIGNED_MAX || !tamga_engine_vote_due(node->engine, &link))
        return TAMGA_OK;
    err = tamga_vote_make(vote, &node->home.chain, &link, test_key(node->miner));
    if (err == TAMGA_OK)
        err = tamga_engine_add_vote(node->engine, vote, sim_clock(world, node), &news, NULL);
    if (err != TAMGA_OK) {
        tamga_vote_clear(vote);
        return err;
    }
    node->vote_count++;
    *any = true;
    return TAMGA_OK;
}

static enum tamga_err sign_word(struct sim_world *world, struct sim_node *node, bool *any)
{
    struct tamga_cosignature *word = &node->word[node->word_count];
    struct tamga_checkpoint checkpoint;
    bool news;
    enum tamga_err err;

    if (node->word_count == SIM_SIGNED_MAX ||
        !tamga_engine_cosignature_due(node->engine, &checkpoint))
        return TAMGA_OK;
    err = tamga_cosignature_make(word, &node->home.chain, &checkpoint, test_key(node->miner));
    if (err == TAMGA_OK)
        err = tamga_engine_add_cosignature(node->engine, word, sim_clock(world, node), &news,
                                           NULL);
    if (err != TAMGA_OK)
        return err;
    node->word_count++;
    *any = true;
    return TAMGA_OK;
}

enum tamga_err sim_sign(struct sim_world *world, struct sim_node *node)
{
    bool again = may_sign(world, node);
    enum tamga_err err = TAMGA_OK;

    /* A vote may make a block final, and a word complete a checkpoint. */
    for (size_t i = 0; err == TAMGA_OK && again && i < SIM_SIGNED_MAX; i++) {
        again = false;
        err = sign_vote(world, node, &again);
        if (err == TAMGA_OK)
            err = sign_word(world, node, &again);
    }
    if (tamga_err_class(err) == TAMGA_CLASS_REJECT && sim_honest(node)) {
        sim_broken(world, SIM_HONEST_VOTES, "node %d's engine refuses what it said is due: %s",
                   node->index, tamga_err_name(err));
        err = TAMGA_OK;
    }
    return err;
}

static void keep_for_replays(struct sim_world *world, struct tamga_span vote)
{
    if (tamga_buf_set(&world->replay[world->replays++ % SIM_REPLAYS], vote) != TAMGA_OK)
        abort();
}

static void add_word(struct sim_message *message, const struct sim_node *node,
                     const struct tamga_cosignature *word)
{
    const struct tamga_member *by = tamga_validator(&node->home.chain, word->validator);

    sim_message_word(message, &(struct sim_word){by->address, *word});
}

void sim_tell_signed(struct sim_world *world, struct sim_node *node)
{
    for (size_t i = 0; i < node->vote_count; i++) {
        struct sim_message *message = sim_message_new(SIM_VOTE, node->index, SIM_NOBODY);
        const struct tamga_link *link = &node->vote[i].link;

        sim_trace(world, "node %d votes %llu %s -> %llu %s", node->index,
                  (unsigned long long)link->source.height, sim_short(&link->source.id.hash),
                  (unsigned long long)link->target.height, sim_short(&link->target.id.hash));
        if (sim_honest(node))
            sim_check_sent(world, node, link);
        keep_for_replays(world, tamga_buf_span(&node->vote[i].bytes));
        world->result.votes++;
        sim_message_vote(message, tamga_buf_span(&node->vote[i].bytes));
        sim_gossip(world, message);
    }
    for (size_t i = 0; i < node->word_count; i++) {
        struct sim_message *message = sim_message_new(SIM_WORD, node->index, SIM_NOBODY);

        if (sim_honest(node))
            sim_said_add(world, &node->cosigned,
                         &(struct tamga_link){.target = node->word[i].checkpoint.at});
        add_word(message, node, &node->word[i]);
        sim_gossip(world, message);
    }
    sim_drop_signed(node);
}

void sim_drop_signed(struct sim_node *node)
{
    for (size_t i = 0; i < node->vote_count; i++)
        tamga_vote_clear(&node->vote[i]);
    node->vote_count = node->word_count = 0;
}

/* ---- what it shows ------------------------------------------------------------------ */

static bool show_vote(void *context, struct tamga_span encoded)
{
    struct sim_message *message = context;

    sim_message_vote(message, encoded);
    return message->vote_count < VOTES_PAGE;
}

static bool show_conflict(void *context, struct tamga_span encoded)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__VoteConflict *conflict = NULL;
    TAMGA_BUF first = {0};
    TAMGA_BUF second = {0};

    if (tamga_wire_unpack((ProtobufCMessage **)&conflict,
                          &tamga__v1__vote_conflict__descriptor, TAMGA_WIRE_CANONICAL, encoded,
                          NULL) != TAMGA_OK ||
        tamga_wire_pack(&first, &conflict->first->base) != TAMGA_OK ||
        tamga_wire_pack(&second, &conflict->second->base) != TAMGA_OK)
        abort(); /* what a store has was verified */
    sim_message_evidence(context, tamga_buf_span(&first));
    sim_message_evidence(context, tamga_buf_span(&second));
    return true;
}

void sim_tell_conflict(struct sim_world *world, struct sim_node *node,
                       const struct tamga_hash *validator)
{
    struct sim_message *message;
    TAMGA_BUF bytes = {0};

    if (tamga_view_get(&node->store->reader.view, TAMGA_FAMILY_CONFLICT,
                       tamga_hash_span(validator), &bytes) != TAMGA_OK)
        return;
    message = sim_message_new(SIM_CONFLICT, node->index, SIM_NOBODY);
    (void)show_conflict(message, tamga_buf_span(&bytes));
    sim_gossip(world, message);
}

/* The newest checkpoint as the words that it is made of. */
static void show_checkpoint(const struct sim_node *node, struct sim_message *message)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *checkpoint = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__CheckpointBody *body = NULL;
    struct sim_word word = {0};
    struct tamga_checkpoint *to = &word.word.checkpoint;
    TAMGA_BUF bytes = {0};

    if (tamga_query_checkpoint(&node->store->reader, 0, &bytes) != TAMGA_OK ||
        tamga_wire_unpack((ProtobufCMessage **)&checkpoint,
                          &tamga__v1__checkpoint__descriptor, TAMGA_WIRE_CANONICAL,
                          tamga_buf_span(&bytes), NULL) != TAMGA_OK ||
        tamga_wire_unpack((ProtobufCMessage **)&body, &tamga__v1__checkpoint_body__descriptor,
                          TAMGA_WIRE_CANONICAL, tamga_wire_span(checkpoint->body),
                          NULL) != TAMGA_OK)
        return;
    to->at.height = body->height;
    to->time_ms = body->time_ms;
    if (tamga_hash_from(&to->at.id.hash, tamga_wire_span(body->block)) != TAMGA_OK ||
        tamga_hash_from(&to->state_root, tamga_wire_span(body->state_root)) != TAMGA_OK ||
        (body->council.len > 0 &&
         tamga_hash_from(&to->council, tamga_wire_span(body->council)) != TAMGA_OK))
        abort();
    for (size_t i = 0; i < checkpoint->n_cosignatures; i++) {
        const Tamga__V1__Cosignature *one = checkpoint->cosignatures[i];

        if (tamga_hash_from(&word.by.hash, tamga_wire_span(one->validator)) != TAMGA_OK ||
            tamga_wire_signature(&word.word.signature, one->signature) != TAMGA_OK)
            abort();
        sim_message_word(message, &word);
    }
}

void sim_serve_finality(struct sim_world *world, struct sim_node *node,
                        const struct sim_message *request)
{
    struct sim_message *message = sim_message_new(SIM_FINALITY, node->index, request->from);
    struct tamga_cosignature word[SIM_NODES_MAX * COSIGNED_MAX];
    const struct tamga_reader *reader = &node->store->reader;
    size_t words;

    message->session = request->session;
    if (node->evil_mute) { /* it knows of nothing, it says */
        sim_send(world, message);
        return;
    }
    show_checkpoint(node, message);
    words = tamga_engine_words(node->engine, word, SIM_NODES_MAX * COSIGNED_MAX);
    for (size_t i = 0; i < words; i++)
        add_word(message, node, &word[i]);
    if (tamga_query_votes(reader, request->above, show_vote, message) == TAMGA_OK &&
        tamga_query_conflicts(reader, show_conflict, message) == TAMGA_OK)
        sim_send(world, message);
    else
        sim_message_free(message);
}
