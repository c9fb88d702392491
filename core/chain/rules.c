/* Items and chains as values. Knows no profile. */
#include "chain/rules.h"

#include <assert.h>
#include <stdlib.h>

#include "chain/state_map.h"
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

/* ---- the state before the first block ----------------------------------------------- */

static enum tamga_err genesis_root(struct tamga_hash *root, const struct tamga_chain *chain)
{
    TAMGA_CLEANUP(tamga_overlay_clear) struct tamga_overlay state;
    enum tamga_err err;

    tamga_overlay_init(&state, &tamga_view_empty);
    err = chain->rules->genesis(chain, &state);
    return err == TAMGA_OK ? tamga_state_map_apply(root, &state, &state) : err;
}

/* ---- a chain ------------------------------------------------------------------------ */

enum tamga_err tamga_chain_init(struct tamga_chain *out, const struct tamga_rules *rules,
                                const struct tamga_network *network)
{
    const Tamga__V1__ChainParams *params = rules->params(network->genesis);
    struct tamga_chain chain = {
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
    enum tamga_err err;

    assert(rules->genesis && rules->decode && rules->verify && rules->check && rules->follow &&
           rules->apply && rules->entry && rules->entry_id && rules->miner &&
           rules->params_at && rules->council && rules->learn && rules->council_hash);
    tamga_domain_hash(&chain.id.hash, "tamga.v1.chain", &network->id,
                      tamga_span_text(rules->name));
    chain.council = rules->council(network);
    chain.genesis = (struct tamga_header){.version = TAMGA_HEADER_VERSION,
                                          .chain = chain.id,
                                          .time_ms = network->genesis->time_ms,
                                          .target = params->target_limit};
    tamga_sha256(&chain.genesis.body_root, tamga_span(NULL, 0)); /* empty tree, RFC 6962 */
    err = genesis_root(&chain.genesis.state_root, &chain);
    if (err != TAMGA_OK)
        return err;
    tamga_header_id(&chain.genesis_id, &chain.genesis);
    *out = chain;
    return TAMGA_OK;
}
