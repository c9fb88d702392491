/* FinalityService over the chains that a process holds: votes, checkpoints, proofs. */
#ifndef TAMGA_NODE_FINALITY_SERVICE_H
#define TAMGA_NODE_FINALITY_SERVICE_H

#include "node/chain_service.h"
#include "tamga/v1/finality.pb-c.h"

struct tamga_finality_service {
    Tamga__V1__FinalityService_Service service; /* first: the stubs pass its address */
    struct tamga_node *node[TAMGA_CHAINS_MAX];
    size_t node_count;
};
/* Nodes are borrowed for the service's life. */
void tamga_finality_service_init(struct tamga_finality_service *service,
                                 struct tamga_node *const *node, size_t node_count);

#endif
