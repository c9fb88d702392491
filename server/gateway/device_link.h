/*
 * Devices at the gateway's door: is the one that links by its own key the device that it
 * says, and does one that is linked speak for itself? Over plain tcp nobody is known, and
 * the signatures alone count, as they do in any case.
 */
#ifndef TAMGA_GATEWAY_DEVICE_LINK_H
#define TAMGA_GATEWAY_DEVICE_LINK_H

#include "crypto/tls.h"
#include "gateway/gateway.h"

/* Whom certificates are judged by; both borrowed. */
struct tamga_device_link {
    const struct tamga_network *network;
    const struct tamga_view *followed; /* the consortium chain, as far as it is here */
};
/*
 * For struct tamga_tls_want; context is a struct tamga_device_link.
 *
 * Errors:  as tamga_wire_unpack and tamga_certificate_open; ISSUER_NOT_OEM; CERTIFICATE_EXPIRED;
 *          BAD_CERTIFICATE: it is for another key; LINK_NAME: for another device; the view's.
 * Threads: any.
 */
TAMGA_MUST_USE enum tamga_err tamga_device_link_judge(void *context,
                                                      const struct tamga_tls_shown *shown,
                                                      struct tamga_detail *detail);
/* A call about a device. LINK_DEVICE: another device makes it. */
TAMGA_MUST_USE enum tamga_err tamga_device_link_speaks(void *call,
                                                       const Tamga__V1__DeviceId *device,
                                                       struct tamga_detail *detail);
/* A call under the nonce of a check-in. LINK_DEVICE: that was another device's. */
TAMGA_MUST_USE enum tamga_err tamga_device_link_fetches(void *call,
                                                        struct tamga_deliveries *deliveries,
                                                        struct tamga_span nonce,
                                                        struct tamga_detail *detail);

#endif
