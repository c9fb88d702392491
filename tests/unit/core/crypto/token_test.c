/* core/crypto/token.c, against SoftHSM: keys on a token sign as those in files do, and what is
 * wrong with a URI, a PIN, a token or a key is said. */
#include <criterion/criterion.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/key.h"
#include "crypto/recipient.h"
#include "crypto/secret.h"
#include "crypto/token.h"
#include "token.h"

#define MODULE "module-path=" TEST_TOKEN_MODULE

static char folder[32];

static void put(const char *name, const char *text, mode_t mode)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    cr_assert_eq(chmod(path, mode), 0);
}

static void token_make(void)
{
    strcpy(folder, "/tmp/tamga-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert(test_token_make(folder));
    cr_assert(test_token_key(folder, "EC:prime256v1", "01", "release"));
    put("pin", TEST_TOKEN_PIN "\n", 0600);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static void token_drop(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(token, .init = token_make, .fini = token_drop, .timeout = 60);

/* pkcs11:WHAT?pin-source=FOLDER/PIN&module-path=SoftHSM */
static const char *uri(const char *what, const char *pin)
{
    static char out[512];

    if (pin == NULL)
        snprintf(out, sizeof out, "pkcs11:%s?" MODULE, what);
    else
        snprintf(out, sizeof out, "pkcs11:%s?pin-source=file:%s/%s&" MODULE, what, folder, pin);
    return out;
}

static struct tamga_private_key *load(const char *name, const char *passphrase)
{
    struct tamga_private_key *key = NULL;
    struct tamga_detail detail = {""};

    cr_assert_eq(tamga_private_key_load(&key, name, passphrase, &detail), TAMGA_OK, "%s",
                 detail.text);
    return key;
}

static void refused(const char *name, const char *passphrase, enum tamga_err want,
                    const char *why)
{
    struct tamga_private_key *key = NULL;
    struct tamga_detail detail = {""};

    cr_assert_eq(tamga_private_key_load(&key, name, passphrase, &detail), want, "%s: %s", name,
                 detail.text);
    cr_assert_null(key);
    cr_assert_not_null(strstr(detail.text, why), "\"%s\" has no \"%s\"", detail.text, why);
    cr_assert_null(strstr(detail.text, TEST_TOKEN_PIN));
}

/* Do `count` signatures of the key verify by half, and by no other digest? */
static bool signs_for(const struct tamga_private_key *key, const struct tamga_public_key *half,
                      unsigned count)
{
    struct tamga_hash digest = {{0}};
    struct tamga_signature signature;

    for (unsigned i = 0; i < count; i++) {
        digest.byte[0] = (uint8_t)i;
        if (tamga_private_key_sign(key, &digest, &signature) != TAMGA_OK ||
            tamga_public_key_verify(half, &digest, &signature) != TAMGA_OK)
            return false;
    }
    digest.byte[31] ^= 1;
    return tamga_public_key_verify(half, &digest, &signature) == TAMGA_E_BAD_SIGNATURE;
}

/* The public half has been through a file. */
static bool signs(const struct tamga_private_key *key, unsigned count)
{
    struct tamga_public_key *half = NULL;
    char path[64];
    bool fine;

    snprintf(path, sizeof path, "%s/key.pub", folder);
    unlink(path);
    cr_assert_eq(tamga_public_key_save(tamga_private_key_public(key), path, NULL), TAMGA_OK);
    cr_assert_eq(tamga_public_key_load(&half, path, NULL), TAMGA_OK);
    fine = signs_for(key, half, count);
    tamga_public_key_free(half);
    return fine;
}

/*
 * Goal:   a P-256 key signs as one in a file does: r and s of 32 bytes, low S.
 * Method: 64 signatures: half of what tokens make has a high S, which verifying refuses.
 */
Test(token, p256)
{
    struct tamga_private_key *key = load(uri("token=acme;object=release", "pin"), NULL);

    cr_assert_eq(tamga_public_key_type(tamga_private_key_public(key)), TAMGA_KEY_P256);
    cr_assert(signs(key, 64));
    tamga_private_key_free(key);
}

/*
 * Goal:   an RSA-3072 key signs by PSS with a salt of 32.
 * Method: verifying takes nothing else.
 */
Test(token, rsa3072)
{
    struct tamga_private_key *key;

    cr_assert(test_token_key(folder, "rsa:3072", "02", "big"));
    key = load(uri("token=acme;id=%02", "pin"), NULL);
    cr_assert_eq(tamga_public_key_type(tamga_private_key_public(key)), TAMGA_KEY_RSA3072);
    cr_assert(signs(key, 4));
    tamga_private_key_free(key);
}

/*
 * Goal:   the same with memory guarded, and again after the key was freed and loaded anew.
 * Method: guard first, as programs do.
 */
Test(token, in_a_guarded_process)
{
    struct tamga_detail why = {""};

    cr_assert(tamga_secret_guard(&why), "%s", why.text);
    for (int i = 0; i < 3; i++) {
        struct tamga_private_key *key = load(uri("token=acme;object=release", "pin"), NULL);

        cr_assert(signs(key, 8));
        tamga_private_key_free(key);
    }
}

static void *sign_many(void *key)
{
    return signs_for(key, tamga_private_key_public(key), 50) ? key : NULL;
}

/*
 * Goal:   threads share a key.
 * Method: four of them sign at once.
 */
Test(token, threads)
{
    struct tamga_private_key *key = load(uri("token=acme;object=release", "pin"), NULL);
    pthread_t thread[4];

    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, sign_many, key), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;

        cr_assert_eq(pthread_join(thread[i], &result), 0);
        cr_assert_eq(result, key);
    }
    tamga_private_key_free(key);
}

/*
 * Goal:   the PIN comes from the URI's file or is the passphrase; the URI goes first. A wrong
 *         one is tried once, and said; no PIN is none of the token's business.
 * Method: wrong and right in turn; the right one still opens after each wrong one.
 */
Test(token, pins)
{
    static const char what[] = "token=acme;object=release";

    put("wrong", "nonsense\n", 0600);
    put("open", TEST_TOKEN_PIN "\n", 0644);
    refused(uri(what, "wrong"), NULL, TAMGA_E_KEY_FILE, "wrong PIN");
    refused(uri(what, "wrong"), TEST_TOKEN_PIN, TAMGA_E_KEY_FILE, "wrong PIN");
    refused(uri(what, NULL), "nonsense", TAMGA_E_KEY_FILE, "wrong PIN");
    refused(uri(what, NULL), "1", TAMGA_E_KEY_FILE, "wrong PIN");
    refused(uri(what, NULL), NULL, TAMGA_E_KEY_FILE, "its PIN is needed");
    refused(uri(what, "open"), NULL, TAMGA_E_KEY_FILE, "chmod 600");
    refused(uri(what, "absent"), NULL, TAMGA_E_FILE_IO, "No such file");
    tamga_private_key_free(load(uri(what, NULL), TEST_TOKEN_PIN));
    tamga_private_key_free(load(uri(what, "pin"), "not looked at"));
}

/*
 * Goal:   what is not there is said: the token, the key on it.
 * Method: other names; then the right one, with the same PIN.
 */
Test(token, absent)
{
    refused(uri("token=other;object=release", "pin"), NULL, TAMGA_E_KEY_FILE, "no such token");
    refused(uri("token=acme;object=other", "pin"), NULL, TAMGA_E_KEY_FILE,
            "the token is there, but no such key");
    refused(uri("token=acme;object=release;id=%07", "pin"), NULL, TAMGA_E_KEY_FILE,
            "the token is there, but no such key");
    tamga_private_key_free(load(uri("token=acme;object=release;type=private", "pin"), NULL));
}

/*
 * Goal:   no PIN is tried on tokens of which it may not be the PIN.
 * Method: two tokens of one label; one of them by its serial number is none of that name.
 */
Test(token, two_tokens)
{
    cr_assert_eq(system("softhsm2-util --init-token --free --label acme --pin 9999-9999 "
                        "--so-pin 87654321 >/dev/null"),
                 0);
    refused(uri("token=acme;object=release", "pin"), NULL, TAMGA_E_KEY_FILE,
            "no such token, more than one");
    refused(uri("token=acme;serial=0;object=release", "pin"), NULL, TAMGA_E_KEY_FILE,
            "no such token");
}

/*
 * Goal:   keys that are none of ours are refused, though they can sign.
 * Method: RSA-2048 and P-384.
 */
Test(token, other_keys)
{
    cr_assert(test_token_key(folder, "rsa:2048", "03", "small"));
    cr_assert(test_token_key(folder, "EC:secp384r1", "04", "large"));
    refused(uri("token=acme;object=small", "pin"), NULL, TAMGA_E_KEY_FILE,
            "not a P-256 or RSA-3072 key");
    refused(uri("token=acme;object=large", "pin"), NULL, TAMGA_E_KEY_FILE,
            "not a P-256 or RSA-3072 key");
}

/*
 * Goal:   without the engine, or without the module, that is said, with what to install.
 * Method: OpenSSL looks for engines where OPENSSL_ENGINES says; another module's name.
 */
Test(token, no_engine)
{
    cr_assert_eq(setenv("OPENSSL_ENGINES", folder, 1), 0);
    refused(uri("token=acme;object=release", "pin"), NULL, TAMGA_E_KEY_FILE,
            "libengine-pkcs11-openssl");
    cr_assert_eq(unsetenv("OPENSSL_ENGINES"), 0);
}

Test(token, no_module)
{
    refused("pkcs11:object=x?module-path=/absent.so", "1234", TAMGA_E_KEY_FILE,
            "its module is not found");
    refused("pkcs11:object=x", "1234", TAMGA_E_KEY_FILE, "the same module-path: /absent.so");
}

/*
 * Goal:   what is no URI that we take is refused before any token is asked.
 * Method: each form of mistake. A PIN in the URI itself is one.
 */
Test(token, uris)
{
    static const char *const bad[] = {
        "pkcs11:", "pkcs11:token=acme", "pkcs11:object=release;slot-id=1",
        "pkcs11:token=acme;object=release;pin-value=1234", "pkcs11:release",
    };
    static const char *const bad_query[] = {
        "pin-source=|cat", "pin-source=pin", "pin-source=", "module-path=%0", "module-path=%00",
        "module-path=%zz", "module-name=softhsm", "x",
    };
    char text[TAMGA_TOKEN_URI_MAX + 1];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refused(bad[i], "1234", TAMGA_E_KEY_FILE, "object= or id=");
    for (size_t i = 0; i < sizeof bad_query / sizeof bad_query[0]; i++) {
        snprintf(text, sizeof text, "pkcs11:object=release?%s", bad_query[i]);
        refused(text, "1234", TAMGA_E_KEY_FILE, "after the ? are accepted");
    }
    refused("pkcs11:object=x?pin-value=1234", NULL, TAMGA_E_KEY_FILE, "name that by pin-source");
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "pkcs11:object=", 14);
    text[sizeof text - 1] = '\0';
    refused(text, "1234", TAMGA_E_KEY_FILE, "longer than 1023 characters");
    cr_assert(tamga_token_is_named("pkcs11:object=x"));
    cr_assert_not(tamga_token_is_named("pkcs11.pem"));
    cr_assert(tamga_private_key_is_locked("pkcs11:object=x"));
    cr_assert_not(tamga_private_key_is_locked("pkcs11:object=x?pin-source=/x"));
}

/*
 * Goal:   keys that open images are files: that is said.
 * Method: a URI for one.
 */
Test(token, no_recipients)
{
    struct tamga_recipient_key *key = NULL;
    struct tamga_detail detail = {""};

    cr_assert_eq(tamga_recipient_key_load(&key, "pkcs11:object=x", NULL, &detail),
                 TAMGA_E_KEY_FILE);
    cr_assert_not_null(strstr(detail.text, "are files"));
}
