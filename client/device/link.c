/* How a device links to gateways: whom it trusts and what it shows. Opens no connection. */
#include "device/internal.h"
#include "wire/wire.h"

#include <string.h>

/* By its own key, with what its OEM has signed. */
static enum tamga_err open_own(struct tamga_device *device,
                               const struct tamga_device_options *options,
                               struct tamga_detail *detail)
{
    struct tamga_tls_device own = {.ca = options->tls.ca,
                                   .crl = options->tls.crl,
                                   .key = device->key,
                                   .network = device->network->id.hash,
                                   .name = options->device};
    TAMGA_BUF certificate = {0};
    enum tamga_err err = tamga_wire_pack(&certificate, &device->certificate->base);

    if (err != TAMGA_OK)
        return err;
    own.certificate = tamga_buf_span(&certificate);
    return tamga_tls_open_device(&device->link.tls, &own, detail);
}

/* One of the network's CA: for this device, or for a member that it works for. */
static enum tamga_err open_network(struct tamga_device *device,
                                   const struct tamga_device_options *options,
                                   struct tamga_detail *detail)
{
    const struct tamga_device_tls *tls = &options->tls;
    struct tamga_tls_identity self;
    enum tamga_err err = tamga_tls_open(
        &device->link.tls,
        &(struct tamga_tls_files){
            .ca = tls->ca, .cert = tls->cert, .key = tls->key, .crl = tls->crl},
        detail);

    if (err != TAMGA_OK)
        return err;
    tamga_tls_self(device->link.tls, &self);
    if (!tamga_hash_equal(&self.network, &device->network->id.hash))
        return tamga_refuse(detail, TAMGA_E_LINK_FOREIGN, "%.150s is for another network",
                            tls->cert);
    if (self.roles == TAMGA_TLS_DEVICE && strcmp(self.name, options->device) != 0)
        return tamga_refuse(detail, TAMGA_E_LINK_NAME, "%.120s is that of device %.100s",
                            tls->cert, self.name);
    return TAMGA_OK;
}

enum tamga_err tamga_device_link_open(struct tamga_device *device,
                                      const struct tamga_device_options *options,
                                      struct tamga_detail *detail)
{
    const struct tamga_device_tls *tls = &options->tls;

    device->link.want.roles = TAMGA_TLS_GATEWAY;
    if (tls->ca == NULL)
        return TAMGA_OK;
    if ((tls->cert == NULL) != (tls->key == NULL))
        return tamga_refuse(detail, TAMGA_E_USAGE, "a certificate and its key go together");
    return tls->cert == NULL ? open_own(device, options, detail)
                             : open_network(device, options, detail);
}

enum tamga_err tamga_device_reload(struct tamga_device *device, struct tamga_detail *detail)
{
    return device->link.tls == NULL ? TAMGA_OK : tamga_tls_reload(device->link.tls, detail);
}
