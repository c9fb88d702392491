/*
 * Keys, signatures, and the one envelope around everything that somebody signed.
 * Knows how bytes are signed, never what they say.
 */
#include "wire/wire.h"

#include "crypto/hash.h"
#include "wire/bounds.h"

/* Bytes of a signature, 0 for a type that is none of ours. */
static size_t signature_bytes(Tamga__V1__KeyType type)
{
    switch ((int)type) { /* a number from the wire, perhaps without a name */
    case TAMGA_KEY_P256:
    case TAMGA_KEY_ED25519:
        return 64;
    case TAMGA_KEY_RSA3072:
        return 384;
    default:
        return 0;
    }
}

enum tamga_err tamga_wire_key(struct tamga_public_key **out,
                              const Tamga__V1__PublicKey *key)
{
    if (key == NULL || key->spki.len == 0)
        return TAMGA_E_MISSING_FIELD;
    if (signature_bytes(key->type) == 0)
        return TAMGA_E_BAD_KEY;
    return tamga_public_key_decode(out, (enum tamga_key_type)key->type,
                                   tamga_wire_span(key->spki));
}

enum tamga_err tamga_wire_signature(struct tamga_signature *out,
                                    const Tamga__V1__Signature *signature)
{
    if (signature == NULL)
        return TAMGA_E_MISSING_FIELD;
    if (signature->value.len == 0 ||
        signature->value.len != signature_bytes(signature->type))
        return TAMGA_E_BAD_SIGNATURE;
    *out = (struct tamga_signature){.type = (enum tamga_key_type)signature->type,
                                    .len = signature->value.len};
    memcpy(out->byte, signature->value.data, signature->value.len);
    return TAMGA_OK;
}

Tamga__V1__PublicKey tamga_wire_key_of(const struct tamga_public_key *key)
{
    Tamga__V1__PublicKey out = TAMGA__V1__PUBLIC_KEY__INIT;

    out.type = (Tamga__V1__KeyType)tamga_public_key_type(key);
    out.spki = tamga_wire_bytes(tamga_public_key_spki(key));
    return out;
}

Tamga__V1__Signature tamga_wire_signature_of(const struct tamga_signature *signature)
{
    Tamga__V1__Signature out = TAMGA__V1__SIGNATURE__INIT;

    out.type = (Tamga__V1__KeyType)signature->type;
    out.value = tamga_wire_bytes(tamga_span(signature->byte, signature->len));
    return out;
}

enum tamga_err tamga_signed_open(struct tamga_hash *id, ProtobufCMessage **body,
                                 const Tamga__V1__Signed *untrusted, const char *domain,
                                 const struct tamga_scope *scope,
                                 const ProtobufCMessageDescriptor *type,
                                 struct tamga_detail *detail)
{
    struct tamga_hash stated, actual;
    enum tamga_err err;

    if (untrusted == NULL || untrusted->id.len == 0 || untrusted->body.len == 0 ||
        untrusted->signature == NULL)
        return tamga_refuse(detail, TAMGA_E_MISSING_FIELD,
                            "%s: id, body or signature is absent", type->name);
    err = tamga_hash_from(&stated, tamga_wire_span(untrusted->id));
    if (err != TAMGA_OK)
        return tamga_refuse(detail, err, "%s: id has %zu bytes", type->name,
                            untrusted->id.len);
    if (untrusted->body.len > TAMGA_WIRE_BODY_MAX)
        return tamga_refuse(detail, TAMGA_E_TOO_LARGE, "%s: %zu bytes, at most %u",
                            type->name, untrusted->body.len, TAMGA_WIRE_BODY_MAX);
    tamga_domain_hash(&actual, domain, scope, tamga_wire_span(untrusted->body));
    if (!tamga_hash_equal(&stated, &actual))
        return tamga_refuse(detail, TAMGA_E_ID_MISMATCH,
                            "%s: id is not that of the body under %s", type->name,
                            domain);
    err = tamga_wire_unpack(body, type, TAMGA_WIRE_CANONICAL,
                            tamga_wire_span(untrusted->body), detail);
    if (err != TAMGA_OK)
        return err;
    *id = actual;
    return TAMGA_OK;
}

enum tamga_err tamga_signed_verify(const Tamga__V1__Signed *message,
                                   const struct tamga_hash *id,
                                   const struct tamga_public_key *key)
{
    struct tamga_signature signature;

    if (tamga_wire_signature(&signature, message->signature) != TAMGA_OK)
        return TAMGA_E_BAD_SIGNATURE;
    return tamga_public_key_verify(key, id, &signature);
}

enum tamga_err tamga_signed_make(struct tamga_buf *out, struct tamga_hash *id,
                                 const ProtobufCMessage *body, const char *domain,
                                 const struct tamga_scope *scope,
                                 const struct tamga_private_key *key)
{
    Tamga__V1__Signed message = TAMGA__V1__SIGNED__INIT;
    Tamga__V1__Signature signature_message;
    struct tamga_signature signature;
    struct tamga_hash made;
    TAMGA_BUF packed = {0};
    enum tamga_err err = tamga_wire_pack(&packed, body);

    if (err != TAMGA_OK)
        return err;
    if (packed.len > TAMGA_WIRE_BODY_MAX)
        return TAMGA_E_TOO_LARGE;
    tamga_domain_hash(&made, domain, scope, tamga_buf_span(&packed));
    err = tamga_private_key_sign(key, &made, &signature);
    if (err != TAMGA_OK)
        return err;
    signature_message = tamga_wire_signature_of(&signature);
    message.id = tamga_wire_bytes(tamga_hash_span(&made));
    message.body = tamga_wire_bytes(tamga_buf_span(&packed));
    message.signature = &signature_message;
    err = tamga_wire_pack(out, &message.base);
    if (err == TAMGA_OK && id != NULL)
        *id = made;
    return err;
}
