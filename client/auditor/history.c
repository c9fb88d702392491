/* What happened to a device: a gateway's list, every record of it verified. */
#include "auditor/record.h"
#include "link/state.h"
#include "tamga/v1/gateway_service.pb-c.h"

#define PAGE_COUNT 64
#define PAGES_MAX  100000 /* a gateway that never ends its list is none of ours */

struct history {
    struct tamga_client *client;
    Tamga__V1__DeviceId device;
    const char *text; /* P/M/N */
    tamga_record_each each;
    void *context;
    uint64_t receipt_counter; /* of the record before */
};

static enum tamga_err take(struct history *history, const Tamga__V1__RecordEntry *entry,
                           struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_record_clear) struct tamga_record record = {0};
    struct tamga_entry_id id;
    enum tamga_err err;

    if (entry->record == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "a listed record is absent");
    err = tamga_hash_from(&id.hash, tamga_wire_span(entry->record->id));
    if (err == TAMGA_OK)
        err = tamga_record_fetch(&record, history->client, &id, detail);
    if (err != TAMGA_OK)
        return err;
    if (strcmp(record.info.device, history->text) != 0)
        return tamga_refuse(detail, TAMGA_E_PEER_LIED, "asked for %.80s, shown %.80s",
                            history->text, record.info.device);
    if (record.info.receipt_counter <= history->receipt_counter)
        return tamga_refuse(detail, TAMGA_E_PEER_LIED, "records are not in their order");
    record.info.missing = record.info.receipt_counter - history->receipt_counter - 1;
    history->receipt_counter = record.info.receipt_counter;
    return history->each(history->context, &record.info);
}

static enum tamga_err take_page(struct history *history, struct tamga_buf *next,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    Tamga__V1__ListRecordsRequest request = TAMGA__V1__LIST_RECORDS_REQUEST__INIT;
    const Tamga__V1__ListRecordsResponse *page;
    enum tamga_err err;

    request.device = &history->device;
    request.after = tamga_wire_bytes(tamga_buf_span(next));
    request.count_max = PAGE_COUNT;
    err = tamga_session_call(history->client->records, &answer,
                             &tamga__v1__gateway_service__descriptor, "ListRecords",
                             &request.base, detail);
    if (err != TAMGA_OK)
        return err;
    page = (const Tamga__V1__ListRecordsResponse *)answer;
    for (size_t i = 0; i < page->n_records && err == TAMGA_OK; i++)
        err = take(history, page->records[i], detail);
    if (err == TAMGA_OK && page->next.len > 0 &&
        tamga_span_equal(tamga_wire_span(page->next), tamga_buf_span(next)))
        err = tamga_refuse(detail, TAMGA_E_PEER_LIED, "the list goes in circles");
    return err == TAMGA_OK ? tamga_buf_set(next, tamga_wire_span(page->next)) : err;
}

enum tamga_err tamga_client_history(struct tamga_client *client, const char *device,
                                    tamga_record_each each, void *context,
                                    struct tamga_detail *detail)
{
    struct history history = {
        .client = client, .text = device, .each = each, .context = context};
    struct tamga_device_name name;
    TAMGA_BUF next = {0};
    enum tamga_err err = tamga_device_parse(&name, device, detail);

    if (err == TAMGA_OK)
        err = tamga_client_learn(client, detail);
    if (err != TAMGA_OK)
        return err;
    tamga__v1__device_id__init(&history.device);
    history.device.producer = name.producer;
    history.device.model = name.model;
    history.device.number = name.number;
    for (unsigned page = 0; page < PAGES_MAX; page++) {
        err = take_page(&history, &next, detail);
        if (err != TAMGA_OK || next.len == 0)
            return err;
    }
    return tamga_refuse(detail, TAMGA_E_PEER_LIED, "the list of records has no end");
}
