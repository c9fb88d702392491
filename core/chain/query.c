/* The layouts of the chain's records in the store: docs/STORAGE.md. */
#include "chain/query.h"

#include "wire/wire.h"

#define PENDING_HEAD_BYTES 8 /* arrival, before the payload */

void tamga_height_key(uint8_t out[8], uint64_t height)
{
    tamga_put_u64(out, height);
}

static enum tamga_err get_message(const struct tamga_view *view, enum tamga_family family,
                                  struct tamga_span key, ProtobufCMessage **out,
                                  const ProtobufCMessageDescriptor *type)
{
    TAMGA_BUF value = {0};
    enum tamga_err err = tamga_view_get(view, family, key, &value);

    if (err != TAMGA_OK)
        return err;
    err = tamga_wire_unpack(out, type, TAMGA_WIRE_CANONICAL, tamga_buf_span(&value), NULL);
    return err == TAMGA_OK || err == TAMGA_E_NO_MEMORY ? err : TAMGA_E_STORE_CORRUPT;
}

static enum tamga_err decode_stored(struct tamga_stored_header *out,
                                    const Tamga__V1__StoredHeader *message)
{
    struct tamga_stored_header stored = {.flags = message->flags,
                                         .received_ms = message->received_ms};
    enum tamga_err err = TAMGA_E_MISSING_FIELD;

    if (message->work.len != 32 || message->sealed == NULL)
        return TAMGA_E_STORE_CORRUPT;
    if (message->sealed->seal == NULL) /* genesis has none */
        err = tamga_header_decode(&stored.sealed.header,
                                  tamga_wire_span(message->sealed->header));
    else
        err = tamga_sealed_decode(&stored.sealed, message->sealed);
    if (err != TAMGA_OK)
        return TAMGA_E_STORE_CORRUPT;
    tamga_u256_from_bytes(&stored.work, message->work.data);
    *out = stored;
    return TAMGA_OK;
}

enum tamga_err tamga_query_header(const struct tamga_view *view,
                                  const struct tamga_block_id *id,
                                  struct tamga_stored_header *out)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StoredHeader *message = NULL;
    enum tamga_err err =
        get_message(view, TAMGA_FAMILY_HEADER, tamga_hash_span(&id->hash),
                    (ProtobufCMessage **)&message, &tamga__v1__stored_header__descriptor);

    return err == TAMGA_OK ? decode_stored(out, message) : err;
}

enum tamga_err tamga_record_header(struct tamga_overlay *overlay,
                                   const struct tamga_block_id *id,
                                   const struct tamga_stored_header *stored)
{
    TAMGA_BUF value = {0};
    Tamga__V1__StoredHeader message = TAMGA__V1__STORED_HEADER__INIT;
    struct tamga_sealed_wire sealed;
    uint8_t work[32];
    enum tamga_err err;

    tamga_sealed_lend(&sealed, &stored->sealed);
    if (stored->sealed.seal.len == 0)
        sealed.message.seal = NULL;
    tamga_u256_to_bytes(work, &stored->work);
    message.sealed = &sealed.message;
    message.work = tamga_wire_bytes(tamga_span(work, sizeof work));
    message.flags = stored->flags;
    message.received_ms = stored->received_ms;
    err = tamga_wire_pack(&value, &message.base);
    if (err != TAMGA_OK)
        return err;
    return tamga_overlay_put(overlay, TAMGA_FAMILY_HEADER, tamga_hash_span(&id->hash),
                             tamga_buf_span(&value));
}

static enum tamga_err get_id(const struct tamga_view *view, enum tamga_family family,
                             struct tamga_span key, struct tamga_block_id *out)
{
    TAMGA_BUF value = {0};
    enum tamga_err err = tamga_view_get(view, family, key, &value);

    if (err != TAMGA_OK)
        return err;
    return tamga_hash_from(&out->hash, tamga_buf_span(&value)) == TAMGA_OK
               ? TAMGA_OK
               : TAMGA_E_STORE_CORRUPT;
}

enum tamga_err tamga_query_tip(const struct tamga_view *view, struct tamga_block_id *out)
{
    return get_id(view, TAMGA_FAMILY_META, tamga_span_text("tip"), out);
}

enum tamga_err tamga_query_id_at(const struct tamga_view *view, uint64_t height,
                                 struct tamga_block_id *out)
{
    uint8_t key[8];

    tamga_height_key(key, height);
    return get_id(view, TAMGA_FAMILY_HEIGHT, tamga_span(key, sizeof key), out);
}

enum tamga_err tamga_query_block(const struct tamga_view *view,
                                 const struct tamga_block_id *id, struct tamga_block *out)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Block *message = NULL;
    struct tamga_stored_header stored;
    enum tamga_err err = tamga_query_header(view, id, &stored);

    if (err != TAMGA_OK)
        return err;
    err = get_message(view, TAMGA_FAMILY_BODY, tamga_hash_span(&id->hash),
                      (ProtobufCMessage **)&message, &tamga__v1__block__descriptor);
    if (err != TAMGA_OK)
        return err;
    err = tamga_block_decode(out, message, false);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NO_MEMORY ? err : TAMGA_E_STORE_CORRUPT;
    out->sealed = stored.sealed;
    return TAMGA_OK;
}

enum tamga_err tamga_query_place(const struct tamga_view *view,
                                 const struct tamga_entry_id *id, struct tamga_place *out)
{
    TAMGA_BUF value = {0};
    enum tamga_err err =
        tamga_view_get(view, TAMGA_FAMILY_ENTRY, tamga_hash_span(&id->hash), &value);

    if (err != TAMGA_OK)
        return err;
    if (value.len != 12)
        return TAMGA_E_STORE_CORRUPT;
    out->height = tamga_get_u64(value.data);
    out->index = tamga_get_u32(value.data + 8);
    return TAMGA_OK;
}

enum tamga_err tamga_record_place(struct tamga_overlay *overlay,
                                  const struct tamga_entry_id *id,
                                  const struct tamga_place *place)
{
    uint8_t value[12];

    tamga_put_u64(value, place->height);
    tamga_put_u32(value + 8, place->index);
    return tamga_overlay_put(overlay, TAMGA_FAMILY_ENTRY, tamga_hash_span(&id->hash),
                             tamga_span(value, sizeof value));
}

static enum tamga_err payload_in_body(const struct tamga_view *view,
                                      const struct tamga_entry_id *id, struct tamga_buf *out)
{
    TAMGA_CLEANUP(tamga_block_clear) struct tamga_block block = {0};
    struct tamga_place place;
    struct tamga_block_id at;
    enum tamga_err err = tamga_query_place(view, id, &place);

    if (err == TAMGA_OK)
        err = tamga_query_id_at(view, place.height, &at);
    if (err == TAMGA_OK)
        err = tamga_query_block(view, &at, &block);
    if (err != TAMGA_OK)
        return err;
    if (place.index >= block.count)
        return TAMGA_E_STORE_CORRUPT;
    return tamga_buf_set(out, block.entry[place.index]);
}

enum tamga_err tamga_query_payload(const struct tamga_chain *chain,
                                   const struct tamga_view *view,
                                   const struct tamga_entry_id *id, struct tamga_buf *out,
                                   bool *pending)
{
    TAMGA_BUF value = {0};
    enum tamga_err err =
        tamga_view_get(view, TAMGA_FAMILY_PENDING, tamga_hash_span(&id->hash), &value);

    *pending = err == TAMGA_OK;
    if (err == TAMGA_OK && value.len < PENDING_HEAD_BYTES)
        return TAMGA_E_STORE_CORRUPT;
    if (err == TAMGA_OK)
        return tamga_buf_set(out, tamga_span(value.data + PENDING_HEAD_BYTES,
                                             value.len - PENDING_HEAD_BYTES));
    if (err != TAMGA_E_NOT_FOUND)
        return err;
    if (chain->rules->detached)
        return tamga_view_get(view, TAMGA_FAMILY_PAYLOAD, tamga_hash_span(&id->hash), out);
    return payload_in_body(view, id, out);
}

enum tamga_err tamga_query_fork(const struct tamga_view *view,
                                const struct tamga_block_id *locator, size_t count,
                                uint64_t *height)
{
    for (size_t i = 0; i < count; i++) {
        struct tamga_stored_header stored;
        struct tamga_block_id at;
        enum tamga_err err = tamga_query_header(view, &locator[i], &stored);

        if (err == TAMGA_E_NOT_FOUND)
            continue;
        if (err == TAMGA_OK)
            err = tamga_query_id_at(view, stored.sealed.header.height, &at);
        if (err == TAMGA_E_NOT_FOUND)
            continue;
        if (err != TAMGA_OK)
            return err;
        if (tamga_hash_equal(&at.hash, &locator[i].hash)) {
            *height = stored.sealed.header.height;
            return TAMGA_OK;
        }
    }
    *height = 0;
    return TAMGA_OK;
}
