/* Values of the state, read as they lie there: the same as unpacked, and damage is told. */
#include "rules/rules.h"

#include <criterion/criterion.h>

#include "fixture.h"
#include "wire/wire.h"

/* What the store has under the key, whatever is asked for. */
struct one {
    struct tamga_view view; /* first: the op casts back */
    struct tamga_span value;
    enum tamga_err err;
};

static enum tamga_err get_one(const struct tamga_view *view, enum tamga_family family,
                              struct tamga_span key, struct tamga_buf *value)
{
    const struct one *one = (const struct one *)view;

    (void)key;
    cr_assert_eq(family, TAMGA_FAMILY_STATE);
    return one->err == TAMGA_OK ? tamga_buf_set(value, one->value) : one->err;
}

static struct one holding(struct tamga_span value, enum tamga_err err)
{
    static const struct tamga_view_ops ops = {.get = get_one};

    return (struct one){.view.ops = &ops, .value = value, .err = err};
}

static const struct tamga_hash key;

static enum tamga_err read_member(struct tamga_span value, enum tamga_err err)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value member = {0};
    struct one one = holding(value, err);

    return tamga_state_member(&member, &one.view, &key, 5, NULL);
}

static enum tamga_err read_model(struct tamga_span value, enum tamga_err err)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value model = {0};
    struct one one = holding(value, err);

    return tamga_state_model(&model, &one.view, &key);
}

static enum tamga_err read_newest(struct tamga_span value, enum tamga_err err)
{
    struct one one = holding(value, err);
    uint64_t counter;

    return tamga_state_newest(&counter, &one.view, &key);
}

/* ---- what was packed ---------------------------------------------------------------- */

static void pack_latest(struct tamga_buf *out, uint64_t counter)
{
    Tamga__V1__StateLatest latest = TAMGA__V1__STATE_LATEST__INIT;

    latest.release = tamga_wire_bytes(tamga_hash_span(&key));
    latest.counter = counter;
    out->len = 0;
    cr_assert_eq(tamga_wire_pack(out, &latest.base), TAMGA_OK);
}

/* From height 3 to 7, and again from 9 on with other roles. */
static void pack_member(struct tamga_buf *out)
{
    Tamga__V1__StateMember member = TAMGA__V1__STATE_MEMBER__INIT;
    Tamga__V1__Span first = TAMGA__V1__SPAN__INIT, second = TAMGA__V1__SPAN__INIT;
    Tamga__V1__Span *spans[] = {&first, &second};
    char name[] = "acme";

    first.roles = 0x80000001u;
    first.from = 3;
    first.until = 7;
    first.ending = TAMGA__V1__ENDING__ENDING_SUSPENDED;
    second.roles = 2;
    second.from = 9;
    member.name = name;
    member.n_spans = 2;
    member.spans = spans;
    cr_assert_eq(tamga_wire_pack(out, &member.base), TAMGA_OK);
}

/* Two revisions; delegated to `sw` until 1000 ms for A, if so many are wanted. */
static void pack_model(struct tamga_buf *out, size_t delegations)
{
    Tamga__V1__StateModel model = TAMGA__V1__STATE_MODEL__INIT;
    Tamga__V1__Delegation delegation = TAMGA__V1__DELEGATION__INIT, *list[] = {&delegation};
    char a[] = "A", b[] = "B", owner[] = "acme", provider[] = "sw", lab[] = "lab";
    char *hardware[] = {a, b}, *signers[] = {lab};

    delegation.provider = provider;
    delegation.n_hardware = 1;
    delegation.hardware = hardware;
    delegation.until_ms = 1000;
    model.owner = owner;
    model.n_hardware = 2;
    model.hardware = hardware;
    model.n_delegations = delegations;
    model.delegations = list;
    if (delegations > 0) {
        model.n_signers = 1;
        model.signers = signers;
        model.needed = 2;
        model.countersign = true;
    }
    cr_assert_eq(tamga_wire_pack(out, &model.base), TAMGA_OK);
}

/* What the member may do at a height. */
static enum tamga_err roles_at(uint64_t height, uint32_t *roles, Tamga__V1__Ending *ending)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value member = {0};
    TAMGA_BUF bytes = {0};
    struct one one;
    enum tamga_err err;

    pack_member(&bytes);
    one = holding(tamga_buf_span(&bytes), TAMGA_OK);
    err = tamga_state_member(&member, &one.view, &key, height, NULL);
    cr_assert(tamga_span_equal(member.name, tamga_span_text("acme")));
    *roles = member.roles;
    *ending = member.ending;
    return err;
}

/*
 * Goal:   a key may do at each height what the span says in which that lies.
 * Method: a member whose key was suspended from 7 to 9: the heights at the spans' ends.
 */
Test(state, spans_hold_from_their_first_height_on)
{
    Tamga__V1__Ending ending;
    uint32_t roles;

    cr_assert_eq(roles_at(2, &roles, &ending), TAMGA_E_KEY_NOT_YET);
    cr_assert_eq(roles_at(3, &roles, &ending), TAMGA_OK);
    cr_assert_eq(roles, 0x80000001u);
    cr_assert_eq(roles_at(6, &roles, &ending), TAMGA_OK);
    cr_assert_eq(roles_at(7, &roles, &ending), TAMGA_E_KEY_ENDED);
    cr_assert_eq(ending, TAMGA__V1__ENDING__ENDING_SUSPENDED);
    cr_assert_eq(roles_at(8, &roles, &ending), TAMGA_E_KEY_ENDED);
    cr_assert_eq(roles_at(9, &roles, &ending), TAMGA_OK);
    cr_assert_eq(roles, 2u);
    cr_assert_eq(roles_at(UINT64_MAX, &roles, &ending), TAMGA_OK);
}

/* May this name publish a release for a revision (NULL: all) at a time? */
static enum tamga_err lets(const struct tamga_state_value *model, const char *name,
                           const char *revision, uint64_t ref_ms)
{
    Tamga__V1__Release release = TAMGA__V1__RELEASE__INIT;
    char *hardware[] = {(char *)(uintptr_t)revision};

    release.n_hardware = revision != NULL;
    release.hardware = hardware;
    return tamga_state_model_lets(model, tamga_span_text(name), &release, ref_ms, NULL);
}

/*
 * Goal:   the owner may publish, a provider within what was delegated to it.
 * Method: both, and a stranger, for revisions inside and outside, before and at the end.
 */
Test(state, delegations_have_limits)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value model = {0};
    TAMGA_BUF bytes = {0};
    struct one one;

    pack_model(&bytes, 1);
    one = holding(tamga_buf_span(&bytes), TAMGA_OK);
    cr_assert_eq(tamga_state_model(&model, &one.view, &key), TAMGA_OK);
    cr_assert_eq(lets(&model, "acme", NULL, 5000), TAMGA_OK);
    cr_assert_eq(lets(&model, "acme", "C", 5000), TAMGA_E_UNKNOWN_HARDWARE);
    cr_assert_eq(lets(&model, "sw", "A", 999), TAMGA_OK);
    cr_assert_eq(lets(&model, "sw", "A", 1000), TAMGA_E_DELEGATION_EXPIRED);
    cr_assert_eq(lets(&model, "sw", "B", 999), TAMGA_E_DELEGATION_HARDWARE);
    cr_assert_eq(lets(&model, "sw", NULL, 999), TAMGA_E_DELEGATION_HARDWARE);
    cr_assert_eq(lets(&model, "lab", "A", 999), TAMGA_E_NOT_AUTHORIZED);
    cr_assert_eq(lets(&model, "", "A", 999), TAMGA_E_NOT_AUTHORIZED);
    cr_assert(tamga_state_model_asks(&model, tamga_span_text("lab")));
    cr_assert_not(tamga_state_model_asks(&model, tamga_span_text("sw")));
    cr_assert_eq(model.needed, 2);
    cr_assert(model.countersign);
}

/*
 * Goal:   what is packed is read back, at the ends of its ranges too.
 * Method: a model without delegations; counters of one byte and of ten.
 */
Test(state, reads_what_was_packed)
{
    TAMGA_CLEANUP(tamga_state_value_clear) struct tamga_state_value model = {0};
    uint64_t counter[] = {1, 127, 128, UINT64_MAX}, found;
    TAMGA_BUF bytes = {0};
    struct one one;

    pack_model(&bytes, 0);
    one = holding(tamga_buf_span(&bytes), TAMGA_OK);
    cr_assert_eq(tamga_state_model(&model, &one.view, &key), TAMGA_OK);
    cr_assert(tamga_span_equal(model.name, tamga_span_text("acme")));
    cr_assert_eq(model.needed, 0);
    cr_assert_not(model.countersign);
    cr_assert(tamga_state_model_has(&model, "A"));
    cr_assert(tamga_state_model_has(&model, "B"));
    cr_assert_not(tamga_state_model_has(&model, "C"));
    cr_assert_not(tamga_state_model_has(&model, ""));

    for (size_t i = 0; i < sizeof counter / sizeof counter[0]; i++) {
        pack_latest(&bytes, counter[i]);
        one = holding(tamga_buf_span(&bytes), TAMGA_OK);
        cr_assert_eq(tamga_state_newest(&found, &one.view, &key), TAMGA_OK);
        cr_assert_eq(found, counter[i]);
    }
}

/*
 * Goal:   what is not there has its own answer; a store's failure comes through.
 * Method: a view that says NOT_FOUND, then one that says STORE_IO.
 */
Test(state, absence_is_no_damage)
{
    struct one none = holding(tamga_span(NULL, 0), TAMGA_E_NOT_FOUND);
    uint64_t counter = 7;

    cr_assert_eq(read_member(none.value, none.err), TAMGA_E_NOT_MEMBER);
    cr_assert_eq(read_model(none.value, none.err), TAMGA_E_NOT_FOUND);
    cr_assert_eq(tamga_state_newest(&counter, &none.view, &key), TAMGA_OK);
    cr_assert_eq(counter, 0);
    cr_assert_eq(read_member(none.value, TAMGA_E_STORE_IO), TAMGA_E_STORE_IO);
    cr_assert_eq(read_model(none.value, TAMGA_E_STORE_IO), TAMGA_E_STORE_IO);
    cr_assert_eq(read_newest(none.value, TAMGA_E_STORE_IO), TAMGA_E_STORE_IO);
}

/*
 * Goal:   damage is told, and nothing is read beyond a value's end.
 * Method: cut a good value at every length that is no field's end; unknown fields, fields of
 *         another type, hashes of another length, a varint that is too long.
 */
Test(state, damage_is_told)
{
    static const uint8_t bad[][14] = {
        {3, 0x3a, 1, 'x'}, {2, 0x18, 1}, {6, 0x0d, 1, 2, 3, 4, 5}, {3, 0x0a, 3, 'x'},
        {12, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0},
        {3, 0x10, 0x80, 0},
    };
    TAMGA_BUF latest = {0}, model = {0};

    pack_latest(&latest, 300);
    for (size_t len = 0; len < latest.len; len++)
        cr_assert_eq(read_newest(tamga_span(latest.data, len), TAMGA_OK), TAMGA_E_STORE_CORRUPT,
                     "%zu", len);
    pack_model(&model, 0); /* 6 bytes of owner, twice 3 of hardware */
    for (size_t len = 1; len < model.len; len++)
        cr_assert_eq(read_model(tamga_span(model.data, len), TAMGA_OK),
                     len == 6 || len == 9 ? TAMGA_OK : TAMGA_E_STORE_CORRUPT, "%zu", len);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tamga_span value = tamga_span(bad[i] + 1, bad[i][0]);

        cr_assert_eq(read_member(value, TAMGA_OK), TAMGA_E_STORE_CORRUPT, "%zu", i);
        cr_assert_eq(read_model(value, TAMGA_OK), TAMGA_E_STORE_CORRUPT, "%zu", i);
        cr_assert_eq(read_newest(value, TAMGA_OK), TAMGA_E_STORE_CORRUPT, "%zu", i);
    }
}
