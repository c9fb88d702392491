/*
 * Images in a process: the embedded block store, the nodes to ask for what it lacks, the
 * service that lends it to others, and (for who keeps everything) a replicator that
 * fetches the image of every release on the chain. Every block is checked against its CID.
 */
#ifndef TAMGA_NODE_CONTENT_H
#define TAMGA_NODE_CONTENT_H

#include "content/block_store.h"
#include "node/node.h"
#include "tamga/v1/content_service.pb-c.h"

struct tamga_content;

/* upstream: rpc addresses to fetch from. Errors: FILE_IO, USAGE, SYSTEM. */
TAMGA_MUST_USE enum tamga_err tamga_content_open(struct tamga_content **out,
                                                 const char *folder, uint64_t bytes_max,
                                                 const char *const *upstream,
                                                 size_t upstream_count,
                                                 struct tamga_detail *detail);
/* The same, also for tls+tcp:// if there is a link. */
TAMGA_MUST_USE enum tamga_err tamga_content_open_link(struct tamga_content **out,
                                                      const char *folder, uint64_t bytes_max,
                                                      const char *const *upstream,
                                                      size_t upstream_count,
                                                      const struct tamga_net_link *link,
                                                      struct tamga_detail *detail);
void tamga_content_close(struct tamga_content *content);
struct tamga_block_store *tamga_content_store(const struct tamga_content *content);

/* A block from here, or from upstream and then kept here. Any thread.
 * Errors: NO_CONTENT: nobody has it; UNREACHABLE, CONTENT_FULL, FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_content_get(struct tamga_content *content,
                                                const struct tamga_cid *cid,
                                                struct tamga_buf *out);

/* Fetch the image of every release on the chain, now and later. The place reached is
 * kept in the store's folder. */
TAMGA_MUST_USE enum tamga_err tamga_content_replicate(struct tamga_content *content,
                                                      const struct tamga_chain *chain,
                                                      struct tamga_store *store);
/* From tamga_node_options.tip_changed. */
void tamga_content_tip_changed(struct tamga_content *content, uint64_t height,
                               uint64_t abandoned);
void tamga_content_stop(struct tamga_content *content);

/* ContentService over the local store only: what is not here is asked elsewhere by the
 * caller, so that no two nodes ask each other in circles. */
struct tamga_content_service {
    Tamga__V1__ContentService_Service service; /* first */
    struct tamga_content *content;
    bool accept_puts; /* gateways take no uploads */
};
void tamga_content_service_init(struct tamga_content_service *service,
                                struct tamga_content *content, bool accept_puts);

#endif
