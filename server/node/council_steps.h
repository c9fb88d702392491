/*
 * For those who trust earlier validators: the checkpoints by which they learn the later ones.
 * Read from a store, where every signature was verified; verifies nothing.
 */
#ifndef TAMGA_NODE_COUNCIL_STEPS_H
#define TAMGA_NODE_COUNCIL_STEPS_H

#include "chain/finality.h"

#define TAMGA_COUNCIL_STEPS_MAX 64

/* {0} is empty. */
struct tamga_council_steps {
    Tamga__V1__CouncilStep *step[TAMGA_COUNCIL_STEPS_MAX];
    size_t count;
};
void tamga_council_steps_clear(struct tamga_council_steps *steps);
/*
 * Of the changes decided above a height the first `max`, one for each checkpoint that tells
 * of a new one. What has no checkpoint yet is left out.
 *
 * Owns:    *steps by tamga_council_steps_clear, also after an error.
 * Errors:  the store's; NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_council_steps_find(struct tamga_council_steps *steps,
                                                       const struct tamga_chain *chain,
                                                       const struct tamga_reader *reader,
                                                       uint64_t above, size_t max);

#endif
