/*
 * A transaction from its body to a proof that it is final: sign, submit on whichever node
 * answers, wait. All that is said on the consortium chain goes this way. Judges nothing.
 */
#ifndef TAMGA_LINK_SUBMIT_H
#define TAMGA_LINK_SUBMIT_H

#include "link/client_internal.h"

/* Fill in sender, key and time, and sign. Errors: as tamga_signed_make. */
TAMGA_MUST_USE enum tamga_err tamga_submit_sign(struct tamga_buf *payload, struct tamga_hash *id,
                                                const struct tamga_client *client,
                                                Tamga__V1__TransactionBody *body);
/* The same bytes as often as it takes: a node that has them already says so.
 * Errors: the node's; ID_MISMATCH. */
TAMGA_MUST_USE enum tamga_err tamga_submit_send(struct tamga_client *client,
                                                struct tamga_span payload,
                                                const struct tamga_hash *id,
                                                struct tamga_detail *detail);
/*
 * Wait as long as the options say, for what is accepted: result is set then, and further as
 * it comes to pass. Errors: DEADLINE; those of a proof that does not verify; the node's.
 */
TAMGA_MUST_USE enum tamga_err tamga_submit_wait(struct tamga_client *client,
                                                const struct tamga_submit_options *options,
                                                const struct tamga_hash *id,
                                                struct tamga_submit_result *result,
                                                struct tamga_detail *detail);
/* All three. options NULL: until it is in a block. */
TAMGA_MUST_USE enum tamga_err tamga_submit(struct tamga_client *client,
                                           Tamga__V1__TransactionBody *body,
                                           const struct tamga_submit_options *options,
                                           struct tamga_submit_result *result,
                                           struct tamga_detail *detail);
/* Milliseconds since 1970, by this machine's clock. */
uint64_t tamga_submit_now_ms(void);

#endif
