/*
 * Rules of the consortium chain: releases by OEMs and software providers.
 * Source: docs/PROTOCOL.md, "Consortium rules"; paper, Algorithm 1.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "rules/internal.h"
#include "wire/wire.h"

static const Tamga__V1__ChainParams *params(const Tamga__V1__Genesis *genesis)
{
    return genesis->consortium;
}

static struct tamga_council *council(const struct tamga_network *network)
{
    return network->consortium;
}

static const Tamga__V1__Release *release_of(const struct tamga_item *item)
{
    return ((const Tamga__V1__TransactionBody *)item->body)->release;
}

static enum tamga_err genesis(const struct tamga_chain *chain, struct tamga_overlay *state)
{
    enum tamga_err err = tamga_charter_genesis(chain, state);

    return err == TAMGA_OK ? tamga_models_genesis(chain, state) : err;
}

/* What an entry looks up and writes: item->key. All but the first are a release's. */
enum { KEY_MEMBER, KEY_MODEL, KEY_IMAGE, KEY_VERSION, KEY_LATEST };

static bool is_release(const struct tamga_item *item)
{
    return tamga_body_of(item)->action_case == TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE;
}

static void find_keys(struct tamga_item *item)
{
    const Tamga__V1__Release *release = release_of(item);

    tamga_key_model(&item->key[KEY_MODEL], release->producer, release->model);
    tamga_key_image(&item->key[KEY_IMAGE], release->producer, release->model,
                    tamga_wire_span(release->image_sha256));
    tamga_key_version(&item->key[KEY_VERSION], release->producer, release->model,
                      release->version);
    tamga_key_latest(&item->key[KEY_LATEST], release->producer, release->model);
}

/* Two pending releases of one model may have neither the same counter nor the same image,
 * except where one re-releases the other: both wait again after a switch of branches. */
static void claim(struct tamga_item *item)
{
    const Tamga__V1__Release *release = release_of(item);
    uint8_t counter[8];
    struct tamga_span part[2] = {tamga_hash_span(&item->key[KEY_LATEST]),
                                 tamga_span(counter, 8)};
    struct tamga_span again[2] = {tamga_hash_span(&item->key[KEY_IMAGE]),
                                  tamga_wire_span(release->republish_of)};

    tamga_sha256_parts(&item->claim[0], again, 2);
    tamga_put_u64(counter, release->counter);
    tamga_sha256_parts(&item->claim[1], part, 2);
    item->claim_count = 2;
}

/* Of two approvals of one thing by one sender only one can wait, and of its new keys. */
static void claim_once(struct tamga_item *item)
{
    const Tamga__V1__TransactionBody *body = tamga_body_of(item);
    struct tamga_span part[3] = {tamga_span_text("approve"), tamga_hash_span(&item->sender.hash)};

    if (body->action_case == TAMGA__V1__TRANSACTION_BODY__ACTION_APPROVE)
        part[2] = tamga_wire_span(body->approve->id);
    else if (body->action_case == TAMGA__V1__TRANSACTION_BODY__ACTION_ROTATE_KEY)
        part[0] = tamga_span_text("rotate");
    else
        return;
    tamga_sha256_parts(&item->claim[0], part, 3);
    item->claim_count = 1;
}

static enum tamga_err check_shape(const Tamga__V1__TransactionBody *body,
                                  struct tamga_detail *detail)
{
    switch (body->action_case) {
    case TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE:
        return tamga_release_check(body->release, detail);
    case TAMGA__V1__TRANSACTION_BODY__ACTION_PROPOSE:
        return tamga_propose_shape(body, detail);
    case TAMGA__V1__TRANSACTION_BODY__ACTION_ROTATE_KEY:
        return tamga_rotate_shape(body->rotate_key, detail);
    case TAMGA__V1__TRANSACTION_BODY__ACTION_APPROVE:
        return body->approve->id.len == TAMGA_HASH_BYTES
                   ? TAMGA_OK
                   : tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "approved id must have 32 bytes");
    case TAMGA__V1__TRANSACTION_BODY__ACTION_REGISTER_MODEL:
    case TAMGA__V1__TRANSACTION_BODY__ACTION_DELEGATE:
    case TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW:
    case TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT:
        return tamga_model_shape(body, detail);
    case TAMGA__V1__TRANSACTION_BODY__ACTION__NOT_SET:
    default: /* protobuf-c adds a value of its own */
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "transaction says nothing");
    }
}

static enum tamga_err decode(const struct tamga_chain *chain, struct tamga_item *out,
                             struct tamga_span untrusted, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    const Tamga__V1__TransactionBody *body;
    enum tamga_err err =
        tamga_payload_open(&item, untrusted, TAMGA_DOMAIN_TRANSACTION, &chain->id,
                           &tamga__v1__transaction_body__descriptor, detail);

    if (err != TAMGA_OK)
        return err;
    body = (const Tamga__V1__TransactionBody *)item.body;
    err = tamga_payload_sender(&item.sender, body->sender, body->key, detail);
    if (err != TAMGA_OK)
        return err;
    err = check_shape(body, detail);
    if (err != TAMGA_OK)
        return err;
    item.time_ms = body->time_ms;
    tamga_key_member(&item.key[KEY_MEMBER], &item.sender);
    if (is_release(&item)) {
        item.urgent = body->release->urgent;
        find_keys(&item);
        claim(&item);
    } else {
        item.urgent = body->action_case == TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW;
        claim_once(&item);
    }
    tamga_item_move(out, &item);
    return TAMGA_OK;
}

static enum tamga_err verify(const struct tamga_chain *chain, const struct tamga_item *item,
                             struct tamga_detail *detail)
{
    const Tamga__V1__TransactionBody *body = tamga_body_of(item);
    enum tamga_err err = tamga_payload_verify(chain, item, body->key, detail);

    if (err == TAMGA_OK &&
        body->action_case == TAMGA__V1__TRANSACTION_BODY__ACTION_ROTATE_KEY)
        err = tamga_rotate_verify(chain, item, detail);
    return err;
}

static enum tamga_err check_sender(const struct tamga_state_value *member,
                                   const struct tamga_item *item,
                                   struct tamga_detail *detail)
{
    if ((member->roles & TAMGA__V1__ROLE__ROLE_GATEWAY) != 0)
        return tamga_refuse(detail, TAMGA_E_GATEWAY_SENDER, "%.*s is a gateway",
                            (int)member->name.len, (const char *)member->name.data);
    if (is_release(item) && (member->roles & (TAMGA__V1__ROLE__ROLE_OEM |
                                              TAMGA__V1__ROLE__ROLE_PROVIDER)) == 0)
        return tamga_refuse(detail, TAMGA_E_NOT_PRODUCER, "%.*s is neither OEM nor provider",
                            (int)member->name.len, (const char *)member->name.data);
    return TAMGA_OK;
}

static enum tamga_err check_model(const struct tamga_view *state,
                                  const struct tamga_item *item,
                                  const struct tamga_state_value *sender, uint64_t ref_ms,
                                  struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value model = {0};
    const Tamga__V1__Release *release = release_of(item);
    enum tamga_err err = tamga_state_model(&model, state, &item->key[KEY_MODEL]);

    if (err == TAMGA_E_NOT_FOUND)
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_MODEL, "%s/%s is not registered",
                            release->producer, release->model);
    return err == TAMGA_OK
               ? tamga_state_model_lets(&model, sender->name, release, ref_ms, detail)
               : err;
}

/* The release that has this image: its id and its counter. */
struct earlier {
    struct tamga_hash id;
    uint64_t counter;
};

static enum tamga_err find_image(struct earlier *out, const struct tamga_view *state,
                                 const struct tamga_hash *key)
{
    TAMGA_BUF value = {0};
    enum tamga_err err =
        tamga_view_get(state, TAMGA_FAMILY_INDEX, tamga_hash_span(key), &value);

    if (err != TAMGA_OK)
        return err;
    if (value.len != TAMGA_HASH_BYTES + 8)
        return TAMGA_E_STORE_CORRUPT;
    memcpy(out->id.byte, value.data, TAMGA_HASH_BYTES);
    out->counter = tamga_get_u64(value.data + TAMGA_HASH_BYTES);
    return TAMGA_OK;
}

/* Row 13 of the design: the same image for the same model only once, except knowingly. */
static enum tamga_err check_image(const struct tamga_view *state,
                                  const struct tamga_item *item,
                                  struct tamga_detail *detail)
{
    const Tamga__V1__Release *release = release_of(item);
    struct earlier earlier;
    char hex[TAMGA_HEX_CHARS];
    bool republish = release->republish_of.len > 0;
    enum tamga_err err = find_image(&earlier, state, &item->key[KEY_IMAGE]);

    if (err == TAMGA_E_NOT_FOUND)
        return republish ? tamga_refuse(detail, TAMGA_E_BAD_REPUBLISH,
                                        "this image was never released for %s/%s",
                                        release->producer, release->model)
                         : TAMGA_OK;
    if (err != TAMGA_OK)
        return err;
    tamga_to_hex(hex, earlier.id.byte, TAMGA_HASH_BYTES);
    if (!republish)
        return tamga_refuse(detail, TAMGA_E_DUPLICATE_IMAGE,
                            "released by %s; a deliberate re-release must name it", hex);
    if (!tamga_span_equal(tamga_hash_span(&earlier.id),
                          tamga_wire_span(release->republish_of)))
        return tamga_refuse(detail, TAMGA_E_BAD_REPUBLISH, "its newest release is %s", hex);
    if (release->counter <= earlier.counter)
        return tamga_refuse(detail, TAMGA_E_COUNTER_NOT_HIGHER,
                            "counter %" PRIu64 "; the release named has %" PRIu64,
                            release->counter, earlier.counter);
    return TAMGA_OK;
}

/*
 * A counter names one release of a model. That it is above the newest is asked for at
 * the node's door (tamga_release_is_newest), not in blocks: two releases that different
 * nodes accepted in good order may reach a miner in the other, and neither may be lost.
 */
static enum tamga_err check_counter(const struct tamga_view *state,
                                    const struct tamga_item *item,
                                    struct tamga_detail *detail)
{
    const Tamga__V1__Release *release = release_of(item);
    TAMGA_BUF other = {0};
    uint8_t index[TAMGA_INDEX_KEY_BYTES];
    char hex[TAMGA_HEX_CHARS];
    enum tamga_err err;

    tamga_index_key(index, &item->key[KEY_MODEL], release->counter);
    err = tamga_view_get(state, TAMGA_FAMILY_INDEX, tamga_span(index, sizeof index), &other);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
    if (other.len != TAMGA_HASH_BYTES)
        return TAMGA_E_STORE_CORRUPT;
    tamga_to_hex(hex, other.data, TAMGA_HASH_BYTES);
    return tamga_refuse(detail, TAMGA_E_COUNTER_USED, "counter %" PRIu64 " is that of %s",
                        release->counter, hex);
}

enum tamga_err tamga_release_is_newest(const struct tamga_view *state,
                                       const Tamga__V1__Release *release,
                                       struct tamga_detail *detail)
{
    struct tamga_hash key;
    uint64_t newest;
    enum tamga_err err;

    tamga_key_latest(&key, release->producer, release->model);
    err = tamga_state_newest(&newest, state, &key);
    if (err == TAMGA_OK && release->counter <= newest)
        return tamga_refuse(detail, TAMGA_E_COUNTER_NOT_HIGHER,
                            "counter %" PRIu64 "; the newest release of %s/%s has %" PRIu64,
                            release->counter, release->producer, release->model, newest);
    return err;
}

static enum tamga_err check_depends(const struct tamga_view *state,
                                    const Tamga__V1__Release *release,
                                    struct tamga_detail *detail)
{
    for (size_t i = 0; i < release->n_depends; i++) {
        const Tamga__V1__Dependency *depend = release->depends[i];
        TAMGA_BUF value = {0};
        struct tamga_hash key;
        enum tamga_err err;

        tamga_key_version(&key, depend->producer, depend->model, depend->version);
        err = tamga_view_get(state, TAMGA_FAMILY_INDEX, tamga_hash_span(&key), &value);
        if (err == TAMGA_E_NOT_FOUND)
            return tamga_refuse(detail, TAMGA_E_UNKNOWN_DEPENDENCY, "%s/%s:%s is not released",
                                depend->producer, depend->model, depend->version);
        if (err != TAMGA_OK)
            return err;
    }
    return TAMGA_OK;
}

static enum tamga_err check_release(const struct tamga_view *state,
                                    const struct tamga_item *item,
                                    const struct tamga_state_value *sender, uint64_t ref_ms,
                                    struct tamga_detail *detail)
{
    const Tamga__V1__Release *release = release_of(item);
    enum tamga_err err = check_model(state, item, sender, ref_ms, detail);

    if (err == TAMGA_OK && release->expires_ms != 0 && release->expires_ms <= ref_ms)
        err = TAMGA_E_RELEASE_EXPIRED;
    if (err == TAMGA_OK)
        err = check_image(state, item, detail);
    if (err == TAMGA_OK)
        err = check_counter(state, item, detail);
    if (err == TAMGA_OK)
        err = check_depends(state, release, detail);
    return err;
}

static bool is_governance(const struct tamga_item *item)
{
    Tamga__V1__TransactionBody__ActionCase action = tamga_body_of(item)->action_case;

    return action == TAMGA__V1__TRANSACTION_BODY__ACTION_PROPOSE ||
           action == TAMGA__V1__TRANSACTION_BODY__ACTION_APPROVE ||
           action == TAMGA__V1__TRANSACTION_BODY__ACTION_ROTATE_KEY;
}

static enum tamga_err check_time(const struct tamga_chain *chain, const struct tamga_view *state,
                                 const struct tamga_item *item, const struct tamga_moment *at,
                                 struct tamga_detail *detail)
{
    struct tamga_params now = chain->params;
    enum tamga_err err = tamga_params_at(&now, state, at->height);

    return err == TAMGA_OK ? tamga_payload_time(&now, item, at->ref_ms, detail) : err;
}

static enum tamga_err check(const struct tamga_chain *chain, const struct tamga_view *state,
                            const struct tamga_item *item, const struct tamga_moment *at,
                            struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value sender = {0};
    enum tamga_err err =
        tamga_state_member(&sender, state, &item->key[KEY_MEMBER], at->height, detail);

    if (err == TAMGA_OK)
        err = check_sender(&sender, item, detail);
    if (err == TAMGA_OK)
        err = check_time(chain, state, item, at, detail);
    if (err != TAMGA_OK)
        return err;
    if (is_release(item))
        return check_release(state, item, &sender, at->ref_ms, detail);
    return is_governance(item)
               ? tamga_governance_check(chain, state, item, &sender, at, detail)
               : tamga_model_check(state, item, &sender, at, detail);
}

enum tamga_err tamga_release_has_image(const struct tamga_view *state,
                                       const struct tamga_hash *release, const char *producer,
                                       const char *model, struct tamga_span image_sha256,
                                       bool *has)
{
    struct earlier newest;
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_image(&key, producer, model, image_sha256);
    err = find_image(&newest, state, &key);
    *has = err == TAMGA_OK && tamga_hash_equal(&newest.id, release);
    return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
}

/* There is no chain above this one. */
static enum tamga_err follow(const struct tamga_chain *chain,
                             const struct tamga_upstream *above, uint64_t height,
                             const struct tamga_item *item, struct tamga_detail *detail)
{
    (void)chain;
    (void)above;
    (void)height;
    (void)item;
    (void)detail;
    return TAMGA_OK;
}

static enum tamga_err apply_image(struct tamga_overlay *state, const struct tamga_item *item)
{
    uint8_t value[TAMGA_HASH_BYTES + 8];

    memcpy(value, item->id.hash.byte, TAMGA_HASH_BYTES);
    tamga_put_u64(value + TAMGA_HASH_BYTES, release_of(item)->counter);
    return tamga_overlay_put(state, TAMGA_FAMILY_INDEX, tamga_hash_span(&item->key[KEY_IMAGE]),
                             tamga_span(value, sizeof value));
}

static enum tamga_err apply_release(struct tamga_overlay *state, const struct tamga_item *item,
                                    const struct tamga_state_value *sender)
{
    struct tamga_span id = tamga_hash_span(&item->id.hash);
    uint8_t index[TAMGA_INDEX_KEY_BYTES];
    enum tamga_err err = apply_image(state, item);

    if (err == TAMGA_OK)
        err = tamga_overlay_put(state, TAMGA_FAMILY_INDEX,
                                tamga_hash_span(&item->key[KEY_VERSION]), id);
    if (err == TAMGA_OK)
        err = tamga_release_enter(state, item, sender);
    if (err != TAMGA_OK)
        return err;
    tamga_index_key(index, &item->key[KEY_MODEL], release_of(item)->counter);
    return tamga_overlay_put(state, TAMGA_FAMILY_INDEX, tamga_span(index, sizeof index), id);
}

static enum tamga_err apply(const struct tamga_chain *chain, struct tamga_overlay *state,
                            const struct tamga_item *item, uint64_t height)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value sender = {0};
    enum tamga_err err = tamga_state_member(&sender, &state->view, &item->key[KEY_MEMBER],
                                            height, NULL);

    if (err != TAMGA_OK)
        return err;
    if (is_release(item))
        return apply_release(state, item, &sender);
    return is_governance(item) ? tamga_governance_apply(chain, state, item, &sender, height)
                               : tamga_model_apply(state, item, &sender);
}

static enum tamga_err entry(const struct tamga_item *item, struct tamga_buf *out)
{
    return tamga_buf_add(out, tamga_buf_span(&item->payload));
}

/* Entries of this chain are the payloads themselves, and a Signed starts with its id. */
static enum tamga_err entry_id(struct tamga_entry_id *out, struct tamga_span leaf)
{
    static const uint8_t head[2] = {0x0a, TAMGA_HASH_BYTES}; /* field 1, bytes, their length */

    if (leaf.len < sizeof head + TAMGA_HASH_BYTES || memcmp(leaf.data, head, sizeof head) != 0)
        return TAMGA_E_BAD_COMMITMENT;
    memcpy(out->hash.byte, leaf.data + sizeof head, TAMGA_HASH_BYTES);
    return TAMGA_OK;
}

const struct tamga_rules tamga_rules_consortium = {
    .name = "consortium",
    .detached = false,
    .pending_max = 65536,
    .pending_bytes_max = 64u * 1024 * 1024,
    .pending_sender_max = 16384,
    .params = params,
    .council = council,
    .genesis = genesis,
    .decode = decode,
    .verify = verify,
    .check = check,
    .follow = follow,
    .apply = apply,
    .entry = entry,
    .entry_id = entry_id,
    .miner_role = TAMGA__V1__ROLE__ROLE_CONSORTIUM,
    .miner = tamga_miner_check,
    .params_at = tamga_params_at,
    .learn = tamga_members_learn,
    .council_hash = tamga_members_council,
};
