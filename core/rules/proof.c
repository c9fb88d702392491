/*
 * Checks what somebody shows against a checkpoint, one thing after the other; the first
 * that fails is told. Knows no store, no clock and no connection.
 */
#include "rules/proof.h"

#include <inttypes.h>
#include <stdio.h>

#include "chain/state_map.h"
#include "merkle/tree.h"
#include "wire/wire.h"

#define PATH_MAX_NODES 32 /* as the wire allows */

/* ---- an entry's place in a block -------------------------------------------------- */

static enum tamga_err check_path(const struct tamga_header *header,
                                 const Tamga__V1__Inclusion *untrusted,
                                 struct tamga_detail *detail)
{
    struct tamga_hash path[PATH_MAX_NODES], leaf;

    if (untrusted->n_path > PATH_MAX_NODES)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "audit path of %zu nodes",
                            untrusted->n_path);
    for (size_t i = 0; i < untrusted->n_path; i++)
        if (tamga_hash_from(&path[i], tamga_wire_span(untrusted->path[i])) != TAMGA_OK)
            return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "node %zu of the audit path", i);
    tamga_merkle_leaf(&leaf, tamga_wire_span(untrusted->entry));
    return tamga_merkle_check_inclusion(&header->body_root, header->entry_count, &leaf,
                                        untrusted->index, path, untrusted->n_path);
}

enum tamga_err tamga_inclusion_check(const struct tamga_chain *chain,
                                     const struct tamga_header *header,
                                     const struct tamga_item *item,
                                     const Tamga__V1__Inclusion *untrusted,
                                     struct tamga_detail *detail)
{
    TAMGA_BUF leaf = {0};
    enum tamga_err err = chain->rules->entry(item, &leaf);

    if (err != TAMGA_OK)
        return err;
    if (!tamga_span_equal(tamga_buf_span(&leaf), tamga_wire_span(untrusted->entry)))
        return tamga_refuse(detail, TAMGA_E_BAD_COMMITMENT,
                            "the leaf shown is not the one of this entry");
    return check_path(header, untrusted, detail);
}

/* ---- whose key it is, and was -------------------------------------------------------- */

enum tamga_err tamga_standing_read(struct tamga_standing *out, struct tamga_span value,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateMember *member = NULL;
    enum tamga_err err;

    if (value.len == 0)
        return tamga_refuse(detail, TAMGA_E_NOT_MEMBER, "the state knows no such key");
    err = tamga_wire_unpack((ProtobufCMessage **)&member, &tamga__v1__state_member__descriptor,
                            TAMGA_WIRE_CANONICAL, value, detail);
    if (err != TAMGA_OK)
        return err;
    *out = (struct tamga_standing){.roles = 0};
    snprintf(out->name, sizeof out->name, "%s", member->name);
    for (size_t i = 0; i < member->n_spans; i++)
        out->roles |= member->spans[i]->roles;
    return TAMGA_OK;
}

enum tamga_err tamga_standing_check(struct tamga_standing *out,
                                    const struct tamga_hash *state_root,
                                    const struct tamga_address *address,
                                    const Tamga__V1__StateProof *untrusted,
                                    struct tamga_detail *detail)
{
    struct tamga_span value = {0};
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_member(&key, address);
    err = tamga_state_proof_check(&value, state_root, &key, untrusted, detail);
    return err == TAMGA_OK ? tamga_standing_read(out, value, detail) : err;
}

enum tamga_err tamga_publisher_check(const struct tamga_standing *sender,
                                     const Tamga__V1__Release *release,
                                     struct tamga_detail *detail)
{
    bool provider = (sender->roles & TAMGA__V1__ROLE__ROLE_PROVIDER) != 0;

    if (!provider && (sender->roles & TAMGA__V1__ROLE__ROLE_OEM) == 0)
        return (sender->roles & TAMGA__V1__ROLE__ROLE_GATEWAY) != 0
                   ? tamga_refuse(detail, TAMGA_E_GATEWAY_SENDER, "%s is a gateway",
                                  sender->name)
                   : tamga_refuse(detail, TAMGA_E_NOT_PRODUCER,
                                  "%s is neither OEM nor provider", sender->name);
    if (!provider && strcmp(sender->name, release->producer) != 0)
        return tamga_refuse(detail, TAMGA_E_NOT_AUTHORIZED, "OEM %s releases for %s/%s",
                            sender->name, release->producer, release->model);
    return TAMGA_OK;
}

/* ---- the newest release ----------------------------------------------------------- */

/* The exact encoding is what rules judge; a Signed has one only. */
static enum tamga_err decode_release(struct tamga_item *out,
                                     const struct tamga_chain *consortium,
                                     const Tamga__V1__Signed *untrusted,
                                     struct tamga_detail *detail)
{
    TAMGA_BUF bytes = {0};
    enum tamga_err err = tamga_wire_pack(&bytes, &untrusted->base);

    if (err == TAMGA_OK)
        err = consortium->rules->decode(consortium, out, tamga_buf_span(&bytes), detail);
    if (err == TAMGA_OK && tamga_item_release(out) == NULL)
        err = tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "the transaction shown is no release");
    if (err == TAMGA_OK)
        err = consortium->rules->verify(consortium, out, detail);
    out->verified = err == TAMGA_OK;
    return err;
}

static enum tamga_err check_newest(bool *withdrawn, const struct tamga_item *item,
                                   struct tamga_span latest, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateLatest *state = NULL;
    enum tamga_err err =
        tamga_wire_unpack((ProtobufCMessage **)&state, &tamga__v1__state_latest__descriptor,
                          TAMGA_WIRE_CANONICAL, latest, detail);

    if (err != TAMGA_OK)
        return err;
    if (!tamga_span_equal(tamga_wire_span(state->release), tamga_hash_span(&item->id.hash)) ||
        state->counter != tamga_item_release(item)->counter)
        return tamga_refuse(detail, TAMGA_E_NOT_NEWEST,
                            "counter %" PRIu64 "; the newest release has %" PRIu64,
                            tamga_item_release(item)->counter, state->counter);
    *withdrawn = state->withdrawn;
    return TAMGA_OK;
}

/* What is asked for, and under which root. */
struct question {
    const char *producer, *model;
    const struct tamga_hash *state_root;
};

static enum tamga_err check_sender(const struct tamga_item *item,
                                   const struct question *question,
                                   const Tamga__V1__StateProof *untrusted,
                                   struct tamga_detail *detail)
{
    struct tamga_standing sender;
    enum tamga_err err = tamga_standing_check(&sender, question->state_root, &item->sender,
                                              untrusted, detail);

    return err == TAMGA_OK ? tamga_publisher_check(&sender, tamga_item_release(item), detail) : err;
}

static enum tamga_err check_release(struct tamga_item *out, bool *withdrawn,
                                    const struct tamga_chain *consortium,
                                    const Tamga__V1__ReleaseProof *untrusted,
                                    const struct question *question, struct tamga_span latest,
                                    struct tamga_detail *detail)
{
    const Tamga__V1__Release *release;
    enum tamga_err err;

    if (untrusted->transaction == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD,
                            "%s/%s has a release, and none is shown", question->producer,
                            question->model);
    err = decode_release(out, consortium, untrusted->transaction, detail);
    if (err == TAMGA_OK)
        err = check_sender(out, question, untrusted->member, detail);
    if (err != TAMGA_OK)
        return err;
    release = tamga_item_release(out);
    if (strcmp(release->producer, question->producer) != 0 ||
        strcmp(release->model, question->model) != 0)
        return tamga_refuse(detail, TAMGA_E_MODEL_MISMATCH, "for %s/%s; asked for %s/%s",
                            release->producer, release->model, question->producer,
                            question->model);
    return check_newest(withdrawn, out, latest, detail);
}

enum tamga_err tamga_release_proof_check(struct tamga_item *item, bool *withdrawn,
                                         struct tamga_checkpoint *checkpoint,
                                         const struct tamga_chain *consortium,
                                         const Tamga__V1__ReleaseProof *untrusted,
                                         const char *producer, const char *model,
                                         const struct tamga_checkpoint *trusted,
                                         struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item release = {0};
    struct tamga_checkpoint shown;
    struct question question = {producer, model, &shown.state_root};
    struct tamga_span latest = {0};
    struct tamga_hash key;
    bool gone = false;
    enum tamga_err err;

    tamga_item_clear(item);
    if (untrusted == NULL || untrusted->checkpoint == NULL || untrusted->latest == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD,
                            "proof, its checkpoint or its state proof is absent");
    err = tamga_council_steps(consortium, untrusted->councils, untrusted->n_councils, detail);
    if (err == TAMGA_OK)
        err = tamga_checkpoint_verify(&shown, consortium, untrusted->checkpoint, trusted, detail);
    if (err == TAMGA_OK)
        err = tamga_council_is(consortium, &shown, detail);
    if (err != TAMGA_OK)
        return err;
    tamga_key_latest(&key, producer, model);
    err = tamga_state_proof_check(&latest, &shown.state_root, &key, untrusted->latest, detail);
    if (err == TAMGA_OK && latest.len > 0)
        err = check_release(&release, &gone, consortium, untrusted, &question, latest, detail);
    else if (err == TAMGA_OK && untrusted->transaction != NULL)
        err = tamga_refuse(detail, TAMGA_E_NOT_NEWEST,
                           "%s/%s has no release, yet one is shown", producer, model);
    if (err != TAMGA_OK)
        return err;
    tamga_item_move(item, &release);
    *withdrawn = gone;
    *checkpoint = shown;
    return TAMGA_OK;
}

/* ---- an entry below a checkpoint -------------------------------------------------- */

static enum tamga_err decode_header(struct tamga_header *out, const struct tamga_chain *chain,
                                    ProtobufCBinaryData untrusted, struct tamga_detail *detail)
{
    enum tamga_err err = tamga_header_decode(out, tamga_wire_span(untrusted));

    if (err != TAMGA_OK)
        return tamga_refuse(detail, err, "header of %zu bytes; must be %d", untrusted.len,
                            TAMGA_HEADER_BYTES);
    if (!tamga_hash_equal(&out->chain.hash, &chain->id.hash))
        return tamga_refuse(detail, TAMGA_E_PROOF_HEADERS, "a header is of another chain");
    return TAMGA_OK;
}

static bool is_of(const struct tamga_checkpoint *checkpoint, const struct tamga_header *header,
                  const struct tamga_block_id *id)
{
    return tamga_hash_equal(&checkpoint->at.id.hash, &id->hash) &&
           checkpoint->at.height == header->height && checkpoint->time_ms == header->time_ms &&
           tamga_hash_equal(&checkpoint->state_root, &header->state_root);
}

/*
 * From the entry's block up to the checkpoint's. Neither work nor seals are asked for: a
 * quorum said that the last one is final, which no validator says before it has judged
 * every block below, and an id cannot be had for any other header. So nothing that could
 * be put in between would be one whit truer for having work and a seal.
 */
static enum tamga_err check_headers(struct tamga_header *out, const struct tamga_chain *chain,
                                    const Tamga__V1__EntryProof *untrusted,
                                    const struct tamga_checkpoint *checkpoint,
                                    struct tamga_detail *detail)
{
    struct tamga_header first, last, next;
    struct tamga_block_id id;
    enum tamga_err err =
        decode_header(&first, chain, untrusted->inclusion->sealed->header, detail);

    if (err != TAMGA_OK)
        return err;
    last = first;
    tamga_header_id(&id, &last);
    for (size_t i = 0; i < untrusted->n_headers; i++) {
        err = decode_header(&next, chain, untrusted->headers[i], detail);
        if (err != TAMGA_OK)
            return err;
        if (!tamga_hash_equal(&next.parent.hash, &id.hash) || next.height != last.height + 1)
            return tamga_refuse(detail, TAMGA_E_PROOF_HEADERS,
                                "header %zu does not follow on the one before", i);
        last = next;
        tamga_header_id(&id, &last);
    }
    if (!is_of(checkpoint, &last, &id))
        return tamga_refuse(detail, TAMGA_E_PROOF_HEADERS,
                            "they end at height %" PRIu64 ", not in the checkpoint's block"
                            " of height %" PRIu64, last.height, checkpoint->at.height);
    *out = first;
    return TAMGA_OK;
}

static bool is_whole(const Tamga__V1__EntryProof *proof)
{
    return proof != NULL && proof->checkpoint != NULL && proof->inclusion != NULL &&
           proof->inclusion->sealed != NULL && proof->inclusion->sealed->header.len > 0 &&
           proof->payload.len > 0;
}

enum tamga_err tamga_entry_proof_check(struct tamga_item *item, struct tamga_header *header,
                                       struct tamga_checkpoint *checkpoint,
                                       const struct tamga_chain *chain,
                                       const Tamga__V1__EntryProof *untrusted,
                                       const struct tamga_checkpoint *trusted,
                                       struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item entry = {0};
    struct tamga_checkpoint shown;
    struct tamga_header block;
    enum tamga_err err;

    tamga_item_clear(item);
    if (!is_whole(untrusted))
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD,
                            "proof, its checkpoint, inclusion, header or payload is absent");
    err = tamga_checkpoint_verify(&shown, chain, untrusted->checkpoint, trusted, detail);
    if (err == TAMGA_OK)
        err = check_headers(&block, chain, untrusted, &shown, detail);
    if (err == TAMGA_OK)
        err = chain->rules->decode(chain, &entry, tamga_wire_span(untrusted->payload), detail);
    if (err == TAMGA_OK)
        err = tamga_inclusion_check(chain, &block, &entry, untrusted->inclusion, detail);
    if (err == TAMGA_OK)
        err = chain->rules->verify(chain, &entry, detail);
    if (err != TAMGA_OK)
        return err;
    entry.verified = true;
    tamga_item_move(item, &entry);
    *header = block;
    *checkpoint = shown;
    return TAMGA_OK;
}
