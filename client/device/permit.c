/*
 * A permit to go back, as a gateway shows it: whether it is there, whose it is, and for whom.
 * It lifts one rule for one release on one device, and serves once.
 *
 * Source: docs/PROTOCOL.md, "What a device verifies".
 */
#include <inttypes.h>

#include "device/internal.h"
#include "wire/wire.h"

static enum tamga_err check_owner(const struct tamga_session *session,
                                  const struct tamga_checkpoint *newest,
                                  const struct tamga_item *item)
{
    const char *owner = session->device->identity.body->device->producer;
    struct tamga_standing sender;
    enum tamga_err err =
        tamga_standing_check(&sender, &newest->state_root, &item->sender,
                             session->answer->permit_sender, session->detail);

    if (err != TAMGA_OK)
        return err;
    if ((sender.roles & TAMGA__V1__ROLE__ROLE_OEM) == 0 || strcmp(sender.name, owner) != 0)
        return tamga_refuse(session->detail, TAMGA_E_BAD_PERMIT,
                            "it is by %s; only OEM %s may permit", sender.name, owner);
    return TAMGA_OK;
}

static enum tamga_err check_terms(const struct tamga_session *session,
                                  const Tamga__V1__Permit *permit,
                                  const struct tamga_entry_id *release)
{
    const char *number = session->device->identity.body->device->number;
    uint64_t now_ms = tamga_device_now_at_least(session->device);

    if (!tamga_span_equal(tamga_wire_span(permit->release), tamga_hash_span(&release->hash)))
        return tamga_refuse(session->detail, TAMGA_E_BAD_PERMIT, "it is for another release");
    if (!tamga_permit_names(permit, number))
        return tamga_refuse(session->detail, TAMGA_E_BAD_PERMIT,
                            "it is for %s%s; this device is %s", permit->numbers[0],
                            permit->n_numbers > 1 ? " and others" : "", number);
    if (permit->expires_ms <= now_ms)
        return tamga_refuse(session->detail, TAMGA_E_BAD_PERMIT,
                            "it was until %" PRIu64 " ms; it is %" PRIu64 " ms",
                            permit->expires_ms, now_ms);
    return TAMGA_OK;
}

/* Else who brings it again and again could hold a device down until it expires. */
static enum tamga_err check_fresh(const struct tamga_session *session, uint64_t height)
{
    uint64_t used = session->device->state.permit_height;

    if (height <= used)
        return tamga_refuse(session->detail, TAMGA_E_BAD_PERMIT,
                            "it is of block %" PRIu64 "; one of block %" PRIu64 " was used",
                            height, used);
    return TAMGA_OK;
}

enum tamga_err tamga_permit_prove(struct tamga_session *session,
                                  const struct tamga_checkpoint *newest,
                                  const struct tamga_entry_id *release)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    const Tamga__V1__TransactionBody *body;
    struct tamga_header header;
    enum tamga_err err =
        tamga_entry_prove(session, &item, &header, newest, session->answer->permit);

    if (err != TAMGA_OK)
        return err;
    body = (const Tamga__V1__TransactionBody *)item.body;
    if (body->action_case != TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT)
        return tamga_refuse(session->detail, TAMGA_E_MISSING_FIELD, "it is no permit");
    err = check_owner(session, newest, &item);
    if (err == TAMGA_OK)
        err = check_terms(session, body->permit, release);
    if (err == TAMGA_OK)
        err = check_fresh(session, header.height);
    if (err != TAMGA_OK)
        return err;
    session->permit = item.id.hash;
    session->permit_height = header.height;
    return TAMGA_OK;
}
