/* Asks for a withdrawal or permit, and holds it against what it is said to be about. */
#include "auditor/notice.h"

#include <stdio.h>

#include "link/finality.h"
#include "link/state.h"
#include "rules/proof.h"
#include "wire/wire.h"

void tamga_notice_clear(struct tamga_notice *notice)
{
    tamga_item_clear(&notice->item);
    *notice = (struct tamga_notice){0};
}

static const Tamga__V1__TransactionBody *body_of(const struct tamga_notice *notice)
{
    return (const Tamga__V1__TransactionBody *)notice->item.body;
}

/* By its name in the chain's state: members and keys may have come after genesis. */
static enum tamga_err find_sender(struct tamga_notice *notice, uint32_t *roles,
                                  struct tamga_client *client, struct tamga_detail *detail)
{
    TAMGA_BUF member = {0};
    struct tamga_checkpoint as_of;
    struct tamga_standing sender;
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_member(&key, &notice->item.sender);
    err = tamga_state_fetch(&member, &as_of, client, &key, detail);
    if (err == TAMGA_OK)
        err = tamga_standing_read(&sender, tamga_buf_span(&member), detail);
    if (err != TAMGA_OK)
        return err;
    snprintf(notice->by, sizeof notice->by, "%s", sender.name);
    *roles = sender.roles;
    return TAMGA_OK;
}

static enum tamga_err fetch(struct tamga_notice *notice, uint32_t *roles,
                            struct tamga_client *client, ProtobufCBinaryData untrusted_id,
                            struct tamga_detail *detail)
{
    struct tamga_final_place place;
    struct tamga_entry_id id;
    enum tamga_err err = tamga_hash_from(&id.hash, tamga_wire_span(untrusted_id));

    if (err == TAMGA_OK)
        err = tamga_final_entry_fetch(&notice->item, &place, client->records,
                                      &client->consortium, &id, detail);
    if (err == TAMGA_OK)
        err = find_sender(notice, roles, client, detail);
    if (err != TAMGA_OK)
        return err;
    memcpy(notice->info.tx_id, id.hash.byte, TAMGA_HASH_BYTES);
    notice->info.by = notice->by;
    notice->info.time_ms = notice->item.time_ms;
    notice->info.height = place.header.height;
    return TAMGA_OK;
}

static void hand_out(struct tamga_notice *out, struct tamga_notice *notice)
{
    tamga_notice_clear(out);
    *out = *notice;
    out->info.by = out->by;
    *notice = (struct tamga_notice){0};
}

/* ---- withdrawals ---------------------------------------------------------------------- */

static enum tamga_err check_withdrawal(struct tamga_notice *notice,
                                       const struct tamga_hash *release,
                                       struct tamga_detail *detail)
{
    const Tamga__V1__TransactionBody *body = body_of(notice);

    if (body->action_case != TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW ||
        !tamga_span_equal(tamga_wire_span(body->withdraw->release), tamga_hash_span(release)))
        return tamga_refuse(detail, TAMGA_E_PEER_LIED, "what is shown does not withdraw it");
    notice->info.reason = body->withdraw->reason;
    return TAMGA_OK;
}

enum tamga_err tamga_withdrawal_fetch(struct tamga_notice *out, struct tamga_client *client,
                                      const struct tamga_hash *release,
                                      struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateRelease *state = NULL;
    TAMGA_CLEANUP(tamga_notice_clear) struct tamga_notice notice = {0};
    uint32_t roles;
    enum tamga_err err = tamga_release_state(&state, client, release, detail);
    if (err != TAMGA_OK || state == NULL || state->withdrawn_by.len == 0)
        return err;
    err = fetch(&notice, &roles, client, state->withdrawn_by, detail);
    if (err == TAMGA_OK)
        err = check_withdrawal(&notice, release, detail);
    if (err == TAMGA_OK)
        hand_out(out, &notice);
    return err;
}

/* ---- permits ---------------------------------------------------------------------------- */

static enum tamga_err check_permit(struct tamga_notice *notice, uint32_t roles,
                                   const Tamga__V1__ReceiptBody *receipt,
                                   struct tamga_detail *detail)
{
    const Tamga__V1__TransactionBody *body = body_of(notice);
    const Tamga__V1__Permit *permit;

    if (body->action_case != TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT)
        return tamga_refuse(detail, TAMGA_E_BAD_PERMIT, "what the receipt names is no permit");
    permit = body->permit;
    if ((roles & TAMGA__V1__ROLE__ROLE_OEM) == 0 ||
        strcmp(notice->by, receipt->device->producer) != 0)
        return tamga_refuse(detail, TAMGA_E_BAD_PERMIT, "it is by %s", notice->by);
    if (!tamga_span_equal(tamga_wire_span(permit->release), tamga_wire_span(receipt->release)))
        return tamga_refuse(detail, TAMGA_E_BAD_PERMIT, "it is for another release");
    if (!tamga_permit_names(permit, receipt->device->number))
        return tamga_refuse(detail, TAMGA_E_BAD_PERMIT, "it is for other devices");
    if (permit->expires_ms <= receipt->time_ms)
        return tamga_refuse(detail, TAMGA_E_BAD_PERMIT, "it was over by the device's clock");
    notice->info.reason = permit->reason;
    notice->info.expires_ms = permit->expires_ms;
    return TAMGA_OK;
}

enum tamga_err tamga_permit_fetch(struct tamga_notice *out, struct tamga_client *client,
                                  const Tamga__V1__ReceiptBody *receipt,
                                  struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_notice_clear) struct tamga_notice notice = {0};
    uint32_t roles = 0;
    enum tamga_err err = fetch(&notice, &roles, client, receipt->permit, detail);

    if (err == TAMGA_OK)
        err = check_permit(&notice, roles, receipt, detail);
    if (err == TAMGA_OK)
        hand_out(out, &notice);
    return err;
}
