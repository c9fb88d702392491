/*
 * What entries are judged by, read straight from the bytes of the state: once for each entry,
 * so nothing is unpacked. What is there is what we wrote; anything else is damage.
 */
#include <inttypes.h>

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

struct span {
    uint64_t roles, from, until, ending;
};

static enum tamga_err read_span(struct span *out, struct tamga_span rest)
{
    *out = (struct span){0};
    while (rest.len > 0) {
        uint64_t *number[] = {&out->roles, &out->from, &out->until, &out->ending};
        struct field field;
        enum tamga_err err = take_field(&field, &rest);

        if (err != TAMGA_OK)
            return err;
        if ((field.key & 7) != 0 || field.key < KEY_NUMBER(1u) || field.key > KEY_NUMBER(4u))
            return TAMGA_E_STORE_CORRUPT;
        *number[(field.key >> 3) - 1] = field.number;
    }
    return out->roles <= UINT32_MAX ? TAMGA_OK : TAMGA_E_STORE_CORRUPT;
}

static const char *ending_text(uint64_t ending)
{
    switch ((Tamga__V1__Ending)ending) {
    case TAMGA__V1__ENDING__ENDING_REPLACED:
        return "replaced by another key";
    case TAMGA__V1__ENDING__ENDING_SUSPENDED:
        return "suspended";
    case TAMGA__V1__ENDING__ENDING_REVOKED:
        return "revoked";
    case TAMGA__V1__ENDING__ENDING_REMOVED:
        return "removed with its member";
    default:
        return "changed";
    }
}

/* No span holds at the height: the one that was over last before it, or the first to come. */
static enum tamga_err refuse_time(const struct span *past, const struct span *next,
                                  struct tamga_span name, uint64_t height,
                                  struct tamga_detail *detail)
{
    if (past->until == 0)
        return tamga_refuse(detail, TAMGA_E_KEY_NOT_YET,
                            "%.*s's key is valid from height %" PRIu64 " on; this is %" PRIu64,
                            (int)name.len, (const char *)name.data, next->from, height);
    return tamga_refuse(detail, TAMGA_E_KEY_ENDED,
                        "%.*s's key was %s at height %" PRIu64 "; this is %" PRIu64,
                        (int)name.len, (const char *)name.data, ending_text(past->ending),
                        past->until, height);
}

static enum tamga_err judge_member(struct tamga_state_value *out, struct tamga_span rest,
                                   uint64_t height, struct tamga_detail *detail)
{
    struct span past = {0}, next = {0};

    out->roles = out->former_roles = 0;
    out->name = tamga_span(NULL, 0);
    while (rest.len > 0) {
        struct field field;
        struct span span;
        enum tamga_err err = take_field(&field, &rest);

        if (err == TAMGA_OK && field.key == KEY_BYTES(1u)) {
            out->name = field.bytes;
            continue;
        }
        if (err == TAMGA_OK)
            err = field.key == KEY_BYTES(2u) ? read_span(&span, field.bytes)
                                             : TAMGA_E_STORE_CORRUPT;
        if (err != TAMGA_OK)
            return err;
        if (span.from <= height && (span.until == 0 || height < span.until))
            out->roles = (uint32_t)span.roles;
        else if (span.from > height && next.from == 0)
            next = span;
        else if (span.until != 0 && span.until <= height)
            past = span;
    }
    out->former_roles = (uint32_t)past.roles;
    out->ending = (Tamga__V1__Ending)past.ending;
    return out->roles != 0 ? TAMGA_OK : refuse_time(&past, &next, out->name, height, detail);
}

enum tamga_err tamga_member_value(struct tamga_state_value *out, struct tamga_span value,
                                  uint64_t height, struct tamga_detail *detail)
{
    enum tamga_err err = tamga_buf_set(&out->bytes, value);

    return err == TAMGA_OK ? judge_member(out, tamga_buf_span(&out->bytes), height, detail)
                           : err;
}

enum tamga_err tamga_state_member(struct tamga_state_value *out, const struct tamga_view *state,
                                  const struct tamga_hash *key, uint64_t height,
                                  struct tamga_detail *detail)
{
    enum tamga_err err = get(out, state, key);

    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_NOT_MEMBER : err;
    return judge_member(out, tamga_buf_span(&out->bytes), height, detail);
}

/* ---- models ----------------------------------------------------------------------- */

/* The next field of a message with this key; false: no more. What is read was judged. */
static bool next_field(struct field *out, struct tamga_span *rest, uint64_t key)
{
    while (rest->len > 0 && take_field(out, rest) == TAMGA_OK)
        if (out->key == key)
            return true;
    return false;
}

static bool any_field(struct tamga_span message, uint64_t key, struct tamga_span wanted)
{
    struct field field;

    while (next_field(&field, &message, key))
        if (tamga_span_equal(field.bytes, wanted))
            return true;
    return false;
}

static enum tamga_err judge_model(struct tamga_state_value *out)
{
    struct tamga_span rest = tamga_buf_span(&out->bytes);
    enum tamga_err err = TAMGA_OK;

    out->needed = 0;
    out->countersign = false;
    while (err == TAMGA_OK && rest.len > 0) {
        struct field field;

        err = take_field(&field, &rest);
        if (err != TAMGA_OK)
            break;
        if (field.key == KEY_BYTES(1u))
            out->name = field.bytes;
        else if (field.key == KEY_NUMBER(5u))
            out->needed = field.number;
        else if (field.key == KEY_NUMBER(6u))
            out->countersign = field.number != 0;
        else if (field.key != KEY_BYTES(2u) && field.key != KEY_BYTES(3u) &&
                 field.key != KEY_BYTES(4u))
            err = TAMGA_E_STORE_CORRUPT;
    }
    return err;
}

enum tamga_err tamga_model_value(struct tamga_state_value *out, struct tamga_span value)
{
    enum tamga_err err = tamga_buf_set(&out->bytes, value);

    return err == TAMGA_OK ? judge_model(out) : err;
}

enum tamga_err tamga_state_model(struct tamga_state_value *out, const struct tamga_view *state,
                                 const struct tamga_hash *key)
{
    enum tamga_err err = get(out, state, key);

    return err == TAMGA_OK ? judge_model(out) : err;
}

bool tamga_state_model_has(const struct tamga_state_value *model, const char *hardware)
{
    return any_field(tamga_buf_span(&model->bytes), KEY_BYTES(2u), tamga_span_text(hardware));
}

bool tamga_state_model_asks(const struct tamga_state_value *model, struct tamga_span name)
{
    return any_field(tamga_buf_span(&model->bytes), KEY_BYTES(4u), name);
}

static bool find_delegation(struct tamga_span *out, const struct tamga_state_value *model,
                            struct tamga_span provider)
{
    struct tamga_span rest = tamga_buf_span(&model->bytes);
    struct field field;

    while (next_field(&field, &rest, KEY_BYTES(3u)))
        if (any_field(field.bytes, KEY_BYTES(1u), provider)) {
            *out = field.bytes;
            return true;
        }
    return false;
}

static enum tamga_err judge_delegation(struct tamga_span delegation,
                                       const Tamga__V1__Release *release, uint64_t ref_ms,
                                       struct tamga_detail *detail)
{
    struct tamga_span rest = delegation, limits = delegation;
    struct field until, some;

    if (next_field(&until, &rest, KEY_NUMBER(3u)) && until.number <= ref_ms)
        return tamga_refuse(detail, TAMGA_E_DELEGATION_EXPIRED,
                            "it was until %" PRIu64 " ms; this is %" PRIu64 " ms", until.number,
                            ref_ms);
    if (!next_field(&some, &limits, KEY_BYTES(2u)))
        return TAMGA_OK; /* for all revisions */
    if (release->n_hardware == 0)
        return tamga_refuse(detail, TAMGA_E_DELEGATION_HARDWARE,
                            "it is for some revisions; the release is for all");
    for (size_t i = 0; i < release->n_hardware; i++)
        if (!any_field(delegation, KEY_BYTES(2u), tamga_span_text(release->hardware[i])))
            return tamga_refuse(detail, TAMGA_E_DELEGATION_HARDWARE,
                                "it is not for revision %s", release->hardware[i]);
    return TAMGA_OK;
}

enum tamga_err tamga_state_model_lets(const struct tamga_state_value *model,
                                      struct tamga_span publisher,
                                      const Tamga__V1__Release *release, uint64_t ref_ms,
                                      struct tamga_detail *detail)
{
    struct tamga_span delegation;
    enum tamga_err err = TAMGA_OK;

    if (!tamga_span_equal(model->name, publisher)) {
        if (!find_delegation(&delegation, model, publisher))
            return tamga_refuse(detail, TAMGA_E_NOT_AUTHORIZED,
                                "%.*s neither owns %s/%s nor has it delegated to it",
                                (int)publisher.len, (const char *)publisher.data,
                                release->producer, release->model);
        err = judge_delegation(delegation, release, ref_ms, detail);
    }
    for (size_t i = 0; err == TAMGA_OK && i < release->n_hardware; i++)
        if (!tamga_state_model_has(model, release->hardware[i]))
            err = tamga_refuse(detail, TAMGA_E_UNKNOWN_HARDWARE, "%s/%s has no revision %s",
                               release->producer, release->model, release->hardware[i]);
    return err;
}

/* ---- the newest release of a model --------------------------------------------------- */

enum tamga_err tamga_state_newest(uint64_t *counter, const struct tamga_view *state,
                                  const struct tamga_hash *key)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value value = {0};
    enum tamga_err err = get(&value, state, key);
    struct tamga_span rest = tamga_buf_span(&value.bytes);
    struct field release = {0}, number = {0}, withdrawn = {0};

    *counter = 0;
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
    err = take_field(&release, &rest);
    if (err == TAMGA_OK && rest.len > 0)
        err = take_field(&number, &rest);
    if (err == TAMGA_OK && rest.len > 0)
        err = take_field(&withdrawn, &rest);
    if (err != TAMGA_OK || rest.len > 0 || release.key != KEY_BYTES(1u) ||
        release.bytes.len != TAMGA_HASH_BYTES || number.key != KEY_NUMBER(2u) ||
        (withdrawn.key != 0 && withdrawn.key != KEY_NUMBER(3u)))
        return TAMGA_E_STORE_CORRUPT;
    *counter = number.number;
    return TAMGA_OK;
}
