/* The three calls to a gateway, through the generated stubs. Believes nothing but that
 * an answer to a check-in carries the nonce of its question. */

#include "device/internal.h"
#include "wire/wire.h"

static struct tamga_reply reply_start(const struct tamga_session *session)
{
    return (struct tamga_reply){.channel = session->channel,
                                .deadline_ms = session->device->call_ms};
}

/* Asked before every call, so that a long session ends soon after it was told to. */
static enum tamga_err may_call(struct tamga_session *session)
{
    const struct tamga_device_env *env = &session->device->env;

    session->remote = true;
    if (env->stopping != NULL && env->stopping(env->context))
        return tamga_refuse(session->detail, TAMGA_E_STOPPING, "session was cut short");
    return TAMGA_OK;
}

/* Hand the message over, or the reason why there is none. */
static enum tamga_err reply_end(struct tamga_session *session, struct tamga_reply *reply,
                                ProtobufCMessage **out)
{
    if (reply->err != TAMGA_OK) {
        if (session->detail != NULL)
            *session->detail = reply->detail;
        return reply->err;
    }
    *out = reply->message;
    reply->message = NULL;
    session->remote = false;
    return TAMGA_OK;
}

static enum tamga_err sign_check_in(struct tamga_session *session, Tamga__V1__Signed **out)
{
    const struct tamga_device *device = session->device;
    Tamga__V1__CheckInBody body = TAMGA__V1__CHECK_IN_BODY__INIT;

    body.device = device->identity.body->device;
    body.nonce = tamga_wire_bytes(tamga_span(session->nonce, sizeof session->nonce));
    body.installed_counter = device->state.counter;
    body.installed_version = (char *)(uintptr_t)device->state.version;
    body.hardware = device->identity.body->hardware;
    body.time_ms = tamga_device_now_ms(device);
    body.last_checkpoint_height = device->state.checkpoint.at.height;
    return tamga_device_sign(device, out, NULL, &body.base, TAMGA_DOMAIN_CHECKIN);
}

enum tamga_err tamga_session_check_in(struct tamga_session *session)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = reply_start(session);
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *check_in = NULL;
    Tamga__V1__CheckInRequest request = TAMGA__V1__CHECK_IN_REQUEST__INIT;
    const struct tamga_device_env *env = &session->device->env;
    enum tamga_err err = may_call(session);

    if (err == TAMGA_OK)
        err = env->random(env->context, session->nonce, sizeof session->nonce);
    if (err == TAMGA_OK)
        err = sign_check_in(session, &check_in);
    if (err != TAMGA_OK)
        return err;
    request.check_in = check_in;
    request.certificate = session->device->certificate;
    tamga__v1__device_service__check_in(
        tamga_reply_service(&reply, &tamga__v1__device_service__descriptor), &request,
        (Tamga__V1__CheckInResponse_Closure)tamga_reply_take, &reply);
    err = reply_end(session, &reply, (ProtobufCMessage **)&session->answer);
    if (err != TAMGA_OK)
        return err;
    if (!tamga_span_equal(tamga_wire_span(session->answer->nonce),
                          tamga_span(session->nonce, sizeof session->nonce)))
        return tamga_refuse(session->detail, TAMGA_E_WRONG_NONCE,
                            "the gateway's answer is to another check-in");
    return TAMGA_OK;
}

enum tamga_err tamga_session_get_block(struct tamga_session *session,
                                       Tamga__V1__GetBlockResponse **out,
                                       const struct tamga_cid *cid)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = reply_start(session);
    Tamga__V1__GetBlockRequest request = TAMGA__V1__GET_BLOCK_REQUEST__INIT;
    char text[TAMGA_CID_TEXT_MAX];
    enum tamga_err err = may_call(session);

    if (err != TAMGA_OK)
        return err;
    tamga_cid_format(text, cid);
    request.cid = text;
    request.release = tamga_wire_bytes(tamga_hash_span(&session->item.id.hash));
    request.nonce = tamga_wire_bytes(tamga_span(session->nonce, sizeof session->nonce));
    tamga__v1__device_service__get_block(
        tamga_reply_service(&reply, &tamga__v1__device_service__descriptor), &request,
        (Tamga__V1__GetBlockResponse_Closure)tamga_reply_take, &reply);
    return reply_end(session, &reply, (ProtobufCMessage **)out);
}

enum tamga_err tamga_session_report(struct tamga_session *session, Tamga__V1__Signed *receipt)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = reply_start(session);
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReportResponse *response = NULL;
    Tamga__V1__ReportRequest request = TAMGA__V1__REPORT_REQUEST__INIT;
    enum tamga_err err = may_call(session);

    if (err != TAMGA_OK)
        return err;
    request.receipt = receipt;
    request.certificate = session->device->certificate;
    tamga__v1__device_service__report(
        tamga_reply_service(&reply, &tamga__v1__device_service__descriptor), &request,
        (Tamga__V1__ReportResponse_Closure)tamga_reply_take, &reply);
    err = reply_end(session, &reply, (ProtobufCMessage **)&response);
    if (err != TAMGA_OK)
        return err;
    if (response->record.len != TAMGA_HASH_BYTES)
        return tamga_refuse(session->detail, TAMGA_E_BAD_LENGTH,
                            "the gateway names no record for the receipt");
    return TAMGA_OK;
}
