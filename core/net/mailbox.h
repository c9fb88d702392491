/* A bounded queue of pointers: many threads put, one takes in batches. */
#ifndef TAMGA_NET_MAILBOX_H
#define TAMGA_NET_MAILBOX_H

#include "base/span.h"

struct tamga_mailbox;
TAMGA_MUST_USE enum tamga_err tamga_mailbox_new(struct tamga_mailbox **out, size_t count_max);
/* Takes letter on success. Errors: BUSY (full), STOPPING (closed). */
TAMGA_MUST_USE enum tamga_err tamga_mailbox_put(struct tamga_mailbox *mailbox, void *letter);
/* Up to max letters in order, waiting at most timeout_ms for the first; 0: none came. */
size_t tamga_mailbox_take(struct tamga_mailbox *mailbox, void **letter, size_t max,
                          uint32_t timeout_ms);
/* No more puts; what is inside can still be taken. Wakes the taker. */
void tamga_mailbox_close(struct tamga_mailbox *mailbox);
void tamga_mailbox_free(struct tamga_mailbox *mailbox);

#endif
