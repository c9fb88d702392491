/*
 * A release before it is signed: put together from options, then judged as every node
 * will judge it (the paper's Algorithm 1). Signs nothing, sends nothing.
 */
#ifndef TAMGA_PRODUCER_DRAFT_H
#define TAMGA_PRODUCER_DRAFT_H

#include "link/client_internal.h"
#include "producer/image.h"
#include "producer/sealing.h"

#define TAMGA_DEPENDS_MAX 16

struct tamga_draft {
    Tamga__V1__Release release; /* borrows from below and from the options */
    struct tamga_model_name model;
    char cid[TAMGA_CID_TEXT_MAX];
    struct tamga_model_name depend_model[TAMGA_DEPENDS_MAX];
    Tamga__V1__Dependency depend[TAMGA_DEPENDS_MAX];
    Tamga__V1__Dependency *depend_list[TAMGA_DEPENDS_MAX];
    struct tamga_sealing *sealing; /* NULL: the image is not sealed */
};

/* From options; the image's names come later. draft must not move afterwards.
 * Errors: USAGE, TOO_LARGE (lists). */
TAMGA_MUST_USE enum tamga_err tamga_draft_init(struct tamga_draft *draft,
                                               const struct tamga_publish_options *options,
                                               struct tamga_detail *detail);
/* What needs no image: who we are, what we may, as the chain's state says; as genesis does,
 * before there is a checkpoint. Errors: NOT_MEMBER, GATEWAY_SENDER, NOT_PRODUCER,
 * UNKNOWN_MODEL, NOT_AUTHORIZED, UNKNOWN_HARDWARE, KEY_ENDED, DELEGATION_EXPIRED,
 * DELEGATION_HARDWARE, RELEASE_EXPIRED; the nodes'. */
TAMGA_MUST_USE enum tamga_err tamga_draft_authority(const struct tamga_draft *draft,
                                                    struct tamga_client *client,
                                                    uint64_t now_ms,
                                                    struct tamga_detail *detail);
void tamga_draft_image(struct tamga_draft *draft, const struct tamga_image *image);
/* What the node's lists tell: image, counter (chosen here if it is 0), dependencies; then,
 * if the image is sealed, its key is wrapped; then the whole shape. Errors:
 * DUPLICATE_IMAGE, BAD_REPUBLISH, COUNTER_NOT_HIGHER, UNKNOWN_DEPENDENCY, those of
 * tamga_sealing_wrap, tamga_release_check and tamga_client_releases. */
TAMGA_MUST_USE enum tamga_err tamga_draft_judge(struct tamga_draft *draft,
                                                struct tamga_client *client,
                                                struct tamga_detail *detail);

#endif
