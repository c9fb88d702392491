/* The state map over views and overlays, and its proofs on the wire. Knows no key's meaning. */
#include "chain/state_map.h"

#include <stdlib.h>

#include "crypto/hash.h"
#include "wire/wire.h"

#define VALUE_BYTES_MAX 1048576 /* of a proof; the wire bounds it too */

/* ---- rows in the MAP family ----------------------------------------------------- */

struct family_rows {
    struct tamga_map_rows rows; /* first: the ops cast back */
    const struct tamga_view *view;
    struct tamga_overlay *overlay; /* NULL: rows are only read */
};

static enum tamga_err get_row(const struct tamga_map_rows *rows, struct tamga_span key,
                              struct tamga_buf *row)
{
    return tamga_view_get(((const struct family_rows *)rows)->view, TAMGA_FAMILY_MAP, key, row);
}

static enum tamga_err put_row(struct tamga_map_rows *rows, struct tamga_span key,
                              struct tamga_span row)
{
    return tamga_overlay_put(((struct family_rows *)rows)->overlay, TAMGA_FAMILY_MAP, key, row);
}

static enum tamga_err erase_row(struct tamga_map_rows *rows, struct tamga_span key)
{
    return tamga_overlay_erase(((struct family_rows *)rows)->overlay, TAMGA_FAMILY_MAP, key);
}

static const struct tamga_map_rows_ops read_ops = {.get = get_row};
static const struct tamga_map_rows_ops write_ops = {
    .get = get_row, .put = put_row, .erase = erase_row};

static struct family_rows rows_of_view(const struct tamga_view *view)
{
    return (struct family_rows){.rows.ops = &read_ops, .view = view};
}

static struct family_rows rows_of_overlay(struct tamga_overlay *overlay)
{
    return (struct family_rows){
        .rows.ops = &write_ops, .view = &overlay->view, .overlay = overlay};
}

enum tamga_err tamga_state_map_root(struct tamga_hash *root, const struct tamga_view *view)
{
    struct family_rows rows = rows_of_view(view);

    return tamga_map_root(root, &rows.rows);
}

/* ---- changes -------------------------------------------------------------------- */

static void free_writes(struct tamga_write **write)
{
    free(*write);
}

static void free_changes(struct tamga_map_change **change)
{
    free(*change);
}

static enum tamga_err change_of(struct tamga_map_change *change,
                                const struct tamga_write *write)
{
    change->present = !write->erase;
    if (change->present)
        tamga_sha256(&change->value, write->value);
    /* A key of another length has no place in the map: the rules' fault, or damage. */
    return tamga_hash_from(&change->key, write->key) == TAMGA_OK ? TAMGA_OK
                                                                 : TAMGA_E_STORE_CORRUPT;
}

enum tamga_err tamga_state_map_apply(struct tamga_hash *root, struct tamga_overlay *rows,
                                     const struct tamga_overlay *state)
{
    TAMGA_CLEANUP(free_writes) struct tamga_write *write = NULL;
    TAMGA_CLEANUP(free_changes) struct tamga_map_change *change = NULL;
    struct family_rows map = rows_of_overlay(rows);
    size_t count, changes = 0;
    enum tamga_err err = tamga_overlay_writes(state, &write, &count);

    if (err != TAMGA_OK)
        return err;
    change = calloc(count + 1, sizeof *change);
    if (change == NULL)
        return TAMGA_E_NO_MEMORY;
    for (size_t i = 0; err == TAMGA_OK && i < count; i++)
        if (write[i].family == TAMGA_FAMILY_STATE)
            err = change_of(&change[changes++], &write[i]);
    if (err != TAMGA_OK)
        return err;
    return changes == 0 ? tamga_map_root(root, &map.rows)
                        : tamga_map_update(root, &map.rows, change, changes);
}

/* ---- proofs --------------------------------------------------------------------- */

static size_t filled_bytes(uint32_t depth)
{
    return (depth + 7) / 8;
}

/* Pack what is lent here, and unpack it: so that all of *out is one message's own. */
static enum tamga_err own(Tamga__V1__StateProof **out, const Tamga__V1__StateProof *lent)
{
    TAMGA_BUF bytes = {0};
    enum tamga_err err = tamga_wire_pack(&bytes, &lent->base);

    if (err != TAMGA_OK)
        return err;
    err = tamga_wire_unpack((ProtobufCMessage **)out, &tamga__v1__state_proof__descriptor,
                            TAMGA_WIRE_CANONICAL, tamga_buf_span(&bytes), NULL);
    return err == TAMGA_OK || err == TAMGA_E_NO_MEMORY ? err : TAMGA_E_STORE_CORRUPT;
}

/* The map and the STATE family must say the same of a key. */
static bool agrees(const struct tamga_map_proof *proof, const struct tamga_buf *value,
                   bool present)
{
    struct tamga_hash hash;

    if (proof->present != present)
        return false;
    if (!present)
        return true;
    tamga_sha256(&hash, tamga_buf_span(value));
    return value->len > 0 && value->len <= VALUE_BYTES_MAX &&
           tamga_hash_equal(&hash, &proof->value);
}

static enum tamga_err pack_proof(Tamga__V1__StateProof **out, const struct tamga_hash *key,
                                 const struct tamga_buf *value, struct tamga_map_proof *proof)
{
    Tamga__V1__StateProof message = TAMGA__V1__STATE_PROOF__INIT;
    ProtobufCBinaryData sibling[TAMGA_MAP_DEPTH_MAX];

    for (size_t i = 0; i < proof->count; i++)
        sibling[i] = tamga_wire_bytes(tamga_hash_span(&proof->sibling[i]));
    message.key = tamga_wire_bytes(tamga_hash_span(key));
    message.value = tamga_wire_bytes(tamga_buf_span(value));
    message.depth = proof->depth;
    message.filled = tamga_wire_bytes(tamga_span(proof->filled, filled_bytes(proof->depth)));
    message.n_siblings = proof->count;
    message.siblings = sibling;
    if (proof->other) {
        message.other_key = tamga_wire_bytes(tamga_hash_span(&proof->key));
        message.other_value = tamga_wire_bytes(tamga_hash_span(&proof->value));
    }
    return own(out, &message);
}

enum tamga_err tamga_state_proof_make(Tamga__V1__StateProof **out,
                                      const struct tamga_view *view,
                                      const struct tamga_hash *key)
{
    struct family_rows rows = rows_of_view(view);
    struct tamga_map_proof proof = {0};
    TAMGA_BUF value = {0};
    enum tamga_err found = tamga_view_get(view, TAMGA_FAMILY_STATE, tamga_hash_span(key), &value);
    enum tamga_err err;

    if (found != TAMGA_OK && found != TAMGA_E_NOT_FOUND)
        return found;
    err = tamga_map_prove(&proof, &rows.rows, key);
    if (err != TAMGA_OK)
        return err;
    if (!agrees(&proof, &value, found == TAMGA_OK))
        return TAMGA_E_STORE_CORRUPT;
    return pack_proof(out, key, &value, &proof);
}

static enum tamga_err read_siblings(struct tamga_map_proof *proof,
                                    const Tamga__V1__StateProof *untrusted,
                                    struct tamga_detail *detail)
{
    if (untrusted->depth > TAMGA_MAP_DEPTH_MAX)
        return tamga_refuse(detail, TAMGA_E_PROOF_DEPTH, "depth %u; at most %d",
                            untrusted->depth, TAMGA_MAP_DEPTH_MAX);
    if (untrusted->filled.len != filled_bytes(untrusted->depth))
        return tamga_refuse(detail, TAMGA_E_PROOF_DEPTH, "%zu bytes of bits; depth %u has %zu",
                            untrusted->filled.len, untrusted->depth,
                            filled_bytes(untrusted->depth));
    if (untrusted->n_siblings > untrusted->depth)
        return tamga_refuse(detail, TAMGA_E_PROOF_DEPTH, "%zu siblings; depth %u",
                            untrusted->n_siblings, untrusted->depth);
    proof->depth = untrusted->depth;
    proof->count = untrusted->n_siblings;
    if (untrusted->filled.len > 0)
        memcpy(proof->filled, untrusted->filled.data, untrusted->filled.len);
    for (size_t i = 0; i < proof->count; i++)
        if (tamga_hash_from(&proof->sibling[i], tamga_wire_span(untrusted->siblings[i])) !=
            TAMGA_OK)
            return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "siblings must have 32 bytes");
    return TAMGA_OK;
}

/* What stands where the key's path ends: its own leaf, another's, or nothing. */
static enum tamga_err read_leaf(struct tamga_map_proof *proof, const struct tamga_hash *key,
                                const Tamga__V1__StateProof *untrusted,
                                struct tamga_detail *detail)
{
    proof->present = untrusted->value.len > 0;
    proof->other = untrusted->other_key.len > 0 || untrusted->other_value.len > 0;
    if (untrusted->value.len > VALUE_BYTES_MAX)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "value of %zu bytes; at most %d",
                            untrusted->value.len, VALUE_BYTES_MAX);
    if (proof->other &&
        (tamga_hash_from(&proof->key, tamga_wire_span(untrusted->other_key)) != TAMGA_OK ||
         tamga_hash_from(&proof->value, tamga_wire_span(untrusted->other_value)) != TAMGA_OK))
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH,
                            "other key and hash of its value must have 32 bytes");
    if (!proof->present)
        return TAMGA_OK;
    if (proof->other)
        return tamga_refuse(detail, TAMGA_E_PROOF_KEY, "key is present and another's leaf too");
    proof->key = *key;
    tamga_sha256(&proof->value, tamga_wire_span(untrusted->value));
    return TAMGA_OK;
}

enum tamga_err tamga_state_proof_check(struct tamga_span *value, const struct tamga_hash *root,
                                       const struct tamga_hash *key,
                                       const Tamga__V1__StateProof *untrusted,
                                       struct tamga_detail *detail)
{
    struct tamga_map_proof proof = {0};
    struct tamga_hash stated;
    enum tamga_err err;

    if (untrusted == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "no state proof");
    if (tamga_hash_from(&stated, tamga_wire_span(untrusted->key)) != TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "key must have 32 bytes");
    if (!tamga_hash_equal(&stated, key))
        return TAMGA_E_PROOF_KEY;
    err = read_siblings(&proof, untrusted, detail);
    if (err == TAMGA_OK)
        err = read_leaf(&proof, key, untrusted, detail);
    if (err == TAMGA_OK)
        err = tamga_map_check(root, &proof, key, proof.present ? &proof.value : NULL);
    if (err == TAMGA_OK)
        *value = tamga_wire_span(untrusted->value);
    return err;
}
