/*
 * The gateway's own rooms: gateway listener (the consortium chain, read only), device
 * listener, record miner. Two nodes in one process: the chain it follows and its own.
 */
#ifndef TAMGA_GATEWAY_GATEWAY_H
#define TAMGA_GATEWAY_GATEWAY_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/delivery.h"
#include "node/content.h"
#include "node/node.h"
#include "rules/rules.h"
#include "tamga/v1/device_service.pb-c.h"
#include "tamga/v1/gateway_service.pb-c.h"

struct tamga_gateway {
    const struct tamga_private_key *key;
    struct tamga_node *follower; /* consortium chain, written by nobody here */
    struct tamga_node *records;  /* gateway chain */
    struct tamga_content *content;
    struct tamga_deliveries *deliveries;
    atomic_uint serving; /* blocks being delivered now: the miner steps aside */
};

/* ---- gateway_listener.c: what the followed chain says ------------------------------- */

/* A transaction on the consortium chain. NOT_FOUND: none of that id in a block.
 * Owns: item by tamga_item_clear. */
TAMGA_MUST_USE enum tamga_err gateway_find_entry(const struct tamga_chain *chain,
                                                 const struct tamga_view *view,
                                                 const struct tamga_entry_id *id,
                                                 struct tamga_item *item);
/* Which device asks, and of what: all borrowed. */
struct gateway_question {
    const struct tamga_chain *chain;
    const struct tamga_view *view;
    const struct tamga_checkpoint *as_of;
    const Tamga__V1__CheckInBody *check_in;
    uint64_t now_ms;
};
/* Is it neither withdrawn nor waiting for signatures? Errors: the view's. */
TAMGA_MUST_USE enum tamga_err gateway_in_force(const struct tamga_view *view,
                                               const struct tamga_entry_id *id,
                                               bool *in_force);
/* The newest release that this device can take now (paper, Algorithm 3): all releases of
 * its model above the installed counter that are in force are looked at, the last suitable
 * one wins. NOT_FOUND: none. */
TAMGA_MUST_USE enum tamga_err gateway_newest_for(const struct tamga_chain *chain,
                                                 const struct tamga_reader *reader,
                                                 const Tamga__V1__CheckInBody *check_in,
                                                 uint64_t now_ms, struct tamga_item *item);

/* Could the device go back to this release, but for its counter? */
bool gateway_suits_back(const struct gateway_question *question,
                        const struct tamga_item *release);

/* May the issuer's key still vouch for the device, as of the followed chain's tip?
 * Errors: ISSUER_NOT_OEM; the view's. */
TAMGA_MUST_USE enum tamga_err gateway_check_issuer(const struct tamga_view *view,
                                                   const struct tamga_certificate *certificate,
                                                   struct tamga_detail *detail);

/* ---- permit.c ---------------------------------------------------------------------- */

/* The release of the counter that the device says it runs. NOT_FOUND: none of the chain. */
TAMGA_MUST_USE enum tamga_err gateway_running(struct tamga_entry_id *out,
                                              const struct gateway_question *question);
/* An older release in force that suits, and the newest permit to go back to it, given after
 * what runs was released. NOT_FOUND: none among the 64 newest permits of the model.
 * Owns: both by tamga_item_clear. */
TAMGA_MUST_USE enum tamga_err gateway_way_back(const struct gateway_question *question,
                                               struct tamga_item *release,
                                               struct tamga_item *permit);
/* Does a permit that is not over name what the device runs, and was it given after the block
 * at `height`? Then what that block released is not for this device: it came back from it. */
TAMGA_MUST_USE enum tamga_err gateway_stays(const struct gateway_question *question,
                                            uint64_t height, bool *stays);

/* ---- device_listener.c ------------------------------------------------------------- */

struct tamga_device_service {
    Tamga__V1__DeviceService_Service service; /* first */
    struct tamga_gateway *gateway;
};
void tamga_device_service_init(struct tamga_device_service *service,
                               struct tamga_gateway *gateway);

/* ---- record_miner.c: from a receipt to a record that waits for a block --------------- */

/* Answers the call itself, now or once the record is durable. */
void gateway_report(Tamga__V1__DeviceService_Service *service,
                    const Tamga__V1__ReportRequest *input,
                    Tamga__V1__ReportResponse_Closure closure, void *call);

/* ---- gateway_service.c -------------------------------------------------------------- */

struct tamga_gateway_service {
    Tamga__V1__GatewayService_Service service; /* first */
    struct tamga_gateway *gateway;
};
void tamga_gateway_service_init(struct tamga_gateway_service *service,
                                struct tamga_gateway *gateway);

#endif
