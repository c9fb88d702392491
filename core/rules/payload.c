/* What transactions and records have in common: a Signed by a member, at a time. */
#include <inttypes.h>

#include "rules/rules.h"
#include "wire/wire.h"

enum tamga_err tamga_payload_open(struct tamga_item *item, struct tamga_span untrusted,
                                  const char *domain, const struct tamga_scope *scope,
                                  const ProtobufCMessageDescriptor *type,
                                  struct tamga_detail *detail)
{
    enum tamga_err err;

    if (untrusted.len > TAMGA_PAYLOAD_BYTES_MAX)
        return tamga_refuse(detail, TAMGA_E_TOO_LARGE, "%zu bytes; at most %d", untrusted.len,
                            TAMGA_PAYLOAD_BYTES_MAX);
    err = tamga_wire_unpack(&item->message, &tamga__v1__signed__descriptor,
                            TAMGA_WIRE_CANONICAL, untrusted, detail);
    if (err == TAMGA_OK)
        err = tamga_signed_open(&item->id.hash, &item->body,
                                (const Tamga__V1__Signed *)item->message, domain, scope, type,
                                detail);
    if (err == TAMGA_OK)
        err = tamga_buf_set(&item->payload, untrusted);
    return err;
}

enum tamga_err tamga_payload_sender(struct tamga_address *out, ProtobufCBinaryData stated,
                                    const Tamga__V1__PublicKey *key,
                                    struct tamga_detail *detail)
{
    struct tamga_address claimed, address;

    if (key == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "sender states no key");
    if (tamga_hash_from(&claimed.hash, tamga_wire_span(stated)) != TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "sender's address must have 32 bytes");
    tamga_key_address(&address, (enum tamga_key_type)key->type, tamga_wire_span(key->spki));
    if (!tamga_hash_equal(&claimed.hash, &address.hash))
        return TAMGA_E_ADDRESS_MISMATCH;
    *out = address;
    return TAMGA_OK;
}

static void free_key(struct tamga_public_key **key)
{
    tamga_public_key_free(*key);
}

enum tamga_err tamga_payload_verify(const struct tamga_chain *chain,
                                    const struct tamga_item *item,
                                    const Tamga__V1__PublicKey *key,
                                    struct tamga_detail *detail)
{
    TAMGA_CLEANUP(free_key) struct tamga_public_key *stranger = NULL;
    const struct tamga_member *member = tamga_network_member(chain->network, &item->sender);
    enum tamga_err err = TAMGA_OK;

    if (member == NULL)
        err = tamga_wire_key(&stranger, key);
    if (err == TAMGA_OK)
        err = tamga_signed_verify((const Tamga__V1__Signed *)item->message, &item->id.hash,
                                  member == NULL ? stranger : member->key);
    return err == TAMGA_OK
               ? TAMGA_OK
               : tamga_refuse(detail, err, "sender is %s",
                              member == NULL ? "a stranger" : member->name);
}

enum tamga_err tamga_payload_time(const struct tamga_params *params,
                                  const struct tamga_item *item, uint64_t ref_ms,
                                  struct tamga_detail *detail)
{
    uint64_t age_max = params->entry_age_max_ms;

    if (item->time_ms > INT64_MAX / 4 || item->time_ms > ref_ms + params->drift_ms)
        return tamga_refuse(detail, TAMGA_E_FUTURE_TIME,
                            "signed at %" PRIu64 " ms; it is %" PRIu64
                            " ms, %u ms ahead is accepted",
                            item->time_ms, ref_ms, params->drift_ms);
    if (ref_ms > age_max && item->time_ms < ref_ms - age_max)
        return tamga_refuse(detail, TAMGA_E_STALE_TIME,
                            "signed at %" PRIu64 " ms; it is %" PRIu64 " ms, %" PRIu64
                            " ms back is accepted",
                            item->time_ms, ref_ms, age_max);
    return TAMGA_OK;
}

enum tamga_err tamga_state_get(ProtobufCMessage **out, const struct tamga_view *state,
                               const struct tamga_hash *key,
                               const ProtobufCMessageDescriptor *type)
{
    TAMGA_BUF value = {0};
    enum tamga_err err =
        tamga_view_get(state, TAMGA_FAMILY_STATE, tamga_hash_span(key), &value);

    if (err != TAMGA_OK)
        return err;
    err = tamga_wire_unpack(out, type, TAMGA_WIRE_CANONICAL, tamga_buf_span(&value), NULL);
    return err == TAMGA_OK || err == TAMGA_E_NO_MEMORY ? err : TAMGA_E_STORE_CORRUPT;
}

enum tamga_err tamga_state_put(struct tamga_overlay *state, const struct tamga_hash *key,
                               const ProtobufCMessage *value)
{
    TAMGA_BUF bytes = {0};
    enum tamga_err err = tamga_wire_pack(&bytes, value);

    if (err != TAMGA_OK)
        return err;
    return tamga_overlay_put(state, TAMGA_FAMILY_STATE, tamga_hash_span(key),
                             tamga_buf_span(&bytes));
}

enum tamga_err tamga_miner_check(const struct tamga_chain *chain,
                                 const struct tamga_view *members, uint64_t height,
                                 const struct tamga_address *miner, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value value = {0};
    const struct tamga_member *known = tamga_network_member(chain->network, miner);
    struct tamga_hash key;
    enum tamga_err err;

    if (members == NULL)
        return known != NULL && (known->roles & chain->rules->miner_role) != 0
                   ? TAMGA_OK
                   : TAMGA_E_NOT_MINER;
    tamga_key_member(&key, miner);
    err = tamga_state_member(&value, members, &key, height, detail);
    if (tamga_err_class(err) == TAMGA_CLASS_LOCAL)
        return err;
    return err == TAMGA_OK && (value.roles & chain->rules->miner_role) != 0
               ? TAMGA_OK
               : TAMGA_E_NOT_MINER;
}
