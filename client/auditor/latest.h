/*
 * The proof that a release is its model's newest, or that there is none: opened from its
 * bytes alone, so that a file is judged exactly as a node's answer is.
 */
#ifndef TAMGA_AUDITOR_LATEST_H
#define TAMGA_AUDITOR_LATEST_H

#include "link/client_internal.h"
#include "link/finality.h"
#include "rules/proof.h"

/* {0} is empty. */
struct tamga_latest {
    struct tamga_buf bytes; /* the proof */
    struct tamga_model_name model;
    struct tamga_item item; /* the release; empty: there is none */
    bool withdrawn;         /* it was */
    struct tamga_standing sender; /* who released it, as the proof has him */
    struct tamga_cosigned cosigned;
};
void tamga_latest_clear(struct tamga_latest *latest);

/*
 * Verify an encoded ReleaseProof. model NULL: that of the release in it.
 *
 * Owns:    *out is the caller's on success; untouched on failure.
 * Errors:  TOO_LARGE, the wire's, MISSING_FIELD; as tamga_release_proof_check.
 */
TAMGA_MUST_USE enum tamga_err tamga_latest_open(struct tamga_latest *out,
                                                const struct tamga_chain *consortium,
                                                struct tamga_span untrusted,
                                                const struct tamga_model_name *model,
                                                struct tamga_detail *detail);

#endif
