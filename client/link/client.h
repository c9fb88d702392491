/*
 * libtamga-client: what members and auditors do with a network. Publish a release; decide
 * with others who is a member; say who may publish for a model; list releases; prove which
 * is the newest; read a device's history, verified. Installed as <tamga/client.h>.
 *
 * The library trusts the genesis file alone: who is a member now, and which models there
 * are, it takes from the chain's state as a quorum of validators has cosigned it. It prints
 * nothing; it starts threads only while it uploads. Calls on one client are made one at a
 * time.
 */
#ifndef TAMGA_CLIENT_H
#define TAMGA_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "base/err.h"

#define TAMGA_CLIENT_ID_BYTES    32
#define TAMGA_CLIENT_CID_MAX     64 /* texts: with their NUL */
#define TAMGA_CLIENT_NAME_MAX    33
#define TAMGA_CLIENT_MODEL_MAX   98 /* P/M */
#define TAMGA_CLIENT_DEVICE_MAX  163 /* P/M/N */
#define TAMGA_CLIENT_VERSION_MAX 65
#define TAMGA_CLIENT_LIST_MAX    32 /* hardware revisions, dependencies, recipients */
#define TAMGA_CLIENT_SIGNERS_MAX 16
#define TAMGA_CLIENT_NUMBERS_MAX 256 /* devices of a permit */

struct tamga_client;

/* Texts are copied. */
struct tamga_client_options {
    const char *const *nodes;    /* tls+tcp:// or tcp://host:port, tried in turn */
    size_t node_count;           /* 1..32 */
    const char *identity;        /* a member's folder; NULL: only reads */
    const char *genesis;         /* file; NULL: genesis.tamga of the identity */
    const char *passphrase_file; /* of the identity's key; NULL: not encrypted */
    const char *passphrase;      /* the same as text, if there is no file */
    uint32_t timeout_ms; /* for an answer, for the block, to be final, each; 0: 30,000 */
    /* Folder with tls.crt, tls.key, ca.crt and ca.crl, for tls+tcp://; NULL: the identity. */
    const char *tls;
};

/*
 * Load keys, genesis and, if an address is tls+tcp://, certificates; does not connect yet.
 * A node whose certificate has not the role that a call needs is passed over: LINK_ROLE if
 * none has it. Another LINK_ code says why an end refuses the other.
 *
 * Owns:    *out is the caller's, tamga_client_close.
 * Errors:  USAGE (no node, a bad address, neither identity nor genesis, no certificates for
 *          tls+tcp://), KEY_FILE, FILE_IO, those of a genesis that does not verify, LINK_
 *          codes of certificates that nobody would take, SYSTEM, NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_client_open(struct tamga_client **out,
                                                const struct tamga_client_options *options,
                                                struct tamga_detail *detail);
void tamga_client_close(struct tamga_client *client);
/* "0.1.0" */
const char *tamga_client_version(void);

/* ---- producers ------------------------------------------------------------------ */

enum tamga_client_wait {
    TAMGA_WAIT_MINED,    /* until a block has it, and the proof of that is checked */
    TAMGA_WAIT_ACCEPTED, /* until a node has it on its disk */
    TAMGA_WAIT_FINAL,    /* until a quorum of validators has cosigned that its block stays,
                            and the proof of that is checked */
};

enum tamga_client_step {
    TAMGA_STEP_HASH,   /* done and total are bytes of the image */
    TAMGA_STEP_UPLOAD, /* the same */
    TAMGA_STEP_SUBMIT, /* total is 0 from here on */
    TAMGA_STEP_WAIT,  /* for a block */
    TAMGA_STEP_FINAL, /* for a checkpoint at or above the block */
    TAMGA_STEP_SEAL,  /* before all others: done and total are bytes of the plaintext */
};
typedef void (*tamga_client_progress)(void *context, enum tamga_client_step step,
                                      uint64_t done, uint64_t total);

/* What a member says of anything but an image, and what became of it. */
struct tamga_submit_options {
    enum tamga_client_wait wait;
    tamga_client_progress progress; /* NULL: none */
    void *progress_context;
};
struct tamga_submit_result {
    uint8_t tx_id[TAMGA_CLIENT_ID_BYTES];
    bool accepted; /* a node has taken it */
    bool mined;    /* block and height are set */
    uint8_t block[TAMGA_CLIENT_ID_BYTES];
    uint64_t height;
    bool final;                 /* checkpoint_height is set */
    uint64_t checkpoint_height; /* of the checkpoint that makes the block final */
};

struct tamga_publish_options {
    const char *image;   /* file of 1..2^40 bytes */
    const char *model;   /* P/M */
    const char *version;
    uint64_t counter;    /* 0: one above the newest */
    const char *const *hardware; /* none: all of the model */
    size_t hardware_count;
    const char *const *depends;  /* "P/M:VERSION" */
    size_t depends_count;        /* at most 16 */
    uint64_t expires_ms;         /* since 1970-01-01 UTC; 0: never */
    bool first_install;
    bool urgent;
    const uint8_t *republish_of; /* id of the earlier release; NULL */
    enum tamga_client_wait wait;
    tamga_client_progress progress; /* NULL: none */
    void *progress_context;
    /* Public keys, files (X25519): the image is sealed, and only their holders can read it.
     * None: it is not. */
    const char *const *encrypt_to;
    size_t encrypt_to_count; /* at most 32 */
};

/* Of a sealed image, cid, image_sha256 and image_bytes are the ciphertext's. */
struct tamga_publish_result {
    uint8_t tx_id[TAMGA_CLIENT_ID_BYTES];
    char cid[TAMGA_CLIENT_CID_MAX];
    uint8_t image_sha256[TAMGA_CLIENT_ID_BYTES];
    uint64_t image_bytes;
    uint64_t counter;
    bool accepted; /* a node has taken it */
    bool mined;    /* block and height are set */
    uint8_t block[TAMGA_CLIENT_ID_BYTES];
    uint64_t height;
    bool final;                 /* checkpoint_height is set */
    uint64_t checkpoint_height; /* of the checkpoint that makes the block final */
    bool waits; /* once it is final: for more signatures, so that it is not in force yet */
};

/*
 * Publish an image: hash it and build its tree, check what every node will check (the
 * paper's Algorithm 1), upload the blocks that the node lacks, sign, submit, wait.
 * Nothing is signed or sent before all checks have passed here.
 *
 * Outputs: on failure untouched, except that after acceptance (result->accepted) all but
 *          block and height are set, and these too if result->mined: the release is out,
 *          though not seen in a block, or not final.
 * Errors:  USAGE (model or a dependency is not written so, a recipient is there twice);
 *          TOO_LARGE (lists); KEY_FILE (a recipient's); FILE_IO; IMAGE_LENGTH;
 *          NOT_MEMBER, GATEWAY_SENDER, NOT_PRODUCER, UNKNOWN_MODEL, NOT_AUTHORIZED,
 *          UNKNOWN_HARDWARE, BAD_VALUE, RELEASE_EXPIRED, DUPLICATE_IMAGE, BAD_REPUBLISH,
 *          COUNTER_NOT_HIGHER, UNKNOWN_DEPENDENCY; IMAGE_MISMATCH: the file changed while
 *          it was read; whatever the node says; of the later class if it did not answer
 *          in time: the same call again is safe then.
 */
TAMGA_MUST_USE enum tamga_err tamga_client_publish(struct tamga_client *client,
                                                   const struct tamga_publish_options *options,
                                                   struct tamga_publish_result *result,
                                                   struct tamga_detail *detail);

/* ---- members: what they decide together, or of themselves ------------------------ */

/* OR of these are a member's roles. */
enum tamga_client_role {
    TAMGA_CLIENT_OEM = 1,
    TAMGA_CLIENT_PROVIDER = 2,
    TAMGA_CLIENT_CONSORTIUM = 4,
    TAMGA_CLIENT_GATEWAY = 8,
};
enum tamga_client_standing {
    TAMGA_STANDS_AS_IS,
    TAMGA_STANDS_ACTIVE,
    TAMGA_STANDS_SUSPENDED, /* until it is made active again */
    TAMGA_STANDS_REMOVED,   /* for good */
};
enum tamga_client_seat {
    TAMGA_SITS_AS_IS,
    TAMGA_SITS,        /* becomes a validator */
    TAMGA_SITS_NO_MORE,
};

/* What is left out stays as it is. */
struct tamga_member_proposal {
    const char *name;
    enum tamga_client_standing standing;
    uint32_t roles;       /* 0: as they are */
    const char *key_file; /* public key; NULL: as it is */
    bool revoke_key;      /* the key that it has is lost or stolen */
    enum tamga_client_seat seat;
};
/* 0: as it is. Ranges as in genesis. */
struct tamga_params_proposal {
    uint64_t entry_age_max_ms;
    uint32_t block_entries_max;
    uint32_t block_bytes_max;
};
struct tamga_propose_options {
    const struct tamga_member_proposal *member; /* this, */
    const struct tamga_params_proposal *params; /* or that */
    uint32_t after;      /* blocks from decision to effect, 1..1,000; 0: 2 */
    uint64_t expires_ms; /* not to be decided after; 0: 7 days from now */
    const char *reason;  /* for people; NULL: none */
};

/*
 * Propose a change. It is the proposer's own approval too. submit NULL: until it is mined.
 *
 * Outputs: as of tamga_client_publish: untouched on failure, unless result->accepted.
 * Errors:  USAGE (neither change, or both; no identity); KEY_FILE; the nodes':
 *          docs/PROTOCOL.md, "Governance".
 */
TAMGA_MUST_USE enum tamga_err tamga_client_propose(struct tamga_client *client,
                                                   const struct tamga_propose_options *options,
                                                   const struct tamga_submit_options *submit,
                                                   struct tamga_submit_result *result,
                                                   struct tamga_detail *detail);
/* Approve a proposal, or a release that waits for signatures; id: of its transaction. */
TAMGA_MUST_USE enum tamga_err tamga_client_approve(struct tamga_client *client,
                                                   const uint8_t id[TAMGA_CLIENT_ID_BYTES],
                                                   const struct tamga_submit_options *submit,
                                                   struct tamga_submit_result *result,
                                                   struct tamga_detail *detail);
/* What opens a private key. {NULL, NULL}: nothing is needed. */
struct tamga_key_secret {
    const char *passphrase_file; /* its first line, */
    const char *passphrase;      /* or the text itself */
};
/*
 * Replace one's own key: signed with the old one, and by the new one for itself.
 *
 * Shapes:  key: the new private key, a file or a pkcs11: URI. after: blocks from its block
 *          to its effect, 1..1,000; 0: 2.
 */
TAMGA_MUST_USE enum tamga_err tamga_client_rotate_key(struct tamga_client *client,
                                                      const char *key,
                                                      const struct tamga_key_secret *secret,
                                                      uint32_t after,
                                                      const struct tamga_submit_options *submit,
                                                      struct tamga_submit_result *result,
                                                      struct tamga_detail *detail);

/* ---- members: models, and what is said of releases afterwards -------------------- */

/* A model of one's own as it is to be from now on; delegations stay. */
struct tamga_model_options {
    const char *model; /* P/M; P is the own name */
    const char *const *hardware;
    size_t hardware_count; /* at most TAMGA_CLIENT_LIST_MAX */
    const char *const *signers; /* members whose signatures count beside the publisher's */
    size_t signers_count; /* at most TAMGA_CLIENT_SIGNERS_MAX */
    uint32_t needed;      /* signatures of a release, the publisher's included */
    bool countersign;     /* a provider's release needs ours among them */
};
TAMGA_MUST_USE enum tamga_err tamga_client_register_model(
    struct tamga_client *client, const struct tamga_model_options *options,
    const struct tamga_submit_options *submit, struct tamga_submit_result *result,
    struct tamga_detail *detail);

struct tamga_delegate_options {
    const char *model;    /* P/M; P is the own name */
    const char *provider; /* member's name */
    const char *const *hardware; /* only for these; none: all */
    size_t hardware_count;
    uint64_t until_ms;    /* not after; 0: until it is taken back */
    bool revoke;          /* it is taken back */
};
TAMGA_MUST_USE enum tamga_err tamga_client_delegate(struct tamga_client *client,
                                                    const struct tamga_delegate_options *options,
                                                    const struct tamga_submit_options *submit,
                                                    struct tamga_submit_result *result,
                                                    struct tamga_detail *detail);
/* Recall a release: by who published it, or by the model's owner. */
TAMGA_MUST_USE enum tamga_err tamga_client_withdraw(struct tamga_client *client,
                                                    const uint8_t id[TAMGA_CLIENT_ID_BYTES],
                                                    const char *reason,
                                                    const struct tamga_submit_options *submit,
                                                    struct tamga_submit_result *result,
                                                    struct tamga_detail *detail);

/* Let devices go back to an older release. */
struct tamga_permit_options {
    const uint8_t *release;     /* id of its transaction */
    const char *const *devices; /* "P/M/N"; none: all of the model */
    size_t devices_count;       /* at most TAMGA_CLIENT_NUMBERS_MAX */
    uint64_t expires_ms;
    const char *reason;
};
TAMGA_MUST_USE enum tamga_err tamga_client_permit(struct tamga_client *client,
                                                  const struct tamga_permit_options *options,
                                                  const struct tamga_submit_options *submit,
                                                  struct tamga_submit_result *result,
                                                  struct tamga_detail *detail);

/* ---- auditors ------------------------------------------------------------------- */

/* A block that a quorum of validators has cosigned: it stays, with all below it. */
struct tamga_checkpoint_info {
    uint64_t height;
    uint8_t block[TAMGA_CLIENT_ID_BYTES];
    uint8_t state_root[TAMGA_CLIENT_ID_BYTES];
    uint64_t time_ms;
    const char *const *cosigners; /* names of members */
    size_t cosigner_count;
    size_t validator_count; /* how many might have signed */
    size_t quorum;          /* how many must have */
};

/* Borrowed for the callback that it is given to. */
struct tamga_release_info {
    uint8_t tx_id[TAMGA_CLIENT_ID_BYTES];
    const char *producer; /* P of the model P/M */
    const char *model;
    const char *version;
    uint64_t counter;
    const char *cid;
    uint8_t image_sha256[TAMGA_CLIENT_ID_BYTES];
    uint64_t image_bytes;
    const char *const *hardware;
    size_t hardware_count;
    struct tamga_release_dependency {
        const char *producer, *model, *version;
    } depends[TAMGA_CLIENT_LIST_MAX];
    size_t depends_count;
    uint64_t expires_ms;
    bool first_install;
    bool urgent;
    bool republish;
    uint8_t republish_of[TAMGA_CLIENT_ID_BYTES];
    const char *sender; /* name of the member that signed it */
    uint8_t sender_address[TAMGA_CLIENT_ID_BYTES];
    uint64_t time_ms;
    uint8_t block[TAMGA_CLIENT_ID_BYTES];
    uint64_t height; /* 0: in no block yet */
    /* What was said of it since. Of a listed release that is the node's word. */
    bool withdrawn;
    uint8_t withdrawn_by[TAMGA_CLIENT_ID_BYTES]; /* transaction; zeros: not known here */
    bool waits;                    /* for signatures: it is not in force yet */
    const char *const *signed_by;  /* if it waits or needed several */
    size_t signed_by_count;
    uint32_t needed;               /* of a release that waits; 0: not known here */
    bool countersign;              /* the owner's must be among them */
};
/* TAMGA_OK goes on; anything else ends the listing and is its result. */
typedef enum tamga_err (*tamga_release_each)(void *context,
                                             const struct tamga_release_info *release);

/*
 * All releases, or those of a model "P/M"; ascending by counter within a model. Author,
 * signature and authority are verified; that the list is complete, and the block, are
 * the node's word.
 *
 * Errors:  USAGE; those of a release that does not verify; PEER_LIED: a release of
 *          another model, or a list without an end; the node's; each's.
 */
TAMGA_MUST_USE enum tamga_err tamga_client_releases(struct tamga_client *client,
                                                    const char *model,
                                                    tamga_release_each each, void *context,
                                                    struct tamga_detail *detail);

/* What is so of a transaction now. */
struct tamga_signer_info {
    char name[TAMGA_CLIENT_NAME_MAX];
    bool ended;         /* its key is no member's any more, or the member has other roles */
    const char *ending; /* "revoked", "replaced", ... */
    uint64_t until;     /* first height at which it was so */
};

/* ---- members, proposals and models, as of the newest checkpoint: proved ------------ */

/* A term of a member: a key with its roles, by heights. Borrowed for the callback. */
struct tamga_member_info {
    const char *name;
    uint32_t roles;
    uint8_t address[TAMGA_CLIENT_ID_BYTES]; /* of the key */
    const char *key_type;                   /* p256, rsa3072 or ed25519 */
    uint64_t from;      /* first height */
    uint64_t until;     /* first height at which it is over; 0: not decided */
    const char *ending; /* "": it has no end; changed, replaced, suspended, revoked, removed */
    bool holds;         /* at the height that was asked for */
    bool validator;     /* then */
    uint64_t height;    /* that height */
};
typedef enum tamga_err (*tamga_member_each)(void *context, const struct tamga_member_info *member);
/*
 * Who is a member at a height, or is to be one after it; 0: of the block after the newest
 * checkpoint's. With `all`, every term that there ever was. Before the first checkpoint:
 * whom genesis names.
 *
 * Errors:  those of a proof that does not verify; the nodes'; each's.
 */
TAMGA_MUST_USE enum tamga_err tamga_client_members(struct tamga_client *client, uint64_t height,
                                                   bool all, tamga_member_each each,
                                                   void *context, struct tamga_detail *detail);

enum tamga_client_verdict {
    TAMGA_VERDICT_OPEN,
    TAMGA_VERDICT_DECIDED,
    TAMGA_VERDICT_EXPIRED,
};
/* Borrowed for the callback. */
struct tamga_proposal_info {
    uint8_t id[TAMGA_CLIENT_ID_BYTES];
    const char *proposer;
    const char *subject;        /* the member's name, or "consortium" */
    const char *const *diff;    /* what it changes, a line each: "roles: provider -> oem" */
    size_t diff_count;
    const char *reason;
    uint32_t after;             /* blocks from decision to effect */
    uint64_t expires_ms;
    const char *const *approvals;
    size_t approvals_count;
    size_t counted;             /* of them, that still have a say */
    size_t needed;              /* as things are now */
    size_t voters;
    enum tamga_client_verdict verdict;
    uint64_t decided;           /* height of the deciding block; 0: not yet */
    uint64_t effect;            /* height from which it holds; 0: not decided */
    bool final;                 /* as of a checkpoint, proved; else the node's word */
};
typedef enum tamga_err (*tamga_proposal_each)(void *context,
                                              const struct tamga_proposal_info *proposal);
/* In the order in which they came; that the list is complete is the node's word.
 * Errors: PEER_LIED; those of a proof that does not verify; the nodes'; each's. */
TAMGA_MUST_USE enum tamga_err tamga_client_proposals(struct tamga_client *client, bool open_only,
                                                     tamga_proposal_each each, void *context,
                                                     struct tamga_detail *detail);
/* One of them, by its id. Errors: UNKNOWN_PROPOSAL besides. */
TAMGA_MUST_USE enum tamga_err tamga_client_proposal(struct tamga_client *client,
                                                    const uint8_t id[TAMGA_CLIENT_ID_BYTES],
                                                    tamga_proposal_each each, void *context,
                                                    struct tamga_detail *detail);

/* Borrowed for the callback. */
struct tamga_model_info {
    const char *model; /* P/M */
    const char *owner;
    const char *const *hardware;
    size_t hardware_count;
    const char *const *signers;
    size_t signers_count;
    uint32_t needed;
    bool countersign;
    struct tamga_delegation_info {
        const char *provider;
        const char *const *hardware; /* none: all */
        size_t hardware_count;
        uint64_t until_ms; /* 0: until it is taken back */
    } delegations[TAMGA_CLIENT_LIST_MAX];
    size_t delegations_count;
    uint64_t checkpoint_height; /* 0: what genesis says */
};
typedef enum tamga_err (*tamga_model_each)(void *context, const struct tamga_model_info *model);
/* Errors: USAGE; UNKNOWN_MODEL; those of a proof that does not verify; the nodes'; each's. */
TAMGA_MUST_USE enum tamga_err tamga_client_model(struct tamga_client *client, const char *model,
                                                 tamga_model_each each, void *context,
                                                 struct tamga_detail *detail);

/* ---- releases and devices ---------------------------------------------------------- */

/* Borrowed for the callback that it is given to. */
struct tamga_latest_info {
    const char *model; /* P/M */
    struct tamga_checkpoint_info checkpoint;
    /* The newest as of the checkpoint; NULL: there is none. block and height: 0 if the node
     * did not say; they are no part of the proof. */
    const struct tamga_release_info *release;
    const struct tamga_release_info *newer; /* on the best chain, not final yet; NULL: none */
    const struct tamga_release_info *waiting; /* newer, and waits for signatures; NULL: none */
    const uint8_t *proof; /* to keep or to hand on: see tamga_client_proof_verify */
    size_t proof_bytes;
};
typedef enum tamga_err (*tamga_latest_each)(void *context,
                                            const struct tamga_latest_info *latest);

/*
 * The newest release of a model "P/M" as of the newest checkpoint, proved: by the
 * cosignatures of a quorum and a path in the state that they cosigned, so that no node can
 * hold it back or show an older one as the newest as of that checkpoint. How old the
 * checkpoint is, the caller sees. `each` is called once.
 *
 * Errors:  USAGE; NOT_READY: there is no checkpoint yet; those of a proof that does not
 *          verify: tamga_client_proof_verify; the node's; each's.
 */
TAMGA_MUST_USE enum tamga_err tamga_client_latest(struct tamga_client *client,
                                                  const char *model, tamga_latest_each each,
                                                  void *context, struct tamga_detail *detail);

#define TAMGA_CLIENT_PROOF_BYTES_MAX 1048576

/*
 * Verify such a proof from a genesis file alone, without any node.
 *
 * Shapes:  proof_bytes is at most TAMGA_CLIENT_PROOF_BYTES_MAX. model: "P/M"; NULL: that of
 *          the release in the proof, which must show one.
 * Errors:  USAGE; those of a genesis that does not verify; TOO_LARGE; those of a message
 *          that is not canonical; MISSING_FIELD; NOT_VALIDATOR, COSIGNER_TWICE,
 *          COSIGNER_REVOKED, BAD_SIGNATURE, TOO_FEW_COSIGNERS; PROOF_KEY, PROOF_DEPTH,
 *          PROOF_ROOT; NOT_NEWEST; those of a release that does not verify; each's.
 */
TAMGA_MUST_USE enum tamga_err tamga_client_proof_verify(const char *genesis,
                                                        const uint8_t *proof,
                                                        size_t proof_bytes, const char *model,
                                                        tamga_latest_each each, void *context,
                                                        struct tamga_detail *detail);

enum tamga_client_outcome {
    TAMGA_CLIENT_CONFIRMED = 1,
    TAMGA_CLIENT_REFUSED,
    TAMGA_CLIENT_FAILED,
    TAMGA_CLIENT_ROLLED_BACK,
};

/* That a release is withdrawn, or that devices may go back to it: final, and verified. */
struct tamga_notice_info {
    uint8_t tx_id[TAMGA_CLIENT_ID_BYTES];
    const char *by; /* name of the member, as the chain's state has it */
    const char *reason;
    uint64_t time_ms;    /* when it was signed */
    uint64_t expires_ms; /* of a permit */
    uint64_t height;     /* of its block on the consortium chain */
};

struct tamga_record_info {
    uint8_t record_id[TAMGA_CLIENT_ID_BYTES];
    const char *device;  /* P/M/N */
    const char *gateway; /* name of the member that delivered */
    uint64_t time_ms;    /* when the gateway got the receipt */
    enum tamga_client_outcome outcome;
    enum tamga_err reason; /* TAMGA_OK exactly if confirmed */
    const char *reinstall; /* "", "recovery", "replaced part", "test",
                              "after it had gone back" */
    uint64_t receipt_counter;
    uint64_t missing;      /* receipts that should be between the one before and this */
    uint64_t from_counter;
    uint64_t to_counter;
    uint64_t device_time_ms;
    uint8_t image_sha256[TAMGA_CLIENT_ID_BYTES];
    uint8_t release_tx[TAMGA_CLIENT_ID_BYTES];
    const char *version;     /* of the release; NULL: it could not be had, see release_err */
    const char *released_by; /* the member that signed it; NULL likewise */
    enum tamga_err release_err;
    uint8_t block[TAMGA_CLIENT_ID_BYTES]; /* on the gateway chain */
    uint64_t height;
    /* If the device confirmed the release and that was withdrawn, as of the newest checkpoint;
     * NULL: it was not, or withdrawn_err says why that could not be seen. */
    const struct tamga_notice_info *withdrawn;
    enum tamga_err withdrawn_err;
    bool by_permit; /* the device went back: permit_tx is set */
    uint8_t permit_tx[TAMGA_CLIENT_ID_BYTES];
    const struct tamga_notice_info *permit; /* NULL: none, or see permit_err */
    enum tamga_err permit_err;
};
typedef enum tamga_err (*tamga_record_each)(void *context,
                                            const struct tamga_record_info *record);

/*
 * What happened to a device "P/M/N", oldest first, from a gateway. Of each record are
 * verified: id, gateway's signature and role, device certificate, the device's own
 * receipt, and the proof that a block of the gateway chain commits to it; of the release
 * its author, authority and place in the consortium chain, and whether it was withdrawn; of a
 * way back the permit.
 *
 * Errors:  USAGE; those of a record or proof that does not verify; PEER_LIED: a record of
 *          another device, or out of order; the gateway's; each's.
 */
TAMGA_MUST_USE enum tamga_err tamga_client_history(struct tamga_client *client,
                                                   const char *device, tamga_record_each each,
                                                   void *context, struct tamga_detail *detail);

#ifdef __cplusplus
}
#endif

#endif
