/* Reads the roster and the council. Knows no proposal. */
#include "auditor/assembly.h"

#include "wire/wire.h"

void tamga_assembly_clear(struct tamga_assembly *assembly)
{
    tamga_wire_free((ProtobufCMessage *)assembly->roster);
    tamga_wire_free((ProtobufCMessage *)assembly->council);
    tamga_wire_free((ProtobufCMessage *)assembly->params);
    *assembly = (struct tamga_assembly){0};
}

enum tamga_err tamga_assembly_fetch(struct tamga_assembly *out, struct tamga_client *client,
                                    struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_assembly_clear) struct tamga_assembly found = {
        .network = client->identity.network};
    struct tamga_checkpoint at;
    struct tamga_hash key;
    enum tamga_err err = tamga_client_learn(client, detail);

    tamga_key_council(&key);
    if (err == TAMGA_OK)
        err = tamga_state_known((ProtobufCMessage **)&found.council, &at, client, &key,
                                &tamga__v1__state_council__descriptor, detail);
    tamga_key_params(&key);
    if (err == TAMGA_OK)
        err = tamga_state_known((ProtobufCMessage **)&found.params, &at, client, &key,
                                &tamga__v1__state_params__descriptor, detail);
    tamga_key_roster(&key);
    if (err == TAMGA_OK)
        err = tamga_state_known((ProtobufCMessage **)&found.roster, &found.at, client, &key,
                                &tamga__v1__state_roster__descriptor, detail);
    if (err != TAMGA_OK)
        return err;
    if (found.roster == NULL || found.council == NULL)
        return tamga_refuse(detail, TAMGA_E_PEER_LIED, "the state has no members");
    *out = found;
    found = (struct tamga_assembly){0};
    return TAMGA_OK;
}

static bool holds(uint64_t from, uint64_t until, uint64_t height)
{
    return from <= height && (until == 0 || height < until);
}

bool tamga_term_holds(const Tamga__V1__Term *term, uint64_t height)
{
    return holds(term->from, term->until, height);
}

/* Terms of a name follow each other, so that the one that holds is the last that began. */
const Tamga__V1__Term *tamga_assembly_term(const struct tamga_assembly *assembly,
                                           const char *name, uint64_t height)
{
    const Tamga__V1__StateRoster *roster = assembly->roster;

    for (size_t i = roster->n_terms; i-- > 0;)
        if (strcmp(roster->terms[i]->name, name) == 0 && roster->terms[i]->from <= height)
            return roster->terms[i];
    return NULL;
}

size_t tamga_assembly_count(const struct tamga_assembly *assembly, uint32_t roles,
                            uint64_t height)
{
    size_t count = 0;

    for (size_t i = 0; i < assembly->roster->n_terms; i++)
        count += (assembly->roster->terms[i]->roles & roles) != 0 &&
                 tamga_term_holds(assembly->roster->terms[i], height);
    return count;
}

size_t tamga_assembly_seats(const struct tamga_assembly *assembly, uint64_t height)
{
    size_t count = 0;

    for (size_t i = 0; i < assembly->council->n_validators; i++)
        count += holds(assembly->council->validators[i]->from,
                       assembly->council->validators[i]->until, height);
    return count;
}

bool tamga_assembly_sits(const struct tamga_assembly *assembly, const char *name,
                         uint64_t height)
{
    for (size_t i = 0; i < assembly->council->n_validators; i++) {
        const Tamga__V1__Validator *seat = assembly->council->validators[i];

        if (strcmp(seat->name, name) == 0 && holds(seat->from, seat->until, height))
            return true;
    }
    return false;
}

size_t tamga_assembly_quorum(const struct tamga_assembly *assembly, size_t voters)
{
    return (voters * assembly->network->voters_percent + 99) / 100;
}

void tamga_wire_address(struct tamga_address *out, const Tamga__V1__PublicKey *key)
{
    tamga_key_address(out, (enum tamga_key_type)key->type, tamga_wire_span(key->spki));
}
