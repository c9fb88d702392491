/*
 * Every way something can go wrong, from one table.
 *
 * The class in the high byte decides what to do: 1 is the sender's fault (do not
 * retry), 2 means ask again, 3 is our machine. Codes are on the wire (receipts,
 * RPC details) and never change their number.
 */
#ifndef TAMGA_BASE_ERR_H
#define TAMGA_BASE_ERR_H

#include <stdint.h>

/* name, code, google.rpc.Code, sentence */
#define TAMGA_ERR_TABLE(X)                                                               \
    /* shape */                                                                          \
    X(TRUNCATED, 0x0101, 3, "message ends in the middle of a field")                     \
    X(TOO_LARGE, 0x0102, 3, "message or field is longer than its bound")                 \
    X(UNKNOWN_FIELD, 0x0103, 3, "message has a field that this version does not know")   \
    X(NOT_CANONICAL, 0x0104, 3, "signed bytes are not in canonical form")                \
    X(BAD_UTF8, 0x0105, 3, "text is not valid UTF-8")                                    \
    X(BAD_LENGTH, 0x0106, 3, "field does not have its fixed length")                     \
    X(MISSING_FIELD, 0x0107, 3, "a required field is absent")                            \
    X(BAD_VALUE, 0x0108, 3, "field has a value outside its range")                       \
    X(OVER_BUDGET, 0x0109, 8, "message would take more memory than its budget")          \
    X(NOT_FOUND, 0x010a, 5, "no such object here")                                       \
    X(WRONG_CHAIN, 0x010b, 5, "object or request is for a chain not held here")          \
    X(NO_METHOD, 0x010c, 12, "no such method on this server")                            \
    X(USAGE, 0x010d, 3, "command or configuration cannot be understood")                 \
    /* identity */                                                                       \
    X(BAD_KEY, 0x0120, 3, "key is not a usable key of the type it names")                \
    X(BAD_SIGNATURE, 0x0121, 16, "signature does not verify under the stated key")       \
    X(ID_MISMATCH, 0x0122, 3, "stated id is not the hash of the signed bytes")           \
    X(ADDRESS_MISMATCH, 0x0123, 3, "stated address is not the hash of the stated key")   \
    X(NOT_MEMBER, 0x0124, 7, "sender is not a member of this network")                   \
    X(GATEWAY_SENDER, 0x0125, 7, "a gateway cannot write to the consortium chain")       \
    X(NOT_PRODUCER, 0x0126, 7, "sender has no producer's role")                          \
    X(UNKNOWN_MODEL, 0x0127, 9, "model is not registered by its producer")               \
    X(NOT_AUTHORIZED, 0x0128, 7, "sender may not publish for this model")                \
    X(NOT_GATEWAY, 0x0129, 7, "sender has no gateway's role")                            \
    X(ISSUER_NOT_OEM, 0x012a, 7, "certificate is not issued by the device's OEM")        \
    X(BAD_CERTIFICATE, 0x012b, 3, "device certificate does not fit what it is used for") \
    X(CERTIFICATE_EXPIRED, 0x012c, 9, "device certificate has expired")                  \
    X(LINK_EXPIRED, 0x0130, 16, "certificate of the link's other end has expired")       \
    X(LINK_NOT_YET, 0x0131, 16, "certificate of the link's other end is not valid yet")  \
    X(LINK_FOREIGN, 0x0132, 16, "certificate is not one of this network's CA")           \
    X(LINK_REVOKED, 0x0133, 16, "certificate is revoked")                                \
    X(LINK_ROLE, 0x0134, 7, "certificate's member has no role that may link here")       \
    X(LINK_NAME, 0x0135, 7, "certificate names no member, or another one")               \
    X(LINK_NO_CERTIFICATE, 0x0136, 16, "the link's other end shows no certificate")      \
    X(LINK_REFUSED, 0x0137, 16, "the link's other end refuses this side")                \
    X(LINK_PROTOCOL, 0x0138, 3, "the link's other end does not speak TLS 1.3")           \
    X(LINK_CRL, 0x0139, 9, "revocation list is missing, out of date or not the CA's")    \
    X(LINK_DEVICE, 0x013a, 7, "the device that is linked is not the one of the call")   \
    X(ROLE_DENIED, 0x013e, 7, "caller's role may not call this method")                  \
    /* entries */                                                                        \
    X(STALE_TIME, 0x0140, 9, "timestamp is older than this chain accepts")               \
    X(FUTURE_TIME, 0x0141, 9, "timestamp is ahead of the clock by more than the drift")  \
    X(DUPLICATE_ENTRY, 0x0142, 6, "this very entry is in the chain already")             \
    X(DUPLICATE_IMAGE, 0x0143, 6, "this image was already released for this model")      \
    X(COUNTER_NOT_HIGHER, 0x0144, 9, "release counter is not above the newest one")      \
    X(BAD_REPUBLISH, 0x0145, 9, "re-release does not name the release of this image")    \
    X(RELEASE_EXPIRED, 0x0146, 9, "release has expired")                                 \
    X(UNKNOWN_HARDWARE, 0x0147, 9, "hardware revision is not one of the model's")        \
    X(BAD_CID, 0x0148, 3, "content id is not one that this network uses")                \
    X(CID_MISMATCH, 0x0149, 3, "bytes do not hash to their content id")                  \
    X(IMAGE_MISMATCH, 0x014a, 3, "image does not have the SHA-256 that is stated")       \
    X(IMAGE_LENGTH, 0x014b, 3, "image does not have the length that is stated")          \
    X(BAD_DAG, 0x014c, 3, "image's block tree is not one that this network uses")        \
    X(DUPLICATE_UPDATE, 0x014d, 6, "this device's install of this release is recorded")  \
    X(BAD_RECEIPT, 0x014e, 3, "record does not say what its receipt says")               \
    X(DUPLICATE_RECEIPT, 0x014f, 6, "this receipt of the device is recorded already")    \
    X(UNKNOWN_RELEASE, 0x0150, 9, "release is not in the consortium chain")              \
    X(DUPLICATE_PENDING, 0x0151, 6, "an entry that claims the same waits already")       \
    X(BAD_COMMITMENT, 0x0152, 3, "commitment is not that of its record")                 \
    X(UNKNOWN_DEPENDENCY, 0x0153, 9, "a dependency names no release of its model")       \
    X(COUNTER_USED, 0x0154, 6, "another release of the model has this counter")          \
    /* blocks and peers */                                                               \
    X(BAD_VERSION, 0x0160, 3, "header version is not one that this node knows")          \
    X(BAD_HEIGHT, 0x0161, 3, "height is not one above the parent's")                     \
    X(BAD_PARENT, 0x0162, 3, "block does not extend the given parent")                   \
    X(BAD_TARGET, 0x0163, 3, "target is not the one that the schedule sets")             \
    X(BAD_WORK, 0x0164, 3, "block id does not meet its target")                          \
    X(BAD_SEAL, 0x0165, 16, "seal does not verify under the miner's key")                \
    X(NOT_MINER, 0x0166, 7, "miner may not mine this chain")                             \
    X(TIME_TOO_OLD, 0x0167, 3, "block time is not above the median of the last 11")      \
    X(TIME_TOO_NEW, 0x0168, 3, "block time is ahead of the clock by more than the drift") \
    X(BAD_ROOT, 0x0169, 3, "body root does not cover the listed entries")                \
    X(BAD_COUNT, 0x016a, 3, "header counts other entries than the body has")             \
    X(EMPTY_BLOCK, 0x016b, 3, "block has no entries")                                    \
    X(BLOCK_TOO_LARGE, 0x016c, 3, "block has more entries or bytes than allowed")        \
    X(ENTRY_TWICE, 0x016d, 3, "block has the same entry twice")                          \
    X(BLOCK_ID_MISMATCH, 0x016e, 3, "block is not the one that was asked for")           \
    X(INVALID_ANCESTOR, 0x0170, 3, "block builds on a block known to be invalid")        \
    X(PEER_LIED, 0x0171, 3, "peer claimed a chain that it did not show")                 \
    X(TOO_MANY_BRANCHES, 0x0172, 8, "too many headers off the best chain")               \
    X(BAD_PROOF, 0x0173, 3, "Merkle proof does not lead to the root")                    \
    X(BAD_STATE_ROOT, 0x0174, 3, "state root is not that of the entries")                \
    X(BAD_ANCHOR, 0x0175, 3, "anchor is no final block, or is behind the parent's")      \
    X(UNKNOWN_LOCATOR, 0x0176, 3, "locator names no block of this chain")                \
    X(BELOW_FINAL, 0x0177, 9, "branch leaves the chain below a final block")             \
    /* devices */                                                                        \
    X(MODEL_MISMATCH, 0x0180, 9, "release is for another model")                         \
    X(HARDWARE_MISMATCH, 0x0181, 9, "release is not for this hardware revision")         \
    X(COUNTER_ROLLBACK, 0x0182, 9, "release counter is not above the installed one")     \
    X(FIRST_INSTALL_NEEDED, 0x0183, 9, "an empty device takes only a first install")     \
    X(NOT_ON_CHAIN, 0x0184, 9, "release is not in a block of the chain shown")           \
    X(INSTALL_FAILED, 0x0185, 13, "image could not be installed")                        \
    X(DEPENDENCY_MISSING, 0x0186, 9, "a release that this one depends on is not there")  \
    X(WRONG_NONCE, 0x0187, 3, "answer is not to the question that was asked")            \
    /* finality and proofs */                                                            \
    X(NOT_VALIDATOR, 0x0190, 7, "signer is no validator of this chain")                  \
    X(BAD_VOTE, 0x0191, 3, "vote's target is not above its source")                      \
    X(VOTE_TWICE, 0x0192, 6, "validator voted differently for this height before")       \
    X(VOTE_SURROUNDS, 0x0193, 6, "vote lies around another of its validator's, or inside") \
    X(VOTE_OFF_SOURCE, 0x0194, 3, "vote's target does not descend from its source")      \
    X(TOO_FEW_COSIGNERS, 0x0198, 9, "checkpoint has no quorum of cosignatures")          \
    X(COSIGNER_TWICE, 0x0199, 3, "checkpoint's cosigners are not distinct and in order") \
    X(COSIGNER_REVOKED, 0x019a, 7, "checkpoint is cosigned by a revoked validator")      \
    X(CHECKPOINT_OLDER, 0x019b, 9, "checkpoint is behind one that is trusted already")   \
    X(CHECKPOINT_CONFLICT, 0x019c, 9, "checkpoint contradicts what is final")            \
    X(PROOF_KEY, 0x01a0, 3, "state proof is for another key")                            \
    X(PROOF_DEPTH, 0x01a1, 3, "state proof has not the shape of its depth")              \
    X(PROOF_ROOT, 0x01a2, 3, "state proof does not lead to the state root")              \
    X(PROOF_HEADERS, 0x01a3, 3, "headers do not lead from the block to the checkpoint")  \
    X(NOT_NEWEST, 0x01a4, 9, "release is not the one that the state names as newest")    \
    /* encrypted images */                                                               \
    X(NO_RECIPIENT, 0x01b0, 9, "image is encrypted, and not for this key")               \
    X(BAD_WRAP, 0x01b1, 3, "wrapped key does not open for this release")                 \
    X(BAD_CIPHERTEXT, 0x01b2, 3, "encrypted image is not what was sealed")               \
    /* governance and authority */                                                       \
    X(KEY_NOT_YET, 0x01c0, 7, "sender's key is not valid yet at this height")            \
    X(KEY_ENDED, 0x01c1, 7, "sender's key is not valid any more at this height")         \
    X(NOT_VOTER, 0x01c2, 7, "sender has no say in what changes")                         \
    X(UNKNOWN_PROPOSAL, 0x01c3, 9, "no such proposal or release to approve")             \
    X(PROPOSAL_OVER, 0x01c4, 9, "proposal is decided or has expired")                    \
    X(APPROVED_ALREADY, 0x01c5, 6, "this member has approved it already")                \
    X(NO_QUORUM, 0x01c6, 9, "change would leave nobody to decide, mine or make final")   \
    X(NO_CHANGE, 0x01c7, 9, "change says what is so already, or nothing")                \
    X(CHANGE_PENDING, 0x01c8, 9, "an earlier change has not taken effect yet")           \
    X(NAME_TAKEN, 0x01c9, 6, "another member has or had this name")                      \
    X(KEY_TAKEN, 0x01ca, 6, "a member has or had this key")                              \
    X(UNKNOWN_MEMBER, 0x01cb, 9, "no member of this name")                               \
    X(BAD_POSSESSION, 0x01cc, 16, "new key has not signed for itself")                   \
    X(ROSTER_FULL, 0x01cd, 8, "no room for another member, key or parameter")            \
    X(BAD_COUNCIL, 0x01ce, 3, "validators are not those that header or checkpoint states") \
    X(NOT_OWNER, 0x01d0, 7, "only the model's owner may say this")                       \
    X(NOT_SIGNER, 0x01d1, 7, "release does not ask for this member's signature")         \
    X(DELEGATION_EXPIRED, 0x01d2, 7, "sender's delegation has expired")                  \
    X(DELEGATION_HARDWARE, 0x01d3, 7, "sender's delegation is not for this hardware")    \
    X(RELEASE_WITHDRAWN, 0x01d4, 9, "release was withdrawn")                             \
    X(RELEASE_UNSIGNED, 0x01d5, 9, "release lacks signatures that its model asks for")   \
    X(BAD_PERMIT, 0x01d6, 9, "permit is not for this device, release or time")           \
    X(DELEGATES_FULL, 0x01d7, 8, "model has as many delegations as it may")              \
    /* ask again */                                                                      \
    X(NO_PARENT, 0x0201, 9, "parent block has not arrived yet")                          \
    X(NEED_PAYLOAD, 0x0202, 9, "a record that the block commits to has not arrived yet") \
    X(NO_CONTENT, 0x0203, 9, "image has not arrived in this node's content store")       \
    X(MEMPOOL_FULL, 0x0204, 8, "mempool is full")                                        \
    X(QUOTA, 0x0205, 8, "sender has as many entries waiting as one member may")          \
    X(BUSY, 0x0206, 14, "server has as much to do as it takes on")                       \
    X(DEADLINE, 0x0207, 4, "time for the call has run out")                              \
    X(UNREACHABLE, 0x0208, 14, "no node could be reached")                               \
    X(STOPPING, 0x0209, 14, "server is stopping")                                        \
    X(CONTENT_FULL, 0x020a, 8, "content store is full")                                  \
    X(NOT_READY, 0x020b, 14, "node is still catching up")                                \
    X(UNKNOWN_BLOCK, 0x020c, 9, "block that this speaks of has not arrived yet")         \
    X(NEED_ANCHOR, 0x020d, 9, "anchor's block is not final here yet")                    \
    X(NEED_MEMBER, 0x0210, 9, "miner is no member here: blocks that say so may be missing") \
    X(RATE_LIMITED, 0x020e, 8, "caller asks for more than its share")                    \
    /* our machine */                                                                    \
    X(STORE_IO, 0x0301, 13, "store could not be read or written")                        \
    X(STORE_CORRUPT, 0x0302, 15, "store is damaged")                                     \
    X(STORE_FOREIGN, 0x0303, 9, "store belongs to another chain or version")             \
    X(NO_MEMORY, 0x0304, 8, "out of memory")                                             \
    X(CRYPTO, 0x0305, 13, "cryptographic library failed")                                \
    X(FILE_IO, 0x0306, 13, "file could not be read or written")                          \
    X(KEY_FILE, 0x0307, 13, "key file cannot be used")                                   \
    X(SYSTEM, 0x0308, 13, "operating system refused a resource")

enum tamga_err {
    TAMGA_OK = 0,
#define TAMGA_ERR_ENUM(name, code, grpc, text) TAMGA_E_##name = code,
    TAMGA_ERR_TABLE(TAMGA_ERR_ENUM)
#undef TAMGA_ERR_ENUM
};

enum tamga_err_class {
    TAMGA_CLASS_OK = 0,
    TAMGA_CLASS_REJECT = 1,
    TAMGA_CLASS_LATER = 2,
    TAMGA_CLASS_LOCAL = 3,
};

#define TAMGA_MUST_USE __attribute__((warn_unused_result))
#define TAMGA_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

#define TAMGA_DETAIL_MAX 256

/* What was found and what would be accepted, for a person. Empty text: nothing to add. */
struct tamga_detail {
    char text[TAMGA_DETAIL_MAX];
};

/* "DUPLICATE_IMAGE"; "OK"; "UNKNOWN" for a number from elsewhere that is no code. */
const char *tamga_err_name(enum tamga_err err);
/* The sentence that names the rule. */
const char *tamga_err_text(enum tamga_err err);
/* google.rpc.Code to answer with. */
uint32_t tamga_err_grpc(enum tamga_err err);
enum tamga_err_class tamga_err_class(enum tamga_err err);
/* The code of a number from the wire, TAMGA_E_BAD_VALUE if there is no such code. */
enum tamga_err tamga_err_from_code(uint32_t code);

/* Write the detail (may be NULL) and return err, so that a refusal is one line. */
enum tamga_err tamga_refuse(struct tamga_detail *detail, enum tamga_err err,
                            const char *format, ...) TAMGA_PRINTF(3, 4);

#endif
