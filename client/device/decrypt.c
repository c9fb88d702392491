/* Whether a sealed image is for this device, and the key to it. Reads no image. */
#include "device/internal.h"
#include "wire/wire.h"

/* NULL: none of the recipients. */
static const Tamga__V1__Recipient *find_mine(const struct tamga_device *device,
                                             const Tamga__V1__Encryption *encryption)
{
    struct tamga_hash mine;

    if (device->decryption == NULL)
        return NULL;
    tamga_recipient_id(&mine, tamga_recipient_key_public(device->decryption));
    for (size_t i = 0; i < encryption->n_recipients; i++)
        if (tamga_span_equal(tamga_wire_span(encryption->recipients[i]->key_id),
                             tamga_hash_span(&mine)))
            return encryption->recipients[i];
    return NULL;
}

enum tamga_err tamga_recipient_check(const struct tamga_device *device,
                                     const Tamga__V1__Release *release,
                                     struct tamga_detail *detail)
{
    if (release->encryption == NULL || find_mine(device, release->encryption) != NULL)
        return TAMGA_OK;
    return tamga_refuse(detail, TAMGA_E_NO_RECIPIENT, "%s is encrypted for %zu; this device %s",
                        release->version, release->encryption->n_recipients,
                        device->decryption == NULL ? "has no decryption_key"
                                                   : "is none of them");
}

enum tamga_err tamga_content_key(struct tamga_seal_key *out, const struct tamga_device *device,
                                 const Tamga__V1__Release *release,
                                 struct tamga_detail *detail)
{
    const Tamga__V1__Recipient *mine = find_mine(device, release->encryption);
    struct tamga_wrapped_key wrapped;
    struct tamga_hash identity;
    enum tamga_err err;

    if (mine == NULL)
        return TAMGA_E_NO_RECIPIENT;
    if (tamga_hash_from(&wrapped.recipient, tamga_wire_span(mine->key_id)) != TAMGA_OK ||
        mine->ephemeral.len != sizeof wrapped.ephemeral ||
        mine->wrapped.len != sizeof wrapped.byte)
        return TAMGA_E_BAD_LENGTH;
    memcpy(wrapped.ephemeral, mine->ephemeral.data, sizeof wrapped.ephemeral);
    memcpy(wrapped.byte, mine->wrapped.data, sizeof wrapped.byte);
    tamga_release_identity(&identity, &device->network->id, release);
    err = tamga_seal_key_unwrap(out, device->decryption, &wrapped, &identity);
    if (err == TAMGA_E_BAD_WRAP)
        return tamga_refuse(detail, err, "the key of %s was wrapped for another release, or "
                            "is damaged", release->version);
    return err;
}
