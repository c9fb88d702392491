/*
 * The gateway listener: reads the consortium chain that the follower verified, and finds
 * what is for a device. Writes nothing.
 * Source: paper, Algorithms 2 and 3.
 */
#include "gateway/gateway.h"
#include "node/index.h"

static const Tamga__V1__Release *release_of(const struct tamga_item *item)
{
    return ((const Tamga__V1__TransactionBody *)item->body)->release;
}

enum tamga_err gateway_find_entry(const struct tamga_chain *chain,
                                  const struct tamga_view *view,
                                  const struct tamga_entry_id *id, struct tamga_item *item)
{
    TAMGA_BUF payload = {0};
    struct tamga_place place;
    bool pending;
    enum tamga_err err = tamga_query_place(view, id, &place);

    if (err == TAMGA_OK)
        err = tamga_query_payload(chain, view, id, &payload, &pending);
    if (err != TAMGA_OK)
        return err;
    return chain->rules->decode(chain, item, tamga_buf_span(&payload), NULL);
}

enum tamga_err gateway_in_force(const struct tamga_view *view, const struct tamga_entry_id *id,
                                bool *in_force)
{
    TAMGA_BUF value = {0};
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_release(&key, &id->hash);
    err = tamga_view_get(view, TAMGA_FAMILY_STATE, tamga_hash_span(&key), &value);
    if (err == TAMGA_OK)
        err = tamga_release_in_force(tamga_buf_span(&value), NULL);
    *in_force = err == TAMGA_OK || err == TAMGA_E_NOT_FOUND;
    if (*in_force || err == TAMGA_E_RELEASE_WITHDRAWN || err == TAMGA_E_RELEASE_UNSIGNED)
        return TAMGA_OK;
    return tamga_err_class(err) == TAMGA_CLASS_REJECT ? TAMGA_E_STORE_CORRUPT : err;
}

static bool for_hardware(const Tamga__V1__Release *release, const char *hardware)
{
    for (size_t i = 0; i < release->n_hardware; i++)
        if (strcmp(release->hardware[i], hardware) == 0)
            return true;
    return release->n_hardware == 0;
}

/* A step that needs another version first is not for now. */
static bool steps_on(const Tamga__V1__Release *release, const char *installed_version)
{
    for (size_t i = 0; i < release->n_depends; i++) {
        const Tamga__V1__Dependency *depend = release->depends[i];

        if (strcmp(depend->producer, release->producer) == 0 &&
            strcmp(depend->model, release->model) == 0 &&
            strcmp(depend->version, installed_version) != 0)
            return false;
    }
    return true;
}

static bool expired(const Tamga__V1__Release *release, uint64_t now_ms)
{
    return release->expires_ms != 0 && release->expires_ms <= now_ms;
}

static bool suitable(const Tamga__V1__Release *release, const Tamga__V1__CheckInBody *check_in,
                     uint64_t now_ms)
{
    return release->counter > check_in->installed_counter &&
           for_hardware(release, check_in->hardware) &&
           steps_on(release, check_in->installed_version) && !expired(release, now_ms);
}

/* A permit speaks for the step as a whole: what it depends on is not asked. */
bool gateway_suits_back(const struct gateway_question *question,
                        const struct tamga_item *release)
{
    return release_of(release)->counter < question->check_in->installed_counter &&
           for_hardware(release_of(release), question->check_in->hardware) &&
           !expired(release_of(release), question->now_ms);
}

static enum tamga_err consider(struct tamga_item *item, const struct tamga_chain *chain,
                               const struct tamga_view *view, const struct tamga_entry_id *id,
                               const Tamga__V1__CheckInBody *check_in, uint64_t now_ms)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item candidate = {0};
    bool in_force = false;
    enum tamga_err err = gateway_in_force(view, id, &in_force);

    if (err != TAMGA_OK || !in_force)
        return err;
    err = gateway_find_entry(chain, view, id, &candidate);
    if (err == TAMGA_OK && suitable(release_of(&candidate), check_in, now_ms))
        tamga_item_move(item, &candidate);
    return err;
}

enum tamga_err gateway_newest_for(const struct tamga_chain *chain,
                                  const struct tamga_reader *reader,
                                  const Tamga__V1__CheckInBody *check_in, uint64_t now_ms,
                                  struct tamga_item *item)
{
    struct tamga_index_page page = {.max = TAMGA_INDEX_PAGE_MAX};
    uint8_t after[TAMGA_INDEX_KEY_MAX];
    struct tamga_hash model;
    size_t after_len = TAMGA_INDEX_KEY_BYTES;

    tamga_key_model(&model, check_in->device->producer, check_in->device->model);
    tamga_index_key(after, &model, check_in->installed_counter);
    do {
        enum tamga_err err = tamga_index_read(&page, reader, tamga_hash_span(&model),
                                              tamga_span(after, after_len));

        for (size_t i = 0; err == TAMGA_OK && i < page.count; i++)
            err = consider(item, chain, &reader->view, &page.id[i], check_in, now_ms);
        if (err != TAMGA_OK)
            return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
        memcpy(after, page.next, page.next_len);
        after_len = page.next_len;
    } while (after_len > 0);
    return item->body == NULL ? TAMGA_E_NOT_FOUND : TAMGA_OK;
}

/* ---- who enrolled a device ------------------------------------------------------------- */

static enum tamga_err tip_height(uint64_t *out, const struct tamga_view *view)
{
    struct tamga_stored_header tip;
    struct tamga_block_id id;
    enum tamga_err err = tamga_query_tip(view, &id);

    if (err == TAMGA_OK)
        err = tamga_query_header(view, &id, &tip);
    if (err == TAMGA_OK)
        *out = tip.sealed.header.height;
    return err == TAMGA_E_NOT_FOUND ? TAMGA_E_STORE_CORRUPT : err;
}

enum tamga_err gateway_check_issuer(const struct tamga_view *view,
                                    const struct tamga_certificate *certificate,
                                    struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value member = {0};
    struct tamga_hash key;
    uint64_t height;
    enum tamga_err err = tip_height(&height, view);

    if (err != TAMGA_OK)
        return err;
    tamga_key_member(&key, &certificate->issuer);
    err = tamga_state_member(&member, view, &key, height, NULL);
    if (tamga_err_class(err) == TAMGA_CLASS_LOCAL)
        return err;
    return tamga_issuer_check(&member, certificate->body->device, detail);
}
