/*
 * What a gateway answers to a check-in, with its proofs: read from the followed chain as it
 * was at its newest checkpoint, so that whatever is on offer is final. Verifies nothing:
 * devices do. Knows no socket.
 *
 * Source: docs/PROTOCOL.md, "Device session".
 */
#ifndef TAMGA_GATEWAY_OFFER_H
#define TAMGA_GATEWAY_OFFER_H

#include "gateway/proof_cache.h"
#include "node/entry_proof.h"
#include "node/proof_reader.h"
#include "tamga/v1/finality.pb-c.h"
#include "tamga/v1/record.pb-c.h"

/* {0} is empty. */
struct tamga_offer {
    struct tamga_item item;            /* the release on offer; empty: none */
    Tamga__V1__ReleaseProof *newest;   /* as of the newest checkpoint; NULL: not shown */
    bool older;                        /* another than the newest one is on offer: */
    struct tamga_entry_proof proof;    /* of it; a checkpoint of its own, or that of newest */
    Tamga__V1__StateProof *release;    /* that it is in force */
    Tamga__V1__StateProof *sender;     /* who released it */
    struct tamga_item permit;          /* to go back to it; empty: it is a way forward */
    struct tamga_entry_proof permit_proof;
    Tamga__V1__StateProof *permit_sender;
    Tamga__V1__StateProof *installed;  /* what runs was withdrawn, and nothing is on offer */
};
void tamga_offer_clear(struct tamga_offer *offer);
/*
 * The newest final release that suits a device, an older one that it may go back to, or what
 * shows that there is none.
 *
 * Owns:    *offer by tamga_offer_clear, also after an error.
 * Errors:  NOT_READY: the device has seen a newer checkpoint than is at hand here; the
 *          store's.
 */
TAMGA_MUST_USE enum tamga_err tamga_offer_make(struct tamga_offer *offer,
                                               struct tamga_node *follower,
                                               struct tamga_proof_cache *cache,
                                               const Tamga__V1__CheckInBody *check_in,
                                               uint64_t now_ms);

#endif
