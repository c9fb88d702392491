/*
 * Rules of the gateway chain: install records by gateways, each with the device's own
 * receipt inside. Blocks hold commitments only.
 * Source: docs/PROTOCOL.md, "Gateway rules"; paper, Algorithm 3.
 */
#include <inttypes.h>

#include "chain/anchor.h"
#include "rules/rules.h"
#include "wire/wire.h"

static const Tamga__V1__ChainParams *params(const Tamga__V1__Genesis *genesis)
{
    return genesis->gateway;
}

/* Who is a member is the consortium chain's to say. */
static enum tamga_err genesis(const struct tamga_chain *chain, struct tamga_overlay *state)
{
    (void)chain;
    (void)state;
    return TAMGA_OK;
}

/* Its parameters are genesis' for ever. */
static enum tamga_err params_at(struct tamga_params *params_now, const struct tamga_view *state,
                                uint64_t height)
{
    (void)params_now;
    (void)state;
    (void)height;
    return TAMGA_OK;
}

static enum tamga_err learn(const struct tamga_chain *chain, const struct tamga_view *state,
                            uint64_t height, struct tamga_learned *learned)
{
    (void)chain;
    (void)state;
    (void)height;
    (void)learned;
    return TAMGA_OK;
}

/* Those whom genesis names make this chain's blocks final, for good. */
static struct tamga_council *council(const struct tamga_network *network)
{
    return network->gateway;
}

static enum tamga_err council_hash(const struct tamga_chain *chain,
                                   const struct tamga_view *state, uint64_t height,
                                   struct tamga_hash *out)
{
    (void)chain;
    (void)state;
    (void)height;
    *out = (struct tamga_hash){{0}};
    return TAMGA_OK;
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

/* What a record claims is what it writes: in the state map, and beside it. */
static const struct tamga_hash *update_key(const struct tamga_item *item)
{
    return &item->claim[0];
}

static const struct tamga_hash *receipt_key(const struct tamga_item *item)
{
    return &item->claim[1];
}

/* What it looks up besides: item->key. Members are looked up on the chain above. */
enum { KEY_MEMBER, KEY_DEVICE };

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
    tamga_key_member(&item.key[KEY_MEMBER], &item.sender);
    tamga_key_device(&item.key[KEY_DEVICE], receipt->device);
    item.order = receipt->receipt_counter;
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
                                      enum tamga_family family, const struct tamga_hash *key,
                                      enum tamga_err code, struct tamga_detail *detail)
{
    TAMGA_BUF earlier = {0};
    char hex[TAMGA_HEX_CHARS];
    enum tamga_err err = tamga_view_get(state, family, tamga_hash_span(key), &earlier);

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
                            const struct tamga_item *item, const struct tamga_moment *at,
                            struct tamga_detail *detail)
{
    enum tamga_err err = tamga_payload_time(&chain->params, item, at->ref_ms, detail);

    if (err == TAMGA_OK)
        err = refuse_if_known(state, TAMGA_FAMILY_INDEX, receipt_key(item),
                              TAMGA_E_DUPLICATE_RECEIPT, detail);
    if (err == TAMGA_OK)
        err = refuse_if_known(state, TAMGA_FAMILY_STATE, update_key(item),
                              TAMGA_E_DUPLICATE_UPDATE, detail);
    return err;
}

/* ---- who records, and who enrolled the device, as the chain above has them ----------- */

/* Without a chain above: what genesis says. */
static enum tamga_err find_member(struct tamga_state_value *out, const struct tamga_chain *chain,
                                  const struct tamga_upstream *above, uint64_t height,
                                  const struct tamga_address *address,
                                  struct tamga_detail *detail)
{
    const struct tamga_member *member;
    struct tamga_hash key;

    if (above->view != NULL) {
        tamga_key_member(&key, address);
        return tamga_state_member(out, above->view, &key, height, detail);
    }
    member = tamga_network_member(chain->network, address);
    if (member == NULL)
        return TAMGA_E_NOT_MEMBER;
    out->name = tamga_span_text(member->name);
    out->roles = member->roles;
    return TAMGA_OK;
}

static enum tamga_err check_gateway(const struct tamga_chain *chain,
                                    const struct tamga_upstream *above, uint64_t height,
                                    const struct tamga_item *item, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value member = {0};
    enum tamga_err err = find_member(&member, chain, above, height, &item->sender, detail);

    if (err == TAMGA_OK && (member.roles & TAMGA__V1__ROLE__ROLE_GATEWAY) == 0)
        err = tamga_refuse(detail, TAMGA_E_NOT_GATEWAY, "%.*s is no gateway",
                           (int)member.name.len, (const char *)member.name.data);
    return err;
}

/* Whom the certificate names, which verify found to have signed it. */
static enum tamga_err find_issuer(struct tamga_address *out,
                                  const Tamga__V1__RecordBody *record,
                                  struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__CertificateBody *body = NULL;
    enum tamga_err err = unpack_signed(&message, record->certificate,
                                       TAMGA_CERTIFICATE_BYTES_MAX, detail);

    if (err == TAMGA_OK)
        err = tamga_wire_unpack((ProtobufCMessage **)&body,
                                &tamga__v1__certificate_body__descriptor,
                                TAMGA_WIRE_CANONICAL, tamga_wire_span(message->body), detail);
    return err == TAMGA_OK ? tamga_hash_from(&out->hash, tamga_wire_span(body->issuer)) : err;
}

/*
 * The device's certificate is by the OEM that it is named after. A key that the OEM has
 * replaced since enrolled for good; one that was lost or stolen did not.
 */
static enum tamga_err check_issuer(const struct tamga_chain *chain,
                                   const struct tamga_upstream *above, uint64_t height,
                                   const struct tamga_item *item, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value member = {0};
    const Tamga__V1__DeviceId *device = record_of(item)->device;
    struct tamga_address issuer;
    struct tamga_hash key;
    enum tamga_err err = find_issuer(&issuer, record_of(item), detail);

    if (err != TAMGA_OK)
        return err;
    if (above->view == NULL)
        return tamga_issuer_known(chain->network, &issuer, device, detail);
    tamga_key_member(&key, &issuer);
    err = tamga_state_member(&member, above->view, &key, height, detail);
    if (tamga_err_class(err) == TAMGA_CLASS_LOCAL)
        return err;
    return tamga_issuer_check(&member, device, detail);
}

/* ---- the release that a record speaks of, on the chain above ------------------------- */

static enum tamga_err check_place(const struct tamga_upstream *above, uint64_t height,
                                  const struct tamga_entry_id *release,
                                  struct tamga_detail *detail)
{
    struct tamga_place place;
    enum tamga_err err = tamga_query_place(above->view, release, &place);

    if (err == TAMGA_E_NOT_FOUND)
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_RELEASE, "it is in no block");
    if (err == TAMGA_OK && place.height > height)
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_RELEASE,
                            "it is in block %" PRIu64 "; judged by what is final up to %" PRIu64,
                            place.height, height);
    return err;
}

static enum tamga_err load_release(const struct tamga_upstream *above,
                                   const struct tamga_entry_id *id, struct tamga_item *item)
{
    TAMGA_BUF payload = {0};
    bool pending;
    enum tamga_err err = tamga_query_payload(above->chain, above->view, id, &payload, &pending);

    if (err == TAMGA_OK)
        err = above->chain->rules->decode(above->chain, item, tamga_buf_span(&payload), NULL);
    /* It was judged when its block was connected there. */
    return err == TAMGA_E_NOT_FOUND || tamga_err_class(err) == TAMGA_CLASS_REJECT
               ? TAMGA_E_STORE_CORRUPT
               : err;
}

static enum tamga_err match_release(const Tamga__V1__RecordBody *record,
                                    const Tamga__V1__Release *release,
                                    struct tamga_detail *detail)
{
    if (!same(record->image_sha256, release->image_sha256))
        return tamga_refuse(detail, TAMGA_E_BAD_RECEIPT, "the release has another image");
    /* A refusal may well be because the release is for another model. */
    if (record->outcome == TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED &&
        (strcmp(release->producer, record->device->producer) != 0 ||
         strcmp(release->model, record->device->model) != 0))
        return tamga_refuse(detail, TAMGA_E_MODEL_MISMATCH, "the release is for %s/%s",
                            release->producer, release->model);
    return TAMGA_OK;
}

/* Most records are of the newest release of an image: an index says so, and its block, which
 * may be large, need not be read. */
static enum tamga_err check_told(const struct tamga_upstream *above, uint64_t height,
                                 const struct tamga_item *item, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item found = {0};
    const Tamga__V1__RecordBody *record = record_of(item);
    struct tamga_entry_id release;
    bool fits = false;
    enum tamga_err err = tamga_hash_from(&release.hash, tamga_wire_span(record->release));

    if (err == TAMGA_OK)
        err = check_place(above, height, &release, detail);
    if (err == TAMGA_OK)
        err = tamga_release_has_image(above->view, &release.hash, record->device->producer,
                                      record->device->model,
                                      tamga_wire_span(record->image_sha256), &fits);
    if (err != TAMGA_OK || fits)
        return err;
    err = load_release(above, &release, &found);
    if (err != TAMGA_OK)
        return err;
    if (tamga_item_release(&found) == NULL)
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_RELEASE, "its transaction is no release");
    return match_release(record, tamga_item_release(&found), detail);
}

static enum tamga_err follow(const struct tamga_chain *chain,
                             const struct tamga_upstream *above, uint64_t height,
                             const struct tamga_item *item, struct tamga_detail *detail)
{
    enum tamga_err err = check_gateway(chain, above, height, item, detail);

    if (err == TAMGA_OK)
        err = check_issuer(chain, above, height, item, detail);
    return err == TAMGA_OK && above->view != NULL ? check_told(above, height, item, detail)
                                                  : err;
}

/* ---- what a record leaves behind ----------------------------------------------------- */

static enum tamga_err apply(const struct tamga_chain *chain, struct tamga_overlay *state,
                            const struct tamga_item *item, uint64_t height)
{
    struct tamga_span id = tamga_hash_span(&item->id.hash);
    uint8_t index[TAMGA_INDEX_KEY_BYTES];
    enum tamga_err err =
        tamga_overlay_put(state, TAMGA_FAMILY_STATE, tamga_hash_span(update_key(item)), id);

    (void)chain;
    (void)height;
    if (err == TAMGA_OK)
        err =
            tamga_overlay_put(state, TAMGA_FAMILY_INDEX, tamga_hash_span(receipt_key(item)), id);
    if (err != TAMGA_OK)
        return err;
    tamga_index_key(index, &item->key[KEY_DEVICE], item->order);
    return tamga_overlay_put(state, TAMGA_FAMILY_INDEX, tamga_span(index, sizeof index), id);
}

/* Row 20 of the design: a leaf commits to (update key, record hash). */
static enum tamga_err entry(const struct tamga_item *item, struct tamga_buf *out)
{
    enum tamga_err err = tamga_buf_add(out, tamga_hash_span(update_key(item)));

    return err == TAMGA_OK ? tamga_buf_add(out, tamga_hash_span(&item->id.hash)) : err;
}

static enum tamga_err entry_id(struct tamga_entry_id *out, struct tamga_span leaf)
{
    if (leaf.len != TAMGA_COMMITMENT_BYTES)
        return TAMGA_E_BAD_COMMITMENT;
    memcpy(out->hash.byte, leaf.data + 32, TAMGA_HASH_BYTES);
    return TAMGA_OK;
}

const struct tamga_rules tamga_rules_gateway = {
    .name = "gateway",
    .anchored = true,
    .detached = true,
    .pending_max = 65536,
    .pending_bytes_max = 128u * 1024 * 1024,
    .pending_sender_max = 32768,
    .params = params,
    .council = council,
    .genesis = genesis,
    .decode = decode,
    .verify = verify,
    .check = check,
    .follow = follow,
    .apply = apply,
    .entry = entry,
    .entry_id = entry_id,
    .miner_role = TAMGA__V1__ROLE__ROLE_GATEWAY,
    .miner = tamga_miner_check,
    .params_at = params_at,
    .learn = learn,
    .council_hash = council_hash,
};
