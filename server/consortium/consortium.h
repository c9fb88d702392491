/* The consortium node's own rooms. */
#ifndef TAMGA_CONSORTIUM_CONSORTIUM_H
#define TAMGA_CONSORTIUM_CONSORTIUM_H

#include "node/content.h"
#include "node/node.h"
#include "tamga/v1/consortium_service.pb-c.h"

struct tamga_consortium_service {
    Tamga__V1__ConsortiumService_Service service; /* first */
    struct tamga_node *node;
    struct tamga_content *content;
};
void tamga_consortium_service_init(struct tamga_consortium_service *service,
                                   struct tamga_node *node, struct tamga_content *content);

/* transaction_handler.c */
void consortium_submit_transaction(Tamga__V1__ConsortiumService_Service *service,
                                   const Tamga__V1__SubmitTransactionRequest *input,
                                   Tamga__V1__SubmitTransactionResponse_Closure closure,
                                   void *call);

#endif
