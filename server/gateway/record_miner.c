/*
 * The record miner: wraps a device's receipt into a signed record and gives it to the
 * gateway chain's node, which judges it by its rules, those on the release included, and
 * mines it when a block is due.
 * Source: paper, gateway transaction; docs/PROTOCOL.md, "Gateway rules".
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "gateway/device_link.h"

struct report {
    struct tamga_gateway *gateway;
    Tamga__V1__ReportResponse_Closure closure;
    void *call;
    struct tamga_entry_id record;
    struct tamga_entry_id release;
    struct tamga_hash device;
    Tamga__V1__Outcome outcome;
    char name[164]; /* P/M/N */
};

static Tamga__V1__DeliveryState state_of(Tamga__V1__Outcome outcome)
{
    switch (outcome) {
    case TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED:
        return TAMGA__V1__DELIVERY_STATE__DELIVERY_CONFIRMED;
    case TAMGA__V1__OUTCOME__OUTCOME_REFUSED:
        return TAMGA__V1__DELIVERY_STATE__DELIVERY_REFUSED;
    case TAMGA__V1__OUTCOME__OUTCOME_ROLLED_BACK:
        return TAMGA__V1__DELIVERY_STATE__DELIVERY_ROLLED_BACK;
    default: /* decoded receipts have one of the four */
        return TAMGA__V1__DELIVERY_STATE__DELIVERY_FAILED;
    }
}

static void answer(void *context, enum tamga_err err, bool known,
                   const struct tamga_detail *detail)
{
    struct report *report = context;
    Tamga__V1__ReportResponse response = TAMGA__V1__REPORT_RESPONSE__INIT;

    (void)known;
    if (err == TAMGA_E_DUPLICATE_PENDING) /* to a device that is the same as recorded */
        err = TAMGA_E_DUPLICATE_RECEIPT;
    if (err == TAMGA_OK || err == TAMGA_E_DUPLICATE_RECEIPT || err == TAMGA_E_DUPLICATE_UPDATE)
        tamga_delivery_enter(report->gateway->deliveries, &report->device,
                             state_of(report->outcome), &report->release, tamga_wall_ms());
    if (err != TAMGA_OK) {
        tamga_log(TAMGA_LOG_INFO, "record.refused", "%s: %s (%s) %s", report->name,
                  tamga_err_text(err), tamga_err_name(err), detail->text);
        tamga_rpc_fail(report->call, err, detail);
    } else {
        tamga_log(TAMGA_LOG_INFO, "record.accepted", "%s outcome %d", report->name,
                  (int)report->outcome);
        response.record = tamga_wire_bytes(tamga_hash_span(&report->record.hash));
        report->closure(&response, report->call);
    }
    free(report);
}

static enum tamga_err make_record(const struct tamga_gateway *gateway, struct tamga_item *item,
                                  const Tamga__V1__ReportRequest *input,
                                  Tamga__V1__ReceiptBody *receipt,
                                  struct tamga_detail *detail)
{
    const struct tamga_chain *chain = tamga_node_chain(gateway->records);
    const struct tamga_public_key *key = tamga_private_key_public(gateway->key);
    Tamga__V1__RecordBody body = TAMGA__V1__RECORD_BODY__INIT;
    Tamga__V1__PublicKey wire_key = tamga_wire_key_of(key);
    TAMGA_BUF signed_receipt = {0};
    TAMGA_BUF certificate = {0};
    TAMGA_BUF record = {0};
    struct tamga_address address;
    enum tamga_err err = tamga_wire_pack(&signed_receipt, &input->receipt->base);

    if (err == TAMGA_OK)
        err = tamga_wire_pack(&certificate, &input->certificate->base);
    if (err != TAMGA_OK)
        return err;
    tamga_public_key_address(key, &address);
    body.gateway = tamga_wire_bytes(tamga_hash_span(&address.hash));
    body.key = &wire_key;
    body.time_ms = tamga_wall_ms();
    body.release = receipt->release;
    body.image_sha256 = receipt->image_sha256;
    body.device = receipt->device;
    body.outcome = receipt->outcome;
    body.receipt = tamga_wire_bytes(tamga_buf_span(&signed_receipt));
    body.certificate = tamga_wire_bytes(tamga_buf_span(&certificate));
    err = tamga_signed_make(&record, NULL, &body.base, TAMGA_DOMAIN_RECORD, &chain->id,
                            gateway->key);
    /* Our own record passes the same checks as anybody's: certificate, receipt, all. */
    if (err == TAMGA_OK)
        err = chain->rules->decode(chain, item, tamga_buf_span(&record), detail);
    if (err == TAMGA_OK)
        err = chain->rules->verify(chain, item, detail);
    item->verified = err == TAMGA_OK;
    return err;
}

static enum tamga_err open_report(struct tamga_gateway *gateway, void *call,
                                  const Tamga__V1__ReportRequest *input,
                                  struct tamga_item *item, struct report *report,
                                  struct tamga_detail *detail)
{
    const struct tamga_network *network = tamga_node_chain(gateway->follower)->network;
    TAMGA_CLEANUP(tamga_certificate_clear) struct tamga_certificate certificate = {0};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__ReceiptBody *receipt = NULL;
    struct tamga_hash id;
    enum tamga_err err =
        tamga_certificate_open(&certificate, network, input->certificate, detail);

    if (err == TAMGA_OK)
        err = tamga_device_link_speaks(call, certificate.body->device, detail);
    if (err == TAMGA_OK)
        err = gateway_check_issuer(&tamga_node_store(gateway->follower)->reader.view,
                                   &certificate, detail);
    if (err == TAMGA_OK)
        err = tamga_receipt_open(&receipt, &id, network, &certificate, input->receipt, detail);
    if (err == TAMGA_OK)
        err = make_record(gateway, item, input, receipt, detail);
    if (err != TAMGA_OK)
        return err;
    report->record = item->id;
    report->outcome = receipt->outcome;
    tamga_key_device(&report->device, receipt->device);
    (void)!tamga_hash_from(&report->release.hash, tamga_wire_span(receipt->release));
    snprintf(report->name, sizeof report->name, "%s/%s/%s", receipt->device->producer,
             receipt->device->model, receipt->device->number);
    return TAMGA_OK;
}

void gateway_report(Tamga__V1__DeviceService_Service *service,
                    const Tamga__V1__ReportRequest *input,
                    Tamga__V1__ReportResponse_Closure closure, void *call)
{
    struct tamga_gateway *gateway = ((struct tamga_device_service *)service)->gateway;
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct tamga_detail detail = {{0}};
    struct report *report = calloc(1, sizeof *report);
    enum tamga_err err = report == NULL ? TAMGA_E_NO_MEMORY
                                        : open_report(gateway, call, input, &item, report,
                                                      &detail);

    if (err == TAMGA_OK) {
        report->gateway = gateway;
        report->closure = closure;
        report->call = call;
        err = tamga_node_submit(gateway->records, &item, answer, report);
    }
    if (err == TAMGA_OK)
        return; /* the report is the answer's now */
    free(report);
    tamga_log(TAMGA_LOG_INFO, "record.refused", "%s (%s) %s", tamga_err_text(err),
              tamga_err_name(err), detail.text);
    tamga_rpc_fail(call, err, &detail);
}
