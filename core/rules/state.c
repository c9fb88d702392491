/*
 * What entries are judged by, read straight from the bytes of the state: once for each entry,
 * so nothing is unpacked. What is there is what we wrote; anything else is damage.
 */
#include "rules/rules.h"
#include "wire/scan.h"

/* One field of a message: bytes, or a number. */
struct field {
    uint64_t key; /* number << 3 | wire type */
    uint64_t number;
    struct tamga_span bytes;
};
#define KEY_BYTES(field)  ((field) << 3 | 2u)
#define KEY_NUMBER(field) ((field) << 3)

static enum tamga_err take_number(uint64_t *out, struct tamga_span *rest)
{
    struct tamga_varint varint;

    if (tamga_scan_varint(&varint, rest, TAMGA_VARINT_BYTES_MAX) != TAMGA_OK ||
        !varint.shortest)
        return TAMGA_E_STORE_CORRUPT;
    *out = varint.value;
    return TAMGA_OK;
}

static enum tamga_err take_field(struct field *out, struct tamga_span *rest)
{
    enum tamga_err err = take_number(&out->key, rest);

    if (err == TAMGA_OK)
        err = take_number(&out->number, rest);
    if (err != TAMGA_OK || (out->key & 7) == 0)
        return err;
    if ((out->key & 7) != 2 || out->number > rest->len)
        return TAMGA_E_STORE_CORRUPT;
    out->bytes = tamga_span(rest->data, (size_t)out->number);
    *rest = tamga_span(rest->data + out->bytes.len, rest->len - out->bytes.len);
    return TAMGA_OK;
}

void tamga_state_value_clear(struct tamga_state_value *value)
{
    tamga_buf_clear(&value->bytes);
}

static enum tamga_err get(struct tamga_state_value *out, const struct tamga_view *state,
                          const struct tamga_hash *key)
{
    return tamga_view_get(state, TAMGA_FAMILY_STATE, tamga_hash_span(key), &out->bytes);
}

/* ---- members ---------------------------------------------------------------------- */

enum tamga_err tamga_state_member(struct tamga_state_value *out, const struct tamga_view *state,
                                  const struct tamga_hash *key)
{
    enum tamga_err err = get(out, state, key);
    struct tamga_span rest = tamga_buf_span(&out->bytes);

    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_NOT_MEMBER : err;
    out->roles = 0;
    out->name = tamga_span(NULL, 0);
    while (err == TAMGA_OK && rest.len > 0) {
        struct field field;

        err = take_field(&field, &rest);
        if (err != TAMGA_OK)
            break;
        if (field.key == KEY_BYTES(1u))
            out->name = field.bytes;
        else if (field.key == KEY_NUMBER(2u) && field.number <= UINT32_MAX)
            out->roles = (uint32_t)field.number;
        else
            err = TAMGA_E_STORE_CORRUPT;
    }
    return err;
}

/* ---- models ----------------------------------------------------------------------- */

static bool any_field(const struct tamga_state_value *model, uint64_t key,
                      struct tamga_span wanted)
{
    struct tamga_span rest = tamga_buf_span(&model->bytes);
    struct field field;

    while (rest.len > 0 && take_field(&field, &rest) == TAMGA_OK)
        if (field.key == key && tamga_span_equal(field.bytes, wanted))
            return true;
    return false;
}

enum tamga_err tamga_state_model(struct tamga_state_value *out, const struct tamga_view *state,
                                 const struct tamga_hash *key)
{
    enum tamga_err err = get(out, state, key);
    struct tamga_span rest = tamga_buf_span(&out->bytes);

    while (err == TAMGA_OK && rest.len > 0) {
        struct field field;

        err = take_field(&field, &rest);
        if (err == TAMGA_OK && field.key != KEY_BYTES(2u) &&
            ((field.key != KEY_BYTES(1u) && field.key != KEY_BYTES(3u)) ||
             field.bytes.len != TAMGA_HASH_BYTES))
            err = TAMGA_E_STORE_CORRUPT;
    }
    return err;
}

bool tamga_state_model_names(const struct tamga_state_value *model,
                             const struct tamga_address *publisher)
{
    struct tamga_span address = tamga_hash_span(&publisher->hash);

    return any_field(model, KEY_BYTES(1u), address) || any_field(model, KEY_BYTES(3u), address);
}

bool tamga_state_model_has(const struct tamga_state_value *model, const char *hardware)
{
    return any_field(model, KEY_BYTES(2u), tamga_span_text(hardware));
}

/* ---- the newest release of a model --------------------------------------------------- */

enum tamga_err tamga_state_newest(uint64_t *counter, const struct tamga_view *state,
                                  const struct tamga_hash *key)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value value = {0};
    enum tamga_err err = get(&value, state, key);
    struct tamga_span rest = tamga_buf_span(&value.bytes);
    struct field release = {0}, number = {0};

    *counter = 0;
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
    err = take_field(&release, &rest);
    if (err == TAMGA_OK && rest.len > 0)
        err = take_field(&number, &rest);
    if (err != TAMGA_OK || rest.len > 0 || release.key != KEY_BYTES(1u) ||
        release.bytes.len != TAMGA_HASH_BYTES || number.key != KEY_NUMBER(2u))
        return TAMGA_E_STORE_CORRUPT;
    *counter = number.number;
    return TAMGA_OK;
}
