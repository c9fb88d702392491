/* Who is a member, by which key and since when; and which models there are. */
#include "auditor/assembly.h"

/* ---- members ---------------------------------------------------------------------------- */

static const char *key_type(const Tamga__V1__PublicKey *key)
{
    switch ((int)key->type) { /* a number from the wire */
    case TAMGA_KEY_P256:
        return "p256";
    case TAMGA_KEY_RSA3072:
        return "rsa3072";
    case TAMGA_KEY_ED25519:
        return "ed25519";
    default:
        return "unknown";
    }
}

static enum tamga_err tell_term(const struct tamga_assembly *assembly,
                                const Tamga__V1__Term *term, uint64_t height,
                                tamga_member_each each, void *context)
{
    struct tamga_member_info info = {
        .name = term->name,
        .roles = term->roles,
        .key_type = key_type(term->key),
        .from = term->from,
        .until = term->until,
        .ending = tamga_ending_text(term->ending),
        .holds = tamga_term_holds(term, height),
        .height = height,
    };
    struct tamga_address address;

    tamga_wire_address(&address, term->key);
    memcpy(info.address, address.hash.byte, TAMGA_HASH_BYTES);
    info.validator = info.holds && tamga_assembly_sits(assembly, term->name, height);
    return each(context, &info);
}

enum tamga_err tamga_client_members(struct tamga_client *client, uint64_t height, bool all,
                                    tamga_member_each each, void *context,
                                    struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_assembly_clear) struct tamga_assembly assembly = {0};
    enum tamga_err err = tamga_assembly_fetch(&assembly, client, detail);

    if (height == 0)
        height = assembly.at.at.height + 1;
    for (size_t i = 0; err == TAMGA_OK && i < assembly.roster->n_terms; i++) {
        const Tamga__V1__Term *term = assembly.roster->terms[i];

        if (all || tamga_term_holds(term, height) || term->from > height)
            err = tell_term(&assembly, term, height, each, context);
    }
    return err;
}

/* ---- models ------------------------------------------------------------------------------ */

static enum tamga_err tell_model(const Tamga__V1__StateModel *model,
                                 const struct tamga_checkpoint *at, const char *text,
                                 tamga_model_each each, void *context)
{
    struct tamga_model_info info = {
        .model = text,
        .owner = model->owner,
        .hardware = (const char *const *)model->hardware,
        .hardware_count = model->n_hardware,
        .signers = (const char *const *)model->signers,
        .signers_count = model->n_signers,
        .needed = model->needed,
        .countersign = model->countersign,
        .checkpoint_height = at->at.height,
    };

    for (size_t i = 0; i < model->n_delegations && i < TAMGA_CLIENT_LIST_MAX; i++) {
        const Tamga__V1__Delegation *from = model->delegations[i];

        info.delegations[info.delegations_count++] = (struct tamga_delegation_info){
            .provider = from->provider,
            .hardware = (const char *const *)from->hardware,
            .hardware_count = from->n_hardware,
            .until_ms = from->until_ms};
    }
    return each(context, &info);
}

enum tamga_err tamga_client_model(struct tamga_client *client, const char *model,
                                  tamga_model_each each, void *context,
                                  struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateModel *value = NULL;
    struct tamga_checkpoint at;
    struct tamga_model_name name;
    struct tamga_hash key;
    enum tamga_err err = tamga_model_parse(&name, model, detail);

    if (err == TAMGA_OK)
        err = tamga_client_learn(client, detail);
    if (err != TAMGA_OK)
        return err;
    tamga_key_model(&key, name.producer, name.model);
    err = tamga_state_known((ProtobufCMessage **)&value, &at, client, &key,
                            &tamga__v1__state_model__descriptor, detail);
    if (err == TAMGA_OK && value == NULL)
        return tamga_refuse(detail, TAMGA_E_UNKNOWN_MODEL, "%s is not registered", model);
    return err == TAMGA_OK ? tell_model(value, &at, model, each, context) : err;
}
