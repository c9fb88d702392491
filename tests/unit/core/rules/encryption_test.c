/* core/rules/release.c: what a release may say of its encryption, and what its wrapped keys
 * are bound to. */
#include <criterion/criterion.h>

#include "crypto/recipient.h"
#include "fixture.h"
#include "vectors.h"
#include "wire/wire.h"

#define PLAIN_BYTES 1000u
#define MOST        (TAMGA_RECIPIENTS_MAX + 1)

/* A release that is sealed for as many as are asked for; static, for hooks to change. */
static struct sealed {
    uint8_t id[MOST][32], ephemeral[32], wrapped[48], plain_sha256[32];
    Tamga__V1__Recipient recipient[MOST], *list[MOST];
    Tamga__V1__Encryption encryption;
} sealed;

static void seal_for(Tamga__V1__Release *release, size_t count)
{
    memset(&sealed, 0, sizeof sealed);
    tamga__v1__encryption__init(&sealed.encryption);
    for (size_t i = 0; i < MOST; i++) {
        sealed.id[i][31] = (uint8_t)i;
        tamga__v1__recipient__init(&sealed.recipient[i]);
        sealed.recipient[i].key_id = tamga_wire_bytes(tamga_span(sealed.id[i], 32));
        sealed.recipient[i].ephemeral = tamga_wire_bytes(tamga_span(sealed.ephemeral, 32));
        sealed.recipient[i].wrapped = tamga_wire_bytes(tamga_span(sealed.wrapped, 48));
        sealed.list[i] = &sealed.recipient[i];
    }
    sealed.encryption.format = 1;
    sealed.encryption.n_recipients = count;
    sealed.encryption.recipients = sealed.list;
    sealed.encryption.plain_sha256 = tamga_wire_bytes(tamga_span(sealed.plain_sha256, 32));
    sealed.encryption.plain_bytes = PLAIN_BYTES;
    release->encryption = &sealed.encryption;
    release->image_bytes = tamga_sealed_bytes(PLAIN_BYTES);
}

/* ---- changes, each the smallest to a good one ---------------------------------------- */

static void none(Tamga__V1__Release *release)
{
    (void)release;
}
static void one(Tamga__V1__Release *release)
{
    release->encryption->n_recipients = 1;
}
static void most(Tamga__V1__Release *release)
{
    release->encryption->n_recipients = TAMGA_RECIPIENTS_MAX;
}
static void too_many(Tamga__V1__Release *release)
{
    release->encryption->n_recipients = TAMGA_RECIPIENTS_MAX + 1;
}
static void nobody(Tamga__V1__Release *release)
{
    release->encryption->n_recipients = 0;
}
static void no_format(Tamga__V1__Release *release)
{
    release->encryption->format = 0;
}
static void next_format(Tamga__V1__Release *release)
{
    release->encryption->format = 2;
}
static void twice(Tamga__V1__Release *release)
{
    (void)release;
    sealed.id[1][31] = 0;
}
static void descending(Tamga__V1__Release *release)
{
    (void)release;
    sealed.id[0][0] = 1;
}
static void short_id(Tamga__V1__Release *release)
{
    release->encryption->recipients[1]->key_id.len = 31;
}
static void no_ephemeral(Tamga__V1__Release *release)
{
    release->encryption->recipients[1]->ephemeral.len = 0;
}
static void short_wrap(Tamga__V1__Release *release)
{
    release->encryption->recipients[1]->wrapped.len = 47;
}
static void no_plain_hash(Tamga__V1__Release *release)
{
    release->encryption->plain_sha256.len = 0;
}
static void no_plain(Tamga__V1__Release *release)
{
    release->encryption->plain_bytes = 0;
}
static void other_plain(Tamga__V1__Release *release)
{
    release->encryption->plain_bytes++;
}
static void endless_plain(Tamga__V1__Release *release)
{
    release->encryption->plain_bytes = UINT64_MAX;
}

static const struct {
    void (*change)(Tamga__V1__Release *release);
    enum tamga_err expected;
} cases[] = {
    {none, TAMGA_OK},
    {one, TAMGA_OK},
    {most, TAMGA_OK},
    {too_many, TAMGA_E_TOO_LARGE},
    {nobody, TAMGA_E_MISSING_FIELD},
    {no_format, TAMGA_E_BAD_VALUE},
    {next_format, TAMGA_E_BAD_VALUE},
    {twice, TAMGA_E_BAD_VALUE},
    {descending, TAMGA_E_BAD_VALUE},
    {short_id, TAMGA_E_BAD_LENGTH},
    {no_ephemeral, TAMGA_E_BAD_LENGTH},
    {short_wrap, TAMGA_E_BAD_LENGTH},
    {no_plain_hash, TAMGA_E_BAD_LENGTH},
    {no_plain, TAMGA_E_BAD_VALUE},
    {other_plain, TAMGA_E_BAD_VALUE},
    {endless_plain, TAMGA_E_BAD_VALUE},
};

static size_t current;
static enum tamga_err checked;

static void check_changed(Tamga__V1__TransactionBody *body)
{
    seal_for(body->release, 2);
    cases[current].change(body->release);
    checked = tamga_release_check(body->release, NULL);
}

/*
 * Goal:   every bound on a release's encryption holds.
 * Method: a good release for two, and every smallest change to it.
 */
Test(encryption, shape)
{
    for (current = 0; current < sizeof cases / sizeof cases[0]; current++) {
        TAMGA_BUF payload = {0};

        test_release(&payload, NULL, &(struct test_release){.change = check_changed});
        cr_assert_eq(checked, cases[current].expected, "case %zu: %s", current,
                     tamga_err_name(checked));
    }
}

/*
 * Goal:   nodes take a sealed release, and hold one to its shape when it arrives.
 * Method: submit the good one, with the most recipients, and ones that are not; the wire
 *         refuses some before the rules do.
 */
Test(encryption, nodes_judge_it)
{
    static const size_t submitted[] = {2, 3, 4, 5, 7, 9, 11, 14};
    struct test_node node;

    test_node_open(&node, test_consortium());
    for (size_t i = 0; i < sizeof submitted / sizeof submitted[0]; i++) {
        TAMGA_BUF payload = {0};

        current = submitted[i];
        test_release(&payload, NULL, &(struct test_release){.change = check_changed});
        cr_assert_eq(test_submit(&node, &payload, TEST_GENESIS_MS), cases[current].expected,
                     "case %zu", current);
    }
    test_node_close(&node);
}

static void seal_it(Tamga__V1__TransactionBody *body)
{
    seal_for(body->release, 2);
}

static void seal_it_for_another(Tamga__V1__TransactionBody *body)
{
    seal_for(body->release, 2);
    sealed.wrapped[0] ^= 1;
}

/*
 * Goal:   the signature covers the encryption.
 * Method: the signature of one release on another that differs in a wrapped key.
 */
Test(encryption, is_signed)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *good = NULL, *other = NULL;
    TAMGA_BUF payload = {0}, forged = {0};
    Tamga__V1__Signed *message;
    struct test_node node;

    test_node_open(&node, test_consortium());
    test_release(&payload, NULL, &(struct test_release){.change = seal_it});
    test_release(&forged, NULL, &(struct test_release){.change = seal_it_for_another});
    cr_assert_eq(tamga_wire_unpack(&good, &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                                   tamga_buf_span(&payload), NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack(&other, &tamga__v1__signed__descriptor,
                                   TAMGA_WIRE_CANONICAL, tamga_buf_span(&forged), NULL),
                 TAMGA_OK);
    message = (Tamga__V1__Signed *)other;
    forged.len = 0;
    memcpy(message->signature->value.data, ((Tamga__V1__Signed *)good)->signature->value.data,
           message->signature->value.len);
    cr_assert_eq(tamga_wire_pack(&forged, other), TAMGA_OK);
    cr_assert_eq(test_submit(&node, &forged, TEST_GENESIS_MS), TAMGA_E_BAD_SIGNATURE);
    test_node_close(&node);
}

static const char *text_of(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));

    cr_assert_not_null(text, "%s", name);
    return text;
}

static void golden_check(const json_t *row)
{
    Tamga__V1__Release release = TAMGA__V1__RELEASE__INIT;
    struct tamga_scope network;
    struct tamga_hash expected, identity;

    release.producer = (char *)(uintptr_t)text_of(row, "producer");
    release.model = (char *)(uintptr_t)text_of(row, "model");
    release.version = (char *)(uintptr_t)text_of(row, "version");
    cr_assert_eq(test_json_u64(json_object_get(row, "counter"), &release.counter), TAMGA_OK);
    cr_assert_eq(tamga_from_hex(network.hash.byte, TAMGA_HASH_BYTES, text_of(row, "network")),
                 TAMGA_OK);
    cr_assert_eq(tamga_from_hex(expected.byte, TAMGA_HASH_BYTES, text_of(row, "identity")),
                 TAMGA_OK);
    tamga_release_identity(&identity, &network, &release);
    cr_assert(tamga_hash_equal(&identity, &expected));
    release.counter--;
    tamga_release_identity(&identity, &network, &release);
    cr_assert_not(tamga_hash_equal(&identity, &expected));
}

/*
 * Goal:   a release's identity is that of the protocol.
 * Method: what independent code made of names and counters.
 */
Test(encryption, golden_identities)
{
    char file[8][512];
    size_t files = test_vector_files("crypto", "wrap", ".json", file, 8);

    cr_assert_gt(files, 0);
    for (size_t i = 0; i < files; i++) {
        TEST_JSON *root = test_json_load(file[i]);

        cr_assert_gt(json_array_size(root), 0);
        for (size_t j = 0; j < json_array_size(root); j++)
            golden_check(json_array_get(root, j));
    }
}
