/*
 * The finality of a fake node's chains: a checkpoint that the fixture's validators cosign
 * at once, and FinalityService over it. Private to the fake node.
 */
#ifndef TAMGA_TEST_FAKE_FINALITY_H
#define TAMGA_TEST_FAKE_FINALITY_H

#include <pthread.h>

#include "fake_node.h"
#include "merkle/tree.h"
#include "tamga/v1/consortium_service.pb-c.h"

/* A chain as it was when its tip became final. {0}: nothing is final. */
struct fake_final {
    struct tamga_reader *reader;
    struct tamga_checkpoint checkpoint;
    Tamga__V1__Checkpoint *message;
};
void fake_final_clear(struct fake_final *final);
/* The tip becomes final, by the word of so many. */
void fake_final_take(struct fake_final *final, const struct test_node *chain,
                     uint32_t cosigners);

/* A release proof, and what it points to. */
struct fake_release_proof {
    Tamga__V1__StateProof *latest;
    ProtobufCMessage *transaction; /* Tamga__V1__Signed */
    Tamga__V1__StateProof *member;
    Tamga__V1__ReleaseProof message;
};
void fake_release_proof_clear(struct fake_release_proof *proof);
void fake_release_proof_make(struct fake_release_proof *proof, const struct fake_final *final,
                             const struct tamga_chain *chain, const char *producer,
                             const char *model);

/* An entry's place in its block. */
struct fake_inclusion {
    struct tamga_buf payload;
    struct tamga_block block;
    struct tamga_merkle_path path;
    ProtobufCBinaryData node[TAMGA_MERKLE_PATH_MAX];
    struct tamga_sealed_wire sealed;
    Tamga__V1__Inclusion message;
};
void fake_inclusion_clear(struct fake_inclusion *inclusion);
/* Errors: NOT_FOUND: in no block. */
enum tamga_err fake_inclusion_find(struct fake_inclusion *out, const struct tamga_view *view,
                                   const struct tamga_entry_id *id);

struct fake_finality {
    Tamga__V1__FinalityService_Service service; /* first: found by cast */
    pthread_mutex_t *lock;
    const struct fake_options *options;
    const struct test_node *chain; /* consortium, gateway */
    struct fake_final final[2];
};
void fake_finality_init(struct fake_finality *finality);

#endif
