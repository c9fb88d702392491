/* Items and chains as values. Knows no profile. */
#include "chain/rules.h"

#include <assert.h>

#include "crypto/hash.h"
#include "wire/wire.h"

void tamga_item_clear(struct tamga_item *item)
{
    tamga_buf_clear(&item->payload);
    tamga_wire_free(item->message);
    tamga_wire_free(item->body);
    *item = (struct tamga_item){0};
}

void tamga_item_move(struct tamga_item *to, struct tamga_item *from)
{
    tamga_item_clear(to);
    *to = *from;
    *from = (struct tamga_item){0};
}

void tamga_chain_init(struct tamga_chain *chain, const struct tamga_rules *rules,
                      const struct tamga_network *network)
{
    const Tamga__V1__ChainParams *params = rules->params(network->genesis);

    assert(rules->genesis && rules->decode && rules->verify && rules->check &&
           rules->apply && rules->entry && rules->entry_id && rules->miner);
    *chain = (struct tamga_chain){
        .rules = rules,
        .network = network,
        .params = {.target_limit = params->target_limit,
                   .block_time_ms = params->block_time_ms,
                   .halflife_ms = params->halflife_ms,
                   .drift_ms = params->drift_ms,
                   .entry_age_max_ms = params->entry_age_max_ms,
                   .block_entries_max = params->block_entries_max,
                   .block_bytes_max = params->block_bytes_max,
                   .block_wait_ms = params->block_wait_ms},
    };
    tamga_domain_hash(&chain->id.hash, "tamga.v1.chain", &network->id,
                      tamga_span_text(rules->name));
    chain->genesis = (struct tamga_header){.version = TAMGA_HEADER_VERSION,
                                           .chain = chain->id,
                                           .time_ms = network->genesis->time_ms,
                                           .target = params->target_limit};
    tamga_sha256(&chain->genesis.body_root, tamga_span(NULL, 0)); /* empty tree, RFC 6962 */
    tamga_header_id(&chain->genesis_id, &chain->genesis);
}
