/* Device ids, certificates and receipts: what a device's OEM and the device sign.
 * Knows no store and no clock. */
#include <inttypes.h>

#include "rules/rules.h"
#include "wire/wire.h"

enum tamga_err tamga_device_id_check(const Tamga__V1__DeviceId *device,
                                     struct tamga_detail *detail)
{
    if (device == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "no device id");
    if (!tamga_member_name_ok(device->producer) ||
        !tamga_name_ok(device->model, TAMGA_MODEL_BYTES_MAX) ||
        !tamga_name_ok(device->number, TAMGA_NUMBER_BYTES_MAX))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "device must be P/M/N of A-Z a-z 0-9 . _ - (P lower case)");
    return TAMGA_OK;
}

bool tamga_device_id_equal(const Tamga__V1__DeviceId *a, const Tamga__V1__DeviceId *b)
{
    return strcmp(a->producer, b->producer) == 0 && strcmp(a->model, b->model) == 0 &&
           strcmp(a->number, b->number) == 0;
}

void tamga_certificate_clear(struct tamga_certificate *certificate)
{
    tamga_wire_free((ProtobufCMessage *)certificate->body);
    tamga_public_key_free(certificate->key);
    *certificate = (struct tamga_certificate){0};
}

static void free_key(struct tamga_public_key **key)
{
    tamga_public_key_free(*key);
}

/* The key that the certificate states for its issuer, and nothing else, made this. */
static enum tamga_err verify_issuer(struct tamga_address *issuer,
                                    const struct tamga_network *network,
                                    const Tamga__V1__Signed *untrusted,
                                    const struct tamga_hash *id,
                                    const Tamga__V1__CertificateBody *body,
                                    struct tamga_detail *detail)
{
    TAMGA_CLEANUP(free_key) struct tamga_public_key *stranger = NULL;
    const struct tamga_member *member;
    struct tamga_address stated;
    enum tamga_err err = TAMGA_OK;

    if (body->issuer_key == NULL || body->key == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "certificate lacks a key");
    if (tamga_hash_from(&stated.hash, tamga_wire_span(body->issuer)) != TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "issuer must have 32 bytes");
    tamga_key_address(issuer, (enum tamga_key_type)body->issuer_key->type,
                      tamga_wire_span(body->issuer_key->spki));
    if (!tamga_hash_equal(&issuer->hash, &stated.hash))
        return TAMGA_E_ADDRESS_MISMATCH;
    member = tamga_network_member(network, issuer);
    if (member == NULL)
        err = tamga_wire_key(&stranger, body->issuer_key);
    if (err == TAMGA_OK)
        err = tamga_signed_verify(untrusted, id, member == NULL ? stranger : member->key);
    return err == TAMGA_OK ? TAMGA_OK
                           : tamga_refuse(detail, err,
                                          "the device certificate's signature is wrong");
}

enum tamga_err tamga_certificate_open(struct tamga_certificate *out,
                                      const struct tamga_network *network,
                                      const Tamga__V1__Signed *untrusted,
                                      struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_certificate_clear) struct tamga_certificate certificate = {0};
    struct tamga_hash id;
    enum tamga_err err = tamga_signed_open(
        &id, (ProtobufCMessage **)&certificate.body, untrusted, TAMGA_DOMAIN_CERTIFICATE,
        &network->id, &tamga__v1__certificate_body__descriptor, detail);

    if (err == TAMGA_OK)
        err = tamga_device_id_check(certificate.body->device, detail);
    if (err == TAMGA_OK)
        err = verify_issuer(&certificate.issuer, network, untrusted, &id, certificate.body,
                            detail);
    if (err == TAMGA_OK)
        err = tamga_wire_key(&certificate.key, certificate.body->key);
    if (err != TAMGA_OK)
        return err;
    *out = certificate;
    certificate = (struct tamga_certificate){0};
    return TAMGA_OK;
}

static enum tamga_err refuse_issuer(const Tamga__V1__DeviceId *device, struct tamga_span name,
                                    struct tamga_detail *detail)
{
    return tamga_refuse(detail, TAMGA_E_ISSUER_NOT_OEM,
                        "issued by %.*s; only OEM %s may enrol %s/%s",
                        name.len > 0 ? (int)name.len : 10,
                        name.len > 0 ? (const char *)name.data : "a stranger",
                        device->producer, device->producer, device->model);
}

enum tamga_err tamga_issuer_known(const struct tamga_network *network,
                                  const struct tamga_address *issuer,
                                  const Tamga__V1__DeviceId *device,
                                  struct tamga_detail *detail)
{
    const struct tamga_member *member = tamga_network_member(network, issuer);

    if (member != NULL && (member->roles & TAMGA__V1__ROLE__ROLE_OEM) != 0 &&
        strcmp(member->name, device->producer) == 0)
        return TAMGA_OK;
    return refuse_issuer(device, tamga_span_text(member == NULL ? "" : member->name), detail);
}

enum tamga_err tamga_issuer_check(const struct tamga_state_value *member,
                                  const Tamga__V1__DeviceId *device,
                                  struct tamga_detail *detail)
{
    bool replaced = member->roles == 0 &&
                    (member->ending == TAMGA__V1__ENDING__ENDING_REPLACED ||
                     member->ending == TAMGA__V1__ENDING__ENDING_CHANGED);
    uint32_t roles = replaced ? member->former_roles : member->roles;

    if ((roles & TAMGA__V1__ROLE__ROLE_OEM) != 0 &&
        tamga_span_equal(member->name, tamga_span_text(device->producer)))
        return TAMGA_OK;
    return refuse_issuer(device, member->name, detail);
}

static enum tamga_err check_receipt(const Tamga__V1__ReceiptBody *receipt,
                                    struct tamga_detail *detail)
{
    bool confirmed = receipt->outcome == TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED;
    enum tamga_err err = tamga_device_id_check(receipt->device, detail);

    if (err != TAMGA_OK)
        return err;
    if (receipt->release.len != 32 || receipt->image_sha256.len != 32 ||
        receipt->nonce.len != TAMGA_NONCE_BYTES ||
        (receipt->block.len != 0 && receipt->block.len != 32) ||
        (receipt->permit.len != 0 && receipt->permit.len != 32))
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "receipt's ids have wrong lengths");
    if (receipt->outcome == TAMGA__V1__OUTCOME__OUTCOME_UNSPECIFIED ||
        receipt->receipt_counter == 0)
        return tamga_refuse(detail, TAMGA_E_BAD_RECEIPT, "receipt has no outcome or counter");
    if (confirmed != (receipt->reason == 0))
        return tamga_refuse(detail, TAMGA_E_BAD_RECEIPT,
                            "reason %u does not fit outcome %d", receipt->reason,
                            (int)receipt->outcome);
    if (confirmed && (receipt->to_counter < receipt->from_counter) != (receipt->permit.len > 0))
        return tamga_refuse(detail, TAMGA_E_BAD_RECEIPT,
                            "from counter %" PRIu64 " to %" PRIu64 " %s a permit",
                            receipt->from_counter, receipt->to_counter,
                            receipt->permit.len > 0 ? "by" : "without");
    return TAMGA_OK;
}

enum tamga_err tamga_receipt_open(Tamga__V1__ReceiptBody **out, struct tamga_hash *id,
                                  const struct tamga_network *network,
                                  const struct tamga_certificate *certificate,
                                  const Tamga__V1__Signed *untrusted,
                                  struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReceiptBody *receipt = NULL;
    enum tamga_err err = tamga_signed_open(
        id, (ProtobufCMessage **)&receipt, untrusted, TAMGA_DOMAIN_RECEIPT, &network->id,
        &tamga__v1__receipt_body__descriptor, detail);

    if (err != TAMGA_OK)
        return err;
    err = check_receipt(receipt, detail);
    if (err != TAMGA_OK)
        return err;
    if (certificate != NULL) {
        if (!tamga_device_id_equal(receipt->device, certificate->body->device))
            return tamga_refuse(detail, TAMGA_E_BAD_CERTIFICATE,
                                "receipt and certificate name different devices");
        err = tamga_signed_verify(untrusted, id, certificate->key);
        if (err != TAMGA_OK)
            return tamga_refuse(detail, err, "the device's signature is wrong");
    }
    *out = receipt;
    receipt = NULL;
    return TAMGA_OK;
}
