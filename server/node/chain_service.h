/* ChainService over the chains that a process holds. Reads only, from the stores. */
#ifndef TAMGA_NODE_CHAIN_SERVICE_H
#define TAMGA_NODE_CHAIN_SERVICE_H

#include "node/node.h"
#include "tamga/v1/chain_service.pb-c.h"

#define TAMGA_CHAINS_MAX 2

struct tamga_chain_service {
    Tamga__V1__ChainService_Service service; /* first: the stubs pass its address */
    struct tamga_node *node[TAMGA_CHAINS_MAX];
    size_t node_count;
};
/* The node that holds a chain, and a snapshot of its store. Errors: WRONG_CHAIN, the store's. */
TAMGA_MUST_USE enum tamga_err tamga_nodes_find(struct tamga_node **out,
                                               struct tamga_reader **reader,
                                               struct tamga_node *const *node, size_t count,
                                               ProtobufCBinaryData chain);
/* Nodes are borrowed for the service's life. */
void tamga_chain_service_init(struct tamga_chain_service *service,
                              struct tamga_node *const *node, size_t node_count);

/*
 * Fill an inclusion from a reader. What it points to is owned by *hold.
 *
 * Errors:  NOT_FOUND: not in a block of the best chain.
 */
struct tamga_inclusion_hold {
    struct tamga_block block;
    struct tamga_sealed_wire sealed;
    struct tamga_merkle_path path;
    ProtobufCBinaryData node[TAMGA_MERKLE_PATH_MAX];
    Tamga__V1__Inclusion message;
};
void tamga_inclusion_clear(struct tamga_inclusion_hold *hold);
TAMGA_MUST_USE enum tamga_err tamga_inclusion_find(struct tamga_inclusion_hold *hold,
                                                   const struct tamga_view *view,
                                                   const struct tamga_entry_id *id);

#endif
