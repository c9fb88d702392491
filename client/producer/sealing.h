/*
 * An image for its recipients only: sealed into a file without a name, which is then the
 * image; and the content key wrapped for each of them once the release has its counter.
 * Knows no node.
 */
#ifndef TAMGA_PRODUCER_SEALING_H
#define TAMGA_PRODUCER_SEALING_H

#include "crypto/recipient.h"
#include "producer/image.h"
#include "rules/rules.h"

/* Wiped by clear; it must not move once it was used. */
struct tamga_sealing {
    size_t count; /* 0: the image is not to be sealed */
    struct tamga_recipient recipient[TAMGA_RECIPIENTS_MAX]; /* ascending by id */
    struct tamga_seal_key *key; /* owned, in locked memory; NULL: no image yet */
    struct tamga_hash plain_sha256;
    uint64_t plain_bytes;
    struct tamga_wrapped_key wrapped[TAMGA_RECIPIENTS_MAX];
    Tamga__V1__Recipient message[TAMGA_RECIPIENTS_MAX], *list[TAMGA_RECIPIENTS_MAX];
    Tamga__V1__Encryption encryption;
};

/* The recipients' key files. Errors: TOO_LARGE (more than 32), USAGE (one twice),
 * KEY_FILE. */
TAMGA_MUST_USE enum tamga_err tamga_sealing_init(struct tamga_sealing *sealing,
                                                 const struct tamga_publish_options *options,
                                                 struct tamga_detail *detail);
/* For TAMGA_CLEANUP. */
void tamga_sealing_clear(struct tamga_sealing *sealing);
/*
 * As tamga_image_open, of what the file is sealed to under a new key. The plaintext is read
 * once. The ciphertext lies in $TMPDIR, or else /var/tmp, without a name: it goes with the
 * process.
 *
 * Errors:  as tamga_image_open; IMAGE_LENGTH also if the sealed image were beyond 2^40
 *          bytes; FILE_IO.
 */
TAMGA_MUST_USE enum tamga_err tamga_sealing_image(struct tamga_sealing *sealing,
                                                  struct tamga_image *out,
                                                  const struct tamga_publish_options *options,
                                                  const struct tamga_dag_options *dag,
                                                  struct tamga_detail *detail);
/* Say for whom it is, in a release with all its names and its counter; lent to it. */
TAMGA_MUST_USE enum tamga_err tamga_sealing_wrap(struct tamga_sealing *sealing,
                                                 Tamga__V1__Release *release,
                                                 const struct tamga_scope *network,
                                                 struct tamga_detail *detail);

#endif
