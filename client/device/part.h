/*
 * A slot's part file while an image arrives. What comes in is the image as it was released;
 * what the file holds is what the slot will: of a sealed image its plaintext. Private to
 * the device library; knows no gateway and no content ids.
 */
#ifndef TAMGA_DEVICE_PART_H
#define TAMGA_DEVICE_PART_H

#include "crypto/hash.h"
#include "crypto/seal.h"
#include "device/state.h"
#include "tamga/v1/transaction.pb-c.h"

/* {.fd = -1} is empty. It must not move while it is open. */
struct tamga_part {
    int fd;
    uint64_t length; /* that the file will have */
    uint64_t had;    /* of it, when it was opened */
    uint64_t at;     /* written */
    struct tamga_detail *detail;
    /* of a sealed image */
    struct tamga_seal *seal;          /* NULL: it is none */
    struct tamga_seal_stream *opener;
    struct tamga_sha256_stream *sha256; /* of the plaintext */
    uint8_t *chunk;                   /* plaintext of a chunk that was here */
    uint8_t *sealed;                  /* what it makes */
    uint64_t sealed_index;            /* of that chunk, plus one; 0: none */
};

/*
 * Open the file, made if absent; what it holds is kept.
 *
 * Shapes:  key is the release's content key; NULL exactly if it is not encrypted.
 * Errors:  FILE_IO, NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_part_open(struct tamga_part *part, int folder,
                                              const char *name,
                                              const Tamga__V1__Release *release,
                                              const struct tamga_seal_key *key,
                                              struct tamga_detail *detail);
void tamga_part_clear(struct tamga_part *part);
/*
 * Bytes of the released image, made of what the file held when it was opened. Whether they
 * are the right ones is the caller's to judge.
 *
 * Errors:  NOT_FOUND: the file did not hold so much; FILE_IO, CRYPTO.
 */
TAMGA_MUST_USE enum tamga_err tamga_part_get(struct tamga_part *part, uint8_t *out,
                                             size_t len, uint64_t offset);
/* The next bytes of the released image, verified. Errors: BAD_CIPHERTEXT; FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_part_add(struct tamga_part *part, struct tamga_span bytes);
/* As tamga_part_add, of bytes that came from tamga_part_get. */
TAMGA_MUST_USE enum tamga_err tamga_part_keep(struct tamga_part *part, struct tamga_span bytes);
/* That was all of the image: the file is what was signed, and on disk. Errors:
 * BAD_CIPHERTEXT, IMAGE_LENGTH, IMAGE_MISMATCH (of the plaintext); FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_part_finish(struct tamga_part *part,
                                                const Tamga__V1__Release *release);

#endif
