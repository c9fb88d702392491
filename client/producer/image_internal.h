/* What reading and sending an image share. Private to this folder. */
#ifndef TAMGA_PRODUCER_IMAGE_INTERNAL_H
#define TAMGA_PRODUCER_IMAGE_INTERNAL_H

#include "crypto/hash.h"
#include "producer/image.h"

/* Open a file that may be an image. Errors: FILE_IO, IMAGE_LENGTH. */
TAMGA_MUST_USE enum tamga_err tamga_image_open_file(struct tamga_image *image,
                                                    const char *path,
                                                    struct tamga_detail *detail);
/* Hash and tree of an image whose fd and length are set. Errors: FILE_IO,
 * IMAGE_MISMATCH. */
TAMGA_MUST_USE enum tamga_err tamga_image_measure(struct tamga_image *image,
                                                  const struct tamga_dag_options *dag,
                                                  tamga_client_progress progress,
                                                  void *context, struct tamga_detail *detail);

/* One reading of the file. */
struct tamga_pass {
    const struct tamga_dag_options *dag;
    tamga_dag_sink sink; /* NULL: nobody wants the blocks */
    void *sink_context;
    tamga_client_progress progress; /* NULL: none */
    void *context;
    enum tamga_client_step step;
};
/* Errors: FILE_IO, IMAGE_MISMATCH (another length), the sink's. */
TAMGA_MUST_USE enum tamga_err tamga_image_pass(const struct tamga_image *image,
                                               struct tamga_pass *pass,
                                               struct tamga_hash *sha256,
                                               struct tamga_cid *root,
                                               struct tamga_detail *detail);

#endif
