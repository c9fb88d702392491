/*
 * Members, validators and parameters of the consortium chain as of one moment, and questions
 * about them by height. What is over stays in it, so that one answers for every height.
 */
#ifndef TAMGA_AUDITOR_ASSEMBLY_H
#define TAMGA_AUDITOR_ASSEMBLY_H

#include "link/state.h"

/* {0} is empty. */
struct tamga_assembly {
    Tamga__V1__StateRoster *roster;
    Tamga__V1__StateCouncil *council;
    Tamga__V1__StateParams *params; /* NULL: as in genesis */
    const struct tamga_network *network;
    struct tamga_checkpoint at; /* height 0: genesis is all that is known */
};
void tamga_assembly_clear(struct tamga_assembly *assembly);
/* Learns besides whom the roster names. Errors: as tamga_state_known, tamga_client_learn. */
TAMGA_MUST_USE enum tamga_err tamga_assembly_fetch(struct tamga_assembly *out,
                                                   struct tamga_client *client,
                                                   struct tamga_detail *detail);

/* The name's term that holds at a height, or the last that began by then; NULL: none. */
const Tamga__V1__Term *tamga_assembly_term(const struct tamga_assembly *assembly,
                                           const char *name, uint64_t height);
bool tamga_term_holds(const Tamga__V1__Term *term, uint64_t height);
/* Members with one of the roles; those who make blocks final; is this one of them? */
size_t tamga_assembly_count(const struct tamga_assembly *assembly, uint32_t roles,
                            uint64_t height);
size_t tamga_assembly_seats(const struct tamga_assembly *assembly, uint64_t height);
bool tamga_assembly_sits(const struct tamga_assembly *assembly, const char *name,
                         uint64_t height);
/* How many of so many voters must approve. */
size_t tamga_assembly_quorum(const struct tamga_assembly *assembly, size_t voters);
void tamga_wire_address(struct tamga_address *out, const Tamga__V1__PublicKey *key);

#endif
