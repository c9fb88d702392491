/*
 * Entries as nodes show them: asked for, opened, verified. What comes out of here is
 * what somebody signed and a miner sealed, whoever said it.
 */
#ifndef TAMGA_LINK_EVIDENCE_H
#define TAMGA_LINK_EVIDENCE_H

#include "link/proof.h"
#include "link/session.h"
#include "tamga/v1/transaction.pb-c.h"

/* {0} is empty. */
struct tamga_evidence {
    struct tamga_item item;
    bool pending; /* not in a block: sealed, block and index say nothing */
    struct tamga_sealed sealed;
    struct tamga_block_id block;
    uint32_t index;
};
void tamga_evidence_clear(struct tamga_evidence *evidence);

/*
 * Open an entry: shape, id, signatures, and whether its author has or had a role for it, as
 * far as members are known. Which models are whose is asked apart: tamga_author_check.
 *
 * Owns:    item is the caller's on success; untouched on failure.
 * Errors:  the rules' of decode and verify; NOT_MEMBER, GATEWAY_SENDER, NOT_PRODUCER;
 *          NOT_GATEWAY.
 */
TAMGA_MUST_USE enum tamga_err tamga_entry_open(struct tamga_item *item,
                                               const struct tamga_chain *chain,
                                               const Tamga__V1__Signed *untrusted,
                                               struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_entry_decode(struct tamga_item *item,
                                                 const struct tamga_chain *chain,
                                                 struct tamga_span untrusted,
                                                 struct tamga_detail *detail);

/*
 * Ask for an entry with its proof, by id.
 *
 * Errors:  NOT_FOUND; WRONG_CHAIN: no node holds that chain; those of tamga_entry_open
 *          and tamga_inclusion_proof; ID_MISMATCH: another entry was shown.
 */
TAMGA_MUST_USE enum tamga_err tamga_evidence_fetch(struct tamga_evidence *out,
                                                   struct tamga_session *session,
                                                   const struct tamga_chain *chain,
                                                   const struct tamga_entry_id *id,
                                                   struct tamga_detail *detail);

/* Name of a member for people: "acme", or "a stranger". */
const char *tamga_name_of(const struct tamga_network *network,
                          const struct tamga_address *address);

#endif
