/*
 * Votes and checkpoints: made, opened, verified. Knows who may sign and what the signed
 * bytes say; never which blocks there are, nor what follows from a vote.
 */
#include "chain/vote.h"

#include <assert.h>
#include <inttypes.h>

#include "crypto/hash.h"

/* ---- links and validators --------------------------------------------------------- */

bool tamga_point_equal(const struct tamga_point *a, const struct tamga_point *b)
{
    return a->height == b->height && tamga_hash_equal(&a->id.hash, &b->id.hash);
}

/* Does `outer` begin before `inner` does and end after it? */
static bool surrounds(const struct tamga_link *outer, const struct tamga_link *inner)
{
    return outer->source.height < inner->source.height &&
           inner->target.height < outer->target.height;
}

enum tamga_err tamga_link_conflict(const struct tamga_link *a, const struct tamga_link *b)
{
    if (tamga_point_equal(&a->source, &b->source) && tamga_point_equal(&a->target, &b->target))
        return TAMGA_OK;
    if (a->target.height == b->target.height)
        return TAMGA_E_VOTE_TWICE;
    return surrounds(a, b) || surrounds(b, a) ? TAMGA_E_VOTE_SURROUNDS : TAMGA_OK;
}

enum tamga_err tamga_validator_find(uint32_t *out, const struct tamga_chain *chain,
                                    struct tamga_span address, uint64_t height)
{
    return tamga_council_find(out, chain->council, address, height);
}

/* Whose key this is, at the height that is signed for. */
static enum tamga_err find_signer(uint32_t *out, const struct tamga_chain *chain,
                                  const struct tamga_private_key *key, uint64_t height)
{
    struct tamga_address address;

    tamga_public_key_address(tamga_private_key_public(key), &address);
    return tamga_validator_find(out, chain, tamga_hash_span(&address.hash), height);
}

/* Whose seat holds at the height; where an engine judges, that had or will have one: it knows
 * whose holds on the block's own branch. */
static enum tamga_err find_signatory(uint32_t *out, const struct tamga_chain *chain,
                                     struct tamga_span address, uint64_t height)
{
    return chain->council->horizon != UINT64_MAX
               ? tamga_council_any(out, chain->council, address, height)
               : tamga_council_find(out, chain->council, address, height);
}

/* ---- votes ------------------------------------------------------------------------ */

void tamga_vote_clear(struct tamga_vote *vote)
{
    tamga_buf_clear(&vote->bytes);
    *vote = (struct tamga_vote){0};
}

static enum tamga_err check_link(const struct tamga_link *link, struct tamga_detail *detail)
{
    if (link->target.height <= link->source.height)
        return tamga_refuse(detail, TAMGA_E_BAD_VOTE,
                            "from height %" PRIu64 " to height %" PRIu64,
                            link->source.height, link->target.height);
    return TAMGA_OK;
}

static enum tamga_err read_link(struct tamga_link *out, const Tamga__V1__VoteBody *body,
                                struct tamga_detail *detail)
{
    struct tamga_link link = {.source.height = body->source_height,
                              .target.height = body->target_height};

    if (body->validator.len != TAMGA_HASH_BYTES ||
        tamga_hash_from(&link.source.id.hash, tamga_wire_span(body->source)) != TAMGA_OK ||
        tamga_hash_from(&link.target.id.hash, tamga_wire_span(body->target)) != TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH,
                            "vote's validator, source and target must have 32 bytes each");
    *out = link;
    return TAMGA_OK;
}

static enum tamga_err find_voter(uint32_t *out, const struct tamga_chain *chain,
                                 ProtobufCBinaryData address, uint64_t height,
                                 struct tamga_detail *detail)
{
    enum tamga_err err = find_signatory(out, chain, tamga_wire_span(address), height);

    return err == TAMGA_OK
               ? TAMGA_OK
               : tamga_refuse(detail, err,
                              "voter is none of the %" PRIu32 " validators of the %s chain",
                              tamga_council_size(chain->council, height), chain->rules->name);
}

enum tamga_err tamga_vote_open(struct tamga_vote *out, const struct tamga_chain *chain,
                               const Tamga__V1__Signed *untrusted, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__VoteBody *body = NULL;
    TAMGA_BUF bytes = {0};
    struct tamga_link link = {0};
    struct tamga_hash id;
    uint32_t validator = 0;
    enum tamga_err err =
        tamga_signed_open(&id, (ProtobufCMessage **)&body, untrusted, TAMGA_DOMAIN_VOTE,
                          &chain->id, &tamga__v1__vote_body__descriptor, detail);

    if (err == TAMGA_OK)
        err = read_link(&link, body, detail);
    if (err == TAMGA_OK)
        err = find_voter(&validator, chain, body->validator, link.target.height, detail);
    if (err == TAMGA_OK)
        err = check_link(&link, detail);
    if (err != TAMGA_OK)
        return err;
    if (tamga_signed_verify(untrusted, &id, tamga_validator(chain, validator)->key) != TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_BAD_SIGNATURE, "the vote is not %s's own",
                            tamga_validator(chain, validator)->name);
    err = tamga_wire_pack(&bytes, &untrusted->base); /* a Signed has one encoding only */
    if (err != TAMGA_OK)
        return err;
    out->validator = validator;
    out->link = link;
    tamga_buf_move(&out->bytes, &bytes);
    return TAMGA_OK;
}

enum tamga_err tamga_vote_decode(struct tamga_vote *out, const struct tamga_chain *chain,
                                 struct tamga_span untrusted, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    enum tamga_err err =
        tamga_wire_unpack((ProtobufCMessage **)&message, &tamga__v1__signed__descriptor,
                          TAMGA_WIRE_CANONICAL, untrusted, detail);

    return err == TAMGA_OK ? tamga_vote_open(out, chain, message, detail) : err;
}

enum tamga_err tamga_vote_make(struct tamga_vote *out, const struct tamga_chain *chain,
                               const struct tamga_link *link,
                               const struct tamga_private_key *key)
{
    Tamga__V1__VoteBody body = TAMGA__V1__VOTE_BODY__INIT;
    TAMGA_BUF bytes = {0};
    uint32_t validator = 0;
    enum tamga_err err = find_signer(&validator, chain, key, link->target.height);

    if (err == TAMGA_OK)
        err = check_link(link, NULL);
    if (err != TAMGA_OK)
        return err;
    body.validator =
        tamga_wire_bytes(tamga_hash_span(&tamga_validator(chain, validator)->address.hash));
    body.source_height = link->source.height;
    body.source = tamga_wire_bytes(tamga_hash_span(&link->source.id.hash));
    body.target_height = link->target.height;
    body.target = tamga_wire_bytes(tamga_hash_span(&link->target.id.hash));
    err = tamga_signed_make(&bytes, NULL, &body.base, TAMGA_DOMAIN_VOTE, &chain->id, key);
    if (err != TAMGA_OK)
        return err;
    out->validator = validator;
    out->link = *link;
    tamga_buf_move(&out->bytes, &bytes);
    return TAMGA_OK;
}

/* ---- checkpoints, made ------------------------------------------------------------ */

static enum tamga_err encode_body(struct tamga_buf *out,
                                  const struct tamga_checkpoint *checkpoint)
{
    Tamga__V1__CheckpointBody body = TAMGA__V1__CHECKPOINT_BODY__INIT;

    body.height = checkpoint->at.height;
    body.block = tamga_wire_bytes(tamga_hash_span(&checkpoint->at.id.hash));
    body.state_root = tamga_wire_bytes(tamga_hash_span(&checkpoint->state_root));
    body.time_ms = checkpoint->time_ms;
    if (!tamga_hash_is_zero(&checkpoint->council))
        body.council = tamga_wire_bytes(tamga_hash_span(&checkpoint->council));
    return tamga_wire_pack(out, &body.base);
}

enum tamga_err tamga_checkpoint_digest(struct tamga_hash *out, const struct tamga_chain *chain,
                                       const struct tamga_checkpoint *checkpoint)
{
    TAMGA_BUF body = {0};
    enum tamga_err err = encode_body(&body, checkpoint);

    if (err != TAMGA_OK)
        return err;
    tamga_domain_hash(out, TAMGA_DOMAIN_CHECKPOINT, &chain->id, tamga_buf_span(&body));
    return TAMGA_OK;
}

enum tamga_err tamga_cosignature_make(struct tamga_cosignature *out,
                                      const struct tamga_chain *chain,
                                      const struct tamga_checkpoint *checkpoint,
                                      const struct tamga_private_key *key)
{
    struct tamga_cosignature made = {.checkpoint = *checkpoint};
    struct tamga_hash digest;
    enum tamga_err err = find_signer(&made.validator, chain, key, checkpoint->at.height);

    if (err == TAMGA_OK)
        err = tamga_checkpoint_digest(&digest, chain, checkpoint);
    if (err == TAMGA_OK)
        err = tamga_private_key_sign(key, &digest, &made.signature);
    if (err == TAMGA_OK)
        *out = made;
    return err;
}

static bool same_checkpoint(const struct tamga_checkpoint *a, const struct tamga_checkpoint *b)
{
    return tamga_point_equal(&a->at, &b->at) && a->time_ms == b->time_ms &&
           tamga_hash_equal(&a->state_root, &b->state_root) &&
           tamga_hash_equal(&a->council, &b->council);
}

static struct tamga_span address_of(const struct tamga_chain *chain, uint32_t validator)
{
    return tamga_hash_span(&tamga_validator(chain, validator)->address.hash);
}

/* By address; there are few. */
static void sort_cosignatures(const struct tamga_chain *chain,
                              struct tamga_cosignature *cosignature, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct tamga_cosignature one = cosignature[i];
        size_t at = i;

        assert(same_checkpoint(&one.checkpoint, &cosignature[0].checkpoint));
        for (; at > 0 && tamga_span_compare(address_of(chain, one.validator),
                                            address_of(chain, cosignature[at - 1].validator)) < 0;
             at--)
            cosignature[at] = cosignature[at - 1];
        cosignature[at] = one;
    }
    for (size_t i = 1; i < count; i++)
        assert(cosignature[i].validator != cosignature[i - 1].validator);
}

enum tamga_err tamga_checkpoint_pack(Tamga__V1__Checkpoint **out,
                                     const struct tamga_chain *chain,
                                     struct tamga_cosignature *cosignature, size_t count)
{
    Tamga__V1__Checkpoint message = TAMGA__V1__CHECKPOINT__INIT;
    Tamga__V1__Cosignature item[TAMGA_VALIDATORS_MAX], *list[TAMGA_VALIDATORS_MAX];
    Tamga__V1__Signature signature[TAMGA_VALIDATORS_MAX];
    TAMGA_BUF body = {0};
    TAMGA_BUF bytes = {0};
    enum tamga_err err;

    assert(count >= 1 && count <= TAMGA_VALIDATORS_MAX);
    sort_cosignatures(chain, cosignature, count);
    err = encode_body(&body, &cosignature[0].checkpoint);
    if (err != TAMGA_OK)
        return err;
    for (size_t i = 0; i < count; i++) {
        signature[i] = tamga_wire_signature_of(&cosignature[i].signature);
        tamga__v1__cosignature__init(&item[i]);
        item[i].validator = tamga_wire_bytes(address_of(chain, cosignature[i].validator));
        item[i].signature = &signature[i];
        list[i] = &item[i];
    }
    message.body = tamga_wire_bytes(tamga_buf_span(&body));
    message.n_cosignatures = count;
    message.cosignatures = list;
    err = tamga_wire_pack(&bytes, &message.base);
    /* Through the bytes to a message that owns all of its parts. */
    return err == TAMGA_OK ? tamga_wire_unpack((ProtobufCMessage **)out,
                                               &tamga__v1__checkpoint__descriptor,
                                               TAMGA_WIRE_CANONICAL, tamga_buf_span(&bytes),
                                               NULL)
                           : err;
}

/* ---- checkpoints, believed -------------------------------------------------------- */

static enum tamga_err read_body(struct tamga_checkpoint *out, ProtobufCBinaryData untrusted,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__CheckpointBody *body = NULL;
    enum tamga_err err = tamga_wire_unpack(
        (ProtobufCMessage **)&body, &tamga__v1__checkpoint_body__descriptor,
        TAMGA_WIRE_CANONICAL, tamga_wire_span(untrusted), detail);

    if (err != TAMGA_OK)
        return err;
    if (tamga_hash_from(&out->at.id.hash, tamga_wire_span(body->block)) != TAMGA_OK ||
        tamga_hash_from(&out->state_root, tamga_wire_span(body->state_root)) != TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH,
                            "checkpoint's block and state root must have 32 bytes each");
    if (body->council.len != 0 &&
        tamga_hash_from(&out->council, tamga_wire_span(body->council)) != TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH,
                            "checkpoint's council must have 32 bytes, or none");
    out->at.height = body->height;
    out->time_ms = body->time_ms;
    return TAMGA_OK;
}

static enum tamga_err refuse_cosigner(const struct tamga_chain *chain,
                                      struct tamga_span address, uint64_t height,
                                      struct tamga_detail *detail)
{
    uint32_t size = tamga_council_size(chain->council, height);

    if (tamga_council_stranger(chain->council, height) == TAMGA_E_UNKNOWN_BLOCK)
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_BLOCK,
                            "who the validators at height %" PRIu64 " are is not known yet",
                            height);
    if (tamga_council_knew(chain->council, address))
        return tamga_refuse(detail, TAMGA_E_COSIGNER_REVOKED,
                            "cosigner is none of the %" PRIu32 " validators at height %" PRIu64
                            ", but was one or will be",
                            size, height);
    return tamga_refuse(detail, TAMGA_E_NOT_VALIDATOR,
                        "cosigner is none of the %" PRIu32 " validators of the %s chain", size,
                        chain->rules->name);
}

/* Who this is; cosigners stand in the order of their addresses, `before` is the last one's. */
static enum tamga_err find_cosigner(uint32_t *out, const struct tamga_chain *chain,
                                    const Tamga__V1__Cosignature *untrusted,
                                    struct tamga_span before, uint64_t height,
                                    struct tamga_detail *detail)
{
    struct tamga_span address = tamga_wire_span(untrusted->validator);

    if (untrusted->signature == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "cosignature without signature");
    if (address.len != TAMGA_HASH_BYTES)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "cosigner of %zu bytes; must be 32",
                            address.len);
    if (find_signatory(out, chain, address, height) != TAMGA_OK)
        return refuse_cosigner(chain, address, height, detail);
    if (before.len > 0 && tamga_span_compare(before, address) >= 0)
        return tamga_refuse(detail, TAMGA_E_COSIGNER_TWICE, "%s stands twice or too late",
                            tamga_validator(chain, *out)->name);
    return TAMGA_OK;
}

static enum tamga_err check_cosignatures(const struct tamga_chain *chain,
                                         const Tamga__V1__Checkpoint *untrusted,
                                         uint64_t height, struct tamga_detail *detail)
{
    struct tamga_span before = {0};
    struct tamga_hash digest;
    uint32_t validator = 0;

    tamga_domain_hash(&digest, TAMGA_DOMAIN_CHECKPOINT, &chain->id,
                      tamga_wire_span(untrusted->body));
    for (size_t i = 0; i < untrusted->n_cosignatures; i++) {
        const Tamga__V1__Cosignature *from = untrusted->cosignatures[i];
        struct tamga_signature signature;
        enum tamga_err err = find_cosigner(&validator, chain, from, before, height, detail);

        if (err != TAMGA_OK)
            return err;
        if (tamga_wire_signature(&signature, from->signature) != TAMGA_OK ||
            tamga_public_key_verify(tamga_validator(chain, validator)->key, &digest,
                                    &signature) != TAMGA_OK)
            return tamga_refuse(detail, TAMGA_E_BAD_SIGNATURE,
                                "the cosignature is not %s's own",
                                tamga_validator(chain, validator)->name);
        before = tamga_wire_span(from->validator);
    }
    return TAMGA_OK;
}

/* After all were verified: distinct validators, so that there is room for them. */
static enum tamga_err copy_cosignatures(struct tamga_cosignature *out,
                                        const struct tamga_chain *chain,
                                        const struct tamga_checkpoint *checkpoint,
                                        const Tamga__V1__Checkpoint *verified)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; err == TAMGA_OK && i < verified->n_cosignatures; i++) {
        const Tamga__V1__Cosignature *from = verified->cosignatures[i];

        out[i].checkpoint = *checkpoint;
        err = find_signatory(&out[i].validator, chain, tamga_wire_span(from->validator),
                             checkpoint->at.height);
        if (err == TAMGA_OK)
            err = tamga_wire_signature(&out[i].signature, from->signature);
    }
    return err;
}

enum tamga_err tamga_checkpoint_open(struct tamga_checkpoint *out,
                                     struct tamga_cosignature *cosignature, size_t *count,
                                     const struct tamga_chain *chain,
                                     const Tamga__V1__Checkpoint *untrusted,
                                     struct tamga_detail *detail)
{
    struct tamga_checkpoint checkpoint = {0};
    enum tamga_err err;

    if (untrusted == NULL || untrusted->body.len == 0 || untrusted->n_cosignatures == 0)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD,
                            "checkpoint, its body or every cosignature is absent");
    err = read_body(&checkpoint, untrusted->body, detail);
    if (err == TAMGA_OK)
        err = check_cosignatures(chain, untrusted, checkpoint.at.height, detail);
    if (err == TAMGA_OK && cosignature != NULL)
        err = copy_cosignatures(cosignature, chain, &checkpoint, untrusted);
    if (err != TAMGA_OK)
        return err;
    *out = checkpoint;
    *count = untrusted->n_cosignatures;
    return TAMGA_OK;
}

enum tamga_err tamga_checkpoint_verify(struct tamga_checkpoint *out,
                                       const struct tamga_chain *chain,
                                       const Tamga__V1__Checkpoint *untrusted,
                                       const struct tamga_checkpoint *trusted,
                                       struct tamga_detail *detail)
{
    struct tamga_checkpoint checkpoint;
    uint32_t quorum;
    size_t count;
    enum tamga_err err =
        tamga_checkpoint_open(&checkpoint, NULL, &count, chain, untrusted, detail);

    if (err != TAMGA_OK)
        return err;
    quorum = tamga_quorum(chain, checkpoint.at.height);
    if (count < quorum)
        return tamga_refuse(detail, TAMGA_E_TOO_FEW_COSIGNERS,
                            "%zu cosignatures; %" PRIu32 " of %" PRIu32 " make a quorum", count,
                            quorum,
                            tamga_council_size(chain->council, checkpoint.at.height));
    if (trusted != NULL && checkpoint.at.height < trusted->at.height)
        return tamga_refuse(detail, TAMGA_E_CHECKPOINT_OLDER,
                            "height %" PRIu64 "; %" PRIu64 " is trusted already",
                            checkpoint.at.height, trusted->at.height);
    if (trusted != NULL && checkpoint.at.height == trusted->at.height &&
        !same_checkpoint(&checkpoint, trusted))
        return tamga_refuse(detail, TAMGA_E_CHECKPOINT_CONFLICT,
                            "two checkpoints of height %" PRIu64 " differ",
                            checkpoint.at.height);
    *out = checkpoint;
    return TAMGA_OK;
}
