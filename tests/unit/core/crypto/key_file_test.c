/* core/crypto/key_file.c: what is saved loads, what is wrong is KEY_FILE and why. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/key.h"
#include "vectors.h"

static char folder[32];

static void folder_make(void)
{
    strcpy(folder, "/tmp/tamga-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

/* Flat: no test makes a folder in it. */
static size_t folder_walk(bool remove_all)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    size_t count = 0;

    cr_assert_not_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        if (remove_all)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    return count;
}

static void folder_drop(void)
{
    folder_walk(true);
    rmdir(folder);
}

TestSuite(key_file, .init = folder_make, .fini = folder_drop);

static void private_free(struct tamga_private_key **key)
{
    tamga_private_key_free(*key);
}

static void public_free(struct tamga_public_key **key)
{
    tamga_public_key_free(*key);
}

#define PRIVATE_KEY TAMGA_CLEANUP(private_free) struct tamga_private_key
#define PUBLIC_KEY  TAMGA_CLEANUP(public_free) struct tamga_public_key

static const char *at(const char *name)
{
    static char path[4][64];
    static size_t next;
    char *out = path[next++ % 4];

    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

static void put(const char *path, const void *bytes, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
}

static struct tamga_private_key *generated(enum tamga_key_type type)
{
    struct tamga_private_key *key = NULL;

    cr_assert_eq(tamga_private_key_generate(&key, type), TAMGA_OK);
    return key;
}

/* Does b verify what a signs? */
static bool same_pair(const struct tamga_private_key *a,
                      const struct tamga_public_key *b)
{
    struct tamga_hash digest = {{1, 2, 3}};
    struct tamga_signature signature;

    cr_assert_eq(tamga_private_key_sign(a, &digest, &signature), TAMGA_OK);
    return tamga_public_key_verify(b, &digest, &signature) == TAMGA_OK;
}

static void load_refused(const char *path, const char *passphrase, const char *why)
{
    struct tamga_private_key *key = NULL;
    struct tamga_detail detail = {""};

    cr_assert_eq(tamga_private_key_load(&key, path, passphrase, &detail),
                 TAMGA_E_KEY_FILE);
    cr_assert_null(key);
    cr_assert_not_null(strstr(detail.text, why), "'%s' has no '%s'", detail.text, why);
    cr_assert_eq(tamga_private_key_load(&key, path, passphrase, NULL),
                 TAMGA_E_KEY_FILE);
}

/*
 * Goal:   a saved pair loads as the same pair, plain and encrypted, with the right
 *         modes, and leaves nothing beside it.
 * Method: all types; sign with the loaded key, verify with the one it came from.
 */
Test(key_file, round_trip)
{
    for (int type = TAMGA_KEY_P256; type <= TAMGA_KEY_ED25519; type++)
        for (int encrypted = 0; encrypted < 2; encrypted++) {
            const char *passphrase = encrypted ? "correct horse \xc3\xa9" : NULL;
            PRIVATE_KEY *key = generated((enum tamga_key_type)type);
            PRIVATE_KEY *loaded = NULL;
            PUBLIC_KEY *half = NULL;
            struct tamga_detail detail = {""};
            struct stat info;

            umask(encrypted ? 0077 : 0);
            cr_assert_eq(tamga_private_key_save(key, at("a.key"), passphrase, &detail),
                         TAMGA_OK, "%s", detail.text);
            cr_assert_eq(tamga_public_key_save(tamga_private_key_public(key),
                                               at("a.pub"), &detail),
                         TAMGA_OK, "%s", detail.text);
            cr_assert_eq(folder_walk(false), 2);
            cr_assert_eq(stat(at("a.key"), &info), 0);
            cr_assert_eq(info.st_mode & 07777, 0600);
            cr_assert_eq(stat(at("a.pub"), &info), 0);
            cr_assert_eq(info.st_mode & 07777, 0644);
            cr_assert_eq(
                tamga_private_key_load(&loaded, at("a.key"), passphrase, &detail),
                TAMGA_OK, "%s", detail.text);
            cr_assert_eq(tamga_public_key_load(&half, at("a.pub"), &detail), TAMGA_OK,
                         "%s", detail.text);
            cr_assert(same_pair(loaded, half));
            cr_assert(same_pair(key, tamga_private_key_public(loaded)));
            cr_assert_eq(tamga_public_key_type(half), (enum tamga_key_type)type);
            folder_walk(true);
        }
}

static bool file_has(const char *path, const char *text)
{
    TAMGA_BUF file = {0};

    cr_assert_eq(test_file_load(&file, path), TAMGA_OK);
    return strstr((const char *)file.data, text) != NULL;
}

/*
 * Goal:   the files are what other programs expect: PKCS#8 and SPKI in PEM.
 * Method: look at the labels.
 */
Test(key_file, labels)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_P256);

    cr_assert_eq(tamga_private_key_save(key, at("plain"), NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_private_key_save(key, at("locked"), "secret", NULL), TAMGA_OK);
    cr_assert_eq(tamga_public_key_save(tamga_private_key_public(key), at("pub"), NULL),
                 TAMGA_OK);
    cr_assert(file_has(at("plain"), "-----BEGIN PRIVATE KEY-----"));
    cr_assert(file_has(at("locked"), "-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    cr_assert(file_has(at("pub"), "-----BEGIN PUBLIC KEY-----"));
}

/*
 * Goal:   keys made by the openssl command load, and are the keys they should be.
 * Method: tests/vectors/crypto/key.json; the EC key there has no public half written.
 */
Test(key_file, golden_private_keys)
{
    TEST_JSON *root = test_json_load(TAMGA_TEST_VECTORS "/crypto/key.json");

    cr_assert_eq(json_array_size(root), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *entry = json_array_get(root, i);
        const char *pem = json_string_value(json_object_get(entry, "private_pem"));
        const char *want = json_string_value(json_object_get(entry, "address"));
        PRIVATE_KEY *key = NULL;
        struct tamga_address address;
        char text[TAMGA_HEX_CHARS];

        put(at("golden"), pem, strlen(pem), 0600);
        cr_assert_eq(tamga_private_key_load(&key, at("golden"), NULL, NULL), TAMGA_OK);
        tamga_public_key_address(tamga_private_key_public(key), &address);
        tamga_to_hex(text, address.hash.byte, TAMGA_HASH_BYTES);
        cr_assert_str_eq(text, want);
    }
}

/*
 * Goal:   a wrong, missing, empty or overlong passphrase is refused, and said.
 * Method: an encrypted file; nothing asks at a terminal.
 */
Test(key_file, passphrases)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_P256);
    PRIVATE_KEY *loaded = NULL;
    struct tamga_detail detail = {""};
    char longest[1002];

    memset(longest, 'x', sizeof longest);
    longest[1001] = '\0';
    cr_assert_eq(tamga_private_key_save(key, at("k"), longest, &detail),
                 TAMGA_E_KEY_FILE);
    cr_assert_eq(tamga_private_key_save(key, at("k"), "", &detail), TAMGA_E_KEY_FILE);
    cr_assert_not_null(strstr(detail.text, "passphrase"));
    cr_assert_eq(folder_walk(false), 0);
    longest[1000] = '\0';
    cr_assert_eq(tamga_private_key_save(key, at("k"), longest, &detail), TAMGA_OK);
    cr_assert_eq(tamga_private_key_load(&loaded, at("k"), longest, &detail), TAMGA_OK);
    load_refused(at("k"), NULL, "no passphrase was given");
    load_refused(at("k"), "", "passphrase");
    longest[999] = '\0';
    load_refused(at("k"), longest, "wrong passphrase");
    load_refused(at("k"), "y", "wrong passphrase");
}

/*
 * Goal:   a private key that group or others could touch is refused, with the cure.
 * Method: each of the six bits alone; 0400 is fine; a public key may be read by all.
 */
Test(key_file, modes)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_ED25519);
    PRIVATE_KEY *loaded = NULL;
    PUBLIC_KEY *half = NULL;

    cr_assert_eq(tamga_private_key_save(key, at("k"), NULL, NULL), TAMGA_OK);
    for (unsigned bit = 0; bit < 6; bit++) {
        cr_assert_eq(chmod(at("k"), 0600 | 1u << bit), 0);
        load_refused(at("k"), NULL, "chmod 600");
    }
    cr_assert_eq(chmod(at("k"), 0644), 0);
    load_refused(at("k"), NULL, "0644");
    cr_assert_eq(chmod(at("k"), 0400), 0);
    cr_assert_eq(tamga_private_key_load(&loaded, at("k"), NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_public_key_save(tamga_private_key_public(key), at("p"), NULL),
                 TAMGA_OK);
    cr_assert_eq(chmod(at("p"), 0666), 0);
    cr_assert_eq(tamga_public_key_load(&half, at("p"), NULL), TAMGA_OK);
}

/*
 * Goal:   a symbolic link is followed, and the file that it leads to is judged.
 * Method: a good one; the file's mode changes behind it; a link that leads nowhere.
 */
Test(key_file, links)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_ED25519);
    PRIVATE_KEY *loaded = NULL;

    cr_assert_eq(tamga_private_key_save(key, at("k"), NULL, NULL), TAMGA_OK);
    cr_assert_eq(symlink(at("k"), at("link")), 0);
    cr_assert_eq(tamga_private_key_load(&loaded, at("link"), NULL, NULL), TAMGA_OK);
    cr_assert(same_pair(key, tamga_private_key_public(loaded)));
    cr_assert_eq(chmod(at("k"), 0640), 0);
    load_refused(at("link"), NULL, "0640");
    cr_assert_eq(unlink(at("k")), 0);
    load_refused(at("link"), NULL, "No such file");
}

/*
 * Goal:   it is known before whether a key takes a passphrase; what cannot be read does not.
 * Method: plain and encrypted files, one that others can read, text, nothing.
 */
Test(key_file, locked)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_ED25519);

    cr_assert_eq(tamga_private_key_save(key, at("plain"), NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_private_key_save(key, at("locked"), "x", NULL), TAMGA_OK);
    put(at("text"), "hello\n", 6, 0600);
    cr_assert_not(tamga_private_key_is_locked(at("plain")));
    cr_assert(tamga_private_key_is_locked(at("locked")));
    cr_assert_not(tamga_private_key_is_locked(at("text")));
    cr_assert_not(tamga_private_key_is_locked(at("absent")));
    cr_assert_eq(chmod(at("locked"), 0644), 0);
    cr_assert_not(tamga_private_key_is_locked(at("locked")));
}

/*
 * Goal:   no file that exists is ever replaced, also not through a link, and a refused
 *         save leaves nothing behind.
 * Method: save a second key to the first's name, and to a dangling symbolic link.
 */
Test(key_file, never_overwrites)
{
    PRIVATE_KEY *first = generated(TAMGA_KEY_ED25519);
    PRIVATE_KEY *second = generated(TAMGA_KEY_ED25519);
    PRIVATE_KEY *loaded = NULL;
    const struct tamga_public_key *half = tamga_private_key_public(second);
    struct tamga_detail detail = {""};

    cr_assert_eq(tamga_private_key_save(first, at("k"), NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_private_key_save(second, at("k"), NULL, &detail),
                 TAMGA_E_KEY_FILE);
    cr_assert_not_null(strstr(detail.text, "exists"));
    cr_assert_eq(tamga_public_key_save(half, at("k"), &detail), TAMGA_E_KEY_FILE);
    cr_assert_eq(folder_walk(false), 1);
    cr_assert_eq(tamga_private_key_load(&loaded, at("k"), NULL, NULL), TAMGA_OK);
    cr_assert(same_pair(first, tamga_private_key_public(loaded)));
    cr_assert_eq(symlink(at("nowhere"), at("link")), 0);
    cr_assert_eq(tamga_private_key_save(second, at("link"), NULL, NULL),
                 TAMGA_E_KEY_FILE);
    cr_assert_neq(access(at("nowhere"), F_OK), 0);
    cr_assert_eq(folder_walk(false), 2);
}

/*
 * Goal:   what is no key file is refused for what it is, and nothing waits for ever.
 * Method: absent, a folder, a pipe without a writer, empty, text, too large, a public
 *         key for a private one and the reverse, overlong and empty names.
 */
Test(key_file, not_key_files)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_ED25519);
    struct tamga_public_key *half = NULL;
    struct tamga_detail detail = {""};
    static char big[20000], name[5000];

    load_refused(at("absent"), NULL, "No such file");
    load_refused(folder, NULL, "not a regular file");
    cr_assert_eq(mkfifo(at("pipe"), 0600), 0);
    load_refused(at("pipe"), NULL, "not a regular file");
    put(at("empty"), "", 0, 0600);
    load_refused(at("empty"), NULL, "no private key");
    put(at("text"), "hello\n", 6, 0600);
    load_refused(at("text"), NULL, "no private key");
    memset(big, '\n', sizeof big);
    put(at("big"), big, sizeof big, 0600);
    load_refused(at("big"), NULL, "no key file");
    cr_assert_eq(tamga_private_key_save(key, at("k"), NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_public_key_save(tamga_private_key_public(key), at("p"), NULL),
                 TAMGA_OK);
    cr_assert_eq(chmod(at("p"), 0600), 0);
    load_refused(at("p"), NULL, "no private key");
    cr_assert_eq(tamga_public_key_load(&half, at("k"), &detail), TAMGA_E_KEY_FILE);
    cr_assert_not_null(strstr(detail.text, "no public key"));
    cr_assert_eq(tamga_public_key_load(&half, at("absent"), &detail), TAMGA_E_KEY_FILE);
    cr_assert_null(half);
    memset(name, 'x', sizeof name - 1);
    load_refused(name, NULL, "characters");
    load_refused("", NULL, "characters");
    cr_assert_eq(tamga_private_key_save(key, name, NULL, &detail), TAMGA_E_KEY_FILE);
}

/*
 * Goal:   a folder that is not there is FILE_IO, and said.
 * Method: save both halves below a name that does not exist.
 */
Test(key_file, save_without_folder)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_ED25519);
    struct tamga_detail detail = {""};

    cr_assert_eq(tamga_private_key_save(key, at("no/k"), NULL, &detail),
                 TAMGA_E_FILE_IO);
    cr_assert_not_null(strstr(detail.text, "No such file"));
    cr_assert_eq(
        tamga_public_key_save(tamga_private_key_public(key), at("no/k"), &detail),
        TAMGA_E_FILE_IO);
}

/*
 * Goal:   a key without a folder in its path is saved where the process is.
 * Method: change into the test's folder first.
 */
Test(key_file, save_in_current_folder)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_ED25519);

    cr_assert_eq(chdir(folder), 0);
    cr_assert_eq(tamga_private_key_save(key, "bare", NULL, NULL), TAMGA_OK);
    cr_assert_eq(access(at("bare"), F_OK), 0);
    cr_assert_eq(chdir("/"), 0);
}

/*
 * Goal:   a truncated file is KEY_FILE at every length.
 * Method: cut a plain private key and a public one at each byte but the last newline;
 *         an encrypted one at every fifth.
 */
Test(key_file, truncated)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_P256);
    TAMGA_BUF plain = {0};
    TAMGA_BUF locked = {0};
    TAMGA_BUF public_half = {0};
    struct tamga_public_key *half = NULL;

    cr_assert_eq(tamga_private_key_save(key, at("k"), NULL, NULL), TAMGA_OK);
    cr_assert_eq(tamga_private_key_save(key, at("e"), "secret", NULL), TAMGA_OK);
    cr_assert_eq(tamga_public_key_save(tamga_private_key_public(key), at("p"), NULL),
                 TAMGA_OK);
    cr_assert_eq(test_file_load(&plain, at("k")), TAMGA_OK);
    cr_assert_eq(test_file_load(&locked, at("e")), TAMGA_OK);
    cr_assert_eq(test_file_load(&public_half, at("p")), TAMGA_OK);
    for (size_t len = 0; len + 1 < plain.len; len++) {
        put(at("cut"), plain.data, len, 0600);
        load_refused(at("cut"), NULL, "no private key");
    }
    for (size_t len = 0; len + 1 < locked.len; len += 5) {
        put(at("cut"), locked.data, len, 0600);
        load_refused(at("cut"), "secret", "no private key");
    }
    for (size_t len = 0; len + 1 < public_half.len; len++) {
        put(at("cut"), public_half.data, len, 0600);
        cr_assert_eq(tamga_public_key_load(&half, at("cut"), NULL), TAMGA_E_KEY_FILE);
    }
    cr_assert_null(half);
}

/*
 * Goal:   a damaged private key is KEY_FILE or works as a whole: what loads, verifies
 *         what it signs.
 * Method: flip every bit of a plain P-256 file.
 */
Test(key_file, flipped_bits)
{
    PRIVATE_KEY *key = generated(TAMGA_KEY_P256);
    TAMGA_BUF file = {0};

    cr_assert_eq(tamga_private_key_save(key, at("k"), NULL, NULL), TAMGA_OK);
    cr_assert_eq(test_file_load(&file, at("k")), TAMGA_OK);
    for (size_t bit = 0; bit < 8 * file.len; bit++) {
        PRIVATE_KEY *loaded = NULL;
        enum tamga_err err;

        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        put(at("flipped"), file.data, file.len, 0600);
        err = tamga_private_key_load(&loaded, at("flipped"), NULL, NULL);
        cr_assert(err == TAMGA_OK || err == TAMGA_E_KEY_FILE, "bit %zu: %s", bit,
                  tamga_err_name(err));
        if (err == TAMGA_OK)
            cr_assert(same_pair(loaded, tamga_private_key_public(loaded)));
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/*
 * Goal:   kinds of keys that are none of ours are refused, though they are good PEM.
 * Method: RSA-2048, P-384 and X25519, private and public files.
 */
Test(key_file, foreign_keys)
{
    EVP_PKEY *foreign[] = {EVP_RSA_gen(2048), EVP_EC_gen("P-384"),
                           EVP_PKEY_Q_keygen(NULL, NULL, "X25519")};

    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        struct tamga_public_key *half = NULL;
        struct tamga_detail detail = {""};
        FILE *file = fopen(at("k"), "w");

        cr_assert_eq(
            PEM_write_PKCS8PrivateKey(file, foreign[i], NULL, NULL, 0, NULL, NULL), 1);
        fclose(file);
        file = fopen(at("p"), "w");
        cr_assert_eq(PEM_write_PUBKEY(file, foreign[i]), 1);
        fclose(file);
        cr_assert_eq(chmod(at("k"), 0600), 0);
        load_refused(at("k"), NULL, "not a P-256, RSA-3072 or Ed25519 key");
        cr_assert_eq(tamga_public_key_load(&half, at("p"), &detail), TAMGA_E_KEY_FILE);
        cr_assert_not_null(strstr(detail.text, "not a P-256"));
        EVP_PKEY_free(foreign[i]);
    }
}
