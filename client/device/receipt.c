/* Receipts: signed once, numbered without a gap, kept until a gateway acknowledges
 * them. Decides nothing about releases. */
#include "device/internal.h"
#include "wire/wire.h"

static bool is_refusal(const struct tamga_device_receipt *receipt)
{
    return receipt->outcome == TAMGA__V1__OUTCOME__OUTCOME_REFUSED;
}

static size_t oldest_refusal(const struct tamga_device_state *state)
{
    size_t i = 0;

    while (i < state->pending_count && !is_refusal(&state->pending[i]))
        i++;
    return i;
}

bool tamga_receipt_room(const struct tamga_device *device)
{
    return device->state.pending_count < TAMGA_DEVICE_PENDING_MAX ||
           oldest_refusal(&device->state) < device->state.pending_count;
}

/* A gateway can provoke refusals at will: they never push out what an install said. */
static bool make_room(struct tamga_device *device, Tamga__V1__Outcome outcome)
{
    struct tamga_device_state *state = &device->state;
    size_t victim = oldest_refusal(state);

    if (state->pending_count < TAMGA_DEVICE_PENDING_MAX)
        return true;
    if (outcome == TAMGA__V1__OUTCOME__OUTCOME_REFUSED || victim == state->pending_count)
        return false;
    tamga_device_event(device, true, "receipt.dropped",
                       "%d receipts wait: the oldest refusal makes room",
                       TAMGA_DEVICE_PENDING_MAX);
    tamga_device_state_drop(state, victim);
    return true;
}

static bool said_before(const struct tamga_device_state *state,
                        const struct tamga_receipt_facts *facts)
{
    return facts->reason != TAMGA_OK && state->last_reason == (uint32_t)facts->reason &&
           tamga_hash_equal(&state->last_release, facts->release);
}

static enum tamga_err sign(struct tamga_device *device, struct tamga_buf *out,
                           const struct tamga_receipt_facts *facts)
{
    Tamga__V1__ReceiptBody body = TAMGA__V1__RECEIPT_BODY__INIT;

    body.device = device->identity.body->device;
    body.release = tamga_wire_bytes(tamga_hash_span(facts->release));
    body.image_sha256 = tamga_wire_bytes(facts->image_sha256);
    body.outcome = facts->outcome;
    body.reason = (uint32_t)facts->reason;
    body.receipt_counter = device->state.receipt_counter + 1;
    body.time_ms = tamga_device_now_ms(device);
    body.from_counter = device->state.counter;
    body.to_counter = facts->to_counter;
    body.nonce = tamga_wire_bytes(tamga_span(facts->nonce, TAMGA_NONCE_BYTES));
    body.block = tamga_wire_bytes(tamga_hash_span(&facts->block->hash));
    body.reinstall = facts->reinstall;
    if (facts->permit != NULL && !tamga_hash_is_zero(facts->permit))
        body.permit = tamga_wire_bytes(tamga_hash_span(facts->permit));
    return tamga_device_sign(device, NULL, out, &body.base, TAMGA_DOMAIN_RECEIPT);
}

enum tamga_err tamga_receipt_add(struct tamga_device *device,
                                 const struct tamga_receipt_facts *facts,
                                 struct tamga_detail *detail)
{
    struct tamga_device_state *state = &device->state;
    TAMGA_BUF bytes = {0};
    enum tamga_err err;

    if (said_before(state, facts))
        return TAMGA_OK;
    if (!make_room(device, facts->outcome)) {
        tamga_device_event(device, true, "receipt.none", "%d receipts wait for a gateway",
                           TAMGA_DEVICE_PENDING_MAX);
        return TAMGA_OK;
    }
    err = sign(device, &bytes, facts);
    if (err != TAMGA_OK)
        return tamga_refuse(detail, err, "a receipt could not be signed");
    state->receipt_counter++;
    state->pending[state->pending_count].outcome = facts->outcome;
    tamga_buf_move(&state->pending[state->pending_count].bytes, &bytes);
    state->pending_count++;
    if (facts->reason != TAMGA_OK) {
        state->last_release = *facts->release;
        state->last_reason = (uint32_t)facts->reason;
    }
    return TAMGA_OK;
}

/* Acknowledged, or known to this gateway's chain already. */
static bool is_delivered(enum tamga_err err)
{
    return err == TAMGA_OK || err == TAMGA_E_DUPLICATE_UPDATE ||
           err == TAMGA_E_DUPLICATE_RECEIPT;
}

static enum tamga_err deliver_one(struct tamga_session *session, size_t index)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *receipt = NULL;
    struct tamga_device *device = session->device;
    enum tamga_err err = tamga_wire_unpack(
        (ProtobufCMessage **)&receipt, &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
        tamga_buf_span(&device->state.pending[index].bytes), session->detail);

    if (err == TAMGA_OK)
        err = tamga_session_report(session, receipt);
    if (!is_delivered(err))
        return err;
    tamga_device_state_drop(&device->state, index);
    tamga_device_event(device, false, "receipt.delivered", "%s",
                       err == TAMGA_OK ? "recorded" : "was recorded already");
    return tamga_device_save(device, session->detail);
}

enum tamga_err tamga_session_deliver(struct tamga_session *session, uint64_t count)
{
    struct tamga_device *device = session->device;
    size_t waiting = device->state.pending_count;
    size_t index = count < waiting ? waiting - (size_t)count : 0;

    for (size_t left = waiting - index; left > 0; left--) {
        enum tamga_err err = deliver_one(session, index);

        if (err == TAMGA_OK)
            continue;
        if (tamga_err_class(err) != TAMGA_CLASS_REJECT || tamga_link_refused(err))
            return err; /* of the gateway, not of this receipt */
        tamga_device_event(device, true, "receipt.refused", "%s: %s", tamga_err_name(err),
                           session->detail->text);
        index++;
    }
    return TAMGA_OK;
}
