/* What a device shows at the door against what its OEM has signed. Carries nothing. */
#include "gateway/device_link.h"

#include <stdio.h>

#include "net/rpc.h"

#define NAME_MAX_CHARS (TAMGA_TLS_DEVICE_MAX + 1)

static void name_of(char out[NAME_MAX_CHARS], const Tamga__V1__DeviceId *device)
{
    snprintf(out, NAME_MAX_CHARS, "%s/%s/%s", device->producer, device->model, device->number);
}

/* ---- at the door ---------------------------------------------------------------------- */

static enum tamga_err check(const struct tamga_certificate *certificate,
                            const struct tamga_tls_shown *shown, struct tamga_detail *detail)
{
    const Tamga__V1__CertificateBody *body = certificate->body;
    char name[NAME_MAX_CHARS];

    name_of(name, body->device);
    if (strcmp(name, shown->name) != 0)
        return tamga_refuse(detail, TAMGA_E_LINK_NAME,
                            "%.100s shows the certificate of %.100s", shown->name, name);
    if (!tamga_span_equal(tamga_public_key_spki(certificate->key), shown->key))
        return tamga_refuse(detail, TAMGA_E_BAD_CERTIFICATE,
                            "%.100s links by another key than its OEM has certified",
                            shown->name);
    if (body->expires_ms != 0 && body->expires_ms <= tamga_wall_ms())
        return tamga_refuse(detail, TAMGA_E_CERTIFICATE_EXPIRED,
                            "the certificate of %.100s has expired", shown->name);
    return TAMGA_OK;
}

enum tamga_err tamga_device_link_judge(void *context, const struct tamga_tls_shown *shown,
                                       struct tamga_detail *detail)
{
    const struct tamga_device_link *link = context;
    TAMGA_CLEANUP(tamga_certificate_clear) struct tamga_certificate certificate = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *untrusted = NULL;
    enum tamga_err err;

    if (shown->certificate.len > TAMGA_CERTIFICATE_BYTES_MAX)
        return tamga_refuse(detail, TAMGA_E_TOO_LARGE, "%.100s shows %zu bytes, at most %d",
                            shown->name, shown->certificate.len, TAMGA_CERTIFICATE_BYTES_MAX);
    err = tamga_wire_unpack((ProtobufCMessage **)&untrusted, &tamga__v1__signed__descriptor,
                            TAMGA_WIRE_CANONICAL, shown->certificate, detail);
    if (err == TAMGA_OK)
        err = tamga_certificate_open(&certificate, link->network, untrusted, detail);
    if (err == TAMGA_OK)
        err = gateway_check_issuer(link->followed, &certificate, detail);
    return err == TAMGA_OK ? check(&certificate, shown, detail) : err;
}

/* ---- inside --------------------------------------------------------------------------- */

/* False: a member calls, or somebody over plain tcp. */
static bool linked_device(struct tamga_tls_identity *out, void *call)
{
    return tamga_rpc_peer(call, out) && out->roles == TAMGA_TLS_DEVICE;
}

enum tamga_err tamga_device_link_speaks(void *call, const Tamga__V1__DeviceId *device,
                                        struct tamga_detail *detail)
{
    struct tamga_tls_identity who;
    char name[NAME_MAX_CHARS];

    if (!linked_device(&who, call))
        return TAMGA_OK;
    name_of(name, device);
    return strcmp(name, who.name) == 0
               ? TAMGA_OK
               : tamga_refuse(detail, TAMGA_E_LINK_DEVICE, "%.100s speaks for %.100s", who.name,
                              name);
}

/* The door has seen to it that there are three parts. */
static void device_hash(struct tamga_hash *out, struct tamga_tls_identity *who)
{
    Tamga__V1__DeviceId id = TAMGA__V1__DEVICE_ID__INIT;
    char *rest = NULL;

    id.producer = strtok_r(who->name, "/", &rest);
    id.model = strtok_r(NULL, "/", &rest);
    id.number = strtok_r(NULL, "/", &rest);
    tamga_key_device(out, &id);
}

enum tamga_err tamga_device_link_fetches(void *call, struct tamga_deliveries *deliveries,
                                         struct tamga_span nonce, struct tamga_detail *detail)
{
    struct tamga_tls_identity who;
    struct tamga_hash device, owner;

    if (nonce.len != TAMGA_NONCE_BYTES || !linked_device(&who, call) ||
        !tamga_delivery_owner(deliveries, nonce.data, &owner))
        return TAMGA_OK;
    device_hash(&device, &who);
    return tamga_hash_equal(&device, &owner)
               ? TAMGA_OK
               : tamga_refuse(detail, TAMGA_E_LINK_DEVICE,
                              "%.100s fetches under another device's check-in", who.name);
}
