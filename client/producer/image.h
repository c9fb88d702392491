/*
 * The image that is to be published: read once to learn its names, and once more to send
 * what the network lacks. Knows no release.
 */
#ifndef TAMGA_PRODUCER_IMAGE_H
#define TAMGA_PRODUCER_IMAGE_H

#include "content/dag.h"
#include "link/client.h"
#include "link/session.h"

struct tamga_image {
    int fd;
    uint64_t bytes;
    struct tamga_hash sha256;
    struct tamga_cid root;
};

/*
 * Open a file, hash it, build its tree as `ipfs add` does.
 *
 * Owns:    *out is the caller's, tamga_image_close; the same open file is sent later.
 * Errors:  FILE_IO; IMAGE_LENGTH: not a regular file, empty, or beyond 2^40 bytes;
 *          IMAGE_MISMATCH: it changed while it was read.
 */
TAMGA_MUST_USE enum tamga_err tamga_image_open(struct tamga_image *out, const char *path,
                                               const struct tamga_dag_options *dag,
                                               tamga_client_progress progress, void *context,
                                               struct tamga_detail *detail);
void tamga_image_close(struct tamga_image *image);

/*
 * Read it again and put every block that the session's node lacks.
 *
 * Errors:  IMAGE_MISMATCH: the file is not the one that was opened any more; FILE_IO;
 *          PEER_LIED: an answer that is none; the node's.
 */
TAMGA_MUST_USE enum tamga_err tamga_image_send(const struct tamga_image *image,
                                               struct tamga_session *session,
                                               tamga_client_progress progress, void *context,
                                               struct tamga_detail *detail);

#endif
