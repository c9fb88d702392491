/*
 * What was said of a release after it was released: that it is withdrawn, or that devices may
 * go back to it. Each is final, and told by a member as the chain's state knows it.
 */
#ifndef TAMGA_AUDITOR_NOTICE_H
#define TAMGA_AUDITOR_NOTICE_H

#include "link/client_internal.h"
#include "tamga/v1/record.pb-c.h"

/* {0} is empty. What info borrows lives here. */
struct tamga_notice {
    struct tamga_notice_info info;
    struct tamga_item item;
    char by[TAMGA_CLIENT_NAME_MAX];
};
void tamga_notice_clear(struct tamga_notice *notice);

/*
 * Was a release withdrawn, as of the newest checkpoint? The notice stays empty if not.
 *
 * Errors:  as tamga_state_fetch and tamga_final_entry_fetch; PEER_LIED: what is shown does
 *          not withdraw it.
 */
TAMGA_MUST_USE enum tamga_err tamga_withdrawal_fetch(struct tamga_notice *out,
                                                     struct tamga_client *client,
                                                     const struct tamga_hash *release,
                                                     struct tamga_detail *detail);
/*
 * The permit that a receipt names, held against it.
 *
 * Errors:  as tamga_final_entry_fetch; BAD_PERMIT: it is none, not by the device's OEM, or
 *          not for this release, device and time.
 */
TAMGA_MUST_USE enum tamga_err tamga_permit_fetch(struct tamga_notice *out,
                                                 struct tamga_client *client,
                                                 const Tamga__V1__ReceiptBody *receipt,
                                                 struct tamga_detail *detail);

#endif
