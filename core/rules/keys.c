/* Keys of the state map: SHA-256 over a kind and length-prefixed parts. */
#include "crypto/hash.h"
#include "rules/rules.h"

#define PARTS_MAX 8

/* kind || (len8 || part)...; no part of ours is longer than 255 bytes. */
static void key_of(struct tamga_hash *out, const char *kind, const struct tamga_span *part,
                   size_t count)
{
    uint8_t len[PARTS_MAX + 1];
    struct tamga_span all[2 * PARTS_MAX + 2];
    size_t n = 0;

    len[0] = (uint8_t)strlen(kind);
    all[n++] = tamga_span(&len[0], 1);
    all[n++] = tamga_span_text(kind);
    for (size_t i = 0; i < count; i++) {
        len[i + 1] = (uint8_t)part[i].len;
        all[n++] = tamga_span(&len[i + 1], 1);
        all[n++] = part[i];
    }
    tamga_sha256_parts(out, all, n);
}

void tamga_key_member(struct tamga_hash *out, const struct tamga_address *address)
{
    key_of(out, "member", &(struct tamga_span){address->hash.byte, 32}, 1);
}

void tamga_key_roster(struct tamga_hash *out)
{
    key_of(out, "roster", NULL, 0);
}

void tamga_key_council(struct tamga_hash *out)
{
    key_of(out, "council", NULL, 0);
}

void tamga_key_params(struct tamga_hash *out)
{
    key_of(out, "params", NULL, 0);
}

void tamga_key_proposal(struct tamga_hash *out, const struct tamga_hash *id)
{
    key_of(out, "proposal", &(struct tamga_span){id->byte, 32}, 1);
}

void tamga_key_release(struct tamga_hash *out, const struct tamga_hash *id)
{
    key_of(out, "release", &(struct tamga_span){id->byte, 32}, 1);
}

void tamga_key_proposals(struct tamga_hash *out)
{
    key_of(out, "proposals", NULL, 0);
}

void tamga_key_permits(struct tamga_hash *out, const char *producer, const char *model)
{
    struct tamga_span part[] = {tamga_span_text(producer), tamga_span_text(model)};

    key_of(out, "permits", part, 2);
}

void tamga_key_model(struct tamga_hash *out, const char *producer, const char *model)
{
    struct tamga_span part[] = {tamga_span_text(producer), tamga_span_text(model)};

    key_of(out, "model", part, 2);
}

void tamga_key_image(struct tamga_hash *out, const char *producer, const char *model,
                     struct tamga_span image_sha256)
{
    struct tamga_span part[] = {tamga_span_text(producer), tamga_span_text(model),
                                image_sha256};

    key_of(out, "image", part, 3);
}

void tamga_key_version(struct tamga_hash *out, const char *producer, const char *model,
                       const char *version)
{
    struct tamga_span part[] = {tamga_span_text(producer), tamga_span_text(model),
                                tamga_span_text(version)};

    key_of(out, "version", part, 3);
}

void tamga_key_latest(struct tamga_hash *out, const char *producer, const char *model)
{
    struct tamga_span part[] = {tamga_span_text(producer), tamga_span_text(model)};

    key_of(out, "latest", part, 2);
}

static void device_parts(struct tamga_span part[3], const Tamga__V1__DeviceId *device)
{
    part[0] = tamga_span_text(device->producer);
    part[1] = tamga_span_text(device->model);
    part[2] = tamga_span_text(device->number);
}

void tamga_key_device(struct tamga_hash *out, const Tamga__V1__DeviceId *device)
{
    struct tamga_span part[3];

    device_parts(part, device);
    key_of(out, "device", part, 3);
}

void tamga_key_update(struct tamga_hash *out, const Tamga__V1__ReceiptBody *receipt)
{
    bool first = receipt->outcome == TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED &&
                 receipt->reinstall == TAMGA__V1__REINSTALL__REINSTALL_NONE &&
                 receipt->permit.len == 0;
    uint8_t attempt[8];
    struct tamga_span part[5];

    device_parts(part, receipt->device);
    part[3] = tamga_span(receipt->release.data, receipt->release.len);
    tamga_put_u64(attempt, first ? 0 : receipt->receipt_counter);
    part[4] = tamga_span(attempt, sizeof attempt);
    key_of(out, "update", part, 5);
}

void tamga_key_receipt(struct tamga_hash *out, const Tamga__V1__DeviceId *device,
                       uint64_t receipt_counter)
{
    uint8_t counter[8];
    struct tamga_span part[4];

    device_parts(part, device);
    tamga_put_u64(counter, receipt_counter);
    part[3] = tamga_span(counter, sizeof counter);
    key_of(out, "receipt", part, 4);
}

void tamga_index_key(uint8_t out[TAMGA_INDEX_KEY_BYTES], const struct tamga_hash *group,
                     uint64_t order)
{
    memcpy(out, group->byte, 32);
    tamga_put_u64(out + 32, order);
}
