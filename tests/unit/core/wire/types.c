/* The list that the library does not keep; bounds_test holds it to the proto files. */
#include "types.h"

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

const ProtobufCMessageDescriptor *const test_types[] = {
    /* block.proto */
    &tamga__v1__sealed_header__descriptor,
    &tamga__v1__block__descriptor,
    &tamga__v1__block_announce__descriptor,
    &tamga__v1__status_body__descriptor,
    &tamga__v1__stored_header__descriptor,
    /* chain_service.proto */
    &tamga__v1__get_status_request__descriptor,
    &tamga__v1__get_status_response__descriptor,
    &tamga__v1__get_headers_request__descriptor,
    &tamga__v1__get_headers_response__descriptor,
    &tamga__v1__get_blocks_request__descriptor,
    &tamga__v1__get_blocks_response__descriptor,
    &tamga__v1__get_block_at_request__descriptor,
    &tamga__v1__get_block_at_response__descriptor,
    &tamga__v1__get_pending_request__descriptor,
    &tamga__v1__get_pending_response__descriptor,
    &tamga__v1__get_payloads_request__descriptor,
    &tamga__v1__get_payloads_response__descriptor,
    &tamga__v1__inclusion__descriptor,
    &tamga__v1__get_inclusion_request__descriptor,
    &tamga__v1__get_inclusion_response__descriptor,
    /* consortium_service.proto */
    &tamga__v1__submit_transaction_request__descriptor,
    &tamga__v1__submit_transaction_response__descriptor,
    &tamga__v1__list_releases_request__descriptor,
    &tamga__v1__release_entry__descriptor,
    &tamga__v1__list_releases_response__descriptor,
    &tamga__v1__list_proposals_request__descriptor,
    &tamga__v1__proposal_entry__descriptor,
    &tamga__v1__list_proposals_response__descriptor,
    &tamga__v1__get_latest_release_request__descriptor,
    &tamga__v1__get_latest_release_response__descriptor,
    /* content_service.proto */
    &tamga__v1__put_content_request__descriptor,
    &tamga__v1__put_content_response__descriptor,
    &tamga__v1__get_content_request__descriptor,
    &tamga__v1__get_content_response__descriptor,
    &tamga__v1__has_content_request__descriptor,
    &tamga__v1__has_content_response__descriptor,
    /* crypto.proto */
    &tamga__v1__public_key__descriptor,
    &tamga__v1__signature__descriptor,
    &tamga__v1__signed__descriptor,
    /* device_service.proto */
    &tamga__v1__check_in_request__descriptor,
    &tamga__v1__check_in_response__descriptor,
    &tamga__v1__get_block_request__descriptor,
    &tamga__v1__get_block_response__descriptor,
    &tamga__v1__report_request__descriptor,
    &tamga__v1__report_response__descriptor,
    /* device_state.proto */
    &tamga__v1__device_install__descriptor,
    &tamga__v1__device_receipt__descriptor,
    &tamga__v1__device_state__descriptor,
    /* finality.proto */
    &tamga__v1__vote_body__descriptor,
    &tamga__v1__vote_conflict__descriptor,
    &tamga__v1__checkpoint_body__descriptor,
    &tamga__v1__cosignature__descriptor,
    &tamga__v1__checkpoint__descriptor,
    &tamga__v1__state_proof__descriptor,
    &tamga__v1__council_step__descriptor,
    &tamga__v1__release_proof__descriptor,
    &tamga__v1__entry_proof__descriptor,
    &tamga__v1__get_finality_request__descriptor,
    &tamga__v1__get_finality_response__descriptor,
    &tamga__v1__get_checkpoint_request__descriptor,
    &tamga__v1__get_checkpoint_response__descriptor,
    &tamga__v1__get_state_proof_request__descriptor,
    &tamga__v1__get_state_proof_response__descriptor,
    &tamga__v1__get_council_request__descriptor,
    &tamga__v1__get_council_response__descriptor,
    &tamga__v1__get_entry_proof_request__descriptor,
    &tamga__v1__get_entry_proof_response__descriptor,
    /* gateway_service.proto */
    &tamga__v1__list_records_request__descriptor,
    &tamga__v1__record_entry__descriptor,
    &tamga__v1__list_records_response__descriptor,
    &tamga__v1__get_delivery_request__descriptor,
    &tamga__v1__get_delivery_response__descriptor,
    /* genesis.proto */
    &tamga__v1__member__descriptor,
    &tamga__v1__model__descriptor,
    &tamga__v1__chain_params__descriptor,
    &tamga__v1__governance__descriptor,
    &tamga__v1__genesis__descriptor,
    /* gossip.proto */
    &tamga__v1__gossip__descriptor,
    /* record.proto */
    &tamga__v1__device_id__descriptor,
    &tamga__v1__certificate_body__descriptor,
    &tamga__v1__receipt_body__descriptor,
    &tamga__v1__record_body__descriptor,
    &tamga__v1__check_in_body__descriptor,
    /* rpc.proto */
    &tamga__v1__rpc_metadata__descriptor,
    &tamga__v1__rpc_request__descriptor,
    &tamga__v1__rpc_error_details__descriptor,
    &tamga__v1__rpc_response__descriptor,
    &tamga__v1__health_check_request__descriptor,
    &tamga__v1__health_check_response__descriptor,
    &tamga__v1__list_services_request__descriptor,
    &tamga__v1__list_services_response__descriptor,
    /* state.proto */
    &tamga__v1__term__descriptor,
    &tamga__v1__state_roster__descriptor,
    &tamga__v1__span__descriptor,
    &tamga__v1__state_member__descriptor,
    &tamga__v1__validator__descriptor,
    &tamga__v1__state_council__descriptor,
    &tamga__v1__params_term__descriptor,
    &tamga__v1__state_params__descriptor,
    &tamga__v1__state_proposal__descriptor,
    &tamga__v1__delegation__descriptor,
    &tamga__v1__state_model__descriptor,
    &tamga__v1__state_latest__descriptor,
    &tamga__v1__state_release__descriptor,
    /* transaction.proto */
    &tamga__v1__dependency__descriptor,
    &tamga__v1__release__descriptor,
    &tamga__v1__recipient__descriptor,
    &tamga__v1__encryption__descriptor,
    &tamga__v1__member_change__descriptor,
    &tamga__v1__params_change__descriptor,
    &tamga__v1__propose__descriptor,
    &tamga__v1__approve__descriptor,
    &tamga__v1__rotate_key__descriptor,
    &tamga__v1__register_model__descriptor,
    &tamga__v1__delegate__descriptor,
    &tamga__v1__withdraw__descriptor,
    &tamga__v1__permit__descriptor,
    &tamga__v1__transaction_body__descriptor,
};
const size_t test_types_count = sizeof test_types / sizeof test_types[0];
