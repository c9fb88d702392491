/*
 * Permits to go back, as the followed chain lists them: which one is for a device, and what
 * keeps a device where it went back to. Judges no permit: every validator did, and the device
 * does again.
 * Source: docs/PROTOCOL.md, "Device session".
 */
#include "gateway/gateway.h"

#define PERMITS_LOOKED_AT_MAX 64 /* the newest ones */

static const Tamga__V1__Permit *permit_of(const struct tamga_item *item)
{
    return ((const Tamga__V1__TransactionBody *)item->body)->permit;
}

/* ---- lists of the index family ------------------------------------------------------- */

/* NOT_FOUND: there is no such row. */
static enum tamga_err read_row(struct tamga_entry_id *out, const struct tamga_view *view,
                               const struct tamga_hash *group, uint64_t order)
{
    uint8_t key[TAMGA_INDEX_KEY_BYTES];
    TAMGA_BUF value = {0};
    enum tamga_err err;

    tamga_index_key(key, group, order);
    err = tamga_view_get(view, TAMGA_FAMILY_INDEX, tamga_span(key, sizeof key), &value);
    if (err == TAMGA_OK)
        err = tamga_hash_from(&out->hash, tamga_buf_span(&value));
    return err == TAMGA_E_BAD_LENGTH ? TAMGA_E_STORE_CORRUPT : err;
}

static enum tamga_err count_rows(uint64_t *out, const struct tamga_view *view,
                                 const struct tamga_hash *group)
{
    TAMGA_BUF value = {0};
    enum tamga_err err =
        tamga_view_get(view, TAMGA_FAMILY_INDEX, tamga_hash_span(group), &value);

    *out = 0;
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
    if (value.len != 8)
        return TAMGA_E_STORE_CORRUPT;
    *out = tamga_get_u64(value.data);
    return TAMGA_OK;
}

/* ---- one permit ------------------------------------------------------------------------ */

/* The permit of this number in the list, if it is this device's now, and its block is above
 * a height; else an empty item. Its height in any case. */
static enum tamga_err load(struct tamga_item *out, uint64_t *height,
                           const struct gateway_question *question, uint64_t number,
                           uint64_t above)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    const Tamga__V1__DeviceId *device = question->check_in->device;
    struct tamga_entry_id id;
    struct tamga_place place;
    struct tamga_hash group;
    enum tamga_err err;

    tamga_key_permits(&group, device->producer, device->model);
    err = read_row(&id, question->view, &group, number);
    if (err == TAMGA_OK)
        err = tamga_query_place(question->view, &id, &place);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    *height = place.height;
    if (place.height <= above || place.height > question->as_of->at.height)
        return TAMGA_OK; /* its block need not be read */
    err = gateway_find_entry(question->chain, question->view, &id, &item);
    if (err == TAMGA_OK && permit_of(&item)->expires_ms > question->now_ms &&
        tamga_permit_names(permit_of(&item), device->number))
        tamga_item_move(out, &item);
    return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
}

/* Those of this device, from the newest on; the list is in the order of blocks. */
struct walk {
    const struct gateway_question *question;
    uint64_t above;  /* the height that ends it */
    uint64_t number; /* of the next one; 0: no more */
    unsigned left;
};

static enum tamga_err walk_begin(struct walk *out, const struct gateway_question *question,
                                 uint64_t above)
{
    const Tamga__V1__DeviceId *device = question->check_in->device;
    struct tamga_hash group;

    *out = (struct walk){.question = question, .above = above, .left = PERMITS_LOOKED_AT_MAX};
    tamga_key_permits(&group, device->producer, device->model);
    return count_rows(&out->number, question->view, &group);
}

/* An empty item: that was the last one. */
static enum tamga_err walk_next(struct walk *walk, struct tamga_item *out)
{
    uint64_t height = UINT64_MAX;

    tamga_item_clear(out);
    while (walk->left > 0 && walk->number > 0 && height > walk->above) {
        enum tamga_err err =
            load(out, &height, walk->question, walk->number--, walk->above);

        walk->left--;
        if (err != TAMGA_OK || out->body != NULL)
            return err;
    }
    walk->number = 0;
    return TAMGA_OK;
}

/* ---- what runs -------------------------------------------------------------------------- */

/* What a device says that it runs; height 0: no release of the chain. */
struct running {
    struct tamga_entry_id id;
    uint64_t height;
};

static enum tamga_err find_running(struct running *out, const struct gateway_question *question)
{
    struct tamga_place place;
    enum tamga_err err;

    *out = (struct running){.height = 0};
    err = gateway_running(&out->id, question);
    if (err == TAMGA_OK)
        err = tamga_query_place(question->view, &out->id, &place);
    if (err == TAMGA_OK)
        out->height = place.height;
    return err == TAMGA_E_NOT_FOUND ? TAMGA_OK : err;
}

enum tamga_err gateway_running(struct tamga_entry_id *out,
                               const struct gateway_question *question)
{
    const Tamga__V1__DeviceId *device = question->check_in->device;
    struct tamga_hash model;

    tamga_key_model(&model, device->producer, device->model);
    return read_row(out, question->view, &model, question->check_in->installed_counter);
}

/* ---- the two questions ----------------------------------------------------------------- */

static enum tamga_err try_back(struct tamga_item *release, const struct gateway_question *question,
                               const struct tamga_item *permit)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item older = {0};
    struct tamga_entry_id id;
    bool in_force = false;
    enum tamga_err err =
        tamga_hash_from(&id.hash, tamga_wire_span(permit_of(permit)->release));

    if (err == TAMGA_OK)
        err = gateway_in_force(question->view, &id, &in_force);
    if (err != TAMGA_OK || !in_force)
        return err;
    err = gateway_find_entry(question->chain, question->view, &id, &older);
    if (err == TAMGA_OK && gateway_suits_back(question, &older))
        tamga_item_move(release, &older);
    return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
}

enum tamga_err gateway_way_back(const struct gateway_question *question,
                                struct tamga_item *release, struct tamga_item *permit)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item one = {0};
    struct running running;
    struct walk walk;
    enum tamga_err err = find_running(&running, question);

    /* What was said before the release that runs came speaks of those before it. */
    if (err == TAMGA_OK)
        err = walk_begin(&walk, question, running.height);
    if (err == TAMGA_OK)
        err = walk_next(&walk, &one);
    while (err == TAMGA_OK && one.body != NULL) {
        err = try_back(release, question, &one);
        if (err == TAMGA_OK && release->body != NULL) {
            tamga_item_move(permit, &one);
            return TAMGA_OK;
        }
        if (err == TAMGA_OK)
            err = walk_next(&walk, &one);
    }
    return err == TAMGA_OK ? TAMGA_E_NOT_FOUND : err;
}

enum tamga_err gateway_stays(const struct gateway_question *question, uint64_t height,
                             bool *stays)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item one = {0};
    struct running running;
    struct walk walk;
    enum tamga_err err = find_running(&running, question);

    *stays = false;
    if (err == TAMGA_OK)
        err = walk_begin(&walk, question, height);
    if (err == TAMGA_OK)
        err = walk_next(&walk, &one);
    while (err == TAMGA_OK && one.body != NULL && !*stays) {
        *stays = tamga_span_equal(tamga_wire_span(permit_of(&one)->release),
                                  tamga_hash_span(&running.id.hash));
        err = walk_next(&walk, &one);
    }
    return err;
}
