/* What anybody may read of a chain's finality in its store: docs/STORAGE.md, "Families". */
#include "chain/finality.h"

#include "chain/engine_internal.h"

void engine_point_put(uint8_t out[POINT_BYTES], const struct tamga_point *point)
{
    tamga_put_u64(out, point->height);
    memcpy(out + 8, point->id.hash.byte, TAMGA_HASH_BYTES);
}

void engine_point_get(struct tamga_point *out, const uint8_t in[POINT_BYTES])
{
    out->height = tamga_get_u64(in);
    memcpy(out->id.hash.byte, in + 8, TAMGA_HASH_BYTES);
}

static enum tamga_err query_point(const struct tamga_view *view, const char *name,
                                  struct tamga_point *out)
{
    TAMGA_BUF value = {0};
    enum tamga_err err =
        tamga_view_get(view, TAMGA_FAMILY_META, tamga_span_text(name), &value);

    if (err == TAMGA_E_NOT_FOUND) {
        out->height = 0;
        return tamga_query_id_at(view, 0, &out->id);
    }
    if (err == TAMGA_OK && value.len != POINT_BYTES)
        err = TAMGA_E_STORE_CORRUPT;
    if (err == TAMGA_OK)
        engine_point_get(out, value.data);
    return err;
}

enum tamga_err tamga_query_justified(const struct tamga_view *view, struct tamga_point *out)
{
    return query_point(view, "justified", out);
}

enum tamga_err tamga_query_final(const struct tamga_view *view, struct tamga_point *out)
{
    return query_point(view, "final", out);
}

struct reading {
    tamga_each_encoded each;
    void *context;
};

static bool read_one(void *context, struct tamga_span key, struct tamga_span value)
{
    struct reading *reading = context;

    (void)key;
    return reading->each(reading->context, value);
}

enum tamga_err tamga_query_votes(const struct tamga_reader *reader, uint64_t above,
                                 tamga_each_encoded each, void *context)
{
    struct reading reading = {.each = each, .context = context};
    uint8_t from[8];

    if (above == UINT64_MAX)
        return TAMGA_OK;
    tamga_put_u64(from, above + 1);
    return reader->ops->scan(reader, TAMGA_FAMILY_VOTE, tamga_span(NULL, 0),
                             tamga_span(from, sizeof from), read_one, &reading);
}

enum tamga_err tamga_query_conflicts(const struct tamga_reader *reader,
                                     tamga_each_encoded each, void *context)
{
    struct reading reading = {.each = each, .context = context};

    return reader->ops->scan(reader, TAMGA_FAMILY_CONFLICT, tamga_span(NULL, 0),
                             tamga_span(NULL, 0), read_one, &reading);
}
