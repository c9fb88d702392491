/*
 * What members of a cluster say on its consortium chain: any action, signed as of now with the
 * fixture's keys; and that what was refused has changed nothing anywhere.
 */
#ifndef TAMGA_TEST_SAY_H
#define TAMGA_TEST_SAY_H

#include "cluster.h"

#define SAY_REPLY(name, process)                                                         \
    TAMGA_CLEANUP(tamga_reply_clear)                                                     \
    struct tamga_reply name = {.channel = (process)->channel, .deadline_ms = 2000}

uint64_t say_now_ms(void);

/* Actions to say; each holds until the next one is made. Proposals and permits are open for an
 * hour, changes take effect after a block. */

/* What `name` is to be; key and roles: as they are, if NULL and 0. */
Tamga__V1__TransactionBody *say_propose(const char *name, Tamga__V1__Standing standing,
                                        const char *key, uint32_t roles);
Tamga__V1__TransactionBody *say_remove(const char *name);
Tamga__V1__TransactionBody *say_join(const char *name, uint32_t roles);
Tamga__V1__TransactionBody *say_approve(const struct tamga_entry_id *id);
/* The sender's model asks for so many signatures, of which the signer's may be one. */
Tamga__V1__TransactionBody *say_signers(const char *model, uint32_t needed, const char *signer);
/* hardware NULL: all; until_ms 0: for good. */
Tamga__V1__TransactionBody *say_delegate(const char *model, const char *provider,
                                         const char *hardware, uint64_t until_ms);
Tamga__V1__TransactionBody *say_withdraw(const struct tamga_entry_id *id);
Tamga__V1__TransactionBody *say_permit(const struct tamga_entry_id *id);
Tamga__V1__TransactionBody *say_rotate(const struct cluster *cluster, const char *old,
                                       const char *new, uint32_t after);

/* Sign the action; sender, key and time are filled in. id may be NULL. */
void say_sign(struct cluster *cluster, struct tamga_buf *out, struct tamga_entry_id *id,
              const char *sender, Tamga__V1__TransactionBody *body);
/* Sign, submit at node-a, and wait for the block there. */
void say(struct cluster *cluster, struct tamga_entry_id *id, const char *sender,
         Tamga__V1__TransactionBody *body);

/* Height of the entry's block at node-a; it is in one. */
uint64_t say_height(struct cluster *cluster, const struct tamga_entry_id *id);
/* Is the entry final at every process that runs? */
bool say_is_final(struct cluster *cluster, const struct tamga_entry_id *id);
void say_wait_final(struct cluster *cluster, const struct tamga_entry_id *id);
/* The header of a process's tip. Returns false if the tip moved meanwhile. */
bool say_tip(struct cluster *cluster, const char *name, struct tamga_header *out);

/* What all running processes' tips state of the state; entries alone change it. */
void say_root(struct cluster *cluster, struct tamga_hash *out);
/*
 * The payload is refused by a running node, by this code and with a sentence; no process knows
 * the entry, and the state is everywhere what it was.
 */
void say_refused(struct cluster *cluster, const char *what, enum tamga_err expected,
                 const struct tamga_buf *payload, const struct tamga_entry_id *id);
/* The same of a verdict that was had otherwise. */
void say_was_refused(struct cluster *cluster, const char *what, enum tamga_err expected,
                     enum tamga_err err, const struct tamga_detail *detail);

#endif
