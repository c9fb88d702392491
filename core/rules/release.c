/* What a release must look like and who may make it: the checks of Algorithm 1 that
 * need no chain. Knows no store. */
#include <assert.h>
#include <inttypes.h>

#include "content/cid.h"
#include "crypto/hash.h"
#include "crypto/recipient.h"
#include "rules/rules.h"
#include "wire/wire.h"

#define DEPENDS_MAX 16

const Tamga__V1__Release *tamga_item_release(const struct tamga_item *item)
{
    const Tamga__V1__TransactionBody *body = (const Tamga__V1__TransactionBody *)item->body;

    return body->action_case == TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE ? body->release
                                                                           : NULL;
}

static enum tamga_err check_model_name(const char *producer, const char *model,
                                       struct tamga_detail *detail)
{
    if (!tamga_member_name_ok(producer) || !tamga_name_ok(model, TAMGA_MODEL_BYTES_MAX))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "model must be P/M: P of a-z 0-9 -, M of A-Z a-z 0-9 . _ -");
    return TAMGA_OK;
}

static enum tamga_err check_lists(const Tamga__V1__Release *release,
                                  struct tamga_detail *detail)
{
    for (size_t i = 0; i < release->n_hardware; i++) {
        if (!tamga_name_ok(release->hardware[i], 32))
            return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "hardware revision %zu is no name",
                                i);
        for (size_t j = 0; j < i; j++)
            if (strcmp(release->hardware[i], release->hardware[j]) == 0)
                return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                                    "hardware revision %s stands twice", release->hardware[i]);
    }
    for (size_t i = 0; i < release->n_depends; i++) {
        const Tamga__V1__Dependency *depend = release->depends[i];
        enum tamga_err err = check_model_name(depend->producer, depend->model, detail);

        if (err != TAMGA_OK)
            return err;
        if (!tamga_name_ok(depend->version, TAMGA_VERSION_BYTES_MAX))
            return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "dependency %zu has no version", i);
    }
    return TAMGA_OK;
}

static enum tamga_err check_recipients(const Tamga__V1__Encryption *encryption,
                                       struct tamga_detail *detail)
{
    if (encryption->n_recipients == 0)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "encrypted for nobody");
    if (encryption->n_recipients > TAMGA_RECIPIENTS_MAX)
        return tamga_refuse(detail, TAMGA_E_TOO_LARGE, "%zu recipients, at most %d",
                            encryption->n_recipients, TAMGA_RECIPIENTS_MAX);
    for (size_t i = 0; i < encryption->n_recipients; i++) {
        const Tamga__V1__Recipient *recipient = encryption->recipients[i];

        if (recipient->key_id.len != TAMGA_HASH_BYTES ||
            recipient->ephemeral.len != TAMGA_X25519_BYTES ||
            recipient->wrapped.len != TAMGA_WRAPPED_KEY_BYTES)
            return tamga_refuse(detail, TAMGA_E_BAD_LENGTH,
                                "recipient %zu: key id, ephemeral and wrapped key must have "
                                "32, 32 and 48 bytes",
                                i);
        if (i > 0 && tamga_span_compare(tamga_wire_span(encryption->recipients[i - 1]->key_id),
                                        tamga_wire_span(recipient->key_id)) >= 0)
            return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                                "recipient %zu: key ids must ascend", i);
    }
    return TAMGA_OK;
}

static enum tamga_err check_encryption(const Tamga__V1__Release *release,
                                       struct tamga_detail *detail)
{
    const Tamga__V1__Encryption *encryption = release->encryption;
    enum tamga_err err;

    if (encryption == NULL)
        return TAMGA_OK;
    if (encryption->format != TAMGA_ENCRYPTION_FORMAT)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "encryption of format %" PRIu32 "; this version knows %d",
                            encryption->format, TAMGA_ENCRYPTION_FORMAT);
    err = check_recipients(encryption, detail);
    if (err != TAMGA_OK)
        return err;
    if (encryption->plain_sha256.len != TAMGA_HASH_BYTES)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "plain_sha256 must have 32 bytes");
    if (tamga_sealed_bytes(encryption->plain_bytes) != release->image_bytes)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "%" PRIu64 " bytes of plaintext do not make an image of %" PRIu64,
                            encryption->plain_bytes, release->image_bytes);
    return TAMGA_OK;
}

static size_t put_name(uint8_t *out, const char *name)
{
    size_t len = strlen(name);

    assert(len <= TAMGA_MODEL_BYTES_MAX);
    out[0] = (uint8_t)len;
    memcpy(out + 1, name, len);
    return 1 + len;
}

void tamga_release_identity(struct tamga_hash *out, const struct tamga_scope *network,
                            const Tamga__V1__Release *release)
{
    uint8_t part[3 * (1 + TAMGA_MODEL_BYTES_MAX) + 8];
    size_t len = put_name(part, release->producer);

    len += put_name(part + len, release->model);
    len += put_name(part + len, release->version);
    tamga_put_u64(part + len, release->counter);
    tamga_domain_hash(out, TAMGA_DOMAIN_WRAP, network, tamga_span(part, len + 8));
}

enum tamga_err tamga_release_check(const Tamga__V1__Release *release,
                                   struct tamga_detail *detail)
{
    struct tamga_cid cid;
    enum tamga_err err = check_model_name(release->producer, release->model, detail);

    if (err != TAMGA_OK)
        return err;
    if (!tamga_name_ok(release->version, TAMGA_VERSION_BYTES_MAX))
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "version must be 1..64 characters of A-Z a-z 0-9 . _ -");
    if (release->counter == 0)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "release counter must be at least 1");
    if (tamga_cid_parse(&cid, release->cid) != TAMGA_OK)
        return tamga_refuse(detail, TAMGA_E_BAD_CID, "\"%.80s\" is no CID of this network",
                            release->cid);
    if (release->image_sha256.len != TAMGA_HASH_BYTES)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "image_sha256 must have 32 bytes");
    if (release->image_bytes == 0 || release->image_bytes > TAMGA_IMAGE_BYTES_MAX)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE,
                            "image has %" PRIu64 " bytes; must be 1..2^40",
                            release->image_bytes);
    if (release->republish_of.len != 0 && release->republish_of.len != TAMGA_HASH_BYTES)
        return tamga_refuse(detail, TAMGA_E_BAD_LENGTH, "republish_of must have 32 bytes");
    if (release->expires_ms > INT64_MAX / 4)
        return tamga_refuse(detail, TAMGA_E_BAD_VALUE, "expiry is beyond any clock");
    if (release->n_depends > DEPENDS_MAX)
        return TAMGA_E_TOO_LARGE;
    err = check_lists(release, detail);
    return err == TAMGA_OK ? check_encryption(release, detail) : err;
}

static const Tamga__V1__Model *find_model(const Tamga__V1__Genesis *genesis,
                                          const Tamga__V1__Release *release)
{
    for (size_t i = 0; i < genesis->n_models; i++)
        if (strcmp(genesis->models[i]->producer, release->producer) == 0 &&
            strcmp(genesis->models[i]->model, release->model) == 0)
            return genesis->models[i];
    return NULL;
}

static bool listed(char *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

static enum tamga_err check_producer(struct tamga_span name, uint32_t roles,
                                     struct tamga_detail *detail)
{
    if ((roles & TAMGA__V1__ROLE__ROLE_GATEWAY) != 0)
        return tamga_refuse(detail, TAMGA_E_GATEWAY_SENDER, "%.*s is a gateway", (int)name.len,
                            (const char *)name.data);
    if ((roles & (TAMGA__V1__ROLE__ROLE_OEM | TAMGA__V1__ROLE__ROLE_PROVIDER)) == 0)
        return tamga_refuse(detail, TAMGA_E_NOT_PRODUCER, "%.*s is neither OEM nor provider",
                            (int)name.len, (const char *)name.data);
    return TAMGA_OK;
}

static enum tamga_err refuse_unregistered(const Tamga__V1__Release *release,
                                          struct tamga_detail *detail)
{
    return tamga_refuse(detail, TAMGA_E_UNKNOWN_MODEL, "%s/%s is not registered",
                        release->producer, release->model);
}

enum tamga_err tamga_release_authority_proved(struct tamga_span member, struct tamga_span model,
                                              const Tamga__V1__Release *release,
                                              const struct tamga_moment *at,
                                              struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value sender = {0};
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value of = {0};
    enum tamga_err err = member.len == 0
                             ? TAMGA_E_NOT_MEMBER
                             : tamga_member_value(&sender, member, at->height, detail);

    if (err == TAMGA_OK)
        err = check_producer(sender.name, sender.roles, detail);
    if (err == TAMGA_OK)
        err = model.len == 0 ? refuse_unregistered(release, detail)
                             : tamga_model_value(&of, model);
    return err == TAMGA_OK
               ? tamga_state_model_lets(&of, sender.name, release, at->ref_ms, detail)
               : err;
}

enum tamga_err tamga_release_authority(const struct tamga_network *network,
                                       const struct tamga_address *sender,
                                       const Tamga__V1__Release *release,
                                       struct tamga_detail *detail)
{
    const struct tamga_member *member = tamga_network_member(network, sender);
    const Tamga__V1__Model *model = find_model(network->genesis, release);
    enum tamga_err err;

    if (member == NULL)
        return TAMGA_E_NOT_MEMBER;
    err = check_producer(tamga_span_text(member->name), member->roles, detail);
    if (err != TAMGA_OK)
        return err;
    if (model == NULL)
        return refuse_unregistered(release, detail);
    if (strcmp(model->producer, member->name) != 0 &&
        !listed(model->providers, model->n_providers, member->name))
        return tamga_refuse(detail, TAMGA_E_NOT_AUTHORIZED,
                            "%s neither owns %s/%s nor has it delegated to it", member->name,
                            model->producer, model->model);
    for (size_t i = 0; i < release->n_hardware; i++)
        if (!listed(model->hardware, model->n_hardware, release->hardware[i]))
            return tamga_refuse(detail, TAMGA_E_UNKNOWN_HARDWARE, "%s has no revision %s",
                                model->model, release->hardware[i]);
    return TAMGA_OK;
}
