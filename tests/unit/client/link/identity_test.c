/* client/link/identity.c: members' folders, strangers, encrypted keys. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_node.h"
#include "link/identity.h"

static enum tamga_err load(struct tamga_identity *out, const char *folder, const char *genesis,
                           const char *passphrase, struct tamga_detail *detail)
{
    const struct tamga_identity_options options = {folder, genesis, passphrase, NULL};

    return tamga_identity_load(out, &options, detail);
}

/*
 * Goal:   the member is found by the key's address, and a stranger is loaded as one.
 * Method: folders of a member and of a key that genesis does not know.
 */
Test(identity, finds_the_member_by_its_key)
{
    struct tamga_identity identity = {0};

    cr_assert_eq(load(&identity, fake_identity("acme"), NULL, NULL, NULL), TAMGA_OK);
    cr_assert_str_eq(identity.member->name, "acme");
    tamga_identity_clear(&identity);
    cr_assert_eq(load(&identity, fake_identity("stranger"), NULL, NULL, NULL), TAMGA_OK);
    cr_assert_null(identity.member);
    cr_assert_not_null(identity.key);
    tamga_identity_clear(&identity);
    tamga_identity_clear(&identity);
}

/*
 * Goal:   readers need no key, and nobody gets along without a genesis.
 * Method: genesis alone; neither; a folder that is not there.
 */
Test(identity, reads_with_a_genesis_alone)
{
    struct tamga_identity identity = {0};
    struct tamga_detail detail = {""};
    char path[256];

    snprintf(path, sizeof path, "%s/genesis.tamga", fake_identity("acme"));
    cr_assert_eq(load(&identity, NULL, path, NULL, NULL), TAMGA_OK);
    cr_assert_null(identity.key);
    cr_assert_null(identity.member);
    tamga_identity_clear(&identity);
    cr_assert_eq(load(&identity, NULL, NULL, NULL, &detail), TAMGA_E_USAGE);
    cr_assert_eq(load(&identity, "/tmp/tamga-absent", NULL, NULL, &detail), TAMGA_E_FILE_IO);
    cr_assert_eq(load(&identity, "/tmp/tamga-absent", path, NULL, &detail), TAMGA_E_KEY_FILE);
    cr_assert_null(identity.network);
}

/*
 * Goal:   a genesis that was cut is refused, and nothing is loaded.
 * Method: every shorter length of a good one, in steps.
 */
Test(identity, refuses_a_damaged_genesis)
{
    const struct tamga_buf *bytes = &test_network()->bytes;
    struct tamga_identity identity = {0};

    for (size_t len = 0; len < bytes->len; len += 37)
        cr_assert_neq(load(&identity, NULL, fake_file(bytes->data, len), NULL, NULL), TAMGA_OK,
                      "%zu", len);
    cr_assert_null(identity.network);
}

/*
 * Goal:   an encrypted key opens with its passphrase's file, and with nothing else.
 * Method: right, wrong, none; the file's first line counts.
 */
Test(identity, opens_an_encrypted_key)
{
    struct tamga_identity identity = {0};
    struct tamga_detail detail = {""};
    const char *folder = fake_identity("softco");
    char path[256], right[128], wrong[128];

    snprintf(path, sizeof path, "%s/key.pem", folder);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(tamga_private_key_save(test_key("softco"), path, "a secret", NULL), TAMGA_OK);
    snprintf(right, sizeof right, "%s", fake_file("a secret\r\nmore", 14));
    snprintf(wrong, sizeof wrong, "%s", fake_file("another", 7));
    cr_assert_eq(chmod(right, 0600), 0);
    cr_assert_eq(chmod(wrong, 0600), 0);

    cr_assert_eq(load(&identity, folder, NULL, right, &detail), TAMGA_OK, "%s", detail.text);
    cr_assert_str_eq(identity.member->name, "softco");
    tamga_identity_clear(&identity);
    cr_assert_eq(load(&identity, folder, NULL, wrong, &detail), TAMGA_E_KEY_FILE);
    cr_assert_eq(load(&identity, folder, NULL, NULL, &detail), TAMGA_E_KEY_FILE);
    cr_assert_eq(chmod(right, 0640), 0);
    cr_assert_eq(load(&identity, folder, NULL, right, &detail), TAMGA_E_KEY_FILE);
    cr_assert_not_null(strstr(detail.text, "chmod 600"));
}
