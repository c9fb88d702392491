/* core/crypto/recipient.c: a wrapped key opens for its recipient and its release alone, as
 * independent code wraps it; key files of this kind are kept apart from the others. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/key.h"
#include "crypto/recipient.h"
#include "vectors.h"

#define KEY TAMGA_CLEANUP(tamga_recipient_key_release) struct tamga_recipient_key

static const struct tamga_seal_key content = {{7, 7, 7}};
static const struct tamga_hash identity = {{1, 2, 3}};
static char folder[32], file[96], public_file[96];

static void folder_make(void)
{
    strcpy(folder, "/tmp/tamga-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/key.pem", folder);
    snprintf(public_file, sizeof public_file, "%s/key.pem.pub", folder);
}

static void folder_drop(void)
{
    unlink(file);
    unlink(public_file);
    rmdir(folder);
}

TestSuite(recipient, .init = folder_make, .fini = folder_drop);

static struct tamga_recipient_key *generated(void)
{
    struct tamga_recipient_key *key = NULL;

    cr_assert_eq(tamga_recipient_key_generate(&key), TAMGA_OK);
    return key;
}

static enum tamga_err unwrap(const struct tamga_recipient_key *key,
                             const struct tamga_wrapped_key *wrapped,
                             const struct tamga_hash *as)
{
    struct tamga_seal_key out = {{0}};
    enum tamga_err err = tamga_seal_key_unwrap(&out, key, wrapped, as);

    cr_assert_eq(memcmp(&out, &content, sizeof out) == 0, err == TAMGA_OK);
    return err;
}

/*
 * Goal:   the recipient gets the key, nobody else does, and no two wraps are alike.
 * Method: two pairs; the wrong one also with the right one's id on it.
 */
Test(recipient, opens_for_its_recipient_alone)
{
    KEY *mine = generated(), *other = generated();
    struct tamga_wrapped_key wrapped, again;

    cr_assert_eq(tamga_seal_key_wrap(&wrapped, tamga_recipient_key_public(mine), &content,
                                     &identity),
                 TAMGA_OK);
    cr_assert_eq(tamga_seal_key_wrap(&again, tamga_recipient_key_public(mine), &content,
                                     &identity),
                 TAMGA_OK);
    cr_assert_neq(memcmp(wrapped.ephemeral, again.ephemeral, sizeof wrapped.ephemeral), 0);
    cr_assert_neq(memcmp(wrapped.byte, again.byte, sizeof wrapped.byte), 0);
    cr_assert_eq(unwrap(mine, &wrapped, &identity), TAMGA_OK);
    cr_assert_eq(unwrap(other, &wrapped, &identity), TAMGA_E_NO_RECIPIENT);
    tamga_recipient_id(&wrapped.recipient, tamga_recipient_key_public(other));
    cr_assert_eq(unwrap(other, &wrapped, &identity), TAMGA_E_BAD_WRAP);
    cr_assert_eq(unwrap(mine, &wrapped, &identity), TAMGA_E_NO_RECIPIENT);
}

/*
 * Goal:   nothing of it can be changed, and it is of no use for another release.
 * Method: every bit of the wrapped key and the ephemeral key; every bit of the identity.
 */
Test(recipient, every_bit_counts)
{
    KEY *mine = generated();
    struct tamga_wrapped_key wrapped;

    cr_assert_eq(tamga_seal_key_wrap(&wrapped, tamga_recipient_key_public(mine), &content,
                                     &identity),
                 TAMGA_OK);
    for (unsigned bit = 0; bit < 8 * sizeof wrapped.byte; bit++) {
        struct tamga_wrapped_key bad = wrapped;

        bad.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(unwrap(mine, &bad, &identity), TAMGA_E_BAD_WRAP);
    }
    for (unsigned bit = 0; bit < 256; bit++) {
        struct tamga_wrapped_key bad = wrapped;
        struct tamga_hash as = identity;

        bad.ephemeral[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(unwrap(mine, &bad, &identity), TAMGA_E_BAD_WRAP);
        as.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(unwrap(mine, &wrapped, &as), TAMGA_E_BAD_WRAP);
    }
}

/*
 * Goal:   a point of small order is no key, on either side.
 * Method: zero and one as public keys, to wrap for and as ephemeral key.
 */
Test(recipient, small_points_are_refused)
{
    KEY *mine = generated();

    for (uint8_t point = 0; point < 2; point++) {
        struct tamga_recipient small = {{point}};
        struct tamga_wrapped_key wrapped;

        cr_assert_eq(tamga_seal_key_wrap(&wrapped, &small, &content, &identity),
                     TAMGA_E_BAD_KEY);
        cr_assert_eq(tamga_seal_key_wrap(&wrapped, tamga_recipient_key_public(mine), &content,
                                         &identity),
                     TAMGA_OK);
        memcpy(wrapped.ephemeral, small.byte, sizeof small.byte);
        cr_assert_eq(unwrap(mine, &wrapped, &identity), TAMGA_E_BAD_WRAP);
    }
}

static void hex_of(const json_t *row, const char *name, uint8_t *out, size_t len)
{
    cr_assert_eq(tamga_from_hex(out, len, json_string_value(json_object_get(row, name))),
                 TAMGA_OK, "%s", name);
}

static void put_file(const char *path, const json_t *row, const char *name)
{
    FILE *out = fopen(path, "w");

    cr_assert_not_null(out);
    cr_assert_geq(fputs(json_string_value(json_object_get(row, name)), out), 0);
    cr_assert_eq(fclose(out), 0);
    cr_assert_eq(chmod(path, 0600), 0);
}

static void golden_check(const json_t *row)
{
    KEY *key = NULL;
    struct tamga_recipient recipient, expected;
    struct tamga_wrapped_key wrapped;
    struct tamga_seal_key expected_content, out;
    struct tamga_hash id, as;

    put_file(file, row, "private_pem");
    put_file(public_file, row, "public_pem");
    hex_of(row, "public", expected.byte, sizeof expected.byte);
    hex_of(row, "recipient", wrapped.recipient.byte, TAMGA_HASH_BYTES);
    hex_of(row, "identity", as.byte, TAMGA_HASH_BYTES);
    hex_of(row, "ephemeral", wrapped.ephemeral, sizeof wrapped.ephemeral);
    hex_of(row, "wrapped", wrapped.byte, sizeof wrapped.byte);
    hex_of(row, "content_key", expected_content.byte, sizeof expected_content.byte);
    cr_assert_eq(tamga_recipient_key_load(&key, file, NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_recipient_load(&recipient, public_file, NULL), TAMGA_OK);
    cr_assert_eq(memcmp(&recipient, &expected, sizeof expected), 0);
    cr_assert_eq(memcmp(tamga_recipient_key_public(key), &expected, sizeof expected), 0);
    tamga_recipient_id(&id, &recipient);
    cr_assert(tamga_hash_equal(&id, &wrapped.recipient));
    cr_assert_eq(tamga_seal_key_unwrap(&out, key, &wrapped, &as), TAMGA_OK);
    cr_assert_eq(memcmp(&out, &expected_content, sizeof out), 0);
}

/*
 * Goal:   keys, ids and wrapped keys are those of the protocol.
 * Method: what independent code wrapped.
 */
Test(recipient, golden_keys)
{
    char path[8][512];
    size_t files = test_vector_files("crypto", "wrap", ".json", path, 8);

    cr_assert_gt(files, 0);
    for (size_t i = 0; i < files; i++) {
        TEST_JSON *root = test_json_load(path[i]);

        cr_assert_gt(json_array_size(root), 0);
        for (size_t j = 0; j < json_array_size(root); j++)
            golden_check(json_array_get(root, j));
    }
}

/*
 * Goal:   what is saved loads, with its passphrase; a file is never overwritten.
 * Method: save both halves, load them, save again.
 */
Test(recipient, key_files_round_trip)
{
    KEY *key = generated(), *loaded = NULL;
    struct tamga_recipient recipient;
    struct stat info;

    cr_assert_eq(tamga_recipient_key_save(key, file, "secret", NULL), TAMGA_OK);
    cr_assert_eq(tamga_recipient_save(tamga_recipient_key_public(key), public_file, NULL),
                 TAMGA_OK);
    cr_assert_eq(stat(file, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600);
    cr_assert_eq(tamga_recipient_key_load(&loaded, file, NULL, NULL), TAMGA_E_KEY_FILE);
    cr_assert_eq(tamga_recipient_key_load(&loaded, file, "wrong", NULL), TAMGA_E_KEY_FILE);
    cr_assert_eq(tamga_recipient_key_load(&loaded, file, "secret", NULL), TAMGA_OK);
    cr_assert_eq(tamga_recipient_load(&recipient, public_file, NULL), TAMGA_OK);
    cr_assert_eq(memcmp(&recipient, tamga_recipient_key_public(loaded), sizeof recipient), 0);
    cr_assert_eq(tamga_recipient_key_save(key, file, NULL, NULL), TAMGA_E_KEY_FILE);
    cr_assert_eq(tamga_recipient_save(&recipient, public_file, NULL), TAMGA_E_KEY_FILE);
}

/*
 * Goal:   keys that sign and keys that open are not taken for each other.
 * Method: an Ed25519 pair as recipient, an X25519 pair as signer.
 */
Test(recipient, other_kinds_of_key_are_refused)
{
    KEY *key = generated(), *loaded = NULL;
    struct tamga_private_key *signer = NULL, *signer_loaded = NULL;
    struct tamga_public_key *public_loaded = NULL;
    struct tamga_recipient recipient;

    cr_assert_eq(tamga_private_key_generate(&signer, TAMGA_KEY_ED25519), TAMGA_OK);
    cr_assert_eq(tamga_private_key_save(signer, file, NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_public_key_save(tamga_private_key_public(signer), public_file, NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_recipient_key_load(&loaded, file, NULL, NULL), TAMGA_E_KEY_FILE);
    cr_assert_eq(tamga_recipient_load(&recipient, public_file, NULL), TAMGA_E_KEY_FILE);
    unlink(file);
    unlink(public_file);
    cr_assert_eq(tamga_recipient_key_save(key, file, NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_recipient_save(tamga_recipient_key_public(key), public_file, NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_private_key_load(&signer_loaded, file, NULL, NULL), TAMGA_E_KEY_FILE);
    cr_assert_eq(tamga_public_key_load(&public_loaded, public_file, NULL), TAMGA_E_KEY_FILE);
    cr_assert_null(loaded);
    tamga_private_key_free(signer);
}
