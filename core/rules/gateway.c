/*
 * Rules of the gateway chain: install records by gateways, each with the device's own
 * receipt inside. Blocks hold commitments only.
 * Source: docs/PROTOCOL.md, "Gateway rules"; paper, Algorithm 3.
 */
#include <inttypes.h>

#include "rules/rules.h"
#include "wire/wire.h"

static const Tamga__V1__ChainParams *params(const Tamga__V1__Genesis *genesis)
{
    return genesis->gateway;
}

static enum tamga_err genesis(const struct tamga_chain *chain, struct tamga_overlay *state)
{
    return tamga_state_put_members(chain, state);
}

static const Tamga__V1__RecordBody *record_of(const struct tamga_item *item)
{
    return (const Tamga__V1__RecordBody *)item->body;
}

static enum tamga_err unpack_signed(Tamga__V1__Signed **out, ProtobufCBinaryData bytes,
                                    size_t bytes_max, struct tamga_detail *detail)
{
    if (bytes.len == 0)
        return TAMGA_E_MISSING_FIELD;
    if (bytes.len > bytes_max)
        return TAMGA_E_TOO_LARGE;
    return tamga_wire_unpack((ProtobufCMessage **)out, &tamga__v1__signed__descriptor,
                             TAMGA_WIRE_CANONICAL, tamga_wire_span(bytes), detail);
}

/* The receipt inside a record; its signature is judged only if a certificate is given. */
static enum tamga_err open_receipt(Tamga__V1__ReceiptBody **out,
                                   const struct tamga_chain *chain,
                                   const Tamga__V1__RecordBody *record,
                                   const struct tamga_certificate *certificate,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *receipt = NULL;
    struct tamga_hash id;
    enum tamga_err err =
        unpack_signed(&receipt, record->receipt, TAMGA_RECEIPT_BYTES_MAX, detail);

    if (err != TAMGA_OK)
        return err;
    return tamga_receipt_open(out, &id, chain->network, certificate, receipt, detail);
}

static bool same(ProtobufCBinaryData a, ProtobufCBinaryData b)
{
    return tamga_span_equal(tamga_wire_span(a), tamga_wire_span(b));
}

/* A gateway cannot say other than what the device signed. */
static enum tamga_err match(const Tamga__V1__RecordBody *record,
                            const Tamga__V1__ReceiptBody *receipt,
                            struct tamga_detail *detail)
{
    if (!tamga_device_id_equal(record->device, receipt->device))
        return tamga_refuse(detail, TAMGA_E_BAD_RECEIPT, "record names another device");
    if (!same(record->release, receipt->release))
        return tamga_refuse(detail, TAMGA_E_BAD_RECEIPT, "record names another release");
    if (!same(record->image_sha256, receipt->image_sha256))
        return tamga_refuse(detail, TAMGA_E_BAD_RECEIPT, "record names another image");
    if (record->outcome != receipt->outcome)
        return tamga_refuse(detail, TAMGA_E_BAD_RECEIPT, "record states another outcome");
    return TAMGA_OK;
}

static enum tamga_err decode(const struct tamga_chain *chain, struct tamga_item *out,
                             struct tamga_span untrusted, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReceiptBody *receipt = NULL;
    const Tamga__V1__RecordBody *record;
    enum tamga_err err = tamga_payload_open(&item, untrusted, TAMGA_DOMAIN_RECORD, &chain->id,
                                            &tamga__v1__record_body__descriptor, detail);

    if (err != TAMGA_OK)
        return err;
    record = record_of(&item);
    err = tamga_payload_sender(&item.sender, record->gateway, record->key, detail);
    if (err != TAMGA_OK)
        return err;
    err = tamga_device_id_check(record->device, detail);
    if (err != TAMGA_OK)
        return err;
    err = open_receipt(&receipt, chain, record, NULL, detail);
    if (err != TAMGA_OK)
        return err;
    err = match(record, receipt, detail);
    if (err != TAMGA_OK)
        return err;
    item.time_ms = record->time_ms;
    tamga_key_update(&item.claim[0], receipt);
    tamga_key_receipt(&item.claim[1], receipt->device, receipt->receipt_counter);
    item.claim_count = 2;
    tamga_item_move(out, &item);
    return TAMGA_OK;
}

static enum tamga_err verify(const struct tamga_chain *chain, const struct tamga_item *item,
                             struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *signed_certificate = NULL;
    TAMGA_CLEANUP(tamga_certificate_clear) struct tamga_certificate certificate = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReceiptBody *receipt = NULL;
    const Tamga__V1__RecordBody *record = record_of(item);
    enum tamga_err err = tamga_payload_verify(chain, item, record->key, detail);

    if (err != TAMGA_OK)
        return err;
    err = unpack_signed(&signed_certificate, record->certificate,
                        TAMGA_CERTIFICATE_BYTES_MAX, detail);
    if (err != TAMGA_OK)
        return err;
    err = tamga_certificate_open(&certificate, chain->network, signed_certificate, detail);
    if (err != TAMGA_OK)
        return err;
    /* The record's own time judges expiry, so that the verdict never changes later. */
    if (certificate.body->expires_ms != 0 && certificate.body->expires_ms <= record->time_ms)
        return TAMGA_E_CERTIFICATE_EXPIRED;
    return open_receipt(&receipt, chain, record, &certificate, detail);
}

static enum tamga_err refuse_if_known(const struct tamga_view *state,
                                      const struct tamga_hash *key, enum tamga_err code,
                                      struct tamga_detail *detail)
{
    TAMGA_BUF earlier = {0};
    char hex[TAMGA_HEX_CHARS];
    enum tamga_err err =
        tamga_view_get(state, TAMGA_FAMILY_STATE, tamga_hash_span(key), &earlier);

    if (err == TAMGA_E_NOT_FOUND)
        return TAMGA_OK;
    if (err != TAMGA_OK)
        return err;
    if (earlier.len != TAMGA_HASH_BYTES)
        return TAMGA_E_STORE_CORRUPT;
    tamga_to_hex(hex, earlier.data, TAMGA_HASH_BYTES);
    return tamga_refuse(detail, code, "recorded by %s", hex);
}

static enum tamga_err check(const struct tamga_chain *chain, const struct tamga_view *state,
                            const struct tamga_item *item, uint64_t ref_ms,
                            struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateMember *member = NULL;
    enum tamga_err err = tamga_state_member(&member, state, &item->sender);

    if (err != TAMGA_OK)
        return err;
    if ((member->roles & TAMGA__V1__ROLE__ROLE_GATEWAY) == 0)
        return tamga_refuse(detail, TAMGA_E_NOT_GATEWAY, "%s is no gateway", member->name);
    err = tamga_payload_time(chain, item, ref_ms, detail);
    if (err == TAMGA_OK)
        err = refuse_if_known(state, &item->claim[1], TAMGA_E_DUPLICATE_RECEIPT, detail);
    if (err == TAMGA_OK)
        err = refuse_if_known(state, &item->claim[0], TAMGA_E_DUPLICATE_UPDATE, detail);
    return err;
}

static enum tamga_err apply(const struct tamga_chain *chain, struct tamga_overlay *state,
                            const struct tamga_item *item)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReceiptBody *receipt = NULL;
    struct tamga_span id = tamga_hash_span(&item->id.hash);
    uint8_t index[TAMGA_INDEX_KEY_BYTES];
    struct tamga_hash device;
    enum tamga_err err = open_receipt(&receipt, chain, record_of(item), NULL, NULL);

    for (size_t i = 0; err == TAMGA_OK && i < item->claim_count; i++)
        err = tamga_overlay_put(state, TAMGA_FAMILY_STATE, tamga_hash_span(&item->claim[i]),
                                id);
    if (err != TAMGA_OK)
        return err;
    tamga_key_device(&device, receipt->device);
    tamga_index_key(index, &device, receipt->receipt_counter);
    return tamga_overlay_put(state, TAMGA_FAMILY_INDEX, tamga_span(index, sizeof index), id);
}

/* Row 20 of the design: a leaf commits to (update key, record hash). */
static enum tamga_err entry(const struct tamga_item *item, struct tamga_buf *out)
{
    enum tamga_err err = tamga_buf_add(out, tamga_hash_span(&item->claim[0]));

    return err == TAMGA_OK ? tamga_buf_add(out, tamga_hash_span(&item->id.hash)) : err;
}

static enum tamga_err entry_id(struct tamga_entry_id *out, struct tamga_span leaf)
{
    if (leaf.len != TAMGA_COMMITMENT_BYTES)
        return TAMGA_E_BAD_COMMITMENT;
    memcpy(out->hash.byte, leaf.data + 32, TAMGA_HASH_BYTES);
    return TAMGA_OK;
}

static enum tamga_err miner(const struct tamga_chain *chain,
                            const struct tamga_address *address)
{
    return tamga_miner_check(chain, address, TAMGA__V1__ROLE__ROLE_GATEWAY);
}

const struct tamga_rules tamga_rules_gateway = {
    .name = "gateway",
    .detached = true,
    .pending_max = 65536,
    .pending_bytes_max = 128u * 1024 * 1024,
    .pending_sender_max = 32768,
    .params = params,
    .genesis = genesis,
    .decode = decode,
    .verify = verify,
    .check = check,
    .apply = apply,
    .entry = entry,
    .entry_id = entry_id,
    .miner = miner,
};
