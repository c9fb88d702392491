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

static bool is_for(const Tamga__V1__Permit *permit, const char *number)
{
    for (size_t i = 0; i < permit->n_numbers; i++)
        if (strcmp(permit->numbers[i], number) == 0)
            return true;
    return permit->n_numbers == 0;
}

/* The permit of this number in the list, if it is this device's now; else an empty item. */
static enum tamga_err load(struct tamga_item *out, uint64_t *height,
                           const struct gateway_question *question, uint64_t number)
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
    if (err == TAMGA_OK)
        err = gateway_find_entry(question->chain, question->view, &id, &item);
    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
    if (place.height > question->as_of->at.height ||
        permit_of(&item)->expires_ms <= question->now_ms ||
        !is_for(permit_of(&item), device->number))
        return TAMGA_OK;
    *height = place.height;
    tamga_item_move(out, &item);
    return TAMGA_OK;
}

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
    struct running running;
    struct tamga_hash group;
    uint64_t count, height = 0;
    enum tamga_err err = find_running(&running, question);

    tamga_key_permits(&group, question->check_in->device->producer,
                      question->check_in->device->model);
    if (err == TAMGA_OK)
        err = count_rows(&count, question->view, &group);
    for (unsigned i = 0; err == TAMGA_OK && i < PERMITS_LOOKED_AT_MAX && i < count; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item one = {0};

        err = load(&one, &height, question, count - i);
        /* What was said before the release that runs came speaks of those before it. */
        if (err != TAMGA_OK || one.body == NULL || height <= running.height)
            continue;
        err = try_back(release, question, &one);
        if (err != TAMGA_OK || release->body == NULL)
            continue;
        tamga_item_move(permit, &one);
        return TAMGA_OK;
    }
    return err == TAMGA_OK ? TAMGA_E_NOT_FOUND : err;
}

enum tamga_err gateway_stays(const struct gateway_question *question, uint64_t height,
                             bool *stays)
{
    struct running running;
    struct tamga_hash group;
    uint64_t count, at = 0;
    enum tamga_err err = find_running(&running, question);

    *stays = false;
    tamga_key_permits(&group, question->check_in->device->producer,
                      question->check_in->device->model);
    if (err == TAMGA_OK)
        err = count_rows(&count, question->view, &group);
    for (unsigned i = 0; err == TAMGA_OK && i < PERMITS_LOOKED_AT_MAX && i < count; i++) {
        TAMGA_CLEANUP(tamga_item_clear) struct tamga_item one = {0};

        err = load(&one, &at, question, count - i);
        if (err == TAMGA_OK && one.body != NULL && at > height &&
            tamga_span_equal(tamga_wire_span(permit_of(&one)->release),
                             tamga_hash_span(&running.id.hash)))
            *stays = true;
    }
    return err;
}
