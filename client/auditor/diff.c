/* Compares what is with what is to be, one thing a line. */
#include "auditor/diff.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define CONSORTIUM TAMGA__V1__ROLE__ROLE_CONSORTIUM

TAMGA_PRINTF(2, 3) static void add(struct tamga_diff *diff, const char *format, ...)
{
    va_list args;

    if (diff->count == TAMGA_DIFF_LINES_MAX)
        return;
    va_start(args, format);
    vsnprintf(diff->line[diff->count], sizeof diff->line[0], format, args);
    va_end(args);
    diff->list[diff->count] = diff->line[diff->count];
    diff->count++;
}

struct words {
    char text[48];
};

static struct words roles_of(uint32_t roles)
{
    static const char *const word[] = {"oem", "provider", "consortium", "gateway"};
    struct words out = {""};
    size_t len = 0;

    for (unsigned i = 0; i < 4; i++)
        if ((roles & 1u << i) != 0)
            len += (size_t)snprintf(out.text + len, sizeof out.text - len, "%s%s",
                                    len > 0 ? ", " : "", word[i]);
    return out;
}

/* The start of a key's address: enough to tell it from another. */
static struct words key_of(const Tamga__V1__PublicKey *key)
{
    struct tamga_address address;
    struct words out = {""};

    tamga_wire_address(&address, key);
    tamga_to_hex(out.text, address.hash.byte, 6);
    strcat(out.text, "...");
    return out;
}

/* What a member is, and what it is to be. */
struct picture {
    bool active, sits;
    uint32_t roles;
    const char *standing;
};

static struct picture before(const struct tamga_assembly *assembly, const char *name,
                             const Tamga__V1__Term *term, uint64_t height)
{
    struct picture out = {.standing = "no member"};

    if (term == NULL)
        return out;
    out.active = tamga_term_holds(term, height);
    out.sits = tamga_assembly_sits(assembly, name, height);
    out.roles = out.active ? term->roles : 0;
    out.standing = out.active ? "active" : tamga_ending_text(term->ending);
    return out;
}

/* As core/rules/members.c makes it, which is the judge. */
static struct picture after(const Tamga__V1__MemberChange *change, const Tamga__V1__Term *term,
                            const struct picture *was)
{
    bool asked = change->standing == TAMGA__V1__STANDING__STANDING_ACTIVE;
    struct picture out = {
        .active = change->standing == TAMGA__V1__STANDING__STANDING_AS_IS
                      ? was->active || (change->key != NULL && !change->revoke_key)
                      : asked};

    if (change->revoke_key && change->key == NULL)
        out.active = false;
    if (out.active)
        out.roles = change->roles != 0 ? change->roles : term != NULL ? term->roles : 0;
    out.sits = out.active && (out.roles & CONSORTIUM) != 0 &&
               (change->seat == TAMGA__V1__SEAT__SEAT_AS_IS
                    ? was->sits
                    : change->seat == TAMGA__V1__SEAT__SEAT_TAKES);
    out.standing = out.active ? "active"
                   : change->standing == TAMGA__V1__STANDING__STANDING_REMOVED ? "removed"
                   : change->revoke_key                                        ? "revoked"
                                                                               : "suspended";
    return out;
}

/* How many have a say or a seat, where that is another number than before. */
static void add_numbers(struct tamga_diff *diff, const struct tamga_assembly *assembly,
                        const struct picture *was, const struct picture *is, uint64_t height)
{
    uint32_t voters = assembly->network->voters;
    size_t say = tamga_assembly_count(assembly, voters, height), then = say;
    size_t seats = tamga_assembly_seats(assembly, height), next = seats;

    if (was->sits != is->sits)
        next = is->sits ? seats + 1 : seats > 0 ? seats - 1 : 0;
    if (next != seats)
        add(diff, "validators: %zu -> %zu, quorum %zu -> %zu", seats, next,
            (2 * seats + 2) / 3, (2 * next + 2) / 3);
    if (((was->roles & voters) != 0) != ((is->roles & voters) != 0))
        then = (is->roles & voters) != 0 ? say + 1 : say > 0 ? say - 1 : 0;
    if (then != say)
        add(diff, "voters: %zu -> %zu, approvals needed %zu -> %zu", say, then,
            tamga_assembly_quorum(assembly, say), tamga_assembly_quorum(assembly, then));
}

static void diff_member(struct tamga_diff *diff, const struct tamga_assembly *assembly,
                        const Tamga__V1__MemberChange *change, uint64_t height)
{
    const Tamga__V1__Term *term = tamga_assembly_term(assembly, change->name, height);
    struct picture was = before(assembly, change->name, term, height);
    struct picture is = after(change, term, &was);

    if (strcmp(was.standing, is.standing) != 0)
        add(diff, "%s: %s -> %s", change->name, was.standing, is.standing);
    if (is.active && was.roles != is.roles)
        add(diff, "roles: %s -> %s", was.roles == 0 ? "none" : roles_of(was.roles).text,
            roles_of(is.roles).text);
    if (change->key != NULL)
        add(diff, "key: %s -> %s", term == NULL ? "none" : key_of(term->key).text,
            key_of(change->key).text);
    if (change->revoke_key && term != NULL)
        add(diff, "key %s is revoked: lost or stolen", key_of(term->key).text);
    if (was.sits != is.sits)
        add(diff, "validator: %s -> %s", was.sits ? "yes" : "no", is.sits ? "yes" : "no");
    add_numbers(diff, assembly, &was, &is, height);
}

static void diff_params(struct tamga_diff *diff, const struct tamga_assembly *assembly,
                        const Tamga__V1__ParamsChange *change, uint64_t height)
{
    const Tamga__V1__ChainParams *genesis = assembly->network->genesis->consortium;
    Tamga__V1__ParamsTerm now = TAMGA__V1__PARAMS_TERM__INIT;

    now.entry_age_max_ms = genesis->entry_age_max_ms;
    now.block_entries_max = genesis->block_entries_max;
    now.block_bytes_max = genesis->block_bytes_max;
    for (size_t i = 0; assembly->params != NULL && i < assembly->params->n_terms; i++)
        if (assembly->params->terms[i]->from <= height)
            now = *assembly->params->terms[i];
    if (change->entry_age_max_ms != 0)
        add(diff, "entry_age_max_ms: %" PRIu64 " -> %" PRIu64, now.entry_age_max_ms,
            change->entry_age_max_ms);
    if (change->block_entries_max != 0)
        add(diff, "block_entries_max: %" PRIu32 " -> %" PRIu32, now.block_entries_max,
            change->block_entries_max);
    if (change->block_bytes_max != 0)
        add(diff, "block_bytes_max: %" PRIu32 " -> %" PRIu32, now.block_bytes_max,
            change->block_bytes_max);
}

void tamga_diff_make(struct tamga_diff *out, const struct tamga_assembly *assembly,
                     const Tamga__V1__Propose *propose, uint64_t height)
{
    out->count = 0;
    if (propose->change_case == TAMGA__V1__PROPOSE__CHANGE_MEMBER)
        diff_member(out, assembly, propose->member, height);
    else if (propose->change_case == TAMGA__V1__PROPOSE__CHANGE_PARAMS)
        diff_params(out, assembly, propose->params, height);
}
