/* What an entry says, read from its bytes without the rules' help. Knows no store. */
#include <stdlib.h>

#include "crypto/hash.h"
#include "world.h"

static void named(struct tamga_hash *out, const char *a, const char *b, const char *c)
{
    struct tamga_span part[] = {tamga_span(a, strlen(a) + 1), tamga_span(b, strlen(b) + 1),
                                tamga_span(c, strlen(c) + 1)};

    tamga_sha256_parts(out, part, 3);
}

static void copy(struct tamga_hash *out, ProtobufCBinaryData bytes)
{
    if (bytes.len == TAMGA_HASH_BYTES)
        memcpy(out->byte, bytes.data, TAMGA_HASH_BYTES);
}

static void release_facts(struct sim_facts *out, ProtobufCBinaryData bytes)
{
    Tamga__V1__TransactionBody *body =
        tamga__v1__transaction_body__unpack(NULL, bytes.len, bytes.data);

    if (body == NULL)
        abort();
    if (body->action_case != TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE) { /* like no other */
        out->group = out->id.hash;
        out->governs = true;
        tamga__v1__transaction_body__free_unpacked(body, NULL);
        return;
    }
    named(&out->group, body->release->producer, body->release->model, "");
    copy(&out->what, body->release->image_sha256);
    copy(&out->names, body->release->republish_of);
    out->counter = body->release->counter;
    out->once = body->release->republish_of.len == 0;
    tamga__v1__transaction_body__free_unpacked(body, NULL);
}

static void record_facts(struct sim_facts *out, ProtobufCBinaryData bytes)
{
    Tamga__V1__RecordBody *body =
        tamga__v1__record_body__unpack(NULL, bytes.len, bytes.data);
    Tamga__V1__Signed *outer =
        body == NULL ? NULL
                     : tamga__v1__signed__unpack(NULL, body->receipt.len, body->receipt.data);
    Tamga__V1__ReceiptBody *receipt =
        outer == NULL ? NULL
                      : tamga__v1__receipt_body__unpack(NULL, outer->body.len,
                                                        outer->body.data);

    if (receipt == NULL)
        abort();
    named(&out->group, body->device->producer, body->device->model, body->device->number);
    copy(&out->what, body->release);
    out->counter = receipt->receipt_counter;
    out->once = receipt->outcome == TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED &&
                receipt->reinstall == TAMGA__V1__REINSTALL__REINSTALL_NONE;
    tamga__v1__receipt_body__free_unpacked(receipt, NULL);
    tamga__v1__signed__free_unpacked(outer, NULL);
    tamga__v1__record_body__free_unpacked(body, NULL);
}

void sim_facts_of(struct sim_facts *out, bool gateway, struct tamga_span payload)
{
    Tamga__V1__Signed *outer = tamga__v1__signed__unpack(NULL, payload.len, payload.data);

    if (outer == NULL)
        abort();
    *out = (struct sim_facts){.counter = 0};
    copy(&out->id.hash, outer->id);
    if (gateway)
        record_facts(out, outer->body);
    else
        release_facts(out, outer->body);
    tamga__v1__signed__free_unpacked(outer, NULL);
}
