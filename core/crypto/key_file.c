/*
 * Keys in PEM files. A file is complete or absent, and one that exists is never
 * replaced: losing a key is worse than being asked for another name. Knows nothing of
 * signatures.
 */
#include "crypto/key_internal.h"
#include "crypto/passphrase.h"
#include "crypto/secret.h"
#include "crypto/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#define KEY_FILE_BYTES_MAX   16384u
#define KEY_PATH_CHARS_MAX   4000u
#define PBKDF2_ROUNDS        600000 /* OWASP's figure for HMAC-SHA-256 */
#define PRIVATE_MODE         0600
#define PUBLIC_MODE          0644

/* What a file held, in locked memory. */
struct file_text {
    size_t len;
    char byte[KEY_FILE_BYTES_MAX];
};

static void text_free(struct file_text **text)
{
    tamga_secret_free(*text, sizeof **text);
}

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void bio_free(BIO **bio)
{
    BIO_free(*bio); /* a memory BIO of ours wipes what it holds */
}

static void pkey_free(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
}

static void pkcs8_free(PKCS8_PRIV_KEY_INFO **info)
{
    PKCS8_PRIV_KEY_INFO_free(*info); /* wipes */
}

static void encrypted_free(X509_SIG **encrypted)
{
    X509_SIG_free(*encrypted);
}

static enum tamga_err path_check(const char *path, struct tamga_detail *detail)
{
    size_t len = strlen(path);

    if (len == 0 || len > KEY_PATH_CHARS_MAX)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "path has %zu characters, accepted are 1 to %u", len,
                            KEY_PATH_CHARS_MAX);
    return TAMGA_OK;
}

static enum tamga_err passphrase_check(const char *passphrase, const char *path,
                                       struct tamga_detail *detail)
{
    size_t len = passphrase == NULL ? 1 : strlen(passphrase);

    if (len == 0 || len > TAMGA_PASSPHRASE_MAX)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%s: passphrase has %zu characters, accepted are 1 to %d",
                            path, len, TAMGA_PASSPHRASE_MAX);
    return TAMGA_OK;
}

/* ---- writing ---- */

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, text, len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        len -= (size_t)written;
    }
    return true;
}

/* A name that is not on disk after power loss is no saved key. */
static bool folder_sync(const char *path)
{
    char folder[KEY_PATH_CHARS_MAX + 1];
    char *slash;
    TAMGA_CLEANUP(fd_close) int fd = -1;

    strcpy(folder, path); /* path_check has bounded it */
    slash = strrchr(folder, '/');
    if (slash == NULL)
        strcpy(folder, ".");
    else
        slash[slash == folder ? 1 : 0] = '\0';
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

/* Complete, on disk, under a name of its own beside path. */
static bool write_beside(char *beside, const char *text, size_t len, mode_t mode)
{
    TAMGA_CLEANUP(fd_close) int fd = mkostemp(beside, O_CLOEXEC);
    int reason;

    if (fd < 0)
        return false;
    if (fchmod(fd, mode) == 0 && write_all(fd, text, len) && fsync(fd) == 0)
        return true;
    reason = errno;
    unlink(beside);
    errno = reason;
    return false;
}

static enum tamga_err file_save(const char *path, const char *text, size_t len,
                                mode_t mode, struct tamga_detail *detail)
{
    char beside[KEY_PATH_CHARS_MAX + sizeof ".XXXXXX"];
    int reason = 0;

    snprintf(beside, sizeof beside, "%s.XXXXXX", path);
    if (!write_beside(beside, text, len, mode))
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%s: cannot be written: %s", path,
                            strerror(errno));
    if (link(beside, path) != 0) /* rename() would replace a file that exists */
        reason = errno;
    unlink(beside);
    if (reason == EEXIST)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%s: exists already; a key file is never overwritten",
                            path);
    if (reason == 0 && !folder_sync(path)) {
        reason = errno;
        unlink(path);
    }
    if (reason != 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%s: cannot be written: %s", path,
                            strerror(reason));
    return TAMGA_OK;
}

static enum tamga_err bio_save(BIO *bio, const char *path, mode_t mode,
                               struct tamga_detail *detail)
{
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);

    if (len <= 0)
        return TAMGA_E_CRYPTO;
    return file_save(path, text, (size_t)len, mode, detail);
}

/* PKCS#8; with a passphrase by PBES2: PBKDF2 with HMAC-SHA-256, AES-256-CBC. */
static bool private_encode(BIO *bio, EVP_PKEY *pkey, const char *passphrase)
{
    TAMGA_CLEANUP(pkcs8_free) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    TAMGA_CLEANUP(encrypted_free) X509_SIG *encrypted = NULL;

    if (info == NULL)
        return false;
    if (passphrase == NULL)
        return PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) == 1;
    encrypted = PKCS8_encrypt(-1, EVP_aes_256_cbc(), passphrase,
                              (int)strlen(passphrase), NULL, 0, PBKDF2_ROUNDS, info);
    return encrypted != NULL && PEM_write_bio_PKCS8(bio, encrypted) == 1;
}

enum tamga_err tamga_pem_private_save(EVP_PKEY *pkey, const char *path,
                                      const char *passphrase,
                                      struct tamga_detail *detail)
{
    TAMGA_CLEANUP(bio_free) BIO *bio = NULL;
    enum tamga_err err = path_check(path, detail);

    if (err == TAMGA_OK)
        err = passphrase_check(passphrase, path, detail);
    if (err != TAMGA_OK)
        return err;
    bio = BIO_new(BIO_s_secmem());
    if (bio == NULL)
        return TAMGA_E_NO_MEMORY;
    if (!private_encode(bio, pkey, passphrase)) {
        ERR_clear_error();
        return TAMGA_E_CRYPTO;
    }
    return bio_save(bio, path, PRIVATE_MODE, detail);
}

enum tamga_err tamga_private_key_save(const struct tamga_private_key *key,
                                      const char *path, const char *passphrase,
                                      struct tamga_detail *detail)
{
    return tamga_pem_private_save(tamga_private_key_pkey(key), path, passphrase, detail);
}

enum tamga_err tamga_pem_public_save(struct tamga_span spki, const char *path,
                                     struct tamga_detail *detail)
{
    TAMGA_CLEANUP(bio_free) BIO *bio = NULL;
    enum tamga_err err = path_check(path, detail);

    if (err != TAMGA_OK)
        return err;
    bio = BIO_new(BIO_s_mem());
    if (bio == NULL)
        return TAMGA_E_NO_MEMORY;
    if (PEM_write_bio(bio, PEM_STRING_PUBLIC, "", spki.data, (long)spki.len) <= 0) {
        ERR_clear_error();
        return TAMGA_E_CRYPTO;
    }
    return bio_save(bio, path, PUBLIC_MODE, detail);
}

enum tamga_err tamga_public_key_save(const struct tamga_public_key *key,
                                     const char *path, struct tamga_detail *detail)
{
    return tamga_pem_public_save(tamga_public_key_spki(key), path, detail);
}

/* ---- reading ---- */

/* The open file, not the name, is judged: a name can change what it names. */
static enum tamga_err file_check(int fd, const char *path, bool secret,
                                 struct tamga_detail *detail)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return tamga_refuse(detail, TAMGA_E_KEY_FILE, "%s: not a regular file", path);
    if (secret && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return tamga_refuse(
            detail, TAMGA_E_KEY_FILE,
            "%s: has mode %04o, so others can read the key; chmod 600 it", path,
            (unsigned)(info.st_mode & 07777));
    return TAMGA_OK;
}

static enum tamga_err text_read(struct file_text *text, int fd, const char *path,
                                struct tamga_detail *detail)
{
    text->len = 0;
    while (text->len < sizeof text->byte) {
        ssize_t got = read(fd, text->byte + text->len, sizeof text->byte - text->len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return tamga_refuse(detail, TAMGA_E_FILE_IO, "%s: %s", path,
                                strerror(errno));
        if (got == 0)
            return TAMGA_OK;
        text->len += (size_t)got;
    }
    return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                        "%s: has %u bytes or more: no key file", path,
                        KEY_FILE_BYTES_MAX);
}

static enum tamga_err file_load(struct file_text **out, const char *path, bool secret,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(text_free) struct file_text *text = NULL;
    TAMGA_CLEANUP(fd_close) int fd = -1;
    enum tamga_err err = path_check(path, detail);

    if (err != TAMGA_OK)
        return err;
    /* O_NONBLOCK: opening a pipe must not wait for its writer. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE, "%s: %s", path, strerror(errno));
    err = file_check(fd, path, secret, detail);
    if (err != TAMGA_OK)
        return err;
    text = tamga_secret_new(sizeof *text);
    if (text == NULL)
        return TAMGA_E_NO_MEMORY;
    err = text_read(text, fd, path, detail);
    if (err != TAMGA_OK)
        return err;
    *out = text;
    text = NULL;
    return TAMGA_OK;
}

struct asked {
    const char *passphrase; /* NULL: none was given */
    bool was_asked;
};

/* OpenSSL asks for the passphrase of an encrypted file. Never asks at a terminal. */
static int passphrase_answer(char *out, int size, int writing, void *context)
{
    struct asked *asked = context;
    size_t len = asked->passphrase == NULL ? 0 : strlen(asked->passphrase);

    (void)writing;
    asked->was_asked = true;
    if (len == 0 || len > (size_t)size)
        return -1;
    memcpy(out, asked->passphrase, len);
    return (int)len;
}

static const char *unreadable_reason(const struct asked *asked)
{
    if (!asked->was_asked)
        return "no private key in PEM";
    if (asked->passphrase == NULL)
        return "is encrypted, and no passphrase was given";
    return "wrong passphrase, or damaged";
}

enum tamga_err tamga_pem_private_load(EVP_PKEY **out, const char *path,
                                      const char *passphrase,
                                      struct tamga_detail *detail)
{
    TAMGA_CLEANUP(text_free) struct file_text *text = NULL;
    TAMGA_CLEANUP(bio_free) BIO *bio = NULL;
    EVP_PKEY *pkey;
    struct asked asked = {.passphrase = passphrase};
    enum tamga_err err = passphrase_check(passphrase, path, detail);

    if (err == TAMGA_OK)
        err = file_load(&text, path, true, detail);
    if (err != TAMGA_OK)
        return err;
    bio = BIO_new_mem_buf(text->byte, (int)text->len);
    if (bio == NULL)
        return TAMGA_E_NO_MEMORY;
    pkey = PEM_read_bio_PrivateKey(bio, NULL, passphrase_answer, &asked);
    ERR_clear_error();
    if (pkey == NULL)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE, "%s: %s", path,
                            unreadable_reason(&asked));
    *out = pkey;
    return TAMGA_OK;
}

enum tamga_err tamga_private_key_load(struct tamga_private_key **out, const char *path,
                                      const char *passphrase,
                                      struct tamga_detail *detail)
{
    TAMGA_CLEANUP(pkey_free) EVP_PKEY *pkey = NULL;
    bool on_token = tamga_token_is_named(path);
    enum tamga_err err = on_token ? tamga_token_private_load(&pkey, path, passphrase, detail)
                                  : tamga_pem_private_load(&pkey, path, passphrase, detail);

    if (err == TAMGA_OK)
        err = tamga_private_key_wrap(out, pkey);
    if (err == TAMGA_E_BAD_KEY && on_token)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.120s: not a P-256 or RSA-3072 key that may sign, or its public "
                            "half is not on the token",
                            path);
    if (err == TAMGA_E_BAD_KEY)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%s: not a P-256, RSA-3072 or Ed25519 key, or damaged",
                            path);
    if (err == TAMGA_OK)
        pkey = NULL;
    return err;
}

bool tamga_private_key_is_locked(const char *path)
{
    static const char label[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    TAMGA_CLEANUP(text_free) struct file_text *text = NULL;

    if (tamga_token_is_named(path))
        return !tamga_token_has_pin(path);
    return file_load(&text, path, true, NULL) == TAMGA_OK &&
           memmem(text->byte, text->len, label, sizeof label - 1) != NULL;
}

enum tamga_err tamga_pem_public_load(struct tamga_buf *out, const char *path,
                                     struct tamga_detail *detail)
{
    TAMGA_CLEANUP(text_free) struct file_text *text = NULL;
    TAMGA_CLEANUP(bio_free) BIO *bio = NULL;
    unsigned char *der = NULL;
    long der_len = 0;
    enum tamga_err err = file_load(&text, path, false, detail);

    if (err != TAMGA_OK)
        return err;
    bio = BIO_new_mem_buf(text->byte, (int)text->len);
    if (bio == NULL)
        return TAMGA_E_NO_MEMORY;
    if (PEM_bytes_read_bio(&der, &der_len, NULL, PEM_STRING_PUBLIC, bio, NULL, NULL) !=
        1) {
        ERR_clear_error();
        return tamga_refuse(detail, TAMGA_E_KEY_FILE, "%s: no public key in PEM", path);
    }
    err = tamga_buf_set(out, tamga_span(der, (size_t)der_len));
    OPENSSL_free(der);
    return err;
}

enum tamga_err tamga_public_key_load(struct tamga_public_key **out, const char *path,
                                     struct tamga_detail *detail)
{
    TAMGA_BUF spki = {0};
    enum tamga_err err = tamga_pem_public_load(&spki, path, detail);

    if (err == TAMGA_OK)
        err = tamga_public_key_decode_any(out, tamga_buf_span(&spki));
    if (err == TAMGA_E_BAD_KEY)
        return tamga_refuse(
            detail, TAMGA_E_KEY_FILE,
            "%s: not a P-256, RSA-3072 or Ed25519 key in canonical form", path);
    return err;
}
