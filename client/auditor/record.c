/* A record and its release, each with its proof. The device's word is the receipt. */
#include "auditor/record.h"

#include <stdio.h>

#include "link/state.h"
#include "wire/wire.h"

void tamga_record_clear(struct tamga_record *record)
{
    tamga_evidence_clear(&record->evidence);
    tamga_evidence_clear(&record->release);
    tamga_wire_free(record->receipt);
    tamga_notice_clear(&record->withdrawal);
    tamga_notice_clear(&record->permit);
    *record = (struct tamga_record){0};
}

static const Tamga__V1__RecordBody *body_of(const struct tamga_record *record)
{
    return (const Tamga__V1__RecordBody *)record->evidence.item.body;
}

static const char *reinstall_of(Tamga__V1__Reinstall reinstall)
{
    switch ((int)reinstall) { /* a number from the wire, though a canonical one */
    case TAMGA__V1__REINSTALL__REINSTALL_RECOVERY:
        return "recovery";
    case TAMGA__V1__REINSTALL__REINSTALL_REPLACED_PART:
        return "replaced part";
    case TAMGA__V1__REINSTALL__REINSTALL_TEST:
        return "test";
    case TAMGA__V1__REINSTALL__REINSTALL_RETURNED:
        return "after it had gone back";
    default:
        return "";
    }
}

static enum tamga_err open_receipt(struct tamga_record *record,
                                   const struct tamga_client *client,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
    struct tamga_hash id;
    enum tamga_err err = tamga_wire_unpack(&message, &tamga__v1__signed__descriptor,
                                           TAMGA_WIRE_CANONICAL,
                                           tamga_wire_span(body_of(record)->receipt), detail);

    if (err != TAMGA_OK)
        return err;
    return tamga_receipt_open((Tamga__V1__ReceiptBody **)&record->receipt, &id,
                              client->identity.network, NULL,
                              (const Tamga__V1__Signed *)message, detail);
}

static void describe(struct tamga_record *record, const struct tamga_client *client)
{
    const Tamga__V1__ReceiptBody *receipt = (const Tamga__V1__ReceiptBody *)record->receipt;
    const struct tamga_evidence *evidence = &record->evidence;
    struct tamga_record_info *info = &record->info;

    snprintf(record->device, sizeof record->device, "%s/%s/%s", receipt->device->producer,
             receipt->device->model, receipt->device->number);
    *info = (struct tamga_record_info){
        .device = record->device,
        .gateway = tamga_name_of(client->identity.network, &evidence->item.sender),
        .time_ms = evidence->item.time_ms,
        .outcome = (enum tamga_client_outcome)receipt->outcome,
        .reason = receipt->reason ? tamga_err_from_code(receipt->reason) : TAMGA_OK,
        .reinstall = reinstall_of(receipt->reinstall),
        .receipt_counter = receipt->receipt_counter,
        .from_counter = receipt->from_counter,
        .to_counter = receipt->to_counter,
        .device_time_ms = receipt->time_ms,
    };
    memcpy(info->record_id, evidence->item.id.hash.byte, TAMGA_HASH_BYTES);
    memcpy(info->image_sha256, receipt->image_sha256.data, TAMGA_HASH_BYTES);
    memcpy(info->release_tx, receipt->release.data, TAMGA_HASH_BYTES);
    if (evidence->pending)
        return;
    memcpy(info->block, evidence->block.hash.byte, TAMGA_HASH_BYTES);
    info->height = evidence->sealed.header.height;
}

/* The release is named by its id, so its image is what the producer signed; that the
 * record speaks of the same image is to be seen here. */
static enum tamga_err fetch_release(struct tamga_record *record, struct tamga_client *client,
                                    struct tamga_detail *detail)
{
    struct tamga_entry_id id;
    const Tamga__V1__Release *release;
    enum tamga_err err;

    memcpy(id.hash.byte, record->info.release_tx, TAMGA_HASH_BYTES);
    err = tamga_evidence_fetch(&record->release, client->records, &client->consortium, &id,
                               detail);
    if (err != TAMGA_OK)
        return err;
    if (record->release.pending)
        return TAMGA_E_NOT_ON_CHAIN;
    release = tamga_item_release(&record->release.item);
    if (release == NULL)
        return TAMGA_E_UNKNOWN_RELEASE;
    err = tamga_author_check(client, &record->release.item, detail);
    if (err != TAMGA_OK)
        return err;
    if (!tamga_span_equal(tamga_wire_span(release->image_sha256),
                          tamga_span(record->info.image_sha256, TAMGA_HASH_BYTES)))
        return TAMGA_E_IMAGE_MISMATCH;
    record->info.version = release->version;
    record->info.released_by =
        tamga_name_of(client->identity.network, &record->release.item.sender);
    return TAMGA_OK;
}

/* What was said of the release since, and of the way back to it. Of what a device does not
 * run, nobody asks. */
static enum tamga_err fetch_notices(struct tamga_record *record, struct tamga_client *client)
{
    const Tamga__V1__ReceiptBody *receipt = (const Tamga__V1__ReceiptBody *)record->receipt;
    struct tamga_record_info *info = &record->info;
    struct tamga_hash release;

    memcpy(release.byte, info->release_tx, sizeof release.byte);
    if (info->outcome == TAMGA_CLIENT_CONFIRMED)
        info->withdrawn_err = tamga_withdrawal_fetch(&record->withdrawal, client, &release, NULL);
    if (record->withdrawal.item.body != NULL)
        info->withdrawn = &record->withdrawal.info;
    if (receipt->permit.len > 0) {
        info->by_permit = true;
        memcpy(info->permit_tx, receipt->permit.data, sizeof info->permit_tx);
        info->permit_err = tamga_permit_fetch(&record->permit, client, receipt, NULL);
    }
    if (record->permit.item.body != NULL)
        info->permit = &record->permit.info;
    return tamga_err_class(info->withdrawn_err) == TAMGA_CLASS_LOCAL ? info->withdrawn_err
           : tamga_err_class(info->permit_err) == TAMGA_CLASS_LOCAL  ? info->permit_err
                                                                     : TAMGA_OK;
}

enum tamga_err tamga_record_fetch(struct tamga_record *out, struct tamga_client *client,
                                  const struct tamga_entry_id *id, struct tamga_detail *detail)
{
    enum tamga_err err = tamga_evidence_fetch(&out->evidence, client->records,
                                              &client->gateway, id, detail);

    if (err == TAMGA_OK)
        err = open_receipt(out, client, detail);
    if (err != TAMGA_OK)
        return err;
    describe(out, client);
    out->info.release_err = fetch_release(out, client, NULL);
    if (tamga_err_class(out->info.release_err) == TAMGA_CLASS_LOCAL)
        return out->info.release_err;
    return fetch_notices(out, client);
}
