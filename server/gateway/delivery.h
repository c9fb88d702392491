/*
 * Where this gateway stands with each device: the state machine of Algorithm 3. Its own
 * word only, in memory; what counts is in the records.
 *
 *   offered -> downloading -> installing -> confirmed | refused | failed | rolled back
 *
 * A check-in begins anew from any state. Beside it, the proofs that devices of one model
 * have in common. Any thread.
 */
#ifndef TAMGA_GATEWAY_DELIVERY_H
#define TAMGA_GATEWAY_DELIVERY_H

#include "gateway/proof_cache.h"
#include "tamga/v1/gateway_service.pb-c.h"

#define TAMGA_DELIVERIES_MAX 131072 /* the one unchanged for longest makes room */

struct tamga_delivery {
    Tamga__V1__DeliveryState state;
    struct tamga_entry_id release; /* zero: none */
    uint64_t changed_ms;
};

struct tamga_deliveries;
TAMGA_MUST_USE enum tamga_err tamga_deliveries_new(struct tamga_deliveries **out,
                                                   size_t count_max);
void tamga_deliveries_free(struct tamga_deliveries *deliveries);
/* Borrowed for the table's life. */
struct tamga_proof_cache *tamga_deliveries_proofs(struct tamga_deliveries *deliveries);

/* device: tamga_key_device. A state that does not follow from the present one is not
 * entered (e.g. downloading after confirmed); returns whether it was. */
bool tamga_delivery_enter(struct tamga_deliveries *deliveries, const struct tamga_hash *device,
                          Tamga__V1__DeliveryState state,
                          const struct tamga_entry_id *release, uint64_t now_ms);
/* DELIVERY_NONE if unknown. */
struct tamga_delivery tamga_delivery_get(struct tamga_deliveries *deliveries,
                                         const struct tamga_hash *device);

/* An offer was made under a check-in's nonce: its image has so many bytes. */
void tamga_delivery_begin(struct tamga_deliveries *deliveries, const struct tamga_hash *device,
                          const uint8_t nonce[16], uint64_t image_bytes);
/* Whose check-in had this nonce; false if that is not known, or no longer. */
bool tamga_delivery_owner(struct tamga_deliveries *deliveries, const uint8_t nonce[16],
                          struct tamga_hash *device);
/* A block went to whoever holds the nonce: downloading, and installing once it has had
 * all of the image. Block requests name no device. */
void tamga_delivery_serve(struct tamga_deliveries *deliveries, const uint8_t nonce[16],
                          uint64_t bytes, uint64_t now_ms);

#endif
