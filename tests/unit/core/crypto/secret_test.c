/*
 * core/crypto/secret.c: where secrets are while a process works with them, and where not.
 *
 * A plain program, each case a process of its own: Criterion's main has asked OpenSSL for
 * memory before a test begins, and then it is too late to wipe what OpenSSL frees.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "crypto/key_internal.h"
#include "crypto/passphrase.h"
#include "crypto/recipient.h"
#include "crypto/secret.h"

#define NEEDLE_BYTES 16
#define MASK         0x5a
#define PIECE_BYTES  (1u << 20)
/* Of the address space under ASan, terabytes are its own. */
#define MAP_BYTES_MAX (64ul << 20)

#define CHECK(true_)                                                              \
    do {                                                                          \
        if (!(true_)) {                                                           \
            fprintf(stderr, "%s:%d: not: %s\n", __FILE__, __LINE__, #true_); \
            _exit(1);                                                             \
        }                                                                         \
    } while (0)

static char folder[] = "/tmp/tamga-test-XXXXXX";

static const char *at(const char *name)
{
    static char path[2][64];
    static unsigned next;
    char *out = path[next++ % 2];

    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

static void folder_drop(void)
{
    unlink(at("key"));
    unlink(at("pass"));
}

/* ---- looking for a secret in the whole process ------------------------------------- */

/* Never in the clear here: the search would find it. */
struct needle {
    uint8_t masked[NEEDLE_BYTES];
};

static uint8_t piece[PIECE_BYTES + NEEDLE_BYTES];
static int memory; /* our own; opened before the guard, after which only root may */

/* Every byte of the process comes here some times: not instrumented as well. */
#define FAST __attribute__((no_sanitize("address", "undefined")))

FAST static bool is_at(const struct needle *needle, const uint8_t *bytes, bool reversed)
{
    for (size_t i = 0; i < NEEDLE_BYTES; i++)
        if ((bytes[reversed ? NEEDLE_BYTES - 1 - i : i] ^ MASK) != needle->masked[i])
            return false;
    return true;
}

/* OpenSSL's numbers lie with their lowest byte first. */
FAST static void count_in(const struct needle *needle, uintptr_t from, size_t len,
                          unsigned *guarded, unsigned *elsewhere)
{
    const uint8_t first = needle->masked[0] ^ MASK;

    for (size_t i = 0; i + NEEDLE_BYTES <= len; i++) {
        if (piece[i] != first && piece[i + NEEDLE_BYTES - 1] != first)
            continue;
        if (!is_at(needle, piece + i, false) && !is_at(needle, piece + i, true))
            continue;
        if (tamga_secret_is_guarded((const void *)(from + i)))
            (*guarded)++;
        else
            (*elsewhere)++;
    }
}

static void search_map(const struct needle *needle, uintptr_t from, uintptr_t until,
                       unsigned *guarded, unsigned *elsewhere)
{
    for (; from < until; from += PIECE_BYTES) {
        size_t want = until - from < sizeof piece ? until - from : sizeof piece;
        ssize_t got = pread(memory, piece, want, (off_t)from);

        if (got > 0)
            count_in(needle, from, (size_t)got, guarded, elsewhere);
        explicit_bzero(piece, sizeof piece);
    }
}

/* How often it is in locked memory, and in all other that can be written. */
static void search(const struct needle *needle, unsigned *guarded, unsigned *elsewhere)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096];

    CHECK(maps != NULL);
    *guarded = *elsewhere = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, until;
        char mode[5];

        CHECK(sscanf(line, "%lx-%lx %4s", &from, &until, mode) == 3);
        if (mode[0] == 'r' && mode[1] == 'w' && until - from <= MAP_BYTES_MAX)
            search_map(needle, from, until, guarded, elsewhere);
    }
    fclose(maps);
}

/* ---- secrets that another process has made ------------------------------------------- */

static void number_of(uint8_t out[NEEDLE_BYTES], const EVP_PKEY *pkey, const char *name)
{
    BIGNUM *number = NULL;
    uint8_t bytes[512];
    size_t len = sizeof bytes;

    if (name == NULL) {
        CHECK(EVP_PKEY_get_raw_private_key(pkey, bytes, &len) == 1);
    } else {
        CHECK(EVP_PKEY_get_bn_param(pkey, name, &number) == 1);
        CHECK(BN_bn2bin(number, bytes) >= NEEDLE_BYTES);
    }
    memcpy(out, bytes, NEEDLE_BYTES);
}

static EVP_PKEY *pkey_new(const char *type)
{
    if (strcmp(type, "P-256") == 0)
        return EVP_EC_gen(type);
    return strcmp(type, "RSA") == 0 ? EVP_RSA_gen(3072) : EVP_PKEY_Q_keygen(NULL, NULL, type);
}

static void make(int answer, const char *type, const char *number, bool encrypted)
{
    EVP_PKEY *pkey = pkey_new(type);
    uint8_t secret[2][NEEDLE_BYTES], word[9];
    char passphrase[NEEDLE_BYTES + 1];
    FILE *file = fopen(at("pass"), "w");

    CHECK(pkey != NULL && file != NULL);
    CHECK(tamga_random(word, sizeof word) == TAMGA_OK);
    tamga_to_hex(passphrase, word, NEEDLE_BYTES / 2);
    fputs(passphrase, file);
    fclose(file);
    chmod(at("pass"), 0600);
    CHECK(tamga_pem_private_save(pkey, at("key"), encrypted ? passphrase : NULL, NULL) ==
                 TAMGA_OK);
    number_of(secret[0], pkey, number);
    memcpy(secret[1], passphrase, NEEDLE_BYTES);
    for (size_t i = 0; i < sizeof secret; i++)
        ((uint8_t *)secret)[i] ^= MASK;
    CHECK(write(answer, secret, sizeof secret) == (ssize_t)sizeof secret);
}

/* Needles for the key's number and the passphrase. */
static void made_elsewhere(struct needle out[2], const char *type, const char *number,
                           bool encrypted)
{
    int answer[2], status;
    pid_t child;

    memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    CHECK(memory >= 0);
    CHECK(pipe(answer) == 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        make(answer[1], type, number, encrypted);
        _exit(0);
    }
    CHECK(read(answer[0], out, 2 * sizeof *out) == (ssize_t)(2 * sizeof *out));
    CHECK(waitpid(child, &status, 0) == child);
    close(answer[0]);
    close(answer[1]);
}

static void guard(void)
{
    struct tamga_detail why = {""};

    CHECK(tamga_secret_guard(&why));
}

/* Load it, work with it; then the number is in locked memory, `cached` times elsewhere, and the
 * passphrase nowhere. */
static void expect_guarded(const char *type, const char *number, bool encrypted,
                           unsigned cached)
{
    struct needle needle[2];
    struct tamga_passphrase *passphrase = NULL;
    struct tamga_private_key *key = NULL;
    struct tamga_signature signature;
    struct tamga_hash digest = {{7}};
    unsigned guarded, elsewhere;

    made_elsewhere(needle, type, number, encrypted);
    guard();
    CHECK(tamga_passphrase_read(&passphrase, at("pass"), NULL) == TAMGA_OK);
    CHECK(tamga_secret_is_guarded(passphrase));
    search(&needle[1], &guarded, &elsewhere);
    CHECK(guarded == 1);
    CHECK(elsewhere == 0);
    CHECK(tamga_private_key_load(&key, at("key"), encrypted ? passphrase->text : NULL,
                                 NULL) == TAMGA_OK);
    tamga_passphrase_free(passphrase);
    for (int i = 0; i < 3; i++)
        CHECK(tamga_private_key_sign(key, &digest, &signature) == TAMGA_OK);
    search(&needle[1], &guarded, &elsewhere);
    CHECK(guarded + elsewhere == 0);
    search(&needle[0], &guarded, &elsewhere);
    CHECK(guarded >= 1);
    CHECK(elsewhere == cached);
    tamga_private_key_free(key);
    search(&needle[0], &guarded, &elsewhere);
    CHECK(guarded + elsewhere == 0);
}

/*
 * Goal:   a key that is in use is in locked memory and nowhere else; neither is what opened
 *         it, nor anything of both once they are freed.
 * Method: another process makes key and passphrase; load, sign, free, and search all that
 *         this process can write, for the number in both byte orders, each time.
 */
static void p256_in_locked_memory_only(void)
{
    expect_guarded("P-256", OSSL_PKEY_PARAM_PRIV_KEY, true, 0);
}

static void plain_p256_in_locked_memory_only(void)
{
    expect_guarded("P-256", OSSL_PKEY_PARAM_PRIV_KEY, false, 0);
}

/* Once it has signed, OpenSSL keeps each prime as the modulus of a cached Montgomery context,
 * in ordinary memory: wiped with the key, but not locked. */
static void rsa_prime_outside_in_a_cache(void)
{
    expect_guarded("RSA", OSSL_PKEY_PARAM_RSA_FACTOR1, true, 1);
}

static void rsa_exponent_in_locked_memory_only(void)
{
    expect_guarded("RSA", OSSL_PKEY_PARAM_RSA_D, true, 0);
}

static void ed25519_in_locked_memory_only(void)
{
    expect_guarded("ED25519", NULL, true, 0);
}

/*
 * Goal:   the same for a key that opens images.
 * Method: load, unwrap, free.
 */
static void x25519_in_locked_memory_only(void)
{
    struct needle needle[2];
    struct tamga_recipient_key *key = NULL;
    struct tamga_seal_key content = {{1}}, opened;
    struct tamga_wrapped_key wrapped;
    struct tamga_hash identity = {{2}};
    unsigned guarded, elsewhere;

    made_elsewhere(needle, "X25519", NULL, false);
    guard();
    CHECK(tamga_recipient_key_load(&key, at("key"), NULL, NULL) == TAMGA_OK);
    CHECK(tamga_seal_key_wrap(&wrapped, tamga_recipient_key_public(key), &content,
                                     &identity) ==
                 TAMGA_OK);
    CHECK(tamga_seal_key_unwrap(&opened, key, &wrapped, &identity) == TAMGA_OK);
    search(&needle[0], &guarded, &elsewhere);
    CHECK(guarded >= 1);
    CHECK(elsewhere == 0);
    tamga_recipient_key_free(key);
    search(&needle[0], &guarded, &elsewhere);
    CHECK(guarded + elsewhere == 0);
}

/*
 * Goal:   the search finds what lies in the open, or the tests above would show nothing.
 * Method: without the guard, the same key is found outside.
 */
static void search_finds_what_is_not_guarded(void)
{
    struct needle needle[2];
    struct tamga_private_key *key = NULL;
    unsigned guarded, elsewhere;

    made_elsewhere(needle, "P-256", OSSL_PKEY_PARAM_PRIV_KEY, false);
    CHECK(tamga_private_key_load(&key, at("key"), NULL, NULL) == TAMGA_OK);
    search(&needle[0], &guarded, &elsewhere);
    CHECK(guarded == 0);
    CHECK(elsewhere >= 1);
    tamga_private_key_free(key);
}

/* ---- the process ------------------------------------------------------------------------ */

static unsigned long locked_kib(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    unsigned long kib = 0;
    char line[256];

    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmLck: %lu", &kib) == 1)
            break;
    fclose(file);
    return kib;
}

/*
 * Goal:   memory is locked, the process leaves no core and shows itself to nobody.
 * Method: ask the kernel; a second call changes nothing.
 */
static void process(void)
{
    guard();
    CHECK(locked_kib() >= TAMGA_SECRET_BYTES_MAX / 1024);
    CHECK(prctl(PR_GET_DUMPABLE) == 0);
    guard();
    CHECK(locked_kib() < 2 * TAMGA_SECRET_BYTES_MAX / 1024);
}

/*
 * Goal:   who debugs can say so, and memory is locked all the same.
 * Method: the environment's word for it.
 */
static void debuggable_process(void)
{
    CHECK(setenv(TAMGA_DEBUGGABLE, "1", 1) == 0);
    guard();
    CHECK(prctl(PR_GET_DUMPABLE) == 1);
    CHECK(locked_kib() >= TAMGA_SECRET_BYTES_MAX / 1024);
}

/*
 * Goal:   where no memory may be locked, that is said once, with the cure, and keys work.
 * Method: a limit of 0 for a user who is bound by it.
 */
static void without_locked_memory(void)
{
    const struct rlimit none = {0, 0};
    struct tamga_detail why = {""};
    struct tamga_private_key *key = NULL;

    CHECK(setrlimit(RLIMIT_MEMLOCK, &none) == 0);
    CHECK(geteuid() != 0 || seteuid(65534) == 0);
    CHECK(!tamga_secret_guard(&why));
    CHECK(strstr(why.text, "1024 KiB are needed, allowed are 0") != NULL);
    CHECK(strstr(why.text, "LimitMEMLOCK=") != NULL);
    CHECK(locked_kib() == 0);
    CHECK(tamga_private_key_generate(&key, TAMGA_KEY_P256) == TAMGA_OK);
    tamga_private_key_free(key);
    CHECK(getuid() != 0 || seteuid(0) == 0);
}

/*
 * Goal:   a piece that is freed is zero, and what does not fit is refused.
 * Method: locked memory stays mapped: look at it. Its first bytes are the heap's list.
 */
static void freed_is_wiped(void)
{
    uint8_t *secret;

    guard();
    secret = tamga_secret_new(1024);
    CHECK(secret != NULL);
    CHECK(tamga_secret_is_guarded(secret));
    memset(secret, 0xa5, 1024);
    tamga_secret_free(secret, 1024);
    for (size_t i = 2 * sizeof(void *); i < 1024; i++)
        CHECK(secret[i] == 0);
    CHECK(tamga_secret_new(2 * TAMGA_SECRET_BYTES_MAX) == NULL);
}

/*
 * Goal:   OpenSSL's ordinary memory keeps its contents as it grows, and can be freed.
 * Method: grow a block by steps, shrink it, free it by a size of 0.
 */
static void ordinary_memory_grows(void)
{
    uint8_t *block;

    guard();
    block = OPENSSL_malloc(16);
    memset(block, 3, 16);
    for (size_t len = 32; len <= 65536; len *= 2) {
        block = OPENSSL_realloc(block, len);
        CHECK(block != NULL);
        for (size_t i = 0; i < len / 2; i++)
            CHECK(block[i] == 3);
        memset(block, 3, len);
    }
    block = OPENSSL_realloc(block, 8);
    CHECK(block[7] == 3);
    CHECK(OPENSSL_realloc(block, 0) == NULL);
    OPENSSL_free(OPENSSL_realloc(NULL, 8));
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
#define CASE(name) {#name, name}
    CASE(p256_in_locked_memory_only),
    CASE(plain_p256_in_locked_memory_only),
    CASE(rsa_prime_outside_in_a_cache),
    CASE(rsa_exponent_in_locked_memory_only),
    CASE(ed25519_in_locked_memory_only),
    CASE(x25519_in_locked_memory_only),
    CASE(search_finds_what_is_not_guarded),
    CASE(process),
    CASE(debuggable_process),
    CASE(without_locked_memory),
    CASE(freed_is_wiped),
    CASE(ordinary_memory_grows),
};

int main(void)
{
    int failed = 0;

    unsetenv(TAMGA_DEBUGGABLE);
    if (mkdtemp(folder) == NULL)
        return 1;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pid_t child = fork();
        int status = 1;

        if (child == 0) {
            cases[i].run();
            _exit(0);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
            fprintf(stderr, "FAIL: %s\n", cases[i].name);
            failed = 1;
        }
        folder_drop();
    }
    rmdir(folder);
    return failed;
}
