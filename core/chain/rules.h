/*
 * What differs between the two chains, as values. The engine asks these hooks and
 * never which chain it serves. Hooks are pure: state comes in through a view, changes
 * go out through an overlay; signatures are judged by verify alone.
 */
#ifndef TAMGA_CHAIN_RULES_H
#define TAMGA_CHAIN_RULES_H

#include "chain/council.h"
#include "chain/overlay.h"
#include "wire/wire.h"

#define TAMGA_CLAIMS_MAX        4
#define TAMGA_ITEM_KEYS_MAX     5
#define TAMGA_PAYLOAD_BYTES_MAX 66560 /* an encoded Signed with the largest body */

/*
 * A decoded transaction or record. {0} is empty; tamga_item_clear releases.
 * A claim is what no two entries may hold at once, e.g. "this image for this model".
 */
struct tamga_item {
    struct tamga_entry_id id;
    struct tamga_address sender; /* the mempool's quota counts by it */
    uint64_t time_ms;            /* when the sender signed */
    bool urgent;
    bool verified;               /* verify said yes */
    size_t claim_count;
    struct tamga_hash claim[TAMGA_CLAIMS_MAX];
    struct tamga_hash key[TAMGA_ITEM_KEYS_MAX]; /* the rules' own: what they look up for it, */
    uint64_t order;                             /* and its place in a list */
    struct tamga_buf payload;    /* the exact bytes, an encoded Signed */
    ProtobufCMessage *message;   /* Tamga__V1__Signed; verified, nothing needs it */
    ProtobufCMessage *body;      /* the rules' own type */
};
void tamga_item_clear(struct tamga_item *item);
void tamga_item_move(struct tamga_item *to, struct tamga_item *from);

struct tamga_chain;
struct tamga_upstream; /* chain/anchor.h */

/* By which an entry is judged: the block that it is in or would be in. */
struct tamga_moment {
    uint64_t height;
    uint64_t ref_ms; /* the block's time, or the clock on arrival */
};

/* What an engine has told of its state. {0}: nothing yet. */
struct tamga_learned {
    struct tamga_hash mark; /* of members and validators as they are; zero: genesis' */
    uint64_t effect;        /* height at which the last of what is decided holds */
    uint64_t height;        /* for which it was told */
};

struct tamga_rules {
    const char *name;     /* "consortium" or "gateway"; enters the chain id */
    bool anchored;        /* headers name a final block of the chain above this one */
    bool detached;        /* blocks hold commitments, payloads are stored beside */
    uint32_t pending_max;        /* mempool: entries */
    uint64_t pending_bytes_max;  /* mempool: bytes of payloads */
    uint32_t pending_sender_max; /* mempool: entries of one sender */

    const Tamga__V1__ChainParams *(*params)(const Tamga__V1__Genesis *genesis);
    struct tamga_council *(*council)(const struct tamga_network *network);
    /* The state before the first block. */
    enum tamga_err (*genesis)(const struct tamga_chain *chain, struct tamga_overlay *state);
    /* Shape, canonical form, id and address recomputed; no signature, no state.
     * item is written on success only. */
    enum tamga_err (*decode)(const struct tamga_chain *chain, struct tamga_item *item,
                             struct tamga_span untrusted, struct tamga_detail *detail);
    /* All signatures. Any thread. */
    enum tamga_err (*verify)(const struct tamga_chain *chain, const struct tamga_item *item,
                             struct tamga_detail *detail);
    /* Everything that depends on the state. */
    enum tamga_err (*check)(const struct tamga_chain *chain, const struct tamga_view *state,
                            const struct tamga_item *item, const struct tamga_moment *at,
                            struct tamga_detail *detail);
    /* What the chain above has to say of an entry, if there is one: judged by its blocks up to
     * a height that is final there. Without one (its view is NULL) genesis has the word. */
    enum tamga_err (*follow)(const struct tamga_chain *chain,
                             const struct tamga_upstream *above, uint64_t height,
                             const struct tamga_item *item, struct tamga_detail *detail);
    /* The one mutation, in the block of this height: families STATE (the root commits to it)
     * and INDEX only. */
    enum tamga_err (*apply)(const struct tamga_chain *chain, struct tamga_overlay *state,
                            const struct tamga_item *item, uint64_t height);
    /* The leaf that stands in a block for this item, appended. */
    enum tamga_err (*entry)(const struct tamga_item *item, struct tamga_buf *out);
    /* Detached chains: which payload a leaf commits to. Errors: BAD_COMMITMENT (shape). */
    enum tamga_err (*entry_id)(struct tamga_entry_id *out, struct tamga_span entry);
    uint32_t miner_role; /* Tamga__V1__Role that mines */
    /* May this key mine, as the consortium chain's state has it for a height of that chain?
     * members NULL: as far as is known without it. Errors: NOT_MINER. */
    enum tamga_err (*miner)(const struct tamga_chain *chain, const struct tamga_view *members,
                            uint64_t height, const struct tamga_address *miner,
                            struct tamga_detail *detail);
    /* The chain's parameters at one of its heights: what of them can change is written. */
    enum tamga_err (*params_at)(struct tamga_params *params, const struct tamga_view *state,
                                uint64_t height);
    /* Tell the network whom the state names and what they may in a block of this height, and
     * the council who sits in it, if any of that changed. */
    enum tamga_err (*learn)(const struct tamga_chain *chain, const struct tamga_view *state,
                            uint64_t height, struct tamga_learned *learned);
    /* The council as the block of a height, at or below the state's, left it: hash of its
     * encoding, zero while it is genesis'. */
    enum tamga_err (*council_hash)(const struct tamga_chain *chain,
                                   const struct tamga_view *state, uint64_t height,
                                   struct tamga_hash *out);
};

/* One chain: rules, network, and what follows from them. Shared by threads; only its council
 * changes, with what the consortium chain decides. */
struct tamga_chain {
    const struct tamga_rules *rules;
    const struct tamga_network *network;
    struct tamga_scope id;
    struct tamga_params params;
    struct tamga_header genesis; /* height 0: no work, no seal */
    struct tamga_block_id genesis_id;
    struct tamga_council *council; /* of the network, or a test's own */
};

/* Validators by their place in the council. */
static inline uint32_t tamga_validator_count(const struct tamga_chain *chain)
{
    return chain->council->count;
}
static inline const struct tamga_member *tamga_validator(const struct tamga_chain *chain,
                                                         uint32_t place)
{
    return chain->council->seat[place].member;
}
static inline bool tamga_validator_holds(const struct tamga_chain *chain, uint32_t place,
                                         uint64_t height)
{
    return tamga_seat_holds(&chain->council->seat[place], height);
}
static inline bool tamga_validator_held(const struct tamga_chain *chain, uint32_t place,
                                        uint64_t height, uint64_t as_of)
{
    return tamga_seat_held(&chain->council->seat[place], height, as_of);
}
static inline uint32_t tamga_quorum(const struct tamga_chain *chain, uint64_t height)
{
    return tamga_council_quorum(chain->council, height);
}
/*
 * network is borrowed for the chain's life. Every hook must be there. The state before
 * the first block is made once, for its root stands in the genesis header.
 *
 * Errors:  NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_chain_init(struct tamga_chain *chain,
                                               const struct tamga_rules *rules,
                                               const struct tamga_network *network);

#endif
