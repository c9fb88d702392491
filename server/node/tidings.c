/*
 * Tidings: votes, cosignatures and evidence that others show, by gossip or by pull. Opened
 * and verified in the thread that heard them, then one letter for the loop. Knows where
 * none of it came from.
 */
#include <stdlib.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "node/node_internal.h"

/* ---- what was heard before --------------------------------------------------------- */

/* The digest of a message as our encoder writes it. */
static enum tamga_err digest_of(struct tamga_hash *out, const ProtobufCMessage *message)
{
    TAMGA_BUF bytes = {0};
    enum tamga_err err = tamga_wire_pack(&bytes, message);

    if (err == TAMGA_OK)
        tamga_sha256(out, tamga_buf_span(&bytes));
    return err;
}

static struct tamga_hash *slot_of(struct heard *heard, const struct tamga_hash *digest)
{
    return &heard->slot[tamga_get_u32(digest->byte) % HEARD_SLOTS];
}

bool heard_before(struct heard *heard, const struct tamga_hash *digest)
{
    bool equal;

    pthread_mutex_lock(&heard->lock);
    equal = tamga_hash_equal(slot_of(heard, digest), digest);
    pthread_mutex_unlock(&heard->lock);
    return equal;
}

void heard_remember(struct heard *heard, const struct tamga_hash *digest)
{
    pthread_mutex_lock(&heard->lock);
    *slot_of(heard, digest) = *digest;
    pthread_mutex_unlock(&heard->lock);
}

/* ---- opening ------------------------------------------------------------------------ */

/* Room for `more` at the end of a list of `count`. */
static enum tamga_err reserve(void **list, size_t *cap, size_t count, size_t more, size_t size)
{
    size_t wanted = *cap == 0 ? 16 : *cap;
    void *grown;

    while (wanted < count + more)
        wanted *= 2;
    if (wanted == *cap)
        return TAMGA_OK;
    grown = realloc(*list, wanted * size);
    if (grown == NULL)
        return TAMGA_E_NO_MEMORY;
    *list = grown;
    *cap = wanted;
    return TAMGA_OK;
}

enum tamga_err tidings_add_vote(struct tidings *tidings, struct tamga_node *node,
                                const Tamga__V1__Signed *untrusted,
                                struct tamga_detail *detail)
{
    struct told_vote told = {0};
    enum tamga_err err;

    if (untrusted == NULL)
        return TAMGA_E_MISSING_FIELD;
    err = digest_of(&told.digest, &untrusted->base);
    if (err != TAMGA_OK || heard_before(&node->heard, &told.digest))
        return err;
    err = reserve((void **)&tidings->vote, &tidings->vote_cap, tidings->vote_count, 1,
                  sizeof told);
    if (err == TAMGA_OK)
        err = tamga_vote_open(&told.vote, node->chain, untrusted, detail);
    if (err == TAMGA_OK)
        tidings->vote[tidings->vote_count++] = told;
    return err;
}

enum tamga_err tidings_add_checkpoint(struct tidings *tidings, struct tamga_node *node,
                                      const Tamga__V1__Checkpoint *untrusted,
                                      struct tamga_detail *detail)
{
    struct tamga_cosignature cosignature[TAMGA_VALIDATORS_MAX];
    struct tamga_checkpoint checkpoint;
    struct tamga_hash digest;
    size_t count = 0;
    enum tamga_err err;

    if (untrusted == NULL)
        return TAMGA_E_MISSING_FIELD;
    err = digest_of(&digest, &untrusted->base);
    if (err != TAMGA_OK || heard_before(&node->heard, &digest))
        return err;
    err = tamga_checkpoint_open(&checkpoint, cosignature, &count, node->chain, untrusted,
                                detail);
    if (err == TAMGA_OK)
        err = reserve((void **)&tidings->word, &tidings->word_cap, tidings->word_count, count,
                      sizeof *tidings->word);
    for (size_t i = 0; err == TAMGA_OK && i < count; i++)
        tidings->word[tidings->word_count++] =
            (struct told_word){.cosignature = cosignature[i], .digest = digest};
    return err;
}

enum tamga_err tidings_add_conflict(struct tidings *tidings, struct tamga_node *node,
                                    const Tamga__V1__VoteConflict *untrusted,
                                    struct tamga_detail *detail)
{
    struct told_conflict told = {0};
    enum tamga_err err;

    if (untrusted == NULL || untrusted->first == NULL || untrusted->second == NULL)
        return TAMGA_E_MISSING_FIELD;
    err = digest_of(&told.digest, &untrusted->base);
    if (err != TAMGA_OK || heard_before(&node->heard, &told.digest))
        return err;
    err = reserve((void **)&tidings->conflict, &tidings->conflict_cap, tidings->conflict_count,
                  1, sizeof told);
    if (err == TAMGA_OK)
        err = tamga_vote_open(&told.first, node->chain, untrusted->first, detail);
    if (err == TAMGA_OK)
        err = tamga_vote_open(&told.second, node->chain, untrusted->second, detail);
    if (err == TAMGA_OK && (told.first.validator != told.second.validator ||
                            tamga_link_conflict(&told.first.link, &told.second.link) == TAMGA_OK))
        err = tamga_refuse(detail, TAMGA_E_BAD_VALUE, "evidence of two votes that agree");
    if (err != TAMGA_OK) {
        tamga_vote_clear(&told.first);
        tamga_vote_clear(&told.second);
        return err;
    }
    tidings->conflict[tidings->conflict_count++] = told;
    return TAMGA_OK;
}

bool tidings_empty(const struct tidings *tidings)
{
    return tidings->vote_count + tidings->word_count + tidings->conflict_count == 0;
}

void tidings_clear(struct tidings *tidings)
{
    for (size_t i = 0; i < tidings->vote_count; i++)
        tamga_vote_clear(&tidings->vote[i].vote);
    for (size_t i = 0; i < tidings->conflict_count; i++) {
        tamga_vote_clear(&tidings->conflict[i].first);
        tamga_vote_clear(&tidings->conflict[i].second);
    }
    free(tidings->vote);
    free(tidings->word);
    free(tidings->conflict);
    *tidings = (struct tidings){0};
}

/* ---- on the loop's thread ----------------------------------------------------------- */

/* The engine's verdict on one thing. What waits for a block is heard again; everything else
 * was said for good. Returns the failures of this machine only. */
static enum tamga_err settle(struct tamga_node *node, struct tidings *tidings,
                             enum tamga_err verdict, const char *what,
                             const struct tamga_hash *digest)
{
    struct tamga_detail *detail = &tidings->letter.detail;

    switch (tamga_err_class(verdict)) {
    case TAMGA_CLASS_LOCAL:
        return verdict;
    case TAMGA_CLASS_LATER:
        tidings->missing = true;
        break;
    case TAMGA_CLASS_REJECT:
        tamga_log(TAMGA_LOG_DEBUG, "finality.refused", "%s: %s (%s) %s", what,
                  tamga_err_text(verdict), tamga_err_name(verdict), detail->text);
        heard_remember(&node->heard, digest);
        break;
    case TAMGA_CLASS_OK:
        heard_remember(&node->heard, digest);
        break;
    }
    detail->text[0] = '\0'; /* the next one has its own */
    return TAMGA_OK;
}

enum tamga_err tidings_run(struct tamga_node *node, struct letter *letter, uint64_t now_ms)
{
    struct tidings *tidings = (struct tidings *)letter;
    struct tamga_detail *detail = &letter->detail;
    struct tamga_engine *engine = node->engine;
    enum tamga_err err = TAMGA_OK;
    bool news;

    for (size_t i = 0; err == TAMGA_OK && i < tidings->conflict_count; i++) {
        struct told_conflict *told = &tidings->conflict[i];

        err = tamga_engine_add_conflict(engine, &told->first, &told->second, &news);
        err = settle(node, tidings, err, "evidence", &told->digest);
    }
    for (size_t i = 0; err == TAMGA_OK && i < tidings->vote_count; i++) {
        struct told_vote *told = &tidings->vote[i];

        err = tamga_engine_add_vote(engine, &told->vote, now_ms, &told->news, detail);
        err = settle(node, tidings, err, "vote", &told->digest);
    }
    for (size_t i = 0; err == TAMGA_OK && i < tidings->word_count; i++) {
        struct told_word *told = &tidings->word[i];

        err = tamga_engine_add_cosignature(engine, &told->cosignature, now_ms, &told->news,
                                           detail);
        node->finality.words_changed = node->finality.words_changed || told->news;
        err = settle(node, tidings, err, "cosignature", &told->digest);
    }
    return err;
}

void tidings_pass_on(struct tamga_node *node, const struct tidings *tidings)
{
    for (size_t i = 0; i < tidings->vote_count; i++)
        if (tidings->vote[i].news)
            broadcast_vote(node, tamga_buf_span(&tidings->vote[i].vote.bytes));
    for (size_t i = 0; i < tidings->word_count; i++)
        if (tidings->word[i].news)
            broadcast_cosignature(node, &tidings->word[i].cosignature);
}
