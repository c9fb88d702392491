/* What the public functions share. Never installed. */
#ifndef TAMGA_LINK_CLIENT_INTERNAL_H
#define TAMGA_LINK_CLIENT_INTERNAL_H

#include "link/client.h"
#include "link/evidence.h"
#include "link/identity.h"
#include "link/session.h"
#include "tamga/v1/consortium_service.pb-c.h"

struct tamga_client {
    struct tamga_identity identity;
    struct tamga_chain consortium, gateway;
    struct tamga_tls *tls;          /* NULL: no address needs certificates */
    struct tamga_session *nodes;    /* to consortium nodes, who take releases and list them */
    struct tamga_session *releases; /* to all that hold the consortium chain: gateways too */
    struct tamga_session *records;  /* to gateways, who hold the gateway chain */
    uint32_t timeout_ms;
    bool model_known;            /* link/state.c: the model that was asked for last */
    struct tamga_hash model_key;
    struct tamga_buf model;      /* a StateModel; empty: not registered */
};

/* "P/M" and "P/M/N" taken apart. Texts end within the struct. */
struct tamga_model_name {
    char producer[TAMGA_CLIENT_NAME_MAX];
    char model[65];
};
struct tamga_device_name {
    char producer[TAMGA_CLIENT_NAME_MAX];
    char model[65];
    char number[65];
};
/* Errors: USAGE; detail says how it is written. */
TAMGA_MUST_USE enum tamga_err tamga_model_parse(struct tamga_model_name *out, const char *text,
                                                struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_device_parse(struct tamga_device_name *out,
                                                 const char *text,
                                                 struct tamga_detail *detail);

/* A verified release as people read it; borrows from the item. */
void tamga_release_describe(struct tamga_release_info *out, const struct tamga_chain *chain,
                            const struct tamga_item *item, uint64_t height,
                            const struct tamga_block_id *block);
/* What was said of it since: state may be NULL, which is nothing; borrowed. How many signatures
 * its model asks for is looked up, if it waits for them. Errors: as tamga_state_fetch. */
TAMGA_MUST_USE enum tamga_err tamga_release_mark(struct tamga_release_info *info,
                                                 struct tamga_client *client,
                                                 const Tamga__V1__StateRelease *state,
                                                 struct tamga_detail *detail);

/*
 * Visit the releases that a node lists for a model (or all, if model is NULL), each
 * opened and verified. Errors: as tamga_client_releases.
 */
typedef enum tamga_err (*tamga_release_visit)(void *context, const struct tamga_item *item,
                                              const Tamga__V1__ReleaseEntry *entry,
                                              const struct tamga_block_id *block);
TAMGA_MUST_USE enum tamga_err tamga_releases_visit(struct tamga_client *client,
                                                   const struct tamga_model_name *model,
                                                   tamga_release_visit visit, void *context,
                                                   struct tamga_detail *detail);

#endif
