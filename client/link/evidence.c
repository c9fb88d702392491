/* Opens what nodes show. The rules judge; this file only asks them in order. */
#include "link/evidence.h"

#include "rules/rules.h"
#include "wire/wire.h"

void tamga_evidence_clear(struct tamga_evidence *evidence)
{
    tamga_item_clear(&evidence->item);
    *evidence = (struct tamga_evidence){0};
}

const Tamga__V1__Release *tamga_item_release(const struct tamga_item *item)
{
    return ((const Tamga__V1__TransactionBody *)item->body)->release;
}

const char *tamga_name_of(const struct tamga_network *network,
                          const struct tamga_address *address)
{
    const struct tamga_member *member = tamga_network_member(network, address);

    return member ? member->name : "a stranger";
}

static enum tamga_err check_author(const struct tamga_chain *chain,
                                   const struct tamga_item *item, struct tamga_detail *detail)
{
    const struct tamga_member *member = tamga_network_member(chain->network, &item->sender);

    if (chain->rules == &tamga_rules_consortium &&
        ((const Tamga__V1__TransactionBody *)item->body)->action_case !=
            TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "the transaction is no release");
    if (chain->rules == &tamga_rules_consortium)
        return tamga_release_authority(chain->network, &item->sender, tamga_item_release(item),
                                       detail);
    if (member == NULL || (member->roles & TAMGA__V1__ROLE__ROLE_GATEWAY) == 0)
        return tamga_refuse(detail, TAMGA_E_NOT_GATEWAY, "recorded by %s",
                            member ? member->name : "a stranger");
    return TAMGA_OK;
}

enum tamga_err tamga_entry_decode(struct tamga_item *item, const struct tamga_chain *chain,
                                  struct tamga_span untrusted, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item opened = {0};
    enum tamga_err err = chain->rules->decode(chain, &opened, untrusted, detail);

    if (err == TAMGA_OK)
        err = chain->rules->verify(chain, &opened, detail);
    if (err == TAMGA_OK)
        err = check_author(chain, &opened, detail);
    if (err == TAMGA_OK)
        tamga_item_move(item, &opened);
    return err;
}

enum tamga_err tamga_entry_open(struct tamga_item *item, const struct tamga_chain *chain,
                                const Tamga__V1__Signed *untrusted, struct tamga_detail *detail)
{
    TAMGA_BUF payload = {0};
    enum tamga_err err;

    if (untrusted == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "a listed entry is absent");
    err = tamga_wire_pack(&payload, &untrusted->base);
    return err == TAMGA_OK ? tamga_entry_decode(item, chain, tamga_buf_span(&payload), detail)
                           : err;
}

static enum tamga_err judge(struct tamga_evidence *evidence, const struct tamga_chain *chain,
                            const struct tamga_entry_id *id,
                            const Tamga__V1__GetInclusionResponse *response,
                            struct tamga_detail *detail)
{
    enum tamga_err err = tamga_entry_decode(&evidence->item, chain,
                                            tamga_wire_span(response->payload), detail);

    if (err != TAMGA_OK)
        return err;
    if (!tamga_hash_equal(&evidence->item.id.hash, &id->hash))
        return tamga_refuse(detail, TAMGA_E_ID_MISMATCH, "another entry was shown");
    evidence->pending = response->pending;
    if (response->pending)
        return TAMGA_OK;
    err = tamga_inclusion_proof(&evidence->sealed, &evidence->block, chain, &evidence->item,
                                response->inclusion, detail);
    if (err == TAMGA_OK)
        evidence->index = response->inclusion->index;
    return err;
}

enum tamga_err tamga_evidence_fetch(struct tamga_evidence *out, struct tamga_session *session,
                                    const struct tamga_chain *chain,
                                    const struct tamga_entry_id *id,
                                    struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    TAMGA_CLEANUP(tamga_evidence_clear) struct tamga_evidence evidence = {0};
    Tamga__V1__GetInclusionRequest request = TAMGA__V1__GET_INCLUSION_REQUEST__INIT;
    enum tamga_err err;

    request.chain = tamga_wire_bytes(tamga_hash_span(&chain->id.hash));
    request.id = tamga_wire_bytes(tamga_hash_span(&id->hash));
    err = tamga_session_call(session, &answer, &tamga__v1__chain_service__descriptor,
                             "GetInclusion", &request.base, detail);
    if (err == TAMGA_OK)
        err = judge(&evidence, chain, id, (const Tamga__V1__GetInclusionResponse *)answer,
                    detail);
    if (err != TAMGA_OK)
        return err;
    tamga_evidence_clear(out);
    *out = evidence;
    evidence = (struct tamga_evidence){0};
    return TAMGA_OK;
}
