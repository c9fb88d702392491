/*
 * The table of bounds. Each number is the one in the comment of its proto file, which
 * is the place to read why. Knows no bytes.
 */
#include "wire/bounds.h"

#include "tamga/v1/block.pb-c.h"
#include "tamga/v1/chain_service.pb-c.h"
#include "tamga/v1/consortium_service.pb-c.h"
#include "tamga/v1/content_service.pb-c.h"
#include "tamga/v1/crypto.pb-c.h"
#include "tamga/v1/device_service.pb-c.h"
#include "tamga/v1/device_state.pb-c.h"
#include "tamga/v1/finality.pb-c.h"
#include "tamga/v1/gateway_service.pb-c.h"
#include "tamga/v1/genesis.pb-c.h"
#include "tamga/v1/gossip.pb-c.h"
#include "tamga/v1/record.pb-c.h"
#include "tamga/v1/rpc.pb-c.h"
#include "tamga/v1/state.pb-c.h"
#include "tamga/v1/transaction.pb-c.h"

#define MIB 1048576u

#define HASH_LEN     32u
#define NONCE_LEN    16u
#define HEADER_LEN   228u
#define NAME_MAX_LEN 32u /* of a member */
#define PRODUCER_MAX 32u
#define MODEL_MAX    64u
#define HARDWARE_MAX 32u
#define CID_MAX      128u
#define PAGE_MAX     64u /* the place to go on from, in a listing */
#define BLOCK_MAX    (2u * MIB)
#define ENTRIES_MAX  65536u
#define ENTRY_MAX    65536u
#define VALIDATORS_MAX 128u
#define COUNCIL_MAX    262144u
/* An encoded Signed: body, its tag and length (4), id (34), signature (at most 392). */
#define SIGNED_MAX  (TAMGA_WIRE_BODY_MAX + 512u)
#define MESSAGE_MAX (4u * MIB) /* of one NNG message */

struct type_bounds {
    const ProtobufCMessageDescriptor *type;
    const struct tamga_bound *row;
    size_t count;
};

/* clang-format off */
#define LEN(field, min, max)             {(field), (min), (max), 0, 0}
#define FIXED(field, len)                {(field), (len), (len), 0, 0}
#define HASH(field)                      {(field), HASH_LEN, HASH_LEN, 0, 0}
#define MANY(field, count)               {(field), 0, 0, (count), 0}
#define MANY_LEN(field, min, max, count) {(field), (min), (max), (count), 0}
#define MANY_HASH(field, count)          {(field), HASH_LEN, HASH_LEN, (count), 0}

#define ROWS(...) (const struct tamga_bound[]){__VA_ARGS__}
#define TYPE(name, ...)                                                                \
    {&tamga__v1__##name##__descriptor, ROWS(__VA_ARGS__),                              \
     sizeof(ROWS(__VA_ARGS__)) / sizeof(struct tamga_bound)}

static const struct type_bounds table[] = {
    /* crypto, block: first, for these are met most */
    TYPE(public_key, LEN(2, 1, 512)),
    TYPE(signature, LEN(2, 64, 384)),
    TYPE(signed, HASH(1), LEN(2, 1, TAMGA_WIRE_BODY_MAX)),
    TYPE(sealed_header, FIXED(1, HEADER_LEN)),
    TYPE(block, {2, 1, ENTRY_MAX, ENTRIES_MAX, BLOCK_MAX}),
    TYPE(block_announce, MANY_HASH(2, ENTRIES_MAX)),
    TYPE(status_body, HASH(1), HASH(3), HASH(5), HASH(9), HASH(11)),
    TYPE(stored_header, HASH(2)),
    /* transaction */
    TYPE(dependency, LEN(1, 1, PRODUCER_MAX), LEN(2, 1, MODEL_MAX), LEN(3, 1, 64)),
    TYPE(recipient, HASH(1), HASH(2), FIXED(3, 48)),
    TYPE(encryption, MANY(2, 32), HASH(3)),
    TYPE(release,
         LEN(1, 1, PRODUCER_MAX), LEN(2, 1, MODEL_MAX), LEN(3, 1, 64),
         LEN(5, 1, CID_MAX), HASH(6), MANY_LEN(8, 1, HARDWARE_MAX, 32), MANY(10, 16),
         HASH(13)),
    TYPE(transaction_body, HASH(1)),
    TYPE(member_change, LEN(1, 1, NAME_MAX_LEN)),
    TYPE(params_change, LEN(1, 1, NAME_MAX_LEN)),
    TYPE(propose, LEN(12, 1, 256)),
    TYPE(approve, HASH(1)),
    TYPE(register_model,
         LEN(1, 1, MODEL_MAX), MANY_LEN(2, 1, HARDWARE_MAX, 32), MANY_LEN(3, 1, NAME_MAX_LEN, 16)),
    TYPE(delegate,
         LEN(1, 1, MODEL_MAX), LEN(2, 1, NAME_MAX_LEN), MANY_LEN(3, 1, HARDWARE_MAX, 32)),
    TYPE(withdraw, HASH(1), LEN(2, 1, 256)),
    TYPE(permit, HASH(1), MANY_LEN(2, 1, 64, 256), LEN(4, 1, 256)),
    /* record */
    TYPE(device_id, LEN(1, 1, PRODUCER_MAX), LEN(2, 1, MODEL_MAX), LEN(3, 1, 64)),
    TYPE(certificate_body, HASH(3), LEN(5, 1, HARDWARE_MAX)),
    TYPE(receipt_body, HASH(2), HASH(3), FIXED(10, NONCE_LEN), HASH(11), HASH(13)),
    TYPE(record_body, HASH(1), HASH(4), HASH(5), LEN(8, 1, 2048), LEN(9, 1, 4096)),
    TYPE(check_in_body, FIXED(2, NONCE_LEN), LEN(4, 1, 64), LEN(5, 1, HARDWARE_MAX)),
    /* rpc */
    TYPE(rpc_metadata, LEN(1, 1, 64), LEN(2, 1, 256)),
    TYPE(rpc_request,
         LEN(1, 1, 128), FIXED(3, 16), MANY(4, 16), LEN(5, 1, MESSAGE_MAX)),
    TYPE(rpc_error_details, LEN(2, 1, 64), LEN(3, 1, 256)),
    TYPE(rpc_response, LEN(2, 1, 512), LEN(4, 1, MESSAGE_MAX), FIXED(5, 16)),
    TYPE(health_check_request, LEN(1, 1, 128)),
    TYPE(list_services_response, MANY_LEN(1, 1, 128, 256)),
    /* gossip */
    TYPE(gossip, HASH(1), FIXED(2, 8), LEN(10, 1, SIGNED_MAX)),
    /* finality */
    TYPE(vote_body, HASH(1), HASH(3), HASH(5)),
    TYPE(checkpoint_body, HASH(2), HASH(3), HASH(5)),
    TYPE(cosignature, HASH(1)),
    TYPE(checkpoint, LEN(1, 1, 128), MANY(2, VALIDATORS_MAX)),
    TYPE(state_proof,
         HASH(1), LEN(2, 1, MIB), LEN(4, 1, 32), MANY_HASH(5, 256), HASH(6), HASH(7)),
    TYPE(council_step, LEN(2, 1, COUNCIL_MAX)),
    TYPE(release_proof, MANY(5, 64)),
    TYPE(entry_proof, MANY_LEN(2, HEADER_LEN, HEADER_LEN, 4096), LEN(4, 1, SIGNED_MAX)),
    TYPE(get_finality_request, HASH(1)),
    TYPE(get_finality_response, MANY(2, 16), MANY(3, 4096), MANY(4, VALIDATORS_MAX)),
    TYPE(get_checkpoint_request, HASH(1)),
    TYPE(get_state_proof_request, HASH(1), HASH(2)),
    TYPE(get_council_request, HASH(1)),
    TYPE(get_council_response, MANY(1, 16)),
    TYPE(get_entry_proof_request, HASH(1), HASH(2)),
    /* chain_service */
    TYPE(get_status_request, HASH(1)),
    TYPE(get_headers_request, HASH(1), MANY_HASH(2, 64)),
    TYPE(get_headers_response, MANY(1, 2000)),
    TYPE(get_blocks_request, HASH(1), MANY_HASH(2, 128)),
    TYPE(get_blocks_response, MANY(1, 128)),
    TYPE(get_block_at_request, HASH(1)),
    TYPE(get_pending_request, HASH(1), HASH(2)),
    TYPE(get_pending_response, MANY_HASH(1, 4096)),
    TYPE(get_payloads_request, HASH(1), MANY_HASH(2, 1024)),
    TYPE(get_payloads_response, {1, 1, SIGNED_MAX, 1024, 2u * MIB}),
    TYPE(inclusion, LEN(2, 1, ENTRY_MAX), MANY_HASH(4, 32)),
    TYPE(get_inclusion_request, HASH(1), HASH(2)),
    TYPE(get_inclusion_response, LEN(3, 1, SIGNED_MAX)),
    /* consortium_service */
    TYPE(submit_transaction_response, HASH(1)),
    TYPE(list_releases_request,
         LEN(1, 1, PRODUCER_MAX), LEN(2, 1, MODEL_MAX), LEN(3, 1, PAGE_MAX)),
    TYPE(release_entry, HASH(3)),
    TYPE(list_releases_response, MANY(1, 256), LEN(2, 1, PAGE_MAX)),
    TYPE(list_proposals_request, LEN(1, 1, PAGE_MAX)),
    TYPE(proposal_entry, HASH(1)),
    TYPE(list_proposals_response, MANY(1, 64), LEN(2, 1, PAGE_MAX)),
    TYPE(get_latest_release_request, LEN(1, 1, PRODUCER_MAX), LEN(2, 1, MODEL_MAX)),
    /* content_service */
    TYPE(put_content_request, LEN(1, 1, CID_MAX), LEN(2, 1, BLOCK_MAX)),
    TYPE(get_content_request, LEN(1, 1, CID_MAX)),
    TYPE(get_content_response, LEN(1, 1, BLOCK_MAX)),
    TYPE(has_content_request, MANY_LEN(1, 1, CID_MAX, 1024)),
    TYPE(has_content_response, MANY(1, 1024)),
    /* device_service */
    TYPE(check_in_response, FIXED(1, NONCE_LEN), MANY(6, 16)),
    TYPE(get_block_request, LEN(1, 1, CID_MAX), HASH(2), FIXED(3, NONCE_LEN)),
    TYPE(get_block_response, LEN(1, 1, BLOCK_MAX)),
    TYPE(report_response, HASH(1)),
    /* device_state */
    TYPE(device_install,
         HASH(1), HASH(2), LEN(5, 1, 64), LEN(6, 1, 16), LEN(7, 1, 16), FIXED(8, NONCE_LEN),
         HASH(9), HASH(10), HASH(12)),
    TYPE(device_receipt, LEN(2, 1, 2048)),
    TYPE(device_state, HASH(2), LEN(5, 1, 64), HASH(6), MANY(8, 64), HASH(9),
         LEN(13, 1, COUNCIL_MAX)),
    /* gateway_service */
    TYPE(list_records_request, LEN(2, 1, PAGE_MAX)),
    TYPE(record_entry, HASH(3)),
    TYPE(list_records_response, MANY(1, 256), LEN(2, 1, PAGE_MAX)),
    TYPE(get_delivery_response, HASH(2)),
    /* genesis */
    TYPE(member, LEN(1, 1, 32)),
    TYPE(model,
         LEN(1, 1, PRODUCER_MAX), LEN(2, 1, MODEL_MAX), MANY_LEN(3, 1, HARDWARE_MAX, 32),
         MANY_LEN(4, 1, 32, 32)),
    TYPE(chain_params, MANY_LEN(9, 1, 32, VALIDATORS_MAX)),
    TYPE(genesis, LEN(1, 1, 64), MANY(3, 1024), MANY(4, 4096)),
    /* state */
    TYPE(term, LEN(1, 1, NAME_MAX_LEN)),
    TYPE(state_roster, MANY(1, 4096)),
    TYPE(state_member, LEN(1, 1, NAME_MAX_LEN), MANY(2, 32)),
    TYPE(validator, LEN(1, 1, NAME_MAX_LEN)),
    TYPE(state_council, MANY(1, 256)),
    TYPE(state_params, MANY(1, 256)),
    TYPE(state_proposal, LEN(2, 1, NAME_MAX_LEN), MANY_LEN(3, 1, NAME_MAX_LEN, 1024)),
    TYPE(delegation, LEN(1, 1, NAME_MAX_LEN), MANY_LEN(2, 1, HARDWARE_MAX, 32)),
    TYPE(state_model,
         LEN(1, 1, NAME_MAX_LEN), MANY_LEN(2, 1, HARDWARE_MAX, 32), MANY(3, 32),
         MANY_LEN(4, 1, NAME_MAX_LEN, 16)),
    TYPE(state_latest, HASH(1)),
    TYPE(state_release,
         LEN(1, 1, PRODUCER_MAX), LEN(2, 1, MODEL_MAX), MANY_LEN(4, 1, NAME_MAX_LEN, 32), HASH(6)),
};
/* clang-format on */

const struct tamga_bound *tamga_bound_find(const ProtobufCMessageDescriptor *type,
                                           uint32_t field)
{
    const struct type_bounds *found = NULL;

    for (size_t i = 0; i < sizeof table / sizeof table[0] && found == NULL; i++)
        if (table[i].type == type)
            found = &table[i];
    if (found == NULL)
        return NULL;
    for (size_t i = 0; i < found->count; i++)
        if (found->row[i].field == field)
            return &found->row[i];
    return NULL;
}
