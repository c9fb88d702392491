/* Checks one thing after the other; the first that fails is told. */
#include "link/proof.h"

#include "rules/proof.h"
#include "wire/wire.h"

static enum tamga_err check_signer(const struct tamga_chain *chain,
                                   const Tamga__V1__StatusBody *status,
                                   const Tamga__V1__Signed *message,
                                   const struct tamga_hash *id, struct tamga_detail *detail)
{
    const struct tamga_member *member;
    struct tamga_address address;

    if (status->key == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "status without a key");
    tamga_key_address(&address, (enum tamga_key_type)status->key->type,
                      tamga_wire_span(status->key->spki));
    if (!tamga_span_equal(tamga_wire_span(status->node), tamga_hash_span(&address.hash)))
        return TAMGA_E_ADDRESS_MISMATCH;
    member = tamga_network_member(chain->network, &address);
    if (member == NULL)
        return tamga_refuse(detail, TAMGA_E_NOT_MEMBER, "the node's status is a stranger's");
    if (tamga_signed_verify(message, id, member->key) != TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_BAD_SIGNATURE, "the status is not %s's own",
                            member->name);
    return TAMGA_OK;
}

enum tamga_err tamga_status_open(Tamga__V1__StatusBody **out, const struct tamga_chain *chain,
                                 const Tamga__V1__Signed *untrusted,
                                 struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StatusBody *status = NULL;
    struct tamga_hash id;
    enum tamga_err err =
        tamga_signed_open(&id, (ProtobufCMessage **)&status, untrusted, TAMGA_DOMAIN_STATUS,
                          &chain->id, &tamga__v1__status_body__descriptor, detail);

    if (err == TAMGA_OK)
        err = check_signer(chain, status, untrusted, &id, detail);
    if (err != TAMGA_OK)
        return err;
    if (status->tip.len != TAMGA_HASH_BYTES || status->work.len != TAMGA_HASH_BYTES)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "tip and work must have 32 bytes");
    *out = status;
    status = NULL;
    return TAMGA_OK;
}

static enum tamga_err check_work(const struct tamga_chain *chain,
                                 const struct tamga_header *header,
                                 const struct tamga_block_id *id, struct tamga_detail *detail)
{
    struct tamga_u256 target, limit, value;

    if (tamga_target_expand(&target, header->target) != TAMGA_OK ||
        tamga_target_expand(&limit, chain->params.target_limit) != TAMGA_OK ||
        tamga_u256_compare(&target, &limit) > 0)
        return tamga_refuse(detail, TAMGA_E_BAD_TARGET, "target %08x; the easiest is %08x",
                            header->target, chain->params.target_limit);
    tamga_u256_from_bytes(&value, id->hash.byte);
    if (tamga_u256_compare(&value, &target) > 0)
        return TAMGA_E_BAD_WORK;
    return TAMGA_OK;
}

/* What one header shows by itself. The rest of the rules speak of those before it. */
static enum tamga_err check_header(const struct tamga_chain *chain,
                                   const struct tamga_header *header,
                                   struct tamga_detail *detail)
{
    if (header->version != TAMGA_HEADER_VERSION)
        return tamga_refuse(detail, TAMGA_E_BAD_VERSION, "version %u", header->version);
    if (!tamga_hash_equal(&header->chain.hash, &chain->id.hash))
        return tamga_refuse(detail, TAMGA_E_WRONG_CHAIN, "the block is of another chain");
    if (header->height == 0)
        return tamga_refuse(detail, TAMGA_E_BAD_HEIGHT, "genesis has no seal to show");
    if (header->entry_count > chain->params.block_entries_max)
        return tamga_refuse(detail, TAMGA_E_BLOCK_TOO_LARGE, "%u entries; at most %u",
                            header->entry_count, chain->params.block_entries_max);
    return TAMGA_OK;
}

static enum tamga_err check_seal(const struct tamga_chain *chain,
                                 const struct tamga_sealed *sealed,
                                 const struct tamga_block_id *id, struct tamga_detail *detail)
{
    const struct tamga_member *miner =
        tamga_network_member(chain->network, &sealed->header.miner);

    if (miner == NULL || chain->rules->miner(chain, NULL, 0, &sealed->header.miner, NULL) !=
                             TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_NOT_MINER, "%s may not mine the %s chain",
                            miner ? miner->name : "a stranger", chain->rules->name);
    if (tamga_seal_check(sealed, id, miner->key) != TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_BAD_SEAL, "not sealed by %s", miner->name);
    return TAMGA_OK;
}

enum tamga_err tamga_header_proof(struct tamga_sealed *out, struct tamga_block_id *id,
                                  const struct tamga_chain *chain,
                                  const Tamga__V1__SealedHeader *untrusted,
                                  struct tamga_detail *detail)
{
    struct tamga_sealed sealed;
    struct tamga_block_id actual;
    enum tamga_err err = untrusted ? tamga_sealed_decode(&sealed, untrusted)
                                   : tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "no header");

    if (err == TAMGA_OK)
        err = check_header(chain, &sealed.header, detail);
    if (err != TAMGA_OK)
        return err;
    tamga_header_id(&actual, &sealed.header);
    err = check_work(chain, &sealed.header, &actual, detail);
    if (err == TAMGA_OK)
        err = check_seal(chain, &sealed, &actual, detail);
    if (err != TAMGA_OK)
        return err;
    *out = sealed;
    *id = actual;
    return TAMGA_OK;
}

enum tamga_err tamga_inclusion_proof(struct tamga_sealed *out, struct tamga_block_id *id,
                                     const struct tamga_chain *chain,
                                     const struct tamga_item *item,
                                     const Tamga__V1__Inclusion *untrusted,
                                     struct tamga_detail *detail)
{
    struct tamga_sealed sealed;
    struct tamga_block_id block;
    enum tamga_err err;

    if (untrusted == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "no inclusion proof");
    err = tamga_header_proof(&sealed, &block, chain, untrusted->sealed, detail);
    if (err == TAMGA_OK)
        err = tamga_inclusion_check(chain, &sealed.header, item, untrusted, detail);
    if (err != TAMGA_OK)
        return err;
    *out = sealed;
    *id = block;
    return TAMGA_OK;
}
